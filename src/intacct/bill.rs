//! A bill as the generic `create` takes it.
//!
//! Source: developer.intacct.com/api/accounts-payable/bills/. One object per `create`, one `create` per function: every outcome
//! then belongs to one control id.

use crate::model::{Bill, BillAction, BillLine, Mark};

use super::xml::{Writer, is_name};

/// The standard field that carries the mark at its end.
pub const DESCRIPTION: &str = "DESCRIPTION";

/// The field that carries the mark: the configured one, or [`DESCRIPTION`] if that could not be the name of a field.
pub fn mark_place(mark_field: &str) -> &str {
    if is_name(mark_field) { mark_field } else { DESCRIPTION }
}

/// The function body that creates the bill: these bytes are frozen and sent as they are.
///
/// The mark stands at the end of DESCRIPTION, whose text is cut so that the whole has at most `description_length` characters
/// (the mark itself is never cut), or alone in the custom field `mark_field`.
pub fn create_bill(bill: &Bill, mark: &Mark, mark_field: &str, description_length: usize) -> Vec<u8> {
    let mut out = Writer::with_capacity(1024 + bill.lines.len() * 400);
    let place = mark_place(mark_field);
    let digits = bill.currency.digits();
    out.raw(b"<create><APBILL>");
    out.filled("VENDORID", &bill.vendor);
    out.date("WHENCREATED", bill.date);
    out.date("WHENPOSTED", bill.posting_date);
    out.date("WHENDUE", bill.due_date);
    out.filled("RECORDID", &bill.number);
    out.optional("DOCNUMBER", bill.reference.as_deref());
    if place == DESCRIPTION {
        out.element(DESCRIPTION, &marked_description(&bill.description, mark, description_length));
    } else {
        out.filled(DESCRIPTION, cut(&bill.description, description_length));
    }
    out.optional("TERMNAME", bill.term.as_deref());
    if let Some(base) = &bill.base_currency {
        out.element("BASECURR", base.code());
    }
    out.element("CURRENCY", bill.currency.code());
    out.raw(match bill.action {
        BillAction::Submit => b"<ACTION>Submit</ACTION>",
        BillAction::Draft => b"<ACTION>Draft</ACTION>",
    });
    if place != DESCRIPTION {
        out.element(place, &mark.to_string());
    }
    out.raw(b"<APBILLITEMS>");
    for line in &bill.lines {
        write_line(&mut out, line, digits);
    }
    out.raw(b"</APBILLITEMS></APBILL></create>");
    out.finish()
}

fn write_line(out: &mut Writer, line: &BillLine, digits: u32) {
    let dimensions = &line.dimensions;
    out.open("APBILLITEM");
    out.optional("ACCOUNTNO", line.account.as_deref());
    out.optional("ACCOUNTLABEL", line.account_label.as_deref());
    out.amount("TRX_AMOUNT", line.amount, digits);
    out.optional("ENTRYDESCRIPTION", line.memo.as_deref());
    out.optional("LOCATIONID", dimensions.location.as_deref());
    out.optional("DEPARTMENTID", dimensions.department.as_deref());
    out.optional("PROJECTID", dimensions.project.as_deref());
    out.optional("TASKID", dimensions.task.as_deref());
    out.optional("CUSTOMERID", dimensions.customer.as_deref());
    out.optional("EMPLOYEEID", dimensions.employee.as_deref());
    out.optional("ITEMID", dimensions.item.as_deref());
    out.optional("CLASSID", dimensions.class.as_deref());
    out.close("APBILLITEM");
}

/// The description, cut where needed, with the mark at its end.
pub fn marked_description(description: &str, mark: &Mark, length: usize) -> String {
    let suffix = mark.suffix();
    let text = cut(description, length.saturating_sub(suffix.chars().count()));
    if text.is_empty() { suffix.trim_start().to_owned() } else { [text, &suffix].concat() }
}

/// At most `length` characters, never half of one, without blanks at the ends.
fn cut(text: &str, length: usize) -> &str {
    let text = text.trim();
    let end = text.char_indices().nth(length).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default().trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, Currency, Dimensions, DocumentKey, DocumentKind, Generation};
    use proptest::prelude::*;

    pub(crate) fn bill() -> Bill {
        let line = |account: &str, amount: &str, memo: &str| BillLine {
            account: Some(account.to_owned()),
            account_label: None,
            amount: Amount::parse(amount).unwrap(),
            memo: Some(memo.to_owned()),
            dimensions: Dimensions {
                location: Some("E20-OSLO".to_owned()),
                department: Some("CHEM".to_owned()),
                ..Default::default()
            },
        };
        Bill {
            vendor: "JG-40017".to_owned(),
            number: "BT-88120".to_owned(),
            date: jiff::civil::date(2026, 2, 26),
            posting_date: jiff::civil::date(2026, 3, 2),
            due_date: jiff::civil::date(2026, 3, 28),
            term: Some("Net 30".to_owned()),
            currency: Currency::parse("EUR").unwrap(),
            base_currency: Currency::parse("NOK"),
            reference: Some("PO-5541".to_owned()),
            description: "Glassware, lab 3 & 4".to_owned(),
            action: BillAction::Submit,
            lines: vec![line("6510", "412.5", "Beakers <250 ml>"), line("6590", "-18", "")],
        }
    }

    fn mark() -> Mark {
        Mark::of(&DocumentKey::new("acme", DocumentKind::Invoice, "1"), Generation(0))
    }

    #[test]
    fn a_bill_has_its_fields_in_order_and_no_empty_element() {
        let text = String::from_utf8(create_bill(&bill(), &mark(), DESCRIPTION, 80)).unwrap();
        let expected = format!(
            "<create><APBILL><VENDORID>JG-40017</VENDORID><WHENCREATED>02/26/2026</WHENCREATED>\
             <WHENPOSTED>03/02/2026</WHENPOSTED><WHENDUE>03/28/2026</WHENDUE><RECORDID>BT-88120</RECORDID>\
             <DOCNUMBER>PO-5541</DOCNUMBER><DESCRIPTION>Glassware, lab 3 &amp; 4{}</DESCRIPTION>\
             <TERMNAME>Net 30</TERMNAME><BASECURR>NOK</BASECURR><CURRENCY>EUR</CURRENCY><ACTION>Submit</ACTION>\
             <APBILLITEMS><APBILLITEM><ACCOUNTNO>6510</ACCOUNTNO><TRX_AMOUNT>412.50</TRX_AMOUNT>\
             <ENTRYDESCRIPTION>Beakers &lt;250 ml&gt;</ENTRYDESCRIPTION><LOCATIONID>E20-OSLO</LOCATIONID>\
             <DEPARTMENTID>CHEM</DEPARTMENTID></APBILLITEM><APBILLITEM><ACCOUNTNO>6590</ACCOUNTNO>\
             <TRX_AMOUNT>-18.00</TRX_AMOUNT><LOCATIONID>E20-OSLO</LOCATIONID><DEPARTMENTID>CHEM</DEPARTMENTID>\
             </APBILLITEM></APBILLITEMS></APBILL></create>",
            mark().suffix()
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_custom_field_carries_the_mark_alone() {
        let text = String::from_utf8(create_bill(&bill(), &mark(), "TG_MARK", 9)).unwrap();
        assert!(text.contains("<DESCRIPTION>Glassware</DESCRIPTION>"), "{text}");
        assert!(text.contains(&format!("<ACTION>Submit</ACTION><TG_MARK>{}</TG_MARK>", mark())), "{text}");
    }

    #[test]
    fn a_mark_field_that_is_no_name_cannot_break_the_request() {
        let text = String::from_utf8(create_bill(&bill(), &mark(), "X><Y", 80)).unwrap();
        assert!(text.contains(&format!("{}</DESCRIPTION>", mark().suffix())), "{text}");
    }

    #[test]
    fn yen_have_no_decimals() {
        let mut bill = bill();
        bill.currency = Currency::parse("JPY").unwrap();
        bill.lines[0].amount = Amount::parse("1200.00").unwrap();
        let text = String::from_utf8(create_bill(&bill, &mark(), DESCRIPTION, 80)).unwrap();
        assert!(text.contains("<TRX_AMOUNT>1200</TRX_AMOUNT>"), "{text}");
    }

    proptest! {
        #[test]
        fn the_mark_is_found_again_whatever_the_description(text in any::<String>(), length in 24usize..120) {
            let marked = marked_description(&text, &mark(), length);
            prop_assert!(marked.chars().count() <= length);
            prop_assert_eq!(Mark::find(&marked), Some(mark()));
        }
    }
}
