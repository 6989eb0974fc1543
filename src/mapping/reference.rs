//! Reference data as the mapping asks for them, and the table of them in memory.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{ReferenceKind, ReferenceRecord};

/// What is known of an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found<'a> {
    /// Intacct does not have it, as far as the last reading goes.
    Missing,
    /// Records of this kind have not been read yet: nothing can be said.
    NotLoaded,
    /// It is there.
    Record(&'a ReferenceRecord),
}

/// Where the mapping looks values up. Ids are compared exactly: case and leading zeros count.
pub trait Reference {
    /// The record of an id.
    fn find(&self, kind: ReferenceKind, id: &str) -> Found<'_>;

    /// The task of a project. Task ids are unique inside their project only; a task record's `parent` is its project.
    fn find_task(&self, project: &str, task: &str) -> Found<'_> {
        match self.find(ReferenceKind::Task, task) {
            Found::Record(record) if record.parent.as_deref().is_some_and(|parent| parent != project) => Found::Missing,
            found => found,
        }
    }
}

type Kind = Arc<HashMap<Arc<str>, Arc<ReferenceRecord>>>;

/// Reference data in memory. A clone is cheap and shares everything; a change is seen by the changed table alone.
#[derive(Clone, Debug, Default)]
pub struct ReferenceTable {
    /// A place for each kind; nothing in it where the kind has not been read.
    kinds: [Option<Kind>; ReferenceKind::ALL.len()],
}

impl ReferenceTable {
    /// A table in which nothing has been read.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a complete reading of one kind in the place of the earlier. Records of other kinds are left out.
    pub fn load(&mut self, kind: ReferenceKind, records: impl IntoIterator<Item = ReferenceRecord>) {
        let records = records.into_iter().filter(|record| record.kind == kind);
        let records = records.map(|record| (key(&record), Arc::new(record))).collect();
        if let Some(place) = self.kinds.get_mut(kind as usize) {
            *place = Some(Arc::new(records));
        }
    }

    /// Adds single records that were asked for, or replaces them. A kind that was never read completely stays not loaded.
    pub fn update(&mut self, records: impl IntoIterator<Item = ReferenceRecord>) {
        for record in records {
            if let Some(Some(kind)) = self.kinds.get_mut(record.kind as usize) {
                Arc::make_mut(kind).insert(key(&record), Arc::new(record));
            }
        }
    }

    /// Whether a kind has been read.
    pub fn is_loaded(&self, kind: ReferenceKind) -> bool {
        self.of(kind).is_some()
    }

    /// How many records of a kind there are.
    pub fn count(&self, kind: ReferenceKind) -> usize {
        self.of(kind).map_or(0, |records| records.len())
    }

    fn of(&self, kind: ReferenceKind) -> Option<&Kind> {
        self.kinds.get(kind as usize)?.as_ref()
    }

    fn get(&self, kind: ReferenceKind, key: &str) -> Found<'_> {
        match self.of(kind) {
            None => Found::NotLoaded,
            Some(records) => records.get(key).map_or(Found::Missing, |record| Found::Record(record)),
        }
    }
}

impl Reference for ReferenceTable {
    fn find(&self, kind: ReferenceKind, id: &str) -> Found<'_> {
        self.get(kind, id)
    }

    fn find_task(&self, project: &str, task: &str) -> Found<'_> {
        match self.get(ReferenceKind::Task, &task_key(project, task)) {
            // A task that was read without its project.
            Found::Missing => self.get(ReferenceKind::Task, task),
            found => found,
        }
    }
}

/// The table's key of a record: tasks by project and id.
fn key(record: &ReferenceRecord) -> Arc<str> {
    match (&record.parent, record.kind) {
        (Some(project), ReferenceKind::Task) => task_key(project, &record.id).into(),
        _ => record.id.as_str().into(),
    }
}

fn task_key(project: &str, task: &str) -> String {
    format!("{project}\u{1f}{task}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Required, Text};

    fn record(kind: ReferenceKind, id: &str, parent: Option<&str>) -> ReferenceRecord {
        ReferenceRecord {
            kind,
            id: id.to_owned(),
            name: Text::new(id),
            active: true,
            required: Required::default(),
            due_days: None,
            parent: parent.map(str::to_owned),
            currency: None,
            starts: None,
            ends: None,
        }
    }

    #[test]
    fn what_was_never_read_is_not_called_missing() {
        let mut table = ReferenceTable::new();
        table.update([record(ReferenceKind::Account, "5200", None)]);
        assert_eq!(table.find(ReferenceKind::Account, "5200"), Found::NotLoaded);
        table.load(ReferenceKind::Account, []);
        assert_eq!(table.find(ReferenceKind::Account, "5200"), Found::Missing);
        let before = table.clone();
        table.update([record(ReferenceKind::Account, "5200", None)]);
        assert!(matches!(table.find(ReferenceKind::Account, "5200"), Found::Record(_)));
        assert_eq!(table.find(ReferenceKind::Account, "05200"), Found::Missing);
        assert_eq!(before.find(ReferenceKind::Account, "5200"), Found::Missing, "a clone keeps what it had");
    }

    #[test]
    fn the_same_task_id_in_two_projects_are_two_tasks() {
        let mut table = ReferenceTable::new();
        let task = |project| record(ReferenceKind::Task, "10", Some(project));
        table.load(ReferenceKind::Task, [task("P1"), task("P2")]);
        let parent = |project| match table.find_task(project, "10") {
            Found::Record(record) => record.parent.clone(),
            _ => None,
        };
        assert_eq!(parent("P1").as_deref(), Some("P1"));
        assert_eq!(parent("P2").as_deref(), Some("P2"));
        assert_eq!(table.find_task("P3", "10"), Found::Missing);
    }
}
