//! Signed commands over raw connections: as little work per request as can be, since the server shares the machine.

use std::{
    io::{ErrorKind, Write},
    net::SocketAddr,
    time::{Duration, Instant, SystemTime},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::net::TcpStream;

use crate::process::Usage;

/// What is sent.
pub(crate) struct Load {
    pub(crate) secret: String,
    pub(crate) connections: u32,
    /// Not counted.
    pub(crate) warm_up: Duration,
    /// Counted.
    pub(crate) length: Duration,
    pub(crate) team: String,
    pub(crate) user: String,
    pub(crate) text: String,
}

/// What came of it.
pub(crate) struct Measured {
    /// Microseconds from the first byte sent to the last byte of each good answer, sorted.
    pub(crate) latencies: Vec<u32>,
    /// Answers other than 200, and those that say that the request was not dealt with.
    pub(crate) refused: u64,
    /// How long was counted.
    pub(crate) took: Duration,
    /// The server when counting began.
    pub(crate) before: Usage,
    /// The server when it ended.
    pub(crate) after: Usage,
}

impl Load {
    /// Sends on one thread until the time is up.
    pub(crate) fn run(&self, address: SocketAddr, usage: impl Fn() -> Usage) -> Measured {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let from = Instant::now() + self.warm_up;
            let until = from + self.length;
            let senders: Vec<_> = (0..self.connections)
                .map(|number| tokio::spawn(Sender::new(self, number).send(address, from, until)))
                .collect();
            tokio::time::sleep_until(from.into()).await;
            let before = usage();
            let (mut latencies, mut refused) = (Vec::new(), 0);
            for sender in senders {
                let (fine, bad) = sender.await.unwrap();
                latencies.extend(fine);
                refused += bad;
            }
            latencies.sort_unstable();
            Measured { latencies, refused, took: from.elapsed(), before, after: usage() }
        })
    }
}

/// One connection with its buffers.
struct Sender {
    key: Hmac<Sha256>,
    /// The body without what makes it unique.
    body: Vec<u8>,
    common: usize,
    number: u32,
    count: u64,
    out: Vec<u8>,
    input: Vec<u8>,
}

impl Sender {
    fn new(load: &Load, number: u32) -> Sender {
        let fields = [
            ("team_id", &*load.team),
            ("team_domain", "bbws"),
            ("channel_id", "C0OPS"),
            ("channel_name", "ops"),
            ("user_id", &*load.user),
            ("user_name", "alice"),
            ("command", "/bbws"),
            ("text", &*load.text),
            ("api_app_id", "A0BBWS"),
            ("is_enterprise_install", "false"),
            ("response_url", "https://hooks.slack.com/commands/T0BBWS/397700885554/96rGlfmibIGlgcZRskXaIFfN"),
            ("token", "xyzz0WbapA4vBCDEFasx0q6G"),
            ("trigger_id", "398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c."),
        ];
        let body = serde_urlencoded::to_string(fields).unwrap().into_bytes();
        let key = Hmac::new_from_slice(load.secret.as_bytes()).unwrap();
        Sender { key, common: body.len(), body, number, count: 0, out: Vec::new(), input: vec![0; 64 * 1024] }
    }

    /// Sends one request after the other; answers the latencies of those sent after `from`, and how many were not 200.
    async fn send(mut self, address: SocketAddr, from: Instant, until: Instant) -> (Vec<u32>, u64) {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut latencies, mut refused) = (Vec::with_capacity(1 << 14), 0);
        loop {
            self.prepare();
            let sent = Instant::now();
            if sent >= until {
                return (latencies, refused);
            }
            write(&stream, &self.out).await;
            let fine = read(&stream, &mut self.input).await;
            if sent >= from {
                if fine {
                    latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
                } else {
                    refused += 1;
                }
            }
        }
    }

    /// Writes the next request, unlike any before it.
    fn prepare(&mut self) {
        self.body.truncate(self.common);
        self.count += 1;
        write!(self.body, "{}.{}", self.number, self.count).unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let mut mac = self.key.clone();
        mac.update(format!("v0:{now}:").as_bytes());
        mac.update(&self.body);
        let mut digits = [0; 64];
        hex::encode_to_slice(mac.finalize().into_bytes(), &mut digits).unwrap();
        self.out.clear();
        write!(
            self.out,
            "POST /slack/commands HTTP/1.1\r\nhost: bench\r\nuser-agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\n\
             accept: application/json,*/*\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
             x-slack-request-timestamp: {now}\r\nx-slack-signature: v0={}\r\n\r\n",
            self.body.len(),
            std::str::from_utf8(&digits).unwrap(),
        )
        .unwrap();
        self.out.extend_from_slice(&self.body);
    }
}

async fn write(stream: &TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(e) if e.kind() == ErrorKind::WouldBlock => stream.writable().await.unwrap(),
            Err(e) => panic!("the server hung up: {e}"),
        }
    }
}

/// What bbws answers, with 200, to whom it could not serve: the request was not stored, or goes on elsewhere.
const UNSERVED: [&[u8]; 3] = [b"Not accepted", b"Something went wrong", b"This takes longer"];

/// Reads one whole answer; whether it is a 200 to a request that was dealt with.
async fn read(stream: &TcpStream, input: &mut [u8]) -> bool {
    let mut got = 0;
    loop {
        stream.readable().await.unwrap();
        match stream.try_read(&mut input[got..]) {
            Ok(0) => panic!("the server hung up"),
            Ok(n) => got += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => continue,
            Err(e) => panic!("the server hung up: {e}"),
        }
        if whole(&input[..got]) {
            let unserved = |what: &[u8]| input[..got].windows(what.len()).any(|part| part == what);
            return input.starts_with(b"HTTP/1.1 200") && !UNSERVED.iter().any(|what| unserved(what));
        }
    }
}

/// Whether the bytes are an answer with all of its body.
fn whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|w| w == b"\r\n\r\n") else { return false };
    let text = std::str::from_utf8(&answer[..head]).unwrap_or_default();
    let length = text.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
    });
    answer.len() - head - 4 >= length.unwrap_or(0)
}
