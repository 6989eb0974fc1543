//! Choosing: each value comes from the first rule that matches and has one.

use std::borrow::Cow;

use super::explain::{FellThrough, Inserted, Why};
use super::field::Context;
use super::rules::{Rule, Rules, SLOTS, Setting, Target};
use super::template::Open;
use crate::model::Text;

/// What was chosen for one place.
pub(super) struct Choice<'r> {
    /// The value, if a rule gave one.
    pub value: Option<Cow<'r, str>>,
    /// The rule that decided: it gave the value, or it holds the document.
    pub by: Option<Decider<'r>>,
    /// The look-up without a row that holds the document.
    pub no_row: Option<Box<Open>>,
}

/// A rule and which of its settings decided.
#[derive(Clone, Copy)]
pub(super) struct Decider<'r> {
    /// The rule's place in the file, from 1.
    pub number: usize,
    pub rule: &'r Rule,
    pub setting: &'r Setting,
}

impl Decider<'_> {
    /// As reasons name it.
    pub fn name(&self) -> String {
        format!("rule {} \"{}\"", self.number, self.rule.name)
    }
}

/// All places, by [`Target::slot`].
pub(super) struct Choices<'r>([Choice<'r>; SLOTS]);

impl<'r> Choices<'r> {
    pub fn get(&self, target: Target) -> Option<&Choice<'r>> {
        self.0.get(target.slot())
    }

    fn is_decided(&self, target: Target) -> bool {
        self.get(target).is_none_or(|choice| choice.by.is_some())
    }
}

/// What explanations keep of the way to a choice, by [`Target::slot`].
#[derive(Default)]
pub(super) struct Trail {
    pub fell_through: [Vec<FellThrough>; SLOTS],
    pub inserted: [Vec<Inserted>; SLOTS],
}

impl Trail {
    fn fell_through(&mut self, setting: &Setting, fell: FellThrough) {
        if let Some(list) = self.fell_through.get_mut(setting.target.slot()) {
            list.push(fell);
        }
    }
}

/// Chooses the values of a document, or of a split if the context has one.
pub(super) fn choose<'r>(rules: &'r Rules, context: &Context<'r>, mut trail: Option<&mut Trail>) -> Choices<'r> {
    let mut choices = Choices(std::array::from_fn(|_| Choice { value: None, by: None, no_row: None }));
    for (index, rule) in rules.rules.iter().enumerate() {
        let settings = if context.split.is_some() { &rule.split } else { &rule.document };
        if settings.iter().all(|setting| choices.is_decided(setting.target)) {
            continue;
        }
        let number = index + 1;
        let failed = rule.when.iter().find(|condition| !condition.holds(context));
        for setting in settings {
            if choices.is_decided(setting.target) {
                continue;
            }
            if let Some(condition) = failed {
                // The words are made only where somebody reads them: this is the hot path.
                if let Some(trail) = trail.as_deref_mut() {
                    let has = condition.field.value(context).map(|value| Text::new(value.text()));
                    let why = Why::Condition { condition: condition.describe(), has };
                    trail.fell_through(setting, FellThrough { number, name: rule.name.to_string(), why });
                }
                continue;
            }
            let mut inserted = Vec::new();
            let told = trail.as_ref().map(|_| &mut inserted);
            let rendered = setting.template.render(&rules.tables, context, told);
            let by = Some(Decider { number, rule, setting });
            let choice = match rendered {
                Ok(value) => Choice { value: Some(value), by, no_row: None },
                Err(open @ Open::NoRow { .. }) if rule.holds_without_row => {
                    Choice { value: None, by, no_row: Some(Box::new(open)) }
                }
                Err(open) => {
                    if let Some(trail) = trail.as_deref_mut() {
                        let why = open.into();
                        trail.fell_through(setting, FellThrough { number, name: rule.name.to_string(), why });
                    }
                    continue;
                }
            };
            if let Some(list) = trail.as_mut().and_then(|trail| trail.inserted.get_mut(setting.target.slot())) {
                *list = inserted;
            }
            if let Some(place) = choices.0.get_mut(setting.target.slot()) {
                *place = choice;
            }
        }
    }
    choices
}
