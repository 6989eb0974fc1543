//! What people do in Intacct beside the connector: typing, reversing, deleting, closing.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Gateway;
use super::ledger::{Bill, BillState, Line};
use super::masters::{ClosedPeriod, Vendor};

/// One thing that a person does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Person {
    /// Types a bill.
    Type(HandBill),
    /// Reverses a bill.
    Reverse(u64),
    /// Deletes a bill.
    Delete(u64),
    /// Turns a bill into a draft.
    Draft(u64),
    /// Pays a bill.
    Pay(u64),
    /// Approves a submitted bill.
    Approve(u64),
    /// Declines a submitted bill.
    Decline(u64),
    /// Changes a bill.
    Amend(u64, Amendment),
    /// Closes a period.
    Close(ClosedPeriod),
    /// Opens all periods of an entity that hold the day.
    Open(String, Date),
    /// Makes a vendor active or not.
    Vendor(String, bool),
    /// Types a new vendor.
    TypeVendor(Box<Vendor>),
    /// Changes fields of a vendor, by the names of a query: `DISPLAYCONTACT.PHONE1`, `ACHACCOUNTNUMBER`.
    EditVendor(String, BTreeMap<String, String>),
    /// Gives a vendor another VENDORID.
    RenameVendor(String, String),
    /// Deletes a vendor that has no bills.
    DeleteVendor(String),
    /// Makes an account active or not.
    Account(String, bool),
    /// Makes a department active or not.
    Department(String, bool),
    /// Makes a location active or not.
    Location(String, bool),
    /// Makes a class active or not.
    Class(String, bool),
    /// Makes a project active or not.
    Project(String, bool),
    /// Ends all sessions.
    EndSessions,
}

/// A bill as a person types it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandBill {
    /// VENDORID.
    pub vendor_id: String,
    /// Bill number.
    pub record_id: String,
    /// DESCRIPTION.
    pub description: String,
    /// CURRENCY.
    pub currency: String,
    /// Invoice date and GL date.
    pub invoice_date: Date,
    /// GL date.
    pub gl_date: Date,
    /// Due date.
    pub due_date: Date,
    /// Entity; empty at the top level.
    pub entity: String,
    /// Lines.
    pub lines: Vec<Line>,
}

/// What a person changes on a bill.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Amendment {
    /// Another description.
    pub description: Option<String>,
    /// Another GL date.
    pub gl_date: Option<Date>,
    /// Another amount of the first line, and the total with it; as text.
    pub first_line: Option<Decimal>,
    /// Another bill number.
    pub record_id: Option<String>,
}

fn set_active(flag: Option<&mut bool>, active: bool, id: String) -> Result<u64, String> {
    match flag {
        Some(flag) => {
            *flag = active;
            Ok(0)
        }
        None => Err(id),
    }
}

impl Gateway {
    /// Does what a person does. Gives the record number concerned, 0 where it is none.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub fn person(&mut self, now: Timestamp, does: Person) -> Result<u64, String> {
        match does {
            Person::Type(bill) => Ok(self.type_bill_by_hand(now, bill)),
            Person::Reverse(record_no) => self.state_by_hand(now, record_no, BillState::Reversed),
            Person::Draft(record_no) => self.state_by_hand(now, record_no, BillState::Draft),
            Person::Pay(record_no) => self.state_by_hand(now, record_no, BillState::Paid),
            Person::Approve(record_no) => self.state_by_hand(now, record_no, BillState::Posted),
            Person::Decline(record_no) => self.state_by_hand(now, record_no, BillState::Declined),
            Person::Delete(record_no) => {
                if self.ledger.delete(record_no) {
                    Ok(record_no)
                } else {
                    Err(format!("bill {record_no}"))
                }
            }
            Person::Amend(record_no, amendment) => self.amend(now, record_no, amendment),
            Person::Close(period) => {
                self.masters.closed.push(period);
                Ok(0)
            }
            Person::Open(entity, date) => {
                self.masters.closed.retain(|period| period.entity != entity || date < period.from || period.to < date);
                Ok(0)
            }
            Person::Vendor(id, active) => {
                let word = if active { "active" } else { "inactive" };
                self.edit_vendor(now, &id, &BTreeMap::from([("STATUS".to_owned(), word.to_owned())]))
            }
            Person::TypeVendor(vendor) => self.type_vendor(now, *vendor),
            Person::EditVendor(id, fields) => self.edit_vendor(now, &id, &fields),
            Person::RenameVendor(id, to) => self.rename_vendor(now, &id, &to),
            Person::DeleteVendor(id) => self.delete_vendor(now, &id),
            Person::Account(id, active) => {
                set_active(self.masters.accounts.get_mut(&id).map(|one| &mut one.active), active, id)
            }
            Person::Department(id, active) => {
                set_active(self.masters.departments.get_mut(&id).map(|one| &mut one.active), active, id)
            }
            Person::Location(id, active) => {
                set_active(self.masters.locations.get_mut(&id).map(|one| &mut one.active), active, id)
            }
            Person::Class(id, active) => {
                set_active(self.masters.classes.get_mut(&id).map(|one| &mut one.active), active, id)
            }
            Person::Project(id, active) => {
                set_active(self.masters.projects.get_mut(&id).map(|one| &mut one.active), active, id)
            }
            Person::EndSessions => {
                self.end_all_sessions();
                Ok(0)
            }
        }
        .map_err(|id| format!("there is no {id}"))
    }

    fn state_by_hand(&mut self, now: Timestamp, record_no: u64, state: BillState) -> Result<u64, String> {
        if self.ledger.get(record_no).is_none() {
            return Err(format!("bill {record_no}"));
        }
        self.set_state(now, record_no, state);
        Ok(record_no)
    }

    /// A person types a bill; no rule is checked.
    pub fn type_bill_by_hand(&mut self, now: Timestamp, typed: HandBill) -> u64 {
        let bill = Bill {
            record_no: 0,
            vendor_id: typed.vendor_id,
            record_id: typed.record_id,
            doc_number: String::new(),
            description: typed.description,
            term: String::new(),
            base_currency: self.options.base_currency.clone(),
            currency: typed.currency,
            state: BillState::Posted,
            invoice_date: typed.invoice_date,
            gl_date: typed.gl_date,
            due_date: typed.due_date,
            total: typed.lines.iter().map(|line| line.amount).sum(),
            entity: typed.entity,
            lines: typed.lines,
            custom: std::collections::BTreeMap::new(),
            control_id: None,
            committed_at: now,
            modified_at: now,
        };
        self.book(bill, 0)
    }

    /// A person changes a bill.
    ///
    /// # Errors
    /// There is no such bill.
    pub fn amend(&mut self, now: Timestamp, record_no: u64, amendment: Amendment) -> Result<u64, String> {
        let mut bill = self.ledger.take(record_no).ok_or_else(|| format!("bill {record_no}"))?;
        if let Some(description) = amendment.description {
            bill.description = description;
        }
        if let Some(date) = amendment.gl_date {
            bill.gl_date = date;
        }
        if let Some(number) = amendment.record_id {
            bill.record_id = number;
        }
        if let (Some(amount), Some(line)) = (amendment.first_line, bill.lines.first_mut()) {
            bill.total += amount - line.amount;
            line.amount = amount;
        }
        bill.modified_at = now;
        self.ledger.put(bill);
        Ok(record_no)
    }
}
