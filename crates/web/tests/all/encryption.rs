//! The question whether the vault is encrypted: asked until it is answered, and each answer recorded.

use crate::common::{Answer, Browser, House};
use hyper::StatusCode;
use model::event::{Deed, Verdict};
use model::{Body, Role};

async fn send(b: &Browser<'_>, fields: &[(&str, &str)]) -> Answer {
    let page = b.get("/vault/encryption").await;
    let mut form = vec![("csrf", page.csrf())];
    form.extend(fields.iter().map(|(k, v)| (*k, (*v).to_owned())));
    b.post("/vault/encryption", &form).await
}

/// What stands in the outbox of decisions: from, to, and the evidence's verdict and note.
async fn recorded(house: &House) -> Vec<(String, String, Verdict, String)> {
    let all = house.pipeline.outbox(1000).await.unwrap();
    let (mut deeds, mut evidence) = (Vec::new(), Vec::new());
    for (_, e) in all {
        match e.body {
            Body::Audit(a) => {
                if let Deed::Setting { key, from, to } = a.deed
                    && key == "vault.encryption"
                {
                    deeds.push((from, to));
                }
            }
            Body::Evidence(e) => {
                assert_eq!((e.objective.as_str(), e.check.as_str()), ("file-encryption", "attestation"));
                evidence.push((e.verdict, e.note));
            }
            _ => {}
        }
    }
    assert_eq!(deeds.len(), evidence.len());
    deeds.into_iter().zip(evidence).map(|((f, t), (v, n))| (f, t, v, n)).collect()
}

fn asks(text: &str) -> bool {
    text.contains("まだ決めていません")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_until_it_is_answered_and_off_needs_a_reason() {
    let house = House::build().await;
    let b = house.admin().await;
    for path in ["/", "/vault", "/vault/encryption"] {
        assert!(asks(&b.get(path).await.text()), "{path}");
    }
    let today = b.get("/").await.text();
    assert!(today.contains("href=\"/vault/encryption\""));
    let silent = send(&b, &[("act", "off"), ("reason", "  ")]).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(silent.text().contains("role=\"alert\""));
    assert_eq!(recorded(&house).await, vec![]);
    let off = send(&b, &[("act", "off"), ("reason", "ディスク全体を LUKS で暗号化している")]).await;
    assert_eq!(off.location(), "/vault?done=saved#encryption");
    let vault = b.get("/vault").await.text();
    assert!(vault.contains("ディスク全体を LUKS で暗号化している") && !asks(&vault));
    assert!(!asks(&b.get("/").await.text()));
    let all = recorded(&house).await;
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].0.as_str(), all[0].2, all[0].3.as_str()), ("open", Verdict::NotMet, "ディスク全体を LUKS で暗号化している"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn turning_it_on_shows_the_recovery_key_once() {
    let house = House::build().await;
    let b = house.admin().await;
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("vault.key");
    let inside = house.folder().join("vault.key");
    for (how, file, word) in [
        ("file", inside.to_str().unwrap(), "データフォルダーの中"),
        ("file", "vault.key", "絶対パス"),
        ("file", "/no/such/folder/vault.key", "できませんでした"),
        ("passphrase", "", "12 文字"),
        ("credential", "", "hinomi-vault-key"),
        ("magic", "", "絶対パス"),
    ] {
        let refused = send(&b, &[("act", "on"), ("how", how), ("key_file", file)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{how} {file}");
        assert!(refused.text().contains(word), "{how} {file}: {}", refused.text());
    }
    assert!(!inside.exists());
    let on = send(&b, &[("act", "on"), ("how", "file"), ("key_file", key.to_str().unwrap())]).await;
    assert_eq!(on.status, StatusCode::OK, "{}", on.text());
    let text = on.text();
    let recovery = text.split("translate=\"no\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert_eq!((recovery.len(), recovery.matches('-').count()), (44, 8), "{recovery}");
    assert_eq!(on.headers.get("cache-control").unwrap(), "no-store");
    assert!(key.is_file());
    for path in ["/vault", "/vault/encryption", "/"] {
        let text = b.get(path).await.text();
        assert!(!text.contains(&recovery) && !asks(&text), "{path}");
    }
    assert!(b.get("/vault").await.text().contains(key.to_str().unwrap()));
    // What opens it is changed, and a new recovery key is made.
    let changed = send(
        &b,
        &[
            ("act", "rekey"),
            ("how", "passphrase"),
            ("passphrase", "正しい馬の電池と釘をさがす"),
            ("passphrase_again", "正しい馬の電池と釘をさがす"),
        ],
    )
    .await;
    assert_eq!(changed.location(), "/vault/encryption?done=saved");
    assert!(b.get("/vault").await.text().contains("合い言葉で開きます"));
    let again = send(&b, &[("act", "recovery")]).await;
    assert!(again.text().contains("translate=\"no\">") && !again.text().contains(&recovery));
    let all = recorded(&house).await;
    assert_eq!(
        all.iter().map(|r| (r.0.as_str(), r.2)).collect::<Vec<_>>(),
        [("open", Verdict::Met), ("on", Verdict::Met), ("on", Verdict::Met)]
    );
    assert!(all.iter().all(|r| !r.1.contains(&recovery) && !r.3.contains(&recovery) && !r.3.contains("馬")), "no secret is recorded");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_answers_for_the_site_decides() {
    let house = House::build().await;
    for role in [Role::Employee, Role::Partner, Role::Auditor] {
        let b = house.role(role).await;
        let page = b.get("/").await;
        let form = [("csrf", page.csrf()), ("act", "off".into()), ("reason", "x".into())];
        assert_eq!(b.post("/vault/encryption", &form).await.status, StatusCode::FORBIDDEN, "{role}");
    }
    assert_eq!(recorded(&house).await, vec![]);
    house.close().await;
}
