//! Guesses with their reasons, and how several signs are weighed against each other.
//!
//! Detection tells each *sign* by itself: a property, a value, how sure the sign alone would make us, the reason. Whoever reads an
//! asset gets them weighed by [`weigh`]. The rules, all in whole per cents (docs/en/recognition.md has them for people):
//!
//! 1. One reason counts once for a property, with its surest value.
//! 2. Signs *agree* when they say the same, or when one says more of the same: `Windows 10` agrees with `Windows`, `plc` with
//!    `control`. The fuller word is supported by the plainer one, not the other way round.
//! 3. The surest sign of a value counts whole; each further one that agrees takes half of its own share of the doubt that is left:
//!    60 and 50 make 60 + 40 × 50 / 200 = 70. Signs are seldom independent, hence half. Never more than 99.
//! 4. What speaks against it takes away up to a quarter: 80 against which 60 stands becomes 80 − 80 × 60 / 400 = 68.
//! 5. The surest value comes first; a fuller word that agrees with it goes before it when it is at least three quarters as sure.
//!    The others stay and are shown: who reads them sees that signs contradict each other.

use super::{Kind, Property};
use crate::activity::Protocol;
use crate::ids::EventId;
use serde::{Deserialize, Serialize};

/// A guess with its reason: one sign as detection tells it, or, in an asset that was read, a value with all signs for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guess {
    /// What about.
    pub property: Property,
    /// The value: a name of [`Kind`] for `Kind`, free text otherwise.
    pub value: String,
    /// 1–100: how sure; docs/en/recognition.md says what the steps mean.
    pub confidence: u8,
    /// Key of the reason's wording (locale key `reason-…`), for example `modbus-server`. Of several, the surest.
    pub reason: String,
    /// The protocol that told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// The event that told.
    pub because: EventId,
    /// Further signs that agree, surest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Support>,
}

/// A sign that agrees with a guess.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Support {
    /// Key of the reason's wording.
    pub reason: String,
    /// How sure that sign alone would make us.
    pub confidence: u8,
    /// The event that told.
    pub because: EventId,
}

/// `fuller` says the same as `plain`, or more of the same.
fn agrees(property: Property, fuller: &str, plain: &str) -> bool {
    if fuller.eq_ignore_ascii_case(plain) {
        return true;
    }
    if property == Property::Kind {
        let within = match Kind::from_name(fuller) {
            Some(Kind::Plc | Kind::Hmi) => Some(Kind::Control),
            Some(Kind::Nas) => Some(Kind::Server),
            Some(Kind::Camera) => Some(Kind::Iot),
            _ => None,
        };
        return within.is_some() && within == Kind::from_name(plain);
    }
    let words = |text: &str| -> Vec<String> {
        text.to_lowercase().split(|c: char| !c.is_alphanumeric() && c != '.').filter(|w| !w.is_empty()).map(str::to_owned).collect()
    };
    let (fuller, plain) = (words(fuller), words(plain));
    !plain.is_empty() && plain.len() <= fuller.len() && fuller.windows(plain.len()).any(|w| w == plain)
}

/// Weighs the signs of an asset: one guess for each value, by property, the surest first. Weighing twice changes nothing only while
/// no signs agree: it is done once, when an asset is read.
pub fn weigh(signs: Vec<Guess>) -> Vec<Guess> {
    let mut out: Vec<Guess> = Vec::new();
    for property in Property::ALL {
        let mut of: Vec<&Guess> = signs.iter().filter(|s| s.property == *property).collect();
        of.sort_by(|a, b| b.confidence.cmp(&a.confidence).then_with(|| a.reason.cmp(&b.reason)).then_with(|| a.value.cmp(&b.value)));
        let mut values: Vec<Guess> = Vec::new();
        for sign in &of {
            if values.iter().any(|v| v.value.eq_ignore_ascii_case(&sign.value)) {
                continue;
            }
            let mut guess = Guess { also: Vec::new(), ..(*sign).clone() };
            let mut sure = u32::from(sign.confidence.min(99));
            for other in of.iter().filter(|o| o.reason != sign.reason && agrees(*property, &sign.value, &o.value)) {
                if guess.also.iter().any(|s| s.reason == other.reason) {
                    continue;
                }
                sure += (100 - sure) * u32::from(other.confidence.min(100)) / 200;
                guess.also.push(Support { reason: other.reason.clone(), confidence: other.confidence, because: other.because });
            }
            guess.confidence = u8::try_from(sure.min(99)).unwrap_or(99);
            values.push(guess);
        }
        let alone: Vec<(String, u32)> = values.iter().map(|v| (v.value.clone(), v.confidence.into())).collect();
        for v in &mut values {
            let against = alone
                .iter()
                .filter(|(other, _)| !agrees(*property, &v.value, other) && !agrees(*property, other, &v.value))
                .map(|(_, sure)| *sure)
                .max()
                .unwrap_or(0);
            let sure = u32::from(v.confidence);
            v.confidence = u8::try_from((sure - sure * against / 400).max(1)).unwrap_or(99);
        }
        values.sort_by(|a, b| b.confidence.cmp(&a.confidence).then_with(|| b.value.len().cmp(&a.value.len())));
        if let Some(first) = values.first() {
            let fuller = values
                .iter()
                .skip(1)
                .position(|v| agrees(*property, &v.value, &first.value) && u32::from(v.confidence) * 4 >= u32::from(first.confidence) * 3);
            if let Some(at) = fuller {
                let value = values.remove(at + 1);
                values.insert(0, value);
            }
        }
        out.extend(values);
    }
    out
}

impl Guess {
    /// The two cannot both be true.
    pub fn contradicts(&self, other: &Guess) -> bool {
        self.property == other.property
            && !agrees(self.property, &self.value, &other.value)
            && !agrees(self.property, &other.value, &self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(property: Property, value: &str, confidence: u8, reason: &str) -> Guess {
        let because = EventId { site: crate::SiteId::NIL, epoch: 1, seq: 1 };
        Guess { property, value: value.into(), confidence, reason: reason.into(), protocol: None, because, also: vec![] }
    }
    fn said(signs: Vec<Guess>) -> Vec<(String, u8)> {
        weigh(signs).into_iter().map(|g| (g.value, g.confidence)).collect()
    }

    #[test]
    fn signs_that_agree_make_surer_and_one_reason_counts_once() {
        let k = Property::Kind;
        assert_eq!(said(vec![sign(k, "printer", 60, "a"), sign(k, "printer", 50, "b")]), [("printer".into(), 70)]);
        assert_eq!(said(vec![sign(k, "printer", 60, "a"), sign(k, "printer", 50, "a")]), [("printer".into(), 60)]);
        let many = (0..50).map(|i| sign(k, "plc", 90, &format!("r{i}"))).collect();
        assert!(said(many)[0].1 <= 99);
    }

    #[test]
    fn the_fuller_word_is_supported_by_the_plainer_one_and_not_contradicted() {
        let got = said(vec![sign(Property::Os, "Windows", 80, "a"), sign(Property::Os, "Windows 10", 60, "b")]);
        assert_eq!(got, [("Windows 10".into(), 76), ("Windows".into(), 80)]);
        let got = said(vec![sign(Property::Kind, "control", 50, "oui"), sign(Property::Kind, "plc", 70, "modbus")]);
        assert_eq!(got, [("plc".into(), 77), ("control".into(), 50)]);
    }

    #[test]
    fn contradictory_signs_lower_each_other_and_both_stay() {
        let got = said(vec![sign(Property::Kind, "plc", 80, "a"), sign(Property::Kind, "printer", 60, "b")]);
        assert_eq!(got, [("plc".into(), 68), ("printer".into(), 48)]);
    }

    #[test]
    fn odd_values_are_harmless() {
        assert!(weigh(vec![]).is_empty());
        let odd =
            said(vec![sign(Property::Model, "", 100, "a"), sign(Property::Model, "…", 255, "b"), sign(Property::Kind, "no such", 0, "c")]);
        assert_eq!(odd.len(), 3);
    }
}
