//! What the engine tells of itself when something is wrong that no document shows.

use std::time::Duration;

use tollgate::messages::{Alert, AlertLevel, Command, Service};
use tollgate::store::Meta;

use crate::sweep::primed;
use crate::world::{Plan, World};

/// What is not told, or told although it is not so.
pub fn faults() -> Vec<String> {
    [wrong_clock(), lost_store()].into_iter().flatten().collect()
}

/// A world whose engine has been at work for a minute.
fn at_work() -> World {
    let mut world = World::new(Plan::new(11, primed()));
    world.clock.advance(Duration::from_secs(1_800));
    world.live();
    pass(&mut world, 60);
    world
}

fn pass(world: &mut World, seconds: u64) {
    world.run(world.passed() + Duration::from_secs(seconds), |_| false);
}

fn said(alerts: &[Alert], words: &str) -> Option<AlertLevel> {
    alerts.iter().find(|alert| alert.what.safe().contains(words) && !alert.advice.is_empty()).map(|alert| alert.level)
}

/// A wrong clock is told once Intacct has said so, until it was set right.
fn wrong_clock() -> Vec<String> {
    let mut world = at_work();
    let told = |world: &mut World| {
        world.order(Command::RunFlow("vendors".to_owned()));
        pass(world, 30);
        let alerts = world.engine.as_ref().map(|engine| engine.snapshots().borrow().alerts.clone());
        said(&alerts.unwrap_or_default(), "the clock of this machine is wrong")
    };
    let before = told(&mut world);
    world.clock.jump(4 * 3600);
    let meanwhile = told(&mut world);
    world.clock.jump(-4 * 3600);
    let after = told(&mut world);
    match (before, meanwhile, after) {
        (None, Some(AlertLevel::Warning), None) => Vec::new(),
        other => vec![format!("a wrong clock is told as {other:?} before, meanwhile and after")],
    }
}

/// An engine whose store another one has taken over ends, and its last word is why.
fn lost_store() -> Vec<String> {
    let mut world = at_work();
    let (Some(engine), Some(store)) = (world.engine.clone(), world.store.clone()) else {
        return vec!["no engine to take the store from".to_owned()];
    };
    let snapshots = engine.snapshots();
    let _ = store.write_now(|tx| tx.put_meta(Meta::Epoch, &u64::MAX));
    world.order(Command::PauseQueue { why: "a step of the old engine".to_owned() });
    pass(&mut world, 30);
    let last = snapshots.borrow().clone();
    match said(&last.alerts, "this engine ends") {
        Some(AlertLevel::Alarm) if engine.lost().is_some() && !world.is_paused() => Vec::new(),
        other => vec![format!("an engine that lost its store says {other:?}: {:?}", last.alerts)],
    }
}
