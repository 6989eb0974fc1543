//! Actions: what each of the table does.

use log::LevelFilter;
use tui_logger::TuiWidgetState;

use super::super::actions::Action;
use super::super::keymap::Key;
use super::super::list::Motion;
use super::super::message::Effect;
use super::super::state::{Detail, Marks, Overlay, Panel, Tab, Ui, WIDE};
use super::super::vendors::PairTab;
use super::super::view;
use super::{decide, go, keys, orders, vendors};
use crate::messages::LogLevel;

/// Whether an action means the plan that is read, or the program as a whole.
fn reads_on(action: Action) -> bool {
    use Action as A;
    let moves = matches!(action, A::Up | A::Down | A::PageUp | A::PageDown | A::Top | A::Bottom);
    moves
        || matches!(
            action,
            A::Plan | A::StartVendors | A::Back | A::Quit | A::Help | A::Palette | A::Redraw | A::Suspend
        )
}

/// Carries an action out, or asks before.
pub fn act(ui: &mut Ui, action: Action, trigger: Option<Key>, effects: &mut Vec<Effect>) {
    if !action.scope().covers(ui.panel) {
        return ui.say(format!("{}: not in this panel", action.title()), false);
    }
    if action.changes() && ui.read_only {
        return ui.say(format!("Read-only, not possible here: {}", action.title()), true);
    }
    let reading = matches!(ui.overlay, Some(Overlay::Help(_) | Overlay::Results(_) | Overlay::Plan(_)));
    let pairs = ui.panel == Panel::Vendors;
    if matches!(ui.overlay, Some(Overlay::Plan(_))) && !reads_on(action) {
        // Who types the phrase too early must not mark, settle or leave what the plan hides.
        return ui.say("The plan is in front: close it first", false);
    }
    match action {
        Action::Quit if reading => ui.overlay = None,
        Action::Quit => orders::quit(ui, trigger, effects),
        Action::Help => ui.overlay = if reading { None } else { Some(Overlay::Help(0)) },
        Action::Palette => ui.overlay = Some(Overlay::Palette(tui_input::Input::default(), 0)),
        Action::Back => back(ui),
        Action::Overview => show(ui, Panel::Overview),
        Action::Queue => show(ui, Panel::Queue),
        Action::Invoices => show(ui, Panel::Invoices),
        Action::Failures => show(ui, Panel::Failures),
        Action::Log => show(ui, Panel::Log),
        Action::Vendors => show(ui, Panel::Vendors),
        Action::NextPanel => turn(ui, 1),
        Action::PreviousPanel => turn(ui, Panel::ALL.len() - 1),
        Action::Up => go(ui, Motion::Up),
        Action::Down => go(ui, Motion::Down),
        Action::PageUp => go(ui, Motion::PageUp),
        Action::PageDown => go(ui, Motion::PageDown),
        Action::Top => go(ui, Motion::Top),
        Action::Bottom => go(ui, Motion::Bottom),
        Action::Left | Action::Right if pairs && !ui.open => vendors::turn(ui, action == Action::Right),
        Action::Left => left(ui),
        Action::Open if pairs && !ui.open => vendors::open(ui, PairTab::Fields),
        Action::Right | Action::Open if pairs => {}
        Action::Right | Action::Open => right(ui, action == Action::Open),
        Action::Filter => keys::edit_filter(ui),
        Action::ClearFilter if pairs => {
            ui.vendors.filter_text.clear();
            ui.vendors.filter = Default::default();
            effects.push(Effect::Save(ui.memory()));
        }
        Action::ClearFilter => {
            ui.filter_text.clear();
            ui.filter = Default::default();
            ui.query();
            effects.push(Effect::Save(ui.memory()));
        }
        Action::Results if ui.outcome.is_some() => ui.overlay = Some(Overlay::Results(0)),
        Action::Results => match ui.last_order.clone() {
            Some((told, bad)) => ui.say(told, bad),
            None => ui.say("No order was given yet", false),
        },
        Action::Redraw => {
            for list in [&mut ui.queue, &mut ui.invoices, &mut ui.failures] {
                list.touch();
            }
            if let Some(detail) = &mut ui.detail {
                (detail.stale, detail.explanation, detail.trail) = (true, None, None);
            }
            ui.vendors.list.touch();
            if let Some(pair) = &mut ui.vendors.pair {
                (pair.stale, pair.read, pair.trail) = (true, None, None);
            }
            effects.push(Effect::Redraw);
        }
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Facts | Action::Audit if pairs => {
            let tab = if action == Action::Audit { PairTab::Trail } else { PairTab::Fields };
            match &mut ui.vendors.pair {
                Some(pair) if ui.open || ui.size.0 >= WIDE => (pair.tab, pair.scroll) = (tab, 0),
                _ => vendors::open(ui, tab),
            }
        }
        Action::Mark if pairs => vendors::mark(ui),
        Action::MarkAll if pairs => vendors::mark_all(ui),
        Action::Unmark if pairs => ui.vendors.marks.clear(),
        Action::Facts => tab(ui, Tab::Facts),
        Action::Explain => tab(ui, Tab::Explain),
        Action::Audit => tab(ui, Tab::Audit),
        Action::Mark => mark(ui),
        Action::MarkAll => mark_all(ui),
        Action::Unmark => ui.marks = Marks::None,
        Action::Copy => {
            let text = view::excerpt(ui);
            if text.is_empty() {
                return ui.say("There is nothing to copy", false);
            }
            effects.push(Effect::Copy(text));
        }
        Action::MoreLog | Action::LessLog => level(ui, action == Action::MoreLog),
        Action::PauseQueue
        | Action::StartPosting
        | Action::Reload
        | Action::Replay
        | Action::Dismiss
        | Action::Reopen
        | Action::Adopt
        | Action::PostAnyway
        | Action::Write
        | Action::RunFlow
        | Action::PauseFlow => orders::ask(ui, action, trigger, effects),
        Action::TakeJaggaer
        | Action::TakeIntacct
        | Action::AllJaggaer
        | Action::AllIntacct
        | Action::EditValue
        | Action::Always
        | Action::Undo
        | Action::LinkVendor
        | Action::RefuseVendor
        | Action::Seen
        | Action::Retry
        | Action::Plan
        | Action::StartVendors => decide::ask(ui, action, trigger, effects),
    }
}

/// Actions of this panel whose name or title has the letters in their order, the closest first.
pub fn matches(ui: &Ui, typed: &str) -> Vec<Action> {
    let typed: String = typed.to_lowercase().split_whitespace().collect();
    let mut found: Vec<(usize, Action)> = Action::ALL
        .iter()
        .filter(|action| action.scope().covers(ui.panel) && !(ui.read_only && action.changes()))
        .filter_map(|action| {
            let text = format!("{} {}", action.word(), action.title()).to_lowercase();
            Some((spread(&text, &typed)?, *action))
        })
        .collect();
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().map(|(_, action)| action).collect()
}

/// How far apart the letters stand; `None` where one is missing.
fn spread(text: &str, typed: &str) -> Option<usize> {
    let mut letters = text.char_indices();
    let mut distance = 0;
    let mut last = None;
    for wanted in typed.chars() {
        let (at, _) = letters.find(|(_, letter)| *letter == wanted)?;
        distance += match last {
            Some(last) => at - last - 1,
            None => at,
        };
        last = Some(at);
    }
    Some(distance)
}

fn show(ui: &mut Ui, panel: Panel) {
    ui.overlay = None;
    ui.open = false;
    ui.panel = panel;
    ui.detail = None;
    ui.vendors.pair = None;
}

fn turn(ui: &mut Ui, by: usize) {
    let at = Panel::ALL.iter().position(|panel| *panel == ui.panel).unwrap_or(0);
    if let Some(panel) = Panel::ALL.get((at + by) % Panel::ALL.len()) {
        show(ui, *panel);
    }
}

/// One step back: what lies on top, the notice, the document, the list of causes, the selection.
fn back(ui: &mut Ui) {
    if ui.overlay.take().is_some() {
        return;
    }
    if ui.open {
        ui.open = false;
        if let Some(detail) = &mut ui.detail {
            detail.scroll = 0;
        }
        if let Some(pair) = &mut ui.vendors.pair {
            pair.scroll = 0;
        }
    } else if ui.notice.take().is_some() {
    } else if ui.panel == Panel::Failures && !ui.on_causes {
        ui.on_causes = true;
    } else if ui.panel == Panel::Vendors {
        ui.vendors.marks.clear();
    } else {
        ui.marks = Marks::None;
    }
}

fn left(ui: &mut Ui) {
    if ui.open {
        ui.open = false;
    } else if ui.panel == Panel::Failures {
        ui.on_causes = true;
    }
}

fn right(ui: &mut Ui, enter: bool) {
    if ui.panel == Panel::Failures && ui.on_causes {
        ui.on_causes = false;
    } else if enter && !ui.open {
        open(ui, Tab::Facts);
    }
}

/// Opens the document under the cursor; whether there is one.
pub fn open(ui: &mut Ui, tab: Tab) -> bool {
    if ui.open {
        return true;
    }
    let Some(id) = ui.list_key().and_then(|key| ui.list(key).cursor) else { return false };
    if ui.detail.as_ref().is_none_or(|detail| detail.id != id) {
        ui.detail = Some(Detail::new(id, tab));
    }
    if let Some(key) = ui.list_key() {
        // Opening is looking at it: from here on orders mean this one.
        ui.list_mut(key).lost = false;
    }
    ui.on_causes = false;
    ui.open = true;
    true
}

fn tab(ui: &mut Ui, tab: Tab) {
    let wide = ui.wide() && ui.detail.is_some();
    if !wide && !open(ui, tab) {
        return;
    }
    if let Some(detail) = &mut ui.detail {
        (detail.tab, detail.scroll) = (tab, 0);
    }
}

/// Asks for the side of the document that is shown and not here.
pub fn complete(detail: &mut Detail, effects: &mut Vec<Effect>) {
    // An empty answer stands in until the real one comes, so that it is asked for once.
    match detail.tab {
        Tab::Explain if detail.explanation.is_none() => {
            detail.explanation = Some(Err(String::new()));
            effects.push(Effect::Explain(detail.id));
        }
        Tab::Audit if detail.trail.is_none() => {
            detail.trail = Some(Err(String::new()));
            effects.push(Effect::Audit(detail.id));
        }
        _ => {}
    }
}

fn mark(ui: &mut Ui) {
    let Some(key) = ui.list_key() else { return };
    let Some((id, version)) = orders::target(ui) else { return };
    let mut marks = match std::mem::take(&mut ui.marks) {
        Marks::Ids(marks) => marks,
        _ => Default::default(),
    };
    if marks.remove(&id).is_none() {
        marks.insert(id, version);
    }
    ui.marks = if marks.is_empty() { Marks::None } else { Marks::Ids(marks) };
    if !ui.open {
        let height = view::list_height(ui);
        ui.list_mut(key).go(Motion::Down, height);
    }
}

fn mark_all(ui: &mut Ui) {
    let Some(key) = ui.list_key() else { return };
    let list = ui.list(key);
    let (count, certain) = list.size();
    match list.query() {
        Some(_) if certain && count == 0 => ui.say("Nothing matches: nothing is selected", false),
        Some(filter) => ui.marks = Marks::All(Box::new(filter.clone()), count),
        None => ui.say("Nothing matches: nothing is selected", false),
    }
}

fn level(ui: &mut Ui, more: bool) {
    const LEVELS: [(LogLevel, LevelFilter); 5] = [
        (LogLevel::Error, LevelFilter::Error),
        (LogLevel::Warn, LevelFilter::Warn),
        (LogLevel::Info, LevelFilter::Info),
        (LogLevel::Debug, LevelFilter::Debug),
        (LogLevel::Trace, LevelFilter::Trace),
    ];
    let at = LEVELS.iter().position(|(level, _)| *level == ui.log_level).unwrap_or(2);
    let to = if more { (at + 1).min(4) } else { at.saturating_sub(1) };
    if let Some((level, filter)) = LEVELS.get(to) {
        ui.log_level = *level;
        ui.log = TuiWidgetState::new().set_default_display_level(*filter);
    }
}
