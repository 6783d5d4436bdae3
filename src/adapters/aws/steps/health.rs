//! Whether the platform answers at its addresses: asked from here, as its users do, for as long as a cutover is watched.

use std::time::Duration;

use futures::future::join_all;

use super::{super::background::Outcome, At, Look};
use crate::{
    domain::{
        moment::spoken,
        step::{HOLD, ISSUE, Outputs, WatchHealth},
    },
    ports::{
        cloud::Progress,
        fetch::{Fetch, FetchError},
    },
};

/// So many failures in a row are no accident.
pub const IN_A_ROW: u32 = 3;

impl Look for WatchHealth {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let tools = &at.cloud.tools;
        let asked = self.urls.iter().map(|url| answers(&*tools.web, url, tools.between));
        let ill: Vec<String> = join_all(asked).await.into_iter().flatten().collect();
        if !ill.is_empty() {
            let reason = format!("{} ({IN_A_ROW} times in a row).", ill.join("; "));
            if !self.holds {
                return Ok(Progress::Failed { reason });
            }
            let detail = format!("not healthy: {reason}");
            let outputs = [(HOLD, reason.clone()), (ISSUE, reason)].map(|(key, why)| (key.to_owned(), why));
            return Ok(Progress::Done { outputs: outputs.into(), detail });
        }
        let (whole, now) = (Duration::from_secs(self.seconds), at.session.now());
        let watched = now.since(at.call.intended);
        if watched >= whole {
            let detail = format!("healthy for {}", spoken(watched));
            return Ok(Progress::Done { outputs: Outputs::new(), detail });
        }
        let percent = u8::try_from(watched.as_secs() * 100 / self.seconds.max(1)).ok();
        Ok(Progress::Running { percent, detail: format!("healthy for {} of {}", spoken(watched), spoken(whole)) })
    }
}

/// What is wrong with an address, if that is so several times in a row.
pub async fn answers(web: &dyn Fetch, url: &str, between: Duration) -> Option<String> {
    let mut wrong = None;
    for time in 0..IN_A_ROW {
        if time > 0 {
            // One answer that went wrong says little; a poll remembers nothing of the last one, so it asks again itself.
            tokio::time::sleep(between).await;
        }
        match web.status(url).await {
            Ok(200..300) => return None,
            Ok(other) => wrong = Some(format!("{url}: {}", FetchError::Status(other))),
            Err(error) => wrong = Some(format!("{url}: {error}")),
        }
    }
    wrong
}
