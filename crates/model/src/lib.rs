//! The vocabulary of Hinomi: what every room of the house means by *asset*, *flow*, *event*, *finding*.
//!
//! Nothing here does I/O, reads a clock or knows another crate of ours. Types that are stored in the vault keep
//! the names of their fields: a field may be added as an `Option`, never renamed or given another meaning
//! (docs/adr/0003-event-vocabulary.md).
//!
//! In JSON, times are RFC 3339 in UTC with nanoseconds and hardware addresses are lower case with colons;
//! in binary formats they are integers and six bytes.

pub mod access;
pub mod activity;
pub mod asset;
pub mod calendar;
pub mod clock;
pub mod coverage;
pub mod event;
pub mod finding;
pub mod flow;
pub mod ids;
pub mod lang;
pub mod net;
pub mod notice;
pub mod observation;
pub mod stocktake;
pub mod time;
pub mod zone;

pub use access::{Authorised, Denied, Principal, Role};
pub use activity::{Act, ActRef, Activity, Protocol};
pub use asset::{Asset, AssetChange, AssetFact, AssetState, Kind};
pub use event::{Body, Event, NewEvent};
pub use finding::{Fact, Finding, FindingChange, FindingStatus, Severity};
pub use flow::Flow;
pub use ids::{AssetId, EventId, FindingId, FlowId, JoinId, SiteId, SourceId, StockEntryId, StocktakeId, UserId, ZoneId};
pub use lang::Lang;
pub use net::{Endpoint, Mac, Segment, Transport};
pub use notice::Notice;
pub use observation::Observation;
pub use stocktake::StockResult;
pub use time::{Span, Time};
