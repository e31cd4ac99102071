//! Data files → a checked [`Catalogue`], embedded in the program. Errors carry file and line.

pub mod credentials;
pub mod measures;
pub mod oui;
pub mod phrases;
pub mod recognition;
pub mod rules;
mod text;

pub use measures::{Measure, Measures};
pub use phrases::{PhraseError, Phrasebook, Value};
pub use recognition::{Hit, Recognition, Sign};
pub use rules::{Escalation, Parameter, Rule, Words, read_rules};
pub use text::CatalogueError;

/// The rule files that are built in: name and text.
pub const RULE_FILES: &[(&str, &str)] = &[
    ("catalogue/rules/unregistered-device.toml", include_str!("../../../catalogue/rules/unregistered-device.toml")),
    ("catalogue/rules/arp-spoofing.toml", include_str!("../../../catalogue/rules/arp-spoofing.toml")),
    ("catalogue/rules/port-scan.toml", include_str!("../../../catalogue/rules/port-scan.toml")),
    ("catalogue/rules/password-guessing.toml", include_str!("../../../catalogue/rules/password-guessing.toml")),
    ("catalogue/rules/clear-login.toml", include_str!("../../../catalogue/rules/clear-login.toml")),
    ("catalogue/rules/default-credentials.toml", include_str!("../../../catalogue/rules/default-credentials.toml")),
    ("catalogue/rules/resting-device.toml", include_str!("../../../catalogue/rules/resting-device.toml")),
    ("catalogue/rules/gateway-changed.toml", include_str!("../../../catalogue/rules/gateway-changed.toml")),
    ("catalogue/rules/rogue-dhcp.toml", include_str!("../../../catalogue/rules/rogue-dhcp.toml")),
    ("catalogue/rules/rogue-router.toml", include_str!("../../../catalogue/rules/rogue-router.toml")),
    ("catalogue/rules/device-moved.toml", include_str!("../../../catalogue/rules/device-moved.toml")),
    ("catalogue/rules/old-encryption.toml", include_str!("../../../catalogue/rules/old-encryption.toml")),
    ("catalogue/rules/internet-need.toml", include_str!("../../../catalogue/rules/internet-need.toml")),
    ("catalogue/rules/content-conflict.toml", include_str!("../../../catalogue/rules/content-conflict.toml")),
    ("catalogue/rules/habit.toml", include_str!("../../../catalogue/rules/habit.toml")),
    ("catalogue/rules/zone-talk.toml", include_str!("../../../catalogue/rules/zone-talk.toml")),
    ("catalogue/rules/vault-fork.toml", include_str!("../../../catalogue/rules/vault-fork.toml")),
    ("catalogue/rules/own-clock.toml", include_str!("../../../catalogue/rules/own-clock.toml")),
    ("catalogue/rules/clock-jump.toml", include_str!("../../../catalogue/rules/clock-jump.toml")),
    ("catalogue/rules/source-clock.toml", include_str!("../../../catalogue/rules/source-clock.toml")),
    ("catalogue/rules/vault-drops.toml", include_str!("../../../catalogue/rules/vault-drops.toml")),
    ("catalogue/rules/volume-habit.toml", include_str!("../../../catalogue/rules/volume-habit.toml")),
    ("catalogue/rules/beacon.toml", include_str!("../../../catalogue/rules/beacon.toml")),
    ("catalogue/rules/dns-tunnel.toml", include_str!("../../../catalogue/rules/dns-tunnel.toml")),
    ("catalogue/rules/icmp-tunnel.toml", include_str!("../../../catalogue/rules/icmp-tunnel.toml")),
    ("catalogue/rules/outflow.toml", include_str!("../../../catalogue/rules/outflow.toml")),
    ("catalogue/rules/modbus-write.toml", include_str!("../../../catalogue/rules/modbus-write.toml")),
];

/// Wording of the reasons of guesses (`reason-…`), Japanese; to be put into a page's [`Phrasebook`].
pub const REASONS_JA: &str = include_str!("../../../catalogue/data/reasons.ja.ftl");
/// Wording of the reasons of guesses (`reason-…`), English.
pub const REASONS_EN: &str = include_str!("../../../catalogue/data/reasons.en.ftl");

use std::sync::Arc;

/// Everything that is data: rules, measures, recognition.
#[derive(Debug)]
pub struct Catalogue {
    rules: Vec<Rule>,
    measures: Measures,
    recognition: Arc<Recognition>,
}

impl Catalogue {
    /// Reads and checks what is built in.
    pub fn load() -> Result<Catalogue, CatalogueError> {
        let measures = Measures::built_in();
        let rules = RULE_FILES.iter().map(|(file, text)| rules::read_rule(file, text, &measures)).collect::<Result<Vec<_>, _>>()?;
        let recognition = Arc::new(Recognition::built_in()?);
        Ok(Catalogue { rules, measures, recognition })
    }

    /// The same with rules from elsewhere in place of those of the same id.
    pub fn with_rules(mut self, rules: Vec<Rule>) -> Catalogue {
        for rule in rules {
            self.rules.retain(|r| r.id != rule.id);
            self.rules.push(rule);
        }
        self
    }

    /// The rule of this id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|r| r.id == id)
    }
    /// Every rule.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
    /// The measures of the guidance documents.
    pub fn measures(&self) -> &Measures {
        &self.measures
    }
    /// How devices are recognised.
    pub fn recognition(&self) -> &Arc<Recognition> {
        &self.recognition
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Lang;

    #[test]
    fn the_built_in_rules_are_sound() {
        let c = Catalogue::load().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(c.rules().len(), rules::DETECTORS.len());
        for rule in c.rules() {
            for lang in Lang::ALL {
                for text in [rule.name(lang), rule.sees(lang), rule.cannot_see(lang)] {
                    assert!(!text.is_empty() && !text.contains(['{', '⟦']), "{}: {text}", rule.id);
                }
                let words = rule.words(lang, &[]);
                assert!(!words.title.is_empty() && !words.steps.is_empty(), "{}", rule.id);
            }
            let detector = rules::DETECTORS.iter().find(|d| d.id == rule.id).unwrap();
            for e in detector.escalations {
                assert!(rule.escalations.iter().any(|x| x.when == *e), "{} lacks the escalation {e}", rule.id);
            }
        }
    }

    fn refused(change: impl Fn(&str) -> String) -> CatalogueError {
        let (file, text) = RULE_FILES[0];
        rules::read_rule(file, &change(text), &Measures::built_in()).unwrap_err()
    }
    fn line_of(text: &str, what: &str) -> usize {
        text.lines().position(|l| l.contains(what)).unwrap() + 1
    }

    #[test]
    fn mistakes_are_told_with_line_and_remedy() {
        let text = RULE_FILES[0].1;
        let e = refused(|t| t.replace("m23:12", "m23:99x"));
        assert_eq!(e.line, line_of(text, "m23:12"), "{e}");
        let e = refused(|t| t.replace("severity = \"week\"\nkey", "sevrity = \"week\"\nkey"));
        assert!(e.what.contains("did you mean 'severity'"), "{e}");
        assert_eq!(e.line, line_of(text, "severity = \"week\""));
        let e = refused(|t| t.replacen("severity = \"week\"", "severity = \"soon\"", 1));
        assert!(e.what.contains("today, week, check, record"), "{e}");
        let e = refused(|t| t.replacen("default = 24", "default = 9999", 1));
        assert_eq!(e.line, line_of(text, "default = 24"), "{e}");
        let e = refused(|t| t.replace("[parameters.learning_h]", "[parameters.lerning_h]"));
        assert!(e.what.contains("learning_h"), "{e}");
        let e = refused(|t| t.replace("{ $maker }", "{ $makr }"));
        assert!(e.what.contains("$maker") && e.what.contains("[facts]"), "{e}");
        let e = refused(|t| t.replace("[words.en]", "[words.fr]"));
        assert!(e.line > 1, "{e}");
        let e = refused(|t| t.replacen("{ $count } 台あります", "台あります", 2).replacen("{ $count } 台の機器を", "", 1));
        assert!(e.what.contains("$count"), "{e}");
        let e = refused(|t| t.replacen("id = \"unregistered-device\"", "id = \"unregistered-devise\"", 1));
        assert!(e.what.contains("did you mean 'unregistered-device'"), "{e}");
        let e = refused(|t| t.replace("T1200", "1200"));
        assert!(e.what.contains("technique"), "{e}");
        let e = refused(|t| t.replace("*[new]", "[new]"));
        assert!(e.what.contains("Fluent"), "{e}");
    }

    #[test]
    fn several_rule_files_at_once() {
        let m = Measures::built_in();
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let mut files: Vec<_> = RULE_FILES.iter().take(2).map(|(name, text)| file(name, text)).collect();
        assert_eq!(read_rules(&files, &m).unwrap().len(), 2);
        files.push(file("z.toml", RULE_FILES[0].1));
        files.push(file("y.toml", "id = "));
        let errors = read_rules(&files, &m).unwrap_err();
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(errors[0].what.contains("already stands in"), "{errors:?}");
    }
}
