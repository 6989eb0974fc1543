//! Simulated time and the tasks that live in it: one thread, one task after another, the next one drawn from the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tollgate::model::Timestamp;
use tollgate::seams::{Boxed, Clock, Tasks};
use tollgate::simulator::wire::Chance;

use crate::lock;

/// The instant at which every world begins: a Monday morning in November.
pub fn beginning() -> Timestamp {
    Timestamp::from_second(1_763_971_200).unwrap()
}

/// The instant so long after the beginning, whatever the wall clock says.
pub fn true_time(passed: Duration) -> Timestamp {
    beginning() + jiff::SignedDuration::try_from(passed).unwrap()
}

/// A clock that moves when it is told to. Its wall clock may be moved apart from the true time.
pub struct SimClock(Mutex<Time>);

#[derive(Default)]
struct Time {
    passed: Duration,
    apart: i64,
    timers: BTreeMap<(Duration, u64), Waker>,
    next: u64,
}

impl SimClock {
    pub fn new() -> Arc<SimClock> {
        Arc::new(SimClock(Mutex::default()))
    }

    pub fn passed(&self) -> Duration {
        lock(&self.0).passed
    }

    pub fn true_now(&self) -> Timestamp {
        true_time(self.passed())
    }

    /// Moves the wall clock by so many seconds.
    pub fn jump(&self, seconds: i64) {
        lock(&self.0).apart += seconds;
    }

    /// When the next sleeper wakes.
    pub fn next_timer(&self) -> Option<Duration> {
        lock(&self.0).timers.keys().next().map(|(at, _)| *at)
    }

    /// Time passes up to this moment; whoever slept until then wakes.
    pub fn advance(&self, to: Duration) {
        let woken = {
            let mut time = lock(&self.0);
            time.passed = time.passed.max(to);
            let last = (time.passed, u64::MAX);
            let later = time.timers.split_off(&last);
            std::mem::replace(&mut time.timers, later)
        };
        woken.into_values().for_each(Waker::wake);
    }

    /// Nobody sleeps any more.
    pub fn forget_timers(&self) {
        let forgotten = std::mem::take(&mut lock(&self.0).timers);
        drop(forgotten);
    }
}

/// The clock as the engine has it.
#[derive(Clone)]
pub struct EngineClock(pub Arc<SimClock>);

impl Clock for EngineClock {
    fn now(&self) -> Timestamp {
        let time = lock(&self.0.0);
        true_time(time.passed) + jiff::SignedDuration::from_secs(time.apart)
    }

    fn monotonic(&self) -> Duration {
        self.0.passed()
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        let until = self.0.passed().saturating_add(duration);
        Box::pin(Sleep { clock: self.0.clone(), until, key: None })
    }
}

struct Sleep {
    clock: Arc<SimClock>,
    until: Duration,
    key: Option<(Duration, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (until, known) = (self.until, self.key);
        let mut time = lock(&self.clock.0);
        if time.passed >= until {
            return Poll::Ready(());
        }
        let key = known.unwrap_or_else(|| {
            time.next += 1;
            (until, time.next)
        });
        time.timers.insert(key, context.waker().clone());
        drop(time);
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let gone = lock(&self.clock.0).timers.remove(&key);
            drop(gone);
        }
    }
}

/// Tasks that were started and those that can go on.
#[derive(Default)]
pub struct Started {
    born: Mutex<Vec<Boxed<'static, ()>>>,
    ready: Mutex<BTreeSet<u64>>,
}

impl Tasks for Started {
    fn start(&self, task: Boxed<'static, ()>) {
        lock(&self.born).push(task);
    }
}

struct TaskWaker {
    id: u64,
    started: Arc<Started>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        lock(&self.started.ready).insert(self.id);
    }
}

/// Runs tasks, one poll at a time.
#[derive(Default)]
pub struct Executor {
    pub started: Arc<Started>,
    tasks: BTreeMap<u64, (Boxed<'static, ()>, Waker)>,
    next: u64,
}

impl Executor {
    /// Polls one of the tasks that can go on. Returns whether there was one.
    pub fn run_one(&mut self, chance: &mut Chance) -> bool {
        for task in std::mem::take(&mut *lock(&self.started.born)) {
            self.next += 1;
            let waker = Waker::from(Arc::new(TaskWaker { id: self.next, started: self.started.clone() }));
            self.tasks.insert(self.next, (task, waker));
            lock(&self.started.ready).insert(self.next);
        }
        let id = {
            let mut ready = lock(&self.started.ready);
            let place = chance.below(ready.len() as u64) as usize;
            let Some(id) = ready.iter().nth(place).copied() else { return false };
            ready.remove(&id);
            id
        };
        if let Some((task, waker)) = self.tasks.get_mut(&id)
            && task.as_mut().poll(&mut Context::from_waker(waker)).is_ready()
        {
            self.tasks.remove(&id);
        }
        true
    }
}

impl Drop for Executor {
    /// What was started and never polled would hold its engine, which holds this, for ever.
    fn drop(&mut self) {
        let unborn = std::mem::take(&mut *lock(&self.started.born));
        drop(unborn);
    }
}
