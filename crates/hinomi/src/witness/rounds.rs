//! When who is asked. Each witness every few minutes, whether or not the log has grown: asking again at the same size is how a fork at
//! that size comes out. The authority once a day. Whoever does not answer is asked less often, up to every six hours; all of it with some chance
//! in it, so that many logs do not come in step.

use super::access::LogAccess;
use super::client::{self, Asked};
use super::http::Carrier;
use super::peers::Outside;
use super::stamps::{self, Stamped};
use model::event::Dispute;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest pause for somebody who does not answer.
const MOST: Duration = Duration::from_secs(6 * 3600);
/// How often a stamp is wanted.
const STAMP_EVERY: i64 = 24 * 3600;
/// The pause after the first stamp that could not be had.
const STAMP_AGAIN: Duration = Duration::from_secs(600);
/// A dispute that goes on is told again after this.
const TELL_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// What a round has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A witness cosigned.
    Cosigned {
        /// Its name.
        witness: String,
        /// Entries.
        size: u64,
    },
    /// A witness has seen another history: to be recorded, and told to people.
    Disputed {
        /// Its name.
        witness: String,
        /// Which way.
        dispute: Dispute,
        /// Entries in our log.
        size: u64,
        /// Entries that the witness has seen, where it says so.
        theirs: Option<u64>,
    },
    /// An authority stamped.
    Stamped(Stamped),
    /// Something that a person should know of but that says nothing about the log.
    Trouble(String),
}

#[derive(Debug, Default)]
struct Standing {
    /// Size that it cosigned last.
    known: Option<u64>,
    failures: u32,
    next: Option<Instant>,
    told: Option<(Dispute, Instant)>,
    trouble: String,
}

/// Remembers who was asked when.
#[derive(Debug, Default)]
pub struct Rounds {
    peers: HashMap<String, Standing>,
    stamp: Standing,
    problems: Vec<String>,
}

impl Rounds {
    /// Asks those whose time has come. `now` is in seconds since 1970, `at` by the clock that only goes forward.
    pub async fn round(&mut self, outside: &Outside, log: &Arc<dyn LogAccess>, now: i64, at: Instant) -> Vec<Said> {
        let mut said = Vec::new();
        if self.problems != outside.problems {
            self.problems.clone_from(&outside.problems);
            said.extend(outside.problems.iter().cloned().map(Said::Trouble));
        }
        self.peers.retain(|key, _| outside.peers.iter().any(|p| p.key.to_string() == *key));
        let due = |s: &Standing| s.next.is_none_or(|next| at >= next);
        let peers: Vec<_> = outside.peers.iter().filter(|p| self.peers.get(&p.key.to_string()).is_none_or(due)).collect();
        let mut stamp = outside.authority.as_ref().filter(|_| due(&self.stamp));
        if stamp.is_some() && log.last_stamp().is_some_and(|(_, when)| (now - when).abs() < STAMP_EVERY) {
            // Looking for the newest one reads files: not at every look.
            self.stamp.done(STAMP_AGAIN, at);
            stamp = None;
        }
        if peers.is_empty() && stamp.is_none() {
            return said;
        }
        let carrier = match Carrier::new(outside.extra.as_deref()) {
            Ok(carrier) => carrier,
            Err(e) => {
                // Plain HTTP and what the system trusts go on.
                said.push(Said::Trouble(format!("outside_ca: {e}")));
                match Carrier::new(None) {
                    Ok(carrier) => carrier,
                    Err(e) => return vec![Said::Trouble(e.to_string())],
                }
            }
        };
        for peer in peers {
            let standing = self.peers.entry(peer.key.to_string()).or_default();
            let known = *standing.known.get_or_insert_with(|| log.last_cosigned(&peer.key));
            let asked = client::ask(&carrier, peer, Arc::clone(log), known).await;
            standing.take(peer.key.name(), asked, outside.every, at, &mut said);
        }
        if let Some(authority) = stamp {
            match stamps::ask(&carrier, authority, Arc::clone(log)).await {
                Ok(Some(stamped)) => {
                    self.stamp.done(STAMP_AGAIN, at);
                    said.push(Said::Stamped(stamped));
                }
                Ok(None) => {}
                Err(why) => self.stamp.failed(why, STAMP_AGAIN, at, &mut said),
            }
        }
        said
    }
}

impl Standing {
    fn take(&mut self, witness: &str, asked: Asked, every: Duration, at: Instant, said: &mut Vec<Said>) {
        let witness = witness.to_owned();
        match asked {
            Asked::Cosigned { size, .. } => {
                self.known = Some(size);
                self.told = None;
                self.done(every, at);
                said.push(Said::Cosigned { witness, size });
            }
            Asked::Disputed { dispute, size, theirs } => {
                self.done(every, at);
                if self.told.is_none_or(|(before, when)| before != dispute || at.duration_since(when) >= TELL_AGAIN) {
                    self.told = Some((dispute, at));
                    said.push(Said::Disputed { witness, dispute, size, theirs });
                }
            }
            // The first records are on their way: again at the next look.
            Asked::Nothing => {}
            Asked::Later(why) | Asked::Refused(why) => self.failed(why, every, at, said),
        }
    }

    fn done(&mut self, every: Duration, at: Instant) {
        self.failures = 0;
        self.trouble.clear();
        self.next = Some(at + shaken(every));
    }

    /// The same trouble is told once.
    fn failed(&mut self, why: String, every: Duration, at: Instant, said: &mut Vec<Said>) {
        let pause = every.saturating_mul(1 << self.failures.min(10)).min(MOST.max(every));
        self.failures = self.failures.saturating_add(1);
        self.next = Some(at + shaken(pause));
        if self.trouble != why {
            self.trouble.clone_from(&why);
            said.push(Said::Trouble(why));
        }
    }
}

/// Up to a fifth less or more.
fn shaken(pause: Duration) -> Duration {
    let mut byte = [128u8];
    // Without chance the pause is what it is.
    let _ = getrandom::fill(&mut byte);
    pause.mul_f64(0.8 + 0.4 * f64::from(byte[0]) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::super::access::tests::Written;
    use super::super::keep;
    use super::super::peers::{Peer, Raw};
    use super::super::server::{Desk, Limits, Told, serve};
    use super::*;
    use proof::note::Note;
    use proof::tree;
    use proof::witness::{Log, Suspicion, Witness};
    use std::sync::Mutex;
    use tokio::net::TcpListener;
    use tokio::sync::watch;

    /// A witness on a port of its own; what it tells is collected.
    struct Here {
        outside: Outside,
        told: Arc<Mutex<Vec<Told>>>,
        _stop: watch::Sender<bool>,
    }

    async fn witness(dir: &std::path::Path, log: &Written) -> Here {
        let opened = keep::open(dir, Some("w.example/w")).unwrap();
        let key = opened.key.vkey().clone();
        let witness = Witness::new(opened.key, vec![Log::of(log.key.vkey().clone())], opened.state).unwrap();
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let collected = Arc::clone(&told);
        let tell = Box::new(move |t| collected.lock().unwrap().push(t));
        let desk = Arc::new(Desk::new(witness, opened.folder, "front\n".into(), tell));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (stop, ended) = watch::channel(false);
        tokio::spawn(serve(listener, None, desk, Limits::default(), ended));
        let mut outside = Outside::read(&Raw { minutes: 10, ..Raw::default() });
        outside.peers.push(Peer { url: url.parse().unwrap(), key });
        Here { outside, told, _stop: stop }
    }

    fn access(log: &Written) -> Arc<dyn LogAccess> {
        Arc::new(log.folder())
    }

    #[tokio::test]
    async fn a_growing_log_is_cosigned_and_another_history_is_disputed_once_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Written::new(1);
        log.grow(5);
        let here = witness(dir.path(), &log).await;
        let key = here.outside.peers[0].key.clone();
        let mut rounds = Rounds::default();
        let mut at = Instant::now();
        for _ in 0..3 {
            let said = rounds.round(&here.outside, &access(&log), 0, at).await;
            let size = log.leaves.len() as u64;
            assert_eq!(said, [Said::Cosigned { witness: "w.example/w".into(), size }]);
            let kept: Note = log.folder().cosigned(size).unwrap().parse().unwrap();
            assert_eq!(proof::note::verify(&kept, &[log.key.vkey().clone(), key.clone()]).unwrap().len(), 2);
            // Not yet due.
            assert_eq!(rounds.round(&here.outside, &access(&log), 0, at).await, []);
            at += Duration::from_secs(721);
            log.grow(300);
        }
        // Another process that has no memory of it finds where the witness is.
        assert!(matches!(Rounds::default().round(&here.outside, &access(&log), 0, at).await[..], [Said::Cosigned { .. }]));
        // The same key, another entry: larger, equal and smaller than what was seen.
        let seen = log.leaves.len() as u64;
        let mut forked = Written::new(1);
        forked.leaves = log.leaves.clone();
        forked.leaves[3] = tree::leaf_hash(b"never happened");
        for (cut, dispute) in [(1, Dispute::Rollback), (0, Dispute::Fork)] {
            forked.leaves.truncate(log.leaves.len() - cut);
            if cut == 0 {
                forked.leaves.resize(log.leaves.len(), tree::leaf_hash(b"x"));
            }
            forked.write();
            let mut rounds = Rounds::default();
            let said = rounds.round(&here.outside, &access(&forked), 0, at).await;
            assert!(matches!(&said[..], [Said::Disputed { dispute: d, .. }] if *d == dispute), "{dispute:?}: {said:?}");
            let later = at + Duration::from_secs(721);
            assert_eq!(rounds.round(&here.outside, &access(&forked), 0, later).await, [], "told already");
            let tomorrow = later + TELL_AGAIN;
            assert_eq!(rounds.round(&here.outside, &access(&forked), 0, tomorrow).await.len(), 1, "told again");
        }
        forked.grow(10);
        let said = Rounds::default().round(&here.outside, &access(&forked), 0, at).await;
        let unproven = Said::Disputed { witness: "w.example/w".into(), dispute: Dispute::Unproven, size: seen + 10, theirs: Some(seen) };
        assert_eq!(said, [unproven]);
        let told = here.told.lock().unwrap();
        let kinds: Vec<_> =
            told.iter().filter_map(|t| if let Told::Suspicious { suspicion, kept } = t { Some((suspicion, kept)) } else { None }).collect();
        assert!(kinds.iter().any(|(s, kept)| matches!(***s, Suspicion::Fork { .. }) && kept.is_some()));
        assert!(kinds.iter().any(|(s, kept)| matches!(***s, Suspicion::Rollback { .. }) && kept.is_some()));
        assert!(kinds.iter().any(|(s, kept)| matches!(***s, Suspicion::Unproven { .. }) && kept.is_some()));
    }

    #[tokio::test]
    async fn who_does_not_answer_is_asked_less_and_less_and_told_of_once() {
        let mut log = Written::new(1);
        log.grow(5);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let mut outside = Outside::read(&Raw { minutes: 1, ..Raw::default() });
        let key = proof::cosign::CosignerKey::from_seed("w", [3; 32]).unwrap().vkey().clone();
        outside.peers.push(Peer { url: url.parse().unwrap(), key });
        let mut rounds = Rounds::default();
        let (mut asked, mut told) = (0, 0);
        let at = Instant::now();
        for minute in 0..240u64 {
            let before = rounds.peers.values().next().map_or(0, |s| s.failures);
            told += rounds.round(&outside, &access(&log), 0, at + Duration::from_secs(60 * minute)).await.len();
            asked += rounds.peers.values().next().map_or(0, |s| s.failures) - before;
        }
        assert!((6..=14).contains(&asked), "{asked}");
        assert_eq!(told, 1);
    }

    #[tokio::test]
    async fn an_unknown_log_is_refused_and_nothing_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, mut stranger) = (Written::new(1), Written::new(2));
        log.grow(1);
        stranger.grow(2);
        let here = witness(dir.path(), &log).await;
        // The same origin, another key: 403.
        let said = Rounds::default().round(&here.outside, &access(&stranger), 0, Instant::now()).await;
        assert!(matches!(&said[..], [Said::Trouble(why)] if why.contains("403")), "{said:?}");
        assert_eq!(stranger.folder().cosigned(2), None);
        // A witness that answers with another key than is expected.
        let mut outside = here.outside.clone();
        outside.peers[0].key = proof::cosign::CosignerKey::from_seed("w.example/w", [3; 32]).unwrap().vkey().clone();
        let said = Rounds::default().round(&outside, &access(&log), 0, Instant::now()).await;
        assert!(matches!(&said[..], [Said::Trouble(why)] if why.contains("does not hold")), "{said:?}");
        assert_eq!(log.folder().cosigned(1), None);
    }
}
