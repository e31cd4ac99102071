//! Services that anyone can enter, old encryption, the Internet, and conversations told in two ways.

use super::super::apps;
use super::super::hosts::{CAMERA1, CAMERA2, COLLECTOR, Host, MONITOR, NAS, PRINTER, outside};
use super::super::net::{HOUR, MIN, MS, Net, SEC};
use super::super::talk;
use super::identity::{ACTOR, nothing};
use super::{SHORT, Scenario, s};

/// The scenarios of this family.
pub const SCENARIOS: &[Scenario] = &[
    // ---- password-guessing by other services
    s(
        "guess-snmp",
        Some("password-guessing"),
        SHORT,
        false,
        guess_snmp,
        "Communities are guessed at the printer by SNMP",
        "複合機の SNMP で合言葉が次々に試される",
    ),
    s(
        "guess-ldap",
        Some("password-guessing"),
        SHORT,
        false,
        guess_ldap,
        "Passwords are guessed at the NAS by LDAP, the last one fits",
        "NAS の LDAP でパスワードが試され、最後に通る",
    ),
    s(
        "snmp-dead-printer",
        None,
        SHORT,
        false,
        snmp_dead_printer,
        "Near miss: the monitoring server asks a device that does not answer, with one community",
        "紛らわしい例: 監視サーバーが返事のない機器に同じ合言葉で聞き続ける",
    ),
    s(
        "snmp-discovery",
        None,
        SHORT,
        false,
        snmp_discovery,
        "Near miss: the monitoring server tries three communities of its own at a new device",
        "紛らわしい例: 監視サーバーが 3 つの合言葉を順に試す",
    ),
    s(
        "slow-snmp",
        None,
        SHORT,
        false,
        slow_snmp,
        "Evasion: one community every three minutes",
        "すり抜けの試み: 3 分に 1 つだけ合言葉を試す",
    ),
    // ---- default-credentials
    s(
        "default-ftp",
        Some("default-credentials"),
        SHORT,
        false,
        default_ftp,
        "The NAS is entered by FTP with the maker's default password",
        "NAS に出荷時のパスワードで FTP ログインする",
    ),
    s(
        "snmp-public",
        Some("default-credentials"),
        SHORT,
        false,
        snmp_public,
        "The printer answers to the community public",
        "複合機が合言葉 public に答える",
    ),
    s(
        "default-refused",
        None,
        SHORT,
        false,
        default_refused,
        "Near miss: a maker's default password is refused, once",
        "紛らわしい例: 出荷時のパスワードが 1 度だけ試され、断られる",
    ),
    s(
        "snmp-own-community",
        None,
        SHORT,
        false,
        snmp_own,
        "Near miss: the printer answers to a community of the company's own",
        "紛らわしい例: 複合機が自社で決めた合言葉に答える",
    ),
    s(
        "default-inside-tls",
        None,
        SHORT,
        false,
        default_inside_tls,
        "Evasion: the default password travels inside TLS",
        "すり抜けの試み: 出荷時のパスワードが TLS の中を通る",
    ),
    // ---- old-encryption
    s("old-tls", Some("old-encryption"), SHORT, false, old_tls, "A camera speaks TLS 1.0", "カメラが TLS 1.0 で通信する"),
    s(
        "expired-certificate",
        Some("old-encryption"),
        SHORT,
        false,
        expired,
        "The NAS shows a certificate that ran out in January",
        "NAS が 1 月に切れた証明書を見せる",
    ),
    s(
        "good-certificate",
        None,
        SHORT,
        false,
        good_certificate,
        "Near miss: TLS 1.2 with a certificate that is valid for two years",
        "紛らわしい例: TLS 1.2 と、あと 2 年有効な証明書",
    ),
    s(
        "expired-outside",
        None,
        SHORT,
        false,
        expired_outside,
        "Near miss: a site outside shows a certificate that ran out",
        "紛らわしい例: 社外のサイトの証明書が切れている",
    ),
    s(
        "expired-inside-tls13",
        None,
        SHORT,
        false,
        expired_tls13,
        "Evasion: TLS 1.3 hides the certificate",
        "すり抜けの試み: TLS 1.3 では証明書が見えない",
    ),
    // ---- internet-need
    s(
        "needless-internet",
        Some("internet-need"),
        SHORT,
        false,
        nothing,
        "The NAS looks for updates outside though the ledger says that it needs no Internet",
        "台帳でインターネット不要の NAS が外へ更新を探しに行く",
    )
    .ledger(&[("nas-zumen", "internet", "none")]),
    s(
        "other-destination",
        Some("internet-need"),
        SHORT,
        false,
        nothing,
        "A computer for the bank visits other sites",
        "銀行専用の PC がほかのサイトを見る",
    )
    .ledger(&[
        ("PC-KEIRI1", "internet", "destinations"),
        ("PC-KEIRI1", "internet_destinations", "bank.example.jp"),
        ("PC-KEIRI1", "internet_reason", "振込"),
    ]),
    s(
        "stated-destination",
        None,
        SHORT,
        false,
        nothing,
        "Near miss: the NAS keeps to the destination that the ledger names",
        "紛らわしい例: NAS が台帳に書いた宛先だけと通信する",
    )
    .ledger(&[
        ("nas-zumen", "internet", "destinations"),
        ("nas-zumen", "internet_destinations", "update.example.com"),
        ("nas-zumen", "internet_reason", "ファームウェアの更新"),
    ]),
    s(
        "needless-and-quiet",
        None,
        SHORT,
        false,
        nothing,
        "Near miss: cameras and controllers that need no Internet stay inside",
        "紛らわしい例: インターネット不要のカメラと PLC は社内だけで通信する",
    )
    .ledger(&[("cam-gate", "internet", "none"), ("cam-line2", "internet", "none"), ("plc-press1", "internet", "none")]),
    s(
        "by-a-proxy",
        None,
        SHORT,
        false,
        by_a_proxy,
        "Evasion: a device that needs no Internet goes through another computer",
        "すり抜けの試み: インターネット不要の機器が別の PC を中継に使う",
    )
    .ledger(&[("cam-gate", "internet", "none")]),
    // ---- content-conflict
    s(
        "two-truths",
        Some("content-conflict"),
        SHORT,
        false,
        two_truths,
        "A request to a camera is sent twice with different contents",
        "カメラへの要求が、違う中身で 2 回送られる",
    ),
    s(
        "many-truths",
        Some("content-conflict"),
        SHORT,
        false,
        many_truths,
        "Requests in four conversations are sent twice with different contents",
        "4 つの会話で、要求が違う中身で 2 回送られる",
    ),
    s(
        "repetition",
        None,
        SHORT,
        false,
        repetition,
        "Near miss: a request is sent twice with the same contents",
        "紛らわしい例: 同じ中身の要求が 2 回送られる",
    ),
    s(
        "keep-alive-rubbish",
        None,
        SHORT,
        false,
        keep_alive,
        "Near miss: keep-alives carry one byte of rubbish",
        "紛らわしい例: 接続を保つための 1 バイトの中身が違う",
    ),
    s(
        "truth-in-the-middle",
        None,
        SHORT,
        false,
        truth_in_the_middle,
        "Evasion: the copy differs only in the middle of what was delivered long before",
        "すり抜けの試み: 渡し終えたデータの真ん中だけが違う",
    ),
];

/// An SNMP question, answered or not.
fn asks(net: &mut Net, at: i64, who: &Host, of: &Host, community: &str, answered: bool) {
    let from = who.at(talk::client_port(net));
    let id = (at / SEC) as u8;
    net.udp(at, from, of.at(161), &apps::snmp(0xa0, community, id, ""));
    if answered {
        net.udp(at + 3 * MS, of.at(161), from, &apps::snmp(0xa2, community, id, "RICOH IM C3010 1.04"));
    }
}

fn guess_snmp(net: &mut Net, at: i64) -> i64 {
    for n in 0..14 {
        asks(net, at + n * SEC, ACTOR, &PRINTER, &format!("ricoh-{n}"), false);
    }
    at + 14 * SEC
}

fn guess_ldap(net: &mut Net, at: i64) -> i64 {
    let mut t = at;
    for i in 0..10u8 {
        let from = ACTOR.at(talk::client_port(net));
        let mut c = net.connect(t, from, NAS.at(389));
        let (ask, answer) =
            apps::ldap_bind(1, "cn=zumen,dc=shinonome,dc=example", &format!("zumen{}", 2013 + u16::from(i)), if i == 9 { 0 } else { 49 });
        c.exchange(net, &ask, &answer);
        t = c.close(net) + 500 * MS;
    }
    t
}

fn snmp_dead_printer(net: &mut Net, at: i64) -> i64 {
    for n in 0..60 {
        asks(net, at + n * 10 * SEC, &MONITOR, &PRINTER, "shinonome-ro", false);
    }
    at + 10 * MIN
}

fn snmp_discovery(net: &mut Net, at: i64) -> i64 {
    for (n, community) in ["shinonome-ro", "shinonome-old", "kanshi"].into_iter().enumerate() {
        asks(net, at + n as i64 * SEC, &MONITOR, &PRINTER, community, false);
    }
    at + 3 * SEC
}

fn slow_snmp(net: &mut Net, at: i64) -> i64 {
    for n in 0..20 {
        asks(net, at + n * 3 * MIN, ACTOR, &PRINTER, &format!("ricoh-{n}"), false);
    }
    at + HOUR
}

fn default_ftp(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    talk::ftp(net, at, from, NAS.at(21), "admin", "admin", true)
}

fn snmp_public(net: &mut Net, at: i64) -> i64 {
    asks(net, at, &MONITOR, &PRINTER, "public", true);
    at + SEC
}

fn default_refused(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    talk::telnet(net, at, from, CAMERA1.at(23), &[("root", "root")], false)
}

fn snmp_own(net: &mut Net, at: i64) -> i64 {
    asks(net, at, &MONITOR, &PRINTER, "shinonome-ro", true);
    at + SEC
}

fn default_inside_tls(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    talk::inside_tls(net, at, from, CAMERA1.at(443), 0x0303, "cam-gate.local", ("250401000000Z", "300401000000Z"))
}

fn old_tls(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    talk::inside_tls(net, at, from, CAMERA2.at(443), 0x0301, "cam-line2.local", ("250401000000Z", "300401000000Z"))
}

fn expired(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    talk::inside_tls(net, at, from, NAS.at(443), 0x0303, "nas-zumen.local", ("230115000000Z", "260115000000Z"))
}

fn good_certificate(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    talk::inside_tls(net, at, from, NAS.at(443), 0x0303, "nas-zumen.local", ("250115000000Z", "280401000000Z"))
}

fn expired_outside(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    let far = outside([203, 0, 113, 9].into(), 443);
    talk::inside_tls(net, at, from, far, 0x0303, "news.example.org", ("230115000000Z", "260115000000Z"))
}

fn expired_tls13(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    let mut c = net.connect(at, from, NAS.at(443));
    talk::tls(net, &mut c, "nas-zumen.local", false);
    c.close(net)
}

fn by_a_proxy(net: &mut Net, at: i64) -> i64 {
    let port = talk::client_port(net);
    let mut c = net.connect(at, CAMERA1.at(port), COLLECTOR.at(3128));
    let ask = b"CONNECT update.example.com:443 HTTP/1.1\r\nHost: update.example.com:443\r\n\r\n";
    c.say(net, ask).hear(net, b"HTTP/1.1 200 Connection established\r\n\r\n");
    c.close(net);
    talk::https(net, at + SEC, &COLLECTOR, 1)
}

/// A request to a camera's page, and a second copy of it.
fn twice(net: &mut Net, at: i64, first: &str, second: &[u8]) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    let mut c = net.connect(at, from, CAMERA2.at(80));
    c.say(net, first.as_bytes()).contradict(net, second);
    c.hear(net, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nOK\n");
    c.close(net)
}

const REQUEST: &str = "GET /view.cgi?a=1 HTTP/1.1\r\nHost: cam-line2\r\nX: aaaaaaaaaa\r\n\r\n";

fn two_truths(net: &mut Net, at: i64) -> i64 {
    twice(net, at, REQUEST, REQUEST.replace("GET /view", "PUT /conf").as_bytes())
}

fn many_truths(net: &mut Net, at: i64) -> i64 {
    for n in 0..4 {
        twice(net, at + n * MIN, REQUEST, REQUEST.replace("GET /view", "PUT /conf").as_bytes());
    }
    at + 4 * MIN
}

fn repetition(net: &mut Net, at: i64) -> i64 {
    twice(net, at, REQUEST, REQUEST.as_bytes())
}

fn keep_alive(net: &mut Net, at: i64) -> i64 {
    twice(net, at, REQUEST, &[0])
}

fn truth_in_the_middle(net: &mut Net, at: i64) -> i64 {
    twice(net, at, REQUEST, REQUEST.replace("cam-line2", "cam-gate!").as_bytes())
}
