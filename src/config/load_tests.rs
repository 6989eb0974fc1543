use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;

const LEAST: &str = r#"
[jaggaer]
base_url  = "https://acme.jaggaer.com/j1p/api/public/"
issuer    = "https://acme.jaggaer.com/auth/realms/J1p-integrations"
client_id = "tollgate"

[intacct]
sender_id  = "acme"
company_id = "acme-imp"
user_id    = "xml_gateway"
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    with(text, &[])
}

fn with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Config::parse(text, Path::new("/srv/tg/tollgate.toml"), &env)
}

fn faults(text: &str, variables: &[(&str, &str)]) -> String {
    with(text, variables).unwrap_err().to_string().replace("/srv/tg/", "")
}

#[test]
fn what_has_a_default_may_be_left_out() {
    let config = parse(LEAST).unwrap();
    assert_eq!(config.data_dir, PathBuf::from("/var/lib/tollgate"));
    assert_eq!(config.key_file, None);
    assert_eq!(config.jaggaer.base_url, "https://acme.jaggaer.com/j1p/api/public");
    assert_eq!(config.jaggaer.instance, "acme.jaggaer.com");
    assert_eq!((config.jaggaer.requests_per_second, config.jaggaer.max_parallel), (5, 2));
    assert_eq!(config.intacct.gateway_url, "https://api.intacct.com/ia/xml/xmlgw.phtml");
    assert_eq!(config.intacct.session_lifetime, Duration::from_secs(3000));
    assert_eq!((config.intacct.max_in_flight, config.intacct.functions_per_request), (1, 50));
    assert_eq!(config.intacct.allowed_hosts, ["*.intacct.com"]);
    assert_eq!(config.posting.mode, Mode::Observe);
    assert_eq!(config.posting.mapping, PathBuf::from("/srv/tg/mapping.toml"));
    assert_eq!(config.posting.quiet_time(), Duration::from_secs(16 * 60));
    assert_eq!(config.store.cache, 16 << 20);
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn every_fault_is_told_at_once_with_its_line_and_what_was_meant() {
    let text = r#"data_dri = "/var/lib/tollgate"

[jaggaer]
base_url = "http://acme.jaggaer.com/"
token_url = 5
client_id = "…"
client_secret = "hunter2-canary"

[intacct]
sender_id = "acme"
companyid = "acme-imp"
user_id = ["a"]
max_in_flight = 9
functions_per_request = "50"
data_dir = "/x"
read_timeout = "60"
allowed_hosts = [
  "*.intacct.com",
  "https://evil.example",
]

[schedul]
timezone = "UTC"

[posting]
mode = "post"
closed_through = { "*" = "2026-11-31" }

[control]
roles = { operator = ["group:ap-ops"], viewers = ["a b"] }
"#;
    insta::assert_snapshot!(faults(text, &[]), @r#"
    tollgate.toml:1: data_dri: unknown key; did you mean data_dir?
    tollgate.toml:4: jaggaer.base_url: must be https: credentials go to acme.jaggaer.com; plain http is for loopback only
    tollgate.toml:5: jaggaer.token_url: must be text in quotes, is a number
    tollgate.toml:6: jaggaer.client_id: still holds the … of the template; put your own value there
    tollgate.toml:7: jaggaer.client_secret: a secret does not belong into this file; take it out, then `tollgate secret set jaggaer.client_secret`, or set TOLLGATE_JAGGAER_CLIENT_SECRET
    tollgate.toml:11: intacct.companyid: unknown key; did you mean company_id?
    tollgate.toml:12: intacct.user_id: must be text in quotes, is a list
    tollgate.toml:13: intacct.max_in_flight: must be a whole number from 1 to 8
    tollgate.toml:14: intacct.functions_per_request: must be a whole number without quotes, is text
    tollgate.toml:15: intacct.data_dir: belongs to the top of the file, before the first [section]
    tollgate.toml:16: intacct.read_timeout: `60` is no duration; write it as 250ms, 30s, 5m or 1h
    tollgate.toml:19: intacct.allowed_hosts: `https://evil.example` is no host; write a name, api.intacct.com, or *.intacct.com for all below a domain
    tollgate.toml:22: schedul: unknown section; did you mean schedule?
    tollgate.toml:26: posting.mode: "post" needs posting.from, the first invoice date that is posted: `from = "2026-12-01"`
    tollgate.toml:27: posting.closed_through.*: `2026-11-31` is no date; write it as 2026-12-01
    tollgate.toml:30: control.roles.operator: unknown key; did you mean operators?
    tollgate.toml:30: control.roles.viewers: `a b` is nobody; write a user, group:name, or *
    "#);
}

#[test]
fn a_secret_in_the_file_is_refused_without_being_shown() {
    let message = faults(&LEAST.replace("client_id", "client_secret = \"hunter2-canary\"\nclient_id"), &[]);
    assert!(message.contains("tollgate secret set jaggaer.client_secret"), "{message}");
    assert!(!message.contains("canary"), "{message}");
}

#[test]
fn what_is_missing_is_named_with_the_line_of_its_section() {
    insta::assert_snapshot!(faults("\n[jaggaer]\nclient_id = \"x\"\n", &[]), @"
    tollgate.toml:2: jaggaer.base_url: missing; it has no default (TOLLGATE_JAGGAER_BASE_URL sets it too)
    tollgate.toml:2: jaggaer.issuer: missing; it has no default, and no token_url stands in its place (TOLLGATE_JAGGAER_ISSUER sets it too)
    tollgate.toml: intacct.sender_id: missing; it has no default (TOLLGATE_INTACCT_SENDER_ID sets it too)
    tollgate.toml: intacct.company_id: missing; it has no default (TOLLGATE_INTACCT_COMPANY_ID sets it too)
    tollgate.toml: intacct.user_id: missing; it has no default (TOLLGATE_INTACCT_USER_ID sets it too)
    ");
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    let message = faults("[jaggaer]\nbase_url = \"x\nclient_id = \"y\"\n", &[]);
    assert!(message.starts_with("tollgate.toml:2: "), "{message}");
    assert!(faults("[jaggaer]\nclient_id = \"a\"\nclient_id = \"b\"\n", &[]).starts_with("tollgate.toml:3: "));
}

#[test]
fn a_variable_wins_over_the_file_and_is_named_in_its_faults() {
    let variables = [
        ("TOLLGATE_DATA_DIR", "/data"),
        ("TOLLGATE_INTACCT_MAX_IN_FLIGHT", "2"),
        ("TOLLGATE_INTACCT_ALLOWED_HOSTS", "*.intacct.com, gw.example.com"),
        ("TOLLGATE_INTACCT_ENTITY", ""),
        ("TOLLGATE_POSTING_MODE", "post"),
        ("TOLLGATE_POSTING_FROM", "2026-12-01"),
        ("TOLLGATE_POSTING_CLOSED_THROUGH", "*=2026-10-31,100=2026-11-30"),
        ("TOLLGATE_CONTROL_ROLES", r#"{ operators = ["group:ap-ops", "ann"], viewers = ["*"] }"#),
        ("TOLLGATE_SCHEDULE_INVOICES", "*/5 * * * * *"),
    ];
    let config = with(&format!("data_dir = \"/file\"\n{LEAST}entity = \"100\"\n"), &variables).unwrap();
    assert_eq!(config.data_dir, PathBuf::from("/data"));
    assert_eq!(config.intacct.max_in_flight, 2);
    assert_eq!(config.intacct.allowed_hosts, ["*.intacct.com", "gw.example.com"]);
    assert_eq!(config.intacct.entity.as_deref(), Some("100"), "an empty variable is not set");
    assert_eq!(config.posting.mode, Mode::Post);
    assert_eq!(config.posting.closed_through.get("100"), Some(&jiff::civil::date(2026, 11, 30)));
    let roles = config.control.roles.unwrap();
    assert_eq!((roles.operators, roles.viewers), (vec!["group:ap-ops".into(), "ann".into()], vec!["*".into()]));
    assert_eq!(config.schedule.invoices, "*/5 * * * * *");

    let variables = [
        ("TOLLGATE_INTACCT_MAX_IN_FLIGHT", "many"),
        ("TOLLGATE_JAGGAER_BASE_URL", "http://acme.example"),
        ("TOLLGATE_CONTROL_ROLES", "{ operators = "),
        ("TOLLGATE_POSTING_CLOSED_THROUGH", "soon"),
    ];
    let message = faults(LEAST, &variables);
    assert_eq!(message.lines().count(), 4, "{message}");
    for (name, _) in variables {
        assert!(message.contains(&format!("environment: {name}: ")), "{message}");
    }
}

#[test]
fn required_keys_may_come_from_the_environment_alone() {
    let text = LEAST.replace("client_id = \"tollgate\"", "").replace("company_id = \"acme-imp\"", "company_id = \"…\"");
    let variables = [("TOLLGATE_JAGGAER_CLIENT_ID", "c"), ("TOLLGATE_INTACCT_COMPANY_ID", "d")];
    let config = with(&text, &variables).unwrap();
    assert_eq!((config.jaggaer.client_id.as_str(), config.intacct.company_id.as_str()), ("c", "d"));
}

#[test]
fn posting_needs_a_cut_over() {
    let message = faults(&format!("{LEAST}[posting]\nmode = \"post\"\n"), &[]);
    assert!(message.contains("posting.mode: \"post\" needs posting.from"), "{message}");
    let message = faults(&format!("{LEAST}[posting]\nmode = \"post\"\nfrom = \"soon\"\n"), &[]);
    assert!(message.contains("posting.from: `soon` is no date") && message.lines().count() == 1, "{message}");
    let config = parse(&format!("{LEAST}[posting]\nmode = \"post\"\nfrom = 2026-12-01\n")).unwrap();
    assert_eq!(config.posting.from, Some(jiff::civil::date(2026, 12, 1)));
}

#[test]
fn one_way_to_a_token_is_required_and_either_will_do() {
    let text = LEAST.replace("issuer ", "token_url");
    assert!(parse(&text).unwrap().jaggaer.token_url.is_some());
    assert!(faults(&LEAST.replace("issuer ", "scope "), &[]).contains("jaggaer.issuer: missing"));
    let message = faults(&LEAST.replace("issuer ", "isuer "), &[]);
    assert!(message.contains("did you mean issuer?") && message.lines().count() == 1, "{message}");
}

#[test]
fn who_decides_a_field_of_the_suppliers_is_read_and_what_is_no_field_is_named() {
    let vendors = parse(LEAST).unwrap().vendors;
    assert!(vendors.create && vendors.write_jaggaer && !vendors.street_words && !vendors.country_code);
    assert_eq!((vendors.key, vendors.inactive, vendors.policy.len()), (VendorKey::Number, FieldPolicy::Ask, 0));
    let text = "[vendors]\ncreate = false\nkey = \"none\"\nleave_out = [\"PAYTO.PRINTAS\"]\n[vendors.policy]\nname = \"newest\"\n\
                inactive = \"jaggaer\"\n[vendors.compare]\nstreet_words = true\n";
    let vendors = with(&format!("{LEAST}{text}"), &[("TOLLGATE_VENDORS_WRITE_JAGGAER", "false")]).unwrap().vendors;
    assert!(!vendors.create && !vendors.write_jaggaer && vendors.street_words);
    assert_eq!((vendors.key, vendors.inactive), (VendorKey::Nothing, FieldPolicy::Jaggaer));
    assert_eq!(vendors.policy, [(MasterField::Name, FieldPolicy::Newest)].into());
    assert!(vendors.leave_out.contains("PAYTO.PRINTAS"));
    let wrong = "[vendors]\ncreat = true\nwrite_jaggaer = \"yes\"\nleave_out = [\"x<\"]\n[vendors.policy]\nnamme = \"ask\"\n\
                 name = \"nobody\"\n[vendors.compare]\nstreets = true\n";
    let message = faults(&format!("{LEAST}{wrong}"), &[("TOLLGATE_VENDORS_COUNTRY_CODE", "perhaps")]);
    for said in
        ["creat", "create", "without quotes", "PAYTO.PRINTAS", "name", "\"newest\"", "street_words", "COUNTRY_CODE"]
    {
        assert!(message.contains(said), "{said}: {message}");
    }
    assert_eq!(message.lines().count(), 7, "{message}");
}

#[test]
fn relative_paths_begin_at_the_directory_of_the_file() {
    let text = format!("data_dir = \"data\"\nkey_file = \"../key\"\n{LEAST}[posting]\nmapping = \"rules/m.toml\"\n");
    let config = parse(&text.replace("client_id", "profile = \"own.toml\"\nclient_id")).unwrap();
    assert_eq!(config.data_dir, PathBuf::from("/srv/tg/data"));
    assert_eq!(config.key_file, Some(PathBuf::from("/srv/tg/../key")));
    assert_eq!(config.posting.mapping, PathBuf::from("/srv/tg/rules/m.toml"));
    assert_eq!(config.jaggaer.profile, "/srv/tg/own.toml");
    assert!(
        faults(&LEAST.replace("client_id", "profile = \"jlp\"\nclient_id"), &[]).contains("no built-in profile `jlp`")
    );
    assert!(faults(&format!("data_dir = \"~/tg\"\n{LEAST}"), &[]).contains("~ is not expanded"));
}

#[test]
fn a_socket_path_that_no_socket_takes_is_refused_early() {
    let message = faults(&format!("data_dir = \"/{}\"\n{LEAST}", "d".repeat(100)), &[]);
    assert!(message.contains("tollgate.toml:1: data_dir: the control socket's path"), "{message}");
}

#[test]
fn daring_values_are_taken_with_a_warning() {
    let text = format!(
        "{LEAST}session_lifetime = \"2h\"\nallowed_hosts = [\"gw.example.com\"]\n[posting]\nlate_commit = \"1s\"\n"
    );
    let warnings = parse(&text).unwrap().warnings;
    assert_eq!(warnings.len(), 3, "{warnings:?}");
}

#[test]
fn outside_text_in_a_fault_moves_no_terminal() {
    let message = faults(&format!("\"da\\u001b[2Jta\" = 1\n{LEAST}"), &[]);
    assert!(!message.contains('\u{1b}'), "{message}");
    let message = faults(&LEAST.replace("\"https://acme.jaggaer.com/j1p/api/public/\"", "\"\\u001b]0;x\""), &[]);
    assert!(!message.contains('\u{1b}'), "{message}");
}

#[test]
fn a_file_that_is_no_text_or_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tollgate.toml");
    assert!(Config::load(&path, &|_| None).unwrap_err().to_string().contains("tollgate.toml: cannot be read"));
    std::fs::write(&path, b"\xff\xfe").unwrap();
    assert!(Config::load(&path, &|_| None).unwrap_err().to_string().contains("is not UTF-8 text"));
}

#[test]
fn a_variable_that_sets_nothing_is_warned_about_and_a_secret_is_not() {
    let names = [
        "TOLLGATE_INTACCT_COMPANYID",
        "TOLLGATE_STORE_SIZE_OF_EVERYTHING",
        "TOLLGATE_INTACCT_COMPANY_ID",
        "TOLLGATE_PASSPHRASE",
        "TOLLGATE_INTACCT_USER_PASSWORD",
        "TOLLGATE_HOME_PAGE",
        "PATH",
    ];
    let warnings = environment_warnings(names.map(str::to_owned));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("did you mean TOLLGATE_INTACCT_COMPANY_ID?"), "{warnings:?}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_written_nothing_panics(text in "[ -~\n]{0,200}", value in "\\PC{0,40}") {
        let _ = parse(&text);
        let quoted = toml::Value::String(value).to_string();
        for key in ["session_lifetime", "gateway_url", "base_currency", "max_in_flight", "allowed_hosts", "entity"] {
            let _ = parse(&format!("{LEAST}{key} = {quoted}\n"));
        }
        for key in ["timezone", "invoices"] {
            let _ = parse(&format!("{LEAST}[schedule]\n{key} = {quoted}\n"));
        }
    }
}
