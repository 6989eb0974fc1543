//! A scripted engine for the tests: documents in a list, a snapshot, and every question and order on record.

use std::sync::{Arc, Mutex};

use tokio::sync::{broadcast, watch};

use crate::messages::*;
use crate::model::*;
use crate::seams::Boxed;

/// Half past ten on a day in November.
pub fn now() -> Timestamp {
    "2026-11-20T10:30:00Z".parse().unwrap()
}

pub fn before(seconds: i64) -> Timestamp {
    now().checked_sub(jiff::SignedDuration::from_secs(seconds)).unwrap()
}

/// A posted document, all of whose words follow from its number.
pub fn row(id: u64) -> DocumentRow {
    DocumentRow {
        id: DocumentId(id),
        version: 1,
        jaggaer_id: format!("{}", 2_600_000 + id).into(),
        state: State::Posted,
        since: before(60 * id as i64 % 40_000),
        number: Some(format!("HL-{:05}", 20_000 + id).into()),
        buyer_number: Some(format!("JI-{id}").into()),
        supplier_number: Some(format!("V-{}", id % 20).into()),
        supplier_name: Some(
            ["Harbor Lab Supply", "Ångström & Söner AB", "株式会社ミライ", "Nordic Glass"][id as usize % 4].into(),
        ),
        total: Some(Money {
            amount: Amount::new(10_000 + 137 * id as i64, 2),
            currency: Currency::parse(if id.is_multiple_of(7) { "EUR" } else { "USD" }).unwrap(),
        }),
        date: Some(Date::constant(2026, 11, 1 + (id % 28) as i8)),
        reasons: Vec::new(),
        detail: None,
        class: None,
        record: Some(RecordNo((9000 + id).to_string())),
        flags: Vec::new(),
    }
}

/// One that stands in front of a person.
pub fn held(id: u64, state: State, code: ReasonCode, class: Option<Class>, detail: &str) -> DocumentRow {
    DocumentRow { state, reasons: vec![code], class, detail: Some(detail.into()), record: None, version: 3, ..row(id) }
}

/// A dozen of every kind.
pub fn rows() -> Vec<DocumentRow> {
    let mut rows: Vec<DocumentRow> = (1..=12).map(row).collect();
    rows.push(held(13, State::Held, ReasonCode::VendorUnknown, None, "supplier 4711 is not in the table suppliers"));
    rows.push(held(14, State::Held, ReasonCode::TwinByHand, None, "record 8112 has the same vendor and number"));
    rows.push(held(15, State::Failed, ReasonCode::Refused, Some(Class::Data), "Account 6999 is not active"));
    rows.push(held(16, State::Failed, ReasonCode::Refused, Some(Class::Data), "Account 6999 is not active"));
    rows.push(held(17, State::InDoubt, ReasonCode::Unsettled, None, "the connection broke after the last byte"));
    rows.push(DocumentRow { state: State::Queued, record: None, ..row(18) });
    rows.push(DocumentRow { state: State::Sent, record: None, ..row(19) });
    rows.push(DocumentRow { flags: vec![Flag::ChangedAfterPosting("total 100.00 → 120.00".into())], ..row(20) });
    rows.reverse();
    rows
}

/// What an engine answers to a page request; `rows` stand newest first.
pub fn page(rows: &[DocumentRow], request: &PageRequest) -> DocumentPage {
    let mut found: Vec<&DocumentRow> = rows.iter().filter(|row| lets(&request.filter, row)).collect();
    if request.oldest_first {
        found.reverse();
    }
    let total = found.len() as u64;
    let rest: Vec<&DocumentRow> = match request.after {
        None => found,
        Some(after) => {
            found.into_iter().filter(|row| if request.oldest_first { row.id > after } else { row.id < after }).collect()
        }
    };
    let more = rest.len() > request.limit as usize;
    let rows: Vec<DocumentRow> = rest.into_iter().take(request.limit as usize).cloned().collect();
    let next = rows.last().map(|row| row.id).filter(|_| more);
    DocumentPage { rows, next, total: Some(total), at: now() }
}

fn lets(filter: &Filter, row: &DocumentRow) -> bool {
    let flagged = row.flags.iter().any(|flag| !matches!(flag, Flag::TextCleaned(_)));
    (filter.states.is_empty() || filter.states.contains(&row.state))
        && filter.reason.is_none_or(|code| row.reasons.contains(&code))
        && (filter.class.is_none() || filter.class == row.class)
        && filter.vendor.as_deref().is_none_or(|vendor| row.supplier_number.as_ref().is_some_and(|n| n.raw() == vendor))
        && (!filter.flagged || flagged)
        && filter.text.as_deref().is_none_or(|text| {
            let all = format!("{:?}{:?}", row.number, row.supplier_name).to_lowercase();
            all.contains(&text.to_lowercase())
        })
}

pub fn snapshot() -> Snapshot {
    let mut states: std::collections::BTreeMap<State, MoneyTotals> =
        State::ALL.map(|s| (s, MoneyTotals::default())).into();
    for row in rows() {
        states.get_mut(&row.state).unwrap().add(row.total);
    }
    Snapshot {
        vendors: vendors(&pairs()),
        revision: 1,
        at: before(2),
        version: "0.1.0".into(),
        pid: 4711,
        data_dir: "/var/lib/tollgate".into(),
        jaggaer: "acme.jaggaer.com".into(),
        intacct: "ACME-US".into(),
        phase: EnginePhase::Running,
        mode: PostingMode::Post {
            from: Some(Date::constant(2026, 11, 1)),
            started: Some(("anna".into(), before(7200))),
        },
        pause: None,
        states,
        history: (0..60u64)
            .map(|step| DepthSample {
                at: before(3600 - 60 * step as i64),
                queued: (step * 7) % 23,
                unsettled: step % 3,
                attention: 2 + step / 20,
            })
            .collect(),
        token: RemoteState::Valid { until: before(-240) },
        session: RemoteState::Valid { until: before(-2580) },
        flows: vec![
            FlowStatus {
                name: "invoices".into(),
                state: FlowState::Running,
                schedule: "0 10-59/15 * * * *".into(),
                last_start: Some(before(12)),
                last_end: Some(before(900)),
                last_result: Some(Ok("18 new of 120 read".into())),
                next: Some(before(-900)),
                mark: Some(before(60)),
                failed_in_a_row: 0,
            },
            FlowStatus {
                name: "dimensions".into(),
                state: FlowState::Waiting,
                schedule: "0 0 5 * * *".into(),
                last_start: Some(before(19_900)),
                last_end: Some(before(19_800)),
                last_result: Some(Err("Intacct did not answer within 30 s".into())),
                next: Some(before(-66_600)),
                mark: None,
                failed_in_a_row: 3,
            },
        ],
        gateway: Gateway {
            lane: LaneState::Sending { bills: 12 },
            requests: 412,
            functions: 3120,
            transactions: 3001,
            logins: 2,
            functions_per_request: 14,
            last_ms: Some(1840),
        },
        throughput: Throughput { per_minute: (0..60).map(|minute| (minute * 5) % 17).collect(), posted: 1204 },
        audit: None,
        failures: vec![
            group(State::Failed, ReasonCode::Refused, Some(Class::Data), "refused by Intacct", 2, 15),
            group(State::Held, ReasonCode::VendorUnknown, None, "vendor not in Intacct", 1, 13),
            group(State::Held, ReasonCode::TwinByHand, None, "same bill already in Intacct", 1, 14),
            group(State::InDoubt, ReasonCode::Unsettled, None, "no clear outcome", 1, 17),
        ],
        alerts: vec![Alert {
            level: AlertLevel::Warning,
            what: "the flow dimensions failed three times in a row".into(),
            advice: "Look at its last result.".into(),
            since: before(19_800),
        }],
    }
}

fn group(state: State, code: ReasonCode, class: Option<Class>, title: &str, count: u64, example: u64) -> FailureGroup {
    FailureGroup { state, code, class, title: title.into(), count, example: DocumentId(example) }
}

pub fn detail(row: &DocumentRow) -> DocumentDetail {
    let bill = |record: Option<&str>, total: i64, state: &str| BillView {
        record: record.map(str::to_owned),
        vendor: "V-10".into(),
        number: row.number.clone().unwrap(),
        total: Some(Money { amount: Amount::new(total, 2), currency: Currency::parse("USD").unwrap() }),
        date: Some(Date::constant(2026, 11, 2)),
        due: Some(Date::constant(2026, 12, 2)),
        posting_date: Some(Date::constant(2026, 11, 2)),
        state: state.into(),
        description: "Pipette tips [TG-ABCDEFGHIJKLMNOP-0]".into(),
        lines: vec!["6000 · department 100 · 90.00".into(), "5200 · freight · 28.40".into()],
    };
    let twin = row.reasons.contains(&ReasonCode::TwinByHand);
    DocumentDetail {
        row: row.clone(),
        key: format!("acme/invoice/{}", row.jaggaer_id.raw()).into(),
        first_seen: before(90_000),
        approval: "approved".into(),
        reasons: row
            .reasons
            .iter()
            .map(|code| ExplainedReason {
                code: *code,
                title: code.title().into(),
                detail: row.detail.clone().unwrap_or_default(),
                advice: code.advice().into(),
            })
            .collect(),
        error: (row.state == State::Failed).then(|| ExplainedError {
            class: Class::Data,
            errorno: "BL03000018".into(),
            said: "Could not create apbill record: account 6999 is not active".into(),
            title: "A value of the bill is not accepted".into(),
            meaning: "A line names an account that Intacct has made inactive since the reference data were read."
                .into(),
            advice: "Activate account 6999 in Intacct, or correct the rule; then replay.".into(),
        }),
        facts: vec![("Due date".into(), "2026-12-02".into()), ("Terms".into(), "N30".into())],
        lines: vec![
            LineView {
                number: 1,
                kind: "item".into(),
                description: "Pipette tips 200 µl".into(),
                amount: Amount::new(9000, 2),
                splits: vec![(
                    Amount::new(9000, 2),
                    vec![("Account".into(), "6999".into()), ("Department".into(), "100".into())],
                )],
            },
            LineView {
                number: 2,
                kind: "freight".into(),
                description: "Freight".into(),
                amount: Amount::new(2840, 2),
                splits: vec![],
            },
        ],
        posting: Some(PostingView {
            generation: 0,
            control_id: "tg-0011223344556677889900112233445566778899".into(),
            mark: "TG-ABCDEFGHIJKLMNOP-0".into(),
            attempts: 1,
            last_attempt: Some(before(600)),
            mapping: "2026-11-18T08:00 (12 rules)".into(),
            bill: bill(None, 11_840, ""),
        }),
        ledger: twin.then(|| bill(Some("8112"), 11_480, "Posted")),
        actions: match row.state {
            State::Failed => vec!["replay".into(), "dismiss".into()],
            State::Held if twin => vec!["adopt".into(), "post_anyway".into(), "dismiss".into()],
            State::Held => vec!["dismiss".into()],
            _ => vec![],
        },
    }
}

/// The scripted engine.
pub struct Fake {
    pub rows: Mutex<Vec<DocumentRow>>,
    pub pairs: Mutex<Vec<PairDetail>>,
    pub asked: Mutex<Vec<Question>>,
    pub told: Mutex<Vec<Order>>,
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    pub log: broadcast::Sender<LogLine>,
    pub owns: bool,
}

impl Fake {
    pub fn new(owns: bool) -> Arc<Self> {
        Arc::new(Fake {
            rows: Mutex::new(rows()),
            pairs: Mutex::new(pairs()),
            asked: Mutex::default(),
            told: Mutex::default(),
            snapshots: watch::Sender::new(Arc::new(snapshot())),
            log: broadcast::Sender::new(100),
            owns,
        })
    }

    pub fn answer(&self, question: &Question) -> Result<Answer, Refusal> {
        let rows = self.rows.lock().unwrap();
        let find = |id: &DocumentId| {
            let missing = || Refusal::new(RefusalKind::NotFound, format!("there is no document {id}"));
            rows.iter().find(|row| row.id == *id).ok_or_else(missing)
        };
        Ok(match question {
            Question::Documents(request) => Answer::Documents(page(&rows, request)),
            Question::Document(id) => Answer::Document(Box::new(detail(find(id)?))),
            Question::Explain(id) => Answer::Explanation(Box::new(Explanation {
                text: format!(
                    "document {id}\naccount 6999 by the rule \"Accounting split of the line\" (3)\nlocation: nothing set it"
                ),
                data: serde_json::Value::Null,
            })),
            Question::Vendors(request) => Answer::Vendors(pair_page(&self.pairs.lock().unwrap(), request)),
            Question::Vendor(text) => {
                let missing = || Refusal::new(RefusalKind::NotFound, format!("there is no supplier {text}"));
                let pairs = self.pairs.lock().unwrap();
                let pair = pairs.iter().find(|pair| pair.row.id.to_string() == *text).ok_or_else(missing)?;
                Answer::Vendor(Box::new(pair.clone()))
            }
            Question::VendorsPlan => Answer::VendorsPlan(Box::new(plan())),
            Question::Audit(_) | Question::PairAudit(_) => Answer::Audit(vec![AuditLine {
                number: 7,
                record: "{}".into(),
                hash: "00".into(),
                at: before(600),
                who: "flow invoices".into(),
                what: "read from JAGGAER, evaluated".into(),
                state: Some(State::Held),
                request: None,
            }]),
            Question::Log(_) => Answer::Log(Vec::new()),
            _ => return Err(Refusal::new(RefusalKind::Invalid, "not in the script")),
        })
    }
}

impl Link for Fake {
    fn ask(&self, question: Question) -> Boxed<'_, Result<Answer, Refusal>> {
        self.asked.lock().unwrap().push(question.clone());
        Box::pin(async move { self.answer(&question) })
    }

    fn tell(&self, order: Order) -> Boxed<'_, Result<Outcome, Refusal>> {
        self.told.lock().unwrap().push(order);
        let outcome = Outcome { message: "Done.".into(), rows: vec![], done: 1, refused: 0, repeated: false };
        Box::pin(async move { Ok(outcome) })
    }

    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    fn log(&self) -> broadcast::Receiver<LogLine> {
        self.log.subscribe()
    }

    fn read_only(&self) -> bool {
        false
    }

    fn owns_engine(&self) -> bool {
        self.owns
    }
}

/// A supplier and its vendor, equal in every field.
pub fn pair(id: u64, name: &str, state: PairState) -> PairDetail {
    let number = format!("V-{}", 10_000 + id);
    let linked = !matches!(state, PairState::New | PairState::Suggested | PairState::Closed);
    let field = |field: MasterField, value: &str| FieldView {
        field,
        agreed: linked.then(|| value.into()),
        jaggaer: Some(value.into()),
        intacct: linked.then(|| value.into()),
        course: None,
        policy: field.default_policy(),
        decided: None,
    };
    PairDetail {
        row: PairRow {
            id: PairId(id),
            version: 4,
            state,
            since: before(60 * id as i64),
            number: number.as_str().into(),
            name: name.into(),
            vendor: linked.then(|| number.as_str().into()),
            differences: Vec::new(),
            suggestions: 0,
            alerts: 0,
            high: false,
            detail: None,
        },
        supplier: format!("{}", 880_000 + id).into(),
        record: linked.then(|| (4_000 + id).to_string()),
        basis: linked.then_some(LinkBasis::SameKey),
        first_seen: before(90_000),
        modified: [(Side::Jaggaer, before(4_000)), (Side::Intacct, before(9_000))].into(),
        fields: vec![
            field(MasterField::Name, name),
            field(MasterField::Status, "active"),
            field(MasterField::TaxId, "52-1234567"),
            field(MasterField::Terms, "N30"),
            field(MasterField::Email, "ap@harbor.example"),
            field(MasterField::Phone, "+1 555 0100"),
            field(MasterField::Address1, "12 Main St"),
            field(MasterField::City, "Boston"),
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

/// Makes a field of a pair differ.
pub fn differ(pair: &mut PairDetail, field: MasterField, jaggaer: &str, intacct: &str, course: Course) {
    let view = pair.fields.iter_mut().find(|view| view.field == field).unwrap();
    (view.jaggaer, view.intacct, view.course) = (Some(jaggaer.into()), Some(intacct.into()), Some(course));
    pair.row.differences.push((field, course));
}

/// One pair of every kind.
pub fn pairs() -> Vec<PairDetail> {
    let mut conflict = pair(2, "Ångström & Söner AB", PairState::Conflict);
    differ(&mut conflict, MasterField::Phone, "+1 555 0199", "+1 555 0155", Course::Conflict);
    let long = "14 Main Street, Building C, Receiving Dock 7";
    differ(&mut conflict, MasterField::Address1, long, "12 Main St, Suite 400", Course::Conflict);
    differ(&mut conflict, MasterField::Email, "billing@harbor.example", "ap@harbor.example", Course::ToIntacct);

    let mut looks_like = pair(3, "株式会社ミライ", PairState::Suggested);
    looks_like.row.suggestions = 2;
    let values = |name: &str, phone: &str| vec![(MasterField::Name, name.into()), (MasterField::Phone, phone.into())];
    looks_like.suggestions = vec![
        SuggestionView {
            vendor: "20031".into(),
            tier: MatchTier::TaxId,
            fields: values("Mirai Co Ltd", "+1 555 0100"),
            others: Vec::new(),
        },
        SuggestionView {
            vendor: "20077".into(),
            tier: MatchTier::NameAddress,
            fields: values("株式会社ミライ", "+81 3 5550 0155"),
            others: vec!["supplier V-10008 looks like it as well".into()],
        },
    ];

    let mut failed = pair(4, "Nordic Glass", PairState::Failed);
    failed.row.detail = Some("Intacct: BL01001973: Could not update vendor record".into());
    failed.reasons = vec![ExplainedReason {
        code: ReasonCode::Refused,
        title: ReasonCode::Refused.title().into(),
        detail: "Intacct: BL01001973: Could not update vendor record".into(),
        advice: ReasonCode::Refused.advice().into(),
    }];
    failed.error = Some(ExplainedError {
        class: Class::Data,
        errorno: "BL01001973".into(),
        said: "Could not update vendor record".into(),
        title: "refused by Intacct: value missing or not taken".into(),
        meaning: "The terms N45 do not exist in this company.".into(),
        advice: "Create them in Intacct, then retry.".into(),
    });

    let mut held = pair(5, "", PairState::Held);
    held.row.detail = Some("the supplier has no name".into());
    held.reasons = vec![ExplainedReason {
        code: ReasonCode::VendorUnknown,
        title: "supplier without a name".into(),
        detail: "JAGGAER's supplier 880005 has an empty name".into(),
        advice: "Give it a name in JAGGAER.".into(),
    }];

    let mut writing = pair(7, "Quarry Tools", PairState::Writing);
    differ(&mut writing, MasterField::City, "Salem", "Boston", Course::ToIntacct);
    writing.writes = vec![WriteView {
        to: Side::Intacct,
        creates: false,
        step: MasterStep::Queued,
        fields: vec![(MasterField::City, "Salem".into())],
        attempts: 0,
    }];

    let mut alerted = pair(9, "Harbor Lab Supply", PairState::Agreed);
    (alerted.row.alerts, alerted.row.high) = (1, true);
    alerted.alerts = vec![PaymentAlert {
        at: before(3_000),
        side: Side::Intacct,
        item: PaymentItem::Iban,
        old: "••••4821".into(),
        new: "••••9907".into(),
        high: true,
        seen: None,
    }];
    vec![
        pair(1, "Delta Freight", PairState::Agreed),
        conflict,
        looks_like,
        failed,
        held,
        writing,
        pair(8, "Mirai Japan", PairState::New),
        alerted,
    ]
}

/// How these pairs stand.
pub fn vendors(pairs: &[PairDetail]) -> VendorsStatus {
    let mut states: std::collections::BTreeMap<PairState, u64> = PairState::ALL.map(|state| (state, 0)).into();
    for pair in pairs {
        *states.get_mut(&pair.row.state).unwrap() += 1;
    }
    VendorsStatus {
        states,
        alerted: pairs.iter().filter(|pair| pair.row.alerts > 0).count() as u64,
        high: pairs.iter().filter(|pair| pair.row.high).count() as u64,
        unlinked_vendors: 3,
        started: Some(("anna".into(), before(7200))),
        fields: MasterField::ALL.to_vec(),
        creates: true,
        reads_jaggaer: true,
        writes_jaggaer: true,
    }
}

fn pair_page(pairs: &[PairDetail], request: &PairRequest) -> PairPage {
    let filter = &request.filter;
    let lets = |row: &&PairRow| {
        let text = filter.text.as_ref().map(|text| text.to_lowercase());
        (filter.states.is_empty() || filter.states.contains(&row.state))
            && (!filter.alerted || row.alerts > 0)
            && text.is_none_or(|text| format!("{:?}{:?}", row.number, row.name).to_lowercase().contains(&text))
    };
    let rows: Vec<PairRow> = pairs.iter().map(|pair| &pair.row).filter(lets).cloned().collect();
    let total = Some(rows.len() as u64);
    let mut rows: Vec<PairRow> =
        rows.into_iter().filter(|row| request.after.is_none_or(|after| row.id > after)).collect();
    let more = rows.len() > request.limit as usize;
    rows.truncate(request.limit as usize);
    let next = rows.last().map(|row| row.id).filter(|_| more);
    PairPage { rows, next, total, at: now() }
}

fn plan() -> VendorsPlan {
    let counts = |to_intacct, to_jaggaer, conflict| FieldPlan { to_intacct, to_jaggaer, conflict, left: 0 };
    VendorsPlan {
        at: now(),
        suppliers: 5_000,
        vendors: 8_000,
        linked: 4_120,
        agreed: 3_870,
        suggested: 35,
        create: 640,
        held: [("supplier without a name".into(), 3), ("number used twice".into(), 2)].into(),
        closed: 200,
        unlinked_vendors: 3_880,
        fields: [(MasterField::Name, counts(12, 0, 0)), (MasterField::Phone, counts(80, 14, 9))].into(),
        update_intacct: 88,
        update_jaggaer: 14,
        conflicts: 9,
        phrase: "start ACME-US".into(),
        started: None,
    }
}
