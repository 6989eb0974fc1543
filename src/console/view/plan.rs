//! What a start of the vendors would do, in a box over the panel.

use ratatui::style::Style;
use ratatui::text::Line;

use super::super::actions::Action;
use super::super::state::Ui;
use super::super::text::{count, fit, fit_right, wrap};
use crate::model::{MasterField, safe};

/// The rows of the plan.
pub fn lines(ui: &Ui, cells: usize) -> Vec<Line<'static>> {
    let theme = ui.theme;
    let plan = match &ui.vendors.plan {
        None => return vec![Line::styled("Reading…", theme.quiet())],
        Some(Err(fault)) => {
            return wrap(&format!("✗ {fault}"), cells).into_iter().map(|row| Line::styled(row, theme.bad())).collect();
        }
        Some(Ok(plan)) => plan,
    };
    let mut lines = Vec::new();
    let mut row = |number: u64, words: &str, style: Style| {
        for (at, part) in wrap(words, cells.saturating_sub(10)).into_iter().enumerate() {
            let number = if at == 0 { count(number) } else { String::new() };
            lines.push(Line::styled(format!("{}  {part}", fit_right(&number, 8)), style));
        }
    };
    let plain = Style::new();
    row(plan.suppliers, "suppliers at JAGGAER", theme.heading());
    row(plan.linked, &format!("linked with their vendor; {} of them equal in every field", count(plan.agreed)), plain);
    row(plan.conflicts, "of them in conflict: a person decides", plain);
    row(plan.suggested, "with vendors that look like them: a person links or refuses", plain);
    row(plan.create, "new: their vendors are created", plain);
    row(plan.held.values().sum(), "held: they cannot be carried over as they stand", plain);
    for (reason, number) in plan.held_for() {
        row(number, &format!("  · {reason}"), theme.quiet());
    }
    row(plan.closed, "inactive or merged, without a vendor: nothing to do", plain);
    row(
        plan.vendors,
        &format!("vendors in Intacct, {} of them without a supplier", count(plan.unlinked_vendors)),
        theme.heading(),
    );
    lines.push(Line::default());
    let key = super::super::update::named(ui, Action::StartVendors);
    let end = match &plan.started {
        Some((who, _)) => format!("Started by {}: this is what is still open. {key} stops.", safe(who)),
        None => format!("Nothing is written before somebody starts it. {key} goes on: a phrase is typed then."),
    };
    let writes = format!("Writes: {}. Bank and payment data are never written.", plan.writes(count));
    for words in [writes, end] {
        lines.extend(wrap(&words, cells).into_iter().map(Line::raw));
    }
    lines.push(Line::default());
    let titles =
        format!("{} {:>11} {:>11} {:>9} {:>6}", fit("Values", 14), "to Intacct", "to JAGGAER", "conflict", "left");
    lines.push(Line::styled(titles, theme.heading()));
    for field in MasterField::ALL {
        let of = plan.fields.get(&field).copied().unwrap_or_default();
        let numbers = [of.to_intacct, of.to_jaggaer, of.conflict, of.left];
        if numbers.iter().any(|number| *number > 0) {
            let [to_intacct, to_jaggaer, conflict, left] = numbers.map(count);
            let label = fit(field.label(), 14);
            lines.push(Line::raw(format!("{label} {to_intacct:>11} {to_jaggaer:>11} {conflict:>9} {left:>6}")));
        }
    }
    lines
}
