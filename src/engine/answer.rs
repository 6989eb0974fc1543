//! Answering questions from the store, with an engine or without.

use std::sync::Arc;

use super::core::Engine;
use super::detail;
use super::vendors::{Base, answer as vendors};
use crate::messages::{
    Answer, AuditLine, AuditReport, DocumentPage, DocumentRow, LogRing, PageRequest, Question, Refusal, RefusalKind,
    Snapshot,
};
use crate::model::{Document, DocumentId, DocumentKey, DocumentKind, PairId, State, Text, Timestamp, safe};
use crate::posting::{Evaluator, matches};
use crate::seams::Guards;
use crate::store::{Reader, Store, StoreError, StoredEntry, Walk};

/// What answering needs besides the store.
pub struct Sources {
    /// The store.
    pub store: Store,
    /// Reads and explains documents; without vault or profile there is none.
    pub evaluator: Option<Arc<Evaluator>>,
    /// By which rules vendors are compared; without a profile there are none.
    pub base: Option<Base>,
    /// JAGGAER's instance, to find documents by their id.
    pub instance: Option<String>,
    /// The snapshot as of now.
    pub snapshot: Arc<Snapshot>,
    /// The log.
    pub log: LogRing,
    /// Now.
    pub now: Timestamp,
}

impl<G: Guards> Engine<G> {
    pub(super) async fn answer(&self, question: Question) -> Result<Answer, Refusal> {
        let sources = Sources {
            store: self.inner.store.clone(),
            evaluator: Some(self.evaluator()),
            base: Some(self.base()),
            instance: Some(self.config().jaggaer.instance.clone()),
            snapshot: match question {
                Question::Status => Arc::new(self.fresh_snapshot()),
                _ => self.inner.snapshots.borrow().clone(),
            },
            log: self.inner.log.clone(),
            now: self.inner.seams.clock.now(),
        };
        answer(sources, question).await
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refusal::new(RefusalKind::Failed, error.to_string())
    }
}

/// Answers a question.
pub async fn answer(sources: Sources, question: Question) -> Result<Answer, Refusal> {
    let Sources { store, evaluator, base, instance, snapshot, log, now } = sources;
    match question {
        Question::Status => Ok(Answer::Status(snapshot)),
        Question::Log(count) => Ok(Answer::Log(log.last(usize::try_from(count).unwrap_or(usize::MAX)))),
        Question::Documents(request) => {
            let total = known_total(&request, &snapshot);
            let page = store.read(move |reader| documents(reader, &request, now)).await?;
            Ok(Answer::Documents(DocumentPage { total, ..page }))
        }
        Question::Find(text) => {
            let rows = store.read(move |reader| find(reader, &text, instance.as_deref())).await?;
            let total = Some(rows.len() as u64);
            Ok(Answer::Documents(DocumentPage { rows, next: None, total, at: now }))
        }
        Question::Document(id) => {
            let found = store.read(move |reader| detail::read(reader, id)).await?.ok_or_else(|| missing(id))?;
            Ok(Answer::Document(Box::new(detail::build(found, evaluator.as_deref()))))
        }
        Question::Explain(id) => {
            let evaluator = evaluator.ok_or_else(no_evaluator)?;
            let found = store
                .read(move |reader| {
                    let Some(document) = reader.document(id)? else { return Ok(None) };
                    let sealed = reader.raw(id, document.raw_version)?;
                    Ok(Some((document, sealed)))
                })
                .await?
                .ok_or_else(|| missing(id))?;
            let (document, Some(sealed)) = found else {
                return Err(Refusal::new(
                    RefusalKind::Failed,
                    format!("the raw document of {id} is missing from the store"),
                ));
            };
            let bytes = evaluator.raw(&document, &sealed).map_err(|what| {
                Refusal::new(RefusalKind::Failed, format!("the raw document of {id} cannot be opened: {what}"))
            })?;
            Ok(Answer::Explanation(Box::new(evaluator.explain(&bytes))))
        }
        Question::ExplainText(text) => {
            let evaluator = evaluator.ok_or_else(no_evaluator)?;
            evaluator.readable(text.as_bytes()).map_err(|what| Refusal::new(RefusalKind::Invalid, what))?;
            Ok(Answer::Explanation(Box::new(evaluator.explain(text.as_bytes()))))
        }
        Question::Audit(id) => {
            let lines = store
                .read(move |reader| match reader.document(id)? {
                    Some(document) => Ok(Some(audit_lines(reader, &document)?)),
                    None => Ok(None),
                })
                .await?
                .ok_or_else(|| missing(id))?;
            Ok(Answer::Audit(lines))
        }
        Question::AuditFrom(number) => {
            let lines = store.read(move |reader| reader.audit_from(number, 1_000)).await?;
            Ok(Answer::Audit(lines.into_iter().map(|entry| audit_line(entry, None)).collect()))
        }
        Question::Vendors(request) => {
            Ok(Answer::Vendors(store.read(move |reader| vendors::page(reader, &request, now)).await?))
        }
        Question::Vendor(text) => {
            let base = base.ok_or_else(no_evaluator)?;
            let found = store
                .read(move |reader| {
                    let id = match vendors::find(reader, &text)? {
                        Ok(id) => id,
                        Err(refusal) => return Ok(Err(refusal)),
                    };
                    let Some(pair) = reader.pair(id)? else { return Ok(Err(no_pair(id))) };
                    let trail = reader.audit_of_pair(id)?.into_iter().map(|entry| audit_line(entry, None)).collect();
                    vendors::detail(reader, &base, &pair, trail).map(Ok)
                })
                .await??;
            Ok(Answer::Vendor(Box::new(found)))
        }
        Question::VendorsPlan => {
            Ok(Answer::VendorsPlan(Box::new(store.read(move |reader| vendors::plan_now(reader, now)).await??)))
        }
        Question::PairAudit(id) => {
            let entries = store.read(move |reader| Ok((reader.pair(id)?.is_some(), reader.audit_of_pair(id)?))).await?;
            let (true, entries) = entries else { return Err(no_pair(id)) };
            Ok(Answer::Audit(entries.into_iter().map(|entry| audit_line(entry, None)).collect()))
        }
        Question::AuditVerify => {
            let (verified, entries) =
                store.read(|reader| Ok((reader.audit_verify()?, reader.audit_head()?.count))).await?;
            Ok(Answer::AuditReport(match verified {
                Ok(link) => AuditReport { entries: link.count, head: link.hex(), broken: None },
                Err(broken) => AuditReport { entries, head: String::new(), broken: Some(broken) },
            }))
        }
    }
}

fn missing(id: DocumentId) -> Refusal {
    Refusal::new(RefusalKind::NotFound, format!("there is no document {id}"))
}

fn no_pair(id: PairId) -> Refusal {
    Refusal::new(RefusalKind::NotFound, format!("no supplier is `{id}`"))
}

fn no_evaluator() -> Refusal {
    let what = "documents cannot be opened without configuration, profile, mapping and vault; run `tollgate check`";
    Refusal::new(RefusalKind::Unavailable, what)
}

/// The number of matching documents, where the counters know it.
fn known_total(request: &PageRequest, snapshot: &Snapshot) -> Option<u64> {
    let filter = &request.filter;
    let only_states = filter.vendor.is_none()
        && filter.since.is_none()
        && filter.text.is_none()
        && filter.reason.is_none()
        && filter.class.is_none()
        && !filter.flagged;
    let wanted = |state: &State| filter.states.is_empty() || filter.states.contains(state);
    only_states.then(|| snapshot.states.iter().filter(|(state, _)| wanted(state)).map(|(_, totals)| totals.count).sum())
}

/// Documents looked at for one page at most: a rare match far away is found by asking on.
const LOOKED_AT: usize = 20_000;

fn documents(reader: &Reader, request: &PageRequest, at: Timestamp) -> Result<DocumentPage, StoreError> {
    let filter = &request.filter;
    let from = filter.since.map(|since| reader.first_since(since)).transpose()?.unwrap_or(0);
    let walk = Walk { after: request.after, from, oldest_first: request.oldest_first };
    let limit = request.limit.clamp(1, 1_000) as usize;
    let (mut rows, mut looked, mut next) = (Vec::new(), 0, None);
    reader.walk(&filter.states, filter.vendor.as_deref(), walk, |document| {
        if rows.len() >= limit || looked >= LOOKED_AT {
            return Ok(false);
        }
        looked += 1;
        next = Some(document.id);
        if matches(filter, &document) {
            rows.push(row(&document));
        }
        Ok(true)
    })?;
    let more = rows.len() >= limit || looked >= LOOKED_AT;
    Ok(DocumentPage { rows, next: next.filter(|_| more), total: None, at })
}

fn find(reader: &Reader, text: &str, instance: Option<&str>) -> Result<Vec<DocumentRow>, StoreError> {
    let text = text.trim();
    if let Some(document) = text.parse().ok().map(DocumentId).map(|id| reader.document(id)).transpose()?.flatten() {
        return Ok(vec![row(&document)]);
    }
    let key = instance.map(|instance| DocumentKey::new(instance, DocumentKind::Invoice, text));
    if let Some(id) = key.map(|key| reader.find(&key)).transpose()?.flatten() {
        return Ok(reader.document(id)?.iter().map(row).collect());
    }
    let mut rows = Vec::new();
    reader.walk(&[], None, Walk::default(), |document| {
        let is = |number: &Option<Text>| number.as_ref().is_some_and(|number| number.raw() == text);
        if is(&document.summary.number) || is(&document.summary.buyer_number) || document.key.source_id() == text {
            rows.push(row(&document));
        }
        Ok(rows.len() < 50)
    })?;
    Ok(rows)
}

/// A document as a list shows it.
pub fn row(document: &Document) -> DocumentRow {
    DocumentRow {
        id: document.id,
        version: document.version,
        jaggaer_id: Text::new(document.key.source_id()),
        state: document.state,
        since: document.since,
        number: document.summary.number.clone(),
        buyer_number: document.summary.buyer_number.clone(),
        supplier_number: document.summary.supplier_number.clone(),
        supplier_name: document.summary.supplier_name.clone(),
        total: document.amount(),
        date: document.summary.date,
        reasons: document.reasons.iter().map(|reason| reason.code).collect(),
        detail: document.reasons.first().map(|reason| reason.detail.clone()),
        class: document.class,
        record: document.record.clone(),
        flags: document.flags.clone(),
    }
}

fn audit_lines(reader: &Reader, document: &Document) -> Result<Vec<AuditLine>, StoreError> {
    let mut frozen = std::collections::BTreeMap::new();
    for generation in 0..=document.posting.as_ref().map_or(0, |posting| posting.generation.0) {
        if let Some(one) = reader.frozen(document.id, crate::model::Generation(generation))? {
            frozen.insert(data_encoding::HEXLOWER.encode(&one.hash), one.function);
        }
    }
    Ok(reader
        .audit_of(document.id)?
        .into_iter()
        .map(|entry| {
            let line = audit_line(entry, None);
            let value: serde_json::Value = serde_json::from_str(&line.record).unwrap_or_default();
            let hash = value.get("request_sha256").and_then(|hash| hash.as_str()).unwrap_or_default();
            let request = frozen.get(hash).map(|bytes| Text::new(String::from_utf8_lossy(bytes)));
            AuditLine { request, ..line }
        })
        .collect())
}

fn audit_line(entry: StoredEntry, request: Option<Text>) -> AuditLine {
    let value: serde_json::Value = serde_json::from_str(&entry.record).unwrap_or_default();
    let text = |name: &str| value.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let who = value
        .get("who")
        .and_then(|who| serde_json::from_value::<crate::model::Actor>(who.clone()).ok())
        .map_or_else(|| "unknown".to_owned(), |who| who.label());
    AuditLine {
        number: entry.number,
        hash: entry.hash,
        at: text("at").parse().unwrap_or_default(),
        who: safe(&who).into_owned(),
        what: Text::new(text("what")),
        state: value.get("after").and_then(|state| state.as_str()).and_then(State::parse),
        record: entry.record,
        request,
    }
}
