//! A server, or somebody on the way to it, that offers no TLS gets no password and no dump out of us.

use bbws::{adapters::archive::dump, domain::environment::Engine};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::archive::bed::{End, Maria, Memory, Pg, Server, key};

/// Stands between client and server and says that there is no TLS; its port.
pub async fn stripped(server: &Server, engine: Engine) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (port, to) = (listener.local_addr().expect("an address").port(), server.port);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = pass(client, to, engine).await;
            });
        }
    });
    port
}

async fn pass(mut client: TcpStream, to: u16, engine: Engine) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", to)).await?;
    if engine == Engine::Postgres {
        let mut asked = [0; 8];
        client.read_exact(&mut asked).await?;
        if asked[4..] == 80_877_103_u32.to_be_bytes() {
            client.write_all(b"N").await?;
        } else {
            server.write_all(&asked).await?;
        }
    } else {
        let mut head = [0; 4];
        server.read_exact(&mut head).await?;
        let mut greeting = vec![0; usize::from(head[0]) | usize::from(head[1]) << 8];
        server.read_exact(&mut greeting).await?;
        // After version, thread id, eight bytes and a filler: capabilities, of which 0x0800 is TLS.
        let version = greeting.iter().position(|b| *b == 0).expect("the version ends");
        greeting[version + 15] &= !0x08;
        client.write_all(&[head.as_slice(), &greeting].concat()).await?;
    }
    copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_dumped_without_tls() {
    let (pg, maria) = (Pg::new("CREATE TABLE t (a int)").await, Maria::new("CREATE TABLE t (a int)").await);
    for (mut source, server) in [(pg.source(), &pg.server), (maria.source(), &maria.server)] {
        source.port = stripped(server, source.server.engine).await;
        let memory = Memory::new();
        let error = dump(&source, &key(7), memory.sink(), |_| ()).await.expect_err("there is no TLS").to_string();
        assert!(error.contains("SSL"), "{error}");
        assert_eq!(memory.end(), End::Aborted);
    }
}

/// A certificate that no known authority signed.
#[tokio::test(flavor = "multi_thread")]
async fn with_authorities_the_server_has_to_be_known() {
    let stranger = tempfile::NamedTempFile::new().expect("a file");
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).expect("a certificate");
    std::fs::write(stranger.path(), made.cert.pem()).expect("it is written");
    let (pg, maria) = (Pg::new("CREATE TABLE t (a int)").await, Maria::new("CREATE TABLE t (a int)").await);
    for mut source in [pg.source(), maria.source()] {
        source.ca = Some(stranger.path().to_owned());
        let memory = Memory::new();
        let error = dump(&source, &key(7), memory.sink(), |_| ()).await.expect_err("nobody signed that").to_string();
        assert!(error.to_lowercase().contains("certificate"), "{error}");
        assert_eq!(memory.end(), End::Aborted);

        source.ca = Some("/nonexistent/ca.pem".into());
        dump(&source, &key(7), Memory::new().sink(), |_| ()).await.expect_err("there is no such file");
    }
}
