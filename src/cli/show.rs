//! How things are worded for a person: times, totals, documents in a list, one document in full.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::table::{Cell, Style, Table};
use crate::messages::{BillView, DocumentDetail, DocumentRow, ExplainedReason, Outcome};
use crate::model::{Flag, MoneyTotals, Text, Timestamp};

/// An instant in the machine's time zone, with its offset: `2026-12-01 08:00:00-06:00`.
pub fn time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string()
}

/// An instant for a narrow column: `2026-12-01 08:00`.
pub fn minute(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Totals, each currency by itself: `912.00 EUR, 81234.10 USD`.
pub fn totals(totals: &MoneyTotals) -> String {
    let sums: Vec<String> = totals.totals.iter().map(|(c, a)| format!("{} {c}", a.fixed(c.digits()))).collect();
    sums.join(", ")
}

/// Text from outside that may be missing.
fn optional(text: &Option<Text>) -> String {
    text.as_ref().map(|text| text.safe().into_owned()).unwrap_or_default()
}

/// Documents in a table.
pub fn documents(rows: &[DocumentRow]) -> Table {
    let headers = ["ID", "STATE", "SINCE", "BILL NUMBER", "SUPPLIER", "DATE", "TOTAL", "REASON"];
    let mut table = Table::new(&headers).right(&[0, 6]).flexible(7);
    for row in rows {
        table.row([
            row.id.to_string().into(),
            Cell::styled(row.state.label(), Style::of(row.state)),
            minute(row.since).into(),
            optional(&row.number).into(),
            supplier(row).into(),
            row.date.map(|date| date.to_string()).unwrap_or_default().into(),
            row.total.map(|total| total.to_string()).unwrap_or_default().into(),
            reason(row).into(),
        ]);
    }
    table
}

fn supplier(row: &DocumentRow) -> String {
    match (&row.supplier_number, &row.supplier_name) {
        (Some(number), Some(name)) => format!("{} {}", number.safe(), super::table::cut(&name.safe(), 24)),
        (number, name) => format!("{}{}", optional(number), optional(name)),
    }
}

fn reason(row: &DocumentRow) -> String {
    let first = row.reasons.first().map(|code| code.title()).unwrap_or_default();
    let more = match row.reasons.len() {
        0 | 1 => String::new(),
        count => format!(" (+{})", count - 1),
    };
    let mut words = match &row.detail {
        Some(detail) if !detail.is_blank() => vec![format!("{first}{more}: {}", detail.safe())],
        _ if first.is_empty() => Vec::new(),
        _ => vec![format!("{first}{more}")],
    };
    words.extend(row.flags.iter().map(flag));
    words.join("; ")
}

/// What is to be known of a document beside its state.
fn flag(flag: &Flag) -> String {
    match flag {
        Flag::ChangedAfterPosting(what) => format!("changed after posting: {}", what.safe()),
        Flag::Twin(record) => format!("an unmarked bill with the same number beside it: record {record}"),
        Flag::TextCleaned(1) => "1 character removed that XML forbids".to_owned(),
        Flag::TextCleaned(count) => format!("{count} characters removed that XML forbids"),
        Flag::Adopted => "found in Intacct, and taken as its bill".to_owned(),
    }
}

/// One document in full. Every part of it is safe.
pub fn detail(detail: &DocumentDetail) -> String {
    let mut out = String::new();
    let row = &detail.row;
    // Writing into a string cannot fail.
    let _ = writeln!(out, "Document {} · {} since {}", row.id, row.state.label(), time(row.since));
    let mut field = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "  {name:<16}{value}");
        }
    };
    field("bill number", optional(&row.number));
    field("JAGGAER id", row.jaggaer_id.safe().into_owned());
    field("JAGGAER number", optional(&row.buyer_number));
    field("supplier", supplier(row));
    field("date", row.date.map(|date| date.to_string()).unwrap_or_default());
    field("total", row.total.map(|total| total.to_string()).unwrap_or_default());
    field("approval", detail.approval.clone());
    field("first seen", time(detail.first_seen));
    field("Intacct record", row.record.as_ref().map(|record| record.to_string()).unwrap_or_default());
    for (name, value) in &detail.facts {
        field(name, value.safe().into_owned());
    }
    for noted in &row.flags {
        let _ = writeln!(out, "  {:<16}{}", "noted", flag(noted));
    }
    if !detail.reasons.is_empty() {
        let _ = writeln!(out, "\nWhy it is here:");
        for reason in &detail.reasons {
            out.push_str(&explained(reason));
        }
    }
    if let Some(error) = &detail.error {
        let _ = writeln!(out, "\nThe gateway refused it: {} ({})", error.title, error.errorno.safe());
        let _ = writeln!(out, "  said            {}", error.said.safe());
        let _ = writeln!(out, "  meaning         {}", error.meaning);
        let _ = writeln!(out, "  what to do      {}", error.advice);
    }
    if !detail.lines.is_empty() {
        let digits = row.total.map_or(0, |total| total.currency.digits());
        let _ = writeln!(out, "\nLines:");
        for line in &detail.lines {
            let text = line.description.safe();
            let _ = writeln!(out, "  {:>4}  {:<9} {:>12}  {text}", line.number, line.kind, line.amount.fixed(digits));
            for (amount, segments) in &line.splits {
                let segments: Vec<String> = segments.iter().map(|(n, v)| format!("{n}={}", v.safe())).collect();
                let _ = writeln!(out, "        split     {:>12}  {}", amount.fixed(digits), segments.join(" "));
            }
        }
    }
    if let Some(posting) = &detail.posting {
        let attempts = match posting.attempts {
            0 => "not sent yet".to_owned(),
            1 => "1 attempt".to_owned(),
            count => format!("{count} attempts"),
        };
        let last = posting.last_attempt.map(|at| format!(", last {}", time(at))).unwrap_or_default();
        let _ = writeln!(out, "\nPosting, generation {}: {attempts}{last}", posting.generation);
        let _ = writeln!(out, "  control id      {}", posting.control_id);
        let _ = writeln!(out, "  mark            {}", posting.mark);
        out.push_str(&bill(&posting.bill));
    }
    if let Some(ledger) = &detail.ledger {
        let _ = writeln!(out, "\nIn the ledger:");
        out.push_str(&bill(ledger));
    }
    if !detail.actions.is_empty() {
        let _ = writeln!(out, "\nYou may: {}", detail.actions.join(", ").replace('_', "-"));
    }
    out
}

/// A reason with its facts and what to do.
pub fn explained(reason: &ExplainedReason) -> String {
    format!("  {} ({})\n    {}\n    {}\n", reason.title, reason.code.word(), reason.detail.safe(), reason.advice)
}

fn bill(bill: &BillView) -> String {
    let mut out = String::new();
    let mut field = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "  {name:<16}{value}");
        }
    };
    let day = |date: Option<crate::model::Date>| date.map(|date| date.to_string()).unwrap_or_default();
    field("record", bill.record.clone().unwrap_or_default());
    field("vendor", bill.vendor.safe().into_owned());
    field("bill number", bill.number.safe().into_owned());
    field("total", bill.total.map(|total| total.to_string()).unwrap_or_default());
    field("date", day(bill.date));
    field("due", day(bill.due));
    field("posting date", day(bill.posting_date));
    field("state", bill.state.safe().into_owned());
    field("description", bill.description.safe().into_owned());
    for line in &bill.lines {
        field("line", line.clone());
    }
    out
}

/// Refused documents that are named; all of them stand in the JSON.
const REFUSED: usize = 20;

/// What came of an order: the sentence, and the rows that were refused.
pub fn outcome(outcome: &Outcome) -> String {
    let mut out = format!("{}\n", outcome.message);
    let mut listed = 0u64;
    for row in outcome.rows.iter().filter(|row| !row.done).take(REFUSED) {
        let _ = writeln!(out, "  {} was refused: {}", row.id, row.message);
        listed += 1;
    }
    if outcome.refused > listed {
        let _ = writeln!(out, "  and {} more were refused", outcome.refused - listed);
    }
    out
}
