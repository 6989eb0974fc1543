//! Who did something: a person behind a command, or a schedule.

use serde::{Deserialize, Serialize};

/// A person, as the operating system or the person's own login says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// The user id of the peer.
    pub uid: u32,
    /// The user's name, where it is known.
    pub name: String,
    /// A name behind a shared account (`SUDO_USER`, login name): as stated, not proven.
    pub as_stated: Option<String>,
}

impl Person {
    /// `anna`, or `svc (anna as stated)`.
    pub fn label(&self) -> String {
        match &self.as_stated {
            Some(stated) if *stated != self.name => {
                format!("{} ({} as stated)", super::safe(&self.name), super::safe(stated))
            }
            _ => super::safe(&self.name).into_owned(),
        }
    }
}

/// Who or what took a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person, by a command or a key.
    Person(Person),
    /// A flow on its schedule, by name.
    Flow(String),
    /// The gateway lane.
    Lane,
    /// The engine itself: recovery, evaluation, the daily probes.
    Engine,
}

impl Actor {
    /// The name shown to a person.
    pub fn label(&self) -> String {
        match self {
            Actor::Person(person) => person.label(),
            Actor::Flow(name) => format!("flow {name}"),
            Actor::Lane => "lane".to_owned(),
            Actor::Engine => "engine".to_owned(),
        }
    }
}
