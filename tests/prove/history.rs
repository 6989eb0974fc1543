//! What both systems said of each field over time, and who said it: from their own records alone.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tollgate::model::{MasterField, Side, Timestamp};
use tollgate::simulator::gateway::VendorChange;

use crate::exec::true_time;
use crate::partners::{FIELDS, Field, Partners};
use crate::world::World;

/// Who brought a value about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum By {
    /// It stood there from the beginning.
    Beginning,
    Person,
    /// The program; in Intacct under this control id.
    Program(Option<String>),
}

/// From when on a side says something.
#[derive(Clone, Debug)]
pub struct Says {
    pub from: Timestamp,
    pub value: String,
    pub by: By,
}

/// One field of one record over time, oldest first.
pub type History = Vec<Says>;

/// A change that the program made: whose record, which field, and where it stands in that field's history.
pub struct Write {
    pub side: Side,
    /// RECORDNO or bravoId.
    pub record: u64,
    /// VENDORID; empty for a supplier.
    pub vendor: String,
    pub field: &'static Field,
    pub place: usize,
}

/// Everything that was said.
#[derive(Default)]
pub struct Histories {
    all: BTreeMap<(Side, u64, MasterField), History>,
    /// Numbers that a supplier ever had.
    pub numbers: BTreeMap<u64, Vec<String>>,
    pub writes: Vec<Write>,
    /// Changes that the program made in what is none of its fields.
    pub strange: Vec<String>,
    /// VENDORIDs that the program created, when, under which control id.
    pub created: Vec<(String, Timestamp, String)>,
    /// How often people changed anything.
    pub edits: u64,
}

/// A value in the form in which differences that are none are gone.
fn plain(field: MasterField, text: &str) -> String {
    let text = text.trim();
    match field {
        MasterField::Status => text.to_lowercase(),
        MasterField::Phone | MasterField::Fax => text.chars().filter(char::is_ascii_digit).collect(),
        MasterField::TaxId => text.chars().filter(char::is_ascii_alphanumeric).collect(),
        MasterField::Website => text.trim_start_matches("https://").trim_end_matches('/').to_owned(),
        _ => text.to_owned(),
    }
}

/// Whether two values of a field say the same.
pub fn same(field: MasterField, one: &str, other: &str) -> bool {
    plain(field, one) == plain(field, other)
}

/// What JAGGAER's record says.
pub fn said(record: &Value, member: &str) -> String {
    if let Some(name) = member.strip_prefix('#') {
        let custom = record["deBasic"]["deInfo"].as_array().cloned().unwrap_or_default();
        let found = custom.iter().find(|one| one["name"] == name);
        return found.and_then(|one| one["values"]["value"][0]["deValue"].as_str()).unwrap_or_default().to_owned();
    }
    record["returnCompanyInfo"][member].as_str().unwrap_or_default().to_owned()
}

impl Histories {
    pub fn new(world: &World, partners: &Partners) -> Histories {
        let mut found = Histories::default();
        let (gateway, procurement) = (world.wires.gateway(), world.wires.procurement());
        let begin = true_time(Duration::ZERO);
        for vendor in partners.first_vendors.values() {
            for field in &FIELDS {
                let value = vendor.text(field.intacct).to_owned();
                let says = Says { from: begin, value, by: By::Beginning };
                found.all.insert((Side::Intacct, vendor.record_no, field.field), vec![says]);
            }
        }
        for (id, (at, record)) in &partners.first_suppliers {
            for field in &FIELDS {
                let says = Says { from: *at, value: said(record, field.jaggaer), by: By::Beginning };
                found.all.insert((Side::Jaggaer, *id, field.field), vec![says]);
            }
            found.numbers.entry(*id).or_default().push(said(record, "extCode"));
        }
        for change in gateway.vendor_changes() {
            found.vendor_changed(change);
        }
        for change in procurement.supplier_changes() {
            if change.field == "extCode" {
                found.numbers.entry(change.id).or_default().push(change.after.clone());
            }
            let by = if change.by_interface { By::Program(None) } else { By::Person };
            found.edits += u64::from(by == By::Person);
            let known = FIELDS.iter().find(|field| field.jaggaer == change.field);
            match known {
                Some(field) => found.add(Side::Jaggaer, change.id, "", field, change.at, &change.after, by),
                None if by == By::Person => {}
                None => found.strange.push(format!("{} of supplier {} was written", change.field, change.id)),
            }
        }
        found
    }

    fn vendor_changed(&mut self, change: &VendorChange) {
        let by = change.by.clone().map_or(By::Person, |id| By::Program(Some(id)));
        self.edits += u64::from(by == By::Person);
        if change.field == "VENDORID" {
            if let (Some(control), true) = (&change.by, change.before.is_empty()) {
                self.created.push((change.after.clone(), change.at, control.clone()));
            }
            return;
        }
        // What Intacct makes of the name and the country by itself, and the name on cheques that a new contact must have.
        let follows = ["DISPLAYCONTACT.CONTACTNAME", "DISPLAYCONTACT.MAILADDRESS.COUNTRY", "MEGAENTITYID", "ONHOLD"];
        let made = change.before.is_empty() && change.field == "DISPLAYCONTACT.PRINTAS";
        match FIELDS.iter().find(|field| field.intacct == change.field) {
            Some(field) => {
                self.add(Side::Intacct, change.record_no, &change.vendor_id, field, change.at, &change.after, by);
            }
            None if by == By::Person || made || follows.iter().any(|known| change.field.starts_with(known)) => {}
            None => self.strange.push(format!("{} of vendor {} was written", change.field, change.vendor_id)),
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one change, as the systems record it")]
    fn add(
        &mut self,
        side: Side,
        record: u64,
        vendor: &str,
        field: &'static Field,
        at: Timestamp,
        value: &str,
        by: By,
    ) {
        let history = self.all.entry((side, record, field.field)).or_default();
        if matches!(by, By::Program(_)) {
            let place = history.len();
            self.writes.push(Write { side, record, vendor: vendor.to_owned(), field, place });
        }
        history.push(Says { from: at, value: value.to_owned(), by });
    }

    /// The history of a field; empty where the record was never there.
    pub fn of(&self, side: Side, record: u64, field: MasterField) -> &[Says] {
        self.all.get(&(side, record, field)).map_or(&[], Vec::as_slice)
    }

    /// Suppliers that ever had this number.
    pub fn numbered<'h>(&'h self, number: &'h str) -> impl Iterator<Item = u64> + 'h {
        let has = move |numbers: &Vec<String>| numbers.iter().any(|known| known.trim() == number);
        self.numbers.iter().filter(move |(_, numbers)| has(numbers)).map(|(id, _)| *id)
    }
}

/// What was said at a moment.
pub fn at(history: &[Says], moment: Timestamp) -> Option<&Says> {
    history.iter().rev().find(|says| says.from <= moment)
}

/// Whether this was said at any moment from `from` to `to`.
pub fn was_said(history: &[Says], field: MasterField, value: &str, (from, to): (Timestamp, Timestamp)) -> bool {
    history.iter().enumerate().any(|(place, says)| {
        let until = history.get(place + 1).map(|next| next.from);
        says.from <= to && until.is_none_or(|until| until >= from) && same(field, &says.value, value)
    })
}

/// What two sides said last at the same time, before a moment, and until when.
pub fn last_agreed(one: &[Says], other: &[Says], field: MasterField, until: Timestamp) -> Option<(String, Timestamp)> {
    let mut moments: Vec<Timestamp> = one.iter().chain(other).map(|says| says.from).filter(|at| *at < until).collect();
    moments.sort_unstable();
    let mut ended = until;
    for moment in moments.into_iter().rev() {
        let (here, there) = (at(one, moment)?, at(other, moment)?);
        if same(field, &here.value, &there.value) {
            return Some((here.value.clone(), ended));
        }
        ended = moment;
    }
    None
}
