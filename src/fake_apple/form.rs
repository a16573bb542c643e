//! Fields of a query or a posted form, read strictly: what is not properly encoded or comes twice
//! is refused.

use std::collections::HashSet;

use percent_encoding::percent_decode_str;

/// The fields of one query or body, in their order.
#[derive(Debug)]
pub(super) struct Form(Vec<Field>);

#[derive(Debug)]
struct Field {
    name: String,
    value: String,
    /// Whether the value as sent had a `+`.
    plus_sign: bool,
}

/// Why something is not a form.
#[derive(Debug)]
pub(super) enum FormError {
    /// Raw bytes, or a `%` that begins no escape, or no UTF-8.
    NotEncoded,
    /// This field comes twice.
    Doubled(String),
}

impl Form {
    pub(super) fn read(text: &str) -> Result<Self, FormError> {
        let mut fields = Vec::new();
        let mut names = HashSet::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plus_sign = value.contains('+');
            let (name, value) = (decode(name)?, decode(value)?);
            if !names.insert(name.clone()) {
                return Err(FormError::Doubled(name));
            }
            fields.push(Field { name, value, plus_sign });
        }
        Ok(Self(fields))
    }

    /// The value of a field; an empty one is none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.field(name).map(|field| field.value.as_str()).filter(|value| !value.is_empty())
    }

    /// Whether the value of a field was sent with a `+` in it.
    pub(super) fn has_plus_sign(&self, name: &str) -> bool {
        self.field(name).is_some_and(|field| field.plus_sign)
    }

    /// The first field that is not among `known`.
    pub(super) fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.0.iter().map(|field| field.name.as_str()).find(|name| !known.contains(name))
    }

    /// Names and values.
    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.0.into_iter().map(|field| (field.name, field.value)).collect()
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.name == name)
    }
}

fn decode(raw: &str) -> Result<String, FormError> {
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        let fine = match byte {
            b'%' => [rest.next(), rest.next()]
                .iter()
                .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit())),
            byte => byte.is_ascii_graphic(),
        };
        if !fine {
            return Err(FormError::NotEncoded);
        }
    }
    let spaced = raw.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| FormError::NotEncoded)?;
    Ok(decoded.into_owned())
}
