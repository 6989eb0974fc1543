//! Suppliers (company profiles): their list with its filters, one by id, and updates.
//!
//! Member names, filters and the body of an update follow what public clients show; `version` (a concurrency token), `mergedInto`
//! and how customer-defined fields are written are assumed. Whatever is not known is refused: nothing is taken silently.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::faults::Mishap;
use super::list::pairs;
use super::{Call, JSON, Procurement, json_reply, merge, refusal};
use crate::simulator::wire::Reply;

/// Members of `companyInfo` that an update may set.
const SETTABLE: [&str; 16] = [
    "companyName",
    "extCode",
    "extUniqueCode",
    "fiscalCode",
    "euVat",
    "bizEmail",
    "bizPhone",
    "bizFax",
    "webSite",
    "address",
    "zip",
    "city",
    "province",
    "isoCountry",
    "status",
    "currency",
];
/// Filters: name, and member of `returnCompanyInfo`.
const FILTERS: [(&str, &str); 6] = [
    ("TYPE", "type"),
    ("BRAVOID", "bravoId"),
    ("EXTCODE", "extCode"),
    ("EXTUNIQUECODE", "extUniqueCode"),
    ("FISCALCODE", "fiscalCode"),
    ("STATUS", "status"),
];

/// One change of one field of a supplier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierChange {
    /// When.
    pub at: Timestamp,
    /// bravoId.
    pub id: u64,
    /// Whether it came through the interface; else a person at JAGGAER did it.
    pub by_interface: bool,
    /// Member of `returnCompanyInfo`, or `#NAME` of a customer-defined field.
    pub field: String,
    /// What stood there; empty where nothing did.
    pub before: String,
    /// What stands there now.
    pub after: String,
}

/// All suppliers by bravoId.
#[derive(Debug, Default)]
pub struct Suppliers {
    records: BTreeMap<u64, Value>,
    changes: Vec<SupplierChange>,
}

/// As `lastModTime` is written.
fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%d%H%M%S").to_string()
}

fn id_of(record: &Value) -> Option<u64> {
    match record.pointer("/returnCompanyInfo/bravoId")? {
        Value::String(text) => text.parse().ok(),
        number => number.as_u64(),
    }
}

fn member(record: &Value, name: &str) -> String {
    match record.pointer("/returnCompanyInfo").and_then(|info| info.get(name)) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Every field with its text: members of `returnCompanyInfo`, and customer-defined ones as `#NAME`.
fn fields(record: &Value) -> BTreeMap<String, String> {
    let info = record.pointer("/returnCompanyInfo").and_then(Value::as_object);
    let plain = info.into_iter().flatten().map(|(name, _)| (name.clone(), member(record, name)));
    let custom = record.pointer("/deBasic/deInfo").and_then(Value::as_array).into_iter().flatten().filter_map(|one| {
        let name = one.get("name")?.as_str()?;
        let value = one.pointer("/values/value/0/deValue").and_then(Value::as_str).unwrap_or_default();
        Some((format!("#{name}"), value.to_owned()))
    });
    plain.chain(custom).collect()
}

/// Sets a customer-defined field.
fn set_custom(record: &mut Value, name: &str, value: &str) {
    let Some(object) = record.as_object_mut() else { return };
    let basic = object.entry("deBasic").or_insert_with(|| json!({}));
    if !basic.is_object() {
        *basic = json!({});
    }
    let list = basic.as_object_mut().map(|basic| basic.entry("deInfo").or_insert_with(|| json!([])));
    let Some(Value::Array(list)) = list else { return };
    list.retain(|one| one.get("name").and_then(Value::as_str) != Some(name));
    list.push(json!({"name": name, "type": "1", "values": {"value": [{"deValue": value}]}}));
}

impl Suppliers {
    /// Puts a supplier in as it is, with whatever `lastModTime` it has; one without a readable bravoId is kept out.
    pub fn put(&mut self, record: Value) {
        if let Some(id) = id_of(&record) {
            self.records.insert(id, record);
        }
    }

    /// Changes a supplier; version and `lastModTime` go on.
    fn change(&mut self, now: Timestamp, id: u64, by_interface: bool, does: impl FnOnce(&mut Value)) -> bool {
        let Some(record) = self.records.get_mut(&id) else { return false };
        let before = fields(record);
        does(record);
        if let Some(info) = record.pointer_mut("/returnCompanyInfo").and_then(Value::as_object_mut) {
            let version = info.get("version").and_then(Value::as_u64).unwrap_or(0) + 1;
            info.insert("version".to_owned(), json!(version));
            info.insert("lastModTime".to_owned(), json!(stamp(now)));
        }
        let after = fields(record);
        let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for field in names.into_iter().filter(|name| !matches!(name.as_str(), "version" | "lastModTime")) {
            let text = |all: &BTreeMap<String, String>| all.get(field).cloned().unwrap_or_default();
            let (before, after) = (text(&before), text(&after));
            if before != after {
                self.changes.push(SupplierChange { at: now, id, by_interface, field: field.clone(), before, after });
            }
        }
        true
    }
}

/// Conditions of a filter; all must hold.
fn admitted(filter: &str) -> Result<impl Fn(&Value) -> bool, String> {
    let mut tests: Vec<(&'static str, String)> = Vec::new();
    let mut from = None;
    for part in filter.split(';').filter(|part| !part.is_empty()) {
        if let Some((name, value)) = part.split_once(">=") {
            let digits = value.trim();
            if !name.trim().eq_ignore_ascii_case("LASTMODTIME") || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(format!("filter not understood: {part}"));
            }
            from = Some(format!("{digits:0<14}"));
        } else if let Some((name, value)) = part.split_once("==") {
            let known = FILTERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
            let (_, member) = known.ok_or_else(|| format!("unknown filter field: {}", name.trim()))?;
            tests.push((member, value.trim().to_owned()));
        } else {
            return Err(format!("filter not understood: {part}"));
        }
    }
    Ok(move |record: &Value| {
        // One without a date satisfies any: nothing is known against it.
        let at: String = member(record, "lastModTime").chars().filter(char::is_ascii_digit).take(14).collect();
        let late = from.as_ref().is_none_or(|from| at.is_empty() || format!("{at:0<14}") >= *from);
        late && tests.iter().all(|(name, wanted)| member(record, name) == *wanted)
    })
}

impl Procurement {
    /// The suppliers, to put some in.
    pub fn suppliers_mut(&mut self) -> &mut Suppliers {
        &mut self.suppliers
    }

    /// A supplier as it stands, in the shape of the list.
    pub fn supplier(&self, id: u64) -> Option<&Value> {
        self.suppliers.records.get(&id)
    }

    /// All suppliers by bravoId.
    pub fn suppliers(&self) -> impl Iterator<Item = (&u64, &Value)> {
        self.suppliers.records.iter()
    }

    /// What of which supplier changed, in order.
    pub fn supplier_changes(&self) -> &[SupplierChange] {
        &self.suppliers.changes
    }

    /// Adds a new supplier, changed now.
    pub fn add_supplier(&mut self, now: Timestamp, record: Value) -> bool {
        let Some(id) = id_of(&record) else { return false };
        self.suppliers.put(record);
        self.suppliers.change(now, id, false, |_| ())
    }

    /// Changes a supplier by a JSON merge patch.
    pub fn amend_supplier(&mut self, now: Timestamp, id: u64, patch: &Value) -> bool {
        self.suppliers.change(now, id, false, |record| merge(record, patch))
    }

    /// Sets customer-defined fields of a supplier: bank data stands there too.
    pub fn set_supplier_fields(&mut self, now: Timestamp, id: u64, values: &BTreeMap<String, String>) -> bool {
        self.suppliers.change(now, id, false, |record| {
            values.iter().for_each(|(name, value)| set_custom(record, name, value));
        })
    }

    /// Merges a supplier into another.
    pub fn merge_supplier(&mut self, now: Timestamp, id: u64, into: u64) -> bool {
        let patch = json!({"returnCompanyInfo": {"mergedInto": into.to_string(), "status": "INACTIVE"}});
        self.amend_supplier(now, id, &patch)
    }

    /// Deletes a supplier without a trace.
    pub fn delete_supplier(&mut self, id: u64) -> bool {
        self.suppliers.records.remove(&id).is_some()
    }

    pub(super) fn list_suppliers(&mut self, query: &str, mishap: Option<&Mishap>) -> Reply {
        self.stats.supplier_lists += 1;
        let query = pairs(query);
        if let Some(name) = query.keys().find(|name| !matches!(name.as_str(), "start" | "flt" | "comp")) {
            return refusal("-101", &format!("unknown parameter: {name}"));
        }
        let start = match query.get("start").map(|start| start.parse::<usize>()) {
            None => 1,
            Some(Ok(start)) if start > 0 => start,
            _ => return refusal("-102", "start must be 1 or more"),
        };
        let admits = match admitted(query.get("flt").map(String::as_str).unwrap_or_default()) {
            Ok(admits) => admits,
            Err(what) => return refusal("-103", &what),
        };
        let matching: Vec<&Value> = self.suppliers.records.values().filter(|record| admits(record)).collect();
        let shift = usize::from(matches!(mishap, Some(Mishap::ShiftPage)) && start > 1);
        let page: Vec<String> =
            matching.iter().skip(start - 1 - shift).take(self.options.page_size).map(|one| one.to_string()).collect();
        let body = format!(
            "{{\"returnCode\":\"0\",\"returnMessage\":\"\",\"totRecords\":{},\"returnedRecords\":{},\"startAt\":{start},\
             \"returnCompanyData\":[{}]}}",
            matching.len() + shift,
            page.len(),
            page.join(",")
        );
        Reply::new(200, JSON, body)
    }

    pub(super) fn one_supplier(&mut self, id: u64) -> Reply {
        self.stats.supplier_lists += 1;
        match self.suppliers.records.get(&id) {
            Some(record) => Reply::new(200, JSON, record.to_string()),
            None => json_reply(404, &json!({"returnCode": "-404", "returnMessage": format!("Company {id} not found")})),
        }
    }

    pub(super) fn update_supplier(&mut self, now: Timestamp, call: &Call<'_>) -> Reply {
        let media = call.content_type.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/json") {
            return json_reply(415, &json!({"error": "unsupported_media_type"}));
        }
        match serde_json::from_slice::<Value>(call.body) {
            Err(_) => json_reply(400, &json!({"error": "malformed JSON"})),
            Ok(body) => match self.updated(now, &body) {
                Ok(id) => {
                    self.stats.suppliers_updated += 1;
                    json_reply(200, &json!({"returnCode": "0", "returnMessage": "OK", "bravoId": id.to_string()}))
                }
                Err((code, what)) => {
                    self.stats.supplier_updates_refused += 1;
                    refusal(code, &what)
                }
            },
        }
    }

    fn updated(&mut self, now: Timestamp, body: &Value) -> Result<u64, (&'static str, String)> {
        let company = object(body, "", &["company", "subUsers"])?.get("company").cloned().unwrap_or_default();
        let company = object(&company, "company", &["operationCode", "sendEMail", "companyInfo", "deBasic"])?;
        if company.get("operationCode") != Some(&json!("UPDATE")) {
            return Err(("-120", "this client may only use operationCode UPDATE".to_owned()));
        }
        let known: Vec<&str> = SETTABLE.into_iter().chain(["bravoId", "version"]).collect();
        let info = company.get("companyInfo").cloned().unwrap_or_default();
        let info = object(&info, "companyInfo", &known)?;
        let mut set = Map::new();
        for (name, value) in info {
            let text = value.as_str().ok_or_else(|| ("-111", format!("{name} must be a text")))?;
            check(name, text)?;
            set.insert(name.clone(), json!(text));
        }
        let text = |name: &str| set.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let id: u64 = text("bravoId").parse().map_err(|_| ("-112", "bravoId is required".to_owned()))?;
        let record = self.suppliers.records.get(&id).ok_or_else(|| ("-404", format!("company {id} not found")))?;
        if !member(record, "mergedInto").is_empty() {
            return Err(("-130", format!("company {id} was merged into {}", member(record, "mergedInto"))));
        }
        if text("version") != member(record, "version")
            && (self.options.version_required || set.contains_key("version"))
        {
            return Err(("-409", format!("company {id} was changed meanwhile: version {}", member(record, "version"))));
        }
        let custom = custom_values(company.get("deBasic"))?;
        for name in ["bravoId", "version"] {
            set.remove(name);
        }
        self.suppliers.change(now, id, true, |record| {
            if let Some(info) = record.pointer_mut("/returnCompanyInfo").and_then(Value::as_object_mut) {
                info.extend(set);
            }
            custom.iter().for_each(|(name, value)| set_custom(record, name, value));
        });
        Ok(id)
    }
}

/// An object with no member but these.
fn object<'v>(value: &'v Value, place: &str, known: &[&str]) -> Result<&'v Map<String, Value>, (&'static str, String)> {
    let object = value.as_object().ok_or_else(|| ("-110", format!("{place} must be an object")))?;
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(("-110", format!("unknown field: {name}"))),
        None => Ok(object),
    }
}

fn check(name: &str, text: &str) -> Result<(), (&'static str, String)> {
    let sound = match name {
        "companyName" => !text.trim().is_empty(),
        "status" => matches!(text, "ACTIVE" | "INACTIVE"),
        "isoCountry" => text.is_empty() || (text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())),
        "currency" => text.is_empty() || (text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())),
        "bizEmail" => text.is_empty() || (text.contains('@') && !text.contains(' ')),
        _ => true,
    };
    match sound && text.chars().count() <= 255 {
        true => Ok(()),
        false => Err(("-113", format!("{name} is not valid"))),
    }
}

fn custom_values(basic: Option<&Value>) -> Result<Vec<(String, String)>, (&'static str, String)> {
    let Some(basic) = basic else { return Ok(Vec::new()) };
    let list =
        object(basic, "deBasic", &["deInfo"])?.get("deInfo").and_then(Value::as_array).cloned().unwrap_or_default();
    let read = |one: &Value| {
        let one = object(one, "deInfo", &["name", "values"])?;
        let name = one.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
        let value = one.get("values").and_then(|values| values.pointer("/value/0/deValue")).and_then(Value::as_str);
        match (name, value) {
            (Some(name), Some(value)) => Ok((name.to_owned(), value.to_owned())),
            _ => Err(("-110", "a customer-defined field needs a name and a value".to_owned())),
        }
    };
    list.iter().map(read).collect()
}
