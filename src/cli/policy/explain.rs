//! `russet policy explain`: what one request would meet, and why.

use std::io::IsTerminal as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::reading::{self, print};
use super::{Configured, bounded, read_text};
use crate::base::diagnostic::{Diagnostics, Sources};
use crate::base::log_text::for_log;
use crate::base::time::{Clock, Timestamp};
use crate::cli::check::ConfigurationFile;
use crate::cli::exit::Exit;
use crate::decision;
use crate::workbench::cases;
use crate::workbench::curl;
use crate::workbench::evidence_tree::{self, BAD, GOOD, LOUD, UNSURE};
use crate::workbench::log::Reader;
use crate::workbench::person::{Person, moment};
use crate::workbench::recorded::RecordedRequest;
use crate::workbench::request::{SOURCE_IP, Supposed};
use crate::workbench::trial::Trial;

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The address that somebody asks for
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// Take the request from a captured curl line ("Copy as cURL"): the line, a file, or - for
    /// standard input
    #[arg(long, value_name = "LINE|FILE|-", conflicts_with = "url")]
    curl: Option<String>,
    /// The method [default: GET]
    #[arg(long, short = 'X', value_name = "METHOD")]
    method: Option<String>,
    /// Who is signed in: claims as JSON, or a file with them; without it, nobody is
    #[arg(long, value_name = "JSON|FILE")]
    claims: Option<String>,
    /// A header of the request; may be given several times
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Where the request comes from [default: 192.0.2.1]
    #[arg(long, value_name = "ADDRESS")]
    source_ip: Option<IpAddr>,
    /// When it comes, such as 2026-01-05T10:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    time: Option<Timestamp>,
    /// Explain a past decision by the short id that pages and logs show; the request comes from
    /// the decision log, the policies from the configuration
    #[arg(long, value_name = "SHORT_ID", conflicts_with_all = ["url", "curl", "method", "claims",
        "headers", "source_ip", "time"])]
    id: Option<String>,
    /// The decision log to look in [default: decision_log.path of the configuration]
    #[arg(long = "log", value_name = "FILE", requires = "id")]
    logs: Vec<PathBuf>,
    #[command(flatten)]
    configuration: ConfigurationFile,
    /// How to print it [default: human on a terminal, json elsewhere]
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// How to print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
}

fn parse_moment(text: &str) -> Result<Timestamp, String> {
    moment(text).ok_or_else(|| "write it like 2026-01-05T10:00:00Z".to_owned())
}

/// Runs the command. Whatever the outcome, it was explained.
pub fn run(arguments: &Arguments) -> Exit {
    explain(arguments).unwrap_or_else(|exit| exit)
}

fn explain(arguments: &Arguments) -> Result<Exit, Exit> {
    if let Some(id) = &arguments.id {
        return recorded_decision(arguments, id);
    }
    let request = request(arguments).map_err(usage)?;
    let person = arguments.claims.as_deref().map(person).transpose()?;
    let configured = Configured::load(&arguments.configuration)?;
    let now = Clock::system().now();
    let trial = Trial::run(&configured.rules, &request, person.as_ref(), now);
    let text = match is_json(arguments) {
        true => format!("{:#}\n", trial.as_json(&configured.rules, &configured.sources)),
        false => {
            let who = person.as_ref().map_or("nobody", Person::name);
            let head = format!("{} {}\nas {who}\n", request.method(), request.url());
            head + &evidence(&trial, &configured) + &outcome(&trial)
        }
    };
    print(&text)?;
    Ok(Exit::Fine)
}

fn is_json(arguments: &Arguments) -> bool {
    match arguments.format {
        Some(format) => format == Format::Json,
        None => !std::io::stdout().is_terminal(),
    }
}

/// Explains the last decision with this id.
fn recorded_decision(arguments: &Arguments, id: &str) -> Result<Exit, Exit> {
    let configured = Configured::load(&arguments.configuration)?;
    let inputs = reading::log(&arguments.logs, configured.decision_log.as_ref())?;
    let wanted = id.to_uppercase().replace('-', "");
    let mut found = None;
    let mut reader = Reader::default();
    reading::read(&inputs, &mut reader, |recorded, _| {
        if recorded.id.to_uppercase().replace('-', "") == wanted {
            found = Some(RecordedRequest::of(recorded));
        }
    })?;
    let Some(recorded) = found else {
        let problem = format!("the decision log has no request with the id {}", for_log(id));
        return Err(reading::failed(problem));
    };
    let Some(again) = recorded.again(&configured.rules) else {
        return Err(reading::failed("the path was too long for the log, so nothing can be said"));
    };
    let (trial, then) = (&again.trial, recorded.outcome.word());
    let text = match is_json(arguments) {
        true => {
            let mut value = trial.as_json(&configured.rules, &configured.sources);
            if let Some(members) = value.as_object_mut() {
                if let Some(criterion) = &again.not_recorded {
                    members.insert("outcome".to_owned(), "unknown".into());
                    members.insert("status".to_owned(), Value::Null);
                    members.insert("not_recorded".to_owned(), criterion.as_str().into());
                }
                let then = json!({"outcome": then, "reasons": recorded.reasons});
                members.insert("then".to_owned(), then);
                members.insert("time".to_owned(), recorded.at.to_string().into());
            }
            format!("{value:#}\n")
        }
        false => {
            let who = recorded.somebody.as_ref().map_or("nobody", |who| {
                let identity = &who.asker.identity;
                identity.claims.text("email").unwrap_or(&identity.subject)
            });
            let path = recorded.path.as_deref().unwrap_or_default();
            let (method, host) = (for_log(&recorded.method), for_log(&recorded.host));
            let head = format!(
                "{method} https://{host}{}\nas {}, {}\n",
                for_log(path),
                for_log(who),
                recorded.at
            );
            let end = match (&again.not_recorded, again.outcome()) {
                (Some(criterion), _) => format!(
                    "{UNSURE}unknown{UNSURE:#}: the log did not keep what `{criterion}` reads\n\
                     The answer was {LOUD}{then}{LOUD:#}.\n"
                ),
                (None, now) if now == Some(recorded.outcome) => outcome(trial),
                (None, _) => format!(
                    "{}The policies have changed: the answer was {LOUD}{then}{LOUD:#}.\n",
                    outcome(trial)
                ),
            };
            head + &evidence(trial, &configured) + &end
        }
    };
    print(&text)?;
    Ok(Exit::Fine)
}

fn usage(problem: String) -> Exit {
    anstream::eprintln!("error: {problem}");
    Exit::Usage
}

fn request(arguments: &Arguments) -> Result<Supposed, String> {
    let mut request = match (&arguments.url, &arguments.curl) {
        (Some(url), _) => Supposed::get(url).map_err(|problem| problem.to_string())?,
        (None, Some(line)) => captured(line)?,
        (None, None) => return Err("which address? russet policy explain URL".to_owned()),
    };
    if let Some(method) = &arguments.method {
        request.set_method(method).map_err(|problem| problem.to_string())?;
    }
    for header in &arguments.headers {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| format!("--header is written `NAME: VALUE`; {header:?} is not"))?;
        request.add_header(name.trim(), value.trim()).map_err(|problem| problem.to_string())?;
    }
    request.source_ip = arguments.source_ip.unwrap_or(SOURCE_IP);
    request.time = arguments.time;
    Ok(request)
}

fn captured(given: &str) -> Result<Supposed, String> {
    let line = match given {
        "-" => bounded(std::io::stdin().lock(), "standard input")?,
        _ if given.contains(char::is_whitespace) && !Path::new(given).exists() => given.to_owned(),
        file => std::fs::read_to_string(file).map_err(|error| format!("--curl {file}: {error}"))?,
    };
    let captured = curl::read(&line).map_err(|problem| format!("--curl: {problem}"))?;
    if captured.cookies {
        anstream::eprintln!(
            "note: the cookies of the line are not looked at; say who is signed in with --claims"
        );
    }
    Ok(captured.request)
}

/// Claims as JSON, or the file with them.
fn person(claims: &str) -> Result<Person, Exit> {
    let (text, origin) = match claims.trim_start().starts_with(['{', '[']) {
        true => (claims.to_owned(), "--claims"),
        false => (read_text(Path::new(claims)).map_err(usage)?, claims),
    };
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let person = cases::read_person(origin, &text, &mut sources, &mut diagnostics);
    for message in diagnostics.sorted() {
        anstream::eprintln!("{}", message.render(&sources));
    }
    person.ok_or(Exit::Usage)
}

/// The route, and the tree of its policy.
fn evidence(trial: &Trial, configured: &Configured) -> String {
    let mut text = String::new();
    if let Some(route) = trial.route(&configured.rules) {
        text += &format!("route {LOUD}{route}{LOUD:#}\n");
    }
    text.push('\n');
    match trial.explanation() {
        Some(explanation) => text += &evidence_tree::human(explanation, &configured.sources, ""),
        None => text += &format!("{}\n", trial.instead().unwrap_or_default()),
    }
    text.push('\n');
    text
}

/// The outcome, with its reasons and what is missing.
fn outcome(trial: &Trial) -> String {
    let style = match trial.outcome() {
        decision::Outcome::Allow => GOOD,
        decision::Outcome::Deny | decision::Outcome::NoRoute => BAD,
        decision::Outcome::SignIn => UNSURE,
    };
    let (word, status) = (trial.outcome().word(), trial.status.as_u16());
    let mut text = format!("{style}{word}{style:#}, {status}");
    let reasons = trial.reasons();
    if !reasons.is_empty() {
        text += &format!(": {}", reasons.join(", "));
    }
    text.push('\n');
    let missing = trial.missing();
    if !missing.is_empty() {
        text += &format!("missing: {}\n", missing.join(", "));
    }
    text
}
