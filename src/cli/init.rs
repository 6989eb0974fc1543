//! `tollgate init`: files to start from.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Global;
use super::exit::{CliError, Exit};
use super::output::Terminal;
use crate::config::templates;
use crate::vault::{VaultError, create_key_file};

/// Where an installation for a whole machine has its files.
const ETC: &str = "/etc/tollgate";
const VAR: &str = "/var/lib/tollgate";

/// `init`: writes `tollgate.toml` and `mapping.toml`, commented, and makes a key file. What is there already is left as it is.
#[derive(Args, Clone, Debug)]
pub struct InitArgs {
    /// Directory for the files; in /etc/tollgate the data directory is /var/lib/tollgate, elsewhere `data` beside the files,
    /// unless --data-dir says where
    #[arg(value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    /// Key file [default: `key` in DIR]
    #[arg(long, value_name = "PATH")]
    pub key_file: Option<PathBuf>,
    /// Replace tollgate.toml and mapping.toml where they are there already; a key file is never replaced
    #[arg(long)]
    pub force: bool,
}

/// Runs it.
pub fn run(args: &InitArgs, global: &Global, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let directory = absolute(&args.directory)?;
    let data_dir = match &global.data_dir {
        Some(data_dir) => absolute(data_dir)?,
        None if directory == Path::new(ETC) => PathBuf::from(VAR),
        None => directory.join("data"),
    };
    let key_file = match &args.key_file {
        Some(key_file) => absolute(key_file)?,
        None => directory.join("key"),
    };
    let files = [
        (directory.join("tollgate.toml"), templates::tollgate(&data_dir, &key_file)),
        (directory.join("mapping.toml"), templates::MAPPING.to_owned()),
    ];
    if !args.force
        && let Some((there, _)) = files.iter().find(|(path, _)| path.symlink_metadata().is_ok())
    {
        let message = format!(
            "{} is there already; nothing was written. --force replaces it, another directory leaves it",
            there.display()
        );
        return Err(CliError::Usage(message));
    }
    std::fs::create_dir_all(&directory)
        .map_err(|error| CliError::io(format!("making {}", directory.display()), error))?;
    for (path, text) in &files {
        write(path, text, args.force).map_err(|error| CliError::io(format!("writing {}", path.display()), error))?;
        terminal.print(&format!("wrote {}", path.display()))?;
    }
    match create_key_file(&key_file) {
        Ok(()) => terminal.print(&format!("made  {} (keep a copy of it elsewhere)", key_file.display()))?,
        Err(VaultError::KeyFileExists(path)) => terminal.print(&format!("kept  {}", path.display()))?,
        Err(error) => return Err(error.into()),
    }
    terminal.print(
        "\nNext: fill in the … in tollgate.toml, give the credentials with `tollgate secret set NAME`, then\n\
         `tollgate check`, `tollgate ping` and `tollgate`. Nothing is sent before a person runs `tollgate posting start`.",
    )?;
    Ok(Exit::Done)
}

fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    let absolute = std::path::absolute(path).map_err(|error| CliError::io(path.display().to_string(), error))?;
    // `/etc/tollgate/.` is the same directory.
    Ok(absolute.components().collect())
}

fn write(path: &Path, text: &str, replace: bool) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    let options = if replace { options.create(true).truncate(true) } else { options.create_new(true) };
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::testing::terminal;

    fn args(directory: &Path, force: bool) -> InitArgs {
        InitArgs { directory: directory.to_owned(), key_file: None, force }
    }

    #[test]
    fn a_start_is_written_once_and_a_key_is_never_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let (mut term, out, _) = terminal(None);
        run(&args(temp.path(), false), &Global::default(), &mut term).unwrap();
        let text = std::fs::read_to_string(temp.path().join("tollgate.toml")).unwrap();
        assert!(text.contains(&format!("{}/data", temp.path().display())), "{text}");
        assert!(temp.path().join("mapping.toml").exists());
        assert!(out.text().contains("made  "));
        let key = std::fs::read(temp.path().join("key")).unwrap();

        std::fs::write(temp.path().join("tollgate.toml"), "mine").unwrap();
        let error = run(&args(temp.path(), false), &Global::default(), &mut term).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert_eq!(std::fs::read_to_string(temp.path().join("tollgate.toml")).unwrap(), "mine");
        run(&args(temp.path(), true), &Global::default(), &mut term).unwrap();
        assert_eq!(std::fs::read_to_string(temp.path().join("tollgate.toml")).unwrap(), text);
        assert_eq!(std::fs::read(temp.path().join("key")).unwrap(), key);
    }
}
