//! The signed link from a route host to the sign-in of the authenticate host. Signature, age and
//! host are checked before anything else, and it works only in the browser that asked.

use std::time::Duration;

use super::Session;
use super::return_address::{OurHosts, ReturnAddress};
use crate::base::seal::{Ring, Signer, digest};
use crate::base::time::Timestamp;
use crate::wire::form::Form;

/// How long a link is good.
pub const LIFETIME: Duration = Duration::from_secs(600);

/// What may lie between the clocks of two replicas.
const LEEWAY: Duration = Duration::from_secs(60);

/// Makes and checks sign-in links.
#[derive(Debug)]
pub struct Links {
    signer: Signer,
}

/// A link that has been checked.
#[derive(Clone, Debug)]
pub struct SignInLink {
    /// Where to go afterwards.
    pub return_to: ReturnAddress,
    /// Names the browser that asked, by the hash of its browser cookie.
    pub browser: BrowserHash,
    /// Since when somebody must have signed in; a session from before is not good enough.
    pub since: Option<Timestamp>,
}

/// A start that has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Where to go afterwards.
    pub return_to: ReturnAddress,
    /// As [`SignInLink::since`].
    pub since: Option<Timestamp>,
}

/// Whether a live session spares its owner the sign-in that a link with this `since` is for.
pub fn is_recent_enough(since: Option<Timestamp>, session: &Session) -> bool {
    since.is_none_or(|since| since <= session.identity.signed_in_at)
}

/// `since` as it is written in a link; nothing is signed as empty, so nobody can take it away.
fn written_since(since: Option<Timestamp>) -> String {
    since.map(|since| since.0.to_string()).unwrap_or_default()
}

fn read_since(written: &str) -> Result<Option<Timestamp>, LinkProblem> {
    match written {
        "" => Ok(None),
        seconds => Ok(Some(Timestamp(seconds.parse().map_err(|_| LinkProblem::Forged)?))),
    }
}

/// The hash of a browser cookie: names a browser without being worth anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserHash(pub String);

impl BrowserHash {
    /// The hash of a browser cookie's value.
    pub fn of(cookie_value: &str) -> Self {
        Self(digest(cookie_value))
    }
}

/// Makes and checks the links that another proxy sends people to: to the sign-in of the
/// host that they asked for, which gives their browser its cookie and sends them on. Nobody is
/// named in them, because the answer that carries them may reach no browser with a cookie.
#[derive(Debug)]
pub struct Starts {
    signer: Signer,
}

impl Starts {
    /// Signs with `ring` (`shared_secret`).
    pub fn new(ring: &Ring) -> Self {
        Self { signer: ring.signer("sign-in start") }
    }

    /// The link that begins a sign-in at the host of `return_to`; with `since`, whoever signed in
    /// before it signs in again.
    pub fn url(
        &self,
        return_to: &ReturnAddress,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> String {
        let (issued, url, since) = (now.0.to_string(), return_to.url(), written_since(since));
        let shortened = if return_to.shortened { "1" } else { "0" };
        let signature = self.signer.sign(&[&url, shortened, &issued, &since]);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("pomerium_redirect_uri", &url)
            .append_pair("pomerium_issued", &issued)
            .append_pair("russet_shortened", shortened);
        if !since.is_empty() {
            query.append_pair("russet_since", &since);
        }
        query.append_pair("pomerium_signature", &signature);
        format!("https://{}/.pomerium/sign_in?{}", return_to.authority, query.finish())
    }

    /// Checks the query of a link that came to `host` (without port).
    ///
    /// # Errors
    /// Says what is wrong, for the log.
    pub fn check(
        &self,
        host: &str,
        query: &Form<'_>,
        is_ours: OurHosts<'_>,
        now: Timestamp,
    ) -> Result<Start, LinkProblem> {
        let part = |name: &str| query.get(name).ok_or(LinkProblem::Forged);
        let (url, issued) = (part("pomerium_redirect_uri")?, part("pomerium_issued")?);
        let shortened = part("russet_shortened")?;
        let since = query.get("russet_since").unwrap_or_default();
        if !self.signer.verify(&[url, shortened, issued, since], part("pomerium_signature")?) {
            return Err(LinkProblem::Forged);
        }
        check_age(issued, now)?;
        let return_to = ReturnAddress::parse(url, is_ours).ok_or(LinkProblem::ForeignHost)?;
        if return_to.authority.host() != host {
            return Err(LinkProblem::ForeignHost);
        }
        let return_to = ReturnAddress { shortened: shortened == "1", ..return_to };
        Ok(Start { return_to, since: read_since(since)? })
    }
}

/// Whether a link was made within [`LIFETIME`], and not in the future.
fn check_age(issued: &str, now: Timestamp) -> Result<(), LinkProblem> {
    let issued = Timestamp(issued.parse().map_err(|_| LinkProblem::Forged)?);
    match now >= issued.plus(LIFETIME) || issued > now.plus(LEEWAY) {
        true => Err(LinkProblem::Stale),
        false => Ok(()),
    }
}

/// What is wrong with a link. All of them are answered alike; the log distinguishes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkProblem {
    /// A part is missing, or the signature is not ours.
    Forged,
    /// Older than [`LIFETIME`], or from the future.
    Stale,
    /// Leads to a host that is not ours (any longer).
    ForeignHost,
}

impl Links {
    /// Signs with `ring` (`shared_secret`).
    pub fn new(ring: &Ring) -> Self {
        Self { signer: ring.signer("sign-in link") }
    }

    /// The link that signs a person in at `authenticate_host` and leads to `return_to`; with
    /// `since`, whoever signed in before it signs in again.
    pub fn url(
        &self,
        authenticate_host: &str,
        return_to: &ReturnAddress,
        browser: &BrowserHash,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> String {
        let (issued, url, since) = (now.0.to_string(), return_to.url(), written_since(since));
        let shortened = if return_to.shortened { "1" } else { "0" };
        let signature =
            self.signer.sign(&[authenticate_host, &url, shortened, &browser.0, &issued, &since]);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("pomerium_redirect_uri", &url)
            .append_pair("pomerium_issued", &issued)
            .append_pair("russet_browser", &browser.0)
            .append_pair("russet_shortened", shortened);
        if !since.is_empty() {
            query.append_pair("russet_since", &since);
        }
        query.append_pair("pomerium_signature", &signature);
        format!("https://{authenticate_host}/.pomerium/sign_in?{}", query.finish())
    }

    /// Checks the query of a link that came to `authenticate_host`.
    ///
    /// # Errors
    /// Says what is wrong, for the log.
    pub fn check(
        &self,
        authenticate_host: &str,
        query: &Form<'_>,
        is_ours: OurHosts<'_>,
        now: Timestamp,
    ) -> Result<SignInLink, LinkProblem> {
        let part = |name: &str| query.get(name).ok_or(LinkProblem::Forged);
        let (url, issued) = (part("pomerium_redirect_uri")?, part("pomerium_issued")?);
        let (browser, shortened) = (part("russet_browser")?, part("russet_shortened")?);
        let since = query.get("russet_since").unwrap_or_default();
        let signed = [authenticate_host, url, shortened, browser, issued, since];
        if !self.signer.verify(&signed, part("pomerium_signature")?) {
            return Err(LinkProblem::Forged);
        }
        check_age(issued, now)?;
        let return_to = ReturnAddress::parse(url, is_ours).ok_or(LinkProblem::ForeignHost)?;
        Ok(SignInLink {
            return_to: ReturnAddress { shortened: shortened == "1", ..return_to },
            browser: BrowserHash(browser.to_owned()),
            since: read_since(since)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::sealed_cookie::tests::ring;
    use super::*;
    use crate::session::return_address::LONGEST;
    use crate::wire::host::Authority;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn is_ours(authority: &Authority<'_>) -> bool {
        authority.host() == "app.example.com" && authority.port().is_none()
    }

    fn link(path: &str) -> String {
        link_since(path, None)
    }

    fn link_since(path: &str, since: Option<Timestamp>) -> String {
        let app = Authority::parse("app.example.com").unwrap();
        let to = ReturnAddress::of_request(&app, path, &is_ours).unwrap();
        Links::new(&ring(1)).url("auth.example.com", &to, &BrowserHash::of("b"), since, NOW)
    }

    fn check(url: &str, host: &str, now: Timestamp) -> Result<SignInLink, LinkProblem> {
        let query = Form::query(Some(url.split_once('?').unwrap().1)).unwrap();
        Links::new(&ring(1)).check(host, &query, &is_ours, now)
    }

    #[test]
    fn a_link_brings_its_address_back_byte_for_byte() {
        for path in
            ["/deep/path?q=1&r=%2F", "/?a=%2B+b&c=&d", "/%C3%A4?x=%C3%A4", "/a?filter[b]=1|2"]
        {
            let link = check(&link(path), "auth.example.com", NOW).unwrap();
            assert_eq!(link.return_to.path_and_query, path);
        }
    }

    #[test]
    fn w4_signature_age_and_host_are_checked() {
        let good = link("/x");
        assert!(check(&good, "auth.example.com", NOW.plus(Duration::from_secs(599))).is_ok());
        let stale = check(&good, "auth.example.com", NOW.plus(LIFETIME)).unwrap_err();
        assert_eq!(stale, LinkProblem::Stale);
        let early = check(&good, "auth.example.com", NOW.minus(Duration::from_secs(61)));
        assert_eq!(early.unwrap_err(), LinkProblem::Stale);
        for (from, to) in [
            ("app.example.com", "evil.example.com"),
            ("pomerium_issued=1", "pomerium_issued=2"),
            ("russet_shortened=0", "russet_shortened=1"),
            ("russet_browser=", "russet_browser=A"),
            ("pomerium_signature=", "pomerium_signature=A"),
        ] {
            let bad = good.replace(from, to);
            assert_eq!(check(&bad, "auth.example.com", NOW).unwrap_err(), LinkProblem::Forged);
        }
        assert_eq!(check(&good, "other.example.com", NOW).unwrap_err(), LinkProblem::Forged);
    }

    #[test]
    fn w4_since_when_to_have_signed_in_is_signed() {
        let link = link_since("/x", Some(Timestamp(1_799_999_000)));
        let checked = check(&link, "auth.example.com", NOW).unwrap();
        assert_eq!(checked.since, Some(Timestamp(1_799_999_000)));
        for (from, to) in [
            ("&russet_since=1799999000", ""),
            ("russet_since=1799999000", "russet_since="),
            ("russet_since=1799999000", "russet_since=1799998000"),
            ("russet_since", "Russet_since"),
        ] {
            let bad = link.replace(from, to);
            assert_ne!(bad, link);
            let problem = check(&bad, "auth.example.com", NOW).unwrap_err();
            assert_eq!(problem, LinkProblem::Forged, "{bad}");
        }
        let without = format!("{}&russet_since=1", self::link("/x"));
        let problem = check(&without, "auth.example.com", NOW).unwrap_err();
        assert_eq!(problem, LinkProblem::Forged);
        assert_eq!(check(&self::link("/x"), "auth.example.com", NOW).unwrap().since, None);
    }

    #[test]
    fn a_start_is_good_for_its_host_and_ten_minutes_and_is_no_link() {
        let app = Authority::parse("app.example.com").unwrap();
        let to = ReturnAddress::of_request(&app, "/x?y=1", &is_ours).unwrap();
        let starts = Starts::new(&ring(1));
        let since = Some(NOW.minus(LIFETIME));
        let good = starts.url(&to, since, NOW);
        let check = |url: &str, host: &str, now| {
            let query = Form::query(Some(url.split_once('?').unwrap().1)).unwrap();
            starts.check(host, &query, &is_ours, now)
        };
        assert!(good.starts_with("https://app.example.com/.pomerium/sign_in?"), "{good}");
        let start = check(&good, "app.example.com", NOW).unwrap();
        assert_eq!(start, Start { return_to: to.clone(), since });
        let without = check(&starts.url(&to, None, NOW), "app.example.com", NOW).unwrap();
        assert_eq!(without.since, None);
        let other = check(&good, "other.example.com", NOW).unwrap_err();
        assert_eq!(other, LinkProblem::ForeignHost);
        let stale = check(&good, "app.example.com", NOW.plus(LIFETIME)).unwrap_err();
        assert_eq!(stale, LinkProblem::Stale);
        for (from, to) in [
            ("app.example", "evil.example"),
            ("issued=1", "issued=2"),
            ("shortened=0", "shortened=1"),
            ("since=1", "since=0"),
            ("russet_since", "since"),
        ] {
            let bad = check(&good.replace(from, to), "app.example.com", NOW).unwrap_err();
            assert_eq!(bad, LinkProblem::Forged);
        }
        // Neither passes for the other.
        let link = check(&link("/x"), "app.example.com", NOW).unwrap_err();
        assert_eq!(link, LinkProblem::Forged);
    }

    #[test]
    fn addresses_too_long_lose_their_query_and_then_their_path() {
        let app = Authority::parse("app.example.com").unwrap();
        let of = |path: &str| ReturnAddress::of_request(&app, path, &is_ours).unwrap();
        let room = LONGEST - "https://app.example.com".len();
        let longest = format!("/{}", "a".repeat(room - 1));
        assert!(!of(&longest).shortened);
        let query = of(&format!("/path?{}", "q".repeat(room)));
        assert_eq!((query.path_and_query.as_str(), query.shortened), ("/path", true));
        let path = of(&format!("/{}?q", "p".repeat(room)));
        assert_eq!((path.path_and_query.as_str(), path.shortened), ("/", true));
    }
}
