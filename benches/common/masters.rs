//! Two filled supplier masters, of which one vendor in fifty says something else and some say the same in other letters.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use jiff::Timestamp;
use tollgate::model::{
    LinkBasis, MasterField as F, MasterSupplier, MasterValues, MasterVendor, Pair, PairId, PaymentItem, PaymentMark,
    PaymentMarks, RecordNo, Side, Text,
};
use tollgate::vendors::{Comparing, Context, Masters, MatchKey, Policies, evaluate, supplier_keys, vendor_keys};

/// Some afternoon.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_764_072_000).unwrap()
}

/// The rules of a bench: nothing is started.
#[derive(Default)]
pub struct Ground {
    policies: Policies,
    comparing: Comparing,
}

impl Ground {
    pub fn context(&self) -> Context<'_> {
        Context {
            policies: &self.policies,
            comparing: &self.comparing,
            key: MatchKey::Number,
            started: None,
            writes_jaggaer: true,
            now: now(),
        }
    }
}

const NAMES: [&str; 8] = [
    "Harbor Lab Supply",
    "Northwind Paper",
    "Ångström & Söner",
    "株式会社ミライ",
    "Quay Tools",
    "Delta Freight",
    "Ελλάς Optics",
    "Blue Pine Catering",
];
const STREETS: [&str; 6] =
    ["Quay Street", "Market Square", "Hauptstraße", "North Pier Avenue", "Mill Lane", "Rue de la Paix"];
const CITIES: [(&str, &str, &str); 5] =
    [("Portland", "ME", "US"), ("Bremen", "", "DE"), ("Lyon", "", "FR"), ("Austin", "TX", "US"), ("Leeds", "", "GB")];

/// The supplier of this number, and its vendor.
pub fn pair(at: usize) -> (MasterSupplier, MasterVendor) {
    let pick = |list: &[&'static str]| list[at % list.len()];
    let (city, state, country) = CITIES[at % CITIES.len()];
    let number = format!("V-{at:06}");
    let phone = format!("+1 (207) 555-{:04}", at % 10_000);
    let values: MasterValues = [
        (F::Name, format!("{} {at}", pick(&NAMES))),
        (F::Status, "active".to_owned()),
        (F::TaxId, format!("{:02}-{:07}", at % 90 + 10, at * 7 + 1_000_001)),
        (F::Currency, if country == "US" { "USD" } else { "EUR" }.to_owned()),
        (F::Terms, "Net 30".to_owned()),
        (F::Email, format!("ar{at}@supplier{at}.example")),
        (F::Phone, phone),
        (F::Fax, String::new()),
        (F::Website, format!("https://supplier{at}.example/")),
        (F::Address1, format!("{} {}", at % 300 + 1, pick(&STREETS))),
        (F::Address2, String::new()),
        (F::City, city.to_owned()),
        (F::State, state.to_owned()),
        (F::Zip, format!("{:05}", at % 90_000 + 10_000)),
        (F::Country, country.to_owned()),
    ]
    .into_iter()
    .map(|(field, value)| (field, Text::new(value)))
    .collect();
    let mut theirs = values.clone();
    theirs.set(F::Form1099, Some(Text::new("MISC")));
    theirs.set(F::OnHold, Some(Text::new("false")));
    theirs.set(F::Website, Some(Text::new(format!("supplier{at}.example"))));
    if at.is_multiple_of(3) {
        theirs.set(F::Phone, Some(Text::new(format!("+1 207 555 {:04}", at % 10_000))));
    }
    if at % 50 == 1 {
        theirs.set(F::City, Some(Text::new("Elsewhere")));
    }
    let mut payment = PaymentMarks::default();
    let mark = PaymentMark { masked: Text::new("••••4821"), digest: [(at % 251) as u8; 16] };
    payment.set(PaymentItem::Account, Some(mark.clone()));
    payment.set(PaymentItem::Method, Some(mark));
    let supplier = MasterSupplier {
        id: Text::new(format!("{}", 70_000 + at)),
        number: Text::new(number.as_str()),
        values,
        merged_into: None,
        modified: Some(now()),
        token: None,
        payment: PaymentMarks::default(),
    };
    let vendor = MasterVendor {
        id: Text::new(number),
        record: RecordNo(format!("{}", 1_000 + at)),
        values: theirs,
        modified: Some(now()),
        due: None,
        paid_at_address: false,
        payment,
    };
    (supplier, vendor)
}

/// A pair that nobody has evaluated.
pub fn fresh(id: u64, supplier: MasterSupplier) -> Pair {
    Pair::new(PairId(id), supplier, now())
}

/// Both masters in memory, with the indexes that a store has.
#[derive(Default)]
pub struct Memory {
    pub pairs: BTreeMap<PairId, Pair>,
    vendors: HashMap<String, MasterVendor>,
    suppliers: HashMap<String, PairId>,
    linked: HashMap<String, Vec<PairId>>,
    keys: HashMap<(String, Side), Vec<String>>,
}

impl Memory {
    /// So many pairs, linked and compared once.
    pub fn filled(count: usize) -> Memory {
        let mut memory = Memory::default();
        for at in 0..count {
            let (supplier, vendor) = pair(at);
            let id = PairId(at as u64 + 1);
            for key in supplier_keys(&supplier) {
                memory.keys.entry((key, Side::Jaggaer)).or_default().push(supplier.id.raw().to_owned());
            }
            for key in vendor_keys(&vendor) {
                memory.keys.entry((key, Side::Intacct)).or_default().push(vendor.id.raw().to_owned());
            }
            memory.suppliers.insert(supplier.id.raw().to_owned(), id);
            memory.linked.insert(vendor.id.raw().to_owned(), vec![id]);
            memory.pairs.insert(id, fresh(id.0, supplier));
            memory.vendors.insert(vendor.id.raw().to_owned(), vendor);
        }
        let ground = Ground::default();
        for id in memory.pairs.keys().copied().collect::<Vec<_>>() {
            let Ok(evaluated) = evaluate(memory.pairs[&id].clone(), &memory, &ground.context());
            assert_eq!(evaluated.pair.basis, Some(LinkBasis::SameKey));
            memory.pairs.insert(id, evaluated.pair);
        }
        memory
    }
}

impl Masters for Memory {
    type Error = Infallible;

    fn pair(&self, id: PairId) -> Result<Option<Pair>, Infallible> {
        Ok(self.pairs.get(&id).cloned())
    }

    fn pair_of_supplier(&self, supplier: &str) -> Result<Option<PairId>, Infallible> {
        Ok(self.suppliers.get(supplier).copied())
    }

    fn pairs_of_vendor(&self, vendor: &str, limit: usize) -> Result<Vec<PairId>, Infallible> {
        Ok(self.linked.get(vendor).into_iter().flatten().copied().take(limit).collect())
    }

    fn vendor(&self, id: &str) -> Result<Option<MasterVendor>, Infallible> {
        Ok(self.vendors.get(id).cloned())
    }

    fn matches(&self, key: &str, of: Side, limit: usize) -> Result<Vec<String>, Infallible> {
        let found = self.keys.get(&(key.to_owned(), of)).map(Vec::as_slice).unwrap_or_default();
        Ok(found.iter().take(limit).cloned().collect())
    }
}
