//! By which rules pairs are evaluated: the configuration, what the profile can do, what persons let start and made rules of.

use sha2::{Digest, Sha256};

use crate::config::{Config, Mode, VendorKey};
use crate::intacct::vendor::VendorForm;
use crate::jaggaer::Profile;
use crate::model::{Actor, MasterField, PairId, Timestamp};
use crate::store::{Meta, Reader, StoreError, Tx, VendorOverrides, VendorStart};
use crate::vendors::{Comparing, Context, MatchKey, Policies, Seeing, Started};

/// What of the rules is configured.
#[derive(Clone, Debug)]
pub struct Base {
    policies: Policies,
    /// What is no difference.
    pub comparing: Comparing,
    /// What links by itself.
    pub key: MatchKey,
    /// Whether suppliers are read from JAGGAER at all.
    pub reads_jaggaer: bool,
    /// Whether JAGGAER can be written.
    pub writes_jaggaer: bool,
    /// Whether new suppliers may become vendors.
    pub creates: bool,
    /// Whether the configuration lets anything be written.
    pub posts: bool,
    /// How Intacct is asked and written.
    pub form: VendorForm,
}

impl Base {
    /// What a configuration and its profile say.
    pub fn new(config: &Config, profile: &Profile) -> Base {
        let vendors = &config.vendors;
        let policies = vendors.policy.iter().map(|(field, policy)| (*field, *policy));
        Base {
            policies: Policies::new(policies, Some(vendors.inactive))
                .leaving(MasterField::ALL.into_iter().filter(|field| !profile.writes_supplier_field(*field))),
            comparing: Comparing { street_words: vendors.street_words },
            key: match vendors.key {
                VendorKey::Number => MatchKey::Number,
                VendorKey::Nothing => MatchKey::Nothing,
            },
            reads_jaggaer: profile.reads_suppliers(),
            writes_jaggaer: vendors.write_jaggaer && profile.writes_suppliers(),
            creates: vendors.create,
            posts: config.posting.mode == Mode::Post,
            form: VendorForm { leave_out: vendors.leave_out.clone(), country_code: vendors.country_code },
        }
    }

    /// Changes with everything of it by which a pair may come to something else.
    pub fn fingerprint(&self) -> String {
        let Base { policies, comparing, key, writes_jaggaer, creates, posts, form, reads_jaggaer: _ } = self;
        let parts = format!("{policies:?} {comparing:?} {key:?} {writes_jaggaer} {creates} {posts} {form:?}");
        let digest = Sha256::digest(format!("{}\n{parts}", env!("CARGO_PKG_VERSION")));
        data_encoding::HEXLOWER.encode(&digest)
    }

    /// With what persons said, as a transaction sees it.
    pub fn in_tx(&self, tx: &Tx<'_>) -> Result<Rules, StoreError> {
        Ok(self.with(tx.meta(Meta::VendorOverrides)?, tx.meta(Meta::VendorStart)?, tx.meta(Meta::FirstMeeting)?))
    }

    /// The same for a reader.
    pub fn in_reader(&self, reader: &Reader) -> Result<Rules, StoreError> {
        let start = reader.meta(Meta::VendorStart)?;
        Ok(self.with(reader.meta(Meta::VendorOverrides)?, start, reader.meta(Meta::FirstMeeting)?))
    }

    fn with(&self, overrides: Option<VendorOverrides>, start: Option<VendorStart>, next: Option<u64>) -> Rules {
        let overrides = overrides.unwrap_or_default();
        let overrides = overrides.into_iter().map(|(field, (policy, ..))| (field, policy));
        let started = start.filter(|_| self.posts).map(|start| Started {
            next: PairId(next.unwrap_or_default()),
            creates: start.creates && self.creates,
            fields: start.fields,
        });
        Rules { policies: self.policies.clone().overridden(overrides), started, base: self.clone() }
    }

    /// Who reads records of a master, and when.
    pub fn seeing(&self, at: Timestamp, who: Actor) -> Seeing {
        Seeing { at, who, comparing: self.comparing }
    }
}

/// All rules of one moment.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What is configured.
    pub base: Base,
    /// Who decides.
    pub policies: Policies,
    /// What was let start.
    pub started: Option<Started>,
}

impl Rules {
    /// For evaluating a pair.
    pub fn context(&self, now: Timestamp) -> Context<'_> {
        Context {
            policies: &self.policies,
            comparing: &self.base.comparing,
            key: self.base.key,
            started: self.started.as_ref(),
            writes_jaggaer: self.base.writes_jaggaer,
            now,
        }
    }
}

#[cfg(test)]
impl Base {
    /// The defaults, with everything allowed.
    pub fn plain() -> Base {
        Base {
            policies: Policies::default(),
            comparing: Comparing::default(),
            key: MatchKey::Number,
            reads_jaggaer: true,
            writes_jaggaer: false,
            creates: true,
            posts: true,
            form: VendorForm::default(),
        }
    }
}
