//! Connections to databases that were left: seen to fall where their region answers, and said where it does not.

use std::time::Duration;

use super::{
    super::{background::Outcome, cloudwatch},
    At, Look,
};
use crate::{
    domain::{
        moment::spoken,
        step::{DrainConnections, ISSUE, Outputs},
    },
    ports::cloud::Progress,
};

/// One question is given so long: the region may be dead.
const PATIENCE: Duration = Duration::from_secs(15);
/// A region that says nothing for so long is not waited for.
const SILENT: Duration = Duration::from_secs(60);

impl Look for DrainConnections {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let waited = at.session.now().since(at.call.intended);
        let asked = async {
            let there = at.elsewhere(&self.from_region).await;
            cloudwatch::connections(&there, &self.databases).await
        };
        let found = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) if waited >= SILENT => return Ok(self.unseen(&error.to_string())),
            Err(_) if waited >= SILENT => {
                return Ok(self.unseen(&format!("no answer within {} seconds", PATIENCE.as_secs())));
            }
            Ok(Err(_)) | Err(_) => {
                let detail = format!("{} does not answer", self.from_region);
                return Ok(Progress::Running { percent: None, detail });
            }
        };
        let open: Vec<String> = found
            .iter()
            .filter(|(_, count)| **count > Some(0))
            .map(|(id, count)| format!("{} to {id}", count.unwrap_or_default()))
            .collect();
        let unknown: Vec<&str> = found.iter().filter(|(_, count)| count.is_none()).map(|(id, _)| id.as_str()).collect();
        if open.is_empty() && unknown.is_empty() {
            let detail = format!("nobody is connected to {} any more", self.databases.join(", "));
            return Ok(Progress::Done { outputs: Outputs::new(), detail });
        }
        if waited < Duration::from_secs(self.within) {
            let detail = match open.is_empty() {
                true => format!("CloudWatch says nothing yet of {}", unknown.join(", ")),
                false => format!("connections: {}", open.join(", ")),
            };
            return Ok(Progress::Running { percent: None, detail });
        }
        Ok(match open.is_empty() {
            true => self.unseen(&format!("CloudWatch has no recent value of {}", unknown.join(", "))),
            false => self.stayed(&open, waited),
        })
    }
}

impl DrainConnections {
    /// Nobody can tell.
    fn unseen(&self, why: &str) -> Progress {
        let why = why.trim_end_matches(" It is tried again.").trim_end_matches('.');
        self.ended(format!(
            "whether anybody is still connected to {} in {} cannot be seen: {why}",
            self.databases.join(", "),
            self.from_region
        ))
    }

    /// They do not leave by themselves.
    fn stayed(&self, open: &[String], waited: Duration) -> Progress {
        let cut = self.databases.iter().map(|id| {
            format!("`aws rds reboot-db-instance --region {} --db-instance-identifier {id}`", self.from_region)
        });
        self.ended(format!(
            "connections to {} are open {} after traffic left: {}. Clients that keep a connection never leave by themselves, and what they write there is not in {}; to cut them off: {}",
            self.from_region,
            spoken(waited),
            open.join(", "),
            self.region,
            cut.collect::<Vec<_>>().join(", ")
        ))
    }

    fn ended(&self, issue: String) -> Progress {
        let outputs = Outputs::from([(ISSUE.to_owned(), issue)]);
        Progress::Done { outputs, detail: "not seen to have ended".to_owned() }
    }
}
