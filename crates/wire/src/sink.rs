//! Where the engine tells what it found. Everything is lent: an implementation copies what it wants to keep.

use crate::facts::FrameFacts;
use model::activity::Head;
use model::{ActRef, Flow, Observation, Time};

/// Hears what the engine finds.
pub trait Sink {
    /// A protocol-level act.
    fn activity(&mut self, head: &Head, act: ActRef<'_>);
    /// A conversation, or a part of one.
    fn flow(&mut self, flow: &Flow);
    /// An address that is new, or was not told for an hour.
    fn observation(&mut self, time: Time, observation: &Observation);
    /// A frame was read, with what it contained. Told last for each frame.
    fn frame(&mut self, _facts: &FrameFacts) {}
}
