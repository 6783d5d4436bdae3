//! A restored file system, compared with its source: as EFS describes it, and file by file over NFS.

use std::sync::Arc;

use aws_sdk_efs::types::LifeCycleState;

use super::{
    super::{
        background::{Outcome, Teller},
        checks::{Check, Pair, verdict, yes},
        session::Session,
        tools::Tools,
    },
    At, Look, mounts, restore_files,
};
use crate::{
    adapters::files::{Limits, Place, Tls, Wanted},
    domain::step::{Outputs, VerifyFiles},
    ports::cloud::{Call, CloudError, Progress},
};

/// NFS's port, also of TLS to EFS.
const PORT: u16 = 2049;

impl Look for VerifyFiles {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let what = self.clone();
        let tools = at.cloud.tools.clone();
        at.watch(|session, call, tell| verify(session, call, what, tools, tell))
    }
}

/// Looks at the restored file system and into it.
async fn verify(session: Arc<Session>, call: Call, what: VerifyFiles, tools: Tools, tell: Teller) -> Outcome {
    let VerifyFiles { name, file_system, folders, data_of, .. } = &what;
    let pair = Pair {
        subject: format!("File system {name} in {}", session.region),
        restored: name,
        source: file_system,
        compared: true,
    };
    let Some(found) = restore_files::find(&session, name).await? else {
        let reason = format!("{} does not exist, so nothing was compared. Test again.", pair.subject);
        return Ok(Progress::Refuted { reason, outputs: Outputs::new() });
    };
    let encrypted = found.encrypted == Some(true);
    let state = found.life_cycle_state.as_str();
    let mut checks = vec![
        Check::new("Available", found.life_cycle_state == LifeCycleState::Available, state),
        Check::new("Encrypted", encrypted, yes(encrypted)),
    ];
    let restored = place(&session, &found.file_system_id).await?;
    let source = place(&session, file_system).await?;
    match (restored, source) {
        (Ok(restored), Ok(source)) => {
            let wanted = Wanted {
                data_of: *data_of,
                folders: folders.clone(),
                found: false,
                seed: call.token.clone(),
                limits: Limits::default(),
            };
            let told = |percent, detail| tell.tell(percent, detail);
            let checked = tools.file_systems.validate(&restored, &source, &wanted, &told).await;
            checks.extend(checked.into_iter().map(|c| Check::new(c.name, c.ok, c.found)));
        }
        (restored, source) => {
            let missing = [restored.err(), source.err()].into_iter().flatten();
            checks.extend(missing.map(|why| Check::new("address", false, why)));
        }
    }
    Ok(verdict(&pair, &checks, None))
}

/// Where a file system is reached, or why it is not.
pub(super) async fn place(session: &Session, id: &str) -> Result<Result<Place, String>, CloudError> {
    let targets = mounts::targets(session, id).await?;
    let mut usable: Vec<String> = targets
        .into_iter()
        .filter(|target| target.life_cycle_state == LifeCycleState::Available)
        .filter_map(|target| target.ip_address)
        .collect();
    usable.sort();
    let Some(address) = usable.into_iter().next() else {
        return Ok(Err(format!("{id} has no mount target that is available. Give it one, then test again.")));
    };
    let server_name = format!("{id}.efs.{}.amazonaws.com", session.region);
    let tls = Some(Tls { server_name, ca: None });
    Ok(Ok(Place { name: id.to_owned(), address, port: PORT, root: "/".to_owned(), tls }))
}
