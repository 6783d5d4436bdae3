#!/usr/bin/env bash
# sqlx 0.9.0, PostgreSQL: a `begin()` that is dropped before the server's answer was read gives its connection back to the pool
# inside the transaction that it opened. No ROLLBACK is sent.
#
# Found with: sqlx 0.9.0 (features postgres, runtime-tokio), tokio 1. A web server that drops a handler when its client goes
# away, a `select!` or a time-out around `pool.begin()` is enough. What is written on that connection afterwards, straight on the
# pool, answers Ok and vanishes when the connection closes; its locks stay; `BEGIN ISOLATION LEVEL …` on it is refused (25001).
# The counter by which sqlx knows that it is inside a transaction is raised after the answer, and the ping with which a
# connection goes back does not look at the state that the server's ReadyForQuery tells.
#
# Shown on a server in the same program that speaks the protocol: it answers as PostgreSQL does, notes what it is sent, and
# takes 300 ms to answer BEGIN. The program waits 100 ms for `pool.begin()`, gives up, and then writes on the pool.
#
# Seen:
#   the server was sent: ["BEGIN", "/* SQLx ping */", "UPDATE t SET n = 1"]
#   state of the transaction when the UPDATE arrived: T (inside a transaction)
#
# Exit 0 while this is so, 1 when it changes (a ROLLBACK in between, or another connection). Needs cargo and crates.io.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "dropped-begin"
version = "0.0.0"
edition = "2024"

[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["postgres", "runtime-tokio"] }
tokio = { version = "1", features = ["io-util", "macros", "net", "rt-multi-thread", "time"] }

[profile.dev]
debug = false
TOML
cat >"$folder/src/main.rs" <<'RUST'
use std::{sync::{Arc, Mutex}, time::Duration};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use tokio::{io::{AsyncReadExt, AsyncWriteExt}, net::{TcpListener, TcpStream}};

/// What was sent, each with the state of the transaction when it arrived: I idle, T inside one.
type Sent = Arc<Mutex<Vec<(String, char)>>>;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    out.extend(body);
    out
}

/// As much of the protocol as simple queries take.
async fn serve(mut stream: TcpStream, sent: Sent) -> std::io::Result<()> {
    let length = stream.read_u32().await?;
    let mut startup = vec![0; length as usize - 4];
    stream.read_exact(&mut startup).await?;
    let mut hello = message(b'R', &0u32.to_be_bytes());
    hello.extend(message(b'S', b"server_version\x0018.0\0"));
    hello.extend(message(b'K', &[0; 8]));
    hello.extend(message(b'Z', b"I"));
    stream.write_all(&hello).await?;
    let mut state = 'I';
    loop {
        let kind = stream.read_u8().await?;
        let length = stream.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        stream.read_exact(&mut body).await?;
        if kind == b'X' {
            return Ok(());
        }
        if kind != b'Q' {
            continue;
        }
        let text = String::from_utf8_lossy(&body).trim_end_matches('\0').to_owned();
        if !text.starts_with("SET ") {
            sent.lock().unwrap().push((text.clone(), state));
        }
        if text == "BEGIN" {
            tokio::time::sleep(Duration::from_millis(300)).await;
            state = 'T';
        }
        if text == "ROLLBACK" || text == "COMMIT" {
            state = 'I';
        }
        let tag = text.split(' ').next().unwrap_or_default();
        let mut answer = match text.starts_with("/*") {
            true => message(b'I', b""),
            false => message(b'C', format!("{tag}\0").as_bytes()),
        };
        answer.extend(message(b'Z', &[state as u8]));
        stream.write_all(&answer).await?;
    }
}

#[tokio::main]
async fn main() {
    let sent = Sent::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let noted = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&noted)));
        }
    });
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1").port(port).username("shown").database("shown").ssl_mode(PgSslMode::Disable);
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    // The connection that was made for the pool went back in order.
    tokio::time::sleep(Duration::from_millis(100)).await;
    sent.lock().unwrap().clear();

    let given_up = tokio::time::timeout(Duration::from_millis(100), pool.begin()).await.is_err();
    assert!(given_up, "begin was answered before it was dropped");
    sqlx::raw_sql("UPDATE t SET n = 1").execute(&pool).await.unwrap();

    let sent = sent.lock().unwrap().clone();
    let texts: Vec<&str> = sent.iter().map(|(text, _)| text.as_str()).collect();
    println!("the server was sent: {texts:?}");
    let (_, state) = sent.iter().find(|(text, _)| text.starts_with("UPDATE")).unwrap();
    let words = if *state == 'T' { "inside a transaction" } else { "idle" };
    println!("state of the transaction when the UPDATE arrived: {state} ({words})");
    std::process::exit(i32::from(*state != 'T' || texts.contains(&"ROLLBACK")));
}
RUST
cd "$folder"
cargo build --quiet
target/debug/dropped-begin
