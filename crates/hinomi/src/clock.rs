//! The wall clock. Only the binary reads it; everything else gets time as a value.

/// Now, by the wall clock.
pub fn now() -> model::Time {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    model::Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
