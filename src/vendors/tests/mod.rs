//! The room as a whole, on masters in memory.

mod linking;
mod living;
mod merging;
mod settling;
mod watching;

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::*;
use crate::model::{
    Course, MasterField, MasterSupplier, MasterValues, MasterVendor, Pair, PairId, PairState, PaymentMarks, ReasonCode,
    RecordNo, Side, Text, Timestamp,
};

/// A supplier with these values.
pub fn supplier(id: &str, number: &str, values: &[(MasterField, &str)]) -> MasterSupplier {
    MasterSupplier {
        id: Text::new(id),
        number: Text::new(number),
        values: of(values),
        merged_into: None,
        modified: None,
        token: None,
        payment: PaymentMarks::default(),
    }
}

pub fn vendor(id: &str, values: &[(MasterField, &str)]) -> MasterVendor {
    MasterVendor {
        id: Text::new(id),
        record: RecordNo(format!("1{}", id.len())),
        values: of(values),
        modified: None,
        due: Some(crate::model::Amount::ZERO),
        paid_at_address: false,
        payment: PaymentMarks::default(),
    }
}

pub fn of(values: &[(MasterField, &str)]) -> MasterValues {
    values.iter().map(|(field, value)| (*field, Text::new(*value))).collect()
}

/// So many seconds after some morning.
pub fn second(at: i64) -> Timestamp {
    Timestamp::from_second(1_764_057_600 + at).unwrap()
}

pub fn day(at: i64) -> Timestamp {
    second(at * 86_400)
}

pub fn pair_of(id: u64, supplier: MasterSupplier) -> Pair {
    Pair::new(PairId(id), supplier, second(0))
}

/// Both masters in memory.
#[derive(Default)]
pub struct Memory {
    pub pairs: BTreeMap<PairId, Pair>,
    pub vendors: BTreeMap<String, MasterVendor>,
}

impl Masters for Memory {
    type Error = Infallible;

    fn pair(&self, id: PairId) -> Result<Option<Pair>, Infallible> {
        Ok(self.pairs.get(&id).cloned())
    }

    fn pair_of_supplier(&self, supplier: &str) -> Result<Option<PairId>, Infallible> {
        Ok(self.pairs.values().find(|pair| pair.supplier.id.raw() == supplier).map(|pair| pair.id))
    }

    fn pairs_of_vendor(&self, vendor: &str, limit: usize) -> Result<Vec<PairId>, Infallible> {
        let has = |pair: &&Pair| {
            let linked = pair.vendor.iter().chain(pair.suggestions.iter().map(|it| &it.vendor));
            linked.into_iter().any(|id| id.raw() == vendor)
        };
        let mut found: Vec<&Pair> = self.pairs.values().filter(has).collect();
        found.sort_by_key(|pair| pair.vendor.as_ref().is_none_or(|id| id.raw() != vendor));
        Ok(found.into_iter().map(|pair| pair.id).take(limit).collect())
    }

    fn vendor(&self, id: &str) -> Result<Option<MasterVendor>, Infallible> {
        Ok(self.vendors.get(id).cloned())
    }

    fn matches(&self, key: &str, of: Side, limit: usize) -> Result<Vec<String>, Infallible> {
        let has = |keys: Vec<String>| keys.iter().any(|it| it == key);
        let mut found: Vec<String> = match of {
            Side::Jaggaer => {
                let pairs = self.pairs.values().filter(|pair| has(supplier_keys(&pair.supplier)));
                pairs.map(|pair| pair.supplier.id.raw().to_owned()).collect()
            }
            Side::Intacct => {
                self.vendors.values().filter(|it| has(vendor_keys(it))).map(|it| it.id.raw().to_owned()).collect()
            }
        };
        found.truncate(limit);
        Ok(found)
    }
}

impl Memory {
    pub fn new(suppliers: Vec<MasterSupplier>, vendors: Vec<MasterVendor>) -> Self {
        let pairs = suppliers.into_iter().zip(1..).map(|(it, id)| (PairId(id), pair_of(id, it))).collect();
        Memory { pairs, vendors: vendors.into_iter().map(|it| (it.id.raw().to_owned(), it)).collect() }
    }

    /// Evaluates every pair until nothing changes any more. Returns what is wanted, by pair.
    pub fn evaluate_all(&mut self, context: &Context<'_>) -> BTreeMap<PairId, Evaluated> {
        for _ in 0..8 {
            let mut wanted = BTreeMap::new();
            let mut rests = true;
            for id in self.pairs.keys().copied().collect::<Vec<_>>() {
                let before = self.pairs[&id].clone();
                let Ok(evaluated) = evaluate(before.clone(), self, context);
                rests &= evaluated.pair == before;
                self.pairs.insert(id, evaluated.pair.clone());
                wanted.insert(id, evaluated);
            }
            if rests {
                return wanted;
            }
        }
        panic!("the pairs do not come to rest: {:#?}", self.pairs);
    }

    pub fn pair(&self, id: u64) -> &Pair {
        &self.pairs[&PairId(id)]
    }

    pub fn states(&self) -> Vec<PairState> {
        self.pairs.values().map(|pair| pair.state).collect()
    }

    pub fn codes(&self, id: u64) -> Vec<ReasonCode> {
        self.pair(id).reasons.iter().map(|reason| reason.code).collect()
    }
}

/// Rules that live long enough.
pub struct Ground {
    pub policies: Policies,
    pub comparing: Comparing,
    pub started: Option<Started>,
    pub writes_jaggaer: bool,
}

impl Ground {
    /// Not started.
    pub fn before_the_start() -> Self {
        Ground { policies: Policies::default(), comparing: Comparing::default(), started: None, writes_jaggaer: true }
    }

    /// Everything started.
    pub fn started() -> Self {
        let started = Some(Started { next: PairId(20), fields: Vec::new(), creates: true });
        Ground { started, ..Ground::before_the_start() }
    }

    pub fn context(&self) -> Context<'_> {
        Context {
            policies: &self.policies,
            comparing: &self.comparing,
            key: MatchKey::Number,
            started: self.started.as_ref(),
            writes_jaggaer: self.writes_jaggaer,
            now: second(100),
        }
    }
}

pub fn courses(pair: &Pair) -> Vec<(MasterField, Course)> {
    pair.differences.iter().map(|it| (it.field, it.course)).collect()
}
