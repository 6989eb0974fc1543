//! Frames as bytes: drawn into memory, compared with the last, and only a difference becomes bytes, in one piece.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::{Terminal, TerminalOptions, Viewport};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::state::Ui;
use super::view::{Drawn, view};

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";
const CLEAR: &[u8] = b"\x1b[0m\x1b[2J";

/// Where the backend writes: memory, until the frame is whole.
#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    fn take(&self) -> Vec<u8> {
        let fresh = Vec::with_capacity(64 * 1024);
        match self.0.lock() {
            Ok(mut bytes) => std::mem::replace(&mut *bytes, fresh),
            Err(poisoned) => std::mem::replace(&mut *poisoned.into_inner(), fresh),
        }
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.lock() {
            Ok(mut all) => all.write(bytes),
            Err(poisoned) => poisoned.into_inner().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives a sign that a terminal puts into a cell of its own the cell it stands in. Thai `จำ` is one grapheme of two such signs: kept in
/// one cell, its second half would stay on the screen when the first is overwritten.
fn apart(buffer: &mut Buffer) {
    let columns = usize::from(buffer.area.width).max(1);
    let row_end = |at: usize| (at / columns + 1) * columns;
    for at in 0..buffer.content.len() {
        let Some(cell) = buffer.content.get(at) else { return };
        let symbol = cell.symbol();
        if symbol.len() < 4 || !symbol.chars().skip(1).any(|sign| sign.is_alphabetic() && sign.width() == Some(1)) {
            continue;
        }
        let mut parts: Vec<String> = Vec::new();
        for sign in symbol.chars() {
            match parts.last_mut() {
                Some(part) if sign.width() != Some(1) => part.push(sign),
                _ => parts.push(sign.to_string()),
            }
        }
        // Only where the cells that the whole takes are those that its parts take.
        if parts.len() != symbol.width() || parts.len() > row_end(at) - at {
            continue;
        }
        let model = cell.clone();
        for (place, part) in buffer.content.iter_mut().skip(at).zip(&parts) {
            *place = model.clone();
            place.set_symbol(part);
        }
    }
}

/// Makes frames.
pub struct Painter {
    terminal: Terminal<CrosstermBackend<Bytes>>,
    bytes: Bytes,
    last: Option<(Buffer, Option<Position>)>,
}

impl Painter {
    /// For a screen of so many columns and rows, of which nothing is known.
    ///
    /// # Errors
    /// None in practice: it writes to memory.
    pub fn new(size: (u16, u16)) -> io::Result<Self> {
        let bytes = Bytes::default();
        // A fixed viewport: the size comes with the messages, and is never asked behind our back.
        let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, size.0, size.1)) };
        let terminal = Terminal::with_options(CrosstermBackend::new(bytes.clone()), options)?;
        Ok(Painter { terminal, bytes, last: None })
    }

    /// The bytes from the last frame to this one; `None` where nothing changed.
    ///
    /// # Errors
    /// None in practice: it writes to memory.
    pub fn paint(&mut self, ui: &Ui) -> io::Result<(Option<Vec<u8>>, Drawn)> {
        self.terminal.current_buffer_mut().reset();
        let mut frame = self.terminal.get_frame();
        let drawn = view(&ui.snapshot, ui, &mut frame);
        apart(self.terminal.current_buffer_mut());
        let now = self.terminal.current_buffer_mut().clone();
        if self.last.as_ref().is_some_and(|(last, cursor)| *cursor == drawn.cursor && *last == now) {
            return Ok((None, drawn));
        }
        let first = self.last.is_none();
        self.last = Some((now, drawn.cursor));
        self.terminal.apply_buffer_with_cursor(drawn.cursor)?;
        let mut bytes = BEGIN.to_vec();
        if first {
            bytes.extend_from_slice(CLEAR);
        }
        bytes.append(&mut self.bytes.take());
        bytes.extend_from_slice(END);
        Ok((Some(bytes), drawn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_a_cell_of_its_own_is_cleared_with_its_grapheme() {
        let area = Rect::new(0, 0, 12, 1);
        let drawn = |text: &str| {
            let mut buffer = Buffer::empty(area);
            buffer.set_string(0, 0, text, ratatui::style::Style::new());
            apart(&mut buffer);
            buffer
        };
        let cleared = |text: &str| -> Vec<u16> {
            drawn(text).diff(&Buffer::empty(area)).into_iter().map(|(x, _, _)| x).collect()
        };
        assert_eq!(cleared("จำกัด"), [0, 1, 2, 3]);
        assert_eq!(drawn("จำกัด").content[1].symbol(), "ำ");
        for whole in ["東京", "👨‍👩‍👧", "🇳🇴", "e\u{301}", "한"] {
            let mut before = Buffer::empty(area);
            before.set_string(0, 0, whole, ratatui::style::Style::new());
            assert_eq!(drawn(whole), before, "{whole}");
        }
    }
}
