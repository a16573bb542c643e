//! Configurations of other programs, translated.

pub mod oauth2_proxy;
