//! The network over real sockets.
//!
//! One request is one exchange: no redirect is followed and nothing is sent again. What fails says whether a byte of the
//! request may have left, because for a posting that is the difference between *send again* and *look first*.

use std::net::IpAddr;
use std::sync::{Mutex, Once};
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Url};
use tokio::time::{Instant, timeout_at};

use super::{Boxed, Method, NetError, Network, Request, Response, Sent};

/// A pooled connection is given up after this long: one that the other side closed meanwhile would leave a request in doubt.
const IDLE: Duration = Duration::from_secs(20);

/// The network that the program uses outside of simulations.
pub struct HttpNetwork {
    http1_only: bool,
    clients: Mutex<Vec<(Key, Client)>>,
}

/// What a client is built for: reqwest fixes the connect bound and the proxy when it builds one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    connect: Duration,
    loopback: bool,
}

impl HttpNetwork {
    /// A network for REST services: HTTP/2 where the server offers it.
    pub fn new() -> Self {
        Self::with(false)
    }

    /// A network for the XML gateway: HTTP/1.1 only, so that one connection carries one request at a time.
    pub fn for_gateway() -> Self {
        Self::with(true)
    }

    fn with(http1_only: bool) -> Self {
        static PROVIDER: Once = Once::new();
        // The only failure is that a provider is installed already, which is as good.
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        HttpNetwork { http1_only, clients: Mutex::new(Vec::new()) }
    }

    fn client(&self, key: Key) -> Result<Client, reqwest::Error> {
        let mut clients = match self.clients.lock() {
            Ok(clients) => clients,
            Err(poisoned) => poisoned.into_inner(),
        };
        if let Some((_, client)) = clients.iter().find(|(k, _)| *k == key) {
            return Ok(client.clone());
        }
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(key.connect)
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(30))
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("Tollgate/", env!("CARGO_PKG_VERSION")));
        if self.http1_only {
            builder = builder.http1_only();
        }
        if key.loopback {
            // Nothing on this machine is reached through a proxy, nor needs the machine's certificates.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let client = builder.build()?;
        clients.push((key, client.clone()));
        Ok(client)
    }

    async fn run(&self, request: Request) -> Result<Response, NetError> {
        let url = Url::parse(&request.url)
            .map_err(|_| NetError { sent: Sent::No, what: "the address is not a URL".to_owned() })?;
        let host = place(&url);
        let plain_loopback = url.scheme() == "http" && is_loopback(&url);
        let client = self
            .client(Key { connect: request.bounds.connect, loopback: plain_loopback })
            .map_err(|error| NetError { sent: Sent::No, what: format!("no client for {host}: {}", root(&error)) })?;
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let mut builder = client.request(method, url);
        for (name, value) in &request.headers {
            let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) else {
                let what = format!("the header {name} for {host} holds what no header may");
                return Err(NetError { sent: Sent::No, what });
            };
            builder = builder.header(name, value);
        }
        let asked = builder
            .body(request.body)
            .build()
            .map_err(|error| NetError { sent: Sent::No, what: format!("no request for {host}: {}", root(&error)) })?;

        let bounds = request.bounds;
        let start = Instant::now();
        let end = start + bounds.total;
        // Connecting is bounded by the client itself, so what is left of this wait belongs to the first byte.
        let head_by = end.min(start + bounds.connect + bounds.first_byte);
        let mut answer = match timeout_at(head_by, client.execute(asked)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(failure(&error, &host, bounds.connect)),
            Err(_) => {
                let what = format!("{host} did not answer within {} s", seconds(head_by - start));
                return Err(NetError { sent: Sent::Maybe, what });
            }
        };

        let too_large = || NetError {
            sent: Sent::Maybe,
            what: format!("{host} answered with more than {} bytes", request.max_answer),
        };
        if answer.content_length().is_some_and(|length| length > request.max_answer as u64) {
            return Err(too_large());
        }
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let mut body = Vec::new();
        loop {
            match timeout_at(end, answer.chunk()).await {
                Ok(Ok(Some(chunk))) if body.len() + chunk.len() > request.max_answer => return Err(too_large()),
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
                Ok(Ok(None)) => return Ok(Response { status, headers, body }),
                Ok(Err(error)) => {
                    let what = format!("the answer of {host} broke off: {}", root(&error));
                    return Err(NetError { sent: Sent::Maybe, what });
                }
                Err(_) => {
                    let what = format!("the answer of {host} was not complete within {} s", seconds(bounds.total));
                    return Err(NetError { sent: Sent::Maybe, what });
                }
            }
        }
    }
}

impl Default for HttpNetwork {
    fn default() -> Self {
        Self::new()
    }
}

impl Network for HttpNetwork {
    fn exchange(&self, request: Request) -> Boxed<'_, Result<Response, NetError>> {
        Box::pin(async move {
            // The address without its query, which may hold what nobody should read.
            let target = request.url.split('?').next().unwrap_or_default().to_owned();
            let (purpose, bytes) = (request.purpose, request.body.len());
            let started = std::time::Instant::now();
            let result = self.run(request).await;
            let ms = started.elapsed().as_millis();
            match &result {
                Ok(response) => {
                    let (status, got) = (response.status, response.body.len());
                    tracing::debug!(?purpose, target, bytes, status, got, ms, "exchange");
                }
                Err(error) => {
                    tracing::debug!(?purpose, target, bytes, sent = ?error.sent, what = error.what, ms, "exchange failed")
                }
            }
            result
        })
    }
}

/// Why there is no answer. Only a builder, name look-up, connect or TLS failure proves that no byte left.
fn failure(error: &reqwest::Error, host: &str, connect: Duration) -> NetError {
    if error.is_builder() {
        return NetError { sent: Sent::No, what: format!("no request for {host}: {}", root(error)) };
    }
    if error.is_connect() || error.is_dns() {
        let what = if error.is_dns() {
            format!("the name of {host} could not be resolved: {}", root(error))
        } else if error.is_timeout() {
            format!("no connection to {host} within {} s", seconds(connect))
        } else {
            format!("no connection to {host}: {}", root(error))
        };
        return NetError { sent: Sent::No, what };
    }
    NetError { sent: Sent::Maybe, what: format!("the connection to {host} broke before it answered: {}", root(error)) }
}

/// The innermost cause. The outer ones repeat the address, whose query may hold what nobody should read.
fn root(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    // Without a source, reqwest's own text would show the address.
    if std::ptr::eq(inner, error) { "the HTTP library refused it".to_owned() } else { inner.to_string() }
}

fn place(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "an address without a host".to_owned(),
    }
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

fn seconds(duration: Duration) -> String {
    let text = format!("{:.3}", duration.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seams::{Bounds, Purpose};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn request(port: u16) -> Request {
        Request {
            purpose: Purpose::Post,
            method: Method::Post,
            url: format!("http://127.0.0.1:{port}/path?token=hunter2"),
            headers: vec![("content-type", "application/xml".to_owned())],
            body: b"<request/>".to_vec(),
            bounds: Bounds {
                connect: Duration::from_millis(300),
                first_byte: Duration::from_millis(200),
                total: Duration::from_secs(5),
            },
            max_answer: 1000,
        }
    }

    /// A server that reads the first bytes of each request and then does what it is told.
    async fn server(answer: Option<Vec<u8>>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 4096];
                let _ = socket.read(&mut buffer).await;
                match &answer {
                    Some(bytes) => drop(socket.write_all(bytes).await),
                    None => kept.push(socket),
                }
            }
        });
        port
    }

    #[tokio::test]
    async fn a_refused_port_is_certainly_not_sent() {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let error = HttpNetwork::for_gateway().exchange(request(port)).await.unwrap_err();
        assert_eq!(error.sent, Sent::No, "{error}");
        assert!(error.what.contains(&format!("127.0.0.1:{port}")), "{error}");
        assert!(!error.what.contains("hunter2"), "{error}");
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_certainly_not_sent() {
        let mut asked = request(1);
        asked.url = "https://gateway.invalid/ia/xml/xmlgw.phtml".to_owned();
        asked.bounds.connect = Duration::from_secs(4);
        let error = HttpNetwork::for_gateway().exchange(asked).await.unwrap_err();
        assert_eq!(error.sent, Sent::No, "{error}");
    }

    #[tokio::test]
    async fn a_connection_closed_without_an_answer_is_maybe_sent() {
        let port = server(Some(Vec::new())).await;
        let error = HttpNetwork::for_gateway().exchange(request(port)).await.unwrap_err();
        assert_eq!(error.sent, Sent::Maybe, "{error}");
        assert!(!error.what.contains("hunter2"), "{error}");
    }

    #[tokio::test]
    async fn a_silent_server_meets_the_first_byte_bound() {
        let port = server(None).await;
        let error = HttpNetwork::for_gateway().exchange(request(port)).await.unwrap_err();
        assert_eq!(error.sent, Sent::Maybe);
        assert!(error.what.contains("did not answer within 0.5 s"), "{error}");
    }

    #[tokio::test]
    async fn a_huge_answer_is_refused_with_and_without_a_stated_length() {
        let stated = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n".to_vec();
        let mut streamed = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
        streamed.extend(vec![b'x'; 5000]);
        for answer in [stated, streamed] {
            let port = server(Some(answer)).await;
            let error = HttpNetwork::new().exchange(request(port)).await.unwrap_err();
            assert_eq!(error.sent, Sent::Maybe);
            assert!(error.what.contains("more than 1000 bytes"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_cut_answer_is_an_error_and_a_redirect_is_only_an_answer() {
        let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort".to_vec();
        let error = HttpNetwork::new().exchange(request(server(Some(cut)).await)).await.unwrap_err();
        assert!(error.what.contains("broke off"), "{error}");

        let moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n".to_vec();
        let answer = HttpNetwork::new().exchange(request(server(Some(moved)).await)).await.unwrap();
        assert_eq!((answer.status, answer.header("location")), (302, Some("http://127.0.0.1:9/")));
    }
}
