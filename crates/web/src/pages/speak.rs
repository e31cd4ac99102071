//! What findings say: a rule's words filled with a finding's facts, in the reader's language and time zone.

use crate::ask::Ask;
use crate::problem::Problem;
use crate::view::{FactRow, FindingRow, FindingWords, Link};
use catalogue::Value;
use model::access::ViewAssets;
use model::{AssetId, Fact, Finding, Lang, Principal};
use std::collections::{BTreeMap, BTreeSet};

/// Most characters of a text from the wire that a sentence carries.
const LONGEST: usize = 200;
/// Most entries of a list in a sentence.
const MOST_LISTED: usize = 12;

/// Names of assets and sensors that a page mentions.
#[derive(Debug, Default)]
pub(crate) struct Names {
    assets: BTreeMap<AssetId, String>,
    sensors: BTreeMap<u16, String>,
}

impl Names {
    /// Of all assets that these findings mention, as far as the reader may see them.
    pub(crate) async fn of(ask: &Ask, findings: &[&Finding]) -> Result<Names, Problem> {
        let mut ids = BTreeSet::new();
        for f in findings {
            ids.extend(f.asset);
            ids.extend(f.others.iter().copied());
            ids.extend(f.facts.values().filter_map(|v| if let Fact::Asset(id) = v { Some(*id) } else { None }));
        }
        let mut names = Names::ids(ask, ids).await?;
        if findings.iter().any(|f| f.facts.contains_key("place")) {
            names.sensors = super::assets::sensor_names(ask).await;
        }
        Ok(names)
    }

    pub(crate) async fn ids(ask: &Ask, ids: BTreeSet<AssetId>) -> Result<Names, Problem> {
        let Ok(proof) = ask.also(ViewAssets) else { return Ok(Names::default()) };
        if ids.is_empty() {
            return Ok(Names::default());
        }
        let ids: Vec<AssetId> = ids.into_iter().collect();
        Ok(Names { assets: ask.store.asset_labels(&proof, &ids).await?, sensors: BTreeMap::new() })
    }

    /// The name, or the id where it may not be seen.
    pub(crate) fn name(&self, id: AssetId) -> String {
        self.assets.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// The name with the way to its page, where it may be seen.
    pub(crate) fn link(&self, id: AssetId) -> Link {
        match self.assets.get(&id) {
            Some(name) => Link::to(name, format!("/assets/{id}")),
            None => Link::plain(id.to_string()),
        }
    }
}

pub(crate) fn cut(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(LONGEST + 1).collect();
    if clean.chars().count() > LONGEST { clean.chars().take(LONGEST - 1).chain(['…']).collect() } else { clean }
}

/// Who did something, in words: a person as one speaks of one, the command line as what it is.
pub(crate) fn who(ask: &Ask, name: &str) -> String {
    if name == Principal::machine().name { ask.say("who-machine") } else { ask.t().x("who-person", &cut(name)) }
}

enum Owned {
    Text(String),
    Number(i64),
}

/// A place as detection writes it (`#1`, `#1 VLAN 10`) with the sensor's name instead of its number.
pub fn place(text: &str, sensors: &BTreeMap<u16, String>) -> Option<String> {
    let rest = text.strip_prefix('#')?;
    let (number, vlan) = rest.split_once(' ').map_or((rest, ""), |(n, v)| (n, v));
    let name = sensors.get(&number.parse().ok()?)?;
    Some(if vlan.is_empty() { cut(name) } else { format!("{} · {}", cut(name), cut(vlan)) })
}

fn value(ask: &Ask, names: &Names, name: &str, fact: &Fact) -> Owned {
    let number = |n: u64| Owned::Number(i64::try_from(n).unwrap_or(i64::MAX));
    match fact {
        Fact::Count(n) => number(*n),
        Fact::Percent(n) => number(u64::from(*n)),
        Fact::Text(t) if name == "place" => Owned::Text(place(t, &names.sensors).unwrap_or_else(|| cut(t))),
        Fact::Text(t) => Owned::Text(cut(t)),
        Fact::Bytes(n) => Owned::Text(ask.format.bytes(*n)),
        Fact::Time(t) => Owned::Text(ask.format.date_time(*t)),
        Fact::Span(s) => Owned::Text(ask.format.span(*s)),
        Fact::Asset(id) => Owned::Text(names.name(*id)),
        Fact::List(l) => {
            let joint = if ask.lang == Lang::Ja { "、" } else { ", " };
            let mut out = l.iter().take(MOST_LISTED).map(|t| cut(t)).collect::<Vec<_>>().join(joint);
            if l.len() > MOST_LISTED {
                out.push_str(" …");
            }
            Owned::Text(out)
        }
    }
}

fn with_facts<R>(ask: &Ask, names: &Names, finding: &Finding, say: impl FnOnce(&[(&str, Value<'_>)]) -> R) -> R {
    let owned: Vec<(&str, Owned)> = finding.facts.iter().map(|(k, v)| (k.as_str(), value(ask, names, k, v))).collect();
    let borrowed: Vec<(&str, Value<'_>)> = owned
        .iter()
        .map(|(k, v)| {
            (
                *k,
                match v {
                    Owned::Text(t) => Value::Text(t),
                    Owned::Number(n) => Value::Number(*n),
                },
            )
        })
        .collect();
    say(&borrowed)
}

/// The title alone. A finding of a rule that is no longer there is called by the rule's id.
pub(crate) fn title(ask: &Ask, names: &Names, finding: &Finding) -> String {
    match ask.shared.catalogue.rule(&finding.rule) {
        Some(rule) => with_facts(ask, names, finding, |facts| rule.title(ask.lang, facts)),
        None => finding.rule.clone(),
    }
}

/// All that it says.
pub(crate) fn words(ask: &Ask, names: &Names, finding: &Finding) -> FindingWords {
    match ask.shared.catalogue.rule(&finding.rule) {
        Some(rule) => {
            let w = with_facts(ask, names, finding, |facts| rule.words(ask.lang, facts));
            FindingWords { title: w.title, what: w.happened, why: w.why, steps: w.steps, whom: w.tell }
        }
        None => FindingWords { title: finding.rule.clone(), ..FindingWords::default() },
    }
}

/// A row of a list.
pub(crate) fn row(ask: &Ask, names: &Names, f: &Finding) -> FindingRow {
    FindingRow {
        href: format!("/findings/{}", f.id),
        severity: f.severity,
        status: f.status,
        title: title(ask, names, f),
        asset: f.asset.map(|id| names.link(id)),
        count: f.count,
        first: ask.when(f.first),
        last: ask.when(f.last),
    }
}

/// Whether a fact of the finding names this asset: then it need not stand among the others too.
pub(crate) fn told(f: &Finding, id: AssetId) -> bool {
    f.facts.values().any(|v| matches!(v, Fact::Asset(a) if *a == id))
}

/// Its facts as they are kept.
pub(crate) fn facts(ask: &Ask, names: &Names, f: &Finding) -> Vec<FactRow> {
    let label = |name: &str| {
        let key = format!("fact-{}", name.replace('_', "-"));
        let known = crate::view::words::check().is_ok_and(|b| b.has(&key));
        if known { ask.say(&key) } else { name.replace('_', " ") }
    };
    f.facts
        .iter()
        // The device stands above already; the sort of a finding is in its title.
        .filter(|(name, fact)| name.as_str() != "kind" && !matches!(fact, Fact::Asset(id) if f.asset == Some(*id)))
        .filter(|(_, fact)| !matches!(fact, Fact::Text(t) if t.is_empty() || t == "–"))
        .map(|(name, fact)| FactRow {
            label: label(name),
            values: match fact {
                Fact::Asset(id) => vec![names.link(*id)],
                Fact::List(l) => l.iter().map(|t| Link::plain(cut(t))).collect(),
                Fact::Percent(n) => vec![Link::plain(format!("{}%", ask.format.number(u64::from(*n))))],
                other => vec![Link::plain(match value(ask, names, name, other) {
                    Owned::Text(t) => t,
                    Owned::Number(n) => ask.format.number(n.unsigned_abs()),
                })],
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_by_the_sensors_name() {
        let sensors = BTreeMap::from([(1, String::from("第1ライン"))]);
        assert_eq!(place("#1 VLAN 10", &sensors).as_deref(), Some("第1ライン · VLAN 10"));
        assert_eq!(place("#1", &sensors).as_deref(), Some("第1ライン"));
        for other in ["#2", "1", "", "#", "#x VLAN 1"] {
            assert_eq!(place(other, &sensors), None, "{other}");
        }
    }
}
