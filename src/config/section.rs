//! What one map of the configuration says, key by key of the table: names known, statuses obeyed,
//! values of the right kind.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::files::Files;
use super::keys::{self, File, Key, Read, Row, Scope, Status, Text, Type};
use super::value::{Located, Value};
use super::{codes, parse, redact, yaml};
use crate::base::diagnostic::{Diagnostics, Sources};
use crate::base::near;
use crate::base::node::{Kind, Node, Place, Scalar};

/// Looks environment variables up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Something could not be read; the diagnostics say why.
pub(super) struct Unreadable;

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
    pub(super) fn report(self, found: Diagnostics, decides: bool, problems: &mut Diagnostics) {
        match self {
            Self::Decide if !decides => {
                if problems.warnings() < yaml::MAX_PROBLEMS {
                    problems.append(found.demoted());
                }
            }
            Self::Serve | Self::Decide => problems.append(found),
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
    pub(super) ignored: Vec<Located>,
    /// Whether the text holds a secret.
    pub(super) holds_secret: bool,
}

#[derive(Debug)]
struct Entry {
    key: &'static Row,
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
        problems: &mut Diagnostics,
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
            if problems.errors() >= yaml::MAX_PROBLEMS {
                break;
            }
            let mut found = Diagnostics::default();
            let decides = section.take(scope, name, value, sources, &mut found);
            purpose.report(found, decides, problems);
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
        problems: &mut Diagnostics,
    ) -> bool {
        let written = name.text().unwrap_or_default();
        let Some(key) = keys::find(scope, written) else {
            return report_unknown(scope, name, value, sources, problems);
        };
        if key.secret {
            sources.mask(value.place);
            self.holds_secret = true;
        }
        // Names that differ in case alone are one key.
        if self.entry(key.name).is_some() && !key.name.ends_with('*') {
            let message = format!("`{}` is written twice", key.name);
            problems.error(codes::DUPLICATE, name.place, message, "keep one of the two");
        } else {
            refuse_empty(scope, written, name.place, value, problems);
            self.accept(key, written, name.place, value, problems);
        }
        key.decides
    }

    /// Takes over the environment variables of the table; they override what the text says.
    pub(super) fn read_environment(
        &mut self,
        environment: Environment<'_>,
        sources: &mut Sources,
        problems: &mut Diagnostics,
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
                self.purpose.report(found, key.decides, problems);
            }
        }
    }

    fn accept(
        &mut self,
        key: &'static Row,
        written: &str,
        name: Place,
        node: &Node,
        problems: &mut Diagnostics,
    ) {
        let empty = node.is_null() || node.text().is_some_and(|text| text.trim().is_empty());
        if empty {
            // Nothing written is nothing asked for; but an empty secret is a slip.
            if key.secret && key.status.is_supported() {
                let help = "write the value, or remove the key";
                problems.error(codes::MISSING, name, format!("`{written}` is empty"), help);
            }
            // Security: whoever has written this believes that it is on, and that others are asked.
            if key.name == "external_auth" {
                let help = "write `trusted_peers: [127.0.0.1]` under it, or remove the key";
                problems.error(codes::MISSING, name, "`external_auth` is empty".to_owned(), help);
            }
            return;
        }
        match key.status {
            Status::Ignored(_) => {
                self.ignored.push(Located { text: written.to_owned(), place: name });
            }
            Status::Refused(instead) => {
                problems.error(
                    codes::REFUSED,
                    name,
                    format!("`{written}` is not accepted"),
                    instead,
                );
            }
            Status::Supported | Status::Ours => self.keep(key, node, problems),
            // What is not served yet can be decided on.
            Status::NotYet(_) if key.decides && self.purpose == Purpose::Decide => {
                self.keep(key, node, problems);
            }
            Status::NotYet(meanwhile) => {
                if parse::parse(key, node, problems)
                    .is_some_and(|value| !parse::is_default(&value, key))
                {
                    let message = format!("`{written}` is not yet done{}", unless_default(key));
                    let help = format!("meanwhile: {meanwhile}");
                    problems.error(codes::NOT_YET, node.place, message, help);
                    self.broken.push(key.name);
                }
            }
            Status::Fixed(why) => {
                if parse::parse(key, node, problems)
                    .is_some_and(|value| !parse::is_default(&value, key))
                {
                    let message = format!("`{written}` can only be `{}`", key.default);
                    problems.error(codes::REFUSED, node.place, message, why);
                }
            }
        }
    }

    /// The structure `name` as it is written, with `value` in the place of one of its fields.
    fn with_field(&self, name: &str, field: &'static str, value: Node) -> Node {
        let place = value.place;
        let written = self.written(name).and_then(Node::map).unwrap_or_default();
        let others = written.iter().filter(|(key, _)| key.text() != Some(field)).cloned();
        let key = Kind::Scalar(Scalar { text: field.into(), quoted: true });
        let entry = (Node { place, kind: key }, value);
        let entries: Vec<_> = others.chain([entry]).collect();
        Node { place, kind: Kind::Map(entries.into()) }
    }

    fn keep(&mut self, key: &'static Row, node: &Node, problems: &mut Diagnostics) {
        match parse::parse(key, node, problems) {
            Some(value) => self.entries.push(Entry { key, place: node.place, value }),
            None => self.broken.push(key.name),
        }
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.name == name)
    }

    /// The structure that `name` was given.
    fn written(&self, name: &str) -> Option<&Node> {
        match &self.entry(name)?.value {
            Value::Tree(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a key, with its default where it is not written.
    pub(super) fn get<'v, R: Read>(&'v self, key: &Key<R>) -> R::Out<'v> {
        key.read.read(self.entry(key.row.name).map(|entry| &entry.value))
    }

    /// Whether a key was written, usable or not.
    pub(super) fn has(&self, key: &impl AsRef<Row>) -> bool {
        self.entry(key.as_ref().name).is_some() || self.is_broken(key)
    }

    /// Whether a key was written and its value cannot be used.
    pub(super) fn is_broken(&self, key: &impl AsRef<Row>) -> bool {
        self.broken.contains(&key.as_ref().name)
    }

    /// Whether a key was given an empty list, map or text.
    pub(super) fn is_empty(&self, key: &impl AsRef<Row>) -> bool {
        self.entry(key.as_ref().name).is_some_and(|entry| entry.value.is_empty())
    }

    /// Where the usable value of a key was written.
    pub(super) fn place(&self, key: &impl AsRef<Row>) -> Option<Place> {
        self.entry(key.as_ref().name).map(|entry| entry.place)
    }

    /// The value of `inline`, or the content of the file that `file` names.
    pub(super) fn inline_or_file(
        &self,
        inline: &Key<Text>,
        file: &Key<File>,
        files: &mut Files,
        problems: &mut Diagnostics,
    ) -> Result<Option<Located>, Unreadable> {
        let (written, path) = (self.get(inline), self.get(file));
        if let (Some(written), Some(path)) = (written, path) {
            let names = (inline.row.name, file.row.name);
            report_both(names, written.place, path.place, problems);
            return Err(Unreadable);
        }
        let Some(path) = path else { return Ok(written.cloned()) };
        let text = files.read(file, path, problems).ok_or(Unreadable)?;
        Ok(Some(Located { text: text.to_string(), place: path.place }))
    }
}

/// Says that two keys exclude each other.
pub(super) fn report_both(
    (one, other): (&str, &str),
    at: Place,
    also: Place,
    problems: &mut Diagnostics,
) {
    let message = format!("`{one}` and `{other}` are both written");
    problems.error(codes::CONFLICT, at, message, "keep one of the two");
    problems.note(also, "the other one is here");
}

fn unless_default(key: &Row) -> String {
    if key.default.is_nothing() {
        return String::new();
    }
    format!("; only `{}` is", key.default)
}

/// Says whether the key that was probably meant decides; of a key that is like none, that cannot be
/// ruled out where keys say who may pass.
fn report_unknown(
    scope: Scope,
    name: &Node,
    value: &Node,
    sources: &mut Sources,
    problems: &mut Diagnostics,
) -> bool {
    let written = name.text().unwrap_or_default();
    let (here, elsewhere) = whereabouts(scope);
    let names = keys::of(scope).map(|key| key.name).filter(|name| !name.ends_with('*'));
    let near = near::nearest(written, names);
    if redact::is_secret(written) || near.is_some_and(redact::is_secret) {
        // A misspelt secret is a secret.
        sources.mask(value.place);
    }
    let misplaced = elsewhere.and_then(|(scope, _)| keys::find(scope, written));
    let meant = misplaced.or_else(|| keys::find(scope, near?));
    let help = match (elsewhere.filter(|_| misplaced.is_some()), near) {
        (Some((_, place)), _) => format!("it belongs {place}"),
        (None, Some(near)) => format!("did you mean `{near}`?"),
        (None, None) => keys::listed(scope),
    };
    problems.error(codes::UNKNOWN, name.place, format!("there is no key `{written}` {here}"), help);
    let may_decide = matches!(scope, Scope::Route | Scope::SubPolicy | Scope::DownstreamMtls);
    meant.map_or(may_decide, |key| key.decides)
}

/// Security: whoever writes `redact` with nothing behind it, because a variable is empty, say,
/// believes that addresses are not written in clear. So inside `decision_log` nothing is empty.
fn refuse_empty(
    scope: Scope,
    written: &str,
    place: Place,
    value: &Node,
    problems: &mut Diagnostics,
) {
    let strict = matches!(scope, Scope::DecisionLog | Scope::Rotation);
    if strict && (value.is_null() || value.text().is_some_and(|text| text.trim().is_empty())) {
        let help = "write the value, or remove the key";
        problems.error(codes::MISSING, place, format!("`{written}` is empty"), help);
    }
}

/// A scope in an operator's words, and where else a key may have been meant to stand.
fn whereabouts(scope: Scope) -> (&'static str, Option<(Scope, &'static str)>) {
    const TOP: Option<(Scope, &str)> = Some((Scope::Top, "at the top level of the file"));
    match scope {
        Scope::Top => ("here", Some((Scope::Route, "in a route"))),
        Scope::Route => ("in a route", TOP),
        Scope::ExternalAuth => ("in `external_auth`", TOP),
        Scope::TrustedPeer => ("in a trusted peer", None),
        Scope::Certificate => ("in `certificates`", None),
        Scope::DecisionLog => ("in `decision_log`", None),
        Scope::Rotation => ("in `rotate`", None),
        Scope::DownstreamMtls => ("in `downstream_mtls`", None),
        Scope::SubPolicy => ("in `sub_policies`", None),
    }
}

/// An environment variable as a node, in a source of its own.
fn variable(
    key: &Row,
    name: &str,
    text: &str,
    sources: &mut Sources,
    problems: &mut Diagnostics,
) -> Option<Node> {
    let title = format!("environment variable {name}");
    if matches!(key.kind, Type::Routes) {
        let decoded = decode_routes(text);
        let text = decoded.as_deref().unwrap_or(text);
        let source = sources.add(title, text);
        redact::mask_lines(text, source, sources);
        return yaml::read(text, source, problems);
    }
    let (source, length) = if key.secret {
        (sources.add_hidden(title), 0)
    } else {
        (sources.add(title, text), text.len())
    };
    let structured = text.starts_with(['{', '[']) && matches!(key.kind, Type::Tree(_));
    if structured {
        return yaml::read(text, source, problems);
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
