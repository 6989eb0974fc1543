//! Decisions of persons about pairs, in one transaction each: with an engine and without.

use super::rules::Base;
use crate::messages::{PairDecision, Refusal, RefusalKind, Take, VendorCommand, VendorsPlan};
use crate::model::{
    Actor, FieldDecision, FieldPolicy, LinkBasis, MasterField, MasterSupplier, MasterValues, MasterVendor, Pair,
    PairId, PairState, Person, Side, State, Text, Timestamp,
};
use crate::store::{Entry, Meta, StoreError, Tx, VendorOverrides, VendorStart};
use crate::vendors::{
    Comparing, Owed, Planner, acknowledge, is_blank, limit, needs_value, pend_neighbours, same, says_inactive,
    supplier_seen, under_way, vendor_read_back,
};

/// Both records of a pair as they are now, read before the decision.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// JAGGAER's, where it is read.
    pub supplier: Option<MasterSupplier>,
    /// Intacct's.
    pub vendor: Option<MasterVendor>,
}

/// Who decides, when, by which rules.
#[derive(Clone, Debug)]
pub struct Deciding {
    /// What is configured.
    pub base: Base,
    /// Who.
    pub by: Person,
    /// When.
    pub at: Timestamp,
}

/// What came of it: a sentence, or why not. Whatever was read is kept in either case.
pub type Decided = Result<String, Refusal>;

/// Pairs read at once for a plan.
const PIECE: usize = 1_000;

fn invalid<T>(what: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(RefusalKind::Invalid, what))
}

impl Deciding {
    fn who(&self) -> Actor {
        Actor::Person(self.by.clone())
    }

    /// Carries out what needs neither of the systems, or what was read of them for it.
    pub fn decide(&self, tx: &mut Tx<'_>, command: &VendorCommand, live: &Live) -> Result<Decided, StoreError> {
        match command {
            VendorCommand::Start { phrase, fields, create } => self.start(tx, phrase, fields, *create),
            VendorCommand::Stop => self.stop(tx),
            VendorCommand::Link { id, version, vendor } => {
                self.about(tx, *id, *version, live, |tx, pair, moved| self.link(tx, pair, vendor, live, moved))
            }
            VendorCommand::Refuse { id, version, vendor } => {
                self.about(tx, *id, *version, live, |tx, pair, _| self.refuse(tx, pair, vendor))
            }
            VendorCommand::Resolve(decision) => {
                self.about(tx, decision.id, decision.version, live, |tx, pair, moved| {
                    self.resolve(tx, pair, decision, moved)
                })
            }
            VendorCommand::Undo { id, version, field } => {
                self.about(tx, *id, *version, live, |tx, pair, _| self.undo(tx, pair, *field))
            }
            VendorCommand::Seen { id, version } => {
                self.about(tx, *id, *version, live, |tx, pair, _| self.seen(tx, pair))
            }
            VendorCommand::Retry { id, version } => {
                self.about(tx, *id, *version, live, |tx, pair, _| self.retry(tx, pair))
            }
        }
    }

    /// Finds the pair, refuses an outdated view of it, and keeps what was read of both sides just now. The decision hears which
    /// fields say something else than what the person saw.
    fn about(
        &self,
        tx: &mut Tx<'_>,
        id: PairId,
        version: Option<u64>,
        live: &Live,
        decide: impl FnOnce(&mut Tx<'_>, Pair, &[String]) -> Result<Decided, StoreError>,
    ) -> Result<Decided, StoreError> {
        let Some(before) = tx.pair(id)? else {
            return Ok(Err(Refusal::new(RefusalKind::NotFound, format!("no supplier is `{id}`"))));
        };
        if version.is_some_and(|version| version != before.version) {
            return Ok(invalid(format!("{} changed meanwhile; look again", before.label())));
        }
        let comparing = self.base.comparing;
        let mut moved = Vec::new();
        let seeing = self.base.seeing(self.at, Actor::Engine);
        if let Some(supplier) = live.supplier.as_ref().filter(|now| now.id == before.supplier.id) {
            moved.extend(news(Side::Jaggaer, &before.supplier.values, &supplier.values, &comparing));
            supplier_seen(tx, &seeing, supplier)?;
        }
        if let Some(vendor) = &live.vendor {
            if let Some(known) = tx.master_vendor(vendor.id.raw())? {
                moved.extend(news(Side::Intacct, &known.values, &vendor.values, &comparing));
            }
            vendor_read_back(tx, &seeing, vendor)?;
        }
        match tx.pair(id)? {
            Some(pair) => decide(tx, pair, &moved),
            None => Ok(invalid(format!("no supplier is `{id}`"))),
        }
    }

    fn entry(&self, pair: &Pair, event: &'static str, what: impl Into<String>) -> Entry {
        Entry::of_pair(pair, self.at, self.who(), event, what)
    }

    fn save(&self, tx: &mut Tx<'_>, mut pair: Pair, entry: &Entry) -> Result<(), StoreError> {
        tx.audit(entry)?;
        tx.save_pair(&mut pair)?;
        tx.pend_pair(pair.id)
    }

    fn link(
        &self,
        tx: &mut Tx<'_>,
        pair: Pair,
        vendor: &Text,
        live: &Live,
        moved: &[String],
    ) -> Result<Decided, StoreError> {
        let (before, mut pair) = (pair.clone(), pair);
        let name = vendor.safe().into_owned();
        if !moved.is_empty() {
            return Ok(outdated(&pair, moved));
        }
        if live.vendor.as_ref().is_none_or(|now| now.id != *vendor) {
            return Ok(Err(Refusal::new(RefusalKind::NotFound, format!("there is no vendor {name} in Intacct"))));
        }
        if pair.vendor.as_ref() == Some(vendor) && matches!(pair.basis, Some(LinkBasis::Person(_))) {
            return Ok(invalid(format!("{} is linked with vendor {name} already", pair.label())));
        }
        if let Some(linked) = pair.vendor.as_ref().filter(|linked| *linked != vendor) {
            let what = format!("{} is linked with vendor {}; refuse that first", pair.label(), linked.safe());
            return Ok(invalid(what));
        }
        if let Some(refused) = busy(&pair) {
            return Ok(refused);
        }
        for other in tx.pairs_linked_with(vendor.raw())? {
            let Some(other) = tx.pair(other)?.filter(|other| other.id != pair.id) else { continue };
            let over = other.supplier.merged_into.as_ref().is_some_and(|into| !into.is_blank());
            if !over && matches!(other.basis, Some(LinkBasis::Person(_) | LinkBasis::Created)) {
                let what = format!("vendor {name} is linked with {}; refuse it there first", other.label());
                return Ok(invalid(what));
            }
        }
        // A link that is confirmed says nothing about the values: what was agreed stays.
        if pair.vendor.is_none() {
            pair.agreed = MasterValues::default();
            pair.faults.clear();
        }
        pair.vendor = Some(vendor.clone());
        pair.basis = Some(LinkBasis::Person(self.by.label()));
        pair.refused.retain(|refused| refused != vendor);
        pair.suggestions.clear();
        let entry = self.entry(&pair, "pair_linked", format!("linked with vendor {name}, by a person"));
        let label = pair.label();
        pend_neighbours(tx, &before, &pair)?;
        self.save(tx, pair, &entry.fact("vendor", vendor.raw()))?;
        Ok(Ok(format!("{label} is linked with vendor {name}")))
    }

    fn refuse(&self, tx: &mut Tx<'_>, pair: Pair, vendor: &Text) -> Result<Decided, StoreError> {
        let (before, mut pair) = (pair.clone(), pair);
        let name = vendor.safe().into_owned();
        let linked = pair.vendor.as_ref() == Some(vendor);
        let known = linked || pair.suggestions.iter().any(|suggestion| suggestion.vendor == *vendor);
        if pair.refused.contains(vendor) {
            return Ok(invalid(format!("vendor {name} was refused for {} already", pair.label())));
        }
        if !known && tx.master_vendor(vendor.raw())?.is_none() {
            return Ok(Err(Refusal::new(RefusalKind::NotFound, format!("there is no vendor {name}"))));
        }
        if linked {
            if let Some(refused) = busy(&pair) {
                return Ok(refused);
            }
            pair.vendor = None;
            pair.basis = None;
            pair.agreed = MasterValues::default();
            pair.decisions.clear();
            pair.differences.clear();
            pair.faults.clear();
        }
        pair.suggestions.retain(|suggestion| suggestion.vendor != *vendor);
        pair.refused.push(vendor.clone());
        let what = match linked {
            true => format!("vendor {name} refused, the link is undone"),
            false => format!("vendor {name} refused: never suggested again"),
        };
        let entry = self.entry(&pair, "vendor_refused", what).fact("vendor", vendor.raw());
        let label = pair.label();
        pend_neighbours(tx, &before, &pair)?;
        self.save(tx, pair, &entry)?;
        if linked && before.blocks_postings() {
            // Invoices that waited for its conflict wait no more.
            tx.evaluate_all(&[State::Held, State::Queued])?;
        }
        Ok(Ok(format!("vendor {name} is refused for {label}")))
    }

    fn resolve(
        &self,
        tx: &mut Tx<'_>,
        pair: Pair,
        decision: &PairDecision,
        moved: &[String],
    ) -> Result<Decided, StoreError> {
        let mut pair = pair;
        if !moved.is_empty() {
            return Ok(outdated(&pair, moved));
        }
        let Some(vendor) = pair.vendor.clone() else {
            return Ok(invalid(format!("{} is linked with no vendor; link it first", pair.label())));
        };
        let Some(vendor) = tx.master_vendor(vendor.raw())? else {
            return Ok(invalid(format!("vendor {} is not in Intacct any more", vendor.safe())));
        };
        let fields: Vec<MasterField> = match decision.field {
            Some(field) => vec![field],
            None => pair.conflicts().collect(),
        };
        if fields.is_empty() {
            return Ok(invalid(format!("{} has no conflict", pair.label())));
        }
        if decision.always && !matches!(decision.take, Take::Side(_)) {
            return Ok(invalid("only a side can be taken always, no value of one's own"));
        }
        if matches!(decision.take, Take::Value(_)) && fields.len() > 1 {
            return Ok(invalid("a value of one's own is for one field; name it"));
        }
        let mut told = Vec::new();
        for field in fields {
            match self.field(&mut pair, &vendor, field, &decision.take) {
                Ok(value) => told.push((field, value)),
                Err(refused) => return Ok(Err(refused)),
            }
        }
        let words: Vec<String> =
            told.iter().map(|(field, value)| format!("{} `{}`", field.label(), value.safe())).collect();
        let mut entry = self.entry(&pair, "pair_resolved", format!("decided: {}", words.join(", ")));
        for (field, value) in &told {
            entry = entry.fact(field.word(), value.raw());
        }
        let label = pair.label();
        self.save(tx, pair, &entry)?;
        let mut message = format!("{label}: {}", words.join(", "));
        if let (true, Take::Side(side)) = (decision.always, &decision.take) {
            let fields: Vec<MasterField> = told.into_iter().map(|(field, _)| field).collect();
            self.always(tx, &fields, *side)?;
            message.push_str(&format!("; {} decides from now on, for all suppliers", side.label()));
        }
        Ok(Ok(message))
    }

    /// Puts a decision about one field into the pair.
    fn field(&self, pair: &mut Pair, vendor: &MasterVendor, field: MasterField, take: &Take) -> Result<Text, Refusal> {
        let (Some(jaggaer), Some(intacct)) = (pair.supplier.values.get(field), vendor.values.get(field)) else {
            return invalid(format!("{}: one of the systems does not offer it", field.label()));
        };
        if same(field, jaggaer, intacct, &self.base.comparing) {
            return invalid(format!("{}: both sides say the same", field.label()));
        }
        if [Side::Jaggaer, Side::Intacct]
            .into_iter()
            .filter_map(|side| under_way(pair, side))
            .any(|it| it.set.get(field).is_some())
        {
            return invalid(format!("{}: it is being written just now; look again in a moment", field.label()));
        }
        let value = match take {
            Take::Side(Side::Jaggaer) => jaggaer.clone(),
            Take::Side(Side::Intacct) => intacct.clone(),
            Take::Value(value) => value.clone(),
        };
        if needs_value(field) && is_blank(field, &value) {
            return invalid(format!("{}: it cannot be empty", field.label()));
        }
        if matches!(take, Take::Value(_)) {
            check_value(field, &value)?;
        }
        let inactive = says_inactive(field, &value) && !same(field, intacct, &value, &self.base.comparing);
        if inactive && Owed::to(vendor) == Owed::Something {
            let due = vendor.due.map(|due| due.fixed(2)).unwrap_or_default();
            return invalid(format!("vendor {} is not set inactive: {due} is owed to it", vendor.id.safe()));
        }
        let decision = FieldDecision {
            field,
            value: value.clone(),
            jaggaer: jaggaer.clone(),
            intacct: intacct.clone(),
            by: self.by.label(),
            at: self.at,
        };
        pair.decisions.retain(|known| known.field != field);
        pair.decisions.push(decision);
        Ok(value)
    }

    /// Makes a rule of a decision, for all pairs.
    fn always(&self, tx: &mut Tx<'_>, fields: &[MasterField], side: Side) -> Result<(), StoreError> {
        let policy = match side {
            Side::Jaggaer => FieldPolicy::Jaggaer,
            Side::Intacct => FieldPolicy::Intacct,
        };
        let mut overrides: VendorOverrides = tx.meta(Meta::VendorOverrides)?.unwrap_or_default();
        for field in fields {
            overrides.insert(*field, (policy, self.by.label(), self.at));
            let what = format!("{}: {} decides from now on, for all suppliers", field.label(), side.label());
            tx.audit(&Entry::engine(self.at, self.who(), "vendor_policy", what).fact(field.word(), policy.word()))?;
        }
        tx.put_meta(Meta::VendorOverrides, &overrides)?;
        // One that is held may be in conflict as well, and hold invoices by it.
        use PairState::{Conflict, Differs, Failed, Held, Writing};
        for state in [Differs, Writing, Conflict, Failed, Held] {
            tx.pend_pairs_in(state)?;
        }
        Ok(())
    }

    fn undo(&self, tx: &mut Tx<'_>, pair: Pair, field: Option<MasterField>) -> Result<Decided, StoreError> {
        let mut pair = pair;
        let sent = |of: MasterField| {
            let writes = [Side::Jaggaer, Side::Intacct].into_iter().filter_map(|side| under_way(&pair, side));
            writes.into_iter().any(|write| write.set.get(of).is_some())
        };
        let wanted = |decision: &FieldDecision| field.is_none_or(|field| field == decision.field);
        let found: Vec<MasterField> = pair.decisions.iter().filter(|it| wanted(it)).map(|it| it.field).collect();
        let undone: Vec<MasterField> = found.iter().copied().filter(|field| !sent(*field)).collect();
        if undone.is_empty() {
            let why = if found.is_empty() { "there is no decision to take back" } else { "it was sent already" };
            return Ok(invalid(format!("{}: {why}", pair.label())));
        }
        pair.decisions.retain(|decision| !undone.contains(&decision.field));
        let words: Vec<&str> = undone.iter().map(|field| field.label()).collect();
        let entry = self.entry(&pair, "pair_undone", format!("taken back: {}", words.join(", ")));
        let label = pair.label();
        self.save(tx, pair, &entry)?;
        Ok(Ok(format!("{label}: taken back: {}", words.join(", "))))
    }

    fn seen(&self, tx: &mut Tx<'_>, pair: Pair) -> Result<Decided, StoreError> {
        let mut pair = pair;
        let count = acknowledge(&mut pair, &self.by.label(), self.at);
        if count == 0 {
            return Ok(invalid(format!("{}: there is no alert that nobody has looked at", pair.label())));
        }
        let (changes, were) = if count == 1 { ("change", "was") } else { ("changes", "were") };
        let what = format!("looked at {count} {changes} of bank and payment data");
        let entry = self.entry(&pair, "payment_seen", what);
        let label = pair.label();
        tx.audit(&entry)?;
        tx.save_pair(&mut pair)?;
        Ok(Ok(format!("{label}: {count} {changes} of bank and payment data {were} looked at")))
    }

    fn retry(&self, tx: &mut Tx<'_>, pair: Pair) -> Result<Decided, StoreError> {
        let mut pair = pair;
        if std::mem::take(&mut pair.faults).is_empty() {
            return Ok(invalid(format!("{}: nothing of it was refused", pair.label())));
        }
        let entry = self.entry(&pair, "write_retried", "what was refused is tried again");
        let label = pair.label();
        self.save(tx, pair, &entry)?;
        Ok(Ok(format!("{label}: what was refused is tried again")))
    }

    fn start(
        &self,
        tx: &mut Tx<'_>,
        phrase: &str,
        fields: &[MasterField],
        create: bool,
    ) -> Result<Decided, StoreError> {
        if !self.base.posts {
            return Ok(invalid(
                "the configuration says posting.mode = \"observe\", so nothing is written: set it to \"post\" and reload first",
            ));
        }
        if !both_read(|which| Ok(tx.meta::<Option<Timestamp>>(which)?.is_some()))? {
            return Ok(invalid(
                "nothing was started: both masters must have been read once; run the flow `vendors` first",
            ));
        }
        if !tx.pended_pairs(1)?.is_empty() {
            return Ok(invalid(
                "nothing was started: pairs are still being compared; look at the plan again in a moment",
            ));
        }
        let counts = tx.pair_counts()?;
        let plan = plan(|after| tx.pairs(after, PIECE), (counts.vendors, counts.unlinked()), self.at)?;
        if phrase.trim() != plan.phrase {
            return Ok(invalid(format!("nothing was started: type exactly `{}`", plan.phrase)));
        }
        let by = self.by.label();
        let start = VendorStart { by, at: self.at, fields: fields.to_vec(), creates: create };
        tx.put_meta(Meta::VendorStart, &start)?;
        tx.put_meta(Meta::FirstMeeting, &tx.next_pair()?.0)?;
        for state in PairState::ALL.into_iter().filter(|state| !matches!(state, PairState::Agreed | PairState::Closed))
        {
            tx.pend_pairs_in(state)?;
        }
        // From now on a conflict on a field that postings need holds invoices.
        tx.evaluate_all(&[State::Held, State::Queued])?;
        let which: Vec<&str> = fields.iter().map(|field| field.word()).collect();
        let which = if which.is_empty() { "all fields".to_owned() } else { which.join(", ") };
        let creates = if create { "new suppliers become vendors" } else { "no vendor is created" };
        let what = format!("vendors started: {which}; {creates}");
        let entry = Entry::engine(self.at, self.who(), "vendors_started", &what).fact("phrase", phrase.trim());
        tx.audit(&entry.fact("fields", which).fact("create", create))?;
        Ok(Ok(what))
    }

    fn stop(&self, tx: &mut Tx<'_>) -> Result<Decided, StoreError> {
        if tx.meta::<VendorStart>(Meta::VendorStart)?.is_none() {
            return Ok(invalid("vendors were not started"));
        }
        tx.remove_meta(Meta::VendorStart)?;
        for state in [PairState::Writing, PairState::Failed, PairState::Conflict] {
            tx.pend_pairs_in(state)?;
        }
        tx.evaluate_all(&[State::Held, State::Queued])?;
        tx.audit(&Entry::engine(self.at, self.who(), "vendors_stopped", "vendors stopped: nothing more is written"))?;
        Ok(Ok("vendors are stopped: nothing more is written; what is under way is settled".to_owned()))
    }
}

/// Whether a decision is taken only after both records were read again.
pub fn needs_systems(command: &VendorCommand) -> bool {
    matches!(command, VendorCommand::Link { .. } | VendorCommand::Resolve(_))
}

/// Without an engine: what needs no look at the systems is recorded, the rest refused.
pub fn offline(deciding: &Deciding, tx: &mut Tx<'_>, command: &VendorCommand) -> Result<Decided, StoreError> {
    if needs_systems(command) {
        let what = "both systems are read before this is decided: it needs a running engine";
        return Ok(Err(Refusal::new(RefusalKind::Unavailable, what)));
    }
    deciding.decide(tx, command, &Live::default())
}

/// Whether both masters were read once.
pub fn both_read(read: impl Fn(Meta) -> Result<bool, StoreError>) -> Result<bool, StoreError> {
    Ok(read(Meta::VendorsRead)? && read(Meta::SuppliersRead)?)
}

/// What a start would do, counted from pairs that are given piece by piece.
pub fn plan(
    mut next: impl FnMut(u64) -> Result<Vec<Pair>, StoreError>,
    (vendors, unlinked): (u64, u64),
    at: Timestamp,
) -> Result<VendorsPlan, StoreError> {
    let (mut planner, mut after) = (Planner::new(at), 0);
    loop {
        let pairs = next(after)?;
        let Some(last) = pairs.last() else { break };
        after = last.id.0;
        pairs.iter().for_each(|pair| planner.add(pair));
    }
    Ok(planner.finish(vendors, unlinked))
}

/// What says something else than what was known, in words.
fn news(side: Side, known: &MasterValues, now: &MasterValues, comparing: &Comparing) -> Vec<String> {
    let mut found = Vec::new();
    for field in MasterField::ALL {
        if let (Some(known), Some(now)) = (known.get(field), now.get(field))
            && !same(field, known, now, comparing)
        {
            let (field, side) = (field.label(), side.label());
            found.push(format!("{field} in {side} is now `{}`, was `{}`", now.safe(), known.safe()));
        }
    }
    found
}

fn outdated(pair: &Pair, moved: &[String]) -> Decided {
    invalid(format!("{} changed meanwhile: {}; look again", pair.label(), moved.join("; ")))
}

/// Why a link cannot be changed just now.
fn busy(pair: &Pair) -> Option<Decided> {
    let side = [Side::Intacct, Side::Jaggaer].into_iter().find(|side| under_way(pair, *side).is_some())?;
    Some(invalid(format!("{}: a write to {} is under way; look again in a moment", pair.label(), side.label())))
}

/// Whether a value of a person's own can stand in a field.
fn check_value(field: MasterField, value: &Text) -> Result<(), Refusal> {
    let text = value.raw().trim();
    let letters = |count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_alphabetic());
    let (good, wanted) = match field {
        MasterField::Status => (matches!(text, "active" | "inactive"), "`active` or `inactive`"),
        MasterField::OnHold => (matches!(text, "true" | "false"), "`true` or `false`"),
        MasterField::Currency => (letters(3), "three letters: `USD`"),
        MasterField::Country => (text.is_empty() || letters(2), "two letters: `US`"),
        _ => (!text.chars().any(crate::model::is_forbidden_in_xml), "text without control characters"),
    };
    // A value of a person's own is written as it is, or not at all: nothing of it is cut off.
    if let Some(most) = limit(field).filter(|most| text.chars().count() > *most) {
        let count = text.chars().count();
        return invalid(format!("{}: it has {count} characters, and at most {most} are taken", field.label()));
    }
    match good {
        true => Ok(()),
        false => invalid(format!("{}: `{}` must be {wanted}", field.label(), value.safe())),
    }
}
