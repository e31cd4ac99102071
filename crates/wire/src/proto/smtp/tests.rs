use super::super::testing::{self, hostile, script};
use super::*;
use model::Transport;
use model::activity::Act;

fn told(acts: &[Act]) -> Vec<String> {
    acts.iter()
        .map(|a| match a {
            Act::Login(l) => {
                format!("login {} {:?} {} clear={}", l.user, l.outcome, l.secret.map_or(0, |s| s.length), l.clear_text)
            }
            Act::Banner(b) => format!("banner {}", b.text),
            Act::Mail(m) => format!(
                "{} {}>{} ({}) {} {}B{} [{}]",
                m.helo,
                m.from,
                m.to.join("+"),
                m.recipients,
                m.status,
                m.bytes,
                if m.encrypted { " tls" } else { "" },
                m.server
            ),
            other => format!("{other:?}"),
        })
        .collect()
}

const TALK: &[(Dir, &[u8])] = &[
    (Dir::Down, b"220-mx.example ESMTP Exim\r\n220 no spam \xff\r\n"),
    (Dir::Up, b"EHLO pc-1\r\n"),
    (Dir::Down, b"250-mx.example\r\n250-AUTH PLAIN LOGIN\r\n250 PIPELINING\r\n"),
    (Dir::Up, b"AUTH LOGIN\r\n"),
    (Dir::Down, b"334 VXNlcm5hbWU6\r\n"),
    (Dir::Up, b"YWRtaW4=\r\n"),
    (Dir::Down, b"334 UGFzc3dvcmQ6\r\n"),
    (Dir::Up, b"U0VDUkVU\r\n"),
    (Dir::Down, b"535 no\r\n"),
    (Dir::Up, b"AUTH PLAIN AGFkbWluAFNFQ1JFVDI=\r\n"),
    (Dir::Down, b"235 yes\r\n"),
    (Dir::Up, b"MAIL FROM:<a@example.jp> SIZE=9\r\nRCPT TO:<@relay:b@example.jp>\r\nRCPT TO:<c@example.jp>\r\nDATA\r\n"),
    (Dir::Down, b"250 ok\r\n250 ok\r\n550 nobody\r\n354 go on\r\n"),
    (Dir::Up, b"Subject: x\r\n\r\n..\r\n.a\r\n.\rb\r\nQUIT\r\n.\r\nMAIL FROM:<>\r\n"),
    (Dir::Down, b"250 taken\r\n250 ok\r\n"),
    (Dir::Up, b"RSET\r\n"),
    (Dir::Down, b"250 ok\r\n"),
    (Dir::Up, b"QUIT\r\n"),
    (Dir::Down, b"221 bye\r\n"),
];

#[test]
fn transactions_and_logins() {
    let acts = testing::tcp(&SPEC, TALK);
    assert_eq!(
        told(&acts),
        [
            "banner mx.example ESMTP Exim no spam \\xff",
            "login admin Failure 6 clear=true",
            "login admin Success 7 clear=true",
            // Lines as they were on the wire, without the one that ends them.
            "pc-1 a@example.jp>b@example.jp+c@example.jp (2) 250 33B [mx.example ESMTP Exim no spam \\xff]",
            "pc-1 > (0) 250 0B [mx.example ESMTP Exim no spam \\xff]",
        ]
    );
    assert!(!format!("{acts:?}").contains("SECRET"));
}

#[test]
fn the_clients_side_alone_is_read_and_a_message_is_not_taken_for_commands() {
    let up = b"HELO a\r\nMAIL FROM:<x@y>\r\nRCPT TO:<z@y>\r\nDATA\r\nRCPT TO:<evil@y>\r\n.\r\nQUIT\r\n";
    assert_eq!(told(&testing::tcp(&SPEC, &[(Dir::Up, up)])), ["a x@y>z@y (1) 0 18B []"]);
    assert_eq!(told(&testing::tcp(&SPEC, &[(Dir::Down, b"220 mx ESMTP\r\n250 ok\r\n")])), ["banner mx ESMTP"]);
}

#[test]
fn pieces_of_a_message_are_counted() {
    let acts = testing::tcp(
        &SPEC,
        &[
            (Dir::Down, b"220 m\r\n"),
            (Dir::Up, b"EHLO a\r\nMAIL FROM:<x@y>\r\nRCPT TO:<z@y>\r\nBDAT 6\r\nQUIT\r\nBDAT 3 LAST\r\nabc"),
            (Dir::Down, b"250 a\r\n250 b\r\n250 c\r\n250 d\r\n250 e\r\n"),
        ],
    );
    assert_eq!(told(&acts), ["banner m", "a x@y>z@y (1) 250 9B [m]"]);
}

#[test]
fn what_follows_starttls_is_tls() {
    let mut parser = (SPEC.start)();
    let mut drive = testing::Drive::new(&mut *parser, Protocol::Smtp, Transport::Tcp, testing::options());
    drive.feed(Dir::Down, b"220 mx ESMTP\r\n");
    drive.feed(Dir::Up, b"EHLO a\r\n");
    drive.feed(Dir::Down, b"250 STARTTLS\r\n");
    drive.feed(Dir::Up, b"STARTTLS\r\n");
    drive.feed(Dir::Down, b"220 go\r\n");
    assert!(!drive.done);
    drive.feed(Dir::Up, &[22, 3, 1]);
    assert_eq!(drive.became, Some(Protocol::Tls));
    assert_eq!(told(&drive.acts()), ["banner mx ESMTP", "a > (0) 220 0B tls [mx ESMTP]"]);
}

#[test]
fn holes_lose_what_they_must_and_no_more() {
    let mut parser = (SPEC.start)();
    let mut drive = testing::Drive::new(&mut *parser, Protocol::Smtp, Transport::Tcp, testing::options());
    drive.feed(Dir::Down, b"220 mx ESMTP\r\n");
    drive.feed(Dir::Up, b"EHLO a\r\nMAIL FROM:<x@y>\r\nDATA\r\n");
    drive.feed(Dir::Down, b"250 a\r\n250 b\r\n354 c\r\n");
    drive.feed(Dir::Up, b"0123456789");
    drive.gap(Dir::Up, 1000);
    drive.feed(Dir::Up, b"0123456789\r\n.\r\n");
    drive.feed(Dir::Down, b"250 d\r\n");
    drive.feed(Dir::Up, b"AUTH PLA");
    drive.gap(Dir::Up, 5);
    drive.feed(Dir::Up, b"SECRET\r\nQUIT\r\n");
    drive.end();
    assert_eq!(told(&drive.acts()), ["banner mx ESMTP", "a x@y> (0) 250 1022B [mx ESMTP]"]);
}

#[test]
fn recipients_and_lines_are_bounded() {
    let up =
        [b"EHLO ".as_slice(), &b"a".repeat(60_000), b"\r\nMAIL FROM:<x>\r\n", &b"RCPT TO:<z@y>\r\n".repeat(70_000), b"QUIT\r\n"].concat();
    let mut parser = (SPEC.start)();
    let acts = testing::run_on(&mut *parser, &SPEC, &[(Dir::Up, &up)], testing::Cut::Whole, testing::options());
    assert!(
        matches!(acts.as_slice(), [Act::Mail(m)] if m.to.len() == MAX_RECIPIENTS && m.recipients == u16::MAX && m.helo.len() == MAX_NAME)
    );
}

#[test]
fn probes() {
    let ask = |up: &[u8], down: &[u8]| probe(&ProbeInput { up, down, client_port: 1, server_port: 9, datagram: false });
    assert_eq!(ask(b"", b"220 mx ESMTP Postfix\r\n"), Verdict::Sure(90));
    assert_eq!(ask(b"", b"220 mx ready\r\n"), Verdict::Unsure);
    assert_eq!(ask(b"EHLO x\r\n", b"220 mx ready\r\n"), Verdict::Sure(95));
    assert_eq!(ask(b"ehlo x\r\n", b""), Verdict::Sure(85));
    assert_eq!(ask(b"USER x\r\n", b"220 vsFTPd\r\n"), Verdict::No);
    for other in [&b"GET / HTTP/1.1\r\n"[..], b"SSH-2.0-x\r\n", b"\x16\x03\x01\x02\0\x01\0"] {
        assert_eq!(ask(other, b""), Verdict::No, "{other:?}");
    }
    assert_eq!(ask(b"", b"+OK POP3\r\n"), Verdict::No);
    // A server that says 220 and is greeted so is no FTP server.
    let input = ProbeInput { up: b"EHLO x\r\n", down: b"220 mx ready\r\n", client_port: 1, server_port: 21, datagram: false };
    assert_eq!((super::super::ftp::SPEC.probe)(&input), Verdict::No);
}

hostile!(SPEC, script(TALK));
