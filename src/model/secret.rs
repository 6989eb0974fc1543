//! A secret: it can be used, but not printed, compared at leisure or written down.

use zeroize::Zeroizing;

/// A password or key. No `Debug`, `Display` or `Serialize`; zeroed when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Secret(Zeroizing::new(text))
    }

    /// The text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
