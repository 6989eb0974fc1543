//! The secrets there are, and the variables that set them too.

use super::VaultError;

/// Every secret.
pub const NAMES: [&str; 3] = ["jaggaer.client_secret", "intacct.sender_password", "intacct.user_password"];

/// The name as it is known; anything else is an error that names the nearest.
pub fn known_name(name: &str) -> Result<&'static str, VaultError> {
    if let Some(known) = NAMES.into_iter().find(|known| *known == name) {
        return Ok(known);
    }
    let distance = |known: &str| strsim::damerau_levenshtein(&name.to_lowercase(), known);
    let nearest =
        NAMES.into_iter().min_by_key(|known| distance(known)).filter(|known| distance(known) <= known.len() / 2);
    Err(VaultError::UnknownName { name: name.chars().take(80).collect(), nearest })
}

/// The variable of a secret: `TOLLGATE_JAGGAER_CLIENT_SECRET`.
pub fn variable_of(name: &str) -> String {
    format!("TOLLGATE_{}", name.replace('.', "_").to_uppercase())
}
