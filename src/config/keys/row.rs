//! What the table says about one key.

use std::fmt::{self, Debug, Display};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::base::duration;

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Row {
    /// As it is written; where it ends in `*`, every key that begins so.
    pub(in crate::config) name: &'static str,
    /// What its value looks like.
    pub(in crate::config) kind: Type,
    /// What holds where it is not written.
    pub(in crate::config) default: Unset,
    /// Whether Russet does it.
    pub(in crate::config) status: Status,
    /// What it does, in one sentence for the operator.
    pub(in crate::config) text: &'static str,
    /// Security: whether the value must never be shown, and the file that holds it be kept closed.
    pub(in crate::config) secret: bool,
    /// Whether it says what is decided on requests: a fault in it is an error where the rules are
    /// loaded alone, too.
    pub(in crate::config) decides: bool,
}

impl AsRef<Self> for Row {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// What holds where a key is not written.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) enum Unset {
    /// Nothing.
    Nothing,
    /// This, as it would be written; of keys whose value follows from others, in words.
    Written(&'static str),
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Count(usize),
    /// A duration.
    Time(Duration),
    /// A number of bytes.
    Bytes(u64),
    /// An address to listen on.
    Address(SocketAddr),
    /// A list of words.
    Words(&'static [&'static str]),
}

impl Unset {
    /// Whether nothing holds.
    pub(in crate::config) fn is_nothing(self) -> bool {
        self.to_string().is_empty()
    }
}

impl Display for Unset {
    /// As the operator would write it; empty for nothing.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Written(text) => out.write_str(text),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Count(value) => write!(out, "{value}"),
            Self::Time(value) => out.write_str(&duration::shown(*value)),
            Self::Bytes(value) => out.write_str(&bytes_shown(*value)),
            // Every address of the machine is a port alone, as in Go.
            Self::Address(address) if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
                write!(out, ":{}", address.port())
            }
            Self::Address(address) => write!(out, "{address}"),
            Self::Words(words) => out.write_str(&words.join(", ")),
        }
    }
}

fn bytes_shown(bytes: u64) -> String {
    match bytes {
        0 => "0".to_owned(),
        _ if bytes.is_multiple_of(1 << 20) => format!("{}MiB", bytes >> 20),
        _ => format!("{}KiB", bytes >> 10),
    }
}

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) enum Type {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds.
    Count {
        /// The smallest.
        least: usize,
        /// The largest.
        most: usize,
        /// What `0` means, where that is not a number like the others.
        zero: Option<&'static str>,
    },
    /// A duration with its unit, in whole seconds within bounds.
    Duration {
        /// The shortest, in seconds.
        least: u64,
        /// The longest, in seconds.
        most: u64,
        /// What `0` means; `None` where it is refused.
        zero: Option<&'static str>,
    },
    /// A number of bytes with its unit, such as `128MiB`.
    Size {
        /// The smallest, in bytes.
        least: u64,
        /// What `0` means.
        zero: &'static str,
    },
    /// One of these words, in any case.
    Choice(&'static dyn Words),
    /// Text.
    Text,
    /// The name of a file.
    Path,
    /// An absolute URL.
    Url,
    /// `address:port` to listen on.
    Address,
    /// A list of texts, or one text with commas.
    Texts,
    /// A map of text to text, or that as JSON in one text.
    Map,
    /// Something with a structure of its own; the names are those of its fields, which have
    /// environment variables too.
    Tree(&'static [&'static str]),
    /// A list of routes.
    Routes,
}

impl Type {
    /// The kind of value in an operator's words.
    pub(in crate::config) fn words(self) -> String {
        let or_zero = |zero: Option<&str>| {
            zero.map_or_else(String::new, |means| format!(", or `0` for {means}"))
        };
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Count { least, most, zero } => {
                format!("a whole number from {least} to {most}{}", or_zero(zero))
            }
            Self::Duration { least, most, zero } => {
                let shown = |seconds| duration::shown(Duration::from_secs(seconds));
                format!("a duration from {} to {}{}", shown(least), shown(most), or_zero(zero))
            }
            Self::Size { least, zero } => {
                format!("a size from {}, or `0` for {zero}", bytes_shown(least))
            }
            Self::Choice(words) => format!("one of `{}`", words.names().join("`, `")),
            Self::Text => "text".to_owned(),
            Self::Path => "a file name".to_owned(),
            Self::Url => "a URL".to_owned(),
            Self::Address => "`address:port`".to_owned(),
            Self::Texts => "a list, or text with commas".to_owned(),
            Self::Map => "a map".to_owned(),
            Self::Tree(_) => "a structure".to_owned(),
            Self::Routes => "a list of routes".to_owned(),
        }
    }
}

/// Words to choose from.
pub(in crate::config) trait Words: Debug + Sync {
    /// The words, in the order in which operators read them.
    fn names(&self) -> Vec<&'static str>;
}

/// Words of keys whose value nobody reads.
impl<const N: usize> Words for [&'static str; N] {
    fn names(&self) -> Vec<&'static str> {
        self.to_vec()
    }
}

/// Words, each with what it means.
impl<T: Debug + Sync, const N: usize> Words for [(&'static str, T); N] {
    fn names(&self) -> Vec<&'static str> {
        self.iter().map(|(name, _)| *name).collect()
    }
}

/// Whether Russet does what a key asks for.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) enum Status {
    /// As in Pomerium.
    Supported,
    /// Ours; Pomerium does not know it.
    Ours,
    /// Accepted and without effect, because it concerns what Russet does not have.
    Ignored(&'static str),
    /// Accepted at its default alone; what to do meanwhile.
    NotYet(&'static str),
    /// Accepted at its default alone, for good; why, and what to do instead.
    Fixed(&'static str),
    /// Never accepted; why, and what to do instead.
    Refused(&'static str),
}

impl Status {
    /// Whether the key has an effect today.
    pub(in crate::config) fn is_supported(self) -> bool {
        matches!(self, Self::Supported | Self::Ours)
    }
}

/// The map that a key stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Scope {
    /// The top level of the file.
    Top,
    /// A route.
    Route,
    /// `external_auth`.
    ExternalAuth,
    /// One of `trusted_peers` of `external_auth`, where it is a map.
    TrustedPeer,
    /// One of `certificates`.
    Certificate,
    /// `decision_log`.
    DecisionLog,
    /// `rotate` of `decision_log`.
    Rotation,
    /// `downstream_mtls`.
    DownstreamMtls,
    /// One of `sub_policies` of a route.
    SubPolicy,
}

/// Keys that belong together.
#[derive(Debug)]
pub(in crate::config) struct Family {
    /// Heading of the reference page.
    pub(in crate::config) title: &'static str,
    /// The map that its keys stand in.
    pub(in crate::config) scope: Scope,
    /// Its keys.
    pub(in crate::config) keys: &'static [Row],
}
