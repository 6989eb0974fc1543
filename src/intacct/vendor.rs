//! A vendor with its contact: asking for master data, what a row says, and the generic `create` and `update`.
//!
//! Source: developer.intacct.com/api/accounts-payable/vendors/. Fields inside the contact are read by their dot names. Bank and
//! payment data are read to be watched and never written, but for PRINTAS, without which a contact cannot be created.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::model::{Amount, MasterField, MasterValues, PaymentItem, PaymentValues, RecordNo, Text, Timestamp};

use super::answer::Row;
use super::country::{country_code, country_name};
use super::field;
use super::ledger::RowFault;
use super::query::{Filter, Query, RECORDNO};
use super::xml::Writer;

const OBJECT: &str = "VENDOR";
const VENDORID: &str = "VENDORID";
const MODIFIED: &str = "WHENMODIFIED";
const DUE: &str = "TOTALDUE";
const METHOD: &str = "PAYMETHODKEY";
const ACCOUNT: &str = "ACHACCOUNTNUMBER";
const ROUTING: &str = "ACHBANKROUTINGNUMBER";
const CONTACT_NAME: &str = "DISPLAYCONTACT.CONTACTNAME";
const PRINT_AS: &str = "DISPLAYCONTACT.PRINTAS";
const COUNTRY: &str = "DISPLAYCONTACT.MAILADDRESS.COUNTRY";
const COUNTRY_CODE: &str = "DISPLAYCONTACT.MAILADDRESS.COUNTRYCODE";
const PAY_TO_NAME: &str = "PAYTO.CONTACTNAME";
const PAY_TO_PRINT_AS: &str = "PAYTO.PRINTAS";
const PAY_TO_ADDRESS: [&str; 6] = [
    "PAYTO.MAILADDRESS.ADDRESS1",
    "PAYTO.MAILADDRESS.ADDRESS2",
    "PAYTO.MAILADDRESS.CITY",
    "PAYTO.MAILADDRESS.STATE",
    "PAYTO.MAILADDRESS.ZIP",
    "PAYTO.MAILADDRESS.COUNTRY",
];

/// What was changed so long before the asked instant is read again: that WHENMODIFIED is in UTC is assumed, and no zone is
/// further away than this.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// Where a field of the master stands in a row, and in a write below VENDOR.
fn place(field: MasterField) -> (&'static str, Part, &'static str) {
    use MasterField as F;
    match field {
        F::Name => ("NAME", Part::Vendor, "NAME"),
        F::Status => ("STATUS", Part::Vendor, "STATUS"),
        F::TaxId => ("TAXID", Part::Vendor, "TAXID"),
        F::Currency => ("CURRENCY", Part::Vendor, "CURRENCY"),
        F::Terms => ("TERMNAME", Part::Vendor, "TERMNAME"),
        F::Form1099 => ("FORM1099TYPE", Part::Vendor, "FORM1099TYPE"),
        F::OnHold => ("ONHOLD", Part::Vendor, "ONHOLD"),
        F::Email => ("DISPLAYCONTACT.EMAIL1", Part::Contact, "EMAIL1"),
        F::Phone => ("DISPLAYCONTACT.PHONE1", Part::Contact, "PHONE1"),
        F::Fax => ("DISPLAYCONTACT.FAX", Part::Contact, "FAX"),
        F::Website => ("DISPLAYCONTACT.URL1", Part::Contact, "URL1"),
        F::Address1 => ("DISPLAYCONTACT.MAILADDRESS.ADDRESS1", Part::Address, "ADDRESS1"),
        F::Address2 => ("DISPLAYCONTACT.MAILADDRESS.ADDRESS2", Part::Address, "ADDRESS2"),
        F::City => ("DISPLAYCONTACT.MAILADDRESS.CITY", Part::Address, "CITY"),
        F::State => ("DISPLAYCONTACT.MAILADDRESS.STATE", Part::Address, "STATE"),
        F::Zip => ("DISPLAYCONTACT.MAILADDRESS.ZIP", Part::Address, "ZIP"),
        F::Country => (COUNTRY, Part::Address, "COUNTRY"),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Vendor,
    Contact,
    Address,
}

/// What a company's gateway wants differently where the documentation leaves it open.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VendorForm {
    /// Fields that are not asked for, by the name of the query (`PAYTO.PRINTAS`): a query that names one field which the
    /// company or its user does not have is refused as a whole. What stands in them counts as not offered.
    pub leave_out: BTreeSet<String>,
    /// Send COUNTRYCODE beside COUNTRY. The documentation wants the English name always, and two letters too where the company
    /// has ISO country codes enabled; it disagrees with itself on the name of that element (COUNTRYCODE, ISOCOUNTRYCODE), so
    /// without this only the name is sent.
    pub country_code: bool,
}

impl VendorForm {
    fn query(&self) -> Query {
        let fields =
            [RECORDNO, VENDORID, MODIFIED, DUE, METHOD, ACCOUNT, ROUTING, CONTACT_NAME, PRINT_AS, COUNTRY_CODE]
                .into_iter()
                .chain(MasterField::ALL.into_iter().map(|field| place(field).0))
                .chain([PAY_TO_NAME, PAY_TO_PRINT_AS])
                .chain(PAY_TO_ADDRESS);
        let needed = |field: &str| field == RECORDNO || field == VENDORID;
        let asked: Vec<&str> = fields.filter(|field| needed(field) || !self.leave_out.contains(*field)).collect();
        Query::new(OBJECT, &asked)
    }

    /// All vendors, active or not, in whatever entity, ordered for paging by record number.
    pub fn all(&self) -> Query {
        self.query()
    }

    /// Vendors changed since an instant, and those of the 24 hours before it once more: repeats are told by record number and
    /// WHENMODIFIED. Deleted ones do not show; only the whole list tells of them.
    pub fn changed_since(&self, since: Timestamp) -> Query {
        let from = since.checked_sub(OVERLAP).unwrap_or(since);
        self.query().only(Filter::GreaterOrEqual(MODIFIED.to_owned(), field::write_instant(from)))
    }

    /// Vendors with one of these VENDORIDs, or with one that differs only in its letters' case: a `create` beside such a one
    /// may be refused.
    pub fn by_ids<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> Query {
        self.query().only(Filter::within(VENDORID, ids)).in_any_case()
    }

    /// Vendors with one of these record numbers.
    pub fn by_records<'r>(&self, records: impl IntoIterator<Item = &'r RecordNo>) -> Query {
        self.query().only(Filter::within(RECORDNO, records.into_iter().map(|record| record.0.clone())))
    }

    /// The function body that creates a vendor: these bytes are frozen and sent as they are. Blank values are left out. The
    /// contact has the vendor's name for PRINTAS, which is required, and no name of its own: the system builds one.
    pub fn create_vendor(&self, id: &str, values: &MasterValues) -> Vec<u8> {
        let mut out = Writer::with_capacity(1024);
        out.raw(b"<create><VENDOR>");
        out.filled(VENDORID, id);
        let filled = MasterField::ALL.into_iter().filter(|field| !values.raw(*field).trim().is_empty());
        self.write_parts(&mut out, values, &filled.collect::<Vec<_>>(), Some(values.raw(MasterField::Name)));
        out.raw(b"</VENDOR></create>");
        out.finish()
    }

    /// The function body that changes these fields of a vendor and no other: these bytes are frozen and sent as they are. A
    /// blank value is written as an empty element, which takes away what stands there; a name, a status and a hold cannot be
    /// taken away, so that blank ones of these are left out.
    pub fn update_vendor(&self, record: &RecordNo, set: &MasterValues) -> Vec<u8> {
        let mut out = Writer::with_capacity(512);
        out.raw(b"<update><VENDOR>");
        out.element(RECORDNO, &record.0);
        let stays = |field: MasterField| matches!(field, MasterField::Name | MasterField::Status | MasterField::OnHold);
        let given = set.iter().filter(|(field, value)| !stays(*field) || !value.is_blank());
        self.write_parts(&mut out, set, &given.map(|(field, _)| field).collect::<Vec<_>>(), None);
        out.raw(b"</VENDOR></update>");
        out.finish()
    }

    fn write_parts(&self, out: &mut Writer, values: &MasterValues, fields: &[MasterField], print_as: Option<&str>) {
        let of = |part: Part| fields.iter().copied().filter(move |field| place(*field).1 == part);
        for field in of(Part::Vendor) {
            out.element(place(field).2, values.raw(field));
        }
        if print_as.is_none() && !fields.iter().any(|field| place(*field).1 != Part::Vendor) {
            return;
        }
        out.open("DISPLAYCONTACT");
        if let Some(name) = print_as {
            out.filled("PRINTAS", name);
        }
        for field in of(Part::Contact) {
            out.element(place(field).2, values.raw(field));
        }
        if of(Part::Address).next().is_some() {
            out.open("MAILADDRESS");
            for field in of(Part::Address) {
                let value = values.raw(field);
                if field != MasterField::Country {
                    out.element(place(field).2, value);
                    continue;
                }
                // What is no known country goes as it stands: Intacct says what it thinks of it.
                out.element("COUNTRY", country_name(value).unwrap_or(value));
                if self.country_code {
                    out.element("COUNTRYCODE", country_code(value).unwrap_or(value));
                }
            }
            out.close("MAILADDRESS");
        }
        out.close("DISPLAYCONTACT");
    }
}

/// A vendor as a row says it, with its payment values as they stand.
#[derive(Clone, Debug)]
pub struct VendorRow {
    /// VENDORID.
    pub id: Text,
    /// RECORDNO.
    pub record: RecordNo,
    /// What it says of each field that was asked for.
    pub values: MasterValues,
    /// WHENMODIFIED.
    pub modified: Option<Timestamp>,
    /// TOTALDUE; `None` where it was not asked for or cannot be read: then nobody knows whether something is owed.
    pub due: Option<Amount>,
    /// Cheques go to its display contact: it is paid by cheque and has no pay-to contact of its own.
    pub paid_at_address: bool,
    /// Bank and payment data.
    pub payment: PaymentValues,
}

impl VendorRow {
    /// The vendor as it may be kept, its payment values marked by a keyed function.
    pub fn marked(self, mark: impl Fn(PaymentItem, &str) -> crate::model::PaymentMark) -> crate::model::MasterVendor {
        crate::model::MasterVendor {
            id: self.id,
            record: self.record,
            values: self.values,
            modified: self.modified,
            due: self.due,
            paid_at_address: self.paid_at_address,
            payment: self.payment.marked(mark),
        }
    }
}

/// What a row of one of these queries says.
///
/// # Errors
/// It has no readable record number or no VENDORID: it cannot be compared with anything.
pub fn vendor(row: &Row) -> Result<VendorRow, RowFault> {
    let fault = |field, value: &str| RowFault { object: OBJECT, field, value: Text::new(value) };
    let number = row.get(RECORDNO).unwrap_or_default();
    let record = RecordNo::parse(number).ok_or_else(|| fault(RECORDNO, number))?;
    let id = row.filled(VENDORID).ok_or_else(|| fault(VENDORID, number))?;
    let mut values = MasterValues::default();
    for field in MasterField::ALL {
        values.set(field, value(row, field));
    }
    let own_pay_to = row.filled(PAY_TO_NAME).filter(|name| Some(*name) != row.filled(CONTACT_NAME));
    let method = row.filled(METHOD).unwrap_or_default();
    Ok(VendorRow {
        id: Text::new(id),
        record,
        values,
        modified: row.filled(MODIFIED).and_then(field::instant),
        due: row.filled(DUE).and_then(Amount::parse),
        paid_at_address: own_pay_to.is_none() && is_cheque(method),
        payment: payment(row, own_pay_to),
    })
}

/// A field as the row says it; `None` where it was not asked for.
fn value(row: &Row, field: MasterField) -> Option<Text> {
    let said = row.get(place(field).0).map(str::trim);
    let text = match field {
        MasterField::Status => match said? {
            word if word.eq_ignore_ascii_case("active") || word == "T" => "active",
            word if word.eq_ignore_ascii_case("inactive") || word == "F" => "inactive",
            other => other,
        },
        MasterField::OnHold => match field::flag(Some(said?)) {
            true => "true",
            false => "false",
        },
        MasterField::Country => country(said, row.get(COUNTRY_CODE).map(str::trim))?,
        _ => said?,
    };
    Some(Text::new(text))
}

/// Two letters by the name, because the name is what is written; else the code, else the name as it stands.
fn country<'r>(name: Option<&'r str>, code: Option<&'r str>) -> Option<&'r str> {
    let code = code.filter(|code| !code.is_empty());
    match name {
        Some(name) if !name.is_empty() => country_code(name).or(code).or(Some(name)),
        Some(_) => code.or(Some("")),
        None => code,
    }
}

/// `Printed Check`, `WF Check`: the ways of payment for which an address says where money goes.
fn is_cheque(method: &str) -> bool {
    let method = method.to_ascii_lowercase();
    ["check", "cheque"].into_iter().any(|word| method.contains(word))
}

/// A pay-to contact that is the display contact says nothing of its own: its address follows the vendor's, which is compared
/// as such.
fn payment(row: &Row, own_pay_to: Option<&str>) -> PaymentValues {
    let filled = |field: &str| row.filled(field).unwrap_or_default();
    let mut values = PaymentValues::default();
    values.set(PaymentItem::Account, filled(ACCOUNT));
    values.set(PaymentItem::Routing, filled(ROUTING));
    values.set(PaymentItem::Method, filled(METHOD));
    let payee = own_pay_to.and_then(|_| row.filled(PAY_TO_PRINT_AS)).unwrap_or_else(|| filled(PRINT_AS));
    values.set(PaymentItem::PayeeName, payee);
    if let Some(name) = own_pay_to {
        let parts = std::iter::once(name).chain(PAY_TO_ADDRESS.into_iter().filter_map(|field| row.filled(field)));
        values.set(PaymentItem::RemitTo, &parts.collect::<Vec<_>>().join(", "));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intacct::answer::parse;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    fn values(given: &[(MasterField, &str)]) -> MasterValues {
        given.iter().map(|(field, value)| (*field, Text::from(*value))).collect()
    }

    fn rows() -> Vec<Row> {
        let path = format!("{}/fixtures/intacct/vendor-master.xml", env!("CARGO_MANIFEST_DIR"));
        parse(&std::fs::read(path).unwrap()).unwrap().results.remove(0).data.rows
    }

    #[test]
    fn a_row_says_of_every_field_what_stands_there() {
        let birch = vendor(&rows()[0]).unwrap();
        assert_eq!((birch.id.raw(), birch.record.0.as_str()), ("JG-40017", "911"));
        assert_eq!(birch.modified, Some("2026-03-02T07:59:58Z".parse().unwrap()));
        assert_eq!(birch.due, Amount::parse("430.5"));
        for (field, wanted) in [
            (MasterField::Name, "Birch & Tarn Supplies"),
            (MasterField::Status, "active"),
            (MasterField::TaxId, "12-3456789"),
            (MasterField::Currency, "USD"),
            (MasterField::Terms, "Net 30"),
            (MasterField::Form1099, "MISC"),
            (MasterField::OnHold, "false"),
            (MasterField::Email, "ar@birchtarn.example"),
            (MasterField::Phone, "+1 207 555 0117"),
            (MasterField::Fax, ""),
            (MasterField::Website, "https://birchtarn.example"),
            (MasterField::Address1, "12 Quay Street"),
            (MasterField::Address2, "Pier 4"),
            (MasterField::City, "Portland"),
            (MasterField::State, "ME"),
            (MasterField::Zip, "04101"),
            (MasterField::Country, "US"),
        ] {
            assert_eq!(birch.values.get(field).map(Text::raw), Some(wanted), "{field}");
        }
    }

    #[test]
    fn what_is_not_asked_for_is_not_offered_and_what_is_empty_is() {
        let row = Row::new([("RECORDNO", "7"), ("VENDORID", "V"), ("TAXID", ""), (COUNTRY, ""), (COUNTRY_CODE, "NO")]);
        let read = vendor(&row).unwrap();
        assert_eq!(read.values.iter().count(), 2, "{:?}", read.values);
        assert_eq!(read.values.get(MasterField::TaxId), Some(&Text::default()));
        assert_eq!(read.values.raw(MasterField::Country), "NO", "the code, where there is no name");
        assert_eq!((read.due, read.modified, read.paid_at_address), (None, None, false));
    }

    #[test]
    fn payment_values_are_read_and_never_printed() {
        let rows = rows();
        let (birch, halden) = (vendor(&rows[0]).unwrap(), vendor(&rows[1]).unwrap());
        assert_eq!(birch.payment.get(PaymentItem::Account), Some("000123404821"));
        assert_eq!(birch.payment.get(PaymentItem::Routing), Some("021000021"));
        assert_eq!(birch.payment.get(PaymentItem::Method), Some("ACH"));
        assert_eq!(birch.payment.get(PaymentItem::PayeeName), Some("Birch & Tarn Supplies"));
        assert_eq!(birch.payment.get(PaymentItem::RemitTo), None, "its pay-to contact is the display contact");
        assert_eq!(halden.payment.get(PaymentItem::PayeeName), Some("Halden Factoring AS"));
        let remit = "Halden Factoring(VJG-40022), Postboks 12, Halden, 1751, Norway";
        assert_eq!(halden.payment.get(PaymentItem::RemitTo), Some(remit));
        for shown in [format!("{birch:?}{halden:?}"), format!("{rows:?}")] {
            for secret in ["04821", "021000021", "Postboks", "Factoring"] {
                assert!(!shown.contains(secret), "{secret} in {shown}");
            }
        }
    }

    #[test]
    fn an_address_says_where_money_goes_only_for_cheques_without_a_pay_to_contact() {
        let paid = |method: &str, pay_to: &str| {
            let fields = [
                ("RECORDNO", "7"),
                ("VENDORID", "V"),
                (METHOD, method),
                (CONTACT_NAME, "Birch(VV)"),
                (PAY_TO_NAME, pay_to),
            ];
            vendor(&Row::new(fields)).unwrap().paid_at_address
        };
        assert!(paid("Printed Check", "") && paid("WF Check", "Birch(VV)"));
        assert!(!paid("Printed Check", "Factor(VV)"));
        assert!(!paid("ACH", "") && !paid("", ""));
    }

    #[test]
    fn a_row_without_an_id_is_a_fault_that_names_it() {
        let fault = vendor(&Row::new([("RECORDNO", "x7"), ("VENDORID", "V")])).unwrap_err().to_string();
        assert!(fault.contains("VENDOR") && fault.contains("RECORDNO") && fault.contains("x7"), "{fault}");
        let fault = vendor(&Row::new([("RECORDNO", "7"), ("VENDORID", " ")])).unwrap_err();
        assert_eq!((fault.field, fault.value.raw()), ("VENDORID", "7"));
    }

    #[test]
    fn vendors_are_asked_for_as_a_whole_since_an_instant_by_id_and_by_record() {
        let form = VendorForm::default();
        let all = text(form.all().body());
        for field in ["RECORDNO", "WHENMODIFIED", "DISPLAYCONTACT.MAILADDRESS.COUNTRYCODE", "PAYTO.PRINTAS", "ONHOLD"] {
            assert_eq!(all.matches(&format!("<field>{field}</field>")).count(), 1 + usize::from(field == "RECORDNO"));
        }
        let since = text(form.changed_since("2026-03-02T08:15:01Z".parse().unwrap()).body());
        let filter = "<greaterthanorequalto><field>WHENMODIFIED</field><value>03/01/2026 08:15:01</value>";
        assert!(since.contains(filter), "{since}");
        let ids = text(form.by_ids(["V-1", "A&B"]).body());
        assert!(ids.contains("<in><field>VENDORID</field><value>V-1</value><value>A&amp;B</value></in>"), "{ids}");
        assert!(ids.contains("<options><caseinsensitive>true</caseinsensitive><showprivate>true"), "{ids}");
        let records = text(form.by_records([&RecordNo("911".into())]).body());
        assert!(records.contains("<in><field>RECORDNO</field><value>911</value></in>"), "{records}");
        assert!(records.contains("<options><showprivate>true</showprivate></options>"), "{records}");
    }

    #[test]
    fn a_field_that_the_company_does_not_have_is_not_asked_for() {
        let leave_out = ["PAYTO.PRINTAS", "ACHACCOUNTNUMBER", "VENDORID"].map(str::to_owned).into();
        let all = text(VendorForm { leave_out, ..VendorForm::default() }.all().body());
        assert!(!all.contains("PAYTO.PRINTAS") && !all.contains("ACHACCOUNTNUMBER"), "{all}");
        assert!(all.contains("<field>VENDORID</field>"), "without it a row is nobody: {all}");
    }

    #[test]
    fn a_new_vendor_has_what_is_known_and_its_name_on_cheques() {
        let values = values(&[
            (MasterField::Name, "Birch & Tarn"),
            (MasterField::Status, "active"),
            (MasterField::TaxId, ""),
            (MasterField::Email, "ar@birch.example"),
            (MasterField::City, "Portland"),
            (MasterField::Country, "us"),
        ]);
        assert_eq!(
            text(VendorForm::default().create_vendor("JG-40017", &values)),
            "<create><VENDOR><VENDORID>JG-40017</VENDORID><NAME>Birch &amp; Tarn</NAME><STATUS>active</STATUS>\
             <DISPLAYCONTACT><PRINTAS>Birch &amp; Tarn</PRINTAS><EMAIL1>ar@birch.example</EMAIL1>\
             <MAILADDRESS><CITY>Portland</CITY><COUNTRY>United States</COUNTRY></MAILADDRESS></DISPLAYCONTACT>\
             </VENDOR></create>"
        );
    }

    #[test]
    fn a_change_writes_its_fields_alone_and_takes_away_only_what_can_be() {
        let form = VendorForm { country_code: true, ..VendorForm::default() };
        let record = RecordNo("911".into());
        let set = values(&[
            (MasterField::Name, " "),
            (MasterField::Fax, ""),
            (MasterField::Country, "NO"),
            (MasterField::OnHold, ""),
        ]);
        assert_eq!(
            text(form.update_vendor(&record, &set)),
            "<update><VENDOR><RECORDNO>911</RECORDNO><DISPLAYCONTACT><FAX></FAX><MAILADDRESS><COUNTRY>Norway</COUNTRY>\
             <COUNTRYCODE>NO</COUNTRYCODE></MAILADDRESS></DISPLAYCONTACT></VENDOR></update>"
        );
        let terms = values(&[(MasterField::Terms, "Net 45")]);
        assert_eq!(
            text(form.update_vendor(&record, &terms)),
            "<update><VENDOR><RECORDNO>911</RECORDNO><TERMNAME>Net 45</TERMNAME></VENDOR></update>",
            "no contact, where nothing of it changes"
        );
    }

    #[test]
    fn a_country_that_nobody_knows_is_neither_invented_nor_lost() {
        let set = values(&[(MasterField::Country, "Atlantis")]);
        assert!(text(VendorForm::default().create_vendor("V", &set)).contains("<COUNTRY>Atlantis</COUNTRY>"));
        assert_eq!(country(Some("Atlantis"), Some("XA")), Some("XA"));
        assert_eq!(country(Some("Atlantis"), None), Some("Atlantis"));
        assert_eq!(country(Some("Norway"), Some("SE")), Some("NO"), "the name is what people and we write");
    }

    #[test]
    fn the_answer_to_a_create_or_an_update_names_the_record() {
        for function in ["create", "update"] {
            let answer = format!(
                "<response><control><status>success</status></control><operation><authentication><status>success</status>\
                 </authentication><result><status>success</status><function>{function}</function><controlid>a</controlid>\
                 <data listtype=\"objects\" count=\"1\"><vendor><RECORDNO>911</RECORDNO><VENDORID>V-1</VENDORID></vendor>\
                 </data></result></operation></response>"
            );
            assert_eq!(parse(answer.as_bytes()).unwrap().results[0].record, Some(RecordNo("911".into())));
        }
    }
}
