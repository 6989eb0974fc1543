//! Suppliers and vendors on the screen: what a person sees, what a person does with keys, and what the engine is told.

use std::sync::Arc;

use ratatui::crossterm::event::KeyCode;
use ratatui::style::Modifier;

use super::fake::{self, Fake};
use super::keymap::Keymap;
use super::memory::Memory;
use super::message::{Effect, Message};
use super::state::Overlay;
use super::view_tests::Screen;
use crate::messages::*;
use crate::model::*;

/// A picture for each part at both sizes.
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
    suppliers: "6";
    a_conflict: "6\n";
    vendors_that_look_like_it: "6j\nj";
    a_refused_write: "6jj\n";
    a_bank_alert: "6lllll\n";
    taking_a_side: "6<";
    making_it_the_rule: "6\n<!";
    a_value_of_ones_own: "6\ne";
    linking: "6j\nm";
    the_trail: "6a";
}

#[test]
fn the_plan_comes_before_the_start() {
    for size in [(80, 24), (200, 50)] {
        let mut screen = Screen::new(size);
        screen.publish(|snapshot| snapshot.vendors.started = None);
        screen.keys("6V");
        insta::assert_snapshot!(format!("the_plan_{}x{}", size.0, size.1), screen.text());
        screen.keys("V");
        insta::assert_snapshot!(format!("the_start_{}x{}", size.0, size.1), screen.text());
    }
}

fn told(screen: &Screen) -> Vec<VendorCommand> {
    let orders = screen.orders().into_iter().map(|order| match order.command {
        Command::Vendors(command) => command,
        other => panic!("{other:?}"),
    });
    orders.collect()
}

fn resolve(id: u64, field: Option<MasterField>, take: Take, always: bool) -> VendorCommand {
    VendorCommand::Resolve(PairDecision { id: PairId(id), version: Some(4), field, take, always })
}

#[test]
fn two_keys_settle_a_conflict_from_the_list() {
    for (keys, side) in [("<y", Side::Jaggaer), (">y", Side::Intacct), ("Jy", Side::Jaggaer), ("Iy", Side::Intacct)] {
        let mut screen = Screen::new((80, 24));
        screen.keys("6");
        screen.keys(keys);
        assert_eq!(told(&screen), [resolve(2, None, Take::Side(side), false)], "{keys}");
    }
}

#[test]
fn the_key_that_asks_never_confirms() {
    let mut screen = Screen::new((80, 24));
    screen.keys("6<<<\n");
    assert!(screen.orders().is_empty() && screen.ui.overlay.is_none(), "enter is on cancel");
    screen.keys("<!!!");
    assert!(screen.orders().is_empty(), "the rule wants another key too");
    screen.keys("y");
    assert_eq!(told(&screen), [resolve(2, None, Take::Side(Side::Jaggaer), true)]);
}

#[test]
fn in_a_supplier_a_side_is_taken_for_the_field_under_the_cursor_or_for_all() {
    let mut screen = Screen::new((80, 24));
    screen.keys("6\n>y");
    screen.keys("j<y");
    screen.keys("Iy");
    let take = Take::Side;
    assert_eq!(
        told(&screen),
        [
            resolve(2, Some(MasterField::Phone), take(Side::Intacct), false),
            resolve(2, Some(MasterField::Address1), take(Side::Jaggaer), false),
            resolve(2, None, take(Side::Intacct), false),
        ]
    );
    screen.keys("Ge");
    assert!(screen.ui.overlay.is_none(), "nothing to decide");
    screen.keys("<");
    assert!(screen.ui.overlay.is_none() && screen.text().contains("the same on both sides"), "{}", screen.text());
}

#[test]
fn a_value_is_edited_from_what_is_there() {
    let mut screen = Screen::new((80, 24));
    screen.keys("6\ne");
    screen.key(KeyCode::Backspace);
    screen.keys("8\n");
    assert_eq!(told(&screen), [resolve(2, Some(MasterField::Phone), Take::Value("+1 555 0198".into()), false)]);
}

#[test]
fn a_rule_is_made_from_a_decision_that_stands() {
    let mut screen = Screen::new((80, 24));
    screen.keys("6\n!");
    assert!(screen.ui.overlay.is_none() && screen.text().contains("take a side with < or >"), "{}", screen.text());
    for pair in screen.fake.pairs.lock().unwrap().iter_mut().filter(|pair| pair.row.id == PairId(2)) {
        let phone = pair.fields.iter_mut().find(|view| view.field == MasterField::Phone).unwrap();
        phone.decided = Some(("+1 555 0155".into(), "anna".into()));
    }
    screen.publish(|_| {});
    screen.publish(|_| {});
    assert!(screen.text().contains("decided by anna, not sent yet"), "{}", screen.text());
    screen.keys("!y");
    assert_eq!(told(&screen), [resolve(2, Some(MasterField::Phone), Take::Side(Side::Intacct), true)]);
    screen.keys("u");
    let undo = VendorCommand::Undo { id: PairId(2), version: Some(4), field: Some(MasterField::Phone) };
    assert_eq!(told(&screen).last(), Some(&undo));
}

#[test]
fn suggestions_are_linked_or_refused() {
    let (id, version) = (PairId(3), Some(4));
    let mut screen = Screen::new((80, 24));
    screen.keys("6j\nmy");
    screen.keys("jxy");
    screen.keys("<");
    assert!(screen.text().contains("m links it, x refuses it"), "{}", screen.text());
    // In the list, with two to choose from, the vendor is typed.
    screen.keys("\x1b\x1bm20077\n");
    assert_eq!(
        told(&screen),
        [
            VendorCommand::Link { id, version, vendor: "20031".into() },
            VendorCommand::Refuse { id, version, vendor: "20077".into() },
            VendorCommand::Link { id, version, vendor: "20077".into() },
        ]
    );
}

#[test]
fn alerts_are_seen_and_refused_writes_tried_again() {
    let mut screen = Screen::new((80, 24));
    screen.keys("6s");
    assert!(screen.ui.overlay.is_none(), "there is nothing to look at");
    screen.keys("jjry");
    screen.keys("/\x1b");
    screen.ui.vendors.chosen = Some(super::vendors::Shown::Alerted);
    screen.publish(|_| {});
    screen.keys("s");
    assert!(screen.text().contains("HIGH: IBAN at Intacct: ••••4821 → ••••9907"), "{}", screen.text());
    screen.keys("y");
    let version = Some(4);
    let expected = [VendorCommand::Retry { id: PairId(4), version }, VendorCommand::Seen { id: PairId(9), version }];
    assert_eq!(told(&screen), expected);
}

#[test]
fn what_changed_meanwhile_is_not_decided_and_is_shown_anew() {
    let mut screen = Screen::new((80, 24));
    screen.keys("6\n<");
    for pair in screen.fake.pairs.lock().unwrap().iter_mut().filter(|pair| pair.row.id == PairId(2)) {
        pair.row.version = 5;
        pair.row.differences.clear();
        fake::differ(pair, MasterField::Phone, "+1 555 7777", "+1 555 0155", Course::Conflict);
    }
    screen.publish(|_| {});
    screen.keys("y");
    let text = screen.text();
    assert!(screen.orders().is_empty() && text.contains("It changed meanwhile"), "{text}");
    assert!(text.contains("[7777]"), "{text}");
    screen.keys("<y");
    let [VendorCommand::Resolve(decision)] = &told(&screen)[..] else { panic!() };
    assert_eq!(decision.version, Some(5));
    // The engine knew of a change that the screen had not seen yet.
    let refusal = Refusal::new(RefusalKind::Invalid, "p2 changed meanwhile: look again");
    screen.take(Message::Told("Take JAGGAER's".into(), Err(refusal)));
    assert!(screen.text().contains("not done. p2 changed meanwhile"), "{}", screen.text());
}

#[test]
fn the_selected_ones_are_decided_together_each_with_the_version_that_was_seen() {
    let mut screen = Screen::new((80, 24));
    let mut second = fake::pair(12, "Acme", PairState::Conflict);
    fake::differ(&mut second, MasterField::Phone, "1", "2", Course::Conflict);
    screen.fake.pairs.lock().unwrap().push(second);
    screen.publish(|snapshot| *snapshot.vendors.states.get_mut(&PairState::Conflict).unwrap() = 2);
    screen.keys("6lA");
    assert!(screen.text().contains("2 selected"), "{}", screen.text());
    screen.fake.pairs.lock().unwrap().iter_mut().for_each(|pair| pair.row.version = 9);
    screen.publish(|_| {});
    screen.keys(">y");
    let take = || Take::Side(Side::Intacct);
    let mut orders = told(&screen);
    orders.sort_by_key(|order| format!("{order:?}").len());
    assert_eq!(orders, [resolve(2, None, take(), false), resolve(12, None, take(), false)]);
    let done = Outcome { message: "settled".into(), rows: vec![], done: 1, refused: 0, repeated: false };
    let label = || "Take Intacct's".to_owned();
    screen.take(Message::Told(label(), Err(Refusal::new(RefusalKind::Invalid, "p2 changed meanwhile"))));
    screen.take(Message::Told(label(), Ok(done)));
    assert!(screen.text().contains("1 done, 1 refused. p2 changed meanwhile"), "{}", screen.text());
}

#[test]
fn of_the_selected_ones_only_those_in_conflict_are_decided() {
    let mut screen = Screen::new((80, 24));
    screen.keys("6hA<");
    assert!(
        screen.text().contains("8 selected") && screen.text().contains("of these 1 in conflict"),
        "{}",
        screen.text()
    );
    screen.keys("y");
    assert_eq!(told(&screen), [resolve(2, None, Take::Side(Side::Jaggaer), false)]);
}

#[test]
fn the_states_are_turned_through_and_the_filter_narrows_them() {
    let mut screen = Screen::new((80, 24));
    screen.keys("6");
    assert!(screen.text().contains("[needs a person 4]") && screen.text().contains("1 of 4"), "{}", screen.text());
    screen.keys("l");
    assert!(screen.text().contains("[≠ conflict 1]") && !screen.text().contains("Nordic"), "{}", screen.text());
    screen.keys("hh");
    assert!(screen.text().contains("[all 8]") && screen.text().contains("2 of 8"), "{}", screen.text());
    screen.keys("/state:agreed harbor\n");
    assert!(screen.text().contains("1 of 1  filter: state:agreed harbor"), "{}", screen.text());
    let kept = Memory { filter: String::new(), vendors: "state:agreed harbor".into() };
    assert!(screen.effects.contains(&Effect::Save(kept)));
    screen.keys("1l6l");
    assert!(screen.text().contains("The filter leaves nothing of these states."), "{}", screen.text());
    screen.keys("\\/state:conflct\n");
    assert!(screen.text().contains("did you mean `conflict`?"), "{}", screen.text());
    screen.keys("\x1b");
    assert!(screen.text().contains("1 of 4"), "{}", screen.text());
}

#[test]
fn the_cursor_stays_on_its_supplier_and_nothing_acts_on_its_neighbour() {
    let mut screen = Screen::new((80, 24));
    screen.keys("6");
    screen.fake.pairs.lock().unwrap().insert(0, fake::pair(0, "New above", PairState::Held));
    screen.publish(|_| {});
    screen.keys("<y");
    assert_eq!(told(&screen).len(), 1, "{}", screen.text());
    screen.fake.pairs.lock().unwrap().retain(|pair| pair.row.id != PairId(2));
    screen.publish(|_| {});
    screen.keys("ry");
    assert_eq!(told(&screen).len(), 1);
    assert!(screen.text().contains("left this list: choose one first"), "{}", screen.text());
    screen.keys("j");
    assert_eq!(screen.ui.vendors.list.cursor, Some(PairId(3)), "the next one, not the one behind it");
}

#[test]
fn only_the_typed_phrase_starts_the_vendors_with_the_fields_that_were_named() {
    let mut screen = Screen::new((80, 24));
    screen.publish(|snapshot| snapshot.vendors.started = None);
    screen.keys("6VV");
    screen.keys("start\n");
    assert!(screen.orders().is_empty() && screen.text().contains("type exactly: start ACME-US"), "{}", screen.text());
    screen.keys(" ACME-US\n");
    let start = |fields, create| VendorCommand::Start { phrase: "start ACME-US".into(), fields, create };
    assert_eq!(told(&screen), [start(Vec::new(), true)]);

    let mut screen = Screen::new((80, 24));
    screen.publish(|snapshot| snapshot.vendors.started = None);
    screen.keys("6VV");
    (0..2).for_each(|_| screen.key(KeyCode::Up));
    (0..3).for_each(|_| screen.key(KeyCode::Backspace));
    screen.keys("phone, e-mail\n");
    (0..3).for_each(|_| screen.key(KeyCode::Backspace));
    screen.keys("no\nstart ACME-US\n");
    assert_eq!(told(&screen), [start(vec![MasterField::Email, MasterField::Phone], false)]);

    let mut screen = Screen::new((80, 24));
    screen.keys("6Vy");
    assert_eq!(told(&screen), [VendorCommand::Stop]);
}

#[test]
fn a_phrase_that_is_typed_into_the_plan_does_nothing_to_what_it_hides() {
    let mut screen = Screen::new((80, 24));
    screen.publish(|snapshot| snapshot.vendors.started = None);
    screen.keys("6Vcreate 2, change 4<>uxsm/p");
    assert!(matches!(screen.ui.overlay, Some(Overlay::Plan(_))), "{}", screen.text());
    assert!(screen.ui.vendors.marks.is_empty() && screen.orders().is_empty());
    assert!(screen.text().contains("esc close  V start"), "{}", screen.text());
}

#[test]
fn a_phrase_that_is_typed_while_a_button_has_the_focus_is_no_answer_and_no_key() {
    let mut screen = Screen::new((80, 24));
    screen.publish(|snapshot| snapshot.vendors.started = None);
    for tabs in ["\t", "\t\t"] {
        screen.keys("6VV");
        screen.keys(tabs);
        screen.keys("change 4, yes, no<>uxsme!");
        assert!(matches!(screen.ui.overlay, Some(Overlay::Dialog(_))), "{}", screen.text());
        screen.key(KeyCode::Esc);
        assert!(screen.ui.overlay.is_none() && screen.ui.vendors.marks.is_empty() && screen.orders().is_empty());
    }
}

#[test]
fn who_may_only_look_changes_nothing() {
    let mut screen = Screen::new((80, 24));
    screen.ui.read_only = true;
    for keys in ["6", "<", ">", "J", "I", "e", "!", "u", "m", "x", "s", "r", "V", "\n<", ">"] {
        screen.keys(keys);
        assert!(!matches!(screen.ui.overlay, Some(Overlay::Dialog(_))), "{keys}");
    }
    assert!(screen.orders().is_empty());
    screen.keys("\x1bP");
    assert!(matches!(screen.ui.overlay, Some(Overlay::Plan(_))), "looking is allowed");
}

#[test]
fn an_empty_list_says_what_it_waits_for() {
    let fake = Fake::new(true);
    fake.pairs.lock().unwrap().clear();
    fake.snapshots.send_modify(|snapshot| Arc::make_mut(snapshot).vendors = VendorsStatus::default());
    let mut screen = Screen::on(fake, (80, 24));
    screen.keys("6");
    assert!(screen.text().contains("once JAGGAER's profile says where"), "{}", screen.text());
    assert!(!screen.text().contains("V start"), "{}", screen.text());
    screen.publish(|snapshot| snapshot.vendors.reads_jaggaer = true);
    assert!(screen.text().contains("No supplier was read yet"), "{}", screen.text());
}

#[test]
fn every_key_can_be_changed_and_the_screen_names_the_new_one() {
    let mut screen = Screen::new((80, 24));
    let own = "take_jaggaer = \"ctrl-j\"\nvendors = \"f6\"\n";
    screen.ui.keymap = Arc::new(Keymap::load(Some(("mine", own))).unwrap());
    screen.key(KeyCode::F(6));
    screen.keys("\n");
    assert!(screen.text().contains("JAGGAER ctrl-j takes"), "{}", screen.text());
}

#[test]
fn without_colour_brackets_signs_and_underlines_say_what_differs() {
    let mut screen = Screen::new((80, 24));
    screen.keys("6\n");
    let text = screen.text();
    assert!(text.contains("≠ phone") && text.contains("+1 555 [0199]") && text.contains("+1 555 [0155]"), "{text}");
    let buffer = screen.draw().buffer().clone();
    for cell in &buffer.content {
        assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset));
    }
    let underlined: String = buffer
        .content
        .iter()
        .filter(|cell| cell.modifier.contains(Modifier::UNDERLINED))
        .map(|cell| cell.symbol())
        .collect();
    assert!(underlined.contains("[0199]") && !underlined.contains("555"), "{underlined}");
}

#[test]
fn no_part_needs_more_room_than_it_has() {
    for size in [(60, 15), (61, 16), (79, 20), (100, 30), (131, 24), (139, 40), (140, 15), (300, 80)] {
        for keys in ["6", "6\n", "6\nGG", "6j\nj", "6jj\n", "6a", "6<", "6\n<!", "6\ne", "6jm", "6P", "6/", "6\nw"] {
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
    let evil = || Text::new(HOSTILE);
    let fake = Fake::new(true);
    for pair in fake.pairs.lock().unwrap().iter_mut() {
        pair.row.name = evil();
        pair.row.number = evil();
        pair.row.vendor = pair.row.vendor.as_ref().map(|_| evil());
        pair.row.detail = Some(evil());
        pair.supplier = evil();
        pair.refused = vec![evil()];
        pair.rivals = vec![evil()];
        for view in &mut pair.fields {
            (view.agreed, view.jaggaer, view.intacct) =
                (Some(evil()), Some(evil()), Some(Text::new(HOSTILE.repeat(40))));
            view.decided = view.course.map(|_| (evil(), HOSTILE.into()));
        }
        for suggestion in &mut pair.suggestions {
            suggestion.vendor = evil();
            suggestion.others = vec![evil()];
            suggestion.fields.iter_mut().for_each(|(_, value)| *value = evil());
        }
        for alert in &mut pair.alerts {
            (alert.old, alert.new) = (evil(), evil());
        }
        for reason in &mut pair.reasons {
            (reason.title, reason.detail, reason.advice) = (HOSTILE.into(), evil(), HOSTILE.into());
        }
        if let Some(error) = &mut pair.error {
            (error.title, error.said, error.meaning) = (HOSTILE.into(), evil(), HOSTILE.into());
        }
    }
    fake.snapshots.send_modify(|snapshot| {
        Arc::make_mut(snapshot).vendors.started = Some((HOSTILE.into(), fake::now()));
    });
    for size in [(80, 24), (200, 50)] {
        for keys in [
            "", "6", "6\n", "6\nG", "6j\nj", "6jj\n", "6jjj\n", "6hh\n", "6a", "6<", "6\n<", "6\n!", "6\ne", "6jm",
            "6j\nx", "6V", "6P",
        ] {
            let mut screen = Screen::on(fake.clone(), size);
            screen.keys(keys);
            screen.take(Message::Paste(HOSTILE.into()));
            for cell in &screen.draw().buffer().content {
                let bad = cell.symbol().chars().find(|c| safe(&c.to_string()) != c.to_string());
                assert_eq!(bad, None, "{size:?} {keys:?}");
            }
            let copied = super::view::plain(&screen.ui) + &super::view::excerpt(&screen.ui);
            let kept = |c: char| c != '\n' && c != '\t' && c.is_control();
            assert!(!copied.contains(kept), "{copied:?}");
        }
    }
}
