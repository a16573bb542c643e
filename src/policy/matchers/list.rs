//! Matchers of a list of values.

use serde_json::Value;

use super::{operator, read_all};
use crate::base::diagnostic::Diagnostics;
use crate::base::node::{Kind, Node, Plain};
use crate::policy::codes;
use crate::policy::criteria::Written;

/// An operator of a matcher of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum ListOperator {
    Has,
    Is,
    Exclude,
}

impl ListOperator {
    const ALL: [Self; 3] = [Self::Has, Self::Is, Self::Exclude];

    fn word(self) -> &'static str {
        match self {
            Self::Has => "has",
            Self::Is => "is",
            Self::Exclude => "exclude",
        }
    }
}

/// Compares a list of values.
#[derive(Debug)]
pub(in crate::policy) struct ListMatcher {
    tests: Vec<(ListOperator, Single)>,
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
        Self { tests: vec![(ListOperator::Has, value)] }
    }

    /// Reads the data of a criterion; `adjust` sees each value before it is kept and may comment.
    pub(in crate::policy) fn read(
        written: &Written<'_>,
        adjust: &dyn Fn(&Node, ListOperator, Single, &mut Diagnostics) -> Single,
        told: &mut Diagnostics,
    ) -> Option<Self> {
        let read = |operator: ListOperator, data: &Node, told: &mut Diagnostics| {
            let Some(value) = Single::read(data) else {
                told.error(
                    codes::DATA,
                    data.place,
                    format!("`{}` wants one value, and this is {}", operator.word(), data.what()),
                    "write one text, number or boolean; for any of several write one criterion for \
                     each under `or`",
                );
                return None;
            };
            Some((operator, adjust(data, operator, value, told)))
        };
        let tests = match &written.data.kind {
            Kind::Map(entries) => read_all(entries, written, told, |key, value, told| {
                let operator = operator(key, &ListOperator::ALL, ListOperator::word, told)?;
                read(operator, value, told)
            })?,
            Kind::Scalar(_) | Kind::List(_) => vec![read(ListOperator::Has, written.data, told)?],
        };
        Some(Self { tests })
    }

    /// Each operator with what it compares.
    pub(in crate::policy) fn tests(&self) -> &[(ListOperator, Single)] {
        &self.tests
    }

    /// Whether `values` match.
    pub(in crate::policy) fn matches(&self, values: &[Value]) -> bool {
        self.tests.iter().all(|(operator, single)| {
            let has = values.iter().any(|value| single.equals(value));
            match operator {
                ListOperator::Has => has,
                ListOperator::Is => has && values.len() == 1,
                ListOperator::Exclude => !has,
            }
        })
    }

    /// What would match, for evidence.
    pub(in crate::policy) fn wanted(&self) -> String {
        let tests = self.tests.iter().map(|(operator, single)| match operator {
            ListOperator::Has => format!("has {}", single.shown()),
            ListOperator::Is => format!("is only {}", single.shown()),
            ListOperator::Exclude => format!("has no {}", single.shown()),
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
