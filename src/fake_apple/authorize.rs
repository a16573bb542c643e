//! The authorization request, refused where Apple refuses it: on Apple's own page, so that the
//! browser does not come back.

use super::form::{Form, FormError};
use super::settings::PlusSign;
use super::state::Apple;

/// A request that Apple would show its page for.
#[derive(Debug)]
pub(super) struct AuthorizeRequest {
    pub client_id: String,
    pub redirect_uri: String,
    pub response_mode: ResponseMode,
    /// Whether the answer carries an id_token in addition to the code.
    pub wants_id_token: bool,
    pub scopes: Scopes,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub code_challenge: Option<String>,
}

/// How the answer goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseMode {
    Query,
    Fragment,
    FormPost,
}

/// What is asked for in addition to `sub`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scopes {
    pub name: bool,
    pub email: bool,
}

impl Scopes {
    fn any(self) -> bool {
        self.name || self.email
    }
}

/// Why Apple shows its error page.
#[derive(Debug)]
pub(super) struct AuthorizeRefusal {
    /// The code, as Apple has it.
    pub error: &'static str,
    /// Apple's words where they are known.
    pub text: String,
    /// What to do; Apple says nothing here.
    pub advice: String,
}

fn refuse<T>(
    error: &'static str,
    text: impl Into<String>,
    advice: impl Into<String>,
) -> Result<T, AuthorizeRefusal> {
    Err(AuthorizeRefusal { error, text: text.into(), advice: advice.into() })
}

impl AuthorizeRequest {
    /// Reads and checks a query string.
    pub(super) fn read(query: &str, apple: &Apple) -> Result<Self, AuthorizeRefusal> {
        let form = match Form::read(query) {
            Ok(form) => form,
            Err(FormError::NotEncoded) => {
                return refuse(
                    "invalid_request",
                    "The request is not encoded properly.",
                    "Percent-encode each value once.",
                );
            }
            Err(FormError::Doubled(name)) => {
                return refuse(
                    "invalid_request",
                    format!("Duplicate parameter: {name}."),
                    "Send each parameter once.",
                );
            }
        };
        let (client_id, redirect_uri) = check_client(&form, apple)?;
        check_plus_signs(&form, apple.plus_sign)?;
        let wants_id_token = wants_id_token(&form)?;
        let mut scopes = scopes(&form)?;
        let response_mode = response_mode(&form, scopes, wants_id_token)?;
        if form.has_plus_sign("scope") {
            scopes = Scopes::default();
        }
        let own = |name: &str| form.get(name).map(str::to_owned);
        if own("code_challenge").is_some() && form.get("code_challenge_method") != Some("S256") {
            return refuse(
                "invalid_request",
                "Invalid code challenge method",
                "Send code_challenge_method=S256 with a code_challenge, or neither.",
            );
        }
        Ok(Self {
            client_id,
            redirect_uri,
            response_mode,
            wants_id_token,
            scopes,
            state: own("state"),
            nonce: own("nonce"),
            code_challenge: own("code_challenge"),
        })
    }
}

fn check_client(form: &Form, apple: &Apple) -> Result<(String, String), AuthorizeRefusal> {
    let Some(client_id) = form.get("client_id") else {
        return refuse(
            "invalid_request",
            "Missing parameter: client_id.",
            "Send the Services ID as client_id.",
        );
    };
    let Some(client) = apple.client(client_id) else {
        return refuse(
            "invalid_client",
            "Invalid client.",
            format!(
                "{client_id} is not a Services ID that is known here. Letter case counts; an App \
                 ID is none."
            ),
        );
    };
    let redirect_uri = form.get("redirect_uri").unwrap_or_default();
    if !client.redirect_uris.iter().any(|registered| registered == redirect_uri) {
        return refuse(
            "invalid_request",
            "invalid web redirect url",
            format!(
                "{redirect_uri} is not registered for {client_id}. It is compared byte for byte: \
                 scheme, port, path and a slash at the end count. Registered: {}.",
                client.redirect_uris.join(", ")
            ),
        );
    }
    Ok((client_id.to_owned(), redirect_uri.to_owned()))
}

fn check_plus_signs(form: &Form, plus_sign: PlusSign) -> Result<(), AuthorizeRefusal> {
    for (name, error) in [("scope", "invalid_scope"), ("response_type", "invalid_request")] {
        if plus_sign == PlusSign::Refused && form.has_plus_sign(name) {
            return refuse(
                error,
                format!("Invalid {name}: it has a + for a space."),
                "Write the space as %20. Browsers get away with a +, but the native sheet of Apple \
                 devices then ignores the scopes: no address, no name.",
            );
        }
    }
    Ok(())
}

fn wants_id_token(form: &Form) -> Result<bool, AuthorizeRefusal> {
    match form.get("response_type") {
        Some("code") => Ok(false),
        Some("code id_token") => Ok(true),
        _ => refuse(
            "invalid_request",
            "Invalid response type",
            "response_type is `code` or `code id_token`.",
        ),
    }
}

fn scopes(form: &Form) -> Result<Scopes, AuthorizeRefusal> {
    let mut scopes = Scopes::default();
    for scope in form.get("scope").into_iter().flat_map(|scope| scope.split(' ')) {
        match scope {
            "name" => scopes.name = true,
            "email" => scopes.email = true,
            "openid" => {}
            other => {
                return refuse(
                    "invalid_scope",
                    format!("Invalid scope: {other}."),
                    "The scopes are `name` and `email`, with one space between them.",
                );
            }
        }
    }
    Ok(scopes)
}

fn response_mode(
    form: &Form,
    scopes: Scopes,
    wants_id_token: bool,
) -> Result<ResponseMode, AuthorizeRefusal> {
    let mode = match form.get("response_mode") {
        None | Some("query") => ResponseMode::Query,
        Some("fragment") => ResponseMode::Fragment,
        Some("form_post") => ResponseMode::FormPost,
        Some(_) => {
            return refuse(
                "invalid_request",
                "Invalid response mode",
                "response_mode is `query`, `fragment` or `form_post`.",
            );
        }
    };
    if scopes.any() && mode != ResponseMode::FormPost {
        return refuse(
            "invalid_request",
            "response_mode must be form_post when name or email scope is requested.",
            "Send response_mode=form_post.",
        );
    }
    if wants_id_token && mode == ResponseMode::Query {
        return refuse(
            "invalid_request",
            "Invalid response mode",
            "With id_token in response_type, response_mode is `fragment` or `form_post`.",
        );
    }
    Ok(mode)
}
