//! Two supplier masters of a given size that meet for the first time, and the truth about them: which belong together, by what,
//! and in which fields they differ. The truth is decided here for each one, before the product reads anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::simulator::gateway::{Contact, Vendor};
use crate::simulator::wire::Chance;

/// What is true of one supplier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kinship {
    /// bravoId.
    pub supplier: u64,
    /// Its number; empty where it has none.
    pub number: String,
    /// To whom it belongs.
    pub kin: Kin,
    /// Words of the fields in which the two differ, in no order: `city`, `tax_id`.
    pub differs: Vec<String>,
}

/// To whom a supplier belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kin {
    /// The vendor of the same number.
    Key(String),
    /// The vendor of another number and the same tax id.
    TaxId(String),
    /// The vendor of another number and the same name and address.
    NameAddress(String),
    /// Two vendors have its tax id.
    TwoVendors(String, String),
    /// Nobody: its vendor is still to be created.
    New,
    /// Nobody, and it is inactive.
    Inactive,
    /// It was merged into this supplier and has no vendor.
    Merged(u64),
    /// Another supplier has the same number.
    Rival(u64),
    /// The vendor whose id differs from its number in the letters' case alone.
    OtherCase(String),
    /// Nobody, and it cannot become a vendor: why.
    Impossible(String),
}

/// Both masters and the truth.
#[derive(Clone, Debug)]
pub struct Partners {
    /// Company profiles in the shape of the list, by bravoId.
    pub suppliers: Vec<Value>,
    /// Vendors by VENDORID.
    pub vendors: BTreeMap<String, Vendor>,
    /// One for each supplier, in order.
    pub truth: Vec<Kinship>,
    /// Vendors that belong to no supplier.
    pub alone: Vec<String>,
}

const STEMS: [&str; 16] = [
    "Harbor Lab Supply",
    "Birch & Tarn",
    "Bjørn & Sønner",
    "Müller Präzision",
    "東京理化器械",
    "Ελληνικά Χημικά",
    "Северный Свет",
    "O'Brien <Daughters>",
    "Café Zoë",
    "شركة النور",
    "Łódzkie Zakłady",
    "Quill \"Ink\" Stationers",
    "Pacific Cryogenics",
    "한빛과학",
    "Société d'Éclairage",
    "Kestrel Calibration",
];
/// City, state, country letters, country name, currency.
const PLACES: [(&str, &str, &str, &str, &str); 8] = [
    ("Portland", "ME", "US", "United States", "USD"),
    ("Austin", "TX", "US", "United States", "USD"),
    ("Oslo", "", "NO", "Norway", "NOK"),
    ("Köln", "", "DE", "Germany", "EUR"),
    ("Zürich", "ZH", "CH", "Switzerland", "CHF"),
    ("Leeds", "", "GB", "United Kingdom", "GBP"),
    ("大阪", "", "JP", "Japan", "JPY"),
    ("Lyon", "", "FR", "France", "EUR"),
];
/// Fields that are made to differ, with the member of JAGGAER's record.
const DIFFERING: [(&str, &str); 8] = [
    ("name", "companyName"),
    ("email", "bizEmail"),
    ("phone", "bizPhone"),
    ("website", "webSite"),
    ("address_1", "address"),
    ("city", "city"),
    ("zip", "zip"),
    ("tax_id", "fiscalCode"),
];
/// The first vendor that is made here.
const FIRST_RECORD: u64 = 100_001;

/// The vendor of a business partner, and the supplier that says the same.
pub(super) fn pair(position: u64, id: u64, number: &str) -> (Vendor, Value) {
    let stem = STEMS.get((position % STEMS.len() as u64) as usize).copied().unwrap_or_default();
    let (city, state, letters, country, currency) =
        PLACES.get((position / 3 % PLACES.len() as u64) as usize).copied().unwrap_or_default();
    let name = format!("{stem} {position}");
    let contact = Contact {
        name: format!("{name}(V{number})"),
        print_as: name.clone(),
        phone: format!("+1 207 555 {:04}", position % 10_000),
        fax: String::new(),
        email: format!("ar{position}@partner.example"),
        url: format!("https://p{position}.example"),
        address1: format!("{} Quay Street", position + 1),
        address2: String::new(),
        city: city.to_owned(),
        state: state.to_owned(),
        zip: format!("{:05}", position % 100_000),
        country: country.to_owned(),
        country_code: letters.to_owned(),
    };
    let terms = ["Net 30", "Net 45", "Net 60"].get((position % 3) as usize).copied().unwrap_or_default();
    let vendor = Vendor {
        record_no: FIRST_RECORD + position,
        id: number.to_owned(),
        name: name.clone(),
        active: true,
        term: terms.to_owned(),
        currency: currency.to_owned(),
        tax_id: format!("T{position:09}"),
        pay_method: "ACH".to_owned(),
        bank_routing: "021000021".to_owned(),
        bank_account: format!("99{position:08}"),
        contact,
        ..Vendor::default()
    };
    // What is no difference: punctuation of the phone, the scheme of a web site, blanks at the end.
    let supplier = json!({
        "returnCompanyInfo": {
            "bravoId": id.to_string(), "companyName": format!("{name} "), "extCode": number, "fiscalCode": vendor.tax_id,
            "bizEmail": vendor.contact.email, "bizPhone": format!("+1 (207) 555-{:04}", position % 10_000), "bizFax": "",
            "webSite": format!("p{position}.example/"), "address": vendor.contact.address1, "zip": vendor.contact.zip,
            "city": city, "province": state, "isoCountry": letters, "status": "ACTIVE", "currency": currency, "type": "SELLER",
            "version": 1, "registrationDate": "20230104", "lastModTime": "20250601120000",
        },
        "deBasic": {"deInfo": [
            {"name": "PAYMENT_TERMS", "type": "1", "values": {"value": [{"deValue": terms}]}},
            {"name": "BANK_ACCOUNT", "type": "1", "values": {"value": [{"deValue": vendor.bank_account}]}},
            {"name": "PAYMENT_METHOD", "type": "1", "values": {"value": [{"deValue": "ACH"}]}},
        ]},
    });
    (vendor, supplier)
}

/// Sets a member of a supplier.
pub(super) fn set(supplier: &mut Value, member: &str, value: Value) {
    if let Some(info) = supplier.pointer_mut("/returnCompanyInfo").and_then(Value::as_object_mut) {
        info.insert(member.to_owned(), value);
    }
}

impl Partners {
    /// So many suppliers, and at least so many vendors (more, if the suppliers have more).
    pub fn new(seed: u64, suppliers: usize, vendors: usize) -> Partners {
        let mut chance = Chance::new(seed ^ 0x9A27);
        let mut all =
            Partners { suppliers: Vec::new(), vendors: BTreeMap::new(), truth: Vec::new(), alone: Vec::new() };
        for position in 0..suppliers as u64 {
            let draw = chance.below(100);
            all.add(position, draw, &mut chance);
        }
        let mut position = suppliers as u64;
        while all.vendors.len() < vendors {
            let id = format!("W-{position:06}");
            let (mut vendor, _) = pair(position, 0, &id);
            vendor.active = !position.is_multiple_of(9);
            all.alone.push(id.clone());
            all.vendors.insert(id, vendor);
            position += 1;
        }
        all
    }

    fn add(&mut self, position: u64, draw: u64, chance: &mut Chance) {
        let id = 70_000 + position;
        let number = format!("V-{position:06}");
        let (mut vendor, mut supplier) = pair(position, id, &number);
        let mut truth =
            Kinship { supplier: id, number: number.clone(), kin: Kin::Key(number.clone()), differs: Vec::new() };
        // The one before must be an ordinary one: nobody is merged into, or rivals, a special one.
        let before = self
            .truth
            .last()
            .filter(|one| matches!(one.kin, Kin::Key(_)))
            .map(|one| (one.supplier, one.number.clone()));
        match (draw, before) {
            (70..78, _) => {
                let (word, member) = chance.pick(&DIFFERING).copied().unwrap_or_default();
                let value = match word {
                    "email" => format!("new{position}@partner.example"),
                    "website" => format!("new{position}.example"),
                    "tax_id" => format!("X{position:09}"),
                    "phone" => format!("+44 113 {position:07}"),
                    _ => format!("Changed {position}"),
                };
                set(&mut supplier, member, json!(value));
                truth.differs.push(word.to_owned());
            }
            (78..80, _) => {
                vendor.active = false;
                truth.differs.push("status".to_owned());
            }
            (80..84, _) => {
                vendor.id = format!("T-{position:06}");
                vendor.name = format!("Formerly {position}");
                truth.differs.push("name".to_owned());
                truth.kin = Kin::TaxId(vendor.id.clone());
            }
            (84..87, _) => {
                vendor.id = format!("N-{position:06}");
                vendor.tax_id = String::new();
                truth.differs.push("tax_id".to_owned());
                truth.kin = Kin::NameAddress(vendor.id.clone());
            }
            (87..88, _) => {
                let (first, second) = (format!("A-{position:06}"), format!("B-{position:06}"));
                let twin = Vendor { id: second.clone(), record_no: 2 * FIRST_RECORD + position, ..vendor.clone() };
                self.vendors.insert(second.clone(), twin);
                vendor.id.clone_from(&first);
                truth.kin = Kin::TwoVendors(first, second);
            }
            (88..94, _) => truth.kin = Kin::New,
            (94..96, _) => {
                set(&mut supplier, "status", json!("INACTIVE"));
                truth.kin = Kin::Inactive;
            }
            (96, Some((survivor, _))) => {
                set(&mut supplier, "mergedInto", json!(survivor.to_string()));
                set(&mut supplier, "status", json!("INACTIVE"));
                truth.kin = Kin::Merged(survivor);
            }
            (97, Some((rival, shared))) => {
                set(&mut supplier, "extCode", json!(shared));
                truth.number = shared;
                truth.kin = Kin::Rival(rival);
                if let Some(other) = self.truth.last_mut() {
                    other.kin = Kin::Rival(id);
                }
            }
            (98, _) => {
                vendor.id = number.to_lowercase();
                truth.kin = Kin::OtherCase(vendor.id.clone());
            }
            (99, _) => truth.kin = Kin::Impossible(spoil(&mut supplier, &mut truth.number, position)),
            _ => {}
        }
        if matches!(
            truth.kin,
            Kin::Key(_) | Kin::TaxId(_) | Kin::NameAddress(_) | Kin::TwoVendors(..) | Kin::OtherCase(_)
        ) {
            self.vendors.insert(vendor.id.clone(), vendor);
        }
        self.suppliers.push(supplier);
        self.truth.push(truth);
    }

    /// How many suppliers are of each kind, by a word.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for one in &self.truth {
            let word = match &one.kin {
                Kin::Key(_) if one.differs.is_empty() => "equal",
                Kin::Key(_) => "different",
                Kin::TaxId(_) => "tax id",
                Kin::NameAddress(_) => "name and address",
                Kin::TwoVendors(..) => "two vendors",
                Kin::New => "new",
                Kin::Inactive => "inactive",
                Kin::Merged(_) => "merged",
                Kin::Rival(_) => "rival",
                Kin::OtherCase(_) => "other case",
                Kin::Impossible(_) => "impossible",
            };
            *counts.entry(word).or_default() += 1;
        }
        counts
    }
}

/// Makes a supplier one that cannot become a vendor; says why.
fn spoil(supplier: &mut Value, number: &mut String, position: u64) -> String {
    let (why, other) = match position % 4 {
        0 => {
            set(supplier, "companyName", json!("  "));
            ("no name", None)
        }
        1 => ("no number", Some(String::new())),
        2 => ("number too long", Some(format!("V-{position:019}"))),
        _ => ("forbidden character in the number", Some(format!("V/{position}\u{202e}"))),
    };
    if let Some(other) = other {
        set(supplier, "extCode", json!(other));
        *number = other;
    }
    // None of them looks like anybody else, and one has a hostile name of 500 characters.
    if why != "no name" {
        let name: String = "株式会社\u{202e}evil<&>\u{1b}[2J ".chars().cycle().take(500).collect();
        set(supplier, "companyName", json!(name));
    }
    why.to_owned()
}

impl World {
    /// No invoices, but two masters of this size that meet for the first time.
    pub fn partners(seed: u64, suppliers: usize, vendors: usize) -> (World, Partners) {
        let mut world = World::empty(seed, "partners");
        let partners = Partners::new(seed, suppliers, vendors);
        world.masters.vendors = partners.vendors.clone();
        world.suppliers = partners.suppliers.clone();
        (world, partners)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_masters_have_the_asked_size_and_every_kind_of_kinship() {
        let (world, partners) = World::partners(1, 5_000, 8_000);
        assert_eq!((partners.suppliers.len(), partners.vendors.len(), partners.truth.len()), (5_000, 8_000, 5_000));
        let counts = partners.counts();
        assert_eq!(counts.len(), 11, "{counts:?}");
        assert!(counts["equal"] > 3_300 && counts.values().all(|count| *count > 15), "{counts:?}");
        assert_eq!(world.suppliers.len(), 5_000);
        let records: std::collections::BTreeSet<u64> = partners.vendors.values().map(|one| one.record_no).collect();
        assert_eq!(records.len(), 8_000, "no two vendors have one record number");
        for one in &partners.truth {
            let vendors: Vec<&String> = match &one.kin {
                Kin::Key(id) | Kin::TaxId(id) | Kin::NameAddress(id) | Kin::OtherCase(id) => vec![id],
                Kin::TwoVendors(first, second) => vec![first, second],
                _ => vec![],
            };
            assert!(vendors.iter().all(|id| partners.vendors.contains_key(*id)), "{one:?}");
            let fresh = matches!(one.kin, Kin::New | Kin::Inactive | Kin::Merged(_) | Kin::Impossible(_));
            assert!(!fresh || !partners.vendors.contains_key(&one.number), "{one:?}");
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_masters() {
        let (one, two, other) = (Partners::new(3, 300, 400), Partners::new(3, 300, 400), Partners::new(4, 300, 400));
        assert_eq!((&one.suppliers, &one.vendors, &one.truth), (&two.suppliers, &two.vendors, &two.truth));
        assert_ne!(one.truth, other.truth);
    }
}
