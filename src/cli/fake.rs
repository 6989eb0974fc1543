//! A small link for the tests of the commands.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{broadcast, watch};

use crate::messages::{
    Answer, AuditLine, AuditReport, Command, DocumentPage, DocumentRow, EnginePhase, Explanation, FailureGroup,
    FieldView, FlowState, FlowStatus, Gateway, LaneState, Link, LogLine, Order, Outcome, PairDetail, PairPage, PairRow,
    PostingMode, Question, Refusal, RefusalKind, RemoteState, RowResult, Selection, Snapshot, VendorsPlan,
};
use crate::model::{
    Amount, Class, Course, Currency, DocumentId, MasterField, Money, MoneyTotals, PairId, PairState, ReasonCode, State,
    Text, Timestamp,
};
use crate::seams::Boxed;

pub struct FakeLink {
    rows: Vec<DocumentRow>,
    told: Mutex<Vec<Command>>,
    refused: Mutex<BTreeMap<DocumentId, String>>,
    snapshot: Mutex<Arc<Snapshot>>,
    pub pairs: Vec<PairDetail>,
    pub plan: VendorsPlan,
    pub trail: Vec<AuditLine>,
    pub report: AuditReport,
}

impl FakeLink {
    pub fn new(rows: Vec<DocumentRow>) -> Self {
        FakeLink {
            rows,
            told: Mutex::default(),
            refused: Mutex::default(),
            snapshot: Mutex::new(Arc::new(snapshot())),
            pairs: Vec::new(),
            plan: VendorsPlan::default(),
            trail: Vec::new(),
            report: AuditReport { entries: 3, head: "ab".into(), broken: None },
        }
    }

    pub fn told(&self) -> Vec<Command> {
        self.told.lock().unwrap().clone()
    }

    pub fn refuse(&self, id: DocumentId, why: &str) {
        self.refused.lock().unwrap().insert(id, why.into());
    }

    pub fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        change(Arc::make_mut(&mut self.snapshot.lock().unwrap()));
    }

    fn page(&self, rows: Vec<&DocumentRow>, limit: usize) -> Answer {
        let total = Some(rows.len() as u64);
        let next = rows.get(limit.wrapping_sub(1)).filter(|_| rows.len() > limit).map(|row| row.id);
        let rows = rows.into_iter().take(limit).cloned().collect();
        Answer::Documents(DocumentPage { rows, next, total, at: Timestamp::UNIX_EPOCH })
    }

    fn answer(&self, question: Question) -> Result<Answer, Refusal> {
        match question {
            Question::Status => Ok(Answer::Status(self.snapshot.lock().unwrap().clone())),
            Question::Documents(request) => {
                assert!((1..=1_000).contains(&request.limit), "{}", request.limit);
                let states = &request.filter.states;
                let mut rows: Vec<_> =
                    self.rows.iter().filter(|row| states.is_empty() || states.contains(&row.state)).collect();
                rows.sort_by_key(|row| std::cmp::Reverse(row.id));
                rows.retain(|row| request.after.is_none_or(|after| row.id < after));
                Ok(self.page(rows, request.limit as usize))
            }
            Question::Find(text) => {
                let is_it = |row: &&DocumentRow| {
                    row.id.to_string() == text
                        || row.jaggaer_id.raw() == text
                        || row.number.as_ref().is_some_and(|number| number.raw() == text)
                };
                Ok(self.page(self.rows.iter().filter(is_it).collect(), 1_000))
            }
            Question::Explain(id) => Ok(explanation(&id.to_string())),
            Question::ExplainText(text) if text.starts_with('{') => Ok(explanation(&text)),
            Question::ExplainText(_) => Err(Refusal::new(RefusalKind::Invalid, "this is no JSON object")),
            Question::Audit(_) => Ok(Answer::Audit(self.trail.clone())),
            Question::AuditFrom(from) => {
                Ok(Answer::Audit(self.trail.iter().filter(|line| line.number >= from).take(2).cloned().collect()))
            }
            Question::Vendors(request) => {
                assert!((1..=1_000).contains(&request.limit), "{}", request.limit);
                let lets = |row: &&PairRow| {
                    let filter = &request.filter;
                    (filter.states.is_empty() || filter.states.contains(&row.state))
                        && (!filter.alerted || row.alerts > 0)
                        && filter.text.as_ref().is_none_or(|text| row.name.raw().contains(text))
                        && request.after.is_none_or(|after| row.id > after)
                };
                let rows: Vec<PairRow> = self.pairs.iter().map(|pair| &pair.row).filter(lets).cloned().collect();
                // Small pages, so that a face has to turn them.
                let next = rows.get(2).filter(|_| rows.len() > 3).map(|row| row.id);
                let rows = rows.into_iter().take(if next.is_some() { 3 } else { 1_000 }).collect();
                Ok(Answer::Vendors(PairPage { rows, next, total: None, at: Timestamp::UNIX_EPOCH }))
            }
            Question::Vendor(text) => {
                let is_it = |pair: &&PairDetail| {
                    let vendor = pair.row.vendor.as_ref().is_some_and(|vendor| vendor.raw() == text);
                    pair.row.id.to_string() == text || pair.row.number.raw() == text || vendor
                };
                let missing = || Refusal::new(RefusalKind::NotFound, "there is no such supplier");
                let pair = self.pairs.iter().find(is_it).ok_or_else(missing)?;
                Ok(Answer::Vendor(Box::new(pair.clone())))
            }
            Question::VendorsPlan => Ok(Answer::VendorsPlan(Box::new(self.plan.clone()))),
            Question::PairAudit(id) => Ok(Answer::Audit(vec![audit_line(1, &format!("about {id}"))])),
            Question::AuditVerify => Ok(Answer::AuditReport(self.report.clone())),
            _ => Err(Refusal::new(RefusalKind::NotFound, "there is no such thing")),
        }
    }
}

fn explanation(text: &str) -> Answer {
    let result = if text.contains("held") { "held" } else { "ready" };
    let data = serde_json::json!({ "of": text, "result": result });
    Answer::Explanation(Box::new(Explanation { text: format!("because of {text}\nline two"), data }))
}

impl Link for FakeLink {
    fn ask(&self, question: Question) -> Boxed<'_, Result<Answer, Refusal>> {
        Box::pin(std::future::ready(self.answer(question)))
    }

    fn tell(&self, order: Order) -> Boxed<'_, Result<Outcome, Refusal>> {
        assert!(order.key.len() >= 32, "a key that nobody else has");
        let refused = self.refused.lock().unwrap();
        let rows: Vec<RowResult> = match &order.command {
            Command::Replay(Selection::Ids(ids)) => ids
                .iter()
                .map(|(id, _)| match refused.get(id) {
                    Some(why) => RowResult { id: *id, done: false, message: why.clone() },
                    None => RowResult { id: *id, done: true, message: "queued".into() },
                })
                .collect(),
            _ => Vec::new(),
        };
        self.told.lock().unwrap().push(order.command);
        let refused = rows.iter().filter(|row| !row.done).count() as u64;
        let done = rows.len() as u64 - refused;
        let outcome = Outcome { message: "done".into(), rows, done, refused, repeated: false };
        Box::pin(std::future::ready(Ok(outcome)))
    }

    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        watch::channel(self.snapshot.lock().unwrap().clone()).1
    }

    fn log(&self) -> broadcast::Receiver<LogLine> {
        broadcast::channel(1).1
    }

    fn read_only(&self) -> bool {
        false
    }

    fn owns_engine(&self) -> bool {
        false
    }
}

pub fn row(id: u64, jaggaer: &str, number: &str, state: State) -> DocumentRow {
    DocumentRow {
        id: DocumentId(id),
        version: id + 10,
        jaggaer_id: jaggaer.into(),
        state,
        since: Timestamp::UNIX_EPOCH,
        number: Some(number.into()),
        buyer_number: None,
        supplier_number: Some("S-1".into()),
        supplier_name: Some("Harbor\u{1b}[2J Lab".into()),
        total: Some(Money { amount: Amount::from(10), currency: Currency::USD }),
        date: None,
        reasons: Vec::new(),
        detail: None,
        class: None,
        record: None,
        flags: Vec::new(),
    }
}

/// A pair in a state; its phone is in conflict where the state says so.
pub fn pair(id: u64, number: &str, name: &str, state: PairState) -> PairDetail {
    let conflict = (state == PairState::Conflict).then_some(Course::Conflict);
    let field = |field: MasterField, agreed: &str, jaggaer: &str, intacct: &str, course| FieldView {
        field,
        agreed: Some(agreed.into()),
        jaggaer: Some(jaggaer.into()),
        intacct: Some(intacct.into()),
        course,
        policy: field.default_policy(),
        decided: None,
    };
    let phone = if conflict.is_some() { "+1 555 0199" } else { "+1 555 0155" };
    PairDetail {
        row: PairRow {
            id: PairId(id),
            version: id + 10,
            state,
            since: Timestamp::UNIX_EPOCH,
            number: number.into(),
            name: name.into(),
            vendor: (state != PairState::Suggested).then(|| number.into()),
            differences: conflict.map(|course| (MasterField::Phone, course)).into_iter().collect(),
            suggestions: 0,
            alerts: 0,
            high: false,
            detail: None,
        },
        supplier: format!("s-{id}").into(),
        record: None,
        basis: None,
        first_seen: Timestamp::UNIX_EPOCH,
        modified: BTreeMap::new(),
        fields: vec![
            field(MasterField::Name, name, name, name, None),
            field(MasterField::Phone, "+1 555 0100", phone, "+1 555 0155", conflict),
        ],
        suggestions: Vec::new(),
        refused: Vec::new(),
        rivals: Vec::new(),
        writes: Vec::new(),
        alerts: Vec::new(),
        reasons: Vec::new(),
        error: None,
        writes_jaggaer: true,
        trail: Vec::new(),
    }
}

pub fn audit_line(number: u64, what: &str) -> AuditLine {
    AuditLine {
        number,
        record: format!("{{\"n\":{number}}}"),
        hash: "ab".repeat(32),
        at: Timestamp::UNIX_EPOCH,
        who: "anna".into(),
        what: Text::new(what),
        state: Some(State::Posted),
        request: None,
    }
}

pub fn snapshot() -> Snapshot {
    let mut states: BTreeMap<State, MoneyTotals> =
        State::ALL.into_iter().map(|s| (s, MoneyTotals::default())).collect();
    let usd = Some(Money { amount: Amount::new(8123410, 2), currency: Currency::USD });
    states.entry(State::Posted).or_default().add(usd);
    Snapshot {
        revision: 1,
        version: "0.1.0".into(),
        pid: 4711,
        data_dir: "/var/lib/tollgate".into(),
        jaggaer: "acme".into(),
        intacct: "ACME".into(),
        phase: EnginePhase::Running,
        mode: PostingMode::Post { from: None, started: Some(("anna".into(), Timestamp::UNIX_EPOCH)) },
        states,
        session: RemoteState::Valid { until: Timestamp::UNIX_EPOCH },
        flows: vec![FlowStatus {
            name: "invoices".into(),
            state: FlowState::Waiting,
            schedule: "0 */15 * * * *".into(),
            last_start: Some(Timestamp::UNIX_EPOCH),
            last_end: Some(Timestamp::UNIX_EPOCH),
            last_result: Some(Ok("120 read, 118 new".into())),
            next: Some(Timestamp::UNIX_EPOCH),
            mark: None,
            failed_in_a_row: 0,
        }],
        gateway: Gateway {
            lane: LaneState::Idle,
            requests: 9,
            functions: 131,
            transactions: 112,
            logins: 1,
            functions_per_request: 10,
            last_ms: Some(240),
        },
        failures: vec![FailureGroup {
            state: State::Failed,
            code: ReasonCode::Refused,
            class: Some(Class::Data),
            title: "refused by Intacct".into(),
            count: 2,
            example: DocumentId(1),
        }],
        alerts: Vec::new(),
        ..Snapshot::blank(Timestamp::UNIX_EPOCH)
    }
}
