//! Counters: how many documents stand where, with their totals, and grouped by cause.

use std::collections::BTreeMap;

use crate::model::{Class, Document, DocumentId, Money, MoneyTotals, ReasonCode, State};

/// A cause: state, first reason, class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct GroupKey {
    /// State.
    pub state: State,
    /// First reason.
    pub code: ReasonCode,
    /// Class of the refusal.
    pub class: Option<Class>,
}

impl GroupKey {
    /// The cause of a document that stands in front of a person.
    pub fn of(document: &Document) -> Option<GroupKey> {
        let code = document.reasons.first()?.code;
        document.state.needs_attention().then_some(GroupKey { state: document.state, code, class: document.class })
    }

    pub(super) fn numbers(self) -> (u8, u8, u8) {
        (self.state.number(), self.code as u8, self.class.map_or(u8::MAX, |class| class as u8))
    }

    pub(super) fn from_numbers((state, code, class): (u8, u8, u8)) -> Option<GroupKey> {
        Some(GroupKey {
            state: State::ALL.into_iter().find(|s| s.number() == state)?,
            code: *ReasonCode::ALL.get(usize::from(code))?,
            class: CLASSES.into_iter().find(|c| *c as u8 == class),
        })
    }
}

const CLASSES: [Class; 10] = [
    Class::Refresh,
    Class::Backoff,
    Class::Data,
    Class::Period,
    Class::Duplicate,
    Class::Permission,
    Class::Configuration,
    Class::Bug,
    Class::Wrapper,
    Class::Unknown,
];

/// All counters as of one commit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Count and totals of each state.
    pub states: BTreeMap<State, MoneyTotals>,
    /// Count and an example of each cause.
    pub groups: BTreeMap<GroupKey, (u64, DocumentId)>,
    /// Commits so far in this process: rises with every change.
    pub commits: u64,
    /// Documents marked to be evaluated so far in this process.
    pub marked: u64,
    /// Pairs marked to be evaluated so far in this process.
    pub pended: u64,
}

impl Totals {
    /// How many documents stand in a state.
    pub fn count(&self, state: State) -> u64 {
        self.states.get(&state).map_or(0, |totals| totals.count)
    }

    /// How many documents there are.
    pub fn documents(&self) -> u64 {
        self.states.values().map(|totals| totals.count).sum()
    }

    pub(super) fn leave(&mut self, state: State, total: Option<Money>, group: Option<GroupKey>) {
        let entry = self.states.entry(state).or_default();
        entry.count = entry.count.saturating_sub(1);
        if let Some(total) = total {
            let sum = entry.totals.entry(total.currency).or_default();
            *sum -= total.amount;
            if sum.is_zero() {
                entry.totals.remove(&total.currency);
            }
        }
        if let Some(key) = group
            && let Some(group) = self.groups.get_mut(&key)
        {
            group.0 = group.0.saturating_sub(1);
            if group.0 == 0 {
                self.groups.remove(&key);
            }
        }
    }

    pub(super) fn enter(&mut self, document: &Document) {
        self.states.entry(document.state).or_default().add(document.amount());
        if let Some(key) = GroupKey::of(document) {
            let group = self.groups.entry(key).or_insert((0, document.id));
            group.0 += 1;
            group.1 = document.id;
        }
    }
}
