//! Capture files of every format, whole, damaged and hostile. All are built by code.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::*;
use intake::file::{CaptureFile, FileError, MAX_DAMAGE, MAX_NAMES, Merge, Options};
use model::Time;
use proptest::prelude::*;
use std::io::{self, Cursor, Read};
use wire::packet::LinkType;

#[test]
fn pcap_of_both_byte_orders_and_resolutions() {
    let packets = packets(50);
    for big in [false, true] {
        for nano in [false, true] {
            let (read, info) = read(pcap(&packets, big, nano));
            assert_eq!(read, packets, "big {big} nano {nano}");
            assert_eq!(info.format, if nano { "pcap-nanosecond" } else { "pcap" });
            assert_eq!(info.link_types, [LinkType::ETHERNET]);
            assert_eq!((info.packets, info.recovered, info.damage.len()), (50, 0, 0));
            assert_eq!(info.captured_bytes, packets.iter().map(|p| p.data.len() as u64).sum::<u64>());
            assert_eq!((info.first, info.last), (Some(Time(packets[0].time)), Some(Time(packets[49].time))));
        }
    }
}

#[test]
fn modified_pcap_has_longer_record_headers() {
    let packets = packets(5);
    let mut bytes = pcap_header(false, 0xa1b2_cd34, 1);
    for p in &packets {
        let record = pcap_record(p, false, false);
        bytes.extend(&record[..16]);
        bytes.extend([7; 8]);
        bytes.extend(&record[16..]);
    }
    let (read, info) = read(bytes);
    assert_eq!(read, packets);
    assert_eq!(info.format, "pcap-modified");
}

#[test]
fn the_upper_half_of_the_link_type_is_not_the_link_type() {
    // LINKTYPE with a frame check sequence of 4 bytes stated (draft-ietf-opsawg-pcap, 4).
    let (_, info) = read(pcap_header(true, 0xa1b2_c3d4, 0x4400_0071));
    assert_eq!(info.link_types, [LinkType::LINUX_SLL]);
}

#[test]
fn pcapng_of_both_byte_orders_with_comments() {
    let packets = packets(50);
    for big in [false, true] {
        let (read, info) = read(pcapng(&packets, big));
        assert_eq!(read, packets);
        assert_eq!((info.format.as_str(), info.sections, info.damage.len()), ("pcapng", 1, 0));
    }
}

#[test]
fn pcapng_sections_interfaces_units_and_offsets() {
    let mut bytes = section(false);
    bytes.extend(interface(1, 0, &[], false)); // microseconds
    bytes.extend(interface(113, 96, &[option(2, b"eth9", false), option(9, &[0x8a], false)].concat(), false)); // 2^-10 s
    bytes.extend(block(5, &[0; 12], false)); // statistics
    bytes.extend(enhanced(0, 1_500_000, b"aaaa", 4, &[], false));
    bytes.extend(enhanced(1, 2048 + 512, b"bbbbb", 500, &[], false));
    bytes.extend(block(0x0bad, &[1; 40], false)); // custom
    bytes.extend(section(true));
    let offset = option(14, &(-100i64).to_be_bytes(), true);
    bytes.extend(interface(101, 0, &[option(9, &[3], true), offset].concat(), true)); // milliseconds, 100 s less
    bytes.extend(enhanced(0, 101_250, b"c", 1, &[], true));
    let mut obsolete = Vec::new();
    obsolete.extend(u16e(0, true)); // interface
    obsolete.extend(u16e(9, true)); // drops
    for v in [0, 102_000, 3, 77] {
        obsolete.extend(u32e(v, true));
    }
    obsolete.extend(b"ddd");
    bytes.extend(block(2, &obsolete, true));

    let mut file = open(bytes);
    let mut seen = Vec::new();
    while let Some(r) = file.next().unwrap() {
        seen.push((r.time.0, r.link, r.interface, r.wire_len, r.data.to_vec()));
    }
    let ms = 1_000_000;
    assert_eq!(
        seen,
        vec![
            (1500 * ms, LinkType::ETHERNET, 0, 4, b"aaaa".to_vec()),
            (2500 * ms, LinkType::LINUX_SLL, 1, 500, b"bbbbb".to_vec()),
            (1250 * ms, LinkType::RAW, 2, 1, b"c".to_vec()),
            (2000 * ms, LinkType::RAW, 2, 77, b"ddd".to_vec()),
        ]
    );
    let info = file.info();
    assert_eq!((info.sections, info.damage.len()), (2, 0));
    assert_eq!(info.interfaces[1].name.as_deref(), Some("eth9"));
    assert_eq!(info.interfaces.iter().map(|i| i.section).collect::<Vec<_>>(), [0, 0, 1]);
}

#[test]
fn a_simple_packet_has_no_time_and_a_length_that_is_implied() {
    let mut bytes = section(false);
    bytes.extend(interface(1, 6, &[], false));
    bytes.extend(enhanced(0, 5_000_000, b"xx", 2, &[], false));
    bytes.extend(block(3, &[&u32e(5, false)[..], b"12345"].concat(), false));
    bytes.extend(block(3, &[&u32e(900, false)[..], b"123456"].concat(), false));
    let mut file = open(bytes);
    file.next().unwrap().unwrap();
    let r = file.next().unwrap().unwrap();
    assert_eq!((r.timed, r.time, r.data, r.wire_len), (false, seconds(5), &b"12345"[..], 5));
    let r = file.next().unwrap().unwrap();
    assert_eq!((r.data, r.wire_len), (&b"123456"[..], 900));
    assert_eq!(file.info().last, Some(seconds(5)));
}

#[test]
fn names_are_kept_and_bounded() {
    let mut bytes = section(false);
    bytes.extend(interface(1, 0, &[], false));
    let mut body = option(1, b"\xc0\xa8\x00\x01plc-1\0plc-1.factory.example\0", false);
    body.extend(option(2, &[&[0x20; 16][..], b"six\0"].concat(), false));
    body.extend([0; 4]);
    bytes.extend(block(4, &body, false));
    let many: Vec<u8> = (0..4000).flat_map(|_| option(1, b"\x0a\x00\x00\x01a\0b\0c\0", false)).collect();
    bytes.extend(block(4, &many, false));
    let mut file = open(bytes);
    assert!(file.next().unwrap().is_none());
    assert_eq!(file.names().len(), MAX_NAMES);
    assert_eq!(file.names()[1].name, "plc-1.factory.example");
    assert_eq!(file.names()[0].address.to_string(), "192.168.0.1");
    assert!(file.names()[2].address.is_ipv6());
    assert!(file.damage().is_empty());
}

#[test]
fn every_packing_several_members_and_packings_in_packings() {
    let packets = packets(400);
    let plain = pcap(&packets, false, true);
    let (a, b) = plain.split_at(plain.len() / 3);
    type Pack = fn(&[u8]) -> Vec<u8>;
    for (name, pack) in [("gzip", gzip as Pack), ("zstd", zstd as Pack), ("xz", xz as Pack)] {
        for bytes in [pack(&plain), [pack(a), pack(b)].concat()] {
            let (read, info) = read(bytes);
            assert_eq!(read, packets, "{name}");
            assert_eq!(info.format, format!("pcap-nanosecond+{name}"));
            assert!(info.damage.is_empty(), "{name} {:?}", info.damage);
        }
    }
    assert_eq!(read(gzip(&zstd(&xz(&plain)))).0, packets);
    let deep = gzip(&gzip(&gzip(&gzip(&plain))));
    assert!(matches!(CaptureFile::from_reader(Box::new(Cursor::new(deep)), "t"), Err(FileError::TooManyLayers { .. })));
}

#[test]
fn what_is_no_capture_is_refused_in_words() {
    let error = |bytes: &[u8]| CaptureFile::from_reader(Box::new(Cursor::new(bytes.to_vec())), "x.pcap").err().unwrap().to_string();
    assert!(error(b"").contains("empty"), "{}", error(b""));
    assert!(error(b"hello, this is text\n").contains("text"), "{}", error(b"hello, this is text\n"));
    assert!(error(b"PK\x03\x04aaaaaaaaaa").contains("ZIP"));
    assert!(error(&[0u8, 1, 2, 3, 4, 5]).contains("00 01 02 03"));
    assert!(error(&gzip(b"not a capture at all, but packed")).contains("text"));
    let missing = CaptureFile::open(std::path::Path::new("/nonexistent/a.pcap")).err().unwrap().to_string();
    assert!(missing.contains("/nonexistent/a.pcap") && missing.contains("cannot be opened"), "{missing}");
    assert!(matches!(CaptureFile::open(std::path::Path::new("/")), Err(FileError::Open { .. })));
}

/// Cut at every byte: whatever was whole before the cut is read, and nothing else.
#[test]
fn a_file_cut_anywhere_loses_nothing_before_the_cut() {
    let packets = packets(6);
    for big in [false, true] {
        let bytes = pcap(&packets, big, true);
        let mut ends = vec![24];
        for p in &packets {
            ends.push(ends.last().unwrap() + 16 + p.data.len());
        }
        cut_everywhere(&bytes, &packets, &ends);
        let bytes = pcapng(&packets, big);
        let mut ends = vec![section(big).len() + interface(1, 0, &option(9, &[9], big), big).len()];
        for p in &packets {
            let len = enhanced(0, 0, &p.data, 0, &option(1, b"a comment", big), big).len();
            ends.push(ends.last().unwrap() + len);
        }
        cut_everywhere(&bytes, &packets, &ends);
    }
}

fn cut_everywhere(bytes: &[u8], packets: &[Packet], ends: &[usize]) {
    for cut in 1..=bytes.len() {
        let (read, info) = try_read(&bytes[..cut], Options::default());
        let whole = ends.iter().skip(1).filter(|&&e| e <= cut).count();
        assert_eq!(read, packets[..whole], "cut at {cut}");
        let info = info.unwrap_or_else(|| panic!("cut at {cut} is refused"));
        let clean = ends.contains(&cut) || (bytes[0] == 0x0a && cut == section(false).len());
        assert_eq!(info.damage.is_empty(), clean, "cut at {cut}: {:?}", info.damage);
        assert!(info.damage.len() <= 1, "one cut is one damage: {:?}", info.damage);
    }
}

#[test]
fn packed_files_cut_anywhere_give_what_was_before() {
    let packets = packets(40);
    for packed in [gzip(&pcap(&packets, false, true)), zstd(&pcap(&packets, false, true)), xz(&pcap(&packets, false, true))] {
        for cut in 1..packed.len() {
            let (read, info) = try_read(&packed[..cut], Options::default());
            assert_eq!(read, packets[..read.len()], "cut at {cut}");
            if let Some(info) = info {
                // The cut may only have taken the checksum.
                assert!(!info.damage.is_empty() || read.len() == packets.len(), "cut at {cut} of {} is silent", packed.len());
                assert!(info.damage.len() <= 2, "{:?}", info.damage);
            }
        }
    }
    // Most of a gzip file cut near its end is read.
    let packed = gzip(&pcap(&packets, false, true));
    let (read, info) = try_read(&packed[..packed.len() - 20], Options::default());
    assert!(read.len() > 30, "{}", read.len());
    assert!(info.unwrap().damage[0].what.contains("gzip"));
}

#[test]
fn beyond_a_damaged_pcap_record_the_rest_is_found_and_marked() {
    let packets = packets(100);
    for big in [false, true] {
        let mut bytes = pcap_header(big, 0xa1b2_3c4d, 1);
        let mut at = 0;
        for (i, p) in packets.iter().enumerate() {
            if i == 40 {
                at = bytes.len();
            }
            bytes.extend(pcap_record(p, big, true));
        }
        bytes[at + 8..at + 12].copy_from_slice(&[0xff; 4]);
        let (read, info) = read(bytes.clone());
        assert_eq!(read[..40], packets[..40]);
        assert_eq!(read[40..], packets[41..]);
        assert_eq!((info.packets, info.recovered), (99, 59));
        assert_eq!(info.damage.len(), 1);
        assert_eq!(info.damage[0].offset, at as u64);
        let options = Options { beyond_damage: false, ..Options::default() };
        assert_eq!(try_read(&bytes, options).0, packets[..40]);
        // The same with a hole: half a record is missing.
        let mut holed = pcap(&packets, big, true);
        holed.drain(at + 10..at + 22);
        let (read, info) = try_read(&holed, Options::default());
        assert_eq!(read[..40], packets[..40]);
        assert!(read.ends_with(&packets[43..]), "{} packets, {:?}", read.len(), info.unwrap().damage);
    }
}

#[test]
fn garbage_behind_the_last_record_makes_no_packet() {
    let packets = packets(30);
    let mut rng = 1u64;
    for tail in [vec![0; 4000], vec![1; 4000], vec![0xff; 4000], b"garbage after the last record ".repeat(40), noise(&mut rng, 5000)] {
        let (read, info) = read([pcap(&packets, false, false), tail.clone()].concat());
        // All zeros are records without a byte, which cannot be told from real ones; they carry nothing.
        let with_bytes: Vec<_> = read.into_iter().filter(|p| !p.data.is_empty()).collect();
        assert_eq!(with_bytes, packets);
        assert!(tail[0] == 0 || info.damage.len() == 1);
        let (read, info) = try_read(&[pcapng(&packets, false), tail].concat(), Options::default());
        assert_eq!(read, packets);
        assert_eq!(info.unwrap().damage.len(), 1);
    }
}

fn noise(state: &mut u64, len: usize) -> Vec<u8> {
    (0..len)
        .map(|_| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*state >> 56) as u8
        })
        .collect()
}

#[test]
fn beyond_a_damaged_pcapng_block_the_rest_is_found() {
    let packets = packets(100);
    for big in [false, true] {
        let start = section(big).len() + interface(1, 0, &option(9, &[9], big), big).len();
        let at = start + packets[..40].iter().map(|p| enhanced(0, 0, &p.data, 0, &option(1, b"a comment", big), big).len()).sum::<usize>();
        for (from, with) in [(4, [0xff; 4]), (4, [0; 4]), (4, u32e(64, big)), (20, [0xff; 4])] {
            let mut bytes = pcapng(&packets, big);
            bytes[at + from..at + from + 4].copy_from_slice(&with);
            let (read, info) = read(bytes);
            assert_eq!(read[..40], packets[..40]);
            assert_eq!(read[40..], packets[41..], "{from} {with:?}: {:?}", info.damage);
            assert_eq!((info.damage.len(), info.damage[0].offset), (1, at as u64));
        }
    }
}

#[test]
fn packets_of_unknown_interfaces_and_impossible_lengths_are_noted_and_left_out() {
    let mut bytes = section(false);
    bytes.extend(interface(1, 0, &[], false));
    bytes.extend(enhanced(7, 0, b"nobody", 6, &[], false));
    let mut too_long = enhanced(0, 0, b"short", 5, &[], false);
    too_long[20..24].copy_from_slice(&5000u32.to_le_bytes());
    bytes.extend(too_long);
    bytes.extend(enhanced(0, 1, b"good", 4, &[], false));
    let (read, info) = read(bytes);
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].data, b"good");
    assert_eq!(info.damage.len(), 2);
    assert!(info.damage[0].what.contains("interface 7"));
}

#[test]
fn the_list_of_damages_is_bounded() {
    let mut bytes = section(false);
    for _ in 0..5000 {
        bytes.extend(enhanced(0, 0, b"x", 1, &[], false));
    }
    let (_, info) = read(bytes);
    assert_eq!((info.damage.len(), info.damage_more), (MAX_DAMAGE, 5000 - MAX_DAMAGE as u64));
}

#[test]
fn a_large_packet_is_read_only_where_the_limit_allows() {
    let big = Packet { time: 1_700_000_000_000_000_000, data: vec![0xaa; 1 << 20], wire_len: 1 << 20 };
    let all = [packets(3), vec![big], packets(3)].concat();
    for bytes in [pcap(&all, false, true), pcapng(&all, false)] {
        let (read, info) = try_read(&bytes, Options::default());
        assert_eq!(read, [packets(3), packets(3)].concat());
        assert_eq!(info.unwrap().damage.len(), 1);
        let (read, info) = try_read(&bytes, Options { max_packet: 2 << 20, ..Options::default() });
        assert_eq!(read, all);
        assert!(info.unwrap().damage.is_empty());
    }
}

/// Good blocks alternate with headers that claim 12 MiB, which are there: each makes the reader look far ahead. Moving the buffer for each
/// would take many minutes.
#[test]
fn looking_far_ahead_again_and_again_costs_little() {
    let start = std::time::Instant::now();
    let mut bytes = section(false);
    bytes.extend(interface(1, 0, &[], false));
    for i in 0..40_000u32 {
        bytes.extend(enhanced(0, u64::from(i), b"good", 4, &[], false));
        bytes.extend(9u32.to_le_bytes());
        bytes.extend((12u32 << 20).to_le_bytes());
    }
    bytes.resize(bytes.len() + (13 << 20), 0xff);
    let (read, info) = read(bytes);
    assert_eq!(read.len(), 40_000);
    assert_eq!(info.recovered, 39_999);
    assert!(start.elapsed().as_secs() < 100, "{:?}", start.elapsed());
}

#[test]
fn an_error_of_the_disk_is_an_error_and_what_came_before_is_read() {
    struct Fails(Cursor<Vec<u8>>);
    impl Read for Fails {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buf)? {
                0 => Err(io::Error::from_raw_os_error(5)),
                n => Ok(n),
            }
        }
    }
    let mut file = CaptureFile::from_reader(Box::new(Fails(Cursor::new(pcap(&packets(3), false, false)))), "disk").unwrap();
    for _ in 0..3 {
        assert!(file.next().unwrap().is_some());
    }
    let error = file.next().unwrap_err();
    assert!(error.to_string().contains("disk"), "{error}");
}

#[test]
fn a_reader_that_gives_one_byte_at_a_time_gives_the_same() {
    struct Slow(Cursor<Vec<u8>>);
    impl Read for Slow {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = buf.len().min(1);
            self.0.read(&mut buf[..n])
        }
    }
    for bytes in [pcap(&packets(20), true, false), pcapng(&packets(20), false), gzip(&pcap(&packets(20), false, false))] {
        let mut file = CaptureFile::from_reader(Box::new(Slow(Cursor::new(bytes))), "-").unwrap();
        assert_eq!(drain(&mut file), packets(20));
    }
}

#[test]
fn several_files_are_one_stream_in_time_order() {
    let all = packets(90);
    let part = |n: usize| all.iter().skip(n).step_by(3).cloned().collect::<Vec<_>>();
    let files = vec![open(pcap(&part(0), false, true)), open(gzip(&pcapng(&part(1), true))), open(pcap(&part(2), true, true))];
    let mut merge = Merge::new(files);
    let mut seen = Vec::new();
    while let Some((file, r)) = merge.next().unwrap() {
        assert_eq!(file, seen.len() % 3);
        seen.push(Packet { time: r.time.0, data: r.data.to_vec(), wire_len: r.wire_len });
    }
    assert_eq!(seen, all);
    assert!(merge.infos().all(|i| i.packets == 30));
}

#[test]
fn many_files_are_opened_with_small_buffers_and_a_missing_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let all = packets(200);
    let mut paths: Vec<_> = (0..200).map(|i| dir.path().join(format!("{i}.pcap"))).collect();
    for (path, p) in paths.iter().zip(&all) {
        std::fs::write(path, pcap(std::slice::from_ref(p), false, true)).unwrap();
    }
    paths.reverse();
    let mut merge = Merge::open(&paths, Options::default()).unwrap();
    let mut seen = Vec::new();
    while let Some((_, r)) = merge.next().unwrap() {
        seen.push(r.time.0);
    }
    assert_eq!(seen, all.iter().map(|p| p.time).collect::<Vec<_>>());
    paths.push(dir.path().join("missing.pcap"));
    let error = Merge::open(&paths, Options::default()).err().unwrap();
    assert!(error.to_string().contains("missing.pcap"), "{error}");
}

#[test]
fn equal_times_come_in_the_order_of_the_files_and_each_file_keeps_its_own() {
    let p = |time: i64, tag: u8| Packet { time: time * 1000, data: vec![tag; 20], wire_len: 20 };
    let a = [p(10, 1), p(5, 2), p(20, 3)]; // goes back
    let b = [p(5, 4), p(10, 5), p(20, 6)];
    let mut merge = Merge::new(vec![open(pcap(&a, false, false)), open(pcap(&b, false, false)), open(pcap(&[], false, false))]);
    let mut seen = Vec::new();
    while let Some((_, r)) = merge.next().unwrap() {
        seen.push(r.data[0]);
    }
    assert_eq!(seen, [4, 1, 2, 5, 3, 6]);
}

#[test]
fn a_growing_file_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("growing.pcap");
    let all = packets(10);
    let bytes = pcap(&all, false, true);
    std::fs::write(&path, &bytes[..30]).unwrap();
    let mut file = CaptureFile::open_with(&path, Options { growing: true, ..Options::default() }).unwrap();
    let mut seen = drain(&mut file);
    assert!(seen.is_empty());
    for end in (31..=bytes.len() - 5).step_by(7) {
        let mut f = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        let have = f.metadata().unwrap().len() as usize;
        io::Write::write_all(&mut f, &bytes[have..end]).unwrap();
        seen.extend(drain(&mut file));
    }
    assert_eq!(seen, all[..9]);
    assert!(file.damage().is_empty());
    file.set_growing(false);
    assert!(drain(&mut file).is_empty());
    assert_eq!(file.damage().len(), 1, "now the end is the end");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..4000), kind in 0..8usize) {
        let heads = [
            Vec::new(),
            pcap_header(false, 0xa1b2_c3d4, 1),
            pcap_header(true, 0xa1b2_3c4d, 1),
            section(false),
            section(true),
            vec![0x1f, 0x8b, 8, 0],
            vec![0x28, 0xb5, 0x2f, 0xfd],
            vec![0xfd, b'7', b'z', b'X', b'Z', 0],
        ];
        let bytes = [&heads[kind][..], &bytes].concat();
        let (read, info) = try_read(&bytes, Options::default());
        prop_assert!(read.iter().all(|p| p.data.len() <= bytes.len() || kind >= 5));
        if let Some(info) = info {
            prop_assert_eq!(info.packets, read.len() as u64);
        }
    }

    #[test]
    fn flipped_bytes_are_survived(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), ng in any::<bool>(), big in any::<bool>()) {
        let packets = packets(30);
        let mut bytes = if ng { pcapng(&packets, big) } else { pcap(&packets, big, true) };
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let (read, _) = try_read(&bytes, Options::default());
        prop_assert!(read.len() <= 100);
    }

    #[test]
    fn whatever_is_written_is_read(sizes in proptest::collection::vec(0..3000usize, 0..40), big in any::<bool>(), ng in any::<bool>()) {
        let packets: Vec<Packet> = sizes.iter().enumerate().map(|(i, &n)| Packet { time: i as i64 * 1000, data: vec![i as u8; n], wire_len: n as u32 + 1 }).collect();
        let bytes = if ng { pcapng(&packets, big) } else { pcap(&packets, big, true) };
        let (read, info) = try_read(&bytes, Options { buffer: 16 << 10, ..Options::default() });
        prop_assert_eq!(read, packets);
        prop_assert!(info.unwrap().damage.is_empty());
    }
}
