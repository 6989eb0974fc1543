//! What people order of the program about suppliers and vendors in a run: the start and the stop, and what they decide.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tollgate::messages::{Command, PairDecision, Take, VendorCommand};
use tollgate::model::{MasterField, Pair, PairId, PairState, Side, Text, Timestamp};
use tollgate::simulator::wire::Chance;

use crate::lock;
use crate::seeds::{CHAOS, seconds};
use crate::vendors::{is_started, pairs};
use crate::world::World;

/// What was ordered, whether or not it was heard.
#[derive(Default)]
pub struct Orders {
    /// When it was let start, which fields (empty: all), whether vendors are created.
    pub starts: Vec<(Timestamp, Vec<MasterField>, bool)>,
    /// Pairs that somebody decided about.
    pub resolved: BTreeSet<PairId>,
    /// Fields that a side decides from then on.
    pub always: BTreeSet<(MasterField, Side)>,
    /// Links and refusals.
    pub linked: BTreeSet<(PairId, String)>,
    pub refused: BTreeSet<(PairId, String)>,
}

/// Shared by what happens and who judges it.
pub type Ordered = Arc<Mutex<Orders>>;

/// What a start is to do.
#[derive(Clone)]
struct Start {
    fields: Vec<MasterField>,
    create: bool,
}

/// Draws what is ordered when.
pub fn orders(world: &mut World, chance: &mut Chance, meets: bool) -> Ordered {
    let ordered = Ordered::default();
    if !meets {
        return ordered;
    }
    if chance.below(10) > 0 {
        let begin = if chance.below(2) == 0 { chance.below(2_400) } else { chance.below(CHAOS) };
        let start = drawn(chance);
        try_to_start(world, &ordered, begin, &start);
        if chance.below(8) == 0 {
            let stop = begin + 1 + chance.below(CHAOS);
            world.at(seconds(stop), |world| world.order(Command::Vendors(VendorCommand::Stop)));
            let again = drawn(chance);
            try_to_start(world, &ordered, stop + chance.below(1_800), &again);
        }
    }
    for _ in 0..chance.below(12) {
        let (at, draw) = (chance.below(CHAOS), chance.next_u64());
        let ordered = ordered.clone();
        world.at(seconds(at), move |world| somebody_looks(world, &ordered, &mut Chance::new(draw)));
    }
    // What was refused while everything went wrong is tried again by those who mend it.
    for at in [CHAOS + 900, CHAOS + 2_700] {
        world.at(seconds(at), retry_all);
    }
    for at in [300, 1_500, 4_000] {
        world.at(seconds(CHAOS + at), |world| world.order(Command::RunFlow("vendors".to_owned())));
    }
    ordered
}

fn drawn(chance: &mut Chance) -> Start {
    let fields = match chance.below(8) {
        0 => vec![MasterField::Phone, MasterField::City, MasterField::Email],
        _ => Vec::new(),
    };
    Start { fields, create: chance.below(8) > 0 }
}

/// Somebody types the phrase, again and again until it is taken.
fn try_to_start(world: &mut World, ordered: &Ordered, from: u64, start: &Start) {
    let taken = Arc::new(Mutex::new(false));
    let later = [60, 120, 240, 480, 960, 1_920, 3_840].into_iter().map(|after| from + after);
    let calm = [120, 400, 800, 1_400, 2_600].into_iter().map(|after| CHAOS + after);
    for at in [from].into_iter().chain(later).chain(calm) {
        let (ordered, start, taken) = (ordered.clone(), start.clone(), taken.clone());
        world.at(seconds(at), move |world| {
            if *lock(&taken) || world.engine.is_none() {
                return;
            }
            if is_started(world) {
                *lock(&taken) = true;
                return;
            }
            let now = world.clock.true_now();
            lock(&ordered).starts.push((now, start.fields.clone(), start.create));
            world.start_vendors_with(start.fields, start.create);
        });
    }
}

fn tell(world: &mut World, what: &str, id: PairId, command: VendorCommand) {
    world.fate.note(|| format!("a person: {what} {id}"));
    world.order(Command::Vendors(command));
}

/// Somebody looks at the list and does something about one or all of what is in front of a person.
fn somebody_looks(world: &mut World, ordered: &Ordered, chance: &mut Chance) {
    let mut all: Vec<Pair> = pairs(world).into_iter().filter(|pair| pair.state.needs_attention()).collect();
    let (one, which) = (chance.below(2) == 0, chance.below(all.len().max(1) as u64) as usize);
    if one {
        all = all.into_iter().skip(which).take(1).collect();
    }
    for pair in all {
        // Some orders are given by the view of a moment before.
        let version = (chance.below(2) == 0).then_some(pair.version);
        match pair.state {
            PairState::Conflict => decide(world, ordered, chance, &pair, version),
            PairState::Suggested | PairState::Held => link(world, ordered, chance, &pair, version),
            _ => tell(world, "retries", pair.id, VendorCommand::Retry { id: pair.id, version }),
        }
    }
    let seen = |pair: &Pair| pair.is_alerted();
    let undo = |pair: &Pair| !pair.decisions.is_empty();
    let all = pairs(world);
    for pair in all.iter().filter(|pair| seen(pair)) {
        if chance.below(3) == 0 {
            tell(world, "looks at the alerts of", pair.id, VendorCommand::Seen { id: pair.id, version: None });
        }
    }
    for pair in all.iter().filter(|pair| undo(pair)) {
        if chance.below(3) == 0 {
            tell(world, "takes back", pair.id, VendorCommand::Undo { id: pair.id, version: None, field: None });
        }
    }
}

fn decide(world: &mut World, ordered: &Ordered, chance: &mut Chance, pair: &Pair, version: Option<u64>) {
    let fields: Vec<MasterField> = pair.conflicts().collect();
    let field = fields.get(chance.below(fields.len().max(1) as u64) as usize).copied();
    let own = |field: MasterField, chance: &mut Chance| match field {
        MasterField::TaxId => Some(format!("88-{:07}", chance.below(1_000_000))),
        MasterField::Phone => Some(format!("+1 207 999 {:04}", chance.below(10_000))),
        MasterField::Status => Some("active".to_owned()),
        _ => None,
    };
    let side = if chance.below(2) == 0 { Side::Jaggaer } else { Side::Intacct };
    let value = field.filter(|_| chance.below(4) == 0).and_then(|field| own(field, chance));
    let always = value.is_none() && chance.below(10) == 0;
    let (field, take) = match value {
        Some(value) => (field, Take::Value(Text::new(value))),
        None if chance.below(3) == 0 => (None, Take::Side(side)),
        None => (field, Take::Side(side)),
    };
    let mut orders = lock(ordered);
    orders.resolved.insert(pair.id);
    if always {
        // Who decides about all that is in conflict may find more there than was seen.
        let concerned = field.map_or_else(|| MasterField::ALL.to_vec(), |field| vec![field]);
        orders.always.extend(concerned.into_iter().map(|field| (field, side)));
    }
    drop(orders);
    let decision = PairDecision { id: pair.id, version, field, take, always };
    tell(world, &format!("decides {:?} of", decision.field), pair.id, VendorCommand::Resolve(decision));
}

fn link(world: &mut World, ordered: &Ordered, chance: &mut Chance, pair: &Pair, version: Option<u64>) {
    let linked = pair.vendor.iter().filter(|_| pair.state == PairState::Held);
    let known: Vec<Text> = pair.suggestions.iter().map(|it| &it.vendor).chain(linked).cloned().collect();
    let Some(vendor) = known.get(chance.below(known.len().max(1) as u64) as usize).cloned() else { return };
    let (id, name) = (pair.id, vendor.raw().to_owned());
    if pair.vendor.is_none() && chance.below(2) == 0 {
        lock(ordered).linked.insert((id, name));
        tell(world, "links", id, VendorCommand::Link { id, version, vendor });
    } else {
        lock(ordered).refused.insert((id, name));
        tell(world, "refuses the vendor of", id, VendorCommand::Refuse { id, version, vendor });
    }
}

fn retry_all(world: &mut World) {
    for pair in pairs(world).into_iter().filter(|pair| pair.state == PairState::Failed) {
        tell(world, "retries", pair.id, VendorCommand::Retry { id: pair.id, version: None });
    }
}
