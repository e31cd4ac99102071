//! Every way in: capture files, folders of them, and live interfaces. Each hands over frames as they were captured
//! ([`wire::packet::RawPacket`]) and says honestly what it could not read.
//!
//! * [`file`] reads pcap and pcapng, plain or compressed, up to and beyond damage, in bounded memory.
//! * [`folder`] follows a folder that somebody else fills.
//! * [`live`] reads the kernel's packet ring; [`opener`] is the small process that may open it; [`privileges`] gives up all other rights.
//! * [`health`] turns counters into the stretches of time that were really watched.
//!
//! A sensor's number ([`model::SourceId`]) is always given by the caller: the name behind it is state.

pub mod file;
pub mod folder;
pub mod health;
pub mod live;
pub mod opener;
pub mod privileges;
