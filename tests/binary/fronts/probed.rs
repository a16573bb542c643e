//! What `russet check --for nginx` prints for a configuration that is not an example, in a real nginx, and
//! `russet check --probe` through it, as an operator runs both.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::recorder::Recorder;
use crate::house::{
    CLIENT_ID, KEY_ID, Process, TEAM_ID, binary, certificates, free_port, run, scratch, wait_for,
};

/// nginx and Russet, on ports of their own.
struct Wired {
    folder: tempfile::TempDir,
    front: u16,
    _nginx: Process,
    _russet: Process,
}

impl Wired {
    /// `change` does something to what was printed.
    fn start(app: &Recorder, change: impl Fn(String) -> String) -> Self {
        let folder = scratch();
        let (front, russet) = (free_port(), free_port());
        certificates(folder.path());
        let here = folder.path().display();
        let config = format!(
            "address: 127.0.0.1:{russet}\ninsecure_server: true\nxff_num_trusted_hops: 1\n\
             health_check_addr: 127.0.0.1:{health}\nstate_dir: {here}/state\n\
             external_auth: {{trusted_peers: [127.0.0.1]}}\nidp_provider: apple\n\
             idp_provider_url: http://127.0.0.1:{apple}\n\
             authenticate_service_url: https://auth.localhost:{front}\n\
             idp_client_id: {CLIENT_ID}\nidp_team_id: {TEAM_ID}\nidp_key_id: {KEY_ID}\n\
             idp_private_key_file: {here}/AuthKey_{KEY_ID}.p8\n\
             certificate_authority_file: {here}/authority.pem\nroutes:\n\
             - {{from: 'https://wiki.localhost:{front}', to: 'http://{app}', prefix: /public/, \
             allow_public_unauthenticated_access: true}}\n\
             - {{from: 'https://wiki.localhost:{front}', to: 'http://{app}', \
             allowed_domains: [corp.example]}}\n",
            health = free_port(),
            apple = free_port(),
            app = app.address(),
        );
        let file = folder.path().join("config.yaml");
        fs::write(&file, config).unwrap();
        let config = file.to_str().unwrap();
        let (code, printed, told) = run(&["check", "--for", "nginx", "--config", config], "");
        assert_eq!(code, 0, "{told}");
        let listen = format!("listen {front} ssl");
        assert!(printed.contains(&listen), "{printed}");
        let printed = printed.replace(&listen, &format!("listen 127.0.0.1:{front} ssl"));
        let nginx = nginx(folder.path(), &change(printed));
        let mut command = Command::new(binary());
        command.args(["run", "--workers", "1", "--config", config]);
        let process = Process::start(&mut command, folder.path(), "russet");
        wait_for(russet, &folder.path().join("russet.err"));
        wait_for(front, &folder.path().join("front.err"));
        Self { folder, front, _nginx: nginx, _russet: process }
    }

    /// Exit code, and what was found.
    fn probe(&self) -> (i32, String) {
        let config = self.folder.path().join("config.yaml").display().to_string();
        let url = format!("https://wiki.localhost:{}/private/page?x=1", self.front);
        let (code, found, told) = run(&["check", "--config", &config, "--probe", &url], "");
        (code, found + &told)
    }
}

/// nginx with `printed` as the only file that it includes.
fn nginx(folder: &Path, printed: &str) -> Process {
    let here = folder.display();
    fs::write(folder.join("russet.conf"), printed).unwrap();
    let kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {here}/nginx-{kind};"))
        .concat();
    let main = format!(
        "events {{}}\nhttp {{ {kept} access_log off; ssl_certificate {here}/chain.pem; \
         ssl_certificate_key {here}/chain.key; include {here}/russet.conf; }}\n"
    );
    fs::write(folder.join("nginx.conf"), main).unwrap();
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
    let mut command = Command::new("nginx");
    command.env("PATH", path).arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    command.args(["-e", "stderr", "-g"]);
    command.arg(format!("daemon off; master_process off; error_log stderr; pid {here}/nginx.pid;"));
    Process::start(&mut command, folder, "front")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_finds_nothing_wrong_with_what_was_printed() {
    let app = Recorder::start().await;
    let wired = Wired::start(&app, |printed| printed);
    let (code, found) = wired.probe();
    assert!(!found.contains("FAIL"), "{found}");
    assert_eq!(code, 0, "{found}");
    assert!(found.lines().filter(|line| line.starts_with("ok ")).count() > 15, "{found}");
    assert_eq!(app.count(), 0, "nothing reached the application");
}

/// Each of the mistakes that people make is told, and told as what it is.
#[tokio::test(flavor = "multi_thread")]
async fn the_probe_tells_mistakes_of_the_proxy() {
    let app = Recorder::start().await;
    let question = "X-Original-URL $scheme://$host";
    for (written, instead, told) in [
        ("auth_request /.russet-auth;", "", "FAIL  a page load is sent to sign in"),
        ("location ^~ /.pomerium/ {", "location ^~ /.nowhere/ {", "FAIL  /.pomerium/ of"),
        (question, "X-Ignored $scheme://$host", "FAIL  a page load is sent to sign in"),
    ] {
        let wired = Wired::start(&app, |printed| {
            assert!(printed.contains(written), "{written}: {printed}");
            printed.replace(written, instead)
        });
        let (code, found) = wired.probe();
        assert_eq!(code, 1, "{written}: {found}");
        assert!(found.contains(told), "{written}: {found}");
    }
}

/// A front that leaves the description to the client is the mistake that lets everybody in.
#[tokio::test(flavor = "multi_thread")]
async fn t03_the_probe_tells_that_a_client_describes_its_own_request() {
    let app = Recorder::start().await;
    let wired = Wired::start(&app, |printed| {
        let own = printed.lines().filter(|line| line.contains("X-Original-URL $scheme")).last();
        let own = own.unwrap().trim().to_owned();
        let set = "map $http_x_original_url $told { default $http_x_original_url; \
                   \"\" $scheme://$http_host$request_uri; }\n";
        format!("{set}{}", printed.replace(&own, "proxy_set_header X-Original-URL $told;"))
    });
    let (code, found) = wired.probe();
    assert_eq!(code, 1, "{found}");
    assert!(found.contains("FAIL  X-Original-URL of a client changes no decision"), "{found}");
}
