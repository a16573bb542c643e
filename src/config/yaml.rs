//! YAML (and so JSON) into [`Node`]s that know their places.
//!
//! Scalars keep their spelling: a key id such as `123456E789` stays what it is. Aliases share what
//! they name. Everything that lets one text mean two things is refused: a key written twice, a tag,
//! a second document, an alias inside its own anchor. What is read is bounded in bytes, depth and
//! in nodes *as a walker meets them*, aliases followed, so that whoever walks the tree needs no
//! budget of their own (T59).

mod explain;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span};

use super::codes;
use crate::base::diagnostic::Diagnostics;
use crate::base::node::{Kind, Node, Place, Scalar};

/// Longest text that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting of lists and maps.
const MAX_DEPTH: usize = 64;
/// Most nodes that a walk over the tree may meet, aliases followed.
const MAX_NODES: u64 = 100_000;
/// Most problems that are reported of one text; with more, something else is wrong with it.
pub(super) const MAX_PROBLEMS: usize = 200;

/// Reads one document. `None` where it cannot be read to its end; the diagnostics say why. A
/// problem that does not stop the reading (a duplicate key) is reported, and what it concerns is left
/// out.
pub fn read(text: &str, source: u32, problems: &mut Diagnostics) -> Option<Node> {
    read_at(text, Position::In(source), problems)
}

/// Reads a document that stands inside a scalar, such as a map written as a JSON string. Every
/// node has the place of that scalar.
pub fn read_embedded(text: &str, place: Place, problems: &mut Diagnostics) -> Option<Node> {
    read_at(text, Position::Fixed(place), problems)
}

fn read_at(text: &str, position: Position, problems: &mut Diagnostics) -> Option<Node> {
    if !is_plain_text(text, position, problems) {
        return None;
    }
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let nothing = Node { place: position.at(0, 0), kind: scalar("", false) };
    let mut builder = Builder {
        position,
        problems,
        open: Vec::new(),
        anchors: HashMap::new(),
        documents: 0,
        root: nothing,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => builder.take(event, span).ok()?,
            Err(error) => {
                builder.tell_scan_error(&error, text);
                return None;
            }
        }
    }
    Some(builder.root)
}

/// Where the text stands.
#[derive(Clone, Copy)]
enum Position {
    /// It is the whole of this source.
    In(u32),
    /// It is inside a scalar.
    Fixed(Place),
}

impl Position {
    fn at(self, start: usize, end: usize) -> Place {
        match self {
            Self::Fixed(place) => place,
            Self::In(source) => {
                let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
                Place { source, start: number(start), end: number(end.max(start)) }
            }
        }
    }
}

/// Refuses what no editor shows: a byte order mark, NUL and other control characters.
fn is_plain_text(text: &str, position: Position, problems: &mut Diagnostics) -> bool {
    if text.len() > MAX_BYTES {
        let message = format!("this is longer than {} KiB", MAX_BYTES / 1024);
        problems.error(
            codes::FILE,
            position.at(0, 0),
            message,
            "a configuration is a few pages long",
        );
        return false;
    }
    if text.starts_with('\u{feff}') {
        problems.error(
            codes::ENCODING,
            position.at(0, '\u{feff}'.len_utf8()),
            "the text begins with a byte order mark",
            "save it as UTF-8 without BOM",
        );
        return false;
    }
    let odd = text.char_indices().find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    let Some((at, character)) = odd else { return true };
    let name = match character {
        '\0' => "a NUL byte".to_owned(),
        other => format!("the control character U+{:04X}", u32::from(other)),
    };
    problems.error(
        codes::ENCODING,
        position.at(at, at + character.len_utf8()),
        format!("the text holds {name}"),
        "remove it; if the file is full of them it is not text, or it is UTF-16: save it as UTF-8",
    );
    false
}

/// The reading ends here; the diagnostics say why.
struct Stopped;

/// A finished node and what a walk over it costs.
#[derive(Clone)]
struct Built {
    node: Node,
    /// Nodes that a walk meets, this one included.
    weight: u64,
    /// Levels of lists and maps, this one included; 0 for a scalar.
    height: usize,
}

/// A list or map that is being read.
struct Open {
    start: usize,
    end: usize,
    anchor: usize,
    weight: u64,
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Node, Node)>, names: HashMap<Arc<str>, Place>, key: Key },
}

/// The key whose value comes next.
enum Key {
    /// None: the next node is a key.
    Awaited,
    /// This one.
    Read(Node),
    /// One that was refused; its value is read and dropped.
    Refused,
}

struct Builder<'a> {
    position: Position,
    problems: &'a mut Diagnostics,
    open: Vec<Open>,
    /// What each anchor names; `None` while the anchored list or map is still open.
    anchors: HashMap<usize, Option<Built>>,
    documents: usize,
    root: Node,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stopped> {
        let range = span.byte_range().unwrap_or_default();
        let place = self.position.at(range.start, range.end);
        if event.tag().is_some() {
            let start = span.tag_start().and_then(|mark| mark.byte_offset());
            self.problems.error(
                codes::TAG,
                self.position.at(start.unwrap_or(range.start), range.end),
                "tags are not used here",
                "leave out the word that begins with `!`",
            );
        }
        match event {
            Event::DocumentStart(..) => self.begin_document(place),
            Event::Scalar(text, style, anchor, _) => {
                let kind = scalar(&text, style != ScalarStyle::Plain);
                let built = Built { node: Node { place, kind }, weight: 1, height: 0 };
                self.remember(anchor, &built);
                self.put(built, range.end, place)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(Content::List(Vec::new()), range.start, anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                let content =
                    Content::Map { entries: Vec::new(), names: HashMap::new(), key: Key::Awaited };
                self.begin(content, range.start, anchor)
            }
            _ if self.problems.errors() >= MAX_PROBLEMS => Err(Stopped),
            Event::SequenceEnd | Event::MappingEnd => self.end(range.end),
            Event::Alias(anchor) => self.alias(anchor, range.end, place),
            Event::UnresolvedAlias(name) => {
                let message = format!("there is no anchor `&{name}` before this alias");
                let help = "put text that begins with `*` into quotes";
                self.problems.error(codes::ALIAS, place, message, help);
                let node = Node { place, kind: scalar("", false) };
                self.put(Built { node, weight: 1, height: 0 }, range.end, place)
            }
            _ => Ok(()),
        }
    }

    fn begin_document(&mut self, place: Place) -> Result<(), Stopped> {
        self.documents += 1;
        if self.documents > 1 {
            self.problems.error(
                codes::DOCUMENTS,
                place,
                "a second document begins here",
                "a configuration is one document: remove the `---` line or put the rest elsewhere",
            );
            return Err(Stopped);
        }
        Ok(())
    }

    fn begin(&mut self, content: Content, start: usize, anchor: usize) -> Result<(), Stopped> {
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open { start, end: start, anchor, weight: 1, height: 1, content });
        let depth = self.open.len();
        self.check_depth(depth, self.position.at(start, start + 1))
    }

    fn end(&mut self, event_end: usize) -> Result<(), Stopped> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        // A flow collection ends with its bracket, a block with its last line.
        let end = event_end.max(open.end);
        let place = self.position.at(open.start, end);
        let kind = match open.content {
            Content::List(items) => Kind::List(items.into()),
            Content::Map { entries, .. } => Kind::Map(self.merge(entries).into()),
        };
        let node = Node { place, kind };
        let built = Built { node, weight: open.weight, height: open.height };
        self.remember(open.anchor, &built);
        self.put(built, end, place)
    }

    fn remember(&mut self, anchor: usize, built: &Built) {
        if anchor > 0 {
            self.anchors.insert(anchor, Some(built.clone()));
        }
    }

    fn alias(&mut self, anchor: usize, end: usize, place: Place) -> Result<(), Stopped> {
        let Some(Some(built)) = self.anchors.get(&anchor) else {
            self.problems.error(
                codes::ALIAS,
                place,
                "this alias stands inside the very value that it names",
                "write the value out",
            );
            return Err(Stopped);
        };
        let built = built.clone();
        self.put(built, end, place)
    }

    /// Puts a finished node where it belongs; `place` is where the text names it.
    fn put(&mut self, built: Built, end: usize, place: Place) -> Result<(), Stopped> {
        let depth = self.open.len() + built.height;
        let Some(open) = self.open.last_mut() else {
            self.root = built.node;
            return Ok(());
        };
        open.end = open.end.max(end);
        open.weight = open.weight.saturating_add(built.weight);
        open.height = open.height.max(built.height + 1);
        if open.weight > MAX_NODES {
            let message = format!("this makes more than {MAX_NODES} values, aliases followed");
            self.problems.error(
                codes::ALIAS,
                place,
                message,
                "write fewer values or fewer aliases",
            );
            return Err(Stopped);
        }
        match &mut open.content {
            Content::List(items) => items.push(built.node),
            Content::Map { entries, names, key } => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited => *key = check_key(built.node, names, self.problems),
                Key::Read(name) => entries.push((name, built.node)),
                Key::Refused => {}
            },
        }
        self.check_depth(depth, place)
    }

    fn check_depth(&mut self, depth: usize, place: Place) -> Result<(), Stopped> {
        if depth <= MAX_DEPTH {
            return Ok(());
        }
        tell_depth(self.problems, place);
        Err(Stopped)
    }

    /// Resolves `<<` after the map's own keys, which win over merged ones; of several merged maps
    /// the first wins.
    fn merge(&mut self, entries: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
        let is_merge = |key: &Node| key.scalar().is_some_and(|s| !s.quoted && &*s.text == "<<");
        if !entries.iter().any(|(key, _)| is_merge(key)) {
            return entries;
        }
        let (merges, mut own): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(key, _)| is_merge(key));
        let mut names: HashSet<String> =
            own.iter().filter_map(|(key, _)| key.text()).map(str::to_owned).collect();
        for (key, value) in merges {
            let single = [value];
            let [value] = &single;
            let maps =
                if value.map().is_some() { &single[..] } else { value.list().unwrap_or(&[]) };
            if maps.is_empty() || maps.iter().any(|map| map.map().is_none()) {
                let help = "write `<<: *name` with an anchor on a map, or a list of such aliases";
                self.problems.error(codes::SHAPE, key.place, "`<<` merges maps only", help);
                continue;
            }
            for (key, value) in maps.iter().filter_map(Node::map).flatten() {
                if key.text().is_some_and(|name| names.insert(name.to_owned())) {
                    own.push((key.clone(), value.clone()));
                }
            }
        }
        own
    }

    fn tell_scan_error(&mut self, error: &ScanError, text: &str) {
        let marker = error.marker();
        let mut start = marker.byte_offset().unwrap_or(text.len()).min(text.len());
        if *error.kind() == ErrorKind::TabInPlainScalar {
            // The parser points at the text before; the line with the tab is what has to change.
            start += text.get(start..).and_then(|rest| rest.find('\t')).unwrap_or(0);
        }
        let place = self.position.at(start, (start + 1).min(text.len()));
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return tell_depth(self.problems, place);
        }
        let (message, help) = explain::explain(error);
        self.problems.error(codes::SYNTAX, place, message, help);
    }
}

fn scalar(text: &str, quoted: bool) -> Kind {
    Kind::Scalar(Scalar { text: text.into(), quoted })
}

fn tell_depth(problems: &mut Diagnostics, place: Place) {
    let message = format!("lists and maps are nested more than {MAX_DEPTH} deep");
    problems.error(codes::DEPTH, place, message, "nothing in a configuration needs more than ten");
}

/// A key is text and stands once in its map.
fn check_key(node: Node, names: &mut HashMap<Arc<str>, Place>, problems: &mut Diagnostics) -> Key {
    let Some(scalar) = node.scalar().filter(|scalar| !scalar.text.is_empty()) else {
        let message = match node.text() {
            Some("") => "this key is empty".to_owned(),
            _ => format!("a key must be text, not {}", node.what()),
        };
        problems.error(codes::SHAPE, node.place, message, "");
        return Key::Refused;
    };
    if let Some(first) = names.get(&scalar.text) {
        let message = format!("`{}` is written twice", scalar.text);
        problems.error(codes::DUPLICATE, node.place, message, "keep one of the two");
        problems.note(*first, "the first one is here");
        return Key::Refused;
    }
    names.insert(scalar.text.clone(), node.place);
    Key::Read(node)
}

#[cfg(test)]
mod tests;
