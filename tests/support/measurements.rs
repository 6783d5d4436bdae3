//! AWS whose measurements a test can dictate; everything else is the simulated one.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bbws::{
    domain::{
        environment::Environment,
        lag::{Component, JobTrouble, Measurements, Side},
        moment::Moment,
        point::PointKind,
    },
    ports::{
        clock::Clock,
        cloud::{
            Call, Cloud, CloudError, KeyFound, LeftOut, Pages, PointQuery, Probe, Progress, Started, Survey, Windows,
            World,
        },
    },
};

/// How measurements are made at a time.
type Dictation = Box<dyn Fn(Moment) -> Result<Measurements, CloudError> + Send>;

/// The simulated AWS with dictated measurements.
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
        measurements: impl Fn(Moment) -> Result<Measurements, CloudError> + Send + 'static,
    ) {
        self.said.lock().unwrap().insert(environment.to_owned(), Box::new(measurements));
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
    async fn windows(&self, environment: &Environment, requester: &str) -> Windows {
        self.inner.windows(environment, requester).await
    }
    async fn keys(&self, environment: &Environment, requester: &str) -> Vec<KeyFound> {
        self.inner.keys(environment, requester).await
    }
    async fn measurements(&self, environment: &Environment, requester: &str) -> Result<Measurements, CloudError> {
        let now = self.clock.now();
        self.looks.lock().unwrap().push_back((environment.name.clone(), now));
        let said = self.said.lock().unwrap().get(&environment.name).map(|dictation| dictation(now));
        match said {
            Some(said) => said,
            None => self.inner.measurements(environment, requester).await,
        }
    }
    async fn readiness(
        &self,
        environment: &Environment,
        active: &bbws::domain::active::Active,
        requester: &str,
    ) -> Result<bbws::domain::readiness::Readiness, CloudError> {
        self.inner.readiness(environment, active, requester).await
    }
    async fn serving(
        &self,
        environment: &Environment,
        active: &bbws::domain::active::Active,
        requester: &str,
    ) -> Result<Vec<bbws::domain::serving::Looked>, CloudError> {
        self.inner.serving(environment, active, requester).await
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
pub fn healthy(at: Moment) -> Measurements {
    let safe = Moment(at.0 - 60_000);
    let component =
        |kind, resource: &str, side| Component { kind, resource: resource.to_owned(), side, safe: Ok(safe) };
    Measurements {
        at,
        components: vec![
            component(PointKind::Rds, "bbws-prod-mysql", Side::Primary),
            component(PointKind::Efs, "fs-0900d000000000001", Side::Primary),
            component(PointKind::Rds, "bbws-prod-mysql", Side::Dr),
            component(PointKind::Efs, "fs-0900d000000000001", Side::Dr),
        ],
        jobs: Ok(BTreeMap::new()),
        trouble: Ok(Vec::new()),
        places: ["region af-south-1", "vault bbws-prod", "region eu-west-1", "DR vault bbws-prod-dr"]
            .map(|name| (name.to_owned(), Ok("it answers".to_owned())))
            .to_vec(),
        existing: Ok(Vec::new()),
        plans: Ok(Vec::new()),
        gaps: Ok(Vec::new()),
    }
}

/// The same, with this component as it is said.
pub fn with(mut measurements: Measurements, kind: PointKind, side: Side, safe: Result<Moment, String>) -> Measurements {
    let found = measurements.components.iter_mut().find(|c| c.kind == kind && c.side == side);
    found.expect("the component exists").safe = safe;
    measurements
}

/// The same, with this place not usable.
pub fn without(mut measurements: Measurements, place: &str, why: &str) -> Measurements {
    let found = measurements.places.iter_mut().find(|(name, _)| name == place);
    found.expect("the place exists").1 = Err(why.to_owned());
    measurements
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
