//! What can be configured, after reading: checked, with defaults in place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use crate::model::{BillAction, Currency, Date, FieldPolicy, MasterField};

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from.
    pub path: PathBuf,
    /// Store, lock and vault live here.
    pub data_dir: PathBuf,
    /// File with 32 random bytes, if that is how the key is given.
    pub key_file: Option<PathBuf>,
    /// JAGGAER.
    pub jaggaer: Jaggaer,
    /// Sage Intacct.
    pub intacct: Intacct,
    /// When flows are due.
    pub schedule: Schedule,
    /// What is posted, and how.
    pub posting: Posting,
    /// How the two supplier masters are kept in agreement.
    pub vendors: Vendors,
    /// Who may speak to a running engine.
    pub control: Control,
    /// The store.
    pub store: Store,
    /// What is allowed but deserves a word: one line each, for people.
    pub warnings: Vec<String>,
}

/// `[jaggaer]`
#[derive(Clone, Debug)]
pub struct Jaggaer {
    /// Base of all resource paths, without a trailing slash.
    pub base_url: String,
    /// Name of this JAGGAER instance inside document keys; the host of `base_url` by default. Never changed once documents exist.
    pub instance: String,
    /// OIDC issuer, for discovery.
    pub issuer: Option<String>,
    /// Token endpoint; wins over the issuer.
    pub token_url: Option<String>,
    /// OAuth client id.
    pub client_id: String,
    /// OAuth scope, sent only if set.
    pub scope: Option<String>,
    /// `j1p`, or the whole path of a profile.
    pub profile: String,
    /// At most so many requests a second.
    pub requests_per_second: u32,
    /// At most so many at once.
    pub max_parallel: usize,
    /// Bound of one request.
    pub timeout: Duration,
}

/// `[intacct]`
#[derive(Clone, Debug)]
pub struct Intacct {
    /// First endpoint; user login goes only here.
    pub gateway_url: String,
    /// Sender id.
    pub sender_id: String,
    /// Company id.
    pub company_id: String,
    /// Web services user.
    pub user_id: String,
    /// Entity to log in at.
    pub entity: Option<String>,
    /// Longest trusted life of a session.
    pub session_lifetime: Duration,
    /// Requests at once.
    pub max_in_flight: usize,
    /// Upper bound of writes in a request.
    pub functions_per_request: usize,
    /// Hosts that a session endpoint may be on: exact names or `*.domain`.
    pub allowed_hosts: Vec<String>,
    /// Bound of a read or login.
    pub read_timeout: Duration,
    /// Bound of a request with writes.
    pub write_timeout: Duration,
    /// The company's base currency, sent as BASECURR where set.
    pub base_currency: Option<Currency>,
    /// Longest bill number (RECORDID).
    pub bill_number_length: usize,
    /// Longest DESCRIPTION.
    pub description_length: usize,
    /// Errors of this company's own, explained in the shape of the built-in catalogue; they are looked at first.
    pub error_catalogue: Option<PathBuf>,
}

/// `[schedule]`: cron patterns with seconds, in `timezone`.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// IANA name of the time zone.
    pub timezone: String,
    /// Reference data other than vendors.
    pub dimensions: String,
    /// Vendors.
    pub vendors: String,
    /// Purchase orders.
    pub purchase_orders: String,
    /// Invoices.
    pub invoices: String,
    /// The audit of all bills.
    pub audit: String,
}

/// Whether anything is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Everything up to the frozen posting; nothing is sent.
    Observe,
    /// Postings are sent, once a person has started it.
    Post,
}

/// `[posting]`
#[derive(Clone, Debug)]
pub struct Posting {
    /// Observe or post.
    pub mode: Mode,
    /// Cut-over: invoices dated earlier are listed, never posted. Required before anything is sent.
    pub from: Option<Date>,
    /// Path of the mapping.
    pub mapping: PathBuf,
    /// Submit or draft.
    pub action: BillAction,
    /// `DESCRIPTION`, or the name of a custom field that carries the mark.
    pub mark_field: String,
    /// How long a request may still take effect after its last byte.
    pub late_commit: Duration,
    /// How long until a query sees what was committed.
    pub read_lag: Duration,
    /// Last closed day of each entity's (or, under `*`, every entity's) periods, as far as the customer says so.
    pub closed_through: BTreeMap<String, Date>,
}

impl Posting {
    /// After this long, what cannot be found was not executed (inside the fault model).
    pub fn quiet_time(&self) -> Duration {
        self.late_commit + self.read_lag
    }
}

/// `[vendors]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vendors {
    /// Suppliers that no vendor is there for become vendors.
    pub create: bool,
    /// Values of Intacct go to JAGGAER, where the profile can write suppliers.
    pub write_jaggaer: bool,
    /// What links a supplier with a vendor by itself.
    pub key: VendorKey,
    /// Fields of the query for vendors that the company or its user does not have: they are not asked for.
    pub leave_out: BTreeSet<String>,
    /// Send the two letters of a country beside its name.
    pub country_code: bool,
    /// Who decides a field; those left out have their defaults.
    pub policy: BTreeMap<MasterField, FieldPolicy>,
    /// Who decides that a supplier or vendor goes inactive, or becomes active again.
    pub inactive: FieldPolicy,
    /// `Street` and `St.` and the like are the same in an address.
    pub street_words: bool,
}

/// What links a supplier with a vendor by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VendorKey {
    /// The supplier's number is the VENDORID.
    Number,
    /// Nothing: the same number suggests, and a person confirms every link.
    Nothing,
}

/// `[control]`
#[derive(Clone, Debug, Default)]
pub struct Control {
    /// Socket path; `tollgate.sock` in the data directory by default.
    pub socket: Option<PathBuf>,
    /// Group that may connect.
    pub group: Option<String>,
    /// Roles; without them everybody who can connect may do everything.
    pub roles: Option<Roles>,
}

/// Who may do what: `user`, `group:name` or `*`.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    /// May act.
    pub operators: Vec<String>,
    /// May look.
    pub viewers: Vec<String>,
}

/// `[store]`
#[derive(Clone, Debug)]
pub struct Store {
    /// Bytes of page cache.
    pub cache: usize,
}
