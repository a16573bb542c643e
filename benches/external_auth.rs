//! What a question costs: nginx alone, nginx that asks a location which always says yes, nginx that
//! asks Russet, all with the shipped example and somebody who is signed in. Rounds are interleaved;
//! what counts is the CPU time of the proxies' processes for each request, as a ratio to nginx
//! alone, and the latency at a fixed rate, counted from when a request was due. Nobody answers at
//! Apple's address here, so Apple is down all the time.
//!
//! `cargo bench --bench external_auth`; with `--test` a short round each, so that CI sees that it
//! still works. It needs nginx. Only ratios carry over to another machine.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench fails by panicking, and its processes are not part of Russet"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use russet::base::seal::Ring;
use russet::base::secret::Secret;
use russet::base::time::Timestamp;
use russet::cli::demo::free_port;
use russet::identity::{Claims, Identity};
use russet::session::Settings;
use russet::session::sealed_cookie::SessionSeal;
use serde_json::json;

const HOST: &str = "wiki.example.com";
const SECRET: [u8; 32] = *b"cookies of this bench, 32 letter";
const CONNECTIONS: usize = 32;
/// Cores: the proxies have one, load and application the other.
const PROXIES: &str = "0";
const REST: &str = "1";

/// How much is measured.
#[derive(Clone, Copy)]
struct Size {
    rounds: usize,
    /// For each connection and round.
    requests: usize,
    /// For each second, in all.
    rate: u32,
    /// How long the fixed rate is kept up.
    steady: Duration,
}

/// A proxy, ended with the bench.
struct Process(Child);

impl Process {
    /// Starts it on its core, and waits until it listens.
    fn start(mut command: Command, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let this = Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < deadline, "{command:?} does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        this
    }

    /// User and system time so far, in ticks of 10 ms.
    fn ticks(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let (_, rest) = text.rsplit_once(')').unwrap();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

fn on_core(core: &str, program: &str) -> Command {
    let mut command = Command::new("taskset");
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
    command.args(["-c", core, program]).env("PATH", path);
    command
}

/// One way to serve the site.
struct Contender {
    name: &'static str,
    port: u16,
    processes: Vec<Process>,
    /// Ticks of each round.
    ticks: Vec<u64>,
    /// Sorted, in microseconds.
    latencies: Vec<u64>,
}

/// nginx with the shipped example: plain HTTP, kept connections to the application, one process.
fn nginx(folder: &Path, name: &str, text: &str) -> Process {
    let port: u16 =
        text.split("127.0.0.1:").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
    let file = folder.join(format!("{name}.conf"));
    let here = folder.display();
    let kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {here}/{name}-{kind};\n"))
        .concat();
    let main = format!(
        "daemon off;\nmaster_process off;\npid {here}/{name}.pid;\nerror_log stderr error;\n\
         events {{ worker_connections 4096; }}\nhttp {{\naccess_log off;\nkeepalive_requests 100000000;\n{kept}{text}\n}}\n"
    );
    fs::write(&file, main).unwrap();
    let mut command = on_core(PROXIES, "nginx");
    command.arg("-p").arg(folder).arg("-c").arg(file).args(["-e", "stderr"]);
    Process::start(command, port)
}

/// The shipped example with these addresses.
fn example(port: u16, asked: u16, app: SocketAddr) -> String {
    let text = fs::read_to_string("examples/external-auth/nginx/russet.conf").unwrap();
    // The first address in the text is that which it listens on.
    // The application first: port 30003 begins like its 3000.
    let site = text
        .replace("http://127.0.0.1:3000", "http://application")
        .replace("listen 443 ssl", &format!("listen 127.0.0.1:{port}"))
        .replace("127.0.0.1:8080", &format!("127.0.0.1:{asked}"));
    format!(
        "# 127.0.0.1:{port};\nupstream application {{ server {app}; keepalive {CONNECTIONS}; }}\n{site}"
    )
}

fn contenders(folder: &Path, app: SocketAddr) -> Vec<Contender> {
    let ports: Vec<u16> = (0..5).map(|_| free_port().unwrap()).collect();
    let [alone, asks_yes, asks_russet, yes, russet] = <[u16; 5]>::try_from(ports).unwrap();
    let unasked: String = example(alone, yes, app)
        .lines()
        .filter(|line| {
            !["auth_request", "error_page"].iter().any(|word| line.trim().starts_with(word))
        })
        .map(|line| format!("{line}\n"))
        .collect::<String>()
        .replace("$russet_sign_in", "$http_x_none")
        .replace("$russet_header_0", "\"an assertion\"")
        .replace("$russet_header_1", "\"ann@example.com\"");
    let always = format!(
        "server {{ listen 127.0.0.1:{yes}; location / {{ add_header X-Pomerium-Jwt-Assertion x; \
         add_header X-Pomerium-Claim-Email ann@example.com; return 200; }} }}"
    );
    let new = |name, port, processes| Contender {
        name,
        port,
        processes,
        ticks: Vec::new(),
        latencies: Vec::new(),
    };
    vec![
        new("nginx alone", alone, vec![nginx(folder, "alone", &unasked)]),
        new(
            "nginx asking a location that says yes",
            asks_yes,
            vec![
                nginx(folder, "yes", &always),
                nginx(folder, "asks-yes", &example(asks_yes, yes, app)),
            ],
        ),
        new(
            "nginx asking Russet",
            asks_russet,
            vec![
                start_russet(folder, russet),
                nginx(folder, "asks-russet", &example(asks_russet, russet, app)),
            ],
        ),
    ]
}

fn start_russet(folder: &Path, port: u16) -> Process {
    let key = folder.join("AuthKey_ABC123DEFG.p8");
    fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut command = on_core(PROXIES, env!("CARGO_BIN_EXE_russet"));
    command
        .args(["run", "--workers", "1", "--config", "examples/external-auth/nginx/russet.yaml"])
        .env("ADDRESS", format!("127.0.0.1:{port}"))
        .env("HEALTH_CHECK_ADDR", format!("127.0.0.1:{}", free_port().unwrap()))
        .env("STATE_DIR", folder.join("state"))
        .env("IDP_PRIVATE_KEY_FILE", key)
        // Nobody listens there.
        .env("IDP_PROVIDER_URL", format!("http://127.0.0.1:{}", free_port().unwrap()))
        .env("COOKIE_SECRET", STANDARD.encode(SECRET))
        .env("SHARED_SECRET", STANDARD.encode(SECRET))
        .stderr(Stdio::null());
    Process::start(command, port)
}

/// The cookie of somebody who is signed in.
fn cookie() -> String {
    let settings = Settings::default();
    let seal = SessionSeal::new(&Ring::new(vec![Secret::new(SECRET)]).unwrap(), &settings);
    let claims = json!({"sub": "001.bench", "email": "ann@example.com", "email_verified": true});
    let claims = Claims::new(claims.as_object().unwrap().clone());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = Timestamp(i64::try_from(now).unwrap());
    let session = seal.begin(Identity::new("001.bench", claims, now), now).unwrap();
    format!("__Host-russet={}", seal.seal(&session, HOST).unwrap())
}

/// An application that answers 1 KiB, a thread for each connection.
fn application() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_all(stream));
        }
    });
    address
}

fn answer_all(mut stream: TcpStream) {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n{}", "x".repeat(1024));
    let mut buffer = [0; 16_384];
    let mut held = 0;
    stream.set_nodelay(true).unwrap();
    while let Ok(read @ 1..) = stream.read(&mut buffer[held..]) {
        held += read;
        if buffer[..held].ends_with(b"\r\n\r\n") {
            held = 0;
            // Whoever went away does not read it.
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// A connection that asks again and again.
struct Client {
    stream: TcpStream,
    request: String,
}

impl Client {
    fn to(port: u16, cookie: &str) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let request = format!(
            "GET /page HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/html\r\nCookie: {cookie}\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\r\n"
        );
        Self { stream, request }
    }

    /// One request; anything but the whole answer is an error, and ends the bench.
    fn ask(&mut self) {
        self.stream.write_all(self.request.as_bytes()).unwrap();
        let mut buffer = [0; 4096];
        let mut held = 0;
        loop {
            let read = self.stream.read(&mut buffer[held..]).unwrap();
            assert!(read > 0, "closed in the middle");
            held += read;
            let head = buffer[..held].windows(4).position(|window| window == b"\r\n\r\n");
            let Some(head) = head else { continue };
            assert!(
                buffer.starts_with(b"HTTP/1.1 200 "),
                "{}",
                String::from_utf8_lossy(&buffer[..held])
            );
            if held == head + 4 + 1024 {
                return;
            }
        }
    }
}

/// Runs `work` on as many threads as there are connections, with the number of each.
fn together(
    port: u16,
    cookie: &str,
    work: impl Fn(usize, &mut Client) -> Vec<u64> + Sync,
) -> Vec<u64> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|number| scope.spawn(move || work(number, &mut Client::to(port, cookie))))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

impl Contender {
    /// A known number of requests as fast as they go; what they cost.
    fn round(&mut self, cookie: &str, requests: usize) {
        let before: u64 = self.processes.iter().map(Process::ticks).sum();
        together(self.port, cookie, |_, client| {
            (0..requests).for_each(|_| client.ask());
            Vec::new()
        });
        let after: u64 = self.processes.iter().map(Process::ticks).sum();
        self.ticks.push(after - before);
    }

    /// Requests at a fixed rate. Latency counts from when a request was due, not from when it could
    /// be sent.
    fn steady(&mut self, cookie: &str, rate: u32, time: Duration) {
        let apart = Duration::from_secs(1) / rate;
        let each = u32::try_from(CONNECTIONS).unwrap();
        let count = u32::try_from(time.as_nanos() / apart.as_nanos()).unwrap() / each;
        let begin = Instant::now() + Duration::from_millis(50);
        let found = together(self.port, cookie, |number, client| {
            let first = begin + apart * u32::try_from(number).unwrap();
            (0..count)
                .map(|turn| {
                    let due = first + apart * each * turn;
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    client.ask();
                    u64::try_from(due.elapsed().as_micros()).unwrap()
                })
                .collect()
        });
        self.latencies.extend(found);
    }
}

fn middle(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1])
}

fn main() {
    // `cargo bench` says `--bench`, `cargo test` nothing.
    let said = |word: &str| std::env::args().any(|argument| argument == word);
    let quick = said("--test") || !said("--bench");
    let size = if quick {
        Size { rounds: 1, requests: 20, rate: 400, steady: Duration::from_millis(400) }
    } else {
        Size { rounds: 7, requests: 1_000, rate: 500, steady: Duration::from_secs(2) }
    };
    let folder = tempfile::tempdir().unwrap();
    let (app, cookie) = (application(), cookie());
    let mut contenders = contenders(folder.path(), app);
    let own = std::process::id().to_string();
    // A machine with one core has no other.
    let _pinned = Command::new("taskset").args(["-acp", REST, &own]).stdout(Stdio::null()).status();
    for contender in &mut contenders {
        contender.round(&cookie, size.requests / 10);
        contender.ticks.clear();
    }
    for _ in 0..size.rounds {
        for contender in &mut contenders {
            contender.round(&cookie, size.requests);
            contender.steady(&cookie, size.rate, size.steady);
        }
    }
    let base = contenders[0].ticks.clone();
    println!(
        "{:<40} {:>22} {:>9} {:>9} {:>9}",
        "CPU of the proxies, median (from-to)",
        "ratio to nginx alone",
        "p50 us",
        "p99 us",
        "max us"
    );
    for contender in &mut contenders {
        let ratios: Vec<f64> =
            contender.ticks.iter().zip(&base).map(|(own, base)| ratio(*own, *base)).collect();
        let (median, least, most) = middle(&ratios);
        contender.latencies.sort_unstable();
        let at = |part: usize| contender.latencies[contender.latencies.len() * part / 1000];
        println!(
            "{:<40} {:>22} {:>9} {:>9} {:>9}",
            contender.name,
            format!("{median:.2} ({least:.2}-{most:.2})"),
            at(500),
            at(990),
            contender.latencies[contender.latencies.len() - 1]
        );
    }
    // criterion's word, by which the run of all tests counts.
    println!("Success");
}

#[expect(clippy::cast_precision_loss, reason = "some hundred ticks")]
fn ratio(own: u64, base: u64) -> f64 {
    own as f64 / base.max(1) as f64
}
