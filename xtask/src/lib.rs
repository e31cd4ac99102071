//! Development helpers that tests also use.

pub mod capture;
