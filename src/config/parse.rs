//! Nodes become values, by the type that the table gives their key.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use url::Url;

use super::keys::{Row, Type};
use super::value::{Located, Value};
use super::{codes, yaml};
use crate::base::diagnostic::Diagnostics;
use crate::base::duration::{self, DurationError};
use crate::base::near;
use crate::base::node::{Kind, Node, Place, Plain, Scalar};

/// Whether `value` is what `key` has where it is not written.
pub(super) fn is_default(value: &Value, key: &Row) -> bool {
    if key.default.is_nothing() {
        return value.is_empty();
    }
    match (value, default_value(key)) {
        (Value::Bool(value), Some(Value::Bool(default))) => *value == default,
        (Value::Count(value), Some(Value::Count(default))) => *value == default,
        (Value::Size(value), Some(Value::Size(default))) => *value == default,
        (Value::Word(value), Some(Value::Word(default))) => *value == default,
        (Value::Duration(value), Some(Value::Duration(default))) => *value == default,
        (Value::Text(value), Some(Value::Text(default))) => *value == default,
        (Value::Texts(value), Some(Value::Texts(default))) => *value == default,
        (Value::Address(value), Some(Value::Address(default))) => *value == default,
        (Value::Url(value), Some(Value::Url(default))) => *value == default,
        _ => false,
    }
}

/// The default of `key`, read like any value; `None` where it is only described.
fn default_value(key: &Row) -> Option<Value> {
    let scalar = Scalar { text: key.default.to_string().into(), quoted: false };
    let node = Node { place: Place::default(), kind: Kind::Scalar(scalar) };
    let mut problems = Diagnostics::default();
    parse(key, &node, &mut problems)
}

/// Reads what `key` was given. `None` where it is not of the key's kind; the diagnostics say why.
pub(super) fn parse(key: &Row, node: &Node, problems: &mut Diagnostics) -> Option<Value> {
    let mut reader = Reader { key, problems };
    match key.kind {
        Type::Tree(_) | Type::Routes => Some(Value::Tree(node.clone())),
        Type::Texts => reader.texts(node).map(Value::Texts),
        Type::Map => reader.map(node).map(Value::Map),
        Type::Bool => reader.boolean(node),
        Type::Count { least, most, .. } => reader.count(node, least, most),
        Type::Size { least, .. } => reader.size(node, least),
        Type::Duration { least, most, zero } => reader.duration(node, least, most, zero.is_some()),
        Type::Choice(words) => reader.choice(node, &words.names()),
        Type::Text | Type::Path => reader.text(node).map(Value::Text),
        Type::Url => reader.url(node),
        Type::Address => reader.address(node),
    }
}

struct Reader<'a> {
    key: &'a Row,
    problems: &'a mut Diagnostics,
}

impl Reader<'_> {
    /// Says that the value is wrong; a secret one is not repeated.
    fn wrong(&mut self, node: &Node, what: &str, help: &str) {
        let name = self.key.name;
        let message = match node.text().filter(|_| !self.key.secret) {
            Some(text) if text.chars().count() <= 60 => format!("`{name}: {text}` {what}"),
            _ => format!("`{name}` {what}"),
        };
        self.problems.error(codes::VALUE, node.place, message, help);
    }

    fn scalar<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        if let Some(text) = node.text() {
            return Some(text.trim());
        }
        let message =
            format!("`{}` is {}; it must be {}", self.key.name, node.what(), self.key.kind.words());
        self.problems.error(codes::SHAPE, node.place, message, "");
        None
    }

    fn text(&mut self, node: &Node) -> Option<Located> {
        let text = self.scalar(node)?;
        Some(Located { text: text.to_owned(), place: node.place })
    }

    /// As Go's `strconv.ParseBool`, which reads Pomerium's files and environment variables.
    fn boolean(&mut self, node: &Node) -> Option<Value> {
        match self.scalar(node)? {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(Value::Bool(false)),
            _ => {
                self.wrong(node, "is neither true nor false", "write `true` or `false`");
                None
            }
        }
    }

    fn count(&mut self, node: &Node, least: usize, most: usize) -> Option<Value> {
        let number = self.scalar(node)?.parse::<usize>().ok();
        if let Some(number) = number.filter(|number| (least..=most).contains(number)) {
            return Some(Value::Count(number));
        }
        self.wrong(node, &format!("is not {}", self.key.kind.words()), "");
        None
    }

    fn size(&mut self, node: &Node, least: u64) -> Option<Value> {
        let bytes = size(self.scalar(node)?).filter(|bytes| *bytes == 0 || *bytes >= least);
        if bytes.is_none() {
            self.wrong(
                node,
                &format!("is not {}", self.key.kind.words()),
                "write it like `128MiB`",
            );
        }
        bytes.map(Value::Size)
    }

    fn duration(&mut self, node: &Node, least: u64, most: u64, zero: bool) -> Option<Value> {
        let text = self.scalar(node)?;
        let words = self.key.kind.words();
        match duration::parse(text) {
            Ok(Duration::ZERO) if zero => Some(Value::Duration(Duration::ZERO)),
            Ok(value)
                if (Duration::from_secs(least)..=Duration::from_secs(most)).contains(&value) =>
            {
                Some(Value::Duration(value))
            }
            Ok(_) => {
                self.wrong(node, &format!("is out of bounds; it must be {words}"), "");
                None
            }
            Err(DurationError::NoUnit) => {
                let help = format!("write `{text}s` for seconds, `{text}m` for minutes");
                self.wrong(node, "has no unit", &help);
                None
            }
            Err(error) => {
                self.wrong(node, &error.to_string(), "write it like `30s`, `5m` or `1h30m`");
                None
            }
        }
    }

    /// Any case; the words of a protobuf enum too (`CODEC_TYPE_AUTO`), as in Pomerium.
    fn choice(&mut self, node: &Node, words: &[&'static str]) -> Option<Value> {
        let text = self.scalar(node)?;
        let lower = text.to_ascii_lowercase();
        let plain = lower.strip_prefix(self.key.name).and_then(|rest| rest.strip_prefix('_'));
        let plain = plain.unwrap_or(&lower);
        if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(plain)) {
            return Some(Value::Word(word));
        }
        let near = near::nearest(plain, words.iter().copied());
        let help =
            near.map_or_else(|| self.key.text.to_owned(), |word| format!("did you mean `{word}`?"));
        self.wrong(node, &format!("is not {}", self.key.kind.words()), &help);
        None
    }

    fn url(&mut self, node: &Node) -> Option<Value> {
        match Url::parse(self.scalar(node)?) {
            Ok(url) if url.has_host() => Some(Value::Url(url)),
            _ => {
                self.wrong(
                    node,
                    "is not a URL",
                    "write it in full, such as `https://auth.example.com`",
                );
                None
            }
        }
    }

    fn address(&mut self, node: &Node) -> Option<Value> {
        let text = self.scalar(node)?;
        if let Some(address) = listen_address(text) {
            return Some(Value::Address(address));
        }
        let help = if text.parse::<u16>().is_ok() {
            format!(
                "write `:{text}` for every address of the machine, `127.0.0.1:{text}` for this machine alone"
            )
        } else {
            "write `:443`, `127.0.0.1:8443`, `[::1]:8443` or `localhost:8443`".to_owned()
        };
        self.wrong(node, "is not an address to listen on", &help);
        None
    }

    fn texts(&mut self, node: &Node) -> Option<Vec<Located>> {
        match &node.kind {
            Kind::Scalar(scalar) if scalar.text.trim_start().starts_with('[') => {
                let list = yaml::read_embedded(&scalar.text, node.place, self.problems)?;
                self.texts(&list)
            }
            Kind::Scalar(scalar) => Some(
                scalar
                    .text
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Located { text: item.to_owned(), place: node.place })
                    .collect(),
            ),
            Kind::List(items) => items.iter().map(|item| self.item(item)).collect(),
            Kind::Map(_) => {
                self.scalar(node);
                None
            }
        }
    }

    /// One text of a list or map; nothing is not text.
    fn item(&mut self, node: &Node) -> Option<Located> {
        let text = node.text().filter(|_| !node.is_null());
        if text.is_none() {
            let message = format!("`{}` holds {} where text is needed", self.key.name, node.what());
            self.problems.error(codes::SHAPE, node.place, message, "");
        }
        Some(Located { text: text?.to_owned(), place: node.place })
    }

    fn map(&mut self, node: &Node) -> Option<Vec<(Located, Located)>> {
        match &node.kind {
            Kind::Map(entries) => entries
                .iter()
                .map(|(name, value)| Some((self.item(name)?, self.entry(value)?)))
                .collect(),
            Kind::Scalar(scalar) if scalar.text.trim_start().starts_with('{') => {
                let map = yaml::read_embedded(&scalar.text, node.place, self.problems)?;
                self.map(&map)
            }
            Kind::Scalar(scalar) if scalar.text.is_empty() => Some(Vec::new()),
            Kind::Scalar(scalar) if scalar.text.contains(':') => self.pairs(&scalar.text, node),
            Kind::Scalar(_) | Kind::List(_) => {
                let message = format!("`{}` is {}; it must be a map", self.key.name, node.what());
                self.problems.error(
                    codes::SHAPE,
                    node.place,
                    message,
                    "write `NAME: VALUE` below it",
                );
                None
            }
        }
    }

    /// Pomerium's `HEADERS` variable: `Name:value,Name:value`.
    fn pairs(&mut self, text: &str, node: &Node) -> Option<Vec<(Located, Located)>> {
        let part = |text: &str| Located { text: text.trim().to_owned(), place: node.place };
        let pairs = text.split(',').filter(|pair| !pair.trim().is_empty()).map(|pair| {
            let (name, value) = pair.split_once(':').ok_or(pair)?;
            Ok((part(name), part(value)))
        });
        match pairs.collect() {
            Ok(pairs) => Some(pairs),
            Err::<_, &str>(piece) => {
                let message = format!("`{}`: `{}` has no `:`", self.key.name, piece.trim());
                let help = "write `NAME:VALUE,NAME:VALUE`; where a value holds a comma, write \
                            JSON: {\"NAME\": \"VALUE\"}";
                self.problems.error(codes::SHAPE, node.place, message, help);
                None
            }
        }
    }

    /// The value of a map may be empty.
    fn entry(&mut self, node: &Node) -> Option<Located> {
        match node.scalar().map(Scalar::plain) {
            Some(Plain::Null) => Some(Located { text: String::new(), place: node.place }),
            _ => self.item(node),
        }
    }
}

/// `128MiB`, `1GB`; without a unit only 0, because whoever writes a bare number meant some unit.
fn size(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 6] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
    ];
    let text = text.trim().to_ascii_lowercase();
    if text == "0" {
        return Some(0);
    }
    let (number, unit) = UNITS
        .iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?.trim_end(), *bytes)))?;
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// `:443` is every address of the machine, as in Go; `localhost` is the loopback.
fn listen_address(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix(':') {
        return Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port.parse().ok()?));
    }
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?));
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{FAMILIES, Scope, Status, find};

    fn read(name: &str, text: &str) -> Result<Value, String> {
        let mut problems = Diagnostics::default();
        let node = yaml::read(text, 0, &mut problems).unwrap();
        let key = find(Scope::Top, name).unwrap();
        parse(key, &node, &mut problems)
            .ok_or_else(|| problems.sorted().iter().map(|item| item.message.clone()).collect())
    }

    #[test]
    fn defaults_that_values_are_compared_with_can_be_read() {
        for key in FAMILIES.iter().flat_map(|family| family.keys) {
            if matches!(key.status, Status::NotYet(_) | Status::Fixed(_))
                && !key.default.is_nothing()
            {
                let default = default_value(key);
                assert!(default.is_some_and(|value| is_default(&value, key)), "{}", key.name);
            }
        }
    }

    #[test]
    fn lists_and_maps_come_in_every_form_that_pomerium_takes() {
        let texts = |text: &str| match read("idp_scopes", text).unwrap() {
            Value::Texts(items) => items.into_iter().map(|item| item.text).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        for form in ["[name, email]", "name, email", "'[\"name\", \"email\"]'", "- name\n- email"] {
            assert_eq!(texts(form), ["name", "email"], "{form}");
        }
        let map = |text: &str| match read("set_response_headers", text).unwrap() {
            Value::Map(entries) => {
                entries.into_iter().map(|(name, value)| (name.text, value.text)).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        for form in ["{A: b, C: '1'}", "'{\"A\": \"b\", \"C\": 1}'", "A: b\nC: 1", "'A:b,C:1'"] {
            assert_eq!(map(form), [("A".into(), "b".into()), ("C".into(), "1".into())], "{form}");
        }
    }

    #[test]
    fn words_are_taken_in_any_case_and_with_their_prefix() {
        for form in ["auto", "AUTO", "CODEC_TYPE_AUTO"] {
            assert!(read("codec_type", form).is_ok(), "{form}");
        }
        assert!(read("codec_type", "http4").is_err());
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("128MiB", Some(128 << 20)),
            ("1 GB", Some(1_000_000_000)),
            ("64kib", Some(65_536)),
            ("0", Some(0)),
            ("100", None),
            ("1.5GiB", None),
            ("-1MiB", None),
            ("MiB", None),
            ("99999999999GiB", None),
            ("", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn addresses_may_leave_out_the_host() {
        let address = |text: &str| match read("address", text) {
            Ok(Value::Address(address)) => address.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(address("':443'"), "[::]:443");
        assert_eq!(address("localhost:80"), "127.0.0.1:80");
        assert_eq!(address("'[::1]:80'"), "[::1]:80");
        assert!(address("443").contains("not an address"));
        assert!(address("':65536'").contains("not an address"));
    }

    #[test]
    fn t87_numbers_and_durations_have_bounds() {
        for (name, text, fine) in [
            ("xff_num_trusted_hops", "32", true),
            ("xff_num_trusted_hops", "33", false),
            ("xff_num_trusted_hops", "-1", false),
            ("xff_num_trusted_hops", "9223372036854775808", false),
            ("xff_num_trusted_hops", "1e3", false),
            ("cookie_expire", "60s", true),
            ("cookie_expire", "59s", false),
            ("cookie_expire", "0", false),
            ("cookie_expire", "8760h", true),
            ("cookie_expire", "8760h1s", false),
            ("cookie_expire", "-14h", false),
            ("cookie_expire", "14", false),
            ("timeout_idle", "0", false),
        ] {
            assert_eq!(read(name, text).is_ok(), fine, "{name}: {text}");
        }
    }
}
