//! What the mapping promises, sentence by sentence.

mod explanation;
mod faults;
mod holds;
mod properties;
mod rules;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::model::*;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mapping/mapping.toml")
}

/// The contract's own example.
fn example() -> Rules {
    Rules::load(&fixture()).unwrap()
}

/// Rules behind a vendor section that is always the same.
fn rules(text: &str) -> Rules {
    let text = format!("version = 1\n[vendor]\nfind = \"{{supplier.number}}\"\n{text}");
    Rules::parse(&text, &fixture()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, Text> {
    pairs.iter().map(|(name, value)| (name.to_string(), Text::new(*value))).collect()
}

fn split(share: SplitShare, value: &str, segments: &[(&str, &str)]) -> Split {
    Split { share, amount: amount(value), segments: texts(segments) }
}

fn line(number: u32, kind: LineKind, value: &str, segments: &[(&str, &str)]) -> Line {
    Line {
        number,
        kind,
        description: Some(Text::new(format!("{} {number}", kind.word()))),
        quantity: None,
        unit: Some("EA".into()),
        unit_price: None,
        amount: amount(value),
        taxable: Some(kind == LineKind::Item),
        po: (kind == LineKind::Item)
            .then(|| PurchaseOrderLine { number: "PO-5541".into(), line: Some(number.to_string().into()) }),
        splits: vec![split(SplitShare::Whole, value, segments)],
        custom: texts(&[("Cost Centre", "CC 7")]),
    }
}

/// Two lines of goods, the second split, and freight: 726.72 together.
fn invoice() -> Invoice {
    let mut second = line(2, LineKind::Item, "200.00", &[]);
    second.splits = vec![
        split(SplitShare::Percent(amount("60")), "120.00", &[("Account", "6100"), ("Department", "210")]),
        split(SplitShare::Percent(amount("40")), "80.00", &[("Account", "6200")]),
    ];
    Invoice {
        id: "10023".to_owned(),
        kind: InvoiceKind::Invoice,
        number: Some("HL-20417".into()),
        buyer_number: Some("JI-10023".into()),
        invoice_date: Some(date("2026-12-03")),
        due_date: Some(date("2027-01-02")),
        posting_date: None,
        entity: Some("0004".into()),
        supplier: Supplier {
            number: Some("V-HARBOR".into()),
            network_id: Some("1234567890".into()),
            name: Some("Harbor Lab Supply".into()),
        },
        terms: None,
        currency: Some(Currency::USD),
        totals: Totals { total: Some(amount("726.72")), tolerance: amount("0.05") },
        lines: vec![
            line(1, LineKind::Item, "500.00", &[("Account", "6100"), ("Department", "210")]),
            second,
            line(0, LineKind::Freight, "26.72", &[]),
        ],
        custom: texts(&[("Fund", "9000")]),
    }
}

fn record(kind: ReferenceKind, id: &str) -> ReferenceRecord {
    ReferenceRecord {
        kind,
        id: id.to_owned(),
        name: Text::new(format!("{} {id}", kind.word())),
        active: true,
        required: Required::default(),
        due_days: None,
        parent: None,
        currency: None,
        starts: None,
        ends: None,
    }
}

fn records() -> Vec<ReferenceRecord> {
    use ReferenceKind::*;
    let mut list: Vec<_> = [
        (Account, "5200"),
        (Account, "6100"),
        (Account, "6200"),
        (AccountLabel, "Supplies"),
        (Department, "210"),
        (Location, "100"),
        (Location, "200"),
        (Class, "C1"),
        (Project, "P1"),
        (Project, "P2"),
        (Item, "I1"),
        (Customer, "CU1"),
        (Employee, "E1"),
        (Vendor, "V-HARBOR"),
    ]
    .map(|(kind, id)| record(kind, id))
    .into();
    list.push(ReferenceRecord { active: false, ..record(Vendor, "V-OLD") });
    list.push(ReferenceRecord { active: false, ..record(Department, "OLD") });
    list.push(ReferenceRecord { due_days: Some(30), ..record(Term, "Net 30") });
    list.push(record(Term, "On receipt"));
    list.push(ReferenceRecord { parent: Some("P1".to_owned()), ..record(Task, "10") });
    list
}

/// Reference data with some records changed.
fn reference_with(change: impl Fn(&mut ReferenceRecord)) -> ReferenceTable {
    let mut table = ReferenceTable::new();
    for kind in ReferenceKind::ALL {
        table.load(
            kind,
            records().into_iter().filter(|record| record.kind == kind).map(|mut record| {
                change(&mut record);
                record
            }),
        );
    }
    table
}

fn reference() -> ReferenceTable {
    reference_with(|_| {})
}

fn options() -> MapOptions {
    MapOptions { explain: true, ..MapOptions::default() }
}

fn map(rules: &Rules, invoice: &Invoice) -> Mapped {
    rules.map(invoice, &(), &reference(), &options())
}

/// The bill of a document that has one.
fn bill(rules: &Rules, invoice: &Invoice) -> Bill {
    let mapped = map(rules, invoice);
    mapped.bill.unwrap_or_else(|| panic!("{:#?}", mapped.reasons))
}

fn codes(mapped: &Mapped) -> Vec<ReasonCode> {
    mapped.reasons.iter().map(|reason| reason.code).collect()
}

/// The details of all reasons with a code.
fn details(mapped: &Mapped, code: ReasonCode) -> Vec<String> {
    let with = mapped.reasons.iter().filter(|reason| reason.code == code);
    with.map(|reason| reason.detail.raw().to_owned()).collect()
}

#[test]
fn the_example_of_the_documentation_makes_this_bill() {
    let mapped = map(&example(), &invoice());
    assert_eq!(mapped.reasons, []);
    assert_eq!((mapped.cleaned, mapped.needs.len()), (0, 0));
    let bill = mapped.bill.unwrap();
    let coded = |account: &str, value: &str, memo: &str, department: Option<&str>| BillLine {
        account: Some(account.to_owned()),
        account_label: None,
        amount: amount(value),
        memo: Some(memo.to_owned()),
        dimensions: Dimensions {
            location: Some("100".to_owned()),
            department: department.map(str::to_owned),
            ..Dimensions::default()
        },
    };
    let expected = Bill {
        vendor: "V-HARBOR".to_owned(),
        number: "HL-20417".to_owned(),
        date: date("2026-12-03"),
        posting_date: date("2026-12-03"),
        due_date: date("2027-01-02"),
        term: None,
        currency: Currency::USD,
        base_currency: None,
        reference: Some("PO-5541".to_owned()),
        description: "Harbor Lab Supply JAGGAER JI-10023".to_owned(),
        action: BillAction::Submit,
        lines: vec![
            coded("6100", "500.00", "item 1", Some("210")),
            coded("6100", "120.00", "item 2", Some("210")),
            coded("6200", "80.00", "item 2", None),
            coded("5200", "26.72", "freight 0", None),
        ],
    };
    assert_eq!(bill, expected);
    assert_eq!(bill.total(), amount("726.72"));
}

#[test]
fn the_supplier_table_is_asked_when_the_number_itself_is_no_vendor() {
    let mut invoice = invoice();
    invoice.supplier.number = Some("S-2041".into());
    assert_eq!(bill(&example(), &invoice).vendor, "V-HARBOR");
}

#[test]
fn the_version_changes_with_any_byte_of_any_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mapping.toml", "plants.csv", "suppliers.csv"] {
        std::fs::copy(fixture().with_file_name(name), folder.path().join(name)).unwrap();
    }
    let path = folder.path().join("mapping.toml");
    let first = Rules::load(&path).unwrap();
    assert_eq!(first.version(), example().version(), "the place of the files does not count");
    assert_eq!(first.version().len(), 12);
    assert_eq!(first.files().len(), 3);
    std::fs::write(folder.path().join("plants.csv"), "code,location\n0004,200\n").unwrap();
    assert_ne!(Rules::load(&path).unwrap().version(), first.version());
}

#[test]
fn rules_say_which_reference_data_they_need() {
    use ReferenceKind::*;
    assert_eq!(example().kinds(), [Account, Department, Location, Term, Vendor]);
}
