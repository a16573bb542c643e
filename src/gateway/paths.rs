//! The paths that are Russet's own: the endpoints, the configuration's checks, the snippets for
//! other proxies and the policy tools all ask here.

/// The tree of endpoints, under the name that Pomerium's users know.
pub const POMERIUM: &str = "/.pomerium";
/// The same tree under Russet's own name.
pub const RUSSET: &str = "/.russet";
/// What applications need to check assertions.
pub const WELL_KNOWN: &str = "/.well-known/pomerium";
/// Answered on any host, configured or not.
pub const PING: &str = "/ping";
/// The same for health checks.
pub const HEALTHZ: &str = "/healthz";

/// What begins like one of these is Russet's on every configured host: raw text, as in Pomerium, so
/// that `/.pomerium-x` is too.
pub const TREES: [&str; 3] = [POMERIUM, RUSSET, WELL_KNOWN];

/// Russet's on any host, as a whole path.
pub const ON_ANY_HOST: [&str; 2] = [PING, HEALTHZ];

/// Where other proxies ask, on every host. Matched against the target as it was sent: what follows
/// it may be somebody else's path, which must not lead out of here (T25).
pub const EXTERNAL_AUTH: &str = "/.russet/auth";

/// The tree of oauth2-proxy, where `oauth2_proxy_compat` is on.
pub const OAUTH2: &str = "/oauth2";
/// oauth2-proxy's question.
pub const OAUTH2_AUTH: &str = "/oauth2/auth";
/// oauth2-proxy's files, of which Russet has none.
pub const OAUTH2_STATIC: &str = "/oauth2/static";
/// oauth2-proxy's pages for browsers. Not its question, which is for the proxy in front alone, and
/// not the callback, which is on the authenticate host alone.
pub const OAUTH2_PAGES: [&str; 4] =
    ["/oauth2/start", "/oauth2/sign_in", "/oauth2/sign_out", "/oauth2/userinfo"];

/// Whether a path is Russet's on every configured host, so that no application ever gets it.
pub fn is_in_own_tree(path: &str) -> bool {
    TREES.iter().any(|tree| path.starts_with(tree))
}

/// Whether a path of a route's host is Russet's whatever the configuration says, so that no policy
/// is asked about it.
pub fn is_reserved(path: &str) -> bool {
    ON_ANY_HOST.contains(&path) || is_in_own_tree(path)
}

/// Whether a path is one of `trees` or below it, at whole segments.
pub fn is_below(path: &str, trees: &[&str]) -> bool {
    let inside = |tree: &&str| {
        path.strip_prefix(*tree).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    trees.iter().any(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t25_own_paths_are_raw_text_and_trees_are_whole_segments() {
        for path in ["/.pomerium", "/.pomerium/x", "/.pomeriumx", "/.russet/auth/nginx", "/ping"] {
            assert!(is_reserved(path), "{path}");
        }
        for path in ["/", "/x", "/pingx", "/.well-known/x", "/x/.pomerium", "/oauth2/start"] {
            assert!(!is_reserved(path), "{path}");
        }
        assert!(is_below("/oauth2", &[OAUTH2]) && is_below("/oauth2/x", &[OAUTH2]));
        assert!(!is_below("/oauth2x", &[OAUTH2]));
    }
}
