//! Observing: everything is read, mapped and compared, and nothing is ever written; and the step from there to posting.

use serde_json::{Value, json};
use tollgate::simulator::world::World;

use crate::site::{PHRASE, Site};

#[test]
fn observing_writes_nothing_and_tells_what_would_be_posted() {
    let mut site = Site::new(World::demo(5));
    site.set("TOLLGATE_POSTING_MODE", "observe");
    let before = site.bills();
    site.settle().exits(3);
    let summary = site.settle().exits(3).json();
    assert_eq!((site.writes(), site.bills()), (0, before), "observing must leave the books alone");
    assert_eq!(site.stage(|stage| stage.procurement.stats().writes_refused), 0);

    // What Intacct alone can refuse is not known yet: it counts as would be posted. Ours from before is found, and so is a twin.
    let expected = &site.world.expected;
    let count = |wanted: &dyn Fn(&tollgate::simulator::world::ExpectedInvoice) -> bool| {
        expected.invoices.iter().filter(|invoice| wanted(invoice)).count() as u64
    };
    let at_intacct_only = count(&|one| one.state == "failed" || one.reasons.contains("period_closed"));
    let adopted = count(&|one| one.adopted);
    let would = count(&|one| one.state == "posted") - adopted + at_intacct_only;
    let held = count(&|one| one.state == "held" && !one.reasons.contains("period_closed"));
    let shown = |state: &str| summary["documents"][state]["count"].as_u64().unwrap();
    assert_eq!((shown("queued"), shown("held"), shown("posted")), (would, held, adopted), "{summary}");
    let status = site.run("status --json").json();
    assert_eq!(status["mode"], json!({"mode": "observe"}));
    assert_eq!(status["states"]["queued"]["count"], would);
    let documents = site.documents();
    for invoice in &expected.invoices {
        let row = &documents[&invoice.jaggaer_id];
        if invoice.adopted {
            assert_eq!((&row["state"], &row["flags"]), (&json!("posted"), &json!(["adopted"])), "{row}");
        }
        if invoice.reasons.contains("twin_by_hand") {
            assert_eq!((&row["state"], &row["reasons"]), (&json!("held"), &json!(["twin_by_hand"])), "{row}");
        }
    }

    // Observing is not overruled by the phrase.
    site.command(&["posting", "start", "--confirm", PHRASE]).exits(2).says("observe");
    site.set("TOLLGATE_POSTING_MODE", "post");
    // To be configured is not enough either.
    site.settle().exits(3);
    assert_eq!(site.writes(), 0, "nobody has started it");
    for wrong in ["", "yes", "post into DEMOCO", "post into democo from 2025-09-01", "post into DEMOCO from 2025-09-02"]
    {
        site.command(&["posting", "start", "--confirm", wrong]).exits(2).says("nothing was started");
    }
    site.settle().exits(3);
    assert_eq!(site.writes(), 0, "a wrong phrase starts nothing");

    site.command(&["posting", "start", "--confirm", PHRASE]).exits(0);
    site.settle().exits(3);
    site.settle().exits(3);
    let findings = site.judged();
    assert!(findings.is_empty(), "{findings:#?}");
    let records: Vec<Value> = site
        .run("audit export")
        .lines()
        .iter()
        .map(|line| serde_json::from_str(line["record"].as_str().unwrap()).unwrap())
        .collect();
    let starts: Vec<&Value> = records.iter().filter(|record| record["event"] == "posting_started").collect();
    let [start] = starts.as_slice() else { panic!("started once: {starts:#?}") };
    let who = start["who"].to_string();
    assert!(who.contains("person") && who.contains(&rustix::process::getuid().as_raw().to_string()), "{start}");
    let first_intent = records.iter().position(|record| record["event"] == "intent").unwrap();
    assert!(records.iter().position(|record| record == *start).unwrap() < first_intent);

    // And back.
    site.run("posting stop").exits(0);
    let writes = site.writes();
    let fresh = World::bulk(77, 1, 1).invoices.remove(0).value();
    site.jaggaer(tollgate::simulator::procurement::Change::Add(fresh));
    site.settle().exits(3);
    assert_eq!(site.writes(), writes, "stopped means observing again");
}
