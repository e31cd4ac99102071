//! A device that nobody entered. In the first days, and as long as there is no ledger, everything is unknown: that is one
//! finding with a count and not a hundred. Once people have begun a ledger and the learning time is over, each new device is
//! told by itself, and gravely where control equipment is. What a person marked as not to be used is [`super::resting`]'s matter.

use crate::Cx;
use crate::gather::{Settings, Spark};
use crate::identity::{Identity, Known, News};
use crate::rules::place;
use crate::site::Site;
use model::{AssetId, AssetState, Fact, Span, Time};
use serde::{Deserialize, Serialize};

const GATHERED: &str = "unregistered-device/first-look";

/// By what repeats gather.
pub fn key(id: AssetId) -> String {
    format!("unregistered-device/{id}")
}

/// Whether the first days are over.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Newcomers {
    /// There is a ledger and the learning time has passed: new devices are told one by one.
    pub settled: bool,
}

fn spark(a: &Known, kind: &str, rule: &Settings, when: &str, at: Time) -> Spark {
    let name = a.names.first().map_or("–", |(_, n)| n.as_str());
    let mut s = Spark::new(key(a.id), rule.severity(when), kind)
        .fact("device", Fact::Asset(a.id))
        .text("address", a.address())
        .text("mac", a.mac())
        .text("maker", a.maker())
        .text("name", name)
        .text("place", place(a.segment))
        .fact("count", Fact::Count(1))
        .fact("time", Fact::Time(at));
    s.asset = Some(a.id);
    s
}

impl Newcomers {
    /// Looks at what an event told about assets.
    pub fn look(&mut self, news: &News, identity: &mut Identity, began: Time, cx: &mut Cx<'_>) {
        let rules = cx.rules;
        let rule = &rules.unregistered;
        let now = cx.now;
        self.time(began, now.at, rule, identity);
        for id in &news.discovered {
            let Some(a) = identity.get(*id) else { continue };
            if self.settled {
                let (kind, when) = Newcomers::gravity(a, identity, cx.site);
                let s = spark(a, kind, rule, when, now.at);
                cx.raise(rule, s);
            } else {
                let mut s = spark(a, "gathered", rule, "gathered", now.at).fact("count", Fact::Count(identity.strangers()));
                s.key = GATHERED.into();
                s.asset = None;
                s.others = vec![*id];
                cx.raise(rule, s);
            }
        }
        for id in &news.control {
            let Some(a) = identity.get(*id).filter(|a| a.state == AssetState::Discovered && self.settled) else { continue };
            let mut s = spark(a, "control", rule, "control", now.at);
            s.worse = cx.gather.is_open(&s.key);
            cx.raise(rule, s);
        }
        for id in &news.heard {
            let Some(a) = identity.get(*id) else { continue };
            if a.state == AssetState::Discovered && self.settled && a.before > Time::MIN {
                let away = Span::days(rule.number("absence_d").min(36_500));
                if a.last.since(a.before) > away {
                    let (kind, when) = Newcomers::gravity(a, identity, cx.site);
                    let s = spark(a, kind, rule, when, now.at);
                    cx.raise(rule, s);
                }
            }
        }
        for id in &news.described {
            let Some(a) = identity.get(*id) else { continue };
            let (address, name) = (a.address(), a.names.first().map_or("–", |(_, n)| n.as_str()));
            cx.gather.restate(&key(*id), |facts| {
                facts.insert("address".into(), Fact::Text(address));
                facts.insert("name".into(), Fact::Text(name.into()));
            });
        }
    }

    fn gravity(a: &Known, identity: &Identity, site: &Site) -> (&'static str, &'static str) {
        if site.is_control_asset(a) || a.master {
            ("control", "control")
        } else if a.random {
            ("new", "randomised")
        } else if identity.is_control_segment(a.segment) {
            ("control", "control")
        } else {
            ("new", "new")
        }
    }

    /// Whether the first days are over, now.
    pub fn time(&mut self, began: Time, now: Time, rule: &Settings, identity: &Identity) {
        if !self.settled && identity.has_ledger() && now.since(began) >= Span::hours(rule.number("learning_h").min(87_600)) {
            self.settled = true;
        }
    }

    /// A person said what a device is.
    pub fn deed(id: AssetId, to: AssetState, identity: &Identity, cx: &mut Cx<'_>) {
        let rules = cx.rules;
        let rule = &rules.unregistered;
        if to != AssetState::Discovered {
            cx.gather.cease(rule, &key(id), cx.now, cx.out);
        }
        if identity.strangers() == 0 {
            cx.gather.cease(rule, GATHERED, cx.now, cx.out);
        }
    }
}
