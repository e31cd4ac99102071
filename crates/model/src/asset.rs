//! Devices and other things worth protecting, and the changes by which the ledger follows what is seen.

use crate::activity::Protocol;
use crate::ids::{AssetId, EventId};
use crate::net::{Mac, Segment};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }
        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The name in JSON, CSV, the database and locale keys.
            pub const fn name(self) -> &'static str { match self { $($name::$variant => $text),+ } }
            /// The value of that name.
            pub fn from_name(name: &str) -> Option<$name> { match name { $($text => Some($name::$variant),)+ _ => None } }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.name()) }
        }
    };
}
pub(crate) use named;

mod guess;
mod ledger;
pub use guess::{Guess, Support, weigh};
pub use ledger::{Destination, Internet, InternetNeed, InternetVerdict, Ledger};

named! {
    /// Where an asset stands in its life.
    AssetState {
        /// Seen, and nobody has said what it is.
        Discovered = "discovered",
        /// In the ledger by a person's word.
        Registered = "registered",
        /// In the ledger, switched off or put away.
        Unused = "unused",
        /// In the ledger, broken or under repair.
        Faulty = "faulty",
        /// Disposed of: it must not come back.
        Retired = "retired",
        /// Must not be here.
        Denied = "denied",
    }
}
named! {
    /// What sort of thing an asset is.
    Kind {
        /// Personal computer.
        Pc = "pc",
        /// Server.
        Server = "server",
        /// Network storage.
        Nas = "nas",
        /// Printer or multifunction machine.
        Printer = "printer",
        /// Network camera or recorder.
        Camera = "camera",
        /// Telephone or tablet.
        Phone = "phone",
        /// Router or firewall.
        Router = "router",
        /// Switch.
        Switch = "switch",
        /// Wireless access point.
        AccessPoint = "access_point",
        /// Programmable logic controller.
        Plc = "plc",
        /// Operator panel.
        Hmi = "hmi",
        /// Other control equipment: remote I/O, drive, robot, instrument, gateway.
        Control = "control",
        /// Other connected thing.
        Iot = "iot",
        /// Removable medium: USB stick, memory card, portable disk.
        Medium = "medium",
        /// Service that somebody else runs, reached over the Internet.
        Cloud = "cloud",
        /// Account, or the place where accounts are kept.
        Account = "account",
        /// Information: drawings, recipes, customers' data.
        Information = "information",
        /// Anything else.
        Other = "other",
    }
}
named! {
    /// How much hangs on an asset.
    Importance {
        /// Work stops, or people are in danger.
        High = "high",
        /// Work is hindered.
        Middle = "middle",
        /// Little hangs on it.
        Low = "low",
    }
}
named! {
    /// A property that Hinomi guesses from what it sees.
    Property {
        /// Sort of thing: one of [`Kind`]'s names.
        Kind = "kind",
        /// Maker.
        Maker = "maker",
        /// Model.
        Model = "model",
        /// Operating system.
        Os = "os",
        /// Firmware or software version.
        Version = "version",
    }
}

/// An address of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// Where it means something.
    pub segment: Segment,
    /// Hardware address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Internet address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// First seen there.
    pub first: Time,
    /// Last seen there.
    pub last: Time,
}

/// An address without times: what a person moves from one asset to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Where it means something.
    #[serde(default)]
    pub segment: Segment,
    /// Hardware address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Internet address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
}

/// A name that an asset goes by on the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The name.
    pub name: String,
    /// Who told: DHCP, mDNS, LLDP, DNS …
    pub protocol: Protocol,
    /// The event that told first.
    pub because: EventId,
    /// Last told.
    pub last: Time,
}

/// A service that an asset offers, seen by its answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Port.
    pub port: u16,
    /// `tcp` or `udp`.
    pub udp: bool,
    /// The protocol, where recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Software with version, from a banner.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub product: String,
    /// First answer.
    pub first: Time,
    /// Last answer.
    pub last: Time,
}

/// An asset as it stands in state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Its id.
    pub id: AssetId,
    /// Counted up with each change by a person; the guard against lost updates.
    pub rev: i64,
    /// Where it stands in its life.
    pub state: AssetState,
    /// What people wrote.
    pub ledger: Ledger,
    /// What was guessed, weighed, best first per property ([`weigh`]); further values of a property contradict the first or say less.
    pub guesses: Vec<Guess>,
    /// Its addresses, newest first.
    pub addresses: Vec<Address>,
    /// Its names, newest first.
    pub names: Vec<Name>,
    /// Services that it offers.
    pub services: Vec<Service>,
    /// First seen on the network; absent where it was entered by hand and never seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Time>,
    /// Last seen on the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Time>,
    /// Last time that it did more than announce itself: it sent to one other device something else than ARP, neighbour discovery or
    /// DHCP. Absent where that was never seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_active: Option<Time>,
    /// The event that told of it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<EventId>,
}

impl Kind {
    /// Whether such a thing has no address on the network by its nature: it is entered by hand, and that it is not seen says nothing.
    pub const fn is_off_network(self) -> bool {
        matches!(self, Kind::Medium | Kind::Cloud | Kind::Account | Kind::Information)
    }
}

impl Asset {
    /// The best guess of a property.
    pub fn guess(&self, property: Property) -> Option<&Guess> {
        self.guesses.iter().find(|g| g.property == property)
    }

    /// The sort of thing it is: a person's word first, then the guess.
    pub fn kind(&self) -> Option<Kind> {
        self.ledger.kind.or_else(|| self.guess(Property::Kind).and_then(|g| Kind::from_name(&g.value)))
    }

    /// What to call it: the ledger's name, a name from the network, an address, the id.
    pub fn label(&self) -> String {
        if !self.ledger.name.is_empty() {
            return self.ledger.name.clone();
        }
        if let Some(n) = self.names.first() {
            return n.name.clone();
        }
        let ip = self.addresses.iter().find_map(|a| a.ip);
        let mac = self.addresses.iter().find_map(|a| a.mac);
        match (ip, mac) {
            (Some(ip), _) => ip.to_string(),
            (None, Some(mac)) => mac.to_string(),
            (None, None) => self.id.to_string(),
        }
    }
}

/// A step by which detection tells state what an asset is. Applied in order of `because.seq`; applying one twice changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetChange {
    /// The asset.
    pub asset: AssetId,
    /// When, by the event's clock.
    pub at: Time,
    /// The event that made it so.
    pub because: EventId,
    /// What became known.
    pub fact: AssetFact,
}

/// What became known about an asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetFact {
    /// It is there, and was not known before.
    Discovered,
    /// It was seen again (told at most once a minute).
    Seen,
    /// It did more than announce itself: it sent to one other device something else than ARP, neighbour discovery or DHCP (told at
    /// most once an hour).
    Active,
    /// It has this address now.
    Address {
        /// Where.
        segment: Segment,
        /// Hardware address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mac: Option<Mac>,
        /// Internet address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ip: Option<IpAddr>,
    },
    /// It goes by this name.
    Name {
        /// The name.
        name: String,
        /// Who told.
        protocol: Protocol,
    },
    /// It offers this service.
    Service {
        /// Port.
        port: u16,
        /// UDP instead of TCP.
        udp: bool,
        /// Protocol, where recognised.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        protocol: Option<Protocol>,
        /// Product and version, from a banner.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        product: String,
    },
    /// It is probably this.
    Guess {
        /// The guess.
        guess: Guess,
    },
    /// It turned out to be the same as another, which stays; this one goes.
    MergedInto {
        /// The one that stays.
        asset: AssetId,
    },
}

/// Traffic of one asset in one hour, to be added to what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourDelta {
    /// The asset.
    pub asset: AssetId,
    /// Hours since 1970-01-01T00:00Z.
    pub hour: i64,
    /// Frames that it sent.
    pub packets_out: u64,
    /// Frames that it received.
    pub packets_in: u64,
    /// Bytes that it sent.
    pub bytes_out: u64,
    /// Bytes that it received.
    pub bytes_in: u64,
}

/// Traffic between two assets (or an asset and an address outside), to be added to what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerDelta {
    /// The one that spoke first.
    pub client: Party,
    /// The one that was spoken to.
    pub server: Party,
    /// The protocol, where recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Port of the server; 0 where there is none.
    pub port: u16,
    /// Conversations that began.
    pub flows: u64,
    /// Bytes in both directions.
    pub bytes: u64,
    /// First and last frame.
    pub first: Time,
    /// Last frame.
    pub last: Time,
}

/// One side of a link: an asset of ours, or an address that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// An asset.
    Asset(AssetId),
    /// An address outside, or a group address.
    Address(IpAddr),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset() -> Asset {
        Asset {
            id: AssetId::NIL,
            rev: 0,
            state: AssetState::Discovered,
            ledger: Ledger::default(),
            guesses: vec![],
            addresses: vec![],
            names: vec![],
            services: vec![],
            first_seen: None,
            last_seen: None,
            last_active: None,
            because: None,
        }
    }

    #[test]
    fn a_persons_word_beats_a_guess() {
        let mut a = asset();
        let because = EventId { site: crate::SiteId::NIL, epoch: 1, seq: 1 };
        let guess = |value: &str, confidence| Guess {
            property: Property::Kind,
            value: value.into(),
            confidence,
            reason: "x".into(),
            protocol: None,
            because,
            also: vec![],
        };
        a.guesses = weigh(vec![guess("camera", 30), Guess { reason: "y".into(), ..guess("plc", 80) }]);
        assert_eq!(a.kind(), Some(Kind::Plc));
        a.ledger.kind = Some(Kind::Hmi);
        assert_eq!(a.kind(), Some(Kind::Hmi));
    }

    #[test]
    fn names_of_values_are_read_back() {
        for k in Kind::ALL {
            assert_eq!(Kind::from_name(k.name()), Some(*k));
        }
        for s in AssetState::ALL {
            assert_eq!(AssetState::from_name(s.name()), Some(*s));
        }
    }
}
