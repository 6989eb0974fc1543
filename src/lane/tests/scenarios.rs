//! Every behaviour of the gateway, times every end of the process, times a failing disk: each document is posted exactly once
//! or stands in front of a person, and nothing is left unclear.

use std::time::Duration;

use futures_util::FutureExt;

use super::world::{Death, QUIET, World};
use crate::intacct::query::Query;
use crate::lane::tests::world::Ended;
use crate::lane::{Again, Step};
use crate::model::{ReasonCode, State};
use crate::simulator::disk::Disk;
use crate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use crate::simulator::gateway::BillState;

/// Behaviours that stay inside the fault model, each acting once.
fn behaviours() -> Vec<(&'static str, Behaviour)> {
    let error = |errorno: &str, text: &str| Behaviour::FunctionError {
        errorno: errorno.to_owned(),
        text: text.to_owned(),
        correction: String::new(),
    };
    vec![
        ("answers", Behaviour::Normal),
        ("commits and drops", Behaviour::Drop),
        ("commits and says 502", Behaviour::BadGateway(502)),
        ("commits and is silent", Behaviour::Silent),
        ("commits and answers too late", Behaviour::AnswerLate(301_000)),
        ("commits late, inside late_commit", Behaviour::CommitLate(500_000)),
        ("commits a part and drops", Behaviour::Part(1)),
        ("commits nothing and drops", Behaviour::Part(0)),
        ("refuses the connection", Behaviour::Refuse),
        ("is unavailable", Behaviour::Unavailable(503)),
        ("answers with a page", Behaviour::HtmlOk),
        ("throttles", Behaviour::Throttle(Some(7))),
        ("ends the session", Behaviour::SessionExpired),
        ("refuses the whole request", Behaviour::Poison),
        ("rolls back", Behaviour::RolledBack),
        ("is off-line", Behaviour::Offline),
        ("refuses", error("BL01001973", "Invalid Vendor 'V-9' specified.")),
        ("calls a period closed", error("BL01001973", "The accounting period for 03/31/2026 is closed")),
        ("says it exists", error("BL03002185", "Transaction with the number already exists")),
        ("has a database error", error("DL02000001", "There was an error processing the request")),
        ("gives another request's answer", Behaviour::SwapAnswer),
        ("cuts the answer", Behaviour::Cut(700)),
        ("answers malformed", Behaviour::Malformed),
        ("trickles", Behaviour::Trickle(64, 500)),
        ("trickles too slowly", Behaviour::Trickle(1, 1_000)),
        ("names foreign control ids", Behaviour::ForeignControlId),
        ("leaves a result out", Behaviour::MissingResult),
        ("does not look at uniqueid", Behaviour::UniqueIdIgnored),
        ("stores a wrong amount", Behaviour::WrongAmount(100)),
        ("is reversed by hand", Behaviour::ReversedByHand),
        ("is deleted by hand", Behaviour::DeletedByHand),
        ("is drafted by hand", Behaviour::DraftedByHand),
        ("is declined by hand", Behaviour::DeclinedByHand),
    ]
}

#[derive(Clone, Copy, Debug)]
enum End {
    None,
    Dies(Death),
    /// The process ends between two steps, after so many.
    After(usize),
    /// The disk fails at the nth sync after the queue was filled; whether what was written is there all the same.
    Disk(u64, bool),
}

fn ends() -> Vec<End> {
    let mut ends = vec![End::None];
    for nth in 1..=2 {
        ends.extend([End::Dies(Death::BeforeWrite(nth)), End::Dies(Death::AfterWrite(nth))]);
        ends.push(End::Dies(Death::InRead(nth)));
    }
    ends.extend((1..=5).map(End::After));
    ends.extend((1..=3).flat_map(|nth| [End::Disk(nth, false), End::Disk(nth, true)]));
    ends
}

fn run(behaviour: &Behaviour, nth: u64, end: End, at_once: usize) -> World {
    let mut world = World::new(2, at_once);
    world.queue(3);
    world.gateway().faults_mut().add(Fault::once(Trigger::NthWrite(nth), behaviour.clone()));
    match end {
        End::None => {}
        End::Dies(death) => world.die(death),
        End::After(steps) => {
            for _ in 0..steps {
                match world.step() {
                    Ended::Did(Step::Rest(Some(until))) => {
                        let now = crate::seams::Clock::monotonic(&*world.clock);
                        world.clock.pass(until.saturating_sub(now));
                    }
                    Ended::Did(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            world.lane = None;
            world.live().unwrap();
        }
        End::Disk(syncs, kept) => Disk::fail_sync(&world.disk, syncs, kept),
    }
    world.settle(QUIET * 8);
    world
}

/// Tries these ends with every behaviour of the nth write, and says what broke the promise.
fn sweep(ends: &[End], nth: u64, at_once: usize) {
    let mut wrong = Vec::new();
    for (name, behaviour) in behaviours() {
        for end in ends {
            let verdict = run(&behaviour, nth, *end, at_once).verdict();
            if !verdict.is_empty() {
                wrong.push(format!("{name} at write {nth}, {end:?}, {at_once} at once: {verdict:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
}

#[test]
fn every_document_is_posted_once_or_in_front_of_a_person_wherever_the_process_dies() {
    let ends: Vec<End> = ends().into_iter().filter(|end| matches!(end, End::None | End::Dies(_))).collect();
    assert_eq!(ends.len(), 7);
    sweep(&ends, 1, 1);
}

#[test]
fn every_document_is_posted_once_or_in_front_of_a_person_between_whichever_steps_it_ends() {
    let ends: Vec<End> = ends().into_iter().filter(|end| matches!(end, End::After(_))).collect();
    assert_eq!(ends.len(), 5);
    sweep(&ends, 1, 1);
}

#[test]
fn every_document_is_posted_once_or_in_front_of_a_person_whichever_commit_fails() {
    let ends: Vec<End> = ends().into_iter().filter(|end| matches!(end, End::Disk(..))).collect();
    assert_eq!(ends.len(), 6);
    sweep(&ends, 1, 1);
}

#[test]
fn every_document_is_posted_once_or_in_front_of_a_person_also_in_later_and_parallel_requests() {
    let ends = [End::None, End::Dies(Death::AfterWrite(2)), End::Disk(2, true)];
    sweep(&ends, 2, 1);
    sweep(&ends, 1, 2);
}

#[test]
fn without_lasting_faults_everything_is_posted() {
    for (name, behaviour) in behaviours() {
        let lasting = ["refuses", "period", "wrong", "by hand"].iter().any(|word| name.contains(word));
        if lasting && !name.contains("connection") {
            continue;
        }
        for at_once in [1, 2] {
            let world = run(&behaviour, 1, End::None, at_once);
            assert_eq!(world.states(), [State::Posted; 3], "{name}");
        }
    }
}

#[test]
fn what_a_person_did_meanwhile_is_seen_and_never_posted_over() {
    for (name, behaviour, state) in [
        ("reversed", Behaviour::ReversedByHand, State::Differs),
        ("declined", Behaviour::DeclinedByHand, State::Differs),
        ("drafted", Behaviour::DraftedByHand, State::Differs),
        ("wrong", Behaviour::WrongAmount(100), State::Differs),
        ("deleted", Behaviour::DeletedByHand, State::InDoubt),
    ] {
        let world = run(&behaviour, 1, End::None, 1);
        assert_eq!(world.states(), [state, state, State::Posted], "{name}");
        let left = if name == "deleted" { 1 } else { 3 };
        assert_eq!(world.gateway().ledger().len(), left, "{name}: nothing is sent a second time");
    }
}

#[test]
fn one_poison_stands_alone_and_the_others_go_on() {
    let mut world = World::new(8, 1);
    world.queue(8);
    let poison = Trigger::BillNumber("INV-5".to_owned());
    world.gateway().faults_mut().add(Fault::always(poison, Behaviour::Poison));
    world.settle(QUIET);
    let mut states = [State::Posted; 8];
    states[4] = State::Failed;
    assert_eq!(world.states(), states);
    assert!(world.verdict().is_empty(), "{:?}", world.verdict());
}

#[test]
fn a_stale_read_inside_the_read_lag_never_makes_a_second_bill() {
    for first in [Behaviour::Drop, Behaviour::Normal, Behaviour::ForeignControlId] {
        let mut world = World::new(2, 1);
        world.queue(3);
        world.gateway().faults_mut().add(Fault::once(Trigger::NthWrite(1), first));
        world.gateway().faults_mut().add(Fault::always(Trigger::Kind(Kind::Read), Behaviour::StaleReads(9_000)));
        world.settle(QUIET * 4);
        assert_eq!(world.states(), [State::Posted; 3]);
        assert!(world.verdict().is_empty(), "{:?}", world.verdict());
    }
}

#[test]
fn a_commit_after_the_quiet_time_without_uniqueid_is_told_as_doubled_and_stops_the_flow() {
    let mut world = World::new(1, 1);
    world.queue(1);
    let late = QUIET.as_millis() as u64 + 30_000;
    world.gateway().faults_mut().add(Fault::once(Trigger::NthWrite(1), Behaviour::CommitLate(late)));
    world.gateway().faults_mut().add(Fault::always(Trigger::Kind(Kind::Write), Behaviour::UniqueIdIgnored));
    // The second send is not answered either, so it is looked for when both are there.
    world.gateway().faults_mut().add(Fault::once(Trigger::NthWrite(2), Behaviour::Silent));
    world.settle(QUIET * 4);
    let document = world.document(1);
    assert_eq!(document.state, State::Differs, "{:?}", world.events(1));
    assert_eq!(document.reasons[0].code, ReasonCode::Doubled);
    assert_eq!(world.standing(&document).len(), 2);
    assert!(world.lane.as_ref().unwrap().status().borrow().doubled.is_some());
    // The flow has stopped, although the gate was not closed yet.
    let stem = crate::model::Stem::of(&super::world::key(2));
    world.queue(1);
    world.rest();
    world.clock.pass(Duration::from_secs(60));
    world.rest();
    assert_eq!(world.document(2).state, State::Queued);
    assert!(world.gateway().ledger().with_mark(&format!("TG-{}", stem.as_str())).is_empty());
    // A person reverses one of the two, and resumes.
    let second = world.standing(&document)[1].record_no;
    let now = world.now();
    world.gateway().person(now, crate::simulator::gateway::Person::Reverse(second)).unwrap();
    world.store.write_now(|tx| tx.remove_meta(crate::store::Meta::Pause)).unwrap();
    world.again.send(Again::Differing(crate::model::DocumentId(1))).unwrap();
    world.settle(QUIET);
    assert_eq!(world.states(), [State::Posted, State::Posted]);
    assert!(world.verdict().is_empty(), "{:?}", world.verdict());
    assert_eq!(world.gateway().ledger().get(second).unwrap().state, BillState::Reversed);
}

#[test]
fn a_clock_that_jumps_changes_nothing() {
    for jump in [-86_400 * 400, 86_400 * 400] {
        let mut world = World::new(1, 1);
        world.queue(1);
        world.gateway().faults_mut().add(Fault::once(Trigger::NthWrite(1), Behaviour::CommitLate(500_000)));
        world.rest();
        world.clock.jump(jump);
        world.settle(QUIET * 3);
        assert_eq!(world.states(), [State::Posted]);
        assert_eq!(world.gateway().ledger().len(), 1);
    }
}

#[test]
fn a_clock_that_is_wrong_is_told_with_both_times_until_it_is_right_again() {
    for jump in [-4 * 3600, 4 * 3600, 900] {
        let world = World::new(1, 1);
        let gateway = world.lane.as_ref().unwrap().gateway.clone();
        let told = || gateway.sessions().wrong_clock();
        let vendors = Query::new("VENDOR", &["RECORDNO"]);
        let ask = || drop(gateway.query_all(&vendors).now_or_never().unwrap().unwrap());
        ask();
        assert_eq!(told(), None);
        for little in [-299, 598, -299] {
            world.clock.jump(little);
            ask();
            assert_eq!(told(), None, "less than five minutes are nothing");
        }
        world.clock.jump(jump);
        assert_eq!(told(), None, "Intacct has not said so yet");
        ask();
        let wrong = told().unwrap();
        assert_eq!(wrong.ours, wrong.theirs + jiff::SignedDuration::from_secs(jump));
        let words = wrong.to_string();
        assert!(words.contains(&wrong.ours.to_string()) && words.contains(&wrong.theirs.to_string()), "{words}");
        world.clock.pass(Duration::from_secs(90));
        ask();
        assert_eq!(told(), Some(wrong), "the same trouble is told in the same words");
        world.clock.jump(-jump);
        assert_eq!(told(), None, "it was set");
        ask();
        assert_eq!(told(), None);
    }
}

#[test]
fn a_full_disk_stops_the_sending_and_nothing_learned_is_lost() {
    let mut world = World::new(2, 1);
    world.queue(3);
    for _ in 0..2 {
        world.step();
    }
    world.disk.full(true);
    for _ in 0..20 {
        if let Ended::Failed(error) = world.step() {
            assert!(error.is_disk(), "{error}");
            world.clock.pass(Duration::from_secs(5));
        }
    }
    let sent = *super::world::lock(&world.network.writes);
    assert!(sent <= 1, "nothing is sent without a durable intent");
    world.disk.full(false);
    world.settle(QUIET * 3);
    assert_eq!(world.states(), [State::Posted; 3]);
    assert!(world.verdict().is_empty(), "{:?}", world.verdict());
}
