//! Pairs of supplier and vendor as commands print them: in a list, side by side, and what a start would do.

use std::fmt::Write as _;

use super::show::{explained, minute, time};
use super::table::{Cell, Style, Table, cut, fold, pad};
use crate::messages::{FieldView, PairDetail, PairRow, SuggestionView, VendorsPlan, VendorsStatus, shown};
use crate::model::{MasterField, PairState, PaymentAlert, Side};

/// Columns where no terminal says how many there are.
const WIDTH: usize = 110;

/// The style of a pair's state.
pub fn style(state: PairState) -> Style {
    match state {
        PairState::Agreed => Style::Good,
        PairState::Conflict | PairState::Failed | PairState::Held | PairState::Suggested => Style::Bad,
        PairState::Writing | PairState::New | PairState::Differs => Style::Waiting,
        PairState::Closed => Style::Dim,
    }
}

/// Pairs in a table.
pub fn list(rows: &[PairRow]) -> Table {
    let headers = ["ID", "STATE", "SINCE", "SUPPLIER", "NAME", "VENDOR", "WHY"];
    let mut table = Table::new(&headers).flexible(6);
    for row in rows {
        table.row([
            row.id.to_string().into(),
            Cell::styled(row.state.word(), style(row.state)),
            minute(row.since).into(),
            row.number.safe().into(),
            cut(&row.name.safe(), 28).into(),
            row.vendor.as_ref().map(|vendor| vendor.safe().into_owned()).unwrap_or_default().into(),
            row.why().into(),
        ]);
    }
    table
}

/// How many pairs stand where, what needs a person first, without the states that no pair is in.
pub fn counts(status: &VendorsStatus) -> Table {
    let mut table = Table::new(&["STATE", "PAIRS"]).right(&[1]);
    let mut states: Vec<PairState> = PairState::ALL.into_iter().filter(|state| status.count(*state) > 0).collect();
    states.sort_by_key(|state| !state.needs_attention());
    for state in states {
        table.row([Cell::styled(state.word(), style(state)), status.count(state).to_string().into()]);
    }
    table
}

/// Whether it was started, what is carried over, and what waits for a look.
pub fn standing(status: &VendorsStatus) -> String {
    let mut out = match &status.started {
        Some((who, at)) => format!("started by {who} at {}: {}\n", time(*at), status.scope()),
        None => "NOT STARTED: nothing is written; `tollgate vendors plan` says what a start would do\n".to_owned(),
    };
    if !status.reads_jaggaer {
        out.push_str("suppliers are not read from JAGGAER: its profile has no suppliers\n");
    }
    match (status.alerted, status.high) {
        (0, _) => {}
        (alerted, 0) => {
            let _ = writeln!(out, "BANK DATA CHANGED at {alerted}: `tollgate vendors list --alerted`");
        }
        (alerted, high) => {
            let _ = writeln!(
                out,
                "BANK DATA CHANGED at {alerted}, {high} of them HIGH (contact changed too): `tollgate vendors list --alerted`"
            );
        }
    }
    if status.attention() > 0 {
        let words: Vec<&str> = PairState::ALL
            .into_iter()
            .filter(|state| state.needs_attention() && status.count(*state) > 0)
            .map(PairState::word)
            .collect();
        let count = status.attention();
        let verb = if count == 1 { "needs" } else { "need" };
        let _ = writeln!(out, "{count} {verb} a person: `tollgate vendors list --state {}`", words.join(","));
    }
    if status.unlinked_vendors > 0 {
        let _ = writeln!(out, "{} vendors in Intacct have no supplier at JAGGAER", status.unlinked_vendors);
    }
    out
}

/// A pair side by side, in lines of `width` columns.
pub fn detail(detail: &PairDetail, width: Option<usize>) -> String {
    let width = width.unwrap_or(WIDTH).max(60);
    let row = &detail.row;
    let mut out = format!("{}\n", row.title());
    let mut line = |name: &str, value: &str| {
        for (at, part) in fold(value, width.saturating_sub(16)).into_iter().enumerate() {
            let _ = writeln!(out, "  {:<14}{part}", if at == 0 { name } else { "" });
        }
    };
    line("state", &format!("{} since {}, version {}", row.state.word(), time(row.since), row.version));
    line("JAGGAER id", &detail.supplier.safe());
    match (&row.vendor, &detail.basis) {
        (Some(vendor), basis) => {
            let basis = basis.as_ref().map(|basis| format!(", {}", basis.label())).unwrap_or_default();
            let record = detail.record.as_ref().map(|record| format!(", record {record}")).unwrap_or_default();
            line("vendor", &format!("{}{record}{basis}", vendor.safe()));
        }
        (None, _) => line("vendor", "none linked"),
    }
    for side in [Side::Jaggaer, Side::Intacct] {
        if let Some(at) = detail.modified.get(&side) {
            line("changed", &format!("at {} {}", side.label(), time(*at)));
        }
    }
    line("first seen", &time(detail.first_seen));
    if !detail.writes_jaggaer {
        line("one way", "JAGGAER cannot be written: what Intacct changed is left different");
    }
    for rival in &detail.rivals {
        line("beware", &rival.safe());
    }
    for alert in &detail.alerts {
        let (name, value) = bank(alert);
        line(&name, &value);
    }
    for reason in detail.other_reasons() {
        out.push_str("\nWhy it is here:\n");
        out.push_str(&explained(reason));
    }
    if let Some(error) = &detail.error {
        let number = if error.errorno.is_blank() { String::new() } else { format!(" ({})", error.errorno.safe()) };
        let _ = writeln!(out, "\nA write was {}{number}", error.title);
        let _ = writeln!(out, "  said          {}", error.said.safe());
        let _ = writeln!(out, "  meaning       {}", error.meaning);
        let _ = writeln!(out, "  what to do    {}", error.advice);
    }
    let (fields, differing) = detail.ordered();
    let (differ, same) = fields.split_at_checked(differing).unwrap_or((&fields, &[]));
    if !differ.is_empty() {
        out.push_str("\nDiffers, what the other side has not got in brackets:\n");
        side_by_side(&mut out, differ, ["AGREED", "JAGGAER", "INTACCT"], width, true);
    }
    for suggestion in &detail.suggestions {
        suggested(&mut out, detail, suggestion, width);
    }
    if !detail.refused.is_empty() {
        let refused: Vec<_> = detail.refused.iter().map(|vendor| vendor.safe()).collect();
        let _ = writeln!(out, "\nRefused, never suggested again: vendors {}", refused.join(", "));
    }
    if !same.is_empty() {
        let linked = row.vendor.is_some();
        let _ = writeln!(out, "\n{}", if linked { "The same on both sides:" } else { "The supplier:" });
        for field in same {
            let [_, jaggaer, intacct] = field.columns();
            let value = match (&field.jaggaer, &field.intacct) {
                (Some(_), Some(_)) if jaggaer == intacct => jaggaer,
                (Some(_), Some(_)) => format!("{jaggaer}  (Intacct: {intacct})"),
                (Some(_), None) if !linked => jaggaer,
                (Some(_), None) => format!("{jaggaer}  (JAGGAER only)"),
                (None, _) => format!("{intacct}  (Intacct only)"),
            };
            for (at, part) in fold(&value, width.saturating_sub(16)).into_iter().enumerate() {
                let _ = writeln!(out, "  {:<14}{part}", if at == 0 { field.field.label() } else { "" });
            }
        }
    }
    for write in &detail.writes {
        let what = if write.creates { "creates the vendor" } else { "changes" };
        let _ = writeln!(
            out,
            "\nA write to {} {what}: {}, {} attempts",
            write.to.label(),
            write.step.label(),
            write.attempts
        );
        for (field, value) in &write.fields {
            let _ = writeln!(out, "  {:<14}{}", field.label(), shown(Some(value)));
        }
    }
    if !detail.trail.is_empty() {
        let _ = writeln!(out, "\nTrail, newest first (`tollgate audit show {}` for all of it):", row.id);
        for entry in detail.trail.iter().take(10) {
            let _ = writeln!(out, "  {}  {}  {}", time(entry.at), crate::model::safe(&entry.who), entry.what.safe());
        }
    }
    out
}

/// A bank alert in words: its grade, and what happened.
fn bank(alert: &PaymentAlert) -> (String, String) {
    let grade = match (&alert.seen, alert.high) {
        (Some(_), _) => "bank (seen)",
        (None, true) => "BANK, HIGH",
        (None, false) => "BANK",
    };
    let seen = alert.seen.as_ref().map(|(who, at)| format!("; seen by {who} {}", minute(*at))).unwrap_or_default();
    let why = if alert.high { "; contact data changed within 30 days of it" } else { "" };
    let words = format!(
        "{} changed at {} {}: {} → {}{why}{seen}; nothing of it was carried over",
        alert.item.label(),
        alert.side.label(),
        minute(alert.at),
        shown(Some(&alert.old)),
        shown(Some(&alert.new))
    );
    (grade.to_owned(), words)
}

fn suggested(out: &mut String, detail: &PairDetail, suggestion: &SuggestionView, width: usize) {
    let vendor = suggestion.vendor.safe();
    let _ = writeln!(out, "\nVendor {vendor} looks like it: {}", suggestion.tier.label());
    for other in &suggestion.others {
        let _ = writeln!(out, "  beware: {}", other.safe());
    }
    let fields = detail.beside(suggestion);
    let fields: Vec<&FieldView> = fields.iter().collect();
    side_by_side(out, &fields, ["", "JAGGAER", "INTACCT"], width, false);
    // An id that a shell would take for more than a word is not put into a line that is made for copying.
    let plain = suggestion.vendor.raw().chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    let (id, vendor) = (detail.row.id, if plain { &*vendor } else { "VENDORID" });
    let _ = writeln!(out, "  `tollgate vendors link {id} {vendor}` or `tollgate vendors refuse {id} {vendor}`");
}

/// Fields in columns, a `≠` before those that differ, and below them what becomes of them.
fn side_by_side(out: &mut String, fields: &[&FieldView], headers: [&str; 3], width: usize, verdicts: bool) {
    let label = 12;
    let shown: Vec<usize> = (0..3).filter(|at| headers.get(*at).is_some_and(|header| !header.is_empty())).collect();
    let each = width.saturating_sub(2 + label + 2 * shown.len()) / shown.len().max(1);
    let cells = |mark: &str, name: &str, values: [&str; 3]| {
        let columns: Vec<Vec<String>> = shown.iter().map(|at| fold(values.get(*at).unwrap_or(&""), each)).collect();
        let mut text = String::new();
        for line in 0..columns.iter().map(Vec::len).max().unwrap_or(0) {
            let (mark, name) = if line == 0 { (mark, name) } else { ("", "") };
            let mut row = format!("{mark:<2}{name:<label$}");
            for column in &columns {
                let part = column.get(line).map(String::as_str).unwrap_or_default();
                let _ = write!(row, "  {}", pad(part, each));
            }
            let _ = writeln!(text, "{}", row.trim_end());
        }
        text
    };
    out.push_str(&cells("", "", headers));
    for field in fields {
        let [agreed, jaggaer, intacct] = field.columns();
        let mark = if field.differs() { "≠" } else { "" };
        out.push_str(&cells(mark, field.field.label(), [&agreed, &jaggaer, &intacct]));
        let verdict = if verdicts { field.verdict() } else { String::new() };
        if !verdict.is_empty() {
            let _ = writeln!(out, "  {:label$}  └ {verdict}", "");
        }
    }
}

/// What a start would do, or what is still open.
pub fn plan(plan: &VendorsPlan) -> String {
    let mut out = format!(
        "{} suppliers at JAGGAER, {} vendors in Intacct, as of {}\n\n",
        plan.suppliers,
        plan.vendors,
        time(plan.at)
    );
    let held: u64 = plan.held.values().sum();
    for (count, words) in [
        (plan.linked, format!("linked with their vendor; {} of them agree in every field", plan.agreed)),
        (plan.conflicts, "of them in conflict: a person decides, nothing is written until then".to_owned()),
        (plan.suggested, "with vendors that look like them: a person links or refuses".to_owned()),
        (plan.create, "new: their vendors would be created in Intacct".to_owned()),
        (held, "held: they cannot be carried over as they stand".to_owned()),
    ] {
        let _ = writeln!(out, "  {count:>8}  {words}");
    }
    for (reason, count) in plan.held_for() {
        let _ = writeln!(out, "  {count:>8}    · {reason}");
    }
    let _ = writeln!(out, "  {:>8}  inactive or merged, without a vendor: nothing to do", plan.closed);
    let _ = writeln!(out, "  {:>8}  vendors without a supplier: left alone", plan.unlinked_vendors);
    out
}

/// What a start would do, field by field; without the fields that differ nowhere.
pub fn plan_fields(plan: &VendorsPlan) -> Table {
    let headers = ["FIELD", "TO INTACCT", "TO JAGGAER", "CONFLICT", "LEFT DIFFERENT"];
    let mut table = Table::new(&headers).right(&[1, 2, 3, 4]);
    for field in MasterField::ALL {
        let counts = plan.fields.get(&field).copied().unwrap_or_default();
        let counts = [counts.to_intacct, counts.to_jaggaer, counts.conflict, counts.left];
        if counts.iter().all(|count| *count == 0) {
            continue;
        }
        let [to_intacct, to_jaggaer, conflict, left] = counts.map(|count| count.to_string());
        table.row([field.label().into(), to_intacct.into(), to_jaggaer.into(), conflict.into(), left.into()]);
    }
    table
}

/// What would be written, and how it is started.
pub fn plan_end(plan: &VendorsPlan) -> String {
    let writes = format!(
        "Writes: {}.\nNever written, whatever differs: bank and payment data.\n",
        plan.writes(|number| number.to_string())
    );
    match &plan.started {
        Some((who, at)) => format!("{writes}Started by {who} at {}.\n", time(*at)),
        None => format!(
            "{writes}Until somebody starts it, nothing is written: `tollgate vendors start`, and type: {}\n",
            plan.phrase
        ),
    }
}
