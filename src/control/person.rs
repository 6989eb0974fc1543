//! People and groups, as the operating system knows them.
//!
//! The files `/etc/passwd` and `/etc/group` first; where they do not know an id (directories over the network), `getent` is asked.

use std::fs;
use std::process::{Command, Stdio};

use crate::model::Person;

/// A name as stated is cut to this many characters.
const MAX_STATED: usize = 64;

/// The person who runs this process: user id, name, and the name behind `sudo` or the login where it is another.
pub fn this_person() -> Person {
    let uid = rustix::process::geteuid().as_raw();
    person_of(uid, stated_name())
}

/// The person of a user id; `as_stated` is what the person's own program says about a shared account.
pub fn person_of(uid: u32, as_stated: Option<String>) -> Person {
    let name = user(uid).map_or_else(|| format!("uid {uid}"), |user| user.name);
    let as_stated = as_stated
        .map(|stated| stated.trim().chars().take(MAX_STATED).collect::<String>())
        .filter(|stated| !stated.is_empty() && *stated != name);
    Person { uid, name, as_stated }
}

fn stated_name() -> Option<String> {
    let sudo = std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
    sudo.or_else(login_name).or_else(|| std::env::var("LOGNAME").ok())
}

/// The user who logged in, whatever account was taken since (Linux keeps it for the audit).
fn login_name() -> Option<String> {
    let uid: u32 = fs::read_to_string("/proc/self/loginuid").ok()?.trim().parse().ok()?;
    if uid == u32::MAX { None } else { user(uid).map(|user| user.name) }
}

/// A user account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct User {
    pub name: String,
    pub gid: u32,
}

/// A group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Group {
    pub gid: u32,
    pub members: Vec<String>,
}

/// Looks a user up by id.
pub(super) fn user(uid: u32) -> Option<User> {
    let wanted = uid.to_string();
    entry("passwd", "/etc/passwd", &wanted, |line| line.split(':').nth(2) == Some(wanted.as_str()))
        .and_then(|line| parse_user(&line))
}

/// Looks a group up by name, or by number.
pub(super) fn group(name: &str) -> Option<Group> {
    let by_name = |line: &str| line.split(':').next() == Some(name) || line.split(':').nth(2) == Some(name);
    entry("group", "/etc/group", name, by_name).and_then(|line| parse_group(&line))
}

fn parse_user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let gid = fields.nth(2)?.parse().ok()?;
    Some(User { name, gid })
}

fn parse_group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let gid = fields.nth(2)?.parse().ok()?;
    let members = fields.next().unwrap_or_default().split(',').map(|name| name.trim().to_owned());
    Some(Group { gid, members: members.filter(|name| !name.is_empty()).collect() })
}

fn entry(database: &str, file: &str, key: &str, is_it: impl Fn(&str) -> bool) -> Option<String> {
    let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    text.lines().find(|line| is_it(line)).map(str::to_owned).or_else(|| getent(database, key))
}

/// By its absolute path and without a shell; a name that could be taken for an option is not asked for.
fn getent(database: &str, key: &str) -> Option<String> {
    if key.is_empty() || key.starts_with('-') {
        return None;
    }
    let output =
        Command::new("/usr/bin/getent").args([database, key]).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_groups_are_read_from_their_lines() {
        let user = parse_user("anna:x:1004:2000:Anna B.:/home/anna:/bin/bash").unwrap();
        assert_eq!(user, User { name: "anna".into(), gid: 2000 });
        let group = parse_group("ap-ops:x:2001:anna, ben").unwrap();
        assert_eq!(group, Group { gid: 2001, members: vec!["anna".into(), "ben".into()] });
        assert_eq!(parse_group("empty:x:2002:").unwrap().members, Vec::<String>::new());
        assert_eq!(parse_user("broken"), None);
    }

    #[test]
    fn root_is_known_and_an_unknown_id_keeps_its_number() {
        assert_eq!(person_of(0, Some("root".into())), Person { uid: 0, name: "root".into(), as_stated: None });
        let unknown = person_of(4_000_123_456, Some("x".repeat(500)));
        assert_eq!(unknown.name, "uid 4000123456");
        assert_eq!(unknown.as_stated.map(|name| name.len()), Some(MAX_STATED));
    }
}
