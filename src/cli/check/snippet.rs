//! `russet check --for`: what to paste into the configuration of the proxy that stands in front.
//!
//! Security: every name that is filled in has been checked for the characters it may hold, so that
//! no name of a configuration ends a line of another program's.

use askama::Template;

pub use super::facts::SnippetProblem;

use super::facts::Facts;
use crate::config::Settings;

/// The proxies that Russet answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Front {
    /// nginx, and what is made of it
    Nginx,
    /// Traefik 3, by its file provider
    Traefik,
    /// Caddy 2
    Caddy,
    /// Envoy, over HTTP, or over gRPC where `external_auth.grpc_address` is set
    Envoy,
    /// HAProxy 2.6 or newer
    Haproxy,
    /// The few lines of Lua that HAProxy loads
    HaproxyLua,
}

/// The snippet for one proxy, and what is left to do by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// What goes into the other program's configuration.
    pub text: String,
    /// What the operator still has to do, a sentence each.
    pub notes: Vec<String>,
}

#[derive(Template)]
#[template(path = "nginx.conf", escape = "none")]
struct Nginx<'a> {
    f: &'a Facts,
}

#[derive(Template)]
#[template(path = "traefik.yaml", escape = "none")]
struct Traefik<'a> {
    f: &'a Facts,
}

#[derive(Template)]
#[template(path = "caddy.conf", escape = "none")]
struct Caddy<'a> {
    f: &'a Facts,
}

#[derive(Template)]
#[template(path = "envoy.yaml", escape = "none")]
struct Envoy<'a> {
    f: &'a Facts,
}

#[derive(Template)]
#[template(path = "haproxy.conf", escape = "none")]
struct Haproxy<'a> {
    f: &'a Facts,
}

/// Writes the snippet for `front` and this configuration.
///
/// # Errors
/// A name that cannot stand in another program's configuration.
pub fn snippet(front: Front, settings: &Settings) -> Result<Snippet, SnippetProblem> {
    let facts = Facts::new(settings)?;
    let rendered = match front {
        Front::Nginx => Nginx { f: &facts }.render(),
        Front::Traefik => Traefik { f: &facts }.render(),
        Front::Caddy => Caddy { f: &facts }.render(),
        Front::Envoy => Envoy { f: &facts }.render(),
        Front::Haproxy => Haproxy { f: &facts }.render(),
        Front::HaproxyLua => {
            let text = include_str!("templates/haproxy.lua").to_owned();
            return Ok(Snippet { text, notes: Vec::new() });
        }
    };
    let text = rendered.map_err(|error| SnippetProblem::Render(error.to_string()))?;
    Ok(Snippet { text: text.trim_end().to_owned() + "\n", notes: facts.notes })
}

#[cfg(test)]
mod tests;
