//! `russet check`: everything that is wrong with a configuration, and what follows from it.

mod facts;
mod probe;
mod snippet;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub use probe::{Finding, probe};
pub use snippet::{Front, Snippet, SnippetProblem, snippet};

use super::exit::Exit;
use crate::apple::ClientSecretSource;
use crate::base::diagnostic::{Diagnostic, Sources};
use crate::base::time::Clock;
use crate::config::{self, Loaded, Settings};

/// The flag that every command takes which reads the configuration.
#[derive(Debug, clap::Args)]
pub struct ConfigurationFile {
    /// The configuration
    #[arg(long = "config", value_name = "FILE", env = "RUSSET_CONFIG", default_value = config::DEFAULT_PATH)]
    pub path: PathBuf,
}

impl ConfigurationFile {
    /// Reads it, with the environment of this process over it.
    pub fn load(&self) -> Loaded {
        config::load(&self.path, &config::process_environment, Clock::system().now())
    }
}

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationFile,
    /// Take warnings for errors
    #[arg(long)]
    deny_warnings: bool,
    /// Print what goes into the configuration of this proxy in front, alone on standard output
    #[arg(long = "for", value_enum, value_name = "PROXY", conflicts_with = "format")]
    front: Option<Front>,
    /// Ask this address through the proxy in front, from outside: is it wired as it must be? Name
    /// one that only people who are signed in may see
    #[arg(long, value_name = "URL", conflicts_with = "format", value_parser = https_url)]
    probe: Option<url::Url>,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How to print what was found.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Exit {
    let loaded = arguments.configuration.load();
    let path = &arguments.configuration.path;
    let refused = loaded.diagnostics.has_errors()
        || loaded.settings.is_none()
        || (arguments.deny_warnings && loaded.diagnostics.warnings() > 0);
    if arguments.front.is_some() || arguments.probe.is_some() {
        return snippet_and_probe(arguments, &loaded, refused);
    }
    let text = match arguments.format {
        Format::Human => human(path, &loaded),
        Format::Json => format!("{:#}\n", as_json(&loaded)),
    };
    if io::stdout().lock().write_all(text.as_bytes()).is_err() {
        return Exit::Failed;
    }
    if refused { Exit::Configuration } else { Exit::Fine }
}

/// The snippet alone on standard output, so that it can be written to a file; everything else on
/// standard error. What a probe finds goes to standard output where there is no snippet.
fn snippet_and_probe(arguments: &Arguments, loaded: &Loaded, refused: bool) -> Exit {
    anstream::eprint!("{}", loaded.render());
    let Some(settings) = loaded.settings.as_ref().filter(|_| !refused) else {
        return Exit::Configuration;
    };
    if let Some(front) = arguments.front {
        match snippet(front, settings) {
            Ok(Snippet { text, notes }) => {
                for note in notes {
                    anstream::eprintln!("note: {note}");
                }
                if io::stdout().lock().write_all(text.as_bytes()).is_err() {
                    return Exit::Failed;
                }
            }
            Err(problem) => {
                anstream::eprintln!("error: {problem}");
                return Exit::Configuration;
            }
        }
    }
    let Some(url) = &arguments.probe else { return Exit::Fine };
    let findings = match probed(url, settings) {
        Ok(findings) => findings,
        Err(problem) => {
            anstream::eprintln!("error: {problem}");
            return Exit::Failed;
        }
    };
    for finding in &findings {
        match arguments.front {
            Some(_) => anstream::eprint!("{}", finding.line()),
            None => anstream::print!("{}", finding.line()),
        }
    }
    let good = findings.iter().all(|finding| finding.wrong.is_none());
    if good { Exit::Fine } else { Exit::Failed }
}

fn probed(url: &url::Url, settings: &Settings) -> Result<Vec<Finding>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(probe(url, settings))
}

fn https_url(text: &str) -> Result<url::Url, String> {
    let url = url::Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() == "https" && url.host_str().is_some() {
        true => Ok(url),
        false => Err("write https:// and the host that people ask for".to_owned()),
    }
}

fn human(path: &Path, loaded: &Loaded) -> String {
    let mut text = loaded.render();
    if !text.is_empty() {
        text.push('\n');
    }
    let (errors, warnings) = (loaded.diagnostics.errors(), loaded.diagnostics.warnings());
    let verdict = match (errors, warnings) {
        (0, 0) => "fine".to_owned(),
        (0, _) => format!("usable, {}", counted(warnings, "warning")),
        (_, 0) => counted(errors, "error"),
        _ => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    text += &format!("{}: {verdict}\n", path.display());
    if let Some(settings) = &loaded.settings {
        for (name, value) in facts(settings) {
            text += &format!("  {name}: {value}\n");
        }
    }
    if !loaded.ignored.is_empty() {
        text += &format!("  without effect in Russet: {}\n", loaded.ignored.join(", "));
    }
    text
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// What an operator compares with Apple's portal, in its words.
fn facts(settings: &Settings) -> Vec<(&'static str, String)> {
    let secret = match &settings.apple.client_secret {
        ClientSecretSource::Key(identity) => {
            format!("made when needed, by key {} of team {}", identity.key_id, identity.team_id)
        }
        ClientSecretSource::Ready(secret) => match config::client_secret_expiry(secret) {
            Some(at) => format!("made elsewhere, good until {at}"),
            None => "made elsewhere".to_owned(),
        },
    };
    vec![
        ("return URL, to register with Apple as it stands", settings.apple.redirect_uri.clone()),
        ("client_id, the Services ID", settings.apple.client_id.clone()),
        ("client secret", secret),
        ("routes", settings.rules.len().to_string()),
    ]
}

fn as_json(loaded: &Loaded) -> Value {
    let told = loaded.diagnostics.sorted();
    let settings = loaded.settings.as_ref().map(|settings| {
        json!({
            "redirect_uri": settings.apple.redirect_uri,
            "client_id": settings.apple.client_id,
            "routes": settings.rules.len(),
        })
    });
    json!({
        "errors": loaded.diagnostics.errors(),
        "warnings": loaded.diagnostics.warnings(),
        "diagnostics":
            told.iter().map(|item| diagnostic_json(item, &loaded.sources)).collect::<Vec<_>>(),
        "settings": settings,
        "without_effect": loaded.ignored,
    })
}

pub(super) fn diagnostic_json(item: &Diagnostic, sources: &Sources) -> Value {
    let place = |place| {
        let (file, position) = sources.locate(place)?;
        let (line, column) = position.unzip();
        Some(json!({"file": file, "line": line, "column": column}))
    };
    let notes = item.notes.iter();
    let notes: Vec<_> =
        notes.map(|(at, text)| json!({"place": place(*at), "message": text})).collect();
    json!({
        "severity": item.severity.word(),
        "code": item.code,
        "place": item.place.and_then(place),
        "message": item.message,
        "help": item.help,
        "notes": notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Timestamp;

    fn loaded(text: &str) -> Loaded {
        config::load_text("config.yaml", text, &|_| None, Timestamp(1_800_000_000))
    }

    #[test]
    fn failure_invalid_redirect_and_failure_invalid_client_the_summary_tells_what_to_compare() {
        let text = std::fs::read_to_string("config.example.yaml").unwrap();
        let text = human(Path::new("config.example.yaml"), &loaded(&text));
        assert!(text.contains("https://auth.example.com/oauth2/callback"), "{text}");
        assert!(text.contains("com.example.web"), "{text}");
    }

    #[test]
    fn json_has_the_same_records() {
        let value = as_json(&loaded("cookie_expire: 14\n"));
        let first = value["diagnostics"].as_array().unwrap();
        let first = first.iter().find(|item| item["code"] == "R013").unwrap();
        assert_eq!(first["place"], json!({"file": "config.yaml", "line": 1, "column": 16}));
        assert_eq!(first["severity"], "error");
        assert_eq!(value["settings"], Value::Null);
    }
}
