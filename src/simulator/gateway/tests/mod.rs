//! What the gateway promises, each as a sentence.

mod bills;
mod envelope;
mod faults;
mod queries;
mod sessions;
mod vendors;

use jiff::Timestamp;

use super::*;
use crate::simulator::faults::{Behaviour, Fault, Trigger};
use crate::simulator::gateway::masters::{Account, Dimension, Term};

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + seconds).unwrap()
}

pub fn masters() -> Masters {
    let mut masters = Masters::default();
    for (id, active) in [("V-1", true), ("V-2", true), ("V-OLD", false)] {
        let name = format!("Vendor {id}");
        let vendor = Vendor {
            record_no: 900 + masters.vendors.len() as u64,
            id: id.to_owned(),
            name,
            active,
            ..Vendor::default()
        };
        masters.vendors.insert(id.to_owned(), vendor);
    }
    let accounts: [(&str, bool, &[Required]); 7] = [
        ("6000", true, &[]),
        ("6100", true, &[Required::Department]),
        ("6200", true, &[Required::Class]),
        ("6300", true, &[Required::Project]),
        ("6990", false, &[]),
        ("1010", true, &[]),
        ("6900", true, &[]),
    ];
    for (number, active, requires) in accounts {
        let account = Account {
            record_no: 300 + masters.accounts.len() as u64,
            number: number.to_owned(),
            active,
            requires: requires.iter().copied().collect(),
            bank: number == "1010",
            restricted_by: (number == "6900").then(|| "a rule".to_owned()),
            ..Account::default()
        };
        masters.accounts.insert(number.to_owned(), account);
    }
    let dimension = |id: &str, active: bool, parent: &str, entity: bool| Dimension {
        record_no: 1,
        id: id.to_owned(),
        name: id.to_owned(),
        active,
        parent: parent.to_owned(),
        entity,
        ..Dimension::default()
    };
    for (id, active) in [("D1", true), ("D9", false)] {
        masters.departments.insert(id.to_owned(), dimension(id, active, "", false));
    }
    for (id, parent, active) in
        [("E1", "", true), ("L1", "E1", true), ("E2", "", true), ("L2", "E2", true), ("L9", "E1", false)]
    {
        masters.locations.insert(id.to_owned(), dimension(id, active, parent, parent.is_empty()));
    }
    for (id, active) in [("C1", true), ("C9", false)] {
        masters.classes.insert(id.to_owned(), dimension(id, active, "", false));
        masters.projects.insert(id.replace('C', "P"), dimension(&id.replace('C', "P"), active, "", false));
    }
    let term = Term { record_no: 1, name: "Net 30".to_owned(), days: 30, active: true, ..Term::default() };
    masters.terms.insert("Net 30".to_owned(), term);
    masters
}

pub fn gateway() -> Gateway {
    Gateway::new(GatewayOptions::default(), masters(), 1)
}

/// Sends a body as it is; gives the answer's text.
pub fn post(gateway: &mut Gateway, now: Timestamp, body: &str) -> String {
    let reply = reply(gateway, now, body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text()
}

pub fn reply(gateway: &mut Gateway, now: Timestamp, body: &str) -> Reply {
    gateway.handle(now, "/ia/xml/xmlgw.phtml", "application/xml", body.as_bytes())
}

pub const LOGIN: &str =
    "<login><userid>ws_tollgate</userid><companyid>DEMOCO</companyid><password>user-Secret-demo</password></login>";

pub fn envelope(unique: bool, transaction: bool, auth: &str, functions: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><request><control><senderid>tollgate-demo</senderid>\
         <password>sender-Secret-demo</password><controlid>req</controlid><uniqueid>{unique}</uniqueid>\
         <dtdversion>3.0</dtdversion><includewhitespace>false</includewhitespace></control>\
         <operation transaction=\"{transaction}\"><authentication>{auth}</authentication><content>{functions}</content>\
         </operation></request>"
    )
}

/// Opens a session and gives the `authentication` content that uses it.
pub fn session(gateway: &mut Gateway, now: Timestamp) -> String {
    let body = envelope(false, false, LOGIN, "<function controlid=\"s\"><getAPISession/></function>");
    let answer = post(gateway, now, &body);
    format!("<sessionid>{}</sessionid>", inner(&answer, "sessionid"))
}

/// Text of the first element of this name.
pub fn inner(answer: &str, name: &str) -> String {
    let (_, rest) = answer.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {answer}"));
    rest.split_once(&format!("</{name}>")).unwrap().0.to_owned()
}

/// All texts of elements of this name.
pub fn all(answer: &str, name: &str) -> Vec<String> {
    answer
        .split(&format!("<{name}>"))
        .skip(1)
        .map(|part| part.split_once(&format!("</{name}>")).unwrap().0.to_owned())
        .collect()
}

/// A create function; `change` replaces parts of the usual bill.
pub fn create(control_id: &str, number: &str, change: &[(&str, &str)]) -> String {
    let mut bill = format!(
        "<function controlid=\"{control_id}\"><create><APBILL><VENDORID>V-1</VENDORID><WHENCREATED>10/26/2025</WHENCREATED>\
         <WHENPOSTED>10/27/2025</WHENPOSTED><WHENDUE>11/25/2025</WHENDUE><RECORDID>{number}</RECORDID>\
         <DESCRIPTION>Glass [TG-AAAABBBBCCCCDDDD-0]</DESCRIPTION><BASECURR>USD</BASECURR><CURRENCY>EUR</CURRENCY><ACTION>Submit</ACTION><APBILLITEMS>\
         <APBILLITEM><ACCOUNTNO>6000</ACCOUNTNO><TRX_AMOUNT>412.50</TRX_AMOUNT><LOCATIONID>L1</LOCATIONID></APBILLITEM>\
         <APBILLITEM><ACCOUNTNO>6100</ACCOUNTNO><TRX_AMOUNT>18.004</TRX_AMOUNT><LOCATIONID>L1</LOCATIONID><DEPARTMENTID>D1</DEPARTMENTID></APBILLITEM>\
         </APBILLITEMS></APBILL></create></function>"
    );
    for (from, to) in change {
        assert!(bill.contains(from), "{from}");
        bill = bill.replace(from, to);
    }
    bill
}

/// Sends functions under a fresh session as writes.
pub fn write(gateway: &mut Gateway, now: Timestamp, functions: &str) -> String {
    let auth = session(gateway, now);
    post(gateway, now, &envelope(true, false, &auth, functions))
}

/// Sends one query.
pub fn query(gateway: &mut Gateway, now: Timestamp, inside: &str) -> String {
    let auth = session(gateway, now);
    post(
        gateway,
        now,
        &envelope(false, false, &auth, &format!("<function controlid=\"q\"><query>{inside}</query></function>")),
    )
}

pub fn add(gateway: &mut Gateway, does: Behaviour) {
    gateway.faults_mut().add(Fault::once(Trigger::Kind(Kind::Write), does));
}
