//! Several engines that share the frames of a capture by lane tell what one engine tells.

use crate::captures;

use model::activity::{Act, Head};

/// The acts in an order of their own, without what may differ: numbers of flows, and the sums of echo messages, which are told by the clock
/// of the lane.
fn compared(acts: Vec<(Head, Act)>) -> Vec<String> {
    let mut all: Vec<String> = acts
        .into_iter()
        .filter(|(_, act)| !matches!(act, Act::Echo(_)))
        .map(|(head, act)| format!("{:?} {act:?}", Head { flow: model::FlowId(0), ..head }))
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn lanes_lose_nothing_and_invent_nothing() {
    let Some(root) = captures::oracles() else { return };
    let mut checked = 0;
    for folder in ["it", "names-discovery", "ot", "attacks", "reassembly", "link-tunnel"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if captures::leaps(&path) {
                // Each lane believes a leap of the clock at a frame of its own, and what waited for its other half is let go there.
                continue;
            }
            let one = compared(captures::read(&path, false));
            for lanes in [2, 5] {
                let several = compared(captures::read_in_lanes(&path, lanes));
                let missing: Vec<&String> = one.iter().filter(|a| several.binary_search(a).is_err()).collect();
                let new: Vec<&String> = several.iter().filter(|a| one.binary_search(a).is_err()).collect();
                assert!(
                    one.len() == several.len() && missing.is_empty() && new.is_empty(),
                    "{} in {lanes} lanes: {} acts against {}\nmissing: {missing:#?}\nnew: {new:#?}",
                    path.display(),
                    several.len(),
                    one.len()
                );
            }
            checked += one.len();
        }
    }
    assert!(checked > 4_000, "only {checked} acts were compared");
}
