//! The shipped examples are what `russet check --for` prints for their own configuration.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::house::{KEY_ID, binary, certificates, scratch};

/// Folder, what is asked for, the file that holds it.
const PRINTED: [(&str, &str, &str); 7] = [
    ("nginx", "nginx", "russet.conf"),
    ("haproxy", "haproxy", "haproxy.cfg"),
    ("haproxy", "haproxy-lua", "russet.lua"),
    ("caddy", "caddy", "Caddyfile"),
    ("traefik", "traefik", "dynamic.yaml"),
    ("envoy", "envoy", "envoy.yaml"),
    ("envoy-grpc", "envoy", "envoy.yaml"),
];

/// `UPDATE=1` writes them.
#[test]
fn the_examples_are_what_check_prints() {
    let keys = scratch();
    certificates(keys.path());
    for (folder, front, file) in PRINTED {
        let folder = Path::new("examples/external-auth").join(folder);
        let output = Command::new(binary())
            .args(["check", "--for", front, "--config"])
            .arg(folder.join("russet.yaml"))
            .env("IDP_PRIVATE_KEY_FILE", keys.path().join(format!("AuthKey_{KEY_ID}.p8")))
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{}: {told}", folder.display());
        let printed = String::from_utf8(output.stdout).unwrap();
        let path = folder.join(file);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &printed).unwrap();
        }
        let shipped = fs::read_to_string(&path).unwrap();
        assert!(
            shipped == printed,
            "{} is not what `russet check --for {front}` prints:\n{printed}",
            path.display()
        );
    }
}

/// nginx cannot name a cookie with a hyphen: such a variable is one constant for everybody, and in
/// the key of a cache it lets everybody in as the first.
#[test]
fn no_shipped_file_names_a_cookie_by_nginxs_variable() {
    let mut folders = vec![Path::new("examples").to_owned(), Path::new("docs").to_owned()];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                assert!(!text.contains("$cookie_"), "{}", path.display());
                read += 1;
            }
        }
    }
    assert!(read > PRINTED.len(), "{read}");
}

/// Envoy's failure mode, and how it reads paths, are what keeps people out.
#[test]
fn a51_16_a51_17_envoys_examples_fail_closed() {
    for folder in ["envoy", "envoy-grpc"] {
        let path = Path::new("examples/external-auth").join(folder).join("envoy.yaml");
        let text = fs::read_to_string(path).unwrap();
        for line in [
            "failure_mode_allow: false",
            "normalize_path: true",
            "merge_slashes: true",
            "path_with_escaped_slashes_action: REJECT_REQUEST",
            "headers_with_underscores_action: REJECT_REQUEST",
        ] {
            assert!(text.contains(line), "{folder}: {line}");
        }
    }
}
