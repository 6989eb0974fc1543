//! Building an engine: what it is made of, read and checked before anything starts.

use std::sync::Arc;

use crate::config::Config;
use crate::intacct::Gateway;
use crate::intacct::catalogue::Catalogue;
use crate::jaggaer::{Client, JaggaerError, Profile};
use crate::lane::{LaneOptions, VendorTools};
use crate::mapping::{MapOptions, ReferenceTable, Rules};
use crate::messages::LogRing;
use crate::model::{Company, Secret};
use crate::posting::{Evaluator, FreezeOptions};
use crate::seams::{Network, Seams};
use crate::store::{Store, StoreError};
use crate::vault::{Vault, VaultError};

/// The networks to both systems.
#[derive(Clone)]
pub struct Networks {
    /// To JAGGAER.
    pub jaggaer: Arc<dyn Network>,
    /// To Intacct.
    pub intacct: Arc<dyn Network>,
}

/// What an engine is made of.
pub struct Parts {
    /// Configuration.
    pub config: Config,
    /// Open store; the caller holds the data directory's lock.
    pub store: Store,
    /// Open vault.
    pub vault: Vault,
    /// Seams.
    pub seams: Seams,
    /// Networks.
    pub networks: Networks,
    /// The log's last lines.
    pub log: LogRing,
    /// How the configuration is read again, for `reload`.
    pub reread: Box<dyn Fn() -> Result<Config, String> + Send + Sync>,
}

/// Why an engine cannot be built. All of it is a configuration that cannot be used (exit code 2), but for the store.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Profile or mapping.
    #[error("{0}")]
    Faults(String),
    /// A secret is missing, or the vault cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The JAGGAER client.
    #[error(transparent)]
    Jaggaer(#[from] JaggaerError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another engine holds the data directory.
    #[error("another engine holds this data directory: process {}", pid.map_or("unknown".to_owned(), |pid| pid.to_string()))]
    Locked {
        /// Its process.
        pid: Option<u32>,
    },
    /// The store belongs to other systems.
    #[error("{0}")]
    Identity(String),
}

/// The three secrets.
pub struct Credentials {
    /// `jaggaer.client_secret`
    pub jaggaer: Secret,
    /// `intacct.sender_password` and `intacct.user_password`
    pub intacct: crate::intacct::Credentials,
}

impl Credentials {
    /// Takes them from the vault; a missing one is named with the command that sets it.
    pub fn from_vault(vault: &Vault) -> Result<Credentials, VaultError> {
        Ok(Credentials {
            jaggaer: vault.require("jaggaer.client_secret")?,
            intacct: crate::intacct::Credentials {
                sender_password: vault.require("intacct.sender_password")?,
                user_password: vault.require("intacct.user_password")?,
            },
        })
    }
}

/// The profile that the configuration names.
pub fn profile(config: &Config) -> Result<Arc<Profile>, BuildError> {
    Profile::load(&config.jaggaer.profile).map(Arc::new).map_err(|faults| BuildError::Faults(list(&faults)))
}

/// The mapping that the configuration names.
pub fn rules(config: &Config) -> Result<Arc<Rules>, BuildError> {
    Rules::load(&config.posting.mapping).map(Arc::new).map_err(|faults| BuildError::Faults(list(&faults)))
}

fn list<T: std::fmt::Display>(faults: &[T]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The evaluator of a configuration.
pub fn evaluator(
    config: &Config,
    profile: Arc<Profile>,
    rules: Arc<Rules>,
    reference: ReferenceTable,
    vault: &Vault,
) -> Evaluator {
    let freeze = FreezeOptions {
        company: company(config),
        mark_field: config.posting.mark_field.clone(),
        description_length: config.intacct.description_length,
        mapping: rules.version().to_owned(),
    };
    let options = MapOptions {
        bill_number_length: config.intacct.bill_number_length,
        from: config.posting.from,
        closed_through: config.posting.closed_through.clone(),
        base_currency: config.intacct.base_currency,
        action: config.posting.action,
        entity: config.intacct.entity.clone(),
        explain: false,
    };
    Evaluator { profile, rules, reference, cipher: vault.cipher(), options, freeze }
}

/// The company that is posted into.
pub fn company(config: &Config) -> Company {
    Company { id: config.intacct.company_id.clone(), entity: config.intacct.entity.clone() }
}

/// The JAGGAER client.
pub fn client(
    config: &Config,
    profile: Arc<Profile>,
    networks: &Networks,
    seams: &Seams,
    secret: Secret,
) -> Result<Client, JaggaerError> {
    Client::new(config.jaggaer.clone(), profile, networks.jaggaer.clone(), seams.clone(), secret)
}

/// The catalogue of errors, with the company's own in front.
pub fn catalogue(config: &Config) -> Result<Catalogue, BuildError> {
    let Some(path) = &config.intacct.error_catalogue else { return Ok(Catalogue::builtin()) };
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| BuildError::Faults(format!("{shown}: cannot be read: {error}")))?;
    Catalogue::with_file(&text).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("{shown}:{}: {}", fault.line, fault.what)).collect();
        BuildError::Faults(lines.join("\n"))
    })
}

/// The gateway.
pub fn gateway(
    config: &Config,
    networks: &Networks,
    seams: &Seams,
    credentials: crate::intacct::Credentials,
) -> Result<Gateway, BuildError> {
    let (network, catalogue) = (networks.intacct.clone(), catalogue(config)?);
    Ok(Gateway::new(config.intacct.clone(), network, seams.clone(), credentials, catalogue))
}

/// The lane's options.
pub fn lane_options(config: &Config, epoch: u64, vendors: VendorTools) -> LaneOptions {
    LaneOptions {
        mark_field: config.posting.mark_field.clone(),
        entity: config.intacct.entity.clone(),
        quiet_time: config.posting.quiet_time(),
        read_lag: config.posting.read_lag,
        max_in_flight: config.intacct.max_in_flight,
        functions_per_request: config.intacct.functions_per_request,
        epoch,
        vendors,
    }
}
