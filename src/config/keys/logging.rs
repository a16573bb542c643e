//! Keys of logs, metrics and traces.

use super::{Family, Key, Scope, Type, key};

pub(super) const FAMILY: Family =
    Family { title: "Logs, metrics, traces", scope: Scope::Top, keys: KEYS };

const METRICS: &str = "count the lines of the log";
const TRACES: &str = "follow a request by its `X-Request-Id`, which the log carries";
const WITHOUT_TRACES: &str = "of use with `otel_traces_exporter` alone, which is not there yet";

const KEYS: &[Key] = &[
    key("log_level", Type::Choice(&["trace", "debug", "info", "warn", "warning", "error", "critical", "fatal", "panic", "off", "none", "disabled"]), "info",
        "How much to log; `critical`, `fatal` and `panic` log errors, `none` and `disabled` nothing."),
    key("log_format", Type::Choice(&["auto", "json", "human"]), "auto",
        "How log lines look: JSON, or for people; `auto` writes for people on a terminal and JSON elsewhere.").ours(),
    key("proxy_log_level", Type::Text, "", "How much a second process logs.")
        .ignored("there is no second process; `log_level` covers it"),
    key("access_log_fields", Type::Texts, "", "The fields of the line of a request.")
        .not_yet("leave it out and pick the fields where the log is read"),
    key("authorize_log_fields", Type::Texts, "", "The fields of the line of a decision.")
        .not_yet("leave it out; the line of a request carries the decision"),
    key("decision_log", Type::Tree(&["path"]), "",
        "Where every decision is written, one JSON object a line: a file name (`-` is standard output), or `path`, `rotate` (`size` 128MiB, `age` 24h, `keep` 14, `compress` true) and `redact` (`none`, `hash` or `omit` people's addresses).").ours(),
    key("shadow", Type::Bool, "false",
        "This configuration is for `russet run --shadow-config`: its policies are asked beside the real ones, and it is never served.").ours(),
    key("metrics_address", Type::Address, "", "Where to serve metrics.").not_yet(METRICS),
    key("metrics_basic_auth", Type::Text, "", "Who may read metrics.").not_yet(METRICS).secret(),
    key("metrics_certificate", Type::Text, "", "The certificate of the metrics.").not_yet(METRICS),
    key("metrics_certificate_key", Type::Text, "", "Its private key.").not_yet(METRICS).secret(),
    key("metrics_certificate_file", Type::Path, "", "The certificate of the metrics.").not_yet(METRICS),
    key("metrics_certificate_key_file", Type::Path, "", "Its private key.").not_yet(METRICS),
    key("metrics_client_ca", Type::Text, "", "Whose certificates may read metrics.").not_yet(METRICS),
    key("metrics_client_ca_file", Type::Path, "", "Whose certificates may read metrics.").not_yet(METRICS),
    key("otel_traces_exporter", Type::Choice(&["none", "otlp"]), "none", "Where traces go.").not_yet(TRACES),
    key("otel_*", Type::Text, "", "The other standard settings of OpenTelemetry.").ignored(WITHOUT_TRACES),
    key("debug_address", Type::Address, "", "Where to serve Go's profiler.")
        .ignored("there is no Go in Russet"),
    key("health_check_systemd_disabled", Type::Bool, "false",
        "Do not tell systemd about health.")
        .ignored("Russet does not speak to systemd's watchdog"),
];
