//! Tools of the data plane: what speaks to that which lies in AWS and which no API of AWS tells of.

use std::{fmt, sync::Arc};

use super::background::Carry;
use crate::adapters::{
    archive::{DumpPrograms, Dumper},
    files::{self, FileSystems},
    sql::{self, Databases},
};

/// One of each.
#[derive(Clone)]
pub struct Tools {
    /// Asks database servers.
    pub databases: Arc<dyn Databases>,
    /// Dumps them.
    pub dumper: Arc<dyn Dumper>,
    /// Looks into file systems.
    pub file_systems: Arc<dyn FileSystems>,
    /// What work in the background is given of the task that begins it.
    pub carry: Option<Carry>,
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tools { databases, dumper, file_systems, carry: _ } = self;
        f.debug_list().entry(databases).entry(dumper).entry(file_systems).finish()
    }
}

/// Servers that can be reached from here, and the dump programs on this machine.
impl Default for Tools {
    fn default() -> Tools {
        Tools {
            databases: Arc::new(sql::Servers),
            dumper: Arc::new(DumpPrograms),
            file_systems: Arc::new(files::Servers),
            carry: None,
        }
    }
}
