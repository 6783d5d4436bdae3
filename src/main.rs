//! The command line of bbws.

use std::{
    io,
    net::SocketAddr,
    panic,
    path::PathBuf,
    process::ExitCode,
    thread::{self, JoinHandle},
};

use bbws::{boot, domain::moment::Moment, manifest, ports::check::Verdict, telemetry};
use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

/// Backup, restore and disaster recovery of an AWS platform from Slack, approved by two people.
#[derive(Debug, Parser)]
#[command(name = "bbws", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole product with nothing outside the process: a local Slack workspace in the browser, a simulated AWS.
    Demo {
        /// Where the page is served.
        #[arg(long, default_value = "127.0.0.1:3000")]
        listen: SocketAddr,
        /// Directory to keep everything in; in memory when left out.
        #[arg(long)]
        data: Option<PathBuf>,
        /// How many times faster than real time the clock of the demo runs, for bbws and for AWS.
        #[arg(long, default_value_t = 60.0, value_parser = speed)]
        speed: f64,
        /// Where the simulated AWS answers any SDK and the AWS CLI; 127.0.0.1:4566, or a free port where that is taken.
        #[arg(long)]
        aws: Option<SocketAddr>,
    },
    /// Serve Slack in production. Reads SLACK_SIGNING_SECRET, SLACK_BOT_TOKEN, DATABASE_URL, … from the environment.
    Serve {
        /// Config file; BBWS_CONFIG, or bbws.toml, when left out.
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Say, line by line, what is right and wrong with the config, Slack and AWS.
    Check {
        /// Config file; BBWS_CONFIG, or bbws.toml, when left out.
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Work with the audit chain of the ledger that DATABASE_URL names.
    Audit {
        #[command(subcommand)]
        what: Audit,
    },
    /// Copy the ledger that DATABASE_URL names, check a copy, put one back.
    Ledger {
        #[command(subcommand)]
        what: Ledger,
    },
    /// Print the Slack app manifest for an address.
    Manifest {
        /// The address under which Slack reaches bbws, such as https://bot.example.com.
        #[arg(long, value_parser = reachable)]
        url: String,
    },
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Walk the hash chain and name the first broken entry.
    Verify {
        /// File with the heads of the chain that bbws published, one JSON message a line: the chain must still have them.
        #[arg(long)]
        pinned: Option<PathBuf>,
    },
    /// Print the entries.
    Export {
        /// Only entries at or after this moment, such as 2026-11-21T03:00:00Z, or of this long until now, such as 7d.
        #[arg(long, value_parser = boot::audit::since)]
        since: Option<Moment>,
        /// How to print them.
        #[arg(long, value_enum, default_value = "jsonl")]
        format: boot::audit::Format,
    },
}

#[derive(Debug, Subcommand)]
enum Ledger {
    /// Copy the ledger into a new file, while bbws runs, and check the copy. PostgreSQL becomes a SQLite file, too.
    Backup {
        /// The file to make.
        file: PathBuf,
    },
    /// Check a copy: its pages, its references, its audit chain.
    Verify {
        /// The copy.
        file: PathBuf,
    },
    /// Put a copy back. bbws must be stopped; what was there is kept. A PostgreSQL database has to be empty.
    Restore {
        /// The copy.
        file: PathBuf,
    },
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=100_000.0).contains(&speed) => Ok(speed),
        _ => Err("choose a number from 0.1 to 100000".to_owned()),
    }
}

/// An address that a manifest can be written for.
fn reachable(url: &str) -> Result<String, String> {
    manifest::manifest(url).map(|_| url.to_owned())
}

/// Exit code of `bbws check` where nothing was found wrong and something could not be looked at.
const NOT_ALL_CHECKED: u8 = 3;

/// Stack of each thread, in bytes. What a request sets in motion is one future within another down to the SDK's, and the 2 MiB that
/// tokio gives a thread do not hold those of unoptimised code. Only what is used costs memory.
const STACK: usize = 16 << 20;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let begin = move || {
        let runtime = Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build()?;
        Ok::<_, io::Error>(runtime.block_on(run(command)))
    };
    // The stack of the first thread is the system's choice.
    match thread::Builder::new().name("bbws".to_owned()).stack_size(STACK).spawn(begin).map(JoinHandle::join) {
        Ok(Ok(Ok(code))) => code,
        Ok(Err(panic)) => panic::resume_unwind(panic),
        Err(error) | Ok(Ok(Err(error))) => {
            eprintln!("bbws: the system gives no threads: {error}; raise the limit of this user's (ulimit -u)");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Demo { listen, data, speed, aws } => {
            telemetry::log();
            boot::demo::demo(boot::demo::Choices { listen, data, speed, aws }).await
        }
        Command::Serve { config } => {
            telemetry::log();
            boot::serve::serve(config).await
        }
        Command::Check { config } => {
            return match boot::check::check(config).await {
                Verdict::Good => ExitCode::SUCCESS,
                Verdict::Wrong => ExitCode::FAILURE,
                Verdict::Unchecked => ExitCode::from(NOT_ALL_CHECKED),
            };
        }
        Command::Audit { what: Audit::Verify { pinned } } => boot::audit::verify(pinned.as_deref()).await,
        Command::Audit { what: Audit::Export { since, format } } => boot::audit::export(since, format).await,
        Command::Ledger { what: Ledger::Backup { file } } => boot::ledger::backup(&file).await,
        Command::Ledger { what: Ledger::Verify { file } } => boot::ledger::verify(&file).await,
        Command::Ledger { what: Ledger::Restore { file } } => boot::ledger::restore(&file).await,
        Command::Manifest { url } => manifest::manifest(&url).map(|text| print!("{text}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bbws: {why}");
            ExitCode::FAILURE
        }
    }
}
