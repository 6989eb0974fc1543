//! What can go wrong on JAGGAER's side.

use serde::{Deserialize, Serialize};

use super::{Procurement, json_reply, refusal};
use crate::simulator::wire::{Delivery, Reply};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Only in a trouble: whatever it is.
    Any,
    /// A token.
    Token,
    /// The OIDC discovery document.
    Discovery,
    /// A page of the list.
    List,
    /// An invoice; in a trouble 0 means whichever.
    Detail(u64),
    /// A page of the list of suppliers.
    SupplierList,
    /// One supplier.
    Supplier(u64),
    /// An update of a supplier.
    SupplierUpdate,
    /// Something that is not there.
    Other,
}

/// One trouble: on which requests, how many of them are spared first, how often, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// On which requests.
    pub on: Resource,
    /// Spared first.
    #[serde(default)]
    pub skip: u32,
    /// How often; without a number always.
    #[serde(default)]
    pub times: Option<u32>,
    /// What.
    pub does: Mishap,
}

impl Trouble {
    /// Once, on the first request of this kind.
    pub fn once(on: Resource, does: Mishap) -> Self {
        Trouble { on, skip: 0, times: Some(1), does }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mishap {
    /// 401, and the tokens given out so far are worthless.
    TokenExpired,
    /// 401, although the token is good and stays good.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 429, with `Retry-After` in seconds where given.
    Throttle(Option<u32>),
    /// HTTP 200 with this code, which is no success, and this message.
    ReturnCode(String, String),
    /// This status with a page for people.
    Unavailable(u16),
    /// HTTP 200 with a page for people.
    HtmlOk,
    /// The connection is closed without an answer.
    Drop,
    /// No answer ever.
    Silent,
    /// A page begins one record early, as if one had come in before it.
    ShiftPage,
    /// It is executed, and the connection is closed without an answer.
    LostAnswer,
    /// The answer is cut after so many bytes.
    Cut(usize),
    /// Half of the JSON is missing, and the length says that this is all.
    Malformed,
    /// So many milliseconds pass first.
    Latency(u64),
}

impl Mishap {
    /// Whether it stands in the place of an answer.
    pub fn prevents(&self) -> bool {
        !matches!(
            self,
            Mishap::ShiftPage | Mishap::LostAnswer | Mishap::Cut(_) | Mishap::Malformed | Mishap::Latency(_)
        )
    }
}

impl Procurement {
    pub(super) fn mishap(&mut self, resource: Resource) -> Option<Mishap> {
        for (trouble, skipped, used) in &mut self.troubles {
            let meant = match trouble.on {
                Resource::Any => true,
                Resource::Detail(0) => matches!(resource, Resource::Detail(_)),
                on => on == resource,
            };
            if !meant || trouble.times.is_some_and(|times| *used >= times) {
                continue;
            }
            if *skipped < trouble.skip {
                *skipped += 1;
                continue;
            }
            *used = used.saturating_add(1);
            return Some(trouble.does.clone());
        }
        None
    }

    pub(super) fn suffer(&mut self, mishap: &Mishap) -> Reply {
        match mishap {
            Mishap::TokenExpired => {
                self.forget_tokens();
                self.unauthorized()
            }
            Mishap::Unauthorized => self.unauthorized(),
            Mishap::Forbidden => json_reply(403, &serde_json::json!({"error": "access_denied"})),
            Mishap::Throttle(after) => {
                self.stats.throttled += 1;
                let reply = json_reply(429, &serde_json::json!({"error": "too many requests"}));
                match after {
                    Some(seconds) => reply.with_header("Retry-After", seconds.to_string()),
                    None => reply,
                }
            }
            Mishap::ReturnCode(code, message) => refusal(code, message),
            Mishap::Unavailable(status) => Reply::html(*status, "Service Unavailable"),
            Mishap::HtmlOk => Reply::html(200, "Scheduled maintenance"),
            Mishap::Silent => {
                let mut reply = Reply::html(500, "");
                reply.delivery = Delivery::Never;
                reply
            }
            _ => {
                let mut reply = Reply::html(500, "");
                reply.delivery = Delivery::Drop;
                reply
            }
        }
    }
}
