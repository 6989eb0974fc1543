//! Walks over lists that hold still, shift, repeat and fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::testing::{Rig, Seen, answer, config, profile, rig, token};
use super::{Detail, JaggaerError, Outcome, PollError, changed_since};
use crate::model::Timestamp;
use crate::seams::{Method, Response};

/// The other side: records in list order (id, stamp), served `size` at a time.
#[derive(Default)]
struct Server {
    records: Vec<(u32, Option<String>)>,
    broken: Vec<u32>,
    /// Details that are answered with another status.
    statuses: BTreeMap<u32, u16>,
    /// What all but the first list call is answered with.
    shut: Option<u16>,
    lists: usize,
    details: BTreeMap<u32, usize>,
    /// Done before the n-th list call is answered.
    meanwhile: BTreeMap<usize, fn(&mut Server)>,
}

fn stamp(minute: u32) -> Option<String> {
    Some(format!("2025-03-12T10:{minute:02}:00.000Z"))
}

fn time(minute: u32) -> Timestamp {
    format!("2025-03-12T10:{minute:02}:00Z").parse().unwrap()
}

impl Server {
    fn new(records: impl IntoIterator<Item = (u32, Option<String>)>) -> Arc<Mutex<Server>> {
        Arc::new(Mutex::new(Server { records: records.into_iter().collect(), ..Server::default() }))
    }

    fn answer(&mut self, seen: &Seen, size: usize) -> Response {
        if seen.0 == Method::Post {
            return token("t");
        }
        if let Some((_, query)) = seen.1.split_once("invoices?") {
            self.lists += 1;
            if let (Some(status), true) = (self.shut, self.lists > 1) {
                return answer(status, "");
            }
            if let Some(change) = self.meanwhile.remove(&self.lists) {
                change(self);
            }
            let start = query.split(['&', '=']).nth(1).and_then(|n| n.parse().ok()).unwrap_or(1usize);
            let page: Vec<String> = (self.records.iter().skip(start - 1).take(size))
                .map(|(id, stamp)| {
                    let stamp = stamp.as_ref().map(|s| format!(r#","lastUpdate":"{s}""#)).unwrap_or_default();
                    format!(r#"{{"header":{{"invoiceId":{id}{stamp}}}}}"#)
                })
                .collect();
            return answer(
                200,
                &format!(
                    r#"{{"returnCode":0,"totRecords":{},"returnedRecords":{},"startAt":{start},"jiinvoiceList":{{"jiinvoice":[{}]}}}}"#,
                    self.records.len(),
                    page.len(),
                    page.join(",")
                ),
            );
        }
        let id: u32 = seen.1.rsplit('/').next().unwrap().parse().unwrap();
        *self.details.entry(id).or_default() += 1;
        if let Some(status) = self.statuses.get(&id) {
            answer(*status, "")
        } else if self.broken.contains(&id) {
            answer(404, "gone")
        } else {
            answer(200, &format!(r#"{{"header":{{"invoiceId":{id}}}}}"#))
        }
    }
}

fn rig_on(server: &Arc<Mutex<Server>>, size: usize, toml: &str) -> Rig {
    let server = server.clone();
    rig(profile(toml), config(), move |seen| Ok(server.lock().unwrap().answer(seen, size)))
}

async fn run(
    rig: &Rig,
    mark: Option<Timestamp>,
    known: &(dyn Fn(&str, Option<&crate::model::Text>) -> bool + Sync),
) -> (Result<Outcome, PollError<()>>, Vec<u32>) {
    let got = Mutex::new(Vec::new());
    let outcome = changed_since(&rig.client, mark, known, |batch: Vec<Detail>| {
        assert!(batch.len() <= 64);
        got.lock().unwrap().extend(batch.iter().map(|d| d.listed.id.parse::<u32>().unwrap()));
        async { Ok(()) }
    })
    .await;
    (outcome, got.into_inner().unwrap())
}

#[tokio::test]
async fn a_list_is_read_to_its_end_and_each_record_fetched_once_in_order() {
    for (size, overlap) in [(7, 0), (7, 1), (1, 1), (100, 1), (3, 5)] {
        let server = Server::new((1..=20).map(|i| (i, stamp(i))));
        let rig = rig_on(&server, size, &format!("[paging]\noverlap = {overlap}"));
        let (outcome, got) = run(&rig, None, &|_, _| false).await;
        let outcome = outcome.unwrap();
        assert_eq!(got, (1..=20).collect::<Vec<_>>(), "size {size}, overlap {overlap}");
        assert_eq!((outcome.read, outcome.new, outcome.unchanged, outcome.shifting), (20, 20, 0, false));
        assert_eq!(outcome.mark, Some(time(20)));
        assert!(server.lock().unwrap().details.values().all(|n| *n == 1));
    }
}

#[tokio::test]
async fn what_is_known_is_not_fetched_but_what_has_no_stamp_always_is() {
    let server = Server::new([(1, stamp(1)), (2, None), (3, stamp(3))]);
    let rig = rig_on(&server, 10, "");
    let (outcome, got) = run(&rig, Some(time(2)), &|_, _| true).await;
    let outcome = outcome.unwrap();
    assert_eq!(got, [2]);
    assert_eq!((outcome.read, outcome.new, outcome.unchanged), (3, 1, 2));
    assert_eq!(outcome.mark, Some(time(3)));
    let first = rig.network.seen.lock().unwrap().iter().find(|s| s.1.contains("flt=")).unwrap().1.clone();
    assert!(first.ends_with("?start=1&flt=lastUpdate%3E=2025-03-12T09:52:00.000Z"), "ten minutes earlier: {first}");
}

#[tokio::test]
async fn a_failed_detail_holds_the_mark_back_and_the_others_go_on() {
    let server = Server::new((1..=9).map(|i| (i, stamp(i))));
    server.lock().unwrap().broken = vec![4, 6];
    let rig = rig_on(&server, 5, "");
    let (outcome, got) = run(&rig, Some(time(0)), &|_, _| false).await;
    let outcome = outcome.unwrap();
    assert_eq!(got, [1, 2, 3, 5, 7, 8, 9]);
    assert_eq!(outcome.failed.iter().map(|f| f.0.as_str()).collect::<Vec<_>>(), ["4", "6"]);
    assert_eq!((outcome.read, outcome.mark), (7, Some(time(4))));
}

#[tokio::test]
async fn a_page_that_shifts_underneath_loses_nothing() {
    let changes: [fn(&mut Server); 4] = [
        // One goes: what stood first on the second page moves onto the first.
        |s| drop(s.records.remove(2)),
        // One comes at the top.
        |s| s.records.insert(0, (99, stamp(30))),
        // One goes and one comes: the number of records stays.
        |s| {
            s.records.remove(2);
            s.records.push((98, stamp(31)));
        },
        // One changes and moves to the end.
        |s| {
            s.records.remove(1);
            s.records.push((2, stamp(32)));
        },
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let server = Server::new((1..=12).map(|i| (i, stamp(i))));
        server.lock().unwrap().meanwhile.insert(2, change);
        let rig = rig_on(&server, 4, "");
        let (outcome, got) = run(&rig, None, &|_, _| false).await;
        let outcome = outcome.unwrap();
        let there: Vec<u32> = server.lock().unwrap().records.iter().map(|r| r.0).collect();
        for id in there {
            assert!(got.contains(&id), "change {n}: {id} is missing of {got:?}");
        }
        assert!(!outcome.shifting, "change {n}: the second walk was calm");
    }
}

#[tokio::test]
async fn a_list_that_never_holds_still_leaves_the_mark_where_it_was() {
    let server = Server::new((1..=12).map(|i| (i, stamp(i))));
    for call in 1..40 {
        server.lock().unwrap().meanwhile.insert(call, |s| s.records.insert(0, (1000 + s.lists as u32, stamp(40))));
    }
    let rig = rig_on(&server, 4, "");
    let (outcome, got) = run(&rig, Some(time(1)), &|_, _| false).await;
    let outcome = outcome.unwrap();
    assert!(outcome.shifting);
    assert_eq!(outcome.mark, Some(time(1)));
    assert!((1..=12).all(|id| got.contains(&id)));
    assert!(server.lock().unwrap().details.values().all(|n| *n == 1), "repeated ids are fetched once");
}

#[tokio::test]
async fn a_list_that_repeats_its_page_or_never_ends_is_an_error() {
    let same = r#"{"jiinvoiceList":{"jiinvoice":[{"header":{"invoiceId":1}},{"header":{"invoiceId":2}},{"header":{"invoiceId":3}}]}}"#;
    let rig =
        rig(profile(""), config(), move |seen| Ok(if seen.0 == Method::Post { token("t") } else { answer(200, same) }));
    let (outcome, _) = run(&rig, None, &|_, _| true).await;
    assert!(outcome.unwrap_err().to_string().contains("repeats its page that begins with id 1"));

    let server = Server::new((1..=50).map(|i| (i, stamp(i))));
    let rig = rig_on(&server, 4, "[paging]\nmax_pages = 3");
    let (outcome, _) = run(&rig, None, &|_, _| true).await;
    assert!(outcome.unwrap_err().to_string().contains("more than 3 pages"));
}

#[tokio::test]
async fn an_item_without_an_id_is_reported_and_holds_the_mark() {
    let rig = rig(profile(""), config(), |seen| {
        Ok(match seen {
            (Method::Post, ..) => token("t"),
            (_, url, ..) if url.contains("invoices?") => answer(
                200,
                r#"{"totRecords":2,"returnedRecords":2,"jiinvoiceList":{"jiinvoice":[{"header":{}},
                   {"header":{"invoiceId":5,"lastUpdate":"2025-03-12T10:05:00Z"}}]}}"#,
            ),
            _ => answer(200, r#"{"header":{"invoiceId":5}}"#),
        })
    });
    let (outcome, got) = run(&rig, Some(time(1)), &|_, _| false).await;
    let outcome = outcome.unwrap();
    assert_eq!(got, [5]);
    assert_eq!(outcome.failed[0].0, "page 1, item 1");
    assert_eq!(outcome.mark, Some(time(1)));
}

#[tokio::test]
async fn a_stamp_from_the_future_does_not_carry_the_mark_there() {
    let server = Server::new([(1, Some("2999-01-01T00:00:00.000Z".into()))]);
    let rig = rig_on(&server, 4, "");
    let (outcome, _) = run(&rig, None, &|_, _| false).await;
    assert!(outcome.unwrap().mark.unwrap() < "2027-01-01T00:00:00Z".parse().unwrap());
}

#[tokio::test]
async fn every_style_of_paging_reads_everything() {
    let item = |id: u32| format!(r#"{{"header":{{"invoiceId":{id},"lastUpdate":"2025-03-12T10:00:0{id}Z"}}}}"#);
    let page = move |ids: &[u32], more: &str| {
        let items: Vec<_> = ids.iter().map(|id| item(*id)).collect();
        format!(r#"{{{more}"jiinvoiceList":{{"jiinvoice":[{}]}}}}"#, items.join(","))
    };
    /// Ids on the page, more members of the answer, the Link header.
    type Serve = fn(&str) -> (&'static [u32], &'static str, &'static str);
    let cases: [(&str, Serve); 5] = [
        ("style = \"page\"\nstart_param = \"page\"\nsize_param = \"n\"\nsize = 2", |url| match url {
            u if u.contains("page=1&n=2") => (&[1, 2], "", ""),
            u if u.contains("page=2&n=2") => (&[3], "", ""),
            _ => (&[], "", ""),
        }),
        ("style = \"offset\"\nstart_param = \"offset\"\nfirst = 0\noverlap = 0", |url| match url {
            u if u.contains("offset=0") => (&[1, 2], "", ""),
            u if u.contains("offset=2") => (&[3], "", ""),
            _ => (&[], "", ""),
        }),
        ("style = \"cursor\"\nstart_param = \"cursor\"\ncursor_path = \"$.next\"", |url| match url {
            u if u.contains("cursor=a%2Fb") => (&[3], "", ""),
            _ => (&[1, 2], "\"next\":\"a/b\",", ""),
        }),
        ("style = \"link\"", |url| match url {
            u if u.contains("p=2") => (&[3], "", ""),
            _ => (
                &[1, 2],
                "",
                "<https://acme.example/j1p/x>; rel=prev, </j1p/api/public/ji/v1/invoices?p=2>; rel=\"next\"",
            ),
        }),
        ("style = \"none\"", |_| (&[1, 2, 3], "", "")),
    ];
    for (toml, serve) in cases {
        let rig =
            rig(profile(&format!("[invoices]\ndetail_fetch = \"never\"\n[paging]\n{toml}")), config(), move |seen| {
                if seen.0 == Method::Post {
                    return Ok(token("t"));
                }
                let (ids, more, link) = serve(&seen.1);
                let mut response = answer(200, &page(ids, more));
                if !link.is_empty() {
                    response.headers.push(("link".into(), link.into()));
                }
                Ok(response)
            });
        let (outcome, got) = run(&rig, None, &|_, _| false).await;
        assert_eq!(got, [1, 2, 3], "{toml}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_poll_can_run_as_a_task_of_its_own() {
    let server = Server::new([(1, stamp(1))]);
    let rig = rig_on(&server, 4, "");
    let task = tokio::spawn(async move {
        changed_since(&rig.client, None, &|_, _| false, |_| async { Ok::<_, ()>(()) }).await.map(|outcome| outcome.read)
    });
    assert_eq!(task.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_sink_that_fails_ends_the_run() {
    let server = Server::new([(1, stamp(1))]);
    let rig = rig_on(&server, 4, "");
    let outcome = changed_since(&rig.client, None, &|_, _| false, |_| async { Err("disk full") }).await;
    assert!(matches!(outcome, Err(PollError::Sink("disk full"))));
}

#[tokio::test]
async fn a_server_that_falls_silent_ends_the_run_after_a_few_tries_and_keeps_what_came() {
    let server = Server::new((1..=50).map(|i| (i, stamp(i))));
    let other = server.clone();
    let rig = rig(profile("[paging]\noverlap = 0"), config(), move |seen| {
        let mut server = other.lock().unwrap();
        let silent = server.details.len() >= 5;
        Ok(if silent && !seen.1.contains("invoices?") { answer(503, "") } else { server.answer(seen, 50) })
    });
    let (outcome, got) = run(&rig, None, &|_, _| false).await;
    assert!(matches!(outcome, Err(PollError::Jaggaer(error)) if error.is_unreachable()));
    assert_eq!(got.len(), 5);
    assert!(rig.client.counters().requests < 60);
}

fn names(outcome: &Outcome) -> Vec<&str> {
    outcome.failed.iter().map(|(id, _)| id.as_str()).collect()
}

#[tokio::test]
async fn invoices_that_are_never_answered_keep_no_other_from_being_read_however_often_it_is_asked() {
    let server = Server::new((1..=30).map(|i| (i, stamp(i))));
    server.lock().unwrap().statuses = [(5, 503), (15, 500), (25, 503)].into();
    let rig = rig_on(&server, 12, "");
    let (outcome, mut stored) = run(&rig, Some(time(0)), &|_, _| false).await;
    let outcome = outcome.unwrap();
    assert_eq!((stored.len(), names(&outcome)), (27, vec!["15", "25", "5"]));
    assert_eq!(outcome.mark, Some(time(5)));
    // What lies between them is known by now: they fail one after the other.
    for new in [31..=33, 34..=36] {
        server.lock().unwrap().records.extend(new.clone().map(|i| (i, stamp(i))));
        let known = |id: &str, _: Option<&crate::model::Text>| stored.contains(&id.parse().unwrap());
        let (outcome, got) = run(&rig, outcome.mark, &known).await;
        let outcome = outcome.unwrap();
        assert_eq!(got, new.collect::<Vec<_>>());
        assert_eq!(names(&outcome), ["15", "25", "5"]);
        assert!(outcome.failed.iter().all(|(_, error)| matches!(error, JaggaerError::Busy { .. })), "{outcome:?}");
        assert_eq!(outcome.mark, Some(time(5)), "the mark is held");
        stored.extend(got);
    }
}

#[tokio::test]
async fn of_many_in_a_row_that_are_not_answered_each_is_asked_for_and_those_behind_are_read() {
    let server = Server::new((1..=20).map(|i| (i, stamp(i))));
    server.lock().unwrap().statuses = (1..=14).map(|i| (i, 503)).collect();
    let rig = rig_on(&server, 50, "");
    let (outcome, got) = run(&rig, None, &|_, _| false).await;
    let outcome = outcome.unwrap();
    assert_eq!((got, outcome.failed.len(), outcome.mark), ((15..=20).collect(), 14, Some(time(1))));
    let server = server.lock().unwrap();
    assert_eq!(server.lists, 1 + 4, "the list is asked once for three of them");
    assert!(server.details.range(7..=14).all(|(_, times)| *times <= 2), "not four times each: {:?}", server.details);
}

#[tokio::test]
async fn where_nothing_is_answered_any_more_the_list_is_asked_once_and_the_walk_ends() {
    let server = Server::new((1..=50).map(|i| (i, stamp(i))));
    server.lock().unwrap().statuses = (1..=50).map(|i| (i, 503)).collect();
    server.lock().unwrap().shut = Some(503);
    let rig = rig_on(&server, 50, "");
    let (outcome, got) = run(&rig, None, &|_, _| false).await;
    assert!(matches!(outcome, Err(PollError::Jaggaer(JaggaerError::Busy { .. }))), "{outcome:?}");
    assert!(got.is_empty());
    let server = server.lock().unwrap();
    assert_eq!(server.lists, 1 + 4, "one reading with its tries");
    assert!(server.details.keys().all(|id| *id <= 6), "those under way, and no other: {:?}", server.details);
}

#[tokio::test]
async fn an_invoice_that_is_refused_is_named_and_the_others_are_read() {
    for (status, refused) in [(403, vec![4]), (401, vec![4]), (403, (2..=9).collect())] {
        let server = Server::new((1..=12).map(|i| (i, stamp(i))));
        server.lock().unwrap().statuses = refused.iter().map(|id| (*id, status)).collect();
        let rig = rig_on(&server, 50, "");
        let (outcome, got) = run(&rig, Some(time(0)), &|_, _| false).await;
        let outcome = outcome.unwrap();
        assert_eq!(got, (1..=12).filter(|id| !refused.contains(id)).collect::<Vec<_>>());
        assert_eq!(outcome.failed.len(), refused.len());
        for (id, error) in &outcome.failed {
            assert!(matches!(error, JaggaerError::RecordRefused { .. }) && !error.stops_flow(), "{id}: {error:?}");
            assert!(error.told().contains(&format!("/ji/v1/invoices/{id}")), "{}", error.told());
        }
        assert_eq!(outcome.mark, Some(time(refused[0])));
        assert_eq!(rig.client.refusal(), None, "suppliers are written all the same");
        assert_eq!(server.lock().unwrap().lists, 2, "the list is asked once for a page");
    }
}

#[tokio::test]
async fn where_the_list_is_refused_as_well_nothing_more_is_asked() {
    for status in [401, 403] {
        let server = Server::new((1..=50).map(|i| (i, stamp(i))));
        server.lock().unwrap().statuses = (1..=50).map(|i| (i, status)).collect();
        server.lock().unwrap().shut = Some(status);
        let rig = rig_on(&server, 50, "");
        let (outcome, _) = run(&rig, None, &|_, _| false).await;
        let Err(PollError::Jaggaer(error)) = outcome else { panic!("{outcome:?}") };
        assert!(matches!(error, JaggaerError::AccessRefused { .. }), "{error:?}");
        assert_eq!(rig.client.refusal(), Some(error));
        assert!(server.lock().unwrap().details.len() <= 4, "those under way, and no other");
    }
}
