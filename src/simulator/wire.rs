//! What a simulated system answers, and how the answer travels: a value, so that sockets and simulated time can both
//! carry it out.

use std::time::Duration;

/// One HTTP answer and what happens on the wire while it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// Header names and values. `Content-Length` and `Connection` are the carrier's business.
    pub headers: Vec<(String, String)>,
    /// The whole body, also where [`Delivery`] lets only a part of it out.
    pub body: Vec<u8>,
    /// How long nothing happens before the first byte of the answer (or before the connection is closed).
    pub delay: Duration,
    /// How much of the answer leaves, and how.
    pub delivery: Delivery,
}

/// How an answer leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Normally.
    Whole,
    /// The connection is closed before a byte of the answer.
    Drop,
    /// The status line and headers leave with the full length announced, then this many bytes of the body, then the
    /// connection is closed.
    CloseAfter(usize),
    /// The body leaves in pieces of so many bytes with a pause before each.
    Trickle {
        /// Bytes in a piece; never 0.
        chunk: usize,
        /// Pause before each piece.
        pause: Duration,
    },
    /// Nothing ever leaves; the connection stays open until the client gives up.
    Never,
}

impl Reply {
    /// An answer delivered whole and at once.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Reply {
            status,
            headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
            body: body.into(),
            delay: Duration::ZERO,
            delivery: Delivery::Whole,
        }
    }

    /// The same with one more header.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The edge in front of a system answers with a page for people.
    pub fn html(status: u16, title: &str) -> Self {
        let body = format!(
            "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><center><h1>{title}</h1></center><hr><center>edge</center></body></html>\n"
        );
        Reply::new(status, "text/html; charset=UTF-8", body)
    }

    /// The body as text, with what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A sequence of numbers that depends on its seed alone (SplitMix64): the simulators never use any other chance.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Starts the sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Chance(seed ^ 0x5851_F42D_4C95_7F2D)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 up to and without `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next_u64() % end }
    }

    /// True in `per_mille` of 1000 cases.
    pub fn per_mille(&mut self, per_mille: u32) -> bool {
        self.below(1000) < u64::from(per_mille)
    }

    /// One of the items, or nothing of nothing.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }
}
