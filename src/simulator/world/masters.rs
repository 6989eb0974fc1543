//! The lists of the demo's company, and its suppliers as JAGGAER knows them.

use jiff::civil::date;

use super::invoice::Supplier;
use crate::simulator::gateway::{Account, ClosedPeriod, Dimension, Masters, Required, Term, Vendor};

/// Names of suppliers, in several scripts; the first ones invoice most.
const NAMES: [&str; 42] = [
    "Harbor Lab Supply",
    "Birch & Tarn Supplies",
    "Bjørn & Sønner AS",
    "Müller Präzision GmbH",
    "Halden Optics",
    "東京理化器械株式会社",
    "Ελληνικά Χημικά Α.Ε.",
    "Северный Свет ООО",
    "O'Brien & Daughters Ltd.",
    "Café Zoë Catering",
    "شركة النور للتجهيزات",
    "Łódzkie Zakłady Szklarskie",
    "Moss Lab Services",
    "Nordlys Energi AS",
    "Ferrum Werkzeuge KG",
    "Quill & Ink Stationers",
    "Åse Ødegård Konsult",
    "Pacific Cryogenics Inc.",
    "Tallow Creek Freight",
    "Société Générale d'Éclairage",
    "한빛과학 주식회사",
    "Gebrüder Weiß Transporte",
    "Blue Heron Software",
    "Kestrel Calibration",
    "Fjordland Maskin AS",
    "Zürcher Feinmechanik AG",
    "Vårt Kontor AB",
    "Cedar Point Facilities",
    "Atlas Copper & Brass",
    "Iberia Vidrio S.A.",
    "חברת המעבדה בע״מ",
    "Lumen Lighting Co.",
    "Stonebridge Legal LLP",
    "Polar Data AS",
    "Rheingold Chemie GmbH",
    "Maple Ridge Catering",
    "Sutton & Vale Audio",
    "Trøndelag Trykkeri",
    "Zephyr HVAC",
    "บริษัท สยามแล็บ จำกัด",
    "Dormant Trading Corp.",
    "Old Mill Paper (closed)",
];

/// Suppliers whose number in JAGGAER is not their vendor id: the table `suppliers` of the demo's mapping leads from the one
/// to the other.
const RENAMED: [(usize, &str); 4] = [(30, "SUP-7001"), (31, "SUP-7002"), (32, "SUP-7003"), (33, "SUP-7004")];

/// Position of the first inactive vendor; it and those after it are inactive.
pub const FIRST_INACTIVE: usize = 40;

/// All suppliers.
pub fn suppliers() -> Vec<Supplier> {
    NAMES
        .iter()
        .enumerate()
        .map(|(position, name)| {
            let vendor = format!("V-{}", 10_001 + position);
            let renamed = RENAMED.iter().find(|(which, _)| *which == position).map(|(_, number)| (*number).to_owned());
            Supplier {
                number: renamed.unwrap_or_else(|| vendor.clone()),
                network_id: 1_002_003_000 + position as u64,
                name: (*name).to_owned(),
                vendor,
            }
        })
        .collect()
}

/// Business units of JAGGAER and their locations in Intacct, as in the table `plants`.
pub const PLANTS: [(&str, &str); 6] =
    [("0001", "110"), ("0002", "120"), ("0003", "210"), ("0004", "310"), ("0005", "100"), ("0006", "320")];

/// The business unit whose entity has a closed period.
pub const CLOSED_PLANT: &str = "0006";

fn dimension(record_no: u64, id: &str, name: &str, parent: &str) -> Dimension {
    Dimension {
        record_no,
        id: id.to_owned(),
        name: name.to_owned(),
        active: true,
        parent: parent.to_owned(),
        ..Dimension::default()
    }
}

/// All lists.
pub fn masters() -> Masters {
    use Required::{Class, Department, Location, Project};
    let mut masters = Masters::default();
    for (position, supplier) in suppliers().into_iter().enumerate() {
        let vendor = Vendor {
            record_no: 901 + position as u64,
            id: supplier.vendor.clone(),
            name: supplier.name,
            active: position < FIRST_INACTIVE,
            term: "Net 30".to_owned(),
            currency: "USD".to_owned(),
            ..Vendor::default()
        };
        masters.vendors.insert(supplier.vendor, vendor);
    }
    let accounts: [(&str, &str, &[Required]); 23] = [
        ("1010", "Operating bank account", &[]),
        ("2000", "Accounts payable", &[]),
        ("5200", "Freight in", &[Location]),
        ("5210", "Handling", &[Location]),
        ("5300", "Sales tax, not recoverable", &[Location]),
        ("5400", "Purchase discounts", &[Location]),
        ("5500", "Supplier fees", &[Location]),
        ("6100", "Laboratory supplies", &[Department, Location]),
        ("6110", "Chemicals", &[Department, Location]),
        ("6120", "Glassware", &[Department, Location]),
        ("6200", "IT hardware", &[Department, Location]),
        ("6210", "Software", &[Department, Location]),
        ("6250", "Services", &[Department, Location]),
        ("6300", "Travel", &[Department, Location]),
        ("6400", "Project consulting", &[Department, Location, Project]),
        ("6450", "Marketing", &[Department, Location, Class]),
        ("6500", "Maintenance", &[Location]),
        ("6600", "Utilities", &[Location]),
        ("6700", "Office supplies", &[Location]),
        ("6800", "Catering", &[Department]),
        ("6900", "Grants, restricted", &[Location]),
        ("6910", "Old lab supplies", &[Location]),
        ("6950", "Legal", &[Location]),
    ];
    for (position, (number, title, requires)) in accounts.into_iter().enumerate() {
        let account = Account {
            record_no: 301 + position as u64,
            number: number.to_owned(),
            title: title.to_owned(),
            active: number != "6910",
            balance_sheet: number < "5000",
            requires: requires.iter().copied().collect(),
            bank: number == "1010",
            restricted_by: (number == "6900").then(|| "the dimension rule 'Grants only with approval'".to_owned()),
        };
        masters.accounts.insert(number.to_owned(), account);
    }
    for (position, (id, name)) in [
        ("100", "Administration"),
        ("210", "Chemistry"),
        ("220", "Physics"),
        ("310", "Information technology"),
        ("340", "Biology"),
        ("410", "Facilities"),
        ("900", "Closed laboratory"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut department = dimension(101 + position as u64, id, name, "");
        department.active = id != "900";
        masters.departments.insert(id.to_owned(), department);
    }
    for (position, (id, name, parent, currency)) in [
        ("100", "Headquarters", "", "USD"),
        ("110", "Boston laboratory", "100", "USD"),
        ("120", "Austin office", "100", "USD"),
        ("200", "Oslo", "", "NOK"),
        ("210", "Oslo laboratory", "200", "NOK"),
        ("300", "Berlin", "", "EUR"),
        ("310", "Berlin laboratory", "300", "EUR"),
        ("400", "Vienna", "", "EUR"),
        ("320", "Vienna workshop", "400", "EUR"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut location = dimension(201 + position as u64, id, name, parent);
        location.entity = parent.is_empty();
        location.currency = currency.to_owned();
        masters.locations.insert(id.to_owned(), location);
    }
    for (position, (id, name)) in [("GRANT", "Grant funded"), ("CORE", "Core funded")].into_iter().enumerate() {
        masters.classes.insert(id.to_owned(), dimension(401 + position as u64, id, name, ""));
    }
    for (position, (id, name)) in
        [("PX-1", "Cold chain"), ("PX-7", "Lab refit"), ("PX-9", "Fjord survey"), ("PX-0", "Finished survey")]
            .into_iter()
            .enumerate()
    {
        let mut project = dimension(501 + position as u64, id, name, "");
        project.active = id != "PX-0";
        masters.projects.insert(id.to_owned(), project);
    }
    for (position, days) in [10_u32, 14, 30, 45, 60].into_iter().enumerate() {
        let name = format!("Net {days}");
        let term = Term {
            record_no: 601 + position as u64,
            name: name.clone(),
            description: format!("{days} days net"),
            days,
            active: true,
        };
        masters.terms.insert(name, term);
    }
    masters.closed.push(ClosedPeriod { entity: "400".to_owned(), from: date(2025, 9, 1), to: date(2025, 9, 30) });
    masters
}

/// Suppliers that need the table, with their vendors.
pub fn renamed() -> Vec<(String, String)> {
    suppliers().into_iter().filter(|one| one.number != one.vendor).map(|one| (one.number, one.vendor)).collect()
}
