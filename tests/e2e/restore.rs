//! A data directory that comes back from a backup, however old, or not at all: nothing is doubled, nothing is lost.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tollgate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use tollgate::simulator::gateway::Person;

use crate::site::{PHRASE, Site, change, plain, posted, until};

/// Invoices from the start; three of them have a story.
const INVOICES: usize = 20;
/// Of a plant that no table knows: held whatever happens.
const UNKNOWN_PLANT: usize = 0;
/// Refused by Intacct once, and replayed by a person as the next generation.
const REPLAYED: usize = 1;
/// Reversed in Intacct by a person after it was posted.
const REVERSED: usize = 2;
/// Comes up in JAGGAER after the last backup.
const LATER: u64 = 8_100_001;

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// Control id and mark of every document that has a posting, by JAGGAER's id.
fn identities(site: &Site) -> BTreeMap<u64, (String, String)> {
    let mut found = BTreeMap::new();
    for id in site.documents().into_keys() {
        let shown = site.run(&format!("invoices show jaggaer:{id} --json")).exits(0).json();
        if let Value::Object(posting) = &shown["posting"] {
            let text = |name: &str| posting[name].as_str().unwrap().to_owned();
            found.insert(id, (text("control_id"), text("mark")));
        }
    }
    found
}

/// Runs until nothing moves. A store from before a person started posting waits for one to start it again.
fn work(site: &Site) {
    site.settle().exits(3);
    if site.run("status --json").json()["mode"]["mode"] == "waiting_for_start" {
        site.command(&["posting", "start", "--confirm", PHRASE]).exits(0);
        site.settle().exits(3);
    }
}

#[test]
fn a_backup_of_any_age_or_none_brings_the_same_postings_back_and_finds_them_in_the_books() {
    let mut world = plain(91, INVOICES);
    change(&mut world, UNKNOWN_PLANT, |detail| {
        *detail =
            serde_json::from_str(&detail.to_string().replace("\"businessUnit\":\"0", "\"businessUnit\":\"9")).unwrap();
    });
    let number = |nth: usize| world.expected.invoices[nth].number.clone().unwrap();
    let refused = Behaviour::FunctionError {
        errorno: "BL03000018".to_owned(),
        text: "Department 210 is not valid for this transaction".to_owned(),
        correction: "Use a valid department".to_owned(),
    };
    world.faults = vec![
        Fault::once(Trigger::BillNumber(number(REPLAYED)), refused),
        // Executed, and the engine is stopped before the answer comes.
        Fault::once(Trigger::NthWrite(5), Behaviour::AnswerLate(3_000)),
        Fault::once(Trigger::All(vec![Trigger::Kind(Kind::Write), Trigger::PerMille(200)]), Behaviour::Drop),
    ];
    let mut site = Site::new(world);
    site.set("TOLLGATE_INTACCT_FUNCTIONS_PER_REQUEST", "2");
    let kept = |name: &str| site.dir().join(format!("backup-{name}"));
    let backup = |name: &str| copy(&site.data(), &kept(name));

    site.run("run --once").exits(3);
    backup("polled");
    site.command(&["posting", "start", "--confirm", PHRASE]).exits(0);
    backup("started");
    let engine = site.engine();
    until("the fifth request is on its way", || site.writes() == 5);
    engine.freeze();
    backup("halfway");
    engine.thaw();
    let state = |nth: usize| site.stands(nth).0;
    until("all but two are posted", || (2..INVOICES).all(|nth| state(nth) == "posted"));
    assert_eq!((site.stands(UNKNOWN_PLANT).0, state(REPLAYED)), ("held".to_owned(), "failed".to_owned()));
    site.run(&format!("failures replay {}", site.id(REPLAYED))).exits(0);
    until("the refused one is posted", || state(REPLAYED) == "posted");
    engine.freeze();
    backup("after");
    engine.thaw();
    let reversed = site.standing(&site.number(REVERSED)).remove(0).record_no;
    site.person(Person::Reverse(reversed));
    site.jaggaer_gets(LATER);
    until("what came later is posted", || site.documents().get(&LATER).is_some_and(|row| row["state"] == "posted"));
    engine.terminate().exits(3);

    let (first, bills, writes) = (identities(&site), site.bills(), site.writes());
    let records = |site: &Site| -> BTreeMap<u64, Value> {
        site.documents().into_iter().map(|(id, row)| (id, row["record"].clone())).collect()
    };
    let before = records(&site);
    for name in ["polled", "started", "halfway", "after", "nothing at all"] {
        fs::remove_dir_all(site.data()).unwrap();
        if kept(name).exists() {
            copy(&kept(name), &site.data());
        }
        let unsettled = |state: &str| match kept(name).exists() {
            true => site.run("status --json").json()["states"][state]["count"].as_u64().unwrap(),
            false => 0,
        };
        assert_eq!(unsettled("sent") > 0, name == "halfway", "{name}: what was on its way then");
        work(&site);
        if name == "halfway" {
            // As of then it was refused; a person who replays it finds what was posted since.
            assert_eq!(site.stands(REPLAYED).0, "failed");
            site.run(&format!("failures replay {}", site.id(REPLAYED))).exits(0);
        }
        work(&site);
        assert_eq!((site.writes(), site.bills() == bills), (writes, true), "{name}: something was sent again");
        // The same identities, without any memory of them; only a generation that a person raised may be forgotten.
        let replayed = site.world.invoices[REPLAYED].id;
        for (known, identity) in identities(&site).into_iter().filter(|(known, _)| *known != replayed) {
            assert_eq!(first[&known], identity, "{name}: {known}");
        }
        assert_eq!(site.documents().len(), INVOICES + 1, "{name}");
        for nth in 0..INVOICES {
            match nth {
                UNKNOWN_PLANT => assert_eq!(site.stands(nth).0, "held", "{name}"),
                // A store that knows of the posting says so; one that does not asks a person. Neither posts it again.
                REVERSED if name == "after" => assert_eq!(site.stands(nth), posted(), "{name}"),
                REVERSED => {
                    let (state, reasons) = site.stands(nth);
                    assert!(["held", "differs"].contains(&&*state) && reasons == ["not_standing"], "{name}: {state}");
                }
                _ => assert_eq!(site.stands(nth), posted(), "{name}: {}", site.document(nth)),
            }
        }
        for (id, record) in records(&site) {
            assert!(record == before[&id] || record.is_null(), "{name}: {id} was {} and is {record}", before[&id]);
        }
        let attention = if name == "after" { 1 } else { 2 };
        assert_eq!(site.run("failures list --json").exits(0).lines().len(), attention, "{name}");
        site.run("audit verify").exits(0);
    }

    // Work goes on.
    site.jaggaer_gets(LATER + 1);
    site.settle().exits(3);
    assert_eq!(site.documents()[&(LATER + 1)]["state"], "posted");
    assert_eq!(site.bills().len(), bills.len() + 1);
}
