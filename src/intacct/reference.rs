//! Reference data: which object each kind is, what to ask for, and what a row says.
//!
//! Sources: the object pages under developer.intacct.com/api/. Field names of CUSTOMER, EMPLOYEE and TASK are assumed. Nothing is
//! filtered on STATUS: for some objects that filter is known not to work, and inactive records explain more than missing ones.

use crate::model::{ReferenceKind, ReferenceRecord, Required, Text};

use super::answer::Row;
use super::field;
use super::ledger::RowFault;
use super::query::Query;

/// How a kind is read.
struct Shape {
    object: &'static str,
    id: &'static str,
    name: &'static str,
    status: Option<&'static str>,
    parent: Option<&'static str>,
    currency: Option<&'static str>,
    starts: Option<&'static str>,
    ends: Option<&'static str>,
    more: &'static [&'static str],
}

const PLAIN: Shape = Shape {
    object: "",
    id: "",
    name: "NAME",
    status: Some("STATUS"),
    parent: None,
    currency: None,
    starts: None,
    ends: None,
    more: &[],
};

const REQUIRED: [&str; 9] = [
    "REQUIREDEPT",
    "REQUIRELOC",
    "REQUIRECLASS",
    "REQUIREPROJECT",
    "REQUIRETASK",
    "REQUIREITEM",
    "REQUIRECUSTOMER",
    "REQUIREEMPLOYEE",
    "REQUIREVENDOR",
];

fn shape(kind: ReferenceKind) -> Shape {
    match kind {
        ReferenceKind::Account => {
            Shape { object: "GLACCOUNT", id: "ACCOUNTNO", name: "TITLE", more: &REQUIRED, ..PLAIN }
        }
        ReferenceKind::AccountLabel => Shape {
            object: "APACCOUNTLABEL",
            id: "ACCOUNTLABEL",
            name: "DESCRIPTION",
            parent: Some("GLACCOUNTNO"),
            ..PLAIN
        },
        ReferenceKind::Department => {
            Shape { object: "DEPARTMENT", id: "DEPARTMENTID", name: "TITLE", parent: Some("PARENTID"), ..PLAIN }
        }
        ReferenceKind::Location => Shape {
            object: "LOCATION",
            id: "LOCATIONID",
            parent: Some("PARENTID"),
            currency: Some("CURRENCY"),
            starts: Some("STARTDATE"),
            ends: Some("ENDDATE"),
            ..PLAIN
        },
        ReferenceKind::Class => Shape { object: "CLASS", id: "CLASSID", parent: Some("PARENTID"), ..PLAIN },
        ReferenceKind::Project => Shape {
            object: "PROJECT",
            id: "PROJECTID",
            parent: Some("PARENTID"),
            currency: Some("CURRENCY"),
            starts: Some("BEGINDATE"),
            ends: Some("ENDDATE"),
            ..PLAIN
        },
        ReferenceKind::Term => {
            Shape { object: "APTERM", id: "NAME", name: "DESCRIPTION", more: &["DUEDATE", "DUEFROM"], ..PLAIN }
        }
        ReferenceKind::Vendor => {
            Shape { object: "VENDOR", id: "VENDORID", parent: Some("TERMNAME"), currency: Some("CURRENCY"), ..PLAIN }
        }
        ReferenceKind::Item => Shape { object: "ITEM", id: "ITEMID", ..PLAIN },
        ReferenceKind::Customer => Shape { object: "CUSTOMER", id: "CUSTOMERID", parent: Some("PARENTID"), ..PLAIN },
        // The name of an employee is personal and not needed to check an id.
        ReferenceKind::Employee => Shape { object: "EMPLOYEE", id: "EMPLOYEEID", name: "EMPLOYEEID", ..PLAIN },
        ReferenceKind::Task => Shape { object: "TASK", id: "TASKID", status: None, parent: Some("PROJECTID"), ..PLAIN },
    }
}

/// The object of a kind: `GLACCOUNT`.
pub fn object(kind: ReferenceKind) -> &'static str {
    shape(kind).object
}

/// All records of a kind, active or not, ordered for paging by record number.
pub fn query(kind: ReferenceKind) -> Query {
    let shape = shape(kind);
    let mut fields = vec!["RECORDNO", shape.id];
    let optional = [Some(shape.name), shape.status, shape.parent, shape.currency, shape.starts, shape.ends];
    for field in optional.into_iter().flatten().chain(shape.more.iter().copied()) {
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    Query::new(shape.object, &fields)
}

/// What a row of [`query`] says. A record whose status cannot be read counts as inactive.
pub fn record(kind: ReferenceKind, row: &Row) -> Result<ReferenceRecord, RowFault> {
    let shape = shape(kind);
    let Some(id) = row.filled(shape.id) else {
        let value = Text::new(row.get("RECORDNO").unwrap_or_default());
        return Err(RowFault { object: shape.object, field: shape.id, value });
    };
    let value = |field: Option<&str>| field.and_then(|field| row.filled(field)).map(str::to_owned);
    let date = |field: Option<&str>| field.and_then(|field| row.filled(field)).and_then(field::date);
    let active = shape.status.is_none_or(|field| {
        row.filled(field).is_some_and(|word| word.eq_ignore_ascii_case("active") || word.eq_ignore_ascii_case("T"))
    });
    let flag = |name: &str| field::flag(row.get(name));
    Ok(ReferenceRecord {
        kind,
        id: id.to_owned(),
        name: Text::new(row.filled(shape.name).unwrap_or_default()),
        active,
        required: if kind == ReferenceKind::Account {
            Required {
                department: flag("REQUIREDEPT"),
                location: flag("REQUIRELOC"),
                class: flag("REQUIRECLASS"),
                project: flag("REQUIREPROJECT"),
                task: flag("REQUIRETASK"),
                item: flag("REQUIREITEM"),
                customer: flag("REQUIRECUSTOMER"),
                employee: flag("REQUIREEMPLOYEE"),
                vendor: flag("REQUIREVENDOR"),
            }
        } else {
            Required::default()
        },
        due_days: if kind == ReferenceKind::Term { due_days(row) } else { None },
        parent: value(shape.parent),
        currency: value(shape.currency),
        starts: date(shape.starts),
        ends: date(shape.ends),
    })
}

/// Days until due, where they count from the invoice date; a term that counts from a month's end is left to Intacct's users,
/// because guessing its date would be worse than holding the invoice. The words of DUEFROM are assumed.
fn due_days(row: &Row) -> Option<u32> {
    let days = row.filled("DUEDATE")?.parse().ok()?;
    let from = row.filled("DUEFROM").unwrap_or_default().to_ascii_lowercase();
    let from_invoice = from.is_empty() || from == "0" || (from.contains("date") && !from.contains("month"));
    from_invoice.then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_asks_for_its_id_and_record_number_once() {
        for kind in ReferenceKind::ALL {
            let text = String::from_utf8(query(kind).body()).unwrap();
            let object = object(kind);
            assert!(
                text.starts_with(&format!("<query><object>{object}</object><select><field>RECORDNO</field><field>")),
                "{text}"
            );
            let select = text.split("</select>").next().unwrap();
            assert_eq!(select.matches(&format!("<field>{}</field>", shape(kind).id)).count(), 1, "{text}");
        }
    }

    #[test]
    fn an_account_tells_what_each_line_must_carry() {
        let row = Row::new([
            ("RECORDNO", "1"),
            ("ACCOUNTNO", "6510"),
            ("TITLE", "Lab supplies"),
            ("STATUS", "active"),
            ("REQUIREDEPT", "true"),
            ("REQUIRELOC", "T"),
            ("REQUIRECLASS", "false"),
        ]);
        let record = record(ReferenceKind::Account, &row).unwrap();
        assert!(record.active && record.required.department && record.required.location);
        assert!(!record.required.class && !record.required.project);
    }

    #[test]
    fn vendors_projects_and_terms_bring_what_belongs_to_them() {
        let vendor = Row::new([
            ("VENDORID", "V1"),
            ("NAME", "Birch"),
            ("STATUS", "inactive"),
            ("TERMNAME", "Net 30"),
            ("CURRENCY", ""),
        ]);
        let vendor = record(ReferenceKind::Vendor, &vendor).unwrap();
        assert_eq!((vendor.active, vendor.parent.as_deref(), vendor.currency), (false, Some("Net 30"), None));
        let project =
            Row::new([("PROJECTID", "P"), ("STATUS", "active"), ("BEGINDATE", "01/05/2026"), ("ENDDATE", "")]);
        let project = record(ReferenceKind::Project, &project).unwrap();
        assert_eq!((project.starts, project.ends), (Some(jiff::civil::date(2026, 1, 5)), None));
        for (from, days) in [("from invoice/bill date", Some(30)), ("", Some(30)), ("of the month of bill date", None)]
        {
            let term = Row::new([("NAME", "Net 30"), ("STATUS", "active"), ("DUEDATE", "30"), ("DUEFROM", from)]);
            assert_eq!(record(ReferenceKind::Term, &term).unwrap().due_days, days, "{from}");
        }
    }

    #[test]
    fn a_record_of_unknown_status_may_not_be_used_and_one_without_an_id_is_a_fault() {
        assert!(!record(ReferenceKind::Department, &Row::new([("DEPARTMENTID", "D")])).unwrap().active);
        assert!(record(ReferenceKind::Department, &Row::new([("RECORDNO", "7"), ("DEPARTMENTID", " ")])).is_err());
    }
}
