//! Answers that this AWS would not give by itself, for whoever wants to know what is made of them. Unlike faults they are no
//! part of what is kept on disk: they end with the process.

use std::{fmt, sync::Arc};

use serde_json::Value;

use super::{
    Target,
    api::{Refusal, Reply, Request},
    faults::Asked,
};

/// What becomes of an answer. Of those that fit a request, the first that replaces the answer does, and then all that edit it
/// do, in the order in which they were put in wait.
#[derive(Clone)]
pub enum Override {
    /// A refusal in the service's own words; the request is not carried out.
    Refused(Refusal),
    /// This instead; the request is not carried out.
    Instead(Reply),
    /// The request is carried out, and its answer is edited.
    Edited(Edit),
}

/// Changes an answer, or only looks at it and at its request.
pub type Edit = Arc<dyn Fn(&Request, &mut Reply) + Send + Sync>;

impl Override {
    /// Edits the whole answer.
    pub fn edit(edit: impl Fn(&Request, &mut Reply) + Send + Sync + 'static) -> Override {
        Override::Edited(Arc::new(edit))
    }

    /// Edits the answer of a service that speaks JSON. What is no JSON stays as it is.
    pub fn json(edit: impl Fn(&mut Value) + Send + Sync + 'static) -> Override {
        Override::edit(move |_, reply| {
            if let Ok(mut fields) = serde_json::from_slice(&reply.body) {
                edit(&mut fields);
                reply.body = fields.to_string().into();
            }
        })
    }

    /// Edits the answer of a service that speaks XML.
    pub fn xml(edit: impl Fn(&str) -> String + Send + Sync + 'static) -> Override {
        Override::edit(move |_, reply| reply.body = edit(&String::from_utf8_lossy(&reply.body)).into())
    }
}

impl fmt::Debug for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Override::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
            Override::Instead(reply) => f.debug_tuple("Instead").field(reply).finish(),
            Override::Edited(_) => f.write_str("Edited"),
        }
    }
}

/// Overrides in waiting.
#[derive(Debug, Default)]
pub(super) struct Overrides(Vec<(Target, Override)>);

/// Those that are due for one request.
#[derive(Debug, Default)]
pub(super) struct Due(Vec<Override>);

impl Overrides {
    pub(super) fn put(&mut self, target: Target, what: Override) {
        self.0.push((target, what));
    }

    /// Counts a request.
    pub(super) fn due(&mut self, asked: &Asked<'_>) -> Due {
        let mut due = Vec::new();
        self.0.retain_mut(|(target, what)| {
            if target.hits(asked) {
                due.push(what.clone());
            }
            !target.is_spent()
        });
        Due(due)
    }
}

impl Due {
    /// What is answered without asking the service.
    pub(super) fn instead(&self, request: &Request, id: &str) -> Option<(Reply, Option<String>)> {
        self.0.iter().find_map(|what| match what {
            Override::Refused(refusal) => {
                let reply = request.protocol().refuse(request.service, refusal, id);
                Some((reply, Some(refusal.code.clone())))
            }
            Override::Instead(reply) => Some((reply.clone(), None)),
            Override::Edited(_) => None,
        })
    }

    /// Edits the answer.
    pub(super) fn edit(&self, request: &Request, reply: &mut Reply) {
        for what in &self.0 {
            if let Override::Edited(edit) = what {
                edit(request, reply);
            }
        }
    }
}
