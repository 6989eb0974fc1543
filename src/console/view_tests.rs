//! What a person sees, panel by panel, and what no text from outside can do to it.

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::fake::{self, Fake};
use super::keymap::Keymap;
use super::message::{Effect, Message};
use super::state::{Start, Ui};
use super::theme::Theme;
use super::update::update;
use super::view::view;
use crate::messages::*;
use crate::model::*;

/// A screen with a scripted engine behind it: every question is answered at once.
pub struct Screen {
    pub ui: Ui,
    pub fake: Arc<Fake>,
    pub effects: Vec<Effect>,
}

impl Screen {
    pub fn new(size: (u16, u16)) -> Self {
        Self::on(Fake::new(true), size)
    }

    pub fn on(fake: Arc<Fake>, size: (u16, u16)) -> Self {
        let start = Start {
            now: fake::now(),
            zone: jiff::tz::TimeZone::UTC,
            snapshot: fake.snapshots.borrow().clone(),
            size,
            theme: Theme { color: false },
            keymap: Arc::new(Keymap::load(None).unwrap()),
            read_only: false,
            owns_engine: fake.owns,
            filter: String::new(),
            vendors_filter: String::new(),
            seed: 7,
        };
        Screen { ui: Ui::new(start), fake, effects: Vec::new() }
    }

    /// Takes a message in, and answers what is asked until nothing more is.
    pub fn take(&mut self, message: Message) {
        let mut waiting = update(&mut self.ui, message);
        while let Some(effect) = waiting.pop() {
            let answer = match &effect {
                Effect::Page { list, generation, number, request } => {
                    let Ok(Answer::Documents(page)) = self.fake.answer(&Question::Documents(request.clone())) else {
                        panic!("no page")
                    };
                    Some(Message::Page { list: *list, generation: *generation, number: *number, answer: Ok(page) })
                }
                Effect::Document(id) => Some(Message::Document(
                    *id,
                    self.fake.answer(&Question::Document(*id)).map(|answer| match answer {
                        Answer::Document(detail) => detail,
                        _ => panic!("no document"),
                    }),
                )),
                Effect::PairPage(generation, number, request) => {
                    let Ok(Answer::Vendors(page)) = self.fake.answer(&Question::Vendors(request.clone())) else {
                        panic!("no page")
                    };
                    Some(Message::PairPage(*generation, *number, Ok(page)))
                }
                Effect::Pair(id) => Some(Message::Pair(
                    *id,
                    self.fake.answer(&Question::Vendor(id.to_string())).map(|answer| match answer {
                        Answer::Vendor(detail) => detail,
                        _ => panic!("no supplier"),
                    }),
                )),
                Effect::PairAudit(id) => match self.fake.answer(&Question::PairAudit(*id)) {
                    Ok(Answer::Audit(trail)) => Some(Message::PairAudited(*id, Ok(trail))),
                    _ => None,
                },
                Effect::Plan => match self.fake.answer(&Question::VendorsPlan) {
                    Ok(Answer::VendorsPlan(plan)) => Some(Message::Planned(Ok(plan))),
                    _ => None,
                },
                Effect::Explain(id) => match self.fake.answer(&Question::Explain(*id)) {
                    Ok(Answer::Explanation(explanation)) => Some(Message::Explained(*id, Ok(explanation))),
                    _ => None,
                },
                Effect::Audit(id) => match self.fake.answer(&Question::Audit(*id)) {
                    Ok(Answer::Audit(trail)) => Some(Message::Audited(*id, Ok(trail))),
                    _ => None,
                },
                _ => None,
            };
            self.effects.push(effect);
            if let Some(answer) = answer {
                waiting.extend(update(&mut self.ui, answer));
            }
        }
    }

    pub fn key(&mut self, code: KeyCode) {
        self.take(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    /// Types letters; `\n` is enter, `\t` tab, `\x1b` escape.
    pub fn keys(&mut self, text: &str) {
        for letter in text.chars() {
            self.key(match letter {
                '\n' => KeyCode::Enter,
                '\t' => KeyCode::Tab,
                '\x1b' => KeyCode::Esc,
                letter => KeyCode::Char(letter),
            });
        }
    }

    pub fn publish(&mut self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = (*self.ui.snapshot).clone();
        snapshot.revision += 1;
        change(&mut snapshot);
        let later = self.ui.now + jiff::SignedDuration::from_secs(1);
        self.take(Message::Tick(later));
        self.take(Message::Snapshot(Arc::new(snapshot)));
    }

    pub fn orders(&self) -> Vec<Order> {
        let orders = self.effects.iter().filter_map(|effect| match effect {
            Effect::Tell(_, order) => Some(order.clone()),
            _ => None,
        });
        orders.collect()
    }

    pub fn draw(&self) -> TestBackend {
        let mut terminal = Terminal::new(TestBackend::new(self.ui.size.0, self.ui.size.1)).unwrap();
        terminal.draw(|frame| _ = view(&self.ui.snapshot, &self.ui, frame)).unwrap();
        terminal.backend().clone()
    }

    pub fn text(&self) -> String {
        let backend = self.draw();
        let buffer = backend.buffer();
        let rows = buffer.content.chunks(usize::from(buffer.area.width));
        let line = |row: &[ratatui::buffer::Cell]| {
            let mut line = String::new();
            let mut covered = 0;
            for cell in row {
                // The cell behind a wide character is covered by it.
                if covered == 0 {
                    line.push_str(cell.symbol());
                    covered = super::text::width(cell.symbol());
                }
                covered = covered.saturating_sub(1);
            }
            line.trim_end().to_owned() + "\n"
        };
        rows.map(line).collect()
    }
}

/// A picture for each panel at both sizes.
macro_rules! pictures {
    ($($name:ident: $keys:expr;)*) => {
        $(#[test]
        fn $name() {
            for size in [(80, 24), (200, 50)] {
                let mut screen = Screen::new(size);
                screen.keys($keys);
                insta::assert_snapshot!(format!("{}_{}x{}", stringify!($name), size.0, size.1), screen.text());
            }
        })*
    };
}

pictures! {
    overview: "";
    queue: "2";
    invoices: "3j";
    failures: "4";
    failures_of_one_cause: "4j\n j";
    a_refused_document: "4j\n\n";
    a_twin_side_by_side: "4jjj\n\n";
    an_explanation: "3e";
    a_trail: "3a";
    help: "?";
    palette: "3:rep";
    filter_with_a_fault: "3/state:hold\n";
    replaying_all_of_a_cause: "4jAr";
    posting_anyway: "4jjj\n\nP";
    leaving_with_work_in_flight: "q";
}

#[test]
fn alerts_stand_with_their_level_time_and_advice() {
    for size in [(80, 24), (200, 50)] {
        let fake = Fake::new(true);
        fake.snapshots.send_modify(|snapshot| {
            let since = fake::now() - jiff::SignedDuration::from_mins(7);
            let alert = |level, what: &str, advice: &str| Alert { level, what: what.into(), advice: advice.into(), since };
            Arc::make_mut(snapshot).alerts = vec![
                alert(
                    AlertLevel::Alarm,
                    "record 4711 (bill S-1 of vendor V-10) carries the mark TG-ABCDEFGHIJKLMNOP-0, which no document here has",
                    "Look at it in Intacct: reverse it, or take the mark out of it; then `tollgate flow run audit`.",
                ),
                alert(AlertLevel::Alarm, "posting is paused by alarm: document 17 stands twice", "Resume the queue when its cause is settled."),
                alert(AlertLevel::Warning, "the flow dimensions failed twice", "Look at its last result."),
                alert(AlertLevel::Notice, "nobody has started posting", ""),
            ];
        });
        let text = Screen::on(fake, size).text();
        insta::assert_snapshot!(format!("alerts_{}x{}", size.0, size.1), text);
    }
}

#[test]
fn every_mode_has_its_word() {
    let mut screen = Screen::new((80, 24));
    let phrase = "start ACME-US".to_owned();
    for (word, mode) in [
        ("OBSERVE", PostingMode::Observe),
        ("WAITING FOR START", PostingMode::WaitingForStart { from: None, phrase }),
        ("POSTING", PostingMode::Post { from: None, started: None }),
    ] {
        screen.publish(|snapshot| snapshot.mode = mode);
        assert!(screen.text().contains(word), "{word}");
    }
    screen.publish(|snapshot| {
        snapshot.pause = Some(QueuePause { by: "anna".into(), at: fake::now(), why: "month end".into() });
    });
    assert!(screen.text().contains("PAUSED by anna since 10:30: month end"));
    screen.publish(|snapshot| *snapshot = Snapshot::blank(fake::now()));
    let text = screen.text();
    assert!(text.contains("not known yet") && !text.contains("OBSERVE"), "{text}");
}

#[test]
fn old_data_are_marked_with_a_word() {
    let mut screen = Screen::new((80, 24));
    assert!(screen.text().contains("live"));
    screen.take(Message::Tick(fake::before(-40)));
    assert!(screen.text().contains("40 s old"), "{}", screen.text());
    screen.take(Message::Tick(fake::before(-400)));
    assert!(screen.text().contains("stale since 10:29"), "{}", screen.text());
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    for size in [(59, 24), (80, 14), (10, 3), (1, 1)] {
        let screen = Screen::new(size);
        let text = screen.text();
        assert!(size.0 < 30 || text.contains("Tollgate needs 60×15"), "{text}");
    }
    assert!(Screen::new((60, 15)).text().contains("Documents"));
}

#[test]
fn no_panel_needs_more_room_than_it_has() {
    for size in [(60, 15), (61, 16), (79, 20), (99, 24), (100, 30), (131, 24), (139, 40), (140, 15), (300, 80)] {
        for keys in
            ["", "2", "3", "3\n", "3e", "4", "4j\n", "4jjj\n\n", "5", "?", "3:", "3/", "4j\n\nP", "3w", "S", "p"]
        {
            let mut screen = Screen::new(size);
            screen.keys(keys);
            screen.text();
        }
    }
}

/// Text that would like to move a terminal or look like something else.
const HOSTILE: &str = "A\u{1b}[2J\u{202e}gpj\u{200b}\r\n\u{9b}31m\u{7f}\u{7}\t\u{0}Z";

#[test]
fn text_from_outside_never_moves_the_terminal() {
    let evil = Text::new(HOSTILE);
    let fake = Fake::new(true);
    for row in fake.rows.lock().unwrap().iter_mut() {
        row.number = Some(evil.clone());
        row.supplier_name = Some(evil.clone());
        row.supplier_number = Some(evil.clone());
        row.detail = Some(evil.clone());
        row.flags = vec![Flag::ChangedAfterPosting(evil.clone())];
    }
    fake.snapshots.send_modify(|snapshot| {
        let snapshot = Arc::make_mut(snapshot);
        snapshot.jaggaer = HOSTILE.into();
        snapshot.intacct = HOSTILE.into();
        snapshot.alerts[0].what = evil.clone();
        snapshot.alerts[0].advice = HOSTILE.into();
        snapshot.flows[0].name = HOSTILE.into();
        snapshot.flows[0].last_result = Some(Err(HOSTILE.into()));
        snapshot.failures[0].title = HOSTILE.into();
        snapshot.gateway.lane = LaneState::Stopped { why: HOSTILE.into(), advice: HOSTILE.into() };
        snapshot.token = RemoteState::Refused { why: HOSTILE.into(), advice: HOSTILE.into(), since: fake::now() };
        snapshot.pause = Some(QueuePause { by: HOSTILE.into(), at: fake::now(), why: HOSTILE.into() });
    });
    for size in [(80, 24), (200, 50)] {
        for keys in
            ["", "2", "3", "3\n", "3e", "3a", "4", "4\n\n", "4\n\nd", "4\nAr", "4\n\ny", "4\n\nP", "p", "S", "q", "?"]
        {
            let mut screen = Screen::on(fake.clone(), size);
            screen.keys(keys);
            screen.take(Message::Say(HOSTILE.into(), true));
            screen.take(Message::Paste(HOSTILE.into()));
            let message = HOSTILE.to_owned();
            let rows = vec![RowResult { id: DocumentId(1), done: false, message: HOSTILE.into() }];
            screen.take(Message::Told("x".into(), Ok(Outcome { message, rows, done: 0, refused: 2, repeated: false })));
            for extra in ["", "v"] {
                screen.keys(extra);
                for cell in &screen.draw().buffer().content {
                    let bad = cell.symbol().chars().find(|c| safe(&c.to_string()) != c.to_string());
                    assert_eq!(bad, None, "{size:?} {keys:?}");
                }
            }
            let copied = super::view::plain(&screen.ui) + &super::view::excerpt(&screen.ui);
            let kept = |c: char| c != '\n' && c != '\t' && c.is_control();
            assert!(!copied.contains(kept), "{copied:?}");
        }
    }
}

#[test]
fn without_colour_no_cell_has_one() {
    for keys in ["", "3", "4j\n\n", "?"] {
        let mut screen = Screen::new((80, 24));
        screen.keys(keys);
        for cell in &screen.draw().buffer().content {
            assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset));
        }
    }
}

#[test]
fn ten_thousand_lines_are_made_only_where_they_are_seen() {
    let mut screen = Screen::new((80, 24));
    screen.keys("3\n");
    let mut detail = fake::detail(&fake::row(20));
    let line = detail.lines[1].clone();
    detail.lines = (1..=10_000).map(|number| LineView { number, ..line.clone() }).collect();
    let id = screen.ui.detail.as_ref().unwrap().id;
    screen.take(Message::Document(id, Ok(Box::new(detail))));
    screen.keys("G");
    assert!(screen.text().contains("5200 · freight"), "{}", screen.text());
    screen.key(KeyCode::PageUp);
    assert!(screen.text().contains(" 9999 freight") || screen.text().contains("10000 freight"), "{}", screen.text());
}

#[test]
fn the_log_shows_what_was_fed() {
    let line = |level, message: &str| LogLine {
        at: fake::now(),
        level,
        target: "tollgate::lane".into(),
        message: message.into(),
    };
    let lines =
        [line(LogLevel::Info, "logged in"), line(LogLevel::Debug, "unseen"), line(LogLevel::Error, "x\u{1b}[2Jy")];
    super::logfeed::feed(&lines, &jiff::tz::TimeZone::UTC);
    let mut screen = Screen::new((80, 24));
    screen.keys("5");
    let text = screen.text();
    assert!(text.contains(" 10:30:00 INFO  lane: logged in"), "{text}");
    assert!(text.contains("ERROR lane: x‹U+001B›[2Jy"), "{text}");
    assert!(!text.contains("unseen"), "{text}");
    screen.keys("+");
    assert!(screen.text().contains("DEBUG lane: unseen"), "{}", screen.text());
}
