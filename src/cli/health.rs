//! `russet health`: asks a running Russet whether it is ready. For supervisors and images.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::check::ConfigurationFile;
use super::exit::Exit;

/// How long an answer is waited for.
const TIME: Duration = Duration::from_secs(3);

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationFile,
    /// Ask this address instead, and read no configuration
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<SocketAddr>,
}

/// Runs the command: 0 where it is ready, 1 where it is not or nobody answers.
pub fn run(arguments: &Arguments) -> Exit {
    let address = match arguments.address {
        Some(address) => address,
        None => {
            let loaded = arguments.configuration.load();
            let Some(settings) = loaded.settings else {
                anstream::eprintln!("{}", loaded.render());
                return Exit::Configuration;
            };
            settings.gateway.listener.health_address
        }
    };
    match ask(reachable(address)) {
        Ok(answer) => {
            let ready = answer.starts_with("HTTP/1.1 200 ");
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            anstream::print!("{body}");
            if ready { Exit::Fine } else { Exit::Failed }
        }
        Err(error) => {
            anstream::eprintln!("error: no answer from {address}: {error}");
            Exit::Failed
        }
    }
}

/// An address that means "every address" is asked on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip().is_unspecified() {
        true => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()),
        false => address,
    }
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIME)?;
    stream.set_read_timeout(Some(TIME))?;
    stream.set_write_timeout(Some(TIME))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}
