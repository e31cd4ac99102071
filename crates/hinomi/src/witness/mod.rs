//! Others who have seen our checkpoints: witnesses (C2SP tlog-witness) and time-stamp authorities (RFC 3161).
//!
//! Whoever holds the key of a log can write its history anew, and everything in the folder would agree with it. What cannot be written anew is
//! what others keep. So a checkpoint is shown around: a **witness** remembers the newest one of each log, cosigns only what goes on from
//! there, and says no to a log that forked or went back; a **time-stamp authority** says when a text was there at the latest. Neither
//! learns anything of the records: a checkpoint is a name, a number and a hash.
//!
//!     vault ──checkpoint──▶ rounds ──POST──▶ witness (another Hinomi's `hinomi witness`, or any other)
//!       ▲                     │  └──POST──▶ time-stamp authority
//!       └──cosignatures, stamps┘
//!                             └──"another history"──▶ a deed in the log ──▶ detection: rule `vault-fork`
//!
//! - [`server`] and [`keep`]: the side of the witness, a process of its own with a key and a state of its own. The decisions are in
//!   [`proof::witness`]; here is only that nothing is answered before it is on disk.
//! - [`client`]: one question to one witness. [`stamps`]: one question to an authority. [`http`]: how they are carried.
//! - [`rounds`]: when who is asked, run by the watch. [`access`]: what both need of the vault.
//!
//! Why plain HTTP is offered and is enough: a checkpoint is signed by its log and a cosignature by its witness, so nobody on the way can change
//! either without being noticed. TLS adds that nobody on the way sees who shows checkpoints to whom, or forges a refusal.

pub mod access;
pub mod client;
pub mod http;
pub mod keep;
pub mod paper;
pub mod peers;
pub mod rounds;
pub mod server;
pub mod sheet;
pub mod stamps;
pub mod standing;
