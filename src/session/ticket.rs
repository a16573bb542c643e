//! The ticket that hands a session from the authenticate host to a route host: sealed for that
//! host and for the browser that asked, good for a minute, redeemed once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::link::BrowserHash;
use super::return_address::{self, OurHosts, ReturnAddress};
use super::sealed_cookie::Written as WrittenSession;
use super::{Session, return_address::Written as WrittenAddress};
use crate::base::random;
use crate::base::seal::{Ring, Sealer};
use crate::base::time::Timestamp;

/// How long a ticket is good.
pub const LIFETIME: Duration = Duration::from_secs(60);

/// Mints and opens tickets.
#[derive(Debug)]
pub struct Tickets {
    sealer: Sealer,
}

/// A ticket that opened for this host and this browser.
#[derive(Debug)]
pub struct OpenedTicket {
    /// Names the ticket, so that it is redeemed once.
    pub id: TicketId,
    /// The session it hands over.
    pub session: Session,
    /// Where the person wanted to go.
    pub return_to: ReturnAddress,
    /// When it is too old.
    pub expires_at: Timestamp,
}

/// Names one ticket.
pub type TicketId = [u8; 16];

#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(rename = "k")]
    id: TicketId,
    #[serde(rename = "x")]
    expires_at: i64,
    #[serde(rename = "s")]
    session: WrittenSession,
    #[serde(rename = "r")]
    return_to: WrittenAddress,
}

impl Tickets {
    /// Seals with `ring` (`shared_secret`).
    pub fn new(ring: &Ring) -> Self {
        Self { sealer: ring.sealer("ticket") }
    }

    /// A ticket for the host of `return_to` and the browser named by `browser`.
    pub fn mint(
        &self,
        session: &Session,
        return_to: &ReturnAddress,
        browser: &BrowserHash,
        now: Timestamp,
    ) -> Option<String> {
        let written = Written {
            id: random::bytes(),
            expires_at: now.plus(LIFETIME).0,
            session: WrittenSession::of(session),
            return_to: return_to.written(),
        };
        let plain = serde_json::to_vec(&written).ok()?;
        self.sealer.seal(&[return_to.authority.host(), &browser.0], &plain)
    }

    /// Opens a ticket that came to `host` from a browser with one of these browser cookies.
    pub fn open(
        &self,
        ticket: &str,
        host: &str,
        browser_cookies: &[&str],
        is_ours: OurHosts<'_>,
        now: Timestamp,
    ) -> Option<OpenedTicket> {
        let plain = browser_cookies
            .iter()
            .find_map(|value| self.sealer.open(&[host, &BrowserHash::of(value).0], ticket))?;
        let written: Written = serde_json::from_slice(&plain).ok()?;
        let return_to: Option<ReturnAddress> =
            return_address::Written::read(&written.return_to, is_ours);
        let return_to = return_to.filter(|address| address.authority.host() == host)?;
        let expires_at = Timestamp(written.expires_at);
        (now < expires_at).then(|| OpenedTicket {
            id: written.id,
            session: written.session.into_session(),
            return_to,
            expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::sealed_cookie::{SessionSeal, tests as given};
    use super::*;
    use crate::wire::host::Authority;
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    #[test]
    fn w5_a_ticket_opens_for_its_host_and_browser_within_a_minute() {
        let is_ours: OurHosts<'_> = &|authority| authority.host().ends_with(".example.com");
        let seal = SessionSeal::new(&given::ring(1), &given::settings(None));
        let session = seal.begin(given::identity(json!({})), NOW).unwrap();
        let app = Authority::parse("app.example.com").unwrap();
        let to = ReturnAddress::of_request(&app, "/x?y", is_ours).unwrap();
        let tickets = Tickets::new(&given::ring(1));
        let ticket = tickets.mint(&session, &to, &BrowserHash::of("mine"), NOW).unwrap();

        let opens = |host: &str, cookies: &[&str], now| {
            tickets.open(&ticket, host, cookies, is_ours, now).is_some()
        };
        assert!(opens("app.example.com", &["mine"], NOW));
        assert!(opens("app.example.com", &["other", "mine"], NOW));
        assert!(!opens("app.example.com", &[], NOW));
        assert!(!opens("app.example.com", &["other"], NOW));
        assert!(!opens("wiki.example.com", &["mine"], NOW));
        assert!(!opens("app.example.com", &["mine"], NOW.plus(LIFETIME)));
        let removed: OurHosts<'_> = &|_| false;
        assert!(tickets.open(&ticket, "app.example.com", &["mine"], removed, NOW).is_none());
        let opened = tickets.open(&ticket, "app.example.com", &["mine"], is_ours, NOW).unwrap();
        assert_eq!((opened.session.id, opened.return_to), (session.id, to));
    }
}
