//! `russet demo --check`: every prepared person walks through the demo over the same HTTP as a
//! browser would, and each step says what was expected and what came.

use anstyle::{AnsiColor, Style};

use super::stage::{Stage, may_read_wiki};
use crate::cli::exit::Exit;
use crate::fake_apple::{Endpoint, Person, prepared};
use crate::fake_browser::{Browser, BrowserError, Page};

/// Walks everybody through. Failed if any step was not as expected.
pub(super) async fn walk(stage: &Stage) -> Exit {
    let mut report = Report::default();
    for person in prepared() {
        report.title(&format!("{}: {}", person.display_name(), person.about));
        let walked = person_walks(stage, &person, &mut report).await;
        report.ended(walked);
    }
    report.title("Somebody who cancels");
    let walked = canceller_walks(stage, &mut report).await;
    report.ended(walked);
    report.title("Strangers");
    let walked = strangers_walk(stage, &mut report).await;
    report.ended(walked);
    report.title("Signing out");
    let walked = signing_out(stage, &mut report).await;
    report.ended(walked);
    report.summary()
}

async fn person_walks(
    stage: &Stage,
    person: &Person,
    report: &mut Report,
) -> Result<(), BrowserError> {
    let mut browser = browser(stage)?;
    let deep = wiki(stage, "/page?q=1&r=%2F&empty=");
    let at_apple = browser.load(&deep).await?;
    report.step("is sent to Apple", "apple.localhost 200", &place(&at_apple));
    let back = sign_in(&mut browser, &at_apple, &person.id).await?;
    let way: Vec<String> =
        browser.hops.iter().map(|hop| format!("{} {}", hop.host, hop.status.as_u16())).collect();
    let expected_way = if may_read_wiki(person) {
        "auth.localhost 303, wiki.localhost 302, wiki.localhost 200"
    } else {
        "auth.localhost 303, wiki.localhost 302, wiki.localhost 403"
    };
    report.step("comes back by ticket", expected_way, &way.join(", "));
    report.step("to the address asked for", &deep, back.url.as_str());
    if may_read_wiki(person) {
        let email = person.claims.get("email").and_then(|email| email.as_str()).unwrap_or_default();
        report.holds(
            "reads the wiki",
            &back,
            &["The company's wiki", email, "gave me a signed assertion"],
        );
    } else {
        report.holds("is told why not", &back, explanation(person));
        report.holds("is told their account id", &back, &[person.subject()]);
    }
    let asked_before = calls(stage, Endpoint::Authorize);
    let lunch_page = browser.load(&lunch(stage, "/today")).await?;
    report.step("has lunch without a second sign-in", "lunch.localhost 200", &place(&lunch_page));
    let asked = calls(stage, Endpoint::Authorize) - asked_before;
    report.step("and Apple is not asked again", "0", &asked.to_string());
    Ok(())
}

/// What the 403 page must say to a person who hides the address or has none.
fn explanation(person: &Person) -> &'static [&'static str] {
    match person.id.as_str() {
        "rae" => &["private relay address", "r8k2m4x9qd@privaterelay.appleid.com", "Stop using"],
        "max" => &["Apple sent no address"],
        "uma" => &["does not vouch"],
        _ => &["Use another account"],
    }
}

async fn canceller_walks(stage: &Stage, report: &mut Report) -> Result<(), BrowserError> {
    let mut browser = browser(stage)?;
    let at_apple = browser.load(&wiki(stage, "/")).await?;
    let form = at_apple.form("/auth/choose")?;
    let answer = browser.submit(&at_apple, &form, &[("cancel", "1")]).await?;
    let form = answer.form("/oauth2/callback")?;
    let page = browser.submit(&answer, &form, &[]).await?;
    report.step("lands on a page, not on an error", "auth.localhost 200", &place(&page));
    report.holds("that says so", &page, &["cancelled"]);
    let again = browser.submit(&answer, &form, &[]).await?;
    report.step("and a second cancel changes nothing", "auth.localhost 200", &place(&again));
    Ok(())
}

async fn strangers_walk(stage: &Stage, report: &mut Report) -> Result<(), BrowserError> {
    let before: u64 = stage.apps.iter().map(super::apps::App::requests).sum();
    let mut program = browser(stage)?;
    let json = program.fetch(&wiki(stage, "/data"), "application/json").await?;
    report.step("a program without a session", "401 application/json", &kind(&json));
    report.holds("is told where to sign in", &json, &["/.pomerium/sign_in?"]);
    let mut victim = browser(stage)?;
    let at_apple = victim.load(&wiki(stage, "/")).await?;
    let form = at_apple.form("/auth/choose")?;
    let answer = victim.submit(&at_apple, &form, &[("person", "ann")]).await?;
    let form = answer.form("/oauth2/callback")?;
    let tokens = calls(stage, Endpoint::Token);
    let mut other = browser(stage)?;
    let page = other.submit(&answer, &form, &[]).await?;
    report.step("Apple's answer in another browser", "auth.localhost 400", &place(&page));
    let spent = calls(stage, Endpoint::Token) - tokens;
    report.step("and no code is spent on it", "0", &spent.to_string());
    let after: u64 = stage.apps.iter().map(super::apps::App::requests).sum();
    report.step("nothing of this reached an app", &before.to_string(), &after.to_string());
    Ok(())
}

async fn signing_out(stage: &Stage, report: &mut Report) -> Result<(), BrowserError> {
    let mut browser = browser(stage)?;
    let at_apple = browser.load(&wiki(stage, "/")).await?;
    sign_in(&mut browser, &at_apple, "ann").await?;
    let copy = browser.cookie("wiki.localhost", "__Host-russet").unwrap_or_default();
    let mut thief = self::browser(stage)?;
    thief.plant("wiki.localhost", "__Host-russet", &copy);
    let page = thief.fetch(&wiki(stage, "/"), "application/json").await?;
    report.step("a copied cookie works while the session lives", "200", page.status.as_str());
    thief.plant("lunch.localhost", "__Host-russet", &copy);
    let page = thief.fetch(&lunch(stage, "/"), "application/json").await?;
    report.step("but is worth nothing on another host", "401", page.status.as_str());
    let confirm = browser.load(&wiki(stage, "/.pomerium/sign_out")).await?;
    let form = confirm.form("/.pomerium/sign_out")?;
    let page = browser.submit(&confirm, &form, &[]).await?;
    report.step("after signing out", "auth.localhost 200", &place(&page));
    report.holds("there is Apple's button to begin again", &page, &["Sign in with Apple"]);
    let page = thief.fetch(&wiki(stage, "/"), "application/json").await?;
    report.step("and the copy is dead at once", "401", page.status.as_str());
    Ok(())
}

/// Picks a person at the fake Apple and goes where that leads.
async fn sign_in(
    browser: &mut Browser,
    at_apple: &Page,
    person: &str,
) -> Result<Page, BrowserError> {
    let form = at_apple.form("/auth/choose")?;
    let answer = browser.submit(at_apple, &form, &[("person", person)]).await?;
    let form = answer.form("/oauth2/callback")?;
    browser.submit(&answer, &form, &[]).await
}

fn calls(stage: &Stage, endpoint: Endpoint) -> u64 {
    stage.apple.report().calls.get(&endpoint).copied().unwrap_or(0)
}

fn browser(stage: &Stage) -> Result<Browser, BrowserError> {
    Browser::new(&stage.authority_pem, &stage.addresses())
        .map_err(|error| BrowserError::Address(error.to_string()))
}

fn wiki(stage: &Stage, path: &str) -> String {
    format!("https://wiki.localhost:{}{path}", stage.port)
}

fn lunch(stage: &Stage, path: &str) -> String {
    format!("https://lunch.localhost:{}{path}", stage.port)
}

fn place(page: &Page) -> String {
    format!("{} {}", page.url.host_str().unwrap_or_default(), page.status.as_u16())
}

fn kind(page: &Page) -> String {
    let kind = page.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    format!("{} {}", page.status.as_u16(), kind.unwrap_or_default())
}

/// Prints the steps and counts them.
#[derive(Default)]
struct Report {
    fine: usize,
    wrong: usize,
}

impl Report {
    fn title(&self, text: &str) {
        let bold = Style::new().bold();
        anstream::println!("\n{bold}{text}{bold:#}");
    }

    fn step(&mut self, what: &str, expected: &str, came: &str) {
        let fine = expected == came;
        self.mark(fine, what);
        anstream::println!("        expected {expected}");
        anstream::println!("        came     {came}");
    }

    fn holds(&mut self, what: &str, page: &Page, texts: &[&str]) {
        let missing: Vec<&str> =
            texts.iter().copied().filter(|text| !page.body.contains(text)).collect();
        self.mark(missing.is_empty(), what);
        anstream::println!("        expected a page that says {}", texts.join(", "));
        match missing.as_slice() {
            [] => anstream::println!("        came     one that does ({} bytes)", page.body.len()),
            missing => anstream::println!(
                "        came     {} without {}",
                page.status,
                missing.join(", ")
            ),
        }
    }

    fn mark(&mut self, fine: bool, what: &str) {
        let colour = if fine { AnsiColor::Green } else { AnsiColor::Red };
        let style = Style::new().fg_color(Some(colour.into()));
        let word = if fine { "ok   " } else { "WRONG" };
        *(if fine { &mut self.fine } else { &mut self.wrong }) += 1;
        anstream::println!("  {style}{word}{style:#} {what}");
    }

    fn ended(&mut self, walked: Result<(), BrowserError>) {
        if let Err(error) = walked {
            self.mark(false, &error.to_string());
        }
    }

    fn summary(&self) -> Exit {
        anstream::println!("\n{} steps as expected, {} not", self.fine, self.wrong);
        if self.wrong == 0 { Exit::Fine } else { Exit::Failed }
    }
}
