//! `russet fake-apple`: a whole (and fake) Apple as a program of its own, for staging.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;
use crate::base::diagnostic::{Diagnostics, Sources};
use crate::base::secret::Secret;
use crate::base::time::Clock;
use crate::fake_apple::{
    Client, ClientKey, FakeApple, Person, PlusSign, Settings, StartError, Tls, prepared,
    read_people,
};
use crate::workbench::{cases, person};

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where to listen; off loopback a password is needed
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9400")]
    listen: SocketAddr,
    /// Its own name, which Russet gets as idp_provider_url; by default `https://apple.localhost:PORT`
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The Services ID that may sign people in
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// Its team
    #[arg(long, value_name = "ID")]
    team_id: String,
    /// The name of its key [default: from the name of the file, AuthKey_XXXXXXXXXX.p8]
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// Its key: the .p8 file, of which only the public half is kept
    #[arg(long, value_name = "FILE", required_unless_present = "public_key")]
    p8: Option<PathBuf>,
    /// Its key: the public half alone, as PEM
    #[arg(long, value_name = "FILE", conflicts_with = "p8")]
    public_key: Option<PathBuf>,
    /// A return URL, byte for byte; may be given several times
    #[arg(long = "redirect-uri", value_name = "URL", required = true)]
    redirect_uris: Vec<String>,
    /// Other people than the prepared ones: a file of policy tests, whose identities are offered,
    /// or a JSON list of {"id", "about", "first_name", "last_name", "claims": {"sub", "email", ...}}
    #[arg(long, value_name = "FILE")]
    people: Option<PathBuf>,
    /// Asked for before the people are shown
    #[arg(long, env = "RUSSET_FAKE_APPLE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Certificate chain as PEM [default: one is made at start]
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Private key of the certificate as PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Write the certificate authority that is made at start here, for Russet's
    /// certificate_authority_file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cert", "plain"])]
    write_ca: Option<PathBuf>,
    /// Plain HTTP, on loopback alone
    #[arg(long, conflicts_with = "cert")]
    plain: bool,
    /// Ignore scopes that are written with +, as the native sheet of Apple devices does, instead of
    /// refusing them
    #[arg(long)]
    plus_drops_scopes: bool,
}

/// Serves until it is told to stop.
pub fn run(arguments: &Arguments) -> Exit {
    let settings = match settings(arguments) {
        Ok(settings) => settings,
        Err(problem) => return problem.report(),
    };
    // A log that somebody else has set up stays.
    let _set = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).try_init();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let served = match runtime.worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(serve(settings, arguments)),
        Err(error) => Err(Problem::new(Exit::Failed, "the runtime does not start", error)),
    };
    served.map_or_else(Problem::report, |()| Exit::Fine)
}

async fn serve(settings: Settings, arguments: &Arguments) -> Result<(), Problem> {
    let locked = settings.password.is_some();
    let apple = FakeApple::start(settings).await.map_err(Problem::of_start)?;
    if let (Some(file), Some(authority)) = (&arguments.write_ca, apple.authority_pem()) {
        std::fs::write(file, authority).map_err(|error| Problem::of_file(file, error))?;
    }
    introduce(&apple, arguments, locked);
    let terminated = signal(SignalKind::terminate());
    let mut terminated = terminated
        .map_err(|error| Problem::new(Exit::Failed, "signals cannot be caught", error))?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
    apple.stop();
    Ok(())
}

fn introduce(apple: &FakeApple, arguments: &Arguments, locked: bool) {
    let loud = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
    let base_url = apple.base_url();
    anstream::println!("{loud}THIS IS NOT APPLE.{loud:#} Whoever reaches it can be anybody.");
    anstream::println!("It listens on {} and is called {base_url}.", apple.address());
    anstream::println!();
    anstream::println!("In Russet's configuration:");
    anstream::println!("    idp_provider_url: {base_url}");
    anstream::println!("    idp_client_id: {}", arguments.client_id);
    anstream::println!("    idp_team_id: {}", arguments.team_id);
    match &arguments.write_ca {
        Some(file) => {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            anstream::println!("    certificate_authority_file: {}", file.display());
        }
        None if apple.authority_pem().is_some() => anstream::println!(
            "Its certificate authority was made just now; --write-ca FILE keeps it for Russet's \
             certificate_authority_file."
        ),
        None => {}
    }
    anstream::println!();
    anstream::println!("How to make it fail is told at {base_url}/");
    if locked {
        anstream::println!("Its page and its controls ask for the password.");
    }
}

fn settings(arguments: &Arguments) -> Result<Settings, Problem> {
    let people = match &arguments.people {
        None => prepared(),
        Some(file) => people(file)?,
    };
    let tls = match (&arguments.cert, &arguments.key) {
        _ if arguments.plain => Tls::Plain,
        (Some(cert), Some(key)) => {
            Tls::Given { chain_pem: read(cert)?, key_pem: Secret::new(read(key)?) }
        }
        _ => Tls::Made,
    };
    Ok(Settings {
        listen: arguments.listen,
        base_url: arguments.base_url.clone(),
        clients: vec![client(arguments)?],
        people,
        tls,
        password: arguments.password.as_deref().map(Secret::new),
        plus_sign: if arguments.plus_drops_scopes {
            PlusSign::DropsScopes
        } else {
            PlusSign::Refused
        },
        clock: Clock::system(),
    })
}

/// The people of a JSON list, or the identities of a file of policy tests.
fn people(file: &Path) -> Result<Vec<Person>, Problem> {
    let content = read(file)?;
    if content.trim_ascii_start().starts_with(b"[") {
        return read_people(&content).map_err(|error| Problem::of_file(file, error));
    }
    let text = String::from_utf8(content).map_err(|error| Problem::of_file(file, error))?;
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let cases = cases::read(&file.display().to_string(), &text, &mut sources, &mut diagnostics);
    let messages = diagnostics.sorted().into_iter().map(|message| message.render(&sources));
    let messages = messages.collect::<Vec<_>>().join("\n");
    if diagnostics.has_errors() {
        return Err(Problem::of_file(file, format!("these people cannot be offered\n{messages}")));
    }
    if !messages.is_empty() {
        anstream::eprintln!("{messages}");
    }
    let people: Vec<Person> =
        cases.people().into_iter().map(|(id, person)| offered(id, &person, file)).collect();
    if people.is_empty() {
        return Err(Problem::of_file(file, "nobody in this file is signed in"));
    }
    Ok(people)
}

fn offered(id: String, person: &person::Person, file: &Path) -> Person {
    let about = format!("From {}", file.display());
    let none = String::new;
    Person { id, about, first_name: none(), last_name: none(), claims: person.claims.clone() }
}

fn client(arguments: &Arguments) -> Result<Client, Problem> {
    let file = arguments.p8.as_ref().or(arguments.public_key.as_ref());
    // One of the two is there: clap sees to it.
    let file = file.map(PathBuf::as_path).unwrap_or(Path::new(""));
    let named = || file.file_stem()?.to_str()?.strip_prefix("AuthKey_");
    let key_id = arguments.key_id.as_deref().or_else(named).unwrap_or_default();
    let key = ClientKey::from_pem(key_id, Secret::new(read(file)?).expose());
    let key = key.map_err(|error| Problem::of_file(file, error))?;
    Ok(Client {
        client_id: arguments.client_id.clone(),
        team_id: arguments.team_id.clone(),
        keys: vec![key],
        redirect_uris: arguments.redirect_uris.clone(),
    })
}

fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    std::fs::read(file).map_err(|error| Problem::of_file(file, error))
}

/// Why it does not serve.
struct Problem {
    exit: Exit,
    context: String,
    source: Box<dyn Error>,
}

impl Problem {
    fn new(exit: Exit, context: &str, source: impl Into<Box<dyn Error>>) -> Self {
        Self { exit, context: context.to_owned(), source: source.into() }
    }

    fn of_file(file: &Path, source: impl Into<Box<dyn Error>>) -> Self {
        Self::new(Exit::Usage, &file.display().to_string(), source)
    }

    fn of_start(error: StartError) -> Self {
        let failed = matches!(error, StartError::Listen { .. } | StartError::NoKey);
        let exit = if failed { Exit::Failed } else { Exit::Usage };
        Self::new(exit, "the fake Apple does not start", error)
    }

    fn report(self) -> Exit {
        anstream::eprintln!("error: {}: {}", self.context, self.source);
        let mut cause = self.source.source();
        while let Some(error) = cause {
            anstream::eprintln!("    {error}");
            cause = error.source();
        }
        self.exit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Person>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tests.yaml");
        std::fs::write(&file, text).unwrap();
        people(&file).map_err(|problem| problem.source.to_string())
    }

    #[test]
    fn the_identities_of_policy_tests_are_offered_and_nobody_else() {
        let people = of("
identities:
  ann: { sub: '001', email: ann@corp.example, email_verified: true, groups: [staff] }
  idle: { sub: '009' }
tests:
  - { name: a, identity: ann, request: a.example, expect: allow }
  - { name: b, identity: { sub: '002', org_id: x }, request: a.example, expect: deny }
  - { name: c, identity: { sub: '002', org_id: y }, request: a.example, expect: deny }
  - { name: d, request: a.example, expect: sign_in }
")
        .unwrap();
        let ids: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
        assert_eq!(ids, ["ann", "idle", "002", "002, 2"]);
        assert_eq!(people[0].claims["email_verified"], true);
        assert!(!people[0].claims.contains_key("groups"));
        assert_eq!(people[3].claims["org_id"], "y");
    }

    #[test]
    fn a_file_that_offers_nobody_is_refused_with_the_place() {
        let said = of("tests:\n  - {name: a, request: a.example, expect: sign_in}\n").unwrap_err();
        assert!(said.contains("nobody in this file"), "{said}");
        let said =
            of("tests:\n  - {name: a, identity: {}, request: a, expect: deny}\n").unwrap_err();
        assert!(said.contains("tests.yaml:2:25: error[R013]: a person needs `sub`"), "{said}");
    }
}
