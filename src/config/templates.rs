//! The files that `tollgate init` writes: commented, to start from.

use std::path::Path;

/// `tollgate.toml` with … where a person has to put something.
pub const TOLLGATE: &str = include_str!("templates/tollgate.toml");
/// `mapping.toml`: the accounting splits of the lines, and examples of the rest.
pub const MAPPING: &str = include_str!("templates/mapping.toml");

/// [`TOLLGATE`] with places for the data directory and the key file of one's own.
pub fn tollgate(data_dir: &Path, key_file: &Path) -> String {
    let quoted = |path: &Path| toml::Value::String(path.to_string_lossy().into_owned()).to_string();
    TOLLGATE.replacen("\"/var/lib/tollgate\"", &quoted(data_dir), 1).replacen(
        "\"/etc/tollgate/key\"",
        &quoted(key_file),
        1,
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ConfigError};
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/etc/tollgate/tollgate.toml"), &|_| None)
    }

    fn filled(text: &str) -> String {
        let addressed = text
            .replace("_url  = \"…\"", "_url = \"https://a.example\"")
            .replace("issuer    = \"…\"", "issuer = \"https://a.example\"");
        addressed.replace("\"…\"", "\"x\"")
    }

    /// Examples are what follows a `#` without a blank.
    fn with_examples(text: &str) -> String {
        let lines = text.lines().map(|line| match line.strip_prefix('#') {
            Some(example) if !example.starts_with(' ') => example,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_configuration_is_complete_once_its_placeholders_are_filled() {
        let config = parse(&filled(TOLLGATE)).unwrap();
        assert_eq!(config.key_file.as_deref(), Some(Path::new("/etc/tollgate/key")));
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    }

    #[test]
    fn each_placeholder_left_is_a_fault_of_its_own() {
        let message = parse(TOLLGATE).unwrap_err().to_string();
        assert_eq!(message.lines().count(), TOLLGATE.matches("\"…\"").count(), "{message}");
        assert!(message.lines().all(|line| line.contains("still holds the … of the template")), "{message}");
    }

    #[test]
    fn the_examples_in_its_comments_are_valid_and_show_the_defaults() {
        let all = parse(&filled(&with_examples(TOLLGATE))).unwrap();
        let few = parse(&filled(TOLLGATE)).unwrap();
        assert_eq!(format!("{:?}", all.schedule), format!("{:?}", few.schedule));
        assert_eq!(all.intacct.write_timeout, few.intacct.write_timeout);
        assert_eq!(all.intacct.description_length, few.intacct.description_length);
        assert_eq!(all.posting.late_commit, few.posting.late_commit);
        assert_eq!(all.store.cache, few.store.cache);
        assert!(all.warnings.is_empty(), "{:?}", all.warnings);
    }

    #[test]
    fn paths_of_ones_own_are_written_so_that_they_are_read_back() {
        let (data, key) = (Path::new("/home/an \"n\"/data\\x"), Path::new("/home/ann/key"));
        let config = parse(&filled(&tollgate(data, key))).unwrap();
        assert_eq!((config.data_dir.as_path(), config.key_file.as_deref()), (data, Some(key)));
    }

    #[test]
    fn the_mapping_parses_with_and_without_its_examples() {
        let plain: toml::Table = MAPPING.parse().unwrap();
        assert_eq!(plain["version"].as_integer(), Some(1));
        let full: toml::Table = with_examples(MAPPING).parse().unwrap();
        assert_eq!(full["rule"].as_array().unwrap().len(), 3);
        assert!(full["table"].get("plants").is_some());
    }
}
