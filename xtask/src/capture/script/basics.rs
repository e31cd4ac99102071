//! The first six rules: new devices, spoofing, scans, guessed and readable passwords, habits.

use super::super::apps;
use super::super::frame::{self, Mac};
use super::super::hosts::{CAMERA1, CAMERA2, Host, LAPTOP, MONITOR, NAS, PCS, PLC1, PRINTER, REGISTERED, ROUTER, ROUTER2, inside, outside};
use super::super::life::{Changes, Day};
use super::super::net::{ALL, HOUR, MIN, MS, Net, SEC, Side};
use super::super::talk;
use super::{LONG, SHORT, Scenario, s};

/// Every scenario.
pub const SCENARIOS: &[Scenario] = &[
    s(
        "new-device",
        Some("unregistered-device"),
        SHORT,
        true,
        new_device,
        "The service engineer's laptop LAPTOP-K7 joins the control network",
        "未登録の保守用ノートPC（LAPTOP-K7）が制御ネットワークにつながる",
    ),
    s(
        "new-address",
        None,
        SHORT,
        false,
        new_address,
        "Near miss: a registered computer gets another address",
        "紛らわしい例: 登録済みPCのアドレスが変わる",
    ),
    s(
        "cloned-address",
        None,
        SHORT,
        false,
        cloned,
        "Evasion: a stranger uses the hardware address of a computer that is switched off",
        "すり抜けの試み: 電源の切れたPCのMACアドレスを名のる",
    )
    .at(20 * HOUR + 30 * MIN),
    s(
        "port-scan",
        Some("port-scan"),
        SHORT,
        true,
        port_scan,
        "LAPTOP-K7 tries the ports of the press controller",
        "LAPTOP-K7 がプレス制御装置のポートを順に試す",
    ),
    s(
        "host-sweep",
        Some("port-scan"),
        SHORT,
        true,
        host_sweep,
        "LAPTOP-K7 looks for file servers at every address",
        "LAPTOP-K7 が全アドレスにファイル共有を探す",
    ),
    s(
        "monitoring-poll",
        None,
        SHORT,
        true,
        monitoring,
        "Near miss: the monitoring server asks many devices, slowly, and most answer",
        "紛らわしい例: 監視サーバーが多くの機器をゆっくり確認する",
    ),
    s("slow-scan", None, SHORT, false, slow_scan, "Evasion: one port every minute", "すり抜けの試み: 1 分に 1 ポートだけ試す"),
    s(
        "guess-ssh",
        Some("password-guessing"),
        SHORT,
        true,
        guess_ssh,
        "Passwords are guessed at the NAS by SSH, the last one fits",
        "NAS の SSH でパスワードが試され、最後に通る",
    ),
    s(
        "guess-telnet",
        Some("password-guessing"),
        SHORT,
        false,
        guess_telnet,
        "Passwords are guessed at a camera by Telnet, the last one fits",
        "カメラの Telnet でパスワードが試され、最後に通る",
    ),
    s(
        "guess-ftp",
        Some("password-guessing"),
        SHORT,
        false,
        guess_ftp,
        "Passwords are guessed at the NAS by FTP, the last one fits",
        "NAS の FTP でパスワードが試され、最後に通る",
    ),
    s(
        "guess-http",
        Some("password-guessing"),
        SHORT,
        true,
        guess_http,
        "Passwords are guessed at a camera's page, the last one fits",
        "カメラの管理画面でパスワードが試され、最後に通る",
    ),
    s(
        "mistyped-password",
        None,
        SHORT,
        true,
        mistyped,
        "Near miss: a person mistypes a password twice",
        "紛らわしい例: パスワードを 2 回打ち間違える",
    ),
    s(
        "slow-guessing",
        None,
        SHORT,
        false,
        slow_guessing,
        "Evasion: one password every quarter of an hour",
        "すり抜けの試み: 15 分に 1 回だけ試す",
    ),
    s(
        "default-login",
        Some("default-credentials"),
        SHORT,
        true,
        default_login,
        "A camera is entered in clear text with the maker's default password",
        "カメラに初期パスワードのまま平文でログインする",
    ),
    s(
        "clear-telnet",
        Some("clear-login"),
        SHORT,
        false,
        clear_telnet,
        "A camera is entered by Telnet with a password of its own",
        "カメラに自分で決めたパスワードで Telnet のログインをする",
    ),
    s("encrypted-login", None, SHORT, false, encrypted, "Near miss: logins by SSH and HTTPS", "紛らわしい例: SSH と HTTPS でのログイン"),
    s(
        "telnet-odd-port",
        Some("clear-login"),
        SHORT,
        false,
        odd_port,
        "Evasion: Telnet on port 2323, found by content",
        "すり抜けの試み: 2323 番ポートの Telnet（内容で見分ける）",
    ),
    s(
        "arp-spoofing",
        Some("arp-spoofing"),
        SHORT,
        true,
        spoofing,
        "A computer claims to be the router, while the router is there",
        "あるPCがルーターになりすます",
    ),
    s(
        "doubled-address",
        Some("arp-spoofing"),
        SHORT,
        false,
        doubled,
        "Two devices use the printer's address",
        "複合機と同じアドレスの機器が現れる",
    ),
    s(
        "router-failover",
        None,
        SHORT,
        true,
        failover,
        "Near miss: the second router of the same maker takes over the first one's address and gives it back",
        "紛らわしい例: 同じメーカーの予備ルーターへ切り替わり、戻る",
    ),
    s(
        "idle-address-taken",
        None,
        SHORT,
        false,
        idle_taken,
        "Evasion: the address of a computer that is switched off is taken by a registered one",
        "すり抜けの試み: 電源の切れたPCのアドレスを別の登録済みPCが使う",
    )
    .at(20 * HOUR + 30 * MIN),
    s(
        "plc-silent",
        Some("habit"),
        LONG,
        true,
        nothing,
        "A press controller falls silent for an hour and a half",
        "プレス制御装置が 1 時間半沈黙する",
    )
    .at(9 * HOUR + 55 * MIN),
    s(
        "nas-surge",
        Some("habit"),
        LONG,
        true,
        surge,
        "The NAS sends 48 MB to an address outside at night",
        "夜間に NAS が外部へ 48 MB を送る",
    )
    .at(2 * HOUR + 5 * MIN),
    s(
        "camera-drop",
        Some("habit"),
        LONG,
        true,
        nothing,
        "A camera sends 4% of what it usually does",
        "カメラの通信量がふだんの 4% に落ちる",
    )
    .at(13 * HOUR + 50 * MIN),
    s(
        "sensor-blind",
        None,
        LONG,
        true,
        nothing,
        "The sensor itself sees nothing for two hours: no device is to blame",
        "センサー自体が 2 時間何も見えない（機器のせいではない）",
    )
    .at(10 * HOUR + 40 * MIN),
    s("holiday", None, LONG, true, nothing, "Near miss: the office is closed on a working day", "紛らわしい例: 平日の休業日").at(0),
    s(
        "volume-drift",
        None,
        LONG,
        false,
        nothing,
        "Near miss: the cameras send a little more each day",
        "紛らわしい例: カメラの通信量が毎日少しずつ増える",
    )
    .at(0),
    s(
        "slow-exfiltration",
        None,
        LONG,
        false,
        trickle,
        "Evasion: data leaves in portions that are not out of the ordinary",
        "すり抜けの試み: ふだんと変わらない量ずつ持ち出す",
    )
    .at(11 * HOUR),
];

/// What a scenario changes in ordinary life: also the stretch in which the sensor is blind.
pub fn changes(name: &str, day: &mut Day, at: i64, changes: &mut Changes) -> (i64, Option<(i64, i64)>) {
    match name {
        "plc-silent" => {
            changes.plc_dead.push((PLC1.n, at, at + 90 * MIN));
            (at + 90 * MIN, None)
        }
        "camera-drop" => {
            changes.camera_drop = Some((at, at + 3 * HOUR));
            (at + 3 * HOUR, None)
        }
        "sensor-blind" => (at + 2 * HOUR, Some((at, at + 2 * HOUR))),
        "holiday" => {
            day.closed = true;
            (day.start + 24 * HOUR, None)
        }
        "volume-drift" => {
            changes.drift = 12;
            (at, None)
        }
        _ => (at, None),
    }
}

/// A computer whose person is there in the middle of the week.
const ACTOR: &Host = &PCS[3];

fn nothing(_: &mut Net, at: i64) -> i64 {
    at
}

fn new_device(net: &mut Net, at: i64) -> i64 {
    let t = talk::lease(net, at, &LAPTOP);
    net.ask(t, LAPTOP.both(), PLC1.ip(), Some(PLC1.mac));
    let mut c = net.connect(t + 5 * MS, LAPTOP.at(51_334), PLC1.at(502));
    let (q, a) = apps::modbus(1, 1, 0, &[1, 2, 3, 4]);
    c.exchange(net, &q, &a).close(net);
    talk::https(net, t + SEC, &LAPTOP, 1)
}

fn new_address(net: &mut Net, at: i64) -> i64 {
    let moved = Host { n: 130, ..*ACTOR };
    let t = talk::lease(net, at, &moved);
    talk::https(net, t, &moved, 2)
}

fn cloned(net: &mut Net, at: i64) -> i64 {
    let guise = Host { n: 140, ..PCS[4] };
    let t = talk::lease(net, at, &guise);
    talk::https(net, t, &guise, 3)
}

fn port_scan(net: &mut Net, at: i64) -> i64 {
    net.ask(at, LAPTOP.both(), PLC1.ip(), Some(PLC1.mac));
    let mut t = at + 10 * MS;
    for port in [
        21, 22, 23, 25, 53, 80, 102, 110, 111, 135, 139, 143, 161, 389, 443, 445, 502, 515, 587, 631, 993, 995, 1089, 1433, 1911, 2222,
        2404, 3306, 3389, 4840, 5000, 5006, 5007, 5432, 5900, 8000, 8080, 8443, 9100, 9600, 20000, 34964, 44818, 47808, 55000,
    ] {
        let from = LAPTOP.at(talk::client_port(net));
        if port == 502 {
            net.connect(t, from, PLC1.at(port)).close(net);
        } else {
            net.refused(t, from, PLC1.at(port));
        }
        t += 12 * MS;
    }
    t
}

fn host_sweep(net: &mut Net, at: i64) -> i64 {
    let mut t = at;
    for n in 1..=254u8 {
        let there = REGISTERED.iter().find(|h| h.n == n && !h.name.starts_with("PC-"));
        if n == LAPTOP.n {
            continue;
        }
        net.ask(t, LAPTOP.both(), inside(n), there.map(|h| h.mac));
        if let Some(h) = there {
            let from = LAPTOP.at(talk::client_port(net));
            if h.n == NAS.n {
                net.connect(t + MS, from, h.at(445)).close(net);
            } else {
                net.refused(t + MS, from, h.at(445));
            }
        }
        t += 40 * MS;
    }
    t
}

fn monitoring(net: &mut Net, at: i64) -> i64 {
    let mut t = at;
    for round in 0..3 {
        for h in REGISTERED.iter().filter(|h| !matches!(h.kind, "pc" | "plc" | "hmi") && h.n != MONITOR.n) {
            let from = MONITOR.at(talk::client_port(net));
            net.ask(t, MONITOR.both(), h.ip(), Some(h.mac));
            if matches!(h.kind, "nas" | "printer" | "camera" | "router") {
                talk::http(net, t + MS, from, h.at(80), h.name, "/", "check_http/v2.3 (monitoring-plugins 2.3)");
            } else {
                net.refused(t + MS, from, h.at(80));
            }
            t += 25 * SEC;
        }
        t = at + (round + 1) * 10 * MIN;
    }
    t
}

fn slow_scan(net: &mut Net, at: i64) -> i64 {
    for (i, port) in (20..80u16).enumerate() {
        let from = ACTOR.at(talk::client_port(net));
        net.refused(at + i as i64 * MIN, from, NAS.at(port));
    }
    at + 60 * MIN
}

fn guess_ssh(net: &mut Net, at: i64) -> i64 {
    let mut t = at;
    for i in 0..14 {
        let from = ACTOR.at(talk::client_port(net));
        t = talk::ssh(net, t, from, NAS.at(22), 2, i == 13) + 900 * MS;
    }
    t
}

fn guess_telnet(net: &mut Net, at: i64) -> i64 {
    let words = [
        ("root", "1111"),
        ("root", "qwerty"),
        ("admin", "7ujMko0admin"),
        ("root", "camera"),
        ("service", "gate-2019"),
        ("operator", "shinonome"),
    ];
    let mut t = at;
    for round in 0..3 {
        let from = ACTOR.at(talk::client_port(net));
        t = talk::telnet(net, t, from, CAMERA1.at(23), &words[round * 2..], round == 2) + SEC;
    }
    t
}

fn guess_ftp(net: &mut Net, at: i64) -> i64 {
    let mut t = at;
    for i in 0..12 {
        let from = ACTOR.at(talk::client_port(net));
        t = talk::ftp(net, t, from, NAS.at(21), "zumen", &format!("zumen{}", 2013 + i), i == 11) + 400 * MS;
    }
    t
}

fn guess_http(net: &mut Net, at: i64) -> i64 {
    let mut t = at;
    for i in 0..12 {
        let from = ACTOR.at(talk::client_port(net));
        t = talk::basic(net, t, from, CAMERA2.at(80), "viewer", &format!("line2-{i}"), i == 11) + 700 * MS;
    }
    t
}

fn mistyped(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    talk::ssh(net, at, from, NAS.at(22), 2, true)
}

fn slow_guessing(net: &mut Net, at: i64) -> i64 {
    for i in 0..16 {
        let from = ACTOR.at(talk::client_port(net));
        talk::ssh(net, at + i * 15 * MIN, from, NAS.at(22), 1, false);
    }
    at + 4 * HOUR
}

fn default_login(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    let t = talk::basic(net, at, from, CAMERA1.at(80), "admin", "12345", true);
    let from = ACTOR.at(talk::client_port(net));
    talk::telnet(net, t + 20 * SEC, from, CAMERA1.at(23), &[("root", "root")], true)
}

fn clear_telnet(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    talk::telnet(net, at, from, CAMERA1.at(23), &[("hozen", "Tsubame-08!press")], true)
}

fn encrypted(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    let t = talk::ssh(net, at, from, NAS.at(22), 0, true);
    let from = ACTOR.at(talk::client_port(net));
    let mut c = net.connect(t + SEC, from, CAMERA1.at(443));
    talk::tls(net, &mut c, "cam-gate.local", true);
    c.close(net)
}

fn odd_port(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    talk::telnet(net, at, from, CAMERA2.at(2323), &[("service", "line2-service")], true)
}

fn spoofing(net: &mut Net, at: i64) -> i64 {
    let victim = &PCS[5];
    let mut t = at;
    for i in 0..40 {
        // The false answer to the victim and to the router, every two seconds, as the usual tools do.
        net.tape.push(t, &frame::arp((ACTOR.mac, victim.mac), 2, (ACTOR.mac, ROUTER.ip()), victim.both()));
        net.tape.push(t + MS, &frame::arp((ACTOR.mac, ROUTER.mac), 2, (ACTOR.mac, victim.ip()), ROUTER.both()));
        if i % 10 == 5 {
            net.ask(t + 700 * MS, victim.both(), ROUTER.ip(), Some(ROUTER.mac));
            talk::https(net, t + 900 * MS, &PCS[2], i as usize);
        }
        t += 2 * SEC;
    }
    t
}

fn doubled(net: &mut Net, at: i64) -> i64 {
    let mut t = at;
    for _ in 0..6 {
        net.ask(t, PCS[5].both(), PRINTER.ip(), Some(PRINTER.mac));
        net.tape.push(t + 3 * MS, &frame::arp((ACTOR.mac, PCS[5].mac), 2, (ACTOR.mac, PRINTER.ip()), PCS[5].both()));
        net.tape.push(t + 5 * SEC, &frame::arp((PRINTER.mac, ALL), 1, (PRINTER.mac, PRINTER.ip()), ([0; 6], PRINTER.ip())));
        t += 20 * SEC;
    }
    t
}

fn announce(net: &mut Net, at: i64, mac: Mac, of: &Host) {
    for i in 0..3 {
        net.tape.push(at + i * SEC, &frame::arp((mac, ALL), 1, (mac, of.ip()), ([0; 6], of.ip())));
    }
}

fn failover(net: &mut Net, at: i64) -> i64 {
    announce(net, at, ROUTER2.mac, &ROUTER);
    for i in 0..6 {
        let stand_in = Host { n: ROUTER.n, ..ROUTER2 };
        net.ask(at + (10 + i * 30) * SEC, PCS[5].both(), ROUTER.ip(), Some(stand_in.mac));
    }
    // Twenty minutes later the first one is repaired.
    announce(net, at + 20 * MIN, ROUTER.mac, &ROUTER);
    at + 21 * MIN
}

fn idle_taken(net: &mut Net, at: i64) -> i64 {
    let taken = Host { n: PCS[0].n, ..*ACTOR };
    announce(net, at, taken.mac, &taken);
    talk::https(net, at + 5 * SEC, &taken, 0)
}

fn far(port: u16) -> Side {
    outside([203, 0, 113, 200].into(), port)
}

fn surge(net: &mut Net, at: i64) -> i64 {
    let from = NAS.at(talk::client_port(net));
    let mut c = net.connect(at, from, far(443));
    talk::tls(net, &mut c, "files.example.net", false);
    c.bulk(net, 48 << 20, 40 * MIN).close(net)
}

fn trickle(net: &mut Net, at: i64) -> i64 {
    for i in 0..6 {
        let from = NAS.at(talk::client_port(net));
        let mut c = net.connect(at + i * HOUR, from, far(443));
        talk::tls(net, &mut c, "files.example.net", false);
        c.bulk(net, 1 << 20, 10 * MIN).close(net);
    }
    at + 6 * HOUR
}
