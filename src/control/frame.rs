//! The frames on the socket: one JSON object a line.
//!
//! The server speaks first: `{"protocol": 1, "version": "0.1.0", "pid": 4711, "role": "operator"}`. The client answers with
//! `{"protocol": 1, "as_stated": "anna"}` and then sends `{"id": 1, "ask": …}`, `{"id": 2, "tell": …}` or
//! `{"subscribe": true}`. The server answers `{"id": 1, "ok": …}` or `{"id": 1, "refused": …}`, in any order, and sends
//! `{"snapshot": …}` and `{"log": …}` to those who subscribed. A `refused` without an id ends the connection.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use super::Role;
use crate::messages::{LogLine, Refusal};

/// The longest frame, in bytes; a longer one ends the connection.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;

/// The longest hello of a client, in bytes: before it, nothing is known of who speaks.
pub(super) const MAX_HELLO: usize = 16 * 1024;

/// The server's first frame. It must stay readable for all versions: fields are only ever added.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ServerHello {
    /// Version of the messages.
    pub protocol: u32,
    /// Version of the program.
    #[serde(default)]
    pub version: String,
    /// The engine's process.
    #[serde(default)]
    pub pid: u32,
    /// What this client may do.
    #[serde(default)]
    pub role: Option<Role>,
}

/// The client's first frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ClientHello {
    /// Version of the messages.
    pub protocol: u32,
    /// The name behind a shared account.
    #[serde(default)]
    pub as_stated: Option<String>,
}

/// What a client sends. Questions and orders are read in a second step, so that one of a newer version is refused by its id.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct ClientFrame {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tell: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subscribe: bool,
}

/// What a server sends.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct ServerFrame {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogLine>,
}

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// Too long.
    #[error("a frame is longer than {0} bytes")]
    TooLong(usize),
    /// Cut off in the middle.
    #[error("the connection ended in the middle of a frame")]
    Cut,
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads one line without its end into `line`; `false` at the end of the stream. Never holds more than `max` bytes, and keeps
/// what it has read when the future is dropped: the next call goes on with the same `line`.
pub(super) async fn read_frame<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    line: &mut Vec<u8>,
    max: usize,
) -> Result<bool, FrameError> {
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return if line.is_empty() { Ok(false) } else { Err(FrameError::Cut) };
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
        let used = part.len() + usize::from(end.is_some());
        if line.len() + part.len() > max {
            return Err(FrameError::TooLong(max));
        }
        line.extend_from_slice(part);
        reader.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// A value as a line, with its end.
pub(super) fn line_of<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// A value that stands in a frame.
pub(super) fn raw<T: Serialize>(value: &T) -> Result<Box<RawValue>, serde_json::Error> {
    serde_json::value::to_raw_value(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(mut bytes: &[u8], max: usize) -> Vec<Result<String, String>> {
        let mut seen = Vec::new();
        loop {
            let mut line = Vec::new();
            match read_frame(&mut bytes, &mut line, max).await {
                Ok(true) => seen.push(Ok(String::from_utf8(line).unwrap())),
                Ok(false) => return seen,
                Err(error) => {
                    seen.push(Err(error.to_string()));
                    return seen;
                }
            }
        }
    }

    #[tokio::test]
    async fn frames_end_at_line_ends_and_a_half_or_huge_one_is_an_error() {
        assert_eq!(read_all(b"one\n\ntwo\n", 3).await, [Ok("one".into()), Ok(String::new()), Ok("two".into())]);
        assert_eq!(read_all(b"four\n", 3).await, [Err("a frame is longer than 3 bytes".into())]);
        assert!(read_all(b"one\nha", 3).await.last().unwrap().as_ref().unwrap_err().contains("middle"));
    }
}
