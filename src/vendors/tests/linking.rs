//! Who is linked with whom, who is held, and why.

use proptest::prelude::*;

use super::*;
use crate::model::{LinkBasis, MatchTier, ReasonCode as R};
use MasterField as F;

fn named(id: &str, number: &str, name: &str) -> MasterSupplier {
    supplier(id, number, &[(F::Name, name)])
}

fn run(suppliers: Vec<MasterSupplier>, vendors: Vec<MasterVendor>) -> Memory {
    let mut memory = Memory::new(suppliers, vendors);
    memory.evaluate_all(&Ground::started().context());
    memory
}

fn suggested(pair: &Pair) -> Vec<(&str, MatchTier)> {
    pair.suggestions.iter().map(|it| (it.vendor.raw(), it.tier)).collect()
}

#[test]
fn the_same_number_links_by_itself_and_blanks_around_it_are_nothing() {
    let memory = run(vec![named("1", " V-1 ", "Harbor")], vec![vendor("V-1", &[(F::Name, "Harbor")])]);
    let pair = memory.pair(1);
    assert_eq!((pair.vendor.as_ref().map(Text::raw), &pair.basis), (Some("V-1"), &Some(LinkBasis::SameKey)));
    assert_eq!(pair.state, PairState::Agreed);
    assert_eq!(pair.agreed, of(&[(F::Name, "Harbor")]));
}

#[test]
fn a_tax_id_or_a_name_and_address_only_suggest() {
    let one =
        supplier("1", "V-1", &[(F::Name, "Harbor Lab Supply, Inc."), (F::TaxId, "12-3456780"), (F::Zip, "04101-2233")]);
    let vendors = vec![
        vendor("900", &[(F::Name, "HARBOR LAB SUPPLY"), (F::Zip, "04101")]),
        vendor("800", &[(F::Name, "Somebody"), (F::TaxId, "123456780")]),
        vendor("700", &[(F::Name, "Harbor Lab Supply"), (F::Zip, "99999")]),
    ];
    let memory = run(vec![one], vendors);
    assert_eq!(suggested(memory.pair(1)), [("800", MatchTier::TaxId), ("900", MatchTier::NameAddress)]);
    assert_eq!(memory.states(), [PairState::Suggested]);
    assert_eq!(memory.codes(1), [R::VendorsAlike], "two vendors look like one supplier, and it is said");
}

#[test]
fn a_refused_vendor_is_never_suggested_or_linked_again() {
    let one = supplier("1", "V-1", &[(F::Name, "Harbor"), (F::TaxId, "12-3456780")]);
    let vendors = vec![vendor("V-1", &[(F::Name, "Other")]), vendor("800", &[(F::TaxId, "123456780")])];
    let mut memory = Memory::new(vec![one], vendors);
    memory.pairs.get_mut(&PairId(1)).unwrap().refused = vec![Text::new("V-1"), Text::new("800")];
    memory.evaluate_all(&Ground::started().context());
    assert_eq!(memory.pair(1).vendor, None);
    assert_eq!(suggested(memory.pair(1)), []);
    assert_eq!(memory.codes(1), [R::VendorIdTaken], "its number cannot become a second vendor's id");
}

#[test]
fn values_that_stand_for_nothing_match_nobody() {
    for value in ["", "n/a", "000000000", "0000", "unknown", "12-3456789", "-", "99999999", "12"] {
        let one = supplier("1", "V-1", &[(F::Name, "Harbor"), (F::TaxId, value)]);
        let memory = run(vec![one], vec![vendor("800", &[(F::Name, "Other"), (F::TaxId, value)])]);
        assert_eq!(memory.pair(1).suggestions, [], "{value}");
    }
    let one = supplier("1", "V-1", &[(F::Name, "n/a"), (F::City, "Bremen"), (F::Zip, "00000")]);
    let memory = run(vec![one], vec![vendor("800", &[(F::Name, "N/A"), (F::City, "Bremen"), (F::Zip, "00000")])]);
    assert_eq!(memory.pair(1).suggestions, []);
}

#[test]
fn what_many_vendors_share_says_nothing() {
    let one = supplier("1", "V-1", &[(F::Name, "Harbor"), (F::TaxId, "12-3456780")]);
    let many = |count: usize| -> Vec<MasterVendor> {
        (0..count).map(|at| vendor(&format!("8{at:03}"), &[(F::TaxId, "123456780")])).collect()
    };
    assert_eq!(run(vec![one.clone()], many(COMMON)).pair(1).suggestions.len(), SUGGESTIONS);
    assert_eq!(run(vec![one], many(COMMON + 1)).pair(1).suggestions, []);
}

#[test]
fn ids_that_differ_in_case_or_blanks_alone_are_held_and_not_linked() {
    for number in ["v-1", "V -1", "V- 1"] {
        let memory = run(vec![named("1", number, "Harbor")], vec![vendor("V-1", &[(F::Name, "Harbor")])]);
        assert_eq!((memory.states(), memory.codes(1)), (vec![PairState::Held], vec![R::VendorIdAlike]));
        assert_eq!(memory.pair(1).vendor, None);
        assert_eq!(suggested(memory.pair(1)), [("V-1", MatchTier::Key)], "a person may say so");
    }
}

#[test]
fn two_suppliers_with_one_number_are_both_held_and_each_names_the_other() {
    for vendors in [vec![], vec![vendor("V-1", &[(F::Name, "Harbor")])]] {
        let memory = run(vec![named("1", "V-1", "Harbor"), named("2", "V-1", "Harbour")], vendors);
        assert_eq!(memory.states(), [PairState::Held, PairState::Held]);
        assert!(memory.pairs.values().all(|pair| pair.vendor.is_none()));
        assert!(memory.pair(1).reasons[0].detail.raw().contains("p2"));
        assert!(memory.pair(2).reasons[0].detail.raw().contains("p1"));
    }
    let alike = run(vec![named("1", "V-1", "Harbor"), named("2", "v-1", "Harbour")], vec![]);
    assert_eq!((alike.codes(1), alike.codes(2)), (vec![R::SupplierNumberTwice], vec![R::SupplierNumberTwice]));
    let linked = run(vec![named("1", "V-1", "Harbor"), named("2", "v-1", "Harbour")], vec![vendor("V-1", &[])]);
    assert_eq!(linked.states(), [PairState::Agreed, PairState::Held], "one of them is the vendor to the letter");
}

#[test]
fn a_second_supplier_that_claims_a_linked_vendor_holds_both_until_a_person_says_whose_it_is() {
    let mut memory = run(vec![named("1", "V-1", "Harbor")], vec![vendor("V-1", &[(F::Name, "Harbor")])]);
    memory.pairs.insert(PairId(2), pair_of(2, named("2", "V-1", "Harbor")));
    memory.evaluate_all(&Ground::started().context());
    assert_eq!(memory.states(), [PairState::Held, PairState::Held]);
    assert_eq!((memory.codes(1), memory.codes(2)), (vec![R::VendorClaimedTwice], vec![R::VendorClaimedTwice]));
    memory.pairs.get_mut(&PairId(1)).unwrap().basis = Some(LinkBasis::Person("ann".to_owned()));
    memory.evaluate_all(&Ground::started().context());
    assert_eq!(memory.states(), [PairState::Agreed, PairState::Held]);
    memory.pairs.get_mut(&PairId(1)).unwrap().basis = Some(LinkBasis::SameKey);
    memory.pairs.get_mut(&PairId(2)).unwrap().refused = vec![Text::new("V-1")];
    memory.evaluate_all(&Ground::started().context());
    assert_eq!(memory.states(), [PairState::Agreed, PairState::Held]);
    assert_eq!(memory.codes(2), [R::VendorIdTaken]);
}

#[test]
fn two_suppliers_that_look_like_one_vendor_are_shown_as_such() {
    let alike = |id: &str, number: &str| supplier(id, number, &[(F::Name, "Harbor"), (F::TaxId, "12-3456780")]);
    let free = run(vec![alike("1", "V-1"), alike("2", "V-2")], vec![vendor("800", &[(F::TaxId, "123456780")])]);
    assert_eq!(free.states(), [PairState::Suggested, PairState::Suggested]);
    assert_eq!((free.codes(1), free.codes(2)), (vec![R::SuppliersAlike], vec![R::SuppliersAlike]));
    let taken = run(
        vec![alike("1", "V-1"), alike("2", "V-2")],
        vec![vendor("V-1", &[(F::TaxId, "123456780"), (F::Name, "Harbor")])],
    );
    assert_eq!(taken.states(), [PairState::Agreed, PairState::Suggested]);
    assert!(taken.pair(2).reasons[0].detail.raw().contains("p1"));
}

#[test]
fn two_vendors_that_are_one_supplier_are_seen_though_one_is_linked() {
    let one = supplier("1", "V-1", &[(F::Name, "Harbor"), (F::TaxId, "12-3456780")]);
    let twice = ["V-1", "900"].map(|id| vendor(id, &[(F::Name, "Harbor"), (F::TaxId, "12-3456780")]));
    let memory = run(vec![one], twice.to_vec());
    assert_eq!(
        (memory.states(), suggested(memory.pair(1))),
        (vec![PairState::Agreed], vec![("900", MatchTier::TaxId)])
    );
}

#[test]
fn at_the_first_meeting_a_vendor_made_of_one_supplier_keeps_no_other_from_becoming_one() {
    let alike = |id: &str, number: &str| supplier(id, number, &[(F::Name, "Harbor"), (F::TaxId, "12-3456780")]);
    let mut memory =
        run(vec![alike("1", "V-1")], vec![vendor("V-1", &[(F::Name, "Harbor"), (F::TaxId, "12-3456780")])]);
    memory.pairs.get_mut(&PairId(1)).unwrap().basis = Some(LinkBasis::Created);
    memory.pairs.insert(PairId(2), pair_of(2, alike("2", "V-2")));
    memory.pairs.insert(PairId(30), pair_of(30, alike("3", "V-3")));
    memory.evaluate_all(&Ground::started().context());
    assert_eq!(memory.states()[1], PairState::Writing, "the plan said so");
    assert_eq!(memory.states()[2], PairState::Suggested, "it came later, and may be the same one entered again");
}

#[test]
fn a_supplier_that_cannot_become_a_vendor_is_held_with_all_reasons_and_the_others_go_on() {
    let name = "ミライ研究所Лаборатория\u{202e}النور".repeat(30);
    let suppliers = vec![
        supplier("1", " ", &[(F::Name, " ")]),
        named("2", "V/2", "Slash"),
        named("3", &"9".repeat(21), "Long"),
        named("4", "V-4\u{0}", "Nul"),
        named("5", "V-5", &name),
    ];
    let memory = run(suppliers, vec![]);
    assert_eq!(memory.codes(1), [R::SupplierUnnamed, R::SupplierUnnumbered]);
    for id in 2..=4 {
        assert_eq!(memory.codes(id), [R::VendorIdImpossible], "{id}");
    }
    assert_eq!(memory.states()[4], PairState::Writing);
}

#[test]
fn a_new_vendor_gets_what_the_supplier_says_cut_to_intacct_and_is_active() {
    let long = "Å".repeat(150);
    let values = [(F::Name, long.as_str()), (F::Country, "de"), (F::Fax, " "), (F::Email, "a@x.example")];
    let mut memory = Memory::new(vec![supplier("1", " V-1", &values)], vec![]);
    let ground = Ground::started();
    let Ok(found) = evaluate(memory.pair(1).clone(), &memory, &ground.context());
    let Want::Write(write) = found.to_intacct else { panic!("nothing is wanted") };
    assert_eq!((write.target.raw(), write.kind.word()), ("V-1", "vendor-create"));
    let must = [(F::Name, &*"Å".repeat(100)), (F::Status, "active"), (F::Email, "a@x.example"), (F::Country, "DE")];
    assert_eq!(write.set, of(&must));
    let quiet =
        Ground { started: Some(Started { next: PairId(9), fields: vec![], creates: false }), ..Ground::started() };
    memory.evaluate_all(&quiet.context());
    assert_eq!(memory.states(), [PairState::New]);
}

#[test]
fn an_inactive_supplier_becomes_no_vendor_but_is_linked_with_the_one_it_has() {
    let mut gone = named("1", "V-1", "Harbor");
    gone.values.set(F::Status, Some(Text::new("inactive")));
    assert_eq!(run(vec![gone.clone()], vec![]).states(), [PairState::Closed]);
    let memory = run(vec![gone], vec![vendor("V-1", &[(F::Name, "Harbor"), (F::Status, "active")])]);
    assert_eq!(memory.states(), [PairState::Conflict]);
    assert_eq!(courses(memory.pair(1)), [(F::Status, Course::Conflict)]);
    assert!(memory.pair(1).blocks_postings());
}

#[test]
fn a_merged_supplier_without_a_vendor_is_closed_and_with_one_it_waits_for_a_person() {
    let merged = |into: &str| MasterSupplier { merged_into: Some(Text::new(into)), ..named("1", "V-1", "Harbor") };
    assert_eq!(
        run(vec![merged("2"), named("2", "V-2", "Heir")], vec![]).states(),
        [PairState::Closed, PairState::Writing]
    );
    let mut memory = run(vec![named("1", "V-1", "Harbor"), named("2", "V-2", "Heir")], vec![vendor("V-1", &[])]);
    memory.pairs.get_mut(&PairId(1)).unwrap().supplier = merged("2");
    memory.evaluate_all(&Ground::started().context());
    assert_eq!((memory.states()[0], memory.codes(1)), (PairState::Held, vec![R::SupplierMerged]));
    assert!(memory.pair(1).reasons[0].detail.raw().contains("V-2"), "it names the survivor");
    let heir = memory.pairs.get_mut(&PairId(2)).unwrap();
    heir.vendor = Some(Text::new("V-1"));
    heir.basis = Some(LinkBasis::Person("ann".to_owned()));
    memory.evaluate_all(&Ground::started().context());
    assert_eq!(memory.states()[0], PairState::Closed);
    assert_eq!(memory.pair(1).vendor, None, "the vendor is the survivor's");
    assert_ne!(memory.states()[1], PairState::Held);
}

#[test]
fn suppliers_merged_in_a_circle_are_held() {
    let into = |id: &str, into: &str| MasterSupplier {
        merged_into: Some(Text::new(into)),
        ..named(id, &format!("V-{id}"), "X")
    };
    let memory = run(vec![into("1", "2"), into("2", "3"), into("3", "1")], vec![]);
    for id in 1..=3 {
        assert_eq!(memory.codes(id), [R::MergeCycle]);
    }
}

#[test]
fn a_vendor_that_vanished_is_told_and_nothing_is_written() {
    let mut memory = run(vec![named("1", "V-1", "Harbor")], vec![vendor("V-1", &[(F::Name, "Harbor")])]);
    memory.vendors.clear();
    let wanted = memory.evaluate_all(&Ground::started().context());
    assert_eq!(memory.codes(1), [R::VendorGone]);
    assert_eq!(wanted[&PairId(1)].to_intacct, Want::Nothing);
    assert_eq!(memory.pair(1).agreed, of(&[(F::Name, "Harbor")]), "what was agreed on is not forgotten");
}

#[test]
fn nothing_is_written_before_the_start_and_then_only_the_fields_that_were_started() {
    let one = supplier("1", "V-1", &[(F::Name, "New"), (F::Phone, "2")]);
    let vendors = vec![vendor("V-1", &[(F::Name, "Old"), (F::Phone, "1")])];
    let mut memory = Memory::new(vec![one], vendors);
    let wanted = memory.evaluate_all(&Ground::before_the_start().context());
    assert_eq!((memory.states(), &wanted[&PairId(1)].to_intacct), (vec![PairState::Differs], &Want::Nothing));
    let ground = Ground {
        started: Some(Started { next: PairId(9), fields: vec![F::Phone], creates: false }),
        ..Ground::before_the_start()
    };
    let wanted = memory.evaluate_all(&ground.context());
    let Want::Write(write) = &wanted[&PairId(1)].to_intacct else { panic!("nothing is wanted") };
    assert_eq!((&write.set, &write.expected), (&of(&[(F::Phone, "2")]), &of(&[(F::Phone, "1")])));
}

#[test]
fn a_refused_write_is_not_tried_again_until_there_is_another_reason_to() {
    let fault = crate::model::Fault { errorno: Text::new("BL01"), said: Text::new("no") };
    let mut memory = run(vec![named("1", "V-1", "New")], vec![vendor("V-1", &[(F::Name, "Old")])]);
    memory.pairs.get_mut(&PairId(1)).unwrap().faults = vec![(Side::Intacct, crate::model::Class::Data, fault)];
    let wanted = memory.evaluate_all(&Ground::started().context());
    assert_eq!((memory.states(), memory.codes(1)), (vec![PairState::Failed], vec![R::Refused]));
    assert_eq!(wanted[&PairId(1)].to_intacct, Want::Nothing);
    // Somebody typed it into Intacct: there is nothing left to refuse.
    memory.vendors.insert("V-1".to_owned(), vendor("V-1", &[(F::Name, "New")]));
    memory.evaluate_all(&Ground::started().context());
    assert_eq!((memory.states(), &memory.pair(1).faults), (vec![PairState::Agreed], &Vec::new()));
}

#[test]
fn an_evaluation_that_finds_nothing_new_changes_nothing() {
    let mut memory = run(
        vec![named("1", "V-1", "New"), named("2", "V-2", "Same"), named("3", "V-3", "Nobody")],
        vec![vendor("V-1", &[(F::Name, "Old")]), vendor("V-2", &[(F::Name, "Same")])],
    );
    let ground = Ground::before_the_start();
    memory.evaluate_all(&ground.context());
    for pair in memory.pairs.values() {
        let Ok(again) = evaluate(pair.clone(), &memory, &ground.context());
        assert!(!again.changed && again.notes.is_empty(), "{again:?}");
        assert_eq!(&again.pair, pair);
    }
}

/// Texts that try to look like others.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = [
        "V-1",
        "v-1",
        " ",
        "\u{a0}",
        "\u{200b}",
        "\u{202e}",
        "Harbor",
        "HARBOR",
        "Inc.",
        "|",
        "k",
        "12-3456780",
        "0",
        "É",
        "\u{0}",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..4).prop_map(|parts| parts.concat())
}

prop_compose! {
    fn anyone()(number in hostile(), name in hostile(), tax in hostile(), zip in hostile(), city in hostile())
        -> (String, [(F, String); 4]) {
        (number, [(F::Name, name), (F::TaxId, tax), (F::Zip, zip), (F::City, city)])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_but_the_number_ever_links(
        suppliers in prop::collection::vec(anyone(), 1..5),
        vendors in prop::collection::vec(anyone(), 0..5),
    ) {
        let values = |values: &[(F, String)]| values.iter().map(|(field, value)| (*field, Text::new(value.as_str()))).collect();
        let suppliers = suppliers.iter().enumerate().map(|(at, (number, fields))| {
            MasterSupplier { values: values(fields), ..supplier(&at.to_string(), number, &[]) }
        });
        let vendors = vendors.iter().filter(|(id, _)| !id.trim().is_empty()).map(|(id, fields)| {
            MasterVendor { values: values(fields), ..vendor(id, &[]) }
        });
        let mut memory = Memory::new(suppliers.collect(), vendors.collect());
        memory.evaluate_all(&Ground::started().context());
        let mut linked = std::collections::BTreeSet::new();
        for pair in memory.pairs.values() {
            if let Some(vendor) = &pair.vendor {
                prop_assert_eq!(pair.supplier.number.raw().trim(), vendor.raw().trim());
                prop_assert!(linked.insert(vendor.raw().trim().to_owned()) || pair.state == PairState::Held);
            }
            if pair.state == PairState::Writing && pair.vendor.is_none() {
                prop_assert!(vendor_id(pair.supplier.number.raw()).is_ok());
            }
        }
    }
}
