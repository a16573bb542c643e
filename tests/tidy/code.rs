//! Rust source as far as the rules need it: words and marks, without comments, and without what is
//! compiled for tests alone.

use std::ops::Range;

/// A piece of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A name, a keyword or a number.
    Word(&'a str),
    /// `::`
    PathMark,
    /// Any other single character.
    Mark(char),
    /// A string, a character or a lifetime: nothing that imports.
    Other,
}

/// The tokens of a file, each with its place in the text.
pub(crate) type Tokens<'a> = Vec<(Token<'a>, Range<usize>)>;

/// All tokens of a text. Comments are left out.
pub(crate) fn tokens(text: &str) -> Tokens<'_> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let first = rest.chars().next().unwrap();
        let (token, length) = match first {
            _ if first.is_whitespace() => (None, first.len_utf8()),
            '/' if rest.starts_with("//") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (None, block_comment(rest)),
            ':' if rest.starts_with("::") => (Some(Token::PathMark), 2),
            '"' => (Some(Token::Other), 1 + quoted(&rest[1..], '"')),
            '\'' => (Some(Token::Other), character_or_lifetime(rest)),
            _ if is_of_word(first) => word(rest),
            _ => (Some(Token::Mark(first)), first.len_utf8()),
        };
        found.extend(token.map(|token| (token, at..at + length)));
        at += length;
    }
    found
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The length of what begins like a word; a prefix of a string (`r#"`, `b"`) takes the string along.
fn word(rest: &str) -> (Option<Token<'_>>, usize) {
    let length = rest.find(|letter| !is_of_word(letter)).unwrap_or(rest.len());
    let (name, behind) = rest.split_at(length);
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    match name {
        "r" | "br" | "cr" if behind[hashes..].starts_with('"') => {
            let end = format!("\"{}", "#".repeat(hashes));
            let inside = &behind[hashes + 1..];
            let inside_length = inside.find(&end).unwrap_or(inside.len());
            (Some(Token::Other), length + hashes + 1 + inside_length + end.len())
        }
        "b" | "c" if behind.starts_with('"') => {
            (Some(Token::Other), length + 1 + quoted(&behind[1..], '"'))
        }
        "b" if behind.starts_with('\'') => {
            (Some(Token::Other), length + 1 + quoted(&behind[1..], '\''))
        }
        _ => (Some(Token::Word(name)), length),
    }
}

/// The length up to and with the closing `quote`.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + letter.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

fn character_or_lifetime(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    match (letters.next(), letters.next()) {
        (Some((_, '\\')), _) => 1 + quoted(&rest[1..], '\''),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_u32, 0);
    while at < rest.len() {
        let here = &rest[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().unwrap().len_utf8();
        }
    }
    rest.len()
}

/// The tokens without items (and fields, arms) under `#[cfg(test)]`.
pub(crate) fn shipped_tokens(text: &str) -> Tokens<'_> {
    let all = tokens(text);
    let mut kept = Vec::new();
    let mut at = 0;
    while at < all.len() {
        if is_for_tests(&all[at..]) {
            at = behind_item(&all, at);
        } else {
            kept.push(all[at].clone());
            at += 1;
        }
    }
    kept
}

/// The text with spaces in place of comments and of what is compiled for tests alone; lines keep
/// their numbers.
pub(crate) fn shipped_text(text: &str) -> String {
    let (kept, mut shown) = (shipped_tokens(text), String::new());
    let mut at = 0;
    let pass = |from: usize, to: usize, shown: &mut String| {
        // Between tokens: comments, test code, and spaces.
        shown.extend(text[from..to].chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }));
    };
    for (_, place) in kept {
        pass(at, place.start, &mut shown);
        shown.push_str(&text[place.clone()]);
        at = place.end;
    }
    pass(at, text.len(), &mut shown);
    shown
}

fn is_for_tests(rest: &[(Token<'_>, Range<usize>)]) -> bool {
    let attribute = [
        Token::Mark('#'),
        Token::Mark('['),
        Token::Word("cfg"),
        Token::Mark('('),
        Token::Word("test"),
        Token::Mark(')'),
        Token::Mark(']'),
    ];
    rest.len() >= attribute.len()
        && rest.iter().zip(attribute).all(|((token, _), wanted)| *token == wanted)
}

/// Where the item ends whose first attribute is at `at`.
fn behind_item(all: &[(Token<'_>, Range<usize>)], mut at: usize) -> usize {
    while all.get(at).is_some_and(|(token, _)| *token == Token::Mark('#')) {
        at = behind_group(all, at + 1);
    }
    // An item ends with `;` or a block, a field or an arm with a comma too.
    let ends = |word: &str| ["use", "mod", "fn", "struct", "impl", "enum", "const"].contains(&word);
    let items = all[at..].iter().take(8).filter_map(|(token, _)| match token {
        Token::Word(word) if ends(word) => Some(*word),
        _ => None,
    });
    let kind = items.into_iter().next();
    while let Some((token, _)) = all.get(at) {
        match token {
            Token::Mark(';') => return at + 1,
            Token::Mark(',') if kind.is_none() => return at + 1,
            Token::Mark('{') if kind != Some("use") => return behind_group(all, at),
            Token::Mark('(' | '[' | '{') => at = behind_group(all, at),
            Token::Mark(')' | ']' | '}') => return at,
            _ => at += 1,
        }
    }
    at
}

/// Where the brackets end that open at `at`.
fn behind_group(all: &[(Token<'_>, Range<usize>)], mut at: usize) -> usize {
    let mut depth = 0_u32;
    while let Some((token, _)) = all.get(at) {
        at += 1;
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    at
}

#[test]
fn comments_strings_and_lifetimes_are_no_words() {
    let text = r###"a /* b /* c */ d */ "e \" f" r#"g " h"# 'i' '\'' b"j" &'k l // m
n"###;
    let words = tokens(text).into_iter().filter_map(|(token, _)| match token {
        Token::Word(word) => Some(word),
        _ => None,
    });
    // A lifetime's name is a word of its own, which imports nothing.
    assert_eq!(words.collect::<Vec<_>>(), ["a", "k", "l", "n"]);
}

#[test]
fn what_is_compiled_for_tests_is_left_out_and_nothing_else() {
    let text = "\
use a::b;
#[cfg(test)]
mod tests;
use c::d; // e
struct S {
    #[cfg(test)]
    f: F,
    g: G,
}
#[cfg(test)]
#[derive(H)]
fn i<J, K>(l: L) -> M { n }
#[cfg(test)]
use o::{p, q};
fn r() { s(\"t\") }
";
    let shown = shipped_text(text);
    assert_eq!(shown.lines().count(), text.lines().count());
    let words: Vec<&str> = shown.split_whitespace().collect();
    let wanted = "use a::b; use c::d; struct S { g: G, } fn r() { s(\"t\") }";
    assert_eq!(words.join(" "), wanted);
}
