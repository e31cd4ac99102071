//! Files, directories, remote screens, brokers and controllers in real captures, held against what another program read from them
//! (`net/expected.json` under `HINOMI_ORACLES`). Printed as skipped where these are not there.

use crate::captures;

use captures::{oracles, read_all};
use model::activity::{Act, Outcome, Protocol};

/// Logins of one protocol in a capture.
fn logins(name: &str, protocol: Protocol) -> Vec<(String, Outcome)> {
    let Some(root) = oracles() else { return Vec::new() };
    let (acts, _) = read_all(&root.join(name), false);
    let of = acts.into_iter().filter(|(h, _)| h.protocol == protocol);
    of.filter_map(|(_, a)| if let Act::Login(l) = a { Some((l.user, l.outcome)) } else { None }).collect()
}

#[test]
fn frames_of_each_protocol_agree_with_another_program() {
    let Some(root) = oracles() else { return };
    for (name, protocol, frames) in [
        ("it/mqtt.pcap", Protocol::Mqtt, 8),
        ("it/vnc-mac-to-linux.pcap", Protocol::Vnc, 199),
        ("it/rdp-to-ssl.pcap", Protocol::Rdp, 4),
        ("ot/modbus-and-non-modbus-p502.pcap", Protocol::Modbus, 12),
        ("ot/modicon_umas.pcap", Protocol::Modbus, 180),
        ("it/smb1_segments.pcap", Protocol::Smb, 4),
        ("it/smb2.pcap", Protocol::Smb, 18),
        ("it/smb311.pcap", Protocol::Smb, 34),
        ("it/smbv1.pcap", Protocol::Smb, 7),
    ] {
        assert_eq!(read_all(&root.join(name), false).1.get(&protocol), Some(&frames), "{name}");
    }
}

#[test]
fn controllers_are_not_taken_for_office_protocols() {
    let Some(root) = oracles() else { return };
    for entry in std::fs::read_dir(root.join("ot")).unwrap() {
        let path = entry.unwrap().path();
        let (_, frames) = read_all(&path, false);
        for protocol in [Protocol::Rdp, Protocol::Mqtt, Protocol::Vnc, Protocol::Ldap, Protocol::Kerberos] {
            // Somebody on the internet tried what answers on port 502, with Remote Desktop too.
            let tried = path.ends_with("modbus-and-non-modbus-p502.pcap") && protocol == Protocol::Rdp;
            assert_eq!(frames.get(&protocol).copied(), tried.then_some(1), "{}: {protocol}", path.display());
        }
    }
}

#[test]
fn log_ins_are_judged_by_what_the_server_said() {
    if oracles().is_none() {
        return;
    }
    let user = |u: &str, o| (u.to_owned(), o);
    assert_eq!(logins("it/vnc-mac-to-linux.pcap", Protocol::Vnc), [user("", Outcome::Failure), user("", Outcome::Success)]);
    assert_eq!(logins("it/mqtt.pcap", Protocol::Mqtt).first(), Some(&user("02D5050223D3", Outcome::Success)));
    assert_eq!(logins("it/rdp-to-ssl.pcap", Protocol::Rdp), [user("AWAKECODI", Outcome::Unknown), user("AWAKECODI", Outcome::Unknown)]);
}

#[test]
fn a_controller_names_itself_over_umas() {
    let Some(root) = oracles() else { return };
    let (acts, _) = read_all(&root.join("ot/modicon_umas.pcap"), false);
    let told: Vec<_> = acts.iter().filter_map(|(_, a)| if let Act::ModbusIdentity(i) = a { Some(i) } else { None }).collect();
    assert!(told.iter().any(|i| i.vendor == "Schneider Electric" && i.product.contains("CPU 311 10")), "{told:?}");
    assert!(told.iter().any(|i| i.application == "Project"), "{told:?}");
}

#[test]
fn the_answer_that_made_log4j_load_a_program_is_pointed_out() {
    let Some(root) = oracles() else { return };
    let (acts, _) = read_all(&root.join("attacks/log4j-webapp-exploit.pcap"), false);
    let searches: Vec<_> = acts.iter().filter_map(|(_, a)| if let Act::Ldap(l) = a { Some(l) } else { None }).collect();
    assert!(searches.iter().any(|l| l.operation == "search" && l.java && l.entries == 1), "{searches:?}");
}

#[test]
fn systems_names_and_files_are_read_from_smb() {
    let Some(root) = oracles() else { return };
    let read = |name: &str| read_all(&root.join(name), false).0;
    let smb = |acts: &[(model::activity::Head, Act)]| -> Vec<model::activity::Smb> {
        acts.iter().filter_map(|(_, a)| if let Act::Smb(s) = a { Some(s.clone()) } else { None }).collect()
    };
    let first = smb(&read("it/smbv1.pcap"));
    assert!(first.iter().any(|s| s.os == "Windows 2000 2195" && s.server_os == "Windows 7 Ultimate 7601 Service Pack 1"), "{first:?}");
    assert!(first.iter().any(|s| s.share == r"\\10.128.0.243\IPC$"), "{first:?}");
    assert!(smb(&read("it/smb2.pcap")).iter().any(|s| s.file == r"Test\2009-12 Payroll.xlsx" && s.status == Some(0)));
    let third = smb(&read("it/smb311.pcap"));
    assert!(third.iter().any(|s| s.dialect == 0x0311 && s.user == "administrator"), "{third:?}");
    assert!(third.iter().any(|s| s.encrypted && s.status.is_none()), "{third:?}");
    // A controller's server that is asked four times with a password that it does not take, in the broken first version of NTLM.
    let guessed = read("ot/mms_and_goose.pcap");
    assert_eq!(guessed.iter().filter(|(_, a)| matches!(a, Act::Ntlm(n) if n.version1 && n.user == "MicroSCADA")).count(), 4);
    assert_eq!(logins("ot/mms_and_goose.pcap", Protocol::Smb), vec![("MicroSCADA".to_owned(), Outcome::Failure); 4]);
    assert!(smb(&guessed).iter().any(|s| s.server_os.starts_with("Windows")), "{guessed:?}");
}
