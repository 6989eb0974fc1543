//! Looking for bills in the ledger: by number, by record, by our mark; and what a row says.
//!
//! Source: developer.intacct.com/api/accounts-payable/bills/. The state labels are the documented ones plus those seen in public
//! clients; that APBILLITEM names its bill in RECORDKEY is assumed.

use crate::model::{Amount, Currency, LedgerBill, LedgerState, RecordNo, Stem, Text};

use super::answer::Row;
use super::bill::mark_place;
use super::field;
use super::query::{Filter, Query};

/// A row that says nothing usable.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a row of {object} has no readable {field}: {value:?}; it cannot be compared with anything")]
pub struct RowFault {
    /// Object.
    pub object: &'static str,
    /// Field.
    pub field: &'static str,
    /// What stood there.
    pub value: Text,
}

/// A bill without a record number: it may be any that the rest of its row does not rule out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a bill in Intacct{} has no readable record number", self.named())]
pub struct UnnamedBill {
    /// What stood for the record number.
    pub record: Text,
    /// VENDORID
    pub vendor: Text,
    /// RECORDID
    pub number: Text,
    /// The field that carries our mark.
    pub marked: Text,
}

impl UnnamedBill {
    fn named(&self) -> String {
        let part = |what: &str, text: &Text| match text.is_blank() {
            true => String::new(),
            false => format!(", {what} {}", text.safe()),
        };
        [("vendor", &self.vendor), ("number", &self.number), ("described as", &self.marked)]
            .map(|(what, text)| part(what, text))
            .concat()
    }
}

const FIELDS: [&str; 10] = [
    "RECORDNO",
    "RECORDID",
    "VENDORID",
    "TRX_TOTALENTERED",
    "CURRENCY",
    "WHENCREATED",
    "WHENPOSTED",
    "WHENDUE",
    "STATE",
    "MEGAENTITYID",
];

fn bills(mark_field: &str) -> Query {
    let mut fields = FIELDS.to_vec();
    fields.push(mark_place(mark_field));
    Query::new("APBILL", &fields)
}

/// Bills with one of these numbers (RECORDID), whoever wrote them and in whatever entity.
pub fn by_numbers<'n>(numbers: impl IntoIterator<Item = &'n str>, mark_field: &str) -> Query {
    bills(mark_field).only(Filter::within("RECORDID", numbers))
}

/// Bills with one of these record numbers.
pub fn by_records<'r>(records: impl IntoIterator<Item = &'r RecordNo>, mark_field: &str) -> Query {
    bills(mark_field).only(Filter::within("RECORDNO", records.into_iter().map(|record| record.0.clone())))
}

/// Bills that carry the mark of one of these documents, of whatever generation.
pub fn by_marks<'s>(stems: impl IntoIterator<Item = &'s Stem>, mark_field: &str) -> Query {
    let place = mark_place(mark_field);
    let any = stems.into_iter().map(|stem| Filter::like(place, format!("%TG-{}%", stem.as_str()))).collect();
    bills(mark_field).only(Filter::Or(any))
}

/// All bills that carry any mark of ours, for the late audit.
pub fn marked(mark_field: &str) -> Query {
    bills(mark_field).only(Filter::like(mark_place(mark_field), "%TG-%"))
}

/// What a row of these queries says. Only a missing record number is a fault: any other value that cannot be read is kept apart
/// and equals nothing, so that the bill is still seen and a person is asked.
pub fn ledger_bill(row: &Row, mark_field: &str) -> Result<LedgerBill, UnnamedBill> {
    let text = |field: &str| Text::new(row.get(field).unwrap_or_default().trim());
    let record = text("RECORDNO");
    let Some(record) = RecordNo::parse(record.raw()) else {
        let marked = text(mark_place(mark_field));
        return Err(UnnamedBill { record, vendor: text("VENDORID"), number: text("RECORDID"), marked });
    };
    let word = row.get("STATE").unwrap_or_default();
    let mut unreadable = Vec::new();
    let total = read(row, "TRX_TOTALENTERED", "total", Amount::parse, &mut unreadable);
    let currency = read(row, "CURRENCY", "currency", Currency::parse, &mut unreadable);
    let date = read(row, "WHENCREATED", "invoice date", field::date, &mut unreadable);
    let posting_date = read(row, "WHENPOSTED", "posting date", field::date, &mut unreadable);
    let due_date = read(row, "WHENDUE", "due date", field::date, &mut unreadable);
    Ok(LedgerBill {
        record,
        number: text("RECORDID"),
        vendor: text("VENDORID"),
        total,
        currency,
        date,
        posting_date,
        due_date,
        marked: text(mark_place(mark_field)),
        state_word: Text::new(word.trim()),
        state: ledger_state(word),
        entity: text("MEGAENTITYID"),
        lines: None,
        unreadable,
    })
}

/// A value that is filled: read, or kept as unreadable under these words.
fn read<T>(
    row: &Row,
    field: &str,
    words: &str,
    parse: impl Fn(&str) -> Option<T>,
    unreadable: &mut Vec<(String, Text)>,
) -> Option<T> {
    let text = row.filled(field)?;
    let value = parse(text);
    if value.is_none() {
        unreadable.push((words.to_owned(), Text::new(text)));
    }
    value
}

/// What a state label means. Case does not matter.
pub fn ledger_state(word: &str) -> LedgerState {
    match word.trim().to_ascii_lowercase().as_str() {
        "posted" | "submitted" | "partially approved" | "selected" | "partially paid" | "paid" => LedgerState::Standing,
        "draft" => LedgerState::Draft,
        "reversed" | "declined" => LedgerState::Fallen,
        _ => LedgerState::Unknown,
    }
}

/// Whether a bill of this state label has reached the general ledger: a draft, and one that waits for approval, has not.
pub fn is_in_general_ledger(word: &str) -> bool {
    !matches!(word.trim().to_ascii_lowercase().as_str(), "draft" | "submitted" | "partially approved")
}

/// The number of lines of each of these bills.
pub fn line_counts<'r>(records: impl IntoIterator<Item = &'r RecordNo>) -> Query {
    Query::counted("APBILLITEM", "RECORDKEY")
        .only(Filter::within("RECORDKEY", records.into_iter().map(|record| record.0.clone())))
}

/// The bill and its number of lines, from a row of [`line_counts`]. Sources disagree on the name of the counted field.
pub fn line_count(row: &Row) -> Result<(RecordNo, u32), RowFault> {
    let fault = |field, value: &str| RowFault { object: "APBILLITEM", field, value: Text::new(value) };
    let key = row.get("RECORDKEY").unwrap_or_default();
    let record = RecordNo::parse(key).ok_or_else(|| fault("RECORDKEY", key))?;
    let count =
        ["COUNT.RECORDNO", "RECORDNO", "COUNT"].into_iter().find_map(|name| row.filled(name)).unwrap_or_default();
    Ok((record, count.parse().map_err(|_| fault("COUNT.RECORDNO", count))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intacct::bill::DESCRIPTION;
    use crate::model::{DocumentKey, DocumentKind};

    #[test]
    fn bills_are_asked_for_by_number_record_and_mark() {
        let body = |query: Query| String::from_utf8(query.body()).unwrap();
        let numbers = body(by_numbers(["BT-1", "A&B"], DESCRIPTION));
        assert!(
            numbers.contains("<in><field>RECORDID</field><value>BT-1</value><value>A&amp;B</value></in>"),
            "{numbers}"
        );
        assert!(numbers.contains("<field>DESCRIPTION</field></select>"), "{numbers}");
        let stem = Stem::of(&DocumentKey::new("acme", DocumentKind::Invoice, "1"));
        let marks = body(by_marks([&stem], "TG_MARK"));
        assert!(
            marks.contains(&format!("<like><field>TG_MARK</field><value>%TG-{}%</value></like>", stem.as_str())),
            "{marks}"
        );
        let counts = body(line_counts([&RecordNo("60214".into())]));
        assert!(counts.contains("<select><field>RECORDKEY</field><count>RECORDNO</count></select>"), "{counts}");
    }

    #[test]
    fn a_row_becomes_a_bill() {
        let row = Row::new([
            ("RECORDNO", "60214"),
            ("RECORDID", "BT-88120"),
            ("VENDORID", "JG-40017"),
            ("TRX_TOTALENTERED", "430.5"),
            ("CURRENCY", "EUR"),
            ("WHENCREATED", "02/26/2026"),
            ("WHENDUE", "never"),
            ("STATE", "partially PAID"),
            ("DESCRIPTION", "Glassware [TG-ABCDEFGHIJKLMNOP-0]"),
        ]);
        let bill = ledger_bill(&row, DESCRIPTION).unwrap();
        assert_eq!(bill.total, Amount::parse("430.50"));
        assert_eq!((bill.date, bill.due_date), (Some(jiff::civil::date(2026, 2, 26)), None));
        assert_eq!(bill.unreadable, [("due date".to_owned(), Text::from("never"))]);
        assert_eq!(bill.state, LedgerState::Standing);
        assert!(crate::model::Mark::find(bill.marked.raw()).is_some());
        let unnamed = ledger_bill(&Row::new([("RECORDID", "X"), ("RECORDNO", "?")]), DESCRIPTION).unwrap_err();
        assert_eq!((unnamed.number.raw(), unnamed.record.raw()), ("X", "?"));
    }

    #[test]
    fn every_state_word_has_one_meaning_and_a_new_one_none() {
        for word in ["Posted", "Submitted", "Partially Approved", "Selected", "Partially Paid", "Paid"] {
            assert_eq!(ledger_state(word), LedgerState::Standing, "{word}");
        }
        for word in ["Reversed", "Declined"] {
            assert_eq!(ledger_state(word), LedgerState::Fallen, "{word}");
        }
        assert_eq!(ledger_state("draft "), LedgerState::Draft);
        for word in ["", "A", "Voided"] {
            assert_eq!(ledger_state(word), LedgerState::Unknown, "{word}");
        }
    }

    #[test]
    fn a_line_count_is_read_under_either_name() {
        for name in ["COUNT.RECORDNO", "RECORDNO"] {
            let (record, lines) = line_count(&Row::new([("RECORDKEY", "60214"), (name, "5")])).unwrap();
            assert_eq!((record.0.as_str(), lines), ("60214", 5));
        }
        assert!(line_count(&Row::new([("RECORDKEY", "60214")])).is_err());
    }
}
