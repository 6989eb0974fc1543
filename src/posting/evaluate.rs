//! Evaluation: an approved document becomes a frozen posting in the queue, or is held with every reason at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::freeze::{FreezeOptions, freeze};
use super::intake::{summary, unseal_raw};
use crate::jaggaer::{Profile, RawDocument};
use crate::mapping::{Explanation, MapOptions, RawFields, ReferenceTable, Rules};
use crate::model::{
    Actor, Amount, Approval, Bill, Date, Document, DocumentId, Flag, Invoice, Reason, ReasonCode, ReferenceKind,
    Revision, State, Summary, Text, Timestamp,
};
use crate::seams::{Guard, Guards};
use crate::store::{Entry, Meta, StoreError, Tx, VendorStart};
use crate::vault::DataCipher;

/// Everything that decides what a document becomes. Cheap to clone; replaced as a whole when something of it changes.
#[derive(Clone)]
pub struct Evaluator {
    /// Reads the source.
    pub profile: Arc<Profile>,
    /// Maps it.
    pub rules: Arc<Rules>,
    /// What exists in Intacct.
    pub reference: ReferenceTable,
    /// Opens raw documents.
    pub cipher: DataCipher,
    /// What the mapping must know.
    pub options: MapOptions,
    /// What freezing must know.
    pub freeze: FreezeOptions,
}

/// A document to be evaluated, with its sealed raw version.
pub type Pending = (Document, Option<Vec<u8>>);

/// What a document becomes.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// Which document.
    pub id: DocumentId,
    /// The version of it that was evaluated.
    pub version: u64,
    /// What the document says of itself, read with the profile as it is now; `None` while it is unreadable.
    pub learned: Option<Learned>,
    /// The outcome.
    pub outcome: Outcome,
    /// Values that reference data lack.
    pub needs: Vec<(ReferenceKind, String)>,
}

/// What a document says of itself.
#[derive(Clone, Debug)]
pub struct Learned {
    /// Its approval.
    pub approval: Approval,
    /// Hash of what can reach a posting.
    pub revision: Revision,
    /// What lists show.
    pub summary: Summary,
}

/// The outcome of an evaluation.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Dated before the cut-over.
    BeforeCutover(Date),
    /// Held.
    Held(Vec<Reason>),
    /// Ready to be frozen.
    Ready(Box<Bill>, Revision, u32),
}

/// What one reading gave.
struct Read {
    learned: Option<Learned>,
    outcome: Outcome,
    needs: Vec<(ReferenceKind, String)>,
    explained: Option<Explained>,
}

impl Default for Read {
    fn default() -> Self {
        Read { learned: None, outcome: Outcome::Held(Vec::new()), needs: Vec::new(), explained: None }
    }
}

/// What an explanation adds.
struct Explained {
    invoice: Invoice,
    explanation: Option<Explanation>,
    bill: Option<Bill>,
}

impl Explained {
    /// All money with the decimals of its currency, as everywhere in JSON.
    fn write_amounts(&mut self) {
        let Some(digits) = self.invoice.currency.map(|currency| currency.digits()) else { return };
        let write = |amount: &mut Amount| *amount = amount.written(digits);
        self.invoice.totals.total.iter_mut().for_each(write);
        for line in &mut self.invoice.lines {
            write(&mut line.amount);
            line.splits.iter_mut().for_each(|split| write(&mut split.amount));
        }
        for line in self.explanation.iter_mut().flat_map(|explanation| &mut explanation.lines) {
            write(&mut line.amount);
            line.splits.iter_mut().for_each(|split| write(&mut split.amount));
        }
        self.bill.iter_mut().flat_map(|bill| &mut bill.lines).for_each(|line| write(&mut line.amount));
    }
}

struct Raw<'t>(Option<RawDocument<'t>>);

impl RawFields for Raw<'_> {
    fn raw(&self, path: &str) -> Option<Text> {
        self.0.as_ref()?.value(path)
    }
}

impl Evaluator {
    /// Changes with everything of this that decides what a document becomes, except the reference data: who changes those
    /// says in the same commit that documents are to be evaluated again.
    pub fn fingerprint(&self) -> String {
        let mut digest = Sha256::new();
        let Evaluator { profile, rules, options, freeze, .. } = self;
        let parts = [env!("CARGO_PKG_VERSION"), profile.version(), rules.version(), &format!("{options:?} {freeze:?}")];
        digest.update(parts.join("\n"));
        data_encoding::HEXLOWER.encode(&digest.finalize())
    }

    /// Evaluates one document. Pure: the same arguments give the same outcome.
    pub fn evaluate(&self, (document, sealed): &Pending) -> Evaluated {
        let unreadable = |what: String| Read {
            outcome: Outcome::Held(vec![Reason::new(ReasonCode::Unreadable, what)]),
            ..Read::default()
        };
        let read = match sealed.as_deref().map(|sealed| unseal_raw(&self.cipher, &document.key, sealed)) {
            // It changed and could not be read: why is said already, and these bytes say nothing.
            Some(Ok(bytes)) if bytes.is_empty() && !document.reasons.is_empty() => {
                Read { outcome: Outcome::Held(document.reasons.clone()), ..Read::default() }
            }
            Some(Ok(bytes)) => self.read(&bytes, false),
            Some(Err(what)) => unreadable(format!("its raw document cannot be opened: {what}")),
            None => unreadable("its raw document is missing from the store".to_owned()),
        };
        Evaluated {
            id: document.id,
            version: document.version,
            learned: read.learned,
            outcome: read.outcome,
            needs: read.needs,
        }
    }

    /// Evaluates a source document given as bytes; with an explanation where asked for.
    fn read(&self, bytes: &[u8], explain: bool) -> Read {
        let converted = match self.profile.read_detail(bytes) {
            Ok(converted) => converted,
            Err(unreadable) => {
                let reason = Reason::new(ReasonCode::Unreadable, unreadable.what.raw().to_owned());
                return Read { outcome: Outcome::Held(vec![reason]), ..Read::default() };
            }
        };
        let invoice = &converted.invoice;
        let learned = Learned { approval: converted.approval, revision: converted.revision, summary: summary(invoice) };
        // Only rules that name raw fields need the document a second time.
        let raw = Raw(self.rules.names_raw_fields().then(|| RawDocument::parse(bytes)).flatten());
        let mut options = std::borrow::Cow::Borrowed(&self.options);
        if explain {
            options.to_mut().explain = true;
        }
        let early =
            self.options.from.zip(invoice.invoice_date).filter(|(from, date)| date < from).map(|(_, date)| date);
        let readable = converted.faults.iter().all(|fault| fault.code != ReasonCode::Unreadable);
        let early = early.filter(|_| readable);
        if let (Some(date), false) = (early, explain) {
            return Read { learned: Some(learned), outcome: Outcome::BeforeCutover(date), ..Read::default() };
        }
        let mapped = self.rules.map(invoice, &raw, &self.reference, &options);
        let mut reasons = converted.faults;
        let known: BTreeSet<ReasonCode> = reasons.iter().map(|reason| reason.code).collect();
        reasons.retain(|reason| !follows(reason.code, &known));
        let news = |reason: &Reason| !known.contains(&reason.code) && !follows(reason.code, &known);
        reasons.extend(mapped.reasons.into_iter().filter(news));
        if converted.approval == Approval::Unknown && !known.contains(&ReasonCode::UnknownStatus) {
            reasons.push(Reason::new(ReasonCode::UnknownStatus, "its status words are not in the profile"));
        }
        let bill = explain.then(|| mapped.bill.clone()).flatten();
        let outcome = match (early, mapped.bill) {
            (Some(date), _) => Outcome::BeforeCutover(date),
            (None, Some(bill)) if reasons.is_empty() => {
                Outcome::Ready(Box::new(bill), converted.revision, mapped.cleaned)
            }
            _ => Outcome::Held(reasons),
        };
        let explained =
            explain.then_some(Explained { invoice: converted.invoice, explanation: mapped.explanation, bill });
        Read { learned: Some(learned), outcome, needs: mapped.needs, explained }
    }

    /// Why a source document gets what it gets: text for people, data for programs.
    pub fn explain(&self, bytes: &[u8]) -> crate::messages::Explanation {
        let Read { learned, outcome, explained, .. } = self.read(bytes, true);
        let mut text = String::new();
        let mut data = serde_json::Map::new();
        let line = |text: &mut String, what: &str| {
            text.push_str(what);
            text.push('\n');
        };
        if let (Some(mut explained), Some(Learned { approval, .. })) = (explained, learned) {
            explained.write_amounts();
            let Explained { invoice, explanation, bill } = explained;
            let number = invoice.number.as_ref().map_or("without a number".into(), Text::safe);
            line(&mut text, &format!("Invoice {} ({number}), approval: {approval:?}", crate::model::safe(&invoice.id)));
            data.insert("approval".to_owned(), serde_json::json!(approval));
            data.insert("invoice".to_owned(), serde_json::json!(invoice));
            if let Some(explanation) = explanation {
                text.push_str(&explanation.text());
                data.insert("explanation".to_owned(), serde_json::json!(explanation));
            }
            data.insert("bill".to_owned(), serde_json::json!(bill));
        }
        let (word, reasons) = match outcome {
            Outcome::BeforeCutover(date) => {
                line(&mut text, &format!("Result: listed, never posted; its date {date} is before the cut-over"));
                ("before_cutover", Vec::new())
            }
            Outcome::Held(reasons) => {
                line(&mut text, "Result: held");
                for reason in &reasons {
                    line(&mut text, &format!("  {}: {}", reason.code.title(), reason.detail.safe()));
                }
                ("held", reasons)
            }
            Outcome::Ready(bill, ..) => {
                let total = crate::model::Money { amount: bill.total(), currency: bill.currency };
                line(
                    &mut text,
                    &format!("Result: would be posted for vendor {}, {} lines, {total}", bill.vendor, bill.lines.len()),
                );
                ("ready", Vec::new())
            }
        };
        data.insert("result".to_owned(), serde_json::json!(word));
        data.insert("reasons".to_owned(), serde_json::json!(reasons));
        crate::messages::Explanation { text, data: serde_json::Value::Object(data) }
    }

    /// Whether bytes are a source document at all, whatever it would come to; otherwise why not.
    pub fn readable(&self, bytes: &[u8]) -> Result<(), String> {
        self.profile.read_detail(bytes).map(drop).map_err(|unreadable| unreadable.what.safe().into_owned())
    }

    /// Reads a document for a person: the canonical invoice.
    pub fn invoice(&self, document: &Document, sealed: &[u8]) -> Option<Invoice> {
        let bytes = unseal_raw(&self.cipher, &document.key, sealed).ok()?;
        self.profile.read_detail(&bytes).ok().map(|converted| converted.invoice)
    }

    /// The raw document of a person's question.
    pub fn raw(&self, document: &Document, sealed: &[u8]) -> Result<Vec<u8>, String> {
        unseal_raw(&self.cipher, &document.key, sealed)
    }
}

/// Where an evaluation left a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// It may not be sent.
    NotQueued,
    /// It may be sent, for the first time or as it stood.
    Queued,
    /// It may be sent, was frozen before, and stands otherwise now.
    Requeued,
}

/// Applies an evaluation, if the document has not changed since.
pub fn apply_evaluation<G: Guards>(
    tx: &mut Tx<'_>,
    at: Timestamp,
    evaluated: Evaluated,
    options: &FreezeOptions,
) -> Result<Applied, StoreError> {
    let Some(mut document) = tx.document(evaluated.id)? else { return Ok(Applied::NotQueued) };
    if document.version != evaluated.version {
        // It is evaluated again as it is now.
        tx.mark_pending(document.id)?;
        return Ok(Applied::NotQueued);
    }
    tx.clear_pending(document.id)?;
    let (before, revision, approval) = (document.state, document.revision, document.approval);
    let (reasons, posting) = (document.reasons.clone(), document.posting.clone());
    match before {
        // Changed at the source while it was on its way, and refused: a new version is a new try.
        State::Failed if document.posting.as_ref().map(|head| head.revision) != document.revision => {}
        State::Posted | State::Drafted | State::Differs => return after_posting(tx, at, &evaluated, document),
        State::Sent | State::Claimed | State::InDoubt | State::Failed | State::Dismissed => {
            return Ok(Applied::NotQueued);
        }
        State::Held | State::Queued | State::BeforeCutover | State::NotApproved | State::Withdrawn => {}
    }
    if let Some(learned) = evaluated.learned {
        // The profile may read it otherwise than when it arrived.
        document.approval = learned.approval;
        document.revision = Some(learned.revision);
        document.summary = learned.summary;
    }
    if matches!(document.approval, Approval::NotApproved | Approval::Cancelled) {
        return match before {
            State::NotApproved | State::Withdrawn => Ok(Applied::NotQueued),
            _ => withdraw(tx, at, document),
        };
    }
    let mut event = "held";
    let what;
    let mut frozen_now = None;
    match evaluated.outcome {
        Outcome::BeforeCutover(date) => {
            event = "before_cutover";
            what = format!("dated {date}, before the cut-over: listed, never posted");
            document.state = State::BeforeCutover;
            document.reasons.clear();
        }
        Outcome::Held(reasons) => {
            what = format!("held: {}", titles(&reasons));
            hold(&mut document, reasons);
        }
        Outcome::Ready(bill, revision, cleaned) => {
            let previous = match &document.posting {
                Some(posting) => tx.frozen(document.id, posting.generation)?,
                None => None,
            };
            document.revision = Some(revision);
            let frozen = freeze(&document, *bill, revision, previous.as_ref(), options, at);
            // An unclear send keeps what was frozen; the change shows once it is settled.
            let (posting, frozen) = match (frozen, &document.posting, &previous) {
                (Some((posting, frozen)), ..) => (posting, frozen),
                (None, Some(posting), Some(previous)) => (posting.clone(), previous.clone()),
                _ => return Ok(Applied::NotQueued),
            };
            // Also while it is held, so that a probe of its period and a person who adopts a bill find what it would be.
            if previous.as_ref() != Some(&frozen) {
                tx.put_frozen(document.id, &frozen)?;
            }
            let key = crate::lane::period_key(options.company.entity.as_deref(), frozen.bill.posting_date);
            let period = match tx.closed_period(&key)? {
                Some(_) if crate::lane::asks_period(tx, &key, document.id)? => None,
                period => period,
            };
            // Before vendors were started nothing is done about a conflict, and no invoice waits for it.
            let started = tx.meta::<VendorStart>(Meta::VendorStart)?.is_some();
            let blocked = started && tx.is_blocked_vendor(&posting.vendor)?;
            let rivals: Vec<DocumentId> =
                tx.occupants(&posting.natural)?.into_iter().filter(|other| *other != document.id).collect();
            if let Some(period) = period {
                let detail = match key.split_once(' ') {
                    Some(("*", month)) => format!("Intacct refused {month} as closed: {}", period.said),
                    Some((entity, month)) => {
                        format!("Intacct refused {month} of entity {entity} as closed: {}", period.said)
                    }
                    None => format!("Intacct refused {key} as closed: {}", period.said),
                };
                hold(&mut document, vec![Reason::new(ReasonCode::PeriodClosed, detail)]);
                what = "held: its period is closed".to_owned();
            } else if blocked {
                let detail =
                    format!("vendor {} is in conflict with its supplier on a field that postings need", posting.vendor);
                hold(&mut document, vec![Reason::new(ReasonCode::VendorConflict, detail)]);
                what = "held: its vendor is in conflict".to_owned();
            } else if let (Some(other), false) =
                (rivals.first().filter(|_| G::hold(Guard::OneNaturalKey)), posting.despite_twin)
            {
                let detail = format!("document {other} has the same vendor {} and number", posting.vendor);
                hold(&mut document, vec![Reason::new(ReasonCode::DuplicateHere, detail)]);
                what = format!("held: document {other} has the same vendor and number");
            } else {
                event = "queued";
                what = format!("frozen as generation {} and queued, {}", posting.generation, posting.total);
                document.flags.retain(|flag| !matches!(flag, Flag::TextCleaned(_)));
                if cleaned > 0 {
                    document.flags.push(Flag::TextCleaned(cleaned));
                }
                document.state = State::Queued;
                document.reasons.clear();
                document.class = None;
                document.fault = None;
                document.ledger = None;
                frozen_now = Some((frozen, cleaned));
            }
            document.posting = Some(posting);
        }
    }
    let queued = document.state == State::Queued;
    let as_it_stood = if queued { Applied::Queued } else { Applied::NotQueued };
    if document.state == before && document.reasons == reasons && document.posting == posting {
        if document.revision != revision || document.approval != approval {
            tx.save(document)?;
        }
        return Ok(as_it_stood);
    }
    if document.state != before {
        document.since = at;
    }
    let mut entry = Entry::of(&document, at, Actor::Engine, event, what);
    entry.before = Some(before);
    entry.after = Some(document.state);
    for reason in document.reasons.iter().take(20) {
        entry.facts.push((reason.code.word(), reason.detail.raw().to_owned()));
    }
    if let Some((frozen, cleaned)) = frozen_now {
        entry = entry.request(&frozen.hash).fact("mapping", &frozen.mapping).fact("total", frozen.bill.total());
        entry.control_id = document.posting.as_ref().map(|posting| posting.control_id.clone());
        if cleaned > 0 {
            entry = entry.fact("characters_removed", cleaned);
        }
    }
    // Who was held because this one had the number may go now.
    let given_up = posting.as_ref().filter(|head| {
        let kept = document.posting.as_ref().filter(|_| queued).map(|head| &head.natural);
        before == State::Queued && kept != Some(&head.natural)
    });
    let given_up = given_up.map(|head| head.natural.clone());
    tx.audit(&entry)?;
    tx.save(document)?;
    if let Some(natural) = given_up {
        tx.mark_rivals_pending(&natural)?;
    }
    Ok(if queued && posting.is_some() { Applied::Requeued } else { as_it_stood })
}

/// Approval was lost while it waited, or while a send was on its way that was certainly not executed: nothing is sent.
fn withdraw(tx: &mut Tx<'_>, at: Timestamp, mut document: Document) -> Result<Applied, StoreError> {
    let before = document.state;
    document.state = if before == State::BeforeCutover { State::NotApproved } else { State::Withdrawn };
    document.since = at;
    document.class = None;
    document.fault = None;
    document.ledger = None;
    document.reasons.clear();
    let mut entry = Entry::of(&document, at, Actor::Engine, "withdrawn", "JAGGAER does not approve it any more");
    entry.before = Some(before);
    entry.after = Some(document.state);
    tx.audit(&entry)?;
    let natural = document.posting.as_ref().map(|posting| posting.natural.clone());
    tx.save(document)?;
    natural.map_or(Ok(()), |natural| tx.mark_rivals_pending(&natural))?;
    Ok(Applied::NotQueued)
}

/// Whether a reason only follows from another: what was built on a value that could not be read says nothing of its own.
fn follows(code: ReasonCode, known: &BTreeSet<ReasonCode>) -> bool {
    use ReasonCode::{DimensionRequired, KindDisagrees, SplitsUnclear, TotalsDisagree, Unreadable, ValueMissing};
    match code {
        ValueMissing | DimensionRequired => known.contains(&SplitsUnclear) || known.contains(&Unreadable),
        KindDisagrees | TotalsDisagree | SplitsUnclear => known.contains(&Unreadable),
        _ => false,
    }
}

fn hold(document: &mut Document, reasons: Vec<Reason>) {
    document.state = State::Held;
    document.class = None;
    document.fault = None;
    document.ledger = None;
    document.reasons = reasons;
}

fn titles(reasons: &[Reason]) -> String {
    let mut titles: Vec<&str> = reasons.iter().map(|reason| reason.code.title()).collect();
    titles.dedup();
    titles.join(", ")
}

/// A posted document changed at the source: nothing is sent; what matters and differs is flagged for a person.
fn after_posting(
    tx: &mut Tx<'_>,
    at: Timestamp,
    evaluated: &Evaluated,
    mut document: Document,
) -> Result<Applied, StoreError> {
    let Some(generation) = document.posting.as_ref().map(|posting| posting.generation) else {
        return Ok(Applied::NotQueued);
    };
    let Some(frozen) = tx.frozen(document.id, generation)? else { return Ok(Applied::NotQueued) };
    let approved = match &evaluated.learned {
        // Paid at the source is where a posted bill is meant to get: intake keeps the approval then.
        _ if document.approval == Approval::Approved => true,
        Some(learned) => learned.approval == Approval::Approved,
        None => false,
    };
    let difference = match &evaluated.outcome {
        _ if !approved => Some("its approval was lost".to_owned()),
        Outcome::Ready(bill, ..) => changes(&frozen.bill, bill),
        Outcome::Held(reasons) => Some(format!("it could not be posted as it is now: {}", titles(reasons))),
        Outcome::BeforeCutover(date) => Some(format!("it is now dated {date}, before the cut-over")),
    };
    let known = document.flags.iter().find_map(|flag| match flag {
        Flag::ChangedAfterPosting(what) => Some(what.raw().to_owned()),
        _ => None,
    });
    if known == difference {
        return Ok(Applied::NotQueued);
    }
    document.flags.retain(|flag| !matches!(flag, Flag::ChangedAfterPosting(_)));
    let what = match difference {
        Some(difference) => {
            let what = format!("changed after posting: {difference}");
            document.flags.push(Flag::ChangedAfterPosting(Text::new(difference)));
            what
        }
        None => "what changed does not reach the bill".to_owned(),
    };
    let mut entry = Entry::of(&document, at, Actor::Engine, "changed_after_posting", what);
    entry.before = Some(document.state);
    entry.after = Some(document.state);
    tx.audit(&entry)?;
    tx.save(document)?;
    Ok(Applied::NotQueued)
}

/// What differs between two bills, in words; `None` where nothing does.
fn changes(posted: &Bill, now: &Bill) -> Option<String> {
    let mut found = Vec::new();
    if posted.total() != now.total() || posted.currency != now.currency {
        let money = |bill: &Bill| format!("{} {}", bill.total().fixed(bill.currency.digits()), bill.currency);
        found.push(format!("total {} instead of {}", money(now), money(posted)));
    }
    if posted.vendor != now.vendor {
        found.push(format!("vendor {} instead of {}", now.vendor, posted.vendor));
    }
    if posted.number != now.number {
        found.push(format!("bill number {} instead of {}", now.number, posted.number));
    }
    for (what, before, after) in [
        ("invoice date", posted.date, now.date),
        ("posting date", posted.posting_date, now.posting_date),
        ("due date", posted.due_date, now.due_date),
    ] {
        if before != after {
            found.push(format!("{what} {after} instead of {before}"));
        }
    }
    if found.is_empty() && posted.lines != now.lines {
        found.push("lines or their accounts".to_owned());
    }
    (!found.is_empty()).then(|| found.join("; "))
}
