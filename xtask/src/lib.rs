//! Development helpers that tests also use.

pub mod capture;
pub mod client;
pub mod quiet;
