//! What changed since a mark: walks the list, fetches what is new, and says how far the mark may go.
//!
//! What must hold: the mark never passes a record that was not delivered; a list that shifts while it is read is walked once
//! more, and if it shifts again the mark stays where it was; a record that cannot be fetched keeps no other from it, as long as
//! the list is answered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};

use super::client::{ATTEMPTS, Client};
use super::error::JaggaerError;
use super::listing::{Feed, Listed, NextPage, Page, PageFault, Position};
use super::profile::{DetailFetch, PagingStyle};
use crate::model::{Text, Timestamp};

/// Details handed over at once.
const BATCH: usize = 64;
/// Details in a row that found nobody: the list is asked whether anybody is there.
const DOUBT_AFTER: u32 = 3;
/// How often in a row the list may say so while no detail is answered: the rest is left for the next run.
const GIVE_UP_AFTER: u32 = 4;

/// A fetched document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Detail {
    /// What the list said of it. Its stamp is the one to store: a later one of the document itself would hide a change.
    pub listed: Listed,
    /// The document as it came.
    pub bytes: Vec<u8>,
}

/// What a run brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Records seen: new and unchanged.
    pub read: u64,
    /// Fetched and handed over.
    pub new: u64,
    /// Known already.
    pub unchanged: u64,
    /// Records that could not be fetched, by id (or place on the page), and why. They hold the mark back.
    pub failed: Vec<(String, JaggaerError)>,
    /// The list shifted in both walks: the mark stays, and the next run reads it again.
    pub shifting: bool,
    /// Where the next run begins.
    pub mark: Option<Timestamp>,
}

/// Why a run ended early. What was handed over before stays handed over; the mark does not move.
#[derive(Debug, thiserror::Error)]
pub enum PollError<E> {
    /// JAGGAER.
    #[error(transparent)]
    Jaggaer(#[from] JaggaerError),
    /// Whoever takes the documents.
    #[error("the documents could not be stored")]
    Sink(E),
}

/// Reads what changed since `mark` (less the profile's overlap; `None` reads everything) and hands it to `sink` in batches of
/// at most 64, in the order of the list. `known` says whether a record is stored with this very stamp; one without a stamp is
/// always fetched.
///
/// # Errors
/// The list cannot be walked or is refused, JAGGAER stays unreachable, or the sink fails.
pub async fn changed_since<F, Fut, E>(
    client: &Client,
    mark: Option<Timestamp>,
    known: &(dyn Fn(&str, Option<&Text>) -> bool + Sync),
    sink: F,
) -> Result<Outcome, PollError<E>>
where
    F: FnMut(Vec<Detail>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    walked(client, Feed::Invoices, mark, known, sink).await
}

/// Reads the suppliers that changed since `mark`, as [`changed_since`] reads invoices. The list usually holds whole suppliers:
/// bank data is in the bytes that are handed over.
///
/// # Errors
/// As [`changed_since`]; also where the profile names no list of suppliers.
pub async fn suppliers_changed_since<F, Fut, E>(
    client: &Client,
    mark: Option<Timestamp>,
    known: &(dyn Fn(&str, Option<&Text>) -> bool + Sync),
    sink: F,
) -> Result<Outcome, PollError<E>>
where
    F: FnMut(Vec<Detail>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    walked(client, Feed::Suppliers, mark, known, sink).await
}

async fn walked<F, Fut, E>(
    client: &Client,
    feed: Feed,
    mark: Option<Timestamp>,
    known: &(dyn Fn(&str, Option<&Text>) -> bool + Sync),
    sink: F,
) -> Result<Outcome, PollError<E>>
where
    F: FnMut(Vec<Detail>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    let overlap = client.profile().list_of(feed).delta.overlap;
    let from = mark.map(|mark| mark.checked_sub(overlap).unwrap_or(Timestamp::MIN));
    let mut run = Run {
        client,
        feed,
        known,
        sink,
        from,
        batch: Vec::new(),
        done: BTreeMap::new(),
        counts: (0, 0),
        failed: BTreeMap::new(),
        greatest: None,
        hold: Hold::None,
        unanswered: 0,
        vouched: 0,
    };
    let mut shifting = run.walk().await?;
    if shifting {
        run.failed.clear();
        run.hold = Hold::None;
        shifting = run.walk().await?;
    }
    run.flush().await?;
    let (new, unchanged) = run.counts;
    let reached = run.greatest.map(|greatest| greatest.min(client.seams().clock.now()));
    let reached = match run.hold {
        _ if shifting => None,
        Hold::All => None,
        Hold::At(at) => reached.map(|reached| reached.min(at)),
        Hold::None => reached,
    };
    let mark = match (mark, reached) {
        (Some(mark), Some(reached)) => Some(mark.max(reached)),
        (mark, reached) => reached.or(mark),
    };
    let failed = run.failed.into_values().collect();
    Ok(Outcome { read: new + unchanged, new, unchanged, failed, shifting, mark })
}

/// How far the mark may go.
#[derive(Clone, Copy)]
enum Hold {
    None,
    At(Timestamp),
    All,
}

type Hash16 = [u8; 16];

/// What is to be fetched: its id and stamp as hashes, and what the list says of it.
type Wanted = (Hash16, Hash16, Listed);

struct Run<'r, F> {
    client: &'r Client,
    feed: Feed,
    known: &'r (dyn Fn(&str, Option<&Text>) -> bool + Sync),
    sink: F,
    from: Option<Timestamp>,
    batch: Vec<Detail>,
    /// Ids of this run and the stamp they were handled with, as hashes: a first load may have a hundred thousand.
    done: BTreeMap<Hash16, Hash16>,
    counts: (u64, u64),
    failed: BTreeMap<String, (String, JaggaerError)>,
    greatest: Option<Timestamp>,
    hold: Hold,
    /// Details in a row that found nobody.
    unanswered: u32,
    /// How often the list was answered since the last detail was.
    vouched: u32,
}

impl<F, Fut, E> Run<'_, F>
where
    F: FnMut(Vec<Detail>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    /// Walks the list once; whether it shifted meanwhile.
    async fn walk(&mut self) -> Result<bool, PollError<E>> {
        let paging = self.client.profile().paging.clone();
        let seams_overlap = match paging.style {
            PagingStyle::Start | PagingStyle::Offset => paging.overlap,
            _ => 0,
        };
        let mut position = self.client.profile().first_position();
        let (mut first_id, mut last_id, mut total) = (None::<String>, None::<String>, None::<u64>);
        let (mut shifted, mut seen, mut pages) = (false, 0u64, 0u64);
        let mut here: BTreeSet<Hash16> = BTreeSet::new();
        // Records at the beginning of this page that the page before had too; records that cannot be read.
        let (mut repeated, mut faulty) = (0u64, 0u64);
        loop {
            let mut page = self.client.list_page(self.feed, &position, self.from).await?;
            pages += 1;
            if page.returned == 0 {
                break;
            }
            // Compared as they stand on the page, before anything is left out.
            let first = page.items.first().map(|item| item.id.clone());
            if pages > 1 && first.is_some() && first == first_id && page.returned > repeated {
                return Err(self.client.page(self.feed, PageFault::Repeats(first.unwrap_or_default())).into());
            }
            shifted |= pages > 1 && total != page.total;
            total = page.total;
            let returned = page.returned;
            repeated = repeated.min(returned);
            faulty += page.faults.len() as u64;
            if repeated > 0 && page.faults.is_empty() {
                // The seam: the last of the page before must be the last that is repeated.
                let at_seam = page.items.get(usize::try_from(repeated - 1).unwrap_or(usize::MAX));
                shifted |= last_id.is_some() && at_seam.map(|item| &item.id) != last_id.as_ref();
            }
            let last = page.items.last().map(|item| item.id.clone());
            for (index, item) in page.items.iter().enumerate() {
                let again = !here.insert(hash(item.id.as_bytes()));
                shifted |= again && (index as u64) >= repeated;
            }
            (first_id, last_id) = (first, last);
            let next = std::mem::replace(&mut page.next, NextPage::End);
            self.page(page, pages).await?;
            let fresh = returned.saturating_sub(repeated);
            seen += fresh;
            repeated = 0;
            let through = total.is_some_and(|total| seen >= total);
            position = match (next, position) {
                (NextPage::End, _) => break,
                (NextPage::Cursor(cursor), _) => Position::Cursor(Some(cursor)),
                (NextPage::Address(address), _) => Position::Address(address),
                (NextPage::Count, _) if through || fresh == 0 => break,
                (NextPage::Count, Position::Number(n)) => match paging.style {
                    PagingStyle::Page if paging.size > 0 && returned < paging.size && total.is_none() => break,
                    PagingStyle::Page => Position::Number(n + 1),
                    _ => {
                        // Never the same place again, whatever the overlap.
                        let step = returned.saturating_sub(seams_overlap).max(1);
                        repeated = returned - step;
                        Position::Number(n + step)
                    }
                },
                (NextPage::Count, _) => break,
            };
            if pages >= paging.max_pages {
                return Err(self.client.page(self.feed, PageFault::TooMany(paging.max_pages)).into());
            }
        }
        shifted |= total.is_some_and(|total| total > here.len() as u64 + faulty);
        Ok(shifted)
    }

    /// Handles one page: what is new is fetched, a few at a time, in order.
    async fn page(&mut self, page: Page, number: u64) -> Result<(), PollError<E>> {
        for fault in page.faults {
            let PageFault::Item { position, .. } = &fault else { continue };
            let place = format!("page {number}, item {position}");
            self.failed.insert(place.clone(), (place, self.client.page(self.feed, fault)));
            // Without an id nobody can say when it is done: the list is read from here again until it has one.
            self.hold = Hold::All;
        }
        let mut wanted = VecDeque::new();
        for item in page.items {
            let id = hash(item.id.as_bytes());
            let stamp = hash(item.stamp.as_ref().map_or(&[][..], |stamp| stamp.raw().as_bytes()));
            match self.done.get(&id) {
                // Once a run, unless it changed meanwhile.
                Some(handled) if *handled == stamp => continue,
                _ => {}
            }
            if item.stamp.is_some() && (self.known)(&item.id, item.stamp.as_ref()) {
                self.settle(id, stamp, item.stamp_time);
                self.counts.1 += 1;
            } else {
                wanted.push_back((id, stamp, item));
            }
        }
        // A refusal of everything is told from that of one record by the list: for each page it is asked once.
        let mut is_open = false;
        while !wanted.is_empty() {
            self.details(&mut wanted, &mut is_open).await?;
        }
        Ok(())
    }

    /// Fetches what is wanted, until all is done or the list has to be asked; then those behind are left to another call, and
    /// so are the ones under way: they would keep their places in the client's queue while nobody attends to them.
    async fn details(&mut self, wanted: &mut VecDeque<Wanted>, is_open: &mut bool) -> Result<(), PollError<E>> {
        let (client, feed, fetch) = (self.client, self.feed, self.client.profile().list_of(self.feed).fetch);
        let is_whole =
            |item: &Listed| fetch == DetailFetch::Never || (fetch == DetailFetch::IfLinesMissing && item.has_lines);
        // Somebody is there and answers no detail: asking for each as patiently as for the first would take hours.
        let patience = AtomicU32::new(if self.vouched == 0 { ATTEMPTS } else { 1 });
        let patient = &patience;
        let asked: Vec<Option<String>> =
            wanted.iter().map(|(.., item)| (!is_whole(item)).then(|| item.id.clone())).collect();
        let mut details = stream::iter(asked)
            .map(|id| async move {
                let id = id?;
                Some(client.record(feed, &id, patient.load(Ordering::Relaxed)).await)
            })
            .buffered(client.parallel());
        while let Some(fetched) = details.next().await {
            let Some((id, stamp, item)) = wanted.pop_front() else { break };
            match &fetched {
                None => {}
                Some(Err(error)) if error.is_unreachable() => self.unanswered += 1,
                Some(_) => {
                    (self.unanswered, self.vouched) = (0, 0);
                    patience.store(ATTEMPTS, Ordering::Relaxed);
                }
            }
            match fetched.unwrap_or_else(|| Ok(item.raw.clone())) {
                Ok(bytes) => {
                    let again = self.done.contains_key(&id);
                    self.settle(id, stamp, item.stamp_time);
                    self.failed.remove(&item.id);
                    self.counts.0 += u64::from(!again);
                    self.batch.push(Detail { listed: item, bytes });
                    if self.batch.len() >= BATCH {
                        (self.sink)(std::mem::take(&mut self.batch)).await.map_err(PollError::Sink)?;
                    }
                }
                Err(error) => {
                    let is_refused = matches!(error, JaggaerError::RecordRefused { .. }) && !*is_open;
                    let in_doubt = self.unanswered >= DOUBT_AFTER;
                    if error.stops_flow() || (in_doubt && self.vouched >= GIVE_UP_AFTER) {
                        drop(details);
                        self.flush().await?;
                        return Err(error.into());
                    }
                    self.hold = match (self.hold, item.stamp_time) {
                        (Hold::All, _) | (_, None) => Hold::All,
                        (Hold::None, Some(at)) => Hold::At(at),
                        (Hold::At(held), Some(at)) => Hold::At(held.min(at)),
                    };
                    self.failed.insert(item.id.clone(), (item.id, error));
                    if is_refused || in_doubt {
                        drop(details);
                        self.ask_the_list().await?;
                        *is_open = true;
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Asks for the first page again: whoever answers that is there, and lets us in.
    async fn ask_the_list(&mut self) -> Result<(), PollError<E>> {
        if let Err(error) = self.client.list_page(self.feed, &self.client.profile().first_position(), self.from).await {
            self.flush().await?;
            return Err(error.into());
        }
        if self.unanswered > 0 {
            (self.unanswered, self.vouched) = (0, self.vouched + 1);
        }
        Ok(())
    }

    fn settle(&mut self, id: Hash16, stamp: Hash16, time: Option<Timestamp>) {
        self.done.insert(id, stamp);
        self.greatest = self.greatest.max(time);
    }

    async fn flush(&mut self) -> Result<(), PollError<E>> {
        if self.batch.is_empty() {
            return Ok(());
        }
        (self.sink)(std::mem::take(&mut self.batch)).await.map_err(PollError::Sink)
    }
}

fn hash(bytes: &[u8]) -> Hash16 {
    let mut first = [0u8; 16];
    for (to, from) in first.iter_mut().zip(Sha256::digest(bytes).iter()) {
        *to = *from;
    }
    first
}
