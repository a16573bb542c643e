//! Listening sockets: one for each worker on the same address, told apart by the kernel.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

/// Why an address cannot be listened on; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody listens there already.
    #[error("cannot listen on {0}: another program has this address; stop it or choose another")]
    Taken(SocketAddr),
    /// Ports below 1024 are for the privileged.
    #[error(
        "cannot listen on {0}: no permission; choose a port from 1024 on, or grant the program \
         CAP_NET_BIND_SERVICE"
    )]
    Permission(SocketAddr),
    /// The machine has no such address.
    #[error("cannot listen on {0}: this machine does not have that address")]
    NoSuchAddress(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {address}")]
    Other {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Opens `count` listening sockets (one at least) on `address`. All have the same port, also where
/// it is 0 and the system chooses. `[::]` means every address of the machine, IPv4 ones too.
///
/// # Errors
/// When the address cannot be listened on; nothing is left open then.
pub fn bind(address: SocketAddr, count: usize) -> Result<Vec<TcpListener>, BindError> {
    match open_all(address, count) {
        // A machine without IPv6 still has "every address".
        Err(error) if address.ip().is_unspecified() && address.is_ipv6() && no_family(&error) => {
            open_all((Ipv4Addr::UNSPECIFIED, address.port()).into(), count)
        }
        done => done,
    }
    .map_err(|source| named(address, source))
}

fn open_all(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    if address.port() != 0 {
        // Another process of the same user that listens with SO_REUSEPORT would silently share the
        // port with us. A socket without that option is refused instead.
        drop(open(address, false)?);
    }
    let first = open(address, true)?;
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..count {
        listeners.push(open(address, true)?);
    }
    Ok(listeners)
}

fn open(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    // Accepted connections inherit these two.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn no_family(error: &io::Error) -> bool {
    // IPv6 is not compiled in, or switched off.
    error.raw_os_error() == Some(EAFNOSUPPORT) || error.kind() == io::ErrorKind::AddrNotAvailable
}

fn named(address: SocketAddr, source: io::Error) -> BindError {
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken(address),
        io::ErrorKind::PermissionDenied => BindError::Permission(address),
        io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress(address),
        _ => BindError::Other { address, source },
    }
}

/// "Address family not supported", which the standard library has no kind for; Linux's number.
const EAFNOSUPPORT: i32 = 97;
/// Connections that the kernel keeps for us until we accept them; it caps this at its own limit.
const BACKLOG: i32 = 4096;
/// When the kernel asks a silent peer whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    fn loopback() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }

    #[test]
    fn all_sockets_share_the_port_that_the_system_chose() {
        let listeners = bind(loopback(), 3).unwrap();
        let ports: Vec<_> = listeners.iter().map(|l| l.local_addr().unwrap().port()).collect();
        assert_eq!(listeners.len(), 3);
        assert!(ports.iter().all(|port| *port == ports[0] && *port != 0));
    }

    #[test]
    fn an_address_of_another_listener_is_taken_even_where_it_shares_its_port() {
        let held = bind(loopback(), 2).unwrap();
        let address = held[0].local_addr().unwrap();
        let error = bind(address, 1).unwrap_err();
        assert!(matches!(error, BindError::Taken(at) if at == address));
        assert!(error.to_string().contains("another program has this address"));
    }

    #[test]
    fn every_address_includes_ipv4() {
        let listeners = bind("[::]:0".parse().unwrap(), 1).unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
    }

    #[test]
    fn a_foreign_address_is_named() {
        let error = bind("192.0.2.1:8080".parse().unwrap(), 1).unwrap_err();
        assert!(matches!(error, BindError::NoSuchAddress(_)), "{error}");
    }
}
