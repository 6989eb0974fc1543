//! Bank alerts, and the plan.

use super::*;
use crate::model::{PaymentItem, PaymentMark};

fn marks(values: &[(PaymentItem, u8)]) -> PaymentMarks {
    let mut marks = PaymentMarks::default();
    for (item, value) in values {
        marks.set(*item, Some(PaymentMark { masked: Text::new(format!("••{value}")), digest: [*value; 16] }));
    }
    marks
}

#[test]
fn each_changed_item_is_an_alert_with_old_and_new_masked_and_an_equal_one_is_none() {
    let before = marks(&[(PaymentItem::Account, 1), (PaymentItem::Iban, 2), (PaymentItem::Method, 3)]);
    let after = marks(&[(PaymentItem::Account, 9), (PaymentItem::Method, 3), (PaymentItem::RemitTo, 4)]);
    let found = changes(Side::Intacct, &before, &after, day(1));
    let told: Vec<_> = found.iter().map(|it| (it.item, it.old.raw(), it.new.raw())).collect();
    let must =
        [(PaymentItem::Account, "••1", "••9"), (PaymentItem::Iban, "••2", ""), (PaymentItem::RemitTo, "", "••4")];
    assert_eq!(told, must);
    assert_eq!(changes(Side::Intacct, &after, &after, day(1)), []);
}

#[test]
fn bank_and_contact_data_changed_within_thirty_days_are_a_high_alert_whichever_came_first() {
    let change = |at| changes(Side::Jaggaer, &marks(&[(PaymentItem::Iban, 1)]), &marks(&[(PaymentItem::Iban, 2)]), at);
    let fresh = || pair_of(1, supplier("1", "V-1", &[]));
    let mut contact_first = fresh();
    contact_changed(&mut contact_first, day(0));
    add_alerts(&mut contact_first, change(day(30)));
    assert!(contact_first.alerts[0].high);
    let mut long_ago = fresh();
    contact_changed(&mut long_ago, day(0));
    add_alerts(&mut long_ago, change(day(31)));
    assert!(!long_ago.alerts[0].high);
    let mut bank_first = fresh();
    add_alerts(&mut bank_first, change(day(0)));
    assert_eq!(acknowledge(&mut bank_first, "ann", day(1)), 1);
    assert!(!bank_first.is_alerted());
    contact_changed(&mut bank_first, day(29));
    assert!(bank_first.alerts[0].high && bank_first.is_alerted(), "it is graver now, and to be looked at again");
    acknowledge(&mut bank_first, "ann", day(30));
    contact_changed(&mut bank_first, day(30));
    assert!(!bank_first.is_alerted(), "it was high already");
}

#[test]
fn alerts_do_not_pile_up_without_end_and_what_was_seen_goes_first() {
    let mut pair = pair_of(1, supplier("1", "V-1", &[]));
    for at in 0..40 {
        let (old, new) = (marks(&[(PaymentItem::Iban, at)]), marks(&[(PaymentItem::Iban, at + 1)]));
        add_alerts(&mut pair, changes(Side::Jaggaer, &old, &new, day(i64::from(at))));
        if at == 20 {
            acknowledge(&mut pair, "ann", day(20));
        }
    }
    assert_eq!(pair.alerts.len(), ALERTS);
    assert_eq!(pair.alerts.iter().filter(|alert| alert.seen.is_none()).count(), 19, "no unseen one was dropped");
}

#[test]
fn our_own_write_coming_back_is_no_change_of_contact_data() {
    use MasterField as F;
    let before = of(&[(F::Email, "a@x.example"), (F::Phone, "1"), (F::Name, "A")]);
    let after = of(&[(F::Email, "b@x.example"), (F::Phone, "1"), (F::Name, "B"), (F::City, "Bremen")]);
    let plain = Comparing::default();
    assert_eq!(contact_changes(&before, &after, &before, &plain), [F::Email]);
    assert_eq!(contact_changes(&before, &after, &after, &plain), []);
    assert_eq!(contact_changes(&before, &after, &MasterValues::default(), &plain), [F::Email]);
}

#[test]
fn the_plan_counts_each_pair_once_and_its_phrase_changes_with_it() {
    use MasterField as F;
    let named =
        |id: &str, number: &str, name: &str, tax: &str| supplier(id, number, &[(F::Name, name), (F::TaxId, tax)]);
    let mut inactive = named("5", "V-5", "Gone", "");
    inactive.values.set(F::Status, Some(Text::new("inactive")));
    let suppliers = vec![
        named("1", "V-1", "Same", "1"),
        named("2", "V-2", "Other name", "1"),
        named("3", "V-3", "New", ""),
        named("4", "V-4", "Alike", "DE4444555"),
        inactive,
        named("6", "", "No number", ""),
        named("7", "V-7", "Seven", "111"),
    ];
    let vendors = vec![
        vendor("V-1", &[(F::Name, "Same"), (F::TaxId, "1")]),
        vendor("V-2", &[(F::Name, "Name"), (F::TaxId, "1")]),
        vendor("OLD-4", &[(F::Name, "Other"), (F::TaxId, "DE 4444555")]),
        vendor("V-7", &[(F::Name, "Seven"), (F::TaxId, "222")]),
    ];
    let mut memory = Memory::new(suppliers, vendors);
    let ground = Ground::before_the_start();
    memory.evaluate_all(&ground.context());
    let plan = |memory: &Memory| {
        let mut planner = Planner::new(second(1));
        memory.pairs.values().for_each(|pair| planner.add(pair));
        planner.finish(4, 1)
    };
    let counted = plan(&memory);
    assert_eq!((counted.suppliers, counted.vendors, counted.unlinked_vendors), (7, 4, 1));
    assert_eq!((counted.linked, counted.agreed, counted.suggested), (3, 1, 1));
    assert_eq!((counted.create, counted.closed, counted.conflicts), (1, 1, 1));
    assert_eq!((counted.update_intacct, counted.update_jaggaer), (1, 0));
    assert_eq!(counted.held, [("supplier_unnumbered".to_owned(), 1)].into());
    assert_eq!(counted.fields[&F::Name].to_intacct, 1);
    assert_eq!(counted.fields[&F::TaxId].conflict, 1);
    assert_eq!(counted.phrase, "create 1, change 1");

    // What was planned is what is then wanted.
    let ground = Ground::started();
    let wanted = memory.evaluate_all(&ground.context());
    let kinds: Vec<_> = wanted
        .values()
        .filter_map(|it| match &it.to_intacct {
            Want::Write(write) => Some(write.kind.word()),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, ["vendor-update", "vendor-create"]);
    assert!(wanted.values().all(|it| it.to_jaggaer == Want::Nothing));
}
