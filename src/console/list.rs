//! A list of any length: pages around the viewport, a cursor that is a document or a pair and not a row number.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::messages::{
    DocumentPage, DocumentRow, Filter, PageRequest, PairFilter, PairPage, PairRequest, PairRow, Refusal,
};
use crate::model::{DocumentId, PairId};

/// Rows asked for at once.
pub const PAGE: usize = 200;
/// Pages kept on either side of the viewport.
const KEEP: usize = 3;
/// A list asks again at most so often.
const REST: SignedDuration = SignedDuration::from_millis(250);
/// After a failure it asks again at most so often.
const SLOW: SignedDuration = SignedDuration::from_secs(2);

/// Steps in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "they say what they are")]
pub enum Motion {
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
}

/// What a list may hold.
pub trait Listed: Sized {
    /// What the cursor holds on to.
    type Id: Copy + Ord + std::fmt::Debug;
    /// Which ones.
    type Query: Clone + PartialEq + std::fmt::Debug;
    /// The question for a page.
    type Request;
    /// The answer to it.
    type Page: Into<Answered<Self>>;
    /// Its identity.
    fn id(&self) -> Self::Id;
    /// The question for a page that continues behind `after`.
    fn request(query: Self::Query, after: Option<Self::Id>, limit: u32, oldest_first: bool) -> Self::Request;
}

impl Listed for DocumentRow {
    type Id = DocumentId;
    type Query = Filter;
    type Request = PageRequest;
    type Page = DocumentPage;

    fn id(&self) -> DocumentId {
        self.id
    }

    fn request(filter: Filter, after: Option<DocumentId>, limit: u32, oldest_first: bool) -> PageRequest {
        PageRequest { filter, after, limit, oldest_first }
    }
}

impl Listed for PairRow {
    type Id = PairId;
    type Query = PairFilter;
    type Request = PairRequest;
    type Page = PairPage;

    fn id(&self) -> PairId {
        self.id
    }

    /// Pairs stand in the order of their numbers only.
    fn request(filter: PairFilter, after: Option<PairId>, limit: u32, _oldest_first: bool) -> PairRequest {
        PairRequest { filter, after, limit }
    }
}

/// A page as it was answered.
pub struct Answered<R: Listed> {
    rows: Vec<R>,
    next: Option<R::Id>,
    total: Option<u64>,
    at: Timestamp,
}

impl From<DocumentPage> for Answered<DocumentRow> {
    fn from(page: DocumentPage) -> Self {
        Answered { rows: page.rows, next: page.next, total: page.total, at: page.at }
    }
}

impl From<PairPage> for Answered<PairRow> {
    fn from(page: PairPage) -> Self {
        Answered { rows: page.rows, next: page.next, total: page.total, at: page.at }
    }
}

/// A list of documents.
pub type DocumentList = List<DocumentRow>;
/// A list of pairs of supplier and vendor.
pub type PairList = List<PairRow>;

/// A list.
#[derive(Debug)]
pub struct List<R: Listed> {
    query: Option<R::Query>,
    oldest_first: bool,
    generation: u64,
    pages: Vec<Page<R>>,
    /// Pages asked for, each with the row that it continues behind and the epoch of the question.
    pending: BTreeMap<usize, (Option<R::Id>, u64)>,
    fresh: bool,
    /// Rises when what is here may be old; a page of an earlier epoch is asked for again when it is looked at.
    epoch: u64,
    /// The pages that were looked at last.
    seen: (usize, usize),
    asked: Option<Timestamp>,
    to_end: bool,
    /// How many match, where that is known.
    pub total: Option<u64>,
    /// When the newest page was read.
    pub read: Option<Timestamp>,
    /// What has the focus.
    pub cursor: Option<R::Id>,
    /// Its row.
    pub index: usize,
    /// The first row on the screen.
    pub top: usize,
    /// What was under the cursor left the list; until the person moves, nothing acts on its neighbour.
    pub lost: bool,
    /// Why the last question failed.
    pub fault: Option<String>,
}

#[derive(Debug)]
struct Page<R: Listed> {
    after: Option<R::Id>,
    next: Option<R::Id>,
    count: usize,
    epoch: u64,
    rows: Option<Vec<R>>,
}

impl<R: Listed> List<R> {
    /// A list of what a filter lets through; `None` lets nothing through.
    pub fn new(query: Option<R::Query>, oldest_first: bool) -> Self {
        List {
            query,
            oldest_first,
            generation: 0,
            pages: Vec::new(),
            pending: BTreeMap::new(),
            fresh: true,
            epoch: 1,
            seen: (0, 0),
            asked: None,
            to_end: false,
            total: None,
            read: None,
            cursor: None,
            index: 0,
            top: 0,
            lost: false,
            fault: None,
        }
    }

    /// The filter it shows.
    pub fn query(&self) -> Option<&R::Query> {
        self.query.as_ref()
    }

    /// Shows another filter. What the cursor is on keeps the focus where it is still there.
    pub fn set_query(&mut self, query: Option<R::Query>) {
        if self.query == query {
            return;
        }
        let cursor = self.cursor;
        let generation = self.generation.wrapping_add(1);
        *self = List::new(query, self.oldest_first);
        self.generation = generation;
        self.cursor = cursor;
    }

    /// What it holds may be old: ask again.
    pub fn touch(&mut self) {
        self.epoch += 1;
    }

    /// Rows known to exist.
    pub fn known(&self) -> usize {
        self.pages.iter().map(|page| page.count).sum()
    }

    /// Whether the end is known.
    pub fn complete(&self) -> bool {
        self.query.is_none() || self.pages.last().is_some_and(|page| page.next.is_none())
    }

    /// Whether the first answer is still on its way.
    pub fn waiting(&self) -> bool {
        self.query.is_some() && self.pages.is_empty() && self.fault.is_none()
    }

    /// How many match, as far as is known; the flag says whether it is certain.
    pub fn size(&self) -> (u64, bool) {
        let known = self.known() as u64;
        if self.complete() { (known, true) } else { (self.total.unwrap_or(known).max(known), self.total.is_some()) }
    }

    /// A row, if it is here.
    pub fn row(&self, index: usize) -> Option<&R> {
        let (page, inside) = self.place(index)?;
        self.pages.get(page)?.rows.as_ref()?.get(inside)
    }

    /// The row with the focus.
    pub fn current(&self) -> Option<&R> {
        self.row(self.index).filter(|row| Some(row.id()) == self.cursor)
    }

    /// Rows of the viewport; `None` for those on their way.
    pub fn window(&self, height: usize) -> impl Iterator<Item = (usize, Option<&R>)> {
        let end = (self.top + height).min(self.known());
        (self.top..end).map(|index| (index, self.row(index)))
    }

    /// All rows that are here.
    pub fn loaded(&self) -> impl Iterator<Item = &R> {
        self.pages.iter().filter_map(|page| page.rows.as_ref()).flatten()
    }

    /// Whether a row is on the screen.
    pub fn shows(&self, id: R::Id, height: usize) -> bool {
        self.window(height).any(|(_, row)| row.is_some_and(|row| row.id() == id))
    }

    /// Moves the cursor.
    pub fn go(&mut self, motion: Motion, height: usize) {
        let lost = std::mem::take(&mut self.lost);
        self.to_end = motion == Motion::Bottom && !self.complete();
        let last = self.known().saturating_sub(1);
        let page = height.saturating_sub(1).max(1);
        let wanted = match motion {
            Motion::Up => self.index.saturating_sub(1),
            // What followed the row that left has taken its place: down is there.
            Motion::Down if lost => self.index,
            Motion::Down => (self.index + 1).min(last),
            Motion::PageUp => self.index.saturating_sub(page),
            Motion::PageDown => (self.index + page).min(last),
            Motion::Top => 0,
            Motion::Bottom => last,
        };
        self.put(wanted, height);
    }

    /// Whether it walks to an end that it does not know yet.
    pub fn walking(&self) -> bool {
        self.to_end
    }

    fn put(&mut self, index: usize, height: usize) {
        self.index = index;
        // On a row that is still on its way the cursor settles when it comes.
        self.cursor = self.row(index).map(|row| row.id());
        self.scroll(height);
    }

    /// Keeps the cursor on the screen.
    pub fn scroll(&mut self, height: usize) {
        let height = height.max(1);
        self.top = self.top.min(self.known().saturating_sub(height.min(self.known())));
        self.top = self.top.min(self.index).max((self.index + 1).saturating_sub(height));
    }

    /// What has to be asked for this viewport: page numbers with their requests. Far pages are let go.
    pub fn wants(&mut self, height: usize, now: Timestamp) -> Vec<(u64, usize, R::Request)> {
        let Some(query) = self.query.clone() else { return Vec::new() };
        let first = self.place(self.top.saturating_sub(height)).map_or(0, |(page, _)| page);
        let end = self.top + height * 2;
        let last = self.place(end).map_or(self.pages.len().saturating_sub(1), |(page, _)| page);
        for (number, page) in self.pages.iter_mut().enumerate() {
            if number + KEEP < first || number > last + KEEP {
                page.rows = None;
            }
        }
        let rest = if self.fault.is_some() { SLOW } else { REST };
        let rested = self.asked.is_none_or(|asked| now.duration_since(asked) >= rest);
        if self.fault.is_some() && !rested {
            return Vec::new();
        }
        let again = rested && self.pending.is_empty();
        self.seen = (first, last);
        let old = |page: &Page<R>| page.rows.is_none() || again && page.epoch != self.epoch;
        let mut wanted: Vec<usize> = (first..=last).filter(|number| self.pages.get(*number).is_some_and(old)).collect();
        if self.pages.is_empty() {
            if self.fault.is_none() || rested {
                wanted.push(0);
            }
        } else if !self.complete() && (end >= self.known() || self.to_end) {
            wanted.push(self.pages.len());
        }
        wanted.retain(|number| !self.pending.contains_key(number));
        if wanted.is_empty() {
            // What failed is wanted no more.
            self.fault = None;
        } else {
            self.asked = Some(now);
        }
        let mut requests = Vec::new();
        for number in wanted {
            let page = self.pages.get(number);
            let before = number.checked_sub(1).and_then(|before| self.pages.get(before));
            let after = page.map_or(before.and_then(|before| before.next), |page| page.after);
            // On the way to the end nobody looks: the largest pages are the quickest.
            let new = if self.to_end { 1000 } else { PAGE };
            let limit = page.map_or(new, |page| page.count.clamp(PAGE, 1000)) as u32;
            let request = R::request(query.clone(), after, limit, self.oldest_first);
            self.pending.insert(number, (after, self.epoch));
            requests.push((self.generation, number, request));
        }
        requests
    }

    /// When it should be looked at again, because it rests before asking.
    pub fn due(&self) -> Option<Timestamp> {
        let (first, last) = self.seen;
        let mut seen = self.pages.iter().skip(first).take(last.saturating_sub(first) + 1);
        let waits = self.pending.is_empty() && self.query.is_some() && seen.any(|page| page.epoch != self.epoch);
        // What could not be read is tried again, at leisure.
        let rest = if self.fault.is_some() { SLOW } else { REST };
        (waits || self.fault.is_some()).then_some(self.asked)?.and_then(|asked| asked.checked_add(rest).ok())
    }

    /// Takes an answer in. Answers to an earlier filter are dropped.
    pub fn take(&mut self, generation: u64, number: usize, answer: Result<R::Page, Refusal>, height: usize) {
        if generation != self.generation {
            return;
        }
        let Some((after, epoch)) = self.pending.remove(&number) else { return };
        let page: Answered<R> = match answer {
            Ok(page) => page.into(),
            Err(refusal) => {
                self.fault = Some(crate::model::safe(&refusal.message).into_owned());
                self.to_end = false;
                return;
            }
        };
        let before = number.checked_sub(1);
        let expected = before.map(|before| self.pages.get(before).and_then(|page| page.next));
        if expected.is_some_and(|expected| expected != after || after.is_none()) {
            // The page before it has changed meanwhile: this answer continues behind something else.
            return;
        }
        self.fault = None;
        self.total = page.total;
        self.read = self.read.max(Some(page.at));
        let on_screen = self.index.saturating_sub(self.top);
        self.splice(number, after, epoch, page);
        if self.to_end {
            self.put(self.known().saturating_sub(1), height);
            self.to_end = !self.complete();
        } else {
            self.follow(on_screen, height);
        }
    }

    /// Whether `a` stands behind `b` in this list's order.
    fn behind(&self, a: R::Id, b: R::Id) -> bool {
        if self.oldest_first { a > b } else { a < b }
    }

    /// Lays a page into its place, so that it meets the following ones without a gap and without a row twice.
    fn splice(&mut self, number: usize, after: Option<R::Id>, mut epoch: u64, page: Answered<R>) {
        let Answered { mut rows, mut next, .. } = page;
        let old = self.pages.get_mut(number).map(|page| (page.rows.take().unwrap_or_default(), page.next));
        match (old, next) {
            (Some((_, old_next)), Some(end)) if old_next == Some(end) => {}
            (Some((old, old_next)), Some(end)) if old_next.is_none_or(|old_next| self.behind(old_next, end)) => {
                // Rows came in above: what they pushed out still stands before the next page. It is read again soon.
                let here: BTreeSet<R::Id> = rows.iter().map(|row| row.id()).collect();
                let mut pushed_out = old;
                pushed_out.retain(|row| self.behind(row.id(), end) && !here.contains(&row.id()));
                if pushed_out.is_empty() {
                    self.pages.truncate(number + 1);
                } else if rows.len() + pushed_out.len() <= 1000 {
                    rows.append(&mut pushed_out);
                    epoch = 0;
                    next = old_next;
                } else {
                    let count = pushed_out.len();
                    let page = Page { after: next, next: old_next, count, epoch: 0, rows: Some(pushed_out) };
                    self.pages.insert(number + 1, page);
                }
            }
            // Rows left: this page reaches into the following ones.
            (Some(_), Some(end)) => self.consume(number + 1, end),
            (_, None) => self.pages.truncate(number + 1),
            (None, _) => {}
        }
        let page = Page { after, next, count: rows.len(), epoch, rows: Some(rows) };
        match self.pages.get_mut(number) {
            Some(place) => *place = page,
            None => self.pages.push(page),
        }
    }

    /// Takes everything up to and with `end` out of the pages from `number` on.
    fn consume(&mut self, number: usize, end: R::Id) {
        while let Some(page) = self.pages.get(number) {
            if page.next.is_some_and(|next| next == end || !self.behind(next, end)) {
                self.pages.remove(number);
                continue;
            }
            let oldest_first = self.oldest_first;
            match self.pages.get_mut(number).map(|page| (&mut page.rows, &mut page.count, &mut page.after)) {
                Some((Some(rows), count, after)) => {
                    rows.retain(|row| if oldest_first { row.id() > end } else { row.id() < end });
                    (*count, *after) = (rows.len(), Some(end));
                }
                _ => self.pages.truncate(number),
            }
            return;
        }
    }

    /// After new data: the cursor stays on its document, at its place on the screen.
    fn follow(&mut self, on_screen: usize, height: usize) {
        let mut found = None;
        let mut base = 0;
        for page in &self.pages {
            if let Some(rows) = &page.rows
                && let Some(at) = rows.iter().position(|row| Some(row.id()) == self.cursor)
            {
                found = Some(base + at);
                break;
            }
            base += page.count;
        }
        match found {
            Some(index) => {
                let at_top = self.top == 0 && index < height;
                self.index = index;
                self.top = if at_top { 0 } else { index.saturating_sub(on_screen) };
            }
            None => {
                self.index = self.index.min(self.known().saturating_sub(1));
                if let Some(row) = self.row(self.index).map(|row| row.id()) {
                    self.lost = self.cursor.is_some() && !self.fresh;
                    self.cursor = Some(row);
                } else if self.known() == 0 {
                    self.cursor = None;
                }
            }
        }
        self.fresh = false;
        self.scroll(height);
    }

    fn place(&self, index: usize) -> Option<(usize, usize)> {
        let mut rest = index;
        for (number, page) in self.pages.iter().enumerate() {
            if rest < page.count {
                return Some((number, rest));
            }
            rest -= page.count;
        }
        None
    }
}
