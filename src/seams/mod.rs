//! The world outside, behind seams: clock, randomness, network, tasks; and the names of the guards.
//!
//! Floor 0. The engine meets time, chance and sockets only here, so that a simulation can put its own in their place: every
//! wait is a [`Clock::sleep`], every request an [`Network::exchange`], every random number a [`Chance`],
//! every task a [`Tasks`].

mod chance;
mod clock;
mod guard;
mod http;
mod network;
mod tasks;

pub use chance::{Chance, SeededChance, SystemChance};
pub use clock::{Clock, SystemClock};
pub use guard::{Guard, Guards, Kept};
pub use http::HttpNetwork;
pub use network::{Bounds, Method, NetError, Network, Purpose, Request, Response, Sent};

pub use tasks::{RuntimeTasks, Tasks};

use std::pin::Pin;
use std::sync::Arc;

/// A boxed future, so that seams can stand behind `dyn`.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// All seams together, cheap to clone.
#[derive(Clone)]
pub struct Seams {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub chance: Arc<dyn Chance>,
    /// Tasks.
    pub tasks: Arc<dyn Tasks>,
}

impl Seams {
    /// The real world.
    pub fn system() -> Self {
        Seams { clock: Arc::new(SystemClock::new()), chance: Arc::new(SystemChance), tasks: Arc::new(RuntimeTasks) }
    }
}
