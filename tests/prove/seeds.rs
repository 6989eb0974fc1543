//! The simulation: everything at once and at random, drawn from one seed.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::json;
use tollgate::messages::{Command, Filter, Selection};
use tollgate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use tollgate::simulator::gateway::Person;
use tollgate::simulator::procurement::{Mishap, Resource, Trouble};
use tollgate::simulator::wire::Chance;
use tollgate::simulator::world::{World as Data, mark_stem};

use crate::oracle::{Truth, Verdict, documents, judge};
use crate::sweep::{primed, typed_by_hand};
use crate::wires::Weather;
use crate::world::{LATE_COMMIT, Plan, QUIET, READ_LAG, World};

/// Invoices in a run.
const INVOICES: usize = 200;
/// How long things go wrong.
pub const CHAOS: u64 = 4 * 3600;
/// When a run begins: the image's own half hour lies before.
const BEGIN: u64 = 1_800;

/// What came of a seed.
pub struct Run {
    pub verdict: Verdict,
    pub ends: u32,
    pub lives: u32,
    pub requests: u64,
    pub hours: u64,
    pub trace: String,
}

fn data() -> &'static Data {
    static DATA: OnceLock<Data> = OnceLock::new();
    DATA.get_or_init(|| Data::bulk(3, INVOICES, 2))
}

/// So long after a run began.
pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(BEGIN + seconds)
}

/// Plays a seed.
pub fn play(seed: u64, traced: bool) -> Run {
    let mut chance = Chance::new(seed ^ 0x5EED);
    // Its own chance: what happens to invoices does not depend on whether there are suppliers.
    let mut of_partners = Chance::new(seed ^ 0x9A27_4E25);
    let meets = of_partners.below(8) > 0;
    let mut plan = Plan::new(seed, if meets { crate::partners::disk() } else { primed() });
    plan.functions = 1 + chance.below(12) as usize;
    plan.in_flight = 1 + chance.below(2) as usize;
    plan.traced = traced;
    let mut world = World::new(plan);
    world.clock.advance(seconds(0));
    world.pause = Duration::from_secs(1 + chance.below(1_200));
    let partners = meets.then(|| crate::partners::enter(&mut world, &mut of_partners));
    let ordered = crate::clerks::orders(&mut world, &mut of_partners, meets);
    let mut truth = Truth::default();
    let mut stories: BTreeMap<u64, Vec<(u64, Story)>> = BTreeMap::new();
    for document in &data().invoices {
        stories.insert(document.id, story(&mut chance, document.id));
    }
    for (id, story) in &stories {
        let (mut approved, mut deleted) = (true, false);
        for (at, step) in story {
            match step {
                Story::ComesUnapproved | Story::IsWithdrawn => approved = false,
                Story::IsApproved => approved = true,
                Story::IsDeleted => deleted = true,
                _ => {}
            }
            let (id, step) = (*id, step.clone());
            world.at(seconds(*at), move |world| tell(world, id, &step));
        }
        truth.approved.insert(*id, approved);
        if deleted {
            truth.deleted.insert(*id);
        }
    }
    same_number(&mut world, &mut chance);
    trouble_in_jaggaer(&mut world, &mut chance);
    trouble_in_intacct(&mut world, &mut chance);
    let touched = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    for _ in 0..chance.below(7) {
        let (at, which, what) = (chance.below(CHAOS), chance.next_u64(), chance.below(4));
        let touched = touched.clone();
        world.at(seconds(at), move |world| meddle(world, which, what, &touched));
    }
    for _ in 0..chance.below(4) {
        let (at, which) = (chance.below(CHAOS / 2), chance.next_u64());
        world.at(seconds(at), move |world| type_by_hand(world, which));
    }
    orders(&mut world, &mut chance);
    for _ in 0..chance.below(3) {
        let (at, by) = (chance.below(CHAOS), chance.below(6 * 86_400) as i64 - 3 * 86_400);
        world.at(seconds(at), move |world| {
            world.fate.note(|| format!("the clock jumps by {by} s"));
            world.clock.jump(by);
        });
    }
    world.fate.end_one_in(Some(60 + chance.below(900)));
    world.at(seconds(CHAOS), calm);
    world.live();
    let end = seconds(CHAOS + 14 * 3600);
    let at_rest = |world: &World| world.is_at_rest() && (!meets || crate::vendors::is_at_rest(world));
    let rested = world.run(end, |world| world.passed() > seconds(CHAOS) + QUIET && at_rest(world) && known(world));
    // Whatever is still under way arrives.
    let ending = world.passed() + QUIET * 2;
    world.run(ending, |_| false);
    let again = world.passed() + Duration::from_secs(3_600);
    let rested = rested && world.run(again, at_rest);
    truth.touched = crate::lock(&touched).iter().copied().collect();
    let mut verdict = judge(&world, &truth);
    if let Some(partners) = &partners {
        crate::agreement::judge(&world, partners, &ordered, &mut verdict);
    }
    if !rested && verdict.is_clean() {
        verdict.lost.push("the world never rests".to_owned());
    }
    let requests = world.wires.gateway().stats().requests;
    Run {
        verdict,
        ends: world.fate.ends(),
        lives: world.lives,
        requests,
        hours: world.passed().as_secs() / 3600,
        trace: world.fate.trace(),
    }
}

fn known(world: &World) -> bool {
    documents(world).len() + 20 >= INVOICES
}

/// What happens to an invoice in JAGGAER.
#[derive(Clone, Debug)]
enum Story {
    Comes,
    ComesWithoutDate,
    ComesUnapproved,
    IsApproved,
    IsWithdrawn,
    IsDeleted,
    /// Another number, so that the bill is another one.
    IsRenumbered,
    /// Another due date.
    IsPutOff,
    /// Something that reaches no bill.
    IsTouched,
}

fn story(chance: &mut Chance, _: u64) -> Vec<(u64, Story)> {
    let comes = if chance.below(2) == 0 { 0 } else { chance.below(CHAOS * 3 / 4) };
    let later = |chance: &mut Chance| comes + 1 + chance.below(CHAOS - comes);
    let mut steps = Vec::new();
    match chance.below(20) {
        0..=2 => {
            steps.push((comes, Story::ComesUnapproved));
            steps.push((later(chance), Story::IsApproved));
        }
        3 => steps.push((comes, Story::ComesWithoutDate)),
        _ => steps.push((comes, Story::Comes)),
    }
    let after = steps.last().map_or(comes, |(at, _)| *at);
    let later = |chance: &mut Chance| after + 1 + chance.below(CHAOS.saturating_sub(after) + 1);
    match chance.below(24) {
        0 => steps.push((later(chance), Story::IsWithdrawn)),
        1 => {
            let withdrawn = later(chance);
            steps.push((withdrawn, Story::IsWithdrawn));
            steps.push((withdrawn + 1 + chance.below(3_600), Story::IsApproved));
        }
        2 if chance.below(2) == 0 => steps.push((later(chance), Story::IsDeleted)),
        3 => steps.push((later(chance), Story::IsRenumbered)),
        4 | 5 => steps.push((later(chance), Story::IsPutOff)),
        6 | 7 => steps.push((later(chance), Story::IsTouched)),
        _ => {}
    }
    steps
}

fn tell(world: &mut World, id: u64, step: &Story) {
    let Some(document) = data().invoices.iter().find(|document| document.id == id) else { return };
    world.fate.note(|| format!("{id} {step:?}"));
    let now = world.clock.true_now();
    let stem = mark_stem(&format!("{}/invoice/{id}", world.config.jaggaer.instance));
    let amend = |patch: serde_json::Value| world.wires.procurement().amend(now, id, &patch);
    let _ = match step {
        Story::Comes => {
            world.wires.procurement().add(now, document.value());
            true
        }
        Story::ComesWithoutDate => {
            let mut value = document.value();
            value["header"]["lastUpdate"] = serde_json::Value::Null;
            world.wires.procurement().put(value.to_string());
            true
        }
        Story::ComesUnapproved => {
            world.wires.procurement().add(now, document.value());
            world.wires.procurement().withdraw(now, id)
        }
        Story::IsApproved => world.wires.procurement().approve(now, id),
        Story::IsWithdrawn => world.wires.procurement().withdraw(now, id),
        Story::IsDeleted => world.wires.procurement().delete(id),
        Story::IsRenumbered => {
            let value = document.value();
            let number = value["header"]["supplierInvoiceNumber"].as_str().unwrap_or_default();
            amend(json!({"header": {"supplierInvoiceNumber": format!("{number}/2")}}))
        }
        Story::IsPutOff => amend(json!({"header": {"dueDate": "2026-03-31"}})),
        Story::IsTouched => amend(json!({"header": {"invoiceName": "seen"}})),
    };
    match step {
        Story::IsWithdrawn => drop(world.unwanted.insert(stem)),
        Story::IsApproved => {
            world.unwanted.remove(&stem);
            crate::lock(&world.wires.forbidden).remove(&stem);
        }
        _ => {}
    }
}

/// Two pairs of invoices get one number each.
fn same_number(world: &mut World, chance: &mut Chance) {
    for _ in 0..chance.below(3) {
        let (one, other) = (chance.pick(&data().invoices).cloned(), chance.pick(&data().invoices).cloned());
        let (Some(one), Some(other)) = (one, other) else { continue };
        if one.id == other.id {
            continue;
        }
        world.at(seconds(1), move |world| {
            let header = one.value()["header"].clone();
            let now = world.clock.true_now();
            let same = json!({"header": {
                "supplierInvoiceNumber": header["supplierInvoiceNumber"], "supplier": header["supplier"],
            }});
            world.wires.procurement().amend(now, other.id, &same);
        });
    }
}

fn trouble_in_jaggaer(world: &mut World, chance: &mut Chance) {
    for _ in 0..chance.below(10) {
        let on = match chance.below(4) {
            0 => Resource::Token,
            1 => Resource::List,
            2 => Resource::Detail(0),
            _ => Resource::Any,
        };
        let does = match chance.below(10) {
            0 => Mishap::TokenExpired,
            1 => Mishap::Throttle(Some(chance.below(90) as u32)),
            2 => Mishap::Throttle(None),
            3 => Mishap::Unavailable(503),
            4 => Mishap::HtmlOk,
            5 => Mishap::Drop,
            6 => Mishap::ShiftPage,
            7 => Mishap::Cut(300),
            8 => Mishap::Malformed,
            _ => Mishap::ReturnCode("-7".to_owned(), "busy".to_owned()),
        };
        let trouble = Trouble { on, skip: chance.below(60) as u32, times: Some(1 + chance.below(5) as u32), does };
        let at = chance.below(CHAOS);
        world.at(seconds(at), move |world| world.wires.procurement().add_trouble(trouble));
    }
    let page = 7 + chance.below(60) as usize;
    world.wires.procurement().options_mut().page_size = page;
}

fn trouble_in_intacct(world: &mut World, chance: &mut Chance) {
    let late = LATE_COMMIT.as_millis() as u64;
    let error = |errorno: &str, text: &str| Behaviour::FunctionError {
        errorno: errorno.to_owned(),
        text: text.to_owned(),
        correction: String::new(),
    };
    let writes = [
        Behaviour::Drop,
        Behaviour::BadGateway(502),
        Behaviour::BadGateway(524),
        Behaviour::Silent,
        Behaviour::AnswerLate(301_000),
        // A request that arrives late may take effect late as well: both together stay inside the fault model.
        Behaviour::CommitLate(chance.below(late / 2)),
        Behaviour::CommitLate(chance.below(late / 20)),
        Behaviour::Cut(200 + chance.below(2_000) as usize),
        Behaviour::Malformed,
        Behaviour::MissingResult,
        Behaviour::SwapAnswer,
        Behaviour::ForeignControlId,
        Behaviour::Part(chance.below(3) as usize),
        Behaviour::Throttle(Some(chance.below(60) as u32)),
        Behaviour::SessionExpired,
        Behaviour::Refuse,
        Behaviour::Unavailable(503),
        Behaviour::HtmlOk,
        Behaviour::Offline,
        Behaviour::RolledBack,
        Behaviour::Poison,
        Behaviour::WrongAmount(1 + chance.below(500) as i64),
        Behaviour::ReversedByHand,
        Behaviour::DeletedByHand,
        Behaviour::DraftedByHand,
        error("BL01001973", "Invalid Vendor specified."),
        error("BL03002185", "Transaction with the number already exists"),
        error("DL02000001", "There was an error processing the request"),
    ];
    let reads = [
        Behaviour::Drop,
        Behaviour::BadGateway(502),
        Behaviour::SessionExpired,
        Behaviour::Cut(500),
        Behaviour::Malformed,
        Behaviour::SwapAnswer,
        Behaviour::Throttle(Some(5)),
        Behaviour::Silent,
    ];
    let by_chance = |kind, per_mille, does| {
        Fault::always(Trigger::All(vec![Trigger::Kind(kind), Trigger::PerMille(per_mille)]), does)
    };
    let mut gateway = world.wires.gateway();
    for behaviour in writes {
        if chance.below(3) == 0 {
            let rate = 1 + chance.below(70) as u32;
            gateway.faults_mut().add(by_chance(Kind::Write, rate, behaviour));
        }
    }
    for behaviour in reads {
        if chance.below(3) == 0 {
            let rate = 1 + chance.below(30) as u32;
            gateway.faults_mut().add(by_chance(Kind::Read, rate, behaviour));
        }
    }
    if chance.below(4) > 0 {
        gateway.faults_mut().add(Fault::always(Trigger::Kind(Kind::Write), Behaviour::UniqueIdIgnored));
    }
    let options = gateway.options_mut();
    options.read_lag = Duration::from_millis(chance.below(READ_LAG.as_millis() as u64 - 5_000));
    options.latency = Duration::from_millis(chance.below(3_000));
    options.jitter = Duration::from_millis(chance.below(3_000));
    options.session_life = Duration::from_secs(300 + chance.below(7_200));
    options.refuse_duplicates = chance.below(4) == 0;
    drop(gateway);
    *crate::lock(&world.wires.weather) = Weather {
        refused: chance.below(30) as u32,
        cut_request: chance.below(30) as u32,
        cut_behind: chance.below(40) as u32,
        cut_answer: chance.below(40) as u32,
        slow: chance.below(4_000),
        late: LATE_COMMIT / 2 - Duration::from_secs(30),
    };
}

/// A person does something to a bill that stands in Intacct.
fn meddle(world: &mut World, which: u64, what: u64, touched: &std::sync::Mutex<Vec<u64>>) {
    let now = world.clock.true_now();
    let mut gateway = world.wires.gateway();
    let standing: Vec<u64> = gateway
        .ledger()
        .bills()
        .filter(|bill| bill.state.stands() && bill.control_id.is_some())
        .map(|bill| bill.record_no)
        .collect();
    let Some(record) = standing.get((which % standing.len().max(1) as u64) as usize).copied() else { return };
    let done = gateway.person(
        now,
        match what {
            0 => Person::Reverse(record),
            1 => Person::Delete(record),
            2 => Person::Draft(record),
            _ => Person::Pay(record),
        },
    );
    if done.is_ok() {
        world.fate.note(|| format!("a person does {what} to record {record}"));
        crate::lock(touched).push(record);
    }
}

/// A person types a bill that JAGGAER has too.
fn type_by_hand(world: &mut World, which: u64) {
    let expected = &data().expected.invoices;
    let Some(bill) = expected.get((which % expected.len() as u64) as usize).and_then(|one| one.bill.as_ref()) else {
        return;
    };
    world.fate.note(|| format!("a person types {}", bill.number));
    let typed = typed_by_hand(bill);
    let now = world.clock.true_now();
    world.wires.gateway().type_bill_by_hand(now, typed);
}

/// What people order of the program.
fn orders(world: &mut World, chance: &mut Chance) {
    if chance.below(2) == 0 {
        let at = chance.below(CHAOS - 600);
        world.at(seconds(at), |world| world.order(Command::PauseQueue { why: "lunch".to_owned() }));
    }
    for _ in 0..chance.below(4) {
        let at = chance.below(CHAOS);
        world.at(seconds(at), |world| world.order(Command::Replay(Selection::Where(Filter::default()))));
    }
    for hour in 0..CHAOS / 1_200 {
        world.at(seconds(600 + hour * 1_200), |world| world.order(Command::ResumeQueue));
    }
}

/// Everything is mended.
fn calm(world: &mut World) {
    world.fate.note(|| "calm".to_owned());
    world.wires.gateway().faults_mut().clear();
    world.wires.procurement().clear_troubles();
    *crate::lock(&world.wires.weather) = Weather::default();
    world.fate.end_one_in(None);
    world.disk.full(false);
    for minute in 0..30 {
        let at = world.passed() + Duration::from_secs(120 * minute + 5);
        world.at(at, |world| {
            if world.seems_paused() || world.count(tollgate::model::State::Queued) > 0 {
                world.order(Command::ResumeQueue);
            }
        });
    }
}
