//! Conversations. A long one is told in parts: each record carries what came since the record before it, so the sum of all
//! parts is the whole, and an hourly rollup is right without waiting for the end.

use crate::activity::Protocol;
use crate::ids::FlowId;
use crate::net::{Endpoint, Segment, Transport};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// What one direction of a conversation carried since the last record of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direction {
    /// Frames.
    pub packets: u64,
    /// Bytes on the wire, link layer included, as original lengths.
    pub bytes: u64,
    /// Union of the TCP flags seen (RFC 9293, 3.1: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128).
    pub flags: u8,
}

/// How far a conversation got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowState {
    /// The originator spoke, nobody answered.
    Attempted,
    /// The responder refused: TCP RST, or an ICMP unreachable that quotes this conversation.
    Rejected,
    /// Both directions were seen (for TCP: the handshake was completed, or data flowed both ways).
    Established,
    /// TCP: closed by FIN from both sides.
    Closed,
    /// TCP: established, then reset.
    Reset,
    /// Only the middle or only one direction was seen.
    Partial,
}

/// Why a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowEnd {
    /// The conversation goes on; this is a part of it. Also a TCP attempt that nobody answered within 1.5 s: nothing more is told of it unless
    /// something more comes.
    Interim,
    /// It ended by its own rules.
    Ended,
    /// Nothing came for the idle time-out.
    Idle,
    /// The table was full and this one was let go.
    Evicted,
    /// The capture ended or Hinomi stopped.
    Stopped,
}

/// A conversation, or a part of a long one, between two ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Joins the parts and the activities.
    pub id: FlowId,
    /// Where its addresses mean something.
    pub segment: Segment,
    /// What carries it.
    pub transport: Transport,
    /// Who spoke first (for TCP: who sent the SYN).
    pub client: Endpoint,
    /// The other end.
    pub server: Endpoint,
    /// The protocol inside, recognised by content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// First frame of this part, by capture time.
    pub first: Time,
    /// Last frame of this part, by capture time.
    pub last: Time,
    /// First frame of the whole conversation.
    pub started: Time,
    /// 0 for the first record of this conversation, then counted up.
    pub part: u32,
    /// What the client sent in this part.
    pub up: Direction,
    /// What the server sent in this part.
    pub down: Direction,
    /// How far it got.
    pub state: FlowState,
    /// Why this record was written.
    pub end: FlowEnd,
    /// Holes in the TCP stream of this part that were not filled in time.
    pub gaps: u32,
}
