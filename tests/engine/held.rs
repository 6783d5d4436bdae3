//! What a backup holds next to what the one before it held: who sees less than before does not say that all is well.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use bbws::{
    app::executors::Executors,
    domain::{
        environment::Environment,
        mark::MarkKind,
        operation::State,
        step::{Action, ISSUE, StepState},
    },
    ports::{
        chat::{Content, Level},
        cloud::{
            Call, Cloud, CloudError, KeyFound, LeftOut, Measurements, Pages, PointQuery, Probe, Progress, Started,
            Survey, Windows, World,
        },
        store::Store as _,
    },
};

use crate::support::{chat::Posted, rig::Rig};

/// AWS, and a database whose backups hold as many tables as the test says; what it restores, it restores with AWS's words.
struct Tables {
    inner: Arc<dyn Cloud>,
    count: Arc<AtomicU64>,
}

/// What AWS says of a restore that is COMPLETED all the same.
const WORDS: &str = "3 of 812 files could not be restored";

#[async_trait]
impl Cloud for Tables {
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
        self.inner.measurements(environment, requester).await
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
        let mut answers = self.inner.poll(calls).await;
        for (call, answer) in calls.iter().zip(&mut answers) {
            let Ok(Progress::Done { outputs, .. }) = answer else { continue };
            match call.action {
                Action::RestoreTest(_) | Action::RestoreFiles(_) => {
                    outputs.insert(ISSUE.to_owned(), WORDS.to_owned());
                }
                _ if call.action.mutates() => {}
                _ => {
                    outputs.insert("tables".to_owned(), self.count.load(Ordering::SeqCst).to_string());
                }
            }
        }
        answers
    }
}

/// A rig whose engine sees such a database, and how many tables that has.
async fn rig() -> (Rig, Arc<AtomicU64>) {
    with_tables(Rig::sqlite().await)
}

fn with_tables(mut rig: Rig) -> (Rig, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(40));
    let cloud = Arc::new(Tables { inner: rig.seen.clone(), count: count.clone() });
    let environments = rig.config.environments.iter();
    let environments = environments.map(|(name, env)| (name.clone(), Arc::new(env.clone()))).collect();
    rig.process.engine.executors = Executors::new(
        cloud,
        rig.chat.clone(),
        rig.process.store.clone(),
        rig.process.engine.clock.clone(),
        environments,
    );
    (rig, count)
}

fn level(posted: &Posted) -> Option<Level> {
    match &posted.message.content {
        Content::Line { level, .. } => Some(*level),
        Content::Card(_) => None,
    }
}

/// The first of these, as it stands in JSON.
fn less(issues: &[(&str, &str)]) -> String {
    issues.first().map(|(_, less)| (*less).to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_backup_that_holds_less_than_the_one_before_asks_a_person() {
    let (mut rig, tables) = rig().await;
    let first = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&first).await, State::Succeeded);
    assert!(rig.run(&first).await.op.outcome.unwrap().contains("every result is verified"), "there was none before");
    let same = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&same).await, State::Succeeded);
    assert!(rig.run(&same).await.op.outcome.unwrap().contains("every result is verified"));

    tables.store(1, Ordering::SeqCst);
    let another = rig.approved_backup("backup create prod efs").await;
    assert_eq!(rig.finish(&another).await, State::Succeeded);
    assert!(rig.run(&another).await.issues().is_empty(), "a backup of something else is no predecessor");

    let id = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let run = rig.run(&id).await;
    assert!(run.steps.iter().all(|step| step.state == StepState::Done));
    let issues = run.issues();
    assert!(!issues.is_empty(), "{:?}", run.op.outcome);
    for (_, less) in &issues {
        assert!(less.contains("1 table") && less.contains(&same) && less.contains("40"), "{less}");
    }
    let outcome = run.op.outcome.clone().unwrap();
    assert!(!outcome.contains("every result is verified") && outcome.contains(issues[0].1), "{outcome}");
    let thread = rig.chat.thread_of(&id);
    let told: Vec<_> = thread.iter().filter(|p| p.line().is_some_and(|line| line.contains(&outcome))).collect();
    assert!(matches!(told[..], [one] if level(one) == Some(Level::Warning)), "{thread:?}");
    let published = rig.cloud.published().into_iter().map(|message| format!("{message:?}"));
    let told: Vec<String> = published.filter(|text| text.contains(&id) && text.contains(&less(&issues))).collect();
    assert_eq!(told.len(), 2, "SNS is told the end, and warned: {told:?}");
}

/// The night after a fall nothing falls any more; it is told all the same, as long as one that held more is remembered.
#[tokio::test]
async fn a_backup_that_fell_is_no_measure_for_the_next_one() {
    let (mut rig, tables) = rig().await;
    let whole = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&whole).await, State::Succeeded);
    tables.store(1, Ordering::SeqCst);
    for night in 1..=5 {
        let id = rig.approved_backup("backup create prod rds").await;
        assert_eq!(rig.finish(&id).await, State::Succeeded);
        let run = rig.run(&id).await;
        assert!(run.issues().iter().any(|(_, less)| less.contains(&whole)), "night {night}: {:?}", run.op.outcome);
    }
    let id = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    assert!(rig.run(&id).await.issues().is_empty(), "after five of them it is what is usual");
}

#[tokio::test]
async fn what_was_restored_with_issues_is_not_restore_tested() {
    // Of which there are recovery points.
    let (mut rig, _) = with_tables(Rig::demo_sqlite().await);
    let id = rig.asked("backup validate prod --test-restore").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let run = rig.run(&id).await;
    assert!(run.steps.iter().all(|step| step.state == StepState::Done), "{run:?}");
    let marks = rig.ledger.marks("prod", Some(MarkKind::Tested)).await.unwrap();
    let restored: Vec<_> = marks.iter().filter(|mark| !mark.note.contains("dump")).collect();
    assert!(restored.is_empty(), "{restored:?}");
    let outcome = run.op.outcome.clone().unwrap();
    assert!(outcome.contains(WORDS) && !outcome.contains(" proved"), "{outcome}");
    let said = run.issues().into_iter().filter(|(_, words)| words.contains("does not count as restore-tested"));
    assert_eq!(said.count(), 2, "the database and the file system: {:?}", run.issues());
}
