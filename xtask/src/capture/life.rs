//! An ordinary day: machines are polled round the clock, people come at half past eight and leave in the evening.
//!
//! Weeks are kept small by polling less often than a real factory does and by cutting the cameras' pictures behind their
//! headers (the lengths on the wire stay). One camera or the other sends every nine seconds, so that a sensor which reads
//! this file sees that it is not blind.

use super::apps;
use super::frame;
use super::hosts::{AP, CAMERA1, CAMERA2, COLLECTOR, HMI, Host, MONITOR, NAS, PCS, PHONES, PLCS, PRINTER, ROUTER, ROUTER2, SWITCH};
use super::net::{Conn, DAY, HOUR, MIN, MS, Net, SEC};
use super::rng::Rng;
use super::talk;

/// Japan, without daylight saving time.
const JST: i64 = 9 * HOUR;

/// One day of the calendar in Japan.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    /// Midnight.
    pub start: i64,
    /// 0 = Monday.
    pub weekday: i64,
    /// Nobody comes.
    pub closed: bool,
}

/// Days from a point in time on.
pub fn days(from: i64, count: i64) -> Vec<Day> {
    let first = (from + JST).div_euclid(DAY) * DAY - JST;
    (0..count)
        .map(|d| {
            let start = first + d * DAY;
            let weekday = ((start + JST).div_euclid(DAY) + 3).rem_euclid(7);
            Day { start, weekday, closed: weekday >= 5 }
        })
        .collect()
}

/// What is different from an ordinary day: stretches in which something does not happen or happens otherwise.
#[derive(Default)]
pub struct Changes {
    /// Controllers that do not answer, and when.
    pub plc_dead: Vec<(u8, i64, i64)>,
    /// The second camera sends nothing.
    pub camera_dead: Option<(i64, i64)>,
    /// What else an ordinary office and shop floor do: the long weeks by which false findings are measured.
    pub rich: bool,
    /// The first camera sends only one picture in 25.
    pub camera_drop: Option<(i64, i64)>,
    /// The cameras send more from day to day: so many percent.
    pub drift: i64,
    /// No phones: a short capture for one finding.
    pub no_phones: bool,
}

fn within(t: i64, stretch: Option<(i64, i64)>) -> bool {
    stretch.is_some_and(|(from, to)| (from..to).contains(&t))
}

/// All days.
pub fn live(net: &mut Net, days: &[Day], changes: &Changes, seed: u64) {
    for (i, day) in days.iter().enumerate() {
        net.rng = Rng::new(seed, &format!("day {}", day.start));
        machines(net, day, changes);
        cameras(net, day, changes, i as i64);
        things(net, day);
        if changes.rich {
            rich(net, day, i as i64);
        }
        if !day.closed {
            people(net, day, changes);
        }
    }
}

fn registers(t: i64, n: u16) -> Vec<u16> {
    (0..n).map(|i| (1000 + (t / MIN) % 500) as u16 + i * 7).collect()
}

fn machines(net: &mut Net, day: &Day, changes: &Changes) {
    for (k, plc) in PLCS.iter().enumerate() {
        let dead = |t: i64| changes.plc_dead.iter().any(|(n, from, to)| *n == plc.n && (*from..*to).contains(&t));
        let offset = (k as i64 + 1) * 7 * SEC;
        let mut conn: Option<Conn> = None;
        let port = talk::client_port(net);
        let mut t = day.start + offset;
        let mut n = 1u16;
        while t < day.start + DAY {
            if dead(t) {
                conn = None;
                net.ask(t, HMI.both(), plc.ip(), None);
                net.unanswered(t + MS, HMI.at(port), plc.at(502), 2);
            } else {
                let (q, a) = apps::modbus(n, 1, 100, &registers(t, 4));
                let c = match &mut conn {
                    Some(c) => c,
                    None => {
                        net.ask(t - SEC, HMI.both(), plc.ip(), Some(plc.mac));
                        conn.insert(net.connect(t, HMI.at(port), plc.at(502)))
                    }
                };
                c.at = t + 4 * MS;
                c.exchange(net, &q, &a);
            }
            n = n.wrapping_add(1);
            t += 5 * MIN;
        }
        if let Some(c) = &mut conn {
            c.at = day.start + DAY - SEC;
            c.close(net);
        }
        // The collector asks in a conversation of its own.
        for half in 0..48 {
            let t = day.start + half * 30 * MIN + offset + 90 * SEC;
            let port = talk::client_port(net);
            if dead(t) {
                net.unanswered(t, COLLECTOR.at(port), plc.at(502), 2);
                continue;
            }
            let (q, a) = apps::modbus(half as u16, 1, 200, &registers(t, 10));
            let mut c = net.connect(t, COLLECTOR.at(port), plc.at(502));
            c.exchange(net, &q, &a).close(net);
        }
    }
}

fn cameras(net: &mut Net, day: &Day, changes: &Changes, index: i64) {
    let more = 100 + changes.drift * index;
    for (k, camera) in [&CAMERA1, &CAMERA2].into_iter().enumerate() {
        let mut picture = vec![0u8; 1472];
        picture[0] = 0x80;
        picture[1] = 96;
        for n in 0..DAY / (18 * SEC) {
            let t = day.start + n * 18 * SEC + k as i64 * 9 * SEC;
            let thin = k == 0 && within(t, changes.camera_drop);
            let dead = k == 1 && within(t, changes.camera_dead);
            if thin || dead {
                // The switch's port was reset: its spanning tree speaks while the camera hardly does.
                net.tape.push(t, &bpdu());
                if dead || n % 25 != 0 {
                    continue;
                }
            }
            let extra = if (n * more / 100) > ((n - 1) * more / 100) + 1 { 2 } else { 1 };
            for e in 0..extra {
                picture[2..4].copy_from_slice(&((n * 2 + e) as u16).to_be_bytes());
                picture[4..8].copy_from_slice(&((t / MS * 90) as u32).to_be_bytes());
                net.udp_cut(t + e * 11 * MS, camera.at(50_004), NAS.at(20_000 + k as u16 * 2), &picture, 54);
            }
        }
    }
}

/// A rapid spanning tree message of the switch (IEEE 802.1D, 9.3.3).
fn bpdu() -> Vec<u8> {
    let mut b = vec![0x01, 0x80, 0xc2, 0, 0, 0];
    b.extend_from_slice(&SWITCH.mac);
    b.extend_from_slice(&[0, 39, 0x42, 0x42, 3, 0, 0, 2, 2, 0x3c, 0x80, 0]);
    b.extend_from_slice(&SWITCH.mac);
    b.extend_from_slice(&[0, 0, 0, 0, 0x80, 0]);
    b.extend_from_slice(&SWITCH.mac);
    b.extend_from_slice(&[0x80, 7, 0, 0, 20, 0, 2, 0, 15, 0, 0]);
    b
}

fn things(net: &mut Net, day: &Day) {
    const LLDP: frame::Mac = [0x01, 0x80, 0xc2, 0, 0, 0x0e];
    const MDNS: frame::Mac = [0x01, 0, 0x5e, 0, 0, 0xfb];
    let group = std::net::Ipv4Addr::new(224, 0, 0, 251);
    for hour in 0..24 {
        let t = day.start + hour * HOUR;
        if hour % 4 == 0 {
            let s = apps::lldp(SWITCH.mac, "1", SWITCH.name, "CentreCOM GS950/24 V2", SWITCH.ip(), 1 << 2);
            net.tape.push(t + 11 * SEC, &frame::ether(LLDP, SWITCH.mac, 0x88cc, &s));
            let a = apps::lldp(AP.mac, "lan1", AP.name, "BUFFALO WAPM-1266R", AP.ip(), 1 << 2 | 1 << 3);
            net.tape.push(t + 13 * SEC, &frame::ether(LLDP, AP.mac, 0x88cc, &a));
            let p = apps::mdns("_ipp._tcp.local", "RICOH IM C3010", "mfp-1f.local", 631, PRINTER.ip());
            net.shout(t + 17 * SEC, PRINTER.at(5353), MDNS, group, 5353, &p);
            let n = apps::mdns("_smb._tcp.local", "nas-zumen", "nas-zumen.local", 445, NAS.ip());
            net.shout(t + 19 * SEC, NAS.at(5353), MDNS, group, 5353, &n);
            for (i, who) in [&AP, &MONITOR, &COLLECTOR, &CAMERA1, &CAMERA2, &PRINTER, &ROUTER2, &NAS].into_iter().enumerate() {
                let at = t + (20 + i as i64) * SEC;
                net.ask(at, who.both(), ROUTER.ip(), Some(ROUTER.mac));
            }
            // Machines look for updates and write nothing home.
            let port = talk::client_port(net);
            talk::lookup(net, t + 40 * SEC, &NAS, "update.example.com", [203, 0, 113, 40].into());
            let far = super::hosts::outside([203, 0, 113, 40].into(), 80);
            talk::http(net, t + 41 * SEC, NAS.at(port), far, "update.example.com", "/qts/version.txt", "QTS/5.1");
        }
        for (i, host) in [&NAS, &PRINTER].into_iter().enumerate() {
            // The monitoring server asks the pages of a few.
            let port = talk::client_port(net);
            let at = t + (25 + i as i64) * MIN;
            talk::http(net, at, MONITOR.at(port), host.at(80), host.name, "/status", "check_http/v2.3 (monitoring-plugins 2.3)");
        }
        // The second router tells the first that it is there.
        let port = talk::client_port(net);
        net.udp(t + 31 * MIN, ROUTER2.at(port), ROUTER.at(53), &apps::dns_query(hour as u16 + 1, "rt-hinode.shinonome.example"));
        net.udp(
            t + 31 * MIN + MS,
            ROUTER.at(53),
            ROUTER2.at(port),
            &apps::dns_answer(hour as u16 + 1, "rt-hinode.shinonome.example", ROUTER.ip()),
        );
    }
}

/// Regular and irregular things that are not attacks: time, telemetry, ping, recipes, backups, updates, meetings.
fn rich(net: &mut Net, day: &Day, index: i64) {
    let outside = |n: u8, port: u16| super::hosts::outside([203, 0, 113, n].into(), port);
    for minute in 0..24 * 6 {
        let t = day.start + minute * 10 * MIN;
        // The time, every ten minutes and a little.
        for (k, who) in [&CAMERA1, &CAMERA2, &NAS, &MONITOR, &COLLECTOR].into_iter().enumerate() {
            super::script::traffic::time(net, t + k as i64 * 3 * SEC + 500 * MS, who, outside(123, 123));
        }
        // The monitoring server asks whether they are there.
        for (k, who) in [&ROUTER, &NAS, &PRINTER, &SWITCH, &AP].into_iter().enumerate() {
            let at = t + 5 * MIN + k as i64 * 200 * MS;
            let body: Vec<u8> = (0..56).collect();
            net.echo(at, MONITOR.at(0), who.at(0), (7, minute as u16), &body, false);
            net.echo(at + MS, who.at(0), MONITOR.at(0), (7, minute as u16), &body, true);
        }
    }
    // The file server's backup to the cloud, a little more each night.
    let port = talk::client_port(net);
    let at = day.start + HOUR + net.rng.range(0, 20) * MIN;
    let mut c = net.connect(at, NAS.at(port), outside(20, 443));
    talk::tls(net, &mut c, "backup.example.com", false);
    let size = (3 << 20) + net.rng.below(1 << 20) as usize;
    c.bulk(net, size, 8 * MIN).close(net);
    if day.closed {
        return;
    }
    // The panel gives the controllers their recipe; on some days again after noon.
    for (k, plc) in PLCS.iter().take(2).enumerate() {
        let port = talk::client_port(net);
        let at = day.start + 8 * HOUR + 10 * MIN + k as i64 * MIN;
        super::script::traffic::orders(net, at, HMI.at(port), plc, (0..4).map(|i| (100 + i, 40 + index as u16)));
        if net.rng.percent(40) {
            let (port, at) = (talk::client_port(net), day.start + 13 * HOUR + net.rng.range(5, 90) * MIN);
            super::script::traffic::orders(net, at, HMI.at(port), plc, [(100, 41)].into_iter());
        }
    }
    for (i, pc) in PCS.iter().enumerate() {
        if at_home(i) == day.weekday {
            continue;
        }
        // Each computer reports to the maker of its system, every quarter of an hour.
        let come = day.start + 9 * HOUR + net.rng.range(0, 10) * MIN;
        talk::lookup(net, come, pc, "telemetry.example.com", [203, 0, 113, 44].into());
        for n in 0..28 {
            let port = talk::client_port(net);
            let mut c = net.connect(come + n * 15 * MIN + SEC, pc.at(port), outside(44, 443));
            talk::tls(net, &mut c, "telemetry.example.com", false);
            c.close(net);
        }
        // Updates come on the third day of the week, and now and then somebody sends a large mail or copies drawings.
        if day.weekday == 2 {
            let port = talk::client_port(net);
            let at = come + net.rng.range(60, 200) * MIN;
            let mut c = net.connect(at, pc.at(port), outside(40, 443));
            c.fetch(net, 4 << 20, 10 * MIN).close(net);
        }
        if net.rng.percent(15) {
            let (port, at) = (talk::client_port(net), come + net.rng.range(60, 400) * MIN);
            let mut c = net.connect(at, pc.at(port), super::hosts::outside([198, 51, 100, 25].into(), 443));
            let size = net.rng.range(1, 6) as usize * (1 << 20);
            c.bulk(net, size, 4 * MIN).close(net);
        }
        if net.rng.percent(20) {
            let (port, at) = (talk::client_port(net), come + net.rng.range(60, 400) * MIN);
            let mut c = net.connect(at, pc.at(port), NAS.at(445));
            let size = net.rng.range(1, 9) as usize * (1 << 20);
            c.bulk(net, size, 6 * MIN).close(net);
        }
    }
}

/// The weekday on which the person of a computer works from home.
pub fn at_home(pc: usize) -> i64 {
    (pc % 5) as i64
}

fn people(net: &mut Net, day: &Day, changes: &Changes) {
    for (i, pc) in PCS.iter().enumerate() {
        if at_home(i) == day.weekday {
            continue;
        }
        let come = day.start + 8 * HOUR + net.rng.range(15, 50) * MIN;
        let leave = day.start + 17 * HOUR + net.rng.range(10, 110) * MIN;
        let mut t = talk::lease(net, come, pc);
        let n = net.rng.bits() as usize;
        talk::https(net, t, pc, n);
        while t < leave {
            t += net.rng.range(25, 70) * MIN;
            if day.start + 12 * HOUR < t && t < day.start + 13 * HOUR && net.rng.percent(70) {
                continue;
            }
            match net.rng.below(5) {
                0 => print(net, t, pc),
                1 => share(net, t, pc),
                _ => {
                    let n = net.rng.bits() as usize;
                    talk::https(net, t, pc, n);
                }
            }
        }
    }
    if changes.no_phones {
        return;
    }
    for phone in PHONES {
        let t = day.start + 8 * HOUR + net.rng.range(5, 45) * MIN;
        talk::lease(net, t, phone);
        for _ in 0..3 {
            let (n, at) = (net.rng.bits() as usize, t + net.rng.range(1, 500) * MIN);
            talk::https(net, at, phone, n);
        }
    }
}

fn print(net: &mut Net, t: i64, pc: &Host) {
    let port = talk::client_port(net);
    net.ask(t, pc.both(), PRINTER.ip(), Some(PRINTER.mac));
    let mut c = net.connect(t + 2 * MS, pc.at(port), PRINTER.at(9100));
    let size = 2000 + net.rng.below(4000) as usize;
    let job = [b"\x1b%-12345X@PJL JOB NAME=\"print\"\r\n".to_vec(), vec![0x41; size]].concat();
    c.say(net, &job).close(net);
}

fn share(net: &mut Net, t: i64, pc: &Host) {
    let port = talk::client_port(net);
    net.ask(t, pc.both(), NAS.ip(), Some(NAS.mac));
    let mut c = net.connect(t + 2 * MS, pc.at(port), NAS.at(445));
    // SMB 2 negotiate and what follows it, encrypted.
    let mut hello = vec![0, 0, 0, 108, 0xfe, b'S', b'M', b'B', 64, 0];
    hello.resize(112, 0);
    let (a, b) = (apps::sealed(&mut net.rng, 500), apps::sealed(&mut net.rng, 1300));
    c.say(net, &hello).hear(net, &hello).say(net, &a).hear(net, &b);
    c.close(net);
}
