//! How a command gets its link: to the engine that runs on the data directory, else to the store, opened for a moment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Global;
use super::exit::CliError;
use super::output::Terminal;
use crate::config::{Config, process_environment};
use crate::control::{Attached, InProcess, this_person};
use crate::messages::{Link, Service};

/// What a command wants to do over its link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Ask.
    Look,
    /// Give orders.
    Act,
}

/// Where data and socket are.
#[derive(Debug)]
pub struct Place {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// The configuration; `None` where only a data directory was named and there is no configuration.
    pub config: Option<Config>,
}

/// The configuration that the options name, with `--data-dir` in place of its own.
pub fn configuration(global: &Global) -> Result<Config, CliError> {
    let path = Config::find(global.config.as_deref(), &process_environment)?;
    let mut config = Config::load(&path, &process_environment)?;
    if let Some(data_dir) = &global.data_dir {
        config.data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.clone());
    }
    Ok(config)
}

/// Finds data directory and socket. With `--data-dir`, a configuration that is missing is no error, and neither is one that is
/// broken as long as it was not named: a running engine can still be asked.
pub fn place(global: &Global) -> Result<Place, CliError> {
    match configuration(global) {
        Ok(config) => {
            let socket = socket_of(&config);
            Ok(Place { data_dir: config.data_dir.clone(), socket, config: Some(config) })
        }
        Err(error) => match &global.data_dir {
            Some(data_dir) if global.config.is_none() => {
                Ok(Place { data_dir: data_dir.clone(), socket: data_dir.join("tollgate.sock"), config: None })
            }
            _ => Err(error),
        },
    }
}

/// The path of the control socket.
pub fn socket_of(config: &Config) -> PathBuf {
    config.control.socket.clone().unwrap_or_else(|| config.data_dir.join("tollgate.sock"))
}

/// The engine that runs on this data directory, if one does.
pub async fn attach(place: &Place, read_only: bool) -> Result<Option<Attached>, CliError> {
    match Attached::connect(&place.socket, read_only, this_person().as_stated).await {
        Ok(attached) => Ok(Some(attached)),
        Err(error) if error.is_not_running() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A link for a command: to the running engine, else to the store opened for a moment.
pub async fn open(global: &Global, need: Need, terminal: &mut Terminal) -> Result<Arc<dyn Link>, CliError> {
    if need == Need::Act && global.read_only {
        return Err(CliError::Usage(
            "nothing was done: this command changes something, and --read-only is given".into(),
        ));
    }
    let place = place(global)?;
    if let Some(attached) = attach(&place, global.read_only).await? {
        if let Some(notice) = attached.notice() {
            terminal.note(&format!("note: {notice}"));
        }
        return Ok(Arc::new(attached));
    }
    let service = offline(place.config.as_ref(), &place.data_dir).await?;
    Ok(Arc::new(InProcess { service, person: this_person(), read_only: global.read_only }))
}

/// The store as a service, without an engine: it answers, records decisions, and lets go when it is dropped.
async fn offline(config: Option<&Config>, data_dir: &Path) -> Result<Arc<dyn Service>, CliError> {
    let shown = data_dir.display();
    let Some(config) = config else {
        let what = format!(
            "no engine runs on this data directory ({shown}), and without a configuration its store cannot be opened; name one with --config"
        );
        return Err(CliError::NoEngine(what));
    };
    if !data_dir.join("tollgate.redb").exists() {
        let what = format!("nothing is there yet: no engine has ever run on {shown}; start one with `tollgate run`");
        return Err(CliError::NoEngine(what));
    }
    Ok(Arc::new(super::compose::offline(config.clone()).await?))
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::super::exit::Exit;
    use super::super::output::testing::terminal;
    use super::super::{Json, queue, status};
    use super::*;
    use crate::control::fake::FakeService;
    use crate::control::{Access, Server};

    fn global(data_dir: &Path) -> Global {
        Global { data_dir: Some(data_dir.to_owned()), ..Global::default() }
    }

    #[tokio::test]
    async fn a_command_that_changes_something_is_refused_when_read_only() {
        let temp = tempfile::tempdir().unwrap();
        let global = Global { read_only: true, ..global(temp.path()) };
        let (mut terminal, _, _) = terminal(None);
        let error = open(&global, Need::Act, &mut terminal).await.err().unwrap();
        assert!(error.to_string().contains("--read-only"), "{error}");
    }

    #[tokio::test]
    async fn a_command_reaches_the_engine_that_runs_on_the_data_directory() {
        let temp = tempfile::tempdir().unwrap();
        let global = global(temp.path());
        let (mut term, out, _) = terminal(None);
        let error = open(&global, Need::Look, &mut term).await.err().unwrap();
        assert!(error.to_string().contains("no engine runs on this data directory"), "{error}");

        let server = Server::bind(&place(&global).unwrap().socket, Access::owner_only()).unwrap();
        let (service, shutdown) = (FakeService::new(), CancellationToken::new());
        let serving = tokio::spawn(server.run(service.clone(), shutdown.clone()));
        let link = open(&global, Need::Act, &mut term).await.unwrap();
        let args = status::StatusArgs { json: Json { json: true } };
        assert_eq!(status::run(&args, link.as_ref(), &mut term).await.unwrap(), Exit::Done);
        assert!(out.text().contains("\"jaggaer\":\"acme\""), "{}", out.text());
        let resume = queue::QueueCommand::Resume(queue::ResumeArgs { json: Json::default() });
        queue::run(&resume, link.as_ref(), &mut term).await.unwrap();
        assert_eq!(service.told().len(), 1);
        shutdown.cancel();
        serving.await.unwrap();
    }

    #[test]
    fn a_data_directory_alone_is_enough_to_find_the_socket() {
        let temp = tempfile::tempdir().unwrap();
        let found = place(&global(temp.path())).unwrap();
        assert_eq!(found.socket, temp.path().join("tollgate.sock"));
        let named = Global { config: Some(temp.path().join("none.toml")), ..global(temp.path()) };
        assert!(place(&named).is_err(), "a configuration that was named has to be there");
    }
}
