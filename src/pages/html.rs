//! The pages themselves: one template type for each shape of page.

use askama::Template;

use crate::base::time::Timestamp;

use super::csp::STYLE;
use super::denial::{Explanation, explain};
use super::message::{Message, bounded, message};
use super::view::{CSRF_FIELD, RETURN_FIELD};
use super::{Chrome, Denied, Form, Person, SignIn, SignInCause, UserPage, View};

/// The page for `view`, a whole HTML document that needs no script and loads nothing.
pub fn render(view: &View, chrome: &Chrome<'_>) -> String {
    let frame = Frame { chrome, style: STYLE, words: message(view, chrome) };
    let rendered = match view {
        View::SignIn(page) => SignInPage { frame, page }.render(),
        View::SignOut(form) => SignOutPage { frame, form: FormFields::new(form) }.render(),
        View::Denied(denied) => denied_page(frame, denied).render(),
        View::User(page) => user_page(frame, page).render(),
        View::Moved { to } => MovedPage { frame, to: to.as_str() }.render(),
        _ => MessagePage { frame }.render(),
    };
    // Writing into a string does not fail; should it ever, a bare sentence is better than nothing.
    rendered.unwrap_or_else(|_| "<!doctype html><title>Error</title>Something went wrong.".into())
}

/// What all pages share.
struct Frame<'a> {
    chrome: &'a Chrome<'a>,
    style: &'static str,
    words: Message,
}

#[derive(Template)]
#[template(path = "pages_message.html")]
struct MessagePage<'a> {
    frame: Frame<'a>,
}

#[derive(Template)]
#[template(path = "pages_moved.html")]
struct MovedPage<'a> {
    frame: Frame<'a>,
    to: &'a str,
}

#[derive(Template)]
#[template(path = "pages_sign_in.html")]
struct SignInPage<'a> {
    frame: Frame<'a>,
    page: &'a SignIn,
}

impl SignInPage<'_> {
    /// Apple's guidelines allow a few titles and no others.
    fn title(&self) -> &'static str {
        match self.page.cause {
            SignInCause::SignedOut
            | SignInCause::NothingWasSent
            | SignInCause::TooLongAgo
            | SignInCause::Asked => "Sign in with Apple",
            SignInCause::AnotherAccount => "Continue with Apple",
        }
    }
}

#[derive(Template)]
#[template(path = "pages_sign_out.html")]
struct SignOutPage<'a> {
    frame: Frame<'a>,
    form: FormFields<'a>,
}

#[derive(Template)]
#[template(path = "pages_denied.html")]
struct DeniedPage<'a> {
    frame: Frame<'a>,
    person: PersonLines,
    reasons: Vec<Explanation>,
    form: Option<FormFields<'a>>,
}

fn denied_page<'a>(frame: Frame<'a>, denied: &'a Denied) -> DeniedPage<'a> {
    let reasons = explain(denied, frame.chrome);
    DeniedPage {
        reasons,
        person: PersonLines::new(&denied.person),
        form: denied.another_account.as_ref().map(FormFields::new),
        frame,
    }
}

#[derive(Template)]
#[template(path = "pages_user.html")]
struct UserPageTemplate<'a> {
    frame: Frame<'a>,
    person: PersonLines,
    claims: Vec<Claim>,
    omitted: &'a [String],
    expires_at: String,
    expires_on: String,
    expires_in: String,
    form: FormFields<'a>,
}

struct Claim {
    name: String,
    value: String,
    /// The value as a date, where the claim is one.
    date: Option<String>,
}

fn user_page<'a>(frame: Frame<'a>, page: &'a UserPage) -> UserPageTemplate<'a> {
    let claims = page.claims.iter().map(|(name, value)| Claim {
        name: bounded(name),
        value: bounded(value),
        date: date_of_claim(name, value),
    });
    UserPageTemplate {
        frame,
        person: PersonLines::new(&page.person),
        claims: claims.collect(),
        omitted: &page.omitted,
        expires_at: page.expires_at.to_string(),
        expires_on: date(page.expires_at),
        expires_in: duration(page.expires_at.seconds_since(page.now)),
        form: FormFields::new(&page.sign_out),
    }
}

/// A form, ready to be written.
struct FormFields<'a> {
    action: &'a str,
    csrf_field: &'static str,
    csrf: &'a str,
    return_field: &'static str,
    return_to: Option<&'a str>,
}

impl<'a> FormFields<'a> {
    fn new(form: &'a Form) -> Self {
        Self {
            action: form.action.as_str(),
            csrf_field: CSRF_FIELD,
            csrf: form.csrf.expose_str().unwrap_or_default(),
            return_field: RETURN_FIELD,
            return_to: form.return_to.as_deref(),
        }
    }
}

/// A person, ready to be written.
struct PersonLines {
    name: Option<String>,
    address: Option<String>,
    private_relay: bool,
    /// Whole, because it is there to be sent to an administrator.
    subject: String,
}

impl PersonLines {
    fn new(person: &Person) -> Self {
        Self {
            name: person.name.as_deref().map(bounded),
            address: person.address.as_deref().map(bounded),
            private_relay: person.private_relay,
            subject: person.subject.clone(),
        }
    }
}

/// Claims that hold seconds since 1970.
const DATES: [&str; 3] = ["auth_time", "exp", "iat"];

fn date_of_claim(name: &str, value: &str) -> Option<String> {
    let seconds = DATES.contains(&name).then(|| value.parse().ok())??;
    Some(date(Timestamp(seconds)))
}

/// A moment as people write it. UTC, because a page without a script cannot know a better zone.
fn date(at: Timestamp) -> String {
    match jiff::Timestamp::from_second(at.0) {
        Ok(moment) => moment.strftime("%-d %B %Y, %H:%M UTC").to_string(),
        Err(_) => at.to_string(),
    }
}

/// How long it is until something, in the unit that matters.
fn duration(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..60 => return "less than a minute".to_owned(),
        60..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        assert_eq!(date(Timestamp(1_763_700_000)), "21 November 2025, 04:40 UTC");
        for (seconds, told) in [
            (-5, "less than a minute"),
            (59, "less than a minute"),
            (60, "1 minute"),
            (7_199, "119 minutes"),
            (7_200, "2 hours"),
            (50_400, "14 hours"),
            (172_800, "2 days"),
        ] {
            assert_eq!(duration(seconds), told);
        }
    }

    #[test]
    fn t87_a_date_beyond_the_calendar_is_told_as_a_number() {
        assert_eq!(date(Timestamp(i64::MAX)), i64::MAX.to_string());
        assert_eq!(date_of_claim("exp", "1763700000").unwrap(), "21 November 2025, 04:40 UTC");
        assert_eq!(date_of_claim("exp", "soon"), None);
        assert_eq!(date_of_claim("sub", "1763700000"), None);
    }
}
