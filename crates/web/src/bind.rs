//! Taking the port, and saying what to do when it cannot be had.

use crate::{ConsoleError, Listen};
use std::io::ErrorKind;

pub(crate) fn error(address: String, why: std::io::Error) -> ConsoleError {
    let remedy = match why.kind() {
        ErrorKind::AddrInUse => {
            "another program has this port: end it (is Hinomi running already?) or set another port under console.listen"
        }
        ErrorKind::PermissionDenied => "ports below 1024 need the right to bind them: use 8443, or start Hinomi by its service",
        ErrorKind::AddrNotAvailable => "this machine has no such address: set one of its own under console.listen, or 0.0.0.0 for all",
        _ => "check console.listen",
    };
    ConsoleError::Listen { address, why, remedy }
}

pub(crate) fn bind(listen: Listen) -> Result<tokio::net::TcpListener, ConsoleError> {
    let (socket, name) = match listen {
        Listen::Address(address) => (std::net::TcpListener::bind(address).map_err(|e| error(address.to_string(), e))?, address.to_string()),
        Listen::Socket(socket) => {
            let name = socket.local_addr().map_or_else(|_| String::from("the given socket"), |a| a.to_string());
            (socket, name)
        }
    };
    socket.set_nonblocking(true).map_err(|e| error(name.clone(), e))?;
    tokio::net::TcpListener::from_std(socket).map_err(|e| error(name, e))
}
