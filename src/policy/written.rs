//! A criterion as the operator wrote it, before it is compiled.

use super::codes;
use super::groups::GroupsFile;
use crate::base::diagnostic::Diagnostics;
use crate::base::node::{Node, Place, Plain};

/// A criterion as it was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'a> {
    /// The whole key.
    pub(super) key: &'a str,
    /// What follows the first `/` of the key.
    pub(super) path: Option<&'a str>,
    /// Where the key is.
    pub(super) place: Place,
    /// What follows the key.
    pub(super) data: &'a Node,
    /// Whether a yes of it helps to admit: under `allow` and not inverted, or the other way round.
    pub(super) admits: bool,
    /// The groups it may name.
    pub(super) groups: &'a GroupsFile,
}

/// The `true` or `false` that a criterion was given; `None` after an error.
pub(super) fn truth(written: &Written<'_>, diagnostics: &mut Diagnostics) -> Option<bool> {
    let flag = flag(written.data);
    if flag.is_none() {
        let place = if written.data.is_null() { written.place } else { written.data.place };
        let what = written.data.what();
        let message = format!("`{}` wants true or false, and this is {what}", written.key);
        diagnostics.error(codes::DATA, place, message, format!("write: {}: true", written.key));
    }
    flag
}

/// `true` or `false`, with or without quotes, as Apple itself sends them.
pub(super) fn flag(node: &Node) -> Option<bool> {
    match node.scalar()?.plain() {
        Plain::Bool(flag) => Some(flag),
        Plain::Text("true") => Some(true),
        Plain::Text("false") => Some(false),
        _ => None,
    }
}

/// Says that `key` wants `true` or `false`.
pub(super) fn wants_flag(key: &str, node: &Node, diagnostics: &mut Diagnostics) {
    let message = format!("`{key}` wants true or false, and this is {}", node.what());
    diagnostics.error(codes::DATA, node.place, message, "write true or false");
}
