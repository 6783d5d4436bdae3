//! How much storage is free on a restored instance: one that is about to run full is no place for what is live.

use std::sync::Arc;

use aws_sdk_rds::types::DbInstance;

use super::{
    super::{background::Outcome, cloudwatch, session::Session},
    At, Look, restore_database,
};
use crate::{
    domain::step::{HOLD, Outputs, VerifyStorage},
    ports::cloud::Progress,
};

/// Of a restored instance's storage so many per cent have to be free.
const ROOM: u64 = 10;

impl Look for VerifyStorage {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let what = self.clone();
        at.watch(|session, _, _| look(session, what))
    }
}

async fn look(session: Arc<Session>, what: VerifyStorage) -> Outcome {
    let instance = &what.instance;
    let Some(found) = restore_database::describe(&session, instance).await? else {
        let reason = format!("Instance {instance} in {} does not exist. Restore it again.", session.region);
        return Ok(Progress::Refuted { reason, outputs: Outputs::new() });
    };
    Ok(match room(&session, instance, &found).await {
        Some(Ok(room)) => Progress::Done { outputs: Outputs::new(), detail: room },
        Some(Err(why)) => {
            let detail = why.clone();
            Progress::Done { outputs: [(HOLD.to_owned(), format!("{why}."))].into(), detail }
        }
        None => Progress::Done {
            outputs: Outputs::new(),
            detail: "CloudWatch tells nothing of its free storage yet".to_owned(),
        },
    })
}

/// How much of its storage is free; an error where that is so little that it is about to run full. What is not measured yet says
/// nothing.
pub(super) async fn room(session: &Session, instance: &str, found: &DbInstance) -> Option<Result<String, String>> {
    let gib = u64::try_from(found.allocated_storage()?).ok().filter(|gib| *gib > 0)?;
    let free = match cloudwatch::free_storage(session, instance).await {
        Ok(free) => free?,
        Err(error) => {
            tracing::warn!(instance, %error, "how much storage is free is not known");
            return None;
        }
    };
    let percent = free.saturating_mul(100) / (gib << 30);
    Some(match percent < ROOM {
        true => Err(format!("only {percent} % of the {gib} GiB of storage of {instance} is free: give it more in RDS")),
        false => Ok(format!("{percent} % of its {gib} GiB of storage is free")),
    })
}
