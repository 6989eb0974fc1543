//! The network: one exchange at a time, with the one distinction that matters for money: did a byte leave?

use std::time::Duration;

use super::Boxed;

/// HTTP method. There are no others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
}

/// What an exchange is for: none is without.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Purpose {
    /// A token of JAGGAER, or where to get one.
    Token,
    /// A list or a record of JAGGAER.
    Fetch,
    /// Fields of a supplier to JAGGAER: sent once.
    Supply,
    /// A session of Intacct.
    Login,
    /// Reads of Intacct.
    Look,
    /// Writes to Intacct: sent once.
    Post,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Purpose; 6] =
        [Purpose::Token, Purpose::Fetch, Purpose::Supply, Purpose::Login, Purpose::Look, Purpose::Post];
}

/// How long to wait for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// For name look-up, connecting and TLS.
    pub connect: Duration,
    /// From the last byte sent to the head of the answer.
    pub first_byte: Duration,
    /// For everything.
    pub total: Duration,
}

/// A request. Secrets may be in it, so it has no `Debug`.
pub struct Request {
    /// What it is for.
    pub purpose: Purpose,
    /// Method.
    pub method: Method,
    /// Whole address.
    pub url: String,
    /// Headers; names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// Bounds.
    pub bounds: Bounds,
    /// The largest answer taken, in bytes; a larger one is an error.
    pub max_answer: usize,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case; values that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// Body, decompressed.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Whether a byte of the request may have left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    /// Certainly not: name look-up, connecting or TLS failed.
    No,
    /// It may have.
    Maybe,
}

/// An exchange without an answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}")]
pub struct NetError {
    /// Whether a byte may have left.
    pub sent: Sent,
    /// What happened, in words, without secrets: `api.intacct.com did not answer within 10 s`.
    pub what: String,
}

/// A network.
pub trait Network: Send + Sync {
    /// Sends a request once and returns its answer. It never repeats and never follows a redirect.
    fn exchange(&self, request: Request) -> Boxed<'_, Result<Response, NetError>>;
}
