//! Frames as bytes: drawn into memory, compared with the last, and only a difference becomes bytes, in one piece.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::{Terminal, TerminalOptions, Viewport};

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
