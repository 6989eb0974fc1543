//! The control socket as faces see it: real sockets in temporary directories.

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, Lines};
use tokio::task::JoinHandle;

use super::*;
use crate::config::Roles;
use crate::control::Attached;
use crate::control::fake::{FakeService, order};
use crate::messages::{Answer, Link};

struct Running {
    temp: TempDir,
    service: Arc<FakeService>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(access: Access) -> Self {
        Self::with(access, FakeService::new())
    }

    fn with(access: Access, service: Arc<FakeService>) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let shutdown = CancellationToken::new();
        let server = Server::bind(&temp.path().join("t.sock"), access).unwrap();
        let task = tokio::spawn(server.run(service.clone(), shutdown.clone()));
        Running { temp, service, shutdown, task }
    }

    fn path(&self) -> PathBuf {
        self.temp.path().join("t.sock")
    }

    async fn attach(&self) -> Attached {
        Attached::connect(&self.path(), false, Some("anna".into())).await.unwrap()
    }

    /// A raw connection that has said hello; the server's own hello is read.
    async fn raw(&self, hello: &str) -> (Lines<BufReader<OwnedReadHalf>>, OwnedWriteHalf) {
        let (read, mut write) = UnixStream::connect(self.path()).await.unwrap().into_split();
        let mut lines = BufReader::new(read).lines();
        assert!(lines.next_line().await.unwrap().unwrap().contains("\"protocol\":1"));
        write.write_all(hello.as_bytes()).await.unwrap();
        (lines, write)
    }
}

fn roles(operators: &[&str], viewers: &[&str]) -> Access {
    let own = |list: &[&str]| list.iter().map(|entry| (*entry).to_owned()).collect();
    Access::without_owner(Some(Roles { operators: own(operators), viewers: own(viewers) }))
}

#[tokio::test]
async fn questions_and_orders_are_answered_and_carry_the_person() {
    let running = Running::start(Access::owner_only());
    let link = running.attach().await;
    assert!(!link.read_only());
    assert_eq!(link.pid(), std::process::id());
    let Answer::Status(snapshot) = link.ask(Question::Status).await.unwrap() else { panic!("another answer") };
    assert_eq!(snapshot.revision, 1);
    let text = "ESC \u{1b} and \u{202e}".to_owned();
    let Answer::Explanation(explained) = link.ask(Question::ExplainText(text.clone())).await.unwrap() else {
        panic!("another answer")
    };
    assert_eq!(explained.text, text, "what goes over the socket comes out as it went in");
    assert_eq!(explained.data["amount"], "1.10");
    let missing = link.ask(Question::Document(crate::model::DocumentId(9))).await.unwrap_err();
    assert_eq!(missing.kind, RefusalKind::NotFound);
    assert_eq!(link.tell(order("k1")).await.unwrap().done, 1);
    let me = person_of(rustix::process::geteuid().as_raw(), None).name;
    assert_eq!(running.service.told(), [("k1".to_owned(), me)]);
}

#[tokio::test]
async fn two_faces_both_see_the_newest_snapshot_and_the_log() {
    let running = Running::start(Access::owner_only());
    let (one, two) = (running.attach().await, running.attach().await);
    let (mut first, mut second) = (one.snapshots(), two.snapshots());
    first.wait_for(|snapshot| snapshot.revision == 1).await.unwrap();
    second.wait_for(|snapshot| snapshot.revision == 1).await.unwrap();
    let (mut first_log, mut second_log) = (one.log(), two.log());
    for revision in 2..=500 {
        running.service.publish(revision);
    }
    assert_eq!(running.service.say("posted 3 bills"), 2);
    first.wait_for(|snapshot| snapshot.revision == 500).await.unwrap();
    second.wait_for(|snapshot| snapshot.revision == 500).await.unwrap();
    assert_eq!(first_log.recv().await.unwrap().message.raw(), "posted 3 bills");
    assert_eq!(second_log.recv().await.unwrap().message.raw(), "posted 3 bills");
}

#[tokio::test]
async fn a_face_that_reads_nothing_holds_up_nobody() {
    let running = Running::start(Access::owner_only());
    let (_lines, mut write) = running.raw("{\"protocol\":1}\n{\"subscribe\":true}\n").await;
    let question = serde_json::to_string(&Question::ExplainText("x".repeat(1 << 20))).unwrap();
    let frame = format!("{{\"id\":1,\"ask\":{question}}}\n");
    // Until the server takes nothing more from it: its answers have nowhere to go.
    while tokio::time::timeout(Duration::from_millis(300), write.write_all(frame.as_bytes())).await.is_ok() {}
    let link = running.attach().await;
    running.service.publish(7);
    let mut snapshots = link.snapshots();
    snapshots.wait_for(|snapshot| snapshot.revision == 7).await.unwrap();
    assert!(link.tell(order("k")).await.is_ok());
}

#[tokio::test]
async fn a_viewer_may_ask_and_not_order_and_a_stranger_neither() {
    let running = Running::start(roles(&["nobody-here"], &["*"]));
    let link = running.attach().await;
    assert!(link.ask(Question::Status).await.is_ok());
    assert!(link.read_only());
    assert!(link.notice().unwrap().contains("may look"));
    let (mut lines, mut write) = running.raw("{\"protocol\":1}\n").await;
    let order = serde_json::to_string(&order("k")).unwrap();
    write.write_all(format!("{{\"id\":5,\"tell\":{order}}}\n").as_bytes()).await.unwrap();
    let answer = lines.next_line().await.unwrap().unwrap();
    assert!(answer.contains("\"id\":5") && answer.contains("may look, but not act"), "{answer}");
    assert!(running.service.told().is_empty(), "the server enforces it, whatever the client thinks");

    let running = Running::start(roles(&["nobody-here"], &[]));
    let error = Attached::connect(&running.path(), false, None).await.err().unwrap();
    assert!(error.to_string().contains("may neither look nor act"), "{error}");
}

#[tokio::test]
async fn a_client_of_another_version_may_look_and_is_told_why_it_may_not_act() {
    let running = Running::start(Access::owner_only());
    let (mut lines, mut write) = running.raw("{\"protocol\":99,\"new_field\":1}\n").await;
    let order = serde_json::to_string(&order("k")).unwrap();
    let frames = format!(
        "{{\"id\":1,\"ask\":\"status\"}}\n{{\"id\":2,\"tell\":{order}}}\n{{\"id\":3,\"ask\":{{\"future\":1}}}}\n"
    );
    write.write_all(frames.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(lines.next_line().await.unwrap().unwrap());
    }
    answers.sort_by_key(|line| line.get(..8).map(str::to_owned));
    assert!(answers[0].contains("\"ok\""), "{answers:?}");
    assert!(answers[1].contains("version 99"), "{answers:?}");
    assert!(answers[2].contains("does not know such a question"), "{answers:?}");
}

/// A server that says one line and then stays silent.
async fn says(line: &'static str) -> (TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("t.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    });
    (temp, path)
}

#[tokio::test]
async fn an_engine_of_another_version_is_shown_without_changing() {
    let (_temp, path) = says("{\"protocol\":2,\"version\":\"9.9\\u001b[2J\",\"pid\":1,\"extra\":[]}\n").await;
    let link = Attached::connect(&path, false, None).await.unwrap();
    assert!(link.read_only());
    assert!(link.notice().unwrap().contains("version 9.9‹U+001B›"), "{:?}", link.notice());
    let refusal = link.tell(order("k")).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Forbidden);
}

#[tokio::test]
async fn what_is_no_engine_is_an_error_in_words() {
    let (_temp, path) = says("HTTP/1.1 400 Bad Request\n").await;
    let error = Attached::connect(&path, false, None).await.err().unwrap();
    assert!(error.to_string().contains("no engine that this program understands"), "{error}");
    let nothing = tempfile::tempdir().unwrap();
    let error = Attached::connect(&nothing.path().join("t.sock"), false, None).await.err().unwrap();
    assert!(error.is_not_running(), "{error}");
}

#[tokio::test]
async fn garbage_a_huge_line_and_a_half_line_end_only_their_own_connection() {
    let running = Running::start(Access::owner_only());
    let link = running.attach().await;
    let (mut lines, mut write) = running.raw("\u{0}\u{1}garbage\n").await;
    assert!(lines.next_line().await.unwrap().unwrap().contains("hello is unreadable"));
    assert_eq!(lines.next_line().await.unwrap(), None);
    let _ = write.shutdown().await;

    let (mut lines, mut write) = running.raw("{\"protocol\":1}\n").await;
    let huge = vec![b'x'; MAX_FRAME + 1];
    let _ = write.write_all(&huge).await;
    // The rest is never read, so the socket may be reset under the sentence; the connection is over in any case.
    if let Ok(Some(last)) = lines.next_line().await {
        assert!(last.contains("longer than"), "{last}");
    }
    assert!(!matches!(lines.next_line().await, Ok(Some(_))));

    let (mut lines, mut write) = running.raw("{\"protocol\":1}\n").await;
    write.write_all(b"{\"id\":1,\"tell\":{\"key\":\"half").await.unwrap();
    write.shutdown().await.unwrap();
    assert_eq!(lines.next_line().await.unwrap(), None);

    assert!(running.service.told().is_empty());
    assert!(link.ask(Question::Status).await.is_ok());
}

#[tokio::test]
async fn an_order_whose_client_went_away_is_carried_out_to_its_end() {
    let running = Running::with(Access::owner_only(), FakeService::with_gate(0));
    let (lines, mut write) = running.raw("{\"protocol\":1}\n").await;
    let order = serde_json::to_string(&order("k")).unwrap();
    write.write_all(format!("{{\"id\":5,\"tell\":{order}}}\n").as_bytes()).await.unwrap();
    running.service.begun.notified().await;
    drop((lines, write));
    running.service.gate.add_permits(1);
    running.shutdown.cancel();
    running.task.await.unwrap();
    assert_eq!(running.service.told().len(), 1);
}

#[tokio::test]
async fn when_the_engine_goes_its_faces_learn_it_and_the_socket_is_removed() {
    let running = Running::start(Access::owner_only());
    let link = running.attach().await;
    let mut snapshots = link.snapshots();
    snapshots.wait_for(|snapshot| snapshot.revision == 1).await.unwrap();
    running.shutdown.cancel();
    let path = running.path();
    running.task.await.unwrap();
    assert!(!path.exists());
    while snapshots.changed().await.is_ok() {}
    assert_eq!(link.ask(Question::Status).await.unwrap_err().kind, RefusalKind::Unavailable);
}

#[tokio::test]
async fn a_pending_question_ends_when_the_link_is_lost() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("t.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        write.write_all(b"{\"protocol\":1,\"role\":\"operator\"}\n").await.unwrap();
        let mut lines = BufReader::new(read).lines();
        while !lines.next_line().await.unwrap().unwrap().contains("ask") {}
    });
    let link = Attached::connect(&path, false, None).await.unwrap();
    assert_eq!(link.ask(Question::Status).await.unwrap_err().kind, RefusalKind::Unavailable);
}
