//! The audit trail: canonical JSON records, each chained to the one before by SHA-256.
//!
//! The hash of an entry is SHA-256 over the previous entry's hash (32 bytes, zeros before the first) and the record's JSON
//! text exactly as it is exported, so anybody can verify an export without this program.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::{Actor, ControlId, Document, DocumentId, Pair, PairId, State, Timestamp};

/// One step of one record, or of the engine.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Who, or which schedule.
    pub who: Actor,
    /// What happened: a stable word.
    pub event: &'static str,
    /// What happened, in words.
    pub what: String,
    /// Which document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentId>,
    /// Its key at the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Which pair of the two supplier masters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<PairId>,
    /// State before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<State>,
    /// State after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<State>,
    /// Control id of the function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_id: Option<ControlId>,
    /// SHA-256 of the frozen function, which the store keeps and `audit show` prints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_sha256: Option<String>,
    /// The gateway's answer for this function, secrets taken out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Facts, name and value.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    pub facts: Vec<(&'static str, String)>,
}

fn as_map<S: serde::Serializer>(facts: &[(&'static str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(facts.iter().map(|(name, value)| (name, value)))
}

impl Entry {
    /// An entry about no document.
    pub fn engine(at: Timestamp, who: Actor, event: &'static str, what: impl Into<String>) -> Self {
        Entry {
            at,
            who,
            event,
            what: what.into(),
            document: None,
            key: None,
            pair: None,
            before: None,
            after: None,
            control_id: None,
            request_sha256: None,
            answer: None,
            facts: Vec::new(),
        }
    }

    /// An entry about a document.
    pub fn of(document: &Document, at: Timestamp, who: Actor, event: &'static str, what: impl Into<String>) -> Self {
        let mut entry = Entry::engine(at, who, event, what);
        entry.document = Some(document.id);
        entry.key = Some(document.key.as_str().to_owned());
        entry
    }

    /// An entry about a supplier and its vendor; the key is JAGGAER's id of the supplier.
    pub fn of_pair(pair: &Pair, at: Timestamp, who: Actor, event: &'static str, what: impl Into<String>) -> Self {
        let mut entry = Entry::engine(at, who, event, what);
        entry.pair = Some(pair.id);
        entry.key = Some(pair.supplier.id.raw().to_owned());
        entry
    }

    /// Adds a fact.
    pub fn fact(mut self, name: &'static str, value: impl ToString) -> Self {
        self.facts.push((name, value.to_string()));
        self
    }

    /// Adds the control id.
    pub fn control(mut self, id: &ControlId) -> Self {
        self.control_id = Some(id.clone());
        self
    }

    /// Adds the hash of the frozen function.
    pub fn request(mut self, hash: &[u8; 32]) -> Self {
        self.request_sha256 = Some(data_encoding::HEXLOWER.encode(hash));
        self
    }

    /// Adds the answer.
    pub fn answered(mut self, answer: Option<String>) -> Self {
        self.answer = answer;
        self
    }
}

/// Number and hash of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Link {
    /// Entries so far; the next one has this number.
    pub count: u64,
    /// Hash of the last one.
    pub hash: [u8; 32],
}

impl Link {
    /// The link after one more record.
    pub fn chained(self, record: &[u8]) -> Link {
        let mut hasher = Sha256::new();
        hasher.update(self.hash);
        hasher.update(record);
        Link { count: self.count + 1, hash: hasher.finalize().into() }
    }

    /// The hash in hex.
    pub fn hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.hash)
    }
}

/// Verifies exported lines `(number, record, hash)` from the first on: the link after the last, or the first broken number.
pub fn verify_lines<'a>(lines: impl Iterator<Item = (u64, &'a str, &'a str)>) -> Result<Link, (u64, String)> {
    let mut link = Link::default();
    for (number, record, hash) in lines {
        if number != link.count {
            return Err((link.count, format!("entry {} is missing", link.count)));
        }
        link = link.chained(record.as_bytes());
        if link.hex() != hash {
            return Err((number, "its hash does not match its content".to_owned()));
        }
    }
    Ok(link)
}
