//! What a person decides about documents: replay, dismiss, reopen, adopt, post anyway.

use crate::messages::{Filter, Selection};
use crate::model::{
    Actor, Approval, Document, DocumentId, Flag, LedgerBill, LedgerState, Mark, Reason, ReasonCode, RecordNo, State,
    Text, Timestamp,
};
use crate::store::{Entry, Reader, StoreError, Tx, Walk};

/// A decision about one document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Post again what was refused; evaluate again what is held; look again at what differs.
    Replay,
    /// It shall not be posted, and why.
    Dismiss(String),
    /// Take a dismissal back.
    Reopen,
    /// This bill of the ledger, just read, is the document's.
    Adopt(Box<LedgerBill>),
    /// Post although a twin stands, or although the bill was reversed, and why.
    PostAnyway(String),
}

/// Why a decision was not carried out, for the person.
pub type Refused = String;

/// Carries a decision out, if the document is still as the person saw it. The message says what happens next.
pub fn decide(
    tx: &mut Tx<'_>,
    at: Timestamp,
    by: &Actor,
    id: DocumentId,
    seen: Option<u64>,
    decision: &Decision,
) -> Result<Result<String, Refused>, StoreError> {
    let Some(document) = tx.document(id)? else { return Ok(Err(format!("document {id} does not exist"))) };
    if seen.is_some_and(|seen| seen != document.version) {
        return Ok(Err(format!("document {id} changed meanwhile: it is {} now; look again", document.state.label())));
    }
    let before = document.state;
    let mut given_up = None;
    let mut after = document;
    let (event, what, message) = match decision {
        Decision::Replay => match replay(tx, at, &mut after)? {
            Ok(message) => ("replayed", "replay ordered".to_owned(), message),
            Err(refused) => return Ok(Err(refused)),
        },
        Decision::Dismiss(reason) => {
            if reason.trim().is_empty() {
                return Ok(Err("a dismissal needs a reason".to_owned()));
            }
            let unsettled = after.asks_person();
            let allowed = match before {
                State::InDoubt => unsettled,
                state => state.may_become(State::Dismissed) && state != State::Dismissed,
            };
            if !allowed {
                return Ok(Err(format!("document {id} is {} and cannot be dismissed", before.label())));
            }
            after.state = State::Dismissed;
            after.reasons.clear();
            tx.clear_pending(id)?;
            given_up = after.posting.as_ref().map(|posting| posting.natural.clone());
            ("dismissed", format!("dismissed: {reason}"), "dismissed".to_owned())
        }
        Decision::Reopen => {
            if before != State::Dismissed {
                return Ok(Err(format!("document {id} is {}, not dismissed", before.label())));
            }
            // What Intacct named a record for and does not have any more is posted as another bill.
            if after.record.is_some() && after.ledger.is_none() {
                next_generation(&mut after);
            }
            again(tx, &mut after)?;
            ("reopened", "reopened".to_owned(), "reopened; it is evaluated again".to_owned())
        }
        Decision::Adopt(bill) => match adopt(tx, &mut after, bill)? {
            Ok(what) => ("adopted", what, format!("adopted record {}", bill.record)),
            Err(refused) => return Ok(Err(refused)),
        },
        Decision::PostAnyway(reason) => match post_anyway(tx, &mut after, reason)? {
            Ok(message) => ("post_anyway", format!("to be posted anyway: {reason}"), message),
            Err(refused) => return Ok(Err(refused)),
        },
    };
    if after.state != before {
        after.since = at;
    }
    let mut entry = Entry::of(&after, at, by.clone(), event, what);
    entry.before = Some(before);
    entry.after = Some(after.state);
    entry.control_id = after.posting.as_ref().map(|posting| posting.control_id.clone());
    tx.audit(&entry)?;
    tx.save(after)?;
    // What was held only because this document had the same vendor and number may go on.
    if let Some(natural) = given_up {
        tx.mark_rivals_pending(&natural)?;
    }
    Ok(Ok(message))
}

/// Puts a document back to be evaluated, or where its approval says.
fn again(tx: &mut Tx<'_>, document: &mut Document) -> Result<(), StoreError> {
    document.class = None;
    document.fault = None;
    document.ledger = None;
    match document.approval {
        Approval::Approved | Approval::Unknown => {
            document.state = State::Held;
            document.reasons = vec![Reason::new(ReasonCode::NotEvaluated, "a person asked for it")];
            tx.mark_pending(document.id)
        }
        Approval::NotApproved | Approval::Cancelled => {
            document.state = State::NotApproved;
            document.reasons.clear();
            Ok(())
        }
    }
}

fn replay(tx: &mut Tx<'_>, at: Timestamp, document: &mut Document) -> Result<Result<String, Refused>, StoreError> {
    let id = document.id;
    let has = |code: ReasonCode| document.reasons.iter().any(|reason| reason.code == code);
    match document.state {
        State::Failed => {
            again(tx, document)?;
            Ok(Ok("it is evaluated again and sent as the next generation".to_owned()))
        }
        State::Held if has(ReasonCode::LedgerGone) => {
            Ok(Err(format!("the bill of document {id} was in Intacct and is gone: post it anyway, or dismiss it")))
        }
        State::Held if has(ReasonCode::NotStanding) => Ok(Err(format!(
            "the bill of document {id} was reversed or declined in Intacct: post it anyway, or dismiss it"
        ))),
        State::Held => {
            if has(ReasonCode::PeriodClosed) {
                // A person says that the period is open again: everything it holds is asked again.
                let frozen = match &document.posting {
                    Some(posting) => tx.frozen(id, posting.generation)?,
                    None => None,
                };
                let month = frozen.map(|frozen| frozen.bill.posting_date.strftime(" %Y-%m").to_string());
                let mut opened = false;
                for key in tx.closed_periods()?.into_keys() {
                    if month.as_ref().is_none_or(|month| key.ends_with(month.as_str())) {
                        tx.put_period(&key, None)?;
                        opened = true;
                    }
                }
                if opened {
                    tx.evaluate_all(&[State::Held])?;
                }
            }
            tx.mark_pending(id)?;
            Ok(Ok("it is evaluated again".to_owned()))
        }
        State::InDoubt if document.asks_person() && !may_be_posted(document) => Ok(Err(format!(
            "JAGGAER does not approve document {id} any more: dismiss it, or have it approved again first"
        ))),
        State::InDoubt if document.asks_person() => {
            // The person is certain that it is not there: a new generation, looked up once more before it is sent.
            next_generation(document);
            again(tx, document)?;
            document.since = at;
            Ok(Ok("it is looked up once more, and sent as the next generation".to_owned()))
        }
        State::Differs => Ok(Ok("it is looked up again".to_owned())),
        state => Ok(Err(format!("document {id} is {}: there is nothing to replay", state.label()))),
    }
}

/// A person gave up what was sent: another bill takes its place.
fn next_generation(document: &mut Document) {
    document.record = None;
    if let Some(posting) = &mut document.posting {
        posting.refused = true;
        posting.unclear = false;
        posting.rounds = 0;
    }
}

/// Whether approval allows that it is posted, as far as is known.
fn may_be_posted(document: &Document) -> bool {
    matches!(document.approval, Approval::Approved | Approval::Unknown)
}

fn adopt(tx: &mut Tx<'_>, document: &mut Document, bill: &LedgerBill) -> Result<Result<String, Refused>, StoreError> {
    let id = document.id;
    if !matches!(document.state, State::Held | State::Differs | State::InDoubt) {
        return Ok(Err(format!("document {id} is {} and cannot adopt a bill", document.state.label())));
    }
    let Some(posting) = &document.posting else {
        return Ok(Err(format!(
            "document {id} was never frozen, so there is nothing to compare; mend its reasons first"
        )));
    };
    let drafted = match bill.state {
        LedgerState::Standing => false,
        LedgerState::Draft => true,
        _ => return Ok(Err(format!("record {} is {} and does not stand", bill.record, bill.state_word.safe()))),
    };
    let mark = Mark::find(bill.marked.raw()).or_else(|| Mark::parse(bill.marked.raw()));
    let ours = mark.as_ref().is_some_and(|mark| mark.stem == posting.mark.stem);
    if mark.is_some() && !ours {
        return Ok(Err(format!("record {} carries the mark of another document: it is that one's bill", bill.record)));
    }
    let unsettled = document.asks_person();
    if document.state == State::InDoubt && !ours && !unsettled {
        return Ok(Err(format!(
            "document {id} may still appear in Intacct by itself, and then there would be two bills: wait until it is settled"
        )));
    }
    for other in tx.occupants(&posting.natural)? {
        let taken = tx.document(other)?.is_some_and(|other| other.record.as_ref() == Some(&bill.record));
        if taken && other != id {
            return Ok(Err(format!("record {} is the bill of document {other} already", bill.record)));
        }
    }
    document.state = if drafted { State::Drafted } else { State::Posted };
    document.reasons.clear();
    document.class = None;
    document.fault = None;
    document.record = Some(bill.record.clone());
    document.ledger = Some(Box::new(bill.clone()));
    if !document.flags.contains(&Flag::Adopted) {
        document.flags.push(Flag::Adopted);
    }
    let total = bill.total.map_or_else(|| "no total".to_owned(), |total| total.to_string());
    Ok(Ok(format!("record {} ({total}) taken as this document's bill", bill.record)))
}

fn post_anyway(tx: &mut Tx<'_>, document: &mut Document, reason: &str) -> Result<Result<String, Refused>, StoreError> {
    let id = document.id;
    if reason.trim().is_empty() {
        return Ok(Err("posting anyway needs a reason".to_owned()));
    }
    let code = document.reasons.first().map(|reason| reason.code);
    let fallen = document.ledger.as_ref().is_some_and(|bill| bill.state == LedgerState::Fallen);
    if !may_be_posted(document) {
        return Ok(Err(format!("JAGGAER does not approve document {id} any more: it cannot be posted anyway")));
    }
    // The bill in the ledger may be of a generation that this store, lost or restored, knows nothing of.
    let seen = document.ledger.as_ref().and_then(|bill| {
        Mark::find(bill.marked.raw()).or_else(|| Mark::parse(bill.marked.raw())).map(|mark| mark.generation)
    });
    let Some(posting) = &mut document.posting else {
        return Ok(Err(format!("document {id} was never frozen: mend its reasons first")));
    };
    match (document.state, code) {
        (State::Held, Some(ReasonCode::TwinByHand | ReasonCode::DuplicateHere)) => {
            posting.despite_twin = true;
            // Its own was claimed and is gone.
            posting.refused |= document.record.is_some();
        }
        (State::Held, Some(ReasonCode::NotStanding | ReasonCode::LedgerGone)) => posting.refused = true,
        (State::Differs, Some(ReasonCode::LedgerGone)) => posting.refused = true,
        (State::Differs, Some(ReasonCode::LedgerDiffers | ReasonCode::NotStanding)) if fallen => posting.refused = true,
        (state, _) => {
            let why = document.reasons.first().map_or("", |reason| reason.code.title());
            return Ok(Err(format!("document {id} is {} ({why}): it cannot be posted anyway", state.label())));
        }
    }
    posting.unclear = false;
    if posting.refused {
        posting.generation = seen.map_or(posting.generation, |seen| seen.max(posting.generation));
        // What it named is gone or reversed.
        document.record = None;
    }
    again(tx, document)?;
    Ok(Ok("it is evaluated again and sent".to_owned()))
}

/// The documents of a selection, with the versions that were seen.
pub fn expand(reader: &Reader, selection: &Selection) -> Result<Vec<(DocumentId, Option<u64>)>, StoreError> {
    match selection {
        Selection::Ids(ids) => Ok(ids.clone()),
        Selection::Where(filter) => {
            let from = filter.since.map(|since| reader.first_since(since)).transpose()?.unwrap_or(0);
            let walk = Walk { after: None, from, oldest_first: true };
            let mut found = Vec::new();
            reader.walk(&filter.states, filter.vendor.as_deref(), walk, |document| {
                if matches(filter, &document) {
                    found.push((document.id, Some(document.version)));
                }
                Ok(true)
            })?;
            Ok(found)
        }
    }
}

/// Whether a document matches a filter.
pub fn matches(filter: &Filter, document: &Document) -> bool {
    let state = filter.states.is_empty() || filter.states.contains(&document.state);
    let vendor = filter
        .vendor
        .as_ref()
        .is_none_or(|vendor| document.summary.supplier_number.as_ref().is_some_and(|number| number.raw() == vendor));
    let reason = filter.reason.is_none_or(|code| document.reasons.iter().any(|reason| reason.code == code));
    let class = filter.class.is_none_or(|class| document.class == Some(class));
    let since = filter.since.is_none_or(|since| document.first_seen >= since);
    let flagged = !filter.flagged || !document.flags.is_empty();
    state
        && vendor
        && reason
        && class
        && since
        && flagged
        && filter.text.as_ref().is_none_or(|text| has_text(document, text))
}

fn has_text(document: &Document, wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    let has = |text: &Text| text.raw().to_lowercase().contains(&wanted);
    let summary = &document.summary;
    document.id.to_string() == wanted
        || document.key.as_str().to_lowercase().contains(&wanted)
        || [&summary.number, &summary.buyer_number, &summary.supplier_number, &summary.supplier_name]
            .into_iter()
            .flatten()
            .any(has)
        || document.record.as_ref().is_some_and(|RecordNo(record)| *record == wanted)
        || document.reasons.iter().any(|reason| has(&reason.detail) || reason.code.word().contains(&wanted))
}
