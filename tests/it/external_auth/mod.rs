//! The auth that other proxies ask, over real sockets, in every dialect.

mod advisories;
mod answers;
pub mod ask;
mod descriptions;
mod grpc;
mod oauth2_proxy;
mod probe;
mod sign_in;
mod traefik;
mod trust;
