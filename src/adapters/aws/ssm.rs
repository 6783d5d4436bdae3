//! SSM parameters: their names. No value is read here.

use aws_sdk_ssm::types::ParameterStringFilter;

use super::session::Session;
use crate::ports::cloud::CloudError;

/// More parameters than this under one prefix are a mistake in the prefix.
const MOST: usize = 5000;

/// Names of all parameters under the prefix, sorted.
///
/// # Errors
/// See [`CloudError`].
pub async fn names(session: &Session, prefix: &str) -> Result<Vec<String>, CloudError> {
    let attempt = session.reads("ssm:DescribeParameters", format!("parameters under {prefix}"));
    let filter = ParameterStringFilter::builder().key("Name").option("BeginsWith").values(prefix).build();
    let filter = filter.map_err(|e| attempt.never(&format!("they cannot be asked for ({e})"), "Report this."))?;
    let mut pages =
        session.ssm().describe_parameters().parameter_filters(filter).max_results(50).into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let found = page.map_err(|e| attempt.failed(e))?.parameters.unwrap_or_default();
        names.extend(found.into_iter().filter_map(|p| p.name).filter(|name| name.starts_with(prefix)));
        if names.len() > MOST {
            return Err(
                attempt.never(&format!("there are more than {MOST}"), "Narrow `parameters_prefix` in the config file.")
            );
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}
