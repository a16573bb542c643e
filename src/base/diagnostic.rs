//! Messages to operators: what is wrong, where (`file:line:column`), what to do. All problems of a
//! file are gathered and told at once.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::node::Place;

/// The texts that places point into: files, environment variables, flags.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    entries: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
    /// Where each line but the first begins.
    lines: Vec<usize>,
    /// Whether the text must not be shown, because it is a secret itself.
    hidden: bool,
}

impl Sources {
    /// Adds a text under the name that messages give it; returns the id for [`Place::source`].
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u32 {
        let text = text.into();
        let lines = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        self.push(Source { name: name.into(), text, lines, hidden: false })
    }

    /// Adds a text whose content never appears in a message.
    pub fn add_hidden(&mut self, name: impl Into<String>) -> u32 {
        let (text, lines) = (String::new(), Vec::new());
        self.push(Source { name: name.into(), text, lines, hidden: true })
    }

    fn push(&mut self, source: Source) -> u32 {
        self.entries.push(source);
        u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
    }

    fn get(&self, place: Place) -> Option<&Source> {
        self.entries.get(usize::try_from(place.source).ok()?)
    }

    /// The text that `place` covers; empty where it covers none.
    pub fn slice(&self, place: Place) -> &str {
        let range = place.start as usize..place.end as usize;
        self.get(place).and_then(|source| source.text.get(range)).unwrap_or_default()
    }

    /// Replaces what `place` covers by stars, line ends kept, so that no message shows it: for a
    /// value that turned out to be a secret.
    pub fn mask(&mut self, place: Place) {
        let Ok(index) = usize::try_from(place.source) else { return };
        let Some(source) = self.entries.get_mut(index) else { return };
        let range = place.start as usize..place.end as usize;
        let Some(covered) = source.text.get(range.clone()) else { return };
        let stars: String =
            covered.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect();
        source.text.replace_range(range, &stars);
    }

    /// `file:line:column` of the first character of `place`; both count from one, columns in
    /// characters.
    pub fn position(&self, place: Place) -> String {
        match self.locate(place) {
            None => String::new(),
            Some((name, None)) => name.to_owned(),
            Some((name, Some((line, column)))) => format!("{name}:{line}:{column}"),
        }
    }

    /// The name of the text that `place` is in, with line and column unless the text is hidden.
    pub fn locate(&self, place: Place) -> Option<(&str, Option<(usize, usize)>)> {
        let source = self.get(place)?;
        let position = (!source.hidden).then(|| source.line_and_column(place.start as usize));
        Some((&source.name, position))
    }
}

impl Source {
    fn line_and_column(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied();
        let before = self.text.get(start.unwrap_or(0)..at).unwrap_or_default();
        (line + 1, before.chars().count() + 1)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Russet does not start with it.
    Error,
    /// It starts, but somebody should look; an error with `--deny-warnings`.
    Warning,
}

impl Severity {
    /// The word that messages use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One message to the operator.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable code, `R` and three digits, listed in `docs/diagnostics.md`.
    pub code: &'static str,
    /// Where it is wrong; `None` where something is missing altogether.
    pub place: Option<Place>,
    /// What is wrong: one sentence without a full stop, keys in backticks.
    pub message: String,
    /// Other places that matter, each with a word on why.
    pub notes: Vec<(Place, String)>,
    /// What to do; something to paste where possible. May be empty.
    pub help: String,
}

/// Gathers messages, so that every problem is told at once.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds an error.
    pub fn error(
        &mut self,
        code: &'static str,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Error, code, place.into(), message.into(), help.into());
    }

    /// Adds a warning.
    pub fn warning(
        &mut self,
        code: &'static str,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Warning, code, place.into(), message.into(), help.into());
    }

    /// Adds a second place to the last message.
    pub fn note(&mut self, place: Place, text: impl Into<String>) {
        if let Some(last) = self.items.last_mut() {
            last.notes.push((place, text.into()));
        }
    }

    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        place: Option<Place>,
        message: String,
        help: String,
    ) {
        self.items.push(Diagnostic { severity, code, place, message, notes: Vec::new(), help });
    }

    /// Takes over the messages of `other`.
    pub fn append(&mut self, mut other: Self) {
        self.items.append(&mut other.items);
    }

    /// Makes a warning of every error: of problems that do not concern what is asked for.
    pub fn demoted(mut self) -> Self {
        for item in &mut self.items {
            item.severity = Severity::Warning;
        }
        self
    }

    /// Gives `place` to every message that has none: to those of a reader that was given values
    /// without places.
    pub fn placed(mut self, place: Place) -> Self {
        for item in &mut self.items {
            item.place.get_or_insert(place);
        }
        self
    }

    /// Leaves out what `keep` does not want.
    pub fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.items.retain(keep);
    }

    /// All messages, in the order of their places.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<_> = self.items.iter().collect();
        sorted.sort_by_key(|item| item.place.map(|place| (place.source, place.start)));
        sorted
    }

    /// Whether there is an error among them.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.items.iter().filter(|item| item.severity == Severity::Error).count()
    }

    /// How many warnings there are.
    pub fn warnings(&self) -> usize {
        self.items.len() - self.errors()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl Diagnostic {
    /// The message as a person reads it: headline, the line with a mark under the place, help.
    pub fn render(&self, sources: &Sources) -> String {
        let mut out = String::new();
        if let Some(place) = self.place {
            let _ = write!(out, "{}: ", sources.position(place));
        }
        let message = printable(&self.message);
        let _ = writeln!(out, "{}[{}]: {message}", self.severity.word(), self.code);
        if let Some(place) = self.place {
            snippet(&mut out, sources, place);
        }
        for (place, text) in &self.notes {
            let text = printable(text);
            let _ = writeln!(out, "   note: {}: {text}", sources.position(*place));
            snippet(&mut out, sources, *place);
        }
        let mut label = "   help: ";
        for line in self.help.lines() {
            let _ = writeln!(out, "{label}{}", printable(line));
            label = "         ";
        }
        out
    }
}

/// `text` with its control characters written out: a message may quote what a file says by an
/// escape, and must not drive a terminal.
fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Longest part of a source line that a snippet shows, in characters.
const SNIPPET_CHARACTERS: usize = 120;

fn snippet(out: &mut String, sources: &Sources, place: Place) {
    let Some(source) = sources.get(place).filter(|source| !source.hidden) else { return };
    let start = place.start as usize;
    let Some(before) = source.text.get(..start) else { return };
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let Some(rest) = source.text.get(line_start..) else { return };
    let line = rest.split('\n').next().unwrap_or_default().trim_end();
    if line.is_empty() {
        return;
    }
    let (number, column) = source.line_and_column(start);
    let indent = column - 1;
    let width = sources.slice(place).split('\n').next().unwrap_or_default().chars().count();
    // A long line is shown from a little before the place on.
    let skipped = if indent > SNIPPET_CHARACTERS - 20 { indent - 20 } else { 0 };
    let shown: String = line
        .chars()
        .skip(skipped)
        .take(SNIPPET_CHARACTERS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let room = shown.chars().count().saturating_sub(indent - skipped).max(1);
    let marks = "^".repeat(width.clamp(1, room));
    let _ = writeln!(out, "   {number:>4} | {shown}");
    let _ = writeln!(out, "        | {}{marks}", " ".repeat(indent - skipped));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_where_and_what_to_do() {
        let mut sources = Sources::default();
        let source = sources.add("config.yaml", "a: 1\nidp_key_id: ABC\n");
        let mut all = Diagnostics::default();
        all.error(
            "R012",
            Place { source, start: 17, end: 20 },
            "too short",
            "look again\nthen paste",
        );
        assert_eq!(
            all.sorted()[0].render(&sources),
            "config.yaml:2:13: error[R012]: too short\n      2 | idp_key_id: ABC\n        \
             |             ^^^\n   help: look again\n         then paste\n"
        );
        assert!(all.has_errors());
    }

    #[test]
    fn a_masked_value_is_never_shown() {
        let mut sources = Sources::default();
        let source = sources.add("config.yaml", "shared_secret: hunter2\nb: 1\n");
        let place = Place { source, start: 15, end: 22 };
        sources.mask(place);
        let mut all = Diagnostics::default();
        all.error("R026", place, "too short", "");
        let text = all.sorted()[0].render(&sources);
        assert!(text.contains("shared_secret: *******") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_message_drives_no_terminal() {
        let mut all = Diagnostics::default();
        all.error("R008", None, "there is no key `\u{1b}[31m`", "did you mean `a\tb`?");
        let text = all.sorted()[0].render(&Sources::default());
        let shown = "error[R008]: there is no key `\\u{1b}[31m`\n   help: did you mean `a\\tb`?\n";
        assert_eq!(text, shown);
    }

    #[test]
    fn hidden_sources_are_named_but_never_shown() {
        let mut sources = Sources::default();
        let source = sources.add_hidden("environment variable COOKIE_SECRET");
        let mut all = Diagnostics::default();
        all.warning("R001", Place { source, start: 0, end: 3 }, "weak", "");
        let text = all.sorted()[0].render(&sources);
        assert_eq!(text, "environment variable COOKIE_SECRET: warning[R001]: weak\n");
    }
}
