//! `russet demo`: the main job on this machine, without an Apple account: a fake Apple, two web
//! apps that were never told about sign-in, and Russet in front of them, over TLS on loopback under
//! names of different sites.

mod apps;
mod check;
mod stage;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;
use crate::base::random;
use stage::Stage;

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Walk every prepared person through it without a browser, print each step, and exit 0 or 1
    #[arg(long)]
    check: bool,
    /// Port of Russet; free ones with --check unless given
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Port of the fake Apple
    #[arg(long, value_name = "PORT")]
    apple_port: Option<u16>,
}

/// A port of loopback that nobody listens on now, for whatever has to know its port before it
/// listens. Outside of the range that the system takes outgoing connections from, and another at
/// each call, so that nobody else is given it meanwhile.
///
/// # Errors
/// When there is none.
pub fn free_port() -> io::Result<u16> {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicU16::new(u16::from_be_bytes(random::bytes())));
    (0..COUNT)
        .map(|_| FIRST + next.fetch_add(1, Ordering::Relaxed) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| io::Error::from(io::ErrorKind::AddrInUse))
}

const PORT: u16 = 8443;
const APPLE_PORT: u16 = 9443;

/// Runs the command.
pub fn run(arguments: &Arguments) -> Exit {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("error: the system gives no threads: {error}");
            return Exit::Failed;
        }
    };
    match runtime.block_on(play(arguments)) {
        Ok(exit) => exit,
        Err(problem) => {
            anstream::eprintln!("error: {problem}");
            Exit::Failed
        }
    }
}

async fn play(arguments: &Arguments) -> Result<Exit, stage::StageProblem> {
    let or_free =
        |given: Option<u16>, usual| given.unwrap_or(if arguments.check { 0 } else { usual });
    let ports = (or_free(arguments.port, PORT), or_free(arguments.apple_port, APPLE_PORT));
    let stage = Stage::set(ports.0, ports.1, arguments.check).await?;
    let exit = if arguments.check {
        check::walk(&stage).await
    } else {
        stage.introduce();
        asked_to_stop().await?;
        Exit::Fine
    };
    stage.clear().await;
    Ok(exit)
}

/// Ctrl-C or SIGTERM: either way the folder with the demo's keys is taken away.
async fn asked_to_stop() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        asked = tokio::signal::ctrl_c() => asked,
    }
}
