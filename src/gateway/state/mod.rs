//! Where state lives: the plan follows from the configuration, the shared part outlives a plan, a
//! worker has connections of its own.

pub(crate) mod plan;
pub(crate) mod settings;
pub(crate) mod shadow_counts;
pub(crate) mod shared;
pub(crate) mod worker;
