//! One moto server for the whole test binary; it ends with the process, because its input ends then.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

const SERVER: &str = "
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print('http://127.0.0.1:%d' % server.get_host_and_port()[1], flush=True)
sys.stdin.read()
";

/// Address of moto: the one in `BBWS_TEST_MOTO`, or one that is started from `target/venv`.
pub fn address() -> &'static str {
    static MOTO: OnceLock<(String, Option<Child>)> = OnceLock::new();
    &MOTO.get_or_init(|| std::env::var("BBWS_TEST_MOTO").map_or_else(|_| start(), |address| (address, None))).0
}

fn start() -> (String, Option<Child>) {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    let mut child = Command::new(&python)
        .args(["-c", SERVER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "moto cannot be started with {}: {error}. Set BBWS_TEST_MOTO to the address of a moto server, or run\n\
                 python3 -m venv target/venv && target/venv/bin/pip install 'moto[server]==5.2.5'",
                python.display()
            )
        });
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("stdout is piped"))
        .read_line(&mut line)
        .expect("moto's address can be read");
    assert!(line.starts_with("http://"), "moto did not start; is `moto[server]` installed in target/venv?");
    (line.trim().to_owned(), Some(child))
}
