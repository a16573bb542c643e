//! What must hold for any bytes that a client sends.

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
