//! One pair through its life: people edit both sides, writes are refused, lost, or carried out unheard, and in the end both sides
//! are equal or a person is asked.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::{Class, Course, Fault, FieldDecision, FieldPolicy, MasterStep, MasterWrite, MasterWriteKind};
use MasterField as F;

const FIELDS: [F; 5] = [F::Name, F::TaxId, F::Phone, F::City, F::Status];

/// What becomes of a send.
#[derive(Clone, Copy, Debug)]
enum Luck {
    Applied,
    AppliedUnheard,
    LostUnheard,
    NotExecuted,
    Refused,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Edit(Side, F),
    Empty(Side),
    CreatedByHand,
    Poll(Side),
    Send(Side, Luck),
    Settle(Side),
    Decide(F, u8),
    Undo(F),
    Retry,
}

struct World {
    jaggaer: MasterValues,
    intacct: Option<MasterValues>,
    memory: Memory,
    ground: Ground,
    said: BTreeSet<String>,
    pending: bool,
    count: u32,
}

impl World {
    fn new(met: bool, policies: Policies, writes_jaggaer: bool) -> Self {
        let jaggaer =
            of(&[(F::Name, "one"), (F::TaxId, ""), (F::Phone, "1"), (F::City, "Bremen"), (F::Status, "active")]);
        let intacct =
            of(&[(F::Name, "two"), (F::TaxId, "7"), (F::Phone, ""), (F::City, "Bremen"), (F::Status, "active")]);
        let said = jaggaer.iter().chain(intacct.iter()).map(|it| it.1.raw().to_owned()).collect();
        let memory = Memory::new(vec![MasterSupplier { values: jaggaer.clone(), ..supplier("1", "V-1", &[]) }], vec![]);
        let ground = Ground { policies, writes_jaggaer, ..Ground::started() };
        let intacct = met.then_some(intacct);
        World { jaggaer, intacct, memory, ground, said, pending: true, count: 10 }
    }

    fn pair(&mut self) -> &mut Pair {
        self.memory.pairs.get_mut(&PairId(1)).unwrap()
    }

    fn write(&mut self, side: Side) -> &mut Option<Box<MasterWrite>> {
        match side {
            Side::Intacct => &mut self.pair().to_intacct,
            Side::Jaggaer => &mut self.pair().to_jaggaer,
        }
    }

    fn says(&self, side: Side) -> Option<&MasterValues> {
        match side {
            Side::Intacct => self.intacct.as_ref(),
            Side::Jaggaer => Some(&self.jaggaer),
        }
    }

    fn poll(&mut self, side: Side) {
        match (side, self.intacct.clone()) {
            (Side::Jaggaer, _) => self.pair().supplier.values = self.jaggaer.clone(),
            (Side::Intacct, Some(values)) => {
                self.memory.vendors.insert("V-1".to_owned(), MasterVendor { values, ..vendor("V-1", &[]) });
            }
            (Side::Intacct, None) => {}
        }
        self.pending = true;
    }

    fn evaluate(&mut self) {
        if !std::mem::take(&mut self.pending) {
            return;
        }
        let Ok(found) = evaluate(self.pair().clone(), &self.memory, &self.ground.context());
        let mut pair = found.pair;
        for (to, want) in [(Side::Intacct, found.to_intacct), (Side::Jaggaer, found.to_jaggaer)] {
            let Want::Write(wanted) = want else { continue };
            for (field, value) in wanted.set.iter() {
                assert!(self.said.contains(value.raw()), "{field}: {value:?} was made up");
            }
            let write = settling::frozen(to, *wanted);
            let place = if to == Side::Intacct { &mut pair.to_intacct } else { &mut pair.to_jaggaer };
            assert_eq!(*place, None, "a write was replaced that may have left");
            *place = Some(Box::new(write));
        }
        self.memory.pairs.insert(PairId(1), pair);
    }

    /// The lane in short: looks first, then sends.
    fn send(&mut self, side: Side, luck: Luck) {
        self.evaluate();
        let comparing = Comparing::default();
        let Some(mut write) = self.write(side).take_if(|write| write.step == MasterStep::Queued) else { return };
        match read_back(&write, self.says(side), &comparing) {
            ReadBack::Untouched => {}
            ReadBack::Stands if write.kind == MasterWriteKind::Update => return self.settled(side, &write, true),
            _ => return self.settled(side, &write, false),
        }
        match luck {
            Luck::Applied | Luck::AppliedUnheard => {
                self.nothing_is_overwritten_silently(&write);
                let says = match side {
                    Side::Intacct => self.intacct.get_or_insert_default(),
                    Side::Jaggaer => &mut self.jaggaer,
                };
                for (field, value) in write.set.iter() {
                    says.set(field, Some(value.clone()));
                }
                if write.kind == MasterWriteKind::Create {
                    for field in FIELDS.into_iter().filter(|field| write.set.get(*field).is_none()) {
                        says.set(field, Some(Text::default()));
                    }
                }
                write.step = if matches!(luck, Luck::Applied) { MasterStep::Claimed } else { MasterStep::InDoubt };
            }
            Luck::LostUnheard => write.step = MasterStep::InDoubt,
            Luck::NotExecuted => {}
            Luck::Refused => {
                let fault = Fault { errorno: Text::new("BL01"), said: Text::new("no") };
                self.pair().faults.retain(|(of, ..)| *of != side);
                self.pair().faults.push((side, Class::Data, fault));
                self.pending = true;
                return;
            }
        }
        *self.write(side) = Some(write);
    }

    fn settle(&mut self, side: Side) {
        let Some(mut write) = self.write(side).take_if(|write| write.step != MasterStep::Queued) else { return };
        match read_back(&write, self.says(side), &Comparing::default()) {
            ReadBack::Stands => self.settled(side, &write, true),
            ReadBack::Untouched if write.step == MasterStep::InDoubt => {
                write.step = MasterStep::Queued;
                *self.write(side) = Some(write);
                self.pending = true;
            }
            _ => self.settled(side, &write, write.step == MasterStep::Claimed),
        }
    }

    fn settled(&mut self, side: Side, write: &MasterWrite, took: bool) {
        if took {
            agree(self.pair(), write, &Comparing::default());
        }
        self.poll(side);
    }

    /// A value that a side changed is overwritten only if a person said so, or a policy.
    fn nothing_is_overwritten_silently(&mut self, write: &MasterWrite) {
        let Some(says) = self.says(write.to).cloned() else { return };
        let policies = self.ground.policies.clone();
        let pair = self.pair();
        for (field, value) in write.set.iter().filter(|(field, _)| *field != F::Status) {
            let old = says.get(field).unwrap();
            let alike = |other: &Text| same(field, old, other, &Comparing::default());
            let policy = policies.of(field);
            let agreed = pair.agreed.get(field).is_some_and(alike);
            let met_blank = pair.agreed.get(field).is_none() && is_blank(field, old);
            let decided =
                pair.decisions.iter().any(|it| it.field == field && (alike(&it.jaggaer) || alike(&it.intacct)));
            let by_policy = matches!(
                (policy, write.to),
                (FieldPolicy::Jaggaer, Side::Intacct) | (FieldPolicy::Intacct, Side::Jaggaer)
            );
            assert!(
                agreed || met_blank || decided || by_policy,
                "{field}: {old:?} is overwritten with {value:?}: {pair:#?}"
            );
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Edit(side, field) => {
                self.count += 1;
                let now = self.says(side).and_then(|it| it.get(field)).map(Text::raw);
                let value = match (field, now) {
                    (F::Status, Some("active")) => "inactive".to_owned(),
                    (F::Status, _) => "active".to_owned(),
                    _ => self.count.to_string(),
                };
                self.put(side, field, value);
            }
            Step::Empty(side) => self.put(side, F::Phone, String::new()),
            Step::CreatedByHand => {
                if self.intacct.is_none() {
                    self.intacct = Some(of(&[
                        (F::Name, "by hand"),
                        (F::TaxId, ""),
                        (F::Phone, ""),
                        (F::City, ""),
                        (F::Status, "active"),
                    ]));
                    self.said.insert("by hand".to_owned());
                }
            }
            Step::Poll(side) => self.poll(side),
            Step::Send(side, luck) => self.send(side, luck),
            Step::Settle(side) => self.settle(side),
            Step::Decide(field, take) => self.decide(field, take),
            Step::Undo(field) => {
                if !self.is_busy(field) {
                    self.pair().decisions.retain(|it| it.field != field);
                    self.pending = true;
                }
            }
            Step::Retry => {
                self.pair().faults.clear();
                self.pending = true;
            }
        }
    }

    fn put(&mut self, side: Side, field: F, value: String) {
        self.said.insert(value.clone());
        let says = if side == Side::Jaggaer { Some(&mut self.jaggaer) } else { self.intacct.as_mut() };
        if let Some(says) = says {
            says.set(field, Some(Text::new(value)));
        }
    }

    fn is_busy(&self, field: F) -> bool {
        let writes = [Side::Jaggaer, Side::Intacct].into_iter().filter_map(|side| under_way(self.memory.pair(1), side));
        writes.into_iter().any(|write| write.set.get(field).is_some())
    }

    fn decide(&mut self, field: F, take: u8) {
        self.evaluate();
        let Some(intacct) = self.memory.vendors.get("V-1").and_then(|it| it.values.get(field)).cloned() else { return };
        if !self.pair().conflicts().any(|it| it == field) {
            return;
        }
        if self.is_busy(field) {
            return;
        }
        self.count += 1;
        let jaggaer = self.pair().supplier.values.get(field).unwrap().clone();
        let value = match (take % 3, field) {
            (0, _) => jaggaer.clone(),
            (1, _) | (_, F::Status) => intacct.clone(),
            _ => Text::new(self.count.to_string()),
        };
        self.said.insert(value.raw().to_owned());
        let decisions = &mut self.pair().decisions;
        decisions.retain(|it| it.field != field);
        decisions.push(FieldDecision { field, value, jaggaer, intacct, by: "ann".to_owned(), at: second(0) });
        self.pending = true;
    }

    /// Nobody edits any more, and everything gets through.
    fn comes_to_rest(&mut self) {
        for _ in 0..12 {
            let before = (self.jaggaer.clone(), self.intacct.clone(), self.pair().clone());
            for step in [Step::Poll(Side::Jaggaer), Step::Poll(Side::Intacct), Step::Retry] {
                self.step(step);
            }
            self.evaluate();
            for side in [Side::Intacct, Side::Jaggaer] {
                self.settle(side);
                self.send(side, Luck::Applied);
                self.settle(side);
            }
            self.evaluate();
            if (self.jaggaer.clone(), self.intacct.clone(), self.pair().clone()) == before {
                return;
            }
        }
        panic!("it does not come to rest: {:#?}", self.memory.pair(1));
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let side = || prop::sample::select(vec![Side::Jaggaer, Side::Intacct]);
    let field = || prop::sample::select(FIELDS.to_vec());
    let luck = || {
        use Luck::{Applied, AppliedUnheard, LostUnheard, NotExecuted, Refused};
        prop::sample::select(vec![Applied, Applied, AppliedUnheard, LostUnheard, NotExecuted, Refused])
    };
    let step = prop_oneof![
        4 => (side(), field()).prop_map(|(side, field)| Step::Edit(side, field)),
        1 => side().prop_map(Step::Empty),
        1 => Just(Step::CreatedByHand),
        3 => side().prop_map(Step::Poll),
        4 => (side(), luck()).prop_map(|(side, luck)| Step::Send(side, luck)),
        3 => side().prop_map(Step::Settle),
        2 => (field(), any::<u8>()).prop_map(|(field, take)| Step::Decide(field, take)),
        1 => field().prop_map(Step::Undo),
        1 => Just(Step::Retry),
    ];
    prop::collection::vec(step, 0..60)
}

fn policies() -> impl Strategy<Value = Policies> {
    let policy =
        || prop::sample::select(vec![FieldPolicy::Ask, FieldPolicy::Ask, FieldPolicy::Jaggaer, FieldPolicy::Intacct]);
    (prop::collection::vec(policy(), FIELDS.len()), policy())
        .prop_map(|(fields, inactive)| Policies::new(FIELDS.into_iter().zip(fields), Some(inactive)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn in_the_end_both_sides_are_equal_or_a_person_is_asked(
        met: bool, writes_jaggaer: bool, policies in policies(), steps in steps(),
    ) {
        let mut world = World::new(met, policies, writes_jaggaer);
        world.poll(Side::Jaggaer);
        world.poll(Side::Intacct);
        for step in steps {
            world.step(step);
        }
        world.comes_to_rest();
        let Some(intacct) = world.intacct.clone() else {
            prop_assert_eq!(world.pair().state, PairState::Closed, "inactive, and never a vendor");
            return Ok(());
        };
        let jaggaer = world.jaggaer.clone();
        let pair = world.pair();
        prop_assert!(pair.to_intacct.is_none() && pair.to_jaggaer.is_none());
        for field in FIELDS {
            let (one, other) = (jaggaer.get(field).unwrap(), intacct.get(field).unwrap());
            let course = pair.differences.iter().find(|it| it.field == field).map(|it| it.course);
            let is_well = match course {
                None => same(field, one, other, &Comparing::default()) && pair.agreed.get(field).is_some_and(|it| same(field, it, one, &Comparing::default())),
                Some(Course::Conflict) => true,
                Some(Course::Left) => !writes_jaggaer,
                Some(_) => false,
            };
            prop_assert!(is_well, "{field}: {one:?} and {other:?}: {pair:#?}");
        }
        // And a person's word settles what is left.
        let open: Vec<F> = world.pair().conflicts().collect();
        for field in open {
            world.decide(field, 0);
        }
        world.comes_to_rest();
        prop_assert_eq!(world.pair().conflicts().count(), 0);
    }
}
