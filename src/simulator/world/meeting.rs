//! The demo's suppliers: most of them agree with their vendors, and each thing that can come between two masters happens once.
//!
//! Status and currency of those that have invoices agree: what is posted does not depend on anybody's decision.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::World;
use super::masters::{FIRST_INACTIVE, suppliers};
use super::partners::{pair, set};
use super::play::{Event, Later};
use super::stories::NEWCOMER;
use crate::simulator::gateway::{Person, Vendor};
use crate::simulator::procurement::Change;

/// bravoId of the supplier at this position.
fn id(position: usize) -> u64 {
    70_001 + position as u64
}

fn fields(given: &[(&str, &str)]) -> BTreeMap<String, String> {
    given.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
}

/// Gives the demo's vendors their contacts, puts their suppliers beside them, and lets people on both sides change some later.
pub(super) fn meet(world: &mut World) {
    let set_up = Timestamp::from_second(1_748_736_000).unwrap_or(Timestamp::UNIX_EPOCH);
    for (position, supplier) in suppliers().into_iter().enumerate() {
        let (model, mut record) = pair(position as u64, id(position), &supplier.number);
        if let Some(vendor) = world.masters.vendors.get_mut(&supplier.vendor) {
            *vendor = Vendor {
                record_no: vendor.record_no,
                id: vendor.id.clone(),
                name: vendor.name.clone(),
                active: vendor.active,
                term: vendor.term.clone(),
                currency: vendor.currency.clone(),
                modified_at: Some(set_up),
                ..model
            };
            vendor.contact.name = format!("{}(V{})", vendor.name, vendor.id);
            vendor.contact.print_as.clone_from(&vendor.name);
            if position == 11 {
                vendor.contact.fax.clear();
            }
        }
        set(&mut record, "companyName", json!(supplier.name));
        set(&mut record, "currency", json!("USD"));
        if let Some(terms) = record.pointer_mut("/deBasic/deInfo/0/values/value/0/deValue") {
            *terms = json!("Net 30");
        }
        if position >= FIRST_INACTIVE {
            set(&mut record, "status", json!("INACTIVE"));
        }
        match position {
            // Different when they meet: one side is blank, and both say something else.
            11 => set(&mut record, "bizFax", json!("+48 42 555 0100")),
            12 => set(&mut record, "bizPhone", json!("+1 207 555 9999")),
            13 => set(&mut record, "fiscalCode", json!("NO 987 654 321")),
            _ => {}
        }
        world.suppliers.push(record);
    }
    let count = world.suppliers.len();
    let more = |position: usize, number: &str, name: &str, change: &dyn Fn(&mut Value)| {
        let (_, mut record) = pair(position as u64, id(position), number);
        set(&mut record, "companyName", json!(name));
        set(&mut record, "currency", json!("USD"));
        change(&mut record);
        record
    };
    let merged = |record: &mut Value| {
        set(record, "mergedInto", json!(id(0).to_string()));
        set(record, "status", json!("INACTIVE"));
    };
    let nobody = |_: &mut Value| ();
    let others = [
        more(count, NEWCOMER.0, NEWCOMER.1, &nobody),
        more(count + 1, "V-10902", "Harbor Lab Supply (old)", &merged),
        more(count + 2, "v-10038", "Trøndelag Trykkeri AS", &nobody),
        more(count + 3, "", "株式会社\u{202e}No Number", &nobody),
    ];
    world.suppliers.extend(others);
    let amend = |position: usize, member: &str, value: &str| {
        Event::Jaggaer(Change::AmendSupplier(id(position), json!({"returnCompanyInfo": {member: value}})))
    };
    let edit = |position: usize, given: &[(&str, &str)]| {
        let vendor = format!("V-{}", 10_001 + position);
        Event::Intacct(Person::EditVendor(vendor, fields(given)))
    };
    let late_comer = more(count + 4, "V-10903", "Late Comer Optics", &nobody);
    for (after, event) in [
        // One side changes: the other follows.
        (2_500, amend(1, "bizEmail", "ledger@birchtarn.example")),
        (3_000, edit(2, &[("DISPLAYCONTACT.PHONE1", "+47 22 55 01 17")])),
        // Both change the same: of a city JAGGAER decides, of a tax id a person.
        (3_500, amend(4, "city", "Halden")),
        (3_600, edit(4, &[("DISPLAYCONTACT.MAILADDRESS.CITY", "Sarpsborg")])),
        (3_700, amend(6, "fiscalCode", "EL 099 000 601")),
        (3_800, edit(6, &[("TAXID", "EL 099 000 106")])),
        // Bank data and a telephone in one week: the way of fraud.
        (4_000, edit(5, &[("ACHACCOUNTNUMBER", "000998877665"), ("DISPLAYCONTACT.PHONE1", "+81 6 5555 0000")])),
        (4_500, Event::Jaggaer(Change::AddSupplier(late_comer))),
    ] {
        world.later.push(Later { after_ms: after, event });
    }
}
