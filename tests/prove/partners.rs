//! Suppliers and vendors in the simulation: two masters that meet, suppliers that arrive, and people who type, change, merge and
//! delete on both sides. What they order of the program stands in `clerks.rs`, what must come of it in `agreement.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::model::{FieldPolicy, MasterField, Timestamp};
use tollgate::simulator::gateway::{Contact, Masters, Person, Vendor};
use tollgate::simulator::procurement::{Mishap, Resource, Trouble};
use tollgate::simulator::wire::Chance;
use tollgate::simulator::world::World as Data;

use crate::exec::true_time;
use crate::seeds::{CHAOS, seconds};
use crate::world::{Plan, World};

/// Suppliers that have invoices: those of the first vendors of the company.
const CAST: u64 = 12;
/// Suppliers without invoices, at most.
const EXTRAS: u64 = 4;
/// Vendors of the company that nobody looks at are left out: a poll need not read them each time.
const LAST_VENDOR: &str = "V-10042";

/// A field, as both systems call it.
pub struct Field {
    pub field: MasterField,
    /// Member of JAGGAER's record, or `#NAME` of a customer-defined field.
    pub jaggaer: &'static str,
    /// Field of a query.
    pub intacct: &'static str,
}

const fn field(field: MasterField, jaggaer: &'static str, intacct: &'static str) -> Field {
    Field { field, jaggaer, intacct }
}

/// All fields that both systems offer.
pub const FIELDS: [Field; 13] = [
    field(MasterField::Name, "companyName", "NAME"),
    field(MasterField::Status, "status", "STATUS"),
    field(MasterField::TaxId, "fiscalCode", "TAXID"),
    field(MasterField::Currency, "currency", "CURRENCY"),
    field(MasterField::Terms, "#PAYMENT_TERMS", "TERMNAME"),
    field(MasterField::Email, "bizEmail", "DISPLAYCONTACT.EMAIL1"),
    field(MasterField::Phone, "bizPhone", "DISPLAYCONTACT.PHONE1"),
    field(MasterField::Fax, "bizFax", "DISPLAYCONTACT.FAX"),
    field(MasterField::Website, "webSite", "DISPLAYCONTACT.URL1"),
    field(MasterField::Address1, "address", "DISPLAYCONTACT.MAILADDRESS.ADDRESS1"),
    field(MasterField::City, "city", "DISPLAYCONTACT.MAILADDRESS.CITY"),
    field(MasterField::Zip, "zip", "DISPLAYCONTACT.MAILADDRESS.ZIP"),
    field(MasterField::State, "province", "DISPLAYCONTACT.MAILADDRESS.STATE"),
];

pub fn of(field: MasterField) -> &'static Field {
    FIELDS.iter().find(|known| known.field == field).unwrap_or(&FIELDS[0])
}

/// How a supplier and its vendor stand when a run begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kin {
    /// Both are there and agree.
    Equal,
    /// Both are there and differ.
    Different,
    /// JAGGAER alone has it.
    Missing,
    /// Neither has it; JAGGAER gets it later.
    Late,
    /// Intacct alone has it.
    Alone,
    /// JAGGAER alone has it, and no vendor can be made of it.
    Impossible,
    /// A vendor of another id has its tax id.
    Alike,
}

/// What a run's two masters are, and what was drawn for them.
pub struct Partners {
    /// Both sides as they were before anybody did anything: suppliers as they come up, and when.
    pub first_suppliers: BTreeMap<u64, (Timestamp, Value)>,
    pub first_vendors: BTreeMap<String, Vendor>,
    pub policies: BTreeMap<MasterField, FieldPolicy>,
    pub writes_jaggaer: bool,
}

/// The disk on which reference data were read and posting was started in a company that has none of these vendors.
fn ground() -> &'static (Vec<u8>, Masters) {
    static GROUND: OnceLock<(Vec<u8>, Masters)> = OnceLock::new();
    GROUND.get_or_init(|| {
        let mut world = World::new(Plan::new(1, Vec::new()));
        let ids = cast();
        world.wires.gateway().masters_mut().vendors.retain(|id, _| !ids.contains(id) && id.as_str() < LAST_VENDOR);
        world.live();
        for minute in 0..20 {
            world.at(Duration::from_secs(20 + 60 * minute), World::start_posting);
        }
        let rested = world
            .run(Duration::from_secs(1_700), |world| world.is_at_rest() && world.passed() > Duration::from_secs(1_000));
        assert!(rested, "no ground to stand on");
        world.bury();
        let masters = world.wires.gateway().masters().clone();
        (world.disk.bytes(), masters)
    })
}

/// VENDORIDs of the cast.
fn cast() -> BTreeSet<String> {
    (0..CAST).map(number_of).collect()
}

fn number_of(position: u64) -> String {
    match position < CAST {
        true => format!("V-{}", 10_001 + position),
        false => format!("NEW-{position}"),
    }
}

/// The disk of a run with two masters.
pub fn disk() -> Vec<u8> {
    ground().0.clone()
}

/// A value that nobody else ever says in this run.
fn value(field: MasterField, serial: u64) -> String {
    match field {
        MasterField::Name => format!("Renamed Partner {serial}"),
        MasterField::TaxId => format!("{}-{:07}", 20 + serial % 70, 3_000_000 + serial),
        MasterField::Terms => ["Net 10", "Net 14", "Net 45", "Net 60"][(serial % 4) as usize].to_owned(),
        MasterField::Currency => ["EUR", "NOK", "GBP"][(serial % 3) as usize].to_owned(),
        MasterField::Email => format!("desk{serial}@partner.example"),
        MasterField::Phone | MasterField::Fax => format!("+1 207 555 {serial:04}"),
        MasterField::Website => format!("site{serial}.example"),
        MasterField::Address1 => format!("{serial} Dock Road"),
        MasterField::City => format!("Port {serial}"),
        MasterField::Zip => format!("{:05}", 20_000 + serial),
        MasterField::State => format!("S{serial}"),
        _ => String::new(),
    }
}

fn supplier(id: u64, position: u64, name: &str) -> Value {
    json!({
        "returnCompanyInfo": {
            "bravoId": id.to_string(), "companyName": name, "extCode": number_of(position),
            "fiscalCode": format!("12-34567{position:02}"), "bizEmail": format!("ar{position}@partner.example"),
            "bizPhone": format!("+1 (207) 444-{position:04}"), "bizFax": "", "webSite": format!("https://p{position}.example/"),
            "address": format!("{} Quay Street", position + 1), "zip": format!("{:05}", 10_000 + position),
            "city": "Portland", "province": "ME", "isoCountry": "US", "status": "ACTIVE", "currency": "USD", "type": "SELLER",
            "version": 1, "registrationDate": "20230104", "lastModTime": "20250601120000",
        },
        "deBasic": {"deInfo": [
            {"name": "PAYMENT_TERMS", "type": "1", "values": {"value": [{"deValue": "Net 30"}]}},
            {"name": "BANK_ACCOUNT", "type": "1", "values": {"value": [{"deValue": format!("99{position:06}")}]}},
        ]},
    })
}

/// The vendor that says the same as that supplier.
fn vendor(position: u64, id: &str, name: &str, record_no: u64) -> Vendor {
    let contact = Contact {
        name: format!("{name}(V{id})"),
        print_as: name.to_owned(),
        phone: format!("+1 207 444 {position:04}"),
        email: format!("ar{position}@partner.example"),
        url: format!("p{position}.example"),
        address1: format!("{} Quay Street", position + 1),
        city: "Portland".to_owned(),
        state: "ME".to_owned(),
        zip: format!("{:05}", 10_000 + position),
        country: "United States".to_owned(),
        country_code: "US".to_owned(),
        ..Contact::default()
    };
    Vendor {
        record_no,
        id: id.to_owned(),
        name: name.to_owned(),
        active: true,
        term: "Net 30".to_owned(),
        currency: "USD".to_owned(),
        tax_id: format!("12-34567{position:02}"),
        pay_method: "ACH".to_owned(),
        bank_routing: "021000021".to_owned(),
        bank_account: format!("99{position:06}"),
        contact,
        ..Vendor::default()
    }
}

/// Who types: edits are numbered, so that no two say the same by accident.
struct Hands<'w> {
    world: &'w mut World,
    chance: &'w mut Chance,
    serial: u64,
    suppliers: BTreeMap<u64, (Timestamp, Value)>,
}

/// Puts both masters on stage and writes down what people will do to them.
pub fn enter(world: &mut World, chance: &mut Chance) -> Partners {
    world.config.schedule.vendors = format!("0 {}/{} * * * *", chance.below(10), 20 + chance.below(2) * 10);
    world.config.vendors.write_jaggaer = chance.below(3) > 0;
    for field in [MasterField::Phone, MasterField::City, MasterField::Email, MasterField::TaxId] {
        if chance.below(4) == 0 {
            let policy = FieldPolicy::ALL[chance.below(4) as usize];
            world.config.vendors.policy.insert(field, policy);
        }
    }
    let names: BTreeMap<String, String> =
        Data::bulk(1, 1, 1).masters.vendors.into_iter().map(|(id, vendor)| (id, vendor.name)).collect();
    *world.wires.gateway().masters_mut() = ground().1.clone();
    let mut hands = Hands { world, chance, serial: 0, suppliers: BTreeMap::new() };
    let mut suppliers = BTreeMap::new();
    for position in 0..CAST + hands.chance.below(EXTRAS + 1) {
        let number = number_of(position);
        let name = names.get(&number).cloned().unwrap_or_else(|| format!("Newcomer & Sons {position}"));
        let (id, kin) = (70_001 + position, hands.kin(position));
        suppliers.insert(id, number);
        hands.come(position, id, &name, kin);
    }
    hands.across(&suppliers);
    hands.trouble();
    let first_suppliers = hands.suppliers;
    let first_vendors = world.wires.gateway().masters().vendors.clone();
    Partners {
        first_suppliers,
        first_vendors,
        policies: world.config.vendors.policy.clone(),
        writes_jaggaer: world.config.vendors.write_jaggaer,
    }
}

/// A person changes a field of a supplier.
fn in_jaggaer(world: &mut World, id: u64, field: &Field, value: &str) {
    let now = world.clock.true_now();
    world.fate.note(|| format!("a person changes {} of supplier {id} to `{value}`", field.jaggaer));
    if let Some(name) = field.jaggaer.strip_prefix('#') {
        let fields = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        world.wires.procurement().set_supplier_fields(now, id, &fields);
        return;
    }
    let value = if field.field == MasterField::Status { value.to_uppercase() } else { value.to_owned() };
    let patch = json!({"returnCompanyInfo": {field.jaggaer: value}});
    world.wires.procurement().amend_supplier(now, id, &patch);
}

/// A person changes a field of a vendor, if it is there.
fn in_intacct(world: &mut World, vendor: &str, field: &str, value: &str) {
    let now = world.clock.true_now();
    let fields = BTreeMap::from([(field.to_owned(), value.to_owned())]);
    if world.wires.gateway().person(now, Person::EditVendor(vendor.to_owned(), fields)).is_ok() {
        world.fate.note(|| format!("a person changes {field} of vendor {vendor} to `{value}`"));
    }
}

impl Hands<'_> {
    fn kin(&mut self, position: u64) -> Kin {
        match (self.chance.below(20), position < CAST) {
            (0..=5, true) => Kin::Equal,
            (6..=8, true) => Kin::Different,
            (9..=13, true) | (0..=6, false) => Kin::Missing,
            (14..=16, true) | (7..=16, false) => Kin::Late,
            (17, true) => Kin::Alone,
            (17 | 18, _) => Kin::Alike,
            _ => Kin::Impossible,
        }
    }

    fn some_time(&mut self) -> Duration {
        seconds(self.chance.below(CHAOS))
    }

    fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// A supplier and its vendor come up as they are drawn, and people do something about them.
    fn come(&mut self, position: u64, id: u64, name: &str, kin: Kin) {
        let number = number_of(position);
        let mut record = supplier(id, position, name);
        let mut books = vendor(position, &number, name, 2_001 + position);
        match kin {
            Kin::Equal | Kin::Late | Kin::Missing | Kin::Alone => {}
            Kin::Different => {
                for _ in 0..1 + self.chance.below(3) {
                    let field = &FIELDS[self.chance.below(FIELDS.len() as u64) as usize];
                    let value = match (field.field, self.chance.below(4)) {
                        (MasterField::Status | MasterField::Currency, _) => continue,
                        (MasterField::Name | MasterField::Terms, _) | (_, 1..) => value(field.field, self.next()),
                        _ => String::new(),
                    };
                    books.set(field.intacct, &value);
                }
                if self.chance.below(4) == 0 {
                    books.pay_method = "Printed Check".to_owned();
                }
            }
            Kin::Alike => books.id = format!("OLD-{position}"),
            Kin::Impossible => {
                let (member, value) = match self.chance.below(3) {
                    0 => ("companyName", " ".to_owned()),
                    1 => ("extCode", String::new()),
                    _ => ("extCode", format!("{number}/of-a-number-too-long")),
                };
                record["returnCompanyInfo"][member] = json!(value);
            }
        }
        if matches!(kin, Kin::Equal | Kin::Different | Kin::Alone | Kin::Alike) {
            self.world.wires.gateway().masters_mut().vendors.insert(books.id.clone(), books.clone());
        }
        let comes = if kin == Kin::Late { self.chance.below(CHAOS * 3 / 4) } else { 0 };
        if kin != Kin::Alone {
            let from = if kin == Kin::Late { true_time(seconds(comes)) } else { true_time(Duration::ZERO) };
            self.suppliers.insert(id, (from, record.clone()));
        }
        match kin {
            Kin::Late => self.world.at(seconds(comes), move |world| {
                world.fate.note(|| format!("supplier {id} comes up"));
                let now = world.clock.true_now();
                world.wires.procurement().add_supplier(now, record);
            }),
            Kin::Alone => {}
            _ => self.world.wires.procurement().suppliers_mut().put(record),
        }
        if matches!(kin, Kin::Missing | Kin::Late) && self.chance.below(3) == 0 {
            self.typed_by_hand(position, name, &number);
        }
        let vendor = books.id;
        for _ in 0..self.chance.below(4) {
            let at = comes + 1 + self.chance.below(CHAOS - comes);
            self.edits(id, &vendor, at);
        }
        if self.chance.below(10) == 0 {
            self.mended(id, position, kin);
        }
    }

    /// A person types the vendor that is about to be created, with the same values or others; or under an id of their own.
    fn typed_by_hand(&mut self, position: u64, name: &str, number: &str) {
        let own = self.chance.below(3) == 0;
        let id = if own { format!("HAND-{position}") } else { number.to_owned() };
        let mut typed = vendor(position, &id, name, 0);
        for _ in 0..self.chance.below(3) {
            let field = [MasterField::Phone, MasterField::Email, MasterField::City][self.chance.below(3) as usize];
            typed.set(of(field).intacct, &value(field, self.next()));
        }
        let at = self.some_time();
        self.world.at(at, move |world| {
            let now = world.clock.true_now();
            if world.wires.gateway().person(now, Person::TypeVendor(Box::new(typed))).is_ok() {
                world.fate.note(|| format!("a person types vendor {id}"));
            }
        });
    }

    /// What was missing for a vendor is entered after all.
    fn mended(&mut self, id: u64, position: u64, kin: Kin) {
        if kin == Kin::Impossible {
            let at = self.some_time();
            let whole = json!({"returnCompanyInfo": {
                "companyName": format!("Named at last {position}"), "extCode": number_of(position),
            }});
            self.world.at(at, move |world| {
                let now = world.clock.true_now();
                world.wires.procurement().amend_supplier(now, id, &whole);
            });
        }
    }

    /// One field is changed: on one side, on both to the same, on both differently, or to and fro.
    fn edits(&mut self, id: u64, vendor: &str, at: u64) {
        let which = &FIELDS[self.chance.below(FIELDS.len() as u64) as usize];
        let story = self.chance.below(8);
        let near = |chance: &mut Chance| match chance.below(3) {
            0 => chance.below(20),
            1 => chance.below(600),
            _ => chance.below(5_400),
        };
        let word = |hands: &mut Self| match which.field {
            MasterField::Status => ["inactive", "active"][(hands.chance.below(3) / 2) as usize].to_owned(),
            MasterField::Currency | MasterField::Name | MasterField::Terms => value(which.field, hands.next()),
            _ if hands.chance.below(8) == 0 => String::new(),
            _ => value(which.field, hands.next()),
        };
        // What concerns invoices is changed seldom: they wait for whoever decides it.
        if matches!(which.field, MasterField::Status | MasterField::Currency) && self.chance.below(3) > 0 {
            return self.bank(id, vendor, at);
        }
        let one = word(self);
        let other = match story {
            4 => one.clone(),
            _ => word(self),
        };
        let (mut jaggaer, mut intacct) = (Vec::new(), Vec::new());
        match story {
            0 | 1 => jaggaer.push((at, one)),
            2 => intacct.push((at, one)),
            3 => {
                jaggaer.push((at, one));
                jaggaer.push((at + 1 + near(self.chance), other));
            }
            4 | 5 => {
                jaggaer.push((at, one));
                intacct.push((at + near(self.chance), other));
            }
            6 => {
                intacct.push((at, one));
                jaggaer.push((at + near(self.chance), other));
            }
            _ => {
                jaggaer.push((at, one));
                let then = at + 1 + near(self.chance);
                intacct.push((then, other));
                let last = word(self);
                jaggaer.push((then + 1 + near(self.chance), last));
            }
        }
        for (at, value) in jaggaer.into_iter().filter(|(at, _)| *at < CHAOS) {
            self.world.at(seconds(at), move |world| in_jaggaer(world, id, which, &value));
        }
        for (at, value) in intacct.into_iter().filter(|(at, _)| *at < CHAOS) {
            let vendor = vendor.to_owned();
            self.world.at(seconds(at), move |world| in_intacct(world, &vendor, which.intacct, &value));
        }
    }

    /// Bank data change on one side.
    fn bank(&mut self, id: u64, vendor: &str, at: u64) {
        let account = format!("77{:06}", self.next());
        if self.chance.below(2) == 0 {
            let bank = Field { field: MasterField::Name, jaggaer: "#BANK_ACCOUNT", intacct: "" };
            self.world.at(seconds(at), move |world| in_jaggaer(world, id, &bank, &account));
        } else {
            let vendor = vendor.to_owned();
            self.world.at(seconds(at), move |world| in_intacct(world, &vendor, "ACHACCOUNTNUMBER", &account));
        }
    }

    /// What concerns more than one of them: merges, a number that is used twice, vendors that are deleted.
    fn across(&mut self, suppliers: &BTreeMap<u64, String>) {
        let ids: Vec<u64> = suppliers.keys().copied().collect();
        let one = |hands: &mut Self| ids[hands.chance.below(ids.len() as u64) as usize];
        if self.chance.below(4) == 0 {
            let (id, into, at) = (one(self), one(self), self.some_time());
            self.world.at(at, move |world| {
                let now = world.clock.true_now();
                if id != into && world.wires.procurement().merge_supplier(now, id, into) {
                    world.fate.note(|| format!("supplier {id} is merged into {into}"));
                }
            });
        }
        if self.chance.below(6) == 0 {
            let (id, at) = (one(self), self.some_time());
            let number = suppliers[&one(self)].clone();
            self.world.at(at, move |world| {
                let now = world.clock.true_now();
                world.fate.note(|| format!("supplier {id} gets the number {number}"));
                let patch = json!({"returnCompanyInfo": {"extCode": number}});
                world.wires.procurement().amend_supplier(now, id, &patch);
            });
        }
        for _ in 0..self.chance.below(3) {
            let (number, at) = (suppliers[&one(self)].clone(), self.some_time());
            self.world.at(at, move |world| {
                let now = world.clock.true_now();
                if world.wires.gateway().person(now, Person::DeleteVendor(number.clone())).is_ok() {
                    world.fate.note(|| format!("a person deletes vendor {number}"));
                }
            });
        }
    }

    /// What goes wrong with suppliers alone.
    fn trouble(&mut self) {
        for _ in 0..self.chance.below(8) {
            let on = match self.chance.below(3) {
                0 => Resource::SupplierList,
                _ => Resource::SupplierUpdate,
            };
            let does = match self.chance.below(9) {
                0 => Mishap::TokenExpired,
                1 => Mishap::Throttle(Some(self.chance.below(60) as u32)),
                2 => Mishap::Unavailable(503),
                3 => Mishap::Drop,
                4 => Mishap::Cut(30),
                5 => Mishap::Malformed,
                6 => Mishap::Silent,
                7 => Mishap::ReturnCode("-7".to_owned(), "busy".to_owned()),
                _ => Mishap::LostAnswer,
            };
            let trouble =
                Trouble { on, skip: self.chance.below(12) as u32, times: Some(1 + self.chance.below(3) as u32), does };
            let at = self.some_time();
            self.world.at(at, move |world| world.wires.procurement().add_trouble(trouble));
        }
    }
}
