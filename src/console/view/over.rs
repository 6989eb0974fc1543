//! What lies over the panels: keys, palette, filter, questions, results.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};
use tui_input::Input;

use super::super::actions::{Action, Scope};
use super::super::dialog::Dialog;
use super::super::state::{Overlay, Panel, Ui};
use super::super::text::{cut, fit, width, wrap};
use super::{Pen, line_of, plan, put, put_all, tint};
use crate::model::safe;

/// Rows inside of help and results.
pub fn overlay_height(ui: &Ui) -> usize {
    usize::from(ui.size.1.saturating_sub(6)).max(1)
}

/// Rows of the help.
pub fn help_length(ui: &Ui) -> usize {
    help(ui).len()
}

/// Rows of the results.
pub fn results_length(ui: &Ui) -> usize {
    results(ui, usize::from(box_width(ui.size.0).saturating_sub(4))).len()
}

/// The sentence of the last order, and what came of it row by row.
fn results(ui: &Ui, cells: usize) -> Vec<Line<'static>> {
    let Some((_, outcome)) = &ui.outcome else { return Vec::new() };
    let mut lines: Vec<Line> = wrap(&safe(&outcome.message), cells).into_iter().map(Line::raw).collect();
    if !outcome.rows.is_empty() {
        lines.push(Line::default());
    }
    for row in &outcome.rows {
        let (words, style) = match row.done {
            true => ("✓ done    ", ui.theme.good()),
            false => ("✗ refused ", ui.theme.bad()),
        };
        let id = format!("{:>7}  ", row.id);
        let (text, room) = (safe(&row.message), cells.saturating_sub(10 + width(&id)));
        for (at, text) in wrap(&text, room).into_iter().enumerate() {
            let (words, id) = if at == 0 { (words, id.clone()) } else { ("          ", " ".repeat(width(&id))) };
            lines.push(Line::from(vec![Span::styled(words, style), Span::raw(format!("{id}{text}"))]));
        }
    }
    lines
}

/// Rows of the plan.
pub fn plan_length(ui: &Ui) -> usize {
    plan::lines(ui, usize::from(box_width(ui.size.0).saturating_sub(4))).len()
}

pub fn draw(pen: &Pen, area: Rect, buf: &mut Buffer) {
    match &pen.ui.overlay {
        None => {}
        Some(Overlay::Help(from)) => {
            let lines = help(pen.ui);
            let inner = frame(pen, area, buf, "Keys", lines.len());
            put_all(buf, inner, lines.get(*from..).unwrap_or_default());
        }
        Some(Overlay::Plan(from)) => {
            let lines = plan::lines(pen.ui, usize::from(box_width(area.width).saturating_sub(4)));
            let more = if lines.len() > overlay_height(pen.ui) { ": ↑ ↓ for all of it" } else { "" };
            let title = format!("What a start of the vendors would do{more}");
            let inner = frame(pen, area, buf, &title, lines.len());
            put_all(buf, inner, lines.get(*from..).unwrap_or_default());
        }
        Some(Overlay::Results(from)) => {
            let Some((label, _)) = &pen.ui.outcome else { return };
            let lines = results(pen.ui, usize::from(box_width(area.width).saturating_sub(4)));
            let inner = frame(pen, area, buf, &format!("{label}: what came of it"), lines.len());
            put_all(buf, inner, lines.get(*from..).unwrap_or_default());
        }
        Some(Overlay::Filter(input, fault)) => {
            let help = match pen.ui.panel {
                Panel::Vendors => "state:conflict,suggested alerted, and words in number, id or name",
                _ => "state:held,failed vendor:V-10 reason:refused class:data since:2026-11-01 flagged, and words",
            };
            let (words, style) = match fault {
                Some(fault) => (format!("✗ {fault}"), pen.ui.theme.bad()),
                None => (help.to_owned(), pen.ui.theme.quiet()),
            };
            let cells = usize::from(box_width(area.width).saturating_sub(4));
            let mut lines: Vec<Line> = wrap(&words, cells).into_iter().map(|row| Line::styled(row, style)).collect();
            lines.push(Line::raw("enter applies · esc leaves it as it was"));
            // The box of the help has room for two rows of it, so that it seldom jumps when a fault comes.
            let inner = frame(pen, area, buf, "Filter the lists", (lines.len() + 2).max(5));
            field(pen, buf, line_of(inner, 0), "", input, true);
            put_all(buf, Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner }, &lines);
        }
        Some(Overlay::Palette(input, at)) => {
            let found = super::super::update::matches(pen.ui, input.value());
            let inner = frame(pen, area, buf, "Actions", 14);
            field(pen, buf, line_of(inner, 0), ":", input, true);
            let shown = usize::from(inner.height.saturating_sub(2)).max(1);
            let first = (at + 1).saturating_sub(shown);
            for ((row, action), y) in found.iter().enumerate().skip(first).take(shown).zip(inner.y + 2..inner.bottom())
            {
                let place = Rect { y, height: 1, ..inner };
                let words =
                    format!("{} {} {}", fit(action.word(), 16), fit(&pen.ui.keymap.keys(*action), 14), action.title());
                put(buf, place, &Line::raw(cut(&words, inner.width as usize)));
                if row == *at {
                    tint(buf, place, pen.ui.theme.chosen());
                }
            }
        }
        Some(Overlay::Dialog(question)) => dialog(pen, area, buf, question),
    }
}

fn dialog(pen: &Pen, area: Rect, buf: &mut Buffer, dialog: &Dialog) {
    let theme = pen.ui.theme;
    let cells = box_width(area.width).saturating_sub(4) as usize;
    let body: Vec<Line> =
        dialog.body.iter().flat_map(|line| wrap(line, cells)).map(Line::raw).take(area.height as usize / 2).collect();
    let rows = body.len() + 1 + dialog.fields.len() * 2 + usize::from(dialog.fault.is_some()) + 1;
    let inner = frame(pen, area, buf, &dialog.title, rows);
    put_all(buf, inner, &body);
    let mut y = inner.y + body.len() as u16 + 1;
    for (at, entry) in dialog.fields.iter().enumerate() {
        let place = Rect { y, height: 1, ..inner };
        field(pen, buf, place, &format!("{}: ", entry.label), &entry.input, at == dialog.at);
        y += 2;
    }
    if let Some(fault) = &dialog.fault {
        put(buf, Rect { y, height: 1, ..inner }, &Line::styled(cut(&format!("✗ {fault}"), cells), theme.bad()));
        y += 1;
    }
    let style = |chosen: bool| if chosen { theme.chosen() } else { Style::new() };
    let mut spans = vec![
        Span::styled("[ Cancel ]", style(dialog.on_cancel())),
        Span::raw("   "),
        Span::styled(format!("[ {} ]", dialog.verb), style(dialog.on_verb())),
    ];
    let hint = match (&dialog.other, dialog.fields.is_empty()) {
        (Some(_), true) => format!("   y confirms, {} always, esc cancels", pen.key(Action::Always)),
        (None, true) => "   y confirms, esc cancels".to_owned(),
        (_, false) => "   tab, enter; esc cancels".to_owned(),
    };
    spans.push(Span::styled(hint, theme.quiet()));
    put(buf, Rect { y, height: 1, ..inner }, &Line::from(spans));
}

fn box_width(columns: u16) -> u16 {
    columns.saturating_sub(4).min(96)
}

/// A cleared box in the middle, of so many rows as far as there is room; gives the inside.
fn frame(pen: &Pen, area: Rect, buf: &mut Buffer, title: &str, rows: usize) -> Rect {
    let wide = box_width(area.width);
    let high = (rows as u16).saturating_add(2).min(area.height.saturating_sub(4)).max(3);
    let place =
        Rect { x: area.x + (area.width - wide) / 2, y: area.y + (area.height - high) / 2, width: wide, height: high };
    Clear.render(place, buf);
    let title = Line::styled(format!(" {} ", cut(title, wide as usize - 6)), pen.ui.theme.heading());
    Block::bordered().title(title).render(place, buf);
    Rect { x: place.x + 2, y: place.y + 1, width: wide - 4, height: high - 2 }
}

/// A field: what was typed, scrolled so that the cursor is seen.
fn field(pen: &Pen, buf: &mut Buffer, place: Rect, label: &str, input: &Input, focus: bool) {
    let label = cut(label, place.width as usize / 2);
    let room = usize::from(place.width).saturating_sub(width(&label) + 1).max(1);
    // What was typed may have been pasted: it is made safe like all text, and the cursor follows what is shown.
    let before: String = input.value().chars().take(input.cursor()).collect();
    let (before, all) = (safe(&before).into_owned(), safe(input.value()).into_owned());
    let mut skipped = 0;
    let mut rest = all.as_str();
    while width(&before) - skipped > room {
        let Some(first) = rest.chars().next() else { break };
        skipped += width(&first.to_string());
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    let text = fit(rest, room + 1);
    let style = Style::new().add_modifier(ratatui::style::Modifier::UNDERLINED);
    put(buf, place, &Line::from(vec![Span::raw(label.clone()), Span::styled(text, style)]));
    if focus && place.height > 0 {
        let x = place.x + (width(&label) + width(&before).saturating_sub(skipped)) as u16;
        pen.cursor.set(Some(Position { x: x.min(place.right().saturating_sub(1)), y: place.y }));
    }
}

fn help(ui: &Ui) -> Vec<Line<'static>> {
    let cells = usize::from(box_width(ui.size.0).saturating_sub(4));
    let mut lines = Vec::new();
    for scope in Scope::ALL {
        lines.push(Line::styled(scope.title(), ui.theme.heading()));
        for action in Action::ALL.iter().filter(|action| action.scope() == scope) {
            let note = if ui.read_only && action.changes() { " (read-only here)" } else { "" };
            let words = wrap(&format!("{}{note}", action.title()), cells.saturating_sub(18));
            for (row, words) in words.into_iter().enumerate() {
                let keys = if row == 0 { ui.keymap.keys(*action) } else { String::new() };
                lines.push(Line::raw(format!("  {} {words}", fit(&keys, 15))));
            }
        }
        lines.push(Line::default());
    }
    let key = |action| super::super::update::named(ui, action);
    let conflict = format!(
        "A conflict is settled from the list with two keys: {} takes JAGGAER's values, {} Intacct's, and y confirms; {} in place of y \
         makes it the rule for all suppliers, which y confirms.",
        key(Action::TakeJaggaer),
        key(Action::TakeIntacct),
        key(Action::Always)
    );
    for text in [
        conflict.as_str(),
        "In questions: tab and arrows move, enter acts on what has the focus, esc cancels; y confirms and n cancels where \
         nothing is typed; the key that asked never confirms.",
        "An order goes to the selected documents, else to the one under the cursor, with the version that you saw: if it \
         changed since, it is refused. A hollow cursor ▹ stands where a document left the list: choose one before you act.",
    ] {
        lines.extend(wrap(text, cells).into_iter().map(Line::raw));
    }
    lines
}
