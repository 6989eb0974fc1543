//! Where the configuration is.

use std::io;
use std::path::{Path, PathBuf};

use super::{Config, ConfigError, Environment};

const FILE: &str = "tollgate.toml";

impl Config {
    /// The file to read: the explicit one (or `tollgate.toml` in an explicit directory), else the first of
    /// `./tollgate.toml`, `$XDG_CONFIG_HOME/tollgate/` (by default `~/.config/tollgate/`) and `/etc/tollgate/`.
    pub fn find(explicit: Option<&Path>, env: Environment<'_>) -> Result<PathBuf, ConfigError> {
        let looked = match explicit {
            Some(path) if path.is_dir() => vec![path.join(FILE)],
            Some(path) => vec![path.to_owned()],
            None => places(env),
        };
        // Only what is certainly not there is passed over: a file that cannot be reached is named when it is read.
        let found =
            looked.iter().find(|path| !matches!(path.metadata(), Err(e) if e.kind() == io::ErrorKind::NotFound));
        match found {
            Some(path) => Ok(path.clone()),
            None => Err(ConfigError::NotFound { looked }),
        }
    }
}

fn places(env: Environment<'_>) -> Vec<PathBuf> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG base directory specification has relative paths ignored.
    let home = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute()).or_else(|| Some(set("HOME")?.join(".config")));
    let mut places = vec![Path::new(".").join(FILE)];
    places.extend(home.map(|home| home.join("tollgate").join(FILE)));
    places.push(Path::new("/etc/tollgate").join(FILE));
    places
}

/// The environment of this process. A value that is not text is shown as such with replacement characters, so that it is
/// refused where it is used and not passed over.
pub fn process_environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_are_tried_in_order_and_named_when_all_are_empty() {
        let home = tempfile::tempdir().unwrap();
        let xdg = home.path().join("xdg");
        let env = |name: &str| match name {
            "XDG_CONFIG_HOME" => Some(xdg.display().to_string()),
            "HOME" => Some(home.path().display().to_string()),
            _ => None,
        };
        if !Path::new("/etc/tollgate/tollgate.toml").exists() {
            let message = Config::find(None, &env).unwrap_err().to_string();
            assert!(
                message.contains("./tollgate.toml, ") && message.contains("/etc/tollgate/tollgate.toml"),
                "{message}"
            );
            assert!(message.contains("tollgate init"), "{message}");
        }
        std::fs::create_dir_all(xdg.join("tollgate")).unwrap();
        std::fs::write(xdg.join("tollgate/tollgate.toml"), "").unwrap();
        assert_eq!(Config::find(None, &env).unwrap(), xdg.join("tollgate/tollgate.toml"));
    }

    #[test]
    fn without_xdg_config_home_it_is_in_the_home_directory() {
        let home = tempfile::tempdir().unwrap();
        let env = |name: &str| (name == "HOME").then(|| home.path().display().to_string());
        std::fs::create_dir_all(home.path().join(".config/tollgate")).unwrap();
        std::fs::write(home.path().join(".config/tollgate/tollgate.toml"), "").unwrap();
        assert_eq!(Config::find(None, &env).unwrap(), home.path().join(".config/tollgate/tollgate.toml"));
    }

    #[test]
    fn an_explicit_path_is_the_only_place() {
        let dir = tempfile::tempdir().unwrap();
        let absent = dir.path().join("other.toml");
        let message = Config::find(Some(&absent), &|_| None).unwrap_err().to_string();
        assert!(message.contains("other.toml") && !message.contains("/etc/"), "{message}");
        std::fs::write(dir.path().join("tollgate.toml"), "").unwrap();
        assert_eq!(Config::find(Some(dir.path()), &|_| None).unwrap(), dir.path().join("tollgate.toml"));
    }
}
