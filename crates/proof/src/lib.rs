//! What can be proven about a log, and how: the canonical form of records and their leaves, the Merkle tree (RFC 9162), its
//! tiles, signed notes and checkpoints (C2SP), the cosignatures of witnesses, time stamps (RFC 3161). Pure: bytes in, verdicts out; no file, no clock, no
//! network. docs/store-format.md is the specification; the vault, the witness and the verifier all stand on this crate.

// The numbers of CBOR's heads are decimal in RFC 8949, and so here.
#![allow(clippy::decimal_bitwise_operands)]

pub mod canon;
pub mod cbor;
pub mod cosign;
pub mod entry;
pub mod leaf;
pub mod names;
pub mod note;
pub mod pack;
pub mod paper;
pub mod stamp;
pub mod tiles;
pub mod tree;
pub mod witness;

pub mod base64;
pub mod checkpoint;

/// A SHA-256 digest.
pub type Hash = [u8; 32];
