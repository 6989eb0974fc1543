//! Turns the acts that a plan chose for a request into what the gateway does differently.

use std::time::Duration;

use super::errors::GatewayError;
use crate::simulator::faults::{Act, Behaviour};

/// Everything that is different about one request.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Nothing is executed; this happens instead.
    pub instead: Option<Instead>,
    /// Only so many functions.
    pub part: Option<usize>,
    /// Effects come so much later, and the connection is closed.
    pub late: Option<Duration>,
    /// `uniqueid` is not looked at.
    pub ignore_unique: bool,
    /// Cents added to the first line.
    pub wrong_cents: i64,
    /// Queries lag by so much.
    pub stale: Duration,
    /// Functions that fail: bill number (or all), error.
    pub failing: Vec<(Option<String>, GatewayError)>,
    /// What becomes of the answer.
    pub answer: Answer,
    /// Additional delay.
    pub delay: Duration,
    /// Additional delay by chance, in milliseconds.
    pub jitter_ms: u64,
    /// What `api/endpoint` says.
    pub endpoint: Option<String>,
    /// Failures are called aborted.
    pub culprit_aborted: bool,
    /// What a person does to the created bills at once.
    pub by_hand: Option<ByHand>,
}

/// What happens instead of executing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the behaviours")]
pub enum Instead {
    Refuse,
    Unavailable(u16),
    HtmlOk,
    Throttle(Option<u32>),
    SessionExpired,
    LoginRefused,
    Poison,
    RolledBack,
}

/// What becomes of the answer after executing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the behaviours")]
pub enum Answer {
    #[default]
    Whole,
    Drop,
    BadGateway(u16),
    Silent,
    Swap,
    Earlier,
    Turned,
    Cut(usize),
    Malformed,
    Trickle(usize, u64),
    ForeignControlId,
    MissingResult,
}

/// What a person does at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the behaviours")]
pub enum ByHand {
    Reverse,
    Delete,
    Draft,
    Decline,
}

impl Effects {
    /// All acts together.
    pub fn of(acts: Vec<Act>) -> Self {
        let mut effects = Effects::default();
        for act in acts {
            effects.add(act);
        }
        effects
    }

    fn add(&mut self, Act { does, bill_number }: Act) {
        let instead = |what: Instead| Some(what);
        match does {
            Behaviour::Normal => {}
            Behaviour::Refuse => self.instead = instead(Instead::Refuse),
            Behaviour::Unavailable(status) => self.instead = instead(Instead::Unavailable(status)),
            Behaviour::HtmlOk => self.instead = instead(Instead::HtmlOk),
            Behaviour::Throttle(after) => self.instead = instead(Instead::Throttle(after)),
            Behaviour::SessionExpired => self.instead = instead(Instead::SessionExpired),
            Behaviour::LoginRefused => self.instead = instead(Instead::LoginRefused),
            Behaviour::Poison => self.instead = instead(Instead::Poison),
            Behaviour::RolledBack => self.instead = instead(Instead::RolledBack),
            Behaviour::FunctionError { errorno, text, correction } => {
                self.failing.push((bill_number, GatewayError::new(&errorno, text).correct(correction)));
            }
            Behaviour::Offline => {
                let error = GatewayError::new("BL01001973", "The Service is Temporarily Off-line.");
                self.failing.push((bill_number, error.correct("Please Try Again Later.")));
            }
            Behaviour::UniqueIdIgnored => self.ignore_unique = true,
            Behaviour::WrongAmount(cents) => self.wrong_cents = cents,
            Behaviour::CommitLate(after) => self.late = Some(Duration::from_millis(after)),
            Behaviour::Part(functions) => {
                self.part = Some(functions);
                self.answer = Answer::Drop;
            }
            Behaviour::StaleReads(lag) => self.stale = Duration::from_millis(lag),
            Behaviour::Drop => self.answer = Answer::Drop,
            Behaviour::BadGateway(status) => self.answer = Answer::BadGateway(status),
            Behaviour::AnswerLate(after) => self.delay += Duration::from_millis(after),
            Behaviour::Silent => self.answer = Answer::Silent,
            Behaviour::SwapAnswer => self.answer = Answer::Swap,
            Behaviour::EarlierAnswer => self.answer = Answer::Earlier,
            Behaviour::TurnedResults => self.answer = Answer::Turned,
            Behaviour::Cut(after) => self.answer = Answer::Cut(after),
            Behaviour::Malformed => self.answer = Answer::Malformed,
            Behaviour::Trickle(chunk, pause) => self.answer = Answer::Trickle(chunk.max(1), pause),
            Behaviour::ForeignControlId => self.answer = Answer::ForeignControlId,
            Behaviour::MissingResult => self.answer = Answer::MissingResult,
            Behaviour::HostileEndpoint(endpoint) => self.endpoint = Some(endpoint),
            Behaviour::CulpritAborted => self.culprit_aborted = true,
            Behaviour::Latency(fixed, jitter) => {
                self.delay += Duration::from_millis(fixed);
                self.jitter_ms += jitter;
            }
            Behaviour::ReversedByHand => self.by_hand = Some(ByHand::Reverse),
            Behaviour::DeletedByHand => self.by_hand = Some(ByHand::Delete),
            Behaviour::DraftedByHand => self.by_hand = Some(ByHand::Draft),
            Behaviour::DeclinedByHand => self.by_hand = Some(ByHand::Decline),
        }
    }
}
