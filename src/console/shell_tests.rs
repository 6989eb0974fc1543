//! The real loop on a terminal that only counts bytes: what is written when, and how it ends.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::fake::Fake;
use super::input::Outside;
use super::keymap::Keymap;
use super::shell::{Ended, Shell, Surroundings};
use super::state::{Start, Ui};
use super::terminal::Device;
use super::theme::Theme;
use crate::messages::*;

/// Sends each write on, so that a test can wait for it.
struct Writer(UnboundedSender<Vec<u8>>);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| io::Error::other("closed"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Calls {
    entered: AtomicUsize,
    left: AtomicUsize,
    stopped: AtomicUsize,
}

struct FakeDevice(Arc<Calls>, Arc<Mutex<(u16, u16)>>);

impl Device for FakeDevice {
    fn enter(&mut self) -> io::Result<()> {
        self.0.entered.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn leave(&mut self) {
        self.0.left.fetch_add(1, Ordering::SeqCst);
    }

    fn size(&self) -> io::Result<(u16, u16)> {
        Ok(*self.1.lock().unwrap())
    }

    fn stop(&mut self, _group: bool) {
        self.0.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

struct Stage {
    fake: Arc<Fake>,
    outside: UnboundedSender<Outside>,
    written: UnboundedReceiver<Vec<u8>>,
    ended: JoinHandle<Ended>,
    calls: Arc<Calls>,
    size: Arc<Mutex<(u16, u16)>>,
    parser: vt100::Parser,
}

impl Stage {
    fn open() -> Stage {
        Self::with(Fake::new(false), Surroundings::default())
    }

    fn with(fake: Arc<Fake>, surroundings: Surroundings) -> Stage {
        // Fresh and without countdowns, so that nothing changes by itself while a test looks.
        fake.snapshots.send_modify(|snapshot| calm(Arc::make_mut(snapshot)));
        let (send, written) = unbounded_channel();
        let (outside, receive) = unbounded_channel();
        let (calls, size) = (Arc::new(Calls::default()), Arc::new(Mutex::new((80, 24))));
        let ui = Ui::new(Start {
            now: jiff::Timestamp::now(),
            zone: jiff::tz::TimeZone::UTC,
            snapshot: fake.snapshots.borrow().clone(),
            size: (80, 24),
            theme: Theme { color: true },
            keymap: Arc::new(Keymap::load(None).unwrap()),
            read_only: false,
            owns_engine: fake.owns,
            filter: String::new(),
            vendors_filter: String::new(),
            seed: 1,
        });
        let device = FakeDevice(calls.clone(), size.clone());
        let shell = Shell::new(
            fake.clone(),
            ui,
            surroundings,
            Box::new(device),
            Box::new(Writer(send)),
            (outside.clone(), receive),
        );
        let ended = tokio::spawn(shell.run());
        Stage {
            fake,
            outside,
            written,
            ended,
            calls,
            size,
            parser: vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0),
        }
    }

    fn key(&self, code: KeyCode) {
        self.outside.send(Outside::Event(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))).unwrap();
    }

    /// The next bytes that are written.
    async fn frame(&mut self) -> Vec<u8> {
        let bytes = tokio::time::timeout(std::time::Duration::from_secs(20), self.written.recv()).await;
        let bytes = bytes.expect("nothing was written").unwrap();
        self.parser.process(&bytes);
        bytes
    }

    /// Waits until the screen shows something; how many writes that took.
    async fn until(&mut self, words: &str) -> usize {
        let mut frames = 0;
        while !self.parser.screen().contents().contains(words) {
            self.frame().await;
            frames += 1;
        }
        frames
    }

    async fn end(self) -> Ended {
        self.key(KeyCode::Char('q'));
        self.ended.await.unwrap()
    }
}

fn calm(snapshot: &mut Snapshot) {
    snapshot.at = jiff::Timestamp::now();
    (snapshot.token, snapshot.session) = (RemoteState::None, RemoteState::None);
    snapshot.flows.clear();
    snapshot.alerts.clear();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_frame_stands_before_any_answer_and_is_one_write() {
    let mut stage = Stage::open();
    let first = stage.frame().await;
    assert!(first.starts_with(b"\x1b[?2026h") && first.ends_with(b"\x1b[?2026l"));
    let shown = stage.parser.screen().contents();
    assert!(shown.contains("Tollgate") && shown.contains("POSTING"), "{shown}");
    assert_eq!(stage.end().await, Ended::Quit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_when_nothing_changed() {
    let mut stage = Stage::open();
    stage.until("POSTING").await;
    // News without news, keys without meaning, lines for a panel that is not shown…
    for _ in 0..50 {
        stage.fake.snapshots.send_modify(|snapshot| Arc::make_mut(snapshot).revision += 1);
        stage.key(KeyCode::Insert);
        stage.outside.send(Outside::Resized).unwrap();
        stage.outside.send(Outside::Event(Event::FocusGained)).unwrap();
    }
    // …and then one change: the next write is that change, and the only one.
    stage.key(KeyCode::Char('?'));
    assert_eq!(stage.until("┌ Keys").await, 1);
    assert!(stage.written.try_recv().is_err());
    assert_eq!(stage.calls.entered.load(Ordering::SeqCst), 0);
    stage.key(KeyCode::Esc);
    assert_eq!(stage.end().await, Ended::Quit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_changes_cost_few_bytes_and_a_flood_is_gathered() {
    let mut stage = Stage::open();
    stage.key(KeyCode::Char('3'));
    stage.until("HL-20010").await;
    stage.key(KeyCode::Down);
    let row = stage.frame().await;
    assert!(row.len() < 700, "{} bytes for one row down", row.len());
    for _ in 0..500 {
        stage.key(KeyCode::Down);
        stage.key(KeyCode::Up);
    }
    stage.key(KeyCode::End);
    let frames = stage.until("20 of 20").await;
    assert!(frames < 100, "{frames} frames for a thousand keys");
    assert_eq!(stage.end().await, Ended::Quit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_goes_out_and_its_result_comes_back_as_a_notice() {
    let mut stage = Stage::open();
    stage.key(KeyCode::Char('L'));
    stage.until("Reload: Done.").await;
    assert_eq!(stage.fake.told.lock().unwrap().len(), 1);
    assert_eq!(stage.end().await, Ended::Quit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_the_terminals_end_and_a_lost_link_each_end_it_and_give_the_terminal_back() {
    for (outside, ended) in
        [(Outside::End(15), Ended::Signal(15)), (Outside::Gone("closed".into()), Ended::TerminalGone("closed".into()))]
    {
        let mut stage = Stage::open();
        stage.frame().await;
        stage.outside.send(outside).unwrap();
        assert_eq!(stage.ended.await.unwrap(), ended);
        assert_eq!(stage.calls.left.load(Ordering::SeqCst), 1);
    }
    let mut stage = Stage::open();
    stage.frame().await;
    drop(stage.written);
    let _ = stage.outside.send(Outside::Event(Event::Key(KeyEvent::new(KeyCode::Char('3'), KeyModifiers::NONE))));
    assert!(matches!(stage.ended.await.unwrap(), Ended::TerminalGone(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspended_it_gives_the_terminal_back_and_takes_it_up_again_whole() {
    let mut stage = Stage::open();
    let first = stage.frame().await;
    stage.outside.send(Outside::Stop).unwrap();
    let again = stage.frame().await;
    assert!(again.len() * 10 > first.len() * 9, "everything is painted anew: {} of {}", again.len(), first.len());
    let calls =
        [&stage.calls.left, &stage.calls.stopped, &stage.calls.entered].map(|calls| calls.load(Ordering::SeqCst));
    assert_eq!(calls, [1, 1, 1]);
    assert_eq!(stage.end().await, Ended::Quit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_size_is_painted_whole() {
    let mut stage = Stage::open();
    stage.frame().await;
    *stage.size.lock().unwrap() = (50, 10);
    stage.parser.screen_mut().set_size(10.try_into().unwrap(), 50.try_into().unwrap());
    stage.outside.send(Outside::Resized).unwrap();
    stage.until("Tollgate needs 60×15; this is 50×10").await;
    assert_eq!(stage.end().await, Ended::Quit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_goes_to_the_terminal_and_says_how_many_bytes() {
    let mut stage = Stage::open();
    stage.key(KeyCode::Char('3'));
    stage.until("HL-20010").await;
    stage.key(KeyCode::Char('c'));
    let mut all = Vec::new();
    while !stage.parser.screen().contents().contains("bytes sent to the terminal's clipboard") {
        all.extend(stage.frame().await);
    }
    assert!(String::from_utf8_lossy(&all).contains("\x1b]52;c;"));
    assert_eq!(stage.end().await, Ended::Quit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_filter_is_kept_for_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("console.json");
    let surroundings = Surroundings { state_file: Some(path.clone()), ..Surroundings::default() };
    let stage = Stage::with(Fake::new(false), surroundings);
    for letter in "/flagged".chars() {
        stage.key(KeyCode::Char(letter));
    }
    stage.key(KeyCode::Enter);
    while super::memory::read(&path).filter != "flagged" {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.end().await, Ended::Quit);
}
