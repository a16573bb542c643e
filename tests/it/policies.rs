//! The policy commands as programs: what they need, what they print, how they end.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

const RUSSET: &str = env!("CARGO_BIN_EXE_russet");

/// A configuration of production: every file that it names is missing.
const MISSING: &str = "\
idp_client_id: com.example.wiki
idp_team_id: DEF123GHIJ
idp_key_id: ABC123DEFG
idp_private_key_file: /nowhere/AuthKey_ABC123DEFG.p8
authenticate_service_url: https://auth.example.com
shared_secret_file: /nowhere/shared
cookie_secret_file: /nowhere/cookie
signing_key_file: /nowhere/signing.pem
certificate_file: /nowhere/tls.pem
certificate_key_file: /nowhere/tls.key
certificate_authority_file: /nowhere/ca.pem
state_dir: /nowhere/state
groups_file: /nowhere/groups.yaml
routes:
  - name: wiki
    from: https://wiki.example.com
    to: https://wiki.internal.example.com
    tls_custom_ca_file: /nowhere/internal.pem
    allowed_domains: [corp.example]
";

const TESTS: &str = "\
tests:
  - name: ann reads
    identity: { sub: '001', email: ann@corp.example, email_verified: true }
    request: https://wiki.example.com/
    expect: allow
  - name: strangers sign in
    request: https://wiki.example.com/
    expect: { sign_in: , status: 302 }
";

struct Folder {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Folder {
    /// A folder that anybody may read, with these files and the program.
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let program = folder.path().join("russet");
        fs::hard_link(RUSSET, &program)
            .or_else(|_| fs::copy(RUSSET, &program).map(|_| ()))
            .unwrap();
        Self { folder, program }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it here with an empty environment.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// Runs it as nobody and without network, as far as this user may arrange that.
    fn run_bare(&self, arguments: &[&str]) -> Output {
        const WRAPS: [&[&str]; 2] =
            [&["unshare", "-n"], &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]];
        let works = |wrap: &&[&str]| {
            let mut trial = Command::new(wrap[0]);
            let tried = trial.args(&wrap[1..]).arg("true").stderr(Stdio::null()).status();
            tried.is_ok_and(|status| status.success())
        };
        let mut line: Vec<&str> =
            WRAPS.iter().filter(|wrap| works(wrap)).copied().flatten().copied().collect();
        line.push(self.program.to_str().unwrap());
        line.extend(arguments);
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var("PATH").unwrap()).stdin(Stdio::null());
        command.output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn policies_are_tried_as_nobody_without_network_and_with_every_named_file_missing() {
    let folder = Folder::with(&[("config.yaml", MISSING), ("tests.yaml", TESTS)]);
    let ran = folder.run_bare(&["policy", "test", "--config", "config.yaml", "tests.yaml"]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    assert!(text(&ran.stdout).starts_with("2 tests: 2 passed in "), "{}", text(&ran.stdout));
    let url = "https://wiki.example.com/";
    let claims = r#"{"sub": "002"}"#;
    let ran =
        folder.run_bare(&["policy", "explain", url, "--config", "config.yaml", "--claims", claims]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(told["route"], "wiki");
    assert_eq!((&told["outcome"], &told["status"]), (&"deny".into(), &403.into()));
    assert_eq!(told["missing"], serde_json::json!(["email"]));
    assert_eq!(told["reasons"], serde_json::json!(["domain-unauthorized"]));
    assert!(told["tree"].is_object());
}

#[test]
fn exit_codes_say_what_kind_of_trouble_it_is() {
    let folder = Folder::with(&[
        ("config.yaml", MISSING),
        ("broken.yaml", "routes: {}\n"),
        ("tests.yaml", TESTS),
        ("failing.yaml", &TESTS.replace("expect: allow", "expect: deny")),
        ("wrong.yaml", "tests: 1\n"),
        ("people.yaml", "identities: {ann: {sub: a}}\n"),
    ]);
    for (arguments, code) in [
        (&["test", "--config", "config.yaml", "tests.yaml"][..], 0),
        (&["test", "--config", "config.yaml", "failing.yaml"], 4),
        (&["test", "--config", "config.yaml", "tests.yaml", "failing.yaml", "--format", "tap"], 4),
        (&["test", "--config", "config.yaml", "wrong.yaml"], 3),
        (&["test", "--config", "config.yaml", "nowhere.yaml"], 3),
        (&["test", "--config", "config.yaml", "people.yaml"], 3),
        (&["test", "--config", "broken.yaml", "tests.yaml"], 3),
        (&["test", "--config", "nowhere.yaml", "tests.yaml"], 3),
        (&["test", "--config", "config.yaml"], 2),
        (&["test", "--config", "config.yaml", "tests.yaml", "--filter", "zzz"], 2),
        (&["test", "--config", "config.yaml", "--init", "tests.yaml"], 1),
        (&["explain", "--config", "config.yaml"], 2),
        (&["explain", "http://wiki.example.com/", "--config", "config.yaml"], 2),
        (&["explain", "https://wiki.example.com/", "--config", "config.yaml", "--claims", "{}"], 2),
        (&["explain", "https://other.example.com/", "--config", "config.yaml"], 0),
        (&["explain", "--id", "7KQ2-M9TD", "--config", "config.yaml"], 2),
        (&["explain", "--id", "7KQ2-M9TD", "--log", "nowhere", "--config", "config.yaml"], 1),
    ] {
        let ran = folder.run(&[&["policy"], arguments].concat());
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(code), "{arguments:?}: {said}");
    }
    assert_eq!(fs::read_to_string(folder.path("tests.yaml")).unwrap(), TESTS);
}

#[test]
fn machine_readable_reports_stand_alone_on_standard_output() {
    let folder = Folder::with(&[("config.yaml", MISSING), ("tests.yaml", TESTS)]);
    let report = |format: &str| {
        let line = ["policy", "test", "--config", "config.yaml", "tests.yaml", "--format", format];
        text(&folder.run(&line).stdout)
    };
    let json: Value = serde_json::from_str(&report("json")).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&2.into(), &0.into()));
    assert!(report("tap").starts_with("TAP version 14\n1..2\n"));
    assert!(report("junit").starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
}

#[test]
fn what_init_writes_passes_at_once() {
    let config = Path::new("config.example.yaml");
    let folder = Folder::with(&[("config.yaml", &fs::read_to_string(config).unwrap())]);
    let ran = folder.run(&["policy", "test", "--init", "--config", "config.yaml"]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let ran = folder.run(&["policy", "test", "--config", "config.yaml", "policy-tests.yaml"]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stdout));
}

#[test]
fn a_curl_line_is_read_from_standard_input_and_its_cookie_is_never_shown() {
    let folder = Folder::with(&[("config.yaml", MISSING)]);
    let line = "curl 'https://wiki.example.com/' -X DELETE -H 'cookie: hunter2' -b hunter2";
    let mut command = Command::new(&folder.program);
    command.args(["policy", "explain", "--curl", line, "--config"]).arg(folder.path("config.yaml"));
    let ran = command.args(["--format", "human"]).env_clear().output().unwrap();
    let (out, error) = (text(&ran.stdout), text(&ran.stderr));
    assert!(out.starts_with("DELETE https://wiki.example.com/\nas nobody\n"), "{out}{error}");
    assert!(out.contains("sign_in, 401"), "{out}");
    assert!(!out.contains("hunter2") && !error.contains("hunter2"), "{out}{error}");
    assert!(error.contains("--claims"), "{error}");
}

#[test]
fn watch_runs_again_when_a_file_is_saved_and_ends_with_an_interrupt() {
    let folder = Folder::with(&[("config.yaml", MISSING), ("tests.yaml", TESTS)]);
    let mut command = Command::new(&folder.program);
    command.args(["policy", "test", "--watch", "--config", "config.yaml", "tests.yaml"]);
    command.current_dir(folder.folder.path()).env_clear().stderr(Stdio::null());
    let mut running = command.stdout(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(running.stdout.take().unwrap());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || out.lines().try_for_each(|line| tell.send(line.unwrap())));
    let wait_for = |start: &str| loop {
        let line = told.recv_timeout(Duration::from_secs(20)).unwrap();
        if line.starts_with(start) {
            break;
        }
    };
    wait_for("2 tests: 2 passed");
    wait_for("Waiting");
    fs::write(folder.path("tests.yaml"), TESTS.replace("expect: allow", "expect: deny")).unwrap();
    wait_for("2 tests: 1 passed, 1 failed");
    wait_for("Waiting");
    let config = MISSING.replace("corp.example", "other.example");
    fs::write(folder.path("config.yaml"), config).unwrap();
    wait_for("2 tests: 2 passed");
    wait_for("Waiting");
    let id = running.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(running.wait().unwrap().code(), Some(0));
}

/// A line of a decision log about somebody whose address is kept as its domain alone.
const HASHED: &str = concat!(
    r#"{"timestamp":"2026-11-20T09:00:00.120Z","msg":"authorize check","id":"7KQ2-M9TD","#,
    r#""method":"GET","host":"wiki.example.com","path":"/","ip":"192.0.2.7","page-load":true,"#,
    r#""user":"001","email-hash":"ab","email-domain":"corp.example","left-out":["email"],"#,
    r#""id-token-claims":{"email_verified":true},"issued-at":1795164000,"route-id":"wiki","#,
    r#""outcome":"allow","reasons":["email-ok"],"status":200}"#,
    "\n",
    r#"{"timestamp":"2026-11-20T09:00:01.120Z","msg":"authorize check","id":"04HM-ASW9","#,
    r#""method":"GET","host":"wiki.example.com","path":"/","ip":"192.0.2.7","page-load":false,"#,
    r#""route-id":"wiki","outcome":"sign_in","reasons":["user-unauthenticated"],"status":401}"#,
    "\n",
    r#"{"timestamp":"2026-11-20T09:00:02.120Z","msg":"authorize check","id":"X1B7-0QRE","#,
    r#""method":"GET","host":"other.example.com","path":"/","ip":"192.0.2.7","page-load":true,"#,
    r#""outcome":"no_route","reasons":["unknown-host"],"status":404}"#,
    "\n",
);

#[test]
fn what_a_log_did_not_keep_is_not_guessed_when_a_past_decision_is_explained() {
    let route = |policy: &str| {
        format!(
            "routes:\n  - name: wiki\n    from: https://wiki.example.com\n    to: http://127.0.0.1:1\n    \
             policy: {{allow: {{or: [{policy}]}}}}\n"
        )
    };
    let folder = Folder::with(&[
        ("address.yaml", &route("{email: ann@corp.example}")),
        ("domain.yaml", &route("{domain: corp.example}")),
        ("decisions.log", HASHED),
    ]);
    let explained = |config: &str, id: &str, format: &str| {
        text(
            &folder
                .run(&[
                    "policy",
                    "explain",
                    "--config",
                    config,
                    "--log",
                    "decisions.log",
                    "--id",
                    id,
                    "--format",
                    format,
                ])
                .stdout,
        )
    };
    let said = explained("address.yaml", "7KQ2-M9TD", "human");
    assert!(said.contains("unknown: the log did not keep what `email` reads"), "{said}");
    assert!(said.ends_with("The answer was allow.\n") && !said.contains("-@"), "{said}");
    let value: Value =
        serde_json::from_str(&explained("address.yaml", "7KQ2-M9TD", "json")).unwrap();
    assert_eq!((&value["outcome"], &value["not_recorded"]), (&"unknown".into(), &"email".into()));
    assert!(value["status"].is_null());
    let said = explained("domain.yaml", "7KQ2-M9TD", "human");
    assert!(said.contains("saw an address at \"corp.example\""), "{said}");
    assert!(said.ends_with("allow, 200: domain-ok\n"), "{said}");
    // As it was then: a script gets 401, and no route is not a change of the policies.
    let said = explained("domain.yaml", "04HM-ASW9", "human");
    assert!(said.ends_with("sign_in, 401: user-unauthenticated\n"), "{said}");
    let said = explained("domain.yaml", "X1B7-0QRE", "human");
    assert!(said.ends_with("no_route, 404: unknown-host\n"), "{said}");
}
