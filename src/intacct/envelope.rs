//! The request around the functions: control block, authentication, content.
//!
//! The same code writes what is sent and what is kept; in the second the sender password, the user password and the session id
//! are never put, so that no kept request ever held one.
//!
//! Source: developer.intacct.com/web-services/requests/; the order of elements is the published schema's (`dtdversion` 3.0).

use crate::model::{ControlId, Secret};

use super::xml::Writer;

/// What stands in a kept request in the place of a secret.
pub const TAKEN_OUT: &str = "[taken out]";

/// The control block.
pub struct ControlBlock<'a> {
    /// Sender id.
    pub sender_id: &'a str,
    /// Sender password.
    pub sender_password: &'a Secret,
    /// Control id of the request; only echoed.
    pub control_id: &'a str,
    /// Whether the gateway shall refuse function control ids that it has executed already: true for writes.
    pub unique_id: bool,
}

/// How we authenticate.
pub enum Auth<'a> {
    /// By the id of a session.
    Session(&'a Secret),
    /// By user and password; only for opening a session.
    Login {
        /// Web services user.
        user: &'a str,
        /// Company id.
        company: &'a str,
        /// User password.
        password: &'a Secret,
        /// Entity to log in at.
        location: Option<&'a str>,
    },
}

/// A function: its control id and its serialized body, which goes in byte for byte.
#[derive(Clone, Copy)]
pub struct Function<'a> {
    /// Its control id.
    pub control_id: &'a ControlId,
    /// Its body, `<create>…</create>` and the like: the frozen bytes.
    pub body: &'a [u8],
}

/// A request.
pub struct Envelope<'a> {
    /// Control block.
    pub control: ControlBlock<'a>,
    /// Authentication.
    pub auth: Auth<'a>,
    /// Functions, in order, each for itself (`transaction` is false).
    pub functions: &'a [Function<'a>],
}

impl Envelope<'_> {
    /// The request as it is sent.
    pub fn bytes(&self) -> Vec<u8> {
        self.write(Secret::expose)
    }

    /// The request as it may be kept: without the three secrets.
    pub fn redacted(&self) -> Vec<u8> {
        self.write(|_| TAKEN_OUT)
    }

    fn write<'s>(&'s self, shown: impl Fn(&'s Secret) -> &'s str) -> Vec<u8> {
        let bodies: usize = self.functions.iter().map(|f| f.body.len() + f.control_id.as_str().len() + 40).sum();
        let mut out = Writer::with_capacity(bodies + 1024);
        out.raw(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><request><control>");
        out.element("senderid", self.control.sender_id);
        out.element("password", shown(self.control.sender_password));
        out.element("controlid", self.control.control_id);
        out.element("uniqueid", if self.control.unique_id { "true" } else { "false" });
        out.raw(b"<dtdversion>3.0</dtdversion><includewhitespace>false</includewhitespace>");
        // Newer than the published schema; last in the block is assumed to be its place.
        out.raw(b"<showadditionalerrorinfo>true</showadditionalerrorinfo></control>");
        out.raw(b"<operation transaction=\"false\"><authentication>");
        match &self.auth {
            Auth::Session(id) => out.element("sessionid", shown(id)),
            Auth::Login { user, company, password, location } => {
                out.open("login");
                out.element("userid", user);
                out.element("companyid", company);
                out.element("password", shown(password));
                out.optional("locationid", *location);
                out.close("login");
            }
        }
        out.raw(b"</authentication><content>");
        for function in self.functions {
            out.open_with("function", "controlid", function.control_id.as_str());
            out.raw(function.body);
            out.close("function");
        }
        out.raw(b"</content></operation></request>");
        out.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARIES: [&str; 3] = ["canary-sender-4711", "canary-user-4712", "canary-session-4713"];

    fn with(auth: Auth<'_>, check: impl FnOnce(&Envelope<'_>)) {
        let sender = Secret::new(CANARIES[0].to_owned());
        let ids = [ControlId::fresh("a-1".to_owned()), ControlId::fresh("a-2".to_owned())];
        let functions = [
            Function { control_id: &ids[0], body: b"<create><APBILL><X>1</X></APBILL></create>" },
            Function { control_id: &ids[1], body: b"<query/>" },
        ];
        let control = ControlBlock {
            sender_id: "quillbridge & co",
            sender_password: &sender,
            control_id: "req-1",
            unique_id: true,
        };
        check(&Envelope { control, auth, functions: &functions });
    }

    #[test]
    fn a_request_has_the_schema_s_order_and_the_bodies_byte_for_byte() {
        let session = Secret::new(CANARIES[2].to_owned());
        with(Auth::Session(&session), |envelope| {
            assert_eq!(
                String::from_utf8(envelope.bytes()).unwrap(),
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><request><control><senderid>quillbridge &amp; co</senderid>\
                 <password>canary-sender-4711</password><controlid>req-1</controlid><uniqueid>true</uniqueid>\
                 <dtdversion>3.0</dtdversion><includewhitespace>false</includewhitespace>\
                 <showadditionalerrorinfo>true</showadditionalerrorinfo></control><operation transaction=\"false\">\
                 <authentication><sessionid>canary-session-4713</sessionid></authentication><content>\
                 <function controlid=\"a-1\"><create><APBILL><X>1</X></APBILL></create></function>\
                 <function controlid=\"a-2\"><query/></function></content></operation></request>"
            );
        });
    }

    #[test]
    fn a_login_names_user_company_password_and_entity_in_order() {
        let password = Secret::new(CANARIES[1].to_owned());
        let auth = Auth::Login { user: "ws", company: "NF", password: &password, location: Some("E20") };
        with(auth, |envelope| {
            let text = String::from_utf8(envelope.bytes()).unwrap();
            let login = "<login><userid>ws</userid><companyid>NF</companyid><password>canary-user-4712</password>\
                         <locationid>E20</locationid></login>";
            assert!(text.contains(login), "{text}");
        });
    }

    #[test]
    fn a_kept_request_never_held_a_secret() {
        let (session, password) = (Secret::new(CANARIES[2].to_owned()), Secret::new(CANARIES[1].to_owned()));
        let login = Auth::Login { user: "ws", company: "NF", password: &password, location: None };
        for auth in [Auth::Session(&session), login] {
            with(auth, |envelope| {
                let text = String::from_utf8(envelope.redacted()).unwrap();
                assert!(CANARIES.iter().all(|canary| !text.contains(canary)), "{text}");
                assert_eq!(text.matches(TAKEN_OUT).count(), 2);
                assert!(text.contains("<create><APBILL><X>1</X></APBILL></create>"));
            });
        }
    }
}
