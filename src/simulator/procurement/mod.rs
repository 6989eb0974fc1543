//! JAGGAER's J1P interface as a state machine: tokens, the header-only invoice list, the invoice detail, and suppliers, which
//! alone can be written.
//!
//! Shapes follow what public clients show of real answers (`UCLALibrary/jaggaer-api` and others on GitHub); the name of
//! the delta filter (`lastUpdate`) and the split figures (`distributionType`, `distributionValue`, `splitIndex`) are
//! assumed.

mod faults;
mod list;
mod stored;
#[cfg(test)]
mod supplier_tests;
mod suppliers;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::list::Filter;
use self::stored::Stored;
use self::suppliers::Suppliers;
use self::tokens::Tokens;
use super::wire::{Delivery, Reply};

pub use self::faults::{Mishap, Resource, Trouble};
pub use self::suppliers::SupplierChange;

/// Settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcurementOptions {
    /// client_id.
    pub client_id: String,
    /// client_secret.
    pub client_secret: String,
    /// Scheme, host and port that discovery names, such as `http://127.0.0.1:8082`.
    pub origin: String,
    /// Path before the module segments.
    pub base_path: String,
    /// Path of the realm.
    pub realm_path: String,
    /// Life of a token.
    pub token_life: Duration,
    /// Records in a page.
    pub page_size: usize,
    /// Every answer takes so long.
    pub latency: Duration,
    /// An update of a supplier must carry its version.
    pub version_required: bool,
}

impl Default for ProcurementOptions {
    fn default() -> Self {
        ProcurementOptions {
            client_id: "tollgate".to_owned(),
            client_secret: "jaggaer-Secret-demo".to_owned(),
            origin: "http://127.0.0.1:8082".to_owned(),
            base_path: "/j1p/api/public".to_owned(),
            realm_path: "/auth/realms/J1p-integrations".to_owned(),
            token_life: Duration::from_secs(300),
            page_size: 64,
            latency: Duration::ZERO,
            version_required: true,
        }
    }
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcurementStats {
    /// All requests.
    pub requests: u64,
    /// Tokens given.
    pub tokens: u64,
    /// Pages of the list.
    pub lists: u64,
    /// Details.
    pub details: u64,
    /// Requests refused with 401.
    pub unauthorized: u64,
    /// Requests that tried to change an invoice.
    pub writes_refused: u64,
    /// Requests answered with 429.
    pub throttled: u64,
    /// Readings of suppliers: pages of their list, and single ones.
    pub supplier_lists: u64,
    /// Updates of suppliers that were executed.
    pub suppliers_updated: u64,
    /// Updates of suppliers that were refused in words.
    pub supplier_updates_refused: u64,
}

/// One HTTP request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call<'a> {
    /// `GET`, `POST`…
    pub method: &'a str,
    /// Path and query as sent.
    pub target: &'a str,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `Content-Type`.
    pub content_type: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// What happens to an invoice or a supplier on JAGGAER's side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A new one; the detail document.
    Add(Value),
    /// Approved for payment.
    Approve(u64),
    /// The approval is taken back.
    Withdraw(u64),
    /// Gone altogether.
    Delete(u64),
    /// Changed by a JSON merge patch (RFC 7386) on the detail document.
    Amend(u64, Value),
    /// A new supplier, in the shape of the list.
    AddSupplier(Value),
    /// A supplier changed by a JSON merge patch.
    AmendSupplier(u64, Value),
    /// Customer-defined fields of a supplier: terms, bank data.
    SetSupplierFields(u64, BTreeMap<String, String>),
    /// A supplier set inactive.
    DeactivateSupplier(u64),
    /// A supplier merged into another.
    MergeSupplier(u64, u64),
    /// A supplier gone altogether.
    DeleteSupplier(u64),
}

/// JAGGAER with its invoices.
#[derive(Debug)]
pub struct Procurement {
    options: ProcurementOptions,
    invoices: BTreeMap<u64, Stored>,
    suppliers: Suppliers,
    tokens: Tokens,
    troubles: Vec<(Trouble, u32, u32)>,
    stats: ProcurementStats,
}

impl Procurement {
    /// Without invoices. The seed decides the tokens.
    pub fn new(options: ProcurementOptions, seed: u64) -> Self {
        Procurement {
            options,
            invoices: BTreeMap::new(),
            suppliers: Suppliers::default(),
            tokens: Tokens::new(seed),
            troubles: Vec::new(),
            stats: ProcurementStats::default(),
        }
    }

    /// The settings.
    pub fn options(&self) -> &ProcurementOptions {
        &self.options
    }

    /// The settings, to change them.
    pub fn options_mut(&mut self) -> &mut ProcurementOptions {
        &mut self.options
    }

    /// What was counted.
    pub fn stats(&self) -> &ProcurementStats {
        &self.stats
    }

    /// Adds a trouble to the end of the list.
    pub fn add_trouble(&mut self, trouble: Trouble) {
        self.troubles.push((trouble, 0, 0));
    }

    /// Takes all troubles away.
    pub fn clear_troubles(&mut self) {
        self.troubles.clear();
    }

    /// Puts an invoice in as it is, with whatever `lastUpdate` it has; `detail` is the JSON of its detail document. An invoice
    /// of the same id is replaced; what is not JSON or has no id is ignored.
    pub fn put(&mut self, detail: impl Into<Arc<str>>) {
        if let Some((id, stored)) = Stored::read(detail.into()) {
            self.invoices.insert(id, stored);
        }
    }

    /// The detail document of an invoice.
    pub fn invoice(&self, id: u64) -> Option<Value> {
        self.invoices.get(&id).map(Stored::value)
    }

    /// How many invoices there are.
    pub fn len(&self) -> usize {
        self.invoices.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.invoices.is_empty()
    }

    /// Adds a new invoice whose `lastUpdate` is now.
    pub fn add(&mut self, now: Timestamp, mut detail: Value) {
        touch(&mut detail, now);
        self.put(detail.to_string());
    }

    /// Approves an invoice for payment.
    pub fn approve(&mut self, now: Timestamp, id: u64) -> bool {
        self.amend(now, id, &json!({"header": {"paymentStatus": "Payable", "workflowStatus": "Completed"}}))
    }

    /// Takes the approval back.
    pub fn withdraw(&mut self, now: Timestamp, id: u64) -> bool {
        self.amend(now, id, &json!({"header": {"paymentStatus": "InProcess", "workflowStatus": "Pending"}}))
    }

    /// Deletes an invoice without a trace.
    pub fn delete(&mut self, id: u64) -> bool {
        self.invoices.remove(&id).is_some()
    }

    /// Changes an invoice by a JSON merge patch; its `lastUpdate` becomes now.
    pub fn amend(&mut self, now: Timestamp, id: u64, patch: &Value) -> bool {
        match self.invoice(id) {
            Some(mut detail) => {
                merge(&mut detail, patch);
                touch(&mut detail, now);
                self.put(detail.to_string());
                true
            }
            None => false,
        }
    }

    /// Does what is asked. Whether there was such an invoice or supplier.
    pub fn change(&mut self, now: Timestamp, change: Change) -> bool {
        match change {
            Change::Add(detail) => {
                self.add(now, detail);
                true
            }
            Change::Approve(id) => self.approve(now, id),
            Change::Withdraw(id) => self.withdraw(now, id),
            Change::Delete(id) => self.delete(id),
            Change::Amend(id, patch) => self.amend(now, id, &patch),
            Change::AddSupplier(record) => self.add_supplier(now, record),
            Change::AmendSupplier(id, patch) => self.amend_supplier(now, id, &patch),
            Change::SetSupplierFields(id, values) => self.set_supplier_fields(now, id, &values),
            Change::DeactivateSupplier(id) => {
                self.amend_supplier(now, id, &json!({"returnCompanyInfo": {"status": "INACTIVE"}}))
            }
            Change::MergeSupplier(id, into) => self.merge_supplier(now, id, into),
            Change::DeleteSupplier(id) => self.delete_supplier(id),
        }
    }

    /// Makes every token that was given out worthless.
    pub fn forget_tokens(&mut self) {
        self.tokens.forget();
    }

    /// Answers one request.
    pub fn handle(&mut self, now: Timestamp, call: &Call<'_>) -> Reply {
        self.stats.requests += 1;
        let (path, query) = call.target.split_once('?').unwrap_or((call.target, ""));
        let resource = self.resource(call.method, path);
        let mishap = self.mishap(resource);
        let mut reply = match &mishap {
            Some(mishap) if mishap.prevents() => self.suffer(mishap),
            _ => self.answer(now, call, resource, query, mishap.as_ref()),
        };
        match mishap {
            Some(Mishap::Latency(milliseconds)) => reply.delay += Duration::from_millis(milliseconds),
            Some(Mishap::LostAnswer) => reply.delivery = Delivery::Drop,
            Some(Mishap::Cut(after)) => {
                reply.delivery = Delivery::CloseAfter(after.min(reply.body.len().saturating_sub(1)));
            }
            Some(Mishap::Malformed) => {
                let half = reply.body.len() / 2;
                reply.body.truncate(half);
            }
            _ => {}
        }
        reply.delay += self.options.latency;
        reply
    }

    fn resource(&self, method: &str, path: &str) -> Resource {
        let options = &self.options;
        if let Some(rest) = path.strip_prefix(options.realm_path.as_str()) {
            return match rest {
                "/protocol/openid-connect/token" => Resource::Token,
                "/.well-known/openid-configuration" => Resource::Discovery,
                _ => Resource::Other,
            };
        }
        let below = path.strip_prefix(options.base_path.as_str());
        if let Some(rest) = below.and_then(|rest| rest.strip_prefix("/ja/v1/companyprofiles")) {
            return match (rest, method) {
                ("", "POST") => Resource::SupplierUpdate,
                ("", _) => Resource::SupplierList,
                (rest, _) => {
                    rest.strip_prefix('/').and_then(|id| id.parse().ok()).map_or(Resource::Other, Resource::Supplier)
                }
            };
        }
        match below.and_then(|rest| rest.strip_prefix("/ji/v1/invoices")) {
            Some("" | "/") => Resource::List,
            Some(rest) => {
                rest.strip_prefix('/').and_then(|id| id.parse().ok()).map_or(Resource::Other, Resource::Detail)
            }
            None => Resource::Other,
        }
    }

    fn answer(
        &mut self,
        now: Timestamp,
        call: &Call<'_>,
        resource: Resource,
        query: &str,
        mishap: Option<&Mishap>,
    ) -> Reply {
        match resource {
            Resource::Token => self.token(now, call),
            Resource::Discovery if call.method == "GET" => self.discovery(),
            Resource::List | Resource::Detail(_) | Resource::SupplierList | Resource::Supplier(_)
                if call.method != "GET" =>
            {
                self.stats.writes_refused += 1;
                json_reply(405, &json!({"error": "method not allowed"})).with_header("Allow", "GET")
            }
            Resource::List
            | Resource::Detail(_)
            | Resource::SupplierList
            | Resource::Supplier(_)
            | Resource::SupplierUpdate
                if !self.tokens.good(call.authorization, now) =>
            {
                self.unauthorized()
            }
            Resource::SupplierList => self.list_suppliers(query, mishap),
            Resource::Supplier(id) => self.one_supplier(id),
            Resource::SupplierUpdate => self.update_supplier(now, call),
            Resource::List => self.list(query, mishap),
            Resource::Detail(id) => self.detail(id),
            Resource::Discovery => json_reply(405, &json!({"error": "method not allowed"})).with_header("Allow", "GET"),
            Resource::Any | Resource::Other => {
                json_reply(404, &json!({"error": "RESTEASY003210: Could not find resource for full path"}))
            }
        }
    }

    /// Without `WWW-Authenticate`, and with the malformed content type that this family of systems is known for.
    fn unauthorized(&mut self) -> Reply {
        self.stats.unauthorized += 1;
        Reply::new(401, "; charset=UTF-8", "{\"error\":\"invalid_token\"}")
    }

    fn token(&mut self, now: Timestamp, call: &Call<'_>) -> Reply {
        if call.method != "POST" {
            return json_reply(405, &json!({"error": "method not allowed"})).with_header("Allow", "POST");
        }
        let media = call.content_type.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return json_reply(415, &json!({"error": "unsupported_media_type"}));
        }
        let form: BTreeMap<String, String> = std::str::from_utf8(call.body).map(list::pairs).unwrap_or_default();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if field("grant_type") != "client_credentials" {
            return json_reply(
                400,
                &json!({"error": "unsupported_grant_type", "error_description": "Unsupported grant_type"}),
            );
        }
        if field("client_id") != self.options.client_id || field("client_secret") != self.options.client_secret {
            return json_reply(
                401,
                &json!({"error": "invalid_client", "error_description": "Invalid client or Invalid client credentials"}),
            );
        }
        self.stats.tokens += 1;
        let token = self.tokens.give(now, self.options.token_life);
        json_reply(
            200,
            &json!({
                "access_token": token,
                "expires_in": self.options.token_life.as_secs(),
                "refresh_expires_in": 0,
                "token_type": "Bearer",
                "not-before-policy": 0,
                "scope": "profile email",
            }),
        )
    }

    fn discovery(&self) -> Reply {
        let issuer = format!("{}{}", self.options.origin, self.options.realm_path);
        json_reply(
            200,
            &json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/protocol/openid-connect/auth"),
                "token_endpoint": format!("{issuer}/protocol/openid-connect/token"),
                "jwks_uri": format!("{issuer}/protocol/openid-connect/certs"),
                "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }),
        )
    }

    fn list(&mut self, query: &str, mishap: Option<&Mishap>) -> Reply {
        self.stats.lists += 1;
        let parameters = list::pairs(query);
        let start = match parameters.get("start").map(|start| start.parse::<usize>()) {
            None => 1,
            Some(Ok(start)) if start >= 1 => start,
            Some(_) => return refusal("-102", "start must be a positive number"),
        };
        let filter = match parameters.get("flt").map(|text| Filter::read(text)).transpose() {
            Ok(filter) => filter.unwrap_or_default(),
            Err(text) => return refusal("-103", &text),
        };
        let matching: Vec<&Stored> = self.invoices.values().filter(|stored| filter.admits(stored)).collect();
        // A record that came in before the page shifts what follows: the reader meets its last record again.
        let shift = usize::from(matches!(mishap, Some(Mishap::ShiftPage)) && start > 1);
        let page: Vec<String> = matching
            .iter()
            .skip(start - 1 - shift)
            .take(self.options.page_size)
            .map(|stored| format!("{{\"header\":{}}}", stored.listed))
            .collect();
        let body = format!(
            "{{\"returnCode\":0,\"returnMessage\":\"OK\",\"totRecords\":{},\"returnedRecords\":{},\"startAt\":{start},\
             \"jiinvoiceList\":{{\"jiinvoice\":[{}]}}}}",
            matching.len() + shift,
            page.len(),
            page.join(",")
        );
        Reply::new(200, JSON, body)
    }

    fn detail(&mut self, id: u64) -> Reply {
        self.stats.details += 1;
        match self.invoices.get(&id) {
            Some(stored) => Reply::new(200, JSON, stored.text.as_bytes()),
            None => json_reply(404, &json!({"returnCode": -404, "returnMessage": format!("Invoice {id} not found")})),
        }
    }
}

const JSON: &str = "application/json;charset=UTF-8";

fn json_reply(status: u16, body: &Value) -> Reply {
    Reply::new(status, JSON, body.to_string())
}

/// HTTP 200 with a code that is no success.
fn refusal(code: &str, message: &str) -> Reply {
    json_reply(200, &json!({"returnCode": code, "returnMessage": message}))
}

fn touch(detail: &mut Value, now: Timestamp) {
    if let Some(header) = detail.get_mut("header").and_then(Value::as_object_mut) {
        header.insert("lastUpdate".to_owned(), json!(stamp(now)));
    }
}

/// An instant as JAGGAER writes it.
pub fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// RFC 7386: objects are merged, `null` takes away, everything else replaces.
fn merge(target: &mut Value, patch: &Value) {
    match patch {
        Value::Object(changes) => {
            if !target.is_object() {
                *target = json!({});
            }
            if let Some(object) = target.as_object_mut() {
                for (key, value) in changes {
                    if value.is_null() {
                        object.remove(key);
                    } else {
                        merge(object.entry(key.clone()).or_insert(Value::Null), value);
                    }
                }
            }
        }
        other => *target = other.clone(),
    }
}
