//! An environment under watch: what is measured, by whom, and which of its regions answer.

use std::sync::Arc;

use futures::future::{OptionFuture, join};

use super::{
    super::{AwsCloud, session::Session, sts},
    points,
};
use crate::{
    domain::{environment::Environment, lag::Side, moment::Moment},
    ports::cloud::CloudError,
};

/// What is measured, by whom, and the regions that answer.
pub struct Watch<'a> {
    /// AWS.
    pub cloud: &'a AwsCloud,
    /// Environment.
    pub environment: &'a Environment,
    /// For whom.
    pub requester: &'a str,
    /// When.
    pub at: Moment,
    /// The primary region, or why it does not answer.
    pub here: Result<Arc<Session>, String>,
    /// The DR region, or why it does not answer; none where nothing is copied there.
    pub there: Option<Result<Arc<Session>, String>>,
}

impl<'a> Watch<'a> {
    /// Asks the regions of an environment who is asking.
    ///
    /// # Errors
    /// When neither region answers, and for the wrong account.
    pub async fn open(
        cloud: &'a AwsCloud,
        environment: &'a Environment,
        requester: &'a str,
    ) -> Result<Self, CloudError> {
        let (here, there) = join(
            reach(cloud, environment, Side::Primary, requester),
            OptionFuture::from(environment.replicates().then(|| reach(cloud, environment, Side::Dr, requester))),
        )
        .await;
        let (here, there) = (here?, there.transpose()?);
        let here = match (here, &there) {
            (Err(error), None | Some(Err(_))) => return Err(error),
            (here, _) => here.map_err(|e| e.to_string()),
        };
        let there = there.map(|there| there.map_err(|e| e.to_string()));
        Ok(Watch { cloud, environment, requester, at: cloud.now(), here, there })
    }

    /// The region of a side, or why it does not answer.
    ///
    /// # Errors
    /// A sentence.
    pub fn session(&self, side: Side) -> Result<&Arc<Session>, String> {
        match side {
            Side::Primary => self.here.as_ref().map_err(Clone::clone),
            Side::Dr => match &self.there {
                Some(there) => there.as_ref().map_err(Clone::clone),
                None => Err(format!("Environment {} is not copied to the DR region.", self.environment.name)),
            },
        }
    }
}

/// A region, or why it does not answer.
///
/// # Errors
/// For the wrong account.
pub async fn reach(
    cloud: &AwsCloud,
    environment: &Environment,
    side: Side,
    requester: &str,
) -> Result<Result<Arc<Session>, CloudError>, CloudError> {
    let session = cloud.sessions.get(environment, points::region(environment, side), requester).await;
    match sts::identity(&session).await {
        // Nothing may be reported of a foreign account.
        Ok(identity) => sts::belongs(&identity, &environment.name, &environment.account).map(|()| Ok(session)),
        Err(error) => Ok(Err(error)),
    }
}
