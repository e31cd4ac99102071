//! The invented factory: 東雲精機 (Shinonome Seiki), one flat network as many small factories have it. Addresses inside are
//! private, those outside are from the documentation ranges (RFC 5737); the makers' address blocks are public facts.

use super::frame::Mac;
use super::net::Side;
use std::net::Ipv4Addr;

/// A device.
pub struct Host {
    /// Name in DHCP, DNS and the ledger.
    pub name: &'static str,
    /// Hardware address.
    pub mac: Mac,
    /// Last number of its address in 192.168.10.0/24.
    pub n: u8,
    /// Kind in the ledger.
    pub kind: &'static str,
    /// Maker in the ledger.
    pub maker: &'static str,
    /// Model number in the ledger.
    pub model: &'static str,
    /// Place in the ledger.
    pub place: &'static str,
    /// Purpose in the ledger.
    pub purpose: &'static str,
    /// Importance in the ledger.
    pub importance: &'static str,
}

impl Host {
    /// Its address.
    pub fn ip(&self) -> Ipv4Addr {
        inside(self.n)
    }
    /// An end at a port of it.
    pub fn at(&self, port: u16) -> Side {
        Side { mac: self.mac, ip: self.ip(), port, ttl: 64 }
    }
    /// Both addresses.
    pub fn both(&self) -> (Mac, Ipv4Addr) {
        (self.mac, self.ip())
    }
}

/// An address of the factory.
pub fn inside(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 10, n)
}

/// An end outside, as it is seen here: behind the router.
pub fn outside(ip: Ipv4Addr, port: u16) -> Side {
    Side { mac: ROUTER.mac, ip, port, ttl: 54 }
}

macro_rules! hosts {
    ($($id:ident = $name:literal, $mac:expr, $n:literal, $kind:literal, $maker:literal, $model:literal, $place:literal, $purpose:literal, $importance:literal;)+) => {
        $(
            #[doc = $name]
            pub const $id: Host = Host {
                name: $name, mac: $mac, n: $n, kind: $kind, maker: $maker, model: $model, place: $place, purpose: $purpose, importance: $importance,
            };
        )+
        /// Every device that stands in the ledger.
        pub const REGISTERED: &[Host] = &[$($id),+];
    };
}

hosts! {
    ROUTER = "rt-hinode", [0x00, 0xa0, 0xde, 0x3c, 0x10, 0x01], 1, "router", "ヤマハ", "RTX830", "事務所 サーバーラック", "インターネット接続・DHCP・DNS", "high";
    SWITCH = "sw-core", [0x00, 0x00, 0xcd, 0x37, 0x20, 0x02], 2, "switch", "アライドテレシス", "CentreCOM GS950", "事務所 サーバーラック", "基幹スイッチ", "high";
    AP = "ap-office", [0x00, 0x07, 0x40, 0x5e, 0x03, 0x03], 3, "access_point", "バッファロー", "WAPM-1266R", "事務所 天井", "無線 LAN", "middle";
    ROUTER2 = "rt-yobi", [0x00, 0xa0, 0xde, 0x3c, 0x10, 0x04], 4, "router", "ヤマハ", "RTX830", "事務所 サーバーラック", "予備ルーター", "middle";
    NAS = "nas-zumen", [0x24, 0x5e, 0xbe, 0x41, 0x0a, 0x10], 10, "nas", "QNAP", "TS-464", "事務所 サーバーラック", "図面・見積書・カメラ録画", "high";
    MONITOR = "srv-kanshi", [0x34, 0xfe, 0x9e, 0x10, 0x62, 0x62], 62, "server", "富士通", "PRIMERGY TX1310", "事務所 サーバーラック", "機器の死活監視", "middle";
    PRINTER = "mfp-1f", [0x00, 0x00, 0x74, 0x9a, 0x20, 0x20], 20, "printer", "リコー", "IM C3010", "事務所 1 階", "複合機", "low";
    CAMERA1 = "cam-gate", [0xd4, 0x2d, 0xc5, 0x11, 0x31, 0x31], 31, "camera", "i-PRO", "WV-S1536L", "正門", "出入りの記録", "middle";
    CAMERA2 = "cam-line2", [0xac, 0xcc, 0x8e, 0x22, 0x32, 0x32], 32, "camera", "Axis", "P3245-V", "第 2 ライン", "ライン監視", "middle";
    PLC1 = "plc-press1", [0x00, 0x26, 0x92, 0x51, 0x00, 0x51], 51, "plc", "三菱電機", "MELSEC FX5U", "第 1 工場 プレス 1 号", "プレス制御", "high";
    PLC2 = "plc-press2", [0x00, 0x26, 0x92, 0x51, 0x00, 0x52], 52, "plc", "三菱電機", "MELSEC FX5U", "第 1 工場 プレス 2 号", "プレス制御", "high";
    PLC3 = "plc-wash", [0x3c, 0xf7, 0xd1, 0x53, 0x00, 0x53], 53, "plc", "オムロン", "NX1P2", "第 2 工場 洗浄機", "洗浄機制御", "high";
    HMI = "hmi-press", [0x00, 0x01, 0xfc, 0x60, 0x00, 0x60], 60, "hmi", "キーエンス", "VT5", "第 1 工場 操作盤", "プレスの表示・操作", "high";
    COLLECTOR = "srv-seisan", [0x34, 0xfe, 0x9e, 0x10, 0x61, 0x61], 61, "server", "富士通", "PRIMERGY TX1310", "第 1 工場 事務室", "生産実績の収集", "middle";
    PC1 = "PC-SOUMU1", [0xe4, 0x46, 0xb0, 0x01, 0x01, 0x65], 101, "pc", "富士通", "ESPRIMO D7012", "事務所", "総務", "middle";
    PC2 = "PC-EIGYO1", [0xe4, 0x46, 0xb0, 0x01, 0x01, 0x66], 102, "pc", "富士通", "LIFEBOOK U7413", "事務所", "営業", "middle";
    PC3 = "PC-SEKKEI1", [0xe4, 0x46, 0xb0, 0x01, 0x01, 0x67], 103, "pc", "富士通", "CELSIUS W5012", "設計室", "設計", "high";
    PC4 = "PC-SEKKEI2", [0xe4, 0x46, 0xb0, 0x01, 0x01, 0x68], 104, "pc", "富士通", "CELSIUS W5012", "設計室", "設計", "high";
    PC5 = "PC-KEIRI1", [0xe4, 0x46, 0xb0, 0x01, 0x01, 0x69], 105, "pc", "富士通", "ESPRIMO D7012", "事務所", "経理", "high";
    PC6 = "PC-HINSHITSU", [0xe4, 0x46, 0xb0, 0x01, 0x01, 0x6a], 106, "pc", "富士通", "ESPRIMO D7012", "検査室", "品質記録", "middle";
}

/// Office computers.
pub const PCS: &[Host] = &[PC1, PC2, PC3, PC4, PC5, PC6];
/// Controllers.
pub const PLCS: &[Host] = &[PLC1, PLC2, PLC3];

/// A maker's service engineer's laptop, which nobody has entered.
pub const LAPTOP: Host = Host {
    name: "LAPTOP-K7",
    mac: [0xf8, 0xb1, 0x56, 0x77, 0x19, 0xc7],
    n: 187,
    kind: "pc",
    maker: "",
    model: "",
    place: "",
    purpose: "",
    importance: "",
};

/// Phones with randomised addresses, one for this network.
pub const PHONES: &[Host] = &[
    Host {
        name: "iPhone",
        mac: [0x5a, 0x10, 0x3e, 0x90, 0x11, 0x01],
        n: 151,
        kind: "phone",
        maker: "",
        model: "",
        place: "",
        purpose: "",
        importance: "",
    },
    Host {
        name: "Pixel-7a",
        mac: [0xde, 0x77, 0x01, 0x24, 0x62, 0x02],
        n: 152,
        kind: "phone",
        maker: "",
        model: "",
        place: "",
        purpose: "",
        importance: "",
    },
];

/// The parts of the network, as the settings file beside a capture gives them.
pub const ZONES: &[(&str, &str, &str)] =
    &[("サーバー", "server", "192.168.10.0/27"), ("制御", "control", "192.168.10.48/28"), ("事務所", "lan", "192.168.10.96/27")];

/// Zones as a file for `hinomi replay --settings`.
pub fn settings_toml() -> String {
    let zone =
        |(name, layer, range): &(&str, &str, &str)| format!("[[zone]]\nname = \"{name}\"\nlayer = \"{layer}\"\nranges = [\"{range}\"]\n");
    ZONES.iter().map(zone).collect::<Vec<_>>().join("\n")
}

/// The ledger as a file: UTF-8 with byte order mark, the columns of the ledger with mac, ip and state. `cells` are those that
/// differ: name of the device, column, value.
pub fn ledger_csv(cells: &[(&'static str, &'static str, &'static str)]) -> String {
    let mut out = format!("\u{feff}{}\r\n", COLUMNS.join(","));
    for h in REGISTERED {
        let mac: Vec<String> = h.mac.iter().map(|b| format!("{b:02x}")).collect();
        let (owner, admin) = match h.kind {
            "plc" | "hmi" => ("製造部 小林", "製造部 保全 井上"),
            "pc" => ("各部", "総務部 佐藤"),
            _ => ("総務部 佐藤", "総務部 佐藤"),
        };
        let (mac, ip) = (mac.join(":"), h.ip().to_string());
        let mut line = [
            h.name,
            &mac,
            &ip,
            "registered",
            h.kind,
            h.maker,
            h.model,
            "",
            "",
            "",
            owner,
            admin,
            h.place,
            h.purpose,
            h.importance,
            "",
            "",
            "",
            "",
            "",
        ];
        lay_over(&mut line, h.name, cells);
        out.push_str(&line.join(","));
        out.push_str("\r\n");
    }
    // Things of the ledger that are not part of ordinary life: a spare, something that was thrown away.
    let mut more: Vec<&str> = cells.iter().map(|c| c.0).filter(|n| REGISTERED.iter().all(|h| h.name != *n)).collect();
    more.dedup();
    for name in more {
        let mut line = [""; COLUMNS.len()];
        line[0] = name;
        lay_over(&mut line, name, cells);
        out.push_str(&line.join(","));
        out.push_str("\r\n");
    }
    out
}

const COLUMNS: [&str; 20] = [
    "name",
    "mac",
    "ip",
    "state",
    "kind",
    "maker",
    "model_number",
    "serial",
    "software_version",
    "support_end",
    "owner",
    "administrator",
    "place",
    "purpose",
    "importance",
    "notes",
    "internet",
    "internet_destinations",
    "internet_reason",
    "internet_until",
];

fn lay_over<'a>(line: &mut [&'a str; COLUMNS.len()], name: &str, cells: &[(&str, &str, &'a str)]) {
    for (_, column, value) in cells.iter().filter(|c| c.0 == name) {
        for (cell, _) in line.iter_mut().zip(COLUMNS).filter(|(_, c)| c == column) {
            *cell = value;
        }
    }
}
