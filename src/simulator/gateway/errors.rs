//! The gateway's errors: number, text, and the finer identity that `showadditionalerrorinfo` brings.
//!
//! Numbers and texts follow what is publicly captured of the gateway (developer.intacct.com, "Error Handling", and
//! answers shown in public integrations); where no capture exists the nearest one was taken, marked *assumed*.

/// One error as it stands in an `errormessage`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayError {
    /// Mostly a code, sometimes free text.
    pub errorno: String,
    /// Often empty.
    pub description: String,
    /// The text.
    pub description2: String,
    /// What the user should do.
    pub correction: String,
    /// `additionalinfo/errorid`; empty where none is known.
    pub errorid: String,
}

impl GatewayError {
    /// An error with number and text.
    pub fn new(errorno: &str, text: impl Into<String>) -> Self {
        GatewayError { errorno: errorno.to_owned(), description2: text.into(), ..GatewayError::default() }
    }

    /// The same with advice.
    pub fn correct(mut self, correction: impl Into<String>) -> Self {
        self.correction = correction.into();
        self
    }

    /// The same with the finer identity.
    pub fn id(mut self, errorid: &str) -> Self {
        self.errorid = errorid.to_owned();
        self
    }

    /// The request is not XML, or not the schema's XML.
    pub fn schema(text: impl Into<String>) -> Self {
        GatewayError::new("XL03000003", text)
    }

    /// An element stands where the schema has none.
    pub fn not_expected(element: &str) -> Self {
        GatewayError::schema(format!(
            "XML Parse schema error. Error 1871: Element '{element}': This element is not expected."
        ))
    }

    /// A value outside what the schema allows.
    pub fn not_in_set(element: &str, value: &str) -> Self {
        GatewayError::schema(format!(
            "XML Parse schema error. Error 502: Element '{element}': The value '{value}' is not in the allowed set."
        ))
    }

    /// The session is unknown or over.
    pub fn invalid_session(session: &str) -> Self {
        GatewayError::new("XL03000006", format!("Invalid session {session}."))
    }

    /// Wrong company, user or password.
    pub fn sign_in() -> Self {
        GatewayError::new("XL03000006", "Sign-in information is incorrect. Please check your request.")
    }

    /// Wrong sender id or sender password.
    pub fn sender() -> Self {
        GatewayError::new("XL03000006", "Incorrect Intacct XML Partner ID or password.")
    }

    /// The company's administrator has not let the sender in.
    pub fn sender_not_authorized(sender: &str, company: &str) -> Self {
        let mut error = GatewayError::new(
            "XL03000006",
            format!("Sender ID '{sender}' is not authorized to make Web Services requests to company ID '{company}'."),
        );
        error.description = "Invalid Web Services Authorization".to_owned();
        error.correct("Ask the company administrator to authorize this sender ID.")
    }

    /// The function's control id was executed and completed before. Number and text are assumed: neither is public.
    pub fn already_executed(control_id: &str) -> Self {
        GatewayError::new("XL03000011", format!("The function with control ID '{control_id}' was already executed."))
            .correct("Use a unique control ID.")
    }

    /// The notice that stands last where a transaction was rolled back.
    pub fn rolled_back() -> Self {
        GatewayError::new("XL03000009", "All functions of this operation were rolled back.")
    }

    /// The wrapper that stands after the cause of a refused bill.
    pub fn wrapper() -> Self {
        GatewayError::new("BL01001973", "Could not create Document record!").id("AP-0504")
    }

    /// A field, filter or order names what the object does not have.
    pub fn unknown_field(object: &str, field: &str) -> Self {
        GatewayError::new("XL03000010", format!("Object {object} does not have a field '{field}'."))
            .correct("Use fields that the object has.")
    }
}
