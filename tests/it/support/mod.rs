//! A whole installation for one test: a fake Apple, an application that records every byte it is
//! sent, and Russet in front of it, all on loopback, each on a port of its own.

mod multiplexed;
mod process;
mod recorder;
pub mod targets;
mod visit;
mod wire;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use russet::app::{self, Running, Start};
use russet::base::seal::Ring;
use russet::base::secret::Secret;
use russet::base::time::Clock;
use russet::cli::demo::free_port;
use russet::config;
use russet::fake_apple::{Client, ClientKey, FakeApple, Settings, Tls};
use russet::fake_browser::{Browser, Page};
use russet::identity::{Claims, Identity};
use russet::session::Session;
use russet::session::sealed_cookie::SessionSeal;
use russet::telemetry::{Format, Guard, Logs};
use serde_json::{Value, json};

pub use self::multiplexed::{Multiplexed, tls};
pub use self::process::Process;
pub use self::recorder::Recorder;
pub use self::visit::{Answered, FORM, Hand, NAVIGATION, cookies, encoded, value_of};
pub use self::wire::{Answer, Wire};

pub const CLIENT_ID: &str = "com.example.site.web";
pub const TEAM_ID: &str = "TEAM2TEAM3";
pub const KEY_ID: &str = "KEY4KEY567";
/// Keys of the test site, so that tests can seal cookies of their own.
pub const COOKIE_SECRET: [u8; 32] = *b"cookies of the test site, 32 lon";
pub const SHARED_SECRET: [u8; 32] = *b"tickets of the test site, 32 lon";

/// Certificates and the `.p8` key, made once for the whole test program.
pub struct Keys {
    pub authority_pem: String,
    pub chain_pem: String,
    pub key_pem: String,
    pub apple_key_pem: String,
}

pub fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let names = [
            "*.localhost",
            "localhost",
            "wiki.localhost",
            "lunch.localhost",
            "auth.localhost",
            "apple.localhost",
            "*.wild.localhost",
        ];
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let chain_pem =
            CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap().pem();
        Keys {
            authority_pem,
            chain_pem,
            key_pem: key.serialize_pem(),
            apple_key_pem: KeyPair::generate().unwrap().serialize_pem(),
        }
    })
}

/// What a test wants of its installation.
pub struct Plan {
    /// YAML of the `routes:` list; `{wiki}` and `{lunch}` stand for the hosts with their port,
    /// `{up}` for the recorder's `host:port`.
    pub routes: String,
    /// Further top-level YAML; `{state}` stands for a folder that lives as long as the site.
    pub extra: String,
    /// Whether TLS ends in front of Russet (`insecure_server`), for raw probes.
    pub plain: bool,
    pub workers: usize,
    /// YAML of the `routes:` list of a shadow configuration.
    pub shadow_routes: Option<String>,
    /// The authenticate host, without `.localhost` and port.
    pub authenticate: String,
    /// `cookie_secret`, newest first; none has Russet make and keep its own secrets.
    pub cookie_secrets: Vec<[u8; 32]>,
    /// The fake Apple's clock, where that is not to be Russet's.
    pub apple_clock: Option<Clock>,
    /// What is done to the fake Apple before Russet starts.
    pub prepare: fn(&FakeApple),
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            routes: "  - from: https://{wiki}\n    to: http://{up}\n    pass_identity_headers: true\n    \
                     policy: [{allow: {and: [{domain: corp.example}]}}]\n  \
                     - from: https://{lunch}\n    to: http://{up}\n    allow_any_authenticated_user: true\n"
                .to_owned(),
            extra: String::new(),
            plain: false,
            workers: 1,
            shadow_routes: None,
            authenticate: "auth".to_owned(),
            cookie_secrets: vec![COOKIE_SECRET],
            apple_clock: None,
            prepare: |_| {},
        }
    }
}

/// A running installation. Everything stops when it is dropped.
pub struct Site {
    pub apple: FakeApple,
    pub app: Recorder,
    pub running: Running,
    pub clock: Clock,
    pub port: u16,
    pub plain: bool,
    /// What `russet check` would say about the configuration.
    pub warnings: String,
    lines: Lines,
    _guard: Guard,
    state: tempfile::TempDir,
}

/// What a restart keeps.
struct Parts {
    apple: FakeApple,
    app: Recorder,
    clock: Clock,
    port: u16,
    state: tempfile::TempDir,
}

impl Site {
    /// Two route hosts (`wiki.localhost` for corp.example, `lunch.localhost` for everybody) and an
    /// authenticate host, over TLS.
    pub async fn start() -> Self {
        Self::with(Plan::default()).await
    }

    /// The same, over plain HTTP, for raw probes.
    pub async fn plain() -> Self {
        Self::with(Plan { plain: true, ..Plan::default() }).await
    }

    pub async fn with(plan: Plan) -> Self {
        let app = Recorder::start().await;
        let port = free_port().unwrap();
        let clock = Clock::system();
        let apple_clock = plan.apple_clock.clone().unwrap_or_else(|| clock.clone());
        let apple = start_apple(port, &plan.authenticate, apple_clock).await;
        (plan.prepare)(&apple);
        let state = tempfile::tempdir().unwrap();
        let parts = Parts { apple, app, clock, port, state };
        Self::launch(&plan, parts)
    }

    /// Stops Russet and starts it again as `plan` says, with the same Apple, application, clock,
    /// port and `state_dir`.
    pub async fn restarted(self, plan: Plan) -> Self {
        let Self { apple, app, running, clock, port, state, .. } = self;
        running.drain(Duration::from_secs(2)).await.unwrap();
        Self::launch(&plan, Parts { apple, app, clock, port, state })
    }

    fn launch(plan: &Plan, parts: Parts) -> Self {
        let Parts { apple, app, clock, port, state } = parts;
        let text = configuration(plan, port, &app, apple.base_url(), state.path());
        let loaded = config::load_text("test.yaml", &text, &|_| None, clock.now());
        let warnings = loaded.render();
        let settings = loaded.settings.unwrap_or_else(|| panic!("{warnings}\n{text}"));
        let lines = Lines::default();
        let (logs, guard) = Logs::to(lines.clone(), Format::Json, settings.log.level);
        let start = Start {
            settings,
            logs,
            clock: clock.clone(),
            workers: plan.workers,
            shadow_rules: plan.shadow_routes.as_ref().map(|routes| {
                let text = format!("shadow: true\nroutes:\n{routes}");
                let text = text.replace("{port}", &port.to_string());
                let loaded = config::load_rules_text("shadow.yaml", &text, &|_| None, clock.now());
                assert!(loaded.shadow);
                loaded.rules.unwrap()
            }),
        };
        let running = app::start(start).unwrap();
        Self {
            apple,
            app,
            running,
            clock,
            port,
            plain: plan.plain,
            warnings,
            lines,
            _guard: guard,
            state,
        }
    }

    /// The settings of a site made of `plan`, with this one's Apple, application, port and folder.
    pub fn settings(&self, plan: &Plan) -> config::Settings {
        let text =
            configuration(plan, self.port, &self.app, self.apple.base_url(), self.state.path());
        let loaded = config::load_text("test.yaml", &text, &|_| None, self.clock.now());
        loaded.settings.unwrap()
    }

    /// Stops Russet; the folder that `{state}` stands for is left.
    pub async fn drain(self) -> tempfile::TempDir {
        let Self { running, state, .. } = self;
        running.drain(Duration::from_secs(2)).await.unwrap();
        state
    }

    /// The folder that `{state}` stands for.
    pub fn state(&self) -> &std::path::Path {
        self.state.path()
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// `https://HOST.localhost:PORT PATH`.
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}.localhost:{}{path}", self.port)
    }

    pub fn wiki(&self, path: &str) -> String {
        self.url("wiki", path)
    }

    pub fn lunch(&self, path: &str) -> String {
        self.url("lunch", path)
    }

    pub fn auth(&self, path: &str) -> String {
        self.url("auth", path)
    }

    /// A browser with an empty jar.
    pub fn browser(&self) -> Browser {
        browser(self.address(), &self.apple)
    }

    /// Loads `url`, signs in as `person` at the fake Apple, and returns where that ends.
    pub async fn sign_in(&self, browser: &mut Browser, url: &str, person: &str) -> Page {
        let at_apple = browser.load(url).await.unwrap();
        self.choose(browser, &at_apple, person).await
    }

    /// Picks `person` on the fake Apple's page and posts its answer to Russet.
    pub async fn choose(&self, browser: &mut Browser, at_apple: &Page, person: &str) -> Page {
        let answer = self.answer_page(browser, at_apple, &[("person", person)]).await;
        let form = answer.form("/oauth2/callback").unwrap();
        browser.submit(&answer, &form, &[]).await.unwrap()
    }

    /// The fake Apple's page that holds the answer for Russet, not yet posted.
    pub async fn answer_page(
        &self,
        browser: &mut Browser,
        at_apple: &Page,
        choice: &[(&str, &str)],
    ) -> Page {
        let form =
            at_apple.form("/auth/choose").unwrap_or_else(|e| panic!("{e}: {}", at_apple.body));
        browser.submit(at_apple, &form, choice).await.unwrap()
    }

    /// A raw connection to Russet (`plain` sites).
    pub async fn wire(&self) -> Wire {
        assert!(self.plain, "raw probes need a plain site");
        Wire::to(self.address()).await
    }

    /// `Host` value of a route host.
    pub fn host(&self, name: &str) -> String {
        format!("{name}.localhost:{}", self.port)
    }

    /// A session of a person with these claims, that nobody signed in to.
    pub fn session(&self, claims: Value) -> Session {
        let mut members =
            json!({"sub": "001.test", "email": "ann@corp.example", "email_verified": true});
        members.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        members.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let claims = Claims::new(members.as_object().unwrap().clone());
        let subject = claims.text("sub").unwrap().to_owned();
        let identity = Identity::new(&subject, claims, self.clock.now());
        seal().begin(identity, self.clock.now()).unwrap()
    }

    /// A `Cookie` header value with this session on `host` (a name before `.localhost`).
    pub fn cookie_of(&self, host: &str, session: &Session) -> String {
        format!("__Host-russet={}", seal().seal(session, &format!("{host}.localhost")).unwrap())
    }

    /// A `Cookie` header value that signs its bearer in on `host` (a name before `.localhost`) with
    /// these claims; `null` takes a claim away.
    pub fn cookie(&self, host: &str, claims: Value) -> String {
        self.cookie_of(host, &self.session(claims))
    }

    /// The log lines of requests so far.
    pub async fn log(&self) -> Vec<Value> {
        const MARKER: &str = "/.pomerium/log-marker-";
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // The writer is a thread of its own, and a line is written once its answer is gone. Lines
        // are written in turn: when that of a request made now is there, so are those before it.
        let path = format!("{MARKER}{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let scheme = if self.plain { "http" } else { "https" };
        let url = format!("{scheme}://{}{path}", self.host("wiki"));
        self.hand().send("GET", &url, &[], b"").await;
        for _ in 0..200 {
            let bytes = self.lines.0.lock().unwrap().clone();
            let text = String::from_utf8(bytes).unwrap();
            let read = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            let lines: Vec<Value> = text.lines().map(read).collect();
            if lines.iter().any(|line| line["path"] == path.as_str()) {
                let marker =
                    |line: &Value| line["path"].as_str().is_some_and(|p| p.starts_with(MARKER));
                return lines.into_iter().filter(|line| !marker(line)).collect();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the log says nothing of {path}");
    }

    /// The newest log line.
    pub async fn last_log(&self) -> Value {
        self.log().await.pop().expect("no log line")
    }
}

/// A browser with an empty jar that finds Russet at `russet`.
pub fn browser(russet: SocketAddr, apple: &FakeApple) -> Browser {
    let hosts = ["wiki", "lunch", "auth", "other", "a.wild", "b.wild", "auth.wild"]
        .map(|name| format!("{name}.localhost"));
    let mut addresses: Vec<(&str, SocketAddr)> =
        hosts.iter().map(|host| (host.as_str(), russet)).collect();
    addresses.push(("apple.localhost", apple.address()));
    Browser::new(&keys().authority_pem, &addresses).unwrap()
}

/// Seals cookies with the test site's key.
pub fn seal() -> SessionSeal {
    let settings = russet::session::Settings::default();
    SessionSeal::new(&Ring::new(vec![Secret::new(COOKIE_SECRET)]).unwrap(), &settings)
}

/// The settings of a site made of `plan`, for those who look at it from outside.
pub fn probe_settings(site: &Site, plan: &Plan) -> config::Settings {
    let apple = site.apple.base_url();
    let text = configuration(plan, site.port, &site.app, apple, std::path::Path::new("/gone"));
    config::load_text("test.yaml", &text, &|_| None, site.clock.now()).settings.unwrap()
}

/// Everything that a configuration of a test needs.
fn configuration(
    plan: &Plan,
    port: u16,
    app: &Recorder,
    apple: &str,
    state: &std::path::Path,
) -> String {
    let keys = keys();
    let base64 = |text: &[u8]| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    let tls = if plan.plain {
        "insecure_server: true\n".to_owned()
    } else {
        format!(
            "certificate: {}\ncertificate_key: {}\n",
            base64(keys.chain_pem.as_bytes()),
            base64(keys.key_pem.as_bytes())
        )
    };
    let cookie_secrets: Vec<String> =
        plan.cookie_secrets.iter().map(|secret| base64(secret)).collect();
    let secrets = match cookie_secrets.as_slice() {
        [] => String::new(),
        secrets => format!(
            "cookie_secret: [{}]\nshared_secret: {}\n",
            secrets.join(", "),
            base64(&SHARED_SECRET)
        ),
    };
    let fill = |text: &str| {
        text.replace("{wiki}", &format!("wiki.localhost:{port}"))
            .replace("{lunch}", &format!("lunch.localhost:{port}"))
            .replace("{auth}", &format!("auth.localhost:{port}"))
            .replace("{port}", &port.to_string())
            .replace("{state}", &state.display().to_string())
            .replace("{up}", &app.address().to_string())
    };
    format!(
        "address: 127.0.0.1:{port}\nhealth_check_addr: 127.0.0.1:0\n\
         authenticate_service_url: https://{}.localhost:{port}\n{tls}\
         certificate_authority: {}\nstate_dir: {}\n\
         {secrets}\
         idp_provider: apple\nidp_provider_url: {apple}\nidp_client_id: {CLIENT_ID}\n\
         idp_team_id: {TEAM_ID}\nidp_key_id: {KEY_ID}\nidp_private_key: {}\n{}\nroutes:\n{}",
        plan.authenticate,
        base64(keys.authority_pem.as_bytes()),
        state.display(),
        base64(keys.apple_key_pem.as_bytes()),
        fill(&plan.extra),
        fill(&plan.routes),
    )
}

async fn start_apple(port: u16, authenticate: &str, clock: Clock) -> FakeApple {
    let keys = keys();
    let client = Client {
        client_id: CLIENT_ID.to_owned(),
        team_id: TEAM_ID.to_owned(),
        keys: vec![ClientKey::from_pem(KEY_ID, keys.apple_key_pem.as_bytes()).unwrap()],
        redirect_uris: vec![format!("https://{authenticate}.localhost:{port}/oauth2/callback")],
    };
    let mut settings = Settings::new(vec![client]);
    settings.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    settings.clock = clock;
    settings.tls = Tls::Given {
        chain_pem: keys.chain_pem.clone().into_bytes(),
        key_pem: Secret::new(keys.key_pem.as_bytes()),
    };
    FakeApple::start(settings).await.unwrap()
}

/// Where log lines are kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A plain site with these routes.
pub async fn with_routes(routes: &str) -> Site {
    Site::with(Plan { routes: routes.to_owned(), plain: true, ..Plan::default() }).await
}

/// Asks for a page of a host with these cookies.
pub async fn get(site: &Site, host: &str, path: &str, cookie: &str, accept: &str) -> Answer {
    let host = site.host(host);
    let mut headers = vec![("Host", host.as_str()), ("Accept", accept)];
    if !cookie.is_empty() {
        headers.push(("Cookie", cookie));
    }
    site.wire().await.ask(&format!("GET {path} HTTP/1.1"), &headers).await
}
