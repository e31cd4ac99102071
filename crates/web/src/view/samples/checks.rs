//! What holds for every page made of the samples.

use super::*;

/// The tags of a page, without what stands between them, comments left out.
fn tags(html: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = html;
    while let Some(from) = rest.find('<') {
        rest = &rest[from..];
        // A `>` inside a quoted value does not end the tag.
        let (mut quote, mut end) = (None, rest.len());
        for (i, c) in rest.char_indices().skip(1) {
            match (quote, c) {
                (None, '"' | '\'') => quote = Some(c),
                (Some(q), c) if q == c => quote = None,
                (None, '>') => {
                    end = i + 1;
                    break;
                }
                _ => {}
            }
        }
        out.push(&rest[..end]);
        rest = &rest[end..];
    }
    out
}

#[test]
fn every_page_has_all_its_words_in_both_languages() {
    words::check().unwrap();
    for ja in [true, false] {
        for (name, html) in pages(&Say { ja, harm: false }) {
            assert!(!html.contains('⟦'), "{name}: {}", html.split('⟦').nth(1).unwrap_or_default().chars().take(60).collect::<String>());
            let lang = if ja { "<html lang=\"ja\"" } else { "<html lang=\"en\"" };
            assert!(html.contains(lang), "{name}");
            if !ja {
                let seen = html.replace("日本語", "");
                let foreign: String =
                    seen.chars().filter(|c| ('\u{3041}'..='\u{30ff}').contains(c) || ('\u{4e00}'..='\u{9fff}').contains(c)).collect();
                assert!(foreign.is_empty(), "{name} in English says {foreign}");
            }
        }
    }
}

#[test]
fn nothing_in_the_pages_needs_more_than_the_strict_policy() {
    for (name, html) in pages(&Say { ja: true, harm: false }).into_iter().chain(pages(&Say { ja: false, harm: true })) {
        for tag in tags(&html) {
            let lower = tag.to_ascii_lowercase();
            assert!(!lower.starts_with("<style"), "{name}: {tag}");
            assert!(!lower.starts_with("<script") || lower.contains(" src=\"/ui/"), "{name}: {tag}");
            // Attribute names only: quoted values are cut out.
            let mut names = String::new();
            let mut quote = None;
            for c in lower.chars() {
                match quote {
                    None if c == '"' || c == '\'' => quote = Some(c),
                    None => names.push(c),
                    Some(q) if q == c => quote = None,
                    Some(_) => {}
                }
            }
            assert!(!names.contains(" style="), "{name}: {tag}");
            assert!(!names.contains(" on") || !names.split(' ').any(|a| a.starts_with("on") && a.ends_with('=')), "{name}: {tag}");
            assert!(!lower.contains("javascript:") && !lower.contains("http:"), "{name}: {tag}");
        }
    }
}

#[test]
fn names_that_mean_harm_stay_words() {
    for ja in [true, false] {
        for (name, html) in pages(&Say { ja, harm: true }) {
            assert!(!html.contains("<script>"), "{name}");
            assert!(!html.contains("alert(1)</script"), "{name}");
            // Every tag is one that the templates write: no attribute out of the hostile name.
            for tag in tags(&html) {
                assert!(!tag.contains("onmouseover=\"") && !tag.contains("style='"), "{name}: {tag}");
            }
            assert!(html.matches("<html").count() == 1 && html.trim_end().ends_with("</html>"), "{name}");
        }
    }
}

#[test]
fn every_post_carries_its_token_and_every_field_its_label() {
    for (name, html) in pages(&Say { ja: true, harm: false }) {
        for form in html.split("<form").skip(1).filter_map(|f| f.split("</form>").next()) {
            let head = form.split('>').next().unwrap_or_default();
            if head.contains("method=\"post\"") {
                assert!(form.contains("name=\"csrf\" value=\"token\""), "{name}: {head}");
            }
        }
        for tag in tags(&html) {
            let field = tag.starts_with("<input") || tag.starts_with("<select") || tag.starts_with("<textarea");
            if !field
                || tag.contains("type=\"hidden\"")
                || tag.contains("aria-label=")
                || tag.contains("aria-hidden")
                || tag.contains("type=\"checkbox\"")
            {
                continue;
            }
            let id = tag.split(" id=\"").nth(1).and_then(|x| x.split('"').next()).unwrap_or_else(|| panic!("{name}: no id: {tag}"));
            assert!(html.contains(&format!("for=\"{id}\"")), "{name}: no label for {id}");
        }
        let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|x| x.split('"').next()).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(all, ids.len(), "{name}: the same id twice");
    }
}

#[test]
fn parts_that_follow_have_an_id() {
    for (name, html) in pages(&Say { ja: true, harm: false }) {
        for tag in tags(&html).into_iter().filter(|t| t.contains(" data-live=\"")) {
            assert!(tag.contains(" id=\""), "{name}: {tag}");
        }
    }
}

#[test]
fn the_sentence_of_the_day_is_true() {
    let t = T::new(Lang::En);
    let judge = |f: &TodayFacts| TodayPage::judge(&t, f);
    let live = |quality| TodaySensor { name: "eth1".into(), quality, live: true };
    assert_eq!(judge(&TodayFacts::default()).sentence, "Nothing has been seen yet.");
    // A dead mirror is never a quiet factory.
    let mut f = TodayFacts { assets: 5, in_ledger: 5, seen: 0, sensors: vec![live(Quality::Nothing)], ..TodayFacts::default() };
    assert_eq!((judge(&f).tone, judge(&f).mark), ("act", "■"));
    assert!(judge(&f).sentence.contains("cannot be seen"));
    f.sensors.push(live(Quality::Full));
    assert!(judge(&f).sentence.contains("1 of 2 sensors"), "{}", judge(&f).sentence);
    f.today = 2;
    let j = judge(&f);
    assert!(j.sentence.starts_with("2 things") && j.rest.contains("what lies behind them is not seen"), "{j:?}");
    f = TodayFacts {
        assets: 5,
        in_ledger: 5,
        seen: 5,
        sensors: vec![live(Quality::Full)],
        learned: Learned { days: 3, needed: 14 },
        ..TodayFacts::default()
    };
    let j = judge(&f);
    assert_eq!(j.tone, "ok");
    assert!(j.rest.contains("is compared once") && j.rest.contains("5 of 5 devices"), "{j:?}");
    f.discovered = 7;
    f.in_ledger = 0;
    assert!(judge(&f).sentence.starts_with("7 devices were found"));
    f.sensors = vec![TodaySensor { live: false, ..live(Quality::Full) }];
    f.in_ledger = 1;
    assert!(judge(&f).rest.contains("capture files"));
}

#[test]
fn at_most_three_things_to_do_and_the_worst_first() {
    let s = Say { ja: false, harm: false };
    let mut facts = today(&s, false).facts;
    facts.sensors = vec![
        TodaySensor { name: "eth1".into(), quality: Quality::Down, live: true },
        TodaySensor { name: "eth2".into(), quality: Quality::Drops, live: true },
    ];
    let page = TodayPage::new(shell(&s, Page::Today, ""), facts);
    assert_eq!(page.todos.len(), 3);
    assert_eq!(page.todos.iter().map(|t| t.tag.tone).collect::<Vec<_>>(), ["act", "act", "look"]);
    assert_eq!(page.more, 1, "one of three findings is not among them");
}

#[test]
fn paging_stays_within_the_list() {
    let p = Paging::new("/a", "q=x", 99, 50, 120);
    assert_eq!((p.from, p.to, p.before.as_deref(), p.after), (101, 120, Some("/a?q=x&page=2"), None));
    let p = Paging::new("/a", "", 0, 50, 0);
    assert_eq!((p.from, p.to, p.before, p.after), (0, 0, None, None));
}

#[test]
fn writes_samples_where_asked() {
    let Ok(folder) = std::env::var("HINOMI_SAMPLES") else {
        println!("skipped: HINOMI_SAMPLES is not set");
        return;
    };
    for (lang, ja, harm) in [("ja", true, false), ("en", false, false), ("harm", true, true)] {
        for (name, html) in pages(&Say { ja, harm }) {
            std::fs::write(format!("{folder}/{name}.{lang}.html"), html).unwrap();
        }
    }
}
