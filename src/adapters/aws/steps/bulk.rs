//! Changes of many things that one step makes one by one: a task of this process carries them out, each after a look at the
//! thing, so that any process may begin anew and finds done what is done.

use super::{
    super::{background::Outcome, side_by_side},
    At,
};
use crate::ports::cloud::{CloudError, Progress};

/// How often a thing is tried within one go: what is busy or throttled is mostly not so a moment later.
const ROUNDS: usize = 3;

/// Does it to each of them, a few at a time; answers in their order. What got no good answer is tried again after the others.
///
/// # Errors
/// The first that is permanent, once nothing is under way any more; otherwise why something is still not done.
pub(super) async fn each<T, D, F>(items: &[T], act: impl Fn(usize) -> F) -> Result<Vec<D>, CloudError>
where
    F: Future<Output = Result<D, CloudError>>,
{
    let mut done: Vec<Option<D>> = items.iter().map(|_| None).collect();
    let mut left: Vec<usize> = (0..items.len()).collect();
    let mut why = None;
    for _ in 0..ROUNDS {
        let answers = side_by_side(left.iter().map(|index| act(*index)).collect()).await;
        let mut again = Vec::new();
        for (index, answer) in left.into_iter().zip(answers) {
            match answer {
                Ok(did) => done[index] = Some(did),
                Err(error @ CloudError::Permanent { .. }) => return Err(error),
                Err(error) => {
                    again.push(index);
                    why = Some(error);
                }
            }
        }
        left = again;
        if left.is_empty() {
            return Ok(done.into_iter().flatten().collect());
        }
    }
    Err(why.unwrap_or_else(|| CloudError::Retryable { reason: "Nothing was answered.".to_owned(), after: None }))
}

/// How far the task is. One that ended without doing everything, or with its process, is begun anew.
pub(super) fn poll(at: &At<'_>) -> Outcome {
    match at.cloud.jobs.ask(&at.call.token) {
        Some(Ok(progress)) => Ok(progress),
        Some(Err(CloudError::Permanent { reason })) => Ok(Progress::Failed { reason }),
        Some(Err(CloudError::Retryable { reason, .. } | CloudError::Unknown { reason })) => {
            Ok(Progress::Gone { reason })
        }
        None => Ok(Progress::Gone { reason: "The process that did it ended before all was done.".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn busy() -> CloudError {
        CloudError::Retryable { reason: "busy".into(), after: None }
    }

    #[tokio::test]
    async fn what_is_busy_is_tried_again_and_answers_keep_their_order() {
        let asked = AtomicUsize::new(0);
        let act = |index: usize| {
            let first = asked.fetch_add(1, Ordering::Relaxed) < 3;
            async move { if first && index == 1 { Err(busy()) } else { Ok(index * 10) } }
        };
        assert_eq!(each(&["a", "b", "c"], act).await, Ok(vec![0, 10, 20]));
        assert_eq!(asked.into_inner(), 4, "only what was busy is asked again");
    }

    #[tokio::test]
    async fn what_stays_busy_is_told_and_what_cannot_be_is_told_at_once() {
        let asked = AtomicUsize::new(0);
        let act = |_: usize| {
            asked.fetch_add(1, Ordering::Relaxed);
            async { Err::<(), _>(busy()) }
        };
        assert_eq!(each(&["a"], act).await, Err(busy()));
        assert_eq!(asked.into_inner(), ROUNDS);
        let never = || CloudError::Permanent { reason: "never".into() };
        let act = |index: usize| async move { if index == 0 { Err::<(), _>(busy()) } else { Err(never()) } };
        assert_eq!(each(&["a", "b"], act).await, Err(never()));
    }
}
