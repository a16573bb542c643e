//! What a client is answered. An [`Answer`] holds the response that [`respond`] built; a [`Refused`]
//! is a value that only [`render`] turns into one. [`render`] also copies what both say into the
//! record of the request.

pub(crate) mod body;
pub(crate) mod evidence;
pub(crate) mod refusal;
pub(crate) mod respond;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;

use self::respond::Visitor;
use crate::decision::WhySignIn;
use crate::decision::record::Outcome;
use crate::identity::Identity;
use crate::pages::View;
use crate::telemetry::{Code, Evidence, Handled, Record};
use crate::wire::accept::Format;

/// What an endpoint answers when it does what was asked.
#[derive(Debug)]
pub(crate) struct Answer {
    response: Response<Full<Bytes>>,
    reasons: Vec<&'static str>,
    subject: Option<Arc<str>>,
}

impl Answer {
    /// An answer about which the log line says no more than its status.
    pub(crate) fn new(response: Response<Full<Bytes>>) -> Self {
        Self { response, reasons: Vec::new(), subject: None }
    }

    /// Adds a code for the log.
    pub(crate) fn with_code(mut self, code: Code) -> Self {
        self.reasons.push(code.word());
        self
    }

    /// Adds a code that stands before the others.
    pub(crate) fn with_earlier_code(mut self, code: Code) -> Self {
        self.reasons.insert(0, code.word());
        self
    }

    /// The words for the log.
    pub(crate) fn with_reasons(self, reasons: Vec<&'static str>) -> Self {
        Self { reasons, ..self }
    }

    /// Whom the answer is about, for the log.
    pub(crate) fn about(self, identity: &Identity) -> Self {
        Self { subject: Some(Arc::clone(&identity.subject)), ..self }
    }

    /// The headers of the answer, for cookies.
    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.response.headers_mut()
    }
}

/// What an endpoint returns. The refusal is boxed, because it is much larger than an answer.
pub(crate) type Answered = Result<Answer, Box<Refused>>;

/// Any answer other than what was asked: a denial, a redirect to sign in, an error, `robots.txt`. What
/// the client sees, and what the log line says.
#[derive(Debug)]
pub(crate) struct Refused {
    shown: Shown,
    /// The status, where it is not the usual one of what is shown.
    status: Option<StatusCode>,
    /// The form of a page, where it is not what the client prefers.
    format: Option<Format>,
    /// Cookies and other headers of the answer.
    headers: HeaderMap,
    /// How the request was handled, where this refusal decides that.
    handled: Option<Handled>,
    reasons: Vec<&'static str>,
    evidence: Vec<Evidence>,
    detail: Option<String>,
    subject: Option<Arc<str>>,
    route: Option<Arc<str>>,
}

/// What the client sees of a refusal.
#[derive(Debug)]
pub(crate) enum Shown {
    /// A page, or the same fact as JSON.
    Page(View),
    /// A short text, for programs that read the status alone.
    Text(StatusCode, &'static str),
    /// An empty JSON object.
    EmptyJson(StatusCode),
    /// A redirect.
    Redirect(StatusCode, String),
    /// The file that keeps crawlers away.
    Robots,
}

impl Refused {
    /// A refusal with a page.
    pub(crate) fn page(code: Code, view: View) -> Box<Self> {
        Self::shown(Shown::Page(view)).with_code(code)
    }

    /// A refusal in any form, with no reason yet.
    pub(crate) fn shown(shown: Shown) -> Box<Self> {
        Box::new(Self {
            shown,
            status: None,
            format: None,
            headers: HeaderMap::new(),
            handled: None,
            reasons: Vec::new(),
            evidence: Vec::new(),
            detail: None,
            subject: None,
            route: None,
        })
    }

    /// Adds a reason.
    pub(crate) fn with_code(mut self: Box<Self>, code: Code) -> Box<Self> {
        self.reasons.push(code.word());
        self
    }

    /// Adds a reason that stands before the others.
    pub(crate) fn with_earlier_code(mut self: Box<Self>, code: Code) -> Box<Self> {
        self.reasons.insert(0, code.word());
        self
    }

    /// Its reasons, for another answer that replaces this one.
    pub(crate) fn into_reasons(self: Box<Self>) -> Vec<&'static str> {
        self.reasons
    }

    /// Another status than the usual one of the page; no effect on any other form.
    pub(crate) fn with_status(mut self: Box<Self>, status: StatusCode) -> Box<Self> {
        self.status = Some(status);
        self
    }

    /// Another format of the page than the client prefers; no effect on any other form.
    pub(crate) fn with_format(mut self: Box<Self>, format: Format) -> Box<Self> {
        self.format = Some(format);
        self
    }

    /// More for the operator, free of secrets.
    pub(crate) fn with_detail(mut self: Box<Self>, detail: String) -> Box<Self> {
        self.detail = Some(detail);
        self
    }

    /// The evidence of a denial.
    pub(crate) fn with_evidence(mut self: Box<Self>, evidence: Vec<Evidence>) -> Box<Self> {
        self.evidence = evidence;
        self
    }

    /// Whom the refusal is about.
    pub(crate) fn about(mut self: Box<Self>, identity: Option<&Identity>) -> Box<Self> {
        self.subject = identity.map(|identity| Arc::clone(&identity.subject));
        self
    }

    /// The route that was asked for.
    pub(crate) fn on_route(mut self: Box<Self>, route: Option<Arc<str>>) -> Box<Self> {
        self.route = route;
        self
    }

    /// The outcome of the decision and its reasons, which come before those of the answer.
    pub(crate) fn with_decision(
        mut self: Box<Self>,
        outcome: Outcome,
        mut reasons: Vec<&'static str>,
    ) -> Box<Self> {
        self.handled = Some(Handled::Decided(outcome.word()));
        reasons.append(&mut self.reasons);
        self.reasons = reasons;
        self
    }

    /// A sign-in is required and no policy was evaluated: an endpoint of ours needs a session.
    pub(crate) fn with_sign_in(self: Box<Self>, cause: WhySignIn) -> Box<Self> {
        self.with_decision(Outcome::SignIn, vec![cause.word()])
    }

    /// The request was refused before any decision.
    pub(crate) fn malformed(mut self: Box<Self>) -> Box<Self> {
        self.handled = Some(Handled::Malformed);
        self
    }

    /// The headers of the answer, for cookies.
    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The status that the client is answered.
    pub(crate) fn status(&self) -> StatusCode {
        match &self.shown {
            Shown::Page(view) => self.status.unwrap_or_else(|| view.status()),
            Shown::Text(status, _) | Shown::EmptyJson(status) | Shown::Redirect(status, _) => {
                *status
            }
            Shown::Robots => StatusCode::OK,
        }
    }
}

/// The response to a client, and what the log line says of it.
pub(crate) fn render(
    answered: Answered,
    visitor: &Visitor<'_>,
    record: &mut Record,
) -> Response<Full<Bytes>> {
    let refused = match answered {
        Ok(Answer { response, reasons, subject }) => {
            record.reasons.extend(reasons);
            record.subject = subject.or_else(|| record.subject.take());
            return response;
        }
        Err(refused) => *refused,
    };
    let mut response = refused.shown.response(visitor, refused.format, refused.status);
    respond::add_headers(&mut response, refused.headers);
    record.handled = refused.handled.unwrap_or(record.handled);
    record.reasons.extend(refused.reasons);
    record.evidence = refused.evidence;
    record.detail = refused.detail.or_else(|| record.detail.take());
    record.subject = refused.subject.or_else(|| record.subject.take());
    record.route = refused.route.or_else(|| record.route.take());
    response
}

impl Shown {
    fn response(
        &self,
        visitor: &Visitor<'_>,
        format: Option<Format>,
        status: Option<StatusCode>,
    ) -> Response<Full<Bytes>> {
        match self {
            Self::Page(view) => {
                let visitor =
                    Visitor { preference: format.unwrap_or(visitor.preference), ..*visitor };
                visitor.page_with(view, status.unwrap_or_else(|| view.status()))
            }
            Self::Text(status, text) => respond::text(*status, text),
            Self::EmptyJson(status) => respond::own(*status, "application/json", "{}"),
            Self::Redirect(status, location) => respond::redirect(*status, location),
            Self::Robots => respond::robots(),
        }
    }
}
