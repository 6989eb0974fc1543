//! What the lane learned, written into the store: every step with its audit entry, in the commit that makes it true.

use super::periods::{close_period, period_is_open, period_key};
use crate::model::{
    Actor, Approval, Attempt, Class, Date, Document, DocumentId, Fault, Flag, LedgerBill, LedgerState, Reason,
    ReasonCode, RecordNo, State, Text, Timestamp,
};
use crate::seams::{Guard, Guards};
use crate::store::{ALARM, Entry, Meta, PauseRecord, StoreError, Tx};

/// A step that the lane took or learned.
#[derive(Clone, Debug)]
pub enum Change {
    /// The intent of a send: durable before a byte leaves.
    Intent {
        /// Which document.
        id: DocumentId,
        /// Hash of the frozen function, to be sure that it is still the same posting.
        hash: [u8; 32],
        /// Control id of the request.
        request: String,
        /// Epoch of this engine.
        epoch: u64,
    },
    /// Claimed.
    Claimed {
        /// Which.
        id: DocumentId,
        /// The record number.
        record: RecordNo,
        /// The answer.
        answer: String,
    },
    /// Certainly not executed: back to the queue.
    NotExecuted {
        /// Which.
        id: DocumentId,
        /// Why.
        why: String,
        /// The answer.
        answer: Option<String>,
        /// Whether it was about this document alone: such refusals are counted.
        alone: bool,
    },
    /// Refused.
    Refused {
        /// Which.
        id: DocumentId,
        /// Class.
        class: Class,
        /// Words.
        fault: Fault,
        /// Title.
        title: String,
        /// The answer.
        answer: String,
        /// Entity and posting date, for a closed period.
        period: (Option<String>, Date),
    },
    /// Unclear.
    InDoubt {
        /// Which.
        id: DocumentId,
        /// Why.
        why: String,
        /// What there was of an answer.
        answer: Option<String>,
    },
    /// Ours was read back.
    Ours {
        /// Which.
        id: DocumentId,
        /// The bill.
        bill: Box<LedgerBill>,
        /// What differs.
        differences: Vec<String>,
        /// A twin beside it.
        twin: Option<RecordNo>,
    },
    /// Ours was reversed or declined.
    Fallen {
        /// Which.
        id: DocumentId,
        /// The bill.
        bill: Box<LedgerBill>,
    },
    /// Somebody else's bill is there.
    Twin {
        /// Which.
        id: DocumentId,
        /// The bill.
        bill: Box<LedgerBill>,
    },
    /// Ours stands more than once.
    Doubled {
        /// Which.
        id: DocumentId,
        /// Their record numbers.
        records: Vec<RecordNo>,
    },
    /// Ours was there (claimed, differing, or reversed) and is gone now.
    Gone {
        /// Which.
        id: DocumentId,
    },
    /// A row of the ledger that could be its bill cannot be read.
    Unreadable {
        /// Which.
        id: DocumentId,
        /// Which row.
        why: String,
    },
    /// A claimed one was not found although it should be visible.
    NotVisible {
        /// Which.
        id: DocumentId,
    },
    /// Looked for and not found after the quiet time, and not sent again by itself: a person must decide.
    Unsettled {
        /// Which.
        id: DocumentId,
        /// Why it is not sent again.
        why: String,
    },
    /// A new life began while it was sent.
    Recovered {
        /// Which.
        id: DocumentId,
    },
}

/// Not executed this often in a row for reasons of its own: a person looks at it.
const PATIENCE: u32 = 5;

/// Applies a change. Returns whether it still fitted: a person or a poll may have been quicker.
pub fn apply<G: Guards>(tx: &mut Tx<'_>, at: Timestamp, change: &Change) -> Result<bool, StoreError> {
    match tx.document(change.document())? {
        Some(document) if fits(change, document.state) => write::<G>(tx, at, &Actor::Lane, document, change),
        _ => Ok(false),
    }
}

/// Applies what an audit saw of a document whose bill was read back before, if it is still the version that was looked at: what
/// others did meanwhile stands. Returns whether it was.
pub fn apply_audited<G: Guards>(
    tx: &mut Tx<'_>,
    at: Timestamp,
    by: &Actor,
    version: u64,
    change: &Change,
) -> Result<bool, StoreError> {
    match tx.document(change.document())? {
        Some(document) if document.version == version && fits_audited(change, document.state) => {
            write::<G>(tx, at, by, document, change)
        }
        _ => Ok(false),
    }
}

fn write<G: Guards>(
    tx: &mut Tx<'_>,
    at: Timestamp,
    by: &Actor,
    mut document: Document,
    change: &Change,
) -> Result<bool, StoreError> {
    let (id, before) = (document.id, document.state);
    let Some(mut posting) = document.posting.take() else { return Ok(false) };
    let entry = |document: &Document, event, what: String| Entry::of(document, at, by.clone(), event, what);
    let mut entry = match change {
        Change::Intent { hash, request, epoch, .. } => {
            // A poll, a person or new rules may have been quicker than the lane: what waits to be evaluated is not sent as it
            // was, and what lost its approval is not sent at all.
            let waits = before == State::Queued && tx.is_pending(id, before)?;
            let other = hash.get(..16) != Some(&posting.hash) || document.approval != Approval::Approved;
            // What Intacct named a record for is never sent again by a machine.
            let claimed = document.record.is_some();
            if claimed || (G::hold(Guard::StillWanted) && (other || waits)) {
                return Ok(false);
            }
            posting.attempts += 1;
            posting.rounds += u32::from(before == State::InDoubt);
            posting.refused = false;
            posting.last_attempt = Some(Attempt { at, epoch: *epoch, request: request.clone() });
            go(&mut document, State::Sent, at);
            document.reasons.clear();
            let what = match before {
                State::InDoubt => format!(
                    "not found after the quiet time, round {}: about to be sent again under the same control id, attempt {}",
                    posting.rounds, posting.attempts
                ),
                _ => format!("about to be sent, attempt {}", posting.attempts),
            };
            entry(&document, "intent", what).request(hash).fact("request", request).fact("epoch", epoch)
        }
        Change::Claimed { record, answer, .. } => {
            document.record = Some(record.clone());
            posting.not_executed = 0;
            posting.unclear = true;
            go(&mut document, State::Claimed, at);
            entry(&document, "claimed", format!("Intacct answered with record {record}; not yet read back"))
                .answered(Some(answer.clone()))
        }
        Change::NotExecuted { why, answer, alone, .. } => {
            posting.not_executed += u32::from(*alone);
            if posting.not_executed >= PATIENCE {
                let detail = format!("not executed {} times in a row: {why}", posting.not_executed);
                posting.not_executed = 0;
                posting.refused = true;
                fail(
                    &mut document,
                    at,
                    Class::Backoff,
                    Fault { errorno: Text::default(), said: Text::new(why.clone()) },
                    detail,
                );
                entry(&document, "failed", format!("given to a person: {why}")).answered(answer.clone())
            } else {
                go(&mut document, State::Queued, at);
                entry(&document, "not_executed", format!("certainly not executed, back in the queue: {why}"))
                    .answered(answer.clone())
            }
        }
        Change::Refused { class, fault, title, answer, period, .. } => {
            posting.not_executed = 0;
            posting.refused = true;
            posting.unclear = false;
            let said = format!("{}: {}", fault.errorno.raw(), fault.said.raw());
            if *class == Class::Period {
                let key = period_key(period.0.as_deref(), period.1);
                let detail = format!("period {key} is closed: {}", fault.said.raw());
                close_period(tx, at, &key, fault.said.raw())?;
                // Everything queued is evaluated again: what falls into this period is held with it.
                tx.evaluate_all(&[State::Queued])?;
                go(&mut document, State::Held, at);
                document.fault = Some(fault.clone());
                document.reasons = vec![Reason::new(ReasonCode::PeriodClosed, detail)];
                entry(&document, "refused", format!("{title}: {said}")).answered(Some(answer.clone()))
            } else {
                fail(&mut document, at, *class, fault.clone(), format!("{title}: {said}"));
                entry(&document, "refused", format!("{title}: {said}")).answered(Some(answer.clone()))
            }
        }
        Change::InDoubt { why, answer, .. } => {
            posting.unclear = true;
            go(&mut document, State::InDoubt, at);
            entry(&document, "in_doubt", format!("no trustworthy answer: {why}")).answered(answer.clone())
        }
        Change::Recovered { .. } => {
            posting.unclear = true;
            go(&mut document, State::InDoubt, at);
            entry(&document, "in_doubt", "the engine ended while it was being sent".to_owned())
        }
        Change::NotVisible { .. } => {
            posting.unclear = true;
            go(&mut document, State::InDoubt, at);
            entry(&document, "in_doubt", "claimed, but not found when it should be visible".to_owned())
        }
        Change::Gone { .. } => {
            let detail = "it is no longer in Intacct under its number, record or mark".to_owned();
            put_before_person(&mut document, at, before, ReasonCode::LedgerGone, detail.clone(), None);
            entry(&document, "gone", detail)
        }
        Change::Unreadable { why, .. } => {
            let reasons = vec![Reason::new(ReasonCode::LedgerUnreadable, why.clone())];
            if document.reasons == reasons {
                return Ok(false);
            }
            match before {
                State::Queued => go(&mut document, State::Held, at),
                State::Differs => {}
                _ => {
                    posting.unclear = true;
                    go(&mut document, State::InDoubt, at);
                }
            }
            document.reasons = reasons;
            entry(&document, "unreadable", why.clone())
        }
        Change::Unsettled { why, .. } => {
            posting.rounds += 1;
            document.reasons = vec![Reason::new(ReasonCode::Unsettled, why.clone())];
            document.since = at;
            entry(&document, "absent", format!("a person must look: {why}"))
        }
        Change::Ours { bill, differences, twin, .. } => {
            if let Some(entry) = unchanged(&document, bill, differences) {
                return Ok(entry);
            }
            seen(&mut document, at, by, before, bill, differences, twin.as_ref())
        }
        Change::Fallen { bill, .. } => {
            let word = bill.state_word.safe().into_owned();
            let detail = format!("record {} is {word}", bill.record);
            put_before_person(&mut document, at, before, ReasonCode::NotStanding, detail.clone(), Some(bill));
            document.record = Some(bill.record.clone());
            entry(&document, "not_standing", detail)
        }
        Change::Twin { bill, .. } => {
            let detail = format!(
                "record {} has the same vendor and number and is not ours ({})",
                bill.record,
                bill.total.map_or_else(|| "no total".to_owned(), |total| total.to_string())
            );
            put_before_person(&mut document, at, before, ReasonCode::TwinByHand, detail.clone(), Some(bill));
            entry(&document, "twin", detail)
        }
        Change::Doubled { records, .. } => {
            let list: Vec<String> = records.iter().map(ToString::to_string).collect();
            let detail = format!("records {} all carry the mark of this document", list.join(", "));
            document.reasons = vec![Reason::new(ReasonCode::Doubled, detail.clone())];
            document.record = records.first().cloned();
            go(&mut document, State::Differs, at);
            let why = format!("document {}: {detail}", document.label());
            stop_posting(tx, at, by.clone(), &why)?;
            entry(&document, "doubled", detail)
        }
    };
    entry.before = Some(before);
    entry.after = Some(document.state);
    entry.control_id = Some(posting.control_id.clone());
    // What arrived while it was on its way is looked at now that it is settled. What the ledger holds and what keeps its bytes,
    // because a send of them was unclear, would only come back here: a person decides.
    let comes_back = document.state == State::Held && posting.unclear;
    // What only a rule reads is in no revision: what comes back to the queue is evaluated by what it says now.
    let returns = before == State::Sent && document.state == State::Queued;
    let is_newer = (document.revision != Some(posting.revision) || returns) && !comes_back;
    if !document.state.is_unsettled() && (is_newer || document.approval != Approval::Approved) {
        tx.mark_pending(id)?;
    }
    document.posting = Some(posting);
    let given_up = matches!(document.state, State::Failed | State::Held)
        .then(|| document.posting.as_ref().map(|head| head.natural.clone()));
    let is_there = |state: State| state.is_in_ledger() || state == State::Claimed;
    let arrived = is_there(document.state) && !is_there(before);
    tx.audit(&entry)?;
    tx.save(document)?;
    if let Some(natural) = given_up.flatten() {
        tx.mark_rivals_pending(&natural)?;
    }
    if arrived {
        period_is_open(tx, id)?;
    }
    Ok(true)
}

impl Change {
    /// The document that it is about.
    pub fn document(&self) -> DocumentId {
        match self {
            Change::Intent { id, .. }
            | Change::Claimed { id, .. }
            | Change::NotExecuted { id, .. }
            | Change::Refused { id, .. }
            | Change::InDoubt { id, .. }
            | Change::Ours { id, .. }
            | Change::Fallen { id, .. }
            | Change::Twin { id, .. }
            | Change::Doubled { id, .. }
            | Change::Gone { id }
            | Change::NotVisible { id }
            | Change::Unreadable { id, .. }
            | Change::Unsettled { id, .. }
            | Change::Recovered { id } => *id,
        }
    }
}

/// Whether the change may be applied to a document in this state.
fn fits(change: &Change, state: State) -> bool {
    match change {
        Change::Intent { .. } => matches!(state, State::Queued | State::InDoubt),
        Change::Claimed { .. }
        | Change::NotExecuted { .. }
        | Change::Refused { .. }
        | Change::InDoubt { .. }
        | Change::Recovered { .. } => state == State::Sent,
        Change::NotVisible { .. } => state == State::Claimed,
        Change::Gone { .. } => matches!(state, State::Queued | State::Differs),
        Change::Unsettled { .. } => state == State::InDoubt,
        Change::Twin { .. } | Change::Fallen { .. } | Change::Unreadable { .. } => {
            matches!(state, State::Queued | State::InDoubt | State::Claimed | State::Differs)
        }
        Change::Ours { .. } | Change::Doubled { .. } => {
            matches!(state, State::Queued | State::InDoubt | State::Claimed | State::Differs)
        }
    }
}

/// Whether an audit may say so of a document in this state: what was read back as posted may be so no more.
fn fits_audited(change: &Change, state: State) -> bool {
    let settled = matches!(state, State::Posted | State::Drafted);
    match change {
        Change::Ours { differences, .. } => settled && !differences.is_empty(),
        Change::Fallen { .. } | Change::Gone { .. } => settled,
        Change::Doubled { .. } => settled || state == State::Differs,
        _ => false,
    }
}

/// Pauses posting by an alarm, until a person resumes it.
pub fn stop_posting(tx: &mut Tx<'_>, at: Timestamp, by: Actor, why: &str) -> Result<(), StoreError> {
    tx.put_meta(Meta::Pause, &PauseRecord { by: ALARM.to_owned(), at, why: why.to_owned() })?;
    tx.audit(&Entry::engine(at, by, "queue_paused", format!("posting stopped by an alarm: {why}")))
}

fn go(document: &mut Document, state: State, at: Timestamp) {
    if document.state != state {
        document.since = at;
    }
    document.state = state;
}

fn fail(document: &mut Document, at: Timestamp, class: Class, fault: Fault, detail: String) {
    go(document, State::Failed, at);
    document.class = Some(class);
    document.fault = Some(fault);
    document.reasons = vec![Reason::new(ReasonCode::Refused, detail)];
}

/// Held where it was not sent or is in doubt; differing where it was claimed or posted, because then a bill of ours did exist.
fn put_before_person(
    document: &mut Document,
    at: Timestamp,
    before: State,
    code: ReasonCode,
    detail: String,
    bill: Option<&LedgerBill>,
) {
    let existed = before == State::Claimed || before.is_in_ledger();
    go(document, if existed { State::Differs } else { State::Held }, at);
    document.reasons = vec![Reason::new(code, detail)];
    document.ledger = bill.map(|bill| Box::new(bill.clone()));
}

/// A difference that was seen before and has not changed is not written again.
fn unchanged(document: &Document, bill: &LedgerBill, differences: &[String]) -> Option<bool> {
    let same = document.state == State::Differs
        && !differences.is_empty()
        && document.ledger.as_deref() == Some(bill)
        && document.reasons.iter().any(|reason| reason.code == ReasonCode::LedgerDiffers);
    same.then_some(false)
}

fn seen(
    document: &mut Document,
    at: Timestamp,
    by: &Actor,
    before: State,
    bill: &LedgerBill,
    differences: &[String],
    twin: Option<&RecordNo>,
) -> Entry {
    document.record = Some(bill.record.clone());
    document.class = None;
    document.fault = None;
    if !differences.is_empty() {
        let detail = format!("record {}: {}", bill.record, differences.join("; "));
        go(document, State::Differs, at);
        document.reasons = vec![Reason::new(ReasonCode::LedgerDiffers, detail.clone())];
        document.ledger = Some(Box::new(bill.clone()));
        return Entry::of(document, at, by.clone(), "differs", detail).fact("record", &bill.record);
    }
    document.reasons.clear();
    document.ledger = None;
    let adopted = before != State::Claimed;
    if adopted && !document.flags.contains(&Flag::Adopted) {
        document.flags.push(Flag::Adopted);
    }
    if let Some(twin) = twin {
        document.flags.retain(|flag| !matches!(flag, Flag::Twin(_)));
        document.flags.push(Flag::Twin(twin.clone()));
    }
    go(document, if bill.state == LedgerState::Draft { State::Drafted } else { State::Posted }, at);
    let what = match adopted {
        true => format!("found in Intacct as record {} and adopted", bill.record),
        false => format!("read back from Intacct as record {}, equal to what was frozen", bill.record),
    };
    Entry::of(document, at, by.clone(), if adopted { "adopted" } else { "posted" }, what)
        .fact("record", &bill.record)
        .fact("state", bill.state_word.safe())
}
