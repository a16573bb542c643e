//! Russet, the fake Apple and an application: the first two as processes of the shipped program.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use russet::fake_browser::{Browser, Page};

pub(crate) const CLIENT_ID: &str = "com.example.house.web";
pub(crate) const TEAM_ID: &str = "HOUSE2TEAM";
pub(crate) const KEY_ID: &str = "HOUSE4KEY5";
/// How long a process may take to begin or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shipped program.
pub(crate) fn binary() -> PathBuf {
    let named = std::env::var_os("RUSSET_BINARY");
    PathBuf::from(
        named.expect("`make test` runs these; or: RUSSET_BINARY=$PWD/$(make -s binary | tail -1)"),
    )
}

/// A folder of this test alone, gone after it.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn free_port() -> u16 {
    russet::cli::demo::free_port().unwrap()
}

/// Exit code, standard output, standard error.
pub(crate) fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(binary())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may have ended already.
    let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// A running process, ended with its test.
pub(crate) struct Process(Child);

impl Process {
    /// What it says goes to `NAME.out` and `NAME.err` in `folder`.
    pub(crate) fn start(command: &mut Command, folder: &Path, name: &str) -> Self {
        let log = |kind: &str| {
            fs::File::options()
                .create(true)
                .append(true)
                .open(folder.join(format!("{name}.{kind}")))
                .unwrap()
        };
        Self(command.stdin(Stdio::null()).stdout(log("out")).stderr(log("err")).spawn().unwrap())
    }

    /// Asks it to stop, as a supervisor would, and waits.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not stop");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Two route hosts, an authenticate host, a fake Apple, all over TLS.
pub(crate) struct House {
    folder: tempfile::TempDir,
    root: Option<PathBuf>,
    port: u16,
    apple_port: u16,
    authority_pem: String,
    russet: Option<Process>,
    _apple: Process,
}

impl House {
    pub(crate) fn start() -> Self {
        Self::with(None)
    }

    /// The same, with Russet in `root` as if that were the whole machine.
    pub(crate) fn start_in(root: &Path) -> Self {
        Self::with(Some(root.to_owned()))
    }

    fn with(root: Option<PathBuf>) -> Self {
        let folder = scratch();
        let (port, apple_port) = (free_port(), free_port());
        let authority_pem = certificates(folder.path());
        let redirect = format!("https://auth.localhost:{port}/oauth2/callback");
        let apple = start_apple(folder.path(), apple_port, CLIENT_ID, &redirect);
        let mut house =
            Self { folder, root, port, apple_port, authority_pem, russet: None, _apple: apple };
        house.configure();
        house.begin();
        house
    }

    /// Writes the configuration, where Russet will find it.
    fn configure(&self) {
        let folder = self.folder.path();
        // What Russet needs is in a folder of its own, which an image may have as /etc/russet.
        let (etc, seen) = match &self.root {
            None => (folder.to_owned(), folder.display().to_string()),
            Some(root) => (root.join("etc/russet"), "/etc/russet".to_owned()),
        };
        let key = format!("AuthKey_{KEY_ID}.p8");
        if self.root.is_some() {
            for file in ["authority.pem", "chain.pem", "chain.key", &key] {
                fs::copy(folder.join(file), etc.join(file)).unwrap();
            }
        }
        let state = if self.root.is_some() {
            "/var/lib/russet".to_owned()
        } else {
            format!("{seen}/state")
        };
        let (port, apple_port, health, app) =
            (self.port, self.apple_port, free_port(), application());
        let text = format!(
            "address: 127.0.0.1:{port}\nhealth_check_addr: 127.0.0.1:{health}\n\
             authenticate_service_url: https://auth.localhost:{port}\n\
             certificates: [{{cert: {seen}/chain.pem, key: {seen}/chain.key}}]\n\
             certificate_authority_file: {seen}/authority.pem\nstate_dir: {state}\n\
             idp_provider: apple\nidp_provider_url: https://apple.localhost:{apple_port}\n\
             idp_client_id: {CLIENT_ID}\nidp_team_id: {TEAM_ID}\nidp_key_id: {KEY_ID}\n\
             idp_private_key_file: {seen}/{key}\nlog_format: json\n\
             pass_identity_headers: true\njwt_claims_headers: [email]\nroutes:\n\
             - {{from: 'https://wiki.localhost:{port}', to: 'http://{app}', allowed_domains: [corp.example]}}\n\
             - {{from: 'https://lunch.localhost:{port}', to: 'http://{app}', allow_any_authenticated_user: true}}\n"
        );
        fs::write(etc.join("config.yaml"), text).unwrap();
    }

    fn begin(&mut self) {
        let mut command = match &self.root {
            None => {
                let mut command = Command::new(binary());
                command.args(["--config", &self.config()]);
                command
            }
            Some(root) => super::image::command(root),
        };
        self.russet = Some(Process::start(&mut command, self.folder.path(), "russet"));
        wait_for(self.port, &self.folder.path().join("russet.err"));
    }

    pub(crate) fn restart(&mut self) {
        assert_eq!(self.stop(), Some(0));
        self.begin();
    }

    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.russet.take().unwrap().stop()
    }

    pub(crate) fn config(&self) -> String {
        self.folder.path().join("config.yaml").display().to_string()
    }

    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}.localhost:{}{path}", self.port)
    }

    pub(crate) fn browser(&self) -> Browser {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut hosts = ["wiki.localhost", "lunch.localhost", "auth.localhost"]
            .map(|host| (host, at(self.port)))
            .to_vec();
        hosts.push(("apple.localhost", at(self.apple_port)));
        Browser::new(&self.authority_pem, &hosts).unwrap()
    }

    /// Asks for a page as a stranger, and comes back from Apple as `person`.
    pub(crate) async fn sign_in(
        &self,
        browser: &mut Browser,
        host: &str,
        path: &str,
        person: &str,
    ) -> Page {
        let at_apple = browser.load(&self.url(host, path)).await.unwrap();
        choose(browser, &at_apple, ("person", person)).await
    }

    /// What Russet has logged so far.
    pub(crate) fn log(&self) -> Vec<serde_json::Value> {
        // The writer is a thread of its own; a line is there soon after its answer.
        thread::sleep(Duration::from_millis(100));
        let text = fs::read_to_string(self.folder.path().join("russet.out")).unwrap();
        text.lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }
}

/// Chooses on the fake Apple's page, and goes where its answer leads.
pub(crate) async fn choose(browser: &mut Browser, at_apple: &Page, choice: (&str, &str)) -> Page {
    let form =
        at_apple.form("/auth/choose").unwrap_or_else(|error| panic!("{error}: {}", at_apple.body));
    let answer = browser.submit(at_apple, &form, &[choice]).await.unwrap();
    let form =
        answer.form("/oauth2/callback").unwrap_or_else(|error| panic!("{error}: {}", answer.body));
    browser.submit(&answer, &form, &[]).await.unwrap()
}

/// A fake Apple at `https://apple.localhost:PORT` that serves this client.
pub(crate) fn start_apple(folder: &Path, port: u16, client_id: &str, redirect: &str) -> Process {
    let mut command = Command::new(binary());
    let file = |name: &str| folder.join(name).display().to_string();
    command.args(["fake-apple", "--client-id", client_id, "--team-id", TEAM_ID]);
    command.args(["--listen", &format!("127.0.0.1:{port}")]);
    command.args(["--base-url", &format!("https://apple.localhost:{port}")]);
    command.args(["--cert", &file("chain.pem"), "--key", &file("chain.key")]);
    command.args(["--p8", &file(&format!("AuthKey_{KEY_ID}.p8"))]);
    command.args(["--redirect-uri", redirect]);
    let process = Process::start(&mut command, folder, "apple");
    wait_for(port, &folder.join("apple.err"));
    process
}

/// An authority, a certificate for all names, and Apple's key; the authority as PEM.
pub(crate) fn certificates(folder: &Path) -> String {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    write_private(&folder.join("authority.key"), &authority_key.serialize_pem());
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let mut names =
        ["wiki", "lunch", "auth", "apple"].map(|name| format!("{name}.localhost")).to_vec();
    names.push("*.example.com".to_owned());
    let chain = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap().pem();
    write_private(&folder.join("authority.pem"), &authority_pem);
    write_private(&folder.join("chain.pem"), &chain);
    write_private(&folder.join("chain.key"), &key.serialize_pem());
    write_private(
        &folder.join(format!("AuthKey_{KEY_ID}.p8")),
        &KeyPair::generate().unwrap().serialize_pem(),
    );
    authority_pem
}

pub(crate) fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Waits until somebody listens; fails with what the process wrote if nobody does.
pub(crate) fn wait_for(port: u16, errors: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        let written = || fs::read_to_string(errors).unwrap_or_default();
        assert!(Instant::now() < deadline, "nobody listens on {port}: {}", written());
        thread::sleep(Duration::from_millis(20));
    }
}

/// An application that answers with the head of the request it got, one request for a connection.
fn application() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let Ok(mut stream) = stream else { return };
                let mut head = Vec::new();
                let mut buffer = [0; 4096];
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut buffer) {
                        Ok(0) | Err(_) => return,
                        Ok(count) => head.extend_from_slice(&buffer[..count]),
                    }
                }
                let start = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                    head.len()
                );
                // The client may have gone away.
                let _gone =
                    stream.write_all(start.as_bytes()).and_then(|()| stream.write_all(&head));
            });
        }
    });
    address
}
