//! Two engines by mistake: one is stopped, and before it goes on another has taken its place. It writes and sends nothing more.

use std::fs;
use std::path::Path;
use std::process::Command;

use tollgate::simulator::world::World;

use crate::site::{Done, Running, Site, plain, until};

const BILLS: usize = 24;

/// An engine that is stopped in the middle of its work: some bills were sent, most were not.
fn stopped_at_work(seed: u64) -> (Site, Running) {
    let mut world: World = plain(seed, BILLS);
    world.gateway.latency = std::time::Duration::from_millis(40);
    let mut site = Site::started(world);
    site.set("TOLLGATE_INTACCT_FUNCTIONS_PER_REQUEST", "2");
    let engine = site.engine();
    until("some were sent", || site.writes() >= 3);
    engine.freeze();
    assert!(site.bills().len() < BILLS, "all were sent before it stopped");
    (site, engine)
}

/// Every file of a directory with its bytes, but for sockets.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    found.sort();
    found
}

/// Lets the stopped one go on, and asserts that it ends without a byte to the files of `directory` or a bill to the gateway.
fn goes_on_in_vain(site: &Site, engine: Running, directory: &Path) -> Done {
    let (writes, before) = (site.writes(), files(directory));
    engine.thaw();
    let done = engine.finish();
    assert_eq!(site.writes(), writes, "it sent: {}", done.err);
    let after = files(directory);
    let changed: Vec<_> = after.iter().zip(&before).filter(|(a, b)| a != b).map(|(a, _)| &a.0).collect();
    assert!(after.len() == before.len() && changed.is_empty(), "it wrote {changed:?}: {}", done.err);
    done.says("no longer holds the data directory").says("writes and sends nothing more")
}

/// Everything is posted by whoever runs, and stands once.
fn all_stands_once(site: &Site) {
    site.settle().exits(0);
    let findings = site.judged();
    assert!(findings.is_empty(), "{findings:#?}");
    for nth in 0..BILLS {
        assert_eq!(site.standing(&site.number(nth)).len(), 1, "{}", site.number(nth));
    }
    site.run("audit verify").exits(0);
}

#[test]
fn an_engine_whose_directory_was_moved_away_and_replaced_by_a_copy_ends_and_names_the_other() {
    let (site, first) = stopped_at_work(81);
    let away = site.dir().join("moved");
    fs::rename(site.data(), &away).unwrap();
    let copied = Command::new("cp").arg("-a").arg(&away).arg(site.data()).status().unwrap();
    assert!(copied.success());

    let second = site.engine();
    assert!(second.log().contains(&format!("names process {}", first.pid())), "{}", second.log());
    until("the second posts everything", || {
        site.documents().values().filter(|row| row["state"] == "posted").count() == BILLS
    });
    let done = goes_on_in_vain(&site, first, &away);
    done.exits(5).says(&format!("process {}", second.pid()));
    second.terminate().exits(0);
    all_stands_once(&site);
}

#[test]
fn an_engine_whose_lock_file_was_deleted_ends_and_until_then_no_other_starts() {
    let (site, first) = stopped_at_work(82);
    fs::remove_file(site.data().join("tollgate.lock")).unwrap();
    site.run("run --once").exits(5).says("does not name").says("fuser");
    let done = goes_on_in_vain(&site, first, &site.data());
    done.exits(1).says("tollgate.lock is another file").says("Start it again");
    all_stands_once(&site);
}

#[test]
fn where_locks_do_not_hold_the_engine_that_the_lock_file_does_not_name_ends() {
    let (site, first) = stopped_at_work(83);
    // What another engine would have written on a file system that lets everybody lock.
    fs::write(site.data().join("tollgate.lock"), "4194303\nanother\n").unwrap();
    goes_on_in_vain(&site, first, &site.data()).exits(5).says("process 4194303 holds it now");
    all_stands_once(&site);
}

#[test]
fn an_engine_whose_store_was_replaced_by_a_backup_ends_and_the_next_takes_the_backup_up() {
    let (site, first) = stopped_at_work(84);
    let (store, backup) = (site.data().join("tollgate.redb"), site.dir().join("backup.redb"));
    fs::copy(&store, &backup).unwrap();
    first.thaw();
    let writes = site.writes();
    until("it goes on", || site.writes() > writes + 2);
    first.freeze();
    fs::rename(&backup, &store).unwrap();
    site.run("run --once").exits(5).says(&first.pid().to_string());
    let done = goes_on_in_vain(&site, first, &site.data());
    done.exits(1).says("tollgate.redb is another file").says("Start it again");
    all_stands_once(&site);
}
