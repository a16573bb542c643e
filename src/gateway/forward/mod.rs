//! What an admitted request takes to its application: headers, assertion, and the sending itself.

pub mod assertion;
pub(crate) mod headers;
pub(crate) mod relay;
