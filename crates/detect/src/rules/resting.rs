//! An asset that should be silent and is not: marked unused, faulty, retired or denied by a person, and heard. Who marks a device
//! as unused or faulty may still have to walk to the switch; those two have a time of grace.

use crate::Cx;
use crate::gather::Spark;
use crate::identity::{Identity, News};
use crate::rules::place;
use model::{AssetId, AssetState, Fact, Span};

const STATES: [AssetState; 4] = [AssetState::Unused, AssetState::Faulty, AssetState::Retired, AssetState::Denied];
/// One that stays is told again at most this often.
const STILL_HERE: Span = Span::hours(1);

fn key(id: AssetId, state: AssetState) -> String {
    format!("resting-device/{id}/{}", state.name())
}

/// Looks at what was heard.
pub fn look(news: &News, identity: &Identity, cx: &mut Cx<'_>) {
    let rules = cx.rules;
    let rule = &rules.resting;
    for id in &news.heard {
        let Some(a) = identity.get(*id).filter(|a| STATES.contains(&a.state)) else { continue };
        let grace = matches!(a.state, AssetState::Unused | AssetState::Faulty);
        if grace && cx.now.at < a.state_since + rule.seconds("grace_s") {
            continue;
        }
        let kind = a.state.name();
        let mut s = Spark::new(key(a.id, a.state), rule.severity(kind), kind)
            .fact("device", Fact::Asset(a.id))
            .text("address", a.address())
            .text("mac", a.mac())
            .text("place", place(a.segment))
            .fact("time", Fact::Time(cx.now.at));
        s.every = STILL_HERE;
        s.asset = Some(a.id);
        s.events = vec![cx.now.id];
        cx.raise(rule, s);
    }
}

/// A person said what a device is: what was told under another state is over.
pub fn deed(id: AssetId, to: AssetState, cx: &mut Cx<'_>) {
    let rules = cx.rules;
    for state in STATES.into_iter().filter(|s| *s != to) {
        cx.gather.cease(&rules.resting, &key(id, state), cx.now, cx.out);
    }
}
