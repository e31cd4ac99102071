//! Who may do what to this machine: the opener process keeps the right to open packet sockets and low ports; everything else gives
//! up every right before it reads a byte.

use crate::config::Config;
use crate::outcome::unreachable;
use anyhow::Result;
use intake::opener::{self, Opener};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

/// What was opened before rights were given up.
pub struct Rights {
    /// Opens packet sockets; absent where nothing is to be opened.
    pub opener: Option<Arc<Opener>>,
    /// Interfaces to listen on.
    pub interfaces: Vec<String>,
    /// The configuration said "auto".
    pub asked_for_auto: bool,
    /// The console's socket.
    pub listener: TcpListener,
}

/// Parts the rights. Must be called while there is one thread.
pub fn part(config: &Config) -> Result<Rights> {
    let asked_for_auto = config.interfaces.iter().any(|i| i == "auto");
    let mut interfaces: Vec<String> = config.interfaces.iter().filter(|i| *i != "auto").cloned().collect();
    if asked_for_auto {
        interfaces.extend(automatic().into_iter().filter(|i| !config.interfaces.contains(i)));
    }
    let low_port = opener::is_low_port(config.listen);
    if !interfaces.is_empty() && !intake::privileges::has_net_raw() {
        if asked_for_auto && config.interfaces.len() == 1 {
            tracing::warn!("no right to listen on {}: start as root, or once: setcap cap_net_raw+ep {}", interfaces.join(", "), program());
            interfaces.clear();
        } else {
            return Err(unreachable(format!(
                "no right to listen on {}. Start as root, or give the program the right once: setcap cap_net_raw+ep {}",
                interfaces.join(", "),
                program()
            )));
        }
    }
    let opener = if interfaces.is_empty() && !low_port {
        None
    } else {
        Some(Arc::new(Opener::spawn(Path::new("/proc/self/exe")).map_err(unreachable)?))
    };
    let listener = match &opener {
        Some(opener) if low_port => TcpListener::from(opener.open_listener(config.listen).map_err(unreachable)?),
        _ => TcpListener::bind(config.listen).map_err(|e| match e.kind() {
            std::io::ErrorKind::AddrInUse => unreachable(format!("the console cannot listen on {}: the port is in use. Stop what uses it (ss -ltnp shows it), or choose another with --listen or console.listen", config.listen)),
            std::io::ErrorKind::AddrNotAvailable => unreachable(format!("the console cannot listen on {}: this machine has no such address. Choose another with --listen or console.listen", config.listen)),
            _ => unreachable(format!("the console cannot listen on {}: {e}. Choose another address with --listen or console.listen", config.listen)),
        })?,
    };
    std::fs::create_dir_all(&config.data).map_err(|e| {
        unreachable(format!(
            "cannot make the data folder {}: {e}. Name one that this account may write, with --data or data.folder",
            config.data.display()
        ))
    })?;
    // Started as root over a data folder of somebody else: become them. A folder of root's own needs root to be written.
    let user = intake::privileges::User::owner_of(&config.data).ok();
    intake::privileges::drop_capabilities(user).map_err(unreachable)?;
    Ok(Rights { opener, interfaces, asked_for_auto, listener })
}

fn program() -> String {
    std::env::current_exe().map_or_else(|_| "hinomi".into(), |p| p.display().to_string())
}

/// Every wired interface that is up, except loopback and links of containers and virtual machines.
pub fn automatic() -> Vec<String> {
    const NOT: &[&str] = &["lo", "docker", "veth", "br-", "virbr", "tun", "tap", "wg", "wl", "cni", "flannel", "dummy", "ifb"];
    let mut found: Vec<String> = std::fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| e.file_name().into_string().ok())
        .filter(|name| !NOT.iter().any(|n| name.starts_with(n)))
        .filter(|name| {
            let read = |what: &str| std::fs::read_to_string(format!("/sys/class/net/{name}/{what}")).unwrap_or_default();
            // ARPHRD_ETHER, and IFF_UP set.
            let flags = u32::from_str_radix(read("flags").trim().trim_start_matches("0x"), 16).unwrap_or(0);
            read("type").trim() == "1" && flags & 1 == 1
        })
        .collect();
    found.sort();
    found
}
