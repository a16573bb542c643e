//! A value with its place: what configuration, policies and test cases are read into. Knows no
//! YAML; a reader above makes these.

use std::sync::Arc;

/// A range of bytes in one source text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Place {
    /// Which text, as an index into [`super::diagnostic::Sources`].
    pub source: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it was written.
    pub place: Place,
    /// What was written.
    pub kind: Kind,
}

/// What a [`Node`] holds. Lists and maps are shared, so that an alias costs nothing.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Text, with or without quotes.
    Scalar(Scalar),
    /// Values in order.
    List(Arc<[Node]>),
    /// Keys with their values, in the order written; no key twice.
    Map(Arc<[(Node, Node)]>),
}

/// A scalar as it was written: `007`, `no` and `1e5` keep their spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The text after quotes and escapes are taken away.
    pub text: Arc<str>,
    /// Whether it was quoted or a block, and so is text whatever it looks like.
    pub quoted: bool,
}

/// What an unquoted scalar means by YAML's core schema (YAML 1.2.2 §10.3.2).
#[derive(Clone, Debug, PartialEq)]
pub enum Plain<'a> {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that fits 64 bits.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Everything else, and everything quoted.
    Text(&'a str),
}

impl Scalar {
    /// The meaning of this scalar.
    pub fn plain(&self) -> Plain<'_> {
        let text: &str = &self.text;
        if self.quoted {
            return Plain::Text(text);
        }
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
            "true" | "True" | "TRUE" => return Plain::Bool(true),
            "false" | "False" | "FALSE" => return Plain::Bool(false),
            _ => {}
        }
        // `inf` and `nan` are words here; Rust would read them as numbers.
        let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
            && text.contains(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
        if numeric && let Ok(number) = text.parse::<i64>() {
            return Plain::Integer(number);
        }
        if numeric && let Ok(number) = text.parse::<f64>() {
            return Plain::Float(number);
        }
        Plain::Text(text)
    }
}

impl Node {
    /// A map without entries.
    pub fn empty_map(place: Place) -> Self {
        Self { place, kind: Kind::Map(Arc::new([])) }
    }

    /// The scalar, if it is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// The text of a scalar, however it was written.
    pub fn text(&self) -> Option<&str> {
        self.scalar().map(|scalar| &*scalar.text)
    }

    /// Whether nothing was written: empty, `~` or `null` without quotes.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.plain() == Plain::Null)
    }

    /// The items, if it is a list.
    pub fn list(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            Kind::Scalar(_) | Kind::Map(_) => None,
        }
    }

    /// The entries, if it is a map.
    pub fn map(&self) -> Option<&[(Self, Self)]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            Kind::Scalar(_) | Kind::List(_) => None,
        }
    }

    /// The value under `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let mut entries = self.map()?.iter();
        entries.find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// What it is, in an operator's words: "a list", "a map", "a number".
    pub fn what(&self) -> &'static str {
        match &self.kind {
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
            Kind::Scalar(scalar) => match scalar.plain() {
                Plain::Null => "nothing",
                Plain::Bool(_) => "a boolean",
                Plain::Integer(_) | Plain::Float(_) => "a number",
                Plain::Text(_) => "text",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_mean_what_the_core_schema_says() {
        let plain =
            |text: &str| format!("{:?}", Scalar { text: text.into(), quoted: false }.plain());
        assert_eq!(plain("~"), "Null");
        assert_eq!(plain("no"), "Text(\"no\")");
        assert_eq!(plain("-7"), "Integer(-7)");
        assert_eq!(plain("1.5"), "Float(1.5)");
        assert_eq!(plain("nan"), "Text(\"nan\")");
        assert_eq!(plain("30s"), "Text(\"30s\")");
        assert_eq!(plain("."), "Text(\".\")");
        assert_eq!(Scalar { text: "true".into(), quoted: true }.plain(), Plain::Text("true"));
    }
}
