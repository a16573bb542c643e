//! What must hold for any message that Envoy, or somebody in its place, sends.

#![expect(clippy::expect_used, reason = "a body fails by panicking")]

use prost::Message as _;

use super::messages::CheckRequest;
use super::{Request, describe};
use crate::wire::host::Authority;
use crate::wire::path::{is_resolved, normalise};

/// A message describes a request only if it holds all of one, and one that means one thing.
pub(crate) fn check_request(bytes: &[u8]) {
    let Ok(request) = CheckRequest::decode(bytes) else { return };
    let again = CheckRequest::decode(request.encode_to_vec().as_slice());
    assert_eq!(again.as_ref(), Ok(&request));
    let (mut parts, ()) = Request::new(()).into_parts();
    let Ok((_, client)) = describe(&request, &mut parts) else { return };

    let attributes = request.attributes.expect("a description has attributes");
    let source = attributes.source.and_then(|source| source.address?.socket_address);
    assert!(
        !client.to_string().is_empty() && source.is_some_and(|source| !source.address.is_empty())
    );
    let http = attributes.request.and_then(|request| request.http).expect("it has a request");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it is text");
    let (method, host, target) = (text(&http.method), text(&http.host), text(&http.path));
    assert!(!method.is_empty() && method.bytes().all(|byte| byte.is_ascii_graphic()), "{method:?}");
    assert!(Authority::parse(&host).is_ok(), "{host:?}");
    let path = target.split('?').next().unwrap_or_default();
    assert!(normalise(path).is_ok() && is_resolved(path), "{target:?}");
    assert!(!target.contains(|c: char| c.is_ascii_control() || c == ' ' || c == '#'), "{target:?}");
    let raw = http.header_map.map_or(0, |map| map.headers.len());
    assert!(raw == 0 || http.headers.is_empty(), "headers are told in two ways");
    assert!(parts.headers.len() <= raw + http.headers.len());
}
