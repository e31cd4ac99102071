//! The kernel's packet ring (TPACKET_V3, Documentation/networking/packet_mmap.rst), mapped into this process, and the socket options and
//! ioctls that the safe wrappers of rustix do not have. With [`super::clock`] the one room with `unsafe`.
//!
//! The ring is an array of blocks. The kernel fills a block with frames, then sets TP_STATUS_USER in its header: from that moment until
//! we store TP_STATUS_KERNEL the block is ours and the kernel does not write to it. The status word is the only memory that both sides
//! touch at once; it is read with acquire and written with release order. Every offset in a block is checked against the block's end
//! before it is used, so that even a kernel (or driver) that wrote nonsense cannot lead a read out of the mapping.
#![allow(unsafe_code)]

use model::Time;
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};
use std::ffi::{c_int, c_void};
use std::io;
use std::mem::{offset_of, size_of, zeroed};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where a frame's `sockaddr_ll` lies behind its header: TPACKET_ALIGN(sizeof(struct tpacket3_hdr)).
const ADDRESS_AT: usize = size_of::<libc::tpacket3_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);
/// Where the fields of a block's header lie.
const BLOCK_HEADER: usize = offset_of!(libc::tpacket_block_desc, hdr);

/// A frame in the ring.
pub(super) struct Frame<'a> {
    pub(super) time: Time,
    /// Kind of hardware, ARPHRD_*.
    pub(super) hardware: u16,
    /// Ethernet protocol number, host order.
    pub(super) protocol: u16,
    /// The VLAN tag's control word, where the card or the kernel took the tag out.
    pub(super) vlan: Option<u16>,
    /// Length on the wire (without a tag that was taken out).
    pub(super) wire_len: u32,
    /// From the link header on.
    pub(super) data: &'a [u8],
    /// Where in `data` the network header begins.
    pub(super) network: usize,
}

/// A packet socket with its ring.
pub(super) struct Ring {
    fd: OwnedFd,
    map: NonNull<u8>,
    block: usize,
    blocks: usize,
    next: usize,
}

// SAFETY: the mapping belongs to this value alone (`map` is never handed out but as slices bound to a borrow of it), and the kernel does
// not care which thread reads it.
unsafe impl Send for Ring {}

impl Ring {
    /// Sets up the ring on an unbound packet socket and binds it to an interface. Where the kernel has no memory for `bytes`, a smaller
    /// ring is taken, down to four blocks.
    pub(super) fn new(fd: OwnedFd, index: u32, bytes: usize, block: usize, retire_ms: u32, promiscuous: bool) -> io::Result<Ring> {
        set(&fd, libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V3 as c_int))?;
        let mut blocks = (bytes / block).max(4);
        loop {
            let request = libc::tpacket_req3 {
                tp_block_size: block as u32,
                tp_block_nr: blocks as u32,
                // Frames vary in size in version 3; the kernel only checks that these two fit the blocks.
                tp_frame_size: 2048,
                tp_frame_nr: (block / 2048 * blocks) as u32,
                tp_retire_blk_tov: retire_ms,
                tp_sizeof_priv: 0,
                tp_feature_req_word: 0,
            };
            match set(&fd, libc::PACKET_RX_RING, &request) {
                Ok(()) => break,
                Err(e) if e.raw_os_error() == Some(libc::ENOMEM) && blocks > 4 => blocks = (blocks / 2).max(4),
                Err(e) => return Err(e),
            }
        }
        // SAFETY: a fresh mapping at an address that the kernel chooses, of exactly the length of the ring that was just set up; the
        // descriptor is open. Nothing else in this process knows the address.
        let map =
            unsafe { rustix::mm::mmap(ptr::null_mut(), block * blocks, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, &fd, 0) }?;
        let map = NonNull::new(map.cast::<u8>()).ok_or(Errno::NOMEM)?;
        // From here on dropping unmaps.
        let ring = Ring { fd, map, block, blocks, next: 0 };
        if promiscuous {
            let membership =
                libc::packet_mreq { mr_ifindex: index as c_int, mr_type: libc::PACKET_MR_PROMISC as u16, mr_alen: 0, mr_address: [0; 8] };
            set(&ring.fd, libc::PACKET_ADD_MEMBERSHIP, &membership)?;
        }
        ring.bind(index)?;
        Ok(ring)
    }

    /// On a loopback interface each frame passes twice, out and in: the outgoing copy is left out (Linux 4.20 and later).
    pub(super) fn ignore_outgoing(&self) -> io::Result<()> {
        set(&self.fd, libc::PACKET_IGNORE_OUTGOING, &1)
    }

    /// The ring's size in bytes.
    pub(super) fn len(&self) -> usize {
        self.block * self.blocks
    }

    pub(super) fn fd(&self) -> impl AsFd {
        &self.fd
    }

    fn bind(&self, index: u32) -> io::Result<()> {
        // SAFETY: sockaddr_ll is made of integers, for which zero is a value.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index as c_int;
        // SAFETY: the address lives across the call, and the length is that of its type.
        let done = unsafe {
            libc::bind(self.fd.as_raw_fd(), (&raw const address).cast::<libc::sockaddr>(), size_of::<libc::sockaddr_ll>() as u32)
        };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Hands over all frames of the blocks that are ready, at most one round of the ring. Gives their number.
    pub(super) fn drain(&mut self, mut each: impl FnMut(Frame<'_>)) -> u64 {
        let mut frames = 0;
        for _ in 0..self.blocks {
            match self.take_block(&mut each) {
                Some(n) => frames += n,
                None => break,
            }
        }
        frames
    }

    fn take_block(&mut self, each: &mut impl FnMut(Frame<'_>)) -> Option<u64> {
        // SAFETY: next < blocks, so the pointer stays within the mapping.
        let base = unsafe { self.map.as_ptr().add(self.next * self.block) };
        // SAFETY: blocks are page-aligned and larger than their header, so the status word is in the mapping and aligned; both sides
        // access it as one 32-bit word; the mapping outlives `status`, which does not leave this function.
        let status = unsafe { AtomicU32::from_ptr(base.add(BLOCK_HEADER + offset_of!(libc::tpacket_hdr_v1, block_status)).cast()) };
        if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: the block is ours since the acquire load above, so the kernel does not write to it; both fields lie in its header;
        // read_unaligned asks for no alignment.
        let field = |offset: usize| unsafe { base.add(BLOCK_HEADER + offset).cast::<u32>().read_unaligned() };
        let count = field(offset_of!(libc::tpacket_hdr_v1, num_pkts));
        let first = field(offset_of!(libc::tpacket_hdr_v1, offset_to_first_pkt));
        let mut at = first as usize;
        let mut told = 0;
        for _ in 0..count {
            let Some((frame, step)) = self.frame(base, at) else { break };
            each(frame);
            told += 1;
            if step == 0 {
                break;
            }
            at += step;
        }
        status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1) % self.blocks;
        Some(told)
    }

    /// The frame whose header is at `at` in the block, and how far it is to the next. `None` where it does not fit the block.
    fn frame(&self, base: *const u8, at: usize) -> Option<(Frame<'_>, usize)> {
        let header_len = ADDRESS_AT + size_of::<libc::sockaddr_ll>();
        if at < size_of::<libc::tpacket_block_desc>() || at.checked_add(header_len)? > self.block {
            return None;
        }
        // SAFETY: at + header_len is within the block (checked above), which is ours; both are plain integers, for which any bytes are
        // a value; read_unaligned asks for no alignment.
        let (header, address) = unsafe {
            let start = base.add(at);
            (start.cast::<libc::tpacket3_hdr>().read_unaligned(), start.add(ADDRESS_AT).cast::<libc::sockaddr_ll>().read_unaligned())
        };
        let (mac, len) = (usize::from(header.tp_mac), header.tp_snaplen as usize);
        if at.checked_add(mac)?.checked_add(len)? > self.block {
            return None;
        }
        // SAFETY: at + mac + len is within the block (checked above), which is ours until take_block gives it back; the slice is bound to
        // the borrow of self, and `each` cannot keep it, for its argument's lifetime is any.
        let data = unsafe { std::slice::from_raw_parts(base.add(at + mac), len) };
        let tagged = header.tp_status & libc::TP_STATUS_VLAN_VALID != 0;
        let frame = Frame {
            time: Time::from_unix(i64::from(header.tp_sec), header.tp_nsec),
            hardware: address.sll_hatype,
            protocol: u16::from_be(address.sll_protocol),
            vlan: tagged.then_some(header.hv1.tp_vlan_tci as u16),
            wire_len: header.tp_len,
            data,
            network: usize::from(header.tp_net).saturating_sub(mac),
        };
        Some((frame, header.tp_next_offset as usize))
    }

    /// Frames that passed the socket (dropped ones included) and frames dropped, since the last call.
    pub(super) fn statistics(&self) -> io::Result<(u64, u64)> {
        // SAFETY: the type is made of integers, for which zero is a value.
        let mut stats: libc::tpacket_stats_v3 = unsafe { zeroed() };
        let mut len = size_of::<libc::tpacket_stats_v3>() as u32;
        // SAFETY: the kernel writes at most `len` bytes into `stats`, which lives across the call.
        let done = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut stats).cast::<c_void>(),
                &raw mut len,
            )
        };
        if done == 0 { Ok((u64::from(stats.tp_packets), u64::from(stats.tp_drops))) } else { Err(io::Error::last_os_error()) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: exactly the mapping that `new` made; no slice of it is alive, for they borrow self.
        let _ = unsafe { rustix::mm::munmap(self.map.as_ptr().cast(), self.len()) };
    }
}

/// Sets an option of level SOL_PACKET.
fn set<T: Copy>(fd: &OwnedFd, option: c_int, value: &T) -> io::Result<()> {
    // SAFETY: the kernel reads size_of::<T>() bytes of a value that lives across the call.
    let done =
        unsafe { libc::setsockopt(fd.as_raw_fd(), libc::SOL_PACKET, option, ptr::from_ref(value).cast::<c_void>(), size_of::<T>() as u32) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// An interface's flags (IFF_*) and kind of hardware (ARPHRD_*), by name, over any socket.
pub(super) fn interface(fd: impl AsFd, name: &str) -> io::Result<(u32, u16)> {
    // SAFETY: ifreq is made of integers, addresses and pointers, for all of which zero is a value.
    let mut request: libc::ifreq = unsafe { zeroed() };
    if name.is_empty() || name.len() >= request.ifr_name.len() {
        return Err(Errno::NODEV.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as _;
    }
    let raw = fd.as_fd().as_raw_fd();
    // SAFETY: both ioctls read the name of an ifreq and write into its union, and nothing beyond it; the request lives across the
    // calls; after each success the union holds the member that is read.
    unsafe {
        if libc::ioctl(raw, libc::SIOCGIFFLAGS as _, &raw mut request) != 0 {
            return Err(io::Error::last_os_error());
        }
        let flags = request.ifr_ifru.ifru_flags as u16;
        if libc::ioctl(raw, libc::SIOCGIFHWADDR as _, &raw mut request) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((u32::from(flags), request.ifr_ifru.ifru_hwaddr.sa_family))
    }
}
