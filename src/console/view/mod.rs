//! The picture: a function of the snapshot and the screen's state. It says when it changes by itself, so that one timer is enough.

mod detail;
mod failures;
mod frame;
mod log;
mod over;
mod overview;
mod pair;
mod plan;
mod rows;
mod vendors;

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

pub use self::over::{help_length, overlay_height, plan_length, results_length};
pub use self::pair::{extent as pair_extent, item_rows as pair_item_rows};

use super::actions::Action;
use super::state::{Marks, Panel, Ui};
use super::text::{self, count};
use crate::messages::Snapshot;
use crate::model::{DocumentId, Money};

/// The smallest screen.
const SMALLEST: (u16, u16) = (60, 15);

/// What drawing tells the shell.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Drawn {
    /// Where the cursor of a field stands.
    pub cursor: Option<Position>,
    /// When something changes by itself: an age, a countdown.
    pub next: Option<Timestamp>,
}

/// Draws everything.
pub fn view(snapshot: &Snapshot, ui: &Ui, frame: &mut Frame) -> Drawn {
    let area = frame.area();
    let buf = frame.buffer_mut();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let words = format!("Tollgate needs {}×{}; this is {}×{}", SMALLEST.0, SMALLEST.1, area.width, area.height);
        let rows: Vec<Line> = text::wrap(&words, area.width as usize).into_iter().map(Line::raw).collect();
        let y = area.y + area.height.saturating_sub(rows.len() as u16) / 2;
        put_all(buf, Rect { y, height: area.bottom() - y, ..area }, &rows);
        return Drawn::default();
    }
    let pen = Pen { ui, snapshot, next: Cell::new(None), cursor: Cell::new(None) };
    put(buf, line_of(area, 0), &pen.title(area.width as usize));
    put(buf, line_of(area, 1), &pen.tabs(area.width as usize));
    put(buf, line_of(area, 2), &pen.banner(area.width as usize));
    let body = Rect { y: area.y + 3, height: area.height - 5, ..area };
    match ui.panel {
        Panel::Overview => overview::draw(&pen, body, buf),
        Panel::Log => log::draw(&pen, body, buf),
        Panel::Vendors if ui.open && !ui.wide() => pair::draw(&pen, body, buf),
        _ if ui.open && !ui.wide() => detail::draw(&pen, body, buf),
        _ => {
            let (left, right) = panes(ui, body);
            match ui.panel {
                Panel::Failures => failures::draw(&pen, left, buf),
                Panel::Vendors => vendors::draw(&pen, left, buf),
                _ => rows::draw(&pen, left, buf),
            }
            if let Some(right) = right {
                for y in right.y..right.bottom() {
                    put(buf, Rect::new(right.x - 2, y, 1, 1), &Line::styled("│", ui.theme.quiet()));
                }
                match ui.panel {
                    Panel::Vendors => pair::draw(&pen, right, buf),
                    _ => detail::draw(&pen, right, buf),
                }
            }
        }
    }
    // A long notice covers what stands above it: it was asked for, or it matters.
    let notice = pen.notice(area.width as usize);
    for (line, row) in notice.iter().rev().zip((3..area.height - 1).rev()) {
        let place = line_of(area, row);
        Clear.render(place, buf);
        put(buf, place, line);
    }
    put(buf, line_of(area, area.height - 1), &pen.hints(area.width as usize));
    over::draw(&pen, area, buf);
    Drawn { cursor: pen.cursor.get(), next: pen.next.get() }
}

/// Rows between header and footer.
pub fn body_height(ui: &Ui) -> usize {
    usize::from(ui.size.1.saturating_sub(5))
}

/// Documents that a list shows at once.
pub fn list_height(ui: &Ui) -> usize {
    if ui.panel == Panel::Vendors {
        return vendors::list_height(ui);
    }
    let causes = if ui.panel == Panel::Failures { failures::height(ui) } else { 0 };
    body_height(ui).saturating_sub(2 + causes).max(1)
}

/// Rows of the document shown, and how many of them fit.
pub fn detail_extent(ui: &Ui) -> (usize, usize) {
    let body = Rect::new(0, 3, ui.size.0, body_height(ui) as u16);
    let area = panes(ui, body).1.unwrap_or(body);
    (detail::length(ui, area.width as usize), body_height(ui).saturating_sub(1).max(1))
}

/// List on the left, document on the right where there is room.
fn panes(ui: &Ui, body: Rect) -> (Rect, Option<Rect>) {
    if !ui.wide() {
        return (body, None);
    }
    let left = (u32::from(body.width) * 11 / 20) as u16;
    let right = Rect { x: body.x + left + 3, width: body.width - left - 3, ..body };
    (Rect { width: left, ..body }, Some(right))
}

/// The document's name in questions and notices.
pub fn name(ui: &Ui, id: DocumentId) -> String {
    let detail = ui.detail.as_ref().and_then(|detail| detail.data.as_ref()).map(|data| &data.row);
    let row = [&ui.queue, &ui.invoices, &ui.failures]
        .into_iter()
        .flat_map(|list| list.loaded())
        .chain(detail)
        .filter(|row| row.id == id)
        .max_by_key(|row| row.version);
    let Some(row) = row else { return format!("document {id}") };
    let number = row.number.as_ref().map_or_else(|| row.jaggaer_id.safe(), |number| number.safe());
    let supplier = row.supplier_name.as_ref().map(|name| format!(" of {}", name.safe())).unwrap_or_default();
    let total = row.total.map(|total| format!(", {}", money(total))).unwrap_or_default();
    format!("{number}{supplier}{total} ({}, document {id})", row.state.label())
}

/// The selection in words: `17 selected (3 not visible)`.
pub fn marked(ui: &Ui) -> Option<String> {
    if ui.panel == Panel::Vendors {
        return super::update::marked_pairs(ui);
    }
    match &ui.marks {
        Marks::None => None,
        Marks::Ids(ids) => {
            let list = ui.list_key().map(|key| ui.list(key));
            let height = list_height(ui);
            let hidden = ids.keys().filter(|id| !list.is_some_and(|list| list.shows(**id, height))).count();
            let hidden = if hidden > 0 { format!(" ({hidden} not visible)") } else { String::new() };
            Some(format!("{} selected{hidden}", ids.len()))
        }
        Marks::All(query, known) => {
            Some(format!("all {} selected that match: {}", count(*known), super::filter::describe(query)))
        }
    }
}

/// What the clipboard gets: the document shown, else the marked rows, else the row under the cursor.
pub fn excerpt(ui: &Ui) -> String {
    if ui.open {
        return plain(ui);
    }
    if ui.panel == Panel::Vendors {
        let vendors = &ui.vendors;
        let marked = vendors.list.loaded().filter(|row| vendors.marks.contains_key(&row.id));
        let one = vendors.list.current().filter(|_| vendors.marks.is_empty());
        return marked.chain(one).map(vendors::plain).collect::<Vec<_>>().join("\n");
    }
    let Some(key) = ui.list_key() else { return String::new() };
    let list = ui.list(key);
    let rows: Vec<String> = match &ui.marks {
        Marks::Ids(ids) => list.loaded().filter(|row| ids.contains_key(&row.id)).map(rows::plain).collect(),
        _ => list.current().map(rows::plain).into_iter().collect(),
    };
    rows.join("\n")
}

/// The view as plain text: the document shown, else all rows of the list that are here.
pub fn plain(ui: &Ui) -> String {
    if ui.panel == Panel::Vendors {
        if ui.open {
            return pair::plain(ui);
        }
        let mut text: String = ui.vendors.list.loaded().map(|row| vendors::plain(row) + "\n").collect();
        if !ui.vendors.list.complete() {
            text.push_str("(more follow)\n");
        }
        return text;
    }
    if ui.open {
        return detail::plain(ui);
    }
    let Some(key) = ui.list_key() else { return String::new() };
    let mut text: String = ui.list(key).loaded().map(|row| rows::plain(row) + "\n").collect();
    if !ui.list(key).complete() {
        text.push_str("(more follow)\n");
    }
    text
}

/// An amount with its currency, grouped: `1,204.00 USD`.
fn money(money: Money) -> String {
    let plain = money.amount.fixed(money.currency.digits());
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
    let (whole, cents) = digits.split_once('.').map_or((digits, None), |(whole, cents)| (whole, Some(cents)));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    let cents = cents.map(|cents| format!(".{cents}")).unwrap_or_default();
    format!("{sign}{whole}{cents} {}", money.currency)
}

/// Writes a line into the first row of an area, and nothing beyond it.
fn put(buf: &mut Buffer, area: Rect, line: &Line) {
    let area = area.intersection(buf.area);
    if area.height > 0 && area.width > 0 {
        buf.set_line(area.x, area.y, line, area.width);
    }
}

/// Writes lines from the top of an area, as far as they fit.
fn put_all(buf: &mut Buffer, area: Rect, lines: &[Line]) {
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        put(buf, Rect { y, height: 1, ..area }, line);
    }
}

/// Reverses or otherwise styles a whole row.
fn tint(buf: &mut Buffer, area: Rect, style: Style) {
    buf.set_style(area.intersection(buf.area), style);
}

fn line_of(area: Rect, row: u16) -> Rect {
    Rect { y: area.y + row, height: 1, ..area }
}

/// What drawing stands on: state, snapshot, and what it found out on the way.
struct Pen<'a> {
    ui: &'a Ui,
    snapshot: &'a Snapshot,
    next: Cell<Option<Timestamp>>,
    cursor: Cell<Option<Position>>,
}

impl Pen<'_> {
    /// Something changes by itself then.
    fn changes(&self, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.next.set(Some(self.next.get().map_or(at, |next| next.min(at))));
        }
    }

    fn ago(&self, at: Timestamp) -> String {
        let (words, next) = text::ago(self.ui.now, at);
        self.changes(next);
        format!("{words} ago")
    }

    fn left(&self, until: Timestamp) -> String {
        let (words, next) = text::left(self.ui.now, until);
        self.changes(next);
        words
    }

    /// The clock, and the day where it is not today.
    fn clock(&self, at: Timestamp) -> String {
        let zoned = at.to_zoned(self.ui.zone.clone());
        let today = self.ui.now.to_zoned(self.ui.zone.clone()).date();
        let pattern = if zoned.date() == today { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        zoned.strftime(pattern).to_string()
    }

    /// How old data are: nothing to say while they are fresh, then their age, then since when they are stale.
    fn freshness(&self, at: Timestamp) -> Option<String> {
        let age = self.ui.now.duration_since(at).as_secs().max(0);
        let wake = |seconds| self.changes(at.checked_add(SignedDuration::from_secs(seconds)).ok());
        match age {
            ..15 => {
                wake(15);
                None
            }
            15..120 => {
                wake((age / 5 + 1) * 5);
                Some(format!("{} s old", age / 5 * 5))
            }
            _ => Some(format!("stale since {}", self.clock(at))),
        }
    }

    fn key(&self, action: Action) -> String {
        self.ui.keymap.key(action).map(|key| key.to_string()).unwrap_or_else(|| format!(":{}", action.word()))
    }
}
