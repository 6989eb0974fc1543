//! The panel of suppliers and vendors: what is asked for, how the cursor moves, what is selected.

use super::super::list::Motion;
use super::super::message::Effect;
use super::super::state::Ui;
use super::super::vendors::{Item, PairTab, PairView, Shown};
use super::super::view;
use super::{REST, rows_scroll};
use crate::messages::PairRow;
use crate::model::PairId;

/// What the panel shows now, and has not got, is asked for.
pub fn settle(ui: &mut Ui, effects: &mut Vec<Effect>) {
    ui.vendors.query(&ui.snapshot.vendors);
    let height = view::list_height(ui);
    let now = ui.now;
    let vendors = &mut ui.vendors;
    vendors.list.scroll(height);
    for (generation, number, request) in vendors.list.wants(height, now) {
        effects.push(Effect::PairPage(generation, number, request));
    }
    // The pair under the cursor is read in any case: a question about it shows its values.
    if !ui.open {
        let busy = vendors.pair.as_ref().is_some_and(|pair| pair.pending);
        match vendors.list.cursor {
            Some(id) if vendors.pair.as_ref().is_none_or(|pair| pair.id != id) && !busy => {
                vendors.pair = Some(PairView::new(id, PairTab::default()));
            }
            None => vendors.pair = None,
            _ => {}
        }
    }
    let row = vendors.pair.as_ref().and_then(|pair| vendors.list.loaded().find(|row| row.id == pair.id));
    let version = row.map(|row| row.version);
    let Some(pair) = &mut vendors.pair else { return };
    if pair.stale && !pair.pending {
        let known = pair.data.as_ref().map(|data| data.row.version);
        let rested = pair.read.is_none_or(|read| now.duration_since(read) >= REST);
        if known.is_none() && pair.fault.is_none() || version.is_some() && version != known || rested {
            (pair.stale, pair.pending) = (false, true);
            effects.push(Effect::Pair(pair.id));
        }
    }
    if pair.tab == PairTab::Trail && pair.trail.is_none() {
        // An empty answer stands in until the real one comes, so that it is asked for once.
        pair.trail = Some(Err(String::new()));
        effects.push(Effect::PairAudit(pair.id));
    }
}

/// Moves the cursor of the list, or of the pair that is open.
pub fn go(ui: &mut Ui, motion: Motion) {
    if !ui.open {
        let height = view::list_height(ui);
        return ui.vendors.list.go(motion, height);
    }
    let (length, height) = view::pair_extent(ui);
    let Some(pair) = &mut ui.vendors.pair else { return };
    let page = height.saturating_sub(2).max(1);
    let items = pair.items();
    if pair.tab == PairTab::Trail || items.is_empty() {
        pair.scroll = rows_scroll(motion, pair.scroll.min(length.saturating_sub(height)), length, height, page);
        return;
    }
    let at = pair.item().and_then(|item| items.iter().position(|other| *other == item)).unwrap_or(0);
    let last = items.len() - 1;
    let to = match motion {
        Motion::Up => at.saturating_sub(1),
        Motion::Down => (at + 1).min(last),
        Motion::Top => 0,
        Motion::Bottom => last,
        Motion::PageUp | Motion::PageDown => {
            pair.scroll = rows_scroll(motion, pair.scroll.min(length.saturating_sub(height)), length, height, page);
            return;
        }
    };
    pair.at = items.get(to).cloned();
    // The cursor is kept on the screen; at either end, so is what stands beyond it.
    let (first, end) = view::pair_item_rows(ui);
    let Some(pair) = &mut ui.vendors.pair else { return };
    let first = if to == 0 { 0 } else { first };
    let end = if to == last && at == last { length } else { end };
    pair.scroll = pair.scroll.min(first).max(end.saturating_sub(height));
}

/// Shows the states beside those that are shown now.
pub fn turn(ui: &mut Ui, on: bool) {
    let status = &ui.snapshot.vendors;
    let now = ui.vendors.shown(status);
    // States without a pair are passed over; what is shown now stays in the round.
    let round: Vec<Shown> = Shown::ALL
        .into_iter()
        .filter(|shown| *shown == now || *shown == Shown::All || shown.count(status) > 0)
        .collect();
    let at = round.iter().position(|shown| *shown == now).unwrap_or(0);
    let to = if on { at + 1 } else { at + round.len() - 1 } % round.len().max(1);
    ui.vendors.chosen = round.get(to).copied();
    ui.vendors.query(&ui.snapshot.vendors);
}

/// Opens the pair under the cursor.
pub fn open(ui: &mut Ui, tab: PairTab) {
    let Some(id) = ui.vendors.list.cursor else { return };
    if ui.vendors.pair.as_ref().is_none_or(|pair| pair.id != id) {
        ui.vendors.pair = Some(PairView::new(id, tab));
    }
    if let Some(pair) = &mut ui.vendors.pair {
        (pair.tab, pair.scroll) = (tab, 0);
    }
    ui.vendors.list.lost = false;
    ui.open = true;
}

/// Marks the pair, or forgets the mark.
pub fn mark(ui: &mut Ui) {
    let Some(row) = target(ui) else { return };
    if ui.vendors.marks.remove(&row.id).is_none() {
        ui.vendors.marks.insert(row.id, row.version);
    }
    if !ui.open {
        let height = view::list_height(ui);
        ui.vendors.list.go(Motion::Down, height);
    }
}

/// Marks all that match, each with the version that is here now.
pub fn mark_all(ui: &mut Ui) {
    let list = &ui.vendors.list;
    let all: Vec<(PairId, u64)> = list.loaded().map(|row| (row.id, row.version)).collect();
    if !list.complete() || all.len() < list.known() {
        return ui.say("These are too many to select at once: show one state, or filter first", false);
    }
    if all.is_empty() {
        return ui.say("Nothing matches: nothing is selected", false);
    }
    ui.vendors.marks = all.into_iter().collect();
}

/// The pair that an order without marks means, as it is on the screen.
pub fn target(ui: &mut Ui) -> Option<PairRow> {
    if ui.open {
        let row = ui.vendors.pair.as_ref().and_then(|pair| pair.data.as_ref()).map(|data| data.row.clone());
        if row.is_none() {
            ui.say("The supplier is still on its way", false);
        }
        return row;
    }
    if ui.vendors.list.lost {
        ui.say("The supplier under the cursor left this list: choose one first", true);
        return None;
    }
    let row = ui.vendors.list.current().cloned();
    if row.is_none() {
        ui.say("There is no supplier to act on", false);
    }
    row
}

/// Where the cursor of the open pair stands.
pub fn item(ui: &Ui) -> Option<Item> {
    ui.vendors.pair.as_ref().filter(|_| ui.open).and_then(PairView::item)
}

/// The selection in words: `17 selected (3 not visible)`.
pub fn marked(ui: &Ui) -> Option<String> {
    let marks = &ui.vendors.marks;
    if marks.is_empty() {
        return None;
    }
    let height = view::list_height(ui);
    let hidden = marks.keys().filter(|id| !ui.vendors.list.shows(**id, height)).count();
    let hidden = if hidden > 0 { format!(" ({hidden} not visible)") } else { String::new() };
    Some(format!("{} selected{hidden}", marks.len()))
}
