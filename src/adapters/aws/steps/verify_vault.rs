//! `verify.vault`: whether a vault would take a backup now. A disabled key or a lock of other days is told before the night that
//! needs the vault, not by the job that fails in it.

use super::{
    super::{background::Outcome, backup, kms},
    At, Look,
};
use crate::{
    domain::{
        step::{Outputs, VerifyVault},
        world::World,
    },
    ports::cloud::Progress,
};

impl Look for VerifyVault {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let VerifyVault { vault, region, retention_days } = self;
        let refuted = |reason: String| Ok(Progress::Refuted { reason, outputs: Outputs::new() });
        let (condition, range) = backup::vault_and_range(&at.session, vault).await?;
        if let Err(why) = condition {
            return refuted(why);
        }
        let world = World { vault_ranges: range.into_iter().collect(), ..World::default() };
        if let Some(why) = world.refusals(*retention_days).into_iter().next() {
            return refuted(why);
        }
        let found = backup::describe_vault(&at.session, vault).await?;
        let lock = backup::lock(&found, at.session.now());
        let Some(key) = found.encryption_key_arn else {
            return refuted(format!(
                "AWS Backup does not name the KMS key of vault {vault} in {region}. Look at it there."
            ));
        };
        if let Err(why) = kms::usable(&at.session, &key).await? {
            return refuted(format!("Nothing can be backed up into vault {vault} in {region}: {why}"));
        }
        let detail = format!("takes what is kept for {retention_days} days, {lock}, key usable in {region}");
        Ok(Progress::Done { outputs: Outputs::new(), detail })
    }
}
