//! Reports: begun once under the step's token, worked out beside everything else, and asked after by polls.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::FutureExt as _;
use tokio::task::JoinHandle;

use super::{Begun, Executor, Task, amiss, aws::Aws};
use crate::{
    app::reports,
    ports::{
        cloud::{Call, Cloud, CloudError, Probe, Progress},
        store::Store,
    },
};

/// A report may take so long: a hundred thousand recovery points are some hundred pages.
const REPORT: Duration = Duration::from_secs(900);

/// A report under way: when it was begun, and its task.
type UnderWay = (Instant, JoinHandle<Result<Progress, CloudError>>);

/// Works out reports. What ends with the process is begun again by the next.
pub struct Reports {
    aws: Aws,
    cloud: Arc<dyn Cloud>,
    store: Arc<dyn Store>,
    under_way: Mutex<HashMap<String, UnderWay>>,
}

impl Reports {
    pub(super) fn new(aws: Aws, cloud: Arc<dyn Cloud>, store: Arc<dyn Store>) -> Reports {
        Reports { aws, cloud, store, under_way: Mutex::default() }
    }

    /// Begins a report, or answers how far the one is that was begun under the same token.
    fn ask(&self, call: Call) -> Result<Progress, CloudError> {
        let mut reports = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        reports.retain(|_, (begun, _)| begun.elapsed() < REPORT * 2);
        let token = call.token.clone();
        let busy = Ok(Progress::Running { percent: None, detail: "reading".to_owned() });
        match reports.remove(&token) {
            Some((_, task)) if task.is_finished() => {
                let lost = || Err(CloudError::Retryable { reason: "The report was lost.".to_owned(), after: None });
                task.now_or_never().and_then(Result::ok).unwrap_or_else(lost)
            }
            Some(under_way) => {
                reports.insert(token, under_way);
                busy
            }
            None => {
                let (cloud, store) = (self.cloud.clone(), self.store.clone());
                let task = tokio::spawn(async move { report(cloud, store, call).await });
                reports.insert(token, (Instant::now(), task));
                busy
            }
        }
    }
}

#[async_trait]
impl Executor for Reports {
    async fn probe(&self, _: &Task) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, task: &Task) -> Result<Begun, CloudError> {
        Err(amiss(task, "start"))
    }

    async fn poll(&self, tasks: &[Task]) -> Vec<Result<Progress, CloudError>> {
        self.aws.calls(tasks).await.into_iter().map(|call| call.and_then(|call| self.ask(call))).collect()
    }
}

async fn report(cloud: Arc<dyn Cloud>, store: Arc<dyn Store>, call: Call) -> Result<Progress, CloudError> {
    match tokio::time::timeout(REPORT, reports::look(cloud.as_ref(), store.as_ref(), &call)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a report could not be worked out");
            Err(CloudError::Retryable { reason: "The ledger does not answer.".to_owned(), after: None })
        }
        Err(_) => Err(CloudError::Unknown {
            reason: format!("AWS did not tell everything within {} minutes.", REPORT.as_secs() / 60),
        }),
    }
}
