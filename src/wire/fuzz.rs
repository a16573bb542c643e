//! What must hold for any bytes that a client sends.

#![expect(clippy::expect_used, reason = "a body fails by panicking")]

use std::net::{IpAddr, Ipv6Addr};

use http::header::{ACCEPT, COOKIE, HeaderMap, SET_COOKIE};
use http::{HeaderName, HeaderValue, Method, Version};

use super::accept::{Format, is_page_load, is_preflight, prefers};
use super::cookies::{OurCookies, names_with_prefix, values};
use super::form::{Form, MAX_PARAMETERS};
use super::forwarded::{Chain, newest_first, read_address};
use super::host::{Authority, HostProblem, Scheme, request_authority};
use super::path::{is_resolved, normalise};

/// A path that is accepted has one spelling, and nothing in it that two readers read differently.
pub(crate) fn path(bytes: &[u8]) {
    let Ok(raw) = std::str::from_utf8(bytes) else { return };
    let Ok(path) = normalise(raw) else { return };
    assert!(path.starts_with('/'), "{path:?}");
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic()), "{path:?}");
    assert!(!path.contains("//") && !path.contains(['\\', '?', '#']), "{path:?}");
    assert!(is_resolved(&path), "{path:?} still has dot segments");
    assert_eq!(normalise(&path).as_deref(), Ok(&*path), "the one spelling of {raw:?} is another");

    // What an application sees after it has decoded once.
    let decoded = percent_encoding::percent_decode_str(&path).decode_utf8();
    let decoded = decoded.expect("an accepted path decodes to UTF-8");
    assert!(!decoded.contains('\\') && !decoded.chars().any(char::is_control), "{decoded:?}");
    assert_eq!(decoded.matches('/').count(), path.matches('/').count(), "{path:?} hides a slash");
    for segment in decoded.split('/') {
        let name = segment.split(';').next().unwrap_or_default().trim();
        assert!(!matches!(name, "." | ".."), "{path:?} hides dots");
    }
}

/// A host that is accepted has one spelling, says nothing but a host and a port, and a request that
/// names it twice names none.
pub(crate) fn host(bytes: &[u8]) {
    let parsed =
        std::str::from_utf8(bytes).map_err(|_| HostProblem::Name).and_then(Authority::parse);
    let version = Version::HTTP_11;
    assert_eq!(request_authority(None, [bytes], version), parsed);
    assert_eq!(request_authority(None, [bytes, bytes], version), Err(HostProblem::Several));
    let Ok(authority) = parsed else { return };
    let written = authority.to_string();
    assert_eq!(Authority::parse(&written).as_ref(), Ok(&authority), "{written:?}");
    let target = std::str::from_utf8(bytes).ok();
    assert_eq!(request_authority(target, [written.as_bytes()], version).as_ref(), Ok(&authority));

    let host = authority.host();
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match literal {
        Some(address) => assert!(address.parse::<Ipv6Addr>().is_ok(), "{host:?}"),
        None => {
            let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
            assert!(!host.is_empty() && host.bytes().all(plain), "{host:?}");
        }
    }
    assert_ne!(authority.port(), Some(0));
    for scheme in [Scheme::Http, Scheme::Https] {
        let origin = authority.origin(scheme);
        let rest = origin.strip_prefix(scheme.as_str()).and_then(|rest| rest.strip_prefix("://"));
        let again = rest.and_then(|rest| Authority::parse(rest).ok());
        assert!(
            again.is_some_and(|again| again.host() == host
                && again.port_or_default(scheme) == authority.port_or_default(scheme)),
            "{origin:?}"
        );
    }
}

const OUR_NAME: &str = "_pomerium";
const OUR_PREFIX: &str = "_pomerium_attempt_";

/// A name as the most forgiving application reads it: decoded, without quotes, blanks and controls,
/// in lower case, with every mark alike.
fn forgiven(name: &[u8]) -> String {
    let decoded = percent_encoding::percent_decode(name).collect::<Vec<u8>>();
    let seen = decoded.iter().filter(|byte| byte.is_ascii_graphic());
    let seen = seen.filter(|byte| !matches!(byte, b'"' | b'\'' | b'$' | b'%'));
    let fold = |byte: &u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte.to_ascii_lowercase()),
        _ => '_',
    };
    seen.map(fold).collect()
}

/// Pieces of all `Cookie` headers.
fn cookie_pieces(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let values = headers.get_all(COOKIE).iter();
    let pieces = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    pieces.map(|piece| piece.trim_ascii().to_vec()).filter(|piece| !piece.is_empty()).collect()
}

/// One header for each line of `bytes`; a line that cannot be a value is left out.
fn headers_of(name: &HeaderName, bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name, value);
        }
    }
    headers
}

/// What an application gets holds none of our cookies under any spelling, and every foreign one.
pub(crate) fn cookies(bytes: &[u8]) {
    let ours = OurCookies::new([OUR_NAME], [OUR_PREFIX]);
    let before = headers_of(&COOKIE, bytes);
    let mut after = before.clone();
    ours.remove_from_request(&mut after);
    assert!(after.get_all(COOKIE).iter().count() <= 1);
    for piece in cookie_pieces(&after) {
        for part in piece.split(|byte| *byte == b',').chain([piece.as_slice()]) {
            let name = part.split(|byte| *byte == b'=').map(forgiven).find(|name| !name.is_empty());
            let name = name.unwrap_or_default();
            assert!(name != OUR_NAME && !name.starts_with(OUR_PREFIX), "{}", piece.escape_ascii());
        }
    }
    assert_eq!(values(&after, OUR_NAME).count() + names_with_prefix(&after, OUR_PREFIX).count(), 0);

    // What is foreign whoever reads it stays, in its order; nothing new appears.
    let foreign =
        |piece: &Vec<u8>| !forgiven(piece).contains("pomerium") && !piece.starts_with(b"$");
    let kept = |headers| cookie_pieces(headers).into_iter().filter(foreign).collect::<Vec<_>>();
    assert_eq!(kept(&before), kept(&after));
    let (pieces, mut left) = (cookie_pieces(&after), cookie_pieces(&before).into_iter());
    assert!(pieces.iter().all(|piece| left.any(|other| other == *piece)));

    let once = after.clone();
    ours.remove_from_request(&mut after);
    assert_eq!(once, after, "a second look finds more");

    let mut answer = headers_of(&SET_COOKIE, bytes);
    let count = answer.len();
    let removed = ours.remove_from_response(&mut answer);
    assert_eq!(answer.len(), count - removed);
    assert!(!answer.get_all(SET_COOKIE).iter().any(|value| ours.sets_ours(value)));
    for value in answer.get_all(SET_COOKIE) {
        let name = value.as_bytes().split(|byte| matches!(byte, b'=' | b';')).next();
        assert_ne!(forgiven(name.unwrap_or_default()), OUR_NAME);
    }
}

/// The client is the peer or the entry that the last trusted hop wrote, and what is sent on says the
/// same. The first byte is the number of hops, each line a header.
pub(crate) fn forwarded(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let hops = usize::from(first & 7);
    let peer = IpAddr::from([192, 0, 2, 200]);
    let headers = headers_of(&HeaderName::from_static("x-forwarded-for"), rest);
    let chain = Chain::read(peer, &headers, hops);
    assert_eq!(chain.peer(), peer);
    // Read again by hand, from the right.
    let values = headers.values().map(HeaderValue::as_bytes).collect::<Vec<_>>();
    let mut entries = values.iter().flat_map(|value| value.split(|byte| *byte == b',')).rev();
    let believed: Option<Vec<IpAddr>> =
        (0..hops).map(|_| entries.next().and_then(read_address)).collect();
    let expected = believed.and_then(|believed| believed.last().copied()).unwrap_or(peer);
    assert_eq!(chain.client(), expected);

    let mut sent = headers.clone();
    let authority = Authority::parse("a.example:8443").expect("a plain host");
    chain.write(&mut sent, Scheme::Https, &authority);
    let list: Vec<Option<IpAddr>> = newest_first(&sent).collect();
    assert!(list.iter().all(Option::is_some) && list.len() <= hops + 1, "{sent:?}");
    assert_eq!(list.first(), Some(&Some(peer)));
    assert_eq!(list.last(), Some(&Some(chain.client())));
    assert_eq!(Chain::read(peer, &sent, list.len()).client(), chain.client());
    let mut again = sent.clone();
    Chain::told(chain.client()).write(&mut again, Scheme::Https, &authority);
    assert_eq!(newest_first(&again).collect::<Vec<_>>(), [Some(chain.client())]);
}

/// A form that is accepted is within its limits, has each name once, and reads alike by the URL
/// standard.
pub(crate) fn form(bytes: &[u8]) {
    let Ok(form) = Form::parse(bytes) else { return };
    let mine: Vec<(&str, &str)> = form.iter().collect();
    assert!(mine.len() <= MAX_PARAMETERS);
    for (at, (name, value)) in mine.iter().enumerate() {
        assert_eq!(form.get(name), Some(*value));
        assert!(!mine.iter().skip(at + 1).any(|(other, _)| other == name), "{name:?} came twice");
    }
    let theirs: Vec<_> = form_urlencoded::parse(bytes).collect();
    let theirs: Vec<_> = theirs.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(mine, theirs);
    let written = form_urlencoded::Serializer::new(String::new()).extend_pairs(&mine).finish();
    let again = Form::parse(written.as_bytes()).expect("what was read can be written");
    assert_eq!(again.iter().collect::<Vec<_>>(), mine);
    assert_eq!(format!("{form:?}"), format!("Form({} parameters)", mine.len()));
}

/// Whether somebody waits for a page follows from what the request says, and never from `*/*`. The
/// first line is the method, each other line a header.
pub(crate) fn accept(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let method = lines.next().and_then(|line| Method::from_bytes(line).ok()).unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts.next().and_then(|value| HeaderValue::from_bytes(value.trim_ascii()).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let page_load = is_page_load(&method, &headers);
    let accepts: Vec<String> = headers
        .get_all(ACCEPT)
        .iter()
        .map(|value| value.as_bytes().escape_ascii().to_string().to_ascii_lowercase())
        .collect();
    if page_load {
        assert!(matches!(method, Method::GET | Method::HEAD));
        assert!(!headers.contains_key("sec-purpose"));
        let fetch = headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        assert!(fetch || accepts.iter().any(|value| value.contains("text/html")), "{headers:?}");
    }
    let preflight = is_preflight(&method, &headers);
    assert!(!(preflight && page_load));
    assert!(!preflight || (method == Method::OPTIONS && headers.contains_key("origin")));

    for otherwise in [Format::Html, Format::Json, Format::Text] {
        let chosen = prefers(&headers, otherwise);
        let named = match chosen {
            _ if chosen == otherwise => continue,
            Format::Html => ["text/html", "text/*"],
            Format::Json => ["application/*", "json"],
            Format::Text => ["text/plain", "text/*"],
        };
        // `otherwise` may also have been refused by name, which leaves `*/*` to the others.
        let refused = accepts.iter().any(|value| value.contains("q=0"));
        let named = accepts.iter().any(|value| named.iter().any(|name| value.contains(name)));
        assert!(named || refused, "{chosen:?} of {headers:?}");
    }
    // Security: `*/*` alone is what programs send.
    headers.remove("sec-fetch-mode");
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    assert!(!is_page_load(&method, &headers), "{headers:?}");
    assert_eq!(prefers(&headers, Format::Json), Format::Json);
}
