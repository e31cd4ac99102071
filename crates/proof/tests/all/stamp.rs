//! Time stamps against a real authority: `openssl ts` answers our questions, and what was forged or broken is refused.

use proof::stamp::{Certificate, Reply, Request, StampError, matches};
use proptest::prelude::*;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

const BODY: &str = "hinomi.local/a\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
const NONCE: u64 = 0x8123_4567_89ab_cdef;

/// How an authority is set up.
#[derive(Clone, Copy)]
struct Setup {
    /// Arguments of `genpkey` for every key.
    key: &'static [&'static str],
    digest: &'static str,
    ess: &'static str,
    /// An issuer between root and signer.
    between: bool,
    /// extendedKeyUsage of the signer.
    usage: &'static str,
}

const EC: Setup = Setup {
    key: &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    digest: "sha256",
    ess: "sha256",
    between: false,
    usage: "critical,timeStamping",
};

/// A folder with an authority in it.
struct Authority {
    dir: TempDir,
    setup: Setup,
}

fn openssl(dir: &Path, args: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(args).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "openssl {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn there() -> bool {
    let there = Command::new("openssl").arg("version").output().is_ok_and(|o| o.status.success());
    if !there {
        eprintln!("skipped: openssl is not installed");
    }
    there
}

impl Authority {
    fn make(setup: Setup) -> Authority {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        let usage = setup.usage;
        let (digest, ess) = (setup.digest, setup.ess);
        std::fs::write(
            at.join("conf"),
            format!(
                "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=unused\n\
                 [ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n\
                 [leaf]\nbasicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage={usage}\n\
                 [tsa]\ndefault_tsa=tsa1\n[tsa1]\nserial=serial\ncrypto_device=builtin\nsigner_digest={digest}\ndefault_policy=1.2.3.4.1\n\
                 digests=sha256,sha512\naccuracy=secs:1,millisecs:500\nordering=yes\ntsa_name=yes\ness_cert_id_chain=no\ness_cert_id_alg={ess}\n"
            ),
        )
        .unwrap();
        std::fs::write(at.join("serial"), "0A1B\n").unwrap();
        for name in ["root", "between", "tsa"] {
            let out = format!("{name}.key");
            openssl(at, &[&["genpkey", "-algorithm"], setup.key, &["-out", &out]].concat());
        }
        let flag = format!("-{digest}");
        let request = |name: &str| {
            let (key, subject, out) = (format!("{name}.key"), format!("/O=Test/CN=The {name}"), format!("{name}.csr"));
            openssl(at, &["req", "-new", "-config", "conf", &flag, "-key", &key, "-subj", &subject, "-out", &out]);
        };
        openssl(
            at,
            &[
                "req",
                "-x509",
                "-config",
                "conf",
                "-extensions",
                "ca",
                &flag,
                "-key",
                "root.key",
                "-subj",
                "/O=Test/CN=The root",
                "-days",
                "100",
                "-out",
                "root.pem",
            ],
        );
        let issue = |name: &str, by: &str, section: &str| {
            request(name);
            let (csr, out, ca, key) = (format!("{name}.csr"), format!("{name}.pem"), format!("{by}.pem"), format!("{by}.key"));
            openssl(
                at,
                &[
                    "x509",
                    "-req",
                    &flag,
                    "-in",
                    &csr,
                    "-CA",
                    &ca,
                    "-CAkey",
                    &key,
                    "-CAcreateserial",
                    "-extfile",
                    "conf",
                    "-extensions",
                    section,
                    "-days",
                    "90",
                    "-out",
                    &out,
                ],
            );
        };
        issue("between", "root", "ca");
        issue("tsa", if setup.between { "between" } else { "root" }, "leaf");
        Authority { dir, setup }
    }

    fn certificate(&self, name: &str) -> Vec<Certificate> {
        Certificate::from_pem(&std::fs::read_to_string(self.dir.path().join(format!("{name}.pem"))).unwrap()).unwrap()
    }

    fn answer(&self, request: &[u8]) -> Vec<u8> {
        let at = self.dir.path();
        std::fs::write(at.join("q.tsq"), request).unwrap();
        let mut args =
            vec!["ts", "-reply", "-config", "conf", "-queryfile", "q.tsq", "-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "r.tsr"];
        if self.setup.between {
            args.extend(["-chain", "between.pem"]);
        }
        openssl(at, &args);
        std::fs::read(at.join("r.tsr")).unwrap()
    }
}

type Kept = (Request, Vec<u8>, Vec<Certificate>);

/// A question, its reply and the root, made once.
fn kept() -> Option<&'static Kept> {
    static KEPT: OnceLock<Option<Kept>> = OnceLock::new();
    KEPT.get_or_init(|| {
        there().then(|| {
            let authority = Authority::make(EC);
            let request = Request::of(BODY, NONCE);
            let reply = authority.answer(&request.to_der());
            (request, reply, authority.certificate("root"))
        })
    })
    .as_ref()
}

#[test]
fn openssl_reads_our_question_and_we_read_it_again() {
    if !there() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for nonce in [0, 1, 0x80, NONCE, u64::MAX] {
        let request = Request::of(BODY, nonce);
        std::fs::write(dir.path().join("q"), request.to_der()).unwrap();
        let text = String::from_utf8(openssl(dir.path(), &["ts", "-query", "-in", "q", "-text"])).unwrap();
        assert!(text.contains("Hash Algorithm: sha256") && text.contains("Certificate required: yes"), "{text}");
        let written = text.lines().find_map(|l| l.strip_prefix("Nonce: 0x")).unwrap();
        assert_eq!(u64::from_str_radix(written, 16).unwrap(), nonce, "{text}");
        assert_eq!(Request::parse(&request.to_der()).unwrap(), request);
        assert!(request.is_of(BODY) && !request.is_of("x"));
    }
    // And one that openssl writes.
    std::fs::write(dir.path().join("data"), BODY).unwrap();
    openssl(dir.path(), &["ts", "-query", "-data", "data", "-sha256", "-cert", "-tspolicy", "1.2.3.4", "-out", "q"]);
    assert!(Request::parse(&std::fs::read(dir.path().join("q")).unwrap()).unwrap().is_of(BODY));
}

#[test]
fn what_openssl_stamps_is_verified_for_every_algorithm_that_is_taken() {
    if !there() {
        return;
    }
    let rsa: &[&str] = &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    let p384: &[&str] = &["EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
    for setup in [
        EC,
        Setup { between: true, ..EC },
        Setup { ess: "sha1", ..EC },
        Setup { key: p384, digest: "sha384", between: true, ess: "sha512", ..EC },
        Setup { key: rsa, ..EC },
        Setup { key: rsa, digest: "sha512", between: true, ..EC },
    ] {
        let authority = Authority::make(setup);
        let request = Request::of(BODY, NONCE);
        let before = now();
        let reply = Reply::parse(&authority.answer(&request.to_der())).unwrap();
        assert!(matches(&request, &reply));
        let verified = reply.verify(&request, &authority.certificate("root")).unwrap();
        let stamp = verified.stamp();
        assert!((before..=now()).contains(&stamp.seconds), "{stamp:?}");
        assert_eq!((stamp.policy.as_str(), stamp.serial.as_str(), stamp.accuracy_micros), ("1.2.3.4.1", "0a1c", Some(1_500_000)));
        assert_eq!((verified.signer(), verified.issuer()), ("The tsa", "The root"));
        // The signer's own certificate may be the one that is trusted.
        assert_eq!(reply.verify(&request, &authority.certificate("tsa")).unwrap().signer(), "The tsa");
    }
}

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

#[test]
fn another_text_another_question_and_another_authority_are_told_apart() {
    let Some((request, bytes, root)) = kept() else { return };
    let reply = Reply::parse(bytes).unwrap();
    assert_eq!(reply.verify(&Request::of("another\n", NONCE), root), Err(StampError::OtherText));
    assert_eq!(reply.verify(&Request::of(BODY, NONCE - 1), root), Err(StampError::OtherQuestion));
    let other = Authority::make(EC);
    // The same names, other keys.
    let untrusted = StampError::Untrusted { signer: "The tsa".into(), issuer: "The root".into() };
    assert_eq!(reply.verify(request, &other.certificate("root")), Err(untrusted.clone()));
    assert_eq!(reply.verify(request, &[]), Err(untrusted));
    assert!(reply.verify(request, &other.certificate("tsa")).is_err());
}

/// One DER element around others.
fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    [&[tag, 0x82, high, low], content].concat()
}

#[test]
fn a_certificate_for_something_else_stamps_nothing() {
    if !there() {
        return;
    }
    // `openssl ts` refuses to sign with such a certificate; `openssl cms` signs the same content with it.
    let good = Authority::make(EC);
    let request = Request::of(BODY, NONCE);
    let content = |good: &Authority| {
        good.answer(&request.to_der());
        let at = good.dir.path();
        openssl(at, &["ts", "-reply", "-in", "r.tsr", "-token_out", "-out", "token"]);
        openssl(at, &["cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in", "token", "-out", "content"]);
        std::fs::read(at.join("content")).unwrap()
    };
    let early = content(&good);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    for (usage, wanted) in [
        ("critical,timeStamping", None),
        ("timeStamping", Some(StampError::Purpose("The tsa".into()))),
        ("critical,serverAuth", Some(StampError::Purpose("The tsa".into()))),
        ("critical,timeStamping,serverAuth", Some(StampError::Purpose("The tsa".into()))),
    ] {
        let authority = Authority::make(Setup { usage, ..EC });
        let at = authority.dir.path();
        std::fs::write(at.join("content"), content(&good)).unwrap();
        let kind = "1.2.840.113549.1.9.16.1.4";
        let mut args = vec!["cms", "-sign", "-binary", "-nodetach", "-cades", "-outform", "DER", "-econtent_type", kind];
        args.extend(["-md", "sha256", "-signer", "tsa.pem", "-inkey", "tsa.key", "-in", "content", "-out", "token"]);
        openssl(at, &args);
        let token = std::fs::read(at.join("token")).unwrap();
        let reply = wrapped(0x30, &[&[0x30, 3, 2, 1, 0], token.as_slice()].concat());
        let verdict = Reply::parse(&reply).unwrap().verify(&request, &authority.certificate("root"));
        assert_eq!(verdict.err(), wanted, "{usage}");
        // And what was stamped before there was the certificate.
        if wanted.is_none() {
            std::fs::write(at.join("content"), &early).unwrap();
            openssl(at, &args);
            let token = std::fs::read(at.join("token")).unwrap();
            let reply = wrapped(0x30, &[&[0x30, 3, 2, 1, 0], token.as_slice()].concat());
            let verdict = Reply::parse(&reply).unwrap().verify(&request, &authority.certificate("root"));
            assert_eq!(verdict, Err(StampError::Validity("The tsa".into())));
        }
        // Without the signer's certificate in its attributes a signature says too little.
        let args: Vec<&str> = args.into_iter().filter(|a| *a != "-cades").collect();
        openssl(at, &args);
        let token = std::fs::read(at.join("token")).unwrap();
        let reply = wrapped(0x30, &[&[0x30, 3, 2, 1, 0], token.as_slice()].concat());
        assert!(matches!(Reply::parse(&reply), Err(StampError::Malformed(_))));
    }
}

#[test]
fn a_leaf_cannot_issue_and_an_issuer_between_must_be_there() {
    if !there() {
        return;
    }
    let authority = Authority::make(Setup { between: true, ..EC });
    let request = Request::of(BODY, NONCE);
    let at = authority.dir.path();
    std::fs::write(at.join("q.tsq"), request.to_der()).unwrap();
    openssl(at, &["ts", "-reply", "-config", "conf", "-queryfile", "q.tsq", "-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "r.tsr"]);
    let reply = Reply::parse(&std::fs::read(at.join("r.tsr")).unwrap()).unwrap();
    assert!(matches!(reply.verify(&request, &authority.certificate("root")), Err(StampError::Untrusted { .. })));
    assert_eq!(reply.verify(&request, &authority.certificate("between")).unwrap().issuer(), "The between");
}

#[test]
fn a_refusal_says_what_the_authority_said() {
    if !there() {
        return;
    }
    let authority = Authority::make(EC);
    // A digest that the authority does not take: SHA-1, put in by hand.
    let dir = authority.dir.path();
    std::fs::write(dir.join("data"), BODY).unwrap();
    openssl(dir, &["ts", "-query", "-data", "data", "-sha1", "-out", "q1"]);
    let reply = authority.answer(&std::fs::read(dir.join("q1")).unwrap());
    match Reply::parse(&reply) {
        Err(StampError::Refused { status: 2, words }) => assert!(!words.is_empty()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn cut_and_changed_replies_are_refused_at_every_byte() {
    let Some((request, bytes, root)) = kept() else { return };
    for end in 0..bytes.len() {
        assert!(Reply::parse(&bytes[..end]).is_err(), "cut at {end}");
    }
    let good = Reply::parse(bytes).unwrap().verify(request, root).unwrap();
    let mut passed = Vec::new();
    for at in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            if let Ok(verified) = Reply::parse(&changed).and_then(|r| r.verify(request, root)) {
                // A few bytes are under no signature (the status 0 or 1, versions, the list of digests); what is told stays the same.
                assert_eq!(verified, good, "changed at {at}");
                passed.push(at);
            }
        }
    }
    assert!(passed.len() < 40, "{passed:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn garbage_is_refused_and_nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Reply::parse(&bytes).is_err());
        let _ = (Certificate::parse(&bytes), Request::parse(&bytes));
    }

    #[test]
    fn a_reply_with_many_changes_does_not_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        if let Some((request, bytes, root)) = kept() {
            let mut changed = bytes.clone();
            for (at, byte) in changes {
                let at = at.index(changed.len());
                changed[at] = byte;
            }
            let _ = Reply::parse(&changed).and_then(|r| r.verify(request, root));
        }
    }
}
