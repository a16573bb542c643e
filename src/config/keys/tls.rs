//! Keys of certificates, in and out.

use super::{Family, Key, Scope, Type, key};

pub(super) const CERTIFICATES: Family =
    Family { title: "Certificates", scope: Scope::Top, keys: CERTIFICATE_KEYS };

pub(super) const OUTGOING: Family =
    Family { title: "Outgoing connections", scope: Scope::Top, keys: OUTGOING_KEYS };

const AUTOCERT: &str = "get certificates by certbot or lego and name them in `certificates`";

const CERTIFICATE_KEYS: &[Key] = &[
    key(
        "certificates",
        Type::Tree(&[]),
        "",
        "A list of `{cert: FILE, key: FILE}`, chosen by the name the client asks for; the first serves clients that name none.",
    ),
    key("certificate", Type::Text, "", "One certificate with its chain: PEM, or base64 of PEM."),
    key(
        "certificate_key",
        Type::Text,
        "",
        "The private key of `certificate`: PEM, or base64 of PEM.",
    )
    .secret(),
    key("certificate_file", Type::Path, "", "The file of one certificate with its chain, PEM."),
    key(
        "certificate_key_file",
        Type::Path,
        "",
        "The file of the private key of `certificate_file`, PEM.",
    ),
    key(
        "autocert",
        Type::Bool,
        "false",
        "Get certificates from an ACME authority such as Let's Encrypt.",
    )
    .not_yet(AUTOCERT),
    key("autocert_ca", Type::Url, "", "The directory of that authority.").not_yet(AUTOCERT),
    key("autocert_email", Type::Text, "", "The address that authority may write to.")
        .not_yet(AUTOCERT),
    key("autocert_use_staging", Type::Bool, "false", "Use the staging authority of Let's Encrypt.")
        .not_yet(AUTOCERT),
    key("autocert_eab_key_id", Type::Text, "", "The key id of an external account.")
        .not_yet(AUTOCERT),
    key("autocert_eab_mac_key", Type::Text, "", "The key of an external account.")
        .not_yet(AUTOCERT)
        .secret(),
    key("autocert_must_staple", Type::Bool, "false", "Ask for certificates that must be stapled.")
        .not_yet(AUTOCERT),
    key("autocert_dir", Type::Text, "", "Where those certificates are kept.").not_yet(AUTOCERT),
    key("autocert_trusted_ca", Type::Text, "", "Who vouches for a private authority.")
        .not_yet(AUTOCERT),
    key("autocert_trusted_ca_file", Type::Path, "", "Who vouches for a private authority.")
        .not_yet(AUTOCERT),
    key(
        "downstream_mtls",
        Type::Tree(&[
            "ca",
            "ca_file",
            "crl",
            "crl_file",
            "enforcement",
            "match_subject_alt_names",
            "max_verify_depth",
        ]),
        "",
        "Ask clients for certificates.",
    )
    .not_yet("let a proxy before Russet ask for them, and do not rely on Russet for it")
    .decides(),
    key("tls_derive", Type::Text, "", "Derive certificates for the parts of a split installation.")
        .ignored("Russet is one program"),
    key(
        "override_certificate_name",
        Type::Text,
        "",
        "The name of other parts of a split installation.",
    )
    .ignored("Russet is one program"),
];

const OUTGOING_KEYS: &[Key] = &[
    key(
        "certificate_authority",
        Type::Text,
        "",
        "Certificate authorities to trust beside the system's, for Apple and for applications: PEM, or base64 of PEM.",
    ),
    key(
        "certificate_authority_file",
        Type::Path,
        "",
        "The file of certificate authorities to trust beside the system's, PEM.",
    ),
    key(
        "dns_lookup_family",
        Type::Choice(&["v4_preferred", "auto", "v4_only", "v6_only", "all"]),
        "v4_preferred",
        "Which addresses of an application to try.",
    )
    .not_yet("write the address into `to`"),
    key("dns_refresh_rate", Type::Text, "", "How often names are looked up again.")
        .ignored(RESOLVER),
    key("dns_failure_refresh_rate", Type::Text, "", "How often failed look-ups are tried again.")
        .ignored(RESOLVER),
    key("dns_query_timeout", Type::Text, "", "How long a look-up may take.").ignored(RESOLVER),
    key("dns_query_tries", Type::Text, "", "How often a look-up is tried.").ignored(RESOLVER),
    key("dns_udp_max_queries", Type::Text, "", "How many look-ups one socket makes.")
        .ignored(RESOLVER),
    key("dns_use_tcp", Type::Bool, "false", "Look names up over TCP.").ignored(RESOLVER),
    key("dns_resolvers", Type::Tree(&[]), "", "Which name servers to ask.")
        .not_yet("set them in `/etc/resolv.conf`, which the system's resolver reads"),
];

const RESOLVER: &str = "names are looked up by the system's resolver, which has its own settings";
