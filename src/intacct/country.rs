//! Countries: Intacct speaks their English names, everybody else two letters of ISO 3166.
//!
//! The first name of a line of `countries.txt` is the one that is written; the others are read too. Which of several English
//! names Intacct wants is not documented: the names are those of ISO 3166, shortened where the short form is the usual one.

const COUNTRIES: &str = include_str!("countries.txt");

/// Code and names of each country.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    COUNTRIES.lines().filter_map(|line| line.split_once(' '))
}

/// The English name of a country by its two letters, whatever their case; `None` for anything else.
pub fn country_name(code: &str) -> Option<&'static str> {
    let code = code.trim();
    let (_, names) = all().find(|(known, _)| known.eq_ignore_ascii_case(code))?;
    names.split('|').next()
}

/// The two letters of a country by one of its English names, or by the letters themselves; case does not matter.
pub fn country_code(name: &str) -> Option<&'static str> {
    let name = name.trim();
    let is_it = |known: &str| known.eq_ignore_ascii_case(name);
    all().find(|(code, names)| is_it(code) || names.split('|').any(is_it)).map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_is_found_by_each_of_its_names_and_by_no_other() {
        assert_eq!(all().count(), 249);
        for (code, names) in all() {
            assert_eq!(code.len(), 2, "{code}");
            for name in names.split('|') {
                assert_eq!(country_code(&name.to_ascii_uppercase()), Some(code), "{name}");
            }
            assert_eq!(country_code(country_name(&code.to_ascii_lowercase()).unwrap()), Some(code));
        }
        assert_eq!((country_name("XX"), country_code("Atlantis"), country_code("")), (None, None, None));
    }
}
