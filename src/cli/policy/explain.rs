//! `russet policy explain`: what one request would meet, and why.

use std::io::{IsTerminal as _, Read as _};
use std::net::IpAddr;

use serde_json::Value;

use super::Configured;
use crate::base::time::{Clock, Timestamp};
use crate::cli::Outcome;
use crate::cli::check::ConfigurationFile;
use crate::workbench::curl;
use crate::workbench::person::{Person, moment};
use crate::workbench::request::{SOURCE_IP, Supposed};
use crate::workbench::tree::{self, BAD, GOOD, LOUD, UNSURE};
use crate::workbench::trial::{Trial, Word};

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
    #[command(flatten)]
    configuration: ConfigurationFile,
    /// How to print it [default: human on a terminal, json elsewhere]
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// Longest curl line that is read, in bytes.
const MAX_LINE: u64 = 1 << 20;

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
pub fn run(arguments: &Arguments) -> Outcome {
    explain(arguments).unwrap_or_else(|outcome| outcome)
}

fn explain(arguments: &Arguments) -> Result<Outcome, Outcome> {
    let request = request(arguments).map_err(usage)?;
    let person = arguments.claims.as_deref().map(person).transpose().map_err(usage)?;
    let configured = Configured::load(&arguments.configuration)?;
    let now = Clock::system().now();
    let trial = Trial::run(&configured.rules, &request, person.as_ref(), now);
    let terminal = std::io::stdout().is_terminal();
    let text = match arguments.format {
        Some(Format::Json) => json(&trial, &configured),
        None if !terminal => json(&trial, &configured),
        Some(Format::Human) | None => human(&trial, &configured, &request, person.as_ref()),
    };
    anstream::print!("{text}");
    Ok(Outcome::Fine)
}

fn usage(problem: String) -> Outcome {
    anstream::eprintln!("error: {problem}");
    Outcome::Usage
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
        "-" => std::io::read_to_string(std::io::stdin().take(MAX_LINE))
            .map_err(|error| format!("standard input: {error}"))?,
        _ if given.contains("curl") && given.contains(char::is_whitespace) => given.to_owned(),
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
fn person(claims: &str) -> Result<Person, String> {
    let (text, origin) = if claims.trim_start().starts_with('{') {
        (claims.to_owned(), "--claims".to_owned())
    } else {
        let text = std::fs::read_to_string(claims);
        (text.map_err(|error| format!("--claims {claims}: {error}"))?, claims.to_owned())
    };
    let members: Value =
        serde_json::from_str(&text).map_err(|error| format!("{origin} is no JSON: {error}"))?;
    let Value::Object(members) = members else {
        return Err(format!("{origin} must be a JSON object such as {{\"sub\": \"001\"}}"));
    };
    Person::from_members(members).map_err(|problem| format!("{origin}: {problem}"))
}

fn json(trial: &Trial, configured: &Configured) -> String {
    format!("{:#}\n", trial.as_json(&configured.rules, &configured.sources))
}

fn human(
    trial: &Trial,
    configured: &Configured,
    request: &Supposed,
    person: Option<&Person>,
) -> String {
    let style = match trial.word() {
        Word::Allow => GOOD,
        Word::Deny => BAD,
        Word::Login => UNSURE,
    };
    let mut text = format!("{} {}\n", request.method(), request.url());
    text += &match person {
        Some(person) => format!("as {}\n", person.name()),
        None => "as nobody\n".to_owned(),
    };
    if let Some(route) = trial.route(&configured.rules) {
        text += &format!("route {LOUD}{route}{LOUD:#}\n");
    }
    text.push('\n');
    match trial.explanation() {
        Some(explanation) => text += &tree::human(explanation, &configured.sources, ""),
        None => text += &format!("{}\n", trial.instead().unwrap_or_default()),
    }
    let (word, status) = (trial.word().as_str(), trial.status.as_u16());
    let reasons = trial.reasons();
    text += &format!("\n{style}{word}{style:#}, {status}");
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
