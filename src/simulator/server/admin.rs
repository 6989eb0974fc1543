//! The interface to look inside and to interfere. It belongs to the simulators; neither real system has it.
//!
//! | request | what |
//! |---|---|
//! | `GET /sim` | where both systems are |
//! | `GET /sim/ledger` | all bills that stand in the books, and those that people deleted |
//! | `GET /sim/stats` | what both systems counted |
//! | `GET /sim/expected` | what must come out |
//! | `GET`, `POST`, `DELETE /sim/faults` | the gateway's faults: list, add one or a list, clear |
//! | `POST`, `DELETE /sim/troubles` | JAGGAER's troubles: add one or a list, clear |
//! | `POST /sim/people` | what a person does in Intacct |
//! | `POST /sim/invoices`, `/sim/suppliers` | what happens to an invoice or a supplier in JAGGAER |
//! | `GET /sim/masters` | all vendors and suppliers, and who changed what of them |

use std::sync::Mutex;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::http::HttpRequest;
use super::{Stage, Where, clock, lock};
use crate::simulator::faults::Fault;
use crate::simulator::gateway::Person;
use crate::simulator::procurement::{Change, Trouble};
use crate::simulator::wire::Reply;

/// Answers one request.
pub fn answer(stage: &Mutex<Stage>, addresses: &Where, request: &HttpRequest) -> Reply {
    let mut stage = lock(stage);
    let now = clock();
    stage.step(now);
    let path = request.target.split('?').next().unwrap_or_default().trim_end_matches('/');
    let done = match (request.method.as_str(), path) {
        ("GET", "/sim") => Ok(json!(addresses)),
        ("GET", "/sim/ledger") => Ok(ledger(&stage)),
        ("GET", "/sim/stats") => Ok(
            json!({"gateway": stage.gateway.stats(), "jaggaer": stage.procurement.stats(), "bills": stage.gateway.ledger().len()}),
        ),
        ("GET", "/sim/expected") => Ok(json!(stage.expected)),
        ("GET", "/sim/faults") => {
            let faults: Vec<Value> =
                stage.gateway.faults().faults().map(|(fault, used)| json!({"fault": fault, "used": used})).collect();
            Ok(json!(faults))
        }
        ("POST", "/sim/faults") => one_or_many::<Fault>(&request.body).map(|faults| {
            let added = faults.len();
            faults.into_iter().for_each(|fault| stage.gateway.faults_mut().add(fault));
            json!({"added": added})
        }),
        ("DELETE", "/sim/faults") => {
            stage.gateway.faults_mut().clear();
            Ok(json!({"cleared": true}))
        }
        ("POST", "/sim/troubles") => one_or_many::<Trouble>(&request.body).map(|troubles| {
            let added = troubles.len();
            troubles.into_iter().for_each(|trouble| stage.procurement.add_trouble(trouble));
            json!({"added": added})
        }),
        ("DELETE", "/sim/troubles") => {
            stage.procurement.clear_troubles();
            Ok(json!({"cleared": true}))
        }
        ("POST", "/sim/people") => one_or_many::<Person>(&request.body).and_then(|people| {
            let done: Result<Vec<u64>, String> =
                people.into_iter().map(|person| stage.gateway.person(now, person)).collect();
            done.map(|records| json!({"records": records}))
        }),
        ("GET", "/sim/masters") => Ok(masters(&stage)),
        ("POST", "/sim/invoices" | "/sim/suppliers") => one_or_many::<Change>(&request.body).map(|changes| {
            let found: Vec<bool> = changes.into_iter().map(|change| stage.procurement.change(now, change)).collect();
            json!({"found": found})
        }),
        _ => return json_reply(404, &json!({"error": format!("there is no {} {path}", request.method)})),
    };
    match done {
        Ok(value) => json_reply(200, &value),
        Err(error) => json_reply(400, &json!({"error": error})),
    }
}

fn ledger(stage: &Stage) -> Value {
    let bills: Vec<_> = stage.gateway.ledger().bills().collect();
    json!({"bills": bills, "deleted": stage.gateway.ledger().deleted()})
}

fn masters(stage: &Stage) -> Value {
    let suppliers: Vec<&Value> = stage.procurement.suppliers().map(|(_, supplier)| supplier).collect();
    json!({
        "vendors": stage.gateway.masters().vendors, "vendor_changes": stage.gateway.vendor_changes(),
        "suppliers": suppliers, "supplier_changes": stage.procurement.supplier_changes(),
    })
}

fn one_or_many<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
    let read = |value: Value| serde_json::from_value(value).map_err(|error| format!("not understood: {error}"));
    match value {
        Value::Array(many) => many.into_iter().map(read).collect(),
        one => read(one).map(|one| vec![one]),
    }
}

fn json_reply(status: u16, body: &Value) -> Reply {
    Reply::new(status, "application/json", body.to_string())
}
