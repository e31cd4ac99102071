//! The opener: a small process that keeps the right to open packet sockets and low ports, and does nothing else.
//!
//! Parsing what strangers send is where a monitor is attacked, and a parser with CAP_NET_RAW is a prize. So the right and the parsing
//! live in two processes (decisions, Privileges). The parent starts the opener by running its own binary again ([`Opener::spawn`]),
//! gives up every capability ([`crate::privileges::drop_capabilities`]) and from then on asks for descriptors over a socket pair; they
//! come back by SCM_RIGHTS. The opener reads requests of [`REQUEST`] bytes with two kinds in them and parses nothing else; a request
//! that it does not understand is answered by EINVAL. It ends when its parent does, because then the socket closes.
//!
//! A packet socket is handed over unbound, with protocol 0, so that nothing arrives in it before the ring is set up.

use crate::privileges;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The hidden sub-command under which the binary runs [`child_main`].
pub const SUB_COMMAND: &str = "opener";
/// Bytes of a request: kind, 16 bytes of name or address, port, scope.
pub const REQUEST: usize = 24;
/// Bytes of a reply: the errno, 0 for done; then a descriptor comes with it.
pub const REPLY: usize = 4;
/// An interface name has at most so many bytes (IFNAMSIZ without its zero).
pub const MAX_NAME: usize = 15;
/// How long the parent waits for a reply, in seconds.
const PATIENCE: i64 = 5;
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

const PACKET: u8 = 1;
const LISTEN_V4: u8 = 2;
const LISTEN_V6: u8 = 3;

/// Why something could not be opened, in words for the person who started the program.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No capability for it.
    #[error(
        "{what} needs the capability {capability}, which this program was not given. Start it by its unit file, as root, or once run: sudo setcap cap_net_raw,cap_net_bind_service+ep {program}"
    )]
    NoCapability {
        /// What was asked.
        what: String,
        /// `CAP_NET_RAW` or `CAP_NET_BIND_SERVICE`.
        capability: &'static str,
        /// The running program.
        program: String,
    },
    /// No interface of that name.
    #[error("there is no network interface '{name}'. This machine has: {existing}")]
    NoInterface {
        /// The name asked for.
        name: String,
        /// The names there are, or `none`.
        existing: String,
    },
    /// Somebody else listens there.
    #[error("{address} is in use by another program. Stop that one (see: ss -ltnp) or set another `listen`")]
    AddressInUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Not an address of this machine.
    #[error("{address} is no address of this machine. Set `listen` to 0.0.0.0, [::] or one that `ip addr` shows")]
    AddressNotHere {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The opener does not answer.
    #[error("the opener process has ended or does not answer, and this process has no right of its own; restart the program")]
    Gone,
    /// Anything else.
    #[error("{what} failed: {source}")]
    System {
        /// What was asked.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Who can open a packet socket for an interface: the opener's handle, or [`Direct`].
pub trait OpenPacket: Send + Sync {
    /// An unbound packet socket; the interface must exist.
    fn open_packet(&self, interface: &str) -> Result<OwnedFd, OpenError>;
}

/// Opens in this process, for tools and tests that have the right themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direct;

impl OpenPacket for Direct {
    fn open_packet(&self, interface: &str) -> Result<OwnedFd, OpenError> {
        packet_socket(interface).map_err(|e| packet_error(interface, e))
    }
}

impl Direct {
    /// A listening TCP socket, not blocking.
    pub fn open_listener(&self, address: SocketAddr) -> Result<OwnedFd, OpenError> {
        listener(address).map_err(|e| listener_error(address, e))
    }
}

/// The parent's handle. Dropping it ends the opener.
pub struct Opener {
    socket: Mutex<Option<OwnedFd>>,
    child: Option<Child>,
}

impl Opener {
    /// Starts the opener: `exe opener` with the socket as its standard input. `/proc/self/exe` is a good `exe`.
    pub fn spawn(exe: &Path) -> Result<Opener, OpenError> {
        Self::spawn_command(Command::new(exe).arg(SUB_COMMAND))
    }

    /// Starts the opener by any command that ends in [`child_main`].
    pub fn spawn_command(command: &mut Command) -> Result<Opener, OpenError> {
        let system = |source: io::Error| OpenError::System { what: "starting the opener process".into(), source };
        let (ours, theirs) = pair().map_err(system)?;
        let child = command.stdin(Stdio::from(theirs)).stdout(Stdio::null()).env_clear().spawn().map_err(system)?;
        Ok(Opener { socket: Mutex::new(Some(ours)), child: Some(child) })
    }

    /// A handle on an opener that [`serve`]s the other end of `socket`.
    pub fn from_socket(socket: OwnedFd) -> Opener {
        Opener { socket: Mutex::new(Some(socket)), child: None }
    }

    /// A listening TCP socket, not blocking.
    pub fn open_listener(&self, address: SocketAddr) -> Result<OwnedFd, OpenError> {
        self.ask(&Request::Listen(address).encode())?.map_err(|e| listener_error(address, e))
    }

    /// One request, one reply. The outer error: no opener any more.
    fn ask(&self, request: &[u8; REQUEST]) -> Result<Result<OwnedFd, Errno>, OpenError> {
        let mut guard = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(socket) = guard.as_ref() else { return Err(OpenError::Gone) };
        match exchange(socket, request) {
            Ok(answer) => Ok(answer),
            Err(_) => {
                // A late reply must never be taken for the answer to the next request.
                *guard = None;
                Err(OpenError::Gone)
            }
        }
    }
}

impl OpenPacket for Opener {
    fn open_packet(&self, interface: &str) -> Result<OwnedFd, OpenError> {
        let Some(request) = Request::packet(interface) else { return Err(packet_error(interface, Errno::NODEV)) };
        self.ask(&request.encode())?.map_err(|e| packet_error(interface, e))
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = self.child.take() {
            // It ends at the end of its input; waiting leaves no zombie.
            let _ = child.wait();
        }
    }
}

/// The opener process: keeps the two capabilities, takes requests from standard input until it closes. For the hidden sub-command.
pub fn child_main() -> io::Result<()> {
    privileges::keep_opener_capabilities()?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    serve(socket.as_fd())
}

/// Takes requests from a socket until the other end closes.
pub fn serve(socket: BorrowedFd<'_>) -> io::Result<()> {
    let mut request = [0u8; REQUEST + 1];
    loop {
        let mut none = RecvAncillaryBuffer::default();
        let read = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut request)], &mut none, RecvFlags::CMSG_CLOEXEC);
        let n = match read {
            Ok(message) => message.bytes,
            Err(Errno::INTR) => continue,
            Err(e) => return Err(e.into()),
        };
        if n == 0 {
            return Ok(());
        }
        let opened = match request.get(..n).and_then(Request::decode) {
            Some(Request::Packet { name, len }) => match name.get(..len).map(std::str::from_utf8) {
                Some(Ok(name)) => packet_socket(name),
                _ => Err(Errno::INVAL),
            },
            Some(Request::Listen(address)) => listener(address),
            None => Err(Errno::INVAL),
        };
        if reply(socket, opened) == Err(Errno::PIPE) {
            return Ok(());
        }
    }
}

fn reply(socket: BorrowedFd<'_>, opened: Result<OwnedFd, Errno>) -> Result<(), Errno> {
    let errno = opened.as_ref().err().map_or(0, |e| e.raw_os_error());
    let bytes = errno.to_ne_bytes();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [opened.as_ref().map_or(socket, AsFd::as_fd)];
    if opened.is_ok() && !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(Errno::NOBUFS);
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL).map(|_| ())
}

fn exchange(socket: &OwnedFd, request: &[u8; REQUEST]) -> Result<Result<OwnedFd, Errno>, Errno> {
    rustix::net::send(socket, request, SendFlags::NOSIGNAL)?;
    let mut fds = [PollFd::new(socket, PollFlags::IN)];
    let patience = Timespec { tv_sec: PATIENCE, tv_nsec: 0 };
    while match rustix::event::poll(&mut fds, Some(&patience)) {
        Ok(0) => return Err(Errno::TIMEDOUT),
        Ok(_) => false,
        Err(Errno::INTR) => true,
        Err(e) => return Err(e),
    } {}
    let mut errno = [0u8; REPLY];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut errno)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if got.bytes != REPLY {
        return Err(Errno::PIPE);
    }
    let mut received = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            received = fds.last();
        }
    }
    match (i32::from_ne_bytes(errno), received) {
        (0, Some(fd)) => Ok(Ok(fd)),
        (0, None) => Err(Errno::PROTO),
        (errno, _) => Ok(Err(Errno::from_raw_os_error(errno))),
    }
}

/// A socket pair that keeps message boundaries; both ends close on exec.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Packet { name: [u8; 16], len: usize },
    Listen(SocketAddr),
}

impl Request {
    fn packet(interface: &str) -> Option<Request> {
        let bytes = interface.as_bytes();
        if bytes.is_empty() || bytes.len() > MAX_NAME || bytes.contains(&0) {
            return None;
        }
        let mut name = [0; 16];
        name.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Request::Packet { name, len: bytes.len() })
    }

    fn encode(self) -> [u8; REQUEST] {
        let (kind, name, port, scope) = match self {
            Request::Packet { name, .. } => (PACKET, name, 0, 0),
            Request::Listen(SocketAddr::V4(a)) => {
                let mut name = [0; 16];
                let (first, _) = name.split_at_mut(4);
                first.copy_from_slice(&a.ip().octets());
                (LISTEN_V4, name, a.port(), 0)
            }
            Request::Listen(SocketAddr::V6(a)) => (LISTEN_V6, a.ip().octets(), a.port(), a.scope_id()),
        };
        let mut out = [0; REQUEST];
        out[0] = kind;
        out[2..18].copy_from_slice(&name);
        out[18..20].copy_from_slice(&port.to_be_bytes());
        out[20..24].copy_from_slice(&scope.to_be_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Option<Request> {
        let bytes: &[u8; REQUEST] = bytes.try_into().ok()?;
        let name: [u8; 16] = bytes[2..18].try_into().ok()?;
        let port = u16::from_be_bytes([bytes[18], bytes[19]]);
        let scope = u32::from_be_bytes([bytes[20], bytes[21], bytes[22], bytes[23]]);
        match bytes[0] {
            PACKET => {
                let len = name.iter().position(|&b| b == 0)?;
                (len > 0).then_some(Request::Packet { name, len })
            }
            LISTEN_V4 => Some(Request::Listen((Ipv4Addr::new(name[0], name[1], name[2], name[3]), port).into())),
            LISTEN_V6 => Some(Request::Listen(SocketAddrV6::new(Ipv6Addr::from(name), port, 0, scope).into())),
            _ => None,
        }
    }
}

/// An unbound packet socket that receives nothing yet, if the interface exists.
fn packet_socket(interface: &str) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)?;
    rustix::net::netdevice::name_to_index(&socket, interface)?;
    Ok(socket)
}

fn listener(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

fn program() -> String {
    std::env::current_exe().map_or_else(|_| "hinomi".into(), |p| p.display().to_string())
}

fn packet_error(interface: &str, errno: Errno) -> OpenError {
    match errno {
        Errno::PERM | Errno::ACCESS => OpenError::NoCapability {
            what: format!("listening on the network interface {interface}"),
            capability: "CAP_NET_RAW",
            program: program(),
        },
        Errno::NODEV | Errno::NXIO | Errno::INVAL => OpenError::NoInterface { name: interface.to_owned(), existing: existing() },
        e => OpenError::System { what: format!("opening the network interface {interface}"), source: e.into() },
    }
}

fn listener_error(address: SocketAddr, errno: Errno) -> OpenError {
    match errno {
        Errno::PERM | Errno::ACCESS => OpenError::NoCapability {
            what: format!("listening on port {}", address.port()),
            capability: "CAP_NET_BIND_SERVICE",
            program: program(),
        },
        Errno::ADDRINUSE => OpenError::AddressInUse { address },
        Errno::ADDRNOTAVAIL => OpenError::AddressNotHere { address },
        e => OpenError::System { what: format!("listening on {address}"), source: e.into() },
    }
}

fn existing() -> String {
    let names = interfaces();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// The network interfaces of this network namespace, by name.
pub fn interfaces() -> Vec<String> {
    let Ok(table) = std::fs::read_to_string("/proc/self/net/dev") else { return Vec::new() };
    let mut names: Vec<String> = table.lines().skip(2).filter_map(|l| Some(l.split_once(':')?.0.trim().to_owned())).collect();
    names.sort();
    names
}

/// Whether an address is one that needs CAP_NET_BIND_SERVICE: below the system's first unprivileged port.
pub fn is_low_port(address: SocketAddr) -> bool {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").ok().and_then(|s| s.trim().parse::<u16>().ok());
    address.port() != 0 && address.port() < first.unwrap_or(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_survive_the_wire_and_garbage_is_refused() {
        for request in [
            Request::packet("enp0s31f6").unwrap(),
            Request::packet("fifteen-bytes-x").unwrap(),
            Request::Listen("127.0.0.1:8443".parse().unwrap()),
            Request::Listen("[fe80::1]:443".parse().unwrap()),
        ] {
            assert_eq!(Request::decode(&request.encode()), Some(request));
        }
        assert_eq!(Request::packet(""), None);
        assert_eq!(Request::packet("sixteen-bytes-xx"), None);
        assert_eq!(Request::decode(&[9; REQUEST]), None);
        assert_eq!(Request::decode(&[PACKET; REQUEST]), None, "a name without its end");
        assert_eq!(Request::decode(&[PACKET; REQUEST - 1]), None);
        assert_eq!(Request::decode(&[PACKET; REQUEST + 1]), None);
    }

    /// An opener in a thread of the test.
    fn with_opener(test: impl FnOnce(&Opener)) {
        let (ours, theirs) = pair().unwrap();
        let served = std::thread::spawn(move || serve(theirs.as_fd()));
        let opener = Opener::from_socket(ours);
        test(&opener);
        drop(opener);
        served.join().unwrap().unwrap();
    }

    #[test]
    fn a_listener_comes_through_the_socket_and_accepts() {
        with_opener(|opener| {
            let listener = std::net::TcpListener::from(opener.open_listener("127.0.0.1:0".parse().unwrap()).unwrap());
            let address = listener.local_addr().unwrap();
            listener.set_nonblocking(false).unwrap();
            let client = std::net::TcpStream::connect(address).unwrap();
            let (_, peer) = listener.accept().unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
            let error = opener.open_listener(address).unwrap_err();
            assert!(matches!(error, OpenError::AddressInUse { .. }), "{error}");
            let error = opener.open_listener("192.0.2.77:9".parse().unwrap()).unwrap_err();
            assert!(matches!(error, OpenError::AddressNotHere { .. } | OpenError::NoCapability { .. }), "{error}");
        });
    }

    #[test]
    fn a_missing_interface_names_the_existing_ones() {
        with_opener(|opener| {
            let error = opener.open_packet("no-such-if").unwrap_err();
            match error {
                OpenError::NoInterface { ref existing, .. } => assert!(existing.contains("lo"), "{error}"),
                OpenError::NoCapability { .. } => assert!(error.to_string().contains("setcap"), "{error}"),
                other => panic!("{other}"),
            }
            assert!(matches!(opener.open_packet("a-name-that-is-much-too-long"), Err(OpenError::NoInterface { .. })));
        });
    }

    #[test]
    fn requests_that_make_no_sense_are_answered_and_survived() {
        let (ours, theirs) = pair().unwrap();
        let served = std::thread::spawn(move || serve(theirs.as_fd()));
        for garbage in [&b"x"[..], &[0xff; REQUEST], &[1; 4096], &[PACKET, 0, 0xff, 0xfe, 0, 0]] {
            rustix::net::send(&ours, garbage, SendFlags::NOSIGNAL).unwrap();
            let mut errno = [0u8; REPLY];
            rustix::net::recv(&ours, &mut errno, RecvFlags::empty()).unwrap();
            assert_eq!(i32::from_ne_bytes(errno), Errno::INVAL.raw_os_error());
        }
        let opener = Opener::from_socket(ours);
        assert!(opener.open_listener("127.0.0.1:0".parse().unwrap()).is_ok());
        drop(opener);
        served.join().unwrap().unwrap();
    }

    #[test]
    fn an_opener_that_has_ended_is_an_error_and_not_a_hang() {
        let (ours, theirs) = pair().unwrap();
        drop(theirs);
        let opener = Opener::from_socket(ours);
        assert!(matches!(opener.open_packet("lo"), Err(OpenError::Gone)));
        assert!(matches!(opener.open_listener("127.0.0.1:0".parse().unwrap()), Err(OpenError::Gone)));
    }
}
