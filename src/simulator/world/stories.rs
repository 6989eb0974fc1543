//! One story for everything that can happen to an invoice, told in this order among the ordinary ones.

use jiff::civil::date;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::demo::{Fate, Maker, days_after, header, line, segments};
use super::expected::{ExpectedBill, mark_stem};
use super::invoice::{Invoice, Splits, Supplier};
use super::masters::CLOSED_PLANT;
use super::play::Reaction;
use crate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use crate::simulator::gateway::{HandBill, Line};
use crate::simulator::procurement::{Change, Mishap, Resource, Trouble};

/// Adds one or more invoices and whatever belongs to them.
pub type Story = fn(&mut Maker);

/// All stories.
pub fn stories() -> Vec<Story> {
    vec![
        amended_after_posting,
        no_bill_number,
        bad_bill_number,
        duplicate_here,
        dropped_answer,
        totals_disagree,
        credit_memo,
        not_approved,
        kind_disagrees,
        adopted,
        no_currency,
        no_invoice_date,
        hostile_text,
        due_before_invoice,
        no_due_date,
        unknown_status,
        session_expires,
        splits_unclear,
        unreadable,
        before_cutover,
        vendor_unknown,
        vendor_to_come,
        refused_connection,
        vendor_inactive,
        value_missing,
        not_approved,
        value_unknown,
        throttled,
        value_inactive,
        dimension_required,
        poison,
        table_no_row,
        period_closed,
        offline_for_a_moment,
        twin_by_hand,
        refused_data,
        refused_permission,
        not_approved,
        refused_configuration,
        refused_unrecognised,
        without_last_update,
        shifting_page,
        through_the_table,
        required_project,
    ]
}

fn held(maker: &mut Maker, reason: &str, story: &str, change: impl FnOnce(&mut Value)) {
    let invoice = maker.small();
    maker.add(invoice, story, Fate::Held(&[reason]), change);
}

fn held_as(maker: &mut Maker, reason: &str, story: &str, shape: impl FnOnce(&mut Invoice)) {
    let mut invoice = maker.small();
    shape(&mut invoice);
    maker.add(invoice, story, Fate::Held(&[reason]), |_| {});
}

fn amended_after_posting(maker: &mut Maker) {
    let invoice = maker.small();
    let mut amended = invoice.clone();
    if let Some(first) = amended.lines.first_mut() {
        first.quantity += Decimal::ONE;
    }
    maker.world.reactions.push(Reaction {
        vendor: invoice.supplier.vendor.clone(),
        number: invoice.number.clone(),
        change: Change::Amend(invoice.id, amended.json()),
    });
    maker.add(invoice, "amended in JAGGAER once the bill stands", Fate::Posted, |_| {}).changed_after_posting = true;
}

fn no_bill_number(maker: &mut Maker) {
    let invoice = maker.small();
    let expected = maker.add(invoice, "the supplier printed no number", Fate::Held(&["no_bill_number"]), |detail| {
        header(detail, "supplierInvoiceNumber", Value::Null);
    });
    expected.number = None;
}

fn bad_bill_number(maker: &mut Maker) {
    held_as(maker, "bad_bill_number", "a number with characters that Intacct refuses", |invoice| {
        invoice.number = format!("INV<{}>#7", invoice.id);
    });
    held_as(maker, "bad_bill_number", "a number longer than Intacct takes", |invoice| {
        invoice.number = format!("{}-{}", invoice.id, "0123456789".repeat(6));
    });
}

fn totals_disagree(maker: &mut Maker) {
    let invoice = maker.plain();
    let wrong = invoice.total() + Decimal::TEN;
    let currency = invoice.currency.clone();
    let expected = maker.add(invoice, "lines and total are ten apart", Fate::Held(&["totals_disagree"]), |detail| {
        header(detail, "total", json!({"currency": currency, "value": super::invoice::number(wrong)}));
    });
    expected.total = Some(wrong);
}

fn negative(invoice: &mut Invoice) {
    for line in &mut invoice.lines {
        line.price = -line.price;
    }
}

fn credit_memo(maker: &mut Maker) {
    for _ in 0..3 {
        held_as(maker, "credit_memo", "a credit memo, negative as JAGGAER writes them", |invoice| {
            invoice.credit = true;
            negative(invoice);
        });
    }
}

fn kind_disagrees(maker: &mut Maker) {
    held_as(maker, "kind_disagrees", "called an invoice, but the total is negative", negative);
}

fn no_currency(maker: &mut Maker) {
    let invoice = maker.small();
    let total = invoice.total();
    let expected = maker.add(invoice, "the total has no currency", Fate::Held(&["no_currency"]), |detail| {
        header(detail, "total", json!({"value": super::invoice::number(total)}));
    });
    expected.currency = None;
}

fn no_invoice_date(maker: &mut Maker) {
    held(maker, "no_invoice_date", "the invoice date is missing", |detail| {
        header(detail, "invoiceDate", Value::Null);
    });
}

fn due_before_invoice(maker: &mut Maker) {
    held_as(maker, "due_before_invoice", "due five days before it was written", |invoice| {
        invoice.due = days_after(invoice.date, -5);
    });
}

fn no_due_date(maker: &mut Maker) {
    held(maker, "no_due_date", "neither a due date nor a payment term", |detail| {
        header(detail, "dueDate", Value::Null);
        header(detail, "terms", Value::Null);
    });
}

fn unknown_status(maker: &mut Maker) {
    held_as(maker, "unknown_status", "a payment status that nobody has met before", |invoice| {
        invoice.payment = "Quarantined".to_owned();
    });
}

fn splits_unclear(maker: &mut Maker) {
    held_as(maker, "splits_unclear", "two splits and no figure on either", |invoice| {
        if let Some(first) = invoice.lines.first_mut() {
            first.splits = Splits::Unfigured(vec![segments("6100", "210"), segments("6100", "340")]);
        }
    });
    held_as(maker, "splits_unclear", "the splits add up to 95 percent", |invoice| {
        if let Some(first) = invoice.lines.first_mut() {
            let parts = [(60, "210"), (35, "340")];
            first.splits =
                Splits::Percent(parts.map(|(part, dept)| (Decimal::from(part), segments("6100", dept))).to_vec());
        }
    });
}

fn unreadable(maker: &mut Maker) {
    held(maker, "unreadable", "a price that is not a number", |detail| {
        if let Some(price) = detail.pointer_mut("/lineList/invoiceLine/0/unitPrice") {
            *price = json!("twelve fifty");
        }
    });
}

/// A supplier whose number leads through the table to a vendor that Intacct does not have.
pub const UNKNOWN_VENDOR: (&str, &str) = ("SUP-9999", "V-99999");

fn vendor_unknown(maker: &mut Maker) {
    let supplier = Supplier {
        number: UNKNOWN_VENDOR.0.to_owned(),
        network_id: 1_009_999_999,
        name: "Unlisted Instruments".to_owned(),
        vendor: UNKNOWN_VENDOR.1.to_owned(),
    };
    held_as(maker, "vendor_unknown", "Intacct does not have this vendor", |invoice| invoice.supplier = supplier);
}

/// A supplier that Intacct does not have as a vendor until somebody lets vendors be written: number and name.
pub const NEWCOMER: (&str, &str) = ("V-10901", "Newcomer Instruments");

fn vendor_to_come(maker: &mut Maker) {
    let (number, name) = NEWCOMER;
    let supplier = Supplier {
        number: number.to_owned(),
        network_id: 1_009_999_901,
        name: name.to_owned(),
        vendor: number.to_owned(),
    };
    held_as(
        maker,
        "vendor_unknown",
        "the supplier is new: its vendor is created once vendors are started",
        |invoice| {
            invoice.supplier = supplier;
        },
    );
}

fn vendor_inactive(maker: &mut Maker) {
    let supplier = maker.suppliers.get(super::masters::FIRST_INACTIVE).cloned().unwrap_or_default();
    held_as(maker, "vendor_inactive", "the vendor is inactive", |invoice| invoice.supplier = supplier);
}

fn value_missing(maker: &mut Maker) {
    held_as(maker, "value_missing", "no accounting at all: no rule gives an account", |invoice| {
        if let Some(first) = invoice.lines.first_mut() {
            first.splits = Splits::None;
        }
    });
}

fn value_unknown(maker: &mut Maker) {
    held_as(maker, "value_unknown", "an account that Intacct does not have", |invoice| {
        invoice.lines = vec![line("Sundries", 1, 9_900, "6999", "210")];
    });
}

fn value_inactive(maker: &mut Maker) {
    held_as(maker, "value_inactive", "the department is closed", |invoice| {
        invoice.lines = vec![line("Sundries", 1, 8_800, "6100", "900")];
    });
}

fn dimension_required(maker: &mut Maker) {
    held_as(maker, "dimension_required", "the account wants a class and no rule sets one", |invoice| {
        invoice.lines = vec![line("Trade fair booth", 1, 77_000, "6450", "100")];
    });
    held_as(maker, "dimension_required", "the account wants a project and none is given", |invoice| {
        invoice.project = None;
        invoice.lines = vec![line("Feasibility study", 1, 66_000, "6400", "100")];
    });
}

fn table_no_row(maker: &mut Maker) {
    held_as(maker, "table_no_row", "a business unit that the table of plants does not have", |invoice| {
        invoice.business_unit = "0099".to_owned();
    });
}

fn period_closed(maker: &mut Maker) {
    for day in [10, 12] {
        held_as(maker, "period_closed", "September is closed for this entity", |invoice| {
            invoice.business_unit = CLOSED_PLANT.to_owned();
            invoice.currency = "EUR".to_owned();
            invoice.date = date(2025, 9, day);
            invoice.posting = Some(date(2025, 9, day + 1));
            invoice.due = days_after(invoice.date, i64::from(invoice.term_days));
        });
    }
}

fn twin_by_hand(maker: &mut Maker) {
    let invoice = maker.small();
    let bill = typed(&invoice, "Typed in by Dana from the paper copy");
    let mut expected: ExpectedBill = invoice.bill("");
    expected.mark_stem = String::new();
    maker.world.bills.push(bill);
    maker.world.expected.typed_by_hand.push(expected);
    maker.add(invoice, "somebody typed the same bill by hand", Fate::Held(&["twin_by_hand"]), |_| {});
}

fn duplicate_here(maker: &mut Maker) {
    let first = maker.small();
    let mut second = first.clone();
    second.id = maker.plain().id;
    maker.posted(first, "first of two with the same supplier and number");
    maker.add(second, "second of two with the same supplier and number", Fate::Held(&["duplicate_here"]), |_| {});
}

fn typed(invoice: &Invoice, description: &str) -> HandBill {
    HandBill {
        vendor_id: invoice.supplier.vendor.clone(),
        record_id: invoice.number.clone(),
        description: description.to_owned(),
        currency: invoice.currency.clone(),
        invoice_date: invoice.date,
        gl_date: invoice.posting.unwrap_or(invoice.date),
        due_date: invoice.due,
        entity: String::new(),
        lines: vec![Line {
            account: "6100".to_owned(),
            amount: invoice.total(),
            department: "210".to_owned(),
            location: location_of(&invoice.business_unit).to_owned(),
            project: invoice.project.clone().unwrap_or_default(),
            ..Line::default()
        }],
    }
}

fn location_of(plant: &str) -> &'static str {
    super::masters::PLANTS.iter().find(|(code, _)| *code == plant).map_or("", |(_, location)| location)
}

fn adopted(maker: &mut Maker) {
    let invoice = maker.small();
    let stem = mark_stem(&format!("{}/invoice/{}", maker.world.instance, invoice.id));
    maker.world.bills.push(typed(&invoice, &format!("Laboratory supplies, collective [{stem}-0]")));
    maker.add(invoice, "our bill stands already, from before the store was lost", Fate::Posted, |_| {}).adopted = true;
}

fn not_approved(maker: &mut Maker) {
    for (payment, workflow) in [("InProcess", "Completed"), ("Payable", "Pending"), ("InProcess", "Pending")] {
        let mut invoice = maker.plain();
        invoice.payment = payment.to_owned();
        invoice.workflow = workflow.to_owned();
        maker.add(invoice, "not approved yet", Fate::NotApproved, |_| {});
    }
}

fn before_cutover(maker: &mut Maker) {
    for day in [4, 11, 18, 25, 29] {
        let mut invoice = maker.plain();
        invoice.date = date(2025, 8, day);
        invoice.posting = Some(invoice.date);
        invoice.due = days_after(invoice.date, i64::from(invoice.term_days));
        maker.add(invoice, "from before the cut-over", Fate::BeforeCutover, |_| {});
    }
}

fn hostile_text(maker: &mut Maker) {
    let texts = [
        "Glass\u{1b}[2J\u{1b}]0;owned\u{7} tubes",
        "Invoice \u{202e}gpj.exe\u{202c} attached",
        "Zero\u{200b}width\u{feff} and NUL\u{0}inside",
        "Tom & Jerry <b>\"quoted\"</b> 'single' ]]> -->",
        "Emoji 🧪🔬 and a vertical\u{b}tab \u{ffff}",
    ];
    for text in texts {
        let mut invoice = maker.small();
        invoice.supplier.name = format!("{} {text}", invoice.supplier.name);
        if let Some(first) = invoice.lines.first_mut() {
            first.description = text.to_owned();
        }
        maker.posted(invoice, "the supplier's text attacks terminals and XML");
    }
}

fn through_the_table(maker: &mut Maker) {
    let renamed: Vec<Supplier> =
        maker.suppliers.iter().filter(|supplier| supplier.number != supplier.vendor).cloned().collect();
    for supplier in renamed {
        let invoice = maker.of_supplier(supplier);
        maker.posted(invoice, "the vendor is found through the table of suppliers");
    }
}

fn required_project(maker: &mut Maker) {
    let mut invoice = maker.small();
    invoice.project = Some("PX-1".to_owned());
    invoice.lines = vec![line("Cold chain study", 1, 123_400, "6400", "100")];
    maker.posted(invoice, "the account wants a project and the custom field gives it");
}

fn without_last_update(maker: &mut Maker) {
    let invoice = maker.small();
    maker.add(invoice, "a record without lastUpdate", Fate::Posted, |detail| {
        header(detail, "lastUpdate", Value::Null);
    });
}

fn shifting_page(maker: &mut Maker) {
    maker.world.troubles.push(Trouble::once(Resource::Detail(0), Mishap::Throttle(Some(1))));
    maker.world.troubles.push(Trouble { on: Resource::List, skip: 1, times: Some(1), does: Mishap::ShiftPage });
    let invoice = maker.small();
    maker.posted(invoice, "the second page repeats a record of the first");
}

fn fault(maker: &mut Maker, story: &str, fault: impl FnOnce(Trigger) -> Fault) {
    let invoice = maker.plain();
    maker.world.faults.push(fault(Trigger::BillNumber(invoice.number.clone())));
    maker.posted(invoice, story);
}

fn dropped_answer(maker: &mut Maker) {
    fault(maker, "the gateway takes the bill and the answer is lost", |when| Fault::once(when, Behaviour::Drop));
}

fn refused_connection(maker: &mut Maker) {
    fault(maker, "the connection breaks before the gateway takes the bill", |when| {
        Fault::once(when, Behaviour::Refuse)
    });
}

fn offline_for_a_moment(maker: &mut Maker) {
    fault(maker, "the service is off-line for a moment", |when| Fault::once(when, Behaviour::Offline));
}

fn session_expires(maker: &mut Maker) {
    let mut expires = Fault::once(Trigger::Kind(Kind::Write), Behaviour::SessionExpired);
    expires.skip = 1;
    maker.world.faults.push(expires);
    let invoice = maker.plain();
    maker.posted(invoice, "about here the session ends early");
}

fn throttled(maker: &mut Maker) {
    let mut throttled = Fault::once(Trigger::Kind(Kind::Write), Behaviour::Throttle(Some(1)));
    throttled.skip = 2;
    maker.world.faults.push(throttled);
    let invoice = maker.plain();
    maker.posted(invoice, "about here the gateway asks to slow down");
}

fn failing(maker: &mut Maker, class: &str, story: &str, behaviour: Behaviour) {
    let invoice = maker.small();
    maker.world.faults.push(Fault::always(Trigger::BillNumber(invoice.number.clone()), behaviour));
    maker.add(invoice, story, Fate::Failed(class), |_| {});
}

fn poison(maker: &mut Maker) {
    failing(maker, "bug", "the gateway refuses every request that holds this bill", Behaviour::Poison);
}

fn refused_data(maker: &mut Maker) {
    let mut invoice = maker.small();
    invoice.lines = vec![line("Bank charges", 1, 4_500, "1010", "100")];
    maker.add(invoice, "the account belongs to a bank, which no list shows", Fate::Failed("data"), |_| {});
}

fn refused_permission(maker: &mut Maker) {
    failing(
        maker,
        "permission",
        "the user may not write this bill",
        Behaviour::FunctionError {
            errorno: "PL04000005".to_owned(),
            text: "You do not have permission for API operation CREATE on objects of type APBILL".to_owned(),
            correction: "Ask the administrator for the permission.".to_owned(),
        },
    );
}

fn refused_configuration(maker: &mut Maker) {
    let mut invoice = maker.small();
    invoice.lines = vec![line("Grant-funded reagents", 1, 31_000, "6900", "100")];
    maker.add(invoice, "GL account is restricted, which no list shows", Fate::Failed("configuration"), |_| {});
}

fn refused_unrecognised(maker: &mut Maker) {
    failing(
        maker,
        "unknown",
        "an error that nobody has met before",
        Behaviour::FunctionError {
            errorno: "QX99000042".to_owned(),
            text: "Module 42 raised an unforeseen condition".to_owned(),
            correction: String::new(),
        },
    );
}
