//! The witness: what it cosigns, what it refuses and with which status, and that it never contradicts itself.

use crate::common::leaves;
use proof::checkpoint::Checkpoint;
use proof::cosign::CosignerKey;
use proof::note::{Note, SigningKey, verify};
use proof::tree::{EMPTY_ROOT, ProofError, consistency_path, root};
use proof::witness::{Answer, Decision, Log, MAX_BODY, Reason, Refused, Request, State, Suspicion, Witness, WitnessError};
use proof::{Hash, base64};
use proptest::prelude::*;

const NOW: u64 = 1_750_000_000;

fn log() -> SigningKey {
    SigningKey::from_seed("hinomi.local/a", [1; 32]).unwrap()
}

fn cosigner() -> CosignerKey {
    CosignerKey::from_seed("witness.example/w", [2; 32]).unwrap()
}

fn witness(state: State) -> Witness {
    Witness::new(cosigner(), vec![Log::of(log().vkey().clone())], state).unwrap()
}

/// A checkpoint of the log with these leaves.
fn note(d: &[Hash]) -> Note {
    let checkpoint = Checkpoint { origin: "hinomi.local/a".to_owned(), size: d.len() as u64, root: root(d), extensions: vec![] };
    checkpoint.sign(&log()).unwrap()
}

fn request(old: u64, d: &[Hash]) -> Request {
    Request::new(old, consistency_path(d, old).unwrap_or_default(), note(d)).unwrap()
}

/// A history that begins as the other and goes elsewhere.
fn fork(d: &[Hash], at: usize) -> Vec<Hash> {
    let mut other = d.to_vec();
    other[at][0] ^= 1;
    other
}

fn accept(witness: &mut Witness, body: &str, now: u64) -> Answer {
    match witness.add_checkpoint(body.as_bytes(), now) {
        Decision::Accepted(pending) => pending.persisted(),
        Decision::Refused(refused) => panic!("refused: {refused:?}"),
    }
}

fn refused(witness: &mut Witness, body: &[u8]) -> Refused {
    let before = witness.state().clone();
    let refused = match witness.add_checkpoint(body, NOW) {
        Decision::Refused(refused) => *refused,
        Decision::Accepted(pending) => panic!("accepted: {pending:?}"),
    };
    assert_eq!(*witness.state(), before);
    refused
}

#[test]
fn a_log_grows() {
    let d = leaves(20);
    let mut w = witness(State::default());
    let mut at = 0;
    for (turn, size) in [0, 0, 3, 3, 8, 17, 20].into_iter().enumerate() {
        let request = request(at, &d[..size]);
        let now = NOW + turn as u64;
        let Answer::Cosigned(lines) = accept(&mut w, &request.body(), now) else { panic!() };
        // As tlog-witness says: checkpoint and answer put together are a note.
        let both: Note = format!("{}{lines}", request.note).parse().unwrap();
        let by = verify(&both, &[log().vkey().clone(), w.vkey().clone()]).unwrap();
        assert_eq!((by.len(), by[1].key(), by[1].time()), (2, w.vkey(), Some(now)));
        at = size as u64;
        let seen = &w.state().logs["hinomi.local/a"];
        assert_eq!((seen.size, seen.root, seen.time, &seen.note), (at, root(&d[..size]), now, &request.note.to_string()));
        // It goes on after a restart.
        let stored = serde_json::to_string(w.state()).unwrap();
        assert!(stored.contains(&base64::encode(&seen.root)));
        w = witness(serde_json::from_str(&stored).unwrap());
    }
}

#[test]
fn nothing_is_cosigned_before_it_is_written() {
    let d = leaves(5);
    let mut w = witness(State::default());
    let body = request(0, &d[..3]).body();
    let Decision::Accepted(pending) = w.add_checkpoint(body.as_bytes(), NOW) else { panic!() };
    assert_eq!((pending.origin(), pending.seen().size), ("hinomi.local/a", 3));
    let state = pending.state();
    assert_eq!(state.logs["hinomi.local/a"], *pending.seen());
    // The disk is full: the witness is as before, and another checkpoint may come first.
    drop(pending);
    assert_eq!(*w.state(), State::default());
    let other = fork(&d, 1);
    accept(&mut w, &request(0, &other[..4]).body(), NOW);
    assert!(matches!(refused(&mut w, body.as_bytes()).suspicion, Some(Suspicion::Rollback { .. })));
    // Written and then crashed before answering: after the restart the log is told where the witness is.
    let mut w = witness(state);
    let told = refused(&mut w, body.as_bytes());
    assert_eq!((&told.answer, told.suspicion), (&Answer::Conflict(3), None));
    assert!(matches!(accept(&mut w, &request(3, &d[..3]).body(), NOW), Answer::Cosigned(_)));
}

#[test]
fn what_is_answered_over_http() {
    let all = [
        (Answer::Cosigned("x\n".to_owned()), 200, "text/plain; charset=utf-8", "x\n"),
        (Answer::Conflict(20_852_014), 409, "text/x.tlog.size", "20852014\n"),
        (Answer::Fork, 409, "text/plain; charset=utf-8", "another root was cosigned for this size\n"),
        (Answer::NotFound, 404, "text/plain; charset=utf-8", "unknown log\n"),
        (Answer::Forbidden, 403, "text/plain; charset=utf-8", "not signed by the log\n"),
        (Answer::BadRequest, 400, "text/plain; charset=utf-8", "not an add-checkpoint request\n"),
        (Answer::Unprocessable, 422, "text/plain; charset=utf-8", "the consistency proof does not hold\n"),
    ];
    for (answer, status, media, body) in all {
        assert_eq!((answer.status(), answer.content_type(), answer.body().as_str()), (status, media, body));
    }
}

#[test]
fn who_is_unknown_and_who_did_not_sign() {
    let d = leaves(5);
    let mut w = witness(State::default());
    let stranger = SigningKey::from_seed("hinomi.local/b", [1; 32]).unwrap();
    let of = |origin: &str, key: &SigningKey| {
        let checkpoint = Checkpoint { origin: origin.to_owned(), size: 5, root: root(&d), extensions: vec![] };
        Request::new(0, vec![], checkpoint.sign(key).unwrap()).unwrap().body()
    };
    let r = refused(&mut w, of("hinomi.local/b", &stranger).as_bytes());
    assert_eq!((r.answer, r.reason), (Answer::NotFound, Reason::Unknown("hinomi.local/b".to_owned())));
    // A known origin is signed by its own keys only.
    assert_eq!(refused(&mut w, of("hinomi.local/a", &stranger).as_bytes()).answer, Answer::Forbidden);
    let impostor = SigningKey::from_seed("hinomi.local/a", [9; 32]).unwrap();
    assert_eq!(refused(&mut w, of("hinomi.local/a", &impostor).as_bytes()).answer, Answer::Forbidden);
    let changed = request(0, &d).body().replacen("\n5\n", "\n6\n", 1);
    assert_eq!(refused(&mut w, changed.as_bytes()).answer, Answer::Forbidden);
    // The key changes: from then on the new one counts, and what was seen stays.
    accept(&mut w, &request(0, &d[..3]).body(), NOW);
    w.serve(Log { origin: "hinomi.local/a".to_owned(), keys: vec![impostor.vkey().clone()] });
    assert_eq!(refused(&mut w, request(3, &d).body().as_bytes()).answer, Answer::Forbidden);
    assert_eq!(refused(&mut w, of("hinomi.local/a", &impostor).as_bytes()).answer, Answer::Conflict(3));
    w.dismiss("hinomi.local/a");
    assert_eq!(refused(&mut w, request(3, &d).body().as_bytes()).answer, Answer::NotFound);
    w.serve(Log::of(log().vkey().clone()));
    accept(&mut w, &request(3, &d).body(), NOW);
}

#[test]
fn signatures_of_others_are_ignored_and_not_kept() {
    let d = leaves(5);
    let mut w = witness(State::default());
    let mut r = request(0, &d);
    let other = SigningKey::from_seed("somebody", [7; 32]).unwrap();
    r.note.signatures.insert(0, other.sign("something else\n"));
    accept(&mut w, &r.body(), NOW);
    assert_eq!(w.state().logs["hinomi.local/a"].note, note(&d).to_string());
}

#[test]
fn sizes_that_do_not_fit() {
    let d = leaves(20);
    let mut w = witness(State::default());
    let r = refused(&mut w, request(4, &d).body().as_bytes());
    assert_eq!((r.answer, r.reason), (Answer::Conflict(0), Reason::Elsewhere { old: 4, known: 0 }));
    accept(&mut w, &request(0, &d[..8]).body(), NOW);
    for old in [0, 4, 7, 9, 17] {
        let r = refused(&mut w, request(old, &d[..17]).body().as_bytes());
        assert_eq!((r.answer, r.suspicion), (Answer::Conflict(8), None));
    }
    let r = refused(&mut w, Request::new(9, vec![], note(&d[..8])).unwrap().body().as_bytes());
    assert_eq!((r.answer, r.reason, r.suspicion), (Answer::BadRequest, Reason::Sizes { old: 9, size: 8 }, None));
}

#[test]
fn forks_and_rollbacks() {
    let d = leaves(20);
    let other = fork(&d, 5);
    let mut w = witness(State::default());
    accept(&mut w, &request(0, &d[..8]).body(), NOW);

    // Same size, other root: whatever the old size says.
    for (old, answer) in [(8, Answer::Fork), (0, Answer::Conflict(8)), (4, Answer::Conflict(8))] {
        let r = refused(&mut w, request(old, &other[..8]).body().as_bytes());
        assert_eq!(r.answer, answer);
        let Some(Suspicion::Fork { origin, known, shown }) = r.suspicion else { panic!("{r:?}") };
        assert_eq!((origin.as_str(), known.root, shown.root), ("hinomi.local/a", root(&d[..8]), root(&other[..8])));
        // Both notes are signed by the log, so they convince anybody.
        for seen in [&known, &shown] {
            let opened = Checkpoint::open(seen.note.as_bytes(), &[log().vkey().clone()]).unwrap();
            assert_eq!((opened.checkpoint().size, opened.checkpoint().root), (8, seen.root));
        }
    }
    // Larger, and no proof can lead there.
    let r = refused(&mut w, request(8, &other[..17]).body().as_bytes());
    assert_eq!((&r.answer, &r.reason), (&Answer::Unprocessable, &Reason::Proof(ProofError::Root)));
    assert!(matches!(&r.suspicion, Some(Suspicion::Unproven { known, shown, .. }) if known.size == 8 && shown.size == 17));
    // A suspicion is kept by the caller.
    let again: Suspicion = serde_json::from_str(&serde_json::to_string(&r.suspicion).unwrap()).unwrap();
    assert_eq!(Some(again), r.suspicion);
    // Right history, wrong proof.
    let mut bad = request(8, &d[..17]);
    bad.proof.pop();
    assert_eq!(refused(&mut w, bad.body().as_bytes()).answer, Answer::Unprocessable);
    bad.proof.clear();
    assert_eq!(refused(&mut w, bad.body().as_bytes()).answer, Answer::Unprocessable);
    let mut bad = request(8, &d[..8]);
    bad.proof.push([0; 32]);
    assert_eq!(refused(&mut w, bad.body().as_bytes()).answer, Answer::Unprocessable);
    // Smaller than what was cosigned.
    for (old, answer) in [(0, Answer::Conflict(8)), (3, Answer::Conflict(8)), (5, Answer::Conflict(8)), (8, Answer::BadRequest)] {
        let r = refused(&mut w, Request::new(old, vec![], note(&d[..5])).unwrap().body().as_bytes());
        assert_eq!(r.answer, answer);
        assert!(matches!(r.suspicion, Some(Suspicion::Rollback { .. })), "{old}");
    }
    // After all that the log goes on.
    accept(&mut w, &request(8, &d).body(), NOW);
}

#[test]
fn the_empty_log() {
    let mut w = witness(State::default());
    let false_root = Checkpoint { origin: "hinomi.local/a".to_owned(), size: 0, root: [1; 32], extensions: vec![] }.sign(&log()).unwrap();
    let r = refused(&mut w, Request::new(0, vec![], false_root.clone()).unwrap().body().as_bytes());
    assert_eq!((r.answer, r.suspicion), (Answer::Unprocessable, None));
    let r = refused(&mut w, Request::new(0, vec![[1; 32]], note(&leaves(3))).unwrap().body().as_bytes());
    assert_eq!(r.answer, Answer::Unprocessable);
    accept(&mut w, &request(0, &[]).body(), NOW);
    assert_eq!(w.state().logs["hinomi.local/a"].root, EMPTY_ROOT);
    let r = refused(&mut w, Request::new(0, vec![], false_root).unwrap().body().as_bytes());
    assert!(r.answer == Answer::Fork && matches!(r.suspicion, Some(Suspicion::Fork { .. })));
    accept(&mut w, &request(0, &leaves(3)).body(), NOW);
}

#[test]
fn the_clock_of_the_witness() {
    let d = leaves(5);
    let mut w = witness(State::default());
    accept(&mut w, &request(0, &d[..3]).body(), NOW);
    // Set back: no larger tree at an earlier time.
    accept(&mut w, &request(3, &d).body(), NOW - 1000);
    assert_eq!(w.state().logs["hinomi.local/a"].time, NOW);
    let Decision::Refused(r) = w.add_checkpoint(request(5, &d).body().as_bytes(), u64::MAX) else { panic!() };
    assert!(matches!(r.reason, Reason::Clock(_)));
}

#[test]
fn bodies() {
    let d = leaves(5);
    let mut w = witness(State::default());
    accept(&mut w, &request(0, &d[..3]).body(), NOW);
    let good = request(3, &d);
    assert_eq!(Request::parse(good.body().as_bytes()).unwrap(), good);
    assert_eq!(good.checkpoint().size, 5);
    let (good, line) = (good.body(), base64::encode(&[1; 32]));
    let checkpoint = note(&d).to_string();
    for bad in [
        String::new(),
        "\n\n".to_owned(),
        "old 3\n\n".to_owned(),
        checkpoint.clone(),
        format!("\n{checkpoint}"),
        good.replacen("old 3", "old 03", 1),
        good.replacen("old 3", "old +3", 1),
        good.replacen("old 3", "old  3", 1),
        good.replacen("old 3", "old 3 ", 1),
        good.replacen("old 3", "Old 3", 1),
        good.replacen("old 3", "old ", 1),
        good.replacen("old 3", "old 18446744073709551616", 1),
        good.replacen("old 3\n", "old 3\r\n", 1),
        good.replacen("old 3\n", "old 3\n\n", 1),
        good.replacen("old 3\n", "old 3\nAAAA\n", 1),
        good.replacen("old 3\n", "old 3\nx\n", 1),
        good.replacen("old 3\n", &format!("old 3\n{}=\n", &line[..43].replace('E', "F")), 1),
        format!("old 3\n{}\n{checkpoint}", format!("{line}\n").repeat(64)),
        good.trim_end().to_owned(),
        format!("{good}x"),
        format!("{good}{}", " ".repeat(MAX_BODY)),
    ] {
        assert_eq!(refused(&mut w, bad.as_bytes()).answer, Answer::BadRequest, "{bad:?}");
    }
    // Good in all but its length.
    let long = Checkpoint { extensions: vec!["x".repeat(MAX_BODY)], ..note(&d).text.parse().unwrap() };
    let long = Request::new(3, consistency_path(&d, 3).unwrap(), long.sign(&log()).unwrap()).unwrap().body();
    assert_eq!(refused(&mut w, long.as_bytes()).reason, Reason::TooLong(long.len()));
    let many = format!("old 3\n{}\n{checkpoint}", format!("{line}\n").repeat(63));
    assert_eq!(refused(&mut w, many.as_bytes()).answer, Answer::Unprocessable);
    assert_eq!(refused(&mut w, b"old 3\n\xff\n\nx").reason, Reason::Lines);
}

#[test]
fn a_damaged_state_is_refused() {
    let mut w = witness(State::default());
    accept(&mut w, &request(0, &leaves(5)).body(), NOW);
    let origin = "hinomi.local/a".to_owned();
    let logs = || vec![Log::of(log().vkey().clone())];
    for spoil in [
        (|s: &mut State| s.logs.values_mut().for_each(|seen| seen.size += 1)) as fn(&mut State),
        |s| s.logs.values_mut().for_each(|seen| seen.root[0] ^= 1),
        |s| s.logs.values_mut().for_each(|seen| seen.note.clear()),
        |s| s.logs.values_mut().for_each(|seen| seen.note = seen.note.replacen("local", "lokal", 1)),
    ] {
        let mut state = w.state().clone();
        spoil(&mut state);
        assert_eq!(Witness::new(cosigner(), logs(), state).unwrap_err(), WitnessError::State(origin.clone()));
    }
    let twice = [logs(), logs()].concat();
    assert_eq!(Witness::new(cosigner(), twice, State::default()).unwrap_err(), WitnessError::Twice(origin));
    assert!(serde_json::from_str::<State>(r#"{"logs":{"a":{"size":1,"root":"AAAA","time":1,"note":""}}}"#).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Two histories of one log race for a witness that loses some of its writes: what it cosigns is always one history, and never shrinks.
    #[test]
    fn never_two_histories(at in 0usize..30, steps in prop::collection::vec((any::<bool>(), 0usize..=30, prop::option::weighted(0.2, 0u64..=30), any::<bool>()), 1..40)) {
        let d = leaves(30);
        let histories = [d.clone(), fork(&d, at)];
        let mut w = witness(State::default());
        let mut cosigned: Vec<(usize, usize)> = Vec::new();
        for (which, size, old, lost) in steps {
            let which = usize::from(which);
            // Otherwise the sender knows where the witness is.
            let old = old.unwrap_or_else(|| w.state().logs.get("hinomi.local/a").map_or(0, |s| s.size));
            let body = request(old, &histories[which][..size]).body();
            match w.add_checkpoint(body.as_bytes(), NOW) {
                Decision::Accepted(pending) if !lost => {
                    pending.persisted();
                    cosigned.push((which, size));
                }
                _ => {}
            }
        }
        prop_assert_eq!(cosigned.last().map_or(0, |c| c.1 as u64), w.state().logs.get("hinomi.local/a").map_or(0, |s| s.size));
        for pair in cosigned.windows(2) {
            prop_assert!(pair[0].1 <= pair[1].1);
        }
        let roots_of = |which: usize| cosigned.iter().filter(|(w, size)| *w == which && *size > at).count();
        prop_assert!(roots_of(0) == 0 || roots_of(1) == 0, "{cosigned:?}");
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), pieces in prop::collection::vec(0usize..8, 0..12), cut in any::<prop::sample::Index>()) {
        let d = leaves(3);
        let mut w = witness(State::default());
        let _ = w.add_checkpoint(&bytes, NOW);
        let whole = request(0, &d).body();
        let hash = base64::encode(&[3; 32]);
        let words = ["old ", "0", "18446744073709551615", "\n", "\n\n", &hash, &whole, "\u{2014} "];
        let text: String = pieces.iter().map(|i| words[*i]).collect();
        let _ = w.add_checkpoint(text.as_bytes(), NOW);
        // Anything cut off is not a request any more.
        let cut = cut.index(whole.len());
        prop_assert!(matches!(w.add_checkpoint(&whole.as_bytes()[..cut], NOW), Decision::Refused(_)));
    }
}
