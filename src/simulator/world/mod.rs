//! The seeded data: a company's lists, invoices, what goes wrong, and what must come out. What must come out is decided by
//! each scenario here, before anything is read by the product or taken by the gateway.

mod bulk;
mod demo;
mod expected;
mod files;
mod invoice;
mod masters;
mod meeting;
mod partners;
mod play;
mod stories;
#[cfg(test)]
mod tests;

use jiff::{Timestamp, civil::Date};
use serde_json::Value;

use super::faults::Fault;
use super::gateway::{Gateway, GatewayOptions, HandBill, Masters};
use super::procurement::{Procurement, ProcurementOptions, Trouble};

pub use self::expected::{Expected, ExpectedBill, ExpectedInvoice, StateTotals, mark_stem};
pub use self::files::Addresses;
pub use self::invoice::{Invoice, ItemLine, Segments, Splits, Supplier};
pub use self::partners::{Kin, Kinship, Partners};
pub use self::play::{Event, Later, Play, Reaction};

/// Everything that the simulators begin with.
#[derive(Clone, Debug)]
pub struct World {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Name of the JAGGAER instance, part of every document key.
    pub instance: String,
    /// Nothing with an earlier invoice date is posted.
    pub from: Date,
    /// Intacct's lists.
    pub masters: Masters,
    /// Intacct's settings.
    pub gateway: GatewayOptions,
    /// JAGGAER's settings.
    pub procurement: ProcurementOptions,
    /// Detail documents in the order in which they come up.
    pub invoices: Vec<Document>,
    /// Company profiles of JAGGAER, in the shape of its list.
    pub suppliers: Vec<Value>,
    /// The invoice at this position and those after it come up later where that is asked for.
    pub first_later: usize,
    /// Bills that stand in the books from the start.
    pub bills: Vec<HandBill>,
    /// What goes wrong in Intacct.
    pub faults: Vec<Fault>,
    /// What goes wrong in JAGGAER.
    pub troubles: Vec<Trouble>,
    /// What happens in JAGGAER once a bill stands.
    pub reactions: Vec<Reaction>,
    /// What people change in either system while the simulators run, where that is asked for.
    pub later: Vec<Later>,
    /// What must come out.
    pub expected: Expected,
}

/// The detail document of an invoice, as text: a hundred thousand of them shall fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// invoiceId.
    pub id: u64,
    /// JSON.
    pub text: std::sync::Arc<str>,
}

impl Document {
    /// The document, read.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl World {
    /// Names of the demo's JAGGAER instance and of its company in Intacct, before there is a world.
    pub fn names() -> (String, String) {
        (demo::INSTANCE.to_owned(), GatewayOptions::default().company_id)
    }

    fn empty(seed: u64, instance: &str) -> World {
        World {
            seed,
            instance: instance.to_owned(),
            from: jiff::civil::date(2025, 9, 1),
            masters: masters::masters(),
            gateway: GatewayOptions::default(),
            procurement: ProcurementOptions::default(),
            invoices: Vec::new(),
            suppliers: Vec::new(),
            first_later: 0,
            bills: Vec::new(),
            faults: Vec::new(),
            troubles: Vec::new(),
            reactions: Vec::new(),
            later: Vec::new(),
            expected: Expected { instance: instance.to_owned(), ..Expected::default() },
        }
    }

    /// Both systems and what is played on them. With `later` two thirds of the invoices come up over some seconds, else all
    /// are there at once.
    pub fn open(&self, now: Timestamp, later: bool) -> (Gateway, Procurement, Play) {
        let mut gateway = Gateway::new(self.gateway.clone(), self.masters.clone(), self.seed);
        for bill in &self.bills {
            gateway.type_bill_by_hand(long_ago(0), bill.clone());
        }
        for fault in &self.faults {
            gateway.faults_mut().add(fault.clone());
        }
        let mut procurement = Procurement::new(self.procurement.clone(), self.seed);
        for trouble in &self.troubles {
            procurement.add_trouble(trouble.clone());
        }
        for supplier in &self.suppliers {
            procurement.suppliers_mut().put(supplier.clone());
        }
        let play = Play::begin(self, now, later, &mut procurement);
        (gateway, procurement, play)
    }

    /// Names and values of the secrets that a configuration for this world needs.
    pub fn secrets(&self) -> Vec<(&'static str, String)> {
        let user = self.gateway.users.values().next().cloned().unwrap_or_default();
        vec![
            ("jaggaer.client_secret", self.procurement.client_secret.clone()),
            ("intacct.sender_password", self.gateway.sender_password.clone()),
            ("intacct.user_password", user),
        ]
    }
}

/// An instant in November 2025, so many seconds after the 14th began: before anything that happens while the simulators run.
fn long_ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_763_078_400 + seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
