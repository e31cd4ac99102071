//! Files, directories, remote screens and brokers in real captures (`HINOMI_ORACLES`). Printed as skipped where these are not there.

#![allow(clippy::unwrap_used)]

#[path = "common/captures.rs"]
mod captures;

#[test]
fn look() {
    let Some(root) = captures::oracles() else { return };
    for name in std::env::var("LOOK").unwrap_or_default().split(',') {
        let (acts, frames) = captures::read_all(&root.join(name), false);
        println!("== {name} {frames:?}");
        for (h, a) in acts.iter().take(60) {
            println!("{} {:?}->{:?} {}", h.protocol, h.client.port, h.server.port, serde_json::to_string(a).unwrap());
        }
    }
}
