//! The words of every page that has a heading, a few sentences and one thing to do.
//!
//! One voice: what happened, why, what you can do. A sentence never says more than the visitor may
//! know; the rest is in the log under the request's id.

use super::{Chrome, Href, LoopCause, SignInCause, StoreTask, View};

/// What a page says.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Stable word for programs.
    pub(super) code: &'static str,
    /// The heading, which is also the title.
    pub(super) title: String,
    /// What happened, why, and what one can do; a paragraph each.
    pub(super) body: Vec<String>,
    /// The one thing to do.
    pub(super) action: Option<Action>,
    /// Whether an administrator may be able to help, so that the id is worth passing on.
    pub(super) asks_for_help: bool,
}

/// A link that stands out.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) label: &'static str,
    pub(super) href: Href,
}

impl Message {
    fn new(code: &'static str, title: impl Into<String>, body: &[&str]) -> Self {
        let body = body.iter().map(|&text| text.to_owned()).collect();
        Self { code, title: title.into(), body, action: None, asks_for_help: true }
    }

    fn action(mut self, label: &'static str, href: &Href) -> Self {
        self.action = Some(Action { label, href: href.clone() });
        self
    }

    fn start_again(self, href: &Href) -> Self {
        self.action("Start again", href)
    }

    fn without_help(mut self) -> Self {
        self.asks_for_help = false;
        self
    }
}

/// The words of `view`.
pub(super) fn message(view: &View, chrome: &Chrome<'_>) -> Message {
    let site = site(chrome);
    match view {
        View::SignIn(page) => sign_in(page.cause, site),
        View::SignOut(_) => sign_out(site),
        View::Denied(_) => denied(site),
        View::User(_) => Message::new("user", "You are signed in", &[]).without_help(),
        View::NotMatched { .. }
        | View::ExpiredAttempt { .. }
        | View::Cancelled { .. }
        | View::CodeUsed { .. }
        | View::NoCookies { .. }
        | View::Loop { .. }
        | View::LinkInvalid { .. }
        | View::AddressTooLong { .. }
        | View::Moved { .. } => way_in(view, site),
        View::AppleRefused { .. }
        | View::AppleUnavailable { .. }
        | View::KeysUnavailable { .. } => apple(view),
        View::UpstreamUnreachable | View::UpstreamUnavailable | View::UpstreamTimeout => {
            upstream(view, site)
        }
        View::Certificate { shown } => certificate(*shown, site),
        View::BadRequest
        | View::NotFound
        | View::MethodNotAllowed { .. }
        | View::TooLarge
        | View::UnsupportedMediaType { .. }
        | View::UriTooLong
        | View::HeaderTooLarge
        | View::Misdirected
        | View::NotImplemented => request(view, site),
        View::StoreUnanswered(task) => store_unanswered(*task),
        View::Internal => internal(),
    }
}

/// How sentences call the host that was asked.
pub(super) fn site<'a>(chrome: &Chrome<'a>) -> &'a str {
    if chrome.host.is_empty() { "this site" } else { chrome.host }
}

/// Longest text of a person's own that a page shows, in characters.
const SHOWN_CHARACTERS: usize = 320;

/// `text`, cut to what a page has room for.
pub(super) fn bounded(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS).collect();
    if shown.len() < text.len() {
        shown.push('\u{2026}');
    }
    shown
}

fn sign_in(cause: SignInCause, site: &str) -> Message {
    match cause {
        SignInCause::SignedOut => Message::new(
            "signed_out",
            "You are signed out",
            &[
                "Your session has ended, here and at every other site that the same sign-in \
                 opened.",
                "Apple may still know this browser, so that the next sign-in takes a single tap. \
                 On a computer that others use, sign out of your Apple Account too.",
            ],
        ),
        SignInCause::NothingWasSent => Message::new(
            "sign_in_required",
            "Sign in first. Nothing was sent",
            &[
                &format!(
                    "What you were doing at {site} needs a session, and yours has ended or never \
                     began. Your request was not passed on, so nothing was saved or changed."
                ),
                "If you had filled in a form, go back and copy what you typed. Then sign in and \
                 send it again.",
            ],
        ),
        SignInCause::TooLongAgo => Message::new(
            "sign_in_again",
            "Sign in again. Nothing was sent",
            &[
                &format!(
                    "What you were doing at {site} asks for a recent sign-in, and yours was too \
                     long ago. Your request was not passed on, so nothing was saved or changed."
                ),
                "If you had filled in a form, go back and copy what you typed. Then sign in and \
                 send it again.",
            ],
        ),
        SignInCause::Asked => Message::new(
            "sign_in_required",
            "Sign in to go on",
            &[&format!("{site} is for people who are signed in.")],
        ),
        SignInCause::AnotherAccount => Message::new(
            "sign_in_required",
            "Use another account",
            &[
                "Your session here has ended. Apple remembers who last signed in with this \
                 browser, and may sign the same person in again with a single tap.",
                "To be somebody else, first sign out at account.apple.com, or open this page in \
                 a private window.",
            ],
        ),
    }
    .without_help()
}

fn sign_out(site: &str) -> Message {
    let text = format!(
        "This ends your session at {site} and at every other site that the same sign-in opened. \
         You stay signed in at Apple."
    );
    Message::new("sign_out", "Sign out?", &[&text]).without_help()
}

fn denied(site: &str) -> Message {
    let text = format!("You are signed in, but {site} asks for more than that here.");
    Message::new("forbidden", "You cannot open this page", &[&text])
}

/// Messages on the way from "not signed in" to the page asked for.
fn way_in(view: &View, site: &str) -> Message {
    match view {
        View::NotMatched { start_again } => Message::new(
            "sign_in_not_matched",
            "This sign-in could not be matched",
            &[
                "Apple’s answer does not belong to a sign-in that this browser is in the middle \
                 of. That happens when the sign-in began in another browser or a private window, \
                 took more than ten minutes, or when cookies are blocked.",
                "Nobody was signed in. Start again, and stay in this window until you are done.",
            ],
        )
        .start_again(start_again),
        View::ExpiredAttempt { start_again } => Message::new(
            "sign_in_expired",
            "This sign-in took too long",
            &["A sign-in has ten minutes, and these had passed. Nothing is wrong with your \
               account: start again, and you should be through in a moment."],
        )
        .start_again(start_again),
        View::Cancelled { retry } => Message::new(
            "sign_in_cancelled",
            "Sign-in cancelled",
            &["You cancelled at Apple, so nobody was signed in and Apple told us nothing about \
               you. Try again whenever you like."],
        )
        .action("Try again", retry)
        .without_help(),
        View::CodeUsed { start_again } => Message::new(
            "sign_in_used",
            "This sign-in was used before",
            &["What Apple sends back works once and for five minutes. Going back, reloading, or \
               a page left open can bring an old one up again. Start again to get a fresh one."],
        )
        .start_again(start_again),
        View::NoCookies { start_again } => Message::new(
            "no_cookies",
            "Your browser kept no cookie",
            &[
                &format!(
                    "To know you again on the way back from Apple, {site} gives your browser a \
                     cookie. It did not come back."
                ),
                "Allow cookies for this site, or use a window that is not private, then start \
                 again.",
            ],
        )
        .start_again(start_again),
        View::Loop { cause, start_again } => circles(*cause, site, start_again),
        View::LinkInvalid { start_again } => Message::new(
            "link_invalid",
            "This sign-in link no longer works",
            &["A sign-in link is good for ten minutes, and only as it was made. This one is older \
               or has been changed. Start again to get a new one."],
        )
        .start_again(start_again),
        View::AddressTooLong { path } => address_too_long(path),
        View::Moved { to } => Message::new(
            "moved",
            "You are signed in",
            &["The page that you asked for opens by itself in a moment."],
        )
        .action("Continue", to)
        .without_help(),
        _ => internal(),
    }
}

fn circles(cause: LoopCause, site: &str, start_again: &Href) -> Message {
    let why = match cause {
        LoopCause::CookieNotKept => {
            "Your browser did not keep the cookie that says so. Allow cookies for this site, or \
             use a window that is not private, then start again."
        }
        LoopCause::CookieNotAccepted => {
            "Your browser brought back the right cookie, but it was not accepted. Most often the \
             clocks or the keys of two servers differ, and only an administrator can put that \
             right."
        }
        LoopCause::Unknown => {
            "Why is not known. Another browser or a private window may help; if it does not, only \
             an administrator can find out."
        }
    };
    let happened = format!(
        "You signed in three times within a short while, and each time {site} asked you to sign \
         in again. To spare you a fourth, it stops here."
    );
    Message::new("sign_in_loop", "Signing in goes round in circles", &[&happened, why])
        .start_again(start_again)
}

fn address_too_long(path: &Href) -> Message {
    let (opens, label) = if path.as_str() == "/" {
        ("the front page instead", "Open the front page")
    } else {
        ("the same page without the part after the question mark", "Open the page")
    };
    Message::new(
        "address_too_long",
        "You are signed in",
        &[&format!(
            "The address you asked for is longer than 2,048 bytes, which is more than a sign-in \
             can carry along. The button opens {opens}. To get there in full, follow your link \
             once more: now that you are signed in, its length does not matter."
        )],
    )
    .action(label, path)
    .without_help()
}

/// Messages about Apple.
fn apple(view: &View) -> Message {
    match view {
        View::AppleRefused { start_again } => Message::new(
            "apple_refused",
            "Apple did not sign you in",
            &["Apple ended the sign-in with an error, so nobody was signed in. A second try often \
               works."],
        )
        .start_again(start_again),
        View::AppleUnavailable { start_again } => Message::new(
            "apple_unavailable",
            "Apple could not finish this sign-in",
            &["Apple did not answer, or not in the way it should. Nothing is wrong with your \
               account. Wait a minute, then start again."],
        )
        .start_again(start_again),
        View::KeysUnavailable { start_again } => Message::new(
            "apple_keys_unavailable",
            "Nobody can sign in right now",
            &["What Apple says about people is checked with keys that Apple publishes, and these \
               cannot be had at the moment. Without that check nobody is let in. Wait a few \
               minutes, then start again."],
        )
        .start_again(start_again),
        _ => internal(),
    }
}

/// Messages where nothing can be read or written of sessions.
fn store_unanswered(task: StoreTask) -> Message {
    match task {
        StoreTask::CheckSession => Message::new(
            "session_unchecked",
            "Sessions cannot be checked right now",
            &["Whether your session is still good cannot be found out at the moment, and without \
               that nobody is let in. It is nothing you did, and signing in again does not help. \
               Wait a minute, then load this page again."],
        ),
        StoreTask::SignIn => Message::new(
            "sign_in_not_kept",
            "Nobody can sign in right now",
            &["Your sign-in could not be written down, and without that nobody is let in. It is \
               nothing you did. Wait a minute, then load this page again."],
        ),
        StoreTask::SignOut => Message::new(
            "not_signed_out",
            "You are not signed out",
            &[
                "That your session has ended could not be written down, so it goes on, here and at \
               every other site that the same sign-in opened.",
                "Wait a minute, then sign out again. On a computer that others use, do not leave \
               before a page says that you are signed out.",
            ],
        ),
    }
}

/// Messages about the application behind us: that it fails, never how (W19).
fn upstream(view: &View, site: &str) -> Message {
    let message = match view {
        View::UpstreamUnreachable => Message::new(
            "upstream_unreachable",
            format!("{site} cannot be reached"),
            &["The way to this site is fine, but the application behind it does not answer as it \
               should. It is nothing you did. Wait a minute, then try again."],
        ),
        View::UpstreamUnavailable => Message::new(
            "upstream_unavailable",
            format!("{site} is not available"),
            &["The application behind this site takes no requests at the moment. It is nothing \
               you did. Wait a minute, then try again."],
        ),
        View::UpstreamTimeout => Message::new(
            "upstream_timeout",
            format!("{site} took too long"),
            &[
                "The application behind this site did not answer in time.",
                "If you were sending something, it may have arrived all the same: look before you \
                 send it again.",
            ],
        ),
        _ => internal(),
    };
    message.action("Try again", &Href::here())
}

/// The connection needs a certificate; no sign-in helps.
fn certificate(shown: bool, site: &str) -> Message {
    let (code, title, why) = if shown {
        (
            "certificate_refused",
            "Your device’s certificate is not accepted",
            "It may have run out, have been withdrawn, or be meant for another place.",
        )
    } else {
        (
            "certificate_required",
            "Your device has to show a certificate",
            "Your browser sent none. Perhaps it asked you to choose one and you closed that \
             window, or this device has none.",
        )
    };
    let wants = format!("{site} is for devices with a certificate from your organization. {why}");
    let help = "Close the browser, open this page again and choose the right certificate. If \
                there is none to choose, your administrator can give you one.";
    Message::new(code, title, &[&wants, help])
}

/// Messages about the request itself.
fn request(view: &View, site: &str) -> Message {
    match view {
        View::BadRequest => Message::new(
            "bad_request",
            "This request makes no sense here",
            &["Something in it is malformed or ambiguous, so it was not passed on. Check the \
               address for slips; if you followed a link, whoever made it can correct it."],
        ),
        View::NotFound => Message::new(
            "not_found",
            "There is nothing at this address",
            &["Check it for slips. If you followed a link, it may be an old one."],
        ),
        View::MethodNotAllowed { start_again } => method_not_allowed(start_again.as_ref()),
        View::TooLarge => Message::new(
            "too_large",
            "This is too much at once",
            &[
                "What was sent is larger than this address takes, so none of it was used. Send less, \
               or in parts.",
            ],
        ),
        View::UnsupportedMediaType { start_again } => unsupported(start_again.as_ref()),
        View::UriTooLong => Message::new(
            "address_too_long",
            "This address is too long",
            &["It is longer than any that this site answers, so it was not passed on. If you \
               followed a link, whoever made it can shorten it."],
        ),
        View::HeaderTooLarge => Message::new(
            "header_too_large",
            "Your browser sent too much along",
            &[&format!(
                "Usually that is too many cookies. Delete the cookies of {site} in your browser’s \
                 settings, then open the page again."
            )],
        ),
        View::Misdirected => Message::new(
            "misdirected",
            "This request came to the wrong door",
            &["It arrived over a connection that was made for another site. Close this tab, then \
               open the address in a new one."],
        ),
        View::NotImplemented => Message::new(
            "not_implemented",
            "This is not available here",
            &["The address is known, but what it stands for is not offered here."],
        ),
        _ => internal(),
    }
}

fn method_not_allowed(start_again: Option<&Href>) -> Message {
    match start_again {
        Some(href) => Message::new(
            "method_not_allowed",
            "This page cannot be opened by itself",
            &["It is a step of signing in that only Apple’s answer takes; an old bookmark or the \
               history may lead here. Nothing was changed. Start again from the beginning."],
        )
        .start_again(href),
        None => Message::new(
            "method_not_allowed",
            "This address is used another way",
            &["It does not take requests of this kind, so nothing was done."],
        ),
    }
}

fn unsupported(start_again: Option<&Href>) -> Message {
    let message = Message::new(
        "unsupported_media_type",
        "What was sent cannot be read here",
        &["This address takes plain forms only, and got something else. Nothing of it was used."],
    );
    match start_again {
        Some(href) => message.start_again(href),
        None => message,
    }
}

fn internal() -> Message {
    Message::new(
        "internal",
        "Something went wrong here",
        &["The fault is ours, not yours, and the log has it. Try again in a minute."],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let long = "\u{1f34e}".repeat(SHOWN_CHARACTERS + 1);
        assert_eq!(bounded(&long).chars().count(), SHOWN_CHARACTERS + 1);
        assert!(bounded(&long).ends_with('\u{2026}'));
        assert_eq!(bounded("short"), "short");
    }
}
