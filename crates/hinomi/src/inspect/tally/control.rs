//! Control, management and small devices.

use super::add_up;
use model::ActRef;
use model::activity::Head;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// What was heard, in the form of the document.
#[derive(Debug, Default, Serialize)]
pub struct Control {
    /// Modbus messages by `unit/function`, requests and answers together.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "unit_function")]
    modbus: BTreeMap<(u8, u8), u64>,
}

fn unit_function<S: Serializer>(counts: &BTreeMap<(u8, u8), u64>, s: S) -> Result<S::Ok, S::Error> {
    s.collect_map(counts.iter().map(|((unit, function), n)| (format!("{unit}/{function}"), n)))
}

impl Control {
    /// Adds what another lane heard.
    pub fn join(&mut self, other: Control, omitted: &mut u64) {
        let Control { modbus } = other;
        add_up(&mut self.modbus, modbus, omitted);
    }

    /// Takes up what is of this family; what no longer fits is counted in `omitted`.
    pub fn hear(&mut self, _head: &Head, act: ActRef<'_>, _omitted: &mut u64) {
        if let ActRef::Modbus(m) = act {
            *self.modbus.entry((m.unit, m.function)).or_default() += 1;
        }
    }
}
