//! `tollgate demo --headless`: what it prints, and that the books hold exactly what the generator said.

use std::process::Command;

use serde_json::Value;
use tollgate::simulator::world::World;

const STATES: [&str; 13] = [
    "posted",
    "drafted",
    "queued",
    "sent",
    "claimed",
    "in_doubt",
    "held",
    "failed",
    "differs",
    "not_approved",
    "withdrawn",
    "before_cutover",
    "dismissed",
];

fn demo(seed: u64) {
    let home = tempfile::tempdir().unwrap();
    let temporary = home.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["demo", "--headless", "--json", "--seed", &seed.to_string()])
        .env_clear()
        .env("TMPDIR", &temporary)
        .current_dir(home.path())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(3), "{out}\n{err}");
    assert!(err.contains("The books hold exactly what the generator said they should."), "{err}");
    assert_eq!(out.lines().count(), 1, "one JSON value and nothing else: {out}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut top = keys(&summary);
    top.sort();
    assert_eq!(top, ["documents", "duration_ms", "exit_code", "flows", "gateway", "vendors"]);
    assert_eq!(summary["exit_code"], 3);
    for flow in ["dimensions", "vendors", "invoices"] {
        let counts = &summary["flows"][flow];
        let count = |name: &str| counts[name].as_u64().unwrap_or_else(|| panic!("{flow}.{name}: {counts}"));
        assert_eq!(count("read"), count("new") + count("unchanged"));
    }
    // What the summary says, to the cent, against what the generator said before anything was read.
    let expected = World::demo(seed).expected;
    let documents = &summary["documents"];
    let mut listed = keys(documents);
    listed.sort();
    let mut all = STATES.to_vec();
    all.sort_unstable();
    assert_eq!(listed, all);
    for state in STATES {
        let must = expected.states.get(state).cloned().unwrap_or_default();
        assert_eq!(documents[state]["count"].as_u64(), Some(must.count), "{state}: {}", documents[state]);
        let totals = documents[state]["totals"].as_object().unwrap();
        for (currency, total) in &must.totals {
            let shown: rust_decimal::Decimal = totals[currency].as_str().unwrap().parse().unwrap();
            assert_eq!(shown, *total, "{state} {currency}");
        }
        assert_eq!(totals.len(), must.totals.len(), "{state}: {totals:?}");
    }
    for name in ["requests", "functions", "transactions", "logins"] {
        assert!(summary["gateway"][name].as_u64().unwrap() > 0, "{name}");
    }
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "the throw-away directory stayed: {left:?}");
}

#[test]
fn the_demo_posts_what_its_generator_said_and_asks_about_the_rest() {
    demo(1);
}

#[test]
fn another_seed_gives_other_data_and_the_same_agreement() {
    demo(20_261_201);
}
