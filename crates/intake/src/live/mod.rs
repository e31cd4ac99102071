//! Live capture from one interface by the kernel's packet ring, without libpcap.
//!
//! A factory's sensor runs for years, so an interface is not something that is there or an error: cables are pulled, adapters are
//! re-plugged, drivers reload, udev renames. [`Live`] holds on to the **device** while it lives (a rename changes nothing but a note).
//! When the device is gone, or another device has taken the configured name, it asks the opener for a new socket under the configured
//! name, and goes on asking once a second. The state is told by [`Live::link`] and, in a sentence for people, [`Live::trouble`]: what
//! was not watched is never claimed as watched.
//!
//! Frames are lent in place, in the ring, for the length of a call. Received + dropped is what passed the interface: the kernel counts
//! what did not fit the ring (PACKET_STATISTICS), the interface what never got that far.

pub mod clock;
mod ring;

use crate::opener::{OpenError, OpenPacket};
use model::{SourceId, Time};
use ring::{Frame, Ring};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::packet::{LinkType, RawPacket};

/// How often the interface is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long the ring of a device that is gone is kept, for its last frames: longer than a block waits to be handed over.
const GRACE: Duration = Duration::from_millis(200);
/// How often a lost interface is asked for.
const RETRY: Duration = Duration::from_secs(1);

/// How to capture.
#[derive(Clone, Copy, Debug)]
pub struct LiveConfig {
    /// Bytes of the ring: at 1 Gbit/s, 32 MiB bridge a quarter of a second. Halved where the kernel has not the memory.
    pub ring_bytes: usize,
    /// Bytes of a block of the ring, a power of two and a multiple of the page; also the largest frame that is kept whole (GRO makes
    /// frames of 64 KiB, BIG TCP of 512 KiB).
    pub block_bytes: usize,
    /// A block that is not full is handed over after so many milliseconds: what a quiet network waits for at most.
    pub block_timeout_ms: u32,
    /// Whether frames for other machines are received: the purpose of a mirror port.
    pub promiscuous: bool,
}

impl Default for LiveConfig {
    fn default() -> Self {
        LiveConfig { ring_bytes: 32 << 20, block_bytes: 1 << 20, block_timeout_ms: 60, promiscuous: true }
    }
}

/// Whether the interface can be watched now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Up, with a carrier.
    Up,
    /// Up without a carrier: no cable, or the other end is off.
    NoCarrier,
    /// Switched off.
    Down,
    /// Not there.
    Gone,
}

/// Sums since [`Live`] was made, over all sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames handed over.
    pub packets: u64,
    /// Their length on the wire in bytes.
    pub bytes: u64,
    /// Frames that did not fit the ring (`tp_drops`).
    pub ring_drops: u64,
    /// Frames that the interface or the kernel dropped before the ring (`rx_dropped`, `rx_missed`, `rx_fifo`).
    pub interface_drops: u64,
    /// Frames of a kind of hardware that is not read (counted in `packets` too, not handed over).
    pub strange: u64,
    /// Frames cut because they were larger than a block of the ring.
    pub cut: u64,
}

impl Counters {
    /// All drops.
    pub fn drops(&self) -> u64 {
        self.ring_drops + self.interface_drops
    }
}

/// One interface being watched.
pub struct Live {
    configured: String,
    sensor: SourceId,
    opener: Arc<dyn OpenPacket>,
    config: LiveConfig,
    open: Option<Open>,
    link: Link,
    trouble: Option<String>,
    counters: Counters,
    looked: Option<Instant>,
    tried: Option<Instant>,
    newest: Option<Time>,
}

/// A device that was found.
struct Open {
    ring: Ring,
    index: u32,
    /// The name it has now.
    name: String,
    /// Interface drops as last read, to count the difference.
    dropped: Option<u64>,
    /// Since when the device is known to be gone or replaced.
    dead: Option<Instant>,
}

impl Live {
    /// Starts to watch an interface that must be there.
    pub fn open(interface: &str, sensor: SourceId, opener: Arc<dyn OpenPacket>, config: LiveConfig) -> Result<Live, OpenError> {
        let mut live = Self::new(interface, sensor, opener, config);
        live.reopen()?;
        live.look();
        Ok(live)
    }

    /// Starts to watch an interface that may come later; until then [`Live::trouble`] says what is missing.
    pub fn open_or_wait(interface: &str, sensor: SourceId, opener: Arc<dyn OpenPacket>, config: LiveConfig) -> Live {
        let mut live = Self::new(interface, sensor, opener, config);
        live.look();
        live
    }

    fn new(interface: &str, sensor: SourceId, opener: Arc<dyn OpenPacket>, mut config: LiveConfig) -> Live {
        config.block_bytes = config.block_bytes.clamp(64 << 10, 4 << 20).next_power_of_two();
        config.ring_bytes = config.ring_bytes.clamp(4 * config.block_bytes, 1 << 30);
        config.block_timeout_ms = config.block_timeout_ms.clamp(1, 100);
        Live {
            configured: interface.to_owned(),
            sensor,
            opener,
            config,
            open: None,
            link: Link::Gone,
            trouble: None,
            counters: Counters::default(),
            looked: None,
            tried: None,
            newest: None,
        }
    }

    /// The interface as configured.
    pub fn interface(&self) -> &str {
        &self.configured
    }

    /// Whether the interface can be watched now.
    pub fn link(&self) -> Link {
        self.link
    }

    /// What is wrong or odd and what to do, in a sentence; `None` when all is well.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Sums since the start. Drops are as of the last look, half a second ago at most; after [`Live::look`] they are exact.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Time of the newest frame.
    pub fn newest(&self) -> Option<Time> {
        self.newest
    }

    /// Bytes of the ring that the kernel gave; 0 while there is no interface.
    pub fn ring_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |o| o.ring.len())
    }

    /// Waits for frames at most `timeout`, and lends those that are there, at most one round of the ring. Gives their number. What is
    /// wrong with the interface is told by [`Live::link`] and [`Live::trouble`]; capture goes on by itself when it is mended.
    pub fn poll(&mut self, timeout: Duration, mut each: impl FnMut(RawPacket<'_>)) -> u64 {
        let until = Instant::now() + timeout;
        self.look_if_due();
        loop {
            let told = self.drain(&mut each);
            let left = until.saturating_duration_since(Instant::now());
            if told > 0 || left.is_zero() {
                return told;
            }
            self.wait(left.min(self.pace()));
            self.look_if_due();
        }
    }

    fn pace(&self) -> Duration {
        if self.open.as_ref().is_some_and(|o| o.dead.is_some()) { GRACE } else { LOOK }
    }

    fn look_if_due(&mut self) {
        if self.looked.is_none_or(|t| t.elapsed() >= self.pace()) {
            self.look();
        }
    }

    fn drain(&mut self, each: &mut impl FnMut(RawPacket<'_>)) -> u64 {
        let Some(open) = self.open.as_mut() else { return 0 };
        let (sensor, counters, newest) = (self.sensor, &mut self.counters, &mut self.newest);
        open.ring.drain(|frame| {
            counters.packets += 1;
            counters.bytes += u64::from(frame.wire_len);
            *newest = Some(frame.time);
            match raw(&frame, sensor) {
                Some(packet) => {
                    counters.cut += u64::from(packet.data.len() < packet.wire_len as usize);
                    each(packet);
                }
                None => counters.strange += 1,
            }
        })
    }

    fn wait(&mut self, timeout: Duration) {
        let Some(open) = self.open.as_ref() else {
            std::thread::sleep(timeout.min(RETRY / 4));
            return;
        };
        let fd = open.ring.fd();
        let mut fds = [PollFd::new(&fd, PollFlags::IN | PollFlags::ERR)];
        let timeout = Timespec { tv_sec: timeout.as_secs() as _, tv_nsec: timeout.subsec_nanos() as _ };
        let ready = rustix::event::poll(&mut fds, Some(&timeout));
        let failed = fds.iter().any(|f| f.revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL));
        if ready.is_ok() && failed {
            // ENETDOWN: the interface went down or away. Reading the error clears it; the socket goes on when the interface is up again.
            let _ = rustix::net::sockopt::socket_error(&fd);
            self.looked = None;
        }
    }

    /// Looks at the interface and the drop counters now, instead of at the next half second.
    pub fn look(&mut self) {
        self.looked = Some(Instant::now());
        if let Some(open) = self.open.as_mut() {
            count(open, &mut self.counters);
            match (seek(open, &self.configured), open.dead) {
                (true, _) => open.dead = None,
                (false, Some(since)) if since.elapsed() >= GRACE => {
                    self.open = None;
                    self.tried = None;
                }
                (false, since) => {
                    open.dead = since.or(self.looked);
                    self.link = Link::Gone;
                    self.trouble = Some(format!("interface {} is gone; it is waited for", self.configured));
                    return;
                }
            }
        }
        if self.open.is_none() {
            self.link = Link::Gone;
            if self.tried.is_none_or(|t| t.elapsed() >= RETRY)
                && let Err(error) = self.reopen()
            {
                self.trouble = Some(error.to_string());
            }
        }
        let Some(open) = self.open.as_ref() else { return };
        let flags = ring::interface(open.ring.fd(), &open.name).map_or(0, |(flags, _)| flags);
        let has = |flag: i32| flags & flag as u32 != 0;
        self.link = match (has(libc::IFF_UP), has(libc::IFF_RUNNING)) {
            (true, true) => Link::Up,
            (true, false) => Link::NoCarrier,
            (false, _) => Link::Down,
        };
        let name = &open.name;
        self.trouble = match self.link {
            Link::Down => Some(format!("interface {name} is down. Switch it on: sudo ip link set {name} up")),
            Link::NoCarrier => Some(format!("interface {name} has no link. Check the cable, the mirror port and the switch")),
            Link::Up | Link::Gone if *name != self.configured => {
                Some(format!("interface {} is now called {name}; capture goes on. Change the name in the configuration", self.configured))
            }
            Link::Up | Link::Gone => None,
        };
    }

    fn reopen(&mut self) -> Result<(), OpenError> {
        self.tried = Some(Instant::now());
        let name = self.configured.as_str();
        let system = |source: io::Error| OpenError::System { what: format!("capturing on the network interface {name}"), source };
        let fd = self.opener.open_packet(name)?;
        let index = rustix::net::netdevice::name_to_index(&fd, name).map_err(|e| system(e.into()))?;
        let (flags, _) = ring::interface(&fd, name).map_err(system)?;
        let c = self.config;
        let ring = Ring::new(fd, index, c.ring_bytes, c.block_bytes, c.block_timeout_ms, c.promiscuous).map_err(system)?;
        if flags & libc::IFF_LOOPBACK as u32 != 0 {
            ring.ignore_outgoing().map_err(system)?;
        }
        self.open = Some(Open { ring, index, name: name.to_owned(), dropped: interface_drops(name), dead: None });
        Ok(())
    }
}

/// Whether the device is still the one to watch: under its name or, where no other device has taken that, under a new one.
fn seek(open: &mut Open, configured: &str) -> bool {
    match rustix::net::netdevice::index_to_name(open.ring.fd(), open.index) {
        Ok(name) => open.name = name,
        Err(Errno::NODEV | Errno::NXIO) => return false,
        Err(_) => return true,
    }
    open.name == configured || rustix::net::netdevice::name_to_index(open.ring.fd(), configured).is_err()
}

/// Adds the drops since the last time.
fn count(open: &mut Open, counters: &mut Counters) {
    if let Ok((_, drops)) = open.ring.statistics() {
        counters.ring_drops += drops;
    }
    if let Some(now) = interface_drops(&open.name) {
        counters.interface_drops += now.saturating_sub(open.dropped.unwrap_or(now));
        open.dropped = Some(now);
    }
}

/// The columns `drop` and `fifo` of /proc/net/dev (net/core/net-procfs.c): what was lost before any socket.
fn interface_drops(name: &str) -> Option<u64> {
    drops_in(&std::fs::read_to_string("/proc/self/net/dev").ok()?, name)
}

fn drops_in(table: &str, name: &str) -> Option<u64> {
    let (_, numbers) = table.lines().filter_map(|l| l.split_once(':')).find(|(n, _)| n.trim() == name)?;
    let mut columns = numbers.split_whitespace().skip(3).map_while(|c| c.parse::<u64>().ok());
    Some(columns.next()?.saturating_add(columns.next()?))
}

/// How a frame of this hardware (ARPHRD_*, include/uapi/linux/if_arp.h) is read; `None` where it is not.
fn raw<'a>(frame: &Frame<'a>, sensor: SourceId) -> Option<RawPacket<'a>> {
    let (link, skip) = match frame.hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => (LinkType::ETHERNET, 0),
        libc::ARPHRD_IEEE80211 => (LinkType::IEEE802_11, 0),
        libc::ARPHRD_IEEE80211_RADIOTAP => (LinkType::IEEE802_11_RADIOTAP, 0),
        // Tunnels, PPP and the like put nothing, or something of their own, before the network header; the kernel says where that is.
        _ if matches!(i32::from(frame.protocol), libc::ETH_P_IP | libc::ETH_P_IPV6) => (LinkType::RAW, frame.network),
        _ => return None,
    };
    let data = frame.data.get(skip..)?;
    Some(RawPacket {
        time: frame.time,
        sensor,
        link,
        wire_len: frame.wire_len.saturating_sub(skip as u32),
        vlan: frame.vlan.map(|tci| tci & 0x0fff),
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(hardware: u16, protocol: u16, data: &[u8], network: usize) -> Frame<'_> {
        Frame { time: Time(1), hardware, protocol, vlan: Some(0xe00a), wire_len: data.len() as u32, data, network }
    }

    #[test]
    fn hardware_decides_how_a_frame_is_read() {
        let bytes = [0xff, 3, 0x45, 0, 0, 20];
        let ethernet = frame(libc::ARPHRD_ETHER, 0x88b5, &bytes, 2);
        let packet = raw(&ethernet, SourceId(7)).unwrap();
        assert_eq!((packet.link, packet.data, packet.vlan, packet.sensor), (LinkType::ETHERNET, &bytes[..], Some(10), SourceId(7)));
        let ppp = frame(libc::ARPHRD_PPP, 0x0800, &bytes, 2);
        let packet = raw(&ppp, SourceId(0)).unwrap();
        assert_eq!((packet.link, packet.data, packet.wire_len), (LinkType::RAW, &bytes[2..], 4));
        assert!(raw(&frame(libc::ARPHRD_PPP, 0xc021, &bytes, 2), SourceId(0)).is_none());
        assert!(raw(&frame(libc::ARPHRD_NONE, 0x86dd, &bytes, 99), SourceId(0)).is_none(), "an offset beyond the frame");
    }

    #[test]
    fn drop_columns_are_read_from_the_kernels_table() {
        let table = "Inter-|   Receive |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes\n\
                     lo: 10 1 0 0 0 0 0 0 10 1 0 0 0 0 0 0\n  eth0:123456 999 3 17 5 0 0 2 88 1 0 44 0 0 0 0\n";
        assert_eq!(drops_in(table, "eth0"), Some(22));
        assert_eq!(drops_in(table, "lo"), Some(0));
        assert_eq!(drops_in(table, "eth1"), None);
        assert_eq!(drops_in("eth0: 1 2\n", "eth0"), None);
    }
}
