//! What is held is released by itself once its cause is gone.

use serde_json::json;
use tollgate::simulator::gateway::Vendor;

use crate::site::{Site, change, edit_file, held, plain, posted, until};

#[test]
fn a_vendor_that_is_added_in_intacct_releases_what_waited_for_it() {
    let mut world = plain(31, 4);
    change(&mut world, 2, |detail| detail["header"]["supplier"]["supplierNumber"] = json!("V-20001"));
    let site = Site::started(world);
    site.settle().exits(3);
    assert_eq!(site.stands(2), held("vendor_unknown"));
    assert!(site.standing(&site.number(2)).is_empty());
    let said = site.run(&format!("failures show {}", site.id(2))).exits(0);
    said.says("V-20001").says("Create the vendor in Intacct");

    let engine = site.engine();
    site.stage(|stage| {
        let vendor = Vendor {
            record_no: 2001,
            id: "V-20001".to_owned(),
            name: "Newcomer".to_owned(),
            active: true,
            ..Vendor::default()
        };
        stage.gateway.masters_mut().vendors.insert(vendor.id.clone(), vendor);
    });
    site.run("flow run vendors").exits(0);
    until("it is posted by itself", || site.stands(2) == posted());
    let bills = site.standing(&site.number(2));
    assert_eq!((bills.len(), bills[0].vendor_id.as_str()), (1, "V-20001"));
    engine.terminate().exits(0);
}

fn without_plant(seed: u64) -> Site {
    let mut world = plain(seed, 4);
    change(&mut world, 1, |detail| {
        detail["header"]["businessUnit"] = json!("0077");
        for line in detail["lineList"]["invoiceLine"].as_array_mut().unwrap() {
            line["businessUnit"] = json!("0077");
        }
    });
    let site = Site::started(world);
    site.settle().exits(3);
    assert_eq!(site.stands(1), held("table_no_row"));
    site
}

fn add_plant(site: &Site) {
    let plants = site.dir().join("plants.csv");
    let rows = std::fs::read_to_string(&plants).unwrap();
    std::fs::write(&plants, format!("{rows}0077,110\n")).unwrap();
}

#[test]
fn a_row_that_is_added_between_two_starts_releases_what_waited_for_it_and_a_start_without_a_change_looks_at_nothing() {
    let site = without_plant(33);
    let looked = "evaluated again";
    let unchanged = site.settle().exits(3);
    assert!(!unchanged.err.contains(looked), "{unchanged:?}");
    add_plant(&site);
    site.settle().exits(0).says(looked);
    assert_eq!(site.stands(1), posted());
}

#[test]
fn a_row_that_is_added_to_a_table_releases_what_waited_for_it_and_a_faulty_mapping_is_refused() {
    let site = without_plant(32);
    site.run(&format!("failures show {}", site.id(1))).exits(0).says("plants").says("0077");
    let engine = site.engine();

    // A faulty mapping is refused, all of its faults named; the old one stays and goes on working.
    let mapping = site.dir().join("mapping.toml");
    let good = std::fs::read_to_string(&mapping).unwrap();
    edit_file(&mapping, "[table.plants]", "[table.plantz]");
    site.run("reload").exits(2).says("nothing was changed").says("plants");
    let version = |site: &Site| {
        let show = site.run(&format!("invoices show {} --json", site.id(0))).exits(0).json();
        show["posting"]["mapping"].clone()
    };
    let before = version(&site);
    let id = 6_000_003;
    site.jaggaer_gets(id);
    site.run("flow run invoices").exits(0);
    until("the old mapping goes on working", || site.documents().get(&id).is_some_and(|row| row["state"] == "posted"));
    // A configuration that is no TOML at all, likewise.
    let config = std::fs::read_to_string(&site.config).unwrap();
    std::fs::write(&site.config, "data_dir = \"").unwrap();
    let refused = site.command(&["--data-dir", site.data().to_str().unwrap(), "reload"]);
    assert_ne!(refused.code, 0, "{refused:?}");
    // What the lane compares vendors by is fixed for the life of an engine.
    std::fs::write(&site.config, format!("{config}\n[vendors.compare]\nstreet_words = true\n")).unwrap();
    site.run("reload").exits(2).says("vendors.compare").says("starting the engine anew");
    std::fs::write(&site.config, config).unwrap();
    assert_eq!(site.stands(1), held("table_no_row"));

    std::fs::write(&mapping, good).unwrap();
    add_plant(&site);
    site.run("reload").exits(0).says("evaluated anew");
    until("it is posted by itself", || site.stands(1) == posted());
    assert_eq!(site.standing(&site.number(1)).len(), 1);
    assert_eq!(version(&site), before, "what was posted keeps the mapping that it was posted with");
    engine.terminate().exits(0);
}
