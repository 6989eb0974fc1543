//! What a person decides about suppliers and vendors: what is asked before, and the order that it becomes.

use tui_input::Input;

use super::super::actions::Action;
use super::super::dialog::{Check, Dialog, Field, Intent};
use super::super::keymap::Key;
use super::super::message::Effect;
use super::super::state::{Overlay, Ui};
use super::super::text::count;
use super::super::vendors::{Item, PairTab};
use super::keys::named;
use super::orders::{open as open_dialog, tell};
use super::vendors::{item, marked, open, target};
use crate::messages::{Command, FieldView, PairDecision, PairRow, Take, VendorCommand, shown};
use crate::model::{Course, MasterField, PairId, PairState, Side, Text, safe};

/// Fields whose values a question shows; of more only the names.
const VALUES: usize = 4;

/// Asks what a decision needs to know, or gives the order.
pub fn ask(ui: &mut Ui, action: Action, trigger: Option<Key>, effects: &mut Vec<Effect>) {
    let dialog = match action {
        Action::TakeJaggaer => take(ui, Side::Jaggaer, false),
        Action::TakeIntacct => take(ui, Side::Intacct, false),
        Action::AllJaggaer => take(ui, Side::Jaggaer, true),
        Action::AllIntacct => take(ui, Side::Intacct, true),
        Action::EditValue => edit(ui),
        Action::Always => always(ui),
        Action::Undo => return undo(ui, effects),
        Action::LinkVendor => link(ui),
        Action::RefuseVendor => refuse(ui),
        Action::Seen => seen(ui),
        Action::Retry => retry(ui),
        Action::Plan => return show_plan(ui, effects),
        Action::StartVendors => start(ui, effects),
        _ => None,
    };
    if let Some(dialog) = dialog {
        open_dialog(ui, dialog, trigger);
    }
}

fn take(ui: &mut Ui, side: Side, all: bool) -> Option<Dialog> {
    let decide = |id, version, field, always| {
        let take = Take::Side(side);
        VendorCommand::Resolve(PairDecision { id, version: Some(version), field, take, always })
    };
    let verb = format!("Take {}'s", side.label());
    if !ui.open && !ui.vendors.marks.is_empty() {
        // Those that are known to have no conflict are not asked for: each would be refused.
        let marks = &ui.vendors.marks;
        let meant = marks.iter().filter(|(id, _)| ui.vendors.row(**id).is_none_or(PairRow::in_conflict));
        let orders: Vec<_> = meant.map(|(id, version)| decide(*id, *version, None, false)).collect();
        let number = orders.len();
        if number == 0 {
            ui.say("None of those selected is in conflict", false);
            return None;
        }
        let fewer = if number < marks.len() { format!("; of these {number} in conflict") } else { String::new() };
        let words = format!("{}{fewer}: all their fields in conflict get {}'s value.", marked(ui)?, side.label());
        return Some(Dialog::new(format!("{verb} values"), verb, Intent::Pairs(orders)).line(words));
    }
    let row = target(ui)?;
    let field = match item(ui).filter(|_| !all) {
        Some(Item::Field(field)) => Some(field),
        Some(Item::Suggestion(_)) => {
            let (link, refuse) = (named(ui, Action::LinkVendor), named(ui, Action::RefuseVendor));
            ui.say(format!("A vendor that looks like it: {link} links it, {refuse} refuses it"), false);
            return None;
        }
        None => None,
    };
    let fields: Vec<MasterField> = match field {
        Some(field) => vec![field],
        None => conflicts(&row),
    };
    if fields.is_empty() {
        ui.say(format!("No field of {} is in conflict", row.title()), false);
        return None;
    }
    if field.is_some_and(|field| !row.differences.iter().any(|(other, _)| *other == field)) {
        ui.say("This field is the same on both sides", false);
        return None;
    }
    let mut dialog =
        Dialog::new(format!("{verb} value"), verb, Intent::Pair(decide(row.id, row.version, field, false)))
            .line(row.title());
    for line in values(ui, &row, &fields, side) {
        dialog = dialog.line(line);
    }
    dialog = notes(ui, dialog, Some(side));
    let names = names(&fields);
    let rule = Dialog::new(
        format!("Always take {}'s {names}?", side.label()),
        "Always",
        Intent::Pair(decide(row.id, row.version, field, true)),
    )
    .line(format!(
        "From now on {} decides {names} for ALL suppliers where both sides changed it, and nobody is asked. This one is settled \
         with it.",
        side.label()
    ));
    dialog.other = Some(Box::new(rule));
    Some(dialog)
}

/// Fields in conflict.
fn conflicts(row: &PairRow) -> Vec<MasterField> {
    let conflict = |(_, course): &&(MasterField, Course)| *course == Course::Conflict;
    row.differences.iter().filter(conflict).map(|(field, _)| *field).collect()
}

fn names(fields: &[MasterField]) -> String {
    fields.iter().map(|field| field.label()).collect::<Vec<_>>().join(", ")
}

/// What taking a side means, field by field, as far as the values are here.
fn values(ui: &Ui, row: &PairRow, fields: &[MasterField], side: Side) -> Vec<String> {
    let Some(data) = ui.vendors.data(row.id).filter(|data| data.row.version == row.version) else {
        return vec![format!("Fields: {}", names(fields))];
    };
    let views = fields.iter().filter_map(|field| data.fields.iter().find(|view| view.field == *field));
    let mut lines: Vec<String> = views
        .take(VALUES)
        .map(|view| {
            let [_, jaggaer, intacct] = view.columns();
            let (taken, given_up) = if side == Side::Jaggaer { (jaggaer, intacct) } else { (intacct, jaggaer) };
            format!("{}: {taken}  replaces  {given_up}", view.field.label())
        })
        .collect();
    if let Some(more) = fields.get(VALUES..).filter(|more| !more.is_empty()) {
        lines.push(format!("and {}", names(more)));
    }
    lines
}

/// What is to be known of every decision: what is not written yet, and what never is.
fn notes(ui: &Ui, dialog: Dialog, side: Option<Side>) -> Dialog {
    let status = &ui.snapshot.vendors;
    let one_way = !status.writes_jaggaer && side != Some(Side::Jaggaer);
    let dialog = match one_way {
        true => dialog.line("JAGGAER cannot be written from here: it keeps its own value."),
        false => dialog,
    };
    match status.started {
        None => dialog.line("Nothing is written before somebody starts the vendors; the decision is kept."),
        Some(_) => dialog,
    }
}

fn field_view(ui: &Ui, id: PairId, field: MasterField) -> Option<&FieldView> {
    ui.vendors.data(id)?.fields.iter().find(|view| view.field == field)
}

fn edit(ui: &mut Ui) -> Option<Dialog> {
    let row = target(ui)?;
    let field = match (item(ui), conflicts(&row).as_slice()) {
        (Some(Item::Field(field)), _) => field,
        (None, [only]) => *only,
        _ => {
            open(ui, PairTab::Fields);
            let key = named(ui, Action::EditValue);
            ui.say(format!("Choose a field first, then {key}"), false);
            return None;
        }
    };
    let Some(view) = field_view(ui, row.id, field) else {
        ui.say("The supplier is still on its way", false);
        return None;
    };
    if !view.differs() {
        ui.say("This field is the same on both sides", false);
        return None;
    }
    let filled = |value: &Option<Text>| value.clone().filter(|value| !value.is_blank());
    let value = view.decided.as_ref().map(|(value, _)| value.clone());
    let value = value.or_else(|| filled(&view.jaggaer)).or_else(|| filled(&view.intacct)).unwrap_or_default();
    let [_, jaggaer, intacct] = view.columns();
    let mut entry = Field::new(field.label(), Check::Anything);
    entry.input = Input::from(safe(value.raw()).into_owned());
    let dialog = Dialog::new("A value of your own", "Decide", Intent::Edit(row.id, row.version, field))
        .line(row.title())
        .line(format!("JAGGAER: {jaggaer}"))
        .line(format!("Intacct: {intacct}"));
    Some(notes(ui, dialog, None).field(entry))
}

/// Makes a rule from a decision that was taken already.
fn always(ui: &mut Ui) -> Option<Dialog> {
    let row = target(ui)?;
    let (left, right) = (named(ui, Action::TakeJaggaer), named(ui, Action::TakeIntacct));
    let decided = match item(ui) {
        Some(Item::Field(field)) => field_view(ui, row.id, field).and_then(|view| {
            let (value, _) = view.decided.as_ref()?;
            let side = [Side::Jaggaer, Side::Intacct].into_iter().find(|side| view.value(*side) == Some(value))?;
            Some((field, side))
        }),
        _ => None,
    };
    let Some((field, side)) = decided else {
        let key = named(ui, Action::Always);
        ui.say(format!("A rule is made from a decision: take a side with {left} or {right}, then {key}"), false);
        return None;
    };
    let take = Take::Side(side);
    let decision = PairDecision { id: row.id, version: Some(row.version), field: Some(field), take, always: true };
    let title = format!("Always take {}'s {field}?", side.label());
    let words = format!("From now on {} decides {field} for ALL suppliers where both sides changed it.", side.label());
    Some(Dialog::new(title, "Always", Intent::Pair(VendorCommand::Resolve(decision))).line(words))
}

fn undo(ui: &mut Ui, effects: &mut Vec<Effect>) {
    let Some(row) = target(ui) else { return };
    let decided = |field: MasterField| field_view(ui, row.id, field).is_some_and(|view| view.decided.is_some());
    let field = match item(ui) {
        Some(Item::Field(field)) if decided(field) => Some(field),
        _ => None,
    };
    let command = VendorCommand::Undo { id: row.id, version: Some(row.version), field };
    tell(ui, "Undo".to_owned(), Command::Vendors(command), effects);
}

/// The vendor that the cursor stands on, or the only one that looks like the supplier.
fn suggestion(ui: &Ui, row: &PairRow) -> Option<Text> {
    if let Some(Item::Suggestion(vendor)) = item(ui) {
        return Some(vendor);
    }
    match ui.vendors.data(row.id)?.suggestions.as_slice() {
        [only] => Some(only.vendor.clone()),
        _ => None,
    }
}

/// The supplier beside a vendor that looks like it: what a person should see before saying that they are one.
fn beside(ui: &Ui, row: &PairRow, vendor: &Text, mut dialog: Dialog) -> Dialog {
    let Some(data) = ui.vendors.data(row.id) else { return dialog };
    let Some(found) = data.suggestions.iter().find(|suggestion| suggestion.vendor == *vendor) else { return dialog };
    dialog = dialog.line(format!("They have the {}.", found.tier.label()));
    for other in &found.others {
        dialog = dialog.line(format!("▲ {}", other.safe()));
    }
    let fields = data.beside(found);
    for view in fields.iter().filter(|view| view.differs()).take(VALUES) {
        let [_, jaggaer, intacct] = view.columns();
        dialog = dialog.line(format!("{}: {jaggaer}  ≠  {intacct}", view.field.label()));
    }
    dialog
}

fn link(ui: &mut Ui) -> Option<Dialog> {
    let row = target(ui)?;
    let (id, version) = (row.id, row.version);
    let title = "Link supplier and vendor";
    match suggestion(ui, &row) {
        Some(vendor) => {
            let command = VendorCommand::Link { id, version: Some(version), vendor: vendor.clone() };
            let dialog = Dialog::new(title, "Link", Intent::Pair(command)).line(format!(
                "{}  is vendor {}",
                row.title(),
                vendor.safe()
            ));
            Some(notes(ui, beside(ui, &row, &vendor, dialog), Some(Side::Jaggaer)))
        }
        None => Some(
            Dialog::new(title, "Link", Intent::Link(id, version))
                .line(row.title())
                .line("The vendor in Intacct that is this supplier:")
                .field(Field::new("VENDORID", Check::Something)),
        ),
    }
}

fn refuse(ui: &mut Ui) -> Option<Dialog> {
    let row = target(ui)?;
    let Some(vendor) = suggestion(ui, &row).or_else(|| row.vendor.clone()) else {
        if !ui.open {
            open(ui, PairTab::Fields);
        }
        ui.say("Choose the vendor first that is not this supplier", false);
        return None;
    };
    let linked = row.vendor.as_ref() == Some(&vendor);
    let command = VendorCommand::Refuse { id: row.id, version: Some(row.version), vendor: vendor.clone() };
    let dialog = Dialog::new("Refuse a vendor", "Refuse", Intent::Pair(command)).line(format!(
        "{}  is NOT vendor {}",
        row.title(),
        vendor.safe()
    ));
    let dialog = match linked {
        true => dialog.line("They are linked: the link is undone, and they are never linked or suggested again."),
        false => dialog.line("It is never suggested again."),
    };
    // What follows of itself is said before it happens.
    let status = &ui.snapshot.vendors;
    let alone = row.state == PairState::Suggested && row.suggestions <= 1;
    let dialog = match (alone, status.started.is_some()) {
        (true, true) if status.creates => {
            dialog.line("Nothing else looks like it: it becomes a vendor of its own, at once.")
        }
        (true, false) => {
            dialog.line("Nothing else looks like it: once the vendors are started, it becomes a vendor of its own.")
        }
        _ => dialog,
    };
    Some(beside(ui, &row, &vendor, dialog))
}

fn seen(ui: &mut Ui) -> Option<Dialog> {
    let row = target(ui)?;
    if row.alerts == 0 {
        ui.say("There is no bank alert that nobody has looked at", false);
        return None;
    }
    let command = VendorCommand::Seen { id: row.id, version: Some(row.version) };
    let mut dialog = Dialog::new("Bank alerts looked at", "Seen", Intent::Pair(command)).line(row.title());
    let alerts = ui.vendors.data(row.id).map(|data| data.alerts.as_slice()).unwrap_or_default();
    for alert in alerts.iter().filter(|alert| alert.seen.is_none()).take(VALUES) {
        let high = if alert.high { "HIGH: " } else { "" };
        let (old, new) = (shown(Some(&alert.old)), shown(Some(&alert.new)));
        dialog = dialog.line(format!("{high}{} at {}: {old} → {new}", alert.item.label(), alert.side.label()));
    }
    Some(dialog.line("Ask the supplier on a way that you knew before. Nothing of it was carried over, or will be."))
}

fn retry(ui: &mut Ui) -> Option<Dialog> {
    let row = target(ui)?;
    let command = VendorCommand::Retry { id: row.id, version: Some(row.version) };
    let dialog = Dialog::new("Try a refused write again", "Retry", Intent::Pair(command)).line(row.title());
    Some(match &row.detail {
        Some(detail) => dialog.line(detail.safe()),
        None => dialog,
    })
}

fn show_plan(ui: &mut Ui, effects: &mut Vec<Effect>) {
    ui.vendors.plan = None;
    ui.overlay = Some(Overlay::Plan(0));
    effects.push(Effect::Plan);
}

/// Starts the vendors from the plan, which is shown first; or stops them.
fn start(ui: &mut Ui, effects: &mut Vec<Effect>) -> Option<Dialog> {
    if let Some((who, _)) = &ui.snapshot.vendors.started {
        return Some(
            Dialog::new("Stop the vendors?", "Stop", Intent::Pair(VendorCommand::Stop))
                .line(format!("Started by {}.", safe(who)))
                .line("Nothing more is written to either side; what is under way is settled. Decisions are kept."),
        );
    }
    let plan = match (&ui.overlay, &ui.vendors.plan) {
        (Some(Overlay::Plan(_)), Some(Ok(plan))) => plan.clone(),
        _ => {
            show_plan(ui, effects);
            return None;
        }
    };
    let phrase = safe(&plan.phrase).into_owned();
    let mut fields = Field::new("Fields (all, or name, phone, …)", Check::Fields);
    fields.input = Input::from("all".to_owned());
    let mut create = Field::new("Create vendors (yes, no)", Check::YesNo);
    create.input = Input::from("yes".to_owned());
    let mut dialog = Dialog::new("Start the vendors", "Start", Intent::StartVendors)
        .line(format!("Writes: {}.", plan.writes(count)))
        .line("Bank and payment data are never written. This is recorded with your name.")
        .line(format!("Type: {phrase}"))
        .field(fields)
        .field(create)
        .field(Field::new("Phrase", Check::Exactly(phrase)));
    // The phrase is what everybody types; who wants less than all goes up.
    dialog.at = dialog.fields.len() - 1;
    Some(dialog)
}

/// Whether what the person saw is not what is on the screen by now.
pub fn outdated(ui: &Ui, command: &VendorCommand) -> bool {
    let (id, version) = match command {
        VendorCommand::Start { .. } | VendorCommand::Stop => return false,
        VendorCommand::Resolve(decision) => (decision.id, decision.version),
        VendorCommand::Link { id, version, .. }
        | VendorCommand::Refuse { id, version, .. }
        | VendorCommand::Undo { id, version, .. }
        | VendorCommand::Seen { id, version }
        | VendorCommand::Retry { id, version } => (*id, *version),
    };
    let now = ui.vendors.row(id).map(|row| row.version);
    version.zip(now).is_some_and(|(seen, now)| seen != now)
}
