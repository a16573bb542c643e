//! What holds for every page, whatever it says.

use serde_json::{Value, json as value};

use super::csp::STYLE;
use super::*;
use crate::base::ids::{RequestId, ShortId};
use crate::base::secret::Secret;
use crate::base::time::Timestamp;
use crate::identity::{Claims, Identity};

const NOW: Timestamp = Timestamp(1_763_700_000);

/// What somebody might try to get into a page.
const CORPUS: [&str; 14] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!--",
    "]]>",
    "&lt;script&gt;",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    "a\0b\r\nSet-Cookie: x=y",
    "\u{202e}drawkcab\u{2066}",
    "</textarea></dl></main><form action=//evil.test>",
    "\u{feff}+ADw-script+AD4-",
];

fn short_id() -> ShortId {
    RequestId::fresh().short()
}

fn chrome(host: &str) -> Chrome<'_> {
    Chrome { request_id: short_id(), not_apple: None, host }
}

fn form(text: &str) -> Form {
    Form { action: Href::new(text), csrf: Secret::new(text), return_to: Some(text.to_owned()) }
}

fn identity(text: &str) -> Identity {
    let members = value!({
        "sub": text, "email": text, "email_verified": "true", "iat": 1_763_690_000,
        "org_id": text, "weird": {"nested": [text]}, (format!("~{text}")): text,
    });
    let claims = Claims::new(members.as_object().cloned().unwrap());
    let mut identity = Identity::new(text, claims, NOW);
    identity.display_name = Some(text.into());
    identity.omitted = vec![text.into()];
    identity
}

fn every_reason(text: &str) -> Vec<DenialReason> {
    use DenialReason as R;
    let name = text.to_owned();
    vec![
        R::AddressAbsent,
        R::AddressHidden,
        R::AddressUnverified,
        R::AddressNotListed,
        R::DomainNotListed,
        R::AccountNotListed,
        R::GroupNotListed,
        R::ClaimMissing { name: name.clone() },
        R::ClaimMissing { name: "org_id".to_owned() },
        R::ClaimDifferent { name: name.clone(), seen: Some(name.clone()) },
        R::ClaimDifferent { name: name.clone(), seen: None },
        R::ClaimNotKept { name },
        R::Method,
        R::Path,
        R::Network,
        R::Certificate,
        R::Time,
        R::Rule,
    ]
}

fn denied(text: &str, reasons: Vec<DenialReason>) -> View {
    View::Denied(Box::new(Denied {
        person: Person::from_identity(&identity(text)),
        reasons,
        another_account: Some(form(text)),
    }))
}

/// Every view there is, each with `text` wherever it takes one.
fn every_view(text: &str) -> Vec<View> {
    let link = || Href::new(text);
    let mut views = vec![
        View::SignOut(form(text)),
        View::User(Box::new(UserPage::new(
            &identity(text),
            Timestamp(1_763_750_000),
            NOW,
            form(text),
        ))),
        View::NotMatched { start_again: link() },
        View::ExpiredAttempt { start_again: link() },
        View::Cancelled { retry: link() },
        View::AppleRefused { start_again: link() },
        View::AppleUnavailable { start_again: link() },
        View::KeysUnavailable { start_again: link() },
        View::CodeUsed { start_again: link() },
        View::NoCookies { start_again: link() },
        View::LinkInvalid { start_again: link() },
        View::AddressTooLong { path: link() },
        View::AddressTooLong { path: Href::new("/long") },
        View::Moved { to: link() },
        View::Certificate { shown: true },
        View::Certificate { shown: false },
        View::BadRequest,
        View::NotFound,
        View::MethodNotAllowed { start_again: None },
        View::MethodNotAllowed { start_again: Some(link()) },
        View::TooLarge,
        View::UnsupportedMediaType { start_again: None },
        View::UnsupportedMediaType { start_again: Some(link()) },
        View::UriTooLong,
        View::HeaderTooLarge,
        View::Misdirected,
        View::UpstreamUnreachable,
        View::UpstreamUnavailable,
        View::UpstreamTimeout,
        View::StoreUnanswered(StoreTask::CheckSession),
        View::StoreUnanswered(StoreTask::SignIn),
        View::StoreUnanswered(StoreTask::SignOut),
        View::Internal,
        View::NotImplemented,
    ];
    for cause in [
        SignInCause::SignedOut,
        SignInCause::NothingWasSent,
        SignInCause::TooLongAgo,
        SignInCause::AnotherAccount,
        SignInCause::Asked,
    ] {
        views.push(View::SignIn(SignIn { cause, url: link() }));
    }
    for cause in [LoopCause::CookieNotKept, LoopCause::CookieNotAccepted, LoopCause::Unknown] {
        views.push(View::Loop { cause, start_again: link() });
    }
    for reason in every_reason(text) {
        views.push(denied(text, vec![reason]));
    }
    views.push(denied(text, Vec::new()));
    views
}

/// The elements of a page, in order; panics where one is not closed, closed by another, or where
/// an attribute is not quoted. Stricter than HTML, so that nothing is left to a browser's guess.
fn elements(page: &str) -> Vec<&str> {
    const VOID: [&str; 5] = ["meta", "link", "input", "path", "br"];
    let mut open: Vec<&str> = Vec::new();
    let mut all = Vec::new();
    let mut rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(after) = after.strip_prefix('/') {
            let (name, after) = after.split_once('>').unwrap();
            assert_eq!(open.pop(), Some(name), "{page}");
            rest = after;
            continue;
        }
        let (name, after) = tag(after, page);
        all.push(name);
        if name == "style" {
            rest = after.strip_prefix(STYLE).expect("nothing but the style sheet");
        } else {
            rest = after;
        }
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} not closed in {page}");
    all
}

fn tag<'a>(after: &'a str, page: &str) -> (&'a str, &'a str) {
    let end = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap();
    let (name, mut rest) = after.split_at(end);
    assert!(!name.is_empty(), "a bare < in {page}");
    loop {
        rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix("/>").or_else(|| rest.strip_prefix('>')) {
            return (name, rest);
        }
        let (attribute, value) = rest.split_once("=\"").expect("a quoted attribute");
        let plain = |c: char| c.is_ascii_alphabetic() || c == '-';
        assert!(attribute.chars().all(plain), "attribute {attribute:?} in {page}");
        assert!(!attribute.starts_with("on") && attribute != "style", "{attribute:?} in {page}");
        rest = value.split_once('"').expect("a closed attribute").1;
    }
}

/// The tags of a page without what is between them and in them.
fn skeleton(page: &str) -> Vec<String> {
    elements(page).into_iter().map(str::to_owned).collect()
}

#[test]
fn every_page_is_well_formed_and_small() {
    let host = "wiki.example.com";
    for view in every_view("/plain") {
        let page = render(&view, &chrome(host));
        let elements = elements(&page);
        for landmark in ["header", "main", "h1", "footer", "title", "style"] {
            assert_eq!(
                elements.iter().filter(|&&e| e == landmark).count(),
                1,
                "{landmark}: {view:?}"
            );
        }
        assert!(page.contains("<html lang=\"en\">"));
        assert!(page.contains("name=\"viewport\""));
        assert!(page.contains(host));
        assert!(page.len() < 16 * 1024, "{} bytes: {view:?}", page.len());
    }
}

#[test]
fn t79_text_from_outside_stays_text_in_every_field() {
    let plain = "plain";
    let expected: Vec<_> =
        every_view(plain).iter().map(|view| skeleton(&render(view, &chrome("h")))).collect();
    for text in CORPUS {
        let chrome = Chrome { not_apple: None, ..chrome(text) };
        for (view, expected) in every_view(text).iter().zip(&expected) {
            let page = render(view, &chrome);
            assert_eq!(&skeleton(&page), expected, "{text:?} changed {view:?}");
            assert!(!page.contains("<script"), "{page}");
            let data: Value = serde_json::from_str(&json(view, &chrome)).unwrap();
            assert!(data.is_object());
        }
        let banner = Chrome { not_apple: Some(text), ..chrome };
        let page = render(&View::NotFound, &banner);
        assert_eq!(elements(&page).iter().filter(|&&e| e == "aside").count(), 1);
    }
}

#[test]
fn t79_a_page_has_no_script_and_loads_nothing() {
    for view in every_view("/plain") {
        let page = render(&view, &chrome("wiki.example.com"));
        let elements = elements(&page);
        for active in ["script", "iframe", "img", "object", "embed", "base", "video", "audio"] {
            assert!(!elements.contains(&active), "{active}: {page}");
        }
        for loading in ["src=", "@import", "url(", "srcset", "ping="] {
            assert!(!page.contains(loading), "{loading}: {page}");
        }
        let links: Vec<_> = page.match_indices("<link ").collect();
        assert_eq!(links.len(), 1);
        assert!(page.contains("<link rel=\"icon\" href=\"data:image/svg+xml,"));
    }
}

#[test]
fn t80_only_the_answer_to_a_frame_may_be_framed() {
    for view in every_view("/plain") {
        let answers = [SignInCause::NothingWasSent, SignInCause::TooLongAgo];
        let answer = matches!(&view, View::SignIn(p) if answers.contains(&p.cause));
        assert_eq!(view.may_be_framed(), answer, "{view:?}");
        assert!(!(answer && render(&view, &chrome("h")).contains("<form")));
    }
}

#[test]
fn t91_a_denial_speaks_of_the_person_and_of_nobody_else() {
    let view = denied("ann@corp.example", every_reason("org_id"));
    let page = render(&view, &chrome("wiki.example.com"));
    let addresses: Vec<_> = page.split(['>', '<', ' ', '"', '(', ')']).collect();
    let addresses = addresses.into_iter().filter(|word| word.contains('@') && word.contains('.'));
    for address in addresses.filter(|word| !word.contains('{')) {
        assert_eq!(address.trim_matches(['\u{201c}', '\u{201d}', ',']), "ann@corp.example");
    }
}

#[test]
fn t91_pages_for_strangers_name_nothing_but_the_host() {
    let about = |view: &View, host: &str| {
        let chrome = Chrome { request_id: short_id(), not_apple: None, host };
        let page = render(view, &chrome);
        page.replace(&chrome.request_id.to_string(), "").replace(host, "")
    };
    for view in [View::NotFound, View::Misdirected, View::BadRequest] {
        assert_eq!(about(&view, "wiki.example.com"), about(&view, "nothing.example.com"));
    }
}

#[test]
fn t99_no_page_names_a_version_a_build_or_anything_inside() {
    let inside =
        [env!("CARGO_PKG_VERSION"), env!("CARGO_MANIFEST_DIR"), "rustc", "panicked", "src/"];
    for view in every_view("/plain") {
        let chrome = chrome("wiki.example.com");
        // The shapes of the two drawings are full of numbers that look like versions.
        let page = render(&view, &chrome);
        let page = page.split("<path").map(|part| part.split_once("/>").map_or(part, |p| p.1));
        let page = page.collect::<String>().replace(STYLE, "");
        let page =
            page.split("%3Csvg").map(|part| part.split_once("/svg%3E").map_or(part, |p| p.1));
        let text = page.collect::<String>() + &json(&view, &chrome);
        for word in inside {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
}

#[test]
fn w19_a_failing_upstream_is_told_by_an_id_and_nothing_internal() {
    for view in [View::UpstreamUnreachable, View::UpstreamUnavailable, View::UpstreamTimeout] {
        let chrome = chrome("wiki.example.com");
        let page = render(&view, &chrome);
        assert!(page.contains(&chrome.request_id.to_string()));
        for word in ["refused", "reset", "127.0.0.1", "connect", "upstream", "envoy"] {
            assert!(!page.to_lowercase().contains(word), "{word}: {page}");
        }
    }
}

#[test]
fn w20_the_sign_out_page_has_a_button_and_no_version() {
    let page = render(&View::SignOut(form("/.pomerium/sign_out")), &chrome("auth.example.com"));
    assert!(
        page.contains("<form class=\"actions\" method=\"post\" action=\"/.pomerium/sign_out\">")
    );
    assert!(page.contains("name=\"csrf\" value=\"/.pomerium/sign_out\""));
    assert!(page.contains("<button class=\"button\" type=\"submit\">Sign out</button>"));
    assert!(!page.contains("version"));
}

#[test]
fn the_sign_in_page_offers_apples_button_in_the_top_window() {
    for (cause, title) in [
        (SignInCause::SignedOut, "Sign in with Apple"),
        (SignInCause::NothingWasSent, "Sign in with Apple"),
        (SignInCause::AnotherAccount, "Continue with Apple"),
        (SignInCause::Asked, "Sign in with Apple"),
    ] {
        let url = Href::new("https://auth.example.com/.pomerium/sign_in?a=1&b=2");
        let view = View::SignIn(SignIn { cause, url });
        let page = render(&view, &chrome("wiki.example.com"));
        let button = "<a class=\"apple\" href=\"https://auth.example.com/.pomerium/sign_in?a=1";
        assert!(page.contains(button), "{page}");
        assert!(page.contains("target=\"_top\""));
        assert!(page.contains(&format!("<span>{title}</span></a>")));
        assert!(!page.contains("appleid.apple.com"), "no request to Apple before the click");
    }
}

#[test]
fn the_denial_explains_a_hidden_address_and_how_to_share_it() {
    let mut identity = identity("001234.abc.0001");
    identity.address = crate::identity::Address::Verified {
        address: "ab12cd@privaterelay.appleid.com".into(),
        private_relay: true,
    };
    let view = View::Denied(Box::new(Denied {
        person: Person::from_identity(&identity),
        reasons: vec![
            DenialReason::DomainNotListed,
            DenialReason::AddressHidden,
            DenialReason::AddressHidden,
            DenialReason::Rule,
        ],
        another_account: Some(form("/.pomerium/another")),
    }));
    let chrome = chrome("wiki.example.com");
    let page = render(&view, &chrome);
    for part in [
        "ab12cd@privaterelay.appleid.com",
        "<code class=\"id\">001234.abc.0001</code>",
        "Stop using",
        "Share My Email",
        "Use another account</button>",
        "name=\"return_to\" value=\"/.pomerium/another\"",
        &chrome.request_id.to_string(),
    ] {
        assert!(page.contains(part), "{part} missing in {page}");
    }
    assert_eq!(page.matches("goes by email address").count(), 1, "said once");
    assert!(!page.contains("is only for addresses"), "follows from the hidden address");
}

#[test]
fn programs_get_the_same_denial_as_json() {
    let view = denied(
        "ann@corp.example",
        vec![
            DenialReason::ClaimMissing { name: "org_id".to_owned() },
            DenialReason::AccountNotListed,
        ],
    );
    let chrome = chrome("wiki.example.com");
    let data: Value = serde_json::from_str(&json(&view, &chrome)).unwrap();
    assert_eq!(data["error"], "forbidden");
    assert_eq!(data["request_id"], chrome.request_id.to_string());
    assert_eq!(data["missing"], value!(["org_id"]));
    assert_eq!(data["different"], value!(["sub"]));
    assert_eq!(data["reasons"][1]["reason"], "account-not-listed");
    assert_eq!(
        data["signed_in_as"],
        value!({"email": "ann@corp.example", "sub": "ann@corp.example"})
    );
    assert!(!json(&view, &chrome).contains("csrf"));
}

#[test]
fn programs_are_told_how_to_share_an_address_too() {
    for reason in [DenialReason::AddressHidden, DenialReason::AddressAbsent] {
        let view = denied("x@privaterelay.appleid.com", vec![reason]);
        let data: Value = serde_json::from_str(&json(&view, &chrome("wiki.example.com"))).unwrap();
        let message = data["reasons"][0]["message"].as_str().unwrap();
        assert!(message.ends_with("choose Share My Email."), "{message}");
    }
}

#[test]
fn programs_get_the_sign_in_url() {
    let url = "https://auth.example.com/.pomerium/sign_in?a=1&b=2";
    let view = View::SignIn(SignIn { cause: SignInCause::NothingWasSent, url: Href::new(url) });
    let data: Value = serde_json::from_str(&json(&view, &chrome("wiki.example.com"))).unwrap();
    assert_eq!(data["error"], "sign_in_required");
    assert_eq!(data["sign_in_url"], url);
}

#[test]
fn every_view_has_words_of_its_own() {
    for view in every_view("/plain") {
        let data: Value = serde_json::from_str(&json(&view, &chrome("h"))).unwrap();
        let fine = view.status().is_success();
        assert_eq!(data.get("error").is_none(), fine, "{view:?}");
        let internal = matches!(view, View::Internal);
        assert_eq!(data["error"] == "internal", internal, "{view:?} has no words");
    }
}

#[test]
fn every_page_says_when_it_is_not_apple() {
    for view in every_view("/plain") {
        let url = "http://apple.localhost:9000";
        let page = render(&view, &Chrome { not_apple: Some(url), ..chrome("h") });
        assert!(page.contains("Not Apple.") && page.contains(url));
        assert!(!render(&view, &chrome("h")).contains("Not Apple."));
    }
}

#[test]
fn a_page_that_moves_on_does_so_without_a_script() {
    let page = render(&View::Moved { to: Href::new("/a?b=1&c='2'") }, &chrome("h"));
    assert!(
        page.contains("<meta http-equiv=\"refresh\" content=\"0;url=/a?b=1&#38;c=&#39;2&#39;\">")
    );
    assert!(page.contains(">Continue</a>"));
}

#[test]
fn the_token_of_a_form_is_not_in_debug() {
    let text = format!("{:?}", View::SignOut(Form { csrf: Secret::new("hunter2"), ..form("/x") }));
    assert!(!text.contains("hunter2"));
}

#[test]
fn long_claims_do_not_make_a_long_page() {
    let long = "&".repeat(2600);
    let mut identity = identity("ann");
    identity.claims =
        Claims::new(value!({"a": long, "email": "x@y.example"}).as_object().cloned().unwrap());
    let page = UserPage::new(&identity, Timestamp(1_763_750_000), NOW, form("/x"));
    assert!(render(&View::User(Box::new(page)), &chrome("h")).len() < 16 * 1024);
    let different = DenialReason::ClaimDifferent { name: "a".to_owned(), seen: Some(long) };
    assert!(render(&denied("ann", vec![different]), &chrome("h")).len() < 16 * 1024);
}
