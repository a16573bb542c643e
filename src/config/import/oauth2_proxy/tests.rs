use std::fs;
use std::path::PathBuf;

use super::*;
use crate::base::time::Timestamp;
use crate::config;

const SEPARATOR: &str = "\n==== becomes\n";
const REPORT: &str = "\n==== report\n";

/// Each case is a file of oauth2-proxy's (`==== and NAME` begins another, `==== arguments` words on
/// the command line), what it becomes, and the report. `UPDATE=1` rewrites them.
#[test]
fn cases() {
    let mut paths: Vec<PathBuf> = fs::read_dir("tests/cases/import/oauth2_proxy")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 6);
    for path in paths {
        let case = fs::read_to_string(&path).unwrap();
        let input = case.split(SEPARATOR).next().unwrap().trim_end_matches('\n');
        let (inputs, arguments) = parts(input, path.file_stem().unwrap().to_str().unwrap());
        let made = translate(&inputs, &arguments, &|name| {
            (name == "/etc/emails.txt")
                .then(|| "# people\nAnna@Example.com\nbo@example.com,x\n\n".into())
        });
        let loaded = load(&made.configuration);
        let verdict = match loaded.settings.is_some() {
            true => "accepted, once Apple's keys are there\n".to_owned(),
            false => errors(&loaded),
        };
        let case =
            format!("{input}\n{SEPARATOR}{}\n{verdict}{REPORT}{}", made.configuration, made.report);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &case).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap();
        assert!(
            found == case,
            "{}: run `UPDATE=1 cargo test --lib import::`\n{case}",
            path.display()
        );
        for secret in ["hunter2", "0123456789abcdef"] {
            assert!(!made.report.contains(secret) && !made.configuration.contains(secret));
        }
    }
}

fn parts(input: &str, name: &str) -> (Vec<Input>, Vec<String>) {
    let (input, arguments) = input.split_once("==== arguments\n").unwrap_or((input, ""));
    let mut inputs = Vec::new();
    let mut name = name.to_owned();
    let mut text = String::new();
    for line in input.lines() {
        if let Some(next) = line.strip_prefix("==== and ") {
            inputs.push(Input {
                name: std::mem::replace(&mut name, next.to_owned()),
                text: std::mem::take(&mut text),
            });
        } else {
            text += &format!("{line}\n");
        }
    }
    inputs.push(Input { name, text });
    (inputs, arguments.split_whitespace().map(str::to_owned).collect())
}

/// With what only the operator can give.
fn load(configuration: &str) -> config::Loaded {
    let example = fs::read_to_string("config.example.yaml").unwrap();
    let from = example.find("idp_private_key: |").unwrap();
    let end = "-----END PRIVATE KEY-----\n";
    let to = from + example.get(from..).unwrap().find(end).unwrap() + end.len();
    let key = example.get(from..to).unwrap();
    let lines: String = configuration
        .lines()
        .filter(|line| !line.starts_with("idp_client_secret_file"))
        .map(|line| line.replace("/etc/russet/groups.yaml", "tests/cases/import/groups.yaml"))
        .map(|line| format!("{line}\n"))
        .collect();
    let client =
        if lines.contains("\nidp_client_id") { "" } else { "idp_client_id: com.example.web\n" };
    let text = format!("{client}idp_team_id: DEF123GHIJ\nidp_key_id: ABC123DEFG\n{key}{lines}");
    config::load_text("russet.yaml", &text, &|_| None, Timestamp(1_790_000_000))
}

/// The headlines of what is wrong.
fn errors(loaded: &config::Loaded) -> String {
    let told = loaded.render();
    told.lines().filter(|line| line.contains(": error[")).map(|line| format!("{line}\n")).collect()
}

fn one(text: &str) -> Translation {
    translate(&[Input { name: "oauth2-proxy.cfg".into(), text: text.into() }], &[], &|_| None)
}

#[test]
fn no_option_stands_in_the_table_twice() {
    let mut names: Vec<&str> = table::ROWS.iter().map(|row| row.name).collect();
    let mut flags: Vec<&str> = table::ROWS.iter().map(|row| row.flag).collect();
    for list in [&mut names, &mut flags] {
        list.sort_unstable();
        let all = list.len();
        list.dedup();
        assert_eq!(list.len(), all);
    }
}

#[test]
fn every_option_is_read_in_each_of_its_ways_and_told_once() {
    for row in table::ROWS {
        let toml = match row.shape {
            table::Shape::Switch => format!("{} = true\n", row.name),
            table::Shape::Text => format!("{} = \"x\"\n", row.name),
            table::Shape::Texts => format!("{} = [\"x\"]\n", row.name),
        };
        for text in [toml, format!("--{}=x\n", row.flag), format!("{}=x\n", row.variable())] {
            let made = one(&text);
            assert_eq!((made.unknown, made.broken), (0, 0), "{text}{}", made.report);
            let lines =
                made.report.lines().filter(|line| line.contains(&format!(": {}: ", row.name)));
            assert!(lines.count() >= 1, "{text}{}", made.report);
        }
    }
}

#[test]
fn secrets_are_neither_copied_nor_shown() {
    for row in table::ROWS.iter().filter(|row| row.secret) {
        let made = one(&format!("{} = \"hunter2\"\n", row.name));
        assert!(!made.report.contains("hunter2"), "{}", made.report);
        assert!(!made.configuration.contains("hunter2"), "{}", made.configuration);
    }
    // A line that is no TOML may hold a secret too.
    let made = one("cookie_secret = \"hunter2\nx = 1\n");
    assert_eq!(made.broken, 1);
    assert!(!made.report.contains("hunter2"), "{}", made.report);
}

/// What cannot be translated closes: never is somebody let in who was not.
#[test]
fn what_cannot_be_translated_lets_nobody_in() {
    let closed = "deny: {or: [{accept: true}]}";
    assert!(one("client_id = \"a\"\n").configuration.contains(closed));
    let made = one("authenticated_emails_file = \"/gone\"\n");
    assert!(made.configuration.contains(closed), "{}", made.configuration);
    let made = one("email_domains = [\"*\"]\nallowed_groups = [\"admins\"]\n");
    assert!(made.configuration.contains("{groups: {has: admins}}"), "{}", made.configuration);
    assert!(!made.configuration.contains("allow_any"), "{}", made.configuration);
    let made = one(
        "email_domains = [\"a.b\"]\nskip_auth_routes = [\"GET=^/(\"]\nupstreams = [\"http://x/\"]",
    );
    assert!(!made.configuration.contains("public"), "{}", made.configuration);
    // A pattern that may open a part of an application which has paths of its own.
    let made = one(
        "email_domains = [\"a.b\"]\nskip_auth_routes = [\"css$\"]\nupstreams = [\"http://x/api/\"]",
    );
    assert!(!made.configuration.contains("public"), "{}", made.configuration);
    assert!(made.report.contains("stays closed"), "{}", made.report);
}

#[test]
fn a51_4_a_public_pattern_sees_the_path_as_oauth2_proxy_does() {
    for (written, becomes) in [
        ("^/health$", "/health"),
        ("^/public/", "/public/.*"),
        ("/public", ".*/public.*"),
        ("^/a|^/b", ".*(?:^/a|^/b).*"),
        ("^/a\\\\.css$", "/a\\\\.css"),
    ] {
        let made =
            one(&format!("skip_auth_routes = [\"{written}\"]\nupstreams = [\"http://x/\"]\n"));
        let line = made.configuration.lines().find(|line| line.contains("regex:")).unwrap();
        assert_eq!(line.trim().trim_start_matches("regex: ").trim_matches('"'), becomes);
    }
}
