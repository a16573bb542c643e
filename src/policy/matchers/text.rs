//! Matchers of one text.

use super::letters::Letters;
use super::pattern::Pattern;
use super::{operator, read_all};
use crate::base::diagnostic::Diagnostics;
use crate::base::node::{Kind, Node, Plain};
use crate::policy::codes;
use crate::policy::warning::Warning;
use crate::policy::written::{Written, flag, wants_flag};

/// Most values of a list that evidence shows.
const SHOWN: usize = 10;

/// An operator of a matcher of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum TextOperator {
    Is,
    Not,
    Contains,
    StartsWith,
    EndsWith,
    In,
    NotIn,
    Matches,
    Exists,
}

impl TextOperator {
    pub(in crate::policy) const ALL: [Self; 9] = [
        Self::Is,
        Self::Not,
        Self::In,
        Self::NotIn,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Matches,
        Self::Exists,
    ];

    pub(in crate::policy) fn word(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::Not => "not",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::EndsWith => "ends_with",
            Self::In => "in",
            Self::NotIn => "not_in",
            Self::Matches => "matches",
            Self::Exists => "exists",
        }
    }

    /// When it holds, and an example, for the reference page.
    pub(in crate::policy) fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::Is => ("The text is this one.", "is: ann@corp.example"),
            Self::Not => ("The text is another one.", "not: eve@corp.example"),
            Self::In => ("The text is one of these.", "in: [ann@corp.example, bob@corp.example]"),
            Self::NotIn => ("The text is none of these.", "not_in: [eve@corp.example]"),
            Self::Contains => ("This is a part of the text.", "contains: +test"),
            Self::StartsWith => ("The text begins so.", "starts_with: admin-"),
            Self::EndsWith => ("The text ends so.", "ends_with: \"@corp.example\""),
            Self::Matches => (
                "The whole text matches the regular expression.",
                "matches: '[a-z]+\\.[a-z]+@corp\\.example'",
            ),
            Self::Exists => {
                ("There is a text at all; with `false`: there is none.", "exists: true")
            }
        }
    }

    /// Whether it compares the whole text, and not a part of it.
    pub(in crate::policy) fn compares_whole(self) -> bool {
        matches!(self, Self::Is | Self::Not | Self::In | Self::NotIn)
    }

    /// Whether it holds for what is *not* written.
    pub(in crate::policy) fn is_negative(self) -> bool {
        matches!(self, Self::Not | Self::NotIn)
    }
}

/// Compares one text.
#[derive(Debug)]
pub(in crate::policy) struct TextMatcher {
    letters: Letters,
    tests: Vec<TextTest>,
}

#[derive(Debug)]
struct TextTest {
    operator: TextOperator,
    with: With,
    /// For evidence.
    wanted: String,
}

/// What a text is compared with.
#[derive(Debug)]
enum With {
    /// Sorted; lower case where case does not count.
    Texts(Vec<Box<str>>),
    Pattern(Pattern),
    Presence(bool),
}

impl TextMatcher {
    /// One that holds for each of `texts`.
    pub(in crate::policy) fn one_of(texts: &[String], letters: Letters) -> Self {
        let texts = texts.iter().map(|text| TextValue::of(text)).collect();
        Self { letters, tests: vec![TextTest::new(TextOperator::In, texts, letters)] }
    }

    /// Reads the data of a criterion; `lint` comments on each value.
    pub(in crate::policy) fn read(
        written: &Written<'_>,
        letters: Letters,
        lint: fn(&Written<'_>, TextOperator, &str) -> Option<Warning>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let mut reader = TextReader { written, letters, lint, diagnostics };
        let tests = match &written.data.kind {
            Kind::Scalar(_) => vec![reader.test(TextOperator::Is, written.data)?],
            Kind::Map(entries) => {
                let entries = reader.without_strict(entries)?;
                let letters = reader.letters;
                read_all(&entries, written, reader.diagnostics, |key, value, diagnostics| {
                    let operator =
                        operator(key, &TextOperator::ALL, TextOperator::word, diagnostics)?;
                    TextReader { written, letters, lint, diagnostics }.test(operator, value)
                })?
            }
            Kind::List(_) => {
                reader.diagnostics.error(
                    codes::DATA,
                    written.data.place,
                    format!("`{}` wants one text or a matcher, and this is a list", written.key),
                    format!("for any of several write: {}: {{in: [...]}}", written.key),
                );
                return None;
            }
        };
        Some(Self { letters: reader.letters, tests })
    }

    /// Whether `seen` matches.
    pub(in crate::policy) fn matches(&self, seen: &str) -> bool {
        self.tests.iter().all(|test| test.holds(seen, self.letters))
    }

    /// Whether it holds where there is no text: nothing does but `exists: false` by itself.
    pub(in crate::policy) fn matches_absence(&self) -> bool {
        self.tests.iter().all(|test| matches!(test.with, With::Presence(false)))
    }

    /// What would match, for evidence.
    pub(in crate::policy) fn wanted(&self) -> String {
        let tests: Vec<&str> = self.tests.iter().map(|test| test.wanted.as_str()).collect();
        tests.join(" and ")
    }

    /// Whether some test holds for what is *not* written.
    pub(in crate::policy) fn is_negative(&self) -> bool {
        self.tests.iter().any(|test| test.operator.is_negative())
    }

    /// Whether it could hold for a text that contains `part`.
    pub(in crate::policy) fn could_contain(&self, part: char) -> bool {
        self.tests.iter().all(|test| {
            let positive = matches!(test.operator, TextOperator::Is | TextOperator::In);
            match &test.with {
                With::Texts(texts) if positive => texts.iter().any(|text| text.contains(part)),
                _ => true,
            }
        })
    }
}

impl TextTest {
    fn new(operator: TextOperator, values: Vec<TextValue>, letters: Letters) -> Self {
        let shown: Vec<String> = values.iter().map(|value| value.shown.clone()).collect();
        let mut texts: Vec<Box<str>> =
            values.into_iter().filter_map(|value| value.text).map(|t| letters.fold(t)).collect();
        texts.sort_unstable();
        let words = match operator {
            TextOperator::Is => "",
            TextOperator::Not => "not ",
            TextOperator::Contains => "contains ",
            TextOperator::StartsWith => "starts with ",
            TextOperator::EndsWith => "ends with ",
            TextOperator::In => "one of ",
            TextOperator::NotIn => "none of ",
            TextOperator::Matches | TextOperator::Exists => operator.word(),
        };
        let several = matches!(operator, TextOperator::In | TextOperator::NotIn);
        let values = if several { listed(&shown) } else { shown.concat() };
        Self { operator, with: With::Texts(texts), wanted: format!("{words}{values}") }
    }

    fn holds(&self, seen: &str, letters: Letters) -> bool {
        let texts = match &self.with {
            With::Texts(texts) => texts,
            With::Pattern(pattern) => return pattern.matches(seen),
            With::Presence(wanted) => return *wanted,
        };
        let any = |test: fn(Letters, &str, &str) -> bool| {
            texts.iter().any(|text| test(letters, seen, text))
        };
        let listed = || texts.binary_search_by(|text| letters.compare(text, seen)).is_ok();
        match self.operator {
            TextOperator::Is | TextOperator::In => listed(),
            TextOperator::Not | TextOperator::NotIn => !listed(),
            TextOperator::Contains => any(Letters::contains),
            TextOperator::StartsWith => any(Letters::starts_with),
            TextOperator::EndsWith => any(Letters::ends_with),
            // Invariant: these two have no texts.
            TextOperator::Matches | TextOperator::Exists => false,
        }
    }
}

/// A value of a text matcher: the text, if it is one, and how evidence shows it.
pub(in crate::policy) struct TextValue {
    text: Option<Box<str>>,
    shown: String,
}

impl TextValue {
    fn of(text: &str) -> Self {
        Self { text: Some(text.into()), shown: format!("{text:?}") }
    }
}

struct TextReader<'a> {
    written: &'a Written<'a>,
    letters: Letters,
    lint: fn(&Written<'_>, TextOperator, &str) -> Option<Warning>,
    diagnostics: &'a mut Diagnostics,
}

impl TextReader<'_> {
    /// Takes `strict` out of a matcher, where the case of letters could count: with `true` it does.
    fn without_strict(&mut self, entries: &[(Node, Node)]) -> Option<Vec<(Node, Node)>> {
        if self.letters == Letters::Exact {
            return Some(entries.to_vec());
        }
        let (strict, rest): (Vec<_>, Vec<_>) =
            entries.iter().cloned().partition(|(key, _)| key.text() == Some("strict"));
        for (_, value) in &strict {
            match flag(value) {
                Some(true) => self.letters = Letters::Exact,
                Some(false) => {}
                None => {
                    wants_flag("strict", value, self.diagnostics);
                    return None;
                }
            }
        }
        Some(rest)
    }

    /// A test that compares with no text.
    fn other_test(&mut self, operator: TextOperator, data: &Node) -> Option<TextTest> {
        let (with, text) = if operator == TextOperator::Exists {
            let Some(presence) = flag(data) else {
                wants_flag(operator.word(), data, self.diagnostics);
                return None;
            };
            let words = if presence { "is there" } else { "is absent" };
            (With::Presence(presence), words.to_owned())
        } else {
            let pattern = Pattern::read(data, self.letters, self.diagnostics)?;
            let words = format!("matches {:?}", pattern.text());
            (With::Pattern(pattern), words)
        };
        let written = data.text().unwrap_or_default();
        if let Some(warning) = (self.lint)(self.written, operator, written) {
            warning.report(Some(data.place), self.diagnostics);
        }
        Some(TextTest { operator, with, wanted: text })
    }

    fn test(&mut self, operator: TextOperator, data: &Node) -> Option<TextTest> {
        if matches!(operator, TextOperator::Matches | TextOperator::Exists) {
            return self.other_test(operator, data);
        }
        let several = matches!(operator, TextOperator::In | TextOperator::NotIn);
        let values = match (several, &data.kind) {
            (true, Kind::List(items)) => {
                if items.is_empty() {
                    self.diagnostics.warning(
                        codes::NEVER_EQUAL,
                        data.place,
                        format!("the list of `{}` is empty", operator.word()),
                        match operator {
                            TextOperator::NotIn => "everybody is in none of nothing",
                            _ => "nothing is in it, so this never holds",
                        },
                    );
                }
                let values: Vec<_> = items.iter().map(|item| self.value(operator, item)).collect();
                values.into_iter().collect::<Option<Vec<_>>>()?
            }
            (false, Kind::Scalar(_)) => vec![self.value(operator, data)?],
            _ => {
                let wants = if several { "a list" } else { "one text" };
                let help = match operator {
                    TextOperator::Is => "for any of several write `in: [...]`".to_owned(),
                    TextOperator::Not => "for none of several write `not_in: [...]`".to_owned(),
                    _ if several => format!("write: {}: [...]", operator.word()),
                    _ => "write the text itself; for several use several criteria".to_owned(),
                };
                self.diagnostics.error(
                    codes::DATA,
                    data.place,
                    format!("`{}` wants {wants}, and this is {}", operator.word(), data.what()),
                    help,
                );
                return None;
            }
        };
        Some(TextTest::new(operator, values, self.letters))
    }

    fn value(&mut self, operator: TextOperator, item: &Node) -> Option<TextValue> {
        match item.scalar().map(|scalar| (scalar.plain(), &*scalar.text)) {
            Some((Plain::Text(text), _)) => {
                if let Some(warning) = (self.lint)(self.written, operator, text) {
                    warning.report(Some(item.place), self.diagnostics);
                } else if text.is_empty() && !operator.compares_whole() {
                    Warning::new(
                        codes::TOO_OPEN,
                        format!("`{}` with nothing holds for every text", operator.word()),
                        "write what the text must hold",
                    )
                    .report(Some(item.place), self.diagnostics);
                }
                Some(TextValue::of(text))
            }
            Some((Plain::Bool(_) | Plain::Integer(_) | Plain::Float(_), text))
                if operator.compares_whole() =>
            {
                self.diagnostics.warning(
                    codes::NEVER_EQUAL,
                    item.place,
                    format!("this is {}, and `{}` is a text", item.what(), self.written.key),
                    format!("{} never equals a text; for the text write \"{text}\"", item.what()),
                );
                Some(TextValue { text: None, shown: text.to_owned() })
            }
            _ => {
                self.diagnostics.error(
                    codes::DATA,
                    item.place,
                    format!("`{}` wants text, and this is {}", operator.word(), item.what()),
                    "write the text in quotes",
                );
                None
            }
        }
    }
}

/// The first few of many values.
fn listed(shown: &[String]) -> String {
    let first: Vec<&str> = shown.iter().take(SHOWN).map(String::as_str).collect();
    match shown.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{} and {more} more", first.join(", ")),
        _ if first.is_empty() => "nothing".to_owned(),
        _ => first.join(", "),
    }
}
