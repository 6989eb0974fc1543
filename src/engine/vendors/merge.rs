//! Evaluating pairs in batches: what both sides say, what is to be written, frozen in the same commit.

use std::collections::BTreeMap;

use super::super::core::Engine;
use super::decide::both_read;
use super::rules::{Base, Rules};
use super::to_and_fro::comes_back;
use crate::lane::Again;
use crate::model::{
    Actor, Class, ControlId, Fault, MasterStep, MasterWrite, MasterWriteKind, Pair, PairId, Side, State, Text,
    Timestamp,
};
use crate::seams::Guards;
use crate::store::{Entry, Meta, Reader, StoreError, Tx, at};
use crate::vendors::{Evaluated, Note, Want, WantedWrite, evaluate, fail, pend_neighbours, write_to};

/// Pairs evaluated in one commit.
const BATCH: usize = 200;
/// A pair that is marked so often in one round waits for the next: pairs that concern each other come to rest long before.
const PATIENCE: u32 = 16;

/// What a batch came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Merged {
    /// Pairs that were looked at.
    pub seen: usize,
    /// Writes are queued: new ones, or such as were passed over while their pairs waited.
    pub queued: bool,
    /// Invoices are held or released by it.
    pub invoices: bool,
}

impl<G: Guards> Engine<G> {
    /// The configured rules.
    pub(in super::super) fn base(&self) -> Base {
        Base::new(&self.config(), &self.evaluator().profile)
    }

    /// Evaluates pairs until none is marked. Before both masters were read once every supplier would look new, so nothing is done.
    pub(in super::super) async fn merge_pairs(&self) -> Result<(), StoreError> {
        let base = self.base();
        let fingerprint = base.fingerprint();
        let (read, known, waits) = self
            .inner
            .store
            .read(|reader| {
                let read = both_read(|which| Ok(reader.meta::<Option<Timestamp>>(which)?.is_some()))?;
                Ok((read, reader.meta::<String>(Meta::VendorRules)?, reader.has_pended_pairs()?))
            })
            .await?;
        if !read {
            return Ok(());
        }
        let other_rules = known.as_ref() != Some(&fingerprint);
        if other_rules {
            let marked = move |tx: &mut Tx<'_>| {
                tx.put_meta(Meta::VendorRules, &fingerprint)?;
                tx.pend_all_pairs()
            };
            self.inner.store.write(at::PairsMarked, marked).await?;
        }
        if !waits && !other_rules {
            return Ok(());
        }
        let mut visits: BTreeMap<PairId, u32> = BTreeMap::new();
        loop {
            if self.inner.stop.is_cancelled() {
                return Ok(());
            }
            let ids = self.inner.store.read(|reader| reader.pended_pairs(BATCH)).await?;
            if ids.is_empty() {
                return Ok(());
            }
            for id in &ids {
                let count = visits.entry(*id).or_default();
                *count += 1;
                if *count > PATIENCE {
                    tracing::error!(pair = %id, "a pair is marked again and again; it is looked at in the next round");
                    return Ok(());
                }
            }
            let (base, now) = (base.clone(), self.inner.seams.clock.now());
            let done = self.inner.store.write(at::PairsMerged, move |tx| batch(tx, &base, &ids, now)).await?;
            if done.queued {
                let _ = self.inner.lane_again.send(Again::Vendors);
                self.inner.lane_wake.notify_one();
                self.inner.supplier_wake.notify_one();
            }
            if done.seen == 0 {
                return Ok(());
            }
        }
    }
}

/// Evaluates these pairs, as far as they are still marked.
pub fn batch(tx: &mut Tx<'_>, base: &Base, ids: &[PairId], now: Timestamp) -> Result<Merged, StoreError> {
    let rules = base.in_tx(tx)?;
    let mut done = Merged::default();
    for id in ids {
        tx.unpend_pair(*id)?;
        let Some(before) = tx.pair(*id)? else { continue };
        let evaluated = evaluate(before.clone(), &*tx, &rules.context(now))?;
        done.seen += 1;
        // Also a write that stays as it is: whoever sends passed it over while the pair was marked.
        let writes = [&evaluated.pair.to_intacct, &evaluated.pair.to_jaggaer];
        done.queued |= writes.into_iter().flatten().any(|write| write.step == MasterStep::Queued);
        if evaluated.changed {
            let (queued, invoices) = put(tx, &rules, &before, evaluated, now)?;
            done.queued |= queued;
            done.invoices |= invoices;
        }
    }
    // Before the start no invoice waits for a conflict: nothing would be done about it.
    done.invoices &= rules.started.is_some();
    if done.invoices {
        tx.evaluate_all(&[State::Held, State::Queued])?;
    }
    Ok(done)
}

/// Puts what a pair came to into the store, with what is to be written frozen. Returns whether a write was queued, and whether the
/// pair holds its invoices or releases them by it.
fn put(
    tx: &mut Tx<'_>,
    rules: &Rules,
    before: &Pair,
    evaluated: Evaluated,
    now: Timestamp,
) -> Result<(bool, bool), StoreError> {
    let Evaluated { mut pair, to_intacct, to_jaggaer, notes, changed: _ } = evaluated;
    let mut queued = false;
    for note in notes {
        let (event, what) = told(&note);
        tx.audit(&Entry::of_pair(&pair, now, Actor::Engine, event, what))?;
    }
    for (to, want) in [(Side::Intacct, to_intacct), (Side::Jaggaer, to_jaggaer)] {
        let earlier = write_to(before, to);
        match want {
            Want::Keep => {}
            Want::Nothing => {
                if let Some(write) = earlier {
                    let what = format!("what was to be written to {} is withdrawn, unsent", to.label());
                    let entry = Entry::of_pair(&pair, now, Actor::Engine, "write_withdrawn", what);
                    tx.audit(&entry.control(&write.control_id))?;
                }
            }
            Want::Write(wanted) => {
                if let Some(said) = comes_back(tx, pair.id, to, &wanted, now)? {
                    let what = format!("not written to {} again: {said}", to.label());
                    tx.audit(&Entry::of_pair(&pair, now, Actor::Engine, "write_stopped", what))?;
                    fail(&mut pair, now, to, Class::Data, Fault { errorno: Text::default(), said: Text::new(said) });
                    continue;
                }
                let modified = match to {
                    Side::Intacct => tx.master_vendor(wanted.target.raw())?.and_then(|vendor| vendor.modified),
                    Side::Jaggaer => pair.supplier.modified,
                };
                let write = freeze(rules, &pair, to, &wanted, modified, now);
                let mut entry = Entry::of_pair(&pair, now, Actor::Engine, "write_queued", words(&write))
                    .control(&write.control_id)
                    .request(&write.hash);
                for (field, value) in write.set.iter() {
                    entry = entry.fact(field.word(), value.raw());
                }
                tx.audit(&entry)?;
                queued = true;
                match to {
                    Side::Intacct => pair.to_intacct = Some(Box::new(write)),
                    Side::Jaggaer => pair.to_jaggaer = Some(Box::new(write)),
                }
            }
        }
    }
    // A write that was queued makes it so; a pair that stays where it is says nothing new.
    if pair.state != before.state {
        let mut what = format!("{}, before {}", pair.state.word(), before.state.word());
        if let Some(reason) = pair.reasons.first() {
            what = format!("{what}: {}", reason.detail.safe());
        }
        let mut entry = Entry::of_pair(&pair, now, Actor::Engine, "pair_stands", what);
        for field in pair.conflicts() {
            entry = entry.fact(field.word(), "conflict");
        }
        tx.audit(&entry)?;
    }
    let invoices = blocks(before) != blocks(&pair);
    tx.save_pair(&mut pair)?;
    pend_neighbours(tx, before, &pair)?;
    Ok((queued, invoices))
}

/// The vendor whose invoices it holds.
fn blocks(pair: &Pair) -> Option<&crate::model::Text> {
    pair.vendor.as_ref().filter(|_| pair.blocks_postings())
}

/// Freezes a write: its bytes never change from here on. The control id is made from supplier, purpose, content and what the
/// record said of its last change, so that it is the same after a store was lost.
fn freeze(
    rules: &Rules,
    pair: &Pair,
    to: Side,
    wanted: &WantedWrite,
    modified: Option<Timestamp>,
    at: Timestamp,
) -> MasterWrite {
    let form = &rules.base.form;
    let body = match (to, wanted.kind, &wanted.record) {
        (Side::Intacct, MasterWriteKind::Create, _) => form.create_vendor(wanted.target.raw(), &wanted.set),
        (Side::Intacct, MasterWriteKind::Update, Some(record)) => form.update_vendor(record, &wanted.set),
        // What goes to JAGGAER is built around the record as it stands when it is sent: the values are what is frozen.
        _ => content(to, wanted),
    };
    let hash = <sha2::Sha256 as sha2::Digest>::digest(&body).into();
    // The same change may be due again after somebody took it back: what the record was changed last by tells them apart.
    let occasion =
        [content(to, wanted), modified.map(|at| at.to_string()).unwrap_or_default().into_bytes()].join(&b'\n');
    let control_id = ControlId::of_master(&pair.supplier.id, wanted.kind.word(), &occasion);
    MasterWrite {
        to,
        kind: wanted.kind,
        target: wanted.target.clone(),
        record: wanted.record.clone(),
        set: wanted.set.clone(),
        expected: wanted.expected.clone(),
        body,
        hash,
        control_id,
        step: MasterStep::Queued,
        at,
        attempts: 0,
        last_attempt: None,
        rounds: 0,
        not_executed: 0,
    }
}

/// What a write says, in one form: side, target, and each field with what it was and becomes.
fn content(to: Side, wanted: &WantedWrite) -> Vec<u8> {
    let mut lines = vec![to.word().to_owned(), wanted.target.raw().to_owned()];
    for (field, value) in wanted.set.iter() {
        // Quoted as JSON: no value can look like the end of another.
        let pair =
            serde_json::json!([field.word(), wanted.expected.get(field).map(crate::model::Text::raw), value.raw()]);
        lines.push(pair.to_string());
    }
    lines.join("\n").into_bytes()
}

fn words(write: &MasterWrite) -> String {
    let fields: Vec<&str> = write.set.iter().map(|(field, _)| field.label()).collect();
    match write.kind {
        MasterWriteKind::Create => format!("vendor {} is to be created in Intacct", write.target.safe()),
        MasterWriteKind::Update => format!("to be changed in {}: {}", write.to.label(), fields.join(", ")),
    }
}

fn told(note: &Note) -> (&'static str, String) {
    match note {
        Note::Linked(vendor) => ("pair_linked", format!("linked with vendor {}: same number", vendor.safe())),
        Note::Unlinked(vendor) => {
            ("pair_unlinked", format!("no longer linked with vendor {}: the surviving supplier has it", vendor.safe()))
        }
        Note::Overruled(it) => {
            let (field, side) = (it.field.label(), it.side.label());
            ("value_overwritten", format!("{field}: the policy overwrites `{}` of {side}", it.value.safe()))
        }
        Note::Dropped(decision) => {
            let (field, value) = (decision.field.label(), decision.value.safe());
            let who = crate::model::safe(&decision.by);
            (
                "decision_dropped",
                format!("{field}: `{value}`, decided by {who}, holds no more: a side changed meanwhile"),
            )
        }
    }
}

/// Whether pairs wait to be evaluated, and can be.
pub fn waits(reader: &Reader) -> Result<bool, StoreError> {
    Ok(reader.has_pended_pairs()? && both_read(|which| Ok(reader.meta::<Option<Timestamp>>(which)?.is_some()))?)
}
