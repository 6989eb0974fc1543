//! What comes in bad from either side, or lies bad on the disk: named with what, where and what to do, and it stops no other.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::{Value, json};
use tollgate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use tollgate::simulator::gateway::Vendor;
use tollgate::simulator::procurement::{Change, Mishap, Resource, Trouble};
use tollgate::simulator::world::World;

use crate::site::{PHRASE, Site, change, held, plain, posted, until};

fn first_line(detail: &mut Value) -> &mut Value {
    &mut detail["lineList"]["invoiceLine"][0]
}

/// A profile of one's own that differs from the built-in one in this.
fn with_profile(site: &mut Site, text: &str) -> PathBuf {
    let path = site.dir().join("own.toml");
    fs::write(&path, format!("extends = \"j1p\"\nversion = 1\n{text}")).unwrap();
    site.set("TOLLGATE_JAGGAER_PROFILE", path.to_str().unwrap());
    path
}

#[test]
fn a_profile_that_finds_nothing_is_named_with_its_path() {
    // A field that is nowhere: each document says so, and none is posted.
    let mut site = Site::new(plain(61, 2));
    with_profile(&mut site, "[fields]\nnumber = \"$.nowhere.atAll\"\n");
    site.settle().exits(3);
    assert_eq!(site.stands(0), held("no_bill_number"));
    // A list that is nowhere: the run fails and says which path found nothing.
    let mut site = Site::new(plain(61, 2));
    with_profile(&mut site, "[invoices]\nitems_path = \"$.nowhere.atAll\"\n");
    let done = site.run("run --once --json");
    assert!(done.code == 1 || done.code == 4, "{done:?}");
    done.says("nowhere.atAll").says("profile");
    assert!(site.documents().is_empty());
    // A header that is nowhere.
    let mut site = Site::new(plain(61, 2));
    with_profile(&mut site, "[invoices]\nheader_path = \"$.nowhere\"\n");
    site.settle().exits(3);
    let row = site.document(0);
    assert_eq!((&row["state"], &row["reasons"]), (&json!("held"), &json!(["unreadable"])), "{row}");
    assert!(row["detail"].as_str().unwrap().contains("nowhere"), "{row}");
    // One that cannot be read at all, or says what nobody understands, is no configuration.
    let mut site = Site::new(plain(61, 1));
    let path = with_profile(&mut site, "[fields]\nnumbr = \"$.x\"\n");
    site.run("run --once").exits(2).says("own.toml").says("numbr").says("number");
    fs::write(&path, "extends = \"j1p\"\nversion = 1\n[fields]\nnumber = \"$..[?\"\n").unwrap();
    site.run("run --once").exits(2).says("own.toml").says("number");
    fs::remove_file(&path).unwrap();
    site.run("run --once").exits(2).says("own.toml");
}

#[test]
fn one_bad_document_is_held_with_its_reason_and_the_others_are_posted() {
    let mut world = plain(62, 14);
    change(&mut world, 0, |detail| detail["lineList"] = json!("nonsense"));
    change(&mut world, 1, |detail| detail["header"]["total"] = json!([1, {"value": []}]));
    change(&mut world, 2, |detail| detail["header"]["invoiceDate"] = json!("the day after tomorrow"));
    change(&mut world, 3, |detail| first_line(detail)["quantity"] = json!("many"));
    change(&mut world, 4, |detail| {
        let price = &mut first_line(detail)["unitPrice"];
        *price = json!(price.as_f64().unwrap().round() + 1000.0);
    });
    change(&mut world, 5, |detail| detail["header"]["supplierInvoiceNumber"] = json!("A\u{0}B"));
    change(&mut world, 6, |detail| detail["header"]["supplierInvoiceNumber"] = json!("A\u{202e}B"));
    change(&mut world, 7, |detail| {
        first_line(detail)["item"]["description"] = json!("NUL\u{0} and \u{b}\u{1b}[2J, \u{ffff} and ]]> & <b>");
    });
    change(&mut world, 8, |detail| detail["header"]["total"]["currency"] = json!("GOLD"));
    change(&mut world, 9, |detail| detail["header"]["total"]["value"] = json!("1e400"));
    let poisoned = world.expected.invoices[10].number.clone().unwrap();
    world.faults.push(Fault::always(Trigger::BillNumber(poisoned), Behaviour::Poison));
    // JAGGAER answers one of them with half of its document, again and again.
    let cut = world.invoices[11].id;
    world.troubles.push(Trouble { on: Resource::Detail(cut), skip: 0, times: None, does: Mishap::Malformed });
    let total = world.expected.invoices[4].total.unwrap();
    let site = Site::started(world);
    let first = site.run("run --once --json");
    assert_ne!(first.code, 0);
    first.says(&cut.to_string());
    let done = site.run("run --once --settle --json");
    let rows = site.documents();
    let row = |nth: usize| rows[&site.world.invoices[nth].id].clone();
    for nth in [0, 1, 2, 3, 4, 5, 6, 8, 9] {
        let row = row(nth);
        assert_eq!(row["state"], "held", "{nth}: {row}");
        assert!(!row["reasons"].as_array().unwrap().is_empty(), "{nth}: {row}");
        let shown = site.run(&format!("failures show {} --json", site.id(nth))).exits(0).json();
        for reason in shown["reasons"].as_array().unwrap() {
            for part in ["title", "detail", "advice"] {
                assert!(!reason[part].as_str().unwrap().is_empty(), "{nth}: {reason}");
            }
        }
        assert!(site.bills().iter().all(|bill| !bill.description.contains(&mark(&site, nth))), "{nth} was posted");
    }
    assert_eq!(row(3)["reasons"], json!(["unreadable"]));
    assert!(row(3)["detail"].as_str().unwrap().contains("many"), "{}", row(3));
    assert_eq!(row(4)["reasons"], json!(["totals_disagree"]));
    assert!(row(4)["detail"].as_str().unwrap().contains(&total.to_string()), "both sums are named: {}", row(4));
    assert_eq!((&row(5)["reasons"], &row(6)["reasons"]), (&json!(["bad_bill_number"]), &json!(["bad_bill_number"])));
    // Forbidden characters in a text are taken out, and the trail says so.
    assert_eq!(site.stands(7), posted());
    let removed =
        site.trail(7).into_iter().find_map(|record| record["facts"]["characters_removed"].as_str().map(str::to_owned));
    let removed: u32 = removed.expect("in the trail").parse().unwrap();
    assert!(removed >= 3, "{removed}");
    let [bill] = &site.standing(&site.number(7))[..] else { panic!("once") };
    assert!(bill.lines[0].memo.contains("]]> & <b>") && !bill.lines[0].memo.contains('\u{0}'), "{bill:?}");
    // The one that makes the gateway refuse whatever holds it fails alone.
    let (state, reasons) = site.stands(10);
    assert_eq!((state.as_str(), reasons), ("failed", vec!["refused".to_owned()]));
    assert_eq!(row(10)["class"], "bug");
    for nth in [12, 13] {
        assert_eq!(site.stands(nth), posted());
    }
    // The one that cannot be read from JAGGAER is either not known yet or held; a good answer mends it.
    assert_ne!(done.code, 0);
    site.stage(|stage| stage.procurement.clear_troubles());
    site.settle().exits(3);
    assert_eq!(site.stands(11), posted());
}

#[test]
fn what_changed_and_cannot_be_read_is_not_sent_and_stops_no_other() {
    let site = Site::started(plain(68, 3));
    let first = site.world.invoices[0].id;
    site.jaggaer(Change::Withdraw(first));
    site.stage(|stage| {
        let trouble = Trouble { on: Resource::Detail(first), skip: 0, times: None, does: Mishap::Malformed };
        stage.procurement.add_trouble(trouble);
    });
    let done = site.settle();
    assert_ne!(done.code, 0);
    done.says(&first.to_string());
    assert_eq!(site.stands(0), held("unreadable"));
    assert!(site.standing(&site.number(0)).is_empty(), "its approval is gone, and nobody could know");
    assert_eq!((site.stands(1), site.stands(2)), (posted(), posted()));
    site.stage(|stage| stage.procurement.clear_troubles());
    site.settle().exits(0);
    assert_eq!(site.stands(0).0, "withdrawn");
    site.jaggaer(Change::Approve(first));
    site.settle().exits(0);
    assert_eq!(site.stands(0), posted());
}

#[test]
fn what_is_held_and_cannot_be_read_any_more_is_not_sent_by_what_it_said_before() {
    let mut world = plain(69, 3);
    change(&mut world, 0, |detail| detail["header"]["supplier"]["supplierNumber"] = json!("V-20001"));
    let site = Site::started(world);
    site.settle().exits(3);
    assert_eq!(site.stands(0), held("vendor_unknown"));
    let first = site.world.invoices[0].id;
    site.jaggaer(Change::Withdraw(first));
    site.stage(|stage| {
        let trouble = Trouble { on: Resource::Detail(first), skip: 0, times: None, does: Mishap::Malformed };
        stage.procurement.add_trouble(trouble);
    });
    assert_ne!(site.settle().code, 0);
    assert_eq!(site.stands(0), held("unreadable"));
    // What it waited for comes.
    site.stage(|stage| {
        let vendor = Vendor { record_no: 2001, id: "V-20001".to_owned(), active: true, ..Vendor::default() };
        stage.gateway.masters_mut().vendors.insert(vendor.id.clone(), vendor);
    });
    assert_ne!(site.settle().code, 0);
    assert!(site.standing(&site.number(0)).is_empty(), "its approval is gone, and nobody could know");
    site.stage(|stage| stage.procurement.clear_troubles());
    site.settle().exits(0);
    assert_eq!(site.stands(0).0, "withdrawn");
}

fn mark(site: &Site, nth: usize) -> String {
    tollgate::simulator::world::mark_stem(&site.world.expected.invoices[nth].key)
}

#[test]
fn ten_thousand_lines_are_posted_or_refused_in_words() {
    let world = World::bulk(63, 1, 10_000);
    let site = Site::started(world);
    let done = site.settle();
    let (state, _) = site.stands(0);
    if state == "posted" {
        assert_eq!(done.code, 0, "{done:?}");
        let [bill] = &site.standing(&site.number(0))[..] else { panic!("once") };
        assert!(bill.lines.len() >= 10_000, "{}", bill.lines.len());
        assert!(site.judged().is_empty());
    } else {
        assert_eq!((done.code, state.as_str(), site.bills().len()), (3, "held", 0), "{done:?}");
        assert_eq!(site.stands(0), held("too_large"));
    }
}

#[test]
fn a_page_for_people_instead_of_xml_loses_and_doubles_nothing() {
    let mut world = plain(64, 8);
    world.faults = vec![
        Fault::once(Trigger::NthWrite(1), Behaviour::HtmlOk),
        Fault::once(Trigger::NthWrite(2), Behaviour::BadGateway(502)),
    ];
    let mut site = Site::new(world);
    site.set("TOLLGATE_INTACCT_FUNCTIONS_PER_REQUEST", "3");
    site.run("run --once");
    site.command(&["posting", "start", "--confirm", PHRASE]).exits(0);
    site.settle().exits(0);
    assert!(site.judged().is_empty(), "{:#?}", site.judged());
    // And where nothing but pages comes, it is said what came.
    site.stage(|stage| stage.gateway.faults_mut().add(Fault::always(Trigger::Always, Behaviour::HtmlOk)));
    site.jaggaer_gets(6_000_010);
    let done = site.run("run --once").exits(4);
    assert!(done.err.to_lowercase().contains("html") || done.err.contains("web page"), "{done:?}");
    // JAGGAER can do that too.
    site.stage(|stage| {
        stage.gateway.faults_mut().clear();
        stage.procurement.add_trouble(Trouble { on: Resource::List, skip: 0, times: None, does: Mishap::HtmlOk });
    });
    let done = site.run("run --once");
    assert!(matches!(done.code, 1 | 4), "{done:?}");
    done.says("web page");
}

#[test]
fn a_session_that_names_another_endpoint_stops_the_lane_and_gets_no_credentials() {
    let trap = TcpListener::bind("127.0.0.2:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let mut world = plain(65, 2);
    let good = world.gateway.path.clone();
    let offered = format!("http://{}{good}", trap.local_addr().unwrap());
    world.faults = vec![Fault::always(Trigger::Kind(Kind::Login), Behaviour::HostileEndpoint(offered.clone()))];
    let site = Site::new(world);
    site.run("run --once").exits(4).says("127.0.0.2");
    let logins = site.stage(|stage| stage.gateway.stats().logins);
    assert_eq!(logins, 1, "it is not asked again");
    let engine = site.engine();
    until("the refusal shows", || site.ask(json!("status")).unwrap()["session"]["state"] == "refused");
    let status = site.ask(json!("status")).unwrap();
    let alerts = status["alerts"].to_string().to_lowercase();
    let session = status["session"].to_string().to_lowercase();
    assert!(alerts.contains("security") || session.contains("security"), "{status:#}");
    site.run("status").exits(4).says("127.0.0.2");
    engine.terminate();
    let reached = trap.accept();
    assert!(reached.is_err(), "something went to {offered}");
    // What https and other hosts would be offered, likewise.
    for offer in
        ["https://intacct.com.evil.example/ia/xml/xmlgw.phtml", "https://api.intacct.com@127.0.0.2/ia/xml/xmlgw.phtml"]
    {
        site.stage(|stage| {
            let faults = stage.gateway.faults_mut();
            faults.clear();
            faults.add(Fault::always(Trigger::Kind(Kind::Login), Behaviour::HostileEndpoint(offer.to_owned())));
        });
        site.run("run --once").exits(4).says("endpoint");
    }
    site.stage(|stage| stage.gateway.faults_mut().clear());
    site.run("run --once").exits(3);
}

#[test]
fn a_store_that_is_damaged_or_something_else_is_left_as_it_is() {
    let site = Site::started(plain(66, 40));
    site.settle().exits(0);
    let store = site.data().join("tollgate.redb");
    let good = fs::read(&store).unwrap();
    let writes = site.writes();
    let mut refused = 0;
    let mut damage: Vec<(String, Vec<u8>)> = vec![
        ("foreign text".to_owned(), b"Dear colleague, please find attached the minutes of our meeting.\n".repeat(500)),
        ("a SQLite file".to_owned(), [b"SQLite format 3\0".to_vec(), vec![0; 8192]].concat()),
        ("one byte".to_owned(), vec![b'x']),
        ("its head alone".to_owned(), good[..64].to_vec()),
        ("half of it".to_owned(), good[..good.len() / 2].to_vec()),
        ("zeros behind the magic number".to_owned(), [good[..9].to_vec(), vec![0; good.len() - 9]].concat()),
    ];
    for at in [12, 66, 100, 140, 194, 228, 268] {
        let mut bytes = good.clone();
        bytes[at..at + 16].iter_mut().for_each(|byte| *byte ^= 0xa5);
        damage.push((format!("16 bytes at {at}"), bytes));
    }
    let mut chance = fastrand::Rng::with_seed(66);
    for _ in 0..6 {
        let page = chance.usize(1..good.len() / 4096);
        let mut bytes = good.clone();
        bytes[page * 4096..(page + 1) * 4096].iter_mut().for_each(|byte| *byte = chance.u8(..));
        damage.push((format!("page {page}"), bytes));
    }
    for (what, bytes) in &damage {
        for line in ["status --json", "run --once --json"] {
            fs::write(&store, bytes).unwrap();
            let done = site.run(line);
            assert!(!done.err.contains("panicked"), "{what}: {done:?}");
            assert!(done.code >= 0, "{what}: killed by a signal: {done:?}");
            // Damage where nothing is read, or where redb keeps a spare, is nobody's business.
            if (what.starts_with("page") || what.starts_with("16 bytes")) && matches!(done.code, 0 | 3) {
                continue;
            }
            assert_eq!(done.code, 1, "{what}: {done:?}");
            assert!(done.out.is_empty(), "{what}: {done:?}");
            let named = done.err.contains("tollgate.redb") || (what.starts_with("page") && done.err.contains("backup"));
            assert!(named && done.err.contains("error: "), "{what}: {done:?}");
            if !what.starts_with("page") {
                let words = ["left as it is", "left as it was"];
                assert!(words.iter().any(|words| done.err.contains(words)), "{what}: {done:?}");
                assert!(fs::read(&store).unwrap() == *bytes, "{what}: the file was changed by `{line}`");
            }
            refused += 1;
        }
    }
    assert!(refused >= 12, "{refused}");
    assert_eq!(site.writes(), writes, "nothing was sent on the word of a damaged store");
    // The backup is put back, and everything is as it was.
    fs::write(&store, &good).unwrap();
    site.settle().exits(0);
    // Without any store at all the bills are found by their marks: adopted, none doubled.
    fs::remove_file(&store).unwrap();
    site.settle().exits(0);
    assert_eq!((site.bills().len(), site.writes()), (40, writes));
    assert_eq!(site.document(7)["flags"], json!(["adopted"]));
}

#[test]
fn a_damaged_vault_is_left_as_it_is_and_named() {
    let site = Site::started(plain(67, 1));
    let path = site.data().join("vault.toml");
    let good = fs::read(&path).unwrap();
    for damaged in [&b""[..], b"not toml at all [", &good[..good.len() / 2], &[0xff; 300]] {
        fs::write(&path, damaged).unwrap();
        site.run("run --once").exits(1).says("vault.toml").says("untouched");
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
    // Taken away while there are documents: no new one is made in its place, they could not be opened with it.
    fs::remove_file(&path).unwrap();
    assert_ne!(site.run("run --once").says("vault").code, 0);
    assert!(!path.exists());
    fs::write(&path, &good).unwrap();
    site.settle().exits(0);
}
