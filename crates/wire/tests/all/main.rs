//! The engine and its parsers from outside.
#![allow(clippy::cloned_ref_to_slice_refs, clippy::panic, clippy::unwrap_used)]

#[path = "common/captures.rs"]
mod captures;
mod common;
mod engine;
mod lanes;
mod names;
mod office;
mod oracles;
mod streams;
