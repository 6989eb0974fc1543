//! Status words, compared without case, blanks, hyphens and underscores: `Do Not Match` is `do_not-match`.

/// A word in its compared form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Normal(String);

impl Normal {
    /// The word.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lower case; blanks, hyphens and underscores removed.
pub(super) fn normal(word: &str) -> Normal {
    Normal(word.chars().filter(|c| !c.is_whitespace() && *c != '-' && *c != '_').flat_map(char::to_lowercase).collect())
}
