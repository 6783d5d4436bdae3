//! What happens in the ledger alone, in one transaction with the end of its step.

use serde::{Deserialize, Serialize};

use super::Parameters;
use crate::domain::{
    mark::{Mark, MarkKind},
    moment::Moment,
};

/// Remembers something of a recovery point, an instance or an archive. Happens in the ledger, not in AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remember {
    /// What is remembered.
    pub mark: MarkKind,
    /// Of what.
    pub subject: String,
    /// With what: a ticket, a period, a time to live.
    pub note: String,
}

impl Remember {
    /// The mark that it leaves.
    pub fn written(&self, environment: &str, operation: &str, at: Moment) -> Mark {
        Mark {
            environment: environment.to_owned(),
            kind: self.mark,
            subject: self.subject.clone(),
            note: self.note.clone(),
            operation: operation.to_owned(),
            at,
        }
    }
}

impl Parameters for Remember {
    fn region(&self) -> Option<&str> {
        None
    }

    fn resource(&self) -> &str {
        &self.subject
    }

    fn label(&self) -> &'static str {
        "Write down"
    }
}

/// Forgets a mark. Happens in the ledger, not in AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forget {
    /// What was remembered.
    pub mark: MarkKind,
    /// Of what.
    pub subject: String,
}

impl Parameters for Forget {
    fn region(&self) -> Option<&str> {
        None
    }

    fn resource(&self) -> &str {
        &self.subject
    }

    fn label(&self) -> &'static str {
        "Write down"
    }
}

/// Lifts a stop. Happens in the ledger, not in AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearStop {
    /// `*`, an environment's name or an operation's id.
    pub scope: String,
}

impl Parameters for ClearStop {
    fn region(&self) -> Option<&str> {
        None
    }

    fn resource(&self) -> &str {
        &self.scope
    }

    fn label(&self) -> &'static str {
        "Lift stops"
    }
}
