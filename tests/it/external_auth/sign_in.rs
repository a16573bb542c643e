//! Signing in behind another proxy.

use serde_json::json;

use super::ask::{DIALECTS, ROUTES, TRUSTED};
use crate::support::{Answered as _, NAVIGATION, Plan, Site, cookies};

async fn site() -> Site {
    let (routes, extra) = (ROUTES.to_owned(), TRUSTED.to_owned());
    Site::with(Plan { routes, extra, ..Plan::default() }).await
}

/// Asks for a page load of `/private/deep?q=1` as Traefik does; status and `Location`.
async fn asked(site: &Site, cookie: &str) -> (u16, Option<String>) {
    let url = site.url("auth", "/.russet/auth/traefik");
    let wiki = site.host("wiki");
    let mut headers = NAVIGATION.to_vec();
    headers.extend([
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", &*wiki),
        ("x-forwarded-uri", "/private/deep?q=1"),
    ]);
    if !cookie.is_empty() {
        headers.push(("cookie", cookie));
    }
    let page = site.hand().send("GET", &url, &headers, b"").await;
    (page.code(), page.header("location").map(str::to_owned))
}

#[tokio::test]
async fn the_link_leads_through_apple_back_to_the_address() {
    let site = site().await;
    let (status, link) = asked(&site, "").await;
    assert_eq!(status, 302);
    let mut browser = site.browser();
    let end = site.sign_in(&mut browser, &link.unwrap(), "ann").await;
    // The application is behind the other proxy; here nobody has the address.
    assert_eq!((end.url.as_str(), end.code()), (&*site.wiki("/private/deep?q=1"), 404));
    let session = site.session_cookie(&browser, "wiki").unwrap();
    assert_eq!(asked(&site, &session).await.0, 200);
    // A cookie of another host is worth nothing there.
    let other = site.cookie("lunch", json!({}));
    assert_eq!(asked(&site, &other).await.0, 302);
    // Whoever is signed in and comes by the old link goes on at once.
    let (_, link) = asked(&site, "").await;
    let again = site.hand().load(&link.unwrap(), &session).await;
    assert_eq!((again.code(), again.location()), (302, &*site.wiki("/private/deep?q=1")));
}

#[tokio::test]
async fn the_first_step_gives_the_browser_its_cookie() {
    let site = site().await;
    let (_, link) = asked(&site, "").await;
    let step = site.hand().load(&link.unwrap(), "").await;
    assert_eq!(step.code(), 302);
    assert!(step.location().starts_with(&site.auth("/.pomerium/sign_in?")), "{}", step.location());
    let cookie = step.set_cookie("__Host-russet_browser").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("Secure"), "{cookie}");
}

#[tokio::test]
async fn a_start_is_refused_where_it_was_changed_or_is_old_or_elsewhere() {
    let site = site().await;
    let (_, link) = asked(&site, "").await;
    let link = link.unwrap();
    for bad in [
        link.replace("deep", "shallow"),
        link.replace("pomerium_issued=1", "pomerium_issued=2"),
        link.replace("russet_shortened=0", "russet_shortened=1"),
        link.replace("pomerium_signature=", "pomerium_signature=A"),
        link.replace("//wiki.", "//lunch."),
        link.replace("//wiki.", "//auth."),
        link.split("&pomerium_signature").next().unwrap().to_owned(),
        site.wiki("/.pomerium/sign_in"),
    ] {
        let page = site.hand().load(&bad, "").await;
        assert_eq!(page.code(), 400, "{bad}");
        assert_eq!(page.set_cookie("__Host-russet_browser"), None, "{bad}");
    }
    // Programs and prefetchers begin nothing.
    let program = site.hand().send("GET", &link, &[("accept", "*/*")], b"").await;
    assert_eq!(program.code(), 401);
    site.clock.shift(601);
    assert_eq!(site.hand().load(&link, "").await.code(), 400);
}

/// The proxy may not send the session cookie along: the fourth round says so.
#[tokio::test]
async fn a_proxy_that_keeps_the_cookie_to_itself_ends_in_a_page() {
    let site = site().await;
    let (_, link) = asked(&site, "").await;
    let mut browser = site.browser();
    let _end = site.sign_in(&mut browser, &link.clone().unwrap(), "ann").await;
    let mut rounds = 0;
    loop {
        let jar = cookies(&browser, "wiki.localhost", "__Host-russet");
        let rounds_cookie = format!("__Host-russet_rounds={rounds}");
        let jar =
            jar.split("; ").filter(|c| !c.starts_with("__Host-russet_rounds")).collect::<Vec<_>>();
        let step = site
            .hand()
            .load(&link.clone().unwrap(), &format!("{}; {rounds_cookie}", jar.join("; ")))
            .await;
        if step.code() != 302 {
            assert_eq!(step.code(), 500);
            assert!(step.body.contains("cookie"), "{}", step.body);
            break;
        }
        rounds += 1;
        assert!(rounds <= 3, "round after round");
    }
    assert_eq!(rounds, 3);
}

#[tokio::test]
async fn what_is_ours_is_never_a_yes_for_somebody_else() {
    let site = Site::with(Plan {
        routes: "  - from: https://{wiki}\n    allow_public_unauthenticated_access: true\n"
            .to_owned(),
        extra: TRUSTED.to_owned(),
        plain: true,
        ..Plan::default()
    })
    .await;
    for dialect in DIALECTS {
        for target in [
            "/.pomerium/",
            "/.pomerium/sign_in?x=1",
            "/.russet/auth/nginx",
            "/.well-known/pomerium",
        ] {
            let asked = super::ask::Original::get(&site, target).page();
            assert_eq!(asked.ask(&site, dialect).await.status, 403, "{dialect} {target}");
        }
    }
}
