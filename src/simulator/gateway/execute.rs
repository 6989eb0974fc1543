//! Carries out the functions of a request, one after another or as one unit.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::answer::{Data, Node, Outcome, Status};
use super::create::Books;
use super::effects::{ByHand, Effects, Instead};
use super::errors::GatewayError;
use super::ledger::{Bill, BillState};
use super::query::{Query, QueryError};
use super::request::{Function, OFFERED, Request};
use super::vendors::Before;
use super::xml::Element;
use super::{Gateway, GatewayOptions, Person, record_url};

/// Whether a function of this name writes.
pub fn writes(name: &str) -> bool {
    !matches!(
        name,
        "read"
            | "readByName"
            | "readByQuery"
            | "readMore"
            | "readRelated"
            | "query"
            | "lookup"
            | "inspect"
            | "getAPISession"
            | "readEntityDetails"
            | "getUserPermissions"
    )
}

/// Numbers of the bills that a function creates, ids of the vendors that it creates, record numbers of those that it updates.
pub fn numbers<'a>(function: &Function<'a>) -> Vec<&'a str> {
    let body = function.body;
    if !matches!(body.name.as_ref(), "create" | "update") {
        return Vec::new();
    }
    let number = |object: &'a Element<'a>| match object.name.as_ref() {
        "VENDOR" => object.child("VENDORID").or_else(|| object.child("RECORDNO")),
        _ => object.child("RECORDID"),
    };
    body.children.iter().filter_map(number).map(|number| number.text.trim()).collect()
}

/// What a request wrote so far.
#[derive(Debug, Default)]
pub struct Written {
    /// Record numbers of new bills.
    pub bills: Vec<u64>,
    /// Vendors as they were before.
    pub vendors: Vec<Before>,
}

/// What the schema says of queries, before anything runs.
///
/// # Errors
/// The whole request is refused.
pub fn check_queries(request: &Request<'_>, options: &GatewayOptions) -> Result<(), GatewayError> {
    for function in request.functions.iter().filter(|function| function.body.name == "query") {
        if let Err(QueryError::Schema(error)) = Query::read(function.body, &options.custom_fields) {
            return Err(error);
        }
    }
    Ok(())
}

/// A function's end: its data, or its errors with what data there is.
pub(super) type Done = Result<Data, (Vec<GatewayError>, Data)>;

/// The function failed for this.
pub(super) fn fail(error: GatewayError) -> Done {
    Err((vec![error], Data::None))
}

impl Gateway {
    /// Executes a request whose sender and user are known.
    pub(super) fn execute(
        &mut self,
        now: Timestamp,
        request: &Request<'_>,
        entity: &str,
        effects: &Effects,
    ) -> Vec<Outcome> {
        let outcome = |function: &Function<'_>, status, data, errors| Outcome {
            status,
            function: function.body.name.to_string(),
            control_id: function.control_id.to_owned(),
            data,
            errors,
        };
        if effects.instead == Some(Instead::RolledBack) {
            let notice = || vec![GatewayError::rolled_back()];
            return request.functions.iter().map(|one| outcome(one, Status::Aborted, Data::None, notice())).collect();
        }
        let bad = if effects.culprit_aborted { Status::Aborted } else { Status::Failure };
        let mut outcomes = Vec::with_capacity(request.functions.len());
        let mut written = Written::default();
        let mut completed: Vec<(String, String)> = Vec::new();
        for function in request.functions.iter().take(effects.part.unwrap_or(usize::MAX)) {
            self.stats.functions += 1;
            let key =
                (self.options.company_id.clone() + "\n" + &request.control.sender, function.control_id.to_owned());
            let repeated = request.control.unique && !effects.ignore_unique && self.completed.contains(&key);
            let done = if repeated {
                self.stats.repeated += 1;
                fail(GatewayError::already_executed(function.control_id))
            } else {
                self.one(now, function, entity, effects, &mut written)
            };
            match done {
                Ok(data) => {
                    if request.control.unique {
                        self.completed.insert(key.clone());
                        completed.push(key);
                    }
                    outcomes.push(outcome(function, Status::Success, data, Vec::new()));
                }
                Err((errors, data)) => {
                    let errors: Vec<_> = errors.into_iter().map(|error| self.with_support_id(error)).collect();
                    if request.transaction {
                        for record_no in written.bills.drain(..) {
                            self.ledger.take(record_no);
                        }
                        for before in written.vendors.drain(..).rev() {
                            self.undo_vendor(before);
                        }
                        for key in completed.drain(..) {
                            self.completed.remove(&key);
                        }
                        for before in &mut outcomes {
                            before.status = Status::Aborted;
                            before.data = Data::None;
                            before.errors = vec![GatewayError::rolled_back()];
                        }
                        let cause = errors.into_iter().take(1).chain([GatewayError::rolled_back()]).collect();
                        outcomes.push(outcome(function, bad, Data::None, cause));
                        return outcomes;
                    }
                    outcomes.push(outcome(function, bad, data, errors));
                }
            }
        }
        self.stats.created += written.bills.len() as u64;
        if let Some(hand) = effects.by_hand {
            for record_no in written.bills {
                self.by_hand(now, record_no, hand);
            }
            for vendor in written.vendors {
                // Whoever reverses or refuses a bill sets a vendor inactive. A vendor that cannot be deleted stays.
                let _ = match hand {
                    ByHand::Delete if vendor.was_created() => self.delete_vendor(now, vendor.id()),
                    _ => self.person(now, Person::Vendor(vendor.id().to_owned(), false)),
                };
            }
        }
        outcomes
    }

    fn with_support_id(&self, mut error: GatewayError) -> GatewayError {
        if !error.description2.is_empty() && error != GatewayError::wrapper() {
            error
                .description2
                .push_str(&format!(" [Support ID: SIM{:04X}%7E{:06}]", self.stats.requests, self.stats.functions));
        }
        error
    }

    fn by_hand(&mut self, now: Timestamp, record_no: u64, hand: ByHand) {
        match hand {
            ByHand::Delete => {
                self.ledger.delete(record_no);
            }
            ByHand::Reverse => self.set_state(now, record_no, BillState::Reversed),
            ByHand::Draft => self.set_state(now, record_no, BillState::Draft),
            ByHand::Decline => self.set_state(now, record_no, BillState::Declined),
        }
    }

    /// Gives a bill another state.
    pub(super) fn set_state(&mut self, now: Timestamp, record_no: u64, state: BillState) {
        if let Some(mut bill) = self.ledger.take(record_no) {
            bill.state = state;
            bill.modified_at = now;
            self.ledger.put(bill);
        }
    }

    fn one(
        &mut self,
        now: Timestamp,
        function: &Function<'_>,
        entity: &str,
        effects: &Effects,
        written: &mut Written,
    ) -> Done {
        let numbers = if effects.failing.is_empty() { Vec::new() } else { numbers(function) };
        let concerned =
            effects.failing.iter().find(|(number, _)| number.as_deref().is_none_or(|number| numbers.contains(&number)));
        if let Some((_, error)) = concerned {
            self.stats.transactions += 1;
            return Err(if function.body.name == "create" {
                (vec![error.clone(), GatewayError::wrapper()], Data::NothingCreated)
            } else {
                (vec![error.clone()], Data::None)
            });
        }
        if !matches!(function.body.name.as_ref(), "create" | "update") {
            self.stats.transactions += 1;
        }
        match function.body.name.as_ref() {
            "create" if function.body.children.first().is_some_and(|object| object.name == "VENDOR") => {
                self.write_vendors(now, function, entity, written)
            }
            "create" => self.create(now, function, entity, effects, &mut written.bills),
            "update" => self.write_vendors(now, function, entity, written),
            "query" => self.query(now, function.body, entity, effects),
            "read" => self.read(now, function.body, entity, effects),
            "inspect" => self.inspect(function.body),
            "getAPISession" => self.get_session(now, function.body, entity, effects),
            "readEntityDetails" => self.entity_details(),
            other => fail(GatewayError::new(
                "PL04000005",
                format!(
                    "You do not have permission for API operation {other}; the simulator offers {}.",
                    OFFERED.join(", ")
                ),
            )),
        }
    }

    fn get_session(&mut self, now: Timestamp, body: &Element<'_>, entity: &str, effects: &Effects) -> Done {
        let to = match body.child("locationid") {
            None => entity.to_owned(),
            Some(child) => child.text.trim().to_owned(),
        };
        if !to.is_empty() && !self.masters.locations.get(&to).is_some_and(|found| found.entity) {
            return fail(GatewayError::new("Get API Session Failed", format!("The location '{to}' is invalid.")));
        }
        let user = self.options.users.keys().next().cloned().unwrap_or_default();
        let (id, _) = self.sessions.open(&user, &to, now, self.options.session_life);
        self.stats.logins += 1;
        let endpoint = effects.endpoint.clone().unwrap_or_else(|| self.options.endpoint.clone());
        Ok(Data::Session { id, endpoint, entity: to })
    }

    fn create(
        &mut self,
        now: Timestamp,
        function: &Function<'_>,
        entity: &str,
        effects: &Effects,
        created: &mut Vec<u64>,
    ) -> Done {
        let objects = function.body.children.as_slice();
        if objects.is_empty() || objects.len() > 100 {
            return fail(GatewayError::new(
                "XL03000010",
                format!("create takes 1 to 100 objects, not {}.", objects.len()),
            ));
        }
        let mut record_nos = Vec::new();
        let mut errors = Vec::new();
        for object in objects {
            self.stats.transactions += 1;
            if object.name != "APBILL" {
                errors.push(GatewayError::new(
                    "PL04000005",
                    format!("You do not have permission for API operation CREATE on objects of type {}.", object.name),
                ));
                continue;
            }
            let books = Books { options: &self.options, masters: &self.masters, ledger: &self.ledger, entity, now };
            match books.bill(object, function.control_id) {
                Ok(bill) => {
                    let record_no = self.book(bill, effects.wrong_cents);
                    created.push(record_no);
                    record_nos.push(record_no);
                }
                Err(error) => errors.extend([error, GatewayError::wrapper()]),
            }
        }
        let data = match record_nos.as_slice() {
            [] => Data::NothingCreated,
            [only] => Data::Created("apbill", *only, record_url(*only)),
            several => Data::Rows(
                format!("listtype=\"objects\" count=\"{}\"", several.len()),
                several
                    .iter()
                    .map(|record_no| {
                        let leaf = Node::Leaf("RECORDNO".to_owned(), record_no.to_string());
                        Node::Branch("apbill".to_owned(), vec![leaf])
                    })
                    .collect(),
            ),
        };
        if errors.is_empty() { Ok(data) } else { Err((errors, data)) }
    }

    /// Writes a checked bill into the books.
    pub(super) fn book(&mut self, mut bill: Bill, wrong_cents: i64) -> u64 {
        bill.record_no = self.ledger.next_record();
        if wrong_cents != 0 {
            let more = Decimal::new(wrong_cents, 2);
            bill.total += more;
            if let Some(line) = bill.lines.first_mut() {
                line.amount += more;
            }
        }
        // Lines count on their own, far from the bills' numbers.
        for (position, line) in bill.lines.iter_mut().enumerate() {
            line.record_no = bill.record_no.saturating_mul(100_000).saturating_add(position as u64 + 1);
        }
        let record_no = bill.record_no;
        self.ledger.put(bill);
        record_no
    }
}
