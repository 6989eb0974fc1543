//! The functions that read: `query`, `read`, `inspect`, `readEntityDetails`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::Gateway;
use super::answer::{Data, Node};
use super::effects::Effects;
use super::errors::GatewayError;
use super::execute::{Done, fail};
use super::ledger::Bill;
use super::query::{Column, Query, QueryError};
use super::rows::{Object, Row, Value};
use super::sessions::later;
use super::xml::Element;

/// WHENMODIFIED of every vendor, in seconds: 2025-06-01.
const LISTS_CHANGED: i64 = 1_748_736_000;

impl Gateway {
    fn visible(&self, bill: &Bill, now: Timestamp, entity: &str, show_private: bool, effects: &Effects) -> bool {
        let lag = self.options.read_lag.max(effects.stale);
        let private = if entity.is_empty() {
            show_private || bill.entity.is_empty()
        } else {
            bill.entity == entity || bill.entity.is_empty()
        };
        private && (lag.is_zero() || later(bill.committed_at, lag) <= now)
    }

    /// Carries it out.
    pub(super) fn query(&self, now: Timestamp, body: &Element<'_>, entity: &str, effects: &Effects) -> Done {
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
        let lag = self.options.read_lag.max(effects.stale);
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
                    .filter_map(move |vendor| self.vendor_seen(vendor, now, lag))
                    .map(move |vendor| Row::Vendor(vendor, changed, &self.ledger)),
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

    /// Carries it out.
    pub(super) fn read(&self, now: Timestamp, body: &Element<'_>, entity: &str, effects: &Effects) -> Done {
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
                let lag = self.options.read_lag.max(effects.stale);
                let seen = keys.iter().filter_map(of).filter_map(|vendor| self.vendor_seen(vendor, now, lag));
                seen.map(|vendor| Row::Vendor(vendor, changed, &self.ledger)).collect()
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

    /// Carries it out.
    pub(super) fn inspect(&self, body: &Element<'_>) -> Done {
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

    /// Carries it out.
    pub(super) fn entity_details(&self) -> Done {
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
