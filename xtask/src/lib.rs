//! Development helpers that tests also use.
