//! Many that look alike: more than are looked at for one answer.

use super::*;
use crate::model::ReasonCode;
use crate::vendors::COMMON;

const TAX: (MasterField, &str) = (TaxId, "12-3456781");

/// So many suppliers with one tax id, each with a number of its own. Their ids stand before `p` in the order of the index.
fn branches(count: usize) -> Vec<MasterSupplier> {
    (0..count).map(|at| supplier(&format!("b{at:03}"), &format!("B-{at}"), &[(Name, "Branch"), TAX])).collect()
}

fn reasons(pair: &Pair) -> Vec<ReasonCode> {
    pair.reasons.iter().map(|reason| reason.code).collect()
}

#[test]
fn a_vendor_that_belongs_to_somebody_does_so_also_where_a_crowd_looks_like_it() {
    let world = World::new();
    let own = supplier("p-own", "X-1", &[(Name, "Harbor"), TAX]);
    let vendor = vendor("V-1", &[(Name, "Harbor"), TAX]);
    let mut suppliers = branches(COMMON + 6);
    suppliers.push(own.clone());
    world.reads(0, suppliers, vec![vendor.clone()]);
    let link = VendorCommand::Link { id: world.pair("p-own").id, version: None, vendor: Text::from("V-1") };
    world.tells(1, link, live(own, vendor)).unwrap();
    // Now somebody has the vendor's number.
    world.reads(2, vec![supplier("z", "V-1", &[(Name, "Harbor")])], vec![]);
    let late = world.pair("z");
    assert_eq!((late.vendor.clone(), late.state), (None, PairState::Held), "{:?}", late.reasons);
    assert_eq!(reasons(&late), [ReasonCode::VendorClaimedTwice]);
}

#[test]
fn a_vendor_that_comes_is_suggested_to_everybody_who_looks_like_it() {
    let world = World::new();
    world.reads(0, branches(COMMON + 6), vec![]);
    assert!(states(&world).iter().all(|state| *state == PairState::New));
    world.reads(1, vec![], vec![vendor("V-1", &[(Name, "Harbor"), TAX])]);
    assert!(states(&world).iter().all(|state| *state == PairState::Suggested), "{:?}", states(&world));
    world.store.write_now(|tx| vendor_gone(tx, "V-1")).unwrap();
    world.merge(2);
    assert!(states(&world).iter().all(|state| *state == PairState::New), "{:?}", states(&world));
}

#[test]
fn nobody_becomes_the_vendor_of_a_number_that_a_crowd_has() {
    let world = World::new();
    let gone = |at: usize| supplier(&format!("a{at:03}"), "TBD-1", &[(Name, "Old"), (Status, "inactive")]);
    let mut suppliers: Vec<MasterSupplier> = (0..COMMON + 6).map(gone).collect();
    suppliers.push(supplier("y", "TBD-1", &[(Name, "Harbor")]));
    suppliers.push(supplier("z", "TBD-1", &[(Name, "Tarn")]));
    world.reads(0, suppliers, vec![]);
    for id in ["y", "z"] {
        let pair = world.pair(id);
        assert_eq!(pair.state, PairState::Held, "supplier {id}");
        assert_eq!(reasons(&pair), [ReasonCode::SupplierNumberTwice]);
    }
    assert_eq!(world.pair("a003").state, PairState::Closed);
    // Once few are left that have it, each is looked at again.
    let other = |at: usize| supplier(&format!("a{at:03}"), &format!("O-{at}"), &[(Name, "Old"), (Status, "inactive")]);
    world.reads(1, (0..COMMON + 6).map(other).collect(), vec![]);
    world.reads(2, vec![supplier("y", "O-99", &[(Name, "Harbor")])], vec![]);
    assert_eq!((world.pair("y").state, world.pair("z").state), (PairState::New, PairState::New));
}
