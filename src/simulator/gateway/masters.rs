//! The company's lists: vendors, accounts with what they require, dimensions, terms, closed periods.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// All lists, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Masters {
    /// By VENDORID.
    pub vendors: BTreeMap<String, Vendor>,
    /// By ACCOUNTNO.
    pub accounts: BTreeMap<String, Account>,
    /// By DEPARTMENTID.
    pub departments: BTreeMap<String, Dimension>,
    /// By LOCATIONID, entities included.
    pub locations: BTreeMap<String, Dimension>,
    /// By CLASSID.
    pub classes: BTreeMap<String, Dimension>,
    /// By PROJECTID.
    pub projects: BTreeMap<String, Dimension>,
    /// By NAME.
    pub terms: BTreeMap<String, Term>,
    /// No bill may have its GL date in one of these.
    pub closed: Vec<ClosedPeriod>,
}

/// A vendor. Fields that are not given are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vendor {
    /// RECORDNO.
    pub record_no: u64,
    /// VENDORID.
    pub id: String,
    /// NAME.
    pub name: String,
    /// STATUS.
    pub active: bool,
    /// TERMNAME.
    pub term: String,
    /// CURRENCY.
    pub currency: String,
    /// MEGAENTITYID; empty at the top level.
    pub entity: String,
    /// TAXID.
    pub tax_id: String,
    /// FORM1099TYPE.
    pub form_1099: String,
    /// ONHOLD.
    pub on_hold: bool,
    /// DISPLAYCONTACT.
    pub contact: Contact,
    /// PAYTO, where it is another contact.
    pub pay_to: Option<Contact>,
    /// PAYMETHODKEY.
    pub pay_method: String,
    /// ACHBANKROUTINGNUMBER.
    pub bank_routing: String,
    /// ACHACCOUNTNUMBER.
    pub bank_account: String,
    /// WHENMODIFIED; without one it was not changed since the lists were set up.
    pub modified_at: Option<Timestamp>,
}

/// A contact of a vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contact {
    /// CONTACTNAME.
    pub name: String,
    /// PRINTAS.
    pub print_as: String,
    /// PHONE1.
    pub phone: String,
    /// FAX.
    pub fax: String,
    /// EMAIL1.
    pub email: String,
    /// URL1.
    pub url: String,
    /// ADDRESS1.
    pub address1: String,
    /// ADDRESS2.
    pub address2: String,
    /// CITY.
    pub city: String,
    /// STATE.
    pub state: String,
    /// ZIP.
    pub zip: String,
    /// COUNTRY, the English name.
    pub country: String,
    /// COUNTRYCODE, two letters.
    pub country_code: String,
}

/// A general ledger account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// RECORDNO.
    pub record_no: u64,
    /// ACCOUNTNO.
    pub number: String,
    /// TITLE.
    pub title: String,
    /// STATUS.
    pub active: bool,
    /// ACCOUNTTYPE `balancesheet` rather than `incomestatement`.
    pub balance_sheet: bool,
    /// The REQUIRE flags that are true.
    pub requires: BTreeSet<Required>,
    /// Associated with a bank account: refused on bills, and no list says so.
    pub bank: bool,
    /// Restricted by a dimension rule that no list shows; the text names it.
    pub restricted_by: Option<String>,
}

/// What an account can require on each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Required {
    /// REQUIREDEPT.
    Department,
    /// REQUIRELOC.
    Location,
    /// REQUIREPROJECT.
    Project,
    /// REQUIRETASK.
    Task,
    /// REQUIREVENDOR.
    Vendor,
    /// REQUIREITEM.
    Item,
    /// REQUIRECLASS.
    Class,
    /// REQUIRECUSTOMER.
    Customer,
    /// REQUIREEMPLOYEE.
    Employee,
}

impl Required {
    /// All of them: flag in the list, element on a bill's line, word in an error.
    pub const ALL: [(Required, &'static str, &'static str, &'static str); 9] = [
        (Required::Department, "REQUIREDEPT", "DEPARTMENTID", "Department"),
        (Required::Location, "REQUIRELOC", "LOCATIONID", "Location"),
        (Required::Project, "REQUIREPROJECT", "PROJECTID", "Project"),
        (Required::Task, "REQUIRETASK", "TASKID", "Task"),
        (Required::Vendor, "REQUIREVENDOR", "VENDORID", "Vendor"),
        (Required::Item, "REQUIREITEM", "ITEMID", "Item"),
        (Required::Class, "REQUIRECLASS", "CLASSID", "Class"),
        (Required::Customer, "REQUIRECUSTOMER", "CUSTOMERID", "Customer"),
        (Required::Employee, "REQUIREEMPLOYEE", "EMPLOYEEID", "Employee"),
    ];
}

/// A department, location, class or project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimension {
    /// RECORDNO.
    pub record_no: u64,
    /// The id.
    pub id: String,
    /// NAME or TITLE.
    pub name: String,
    /// STATUS.
    pub active: bool,
    /// PARENTID; empty without one.
    pub parent: String,
    /// CURRENCY of a location.
    pub currency: String,
    /// A location that is an entity of its own.
    pub entity: bool,
}

/// An AP term.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// RECORDNO.
    pub record_no: u64,
    /// NAME.
    pub name: String,
    /// DESCRIPTION.
    pub description: String,
    /// Days from the invoice date.
    pub days: u32,
    /// STATUS.
    pub active: bool,
}

/// Dates on which nothing can be posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedPeriod {
    /// The entity; empty means the whole company.
    pub entity: String,
    /// First closed day.
    pub from: Date,
    /// Last closed day.
    pub to: Date,
}

impl Masters {
    /// The entity that a location belongs to; empty when it belongs to none.
    pub fn entity_of(&self, location: &str) -> &str {
        let mut at = location;
        for _ in 0..16 {
            match self.locations.get(at) {
                Some(found) if found.entity => return &found.id,
                Some(found) if !found.parent.is_empty() => at = &found.parent,
                _ => return "",
            }
        }
        ""
    }

    /// The closed period that holds this date for this entity.
    pub fn closed_on(&self, entity: &str, date: Date) -> Option<&ClosedPeriod> {
        self.closed.iter().find(|period| {
            (period.entity.is_empty() || period.entity == entity) && period.from <= date && date <= period.to
        })
    }
}
