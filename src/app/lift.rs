//! The lifting of a stop, which is an operation of its own: somebody asks, a second person agrees.

use super::{
    authority::Freshness,
    desk::{Desk, Inquiry, say},
    submit::New,
};
use crate::{
    domain::{
        operation::{Operation as Record, State},
        operations::{Operation, resume},
        plan::Fact,
        text::escape,
    },
    ports::{
        chat::{Level, Reply},
        store::{Filter, Lock, Stop, StoreError},
    },
};

impl Desk {
    /// `/bbws resume [env]`: asks for a second person to lift what is stopped.
    pub(super) async fn resume(
        &self,
        ask: &Inquiry,
        environment: Option<&str>,
        reason: Option<String>,
    ) -> Result<Reply, StoreError> {
        let in_force: Vec<Stop> = self.store.stops().await?;
        let scope = environment.unwrap_or("*");
        let lifted: Vec<&Stop> = in_force.iter().filter(|s| scope == "*" || s.scope == scope).collect();
        if lifted.is_empty() {
            let reply = match (environment, in_force.iter().find(|s| s.scope == "*")) {
                (Some(env), Some(stop)) => say(
                    Level::Warning,
                    format!(
                        "`{env}` itself is not stopped, but everything is, by <@{}>: {}. Lift that with `/bbws resume`.",
                        stop.by,
                        escape(&stop.reason)
                    ),
                ),
                _ => say(
                    Level::Info,
                    "Nothing is stopped there, so there is nothing to resume. A single stopped operation has its own Resume button.",
                ),
            };
            return self.refuse_ask(ask, reply).await;
        }
        let mut facts: Vec<Fact> = lifted.iter().map(|s| stop_fact(s)).collect();
        for op in self.stopped_operations(environment).await? {
            facts.push(Fact { subject: format!("Operation {}", op.id), found: "goes on where it halted".to_owned() });
        }
        self.ask_to_resume(ask, scope, scope, facts, reason).await
    }

    /// The Resume button of a stopped operation: asks for a second person to let it go on.
    pub(super) async fn resume_stopped(&self, ask: &Inquiry, op: &Record) -> Result<Reply, StoreError> {
        if let Some(stop) = self.stop_of(op.environment()).await? {
            let what = if stop.scope == "*" { String::new() } else { format!(" {}", stop.scope) };
            let text = format!(
                "{} is stopped together with its environment. `/bbws resume{what}` asks a second person to lift that stop.",
                op.id
            );
            return self.refuse_ask(ask, say(Level::Warning, text)).await;
        }
        let (who, why) =
            op.halt.as_ref().map_or(("somebody", ""), |h| (h.by.as_str(), h.reason.as_deref().unwrap_or("")));
        let facts = vec![Fact {
            subject: format!("Operation {}", op.id),
            found: format!("stopped by {who} {why}").trim_end().to_owned(),
        }];
        self.ask_to_resume(ask, &op.id.0, op.environment(), facts, None).await
    }

    async fn ask_to_resume(
        &self,
        ask: &Inquiry,
        scope: &str,
        environment: &str,
        facts: Vec<Fact>,
        reason: Option<String>,
    ) -> Result<Reply, StoreError> {
        let requester = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let lifting: &dyn Operation = &resume::Resume;
        let open = Filter {
            environment: None,
            states: vec![State::AwaitingApproval, State::Queued, State::Running],
            limit: 200,
        };
        let same =
            self.store.list(&open).await?.into_iter().find(|op| op.kind() == lifting.kind() && op.plan.scope == scope);
        if let Some(op) = same {
            let text = format!(
                "{} already asks for that. Somebody other than <@{}> has to approve it.",
                op.id, op.requester.user
            );
            return self.refuse_ask(ask, say(Level::Warning, text)).await;
        }
        let id = self.fresh_id(lifting.prefix()).await?;
        let environment_word = (scope != "*").then(|| environment.to_owned());
        let command = resume::command(environment_word.as_deref(), reason.as_deref()).canonical();
        let plan = resume::plan(scope, environment, facts);
        let needs = self.planner.needs(&plan);
        let created = self.clock.now();
        let new = New { id, plan, needs, requester, reason, command, created, lock: Lock::Keep, mandate: None };
        self.create(ask, new).await
    }

    async fn stopped_operations(&self, environment: Option<&str>) -> Result<Vec<Record>, StoreError> {
        let filter = Filter { environment: environment.map(str::to_owned), states: vec![State::Stopped], limit: 200 };
        let stopped = self.store.list(&filter).await?;
        Ok(stopped.into_iter().filter(|op| op.gave_way().is_none()).collect())
    }
}

fn stop_fact(stop: &Stop) -> Fact {
    let what = if stop.scope == "*" { "everything".to_owned() } else { stop.scope.clone() };
    Fact { subject: format!("Stop of {what}"), found: format!("by {} at {}: {}", stop.by, stop.at, stop.reason) }
}
