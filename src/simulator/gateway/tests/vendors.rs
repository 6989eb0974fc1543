use std::collections::BTreeMap;

use super::*;
use crate::simulator::gateway::masters::Contact;

/// A create function; `change` replaces parts of the usual vendor.
fn new_vendor(control_id: &str, id: &str, change: &[(&str, &str)]) -> String {
    let mut vendor = format!(
        "<function controlid=\"{control_id}\"><create><VENDOR><VENDORID>{id}</VENDORID><NAME>Birch &amp; Tarn</NAME>\
         <TAXID>12-3456789</TAXID><TERMNAME>Net 30</TERMNAME><CURRENCY>EUR</CURRENCY><DISPLAYCONTACT>\
         <PRINTAS>Birch</PRINTAS><PHONE1>+47 1</PHONE1><EMAIL1>ar@birch.example</EMAIL1><MAILADDRESS><CITY>Halden</CITY>\
         <COUNTRY>Norway</COUNTRY></MAILADDRESS></DISPLAYCONTACT></VENDOR></create></function>"
    );
    for (from, to) in change {
        assert!(vendor.contains(from), "{from}");
        vendor = vendor.replace(from, to);
    }
    vendor
}

fn update(control_id: &str, inside: &str) -> String {
    format!("<function controlid=\"{control_id}\"><update><VENDOR>{inside}</VENDOR></update></function>")
}

fn seen(gateway: &mut Gateway, now: Timestamp, field: &str, filter: &str) -> Vec<String> {
    let inside = format!(
        "<object>VENDOR</object><select><field>{field}</field></select><filter>{filter}</filter>\
         <orderby><order><field>RECORDNO</field><ascending/></order></orderby>"
    );
    all(&query(gateway, now, &inside), field)
}

fn by_id(id: &str) -> String {
    format!("<equalto><field>VENDORID</field><value>{id}</value></equalto>")
}

#[test]
fn a_created_vendor_is_there_with_everything_that_was_sent() {
    let mut gateway = gateway();
    let answer = write(&mut gateway, at(0), &new_vendor("f", "V-9", &[]));
    assert!(answer.contains("<vendor><RECORDNO>903</RECORDNO><VENDORID>V-9</VENDORID></vendor>"), "{answer}");
    for (field, wanted) in [
        ("NAME", "Birch &amp; Tarn"),
        ("STATUS", "active"),
        ("ONHOLD", "false"),
        ("TOTALDUE", "0"),
        ("WHENMODIFIED", "11/24/2025 16:00:00"),
        ("DISPLAYCONTACT.CONTACTNAME", "Birch &amp; Tarn(VV-9)"),
        ("DISPLAYCONTACT.PRINTAS", "Birch"),
        ("DISPLAYCONTACT.MAILADDRESS.COUNTRYCODE", "NO"),
        ("PAYTO.CONTACTNAME", ""),
    ] {
        assert_eq!(seen(&mut gateway, at(0), field, &by_id("V-9")), [wanted], "{field}");
    }
    let bill = create("b", "N-1", &[("V-1", "V-9")]);
    assert!(write(&mut gateway, at(1), &bill).contains("<status>success</status>"));
    assert_eq!(seen(&mut gateway, at(1), "TOTALDUE", &by_id("V-9")), ["430.5"]);
}

#[test]
fn a_vendor_that_breaks_a_rule_is_refused_with_its_reason() {
    let mut gateway = gateway();
    let long = "x".repeat(101);
    for (change, number, words) in [
        (("<VENDORID>V-9</VENDORID>", ""), "BL03000018", "Missing VENDORID"),
        (("V-9", "v-1"), "PL05000104", "already exists"),
        (("V-9", "V*9"), "BL03000018", "Illegal format for VENDORID"),
        (("V-9", "V-90123456789012345678"), "BL03000018", "VENDORID is too long"),
        (("<NAME>Birch &amp; Tarn</NAME>", ""), "BL03000018", "Missing NAME"),
        (("Birch &amp; Tarn", long.as_str()), "BL03000018", "NAME is too long"),
        (("<PRINTAS>Birch</PRINTAS>", ""), "BL03000018", "PRINTAS is required"),
        (("Net 30", "Net 99"), "BL01001973", "Invalid Term &apos;Net 99&apos;"),
        (("EUR", "XXX"), "BL01001973", "Invalid Currency"),
        (("Norway", "NO"), "BL01001973", "Invalid Country"),
        (("ar@birch.example", "birch.example"), "BL03000018", "Illegal format for EMAIL1"),
        (("ar@birch.example", "a@b@c.example"), "BL03000018", "Illegal format for EMAIL1"),
        (("<CITY>", "<TOWN>"), "XL03000003", ""),
        (("<TAXID>12-3456789</TAXID>", "<PHONE1>1</PHONE1>"), "XL03000010", "does not have a field &apos;PHONE1&apos;"),
        (("<TAXID>12-3456789</TAXID>", "<NAME>Twice</NAME>"), "XL03000010", "stands twice"),
    ] {
        let answer = write(&mut gateway, at(0), &new_vendor("f", "V-9", &[change]));
        assert!(answer.contains(number) && answer.contains(words), "{change:?}: {answer}");
    }
    assert_eq!(gateway.masters().vendors.len(), 3);
    assert!(gateway.vendor_changes().is_empty());
}

#[test]
fn an_update_touches_its_fields_alone_and_empties_what_is_empty() {
    let mut gateway = gateway();
    write(&mut gateway, at(0), &new_vendor("f", "V-9", &[]));
    let change = "<RECORDNO>903</RECORDNO><TERMNAME></TERMNAME><DISPLAYCONTACT><MAILADDRESS><COUNTRY>Sweden</COUNTRY>\
                  </MAILADDRESS></DISPLAYCONTACT>";
    let answer = write(&mut gateway, at(5), &update("g", change));
    assert!(answer.contains("<function>update</function>") && answer.contains("<RECORDNO>903</RECORDNO>"), "{answer}");
    let vendor = &gateway.masters().vendors["V-9"];
    assert_eq!(
        (vendor.term.as_str(), vendor.tax_id.as_str(), vendor.contact.city.as_str()),
        ("", "12-3456789", "Halden")
    );
    assert_eq!((vendor.contact.country_code.as_str(), vendor.modified_at), ("SE", Some(at(5))));
    write(&mut gateway, at(6), &update("h", "<VENDORID>V-9</VENDORID><STATUS>inactive</STATUS>"));
    let bill = write(&mut gateway, at(7), &create("b", "N-1", &[("V-1", "V-9")]));
    assert!(bill.contains("The vendor &apos;V-9&apos; is inactive"), "{bill}");
    for wrong in [
        "<RECORDNO>1</RECORDNO><NAME>X</NAME>",
        "<RECORDNO>903</RECORDNO><VENDORID>V-1</VENDORID><NAME>X</NAME>",
        "<NAME>X</NAME>",
        "<RECORDNO>903</RECORDNO><NAME></NAME>",
        "<RECORDNO>903</RECORDNO><STATUS>asleep</STATUS>",
    ] {
        let answer = write(&mut gateway, at(8), &update("i", wrong));
        assert!(answer.contains("<status>failure</status>") && answer.contains("Could not update Vendor"), "{answer}");
    }
}

#[test]
fn what_changed_since_an_instant_is_found_whoever_changed_it() {
    let mut gateway = gateway();
    let since =
        "<greaterthanorequalto><field>WHENMODIFIED</field><value>11/24/2025 16:00:00</value></greaterthanorequalto>";
    assert!(seen(&mut gateway, at(0), "VENDORID", since).is_empty());
    write(&mut gateway, at(0), &new_vendor("f", "V-9", &[]));
    gateway.person(at(1), Person::Vendor("V-2".to_owned(), false)).unwrap();
    let bank = BTreeMap::from([("ACHACCOUNTNUMBER".to_owned(), "991".to_owned())]);
    gateway.person(at(2), Person::EditVendor("V-1".to_owned(), bank)).unwrap();
    assert_eq!(seen(&mut gateway, at(3), "VENDORID", since), ["V-1", "V-2", "V-9"]);
    let in_any_case = "<object>VENDOR</object><select><field>VENDORID</field></select><filter><in><field>VENDORID</field>\
                       <value>v-9</value><value>v-8</value></in></filter><options><caseinsensitive>true</caseinsensitive></options>";
    assert_eq!(all(&query(&mut gateway, at(3), in_any_case), "VENDORID"), ["V-9"]);
}

#[test]
fn people_type_rename_and_delete_vendors_and_every_change_has_its_author() {
    let mut gateway = gateway();
    let typed = Vendor {
        id: "V-7".to_owned(),
        name: "Typed".to_owned(),
        active: true,
        contact: Contact { city: "Oslo".to_owned(), ..Contact::default() },
        ..Vendor::default()
    };
    gateway.person(at(0), Person::TypeVendor(Box::new(typed.clone()))).unwrap();
    assert!(gateway.person(at(0), Person::TypeVendor(Box::new(typed))).is_err());
    write(&mut gateway, at(1), &update("g", "<VENDORID>V-7</VENDORID><TAXID>77</TAXID>"));
    write(&mut gateway, at(1), &create("b", "N-1", &[("V-1", "V-7")]));
    gateway.person(at(2), Person::RenameVendor("V-7".to_owned(), "V-70".to_owned())).unwrap();
    assert_eq!(gateway.ledger().of_vendor("V-70").count(), 1);
    assert!(gateway.person(at(3), Person::DeleteVendor("V-70".to_owned())).is_err(), "it has a bill");
    gateway.person(at(3), Person::DeleteVendor("V-2".to_owned())).unwrap();
    let line = |change: &VendorChange| {
        let by = change.by.clone().unwrap_or_else(|| "person".to_owned());
        format!("{by}: {} {} {} -> {}", change.vendor_id, change.field, change.before, change.after)
    };
    let lines: Vec<String> = gateway.vendor_changes().iter().map(line).collect();
    assert!(lines.contains(&"person: V-7 VENDORID  -> V-7".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"g: V-7 TAXID  -> 77".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"person: V-70 VENDORID V-7 -> V-70".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"person: V-2 VENDORID V-2 -> ".to_owned()), "{lines:#?}");
}

#[test]
fn a_vendor_write_is_remembered_by_its_control_id_and_rolled_back_whole() {
    let mut gateway = gateway();
    write(&mut gateway, at(0), &new_vendor("f", "V-9", &[]));
    let again = write(&mut gateway, at(1), &new_vendor("f", "V-10", &[]));
    assert!(again.contains("already executed"), "{again}");
    let changes = gateway.vendor_changes().len();
    let auth = session(&mut gateway, at(2));
    let unit = [
        update("g", "<VENDORID>V-9</VENDORID><NAME>Other</NAME>"),
        new_vendor("h", "V-10", &[]),
        new_vendor("i", "V-9", &[]),
    ];
    let answer = post(&mut gateway, at(2), &envelope(true, true, &auth, &unit.concat()));
    assert_eq!(answer.matches("<status>aborted</status>").count(), 2, "{answer}");
    assert_eq!(gateway.masters().vendors["V-9"].name, "Birch & Tarn");
    assert!(!gateway.masters().vendors.contains_key("V-10"));
    assert_eq!(gateway.vendor_changes().len(), changes);
}

#[test]
fn faults_act_on_vendor_writes_as_on_bills() {
    let mut gateway = gateway();
    add(&mut gateway, Behaviour::Drop);
    let auth = session(&mut gateway, at(0));
    let lost = reply(&mut gateway, at(0), &envelope(true, false, &auth, &new_vendor("f", "V-9", &[])));
    assert_eq!(lost.delivery, Delivery::Drop);
    assert!(gateway.masters().vendors.contains_key("V-9"), "it was created and nobody was told");
    add(&mut gateway, Behaviour::CommitLate(5_000));
    reply(&mut gateway, at(1), &envelope(true, false, &auth, &new_vendor("g", "V-10", &[])));
    assert!(!gateway.masters().vendors.contains_key("V-10"));
    gateway.tick(at(6));
    assert!(gateway.masters().vendors.contains_key("V-10"));
    let error = Behaviour::FunctionError { errorno: "X1".into(), text: "No".into(), correction: String::new() };
    gateway.faults_mut().add(Fault::once(Trigger::BillNumber("V-11".to_owned()), error));
    assert!(write(&mut gateway, at(7), &new_vendor("h", "V-11", &[])).contains("X1"));
    add(&mut gateway, Behaviour::DraftedByHand);
    write(&mut gateway, at(8), &new_vendor("i", "V-12", &[]));
    assert!(!gateway.masters().vendors["V-12"].active, "a person set it inactive at once");
    add(&mut gateway, Behaviour::DeletedByHand);
    write(&mut gateway, at(9), &new_vendor("j", "V-13", &[]));
    assert!(!gateway.masters().vendors.contains_key("V-13"));
}

#[test]
fn queries_lag_behind_and_see_a_vendor_as_it_was() {
    let mut gateway = gateway();
    write(&mut gateway, at(0), &new_vendor("f", "V-9", &[]));
    write(&mut gateway, at(100), &update("g", "<VENDORID>V-9</VENDORID><NAME>Other</NAME>"));
    gateway.options_mut().read_lag = Duration::from_secs(30);
    assert_eq!(seen(&mut gateway, at(110), "NAME", &by_id("V-9")), ["Birch &amp; Tarn"]);
    assert_eq!(seen(&mut gateway, at(130), "NAME", &by_id("V-9")), ["Other"]);
    write(&mut gateway, at(200), &new_vendor("h", "V-10", &[]));
    assert!(seen(&mut gateway, at(210), "NAME", &by_id("V-10")).is_empty());
    assert_eq!(seen(&mut gateway, at(230), "NAME", &by_id("V-10")).len(), 1);
}
