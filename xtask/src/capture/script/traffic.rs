//! Traffic that does not fit: new ways between zones, volumes, beacons, tunnels, transfers, writes, short silences.

use super::super::apps;
use super::super::frame;
use super::super::hosts::{
    CAMERA1, CAMERA2, COLLECTOR, HMI, Host, LAPTOP, MONITOR, NAS, PC1, PCS, PLC1, PLC2, PLC3, PRINTER, ROUTER, outside,
};
use super::super::life::Changes;
use super::super::net::{DAY, HOUR, MIN, MS, Net, SEC, Side};
use super::super::talk;
use super::{LONG, SHORT, Scenario, s};
use std::net::Ipv4Addr;

/// The scenarios of this family.
pub const SCENARIOS: &[Scenario] = &[
    s(
        "zone-office-plc",
        Some("zone-talk"),
        LONG,
        false,
        zone_office_plc,
        "An office computer opens the page of a press controller",
        "事務所のPCがプレス制御装置の画面を開く",
    ),
    s(
        "zone-plc-outside",
        Some("zone-talk"),
        LONG,
        false,
        zone_plc_outside,
        "A controller fetches something from the Internet",
        "制御装置がインターネットから何かを取ってくる",
    ),
    s(
        "zone-known-way",
        None,
        LONG,
        false,
        zone_known_way,
        "Near miss: the office uses the file server as every day",
        "紛らわしい例: 事務所がいつもどおりファイルサーバーを使う",
    ),
    s(
        "zone-refused",
        None,
        LONG,
        false,
        zone_refused,
        "Near miss: an office computer knocks at a controller once and is refused",
        "紛らわしい例: 事務所のPCが制御装置に一度つなごうとして断られる",
    ),
    s(
        "zone-permitted-way",
        None,
        LONG,
        false,
        zone_permitted_way,
        "Evasion: an intruder goes from the control network to the file server, where the monitoring server always goes",
        "すり抜けの試み: 監視サーバーがいつも通る道で、制御ネットワークからファイルサーバーへ移る",
    ),
    s(
        "zone-surge",
        Some("volume-habit"),
        LONG,
        false,
        zone_surge,
        "A computer copies 90 MB to the file server within half an hour",
        "PCが 30 分で 90 MB をファイルサーバーへ写す",
    ),
    s(
        "link-surge",
        Some("volume-habit"),
        LONG,
        false,
        link_surge,
        "The file server copies 90 MB to the production server",
        "ファイルサーバーが生産サーバーへ 90 MB を写す",
    ),
    s("volume-small", None, LONG, false, volume_small, "Near miss: 5 MB more than usual", "紛らわしい例: ふだんより 5 MB 多い"),
    s(
        "volume-known",
        None,
        LONG,
        false,
        volume_known,
        "Near miss: the same large copy at the same hour of every day",
        "紛らわしい例: 毎日同じ時刻の同じ大きなコピー",
    ),
    s("volume-drip", None, LONG, false, volume_drip, "Evasion: 4 MB every hour", "すり抜けの試み: 1 時間に 4 MB ずつ"),
    s(
        "beacon-https",
        Some("beacon"),
        LONG,
        false,
        beacon_https,
        "A computer calls an unknown server every minute by TLS",
        "PCが知らないサーバーを 1 分ごとに TLS で呼ぶ",
    ),
    s(
        "beacon-jitter",
        Some("beacon"),
        LONG,
        false,
        beacon_jitter,
        "A camera calls an unknown server every two minutes, with a fifth of chance",
        "カメラが知らないサーバーを 2 分ごと（±20%）に呼ぶ",
    ),
    s(
        "beacon-time",
        None,
        LONG,
        false,
        beacon_time,
        "Near miss: a device asks for the time every 64 seconds",
        "紛らわしい例: 64 秒ごとの時刻合わせ",
    ),
    s(
        "beacon-telemetry",
        None,
        LONG,
        false,
        beacon_telemetry,
        "Near miss: three computers report to their maker's cloud every minute",
        "紛らわしい例: 3 台のPCがメーカーのクラウドへ 1 分ごとに報告する",
    ),
    s("beacon-random", None, LONG, false, beacon_random, "Evasion: calls at random times", "すり抜けの試み: でたらめな間隔で呼ぶ"),
    s(
        "dns-tunnel-txt",
        Some("dns-tunnel"),
        SHORT,
        false,
        dns_txt,
        "Data leaves in names that are asked for by TXT",
        "TXT の問い合わせの名前にデータを載せて持ち出す",
    ),
    s("dns-tunnel-null", Some("dns-tunnel"), SHORT, false, dns_null, "A tunnel through NULL records", "NULL レコードの中のトンネル"),
    s(
        "dns-content-network",
        None,
        SHORT,
        false,
        dns_cdn,
        "Near miss: many short names of a content network",
        "紛らわしい例: 配信網のたくさんの短い名前",
    ),
    s(
        "dns-multicast-names",
        None,
        SHORT,
        false,
        dns_multicast,
        "Near miss: long multicast names on the link",
        "紛らわしい例: 近隣への長い名前の知らせ（mDNS）",
    ),
    s("dns-slow", None, SHORT, false, dns_slow, "Evasion: one long name every minute", "すり抜けの試み: 1 分に 1 つの長い名前"),
    s(
        "icmp-tunnel",
        Some("icmp-tunnel"),
        SHORT,
        false,
        icmp_tunnel,
        "Ping between two computers carries other bytes back than it brought",
        "2 台のPCの間の ping が、問いと違う中身を返す",
    ),
    s(
        "icmp-tunnel-outside",
        Some("icmp-tunnel"),
        SHORT,
        false,
        icmp_outside,
        "Ping to the outside in ever changing lengths",
        "長さの変わり続ける外への ping",
    ),
    s(
        "ping-monitoring",
        None,
        SHORT,
        false,
        ping_monitoring,
        "Near miss: the monitoring server pings every device each minute",
        "紛らわしい例: 監視サーバーが毎分すべての機器に ping する",
    ),
    s(
        "ping-sizes",
        None,
        SHORT,
        false,
        ping_sizes,
        "Near miss: somebody tries ping with a few sizes",
        "紛らわしい例: いくつかの長さで ping を試す",
    ),
    s(
        "icmp-thin",
        None,
        SHORT,
        false,
        icmp_thin,
        "Evasion: a few bytes in pings of the ordinary form",
        "すり抜けの試み: ふつうの形の ping に数バイトずつ載せる",
    ),
    s(
        "outflow-nas",
        Some("outflow"),
        LONG,
        false,
        outflow_nas,
        "The file server sends 120 MB to an address outside at night",
        "夜間にファイルサーバーが外へ 120 MB を送る",
    )
    .at(2 * HOUR + 5 * MIN),
    s(
        "outflow-pc",
        Some("outflow"),
        LONG,
        false,
        outflow_pc,
        "A computer sends 80 MB of drawings to an address outside",
        "PCが図面 80 MB を外へ送る",
    ),
    s(
        "outflow-backup",
        None,
        LONG,
        false,
        outflow_backup,
        "Near miss: the nightly backup to the cloud, as every night",
        "紛らわしい例: 毎晩のクラウドへのバックアップ",
    )
    .at(2 * HOUR + 5 * MIN),
    s("outflow-small", None, LONG, false, outflow_small, "Near miss: 8 MB by mail", "紛らわしい例: メールで 8 MB を送る"),
    s("outflow-portions", None, LONG, false, outflow_portions, "Evasion: 40 MB in five portions", "すり抜けの試み: 40 MB を 5 回に分ける"),
    s(
        "modbus-write-pc",
        Some("modbus-write"),
        LONG,
        false,
        write_pc,
        "An office computer writes to a press controller",
        "事務所のPCがプレス制御装置に書き込む",
    ),
    s(
        "modbus-write-laptop",
        Some("modbus-write"),
        LONG,
        false,
        write_laptop,
        "LAPTOP-K7 writes to the other press controller",
        "LAPTOP-K7 がもう 1 台のプレス制御装置に書き込む",
    ),
    s(
        "modbus-panel-writes",
        None,
        LONG,
        false,
        write_panel,
        "Near miss: the panel writes as it did before",
        "紛らわしい例: 操作盤がこれまでどおり書き込む",
    ),
    s(
        "modbus-other-reads",
        None,
        LONG,
        false,
        read_others,
        "Near miss: the production server reads other registers",
        "紛らわしい例: 生産サーバーが別の値を読む",
    ),
    s(
        "modbus-by-panel",
        None,
        LONG,
        false,
        write_by_panel,
        "Evasion: fifty bad orders come from the panel that always writes",
        "すり抜けの試み: いつも書き込む操作盤から 50 の悪い命令",
    ),
    s("plc-quiet", Some("habit"), LONG, false, nothing, "A press controller falls silent for 25 minutes", "プレス制御装置が 25 分沈黙する"),
    s("camera-quiet", Some("habit"), LONG, false, nothing, "A camera falls silent for 25 minutes", "カメラが 25 分沈黙する"),
    s(
        "plc-pause",
        None,
        LONG,
        false,
        nothing,
        "Near miss: a press controller is started anew and silent for eight minutes",
        "紛らわしい例: プレス制御装置の再起動で 8 分止まる",
    ),
    s(
        "sensor-nap",
        None,
        LONG,
        false,
        nothing,
        "Near miss: the sensor itself sees nothing for 25 minutes",
        "紛らわしい例: センサー自体が 25 分何も見えない",
    ),
    s(
        "plc-stutter",
        None,
        LONG,
        false,
        nothing,
        "Evasion: a controller that is held back says one word every ten minutes",
        "すり抜けの試み: 抑えられた制御装置が 10 分に一度だけ答える",
    ),
];

/// What a scenario changes in ordinary life: also the stretch in which the sensor is blind.
pub fn changes(name: &str, at: i64, changes: &mut Changes) -> (i64, Option<(i64, i64)>) {
    match name {
        "plc-quiet" => {
            changes.plc_dead.push((PLC1.n, at, at + 25 * MIN));
            (at + 25 * MIN, None)
        }
        "plc-pause" => {
            changes.plc_dead.push((PLC1.n, at, at + 8 * MIN));
            (at + 8 * MIN, None)
        }
        "plc-stutter" => {
            changes.plc_dead.extend((0..9).map(|i| (PLC1.n, at + i * 10 * MIN, at + i * 10 * MIN + 5 * MIN)));
            (at + 90 * MIN, None)
        }
        "camera-quiet" => {
            changes.camera_dead = Some((at, at + 25 * MIN));
            (at + 25 * MIN, None)
        }
        "sensor-nap" => (at + 25 * MIN, Some((at, at + 25 * MIN))),
        _ => (at, None),
    }
}

/// A computer whose person is there in the middle of the week.
const ACTOR: &Host = &PCS[3];

fn nothing(_: &mut Net, at: i64) -> i64 {
    at
}
fn far(n: u8, port: u16) -> Side {
    outside([203, 0, 113, n].into(), port)
}

// ---- zones

fn zone_office_plc(net: &mut Net, at: i64) -> i64 {
    net.ask(at, ACTOR.both(), PLC1.ip(), Some(PLC1.mac));
    let from = ACTOR.at(talk::client_port(net));
    talk::http(net, at + 5 * MS, from, PLC1.at(80), "192.168.10.51", "/", "Mozilla/5.0 (Windows NT 10.0; Win64; x64)")
}
fn zone_plc_outside(net: &mut Net, at: i64) -> i64 {
    let from = PLC3.at(talk::client_port(net));
    talk::http(net, at, from, far(150, 80), "fw.example.net", "/nx1p2/latest", "curl/7.88")
}
fn zone_known_way(net: &mut Net, at: i64) -> i64 {
    let from = ACTOR.at(talk::client_port(net));
    talk::http(net, at, from, NAS.at(80), "nas-zumen", "/", "Mozilla/5.0 (Windows NT 10.0; Win64; x64)")
}
fn zone_refused(net: &mut Net, at: i64) -> i64 {
    net.ask(at, ACTOR.both(), PLC1.ip(), Some(PLC1.mac));
    let from = ACTOR.at(talk::client_port(net));
    net.refused(at + 5 * MS, from, PLC1.at(80));
    at + SEC
}
fn zone_permitted_way(net: &mut Net, at: i64) -> i64 {
    net.ask(at, COLLECTOR.both(), NAS.ip(), Some(NAS.mac));
    let from = COLLECTOR.at(talk::client_port(net));
    talk::http(net, at + 5 * MS, from, NAS.at(80), "nas-zumen", "/zumen/", "Mozilla/5.0 (Windows NT 10.0; Win64; x64)")
}

// ---- volumes

fn copy(net: &mut Net, at: i64, from: &Host, to: &Host, bytes: usize, over: i64) -> i64 {
    net.ask(at - SEC, from.both(), to.ip(), Some(to.mac));
    let port = talk::client_port(net);
    let mut c = net.connect(at, from.at(port), to.at(445));
    c.bulk(net, bytes, over).close(net)
}
fn zone_surge(net: &mut Net, at: i64) -> i64 {
    copy(net, at, ACTOR, &NAS, 90 << 20, 30 * MIN)
}
fn link_surge(net: &mut Net, at: i64) -> i64 {
    copy(net, at, &NAS, &COLLECTOR, 90 << 20, 30 * MIN)
}
fn volume_small(net: &mut Net, at: i64) -> i64 {
    copy(net, at, ACTOR, &NAS, 5 << 20, 10 * MIN)
}
fn volume_known(net: &mut Net, at: i64) -> i64 {
    for day in 1..=LONG {
        copy(net, at - day * DAY, &NAS, &COLLECTOR, 70 << 20, 30 * MIN);
    }
    copy(net, at, &NAS, &COLLECTOR, 70 << 20, 30 * MIN)
}
fn volume_drip(net: &mut Net, at: i64) -> i64 {
    (0..6).map(|i| copy(net, at + i * HOUR, ACTOR, &NAS, 4 << 20, 20 * MIN)).max().unwrap_or(at)
}

// ---- beacons

fn call(net: &mut Net, at: i64, who: &Host, server: Side, name: &str) -> i64 {
    let port = talk::client_port(net);
    let mut c = net.connect(at, who.at(port), server);
    talk::tls(net, &mut c, name, false);
    c.close(net)
}
fn beacon_https(net: &mut Net, at: i64) -> i64 {
    talk::lookup(net, at - SEC, ACTOR, "cdn-check.kagami.example", [203, 0, 113, 66].into());
    let mut t = at;
    for _ in 0..45 {
        call(net, t, ACTOR, far(66, 443), "cdn-check.kagami.example");
        t += 60 * SEC + net.rng.range(-3000, 3000) * MS;
    }
    t
}
fn beacon_jitter(net: &mut Net, at: i64) -> i64 {
    let mut t = at;
    for _ in 0..45 {
        call(net, t, &CAMERA2, far(67, 8443), "relay.kagami.example");
        t += 120 * SEC + net.rng.range(-24_000, 24_000) * MS;
    }
    t
}
/// A request for the time (RFC 5905, 7.3) and its answer.
pub fn time(net: &mut Net, at: i64, who: &Host, server: Side) {
    let mut ask = vec![0u8; 48];
    ask[0] = 0x23;
    let mut answer = ask.clone();
    answer[0] = 0x24;
    answer[1] = 2;
    let port = talk::client_port(net);
    net.udp(at, who.at(port), server, &ask);
    net.udp(at + 12 * MS, server, who.at(port), &answer);
}
fn beacon_time(net: &mut Net, at: i64) -> i64 {
    for i in 0..60 {
        time(net, at + i * 64 * SEC, &CAMERA1, far(123, 123));
    }
    at + 64 * MIN
}
fn beacon_telemetry(net: &mut Net, at: i64) -> i64 {
    let whos = [&PCS[1], &PCS[3], &PCS[5]];
    for who in whos {
        talk::lookup(net, at - SEC, who, "telemetry.example.com", [203, 0, 113, 44].into());
    }
    for i in 0..45 {
        for (k, who) in whos.iter().enumerate() {
            call(net, at + i * 60 * SEC + k as i64 * 700 * MS, who, far(44, 443), "telemetry.example.com");
        }
    }
    at + 45 * MIN
}
fn beacon_random(net: &mut Net, at: i64) -> i64 {
    let mut t = at;
    for _ in 0..45 {
        call(net, t, ACTOR, far(68, 443), "cdn-check.kagami.example");
        t += net.rng.range(8, 240) * SEC;
    }
    t
}

// ---- DNS

/// A query for a record of another type than A.
fn query(id: u16, name: &str, rtype: u16) -> Vec<u8> {
    let mut m = apps::dns_query(id, name);
    let at = m.len() - 4;
    m[at..at + 2].copy_from_slice(&rtype.to_be_bytes());
    m
}
/// Base32 of chance.
fn noise(net: &mut Net, len: usize) -> String {
    (0..len).map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[net.rng.below(32) as usize])).collect()
}
fn tunnel(net: &mut Net, at: i64, rtype: u16, count: i64, step: i64) -> i64 {
    for i in 0..count {
        let name = format!("{}.{}.t.example.net", noise(net, 60), noise(net, 30));
        let port = talk::client_port(net);
        let id = i as u16;
        net.udp(at + i * step, ACTOR.at(port), ROUTER.at(53), &query(id, &name, rtype));
        let mut answer = query(id, &name, rtype);
        answer[2..4].copy_from_slice(&0x8180u16.to_be_bytes());
        net.udp(at + i * step + 20 * MS, ROUTER.at(53), ACTOR.at(port), &answer);
    }
    at + count * step
}
fn dns_txt(net: &mut Net, at: i64) -> i64 {
    tunnel(net, at, 16, 120, SEC)
}
fn dns_null(net: &mut Net, at: i64) -> i64 {
    tunnel(net, at, 10, 200, SEC / 5)
}
fn dns_slow(net: &mut Net, at: i64) -> i64 {
    tunnel(net, at, 16, 60, MIN)
}
fn dns_cdn(net: &mut Net, at: i64) -> i64 {
    for i in 0..120 {
        let name = format!("d{}.cdn.example.com", noise(net, 13));
        talk::lookup(net, at + i * SEC, ACTOR, &name, [203, 0, 113, 90].into());
    }
    at + 2 * MIN
}
fn dns_multicast(net: &mut Net, at: i64) -> i64 {
    const MDNS: frame::Mac = [0x01, 0, 0x5e, 0, 0, 0xfb];
    for i in 0..120 {
        let name = format!("{}._ipp._tcp.local", noise(net, 50));
        net.shout(at + i * SEC, PRINTER.at(5353), MDNS, Ipv4Addr::new(224, 0, 0, 251), 5353, &query(0, &name, 16));
    }
    at + 2 * MIN
}

// ---- ICMP

fn ping(net: &mut Net, at: i64, who: Side, whom: Side, sequence: u16, ask: &[u8], answer: &[u8]) {
    net.echo(at, who, whom, (0x1d0c, sequence), ask, false);
    net.echo(at + 4 * MS, whom, who, (0x1d0c, sequence), answer, true);
}
/// The payload of an ordinary ping: counted up.
fn counted(len: usize) -> Vec<u8> {
    (0..len).map(|i| i as u8).collect()
}
fn icmp_tunnel(net: &mut Net, at: i64) -> i64 {
    for i in 0..150u16 {
        let (a, b) = (net.rng.range(40, 900) as usize, net.rng.range(40, 900) as usize);
        let (ask, answer) = (apps::sealed(&mut net.rng, a), apps::sealed(&mut net.rng, b));
        ping(net, at + i64::from(i) * 400 * MS, PC1.at(0), ACTOR.at(0), i, &ask, &answer);
    }
    at + 2 * MIN
}
fn icmp_outside(net: &mut Net, at: i64) -> i64 {
    for i in 0..200u16 {
        let len = 40 + usize::from(i) * 5;
        let body = apps::sealed(&mut net.rng, len);
        ping(net, at + i64::from(i) * 250 * MS, ACTOR.at(0), far(99, 0), i, &body, &body);
    }
    at + 2 * MIN
}
fn ping_monitoring(net: &mut Net, at: i64) -> i64 {
    for i in 0..60u16 {
        for (k, h) in [&ROUTER, &NAS, &PRINTER, &CAMERA1, &CAMERA2].into_iter().enumerate() {
            let body = counted(56);
            ping(net, at + i64::from(i) * MIN + k as i64 * 100 * MS, MONITOR.at(0), h.at(0), i, &body, &body);
        }
    }
    at + HOUR
}
fn ping_sizes(net: &mut Net, at: i64) -> i64 {
    for (i, len) in [32, 56, 64, 100, 200, 500, 1000, 1400, 1450, 1472].into_iter().enumerate() {
        let body = counted(len);
        ping(net, at + i as i64 * SEC, ACTOR.at(0), ROUTER.at(0), i as u16, &body, &body);
    }
    at + 10 * SEC
}
fn icmp_thin(net: &mut Net, at: i64) -> i64 {
    for i in 0..60u16 {
        let mut body = counted(56);
        let hidden = apps::sealed(&mut net.rng, 4);
        body[16..20].copy_from_slice(&hidden);
        ping(net, at + i64::from(i) * MIN, ACTOR.at(0), far(99, 0), i, &body, &body);
    }
    at + HOUR
}

// ---- outgoing transfers

fn send(net: &mut Net, at: i64, who: &Host, n: u8, bytes: usize, over: i64) -> i64 {
    let port = talk::client_port(net);
    let mut c = net.connect(at, who.at(port), far(n, 443));
    talk::tls(net, &mut c, "files.example.net", false);
    c.bulk(net, bytes, over).close(net)
}
fn outflow_nas(net: &mut Net, at: i64) -> i64 {
    send(net, at, &NAS, 200, 120 << 20, 50 * MIN)
}
fn outflow_pc(net: &mut Net, at: i64) -> i64 {
    send(net, at, ACTOR, 201, 80 << 20, 30 * MIN)
}
fn outflow_backup(net: &mut Net, at: i64) -> i64 {
    for day in 1..=LONG {
        send(net, at - day * DAY, &NAS, 202, 70 << 20, 30 * MIN);
    }
    send(net, at, &NAS, 202, 75 << 20, 30 * MIN)
}
fn outflow_small(net: &mut Net, at: i64) -> i64 {
    send(net, at, ACTOR, 203, 8 << 20, 5 * MIN)
}
fn outflow_portions(net: &mut Net, at: i64) -> i64 {
    (0..5).map(|i| send(net, at + i * HOUR, ACTOR, 204, 8 << 20, 10 * MIN)).max().unwrap_or(at)
}

// ---- orders

/// Writes of one register each.
pub fn orders(net: &mut Net, at: i64, who: Side, plc: &Host, values: impl Iterator<Item = (u16, u16)>) -> i64 {
    let mut c = net.connect(at, who, plc.at(502));
    for (i, (address, value)) in values.enumerate() {
        let order = apps::modbus_write(i as u16 + 1, 1, address, value);
        c.exchange(net, &order, &order).wait(200 * MS);
    }
    c.close(net)
}
fn write_pc(net: &mut Net, at: i64) -> i64 {
    net.ask(at, ACTOR.both(), PLC1.ip(), Some(PLC1.mac));
    let from = ACTOR.at(talk::client_port(net));
    orders(net, at + 5 * MS, from, &PLC1, [(100, 1), (101, 900)].into_iter())
}
fn write_laptop(net: &mut Net, at: i64) -> i64 {
    let t = talk::lease(net, at, &LAPTOP);
    net.ask(t, LAPTOP.both(), PLC2.ip(), Some(PLC2.mac));
    let from = LAPTOP.at(talk::client_port(net));
    orders(net, t + 5 * MS, from, &PLC2, [(40, 0)].into_iter())
}
fn panel(net: &mut Net, at: i64, values: impl Iterator<Item = (u16, u16)>) -> i64 {
    let from = HMI.at(talk::client_port(net));
    orders(net, at, from, &PLC1, values)
}
fn write_panel(net: &mut Net, at: i64) -> i64 {
    panel(net, at - LONG * DAY, [(100, 5)].into_iter());
    panel(net, at, [(100, 7), (101, 8)].into_iter())
}
fn read_others(net: &mut Net, at: i64) -> i64 {
    let from = COLLECTOR.at(talk::client_port(net));
    let mut c = net.connect(at, from, PLC1.at(502));
    for n in 0..20 {
        let (q, a) = apps::modbus(n, 1, 1000 + n * 10, &[1, 2, 3]);
        c.exchange(net, &q, &a);
    }
    c.close(net)
}
fn write_by_panel(net: &mut Net, at: i64) -> i64 {
    panel(net, at - LONG * DAY, [(100, 5)].into_iter());
    panel(net, at, (0..50).map(|i| (500 + i, 0xffff)))
}
