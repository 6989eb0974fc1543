//! What happens to the screen becomes its next state and what it wants done. Nothing here waits or touches the world.

mod act;
mod decide;
mod keys;
mod orders;
mod vendors;

pub use act::matches;
pub use keys::named;
pub use vendors::marked as marked_pairs;

use jiff::SignedDuration;

use super::list::Motion;
use super::message::{Effect, Message};
use super::state::{Detail, Overlay, Panel, Ui};
use super::view;
use crate::messages::{Outcome, Refusal, RefusalKind};
use crate::model::safe;

/// How long good news stays.
pub const NEWS: SignedDuration = SignedDuration::from_secs(20);
/// A document that is not in a list is read again at most so often.
const REST: SignedDuration = SignedDuration::from_secs(1);

/// Takes one message in.
pub fn update(ui: &mut Ui, message: Message) -> Vec<Effect> {
    let mut effects = Vec::new();
    match message {
        Message::Tick(now) => {
            ui.now = now;
            if ui.notice.as_ref().is_some_and(|notice| !notice.bad && now.duration_since(notice.at) >= NEWS) {
                ui.notice = None;
            }
        }
        Message::Key(key) => keys::press(ui, key, &mut effects),
        Message::Paste(text) => keys::paste(ui, &text),
        Message::Resize(columns, rows) => ui.size = (columns, rows),
        Message::Snapshot(snapshot) => {
            if snapshot.revision != ui.snapshot.revision {
                for list in [&mut ui.queue, &mut ui.invoices, &mut ui.failures] {
                    list.touch();
                }
                ui.vendors.list.touch();
                if let Some(detail) = &mut ui.detail {
                    detail.stale = true;
                }
                if let Some(pair) = &mut ui.vendors.pair {
                    pair.stale = true;
                }
            }
            ui.snapshot = snapshot;
        }
        Message::Page { list, generation, number, answer } => {
            let height = view::list_height(ui);
            ui.list_mut(list).take(generation, number, answer, height);
        }
        Message::Document(id, answer) => {
            if let Some(detail) = ui.detail.as_mut().filter(|detail| detail.id == id) {
                detail.pending = false;
                detail.read = Some(ui.now);
                match answer {
                    Ok(data) => {
                        // What explains another version explains nothing.
                        if detail.data.as_ref().is_some_and(|old| old.row.version != data.row.version) {
                            (detail.explanation, detail.trail) = (None, None);
                        }
                        (detail.data, detail.fault) = (Some(data), None);
                    }
                    Err(refusal) => detail.fault = Some(safe(&refusal.message).into_owned()),
                }
            }
        }
        Message::Explained(id, answer) => {
            if let Some(detail) = ui.detail.as_mut().filter(|detail| detail.id == id) {
                detail.explanation = Some(answer.map_err(|refusal| safe(&refusal.message).into_owned()));
            }
        }
        Message::Audited(id, answer) => {
            if let Some(detail) = ui.detail.as_mut().filter(|detail| detail.id == id) {
                detail.trail = Some(answer.map_err(|refusal| safe(&refusal.message).into_owned()));
            }
        }
        Message::PairPage(generation, number, answer) => {
            let height = view::list_height(ui);
            ui.vendors.list.take(generation, number, answer, height);
        }
        Message::Pair(id, answer) => {
            if let Some(pair) = ui.vendors.pair.as_mut().filter(|pair| pair.id == id) {
                pair.pending = false;
                pair.read = Some(ui.now);
                match answer {
                    Ok(data) => {
                        if pair.data.as_ref().is_some_and(|old| old.row.version != data.row.version) {
                            pair.trail = None;
                        }
                        (pair.data, pair.fault) = (Some(data), None);
                    }
                    Err(refusal) => {
                        pair.fault = Some(safe(&refusal.message).into_owned());
                        pair.stale = true;
                    }
                }
            }
        }
        Message::PairAudited(id, answer) => {
            if let Some(pair) = ui.vendors.pair.as_mut().filter(|pair| pair.id == id) {
                pair.trail = Some(answer.map_err(|refusal| safe(&refusal.message).into_owned()));
            }
        }
        Message::Planned(answer) => {
            ui.vendors.plan = Some(answer.map_err(|refusal| safe(&refusal.message).into_owned()));
        }
        Message::Told(label, answer) => told(ui, label, answer),
        Message::Say(text, bad) => ui.say(safe(&text), bad),
    }
    settle(ui, &mut effects);
    effects
}

/// The result of an order is a notice, never a page.
fn told(ui: &mut Ui, label: String, answer: Result<Outcome, Refusal>) {
    ui.under_way = ui.under_way.saturating_sub(1);
    for list in [&mut ui.queue, &mut ui.invoices, &mut ui.failures] {
        list.touch();
    }
    ui.vendors.list.touch();
    if let Some(detail) = &mut ui.detail {
        detail.stale = true;
        (detail.explanation, detail.trail) = (None, None);
    }
    if let Some(pair) = &mut ui.vendors.pair {
        (pair.stale, pair.read, pair.trail) = (true, None, None);
    }
    if ui.together.is_some() {
        return told_together(ui, &label, answer);
    }
    match answer {
        Ok(outcome) => {
            let key = ui.keymap.keys(super::actions::Action::Results);
            let mut text = format!("{label}: {}", safe(&outcome.message));
            if let [only] = outcome.rows.as_slice()
                && !only.done
                && only.message != outcome.message
            {
                text = format!("{text}. {}", safe(&only.message));
            } else if !outcome.rows.is_empty() && outcome.done + outcome.refused > 1 {
                text = format!("{text} ({key} shows each)");
            }
            came_to(ui, text, outcome.refused > 0);
            ui.outcome = Some((label, outcome));
        }
        Err(refusal) => {
            let hint = match refusal.kind {
                RefusalKind::Unavailable => " It may or may not have been done: look before you repeat it.",
                _ => "",
            };
            came_to(ui, format!("{label}: not done. {}{hint}", safe(&refusal.message)), true);
        }
    }
}

/// One of several orders that were given together was answered: all of them make one notice.
fn told_together(ui: &mut Ui, label: &str, answer: Result<Outcome, Refusal>) {
    let Some((count, mut refused, mut said)) = ui.together.take() else { return };
    let (bad, message) = match answer {
        Ok(outcome) => (outcome.refused > 0, outcome.message),
        Err(refusal) => (true, refusal.message),
    };
    if said.is_empty() || bad && refused == 0 {
        said = safe(&message).into_owned();
    }
    refused += usize::from(bad);
    if ui.under_way > 0 {
        ui.together = Some((count, refused, said));
        return;
    }
    match refused {
        0 => came_to(ui, format!("{label}: {count} done. {said}"), false),
        _ => came_to(ui, format!("{label}: {} done, {refused} refused. {said}", count.saturating_sub(refused)), true),
    }
}

/// Says what an order came to, and keeps it: it is the last one now.
fn came_to(ui: &mut Ui, what: String, bad: bool) {
    ui.outcome = None;
    ui.last_order = Some((what.clone(), bad));
    ui.say(what, bad);
}

/// After every message: what the screen shows now, and has not got, is asked for.
fn settle(ui: &mut Ui, effects: &mut Vec<Effect>) {
    if ui.panel == Panel::Vendors {
        return vendors::settle(ui, effects);
    }
    let height = view::list_height(ui);
    let now = ui.now;
    let Some(key) = ui.list_key() else { return };
    let list = ui.list_mut(key);
    list.scroll(height);
    for (generation, number, request) in list.wants(height, now) {
        effects.push(Effect::Page { list: key, generation, number, request });
    }

    // Beside a list stands the document under the cursor, unless one was opened.
    let cursor = ui.list(key).cursor;
    if !ui.open && ui.wide() {
        let busy = ui.detail.as_ref().is_some_and(|detail| detail.pending);
        match cursor {
            // One question at a time: running through a list asks for where it stops.
            Some(id) if ui.detail.as_ref().is_none_or(|detail| detail.id != id) && !busy => {
                let tab = ui.detail.as_ref().map(|detail| detail.tab).unwrap_or_default();
                ui.detail = Some(Detail::new(id, tab));
            }
            None => ui.detail = None,
            _ => {}
        }
    } else if !ui.open {
        ui.detail = None;
    }
    let seen = ui.list(key).loaded().find(|row| ui.detail.as_ref().is_some_and(|detail| detail.id == row.id));
    let version = seen.map(|row| row.version);
    let Some(detail) = &mut ui.detail else { return };
    if detail.stale && !detail.pending {
        let known = detail.data.as_ref().map(|data| data.row.version);
        let rested = detail.read.is_none_or(|read| now.duration_since(read) >= REST);
        if known.is_none() || version.is_some() && version != known || rested {
            (detail.stale, detail.pending) = (false, true);
            effects.push(Effect::Document(detail.id));
        }
    }
    act::complete(detail, effects);
}

/// A step among so many.
fn moved(motion: Motion, from: usize, length: usize, page: usize) -> usize {
    let last = length.saturating_sub(1);
    match motion {
        Motion::Up => from.saturating_sub(1),
        Motion::Down => (from + 1).min(last),
        Motion::PageUp => from.saturating_sub(page),
        Motion::PageDown => (from + page).min(last),
        Motion::Top => 0,
        Motion::Bottom => last,
    }
}

/// The first row shown after a step. Rows that scroll stop when the last one is at the bottom.
fn rows_scroll(motion: Motion, from: usize, length: usize, shown: usize, page: usize) -> usize {
    moved(motion, from, (length + 1).saturating_sub(shown).max(1), page)
}

/// Moves whatever has the focus.
fn go(ui: &mut Ui, motion: Motion) {
    let height = view::list_height(ui);
    let page = view::body_height(ui).saturating_sub(2).max(1);
    let step = |from: usize, length: usize| moved(motion, from, length, page);
    let scroll = |from: usize, length: usize, shown: usize| rows_scroll(motion, from, length, shown, page);
    match &ui.overlay {
        Some(Overlay::Help(from)) => {
            let to = scroll(*from, view::help_length(ui), view::overlay_height(ui));
            ui.overlay = Some(Overlay::Help(to));
            return;
        }
        Some(Overlay::Results(from)) => {
            let to = scroll(*from, view::results_length(ui), view::overlay_height(ui));
            ui.overlay = Some(Overlay::Results(to));
            return;
        }
        Some(Overlay::Plan(from)) => {
            let to = scroll(*from, view::plan_length(ui), view::overlay_height(ui));
            ui.overlay = Some(Overlay::Plan(to));
            return;
        }
        _ => {}
    }
    if ui.panel == Panel::Vendors {
        return vendors::go(ui, motion);
    }
    if ui.open {
        let (length, shown) = view::detail_extent(ui);
        if let Some(detail) = &mut ui.detail {
            detail.scroll = scroll(detail.scroll.min(length.saturating_sub(shown)), length, shown);
        }
        return;
    }
    match ui.panel {
        Panel::Overview => {
            let flows: Vec<&str> = ui.snapshot.flows.iter().map(|flow| flow.name.as_str()).collect();
            let at = flows.iter().position(|name| Some(*name) == ui.flow.as_deref());
            let to = at.map_or(0, |at| step(at, flows.len()));
            ui.flow = flows.get(to).map(|name| (*name).to_owned());
        }
        Panel::Failures if ui.on_causes => {
            let causes = ui.causes();
            let at = causes.iter().position(|(cause, _, _)| *cause == ui.cause).unwrap_or(0);
            if let Some((cause, _, _)) = causes.get(step(at, causes.len())) {
                ui.cause = *cause;
                ui.query();
            }
        }
        Panel::Log => {
            use tui_logger::TuiWidgetEvent::{EscapeKey, NextPageKey, PrevPageKey};
            ui.log.transition(match motion {
                Motion::Up | Motion::PageUp | Motion::Top => PrevPageKey,
                Motion::Down | Motion::PageDown => NextPageKey,
                Motion::Bottom => EscapeKey,
            });
        }
        _ => {
            if let Some(key) = ui.list_key() {
                ui.list_mut(key).go(motion, height);
            }
        }
    }
}
