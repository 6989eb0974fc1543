//! The three-way merge by itself: each rule, and the laws.

use proptest::prelude::*;

use super::*;
use crate::model::{Course, FieldDecision, FieldPolicy};
use MasterField as F;

#[derive(Debug)]
struct Three {
    agreed: MasterValues,
    jaggaer: MasterValues,
    intacct: MasterValues,
    policies: Policies,
    decisions: Vec<FieldDecision>,
    modified: (Option<Timestamp>, Option<Timestamp>),
    owed: Owed,
    paid_at_address: bool,
    writes_jaggaer: bool,
}

impl Three {
    fn new(field: F, agreed: Option<&str>, jaggaer: &str, intacct: &str) -> Self {
        Three {
            agreed: agreed.map(|value| of(&[(field, value)])).unwrap_or_default(),
            jaggaer: of(&[(field, jaggaer)]),
            intacct: of(&[(field, intacct)]),
            policies: Policies::default(),
            decisions: Vec::new(),
            modified: (None, None),
            owed: Owed::Nothing,
            paid_at_address: false,
            writes_jaggaer: true,
        }
    }

    fn policy(mut self, field: F, policy: FieldPolicy) -> Self {
        self.policies = Policies::new([(field, policy)], None);
        self
    }

    fn decided(mut self, field: F, value: &str, jaggaer: &str, intacct: &str) -> Self {
        let [value, jaggaer, intacct] = [value, jaggaer, intacct].map(Text::new);
        self.decisions.push(FieldDecision { field, value, jaggaer, intacct, by: "ann".to_owned(), at: second(1) });
        self
    }

    fn merge(&self) -> Merged {
        let rules = MergeRules {
            policies: &self.policies,
            comparing: &Comparing::default(),
            writes_jaggaer: self.writes_jaggaer,
        };
        let sides = Sides {
            agreed: &self.agreed,
            jaggaer: &self.jaggaer,
            intacct: &self.intacct,
            jaggaer_modified: self.modified.0,
            intacct_modified: self.modified.1,
            decisions: &self.decisions,
            owed: self.owed,
            paid_at_address: self.paid_at_address,
        };
        merge(&sides, &rules)
    }

    /// What becomes of the only field.
    fn course(&self) -> Option<Course> {
        self.merge().differences.first().map(|it| it.course)
    }
}

#[test]
fn what_one_side_changed_the_other_follows_whatever_the_policy() {
    for policy in FieldPolicy::ALL {
        let jaggaer = Three::new(F::Name, Some("Old"), "New", "Old").policy(F::Name, policy);
        assert_eq!(jaggaer.course(), Some(Course::ToIntacct));
        assert_eq!(jaggaer.merge().to_intacct, of(&[(F::Name, "New")]));
        assert_eq!(jaggaer.merge().overruled, []);
        let intacct = Three::new(F::Name, Some("Old"), "Old", "New").policy(F::Name, policy);
        assert_eq!(intacct.course(), Some(Course::ToJaggaer));
        assert_eq!(intacct.merge().to_jaggaer, of(&[(F::Name, "New")]));
    }
}

#[test]
fn what_both_changed_to_the_same_is_agreed() {
    let merged = Three::new(F::Phone, Some("1"), "(207) 555-0100", "207 555 0100").merge();
    assert_eq!(merged.differences, []);
    assert_eq!(merged.agreed, of(&[(F::Phone, "(207) 555-0100")]));
}

#[test]
fn what_both_changed_differently_is_decided_by_the_policy_and_names_what_it_overwrites() {
    let three = |policy| Three::new(F::City, Some("A"), "B", "C").policy(F::City, policy);
    assert_eq!(three(FieldPolicy::Ask).course(), Some(Course::Conflict));
    let merged = three(FieldPolicy::Jaggaer).merge();
    assert_eq!(merged.to_intacct, of(&[(F::City, "B")]));
    assert_eq!(merged.overruled, [Overruled { field: F::City, side: Side::Intacct, value: Text::new("C") }]);
    let merged = three(FieldPolicy::Intacct).merge();
    assert_eq!(merged.to_jaggaer, of(&[(F::City, "C")]));
    assert_eq!(merged.overruled, [Overruled { field: F::City, side: Side::Jaggaer, value: Text::new("B") }]);
}

#[test]
fn the_newest_wins_and_where_that_is_unknown_a_person_is_asked() {
    let mut three = Three::new(F::City, Some("A"), "B", "C").policy(F::City, FieldPolicy::Newest);
    assert_eq!(three.course(), Some(Course::Conflict));
    three.modified = (Some(second(2)), None);
    assert_eq!(three.course(), Some(Course::Conflict));
    three.modified = (Some(second(2)), Some(second(2)));
    assert_eq!(three.course(), Some(Course::Conflict));
    three.modified = (Some(second(3)), Some(second(2)));
    assert_eq!(three.course(), Some(Course::ToIntacct));
    three.modified = (Some(second(1)), Some(second(2)));
    assert_eq!(three.course(), Some(Course::ToJaggaer));
}

#[test]
fn a_conflict_stops_its_own_field_alone() {
    let mut three = Three::new(F::TaxId, Some("1"), "2", "3");
    three.agreed.set(F::Email, Some(Text::new("a@x.example")));
    three.jaggaer.set(F::Email, Some(Text::new("b@x.example")));
    three.intacct.set(F::Email, Some(Text::new("a@x.example")));
    let merged = three.merge();
    let found: Vec<_> = merged.differences.iter().map(|it| (it.field, it.course)).collect();
    assert_eq!(found, [(F::TaxId, Course::Conflict), (F::Email, Course::ToIntacct)]);
}

#[test]
fn at_the_first_meeting_the_filled_value_wins_over_the_blank_one() {
    for policy in FieldPolicy::ALL {
        assert_eq!(
            Three::new(F::TaxId, None, "12-3456789", " ").policy(F::TaxId, policy).course(),
            Some(Course::ToIntacct)
        );
        assert_eq!(
            Three::new(F::TaxId, None, "", "12-3456789").policy(F::TaxId, policy).course(),
            Some(Course::ToJaggaer)
        );
    }
    assert_eq!(Three::new(F::TaxId, None, "1", "2").course(), Some(Course::Conflict));
    assert_eq!(Three::new(F::Name, None, "One", "Two").course(), Some(Course::ToIntacct));
    assert_eq!(Three::new(F::Terms, None, "Net 30", "Net 45").course(), Some(Course::ToJaggaer));
}

#[test]
fn an_emptied_value_is_carried_over_but_not_where_one_is_needed() {
    assert_eq!(Three::new(F::Fax, Some("1"), "", "1").course(), Some(Course::ToIntacct));
    assert_eq!(Three::new(F::Name, Some("Harbor"), "", "Harbor").course(), Some(Course::Conflict));
    assert_eq!(Three::new(F::Currency, Some("USD"), "USD", " ").course(), Some(Course::Conflict));
}

#[test]
fn a_field_that_one_side_does_not_offer_is_not_compared() {
    let mut three = Three::new(F::Terms, None, "Net 30", "Net 30");
    three.jaggaer.set(F::Terms, None);
    let merged = three.merge();
    assert_eq!((merged.differences, merged.agreed), (Vec::new(), MasterValues::default()));
}

#[test]
fn where_jaggaer_cannot_be_written_its_values_are_left() {
    let mut three = Three::new(F::Terms, Some("Net 30"), "Net 30", "Net 45");
    three.writes_jaggaer = false;
    let merged = three.merge();
    assert_eq!(three.course(), Some(Course::Left));
    assert!(merged.to_jaggaer.is_empty() && merged.overruled.is_empty());
    assert_eq!(merged.agreed, three.agreed);
    // What accounting changed is not lost: once JAGGAER says the same, both agree.
    three.jaggaer = of(&[(F::Terms, "Net 45")]);
    assert_eq!(three.merge().agreed, of(&[(F::Terms, "Net 45")]));
}

#[test]
fn going_inactive_is_asked_even_if_one_side_alone_changed() {
    let three = |inactive| {
        let mut three = Three::new(F::Status, Some("active"), "inactive", "active");
        three.policies = Policies::new([(F::Status, FieldPolicy::Jaggaer)], inactive);
        three
    };
    assert_eq!(three(None).course(), Some(Course::Conflict));
    assert_eq!(three(Some(FieldPolicy::Jaggaer)).course(), Some(Course::ToIntacct));
    assert_eq!(three(Some(FieldPolicy::Jaggaer)).merge().overruled, [], "nothing was overwritten that anybody changed");
    let back = three(Some(FieldPolicy::Intacct)).merge();
    assert_eq!(back.to_jaggaer, of(&[(F::Status, "active")]));
    assert_eq!(back.overruled.len(), 1, "JAGGAER's change is overwritten, and named");
    let again = Three::new(F::Status, Some("inactive"), "active", "inactive");
    assert_eq!(again.course(), Some(Course::Conflict), "and so is becoming active again");
}

#[test]
fn a_vendor_to_whom_something_is_owed_is_never_set_inactive() {
    let mut three = Three::new(F::Status, Some("active"), "inactive", "active");
    three.policies = Policies::new([], Some(FieldPolicy::Jaggaer));
    three.owed = Owed::Something;
    let merged = three.merge();
    assert_eq!(three.course(), Some(Course::Conflict));
    assert!(merged.owed && merged.to_intacct.is_empty());
    // Not even by a person's word; the word stands until the bills are paid.
    let mut three = three.decided(F::Status, "inactive", "inactive", "active");
    let merged = three.merge();
    assert!(merged.owed && merged.to_intacct.is_empty() && merged.decisions.len() == 1);
    three.owed = Owed::Unknown;
    let merged = three.merge();
    assert!(!merged.owed && !merged.to_intacct.is_empty(), "where nobody can tell, a person may know");
    three.decisions.clear();
    let merged = three.merge();
    assert!(merged.owed && merged.to_intacct.is_empty(), "and without a person it stays");
    three.owed = Owed::Nothing;
    assert_eq!(three.merge().to_intacct, of(&[(F::Status, "inactive")]));
    let mut other = Three::new(F::Status, Some("active"), "active", "inactive");
    other.owed = Owed::Something;
    assert!(!other.merge().owed, "it is inactive already");
}

#[test]
fn the_address_to_which_cheques_go_is_never_changed_without_a_person() {
    for (agreed, jaggaer, intacct) in [
        (Some("1 Quay"), "2 Quay", "1 Quay"),
        (None, "2 Quay", "1 Quay"),
        (None, "2 Quay", ""),
        (Some(""), "2 Quay", ""),
    ] {
        let mut three = Three::new(F::Address1, agreed, jaggaer, intacct);
        assert_eq!(three.course(), Some(Course::ToIntacct));
        three.paid_at_address = true;
        assert_eq!(three.course(), Some(Course::Conflict));
        let decided = three.decided(F::Address1, "2 Quay", jaggaer, intacct);
        assert_eq!(decided.course(), Some(Course::ToIntacct));
    }
    let mut phone = Three::new(F::Phone, Some("1"), "2", "1");
    phone.paid_at_address = true;
    assert_eq!(phone.course(), Some(Course::ToIntacct), "only the address");
}

#[test]
fn a_decision_holds_while_both_sides_say_what_the_person_saw() {
    let three = Three::new(F::TaxId, Some("1"), "2", "3").decided(F::TaxId, "3", "2", "3");
    assert_eq!(three.merge().to_jaggaer, of(&[(F::TaxId, "3")]));
    let mut moved = Three::new(F::TaxId, Some("1"), "2", "4").decided(F::TaxId, "3", "2", "3");
    let merged = moved.merge();
    assert_eq!(moved.course(), Some(Course::Conflict));
    assert_eq!((merged.decisions.len(), merged.dropped.len()), (0, 1));
    moved.intacct = of(&[(F::TaxId, "2")]);
    assert_eq!(moved.merge().dropped.len(), 1, "both came to something else by themselves");
    let done = Three::new(F::TaxId, Some("1"), "3", "3").decided(F::TaxId, "3", "2", "3").merge();
    assert_eq!((done.decisions.len(), done.dropped.len()), (0, 0), "it was carried out");
}

#[test]
fn a_value_of_a_persons_own_goes_to_both_sides_one_after_the_other() {
    let mut three = Three::new(F::Name, None, "Harbour", "Habor").decided(F::Name, "Harbor", "Harbour", "Habor");
    let merged = three.merge();
    assert_eq!((merged.to_intacct.raw(F::Name), merged.to_jaggaer.raw(F::Name)), ("Harbor", "Harbor"));
    three.intacct = of(&[(F::Name, "Harbor")]);
    let merged = three.merge();
    assert!(merged.to_intacct.is_empty() && merged.dropped.is_empty());
    assert_eq!(merged.to_jaggaer.raw(F::Name), "Harbor");
}

fn small() -> impl Strategy<Value = MasterValues> {
    let value = prop::option::of(prop::sample::select(vec!["", "a", "b", "c", " a", "A", "+1 (2)", "12"]));
    prop::collection::vec(value, crate::model::MASTER_FIELDS).prop_map(|values| {
        let mut all = MasterValues::default();
        for (field, value) in F::ALL.into_iter().zip(values) {
            all.set(field, value.map(Text::new));
        }
        all
    })
}

fn policies() -> impl Strategy<Value = Policies> {
    let policy = || prop::sample::select(FieldPolicy::ALL.to_vec());
    (prop::collection::vec(policy(), crate::model::MASTER_FIELDS), policy())
        .prop_map(|(fields, inactive)| Policies::new(F::ALL.into_iter().zip(fields), Some(inactive)))
}

prop_compose! {
    fn threes()(agreed in small(), jaggaer in small(), intacct in small(), policies in policies(), one in prop::option::of(0i64..3),
        other in prop::option::of(0i64..3)) -> Three {
        let modified = (one.map(second), other.map(second));
        Three { agreed, jaggaer, intacct, policies, decisions: Vec::new(), modified, owed: Owed::Nothing, paid_at_address: false,
            writes_jaggaer: true }
    }
}

fn mirrored(course: Course) -> Course {
    match course {
        Course::ToIntacct => Course::ToJaggaer,
        Course::ToJaggaer => Course::ToIntacct,
        other => other,
    }
}

fn owed() -> impl Strategy<Value = Owed> {
    prop_oneof![Just(Owed::Nothing), Just(Owed::Something), Just(Owed::Unknown)]
}

proptest! {
    #[test]
    fn merging_is_the_same_from_either_side(three in threes()) {
        let one = three.merge();
        let turned = Three {
            agreed: three.agreed.clone(),
            jaggaer: three.intacct.clone(),
            intacct: three.jaggaer.clone(),
            policies: three.policies.swapped(),
            modified: (three.modified.1, three.modified.0),
            ..three
        };
        let other = turned.merge();
        prop_assert_eq!(&one.to_intacct, &other.to_jaggaer);
        prop_assert_eq!(&one.to_jaggaer, &other.to_intacct);
        let courses = |merged: &Merged, turn: fn(Course) -> Course| -> Vec<_> {
            merged.differences.iter().map(|it| (it.field, turn(it.course))).collect()
        };
        prop_assert_eq!(courses(&one, mirrored), courses(&other, |course| course));
        for field in F::ALL {
            let (one, other) = (one.agreed.get(field), other.agreed.get(field));
            let alike = match (one, other) {
                (Some(one), Some(other)) => same(field, one, other, &Comparing::default()),
                (one, other) => one == other,
            };
            prop_assert!(alike, "{field}: {one:?} and {other:?}");
        }
    }

    #[test]
    fn what_was_written_leaves_nothing_more_to_write(three in threes(), owed in owed(), paid_at_address: bool) {
        let mut three = Three { owed, paid_at_address, ..three };
        let merged = three.merge();
        for (field, value) in merged.to_intacct.iter() {
            three.intacct.set(field, Some(value.clone()));
        }
        for (field, value) in merged.to_jaggaer.iter() {
            three.jaggaer.set(field, Some(value.clone()));
        }
        three.agreed = merged.agreed;
        let again = three.merge();
        prop_assert!(again.to_intacct.is_empty() && again.to_jaggaer.is_empty(), "{again:?}");
        prop_assert!(again.differences.iter().all(|it| it.course == Course::Conflict));
    }

    #[test]
    fn no_value_is_made_up(three in threes(), writes_jaggaer: bool) {
        let three = Three { writes_jaggaer, ..three };
        let merged = three.merge();
        for (field, value) in merged.to_intacct.iter() {
            prop_assert_eq!(Some(value.clone()), three.jaggaer.get(field).map(|it| fit(field, it)));
        }
        for (field, value) in merged.to_jaggaer.iter() {
            prop_assert_eq!(Some(value.clone()), three.intacct.get(field).map(|it| fit(field, it)));
            prop_assert!(writes_jaggaer);
        }
        for (field, value) in merged.agreed.iter() {
            let given = [&three.agreed, &three.jaggaer, &three.intacct];
            prop_assert!(given.into_iter().any(|values| values.get(field) == Some(value)));
        }
        for it in &merged.overruled {
            let says = if it.side == Side::Intacct { &three.intacct } else { &three.jaggaer };
            prop_assert_eq!(says.get(it.field), Some(&it.value));
        }
    }
}
