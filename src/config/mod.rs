//! Floor 5: the operator's language.
//!
//! A text becomes nodes with places ([`yaml`]), nodes become the values of known keys (`section`,
//! by the table in [`keys`]), values become the settings of those who need them (`lower`). Every
//! problem is gathered; there are settings only where there is no error.
//!
//! *Invariant:* no module below this one knows YAML or the name of a file's key.

pub mod codes;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod import;
pub mod reference;
pub mod yaml;

mod files;
mod keys;
mod lower;
mod parse;
mod redact;
mod section;
mod value;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use zeroize::Zeroizing;

pub use section::Environment;

use crate::base::diagnostic::{Diagnostics, Sources};
use crate::base::node::Place;
use crate::base::secret::Secret;
use crate::base::time::Timestamp;
use crate::{apple, decision, gateway, policy, session};
use files::{Files, Mode};
use keys::Scope;
use lower::ReadGroups;
use section::{Purpose, Section};

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
    /// Who is in which group, where `groups_file` is written.
    pub groups: Option<Arc<policy::Groups>>,
    /// `state_dir`, where it is written.
    pub state_dir: Option<PathBuf>,
    /// `shadow: true`: this is for `run --shadow-config` alone and is not to be served.
    pub shadow: bool,
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
        render(&self.diagnostics, &self.sources)
    }
}

/// What came of reading the rules alone.
#[derive(Debug, Default)]
pub struct LoadedRules {
    /// What is decided on requests; `None` where there is an error among the diagnostics. Routes
    /// have the ids that they have when the whole configuration is loaded.
    pub rules: Option<decision::Rules>,
    /// Who is in which group, where `groups_file` was read.
    pub groups: Option<Arc<policy::Groups>>,
    /// `decision_log.path`, where it is written and a file.
    pub decision_log: Option<PathBuf>,
    /// `shadow: true`: this is for `run --shadow-config`.
    pub shadow: bool,
    /// Every file that was asked for: the configuration itself, and `groups_file` where a policy
    /// names a group.
    pub files: Vec<PathBuf>,
    /// Everything there is to say about it. What concerns no rule is a warning.
    pub diagnostics: Diagnostics,
    /// The texts that the diagnostics point into; secrets in them are blanked out.
    pub sources: Sources,
}

impl LoadedRules {
    /// All messages as people read them, in the order of their places.
    pub fn render(&self) -> String {
        render(&self.diagnostics, &self.sources)
    }
}

fn render(diagnostics: &Diagnostics, sources: &Sources) -> String {
    let messages = diagnostics.sorted().into_iter();
    messages.map(|message| message.render(sources)).collect::<Vec<_>>().join("\n")
}

/// Reads the configuration in the file `path`, with the variables of `environment` over it.
pub fn load(path: &Path, environment: Environment<'_>, now: Timestamp) -> Loaded {
    match open(path, environment, now) {
        Ok((reading, text)) => reading.settings(&text),
        Err(refused) => refused.loaded(None, Vec::new()),
    }
}

/// Reads a configuration that is not in a file: of a test, of a page of the documentation, of the
/// demo. Messages call it `name`.
pub fn load_text(name: &str, text: &str, environment: Environment<'_>, now: Timestamp) -> Loaded {
    Reading::of_text(name, text, environment, now).settings(text)
}

/// Reads only what is decided on requests from the file `path`, with the variables of `environment`
/// over it: no key, certificate, secret or any other file is opened but `groups_file`, and that only
/// where a policy names a group. Faults in what the rules are not made of are warnings.
pub fn load_rules(path: &Path, environment: Environment<'_>, now: Timestamp) -> LoadedRules {
    match open(path, environment, now) {
        Ok((reading, text)) => reading.rules(&text, ReadGroups::WhereNamed),
        Err(refused) => refused.loaded_rules(None),
    }
}

/// The same, with the members of every group: `groups_file` is read whether a policy names a group
/// or not.
pub fn load_rules_and_groups(
    path: &Path,
    environment: Environment<'_>,
    now: Timestamp,
) -> LoadedRules {
    match open(path, environment, now) {
        Ok((reading, text)) => reading.rules(&text, ReadGroups::Always),
        Err(refused) => refused.loaded_rules(None),
    }
}

/// As [`load_rules`], of a configuration that is not in a file. Messages call it `name`.
pub fn load_rules_text(
    name: &str,
    text: &str,
    environment: Environment<'_>,
    now: Timestamp,
) -> LoadedRules {
    Reading::of_text(name, text, environment, now).rules(text, ReadGroups::WhereNamed)
}

/// Reads the text of the file `path`.
///
/// # Errors
/// A reading that ends here, with what is to be said.
fn open<'a>(
    path: &'a Path,
    environment: Environment<'a>,
    now: Timestamp,
) -> Result<(Reading<'a>, Zeroizing<String>), Reading<'a>> {
    let name = path.display().to_string();
    let mut reading = Reading::new(environment, now);
    let (bytes, mode) = match files::read_bounded(path) {
        Ok(read) => read,
        Err(error) => {
            let help = "name the configuration by `--config FILE` or `RUSSET_CONFIG`; \
                        `config.example.yaml` is one to begin with";
            let message = format!("the configuration {name} {error}");
            reading.problems.error(codes::FILE, None, message, help);
            return Err(reading);
        }
    };
    reading.file = Some((path, mode));
    if path.extension().is_some_and(|extension| extension == "toml") {
        let message = format!("the configuration {name} is TOML, which is not read");
        let help = "write it as YAML or JSON; the keys are the same";
        reading.problems.error(codes::FILE, None, message, help);
        return Err(reading);
    }
    let text = String::from_utf8_lossy(&bytes);
    reading.begin(&name, &text);
    if let Err(error) = std::str::from_utf8(&bytes) {
        let start = u32::try_from(error.valid_up_to()).unwrap_or(u32::MAX);
        let place = Place { source: reading.source, start, end: start.saturating_add(3) };
        let help =
            "save it as UTF-8; a file of another encoding or of no text at all looks like this";
        reading.problems.error(codes::ENCODING, place, "these bytes are not UTF-8", help);
        return Err(reading);
    }
    let text = Zeroizing::new(text.into_owned());
    Ok((reading, text))
}

/// The environment of this process. What is not UTF-8 is passed on with marks in its place, so
/// that it is refused and not overlooked.
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
    problems: Diagnostics,
    environment: Environment<'a>,
    now: Timestamp,
    file: Option<(&'a Path, Mode)>,
    /// The id of its text among the sources.
    source: u32,
}

impl<'a> Reading<'a> {
    fn new(environment: Environment<'a>, now: Timestamp) -> Self {
        let (sources, problems) = (Sources::default(), Diagnostics::default());
        Self { sources, problems, environment, now, file: None, source: 0 }
    }

    fn of_text(name: &str, text: &str, environment: Environment<'a>, now: Timestamp) -> Self {
        let mut reading = Self::new(environment, now);
        reading.begin(name, text);
        reading
    }

    fn begin(&mut self, name: &str, text: &str) {
        self.source = self.sources.add(name, text);
        redact::mask_lines(text, self.source, &mut self.sources);
    }

    fn settings(mut self, text: &str) -> Loaded {
        let Some(top) = self.top(text, Purpose::Serve) else {
            return self.loaded(None, Vec::new());
        };
        let mut context = self.context(&top);
        let decisions = lower::decisions(&top, ReadGroups::Always, &mut context);
        let settings = lower::settings(&top, decisions, &mut context);
        let ignored = top.ignored.into_iter().map(|key| key.text).collect();
        self.loaded(settings, ignored)
    }

    fn rules(mut self, text: &str, read_groups: ReadGroups) -> LoadedRules {
        let Some(top) = self.top(text, Purpose::Decide) else { return self.loaded_rules(None) };
        let mut context = self.context(&top);
        let decisions = lower::decisions(&top, read_groups, &mut context);
        let rules = LoadedRules {
            rules: decisions.rules().map(decision::Rules::new),
            groups: decisions.groups(),
            decision_log: lower::decision_log(&top),
            shadow: top.get(&keys::logging::SHADOW),
            files: std::mem::take(&mut context.files.asked),
            ..LoadedRules::default()
        };
        // The rest is looked over without opening a file, and its faults stop nobody here.
        context.files.closed = true;
        let mut aside = Diagnostics::default();
        let mut rest = lower::Context { problems: &mut aside, ..context };
        lower::settings(&top, decisions, &mut rest);
        self.problems.append(aside.demoted());
        self.loaded_rules(Some(rules))
    }

    /// The keys of the text and of the environment; `None` where there is no telling them.
    fn top(&mut self, text: &str, purpose: Purpose) -> Option<Section> {
        let root = yaml::read(text, self.source, &mut self.problems)?;
        if root.map().is_none() && !root.is_null() {
            let message = format!("the configuration is {}; it must be a map", root.what());
            self.problems.error(codes::SHAPE, root.place, message, "begin with `KEY: VALUE` lines");
            return None;
        }
        let (sources, problems) = (&mut self.sources, &mut self.problems);
        let mut top = Section::read(Scope::Top, purpose, &root, sources, problems);
        if let Some((path, mode)) = self.file {
            let whole = Place { source: self.source, start: 0, end: 0 };
            let mut found = Diagnostics::default();
            check_mode(path, mode, top.holds_secret, whole, &mut found);
            purpose.report(found, false, problems);
        }
        top.read_environment(self.environment, sources, problems);
        Some(top)
    }

    fn context(&mut self, top: &Section) -> lower::Context<'_> {
        let files = Files {
            asked: self.file.iter().map(|(path, _)| path.to_path_buf()).collect(),
            allow_readable_secrets: top.get(&keys::storage::ALLOW_READABLE_SECRET_FILES),
            ..Files::default()
        };
        lower::Context {
            problems: &mut self.problems,
            sources: &mut self.sources,
            files,
            now: self.now,
        }
    }

    fn loaded(self, settings: Option<Settings>, ignored: Vec<String>) -> Loaded {
        let settings = settings.filter(|_| !self.problems.has_errors());
        Loaded { settings, diagnostics: self.problems, sources: self.sources, ignored }
    }

    fn loaded_rules(self, found: Option<LoadedRules>) -> LoadedRules {
        let found = found.unwrap_or_default();
        LoadedRules {
            rules: found.rules.filter(|_| !self.problems.has_errors()),
            diagnostics: self.problems,
            sources: self.sources,
            ..found
        }
    }
}

/// Security: whoever can write the configuration decides who may pass, and whoever can read a
/// secret in it can forge sessions (T60).
fn check_mode(path: &Path, mode: Mode, holds_secret: bool, at: Place, problems: &mut Diagnostics) {
    let name = path.display();
    let help = format!("chmod o-rwx {name}");
    if mode.others_write() {
        let message = "everybody on this machine can write to this file";
        if holds_secret {
            problems.error(
                codes::OPEN_CONFIGURATION,
                at,
                format!("{message}, which holds a secret"),
                help,
            );
        } else {
            problems.warning(codes::OPEN_CONFIGURATION, at, message, help);
        }
    } else if mode.others_read() && holds_secret {
        let message = "everybody on this machine can read this file, which holds a secret";
        let help = format!(
            "{help}\nor move the secret into a file of its own: every such key has a `_file` form"
        );
        problems.warning(codes::OPEN_CONFIGURATION, at, message, help);
    }
}

#[cfg(test)]
mod tests;
