//! What can go wrong on the gateway's side, and when it shall: a list of faults, each a trigger and a behaviour.
//!
//! The first fault that prevents execution acts alone. Otherwise all faults whose trigger holds for a request act
//! together, in the order of the list; of behaviours that exclude each other (two ways to answer) the last one wins.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::wire::Chance;

/// One fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// When it acts.
    pub when: Trigger,
    /// Requests that match but are spared first.
    #[serde(default)]
    pub skip: u32,
    /// How often it acts; without a number always.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens.
    pub does: Behaviour,
}

impl Fault {
    /// Acts once, on the first request that matches.
    pub fn once(when: Trigger, does: Behaviour) -> Self {
        Fault { when, skip: 0, times: Some(1), does }
    }

    /// Acts on every request that matches.
    pub fn always(when: Trigger, does: Behaviour) -> Self {
        Fault { when, skip: 0, times: None, does }
    }
}

/// When a fault acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// On every request.
    Always,
    /// On requests of this kind.
    Kind(Kind),
    /// On the nth request that the gateway ever got, from 1.
    Nth(u64),
    /// On the nth request with writes, from 1.
    NthWrite(u64),
    /// On a request that creates a bill of this number.
    BillNumber(String),
    /// By chance, in so many of 1000 requests.
    PerMille(u32),
    /// From the first instant up to the second.
    Between(Timestamp, Timestamp),
    /// When all of these hold.
    All(Vec<Trigger>),
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// getAPISession.
    Login,
    /// At least one function that writes.
    Write,
    /// Only functions that read.
    Read,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Nothing special: executes and answers.
    Normal,

    /// The connection is closed and nothing is executed.
    Refuse,
    /// The edge answers with this status (503…) and a page; nothing is executed.
    Unavailable(u16),
    /// HTTP 200 with a page instead of XML; nothing is executed.
    HtmlOk,
    /// HTTP 429, GW-0010, with `Retry-After` in seconds where given; nothing is executed.
    Throttle(Option<u32>),
    /// The session is over, whatever it was told.
    SessionExpired,
    /// User name or password are refused.
    LoginRefused,
    /// The whole request is refused as XL03000003.
    Poison,
    /// Nothing is executed; every function is `aborted` with the roll-back notice alone.
    RolledBack,
    /// The functions concerned fail with this error (all, or with a bill-number trigger that bill's alone).
    FunctionError {
        /// errorno.
        errorno: String,
        /// description2.
        text: String,
        /// correction.
        correction: String,
    },
    /// The functions concerned fail with "The Service is Temporarily Off-line".
    Offline,

    /// `uniqueid` is not looked at.
    UniqueIdIgnored,
    /// Bills are stored with so many cents more on their first line.
    WrongAmount(i64),
    /// The connection is closed, and so many milliseconds later the request takes effect.
    CommitLate(u64),
    /// Only the first so many functions are executed, then the connection is closed.
    Part(usize),
    /// Queries do not see what was committed in the last so many milliseconds.
    StaleReads(u64),

    /// Executes; the connection is closed before a byte of answer.
    Drop,
    /// Executes; the edge answers with this status (502, 524…) and a page.
    BadGateway(u16),
    /// Executes; the answer comes so many milliseconds later.
    AnswerLate(u64),
    /// Executes; no answer ever comes.
    Silent,
    /// Executes; the previous request's answer is given instead.
    SwapAnswer,
    /// Executes; the answer to the last request with writes before it is given instead.
    EarlierAnswer,
    /// Executes; the results come in the opposite order.
    TurnedResults,
    /// Executes; the answer is cut after so many bytes.
    Cut(usize),
    /// Executes; the answer is not well formed.
    Malformed,
    /// Executes; the answer leaves in pieces of so many bytes, each after a pause in milliseconds.
    Trickle(usize, u64),
    /// Executes; the results name control ids that nobody sent.
    ForeignControlId,
    /// Executes; the last result is missing.
    MissingResult,
    /// A session is given with this endpoint.
    HostileEndpoint(String),
    /// Every function that fails is called `aborted`.
    CulpritAborted,
    /// The answer takes so many milliseconds, and up to so many more by chance.
    Latency(u64, u64),

    /// A person reverses the created bills at once.
    ReversedByHand,
    /// A person deletes them at once.
    DeletedByHand,
    /// A person turns them into drafts at once.
    DraftedByHand,
    /// An approver declines them at once.
    DeclinedByHand,
}

impl Behaviour {
    /// Whether nothing at all is executed.
    pub fn prevents(&self) -> bool {
        matches!(
            self,
            Behaviour::Refuse
                | Behaviour::Unavailable(_)
                | Behaviour::HtmlOk
                | Behaviour::Throttle(_)
                | Behaviour::SessionExpired
                | Behaviour::LoginRefused
                | Behaviour::Poison
                | Behaviour::RolledBack
        )
    }
}

/// What a trigger looks at.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Now.
    pub now: Timestamp,
    /// Number of the request, from 1.
    pub nth: u64,
    /// Number of the request with writes, from 1.
    pub nth_write: Option<u64>,
    /// What it is for.
    pub kind: Kind,
    /// Bill numbers in it.
    pub bill_numbers: Vec<&'a str>,
}

/// A behaviour that acts, and the one bill that it concerns where its trigger named one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// What happens.
    pub does: Behaviour,
    /// The bill number of the trigger.
    pub bill_number: Option<String>,
}

/// The list of faults with what was used up of it.
#[derive(Clone, Debug)]
pub struct Plan {
    faults: Vec<(Fault, u32, u32)>,
    chance: Chance,
}

impl Plan {
    /// No faults; chance from this seed.
    pub fn new(seed: u64) -> Self {
        Plan { faults: Vec::new(), chance: Chance::new(seed) }
    }

    /// Adds a fault to the end of the list.
    pub fn add(&mut self, fault: Fault) {
        self.faults.push((fault, 0, 0));
    }

    /// Takes all faults away.
    pub fn clear(&mut self) {
        self.faults.clear();
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// The faults, each with how often it acted.
    pub fn faults(&self) -> impl Iterator<Item = (&Fault, u32)> {
        self.faults.iter().map(|(fault, _, used)| (fault, *used))
    }

    /// What acts on this request. What acts instead of executing acts alone, and nothing else is used up by it.
    pub fn choose(&mut self, view: &View<'_>) -> Vec<Act> {
        let instead = self.pass(view, true);
        if instead.is_empty() { self.pass(view, false) } else { instead }
    }

    fn pass(&mut self, view: &View<'_>, instead: bool) -> Vec<Act> {
        let mut acts = Vec::new();
        for (fault, skipped, used) in &mut self.faults {
            if fault.does.prevents() != instead || fault.times.is_some_and(|times| *used >= times) {
                continue;
            }
            let mut bill_number = None;
            if !holds(&fault.when, view, &mut self.chance, &mut bill_number) {
                continue;
            }
            if *skipped < fault.skip {
                *skipped += 1;
                continue;
            }
            *used = used.saturating_add(1);
            acts.push(Act { does: fault.does.clone(), bill_number });
            if instead {
                break;
            }
        }
        acts
    }

    /// A number for jitter.
    pub fn below(&mut self, end: u64) -> u64 {
        self.chance.below(end)
    }
}

fn holds(trigger: &Trigger, view: &View<'_>, chance: &mut Chance, bill_number: &mut Option<String>) -> bool {
    match trigger {
        Trigger::Always => true,
        Trigger::Kind(kind) => view.kind == *kind,
        Trigger::Nth(nth) => view.nth == *nth,
        Trigger::NthWrite(nth) => view.nth_write == Some(*nth),
        Trigger::BillNumber(number) => {
            let found = view.bill_numbers.contains(&number.as_str());
            if found {
                *bill_number = Some(number.clone());
            }
            found
        }
        Trigger::PerMille(per_mille) => chance.per_mille(*per_mille),
        Trigger::Between(from, until) => *from <= view.now && view.now < *until,
        Trigger::All(all) => all.iter().all(|one| holds(one, view, chance, bill_number)),
    }
}
