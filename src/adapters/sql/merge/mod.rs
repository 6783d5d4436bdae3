//! One tenant's rows brought back into a live server: staged beside the live schema, compared, then swapped or merged, with a
//! way back.
//!
//! ```text
//! clone or loaded dump → stage (`<schema>__stage_<op>` in the live server) → compared with where it came from
//!   → difference by primary key → swap in one statement, or merge in one transaction → back
//! ```
//!
//! Nothing here reads a row into this process but to hand it on, and no sentence holds a value of one: only names, numbers of
//! rows, and ids where the primary key is one whole number.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;

use super::{
    Servers, Target,
    link::{Link, Mode, Uncommitted},
};
use crate::domain::step;
pub use crate::domain::step::Bring;

mod apply;
mod back;
mod copy;
mod difference;
mod fit;
mod layout;
mod others;
mod planned;
mod settle;
mod stage;
mod swap;
mod text;
mod transaction;

pub use difference::{Difference, TableDifference};
pub use others::{Sum, Sums, sums_of};
pub use stage::{Definitions, Section, Staged};

/// Tables that are copied or summed at once.
const AT_ONCE: usize = 4;

/// Whose rows, which of them, and for which operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant's schema in the live server.
    pub schema: String,
    /// Its tables, without schema; all when empty.
    pub tables: Vec<String>,
    /// The operation, by which everything it makes is named: `rs-12`.
    pub operation: String,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Hitch {
    /// It will not be done before somebody changes something. Nothing of the live schema was changed.
    #[error("{0}")]
    Refused(String),
    /// Nothing of the live schema was changed; it may work later.
    #[error("{0}")]
    Later(String),
    /// It may have been done; [`Tenants::state`] tells.
    #[error("{0}")]
    Unknown(String),
}

/// What the connection says of itself passes.
impl From<String> for Hitch {
    fn from(why: String) -> Hitch {
        Hitch::Later(why)
    }
}

impl From<Uncommitted> for Hitch {
    fn from(why: Uncommitted) -> Hitch {
        match why {
            Uncommitted::Refused(why) => Hitch::Later(format!("{why} Nothing was changed.")),
            Uncommitted::Unknown(why) => Hitch::Unknown(why),
        }
    }
}

fn refuse<T>(why: impl Into<String>) -> Result<T, Hitch> {
    Err(Hitch::Refused(why.into()))
}

/// What an operation has done to a tenant's schema, as the server shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// What was staged is there, and agreed with where it came from.
    pub staged: bool,
    /// The tables were swapped and have not been swapped back.
    pub swapped: bool,
    /// The tables were swapped back.
    pub unswapped: bool,
    /// The rows were merged and have not been taken back.
    pub merged: bool,
    /// The merged rows were taken back.
    pub unmerged: bool,
}

/// What a change of the live schema came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    /// Rows that were written into live tables, or tables that were swapped.
    pub count: u64,
    /// What happened, for people: parts of a sentence.
    pub found: Vec<String>,
    /// What a person should know although it went well.
    pub issues: Vec<String>,
}

impl Tenant {
    /// Where its rows are put beside the live ones.
    pub fn stage(&self) -> String {
        self.named("stage")
    }

    /// Where what was live before a swap is kept.
    pub fn before(&self) -> String {
        self.named("before")
    }

    /// Where what was live after a swap is kept once that was undone.
    pub fn undone(&self) -> String {
        self.named("undone")
    }

    /// What is needed to find out what was done, and to take it back.
    pub fn journal(&self) -> String {
        self.named("undo")
    }

    fn named(&self, what: &str) -> String {
        step::beside(&self.schema, what, &self.operation)
    }
}

/// Servers in which tenants have their rows, as far as restores change them.
#[async_trait]
pub trait Tenants: fmt::Debug + Send + Sync {
    /// See `stage::stage`. Begun again, it begins from nothing.
    ///
    /// # Errors
    /// See [`Hitch`].
    async fn stage(
        &self,
        from: &Target,
        live: &Target,
        tenant: &Tenant,
        bring: Bring,
        definitions: &dyn Definitions,
        tell: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Staged, Hitch>;

    /// What bringing the rows back would change. Changes nothing of the live schema.
    ///
    /// # Errors
    /// See [`Hitch`].
    async fn difference(&self, live: &Target, tenant: &Tenant, bring: Bring) -> Result<Difference, Hitch>;

    /// Swaps the staged tables for the live ones in one statement.
    ///
    /// # Errors
    /// See [`Hitch`].
    async fn swap(&self, live: &Target, tenant: &Tenant) -> Result<Done, Hitch>;

    /// Swaps them back.
    ///
    /// # Errors
    /// See [`Hitch`].
    async fn swap_back(&self, live: &Target, tenant: &Tenant) -> Result<Done, Hitch>;

    /// Merges rows back in one transaction. `agreed` are the rows to be written that people have seen, by table: more are
    /// not written without being seen.
    ///
    /// # Errors
    /// See [`Hitch`].
    async fn merge(
        &self,
        live: &Target,
        tenant: &Tenant,
        bring: Bring,
        agreed: &BTreeMap<String, u64>,
    ) -> Result<Done, Hitch>;

    /// Takes back what a merge wrote, as far as nobody changed it since.
    ///
    /// # Errors
    /// See [`Hitch`].
    async fn merge_back(&self, live: &Target, tenant: &Tenant) -> Result<Done, Hitch>;

    /// What was done already.
    ///
    /// # Errors
    /// A sentence for people.
    async fn state(&self, live: &Target, tenant: &Tenant) -> Result<State, String>;

    /// Sums of every table that is not the tenant's, by `schema.table`.
    ///
    /// # Errors
    /// A sentence for people.
    async fn others(&self, live: &Target, tenant: &Tenant) -> Result<Sums, String>;

    /// Drops what was staged. What a swap or a merge needs for its way back stays.
    ///
    /// # Errors
    /// A sentence for people.
    async fn clear(&self, live: &Target, tenant: &Tenant) -> Result<(), String>;
}

#[async_trait]
impl Tenants for Servers {
    async fn stage(
        &self,
        from: &Target,
        live: &Target,
        tenant: &Tenant,
        bring: Bring,
        definitions: &dyn Definitions,
        tell: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Staged, Hitch> {
        stage::stage(from, live, tenant, bring, definitions, tell).await
    }

    async fn difference(&self, live: &Target, tenant: &Tenant, bring: Bring) -> Result<Difference, Hitch> {
        difference::difference(live, tenant, bring).await
    }

    async fn swap(&self, live: &Target, tenant: &Tenant) -> Result<Done, Hitch> {
        swap::swap(live, tenant).await
    }

    async fn swap_back(&self, live: &Target, tenant: &Tenant) -> Result<Done, Hitch> {
        swap::back(live, tenant).await
    }

    async fn merge(
        &self,
        live: &Target,
        tenant: &Tenant,
        bring: Bring,
        agreed: &BTreeMap<String, u64>,
    ) -> Result<Done, Hitch> {
        apply::merge(live, tenant, bring, agreed).await
    }

    async fn merge_back(&self, live: &Target, tenant: &Tenant) -> Result<Done, Hitch> {
        back::back(live, tenant).await
    }

    async fn state(&self, live: &Target, tenant: &Tenant) -> Result<State, String> {
        settle::state(live, tenant).await
    }

    async fn others(&self, live: &Target, tenant: &Tenant) -> Result<Sums, String> {
        others::sums(live, tenant).await
    }

    async fn clear(&self, live: &Target, tenant: &Tenant) -> Result<(), String> {
        settle::clear(live, tenant).await
    }
}

/// Signs in to write. What it says of errors holds no value of a row.
async fn open(target: &Target) -> Result<Link, String> {
    Ok(Link::open(target, Mode::Write).await?.0.reticent())
}
