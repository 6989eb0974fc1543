//! Bytes on their way to the terminal.

use std::io::Write;

use tokio::sync::mpsc::UnboundedSender;

use super::input::Outside;

/// Bytes go to the terminal on a thread of their own: a terminal that takes none blocks nobody. One frame is under way at a
/// time; what would have been drawn meanwhile is drawn once, as it then is.
pub struct Output {
    send: std::sync::mpsc::Sender<Vec<u8>>,
    /// A frame is under way.
    pub busy: bool,
    waiting: Vec<u8>,
}

impl Output {
    /// Begins to write; each frame written is told.
    pub fn new(mut writer: Box<dyn Write + Send>, drained: UnboundedSender<Outside>) -> Self {
        let (send, frames) = std::sync::mpsc::channel::<Vec<u8>>();
        let started = std::thread::Builder::new().name("console-output".to_owned()).spawn({
            let drained = drained.clone();
            move || {
                while let Ok(bytes) = frames.recv() {
                    let result = writer.write_all(&bytes).and_then(|()| writer.flush());
                    if drained.send(Outside::Drained(result)).is_err() {
                        return;
                    }
                }
            }
        });
        if let Err(error) = started {
            let _ = drained.send(Outside::Drained(Err(error)));
        }
        Output { send, busy: false, waiting: Vec::new() }
    }

    /// Writes after what is under way.
    pub fn push(&mut self, mut bytes: Vec<u8>) {
        self.waiting.append(&mut bytes);
        if !self.busy && !self.waiting.is_empty() {
            self.busy = self.send.send(std::mem::take(&mut self.waiting)).is_ok();
        }
    }
}
