//! Freezing: from a bill to the bytes that are sent, under an identity that never changes.

use sha2::{Digest, Sha256};

use crate::intacct::bill::create_bill;
use crate::model::{Bill, Company, ControlId, Document, Generation, Mark, Money, PostingHead, Revision, Timestamp};
use crate::store::Frozen;

/// What a frozen posting depends on besides the bill.
#[derive(Clone, Debug)]
pub struct FreezeOptions {
    /// Company and entity.
    pub company: Company,
    /// Field that carries the mark.
    pub mark_field: String,
    /// Longest DESCRIPTION.
    pub description_length: usize,
    /// Version of the mapping.
    pub mapping: String,
}

/// Company, entity, vendor, bill number and kind: what finds either in the ledger.
pub fn natural_key(company: &Company, vendor: &str, number: &str) -> String {
    let entity = company.entity.as_deref().unwrap_or_default();
    [company.id.as_str(), entity, vendor, number, "bill"].join("\u{1f}")
}

/// Freezes a bill. The generation rises only after a certain refusal, or where a send was certainly not executed and the bill
/// has changed since; `previous` is the posting frozen before. `None`: an earlier send had no clear outcome, so what was
/// frozen then must stand.
pub fn freeze(
    document: &Document,
    bill: Bill,
    revision: Revision,
    previous: Option<&Frozen>,
    options: &FreezeOptions,
    at: Timestamp,
) -> Option<(PostingHead, Frozen)> {
    let head = document.posting.as_ref();
    let same_bill = previous.is_some_and(|previous| previous.bill == bill);
    let generation = match head {
        None => Generation(0),
        // A person may decide so about a bill that this store never sent.
        Some(head) if head.refused => head.generation.next(),
        Some(head) if head.attempts == 0 => head.generation,
        Some(head) if same_bill => head.generation,
        Some(head) if head.unclear => return None,
        Some(head) => head.generation.next(),
    };
    let mark = Mark::of(&document.key, generation);
    let kept = head.filter(|head| head.generation == generation);
    let sent = kept.is_some_and(|head| head.attempts > 0);
    let before = previous.filter(|previous| previous.generation == generation);
    let frozen = match before {
        // What may have left is kept byte by byte, whatever the configuration would make of the same bill now.
        Some(before) if sent => before.clone(),
        _ => {
            let function = create_bill(&bill, &mark, &options.mark_field, options.description_length);
            let hash: [u8; 32] = Sha256::digest(&function).into();
            let mapping = options.mapping.clone();
            // Frozen anew without a difference, it is what it was.
            let same = |before: &&Frozen| {
                before.hash == hash && before.bill == bill && before.mapping == mapping && before.revision == revision
            };
            let at = before.filter(same).map_or(at, |before| before.at);
            Frozen { generation, function: function.into(), hash, bill, mapping, revision, at }
        }
    };
    let bill = &frozen.bill;
    let natural = natural_key(&options.company, &bill.vendor, &bill.number);
    let mut short = [0u8; 16];
    short.copy_from_slice(frozen.hash.get(..16).unwrap_or(&[0; 16]));
    let posting = PostingHead {
        generation,
        control_id: ControlId::of(&document.key, "bill", generation),
        mark,
        revision,
        vendor: bill.vendor.clone(),
        total: Money { amount: bill.total(), currency: bill.currency },
        hash: short,
        attempts: kept.map_or(0, |head| head.attempts),
        last_attempt: kept.and_then(|head| head.last_attempt.clone()),
        rounds: kept.map_or(0, |head| head.rounds),
        // Said of the twin with this vendor and number, of no other.
        despite_twin: head.is_some_and(|head| head.despite_twin && head.natural == natural),
        natural,
        not_executed: kept.map_or(0, |head| head.not_executed),
        refused: false,
        unclear: kept.is_some_and(|head| head.unclear),
    };
    Some((posting, frozen))
}
