//! The judge: the books and the source against what the program says. It knows nothing of how the program works.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde_json::Value;
use tollgate::model::{Document, DocumentId, ReasonCode, State};
use tollgate::simulator::gateway::{Bill, Gateway, marks_in};
use tollgate::simulator::world::mark_stem;
use tollgate::store::Walk;

use crate::agreement::Tally;
use crate::lock;
use crate::world::World;

/// Whether it stands in front of a person, and nothing more happens by itself.
pub fn is_with_a_person(document: &Document) -> bool {
    document.reasons.iter().any(|reason| reason.code == ReasonCode::Unsettled)
}

/// What came of unclear outcomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unclear {
    pub outcomes: u64,
    /// Of them, in truth executed.
    pub executed: u64,
    pub adopted: u64,
    pub sent_again: u64,
    pub to_a_person: u64,
}

/// What the judge found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub documents: u64,
    pub posted: u64,
    pub with_a_person: u64,
    pub doubled: Vec<String>,
    pub lost: Vec<String>,
    pub wrong: Vec<String>,
    /// Documents told as doubled.
    pub alarms: u64,
    pub unclear: Unclear,
    /// Of suppliers and vendors, where a world has them.
    pub tally: Tally,
}

impl Verdict {
    pub fn is_clean(&self) -> bool {
        self.doubled.is_empty() && self.lost.is_empty() && self.wrong.is_empty()
    }

    pub fn sentences(&self) -> Vec<String> {
        [("doubled", &self.doubled), ("lost", &self.lost), ("wrong", &self.wrong)]
            .into_iter()
            .flat_map(|(word, list)| list.iter().map(move |what| format!("{word}: {what}")))
            .collect()
    }
}

/// All documents of a store.
pub fn documents(world: &World) -> Vec<Document> {
    let Some(store) = &world.store else { return Vec::new() };
    store
        .read_now(|reader| {
            let mut all = Vec::new();
            reader.walk(&[], None, Walk { oldest_first: true, ..Walk::default() }, |document| {
                all.push(document);
                Ok(true)
            })?;
            Ok(all)
        })
        .unwrap_or_default()
}

/// What is true outside of the program.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Every invoice of JAGGAER, and whether it approves it now.
    pub approved: BTreeMap<u64, bool>,
    /// Invoices that JAGGAER deleted.
    pub deleted: BTreeSet<u64>,
    /// Records that people changed in Intacct.
    pub touched: BTreeSet<u64>,
}

/// Judges a world at rest.
pub fn judge(world: &World, truth: &Truth) -> Verdict {
    let mut verdict = Verdict { wrong: lock(&world.wires.broken).clone(), ..Verdict::default() };
    let instance = world.config.jaggaer.instance.clone();
    let gateway = world.wires.gateway();
    let mut books: BTreeMap<String, Vec<&Bill>> = BTreeMap::new();
    for bill in gateway.ledger().bills() {
        for stem in stems_of(bill) {
            books.entry(stem).or_default().push(bill);
        }
    }
    let known: BTreeMap<String, Document> =
        documents(world).into_iter().map(|document| (document.key.as_str().to_owned(), document)).collect();
    for (id, approved) in &truth.approved {
        verdict.documents += 1;
        let key = format!("{instance}/invoice/{id}");
        let all = books.remove(&mark_stem(&key)).unwrap_or_default();
        let standing: Vec<&Bill> = all.iter().copied().filter(|bill| bill.state.stands()).collect();
        let Some(document) = known.get(&key) else {
            if !standing.is_empty() {
                verdict.wrong.push(format!("{key} stands and is not known"));
            } else if !truth.deleted.contains(id) {
                verdict.lost.push(format!("{key} is not known"));
            }
            continue;
        };
        let before = verdict.lost.len() + verdict.wrong.len();
        judge_one(&mut verdict, document, &standing, &truth.touched);
        let unwanted = matches!(document.state, State::NotApproved | State::Withdrawn);
        if *approved && unwanted && !truth.deleted.contains(id) {
            verdict.lost.push(format!("{key} is approved and is {}", document.state.label()));
        }
        if verdict.lost.len() + verdict.wrong.len() > before {
            world.fate.note(|| last_entries(world, document.id));
        }
        if document.posting.as_ref().is_some_and(|posting| posting.attempts > 0) {
            follow(world, &mut verdict.unclear, document.id, &all);
        }
    }
    for (stem, bills) in books {
        verdict.wrong.push(format!("{} bills carry the mark {stem} of nothing", bills.len()));
    }
    verdict.doubled.extend(twins(&gateway));
    drop(gateway);
    if let Some(store) = &world.store {
        match store.read_now(|reader| reader.audit_verify()) {
            Ok(Ok(_)) => {}
            Ok(Err((number, what))) => verdict.wrong.push(format!("audit entry {number}: {what}")),
            Err(error) => verdict.wrong.push(format!("the trail cannot be read: {error}")),
        }
    } else {
        verdict.wrong.push("nobody lives at the end".to_owned());
    }
    verdict
}

/// How long before ours a bill typed by hand must have stood for the program to have seen it.
const SEEN: jiff::SignedDuration = jiff::SignedDuration::from_mins(40);

/// Bills of ours beside another bill with the same vendor and number: two of ours, or one that was typed long before.
fn twins(gateway: &Gateway) -> Vec<String> {
    let mut by_number: BTreeMap<(&str, &str), Vec<&Bill>> = BTreeMap::new();
    for bill in gateway.ledger().bills().filter(|bill| bill.state.stands()) {
        by_number.entry((&bill.vendor_id, &bill.record_id)).or_default().push(bill);
    }
    let mut found = Vec::new();
    for ((vendor, number), bills) in by_number {
        let ours: Vec<&&Bill> = bills.iter().filter(|bill| bill.control_id.is_some()).collect();
        let stems: BTreeSet<String> = ours.iter().flat_map(|bill| stems_of(bill)).collect();
        if stems.len() > 1 {
            found.push(format!("{number} of {vendor} stands for {} documents, not told", stems.len()));
        }
        let typed = bills.iter().filter(|bill| bill.control_id.is_none());
        for typed in typed {
            if ours.iter().any(|ours| ours.committed_at.duration_since(typed.committed_at) > SEEN) {
                found.push(format!("{number} of {vendor} was sent although it stood long before, not told"));
            }
        }
    }
    found
}

fn judge_one(verdict: &mut Verdict, document: &Document, standing: &[&Bill], touched: &BTreeSet<u64>) {
    let label = format!("{} ({})", document.key, document.state.label());
    let told = document.reasons.iter().any(|reason| reason.code == ReasonCode::Doubled);
    verdict.alarms += u64::from(told);
    let asked = is_with_a_person(document);
    if standing.len() > 1 {
        let word = if told { "told" } else { "not told" };
        verdict.doubled.push(format!("{label} stands {} times, {word}", standing.len()));
        return;
    }
    let by_a_person = standing.iter().any(|bill| touched.contains(&bill.record_no))
        || document.record.as_ref().is_some_and(|record| touched.iter().any(|one| one.to_string() == record.0));
    let frozen: Option<Decimal> =
        document.posting.as_ref().and_then(|posting| posting.total.amount.to_string().parse().ok());
    match document.state {
        State::Posted | State::Drafted => {
            verdict.posted += 1;
            match standing {
                [bill] => {
                    if Some(bill.total) != frozen && !by_a_person {
                        verdict.wrong.push(format!("{label} stands with {}, not {frozen:?}", bill.total));
                    }
                    if document.record.as_ref().map(|record| record.0.clone()) != Some(bill.record_no.to_string()) {
                        verdict.wrong.push(format!("{label} names another record than {}", bill.record_no));
                    }
                }
                _ if by_a_person => {}
                _ => verdict.lost.push(format!("{label} does not stand")),
            }
        }
        State::Differs => verdict.with_a_person += 1,
        State::InDoubt if asked => verdict.with_a_person += 1,
        State::Failed | State::Held | State::Dismissed => {
            verdict.with_a_person += 1;
            if let [bill] = standing {
                verdict.wrong.push(format!("{label} stands as record {}", bill.record_no));
            } else if document.reasons.is_empty() && document.state != State::Dismissed {
                verdict.lost.push(format!("{label} has no reason"));
            }
        }
        State::Withdrawn | State::NotApproved | State::BeforeCutover => {
            if let [bill] = standing {
                verdict.wrong.push(format!("{label} stands as record {}", bill.record_no));
            }
        }
        State::Queued | State::Sent | State::Claimed | State::InDoubt => {
            verdict.lost.push(format!("{label} is left"));
        }
    }
}

/// The end of a document's trail, for whoever looks into a failed world.
fn last_entries(world: &World, id: DocumentId) -> String {
    let entries = world.store.as_ref().and_then(|store| store.read_now(|reader| reader.audit_of(id)).ok());
    let entries = entries.unwrap_or_default();
    let last: Vec<&str> = entries.iter().rev().take(12).rev().map(|entry| entry.record.as_str()).collect();
    format!("{} entries, the last:\n{}", entries.len(), last.join("\n"))
}

/// Follows the trail of one document through its unclear outcomes.
fn follow(world: &World, unclear: &mut Unclear, id: DocumentId, bills: &[&Bill]) {
    let Some(store) = &world.store else { return };
    let Ok(entries) = store.read_now(|reader| reader.audit_of(id)) else { return };
    let mut open = false;
    for entry in entries {
        let Ok(record) = serde_json::from_str::<Value>(&entry.record) else { continue };
        let at: Option<jiff::Timestamp> = record["at"].as_str().and_then(|at| at.parse().ok());
        match record["event"].as_str().unwrap_or_default() {
            "in_doubt" if !open => {
                unclear.outcomes += 1;
                open = true;
            }
            "intent" if open => {
                unclear.sent_again += 1;
                open = false;
            }
            "absent" if open => {
                unclear.to_a_person += 1;
                open = false;
            }
            "in_doubt" | "intent" | "claimed" => {}
            "posted" | "drafted" | "adopted" | "differs" | "twin" | "not_standing" | "doubled" if open => {
                unclear.adopted += 1;
                unclear.executed += u64::from(bills.iter().any(|bill| at.is_none_or(|at| bill.committed_at <= at)));
                open = false;
            }
            _ => {}
        }
    }
}

/// The stems of the marks on a bill, each once.
fn stems_of(bill: &Bill) -> BTreeSet<String> {
    marks_in(&bill.description).map(|mark| mark.chars().take(19).collect()).collect()
}
