//! Regular expressions: compiled once, of bounded size, matched in time linear in the text (T58).

use regex::bytes::{Regex, RegexBuilder};

use super::letters::Letters;
use crate::base::diagnostic::Diagnostics;
use crate::base::node::{Node, Plain};
use crate::policy::codes;

/// Longest expression, in bytes.
const LONGEST: usize = 1_024;
/// Most memory of a compiled one, and of its scratch space in each thread, in bytes.
const MOST_BYTES: usize = 256 * 1_024;
/// Groups inside groups.
const DEEPEST: u32 = 32;

/// An expression that must match a text as a whole.
#[derive(Debug)]
pub(in crate::policy) struct Pattern {
    regex: Regex,
    text: Box<str>,
}

impl Pattern {
    /// Reads an expression; `None` after an error.
    pub(in crate::policy) fn read(
        node: &Node,
        letters: Letters,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let text = match node.scalar().map(|scalar| (scalar.plain(), &*scalar.text)) {
            Some((Plain::Null, _)) | None => {
                let message = format!("`matches` wants an expression, and this is {}", node.what());
                diagnostics.error(codes::DATA, node.place, message, HELP);
                return None;
            }
            Some((_, text)) => text,
        };
        match compile(text, letters) {
            Ok(regex) => Some(Self { regex, text: text.into() }),
            Err((message, help)) => {
                diagnostics.error(codes::DATA, node.place, message, help);
                None
            }
        }
    }

    /// The expression as written.
    pub(in crate::policy) fn text(&self) -> &str {
        &self.text
    }

    /// Whether all of `seen` matches.
    pub(in crate::policy) fn matches(&self, seen: &str) -> bool {
        self.regex.is_match(seen.as_bytes())
    }
}

const HELP: &str = "write for instance: matches: '[a-z]+@corp\\.example'; it always means the whole \
                    text, and quotes keep its backslashes";

fn compile(text: &str, letters: Letters) -> Result<Regex, (String, &'static str)> {
    if text.len() > LONGEST {
        let message = format!("this expression is longer than {LONGEST} bytes");
        return Err((message, "write several criteria, or `in: [...]` with the texts themselves"));
    }
    let build = |text: &str| {
        RegexBuilder::new(text)
            // Security: only ASCII letters have two cases here, as everywhere in an address; by
            // Unicode the Kelvin sign would be a k.
            .case_insensitive(letters == Letters::AnyCase)
            .unicode(letters == Letters::Exact)
            .size_limit(MOST_BYTES)
            .dfa_size_limit(MOST_BYTES)
            .nest_limit(DEEPEST)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => (
                    "this expression grows too large when it is compiled".to_owned(),
                    "write smaller repetitions, and [a-z0-9_] instead of \\w",
                ),
                other => {
                    let told = other.to_string();
                    let last = told.lines().last().unwrap_or_default();
                    let why = last.strip_prefix("error: ").unwrap_or(last);
                    (format!("this is not a regular expression: {why}"), HELP)
                }
            })
    };
    // Security: alone first, so that no bracket of it can reach outside the one around it.
    build(text)?;
    build(&format!(r"\A(?:{text})\z"))
}
