//! Where log lines go: standard output, as JSON or for people, written by a thread of its own so
//! that a slow reader never holds up a request.

use std::fmt::Write as _;
use std::io::Write;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};

use super::record::{Evidence, Line, Record};
use crate::base::log_text;
use crate::base::time;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Short lines for people.
    Human,
}

/// Writes log lines. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Logs {
    writer: NonBlocking,
    format: Format,
    level: LevelFilter,
}

/// Writes out what is still queued when it is dropped.
#[derive(Debug)]
pub struct Guard(#[expect(dead_code, reason = "its drop writes out what is queued")] WorkerGuard);

impl Logs {
    /// Logs to `output`. Lines that do not fit the queue of a reader that stands still are dropped
    /// rather than waited for.
    pub fn to(
        output: impl Write + Send + 'static,
        format: Format,
        level: LevelFilter,
    ) -> (Self, Guard) {
        let (writer, guard) = tracing_appender::non_blocking(output);
        (Self { writer, format, level }, Guard(guard))
    }

    /// Sends everything that the program says through `tracing` here too. Once per process; a
    /// second call changes nothing.
    pub fn install(&self, level: LevelFilter) {
        // Security: the libraries' own lines may hold headers and bodies; only ours are written.
        let ours = tracing_subscriber::filter::Targets::new().with_target("russet", level);
        let lines =
            tracing_subscriber::fmt::layer().with_target(false).with_writer(self.writer.clone());
        let lines: Box<dyn tracing_subscriber::Layer<_> + Send + Sync> = match self.format {
            Format::Json => Box::new(lines.json().flatten_event(true).with_current_span(false)),
            Format::Human => Box::new(lines.with_ansi(false)),
        };
        use tracing_subscriber::layer::SubscriberExt as _;
        use tracing_subscriber::util::SubscriberInitExt as _;
        let _already_installed = tracing_subscriber::registry()
            .with(tracing_subscriber::Layer::with_filter(lines, ours))
            .try_init();
    }

    /// Writes the line of one request, if the level asks for it.
    pub fn request(&self, record: &Record) {
        if record.level() > self.level {
            return;
        }
        let took = time::monotonic().duration_since(record.begun);
        let duration_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
        let line = record.line(time::log_timestamp().to_string(), duration_ms);
        let mut text = match self.format {
            Format::Json => serde_json::to_string(&line).unwrap_or_default(),
            Format::Human => human_line(record, &line, duration_ms),
        };
        text.push('\n');
        // A full queue or a closed output must not fail a request.
        let _written = self.writer.clone().write_all(text.as_bytes());
    }
}

/// For people: what matters first, the rest as `name=value` where there is something to say.
fn human_line(record: &Record, line: &Line<'_>, duration_ms: f64) -> String {
    let mut text = format!(
        "{} {} {} {}{} {} {duration_ms} ms",
        time::log_timestamp(),
        record.status,
        record.method,
        record.host,
        log_text::for_log(&record.path),
        record.handled.word(),
    );
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = write!(text, " {name}={value}");
        }
    };
    add("route", line.route);
    add("upstream", line.upstream);
    add("reasons", Some(&line.reasons.join(",")));
    for evidence in &record.evidence {
        let Evidence { rule, criterion, wanted, seen } = evidence;
        let because = format!("\"{rule}: {criterion} wanted {wanted}, saw {seen}\"");
        add("because", Some(&log_text::for_log(&because)));
    }
    add("detail", line.detail.as_deref());
    add("shadow", line.shadow);
    add("shadow_reasons", line.shadow_reasons.map(|reasons| reasons.join(",")).as_deref());
    add("sub", line.subject.as_deref());
    add("ip", Some(&line.ip.to_string()));
    add("id", Some(&line.id));
    text
}
