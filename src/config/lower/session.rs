//! Fills the session's settings: its cookie, its life, its secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Context;
use super::hosts::Hosts;
use super::targets::LocatedFrom;
use crate::base::seal::{KEY_BYTES, Ring};
use crate::base::secret::Secret;
use crate::config::codes;
use crate::config::keys::session::{
    COOKIE_DOMAIN, COOKIE_EXPIRE, COOKIE_HTTP_ONLY, COOKIE_NAME, COOKIE_SAME_SITE, COOKIE_SECRET,
    COOKIE_SECRET_FILE, SHARED_SECRET, SHARED_SECRET_FILE,
};
use crate::config::keys::{File, Key, Texts};
use crate::config::section::{Section, report_both};
use crate::config::value::Located;
use crate::session::{CookieSettings, Settings};

/// Longest name of a cookie: the whole of a cookie must fit 4 KiB.
const NAME_CHARACTERS: usize = 64;

pub(super) fn lower(
    top: &Section,
    froms: &[LocatedFrom],
    hosts: Option<&Hosts>,
    context: &mut Context<'_>,
) -> Option<Settings> {
    let domain = domain(top, froms, hosts, context);
    let name = name(top, domain.as_ref().is_ok_and(Option::is_some), context);
    let http_only = top.get(&COOKIE_HTTP_ONLY);
    if !http_only {
        let message = "scripts of every application can read the session cookie";
        let help =
            "remove `cookie_http_only: false`; `/.pomerium/user` tells scripts who is signed in";
        context.warning(codes::COOKIE, top.place(&COOKIE_HTTP_ONLY), message, help);
    }
    let cookie_secret = secret(top, (&COOKIE_SECRET, &COOKIE_SECRET_FILE), context);
    let shared_secret = secret(top, (&SHARED_SECRET, &SHARED_SECRET_FILE), context);
    Some(Settings {
        cookie: CookieSettings {
            name: name?,
            domain: domain.ok()?,
            http_only,
            same_site: top.get(&COOKIE_SAME_SITE),
        },
        lifetime: top.get(&COOKIE_EXPIRE),
        cookie_secret: cookie_secret.ok()?,
        shared_secret: shared_secret.ok()?,
    })
}

/// The whole name. A browser takes a `__Host-` cookie only without a domain, so that no other host
/// can set or see it (RFC 6265bis §4.1.3).
fn name(top: &Section, has_domain: bool, context: &mut Context<'_>) -> Option<String> {
    const PREFIX: &str = "__Host-";
    let Some(name) = top.get(&COOKIE_NAME) else {
        let prefix = if has_domain { "__Secure-" } else { PREFIX };
        return Some(format!("{prefix}russet"));
    };
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.text.bytes().all(token) || name.text.len() > NAME_CHARACTERS {
        let message = format!("`cookie_name: {}` cannot name a cookie", name.text);
        let help = format!("use at most {NAME_CHARACTERS} letters, digits, `-` and `_`");
        context.error(codes::COOKIE, name.place, message, help);
        return None;
    }
    let prefixed = name.text.to_ascii_lowercase().starts_with(&PREFIX.to_ascii_lowercase());
    match (has_domain, prefixed) {
        (true, true) => {
            let message = "a cookie named `__Host-...` has no domain; browsers drop it otherwise";
            context.error(
                codes::COOKIE,
                name.place,
                message,
                "remove `cookie_domain`, or the prefix",
            );
            None
        }
        (true, false) | (false, true) => Some(name.text.clone()),
        (false, false) => Some(format!("{PREFIX}{}", name.text)),
    }
}

/// The domain without its leading dot. Every host must be in it, by whole labels, or its cookie
/// would never come back (T72).
fn domain(
    top: &Section,
    froms: &[LocatedFrom],
    hosts: Option<&Hosts>,
    context: &mut Context<'_>,
) -> Result<Option<String>, ()> {
    let Some(written) = top.get(&COOKIE_DOMAIN) else { return Ok(None) };
    let domain = written.text.trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let address =
        domain.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if address || !domain.contains('.') || !domain.split('.').all(label) {
        let message =
            format!("`cookie_domain: {}` is not a domain that can share a cookie", written.text);
        context.error(codes::COOKIE, written.place, message, "write it like `example.com`");
        return Err(());
    }
    let mut outside: Vec<_> = froms
        .iter()
        .map(|from| (from.from.host.as_str(), Some(from.place)))
        .chain(hosts.map(|hosts| (hosts.host.as_str(), hosts.place)))
        .filter(|(host, _)| !is_within(host, &domain))
        .collect();
    outside.dedup_by_key(|(host, _)| *host);
    let fine = outside.is_empty();
    for (host, place) in outside {
        let message =
            format!("{host} is not in `cookie_domain: {domain}`, so its cookie would be dropped");
        context.error(
            codes::COOKIE,
            place,
            message,
            "remove `cookie_domain`: each host has its own cookie then",
        );
    }
    if fine { Ok(Some(domain)) } else { Err(()) }
}

fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The keys of one secret. `Ok(None)` where none is written.
fn secret(
    top: &Section,
    (inline, file): (&Key<Texts>, &Key<File>),
    context: &mut Context<'_>,
) -> Result<Option<Ring>, ()> {
    let keys: Vec<Located> = match (top.get(inline), top.get(file)) {
        (Some(_), Some(path)) => {
            let at = top.place(inline).unwrap_or(path.place);
            report_both((inline.row.name, file.row.name), at, path.place, context.problems);
            return Err(());
        }
        (Some(keys), None) => keys.to_vec(),
        (None, Some(path)) => {
            let text = context.files.read(file, path, context.problems).ok_or(())?;
            let key = |line: &str| Located { text: line.trim().to_owned(), place: path.place };
            text.lines().filter(|line| !line.trim().is_empty()).map(key).collect()
        }
        (None, None) if top.has(inline) => return Err(()),
        (None, None) => return Ok(None),
    };
    let read: Vec<_> = keys.iter().map(|text| one_secret(inline.row.name, text, context)).collect();
    let read: Option<Vec<_>> = read.into_iter().collect();
    read.and_then(Ring::new).map(Some).ok_or(())
}

fn one_secret(key: &str, written: &Located, context: &mut Context<'_>) -> Option<Secret> {
    const HELP: &str = "make one by: head -c32 /dev/urandom | base64";
    if context.is_placeholder(key, written) {
        return None;
    }
    let mut problem = |message: String| {
        context.error(codes::SECRET, written.place, message, HELP);
        None
    };
    if written.text.contains(char::is_whitespace) {
        return problem(format!("`{key}` holds a blank"));
    }
    let Ok(bytes) = STANDARD.decode(&written.text).map(Zeroizing::new) else {
        return problem(format!("`{key}` is not base64"));
    };
    if bytes.len() != KEY_BYTES {
        let message = format!("`{key}` is base64 of {} bytes; it must be {KEY_BYTES}", bytes.len());
        return problem(message);
    }
    if bytes.iter().all(|byte| Some(byte) == bytes.first()) {
        return problem(format!(
            "`{key}` is the same byte {KEY_BYTES} times, which anybody guesses"
        ));
    }
    Some(Secret::new(bytes.as_slice()))
}
