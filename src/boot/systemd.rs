//! What systemd is told: that bbws serves, that its loops turn, that it ends (sd_notify(3)). Elsewhere nobody listens.

use std::{
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;

use super::beat::Beats;

/// Sends one message, such as `READY=1`.
pub fn tell(message: &str) {
    let Some(socket) = std::env::var("NOTIFY_SOCKET").ok().filter(|name| !name.is_empty()) else { return };
    if let Err(error) = send(&socket, message) {
        tracing::warn!(%error, "systemd could not be told {message}");
    }
}

fn send(socket: &str, message: &str) -> std::io::Result<()> {
    // A name that begins with @ is not in the file system.
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address).map(drop)
}

/// Tells the watchdog that all is well, as often as it wants to hear it, until `stopping`; says nothing while a loop stands
/// still, so that systemd restarts the process.
pub async fn keep_alive(beats: Arc<Beats>, mut stopping: watch::Receiver<bool>) {
    let Some(every) = every(std::env::var("WATCHDOG_USEC").ok(), std::env::var("WATCHDOG_PID").ok()) else { return };
    while !*stopping.borrow() {
        match beats.turning() {
            Ok(()) => tell("WATCHDOG=1"),
            Err(why) => tracing::error!(why, "systemd's watchdog is not fed"),
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }
    tell("STOPPING=1");
}

/// A third of the time within which the watchdog wants to hear of this process; nothing where there is no watchdog.
fn every(limit: Option<String>, process: Option<String>) -> Option<Duration> {
    let micros: u64 = limit?.parse().ok().filter(|micros| *micros > 0)?;
    let ours = process.is_none_or(|id| id == std::process::id().to_string());
    ours.then(|| Duration::from_micros(micros / 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_fed_three_times_in_its_time_and_only_ours() {
        let own = std::process::id().to_string();
        assert_eq!(every(Some("60000000".into()), Some(own)), Some(Duration::from_secs(20)));
        assert_eq!(every(Some("60000000".into()), None), Some(Duration::from_secs(20)));
        assert_eq!(every(Some("60000000".into()), Some("1".into())), None);
        assert_eq!(every(Some("0".into()), None), None);
        assert_eq!(every(None, None), None);
    }
}
