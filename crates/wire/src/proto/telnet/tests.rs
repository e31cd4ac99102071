use super::super::testing::{self, hostile, script};
use super::*;
use model::activity::Act;

fn logins(acts: &[Act]) -> Vec<(String, u16, Outcome, bool)> {
    acts.iter()
        .filter_map(|a| match a {
            Act::Login(l) => Some((l.user.clone(), l.secret.map_or(0, |s| s.length), l.outcome, l.clear_text)),
            _ => None,
        })
        .collect()
}
fn row(user: &str, length: u16, outcome: Outcome) -> (String, u16, Outcome, bool) {
    (user.into(), length, outcome, true)
}

const TWO: &[(Dir, &[u8])] = &[
    (Dir::Down, b"\xff\xfd\x18\xff\xfb\x01\xff\xfa\x18\x01\xff\xf0\r\n\x1b[2JACME Router 7\r\n\r\nlogin: "),
    (Dir::Up, b"\xff\xfb\x18\xff\xfa\x18\x00xterm\xff\xff\xff\xf0"),
    (Dir::Up, b"admin\r\n"),
    (Dir::Down, b"admin\r\nPassword: "),
    (Dir::Up, b"wrong1\r\n"),
    (Dir::Down, b"\r\nLogin incorrect\r\nlogin: "),
    (Dir::Up, b"admin\r\0"),
    (Dir::Down, b"admin\r\nPassword: "),
    (Dir::Up, b"admin\r\0"),
    (Dir::Down, b"\r\nLast login: Tue\r\n# "),
    (Dir::Up, b"cat secret-file\r\n"),
];

#[test]
fn two_attempts_and_the_greeting() {
    let acts = testing::tcp(&SPEC, TWO);
    assert!(matches!(&acts[0], Act::Banner(b) if b.text == "ACME Router 7 login:"), "{acts:?}");
    assert_eq!(logins(&acts), [row("admin", 6, Outcome::Failure), row("admin", 5, Outcome::Success)]);
    assert!(matches!(&acts[2], Act::Login(l) if l.secret.unwrap().default));
    let all = format!("{acts:?}");
    assert!(!all.contains("wrong1") && !all.contains("secret-file"));
}

#[test]
fn single_keys_with_echo_and_corrections() {
    let mut talk: Vec<(Dir, Vec<u8>)> = vec![(Dir::Down, b"Username: ".to_vec())];
    for key in b"rooy\x7ft\r" {
        talk.push((Dir::Up, vec![*key]));
        talk.push((
            Dir::Down,
            match key {
                0x7f => b"\x08 \x08".to_vec(),
                b'\r' => b"\r\nPassword: ".to_vec(),
                k => vec![*k],
            },
        ));
    }
    for key in b"xx\x15abc\x08d\r" {
        talk.push((Dir::Up, vec![*key]));
        talk.push((Dir::Down, if *key == b'\r' { b"\r\n\r\nWelcome to the device\r\n> ".to_vec() } else { b"*".to_vec() }));
    }
    let script: Vec<(Dir, &[u8])> = talk.iter().map(|(d, b)| (*d, b.as_slice())).collect();
    assert_eq!(logins(&testing::tcp(&SPEC, &script)), [row("root", 3, Outcome::Success)]);
}

#[test]
fn japanese_prompts() {
    for (name, password, no) in [
        ("ユーザー名：".as_bytes(), "パスワード：".as_bytes(), "パスワードが違います".as_bytes()),
        (b"\x83\x86\x81\x5b\x83\x55\x81\x5b\x96\xbc: ", b"\x83\x70\x83\x58\x83\x8f\x81\x5b\x83\x68: ", b"\x8e\xb8\x94\x73"),
        (b"\xa5\xe6\xa1\xbc\xa5\xb6\xcc\xbe: ", b"\xa5\xd1\xa5\xb9\xa5\xef\xa1\xbc\xa5\xc9: ", b"\xbc\xba\xc7\xd4"),
    ] {
        let answer = [b"\r\n", no, b"\r\n"].concat();
        let talk = [
            (Dir::Down, name),
            (Dir::Up, "山田\r\n".as_bytes()),
            (Dir::Down, b"\r\n"),
            (Dir::Down, password),
            (Dir::Up, b"x\r\n"),
            (Dir::Down, &answer),
        ];
        assert_eq!(logins(&testing::tcp(&SPEC, &talk)), [row("山田", 1, Outcome::Failure)]);
    }
}

#[test]
fn a_password_alone_and_a_second_level() {
    let talk: &[(Dir, &[u8])] = &[
        (Dir::Down, b"\r\nUser Access Verification\r\n\r\nPassword: "),
        (Dir::Up, b"cisco\r\n"),
        (Dir::Down, b"\r\nsw1>"),
        (Dir::Up, b"enable\r\n"),
        (Dir::Down, b"enable\r\nPassword: "),
        (Dir::Up, b"nope\r\n"),
        (Dir::Down, b"\r\nPassword: "),
        (Dir::Up, b"cisco2\r\n"),
        (Dir::Down, b"\r\nsw1#"),
    ];
    assert_eq!(
        logins(&testing::tcp(&SPEC, talk)),
        [row("", 5, Outcome::Success), row("", 4, Outcome::Failure), row("", 6, Outcome::Success)]
    );
}

#[test]
fn without_an_answer_the_outcome_is_unknown() {
    let talk: &[(Dir, &[u8])] =
        &[(Dir::Down, b"login: "), (Dir::Up, b"a\r\n"), (Dir::Down, b"a\r\nPassword: "), (Dir::Up, b"b\r\n"), (Dir::Down, b"\r\n")];
    assert_eq!(logins(&testing::tcp(&SPEC, talk)), [row("a", 1, Outcome::Unknown)]);
    // Typed ahead, before the server asked.
    let talk: &[(Dir, &[u8])] =
        &[(Dir::Down, b"login: "), (Dir::Up, b"root\r\nxc3511\r\n"), (Dir::Down, b"root\r\nPassword: \r\n\r\nLogin incorrect\r\n")];
    assert_eq!(logins(&testing::tcp(&SPEC, talk)), [row("root", 6, Outcome::Failure)]);
}

#[test]
fn a_hole_in_what_was_typed_gives_no_attempt() {
    let mut parser = (SPEC.start)();
    let mut drive = testing::Drive::new(&mut *parser, Protocol::Telnet, model::Transport::Tcp, testing::options());
    drive.feed(Dir::Down, b"login: ");
    drive.feed(Dir::Up, b"adm");
    drive.gap(Dir::Up, 2);
    drive.end();
    assert!(logins(&drive.acts()).is_empty());
}

#[test]
fn memory_is_bounded() {
    let mut parser = TelnetParser::default();
    let mut drive = testing::Drive::new(&mut parser, Protocol::Telnet, model::Transport::Tcp, testing::options());
    drive.feed(Dir::Down, &vec![b'x'; 100_000]);
    drive.feed(Dir::Down, b"\r\nlogin: ");
    drive.feed(Dir::Up, &vec![b'y'; 100_000]);
    drop(drive);
    assert!(parser.typed.len() <= MAX_TYPED && parser.screen.line.len() <= MAX_SCREEN && parser.greeting.len() <= MAX_GREETING);
}

#[test]
fn probes() {
    let ask = |up: &[u8], down: &[u8], server_port| (SPEC.probe)(&ProbeInput { up, down, client_port: 1, server_port, datagram: false });
    assert_eq!(ask(b"", b"\xff\xfd\x18", 9), Verdict::Sure(90));
    assert_eq!(ask(b"\xff\xfb\x18", b"", 9), Verdict::Sure(90));
    assert_eq!(ask(b"", b"\r\nlogin: ", 23), Verdict::Sure(60));
    assert_eq!(ask(b"", b"\xff", 23), Verdict::Unsure);
    assert_eq!(ask(b"", b"\xff\x00\x00", 23), Verdict::No);
    assert_eq!(ask(b"\x16\x03\x01\x00\x01", b"", 23), Verdict::No);
}

hostile!(SPEC, script(TWO));
