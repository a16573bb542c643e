//! Another plan takes the place of the first while Russet serves: what follows from the
//! configuration changes, connections stay.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use russet::decision::record::Redact;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde_json::json;

use crate::support::{Answered, Plan, Site, Wire};

fn plan() -> Plan {
    Plan {
        extra: "decision_log: {path: '{state}/decisions.log'}\n".to_owned(),
        plain: true,
        ..Plan::default()
    }
}

async fn get(wire: &mut Wire, site: &Site, cookie: &str) -> u16 {
    let host = site.host("wiki");
    let headers = [("Host", host.as_str()), ("Cookie", cookie)];
    wire.ask("GET /page HTTP/1.1", &headers).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_plan_changes_redaction_and_client_id_and_keeps_connections() {
    let site = Site::with(plan()).await;
    let ann = site.cookie("wiki", json!({}));
    let mut wire = site.wire().await;
    assert_eq!(get(&mut wire, &site, &ann).await, 200);
    assert_eq!(site.app.connections(), 1);

    let mut settings = site.settings(&plan());
    settings.apple.client_id = "com.example.other".to_owned();
    settings.gateway.decision_log.as_mut().unwrap().redact = Redact::LeaveOut;
    let keys_before = site.apple.calls(russet::fake_apple::Endpoint::Keys);
    site.running.replace(settings).unwrap();

    // The client's connection and the one to the application are the same as before.
    assert_eq!(get(&mut wire, &site, &ann).await, 200);
    assert_eq!((site.app.count(), site.app.connections()), (2, 1));
    let link = site.hand().load(&format!("http://{}/", site.host("wiki")), "").await;
    let link = link.location().replace("https:", "http:");
    let at_apple = site.hand().load(&link, "").await;
    assert!(at_apple.location().contains("client_id=com.example.other"), "{}", at_apple.location());
    // Apple's keys were kept.
    assert_eq!(site.apple.calls(russet::fake_apple::Endpoint::Keys), keys_before);

    let path = site.state().join("decisions.log");
    let state = site.drain().await;
    let log = std::fs::read_to_string(path).unwrap();
    drop(state);
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("/page")).collect();
    let [before, after] = lines.as_slice() else { panic!("{log}") };
    assert!(before.contains("ann@corp.example"), "{before}");
    assert!(!after.contains("ann@corp.example"), "{after}");
}

/// A certificate for the hosts of the test site that no authority has signed.
fn other_certificate() -> CertifiedKey {
    let key = KeyPair::generate().unwrap();
    let names = vec!["wiki.localhost".to_owned(), "auth.localhost".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    CertifiedKey::new(vec![certificate.der().clone()], signing)
}

/// The certificate that a new connection is shown, whoever signed it.
async fn shown(site: &Site, name: &str) -> CertificateDer<'static> {
    let seen = tls_client::Seen::default();
    seen.connect(site.address(), name).await
}

/// A TLS client that looks at a certificate and trusts whatever it sees.
mod tls_client {
    use std::net::SocketAddr;
    use std::sync::{Arc, Mutex};

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::aws_lc_rs;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    #[derive(Clone, Debug, Default)]
    pub struct Seen(Arc<Mutex<Option<CertificateDer<'static>>>>);

    impl Seen {
        pub async fn connect(self, address: SocketAddr, name: &str) -> CertificateDer<'static> {
            let provider = Arc::new(aws_lc_rs::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(self.clone()))
                .with_no_client_auth();
            let stream = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from(name.to_owned()).unwrap();
            TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
            self.0.lock().unwrap().take().unwrap()
        }
    }

    impl ServerCertVerifier for Seen {
        fn verify_server_cert(
            &self,
            end_entity: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            *self.0.lock().unwrap() = Some(end_entity.clone().into_owned());
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_plan_serves_its_certificates_without_a_restart() {
    let site = Site::start().await;
    let before = shown(&site, "wiki.localhost").await;
    let mut settings = site.settings(&Plan::default());
    let other = other_certificate();
    let expected = other.cert[0].clone();
    settings.gateway.listener.certificates.push(Arc::new(other));
    settings.gateway.listener.certificates.remove(0);
    site.running.replace(settings).unwrap();
    let after = shown(&site, "wiki.localhost").await;
    assert_ne!(before, after);
    assert_eq!(after, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_cannot_be_served_changes_nothing() {
    let site = Site::with(plan()).await;
    let tls = site.settings(&Plan::default());
    let refused = site.running.replace(tls).unwrap_err();
    assert!(refused.to_string().contains("without a restart"), "{refused}");
    let mut settings = site.settings(&plan());
    settings.apple.provider_url = "ftp://apple.example".to_owned();
    site.running.replace(settings).unwrap_err();
    let ann = site.cookie("wiki", json!({}));
    assert_eq!(get(&mut site.wire().await, &site, &ann).await, 200);
}
