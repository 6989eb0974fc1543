//! What one pass did: the summary of `run --once` and `demo --headless`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize, Serializer};

use super::VendorsStatus;
use crate::model::{MoneyTotals, State};

/// What one pass did. Its JSON is stable.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RunSummary {
    /// Each flow's counts of documents, by its name.
    pub flows: BTreeMap<String, FlowCounts>,
    /// Where the documents stand, each in exactly one state; every state is listed.
    #[serde(serialize_with = "all_states")]
    pub documents: BTreeMap<State, MoneyTotals>,
    /// How the two supplier masters stand.
    #[serde(default)]
    pub vendors: VendorsStatus,
    /// What the gateway was asked.
    pub gateway: GatewayCounts,
    /// Milliseconds that the pass took.
    pub duration_ms: u64,
    /// The exit code.
    pub exit_code: u8,
}

/// What a flow read: `read = new + unchanged`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FlowCounts {
    /// Documents read.
    pub read: u64,
    /// New or changed ones.
    pub new: u64,
    /// Ones known already as they are.
    pub unchanged: u64,
}

/// What the gateway was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct GatewayCounts {
    /// HTTP requests.
    pub requests: u64,
    /// Functions in them.
    pub functions: u64,
    /// API transactions by the published way of counting.
    pub transactions: u64,
    /// Logins.
    pub logins: u64,
}

impl RunSummary {
    /// Count and totals of a state.
    pub fn state(&self, state: State) -> MoneyTotals {
        self.documents.get(&state).cloned().unwrap_or_default()
    }

    /// Whether a person is needed, or time.
    pub fn needs_attention(&self) -> bool {
        let documents = self.documents.iter().any(|(state, totals)| state.needs_attention() && totals.count > 0);
        documents || self.vendors.needs_attention()
    }

    /// The summary for a person, several lines.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (name, flow) in &self.flows {
            let name = crate::model::safe(name);
            let _ = writeln!(out, "Flow {name}: {} read, {} new, {} unchanged", flow.read, flow.new, flow.unchanged);
        }
        let all: u64 = self.documents.values().map(|totals| totals.count).sum();
        let _ = writeln!(out, "Documents: {all}");
        for state in State::ALL {
            let totals = self.state(state);
            if totals.count == 0 {
                continue;
            }
            let mark = if state.needs_attention() { "!" } else { " " };
            let sums: Vec<String> = totals.totals.iter().map(|(c, a)| format!("{} {c}", a.fixed(c.digits()))).collect();
            let _ = writeln!(out, "{mark} {:<15}{:>7}   {}", state.label(), totals.count, sums.join(", "));
        }
        if self.vendors.total() > 0 {
            let states = self.vendors.states.iter().filter(|(_, count)| **count > 0);
            let states: Vec<String> = states.map(|(state, count)| format!("{count} {}", state.word())).collect();
            let mark = if self.vendors.needs_attention() { "!" } else { " " };
            let _ = writeln!(out, "{mark} Suppliers: {}", states.join(", "));
            if self.vendors.started.is_none() {
                let _ =
                    writeln!(out, "  Nothing of them is written; `tollgate vendors plan` shows what a start would do.");
            }
        }
        let g = &self.gateway;
        let _ = writeln!(
            out,
            "Gateway: {} requests, {} functions, {} transactions, {} logins",
            g.requests, g.functions, g.transactions, g.logins
        );
        let _ = writeln!(out, "Took {}.{:03} s", self.duration_ms / 1000, self.duration_ms % 1000);
        if self.needs_attention() {
            let _ = writeln!(out, "Marked with !: a person or time is needed; `tollgate failures list` says why.");
        }
        out
    }
}

/// Every state, also empty ones.
fn all_states<S: Serializer>(documents: &BTreeMap<State, MoneyTotals>, serializer: S) -> Result<S::Ok, S::Error> {
    let empty = MoneyTotals::default();
    serializer.collect_map(State::ALL.into_iter().map(|state| (state, documents.get(&state).unwrap_or(&empty))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, Currency, MasterField, Money, PairState};

    /// As it stands in the documentation of `run --once`.
    const PROMISED: &str = r#"{"flows": {"invoices": {"read": 120, "new": 118, "unchanged": 2}},
      "documents": {"posted": {"count": 97, "totals": {"USD": "81234.10", "EUR": "912.00"}},
        "drafted": {"count": 0, "totals": {}}, "queued": {"count": 0, "totals": {}}, "sent": {"count": 0, "totals": {}},
        "claimed": {"count": 0, "totals": {}}, "in_doubt": {"count": 0, "totals": {}},
        "held": {"count": 9, "totals": {"USD": "4410.55"}}, "failed": {"count": 3, "totals": {"USD": "77.00"}},
        "differs": {"count": 0, "totals": {}}, "not_approved": {"count": 9, "totals": {"USD": "310.00"}},
        "withdrawn": {"count": 0, "totals": {}}, "before_cutover": {"count": 0, "totals": {}},
        "dismissed": {"count": 0, "totals": {}}},
      "vendors": {"states": {"agreed": 40, "suggested": 2}, "alerted": 1, "high": 0, "unlinked_vendors": 12,
        "started": ["anna", "2026-11-25T08:00:00Z"], "fields": ["name"], "creates": true, "reads_jaggaer": true,
        "writes_jaggaer": false},
      "gateway": {"requests": 9, "functions": 131, "transactions": 112, "logins": 1},
      "duration_ms": 1480, "exit_code": 3}"#;

    fn totals(count: u64, sums: &[(&str, &str)]) -> MoneyTotals {
        let totals = sums.iter().map(|(c, a)| (Currency::parse(c).unwrap(), Amount::parse(a).unwrap())).collect();
        MoneyTotals { count, totals }
    }

    fn example() -> RunSummary {
        RunSummary {
            flows: [("invoices".to_owned(), FlowCounts { read: 120, new: 118, unchanged: 2 })].into(),
            documents: [
                (State::Posted, totals(97, &[("USD", "81234.1"), ("EUR", "912")])),
                (State::Held, totals(9, &[("USD", "4410.55")])),
                (State::Failed, totals(3, &[("USD", "77.00")])),
                (State::NotApproved, totals(9, &[("USD", "310")])),
            ]
            .into(),
            vendors: VendorsStatus {
                states: [(PairState::Agreed, 40), (PairState::Suggested, 2)].into(),
                alerted: 1,
                unlinked_vendors: 12,
                started: Some(("anna".to_owned(), "2026-11-25T08:00:00Z".parse().unwrap())),
                fields: vec![MasterField::Name],
                creates: true,
                reads_jaggaer: true,
                ..VendorsStatus::default()
            },
            gateway: GatewayCounts { requests: 9, functions: 131, transactions: 112, logins: 1 },
            duration_ms: 1480,
            exit_code: 3,
        }
    }

    #[test]
    fn its_json_is_the_promised_one() {
        let promised: serde_json::Value = serde_json::from_str(PROMISED).unwrap();
        assert_eq!(serde_json::to_value(example()).unwrap(), promised);
        let back: RunSummary = serde_json::from_str(PROMISED).unwrap();
        assert_eq!(back.state(State::Posted), totals(97, &[("USD", "81234.10"), ("EUR", "912.00")]));
    }

    #[test]
    fn its_text_names_what_needs_a_person_and_never_mixes_currencies() {
        let mut summary = example();
        let text = summary.text();
        assert!(text.contains("912.00 EUR, 81234.10 USD"), "{text}");
        assert!(text.contains("! held"), "{text}");
        assert!(!text.contains("in doubt"), "{text}");
        assert!(text.contains("! Suppliers: 40 agreed, 2 suggested"), "{text}");
        summary.documents.retain(|state, _| *state == State::Posted);
        summary.vendors.started = None;
        assert!(!summary.needs_attention(), "before the start nothing waits for anybody");
        assert!(!summary.text().contains('!'));
        let mut one = MoneyTotals::default();
        one.add(Some(Money { amount: Amount::from(5), currency: Currency::USD }));
        summary.documents.insert(State::InDoubt, one);
        assert!(summary.needs_attention());
    }
}
