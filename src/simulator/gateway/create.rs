//! `create` of an APBILL: every rule that a bill must satisfy, in the order in which it is checked.
//!
//! Fields: developer.intacct.com, "Bills". Texts follow fragments that public integrations match on; where none is
//! public the text is assumed.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;

use super::GatewayOptions;
use super::errors::GatewayError;
use super::ledger::{Bill, BillState, Ledger, Line};
use super::masters::{Masters, Required};
use super::text;
use super::xml::Element;

const HEADER: [&str; 24] = [
    "VENDORID",
    "WHENCREATED",
    "WHENPOSTED",
    "WHENDUE",
    "TERMNAME",
    "RECORDID",
    "DOCNUMBER",
    "DESCRIPTION",
    "BILLTOPAYTOCONTACTNAME",
    "SHIPTORETURNTOCONTACTNAME",
    "RECPAYMENTDATE",
    "PAYMENTPRIORITY",
    "ONHOLD",
    "SUPDOCID",
    "PRBATCH",
    "BASECURR",
    "CURRENCY",
    "EXCH_RATE_DATE",
    "EXCH_RATE_TYPE_ID",
    "EXCHANGE_RATE",
    "INCLUSIVETAX",
    "TAXSOLUTIONID",
    "ACTION",
    "APBILLITEMS",
];

const LINE: [&str; 20] = [
    "ACCOUNTNO",
    "ACCOUNTLABEL",
    "TRX_AMOUNT",
    "ENTRYDESCRIPTION",
    "LOCATIONID",
    "DEPARTMENTID",
    "PROJECTID",
    "TASKID",
    "COSTTYPEID",
    "CUSTOMERID",
    "VENDORID",
    "EMPLOYEEID",
    "ITEMID",
    "CLASSID",
    "CONTRACTID",
    "WAREHOUSEID",
    "ALLOCATION",
    "FORM1099",
    "BILLABLE",
    "OFFSETGLACCOUNTNO",
];

/// What a bill is checked against.
#[derive(Debug)]
pub struct Books<'a> {
    /// Settings.
    pub options: &'a GatewayOptions,
    /// Lists.
    pub masters: &'a Masters,
    /// Bills that stand.
    pub ledger: &'a Ledger,
    /// Entity of the session; empty at the top level.
    pub entity: &'a str,
    /// Now.
    pub now: Timestamp,
}

fn refuse(number: &str, text: impl Into<String>) -> GatewayError {
    GatewayError::new(number, text)
}

fn data(text: impl Into<String>) -> GatewayError {
    refuse("BL01001973", text)
}

/// Whether a value is no longer than the field.
///
/// # Errors
/// It is.
pub fn fit(field: &str, value: &str, limits: &BTreeMap<String, usize>) -> Result<(), GatewayError> {
    match limits.get(field) {
        Some(&limit) if value.chars().count() > limit => Err(refuse(
            "BL03000018",
            format!("The value of {field} is too long: {} characters, allowed are {limit}.", value.chars().count()),
        )
        .correct(format!("Enter at most {limit} characters."))),
        _ => Ok(()),
    }
}

impl Books<'_> {
    /// Checks a bill and gives it as it will stand; record numbers are still 0.
    ///
    /// # Errors
    /// The cause of the refusal.
    pub fn bill(&self, element: &Element<'_>, control_id: &str) -> Result<Bill, GatewayError> {
        let mut custom = BTreeMap::new();
        let mut seen: Vec<&str> = Vec::with_capacity(element.children.len());
        for field in &element.children {
            let name = field.name.as_ref();
            if seen.contains(&name) {
                return Err(refuse("XL03000010", format!("Field {name} stands twice in APBILL.")));
            }
            seen.push(name);
            if self.options.custom_fields.contains(name) {
                custom.insert(name.to_owned(), field.text.trim().to_owned());
            } else if !HEADER.contains(&name) {
                return Err(GatewayError::unknown_field("APBILL", name));
            }
            if name != "APBILLITEMS" {
                if !field.children.is_empty() {
                    return Err(GatewayError::unknown_field("APBILL", &format!("{name}.*")));
                }
                fit(name, &field.text, &self.options.lengths)?;
            }
        }
        let text = |name: &str| element.text_of(name).filter(|text| !text.is_empty());
        let draft = match text("ACTION") {
            None | Some("Submit") => false,
            Some("Draft") => true,
            Some(other) => return Err(refuse("BL03000018", format!("Invalid ACTION '{other}'; use Submit or Draft."))),
        };
        let vendor = self.vendor(text("VENDORID"), draft)?;
        let (invoice_date, gl_date, due_date) = self.dates(&text, draft)?;
        let record_id = self.number(text("RECORDID"), vendor)?;
        let term = text("TERMNAME").unwrap_or_default();
        if !term.is_empty() && !self.masters.terms.get(term).is_some_and(|found| found.active) {
            return Err(data(format!("Invalid Term '{term}' specified.")).correct("Use a valid term."));
        }
        let (base_currency, currency) = self.currencies(&text)?;
        let lines = self.lines(element)?;
        self.open_period(gl_date, &lines)?;
        let total: Decimal = lines.iter().map(|line| line.amount).sum();
        if total <= Decimal::ZERO {
            return Err(data("The total amount of a bill must be greater than zero.").correct("Use an adjustment."));
        }
        let state = match (draft, self.options.approvals) {
            (true, _) => BillState::Draft,
            (false, true) => BillState::Submitted,
            (false, false) => BillState::Posted,
        };
        Ok(Bill {
            record_no: 0,
            vendor_id: vendor.to_owned(),
            record_id: record_id.to_owned(),
            doc_number: text("DOCNUMBER").unwrap_or_default().to_owned(),
            description: text("DESCRIPTION").unwrap_or_default().to_owned(),
            term: term.to_owned(),
            currency,
            base_currency,
            state,
            invoice_date,
            gl_date,
            due_date,
            total,
            entity: self.entity.to_owned(),
            lines,
            custom,
            control_id: Some(control_id.to_owned()),
            committed_at: self.now,
            modified_at: self.now,
        })
    }

    fn vendor<'t>(&self, id: Option<&'t str>, draft: bool) -> Result<&'t str, GatewayError> {
        let Some(id) = id else {
            return if draft {
                Ok("")
            } else {
                Err(refuse("BL03000018", "Missing vendor: VENDORID is required.").correct("Select a vendor."))
            };
        };
        match self.masters.vendors.get(id) {
            Some(vendor) if vendor.active => Ok(id),
            Some(_) => Err(data(format!("The vendor '{id}' is inactive."))
                .correct(format!("Activate the vendor {id}, then try again."))
                .id("AP-0115")),
            None => Err(data(format!("Invalid Vendor '{id}' specified.")).correct("Use a valid vendor.").id("AP-0114")),
        }
    }

    fn dates<'t>(
        &self,
        text: &impl Fn(&str) -> Option<&'t str>,
        draft: bool,
    ) -> Result<(Date, Date, Date), GatewayError> {
        let read = |name: &str| match text(name) {
            None => Ok(None),
            Some(value) => text::read_date(value)
                .map(Some)
                .ok_or_else(|| refuse("BL03000018", format!("Invalid date '{value}' in {name}; use mm/dd/yyyy."))),
        };
        let today = || self.now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let invoice = match read("WHENCREATED")? {
            Some(date) => date,
            None if draft => today(),
            None => return Err(refuse("BL03000018", "Missing date: WHENCREATED is required.")),
        };
        let gl = read("WHENPOSTED")?.unwrap_or(invoice);
        let due = match read("WHENDUE")? {
            Some(date) => date,
            None => match text("TERMNAME").and_then(|name| self.masters.terms.get(name)) {
                Some(term) => invoice.checked_add(jiff::Span::new().days(i64::from(term.days))).unwrap_or(invoice),
                None if draft => invoice,
                None => return Err(refuse("BL03000018", "Missing due date: WHENDUE or TERMNAME is required.")),
            },
        };
        if due < invoice {
            return Err(data(format!(
                "The due date {} is earlier than date of transaction {}.",
                text::date(due),
                text::date(invoice)
            ))
            .correct("Enter a due date on or after the date of the transaction."));
        }
        Ok((invoice, gl, due))
    }

    fn number<'t>(&self, number: Option<&'t str>, vendor: &str) -> Result<&'t str, GatewayError> {
        let number =
            number.ok_or_else(|| refuse("PL01000127", "Document Number is missing: the bill number is required."))?;
        if number.contains(['"', '\'', '&', '<', '>', '#', '?']) {
            return Err(refuse(
                "BL03000018",
                format!("Illegal format for RECORDID : '{number}' has characters that are not allowed."),
            ));
        }
        if self.options.refuse_duplicates {
            let taken = self
                .ledger
                .with_number(number)
                .filter_map(|record_no| self.ledger.get(record_no))
                .any(|bill| bill.vendor_id == vendor && bill.state.stands());
            if taken {
                return Err(refuse("BL03002185", format!("A transaction with the number '{number}' already exists."))
                    .correct("Use another number.")
                    .id("AP-0322"));
            }
        }
        Ok(number)
    }

    fn currencies<'t>(&self, text: &impl Fn(&str) -> Option<&'t str>) -> Result<(String, String), GatewayError> {
        let base = text("BASECURR").unwrap_or(&self.options.base_currency);
        let currency = text("CURRENCY").unwrap_or(base);
        for code in [base, currency] {
            if !self.options.currencies.contains(code) {
                return Err(data(format!("Invalid Currency '{code}' specified.")).correct("Use a valid currency."));
            }
        }
        if text("EXCH_RATE_TYPE_ID").is_some() && text("EXCHANGE_RATE").is_some() {
            return Err(data("Give an exchange rate type or an exchange rate, not both."));
        }
        Ok((base.to_owned(), currency.to_owned()))
    }

    fn lines(&self, bill: &Element<'_>) -> Result<Vec<Line>, GatewayError> {
        let items = bill.child("APBILLITEMS").map(|items| items.children.as_slice()).unwrap_or_default();
        if items.is_empty() {
            return Err(refuse("BL03000018", "A bill needs at least one line in APBILLITEMS."));
        }
        items.iter().map(|item| self.line(item)).collect()
    }

    fn line(&self, item: &Element<'_>) -> Result<Line, GatewayError> {
        if item.name != "APBILLITEM" {
            return Err(GatewayError::unknown_field("APBILLITEMS", &item.name));
        }
        let mut line = Line::default();
        let mut amount = None;
        let mut seen: Vec<&str> = Vec::with_capacity(item.children.len());
        for field in &item.children {
            let (name, value) = (field.name.as_ref(), field.text.trim());
            if seen.contains(&name) {
                return Err(refuse("XL03000010", format!("Field {name} stands twice in APBILLITEM.")));
            }
            seen.push(name);
            if !LINE.contains(&name) && !name.starts_with("GLDIM") && !self.options.custom_fields.contains(name) {
                return Err(GatewayError::unknown_field("APBILLITEM", name));
            }
            fit(name, &field.text, &self.options.lengths)?;
            match name {
                "ACCOUNTNO" => line.account = value.to_owned(),
                "TRX_AMOUNT" => {
                    amount = Some(
                        text::read_amount(value)
                            .ok_or_else(|| refuse("BL03000018", format!("Invalid amount '{value}' in TRX_AMOUNT.")))?,
                    );
                }
                "ENTRYDESCRIPTION" => line.memo = value.to_owned(),
                "LOCATIONID" => line.location = value.to_owned(),
                "DEPARTMENTID" => line.department = value.to_owned(),
                "CLASSID" => line.class = value.to_owned(),
                "PROJECTID" => line.project = value.to_owned(),
                _ if value.is_empty() => {}
                _ => {
                    line.other.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        line.amount =
            amount.ok_or_else(|| refuse("BL03000018", "Missing amount: TRX_AMOUNT is required on each line."))?;
        self.check_account(&line)?;
        self.check_dimensions(&line)?;
        Ok(line)
    }

    fn check_account(&self, line: &Line) -> Result<(), GatewayError> {
        let number = &line.account;
        if number.is_empty() {
            return Err(if line.other.contains_key("ACCOUNTLABEL") {
                data("Account labels are not enabled in this company.")
            } else {
                refuse("BL03000018", "Missing account: ACCOUNTNO is required on each line.")
            });
        }
        let account = match self.masters.accounts.get(number) {
            Some(account) if account.active => account,
            Some(_) => {
                return Err(
                    data(format!("Account {number} is not valid: it is inactive.")).correct("Use an active account.")
                );
            }
            None => {
                return Err(data(format!("Account {number} is not valid."))
                    .correct("Use a valid account.")
                    .id("AP-0170"));
            }
        };
        if account.bank {
            return Err(data(format!(
                "The account number {number} is associated to the Bank account and cannot be used on a bill."
            ))
            .correct("Use another account."));
        }
        if let Some(rule) = &account.restricted_by {
            return Err(data(format!("GL account is restricted by {rule}."))
                .correct("Ask the administrator to change the restriction."));
        }
        Ok(())
    }

    fn check_dimensions(&self, line: &Line) -> Result<(), GatewayError> {
        let masters = self.masters;
        for (word, id, known) in [
            ("location", &line.location, masters.locations.get(&line.location)),
            ("department", &line.department, masters.departments.get(&line.department)),
            ("class", &line.class, masters.classes.get(&line.class)),
        ] {
            if !id.is_empty() && !known.is_some_and(|found| found.active) {
                let why = if known.is_some() { "inactive" } else { "invalid" };
                return Err(data(format!("The {word} '{id}' is {why}: The {word} '{id}' is invalid."))
                    .correct(format!("Use a valid {word}.")));
            }
        }
        if !line.project.is_empty() {
            match masters.projects.get(&line.project) {
                None => {
                    return Err(
                        data(format!("Invalid Project '{}' specified.", line.project)).correct("Use a valid project.")
                    );
                }
                Some(found) if !found.active => {
                    return Err(data(format!("Project '{}' specified is not valid: it is inactive.", line.project)));
                }
                Some(_) => {}
            }
        }
        if line.location.is_empty() && self.options.multi_entity {
            return Err(refuse("BL03000018", format!("Missing the Location dimension for Account {}.", line.account))
                .correct("Location must be given on every line of a multi-entity company."));
        }
        if !self.entity.is_empty() && masters.entity_of(&line.location) != self.entity {
            return Err(data(format!(
                "The location '{}' is invalid: it is outside of entity {}.",
                line.location, self.entity
            )));
        }
        let Some(account) = masters.accounts.get(&line.account) else { return Ok(()) };
        for (required, _, field, word) in Required::ALL {
            let missing = match required {
                Required::Location => line.location.is_empty(),
                Required::Department => line.department.is_empty(),
                Required::Class => line.class.is_empty(),
                Required::Project => line.project.is_empty(),
                _ => !line.other.contains_key(field),
            };
            if missing && account.requires.contains(&required) {
                return Err(refuse(
                    "BL03000018",
                    format!("Missing the {word} dimension for Account {}.", line.account),
                )
                .correct(format!("Enter a {word}."))
                .id("GL-0214"));
            }
        }
        Ok(())
    }

    fn open_period(&self, gl_date: Date, lines: &[Line]) -> Result<(), GatewayError> {
        if self.masters.closed.is_empty() {
            return Ok(());
        }
        let entities =
            std::iter::once(self.entity).chain(lines.iter().map(|line| self.masters.entity_of(&line.location)));
        for entity in entities {
            if let Some(period) = self.masters.closed_on(entity, gl_date) {
                let open = period.to.tomorrow().unwrap_or(period.to);
                return Err(refuse(
                    "BL01001973",
                    format!(
                        "Date must be on or after {}: the period of {} is closed.",
                        text::date(open),
                        text::date(gl_date)
                    ),
                )
                .correct("Open the period or use a later date.")
                .id("GL-0121"));
            }
        }
        Ok(())
    }
}
