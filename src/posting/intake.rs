//! Intake: arriving documents, their audit entries and the flow's mark in one commit.

use std::cell::RefCell;

use sha2::{Digest, Sha256};
use zstd::bulk::Decompressor;

use crate::jaggaer::{Converted, Unreadable};
use crate::model::{
    Actor, Approval, Document, DocumentKey, DocumentKind, Flag, Invoice, InvoiceKind, Money, Reason, ReasonCode, State,
    Summary, Text, Timestamp,
};
use crate::store::{Entry, StoreError, Tx};
use crate::vault::{DataCipher, VaultError};

/// A document as it arrived.
pub struct Arrival {
    /// Its key.
    pub key: DocumentKey,
    /// The source's modification stamp.
    pub stamp: Option<Text>,
    /// Hash of the raw bytes.
    pub hash: [u8; 16],
    /// The raw bytes, compressed and sealed.
    pub sealed: Vec<u8>,
    /// What the profile made of it.
    pub read: Result<Converted, Unreadable>,
}

/// What an intake did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Intake {
    /// Documents seen for the first time.
    pub new: u64,
    /// Known ones whose content or approval changed.
    pub changed: u64,
    /// Known ones in which nothing that matters changed.
    pub same: u64,
}

/// The name under which a raw document is sealed: its key, so that no two can be exchanged.
pub fn raw_name(key: &DocumentKey) -> String {
    format!("raw {}", key.as_str())
}

/// Compresses and seals a raw document, and hashes it.
pub fn seal_raw(cipher: &DataCipher, key: &DocumentKey, bytes: &[u8]) -> Result<(Vec<u8>, [u8; 16]), VaultError> {
    let packed = zstd::bulk::compress(bytes, 1).unwrap_or_default();
    let digest = Sha256::digest(bytes);
    let mut hash = [0u8; 16];
    hash.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
    Ok((cipher.seal(&raw_name(key), &packed)?, hash))
}

/// The largest raw document, unpacked.
const LARGEST: usize = 64 << 20;

thread_local! {
    /// Making a context costs more than unpacking an invoice with it.
    static UNPACKER: RefCell<Decompressor<'static>> = RefCell::default();
}

/// Opens a sealed raw document.
pub fn unseal_raw(cipher: &DataCipher, key: &DocumentKey, sealed: &[u8]) -> Result<Vec<u8>, String> {
    let packed = cipher.open(&raw_name(key), sealed).map_err(|error| error.to_string())?;
    UNPACKER
        .with_borrow_mut(|unpacker| unpacker.decompress(&packed, LARGEST))
        .map_err(|error| format!("it cannot be unpacked: {error}"))
}

/// Takes arrivals in. Whatever concerns an unsent posting takes effect at once; what was sent waits until it is settled.
pub fn intake(tx: &mut Tx<'_>, at: Timestamp, actor: &Actor, arrivals: &[Arrival]) -> Result<Intake, StoreError> {
    let mut done = Intake::default();
    for arrival in arrivals {
        match tx.find(&arrival.key)? {
            None => {
                take_new(tx, at, actor, arrival)?;
                done.new += 1;
            }
            Some(id) => {
                let Some(document) = tx.document(id)? else { continue };
                if take_known(tx, at, actor, arrival, document)? { done.changed += 1 } else { done.same += 1 }
            }
        }
    }
    Ok(done)
}

fn take_new(tx: &mut Tx<'_>, at: Timestamp, actor: &Actor, arrival: &Arrival) -> Result<(), StoreError> {
    let id = tx.next_id();
    let mut document = Document {
        id,
        kind: DocumentKind::Invoice,
        key: arrival.key.clone(),
        state: State::Held,
        since: at,
        first_seen: at,
        version: 1,
        approval: Approval::Unknown,
        stamp: arrival.stamp.clone(),
        revision: None,
        raw_version: 1,
        raw_hash: arrival.hash,
        summary: Summary::default(),
        reasons: Vec::new(),
        class: None,
        fault: None,
        ledger: None,
        posting: None,
        record: None,
        flags: Vec::new(),
    };
    learn(&mut document, &arrival.read);
    let pending = place(&mut document, &arrival.read, at);
    let mut entry = Entry::of(&document, at, actor.clone(), "received", format!("received, {}", words(&document)));
    entry.after = Some(document.state);
    entry.facts.push(("raw_sha256", hex(&arrival.hash)));
    if let Some(revision) = document.revision {
        entry.facts.push(("revision", revision.to_string()));
    }
    tx.put_raw(id, 1, &arrival.sealed)?;
    tx.create(document)?;
    tx.audit(&entry)?;
    if pending { tx.mark_pending(id) } else { Ok(()) }
}

fn take_known(
    tx: &mut Tx<'_>,
    at: Timestamp,
    actor: &Actor,
    arrival: &Arrival,
    before: Document,
) -> Result<bool, StoreError> {
    let mut document = before.clone();
    document.stamp = arrival.stamp.clone();
    if document.raw_hash != arrival.hash {
        document.raw_version += 1;
        document.raw_hash = arrival.hash;
        tx.put_raw(document.id, document.raw_version, &arrival.sealed)?;
    }
    learn(&mut document, &arrival.read);
    let sent = before.state.is_unsettled() || before.state.is_in_ledger();
    if sent && arrival.read.as_ref().is_ok_and(|converted| converted.paid) {
        // Paid at the source is where a posted bill is meant to get, not a loss of approval.
        document.approval = before.approval;
    }
    let unreadable_now = arrival.read.is_err() != before.revision.is_none();
    let changed = document.revision != before.revision || document.approval != before.approval || unreadable_now;
    if !changed {
        let (id, newer) = (document.id, document.raw_version != before.raw_version);
        if document.stamp != before.stamp || newer {
            tx.save(document)?;
        }
        // A rule may name a field that is in no invoice, and a fault may be mended: what waits is evaluated by what it says now.
        if newer && matches!(before.state, State::Held | State::Queued) {
            tx.mark_pending(id)?;
        }
        return Ok(false);
    }
    let id = document.id;
    let mut pending = false;
    let what;
    match before.state {
        State::NotApproved | State::BeforeCutover | State::Held | State::Queued | State::Withdrawn | State::Failed => {
            pending = place(&mut document, &arrival.read, at);
            what = format!("changed in JAGGAER, now {}", words(&document));
        }
        State::Dismissed => what = "changed in JAGGAER; it stays dismissed".to_owned(),
        // It is compared with what was posted once it is settled.
        State::Sent | State::Claimed | State::InDoubt => {
            what = "changed in JAGGAER while it is being posted; looked at once that is settled".to_owned();
        }
        State::Posted | State::Drafted | State::Differs => {
            pending = true;
            what = "changed in JAGGAER after it was posted".to_owned();
        }
    }
    let mut entry = Entry::of(&document, at, actor.clone(), "changed", what);
    entry.before = Some(before.state);
    entry.after = Some(document.state);
    entry.facts.push(("raw_sha256", hex(&arrival.hash)));
    if document.approval != before.approval {
        entry.facts.push(("approval", format!("{:?}", document.approval)));
    }
    if let Some(revision) = document.revision {
        entry.facts.push(("revision", revision.to_string()));
    }
    let natural = document.posting.as_ref().filter(|_| before.state == State::Queued).map(|head| head.natural.clone());
    tx.audit(&entry)?;
    tx.save(document)?;
    if pending {
        tx.mark_pending(id)?;
    }
    if let Some(natural) = natural {
        tx.mark_rivals_pending(&natural)?;
    }
    Ok(true)
}

/// What the document says of itself now.
fn learn(document: &mut Document, read: &Result<Converted, Unreadable>) {
    match read {
        Ok(converted) => {
            let invoice = &converted.invoice;
            document.approval = converted.approval;
            document.revision = Some(converted.revision);
            let credit = invoice.kind == InvoiceKind::CreditMemo;
            let total = invoice
                .totals
                .total
                .zip(invoice.currency)
                .map(|(amount, currency)| Money { amount: if credit { -amount.abs() } else { amount }, currency });
            document.summary = Summary {
                supplier_number: invoice.supplier.number.clone(),
                supplier_name: invoice.supplier.name.clone(),
                number: invoice.number.clone(),
                buyer_number: invoice.buyer_number.clone(),
                total,
                date: invoice.invoice_date,
                entity: invoice.entity.clone(),
            };
        }
        Err(_) => document.revision = None,
    }
}

/// What lists show of an invoice.
pub fn summary(invoice: &Invoice) -> Summary {
    let credit = invoice.kind == InvoiceKind::CreditMemo;
    let total = invoice
        .totals
        .total
        .zip(invoice.currency)
        .map(|(amount, currency)| Money { amount: if credit { -amount.abs() } else { amount }, currency });
    Summary {
        supplier_number: invoice.supplier.number.clone(),
        supplier_name: invoice.supplier.name.clone(),
        number: invoice.number.clone(),
        buyer_number: invoice.buyer_number.clone(),
        total,
        date: invoice.invoice_date,
        entity: invoice.entity.clone(),
    }
}

/// Puts an unsent document where its approval says. Returns whether it is to be evaluated.
fn place(document: &mut Document, read: &Result<Converted, Unreadable>, at: Timestamp) -> bool {
    let before = document.state;
    let unsent = |document: &mut Document, state: State| {
        if document.state != state {
            document.since = at;
        }
        document.state = state;
    };
    document.class = None;
    document.fault = None;
    document.flags.retain(|flag| !matches!(flag, Flag::TextCleaned(_)));
    // What a person must decide about a document that was sent is not covered up by this.
    if let Err(unreadable) = read {
        document.reasons = vec![Reason::new(ReasonCode::Unreadable, unreadable.what.raw().to_owned())];
        unsent(document, State::Held);
        return false;
    }
    document.reasons.clear();
    match document.approval {
        Approval::Approved => {
            document.reasons = vec![Reason::new(ReasonCode::NotEvaluated, "approved; it waits to be evaluated")];
            unsent(document, State::Held);
            true
        }
        Approval::Unknown => {
            document.reasons = vec![Reason::new(ReasonCode::UnknownStatus, "its status words are not in the profile")];
            unsent(document, State::Held);
            true
        }
        Approval::NotApproved | Approval::Cancelled => {
            let was_approved = matches!(before, State::Held | State::Queued | State::Failed | State::Withdrawn)
                && document.version > 1;
            unsent(document, if was_approved { State::Withdrawn } else { State::NotApproved });
            false
        }
    }
}

fn words(document: &Document) -> String {
    match (document.state, document.approval) {
        (State::Held, Approval::Approved) => "approved".to_owned(),
        (state, _) => state.label().to_owned(),
    }
}

fn hex(hash: &[u8; 16]) -> String {
    data_encoding::HEXLOWER.encode(hash)
}
