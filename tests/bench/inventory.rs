//! How long it takes to list 100,000 recovery points in two regions, in how many calls and how much memory.
//!
//!     cargo bench --bench inventory
//!
//! AWS is simulated by a second process. Fails when a call is made that is not needed, or the client grows by 100 MB.

#![allow(clippy::unwrap_used, missing_docs)]

mod vaults;

/// In each of the two regions.
const POINTS: usize = 50_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--serve") {
        return vaults::serve(POINTS);
    }
    // Test runners start every target, to list or to run tests: there are none here, and nothing is timed among tests.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let mut server = vaults::Server::start(&["--serve"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let found = runtime.block_on(vaults::measure(&mut server, POINTS));
    println!(
        "{} recovery points in {:.2} s, {} API calls ({} are the minimum), largest page {}, peak memory grew by {:.1} MB",
        found.points,
        found.time.as_secs_f64(),
        found.calls,
        found.minimum,
        found.largest_page,
        found.grown_mb
    );
    if let Err(why) = found.verdict(POINTS) {
        eprintln!("inventory: {why}");
        std::process::exit(1);
    }
}
