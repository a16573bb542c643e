//! The auth that other proxies ask, over real sockets, in every dialect.

mod answers;
pub mod ask;
mod traefik;
