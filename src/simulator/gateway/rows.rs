//! The objects that can be queried: their fields, and the value of each.

use std::borrow::Cow;
use std::sync::LazyLock;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;

use super::ledger::{Bill, Ledger, Line};
use super::masters::{Account, Dimension, Required, Term, Vendor};
use super::text;

/// An object of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// VENDOR.
    Vendor,
    /// GLACCOUNT.
    Account,
    /// DEPARTMENT.
    Department,
    /// LOCATION.
    Location,
    /// LOCATIONENTITY.
    Entity,
    /// CLASS.
    Class,
    /// PROJECT.
    Project,
    /// APTERM.
    Term,
    /// APBILL.
    Bill,
    /// APBILLITEM.
    Line,
    /// An object that the company has but does not use: it never has rows.
    Unused,
}

/// What a vendor has beside [`super::vendors::FIELDS`].
const VENDOR: &[&str] = &["RECORDNO", "APACCOUNT", "ACCOUNTLABEL", "TOTALDUE", "WHENMODIFIED", "WHENCREATED"];
static ALL_OF_VENDOR: LazyLock<Vec<&str>> =
    LazyLock::new(|| VENDOR.iter().copied().chain(super::vendors::FIELDS).collect());
const ACCOUNT: &[&str] = &[
    "RECORDNO",
    "ACCOUNTNO",
    "TITLE",
    "ACCOUNTTYPE",
    "NORMALBALANCE",
    "CLOSINGTYPE",
    "STATUS",
    "ALTERNATIVEACCOUNT",
    "REQUIREDEPT",
    "REQUIRELOC",
    "REQUIREPROJECT",
    "REQUIRETASK",
    "REQUIREVENDOR",
    "REQUIREITEM",
    "REQUIRECLASS",
    "REQUIRECUSTOMER",
    "REQUIREEMPLOYEE",
];
const DEPARTMENT: &[&str] = &["RECORDNO", "DEPARTMENTID", "TITLE", "PARENTID", "STATUS"];
const LOCATION: &[&str] = &["RECORDNO", "LOCATIONID", "NAME", "PARENTID", "STATUS", "CURRENCY", "STARTDATE", "ENDDATE"];
const ENTITY: &[&str] = &["RECORDNO", "LOCATIONID", "NAME", "STATUS", "FEDERALID", "STARTDATE", "ENDDATE", "CURRENCY"];
const CLASS: &[&str] = &["RECORDNO", "CLASSID", "NAME", "PARENTID", "STATUS"];
const PROJECT: &[&str] = &[
    "RECORDNO",
    "PROJECTID",
    "NAME",
    "STATUS",
    "PROJECTSTATUS",
    "CUSTOMERID",
    "DEPARTMENTID",
    "LOCATIONID",
    "PARENTID",
    "BEGINDATE",
    "ENDDATE",
    "CURRENCY",
    "MEGAENTITYID",
];
const TERM: &[&str] = &["RECORDNO", "NAME", "DESCRIPTION", "DUEDATE", "DUEFROM", "STATUS"];
const BILL: &[&str] = &[
    "RECORDNO",
    "RECORDID",
    "VENDORID",
    "VENDORNAME",
    "DOCNUMBER",
    "STATE",
    "RAWSTATE",
    "WHENCREATED",
    "WHENPOSTED",
    "WHENDUE",
    "WHENPAID",
    "TOTALENTERED",
    "TOTALPAID",
    "TOTALDUE",
    "TRX_TOTALENTERED",
    "TRX_TOTALDUE",
    "TRX_TOTALPAID",
    "CURRENCY",
    "BASECURR",
    "TERMNAME",
    "SUPDOCID",
    "DESCRIPTION",
    "MODULEKEY",
    "PRBATCH",
    "ONHOLD",
    "WHENMODIFIED",
    "MEGAENTITYID",
    "RECORD_URL",
];
const LINE: &[&str] = &[
    "RECORDNO",
    "RECORDKEY",
    "LINE_NO",
    "ACCOUNTNO",
    "TRX_AMOUNT",
    "AMOUNT",
    "ENTRYDESCRIPTION",
    "LOCATIONID",
    "DEPARTMENTID",
    "PROJECTID",
    "CLASSID",
    "TASKID",
    "ITEMID",
    "CUSTOMERID",
    "EMPLOYEEID",
    "VENDORID",
    "CURRENCY",
    "STATE",
    "WHENMODIFIED",
];

impl Object {
    /// The object of this name.
    pub fn named(name: &str) -> Option<Object> {
        Some(match name {
            "VENDOR" => Object::Vendor,
            "GLACCOUNT" => Object::Account,
            "DEPARTMENT" => Object::Department,
            "LOCATION" => Object::Location,
            "LOCATIONENTITY" => Object::Entity,
            "CLASS" => Object::Class,
            "PROJECT" => Object::Project,
            "APTERM" => Object::Term,
            "APBILL" => Object::Bill,
            "APBILLITEM" => Object::Line,
            "APACCOUNTLABEL" | "TASK" | "ITEM" | "CUSTOMER" | "EMPLOYEE" | "VENDTYPE" | "EXCHANGERATETYPES" => {
                Object::Unused
            }
            _ => return None,
        })
    }

    /// Its fields; nothing for an unused object, of which any field may be asked.
    pub fn fields(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Object::Vendor => ALL_OF_VENDOR.as_slice(),
            Object::Account => ACCOUNT,
            Object::Department => DEPARTMENT,
            Object::Location => LOCATION,
            Object::Entity => ENTITY,
            Object::Class => CLASS,
            Object::Project => PROJECT,
            Object::Term => TERM,
            Object::Bill => BILL,
            Object::Line => LINE,
            Object::Unused => return None,
        })
    }
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// Text.
    Text(Cow<'a, str>),
    /// A number.
    Number(Decimal),
    /// A calendar date.
    Date(Date),
    /// An instant.
    Instant(Timestamp),
}

impl Value<'_> {
    /// As it stands in an answer.
    pub fn show(&self) -> Cow<'_, str> {
        match self {
            Value::Null => Cow::Borrowed(""),
            Value::Text(text) => Cow::Borrowed(text),
            Value::Number(number) => Cow::Owned(text::amount(*number)),
            Value::Date(date) => Cow::Owned(text::date(*date)),
            Value::Instant(at) => Cow::Owned(text::instant(*at)),
        }
    }
}

/// One record of an object.
#[derive(Clone, Copy, Debug)]
pub enum Row<'a> {
    /// VENDOR, with when the lists were set up, and the books in which it is owed something.
    Vendor(&'a Vendor, Timestamp, &'a Ledger),
    /// GLACCOUNT.
    Account(&'a Account),
    /// DEPARTMENT, LOCATION, LOCATIONENTITY, CLASS, PROJECT.
    Dimension(&'a Dimension),
    /// APTERM.
    Term(&'a Term),
    /// APBILL, with the vendor's name.
    Bill(&'a Bill, &'a str),
    /// APBILLITEM, with its number from 1.
    Line(&'a Bill, &'a Line, usize),
}

fn words(text: &str) -> Value<'_> {
    if text.is_empty() { Value::Null } else { Value::Text(Cow::Borrowed(text)) }
}

fn status<'a>(active: bool) -> Value<'a> {
    Value::Text(Cow::Borrowed(if active { "active" } else { "inactive" }))
}

fn truth<'a>(value: bool) -> Value<'a> {
    Value::Text(Cow::Borrowed(if value { "true" } else { "false" }))
}

impl<'a> Row<'a> {
    /// RECORDNO.
    pub fn record_no(&self) -> u64 {
        match self {
            Row::Vendor(vendor, ..) => vendor.record_no,
            Row::Account(account) => account.record_no,
            Row::Dimension(dimension) => dimension.record_no,
            Row::Term(term) => term.record_no,
            Row::Bill(bill, _) => bill.record_no,
            Row::Line(_, line, _) => line.record_no,
        }
    }

    /// The value of a field; nothing for a field that holds nothing here.
    pub fn get(&self, field: &str) -> Value<'a> {
        if field == "RECORDNO" {
            return Value::Number(Decimal::from(self.record_no()));
        }
        match *self {
            Row::Vendor(vendor, set_up, ledger) => match field {
                "WHENMODIFIED" => Value::Instant(vendor.modified_at.unwrap_or(set_up)),
                "WHENCREATED" => Value::Instant(set_up),
                "TOTALDUE" => Value::Number(vendor.due(ledger)),
                other => words(vendor.text(other)),
            },
            Row::Account(account) => match field {
                "ACCOUNTNO" => words(&account.number),
                "TITLE" => words(&account.title),
                "ACCOUNTTYPE" => words(if account.balance_sheet { "balancesheet" } else { "incomestatement" }),
                "NORMALBALANCE" => words("debit"),
                "CLOSINGTYPE" => words(if account.balance_sheet { "non-closing account" } else { "closing account" }),
                "STATUS" => status(account.active),
                _ => Required::ALL
                    .iter()
                    .find(|(_, flag, _, _)| *flag == field)
                    .map_or(Value::Null, |(required, ..)| truth(account.requires.contains(required))),
            },
            Row::Dimension(dimension) => match field {
                "DEPARTMENTID" | "LOCATIONID" | "CLASSID" | "PROJECTID" => words(&dimension.id),
                "NAME" | "TITLE" => words(&dimension.name),
                "STATUS" => status(dimension.active),
                "PARENTID" => words(&dimension.parent),
                "CURRENCY" => words(&dimension.currency),
                "PROJECTSTATUS" => words("In Progress"),
                _ => Value::Null,
            },
            Row::Term(term) => match field {
                "NAME" => words(&term.name),
                "DESCRIPTION" => words(&term.description),
                "DUEDATE" => Value::Number(Decimal::from(term.days)),
                "DUEFROM" => words("from invoice/bill date"),
                "STATUS" => status(term.active),
                _ => Value::Null,
            },
            Row::Bill(bill, vendor_name) => bill_value(bill, vendor_name, field),
            Row::Line(bill, line, number) => match field {
                "RECORDKEY" => Value::Number(Decimal::from(bill.record_no)),
                "LINE_NO" => Value::Number(Decimal::from(number)),
                "ACCOUNTNO" => words(&line.account),
                "TRX_AMOUNT" | "AMOUNT" => Value::Number(line.amount),
                "ENTRYDESCRIPTION" => words(&line.memo),
                "LOCATIONID" => words(&line.location),
                "DEPARTMENTID" => words(&line.department),
                "PROJECTID" => words(&line.project),
                "CLASSID" => words(&line.class),
                "CURRENCY" => words(&bill.currency),
                "STATE" => words(bill.state.label().0),
                "WHENMODIFIED" => Value::Instant(bill.modified_at),
                other => line.other.get(other).map_or(Value::Null, |value| words(value)),
            },
        }
    }
}

fn bill_value<'a>(bill: &'a Bill, vendor_name: &'a str, field: &str) -> Value<'a> {
    match field {
        "RECORDID" => words(&bill.record_id),
        "VENDORID" => words(&bill.vendor_id),
        "VENDORNAME" => words(vendor_name),
        "DOCNUMBER" => words(&bill.doc_number),
        "STATE" => words(bill.state.label().0),
        "RAWSTATE" => words(bill.state.label().1),
        "WHENCREATED" => Value::Date(bill.invoice_date),
        "WHENPOSTED" => Value::Date(bill.gl_date),
        "WHENDUE" => Value::Date(bill.due_date),
        "TOTALENTERED" | "TOTALDUE" | "TRX_TOTALENTERED" | "TRX_TOTALDUE" => Value::Number(bill.total),
        "TOTALPAID" | "TRX_TOTALPAID" => Value::Number(Decimal::ZERO),
        "CURRENCY" => words(&bill.currency),
        "BASECURR" => words(&bill.base_currency),
        "TERMNAME" => words(&bill.term),
        "DESCRIPTION" => words(&bill.description),
        "MODULEKEY" => words("3.AP"),
        "ONHOLD" => truth(false),
        "WHENMODIFIED" => Value::Instant(bill.modified_at),
        "MEGAENTITYID" => words(&bill.entity),
        "RECORD_URL" => Value::Text(Cow::Owned(super::record_url(bill.record_no))),
        other => bill.custom.get(other).map_or(Value::Null, |value| words(value)),
    }
}
