//! The simulated AWS on a real port, for every SDK and the AWS CLI: `--endpoint-url`, an access key of 12 digits as the
//! account, any secret.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody, combinators::BoxBody};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::{
    Delivery, SimAws,
    api::{Raw, Reply},
    connector::half,
};

/// Largest body that is taken: S3's largest part would not fit, its smallest does many times.
const LARGEST: usize = 256 << 20;
/// How long a connection may take to send its headers.
const PATIENCE: Duration = Duration::from_secs(30);

type Out = BoxBody<Bytes, io::Error>;

/// Answers on a port until `end`.
pub async fn serve(aws: Arc<SimAws>, listener: TcpListener, end: impl Future<Output = ()>) {
    let mut end = std::pin::pin!(end);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut end => return,
        };
        match stream {
            Ok((stream, _)) => drop(tokio::spawn(converse(Arc::clone(&aws), stream))),
            Err(error) => {
                tracing::warn!(%error, "a connection to the simulated AWS could not be taken");
                // Without files to spare every attempt fails at once: do not spin.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// One connection. What ends it early is a fault of the wire, or the caller's own doing.
async fn converse(aws: Arc<SimAws>, stream: TcpStream) {
    let service = service_fn(move |request| {
        let aws = Arc::clone(&aws);
        async move { answer(&aws, request).await }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the simulated AWS ended early");
    }
}

/// An error ends the connection without an answer.
async fn answer(aws: &SimAws, request: Request<Incoming>) -> Result<Response<Out>, io::Error> {
    let raw = raw(request).await?;
    match aws.take(raw) {
        Delivery::Whole(reply) => {
            let body = whole(reply.body.clone());
            response(reply, body)
        }
        Delivery::CutShort(reply) => {
            let body = whole(half(&reply));
            response(reply, body)
        }
        Delivery::Torn(reply) => {
            let pieces = [Ok(Frame::data(half(&reply))), Err(io::Error::other("torn"))];
            let body = http_body_util::BodyExt::boxed(StreamBody::new(stream::iter(pieces)));
            response(reply, body)
        }
        Delivery::Stalls(reply) => {
            let first = stream::iter([Ok(Frame::data(half(&reply)))]);
            let body =
                http_body_util::BodyExt::boxed(StreamBody::new(futures::StreamExt::chain(first, stream::pending())));
            response(reply, body)
        }
        Delivery::Refused | Delivery::Lost => Err(io::Error::other("lost")),
        Delivery::Never => std::future::pending().await,
    }
}

async fn raw(request: Request<Incoming>) -> Result<Raw, io::Error> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST).collect().await.map_err(io::Error::other)?.to_bytes();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<(String, String)> =
        head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let host = headers.iter().find(|(name, _)| name == "host").map(|(_, host)| host.as_str()).unwrap_or_default();
    Ok(Raw {
        method: head.method.as_str().to_owned(),
        host: host.split(':').next().unwrap_or(host).to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    })
}

fn whole(body: Bytes) -> Out {
    Full::new(body).map_err(|never: Infallible| match never {}).boxed()
}

fn response(reply: Reply, body: Out) -> Result<Response<Out>, io::Error> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(body).map_err(io::Error::other)
}
