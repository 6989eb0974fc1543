//! Suppliers (company profiles): what the profile says of them, what a record says, and the body of an update.

use serde_json::{Map, Value, json};

use super::convert::Unreadable;
use super::gate::update_path_faults;
use super::json::Json;
use super::path::{Path, Place};
use super::profile::{Custom, Delta, DetailFetch, Profile};
use super::sections::Section;
use super::words::{Normal, normal};
use crate::model::{
    MasterField, MasterSupplier, MasterValues, PaymentItem, PaymentMark, PaymentValues, Text, Timestamp,
};

/// `[suppliers]`
#[derive(Clone, Debug)]
pub(super) struct Suppliers {
    pub list_path: String,
    pub list_query: String,
    pub one_path: String,
    pub items: Option<Path>,
    pub item_id: Vec<Path>,
    pub item_stamp: Vec<Path>,
    pub detail_fetch: DetailFetch,
    pub delta: Delta,
    pub number: Vec<Place>,
    pub merged_into: Vec<Place>,
    pub token: Vec<Place>,
    pub custom: Custom,
    /// Where each field stands; no place where the interface does not offer it.
    pub fields: Vec<(MasterField, Vec<Place>)>,
    pub active: Vec<Normal>,
    pub inactive: Vec<Normal>,
    pub payment: Vec<(PaymentItem, Vec<Place>)>,
    pub update: Update,
}

/// `[suppliers.update]`
#[derive(Clone, Debug)]
pub(super) struct Update {
    pub path: String,
    pub body: Map<String, Value>,
    pub id: String,
    pub token: Option<String>,
    pub custom: Option<String>,
    pub ok_codes: Vec<String>,
    pub stale_codes: Vec<String>,
    pub answered_id: Vec<Path>,
    /// Members joined by dots, or `#NAME` for a customer-defined field.
    pub fields: Vec<(MasterField, String)>,
    pub active: String,
    pub inactive: String,
}

pub(super) fn read(s: &Section<'_>) -> Suppliers {
    let fetch = [("always", DetailFetch::Always), ("never", DetailFetch::Never)];
    let (custom, fields, words, payment) =
        (s.section("custom"), s.section("fields"), s.section("status"), s.section("payment"));
    let banks = PaymentItem::ALL.into_iter().flat_map(|item| payment.texts(item.word())).collect::<Vec<_>>();
    for field in MasterField::ALL {
        if fields.texts(field.word()).iter().any(|place| banks.contains(place)) {
            fields.fault(field.word(), BANK_DATA);
        }
    }
    let list = |section: &Section<'_>, key| section.texts(key).iter().map(|word| normal(word)).collect::<Vec<_>>();
    let read = Suppliers {
        list_path: s.text("list_path").unwrap_or_default(),
        list_query: s.text("list_query").unwrap_or_default(),
        one_path: s.text("one_path").unwrap_or_default(),
        items: s.path("items_path"),
        item_id: s.paths("item_id"),
        item_stamp: s.paths("item_stamp"),
        detail_fetch: s.word("detail_fetch", &fetch, DetailFetch::Never),
        delta: super::keys::delta(&s.section("delta")),
        number: s.places("number"),
        merged_into: s.places("merged_into"),
        token: s.places("token"),
        custom: Custom { items: custom.path("items"), key: custom.paths("key"), value: custom.path("value") },
        fields: MasterField::ALL.into_iter().map(|field| (field, fields.places(field.word()))).collect(),
        active: list(&words, "active"),
        inactive: list(&words, "inactive"),
        payment: PaymentItem::ALL.into_iter().map(|item| (item, payment.places(item.word()))).collect(),
        update: update(&s.section("update"), &banks),
    };
    for section in [custom, fields, words, payment] {
        section.finish();
    }
    if !read.list_path.is_empty() {
        let needed = [
            ("items_path", read.items.is_none(), "where the suppliers of the list stand"),
            ("item_id", read.item_id.is_empty(), "where a supplier's immutable id stands"),
            ("number", read.number.is_empty(), "where the number stands by which the ledger knows a supplier"),
        ];
        for (key, missing, what) in needed {
            if missing {
                s.fault(key, format!("it is needed: {what}"));
            }
        }
        if !read.one_path.contains("{id}") {
            s.fault(
                "one_path",
                "it is needed and must contain {id}: a supplier is read again before anything is decided",
            );
        }
    }
    s.finish();
    read
}

/// Why no field of the master may stand at a place of `[suppliers.payment]`.
const BANK_DATA: &str = "bank and payment data stand there: they are watched, and never carried over";

fn update(s: &Section<'_>, banks: &[String]) -> Update {
    let (fields, words) = (s.section("fields"), s.section("status"));
    let path = s.text("path").unwrap_or_default();
    if !path.is_empty() {
        for fault in update_path_faults(&path) {
            s.fault("path", fault);
        }
    }
    let body = match serde_json::from_str(&s.text("body").unwrap_or_else(|| "{}".to_owned())) {
        Ok(Value::Object(body)) => body,
        _ => {
            s.fault("body", "it must be a JSON object, as text");
            Map::new()
        }
    };
    if !path.is_empty() && !only_updates(&body) {
        s.fault("body", "its operationCode must be UPDATE: suppliers are never created or reset in JAGGAER");
    }
    let read = Update {
        path,
        body,
        id: s.text("id").unwrap_or_default(),
        token: s.text("token"),
        custom: s.text("custom"),
        ok_codes: s.texts("ok_codes"),
        stale_codes: s.texts("stale_codes"),
        answered_id: s.paths("answered_id"),
        fields: MasterField::ALL.into_iter().filter_map(|field| Some((field, fields.text(field.word())?))).collect(),
        active: words.text("active").unwrap_or_default(),
        inactive: words.text("inactive").unwrap_or_default(),
    };
    for (field, _) in read.fields.iter().filter(|(_, place)| banks.contains(place)) {
        fields.fault(field.word(), BANK_DATA);
    }
    if !read.path.is_empty() {
        if read.id.is_empty() && !read.path.contains("{id}") {
            s.fault("id", "it is needed: where the supplier's id stands in the body, or {id} in the path");
        }
        if read.custom.is_none() && read.fields.iter().any(|(_, place)| place.starts_with('#')) {
            s.fault("custom", "it is needed: where customer-defined fields stand in the body");
        }
        if read.active.is_empty() != read.inactive.is_empty() {
            words.fault("active", "a word for active needs one for inactive");
        }
    }
    fields.finish();
    words.finish();
    s.finish();
    read
}

/// Whether no operation but an update is asked for, wherever it stands.
fn only_updates(body: &Map<String, Value>) -> bool {
    body.iter().all(|(name, value)| match value {
        _ if normal(name) == normal("operationCode") => value.as_str() == Some("UPDATE"),
        Value::Object(inner) => only_updates(inner),
        Value::Array(items) => items.iter().all(|item| item.as_object().is_none_or(only_updates)),
        _ => true,
    })
}

/// A supplier as JAGGAER says it, with its payment values as they stand.
#[derive(Clone, Debug)]
pub struct SupplierRow {
    /// JAGGAER's immutable id.
    pub id: Text,
    /// The number by which the ledger knows it; empty where there is none.
    pub number: Text,
    /// What it says of each field that the interface offers.
    pub values: MasterValues,
    /// The survivor's id, where it was merged into another.
    pub merged_into: Option<Text>,
    /// When it was changed last.
    pub modified: Option<Timestamp>,
    /// Concurrency token for an update.
    pub token: Option<Text>,
    /// Bank and payment data.
    pub payment: PaymentValues,
    /// A status word that the profile does not know: the status counts as not offered.
    pub unknown_status: Option<Text>,
}

impl SupplierRow {
    /// The supplier as it may be kept, its payment values marked by a keyed function.
    pub fn marked(self, mark: impl Fn(PaymentItem, &str) -> PaymentMark) -> MasterSupplier {
        MasterSupplier {
            id: self.id,
            number: self.number,
            values: self.values,
            merged_into: self.merged_into,
            modified: self.modified,
            token: self.token,
            payment: self.payment.marked(mark),
        }
    }
}

impl Profile {
    /// Whether suppliers are read at all: the profile names their list.
    pub fn reads_suppliers(&self) -> bool {
        !self.suppliers.list_path.is_empty()
    }

    /// Whether suppliers can be written.
    pub fn writes_suppliers(&self) -> bool {
        self.reads_suppliers() && !self.suppliers.update.path.is_empty()
    }

    /// Whether this field of a supplier can be written.
    pub fn writes_supplier_field(&self, field: MasterField) -> bool {
        let update = &self.suppliers.update;
        let has_words = field != MasterField::Status || !update.active.is_empty();
        self.writes_suppliers() && has_words && update.fields.iter().any(|(known, _)| *known == field)
    }

    /// Reads one supplier: an item of the list, or the answer to [`super::Client::supplier`].
    ///
    /// # Errors
    /// It is no JSON object, or has no id.
    pub fn supplier(&self, bytes: &[u8]) -> Result<SupplierRow, Unreadable> {
        let json = Json::parse(bytes).map_err(|what| Unreadable { what: Text::new(what) })?;
        let s = &self.suppliers;
        let id = self.usable_id(&json, &s.item_id).map_err(|what| Unreadable { what: Text::new(what) })?;
        let custom = self.custom_fields(&json);
        let find = |places: &[Place]| {
            places.iter().find_map(|place| match place {
                Place::Path(path) => self.text(&json, std::slice::from_ref(path)),
                Place::Custom(name) => custom.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
            })
        };
        let (mut values, mut unknown_status) = (MasterValues::default(), None);
        for (field, places) in &s.fields {
            if places.is_empty() {
                continue;
            }
            let found = find(places).unwrap_or_default();
            let value = match field {
                MasterField::Status => match self.status_of(&found) {
                    Some(word) => Some(Text::from(word)),
                    None => {
                        unknown_status = Some(found);
                        None
                    }
                },
                MasterField::OnHold => {
                    let yes = self.true_words.iter().any(|word| word.eq_ignore_ascii_case(found.raw()));
                    Some(Text::from(if yes { "true" } else { "false" }))
                }
                _ => Some(found),
            };
            values.set(*field, value);
        }
        let mut payment = PaymentValues::default();
        for (item, places) in &s.payment {
            payment.set(*item, find(places).unwrap_or_default().raw());
        }
        let stamp = self.text(&json, &s.item_stamp);
        Ok(SupplierRow {
            number: find(&s.number).unwrap_or_default(),
            values,
            merged_into: find(&s.merged_into).filter(|into| into.raw() != id),
            modified: stamp.and_then(|stamp| self.instant(stamp.raw())),
            token: find(&s.token),
            payment,
            unknown_status,
            id: Text::new(id),
        })
    }

    fn status_of(&self, found: &Text) -> Option<&'static str> {
        let word = normal(found.raw());
        if self.suppliers.active.contains(&word) {
            return Some("active");
        }
        self.suppliers.inactive.contains(&word).then_some("inactive")
    }

    /// Customer-defined fields with a value, in order.
    fn custom_fields(&self, json: &Json<'_>) -> Vec<(String, Text)> {
        let custom = &self.suppliers.custom;
        let (Some(items), Some(value)) = (&custom.items, &custom.value) else { return Vec::new() };
        let field = |item: &super::path::Found<'_>| {
            let name = self.text(item, &custom.key)?;
            Some((name.raw().to_owned(), self.text(item, std::slice::from_ref(value))?))
        };
        items.all(json).iter().filter_map(field).collect()
    }

    /// The body of an update that sets these fields of a supplier and no other: the profile's template with id, token and
    /// fields put in. An empty value is written as an empty text, which is assumed to take away what stands there.
    ///
    /// # Errors
    /// Suppliers, or one of the fields, cannot be written; in words.
    pub fn supplier_update(&self, id: &str, set: &MasterValues, token: Option<&Text>) -> Result<Vec<u8>, String> {
        if !self.writes_suppliers() {
            return Err("the profile names no way to update suppliers in JAGGAER".to_owned());
        }
        let update = &self.suppliers.update;
        let mut body = update.body.clone();
        if !update.id.is_empty() {
            put(&mut body, &update.id, json!(id))?;
        }
        if let (Some(place), Some(token)) = (&update.token, token) {
            put(&mut body, place, json!(token.raw()))?;
        }
        let mut custom = Vec::new();
        for (field, value) in set.iter() {
            let place =
                update.fields.iter().find(|(known, _)| *known == field).filter(|_| self.writes_supplier_field(field));
            let (_, place) =
                place.ok_or_else(|| format!("the profile names no place for the {field} of a supplier"))?;
            let text = match (field, value.raw()) {
                (MasterField::Status, "active") => &update.active,
                (MasterField::Status, "inactive") => &update.inactive,
                (MasterField::Status, _) => {
                    return Err("a supplier is set active or inactive and nothing else".to_owned());
                }
                (_, text) => text,
            };
            match place.strip_prefix('#') {
                Some(name) => custom.push(json!({"name": name, "values": {"value": [{"deValue": text}]}})),
                None => put(&mut body, place, json!(text))?,
            }
        }
        if let (Some(place), false) = (&update.custom, custom.is_empty()) {
            put(&mut body, place, Value::Array(custom))?;
        }
        Ok(Value::Object(body).to_string().into_bytes())
    }
}

/// Puts a value at a place of members joined by dots.
fn put(body: &mut Map<String, Value>, place: &str, value: Value) -> Result<(), String> {
    let (names, last) = place.rsplit_once('.').map_or((None, place), |(before, last)| (Some(before), last));
    if normal(last) == normal("operationCode") {
        return Err("the operation of an update is never changed".to_owned());
    }
    let mut here = body;
    for name in names.into_iter().flat_map(|names| names.split('.')) {
        here = here
            .entry(name)
            .or_insert_with(|| json!({}))
            .as_object_mut()
            .ok_or_else(|| format!("{place} leads through what is no object in the profile's body"))?;
    }
    here.insert(last.to_owned(), value);
    Ok(())
}
