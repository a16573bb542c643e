//! Everything that the demo runs: certificates, key, configuration, fake Apple, apps, Russet.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::apps::{App, AppProblem};
use super::free_port;
use crate::app::{self, Running, Start, StartProblem};
use crate::base::random;
use crate::base::secret::Secret;
use crate::base::time::Clock;
use crate::config;
use crate::fake_apple::{
    Client, ClientKey, FakeApple, Person, Settings, StartError, Tls, prepared,
};
use crate::telemetry::{Format, Guard, Logs};

const CLIENT_ID: &str = "com.example.demo.web";
const TEAM_ID: &str = "DEMO2TEAM3";
const KEY_ID: &str = "DEMO4KEY56";
const HOSTS: [&str; 4] = ["wiki.localhost", "lunch.localhost", "auth.localhost", "apple.localhost"];

/// What the demo could not do.
#[derive(Debug, thiserror::Error)]
pub(super) enum StageProblem {
    #[error("the folder of the demo: {0}")]
    Folder(#[from] io::Error),
    #[error(
        "port {0} is taken\nhelp: stop what listens there, or choose others: make demo ARGS='--port 8444 --apple-port 9444'"
    )]
    Port(u16),
    #[error("certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("the fake Apple does not start: {0}")]
    Apple(#[from] StartError),
    #[error(transparent)]
    App(#[from] AppProblem),
    #[error("the configuration of the demo:\n{0}")]
    Configuration(String),
    #[error("Russet does not start: {0}")]
    Start(#[from] StartProblem),
}

/// A demo that is running.
pub(super) struct Stage {
    folder: PathBuf,
    pub(super) port: u16,
    pub(super) authority_pem: String,
    pub(super) apple: FakeApple,
    pub(super) apps: [App; 2],
    running: Running,
    _logs: Guard,
}

impl Stage {
    /// Makes everything and starts it. With `quiet`, request lines go nowhere.
    pub(super) async fn set(port: u16, apple_port: u16, quiet: bool) -> Result<Self, StageProblem> {
        let folder = new_folder()?;
        let (port, apple_port) = (usable(port)?, usable(apple_port)?);
        let files = Files::write(&folder)?;
        let apps = [App::start("wiki").await?, App::start("lunch").await?];
        let apple = start_apple(&files, port, apple_port).await?;
        let text = configuration(&folder, &files, port, apple.base_url(), &apps);
        let path = folder.join("config.yaml");
        write_private(&path, text.as_bytes())?;
        let clock = Clock::system();
        // The demo is what its file says; variables of the visitor's shell are not part of it.
        let loaded = config::load(&path, &|_| None, clock.now());
        let Some(settings) = loaded.settings else {
            return Err(StageProblem::Configuration(loaded.render()));
        };
        let (logs, guard) = match quiet {
            true => Logs::to(io::sink(), Format::Json, settings.log.level),
            false => Logs::to(io::stdout(), Format::Human, settings.log.level),
        };
        if !quiet {
            logs.install(settings.log.level);
        }
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let running = app::start(Start { settings, logs, clock, workers, shadow_rules: None })?;
        let authority_pem = files.authority_pem;
        Ok(Self { folder, port, authority_pem, apple, apps, running, _logs: guard })
    }

    /// Says what there is to see.
    pub(super) fn introduce(&self) {
        let port = self.port;
        anstream::println!(
            "Russet is in front of two web apps; a fake Apple says who people are.\n"
        );
        anstream::println!("  https://wiki.localhost:{port}   for addresses of corp.example");
        anstream::println!("  https://lunch.localhost:{port}  for everybody who is signed in\n");
        anstream::println!("Who may go where:");
        for person in prepared() {
            let wiki = if may_read_wiki(&person) {
                "wiki, lunch"
            } else {
                "lunch; the wiki explains why not"
            };
            anstream::println!("  {:<15} {:<48} {wiki}", person.display_name(), person.about);
        }
        anstream::println!("  or press Cancel at the fake Apple.\n");
        anstream::println!(
            "Your browser does not know the certificates of the demo, which were made just now: let it go \
             on, or have it trust\n  {}\n",
            self.folder.join("authority.pem").display()
        );
        anstream::println!("The configuration is {}", self.folder.join("config.yaml").display());
        anstream::println!("Who signs in is at {}, and nowhere near Apple.", self.apple.base_url());
        anstream::println!("Stop with Ctrl-C.\n");
    }

    /// Where a name of the demo is.
    pub(super) fn addresses(&self) -> Vec<(&'static str, SocketAddr)> {
        let [russet, apple] = [self.running.address(), self.apple.address()];
        HOSTS
            .iter()
            .map(|host| (*host, if *host == "apple.localhost" { apple } else { russet }))
            .collect()
    }

    /// Stops everything and takes the folder away.
    pub(super) async fn clear(self) {
        if let Err(error) = self.running.drain(std::time::Duration::from_secs(2)).await {
            anstream::eprintln!("warning: {error}");
        }
        self.apple.stop();
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            anstream::eprintln!("warning: {} is left: {error}", self.folder.display());
        }
    }
}

/// Whether the demo's policy lets a person read the wiki: a verified address of the company.
pub(super) fn may_read_wiki(person: &Person) -> bool {
    let claim = |name| person.claims.get(name);
    let verified = claim("email_verified").is_some_and(|v| *v == true || *v == "true");
    let email = claim("email").and_then(serde_json::Value::as_str).unwrap_or_default();
    verified && email.ends_with("@corp.example")
}

struct Files {
    authority_pem: String,
    certificate_pem: String,
    certificate_key_pem: Secret,
    apple_key_pem: Secret,
}

impl Files {
    /// A certificate authority, a certificate for all names, and a `.p8` key, all new.
    fn write(folder: &Path) -> Result<Self, StageProblem> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.distinguished_name.push(DnType::CommonName, "Russet demo, made just now");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate()?;
        let names: Vec<String> = HOSTS.iter().map(|host| (*host).to_owned()).collect();
        let certificate_pem = CertificateParams::new(names)?.signed_by(&key, &issuer)?.pem();
        let files = Self {
            authority_pem,
            certificate_pem,
            certificate_key_pem: Secret::new(key.serialize_pem()),
            apple_key_pem: Secret::new(KeyPair::generate()?.serialize_pem()),
        };
        write_private(&folder.join("authority.pem"), files.authority_pem.as_bytes())?;
        write_private(&folder.join("certificate.pem"), files.certificate_pem.as_bytes())?;
        write_private(&folder.join("certificate.key"), files.certificate_key_pem.expose())?;
        write_private(&folder.join(key_file_name()), files.apple_key_pem.expose())?;
        Ok(files)
    }
}

fn key_file_name() -> String {
    format!("AuthKey_{KEY_ID}.p8")
}

async fn start_apple(files: &Files, port: u16, apple_port: u16) -> Result<FakeApple, StageProblem> {
    let client = Client {
        client_id: CLIENT_ID.to_owned(),
        team_id: TEAM_ID.to_owned(),
        keys: vec![ClientKey::from_pem(KEY_ID, files.apple_key_pem.expose())?],
        redirect_uris: vec![format!("https://auth.localhost:{port}/oauth2/callback")],
    };
    let mut settings = Settings::new(vec![client]);
    settings.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, apple_port));
    settings.base_url = Some(format!("https://apple.localhost:{apple_port}"));
    settings.tls = Tls::Given {
        chain_pem: files.certificate_pem.clone().into_bytes(),
        key_pem: files.certificate_key_pem.clone(),
    };
    Ok(FakeApple::start(settings).await?)
}

fn configuration(folder: &Path, _files: &Files, port: u16, apple: &str, apps: &[App; 2]) -> String {
    let [wiki, lunch] = apps.each_ref().map(App::address);
    let folder = folder.display();
    let key_file = key_file_name();
    format!(
        "# The configuration of the demo; one like it for real use needs neither the lines about\n\
         # certificates' authority nor idp_provider_url.\n\
         address: 127.0.0.1:{port}\n\
         health_check_addr: 127.0.0.1:0\n\
         authenticate_service_url: https://auth.localhost:{port}\n\
         certificates:\n  - {{cert: {folder}/certificate.pem, key: {folder}/certificate.key}}\n\
         certificate_authority_file: {folder}/authority.pem\n\
         state_dir: {folder}/state\n\n\
         idp_provider: apple\n\
         idp_provider_url: {apple}\n\
         idp_client_id: {CLIENT_ID}\n\
         idp_team_id: {TEAM_ID}\n\
         idp_key_id: {KEY_ID}\n\
         idp_private_key_file: {folder}/{key_file}\n\n\
         pass_identity_headers: true\n\
         jwt_claims_headers: [email]\n\n\
         routes:\n  \
           - from: https://wiki.localhost:{port}\n    \
             to: http://{wiki}\n    \
             policy:\n      \
               - allow:\n          \
                   and:\n            \
                     - domain: corp.example\n  \
           - from: https://lunch.localhost:{port}\n    \
             to: http://{lunch}\n    \
             allow_any_authenticated_user: true\n"
    )
}

fn new_folder() -> io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let name = format!("russet-demo-{:016x}", u64::from_be_bytes(random::bytes()));
    let folder = std::env::temp_dir().join(name);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)
}

/// A port that can be listened on now; 0 finds one. Addresses with ports stand in the
/// configuration, so they have to be known before anything listens.
fn usable(port: u16) -> Result<u16, StageProblem> {
    if port == 0 {
        return Ok(free_port()?);
    }
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(port),
        Err(_) => Err(StageProblem::Port(port)),
    }
}
