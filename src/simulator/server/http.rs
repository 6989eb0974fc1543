//! A small HTTP/1.1 server for loopback that can also misbehave: it drops connections, cuts answers, dawdles.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::simulator::wire::{Delivery, Reply};

/// Bytes that a head may have.
const MAX_HEAD: usize = 64 * 1024;
/// Bytes that a body may have.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// A request as read from the wire.
#[derive(Debug, Default)]
pub struct HttpRequest {
    /// `GET`, `POST`…
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Answers requests; called for one request at a time of each connection.
pub type Handler = Arc<dyn Fn(&HttpRequest) -> Reply + Send + Sync>;

/// Binds to loopback and serves until stopped. Gives the address.
///
/// # Errors
/// The port cannot be had.
pub async fn serve(
    port: u16,
    handler: Handler,
    stop: CancellationToken,
    tasks: &TaskTracker,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    let connections = tasks.clone();
    tasks.spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else { continue };
            let (handler, stop) = (Arc::clone(&handler), stop.clone());
            connections.spawn(async move {
                let _ = stream.set_nodelay(true);
                tokio::select! {
                    () = stop.cancelled() => {}
                    // A broken connection is the client's business.
                    _ = connection(stream, handler) => {}
                }
            });
        }
    });
    Ok(address)
}

async fn connection(mut stream: TcpStream, handler: Handler) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(8 * 1024);
    loop {
        let (request, keep_alive) = match read_request(&mut stream, &mut buffer).await? {
            Incoming::Request(request, keep_alive) => (request, keep_alive),
            Incoming::Closed => return Ok(()),
            Incoming::Bad(status) => {
                let reply = Reply::html(status, "Bad Request");
                send(&mut stream, &reply, false).await?;
                return Ok(());
            }
        };
        let reply = handler(&request);
        if !reply.delay.is_zero() {
            tokio::time::sleep(reply.delay).await;
        }
        if !send(&mut stream, &reply, keep_alive).await? || !keep_alive {
            return Ok(());
        }
    }
}

enum Incoming {
    Request(HttpRequest, bool),
    Closed,
    Bad(u16),
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<bool> {
    buffer.reserve(16 * 1024);
    Ok(stream.read_buf(buffer).await? > 0)
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Incoming> {
    let mut searched = 0;
    let head_end = loop {
        let from = searched.min(buffer.len());
        if let Some(at) = buffer.get(from..).and_then(|part| find(part, b"\r\n\r\n")) {
            break from + at;
        }
        if buffer.len() > MAX_HEAD {
            return Ok(Incoming::Bad(431));
        }
        searched = buffer.len().saturating_sub(3);
        if !more(stream, buffer).await? {
            return Ok(Incoming::Closed);
        }
    };
    let head: Vec<u8> = buffer.drain(..head_end + 4).collect();
    let Ok(head) = std::str::from_utf8(&head) else { return Ok(Incoming::Bad(400)) };
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version)) = (first.next(), first.next(), first.next()) else {
        return Ok(Incoming::Bad(400));
    };
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request = HttpRequest { method: method.to_owned(), target: target.to_owned(), headers, body: Vec::new() };
    let has =
        |name: &str, word: &str| request.header(name).is_some_and(|value| value.to_ascii_lowercase().contains(word));
    let keep_alive = version == "HTTP/1.1" && !has("connection", "close");
    let chunked = has("transfer-encoding", "chunked");
    if has("expect", "100-continue") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    if chunked {
        match read_chunks(stream, buffer).await? {
            Some(body) => request.body = body,
            None => return Ok(Incoming::Bad(400)),
        }
    } else if let Some(length) = request.header("content-length") {
        let Ok(length) = length.parse::<usize>() else { return Ok(Incoming::Bad(400)) };
        if length > MAX_BODY {
            return Ok(Incoming::Bad(413));
        }
        while buffer.len() < length {
            if !more(stream, buffer).await? {
                return Ok(Incoming::Closed);
            }
        }
        request.body = buffer.drain(..length).collect();
    }
    Ok(Incoming::Request(request, keep_alive))
}

/// Reads a chunked body; nothing if it is not one.
async fn read_chunks(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let line_end = loop {
            if let Some(at) = find(buffer, b"\r\n") {
                break at;
            }
            if !more(stream, buffer).await? {
                return Ok(None);
            }
        };
        let line: Vec<u8> = buffer.drain(..line_end + 2).collect();
        let size = std::str::from_utf8(&line)
            .ok()
            .map(|line| line.split(';').next().unwrap_or_default().trim())
            .and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(size) = size.filter(|size| body.len() + size <= MAX_BODY) else { return Ok(None) };
        while buffer.len() < size + 2 {
            if !more(stream, buffer).await? {
                return Ok(None);
            }
        }
        body.extend(buffer.drain(..size));
        buffer.drain(..2);
        if size == 0 {
            return Ok(Some(body));
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn head_of(reply: &Reply, keep_alive: bool) -> String {
    let mut head = format!("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
    head.push_str(if keep_alive { "\r\n" } else { "Connection: close\r\n\r\n" });
    head
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

/// Sends an answer as its delivery says. Whether the connection may be used further.
async fn send(stream: &mut TcpStream, reply: &Reply, keep_alive: bool) -> io::Result<bool> {
    let head = head_of(reply, keep_alive);
    match reply.delivery {
        Delivery::Whole => {
            let mut all = head.into_bytes();
            all.extend_from_slice(&reply.body);
            stream.write_all(&all).await?;
            Ok(true)
        }
        Delivery::Drop => Ok(false),
        Delivery::CloseAfter(bytes) => {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(reply.body.get(..bytes).unwrap_or(&reply.body)).await?;
            stream.flush().await?;
            Ok(false)
        }
        Delivery::Trickle { chunk, pause } => {
            stream.write_all(head.as_bytes()).await?;
            for piece in reply.body.chunks(chunk.max(1)) {
                tokio::time::sleep(pause).await;
                stream.write_all(piece).await?;
                stream.flush().await?;
            }
            Ok(true)
        }
        Delivery::Never => {
            let mut ignored = [0_u8; 1024];
            while stream.read(&mut ignored).await? > 0 {}
            Ok(false)
        }
    }
}

/// How long the keeper of time sleeps between looking for late effects and arrivals.
pub const TICK: Duration = Duration::from_millis(20);
