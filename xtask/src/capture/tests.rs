use super::frame::checksum;
use super::*;

fn frames(path: &Path) -> Vec<(i64, u32, Vec<u8>)> {
    let b = std::fs::read(path).unwrap();
    assert_eq!(b[..4], 0xa1b2_3c4du32.to_le_bytes());
    let n = |at: usize| u32::from_le_bytes(b[at..at + 4].try_into().unwrap());
    let mut out = Vec::new();
    let mut at = 24;
    while at < b.len() {
        let len = n(at + 8) as usize;
        out.push((i64::from(n(at)) * net::SEC + i64::from(n(at + 4)), n(at + 12), b[at + 16..at + 16 + len].to_vec()));
        at += 16 + len;
    }
    assert_eq!(at, b.len());
    out
}

/// Lengths and checksums of every whole frame, by the sums as a receiver checks them: zero over the data with its checksum.
fn check(frames: &[(i64, u32, Vec<u8>)], own: bool) {
    assert!(frames.windows(2).all(|w| w[0].0 <= w[1].0), "in order of time");
    for (at, wire, f) in frames {
        assert!(f.len() <= *wire as usize);
        if f[12..14] != [8, 0] {
            continue;
        }
        let (header, total) = (usize::from(f[14] & 15) * 4, usize::from(u16::from_be_bytes([f[16], f[17]])));
        assert_eq!(checksum(&[&f[14..14 + header]]), 0, "IPv4 header at {at}");
        assert!(14 + total <= *wire as usize);
        if f.len() < 14 + total || f[23] == 17 && f[40..42] == [0, 0] || !matches!(f[23], 6 | 17) || !own {
            continue;
        }
        let l4 = &f[14 + header..14 + total];
        let mut pseudo = f[26..34].to_vec();
        pseudo.extend_from_slice(&[0, f[23]]);
        pseudo.extend_from_slice(&(l4.len() as u16).to_be_bytes());
        assert_eq!(checksum(&[&pseudo, l4]), 0, "transport at {at}: {:?} → {:?}", &f[26..30], &f[30..34]);
    }
}

#[test]
fn a_week_of_the_factory_is_sound_small_and_the_same_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str, seed| {
        let f = Factory { weeks: 1, seed, ..Factory::new(&dir.path().join(name)) };
        factory(&f).unwrap();
        std::fs::read(&f.out).unwrap()
    };
    let (a, b, c) = (make("a.pcap", 1), make("b.pcap", 1), make("c.pcap", 2));
    assert!(a == b && a != c);
    assert!(a.len() < 10_000_000, "{} bytes a week: three must stay below 30 MB", a.len());
    let all = frames(&dir.path().join("a.pcap"));
    check(&all, true);
    assert!(all.windows(2).all(|w| w[1].0 - w[0].0 <= 10 * net::SEC), "a file in which nothing comes for ten seconds is a blind sensor");
    let script = std::fs::read_to_string(dir.path().join("a.pcap.script.json")).unwrap();
    assert!(script.contains("new-device") && script.contains("port-scan"));
    let ledger = std::fs::read_to_string(dir.path().join("a.pcap.assets.csv")).unwrap();
    assert!(
        ledger.starts_with("\u{feff}name,mac,ip,state,")
            && ledger.contains("plc-press1,00:26:92:51:00:51,192.168.10.51,registered,plc,三菱電機")
    );
    assert!(!ledger.contains("LAPTOP-K7"));
}

#[test]
fn every_scenario_can_be_made_alone_and_bare() {
    let dir = tempfile::tempdir().unwrap();
    for s in scenarios() {
        let out = dir.path().join(s.name);
        let f = Factory { only: Some(s.name.into()), bare: true, ..Factory::new(&out) };
        let h = factory(&f).unwrap();
        assert_eq!((h.len(), h[0].finding), (1, s.finding));
        check(&frames(&out), true);
    }
    let f = Factory { only: Some("no-such".into()), ..Factory::new(&dir.path().join("x")) };
    assert!(factory(&f).unwrap_err().to_string().contains("port-scan"));
}

#[test]
fn the_story_can_end_now_and_the_sensor_can_be_blind() {
    let dir = tempfile::tempdir().unwrap();
    let until = 1_790_000_000 * net::SEC;
    let f = Factory { weeks: 3, until: Some(until), ..Factory::new(&dir.path().join("now.pcap")) };
    let happened = factory(&f).unwrap();
    let all = frames(&f.out);
    assert!(all.last().unwrap().0 <= until && all.last().unwrap().0 > until - 20 * net::SEC);
    assert!(happened.iter().all(|h| h.to < until), "{happened:?}");
    let told = scenarios().iter().filter(|s| s.told).count();
    assert_eq!(happened.len(), told);
    let blind = happened.iter().find(|h| h.name == "sensor-blind").unwrap();
    assert!(!all.iter().any(|f| f.0 >= blind.from && f.0 < blind.to));
    assert!(std::fs::metadata(&f.out).unwrap().len() < 30_000_000);
}

#[test]
fn the_mixture_has_the_size_asked_for_and_right_checksums() {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let m = mix::Mix { out: dir.path().join(name), mb: 6, seed: 3, oracles: None };
        (mix::mix(&m).unwrap(), std::fs::read(&m.out).unwrap())
    };
    let ((mixed, a), (_, b)) = (make("a"), make("b"));
    assert!(a == b && a.len() >= 6_000_000 && a.len() < 6_010_000);
    let all = frames_us(&a);
    assert_eq!(all.len() as u64, mixed.packets);
    check(&all, true);
    assert!(mixed.shares.len() > 8, "{mixed}");
}

fn frames_us(b: &[u8]) -> Vec<(i64, u32, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    std::fs::write(&path, b).unwrap();
    frames(&path)
}
