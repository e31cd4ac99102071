//! `hinomi witness`: the side that sees the checkpoints of others. A process of its own, best on a machine of somebody else.

use super::path;
use crate::outcome::{Verdict, bad_input, unreachable, usage};
use crate::terminal;
use crate::witness::keep::{self, Opened};
use crate::witness::server::{self, Desk, Limits, Told};
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use clap::ArgMatches;
use model::Time;
use proof::note::{KeyKind, VerifierKey};
use proof::witness::{Log, Seen, Suspicion, Witness};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub fn run(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let address = matches.get_one::<String>("listen").map_or("", String::as_str);
    let listen: SocketAddr =
        address.parse().map_err(|_| usage(format!("--listen {address}: an address with a port is wanted, like 0.0.0.0:8444")))?;
    let logs = logs(matches)?;
    let tls = match (path(matches, "tls-cert"), path(matches, "tls-key")) {
        (Some(certificate), Some(key)) => Some(Arc::new(identity(&certificate, &key)?)),
        _ => None,
    };
    let dir = path(matches, "data").unwrap_or_default();
    let Opened { folder, key, state, fresh } = keep::open(&dir, matches.get_one::<String>("name").map(String::as_str))?;
    let vkey = key.vkey().clone();
    let served = logs.len();
    let witness = Witness::new(key, logs, state).map_err(|e| bad_input(format!("{}: {e}", dir.join("state.json").display())))?;
    let as_json = matches.get_flag("json");
    let tell = teller(words, as_json);
    let front = words.with("witness-front", &[("vkey", Value::Text(&vkey.to_string())), ("fingerprint", Value::Text(&vkey.fingerprint()))]);
    let desk = Arc::new(Desk::new(witness, folder, front + "\n", tell));

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|e| unreachable(format!("cannot start: {e}")))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await.map_err(|e| unreachable(format!("cannot listen on {listen}: {e}")))?;
        let bound = listener.local_addr().map_err(unreachable)?;
        let url = format!("{}://{bound}", if tls.is_some() { "https" } else { "http" });
        // Registered before anybody reads the line below, so that a signal which comes right after it is not lost.
        let until = until_told()?;
        if as_json {
            terminal::json(&serde_json::json!({
                "event": "serving", "address": url, "vkey": vkey.to_string(), "fingerprint": vkey.fingerprint(), "name": vkey.name(), "logs": served, "first_start": fresh,
            }))?;
        } else {
            terminal::say(&words.with("witness-serving", &[("address", Value::Text(&url)), ("logs", Value::Number(served as i64))]));
            terminal::say(&words.with("witness-key", &[("vkey", Value::Text(&vkey.to_string()))]));
            terminal::say(&words.with("witness-fingerprint", &[("fingerprint", Value::Text(&vkey.fingerprint()))]));
        }
        if tls.is_none() && !bound.ip().is_loopback() {
            eprintln!("{}", words.say("witness-plain"));
        }
        if served == 0 {
            eprintln!("{}", words.say("witness-no-log"));
        }
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(server::serve(listener, tls, desk, Limits::default(), stopped));
        until.await;
        let _ = stop.send(true);
        let _ = serving.await;
        anyhow::Ok(())
    })?;
    Ok(Verdict::Holds)
}

/// The logs that were named; several keys of one name are one log whose key changes.
fn logs(matches: &ArgMatches) -> Result<Vec<Log>> {
    let mut logs: Vec<Log> = Vec::new();
    for line in matches.get_many::<String>("log").into_iter().flatten() {
        let key: VerifierKey = line.trim().parse().map_err(|e| usage(format!("--log {line}: {e}")))?;
        if key.kind() != KeyKind::Ed25519 {
            return Err(usage(format!(
                "--log {line}: this is the key of a witness; that of a log is wanted ('hinomi vault checkpoint --print' shows it)"
            )));
        }
        match logs.iter_mut().find(|l| l.origin == key.name()) {
            Some(log) if log.keys.contains(&key) => {}
            Some(log) => log.keys.push(key),
            None => logs.push(Log::of(key)),
        }
    }
    Ok(logs)
}

/// Says what the server does: one object a line on standard output, or sentences on standard error for what people must know.
fn teller(words: &Words, as_json: bool) -> Box<dyn Fn(Told) + Send + Sync> {
    let fork = words.template("witness-fork");
    let rollback = words.template("witness-rollback");
    let unproven = words.template("witness-unproven");
    let refused = words.template("witness-refused");
    let trouble = words.template("witness-trouble");
    let cosigned = words.template("witness-cosigned");
    let evidence = words.template("witness-evidence");
    Box::new(move |told| {
        if as_json {
            terminal::say(&as_object(&told).to_string());
            return;
        }
        let line = match told {
            Told::Cosigned { origin, size, .. } => {
                let line = cosigned(&[("origin", Value::Text(&origin)), ("size", Value::Text(&size.to_string()))]);
                return terminal::say(&line);
            }
            Told::Refused { status, reason } => {
                refused(&[("status", Value::Number(i64::from(status))), ("reason", Value::Text(&shown(&reason.to_string())))])
            }
            Told::Suspicious { suspicion, kept } => {
                let (kind, origin, known, seen) = parts(&suspicion);
                let (known, seen) = (known.size.to_string(), seen.size.to_string());
                let values = [("origin", Value::Text(origin)), ("known", Value::Text(&known)), ("shown", Value::Text(&seen))];
                let line = match kind {
                    "fork" => fork(&values),
                    "rollback" => rollback(&values),
                    _ => unproven(&values),
                };
                let kept = kept.map(|f| evidence(&[("file", Value::Text(&f.display().to_string()))]));
                kept.map_or(line.clone(), |kept| format!("{line} {kept}"))
            }
            Told::Trouble(why) => trouble(&[("why", Value::Text(&why))]),
        };
        eprintln!("{line}");
    })
}

/// The word for it, which log, what was cosigned, and what was shown.
fn parts(suspicion: &Suspicion) -> (&'static str, &str, &Seen, &Seen) {
    match suspicion {
        Suspicion::Fork { origin, known, shown } => ("fork", origin, known, shown),
        Suspicion::Rollback { origin, known, shown } => ("rollback", origin, known, shown),
        Suspicion::Unproven { origin, known, shown } => ("unproven", origin, known, shown),
    }
}

/// What came over the network may hold anything.
fn shown(text: &str) -> String {
    text.chars().take(300).map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn as_object(told: &Told) -> serde_json::Value {
    match told {
        Told::Cosigned { origin, size, root, time } => {
            let time = Time::from_unix(i64::try_from(*time).unwrap_or(0), 0);
            serde_json::json!({ "event": "cosigned", "origin": origin, "size": size, "root": root, "time": time })
        }
        Told::Refused { status, reason } => serde_json::json!({ "event": "refused", "status": status, "reason": reason.to_string() }),
        Told::Suspicious { suspicion, kept } => {
            let (kind, origin, known, shown) = parts(suspicion);
            let file = kept.as_ref().map(|f| f.display().to_string());
            serde_json::json!({ "event": kind, "origin": origin, "known": known, "shown": shown, "file": file })
        }
        Told::Trouble(why) => serde_json::json!({ "event": "trouble", "why": why }),
    }
}

fn identity(certificate: &Path, key: &Path) -> Result<rustls::ServerConfig> {
    let wrong = |file: &Path, why: &dyn std::fmt::Display| bad_input(format!("{}: {why}; PEM is wanted", file.display()));
    let read = |file: &Path| std::fs::read(file).map_err(|e| unreachable(format!("cannot read {}: {e}", file.display())));
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(&read(certificate)?).collect::<std::result::Result<_, _>>().map_err(|e| wrong(certificate, &e))?;
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|e| wrong(key, &e))?;
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .and_then(|b| b.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(|e| wrong(certificate, &e))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Until SIGTERM or SIGINT.
fn until_told() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate()).map_err(unreachable)?;
    let mut int = signal(SignalKind::interrupt()).map_err(unreachable)?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}
