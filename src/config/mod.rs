//! Floor 5: the operator's language.
//!
//! A text becomes nodes with places ([`yaml`]), nodes become the values of known keys (`section`,
//! by the table in [`keys`]), values become the settings of those who need them (`lower`). Every
//! problem is gathered; there are settings only where there is no error.
//!
//! *Invariant:* no module below this one knows YAML or the name of a file's key.

pub mod codes;

pub mod keys;
pub mod reference;
pub mod yaml;

mod files;
mod lower;
mod redact;
mod section;
mod value;

use std::path::{Path, PathBuf};

use tracing::level_filters::LevelFilter;

pub use section::Environment;

use crate::base::diagnostic::{Diagnostics, Sources};
use crate::base::node::Place;
use crate::base::secret::Secret;
use crate::base::time::Timestamp;
use crate::{apple, decision, gateway, session};
use files::{Files, Mode};
use keys::Scope;
use section::Section;

/// Where the configuration is, unless `--config` or `RUSSET_CONFIG` says otherwise.
pub const DEFAULT_PATH: &str = "/etc/russet/config.yaml";

/// Everything that a configuration says, for those who need it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How to speak with Apple.
    pub apple: apple::Settings,
    /// How sessions are kept.
    pub session: session::Settings,
    /// How requests are served; its routes stand in the order of `rules`.
    pub gateway: gateway::Settings,
    /// What is decided on requests.
    pub rules: Vec<decision::RouteRule>,
    /// `state_dir`, where it is written.
    pub state_dir: Option<PathBuf>,
    /// What is logged.
    pub log: LogSettings,
    /// Every file that was read: the configuration itself, and those it names.
    pub files: Vec<PathBuf>,
}

/// What is logged, and how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// `log_level`, default info.
    pub level: LevelFilter,
    /// `log_format`, default auto.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object for each line.
    Json,
    /// For people.
    Human,
}

/// What came of reading a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// The settings; `None` where there is an error among the diagnostics.
    pub settings: Option<Settings>,
    /// Everything there is to say about it.
    pub diagnostics: Diagnostics,
    /// The texts that the diagnostics point into; secrets in them are blanked out.
    pub sources: Sources,
    /// Keys that were accepted and have no effect.
    pub ignored: Vec<String>,
}

impl Loaded {
    /// All messages as people read them, in the order of their places.
    pub fn render(&self) -> String {
        let messages = self.diagnostics.sorted().into_iter();
        messages.map(|message| message.render(&self.sources)).collect::<Vec<_>>().join("\n")
    }
}

/// Reads the configuration in the file `path`, with the variables of `environment` over it.
pub fn load(path: &Path, environment: Environment<'_>, now: Timestamp) -> Loaded {
    let name = path.display().to_string();
    let mut sources = Sources::default();
    let mut told = Diagnostics::default();
    let (bytes, mode) = match files::read_bounded(path) {
        Ok(read) => read,
        Err(error) => {
            let help = "name the configuration by `--config FILE` or `RUSSET_CONFIG`; \
                        `config.example.yaml` is one to begin with";
            told.error(codes::FILE, None, format!("the configuration {name} {error}"), help);
            return Loaded { settings: None, diagnostics: told, sources, ignored: Vec::new() };
        }
    };
    if path.extension().is_some_and(|extension| extension == "toml") {
        let message = format!("the configuration {name} is TOML, which is not read");
        told.error(codes::FILE, None, message, "write it as YAML or JSON; the keys are the same");
        return Loaded { settings: None, diagnostics: told, sources, ignored: Vec::new() };
    }
    let text = String::from_utf8_lossy(&bytes);
    let source = sources.add(name, &*text);
    redact::mask_lines(&text, source, &mut sources);
    if let Err(error) = std::str::from_utf8(&bytes) {
        let start = u32::try_from(error.valid_up_to()).unwrap_or(u32::MAX);
        let place = Place { source, start, end: start.saturating_add(3) };
        let help =
            "save it as UTF-8; a file of another encoding or of no text at all looks like this";
        told.error(codes::ENCODING, place, "these bytes are no UTF-8", help);
        return Loaded { settings: None, diagnostics: told, sources, ignored: Vec::new() };
    }
    let reading = Reading { sources, told, environment, now, file: Some((path, mode)) };
    reading.finish(&text, source)
}

/// Reads a configuration that is not in a file: of a test, of a page of the documentation, of the
/// demo. Messages call it `name`.
pub fn load_text(name: &str, text: &str, environment: Environment<'_>, now: Timestamp) -> Loaded {
    let mut sources = Sources::default();
    let source = sources.add(name, text);
    redact::mask_lines(text, source, &mut sources);
    let told = Diagnostics::default();
    Reading { sources, told, environment, now, file: None }.finish(text, source)
}

/// The environment of this process. What is no UTF-8 is passed on with marks in its place, so that
/// it is refused and not overlooked.
pub fn process_environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// When an `idp_client_secret` made elsewhere expires, where it says so. Not verified: for telling
/// the operator alone.
pub fn client_secret_expiry(secret: &Secret) -> Option<Timestamp> {
    lower::client_secret_expiry(secret)
}

/// One configuration that is being read.
struct Reading<'a> {
    sources: Sources,
    told: Diagnostics,
    environment: Environment<'a>,
    now: Timestamp,
    file: Option<(&'a Path, Mode)>,
}

impl Reading<'_> {
    fn finish(mut self, text: &str, source: u32) -> Loaded {
        let whole = Place { source, start: 0, end: 0 };
        let Some(root) = yaml::read(text, source, &mut self.told) else {
            return self.loaded(None, Vec::new());
        };
        if root.map().is_none() && !root.is_null() {
            let message = format!("the configuration is {}; it must be a map", root.what());
            self.told.error(codes::SHAPE, root.place, message, "begin with `KEY: VALUE` lines");
            return self.loaded(None, Vec::new());
        }
        let mut top = Section::read(Scope::Top, &root, &mut self.sources, &mut self.told);
        if let Some((path, mode)) = self.file {
            check_mode(path, mode, top.holds_secret, whole, &mut self.told);
        }
        top.read_environment(self.environment, &mut self.sources, &mut self.told);
        let files = Files {
            asked: self.file.iter().map(|(path, _)| path.to_path_buf()).collect(),
            allow_readable_secrets: top.flag("allow_readable_secret_files"),
        };
        let mut context = lower::Context {
            told: &mut self.told,
            sources: &mut self.sources,
            files,
            now: self.now,
        };
        let settings = lower::lower(&top, &mut context);
        self.loaded(settings, top.ignored)
    }

    fn loaded(self, settings: Option<Settings>, ignored: Vec<String>) -> Loaded {
        let settings = settings.filter(|_| !self.told.has_errors());
        Loaded { settings, diagnostics: self.told, sources: self.sources, ignored }
    }
}

/// Security: whoever can write the configuration decides who may pass, and whoever can read a
/// secret in it can forge sessions (T60).
fn check_mode(path: &Path, mode: Mode, holds_secret: bool, at: Place, told: &mut Diagnostics) {
    let name = path.display();
    let help = format!("chmod o-rwx {name}");
    if mode.others_write() {
        let message = "everybody on this machine can write to this file";
        if holds_secret {
            told.error(
                codes::OPEN_CONFIGURATION,
                at,
                format!("{message}, which holds a secret"),
                help,
            );
        } else {
            told.warning(codes::OPEN_CONFIGURATION, at, message, help);
        }
    } else if mode.others_read() && holds_secret {
        let message = "everybody on this machine can read this file, which holds a secret";
        let help = format!(
            "{help}\nor move the secret into a file of its own: every such key has a `_file` form"
        );
        told.warning(codes::OPEN_CONFIGURATION, at, message, help);
    }
}

#[cfg(test)]
mod tests;
