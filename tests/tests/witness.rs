//! Witnesses in processes of their own (C2SP tlog-witness): what they cosign, what they refuse, and that `kill -9` makes them forget nothing. Then a
//! whole watch that is witnessed and stamped, and a copy of it that goes another way.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use end_to_end::{Console, call, hinomi, json, json_lines, which};
use proof::Hash;
use proof::checkpoint::Checkpoint;
use proof::note::{Note, SigningKey, VerifierKey, verify};
use proof::tree;
use proof::witness::Request;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `hinomi witness` that runs until this is dropped.
struct Witness {
    child: Child,
    address: String,
    key: VerifierKey,
}

impl Witness {
    fn start(dir: &Path, logs: &[&str], more: &[&str]) -> Witness {
        let mut command = Command::new(hinomi());
        command.args(["witness", "--json", "--lang", "en", "--listen", "127.0.0.1:0", "--data"]).arg(dir);
        for log in logs {
            command.args(["--log", log]);
        }
        let mut child = command.args(more).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().expect("the witness ended").unwrap()).unwrap();
        // Somebody must read on, or it would wait for room in the pipe.
        std::thread::spawn(move || for _ in lines.map_while(Result::ok) {});
        let address = first["address"].as_str().unwrap().split("://").nth(1).unwrap().to_owned();
        Witness { child, address, key: first["vkey"].as_str().unwrap().parse().unwrap() }
    }

    /// What it answers to a body: status, media type, body. `None` where there was no whole answer.
    fn post(&self, body: &str) -> Option<(u16, String, String)> {
        post(&self.address, body.as_bytes())
    }

    fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn post(address: &str, body: &[u8]) -> Option<(u16, String, String)> {
    let head = format!("POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: {}\r\n\r\n", body.len());
    raw(address, &[head.as_bytes(), body].concat())
}

fn raw(address: &str, request: &[u8]) -> Option<(u16, String, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let kind = head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-type: ").map(str::to_owned)).unwrap_or_default();
    Some((status, kind, body.to_owned()))
}

/// A log of nothing but leaves.
struct Log {
    key: SigningKey,
    leaves: Vec<Hash>,
}

impl Log {
    fn new(leaves: u64) -> Log {
        let key = SigningKey::from_seed("hinomi.local/019ab000-0000-7000-8000-000000000001", [5; 32]).unwrap();
        let mut log = Log { key, leaves: Vec::new() };
        log.grow(leaves);
        log
    }

    fn grow(&mut self, by: u64) {
        for _ in 0..by {
            self.leaves.push(tree::leaf_hash(&self.leaves.len().to_be_bytes()));
        }
    }

    fn vkey(&self) -> String {
        self.key.vkey().to_string()
    }

    /// The same key and another history from entry `at` on.
    fn fork(&self, at: usize) -> Log {
        let mut other = Log::new(0);
        other.leaves.clone_from(&self.leaves);
        other.leaves[at] = tree::leaf_hash(b"it never happened");
        other
    }

    fn body(&self, old: u64, size: usize) -> String {
        let leaves = &self.leaves[..size];
        let origin = self.key.vkey().name().to_owned();
        let note = Checkpoint { origin, size: size as u64, root: tree::root(leaves), extensions: vec![] }.sign(&self.key).unwrap();
        let proof = if old == 0 || old > size as u64 { Vec::new() } else { tree::consistency_path(leaves, old).unwrap() };
        Request::new(old, proof, note).unwrap().body()
    }
}

/// The answer is a cosignature of that checkpoint.
fn cosigned(witness: &Witness, body: &str, answer: &(u16, String, String)) {
    assert_eq!(answer.0, 200, "{answer:?}");
    let mut note = Request::parse(body.as_bytes()).unwrap().note;
    note.signatures = answer.2.lines().map(|l| l.parse().unwrap()).collect();
    let verified = verify(&note, std::slice::from_ref(&witness.key)).unwrap();
    assert!(verified[0].time().is_some());
}

#[test]
fn a_growing_log_is_cosigned_and_forks_and_rollbacks_are_refused_also_after_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::new(3);
    let mut witness = Witness::start(dir.path(), &[&log.vkey()], &["--name", "example.org/witness"]);
    assert_eq!(witness.key.name(), "example.org/witness");
    let mut old = 0;
    for by in [0, 1, 7, 300, 0] {
        log.grow(by);
        let body = log.body(old, log.leaves.len());
        cosigned(&witness, &body, &witness.post(&body).unwrap());
        old = log.leaves.len() as u64;
    }
    for round in 0..2 {
        // Where it is, for whoever begins elsewhere (tlog-witness: the size and nothing else).
        let size = format!("{old}\n");
        let conflict = Some((409, "text/x.tlog.size".to_owned(), size));
        assert_eq!(witness.post(&log.body(0, log.leaves.len())), conflict, "round {round}");
        // A rollback: a smaller checkpoint of the same history.
        assert_eq!(witness.post(&log.body(5, 20)), conflict);
        // A fork at the same size, and one that has grown on.
        let mut other = log.fork(2);
        let (status, kind, _) = witness.post(&other.body(old, other.leaves.len())).unwrap();
        assert_eq!((status, kind.as_str()), (409, "text/plain; charset=utf-8"));
        other.grow(9);
        assert_eq!(witness.post(&other.body(old, other.leaves.len())).unwrap().0, 422);
        // Both notes are kept, and each by itself is the log's own word.
        let mut kinds: Vec<String> = Vec::new();
        for file in std::fs::read_dir(dir.path().join("evidence")).unwrap() {
            let file = file.unwrap();
            kinds.push(file.file_name().to_string_lossy().split('-').next().unwrap().to_owned());
            let kept: Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
            let what = kept["what"].as_object().unwrap().values().next().unwrap();
            for side in ["known", "shown"] {
                let note: Note = what[side]["note"].as_str().unwrap().parse().unwrap();
                verify(&note, &[log.key.vkey().clone()]).unwrap();
            }
        }
        kinds.sort();
        assert_eq!(kinds, ["fork", "rollback", "unproven"], "the same again adds nothing");
        let key = witness.key.clone();
        witness.kill();
        witness = Witness::start(dir.path(), &[&log.vkey()], &[]);
        assert_eq!(witness.key, key);
    }
    // And the honest log goes on.
    log.grow(1000);
    let body = log.body(old, log.leaves.len());
    cosigned(&witness, &body, &witness.post(&body).unwrap());
}

#[test]
fn killed_at_any_moment_it_never_forgets_what_it_gave_away() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::new(4000);
    let mut given = 0u64;
    let mut next = 1usize;
    for round in 0..12u64 {
        let witness = Witness::start(dir.path(), &[&log.vkey()], &[]);
        let (address, pid) = (witness.address.clone(), witness.child.id());
        let after = Duration::from_millis(5 + round * 37 % 120);
        let killer = std::thread::spawn(move || {
            std::thread::sleep(after);
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        });
        // Where it is after the last kill: at what it gave away, or one further that nobody got.
        let began = Instant::now();
        let mut old = given;
        while began.elapsed() < Duration::from_secs(5) && next < log.leaves.len() {
            match post(&address, log.body(old, next).as_bytes()) {
                Some((200, _, lines)) if lines.ends_with('\n') => {
                    given = next as u64;
                    old = given;
                    next += 1;
                }
                Some((409, _, size)) => {
                    old = size.trim().parse().unwrap();
                    assert!(old >= given, "it was at {given} and says {old}");
                    next = next.max(old as usize);
                }
                Some((status, _, body)) if status != 200 => panic!("{status}: {body}"),
                _ => break,
            }
        }
        killer.join().unwrap();
        drop(witness);
    }
    assert!(given > 12, "{given}");
    // Now another history, from just before the last one that was given away: refused, whatever was in the air.
    let witness = Witness::start(dir.path(), &[&log.vkey()], &[]);
    let at = witness.post(&log.body(0, log.leaves.len())).unwrap().2.trim().parse::<usize>().unwrap();
    log = log.fork(at - 1);
    assert_eq!(witness.post(&log.body(at as u64, at)).unwrap().0, 409);
    assert_eq!(witness.post(&log.body(at as u64, at + 5)).unwrap().0, 422);
}

#[test]
fn strangers_long_bodies_and_slow_ones_are_turned_away() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::new(3);
    let other = SigningKey::from_seed("hinomi.local/other", [6; 32]).unwrap();
    let witness = Witness::start(dir.path(), &[&other.vkey().to_string()], &[]);
    assert_eq!(witness.post(&log.body(0, 3)).unwrap().0, 404, "an unknown log");
    assert_eq!(witness.post("nonsense").unwrap().0, 400);
    assert_eq!(post(&witness.address, &vec![b'x'; 200 << 10]).map_or(413, |a| a.0), 413);
    assert_eq!(raw(&witness.address, b"GET /add-checkpoint HTTP/1.1\r\nHost: w\r\n\r\n").unwrap().0, 405);
    assert_eq!(raw(&witness.address, b"GET /else HTTP/1.1\r\nHost: w\r\n\r\n").unwrap().0, 404);
    let front = raw(&witness.address, b"GET / HTTP/1.1\r\nHost: w\r\n\r\n").unwrap();
    assert!(front.0 == 200 && front.2.contains(&witness.key.to_string()), "{front:?}");
    // Somebody who sends half a head is not waited for, and others are served meanwhile.
    let mut slow: Vec<TcpStream> = (0..16).map(|_| TcpStream::connect(&witness.address).unwrap()).collect();
    for s in &mut slow {
        s.write_all(b"POST /add-check").unwrap();
    }
    let began = Instant::now();
    let mut gone = 0;
    for s in &mut slow {
        s.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut rest = Vec::new();
        // Ended or reset: either way it is not waited for.
        let ended = s.read_to_end(&mut rest);
        gone += usize::from(!ended.is_err_and(|e| matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)));
    }
    assert_eq!(gone, 16);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(witness.post("nonsense").unwrap().0, 400);
    // A second process with the same key would cosign beside it.
    let second = call(&["witness", "--data", &dir.path().display().to_string(), "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(4));
    // A witness that lost its state does not begin anew.
    witness.kill();
    std::fs::remove_file(dir.path().join("state.json")).unwrap();
    let lost = call(&["witness", "--data", &dir.path().display().to_string(), "--listen", "127.0.0.1:0"]);
    assert_eq!(lost.status.code(), Some(3), "{}", String::from_utf8_lossy(&lost.stderr));
}

fn set(data: &str, settings: &[(&str, &str)]) {
    let file = Path::new(data).join("set.toml");
    let lines: Vec<String> = settings.iter().map(|(k, v)| format!("{k} = '''{v}'''")).collect();
    std::fs::write(&file, format!("[settings]\n{}\n", lines.join("\n"))).unwrap();
    let output = call(&["settings", "import", &file.display().to_string(), "--data", data]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[test]
fn a_watch_is_witnessed_and_a_copy_that_goes_another_way_is_a_finding_of_the_highest_rank() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (data, twin) = (at("data"), at("twin"));
    let capture = at("factory.pcap");
    xtask::capture::command(&["factory".into(), "--weeks".into(), "1".into(), "--out".into(), capture.clone()]).unwrap();
    let start = |data: &str| Console::start(None, &["--data", data, "--listen", "127.0.0.1:0", "--capture", &capture]).unwrap();
    let console = start(&data);
    console.wait_for("captures read", Duration::from_secs(240)).unwrap();
    console.stop().unwrap();
    let shown = json(&["vault", "checkpoint", "--json", "--data", &data]);
    let witness = Witness::start(&folder.path().join("witness"), &[shown["vkey"].as_str().unwrap()], &[]);
    let peers = format!("http://{} {}", witness.address, witness.key);
    set(&data, &[("witnesses", &peers), ("witness_minutes", "1")]);

    // By hand.
    let asked = call(&["vault", "checkpoint", "--cosign", "--json", "--data", &data]);
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let shown: Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!(shown["witnesses"][0].as_str(), Some(witness.key.name()));
    let paper = at("paper.txt");
    std::fs::write(&paper, shown["note"].as_str().unwrap().replace('\n', "\r\n").replace('\u{2014}', "--")).unwrap();
    assert_eq!(call(&["vault", "checkpoint", "--check", &paper, "--data", &data]).status.code(), Some(0));

    // A copy while nothing runs; then the original goes on and is witnessed by itself.
    copy(Path::new(&data), Path::new(&twin));
    let console = start(&data);
    let size = shown["size"].as_u64().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let status = json(&["vault", "checkpoint", "--json", "--data", &data]);
        let state: Value = serde_json::from_slice(&std::fs::read(folder.path().join("witness/state.json")).unwrap()).unwrap();
        let seen = state["state"]["logs"][shown["origin"].as_str().unwrap()]["size"].as_u64().unwrap();
        if seen > size {
            break;
        }
        assert!(Instant::now() < until, "not witnessed: {seen}, {status}");
        std::thread::sleep(Duration::from_millis(500));
    }
    console.wait_for("captures read", Duration::from_secs(240)).unwrap();
    console.stop().unwrap();
    // The newest one of the original, so that the copy is behind it.
    assert!(call(&["vault", "checkpoint", "--cosign", "--data", &data]).status.success());
    assert_eq!(call(&["vault", "checkpoint", "--check", &paper, "--data", &data]).status.code(), Some(0));
    assert!(json_lines(&["findings", "list", "--json", "--data", &data]).iter().all(|f| f["rule"] != "vault-fork"));

    // The copy starts: it knows of a past that the witness has seen go on.
    let by_hand = call(&["vault", "checkpoint", "--cosign", "--data", &twin]);
    assert_eq!(by_hand.status.code(), Some(1), "{}", String::from_utf8_lossy(&by_hand.stderr));
    let console = start(&twin);
    let until = Instant::now() + Duration::from_secs(60);
    let finding = loop {
        let all = json_lines(&["findings", "list", "--json", "--data", &twin]);
        if let Some(f) = all.into_iter().find(|f| f["rule"] == "vault-fork") {
            break f;
        }
        assert!(Instant::now() < until, "no finding");
        std::thread::sleep(Duration::from_millis(500));
    };
    assert_eq!(finding["severity"], "today", "{finding}");
    console.stop().unwrap();
}

#[test]
fn a_time_stamp_authority_stamps_the_checkpoint() {
    if which("openssl").is_none() {
        eprintln!("skipped: openssl is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let run = |args: &[&str]| {
        let output = Command::new("openssl").args(args).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let conf = "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=x\n[ca]\nbasicConstraints=critical,CA:TRUE\n[leaf]\nextendedKeyUsage=critical,timeStamping\n\
                [tsa]\ndefault_tsa=one\n[one]\nserial=serial\nsigner_digest=sha256\ndefault_policy=1.2.3\ndigests=sha256\ness_cert_id_alg=sha256\n";
    std::fs::write(dir.join("conf"), conf).unwrap();
    std::fs::write(dir.join("serial"), "01\n").unwrap();
    for key in ["ca.key", "tsa.key"] {
        run(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key]);
    }
    run(&[
        "req",
        "-x509",
        "-config",
        "conf",
        "-extensions",
        "ca",
        "-key",
        "ca.key",
        "-subj",
        "/CN=Test CA",
        "-days",
        "9",
        "-out",
        "ca.pem",
    ]);
    run(&["req", "-new", "-config", "conf", "-key", "tsa.key", "-subj", "/CN=Test TSA", "-out", "tsa.csr"]);
    let issue = ["x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "conf"];
    run(&[&issue[..], &["-extensions", "leaf", "-days", "9", "-out", "tsa.pem"]].concat());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tsr", listener.local_addr().unwrap());
    let here = dir.to_path_buf();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                    break;
                }
                if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                    length = n.trim().parse().unwrap();
                }
            }
            let mut query = vec![0; length];
            reader.read_exact(&mut query).unwrap();
            std::fs::write(here.join("q"), query).unwrap();
            let args = ["ts", "-reply", "-config", "conf", "-queryfile", "q", "-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "r"];
            assert!(Command::new("openssl").args(args).current_dir(&here).stderr(Stdio::null()).status().unwrap().success());
            let reply = std::fs::read(here.join("r")).unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\n\r\n", reply.len());
            let stream = reader.get_mut();
            let _ = stream.write_all(&[head.as_bytes(), &reply].concat());
        }
    });

    let data = dir.join("data").display().to_string();
    let console = Console::start(None, &["--data", &data, "--listen", "127.0.0.1:0"]).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while call(&["vault", "checkpoint", "--data", &data]).status.code() != Some(0) {
        assert!(Instant::now() < until, "no checkpoint");
        std::thread::sleep(Duration::from_millis(300));
    }
    // Beside the running program, which does not mind.
    let ca = dir.join("ca.pem").display().to_string();
    set(&data, &[("timestamp_url", &url), ("timestamp_ca", &ca)]);
    let stamped = call(&["vault", "checkpoint", "--stamp", "--json", "--data", &data]);
    assert!(stamped.status.success(), "{}", String::from_utf8_lossy(&stamped.stderr));
    let said = String::from_utf8_lossy(&stamped.stderr).into_owned();
    assert!(said.contains("Test TSA") && said.contains("Test CA"), "{said}");
    let shown: Value = serde_json::from_slice(&stamped.stdout).unwrap();
    let size = shown["stamp"]["size"].as_u64().unwrap();
    // What was kept is what openssl checks too.
    let kept = dir.join(format!("data/vault/log/stamps/{size}"));
    let (query, reply) = (kept.with_extension("tsq"), kept.with_extension("tsr"));
    run(&["ts", "-verify", "-CAfile", &ca, "-queryfile", &query.display().to_string(), "-in", &reply.display().to_string()]);
    // Another authority is not believed.
    run(&[
        "req",
        "-x509",
        "-config",
        "conf",
        "-extensions",
        "ca",
        "-key",
        "tsa.key",
        "-subj",
        "/CN=Test CA",
        "-days",
        "9",
        "-out",
        "other.pem",
    ]);
    set(&data, &[("timestamp_ca", &dir.join("other.pem").display().to_string())]);
    assert_eq!(call(&["vault", "checkpoint", "--stamp", "--data", &data]).status.code(), Some(1));
    console.stop().unwrap();
}

#[test]
fn a_key_line_that_is_not_one_is_told_with_the_right_status() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().display().to_string();
    for bad in ["x", "w+01234567+AAAA"] {
        assert_eq!(call(&["witness", "--data", &data, "--log", bad]).status.code(), Some(2));
    }
    let witness = Witness::start(dir.path(), &[], &[]);
    // The key of a witness is not that of a log.
    let elsewhere = dir.path().join("else").display().to_string();
    assert_eq!(call(&["witness", "--data", &elsewhere, "--log", &witness.key.to_string()]).status.code(), Some(2));
}
