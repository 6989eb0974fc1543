//! The demo: mostly invoices that must simply be posted, and among them one story for everything that can happen.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use serde_json::Value;

use super::expected::ExpectedInvoice;
use super::invoice::{Invoice, ItemLine, Segments, Splits, Supplier};
use super::masters::{FIRST_INACTIVE, suppliers};
use super::stories::stories;
use super::{Document, World, long_ago};
use crate::simulator::wire::Chance;

/// How many invoices must simply be posted.
const PLAIN: usize = 82;
/// Name of its JAGGAER instance.
pub(super) const INSTANCE: &str = "demo";

impl World {
    /// The demo's world. The same seed gives the same world.
    pub fn demo(seed: u64) -> World {
        let mut maker = Maker::new(World::empty(seed, INSTANCE));
        let stories = stories();
        let (mut told, count) = (0, stories.len());
        for position in 0..PLAIN {
            let invoice = maker.plain();
            maker.posted(invoice, "simply posted");
            while told < (position + 1) * count / PLAIN {
                if let Some(story) = stories.get(told) {
                    story(&mut maker);
                }
                told += 1;
            }
        }
        let mut world = maker.world;
        world.first_later = world.invoices.len() / 3;
        world.expected.add_up();
        super::meeting::meet(&mut world);
        world
    }
}

/// Makes invoices one after another.
pub(super) struct Maker {
    pub world: World,
    pub chance: Chance,
    pub suppliers: Vec<Supplier>,
    next_id: u64,
    serial: u64,
}

/// What must come of an invoice.
pub(super) enum Fate<'a> {
    Posted,
    Held(&'a [&'a str]),
    Failed(&'a str),
    NotApproved,
    BeforeCutover,
}

const GOODS: [(&str, &str, &str, i64); 18] = [
    ("Pipette tips and rack", "BX", "6100", 12_550),
    ("Beakers 250 ml", "EA", "6120", 825),
    ("Ethanol 96 %, 5 l", "CAN", "6110", 4_190),
    ("Nitrile gloves, box of 100", "BX", "6100", 1_149),
    ("Calibration visit", "HUR", "6250", 8_000),
    ("Notebook 14\", 32 GB", "EA", "6200", 139_900),
    ("Licence, annual", "EA", "6210", 24_000),
    ("Laboratoriebriller", "EA", "6100", 18_750),
    ("Kühlmittel, 20 L", "CAN", "6500", 6_320),
    ("顕微鏡用スライドガラス", "BX", "6120", 2_210),
    ("Φίλτρα διήθησης", "PK", "6100", 1_999),
    ("Стеклянные пробирки", "PK", "6120", 1_475),
    ("Copy paper A4", "PK", "6700", 489),
    ("Electricity, October", "EA", "6600", 58_312),
    ("Service contract HVAC", "MON", "6500", 42_000),
    ("Train ticket Oslo–Bergen", "EA", "6300", 74_900),
    ("Lunch for the safety course", "EA", "6800", 1_650),
    ("Contract review", "HUR", "6950", 21_500),
];

const DEPARTMENTS: [&str; 6] = ["100", "210", "220", "310", "340", "410"];

/// Segments of one split.
pub(super) fn segments(account: &str, department: &str) -> Segments {
    Segments { account: account.to_owned(), department: department.to_owned() }
}

/// A line with one split.
pub(super) fn line(description: &str, quantity: i64, cents: i64, account: &str, department: &str) -> ItemLine {
    ItemLine {
        description: description.to_owned(),
        unit: "EA".to_owned(),
        quantity: Decimal::from(quantity),
        price: Decimal::new(cents, 2),
        po: None,
        splits: Splits::Single(segments(account, department)),
    }
}

pub(super) fn days_after(day: Date, days: i64) -> Date {
    day.checked_add(jiff::Span::new().days(days)).unwrap_or(day)
}

impl Maker {
    pub fn new(world: World) -> Maker {
        let chance = Chance::new(world.seed);
        Maker { world, chance, suppliers: suppliers(), next_id: 2_600_401, serial: 1180 }
    }

    fn number_of(&mut self, supplier: &Supplier) -> String {
        self.serial += 1 + self.chance.below(9);
        let serial = self.serial;
        let initials: String = supplier.name.chars().filter(|letter| letter.is_ascii_uppercase()).take(3).collect();
        match self.chance.below(4) {
            0 => format!("{initials}-2{serial:04}"),
            1 => format!("2025/{serial}"),
            2 => format!("RE-2025-{serial:05}"),
            _ => format!("{serial}"),
        }
    }

    /// An invoice without anything remarkable.
    pub fn plain(&mut self) -> Invoice {
        let which = self.chance.below(FIRST_INACTIVE as u64).min(self.chance.below(FIRST_INACTIVE as u64));
        let supplier = self.suppliers.get(which as usize).cloned().unwrap_or_default();
        self.of_supplier(supplier)
    }

    /// An invoice of one line without charges.
    pub fn small(&mut self) -> Invoice {
        let mut invoice = self.plain();
        let cents = 5_000 + self.chance.below(90_000) as i64;
        invoice.lines = vec![line("Laboratory supplies, collective", 1, cents, "6100", "210")];
        self.without_charges(invoice)
    }

    /// Takes all charges away.
    pub fn without_charges(&self, mut invoice: Invoice) -> Invoice {
        invoice.tax = Decimal::ZERO;
        invoice.freight = Decimal::ZERO;
        invoice.handling = Decimal::ZERO;
        invoice.discount = Decimal::ZERO;
        invoice.fees.clear();
        invoice
    }

    /// An invoice of this supplier.
    pub fn of_supplier(&mut self, supplier: Supplier) -> Invoice {
        let id = self.next_id;
        self.next_id += 1 + self.chance.below(3);
        let number = self.number_of(&supplier);
        let (plant, currency) = match self.chance.below(10) {
            0..=3 => ("0001", "USD"),
            4..=5 => ("0002", "USD"),
            6 => ("0005", "USD"),
            7..=8 => ("0003", "NOK"),
            _ => ("0004", "EUR"),
        };
        let invoiced = days_after(date(2025, 10, 1), self.chance.below(40) as i64);
        let term_days = [10_u32, 14, 30, 30, 30, 45, 60].get(self.chance.below(7) as usize).copied().unwrap_or(30);
        let posting =
            if self.chance.per_mille(850) { Some(days_after(invoiced, self.chance.below(4) as i64)) } else { None };
        let count = 1 + self.chance.below(8).min(self.chance.below(8));
        let lines: Vec<ItemLine> = (0..count).map(|_| self.item()).collect();
        let mut invoice = Invoice {
            id,
            number,
            supplier,
            credit: false,
            payment: "Payable".to_owned(),
            workflow: "Completed".to_owned(),
            matching: if self.chance.per_mille(300) { "Matched" } else { "Unmatched" }.to_owned(),
            date: invoiced,
            due: days_after(invoiced, i64::from(term_days)),
            posting,
            business_unit: plant.to_owned(),
            currency: currency.to_owned(),
            term_days,
            lines,
            tax: Decimal::ZERO,
            freight: Decimal::ZERO,
            handling: Decimal::ZERO,
            discount: Decimal::ZERO,
            fees: Vec::new(),
            charges_on_lines: self.chance.per_mille(600),
            project: if self.chance.per_mille(200) { Some("PX-7".to_owned()) } else { None },
            updated: long_ago(self.world.invoices.len() as i64 * 7),
        };
        self.charge(&mut invoice);
        invoice
    }

    fn charge(&mut self, invoice: &mut Invoice) {
        let mut some = |per_mille: u32, most: u64| {
            if self.chance.per_mille(per_mille) {
                Decimal::new(100 + self.chance.below(most) as i64, 2)
            } else {
                Decimal::ZERO
            }
        };
        invoice.freight = some(350, 4_000);
        invoice.handling = some(150, 1_500);
        invoice.discount = some(120, 300);
        let fee = some(120, 900);
        if !fee.is_zero() {
            invoice.fees.push(("Packaging".to_owned(), fee));
        }
        if self.chance.per_mille(500) {
            let goods: Decimal = invoice.lines.iter().map(ItemLine::amount).sum();
            invoice.tax = super::invoice::cents(goods * Decimal::new(6, 2));
        }
    }

    fn item(&mut self) -> ItemLine {
        let (description, unit, account, cents) =
            self.chance.pick(&GOODS).copied().unwrap_or(("Sundries", "EA", "6700", 1_000));
        let price = match self.chance.below(6) {
            // Prices with more digits than cents are common for small things.
            0 => Decimal::new(cents * 100 + self.chance.below(100) as i64, 4),
            _ => Decimal::new(cents, 2),
        };
        let quantity = match self.chance.below(8) {
            0 => Decimal::new(15 + 5 * self.chance.below(7) as i64, 1),
            _ => Decimal::from(1 + self.chance.below(12)),
        };
        let po = self
            .chance
            .per_mille(450)
            .then(|| (format!("P{:07}", 8_800 + self.chance.below(400)), format!("{}", 1 + self.chance.below(9))));
        let mut item = ItemLine {
            description: description.to_owned(),
            unit: unit.to_owned(),
            quantity,
            price,
            po,
            splits: Splits::None,
        };
        item.splits = self.splits(account, item.amount());
        item
    }

    fn splits(&mut self, account: &str, amount: Decimal) -> Splits {
        let mut one = || self.chance.pick(&DEPARTMENTS).copied().unwrap_or("100");
        let (a, b, c) = (one(), one(), one());
        let percent = |parts: &[(i64, u32, &str)]| {
            Splits::Percent(
                parts
                    .iter()
                    .map(|(part, scale, dept)| (Decimal::new(*part, *scale), segments(account, dept)))
                    .collect(),
            )
        };
        match self.chance.below(10) {
            0 => percent(&[(60, 0, a), (40, 0, b)]),
            1 => percent(&[(3333, 2, a), (3333, 2, b), (3334, 2, c)]),
            2 => {
                let part = super::invoice::cents(amount / Decimal::from(3));
                Splits::Amount(vec![(part, segments(account, a)), (amount - part, segments(account, b))])
            }
            3 => Splits::Percent(vec![
                (Decimal::from(75), segments(account, a)),
                (Decimal::from(25), segments("6700", b)),
            ]),
            _ => Splits::Single(segments(account, a)),
        }
    }

    /// Adds an invoice that must be posted.
    pub fn posted(&mut self, invoice: Invoice, story: &str) {
        self.add(invoice, story, Fate::Posted, |_| {});
    }

    /// Adds an invoice with what must come of it, its document changed at the end.
    pub fn add(
        &mut self,
        invoice: Invoice,
        story: &str,
        fate: Fate<'_>,
        change: impl FnOnce(&mut Value),
    ) -> &mut ExpectedInvoice {
        let key = format!("{}/invoice/{}", self.world.instance, invoice.id);
        let (state, reasons, class): (&str, &[&str], Option<&str>) = match fate {
            Fate::Posted => ("posted", &[], None),
            Fate::Held(reasons) => ("held", reasons, None),
            Fate::Failed(class) => ("failed", &[], Some(class)),
            Fate::NotApproved => ("not_approved", &[], None),
            Fate::BeforeCutover => ("before_cutover", &[], None),
        };
        let expected = ExpectedInvoice {
            jaggaer_id: invoice.id,
            supplier: invoice.supplier.number.clone(),
            number: Some(invoice.number.clone()),
            currency: Some(invoice.currency.clone()),
            total: Some(invoice.total()),
            state: state.to_owned(),
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect::<BTreeSet<_>>(),
            class: class.map(str::to_owned),
            story: story.to_owned(),
            changed_after_posting: false,
            adopted: false,
            bill: (state == "posted").then(|| invoice.bill(&key)),
            key,
        };
        let mut detail = invoice.json();
        change(&mut detail);
        let document = Document { id: expected.jaggaer_id, text: detail.to_string().into() };
        self.world.invoices.push(document);
        let invoices = &mut self.world.expected.invoices;
        let position = invoices.len();
        invoices.insert_mut(position, expected)
    }
}

/// Changes the header of a document by a merge patch of one level.
pub(super) fn header(detail: &mut Value, name: &str, value: Value) {
    if let Some(header) = detail.get_mut("header").and_then(Value::as_object_mut) {
        if value.is_null() {
            header.remove(name);
        } else {
            header.insert(name.to_owned(), value);
        }
    }
}
