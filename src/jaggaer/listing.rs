//! Pages of a list: how one is asked for, and what stands on it.

use super::json::Json;
use super::path::Path;
use super::profile::{Delta, DetailFetch, PagingStyle, Profile};
use crate::model::{Text, Timestamp};

/// A list that is walked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Feed {
    /// Invoices.
    Invoices,
    /// Suppliers.
    Suppliers,
}

/// How a list is asked for and read.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListOf<'p> {
    pub path: &'p str,
    pub query: &'p str,
    pub items: Option<&'p Path>,
    pub id: &'p [Path],
    pub stamp: &'p [Path],
    pub fetch: DetailFetch,
    pub delta: &'p Delta,
    /// The filter of what changed stands in the place of the usual query, not beside it.
    pub delta_replaces: bool,
}

/// An item of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// JAGGAER's immutable id.
    pub id: String,
    /// The modification stamp as it stands.
    pub stamp: Option<Text>,
    /// The same as an instant, where it can be read as one.
    pub stamp_time: Option<Timestamp>,
    /// The item as compact JSON, numbers as they stood.
    pub raw: Vec<u8>,
    /// Whether it holds the invoice's lines.
    pub has_lines: bool,
}

/// How the next page is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NextPage {
    /// By counting records or pages.
    Count,
    /// With this cursor.
    Cursor(String),
    /// At this address.
    Address(String),
    /// There is none.
    End,
}

/// One page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// Its readable items.
    pub items: Vec<Listed>,
    /// Items that cannot be read; the others go on.
    pub faults: Vec<PageFault>,
    /// How many records the list has, where it says so.
    pub total: Option<u64>,
    /// How many records this page has.
    pub returned: u64,
    /// How to go on.
    pub next: NextPage,
}

/// What is wrong with a page. Its text is safe to show.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PageFault {
    /// No JSON object or array.
    #[error("the list is no JSON: {0}")]
    NoJson(String),
    /// The profile's path finds nothing.
    #[error("items_path {path} finds nothing on the page; members there: {there}")]
    NothingThere {
        /// The path.
        path: String,
        /// What stands there instead.
        there: String,
    },
    /// One item without an id, or no object.
    #[error("item {position} of the page: {what}")]
    Item {
        /// Position on the page, from 1.
        position: usize,
        /// What is wrong.
        what: String,
    },
    /// The same page came twice.
    #[error("the list repeats its page that begins with id {0}: the paging of the profile does not fit")]
    Repeats(String),
    /// More pages than allowed.
    #[error("the list has more than {0} pages (paging.max_pages)")]
    TooMany(u64),
    /// A next address elsewhere.
    #[error("the next page is said to be at another host, {0}: it is not asked, because the token would go with it")]
    Elsewhere(String),
}

/// Where in the list a page begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Position {
    /// First record, page number or offset.
    Number(u64),
    /// Cursor; none at the beginning.
    Cursor(Option<String>),
    /// A whole address.
    Address(String),
}

impl Profile {
    pub(super) fn list_of(&self, feed: Feed) -> ListOf<'_> {
        match feed {
            Feed::Invoices => ListOf {
                path: &self.invoices.list_path,
                query: &self.invoices.list_query,
                items: self.invoices.items.as_ref(),
                id: &self.invoices.item_id,
                stamp: &self.invoices.item_stamp,
                fetch: self.invoices.detail_fetch,
                delta: &self.delta,
                delta_replaces: false,
            },
            Feed::Suppliers => ListOf {
                path: &self.suppliers.list_path,
                query: &self.suppliers.list_query,
                items: self.suppliers.items.as_ref(),
                id: &self.suppliers.item_id,
                stamp: &self.suppliers.item_stamp,
                fetch: self.suppliers.detail_fetch,
                delta: &self.suppliers.delta,
                delta_replaces: true,
            },
        }
    }

    /// Reads a page of the list of invoices.
    ///
    /// # Errors
    /// The whole page cannot be read: no JSON, or the profile's path finds nothing though there should be something.
    pub fn read_page(&self, bytes: &[u8]) -> Result<Page, PageFault> {
        self.read_list(Feed::Invoices, bytes)
    }

    /// Reads a page of a list.
    pub(super) fn read_list(&self, feed: Feed, bytes: &[u8]) -> Result<Page, PageFault> {
        let list = self.list_of(feed);
        let json = Json::parse(bytes).map_err(|what| PageFault::NoJson(crate::model::safe(&what).into_owned()))?;
        let count = |path: &Option<super::path::Path>| {
            let found = path.as_ref()?.first(&json)?;
            self.scalar(&found)?.parse::<u64>().ok()
        };
        let (total, stated) = (count(&self.paging.total), count(&self.paging.count));
        let nodes = list.items.map(|path| path.all(&json)).unwrap_or_default();
        if let (true, Some(path)) = (nodes.is_empty(), list.items) {
            let expected = match (stated, total) {
                (Some(stated), _) => stated > 0,
                (None, Some(total)) => total > 0 && !path.exists(&json),
                (None, None) => !path.exists(&json),
            };
            if expected {
                return Err(PageFault::NothingThere {
                    path: path.as_str().to_owned(),
                    there: path.members_there(&json),
                });
            }
        }
        let mut items = Vec::with_capacity(nodes.len());
        let mut faults = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            match self.listed(&list, node) {
                Ok(item) => items.push(item),
                Err(what) => {
                    let what = crate::model::safe(&what).into_owned();
                    faults.push(PageFault::Item { position: index + 1, what });
                }
            }
        }
        let next = match self.paging.style {
            PagingStyle::Start | PagingStyle::Page | PagingStyle::Offset => NextPage::Count,
            PagingStyle::None => NextPage::End,
            PagingStyle::Cursor | PagingStyle::Link => {
                let found = self.paging.cursor.as_ref().and_then(|path| path.first(&json));
                match found.as_ref().and_then(|value| self.scalar(value)) {
                    None => NextPage::End,
                    Some(text) if self.paging.style == PagingStyle::Cursor => NextPage::Cursor(text.into_owned()),
                    Some(text) => NextPage::Address(text.into_owned()),
                }
            }
        };
        let returned = stated.unwrap_or(0).max(nodes.len() as u64);
        Ok(Page { items, faults, total, returned, next })
    }

    fn listed(&self, list: &ListOf<'_>, node: &Json<'_>) -> Result<Listed, String> {
        if !matches!(node, Json::Object(_)) {
            return Err(format!("it is {}, not an object", node.type_name()));
        }
        let id = self.usable_id(node, list.id)?;
        let stamp = self.text(node, list.stamp);
        let stamp_time = stamp.as_ref().and_then(|stamp| self.instant(stamp.raw()));
        let has_lines = self.invoices.lines.as_ref().is_some_and(|path| !path.all(node).is_empty());
        let mut raw = String::with_capacity(512);
        node.write(&mut raw);
        Ok(Listed { id, stamp, stamp_time, raw: raw.into_bytes(), has_lines })
    }

    /// Where the first page begins.
    pub(super) fn first_position(&self) -> Position {
        match self.paging.style {
            PagingStyle::Cursor => Position::Cursor(None),
            _ => Position::Number(self.paging.first),
        }
    }

    /// The query of a list call, percent-encoded as RFC 3986 asks: what is an operator of the filter language stays.
    pub(super) fn list_query(&self, feed: Feed, position: &Position, from: Option<Timestamp>) -> String {
        let (p, list) = (&self.paging, self.list_of(feed));
        let mut parts = Vec::new();
        match (p.style, position) {
            (PagingStyle::None | PagingStyle::Link, _) => {}
            (_, Position::Number(n)) => parts.push(format!("{}={n}", p.start_param)),
            (_, Position::Cursor(Some(cursor))) => {
                parts.push(format!("{}={}", p.start_param, encode(cursor, Keep::Nothing)))
            }
            _ => {}
        }
        if !p.size_param.is_empty() && p.size > 0 {
            parts.push(format!("{}={}", p.size_param, p.size));
        }
        let from = from.filter(|_| !list.delta.template.is_empty());
        let replaced = list.delta_replaces && from.is_some();
        if !list.query.is_empty() && !replaced {
            parts.push(encoded(list.delta, list.query));
        }
        if let Some(from) = from {
            let from = match list.delta.from_pattern.as_str() {
                "epoch_ms" => from.as_millisecond().to_string(),
                pattern => {
                    let zone = self.dates.zone.clone().unwrap_or(jiff::tz::TimeZone::UTC);
                    // The pattern was tried when the profile was loaded.
                    jiff::fmt::strtime::format(pattern, &from.to_zoned(zone)).unwrap_or_default()
                }
            };
            let (before, after) = list.delta.template.split_once("{from}").unwrap_or((&list.delta.template, ""));
            // What is put in must not end the parameter.
            let from = from.replace('%', "%25").replace('&', "%26").replace('#', "%23").replace('+', "%2B");
            parts.push(encoded(list.delta, &format!("{before}{from}{after}")));
        }
        parts.join("&")
    }
}

/// A query, each parameter percent-encoded.
pub(super) fn encoded(delta: &Delta, text: &str) -> String {
    let parameters = text.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, value)) if delta.encode_all => format!("{name}={}", encode(value, Keep::Escapes)),
        _ => encode(parameter, Keep::Operators),
    });
    parameters.collect::<Vec<_>>().join("&")
}

/// What percent-encoding leaves as it is, beside letters, digits and `-._~`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Nothing.
    Nothing,
    /// What is encoded already.
    Escapes,
    /// That, and what RFC 3986 allows in a query and the filter language uses.
    Operators,
}

/// Percent-encodes a text.
pub(super) fn encode(text: &str, keep: Keep) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() + 8);
    for (index, byte) in bytes.iter().enumerate() {
        let escape = || bytes.get(index + 1..index + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let stays = byte.is_ascii_alphanumeric()
            || b"-._~".contains(byte)
            || (keep != Keep::Nothing && *byte == b'%' && escape())
            || (keep == Keep::Operators && b"=;(),:/?@!$*".contains(byte));
        if stays { out.push(char::from(*byte)) } else { out.push_str(&format!("%{byte:02X}")) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_keeps_its_operators_and_loses_what_an_address_may_not_hold() {
        let profile = Profile::builtin().unwrap();
        let from = "2025-03-12T17:04:09Z".parse().unwrap();
        let query = profile.list_query(Feed::Invoices, &Position::Number(65), Some(from));
        assert_eq!(query, "start=65&flt=lastUpdate%3E=2025-03-12T17:04:09.000Z");
        assert_eq!(encode("a b\"<é&#+'", Keep::Operators), "a%20b%22%3C%C3%A9%26%23%2B%27");
    }

    #[test]
    fn an_item_without_an_id_is_told_and_the_others_go_on() {
        let page = br#"{"totRecords":4,"returnedRecords":4,"jiinvoiceList":{"jiinvoice":[
            {"header":{"invoiceId":1,"lastUpdate":"2025-03-12T17:04:09.120Z"}}, 7, {"header":{}}, {"header":{"invoiceId":"2"}}]}}"#;
        let page = Profile::builtin().unwrap().read_page(page).unwrap();
        assert_eq!(page.items.iter().map(|i| i.id.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(page.faults.len(), 2);
        assert!(page.faults[1].to_string().starts_with("item 3 of the page: it has no id at $.header.invoiceId"));
        assert_eq!((page.total, page.returned), (Some(4), 4));
    }

    #[test]
    fn a_path_that_finds_nothing_is_an_error_that_names_what_is_there() {
        let profile = Profile::builtin().unwrap();
        let fault = profile.read_page(br#"{"returnCode":0,"totRecords":3,"data":[1]}"#).unwrap_err().to_string();
        assert_eq!(
            fault,
            "items_path $.jiinvoiceList.jiinvoice finds nothing on the page; members there: returnCode, totRecords, data"
        );
        assert!(
            profile.read_page(br#"{"totRecords":0,"returnedRecords":0}"#).is_ok(),
            "an empty list may leave it out"
        );
        assert!(profile.read_page(br#"{"jiinvoiceList":{"jiinvoice":[]}}"#).is_ok());
        assert!(profile.read_page(br#"{"items":[]}"#).is_err());
    }
}
