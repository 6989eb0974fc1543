//! The request envelope: order, required parts, lengths and allowed values (developer.intacct.com, "XML Requests").

use super::errors::GatewayError;
use super::xml::Element;

/// A request whose envelope is in order.
#[derive(Debug)]
pub struct Request<'a> {
    /// Who sends, and how.
    pub control: Control,
    /// Who works.
    pub auth: Auth,
    /// All functions as one unit.
    pub transaction: bool,
    /// In document order; at least one.
    pub functions: Vec<Function<'a>>,
}

/// The control block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// senderid.
    pub sender: String,
    /// password.
    pub password: String,
    /// controlid of the request.
    pub id: String,
    /// uniqueid; absent counts as true.
    pub unique: bool,
    /// dtdversion.
    pub dtd: String,
    /// policyid.
    pub policy: Option<String>,
    /// includewhitespace; absent counts as true.
    pub whitespace: bool,
    /// showadditionalerrorinfo; absent counts as false.
    pub additional: bool,
}

/// The authentication block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// With user and password.
    Login {
        /// userid.
        user: String,
        /// companyid.
        company: String,
        /// password.
        password: String,
        /// locationid.
        location: Option<String>,
    },
    /// With a session.
    Session(String),
}

/// One function.
#[derive(Debug)]
pub struct Function<'a> {
    /// controlid.
    pub control_id: &'a str,
    /// The element that says what to do.
    pub body: &'a Element<'a>,
}

/// Functions that the published schema knows; the simulator offers those of [`OFFERED`].
const KNOWN: [&str; 17] = [
    "create",
    "update",
    "delete",
    "read",
    "readByName",
    "readByQuery",
    "readMore",
    "readRelated",
    "query",
    "lookup",
    "inspect",
    "getAPISession",
    "readEntityDetails",
    "getUserPermissions",
    "create_bill",
    "update_bill",
    "reverse_bill",
];

/// What the simulator can do.
pub const OFFERED: [&str; 7] = ["create", "update", "read", "query", "inspect", "getAPISession", "readEntityDetails"];

impl<'a> Request<'a> {
    /// Checks the envelope.
    ///
    /// # Errors
    /// The schema's complaint, and as much of the control block as could be read, for the answer.
    pub fn read(root: &'a Element<'a>) -> Result<Self, Box<(Control, GatewayError)>> {
        let nobody = |error| Box::new((Control::default(), error));
        if root.name != "request" {
            return Err(nobody(GatewayError::not_expected(&root.name)));
        }
        in_order(root, &[("control", true), ("operation", true)]).map_err(nobody)?;
        let control = root.child("control").ok_or_else(|| nobody(GatewayError::not_expected("request")))?;
        let control = read_control(control)?;
        match Self::read_operation(root) {
            Ok((auth, transaction, functions)) => Ok(Request { control, auth, transaction, functions }),
            Err(error) => Err(Box::new((control, error))),
        }
    }

    fn read_operation(root: &'a Element<'a>) -> Result<(Auth, bool, Vec<Function<'a>>), GatewayError> {
        let operation = root.child("operation").ok_or_else(|| GatewayError::not_expected("request"))?;
        let transaction = match operation.attribute("transaction") {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => return Err(GatewayError::not_in_set("operation", other)),
        };
        in_order(operation, &[("authentication", true), ("preferences", false), ("content", true)])?;
        let auth = operation.child("authentication").ok_or_else(|| GatewayError::not_expected("operation"))?;
        let auth = read_auth(auth)?;
        let content = operation.child("content").ok_or_else(|| GatewayError::not_expected("operation"))?;
        if content.children.is_empty() {
            return Err(GatewayError::schema(
                "XML Parse schema error. Error 1871: Element 'content': Missing child element(s). Expected is ( function ).",
            ));
        }
        let mut functions = Vec::with_capacity(content.children.len());
        for function in &content.children {
            if function.name != "function" {
                return Err(GatewayError::not_expected(&function.name));
            }
            let control_id = function.attribute("controlid").ok_or_else(|| {
                GatewayError::schema(
                    "XML Parse schema error. Error 1868: Element 'function': The attribute 'controlid' is required but missing.",
                )
            })?;
            check_control_id("function", control_id)?;
            let body = match function.children.as_slice() {
                [body] => body,
                [] => return Err(GatewayError::not_expected("function")),
                [_, second, ..] => return Err(GatewayError::not_expected(&second.name)),
            };
            if !KNOWN.contains(&body.name.as_ref()) {
                return Err(GatewayError::not_expected(&body.name));
            }
            functions.push(Function { control_id, body });
        }
        let sessions = functions.iter().filter(|function| function.body.name == "getAPISession").count();
        if sessions > 0 && functions.len() > 1 {
            return Err(GatewayError::schema("getAPISession must be the only function of its request."));
        }
        Ok((auth, transaction, functions))
    }
}

fn check_control_id(element: &str, id: &str) -> Result<(), GatewayError> {
    let length = id.chars().count();
    if (1..=256).contains(&length) {
        Ok(())
    } else {
        Err(GatewayError::schema(format!(
            "XML Parse schema error. Error 1831: Element '{element}': the control id has a length of {length}; allowed are 1 to 256."
        )))
    }
}

/// Children only of these names, each at most once, in this order; those marked must be there.
pub fn in_order(parent: &Element<'_>, allowed: &[(&str, bool)]) -> Result<(), GatewayError> {
    let mut at = 0;
    for child in &parent.children {
        match allowed.iter().skip(at).position(|(name, _)| *name == child.name) {
            Some(steps) => {
                if allowed.iter().skip(at).take(steps).any(|(_, required)| *required) {
                    return Err(GatewayError::not_expected(&child.name));
                }
                at += steps + 1;
            }
            None => return Err(GatewayError::not_expected(&child.name)),
        }
    }
    match allowed.iter().skip(at).find(|(_, required)| *required) {
        Some((name, _)) => Err(GatewayError::schema(format!(
            "XML Parse schema error. Error 1871: Element '{}': Missing child element(s). Expected is ( {name} ).",
            parent.name
        ))),
        None => Ok(()),
    }
}

fn flag(parent: &Element<'_>, name: &str, default: bool) -> Result<bool, GatewayError> {
    match parent.text_of(name) {
        None => Ok(default),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(other) => Err(GatewayError::not_in_set(name, other)),
    }
}

fn read_control(element: &Element<'_>) -> Result<Control, Box<(Control, GatewayError)>> {
    let text = |name: &str| element.text_of(name).unwrap_or_default().to_owned();
    let mut control = Control {
        sender: text("senderid"),
        password: text("password"),
        id: text("controlid"),
        dtd: text("dtdversion"),
        policy: element.text_of("policyid").map(str::to_owned),
        unique: true,
        whitespace: true,
        additional: false,
    };
    let mut check = || {
        in_order(
            element,
            &[
                ("senderid", true),
                ("password", true),
                ("controlid", true),
                ("uniqueid", false),
                ("dtdversion", false),
                ("policyid", false),
                ("debug", false),
                ("validate", false),
                ("includewhitespace", false),
                ("showadditionalerrorinfo", false),
            ],
        )?;
        check_control_id("controlid", &control.id)?;
        control.unique = flag(element, "uniqueid", true)?;
        control.whitespace = flag(element, "includewhitespace", true)?;
        control.additional = flag(element, "showadditionalerrorinfo", false)?;
        if !matches!(control.dtd.as_str(), "" | "2.1" | "3.0") {
            return Err(GatewayError::not_in_set("dtdversion", &control.dtd));
        }
        Ok(())
    };
    match check() {
        Ok(()) => Ok(control),
        Err(error) => Err(Box::new((control, error))),
    }
}

fn read_auth(element: &Element<'_>) -> Result<Auth, GatewayError> {
    match element.children.as_slice() {
        [only] if only.name == "sessionid" => Ok(Auth::Session(only.text.trim().to_owned())),
        [only] if only.name == "login" => {
            in_order(
                only,
                &[
                    ("userid", true),
                    ("companyid", true),
                    ("password", true),
                    ("clientid", false),
                    ("locationid", false),
                ],
            )?;
            let text = |name: &str| only.text_of(name).unwrap_or_default().to_owned();
            let location = only.text_of("locationid").filter(|id| !id.is_empty()).map(str::to_owned);
            Ok(Auth::Login { user: text("userid"), company: text("companyid"), password: text("password"), location })
        }
        [only] => Err(GatewayError::not_expected(&only.name)),
        [] => Err(GatewayError::schema(
            "XML Parse schema error. Error 1871: Element 'authentication': Missing child element(s). Expected is one of ( login, sessionid ).",
        )),
        [_, second, ..] => Err(GatewayError::not_expected(&second.name)),
    }
}
