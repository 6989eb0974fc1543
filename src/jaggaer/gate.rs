//! The gate: the only way out of this room. Everything is read, and nothing is written but a supplier.
//!
//! What may leave: any GET without a body; the token call; and a POST to the one address under `base_url` that the profile
//! names for updates of suppliers. There is no way to write an invoice or an order: an address that speaks of them is refused
//! here, whatever the configuration or the profile says, and `tollgate check` refuses such a profile before.

use std::sync::Arc;

use reqwest::Url;

use super::listing::{Keep, encode};
use super::words::normal;
use crate::seams::{Method, NetError, Network, Purpose, Request, Response, Sent};

/// Parts of a path that speak of documents: nothing is ever sent there. `ji` is JAGGAER's module of invoices.
const DOCUMENTS: [&str; 15] = [
    "invoice",
    "order",
    "ocr",
    "creditmemo",
    "creditnote",
    "voucher",
    "receipt",
    "requisition",
    "contract",
    "catalog",
    "rfx",
    "auction",
    "payment",
    "basket",
    "cart",
];
/// Parts of which one must be in the last name of the path: it speaks of suppliers.
const SUPPLIERS: [&str; 5] = ["companyprofile", "supplier", "vendor", "company", "companies"];

/// Holds the network, so that nobody else in this room can.
pub(super) struct Gate {
    network: Arc<dyn Network>,
    base: Url,
    /// Path of supplier updates below the base; `None` where suppliers are never written.
    update: Option<String>,
}

impl Gate {
    /// A gate for one base address. An update path that is not fit is none.
    pub(super) fn new(network: Arc<dyn Network>, base: Url, update: &str) -> Self {
        let update = (!update.is_empty() && update_path_faults(update).is_empty()).then(|| update.to_owned());
        Gate { network, base, update }
    }

    /// The address to which an update of this supplier may be sent.
    pub(super) fn update_address(&self, id: &str) -> Option<Url> {
        let path = self.update.as_ref()?.replace("{id}", &encode(id, Keep::Nothing));
        let raw = format!("{}/{path}", self.base.as_str().trim_end_matches('/'));
        // What an address parser would tidy up is not what was allowed.
        Url::parse(&raw)
            .ok()
            .filter(|url| url.as_str() == raw && self.is_below_base(url) && is_supplier_path(url.path()))
    }

    /// Sends what may leave, once; anything else is refused before a byte does.
    pub(super) async fn exchange(&self, request: Request) -> Result<Response, NetError> {
        match self.refusal(&request) {
            Some(why) => Err(NetError { sent: Sent::No, what: format!("not sent: {why}") }),
            None => self.network.exchange(request).await,
        }
    }

    fn refusal(&self, request: &Request) -> Option<&'static str> {
        let Ok(url) = Url::parse(&request.url) else { return Some("it is no address") };
        match (request.method, request.purpose) {
            (Method::Get, Purpose::Fetch | Purpose::Token) if request.body.is_empty() => None,
            (Method::Get, _) => Some("a read has no body and no other purpose than to read"),
            (Method::Post, Purpose::Token) => {
                let form = |(name, value): &(&str, String)| {
                    *name == "content-type" && value == "application/x-www-form-urlencoded"
                };
                match request.headers.iter().any(form) && request.body.starts_with(b"grant_type=") {
                    _ if self.is_below_base(&url) && speaks_of_documents(url.path()) => {
                        Some("a token address cannot be one of documents")
                    }
                    true => None,
                    false => Some("it is no token call"),
                }
            }
            (Method::Post, Purpose::Supply) => {
                let sound = self.is_below_base(&url) && is_supplier_path(url.path()) && url.as_str() == request.url;
                let named = self.update.as_ref().is_some_and(|update| self.is_update_of(update, &url));
                match sound && named {
                    true => None,
                    false => Some("nothing but the profile's update of suppliers is written to JAGGAER"),
                }
            }
            (Method::Post, _) => Some("nothing but a supplier is written to JAGGAER"),
        }
    }

    fn is_below_base(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && !self.base.path().contains('%')
            && url.path().starts_with(self.base.path().trim_end_matches('/'))
    }

    /// Whether the path is the base's and then the update's, segment by segment, with one plain segment for `{id}`.
    fn is_update_of(&self, update: &str, url: &Url) -> bool {
        let base = self.base.path().trim_end_matches('/');
        let Some(rest) = url.path().strip_prefix(base).and_then(|rest| rest.strip_prefix('/')) else { return false };
        let (wanted, there): (Vec<&str>, Vec<&str>) = (update.split('/').collect(), rest.split('/').collect());
        let fits = |(wanted, there): (&&str, &&str)| match *wanted {
            "{id}" => !there.is_empty() && !matches!(*there, "." | ".."),
            name => name == *there,
        };
        wanted.len() == there.len() && wanted.iter().zip(&there).all(fits)
    }
}

/// What is wrong with the path of supplier updates in a profile; nothing where it may be used.
pub(super) fn update_path_faults(path: &str) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if path.contains("://") || path.starts_with('/') || path.contains('\\') {
        faults.push("it must be a path below base_url, without a leading `/`: nothing is written to another host");
    }
    let plain = |segment: &str| {
        let letters = segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        segment == "{id}" || (letters && !segment.is_empty() && segment.bytes().any(|b| b.is_ascii_alphanumeric()))
    };
    if !path.split('/').all(plain) {
        faults.push("between the slashes only letters, digits, `-`, `_`, `.` and a whole `{id}` may stand");
    }
    if speaks_of_documents(path) {
        faults.push("it speaks of invoices, orders or other documents: only suppliers are ever written to JAGGAER");
    }
    if !speaks_of_suppliers(path) {
        faults.push("its last name must be that of suppliers, such as `companyprofiles`");
    }
    faults
}

fn is_supplier_path(path: &str) -> bool {
    let escaped = path.to_ascii_lowercase();
    // An id may have escapes; none of them may be a slash, a backslash or a dot in disguise.
    let disguised = ["%2f", "%5c", "%2e", "%25", "%00"].into_iter().any(|escape| escaped.contains(escape));
    !disguised && !speaks_of_documents(path) && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

fn speaks_of_documents(path: &str) -> bool {
    path.split('/').any(|segment| {
        let word = normal(segment);
        word.as_str() == "ji" || DOCUMENTS.into_iter().any(|document| word.as_str().contains(document))
    })
}

fn speaks_of_suppliers(path: &str) -> bool {
    let last = path.split('/').rfind(|segment| *segment != "{id}").unwrap_or_default();
    let word = normal(last);
    SUPPLIERS.into_iter().any(|supplier| word.as_str().contains(supplier))
}
