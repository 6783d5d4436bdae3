//! People: a step that waits until those who have to say so have said that the run may go on.

use async_trait::async_trait;

use super::{Begun, Executor, Task, amiss};
use crate::{
    domain::{approval, step::Action},
    ports::cloud::{CloudError, Probe, Progress},
};

/// Waits for people. What they say is written down by whoever takes their click; here is only decided what it comes to, from
/// the ledger's record alone.
pub struct People;

#[async_trait]
impl Executor for People {
    async fn probe(&self, _: &Task) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, task: &Task) -> Result<Begun, CloudError> {
        Err(amiss(task, "start"))
    }

    async fn poll(&self, tasks: &[Task]) -> Vec<Result<Progress, CloudError>> {
        tasks.iter().map(stands).collect()
    }
}

fn stands(task: &Task) -> Result<Progress, CloudError> {
    let Action::WaitForPeople(what) = &task.action else { return Err(amiss(task, "ask people")) };
    if let Some(held) = &task.answers.held {
        return Ok(Progress::Running { percent: None, detail: format!("held by {}", held.who()) });
    }
    let open = approval::awaited(&task.op, what, &task.answers);
    if !open.is_empty() {
        let whom = approval::whom(&task.op, what, &task.answers);
        return Ok(Progress::Running { percent: None, detail: format!("waits for {whom}") });
    }
    let by: Vec<String> = task.answers.votes.iter().map(|vote| vote.by.user.clone()).collect();
    Ok(Progress::Done {
        outputs: [("continued_by".to_owned(), by.join(" "))].into(),
        detail: "people said that it may go on".to_owned(),
    })
}
