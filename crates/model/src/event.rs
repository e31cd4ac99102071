//! What the vault keeps: anything that happened, stamped with site, source and both clocks.

use crate::access::Role;
use crate::activity::Activity;
use crate::asset::{AssetState, Ledger, Place, named};
use crate::clock::{OwnClock, RunEnd, StopReason};
use crate::coverage::Health;
use crate::finding::{FindingChange, FindingStatus};
use crate::flow::Flow;
use crate::ids::{AssetId, EventId, FindingId, JoinId, SourceId, StockEntryId, StocktakeId, UserId};
use crate::net::Mac;
use crate::observation::Observation;
use crate::stocktake::StockResult;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// When the source says that it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// The point in time that we read from it.
    pub at: Time,
    /// The text as written, where there was text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What we had to assume (year, zone), where anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed: Option<String>,
}

/// Something that happened, before the vault has numbered it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewEvent {
    /// The sensor or log source.
    pub source: SourceId,
    /// When we received it. Retention and holds go by this.
    pub received: Time,
    /// When the source says that it happened, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened: Option<Happened>,
    /// What.
    pub body: Body,
}

/// Something that happened, as the vault keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the log; `seq` is the order.
    pub id: EventId,
    /// The sensor or log source.
    pub source: SourceId,
    /// When we received it.
    pub received: Time,
    /// When the source says that it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened: Option<Happened>,
    /// What.
    pub body: Body,
}

impl Event {
    /// The time to reason with: the source's, or ours where it gave none.
    pub fn time(&self) -> Time {
        self.happened.as_ref().map_or(self.received, |h| h.at)
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Body {
    /// A conversation or a part of one.
    Flow(Box<Flow>),
    /// A protocol-level act.
    Activity(Box<Activity>),
    /// An address was seen.
    Observation(Observation),
    /// A detector spoke.
    Finding(Box<FindingChange>),
    /// Somebody did something in Hinomi.
    Audit(Box<Audit>),
    /// A sensor's counters over a stretch of time.
    Health(Health),
    /// A record that some other system wrote.
    Log(Box<LogRecord>),
    /// What shows that an objective is met or not.
    Evidence(Box<Evidence>),
}

/// A record that some other system wrote, as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    /// The machine that wrote it, by its own name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// The program that wrote it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub application: String,
    /// Its process number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
    /// Syslog facility, 0 to 23 (RFC 5424, 6.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facility: Option<u8>,
    /// Syslog severity, 0 (emergency) to 7 (debug) (RFC 5424, 6.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// The kind of message: MSGID of syslog, the number of a Windows event.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message_id: String,
    /// Who sent it to us over the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<IpAddr>,
    /// The encoding that it came in, where that was not UTF-8.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub encoding: String,
    /// The line, as text.
    pub text: String,
    /// Fields that were read out of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// It was longer than is kept.
    #[serde(default)]
    pub cut: bool,
}

/// What was found when somebody or something looked whether an objective is met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which objective.
    pub objective: String,
    /// The check that looked, or `attestation`.
    pub check: String,
    /// What it found.
    pub verdict: Verdict,
    /// How many things it looked at.
    #[serde(default)]
    pub population: u64,
    /// Records that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown_by: Vec<EventId>,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

named! {
    /// Whether an objective is met.
    Verdict {
        /// It is.
        Met = "met",
        /// In part.
        Partly = "partly",
        /// It is not.
        NotMet = "not_met",
        /// Nobody can tell.
        Unknown = "unknown",
    }
}

named! {
    /// How what is shown of a log contradicts what a witness has seen of it (C2SP tlog-witness).
    Dispute {
        /// Another root for as many entries: two histories, both signed.
        Fork = "fork",
        /// Fewer entries than were seen: an older copy, or one that was cut.
        Rollback = "rollback",
        /// More entries, and what was seen is not their beginning.
        Unproven = "unproven",
    }
}

/// The kinds of events, one table each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Conversations.
    Flow,
    /// Protocol-level acts.
    Activity,
    /// Addresses seen.
    Observation,
    /// What detectors said.
    Finding,
    /// What people and programs did in Hinomi.
    Audit,
    /// Sensor counters.
    Health,
    /// Records that other systems wrote.
    Log,
    /// What shows that an objective is met or not.
    Evidence,
}

impl Table {
    /// Every table.
    pub const ALL: [Table; 8] =
        [Table::Flow, Table::Activity, Table::Observation, Table::Finding, Table::Audit, Table::Health, Table::Log, Table::Evidence];

    /// The table of that number, as stored.
    pub fn from_number(n: u8) -> Option<Table> {
        Table::ALL.get(usize::from(n)).copied()
    }

    /// The table of that name.
    pub fn from_name(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|t| t.name() == name)
    }

    /// The name in JSON, file names and queries.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Flow => "flow",
            Table::Activity => "activity",
            Table::Observation => "observation",
            Table::Finding => "finding",
            Table::Audit => "audit",
            Table::Health => "health",
            Table::Log => "log",
            Table::Evidence => "evidence",
        }
    }

    /// One bit for each table, for sets.
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl Body {
    /// The table that this belongs to.
    pub const fn table(&self) -> Table {
        match self {
            Body::Flow(_) => Table::Flow,
            Body::Activity(_) => Table::Activity,
            Body::Observation(_) => Table::Observation,
            Body::Finding(_) => Table::Finding,
            Body::Audit(_) => Table::Audit,
            Body::Health(_) => Table::Health,
            Body::Log(_) => Table::Log,
            Body::Evidence(_) => Table::Evidence,
        }
    }

    /// The addresses by which this is found again when somebody asks for an asset's records.
    pub fn addresses(&self, mut each: impl FnMut(AddressKey)) {
        let mut end = |mac: Option<Mac>, ip: Option<IpAddr>| {
            if let Some(m) = mac {
                each(AddressKey::Mac(m));
            }
            if let Some(i) = ip {
                each(AddressKey::Ip(i));
            }
        };
        match self {
            Body::Flow(f) => {
                end(f.client.mac, f.client.ip);
                end(f.server.mac, f.server.ip);
            }
            Body::Activity(a) => {
                end(a.head.client.mac, a.head.client.ip);
                end(a.head.server.mac, a.head.server.ip);
            }
            Body::Observation(o) => end(o.mac, o.ip),
            Body::Log(l) => end(None, l.sender),
            Body::Finding(_) | Body::Audit(_) | Body::Health(_) | Body::Evidence(_) => {}
        }
    }
}

/// An address as a search key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKey {
    /// Hardware address.
    Mac(Mac),
    /// Internet address.
    Ip(IpAddr),
}

/// Something that somebody did in Hinomi, written in the same transaction as the change and drained to the vault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// Who: the user's id; absent for the machine itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Who, as they were called then.
    pub actor: String,
    /// From where, for people at the console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// The action's name, as in [`crate::access`].
    pub action: String,
    /// What was done.
    pub deed: Deed,
    /// Counted up by state with each deed, never repeated, not even after a restore: the vault gets a deed at least once, and
    /// two events with the same number are one deed. Absent for deeds that did not come through state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

/// What was done. Detection folds those that concern it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Deed {
    /// An asset's place in its life was set.
    AssetState {
        /// Which.
        asset: AssetId,
        /// Before.
        from: AssetState,
        /// Now.
        to: AssetState,
    },
    /// An asset was entered by hand or import, with these addresses.
    AssetEntered {
        /// Which.
        asset: AssetId,
        /// Its state from the start.
        state: AssetState,
        /// Hardware addresses given.
        macs: Vec<Mac>,
        /// Internet addresses given.
        ips: Vec<IpAddr>,
        /// What people wrote; absent where addresses were added to an asset that was there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ledger: Option<Box<Ledger>>,
    },
    /// Fields of the ledger were changed.
    AssetEdited {
        /// Which.
        asset: AssetId,
        /// Field names with the values before and after.
        changes: Vec<FieldChange>,
    },
    /// A person said that two assets are one, or (`undo`) took back that they are two. Detection respects it from here on.
    AssetsMerged {
        /// The decision.
        join: JoinId,
        /// The one that goes.
        gone: AssetId,
        /// The one that stays.
        stays: AssetId,
        /// It takes back a split.
        #[serde(default)]
        undo: bool,
    },
    /// A person said that these addresses are another asset, or (`undo`) took back that the two are one.
    AssetSplit {
        /// The decision.
        join: JoinId,
        /// The one that had the addresses.
        from: AssetId,
        /// The one that has them now.
        to: AssetId,
        /// The addresses. One without hardware address is pinned: what others claim on the link does not move it.
        places: Vec<Place>,
        /// State of `to`.
        state: AssetState,
        /// What people wrote about `to`, where anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ledger: Option<Box<Ledger>>,
        /// It takes back a merge.
        #[serde(default)]
        undo: bool,
    },
    /// A finding was handled.
    FindingHandled {
        /// Which.
        finding: FindingId,
        /// Its key.
        key: String,
        /// Before.
        from: FindingStatus,
        /// Now.
        to: FindingStatus,
        /// The person's words.
        note: String,
        /// End of the explanation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
    },
    /// A setting was changed.
    Setting {
        /// Its key.
        key: String,
        /// Before.
        from: String,
        /// Now.
        to: String,
    },
    /// Somebody logged in or tried to.
    Login {
        /// The name that was given.
        name: String,
        /// It worked.
        success: bool,
        /// Why not, in one word.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Somebody logged out, or a session was ended.
    Logout,
    /// A password was set.
    PasswordSet {
        /// Whose.
        user: UserId,
    },
    /// An account was made or changed.
    Account {
        /// Whose.
        user: UserId,
        /// Its name.
        name: String,
        /// Its roles now.
        roles: Vec<Role>,
        /// It may log in.
        enabled: bool,
    },
    /// Records of the vault may not be let go from here on.
    HoldPlaced {
        /// The hold's name.
        name: String,
        /// Which records, in words: table and span.
        query: String,
        /// Why.
        reason: String,
    },
    /// A hold was lifted.
    HoldLifted {
        /// The hold's name.
        name: String,
        /// Which records it had kept.
        query: String,
        /// Why.
        reason: String,
    },
    /// Records of the vault were erased on request. Nothing of what they said stands here, nor what was searched for.
    RecordsErased {
        /// How many.
        rows: u64,
        /// Batches whose secret was destroyed.
        batches: u64,
        /// Why.
        reason: String,
    },
    /// Data left Hinomi.
    Exported {
        /// What.
        what: String,
        /// How many rows.
        rows: u64,
    },
    /// Records were searched, or the vault was asked.
    Asked {
        /// What was asked: the search, the SQL, or the name of a question with its values.
        question: String,
        /// How many rows were answered.
        rows: u64,
    },
    /// A stocktake was started.
    StocktakeStarted {
        /// Which.
        stocktake: StocktakeId,
        /// Its name.
        name: String,
        /// Assets to be looked for.
        assets: u64,
    },
    /// Somebody said what became of an asset in a stocktake, or noted a thing that the ledger lacks.
    StocktakeTicked {
        /// Which stocktake.
        stocktake: StocktakeId,
        /// Which line of it.
        entry: StockEntryId,
        /// Which asset; absent for a thing that the ledger lacks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asset: Option<AssetId>,
        /// What it is called.
        label: String,
        /// Before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<StockResult>,
        /// Now.
        to: StockResult,
        /// The person's words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
        /// SHA-256 of the photo, in hexadecimal, where there is one.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        photo: String,
    },
    /// Two people said different things of one asset; the later word was kept aside.
    StocktakeConflict {
        /// Which stocktake.
        stocktake: StocktakeId,
        /// Which line of it.
        entry: StockEntryId,
        /// What the later one said.
        said: StockResult,
        /// Settled: the word that was kept aside counts (`true`), or the one that stood (`false`); absent while open.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        taken: Option<bool>,
    },
    /// A stocktake was closed.
    StocktakeClosed {
        /// Which.
        stocktake: StocktakeId,
        /// Its name.
        name: String,
        /// Assets in it.
        assets: u64,
        /// Of these, and of things that the ledger lacked, how many differ from the ledger.
        differences: u64,
        /// When the next one is due, `YYYY-MM-DD`; empty where none was set.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        next_due: String,
    },
    /// Which column of a list means what was remembered for the next import.
    ImportMapping {
        /// The list's headers with the names of the ledger's fields; empty where a column is left out.
        columns: Vec<(String, String)>,
    },
    /// Somebody who keeps our checkpoints (a witness) has seen another history of this log than the one that is shown now.
    LogDisputed {
        /// Name of the witness.
        witness: String,
        /// Which way.
        dispute: Dispute,
        /// Entries in the log that was shown.
        size: u64,
        /// Entries that the witness has seen, where it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        theirs: Option<u64>,
    },
    /// Records were let go before they were written, since there was no room for them (the policy stands in the vault, `PRESSURE`).
    Dropped {
        /// Which.
        table: Table,
        /// Earliest time of receipt among them.
        from: Time,
        /// Latest time of receipt among them.
        to: Time,
        /// How many.
        rows: u64,
        /// What the disk said, or that the queue was full.
        reason: String,
    },
    /// Hinomi started.
    Started {
        /// Its version.
        version: String,
        /// The vault's epoch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<u32>,
        /// How the run before ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<RunEnd>,
        /// How the machine's clock stood.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<Box<OwnClock>>,
    },
    /// Hinomi stopped in good order; builds before the first release wrote it without the reason.
    Stopped,
    /// Hinomi stops in good order.
    Stopping {
        /// Why.
        reason: StopReason,
    },
    /// Hinomi did not watch: from the last record of a run to the start of the next. `to` lies before `from` where the clock was set back
    /// in between.
    NotWatched {
        /// The last record before.
        from: Time,
        /// The start.
        to: Time,
        /// How the run before ended.
        cause: RunEnd,
    },
    /// How the machine's own clock stands, told when that changes and now and then.
    Clock(Box<OwnClock>),
    /// The machine's clock was set: it left the way that `CLOCK_BOOTTIME` shows.
    ClockJumped {
        /// What it would have said.
        clock_was: Time,
        /// What it said.
        clock_is: Time,
        /// The kernel's id of this start of the machine.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        boot: String,
    },
}

/// A field's change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Name in [`crate::asset::Ledger`].
    pub field: String,
    /// Before.
    pub from: String,
    /// After.
    pub to: String,
}
