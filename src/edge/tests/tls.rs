//! Certificates by name, and one policy.

use http_body_util::BodyExt as _;
use rustls::ProtocolVersion;
use tokio::io::AsyncWriteExt as _;

use super::super::*;
use super::harness::*;

async fn leaf(edge: &Edge, name: &str, send_name: bool) -> Vec<u8> {
    // What does not verify for the name is of no interest here; every name is in some certificate.
    let stream = edge.try_connect_tls(name, &[], send_name).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn a_certificate_is_chosen_by_name_exact_first_then_one_label_of_wildcard() {
    let first = certificate(&["a.example", "other.wild.example"]);
    let wild = certificate(&["*.wild.example"]);
    let exact = certificate(&["exact.wild.example"]);
    let edge = Edge::start(Limits::default(), &[first.clone(), wild.clone(), exact.clone()]);
    assert_eq!(leaf(&edge, "a.example", true).await, first.cert[0].to_vec());
    assert_eq!(leaf(&edge, "x.wild.example", true).await, wild.cert[0].to_vec());
    assert_eq!(leaf(&edge, "EXACT.wild.example", true).await, exact.cert[0].to_vec());
    assert_eq!(leaf(&edge, "other.wild.example", true).await, first.cert[0].to_vec());
    // Proxies send no name.
    assert_eq!(leaf(&edge, "a.example", false).await, first.cert[0].to_vec());
    // Two labels are not one, and the first certificate is not for that name.
    assert!(edge.try_connect_tls("x.y.wild.example", &[], true).await.is_err());
    assert!(edge.try_connect_tls("unknown.example", &[], true).await.is_err());
}

#[tokio::test]
async fn http2_is_preferred_and_the_name_is_handed_on() {
    let edge = Edge::tls(Limits::default());
    let stream = edge.connect_tls("a.example", &["http/1.1", "h2"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let (mut client, _) = http2(stream, 65_535).await;
    let answer = client.send_request(get("/who")).await.unwrap();
    let who = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(who, "Some(\"a.example\") true");

    let request = b"GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for protocols in [&["http/1.1"][..], &["http/1.0"], &[]] {
        let answer = exchange(edge.connect_tls("a.example", protocols).await, request).await;
        assert!(answer.ends_with("Some(\"a.example\") true"), "{answer}");
    }
    let nameless = edge.try_connect_tls("a.example", &[], false).await.unwrap();
    assert!(exchange(nameless, request).await.ends_with("None true"));
}

#[tokio::test]
async fn a_wrong_preface_gets_goaway() {
    let edge = Edge::tls(Limits::default());
    let mut stream = edge.connect_tls("a.example", &["h2"]).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let answer = read_all(stream).await;
    assert_eq!(answer.as_bytes()[3], 7, "{answer:?}");
}

#[tokio::test]
async fn which_names_are_served_together_follows_from_the_certificates() {
    assert!(CertificateSet::new(&[]).is_err());
    let one = CertificateSet::new(&[certificate(&["a.example"])]).unwrap();
    assert!(one.serve_together(Some("a.example"), "unknown.example"));
    let two = [certificate(&["a.example"]), certificate(&["b.example"])];
    let two = CertificateSet::new(&two).unwrap();
    assert!(!two.serve_together(Some("a.example"), "b.example"));
}

#[test]
fn t14_a_connection_carries_only_hosts_of_its_own_certificate() {
    let two = certificate(&["a.example", "b.example"]);
    let wild = certificate(&["*.wild.example"]);
    let certificates = CertificateSet::new(&[two, wild]).unwrap();
    let together = |name, host| certificates.serve_together(name, host);
    assert!(together(Some("a.example"), "a.example"));
    assert!(together(Some("a.example"), "b.example"));
    assert!(together(Some("x.wild.example"), "y.wild.example"));
    assert!(!together(Some("a.example"), "x.wild.example"));
    assert!(!together(Some("x.wild.example"), "a.example"));
    assert!(!together(Some("x.wild.example"), "unknown.example"));
    assert!(together(None, "x.wild.example"));
}
