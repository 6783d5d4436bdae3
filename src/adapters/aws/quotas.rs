//! Quotas of a region: of RDS, which counts what is used as well, and of Fargate, of which only the limit can be asked for.

use std::collections::BTreeMap;

use super::session::Session;
use crate::ports::cloud::CloudError;

/// Vcpus that tasks on Fargate may have at once, on demand.
const FARGATE_VCPUS: (&str, &str) = ("fargate", "L-3032A538");

/// A quota of RDS, with what of it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// In use.
    pub used: u64,
    /// At most.
    pub most: u64,
}

impl Quota {
    /// What is left.
    pub fn free(self) -> u64 {
        self.most.saturating_sub(self.used)
    }
}

/// The quotas of RDS in the session's region by their names: `DBInstances`, `AllocatedStorage` in GiB, ….
///
/// # Errors
/// See [`CloudError`].
pub async fn rds(session: &Session) -> Result<BTreeMap<String, Quota>, CloudError> {
    let attempt = session.reads("rds:DescribeAccountAttributes", "the quotas of RDS");
    let answer = session.rds().describe_account_attributes().send().await.map_err(|error| attempt.failed(error))?;
    let each = answer.account_quotas().iter().filter_map(|quota| {
        let count = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        let found = Quota { used: count(quota.used())?, most: count(quota.max())? };
        Some((quota.account_quota_name()?.to_owned(), found))
    });
    Ok(each.collect())
}

/// How many vCPUs tasks on Fargate may have at once in the session's region; none where Service Quotas does not say.
///
/// # Errors
/// See [`CloudError`].
pub async fn fargate_vcpus(session: &Session) -> Result<Option<f64>, CloudError> {
    let (service, code) = FARGATE_VCPUS;
    let attempt = session.reads("servicequotas:GetServiceQuota", format!("quota {code} of {service}"));
    let request = session.quotas().get_service_quota().service_code(service).quota_code(code);
    match request.send().await {
        Ok(answer) => Ok(answer.quota.and_then(|quota| quota.value)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_resource_exception()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}
