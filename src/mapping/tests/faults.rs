//! A faulty mapping is refused with every fault, its line and the nearest known word.

use super::*;
use crate::mapping::Fault;

fn faults(text: &str) -> Vec<String> {
    let faults = Rules::parse(text, &fixture()).unwrap_err();
    let show = |fault: &Fault| {
        let name = fault.file.file_name().unwrap().to_string_lossy().into_owned();
        Fault { file: name.into(), ..fault.clone() }.to_string()
    };
    faults.iter().map(show).collect()
}

const VENDOR: &str = "version = 1\n[vendor]\nfind = [\"{supplier.number}\"]\n";

/// Faults of rules behind a good head of three lines.
fn rule_faults(text: &str) -> Vec<String> {
    faults(&format!("{VENDOR}{text}"))
}

#[track_caller]
fn one(list: &[String], expected: &str) {
    assert_eq!(list, [expected]);
}

#[test]
fn all_faults_of_a_file_come_at_once_with_their_lines() {
    let list = faults(
        r#"version = 1
colour = "red"
[vendor]
find = ["{supplier.numbr}"]

[[rule]]
name = "A"
when = { "line.knd" = "item" }
set = { acount = "5200", department = "{split.segments.Department}" }

[[rule]]
name = "B"
on_missing = "nxt"
sets = { account = "1" }

[table.plants]
key = "cod"
file = "plants.csv"

[table.gone]
key = "a"
file = "gone.csv"
"#,
    );
    assert_eq!(
        list[..7],
        [
            "mapping.toml:2: colour: unknown key; known are version, vendor, rule, table",
            "mapping.toml:4: vendor.find: unknown field `supplier.numbr`; did you mean `supplier.number`?",
            "mapping.toml:8: rule 1 \"A\", when \"line.knd\": unknown field `line.knd`; did you mean `line.kind`?",
            "mapping.toml:9: rule 1 \"A\", set.acount: unknown target `acount`; did you mean `account`?",
            "mapping.toml:11: rule 2 \"B\", set: is missing: a rule must set something",
            "mapping.toml:13: rule 2 \"B\", on_missing: must be \"hold\" or \"next\"; did you mean `next`?",
            "mapping.toml:14: rule 2 \"B\", sets: unknown key; known are name, when, set, on_missing; did you mean `set`?",
        ]
    );
    assert_eq!(list.len(), 9, "{list:#?}");
    assert!(
        list[7].starts_with("mapping.toml:22: table.gone.file: ") && list[7].contains("cannot be read"),
        "{}",
        list[7]
    );
    assert_eq!(
        list[8],
        "plants.csv:1: table.plants: there is no key column `cod`; the header has `code`, `location`, `name`; did you mean `code`?"
    );
}

#[test]
fn what_is_no_toml_names_the_line() {
    let list = faults("version = 1\n[vendor\n");
    assert!(list[0].starts_with("mapping.toml:2: not readable as TOML"), "{list:?}");
}

#[test]
fn a_mapping_that_is_not_there_is_a_fault() {
    let faults = Rules::load(Path::new("/nowhere/mapping.toml")).unwrap_err();
    assert!(faults[0].what.contains("cannot be read"));
}

#[test]
fn version_and_vendor_are_required() {
    assert_eq!(
        faults(""),
        [
            "mapping.toml:1: version: is missing; write `version = 1` at the top",
            "mapping.toml:1: [vendor]: is missing: no document could get a vendor; write `find = [\"{supplier.number}\"]` below it",
        ]
    );
    assert!(faults("version = 2\n[vendor]\nfind = \"V\"\n")[0].contains("version 1 only"));
    assert!(faults("version = 1\n[vendor]\nfind = []\n")[0].contains("is empty"));
    assert!(faults("version = 1\n[vendor]\nfind = \"{line.kind}\"\n")[0].contains("belongs to a line"));
}

#[test]
fn codes_must_be_written_in_quotes() {
    let list =
        rule_faults("[[rule]]\nset = { account = 5200 }\n[[rule]]\nwhen = { entity = 4 }\nset = { class = \"C\" }\n");
    assert_eq!(list.len(), 2, "{list:#?}");
    assert!(list.iter().all(|fault| fault.contains("write it in quotes, so that no zero is lost")));
}

#[test]
fn tables_must_exist_with_key_and_column() {
    let rule = |value: &str, table: &str| {
        rule_faults(&format!("[[rule]]\nname = \"P\"\nset = {{ location = \"{value}\" }}\n{table}"))
    };
    let plants = "[table.plants]\nkey = \"code\"\nfile = \"plants.csv\"\n";
    one(
        &rule("{table.plant[entity].location}", plants),
        "mapping.toml:6: rule 1 \"P\", set.location: there is no table `plant`; did you mean `plants`?",
    );
    one(
        &rule("{table.plants[entity].locatoin}", plants),
        "mapping.toml:6: rule 1 \"P\", set.location: the table `plants` has no column `locatoin`; did you mean `location`?",
    );
    one(
        &rule("{table.t[entity].location}", "[table.t]\nrows = [{ code = \"1\", location = \"2\" }]\n"),
        "mapping.toml:7: table.t.key: must name the column that is looked up",
    );
    one(
        &rule(
            "{table.t[entity].b}",
            "[table.t]\nkey = \"a\"\nrows = [\n  { a = \"1\", b = \"2\" },\n  { a = \"1\", b = \"3\" },\n]\n",
        ),
        "mapping.toml:11: table.t.rows: the key `1` stands twice",
    );
    one(
        &rule("{table.t[entity].b}", "[table.t]\nkey = \"a\"\nrows = [{ aa = \"1\", b = \"2\" }]\n"),
        "mapping.toml:9: table.t.rows: a row has no value for the key `a`; did you mean `aa`?",
    );
    one(&rule("1", "[table.t]\nkey = \"a\"\n"), "mapping.toml:7: table.t: has neither `file` nor `rows`");
    one(
        &rule("1", "[table.t]\nkey = \"a\"\nfile = \"plants.csv\"\nrows = []\n"),
        "mapping.toml:10: table.t: has both `file` and `rows`; a table comes from one of them",
    );
}

#[test]
fn a_condition_that_can_never_hold_is_a_fault() {
    let never = |condition: &str| {
        rule_faults(&format!("[[rule]]\nname = \"N\"\nwhen = {{ {condition} }}\nset = {{ account = \"1\" }}\n"))
    };
    for (condition, what) in [
        (r#""line.kind" = { one_of = [] }"#, "`one_of` is empty"),
        (r#""total" = { from = 100, to = 99.99 }"#, "`from` 100 is after `to` 99.99"),
        (r#""dates.invoice" = { from = 2026-02-01, to = 2026-01-31 }"#, "is after"),
        (r#""entity" = { equal = "4", not = "4" }"#, "exclude each other"),
        (r#""entity" = { one_of = ["4", "5"], not = ["5", "4"] }"#, "exclude each other"),
        (r#""entity" = { equal = "4", glob = "5*" }"#, "exclude each other"),
        (r#""total" = { equal = 5, from = 6 }"#, "exclude each other"),
        (r#""kind" = { not = ["invoice", "credit_memo"] }"#, "exclude each other"),
        (r#""line.kind" = { present = false }"#, "always present"),
        (r#""entity" = { present = false, glob = "4*" }"#, "beside a test of the value"),
    ] {
        let list = never(condition);
        assert_eq!(list.len(), 1, "{condition}: {list:#?}");
        assert!(list[0].contains(what) && list[0].starts_with("mapping.toml:6: rule 1 \"N\""), "{}", list[0]);
    }
}

#[test]
fn a_condition_must_fit_its_field() {
    let wrong = |condition: &str| {
        let list = rule_faults(&format!("[[rule]]\nwhen = {{ {condition} }}\nset = {{ account = \"1\" }}\n"));
        assert_eq!(list.len(), 1, "{condition}: {list:#?}");
        list[0].clone()
    };
    assert!(wrong(r#""line.kind" = "frieght""#).ends_with("did you mean `freight`?"));
    assert!(wrong(r#"total = "much""#).contains("must be a number"));
    assert!(wrong(r#""dates.due" = "soon""#).contains("must be a date"));
    assert!(wrong(r#"currency = "dollar""#).contains("three letters"));
    assert!(wrong(r#""line.taxable" = "maybe""#).contains("`true` or `false`"));
    assert!(wrong(r#""line.kind" = { from = 1 }"#).contains("no order"));
    assert!(wrong(r#"entity = { from = 1, to = 2026-01-01 }"#).contains("both be numbers or both be dates"));
    assert!(wrong(r#"entity = { glob = "[" }"#).contains("glob"));
    assert!(wrong(r#"entity = ["1", "2"]"#).contains("one_of"));
    assert!(wrong(r#"entity = {}"#).contains("tests nothing"));
    assert!(wrong(r#"entity = { one_off = ["1"] }"#).ends_with("did you mean `one_of`?"));
    assert!(wrong(r#"line.kind = "item""#).contains("write the whole field in quotes"));
}

#[test]
fn values_of_the_document_cannot_depend_on_a_line() {
    one(
        &rule_faults("[[rule]]\nname = \"T\"\nset = { term = \"{line.custom.Term}\" }\n"),
        "mapping.toml:6: rule 1 \"T\", set.term: `term` is chosen once for the document, `line.custom.Term` belongs to a line",
    );
    assert!(
        rule_faults("[[rule]]\nwhen = { \"line.kind\" = \"tax\" }\nset = { term = \"Net 30\" }\n")[0]
            .contains("`line.kind` belongs to a line")
    );
    assert!(rule_faults("[[rule]]\nset = { posting_date = \"tomorrow\" }\n")[0].contains("is no date"));
    assert!(rule_faults("[[rule]]\nset = { account = \"1\", account_label = \"2\" }\n")[0].contains("both"));
}

#[test]
fn a_rule_that_an_earlier_one_leaves_nothing_is_a_fault() {
    let pair = |first: &str, second: &str| {
        format!(
            "{VENDOR}[[rule]]\nname = \"First\"\n{first}\n[[rule]]\nname = \"Second\"\n{second}\n[table.kinds]\nkey = \"kind\"\nrows = [{{ kind = \"item\", account = \"1\" }}]\n"
        )
    };
    let shadowed = |first: &str, second: &str| match Rules::parse(&pair(first, second), &fixture()) {
        Ok(_) => false,
        Err(faults) => {
            assert_eq!(faults.len(), 1, "{faults:#?}");
            assert!(faults[0].what.contains("\"First\" above it always sets the same"), "{}", faults[0]);
            assert_eq!(faults[0].line, Some(7));
            true
        }
    };
    let second = "set = { account = \"2\" }";
    assert!(shadowed("set = { account = \"1\" }", second));
    assert!(shadowed("set = { account_label = \"{line.kind}\" }", second), "label and account share one place");
    assert!(shadowed("set = { account = \"{table.kinds[line.kind].account}\" }", second), "it decides or holds");
    assert!(!shadowed("set = { account = \"{table.kinds[line.kind].account}\" }\non_missing = \"next\"", second));
    assert!(!shadowed("set = { account = \"{split.segments.Account}\" }", second), "a missing field falls through");
    assert!(!shadowed("when = { \"line.kind\" = \"tax\" }\nset = { account = \"1\" }", second));
    assert!(!shadowed("set = { account = \"1\" }", "set = { account = \"2\", class = \"3\" }"), "the class is left");
}
