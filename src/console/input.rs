//! What comes from outside: keys, pastes, sizes, signals, and the end of the terminal.
//!
//! crossterm's own stream is not used: when the terminal is gone it reads the same error for ever. Here the descriptor is watched
//! first, and crossterm is asked only while the terminal lives.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

/// Something from outside.
#[derive(Debug)]
pub enum Outside {
    /// A key, a paste.
    Event(Event),
    /// The window may have another size.
    Resized,
    /// The terminal is gone, and how that was noticed.
    Gone(String),
    /// A signal that ends the console: its number.
    End(i32),
    /// A signal that suspends it.
    Stop,
    /// It goes on after somebody stopped it.
    Continue,
    /// The writer is ready for the next frame, or cannot write any more.
    Drained(io::Result<()>),
}

/// The watching tasks; dropping them ends the watch.
pub struct Watch {
    signals: Vec<JoinHandle<()>>,
    /// Closing it ends the thread.
    _keys: UnixStream,
}

impl Drop for Watch {
    fn drop(&mut self) {
        for task in &self.signals {
            task.abort();
        }
    }
}

/// Begins to watch terminal and signals.
///
/// # Errors
/// The terminal cannot be watched, or a signal not be handled.
pub fn watch(send: UnboundedSender<Outside>) -> io::Result<Watch> {
    let mut tasks = Vec::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        let number = kind.as_raw_value();
        tasks.push(forward(kind, send.clone(), move || Outside::End(number))?);
    }
    tasks.push(forward(SignalKind::from_raw(Signal::TSTP.as_raw()), send.clone(), || Outside::Stop)?);
    tasks.push(forward(SignalKind::from_raw(Signal::CONT.as_raw()), send.clone(), || Outside::Continue)?);
    tasks.push(forward(SignalKind::window_change(), send.clone(), || Outside::Resized)?);
    Ok(Watch { signals: tasks, _keys: keys(send)? })
}

fn forward(
    kind: SignalKind,
    send: UnboundedSender<Outside>,
    make: impl Fn() -> Outside + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let mut signals = signal(kind)?;
    Ok(tokio::spawn(async move { while signals.recv().await.is_some() && send.send(make()).is_ok() {} }))
}

/// Waits for the terminal on a thread of its own: crossterm may block in the middle of an escape sequence.
fn keys(send: UnboundedSender<Outside>) -> io::Result<UnixStream> {
    let terminal: OwnedFd = if rustix::termios::isatty(io::stdin()) {
        rustix::io::dup(io::stdin())?
    } else {
        std::fs::File::open("/dev/tty")?.into()
    };
    let (end, ended) = UnixStream::pair()?;
    std::thread::Builder::new().name("console-input".to_owned()).spawn(move || {
        let error = loop {
            // What was typed before the watch began is read at once.
            if let Err(error) = read(&send) {
                break error;
            }
            let mut watched = [PollFd::new(&terminal, PollFlags::IN), PollFd::new(&ended, PollFlags::IN)];
            match poll(&mut watched, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => break error.into(),
            }
            let [terminal, ended] = watched.map(|watched| watched.revents());
            if !ended.is_empty() {
                return;
            }
            if terminal.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                break gone();
            }
        };
        let _ = send.send(Outside::Gone(error.to_string()));
    })?;
    Ok(end)
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal was closed")
}

fn read(events: &UnboundedSender<Outside>) -> io::Result<()> {
    while event::poll(Duration::ZERO)? {
        let event = match event::read()? {
            Event::Resize(..) => Outside::Resized,
            event => Outside::Event(event),
        };
        if events.send(event).is_err() {
            return Err(gone());
        }
    }
    Ok(())
}
