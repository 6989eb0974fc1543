//! One document: what happened and what to do first, then the comparison with the ledger, facts, lines, posting; its
//! explanation; its trail.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::actions::Action;
use super::super::state::{Detail, Tab, Ui};
use super::super::text::{count, cut, fit, fit_right, width, wrap};
use super::super::theme::Theme;
use super::{Pen, line_of, money, put, put_all};
use crate::messages::{BillView, DocumentDetail};
use crate::model::{Flag, safe};

/// Rows that are counted, and made only where they are on the screen: an invoice may have ten thousand lines.
struct Rows {
    skip: usize,
    take: usize,
    count: usize,
    lines: Vec<Line<'static>>,
}

impl Rows {
    fn new(skip: usize, take: usize) -> Self {
        Rows { skip, take, count: 0, lines: Vec::new() }
    }

    fn add(&mut self, line: impl FnOnce() -> Line<'static>) {
        if self.count >= self.skip && self.count - self.skip < self.take {
            self.lines.push(line());
        }
        self.count += 1;
    }

    fn free(&mut self) {
        self.add(Line::default);
    }

    fn heading(&mut self, theme: Theme, words: &str) {
        let words = words.to_owned();
        self.add(|| Line::styled(words, theme.heading()));
    }

    /// A label and a text that may take several rows.
    fn text(&mut self, label: &str, text: &str, style: Style, cells: usize) {
        let room = cells.saturating_sub(width(label)).max(8);
        for (at, row) in wrap(text, room).into_iter().enumerate() {
            let label = if at == 0 { label.to_owned() } else { " ".repeat(width(label)) };
            self.add(|| Line::from(vec![Span::raw(label), Span::styled(row, style)]));
        }
    }
}

pub fn draw(pen: &Pen, area: Rect, buf: &mut Buffer) {
    let theme = pen.ui.theme;
    let Some(detail) = &pen.ui.detail else { return };
    let mut tabs = vec![Span::raw(" ")];
    for (tab, action, word) in [
        (Tab::Facts, Action::Facts, "facts"),
        (Tab::Explain, Action::Explain, "explain"),
        (Tab::Audit, Action::Audit, "audit"),
    ] {
        let style = if tab == detail.tab { theme.chosen() } else { Style::new() };
        tabs.push(Span::styled(format!(" {} {word} ", pen.key(action)), style));
        tabs.push(Span::raw(" "));
    }
    if let Some(fault) = &detail.fault {
        let since = detail.read.filter(|_| detail.data.is_some());
        let since = since.map(|read| format!("stale since {}: ", pen.clock(read))).unwrap_or_default();
        tabs.push(Span::styled(cut(&format!("✗ {since}{fault}"), area.width as usize / 2), theme.bad()));
    }
    let inner = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let shown = usize::from(inner.height);
    let length = length(pen.ui, inner.width as usize);
    let from = detail.scroll.min(length.saturating_sub(shown));
    if length > shown {
        let place = format!("  rows {}–{} of {}", from + 1, (from + shown).min(length), count(length as u64));
        tabs.push(Span::styled(place, theme.quiet()));
    }
    put(buf, line_of(area, 0), &Line::from(tabs));
    let rows = rows(pen.ui, detail, inner.width as usize, from, shown);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner };
    put_all(buf, inner, &rows.lines);
}

/// Rows that the document takes.
pub fn length(ui: &Ui, cells: usize) -> usize {
    ui.detail.as_ref().map_or(0, |detail| rows(ui, detail, cells, 0, 0).count)
}

/// The document as plain text.
pub fn plain(ui: &Ui) -> String {
    let Some(detail) = &ui.detail else { return String::new() };
    let rows = rows(ui, detail, 120, 0, usize::MAX);
    let lines: Vec<String> = rows
        .lines
        .iter()
        .map(|line| line.spans.iter().map(|span| span.content.as_ref()).collect::<String>().trim_end().to_owned())
        .collect();
    lines.join("\n") + "\n"
}

fn rows(ui: &Ui, detail: &Detail, cells: usize, skip: usize, take: usize) -> Rows {
    let cells = cells.saturating_sub(2);
    let mut rows = Rows::new(skip, take);
    let theme = ui.theme;
    let Some(data) = &detail.data else {
        let words = detail.fault.clone().unwrap_or_else(|| "Reading…".to_owned());
        rows.text("", &words, theme.quiet(), cells);
        return rows;
    };
    head(ui, &mut rows, data, cells);
    match detail.tab {
        Tab::Facts => facts(ui, &mut rows, data, cells),
        Tab::Explain => match &detail.explanation {
            Some(Ok(explanation)) => {
                for line in explanation.text.lines() {
                    // What does not fit stands below its beginning.
                    let words = line.trim_start();
                    let indent = " ".repeat(line.len() - words.len());
                    rows.text(&indent, &safe(words), Style::new(), cells);
                }
            }
            Some(Err(fault)) if !fault.is_empty() => rows.text("✗ ", fault, theme.bad(), cells),
            _ => rows.text("", "Reading…", theme.quiet(), cells),
        },
        Tab::Audit => match &detail.trail {
            Some(Ok(trail)) => {
                for entry in trail {
                    let at = entry.at.to_zoned(ui.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
                    let state = entry.state.map(|state| {
                        let (glyph, style) = theme.state(state);
                        Span::styled(format!("{glyph} {}", state.label()), style)
                    });
                    let who = safe(&entry.who).into_owned();
                    rows.add(|| {
                        let mut spans = vec![Span::raw(format!("{at}  {who}  "))];
                        spans.extend(state);
                        Line::from(spans)
                    });
                    rows.text("    ", &entry.what.safe(), Style::new(), cells);
                }
            }
            Some(Err(fault)) if !fault.is_empty() => rows.text("✗ ", fault, theme.bad(), cells),
            _ => rows.text("", "Reading…", theme.quiet(), cells),
        },
    }
    rows
}

fn head(ui: &Ui, rows: &mut Rows, data: &DocumentDetail, cells: usize) {
    let theme = ui.theme;
    let row = &data.row;
    let number = row.number.as_ref().unwrap_or(&row.jaggaer_id).safe().into_owned();
    let supplier = row.supplier_name.as_ref().map(|name| name.safe().into_owned()).unwrap_or_default();
    let total = row.total.map(money).unwrap_or_else(|| "no total".to_owned());
    rows.add(|| Line::styled(cut(&format!("{number}  {supplier}  {total}"), cells), theme.heading()));
    let (glyph, style) = theme.state(row.state);
    let since = row.since.to_zoned(ui.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    let record = row.record.as_ref().map(|record| format!("  Intacct record {}", safe(&record.0))).unwrap_or_default();
    rows.add(|| {
        Line::from(vec![
            Span::styled(format!("{glyph} {}", row.state.label()), style),
            Span::raw(format!(" since {since}  document {} version {}{record}", row.id, row.version)),
        ])
    });
    for flag in &row.flags {
        let words = match flag {
            Flag::ChangedAfterPosting(what) => format!("changed after posting: {}", what.safe()),
            Flag::Twin(record) => format!("a bill with the same number stands beside it: record {}", safe(&record.0)),
            Flag::TextCleaned(number) => format!("{number} characters that XML forbids were removed before sending"),
            Flag::Adopted => "found in Intacct, and taken as its bill".to_owned(),
        };
        rows.text("⚑ ", &words, theme.warning(), cells);
    }
    rows.free();
}

fn facts(ui: &Ui, rows: &mut Rows, data: &DocumentDetail, cells: usize) {
    let theme = ui.theme;
    if let Some(error) = &data.error {
        rows.heading(theme, &safe(&error.title));
        let number = error.errorno.safe();
        rows.text(
            "What happened  ",
            &format!("{} ({number}, {})", error.said.safe(), error.class.word()),
            Style::new(),
            cells,
        );
        rows.text("What it means  ", &safe(&error.meaning), Style::new(), cells);
        rows.text("What to do     ", &safe(&error.advice), theme.good(), cells);
        rows.free();
    }
    for reason in &data.reasons {
        rows.text("▲ ", &safe(&reason.title), theme.warning(), cells);
        if !reason.detail.is_blank() {
            rows.text("  ", &reason.detail.safe(), Style::new(), cells);
        }
        rows.text("  What to do: ", &safe(&reason.advice), theme.good(), cells);
        rows.free();
    }
    let possible: Vec<String> = data
        .actions
        .iter()
        .filter_map(|word| Action::parse(word))
        .map(|action| format!("{} {}", super::super::update::named(ui, action), action.word().replace('_', " ")))
        .collect();
    if !possible.is_empty() && !ui.read_only {
        rows.text("Possible now   ", &possible.join("   "), theme.heading(), cells);
        rows.free();
    }
    if let Some(ledger) = &data.ledger {
        compare(theme, rows, data.posting.as_ref().map(|posting| &posting.bill), ledger, cells);
    }

    rows.heading(theme, "Invoice");
    let row = &data.row;
    let mut facts: Vec<(String, String)> = vec![("Document key".into(), data.key.safe().into_owned())];
    facts.push(("JAGGAER id".into(), row.jaggaer_id.safe().into_owned()));
    facts.extend(row.buyer_number.as_ref().map(|number| ("JAGGAER number".into(), number.safe().into_owned())));
    facts.extend(row.supplier_number.as_ref().map(|number| ("Supplier number".into(), number.safe().into_owned())));
    facts.extend(row.date.map(|date| ("Invoice date".into(), date.to_string())));
    facts.push(("Approval".into(), safe(&data.approval).into_owned()));
    let first_seen = data.first_seen.to_zoned(ui.zone.clone());
    facts.push(("First seen".into(), first_seen.strftime("%Y-%m-%d %H:%M").to_string()));
    for (name, value) in &data.facts {
        facts.push((safe(name).into_owned(), value.safe().into_owned()));
    }
    for (name, value) in facts {
        rows.text(&fit(&name, 17), &value, Style::new(), cells);
    }
    rows.free();

    rows.heading(theme, &format!("Lines ({})", count(data.lines.len() as u64)));
    for line in &data.lines {
        rows.add(|| {
            let head = format!("{:>5} {} ", line.number, fit(&safe(&line.kind), 9));
            let amount = fit_right(&line.amount.to_string(), 14);
            let room = cells.saturating_sub(width(&head) + 15);
            Line::raw(format!("{head}{} {amount}", fit(&line.description.safe(), room)))
        });
        for (amount, segments) in &line.splits {
            rows.add(|| {
                let words: Vec<String> =
                    segments.iter().map(|(name, value)| format!("{} {}", safe(name), value.safe())).collect();
                let room = cells.saturating_sub(31);
                let amount = fit_right(&amount.to_string(), 14);
                Line::styled(format!("{}{} {amount}", " ".repeat(16), fit(&words.join(" · "), room)), theme.quiet())
            });
        }
    }
    let Some(posting) = &data.posting else { return };
    rows.free();
    rows.heading(theme, "Posting");
    let attempts = match posting.last_attempt {
        Some(at) => {
            let at = at.to_zoned(ui.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
            format!("{}, the last {at}", posting.attempts)
        }
        None => posting.attempts.to_string(),
    };
    for (name, value) in [
        ("Generation", posting.generation.to_string()),
        ("Attempts", attempts),
        ("Control id", safe(&posting.control_id).into_owned()),
        ("Mark", safe(&posting.mark).into_owned()),
        ("Mapping", safe(&posting.mapping).into_owned()),
    ] {
        rows.text(&fit(name, 17), &value, Style::new(), cells);
    }
    for (name, value) in fields(&posting.bill).into_iter().filter(|(_, value)| !value.is_empty()) {
        rows.text(&fit(name, 17), &value, Style::new(), cells);
    }
    for line in &posting.bill.lines {
        rows.add(|| Line::raw(cut(&format!("  {}", safe(line)), cells)));
    }
}

/// Fields of a bill, in the order of a comparison.
fn fields(bill: &BillView) -> [(&'static str, String); 9] {
    let date = |date: Option<crate::model::Date>| date.map(|date| date.to_string()).unwrap_or_default();
    [
        ("Record", bill.record.as_deref().map(|record| safe(record).into_owned()).unwrap_or_default()),
        ("Vendor", bill.vendor.safe().into_owned()),
        ("Bill number", bill.number.safe().into_owned()),
        ("Total", bill.total.map(money).unwrap_or_default()),
        ("Date", date(bill.date)),
        ("Due", date(bill.due)),
        ("Posting date", date(bill.posting_date)),
        ("State", bill.state.safe().into_owned()),
        ("Description", bill.description.safe().into_owned()),
    ]
}

/// Ours and the ledger's, side by side; what differs has a sign and a word.
fn compare(theme: Theme, rows: &mut Rows, ours: Option<&BillView>, ledger: &BillView, cells: usize) {
    let half = cells.saturating_sub(14 + 3 + 8) / 2;
    let head = format!("{}   {} {}", fit("Comparison", 14), fit("ours", half), fit("in Intacct", half));
    rows.add(|| Line::styled(head, theme.heading()));
    let own = ours.map(fields);
    let mut row = |name: &str, mine: Option<&str>, theirs: &str, judged: bool| {
        let differs = judged && mine.is_some_and(|mine| mine != theirs) && !theirs.is_empty();
        let (sign, style, word) = if differs { ("≠", theme.bad(), "differs") } else { (" ", Style::new(), "") };
        let text = format!("{} {sign} {} {} {word}", fit(name, 14), fit(mine.unwrap_or("–"), half), fit(theirs, half));
        rows.add(|| Line::styled(text, style));
    };
    for (at, (name, theirs)) in fields(ledger).iter().enumerate() {
        let mine = own.as_ref().and_then(|own| own.get(at)).map(|(_, value)| value.as_str());
        // A frozen bill has neither record nor state yet, and its description carries the mark.
        row(name, mine, theirs, !matches!(*name, "Record" | "State" | "Description"));
    }
    let own_lines = ours.map_or(&[][..], |bill| bill.lines.as_slice());
    let known = !ledger.lines.is_empty() && !own_lines.is_empty();
    for at in 0..own_lines.len().max(ledger.lines.len()).min(200) {
        let mine = own_lines.get(at).map(|line| safe(line));
        let theirs = ledger.lines.get(at).map(|line| safe(line)).unwrap_or_default();
        row(&format!("Line {}", at + 1), mine.as_deref(), &theirs, known);
    }
    rows.free();
}
