//! Which file of the crate imports which: read from `use` declarations and from paths in the code,
//! however they are spelled.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::code::{Token, shipped_tokens};

/// A module as the names that lead to it from the crate's root.
type Module = Vec<String>;

/// Most names that are followed from one re-export to the next.
const MOST_STEPS: usize = 8;

/// The files of the crate and who imports whom.
pub(crate) struct Imports {
    /// For each file the files that it imports, each with the names that it takes from there.
    arrows: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

/// One file that imports another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrow {
    pub(crate) from: String,
    pub(crate) to: String,
    /// What is taken, for messages.
    pub(crate) names: String,
}

impl Imports {
    /// Reads the files of a crate: path (from `src/` on) and text. What is compiled for tests alone
    /// does not count. A name that a `mod.rs` re-exports is an import of that `mod.rs`; but to a
    /// file below it, for which the `mod.rs` itself does not count, it is an import of the file
    /// that the name comes from.
    pub(crate) fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let read = |(path, text): (&str, &str)| {
            module_of(path).map(|module| (module, File::read(path, text)))
        };
        let files: BTreeMap<Module, File> = files.into_iter().filter_map(read).collect();
        let mut imports = Self { arrows: BTreeMap::new() };
        for (module, file) in &files {
            for path in &file.paths {
                let Some((to, rest)) = resolve(&files, module, path, MOST_STEPS) else { continue };
                let name = rest.first().or(path.last()).cloned().unwrap_or_default();
                imports.add(file, &files[&to], &name);
            }
        }
        imports
    }

    fn add(&mut self, from: &File, to: &File, name: &str) {
        if from.path != to.path {
            let arrows = self.arrows.entry(from.path.clone()).or_default();
            arrows.entry(to.path.clone()).or_default().insert(name.to_owned());
        }
    }

    /// Every import.
    pub(crate) fn arrows(&self) -> impl Iterator<Item = Arrow> {
        self.arrows.iter().flat_map(|(from, to)| to.keys().map(|to| self.arrow(from, to)))
    }

    fn arrow(&self, from: &str, to: &str) -> Arrow {
        let names = self.arrows[from][to].iter().cloned().collect::<Vec<_>>().join(", ");
        Arrow { from: from.to_owned(), to: to.to_owned(), names }
    }

    /// Shortest circles, until each arrow that is part of any is in one. `without` takes arrows
    /// out, each given by what its two paths begin with.
    pub(crate) fn circles(&self, without: &[(&str, &str)]) -> Vec<Vec<Arrow>> {
        let (mut circles, mut seen) = (Vec::new(), BTreeSet::new());
        for Arrow { from, to, .. } in self.arrows() {
            if seen.contains(&(from.clone(), to.clone())) || is_in(without, &from, &to) {
                continue;
            }
            // A way back from the file that is imported closes a circle.
            let Some(mut files) = self.way(&to, &from, without) else { continue };
            files.insert(0, from);
            let circle: Vec<Arrow> =
                files.windows(2).map(|pair| self.arrow(&pair[0], &pair[1])).collect();
            seen.extend(circle.iter().map(|arrow| (arrow.from.clone(), arrow.to.clone())));
            circles.push(circle);
        }
        circles
    }

    /// The files on the shortest way from one to another, both of them included.
    pub(crate) fn way(
        &self,
        from: &str,
        to: &str,
        without: &[(&str, &str)],
    ) -> Option<Vec<String>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut next = VecDeque::from([from]);
        while let Some(file) = next.pop_front() {
            if file == to {
                let mut way = vec![file.to_owned()];
                while way.last().is_some_and(|last| last != from) {
                    way.push(before[way.last().unwrap().as_str()].to_owned());
                }
                way.reverse();
                return Some(way);
            }
            for other in self.arrows.get(file).into_iter().flat_map(BTreeMap::keys) {
                if !before.contains_key(other.as_str()) && !is_in(without, file, other) {
                    before.insert(other, file);
                    next.push_back(other);
                }
            }
        }
        None
    }
}

fn is_in(arrows: &[(&str, &str)], from: &str, to: &str) -> bool {
    arrows.iter().any(|(front, other)| from.starts_with(front) && to.starts_with(other))
}

/// What one file says.
struct File {
    path: String,
    /// Every path that it names, a group in braces taken apart.
    paths: BTreeSet<Vec<String>>,
    /// What its `use` declarations bring in, by the name that it has there.
    used: BTreeMap<String, Vec<String>>,
}

/// The module that a file is; `None` of the program's `main.rs`, which nobody imports.
fn module_of(path: &str) -> Option<Module> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut module: Module = inside.split('/').map(str::to_owned).collect();
    match module.last()?.as_str() {
        "main" => return None,
        "mod" | "lib" => drop(module.pop()),
        _ => {}
    }
    Some(module)
}

/// The file that a path leads to, and what it names inside. `None` for other crates and for the
/// modules above, which a module may always name.
fn resolve(
    files: &BTreeMap<Module, File>,
    own: &[String],
    path: &[String],
    steps: usize,
) -> Option<(Module, Vec<String>)> {
    let (start, mut rest) = start_of(files, own, path)?;
    let mut at = start;
    while let Some((name, behind)) = rest.split_first() {
        let mut below = at.clone();
        below.push(name.clone());
        if !files.contains_key(&below) {
            break;
        }
        (at, rest) = (below, behind);
    }
    let is_above = own.len() > at.len() && own.starts_with(&at);
    if !is_above {
        return files.contains_key(&at).then(|| (at, rest.to_vec()));
    }
    // A name that a module above re-exports ties this file to where the name comes from.
    let target = files.get(&at)?.used.get(rest.first()?)?;
    let (found, inside) = resolve(files, &at, target, steps.checked_sub(1)?)?;
    let is_above = own.len() > found.len() && own.starts_with(&found);
    (!is_above).then_some((found, if inside.is_empty() { rest.to_vec() } else { inside }))
}

/// The module that a path starts from, and the names behind it.
fn start_of<'a>(
    files: &BTreeMap<Module, File>,
    own: &[String],
    path: &'a [String],
) -> Option<(Module, &'a [String])> {
    let (first, mut rest) = path.split_first()?;
    let mut start = match first.as_str() {
        "crate" => Vec::new(),
        "self" => own.to_vec(),
        "super" => own.split_last()?.1.to_vec(),
        child => {
            let below: Module = own.iter().cloned().chain([child.to_owned()]).collect();
            return files.contains_key(&below).then_some((below, rest));
        }
    };
    while let Some((again, behind)) = rest.split_first()
        && again == "super"
    {
        start.pop()?;
        rest = behind;
    }
    Some((start, rest))
}

impl File {
    fn read(path: &str, text: &str) -> Self {
        let tokens: Vec<Token<'_>> =
            shipped_tokens(text).into_iter().map(|(token, _)| token).collect();
        let mut file =
            Self { path: path.to_owned(), paths: BTreeSet::new(), used: BTreeMap::new() };
        let mut at = 0;
        while at < tokens.len() {
            let before = at.checked_sub(1).map(|before| tokens[before]);
            match tokens[at] {
                // Not the `use<'a>` of a type.
                Token::Word("use") if tokens.get(at + 1) != Some(&Token::Mark('<')) => {
                    let mut tree = Tree { tokens: &tokens, at: at + 1, found: Vec::new() };
                    tree.read(&[]);
                    at = tree.at;
                    for (path, name) in tree.found {
                        file.used.insert(name, path.clone());
                        file.paths.insert(path);
                    }
                }
                // `pub(in PATH)` says who may look, not what is taken.
                Token::Word("in")
                    if before == Some(Token::Mark('('))
                        && at >= 2
                        && tokens[at - 2] == Token::Word("pub") =>
                {
                    while at < tokens.len() && tokens[at] != Token::Mark(')') {
                        at += 1;
                    }
                }
                Token::Word(_) if before != Some(Token::PathMark) => {
                    let path = plain_path(&tokens, &mut at);
                    if path.len() > 1 {
                        file.paths.insert(path);
                    }
                }
                _ => at += 1,
            }
        }
        file
    }
}

/// The names of `a::b::c`, from `at` on.
fn plain_path(tokens: &[Token<'_>], at: &mut usize) -> Vec<String> {
    let mut path = Vec::new();
    while let Some(Token::Word(name)) = tokens.get(*at) {
        path.push((*name).to_owned());
        *at += 1;
        if tokens.get(*at) != Some(&Token::PathMark) {
            break;
        }
        *at += 1;
    }
    path
}

/// Reads what stands behind `use`.
struct Tree<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    /// Each path, and the name it gets.
    found: Vec<(Vec<String>, String)>,
}

impl Tree<'_> {
    fn read(&mut self, front: &[String]) {
        let mut path = front.to_vec();
        if self.is_next(Token::PathMark) {
            self.at += 1;
        }
        path.extend(plain_path(self.tokens, &mut self.at));
        match self.tokens.get(self.at) {
            Some(Token::Mark('{')) => {
                self.at += 1;
                while !self.is_next(Token::Mark('}')) && self.at < self.tokens.len() {
                    self.read(&path);
                    if self.is_next(Token::Mark(',')) {
                        self.at += 1;
                    }
                }
                self.at += 1;
            }
            Some(Token::Mark('*')) => {
                self.at += 1;
                self.found.push((path, "*".to_owned()));
            }
            _ => self.name(path, front.len()),
        }
        if front.is_empty() && self.is_next(Token::Mark(';')) {
            self.at += 1;
        }
    }

    /// The end of one path: what it is called, `as` or by its last name.
    fn name(&mut self, mut path: Vec<String>, front: usize) {
        let mut name = None;
        if self.is_next(Token::Word("as")) {
            if let Some(Token::Word(other)) = self.tokens.get(self.at + 1) {
                name = Some((*other).to_owned());
            }
            self.at += 2;
        }
        // `a::{self}` is `a`.
        if path.len() > 1 && path.len() == front + 1 && path.last().is_some_and(|it| it == "self") {
            path.pop();
        }
        if path.is_empty() {
            // Nothing that this reader knows; go on, so that it comes to an end.
            self.at += 1;
            return;
        }
        let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
        self.found.push((path, name));
    }

    fn is_next(&self, token: Token<'_>) -> bool {
        self.tokens.get(self.at) == Some(&token)
    }
}

#[cfg(test)]
fn shown(files: &[(&str, &str)]) -> Vec<String> {
    let arrows = Imports::read(files.iter().copied()).arrows().collect::<Vec<_>>();
    let shown = |Arrow { from, to, names }: &Arrow| format!("{from} -> {to} ({names})");
    arrows.iter().map(shown).collect()
}

#[test]
fn imports_are_found_however_they_are_spelled() {
    for spelling in [
        "use crate::a::y::Y;",
        "use super::y::Y;",
        "use super::{y::{Y}, z};",
        "use crate::{b, a::{y::{self, Y as Other}, z}};",
        "fn f() { super::y::Y::new() }",
        "type T = Vec<crate::a::y::Y>;",
        "use super::super::a::y::Y;",
        "use self::super::y::Y;",
        "use super::y::*;",
        "pub use super::y;",
    ] {
        let files = [
            ("src/lib.rs", "pub mod a;"),
            ("src/a/mod.rs", "mod x; mod y;"),
            ("src/a/x.rs", spelling),
            ("src/a/y.rs", ""),
        ];
        let arrows = shown(&files);
        assert_eq!(arrows.len(), 1, "{spelling}: {arrows:?}");
        assert!(arrows[0].starts_with("src/a/x.rs -> src/a/y.rs ("), "{spelling}: {arrows:?}");
    }
}

#[test]
fn what_is_no_import_is_none() {
    for text in [
        "// use super::y::Y;",
        "const A: &str = \"super::y::Y\";",
        "#[cfg(test)]\nuse super::y::Y;",
        "#[cfg(test)]\nmod tests {\n    use super::super::y::Y;\n}",
        "use std::y::Y;",
        "pub(in crate::a::y) struct X;",
        "fn f() { other::y::Y; self.y.z() }",
    ] {
        let files = [("src/a/mod.rs", "mod x; mod y;"), ("src/a/x.rs", text), ("src/a/y.rs", "")];
        assert_eq!(shown(&files), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_a_module_re_exports_is_of_that_module_but_not_to_those_below() {
    let files = [
        ("src/lib.rs", "pub mod a; pub mod b;"),
        ("src/a/mod.rs", "mod x; mod y; pub use y::Y;"),
        ("src/a/x.rs", "use super::Y;"),
        ("src/a/y.rs", ""),
        ("src/b.rs", "use crate::a::Y;"),
    ];
    assert_eq!(
        shown(&files),
        [
            "src/a/mod.rs -> src/a/y.rs (Y)",
            "src/a/x.rs -> src/a/y.rs (Y)",
            "src/b.rs -> src/a/mod.rs (Y)",
        ]
    );
}

#[test]
fn a_circle_is_seen_and_a_child_may_import_the_module_above() {
    let circle = [
        ("src/a/mod.rs", "mod x; mod y; mod z; use x::X; pub struct A;"),
        ("src/a/x.rs", "use super::y::Y; use super::A;"),
        ("src/a/y.rs", "use crate::a::z::{Z, Other};"),
        ("src/a/z.rs", "fn f() { super::x::g() }"),
    ];
    let imports = Imports::read(circle);
    let circles = imports.circles(&[]);
    assert_eq!(circles.len(), 1, "{circles:?}");
    let shown: Vec<String> = circles[0].iter().map(|arrow| format!("{arrow:?}")).collect();
    assert!(shown[1].contains("src/a/y.rs") && shown[1].contains("Other, Z"), "{shown:?}");
    assert!(imports.circles(&[("src/a/z.rs", "src/a/x.rs")]).is_empty());
    // The import of the module above closes none, whatever that imports itself.
    let exception = [
        ("src/a/mod.rs", "mod x; use x::X; pub struct A;"),
        ("src/a/x.rs", "use super::A; use crate::a::B;"),
    ];
    assert!(Imports::read(exception).circles(&[]).is_empty());
}
