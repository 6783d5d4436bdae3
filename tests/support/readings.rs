//! AWS whose readings a test can dictate; everything else is the simulated one.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bbws::{
    domain::{
        environment::Environment,
        lag::{Component, JobTrouble, Leg, Readings},
        moment::Moment,
        point::PointKind,
    },
    ports::{
        clock::Clock,
        cloud::{Call, Cloud, CloudError, LeftOut, Pages, PointQuery, Probe, Progress, Started, Survey, World},
    },
};

/// How readings are made at a time.
type Dictation = Box<dyn Fn(Moment) -> Result<Readings, CloudError> + Send>;

/// The simulated AWS with dictated readings.
pub struct Dictated {
    inner: Arc<dyn Cloud>,
    clock: Arc<dyn Clock>,
    said: Arc<Mutex<BTreeMap<String, Dictation>>>,
    looks: Arc<Mutex<VecDeque<(String, Moment)>>>,
}

impl Dictated {
    /// Over this AWS; nothing is dictated yet.
    pub fn new(inner: Arc<dyn Cloud>, clock: Arc<dyn Clock>) -> Dictated {
        Dictated { inner, clock, said: Arc::default(), looks: Arc::default() }
    }

    /// The same dictation over the adapter of another process.
    pub fn over(&self, inner: Arc<dyn Cloud>) -> Dictated {
        Dictated { inner, clock: self.clock.clone(), said: self.said.clone(), looks: self.looks.clone() }
    }

    /// From now on.
    pub fn dictate(
        &self,
        environment: &str,
        readings: impl Fn(Moment) -> Result<Readings, CloudError> + Send + 'static,
    ) {
        self.said.lock().unwrap().insert(environment.to_owned(), Box::new(readings));
    }

    /// Looks at an environment so far.
    pub fn looks(&self, environment: &str) -> usize {
        self.looks.lock().unwrap().iter().filter(|(name, _)| name == environment).count()
    }
}

#[async_trait]
impl Cloud for Dictated {
    async fn survey(&self, environment: &Environment, ask: &Survey, requester: &str) -> Result<World, CloudError> {
        self.inner.survey(environment, ask, requester).await
    }
    async fn points(
        &self,
        environment: &Environment,
        query: &PointQuery,
        requester: &str,
        page: &mut Pages<'_>,
    ) -> Result<LeftOut, CloudError> {
        self.inner.points(environment, query, requester, page).await
    }
    async fn readings(&self, environment: &Environment, requester: &str) -> Result<Readings, CloudError> {
        let now = self.clock.now();
        self.looks.lock().unwrap().push_back((environment.name.clone(), now));
        let said = self.said.lock().unwrap().get(&environment.name).map(|dictation| dictation(now));
        match said {
            Some(said) => said,
            None => self.inner.readings(environment, requester).await,
        }
    }
    async fn probe(&self, call: &Call) -> Result<Probe, CloudError> {
        self.inner.probe(call).await
    }
    async fn start(&self, call: &Call) -> Result<Started, CloudError> {
        self.inner.start(call).await
    }
    async fn poll(&self, calls: &[Call]) -> Vec<Result<Progress, CloudError>> {
        self.inner.poll(calls).await
    }
}

/// A database and a file system in both regions, a minute behind, and nothing wrong.
pub fn healthy(at: Moment) -> Readings {
    let safe = Moment(at.0 - 60_000);
    let component = |kind, resource: &str, leg| Component { kind, resource: resource.to_owned(), leg, safe: Ok(safe) };
    Readings {
        at,
        components: vec![
            component(PointKind::Rds, "bbws-prod-mysql", Leg::Primary),
            component(PointKind::Efs, "fs-0900d000000000001", Leg::Primary),
            component(PointKind::Rds, "bbws-prod-mysql", Leg::Dr),
            component(PointKind::Efs, "fs-0900d000000000001", Leg::Dr),
        ],
        jobs: Ok(BTreeMap::new()),
        trouble: Ok(Vec::new()),
        places: ["region af-south-1", "vault bbws-prod", "region eu-west-1", "DR vault bbws-prod-dr"]
            .map(|name| (name.to_owned(), Ok("it answers".to_owned())))
            .to_vec(),
        existing: Ok(Vec::new()),
    }
}

/// The same, with this component as it is said.
pub fn with(mut readings: Readings, kind: PointKind, leg: Leg, safe: Result<Moment, String>) -> Readings {
    let found = readings.components.iter_mut().find(|c| c.kind == kind && c.leg == leg);
    found.expect("the component exists").safe = safe;
    readings
}

/// The same, with this place not usable.
pub fn without(mut readings: Readings, place: &str, why: &str) -> Readings {
    let found = readings.places.iter_mut().find(|(name, _)| name == place);
    found.expect("the place exists").1 = Err(why.to_owned());
    readings
}

/// A backup job that ended so.
pub fn ended(id: &str, resource: &str, state: &str, at: Moment) -> JobTrouble {
    JobTrouble {
        id: id.to_owned(),
        what: "backup".to_owned(),
        resource: resource.to_owned(),
        region: "af-south-1".to_owned(),
        state: state.to_owned(),
        at,
        message: "Backup job failed because <the> vault was `locked` & busy".to_owned(),
    }
}
