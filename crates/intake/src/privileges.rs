//! Giving up rights, once, early, for good.
//!
//! On Linux capabilities and user ids belong to threads, so both functions here must run before the first thread is started; they look,
//! and refuse otherwise.

use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::process::DumpableBehavior;
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What the opener keeps.
pub const OPENER_CAPABILITIES: CapabilitySet = CapabilitySet::NET_RAW.union(CapabilitySet::NET_BIND_SERVICE);

/// Why rights could not be given up. The program should not go on.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// Called too late.
    #[error("rights must be given up before threads are started; {0} are running")]
    Threads(usize),
    /// The system refused.
    #[error("{what} failed: {source}")]
    System {
        /// Which step.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A user to become, when started as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
}

impl User {
    /// The owner of a file or folder.
    pub fn owner_of(path: &Path) -> io::Result<User> {
        let meta = std::fs::metadata(path)?;
        Ok(User { uid: meta.uid(), gid: meta.gid() })
    }

    /// A user of /etc/passwd.
    pub fn named(name: &str) -> Option<User> {
        Self::find(&std::fs::read_to_string("/etc/passwd").ok()?, name)
    }

    fn find(passwd: &str, name: &str) -> Option<User> {
        let line = passwd.lines().find(|l| l.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(User { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    }

    /// Whether this is root, and becoming it changes nothing.
    pub fn is_root(self) -> bool {
        self.uid == 0
    }
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether this process may open packet sockets itself.
pub fn has_net_raw() -> bool {
    rustix::thread::capabilities(None).is_ok_and(|c| c.effective.contains(CapabilitySet::NET_RAW))
}

/// Becomes `user` (when started as root and `user` is another), empties all five capability sets, and makes sure that nothing brings
/// them back: no_new_privs. Memory with keys in it is kept out of core dumps and from other processes of the same user.
pub fn drop_capabilities(user: Option<User>) -> Result<(), PrivilegeError> {
    limit(CapabilitySet::empty(), user)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|e| failed("PR_SET_DUMPABLE", e))
}

/// For the opener process: everything but [`OPENER_CAPABILITIES`] goes; root becomes nobody.
pub(crate) fn keep_opener_capabilities() -> io::Result<()> {
    let nobody = User::named("nobody").unwrap_or(User { uid: 65_534, gid: 65_534 });
    limit(OPENER_CAPABILITIES, Some(nobody)).map_err(io::Error::other)?;
    Ok(rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

fn limit(keep: CapabilitySet, user: Option<User>) -> Result<(), PrivilegeError> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(PrivilegeError::Threads(threads));
    }
    // The bounding set can only be cut by who has CAP_SETPCAP; who has not is held by no_new_privs alone.
    for bit in (0..64).map(|n| CapabilitySet::from_bits_retain(1 << n)) {
        if !keep.contains(bit) {
            match rustix::thread::remove_capability_from_bounding_set(bit) {
                Ok(()) | Err(Errno::PERM | Errno::INVAL) => {}
                Err(e) => return Err(failed("cutting the bounding set", e)),
            }
        }
    }
    match rustix::thread::clear_ambient_capability_set() {
        Ok(()) | Err(Errno::INVAL) => {}
        Err(e) => return Err(failed("emptying the ambient set", e)),
    }
    if let Some(user) = user.filter(|u| !u.is_root() && is_root()) {
        let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
        // Else the permitted set would be emptied by the change.
        rustix::thread::set_keep_capabilities(!keep.is_empty()).map_err(|e| failed("PR_SET_KEEPCAPS", e))?;
        rustix::thread::set_thread_groups(&[]).map_err(|e| failed("setgroups", e))?;
        rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(|e| failed("setresgid", e))?;
        rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(|e| failed("setresuid", e))?;
    }
    let held = rustix::thread::capabilities(None).map_err(|e| failed("capget", e))?;
    let kept = held.permitted & keep;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets).map_err(|e| failed("capset", e))?;
    rustix::thread::set_keep_capabilities(false).map_err(|e| failed("PR_SET_KEEPCAPS", e))?;
    rustix::thread::set_no_new_privs(true).map_err(|e| failed("PR_SET_NO_NEW_PRIVS", e))
}

fn failed(what: &'static str, errno: Errno) -> PrivilegeError {
    PrivilegeError::System { what, source: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name_and_malformed_lines_are_not() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken:x\nhinomi:x:990:991::/var/lib/hinomi:/usr/sbin/nologin\n";
        assert_eq!(User::find(passwd, "hinomi"), Some(User { uid: 990, gid: 991 }));
        assert_eq!(User::find(passwd, "broken"), None);
        assert_eq!(User::find(passwd, "nobody-here"), None);
        assert!(User::find(passwd, "root").unwrap().is_root());
    }

    #[test]
    fn rights_are_not_given_up_by_one_thread_of_many() {
        // The test harness runs tests in threads of their own, so there are at least two.
        assert!(matches!(drop_capabilities(None), Err(PrivilegeError::Threads(2..))));
    }
}
