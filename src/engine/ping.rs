//! Asking both systems whether they can be worked with: logs in, reads one page of each flow, writes nothing.

use super::build::{self, Credentials, Networks};
use crate::config::Config;
use crate::intacct::{ReadError, reference};
use crate::jaggaer::JaggaerError;
use crate::model::ReferenceKind;
use crate::seams::Seams;

/// Which systems to ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Probe {
    /// JAGGAER.
    Jaggaer,
    /// Intacct.
    Intacct,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PingStep {
    /// Which system.
    pub system: &'static str,
    /// What was tried.
    pub step: String,
    /// What came of it, or why it failed and what to do.
    pub result: Result<String, (String, String)>,
}

/// Asks the systems, step by step; a step that fails ends its system.
pub async fn ping(
    config: &Config,
    networks: &Networks,
    seams: &Seams,
    credentials: Credentials,
    which: &[Probe],
    mut tell: impl FnMut(PingStep),
) {
    let Credentials { jaggaer, intacct } = credentials;
    if which.contains(&Probe::Jaggaer) {
        let mut say = |step: &str, result: Result<String, JaggaerError>| {
            let good = result.is_ok();
            let result = result.map_err(|error| (error.sentence(), error.advice().to_owned()));
            tell(PingStep { system: "jaggaer", step: step.to_owned(), result });
            good
        };
        let client = build::profile(config)
            .map_err(|error| JaggaerError::Configuration { what: error.to_string() })
            .and_then(|profile| build::client(config, profile, networks, seams, jaggaer));
        match client {
            Err(error) => drop(say("read the profile", Err(error))),
            Ok(client) => {
                let token = client.login().await.map(|()| match client.token_remaining() {
                    Some(left) => format!("a token, good for {} s", left.as_secs()),
                    None => "credentials are sent with each request".to_owned(),
                });
                if say("log in", token) {
                    let page = client.list_first(None).await;
                    let first = page.as_ref().ok().and_then(|page| page.items.first().map(|item| item.id.clone()));
                    let seen = page.map(|page| {
                        let total =
                            page.total.map_or_else(|| "an unknown number".to_owned(), |total| total.to_string());
                        format!(
                            "{} invoices on the first page, {total} in all, {} unreadable",
                            page.items.len(),
                            page.faults.len()
                        )
                    });
                    if let (true, Some(id)) = (say("list invoices", seen), first) {
                        let detail = client.detail(&id).await.map(|bytes| match client.profile().read_detail(&bytes) {
                            Ok(read) => format!(
                                "invoice {} read: {} lines, {}, {} faults",
                                crate::model::safe(&id),
                                read.invoice.lines.len(),
                                read.approval.label(),
                                read.faults.len()
                            ),
                            Err(unreadable) => {
                                format!("invoice {} cannot be read: {unreadable}", crate::model::safe(&id))
                            }
                        });
                        say("read one invoice", detail);
                    }
                }
            }
        }
    }
    if which.contains(&Probe::Intacct) {
        let gateway = match build::gateway(config, networks, seams, intacct) {
            Ok(gateway) => gateway,
            Err(error) => {
                let advice = "Mend the file, or leave intacct.error_catalogue out.".to_owned();
                let result = Err((error.to_string(), advice));
                return tell(PingStep { system: "intacct", step: "read the error catalogue".to_owned(), result });
            }
        };
        let mut say = |step: String, result: Result<String, ReadError>| {
            let good = result.is_ok();
            let result = result.map_err(|error| (error.to_string(), error.advice().safe().into_owned()));
            tell(PingStep { system: "intacct", step, result });
            good
        };
        let session = gateway.sessions().get().await.map_err(ReadError::from).map(|session| {
            let left = gateway.sessions().remaining().map_or(0, |left| left.as_secs());
            format!("a session on {}, good for {left} s", session.endpoint().host())
        });
        if !say("log in".to_owned(), session) {
            return;
        }
        use ReferenceKind::{Account, Class, Department, Location, Project, Term, Vendor};
        for kind in [Vendor, Account, Department, Location, Class, Project, Term] {
            let page = gateway.query_page(&reference::query(kind).page_size(10)).await;
            let seen = page.map(|data| {
                let total = data.total_count.map_or_else(|| "some".to_owned(), |total| total.to_string());
                let unreadable = data.rows.iter().filter(|row| reference::record(kind, row).is_err()).count();
                format!("{total} records, {unreadable} of the first {} unreadable", data.rows.len())
            });
            say(format!("read {}", reference::object(kind)), seen);
        }
        let none = [crate::model::RecordNo("0".to_owned())];
        let bills = crate::intacct::ledger::by_records(none.iter(), &config.posting.mark_field);
        say("query APBILL".to_owned(), gateway.query_page(&bills).await.map(|_| "bills can be read back".to_owned()));
    }
}
