//! `russet import`: the configuration of another program becomes one of Russet's, with a report.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::Outcome;
use crate::config::import::oauth2_proxy::{Input, Translation, translate};

/// Largest file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// oauth2-proxy: its TOML file, its alpha file, flags, variables of the environment
    #[command(name = "oauth2-proxy")]
    OAuth2Proxy(OAuth2Proxy),
}

#[derive(Debug, clap::Args)]
struct OAuth2Proxy {
    /// TOML or alpha YAML; or lines with flags or OAUTH2_PROXY_ variables, such as a unit or a
    /// compose file
    #[arg(value_name = "FILE", required_unless_present = "flags")]
    files: Vec<PathBuf>,
    /// Where to write the configuration; standard output unless given
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where to write what became of each option: a file, or `stderr`
    #[arg(long, value_name = "FILE", default_value = "stderr")]
    report: PathBuf,
    /// Flags of oauth2-proxy, after `--`
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let From::OAuth2Proxy(arguments) = &arguments.from;
    match import(arguments) {
        Ok(outcome) => outcome,
        Err(message) => {
            anstream::eprintln!("error: {message}");
            Outcome::Failed
        }
    }
}

fn import(arguments: &OAuth2Proxy) -> Result<Outcome, String> {
    let mut inputs = Vec::new();
    for path in &arguments.files {
        let name = path.display().to_string();
        let text = read(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
        inputs.push(Input { name, text });
    }
    let named = |name: &str| read(Path::new(name)).ok();
    let Translation { configuration, report, unknown, broken } =
        translate(&inputs, &arguments.flags, &named);
    if arguments.report == Path::new("stderr") {
        anstream::eprint!("{report}");
    } else {
        write(&arguments.report, &report)?;
    }
    if broken > 0 {
        return Ok(Outcome::Configuration);
    }
    match &arguments.output {
        Some(path) => write(path, &configuration)?,
        None => io::stdout()
            .lock()
            .write_all(configuration.as_bytes())
            .map_err(|error| format!("standard output cannot be written: {error}"))?,
    }
    Ok(if unknown > 0 { Outcome::Failed } else { Outcome::Fine })
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Never over a file that is there: it may be a configuration that somebody has worked on.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let opened = fs::OpenOptions::new().write(true).create_new(true).open(path);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))
}
