//! Says to the judge for which step everything is that an adapter asks of AWS.

use std::sync::Arc;

use async_trait::async_trait;

use super::judge::{AskedStep, Asker, Verb, asking};
use crate::{
    domain::{active::Active, datum::Datum, environment::Environment, moment::Moment, serving::Looked},
    ports::{
        alert::{Alerts, Topic},
        cloud::{
            Call, Cloud, CloudError, KeyFound, LeftOut, Measurements, Pages, PointQuery, Probe, Progress, Readiness,
            Started, Survey, Windows, World,
        },
    },
};

/// An adapter whose requests bear the step they are made for.
#[derive(Debug)]
pub struct Attributed<C>(pub Arc<C>);

fn nobody(verb: Verb) -> Asker {
    Asker { verb, steps: Vec::new() }
}

fn asker(verb: Verb, calls: &[Call]) -> Asker {
    let step = |call: &Call| AskedStep {
        operation: call.operation.clone(),
        step: call.step,
        kind: call.action.kind(),
        token: call.token.clone(),
    };
    Asker { verb, steps: calls.iter().map(step).collect() }
}

#[async_trait]
impl<C: Cloud> Cloud for Attributed<C> {
    async fn survey(&self, environment: &Environment, ask: &Survey, requester: &str) -> Result<World, CloudError> {
        asking(nobody(Verb::Survey), self.0.survey(environment, ask, requester)).await
    }

    async fn points(
        &self,
        environment: &Environment,
        query: &PointQuery,
        requester: &str,
        page: &mut Pages<'_>,
    ) -> Result<LeftOut, CloudError> {
        asking(nobody(Verb::Points), self.0.points(environment, query, requester, page)).await
    }

    async fn windows(&self, environment: &Environment, requester: &str) -> Windows {
        asking(nobody(Verb::Points), self.0.windows(environment, requester)).await
    }

    async fn keys(&self, environment: &Environment, requester: &str) -> Vec<KeyFound> {
        asking(nobody(Verb::Points), self.0.keys(environment, requester)).await
    }

    async fn measurements(&self, environment: &Environment, requester: &str) -> Result<Measurements, CloudError> {
        asking(nobody(Verb::Measurements), self.0.measurements(environment, requester)).await
    }

    async fn readiness(
        &self,
        environment: &Environment,
        active: &Active,
        requester: &str,
    ) -> Result<Readiness, CloudError> {
        asking(nobody(Verb::Measurements), self.0.readiness(environment, active, requester)).await
    }

    async fn serving(
        &self,
        environment: &Environment,
        active: &Active,
        requester: &str,
    ) -> Result<Vec<Looked>, CloudError> {
        asking(nobody(Verb::Measurements), self.0.serving(environment, active, requester)).await
    }

    async fn probe(&self, call: &Call) -> Result<Probe, CloudError> {
        asking(asker(Verb::Probe, std::slice::from_ref(call)), self.0.probe(call)).await
    }

    async fn start(&self, call: &Call) -> Result<Started, CloudError> {
        asking(asker(Verb::Start, std::slice::from_ref(call)), self.0.start(call)).await
    }

    async fn poll(&self, calls: &[Call]) -> Vec<Result<Progress, CloudError>> {
        asking(asker(Verb::Poll, calls), self.0.poll(calls)).await
    }
}

#[async_trait]
impl<C: Alerts> Alerts for Attributed<C> {
    async fn publish(
        &self,
        environment: &Environment,
        topic: Topic,
        subject: &str,
        body: &str,
    ) -> Result<(), CloudError> {
        asking(nobody(Verb::Publish), self.0.publish(environment, topic, subject, body)).await
    }

    async fn measure(
        &self,
        environment: &Environment,
        namespace: &str,
        at: Moment,
        data: &[Datum],
    ) -> Result<(), CloudError> {
        asking(nobody(Verb::Publish), self.0.measure(environment, namespace, at, data)).await
    }
}
