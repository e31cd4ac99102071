//! What was decided on encryption at rest: the deed, and the evidence for the measures that ask for it, in one transaction.
//!
//! How the data folder stands is told by the folder itself; here is only who decided what, when, and why.

use crate::db::{to_json, v};
use crate::error::Result;
use crate::outbox::audit;
use crate::store::Store;
use model::access::EditSettings;
use model::event::{Deed, Evidence, Verdict};
use model::{Authorised, Body, NewEvent, SourceId, Time};

/// The objective that the evidence is of (catalogue/documents/measures.yaml: data-at-rest encryption).
pub const OBJECTIVE: &str = "file-encryption";
/// The name under which the deed stands.
pub const SETTING: &str = "vault.encryption";

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// How it stood: `open`, `off`, `on`.
    pub from: &'a str,
    /// It is encrypted from now on.
    pub on: bool,
    /// What opens it where it is on; why it is off.
    pub words: &'a str,
}

impl Store {
    /// Records a decision on encryption at rest: what was done, and as evidence that the objective is met or not, with the reason.
    pub async fn encryption_decided(&self, proof: &Authorised<EditSettings>, decision: Decision<'_>, now: Time) -> Result<()> {
        self.guard_whole(proof, "encryption at rest")?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let to = if decision.on { format!("on: {}", decision.words) } else { format!("off: {}", decision.words) };
        audit(&mut tx, &who, Deed::Setting { key: SETTING.to_owned(), from: decision.from.to_owned(), to }, now).await?;
        let number = tx.number("UPDATE site SET deeds = deeds + 1 RETURNING deeds", v![]).await?;
        let evidence = Evidence {
            objective: OBJECTIVE.to_owned(),
            check: String::from("attestation"),
            verdict: if decision.on { Verdict::Met } else { Verdict::NotMet },
            population: 1,
            shown_by: Vec::new(),
            until: None,
            note: decision.words.to_owned(),
        };
        let event = NewEvent { source: SourceId(0), received: now, happened: None, body: Body::Evidence(Box::new(evidence)) };
        let text = to_json(&event, tx.place())?;
        tx.run("INSERT INTO outbox (number, event) VALUES ($1, $2)", v![number, text]).await?;
        tx.commit().await
    }
}
