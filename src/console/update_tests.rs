//! What a person does with keys, and what the engine is told.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::fake::{self, Fake};
use super::message::{Effect, Message};
use super::state::{Overlay, Panel};
use super::view_tests::Screen;
use crate::messages::*;
use crate::model::*;

fn ids(which: &Selection) -> Vec<(u64, Option<u64>)> {
    match which {
        Selection::Ids(ids) => ids.iter().map(|(id, version)| (id.0, *version)).collect(),
        Selection::Where(_) => panic!("a query"),
    }
}

fn last(screen: &Screen) -> Option<Command> {
    screen.orders().pop().map(|order| order.command)
}

#[test]
fn an_order_carries_the_document_and_the_version_that_was_seen() {
    let mut screen = Screen::new((80, 24));
    screen.keys("4j\nry");
    let Some(Command::Replay(which)) = last(&screen) else { panic!("{:?}", screen.orders()) };
    assert_eq!(ids(&which), [(16, Some(3))]);
}

#[test]
fn marks_keep_the_version_at_which_they_were_set_and_survive_new_data() {
    let mut screen = Screen::new((80, 24));
    screen.keys("4j\n  ");
    for row in screen.fake.rows.lock().unwrap().iter_mut().filter(|row| row.id.0 == 15) {
        row.version = 9;
    }
    screen.publish(|_| {});
    assert!(screen.text().contains("2 selected"), "{}", screen.text());
    screen.keys("ry");
    let Some(Command::Replay(which)) = last(&screen) else { panic!("{:?}", screen.orders()) };
    assert_eq!(ids(&which), [(15, Some(3)), (16, Some(3))]);
}

#[test]
fn the_selection_says_how_many_of_it_are_not_seen() {
    let mut screen = Screen::new((80, 24));
    screen.keys("3     ");
    assert!(screen.text().contains("5 selected\n"), "{}", screen.text());
    screen.keys("/harbor\n");
    assert!(screen.text().contains("5 selected (3 not visible)"), "{}", screen.text());
}

#[test]
fn all_that_match_is_a_frozen_query_and_a_later_filter_does_not_change_it() {
    let mut screen = Screen::new((80, 24));
    screen.keys("4jA");
    assert!(screen.text().contains("all 2 selected that match: state:failed reason:refused class:data"));
    screen.keys("/glass\n");
    screen.keys("dwrong account\n");
    let Some(Command::Dismiss { which: Selection::Where(filter), reason }) = last(&screen) else {
        panic!("{:?}", screen.orders())
    };
    assert_eq!((filter.states.as_slice(), filter.text.as_deref()), ([State::Failed].as_slice(), None));
    assert_eq!((filter.reason, filter.class), (Some(ReasonCode::Refused), Some(Class::Data)));
    assert_eq!(reason, "wrong account");
}

#[test]
fn every_order_has_a_key_of_its_own() {
    let mut screen = Screen::new((80, 24));
    screen.keys("LL4j\nryry");
    let mut keys: Vec<String> = screen.orders().into_iter().map(|order| order.key).collect();
    assert_eq!(keys.len(), 4);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4);
}

#[test]
fn the_key_that_asks_never_confirms_and_cancel_has_the_focus() {
    let mut screen = Screen::new((80, 24));
    screen.keys("4j\nrrrr");
    assert!(screen.orders().is_empty());
    screen.keys("\n");
    assert!(screen.orders().is_empty(), "enter is on cancel");
    assert!(screen.ui.overlay.is_none());
    screen.keys("r\t\n");
    assert_eq!(screen.orders().len(), 1);

    let text = "adopt = \"m\"\nreplay = \"y\"\n";
    let mut screen = Screen::new((80, 24));
    screen.ui.keymap = std::sync::Arc::new(super::keymap::Keymap::load(Some(("mine", text))).unwrap());
    screen.keys("4j\nyyyy");
    assert!(screen.orders().is_empty(), "y asked, so y does not confirm");
}

#[test]
fn the_gravest_are_typed() {
    let mut screen = Screen::new((80, 24));
    screen.keys("4jjj\n\nP");
    screen.keys("checked with the supplier\npost anyways\n");
    assert!(screen.orders().is_empty());
    assert!(screen.text().contains("type exactly: post anyway"));
    screen.key(KeyCode::Backspace);
    screen.keys("\n");
    let Some(Command::PostAnyway { id, version, reason }) = last(&screen) else { panic!("{:?}", screen.orders()) };
    assert_eq!((id.0, version, reason.as_str()), (14, Some(3), "checked with the supplier"));
}

#[test]
fn posting_starts_with_the_phrase_alone() {
    let mut screen = Screen::new((80, 24));
    let phrase = "start ACME-US".to_owned();
    screen.publish(|snapshot| snapshot.mode = PostingMode::WaitingForStart { from: None, phrase });
    screen.keys("Sstart\n");
    assert!(screen.orders().is_empty());
    screen.keys(" ACME-US\n");
    assert_eq!(last(&screen), Some(Command::StartPosting { phrase: "start ACME-US".into() }));
}

#[test]
fn adopting_names_the_ledgers_bill_and_wants_it_seen_first() {
    let mut screen = Screen::new((80, 24));
    screen.keys("4jjj\ny");
    assert!(screen.ui.open && screen.ui.overlay.is_none(), "the comparison comes first");
    screen.keys("y\n");
    let record = RecordNo::parse("8112").unwrap();
    assert_eq!(last(&screen), Some(Command::Adopt { id: DocumentId(14), version: Some(3), record }));
}

#[test]
fn leaving_asks_only_where_it_would_interrupt_work() {
    let mut screen = Screen::new((80, 24));
    screen.keys("q");
    assert!(!screen.effects.contains(&Effect::Quit));
    screen.keys("qq\n");
    assert!(!screen.effects.contains(&Effect::Quit), "q does not confirm, enter is on cancel");
    screen.keys("qy");
    assert!(screen.effects.contains(&Effect::Quit));

    let mut screen = Screen::on(Fake::new(false), (80, 24));
    screen.keys("q");
    assert!(screen.effects.contains(&Effect::Quit), "the engine lives elsewhere and goes on");

    let mut screen = Screen::new((80, 24));
    screen.publish(|snapshot| {
        snapshot.gateway.lane = LaneState::Idle;
        snapshot.states.clear();
        snapshot.flows.clear();
        snapshot.vendors.states.clear();
    });
    screen.keys("q");
    assert!(screen.effects.contains(&Effect::Quit), "nothing is in flight");
}

#[test]
fn who_may_only_look_changes_nothing() {
    let mut screen = Screen::new((80, 24));
    screen.ui.read_only = true;
    for keys in ["L", "p", "S", "R", "f", "4j\nr", "d", "o", "y", "P"] {
        screen.keys(keys);
        assert!(!matches!(screen.ui.overlay, Some(Overlay::Dialog(_))), "{keys}");
    }
    assert!(screen.orders().is_empty());
    assert!(screen.text().contains("read-only"));
}

#[test]
fn the_filter_survives_navigation_and_is_kept() {
    let mut screen = Screen::new((80, 24));
    screen.keys("3/state:held,failed\n");
    let kept = super::memory::Memory { filter: "state:held,failed".into(), vendors: String::new() };
    assert!(screen.effects.contains(&Effect::Save(kept)));
    screen.keys("3\n\x1b124");
    screen.keys("3");
    assert!(screen.text().contains("1 of 4  filter: state:held,failed"), "{}", screen.text());
    screen.keys("2");
    assert!(screen.text().contains("The filter leaves nothing of this list."), "{}", screen.text());
    screen.keys("\\");
    assert!(screen.text().contains("1 of 3"), "{}", screen.text());
}

#[test]
fn a_paste_outside_a_field_is_dropped_and_inside_is_typed() {
    let mut screen = Screen::new((80, 24));
    screen.take(Message::Paste("qqq\nL".into()));
    assert!(screen.effects.is_empty() && screen.orders().is_empty());
    assert!(screen.text().contains("5 pasted characters dropped"), "{}", screen.text());
    screen.keys("/");
    screen.take(Message::Paste("state:held\n".into()));
    screen.keys("\n");
    assert_eq!(screen.ui.filter_text, "state:held");
}

#[test]
fn an_orders_error_is_a_notice_and_the_page_stays() {
    let mut screen = Screen::new((80, 24));
    screen.keys("4j\n");
    let before = screen.text();
    let refusal = Refusal::new(RefusalKind::Invalid, "document 16 changed since: it is queued now (anna, 10:29)");
    screen.take(Message::Told("Replay".into(), Err(refusal)));
    let after = screen.text();
    assert!(after.contains("✗ Replay: not done. document 16 changed since"), "{after}");
    let rows = |text: &str| text.lines().take(15).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(&before), rows(&after));
}

#[test]
fn each_documents_result_can_be_looked_at() {
    let mut screen = Screen::new((80, 24));
    let rows = vec![
        RowResult { id: DocumentId(15), done: false, message: "it changed since".into() },
        RowResult { id: DocumentId(16), done: true, message: "queued again".into() },
    ];
    let outcome = Outcome { message: "1 replayed, 1 refused.".into(), rows, done: 1, refused: 1, repeated: false };
    screen.take(Message::Told("Replay".into(), Ok(outcome)));
    assert!(screen.text().contains("Replay: 1 replayed, 1 refused. (v shows each)"), "{}", screen.text());
    screen.keys("v");
    let text = screen.text();
    assert!(text.contains("✗ refused      15  it changed since"), "{text}");
    assert!(text.contains("✓ done         16  queued again"), "{text}");
}

#[test]
fn nothing_acts_on_the_neighbour_of_a_document_that_left() {
    let mut screen = Screen::new((80, 24));
    screen.keys("4j\n");
    screen.fake.rows.lock().unwrap().retain(|row| row.id.0 != 16);
    screen.publish(|_| {});
    screen.keys("ry");
    assert!(screen.orders().is_empty());
    assert!(screen.text().contains("left this list: choose one first"), "{}", screen.text());
    screen.keys("kry");
    assert_eq!(screen.orders().len(), 1);
}

#[test]
fn a_cause_that_is_gone_keeps_the_focus_until_the_person_moves() {
    let mut screen = Screen::new((80, 24));
    screen.keys("4jj");
    screen.publish(|snapshot| snapshot.failures.retain(|group| group.code != ReasonCode::VendorUnknown));
    assert!(screen.text().contains("▸      0  ▲ held     vendor not in Intacct (none left)"), "{}", screen.text());
}

#[test]
fn the_flow_under_the_cursor_runs() {
    let mut screen = Screen::new((80, 24));
    screen.keys("jjR");
    assert_eq!(last(&screen), Some(Command::RunFlow("dimensions".into())));
    screen.keys("kfy");
    assert_eq!(last(&screen), Some(Command::PauseFlow("invoices".into())));
}

#[test]
fn pausing_wants_a_reason_and_resuming_says_who_paused() {
    let mut screen = Screen::new((80, 24));
    screen.keys("p\n");
    assert!(screen.orders().is_empty() && screen.text().contains("please type something"));
    screen.keys("month end\n");
    assert_eq!(last(&screen), Some(Command::PauseQueue { why: "month end".into() }));
    screen.publish(|snapshot| {
        snapshot.pause = Some(QueuePause { by: "anna".into(), at: fake::now(), why: "month end".into() });
    });
    screen.keys("p");
    assert!(screen.text().contains("Paused by anna: month end"));
    screen.keys("y");
    assert_eq!(last(&screen), Some(Command::ResumeQueue));
}

#[test]
fn the_palette_finds_an_action_by_a_few_letters() {
    let mut screen = Screen::new((80, 24));
    screen.keys(":inv\n");
    assert_eq!(screen.ui.panel, Panel::Invoices);
    screen.keys(":rlod\n");
    assert_eq!(last(&screen), Some(Command::Reload));
}

#[test]
fn an_explanation_is_asked_for_once_and_again_when_the_document_changed() {
    let mut screen = Screen::new((80, 24));
    screen.keys("3e");
    screen.publish(|_| {});
    screen.keys("iae");
    let count = |screen: &Screen| screen.effects.iter().filter(|effect| matches!(effect, Effect::Explain(_))).count();
    assert_eq!(count(&screen), 1);
    for row in screen.fake.rows.lock().unwrap().iter_mut() {
        row.version += 1;
    }
    screen.publish(|_| {});
    screen.publish(|_| {});
    assert_eq!(count(&screen), 2);
}

#[test]
fn beside_a_list_stands_the_document_under_the_cursor() {
    let mut screen = Screen::new((200, 50));
    screen.keys("3jjj");
    assert_eq!(screen.ui.detail.as_ref().map(|detail| detail.id), Some(DocumentId(17)));
    assert!(screen.text().contains("document 17 version 3"), "{}", screen.text());
}

#[test]
fn rows_that_scroll_stop_at_their_end() {
    let mut screen = Screen::new((80, 24));
    screen.keys("?");
    for _ in 0..40 {
        screen.key(KeyCode::PageDown);
    }
    let end = screen.text();
    screen.key(KeyCode::PageUp);
    assert_ne!(screen.text(), end);
    assert!(end.contains("refused."), "{end}");
}

#[test]
fn control_keys_leave_fields_and_questions() {
    let mut screen = Screen::new((80, 24));
    for keys in ["/", ":", "p"] {
        screen.keys(keys);
        screen.take(Message::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        assert!(screen.ui.overlay.is_none(), "{keys}");
    }
}
