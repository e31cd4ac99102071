//! Devices that move, pose or should not be there.

use super::super::apps;
use super::super::frame;
use super::super::hosts::{Host, LAPTOP, MONITOR, PCS, PRINTER, ROUTER, ROUTER2, inside};
use super::super::net::{ALL, DAY, HOUR, MIN, MS, Net, SEC, Side};
use super::super::talk;
use super::{SHORT, Scenario, s};
use std::net::{Ipv4Addr, Ipv6Addr};

/// At night nobody but the machines speaks, and the router is silent between its hourly words.
pub(super) const NIGHT: i64 = 2 * HOUR + 50 * MIN;

/// The scenarios of this family.
pub const SCENARIOS: &[Scenario] = &[
    // ---- device-moved
    s(
        "moved-vlan",
        Some("device-moved"),
        SHORT,
        false,
        moved_vlan,
        "A computer is plugged in where another VLAN is",
        "PC が別の VLAN の口につながれる",
    ),
    s(
        "moved-subnet",
        Some("device-moved"),
        SHORT,
        false,
        moved_subnet,
        "A computer gets an address of another range by hand",
        "PC に別の範囲のアドレスが手で付けられる",
    ),
    s(
        "heard-twice",
        None,
        SHORT,
        false,
        heard_twice,
        "Near miss: the mirror port shows a computer with and without its VLAN tag",
        "紛らわしい例: 同じ PC がタグ付きとタグなしの両方で見える",
    ),
    s(
        "short-visit",
        None,
        SHORT,
        false,
        short_visit,
        "Near miss: a computer is in another VLAN for five minutes and comes back",
        "紛らわしい例: PC が 5 分だけ別の VLAN に居て戻る",
    ),
    s(
        "moved-in-disguise",
        Some("unregistered-device"),
        SHORT,
        false,
        moved_in_disguise,
        "Evasion: the computer that moves makes up a hardware address; it is a new device then",
        "すり抜けの試み: 移る PC が MAC アドレスを作り変える（新しい機器として知らせる）",
    ),
    // ---- gateway-changed
    s(
        "router-taken",
        Some("gateway-changed"),
        SHORT,
        false,
        router_taken,
        "At night an unknown device answers for the router, which is silent",
        "夜、黙っているルーターの代わりに未登録の機器が答える",
    )
    .at(NIGHT),
    s(
        "router-is-a-pc",
        Some("gateway-changed"),
        SHORT,
        false,
        router_is_a_pc,
        "At night a registered computer answers for the router, which is silent",
        "夜、黙っているルーターの代わりに登録済みの PC が答える",
    )
    .at(NIGHT),
    s(
        "router-pair",
        None,
        SHORT,
        false,
        router_pair,
        "Near miss: the shared address of a router pair (VRRP) answers",
        "紛らわしい例: ルーター 2 台の共有アドレス（VRRP）が答える",
    )
    .at(NIGHT),
    s(
        "spare-router",
        None,
        SHORT,
        false,
        spare_router,
        "Near miss: the spare router of the ledger takes over at night",
        "紛らわしい例: 夜、台帳にある予備ルーターに切り替わる",
    )
    .at(NIGHT),
    s(
        "router-copied",
        None,
        SHORT,
        false,
        router_copied,
        "Evasion: the router's hardware address is copied as well",
        "すり抜けの試み: ルーターの MAC アドレスまで真似る",
    )
    .at(NIGHT),
    // ---- rogue-dhcp
    s(
        "travel-router",
        Some("rogue-dhcp"),
        SHORT,
        false,
        travel_router,
        "An unknown travel router hands out addresses",
        "持ち込まれた小型ルーターがアドレスを配る",
    ),
    s(
        "shared-connection",
        Some("rogue-dhcp"),
        SHORT,
        false,
        shared_connection,
        "A registered computer shares its connection and hands out addresses",
        "登録済みの PC が接続を共有し、アドレスを配る",
    ),
    s(
        "dhcp-pair",
        None,
        SHORT,
        false,
        dhcp_pair,
        "Near miss: the spare router of the ledger hands out the same way out",
        "紛らわしい例: 台帳にある予備ルーターが同じ出口を配る",
    ),
    s(
        "dhcp-relay",
        None,
        SHORT,
        false,
        dhcp_relay,
        "Near miss: a relay passes the usual server's answers on",
        "紛らわしい例: 中継がふだんのサーバーの答えを渡す",
    ),
    s(
        "dhcp-copied",
        None,
        SHORT,
        false,
        dhcp_copied,
        "Evasion: a false answer under the usual server's hardware address",
        "すり抜けの試み: ふだんのサーバーの MAC アドレスで偽の答えを送る",
    ),
    // ---- rogue-router
    s(
        "ipv6-stranger",
        Some("rogue-router"),
        SHORT,
        false,
        ipv6_stranger,
        "An unknown device announces itself as the IPv6 router of an office without IPv6",
        "IPv6 を使っていない事務所で、未登録の機器が IPv6 の出口だと名のる",
    ),
    s(
        "ipv6-tether",
        Some("rogue-router"),
        SHORT,
        false,
        ipv6_tether,
        "A registered computer announces itself as an IPv6 router",
        "登録済みの PC が IPv6 の出口だと名のる",
    ),
    s(
        "ipv6-router",
        None,
        SHORT,
        false,
        ipv6_router,
        "Near miss: the router of the ledger learns IPv6",
        "紛らわしい例: 台帳にあるルーターが IPv6 を始める",
    ),
    s(
        "ipv6-no-way-out",
        None,
        SHORT,
        false,
        ipv6_no_way_out,
        "Near miss: a printer announces a prefix but no way out",
        "紛らわしい例: 複合機が範囲だけを知らせ、出口とは名のらない",
    ),
    s(
        "ipv6-copied",
        None,
        SHORT,
        false,
        ipv6_copied,
        "Evasion: false announcements under the usual IPv6 router's hardware address",
        "すり抜けの試み: ふだんの IPv6 ルーターの MAC アドレスで名のる",
    ),
    // ---- resting-device
    s(
        "unused-camera",
        Some("resting-device"),
        SHORT,
        false,
        nothing,
        "A camera that the ledger calls unused goes on sending",
        "台帳で未使用のカメラが送り続ける",
    )
    .ledger(&[("cam-line2", "state", "unused")]),
    s(
        "denied-laptop",
        Some("resting-device"),
        SHORT,
        false,
        denied_laptop,
        "A laptop that the ledger denies is connected",
        "台帳で拒否したノート PC がつながれる",
    )
    .ledger(&[("LAPTOP-K7", "mac", "f8:b1:56:77:19:c7"), ("LAPTOP-K7", "state", "denied"), ("LAPTOP-K7", "kind", "pc")]),
    s(
        "spare-asked-for",
        None,
        SHORT,
        false,
        spare_asked_for,
        "Near miss: others ask for a spare camera that is switched off",
        "紛らわしい例: 電源の切れた予備カメラが呼ばれるだけ",
    )
    .ledger(SPARE),
    s(
        "spare-address-reused",
        None,
        SHORT,
        false,
        spare_address_reused,
        "Near miss: a registered computer uses the address of the spare camera",
        "紛らわしい例: 予備カメラのアドレスを登録済みの PC が使う",
    )
    .ledger(SPARE),
    s(
        "denied-in-disguise",
        Some("unregistered-device"),
        SHORT,
        false,
        denied_in_disguise,
        "Evasion: the denied laptop makes up a hardware address; it is a new device then",
        "すり抜けの試み: 拒否した PC が MAC アドレスを作り変える（新しい機器として知らせる）",
    )
    .ledger(&[("LAPTOP-K7", "mac", "f8:b1:56:77:19:c7"), ("LAPTOP-K7", "state", "denied"), ("LAPTOP-K7", "kind", "pc")]),
];

/// A camera in the cupboard.
pub(super) const SPARE: &[(&str, &str, &str)] = &[
    ("cam-yobi", "mac", "d4:2d:c5:11:39:39"),
    ("cam-yobi", "ip", "192.168.10.39"),
    ("cam-yobi", "state", "unused"),
    ("cam-yobi", "kind", "camera"),
];

/// A computer whose person is there on the day of the story.
pub(super) const ACTOR: &Host = &PCS[3];
/// A computer whose person works from home on that day.
pub(super) const ABSENT: &Host = &PCS[2];

pub(super) fn nothing(_: &mut Net, at: i64) -> i64 {
    at
}

/// A computer works for a while, asking the printer's address and visiting sites.
pub(super) fn works(net: &mut Net, at: i64, who: &Host, minutes: i64) -> i64 {
    for n in 0..=minutes {
        net.ask(at + n * MIN, who.both(), inside(20), None);
        let from = who.at(talk::client_port(net));
        net.udp(at + n * MIN + SEC, from, Side { mac: PRINTER.mac, ..PRINTER.at(9999) }, b"hello");
    }
    at + minutes * MIN
}

fn moved_vlan(net: &mut Net, at: i64) -> i64 {
    net.vlan = 20;
    let end = works(net, at, ABSENT, 30);
    net.vlan = 0;
    end
}

fn moved_subnet(net: &mut Net, at: i64) -> i64 {
    let ip = Ipv4Addr::new(192, 168, 20, ABSENT.n);
    for n in 0..30 {
        net.ask(at + n * MIN, (ABSENT.mac, ip), Ipv4Addr::new(192, 168, 20, 1), None);
    }
    at + 30 * MIN
}

fn heard_twice(net: &mut Net, at: i64) -> i64 {
    for n in 0..40 {
        net.ask(at + n * MIN, ACTOR.both(), inside(20), None);
        net.vlan = 20;
        net.ask(at + n * MIN + MS / 10, ACTOR.both(), inside(20), None);
        net.vlan = 0;
    }
    at + 40 * MIN
}

fn short_visit(net: &mut Net, at: i64) -> i64 {
    net.vlan = 20;
    works(net, at, ABSENT, 5);
    net.vlan = 0;
    works(net, at + 8 * MIN, ABSENT, 20)
}

fn moved_in_disguise(net: &mut Net, at: i64) -> i64 {
    let guise = Host { mac: [0x02, 0x11, 0x22, 0x33, 0x44, 0x55], n: 177, ..*ABSENT };
    net.vlan = 20;
    let end = works(net, at, &guise, 30);
    net.vlan = 0;
    end
}

/// Somebody says three times that the router's address is his.
fn claims(net: &mut Net, at: i64, mac: frame::Mac) -> i64 {
    for i in 0..3 {
        net.put(at + i * SEC, &frame::arp((mac, ALL), 1, (mac, ROUTER.ip()), ([0; 6], ROUTER.ip())));
    }
    at + 3 * SEC
}

fn router_taken(net: &mut Net, at: i64) -> i64 {
    claims(net, at, LAPTOP.mac)
}

fn router_is_a_pc(net: &mut Net, at: i64) -> i64 {
    claims(net, at, ACTOR.mac)
}

fn router_pair(net: &mut Net, at: i64) -> i64 {
    claims(net, at, [0, 0, 0x5e, 0, 1, 10])
}

fn spare_router(net: &mut Net, at: i64) -> i64 {
    claims(net, at, ROUTER2.mac)
}

fn router_copied(net: &mut Net, at: i64) -> i64 {
    claims(net, at, ROUTER.mac)
}

fn travel_router(net: &mut Net, at: i64) -> i64 {
    talk::lease_by(net, at, &PCS[5], LAPTOP.at(67), LAPTOP.ip(), LAPTOP.ip());
    at + SEC
}

fn shared_connection(net: &mut Net, at: i64) -> i64 {
    let hotspot = Ipv4Addr::new(192, 168, 137, 1);
    talk::lease_by(net, at, &PCS[5], ACTOR.at(67), hotspot, hotspot);
    at + SEC
}

fn dhcp_pair(net: &mut Net, at: i64) -> i64 {
    talk::lease_by(net, at, &PCS[5], ROUTER2.at(67), ROUTER2.ip(), ROUTER.ip());
    at + SEC
}

fn dhcp_relay(net: &mut Net, at: i64) -> i64 {
    talk::lease_by(net, at, &PCS[5], ROUTER2.at(67), ROUTER.ip(), ROUTER.ip());
    at + SEC
}

fn dhcp_copied(net: &mut Net, at: i64) -> i64 {
    talk::lease_by(net, at, &PCS[5], ROUTER.at(67), ROUTER.ip(), ACTOR.ip());
    at + SEC
}

/// The link-local address that is made from a hardware address (RFC 4291, appendix A).
fn link_local(mac: frame::Mac) -> Ipv6Addr {
    let w = |a: u8, b: u8| u16::from_be_bytes([a, b]);
    Ipv6Addr::new(0xfe80, 0, 0, 0, w(mac[0] ^ 2, mac[1]), w(mac[2], 0xff), w(0xfe, mac[3]), w(mac[4], mac[5]))
}

/// Router advertisements to all nodes, every three minutes.
fn announces(net: &mut Net, at: i64, mac: frame::Mac, lifetime: u16, resolver: Option<Ipv6Addr>) -> i64 {
    let (from, all) = (link_local(mac), Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1));
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0x66, 0, 0, 0, 0, 0);
    for n in 0..4 {
        let m = frame::icmpv6(from, all, apps::router_advertisement(mac, lifetime, prefix, resolver));
        net.put(at + n * 3 * MIN, &frame::ipv6((mac, [0x33, 0x33, 0, 0, 0, 1]), from, all, 58, 255, &m));
    }
    at + 9 * MIN
}

/// The name server of an announcement.
const RESOLVER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x66, 0, 0, 0, 0, 0x53);

fn ipv6_stranger(net: &mut Net, at: i64) -> i64 {
    announces(net, at, LAPTOP.mac, 1800, Some(RESOLVER))
}

fn ipv6_tether(net: &mut Net, at: i64) -> i64 {
    announces(net, at, ACTOR.mac, 1800, None)
}

fn ipv6_router(net: &mut Net, at: i64) -> i64 {
    announces(net, at, ROUTER.mac, 1800, Some(RESOLVER))
}

fn ipv6_no_way_out(net: &mut Net, at: i64) -> i64 {
    announces(net, at, PRINTER.mac, 0, None)
}

fn ipv6_copied(net: &mut Net, at: i64) -> i64 {
    announces(net, at - 2 * DAY, ROUTER.mac, 1800, Some(RESOLVER));
    announces(net, at, ROUTER.mac, 1800, Some(Ipv6Addr::new(0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, 0x53)))
}

fn denied_laptop(net: &mut Net, at: i64) -> i64 {
    let t = talk::lease(net, at, &LAPTOP);
    talk::https(net, t, &LAPTOP, 1)
}

fn spare_asked_for(net: &mut Net, at: i64) -> i64 {
    for n in 0..30 {
        net.ask(at + n * MIN, MONITOR.both(), inside(39), None);
    }
    at + 30 * MIN
}

fn spare_address_reused(net: &mut Net, at: i64) -> i64 {
    let moved = Host { n: 39, ..*ACTOR };
    let t = talk::lease(net, at, &moved);
    talk::https(net, t, &moved, 2)
}

fn denied_in_disguise(net: &mut Net, at: i64) -> i64 {
    let guise = Host { mac: [0x02, 0x77, 0x19, 0xc7, 0x00, 0x01], ..LAPTOP };
    let t = talk::lease(net, at, &guise);
    talk::https(net, t, &guise, 1)
}
