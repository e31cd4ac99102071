//! The machine's own clock, as the kernel tells of it. Reads, and sets nothing. It stands here because it asks the C library, and this is the room
//! that may (docs/adr/0001-rooms.md).
#![allow(unsafe_code)]

use model::clock::ClockKeeper;
use model::{Span, Time};
use std::fs;
use std::io;
use std::mem::zeroed;
use std::path::Path;

/// What the kernel says at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// `CLOCK_REALTIME`.
    pub wall: Time,
    /// `CLOCK_BOOTTIME`: since the machine was started, sleep included. It is never set.
    pub up: Span,
    /// How the clock is disciplined; absent where it may not be asked (a system call filter, such as `ProtectClock=` of systemd).
    pub state: Option<Discipline>,
}

/// What adjtimex(2) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discipline {
    /// The return value: `TIME_OK` (0) to `TIME_ERROR` (5).
    pub returned: i32,
    /// `timex.status`.
    pub status: i32,
    /// Largest possible error, microseconds.
    pub max_error_us: u64,
    /// Estimated error, microseconds.
    pub est_error_us: u64,
}

impl Discipline {
    /// Neither `TIME_ERROR` nor `STA_UNSYNC`. The kernel sets the flag by itself when nobody has set the clock right for so long that the
    /// largest possible error has grown to 16 s.
    pub fn synchronised(self) -> bool {
        self.returned != libc::TIME_ERROR && self.status & libc::STA_UNSYNC == 0
    }
}

fn clock(id: libc::clockid_t) -> io::Result<(i64, i64)> {
    let mut at = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `at` is a timespec of ours that lives through the call; clock_gettime writes nothing else.
    if unsafe { libc::clock_gettime(id, &raw mut at) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((at.tv_sec, at.tv_nsec))
}

/// Asks the kernel. Fails only where the clocks themselves cannot be read.
pub fn read() -> io::Result<Reading> {
    let (s, ns) = clock(libc::CLOCK_BOOTTIME)?;
    let up = Span::seconds(s).0.saturating_add(ns);
    let (s, ns) = clock(libc::CLOCK_REALTIME)?;
    Ok(Reading { wall: Time::from_unix(s, u32::try_from(ns).unwrap_or(0)), up: Span(up), state: discipline() })
}

fn discipline() -> Option<Discipline> {
    // SAFETY: timex is numbers and padding, for which all zeros are a value; `modes` 0 means: read only (adjtimex(2)).
    let mut timex: libc::timex = unsafe { zeroed() };
    // SAFETY: `timex` is ours and lives through the call; with `modes` 0 the kernel only writes into it, and no privilege is needed.
    let returned = unsafe { libc::adjtimex(&raw mut timex) };
    let micros = |n: libc::c_long| u64::try_from(n).unwrap_or(0);
    (returned >= 0).then(|| Discipline {
        returned,
        status: timex.status,
        max_error_us: micros(timex.maxerror),
        est_error_us: micros(timex.esterror),
    })
}

/// The kernel's id of this start of the machine.
pub fn boot_id() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = text.trim();
    (id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')).then(|| id.to_owned())
}

/// Which time program runs, by the names of processes. A name is cut to 15 bytes by the kernel (proc_pid_comm(5)).
pub fn keeper() -> ClockKeeper {
    keeper_in(Path::new("/proc"))
}

fn keeper_in(proc: &Path) -> ClockKeeper {
    let Ok(all) = fs::read_dir(proc) else { return ClockKeeper::Unknown };
    let mut looked = false;
    for entry in all.flatten() {
        if !entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let Ok(name) = fs::read_to_string(entry.path().join("comm")) else { continue };
        looked = true;
        match name.trim() {
            "chronyd" => return ClockKeeper::Chrony,
            "systemd-timesyn" => return ClockKeeper::Timesyncd,
            "ntpd" => return ClockKeeper::Ntpd,
            _ => {}
        }
    }
    if looked { ClockKeeper::NotFound } else { ClockKeeper::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_answers() {
        let (first, second) = (read().unwrap(), read().unwrap());
        assert!(second.up >= first.up && first.up > Span::ZERO);
        assert!(first.wall > Time::from_unix(1_700_000_000, 0), "this machine's clock is not set: {}", first.wall);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert!(now.abs_diff(second.wall.seconds().unsigned_abs()) <= 1);
        if let Some(id) = boot_id() {
            assert_eq!(id.matches('-').count(), 4);
        }
    }

    #[test]
    fn only_a_clock_without_either_flag_is_synchronised() {
        let state = |returned, status| Discipline { returned, status, max_error_us: 0, est_error_us: 0 }.synchronised();
        assert!(state(libc::TIME_OK, libc::STA_PLL));
        assert!(state(libc::TIME_INS, libc::STA_PLL | libc::STA_INS), "a leap second to come is no trouble");
        assert!(!state(libc::TIME_ERROR, libc::STA_PLL));
        assert!(!state(libc::TIME_ERROR, libc::STA_UNSYNC));
        assert!(!state(libc::TIME_OK, libc::STA_UNSYNC));
    }

    #[test]
    fn who_keeps_it_is_told_by_the_name_of_a_process_and_never_guessed() {
        let proc = tempfile::tempdir().unwrap();
        assert_eq!(keeper_in(proc.path()), ClockKeeper::Unknown, "nothing could be looked at");
        assert_eq!(keeper_in(&proc.path().join("gone")), ClockKeeper::Unknown);
        let put = |pid: &str, name: &str| {
            fs::create_dir_all(proc.path().join(pid)).unwrap();
            fs::write(proc.path().join(pid).join("comm"), format!("{name}\n")).unwrap();
        };
        put("sys", "chronyd");
        put("1", "systemd");
        assert_eq!(keeper_in(proc.path()), ClockKeeper::NotFound);
        put("77", "systemd-timesyn");
        assert_eq!(keeper_in(proc.path()), ClockKeeper::Timesyncd);
        put("77", "chronyd");
        assert_eq!(keeper_in(proc.path()), ClockKeeper::Chrony);
        put("77", "ntpd");
        assert_eq!(keeper_in(proc.path()), ClockKeeper::Ntpd);
    }
}
