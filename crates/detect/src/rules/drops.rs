//! The vault had no room and let records go by its policy (`vault::PRESSURE`). Each drop is a deed in the log; here it becomes something that a person
//! looks at, one finding for each table, counted by records.

use crate::Cx;
use crate::gather::Spark;
use model::event::Table;
use model::{Fact, Time};

/// Records were let go.
pub fn dropped(table: Table, rows: u64, (from, to): (Time, Time), reason: &str, cx: &mut Cx<'_>) {
    let rules = cx.rules;
    let rule = &rules.drops;
    let mut spark = Spark::new(format!("vault-drops/{}", table.name()), rule.severity(table.name()), table.name())
        .fact("rows", Fact::Count(rows))
        .fact("from", Fact::Time(from))
        .fact("to", Fact::Time(to))
        .text("reason", reason.chars().take(200).collect::<String>());
    spark.happened = rows;
    spark.every = rule.seconds("quiet_s");
    spark.events = vec![cx.now.id];
    cx.raise(rule, spark);
}
