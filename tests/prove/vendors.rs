//! The two supplier masters in the sweep: vendors that are created, vendors and suppliers that are changed, while people edit both
//! sides.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::messages::{Command, Service};
use tollgate::model::{Pair, PairState, Side};
use tollgate::simulator::gateway::{Masters, Person};

use crate::oracle::Verdict;
use crate::replaced::Elder;
use crate::sweep::{Case, Done, Kind, primed};
use crate::world::{Plan, QUIET, READ_LAG, World};

/// Suppliers of all cases.
const SUPPLIERS: u64 = 3;
/// When a case begins: the image's own half hour lies before.
const BEGIN: u64 = 1_800;

/// A field as it is called on both sides.
struct Field {
    jaggaer: &'static str,
    intacct: &'static str,
}

const NAME: Field = Field { jaggaer: "companyName", intacct: "NAME" };
const PHONE: Field = Field { jaggaer: "bizPhone", intacct: "DISPLAYCONTACT.PHONE1" };
const EMAIL: Field = Field { jaggaer: "bizEmail", intacct: "DISPLAYCONTACT.EMAIL1" };
const FAX: Field = Field { jaggaer: "bizFax", intacct: "DISPLAYCONTACT.FAX" };
const SITE: Field = Field { jaggaer: "webSite", intacct: "DISPLAYCONTACT.URL1" };
const TAX: Field = Field { jaggaer: "fiscalCode", intacct: "TAXID" };
const FIELDS: [&Field; 6] = [&NAME, &PHONE, &EMAIL, &FAX, &SITE, &TAX];

fn vendor_id(number: u64) -> String {
    format!("NEW-{number}")
}

fn supplier_id(number: u64) -> u64 {
    70_400 + number
}

fn supplier(number: u64) -> Value {
    json!({
        "returnCompanyInfo": {
            "bravoId": supplier_id(number).to_string(), "companyName": format!("Birch & Tarn {number}"),
            "extCode": vendor_id(number), "fiscalCode": format!("12-345678{number}"),
            "bizEmail": format!("ar{number}@birch.example"), "bizPhone": format!("555010{number}"),
            "bizFax": format!("555020{number}"), "webSite": format!("birch{number}.example"),
            "status": "ACTIVE", "currency": "USD", "type": "SELLER",
        },
        "deBasic": {"deInfo": []},
    })
}

/// What the world of changes begins with: the disk, Intacct's lists, JAGGAER's suppliers.
struct Ground {
    disk: Vec<u8>,
    masters: Masters,
    suppliers: Vec<Value>,
}

/// A disk on which posting and the vendors were started, and nothing is there to do.
fn started() -> &'static Ground {
    static STARTED: OnceLock<Ground> = OnceLock::new();
    STARTED.get_or_init(|| prime(false))
}

/// The same, and three suppliers have become vendors.
fn agreed() -> &'static Ground {
    static AGREED: OnceLock<Ground> = OnceLock::new();
    AGREED.get_or_init(|| prime(true))
}

fn prime(with_vendors: bool) -> Ground {
    crate::guard::without(None, || {
        let mut world = World::new(Plan::new(1, primed()));
        world.clock.advance(Duration::from_secs(BEGIN));
        if with_vendors {
            let now = world.clock.true_now();
            for number in 1..=SUPPLIERS {
                world.wires.procurement().add_supplier(now, supplier(number));
            }
        }
        world.live();
        start(&mut world);
        let wanted = if with_vendors { SUPPLIERS as usize } else { 0 };
        let rested = world.run(Duration::from_secs(2 * BEGIN), |world| {
            is_started(world)
                && pairs(world).iter().filter(|pair| pair.state == PairState::Agreed).count() == wanted
                && is_at_rest(world)
        });
        assert!(rested, "no ground to stand on: {:?}\n{}", pairs(&world), world.fate.trace());
        world.bury();
        let suppliers = world.wires.procurement().suppliers().map(|(_, record)| record.clone()).collect();
        Ground { disk: world.disk.bytes(), masters: world.wires.gateway().masters().clone(), suppliers }
    })
}

/// A person lets the vendors start as soon as both masters were read.
fn start(world: &mut World) {
    for minute in 0..20 {
        world.at(world.passed() + Duration::from_secs(20 + 60 * minute), |world| {
            if !is_started(world) {
                world.start_vendors();
            }
        });
    }
}

/// Whether somebody let the vendors start.
pub fn is_started(world: &World) -> bool {
    world.engine.as_ref().is_some_and(|engine| engine.snapshots().borrow().vendors.started.is_some())
}

/// All pairs of a store.
pub fn pairs(world: &World) -> Vec<Pair> {
    let Some(store) = &world.store else { return Vec::new() };
    store.read_now(|reader| reader.pairs(0, usize::MAX)).unwrap_or_default()
}

/// Whether nothing about the two masters is left that settles by itself.
pub fn is_at_rest(world: &World) -> bool {
    let Some(store) = &world.store else { return false };
    store
        .read_now(|reader| {
            let mut busy = reader.has_pended_pairs()?;
            for side in [Side::Intacct, Side::Jaggaer] {
                busy |= !reader.unsettled_writes(side)?.is_empty();
                busy |= !reader.queued_writes(side, 1, |_| false)?.is_empty();
            }
            Ok(!busy)
        })
        .unwrap_or(false)
}

/// Plays a case.
pub fn play(case: &Case, traced: bool) -> Done {
    let ground = if case.kind == Kind::VendorNew { started() } else { agreed() };
    let mut plan = Plan::new(7, ground.disk.clone());
    plan.deaths.clone_from(&case.deaths);
    plan.traced = traced;
    let mut world = World::new(plan);
    world.clock.advance(Duration::from_secs(2 * BEGIN));
    *world.wires.gateway().masters_mut() = ground.masters.clone();
    for record in &ground.suppliers {
        world.wires.procurement().suppliers_mut().put(record.clone());
    }
    for fault in &case.way.faults {
        world.wires.gateway().faults_mut().add(fault.clone());
    }
    let mut story = Story::default();
    match case.kind {
        Kind::VendorNew => story.arrive(&mut world),
        _ => story.edit(&mut world),
    }
    // What somebody typed less than a read lag ago nobody can see, and Intacct has no token that would tell.
    world.clock.advance(world.passed() + READ_LAG);
    crate::sweep::disturb(&mut world, case);
    world.live();
    // Both sides are looked at again while it goes on, and after everything has settled.
    for minutes in [2, 15, 45] {
        let at = world.passed() + Duration::from_secs(60 * minutes);
        world.at(at, |world| world.order(Command::RunFlow("vendors".to_owned())));
    }
    let done = |world: &World| pairs(world).len() == SUPPLIERS as usize && is_at_rest(world);
    let rested = world.run(world.passed() + Duration::from_secs(10 * 3600), done);
    let ending = world.passed() + QUIET * 2;
    world.run(ending, |_| false);
    let rested = rested && world.run(world.passed() + Duration::from_secs(3600), is_at_rest);
    let mut verdict = story.judge(&world);
    if world.elder.as_ref().is_some_and(Elder::goes_on) {
        verdict.wrong.push("who was replaced goes on".to_owned());
    }
    if !rested && verdict.is_clean() {
        verdict.lost.push("the world never rests".to_owned());
    }
    Done {
        verdict,
        reached: world.fate.reached_ever(),
        ends: world.fate.ends(),
        left: world.fate.left(),
        trace: world.fate.trace(),
    }
}

/// What people do, and what must come of it: a value for a field of a supplier on both sides, or one on each.
#[derive(Default)]
struct Story {
    both: BTreeMap<(u64, &'static str), String>,
    apart: BTreeMap<(u64, &'static str), (String, String)>,
}

fn in_jaggaer(world: &mut World, number: u64, field: &Field, value: &str) {
    let now = world.clock.true_now();
    let patch = json!({"returnCompanyInfo": {field.jaggaer: value}});
    world.wires.procurement().amend_supplier(now, supplier_id(number), &patch);
}

fn in_intacct(world: &mut World, number: u64, field: &Field, value: &str) {
    let now = world.clock.true_now();
    let fields = BTreeMap::from([(field.intacct.to_owned(), value.to_owned())]);
    // A vendor that is not there yet cannot be edited.
    let _ = world.wires.gateway().person(now, Person::EditVendor(vendor_id(number), fields));
}

impl Story {
    /// Three suppliers come up that Intacct does not know; one of them is edited while it is carried over.
    fn arrive(&mut self, world: &mut World) {
        let now = world.clock.true_now();
        for number in 1..=SUPPLIERS {
            world.wires.procurement().add_supplier(now, supplier(number));
        }
        world.at(world.passed() + READ_LAG + Duration::from_millis(1_500), |world| {
            in_jaggaer(world, 2, &PHONE, "5550199")
        });
        self.both.insert((2, PHONE.jaggaer), "5550199".to_owned());
    }

    /// Each side changes something, and both change the same.
    fn edit(&mut self, world: &mut World) {
        in_jaggaer(world, 1, &PHONE, "5550191");
        self.both.insert((1, PHONE.jaggaer), "5550191".to_owned());
        in_intacct(world, 2, &EMAIL, "new2@birch.example");
        self.both.insert((2, EMAIL.jaggaer), "new2@birch.example".to_owned());
        in_jaggaer(world, 3, &FAX, "5550193");
        self.both.insert((3, FAX.jaggaer), "5550193".to_owned());
        in_jaggaer(world, 3, &TAX, "98-7654321");
        in_intacct(world, 3, &TAX, "55-5555555");
        self.apart.insert((3, TAX.jaggaer), ("98-7654321".to_owned(), "55-5555555".to_owned()));
        // While the first is carried over, somebody edits its vendor.
        world.at(world.passed() + READ_LAG + Duration::from_secs(30), |world| {
            in_intacct(world, 1, &SITE, "other1.example")
        });
        self.both.insert((1, SITE.jaggaer), "other1.example".to_owned());
    }

    /// The two systems against what must have come of it. It knows nothing of how the program works.
    fn judge(&self, world: &World) -> Verdict {
        let mut verdict = Verdict { wrong: crate::lock(&world.wires.broken).clone(), ..Verdict::default() };
        let (gateway, procurement) = (world.wires.gateway(), world.wires.procurement());
        let all = pairs(world);
        for number in 1..=SUPPLIERS {
            verdict.documents += 1;
            let id = vendor_id(number);
            let pair = all.iter().find(|pair| pair.supplier.id.raw() == supplier_id(number).to_string());
            let Some(pair) = pair else {
                verdict.lost.push(format!("supplier {id} is not known"));
                continue;
            };
            let person = pair.state.needs_attention();
            verdict.with_a_person += u64::from(person);
            let same = |known: &&String| known.eq_ignore_ascii_case(&id);
            let standing: Vec<&String> = gateway.masters().vendors.keys().filter(same).collect();
            let [vendor] = standing.as_slice() else {
                match standing.len() {
                    0 if person => {}
                    0 => verdict.lost.push(format!("supplier {id} is {} and has no vendor", pair.state.word())),
                    count => verdict.doubled.push(format!("vendor {id} stands {count} times, not told")),
                }
                continue;
            };
            verdict.posted += u64::from(pair.state == PairState::Agreed);
            let (vendor, record) = (&gateway.masters().vendors[*vendor], procurement.supplier(supplier_id(number)));
            for field in FIELDS {
                let there =
                    record.and_then(|record| record["returnCompanyInfo"][field.jaggaer].as_str()).unwrap_or_default();
                let here = vendor.text(field.intacct);
                let place = format!("{} of {id} ({}): `{there}` and `{here}`", field.jaggaer, pair.state.word());
                if let Some((jaggaer, intacct)) = self.apart.get(&(number, field.jaggaer)) {
                    if (there, here) != (jaggaer.as_str(), intacct.as_str()) {
                        verdict.lost.push(format!("a change of one side was overwritten: {place}"));
                    } else if pair.state != PairState::Conflict && !person {
                        verdict.wrong.push(format!("a conflict nobody is told of: {place}"));
                    }
                    continue;
                }
                if there != here && !person {
                    verdict.wrong.push(format!("both sides differ: {place}"));
                }
                // Who changed it keeps it, whatever becomes of the other side.
                if let Some(wanted) = self.both.get(&(number, field.jaggaer))
                    && there != wanted
                    && here != wanted
                {
                    verdict.lost.push(format!("a change of one side was lost, it was `{wanted}`: {place}"));
                }
            }
        }
        drop((gateway, procurement));
        match world.store.as_ref().map(|store| store.read_now(|reader| reader.audit_verify())) {
            Some(Ok(Ok(_))) => {}
            other => verdict.wrong.push(format!("the trail: {other:?}")),
        }
        verdict
    }
}
