//! The simulated platform at its addresses: a side answers where its region lives, its services run, and its databases can be
//! written and have what they need. Where records weigh its sides, each that gets traffic has to.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{
    adapters::sandbox::aws::{
        SimAws,
        platform::{serves, sides},
    },
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
        match self.status(url).await? {
            200 => Ok(b"ok".to_vec()),
            other => Err(FetchError::Status(other)),
        }
    }

    async fn status(&self, url: &str) -> Result<u16, FetchError> {
        let Some((environment, own)) = self.aws.behind(url) else {
            return Err(FetchError::Unreachable("no such host".to_owned()));
        };
        let sides = own.map_or_else(|| self.aws.look(|world, _| sides(world, &environment)), |own| vec![own]);
        if sides.iter().any(|side| self.aws.is_down(side.of(&environment))) {
            return Err(FetchError::Unreachable("connection refused".to_owned()));
        }
        let well = self.aws.look(|world, now| sides.iter().all(|side| serves(world, &environment, *side, now)));
        Ok(if well { 200 } else { 503 })
    }
}
