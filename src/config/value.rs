//! What the keys of a configuration are given.

use std::net::SocketAddr;
use std::time::Duration;

use url::Url;

use crate::base::node::{Kind, Node, Place};

/// A text and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Located {
    pub(super) text: String,
    pub(super) place: Place,
}

impl PartialEq for Located {
    /// The same words in another place are the same value.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// What a key was given.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Bool(bool),
    Count(usize),
    /// A number of bytes.
    Size(u64),
    /// One of the words of the key.
    Word(&'static str),
    Duration(Duration),
    Text(Located),
    Url(Url),
    Address(SocketAddr),
    Texts(Vec<Located>),
    Map(Vec<(Located, Located)>),
    Tree(Node),
}

impl Value {
    /// Whether this says nothing: an empty list, map or text.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Bool(_) | Self::Count(_) | Self::Size(_) | Self::Duration(_) => false,
            Self::Word(_) => false,
            Self::Url(_) | Self::Address(_) => false,
            Self::Text(text) => text.text.is_empty(),
            Self::Texts(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            Self::Tree(node) => match &node.kind {
                Kind::Scalar(scalar) => scalar.text.is_empty() || node.is_null(),
                Kind::List(items) => items.is_empty(),
                Kind::Map(entries) => entries.is_empty(),
            },
        }
    }
}
