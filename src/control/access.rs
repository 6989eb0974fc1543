//! Who may speak to the engine, and what they may do.

use serde::{Deserialize, Serialize};

use super::person::{group, user};
use crate::config::Roles;

/// What a connected person may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Ask and order.
    Operator,
    /// Ask.
    Viewer,
    /// Nothing: told why, and disconnected.
    Nobody,
}

/// Who may do what on one socket.
#[derive(Clone, Debug)]
pub struct Access {
    /// Roles by `user`, `group:name` or `*`; without them everybody who can connect is an operator.
    pub roles: Option<Roles>,
    /// Group that may connect, besides the owner.
    pub group: Option<String>,
    /// User ids that are operators in any case: the account of the engine and root, who can open the store anyway.
    owners: Vec<u32>,
}

impl Access {
    /// The access that the configuration's `[control]` gives.
    pub fn new(roles: Option<Roles>, group: Option<String>) -> Self {
        Access { roles, group, owners: vec![0, rustix::process::geteuid().as_raw()] }
    }

    /// The owner alone.
    pub fn owner_only() -> Self {
        Access::new(None, None)
    }

    /// As [`Access::new`], but without an exception for the owner, so that a test can play every role itself.
    #[cfg(test)]
    pub(super) fn without_owner(roles: Option<Roles>) -> Self {
        Access { roles, group: None, owners: Vec::new() }
    }

    /// The role of a peer by its user and group id. Looks names up: may read files and ask `getent`.
    pub fn role_of(&self, uid: u32, gid: u32) -> Role {
        if self.owners.contains(&uid) {
            return Role::Operator;
        }
        match &self.roles {
            Some(roles) if any(&roles.operators, uid, gid) => Role::Operator,
            Some(roles) if any(&roles.viewers, uid, gid) => Role::Viewer,
            Some(_) => Role::Nobody,
            // The kernel lets through only whom the file's group admits.
            None if self.group.is_some() => Role::Operator,
            None => Role::Nobody,
        }
    }
}

fn any(entries: &[String], uid: u32, gid: u32) -> bool {
    entries.iter().any(|entry| match entry.strip_prefix("group:") {
        Some(name) => in_group(name, uid, gid),
        None => entry == "*" || entry.parse() == Ok(uid) || user(uid).is_some_and(|user| user.name == *entry),
    })
}

/// By the peer's own group, the account's, or the group's list. The groups of the process itself are not asked for: a process
/// can become another program between connecting and looking.
fn in_group(name: &str, uid: u32, gid: u32) -> bool {
    let Some(group) = group(name) else { return false };
    if group.gid == gid {
        return true;
    }
    user(uid).is_some_and(|user| user.gid == group.gid || group.members.contains(&user.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: u32 = 4_000_123_456;

    fn roles(operators: &[&str], viewers: &[&str]) -> Option<Roles> {
        let own = |list: &[&str]| list.iter().map(|entry| (*entry).to_owned()).collect();
        Some(Roles { operators: own(operators), viewers: own(viewers) })
    }

    #[test]
    fn without_roles_the_owner_alone_or_whom_the_group_admits_may_do_everything() {
        let me = rustix::process::geteuid().as_raw();
        assert_eq!(Access::owner_only().role_of(me, 0), Role::Operator);
        assert_eq!(Access::owner_only().role_of(STRANGER, STRANGER), Role::Nobody);
        assert_eq!(Access::new(None, Some("ap".into())).role_of(STRANGER, STRANGER), Role::Operator);
    }

    #[test]
    fn roles_go_by_user_group_and_star_and_the_stronger_one_wins() {
        let by_user = Access::without_owner(roles(&["root"], &["*"]));
        assert_eq!(by_user.role_of(0, 0), Role::Operator);
        assert_eq!(by_user.role_of(STRANGER, STRANGER), Role::Viewer);
        let by_group = Access::without_owner(roles(&["group:root"], &[]));
        assert_eq!(by_group.role_of(STRANGER, 0), Role::Operator);
        assert_eq!(by_group.role_of(STRANGER, STRANGER), Role::Nobody);
        assert_eq!(Access::without_owner(roles(&["group:no-such-group"], &[])).role_of(0, 0), Role::Nobody);
    }
}
