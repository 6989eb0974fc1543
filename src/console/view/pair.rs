//! One supplier and its vendor, side by side: what was agreed, what each says, and what becomes of it; vendors that look like
//! it; its trail.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::actions::Action;
use super::super::state::Ui;
use super::super::text::{count, cut, fit, width, wrap};
use super::super::theme::Theme;
use super::super::vendors::{Item, PairTab, PairView};
use super::{Pen, line_of, put, put_all, tint};
use crate::messages::{FieldView, PairDetail, SuggestionView, brackets, shown};
use crate::model::{PaymentAlert, Side, safe};

/// Columns of a field's name with the cursor and the sign.
const LABEL: usize = 15;
/// Rows that a value takes unless the cursor is on it.
const SHORT: usize = 3;

/// The rows of a pair, and where each item stands among them.
#[derive(Default)]
struct Rows {
    lines: Vec<Line<'static>>,
    items: Vec<(Item, usize, usize)>,
}

impl Rows {
    fn free(&mut self) {
        self.lines.push(Line::default());
    }

    fn heading(&mut self, theme: Theme, words: &str) {
        self.lines.push(Line::styled(words.to_owned(), theme.heading()));
    }

    fn text(&mut self, label: &str, text: &str, style: Style, cells: usize) {
        let room = cells.saturating_sub(width(label)).max(8);
        for (at, row) in wrap(text, room).into_iter().enumerate() {
            let label = if at == 0 { label.to_owned() } else { " ".repeat(width(label)) };
            self.lines.push(Line::from(vec![Span::raw(label), Span::styled(row, style)]));
        }
    }
}

pub fn draw(pen: &Pen, area: Rect, buf: &mut Buffer) {
    let theme = pen.ui.theme;
    let Some(pair) = &pen.ui.vendors.pair else { return };
    let mut tabs = vec![Span::raw(" ")];
    for (tab, action, word) in
        [(PairTab::Fields, Action::Facts, "both sides"), (PairTab::Trail, Action::Audit, "trail")]
    {
        let style = if tab == pair.tab { theme.chosen() } else { Style::new() };
        tabs.push(Span::styled(format!(" {} {word} ", pen.key(action)), style));
        tabs.push(Span::raw(" "));
    }
    if let Some(fault) = &pair.fault {
        let since = pair.read.filter(|_| pair.data.is_some());
        let since = since.map(|read| format!("stale since {}: ", pen.clock(read))).unwrap_or_default();
        tabs.push(Span::styled(cut(&format!("✗ {since}{fault}"), area.width as usize / 2), theme.bad()));
    }
    let inner = Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(1), height: area.height - 1 };
    let height = usize::from(inner.height);
    let rows = build(pen.ui, pair, area.width as usize);
    let length = rows.lines.len();
    let from = pair.scroll.min(length.saturating_sub(height));
    if length > height {
        let place = format!("  rows {}–{} of {}", from + 1, (from + height).min(length), count(length as u64));
        tabs.push(Span::styled(place, theme.quiet()));
    }
    put(buf, line_of(area, 0), &Line::from(tabs));
    put_all(buf, inner, rows.lines.get(from..).unwrap_or_default());
    let at = pair.item().filter(|_| pen.ui.open);
    if let Some((_, first, _)) = at.and_then(|at| rows.items.iter().find(|(item, _, _)| *item == at))
        && (from..from + height).contains(first)
    {
        tint(buf, Rect { y: inner.y + (first - from) as u16, height: 1, ..inner }, theme.chosen());
    }
}

/// Columns that the pair has, and rows.
fn area(ui: &Ui) -> (usize, usize) {
    let body = Rect::new(0, 3, ui.size.0, super::body_height(ui) as u16);
    let area = super::panes(ui, body).1.unwrap_or(body);
    (area.width as usize, super::body_height(ui).saturating_sub(1).max(1))
}

/// Rows of the pair shown, and how many of them fit.
pub fn extent(ui: &Ui) -> (usize, usize) {
    let (cells, height) = area(ui);
    let length = ui.vendors.pair.as_ref().map_or(0, |pair| build(ui, pair, cells).lines.len());
    (length, height)
}

/// The first row of the item under the cursor, and the one behind its last.
pub fn item_rows(ui: &Ui) -> (usize, usize) {
    let Some(pair) = &ui.vendors.pair else { return (0, 0) };
    let rows = build(ui, pair, area(ui).0);
    let at = pair.item();
    rows.items.into_iter().find(|(item, _, _)| Some(item) == at.as_ref()).map_or((0, 0), |(_, from, to)| (from, to))
}

/// The pair as plain text.
pub fn plain(ui: &Ui) -> String {
    let Some(pair) = &ui.vendors.pair else { return String::new() };
    let line = |line: &Line| {
        line.spans.iter().map(|span| span.content.as_ref()).collect::<String>().trim_end().to_owned() + "\n"
    };
    build(ui, pair, 120).lines.iter().map(line).collect()
}

fn time(ui: &Ui, at: jiff::Timestamp) -> String {
    at.to_zoned(ui.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

fn build(ui: &Ui, pair: &PairView, cells: usize) -> Rows {
    let cells = cells.saturating_sub(2);
    let theme = ui.theme;
    let mut rows = Rows::default();
    let Some(data) = &pair.data else {
        let words = pair.fault.clone().unwrap_or_else(|| "Reading…".to_owned());
        rows.text("", &words, theme.quiet(), cells);
        return rows;
    };
    head(ui, &mut rows, data, cells);
    match (pair.tab, &pair.trail) {
        (PairTab::Fields, _) => sides(ui, &mut rows, pair, data, cells),
        (PairTab::Trail, Some(Ok(trail))) => {
            for entry in trail.iter().rev() {
                let at = entry.at.to_zoned(ui.zone.clone()).strftime("%Y-%m-%d %H:%M:%S");
                rows.lines.push(Line::raw(cut(&format!("{at}  {}", safe(&entry.who)), cells)));
                rows.text("    ", &entry.what.safe(), Style::new(), cells);
            }
        }
        (PairTab::Trail, Some(Err(fault))) if !fault.is_empty() => rows.text("✗ ", fault, theme.bad(), cells),
        (PairTab::Trail, _) => rows.text("", "Reading…", theme.quiet(), cells),
    }
    rows
}

fn head(ui: &Ui, rows: &mut Rows, data: &PairDetail, cells: usize) {
    let theme = ui.theme;
    let row = &data.row;
    rows.lines.push(Line::styled(cut(&row.title(), cells), theme.heading()));
    let vendor = match (&row.vendor, &data.basis) {
        (Some(vendor), Some(basis)) => format!("vendor {} ({})", vendor.safe(), basis.label()),
        (Some(vendor), None) => format!("vendor {}", vendor.safe()),
        (None, _) => "no vendor".to_owned(),
    };
    let one_way = if data.writes_jaggaer { "" } else { "  one way: JAGGAER cannot be written" };
    let words = format!(" since {}  version {}  {vendor}{one_way}", time(ui, row.since), row.version);
    let state = super::vendors::state(theme, row.state);
    let room = cells.saturating_sub(width(&state.content));
    rows.lines.push(Line::from(vec![state, Span::raw(cut(&words, room))]));
    for alert in &data.alerts {
        let (style, words) = bank(ui, alert);
        rows.text("⚑ ", &words, style, cells);
    }
    for rival in &data.rivals {
        rows.text("▲ ", &rival.safe(), theme.warning(), cells);
    }
    for reason in data.other_reasons() {
        rows.text("▲ ", &format!("{}: {}", safe(&reason.title), reason.detail.safe()), theme.warning(), cells);
        rows.text("  What to do: ", &safe(&reason.advice), theme.good(), cells);
    }
    if let Some(error) = &data.error {
        let number = if error.errorno.is_blank() { String::new() } else { format!(" ({})", error.errorno.safe()) };
        let words = format!("{}: {}{number}", safe(&error.title), error.said.safe());
        rows.text("✗ ", &words, theme.bad(), cells);
        rows.text("  What it means: ", &safe(&error.meaning), Style::new(), cells);
        rows.text("  What to do:    ", &safe(&error.advice), theme.good(), cells);
    }
    for write in &data.writes {
        let what = if write.creates { "the vendor is created" } else { "an update" };
        let fields: Vec<_> = write.fields.iter().map(|(field, _)| field.label()).collect();
        let words = format!("{} to {}: {what} ({})", write.step.label(), write.to.label(), fields.join(", "));
        rows.text("→ ", &words, theme.moving(), cells);
    }
    rows.free();
}

fn bank(ui: &Ui, alert: &PaymentAlert) -> (Style, String) {
    let theme = ui.theme;
    let (style, grade) = match (&alert.seen, alert.high) {
        (Some((who, _)), _) => (theme.quiet(), format!("seen by {}: ", safe(who))),
        (None, true) => (theme.bad(), "HIGH ALERT, contact changed too: ".to_owned()),
        (None, false) => (theme.warning(), "bank alert: ".to_owned()),
    };
    let (old, new) = (shown(Some(&alert.old)), shown(Some(&alert.new)));
    let what = format!("{} at {} {}: {old} → {new}", alert.item.label(), alert.side.label(), time(ui, alert.at));
    (style, format!("{grade}{what}; not carried over"))
}

fn sides(ui: &Ui, rows: &mut Rows, pair: &PairView, data: &PairDetail, cells: usize) {
    let theme = ui.theme;
    let at = pair.item();
    let key = |action| super::super::update::named(ui, action);
    let (fields, differing) = data.ordered();
    let (differ, same) = fields.split_at_checked(differing).unwrap_or((&fields, &[]));
    let linked = data.row.vendor.is_some();
    if !linked {
        suggestions(ui, rows, data, at.as_ref(), cells);
    }
    if !differ.is_empty() {
        let each = cells.saturating_sub(LABEL + 2) / 3;
        let (left, right) = (
            format!("JAGGAER {} takes", key(Action::TakeJaggaer)),
            format!("Intacct {} takes", key(Action::TakeIntacct)),
        );
        let titles = format!(
            "{}{} {} {}",
            fit("  Differs", LABEL),
            fit("last agreed", each),
            fit(&left, each),
            fit(&right, each)
        );
        rows.lines.push(Line::styled(titles, theme.heading()));
        for view in differ {
            let item = Item::Field(view.field);
            let here = at.as_ref() == Some(&item);
            let first = rows.lines.len();
            let [agreed, _, _] = view.columns();
            let (jaggaer, intacct) = view.sides();
            let columns = [
                cell(&agreed, None, each),
                cell(&crate::messages::marked(&jaggaer), Some(brackets(&jaggaer)), each),
                cell(&crate::messages::marked(&intacct), Some(brackets(&intacct)), each),
            ];
            side_by_side(rows, theme, &format!("≠ {}", view.field.label()), here, &columns, each, here && ui.open);
            let style = if view.decided.is_some() { theme.good() } else { theme.quiet() };
            rows.text(&format!("{}└ ", " ".repeat(LABEL - 2)), &view.verdict(), style, cells);
            rows.items.push((item, first, rows.lines.len()));
        }
        rows.free();
    }
    if linked {
        suggestions(ui, rows, data, at.as_ref(), cells);
    }
    if !same.is_empty() {
        rows.heading(theme, if linked { "  The same on both sides" } else { "  The supplier" });
        for view in same {
            let item = Item::Field(view.field);
            let cursor = if at.as_ref() == Some(&item) { "▸" } else { " " };
            let label = fit(&format!("{cursor} {}", view.field.label()), LABEL);
            let text = same_value(view, linked);
            let first = rows.lines.len();
            let short = cut(&text, cells.saturating_sub(LABEL));
            if cursor == "▸" && ui.open {
                rows.text(&label, &text, Style::new(), cells);
            } else {
                rows.lines.push(Line::raw(format!("{label}{short}")));
            }
            rows.items.push((item, first, rows.lines.len()));
        }
        rows.free();
    }
    if !data.refused.is_empty() {
        let refused: Vec<_> = data.refused.iter().map(|vendor| vendor.safe()).collect();
        rows.text("  Refused     ", &refused.join(", "), Style::new(), cells);
    }
    rows.text("  JAGGAER id  ", &data.supplier.safe(), Style::new(), cells);
    if let Some(record) = &data.record {
        rows.text("  Record      ", &safe(record), Style::new(), cells);
    }
    rows.text("  First seen  ", &time(ui, data.first_seen), Style::new(), cells);
    for (side, changed) in &data.modified {
        rows.text("  Changed     ", &format!("at {} {}", side.label(), time(ui, *changed)), Style::new(), cells);
    }
}

/// One value for both sides, or what the one has that the other does not offer.
fn same_value(view: &FieldView, linked: bool) -> String {
    let [_, jaggaer, intacct] = view.columns();
    match (view.value(Side::Jaggaer), view.value(Side::Intacct)) {
        (Some(_), Some(_)) if jaggaer == intacct => jaggaer,
        (Some(_), Some(_)) => format!("{jaggaer}  (Intacct: {intacct})"),
        (Some(_), None) if !linked => jaggaer,
        (Some(_), None) => format!("{jaggaer}  (JAGGAER only)"),
        (None, _) => format!("{intacct}  (Intacct only)"),
    }
}

/// Vendors that look like the supplier; the one under the cursor beside it.
fn suggestions(ui: &Ui, rows: &mut Rows, data: &PairDetail, at: Option<&Item>, cells: usize) {
    let theme = ui.theme;
    if data.suggestions.is_empty() {
        return;
    }
    let key = |action| super::super::update::named(ui, action);
    let words = format!("  Looks like it: {} links, {} refuses", key(Action::LinkVendor), key(Action::RefuseVendor));
    rows.heading(theme, &words);
    for suggestion in &data.suggestions {
        let item = Item::Suggestion(suggestion.vendor.clone());
        let here = at == Some(&item);
        let first = rows.lines.len();
        let cursor = if here { "▸" } else { " " };
        let name = suggestion.fields.iter().find(|(field, _)| *field == crate::model::MasterField::Name);
        let name = name.map(|(_, name)| format!("  {}", name.safe())).unwrap_or_default();
        let words = format!("{cursor} ? vendor {}: {}{name}", suggestion.vendor.safe(), suggestion.tier.label());
        rows.lines.push(Line::styled(cut(&words, cells), theme.warning()));
        for other in &suggestion.others {
            rows.text("    ▲ ", &other.safe(), theme.warning(), cells);
        }
        if here {
            beside(rows, theme, data, suggestion, cells);
        }
        rows.items.push((item, first, rows.lines.len()));
    }
    rows.free();
}

fn beside(rows: &mut Rows, theme: Theme, data: &PairDetail, suggestion: &SuggestionView, cells: usize) {
    let each = cells.saturating_sub(LABEL + 1) / 2;
    let titles = format!("{}{} {}", " ".repeat(LABEL), fit("JAGGAER", each), fit("Intacct", each));
    rows.lines.push(Line::styled(titles, theme.heading()));
    for view in &data.beside(suggestion) {
        let (jaggaer, intacct) = view.sides();
        let columns = [
            cell(&crate::messages::marked(&jaggaer), Some(brackets(&jaggaer)), each),
            cell(&crate::messages::marked(&intacct), Some(brackets(&intacct)), each),
        ];
        let sign = if view.differs() { "≠" } else { " " };
        side_by_side(rows, theme, &format!("{sign} {}", view.field.label()), false, &columns, each, false);
    }
}

/// A value in rows, with the brackets that mark what differs in it.
struct Cell {
    rows: Vec<String>,
    marks: Option<(char, char)>,
}

fn cell(text: &str, marks: Option<(char, char)>, cells: usize) -> Cell {
    Cell { rows: wrap(text, cells), marks }
}

/// Values beside each other; long ones are cut unless the cursor is on them.
fn side_by_side(rows: &mut Rows, theme: Theme, label: &str, here: bool, columns: &[Cell], each: usize, whole: bool) {
    let all = columns.iter().map(|column| column.rows.len()).max().unwrap_or(0);
    let take = if whole { all } else { all.min(SHORT) };
    let mut inside: Vec<bool> = columns.iter().map(|_| false).collect();
    for at in 0..take {
        let cursor = if here && at == 0 { "▸" } else { " " };
        let label = if at == 0 { label } else { "" };
        let mut spans = vec![Span::raw(fit(&format!("{cursor}{label}"), LABEL))];
        for (column, inside) in columns.iter().zip(&mut inside) {
            let text = column.rows.get(at).map(String::as_str).unwrap_or_default();
            let more = at + 1 == take && column.rows.len() > take;
            let text = if more { cut(&format!("{text} …"), each) } else { text.to_owned() };
            let used = width(&text);
            spans.extend(marked_spans(&text, column.marks, inside, theme));
            spans.push(Span::raw(" ".repeat(each.saturating_sub(used) + 1)));
        }
        rows.lines.push(Line::from(spans));
    }
}

/// The text with what stands in its brackets marked, and the brackets with it; `inside` goes on in the next row.
fn marked_spans(text: &str, marks: Option<(char, char)>, inside: &mut bool, theme: Theme) -> Vec<Span<'static>> {
    let Some((open, close)) = marks else { return vec![Span::raw(text.to_owned())] };
    let mut spans = Vec::new();
    let mut run = String::new();
    let mut push = |run: &mut String, inside: bool| {
        if !run.is_empty() {
            let style = if inside { theme.differing() } else { Style::new() };
            spans.push(Span::styled(std::mem::take(run), style));
        }
    };
    for c in text.chars() {
        if c == open && !*inside {
            push(&mut run, false);
            *inside = true;
        }
        run.push(c);
        if c == close && *inside {
            push(&mut run, true);
            *inside = false;
        }
    }
    push(&mut run, *inside);
    spans
}
