//! Two supplier masters that meet: what is written only after a start, what a person decides, and what never changes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tollgate::simulator::gateway::{Person, Vendor};
use tollgate::simulator::procurement::Change;
use tollgate::simulator::world::{Event, Kin, Kinship, Later, Partners, World};

use crate::site::{Done, PHRASE, Running, Site, change, held, plain, posted, until};

/// The sides' names of the fields that are made to differ, with the member of JAGGAER's record and the name of a query.
const MEMBERS: [(&str, &str, &str); 7] = [
    ("name", "companyName", "NAME"),
    ("email", "bizEmail", "DISPLAYCONTACT.EMAIL1"),
    ("phone", "bizPhone", "DISPLAYCONTACT.PHONE1"),
    ("website", "webSite", "DISPLAYCONTACT.URL1"),
    ("address_1", "address", "DISPLAYCONTACT.MAILADDRESS.ADDRESS1"),
    ("city", "city", "DISPLAYCONTACT.MAILADDRESS.CITY"),
    ("zip", "zip", "DISPLAYCONTACT.MAILADDRESS.ZIP"),
];

/// Both masters as the simulated systems hold them, and who changed what.
struct Books {
    vendors: BTreeMap<String, Vendor>,
    suppliers: BTreeMap<u64, Value>,
    /// Vendor, field, new value; of what the product wrote.
    to_intacct: Vec<(String, String, String)>,
    /// Supplier, member, new value; of what the product wrote.
    to_jaggaer: Vec<(u64, String, String)>,
}

impl Books {
    fn of(site: &Site) -> Books {
        site.stage(|stage| Books {
            vendors: stage.gateway.masters().vendors.clone(),
            suppliers: stage.procurement.suppliers().map(|(id, record)| (*id, record.clone())).collect(),
            to_intacct: {
                let ours = stage.gateway.vendor_changes().iter().filter(|change| change.by.is_some());
                ours.map(|it| (it.vendor_id.clone(), it.field.clone(), it.after.clone())).collect()
            },
            to_jaggaer: {
                let ours = stage.procurement.supplier_changes().iter().filter(|change| change.by_interface);
                ours.map(|it| (it.id, it.field.clone(), it.after.clone())).collect()
            },
        })
    }

    fn created(&self) -> BTreeSet<String> {
        let ids = self.to_intacct.iter().filter(|(_, field, _)| field == "VENDORID");
        ids.map(|(id, ..)| id.clone()).collect()
    }

    /// Vendors that were changed and not created, with the fields.
    fn updated(&self) -> BTreeMap<String, BTreeSet<String>> {
        let created = self.created();
        let mut updated: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (id, field, _) in self.to_intacct.iter().filter(|(id, ..)| !created.contains(id)) {
            updated.entry(id.clone()).or_default().insert(field.clone());
        }
        updated
    }

    fn said(&self, supplier: u64, member: &str) -> String {
        self.suppliers[&supplier]["returnCompanyInfo"][member].as_str().unwrap_or_default().trim().to_owned()
    }

    /// Bank and payment data of both sides.
    fn bank(&self) -> (BTreeMap<String, [String; 3]>, BTreeMap<u64, Vec<Value>>) {
        let vendors = self.vendors.iter().map(|(id, one)| {
            (id.clone(), [one.pay_method.clone(), one.bank_routing.clone(), one.bank_account.clone()])
        });
        let suppliers = self.suppliers.iter().map(|(id, record)| {
            let all = record["deBasic"]["deInfo"].as_array().unwrap();
            let bank = all.iter().filter(|one| one["name"] == "BANK_ACCOUNT" || one["name"] == "PAYMENT_METHOD");
            (*id, bank.cloned().collect())
        });
        (vendors.collect(), suppliers.collect())
    }
}

/// Both masters, read once, and nothing started.
fn met(seed: u64, prepare: impl FnOnce(&mut World, &Partners)) -> (Site, Partners) {
    let (mut world, partners) = World::partners(seed, 300, 330);
    prepare(&mut world, &partners);
    let site = Site::new(world);
    site.run("run --once").exits(0);
    (site, partners)
}

fn nth(partners: &Partners, count: usize, wanted: impl Fn(&Kinship) -> bool) -> &Kinship {
    partners.truth.iter().filter(|one| wanted(one)).nth(count).expect("the seed has it")
}

fn equal(one: &Kinship) -> bool {
    matches!(one.kin, Kin::Key(_)) && one.differs.is_empty()
}

fn of_status(one: &Kinship) -> bool {
    matches!(one.kin, Kin::Key(_)) && one.differs == ["status"]
}

fn plan(site: &Site) -> Value {
    site.run("vendors plan --json").exits(3).json()
}

fn pair(site: &Site, of: &str) -> Value {
    site.run(&format!("vendors show {of} --json")).json()
}

fn state(site: &Site, of: &str) -> String {
    pair(site, of)["row"]["state"].as_str().unwrap().to_owned()
}

fn start(site: &Site) -> Done {
    let phrase = site.run("vendors plan --json").json()["phrase"].as_str().unwrap().to_owned();
    site.command(&["vendors", "start", "--confirm", &phrase, "--json"])
}

/// Reads both masters again, to the end.
fn read_again(site: &Site) {
    let flow = || {
        let flows = site.run("status --json").json()["flows"].clone();
        flows.as_array().unwrap().iter().find(|flow| flow["name"] == "vendors").cloned().unwrap()
    };
    until("the vendors are not being read", || flow()["state"] == "waiting");
    let before = flow()["last_end"].clone();
    site.run("flow run vendors").exits(0);
    until("the vendors were read", || flow()["state"] == "waiting" && flow()["last_end"] != before);
}

/// Names of an object's members, sorted.
fn members(value: &Value) -> Vec<&str> {
    let mut members: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    members
}

fn rests(site: &Site, engine: &mut Running) {
    until("nothing is to be written any more", || {
        assert!(engine.runs(), "{}", engine.log());
        let states = &site.run("status --json").json()["vendors"]["states"];
        states["writing"] == 0 && states["new"] == 0 && states["differs"] == 0
    });
}

/// The trail of a pair, each record as it is hashed.
fn trail(site: &Site, id: &Value) -> Vec<Value> {
    let lines = site.run(&format!("audit show p{id} --json")).exits(0).lines();
    lines.iter().map(|line| serde_json::from_str(line["record"].as_str().unwrap()).unwrap()).collect()
}

/// The one entry of this event, and that a person with a name made it.
#[track_caller]
fn by_person(site: &Site, id: &Value, event: &str) -> Value {
    let trail = trail(site, id);
    let found = trail.iter().find(|record| record["event"] == event).unwrap_or_else(|| panic!("{event}: {trail:#?}"));
    let name = found["who"]["person"]["name"].as_str().unwrap_or_default();
    assert!(!name.is_empty(), "{found}");
    assert_eq!(found["pair"], *id);
    found.clone()
}

#[test]
fn two_masters_meet_and_nothing_is_written_before_the_start_and_exactly_the_plan_after_it() {
    // Two that Intacct has to tell JAGGAER about: a blank there, and terms, which accounting decides.
    let mut told = Vec::new();
    let (site, partners) = met(7, |world, partners| {
        told = vec![nth(partners, 0, equal).supplier, nth(partners, 1, equal).supplier];
        for record in &mut world.suppliers {
            let id: u64 = record["returnCompanyInfo"]["bravoId"].as_str().unwrap().parse().unwrap();
            if id == told[0] {
                record["returnCompanyInfo"]["bizEmail"] = json!("");
            } else if id == told[1] {
                record["deBasic"]["deInfo"][0]["values"]["value"][0]["deValue"] = json!("Net 10");
            }
        }
    });
    let counts = partners.counts();
    let first = plan(&site);
    let impossible = |why: &str| partners.truth.iter().filter(|one| one.kin == Kin::Impossible(why.to_owned())).count();
    assert_eq!(first["suppliers"], json!(partners.truth.len()));
    assert_eq!(first["vendors"], json!(partners.vendors.len()));
    assert_eq!(first["linked"], json!(counts["equal"] + counts["different"]));
    assert_eq!(first["agreed"], json!(counts["equal"] - told.len()));
    assert_eq!(first["create"], json!(counts["new"]));
    assert_eq!(first["suggested"], json!(counts["tax id"] + counts["name and address"] + counts["two vendors"]));
    assert_eq!(first["closed"], json!(counts["inactive"] + counts["merged"]));
    assert_eq!(first["held"]["vendor_id_alike"], json!(counts["other case"]));
    assert_eq!(first["held"]["supplier_unnamed"], json!(impossible("no name")));
    assert_eq!(first["held"]["supplier_unnumbered"], json!(impossible("no number")));
    let held_in_all: u64 = first["held"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(held_in_all as usize, counts["other case"] + counts["rival"] + counts["impossible"]);
    let linked = |one: &&Kinship| matches!(one.kin, Kin::Key(_));
    let asks = |one: &&Kinship| one.differs.iter().any(|field| field == "status" || field == "tax_id");
    let differing: Vec<&Kinship> = partners.truth.iter().filter(linked).filter(|one| !one.differs.is_empty()).collect();
    let conflicts = differing.iter().copied().filter(asks).count();
    assert!(conflicts > 0 && conflicts < differing.len());
    assert_eq!(first["conflicts"], json!(conflicts));
    assert_eq!(first["update_intacct"], json!(differing.len() - conflicts));
    assert_eq!(first["update_jaggaer"], json!(told.len()));
    assert_eq!(first["started"], Value::Null);
    for (field, ..) in MEMBERS {
        let count = differing.iter().filter(|one| one.differs == [field]).count();
        let counts = json!({"to_intacct": count, "to_jaggaer": u64::from(field == "email"), "conflict": 0, "left": 0});
        assert_eq!(first["fields"][field], counts, "{field}");
    }

    // Nothing was written: not by reading, not by a plan, not by what is no start.
    let mut engine = site.engine();
    site.run("vendors start").exits(2).says("--confirm");
    site.command(&["vendors", "start", "--confirm", "yes"]).exits(2).says("phrase");
    read_again(&site);
    let phrase =
        json!(format!("create {}, change {}, change 2 in jaggaer", counts["new"], differing.len() - conflicts));
    assert_eq!(plan(&site)["phrase"], phrase);
    let before = Books::of(&site);
    assert_eq!((&before.vendors, before.suppliers.len()), (&partners.vendors, partners.suppliers.len()));
    assert!(before.to_intacct.is_empty() && before.to_jaggaer.is_empty());
    assert_eq!(site.writes(), 0);

    let started = start(&site).exits(0).json();
    assert!(started["message"].as_str().unwrap().contains("all fields"), "{started}");
    rests(&site, &mut engine);
    let after = Books::of(&site);
    let new: BTreeSet<String> =
        partners.truth.iter().filter(|one| one.kin == Kin::New).map(|one| one.number.clone()).collect();
    assert_eq!(after.created(), new);
    let mut must: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in &differing {
        for (_, member, field) in MEMBERS.iter().filter(|(word, ..)| one.differs == [*word]) {
            must.entry(one.number.clone()).or_default().insert((*field).to_owned());
            let is = after.vendors[&one.number].text(field).to_owned();
            assert_eq!(is, after.said(one.supplier, member), "{one:?}");
        }
    }
    assert_eq!(after.updated(), must, "nothing else is changed in Intacct");
    let changed: BTreeSet<u64> = after.to_jaggaer.iter().map(|(id, ..)| *id).collect();
    assert_eq!(changed, told.iter().copied().collect(), "{:?}", after.to_jaggaer);
    assert_eq!(after.to_jaggaer.len(), 2, "one field of each: {:?}", after.to_jaggaer);
    let vendor = &after.vendors[&nth(&partners, 0, equal).number];
    assert_eq!(after.said(told[0], "bizEmail"), vendor.contact.email);
    for id in &new {
        let vendor = &after.vendors[id];
        let supplier = partners.truth.iter().find(|one| one.number == *id).unwrap().supplier;
        assert_eq!(vendor.name, after.said(supplier, "companyName"));
        assert!(vendor.active && vendor.bank_account.is_empty() && vendor.bank_routing.is_empty());
        assert!(vendor.pay_method.is_empty(), "{vendor:?}");
    }

    // What was left to people is as it was, and bank data are everywhere what they were.
    let rest = plan(&site);
    for count in ["conflicts", "suggested", "closed", "held", "suppliers"] {
        assert_eq!(rest[count], first[count], "{count}");
    }
    assert_eq!((&rest["create"], &rest["update_intacct"], &rest["update_jaggaer"]), (&json!(0), &json!(0), &json!(0)));
    let (mut vendors, suppliers) = after.bank();
    vendors.retain(|id, _| !new.contains(id));
    assert_eq!((vendors, suppliers), before.bank());
    // Another reading finds nothing more to write, and neither does another life.
    let writes = site.writes();
    read_again(&site);
    rests(&site, &mut engine);
    engine.terminate().exits(3);
    site.settle().exits(3);
    let last = Books::of(&site);
    assert_eq!((last.to_intacct, last.to_jaggaer), (after.to_intacct, after.to_jaggaer));
    assert_eq!(site.writes(), writes);
    site.run("audit verify").exits(0);
}

#[test]
fn scripts_find_the_same_members_in_every_answer() {
    let (site, partners) = met(7, |_, _| {});
    let row = [
        "alerts",
        "detail",
        "differences",
        "high",
        "id",
        "name",
        "number",
        "since",
        "state",
        "suggestions",
        "vendor",
        "version",
    ];
    let rows = site.run("vendors list --json").exits(3).lines();
    assert_eq!(rows.len(), partners.truth.len());
    assert!(rows.iter().all(|one| members(one) == row), "{:?}", rows[0]);
    let agreed = site.run("vendors list --state agreed --json").exits(0).lines();
    assert!(agreed.len() > 100 && agreed.iter().all(|one| one["state"] == "agreed"));
    assert_eq!(site.run("vendors list --state agreed --limit 3 --json").exits(0).lines().len(), 3);
    assert!(site.run("vendors list --json nobody has this name").exits(0).lines().is_empty());
    site.run("vendors list --state strange").exits(2);

    let plan = plan(&site);
    let must = [
        "agreed",
        "at",
        "closed",
        "conflicts",
        "create",
        "fields",
        "held",
        "linked",
        "phrase",
        "started",
        "suggested",
        "suppliers",
        "unlinked_vendors",
        "update_intacct",
        "update_jaggaer",
        "vendors",
    ];
    assert_eq!(members(&plan), must);
    assert_eq!(plan["fields"].as_object().unwrap().len(), 17);
    let asked = nth(&partners, 0, of_status);
    let shown = site.run(&format!("conflicts show {} --json", asked.number)).exits(3).json();
    assert_eq!(members(&shown["row"]), row);
    let must = [
        "alerts",
        "basis",
        "error",
        "fields",
        "first_seen",
        "modified",
        "reasons",
        "record",
        "refused",
        "rivals",
        "row",
        "suggestions",
        "supplier",
        "trail",
        "writes",
        "writes_jaggaer",
    ];
    assert_eq!(members(&shown), must);
    let fields = shown["fields"].as_array().unwrap();
    let status = fields.iter().find(|one| one["field"] == "status").unwrap();
    assert_eq!(members(status), ["agreed", "course", "decided", "field", "intacct", "jaggaer", "policy"]);
    assert_eq!((&status["course"], &status["policy"]), (&json!("conflict"), &json!("ask")));
    assert_eq!((&status["jaggaer"], &status["intacct"]), (&json!("active"), &json!("inactive")));
    let fine = nth(&partners, 0, equal);
    assert_eq!(members(&site.run(&format!("vendors show {} --json", fine.number)).exits(0).json()), must);
    site.run("vendors show NOBODY --json").exits(2).says("NOBODY");
    site.run("audit show p999999").says("p999999");
    let entry = site.run(&format!("audit show p{} --json", shown["row"]["id"])).exits(0).lines();
    assert_eq!(members(&entry[0]), ["at", "hash", "number", "record", "request", "state", "what", "who"]);
    let outcome = start(&site).exits(0).json();
    assert_eq!(members(&outcome), ["done", "message", "refused", "repeated", "rows"]);
}

#[test]
fn one_pass_carries_out_what_it_finds_on_both_sides_and_reads_it_back() {
    let (site, partners) = met(7, |_, _| {});
    let mut engine = site.engine();
    start(&site).exits(0);
    rests(&site, &mut engine);
    engine.terminate();
    let (here, there) = (nth(&partners, 0, equal), nth(&partners, 1, equal));
    let typed = json!({"returnCompanyInfo": {"bizEmail": "procurement@changed.example"}});
    site.jaggaer(Change::AmendSupplier(here.supplier, typed));
    let edit = [("DISPLAYCONTACT.EMAIL1", "accounting@changed.example")];
    let edit = edit.map(|(field, value)| (field.to_owned(), value.to_owned()));
    site.person(Person::EditVendor(there.number.clone(), edit.into()));
    site.run("run --once").exits(3);
    let books = Books::of(&site);
    assert_eq!(books.vendors[&here.number].contact.email, "procurement@changed.example");
    assert_eq!(books.said(there.supplier, "bizEmail"), "accounting@changed.example");
    for of in [here, there] {
        assert_eq!(state(&site, &of.number), "agreed", "read back before the pass ended");
    }
}

#[test]
fn what_a_person_decides_is_true_in_both_systems_and_bank_data_stay_what_they_were() {
    let (site, partners) = met(7, |_, _| {});
    let bank = Books::of(&site).bank();
    let conflict = |count| nth(&partners, count, of_status);
    let looks_alike = |count| nth(&partners, count, |one| matches!(one.kin, Kin::TaxId(_)));
    let vendor_of = |one: &Kinship| match &one.kin {
        Kin::TaxId(id) => id.clone(),
        other => panic!("{other:?}"),
    };

    // Without an engine nothing is decided that both systems have to be read for.
    let waits = site.run("conflicts list --json").exits(3).lines();
    let all = waits.iter().filter(|row| row["differences"].to_string().contains("conflict")).count();
    assert_eq!((all, all), (waits.len(), plan(&site)["conflicts"].as_u64().unwrap() as usize));
    let resolve = |of: &Kinship, side: &str| site.run(&format!("conflicts resolve {} --take {side} --json", of.number));
    assert_ne!(resolve(conflict(0), "intacct").says("engine").code, 0);
    let mut engine = site.engine();
    start(&site).exits(0);
    rests(&site, &mut engine);

    // Each side's word, once: both systems say it.
    let is_active = |books: &Books, of: &Kinship| (books.vendors[&of.number].active, books.said(of.supplier, "status"));
    let (one, two, three) = (conflict(0), conflict(1), conflict(2));
    let id = pair(&site, &one.number)["row"]["id"].clone();
    site.run(&format!("conflicts resolve {}", one.number)).exits(2).says("--take");
    resolve(one, "intacct").exits(0);
    resolve(two, "jaggaer").exits(0);
    for decided in [one, two] {
        until("it is carried out", || state(&site, &decided.number) == "agreed");
    }
    let books = Books::of(&site);
    assert_eq!(is_active(&books, one), (false, "INACTIVE".to_owned()));
    assert_eq!(is_active(&books, two), (true, "ACTIVE".to_owned()));
    let decided = by_person(&site, &id, "pair_resolved");
    assert_eq!(decided["facts"]["status"], "inactive", "{decided}");
    resolve(one, "intacct").exits(2).says("no conflict");

    // What a person saw is not so any more: refused, nothing is written.
    let changed = json!({"returnCompanyInfo": {"status": "INACTIVE"}});
    site.jaggaer(Change::AmendSupplier(three.supplier, changed));
    assert_ne!(resolve(three, "jaggaer").says("meanwhile").code, 0);
    let version = pair(&site, &three.number)["row"]["version"].as_u64().unwrap();
    let number = pair(&site, &three.number)["row"]["id"].clone();
    let outdated = json!({"vendors": {"refuse": {"id": number, "version": version - 1, "vendor": three.number}}});
    let answer = tell(&site, &outdated);
    assert!(answer.to_string().contains("changed meanwhile"), "{answer}");
    until("they agree by themselves", || state(&site, &three.number) == "agreed");

    // Linked by a person, then the fields that differ are carried over; refused, it is its own vendor.
    let (linked, refused) = (looks_alike(0), looks_alike(1));
    assert_eq!(state(&site, &linked.number), "suggested");
    let order = |verb: &str, of: &Kinship| site.run(&format!("vendors {verb} {} {} --json", of.number, vendor_of(of)));
    order("link", linked).exits(0);
    order("refuse", refused).exits(0);
    site.run(&format!("vendors link {} NOBODY", looks_alike(2).number)).says("there is no vendor NOBODY");
    for decided in [linked, refused] {
        until("it is carried out", || state(&site, &decided.number) == "agreed");
    }
    let books = Books::of(&site);
    assert_eq!(books.vendors[&vendor_of(linked)].name, books.said(linked.supplier, "companyName"));
    assert!(!books.vendors.contains_key(&linked.number), "no second vendor for one that was linked");
    assert!(books.vendors.contains_key(&refused.number), "its own vendor was created");
    assert!(books.vendors[&vendor_of(refused)].name.starts_with("Formerly"), "the refused one is as it was");
    let shown = pair(&site, &linked.number);
    assert!(shown["basis"]["person"].as_str().is_some_and(|who| !who.is_empty()), "{}", shown["basis"]);
    by_person(&site, &shown["row"]["id"], "pair_linked");
    let shown = pair(&site, &refused.number);
    assert_eq!(shown["refused"], json!([vendor_of(refused)]));
    by_person(&site, &shown["row"]["id"], "vendor_refused");

    // Bank data that change are told, never carried over, and looked at by a person.
    let robbed = nth(&partners, 4, equal);
    let edit = [("ACHACCOUNTNUMBER", "000998877665"), ("DISPLAYCONTACT.PHONE1", "+81 6 5555 0000")];
    let edit = edit.map(|(field, value)| (field.to_owned(), value.to_owned()));
    site.person(Person::EditVendor(robbed.number.clone(), edit.into()));
    read_again(&site);
    until("the alert is there", || pair(&site, &robbed.number)["row"]["high"] == true);
    until("the telephone follows", || Books::of(&site).said(robbed.supplier, "bizPhone") == "+81 6 5555 0000");
    let alerted = site.run("vendors list --alerted --json").exits(3).lines();
    assert_eq!((alerted.len(), &alerted[0]["number"]), (1, &json!(robbed.number)));
    let alert = pair(&site, &robbed.number)["alerts"][0].clone();
    assert!(alert["new"].as_str().unwrap().ends_with("7665") && !alert.to_string().contains("8877665"), "{alert}");
    until("the pair rests", || state(&site, &robbed.number) == "agreed");
    site.run(&format!("vendors seen {} --json", robbed.number)).exits(0).json();
    by_person(&site, &alerted[0]["id"], "payment_seen");
    assert!(site.run("vendors list --alerted --json").exits(0).lines().is_empty());
    site.run(&format!("vendors seen {}", robbed.number)).exits(2).says("no alert");

    let (mut vendors, suppliers) = Books::of(&site).bank();
    let created = Books::of(&site).created();
    assert!(created.iter().all(|id| vendors.remove(id).unwrap().iter().all(String::is_empty)));
    assert_eq!(vendors.get_mut(&robbed.number).unwrap()[2], "000998877665", "what the person typed stands");
    vendors.insert(robbed.number.clone(), bank.0[&robbed.number].clone());
    assert_eq!((vendors, suppliers), bank);
    for (path, bytes) in site.everything_written() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("000998877665"), "a whole account number stands in {}", path.display());
    }
    site.run("vendors stop").exits(0);
    assert!(site.run("vendors stop").exits(2).err.contains("not started"));
    engine.terminate().exits(0);
    site.run("audit verify").exits(0);
}

/// Gives an order over the socket as it is; the answer as it is.
fn tell(site: &Site, command: &Value) -> Value {
    site.tell(json!({"key": "of-the-test", "command": command})).expect("an answer")
}

/// Ordinary invoices, the second of a supplier that is new in JAGGAER and no vendor yet.
fn with_a_newcomer(seed: u64) -> (World, String) {
    let (_, partners) = World::partners(seed, 60, 0);
    let position = partners.truth.iter().position(|one| one.kin == Kin::New).unwrap();
    let number = partners.truth[position].number.clone();
    let mut world = plain(seed, 3);
    world.suppliers = vec![partners.suppliers[position].clone()];
    change(&mut world, 1, |detail| detail["header"]["supplier"]["supplierNumber"] = json!(number));
    (world, number)
}

fn waits_for_its_vendor(seed: u64) -> (Site, String) {
    let (world, number) = with_a_newcomer(seed);
    let site = Site::started(world);
    site.settle().exits(3);
    assert_eq!(site.stands(1), held("vendor_unknown"));
    assert_eq!((site.stands(0), site.stands(2)), (posted(), posted()));
    let plan = site.run("vendors plan --json").exits(0).json();
    assert_eq!((&plan["create"], &plan["phrase"]), (&json!(1), &json!("create 1, change 0")));
    (site, number)
}

fn went_by_itself(site: &Site, number: &str) {
    assert_eq!(Books::of(site).created(), BTreeSet::from([number.to_owned()]));
    let bills = site.standing(&site.number(1));
    assert_eq!((bills.len(), bills[0].vendor_id.as_str()), (1, number));
    let people = site.trail(1).iter().filter(|record| record["who"].get("person").is_some()).count();
    assert_eq!(people, 0, "nobody touched it");
}

#[test]
fn an_invoice_that_waits_for_its_vendor_goes_by_itself_once_the_vendor_was_created() {
    let (site, number) = waits_for_its_vendor(71);
    let mut engine = site.engine();
    start(&site).exits(0);
    until("it is posted by itself", || {
        assert!(engine.runs(), "{}", engine.log());
        site.stands(1) == posted()
    });
    went_by_itself(&site, &number);
    engine.terminate().exits(0);
}

#[test]
fn a_start_without_an_engine_is_carried_out_by_the_next_pass() {
    let (site, number) = waits_for_its_vendor(72);
    start(&site).exits(0);
    assert!(Books::of(&site).created().is_empty());
    site.settle().exits(0);
    assert_eq!(site.stands(1), posted());
    went_by_itself(&site, &number);
}

#[test]
fn a_supplier_that_cannot_be_read_keeps_no_other_from_becoming_a_vendor_and_becomes_one_once_it_can() {
    let (_, partners) = World::partners(73, 60, 0);
    let is_new = |position: &usize| partners.truth[*position].kin == Kin::New;
    let new: Vec<usize> = (0..partners.truth.len()).filter(is_new).take(2).collect();
    let numbers: Vec<String> = new.iter().map(|position| partners.truth[*position].number.clone()).collect();
    let mut world = plain(73, 3);
    world.suppliers = new.iter().map(|position| partners.suppliers[*position].clone()).collect();
    change(&mut world, 1, |detail| detail["header"]["supplier"]["supplierNumber"] = json!(numbers[0]));
    let id: u64 = {
        let id = &world.suppliers[1]["returnCompanyInfo"]["bravoId"];
        id.as_u64().unwrap_or_else(|| id.as_str().unwrap().parse().unwrap())
    };
    let site = Site::new(world);
    let gets_id = |to: Value| {
        let patch = json!({"returnCompanyInfo": {"bravoId": to}});
        site.stage(|stage| assert!(stage.procurement.amend_supplier(jiff::Timestamp::now(), id, &patch)));
    };
    gets_id(Value::Null);
    let told = "flow vendors: 1 of 2 suppliers could not be read, the first is page 1, item";
    site.run("run --once").exits(1).says(told).says("it has no id");
    site.command(&["posting", "start", "--confirm", PHRASE]).exits(0);
    let plan = site.run("vendors plan --json").json();
    assert_eq!((&plan["suppliers"], &plan["phrase"]), (&json!(1), &json!("create 1, change 0")));
    start(&site).exits(0);
    // Each time in a new life, which writes nothing before the suppliers were read.
    for _ in 0..2 {
        site.settle().exits(1).says(told);
        assert_eq!(site.stands(1), posted());
        went_by_itself(&site, &numbers[0]);
    }
    gets_id(json!(id.to_string()));
    site.settle().exits(0);
    assert_eq!(Books::of(&site).created(), numbers.into_iter().collect());
}

#[test]
fn the_demo_has_every_thing_that_can_come_between_two_masters_and_an_invoice_that_goes_once_its_vendor_is_there() {
    let world = World::demo(1);
    let nth = world.expected.invoices.iter().position(|one| one.supplier == "V-10901").expect("a newcomer's invoice");
    let site = Site::started(world);
    site.settle().exits(3);
    site.settle().exits(3);
    assert_eq!(site.judged(), [], "as the generator said, while vendors are not started");
    assert_eq!(site.stands(nth), held("vendor_unknown"));
    let bills = site.bills().len();

    // What people do meanwhile, on both sides.
    let mut engine = site.engine();
    for Later { event, .. } in site.world.later.clone() {
        match event {
            Event::Jaggaer(change) => site.jaggaer(change),
            Event::Intacct(person) => drop(site.person(person)),
        }
    }
    read_again(&site);
    until("the pairs were compared", || state(&site, "V-10007") == "conflict");
    let plan = plan(&site);
    for (count, must) in
        [("agreed", 30), ("suggested", 4), ("conflicts", 2), ("create", 2), ("closed", 1), ("update_jaggaer", 2)]
    {
        assert_eq!(plan[count], json!(must), "{count}: {plan}");
    }
    let alerted = site.run("vendors list --alerted --json").exits(3).lines();
    assert_eq!((alerted.len(), &alerted[0]["number"], &alerted[0]["high"]), (1, &json!("V-10006"), &json!(true)));

    start(&site).exits(0);
    rests(&site, &mut engine);
    until("its invoice goes by itself", || site.stands(nth) == posted());
    assert_eq!((site.bills().len(), site.standing(&site.number(nth)).len()), (bills + 1, 1));
    let others: Vec<_> =
        site.judged().into_iter().filter(|one| one.jaggaer_id != Some(site.world.invoices[nth].id)).collect();
    assert_eq!(others, [], "nothing else moved");
    assert_eq!(site.run("vendors list --state conflict,suggested --json").exits(3).lines().len(), 6);
    engine.terminate().exits(3);
}
