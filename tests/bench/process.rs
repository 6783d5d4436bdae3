//! The server as a process: started from this very binary, watched through `/proc`, ended with the value.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Memory and processor time of a process so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    rss_kb: u64,
    peak_kb: u64,
    /// User and system time.
    pub(crate) cpu: Duration,
    /// Bytes it had the disk write.
    pub(crate) written: u64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Usage {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let kb = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name in brackets may hold blanks; what follows it does not. The kernel counts in hundredths for everybody.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |n: usize| fields.get(n).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
        let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok()).unwrap_or(0);
        let cpu = Duration::from_millis(10 * (ticks(11) + ticks(12)));
        Usage { rss_kb: kb("VmRSS:"), peak_kb: kb("VmHWM:"), cpu, written }
    }

    pub(crate) fn rss_mb(&self) -> f64 {
        self.rss_kb as f64 / 1024.0
    }

    pub(crate) fn peak_mb(&self) -> f64 {
        self.peak_kb as f64 / 1024.0
    }
}

/// A server that lives as long as this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From spawn until it said it was ready.
    pub(crate) ready_after: Duration,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start(without_ledger: bool) -> Server {
        // Beside the binary: a temporary folder may well be memory, where making things durable costs nothing.
        let beside = std::env::current_exe().unwrap().parent().unwrap().to_owned();
        let folder = tempfile::tempdir_in(beside).unwrap();
        let started = Instant::now();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--serve").arg(folder.path());
        if without_ledger {
            command.arg("--without-ledger");
        }
        let mut child = command.stdout(Stdio::piped()).env("RUST_LOG", "warn").spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().parse().unwrap_or_else(|_| panic!("the server said `{line}` and no address"));
        while !ready(address) {
            assert!(started.elapsed() < Duration::from_secs(30), "the server does not become ready");
        }
        Server { child, address, ready_after: started.elapsed(), _folder: folder }
    }

    pub(crate) fn usage(&self) -> Usage {
        Usage::of(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ready(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer.starts_with("HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}
