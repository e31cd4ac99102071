//! A witness has seen another history of our own log (C2SP tlog-witness): a fork, a rollback, or a growth that was not proven. The highest rank there
//! is: what everything else rests on was changed, by whoever holds the machine. The watch asks the witnesses and writes what they say into the log as a
//! deed; so the finding is made of an event like every other, and is made again when the log is folded again.

use crate::Cx;
use crate::gather::Spark;
use model::Fact;
use model::event::Dispute;

/// A witness said no. One finding for each witness and way; it stays until a person closes it, also when the witness is content again.
pub fn disputed(witness: &str, dispute: Dispute, size: u64, theirs: Option<u64>, cx: &mut Cx<'_>) {
    let rules = cx.rules;
    let rule = &rules.fork;
    let shown: String = witness.chars().take(120).collect();
    let mut spark = Spark::new(format!("vault-fork/{dispute}/{witness}"), rule.severity(dispute.name()), dispute.name())
        .text("witness", shown)
        .fact("size", Fact::Count(size))
        .fact("theirs", Fact::Count(theirs.unwrap_or(0)))
        .text("known", if theirs.is_some() { "yes" } else { "no" })
        .fact("time", Fact::Time(cx.now.at));
    spark.every = rule.seconds("quiet_s");
    spark.events = vec![cx.now.id];
    cx.raise(rule, spark);
}
