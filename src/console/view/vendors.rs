//! Suppliers and vendors: how many stand where, and the list of the states that are shown.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::actions::Action;
use super::super::state::Ui;
use super::super::text::{count, cut, fit, width};
use super::super::theme::Theme;
use super::super::vendors::Shown;
use super::{Pen, line_of, put, tint};
use crate::messages::{EnginePhase, PairRow};
use crate::model::{PairState, safe};

/// Rows that the states take.
fn head_height(ui: &Ui) -> usize {
    let body = Rect::new(0, 3, ui.size.0, super::body_height(ui) as u16);
    chips(ui, super::panes(ui, body).0.width as usize).len()
}

/// Suppliers that the list shows at once.
pub fn list_height(ui: &Ui) -> usize {
    super::body_height(ui).saturating_sub(2 + head_height(ui)).max(1)
}

/// The states with their numbers, in as many rows as they need; what is shown stands in brackets.
fn chips(ui: &Ui, cells: usize) -> Vec<Line<'static>> {
    let status = &ui.snapshot.vendors;
    let now = ui.vendors.shown(status);
    let theme = ui.theme;
    let mut rows = Vec::new();
    let mut row: Vec<Span> = Vec::new();
    let mut used = 0;
    for shown in Shown::ALL {
        let number = shown.count(status);
        if number == 0 && shown != now && !matches!(shown, Shown::All | Shown::Attention) {
            continue;
        }
        let (glyph, style) = match shown {
            Shown::State(state) => theme.pair(state),
            Shown::Alerted if status.high > 0 => ("⚑", theme.bad()),
            Shown::Alerted => ("⚑", theme.warning()),
            Shown::All | Shown::Attention => ("", Style::new()),
        };
        let glyph = if glyph.is_empty() { String::new() } else { format!("{glyph} ") };
        let words = format!("{glyph}{} {}", shown.title(), count(number));
        let (words, style) = match shown == now {
            true => (format!("[{words}]"), theme.chosen()),
            false => (format!(" {words} "), style),
        };
        if used + width(&words) + 1 > cells && used > 0 {
            rows.push(Line::from(std::mem::take(&mut row)));
            used = 0;
        }
        used += width(&words) + 1;
        row.push(Span::styled(words, style));
        row.push(Span::raw(" "));
    }
    rows.push(Line::from(row));
    rows
}

/// Whether anything is written, and what.
pub fn banner(pen: &Pen) -> (Style, String) {
    let theme = pen.ui.theme;
    let status = &pen.snapshot.vendors;
    let plan = pen.key(Action::Plan);
    match &status.started {
        _ if pen.snapshot.phase == EnginePhase::Starting && status.total() == 0 => {
            (theme.moving(), "◔ how suppliers and vendors stand is not known yet".to_owned())
        }
        _ if !status.reads_jaggaer && status.total() == 0 => {
            (theme.moving(), "○ suppliers are not read: JAGGAER's profile has none".to_owned())
        }
        None => {
            let key = pen.key(Action::StartVendors);
            let ways = if status.writes_jaggaer { "" } else { "; JAGGAER cannot be written" };
            (theme.warning(), format!("◔ NOT STARTED: nothing is written; {plan} shows the plan, {key} starts{ways}"))
        }
        Some((who, at)) => (theme.good(), format!("● STARTED by {} {}: {}", safe(who), pen.clock(*at), status.scope())),
    }
}

/// How suppliers and vendors stand, in one row of the overview; none where they are not known.
pub fn summary(pen: &Pen, cells: usize) -> Option<Line<'static>> {
    let status = &pen.snapshot.vendors;
    if !status.is_known() {
        return None;
    }
    let theme = pen.ui.theme;
    let mut spans = vec![Span::styled(fit("  Suppliers", 15), theme.heading())];
    let started = match &status.started {
        None => ("◔ not started".to_owned(), theme.warning()),
        Some(_) => ("● started".to_owned(), theme.good()),
    };
    let mut parts = vec![started];
    for state in [
        PairState::Conflict,
        PairState::Suggested,
        PairState::Failed,
        PairState::Held,
        PairState::Writing,
        PairState::Differs,
        PairState::New,
        PairState::Agreed,
    ] {
        let number = status.count(state);
        if number > 0 {
            let (glyph, style) = theme.pair(state);
            parts.push((format!("{glyph} {} {}", count(number), state.word()), style));
        }
        if state == PairState::Conflict && status.alerted > 0 {
            let (word, style) = if status.high > 0 { ("bank, HIGH", theme.bad()) } else { ("bank", theme.warning()) };
            parts.push((format!("⚑ {} {word}", count(status.alerted)), style));
        }
    }
    let mut used = 15;
    for (words, style) in parts {
        if used + width(&words) > cells {
            break;
        }
        used += width(&words) + 2;
        spans.push(Span::styled(words, style));
        spans.push(Span::raw("  "));
    }
    Some(Line::from(spans))
}

pub fn draw(pen: &Pen, area: Rect, buf: &mut Buffer) {
    let ui = pen.ui;
    let list = &ui.vendors.list;
    let theme = ui.theme;
    let chips = chips(ui, area.width as usize);
    let used = (chips.len() as u16).min(area.height);
    super::put_all(buf, area, &chips);
    let area = Rect { y: area.y + used, height: area.height - used, ..area };
    put(buf, line_of(area, 0), &heading(pen, area.width as usize));
    if area.height < 3 {
        return;
    }
    let columns = Columns::new(area.width as usize);
    put(buf, line_of(area, 1), &Line::styled(columns.titles(), theme.quiet()));
    let mut drawn = 0;
    for (y, (index, row)) in (area.y + 2..).zip(list.window(usize::from(area.height - 2))) {
        drawn += 1;
        let place = Rect { y, height: 1, ..area };
        let Some(row) = row else {
            put(buf, place, &Line::styled("    …", theme.quiet()));
            continue;
        };
        let here = index == list.index;
        let cursor = match here {
            true if list.lost => "▹",
            true => "▸",
            false => " ",
        };
        let mark = if ui.vendors.marks.contains_key(&row.id) { "●" } else { " " };
        put(buf, place, &columns.row(pen, row, cursor, mark));
        if here && !ui.open {
            tint(buf, place, theme.chosen());
        }
    }
    if drawn == 0 && area.height > 3 {
        let words = if list.query().is_none() {
            "The filter leaves nothing of these states."
        } else if list.fault.is_some() {
            "The list could not be read."
        } else if list.waiting() {
            "Reading…"
        } else if pen.snapshot.vendors.total() == 0 && !pen.snapshot.vendors.reads_jaggaer {
            "They are listed once JAGGAER's profile says where its suppliers are."
        } else if pen.snapshot.vendors.total() == 0 {
            "No supplier was read yet: the flow vendors does it."
        } else if ui.vendors.filter_text.is_empty() {
            "Nothing here."
        } else {
            "Nothing matches the filter."
        };
        put(buf, line_of(area, 3), &Line::styled(format!("  {words}"), theme.quiet()));
    }
}

fn heading(pen: &Pen, cells: usize) -> Line<'static> {
    let theme = pen.ui.theme;
    let vendors = &pen.ui.vendors;
    let list = &vendors.list;
    let (size, certain) = list.size();
    let number = match size {
        _ if list.waiting() => "…".to_owned(),
        0 => "0".to_owned(),
        size => {
            format!("{} of {}{}", count(list.index as u64 + 1), if certain { "" } else { "at least " }, count(size))
        }
    };
    let mut spans = vec![Span::styled(format!(" {number}"), theme.heading())];
    let states = format!("  {} {} other states", pen.key(Action::Left), pen.key(Action::Right));
    if !vendors.filter_text.is_empty() {
        spans.push(Span::raw("  filter: "));
        spans.push(Span::styled(safe(&vendors.filter_text).into_owned(), theme.moving()));
    }
    match &list.fault {
        Some(fault) => {
            let since = list.read.map(|read| format!("stale since {}: ", pen.clock(read))).unwrap_or_default();
            spans.push(Span::styled(format!("  ✗ {since}{fault}"), theme.bad()));
        }
        None => spans.push(Span::styled(states, theme.quiet())),
    }
    let mut used = 0;
    for span in &mut spans {
        span.content = cut(&span.content, cells.saturating_sub(used)).into();
        used += width(&span.content);
    }
    Line::from(spans)
}

/// Which columns there is room for, in cells.
struct Columns {
    number: usize,
    name: usize,
    vendor: usize,
    since: usize,
    why: usize,
}

const STATE: usize = 11;

impl Columns {
    fn new(cells: usize) -> Self {
        let mut columns = match cells {
            ..100 => Columns { number: 10, name: 18, vendor: 0, since: 0, why: 0 },
            100..130 => Columns { number: 12, name: 28, vendor: 12, since: 0, why: 0 },
            _ => Columns { number: 12, name: 32, vendor: 12, since: 16, why: 0 },
        };
        let fixed = [columns.number, columns.name, columns.vendor, columns.since];
        let fixed: usize = fixed.iter().filter(|cells| **cells > 0).map(|cells| cells + 1).sum();
        columns.why = cells.saturating_sub(3 + STATE + 1 + fixed);
        columns
    }

    fn join(&self, [number, name, vendor, since, why]: [&str; 5]) -> String {
        let cells =
            [(number, self.number), (name, self.name), (vendor, self.vendor), (since, self.since), (why, self.why)];
        let shown: Vec<String> =
            cells.into_iter().filter(|(_, cells)| *cells > 0).map(|(text, cells)| fit(text, cells)).collect();
        shown.join(" ")
    }

    fn titles(&self) -> String {
        let rest = self.join(["supplier", "name", "vendor", "since", "why"]);
        format!("   {} {rest}", fit("state", STATE))
    }

    fn row(&self, pen: &Pen, row: &PairRow, cursor: &str, mark: &str) -> Line<'static> {
        let (glyph, style) = pen.ui.theme.pair(row.state);
        let vendor = row.vendor.as_ref().map(|vendor| vendor.safe().into_owned()).unwrap_or_default();
        let since = if self.since > 0 { pen.clock(row.since) } else { String::new() };
        let rest = self.join([&row.number.safe(), &row.name.safe(), &vendor, &since, &row.why()]);
        Line::from(vec![
            Span::raw(format!("{cursor}{mark} ")),
            Span::styled(fit(&format!("{glyph} {}", row.state.word()), STATE), style),
            Span::raw(format!(" {rest}")),
        ])
    }
}

/// A row as text, its cells apart by tabs.
pub fn plain(row: &PairRow) -> String {
    [
        row.id.to_string(),
        row.state.word().to_owned(),
        row.number.safe().into_owned(),
        row.name.safe().into_owned(),
        row.vendor.as_ref().map(|vendor| vendor.safe().into_owned()).unwrap_or_default(),
        row.why(),
    ]
    .join("\t")
}

/// A state's sign and word, for the head of one pair.
pub fn state(theme: Theme, state: PairState) -> Span<'static> {
    let (glyph, style) = theme.pair(state);
    Span::styled(format!("{glyph} {}", state.word()), style)
}
