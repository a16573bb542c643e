//! `envoy.service.auth.v3.Authorization/Check` over HTTP/2. The messages here are written anew
//! after the `.proto` files, so that a wrong number in ours shows.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use russet::wire::protected_names::{Meaning, WRITTEN_ANEW, known_names, prefixes};
use serde_json::Value;
use tokio::net::TcpStream;

use super::ask::{IDENTITY, staff, stranger};
use super::descriptions::ODD_TARGETS;
use crate::support::{NAVIGATION, Plan, Site, tls};

#[derive(Clone, PartialEq, Message)]
struct Check {
    #[prost(message, optional, tag = "1")]
    attributes: Option<Attributes>,
}

#[derive(Clone, PartialEq, Message)]
struct Attributes {
    #[prost(message, optional, tag = "1")]
    source: Option<Peer>,
    #[prost(message, optional, tag = "4")]
    request: Option<Asked>,
    #[prost(map = "string, string", tag = "10")]
    context_extensions: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct Peer {
    #[prost(message, optional, tag = "1")]
    address: Option<Address>,
}

#[derive(Clone, PartialEq, Message)]
struct Address {
    #[prost(message, optional, tag = "1")]
    socket: Option<Socket>,
}

#[derive(Clone, PartialEq, Message)]
struct Socket {
    #[prost(int32, tag = "1")]
    protocol: i32,
    #[prost(string, tag = "2")]
    address: String,
    #[prost(uint32, tag = "3")]
    port: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Asked {
    #[prost(message, optional, tag = "2")]
    http: Option<Http>,
}

#[derive(Clone, PartialEq, Message)]
struct Http {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    method: String,
    #[prost(map = "string, string", tag = "3")]
    headers: HashMap<String, String>,
    #[prost(string, tag = "4")]
    path: String,
    #[prost(string, tag = "5")]
    host: String,
    #[prost(string, tag = "6")]
    scheme: String,
    #[prost(string, tag = "10")]
    protocol: String,
    #[prost(string, tag = "11")]
    body: String,
    #[prost(message, optional, tag = "13")]
    header_map: Option<Headers>,
}

#[derive(Clone, PartialEq, Message)]
struct Headers {
    #[prost(message, repeated, tag = "1")]
    headers: Vec<Header>,
}

#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
    #[prost(bytes = "vec", tag = "3")]
    raw: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Checked {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
    #[prost(message, optional, tag = "2")]
    denied: Option<Denied>,
    #[prost(message, optional, tag = "3")]
    ok: Option<Allowed>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Denied {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
    #[prost(message, repeated, tag = "2")]
    headers: Vec<Set>,
    #[prost(string, tag = "3")]
    body: String,
}

#[derive(Clone, PartialEq, Message)]
struct Allowed {
    #[prost(message, repeated, tag = "2")]
    headers: Vec<Set>,
    #[prost(string, repeated, tag = "5")]
    remove: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Set {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(message, optional, tag = "2")]
    append: Option<Flag>,
    #[prost(int32, tag = "3")]
    append_action: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Flag {
    #[prost(bool, tag = "1")]
    value: bool,
}

/// The only value of a header, which must overwrite.
fn value<'a>(headers: &'a [Set], name: &str) -> Option<&'a str> {
    let named = headers.iter().filter(|set| set.header.as_ref().unwrap().key == name);
    let named: Vec<_> = named.collect();
    assert!(named.len() <= 1, "{name} twice");
    let set = named.first()?;
    assert_eq!((&set.append, set.append_action), (&Some(Flag { value: false }), 0), "{name}");
    Some(&set.header.as_ref().unwrap().value)
}

impl Checked {
    /// The status that Envoy gives the client; 200 for "go on".
    fn code(&self) -> i32 {
        let status = self.status.as_ref().expect("a status").code;
        match (&self.ok, &self.denied) {
            (Some(_), None) if status == 0 => 200,
            (None, Some(denied)) if status != 0 => denied.status.as_ref().unwrap().code,
            _ => panic!("neither yes nor no: {self:?}"),
        }
    }

    fn location(&self) -> Option<&str> {
        value(&self.denied.as_ref()?.headers, "location")
    }
}

fn http(site: &Site, path: &str, headers: &[(&str, &str)]) -> Http {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut headers: HashMap<String, String> = headers.collect();
    for (name, value) in [(":method", "GET"), (":path", path), (":authority", &site.host("wiki"))] {
        headers.insert(name.to_owned(), value.to_owned());
    }
    Http {
        id: "7".to_owned(),
        method: "GET".to_owned(),
        headers,
        path: path.to_owned(),
        host: site.host("wiki"),
        scheme: "https".to_owned(),
        protocol: "HTTP/1.1".to_owned(),
        ..Http::default()
    }
}

fn check(http: Http, client: &str) -> Check {
    let socket = Socket { protocol: 0, address: client.to_owned(), port: 4711 };
    Check {
        attributes: Some(Attributes {
            source: Some(Peer { address: Some(Address { socket: Some(socket) }) }),
            request: Some(Asked { http: Some(http) }),
            context_extensions: HashMap::from([("virtual_host".to_owned(), "public".to_owned())]),
        }),
    }
}

struct Grpc {
    sender: http2::SendRequest<Full<Bytes>>,
    address: SocketAddr,
}

impl Grpc {
    async fn to(site: &Site) -> Self {
        let address = site.running.grpc_address().unwrap();
        Self::over(TcpStream::connect(address).await.unwrap(), address).await
    }

    /// As an Envoy on another machine asks.
    async fn tls(site: &Site) -> Self {
        let port = site.running.grpc_address().unwrap().port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self::over(tls(address, "auth.localhost").await, address).await
    }

    async fn over<T>(stream: T, address: SocketAddr) -> Self
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, address }
    }

    /// One call: HTTP status, status of gRPC, the body without its frame.
    async fn call(
        &mut self,
        path: &str,
        message: &[u8],
        headers: &[(&str, &str)],
    ) -> (u16, String, Vec<u8>) {
        let mut frame = vec![0];
        frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(message);
        let mut request = hyper::Request::post(format!("http://{}{path}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(frame)).unwrap();
        self.sender.ready().await.unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        let early = response.headers().get("grpc-status").cloned();
        let collected = response.into_body().collect().await.unwrap();
        let trailers = collected.trailers().and_then(|all| all.get("grpc-status")).cloned();
        let grpc = early.or(trailers).map(|value| value.to_str().unwrap().to_owned());
        let body = collected.to_bytes();
        (status, grpc.unwrap_or_default(), body.get(5..).unwrap_or_default().to_vec())
    }

    async fn check(&mut self, check: &Check, headers: &[(&str, &str)]) -> Checked {
        const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";
        let (status, grpc, body) = self.call(PATH, &check.encode_to_vec(), headers).await;
        assert_eq!((status, grpc.as_str()), (200, "0"));
        Checked::decode(body.as_slice()).unwrap()
    }

    async fn get(&mut self, site: &Site, path: &str, headers: &[(&str, &str)]) -> Checked {
        self.check(&check(http(site, path, headers), "203.0.113.9"), &[]).await
    }
}

const TRUSTED: &str = "external_auth: {trusted_peers: [127.0.0.1], grpc_address: '127.0.0.1:0'}\n\
     jwt_claims_headers: {X-Claim-Email: email, X-Claim-Sub: sub, X-Claim-Team: org_id}\n";

#[tokio::test]
async fn yes_overwrites_every_configured_header_and_takes_our_cookie_out() {
    let site = super::ask::site(TRUSTED).await;
    let (mut grpc, ours) = (Grpc::to(&site).await, staff(&site));
    let both = format!("theme=dark; {ours}");
    let answer = grpc.get(&site, "/private/x?y=1", &[("cookie", &both)]).await;
    assert_eq!(answer.code(), 200);
    let ok = answer.ok.unwrap();
    assert_eq!(value(&ok.headers, "x-claim-email"), Some("ann@corp.example"));
    assert_eq!(value(&ok.headers, "x-claim-team"), Some("A1B2"));
    assert_eq!(value(&ok.headers, "x-pomerium-jwt-assertion").unwrap().split('.').count(), 3);
    assert_eq!(value(&ok.headers, "cookie"), Some("theme=dark"));
    assert_eq!(ok.remove, Vec::<String>::new());
    let line = site.last_log().await;
    assert_eq!((&line["decision"], &line["path"]), (&"allow".into(), &"/private/x".into()));
    assert_eq!(
        (&line["detail"], &line["ip"]),
        (&"asked by envoy-grpc".into(), &"203.0.113.9".into())
    );
    // Nothing else is left of the cookie.
    let ok = grpc.get(&site, "/private/x", &[("cookie", &ours)]).await.ok.unwrap();
    assert_eq!((value(&ok.headers, "cookie"), ok.remove), (None, vec!["cookie".to_owned()]));
}

#[tokio::test]
async fn a51_8_yes_to_nobody_names_and_removes_every_configured_header() {
    let site = super::ask::site(TRUSTED).await;
    let (mut grpc, ours) = (Grpc::to(&site).await, staff(&site));
    for (path, cookie) in [("/public/x", "a=b"), ("/silent/x", &*ours), ("/silent/x", "a=b")] {
        let forged = [("cookie", cookie), ("x-claim-email", "eve@corp.example")];
        let answer = grpc.get(&site, path, &forged).await;
        assert_eq!(answer.code(), 200);
        let ok = answer.ok.unwrap();
        for name in IDENTITY {
            assert_eq!(value(&ok.headers, name), Some(""), "{path} {name}");
            assert!(ok.remove.contains(&name.to_owned()), "{path} {name}: {:?}", ok.remove);
        }
    }
}

/// What a client says under a name that no client may send is removed; what Russet has set stays,
/// and so does what Envoy writes itself.
#[tokio::test]
async fn t04_yes_removes_every_name_that_no_client_may_send() {
    let site = super::ask::site(TRUSTED).await;
    let (mut grpc, ours) = (Grpc::to(&site).await, staff(&site));
    let names: Vec<String> = known_names()
        .filter(|(_, meaning)| *meaning != Meaning::Method)
        .map(|(name, _)| name.to_ascii_lowercase())
        .chain(prefixes().map(|prefix| format!("{prefix}Anything").to_ascii_lowercase()))
        .collect();
    for name in &names {
        let forged = [("cookie", &*ours), (name.as_str(), "eve@corp.example")];
        let ok = grpc.get(&site, "/private/x", &forged).await.ok.unwrap();
        let stays = ["x-pomerium-jwt-assertion", "x-forwarded-client-cert"].contains(&&**name);
        assert_eq!(ok.remove.contains(name), !stays, "{name}: {:?}", ok.remove);
    }
    for name in WRITTEN_ANEW.map(str::to_ascii_lowercase) {
        let forged = [("cookie", &*ours), (name.as_str(), "203.0.113.9")];
        let ok = grpc.get(&site, "/private/x", &forged).await.ok.unwrap();
        assert!(!ok.remove.contains(&name), "{name}: {:?}", ok.remove);
    }
}

/// Where the policy reads the method, no header makes another of it afterwards.
#[tokio::test]
async fn t46_yes_to_a_method_removes_what_would_change_it() {
    let site = super::ask::site(TRUSTED).await;
    let (mut grpc, ours) = (Grpc::to(&site).await, staff(&site));
    for (name, _) in known_names().filter(|(_, meaning)| *meaning == Meaning::Method) {
        let name = name.to_ascii_lowercase();
        for (path, gone) in [("/reading/x", true), ("/public/x", false)] {
            let forged = [("cookie", &*ours), (name.as_str(), "DELETE")];
            let ok = grpc.get(&site, path, &forged).await.ok.unwrap();
            assert_eq!(ok.remove.contains(&name), gone, "{path} {name}: {:?}", ok.remove);
        }
    }
}

#[tokio::test]
async fn no_is_a_denied_response_with_status_headers_and_body() {
    let site = super::ask::site(TRUSTED).await;
    let (mut grpc, stranger) = (Grpc::to(&site).await, stranger(&site));
    let answer = grpc.get(&site, "/private/deep?q=1", &NAVIGATION).await;
    assert_eq!(answer.code(), 302);
    let begin = format!("https://wiki.localhost:{}/.pomerium/sign_in?", site.port);
    assert!(answer.location().unwrap().starts_with(&begin), "{answer:?}");
    assert_eq!(answer.status.unwrap().code, 16);
    let answer = grpc.get(&site, "/private/x", &[("accept", "application/json")]).await;
    assert_eq!((answer.code(), answer.location()), (401, None));
    let denied = answer.denied.unwrap();
    let body: Value = serde_json::from_str(&denied.body).unwrap();
    assert!(body.to_string().contains("/.pomerium/sign_in"), "{body}");
    let mut page = NAVIGATION.to_vec();
    page.push(("cookie", &stranger));
    let answer = grpc.get(&site, "/private/x", &page).await;
    assert_eq!((answer.code(), answer.status.as_ref().unwrap().code), (403, 7));
    let denied = answer.denied.unwrap();
    assert!(denied.body.contains("eve@elsewhere.example"), "{}", denied.body);
    assert_eq!(value(&denied.headers, "content-type"), Some("text/html; charset=utf-8"));
    for name in IDENTITY.into_iter().chain(["content-length"]) {
        assert_eq!(value(&denied.headers, name), None, "{name}");
    }
}

#[tokio::test]
async fn a51_15_a51_16_a51_18_paths_and_headers_that_are_ambiguous_are_400() {
    let site = super::ask::site(TRUSTED).await;
    let mut grpc = Grpc::to(&site).await;
    for path in ODD_TARGETS.iter().chain(&["/public/x#", "/public#/../private", "/private#/public"])
    {
        assert_eq!(grpc.get(&site, path, &[]).await.code(), 400, "{path:?}");
    }
    for (name, value) in [
        ("x-a", "a\0b"),
        ("x-a", "a\r\nx-claim-email: eve@corp.example"),
        ("x-a", "a\nb"),
        ("x_claim_email", "eve@corp.example"),
        ("x.claim.email", "eve@corp.example"),
        ("remote.user", "eve"),
        ("x a", "b"),
        ("", "b"),
    ] {
        let answer = grpc.get(&site, "/public/x", &[(name, value)]).await;
        assert_eq!(answer.code(), 400, "{name:?}: {value:?}");
    }
    for (name, value) in [
        ("x-envoy-original-path", "/public/x"),
        ("x-forwarded-uri", "/public/x"),
        ("x-original-url", "https://wiki.localhost/public/x"),
        ("x-forwarded-for", "203.0.113.9"),
        (":path", "/public/x"),
        (":method", "OPTIONS"),
    ] {
        let answer = grpc.get(&site, "/private/x", &[(name, value)]).await;
        assert_eq!(answer.code(), 401, "{name}: {value}");
    }
}

#[tokio::test]
async fn a51_17_raw_headers_are_read_as_bytes_and_not_beside_the_others() {
    let site = super::ask::site(TRUSTED).await;
    let (mut grpc, ours) = (Grpc::to(&site).await, staff(&site));
    let raw = |key: &str, raw: &[u8]| Header {
        key: key.to_owned(),
        value: String::new(),
        raw: raw.to_vec(),
    };
    let with = |headers: Vec<Header>| {
        let mut http = http(&site, "/private/x", &[]);
        http.headers.clear();
        http.header_map = Some(Headers { headers });
        http
    };
    for (headers, wanted) in [
        (vec![raw("cookie", ours.as_bytes())], 200),
        (vec![raw("x-a", b"\xff\xfe"), raw("cookie", ours.as_bytes())], 200),
        (vec![raw("cookie", b"a=\xff"), raw("cookie", ours.as_bytes())], 200),
        (vec![raw("cookie", b"\xff")], 401),
        (vec![raw("x-a", b"\0"), raw("cookie", ours.as_bytes())], 400),
        (vec![raw("authorization", b"a"), raw("authorization", b"b")], 400),
    ] {
        let answer = grpc.check(&check(with(headers.clone()), "203.0.113.9"), &[]).await;
        assert_eq!(answer.code(), wanted, "{headers:?}");
    }
    let mut both = with(vec![raw("cookie", ours.as_bytes())]);
    both.headers.insert("accept".to_owned(), "*/*".to_owned());
    assert_eq!(grpc.check(&check(both, "203.0.113.9"), &[]).await.code(), 400);
}

#[tokio::test]
async fn the_client_is_the_source_that_envoy_tells() {
    let site = super::ask::site(TRUSTED).await;
    let mut grpc = Grpc::to(&site).await;
    for (client, wanted) in [
        ("203.0.113.9", 200),
        ("::ffff:203.0.113.9", 200),
        ("198.51.100.1", 403),
        ("2001:db8::1", 403),
        ("", 400),
        ("unknown", 400),
        ("203.0.113.256", 400),
        ("fe80::1%eth0", 400),
    ] {
        let answer = grpc.check(&check(http(&site, "/office/x", &[]), client), &[]).await;
        assert_eq!(answer.code(), wanted, "{client:?}");
    }
    let mut nameless = check(http(&site, "/public/x", &[]), "203.0.113.9");
    nameless.attributes.as_mut().unwrap().source = None;
    assert_eq!(grpc.check(&nameless, &[]).await.code(), 400);
    for empty in [Check::default(), Check { attributes: Some(Attributes::default()) }] {
        assert_eq!(grpc.check(&empty, &[]).await.code(), 400);
    }
    for change in [
        |http: &mut Http| http.method = "get".to_owned(),
        |http: &mut Http| http.method = String::new(),
        |http: &mut Http| http.host = String::new(),
        |http: &mut Http| http.host = "a b".to_owned(),
        |http: &mut Http| http.path = String::new(),
    ] {
        let mut bad = http(&site, "/public/x", &[]);
        change(&mut bad);
        assert_eq!(grpc.check(&check(bad, "203.0.113.9"), &[]).await.code(), 400);
    }
}

/// A status of gRPC in place of an answer would be let in by `failure_mode_allow`.
#[tokio::test]
async fn t03_t70_an_untrusted_peer_is_denied_by_an_answer() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "correct-horse-battery-staple").unwrap();
    let extra = format!(
        "external_auth:\n  grpc_address: 127.0.0.1:0\n  trusted_peers:\n    \
         - {{header: X-Proxy-Secret, secret_file: {}}}\n",
        secret.path().display()
    );
    let site = super::ask::site(&extra).await;
    let mut grpc = Grpc::to(&site).await;
    let good = check(http(&site, "/public/x", &[]), "203.0.113.9");
    for (headers, wanted) in [
        (&[("x-proxy-secret", "correct-horse-battery-staple")][..], 200),
        (&[("x-proxy-secret", "wrong-horse-battery-staple")], 403),
        (&[], 403),
    ] {
        assert_eq!(grpc.check(&good, headers).await.code(), wanted, "{headers:?}");
    }
    // In the request that Envoy tells of it is a client's, and worth nothing.
    let told = http(&site, "/public/x", &[("x-proxy-secret", "correct-horse-battery-staple")]);
    assert_eq!(grpc.check(&check(told, "203.0.113.9"), &[]).await.code(), 403);
}

#[tokio::test]
async fn only_check_is_answered() {
    let site = super::ask::site(TRUSTED).await;
    let mut grpc = Grpc::to(&site).await;
    let message = check(http(&site, "/public/x", &[]), "203.0.113.9").encode_to_vec();
    for path in
        ["/", "/ping", "/envoy.service.auth.v2.Authorization/Check", "/.russet/auth/envoy/public/x"]
    {
        let (_, status, body) = grpc.call(path, &message, &[]).await;
        assert_eq!((status.as_str(), body.len()), ("12", 0), "{path}");
    }
    const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
    let (_, status, body) = grpc.call(CHECK, b"\xff\xff\xff", &[]).await;
    assert!(status != "0" && body.is_empty(), "{status}");
    let mut wire = crate::support::Wire::to(grpc.address).await;
    let answer = wire
        .ask(
            "POST /envoy.service.auth.v3.Authorization/Check HTTP/1.1",
            &[("Host", "a"), ("Content-Length", "0")],
        )
        .await;
    assert_eq!(answer.status, 505);
}

/// Where others than this machine can ask, `grpc_address` has the certificates too, and speaks
/// nothing without them.
#[tokio::test]
async fn questions_over_grpc_come_over_tls() {
    let extra = TRUSTED.replace("127.0.0.1:0", "0.0.0.0:0");
    let routes = super::ask::ROUTES.to_owned();
    let site = Site::with(Plan { routes, extra, ..Plan::default() }).await;
    let mut grpc = Grpc::tls(&site).await;
    let ours = staff(&site);
    let answer = grpc.get(&site, "/private/x", &[("cookie", &ours)]).await;
    assert_eq!(answer.code(), 200);
    let told = answer.ok.unwrap();
    assert_eq!(value(&told.headers, "x-claim-email"), Some("ann@corp.example"));
    assert_eq!(grpc.get(&site, "/private/x", &[]).await.code(), 401);
    let plain = TcpStream::connect(grpc.address).await.unwrap();
    let mut plain = Grpc::over(plain, grpc.address).await;
    let request = hyper::Request::post("http://russet/").body(Full::default()).unwrap();
    let refused = match plain.sender.ready().await {
        Ok(()) => plain.sender.send_request(request).await.is_err(),
        Err(_) => true,
    };
    assert!(refused, "it speaks without TLS");
}

/// Bytes that are no UTF-8 are in texts which protobuf has as UTF-8: a status of gRPC would be let
/// in by `failure_mode_allow`, and an answer is not.
#[tokio::test]
async fn a51_17_texts_that_are_no_utf8_get_an_answer() {
    let site = super::ask::site(TRUSTED).await;
    let mut grpc = Grpc::to(&site).await;
    let ours = staff(&site);
    let message = |path: &str, header: &str| {
        let http = http(&site, path, &[("cookie", &ours), ("x-a", header)]);
        check(http, "203.0.113.9").encode_to_vec()
    };
    let broken = |message: Vec<u8>| {
        let mark = |byte: u8| if byte == b'~' { 0xff } else { byte };
        message.into_iter().map(mark).collect::<Vec<u8>>()
    };
    const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";
    for (path, header, wanted) in
        [("/private/x", "y~", 200), ("/private/~", "y", 400), ("/private/x?~", "y", 400)]
    {
        let message = broken(message(path, header));
        let (status, grpc, body) = grpc.call(PATH, &message, &[]).await;
        assert_eq!((status, grpc.as_str()), (200, "0"), "{path} {header}");
        assert_eq!(Checked::decode(body.as_slice()).unwrap().code(), wanted, "{path} {header}");
    }
}
