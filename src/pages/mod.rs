//! Floor 2: everything Russet shows people, as pages that need no script, and the same facts as
//! JSON for programs.
//!
//! A [`View`] is plain data: what there is to say. [`render`] and [`json()`] are its two faces. This
//! room decides nothing, reads no request and sets no header; it only words what it is given.
//!
//! *Invariant:* whatever comes from outside reaches a page through the escaping of the template
//! types alone; the one text that is not escaped is the style sheet, a constant. Security: no page
//! has a script, loads anything from elsewhere, or names a version, an upstream or another person
//! (T79, T91, T99).

mod csp;
mod denial;
mod href;
mod html;
mod json;
mod message;
mod view;

#[cfg(test)]
mod tests;

pub use csp::{content_security_policy, same_origin_frame_policy};
pub use href::Href;
pub use html::render;
pub use json::json;
pub use view::{
    CSRF_FIELD, Chrome, DenialReason, Denied, Form, LoopCause, Person, RETURN_FIELD, SignIn,
    SignInCause, StoreTask, UserPage, View,
};
