//! Where a process may end, and where it does.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Mutex;

use tollgate::seams::Purpose;
use tollgate::simulator::disk::Disk;
use tollgate::simulator::wire::Chance;
use tollgate::store::at::Moment;

use crate::lock;

/// How far a request has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Phase {
    /// Nothing of it has left.
    BeforeConnect,
    /// Half of it has left.
    HalfRequest,
    /// All of it has left.
    WholeRequest,
    /// The other side did what it asks.
    Executed,
    /// Half of the answer has come.
    HalfAnswer,
}

/// A place where the process may end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Point {
    /// A moment of a named commit.
    Commit(&'static str, Moment),
    /// A request of some purpose.
    Wire(Purpose, Phase),
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Point::Commit(name, moment) => write!(f, "{} '{name}'", format!("{moment:?}").to_lowercase()),
            Point::Wire(purpose, phase) => write!(f, "{phase:?} of {purpose:?}"),
        }
    }
}

/// How it ends there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blow {
    /// The process ends.
    Ends,
    /// It ends after so many writes of this commit.
    Tears(u64),
    /// This of its two syncs fails; whether what it should have made durable is there all the same.
    FailsSync(u64, bool),
    /// The disk is full for so many seconds.
    Full(u64),
    /// It stands still for so many seconds, in which another one takes its place; then it goes on as if nothing had been.
    Replaced(u64),
}

/// One end: at the nth time that this point is reached in a life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Death {
    pub point: Point,
    pub nth: u32,
    pub blow: Blow,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Death { point, nth, blow } = self;
        write!(f, "{point} #{nth}")?;
        if *blow != Blow::Ends { write!(f, " {blow:?}") } else { Ok(()) }
    }
}

/// What is to happen, and what happened.
pub struct Fate(Mutex<State>);

struct State {
    /// How often each point was reached in this life.
    now: BTreeMap<Point, u32>,
    /// And ever.
    ever: BTreeMap<Point, u32>,
    plan: VecDeque<Death>,
    /// The process ends at one of so many points, by chance.
    one_in: Option<u64>,
    chance: Chance,
    dead: bool,
    ends: u32,
    disk: Disk,
    /// What happened, a line each, where somebody wants to read it.
    trace: Option<String>,
    /// The disk is full until somebody mends it: told by the world.
    filled: Option<u64>,
    /// Another process takes the place of this one, which stands still so long: told by the world.
    replaced: Option<u64>,
}

impl Fate {
    pub fn new(disk: Disk, plan: Vec<Death>, seed: u64, traced: bool) -> Fate {
        Fate(Mutex::new(State {
            now: BTreeMap::new(),
            ever: BTreeMap::new(),
            plan: plan.into(),
            one_in: None,
            chance: Chance::new(seed ^ 0xDEAD),
            dead: false,
            ends: 0,
            disk,
            trace: traced.then(String::new),
            filled: None,
            replaced: None,
        }))
    }

    /// The process ends by chance at one of so many points.
    pub fn end_one_in(&self, points: Option<u64>) {
        lock(&self.0).one_in = points;
    }

    /// A new life on this disk.
    pub fn live(&self, disk: Disk) {
        let mut state = lock(&self.0);
        state.now.clear();
        state.dead = false;
        state.disk = disk;
    }

    /// Whether the process has ended.
    pub fn is_dead(&self) -> bool {
        let state = lock(&self.0);
        state.dead || state.disk.has_ended()
    }

    /// Ends the process from outside.
    pub fn end(&self) {
        let mut state = lock(&self.0);
        state.dead = true;
        state.disk.end_after(0);
    }

    pub fn ends(&self) -> u32 {
        lock(&self.0).ends
    }

    /// Every point that was reached, and how often.
    pub fn reached_ever(&self) -> BTreeMap<Point, u32> {
        lock(&self.0).ever.clone()
    }

    /// Ends that were planned and did not come.
    pub fn left(&self) -> usize {
        lock(&self.0).plan.len()
    }

    /// For so many seconds the disk takes nothing more, if that was just decided.
    pub fn take_filled(&self) -> Option<u64> {
        lock(&self.0).filled.take()
    }

    /// For so many seconds the process stands still, if that was just decided.
    pub fn take_replaced(&self) -> Option<u64> {
        lock(&self.0).replaced.take()
    }

    /// Notes what happened.
    pub fn note(&self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut lock(&self.0).trace {
            trace.push_str(&what());
            trace.push('\n');
        }
    }

    pub fn trace(&self) -> String {
        lock(&self.0).trace.clone().unwrap_or_default()
    }

    /// A point is reached. Returns whether the process is dead now.
    pub fn reached(&self, point: Point) -> bool {
        let mut guard = lock(&self.0);
        let state = &mut *guard;
        if state.dead {
            return true;
        }
        let count = state.now.entry(point).or_default();
        *count += 1;
        let count = *count;
        *state.ever.entry(point).or_default() += 1;
        if let Some(trace) = &mut state.trace {
            trace.push_str(&format!("  {point}\n"));
        }
        let planned = state.plan.front().is_some_and(|death| death.point == point && death.nth == count);
        let by_chance = state.one_in.is_some_and(|points| state.chance.below(points) == 0);
        let blow = match planned {
            true => state.plan.pop_front().map(|death| death.blow),
            false if by_chance => Some(match (point, state.chance.below(6)) {
                (Point::Commit(_, Moment::Inside), 0 | 1) => Blow::Tears(state.chance.below(8)),
                (Point::Commit(_, Moment::Inside), 2) => {
                    Blow::FailsSync(1 + state.chance.below(2), state.chance.below(2) == 0)
                }
                (Point::Commit(_, Moment::Before), 3) => Blow::Full(state.chance.below(900)),
                _ => Blow::Ends,
            }),
            false => None,
        };
        match blow {
            None => return false,
            Some(Blow::Ends) => {
                state.dead = true;
                state.disk.end_after(0);
            }
            Some(Blow::Tears(writes)) => state.disk.end_after(writes),
            Some(Blow::FailsSync(nth, kept)) => state.disk.fail_sync(nth, kept),
            Some(Blow::Full(seconds)) => {
                state.disk.full(true);
                state.filled = Some(seconds);
            }
            Some(Blow::Replaced(seconds)) => state.replaced = Some(seconds),
        }
        state.ends += 1;
        if let Some(trace) = &mut state.trace {
            trace.push_str(&format!("! {blow:?} at {point}\n"));
        }
        state.dead
    }
}
