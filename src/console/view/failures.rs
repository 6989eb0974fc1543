//! Failures: causes above, most first, and the documents of the chosen one below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::state::{Cause, Ui};
use super::super::text::{count, cut, fit_right};
use super::{Pen, put, rows, tint};

/// Rows that the causes take.
pub fn height(ui: &Ui) -> usize {
    let room = super::body_height(ui) / 3;
    ui.causes().len().min(room.max(3)) + 1
}

pub fn draw(pen: &Pen, area: Rect, buf: &mut Buffer) {
    let causes = pen.ui.causes();
    let shown = height(pen.ui) - 1;
    let at = causes.iter().position(|(cause, _, _)| *cause == pen.ui.cause).unwrap_or(0);
    let first = (at + 1).saturating_sub(shown);
    for ((cause, number, title), y) in causes.iter().skip(first).take(shown).zip(area.y..area.bottom()) {
        let theme = pen.ui.theme;
        let (glyph, label, style) = match cause {
            Cause::All => (" ", "", ratatui::style::Style::new()),
            Cause::One(state, _, _) => {
                let (glyph, style) = theme.state(*state);
                (glyph, state.label(), style)
            }
            Cause::Flagged => ("⚑", "flagged", theme.warning()),
        };
        let chosen = *cause == pen.ui.cause;
        let number = number.map(count).unwrap_or_else(|| "·".to_owned());
        let place = Rect { y, height: 1, ..area };
        let line = Line::from(vec![
            Span::raw(if chosen { "▸" } else { " " }),
            Span::styled(fit_right(&number, 7), theme.heading()),
            Span::styled(format!("  {glyph} {} ", super::super::text::fit(label, 8)), style),
            Span::raw(cut(title, usize::from(area.width).saturating_sub(22))),
        ]);
        put(buf, place, &line);
        if chosen && pen.ui.on_causes && !pen.ui.open {
            tint(buf, place, theme.chosen());
        }
    }
    let used = shown as u16 + 1;
    let below = Rect { y: area.y + used.min(area.height), height: area.height.saturating_sub(used), ..area };
    if below.height > 0 {
        let rule = Rect { y: below.y - 1, height: 1, ..area };
        put(buf, rule, &Line::styled("─".repeat(area.width as usize), pen.ui.theme.quiet()));
        rows::draw(pen, below, buf);
    }
}
