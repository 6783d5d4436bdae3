//! The real program behind the page: `bbws demo` as a person starts it.

use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running `bbws demo`; killed when dropped.
pub struct Demo {
    child: Child,
    /// What it says goes on being read by somebody: a program whose reader has left is told so with an error.
    _out: BufReader<ChildStdout>,
    /// Where its page is.
    pub url: String,
}

impl Demo {
    /// Starts it on a free port, five minutes of its world passing in a second; `data` is where it keeps everything.
    pub fn start(data: &Path) -> Self {
        Self::at(data, "300")
    }

    /// The same for what only reads: its world lives as fast as ours, so that a slow machine makes no request stale.
    pub fn calm(data: &Path) -> Self {
        Self::at(data, "1")
    }

    fn at(data: &Path, speed: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bbws"))
            .args(["demo", "--listen", "127.0.0.1:0", "--speed", speed, "--data"])
            .arg(data)
            // As a person starts it, and not cargo.
            .env_remove("RUST_MIN_STACK")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("bbws starts");
        let out = child.stdout.take().expect("its output is piped");
        let mut out = BufReader::new(out);
        let url = out
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned))
            .expect("bbws says where its page is");
        Self { child, _out: out, url }
    }

    /// Ends it without a warning, as a power cut does.
    pub fn cut(mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it has ended");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
