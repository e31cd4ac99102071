//! Identities. State rows carry UUIDv7; what the vault holds is named by (site, epoch, seq); see docs/adr/0002-ids.md.

use crate::time::Time;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The all-zero id, which no row carries.
            pub const NIL: $name = $name(Uuid::nil());

            /// A UUIDv7 (RFC 9562, 5.7) from a time and 74 bits that the caller drew at random.
            pub fn from_parts(at: Time, random: [u8; 10]) -> Self {
                let millis = u64::try_from(at.0.div_euclid(1_000_000)).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// The UUIDv7 that belongs to a thing first told of by `event`: replaying the same events gives the same
            /// ids, so that detection can be repeated after a crash without making anything twice.
            pub fn derived(at: Time, event: EventId, what: &[u8]) -> Self {
                let mut hash = Sha256::new();
                hash.update(stringify!($name).as_bytes());
                hash.update(event.site.0.as_bytes());
                hash.update(event.epoch.to_be_bytes());
                hash.update(event.seq.to_be_bytes());
                hash.update(what);
                let digest = hash.finalize();
                let mut random = [0u8; 10];
                random.copy_from_slice(&digest[..10]);
                Self::from_parts(at, random)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.as_hyphenated())
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(s).map(Self)
            }
        }
    };
}

uuid_id!(
    /// One data folder is one site is one log.
    SiteId
);
uuid_id!(
    /// A part of a site: a layer or a line of the factory.
    ZoneId
);
uuid_id!(
    /// A device or another thing worth protecting.
    AssetId
);
uuid_id!(
    /// Something that a person should look at.
    FindingId
);
uuid_id!(
    /// A person's decision that two assets are one, or that addresses are another asset.
    JoinId
);
uuid_id!(
    /// A person or a program that may log in.
    UserId
);
uuid_id!(
    /// A stocktake: one round through a part of the factory.
    StocktakeId
);
uuid_id!(
    /// A line of a stocktake: one asset to be found, or one thing found that the ledger lacks.
    StockEntryId
);

/// The number of an event in its vault, given by the write-ahead log before detection sees the event.
/// `seq` is the order of events; it counts from 1 within an epoch's site and never repeats in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId {
    /// The site whose log this is.
    pub site: SiteId,
    /// Starts at 1; a restored or copied data folder starts the next.
    pub epoch: u32,
    /// Position in the log.
    pub seq: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.site, self.epoch, self.seq)
    }
}
impl FromStr for EventId {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let wrong = "an event id is SITE/EPOCH/SEQ";
        let mut parts = s.split('/');
        let site = parts.next().and_then(|p| p.parse().ok()).ok_or(wrong)?;
        let epoch = parts.next().and_then(|p| p.parse().ok()).ok_or(wrong)?;
        let seq = parts.next().and_then(|p| p.parse().ok()).ok_or(wrong)?;
        if parts.next().is_some() {
            return Err(wrong);
        }
        Ok(EventId { site, epoch, seq })
    }
}

/// A sensor or log source of this site. The name behind the number is state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub u16);

/// A conversation as one run of one sensor numbered it. Only for joining activities to their flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FlowId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_repeat_and_are_version_7() {
        let event = EventId { site: SiteId::NIL, epoch: 1, seq: 42 };
        let at = Time::from_unix(1_700_000_000, 0);
        let a = AssetId::derived(at, event, b"a");
        assert_eq!(a, AssetId::derived(at, event, b"a"));
        assert_ne!(a, AssetId::derived(at, event, b"b"));
        assert_ne!(a.0, FindingId::derived(at, event, b"a").0);
        assert_eq!(a.0.get_version_num(), 7);
    }

    #[test]
    fn event_ids_are_read_back_and_garbage_is_refused() {
        let id = EventId { site: SiteId::NIL, epoch: 3, seq: 9 };
        assert_eq!(id.to_string().parse::<EventId>(), Ok(id));
        for bad in ["", "x/1/2", "00000000-0000-0000-0000-000000000000/1", "00000000-0000-0000-0000-000000000000/1/2/3"] {
            assert!(bad.parse::<EventId>().is_err(), "{bad}");
        }
    }
}
