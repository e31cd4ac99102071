//! The summary for people, in either language.

use super::Summary;
use super::number;
use model::{Lang, Time};
use std::fmt::Write;

struct Words {
    file: &'static str,
    damage: &'static str,
    at: &'static str,
    time: &'static str,
    frames: &'static str,
    conversations: &'static str,
    protocols: &'static str,
    devices: &'static str,
    mirror: &'static str,
    counters: &'static str,
    nothing: &'static str,
    more: &'static str,
}

const JA: Words = Words {
    file: "ファイル",
    damage: "破損",
    at: "バイト目",
    time: "期間",
    frames: "パケット",
    conversations: "通信",
    protocols: "プロトコル",
    devices: "機器",
    mirror: "ミラーポートについて分かること",
    counters: "読めなかったもの",
    nothing: "パケットはありません。",
    more: "ほか",
};
const EN: Words = Words {
    file: "file",
    damage: "damaged",
    at: "at byte",
    time: "time",
    frames: "packets",
    conversations: "conversations",
    protocols: "protocols",
    devices: "devices",
    mirror: "what the capture shows of the mirror port",
    counters: "could not be read",
    nothing: "There are no packets.",
    more: "more:",
};

/// Devices that are listed; the rest is counted.
const MAX_DEVICES: usize = 50;

fn second(t: Time) -> String {
    let mut text = t.rfc3339();
    text.truncate(19);
    text.push('Z');
    text
}

/// See the module.
pub fn text(s: &Summary, lang: Lang) -> String {
    let w = match lang {
        Lang::Ja => &JA,
        Lang::En => &EN,
    };
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write(&mut out, s, w, lang);
    out
}

fn write(out: &mut String, s: &Summary, w: &Words, lang: Lang) -> std::fmt::Result {
    for f in &s.files {
        writeln!(out, "{}: {}  ({}, {} {})", w.file, clean(&f.path), f.format, number(f.amount.packets), w.frames)?;
        for d in &f.damage {
            match lang {
                Lang::Ja => writeln!(out, "  {}: {} {}: {}", w.damage, number(d.offset), w.at, clean(&d.what))?,
                Lang::En => writeln!(out, "  {} {} {}: {}", w.damage, w.at, number(d.offset), clean(&d.what))?,
            }
        }
    }
    if s.amount.packets == 0 {
        return writeln!(out, "{}", w.nothing);
    }
    if let (Some(first), Some(last)) = (s.amount.first, s.amount.last) {
        writeln!(out, "{}: {} – {}", w.time, second(first), second(last))?;
    }
    let layers = [
        ("IPv4", s.ipv4_packets),
        ("IPv6", s.ipv6_packets),
        ("TCP", s.tcp_packets),
        ("UDP", s.udp_packets),
        ("ARP", s.arp_packets),
        (if lang == Lang::Ja { "その他" } else { "other" }, s.other_packets),
    ];
    let counts: Vec<String> = layers.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {}", number(*n))).collect();
    writeln!(out, "{}: {} ({})", w.frames, number(s.amount.packets), counts.join(", "))?;
    writeln!(out, "{}: TCP {}, UDP {}", w.conversations, number(s.tcp_conversations), number(s.udp_conversations))?;
    if !s.protocols.is_empty() {
        let list: Vec<String> = s.protocols.iter().map(|(name, c)| format!("{name} {}", number(c.packets))).collect();
        writeln!(out, "{}: {}", w.protocols, list.join(", "))?;
    }
    if !s.assets.is_empty() {
        writeln!(out, "{}: {}", w.devices, number(s.assets.len() as u64))?;
        for a in s.assets.iter().take(MAX_DEVICES) {
            let mut line = format!("  {}", a.mac);
            for part in [
                a.ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
                a.names.join(" "),
                a.vendor.unwrap_or_default().to_owned(),
                role(a.role, lang).to_owned(),
            ] {
                if !part.is_empty() {
                    let _ = write!(line, "  {}", clean(&part));
                }
            }
            writeln!(out, "{line}")?;
        }
        if s.assets.len() > MAX_DEVICES {
            writeln!(out, "  {} {}", w.more, number((s.assets.len() - MAX_DEVICES) as u64))?;
        }
    }
    let truths = super::mirror::lines(&s.mirror, s.amount.packets, lang);
    if !truths.is_empty() {
        writeln!(out, "{}:", w.mirror)?;
        for line in truths {
            writeln!(out, "  {line}")?;
        }
    }
    let c = &s.counters;
    let troubles = [
        (if lang == Lang::Ja { "壊れたパケット" } else { "broken packets" }, c.decode_errors),
        (if lang == Lang::Ja { "TCPの欠け" } else { "holes in TCP" }, c.reassembly_gaps),
        (if lang == Lang::Ja { "あふれた通信" } else { "conversations let go" }, c.flows_evicted),
        (if lang == Lang::Ja { "捨てたバイト" } else { "bytes let go" }, c.bytes_dropped),
        (if lang == Lang::Ja { "深すぎるトンネル" } else { "tunnels too deep" }, c.tunnel_depth_exceeded),
        (if lang == Lang::Ja { "読む余裕のなかった通信" } else { "conversations without a reader" }, c.parsers_refused),
        (if lang == Lang::Ja { "途中で読むのをやめた通信" } else { "idle conversations no longer read" }, c.parsers_evicted),
        (if lang == Lang::Ja { "内容の食い違う重複" } else { "copies that contradict" }, c.conflicts),
    ];
    let list: Vec<String> = troubles.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {}", number(*n))).collect();
    if !list.is_empty() {
        writeln!(out, "{}: {}", w.counters, list.join(", "))?;
    }
    Ok(())
}

fn role(role: Option<&'static str>, lang: Lang) -> &'static str {
    match (role, lang) {
        (None, _) => "",
        (Some(r), Lang::En) => r,
        (Some("router"), Lang::Ja) => "ルーター",
        (Some("switch"), Lang::Ja) => "スイッチ",
        (Some("controller"), Lang::Ja) => "制御機器",
        (Some("supervisor"), Lang::Ja) => "監視・操作端末",
        (Some("server"), Lang::Ja) => "サーバー",
        (Some("client"), Lang::Ja) => "端末",
        (Some(r), Lang::Ja) => r,
    }
}

/// What a capture says must not steer the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}
