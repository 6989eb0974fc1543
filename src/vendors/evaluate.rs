//! One pair, evaluated: whom it is linked with, where both sides stand, and what is to be written.
//!
//! Depends on the two masters and the rules alone, never on the order in which pairs are evaluated; a pair that concerns another
//! names it in its reasons, and whoever changes one evaluates the others that [`Masters::pairs_of_vendor`] and the matching keys
//! lead to.

use super::candidates::{self, Candidates};
use super::compare::{Comparing, fit, is_blank};
use super::matching::MatchKey;
use super::merge::{MergeRules, Merged, Overruled, Sides, merge};
use super::policy::Policies;
use super::settle::{under_way, write_to};
use super::supplier::{self, Survivor};
use crate::model::{
    Course, FieldDecision, LinkBasis, MasterField, MasterValues, MasterVendor, MasterWrite, MasterWriteKind, Pair,
    PairId, PairState, Reason, ReasonCode, RecordNo, Side, Text, Timestamp,
};

/// The two masters, as far as evaluating one pair looks into them.
pub trait Masters {
    /// What goes wrong in reading.
    type Error;
    /// A pair.
    fn pair(&self, id: PairId) -> Result<Option<Pair>, Self::Error>;
    /// The pair of a supplier, by JAGGAER's id.
    fn pair_of_supplier(&self, supplier: &str) -> Result<Option<PairId>, Self::Error>;
    /// Pairs that are linked with a vendor, and after them those for which it is suggested: at most so many.
    fn pairs_of_vendor(&self, vendor: &str, limit: usize) -> Result<Vec<PairId>, Self::Error>;
    /// A vendor, by VENDORID.
    fn vendor(&self, id: &str) -> Result<Option<MasterVendor>, Self::Error>;
    /// Who of a side has a matching key: JAGGAER's ids or VENDORIDs, at most so many.
    fn matches(&self, key: &str, of: Side, limit: usize) -> Result<Vec<String>, Self::Error>;
}

/// What a person let start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Started {
    /// The number that the next new pair had then: those with a lower one are of the first meeting, whatever the clock said.
    pub next: PairId,
    /// Fields that are carried over; empty: all.
    pub fields: Vec<MasterField>,
    /// Whether new suppliers become vendors.
    pub creates: bool,
}

impl Started {
    fn carries(&self, field: MasterField) -> bool {
        self.fields.is_empty() || self.fields.contains(&field)
    }
}

/// By which rules pairs are evaluated.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Who decides a field.
    pub policies: &'a Policies,
    /// What is no difference.
    pub comparing: &'a Comparing,
    /// What links by itself.
    pub key: MatchKey,
    /// What was let start; `None`: nothing is written.
    pub started: Option<&'a Started>,
    /// Whether JAGGAER can be written.
    pub writes_jaggaer: bool,
    /// Now.
    pub now: Timestamp,
}

/// What becomes of the write to one side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Want {
    /// There is nothing to write: what was queued is withdrawn, and already taken out of the pair.
    Nothing,
    /// The write of the pair stays as it is.
    Keep,
    /// This is to be frozen and put into the pair.
    Write(Box<WantedWrite>),
}

/// A write that is not frozen yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WantedWrite {
    /// Create or update.
    pub kind: MasterWriteKind,
    /// VENDORID, or JAGGAER's id of the supplier.
    pub target: Text,
    /// RECORDNO, for an update in Intacct.
    pub record: Option<RecordNo>,
    /// What is written.
    pub set: MasterValues,
    /// What the side says of these fields now; empty for a creation.
    pub expected: MasterValues,
}

impl WantedWrite {
    fn is(&self, write: &MasterWrite) -> bool {
        self.kind == write.kind
            && self.target == write.target
            && self.record == write.record
            && self.set == write.set
            && self.expected == write.expected
    }
}

/// What happened in an evaluation, for the trail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// Linked with this vendor, because the number is the same.
    Linked(Text),
    /// No longer linked with this vendor: the supplier was merged, and the survivor has it.
    Unlinked(Text),
    /// A policy overwrites a value that its side had changed.
    Overruled(Overruled),
    /// A decision does not hold any more, because a side changed since: the person is asked again.
    Dropped(FieldDecision),
}

/// A pair as it is now, and what is to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evaluated {
    /// The pair. Wanted writes are not in it yet.
    pub pair: Pair,
    /// Whether it differs from what it was, or a write is wanted: otherwise there is nothing to save.
    pub changed: bool,
    /// The write to Intacct.
    pub to_intacct: Want,
    /// The write to JAGGAER.
    pub to_jaggaer: Want,
    /// What happened, for the trail.
    pub notes: Vec<Note>,
}

/// Evaluates a pair. Both masters must have been read once, or every supplier would look new.
pub fn evaluate<M: Masters>(pair: Pair, masters: &M, context: &Context<'_>) -> Result<Evaluated, M::Error> {
    let mut work = Work::new(&pair);
    match &pair.vendor {
        Some(vendor) => linked(&mut work, &pair, vendor, masters, context)?,
        None => unlinked(&mut work, &pair, masters, context)?,
    }
    Ok(work.finish(pair, context))
}

/// What an evaluation comes to, before it is put into the pair. `None` leaves what the pair has.
struct Work {
    vendor: Option<Text>,
    basis: Option<LinkBasis>,
    suggestions: Vec<crate::model::Suggestion>,
    merged: Option<Merged>,
    /// The link is undone: nothing is agreed any more.
    forget: bool,
    reasons: Vec<Reason>,
    holds: bool,
    /// Where it stands if nothing graver is open.
    rest: PairState,
    to_intacct: Option<WantedWrite>,
    to_jaggaer: Option<WantedWrite>,
    notes: Vec<Note>,
}

impl Work {
    fn new(pair: &Pair) -> Self {
        Work {
            vendor: pair.vendor.clone(),
            basis: pair.basis.clone(),
            suggestions: Vec::new(),
            merged: None,
            forget: false,
            reasons: Vec::new(),
            holds: false,
            rest: PairState::Agreed,
            to_intacct: None,
            to_jaggaer: None,
            notes: Vec::new(),
        }
    }

    fn hold(&mut self, reason: Reason) {
        self.reasons.push(reason);
        self.holds = true;
    }

    fn finish(mut self, mut pair: Pair, context: &Context<'_>) -> Evaluated {
        let is_refused = |side: Side| pair.faults.iter().any(|(of, ..)| *of == side) && self.wanted(side).is_some();
        let refused: Vec<Side> = [Side::Intacct, Side::Jaggaer].into_iter().filter(|side| is_refused(*side)).collect();
        let known = pair.faults.len();
        if !self.holds {
            pair.faults.retain(|(side, ..)| refused.contains(side));
        }
        let fault_ends = pair.faults.len() < known;
        let blocked = Blocked::of(&pair);
        let to_intacct = self.want(&pair, Side::Intacct, &refused);
        let to_jaggaer = self.want(&pair, Side::Jaggaer, &refused);
        let of_refused = pair.faults.iter().filter(|(side, ..)| refused.contains(side));
        self.reasons.extend(of_refused.map(|(side, _, fault)| super::steps::refused(*side, fault)));
        let (agreed, differences, decisions) = match self.merged.take() {
            Some(mut merged) => {
                // What a write under way is about is judged once it is settled.
                let (waiting, dropped) = merged.dropped.drain(..).partition(|it| blocked.has(it.field));
                merged.decisions.extend::<Vec<FieldDecision>>(waiting);
                let dropped: Vec<FieldDecision> = dropped;
                self.notes.extend(dropped.into_iter().map(Note::Dropped));
                let news = |it: &Overruled| match it.side {
                    Side::Intacct => sets_anew(&to_intacct, &pair, it),
                    Side::Jaggaer => sets_anew(&to_jaggaer, &pair, it),
                };
                self.notes.extend(merged.overruled.into_iter().filter(news).map(Note::Overruled));
                (merged.agreed, merged.differences, merged.decisions)
            }
            None if self.forget => Default::default(),
            None => (pair.agreed.clone(), Vec::new(), pair.decisions.clone()),
        };
        let writes = to_intacct != Want::Nothing || to_jaggaer != Want::Nothing;
        let state = if self.holds {
            PairState::Held
        } else if !refused.is_empty() {
            PairState::Failed
        } else if differences.iter().any(|difference| difference.course == Course::Conflict) {
            PairState::Conflict
        } else if writes {
            PairState::Writing
        } else if differences.is_empty() {
            self.rest
        } else {
            PairState::Differs
        };
        let mut changes = Changes(fault_ends);
        changes.put(&mut pair.vendor, self.vendor);
        changes.put(&mut pair.basis, self.basis);
        changes.put(&mut pair.suggestions, self.suggestions);
        changes.put(&mut pair.agreed, agreed);
        changes.put(&mut pair.differences, differences);
        changes.put(&mut pair.decisions, decisions);
        changes.put(&mut pair.reasons, self.reasons);
        for (want, place) in [(&to_intacct, &mut pair.to_intacct), (&to_jaggaer, &mut pair.to_jaggaer)] {
            match want {
                Want::Keep => {}
                Want::Nothing => changes.put(place, None),
                Want::Write(_) => {
                    *place = None;
                    changes.0 = true;
                }
            }
        }
        if pair.state != state {
            pair.state = state;
            pair.since = context.now;
            changes.0 = true;
        }
        Evaluated { pair, changed: changes.0, to_intacct, to_jaggaer, notes: self.notes }
    }

    fn wanted(&self, side: Side) -> Option<&WantedWrite> {
        match side {
            Side::Intacct => self.to_intacct.as_ref(),
            Side::Jaggaer => self.to_jaggaer.as_ref(),
        }
    }

    fn want(&mut self, pair: &Pair, side: Side, refused: &[Side]) -> Want {
        let wanted = match side {
            Side::Intacct => self.to_intacct.take(),
            Side::Jaggaer => self.to_jaggaer.take(),
        };
        if under_way(pair, side).is_some() {
            return Want::Keep;
        }
        match wanted.filter(|_| !self.holds && !refused.contains(&side)) {
            None => Want::Nothing,
            Some(wanted) if write_to(pair, side).is_some_and(|write| wanted.is(write)) => Want::Keep,
            Some(wanted) => Want::Write(Box::new(wanted)),
        }
    }
}

/// Puts values in the place of others and remembers whether one changed.
struct Changes(bool);

impl Changes {
    fn put<T: PartialEq>(&mut self, place: &mut T, value: T) {
        if *place != value {
            *place = value;
            self.0 = true;
        }
    }
}

/// Fields that a write under way is about.
struct Blocked([bool; crate::model::MASTER_FIELDS]);

impl Blocked {
    fn of(pair: &Pair) -> Self {
        let mut blocked = Blocked([false; crate::model::MASTER_FIELDS]);
        for write in [Side::Intacct, Side::Jaggaer].into_iter().filter_map(|side| under_way(pair, side)) {
            for (field, _) in write.set.iter() {
                if let Some(place) = blocked.0.get_mut(field as usize) {
                    *place = true;
                }
            }
        }
        blocked
    }

    fn has(&self, field: MasterField) -> bool {
        self.0.get(field as usize).copied().unwrap_or(false)
    }
}

/// Whether a write that is to be frozen overwrites the value, and the one in its place did not.
fn sets_anew(want: &Want, pair: &Pair, overruled: &Overruled) -> bool {
    let Want::Write(write) = want else { return false };
    let Some(value) = write.set.get(overruled.field) else { return false };
    let before = write_to(pair, overruled.side);
    !before.is_some_and(|before| {
        before.set.get(overruled.field) == Some(value) && before.expected.get(overruled.field) == Some(&overruled.value)
    })
}

fn linked<M: Masters>(
    work: &mut Work,
    pair: &Pair,
    vendor: &Text,
    masters: &M,
    context: &Context<'_>,
) -> Result<(), M::Error> {
    let label = |pair: &Pair| pair.label();
    let others = candidates::others(pair, vendor, masters)?;
    match survivor(pair, masters)? {
        Some(Survivor::Cycle(chain)) => work.hold(circle(pair, &chain)),
        Some(Survivor::Found(id)) => {
            let heir = others.iter().find(|other| other.supplier.id == id && other.vendor.as_ref() == Some(vendor));
            if heir.is_some() && under_way(pair, Side::Intacct).is_none() && under_way(pair, Side::Jaggaer).is_none() {
                work.notes.push(Note::Unlinked(vendor.clone()));
                work.vendor = None;
                work.basis = None;
                work.forget = true;
                work.rest = PairState::Closed;
                return Ok(());
            }
            let into = candidates::name(masters, &id)?;
            let detail = format!("supplier {} was merged into {into} and has vendor {}", number(pair), vendor.safe());
            work.hold(Reason::new(ReasonCode::SupplierMerged, detail));
        }
        None => {}
    }
    let Some(record) = masters.vendor(vendor.raw())? else {
        let detail = format!("vendor {} is not in Intacct any more", vendor.safe());
        work.hold(Reason::new(ReasonCode::VendorGone, detail));
        return Ok(());
    };
    let by_person = |pair: &Pair| matches!(pair.basis, Some(LinkBasis::Person(_)));
    for other in others.iter().filter(|other| candidates::claims(other, vendor, context.key)) {
        if !by_person(pair) || by_person(other) {
            let detail = format!("{} claims vendor {} too", label(other), vendor.safe());
            work.hold(Reason::new(ReasonCode::VendorClaimedTwice, detail));
        }
    }
    work.suggestions = candidates::doubles(pair, vendor, masters)?;
    compare(work, pair, &record, context);
    Ok(())
}

/// Merges a linked pair and says what is to be written.
fn compare(work: &mut Work, pair: &Pair, vendor: &MasterVendor, context: &Context<'_>) {
    let rules =
        MergeRules { policies: context.policies, comparing: context.comparing, writes_jaggaer: context.writes_jaggaer };
    let merged = merge(&Sides::new(&pair.agreed, &pair.supplier, vendor, &pair.decisions), &rules);
    if merged.owed {
        let owed = vendor.due.map(|due| format!("{} is owed to it", due.fixed(2)));
        let owed = owed.unwrap_or_else(|| "Intacct does not say what is owed to it".to_owned());
        let detail = format!("vendor {} would become inactive, and {owed}", vendor.id.safe());
        work.reasons.push(Reason::new(ReasonCode::VendorOwed, detail));
    }
    let blocked = Blocked::of(pair);
    let carried = |field| context.started.is_some_and(|it| it.carries(field)) && !blocked.has(field);
    let write = |set: &MasterValues, target: &Text, record: Option<&RecordNo>, says: &MasterValues| {
        let set: MasterValues =
            set.iter().filter(|(field, _)| carried(*field)).map(|(field, value)| (field, value.clone())).collect();
        let expected = set.iter().filter_map(|(field, _)| Some((field, says.get(field)?.clone()))).collect();
        let (target, record) = (target.clone(), record.cloned());
        (!set.is_empty()).then_some(WantedWrite { kind: MasterWriteKind::Update, target, record, set, expected })
    };
    work.to_intacct = write(&merged.to_intacct, &vendor.id, Some(&vendor.record), &vendor.values);
    work.to_jaggaer = write(&merged.to_jaggaer, &pair.supplier.id, None, &pair.supplier.values);
    work.merged = Some(merged);
}

fn unlinked<M: Masters>(work: &mut Work, pair: &Pair, masters: &M, context: &Context<'_>) -> Result<(), M::Error> {
    work.rest = PairState::New;
    if under_way(pair, Side::Intacct).is_some() {
        return Ok(());
    }
    match survivor(pair, masters)? {
        Some(Survivor::Cycle(chain)) => {
            work.hold(circle(pair, &chain));
            return Ok(());
        }
        Some(Survivor::Found(_)) => {
            work.rest = PairState::Closed;
            return Ok(());
        }
        None => {}
    }
    let found = Candidates::of(pair, masters, context)?;
    if let Some(vendor) = &found.link {
        work.vendor = Some(vendor.id.clone());
        work.basis = Some(LinkBasis::SameKey);
        work.notes.push(Note::Linked(vendor.id.clone()));
        work.suggestions = candidates::doubles(pair, &vendor.id, masters)?;
        work.rest = PairState::Agreed;
        compare(work, pair, vendor, context);
        return Ok(());
    }
    if candidates::is_inactive(pair) {
        work.rest = PairState::Closed;
        return Ok(());
    }
    work.suggestions = found.suggestions;
    if !found.holds.is_empty() {
        found.holds.into_iter().for_each(|reason| work.hold(reason));
    } else if !work.suggestions.is_empty() {
        work.reasons = found.alike;
        work.rest = PairState::Suggested;
    } else {
        create(work, pair, masters, context)?;
    }
    Ok(())
}

/// A supplier without a vendor, and nothing looks like it: one is made of it, where nothing keeps it from becoming one.
fn create<M: Masters>(work: &mut Work, pair: &Pair, masters: &M, context: &Context<'_>) -> Result<(), M::Error> {
    let faults = supplier::faults(&pair.supplier);
    if !faults.is_empty() {
        faults.into_iter().for_each(|reason| work.hold(reason));
        return Ok(());
    }
    let Ok(id) = supplier::vendor_id(pair.supplier.number.raw()) else { return Ok(()) };
    if masters.vendor(id)?.is_some() {
        let detail = format!("vendor {id} is in Intacct, and is not supplier {}", number(pair));
        work.hold(Reason::new(ReasonCode::VendorIdTaken, detail));
        return Ok(());
    }
    if context.started.is_some_and(|started| started.creates) {
        let mut set: MasterValues = pair
            .supplier
            .values
            .iter()
            .filter(|(field, value)| !is_blank(*field, value))
            .map(|(field, value)| (field, fit(field, value)))
            .collect();
        set.set(MasterField::Status, Some(Text::new("active")));
        let (target, expected) = (Text::new(id), MasterValues::default());
        work.to_intacct = Some(WantedWrite { kind: MasterWriteKind::Create, target, record: None, set, expected });
    }
    Ok(())
}

fn survivor<M: Masters>(pair: &Pair, masters: &M) -> Result<Option<Survivor>, M::Error> {
    supplier::survivor(&pair.supplier, |id| {
        let Some(at) = masters.pair_of_supplier(id.raw())? else { return Ok(None) };
        Ok(masters.pair(at)?.and_then(|pair| pair.supplier.merged_into))
    })
}

fn circle(pair: &Pair, chain: &[Text]) -> Reason {
    let chain: Vec<_> = chain.iter().map(|id| id.safe()).collect();
    let detail = format!("supplier {} was merged in a circle: {}", number(pair), chain.join(" into "));
    Reason::new(ReasonCode::MergeCycle, detail)
}

fn number(pair: &Pair) -> String {
    let Pair { supplier, .. } = pair;
    if supplier.number.is_blank() { supplier.id.safe().into_owned() } else { supplier.number.safe().into_owned() }
}
