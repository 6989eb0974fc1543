//! The judge of two supplier masters: what both systems say and said, and what people did. Of the program it asks for its trail
//! and for what stands in front of a person.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tollgate::model::{FieldPolicy, MasterField, Pair, PairState, ReasonCode, Side, State, Timestamp};
use tollgate::simulator::gateway::VendorChange;
use tollgate::store::{Meta, VendorStart};

use crate::clerks::{Ordered, Orders};
use crate::history::{By, Histories, at, said, same, was_said};
use crate::lock;
use crate::oracle::{Verdict, documents};
use crate::partners::{FIELDS, Field, Partners};
use crate::vendors::pairs;
use crate::world::World;

/// What became of suppliers and vendors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub suppliers: u64,
    pub vendors_created: u64,
    pub vendors_updated: u64,
    pub suppliers_written: u64,
    pub conflicts: u64,
    pub decided: u64,
    pub edits: u64,
    /// Pairs that agree in the end, and that stand in front of a person.
    pub agreed: u64,
    pub with_a_person: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        for ((_, sum), (_, one)) in self.rows_mut().into_iter().zip(other.rows()) {
            *sum += one;
        }
    }

    fn rows_mut(&mut self) -> [(&'static str, &mut u64); 9] {
        [
            ("suppliers", &mut self.suppliers),
            ("vendors_created", &mut self.vendors_created),
            ("vendors_updated", &mut self.vendors_updated),
            ("suppliers_written", &mut self.suppliers_written),
            ("conflicts", &mut self.conflicts),
            ("decided", &mut self.decided),
            ("edits", &mut self.edits),
            ("agreed", &mut self.agreed),
            ("with_a_person", &mut self.with_a_person),
        ]
    }

    /// Each count with its name.
    pub fn rows(&self) -> [(&'static str, u64); 9] {
        let mut copy = *self;
        copy.rows_mut().map(|(name, count)| (name, *count))
    }
}

/// One entry of a pair's trail.
pub struct Told {
    pub number: u64,
    pub event: String,
    pub what: String,
    pub control: String,
    pub facts: BTreeMap<String, String>,
}

/// Everything that is looked at.
pub struct Court<'w> {
    pub world: &'w World,
    pub partners: &'w Partners,
    pub orders: &'w Orders,
    pub histories: Histories,
    pub pairs: Vec<Pair>,
    pub told: BTreeMap<u64, Vec<Told>>,
}

/// Judges both masters of a world at rest.
pub fn judge(world: &World, partners: &Partners, ordered: &Ordered, verdict: &mut Verdict) {
    let orders = lock(ordered);
    let pairs = pairs(world);
    let told = pairs.iter().map(|pair| (id_of(pair), trail(world, pair))).collect();
    let histories = Histories::new(world, partners);
    let court = Court { world, partners, orders: &orders, histories, pairs, told };
    court.count(verdict);
    court.permitted(verdict);
    court.once(verdict);
    for write in &court.histories.writes {
        if let Err(why) = court.writing(write) {
            let history = court.histories.of(write.side, write.record, write.field.field);
            let (before, after) = (&history[write.place.saturating_sub(1)], &history[write.place]);
            world.fate.note(|| court.trails(write));
            let whose = if write.vendor.is_empty() { write.record.to_string() } else { write.vendor.clone() };
            verdict.lost.push(format!(
                "{} of {whose} in {}: `{}` ({:?}, {}) overwritten by `{}` at {}: {why}",
                write.field.field.word(),
                write.side.label(),
                before.value,
                before.by,
                before.from,
                after.value,
                after.from
            ));
        }
    }
    court.pairs_in_the_end(verdict);
    court.invoices(verdict);
}

/// JAGGAER's id of a pair's supplier.
fn id_of(pair: &Pair) -> u64 {
    pair.supplier.id.raw().parse().unwrap_or_default()
}

fn trail(world: &World, pair: &Pair) -> Vec<Told> {
    let id = pair.id;
    let entries = world.store.as_ref().and_then(|store| store.read_now(|reader| reader.audit_of_pair(id)).ok());
    let read = |number, record: &str| {
        let value: Value = serde_json::from_str(record).ok()?;
        let facts = value["facts"].as_object().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some(Told {
            number,
            event: text(&value["event"]),
            what: text(&value["what"]),
            control: text(&value["control_id"]),
            facts: facts.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        })
    };
    entries.unwrap_or_default().iter().filter_map(|entry| read(entry.number, &entry.record)).collect()
}

impl Court<'_> {
    fn count(&self, verdict: &mut Verdict) {
        let (gateway, procurement) = (self.world.wires.gateway(), self.world.wires.procurement());
        let tally = &mut verdict.tally;
        tally.suppliers += procurement.suppliers().count() as u64;
        tally.vendors_created += gateway.stats().vendors_created;
        tally.vendors_updated += gateway.stats().vendors_updated;
        tally.suppliers_written += procurement.stats().suppliers_updated;
        tally.edits += self.histories.edits;
        for told in self.told.values().flatten() {
            tally.conflicts += u64::from(told.facts.values().any(|value| value == "conflict"));
            tally.decided += u64::from(told.event == "pair_resolved");
        }
        for pair in &self.pairs {
            tally.agreed += u64::from(pair.state == PairState::Agreed);
            tally.with_a_person += u64::from(pair.state.needs_attention());
        }
    }

    /// Nothing is written that nobody let, where nothing may be written, or what is never written.
    fn permitted(&self, verdict: &mut Verdict) {
        let starts = &self.orders.starts;
        for what in &self.histories.strange {
            verdict.wrong.push(format!("never to be written: {what}"));
        }
        let may = |when: Timestamp, fits: &dyn Fn(&[MasterField], bool) -> bool| {
            starts.iter().any(|(at, fields, create)| *at <= when && fits(fields, *create))
        };
        for (id, when, _) in &self.histories.created {
            if !may(*when, &|_, create| create) {
                verdict.wrong.push(format!("vendor {id} was created, and nobody had let that start"));
            }
        }
        let procurement = self.world.wires.procurement();
        for write in &self.histories.writes {
            let Some(says) = self.histories.of(write.side, write.record, write.field.field).get(write.place) else {
                continue;
            };
            let creates = self.histories.created.iter().any(|(id, at, _)| *id == write.vendor && *at == says.from);
            let field = write.field.field;
            if !may(says.from, &|fields, _| creates || fields.is_empty() || fields.contains(&field)) {
                verdict.wrong.push(format!("{} was written, and nobody had let it start", field.word()));
            }
        }
        if !self.partners.writes_jaggaer && procurement.stats().suppliers_updated > 0 {
            verdict.wrong.push("JAGGAER was written where it is not to be".to_owned());
        }
    }

    /// Each function takes effect once, and no supplier has two vendors by it.
    fn once(&self, verdict: &mut Verdict) {
        let mut by_control: BTreeMap<String, BTreeSet<Timestamp>> = BTreeMap::new();
        for change in self.world.wires.gateway().vendor_changes() {
            if let Some(control) = &change.by {
                by_control.entry(control.clone()).or_default().insert(change.at);
            }
        }
        for (control, moments) in by_control.iter().filter(|(_, moments)| moments.len() > 1) {
            // What somebody deleted or took back before it could be seen was never there for anybody.
            if self.was_deleted(control, moments) || self.was_taken_back(control, moments) {
                continue;
            }
            let whose = self.told.iter().filter(|(_, told)| told.iter().any(|told| told.control == *control));
            self.world.fate.note(|| whose.map(|(supplier, _)| self.trail_of(*supplier)).collect::<String>());
            verdict.doubled.push(format!("{control} took effect {} times: {moments:?}", moments.len()));
        }
        let mut made: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
        for (id, when, control) in &self.histories.created {
            for (supplier, _) in self.told.iter().filter(|(_, told)| told.iter().any(|told| told.control == *control)) {
                made.entry(*supplier).or_default().insert(id);
            }
            self.alike(verdict, id, *when);
        }
        let refused = |supplier: u64| {
            let told = self.told.get(&supplier);
            told.is_some_and(|told| told.iter().any(|told| matches!(&*told.event, "vendor_refused" | "pair_unlinked")))
        };
        for (supplier, ids) in made.into_iter().filter(|(_, ids)| ids.len() > 1) {
            // Whoever refuses a vendor that is gone gets a new one.
            if !refused(supplier) {
                verdict.doubled.push(format!("vendors {ids:?} were created for supplier {supplier}"));
            }
        }
    }

    /// Whether the vendor that a function created was deleted before the function took effect again.
    fn was_deleted(&self, control: &str, moments: &BTreeSet<Timestamp>) -> bool {
        let (Some(first), Some(last)) = (moments.first(), moments.last()) else { return false };
        let created = self.histories.created.iter().find(|(_, at, by)| at == first && by == control);
        let Some((id, ..)) = created else { return false };
        let gateway = self.world.wires.gateway();
        let gone =
            |change: &VendorChange| change.field == "VENDORID" && change.after.is_empty() && change.vendor_id == *id;
        gateway.vendor_changes().iter().any(|change| gone(change) && first <= &change.at && &change.at < last)
    }

    /// Whether the trail calls a write unclear.
    pub fn was_unclear(&self, control: &str) -> bool {
        self.told.values().flatten().any(|told| told.event == "master_in_doubt" && told.control == control)
    }

    /// Whether a person took a change back while nobody could tell whether it had taken effect: it cannot be seen then.
    fn was_taken_back(&self, control: &str, moments: &BTreeSet<Timestamp>) -> bool {
        let (Some(first), Some(last)) = (moments.first(), moments.last()) else { return false };
        let gateway = self.world.wires.gateway();
        let changes = gateway.vendor_changes();
        let ours = |change: &&VendorChange| change.by.as_deref() == Some(control) && change.at == *first;
        self.was_unclear(control)
            && changes.iter().filter(ours).all(|our| {
                changes.iter().any(|theirs| {
                    let same =
                        (theirs.record_no, &theirs.field, &theirs.after) == (our.record_no, &our.field, &our.before);
                    same && theirs.by.is_none() && our.at <= theirs.at && theirs.at < *last
                })
            })
    }

    /// A vendor that was created although another one with the same tax id had stood there for long.
    fn alike(&self, verdict: &mut Verdict, created: &str, when: Timestamp) {
        let gateway = self.world.wires.gateway();
        let Some(vendor) = gateway.masters().vendors.get(created) else { return };
        let tax = self.histories.of(Side::Intacct, vendor.record_no, MasterField::TaxId);
        let Some(tax) = at(tax, when).filter(|says| !says.value.is_empty()) else { return };
        let long = when - jiff::SignedDuration::from_mins(75);
        for other in gateway.masters().vendors.values().filter(|other| other.record_no != vendor.record_no) {
            let history = self.histories.of(Side::Intacct, other.record_no, MasterField::TaxId);
            let stood = at(history, long).is_some_and(|says| same(MasterField::TaxId, &says.value, &tax.value))
                && at(history, when).is_some_and(|says| same(MasterField::TaxId, &says.value, &tax.value));
            let refused = self.pairs.iter().any(|pair| pair.refused.iter().any(|id| id.raw() == other.id));
            // One that was made of another supplier is that one's.
            let made = self.histories.created.iter().any(|(id, ..)| *id == other.id);
            if stood && !refused && !made {
                verdict.doubled.push(format!("vendor {created} was created beside {}, which has its tax id", other.id));
            }
        }
    }

    /// Every supplier is a vendor that says the same, or it stands in front of a person.
    fn pairs_in_the_end(&self, verdict: &mut Verdict) {
        let store = self.world.store.as_ref();
        let start = store.and_then(|store| store.read_now(|reader| reader.meta::<VendorStart>(Meta::VendorStart)).ok());
        let start = start.flatten();
        let (gateway, procurement) = (self.world.wires.gateway(), self.world.wires.procurement());
        for (id, record) in procurement.suppliers() {
            let Some(pair) = self.pairs.iter().find(|pair| id_of(pair) == *id) else {
                verdict.lost.push(format!("supplier {id} is not known"));
                continue;
            };
            let label = format!("supplier {id} ({})", pair.state.word());
            let before = verdict.lost.len();
            if pair.state.needs_attention()
                && pair.state != PairState::Conflict
                && pair.state != PairState::Suggested
                && pair.reasons.is_empty()
            {
                verdict.lost.push(format!("{label} stands in front of a person without a reason"));
            }
            if pair.state == PairState::Writing {
                verdict.lost.push(format!("{label} is left"));
            }
            let vendor = pair.vendor.as_ref().and_then(|vendor| gateway.masters().vendors.get(vendor.raw()));
            match vendor {
                None => self.without(verdict, pair, record, start.as_ref(), &label),
                Some(vendor) => {
                    let seen = |field: &Field| (said(record, field.jaggaer), vendor.text(field.intacct).to_owned());
                    for field in &FIELDS {
                        let (there, here) = seen(field);
                        if !same(field.field, &there, &here) {
                            self.differing(
                                verdict,
                                pair,
                                field,
                                (vendor.record_no, &here),
                                start.as_ref(),
                                &format!("{} of {label}: `{there}` and `{here}`", field.field.word()),
                            );
                        }
                    }
                }
            }
            if verdict.lost.len() > before {
                self.world.fate.note(|| format!("{label}: {pair:#?}\n{}", self.trail_of(*id)));
            }
        }
    }

    /// A supplier without a vendor.
    fn without(&self, verdict: &mut Verdict, pair: &Pair, record: &Value, start: Option<&VendorStart>, label: &str) {
        let over = said(record, "status") == "INACTIVE" || !said(record, "mergedInto").is_empty();
        let person = pair.state.needs_attention();
        let waits = start.is_none_or(|start| !start.creates);
        if !(person || (over && pair.state == PairState::Closed) || (waits && pair.state == PairState::New)) {
            verdict.lost.push(format!("{label} has no vendor"));
        }
    }

    /// A field on which both sides differ in the end.
    fn differing(
        &self,
        verdict: &mut Verdict,
        pair: &Pair,
        field: &Field,
        (record, here): (u64, &str),
        start: Option<&VendorStart>,
        place: &str,
    ) {
        let carried = start.is_some_and(|start| start.fields.is_empty() || start.fields.contains(&field.field));
        let told = pair.conflicts().any(|known| known == field.field)
            || matches!(pair.state, PairState::Held | PairState::Failed);
        if told || (!carried && pair.differences.iter().any(|known| known.field == field.field)) {
            return;
        }
        // Intacct's own value is left where JAGGAER cannot be written, and shown; one that JAGGAER said too is an old one.
        let history = self.histories.of(Side::Intacct, record, field.field);
        let there = self.histories.of(Side::Jaggaer, id_of(pair), field.field);
        let (told, empty) = (self.told.get(&id_of(pair)), Vec::new());
        let told = told.unwrap_or(&empty);
        let typed = there.last().map_or(0, |says| self.entries_until(says.from));
        let decided =
            told.iter().rev().find(|it| it.event == "pair_resolved" && it.facts.contains_key(field.field.word()));
        let decided =
            decided.is_some_and(|it| it.number >= typed && same(field.field, &it.facts[field.field.word()], here));
        let linked = told.iter().rev().find(|it| it.event == "pair_linked").map_or(0, |it| it.number);
        let linked = self.world.chapters.iter().rev().find(|(_, count)| *count <= linked).map(|(at, _)| *at);
        let own = decided
            || history.last().is_some_and(|says| {
                let from = linked.map_or(says.from, |linked| linked.max(says.from));
                !was_said(there, field.field, here, (from, self.world.clock.true_now()))
                    && !matches!(says.by, By::Program(_))
            });
        let shown = pair.differences.iter().any(|known| known.field == field.field);
        let silent = there.last().is_none_or(|says| says.value.trim().is_empty());
        let own = own || silent || self.is_intaccts(field.field);
        if self.partners.writes_jaggaer || !own || !shown {
            verdict.lost.push(format!("both sides differ, and nobody is told: {place}"));
        }
    }

    /// Whether a policy, or a person for good, lets Intacct decide about a field.
    pub fn is_intaccts(&self, field: MasterField) -> bool {
        let policy = self.partners.policies.get(&field).copied().unwrap_or(field.default_policy());
        policy == FieldPolicy::Intacct || self.orders.always.contains(&(field, Side::Intacct))
    }

    /// No invoice waits for a vendor that is there.
    fn invoices(&self, verdict: &mut Verdict) {
        let (gateway, procurement) = (self.world.wires.gateway(), self.world.wires.procurement());
        for document in documents(self.world).iter().filter(|document| document.state == State::Held) {
            let only = |codes: &[ReasonCode]| document.reasons.iter().all(|reason| codes.contains(&reason.code));
            let id = document.key.as_str().rsplit('/').next().and_then(|id| id.parse().ok()).unwrap_or_default();
            let Some(invoice) = procurement.invoice(id) else { continue };
            let number = invoice["header"]["supplier"]["supplierNumber"].as_str().unwrap_or_default().to_owned();
            let Some(vendor) = gateway.masters().vendors.get(&number) else { continue };
            let what = format!("{} is held for vendor {number}", document.key);
            if vendor.active && only(&[ReasonCode::VendorUnknown, ReasonCode::VendorInactive]) {
                verdict.lost.push(format!("{what}, which stands there and is active"));
            }
            let blocks =
                |pair: &Pair| pair.vendor.as_ref().is_some_and(|id| id.raw() == number) && pair.blocks_postings();
            if only(&[ReasonCode::VendorConflict]) && !self.pairs.iter().any(blocks) {
                verdict.lost.push(format!("{what}, which is in no conflict that concerns it"));
            }
        }
    }
}
