//! How a sign-in begins and what a browser carries while it lasts: links, cookies, forms.

pub(crate) mod begin;
pub(crate) mod browser;
pub(crate) mod cookies;
pub(crate) mod forms;
