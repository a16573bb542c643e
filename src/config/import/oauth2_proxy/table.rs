//! Every option of oauth2-proxy (7.15), and what becomes of it. One row each; the pages and the
//! report say it in these words.

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Russet does the same, under the key that the sentence names.
    Carried,
    /// Russet does something like it; the sentence says what differs.
    Changed,
    /// Russet does not do it; the sentence says why, or what to do.
    Dropped,
}

/// How an option is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`; a flag alone means `true`.
    Switch,
    /// One text.
    Text,
    /// Several texts: a list, or text with commas, or the flag several times.
    Texts,
}

/// One option of oauth2-proxy.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Name in the TOML file.
    pub name: &'static str,
    /// The flag without its hyphens.
    pub flag: &'static str,
    /// How it is written.
    pub shape: Shape,
    /// What becomes of it, unless its value says otherwise.
    pub fate: Fate,
    /// What Russet has in its place, or why it has nothing.
    pub sentence: &'static str,
    /// Whether its value is never shown.
    pub secret: bool,
}

impl Row {
    /// The variable of the environment.
    pub fn variable(&self) -> String {
        format!("OAUTH2_PROXY_{}", self.name.to_ascii_uppercase())
    }
}

use Fate::{Carried, Changed, Dropped};
use Shape::{Switch, Text, Texts};

const fn row(
    name: &'static str,
    flag: &'static str,
    shape: Shape,
    fate: Fate,
    sentence: &'static str,
) -> Row {
    Row { name, flag, shape, fate, sentence, secret: false }
}

const fn secret(name: &'static str, flag: &'static str, fate: Fate, sentence: &'static str) -> Row {
    Row { name, flag, shape: Text, fate, sentence, secret: true }
}

const OTHER_PROVIDER: &str = "Russet is for Sign in with Apple alone";
const CSRF: &str = "each sign-in has a sealed cookie of its own, good for ten minutes";
const PAGES: &str = "Russet's pages are its own";
const LOG: &str =
    "one line per request goes to standard error; `log_level` and `log_format` shape it";
const REDIS: &str = "a session is sealed into its cookie, so no store is needed to serve";
const PINNED: &str = "Apple's issuer and endpoints are pinned, and no switch turns a check off";
const TOKEN: &str = "Russet gives Apple's tokens to nobody; applications check \
                     `X-Pomerium-Jwt-Assertion`";
const PASSWORDS: &str = "people sign in with Apple alone; there are no passwords";
const METRICS: &str = "count the lines of the log until Russet has metrics";

/// Every option.
pub const ROWS: &[Row] = &[
    // Where it listens, and who stands before it.
    row("http_address", "http-address", Text, Carried, "`address`, with `insecure_server`"),
    row("https_address", "https-address", Text, Carried, "`address`, where there is a certificate"),
    row("tls_cert_file", "tls-cert-file", Text, Carried, "`certificate_file`"),
    row("tls_key_file", "tls-key-file", Text, Carried, "`certificate_key_file`"),
    row("tls_min_version", "tls-min-version", Text, Changed, "TLS 1.2 and 1.3, always"),
    row(
        "tls_cipher_suites",
        "tls-cipher-suite",
        Texts,
        Dropped,
        "the library's suites are all sound",
    ),
    row(
        "force_https",
        "force-https",
        Switch,
        Changed,
        "`http_redirect_addr`, a listener of its own",
    ),
    row(
        "reverse_proxy",
        "reverse-proxy",
        Switch,
        Changed,
        "believed are those in `external_auth.trusted_peers`, or `xff_num_trusted_hops` proxies",
    ),
    row("trusted_proxy_ips", "trusted-proxy-ip", Texts, Carried, "`external_auth.trusted_peers`"),
    row(
        "real_client_ip_header",
        "real-client-ip-header",
        Text,
        Changed,
        "always `X-Forwarded-For`, and in it the rightmost address that is not a trusted proxy",
    ),
    row(
        "trusted_ips",
        "trusted-ip",
        Texts,
        Changed,
        "a rule on `source_ip` in each policy; people there pass without signing in, so look again",
    ),
    row("proxy_prefix", "proxy-prefix", Text, Changed, "the paths begin with `/oauth2`, always"),
    row("ping_path", "ping-path", Text, Changed, "`/ping`, always"),
    row(
        "ping_user_agent",
        "ping-user-agent",
        Text,
        Dropped,
        "no header opens a path: health is `/ping`, and `health_check_addr`",
    ),
    row("ready_path", "ready-path", Text, Changed, "`/ready`, always"),
    row("gcp_healthchecks", "gcp-healthchecks", Switch, Dropped, "let the balancer ask `/ping`"),
    row("metrics_address", "metrics-address", Text, Dropped, METRICS),
    row("metrics_secure_address", "metrics-secure-address", Text, Dropped, METRICS),
    row("metrics_tls_cert_file", "metrics-tls-cert-file", Text, Dropped, METRICS),
    row("metrics_tls_key_file", "metrics-tls-key-file", Text, Dropped, METRICS),
    row(
        "allow_query_semicolons",
        "allow-query-semicolons",
        Switch,
        Changed,
        "the query is never touched",
    ),
    // Who may pass.
    row("email_domains", "email-domain", Texts, Carried, "`allowed_domains` of each route"),
    row(
        "authenticated_emails_file",
        "authenticated-emails-file",
        Text,
        Carried,
        "`allowed_users` of each route, as the file is now",
    ),
    row(
        "allowed_groups",
        "allowed-group",
        Texts,
        Changed,
        "`groups` in each policy; Apple has none, so they come from `groups_file`",
    ),
    row(
        "allowed_roles",
        "allowed-role",
        Texts,
        Dropped,
        "Apple has no roles; nobody is let in on account of one",
    ),
    row(
        "whitelist_domains",
        "whitelist-domain",
        Texts,
        Changed,
        "people return to hosts of routes and to no others; behind another proxy each is a route",
    ),
    row(
        "skip_auth_routes",
        "skip-auth-route",
        Texts,
        Carried,
        "public routes, in front of the others; they see the path in its one normal form",
    ),
    row("skip_auth_regex", "skip-auth-regex", Texts, Carried, "as `skip_auth_routes`"),
    row(
        "skip_auth_preflight",
        "skip-auth-preflight",
        Switch,
        Carried,
        "`cors_allow_preflight`, for true preflights only",
    ),
    row(
        "api_routes",
        "api-route",
        Texts,
        Changed,
        "needs no list: every request that is not a page load gets 401",
    ),
    row("force_json_errors", "force-json-errors", Switch, Changed, "who prefers JSON gets JSON"),
    row(
        "skip_jwt_bearer_tokens",
        "skip-jwt-bearer-tokens",
        Switch,
        Dropped,
        "a session comes from the cookie alone",
    ),
    row(
        "extra_jwt_issuers",
        "extra-jwt-issuers",
        Texts,
        Dropped,
        "a session comes from the cookie alone",
    ),
    row(
        "bearer_token_login_fallback",
        "bearer-token-login-fallback",
        Switch,
        Dropped,
        "a bearer token is the application's own and is passed on",
    ),
    row("htpasswd_file", "htpasswd-file", Text, Dropped, PASSWORDS),
    row("htpasswd_user_groups", "htpasswd-user-group", Texts, Dropped, PASSWORDS),
    row("display_htpasswd_form", "display-htpasswd-form", Switch, Dropped, PASSWORDS),
    // Cookies and sessions.
    row(
        "cookie_name",
        "cookie-name",
        Text,
        Changed,
        "`cookie_name`; `__Host-` goes in front unless `cookie_domain` is set",
    ),
    secret(
        "cookie_secret",
        "cookie-secret",
        Changed,
        "Russet makes its own and keeps it in `state_dir`; everybody signs in once more",
    ),
    row(
        "cookie_secret_file",
        "cookie-secret-file",
        Text,
        Changed,
        "Russet makes its own and keeps it in `state_dir`; everybody signs in once more",
    ),
    row(
        "cookie_domains",
        "cookie-domain",
        Texts,
        Carried,
        "`cookie_domain`; leave it out, and each host has a safer cookie of its own",
    ),
    row("cookie_path", "cookie-path", Text, Dropped, "`/`, as `__Host-` demands"),
    row("cookie_expire", "cookie-expire", Text, Carried, "`cookie_expire`, from the sign-in on"),
    row(
        "cookie_refresh",
        "cookie-refresh",
        Text,
        Dropped,
        "a session lives for `cookie_expire` and is not extended",
    ),
    row("cookie_secure", "cookie-secure", Switch, Changed, "cookies are always `Secure`"),
    row("cookie_httponly", "cookie-httponly", Switch, Carried, "`cookie_http_only`"),
    row("cookie_samesite", "cookie-samesite", Text, Carried, "`cookie_same_site`"),
    row("cookie_csrf_per_request", "cookie-csrf-per-request", Switch, Changed, CSRF),
    row("cookie_csrf_per_request_limit", "cookie-csrf-per-request-limit", Text, Changed, CSRF),
    row("cookie_csrf_expire", "cookie-csrf-expire", Text, Changed, CSRF),
    row("cookie_csrf_samesite", "cookie-csrf-samesite", Text, Changed, CSRF),
    row("session_store_type", "session-store-type", Text, Changed, REDIS),
    row(
        "session_cookie_minimal",
        "session-cookie-minimal",
        Switch,
        Changed,
        "a session holds claims and no token of Apple's",
    ),
    secret("redis_connection_url", "redis-connection-url", Dropped, REDIS),
    secret("redis_username", "redis-username", Dropped, REDIS),
    secret("redis_password", "redis-password", Dropped, REDIS),
    secret("redis_sentinel_password", "redis-sentinel-password", Dropped, REDIS),
    row("redis_use_sentinel", "redis-use-sentinel", Switch, Dropped, REDIS),
    row("redis_sentinel_master_name", "redis-sentinel-master-name", Text, Dropped, REDIS),
    Row {
        secret: true,
        ..row(
            "redis_sentinel_connection_urls",
            "redis-sentinel-connection-urls",
            Texts,
            Dropped,
            REDIS,
        )
    },
    row("redis_use_cluster", "redis-use-cluster", Switch, Dropped, REDIS),
    Row {
        secret: true,
        ..row(
            "redis_cluster_connection_urls",
            "redis-cluster-connection-urls",
            Texts,
            Dropped,
            REDIS,
        )
    },
    row("redis_ca_path", "redis-ca-path", Text, Dropped, REDIS),
    row("redis_insecure_skip_tls_verify", "redis-insecure-skip-tls-verify", Switch, Dropped, REDIS),
    row("redis_connection_idle_timeout", "redis-connection-idle-timeout", Text, Dropped, REDIS),
    // The provider.
    row("provider", "provider", Text, Changed, "Sign in with Apple, always"),
    row("provider_display_name", "provider-display-name", Text, Dropped, PAGES),
    row("client_id", "client-id", Text, Carried, "`idp_client_id`: with Apple the Services ID"),
    secret(
        "client_secret",
        "client-secret",
        Changed,
        "not copied: give Russet the .p8 key (`idp_private_key_file`), which never expires",
    ),
    row(
        "client_secret_file",
        "client-secret-file",
        Text,
        Changed,
        "`idp_client_secret_file`; the .p8 key (`idp_private_key_file`) is better, as it never expires",
    ),
    row(
        "redirect_url",
        "redirect-url",
        Text,
        Carried,
        "`authenticate_service_url` and `authenticate_callback_path`",
    ),
    row(
        "relative_redirect_url",
        "relative-redirect-url",
        Switch,
        Dropped,
        "the return URL is one, and registered with Apple",
    ),
    row("oidc_issuer_url", "oidc-issuer-url", Text, Changed, PINNED),
    row("skip_oidc_discovery", "skip-oidc-discovery", Switch, Changed, PINNED),
    row("login_url", "login-url", Text, Dropped, PINNED),
    row("redeem_url", "redeem-url", Text, Dropped, PINNED),
    row("profile_url", "profile-url", Text, Dropped, PINNED),
    row(
        "skip_claims_from_profile_url",
        "skip-claims-from-profile-url",
        Switch,
        Changed,
        "all claims are the id_token's",
    ),
    row("validate_url", "validate-url", Text, Dropped, PINNED),
    row("oidc_jwks_url", "oidc-jwks-url", Text, Dropped, PINNED),
    row("oidc_public_key_files", "oidc-public-key-file", Texts, Dropped, PINNED),
    row("oidc_email_claim", "oidc-email-claim", Text, Dropped, "the address is Apple's `email`"),
    row(
        "oidc_groups_claim",
        "oidc-groups-claim",
        Text,
        Dropped,
        "Apple has no groups; see `groups_file`",
    ),
    row("oidc_roles_claim", "oidc-roles-claim", Text, Dropped, "Apple has no roles"),
    row("oidc_audience_claims", "oidc-audience-claim", Texts, Dropped, PINNED),
    row("oidc_extra_audiences", "oidc-extra-audience", Texts, Dropped, PINNED),
    row("user_id_claim", "user-id-claim", Text, Dropped, "a person is Apple's `sub`"),
    row(
        "additional_claims",
        "additional-claims",
        Texts,
        Changed,
        "a session holds every claim of the id_token",
    ),
    row(
        "insecure_oidc_allow_unverified_email",
        "insecure-oidc-allow-unverified-email",
        Switch,
        Dropped,
        "an address counts where Apple has verified it",
    ),
    row(
        "insecure_oidc_skip_issuer_verification",
        "insecure-oidc-skip-issuer-verification",
        Switch,
        Dropped,
        PINNED,
    ),
    row(
        "insecure_oidc_skip_nonce",
        "insecure-oidc-skip-nonce",
        Switch,
        Changed,
        "the nonce is always checked",
    ),
    row("ssl_insecure_skip_verify", "ssl-insecure-skip-verify", Switch, Dropped, PINNED),
    row(
        "provider_ca_files",
        "provider-ca-file",
        Texts,
        Changed,
        "`certificate_authority_file` where it is one; Apple's certificates need none",
    ),
    row(
        "use_system_trust_store",
        "use-system-trust-store",
        Switch,
        Changed,
        "the system's authorities are always trusted",
    ),
    row("scope", "scope", Text, Carried, "`idp_scopes`"),
    row("prompt", "prompt", Text, Dropped, "Apple has no such parameter"),
    row("approval_prompt", "approval-prompt", Text, Dropped, "Apple has no such parameter"),
    row("acr_values", "acr-values", Text, Dropped, "Apple has no such parameter"),
    row("resource", "resource", Text, Dropped, "Apple has no such parameter"),
    row(
        "code_challenge_method",
        "code-challenge-method",
        Text,
        Dropped,
        "Apple's authorize page takes no such parameter; state, nonce and cookie bind a sign-in",
    ),
    row(
        "force_code_challenge_method",
        "force-code-challenge-method",
        Text,
        Dropped,
        "Apple's authorize page takes no such parameter; state, nonce and cookie bind a sign-in",
    ),
    row(
        "auth_request_response_mode",
        "auth-request-response-mode",
        Text,
        Changed,
        "`form_post`, always: Apple demands it",
    ),
    row(
        "encode_state",
        "encode-state",
        Switch,
        Changed,
        "the state is random; where people go is sealed into a cookie",
    ),
    row("allowed_github_orgs", "allowed-github-org", Texts, Dropped, OTHER_PROVIDER),
    row("github_org", "github-org", Text, Dropped, OTHER_PROVIDER),
    row("github_team", "github-team", Text, Dropped, OTHER_PROVIDER),
    row("github_repo", "github-repo", Text, Dropped, OTHER_PROVIDER),
    secret("github_token", "github-token", Dropped, OTHER_PROVIDER),
    row("github_users", "github-user", Texts, Dropped, OTHER_PROVIDER),
    row("gitlab_groups", "gitlab-group", Texts, Dropped, OTHER_PROVIDER),
    row("gitlab_projects", "gitlab-project", Texts, Dropped, OTHER_PROVIDER),
    row("google_admin_email", "google-admin-email", Text, Dropped, OTHER_PROVIDER),
    row("google_groups", "google-group", Texts, Dropped, OTHER_PROVIDER),
    row(
        "google_service_account_json",
        "google-service-account-json",
        Text,
        Dropped,
        OTHER_PROVIDER,
    ),
    row(
        "google_use_application_default_credentials",
        "google-use-application-default-credentials",
        Switch,
        Dropped,
        OTHER_PROVIDER,
    ),
    row("google_target_principal", "google-target-principal", Text, Dropped, OTHER_PROVIDER),
    row(
        "google_use_organization_id",
        "google-use-organization-id",
        Switch,
        Dropped,
        OTHER_PROVIDER,
    ),
    row(
        "google_admin_api_user_scope",
        "google-admin-api-user-scope",
        Text,
        Dropped,
        OTHER_PROVIDER,
    ),
    row("azure_tenant", "azure-tenant", Text, Dropped, OTHER_PROVIDER),
    row("azure_graph_group_field", "azure-graph-group-field", Text, Dropped, OTHER_PROVIDER),
    row("entra_id_allowed_tenants", "entra-id-allowed-tenant", Texts, Dropped, OTHER_PROVIDER),
    row(
        "entra_id_federated_token_auth",
        "entra-id-federated-token-auth",
        Switch,
        Dropped,
        OTHER_PROVIDER,
    ),
    row("bitbucket_team", "bitbucket-team", Text, Dropped, OTHER_PROVIDER),
    row("bitbucket_repository", "bitbucket-repository", Text, Dropped, OTHER_PROVIDER),
    row("keycloak_groups", "keycloak-group", Texts, Dropped, OTHER_PROVIDER),
    secret("jwt_key", "jwt-key", Dropped, OTHER_PROVIDER),
    row("jwt_key_file", "jwt-key-file", Text, Dropped, OTHER_PROVIDER),
    row("pubjwk_url", "pubjwk-url", Text, Dropped, OTHER_PROVIDER),
    // Applications and what they are told.
    row("upstreams", "upstream", Texts, Carried, "a route each, the longest path first"),
    row("pass_host_header", "pass-host-header", Switch, Carried, "`preserve_host_header`"),
    row(
        "proxy_websockets",
        "proxy-websockets",
        Switch,
        Changed,
        "WebSockets are let through as far as `allow_websockets` says",
    ),
    row("flush_interval", "flush-interval", Text, Changed, "answers stream as they come"),
    row("upstream_timeout", "upstream-timeout", Text, Carried, "`timeout` of each route"),
    row(
        "ssl_upstream_insecure_skip_verify",
        "ssl-upstream-insecure-skip-verify",
        Switch,
        Carried,
        "`tls_skip_verify`; better name the authority in `tls_custom_ca_file`",
    ),
    row(
        "disable_keep_alives",
        "disable-keep-alives",
        Switch,
        Dropped,
        "connections to applications are kept",
    ),
    row(
        "set_xauthrequest",
        "set-xauthrequest",
        Switch,
        Carried,
        "`pass_identity_headers`: without it the headers of `/oauth2/auth` are there, but empty",
    ),
    row(
        "pass_user_headers",
        "pass-user-headers",
        Switch,
        Carried,
        "`jwt_claims_headers` with `pass_identity_headers`",
    ),
    row(
        "pass_basic_auth",
        "pass-basic-auth",
        Switch,
        Changed,
        "the `X-Forwarded-*` half: `jwt_claims_headers`; no password is sent",
    ),
    secret(
        "basic_auth_password",
        "basic-auth-password",
        Dropped,
        "no password is sent; applications check `X-Pomerium-Jwt-Assertion`",
    ),
    row(
        "set_basic_auth",
        "set-basic-auth",
        Switch,
        Dropped,
        "no password is sent; applications check `X-Pomerium-Jwt-Assertion`",
    ),
    row(
        "prefer_email_to_user",
        "prefer-email-to-user",
        Switch,
        Carried,
        "`jwt_claims_headers: {X-Forwarded-User: email}`",
    ),
    row("pass_access_token", "pass-access-token", Switch, Dropped, TOKEN),
    row("pass_authorization_header", "pass-authorization-header", Switch, Dropped, TOKEN),
    row("set_authorization_header", "set-authorization-header", Switch, Dropped, TOKEN),
    row(
        "skip_auth_strip_headers",
        "skip-auth-strip-headers",
        Switch,
        Changed,
        "what a client says about itself is always removed",
    ),
    secret("signature_key", "signature-key", Dropped, TOKEN),
    row(
        "inject_request_headers",
        "inject-request-headers",
        Texts,
        Changed,
        "`jwt_claims_headers`, for headers of one claim without a prefix",
    ),
    row(
        "inject_response_headers",
        "inject-response-headers",
        Texts,
        Changed,
        "`/oauth2/auth` answers with the `X-Auth-Request-*` headers",
    ),
    row(
        "request_id_header",
        "request-id-header",
        Text,
        Changed,
        "`X-Request-Id`, always a new one",
    ),
    // What people see, and how they leave.
    row(
        "skip_provider_button",
        "skip-provider-button",
        Switch,
        Changed,
        "page loads go straight to Apple, always",
    ),
    row("backend_logout_url", "backend-logout-url", Text, Dropped, "Apple has no such address"),
    row("banner", "banner", Text, Dropped, PAGES),
    row("footer", "footer", Text, Dropped, PAGES),
    row("custom_templates_dir", "custom-templates-dir", Text, Dropped, PAGES),
    row("custom_sign_in_logo", "custom-sign-in-logo", Text, Dropped, PAGES),
    row(
        "show_debug_on_error",
        "show-debug-on-error",
        Switch,
        Dropped,
        "strangers are shown an id, and the log has the rest",
    ),
    // Logs.
    row("logging_filename", "logging-filename", Text, Dropped, LOG),
    row("logging_max_size", "logging-max-size", Text, Dropped, LOG),
    row("logging_max_age", "logging-max-age", Text, Dropped, LOG),
    row("logging_max_backups", "logging-max-backups", Text, Dropped, LOG),
    row("logging_local_time", "logging-local-time", Switch, Dropped, LOG),
    row("logging_compress", "logging-compress", Switch, Dropped, LOG),
    row("standard_logging", "standard-logging", Switch, Dropped, LOG),
    row("standard_logging_format", "standard-logging-format", Text, Dropped, LOG),
    row("request_logging", "request-logging", Switch, Dropped, LOG),
    row("request_logging_format", "request-logging-format", Text, Dropped, LOG),
    row("auth_logging", "auth-logging", Switch, Dropped, LOG),
    row("auth_logging_format", "auth-logging-format", Text, Dropped, LOG),
    row("silence_ping_logging", "silence-ping-logging", Switch, Dropped, LOG),
    row("exclude_logging_paths", "exclude-logging-path", Texts, Dropped, LOG),
    row("errors_to_info_log", "errors-to-info-log", Switch, Dropped, LOG),
    // How it is started.
    row("config", "config", Text, Changed, "give that file to this command too"),
    row("alpha_config", "alpha-config", Text, Changed, "give that file to this command too"),
    row("config_test", "config-test", Switch, Changed, "`russet check`"),
    row(
        "convert_config_to_alpha",
        "convert-config-to-alpha",
        Switch,
        Dropped,
        "of use there alone",
    ),
    row("version", "version", Switch, Dropped, "of use there alone"),
];

/// The row of an option by its name in the TOML file.
pub fn by_name(name: &str) -> Option<&'static Row> {
    // Both forms of a list's name stand in files: the flag's and the plural.
    ROWS.iter().find(|row| row.name == name).or_else(|| {
        ROWS.iter().find(|row| row.shape == Texts && row.flag.replace('-', "_") == name)
    })
}

/// The row of a flag, without its hyphens.
pub fn by_flag(flag: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.flag == flag)
}
