//! TLS or nothing for MariaDB's programs: without authorities to verify they go on in plain text where the server offers no
//! TLS, whatever `ssl` says. So they connect by way of this relay, which hangs up before the login unless TLS begins.
//!
//! With authorities it is not needed: verifying a certificate requires one.

use std::{io, net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The server has to greet, and the program to answer, within this.
const GREETING: Duration = Duration::from_secs(20);
/// Capability of both sides to speak TLS, in the low byte of the third.
const CLIENT_SSL: u8 = 0x08;
/// A request for TLS has this many bytes and no user name, which a login has.
const SSL_REQUEST: usize = 32;
const LONGEST_GREETING: usize = 4096;

/// A relay for one connection; it ends with the value.
pub(super) struct Relay {
    pub(super) port: u16,
    task: JoinHandle<Result<(), String>>,
}

impl Relay {
    /// Listens on the loopback interface for the one connection that is passed on.
    pub(super) async fn start(host: &str, port: u16) -> io::Result<Relay> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let local = listener.local_addr()?.port();
        let host = host.to_owned();
        let task = tokio::spawn(async move {
            let (client, _) = listener.accept().await.map_err(|e| e.to_string())?;
            drop(listener);
            pass(client, &host, port).await
        });
        Ok(Relay { port: local, task })
    }

    /// Why it hung up, if it did.
    pub(super) async fn refused(mut self) -> Option<String> {
        match tokio::time::timeout(Duration::from_secs(1), &mut self.task).await {
            Ok(Ok(Err(why))) => Some(why),
            _ => None,
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut client: TcpStream, host: &str, port: u16) -> Result<(), String> {
    let greeted = tokio::time::timeout(GREETING, greet(&mut client, host, port)).await;
    let mut server = greeted.map_err(|_| "it does not answer".to_owned())??;
    // Either end may hang up as it likes; what the dump lacks then is seen in the dump.
    let _ = copy_bidirectional(&mut client, &mut server).await;
    Ok(())
}

/// Passes the greeting on and looks at the answer, which has to ask for TLS.
async fn greet(client: &mut TcpStream, host: &str, port: u16) -> Result<TcpStream, String> {
    let said = |e: io::Error| format!("it cannot be reached: {e}");
    let mut server = TcpStream::connect((host, port)).await.map_err(said)?;
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let greeting = packet(&mut server).await.map_err(said)?;
    // An error instead of a greeting (too many connections, host blocked) is for the program to tell.
    let is_error = greeting.get(4) == Some(&0xff);
    if !is_error && !offers_tls(&greeting[4..]) {
        return Err("it offers no TLS".to_owned());
    }
    client.write_all(&greeting).await.map_err(said)?;
    if is_error {
        return Ok(server);
    }
    let answer = packet(client).await.map_err(said)?;
    if answer.len() != 4 + SSL_REQUEST || answer.get(5).is_none_or(|byte| byte & CLIENT_SSL == 0) {
        return Err("the program did not ask for TLS".to_owned());
    }
    server.write_all(&answer).await.map_err(said)?;
    Ok(server)
}

/// A packet with its head of four bytes.
async fn packet(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = [0; 4];
    from.read_exact(&mut head).await?;
    let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
    if length > LONGEST_GREETING {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no MySQL server"));
    }
    let mut all = vec![0; 4 + length];
    all[..4].copy_from_slice(&head);
    from.read_exact(&mut all[4..]).await?;
    Ok(all)
}

/// Protocol, version and its NUL, thread (4), scramble (8), filler (1), then capabilities, low bytes first.
fn offers_tls(greeting: &[u8]) -> bool {
    let version = greeting.iter().position(|byte| *byte == 0);
    version.and_then(|end| greeting.get(end + 15)).is_some_and(|byte| byte & CLIENT_SSL != 0)
}

#[cfg(test)]
mod tests {
    use super::offers_tls;

    #[test]
    fn anything_may_be_a_greeting() {
        let greeting = |capability: u8| [b"\x0a10.11\0".as_slice(), &[1; 13], &[0xff, capability, 0]].concat();
        assert!(offers_tls(&greeting(0xff)) && !offers_tls(&greeting(0xf7)));
        for length in 0..greeting(0xff).len() - 1 {
            assert!(!offers_tls(&greeting(0xff)[..length]), "{length} bytes");
        }
    }
}
