//! Keys and pastes: to the field that has the focus, to the question that is open, or to the action of the key.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::super::actions::Action;
use super::super::keymap::Key;
use super::super::message::Effect;
use super::super::state::{Overlay, Panel, Ui};
use super::act::{act, matches};
use super::orders::confirm;
use crate::messages::{Filter, PairFilter};

/// A key was pressed.
pub fn press(ui: &mut Ui, event: KeyEvent, effects: &mut Vec<Effect>) {
    if event.kind == KeyEventKind::Release {
        return;
    }
    let key = Key::from(event);
    match ui.overlay.take() {
        Some(Overlay::Filter(input, _)) => filter_key(ui, input, event, effects),
        Some(Overlay::Palette(input, at)) => palette_key(ui, input, at, event, effects),
        Some(Overlay::Dialog(dialog)) => dialog_key(ui, dialog, event, effects),
        overlay => {
            ui.overlay = overlay;
            if let Some(action) = ui.keymap.action(key, ui.panel) {
                act(ui, action, Some(key), effects);
            }
        }
    }
}

/// Text was pasted: into a field it goes, elsewhere it is dropped and never run as keys.
pub fn paste(ui: &mut Ui, text: &str) {
    let input = match &mut ui.overlay {
        Some(Overlay::Filter(input, _)) | Some(Overlay::Palette(input, _)) => Some(input),
        Some(Overlay::Dialog(dialog)) => {
            let at = dialog.at;
            dialog.fields.get_mut(at).map(|field| &mut field.input)
        }
        _ => None,
    };
    let Some(input) = input else {
        let count = text.chars().count();
        ui.say(format!("{count} pasted characters dropped: a paste goes into a field only"), false);
        return;
    };
    for letter in text.chars().filter(|letter| !letter.is_control()).take(1000) {
        input.handle(tui_input::InputRequest::InsertChar(letter));
    }
}

fn leaves(event: KeyEvent) -> bool {
    event.code == KeyCode::Esc
        || event.modifiers.contains(KeyModifiers::CONTROL) && matches!(event.code, KeyCode::Char('c' | 'g'))
}

fn filter_key(ui: &mut Ui, mut input: Input, event: KeyEvent, effects: &mut Vec<Effect>) {
    if leaves(event) {
        return;
    }
    if event.code == KeyCode::Enter && ui.panel == Panel::Vendors {
        match PairFilter::parse(input.value()) {
            Ok(parsed) => {
                ui.vendors.filter_text = input.value().trim().to_owned();
                ui.vendors.filter = parsed;
                effects.push(Effect::Save(ui.memory()));
            }
            Err(fault) => ui.overlay = Some(Overlay::Filter(input, Some(fault))),
        }
        return;
    }
    if event.code == KeyCode::Enter {
        match Filter::parse(input.value(), ui.now, &ui.zone) {
            Ok(parsed) => {
                ui.filter_text = input.value().trim().to_owned();
                ui.filter = parsed;
                ui.query();
                effects.push(Effect::Save(ui.memory()));
            }
            Err(fault) => ui.overlay = Some(Overlay::Filter(input, Some(fault))),
        }
        return;
    }
    input.handle_event(&Event::Key(event));
    ui.overlay = Some(Overlay::Filter(input, None));
}

fn palette_key(ui: &mut Ui, mut input: Input, at: usize, event: KeyEvent, effects: &mut Vec<Effect>) {
    if leaves(event) {
        return;
    }
    let found = matches(ui, input.value());
    let last = found.len().saturating_sub(1);
    let at = match event.code {
        KeyCode::Enter => {
            if let Some(action) = found.get(at) {
                act(ui, *action, None, effects);
            }
            return;
        }
        KeyCode::Up | KeyCode::BackTab => at.saturating_sub(1),
        KeyCode::Down | KeyCode::Tab => (at + 1).min(last),
        _ => {
            input.handle_event(&Event::Key(event));
            0
        }
    };
    ui.overlay = Some(Overlay::Palette(input, at));
}

fn dialog_key(ui: &mut Ui, mut dialog: Box<super::super::dialog::Dialog>, event: KeyEvent, effects: &mut Vec<Effect>) {
    let key = Key::from(event);
    let trigger = dialog.trigger == Some(key);
    if leaves(event) && !trigger {
        return;
    }
    let fields = dialog.fields.len();
    let typing = dialog.at < fields;
    if fields == 0 && ui.keymap.action(key, ui.panel) == Some(Action::Always) {
        if let Some(mut other) = dialog.other.take() {
            other.trigger = Some(key);
            dialog = other;
        }
        ui.overlay = Some(Overlay::Dialog(dialog));
        return;
    }
    match event.code {
        KeyCode::Tab | KeyCode::Down => dialog.at = (dialog.at + 1) % (fields + 2),
        KeyCode::BackTab | KeyCode::Up => dialog.at = (dialog.at + fields + 1) % (fields + 2),
        KeyCode::Left | KeyCode::Right if !typing => {
            dialog.at = if dialog.on_cancel() { fields + 1 } else { fields };
        }
        KeyCode::Enter if dialog.on_cancel() => return,
        KeyCode::Enter if typing && dialog.at + 1 < fields => dialog.at += 1,
        // The key that asked never confirms, wherever the focus is.
        KeyCode::Enter if !trigger => return confirm(ui, dialog, effects),
        // Where something is typed, a letter answers nothing: who types with the focus elsewhere would answer by chance, and the
        // rest of the words would be keys of the list behind.
        KeyCode::Char('y') if fields == 0 && !trigger => return confirm(ui, dialog, effects),
        KeyCode::Char('n') if fields == 0 => return,
        _ if typing => {
            dialog.fault = None;
            let at = dialog.at;
            if let Some(field) = dialog.fields.get_mut(at) {
                field.input.handle_event(&Event::Key(event));
            }
        }
        _ => {}
    }
    ui.overlay = Some(Overlay::Dialog(dialog));
}

/// Opens the filter's field.
pub fn edit_filter(ui: &mut Ui) {
    let text = if ui.panel == Panel::Vendors { &ui.vendors.filter_text } else { &ui.filter_text };
    ui.overlay = Some(Overlay::Filter(Input::from(text.clone()), None));
}

/// The keys of an action, or its name where it has none.
pub fn named(ui: &Ui, action: Action) -> String {
    let keys = ui.keymap.keys(action);
    if keys.is_empty() { action.word().to_owned() } else { keys }
}
