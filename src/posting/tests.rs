//! Postings as they arrive, are evaluated, frozen and decided about, on a lane with the simulated gateway.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::freeze::freeze;
use super::*;
use crate::jaggaer::{Converted, Unreadable};
use crate::lane::tests::world::{Death, Ended, QUIET, World, approved, bill, company, key, lock, revision};
use crate::lane::{Again, Gate, Step, due_periods, open_periods};
use crate::model::{
    Actor, Amount, Approval, Bill, Course, Difference, Document, DocumentId, Flag, Generation, Invoice, InvoiceKind,
    LedgerBill, LedgerState, Mark, MasterField, MasterSupplier, PairId, Person, Reason, ReasonCode, RecordNo, State,
    Supplier, Text, Timestamp, Totals,
};
use crate::seams::Kept;
use crate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use crate::simulator::gateway::{HandBill, Line, Person as Hand};
use crate::store::{Frozen, Meta, StoreError, Tx, VendorStart};
use crate::vendors::{Comparing, Seeing, supplier_seen};

fn options() -> FreezeOptions {
    FreezeOptions {
        company: company(),
        mark_field: "DESCRIPTION".to_owned(),
        description_length: 1000,
        mapping: "1".to_owned(),
    }
}

fn ada() -> Actor {
    Actor::Person(Person { uid: 1000, name: "ada".to_owned(), as_stated: None })
}

/// What JAGGAER holds of a document.
#[derive(Clone, Debug)]
struct Source {
    revision: u8,
    /// Rises with what only rules read that name fields of the source document itself.
    raw: u8,
    approval: Approval,
    bill: Bill,
    readable: bool,
}

/// A world whose documents come from a source and are evaluated as they stand there.
struct Desk {
    world: World,
    sources: Arc<Mutex<BTreeMap<u64, Source>>>,
}

impl Desk {
    fn new(functions: usize) -> Desk {
        let mut world = World::new(functions, 1);
        let sources: Arc<Mutex<BTreeMap<u64, Source>>> = Arc::default();
        let known = sources.clone();
        world.evaluator = Some(Arc::new(move |world| evaluate(world, &lock(&known), &options())));
        Desk { world, sources }
    }

    /// A document arrives or changes; the poll brings it in.
    fn arrive(&self, number: u64, change: impl FnOnce(&mut Source)) {
        let source = {
            let mut sources = lock(&self.sources);
            let fresh =
                Source { revision: 1, raw: 0, approval: Approval::Approved, bill: bill(number), readable: true };
            let source = sources.entry(number).or_insert(fresh);
            change(source);
            source.clone()
        };
        let at = self.world.now();
        let poll = Actor::Flow("invoices".to_owned());
        again(&self.world, move |tx| intake(tx, at, &poll, &[arrival(number, &source)]));
    }

    fn decide(&self, id: u64, decision: Decision) -> Result<String, String> {
        let at = self.world.now();
        again(&self.world, move |tx| decide(tx, at, &ada(), DocumentId(id), None, &decision))
    }

    fn document(&self, id: u64) -> Document {
        self.world.document(id)
    }

    fn fault(&self, when: Trigger, does: Behaviour) {
        self.world.gateway().faults_mut().add(Fault::once(when, does));
    }

    fn refuse(&self, when: Trigger, text: &str) {
        let (errorno, correction) = ("BL01001973".to_owned(), String::new());
        self.fault(when, Behaviour::FunctionError { errorno, text: text.to_owned(), correction });
    }

    fn settle(&mut self, longest: Duration) {
        self.world.evaluate();
        self.world.settle(longest);
    }

    fn frozen(&self, id: u64, generation: u32) -> Option<Frozen> {
        self.world.store.read_now(|reader| reader.frozen(DocumentId(id), Generation(generation))).unwrap()
    }

    fn hand_bill(&self, number: u64) -> u64 {
        let of = bill(number);
        let amount = of.total().to_string().parse().unwrap();
        let typed = HandBill {
            vendor_id: "V-1".to_owned(),
            record_id: of.number,
            description: "typed".to_owned(),
            currency: "USD".to_owned(),
            invoice_date: of.date,
            gl_date: of.posting_date,
            due_date: of.due_date,
            entity: String::new(),
            lines: vec![Line { account: "6000".to_owned(), amount, ..Line::default() }],
        };
        self.world.gateway().type_bill_by_hand(self.world.now(), typed)
    }

    fn read_back(&self, record: u64) -> LedgerBill {
        let gateway = self.world.gateway();
        let bill = gateway.ledger().get(record).unwrap();
        LedgerBill {
            record: RecordNo(record.to_string()),
            number: Text::new(bill.record_id.clone()),
            vendor: Text::new(bill.vendor_id.clone()),
            total: Amount::parse(&bill.total.to_string()),
            currency: None,
            date: None,
            posting_date: None,
            due_date: None,
            marked: Text::new(bill.description.clone()),
            state_word: Text::from("Posted"),
            state: LedgerState::Standing,
            entity: Text::default(),
            lines: None,
            unreadable: Vec::new(),
        }
    }
}

/// Writes as often as it takes: a disk that was told to fail fails whoever writes next.
fn again<R: Send + 'static>(
    world: &World,
    step: impl Fn(&mut Tx<'_>) -> Result<R, StoreError> + Clone + Send + 'static,
) -> R {
    (0..5).find_map(|_| world.store.write_now(step.clone()).ok()).unwrap()
}

fn arrival(number: u64, source: &Source) -> Arrival {
    let invoice = Invoice {
        id: number.to_string(),
        kind: InvoiceKind::Invoice,
        number: Some(Text::new(source.bill.number.clone())),
        buyer_number: None,
        invoice_date: Some(source.bill.date),
        due_date: None,
        posting_date: None,
        entity: None,
        supplier: Supplier::default(),
        terms: None,
        currency: Some(source.bill.currency),
        totals: Totals { total: Some(source.bill.total()), ..Totals::default() },
        lines: Vec::new(),
        custom: BTreeMap::new(),
    };
    let read = Converted {
        invoice,
        approval: source.approval,
        paid: false,
        status_words: Default::default(),
        stamp: None,
        warnings: Vec::new(),
        faults: Vec::new(),
        revision: revision(source.revision),
    };
    let unreadable = Unreadable { what: Text::from("no JSON") };
    let kind = match source.approval {
        Approval::Approved => 1,
        Approval::NotApproved => 2,
        Approval::Cancelled => 3,
        Approval::Unknown => 4,
    };
    let mut hash = [source.revision; 16];
    (hash[0], hash[1], hash[2]) = (kind, u8::from(source.readable), source.raw);
    let read = if source.readable { Ok(read) } else { Err(unreadable) };
    Arrival { key: key(number), stamp: None, hash, sealed: vec![source.revision], read }
}

/// The evaluation of everything pending, as the engine does it, with the bills of the sources.
fn evaluate(world: &World, sources: &BTreeMap<u64, Source>, options: &FreezeOptions) {
    loop {
        let Ok(marked) = world.store.read_now(|reader| reader.pending(0, 100)) else { return };
        let (pending, progress) = match marked.is_empty() {
            false => (marked, None),
            true => match world.store.read_now(|reader| reader.swept(3)) {
                Ok(Some((swept, progress))) => (swept, Some(progress)),
                _ => return,
            },
        };
        let at = world.now();
        for (document, _) in pending {
            let number: u64 = document.key.source_id().parse().unwrap();
            let source = &sources[&number];
            let held = |code| (Outcome::Held(vec![Reason::new(code, "as it is")]), None);
            let (outcome, approval) = match (source.readable, source.approval) {
                (false, _) => held(ReasonCode::Unreadable),
                (_, Approval::Unknown) => (held(ReasonCode::UnknownStatus).0, Some(Approval::Unknown)),
                (_, approval) => {
                    let ready = Outcome::Ready(Box::new(source.bill.clone()), revision(source.revision), 0);
                    (ready, Some(approval))
                }
            };
            let learned = approval.map(|approval| crate::posting::evaluate::Learned {
                approval,
                revision: revision(source.revision),
                summary: document.summary.clone(),
            });
            let evaluated =
                Evaluated { id: document.id, version: document.version, learned, outcome, needs: Vec::new() };
            let options = options.clone();
            let applied = again(world, move |tx| apply_evaluation::<Kept>(tx, at, evaluated.clone(), &options));
            if applied == Applied::Requeued {
                let _ = world.again.send(Again::Requeued(document.id));
            }
        }
        if let Some(progress) = progress {
            let progress = std::sync::Arc::new(progress);
            again(world, move |tx| tx.progressed(&progress));
        }
    }
}

fn amend(source: &mut Source) {
    source.revision += 1;
    source.bill.lines[0].amount += Amount::parse("1").unwrap();
}

fn codes(document: &Document) -> Vec<ReasonCode> {
    document.reasons.iter().map(|reason| reason.code).collect()
}

#[test]
fn what_was_sent_keeps_its_bytes_whatever_is_configured_afterwards() {
    let mut document = approved(DocumentId(1), Timestamp::UNIX_EPOCH);
    let at = Timestamp::UNIX_EPOCH;
    let (head, first) = freeze(&document, bill(1), revision(1), None, &options(), at).unwrap();
    let other = FreezeOptions { mark_field: "TG_MARK".to_owned(), mapping: "2".to_owned(), ..options() };
    for (attempts, unclear) in [(0, false), (1, false), (1, true)] {
        document.posting = Some(head.clone());
        let posting = document.posting.as_mut().unwrap();
        (posting.attempts, posting.unclear) = (attempts, unclear);
        let (again, frozen) = freeze(&document, bill(1), revision(2), Some(&first), &other, at).unwrap();
        assert_eq!(again.generation, Generation(0));
        assert_eq!(again.control_id, head.control_id);
        assert_eq!(frozen.function == first.function, attempts > 0);
        assert_eq!(again.hash[..], frozen.hash[..16]);
        assert_eq!(again.revision, revision(2));
    }
}

#[test]
fn generations_rise_only_after_what_was_certainly_not_executed_or_refused() {
    let (at, mut document) = (Timestamp::UNIX_EPOCH, approved(DocumentId(1), Timestamp::UNIX_EPOCH));
    let (head, first) = freeze(&document, bill(1), revision(1), None, &options(), at).unwrap();
    // Sends, refused, unclear, the same bill → generation.
    for (attempts, refused, unclear, same, expected) in [
        (0, false, false, true, Some(0)),
        (0, false, false, false, Some(0)),
        (0, true, false, true, Some(1)),
        (1, true, false, true, Some(1)),
        (1, true, false, false, Some(1)),
        (1, false, false, true, Some(0)),
        (1, false, false, false, Some(1)),
        (1, false, true, true, Some(0)),
        (1, false, true, false, None),
    ] {
        document.posting = Some(head.clone());
        let posting = document.posting.as_mut().unwrap();
        (posting.attempts, posting.refused, posting.unclear) = (attempts, refused, unclear);
        let now = if same { bill(1) } else { bill(2) };
        let frozen = freeze(&document, now, revision(2), Some(&first), &options(), at);
        let case = (attempts, refused, unclear, same);
        assert_eq!(frozen.as_ref().map(|(head, _)| head.generation.0), expected, "{case:?}");
        if let Some((head, frozen)) = frozen {
            assert!(!head.refused);
            assert_eq!(head.mark, Mark::of(&document.key, head.generation));
            assert_eq!(frozen.generation, head.generation);
        }
    }
}

#[test]
fn a_word_about_a_twin_holds_for_its_number_only() {
    let (at, mut document) = (Timestamp::UNIX_EPOCH, approved(DocumentId(1), Timestamp::UNIX_EPOCH));
    let (mut head, first) = freeze(&document, bill(1), revision(1), None, &options(), at).unwrap();
    head.despite_twin = true;
    document.posting = Some(head);
    let kept = |now: Bill| freeze(&document, now, revision(2), Some(&first), &options(), at).unwrap().0.despite_twin;
    assert!(kept(bill(1)));
    assert!(!kept(bill(2)));
}

#[test]
fn approval_lost_before_sending_withdraws_and_given_again_posts_once() {
    let mut desk = Desk::new(2);
    desk.arrive(1, |_| {});
    desk.world.evaluate();
    assert_eq!(desk.document(1).state, State::Queued);
    desk.arrive(1, |source| source.approval = Approval::NotApproved);
    assert_eq!(desk.document(1).state, State::Withdrawn);
    desk.settle(QUIET);
    assert_eq!(desk.world.gateway().ledger().len(), 0);
    desk.arrive(1, |source| source.approval = Approval::Approved);
    desk.settle(QUIET);
    assert_eq!(desk.document(1).state, State::Posted);
    assert!(desk.world.verdict().is_empty(), "{:?}", desk.world.verdict());
}

/// Stops between a write request and the commit of its outcome.
fn on_its_way(desk: &mut Desk) {
    desk.world.evaluate();
    let before = *lock(&desk.world.network.writes);
    while *lock(&desk.world.network.writes) == before {
        assert!(matches!(desk.world.step(), Ended::Did(_)));
    }
}

#[test]
fn approval_lost_during_a_send_that_was_not_executed_withdraws() {
    let mut desk = Desk::new(1);
    desk.arrive(1, |_| {});
    desk.fault(Trigger::NthWrite(1), Behaviour::Throttle(Some(1)));
    on_its_way(&mut desk);
    desk.arrive(1, |source| source.approval = Approval::Cancelled);
    assert_eq!(desk.document(1).state, State::Sent);
    desk.settle(QUIET);
    assert_eq!((desk.document(1).state, *lock(&desk.world.network.writes)), (State::Withdrawn, 1));
}

#[test]
fn an_amendment_while_nothing_may_be_sent_is_looked_up_whether_it_was_held_meanwhile_or_not() {
    for held in [false, true] {
        let mut desk = Desk::new(1);
        desk.world.gate.send_replace(Gate { may_send: false, ..Default::default() });
        desk.arrive(1, |_| {});
        desk.world.evaluate();
        desk.world.rest();
        assert_eq!(desk.document(1).state, State::Queued);
        desk.hand_bill(2);
        if held {
            desk.arrive(1, |source| (source.revision, source.readable) = (2, false));
            desk.world.evaluate();
            desk.world.rest();
            assert_eq!(desk.document(1).state, State::Held);
        }
        desk.arrive(1, |source| {
            (source.revision, source.readable) = (3, true);
            source.bill.number = bill(2).number;
        });
        desk.world.evaluate();
        assert_eq!(desk.document(1).state, State::Queued);
        desk.world.rest();
        assert_eq!(codes(&desk.document(1)), [ReasonCode::TwinByHand], "held meanwhile: {held}");
    }
}

#[test]
fn an_amendment_while_it_is_sent_waits_and_shows_once_it_is_settled() {
    // Posted: the change is flagged, nothing more is sent.
    let mut desk = Desk::new(1);
    desk.arrive(1, |_| {});
    on_its_way(&mut desk);
    desk.arrive(1, amend);
    desk.settle(QUIET);
    let document = desk.document(1);
    assert_eq!(document.state, State::Posted);
    assert!(document.flags.iter().any(|flag| matches!(flag, Flag::ChangedAfterPosting(_))), "{:?}", document.flags);
    assert_eq!(*lock(&desk.world.network.writes), 1);
    // Not executed: what is sent is the amended one, as the next generation.
    let mut desk = Desk::new(1);
    desk.arrive(1, |_| {});
    desk.fault(Trigger::NthWrite(1), Behaviour::Throttle(Some(1)));
    on_its_way(&mut desk);
    desk.arrive(1, amend);
    desk.settle(QUIET);
    assert_eq!(desk.document(1).posting.unwrap().generation, Generation(1));
    assert_eq!(desk.world.gateway().ledger().bills().next().unwrap().total.to_string(), "12.37");
    assert!(desk.world.verdict().is_empty(), "{:?}", desk.world.verdict());
    // Refused: the amended one is a new try.
    let mut desk = Desk::new(1);
    desk.arrive(1, |_| {});
    desk.refuse(Trigger::NthWrite(1), "Invalid Vendor 'V-9' specified.");
    on_its_way(&mut desk);
    desk.arrive(1, amend);
    desk.settle(QUIET);
    assert_eq!((desk.document(1).state, desk.document(1).posting.unwrap().generation.0), (State::Posted, 1));
    // In doubt and sent again: the old bytes under the old control id, and then the flag.
    let mut desk = Desk::new(1);
    desk.arrive(1, |_| {});
    desk.fault(Trigger::NthWrite(1), Behaviour::Part(0));
    on_its_way(&mut desk);
    desk.arrive(1, amend);
    desk.settle(QUIET * 3);
    let document = desk.document(1);
    assert_eq!((document.state, document.posting.unwrap().generation.0), (State::Posted, 0));
    assert!(document.flags.iter().any(|flag| matches!(flag, Flag::ChangedAfterPosting(_))));
    assert!(desk.world.verdict().is_empty(), "{:?}", desk.world.verdict());
}

#[test]
fn a_change_after_posting_is_flagged_and_taken_back_with_the_change() {
    let mut desk = Desk::new(1);
    desk.arrive(1, |_| {});
    desk.settle(QUIET);
    let flagged = |desk: &Desk| desk.document(1).flags.iter().any(|flag| matches!(flag, Flag::ChangedAfterPosting(_)));
    desk.arrive(1, |source| source.revision = 9);
    desk.settle(QUIET);
    assert!(!flagged(&desk), "nothing that matters differs");
    desk.arrive(1, amend);
    desk.settle(QUIET);
    assert!(flagged(&desk));
    desk.arrive(1, |source| (source.revision, source.bill) = (1, bill(1)));
    desk.settle(QUIET);
    assert!(!flagged(&desk));
    desk.arrive(1, |source| source.approval = Approval::NotApproved);
    desk.settle(QUIET);
    assert!(flagged(&desk));
    assert_eq!((desk.document(1).state, *lock(&desk.world.network.writes)), (State::Posted, 1));
}

#[test]
fn of_two_with_one_number_the_second_is_held_and_goes_on_when_the_first_is_given_up() {
    for way in ["dismissed", "withdrawn", "amended", "numbered otherwise by a rule", "refused"] {
        let mut desk = Desk::new(1);
        desk.world.gate.send_replace(crate::lane::Gate { may_send: way == "refused", ..Default::default() });
        desk.arrive(1, |_| {});
        desk.arrive(2, |source| source.bill.number = "INV-1".to_owned());
        desk.world.evaluate();
        assert_eq!(codes(&desk.document(2)), [ReasonCode::DuplicateHere]);
        match way {
            "dismissed" => drop(desk.decide(1, Decision::Dismiss("typed twice".to_owned())).unwrap()),
            "withdrawn" => desk.arrive(1, |source| source.approval = Approval::NotApproved),
            "numbered otherwise by a rule" => {
                desk.arrive(1, |source| (source.raw, source.bill.number) = (1, "INV-7".to_owned()));
                // The first is evaluated after the second: nobody else marks the second.
                desk.world.evaluate();
            }
            "amended" => desk.arrive(1, |source| (source.revision, source.bill.number) = (2, "INV-7".to_owned())),
            _ => desk.refuse(Trigger::NthWrite(1), "Invalid Vendor 'V-9' specified."),
        }
        desk.world.gate.send_replace(crate::lane::Gate { may_send: true, ..Default::default() });
        desk.settle(QUIET);
        assert_eq!(desk.document(2).state, State::Posted, "{way}");
        assert!(desk.world.verdict().is_empty(), "{way}: {:?}", desk.world.verdict());
    }
}

#[test]
fn what_only_a_rule_reads_is_not_posted_as_it_was_before() {
    for held in [false, true] {
        let mut desk = Desk::new(1);
        desk.world.gate.send_replace(crate::lane::Gate::default());
        let closed =
            crate::store::ClosedPeriod { since: desk.world.now(), probed: desk.world.now(), said: String::new() };
        if held {
            desk.world.store.write_now(move |tx| tx.put_period("* 2026-03", Some(&closed))).unwrap();
        }
        desk.arrive(1, |_| {});
        desk.world.evaluate();
        assert_eq!(desk.document(1).state, if held { State::Held } else { State::Queued });
        let total = desk.document(1).posting.unwrap().total;
        desk.arrive(1, |source| {
            source.raw = 1;
            source.bill.lines[0].amount += Amount::parse("7").unwrap();
            source.bill.posting_date = jiff::civil::date(2026, 4, 1);
        });
        desk.world.gate.send_replace(crate::lane::Gate { may_send: true, ..Default::default() });
        desk.settle(QUIET);
        assert_eq!(desk.document(1).state, State::Posted, "its rule sets another date now");
        assert_ne!(desk.document(1).posting.unwrap().total, total);
        assert!(desk.world.verdict().is_empty(), "{:?}", desk.world.verdict());
    }
}

#[test]
fn a_period_that_was_reopened_lets_all_go_once_the_one_that_asks_went_in() {
    let mut desk = Desk::new(1);
    for number in 1..=3 {
        desk.arrive(number, |_| {});
    }
    let refused = "The accounting period for 03/31/2026 is closed";
    desk.refuse(Trigger::NthWrite(1), refused);
    desk.settle(QUIET);
    assert_eq!(desk.world.states(), [State::Held; 3]);
    let asks = |desk: &Desk, id: u64| {
        desk.world.clock.pass(Duration::from_secs(24 * 3600));
        let at = desk.world.now();
        let due = desk.world.store.read_now(|reader| due_periods(reader, at)).unwrap();
        assert_eq!(due, BTreeMap::from([("* 2026-03".to_owned(), Some(DocumentId(id)))]));
        again(&desk.world, move |tx| open_periods(tx, &due, at));
    };
    desk.refuse(Trigger::NthWrite(2), refused);
    asks(&desk, 1);
    desk.settle(QUIET);
    assert_eq!(desk.world.states(), [State::Held; 3], "it is closed still, and one asked");
    assert_eq!(*lock(&desk.world.network.writes), 2);
    // The one that asks is refused for something else: the others wait for the next.
    desk.refuse(Trigger::NthWrite(3), "Invalid Vendor 'V-9' specified.");
    asks(&desk, 1);
    desk.settle(QUIET);
    assert_eq!(desk.world.states(), [State::Failed, State::Held, State::Held]);
    assert_eq!(desk.world.store.read_now(|reader| reader.closed_periods()).unwrap().len(), 1);
    asks(&desk, 2);
    desk.settle(QUIET);
    assert_eq!(desk.world.states(), [State::Failed, State::Posted, State::Posted]);
    desk.decide(1, Decision::Replay).unwrap();
    desk.settle(QUIET);
    assert_eq!(desk.world.states(), [State::Posted; 3]);
    assert!(desk.world.verdict().is_empty(), "{:?}", desk.world.verdict());
}

#[test]
fn a_closed_period_holds_all_of_it_and_a_person_opens_it_for_all() {
    let mut desk = Desk::new(1);
    for number in 1..=3 {
        desk.arrive(number, |_| {});
    }
    desk.arrive(4, |source| source.bill.posting_date = jiff::civil::date(2026, 4, 1));
    desk.refuse(Trigger::NthWrite(1), "The accounting period for 03/31/2026 is closed");
    desk.settle(QUIET);
    assert_eq!(desk.world.states(), [State::Held, State::Held, State::Held, State::Posted]);
    assert_eq!(*lock(&desk.world.network.writes), 2, "one was refused, one of another period was posted");
    // Evaluated again, each keeps what it would post, so that the daily probe finds it.
    desk.world.store.write_now(|tx| tx.evaluate_all(&[State::Held])).unwrap();
    desk.world.evaluate();
    for id in 1..=3 {
        let generation = desk.document(id).posting.unwrap().generation.0;
        assert!(desk.frozen(id, generation).is_some(), "{id} generation {generation}");
    }
    assert_eq!(desk.document(1).posting.unwrap().generation.0, 1, "refused: the next generation");
    assert_eq!(desk.document(2).posting.unwrap().generation.0, 0, "never sent");
    let other = crate::store::ClosedPeriod { since: desk.world.now(), probed: desk.world.now(), said: String::new() };
    desk.world.store.write_now(move |tx| tx.put_period("* 2026-01", Some(&other))).unwrap();
    desk.decide(2, Decision::Replay).unwrap();
    desk.settle(QUIET);
    assert_eq!(desk.world.states(), [State::Posted; 4]);
    let closed = desk.world.store.read_now(|reader| reader.closed_periods()).unwrap();
    assert_eq!(closed.keys().collect::<Vec<_>>(), ["* 2026-01"], "other periods stay closed");
    assert!(desk.world.verdict().is_empty(), "{:?}", desk.world.verdict());
}

#[test]
fn a_vendor_in_conflict_holds_its_invoices_once_vendors_were_started_and_releases_them() {
    let mut desk = Desk::new(1);
    desk.world.gate.send_replace(Gate { may_send: false, ..Default::default() });
    desk.arrive(1, |_| {});
    let vendor = Text::new(bill(1).vendor);
    let set = |desk: &Desk, conflict: bool| {
        let (vendor, at) = (vendor.clone(), desk.world.now());
        let put = move |tx: &mut Tx<'_>| {
            let seeing = Seeing { at, who: Actor::Engine, comparing: Comparing::default() };
            let supplier = MasterSupplier {
                id: Text::from("1"),
                number: vendor.clone(),
                values: Default::default(),
                merged_into: None,
                modified: None,
                token: None,
                payment: Default::default(),
            };
            supplier_seen(tx, &seeing, &supplier)?;
            let mut pair = tx.pair(PairId(1))?.unwrap();
            pair.vendor = Some(vendor);
            let difference = Difference { field: MasterField::Status, course: Course::Conflict };
            pair.differences = conflict.then_some(difference).into_iter().collect();
            tx.save_pair(&mut pair)?;
            tx.evaluate_all(&[State::Held, State::Queued])
        };
        desk.world.store.write_now(put).unwrap();
        desk.world.evaluate();
    };
    set(&desk, true);
    assert_eq!(desk.document(1).state, State::Queued, "nothing is done about a conflict before the start");
    let start = VendorStart { by: "anna".to_owned(), at: desk.world.now(), fields: Vec::new(), creates: true };
    desk.world.store.write_now(move |tx| tx.put_meta(Meta::VendorStart, &start)).unwrap();
    set(&desk, true);
    assert_eq!((desk.document(1).state, codes(&desk.document(1))), (State::Held, vec![ReasonCode::VendorConflict]));
    set(&desk, false);
    assert_eq!(desk.document(1).state, State::Queued);
    desk.world.gate.send_replace(Gate { may_send: true, ..Default::default() });
    desk.settle(QUIET);
    assert_eq!(desk.world.states(), [State::Posted]);
}

#[test]
fn a_twin_is_posted_anyway_adopted_or_dismissed_as_a_person_says() {
    let held = || {
        let mut desk = Desk::new(1);
        let record = desk.hand_bill(1);
        desk.arrive(1, |_| {});
        desk.settle(QUIET);
        assert_eq!(codes(&desk.document(1)), [ReasonCode::TwinByHand]);
        (desk, record)
    };
    let (mut desk, _) = held();
    assert!(desk.decide(1, Decision::PostAnyway("  ".to_owned())).is_err());
    desk.decide(1, Decision::PostAnyway("another delivery".to_owned())).unwrap();
    desk.settle(QUIET);
    let document = desk.document(1);
    assert_eq!(document.state, State::Posted);
    assert!(document.flags.iter().any(|flag| matches!(flag, Flag::Twin(_))));
    let (mut desk, record) = held();
    desk.decide(1, Decision::Adopt(Box::new(desk.read_back(record)))).unwrap();
    desk.settle(QUIET);
    assert_eq!((desk.document(1).state, desk.world.gateway().ledger().len()), (State::Posted, 1));
    // A second document cannot take the same bill.
    desk.arrive(2, |source| source.bill.number = "INV-1".to_owned());
    desk.settle(QUIET);
    let refused = desk.decide(2, Decision::Adopt(Box::new(desk.read_back(record)))).unwrap_err();
    assert!(refused.contains("the bill of document 1 already"), "{refused}");
    let (mut desk, _) = held();
    desk.decide(1, Decision::Dismiss("typed by hand".to_owned())).unwrap();
    desk.arrive(1, amend);
    desk.settle(QUIET);
    assert_eq!((desk.document(1).state, desk.world.gateway().ledger().len()), (State::Dismissed, 1));
    desk.decide(1, Decision::Reopen).unwrap();
    desk.settle(QUIET);
    assert_eq!(codes(&desk.document(1)), [ReasonCode::TwinByHand]);
}

#[test]
fn what_may_still_appear_adopts_only_its_own_bill_and_nobody_takes_another_documents() {
    let mut desk = Desk::new(1);
    desk.arrive(1, |_| {});
    desk.arrive(2, |_| {});
    desk.fault(Trigger::NthWrite(1), Behaviour::CommitLate(400_000));
    on_its_way(&mut desk);
    desk.world.rest();
    assert_eq!(desk.document(1).state, State::InDoubt);
    let typed = desk.hand_bill(1);
    assert!(desk.decide(1, Decision::Adopt(Box::new(desk.read_back(typed)))).is_err());
    desk.settle(QUIET * 3);
    assert_eq!(desk.world.states(), [State::Posted, State::Posted]);
    let first: u64 = desk.document(1).record.unwrap().0.parse().unwrap();
    // Somebody else's document is held and reaches for it.
    desk.arrive(3, |source| source.bill.number = "INV-1".to_owned());
    desk.settle(QUIET);
    let refused = desk.decide(3, Decision::Adopt(Box::new(desk.read_back(first)))).unwrap_err();
    assert!(refused.contains("mark of another document"), "{refused}");
}

#[test]
fn a_reversed_bill_is_posted_anew_only_by_a_person_also_where_the_store_was_lost() {
    for lost in [false, true] {
        let mut desk = Desk::new(1);
        desk.arrive(1, |_| {});
        if lost {
            // A life of which the store knows nothing posted generation 3, and somebody reversed it.
            let mark = Mark::of(&key(1), Generation(3));
            let record = desk.hand_bill(1);
            let amendment =
                crate::simulator::gateway::Amendment { description: Some(format!("x [{mark}]")), ..Default::default() };
            let now = desk.world.now();
            desk.world.gateway().person(now, Hand::Amend(record, amendment)).unwrap();
            desk.world.gateway().person(now, Hand::Reverse(record)).unwrap();
        } else {
            desk.fault(Trigger::NthWrite(1), Behaviour::ReversedByHand);
        }
        desk.settle(QUIET);
        assert_eq!(codes(&desk.document(1)), [ReasonCode::NotStanding], "lost: {lost}");
        desk.settle(QUIET);
        assert_eq!(desk.world.gateway().ledger().len(), 1, "nothing without a person");
        desk.decide(1, Decision::PostAnyway("reversed by mistake".to_owned())).unwrap();
        desk.settle(QUIET);
        let document = desk.document(1);
        assert_eq!(document.state, State::Posted, "lost: {lost}, {:?}", document.reasons);
        assert_eq!(document.posting.as_ref().unwrap().generation.0, if lost { 4 } else { 1 });
        assert!(desk.world.verdict().is_empty(), "{:?}", desk.world.verdict());
    }
}

#[test]
fn a_refused_one_is_replayed_as_the_next_generation_and_an_unsettled_one_looked_up_once_more() {
    let mut desk = Desk::new(1);
    desk.arrive(1, |_| {});
    desk.refuse(Trigger::NthWrite(1), "Invalid Vendor 'V-9' specified.");
    desk.settle(QUIET);
    assert_eq!(desk.document(1).state, State::Failed);
    desk.decide(1, Decision::Replay).unwrap();
    desk.settle(QUIET);
    assert_eq!((desk.document(1).state, desk.document(1).posting.unwrap().generation.0), (State::Posted, 1));
    assert!(desk.decide(1, Decision::Replay).is_err(), "nothing to replay");
    // Unsettled after three rounds.
    let mut desk = Desk::new(1);
    desk.arrive(1, |_| {});
    let swallow = Fault { when: Trigger::Kind(Kind::Write), skip: 0, times: Some(3), does: Behaviour::Part(0) };
    desk.world.gateway().faults_mut().add(swallow);
    desk.settle(QUIET * 20);
    assert_eq!(codes(&desk.document(1)), [ReasonCode::Unsettled]);
    // An unreadable version meanwhile does not cover up that a person is asked.
    desk.arrive(1, |source| source.readable = false);
    assert_eq!(codes(&desk.document(1)), [ReasonCode::Unsettled]);
    desk.arrive(1, |source| source.readable = true);
    desk.decide(1, Decision::Replay).unwrap();
    desk.settle(QUIET);
    assert_eq!((desk.document(1).state, desk.document(1).posting.unwrap().generation.0), (State::Posted, 1));
    assert!(desk.world.verdict().is_empty(), "{:?}", desk.world.verdict());
}

#[test]
fn a_decision_that_cannot_be_carried_out_is_refused_and_never_breaks_those_beside_it() {
    let decisions = || {
        let bill = LedgerBill {
            record: RecordNo("5".to_owned()),
            number: Text::from("INV-1"),
            vendor: Text::from("V-1"),
            total: None,
            currency: None,
            date: None,
            posting_date: None,
            due_date: None,
            marked: Text::default(),
            state_word: Text::from("Posted"),
            state: LedgerState::Standing,
            entity: Text::default(),
            lines: None,
            unreadable: Vec::new(),
        };
        [
            Decision::Replay,
            Decision::Dismiss("no".to_owned()),
            Decision::Reopen,
            Decision::PostAnyway("yes".to_owned()),
            Decision::Adopt(Box::new(bill)),
        ]
    };
    let asked = [
        ReasonCode::PeriodClosed,
        ReasonCode::NotStanding,
        ReasonCode::TwinByHand,
        ReasonCode::DuplicateHere,
        ReasonCode::LedgerDiffers,
        ReasonCode::LedgerGone,
        ReasonCode::Doubled,
        ReasonCode::Unsettled,
    ];
    let world = World::new(1, 1);
    for state in State::ALL {
        for approval in [Approval::Approved, Approval::NotApproved, Approval::Cancelled, Approval::Unknown] {
            for code in [None].into_iter().chain(asked.map(Some)) {
                let at = world.now();
                world
                    .store
                    .write_now(move |tx| {
                        for decision in decisions() {
                            let id = tx.next_id();
                            let (mut document, frozen) = crate::lane::tests::world::queued(id, at);
                            (document.state, document.approval) = (state, approval);
                            document.reasons.extend(code.map(|code| Reason::new(code, "x")));
                            tx.create(document.clone())?;
                            tx.put_frozen(id, &frozen)?;
                            let done = decide(tx, at, &ada(), id, Some(1), &decision)?;
                            let after = tx.document(id)?.unwrap();
                            assert!(done.is_ok() || after == document);
                            assert!(decide(tx, at, &ada(), id, Some(99), &decision)?.is_err(), "seen as it is not");
                        }
                        Ok(())
                    })
                    .unwrap_or_else(|error| panic!("{state:?} {approval:?} {code:?}: {error}"));
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Arrive(u64),
    Amend(u64),
    Approval(u64, Approval),
    Unreadable(u64),
    Steps(usize),
    Pass(u64),
    Crash,
    Die(bool),
    Disk(u64, bool),
    Gate(bool),
    Fault(usize),
    Replay(u64),
    Dismiss(u64),
    Reopen(u64),
    PostAnyway(u64),
    Evaluate,
    Reverse(u64),
    Resume,
}

/// What the gateway does, all inside the fault model.
fn faults() -> Vec<Behaviour> {
    let error = |text: &str| Behaviour::FunctionError {
        errorno: "BL01001973".to_owned(),
        text: text.to_owned(),
        correction: String::new(),
    };
    vec![
        Behaviour::Drop,
        Behaviour::BadGateway(502),
        Behaviour::Part(0),
        Behaviour::Part(1),
        Behaviour::CommitLate(400_000),
        Behaviour::Throttle(Some(3)),
        Behaviour::SessionExpired,
        Behaviour::Poison,
        Behaviour::Cut(600),
        Behaviour::ForeignControlId,
        Behaviour::MissingResult,
        Behaviour::SwapAnswer,
        Behaviour::Silent,
        Behaviour::Offline,
        error("Invalid Vendor 'V-9' specified."),
        error("The accounting period for 03/31/2026 is closed"),
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let id = || 1u64..5;
    let approval = prop_oneof![
        Just(Approval::Approved),
        Just(Approval::Approved),
        Just(Approval::NotApproved),
        Just(Approval::Cancelled),
        Just(Approval::Unknown)
    ];
    let act = prop_oneof![
        id().prop_map(Act::Arrive),
        id().prop_map(Act::Arrive),
        id().prop_map(Act::Amend),
        (id(), approval).prop_map(|(id, approval)| Act::Approval(id, approval)),
        id().prop_map(Act::Unreadable),
        (1usize..6).prop_map(Act::Steps),
        (1usize..6).prop_map(Act::Steps),
        (1u64..800).prop_map(Act::Pass),
        Just(Act::Crash),
        any::<bool>().prop_map(Act::Die),
        (1u64..4, any::<bool>()).prop_map(|(after, kept)| Act::Disk(after, kept)),
        any::<bool>().prop_map(Act::Gate),
        (0usize..16).prop_map(Act::Fault),
        (0usize..16).prop_map(Act::Fault),
        id().prop_map(Act::Replay),
        id().prop_map(Act::Dismiss),
        id().prop_map(Act::Reopen),
        id().prop_map(Act::PostAnyway),
        Just(Act::Evaluate),
        Just(Act::Evaluate),
        id().prop_map(Act::Reverse),
        Just(Act::Resume)
    ];
    prop::collection::vec(act, 1..40)
}

fn play(acts: &[Act]) -> Desk {
    let mut desk = Desk::new(2);
    for act in acts {
        let known = |id: u64| lock(&desk.sources).contains_key(&id);
        let number = |document: u64| {
            let exists = desk.world.store.read_now(|reader| reader.document(DocumentId(document))).unwrap().is_some();
            exists.then_some(document)
        };
        match act.clone() {
            Act::Arrive(id) => desk.arrive(id, |_| {}),
            Act::Amend(id) if known(id) => desk.arrive(id, amend),
            Act::Approval(id, approval) if known(id) => desk.arrive(id, |source| source.approval = approval),
            Act::Unreadable(id) if known(id) => desk.arrive(id, |source| source.readable = !source.readable),
            Act::Steps(steps) => {
                for _ in 0..steps {
                    match desk.world.step() {
                        Ended::Did(Step::Worked) => {}
                        Ended::Did(Step::Rest(_)) => break,
                        Ended::Died => desk.world.live_again(),
                        Ended::Failed(_) => desk.world.clock.pass(Duration::from_secs(5)),
                    }
                }
            }
            Act::Pass(seconds) => desk.world.clock.pass(Duration::from_secs(seconds)),
            Act::Crash => {
                desk.world.lane = None;
                desk.world.live_again();
            }
            Act::Die(before) => {
                let nth = *lock(&desk.world.network.writes) + 1;
                desk.world.die(if before { Death::BeforeWrite(nth) } else { Death::AfterWrite(nth) });
            }
            Act::Disk(after, kept) => desk.world.disk.fail_sync(after, kept),
            Act::Gate(may_send) => {
                desk.world.gate.send_replace(crate::lane::Gate { may_send, ..Default::default() });
            }

            Act::Fault(which) => desk.fault(Trigger::Kind(Kind::Write), faults()[which].clone()),
            Act::Replay(id) if number(id).is_some() => drop(desk.decide(id, Decision::Replay)),
            Act::Dismiss(id) if number(id).is_some() => drop(desk.decide(id, Decision::Dismiss("x".to_owned()))),
            Act::Reopen(id) if number(id).is_some() => drop(desk.decide(id, Decision::Reopen)),
            Act::PostAnyway(id) if number(id).is_some() => drop(desk.decide(id, Decision::PostAnyway("x".to_owned()))),
            Act::Evaluate => desk.world.evaluate(),
            Act::Reverse(id) if number(id).is_some() => {
                // A person reverses what is posted: from then on it is between people.
                let document = desk.document(id);
                if document.state == State::Posted {
                    for bill in desk.world.standing(&document) {
                        let now = desk.world.now();
                        desk.world.gateway().person(now, Hand::Reverse(bill.record_no)).unwrap();
                    }
                }
            }
            Act::Resume => again(&desk.world, |tx| tx.remove_meta(Meta::Pause)),
            _ => {}
        }
    }
    desk.world.gateway().faults_mut().clear();
    desk.world.gate.send_replace(crate::lane::Gate { may_send: true, ..Default::default() });
    desk.world.evaluate();
    desk.world.settle(QUIET * 12);
    desk
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_in_whatever_order_each_document_stands_once_or_before_a_person(acts in acts()) {
        let desk = play(&acts);
        let reversed = acts.iter().any(|act| matches!(act, Act::Reverse(_)));
        let verdict: Vec<String> = desk
            .world
            .verdict()
            .into_iter()
            .filter(|wrong| !(reversed && wrong.contains("is shown as posted and 0 stand")))
            .collect();
        prop_assert!(verdict.is_empty(), "{:?}", verdict);
        // No pending evaluation is forgotten, and what is approved and readable is posted unless a person is asked.
        prop_assert!(!desk.world.store.read_now(|reader| reader.has_pending()).unwrap());
        for (number, source) in lock(&desk.sources).iter() {
            let found = desk.world.store.read_now(|reader| reader.find(&key(*number))).unwrap().unwrap();
            let document = desk.document(found.0);
            if source.approval == Approval::Approved && source.readable {
                let asked = matches!(document.state, State::Failed | State::Held | State::Differs | State::InDoubt | State::Dismissed);
                prop_assert!(document.state == State::Posted || asked, "{:?}", document);
                prop_assert!(!document.reasons.iter().any(|reason| reason.code == ReasonCode::NotEvaluated), "{:?}", document);
            } else {
                prop_assert!(!matches!(document.state, State::Queued), "{:?}", document);
            }
        }
    }
}
