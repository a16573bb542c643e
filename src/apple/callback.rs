//! What the browser brings back from Apple: the fields of the form that Apple's page posts to us.
//!
//! Security: none of it is signed. The state says which attempt is meant, the code is worth
//! something to Apple alone, and the name is for display (T18). An `id_token` field is never looked
//! at: the one that counts comes from the token endpoint (T21).

use serde_json::Value;

use super::shown::shown;
use crate::base::secret::Secret;
use crate::wire::occurrence::Occurrence;

/// Bytes of a `code`; Apple's have about a hundred.
const CODE_LIMIT_BYTES: usize = 2048;
/// Bytes of a `state`; ours have 43.
const STATE_LIMIT_BYTES: usize = 256;
/// Bytes of `user` that are looked at.
const USER_LIMIT_BYTES: usize = 8192;
/// Bytes of a display name.
const NAME_LIMIT_BYTES: usize = 256;

/// What came back.
#[derive(Debug)]
pub enum Callback {
    /// The person agreed.
    Agreed {
        /// To be redeemed once.
        code: Secret,
        /// Which attempt it is for.
        state: String,
        /// The name from a first consent, free of control characters, 256 bytes at most.
        display_name: Option<Box<str>>,
    },
    /// The person pressed cancel.
    Cancelled {
        /// Which attempt it is for.
        state: String,
    },
    /// Apple reports something else.
    Failed {
        /// Which attempt it is for.
        state: String,
        /// The `error`, cut and escaped for a log line.
        error: String,
    },
}

/// A form that Apple does not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// A field twice: two readers could take different ones.
    #[error("a field came twice")]
    Doubled,
    /// No `state`, or one that we cannot have made.
    #[error("`state` is missing or cannot be ours")]
    State,
    /// Neither a `code` nor an `error`, or both, or a code that cannot be Apple's.
    #[error("there is not exactly one of `code` and `error`")]
    Outcome,
    /// An `iss` field (RFC 9207) that names somebody else.
    #[error("`iss` names another issuer")]
    Issuer,
}

impl Callback {
    /// Reads the fields of the form; `issuer` is the configured provider.
    ///
    /// # Errors
    /// For what Apple does not send. Unknown fields are left alone.
    pub fn read(fields: &[(String, String)], issuer: &str) -> Result<Self, CallbackError> {
        let fields = Fields(fields);
        if fields.get("iss")?.is_some_and(|named| named != issuer) {
            return Err(CallbackError::Issuer);
        }
        let state = fields.get("state")?.filter(|state| is_plain(state, STATE_LIMIT_BYTES));
        let state = state.ok_or(CallbackError::State)?.to_owned();
        let user = fields.get("user")?;
        match (fields.get("code")?, fields.get("error")?) {
            (Some(code), None) if is_plain(code, CODE_LIMIT_BYTES) => {
                let display_name = user.and_then(display_name);
                Ok(Self::Agreed { code: Secret::new(code), state, display_name })
            }
            (None, Some("user_cancelled_authorize" | "access_denied")) => {
                Ok(Self::Cancelled { state })
            }
            (None, Some(error)) => Ok(Self::Failed { state, error: shown(error) }),
            _ => Err(CallbackError::Outcome),
        }
    }
}

impl Callback {
    /// Which attempt it is for.
    pub fn state(&self) -> &str {
        match self {
            Self::Agreed { state, .. } | Self::Cancelled { state } | Self::Failed { state, .. } => {
                state
            }
        }
    }
}

struct Fields<'a>(&'a [(String, String)]);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Result<Option<&'a str>, CallbackError> {
        let values = self.0.iter().filter(|(found, _)| found == name);
        match Occurrence::of(values.map(|(_, value)| value.as_str())) {
            Occurrence::Repeated => Err(CallbackError::Doubled),
            Occurrence::Once(value) => Ok(Some(value)),
            Occurrence::Absent => Ok(None),
        }
    }
}

/// Whether a value can be an opaque token: something, not too long, of visible ASCII.
fn is_plain(text: &str, limit_bytes: usize) -> bool {
    !text.is_empty()
        && text.len() <= limit_bytes
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The name in the `user` field. Whatever is odd about the field, nobody's sign-in fails for it.
fn display_name(user: &str) -> Option<Box<str>> {
    if user.len() > USER_LIMIT_BYTES {
        tracing::debug!(bytes = user.len(), "user field ignored: too long");
        return None;
    }
    let user: Value = serde_json::from_str(user)
        .inspect_err(|error| tracing::debug!(%error, "user field ignored: no json"))
        .ok()?;
    let part = |name| user.get("name").and_then(|names| names.get(name)).and_then(Value::as_str);
    let parts = [part("firstName"), part("lastName")];
    let whole = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let clean: String = whole.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let clean: String = clean.chars().filter(|c| !is_invisible(*c)).collect();
    let words = clean.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let ends = words.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= NAME_LIMIT_BYTES).last()?;
    words.get(..end).map(|name| name.trim_end().into())
}

/// Control characters, and those that turn the direction of the text around them (UAX #9).
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{feff}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://appleid.apple.com";

    fn read(fields: &[(&str, &str)]) -> Result<Callback, CallbackError> {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Callback::read(&fields, ISSUER)
    }

    fn name(user: &str) -> Option<String> {
        match read(&[("code", "c.0.x"), ("state", "s"), ("user", user)]).unwrap() {
            Callback::Agreed { display_name, .. } => display_name.map(String::from),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn success_has_code_and_state() {
        let Callback::Agreed { code, state, display_name } =
            read(&[("state", "st"), ("code", "c0de.0.x"), ("new", "thing")]).unwrap()
        else {
            panic!()
        };
        assert_eq!((code.expose(), &*state, display_name), (&b"c0de.0.x"[..], "st", None));
    }

    #[test]
    fn failure_callback_cancelled() {
        for error in ["user_cancelled_authorize", "access_denied"] {
            let callback = read(&[("error", error), ("state", "st")]).unwrap();
            assert!(matches!(callback, Callback::Cancelled { state } if state == "st"));
        }
    }

    #[test]
    fn failure_callback_other_error() {
        let long = format!("server\r\n{}", "x".repeat(500));
        let Callback::Failed { state, error } = read(&[("error", &long), ("state", "st")]).unwrap()
        else {
            panic!()
        };
        assert_eq!(state, "st");
        assert!(error.starts_with("server\\r\\nxxx") && error.len() < 220, "{error}");
    }

    #[test]
    fn what_apple_does_not_send_is_refused() {
        let long_state = "s".repeat(257);
        let long_code = "c".repeat(2049);
        let cases: [(&[(&str, &str)], CallbackError); 14] = [
            (&[], CallbackError::State),
            (&[("code", "c")], CallbackError::State),
            (&[("error", "user_cancelled_authorize")], CallbackError::State),
            (&[("code", "c"), ("state", "")], CallbackError::State),
            (&[("code", "c"), ("state", "s s")], CallbackError::State),
            (&[("code", "c"), ("state", &long_state)], CallbackError::State),
            (&[("state", "s")], CallbackError::Outcome),
            (&[("code", ""), ("state", "s")], CallbackError::Outcome),
            (&[("code", "c\n"), ("state", "s")], CallbackError::Outcome),
            (&[("code", &long_code), ("state", "s")], CallbackError::Outcome),
            (&[("code", "c"), ("error", "e"), ("state", "s")], CallbackError::Outcome),
            (&[("code", "c"), ("code", "c"), ("state", "s")], CallbackError::Doubled),
            (&[("code", "c"), ("state", "s"), ("state", "t")], CallbackError::Doubled),
            (
                &[("code", "c"), ("user", "{}"), ("user", "{}"), ("state", "s")],
                CallbackError::Doubled,
            ),
        ];
        for (fields, expected) in cases {
            assert_eq!(read(fields).unwrap_err(), expected, "{fields:?}");
        }
    }

    #[test]
    fn t44_an_issuer_that_is_named_must_be_ours() {
        let with = |issuer| read(&[("iss", issuer), ("code", "c"), ("state", "s")]);
        assert!(with(ISSUER).is_ok());
        for other in ["", "https://account.apple.com", "https://appleid.apple.com/"] {
            assert_eq!(with(other).unwrap_err(), CallbackError::Issuer, "{other}");
        }
    }

    #[test]
    fn t18_the_user_field_gives_a_name_and_nothing_else() {
        let user = r#"{"name":{"firstName":"Ann","middleName":"B","lastName":"Lee"},"email":"ceo@corp.example","sub":"1"}"#;
        let callback = read(&[("code", "c"), ("state", "s"), ("user", user)]).unwrap();
        assert!(!format!("{callback:?}").contains("ceo"));
        assert_eq!(name(user).as_deref(), Some("Ann Lee"));
    }

    #[test]
    fn t18_a_name_is_bounded_and_free_of_tricks() {
        let named =
            |first: &str| name(&serde_json::json!({"name": {"firstName": first}}).to_string());
        assert_eq!(named("<b>\u{c4}nn</b>").as_deref(), Some("<b>\u{c4}nn</b>"));
        assert_eq!(named(" a\r\nb\u{0}\u{1b}[1m\u{2028}c ").as_deref(), Some("a b[1m c"));
        assert_eq!(named("x\u{202e}nna\u{2066}").as_deref(), Some("xnna"));
        let long = named(&format!("x{}", "\u{e4}".repeat(300))).unwrap();
        assert_eq!((long.len(), long.chars().count()), (255, 128));
    }

    #[test]
    fn failure_name_missing_or_user_malformed_fails_nothing() {
        for user in [
            "",
            "not json",
            "[]",
            "null",
            "{}",
            r#"{"name":null}"#,
            r#"{"name":"Ann"}"#,
            r#"{"name":{"firstName":1,"lastName":["x"]}}"#,
            r#"{"name":{"firstName":"","lastName":" "}}"#,
            r#"{"name":{"firstName":"\ud800"}}"#,
            &"[".repeat(5000),
            &format!(r#"{{"name":{{"firstName":"{}"}}}}"#, "x".repeat(9000)),
        ] {
            assert_eq!(name(user), None, "{user}");
        }
        assert_eq!(name(r#"{"name":{"lastName":"Lee"}}"#).as_deref(), Some("Lee"));
    }

    #[test]
    fn t21_an_id_token_in_the_form_is_not_looked_at() {
        let callback = read(&[("id_token", "x"), ("state", "s")]);
        assert_eq!(callback.unwrap_err(), CallbackError::Outcome);
        assert!(read(&[("id_token", "x"), ("code", "c"), ("state", "s")]).is_ok());
    }
}
