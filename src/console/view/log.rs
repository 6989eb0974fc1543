//! The log: tui-logger's widget over the lines that the engine sent.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use tui_logger::{ExtLogRecord, LogFormatter, TuiLoggerWidget};

use super::super::text::wrap;
use super::super::theme::Theme;
use super::{Pen, line_of, put};
use crate::messages::LogLevel;

pub fn draw(pen: &Pen, area: Rect, buf: &mut Buffer) {
    let (word, _) = pen.ui.theme.level(pen.ui.log_level);
    let words = format!(" Lines of level {} and graver, the newest last", word.trim_end());
    put(buf, line_of(area, 0), &Line::styled(words, pen.ui.theme.quiet()));
    let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    TuiLoggerWidget::default().formatter(Box::new(Formatter(pen.ui.theme))).state(&pen.ui.log).render(below, buf);
}

/// Time, level, part of the program, words; the feed puts the time first.
struct Formatter(Theme);

impl LogFormatter for Formatter {
    fn min_width(&self) -> u16 {
        20
    }

    fn format(&self, width: usize, event: &ExtLogRecord) -> Vec<Line<'_>> {
        let level = match event.level {
            log::Level::Error => LogLevel::Error,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Info => LogLevel::Info,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Trace => LogLevel::Trace,
        };
        let (word, style) = self.0.level(level);
        let (time, message) = event.msg().split_once(' ').unwrap_or(("", event.msg()));
        let target = event.target().strip_prefix("tollgate::").unwrap_or(event.target());
        let words = format!("{target}: {message}");
        // Time and level take sixteen cells, and the rows that follow are indented by them.
        wrap(&words, width.saturating_sub(16).max(4))
            .into_iter()
            .enumerate()
            .map(|(row, text)| match row {
                0 => Line::from(vec![
                    Span::styled(format!(" {time} "), self.0.quiet()),
                    Span::styled(word, style),
                    Span::raw(format!(" {text}")),
                ]),
                _ => Line::raw(format!("{}{text}", " ".repeat(16))),
            })
            .collect()
    }
}
