//! The sweep: every kind of posting, times every behaviour of the gateway, times every place where the process may end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use tollgate::messages::{Command, Filter, Selection};
use tollgate::model::{BillAction, State};
use tollgate::seams::{Guard, Purpose};
use tollgate::simulator::faults::{Behaviour, Fault, Kind as RequestKind, Trigger};
use tollgate::simulator::gateway::{HandBill, Line};
use tollgate::simulator::world::{ExpectedBill, World as Data, mark_stem};
use tollgate::store::at::Moment;

use crate::fate::{Blow, Death, Phase, Point};
use crate::oracle::{Truth, Verdict, documents, judge};
use crate::replaced::Elder;
use crate::world::{AUDITED, LATE_COMMIT, Plan, QUIET, World};

/// Kinds of postings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Bills that are submitted.
    Bill,
    /// Bills that are drafts.
    Draft,
    /// Bills that were refused and are replayed by a person.
    Replay,
    /// Bills of a new installation: reference data are read, and a person starts, pauses and resumes.
    First,
    /// Vendors that are created for suppliers that Intacct does not know.
    VendorNew,
    /// Vendors and suppliers that people changed, each carried over to the other side.
    VendorChange,
}

impl Kind {
    pub const ALL: [Kind; 6] =
        [Kind::Bill, Kind::Draft, Kind::Replay, Kind::First, Kind::VendorNew, Kind::VendorChange];

    /// Whether it is about the two supplier masters.
    pub fn is_of_vendors(self) -> bool {
        matches!(self, Kind::VendorNew | Kind::VendorChange)
    }

    pub fn words(self) -> &'static str {
        match self {
            Kind::Bill => "bill",
            Kind::Draft => "draft",
            Kind::Replay => "replayed bill",
            Kind::First => "bill of a new installation",
            Kind::VendorNew => "new vendor",
            Kind::VendorChange => "changed vendor",
        }
    }

    fn action(self) -> BillAction {
        if self == Kind::Draft { BillAction::Draft } else { BillAction::Submit }
    }
}

/// What the gateway does, or people in front of it.
#[derive(Clone)]
pub struct Way {
    pub name: &'static str,
    pub faults: Vec<Fault>,
    pub more: More,
    /// Outside the fault model: an alarm is asked for, nothing else.
    pub outside: bool,
}

/// What a behaviour needs beside faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum More {
    Nothing,
    /// A person has typed the bill of the second invoice.
    Twin,
    /// Sessions name an endpoint that is not Intacct's.
    HostileEndpoint,
    /// The wall clock jumps by so many days soon after the beginning, and back an hour later.
    Jump(i64),
    /// Two invoices carry the same number.
    SameNumber,
    /// The list cannot be read in the first poll.
    CutList,
    /// An invoice is withdrawn while nobody lives.
    Withdrawn,
    /// An invoice is amended while it waits its turn.
    Amended,
}

fn way(name: &'static str, behaviour: Behaviour) -> Way {
    Way { name, faults: vec![Fault::once(Trigger::NthWrite(1), behaviour)], more: More::Nothing, outside: false }
}

fn with(name: &'static str, more: More) -> Way {
    Way { name, faults: Vec::new(), more, outside: false }
}

/// All behaviours.
pub fn ways() -> Vec<Way> {
    let error = |errorno: &str, text: &str| Behaviour::FunctionError {
        errorno: errorno.to_owned(),
        text: text.to_owned(),
        correction: String::new(),
    };
    let mut ways = vec![
        way("answers", Behaviour::Normal),
        way("commits and drops", Behaviour::Drop),
        way("commits and says 502", Behaviour::BadGateway(502)),
        way("commits and is silent", Behaviour::Silent),
        way("commits and answers too late", Behaviour::AnswerLate(301_000)),
        way("commits after we gave up", Behaviour::CommitLate(500_000)),
        way("commits a part and drops", Behaviour::Part(1)),
        way("commits nothing and drops", Behaviour::Part(0)),
        way("refuses the connection", Behaviour::Refuse),
        way("is unavailable", Behaviour::Unavailable(503)),
        way("answers with a page", Behaviour::HtmlOk),
        way("throttles", Behaviour::Throttle(Some(7))),
        way("ends the session", Behaviour::SessionExpired),
        way("refuses the whole request", Behaviour::Poison),
        way("rolls back", Behaviour::RolledBack),
        way("is off-line", Behaviour::Offline),
        way("refuses", error("BL01001973", "Invalid Vendor 'V-9' specified.")),
        way("calls a period closed", error("BL01001973", "The accounting period for 03/31/2026 is closed")),
        way("says it exists", error("BL03002185", "Transaction with the number already exists")),
        way("has a database error", error("DL02000001", "There was an error processing the request")),
        way("gives another request's answer", Behaviour::SwapAnswer),
        way("cuts the answer", Behaviour::Cut(700)),
        way("answers malformed", Behaviour::Malformed),
        way("trickles", Behaviour::Trickle(64, 500)),
        way("trickles too slowly", Behaviour::Trickle(1, 1_000)),
        way("names foreign control ids", Behaviour::ForeignControlId),
        way("leaves a result out", Behaviour::MissingResult),
        way("stores a wrong amount", Behaviour::WrongAmount(100)),
        way("is reversed by hand", Behaviour::ReversedByHand),
        way("is deleted by hand", Behaviour::DeletedByHand),
        way("is drafted by hand", Behaviour::DraftedByHand),
        way("is declined by hand", Behaviour::DeclinedByHand),
        with("has a twin typed by hand", More::Twin),
        with("hands over to a hostile endpoint", More::HostileEndpoint),
        with("while the clock jumps ahead", More::Jump(400)),
        with("while the clock jumps back", More::Jump(-400)),
        with("gets two invoices of one number", More::SameNumber),
        with("while the list is cut", More::CutList),
        with("while an approval is lost", More::Withdrawn),
    ];
    let mut amended = way("throttles while an invoice is amended", Behaviour::Throttle(Some(300)));
    amended.more = More::Amended;
    ways.push(amended);
    let stale = || Fault::always(Trigger::Kind(RequestKind::Read), Behaviour::StaleReads(55_000));
    let mut earlier = way("gives an earlier answer, and reads are stale", Behaviour::Offline);
    earlier.faults.push(Fault::once(Trigger::NthWrite(2), Behaviour::EarlierAnswer));
    earlier.faults.push(stale());
    ways.push(earlier);
    let mut edge = way("commits and says 502, and reads are stale", Behaviour::BadGateway(502));
    edge.faults.push(stale());
    ways.push(edge);
    let mut turned = way("refuses one and turns the results", Behaviour::TurnedResults);
    let second = data().expected.invoices.get(1).and_then(|invoice| invoice.number.clone()).unwrap_or_default();
    turned
        .faults
        .push(Fault::once(Trigger::BillNumber(second), error("BL01001973", "Invalid Vendor 'V-9' specified.")));
    ways.push(turned);
    let mut exists = way("committed, and says it exists", Behaviour::Drop);
    exists.faults.push(Fault::once(Trigger::NthWrite(2), error("BL03002185", "Transaction already exists")));
    ways.push(exists);
    let mut lagging = way("reads are stale", Behaviour::Drop);
    lagging.faults.push(stale());
    ways.push(lagging);
    // Inside the fault model the promise holds without any help of the gateway.
    for one in &mut ways {
        one.faults.push(Fault::always(Trigger::Kind(RequestKind::Write), Behaviour::UniqueIdIgnored));
    }
    ways.push(way("commits and drops, and keeps uniqueid", Behaviour::Drop));
    let late = QUIET.as_millis() as u64 + 90_000;
    let mut outside = way("commits after the quiet time, and keeps uniqueid", Behaviour::CommitLate(late));
    outside.outside = true;
    ways.push(outside.clone());
    let mut unseen = way("is read too late, and keeps uniqueid", Behaviour::CommitLate(LATE_COMMIT.as_millis() as u64));
    let blind = Fault::always(Trigger::Kind(RequestKind::Read), Behaviour::StaleReads(240_000));
    unseen.faults.push(Fault { times: Some(8), ..blind });
    unseen.outside = true;
    ways.push(unseen);
    outside.name = "commits after the quiet time, and ignores uniqueid";
    outside.faults.push(Fault::always(Trigger::Kind(RequestKind::Write), Behaviour::UniqueIdIgnored));
    outside.faults.push(Fault::once(Trigger::NthWrite(2), Behaviour::Silent));
    ways.push(outside);
    ways
}

/// Behaviours under which a second end in the recovery is tried.
const WORST: [&str; 6] = [
    "commits and drops",
    "commits after we gave up",
    "commits a part and drops",
    "gives another request's answer",
    "cuts the answer",
    "reads are stale",
];

/// One case.
#[derive(Clone)]
pub struct Case {
    pub kind: Kind,
    pub way: Way,
    pub deaths: Vec<Death>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, the gateway {}", self.kind.words(), self.way.name)?;
        self.deaths.iter().try_for_each(|death| write!(f, ", ends {death}"))
    }
}

/// What came of a case.
pub struct Done {
    pub verdict: Verdict,
    pub reached: BTreeMap<Point, u32>,
    pub ends: u32,
    /// Planned ends that did not come.
    pub left: usize,
    pub trace: String,
}

/// Invoices of all cases.
const INVOICES: usize = 3;

fn data() -> &'static Data {
    static DATA: OnceLock<Data> = OnceLock::new();
    DATA.get_or_init(|| Data::bulk(1, INVOICES, 2))
}

/// A disk on which reference data were read and posting was started; for replays, with three refused bills.
fn image(kind: Kind) -> Vec<u8> {
    static REFUSED: OnceLock<Vec<u8>> = OnceLock::new();
    match kind {
        Kind::First => Vec::new(),
        Kind::Bill | Kind::Draft | Kind::VendorNew | Kind::VendorChange => primed(),
        Kind::Replay => REFUSED.get_or_init(|| prime(true)).clone(),
    }
}

/// A disk on which reference data were read and posting was started.
pub fn primed() -> Vec<u8> {
    static PRIMED: OnceLock<Vec<u8>> = OnceLock::new();
    PRIMED.get_or_init(|| prime(false)).clone()
}

fn prime(refused: bool) -> Vec<u8> {
    crate::guard::without(None, || {
        let mut world = World::new(Plan::new(1, Vec::new()));
        world.live();
        if refused {
            bring(&mut world);
            let refuses = Behaviour::FunctionError {
                errorno: "BL01001973".to_owned(),
                text: "Invalid Vendor 'V-9' specified.".to_owned(),
                correction: String::new(),
            };
            world.wires.gateway().faults_mut().add(Fault::always(Trigger::Kind(RequestKind::Write), refuses));
        }
        start(&mut world);
        let rested = world.run(Duration::from_secs(1_700), |world| {
            let failed = if refused { world.count(State::Failed) == INVOICES as u64 } else { true };
            failed && world.is_at_rest() && world.passed() > Duration::from_secs(1_000)
        });
        assert!(rested, "no ground to stand on: {:?}", documents(&world));
        world.bury();
        world.disk.bytes()
    })
}

/// All invoices come up in JAGGAER.
fn bring(world: &mut World) {
    for document in &data().invoices {
        world.wires.procurement().put(document.text.clone());
    }
}

/// A person starts posting as soon as there is somebody to tell it to.
fn start(world: &mut World) {
    for minute in 0..20 {
        world.at(world.passed() + Duration::from_secs(20 + 60 * minute), World::start_posting);
    }
}

/// What is true of the invoices of a case in the end.
fn truth(case: &Case) -> Truth {
    let mut truth = Truth::default();
    for document in &data().invoices {
        truth.approved.insert(document.id, true);
    }
    if case.way.more == More::Withdrawn {
        truth.approved.insert(data().invoices[0].id, false);
    }
    truth
}

/// Plays a case.
pub fn play(case: &Case, traced: bool) -> Done {
    if case.kind.is_of_vendors() {
        return crate::vendors::play(case, traced);
    }
    let mut plan = Plan::new(7, image(case.kind));
    plan.deaths.clone_from(&case.deaths);
    plan.action = case.kind.action();
    plan.traced = traced;
    let mut world = World::new(plan);
    for fault in &case.way.faults {
        world.wires.gateway().faults_mut().add(fault.clone());
    }
    // The image's own half hour lies before everything that happens now.
    world.clock.advance(Duration::from_secs(1_800));
    set_the_stage(&mut world, case);
    world.live();
    if case.kind == Kind::First {
        start(&mut world);
        let at = |seconds: u64| Duration::from_secs(1_800 + seconds);
        world.at(at(21), |world| world.order(Command::PauseQueue { why: "a look first".to_owned() }));
        world.at(at(30), |world| world.order(Command::PauseFlow("vendors".to_owned())));
        for minute in 0..20 {
            world.at(at(40 + 60 * minute), |world| {
                if world.seems_paused() {
                    world.order(Command::ResumeQueue);
                }
            });
        }
        world.at(at(45), |world| world.order(Command::ResumeFlow("vendors".to_owned())));
    }
    if case.kind == Kind::Replay {
        for minute in 0..20 {
            world.at(Duration::from_secs(1_805 + 60 * minute), |world| {
                if world.count(State::Failed) == INVOICES as u64 {
                    world.order(Command::Replay(Selection::Where(Filter::default())));
                }
            });
        }
    }
    let known = |world: &World| world.documents() == INVOICES as u64 && world.is_at_rest();
    let rested = world.run(Duration::from_secs(12 * 3600), known);
    // What was still under way takes effect, and is seen; what breaks the fault model is found by the late audit.
    let longest = if case.way.outside { AUDITED } else { QUIET * 2 };
    let ending = world.passed() + longest;
    world.run(ending, |_| false);
    let rested = rested && world.run(world.passed() + Duration::from_secs(3600), |world| world.is_at_rest());
    let mut verdict = judge(&world, &truth(case));
    if world.elder.as_ref().is_some_and(Elder::goes_on) {
        verdict.wrong.push("who was replaced goes on".to_owned());
    }
    if !rested && verdict.is_clean() {
        verdict.lost.push("the world never rests".to_owned());
    }
    Done {
        verdict,
        reached: world.fate.reached_ever(),
        ends: world.fate.ends(),
        left: world.fate.left(),
        trace: world.fate.trace(),
    }
}

fn set_the_stage(world: &mut World, case: &Case) {
    bring(world);
    disturb(world, case);
}

/// What a behaviour needs beside faults.
pub fn disturb(world: &mut World, case: &Case) {
    let now = world.passed();
    match case.way.more {
        More::Nothing => {}
        More::Twin => {
            if let Some(bill) = data().expected.invoices.get(1).and_then(|invoice| invoice.bill.as_ref()) {
                let typed = typed_by_hand(bill);
                let typed_at = world.clock.true_now();
                world.wires.gateway().type_bill_by_hand(typed_at - jiff::SignedDuration::from_hours(1), typed);
            }
        }
        More::HostileEndpoint => {
            let right = world.wires.gateway().options().endpoint.clone();
            world.wires.gateway().options_mut().endpoint = "https://evil.example/ia/xml/xmlgw.phtml".to_owned();
            world.at(now + Duration::from_secs(3_600), move |world| {
                world.wires.gateway().options_mut().endpoint = right;
            });
            for minute in 0..10 {
                world.at(now + Duration::from_secs(3_610 + 60 * minute), |world| world.order(Command::ResumeQueue));
            }
        }
        More::Jump(days) => {
            world.at(now + Duration::from_millis(400), move |world| world.clock.jump(days * 86_400));
            world.at(now + Duration::from_secs(3_600), move |world| world.clock.jump(-days * 86_400));
        }
        More::SameNumber => {
            let documents = &data().invoices;
            let (first, second) = (documents[0].value(), documents[1].id);
            let header = &first["header"];
            let same = serde_json::json!({"header": {
                "supplierInvoiceNumber": header["supplierInvoiceNumber"], "supplier": header["supplier"],
            }});
            let at = world.clock.true_now();
            world.wires.procurement().amend(at, second, &same);
        }
        More::CutList => {
            use tollgate::simulator::procurement::{Mishap, Resource, Trouble};
            let trouble = Trouble { on: Resource::List, skip: 0, times: Some(4), does: Mishap::Drop };
            world.wires.procurement().add_trouble(trouble);
        }
        More::Amended => {
            let third = data().invoices[2].id;
            world.at(now + Duration::from_secs(60), move |world| {
                let at = world.clock.true_now();
                let later = serde_json::json!({"header": {"dueDate": "2026-03-31"}});
                world.wires.procurement().amend(at, third, &later);
                world.order(Command::RunFlow("invoices".to_owned()));
            });
        }
        More::Withdrawn => {
            // In the first life the gateway is busy; in the second the approval is gone.
            let first = data().invoices[0].id;
            let busy = Fault::once(Trigger::Kind(RequestKind::Write), Behaviour::Throttle(Some(300)));
            world.wires.gateway().faults_mut().add(busy);
            world.at(now + Duration::from_millis(900), |world| world.fate.end());
            world.pause = Duration::from_secs(60);
            world.at(now + Duration::from_secs(1), move |world| {
                let at = world.clock.true_now();
                world.wires.procurement().withdraw(at, first);
                // JAGGAER takes its time: whoever does not wait for it sends what it does not want any more.
                world.wires.procurement().options_mut().latency = Duration::from_secs(20);
                let key = format!("{}/invoice/{first}", world.config.jaggaer.instance);
                world.unwanted.insert(mark_stem(&key));
            });
        }
    }
}

/// A bill as a person types it: in two lines, without our mark.
pub fn typed_by_hand(bill: &ExpectedBill) -> HandBill {
    let half = (bill.total / rust_decimal::Decimal::TWO).round_dp(2);
    let lines = [half, bill.total - half].map(|amount| Line { account: "6100".to_owned(), amount, ..Line::default() });
    HandBill {
        vendor_id: bill.vendor.clone(),
        record_id: bill.number.clone(),
        description: "typed by hand".to_owned(),
        currency: bill.currency.clone(),
        invoice_date: bill.invoice_date,
        gl_date: bill.gl_date,
        due_date: bill.due_date,
        entity: String::new(),
        lines: lines.to_vec(),
    }
}

/// The places where the process may end in each kind of posting, as they are reached when nothing goes wrong and when it has to
/// recover.
fn points(kind: Kind) -> BTreeMap<Point, u32> {
    let way =
        ways().into_iter().find(|way| way.name == "commits and drops").unwrap_or_else(|| way("", Behaviour::Drop));
    let sent = |purpose| Death { point: Point::Wire(purpose, Phase::Executed), nth: 1, blow: Blow::Ends };
    let mut all: BTreeMap<Point, u32> = BTreeMap::new();
    let mut lives = vec![vec![], vec![sent(Purpose::Post)]];
    if kind.is_of_vendors() {
        lives.push(vec![sent(Purpose::Supply)]);
    }
    for deaths in lives {
        let done = play(&Case { kind, way: way.clone(), deaths }, false);
        for (point, count) in done.reached {
            let known = all.entry(point).or_default();
            *known = (*known).max(count);
        }
    }
    all
}

fn is_of_sending(point: &Point) -> bool {
    match point {
        Point::Commit(name, _) => {
            matches!(*name, "intents" | "outcomes" | "recovered")
                || (name.starts_with("vendor")
                    && !matches!(*name, "vendors taken" | "vendors gone" | "vendors started"))
                || name.starts_with("supplier ")
        }
        Point::Wire(purpose, _) => matches!(purpose, Purpose::Post | Purpose::Look | Purpose::Supply),
    }
}

/// Whether a behaviour says anything about a kind: what people do to bills says nothing of vendors.
fn fits(kind: Kind, way: &Way) -> bool {
    let of_bills = matches!(
        way.name,
        "calls a period closed"
            | "stores a wrong amount"
            | "is reversed by hand"
            | "is deleted by hand"
            | "is drafted by hand"
            | "is declined by hand"
            | "refuses one and turns the results"
            // What nobody can see of a vendor is overwritten, and no mark tells of it: that is said, not promised.
            | "is read too late, and keeps uniqueid"
    );
    let more = matches!(way.more, More::Nothing | More::HostileEndpoint | More::Jump(_));
    !kind.is_of_vendors() || (!of_bills && more)
}

/// All cases.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let plain = points(Kind::Bill);
    for kind in Kind::ALL {
        let mut points = points(kind);
        if kind == Kind::First || kind.is_of_vendors() {
            // What it shares with the others was tried there.
            points.retain(|point, _| !plain.contains_key(point) || is_of_sending(point));
        }
        let ends = ends(kind, &points);
        for way in ways().into_iter().filter(|way| fits(kind, way)) {
            // Outside the fault model it matters where a send is torn, not where a poll is.
            // Nor does it matter beside which behaviour the two masters are read and compared.
            let everywhere = match kind.is_of_vendors() {
                true => way.name == "answers" || WORST.contains(&way.name),
                false => !way.outside,
            };
            let of_sending =
                |death: &Death| is_of_sending(&death.point) && (death.blow == Blow::Ends || !kind.is_of_vendors());
            let fitting = |deaths: &&Vec<Death>| everywhere || deaths.iter().all(of_sending);
            for deaths in ends.iter().filter(fitting) {
                cases.push(Case { kind, way: way.clone(), deaths: deaths.clone() });
            }
        }
        if matches!(kind, Kind::Bill | Kind::VendorNew | Kind::VendorChange) {
            cases.extend(second_ends(kind, &points));
        }
        cases.extend(replaced(kind, &points));
    }
    cases
}

/// No end, and each end alone.
fn ends(kind: Kind, points: &BTreeMap<Point, u32>) -> Vec<Vec<Death>> {
    let mut ends: Vec<Vec<Death>> = vec![Vec::new()];
    for (point, count) in points {
        let mut blows = vec![Blow::Ends];
        // What a disk does to a commit does not depend on the kind of posting: it is tried where the commit is reached first.
        let first = kind == Kind::Bill || kind.is_of_vendors();
        match point {
            Point::Commit(_, Moment::Inside) if first => {
                // A commit has two syncs: of what it wrote, and of which state of the file holds.
                let fails = |nth| [Blow::FailsSync(nth, false), Blow::FailsSync(nth, true)];
                blows.push(Blow::Tears(1));
                blows.extend(fails(1).into_iter().chain(fails(2)));
            }
            Point::Commit(_, Moment::Before) if first => blows.push(Blow::Full(240)),
            _ => {}
        }
        for blow in blows {
            ends.push(vec![Death { point: *point, nth: 1, blow }]);
            if is_of_sending(point) && *count > 1 && blow == Blow::Ends {
                ends.push(vec![Death { point: *point, nth: 2, blow }]);
            }
        }
    }
    ends
}

/// An end around a send, and another one in the recovery from it.
fn second_ends(kind: Kind, points: &BTreeMap<Point, u32>) -> Vec<Case> {
    let sending: Vec<Point> = points.keys().filter(|point| is_of_sending(point)).copied().collect();
    let around = |point: &&Point| {
        matches!(point, Point::Wire(Purpose::Post | Purpose::Supply, _))
            || matches!(point, Point::Commit("intents" | "vendor intents" | "supplier intent", Moment::After))
    };
    let mut cases = Vec::new();
    // What a second end does beside a behaviour was tried with bills; of the two masters the worst two are enough.
    let worst = if kind.is_of_vendors() { &WORST[..2] } else { &WORST[..] };
    for way in ways().into_iter().filter(|way| worst.contains(&way.name)) {
        for first in sending.iter().filter(around) {
            for second in &sending {
                let deaths = [first, second].map(|point| Death { point: *point, nth: 1, blow: Blow::Ends });
                cases.push(Case { kind, way: way.clone(), deaths: deaths.to_vec() });
            }
        }
    }
    cases
}

/// Another process takes the place of one that stands still before, in or behind the commit of an intent, for so long that it has
/// sent everything by then. What goes on afterwards must not send its own.
fn replaced(kind: Kind, points: &BTreeMap<Point, u32>) -> Vec<Case> {
    let intents = |point: &&Point| matches!(point, Point::Commit("intents" | "vendor intents" | "supplier intent", _));
    let mut cases = Vec::new();
    for way in ways().into_iter().filter(|way| way.name == "answers" || WORST.contains(&way.name)) {
        for point in points.keys().filter(intents) {
            let death = Death { point: *point, nth: 1, blow: Blow::Replaced(3 * QUIET.as_secs()) };
            cases.push(Case { kind, way: way.clone(), deaths: vec![death] });
        }
    }
    cases
}

/// What is wrong with what came of a case; nothing if all is well.
pub fn faults_of(case: &Case, done: &Done) -> Vec<String> {
    let verdict = &done.verdict;
    if !case.way.outside {
        let mut wrong = verdict.sentences();
        if verdict.alarms > 0 {
            wrong.push("an alarm without a reason".to_owned());
        }
        return wrong;
    }
    // Outside the fault model what is doubled is told, and nothing else is wrong.
    let mut wrong: Vec<String> = verdict.doubled.iter().filter(|what| what.ends_with("not told")).cloned().collect();
    wrong.extend(verdict.lost.iter().filter(|what| !what.ends_with("is left")).cloned());
    wrong.extend(verdict.wrong.iter().cloned());
    wrong
}

/// Cases that a guard must be missed in, first those that are likely to show it.
pub fn cases_for(guard: Guard, all: &[Case]) -> Vec<Case> {
    let fitting = |case: &&Case| -> bool {
        let name = case.way.name;
        let post = |phase| case.deaths.iter().any(|death| death.point == Point::Wire(Purpose::Post, phase));
        let single = case.deaths.len() <= 1;
        single
            && match guard {
                Guard::MarkBehindDocuments => name == "while the list is cut" && case.deaths.is_empty(),
                Guard::PolledFirst => name == "while an approval is lost" && case.deaths.is_empty(),
                Guard::OneNaturalKey => name == "gets two invoices of one number" && case.deaths.is_empty(),
                Guard::PreFlight | Guard::OwnMark => name == "has a twin typed by hand" && case.deaths.is_empty(),
                Guard::RecordSeen => false,
                Guard::Intent => name == "answers",
                Guard::UniqueId => name == "answers",
                Guard::Fence => case.deaths.iter().any(|death| matches!(death.blow, Blow::Replaced(_))),
                Guard::StillWanted => name == "throttles while an invoice is amended",
                Guard::SendOnce => name == "commits after we gave up",
                Guard::Recovery => name == "commits after we gave up" && post(Phase::Executed),
                Guard::RequestEcho => name == "gives an earlier answer, and reads are stale",
                Guard::FunctionEcho => name == "refuses one and turns the results",
                Guard::ServerError => name == "commits and says 502, and reads are stale",
                Guard::ExistsIsUnclear => name == "is read too late, and keeps uniqueid",
                Guard::QuietTime => name == "commits after we gave up",
                Guard::ReadBack | Guard::Compared => name == "stores a wrong amount",
                Guard::Standing => name == "is reversed by hand",
                Guard::DoubledStops => case.way.outside,
            }
    };
    all.iter().filter(fitting).cloned().collect()
}

/// Whether a guard is missed in the random lives alone: where people type while a record is written.
pub fn is_of_seeds(guard: Guard) -> bool {
    guard == Guard::RecordSeen
}

/// Names of commits that the cases never reach, each with its reason.
pub const ELSEWHERE: [(&str, &str); 13] = [
    ("marked for evaluation", "a reload; the end-to-end tests give it"),
    ("periods probed", "once a day; the tests of closed periods come there"),
    ("engine stopped", "an end in order is no crash; the end-to-end tests end engines in order"),
    ("unread ones held", "reached in the simulation, where details cannot be read"),
    ("one outcome", "only a record that cannot be written leads there; the lane's own tests force it"),
    ("rechecks kept", "orders without an engine; the end-to-end tests give them"),
    ("posting stopped", "orders of a person that stop; the end-to-end tests give them"),
    ("vendors gone", "vendors that somebody deleted; the engine's own tests come there"),
    ("vendors started", "the order on which these worlds stand; the engine's own tests give it"),
    ("vendors stopped", "orders of a person that stop; the engine's own tests give them"),
    ("pair decided", "decisions of a person; the engine's own tests give them"),
    ("seal barrier", "raw documents alone; the rotation's own test ends it between its pieces"),
    ("resealed", "raw documents alone; the rotation's own test ends it between its pieces"),
];

/// Names of commits that were reached.
pub fn names(points: impl IntoIterator<Item = Point>) -> BTreeSet<&'static str> {
    points
        .into_iter()
        .filter_map(|point| match point {
            Point::Commit(name, _) => Some(name),
            Point::Wire(..) => None,
        })
        .collect()
}
