//! How the simulated company and its gateway are set up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Settings of a [`super::Gateway`].
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayOptions {
    /// senderid that the gateway knows.
    pub sender_id: String,
    /// Its password.
    pub sender_password: String,
    /// Whether the company let the sender in.
    pub sender_authorized: bool,
    /// companyid.
    pub company_id: String,
    /// Passwords by userid.
    pub users: BTreeMap<String, String>,
    /// After so many refused logins in a row a user is locked out.
    pub lock_after: u32,
    /// Path of the gateway.
    pub path: String,
    /// What `api/endpoint` says.
    pub endpoint: String,
    /// A session ends so long after its last use.
    pub session_life: Duration,
    /// Requests at a time; one more is answered with 429.
    pub concurrency: usize,
    /// Seconds that a 429 of that kind asks to wait.
    pub retry_after: u32,
    /// Bytes of the largest request.
    pub max_body: usize,
    /// Largest number of functions in a request.
    pub max_functions: usize,
    /// A second standing bill of the same vendor and number is refused (BL03002185) rather than accepted.
    pub refuse_duplicates: bool,
    /// Submitted bills wait for approval instead of being posted.
    pub approvals: bool,
    /// A location is required on every line.
    pub multi_entity: bool,
    /// Greatest length of each field, in characters.
    pub lengths: BTreeMap<String, usize>,
    /// Base currency of the company.
    pub base_currency: String,
    /// Currencies that it may use.
    pub currencies: BTreeSet<String>,
    /// Custom fields of bills and lines.
    pub custom_fields: BTreeSet<String>,
    /// Every answer takes at least so long.
    pub latency: Duration,
    /// And by chance up to so much longer.
    pub jitter: Duration,
    /// Queries see what was committed only after so long.
    pub read_lag: Duration,
    /// The first bill's record number.
    pub first_record: u64,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        let lengths = [
            ("VENDORID", 20),
            ("RECORDID", 45),
            ("DOCNUMBER", 45),
            ("DESCRIPTION", 1000),
            ("ENTRYDESCRIPTION", 1000),
            ("TERMNAME", 40),
            ("ACCOUNTNO", 24),
            ("LOCATIONID", 20),
            ("DEPARTMENTID", 20),
            ("CLASSID", 20),
            ("PROJECTID", 20),
            ("SUPDOCID", 20),
            ("CURRENCY", 3),
            ("BASECURR", 3),
            ("NAME", 100),
            ("TAXID", 20),
            ("FORM1099TYPE", 4),
            ("ACHBANKROUTINGNUMBER", 9),
            ("ACHACCOUNTNUMBER", 34),
            ("PRINTAS", 200),
            ("CONTACTNAME", 200),
            ("PHONE1", 30),
            ("FAX", 30),
            ("EMAIL1", 200),
            ("URL1", 200),
            ("ADDRESS1", 80),
            ("ADDRESS2", 80),
            ("CITY", 80),
            ("STATE", 40),
            ("ZIP", 30),
            ("COUNTRY", 60),
            ("COUNTRYCODE", 2),
        ];
        GatewayOptions {
            sender_id: "tollgate-demo".to_owned(),
            sender_password: "sender-Secret-demo".to_owned(),
            sender_authorized: true,
            company_id: "DEMOCO".to_owned(),
            users: BTreeMap::from([("ws_tollgate".to_owned(), "user-Secret-demo".to_owned())]),
            lock_after: 5,
            path: "/ia/xml/xmlgw.phtml".to_owned(),
            endpoint: "http://127.0.0.1:8081/ia/xml/xmlgw.phtml".to_owned(),
            session_life: Duration::from_secs(6 * 3600),
            concurrency: 2,
            retry_after: 1,
            max_body: 8 * 1024 * 1024,
            max_functions: 500,
            refuse_duplicates: false,
            approvals: false,
            multi_entity: true,
            lengths: lengths.into_iter().map(|(field, length)| (field.to_owned(), length)).collect(),
            base_currency: "USD".to_owned(),
            currencies: ["USD", "EUR", "NOK", "GBP", "CHF", "JPY"].map(str::to_owned).into(),
            custom_fields: BTreeSet::new(),
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            read_lag: Duration::ZERO,
            first_record: 60_001,
        }
    }
}
