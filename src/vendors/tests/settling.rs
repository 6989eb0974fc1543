//! Writes under way, and what is agreed on once they were read back.

use super::*;
use crate::model::{ControlId, FieldDecision, LinkBasis, MasterStep, MasterWrite, MasterWriteKind};
use MasterField as F;

/// A write as it is frozen.
pub fn frozen(to: Side, wanted: WantedWrite) -> MasterWrite {
    let WantedWrite { kind, target, record, set, expected } = wanted;
    MasterWrite {
        to,
        kind,
        target,
        record,
        set,
        expected,
        body: Vec::new(),
        hash: [0; 32],
        control_id: ControlId::fresh(String::new()),
        step: MasterStep::Queued,
        at: second(0),
        attempts: 0,
        last_attempt: None,
        rounds: 0,
        not_executed: 0,
    }
}

/// A linked pair that agreed on `before`, with what both sides say now.
fn linked(field: F, before: &str, jaggaer: &str, intacct: &str) -> Memory {
    let mut memory =
        Memory::new(vec![supplier("1", "V-1", &[(field, jaggaer)])], vec![vendor("V-1", &[(field, intacct)])]);
    let pair = memory.pairs.get_mut(&PairId(1)).unwrap();
    pair.vendor = Some(Text::new("V-1"));
    pair.basis = Some(LinkBasis::SameKey);
    pair.agreed = of(&[(field, before)]);
    memory
}

/// Evaluates the pair and puts what is wanted into it, so far on its way.
fn under_way_at(memory: &mut Memory, step: MasterStep) {
    let Ok(found) = evaluate(memory.pair(1).clone(), memory, &Ground::started().context());
    let mut pair = found.pair;
    if let Want::Write(wanted) = found.to_intacct {
        pair.to_intacct = Some(Box::new(MasterWrite { step, ..frozen(Side::Intacct, *wanted) }));
    }
    if let Want::Write(wanted) = found.to_jaggaer {
        pair.to_jaggaer = Some(Box::new(MasterWrite { step, ..frozen(Side::Jaggaer, *wanted) }));
    }
    memory.pairs.insert(PairId(1), pair);
}

fn says(memory: &mut Memory, side: Side, field: F, value: &str) {
    let value = Some(Text::new(value));
    match side {
        Side::Jaggaer => memory.pairs.get_mut(&PairId(1)).unwrap().supplier.values.set(field, value),
        Side::Intacct => memory.vendors.get_mut("V-1").unwrap().values.set(field, value),
    }
}

fn settle(memory: &mut Memory) {
    let pair = memory.pairs.get_mut(&PairId(1)).unwrap();
    let write = pair.to_intacct.take().unwrap();
    agree(pair, &write, &Comparing::default());
    memory.evaluate_all(&Ground::started().context());
}

#[test]
fn our_own_write_coming_back_is_no_change_even_if_the_other_side_went_on_meanwhile() {
    let mut memory = linked(F::TaxId, "1", "2", "1");
    under_way_at(&mut memory, MasterStep::Sent);
    says(&mut memory, Side::Intacct, F::TaxId, "2");
    says(&mut memory, Side::Jaggaer, F::TaxId, "3");
    settle(&mut memory);
    assert_eq!(courses(memory.pair(1)), [(F::TaxId, Course::ToIntacct)], "JAGGAER alone changed since");
}

#[test]
fn a_write_under_way_is_left_alone_and_its_fields_are_not_offered_again() {
    let mut memory = linked(F::TaxId, "1", "2", "1");
    under_way_at(&mut memory, MasterStep::InDoubt);
    let write = memory.pair(1).to_intacct.clone();
    says(&mut memory, Side::Jaggaer, F::TaxId, "1");
    says(&mut memory, Side::Intacct, F::TaxId, "9");
    let wanted = memory.evaluate_all(&Ground::started().context());
    assert_eq!((&wanted[&PairId(1)].to_intacct, &wanted[&PairId(1)].to_jaggaer), (&Want::Keep, &Want::Nothing));
    assert_eq!(memory.pair(1).to_intacct, write);
    assert_eq!(memory.states(), [PairState::Writing]);
}

#[test]
fn a_queued_write_is_replaced_kept_or_withdrawn_as_the_sides_change() {
    let mut memory = linked(F::TaxId, "1", "2", "1");
    under_way_at(&mut memory, MasterStep::Queued);
    let wanted = memory.evaluate_all(&Ground::started().context());
    assert_eq!(wanted[&PairId(1)].to_intacct, Want::Keep);
    says(&mut memory, Side::Jaggaer, F::TaxId, "3");
    let Ok(found) = evaluate(memory.pair(1).clone(), &memory, &Ground::started().context());
    assert!(matches!(found.to_intacct, Want::Write(write) if write.set.raw(F::TaxId) == "3"));
    says(&mut memory, Side::Jaggaer, F::TaxId, "1");
    let wanted = memory.evaluate_all(&Ground::started().context());
    assert_eq!((&wanted[&PairId(1)].to_intacct, &memory.pair(1).to_intacct), (&Want::Nothing, &None));
    assert_eq!(memory.states(), [PairState::Agreed]);
}

#[test]
fn a_persons_own_value_is_agreed_on_only_once_both_sides_say_it() {
    let mut memory = linked(F::TaxId, "1", "2", "3");
    let [value, jaggaer, intacct] = ["4", "2", "3"].map(Text::new);
    let decision = FieldDecision { field: F::TaxId, value, jaggaer, intacct, by: "ann".to_owned(), at: second(0) };
    memory.pairs.get_mut(&PairId(1)).unwrap().decisions.push(decision);
    under_way_at(&mut memory, MasterStep::Sent);
    says(&mut memory, Side::Intacct, F::TaxId, "4");
    settle(&mut memory);
    assert_eq!(memory.pair(1).agreed.raw(F::TaxId), "1");
    assert_eq!(memory.pair(1).decisions.len(), 1, "JAGGAER does not say it yet");
    // Taken back now, it must not look as if JAGGAER alone had changed.
    let mut undone = memory.pair(1).clone();
    undone.decisions.clear();
    undone.to_jaggaer = None;
    let Ok(found) = evaluate(undone, &memory, &Ground::started().context());
    assert_eq!(courses(&found.pair), [(F::TaxId, Course::Conflict)]);
    memory.pairs.get_mut(&PairId(1)).unwrap().to_jaggaer = None;
    says(&mut memory, Side::Jaggaer, F::TaxId, "4");
    memory.evaluate_all(&Ground::started().context());
    let pair = memory.pair(1);
    assert_eq!((pair.agreed.raw(F::TaxId), pair.decisions.len(), pair.state), ("4", 0, PairState::Agreed));
}

#[test]
fn a_decision_is_not_given_up_while_its_write_is_under_way() {
    let mut memory = linked(F::TaxId, "1", "2", "3");
    let [value, jaggaer, intacct] = ["2", "2", "3"].map(Text::new);
    let decision = FieldDecision { field: F::TaxId, value, jaggaer, intacct, by: "ann".to_owned(), at: second(0) };
    memory.pairs.get_mut(&PairId(1)).unwrap().decisions.push(decision);
    under_way_at(&mut memory, MasterStep::Claimed);
    says(&mut memory, Side::Jaggaer, F::TaxId, "5");
    let Ok(found) = evaluate(memory.pair(1).clone(), &memory, &Ground::started().context());
    assert_eq!((found.pair.decisions.len(), found.notes), (1, vec![]));
}

#[test]
fn what_a_policy_overwrites_is_told_once_when_it_is_to_be_written() {
    let mut memory = linked(F::City, "A", "B", "C");
    let Ok(before) = evaluate(memory.pair(1).clone(), &memory, &Ground::before_the_start().context());
    assert_eq!(before.notes, [], "nothing is overwritten before the start");
    let Ok(found) = evaluate(memory.pair(1).clone(), &memory, &Ground::started().context());
    assert_eq!(
        found.notes,
        [Note::Overruled(Overruled { field: F::City, side: Side::Intacct, value: Text::new("C") })]
    );
    under_way_at(&mut memory, MasterStep::Queued);
    let Ok(again) = evaluate(memory.pair(1).clone(), &memory, &Ground::started().context());
    assert_eq!(again.notes, []);
}

#[test]
fn reading_back_tells_written_from_untouched_changed_and_gone() {
    let wanted = |kind| WantedWrite {
        kind,
        target: Text::new("V-1"),
        record: None,
        set: of(&[(F::Name, "New"), (F::Phone, "2")]),
        expected: of(&[(F::Name, "Old"), (F::Phone, "1")]),
    };
    let update = frozen(Side::Intacct, wanted(MasterWriteKind::Update));
    let read = |values: &[(F, &str)]| read_back(&update, Some(&of(values)), &Comparing::default());
    assert_eq!(read(&[(F::Name, "New "), (F::Phone, "(2)"), (F::City, "X")]), ReadBack::Stands);
    assert_eq!(read(&[(F::Name, "Old"), (F::Phone, "1")]), ReadBack::Untouched);
    assert_eq!(read(&[(F::Name, "New"), (F::Phone, "1")]), ReadBack::Changed(vec![F::Phone]));
    assert_eq!(read(&[(F::Name, "Else"), (F::Phone, "1")]), ReadBack::Changed(vec![F::Name, F::Phone]));
    assert_eq!(read_back(&update, None, &Comparing::default()), ReadBack::Gone);
    let create = frozen(Side::Intacct, wanted(MasterWriteKind::Create));
    assert_eq!(read_back(&create, None, &Comparing::default()), ReadBack::Untouched);
    let by_hand = of(&[(F::Name, "Old"), (F::Phone, "1")]);
    assert_eq!(read_back(&create, Some(&by_hand), &Comparing::default()), ReadBack::Changed(vec![F::Name, F::Phone]));
}

#[test]
fn a_vendor_that_got_an_open_bill_meanwhile_is_not_set_inactive_by_an_older_write() {
    let set = of(&[(F::Status, "inactive")]);
    let (target, expected) = (Text::new("V-1"), of(&[(F::Status, "active")]));
    let write =
        frozen(Side::Intacct, WantedWrite { kind: MasterWriteKind::Update, target, record: None, set, expected });
    let mut vendor = vendor("V-1", &[(F::Status, "active")]);
    assert_eq!(forbidden(&write, &vendor, None), None);
    vendor.due = Some(crate::model::Amount::new(100, 2));
    assert!(forbidden(&write, &vendor, None).is_some());
}

#[test]
fn an_address_to_which_cheques_go_by_now_is_not_changed_by_an_older_write() {
    let address = |street| of(&[(F::Address1, street)]);
    let write = |set: MasterValues| {
        let (target, expected) = (Text::new("V-1"), address("1 Quay"));
        frozen(Side::Intacct, WantedWrite { kind: MasterWriteKind::Update, target, record: None, set, expected })
    };
    let by_transfer = vendor("V-1", &[(F::Address1, "1 Quay")]);
    let by_cheque = MasterVendor { paid_at_address: true, ..by_transfer.clone() };
    let moved = write(address("2 Quay"));
    for (now, known, goes) in [
        (&by_transfer, &by_transfer, true),
        (&by_cheque, &by_transfer, false),
        // A person was asked with that before their eyes.
        (&by_cheque, &by_cheque, true),
        (&by_transfer, &by_cheque, true),
    ] {
        let change = before(&moved, Some(Seen::Vendor(now.clone())), Some(known), &Comparing::default());
        assert_eq!(change.is_none(), goes, "{change:?}");
    }
    let phone = write(of(&[(F::Phone, "1")]));
    assert_eq!(forbidden(&phone, &by_cheque, Some(&by_transfer)), None);
}
