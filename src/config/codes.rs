//! The codes of the configuration's diagnostics. A code never changes its meaning and is never
//! used again; `docs/diagnostics.md` is written from this table.

/// One code and what it stands for.
#[derive(Debug)]
pub struct Code {
    /// `R` and three digits.
    pub code: &'static str,
    /// What it says, in one sentence for the operator.
    pub text: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        $(
            #[doc = $text]
            pub const $name: &str = $code;
        )*
        /// Every code of the configuration, in order.
        pub const ALL: &[Code] = &[$(Code { code: $code, text: $text }),*];
    };
}

codes! {
    FILE = "R001", "The configuration cannot be read: it is missing, not a regular file, unreadable or too long.";
    ENCODING = "R002", "The text is not plain UTF-8: a byte order mark, a control character, or bytes that are not text.";
    SYNTAX = "R003", "This is not YAML.";
    DUPLICATE = "R004", "A key is written twice.";
    TAG = "R005", "A YAML tag; they are not used.";
    ALIAS = "R006", "An alias without its anchor, inside its own anchor, or so many that the file grows beyond bounds.";
    DEPTH = "R007", "Lists and maps are nested too deep.";
    DOCUMENTS = "R008", "More than one YAML document.";
    SHAPE = "R009", "A map, a list or text is needed where something else stands.";
    UNKNOWN = "R010", "There is no such key.";
    REFUSED = "R011", "A key, or a value of it, that Russet will not do; the help says what to write instead.";
    NOT_YET = "R012", "A key of Pomerium's that Russet does not do yet; the help says what to do meanwhile.";
    VALUE = "R013", "The value is not of the kind that this key takes, or out of its bounds.";
    MISSING = "R014", "A key that must be there is missing or empty.";
    CONFLICT = "R015", "Two keys exclude each other.";
    PLACEHOLDER = "R016", "A placeholder of some guide was never replaced.";
    KEY_FILE = "R020", "A file that a key names cannot be read, or is empty.";
    OPEN_FILE = "R021", "A file with a secret can be read or written by others.";
    OPEN_CONFIGURATION = "R022", "The configuration itself can be read or written by others.";
    CERTIFICATE = "R023", "A certificate, its key or a bundle of certificate authorities cannot be used.";
    NO_CERTIFICATE = "R024", "TLS without any certificate, or without one for a host.";
    SECRET = "R025", "A shared or cookie secret is not base64 of 32 bytes.";
    SIGNING_KEY = "R026", "A signing key cannot be used.";
    APPLE_ID = "R030", "A Team ID or Key ID that cannot be one.";
    PRIVATE_KEY = "R031", "Apple's private key cannot be used.";
    KEY_NAME = "R032", "The key file's name speaks of another Key ID.";
    CLIENT_SECRET = "R033", "A client secret made elsewhere: its form, its expiry, or that it is not used.";
    NOT_APPLE = "R034", "The identity provider is not Apple.";
    REDIRECT_URI = "R035", "Apple does not accept such a return URL.";
    PARAMETERS = "R036", "Parameters or scopes of the authorize request that cannot be sent.";
    CLIENT_ID = "R037", "A client id that does not look like a Services ID.";
    EXAMPLE_KEY = "R038", "The private key of `config.example.yaml`, which everybody has.";
    COOKIE = "R040", "The session cookie cannot or should not look like this.";
    AUTHENTICATE = "R041", "Where people sign in cannot be told, or cannot be there.";
    CALLBACK = "R042", "The path of the callback cannot be used.";
    FROM = "R050", "A route's `from` is not a host that can be served.";
    TO = "R051", "A route's `to` is not an application that can be reached.";
    PATH = "R052", "A route's path rule can match nothing, or is two rules at once.";
    SAME_ROUTE = "R053", "Two routes are the same.";
    UNREACHED = "R054", "A route that no request reaches.";
    OPEN_PREFIX = "R055", "A prefix admits people to paths next to it that another route keeps closed.";
    NOBODY = "R056", "A route that admits nobody.";
    ACCESS = "R057", "Keys that say who may pass contradict each other.";
    ANYBODY = "R058", "A route that admits everybody who has an Apple account.";
    SKIP_VERIFY = "R059", "The certificate of an application is not checked.";
    HEADER = "R061", "A header name or value that cannot be sent.";
    TEMPLATE = "R062", "A header template that stays empty.";
    TEST_NAME = "R090", "Two policy tests have the same name.";
    TEST_GROUP = "R091", "A policy test puts somebody into a group that does not exist.";
    EITHER_WAY = "R092", "A route has shortcut keys and a policy: whom either of them admits passes.";
    ADMITS_EVERYBODY = "R093", "A policy whose `allow` everybody meets.";
    NEVER_ASKED = "R094", "A route that nobody asked for in the decision log.";
    NEVER_DECIDED = "R095", "A criterion on which nothing in the decision log rested.";
    NEVER_SEEN = "R096", "A member of a group whom the decision log never shows.";
}
