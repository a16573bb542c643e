//! Keys of certificates, in and out.

use super::key::*;
use super::row::{Scope, Type};

const AUTOCERT: &str = "get certificates by certbot or lego and name them in `certificates`";

family! {
    CERTIFICATE_KEYS = "Certificates", Scope::Top;

    CERTIFICATES: Tree = tree("certificates", &[],
        "A list of `{cert: FILE, key: FILE}`, chosen by the name the client asks for; the first serves clients that name none.");
    CERTIFICATE: Text = text("certificate", "",
        "One certificate with its chain: PEM, or base64 of PEM.");
    CERTIFICATE_KEY: Text = text("certificate_key", "",
        "The private key of `certificate`: PEM, or base64 of PEM.").secret();
    CERTIFICATE_FILE: File = file("certificate_file", Content::Public,
        "The file of one certificate with its chain, PEM.");
    CERTIFICATE_KEY_FILE: File = file("certificate_key_file", Content::Secret,
        "The file of the private key of `certificate_file`, PEM.");
    _ = unread("autocert", Type::Bool, "false",
        "Get certificates from an ACME authority such as Let's Encrypt.").not_yet(AUTOCERT);
    _ = unread("autocert_ca", Type::Url, "", "The directory of that authority.").not_yet(AUTOCERT);
    _ = unread("autocert_email", Type::Text, "",
        "The address that authority may write to.").not_yet(AUTOCERT);
    _ = unread("autocert_use_staging", Type::Bool, "false",
        "Use the staging authority of Let's Encrypt.").not_yet(AUTOCERT);
    _ = unread("autocert_eab_key_id", Type::Text, "",
        "The key id of an external account.").not_yet(AUTOCERT);
    _ = unread("autocert_eab_mac_key", Type::Text, "",
        "The key of an external account.").not_yet(AUTOCERT).secret();
    _ = unread("autocert_must_staple", Type::Bool, "false",
        "Ask for certificates that must be stapled.").not_yet(AUTOCERT);
    _ = unread("autocert_dir", Type::Text, "",
        "Where those certificates are kept.").not_yet(AUTOCERT);
    _ = unread("autocert_trusted_ca", Type::Text, "",
        "Who vouches for a private authority.").not_yet(AUTOCERT);
    _ = unread("autocert_trusted_ca_file", Type::Path, "",
        "Who vouches for a private authority.").not_yet(AUTOCERT);
    DOWNSTREAM_MTLS: Tree = tree("downstream_mtls", &[ "ca", "ca_file", "crl", "crl_file", "enforcement", "match_subject_alt_names", "max_verify_depth", ],
        "Ask clients for certificates.")
        .not_yet("let a proxy before Russet ask for them, and do not rely on Russet for it").decides();
    _ = unread("tls_derive", Type::Text, "",
        "Derive certificates for the parts of a split installation.")
        .ignored("Russet is one program");
    _ = unread("override_certificate_name", Type::Text, "",
        "The name of other parts of a split installation.").ignored("Russet is one program");
}

family! {
    OUTGOING_KEYS = "Outgoing connections", Scope::Top;

    CERTIFICATE_AUTHORITY: Text = text("certificate_authority", "",
        "Certificate authorities to trust in addition to the system's, for Apple and for applications: PEM, or base64 of PEM.");
    CERTIFICATE_AUTHORITY_FILE: File = file("certificate_authority_file", Content::Public,
        "The file of certificate authorities to trust in addition to the system's, PEM.");
    _ = unread("dns_lookup_family", Type::Choice(&["v4_preferred", "auto", "v4_only", "v6_only", "all"]), "v4_preferred",
        "Which addresses of an application to try.").not_yet("write the address into `to`");
    _ = unread("dns_refresh_rate", Type::Text, "",
        "How often names are looked up again.").ignored(RESOLVER);
    _ = unread("dns_failure_refresh_rate", Type::Text, "",
        "How often failed look-ups are tried again.").ignored(RESOLVER);
    _ = unread("dns_query_timeout", Type::Text, "",
        "How long a look-up may take.").ignored(RESOLVER);
    _ = unread("dns_query_tries", Type::Text, "",
        "How often a look-up is tried.").ignored(RESOLVER);
    _ = unread("dns_udp_max_queries", Type::Text, "",
        "How many look-ups one socket makes.").ignored(RESOLVER);
    _ = unread("dns_use_tcp", Type::Bool, "false", "Look names up over TCP.").ignored(RESOLVER);
    _ = unread("dns_resolvers", Type::Tree(&[]), "",
        "Which name servers to ask.")
        .not_yet("set them in `/etc/resolv.conf`, which the system's resolver reads");
}

const RESOLVER: &str = "names are looked up by the system's resolver, which has its own settings";
