//! Identities that cannot be mixed up, and how the derived ones are made.

use std::fmt;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Text;

/// Number of a document in this store: ascending in the order of arrival, never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentId(pub u64);

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a document is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A supplier's invoice, or its credit memo.
    Invoice,
}

impl DocumentKind {
    /// The word used in keys.
    pub fn word(self) -> &'static str {
        match self {
            DocumentKind::Invoice => "invoice",
        }
    }
}

/// JAGGAER instance, kind and immutable id: `acme/invoice/2600417`. At most one bill stands for it, whatever its revision.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentKey(String);

impl DocumentKey {
    /// The key of a document; `id` is JAGGAER's own, as text.
    pub fn new(instance: &str, kind: DocumentKind, id: &str) -> Self {
        DocumentKey(format!("{instance}/{}/{id}", kind.word()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// JAGGAER's own id, the last part.
    pub fn source_id(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::model::safe(&self.0).fmt(f)
    }
}

/// Hash of the canonical fields that reach a posting; never of the source's modification time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub [u8; 16]);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// 0 at first; raised by a replay of what was certainly refused or by a recorded decision of a person, never for anything in doubt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u32);

impl Generation {
    /// The one after this.
    pub fn next(self) -> Self {
        Generation(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The gateway function's `controlid`: made from source facts only, so that it is the same after a lost or restored store.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ControlId(String);

impl ControlId {
    /// The id of one purpose (`bill`) of one document in one generation.
    pub fn of(key: &DocumentKey, purpose: &str, generation: Generation) -> Self {
        let digest = Sha256::digest(format!("tollgate control id\n{key}\n{purpose}\n{generation}", key = key.as_str()));
        ControlId(format!("tg-{}", HEXLOWER.encode(digest.get(..20).unwrap_or(&digest))))
    }

    /// The id of one write of a supplier's master data: made from supplier, purpose and content.
    pub fn of_master(supplier: &Text, purpose: &str, content: &[u8]) -> Self {
        let head = format!("tollgate control id\nsupplier\n{}\n{purpose}\n", supplier.raw());
        let digest = Sha256::new_with_prefix(head).chain_update(content).finalize();
        ControlId(format!("tg-{}", HEXLOWER.encode(digest.get(..20).unwrap_or(&digest))))
    }

    /// An id for a read or a login: fresh text of the caller's making, never a write's.
    pub fn fresh(text: String) -> Self {
        ControlId(text)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// 80 bits of the document key in base 32: any bill that carries it is ours, of whatever generation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stem(String);

impl Stem {
    /// The stem of a document.
    pub fn of(key: &DocumentKey) -> Self {
        Stem::of_text(key.as_str())
    }

    /// The stem of the document whose key reads like this.
    pub fn of_text(key: &str) -> Self {
        let digest = Sha256::digest(format!("tollgate mark\n{key}"));
        Stem(BASE32_NOPAD.encode(digest.get(..10).unwrap_or(&digest)))
    }

    /// The stem as text: sixteen letters and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Our mark on a bill: stem and generation, ` [TG-…-0]`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Which document.
    pub stem: Stem,
    /// Which generation of it.
    pub generation: Generation,
}

impl Mark {
    /// The mark of a document's generation.
    pub fn of(key: &DocumentKey, generation: Generation) -> Self {
        Mark { stem: Stem::of(key), generation }
    }

    /// Finds the last mark in a text, as Intacct returned it.
    pub fn find(text: &str) -> Option<Mark> {
        let start = text.rfind("[TG-")?;
        let inner = text.get(start + 4..)?.split(']').next()?;
        Self::parse_inner(inner)
    }

    /// Reads `TG-STEM-GENERATION`, as a custom field holds it.
    pub fn parse(text: &str) -> Option<Mark> {
        Self::parse_inner(text.trim().strip_prefix("TG-")?)
    }

    fn parse_inner(inner: &str) -> Option<Mark> {
        let (stem, generation) = inner.split_once('-')?;
        let valid = stem.len() == 16 && stem.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b));
        let generation = generation.parse().ok()?;
        valid.then(|| Mark { stem: Stem(stem.to_owned()), generation: Generation(generation) })
    }

    /// ` [TG-STEM-0]`, as it stands at the end of a description.
    pub fn suffix(&self) -> String {
        format!(" [{self}]")
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TG-{}-{}", self.stem.0, self.generation)
    }
}

/// Intacct's RECORDNO of a bill.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordNo(pub String);

impl RecordNo {
    /// Reads a record number: digits only.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| RecordNo(text.to_owned()))
    }
}

impl fmt::Display for RecordNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The Intacct company that a lane posts into, and the entity its sessions are opened for (`None`: top level).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Company {
    /// The company id.
    pub id: String,
    /// The entity's location id.
    pub entity: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_again_at_the_end_of_a_cut_description() {
        let key = DocumentKey::new("acme", DocumentKind::Invoice, "2600417");
        let mark = Mark::of(&key, Generation(3));
        assert_eq!(Mark::find(&format!("Pipette tips{}", mark.suffix())), Some(mark.clone()));
        assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
    }

    #[test]
    fn text_that_only_looks_like_a_mark_is_none() {
        for text in
            ["[TG-]", "[TG-ABC-0]", "[TG-ABCDEFGHIJKLMNOP-]", "[TG-abcdefghijklmnop-0]", "TG-ABCDEFGHIJKLMNOP-0"]
        {
            assert_eq!(Mark::find(text), None, "{text}");
        }
    }

    #[test]
    fn a_control_id_changes_with_document_purpose_and_generation_and_with_nothing_else() {
        let one = DocumentKey::new("acme", DocumentKind::Invoice, "1");
        let two = DocumentKey::new("acme", DocumentKind::Invoice, "2");
        let id = ControlId::of(&one, "bill", Generation(0));
        assert_eq!(id, ControlId::of(&one, "bill", Generation(0)));
        assert_ne!(id, ControlId::of(&two, "bill", Generation(0)));
        assert_ne!(id, ControlId::of(&one, "reversal", Generation(0)));
        assert_ne!(id, ControlId::of(&one, "bill", Generation(1)));
    }
}
