//! What a start was asked to do.

use crate::config::Config;
use catalogue::Catalogue;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything that a start was asked to do.
pub struct Plan {
    /// The configuration.
    pub config: Config,
    /// Rules, makers, measures.
    pub catalogue: Arc<Catalogue>,
    /// Captures to read instead of listening.
    pub captures: Vec<PathBuf>,
    /// A ledger to bring in first.
    pub assets: Option<PathBuf>,
    /// Settings and zones to bring in first.
    pub settings: Option<PathBuf>,
}

impl Plan {
    /// A plan without captures and ledger.
    pub fn new(config: Config, catalogue: Catalogue) -> Plan {
        Plan { config, catalogue: Arc::new(catalogue), captures: Vec::new(), assets: None, settings: None }
    }
}
