//! Keys of logs, metrics and traces.

use tracing::level_filters::LevelFilter;

use super::key::*;
use super::row::{Scope, Type};
use crate::config::LogFormat;

const METRICS: &str = "count the lines of the log";
const TRACES: &str = "follow a request by its `X-Request-Id`, which the log carries";
const WITHOUT_TRACES: &str = "of use with `otel_traces_exporter` alone, which is not there yet";

/// Pomerium's words, some for levels that Russet does not have.
const LEVELS: &[(&str, LevelFilter); 12] = &[
    ("trace", LevelFilter::TRACE),
    ("debug", LevelFilter::DEBUG),
    ("info", LevelFilter::INFO),
    ("warn", LevelFilter::WARN),
    ("warning", LevelFilter::WARN),
    ("error", LevelFilter::ERROR),
    ("critical", LevelFilter::ERROR),
    ("fatal", LevelFilter::ERROR),
    ("panic", LevelFilter::ERROR),
    ("off", LevelFilter::OFF),
    ("none", LevelFilter::OFF),
    ("disabled", LevelFilter::OFF),
];

family! {
    FAMILY = "Logs, metrics, traces", Scope::Top;

    LOG_LEVEL: Word<LevelFilter> = word("log_level", LEVELS, ("info", LevelFilter::INFO),
        "How much to log; `critical`, `fatal` and `panic` log errors, `none` and `disabled` nothing.");
    LOG_FORMAT: Word<LogFormat> = word("log_format",
        &[("auto", LogFormat::Auto), ("json", LogFormat::Json), ("human", LogFormat::Human)], ("auto", LogFormat::Auto),
        "How log lines look: JSON, or for people; `auto` writes for people on a terminal and JSON elsewhere.")
        .ours();
    _ = unread("proxy_log_level", Type::Text, "",
        "How much a second process logs.")
        .ignored("there is no second process; `log_level` covers it");
    _ = unread("access_log_fields", Type::Texts, "",
        "The fields of the line of a request.")
        .not_yet("leave it out and pick the fields where the log is read");
    _ = unread("authorize_log_fields", Type::Texts, "",
        "The fields of the line of a decision.")
        .not_yet("leave it out; the line of a request carries the decision");
    DECISION_LOG: Tree = tree("decision_log", &["path"],
        "Where every decision is written, one JSON object a line: a file name (`-` is standard output), or `path`, `rotate` (`size` 128MiB, `age` 24h, `keep` 14, `compress` true) and `redact` (`none`, `hash` or `omit` people's addresses).")
        .ours();
    SHADOW: Flag = flag("shadow", false,
        "This configuration is for `russet run --shadow-config`: its policies are asked in addition to the real ones, and it is never served.")
        .ours();
    _ = unread("metrics_address", Type::Address, "", "Where to serve metrics.").not_yet(METRICS);
    _ = unread("metrics_basic_auth", Type::Text, "",
        "Who may read metrics.").not_yet(METRICS).secret();
    _ = unread("metrics_certificate", Type::Text, "",
        "The certificate of the metrics.").not_yet(METRICS);
    _ = unread("metrics_certificate_key", Type::Text, "",
        "Its private key.").not_yet(METRICS).secret();
    _ = unread("metrics_certificate_file", Type::Path, "",
        "The certificate of the metrics.").not_yet(METRICS);
    _ = unread("metrics_certificate_key_file", Type::Path, "", "Its private key.").not_yet(METRICS);
    _ = unread("metrics_client_ca", Type::Text, "",
        "Whose certificates may read metrics.").not_yet(METRICS);
    _ = unread("metrics_client_ca_file", Type::Path, "",
        "Whose certificates may read metrics.").not_yet(METRICS);
    _ = unread("otel_traces_exporter", Type::Choice(&["none", "otlp"]), "none",
        "Where traces go.").not_yet(TRACES);
    _ = unread("otel_*", Type::Text, "",
        "The other standard settings of OpenTelemetry.").ignored(WITHOUT_TRACES);
    _ = unread("debug_address", Type::Address, "",
        "Where to serve Go's profiler.").ignored("there is no Go in Russet");
    _ = unread("health_check_systemd_disabled", Type::Bool, "false",
        "Do not tell systemd about health.")
        .ignored("Russet does not speak to systemd's watchdog");
}
