//! Keys with the type of their value: what the lowering reads by.
//!
//! [`family!`] writes every row down twice, from one text: once into the list that the reference
//! page, the hints and the reading of values go through, and once as a constant of its own. The
//! list does not refer to the constants. So a key that is declared and never read is a constant
//! that nobody names, and the compiler warns of it.

use std::fmt::{self, Debug, Display};
use std::net::SocketAddr;
use std::time::Duration;

use url::Url;

use super::row::{Row, Status, Type, Unset, Words};
use crate::base::node::Node;
use crate::config::value::{Located, Value};

/// A key whose value is read as `R` says. Shown as its name.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Key<R> {
    pub(in crate::config) row: Row,
    pub(in crate::config) read: R,
}

impl<R> AsRef<Row> for Key<R> {
    fn as_ref(&self) -> &Row {
        &self.row
    }
}

impl<R> Display for Key<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.row.name)
    }
}

/// Of keys that are in the table and that nothing reads: the value is refused, ignored, or checked
/// and no more.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Unread;

/// How the value of a key is read.
pub(in crate::config) trait Read {
    /// What the lowering gets; where the key has a default, that is in it already.
    type Out<'v>;

    /// Reads the value; `None` where the key is not written, or not usable.
    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v>;
}

/// `true` or `false`, with a default.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Flag {
    pub(in crate::config) default: bool,
}

impl Read for Flag {
    type Out<'v> = bool;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Bool(value)) => *value,
            _ => self.default,
        }
    }
}

/// A whole number, with a default.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Count {
    pub(in crate::config) default: usize,
}

impl Read for Count {
    type Out<'v> = usize;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Count(value)) => *value,
            _ => self.default,
        }
    }
}

/// A duration, with a default.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Time {
    pub(in crate::config) default: Duration,
}

impl Read for Time {
    type Out<'v> = Duration;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Duration(value)) => *value,
            _ => self.default,
        }
    }
}

/// A number of bytes, with a default.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Size {
    pub(in crate::config) default: u64,
}

impl Read for Size {
    type Out<'v> = u64;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Size(value)) => *value,
            _ => self.default,
        }
    }
}

/// An address to listen on, with a default.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Listen {
    pub(in crate::config) default: SocketAddr,
}

impl Read for Listen {
    type Out<'v> = SocketAddr;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Address(value)) => *value,
            _ => self.default,
        }
    }
}

/// `true` or `false`; without a default.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct OptionalFlag;

impl Read for OptionalFlag {
    type Out<'v> = Option<bool>;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }
}

/// An address to listen on; without a default.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct OptionalListen;

impl Read for OptionalListen {
    type Out<'v> = Option<SocketAddr>;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Address(value)) => Some(*value),
            _ => None,
        }
    }
}

/// A text.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Text;

impl Read for Text {
    type Out<'v> = Option<&'v Located>;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Text(value)) => Some(value),
            _ => None,
        }
    }
}

/// The name of a file.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct File {
    pub(in crate::config) holds: Content,
}

impl Read for File {
    type Out<'v> = Option<&'v Located>;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Text(value)) => Some(value),
            _ => None,
        }
    }
}

/// An absolute URL.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Link;

impl Read for Link {
    type Out<'v> = Option<&'v Url>;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Url(value)) => Some(value),
            _ => None,
        }
    }
}

/// A list of texts.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Texts;

impl Read for Texts {
    type Out<'v> = Option<&'v [Located]>;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Texts(value)) => Some(value),
            _ => None,
        }
    }
}

/// A map of text to text.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Map;

impl Read for Map {
    type Out<'v> = Option<&'v [(Located, Located)]>;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Map(value)) => Some(value),
            _ => None,
        }
    }
}

/// A structure, as it was written.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Tree;

impl Read for Tree {
    type Out<'v> = Option<&'v Node>;

    fn read<'v>(&self, value: Option<&'v Value>) -> Self::Out<'v> {
        match value {
            Some(Value::Tree(value)) => Some(value),
            _ => None,
        }
    }
}

/// One of several words, each with what it means.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Word<T: 'static> {
    words: &'static [(&'static str, T)],
    pub(in crate::config) default: T,
}

impl<T: Copy> Read for Word<T> {
    type Out<'v> = T;

    fn read(&self, value: Option<&Value>) -> T {
        match value {
            Some(Value::Word(word)) => meaning(self.words, word).unwrap_or(self.default),
            _ => self.default,
        }
    }
}

fn meaning<T: Copy>(words: &[(&'static str, T)], word: &str) -> Option<T> {
    words.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

/// What a file holds, and so who may do what with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Content {
    /// Certificates, texts.
    Public,
    /// Keys, secrets.
    Secret,
}

const fn row(name: &'static str, kind: Type, default: Unset, text: &'static str) -> Row {
    Row { name, kind, default, status: Status::Supported, text, secret: false, decides: false }
}

pub(super) const fn flag(name: &'static str, default: bool, text: &'static str) -> Key<Flag> {
    Key { row: row(name, Type::Bool, Unset::Bool(default), text), read: Flag { default } }
}

/// A boolean whose default follows from another key, which `default` says in words.
pub(super) const fn optional_flag(
    name: &'static str,
    default: &'static str,
    text: &'static str,
) -> Key<OptionalFlag> {
    Key { row: row(name, Type::Bool, Unset::Written(default), text), read: OptionalFlag }
}

/// A whole number from `least` to `most`; `zero` says what 0 means where that is special.
pub(super) const fn count(
    name: &'static str,
    (least, most, zero): (usize, usize, Option<&'static str>),
    default: usize,
    text: &'static str,
) -> Key<Count> {
    let kind = Type::Count { least, most, zero };
    Key { row: row(name, kind, Unset::Count(default), text), read: Count { default } }
}

/// A duration from `least` to `most`, both in seconds; `zero` says what 0 means where it is taken.
pub(super) const fn time(
    name: &'static str,
    (least, most, zero): (u64, u64, Option<&'static str>),
    default: Duration,
    text: &'static str,
) -> Key<Time> {
    let kind = Type::Duration { least, most, zero };
    Key { row: row(name, kind, Unset::Time(default), text), read: Time { default } }
}

/// A number of bytes from `least` on; `zero` says what 0 means.
pub(super) const fn size(
    name: &'static str,
    (least, zero): (u64, &'static str),
    default: u64,
    text: &'static str,
) -> Key<Size> {
    let kind = Type::Size { least, zero };
    Key { row: row(name, kind, Unset::Bytes(default), text), read: Size { default } }
}

pub(super) const fn listen(
    name: &'static str,
    default: SocketAddr,
    text: &'static str,
) -> Key<Listen> {
    Key { row: row(name, Type::Address, Unset::Address(default), text), read: Listen { default } }
}

pub(super) const fn optional_listen(name: &'static str, text: &'static str) -> Key<OptionalListen> {
    Key { row: row(name, Type::Address, Unset::Nothing, text), read: OptionalListen }
}

/// One of `words`; the default is one of them, with the same meaning.
pub(super) const fn word<T: Copy + Debug + Sync, const N: usize>(
    name: &'static str,
    words: &'static [(&'static str, T); N],
    (default, means): (&'static str, T),
    text: &'static str,
) -> Key<Word<T>> {
    let kind = Type::Choice(words as &dyn Words);
    let read = Word { words, default: means };
    Key { row: row(name, kind, Unset::Written(default), text), read }
}

/// A text; `default` is what holds without it, empty for nothing.
pub(super) const fn text(
    name: &'static str,
    default: &'static str,
    text: &'static str,
) -> Key<Text> {
    Key { row: row(name, Type::Text, Unset::Written(default), text), read: Text }
}

pub(super) const fn file(name: &'static str, holds: Content, text: &'static str) -> Key<File> {
    Key { row: row(name, Type::Path, Unset::Nothing, text), read: File { holds } }
}

/// A URL; `default` is what holds without it, empty for nothing.
pub(super) const fn link(
    name: &'static str,
    default: &'static str,
    text: &'static str,
) -> Key<Link> {
    Key { row: row(name, Type::Url, Unset::Written(default), text), read: Link }
}

pub(super) const fn texts(
    name: &'static str,
    default: &'static [&'static str],
    text: &'static str,
) -> Key<Texts> {
    Key { row: row(name, Type::Texts, Unset::Words(default), text), read: Texts }
}

/// A map; `default` says in words what holds without it, empty for nothing.
pub(super) const fn map(name: &'static str, default: &'static str, text: &'static str) -> Key<Map> {
    Key { row: row(name, Type::Map, Unset::Written(default), text), read: Map }
}

/// A structure; `fields` are those that have environment variables.
pub(super) const fn tree(
    name: &'static str,
    fields: &'static [&'static str],
    text: &'static str,
) -> Key<Tree> {
    Key { row: row(name, Type::Tree(fields), Unset::Nothing, text), read: Tree }
}

pub(super) const fn routes(name: &'static str, text: &'static str) -> Key<Tree> {
    Key { row: row(name, Type::Routes, Unset::Nothing, text), read: Tree }
}

/// A key whose value is checked and then read by nobody, because there is one that it can have or it
/// is without effect.
pub(super) const fn checked(
    name: &'static str,
    kind: Type,
    default: &'static str,
    text: &'static str,
) -> Key<Unread> {
    unread(name, kind, default, text)
}

/// A key that Russet does not do, so that nothing reads it. `default` is written as the operator would.
pub(super) const fn unread(
    name: &'static str,
    kind: Type,
    default: &'static str,
    text: &'static str,
) -> Key<Unread> {
    Key { row: row(name, kind, Unset::Written(default), text), read: Unread }
}

impl<R: Copy> Key<R> {
    const fn with(self, row: Row) -> Self {
        Self { row, read: self.read }
    }

    /// Pomerium does not know it.
    pub(super) const fn ours(self) -> Self {
        self.with(Row { status: Status::Ours, ..self.row })
    }

    /// Accepted at its default alone; `meanwhile` says what to do.
    pub(super) const fn not_yet(self, meanwhile: &'static str) -> Self {
        self.with(Row { status: Status::NotYet(meanwhile), ..self.row })
    }

    /// Security: the value is never shown.
    pub(super) const fn secret(self) -> Self {
        self.with(Row { secret: true, ..self.row })
    }

    /// Says what is decided on requests.
    pub(super) const fn decides(self) -> Self {
        self.with(Row { decides: true, ..self.row })
    }
}

impl Key<Unread> {
    /// Accepted without effect; `why` says why.
    pub(super) const fn ignored(self, why: &'static str) -> Self {
        self.with(Row { status: Status::Ignored(why), ..self.row })
    }

    /// Accepted at its default alone, for good; `why` says why.
    pub(super) const fn fixed(self, why: &'static str) -> Self {
        self.with(Row { status: Status::Fixed(why), ..self.row })
    }

    /// Never accepted; `instead` says what to write.
    pub(super) const fn refused(self, instead: &'static str) -> Self {
        self.with(Row { status: Status::Refused(instead), ..self.row })
    }
}

/// A family of keys: the list of its rows, and a constant for each key that the lowering reads.
/// `_` stands for a key that nothing reads ([`Unread`]).
macro_rules! family {
    (
        $(#[$doc:meta])*
        $family:ident = $title:literal, $scope:expr;
        $($name:tt $(: $read:ty)? = $key:expr;)*
    ) => {
        $(#[$doc])*
        pub(super) const $family: $crate::config::keys::row::Family =
            $crate::config::keys::row::Family {
                title: $title,
                scope: $scope,
                keys: &[$($key.row),*],
            };
        $($crate::config::keys::key::constant!($name [$($read)?] $key);)*
    };
}

/// The constant of one key, documented by its name.
macro_rules! constant {
    (_ [] $key:expr) => {
        const _: $crate::config::keys::key::Key<$crate::config::keys::key::Unread> = $key;
    };
    ($name:ident [$read:ty] $key:expr) => {
        pub(in crate::config) const $name: $crate::config::keys::key::Key<$read> = $key;
    };
}

pub(super) use {constant, family};
