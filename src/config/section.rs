//! What one map of the configuration says, key by key of the table: names known, statuses obeyed,
//! values of the right kind.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use super::files::{Content, Files};
use super::keys::{self, Key, Scope, Status, Type};
use super::value::{self, Located, Value};
use super::{codes, redact, yaml};
use crate::base::diagnostic::{Diagnostics, Sources};
use crate::base::near;
use crate::base::node::{Kind, Node, Place, Scalar};

/// Looks environment variables up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Something could not be read; the diagnostics say why.
pub(super) struct Told;

/// What a configuration is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To serve: every fault is an error.
    Serve,
    /// To decide without serving: only faults in what the rules are made of are errors.
    Decide,
}

impl Purpose {
    /// Tells what was found in one key, which `decides` or not.
    pub(super) fn tell(self, found: Diagnostics, decides: bool, told: &mut Diagnostics) {
        match self {
            Self::Decide if !decides => {
                if told.warnings() < yaml::MAX_PROBLEMS {
                    told.append(found.demoted());
                }
            }
            Self::Serve | Self::Decide => told.append(found),
        }
    }
}

/// The keys of one map.
#[derive(Debug)]
pub(super) struct Section {
    /// The map itself.
    pub(super) place: Place,
    /// What it is read for.
    pub(super) purpose: Purpose,
    entries: Vec<Entry>,
    /// Keys whose value could not be read.
    broken: Vec<&'static str>,
    /// Keys that were accepted without effect.
    pub(super) ignored: Vec<String>,
    /// Whether the text holds a secret.
    pub(super) holds_secret: bool,
}

#[derive(Debug)]
struct Entry {
    key: &'static Key,
    place: Place,
    value: Value,
}

impl Section {
    /// Reads a map.
    pub(super) fn read(
        scope: Scope,
        purpose: Purpose,
        node: &Node,
        sources: &mut Sources,
        told: &mut Diagnostics,
    ) -> Self {
        let mut section = Self {
            place: node.place,
            purpose,
            entries: Vec::new(),
            broken: Vec::new(),
            ignored: Vec::new(),
            holds_secret: false,
        };
        for (name, value) in node.map().unwrap_or_default() {
            if told.errors() >= yaml::MAX_PROBLEMS {
                break;
            }
            let mut found = Diagnostics::default();
            let decides = section.take(scope, name, value, sources, &mut found);
            purpose.tell(found, decides, told);
        }
        section
    }

    /// Takes over one entry. Says whether it decides.
    fn take(
        &mut self,
        scope: Scope,
        name: &Node,
        value: &Node,
        sources: &mut Sources,
        told: &mut Diagnostics,
    ) -> bool {
        let written = name.text().unwrap_or_default();
        let Some(key) = keys::find(scope, written) else {
            return tell_unknown(scope, name, value, sources, told);
        };
        if key.secret {
            sources.mask(value.place);
            self.holds_secret = true;
        }
        // Names that differ in case alone are one key.
        if self.entry(key.name).is_some() && !key.name.ends_with('*') {
            let message = format!("`{}` is written twice", key.name);
            told.error(codes::DUPLICATE, name.place, message, "keep one of the two");
        } else {
            self.accept(key, written, name.place, value, told);
        }
        key.decides
    }

    /// Takes over the environment variables of the table; they override what the text says.
    pub(super) fn read_environment(
        &mut self,
        environment: Environment<'_>,
        sources: &mut Sources,
        told: &mut Diagnostics,
    ) {
        for key in keys::of(Scope::Top).filter(|key| !key.name.ends_with('*')) {
            if matches!(key.status, Status::Ignored(_)) {
                continue;
            }
            let mut names = vec![(key.name.to_ascii_uppercase(), None)];
            if key.name == "set_response_headers" {
                // Pomerium's own name for it.
                names.push(("HEADERS".to_owned(), None));
            }
            if let Type::Tree(fields) = key.kind {
                let name = |field: &str| format!("{}_{field}", key.name).to_ascii_uppercase();
                names.extend(fields.iter().map(|field| (name(field), Some(*field))));
            }
            for (name, field) in names {
                let Some(text) = environment(&name).filter(|text| !text.is_empty()) else {
                    continue;
                };
                let mut found = Diagnostics::default();
                if let Some(node) = variable(key, &name, &text, sources, &mut found) {
                    let node = match field {
                        Some(field) => self.with_field(key.name, field, node),
                        None => node,
                    };
                    self.entries.retain(|entry| entry.key.name != key.name);
                    self.accept(key, &name, node.place, &node, &mut found);
                }
                self.purpose.tell(found, key.decides, told);
            }
        }
    }

    fn accept(
        &mut self,
        key: &'static Key,
        written: &str,
        name: Place,
        node: &Node,
        told: &mut Diagnostics,
    ) {
        let empty = node.is_null() || node.text().is_some_and(|text| text.trim().is_empty());
        if empty {
            // Nothing written is nothing asked for; but an empty secret is a slip.
            if key.secret && key.status.is_supported() {
                let help = "write the value, or remove the key";
                told.error(codes::MISSING, name, format!("`{written}` is empty"), help);
            }
            // Security: whoever has written this believes that it is on, and that others are asked.
            if key.name == "external_auth" {
                let help = "write `trusted_peers: [127.0.0.1]` under it, or remove the key";
                told.error(codes::MISSING, name, "`external_auth` is empty".to_owned(), help);
            }
            return;
        }
        match key.status {
            Status::Ignored(_) => self.ignored.push(written.to_owned()),
            Status::Refused(instead) => {
                told.error(codes::REFUSED, name, format!("`{written}` is not accepted"), instead);
            }
            Status::Supported | Status::Ours => self.keep(key, node, told),
            // What is not served yet can be decided on.
            Status::NotYet(_) if key.decides && self.purpose == Purpose::Decide => {
                self.keep(key, node, told);
            }
            Status::NotYet(meanwhile) => {
                if value::parse(key, node, told).is_some_and(|value| !value.is_default_of(key)) {
                    let message = format!("`{written}` is not yet done{}", unless_default(key));
                    let help = format!("meanwhile: {meanwhile}");
                    told.error(codes::NOT_YET, node.place, message, help);
                    self.broken.push(key.name);
                }
            }
            Status::Fixed(why) => {
                if value::parse(key, node, told).is_some_and(|value| !value.is_default_of(key)) {
                    let message = format!("`{written}` can only be `{}`", key.default);
                    told.error(codes::REFUSED, node.place, message, why);
                }
            }
        }
    }

    /// The structure `name` as it is written, with `value` in the place of one of its fields.
    fn with_field(&self, name: &str, field: &'static str, value: Node) -> Node {
        let place = value.place;
        let written = self.tree(name).and_then(Node::map).unwrap_or_default();
        let others = written.iter().filter(|(key, _)| key.text() != Some(field)).cloned();
        let key = Kind::Scalar(Scalar { text: field.into(), quoted: true });
        let entry = (Node { place, kind: key }, value);
        let entries: Vec<_> = others.chain([entry]).collect();
        Node { place, kind: Kind::Map(entries.into()) }
    }

    fn keep(&mut self, key: &'static Key, node: &Node, told: &mut Diagnostics) {
        match value::parse(key, node, told) {
            Some(value) => self.entries.push(Entry { key, place: node.place, value }),
            None => self.broken.push(key.name),
        }
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.name == name)
    }

    /// Whether a key was written, usable or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some() || self.broken.contains(&name)
    }

    /// Where the usable value of a key was written.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        self.entry(name).map(|entry| entry.place)
    }

    pub(super) fn boolean(&self, name: &str) -> Option<bool> {
        match self.entry(name)?.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// A boolean that is false unless written.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.boolean(name).unwrap_or(false)
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.entry(name)?.value {
            Value::Integer(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn duration(&self, name: &str) -> Option<Duration> {
        match self.entry(name)?.value {
            Value::Duration(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn address(&self, name: &str) -> Option<SocketAddr> {
        match self.entry(name)?.value {
            Value::Address(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&Located> {
        match &self.entry(name)?.value {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn url(&self, name: &str) -> Option<&Url> {
        match &self.entry(name)?.value {
            Value::Url(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn texts(&self, name: &str) -> Option<&[Located]> {
        match &self.entry(name)?.value {
            Value::Texts(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn map(&self, name: &str) -> Option<&[(Located, Located)]> {
        match &self.entry(name)?.value {
            Value::Map(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn tree(&self, name: &str) -> Option<&Node> {
        match &self.entry(name)?.value {
            Value::Tree(value) => Some(value),
            _ => None,
        }
    }

    /// The value of `name`, or the content of the file that `name_file` names.
    pub(super) fn inline_or_file(
        &self,
        name: &'static str,
        content: Content,
        files: &mut Files,
        told: &mut Diagnostics,
    ) -> Result<Option<Located>, Told> {
        let file_key = format!("{name}_file");
        let inline = self.text(name);
        let file = self.text(&file_key);
        if let (Some(inline), Some(file)) = (inline, file) {
            tell_both(name, &file_key, inline.place, file.place, told);
            return Err(Told);
        }
        let Some(file) = file else { return Ok(inline.cloned()) };
        let text = files.read(&file_key, file, content, told).ok_or(Told)?;
        Ok(Some(Located { text: text.to_string(), place: file.place }))
    }
}

/// Says that two keys exclude each other.
pub(super) fn tell_both(one: &str, other: &str, at: Place, also: Place, told: &mut Diagnostics) {
    let message = format!("`{one}` and `{other}` are both written");
    told.error(codes::CONFLICT, at, message, "keep one of the two");
    told.note(also, "the other one is here");
}

fn unless_default(key: &Key) -> String {
    match key.default {
        "" => String::new(),
        default => format!("; only `{default}` is"),
    }
}

/// Says whether the key that was probably meant decides; of a key in a route that is like none, that
/// cannot be ruled out.
fn tell_unknown(
    scope: Scope,
    name: &Node,
    value: &Node,
    sources: &mut Sources,
    told: &mut Diagnostics,
) -> bool {
    let written = name.text().unwrap_or_default();
    let (here, elsewhere, there) = match scope {
        Scope::Top => ("here", Scope::Route, "it belongs into a route"),
        Scope::Route => ("in a route", Scope::Top, "it belongs to the top level of the file"),
        Scope::ExternalAuth => {
            ("in `external_auth`", Scope::Top, "it belongs to the top level of the file")
        }
    };
    let names = keys::of(scope).map(|key| key.name).filter(|name| !name.ends_with('*'));
    let near = near::nearest(written, names);
    if redact::is_secret(written) || near.is_some_and(redact::is_secret) {
        // A misspelt secret is a secret.
        sources.mask(value.place);
    }
    let misplaced = keys::find(elsewhere, written);
    let meant = misplaced.or_else(|| keys::find(scope, near?));
    let help = if misplaced.is_some() {
        there.to_owned()
    } else {
        near.map_or_else(
            || "docs/configuration.md lists every key".to_owned(),
            |near| format!("did you mean `{near}`?"),
        )
    };
    told.error(codes::UNKNOWN, name.place, format!("there is no key `{written}` {here}"), help);
    meant.map_or(scope == Scope::Route, |key| key.decides)
}

/// An environment variable as a node, in a source of its own.
fn variable(
    key: &Key,
    name: &str,
    text: &str,
    sources: &mut Sources,
    told: &mut Diagnostics,
) -> Option<Node> {
    let title = format!("environment variable {name}");
    if matches!(key.kind, Type::Routes) {
        let decoded = decode_routes(text);
        let text = decoded.as_deref().unwrap_or(text);
        let source = sources.add(title, text);
        redact::mask_lines(text, source, sources);
        return yaml::read(text, source, told);
    }
    let (source, length) = if key.secret {
        (sources.add_hidden(title), 0)
    } else {
        (sources.add(title, text), text.len())
    };
    let structured = text.starts_with(['{', '[']) && matches!(key.kind, Type::Tree(_));
    if structured {
        return yaml::read(text, source, told);
    }
    let place = Place { source, start: 0, end: u32::try_from(length).unwrap_or(u32::MAX) };
    // Text whatever it looks like: the shell knows no `null`.
    Some(Node { place, kind: Kind::Scalar(Scalar { text: text.into(), quoted: true }) })
}

/// Pomerium wants the routes of `POLICY` as base64 of YAML; plain YAML is taken too.
fn decode_routes(text: &str) -> Option<String> {
    let compact: String = text.split_whitespace().collect();
    String::from_utf8(STANDARD.decode(compact).ok()?).ok()
}
