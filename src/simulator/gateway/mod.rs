//! The Intacct XML gateway with one company behind it, as a state machine: requests and the time go in, answers come
//! out. Nothing here waits, opens a socket or looks at a clock; the same calls give the same bytes.
//!
//! What is public about the gateway (developer.intacct.com) is kept strictly; what is not is marked *assumed* where it
//! is decided.

mod answer;
mod countries;
mod create;
mod effects;
mod errors;
mod execute;
mod filter;
mod ledger;
mod masters;
mod options;
mod people;
mod query;
mod reads;
mod request;
mod rows;
mod sessions;
#[cfg(test)]
mod tests;
mod text;
mod vendors;
mod xml;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::answer::{Granted, Refused};
use self::effects::{Answer, Effects, Instead};
use self::request::{Auth, Control, Request};
use self::sessions::{Sessions, later};
use super::faults::{Kind, Plan, View};
use super::wire::{Delivery, Reply};

pub use self::errors::GatewayError;
pub use self::ledger::{Bill, BillState, Ledger, Line, marks_in};
pub use self::masters::{Account, ClosedPeriod, Contact, Dimension, Masters, Required, Term, Vendor};
pub use self::options::GatewayOptions;
pub use self::people::{Amendment, HandBill, Person};
pub use self::vendors::{FIELDS as VENDOR_FIELDS, VendorChange};

/// The gateway and its company.
#[derive(Debug)]
pub struct Gateway {
    options: GatewayOptions,
    masters: Masters,
    ledger: Ledger,
    sessions: Sessions,
    plan: Plan,
    completed: HashSet<(String, String)>,
    refused_logins: BTreeMap<String, u32>,
    pending: Vec<Pending>,
    in_flight: Vec<Timestamp>,
    last_answer: Option<Vec<u8>>,
    /// The last answer to a request with writes.
    last_written: Option<Vec<u8>>,
    stats: Stats,
    /// The last record number of a vendor; 0 before the first is asked for.
    last_vendor: u64,
    /// What queries still see of a vendor that was just changed; nothing of one that was just created.
    vendors_before: BTreeMap<u64, Option<Vendor>>,
    vendor_changes: Vec<VendorChange>,
}

/// What the gateway counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// HTTP requests.
    pub requests: u64,
    /// Requests with at least one write.
    pub writes: u64,
    /// Functions executed, whether they succeeded or not.
    pub functions: u64,
    /// API transactions: one for each object created and for each other function.
    pub transactions: u64,
    /// Sessions given.
    pub logins: u64,
    /// Logins refused.
    pub logins_refused: u64,
    /// Bills created.
    pub created: u64,
    /// Vendors created by functions, also where they were taken back.
    pub vendors_created: u64,
    /// Vendors changed by functions, also where that was taken back.
    pub vendors_updated: u64,
    /// Functions refused because their control id was used before.
    pub repeated: u64,
    /// Requests answered with 429.
    pub throttled: u64,
    /// The most requests that were under way at a time.
    pub most_in_flight: u64,
}

#[derive(Debug)]
struct Pending {
    at: Timestamp,
    body: Vec<u8>,
    entity: String,
    effects: Effects,
}

/// What an answer says in RECORD_URL.
pub(super) fn record_url(record_no: u64) -> String {
    format!("https://eu07.intacct.example/ia/acct/ur.phtml?.r=demo{record_no}")
}

impl Gateway {
    /// A company with these lists and empty books. The seed decides session ids and chance.
    pub fn new(options: GatewayOptions, masters: Masters, seed: u64) -> Self {
        let ledger = Ledger::starting_after(options.first_record.saturating_sub(1));
        Gateway {
            options,
            masters,
            ledger,
            sessions: Sessions::new(seed),
            plan: Plan::new(seed ^ 0xFA17),
            completed: HashSet::new(),
            refused_logins: BTreeMap::new(),
            pending: Vec::new(),
            in_flight: Vec::new(),
            last_answer: None,
            last_written: None,
            stats: Stats::default(),
            last_vendor: 0,
            vendors_before: BTreeMap::new(),
            vendor_changes: Vec::new(),
        }
    }

    /// The settings.
    pub fn options(&self) -> &GatewayOptions {
        &self.options
    }

    /// The settings, to change them.
    pub fn options_mut(&mut self) -> &mut GatewayOptions {
        &mut self.options
    }

    /// The lists.
    pub fn masters(&self) -> &Masters {
        &self.masters
    }

    /// The lists, to change them as an administrator does.
    pub fn masters_mut(&mut self) -> &mut Masters {
        &mut self.masters
    }

    /// The books.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What was counted.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The faults.
    pub fn faults(&self) -> &Plan {
        &self.plan
    }

    /// The faults, to change them.
    pub fn faults_mut(&mut self) -> &mut Plan {
        &mut self.plan
    }

    /// Ends every session, as an administrator or a maintenance does.
    pub fn end_all_sessions(&mut self) {
        self.sessions.end_all();
    }

    /// When the next late effect is due.
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.pending.iter().map(|pending| pending.at).min()
    }

    /// Lets everything take effect that was due by now, in the order in which it was due.
    pub fn tick(&mut self, now: Timestamp) {
        self.pending.sort_by_key(|pending| pending.at);
        let due = self.pending.iter().take_while(|pending| pending.at <= now).count();
        let due: Vec<Pending> = self.pending.drain(..due).collect();
        for Pending { at, body, entity, effects } in due {
            if let Ok(root) = xml::parse(&body)
                && let Ok(request) = Request::read(&root)
            {
                self.execute(at, &request, &entity, &effects);
            }
        }
    }

    /// Answers one `POST`.
    pub fn handle(&mut self, now: Timestamp, path: &str, content_type: &str, body: &[u8]) -> Reply {
        self.tick(now);
        self.stats.requests += 1;
        self.in_flight.retain(|end| *end > now);
        let others = self.in_flight.len();
        self.stats.most_in_flight = self.stats.most_in_flight.max(others as u64 + 1);
        if others >= self.options.concurrency.max(1) {
            return self.throttle(Some(self.options.retry_after));
        }
        let mut reply = self.answer(now, path, content_type, body);
        let jitter = self.options.jitter.as_millis() as u64;
        reply.delay += self.options.latency + Duration::from_millis(self.plan.below(jitter));
        let mut busy = reply.delay;
        if let Delivery::Trickle { chunk, pause } = reply.delivery {
            let pieces = u32::try_from(reply.body.len() / chunk.max(1) + 1).unwrap_or(u32::MAX);
            busy += pause.saturating_mul(pieces);
        }
        if busy > Duration::ZERO {
            self.in_flight.push(later(now, busy));
        }
        reply
    }

    fn throttle(&mut self, retry_after: Option<u32>) -> Reply {
        self.stats.throttled += 1;
        let body = answer::front_failure(
            "GW-0010",
            &format!("API rate limit exceeded [Request ID: SIM01:{:08}]", self.stats.requests),
        );
        let reply = Reply::new(429, "application/xml", body);
        match retry_after {
            Some(seconds) => reply.with_header("Retry-After", seconds.to_string()),
            None => reply,
        }
    }

    fn answer(&mut self, now: Timestamp, path: &str, content_type: &str, body: &[u8]) -> Reply {
        if path.split('?').next() != Some(self.options.path.as_str()) {
            return Reply::html(404, "404 Not Found");
        }
        let media = content_type.split(';').next().unwrap_or_default().trim();
        if !["application/xml", "text/xml", "x-intacct-xml-request"]
            .iter()
            .any(|known| media.eq_ignore_ascii_case(known))
        {
            let text = format!("Invalid content type '{media}' [Request ID: SIM01:{:08}]", self.stats.requests);
            return Reply::new(400, "application/xml", answer::front_failure("GW-0014", &text));
        }
        if body.len() > self.options.max_body {
            return Reply::html(413, "413 Request Entity Too Large");
        }
        let root = match xml::parse(body) {
            Ok(root) => root,
            Err(text) => {
                let control = Control { whitespace: false, ..Control::default() };
                return xml_reply(answer::control_failure(&control, &GatewayError::schema(text)));
            }
        };
        let request = match Request::read(&root) {
            Ok(request) => request,
            Err(refused) => {
                let (control, error) = *refused;
                return xml_reply(answer::control_failure(&control, &error));
            }
        };
        if request.functions.len() > self.options.max_functions {
            let error =
                GatewayError::schema(format!("Too many functions in one request: {}.", request.functions.len()));
            return xml_reply(answer::control_failure(&request.control, &error));
        }
        if let Err(error) = execute::check_queries(&request, &self.options) {
            return xml_reply(answer::control_failure(&request.control, &error));
        }
        let kind = kind_of(&request);
        if kind == Kind::Write {
            self.stats.writes += 1;
        }
        let effects = self.choose(now, &request, kind);
        match &effects.instead {
            Some(Instead::Refuse) => {
                let mut reply = Reply::html(500, "");
                reply.delay = effects.delay;
                reply.delivery = Delivery::Drop;
                return reply;
            }
            Some(Instead::Unavailable(status)) => return Reply::html(*status, "Service Unavailable"),
            Some(Instead::HtmlOk) => return Reply::html(200, "Sage Intacct is being maintained"),
            Some(Instead::Throttle(after)) => return self.throttle(*after),
            _ => {}
        }
        self.inside(now, &request, body, effects)
    }

    fn choose(&mut self, now: Timestamp, request: &Request<'_>, kind: Kind) -> Effects {
        if self.plan.is_empty() {
            return Effects::default();
        }
        let bill_numbers = request.functions.iter().flat_map(execute::numbers).collect();
        let nth_write = (kind == Kind::Write).then_some(self.stats.writes);
        let acts = self.plan.choose(&View { now, nth: self.stats.requests, nth_write, kind, bill_numbers });
        Effects::of(acts)
    }

    /// Control block, authentication, functions, answer.
    fn inside(&mut self, now: Timestamp, request: &Request<'_>, body: &[u8], effects: Effects) -> Reply {
        let control = &request.control;
        if control.sender != self.options.sender_id || control.password != self.options.sender_password {
            return xml_reply(answer::control_failure(control, &GatewayError::sender()));
        }
        if let Some(policy) = &control.policy {
            let error = GatewayError::new("XL03000006", format!("'{policy}' is not a valid transport policy."));
            return xml_reply(answer::control_failure(control, &error));
        }
        if effects.instead == Some(Instead::Poison) {
            let error =
                GatewayError::schema("XML Parse schema error. Fatal Error 9: Input is not proper, indicate encoding!");
            return xml_reply(answer::control_failure(control, &error));
        }
        let granted = match self.authenticate(now, request, &effects) {
            Ok(granted) => granted,
            Err(why) => {
                let (refused, error) = *why;
                return xml_reply(answer::auth_failure(control, &refused, &error));
            }
        };
        let mut reply = if let Some(late) = effects.late {
            self.pending.push(Pending {
                at: later(now, late),
                body: body.to_vec(),
                entity: granted.entity.clone(),
                effects: Effects { late: None, ..effects.clone() },
            });
            let mut reply = Reply::html(500, "");
            reply.delivery = Delivery::Drop;
            reply
        } else {
            let mut outcomes = self.execute(now, request, &granted.entity, &effects);
            match effects.answer {
                Answer::ForeignControlId => {
                    for (position, outcome) in outcomes.iter_mut().enumerate() {
                        outcome.control_id = format!("foreign-{position}");
                    }
                }
                Answer::MissingResult => {
                    outcomes.pop();
                }
                Answer::Turned => outcomes.reverse(),
                _ => {}
            }
            let writes = kind_of(request) == Kind::Write;
            self.deliver(answer::results(control, &granted, &outcomes), &effects, writes)
        };
        reply.delay += effects.delay + Duration::from_millis(self.plan.below(effects.jitter_ms));
        reply
    }

    fn deliver(&mut self, bytes: Vec<u8>, effects: &Effects, writes: bool) -> Reply {
        let previous = if self.plan.is_empty() { None } else { self.last_answer.replace(bytes.clone()) };
        let earlier = match writes && !self.plan.is_empty() {
            true => self.last_written.replace(bytes.clone()),
            false => None,
        };
        let mut reply = xml_reply(bytes);
        match effects.answer {
            Answer::Whole | Answer::ForeignControlId | Answer::MissingResult | Answer::Turned => {}
            Answer::Drop => reply.delivery = Delivery::Drop,
            Answer::BadGateway(status) => reply = Reply::html(status, "Bad gateway"),
            Answer::Silent => reply.delivery = Delivery::Never,
            Answer::Earlier if earlier.is_some() => reply.body = earlier.unwrap_or_default(),
            Answer::Swap | Answer::Earlier => {
                reply.body = previous.unwrap_or_else(|| answer::front_failure("GW-0001", "Unable to process request"));
            }
            Answer::Cut(after) => reply.delivery = Delivery::CloseAfter(after.min(reply.body.len().saturating_sub(1))),
            Answer::Malformed => {
                let half = reply.body.len() * 3 / 5;
                reply.body.truncate(half);
                reply.body.extend_from_slice(b"</oops>");
            }
            Answer::Trickle(chunk, pause) => {
                reply.delivery = Delivery::Trickle { chunk, pause: Duration::from_millis(pause) };
            }
        }
        reply
    }

    fn authenticate(
        &mut self,
        now: Timestamp,
        request: &Request<'_>,
        effects: &Effects,
    ) -> Result<Granted, Box<(Refused, GatewayError)>> {
        let life = self.options.session_life;
        let company = self.options.company_id.clone();
        match &request.auth {
            Auth::Session(id) => {
                if effects.instead == Some(Instead::SessionExpired) {
                    self.sessions.end(id);
                }
                let shown: String = id.chars().take(6).chain("...".chars()).collect();
                match self.sessions.use_one(id, now, life) {
                    Some(session) => {
                        Ok(Granted { user: session.user, company, entity: session.entity, now, until: session.until })
                    }
                    None => Err(Box::new((Refused::default(), GatewayError::invalid_session(&shown)))),
                }
            }
            Auth::Login { user, company: asked, password, location } => {
                let refused = Refused { user: user.clone(), company: asked.clone() };
                if !self.options.sender_authorized && *asked == company {
                    let error = GatewayError::sender_not_authorized(&request.control.sender, asked);
                    return Err(Box::new((refused, error)));
                }
                let failures = self.refused_logins.get(user).copied().unwrap_or(0);
                let entity = location.clone().unwrap_or_default();
                let good = effects.instead != Some(Instead::LoginRefused)
                    && failures < self.options.lock_after
                    && *asked == company
                    && self.options.users.get(user).is_some_and(|known| known == password)
                    && (entity.is_empty() || self.masters.locations.get(&entity).is_some_and(|found| found.entity));
                if good {
                    self.refused_logins.remove(user);
                    Ok(Granted { user: user.clone(), company, entity, now, until: later(now, life) })
                } else {
                    self.stats.logins_refused += 1;
                    *self.refused_logins.entry(user.clone()).or_default() += 1;
                    Err(Box::new((refused, GatewayError::sign_in())))
                }
            }
        }
    }
}

fn xml_reply(body: Vec<u8>) -> Reply {
    Reply::new(200, "text/xml; encoding=\"UTF-8\"", body)
}

fn kind_of(request: &Request<'_>) -> Kind {
    if request.functions.iter().any(|function| execute::writes(&function.body.name)) {
        Kind::Write
    } else if request.functions.iter().any(|function| function.body.name == "getAPISession") {
        Kind::Login
    } else {
        Kind::Read
    }
}
