//! Vendors: their fields, `create` and `update` of VENDOR, what people do with them, and who changed what.
//!
//! Fields: developer.intacct.com, "Vendors". Where the documentation leaves open what is refused and in which words, the
//! strictest reading is taken; texts follow fragments that public integrations match on, or are assumed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::answer::{Data, Node};
use super::countries;
use super::errors::GatewayError;
use super::execute::{Done, Written, fail};
use super::ledger::{BillState, Ledger};
use super::masters::{Contact, Vendor};
use super::request::Function;
use super::sessions::later;
use super::xml::Element;
use super::{Gateway, create};

/// What of a vendor can be read and changed, by the names of a query.
pub const FIELDS: [&str; 41] = [
    "VENDORID",
    "NAME",
    "STATUS",
    "TAXID",
    "TERMNAME",
    "CURRENCY",
    "FORM1099TYPE",
    "ONHOLD",
    "PAYMETHODKEY",
    "ACHBANKROUTINGNUMBER",
    "ACHACCOUNTNUMBER",
    "MEGAENTITYID",
    "DISPLAYCONTACT.CONTACTNAME",
    "DISPLAYCONTACT.PRINTAS",
    "DISPLAYCONTACT.PHONE1",
    "DISPLAYCONTACT.FAX",
    "DISPLAYCONTACT.EMAIL1",
    "DISPLAYCONTACT.URL1",
    "DISPLAYCONTACT.MAILADDRESS.ADDRESS1",
    "DISPLAYCONTACT.MAILADDRESS.ADDRESS2",
    "DISPLAYCONTACT.MAILADDRESS.CITY",
    "DISPLAYCONTACT.MAILADDRESS.STATE",
    "DISPLAYCONTACT.MAILADDRESS.ZIP",
    "DISPLAYCONTACT.MAILADDRESS.COUNTRY",
    "DISPLAYCONTACT.MAILADDRESS.COUNTRYCODE",
    "PAYTO.CONTACTNAME",
    "PAYTO.PRINTAS",
    "PAYTO.PHONE1",
    "PAYTO.FAX",
    "PAYTO.EMAIL1",
    "PAYTO.URL1",
    "PAYTO.MAILADDRESS.ADDRESS1",
    "PAYTO.MAILADDRESS.ADDRESS2",
    "PAYTO.MAILADDRESS.CITY",
    "PAYTO.MAILADDRESS.STATE",
    "PAYTO.MAILADDRESS.ZIP",
    "PAYTO.MAILADDRESS.COUNTRY",
    "PAYTO.MAILADDRESS.COUNTRYCODE",
    "VENDTYPE",
    "PARENTID",
    "VENDORACCOUNTNO",
];

/// Elements directly inside VENDOR that carry text.
const TOP: [&str; 10] = [
    "NAME",
    "STATUS",
    "TAXID",
    "TERMNAME",
    "CURRENCY",
    "FORM1099TYPE",
    "ONHOLD",
    "PAYMETHODKEY",
    "ACHBANKROUTINGNUMBER",
    "ACHACCOUNTNUMBER",
];
const CONTACT: [&str; 6] = ["CONTACTNAME", "PRINTAS", "PHONE1", "FAX", "EMAIL1", "URL1"];
const ADDRESS: [&str; 7] = ["ADDRESS1", "ADDRESS2", "CITY", "STATE", "ZIP", "COUNTRY", "COUNTRYCODE"];

/// One change of one field, with whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorChange {
    /// When.
    pub at: Timestamp,
    /// RECORDNO.
    pub record_no: u64,
    /// VENDORID after the change; before it where the vendor was deleted.
    pub vendor_id: String,
    /// Control id of the function; nothing where a person did it.
    pub by: Option<String>,
    /// The field by the name of a query. VENDORID from nothing is a creation, to nothing a deletion.
    pub field: String,
    /// What stood there.
    pub before: String,
    /// What stands there now.
    pub after: String,
}

impl Contact {
    fn part(&self, name: &str) -> Option<&String> {
        Some(match name {
            "CONTACTNAME" => &self.name,
            "PRINTAS" => &self.print_as,
            "PHONE1" => &self.phone,
            "FAX" => &self.fax,
            "EMAIL1" => &self.email,
            "URL1" => &self.url,
            "MAILADDRESS.ADDRESS1" => &self.address1,
            "MAILADDRESS.ADDRESS2" => &self.address2,
            "MAILADDRESS.CITY" => &self.city,
            "MAILADDRESS.STATE" => &self.state,
            "MAILADDRESS.ZIP" => &self.zip,
            "MAILADDRESS.COUNTRY" => &self.country,
            "MAILADDRESS.COUNTRYCODE" => &self.country_code,
            _ => return None,
        })
    }

    fn part_mut(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "CONTACTNAME" => &mut self.name,
            "PRINTAS" => &mut self.print_as,
            "PHONE1" => &mut self.phone,
            "FAX" => &mut self.fax,
            "EMAIL1" => &mut self.email,
            "URL1" => &mut self.url,
            "MAILADDRESS.ADDRESS1" => &mut self.address1,
            "MAILADDRESS.ADDRESS2" => &mut self.address2,
            "MAILADDRESS.CITY" => &mut self.city,
            "MAILADDRESS.STATE" => &mut self.state,
            "MAILADDRESS.ZIP" => &mut self.zip,
            "MAILADDRESS.COUNTRY" => &mut self.country,
            "MAILADDRESS.COUNTRYCODE" => &mut self.country_code,
            _ => return None,
        })
    }
}

impl Vendor {
    /// What stands in a field of [`FIELDS`]; empty for anything else.
    pub fn text(&self, field: &str) -> &str {
        if let Some(part) = field.strip_prefix("DISPLAYCONTACT.") {
            return self.contact.part(part).map(String::as_str).unwrap_or_default();
        }
        if let Some(part) = field.strip_prefix("PAYTO.") {
            return self.pay_to.as_ref().and_then(|one| one.part(part)).map(String::as_str).unwrap_or_default();
        }
        match field {
            "VENDORID" => &self.id,
            "NAME" => &self.name,
            "STATUS" if self.active => "active",
            "STATUS" => "inactive",
            "TAXID" => &self.tax_id,
            "TERMNAME" => &self.term,
            "CURRENCY" => &self.currency,
            "FORM1099TYPE" => &self.form_1099,
            "ONHOLD" if self.on_hold => "true",
            "ONHOLD" => "false",
            "PAYMETHODKEY" => &self.pay_method,
            "ACHBANKROUTINGNUMBER" => &self.bank_routing,
            "ACHACCOUNTNUMBER" => &self.bank_account,
            "MEGAENTITYID" => &self.entity,
            _ => "",
        }
    }

    /// Puts a text into a field of [`FIELDS`]; whether there is such a field and it takes the text. A country brings its code.
    pub fn set(&mut self, field: &str, value: &str) -> bool {
        match (field, value) {
            ("STATUS", "active" | "inactive") => self.active = value == "active",
            ("ONHOLD", "true" | "false") => self.on_hold = value == "true",
            ("STATUS" | "ONHOLD", _) => return false,
            _ => {
                let place = match field {
                    "NAME" => Some(&mut self.name),
                    "TAXID" => Some(&mut self.tax_id),
                    "TERMNAME" => Some(&mut self.term),
                    "CURRENCY" => Some(&mut self.currency),
                    "FORM1099TYPE" => Some(&mut self.form_1099),
                    "PAYMETHODKEY" => Some(&mut self.pay_method),
                    "ACHBANKROUTINGNUMBER" => Some(&mut self.bank_routing),
                    "ACHACCOUNTNUMBER" => Some(&mut self.bank_account),
                    _ => match (field.strip_prefix("DISPLAYCONTACT."), field.strip_prefix("PAYTO.")) {
                        (Some(part), _) => self.contact.part_mut(part),
                        (_, Some(part)) if self.contact.part(part).is_some() => {
                            self.pay_to.get_or_insert_default().part_mut(part)
                        }
                        _ => None,
                    },
                };
                let Some(place) = place else { return false };
                value.clone_into(place);
            }
        }
        if let Some(of) = field.strip_suffix(".MAILADDRESS.COUNTRY") {
            let code = countries::code(value).unwrap_or_default().to_owned();
            match (of, &mut self.pay_to) {
                ("DISPLAYCONTACT", _) => self.contact.country_code = code,
                (_, Some(pay_to)) => pay_to.country_code = code,
                _ => {}
            }
        }
        true
    }

    /// What is owed to it: its bills that stand and are not paid.
    pub fn due(&self, ledger: &Ledger) -> Decimal {
        let owed =
            |state| !matches!(state, BillState::Draft | BillState::Declined | BillState::Reversed | BillState::Paid);
        let bills = ledger.of_vendor(&self.id).filter_map(|record_no| ledger.get(record_no));
        bills.filter(|bill| owed(bill.state)).map(|bill| bill.total).sum()
    }
}

/// A vendor before a function wrote to it, so that the function can be undone.
#[derive(Debug)]
pub struct Before {
    id: String,
    vendor: Option<Vendor>,
}

impl Before {
    /// Whether the function created it.
    pub fn was_created(&self) -> bool {
        self.vendor.is_none()
    }

    /// Its VENDORID.
    pub fn id(&self) -> &str {
        &self.id
    }
}

fn refuse(text: impl Into<String>) -> GatewayError {
    GatewayError::new("BL03000018", text)
}

/// Fields and values of a VENDOR element, by the names of a query, in the order sent.
fn given<'e>(element: &'e Element<'_>) -> Result<Vec<(String, &'e str)>, GatewayError> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let levels = [("", &TOP[..]), ("DISPLAYCONTACT.", &CONTACT), ("DISPLAYCONTACT.MAILADDRESS.", &ADDRESS)];
    let mut open = vec![(0, element)];
    while let Some((level, parent)) = open.pop() {
        let Some((prefix, known)) = levels.get(level) else { continue };
        let inner = levels.get(level + 1).map(|(name, _)| name.trim_end_matches('.').rsplit('.').next());
        for child in &parent.children {
            let name = child.name.as_ref();
            if !seen.insert(format!("{prefix}{name}")) {
                return Err(GatewayError::new("XL03000010", format!("Field {prefix}{name} stands twice in VENDOR.")));
            }
            if inner.flatten() == Some(name) {
                open.push((level + 1, child));
            } else if level == 0 && matches!(name, "RECORDNO" | "VENDORID") {
            } else if known.contains(&name) && child.children.is_empty() {
                found.push((format!("{prefix}{name}"), child.text.trim()));
            } else {
                return Err(GatewayError::unknown_field("VENDOR", &format!("{prefix}{name}")));
            }
        }
    }
    Ok(found)
}

fn is_mail(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '@' | '<' | '>' | ',' | ';' | '"');
    !local.is_empty()
        && domain.contains('.')
        && !domain.split('.').any(str::is_empty)
        && text.chars().filter(|c| *c != '@').all(plain)
        && !domain.contains('@')
}

impl Gateway {
    fn next_vendor_record(&mut self) -> u64 {
        let greatest = || self.masters.vendors.values().map(|vendor| vendor.record_no).max().unwrap_or(900);
        self.last_vendor = if self.last_vendor == 0 { greatest() } else { self.last_vendor } + 1;
        self.last_vendor
    }

    /// The vendor as queries see it, so long after its last change: before that as it was, or not at all.
    pub(super) fn vendor_seen<'g>(
        &'g self,
        vendor: &'g Vendor,
        now: Timestamp,
        lag: std::time::Duration,
    ) -> Option<&'g Vendor> {
        match vendor.modified_at {
            Some(at) if !lag.is_zero() && later(at, lag) > now => self.vendors_before.get(&vendor.record_no)?.as_ref(),
            _ => Some(vendor),
        }
    }

    /// Writes a vendor as it shall stand; `old` is its VENDORID so far, where it stood before.
    fn put_vendor(&mut self, now: Timestamp, by: Option<&str>, old: Option<&str>, mut vendor: Vendor) -> Before {
        let before = old.and_then(|id| self.masters.vendors.remove(id));
        vendor.modified_at = Some(now);
        let changed = FIELDS.into_iter().filter_map(|field| {
            let (was, is) = (before.as_ref().map(|one| one.text(field)).unwrap_or_default(), vendor.text(field));
            (was != is).then(|| VendorChange {
                at: now,
                record_no: vendor.record_no,
                vendor_id: vendor.id.clone(),
                by: by.map(str::to_owned),
                field: field.to_owned(),
                before: was.to_owned(),
                after: is.to_owned(),
            })
        });
        self.vendor_changes.extend(changed);
        self.vendors_before.insert(vendor.record_no, before.clone());
        let undo = Before { id: vendor.id.clone(), vendor: before };
        self.masters.vendors.insert(vendor.id.clone(), vendor);
        undo
    }

    /// Takes a function's write back, leaving no trace.
    pub(super) fn undo_vendor(&mut self, undo: Before) {
        if let Some(vendor) = self.masters.vendors.remove(&undo.id) {
            self.vendors_before.remove(&vendor.record_no);
            // The newest changes of this vendor are those of this write: all at one instant.
            let at = vendor.modified_at;
            while self
                .vendor_changes
                .last()
                .is_some_and(|last| last.record_no == vendor.record_no && Some(last.at) == at)
            {
                self.vendor_changes.pop();
            }
        }
        if let Some(before) = undo.vendor {
            self.masters.vendors.insert(before.id.clone(), before);
        }
    }

    /// Who changed which field of which vendor, in order.
    pub fn vendor_changes(&self) -> &[VendorChange] {
        &self.vendor_changes
    }

    /// `create` and `update` of VENDOR objects.
    pub(super) fn write_vendors(
        &mut self,
        now: Timestamp,
        function: &Function<'_>,
        entity: &str,
        written: &mut Written,
    ) -> Done {
        let creates = function.body.name == "create";
        let objects = function.body.children.as_slice();
        if objects.is_empty() || objects.len() > 100 {
            let text = format!("{} takes 1 to 100 objects, not {}.", function.body.name, objects.len());
            return fail(GatewayError::new("XL03000010", text));
        }
        let (mut nodes, mut errors) = (Vec::new(), Vec::new());
        for object in objects {
            self.stats.transactions += 1;
            let done = match (object.name.as_ref(), creates) {
                ("VENDOR", true) => self.new_vendor(object, entity).map(|vendor| (None, vendor)),
                ("VENDOR", false) => self.changed_vendor(object).map(|vendor| (Some(vendor.id.clone()), vendor)),
                (other, _) => {
                    let verb = function.body.name.to_uppercase();
                    let text =
                        format!("You do not have permission for API operation {verb} on objects of type {other}.");
                    errors.push(GatewayError::new("PL04000005", text));
                    continue;
                }
            };
            match done {
                Ok((old, vendor)) => {
                    let leaf = |name: &str, text: String| Node::Leaf(name.to_owned(), text);
                    let leaves =
                        vec![leaf("RECORDNO", vendor.record_no.to_string()), leaf("VENDORID", vendor.id.clone())];
                    nodes.push(Node::Branch("vendor".to_owned(), leaves));
                    let count = if creates { &mut self.stats.vendors_created } else { &mut self.stats.vendors_updated };
                    *count += 1;
                    written.vendors.push(self.put_vendor(now, Some(function.control_id), old.as_deref(), vendor));
                }
                Err(error) => {
                    let verb = if creates { "create" } else { "update" };
                    errors.extend([error, GatewayError::new("BL01001973", format!("Could not {verb} Vendor record!"))]);
                }
            }
        }
        let data = match nodes.len() {
            0 => Data::NothingCreated,
            count => Data::Rows(format!("listtype=\"objects\" count=\"{count}\""), nodes),
        };
        if errors.is_empty() { Ok(data) } else { Err((errors, data)) }
    }

    fn new_vendor(&mut self, element: &Element<'_>, entity: &str) -> Result<Vendor, GatewayError> {
        let fields = given(element)?;
        if element.child("RECORDNO").is_some() {
            return Err(GatewayError::unknown_field("VENDOR", "RECORDNO"));
        }
        let id = element.text_of("VENDORID").unwrap_or_default();
        if id.is_empty() {
            return Err(refuse("Missing VENDORID: it is required.").correct("Enter a vendor ID."));
        }
        create::fit("VENDORID", id, &self.options.lengths)?;
        if !id.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | ' ' | '_' | '.')) {
            return Err(refuse(format!("Illegal format for VENDORID : '{id}' has characters that are not allowed.")));
        }
        let same = |known: &String| {
            known.eq_ignore_ascii_case(id) || (!id.is_ascii() && known.to_lowercase() == id.to_lowercase())
        };
        if self.masters.vendors.keys().any(same) {
            let text = format!("Another Vendor with the value '{id}' already exists.");
            return Err(GatewayError::new("PL05000104", text).correct("Use a unique value instead."));
        }
        let contact = element.child("DISPLAYCONTACT");
        if contact.is_none_or(|contact| contact.text_of("PRINTAS").unwrap_or_default().is_empty()) {
            return Err(refuse("Missing DISPLAYCONTACT: PRINTAS is required.").correct("Enter a print-as name."));
        }
        let mut vendor = Vendor { id: id.to_owned(), active: true, entity: entity.to_owned(), ..Vendor::default() };
        self.apply(&mut vendor, &fields)?;
        if vendor.name.is_empty() {
            return Err(refuse("Missing NAME: it is required.").correct("Enter a vendor name."));
        }
        if vendor.contact.name.is_empty() {
            vendor.contact.name = format!("{}(V{id})", vendor.name);
        }
        vendor.record_no = self.next_vendor_record();
        Ok(vendor)
    }

    fn changed_vendor(&self, element: &Element<'_>) -> Result<Vendor, GatewayError> {
        let fields = given(element)?;
        let (record, id) = (element.text_of("RECORDNO"), element.text_of("VENDORID"));
        let named = |vendor: &&Vendor| {
            record.is_none_or(|record| record == vendor.record_no.to_string()) && id.is_none_or(|id| id == vendor.id)
        };
        let found = match (record, id) {
            (None, None) => None,
            (None, Some(id)) => self.masters.vendors.get(id),
            _ => self.masters.vendors.values().find(named),
        };
        let Some(found) = found else {
            let which = record.or(id).unwrap_or_default();
            let text = format!("The vendor '{which}' is invalid: there is no such record.");
            return Err(GatewayError::new("BL01001973", text).correct("Use RECORDNO or VENDORID of a vendor."));
        };
        let mut vendor = found.clone();
        self.apply(&mut vendor, &fields)?;
        Ok(vendor)
    }

    /// Puts the given values in, each checked.
    fn apply(&self, vendor: &mut Vendor, fields: &[(String, &str)]) -> Result<(), GatewayError> {
        for (field, value) in fields {
            let (field, value) = (field.as_str(), *value);
            let plain = field.rsplit('.').next().unwrap_or(field);
            create::fit(plain, value, &self.options.lengths)?;
            let invalid = |what: &str| {
                GatewayError::new("BL01001973", format!("Invalid {what} '{value}' specified."))
                    .correct(format!("Use a valid {what}."))
            };
            match plain {
                "NAME" | "PRINTAS" if value.is_empty() => {
                    return Err(refuse(format!("Missing {plain}: it cannot be empty.")));
                }
                "TERMNAME" if !value.is_empty() && !self.masters.terms.get(value).is_some_and(|term| term.active) => {
                    return Err(invalid("Term"));
                }
                "CURRENCY" if !value.is_empty() && !self.options.currencies.contains(value) => {
                    return Err(invalid("Currency"));
                }
                "COUNTRY" if !value.is_empty() && countries::code(value).is_none() => return Err(invalid("Country")),
                "EMAIL1" if !value.is_empty() && !is_mail(value) => {
                    return Err(refuse(format!("Illegal format for EMAIL1 : '{value}' is not an e-mail address."))
                        .correct("Enter a valid e-mail address."));
                }
                "COUNTRYCODE" => {
                    let country = fields.iter().find(|(other, _)| other.ends_with(".COUNTRY")).map(|(_, name)| *name);
                    let fits = country.is_some_and(|name| countries::code(name).unwrap_or_default() == value);
                    if !fits {
                        return Err(refuse(format!("The COUNTRYCODE '{value}' does not belong to the COUNTRY.")));
                    }
                    continue;
                }
                _ => {}
            }
            if !vendor.set(field, value) {
                return Err(refuse(format!("Invalid {plain} '{value}'.")));
            }
        }
        Ok(())
    }

    /// A person types a new vendor; no rule is checked but that its id is free.
    pub(super) fn type_vendor(&mut self, now: Timestamp, mut vendor: Vendor) -> Result<u64, String> {
        if self.masters.vendors.contains_key(&vendor.id) {
            return Err(format!("free id: {} is taken", vendor.id));
        }
        vendor.record_no = self.next_vendor_record();
        let record_no = vendor.record_no;
        self.put_vendor(now, None, None, vendor);
        Ok(record_no)
    }

    /// A person changes fields of a vendor, by the names of a query; no rule is checked.
    pub(super) fn edit_vendor(
        &mut self,
        now: Timestamp,
        id: &str,
        fields: &BTreeMap<String, String>,
    ) -> Result<u64, String> {
        let mut vendor = self.masters.vendors.get(id).cloned().ok_or_else(|| format!("vendor {id}"))?;
        if let Some((field, value)) = fields.iter().find(|(field, value)| !vendor.set(field, value)) {
            return Err(format!("field {field} that takes {value:?}"));
        }
        let record_no = vendor.record_no;
        self.put_vendor(now, None, Some(id), vendor);
        Ok(record_no)
    }

    /// A person gives a vendor another id; its bills go with it.
    pub(super) fn rename_vendor(&mut self, now: Timestamp, id: &str, to: &str) -> Result<u64, String> {
        let mut vendor = self.masters.vendors.get(id).cloned().ok_or_else(|| format!("vendor {id}"))?;
        if self.masters.vendors.contains_key(to) {
            return Err(format!("free id: {to} is taken"));
        }
        to.clone_into(&mut vendor.id);
        let bills: Vec<u64> = self.ledger.of_vendor(id).collect();
        for record_no in bills {
            if let Some(mut bill) = self.ledger.take(record_no) {
                to.clone_into(&mut bill.vendor_id);
                self.ledger.put(bill);
            }
        }
        let record_no = vendor.record_no;
        self.put_vendor(now, None, Some(id), vendor);
        Ok(record_no)
    }

    /// A person deletes a vendor. One that has bills cannot be deleted.
    pub(super) fn delete_vendor(&mut self, now: Timestamp, id: &str) -> Result<u64, String> {
        if self.ledger.of_vendor(id).next().is_some() {
            return Err(format!("vendor {id} without bills"));
        }
        if self.last_vendor == 0 {
            // No record number is given twice, not even the one that goes now.
            self.last_vendor = self.next_vendor_record() - 1;
        }
        let vendor = self.masters.vendors.remove(id).ok_or_else(|| format!("vendor {id}"))?;
        self.vendor_changes.push(VendorChange {
            at: now,
            record_no: vendor.record_no,
            vendor_id: vendor.id.clone(),
            by: None,
            field: "VENDORID".to_owned(),
            before: vendor.id,
            after: String::new(),
        });
        Ok(vendor.record_no)
    }
}
