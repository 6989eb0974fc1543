//! Operations under fault: what an engineer who is woken at night sees, and that work goes on once the cause is gone.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Resource as Limited, Rlimit, prlimit};
use serde_json::{Value, json};
use tollgate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use tollgate::simulator::procurement::{Mishap, Resource, Trouble};

use crate::site::{Done, PHRASE, Running, Site, plain, posted, until};

/// An engine that has posted everything there was.
fn at_work(seed: u64) -> (Site, Running) {
    let site = Site::started(plain(seed, 4));
    let engine = site.engine();
    until("everything is posted", || (0..4).all(|nth| site.stands(nth) == posted()));
    (site, engine)
}

/// The running engine's alerts, each as its level, what happened and what to do.
fn alerts(site: &Site) -> Vec<String> {
    let status = site.ask(json!("status")).unwrap();
    let text = |alert: &Value| {
        format!("{}: {} {}", alert["level"].as_str().unwrap(), alert["what"].as_str().unwrap(), alert["advice"])
    };
    status["alerts"].as_array().unwrap().iter().map(text).collect()
}

/// Waits for an alert that has all of these parts, and gives the status as it is printed then.
fn alerted(site: &Site, code: i32, parts: &[&str]) -> Done {
    until(&format!("an alert says {parts:?}"), || {
        alerts(site).iter().any(|alert| parts.iter().all(|part| alert.contains(part)))
    });
    let mut status = site.run("status").exits(code);
    for part in &parts[1..] {
        status = status.says(part);
    }
    status
}

/// The cause is gone: the invoice that came up meanwhile is posted, nothing is left of it, and the books are whole.
fn goes_on(site: &Site, engine: Running, later: u64) {
    until("what came meanwhile is posted", || site.documents().get(&later).is_some_and(|row| row["state"] == "posted"));
    until("no alert is left", || alerts(site).is_empty());
    site.run("status").exits(0);
    engine.terminate().exits(0);
    let bills: Vec<_> = site.bills().into_iter().filter(|bill| bill.state.stands()).collect();
    assert_eq!(bills.len(), 5, "{bills:#?}");
    for nth in 0..4 {
        assert_eq!(site.standing(&site.number(nth)).len(), 1);
    }
    site.run("audit verify").exits(0);
}

#[test]
fn while_intacct_is_away_everything_waits_and_says_so() {
    let mut site = Site::started(plain(61, 4));
    site.set("TOLLGATE_INTACCT_WRITE_TIMEOUT", "1s");
    let engine = site.engine();
    until("everything is posted", || (0..4).all(|nth| site.stands(nth) == posted()));
    let (sent, faults) = (site.writes(), |fault| site.stage(|stage| stage.gateway.faults_mut().add(fault)));
    // It takes a bill and never says so, and then it is gone.
    faults(Fault::once(Trigger::Kind(Kind::Write), Behaviour::Silent));
    site.jaggaer_gets(9_000_001);
    until("it was sent", || site.writes() == sent + 1);
    faults(Fault::always(Trigger::Always, Behaviour::Unavailable(503)));
    let status =
        alerted(&site, 4, &["warning", "Intacct does not answer", "in doubt 1", "503", "tollgate queue resume"]);
    status.says("OUT OF REACH since").says("CIRCUIT OPEN").says("tollgate ping intacct").says("read back before");
    let json = site.run("status --json").exits(4).json();
    assert_eq!(
        (&json["session"]["state"], &json["gateway"]["lane"]["state"]),
        (&json!("unreachable"), &json!("circuit_open"))
    );
    assert!(engine.log().contains("the gateway is in trouble"), "{}", engine.log());
    site.run("ping intacct").exits(4).says("503");

    site.stage(|stage| stage.gateway.faults_mut().clear());
    site.run("queue resume").exits(0);
    goes_on(&site, engine, 9_000_001);
    assert_eq!(site.writes(), sent + 1, "it was found and not sent again");
}

#[test]
fn invoices_that_jaggaer_never_answers_for_or_refuses_keep_no_other_from_being_posted_in_any_life() {
    let site = Site::new(plain(67, 6));
    for (nth, does) in [(1, 503), (2, 500), (3, 503), (4, 403)] {
        let does = if does == 403 { Mishap::Forbidden } else { Mishap::Unavailable(does) };
        let trouble = Trouble { on: Resource::Detail(site.world.invoices[nth].id), skip: 0, times: None, does };
        site.stage(|stage| stage.procurement.add_trouble(trouble));
    }
    site.run("run --once").says("4 of 6 invoices could not be read");
    site.command(&["posting", "start", "--confirm", PHRASE]).exits(0);
    // What was read is known by now: those that fail follow one another, and what is new stands behind them.
    for later in [9_000_001, 9_000_002] {
        site.jaggaer_gets(later);
        site.settle().says("4 of ").says("invoices could not be read");
        let documents = site.documents();
        assert_eq!(documents[&later]["state"], "posted");
        assert!((1..5).all(|nth| !documents.contains_key(&site.world.invoices[nth].id)));
    }
    assert_eq!((site.stands(0), site.stands(5)), (posted(), posted()));
}

#[test]
fn while_jaggaer_is_away_the_flow_says_so_and_tries_again() {
    let (site, engine) = at_work(62);
    site.jaggaer_gets(9_000_001);
    site.stage(|stage| {
        stage.procurement.add_trouble(Trouble { on: Resource::Any, skip: 0, times: None, does: Mishap::Drop });
    });
    let parts =
        ["alarm", "flow invoices failed", "JAGGAER could not be reached", "Nothing is lost", "tollgate ping jaggaer"];
    alerted(&site, 4, &parts).says("OUT OF REACH since");
    let json = site.run("status --json").exits(4).json();
    assert_eq!(json["token"]["state"], "unreachable");
    assert!(engine.log().contains("run failed; it is tried again soon"), "{}", engine.log());
    site.run("ping jaggaer").exits(4);
    site.stage(|stage| stage.procurement.clear_troubles());
    goes_on(&site, engine, 9_000_001);
}

#[test]
fn while_the_disk_is_full_nothing_is_sent_and_what_to_free_is_named() {
    let mut site = Site::started(plain(63, 4));
    // A limit of the process stands for the disk's; its signal would end what a full disk does not.
    site.deaf_to("XFSZ");
    let engine = site.engine();
    until("everything is posted", || (0..4).all(|nth| site.stands(nth) == posted()));
    let limit = |bytes| {
        let pid = Pid::from_raw(i32::try_from(engine.pid()).unwrap());
        prlimit(pid, Limited::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    };
    limit(Some(64 << 10));
    let writes = site.writes();
    site.jaggaer_gets(9_000_001);
    let data = site.data().display().to_string();
    let status = alerted(&site, 3, &["alarm", "cannot be written", &data, "too large", "Free or mend the disk"]);
    status.says("goes on by itself");
    site.run("queue pause --reason full").exits(1).says("could not be written").says("Free or mend the disk");
    assert_eq!(site.run("status --json").exits(3).json()["pause"], Value::Null, "what was refused did not happen");
    assert!(engine.log().contains("could not be written"), "{}", engine.log());
    assert_eq!(site.writes(), writes, "nothing is sent whose intent cannot be written");
    limit(None);
    goes_on(&site, engine, 9_000_001);
}

#[test]
fn credentials_that_are_revoked_stop_what_needs_them_until_a_person_acts() {
    let (site, engine) = at_work(64);
    site.stage(|stage| {
        let faults = stage.gateway.faults_mut();
        faults.add(Fault::always(Trigger::Kind(Kind::Login), Behaviour::LoginRefused));
        faults.add(Fault::always(Trigger::Always, Behaviour::SessionExpired));
    });
    site.jaggaer_gets(9_000_001);
    let status = alerted(&site, 4, &["alarm", "the gateway lane stopped", "intacct.user_password"]);
    status.says("REFUSED since").says("STOPPED");
    assert!(engine.log().contains("the lane stops until a person acts"), "{}", engine.log());
    site.stage(|stage| {
        stage.gateway.faults_mut().clear();
        let mut always = |on, does| stage.procurement.add_trouble(Trouble { on, skip: 0, times: None, does });
        always(Resource::Token, Mishap::Unauthorized);
        always(Resource::List, Mishap::TokenExpired);
    });
    site.run("queue resume").exits(0);
    until("JAGGAER refuses too", || site.ask(json!("status")).unwrap()["token"]["state"] == "refused");
    alerted(&site, 4, &["flow", "flow invoices failed", "tollgate secret set jaggaer.client_secret"])
        .says("REFUSED since");
    site.stage(|stage| stage.procurement.clear_troubles());
    // Whichever were due while they were refused stand still until a person runs them.
    for flow in ["dimensions", "vendors", "invoices"] {
        site.run(&format!("flow run {flow}")).exits(0);
    }
    goes_on(&site, engine, 9_000_001);
}

/// Every command that needs the store says the same about it, and leaves it as it is.
fn refused(site: &Site, file: &Path, parts: &[&str], code: i32) {
    let before = fs::read(file).unwrap_or_default();
    for line in ["run --once", "status", "audit verify"] {
        let mut done = site.run(line).exits(code);
        for part in parts {
            done = done.says(part);
        }
    }
    assert!(fs::read(file).unwrap_or_default() == before, "it was written to");
}

/// What becomes of a file's bytes.
type Damage = fn(&mut Vec<u8>);

#[test]
fn a_damaged_store_is_left_as_it_is_and_a_backup_of_it_goes_on() {
    let (site, engine) = at_work(65);
    engine.terminate().exits(0);
    let store = site.data().join("tollgate.redb");
    let good = fs::read(&store).unwrap();
    site.jaggaer_gets(9_000_001);
    let engine = site.engine();
    until("it is posted", || site.documents().get(&9_000_001).is_some_and(|row| row["state"] == "posted"));
    engine.kill();
    let newest = fs::read(&store).unwrap();
    let damage: [(&str, Damage); 4] = [
        ("cut in half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("its head overwritten", |bytes| bytes[64..320].fill(0xA5)),
        ("everything but its head gone", |bytes| bytes[8192..].fill(0)),
        ("a bit here and there", |bytes| bytes.iter_mut().skip(8192).step_by(1021).for_each(|byte| *byte ^= 0x10)),
    ];
    for (what, damage) in damage {
        let mut bytes = newest.clone();
        damage(&mut bytes);
        fs::write(&store, bytes).unwrap();
        println!("{what}");
        refused(
            &site,
            &store,
            &["tollgate.redb is damaged", "left as it is", "Restore it from a backup", "none is doubled"],
            1,
        );
    }
    fs::write(&store, b"a note that somebody saved here").unwrap();
    refused(&site, &store, &["is not a Tollgate store", "left as it is"], 1);
    fs::write(&store, good).unwrap();
    let engine = site.engine();
    goes_on(&site, engine, 9_000_001);
}

#[test]
fn without_the_vault_or_its_key_nothing_is_made_anew_and_what_to_put_back_is_named() {
    let (site, engine) = at_work(66);
    let (key, vault) = (site.dir().join("key"), site.data().join("vault.toml"));
    let aside = |path: &Path| fs::rename(path, path.with_extension("aside")).unwrap();
    let back = |path: &Path| fs::rename(path.with_extension("aside"), path).unwrap();
    // The engine that runs has what it needs in memory.
    aside(&key);
    site.jaggaer_gets(9_000_001);
    until("it is posted", || site.documents().get(&9_000_001).is_some_and(|row| row["state"] == "posted"));
    engine.terminate().exits(0);
    site.run("run --once").exits(2).says(&key.display().to_string()).says("put back the one");
    site.run("status").exits(0);
    back(&key);
    aside(&vault);
    for done in [site.run("run --once"), site.with_input("secret set jaggaer.client_secret", b"new")] {
        done.exits(2).says("vault.toml is missing").says("put it back").says("none is doubled");
    }
    assert!(!vault.exists(), "a new one would not open what is there");
    back(&vault);
    let engine = site.engine();
    goes_on(&site, engine, 9_000_001);
}
