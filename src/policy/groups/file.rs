//! Whether there is a file of groups, and whether it can be used.

use std::sync::Arc;

use super::Groups;

/// The groups that policies may name.
#[derive(Clone, Debug, Default)]
pub enum GroupsFile {
    /// No file is configured.
    #[default]
    Unset,
    /// There is one, and it cannot be used; that was told where it was read.
    Broken,
    /// These.
    Read(Arc<Groups>),
}
