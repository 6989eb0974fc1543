//! Sessions: opaque, sliding, and bound to a company, a user and an entity.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::simulator::wire::Chance;

/// A session that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// userid.
    pub user: String,
    /// Entity; empty at the top level.
    pub entity: String,
    /// When it ends unless it is used before.
    pub until: Timestamp,
}

/// All sessions.
#[derive(Clone, Debug)]
pub struct Sessions {
    open: BTreeMap<String, Session>,
    chance: Chance,
}

impl Sessions {
    /// None yet.
    pub fn new(seed: u64) -> Self {
        Sessions { open: BTreeMap::new(), chance: Chance::new(seed) }
    }

    /// Opens one.
    pub fn open(&mut self, user: &str, entity: &str, now: Timestamp, life: Duration) -> (String, Session) {
        let id = format!("{:016x}{:016x}-sim.", self.chance.next_u64(), self.chance.next_u64());
        let session = Session { user: user.to_owned(), entity: entity.to_owned(), until: later(now, life) };
        self.open.insert(id.clone(), session.clone());
        (id, session)
    }

    /// Uses one: if it is still good its end moves.
    pub fn use_one(&mut self, id: &str, now: Timestamp, life: Duration) -> Option<Session> {
        let session = self.open.get_mut(id)?;
        if session.until <= now {
            self.open.remove(id);
            return None;
        }
        session.until = later(now, life);
        Some(session.clone())
    }

    /// Ends one.
    pub fn end(&mut self, id: &str) {
        self.open.remove(id);
    }

    /// Ends all.
    pub fn end_all(&mut self) {
        self.open.clear();
    }
}

/// `now + span`, or the end of time.
pub fn later(now: Timestamp, span: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(span).ok().and_then(|span| now.checked_add(span).ok()).unwrap_or(Timestamp::MAX)
}
