//! The terminal itself: entered, left as it was found whatever happens, suspended and taken up again.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode, size};
use rustix::process::{Signal, getpid, kill_current_process_group, kill_process};

/// Alternate screen, bracketed paste, no cursor.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?25l";
/// Whatever was begun is ended: a frame, a style, paste, the screen; the cursor is back.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?2004l\x1b[?1049l\x1b[?25h";

/// What the shell needs of a terminal besides its bytes.
pub trait Device: Send {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// It refuses.
    fn enter(&mut self) -> io::Result<()>;
    /// Gives it back as it was. Does nothing where it was not entered.
    fn leave(&mut self);
    /// Columns and rows.
    ///
    /// # Errors
    /// It is gone.
    fn size(&self) -> io::Result<(u16, u16)>;
    /// Stops this process until it is continued; with its whole group where the person asked by key.
    fn stop(&mut self, group: bool);
}

/// Whether the terminal is ours now. One process has one.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The terminal of this process. Dropping it gives the terminal back.
pub struct RealTerminal {
    out: File,
}

impl RealTerminal {
    /// The terminal on standard output.
    ///
    /// # Errors
    /// Standard output is no terminal.
    pub fn open() -> io::Result<Self> {
        let out = io::stdout();
        if !out.is_terminal() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "standard output is not a terminal"));
        }
        Ok(RealTerminal { out: File::from(rustix::io::dup(&out)?) })
    }

    /// Its bytes.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn writer(&self) -> io::Result<File> {
        self.out.try_clone()
    }
}

impl Device for RealTerminal {
    fn enter(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        ENTERED.store(true, Ordering::SeqCst);
        self.out.write_all(ENTER)
    }

    fn leave(&mut self) {
        give_back(&mut self.out);
    }

    fn size(&self) -> io::Result<(u16, u16)> {
        size()
    }

    fn stop(&mut self, group: bool) {
        // SIGSTOP, because SIGTSTP is ours. By key the whole group stops, as the shell's job control expects.
        let stopped =
            if group { kill_current_process_group(Signal::STOP) } else { kill_process(getpid(), Signal::STOP) };
        if let Err(error) = stopped {
            tracing::warn!(%error, "the console could not be suspended");
        }
    }
}

impl Drop for RealTerminal {
    fn drop(&mut self) {
        self.leave();
    }
}

fn give_back(out: &mut impl Write) {
    if ENTERED.swap(false, Ordering::SeqCst) {
        // A terminal that is gone cannot be restored, and need not be.
        let _ = out.write_all(LEAVE).and_then(|()| out.flush());
        let _ = disable_raw_mode();
    }
}

thread_local! {
    static ON_SCREEN: Cell<bool> = const { Cell::new(false) };
}

/// Runs the screen's own future, so that a panic of its own can be told from one elsewhere: the runtime may poll it on any thread.
pub async fn on_screen<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        struct Reset;
        impl Drop for Reset {
            fn drop(&mut self) {
                ON_SCREEN.set(false);
            }
        }
        ON_SCREEN.set(true);
        let _reset = Reset;
        future.as_mut().poll(context)
    })
    .await
}

type Hook = Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// While the screen is open: a panic of the screen restores the terminal and is shown; one elsewhere goes to the log, because it
/// must not tear a screen that goes on.
pub struct PanicHook {
    before: Hook,
}

impl PanicHook {
    /// Sets it.
    pub fn install() -> Self {
        let before: Hook = Arc::from(panic::take_hook());
        let inner = before.clone();
        panic::set_hook(Box::new(move |info| {
            if ON_SCREEN.get() {
                give_back(&mut io::stdout());
                inner(info);
            } else if ENTERED.load(Ordering::SeqCst) {
                tracing::error!("a task of the program panicked: {}", crate::model::safe(&info.to_string()));
            } else {
                inner(info);
            }
        }));
        PanicHook { before }
    }
}

impl Drop for PanicHook {
    fn drop(&mut self) {
        // The hook cannot be changed while this thread unwinds; then the process has other worries.
        if !std::thread::panicking() {
            let before = self.before.clone();
            panic::set_hook(Box::new(move |info| before(info)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_screens_own_future_is_on_the_screen() {
        assert!(on_screen(async { ON_SCREEN.get() }).await);
        assert!(!on_screen(async { tokio::spawn(async { ON_SCREEN.get() }).await }).await.unwrap());
        assert!(!ON_SCREEN.get());
    }
}
