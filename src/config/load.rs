//! From the file and the environment to the checked configuration: every key, its default and its rule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::fault::nearest;
use super::reader::{At, Reader};
use super::values::{self, covers, is_loopback, shown};
use super::{
    Config, ConfigError, Control, Environment, Fault, Intacct, Jaggaer, Mode, Posting, Roles, Schedule, Store,
    VendorKey, Vendors,
};
use crate::model::{BillAction, Currency, FieldPolicy, MasterField};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A Unix socket's path must fit 108 bytes with its final zero (unix(7)).
const SOCKET_PATH: usize = 107;

/// Variables that are not keys of the configuration.
const OTHER_VARIABLES: [&str; 6] = [
    "TOLLGATE_PASSPHRASE",
    "TOLLGATE_NEW_PASSPHRASE",
    "TOLLGATE_CONFIG",
    "TOLLGATE_JAGGAER_CLIENT_SECRET",
    "TOLLGATE_INTACCT_SENDER_PASSWORD",
    "TOLLGATE_INTACCT_USER_PASSWORD",
];

impl Config {
    /// Reads the file; variables of the environment win over it.
    pub fn load(path: &Path, env: Environment<'_>) -> Result<Config, ConfigError> {
        let text = std::fs::read(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let Ok(text) = String::from_utf8(text) else {
            let file = path.display().to_string();
            let what = "is not UTF-8 text".to_owned();
            return Err(ConfigError::Faults(vec![Fault { file, line: None, key: String::new(), what, nearest: None }]));
        };
        Config::parse(&text, path, env)
    }

    /// Reads the text of a file; `path` names it in faults, and relative paths in it begin at its directory.
    pub fn parse(text: &str, path: &Path, env: Environment<'_>) -> Result<Config, ConfigError> {
        let mut reader = Reader::new(path.display().to_string(), text, env).map_err(ConfigError::Faults)?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let base = absolute.parent().unwrap_or(Path::new("/")).to_owned();
        let mut config = read(&mut reader, &absolute, &base);
        let (faults, warnings) = reader.finish();
        if !faults.is_empty() {
            return Err(ConfigError::Faults(faults));
        }
        config.warnings = warnings;
        Ok(config)
    }
}

/// One line for each variable that looks as if it were meant to set a key but sets none.
pub fn environment_warnings(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let Ok(mut reader) = Reader::new(String::new(), "", &|_| None) else { return Vec::new() };
    read(&mut reader, Path::new("/tollgate.toml"), Path::new("/"));
    let known = reader.variables();
    let sections = ["JAGGAER_", "INTACCT_", "SCHEDULE_", "POSTING_", "VENDORS_", "CONTROL_", "STORE_"];
    let mut warnings = Vec::new();
    for name in names {
        let Some(rest) = name.strip_prefix("TOLLGATE_") else { continue };
        if known.contains(&name) || OTHER_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        let candidates = known.iter().map(String::as_str).chain(OTHER_VARIABLES);
        let near = nearest(rest, candidates.filter_map(|variable| variable.strip_prefix("TOLLGATE_")));
        if near.is_none() && !sections.iter().any(|section| rest.starts_with(section)) {
            continue;
        }
        let near = near.map(|near| format!("; did you mean TOLLGATE_{near}?")).unwrap_or_default();
        warnings.push(format!("environment: {}: sets no key and is ignored{near}", shown(&name)));
    }
    warnings
}

/// Every key is asked for here, also behind a fault: what is not asked for counts as unknown.
fn read(r: &mut Reader<'_>, path: &Path, base: &Path) -> Config {
    let in_base = |text: &str| values::path(text, base);
    let data_dir = or(r.parsed("", "data_dir", in_base), || PathBuf::from("/var/lib/tollgate"));
    let key_file = r.parsed("", "key_file", in_base).map(|(path, _)| path);
    let jaggaer = jaggaer(r, base);
    let intacct = intacct(r, base);
    let schedule = schedule(r);
    let posting = posting(r, base);
    let vendors = vendors(r);
    let control = control(r, base);
    let socket = control.socket.clone().unwrap_or_else(|| data_dir.join("tollgate.sock"));
    if socket.as_os_str().len() > SOCKET_PATH {
        let at = if control.socket.is_some() { r.at("control", "socket") } else { r.at("", "data_dir") };
        let length = socket.as_os_str().len();
        r.fault(&at, format!("the control socket's path would have {length} bytes, {SOCKET_PATH} fit; set control.socket to a shorter one"));
    }
    let cache = match r.parsed("store", "cache", values::size) {
        Some((size, at)) if size < 1 << 20 => {
            r.fault(&at, "must be at least 1MiB");
            size
        }
        size => or(size, || 16 << 20),
    };
    let store = Store { cache };
    Config {
        path: path.to_owned(),
        data_dir,
        key_file,
        jaggaer,
        intacct,
        schedule,
        posting,
        vendors,
        control,
        store,
        warnings: Vec::new(),
    }
}

fn jaggaer(r: &mut Reader<'_>, base: &Path) -> Jaggaer {
    const S: &str = "jaggaer";
    let (base_url, host) = address(r, S, "base_url", None);
    let instance = match r.parsed(S, "instance", instance_name) {
        Some((instance, _)) => instance,
        None => host,
    };
    let issuer = r.parsed(S, "issuer", values::url).map(|((url, _), _)| url);
    let token_url = r.parsed(S, "token_url", values::url).map(|((url, _), _)| url);
    // A faulty one of the two is told as such and not also as missing.
    if r.is_absent(S, "issuer") && r.is_absent(S, "token_url") {
        r.missing(S, "issuer");
    }
    Jaggaer {
        base_url,
        instance,
        issuer,
        token_url,
        client_id: required(r, S, "client_id"),
        scope: optional(r, S, "scope"),
        profile: or(r.parsed(S, "profile", |text| profile(text, base)), || "j1p".to_owned()),
        requests_per_second: r.number(S, "requests_per_second", 1..=1000, 5),
        max_parallel: count(r.number(S, "max_parallel", 1..=64, 2)),
        timeout: duration(r, S, "timeout", 30 * SECOND),
    }
}

fn intacct(r: &mut Reader<'_>, base: &Path) -> Intacct {
    const S: &str = "intacct";
    let (gateway_url, gateway_host) = address(r, S, "gateway_url", Some("https://api.intacct.com/ia/xml/xmlgw.phtml"));
    let session_lifetime = duration(r, S, "session_lifetime", 50 * MINUTE);
    if session_lifetime > 50 * MINUTE {
        r.warnings.push(
            "intacct.session_lifetime: is above 50m; a session is still never trusted longer than the gateway itself says".to_owned(),
        );
    }
    let mut allowed_hosts = Vec::new();
    match r.list(S, "allowed_hosts") {
        Some(list) => {
            for (text, at) in list {
                match values::host_pattern(&text) {
                    Ok(pattern) => allowed_hosts.push(pattern),
                    Err(what) => r.fault(&at, what),
                }
            }
        }
        None => allowed_hosts.push("*.intacct.com".to_owned()),
    }
    // On loopback the same address is allowed by itself.
    let covered = is_loopback(&gateway_host) || allowed_hosts.iter().any(|entry| covers(entry, &gateway_host));
    if !gateway_host.is_empty() && !covered {
        r.warnings.push(format!(
            "intacct.allowed_hosts: does not cover the gateway's own host {}, so a session that stays there would be refused",
            shown(&gateway_host)
        ));
    }
    let currency = |text: &str| {
        Currency::parse(text).ok_or_else(|| format!("`{}` is no currency code; write it as USD", shown(text)))
    };
    Intacct {
        gateway_url,
        sender_id: required(r, S, "sender_id"),
        company_id: required(r, S, "company_id"),
        user_id: required(r, S, "user_id"),
        entity: optional(r, S, "entity"),
        session_lifetime,
        max_in_flight: count(r.number(S, "max_in_flight", 1..=8, 1)),
        functions_per_request: count(r.number(S, "functions_per_request", 1..=100, 50)),
        allowed_hosts,
        read_timeout: duration(r, S, "read_timeout", MINUTE),
        write_timeout: duration(r, S, "write_timeout", 5 * MINUTE),
        base_currency: r.parsed(S, "base_currency", currency).map(|(currency, _)| currency),
        bill_number_length: count(r.number(S, "bill_number_length", 10..=100, 30)),
        // The nominal width. A longer text that Intacct cut would lose the mark at its end.
        description_length: count(r.number(S, "description_length", 40..=1000, 80)),
        error_catalogue: r.parsed(S, "error_catalogue", |text| values::path(text, base)).map(|(path, _)| path),
    }
}

fn schedule(r: &mut Reader<'_>) -> Schedule {
    const S: &str = "schedule";
    let mut timezone = "UTC".to_owned();
    if let Some((text, at)) = r.text(S, "timezone") {
        match values::time_zone(&text) {
            Ok(name) => timezone = name,
            Err((what, near)) => r.fault_near(&at, what, near),
        }
    }
    let mut cron = |key, default: &str| or(r.parsed(S, key, values::cron), || default.to_owned());
    Schedule {
        timezone,
        dimensions: cron("dimensions", "0 0 5 * * *"),
        vendors: cron("vendors", "0 */15 * * * *"),
        purchase_orders: cron("purchase_orders", "0 5-59/15 * * * *"),
        invoices: cron("invoices", "0 10-59/15 * * * *"),
        audit: cron("audit", "0 0 6 * * *"),
    }
}

fn posting(r: &mut Reader<'_>, base: &Path) -> Posting {
    const S: &str = "posting";
    let mode = r.parsed(S, "mode", |text| values::word(text, &[("observe", Mode::Observe), ("post", Mode::Post)]));
    let from = r.date(S, "from");
    if let Some((Mode::Post, at)) = &mode
        && r.is_absent(S, "from")
    {
        let at = at.clone();
        r.fault(&at, "\"post\" needs posting.from, the first invoice date that is posted: `from = \"2026-12-01\"`");
    }
    let late_commit = duration(r, S, "late_commit", 15 * MINUTE);
    let read_lag = duration(r, S, "read_lag", MINUTE);
    if late_commit < 15 * MINUTE {
        r.warnings.push(
            "posting.late_commit: is below 15m; if Intacct takes longer to finish a request whose answer was lost, a bill could be posted twice"
                .to_owned(),
        );
    }
    let mut closed_through = BTreeMap::new();
    for (entity, date) in r.dates(S, "closed_through").unwrap_or_default() {
        closed_through.insert(entity, date);
    }
    Posting {
        mode: or(mode, || Mode::Observe),
        from,
        mapping: or(r.parsed(S, "mapping", |text| values::path(text, base)), || base.join("mapping.toml")),
        action: or(
            r.parsed(S, "action", |text| {
                values::word(text, &[("submit", BillAction::Submit), ("draft", BillAction::Draft)])
            }),
            || BillAction::Submit,
        ),
        mark_field: or(r.parsed(S, "mark_field", field_name), || "DESCRIPTION".to_owned()),
        late_commit,
        read_lag,
        closed_through,
    }
}

fn vendors(r: &mut Reader<'_>) -> Vendors {
    const S: &str = "vendors";
    let policies = FieldPolicy::ALL.map(|policy| (policy.word(), policy));
    let (mut policy, mut inactive) = (BTreeMap::new(), FieldPolicy::Ask);
    let names: Vec<&str> = MasterField::ALL.into_iter().map(MasterField::word).chain(["inactive"]).collect();
    for (name, text, at) in r.words(S, "policy", &names) {
        match (values::word(&text, &policies), MasterField::parse(&name)) {
            (Ok(decides), Some(field)) => drop(policy.insert(field, decides)),
            (Ok(decides), None) => inactive = decides,
            (Err(what), _) => r.fault(&at, what),
        }
    }
    let mut leave_out = BTreeSet::new();
    for (text, at) in r.list(S, "leave_out").unwrap_or_default() {
        let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'.' || b == b'_';
        match text.is_empty() || !text.bytes().all(plain) {
            true => r.fault(&at, format!("`{}` is no field of a vendor; write it as PAYTO.PRINTAS", shown(&text))),
            false => drop(leave_out.insert(text)),
        }
    }
    let keys = [("number", VendorKey::Number), ("none", VendorKey::Nothing)];
    Vendors {
        create: r.flag(S, "create", true),
        write_jaggaer: r.flag(S, "write_jaggaer", true),
        key: or(r.parsed(S, "key", |text| values::word(text, &keys)), || VendorKey::Number),
        leave_out,
        country_code: r.flag(S, "country_code", false),
        policy,
        inactive,
        street_words: r.flags(S, "compare", &["street_words"]).contains(&("street_words".to_owned(), true)),
    }
}

fn control(r: &mut Reader<'_>, base: &Path) -> Control {
    const S: &str = "control";
    let socket = r.parsed(S, "socket", |text| values::path(text, base)).map(|(path, _)| path);
    let group = match r.parsed(S, "group", values::role) {
        Some((group, at)) if group == "*" || group.starts_with("group:") => {
            r.fault(&at, "must be the plain name of a group");
            None
        }
        group => group.map(|(group, _)| group),
    };
    let roles = r
        .lists(S, "roles", ["operators", "viewers"])
        .map(|[operators, viewers]| Roles { operators: people(r, operators), viewers: people(r, viewers) });
    Control { socket, group, roles }
}

fn people(r: &mut Reader<'_>, list: Vec<(String, At)>) -> Vec<String> {
    let mut people = Vec::new();
    for (text, at) in list {
        match values::role(&text) {
            Ok(role) => people.push(role),
            Err(what) => r.fault(&at, what),
        }
    }
    people
}

fn address(r: &mut Reader<'_>, section: &'static str, key: &'static str, default: Option<&str>) -> (String, String) {
    let found = match default {
        None => r.required(section, key),
        Some(default) => {
            let found = r.text(section, key);
            if found.is_none() && r.is_absent(section, key) {
                return values::url(default).unwrap_or_default();
            }
            found
        }
    };
    let Some((text, at)) = found else { return Default::default() };
    match values::url(&text) {
        Ok(address) => address,
        Err(what) => {
            r.fault(&at, what);
            Default::default()
        }
    }
}

fn required(r: &mut Reader<'_>, section: &'static str, key: &'static str) -> String {
    r.required(section, key).map(|(text, _)| text).unwrap_or_default()
}

/// Empty counts as left out.
fn optional(r: &mut Reader<'_>, section: &'static str, key: &'static str) -> Option<String> {
    r.text(section, key).map(|(text, _)| text).filter(|text| !text.trim().is_empty())
}

fn duration(r: &mut Reader<'_>, section: &'static str, key: &'static str, default: Duration) -> Duration {
    or(r.parsed(section, key, values::duration), || default)
}

/// The value, or the default where it is left out or faulty; the fault alone decides then.
fn or<T>(found: Option<(T, At)>, default: impl FnOnce() -> T) -> T {
    found.map_or_else(default, |(value, _)| value)
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Part of every document's key, before a slash.
fn instance_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !text.is_empty() && text.len() <= 100 && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err(format!("`{}` is no name of an instance; use letters, digits, dots, hyphens", shown(text)))
}

fn field_name(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.len() <= 80 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{}` is no field name; use DESCRIPTION or the integration name of a custom field of the bill",
        shown(text)
    ))
}

fn profile(text: &str, base: &Path) -> Result<String, String> {
    if text == "j1p" {
        return Ok(text.to_owned());
    }
    if !text.contains('/') && !text.ends_with(".toml") {
        return Err(format!(
            "there is no built-in profile `{}`; use \"j1p\", or the path of a profile of your own (….toml)",
            shown(text)
        ));
    }
    values::path(text, base).map(|path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
