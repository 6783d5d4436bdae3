//! How many signed slash commands are accepted durably per second, and how long the answer takes.
//!
//!     cargo bench --bench accept -- [--seconds 5] [--connections 64] [--text "help"] [--without-ledger]
//!     cargo bench --bench accept -- --against 127.0.0.1:8080 --secret SIGNING_SECRET [--pid PID] [--team T0BBWS] [--user U0ALICE]
//!
//! The first form starts a server of its own in a second process and measures its start and memory as well; the second
//! measures a `bbws` that runs already. The load comes over keep-alive connections, one request in flight on each.

#![allow(clippy::unwrap_used)]

#[path = "../support/chat.rs"]
#[allow(dead_code)]
mod chat;
mod load;
mod process;
#[path = "../support/rooms.rs"]
#[allow(dead_code)]
mod rooms;
mod server;

use std::{net::SocketAddr, time::Duration};

use load::{Load, Measured};
use process::{Server, Usage};

/// What the server believes when it is our own.
const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// The command line.
struct Args(Vec<String>);

impl Args {
    fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|arg| arg == flag)
    }

    fn get(&self, flag: &str) -> Option<&str> {
        let at = self.0.iter().position(|arg| arg == flag)?;
        self.0.get(at + 1).map(String::as_str)
    }

    fn or(&self, flag: &str, default: &str) -> String {
        self.get(flag).unwrap_or(default).to_owned()
    }

    fn number(&self, flag: &str, default: u32) -> u32 {
        self.get(flag).map_or(default, |n| n.parse().unwrap_or_else(|_| panic!("{flag} wants a number, not `{n}`")))
    }
}

fn main() {
    let args = Args(std::env::args().skip(1).collect());
    if let Some(folder) = args.get("--serve") {
        return server::run(folder, args.has("--without-ledger"));
    }
    // Test runners start every target, to list or to run tests: there are none here, and nothing is timed among tests.
    if !args.has("--bench") {
        return;
    }
    let load = Load {
        secret: args.or("--secret", SECRET),
        connections: args.number("--connections", 64),
        warm_up: Duration::from_secs(1),
        length: Duration::from_secs(args.number("--seconds", 5).into()),
        team: args.or("--team", "T0BBWS"),
        user: args.or("--user", "U0ALICE"),
        text: args.or("--text", "help"),
    };
    match args.get("--against") {
        Some(address) => {
            let address: SocketAddr = address.parse().expect("--against wants an address like 127.0.0.1:8080");
            let pid = args.get("--pid").map(|pid| pid.parse().expect("--pid wants a number"));
            let usage = || pid.map(Usage::of).unwrap_or_default();
            report(&load, &load.run(address, usage));
        }
        None => {
            let server = Server::start(args.has("--without-ledger"));
            println!("start       {:>10.1} ms  from spawn to a ready /readyz", server.ready_after.as_secs_f64() * 1e3);
            println!("rss idle    {:>10.1} MB", server.usage().rss_mb());
            report(&load, &load.run(server.address, || server.usage()));
        }
    }
}

fn report(load: &Load, measured: &Measured) {
    let Measured { latencies, refused, took, before, after } = measured;
    let at = |part: f64| {
        let index = ((latencies.len() as f64 * part) as usize).min(latencies.len().saturating_sub(1));
        latencies.get(index).map_or(f64::NAN, |us| f64::from(*us) / 1e3)
    };
    println!(
        "accepted    {:>10.0} /s  over {} connections, {:.1} s",
        latencies.len() as f64 / took.as_secs_f64(),
        load.connections,
        took.as_secs_f64()
    );
    println!("refused     {refused:>10}");
    println!("ack p50     {:>10.2} ms", at(0.5));
    println!("ack p99     {:>10.2} ms", at(0.99));
    println!("ack p99.9   {:>10.2} ms", at(0.999));
    println!("ack max     {:>10.2} ms", at(1.0));
    println!("rss         {:>10.1} MB  at its highest {:.1} MB", after.rss_mb(), after.peak_mb());
    let (cpu, written) = (after.cpu.saturating_sub(before.cpu), after.written.saturating_sub(before.written));
    let each = (latencies.len() as u64 + refused).max(1);
    println!(
        "cpu         {:>10.1} us  of the server for each, {:.2} cores",
        cpu.as_secs_f64() * 1e6 / each as f64,
        cpu.as_secs_f64() / took.as_secs_f64()
    );
    println!("written     {:>10} B   to the disk for each", written / each);
}
