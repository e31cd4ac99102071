//! Rules: what a detector is called, how it is set, how serious it is, and what it says, in one file per rule
//! (catalogue/rules/*.toml; the envelope of decisions.md, Rules).
//!
//! The detectors themselves are code (crate `detect`); [`DETECTORS`] lists what each needs, so that a file which lacks a
//! parameter, or whose words use a value that the detector does not give, is refused when it is read and not when it fires.
//! Words are Fluent patterns over the declared facts and are formatted by a [`Phrasebook`], so that a placeholder that only
//! one language has is refused as well.

use crate::measures::Measures;
use crate::phrases::{Phrasebook, Value};
use crate::text::{CatalogueError, line_at, nearest, toml_error};
use model::{Lang, Severity};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;

/// What a detector of ours takes and gives.
#[derive(Clone, Copy, Debug)]
pub struct Detector {
    /// Its id, which is the rule's.
    pub id: &'static str,
    /// Parameters, with the unit in the name.
    pub parameters: &'static [&'static str],
    /// Reasons for another severity.
    pub escalations: &'static [&'static str],
    /// Values for the wording, with the sort of each ([`FACT_SORTS`]).
    pub facts: &'static [(&'static str, &'static str)],
}

/// Sorts of facts: the variants of `model::Fact`; `asset` may also be an address in words where no asset is known.
pub const FACT_SORTS: &[&str] = &["text", "count", "bytes", "time", "span", "percent", "asset", "list"];

/// Who answers for the network's addresses or ways out: the same for DHCP servers and IPv6 routers.
const PROVIDER: Detector = Detector {
    id: "rogue-dhcp",
    parameters: &["learning_h", "alive_h"],
    escalations: &["registered", "new", "posing"],
    facts: &[
        ("kind", "text"),
        ("device", "asset"),
        ("address", "text"),
        ("mac", "text"),
        ("maker", "text"),
        ("usual", "list"),
        ("offers", "list"),
        ("place", "text"),
        ("time", "time"),
    ],
};

/// Every detector of ours.
pub const DETECTORS: &[Detector] = &[
    Detector {
        id: "unregistered-device",
        parameters: &["learning_h", "absence_d"],
        escalations: &["gathered", "randomised", "control"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("address", "text"),
            ("mac", "text"),
            ("maker", "text"),
            ("name", "text"),
            ("place", "text"),
            ("count", "count"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "arp-spoofing",
        parameters: &["window_s", "alternations", "alive_s"],
        escalations: &["middle", "router", "control", "proxy"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("owner", "asset"),
            ("addresses", "list"),
            ("address", "text"),
            ("mac", "text"),
            ("owner_mac", "text"),
            ("place", "text"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "port-scan",
        parameters: &["window_s", "ports", "hosts", "odd_probes", "arp_hosts"],
        escalations: &["outside", "control", "stranger"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("target", "asset"),
            ("ports", "count"),
            ("hosts", "count"),
            ("sample", "list"),
            ("window", "span"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "password-guessing",
        parameters: &["window_s", "failures", "spray_hosts", "after_s", "conversations"],
        escalations: &["stale", "sealed", "success"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("target", "asset"),
            ("service", "text"),
            ("failures", "count"),
            ("hosts", "count"),
            ("users", "list"),
            ("named", "text"),
            ("window", "span"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "clear-login",
        parameters: &["quiet_s"],
        escalations: &["anonymous", "control"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("target", "asset"),
            ("service", "text"),
            ("user", "text"),
            ("named", "text"),
            ("outcome", "text"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "default-credentials",
        parameters: &["quiet_s"],
        escalations: &["unsure", "empty", "control", "write", "default"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("target", "asset"),
            ("service", "text"),
            ("user", "text"),
            ("named", "text"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "resting-device",
        parameters: &["grace_s"],
        escalations: &["retired", "denied"],
        facts: &[("kind", "text"), ("device", "asset"), ("address", "text"), ("mac", "text"), ("place", "text"), ("time", "time")],
    },
    Detector {
        id: "gateway-changed",
        parameters: &["known_s", "alive_s"],
        escalations: &["registered"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("owner", "asset"),
            ("address", "text"),
            ("mac", "text"),
            ("owner_mac", "text"),
            ("maker", "text"),
            ("place", "text"),
            ("time", "time"),
        ],
    },
    PROVIDER,
    Detector { id: "rogue-router", ..PROVIDER },
    Detector {
        id: "device-moved",
        parameters: &["settle_s", "confirm_s", "prefix_bits"],
        escalations: &["carried", "control"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("from", "text"),
            ("to", "text"),
            ("address", "text"),
            ("mac", "text"),
            ("stayed", "span"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "old-encryption",
        parameters: &["quiet_s", "soon_d"],
        escalations: &["outside", "ssl", "control"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("client", "asset"),
            ("service", "text"),
            ("version", "text"),
            ("subject", "text"),
            ("weakness", "text"),
            ("until", "time"),
            ("days", "count"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "internet-need",
        parameters: &[],
        escalations: &["tried", "unnamed", "lapsed", "control"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("target", "asset"),
            ("address", "text"),
            ("name", "text"),
            ("service", "text"),
            ("bytes", "bytes"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "content-conflict",
        parameters: &["bytes", "window_s", "conversations"],
        escalations: &["many"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("target", "asset"),
            ("service", "text"),
            ("bytes", "bytes"),
            ("conversations", "count"),
            ("window", "span"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "habit",
        parameters: &[
            "weeks_min",
            "days_min",
            "watched_pct",
            "factor",
            "deviations",
            "above_floor_kib",
            "below_floor_kib",
            "steady_days",
            "steady_gap_s",
            "silent_s",
        ],
        escalations: &["control", "extreme"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("bytes", "bytes"),
            ("usual", "bytes"),
            ("percent", "percent"),
            ("samples", "count"),
            ("basis", "text"),
            ("learned", "span"),
            ("hour", "time"),
            ("since", "time"),
        ],
    },
    Detector {
        id: "zone-talk",
        parameters: &["learning_h"],
        escalations: &["control", "control-outside"],
        facts: &[
            ("kind", "text"),
            ("from", "text"),
            ("to", "text"),
            ("device", "asset"),
            ("target", "asset"),
            ("service", "text"),
            ("learned", "span"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "volume-habit",
        parameters: &["weeks_min", "days_min", "watched_pct", "factor", "deviations", "above_floor_kib", "below_floor_kib"],
        escalations: &["extreme"],
        facts: &[
            ("kind", "text"),
            ("what", "text"),
            ("name", "text"),
            ("bytes", "bytes"),
            ("usual", "bytes"),
            ("percent", "percent"),
            ("samples", "count"),
            ("basis", "text"),
            ("learned", "span"),
            ("hour", "time"),
        ],
    },
    Detector {
        id: "beacon",
        parameters: &["learning_h", "calls", "jitter_pct", "interval_min_s", "interval_max_s", "clients"],
        escalations: &["young", "control"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("target", "text"),
            ("address", "text"),
            ("period", "span"),
            ("jitter", "percent"),
            ("calls", "count"),
            ("bytes", "bytes"),
            ("since", "time"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "dns-tunnel",
        parameters: &["window_s", "names", "name_chars", "entropy_cbit"],
        escalations: &["null"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("domain", "text"),
            ("names", "count"),
            ("bytes", "bytes"),
            ("types", "list"),
            ("example", "text"),
            ("window", "span"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "icmp-tunnel",
        parameters: &["window_s", "altered", "lengths", "varied_kib", "bulk_kib", "entropy_cbit"],
        escalations: &["outside"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("target", "asset"),
            ("messages", "count"),
            ("bytes", "bytes"),
            ("altered", "count"),
            ("lengths", "count"),
            ("window", "span"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "outflow",
        parameters: &["days_min", "factor", "floor_mib"],
        escalations: &["control"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("bytes", "bytes"),
            ("usual", "bytes"),
            ("most", "bytes"),
            ("days", "count"),
            ("targets", "list"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "modbus-write",
        parameters: &["learning_h"],
        escalations: &["stranger", "outside"],
        facts: &[
            ("kind", "text"),
            ("device", "asset"),
            ("target", "asset"),
            ("writes", "count"),
            ("functions", "list"),
            ("unit", "count"),
            ("address", "text"),
            ("learned", "span"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "vault-fork",
        parameters: &["quiet_s"],
        escalations: &[],
        facts: &[("kind", "text"), ("witness", "text"), ("size", "count"), ("theirs", "count"), ("known", "text"), ("time", "time")],
    },
    Detector {
        id: "own-clock",
        parameters: &["grace_m", "quiet_s"],
        escalations: &[],
        facts: &[("kind", "text"), ("lasting", "span"), ("time", "time")],
    },
    Detector {
        id: "clock-jump",
        parameters: &["jump_s"],
        escalations: &["ahead", "back"],
        facts: &[("kind", "text"), ("clock_was", "time"), ("clock_is", "time"), ("by", "span")],
    },
    Detector {
        id: "source-clock",
        parameters: &["off_s", "quiet_s"],
        escalations: &[],
        facts: &[
            ("kind", "text"),
            ("source", "asset"),
            ("by", "span"),
            ("spread", "span"),
            ("hours", "count"),
            ("since", "time"),
            ("time", "time"),
        ],
    },
    Detector {
        id: "vault-drops",
        parameters: &["quiet_s"],
        escalations: &[],
        facts: &[("kind", "text"), ("rows", "count"), ("from", "time"), ("to", "time"), ("reason", "text")],
    },
];

/// A parameter of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, which ends in the unit where it has one (`window_s`).
    pub name: String,
    /// Unit: `s`, `h`, `d`, `weeks`, `%`, `KiB`, `times`, or `1` for counts.
    pub unit: String,
    /// The value that is used.
    pub value: i64,
    /// Smallest allowed.
    pub min: i64,
    /// Largest allowed.
    pub max: i64,
    /// What it does, in Japanese and English.
    pub note: [String; 2],
}

/// A reason for another severity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// Its name, known to the detector.
    pub when: String,
    /// The severity then.
    pub severity: Severity,
    /// What it means, in Japanese and English.
    pub note: [String; 2],
}

/// A rule as read and checked.
#[derive(Debug)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Counted up when its meaning changes.
    pub revision: u32,
    /// How soon a person should look, when no escalation applies.
    pub severity: Severity,
    /// Reasons for another severity.
    pub escalations: Vec<Escalation>,
    /// Its settings.
    pub parameters: Vec<Parameter>,
    /// By what repeats gather, in words.
    pub key: String,
    /// Techniques of MITRE ATT&CK (Enterprise).
    pub attack: Vec<String>,
    /// Techniques of MITRE ATT&CK for ICS.
    pub attack_ics: Vec<String>,
    /// Ids of the measures that it serves.
    pub measures: Vec<String>,
    /// Values for the wording, with the sort of each.
    pub facts: BTreeMap<String, String>,
    /// The file it came from.
    pub file: String,
    steps: usize,
    words: Phrasebook,
}

/// What a rule says about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub title: String,
    /// 何が起きたか
    pub happened: String,
    /// なぜ問題か
    pub why: String,
    /// いま何をするか, in order.
    pub steps: Vec<String>,
    /// 誰に知らせるか
    pub tell: String,
}

impl Rule {
    /// The value of a parameter. The loader has made sure that all which the detector needs are there.
    pub fn parameter(&self, name: &str) -> i64 {
        self.parameters.iter().find(|p| p.name == name).map_or(0, |p| p.value)
    }
    /// The severity under an escalation.
    pub fn severity_when(&self, when: &str) -> Severity {
        self.escalations.iter().find(|e| e.when == when).map_or(self.severity, |e| e.severity)
    }
    /// The title alone.
    pub fn title(&self, lang: Lang, facts: &[(&str, Value<'_>)]) -> String {
        self.words.say(lang, "title", facts)
    }
    /// Everything it says, with the finding's facts put in. The caller renders each `model::Fact` in the reader's language:
    /// counts and percentages as numbers, the rest as text.
    pub fn words(&self, lang: Lang, facts: &[(&str, Value<'_>)]) -> Words {
        let say = |key: &str| self.words.say(lang, key, facts);
        Words {
            title: say("title"),
            happened: say("happened"),
            why: say("why"),
            steps: (1..=self.steps).map(|n| say(&format!("step-{n}"))).filter(|s| !s.trim().is_empty()).collect(),
            tell: say("tell"),
        }
    }
    /// What the rule is called where no finding is at hand.
    pub fn name(&self, lang: Lang) -> String {
        self.words.say(lang, "name", &[])
    }
    /// What it sees.
    pub fn sees(&self, lang: Lang) -> String {
        self.words.say(lang, "sees", &[])
    }
    /// What it cannot see.
    pub fn cannot_see(&self, lang: Lang) -> String {
        self.words.say(lang, "cannot-see", &[])
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: Spanned<String>,
    revision: u32,
    severity: Spanned<String>,
    key: String,
    #[serde(default)]
    attack: Vec<Spanned<String>>,
    #[serde(default)]
    attack_ics: Vec<Spanned<String>>,
    measures: Vec<Spanned<String>>,
    #[serde(default)]
    escalation: Vec<RawEscalation>,
    #[serde(default)]
    parameters: BTreeMap<Spanned<String>, RawParameter>,
    facts: BTreeMap<Spanned<String>, Spanned<String>>,
    words: Spanned<RawLanguages>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEscalation {
    when: Spanned<String>,
    severity: Spanned<String>,
    ja: String,
    en: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawParameter {
    unit: String,
    default: Spanned<i64>,
    min: i64,
    max: i64,
    ja: String,
    en: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLanguages {
    ja: RawWords,
    en: RawWords,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawWords {
    name: Spanned<String>,
    title: Spanned<String>,
    happened: Spanned<String>,
    why: Spanned<String>,
    steps: Vec<Spanned<String>>,
    tell: Spanned<String>,
    sees: Spanned<String>,
    cannot_see: Spanned<String>,
}

/// Reads and checks one rule file; `file` is only for messages.
pub fn read_rule(file: &str, text: &str, measures: &Measures) -> Result<Rule, CatalogueError> {
    let raw: RawRule = toml::from_str(text).map_err(|e| toml_error(file, text, &e))?;
    let wrong = |span: Range<usize>, what: String| CatalogueError { file: file.into(), line: line_at(text, span.start), what };
    let id = raw.id.get_ref();
    let Some(detector) = DETECTORS.iter().find(|d| d.id == id) else {
        let hint = nearest(id, DETECTORS.iter().map(|d| d.id)).map_or(String::new(), |n| format!("; did you mean '{n}'?"));
        return Err(wrong(raw.id.span(), format!("no detector is called '{id}'{hint}")));
    };
    let severity = |s: &Spanned<String>| {
        Severity::from_name(s.get_ref())
            .ok_or_else(|| wrong(s.span(), format!("severity is one of today, week, check, record, not '{}'", s.get_ref())))
    };
    for (list, ok) in [(&raw.attack, "T1"), (&raw.attack_ics, "T0")] {
        for t in list {
            let (head, rest) = t.get_ref().split_at_checked(1).unwrap_or(("", ""));
            let digits = rest.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
            if head != "T" || !digits || !t.get_ref().starts_with(ok) {
                return Err(wrong(t.span(), format!("'{}' is no technique id such as {ok}046", t.get_ref())));
            }
        }
    }
    if raw.measures.is_empty() {
        return Err(wrong(raw.id.span(), String::from("a rule serves at least one measure; name it under 'measures'")));
    }
    for m in &raw.measures {
        if measures.get(m.get_ref()).is_none() {
            let hint = nearest(m.get_ref(), measures.iter().map(|m| m.id)).map_or(String::new(), |n| format!("; did you mean '{n}'?"));
            return Err(wrong(m.span(), format!("no measure is called '{}'{hint}", m.get_ref())));
        }
    }
    let mut escalations = Vec::new();
    for e in &raw.escalation {
        if !detector.escalations.contains(&e.when.get_ref().as_str()) {
            let known = detector.escalations.join(", ");
            return Err(wrong(e.when.span(), format!("'{id}' knows no '{}'; it knows {known}", e.when.get_ref())));
        }
        escalations.push(Escalation {
            when: e.when.get_ref().clone(),
            severity: severity(&e.severity)?,
            note: [e.ja.clone(), e.en.clone()],
        });
    }
    let mut parameters = Vec::new();
    for (name, p) in &raw.parameters {
        if !detector.parameters.contains(&name.get_ref().as_str()) {
            let hint =
                nearest(name.get_ref(), detector.parameters.iter().copied()).map_or(String::new(), |n| format!("; did you mean '{n}'?"));
            return Err(wrong(name.span(), format!("'{id}' has no parameter '{}'{hint}", name.get_ref())));
        }
        if p.min > p.max || !(p.min..=p.max).contains(p.default.get_ref()) {
            return Err(wrong(
                p.default.span(),
                format!("'{}' is {}, outside {} to {}", name.get_ref(), p.default.get_ref(), p.min, p.max),
            ));
        }
        parameters.push(Parameter {
            name: name.get_ref().clone(),
            unit: p.unit.clone(),
            value: *p.default.get_ref(),
            min: p.min,
            max: p.max,
            note: [p.ja.clone(), p.en.clone()],
        });
    }
    if let Some(missing) = detector.parameters.iter().find(|n| !parameters.iter().any(|p| p.name == **n)) {
        return Err(wrong(raw.id.span(), format!("the parameter '{missing}' is missing; add [parameters.{missing}]")));
    }
    let mut facts = BTreeMap::new();
    for (name, sort) in &raw.facts {
        let Some((_, given)) = detector.facts.iter().find(|(n, _)| n == name.get_ref()) else {
            let hint =
                nearest(name.get_ref(), detector.facts.iter().map(|f| f.0)).map_or(String::new(), |n| format!("; did you mean '{n}'?"));
            return Err(wrong(name.span(), format!("'{id}' gives no fact '{}'{hint}", name.get_ref())));
        };
        if given != sort.get_ref() {
            return Err(wrong(sort.span(), format!("the fact '{}' is a {given}, not a {}", name.get_ref(), sort.get_ref())));
        }
        facts.insert(name.get_ref().clone(), sort.get_ref().clone());
    }
    let words_span = raw.words.span();
    let languages = raw.words.into_inner();
    if languages.ja.steps.len() != languages.en.steps.len() {
        return Err(wrong(words_span, String::from("the two languages give different numbers of steps")));
    }
    let steps = languages.ja.steps.len();
    let words = phrases(file, text, &facts, &languages)?;
    Ok(Rule {
        id: id.clone(),
        revision: raw.revision,
        severity: severity(&raw.severity)?,
        escalations,
        parameters,
        key: raw.key,
        attack: raw.attack.into_iter().map(Spanned::into_inner).collect(),
        attack_ics: raw.attack_ics.into_iter().map(Spanned::into_inner).collect(),
        measures: raw.measures.into_iter().map(Spanned::into_inner).collect(),
        facts,
        file: file.into(),
        steps,
        words,
    })
}

/// Makes a phrasebook of the words. Lines are remembered, so that an error points into the rule's file.
fn phrases(file: &str, text: &str, facts: &BTreeMap<String, String>, languages: &RawLanguages) -> Result<Phrasebook, CatalogueError> {
    let mut sources = [String::new(), String::new()];
    let mut places: [Vec<(usize, usize)>; 2] = [Vec::new(), Vec::new()];
    let mut spans: BTreeMap<String, Range<usize>> = BTreeMap::new();
    for ((words, source), places) in [&languages.ja, &languages.en].into_iter().zip(&mut sources).zip(&mut places) {
        let mut line = 1;
        let mut put = |key: &str, words: &Spanned<String>| {
            let start = words.span().start;
            places.push((line, line_at(text, start)));
            spans.entry(key.to_owned()).or_insert(words.span());
            source.push_str(key);
            source.push_str(" =\n");
            line += 1;
            for l in words.get_ref().trim_matches('\n').split('\n') {
                source.push_str("    ");
                source.push_str(l);
                source.push('\n');
                line += 1;
            }
        };
        put("name", &words.name);
        put("title", &words.title);
        put("happened", &words.happened);
        put("why", &words.why);
        put("tell", &words.tell);
        put("sees", &words.sees);
        put("cannot-see", &words.cannot_see);
        for (n, s) in words.steps.iter().enumerate() {
            put(&format!("step-{}", n + 1), s);
        }
    }
    let [ja, en] = &sources;
    let book = Phrasebook::new(&[(Lang::Ja, "ja", ja), (Lang::En, "en", en)]).map_err(|e| {
        let places = if e.file == "ja" { places.first() } else { places.get(1) };
        let line = places
            .and_then(|p| p.iter().rev().find(|(from, _)| *from <= e.line))
            .map_or(1, |(from, at)| at + (e.line - from).saturating_sub(1));
        CatalogueError { file: file.into(), line, what: format!("[words.{}] {}", e.file, e.what) }
    })?;
    let keys: Vec<String> = book.keys().map(str::to_owned).collect();
    for key in &keys {
        for variable in book.variables(key) {
            let fixed = matches!(key.as_str(), "name" | "sees" | "cannot-see");
            if fixed || !facts.contains_key(variable) {
                let hint = nearest(variable, facts.keys().map(String::as_str)).map_or(String::new(), |n| format!("; did you mean ${n}?"));
                let line = spans.get(key).map_or(1, |s| line_at(text, s.start));
                return Err(CatalogueError {
                    file: file.into(),
                    line,
                    what: format!("'{key}' uses ${variable}, which the rule does not declare under [facts]{hint}"),
                });
            }
        }
    }
    Ok(book)
}

/// Reads rule files: the name of each (for messages) and its text. All mistakes are told at once; two rules of one id are one.
pub fn read_rules(files: &[(String, String)], measures: &Measures) -> Result<Vec<Rule>, Vec<CatalogueError>> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut errors = Vec::new();
    for (name, text) in files {
        match read_rule(name, text, measures) {
            Err(e) => errors.push(e),
            Ok(rule) => match rules.iter().find(|r| r.id == rule.id) {
                Some(first) => errors.push(CatalogueError {
                    file: name.clone(),
                    line: 1,
                    what: format!("the rule '{}' already stands in {}; keep one of them", rule.id, first.file),
                }),
                None => rules.push(rule),
            },
        }
    }
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}
