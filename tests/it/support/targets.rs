//! Paths that some reader takes for others, and the reading of a careless one.

/// Ways to write two dots, a slash and a word that some reader takes for just that.
const DOTS: [&str; 22] = [
    "..",
    "%2e%2e",
    "%2E.",
    ".%2e",
    "%252e%252e",
    "%25252e.",
    "..;",
    "..;x=1",
    "%2e%2e;",
    ";..",
    "..%00",
    "..%20",
    "...",
    "..%c0%af",
    "%c0%ae%c0%ae",
    "..%09",
    "%ef%bc%8e%ef%bc%8e",
    "..%5c",
    ".",
    "%2e",
    "..%3b",
    "..%23",
];
const SLASHES: [&str; 15] = [
    "/",
    "//",
    "%2f",
    "%2F",
    "\\",
    "%5c",
    "%5C",
    "/./",
    "%252f",
    "%c0%af",
    "/;/",
    "%ef%bc%8f",
    "/%2e/",
    "%255C",
    "",
];
const WORDS: [&str; 12] = [
    "admin",
    "%61dmin",
    "adm%69n",
    "admin/",
    "admin;x",
    "admin.",
    "admin%20",
    "admin%00",
    "admin?q",
    "admin%2f",
    "ad//min",
    "x/../admin",
];

/// Every spelling, each beginning behind the name of a place that is open: some hundreds.
pub fn spellings(open: &str) -> Vec<String> {
    let mut all = Vec::new();
    for slash in SLASHES {
        for dots in DOTS {
            all.push(format!("{open}{slash}{dots}{slash}admin"));
            all.push(format!("{open}{slash}{dots}/admin/x"));
        }
        for word in WORDS {
            all.push(format!("{open}/..{slash}{word}"));
            all.push(format!("{open}/x/..{slash}../{word}"));
            all.push(format!("{slash}{word}"));
        }
    }
    all.extend(DOTS.map(|dots| format!("{open}{dots}/admin")));
    all.extend(WORDS.map(|word| format!("/{word}")));
    all.sort();
    all.dedup();
    assert!(all.len() >= 100, "{}", all.len());
    all
}

/// What a careless reader makes of a path that reached it: escapes decoded once, and those of
/// dots, slashes and backslashes as often as there are any; parameters cut; dots resolved.
pub fn as_read(target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap();
    let mut path = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
    loop {
        let mut deeper = path.replace("%25", "%");
        for (escape, character) in [("%2e", "."), ("%2f", "/"), ("%5c", "\\")] {
            deeper = deeper.replace(escape, character).replace(&escape.to_uppercase(), character);
        }
        if deeper == path {
            break;
        }
        path = deeper;
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split(['/', '\\']) {
        match segment.split([';', '\0']).next().unwrap().trim() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

#[test]
fn the_oracle_reads_as_careless_servers_do() {
    for (target, read) in [
        ("/public/%2e%2e/admin", "/admin"),
        ("/public/..;x/admin?q", "/admin"),
        ("/public%252f%252e%252e%255cadmin", "/admin"),
        ("/public/./x//y", "/public/x/y"),
    ] {
        assert_eq!(as_read(target), read);
    }
}
