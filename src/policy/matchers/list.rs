//! Matchers of a list of values.

use serde_json::Value;

use super::letters::Letters;
use super::pattern::Pattern;
use super::{operator, read_all};
use crate::base::diagnostic::Diagnostics;
use crate::base::node::{Kind, Node, Plain};
use crate::policy::codes;
use crate::policy::written::{Written, flag, wants_flag};

/// An operator of a matcher of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum ListOperator {
    Has,
    Is,
    Exclude,
    Matches,
    Exists,
}

impl ListOperator {
    pub(in crate::policy) const ALL: [Self; 5] =
        [Self::Has, Self::Is, Self::Exclude, Self::Matches, Self::Exists];

    pub(in crate::policy) fn word(self) -> &'static str {
        match self {
            Self::Has => "has",
            Self::Is => "is",
            Self::Exclude => "exclude",
            Self::Matches => "matches",
            Self::Exists => "exists",
        }
    }

    /// When it holds, and an example, for the reference page.
    pub(in crate::policy) fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::Has => ("One of the values is this one.", "has: staff"),
            Self::Is => ("There is one value alone, and it is this one.", "is: staff"),
            Self::Exclude => ("None of the values is this one.", "exclude: banned"),
            Self::Matches => (
                "One of the values is a text that matches the regular expression as a whole.",
                "matches: 'team-[0-9]+'",
            ),
            Self::Exists => {
                ("There is a value at all; with `false`: there is none.", "exists: true")
            }
        }
    }
}

/// Compares a list of values.
#[derive(Debug)]
pub(in crate::policy) struct ListMatcher {
    tests: Vec<ListTest>,
}

/// One operator with what it compares.
#[derive(Debug)]
pub(in crate::policy) enum ListTest {
    Has(Single),
    Is(Single),
    Exclude(Single),
    Matches(Pattern),
    Exists(bool),
}

/// One value in a policy, as a claim may hold it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::policy) enum Single {
    Text(Box<str>),
    Bool(bool),
    Integer(i64),
    Float(f64),
}

impl ListMatcher {
    /// One that holds where the list has `value`.
    pub(in crate::policy) fn has(value: Single) -> Self {
        Self { tests: vec![ListTest::Has(value)] }
    }

    /// Reads the data of a criterion; `adjust` sees each value before it is kept and may comment.
    pub(in crate::policy) fn read(
        written: &Written<'_>,
        adjust: &dyn Fn(&Node, ListOperator, Single, &mut Diagnostics) -> Single,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let read = |operator: ListOperator, data: &Node, diagnostics: &mut Diagnostics| {
            match operator {
                ListOperator::Exists => {
                    if flag(data).is_none() {
                        wants_flag(operator.word(), data, diagnostics);
                    }
                    return flag(data).map(ListTest::Exists);
                }
                ListOperator::Matches => {
                    let pattern = Pattern::read(data, Letters::Exact, diagnostics)?;
                    adjust(data, operator, Single::Text(pattern.text().into()), diagnostics);
                    return Some(ListTest::Matches(pattern));
                }
                ListOperator::Has | ListOperator::Is | ListOperator::Exclude => {}
            }
            let Some(value) = Single::read(data) else {
                diagnostics.error(
                    codes::DATA,
                    data.place,
                    format!("`{}` wants one value, and this is {}", operator.word(), data.what()),
                    "write one text, number or boolean; for any of several write one criterion for \
                     each under `or`",
                );
                return None;
            };
            let value = adjust(data, operator, value, diagnostics);
            Some(match operator {
                ListOperator::Is => ListTest::Is(value),
                ListOperator::Exclude => ListTest::Exclude(value),
                _ => ListTest::Has(value),
            })
        };
        let tests = match &written.data.kind {
            Kind::Map(entries) => {
                read_all(entries, written, diagnostics, |key, value, diagnostics| {
                    let operator =
                        operator(key, &ListOperator::ALL, ListOperator::word, diagnostics)?;
                    read(operator, value, diagnostics)
                })?
            }
            Kind::Scalar(_) | Kind::List(_) => {
                vec![read(ListOperator::Has, written.data, diagnostics)?]
            }
        };
        Some(Self { tests })
    }

    /// Each operator with what it compares; all of them must hold.
    pub(in crate::policy) fn tests(&self) -> &[ListTest] {
        &self.tests
    }

    /// Whether `values` match.
    pub(in crate::policy) fn matches(&self, values: &[Value]) -> bool {
        let has = |single: &Single| values.iter().any(|value| single.equals(value));
        self.tests.iter().all(|test| match test {
            ListTest::Has(single) => has(single),
            ListTest::Is(single) => has(single) && values.len() == 1,
            ListTest::Exclude(single) => !has(single),
            ListTest::Matches(pattern) => {
                values.iter().filter_map(Value::as_str).any(|text| pattern.matches(text))
            }
            ListTest::Exists(wanted) => *wanted != values.is_empty(),
        })
    }

    /// What would match, for evidence.
    pub(in crate::policy) fn wanted(&self) -> String {
        let tests = self.tests.iter().map(|test| match test {
            ListTest::Has(single) => format!("has {}", single.shown()),
            ListTest::Is(single) => format!("is only {}", single.shown()),
            ListTest::Exclude(single) => format!("has no {}", single.shown()),
            ListTest::Matches(pattern) => format!("has one that matches {:?}", pattern.text()),
            ListTest::Exists(true) => "is there".to_owned(),
            ListTest::Exists(false) => "is absent".to_owned(),
        });
        tests.collect::<Vec<_>>().join(" and ")
    }
}

impl Single {
    /// The value that was written; `None` where it is not one value, or a number that would lose
    /// digits.
    pub(in crate::policy) fn read(node: &Node) -> Option<Self> {
        let scalar = node.scalar()?;
        match scalar.plain() {
            Plain::Null => None,
            Plain::Bool(value) => Some(Self::Bool(value)),
            Plain::Integer(value) => Some(Self::Integer(value)),
            Plain::Float(value) => {
                let whole = !scalar.text.contains(['.', 'e', 'E']);
                (!whole && value.is_finite()).then_some(Self::Float(value))
            }
            Plain::Text(text) => Some(Self::Text(text.into())),
        }
    }

    /// The value in JSON, where it is one.
    pub(in crate::policy) fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::String(text) => Some(Self::Text(text.as_str().into())),
            Value::Number(number) if number.is_f64() => number.as_f64().map(Self::Float),
            Value::Number(number) => number.as_i64().map(Self::Integer),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(text), Value::String(seen)) => **text == **seen,
            (Self::Bool(wanted), Value::Bool(seen)) => wanted == seen,
            (Self::Integer(wanted), Value::Number(seen)) => match seen.as_i64() {
                Some(seen) => *wanted == seen,
                None => {
                    seen.is_f64() && float_of(*wanted).is_some_and(|w| seen.as_f64() == Some(w))
                }
            },
            (Self::Float(wanted), Value::Number(seen)) => match seen.as_i64() {
                Some(seen) => float_of(seen) == Some(*wanted),
                None => seen.is_f64() && seen.as_f64() == Some(*wanted),
            },
            _ => false,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
        }
    }
}

/// The float that is exactly this number, where every one of this size has one.
fn float_of(number: i64) -> Option<f64> {
    let small = number.unsigned_abs() < 1 << f64::MANTISSA_DIGITS;
    small.then_some(number as f64)
}
