use super::super::kerberos::tests::{ap_request, failure};
use super::super::ntlm::tests::{authenticate_message, challenge_message, wide};
use super::super::testing::{self, hostile, script};
use super::*;
use model::activity::Act;

fn framed(message: &[u8]) -> Vec<u8> {
    [&[0][..], &(message.len() as u32).to_be_bytes()[1..], message].concat()
}

/// A message of SMB 2.
struct Two {
    command: u16,
    status: u32,
    flags: u32,
    id: u64,
    tree: u32,
    session: u64,
}
const TWO: Two = Two { command: 0, status: 0, flags: 0, id: 0, tree: 0, session: 0 };
impl Two {
    fn header(&self, next: u32) -> Vec<u8> {
        [
            &b"\xfeSMB\x40\0\0\0"[..],
            &self.status.to_le_bytes(),
            &self.command.to_le_bytes(),
            &[1, 0],
            &self.flags.to_le_bytes(),
            &next.to_le_bytes(),
            &self.id.to_le_bytes(),
            &[0; 4],
            &self.tree.to_le_bytes(),
            &self.session.to_le_bytes(),
            &[0; 16],
        ]
        .concat()
    }
    fn with(&self, body: &[u8]) -> Vec<u8> {
        framed(&[&self.header(0)[..], body].concat())
    }
    fn answer(&self, status: u32, body: &[u8]) -> Vec<u8> {
        Two { status, flags: self.flags | 1, ..*self }.with(body)
    }
}
fn at(fixed: usize, blob: &[u8]) -> Vec<u8> {
    [&(64 + fixed as u16).to_le_bytes()[..], &(blob.len() as u16).to_le_bytes()].concat()
}
fn session(blob: &[u8]) -> Vec<u8> {
    [&[25, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0][..], &at(24, blob), &[0; 8], blob].concat()
}
fn session_answer(flags: u16, blob: &[u8]) -> Vec<u8> {
    [&[9, 0][..], &flags.to_le_bytes(), &at(8, blob), blob].concat()
}
fn tree(path: &str) -> Vec<u8> {
    let path = wide(path);
    [&[9, 0, 0, 0][..], &at(8, &path), &path].concat()
}
fn create(name: &str, options: u32) -> Vec<u8> {
    let name = wide(name);
    [&[57, 0][..], &[0; 38], &options.to_le_bytes(), &at(56, &name), &[0; 8], &name].concat()
}
fn created(handle: u8) -> Vec<u8> {
    [&[89, 0][..], &[0; 62], &[handle; 16], &[0; 8]].concat()
}
fn set_info(class: u8, handle: u8, value: &[u8]) -> Vec<u8> {
    [&[33, 0, 1, class][..], &(value.len() as u32).to_le_bytes(), &96u16.to_le_bytes(), &[0; 6], &[handle; 16], value].concat()
}
fn negotiated(dialect: u16, mode: u8) -> Vec<u8> {
    [&[65, 0, mode, 0][..], &dialect.to_le_bytes(), &[0; 58]].concat()
}

fn told(acts: &[Act]) -> Vec<&Smb> {
    acts.iter().filter_map(|a| if let Act::Smb(s) = a { Some(s) } else { None }).collect()
}
fn logins(acts: &[Act]) -> Vec<(&str, Outcome)> {
    acts.iter().filter_map(|a| if let Act::Login(l) = a { Some((l.user.as_str(), l.outcome)) } else { None }).collect()
}

/// A log-in over NTLM that ends with this status.
fn log_in(status: u32) -> Vec<(Dir, Vec<u8>)> {
    let (first, second) = (Two { command: 1, id: 1, ..TWO }, Two { command: 1, id: 2, session: 9, ..TWO });
    vec![
        (Dir::Up, Two { id: 0, ..TWO }.with(&[36, 0, 1, 0, 1, 0, 0, 0])),
        (Dir::Down, Two { id: 0, ..TWO }.answer(0, &negotiated(0x0311, 3))),
        (Dir::Up, first.with(&session(b"NTLMSSP\0\x01\0\0\0"))),
        (Dir::Down, Two { session: 9, ..first }.answer(status::MORE_PROCESSING, &session_answer(0, &challenge_message()))),
        (Dir::Up, second.with(&session(&authenticate_message("KOJO", "tanaka", "PC-1", 200)))),
        (Dir::Down, second.answer(status, &session_answer(4, b""))),
    ]
}
fn run(parts: &[(Dir, Vec<u8>)]) -> Vec<Act> {
    let parts: Vec<(Dir, &[u8])> = parts.iter().map(|(d, b)| (*d, &b[..])).collect();
    testing::tcp(&SPEC, &parts)
}

#[test]
fn log_ins_over_ntlm_are_told_with_the_servers_answer() {
    for (code, outcome) in [(0, Outcome::Success), (0xc000_006d, Outcome::Failure), (0xc000_009a, Outcome::Unknown)] {
        let acts = run(&log_in(code));
        assert_eq!(logins(&acts), [("tanaka", outcome)], "{code:x}");
        let smb = told(&acts);
        assert_eq!((smb[0].kind, smb[0].dialect, smb[0].signing), (SmbKind::Negotiate, 0x0311, true));
        assert_eq!((smb[1].kind, smb[1].status, smb[1].encrypted), (SmbKind::Session, Some(code), code == 0));
        assert_eq!((smb[1].user.as_str(), smb[1].domain.as_str(), smb[1].host.as_str()), ("tanaka", "KOJO", "PC-1"));
        assert!(acts.iter().any(|a| matches!(a, Act::Ntlm(n) if n.server == "SRV" && n.user == "tanaka")));
        assert!(!format!("{acts:?}").contains("NNNN"), "the answer to the challenge stays here");
    }
}

#[test]
fn shares_and_files_are_told_with_user_and_answer() {
    let mut parts = log_in(0);
    let q = |command, id| Two { command, id, tree: 5, session: 9, ..TWO };
    let long = "a".repeat(40);
    parts.extend([
        (Dir::Up, q(3, 3).with(&tree(r"\\nas\図面"))),
        (Dir::Down, q(3, 3).answer(0, &[16, 0, 1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
        (Dir::Up, q(5, 4).with(&create(r"部品\1.dwg", 0))),
        (Dir::Down, q(5, 4).answer(0, &created(7))),
        // A read of which only the header is looked at, and its answer.
        (Dir::Up, q(8, 5).with(&[49; 49])),
        (Dir::Down, q(8, 5).answer(0, &vec![1; 40_000])),
        (Dir::Up, q(17, 6).with(&set_info(10, 7, &[&[0; 16][..], &12u32.to_le_bytes(), &wide(r"古い\2")].concat()))),
        (Dir::Down, q(17, 6).answer(0, &[2, 0])),
        (Dir::Up, q(17, 7).with(&set_info(13, 7, &[1]))),
        (Dir::Down, q(17, 7).answer(0xc000_0022, &[9, 0, 0, 0, 0, 0, 0, 0, 0])),
        (Dir::Up, q(5, 8).with(&create(&long, 0x1000))),
        (Dir::Down, q(5, 8).answer(status::PENDING, &[9, 0, 0, 0, 0, 0, 0, 0, 0])),
        (Dir::Down, q(5, 8).answer(0, &created(8))),
        (Dir::Up, q(5, 9).with(&create("x", 0))),
        (Dir::Up, q(2, 10).with(&[4, 0, 0, 0])),
        (Dir::Down, q(2, 10).answer(0, &[4, 0, 0, 0])),
    ]);
    // The interim answer carries the flag of asynchronous ones.
    parts[17].1[4 + 16] |= 2;
    let acts = run(&parts);
    let rows: Vec<_> = told(&acts).iter().skip(2).map(|s| (s.kind, s.file.clone(), s.target.clone(), s.status)).collect();
    let file = r"部品\1.dwg".to_owned();
    let none = String::new;
    assert_eq!(
        rows,
        [
            (SmbKind::Tree, none(), none(), Some(0)),
            (SmbKind::Open, file.clone(), none(), Some(0)),
            (SmbKind::Rename, file.clone(), r"古い\2".into(), Some(0)),
            (SmbKind::Delete, file, none(), Some(0xc000_0022)),
            (SmbKind::Open, long.clone(), none(), Some(0)),
            (SmbKind::Delete, long, none(), Some(0)),
            (SmbKind::Logoff, none(), none(), Some(0)),
            (SmbKind::Open, "x".into(), none(), None),
        ]
    );
    let smb = told(&acts);
    assert!(smb[2..8].iter().all(|s| s.share == r"\\nas\図面" && s.user == "tanaka" && s.encrypted), "{smb:?}");
}

#[test]
fn chains_of_requests_are_taken_apart() {
    let (a, b) = (Two { command: 5, id: 1, tree: 5, session: 9, ..TWO }, Two { command: 17, id: 2, flags: 4, tree: 5, session: 9, ..TWO });
    let mut first = create("secret.xlsx", 0);
    first.resize(first.len().next_multiple_of(8), 0);
    let up = framed(&[&a.header(64 + first.len() as u32)[..], &first, &b.header(0), &set_info(13, 0xff, &[1])].concat());
    let down =
        framed(&[&Two { flags: 1, ..a }.header(64 + 90)[..], &created(3), &[0; 2], &Two { flags: 5, ..b }.header(0), &[2, 0]].concat());
    let acts = run(&[(Dir::Up, up), (Dir::Down, down)]);
    let rows: Vec<_> = told(&acts).iter().map(|s| (s.kind, s.file.as_str(), s.status)).collect();
    assert_eq!(rows, [(SmbKind::Open, "secret.xlsx", Some(0)), (SmbKind::Delete, "secret.xlsx", Some(0))]);
}

#[test]
fn encrypted_messages_are_passed_over_and_said_to_be() {
    let sealed = framed(&[&b"\xfdSMB"[..], &[7; 300]].concat());
    let acts = run(&[(Dir::Up, sealed.clone()), (Dir::Down, sealed)]);
    assert!(matches!(&acts[..], [Act::Smb(s)] if s.encrypted && s.kind == SmbKind::Session), "{acts:?}");
}

#[test]
fn a_request_without_answer_has_nothing_of_the_answer_to_another() {
    // An encrypted session of a guest, then a session set-up that nobody answers.
    let mut talk = log_in(0);
    let guest_and_encrypted = Two { command: 1, id: 2, session: 9, ..TWO }.answer(0, &session_answer(5, b""));
    *talk.last_mut().unwrap() = (Dir::Down, guest_and_encrypted);
    talk.push((Dir::Up, Two { command: 1, id: 7, session: 10, ..TWO }.with(&session(b"NTLMSSP\0\x01\0\0\0"))));
    let acts = run(&talk);
    let sessions: Vec<_> =
        told(&acts).into_iter().filter(|s| s.kind == SmbKind::Session).map(|s| (s.status, s.guest, s.encrypted)).collect();
    assert_eq!(sessions, [(Some(0), true, true), (None, false, false)]);
}

#[test]
fn kerberos_in_a_session_is_told_and_its_user_is_unknown() {
    let q = Two { command: 1, id: 1, ..TWO };
    let acts = run(&[
        (Dir::Up, q.with(&session(&[&[0x60, 0x50, 6, 6][..], &ap_request()].concat()))),
        (Dir::Down, q.answer(status::MORE_PROCESSING, &session_answer(0, &failure(37)))),
        (Dir::Up, Two { id: 2, ..q }.with(&session(&ap_request()))),
        (Dir::Down, Two { id: 2, ..q }.answer(0, &session_answer(0, b""))),
    ]);
    assert!(matches!(&acts[0], Act::Kerberos(k) if k.service == "cifs/nas"), "{acts:?}");
    assert!(matches!(&acts[1], Act::Kerberos(k) if k.error == Some(37)), "{acts:?}");
    assert_eq!(logins(&acts), [("", Outcome::Success)]);
}

/// A message of SMB 1: words and bytes, with Unicode and NT status.
fn one(command: u8, answer: bool, status: u32, uid: u16, words: &[u8], bytes: &[u8]) -> Vec<u8> {
    let head = [
        &b"\xffSMB"[..],
        &[command],
        &status.to_le_bytes(),
        &[if answer { 0x98 } else { 0x18 }, 0x01, 0xc8],
        &[0; 12],
        &7u16.to_le_bytes(),
        &[0x34, 0x12],
        &uid.to_le_bytes(),
        &[1, 0],
    ]
    .concat();
    framed(&[&head[..], &[(words.len() / 2) as u8], words, &(bytes.len() as u16).to_le_bytes(), bytes].concat())
}
fn zero(s: &str) -> Vec<u8> {
    [&wide(s)[..], &[0, 0]].concat()
}
fn words(n: usize, fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut w = vec![0; n * 2];
    w[0] = 0xff;
    for (at, v) in fields {
        w[*at..*at + v.len()].copy_from_slice(v);
    }
    w
}
fn one_negotiated(mode: u8) -> Vec<u8> {
    let mut w = vec![0; 34];
    w[2] = mode;
    one(0x72, true, 0, 0, &w, &[])
}

#[test]
fn the_first_version_tells_systems_shares_and_files() {
    // Words are an odd number of bytes after an even header, so that wide strings begin after a byte of filling where they need it.
    let names = [zero("suzuki"), zero("KOJO"), zero("Windows XP")].concat();
    let setup = words(13, &[(14, &[24, 0]), (16, &[0, 0])]);
    let names_at = [vec![0x61; 24], vec![0], names].concat();
    let (open, opened) = (words(24, &[(5, &[10, 0])]), words(34, &[(5, &[3, 0])]));
    let disposition = {
        let mut w = vec![0; 30];
        // Parameters and data stand after the words, the count of bytes and one byte.
        let parameters = 32 + 1 + 30 + 2 + 1;
        w[20..22].copy_from_slice(&(parameters as u16).to_le_bytes());
        w[24..26].copy_from_slice(&(parameters as u16 + 6).to_le_bytes());
        w[28] = 8;
        w
    };
    let acts = run(&[
        (Dir::Up, one(0x72, false, 0, 0, &[], b"\x02NT LM 0.12\0")),
        (Dir::Down, one_negotiated(0x0f)),
        (Dir::Up, one(0x73, false, 0, 0, &setup, &names_at)),
        (Dir::Down, one(0x73, true, 0, 4, &words(3, &[]), &[&[0][..], &zero("Windows 5.1"), &zero("LAN")].concat())),
        (Dir::Up, one(0x75, false, 0, 4, &words(4, &[(6, &[1, 0])]), &[&[0][..], &zero(r"\\PLC\C$"), b"?????\0"].concat())),
        (Dir::Down, one(0x75, true, 0, 4, &words(3, &[]), b"A:\0")),
        (Dir::Up, one(0xa2, false, 0, 4, &open, &[&[0][..], &wide("a.exe")].concat())),
        (Dir::Down, one(0xa2, true, 0, 4, &opened, b"")),
        (Dir::Up, one(0x32, false, 0, 4, &disposition, &[0, 3, 0, 2, 1, 0, 0, 1])),
        (Dir::Down, one(0x32, true, 0, 4, &[], b"")),
        (Dir::Up, one(0x06, false, 0, 4, &[0, 0], &[&[4][..], &zero("b.txt")].concat())),
        (Dir::Down, one(0x06, true, 0xc000_0034, 4, &[], b"")),
        (Dir::Up, one(0x07, false, 0, 4, &[0, 0], &[&[4][..], &zero("c"), &[4, 0], &zero("d")].concat())),
        (Dir::Down, one(0x07, true, 0, 4, &[], b"")),
    ]);
    assert_eq!(logins(&acts), [("suzuki", Outcome::Success)]);
    let smb = told(&acts);
    assert!(smb.iter().all(|s| s.dialect == 0x0100));
    assert!(smb[0].signing);
    assert_eq!((smb[1].os.as_str(), smb[1].server_os.as_str(), smb[1].domain.as_str()), ("Windows XP", "Windows 5.1", "KOJO"));
    assert_eq!((smb[2].share.as_str(), smb[2].user.as_str()), (r"\\PLC\C$", "suzuki"));
    let rows: Vec<_> = smb[3..].iter().map(|s| (s.kind, s.file.as_str(), s.target.as_str(), s.status)).collect();
    assert_eq!(
        rows,
        [
            (SmbKind::Open, "a.exe", "", Some(0)),
            (SmbKind::Delete, "a.exe", "", Some(0)),
            (SmbKind::Delete, "b.txt", "", Some(0xc000_0034)),
            (SmbKind::Rename, "c", "d", Some(0)),
        ]
    );
    assert!(smb[3..].iter().all(|s| s.share == r"\\PLC\C$"));
}

#[test]
fn a_password_in_clear_is_kept_as_a_trace_only() {
    let setup = words(13, &[(14, &[7, 0])]);
    let bytes = [b"geheim\0".to_vec(), zero("old"), zero(""), zero("DOS")].concat();
    let acts = run(&[
        (Dir::Up, one(0x72, false, 0, 0, &[], b"\x02NT LM 0.12\0")),
        (Dir::Down, one_negotiated(1)),
        (Dir::Up, one(0x73, false, 0, 0, &setup, &bytes)),
        (Dir::Down, one(0x73, true, 0xc000_006d, 0, &[], b"")),
    ]);
    let login = acts.iter().find_map(|a| if let Act::Login(l) = a { Some(l) } else { None }).unwrap();
    assert_eq!((login.user.as_str(), login.outcome, login.clear_text), ("old", Outcome::Failure, true));
    assert_eq!(login.secret.unwrap().length, 6);
    assert!(!format!("{acts:?}").contains("geheim"));
}

#[test]
fn a_negotiation_may_begin_in_the_first_version_and_end_in_the_second() {
    let acts = run(&[
        (Dir::Up, one(0x72, false, 0, 0, &[], b"\x02NT LM 0.12\0\x02SMB 2.???\0")),
        (Dir::Down, TWO.answer(0, &negotiated(0x02ff, 1))),
    ]);
    assert!(matches!(&acts[..], [Act::Smb(s)] if s.dialect == 0x02ff && !s.signing), "{acts:?}");
}

#[test]
fn a_netbios_session_names_the_caller() {
    let coded = |name: &[u8; 16]| -> Vec<u8> {
        [&[32][..], &name.iter().flat_map(|b| [b'A' + (b >> 4), b'A' + (b & 15)]).collect::<Vec<_>>(), &[0]].concat()
    };
    let request = [&[0x81, 0, 0, 68][..], &coded(b"*SMBSERVER      "), &coded(b"HMI-3          \0")].concat();
    let setup = words(13, &[]);
    let acts = run(&[
        (Dir::Up, request.clone()),
        (Dir::Down, vec![0x82, 0, 0, 0]),
        (Dir::Up, one(0x73, false, 0, 0, &setup, &[&[0][..], &zero("u")].concat())),
        (Dir::Down, one(0x73, true, 0, 4, &words(3, &[]), &[0, 0, 0])),
    ]);
    assert_eq!(told(&acts)[0].host, "HMI-3");
    let ask = |up: &[u8], port| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 40000, server_port: port, datagram: false });
    assert_eq!(ask(&request, 139), Verdict::Sure(85));
}

#[test]
fn a_flood_of_requests_stays_within_its_memory() {
    let up: Vec<u8> = (0..300).flat_map(|i| Two { command: 5, id: i, ..TWO }.with(&create("f", 0))).collect();
    let acts = run(&[(Dir::Up, up)]);
    assert_eq!(told(&acts).len(), 300);
}

#[test]
fn finds_its_way_after_a_hole_and_after_other_things() {
    let mut parser = (SPEC.start)();
    let mut drive = testing::Drive::new(&mut *parser, Protocol::Smb, model::Transport::Tcp, testing::options());
    let open = |id| Two { command: 5, id, ..TWO }.with(&create("f", 0));
    drive.feed(Dir::Up, &open(1));
    drive.gap(Dir::Up, 500);
    drive.feed(Dir::Up, &open(2)[9..]);
    drive.feed(Dir::Up, &open(3));
    drive.end();
    assert_eq!(drive.acts().len(), 2);
}

#[test]
fn other_things_are_refused() {
    let ask = |up: &[u8]| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 40000, server_port: 445, datagram: false });
    assert_eq!(ask(&TWO.with(&[0; 40])), Verdict::Sure(96));
    assert_eq!(ask(&TWO.with(&[0; 40])[..6]), Verdict::Unsure);
    for other in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 40], &[0xff; 40], &[0x16, 3, 1, 0, 9], &[0, 0, 0, 40, 0xfe, b'S', b'M', b'C', 0]] {
        assert_eq!(ask(other), Verdict::No, "{other:?}");
    }
}

#[test]
fn messages_cut_off_or_with_lengths_that_lie_are_survived() {
    let names = [zero("suzuki"), zero("KOJO"), zero("Windows XP")].concat();
    let mut parts = log_in(0);
    parts.push((Dir::Up, one(0x73, false, 0, 0, &words(13, &[(14, &[0xff, 0xff]), (16, &[0xff, 0xff])]), &names)));
    parts.push((Dir::Up, one(0xa2, false, 0, 0, &words(24, &[(2, &[33, 0])]), &names)));
    for (dir, whole) in &parts {
        for n in 0..whole.len() {
            let mut parser = (SPEC.start)();
            let mut drive = testing::Drive::new(&mut *parser, Protocol::Smb, model::Transport::Tcp, testing::options());
            // The frame is as long as what is left, so that the message ends early.
            if n > 4 {
                let mut cut = whole[..n].to_vec();
                let length = (n - 4) as u32;
                cut[1..4].copy_from_slice(&length.to_be_bytes()[1..]);
                drive.feed(*dir, &cut);
            }
            let mut bent = whole.clone();
            bent[n] = 0xff;
            drive.feed(*dir, &bent);
            drive.end();
        }
    }
}

fn seeds() -> Vec<(bool, Vec<u8>, u8)> {
    log_in(0).into_iter().map(|(d, b)| (d == Dir::Up, b, 1)).collect()
}

hostile!(
    SPEC,
    seeds(),
    script(&[
        (Dir::Up, &one(0x73, false, 0, 0, &words(13, &[(14, &[1, 0])]), &[&[0, 0][..], &zero("u")].concat())),
        (Dir::Down, &one(0x73, true, 0, 4, &words(3, &[]), &zero("W")))
    ])
);
