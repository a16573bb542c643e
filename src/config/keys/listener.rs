//! Keys of the listeners and of what is done to every request first.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::key::*;
use super::row::{Scope, Type};

family! {
    FAMILY = "Listening", Scope::Top;

    ADDRESS: Listen = listen("address",
        SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 443),
        "Where to listen; a port alone means every address of the machine.");
    INSECURE_SERVER: Flag = flag("insecure_server", false,
        "Speak plain HTTP on `address`, because TLS ends before Russet; its own addresses stay https.");
    HTTP_REDIRECT_ADDR: OptionalListen = optional_listen("http_redirect_addr",
        "Where to answer plain HTTP with a redirect to https.");
    HEALTH_CHECK_ADDR: Listen = listen("health_check_addr",
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 28080),
        "Where to tell health, for `russet health` and for orchestrators.");
    XFF_NUM_TRUSTED_HOPS: Count = count("xff_num_trusted_hops", (0, 32, None), 0,
        "How many proxies in front of Russet to believe about the client's address.");
    _ = unread("use_proxy_protocol", Type::Bool, "false",
        "Expect the PROXY protocol on `address`.")
        .not_yet("let the balancer write `X-Forwarded-For` and set `xff_num_trusted_hops`");
    _ = unread("codec_type", Type::Choice(&["auto", "http1", "http2", "http3"]), "auto",
        "Which versions of HTTP to speak; by default HTTP/1.1 and HTTP/2 as the client chooses.")
        .not_yet("leave it out; clients choose between HTTP/1.1 and HTTP/2");
    _ = unread("skip_xff_append", Type::Bool, "false",
        "Do not append the client's address to `X-Forwarded-For`.")
        .not_yet("let the application read the last entry but one");
    _ = unread("headers_with_underscores_action", Type::Choice(&["reject_request", "allow", "drop_header"]), "reject_request",
        "What happens to requests with a header whose name holds an underscore.")
        .not_yet("let clients spell the header with `-`");
    _ = unread("path_with_escaped_slashes_action", Type::Choice(&["reject_request", "keep_unchanged", "unescape_and_redirect", "unescape_and_forward"]), "reject_request",
        "What happens to requests with an encoded slash in the path.")
        .not_yet("let clients write the slash in the query, where it is never touched");
    _ = unread("merge_slashes", Type::Bool, "true",
        "Whether `//` in a path is one slash.")
        .fixed("paths are brought into one form before any policy sees them, or two routes could read one path differently");
    _ = unread("normalize_path", Type::Bool, "true",
        "Whether `.` and `..` in a path are resolved.")
        .fixed("paths are brought into one form before any policy sees them, or two routes could read one path differently");
    _ = unread("circuit_breaker_thresholds", Type::Tree(&[]), "",
        "Limits on connections and requests to every application.")
        .not_yet("leave it out; limit connections in the application");
}
