//! `tollgate secret`: credentials, never from an argument and never shown again.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use super::exit::{CliError, Exit};
use super::link::{attach, configuration, place};
use super::output::Terminal;
use super::table::{Cell, Style, Table};
use super::{Global, Json, compose, show};
use crate::config::{Config, process_environment};
use crate::control::Attached;
use crate::messages::{Command, Link, Order};
use crate::model::Secret;
use crate::seams::{Chance, SystemChance};
use crate::vault::{KeySource, NAMES, SecretInfo, SecretSource, Vault, VaultError, known_name, prompt, variable_of};

/// `secret …`
#[derive(Subcommand, Debug)]
pub enum SecretCommand {
    /// Keep a credential; it is read from standard input, or asked for without showing it
    Set(NameArgs),
    /// List the credentials there are, where each comes from, and which are missing; never their values
    List(ListArgs),
    /// Remove a credential
    Remove(NameArgs),
    /// Wrap the data key with a new key; with --data, encrypt everything anew
    ///
    /// A key file is replaced in its place. For a passphrase the new one is asked for, or taken from TOLLGATE_NEW_PASSPHRASE. A
    /// systemd credential is left as it is: give the file of the new one with --new-key-file, then hand that one over. Whatever
    /// the moment at which it is interrupted, one of the two keys opens the vault.
    Rotate(RotateArgs),
}

/// Which credential.
#[derive(Args, Debug)]
pub struct NameArgs {
    /// jaggaer.client_secret, intacct.sender_password or intacct.user_password
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// `secret list`
#[derive(Args, Debug)]
pub struct ListArgs {
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// `secret rotate`
#[derive(Args, Debug)]
pub struct RotateArgs {
    /// Make a new data key and encrypt everything with it; can be interrupted and started again
    #[arg(long, conflicts_with_all = ["new_key_file", "new_passphrase"])]
    pub data: bool,
    /// Wrap with the key in this file from now on
    #[arg(long, value_name = "PATH", conflicts_with = "new_passphrase")]
    pub new_key_file: Option<PathBuf>,
    /// Wrap with a passphrase from now on
    #[arg(long)]
    pub new_passphrase: bool,
}

/// Runs it.
pub async fn run(command: &SecretCommand, global: &Global, terminal: &mut Terminal) -> Result<Exit, CliError> {
    if global.read_only && !matches!(command, SecretCommand::List(_)) {
        return Err(CliError::Usage(
            "nothing was done: this command changes something, and --read-only is given".into(),
        ));
    }
    match command {
        SecretCommand::Set(args) => {
            // The name first: nobody should type a password to learn that it was for nothing.
            let name = known_name(&args.name)?;
            let config = configuration(global)?;
            let mut vault = compose::open_vault(&config)?;
            let secret = prompt::read_secret(name)?;
            vault.set(name, &secret, Timestamp::now())?;
            terminal.print(&format!("{name} is set"))?;
            overridden(&vault, name, terminal);
            tell_engine(global, terminal).await
        }
        SecretCommand::List(args) => {
            let config = configuration(global)?;
            let infos = if Vault::exists(&config.data_dir) { open(&config)?.list() } else { without_vault() };
            list(infos, args.json.json, terminal)
        }
        SecretCommand::Remove(args) => {
            let name = known_name(&args.name)?;
            let mut vault = open(&configuration(global)?)?;
            if !vault.remove(name)? {
                terminal.print(&format!("{name} was not in the vault; nothing was changed"))?;
                return Ok(Exit::Done);
            }
            terminal.print(&format!("{name} is removed"))?;
            overridden(&vault, name, terminal);
            tell_engine(global, terminal).await
        }
        SecretCommand::Rotate(args) => rotate(args, global, terminal).await,
    }
}

fn key(config: &Config) -> Result<KeySource, CliError> {
    Ok(KeySource::find(config.key_file.as_deref(), &process_environment)?)
}

fn open(config: &Config) -> Result<Vault, CliError> {
    Ok(Vault::open(&config.data_dir, key(config)?)?)
}

/// A variable wins over the vault: whoever changes the vault should know.
fn overridden(vault: &Vault, name: &str, terminal: &mut Terminal) {
    if let Some(info) =
        vault.list().into_iter().find(|info| info.name == name && info.source == SecretSource::Environment)
    {
        terminal.note(&format!("note: {} is set here and wins over the vault", info.variable));
    }
}

/// One line of `secret list --json`.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    source: &'a str,
    variable: &'a str,
    set_at: Option<Timestamp>,
}

/// Before the first credential there is no vault: then only variables set any.
fn without_vault() -> Vec<SecretInfo> {
    let info = |name: &'static str| {
        let variable = variable_of(name);
        let set = process_environment(&variable).is_some_and(|value| !value.is_empty());
        let source = if set { SecretSource::Environment } else { SecretSource::Missing };
        SecretInfo { name, variable, set_at: None, source }
    };
    NAMES.into_iter().map(info).collect()
}

fn list(infos: Vec<SecretInfo>, json: bool, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let mut table = Table::new(&["NAME", "FROM", "SET", "VARIABLE"]);
    let mut missing = false;
    for info in infos {
        let (source, style) = match info.source {
            SecretSource::Vault => ("vault", Style::Good),
            SecretSource::Environment => ("environment", Style::Good),
            SecretSource::Missing => ("missing", Style::Bad),
        };
        missing |= info.source == SecretSource::Missing;
        if json {
            terminal.json(&Line { name: info.name, source, variable: &info.variable, set_at: info.set_at })?;
        }
        table.row([
            info.name.into(),
            Cell::styled(source, style),
            info.set_at.map(show::time).unwrap_or_default().into(),
            info.variable.as_str().into(),
        ]);
    }
    if !json {
        terminal.table(&table)?;
        if missing {
            terminal.note("set what is missing with `tollgate secret set NAME`");
        }
    }
    Ok(Exit::Done)
}

async fn rotate(args: &RotateArgs, global: &Global, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let config = configuration(global)?;
    let source = key(&config)?;
    let mut vault = Vault::open(&config.data_dir, source.clone())?;
    if args.data {
        // A rotation that was cut off is finished first: another key would only add to what has to be encrypted again.
        if vault.old_keys().is_empty() {
            let id = vault.rotate_data(Timestamp::now())?;
            terminal.print(&format!("data key {id} is made; the credentials are encrypted with it"))?;
        } else {
            terminal.print("a rotation that was interrupted is continued")?;
        }
        return match attach(&place(global)?, false).await {
            Ok(None) => encrypt_documents(&config, vault, terminal).await,
            engine => tell(engine, terminal).await,
        };
    }
    let new = match (&args.new_key_file, args.new_passphrase, &source) {
        (Some(path), _, _) => Some(KeySource::File(path.clone())),
        (None, true, _) | (None, false, KeySource::Passphrase(_)) => Some(KeySource::Passphrase(new_passphrase()?)),
        (None, false, KeySource::File(_) | KeySource::Credential(_)) => None,
    };
    match new {
        Some(new) => {
            let what = new.describe();
            vault.rotate_key(new)?;
            terminal.print(&format!("the data key is wrapped anew: {what} opens the vault from now on"))?;
            terminal.note("a running engine goes on; before its next start, give it the new key (`key_file`, credential or TOLLGATE_PASSPHRASE)");
        }
        None => {
            vault.rotate_key_file()?;
            terminal.print("the data key is wrapped anew and the key file replaced; keep a copy of it elsewhere")?;
        }
    }
    tell_engine(global, terminal).await
}

fn new_passphrase() -> Result<Secret, VaultError> {
    if let Some(given) = process_environment("TOLLGATE_NEW_PASSPHRASE").filter(|given| !given.is_empty()) {
        return Ok(Secret::new(given));
    }
    let first = prompt::read_secret("new passphrase")?;
    if std::io::IsTerminal::is_terminal(&std::io::stdin())
        && prompt::read_secret("the same again")?.expose() != first.expose()
    {
        let what = "the two are not the same";
        return Err(VaultError::NoAnswer { name: "new passphrase".to_owned(), what });
    }
    Ok(first)
}

/// Without an engine the command encrypts the raw documents itself. Cut off, it goes on with the next call or the next start
/// of an engine.
async fn encrypt_documents(config: &Config, vault: Vault, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let done = compose::reseal(config, vault).await?;
    terminal.print(&format!("{} documents are encrypted with it", done.renewed))?;
    for which in &done.unreadable {
        terminal.note(&format!("does not open and was left as it is, its data key is kept: {which}"));
    }
    if done.unreadable.is_empty() {
        terminal.print("the old data key is forgotten")?;
        return Ok(Exit::Done);
    }
    Ok(Exit::Attention)
}

/// Tells a running engine to read the credentials again. The change is made in any case: that it could not be told makes
/// [`Exit::Attention`], not an error.
async fn tell_engine(global: &Global, terminal: &mut Terminal) -> Result<Exit, CliError> {
    tell(attach(&place(global)?, false).await, terminal).await
}

async fn tell(engine: Result<Option<Attached>, CliError>, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let told = match engine {
        Ok(None) => return Ok(Exit::Done),
        Ok(Some(engine)) => {
            let key = format!("command-{:016x}{:016x}", SystemChance.bits(), SystemChance.bits());
            engine.tell(Order { key, command: Command::SecretsChanged }).await.map_err(CliError::from)
        }
        Err(error) => Err(error),
    };
    match told {
        Ok(outcome) => {
            terminal.note(&format!("the running engine has been told: {}", outcome.message));
            Ok(Exit::Done)
        }
        Err(error) => {
            terminal.note(&format!("the running engine could not be told, restart it: {error}"));
            Ok(Exit::Attention)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::testing::terminal;
    use crate::vault::create_key_file;

    fn vault() -> (tempfile::TempDir, Vault) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("key");
        create_key_file(&path).unwrap();
        let vault = Vault::open_or_create(&temp.path().join("d"), KeySource::File(path), Timestamp::now()).unwrap();
        (temp, vault.with_environment(|name| (name == "TOLLGATE_INTACCT_USER_PASSWORD").then(|| "canary-1".into())))
    }

    #[test]
    fn the_list_says_where_each_comes_from_and_never_what_it_is() {
        let (_temp, mut vault) = vault();
        vault.set("jaggaer.client_secret", &Secret::new("canary-2".into()), Timestamp::UNIX_EPOCH).unwrap();
        for json in [false, true] {
            let (mut term, out, err) = terminal(None);
            list(vault.list(), json, &mut term).unwrap();
            let all = out.text() + &err.text();
            for part in ["vault", "environment", "missing", "TOLLGATE_INTACCT_SENDER_PASSWORD"] {
                assert!(all.contains(part), "{part}: {all}");
            }
            assert!(!all.contains("canary"));
        }
    }

    #[tokio::test]
    async fn an_unknown_name_is_told_before_anything_is_asked() {
        let (mut term, _, _) = terminal(None);
        let command = SecretCommand::Set(NameArgs { name: "jaggaer.client_secert".into() });
        let error = run(&command, &Global::default(), &mut term).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains("jaggaer.client_secret"), "{error}");
    }
}
