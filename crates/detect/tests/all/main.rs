//! Detection from outside: what each rule says, where it stays silent, what survives a restart.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used, missing_docs)]

mod clocks;
mod common;
mod devices;
mod findings;
mod identity;
mod oracles;
mod recognition;
mod replay;
mod traffic;
