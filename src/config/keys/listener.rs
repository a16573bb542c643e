//! Keys of the listeners and of what is done to every request first.

use super::{Family, Key, Scope, Type, key};

pub(super) const FAMILY: Family = Family { title: "Listening", scope: Scope::Top, keys: KEYS };

const KEYS: &[Key] = &[
    key("address", Type::Address, ":443",
        "Where to listen; a port alone means every address of the machine."),
    key("insecure_server", Type::Bool, "false",
        "Speak plain HTTP on `address`, because TLS ends before Russet; its own addresses stay https."),
    key("http_redirect_addr", Type::Address, "",
        "Where to answer plain HTTP with a redirect to https."),
    key("health_check_addr", Type::Address, "127.0.0.1:28080",
        "Where to tell health, for `russet health` and for orchestrators."),
    key("xff_num_trusted_hops", Type::Integer { least: 0, most: 32 }, "0",
        "How many proxies in front of Russet to believe about the client's address."),
    key("use_proxy_protocol", Type::Bool, "false",
        "Expect the PROXY protocol on `address`.")
        .not_yet("let the balancer write `X-Forwarded-For` and set `xff_num_trusted_hops`"),
    key("codec_type", Type::Choice(&["auto", "http1", "http2", "http3"]), "auto",
        "Which versions of HTTP to speak; by default HTTP/1.1 and HTTP/2 as the client chooses.")
        .not_yet("leave it out; clients choose between HTTP/1.1 and HTTP/2"),
    key("skip_xff_append", Type::Bool, "false",
        "Do not append the client's address to `X-Forwarded-For`.")
        .not_yet("let the application read the last entry but one"),
    key("headers_with_underscores_action", Type::Choice(&["reject_request", "allow", "drop_header"]), "reject_request",
        "What happens to requests with a header whose name holds an underscore.")
        .not_yet("let clients spell the header with `-`"),
    key("path_with_escaped_slashes_action", Type::Choice(&["reject_request", "keep_unchanged", "unescape_and_redirect", "unescape_and_forward"]), "reject_request",
        "What happens to requests with an encoded slash in the path.")
        .not_yet("let clients write the slash in the query, where it is never touched"),
    key("merge_slashes", Type::Bool, "true",
        "Whether `//` in a path is one slash.")
        .fixed("paths are brought into one form before any policy sees them, or two routes could read one path differently"),
    key("normalize_path", Type::Bool, "true",
        "Whether `.` and `..` in a path are resolved.")
        .fixed("paths are brought into one form before any policy sees them, or two routes could read one path differently"),
    key("circuit_breaker_thresholds", Type::Tree(&[]), "",
        "Limits on connections and requests to every application.")
        .not_yet("leave it out; limit connections in the application"),
];
