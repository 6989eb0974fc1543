//! Carries out the functions of a request, one after another or as one unit.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::answer::{Data, Node, Outcome, Status};
use super::create::Books;
use super::effects::{ByHand, Effects, Instead};
use super::errors::GatewayError;
use super::ledger::{Bill, BillState};
use super::query::{Column, Query, QueryError};
use super::request::{Function, OFFERED, Request};
use super::rows::{Object, Row, Value};
use super::sessions::later;
use super::xml::Element;
use super::{Gateway, GatewayOptions, record_url};

/// WHENMODIFIED of every vendor, in seconds: 2025-06-01.
const LISTS_CHANGED: i64 = 1_748_736_000;

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

/// Numbers of the bills that a function creates.
pub fn bill_numbers<'a>(function: &Function<'a>) -> Vec<&'a str> {
    let body = function.body;
    if body.name == "create" {
        body.children.iter().filter_map(|object| object.child("RECORDID")).map(|number| number.text.trim()).collect()
    } else {
        Vec::new()
    }
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
type Done = Result<Data, (Vec<GatewayError>, Data)>;

fn fail(error: GatewayError) -> Done {
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
        let mut created: Vec<u64> = Vec::new();
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
                self.one(now, function, entity, effects, &mut created)
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
                        for record_no in created.drain(..) {
                            self.ledger.take(record_no);
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
        self.stats.created += created.len() as u64;
        if let Some(hand) = effects.by_hand {
            for record_no in created {
                self.by_hand(now, record_no, hand);
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
        created: &mut Vec<u64>,
    ) -> Done {
        let numbers = if effects.failing.is_empty() { Vec::new() } else { bill_numbers(function) };
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
        if function.body.name != "create" {
            self.stats.transactions += 1;
        }
        match function.body.name.as_ref() {
            "create" => self.create(now, function, entity, effects, created),
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

    fn visible(&self, bill: &Bill, now: Timestamp, entity: &str, show_private: bool, effects: &Effects) -> bool {
        let lag = self.options.read_lag.max(effects.stale);
        let private = if entity.is_empty() {
            show_private || bill.entity.is_empty()
        } else {
            bill.entity == entity || bill.entity.is_empty()
        };
        private && (lag.is_zero() || later(bill.committed_at, lag) <= now)
    }

    fn query(&self, now: Timestamp, body: &Element<'_>, entity: &str, effects: &Effects) -> Done {
        let query = match Query::read(body, &self.options.custom_fields) {
            Ok(query) => query,
            Err(QueryError::Schema(error) | QueryError::Function(error)) => return fail(error),
        };
        let mut rows = match self.rows(&query, now, entity, effects) {
            Ok(rows) => rows,
            Err(error) => return fail(error),
        };
        if query.aggregates() {
            return Ok(grouped(&query, &rows));
        }
        query.sort(&mut rows);
        let total = rows.len();
        let page: Vec<_> = rows.iter().skip(query.offset).take(query.page_size).collect();
        let remaining = total.saturating_sub(query.offset.saturating_add(page.len()));
        let attributes = format!(
            "listtype=\"{}\" totalcount=\"{total}\" offset=\"{}\" count=\"{}\" numremaining=\"{remaining}\"",
            query.name,
            query.offset,
            page.len()
        );
        let nodes = page
            .into_iter()
            .map(|row| {
                let leaves = query.select.iter().filter_map(|column| match column {
                    Column::Field(field) => Some(Node::Leaf((*field).to_owned(), row.get(field).show().into_owned())),
                    _ => None,
                });
                Node::Branch(query.name.to_owned(), leaves.collect())
            })
            .collect();
        Ok(Data::Rows(attributes, nodes))
    }

    fn rows(
        &self,
        query: &Query<'_>,
        now: Timestamp,
        entity: &str,
        effects: &Effects,
    ) -> Result<Vec<Row<'_>>, GatewayError> {
        let masters = &self.masters;
        let sees = |bill: &&Bill| self.visible(bill, now, entity, query.show_private, effects);
        let changed = Timestamp::from_second(LISTS_CHANGED).unwrap_or(Timestamp::UNIX_EPOCH);
        let found = |key: &str| -> Box<dyn Iterator<Item = &Bill> + '_> {
            match query.filter.as_ref().and_then(|filter| filter.bills(&self.ledger, query.case_insensitive, key)) {
                Some(numbers) => Box::new(numbers.into_iter().filter_map(|number| self.ledger.get(number))),
                None => Box::new(self.ledger.bills()),
            }
        };
        let candidates: Box<dyn Iterator<Item = Row<'_>> + '_> = match query.object {
            Object::Vendor => Box::new(
                masters
                    .vendors
                    .values()
                    .filter(|vendor| vendor.entity.is_empty() || query.show_private || vendor.entity == entity)
                    .map(move |vendor| Row::Vendor(vendor, changed)),
            ),
            Object::Account => Box::new(masters.accounts.values().map(Row::Account)),
            Object::Department => Box::new(masters.departments.values().map(Row::Dimension)),
            Object::Location => Box::new(masters.locations.values().map(Row::Dimension)),
            Object::Entity => Box::new(masters.locations.values().filter(|one| one.entity).map(Row::Dimension)),
            Object::Class => Box::new(masters.classes.values().map(Row::Dimension)),
            Object::Project => Box::new(masters.projects.values().map(Row::Dimension)),
            Object::Term => Box::new(masters.terms.values().map(Row::Term)),
            Object::Bill => {
                Box::new(found("RECORDNO").filter(sees).map(|bill| Row::Bill(bill, self.vendor_name(bill))))
            }
            Object::Line => Box::new(found("RECORDKEY").filter(sees).flat_map(|bill| {
                bill.lines.iter().enumerate().map(move |(position, line)| Row::Line(bill, line, position + 1))
            })),
            Object::Unused => Box::new(std::iter::empty()),
        };
        let mut rows = Vec::new();
        for row in candidates {
            if query.admits(&row)? {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    fn vendor_name(&self, bill: &Bill) -> &str {
        self.masters.vendors.get(&bill.vendor_id).map(|vendor| vendor.name.as_str()).unwrap_or_default()
    }

    fn read(&self, now: Timestamp, body: &Element<'_>, entity: &str, effects: &Effects) -> Done {
        let name = body.text_of("object").unwrap_or_default();
        let Some(object @ (Object::Bill | Object::Vendor)) = Object::named(name) else {
            return fail(GatewayError::new("Query Failed", format!("Object definition {name} not found")));
        };
        let known = object.fields().unwrap_or_default();
        let asked = body.text_of("fields").unwrap_or("*");
        let fields: Vec<&str> = match asked {
            "" | "*" => known.iter().copied().chain(["APBILLITEMS"]).collect(),
            list => list.split(',').map(str::trim).collect(),
        };
        if let Some(wrong) = fields.iter().find(|field| {
            !known.contains(field) && **field != "APBILLITEMS" && !self.options.custom_fields.contains(**field)
        }) {
            return fail(GatewayError::new(
                &format!("Invalid fields list {wrong}"),
                "There was an error processing the request.",
            ));
        }
        let keys: Vec<u64> =
            body.text_of("keys").unwrap_or_default().split(',').filter_map(|key| key.trim().parse().ok()).collect();
        if keys.is_empty() || keys.len() > 100 {
            return fail(GatewayError::new("XL03000010", format!("read takes 1 to 100 keys, not {}.", keys.len())));
        }
        let rows: Vec<Row<'_>> = match object {
            Object::Vendor => {
                let changed = Timestamp::from_second(LISTS_CHANGED).unwrap_or(Timestamp::UNIX_EPOCH);
                let of = |key: &u64| self.masters.vendors.values().find(|vendor| vendor.record_no == *key);
                keys.iter().filter_map(of).map(|vendor| Row::Vendor(vendor, changed)).collect()
            }
            _ => keys
                .iter()
                .filter_map(|key| self.ledger.get(*key))
                .filter(|bill| self.visible(bill, now, entity, true, effects))
                .map(|bill| Row::Bill(bill, self.vendor_name(bill)))
                .collect(),
        };
        let nodes: Vec<Node> = rows
            .iter()
            .map(|row| {
                let parts = fields.iter().filter_map(|field| match (row, *field) {
                    (Row::Bill(bill, _), "APBILLITEMS") => {
                        Some(Node::Branch("APBILLITEMS".to_owned(), line_nodes(bill)))
                    }
                    (_, "APBILLITEMS") => None,
                    (_, field) => Some(Node::Leaf(field.to_owned(), row.get(field).show().into_owned())),
                });
                Node::Branch(name.to_owned(), parts.collect())
            })
            .collect();
        Ok(Data::Rows(format!("listtype=\"{name}\" count=\"{}\"", nodes.len()), nodes))
    }

    fn inspect(&self, body: &Element<'_>) -> Done {
        let name = body.text_of("object").unwrap_or_default();
        let Some(fields) = Object::named(name).and_then(Object::fields) else {
            return fail(GatewayError::new("Query Failed", format!("Object definition {name} not found")));
        };
        let leaf = |name: &str, text: Cow<'_, str>| Node::Leaf(name.to_owned(), text.into_owned());
        let of_field = |field: &&str| {
            let length = self.options.lengths.get(*field).map(ToString::to_string).unwrap_or_default();
            Node::Branch(
                "Field".to_owned(),
                vec![
                    leaf("Name", Cow::Borrowed(field)),
                    leaf("dataName", Cow::Borrowed("text")),
                    leaf("isRequired", Cow::Borrowed("false")),
                    leaf("isReadOnly", Cow::Borrowed("false")),
                    leaf("maxLength", Cow::Owned(length)),
                    leaf("DisplayLabel", Cow::Borrowed(field)),
                ],
            )
        };
        let fields = Node::Branch("Fields".to_owned(), fields.iter().map(of_field).collect());
        let kind = Node::Branch("Type".to_owned(), vec![leaf("Name", Cow::Borrowed(name)), fields]);
        Ok(Data::Rows(format!("listtype=\"{name}\" count=\"1\""), vec![kind]))
    }

    fn entity_details(&self) -> Done {
        let leaf = |name: &str, text: &str| Node::Leaf(name.to_owned(), text.to_owned());
        let nodes: Vec<Node> = self
            .masters
            .locations
            .values()
            .filter(|location| location.entity)
            .map(|entity| {
                Node::Branch(
                    "entity".to_owned(),
                    vec![
                        leaf("id", &entity.id),
                        leaf("name", &entity.name),
                        leaf("recordno", &entity.record_no.to_string()),
                        leaf("currency", &entity.currency),
                    ],
                )
            })
            .collect();
        Ok(Data::Rows(format!("listtype=\"entity\" count=\"{}\"", nodes.len()), nodes))
    }
}

fn line_nodes(bill: &Bill) -> Vec<Node> {
    let fields = Object::Line.fields().unwrap_or_default();
    bill.lines
        .iter()
        .enumerate()
        .map(|(position, line)| {
            let row = Row::Line(bill, line, position + 1);
            let leaves = fields.iter().map(|field| Node::Leaf((*field).to_owned(), row.get(field).show().into_owned()));
            Node::Branch("APBILLITEM".to_owned(), leaves.collect())
        })
        .collect()
}

/// Rows counted together by the plain fields.
fn grouped(query: &Query<'_>, rows: &[Row<'_>]) -> Data {
    let plain: Vec<&str> = query
        .select
        .iter()
        .filter_map(|column| match column {
            Column::Field(field) => Some(*field),
            _ => None,
        })
        .collect();
    let mut groups: BTreeMap<Vec<String>, Vec<&Row<'_>>> = BTreeMap::new();
    if plain.is_empty() {
        groups.insert(Vec::new(), Vec::new());
    }
    for row in rows {
        let key = plain.iter().map(|field| row.get(field).show().into_owned()).collect();
        groups.entry(key).or_default().push(row);
    }
    let total = groups.len();
    let pages = groups.into_iter().skip(query.offset).take(query.page_size);
    let nodes: Vec<Node> = pages
        .map(|(_, members)| {
            let leaves = query.select.iter().map(|column| match column {
                Column::Field(field) => {
                    let value = members.first().map_or(Value::Null, |row| row.get(field));
                    Node::Leaf((*field).to_owned(), value.show().into_owned())
                }
                Column::Count(field) => {
                    let count = members.iter().filter(|row| row.get(field) != Value::Null).count();
                    Node::Leaf(format!("COUNT.{field}"), count.to_string())
                }
                Column::Sum(field) => {
                    let sum: Decimal = members
                        .iter()
                        .filter_map(|row| match row.get(field) {
                            Value::Number(number) => Some(number),
                            _ => None,
                        })
                        .sum();
                    Node::Leaf((*field).to_owned(), super::text::amount(sum))
                }
                Column::Min(field) => Node::Leaf(format!("MIN.{field}"), extreme(&members, field, true)),
                Column::Max(field) => Node::Leaf(format!("MAX.{field}"), extreme(&members, field, false)),
            });
            Node::Branch(query.name.to_owned(), leaves.collect())
        })
        .collect();
    let remaining = total.saturating_sub(query.offset.saturating_add(nodes.len()));
    let attributes = format!(
        "listtype=\"{}\" totalcount=\"{total}\" offset=\"{}\" count=\"{}\" numremaining=\"{remaining}\"",
        query.name,
        query.offset,
        nodes.len()
    );
    Data::Rows(attributes, nodes)
}

fn extreme(members: &[&Row<'_>], field: &str, least: bool) -> String {
    let numbers: BTreeSet<Decimal> = members
        .iter()
        .filter_map(|row| match row.get(field) {
            Value::Number(number) => Some(number),
            _ => None,
        })
        .collect();
    let found = if least { numbers.first() } else { numbers.last() };
    found.map(|number| super::text::amount(*number)).unwrap_or_default()
}
