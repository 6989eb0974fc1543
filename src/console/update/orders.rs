//! Orders: which documents they mean, what is asked before, and the key that makes each happen once.

use std::path::PathBuf;

use super::super::actions::Action;
use super::super::dialog::{Check, Dialog, Field, Intent};
use super::super::filter;
use super::super::keymap::Key;
use super::super::message::Effect;
use super::super::state::{Marks, Overlay, Tab, Ui};
use super::super::text::count;
use super::super::view;
use super::decide::outdated;
use super::keys::named;
use crate::messages::{Command, FlowState, Order, PostingMode, Selection};
use crate::model::{DocumentId, safe};

/// Leaves, or asks where leaving would interrupt work.
pub fn quit(ui: &mut Ui, trigger: Option<Key>, effects: &mut Vec<Effect>) {
    let work = ui.in_flight();
    if !ui.owns_engine || work.is_empty() {
        effects.push(Effect::Quit);
        return;
    }
    let mut dialog = Dialog::new("Leave while work is in flight?", "Leave", Intent::Quit)
        .line("The engine runs in this program and stops with it. Now in flight:");
    for line in work {
        dialog = dialog.line(format!("  · {line}"));
    }
    let dialog =
        dialog.line("Requests in flight are finished first; nothing is lost: the next start settles what is open.");
    open(ui, dialog, trigger);
}

/// The document that an order without marks means, with the version that is on the screen.
pub fn target(ui: &mut Ui) -> Option<(DocumentId, u64)> {
    if ui.open
        && let Some(detail) = &ui.detail
    {
        if let Some(data) = &detail.data {
            return Some((detail.id, data.row.version));
        }
        ui.say("The document is still on its way", false);
        return None;
    }
    let key = ui.list_key()?;
    let list = ui.list(key);
    if list.lost {
        ui.say("The document under the cursor left this list: choose one first", true);
        return None;
    }
    let row = list.current().map(|row| (row.id, row.version));
    if row.is_none() {
        ui.say("There is no document to act on", false);
    }
    row
}

/// The documents that an order means: those marked, else the one under the cursor; and in words.
fn selection(ui: &mut Ui) -> Option<(Selection, String)> {
    match &ui.marks {
        Marks::All(query, known) => {
            let words = format!("all {} that match now: {}", count(*known), filter::describe(query));
            Some((Selection::Where((**query).clone()), words))
        }
        Marks::Ids(marks) => {
            let ids: Vec<_> = marks.iter().map(|(id, version)| (*id, Some(*version))).collect();
            let words = match ids.as_slice() {
                [(id, _)] => view::name(ui, *id),
                _ => view::marked(ui).unwrap_or_default(),
            };
            Some((Selection::Ids(ids), words))
        }
        Marks::None => {
            let (id, version) = target(ui)?;
            Some((Selection::Ids(vec![(id, Some(version))]), view::name(ui, id)))
        }
    }
}

/// Asks what an order needs to know, or gives it.
pub fn ask(ui: &mut Ui, action: Action, trigger: Option<Key>, effects: &mut Vec<Effect>) {
    let dialog = match action {
        Action::PauseQueue if ui.snapshot.pause.is_some() => {
            let pause = ui.snapshot.pause.as_ref().map(|pause| format!("{}: {}", safe(&pause.by), safe(&pause.why)));
            Dialog::new("Resume posting?", "Resume", Intent::ResumeQueue)
                .line(format!("Paused by {}", pause.unwrap_or_default()))
        }
        Action::PauseQueue => Dialog::new("Pause posting", "Pause", Intent::PauseQueue)
            .line("Nothing more is sent until somebody resumes; what is in flight is finished.")
            .field(Field::new("Why", Check::Something)),
        Action::StartPosting => match &ui.snapshot.mode {
            PostingMode::Observe => {
                let key = named(ui, Action::Reload);
                return ui.say(
                    format!(
                        "The configuration says observe: set mode = \"post\" under [posting], then {key} reloads it"
                    ),
                    false,
                );
            }
            PostingMode::WaitingForStart { from, phrase } => {
                let from = from.map_or("any invoice date".to_owned(), |from| format!("invoice dates from {from} on"));
                let phrase = safe(phrase).into_owned();
                let company = safe(&ui.snapshot.intacct).into_owned();
                Dialog::new("Start posting", "Start posting", Intent::StartPosting)
                    .line(format!("From now on bills are posted into Intacct company {company}, {from}."))
                    .line("Until now nothing was sent. This is recorded with your name.")
                    .line(format!("Type: {phrase}"))
                    .field(Field::new("Phrase", Check::Exactly(phrase)))
            }
            PostingMode::Post { .. } => Dialog::new("Go back to observing?", "Stop posting", Intent::StopPosting)
                .line("Everything goes on up to the frozen posting, but nothing is sent."),
        },
        Action::Reload => return tell(ui, "Reload".to_owned(), Command::Reload, effects),
        Action::RunFlow | Action::PauseFlow => {
            let chosen = ui.flow.clone();
            let Some(flow) =
                ui.snapshot.flows.iter().find(|flow| chosen.is_none() || chosen.as_deref() == Some(&flow.name))
            else {
                return ui.say("There is no flow to act on", false);
            };
            let (name, shown, state) = (flow.name.clone(), safe(&flow.name).into_owned(), flow.state);
            if action == Action::RunFlow {
                return tell(ui, format!("Run {shown}"), Command::RunFlow(name), effects);
            }
            if state == FlowState::Paused {
                Dialog::new(format!("Resume the flow {shown}?"), "Resume", Intent::ResumeFlow(name))
            } else {
                Dialog::new(format!("Pause the flow {shown}?"), "Pause", Intent::PauseFlow(name))
                    .line("It does not run again until somebody resumes it.")
            }
        }
        Action::Write => {
            let mut field = Field::new("New file", Check::Something);
            field.input = tui_input::Input::from("tollgate-view.txt".to_owned());
            let text = view::plain(ui);
            Dialog::new("Write this view to a file", "Write", Intent::WriteFile(text))
                .line("As plain text. A file that exists is not touched.")
                .field(field)
        }
        Action::Replay | Action::Dismiss | Action::Reopen => {
            let Some((which, words)) = selection(ui) else { return };
            match action {
                Action::Replay => Dialog::new("Replay", "Replay", Intent::Replay(which))
                    .line(words)
                    .line("Refused ones are posted again as the next generation, held ones are evaluated again.")
                    .line("Each goes back to its own place in the order of its vendor."),
                Action::Dismiss => Dialog::new("Dismiss", "Dismiss", Intent::Dismiss(which))
                    .line(words)
                    .line("It shall not be posted. It can be reopened.")
                    .field(Field::new("Reason", Check::Something)),
                _ => Dialog::new("Reopen", "Reopen", Intent::Reopen(which))
                    .line(words)
                    .line("The dismissal is taken back, and the document is evaluated again."),
            }
        }
        Action::Adopt | Action::PostAnyway => {
            if !matches!(ui.marks, Marks::None) && !ui.open {
                let key = named(ui, Action::Unmark);
                return ui.say(format!("{} is for one document: {key} forgets the selection", action.word()), true);
            }
            let Some((id, version)) = target(ui) else { return };
            if ui.detail.as_ref().is_none_or(|detail| detail.id != id || detail.data.is_none()) {
                super::act::open(ui, Tab::Facts);
                let key = named(ui, action);
                return ui.say(format!("Compare first: this is the document; {key} again decides"), false);
            }
            let name = view::name(ui, id);
            if action == Action::Adopt {
                let known = ui.detail.as_ref().filter(|detail| detail.id == id).and_then(|detail| detail.data.as_ref());
                let record = known
                    .and_then(|data| data.ledger.as_ref()?.record.clone())
                    .or_else(|| known?.row.record.as_ref().map(ToString::to_string));
                let mut field = Field::new("Record number", Check::Record);
                field.input = tui_input::Input::from(record.unwrap_or_default());
                Dialog::new("Adopt", "Adopt", Intent::Adopt(id, Some(version)))
                    .line(name)
                    .line(
                        "The bill with this record number in Intacct is this document's: it counts as posted, and nothing is \
                         sent. Compare both first.",
                    )
                    .field(field)
            } else {
                Dialog::new("Post anyway", "Post anyway", Intent::PostAnyway(id, Some(version)))
                    .line(name)
                    .line("A bill that looks the same stands already. If it is this one, it will be paid TWICE.")
                    .line("If it is, adopt it instead.")
                    .field(Field::new("Reason", Check::Something))
                    .field(Field::new("Type: post anyway", Check::Exactly("post anyway".to_owned())))
            }
        }
        _ => return,
    };
    open(ui, dialog, trigger);
}

/// Puts a question to the person; `trigger` is the key that asked.
pub fn open(ui: &mut Ui, mut dialog: Dialog, trigger: Option<Key>) {
    dialog.trigger = trigger;
    ui.overlay = Some(Overlay::Dialog(Box::new(dialog)));
}

/// The person confirmed: with everything typed it is done, else the dialog says what is missing.
pub fn confirm(ui: &mut Ui, mut dialog: Box<Dialog>, effects: &mut Vec<Effect>) {
    let Some(typed) = dialog.typed() else {
        ui.overlay = Some(Overlay::Dialog(dialog));
        return;
    };
    match &dialog.intent {
        Intent::Quit => effects.push(Effect::Quit),
        Intent::Pair(command) if outdated(ui, command) => {
            ui.say(format!("{}: not done. It changed meanwhile: look again, then decide", dialog.verb), true);
        }
        Intent::Pairs(commands) => {
            ui.vendors.marks.clear();
            ui.together = Some((commands.len(), 0, String::new()));
            for command in commands.clone() {
                tell(ui, dialog.verb.clone(), Command::Vendors(command), effects);
            }
        }
        Intent::WriteFile(text) => {
            let path = typed.first().map(|path| PathBuf::from(path.trim())).unwrap_or_default();
            effects.push(Effect::Write(path, text.clone()));
        }
        intent => {
            if let Some(command) = intent.command(&typed) {
                if matches!(intent, Intent::Replay(_) | Intent::Dismiss(_) | Intent::Reopen(_)) {
                    ui.marks = Marks::None;
                }
                tell(ui, dialog.verb.clone(), command, effects);
            }
        }
    }
}

/// Gives an order under a key of its own.
pub fn tell(ui: &mut Ui, label: String, command: Command, effects: &mut Vec<Effect>) {
    let key = format!("console-{:016x}{:016x}", ui.chance.u64(..), ui.chance.u64(..));
    ui.under_way += 1;
    effects.push(Effect::Tell(label, Order { key, command }));
}
