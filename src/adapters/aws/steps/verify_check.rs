//! A named question of the config, put to a restored instance. What is told of the answer is whether it is the right one.

use std::sync::Arc;

use super::{
    super::{
        background::Outcome,
        login::{self, Login},
        session::Session,
        tools::Tools,
    },
    At, Look,
    restore_database::{self, describe},
    verify_database::target,
};
use crate::{
    domain::step::{Outputs, VerifyCheck},
    ports::cloud::Progress,
};

impl Look for VerifyCheck {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let what = self.clone();
        let tools = at.cloud.tools.clone();
        let logins = match &self.secret_region {
            Some(region) => at.elsewhere(region).await,
            None => Arc::clone(&at.session),
        };
        at.watch(|session, _, _| verify((session, logins), what, tools))
    }
}

/// Asks, and refutes what does not answer rightly: an answer that nobody gets proves nothing.
async fn verify((session, logins): (Arc<Session>, Arc<Session>), what: VerifyCheck, tools: Tools) -> Outcome {
    let VerifyCheck { instance, check, .. } = &what;
    Ok(match answered((&session, &logins), &what, &tools).await? {
        Ok(true) => Progress::Done { outputs: Outputs::new(), detail: format!("check {check} holds") },
        Ok(false) => Progress::Refuted {
            reason: format!(
                "Check {check} does not hold in {instance}. Restore an older recovery point, or correct the check in bbws.toml."
            ),
            outputs: Outputs::new(),
        },
        Err(why) => Progress::Refuted {
            reason: format!(
                "Whether check {check} holds in {instance} is not known: {why} Correct the check in bbws.toml, or restore another point."
            ),
            outputs: Outputs::new(),
        },
    })
}

/// Whether the answer is true, or why there is none. The login is read in a session of its own region.
///
/// # Errors
/// AWS's: nobody knows the instance or the login.
pub(super) async fn answered(
    (session, logins): (&Session, &Session),
    what: &VerifyCheck,
    tools: &Tools,
) -> Result<Result<bool, String>, crate::ports::cloud::CloudError> {
    let login = login::read(logins, &what.secret).await?;
    let Some(found) = describe(session, &what.instance).await? else {
        return Ok(Err(format!("instance {} does not exist.", what.instance)));
    };
    let Some((host, port)) = restore_database::endpoint(&found) else {
        return Ok(Err(format!("RDS tells no endpoint of {}.", what.instance)));
    };
    let here = Login { host, port, ..login };
    let target = target(&here, what.engine, &here.database);
    Ok(tools.databases.ask(&target, &what.schema, &what.query).await)
}
