//! How large what is about to be replaced is by now: who had to agree was decided by how large it was when it was planned.

use super::{
    super::{background::Outcome, efs},
    At, Look, restore_database,
};
use crate::{
    domain::step::{Outputs, VerifyReach},
    ports::cloud::Progress,
};

impl Look for VerifyReach {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let VerifyReach { resource, scope, most_gib, .. } = self;
        let gib = if resource.starts_with("fs-") {
            let found = efs::file_systems(&at.session, std::slice::from_ref(resource)).await?;
            found.first().map(|files| files.size_bytes.div_ceil(1 << 30))
        } else {
            let found = restore_database::describe(&at.session, resource).await?;
            found.and_then(|found| u64::try_from(found.allocated_storage()?).ok())
        };
        let refuted = |why: String| Ok(Progress::Refuted { reason: why, outputs: Outputs::new() });
        match gib {
            None => refuted(format!(
                "How large {resource} is cannot be told, so that nobody knows whether what was agreed to still holds. Look at it in AWS, and ask anew."
            )),
            Some(gib) if gib > *most_gib => refuted(format!(
                "{resource} has grown to {gib} GiB, and what was agreed to is `{scope}`, up to {most_gib} GiB: the approval is void, and nothing live was changed. Ask anew: then those agree whom so much takes."
            )),
            Some(gib) => Ok(Progress::Done { outputs: Outputs::new(), detail: format!("{gib} GiB, still `{scope}`") }),
        }
    }
}
