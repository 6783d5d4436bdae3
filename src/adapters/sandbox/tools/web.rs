//! The simulated platform at its addresses: it answers where its databases do, and have what it needs.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{
    adapters::sandbox::aws::SimAws,
    ports::fetch::{Fetch, FetchError},
};

/// The platforms of a simulated AWS.
pub struct SimWeb {
    aws: Arc<SimAws>,
}

impl fmt::Debug for SimWeb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimWeb")
    }
}

impl SimWeb {
    /// Those of this AWS.
    pub fn new(aws: Arc<SimAws>) -> SimWeb {
        SimWeb { aws }
    }
}

#[async_trait]
impl Fetch for SimWeb {
    async fn get(&self, url: &str, _: usize) -> Result<Vec<u8>, FetchError> {
        let Some(databases) = self.aws.behind(url) else {
            return Err(FetchError::Unreachable("no such host".to_owned()));
        };
        let well = self.aws.look(|world, now| {
            databases.iter().all(|id| {
                let found = world.places().find_map(|(_, _, place)| place.rds.instance(id, now));
                let reached = |status: &str| ["available", "backing-up", "modifying"].contains(&status);
                found.is_some_and(|instance| reached(instance.status(now)) && !instance.data.lacks_rows)
            })
        });
        if well { Ok(b"ok".to_vec()) } else { Err(FetchError::Status(503)) }
    }
}
