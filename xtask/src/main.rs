//! The development helper: checks, captures, benchmarks.
fn main() {}
