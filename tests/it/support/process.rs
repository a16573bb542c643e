//! The built program as a process of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use russet::base::time::Clock;
use russet::fake_apple::FakeApple;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use russet::cli::demo::free_port;

use super::{Plan, Recorder, configuration, start_apple};

/// A running program and what it needs around it. It is killed when this is dropped.
pub struct Process {
    pub apple: FakeApple,
    pub app: Recorder,
    pub port: u16,
    child: Child,
    directory: tempfile::TempDir,
}

/// How the program ended and all that it said.
pub struct Ended {
    pub code: Option<i32>,
    /// Standard output and standard error.
    pub said: String,
}

impl Process {
    /// `russet run` with the configuration of `plan`, once it serves.
    pub async fn start(plan: Plan) -> Self {
        let app = Recorder::start().await;
        let port = free_port().unwrap();
        let apple = start_apple(port, &plan.authenticate, Clock::system()).await;
        let directory = tempfile::tempdir().unwrap();
        let text =
            configuration(&plan, port, &app, apple.base_url(), &directory.path().join("state"));
        let file = directory.path().join("config.yaml");
        std::fs::write(&file, text).unwrap();
        let output =
            |name: &str| Stdio::from(std::fs::File::create(directory.path().join(name)).unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_russet"))
            .args(["run", "--workers", "1", "--config"])
            .arg(&file)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let this = Self { apple, app, port, child, directory };
        for _ in 0..200 {
            if TcpStream::connect(this.address()).await.is_ok() {
                return this;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("does not serve: {}", this.said());
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Sends a signal, by the name that `kill` knows.
    pub async fn signal(&self, name: &str) {
        let process = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-s", name, &process]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Everything said so far.
    pub fn said(&self) -> String {
        ["stdout", "stderr"].map(|name| self.read(name)).concat()
    }

    fn read(&self, name: &str) -> String {
        let path: PathBuf = self.directory.path().join(name);
        String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
    }

    /// Waits for the end.
    pub async fn ended(mut self) -> Ended {
        let ended = tokio::time::timeout(Duration::from_secs(25), self.child.wait()).await;
        let status = ended.expect("the program does not end").unwrap();
        Ended { code: status.code(), said: self.said() }
    }
}
