//! One document in full, for a person.

use crate::intacct::catalogue::Catalogue;
use crate::messages::{BillView, DocumentDetail, ExplainedError, ExplainedReason, LineView, PostingView};
use crate::model::{Bill, Document, DocumentId, Invoice, LedgerBill, LedgerState, Money, ReasonCode, State, Text};
use crate::posting::Evaluator;
use crate::store::{Frozen, Reader, StoreError};

/// What the store knows of a document.
pub struct Found {
    document: Document,
    sealed: Option<Vec<u8>>,
    frozen: Option<Frozen>,
}

/// Reads it.
pub fn read(reader: &Reader, id: DocumentId) -> Result<Option<Found>, StoreError> {
    let Some(document) = reader.document(id)? else { return Ok(None) };
    let sealed = reader.raw(id, document.raw_version)?;
    let frozen = match &document.posting {
        Some(posting) => reader.frozen(id, posting.generation)?,
        None => None,
    };
    Ok(Some(Found { document, sealed, frozen }))
}

/// Puts it into words.
pub fn build(found: Found, evaluator: Option<&Evaluator>) -> DocumentDetail {
    let Found { document, sealed, frozen } = found;
    let invoice = evaluator.zip(sealed.as_deref()).and_then(|(evaluator, sealed)| evaluator.invoice(&document, sealed));
    let posting = document.posting.as_ref().zip(frozen.as_ref()).map(|(head, frozen)| PostingView {
        generation: head.generation.0,
        control_id: head.control_id.as_str().to_owned(),
        mark: head.mark.to_string(),
        attempts: head.attempts,
        last_attempt: head.last_attempt.as_ref().map(|attempt| attempt.at),
        mapping: frozen.mapping.clone(),
        bill: frozen_view(&frozen.bill, &head.mark.suffix()),
    });
    DocumentDetail {
        row: super::answer::row(&document),
        key: Text::new(document.key.as_str()),
        first_seen: document.first_seen,
        approval: document.approval.label().to_owned(),
        reasons: document.reasons.iter().map(ExplainedReason::from).collect(),
        error: error(&document),
        facts: invoice.as_ref().map(facts).unwrap_or_default(),
        lines: invoice.as_ref().map(lines).unwrap_or_default(),
        posting,
        ledger: document.ledger.as_deref().map(ledger_view),
        actions: actions(&document),
    }
}

fn error(document: &Document) -> Option<ExplainedError> {
    use crate::intacct::answer::GatewayError;
    let fault = document.fault.as_ref()?;
    let error =
        GatewayError { errorno: fault.errorno.clone(), description2: fault.said.clone(), ..GatewayError::default() };
    let catalogue = Catalogue::builtin();
    let errors = [error];
    let explained = catalogue.explain(&errors, crate::intacct::catalogue::Place::Function);
    Some(ExplainedError {
        class: document.class.unwrap_or(explained.class),
        errorno: fault.errorno.clone(),
        said: fault.said.clone(),
        title: explained.title.safe().into_owned(),
        meaning: explained.meaning.safe().into_owned(),
        advice: explained.advice.safe().into_owned(),
    })
}

fn facts(invoice: &Invoice) -> Vec<(String, Text)> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: Option<Text>| {
        if let Some(value) = value {
            facts.push((name.to_owned(), value));
        }
    };
    let date = |date: Option<crate::model::Date>| date.map(|date| Text::new(date.to_string()));
    add("Due date", date(invoice.due_date));
    add("Accounting date", date(invoice.posting_date));
    add("Terms", invoice.terms.clone());
    add("Business unit", invoice.entity.clone());
    let total = invoice.totals.total.zip(invoice.currency).map(|(amount, currency)| Money { amount, currency });
    add("Stated total", total.map(|total| Text::new(total.to_string())));
    for (name, value) in invoice.custom.iter().take(20) {
        facts.push((crate::model::safe(name).into_owned(), value.clone()));
    }
    facts
}

/// Lines shown of one document.
const LINES: usize = 2_000;

fn lines(invoice: &Invoice) -> Vec<LineView> {
    let digits = invoice.currency.map_or(0, |currency| currency.digits());
    invoice
        .lines
        .iter()
        .take(LINES)
        .map(|line| LineView {
            number: line.number,
            kind: line.kind.word().to_owned(),
            description: line.description.clone().unwrap_or_default(),
            amount: line.amount.written(digits),
            splits: line
                .splits
                .iter()
                .map(|split| {
                    let segments = split
                        .segments
                        .iter()
                        .map(|(name, value)| (crate::model::safe(name).into_owned(), value.clone()));
                    (split.amount.written(digits), segments.collect())
                })
                .collect(),
        })
        .collect()
}

fn frozen_view(bill: &Bill, suffix: &str) -> BillView {
    BillView {
        record: None,
        vendor: Text::new(bill.vendor.clone()),
        number: Text::new(bill.number.clone()),
        total: Some(Money { amount: bill.total(), currency: bill.currency }),
        date: Some(bill.date),
        due: Some(bill.due_date),
        posting_date: Some(bill.posting_date),
        state: Text::default(),
        description: Text::new(format!("{}{suffix}", bill.description)),
        lines: bill
            .lines
            .iter()
            .take(LINES)
            .map(|line| {
                let d = &line.dimensions;
                let mut words = vec![
                    line.amount.fixed(bill.currency.digits()),
                    line.account.clone().or_else(|| line.account_label.clone()).unwrap_or_default(),
                ];
                for (name, value) in [
                    ("location", &d.location),
                    ("department", &d.department),
                    ("class", &d.class),
                    ("project", &d.project),
                    ("task", &d.task),
                    ("item", &d.item),
                    ("customer", &d.customer),
                    ("employee", &d.employee),
                ] {
                    if let Some(value) = value {
                        words.push(format!("{name} {value}"));
                    }
                }
                crate::model::safe(&words.join("  ")).into_owned()
            })
            .collect(),
    }
}

fn ledger_view(bill: &LedgerBill) -> BillView {
    BillView {
        record: Some(bill.record.to_string()),
        vendor: bill.vendor.clone(),
        number: bill.number.clone(),
        total: bill.total.zip(bill.currency).map(|(amount, currency)| Money { amount, currency }),
        date: bill.date,
        due: bill.due_date,
        posting_date: bill.posting_date,
        state: bill.state_word.clone(),
        description: bill.marked.clone(),
        lines: bill.lines.map(|count| vec![format!("{count} lines")]).unwrap_or_default(),
    }
}

/// What a person may do now.
fn actions(document: &Document) -> Vec<String> {
    let has = |code| document.reasons.iter().any(|reason| reason.code == code);
    let words: &[&str] = match document.state {
        State::Failed => &["replay", "dismiss"],
        State::Held if has(ReasonCode::TwinByHand) => &["replay", "dismiss", "adopt", "post_anyway"],
        State::Held if has(ReasonCode::DuplicateHere) => &["replay", "dismiss", "post_anyway"],
        State::Held if has(ReasonCode::NotStanding) || has(ReasonCode::LedgerGone) => &["dismiss", "post_anyway"],
        State::Held if has(ReasonCode::LedgerUnreadable) => &["replay", "dismiss", "adopt"],
        State::Held => &["replay", "dismiss"],
        State::Differs if has(ReasonCode::LedgerGone) => &["replay", "dismiss", "post_anyway"],
        State::Differs => {
            let fallen = document.ledger.as_ref().is_some_and(|bill| bill.state == LedgerState::Fallen);
            if fallen { &["replay", "dismiss", "post_anyway"] } else { &["replay", "dismiss", "adopt"] }
        }
        State::InDoubt if document.asks_person() => &["replay", "dismiss", "adopt"],
        State::Dismissed => &["reopen"],
        State::Queued | State::NotApproved | State::BeforeCutover | State::Withdrawn => &["dismiss"],
        _ => &[],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}
