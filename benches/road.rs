//! What the road of a request costs: opening a session, finding a route among many, deciding, and a
//! whole admitted request over loopback. `cargo bench`; with `--test` each runs once, so that CI
//! sees that they still work. Only ratios carry over to another machine.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a bench fails by panicking, and its application is not part of Russet"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use russet::app::{self, Start};
use russet::base::diagnostic::Diagnostics;
use russet::base::ids::RequestId;
use russet::base::seal::Ring;
use russet::base::secret::Secret;
use russet::base::time::{Clock, Timestamp};
use russet::config::{self, yaml};
use russet::decision::record::{Decided, Line, Outcome, Redact};
use russet::decision::{Face, Facts, PathRule, RouteHost, RouteRule, Rules, judge};
use russet::identity::{Claims, ClientCertificate, Identity};
use russet::policy::{Policy, Question, Shortcuts};
use russet::session::lifecycle::{LiveSession, live};
use russet::session::revocations::{Revocation, Revocations};
use russet::session::sealed_cookie::SessionSeal;
use russet::session::{Session, Settings};
use russet::telemetry::line_file::{self, Destination, LineFile, Rotation};
use russet::telemetry::{Format, Logs};
use russet::wire::host::Authority;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const NOW: Timestamp = Timestamp(1_800_000_000);
const SECRET: [u8; 32] = *b"cookies of the bench, 32 letters";
const HOST: &str = "wiki.localhost";

const TEN_CRITERIA: &str = "
- allow:
    and:
      - domain: corp.example
      - email: {ends_with: '@corp.example'}
      - claim/org_id: corp
      - claim/email_verified: true
      - user: {not_in: [a, b, c]}
      - http_method: {in: [GET, POST]}
      - http_path: {starts_with: /}
      - source_ip: [10.0.0.0/8, 127.0.0.0/8]
- deny:
    or:
      - email: {in: [eve@corp.example, mallory@corp.example]}
      - claim/groups: banned
";

/// The same number of the costlier kinds: zones, expressions, certificates.
const TEN_OTHERS: &str = "
- allow:
    and:
      - email: {matches: '[a-z]+@corp\\.example'}
      - domain: {is: corp.example, strict: true}
      - private_relay: false
      - managed_account: corp
      - auth_age: 12h
      - date: {after: 2026-01-01, timezone: Europe/Berlin}
      - day_of_week: {days: mon-sun, timezone: Europe/Berlin}
      - time_of_day: {timezone: America/New_York, after: 0:00}
      - client_certificate: {san_dns: {ends_with: .corp.example}}
- deny:
    or:
      - invalid_client_certificate: true
";

fn identity() -> Identity {
    let claims = json!({"sub": "000401.5d1f0c2a8be94e6f9a37c1e2b4d60a11.0901", "org_id": "corp",
        "email": "ann@corp.example", "email_verified": true, "is_private_email": false,
        "auth_time": 1_799_999_990, "iss": "https://appleid.apple.com", "aud": "com.example.web",
        "iat": 1_800_000_000, "exp": 1_800_086_400});
    let claims = Claims::new(claims.as_object().unwrap().clone());
    Identity::new("000401.5d1f0c2a8be94e6f9a37c1e2b4d60a11.0901", claims, NOW)
}

fn seal() -> SessionSeal {
    let settings = Settings::default();
    SessionSeal::new(&Ring::new(vec![Secret::new(SECRET)]).unwrap(), &settings)
}

fn session(now: Timestamp) -> Session {
    seal().begin(identity(), now).unwrap()
}

fn policy(yaml: &str) -> Policy {
    let mut told = Diagnostics::default();
    let node = yaml::read(yaml, 0, &mut told).unwrap();
    let policy = Policy::compile(&Shortcuts::default(), Some(&node), &mut told);
    assert!(!told.has_errors(), "{told:?}");
    policy
}

fn rule(host: &str, path: PathRule) -> RouteRule {
    let from = RouteHost { host: host.to_owned(), port: None };
    let everybody = Shortcuts { any_authenticated: true, ..Shortcuts::default() };
    let policy = Policy::compile(&everybody, None, &mut Diagnostics::default());
    RouteRule { id: host.into(), from, path, policy, for_other_proxies_alone: false }
}

fn sessions(c: &mut Criterion) {
    let seal = seal();
    let value = seal.seal(&session(NOW), HOST).unwrap();
    let revocations = Revocations::default();
    for _ in 0..1_000 {
        let Session { id, expires_at: until, .. } = session(NOW);
        revocations.apply(Revocation::SessionEnded { id, until }, NOW);
    }
    c.bench_function("session/open and check that it lives", |b| {
        b.iter(|| {
            let opened = seal.open(black_box(&value), HOST).unwrap();
            live(opened, &revocations, NOW).unwrap()
        });
    });
}

fn matching(c: &mut Criterion) {
    for count in [10, 10_000] {
        let hosts = Rules::new(
            (0..count).map(|n| rule(&format!("app{n}.example.com"), PathRule::Any)).collect(),
        );
        let name = format!("app{}.example.com", count / 2);
        let asked = Authority::parse(&name).unwrap();
        c.bench_function(&format!("match/{count} hosts"), |b| {
            b.iter(|| hosts.find(black_box(&asked), black_box("/some/path")));
        });
        let prefixes = Rules::new(
            (0..count)
                .map(|n| rule("one.example.com", PathRule::Prefix(format!("/app{n}/"))))
                .collect(),
        );
        let one = Authority::parse("one.example.com").unwrap();
        let path = format!("/app{}/deep/page", count - 1);
        c.bench_function(&format!("match/{count} prefixes of one host"), |b| {
            b.iter(|| prefixes.find(black_box(&one), black_box(&path)));
        });
    }
}

fn deciding(c: &mut Criterion) {
    let identity = identity();
    let question = Question {
        method: "GET",
        path: "/some/path",
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        cors_preflight: false,
        now: NOW,
        client_certificate: None,
        identity: Some(&identity),
        supposed: None,
    };
    let ten = policy(TEN_CRITERIA);
    assert_eq!(ten.evaluate(&question).outcome(), russet::policy::Outcome::Allow);
    c.bench_function("policy/ten criteria", |b| b.iter(|| ten.evaluate(black_box(&question))));
    let certificate = ClientCertificate {
        fingerprint: "ab".repeat(32),
        san_dns: vec!["laptop-7.corp.example".to_owned()],
        valid: true,
        ..ClientCertificate::default()
    };
    let shown = Question { client_certificate: Some(&certificate), ..question };
    let others = policy(TEN_OTHERS);
    assert_eq!(others.evaluate(&shown).outcome(), russet::policy::Outcome::Allow);
    c.bench_function("policy/ten criteria of time, certificate and Apple", |b| {
        b.iter(|| others.evaluate(black_box(&shown)));
    });
    let domain = policy("{allow: {and: [{domain: corp.example}]}}");
    c.bench_function("policy/a domain", |b| b.iter(|| domain.evaluate(black_box(&question))));

    let rules = Rules::new(vec![rule(HOST, PathRule::Any)]);
    let authority = Authority::parse(HOST).unwrap();
    c.bench_function("decision/admission", |b| {
        b.iter_batched(
            || LiveSession::supposed(session(NOW)),
            |live| {
                let facts = Facts {
                    face: Face::Gateway,
                    now: NOW,
                    authority: &authority,
                    method: "GET",
                    path: "/some/path",
                    source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
                    cors_preflight: false,
                    client_certificate: None,
                    supposed: None,
                };
                judge(&rules, &facts, Ok(live)).admit().unwrap()
            },
            criterion::BatchSize::SmallInput,
        );
    });
}

/// What the decision log costs a worker: making one line, and sending it.
fn telling(c: &mut Criterion) {
    let authority = Authority::parse(HOST).unwrap();
    let facts = Facts {
        face: Face::Gateway,
        now: NOW,
        authority: &authority,
        method: "GET",
        path: "/some/path",
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        cors_preflight: false,
        client_certificate: None,
        supposed: None,
    };
    let rules = Rules::new(vec![rule(HOST, PathRule::Any)]);
    let session = session(NOW);
    let judged = judge(&rules, &facts, Ok(&session.identity)).judged().unwrap();
    let settings = line_file::Settings {
        name: "bench",
        path: Destination::File("/dev/null".into()),
        rotation: Rotation { size: 0, age: Duration::ZERO, keep: 0, compress: false },
        dropped: |_, _| Vec::new(),
        room: 64 << 20,
    };
    let file = LineFile::start(settings, Clock::system()).unwrap();
    let sender = file.sender();
    let mut group = c.benchmark_group("decision log");
    for (name, redact) in [("in clear", Redact::Nothing), ("address hashed", Redact::Hash)] {
        let decided = Decided {
            id: RequestId::fresh(),
            millis: 42,
            facts: &facts,
            page_load: true,
            session: Some(&session),
            outcome: Outcome::Allow,
            judged: Some((&judged, HOST)),
            because: &[],
        };
        group.bench_function(format!("a line, {name}"), |b| {
            b.iter(|| {
                let mut line = Vec::with_capacity(1_536);
                Line::of(black_box(&decided), redact).write(&mut line);
                sender.send(&line);
            });
        });
    }
    group.finish();
}

/// One connection, one request after the other: everything that a request passes through, the
/// application included.
fn whole_request(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let application = application(&runtime);
    let port = free_port();
    let running = app::start(Start {
        settings: settings(port, application),
        logs: Logs::to(std::io::sink(), Format::Json, tracing::level_filters::LevelFilter::INFO).0,
        clock: Clock::system(),
        workers: 1,
        shadow_rules: None,
    })
    .unwrap();
    let cookie = seal().seal(&session(Clock::system().now()), HOST).unwrap();
    let direct = format!("GET /page HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let asked = format!(
        "GET /page?q=1 HTTP/1.1\r\nHost: {HOST}:{port}\r\nAccept: text/html\r\n\
         Cookie: theme=dark; __Host-russet={cookie}\r\n\r\n"
    );
    let mut group = c.benchmark_group("request");
    for (name, address, request) in [
        ("the application alone", application, direct),
        ("through russet, signed in, logged", SocketAddr::from((Ipv4Addr::LOCALHOST, port)), asked),
    ] {
        let mut stream = runtime.block_on(TcpStream::connect(address)).unwrap();
        group.bench_function(name, |b| {
            b.iter(|| runtime.block_on(ask(&mut stream, request.as_bytes())));
        });
    }
    group.finish();
    runtime.block_on(running.drain(Duration::from_secs(1))).unwrap();
}

async fn ask(stream: &mut TcpStream, request: &[u8]) {
    stream.write_all(request).await.unwrap();
    let mut buffer = [0; 8192];
    let mut filled = 0;
    while !buffer.get(..filled).unwrap().ends_with(b"the end") {
        let read = stream.read(buffer.get_mut(filled..).unwrap()).await.unwrap();
        assert_ne!(read, 0, "the connection was closed");
        filled += read;
    }
    assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer));
}

/// An application that answers the same to everything.
fn application(runtime: &tokio::runtime::Runtime) -> SocketAddr {
    let listener =
        runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = listener.local_addr().unwrap();
    drop(runtime.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(tokio::task::spawn(async move {
                let mut buffer = [0; 8192];
                while let Ok(1..) = stream.read(&mut buffer).await {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nthe end";
                    if stream.write_all(answer).await.is_err() {
                        return;
                    }
                }
            }));
        }
    }));
    address
}

fn settings(port: u16, application: SocketAddr) -> config::Settings {
    use base64::Engine as _;
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let key = base64(rcgen::KeyPair::generate().unwrap().serialize_pem().as_bytes());
    let text = format!(
        "address: 127.0.0.1:{port}\nhealth_check_addr: 127.0.0.1:0\ninsecure_server: true\n\
         authenticate_service_url: https://auth.localhost:{port}\n\
         cookie_secret: {}\nshared_secret: {}\nidp_provider: apple\n\
         idp_provider_url: http://127.0.0.1:9\nidp_client_id: com.example.bench\n\
         idp_team_id: TEAM2TEAM3\nidp_key_id: KEY4KEY567\nidp_private_key: {key}\nroutes:\n  \
         - from: https://{HOST}:{port}\n    to: http://{application}\n    \
           pass_identity_headers: true\n    policy: [{{allow: {{and: [{{domain: corp.example}}]}}}}]\n",
        base64(&SECRET),
        base64(b"tickets of the bench, 32 letters"),
    );
    let loaded = config::load_text("bench.yaml", &text, &|_| None, Clock::system().now());
    let told = loaded.render();
    loaded.settings.unwrap_or_else(|| panic!("{told}"))
}

fn free_port() -> u16 {
    russet::cli::demo::free_port().unwrap()
}

criterion_group! {
    name = road;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = sessions, matching, deciding, telling, whole_request
}
criterion_main!(road);
