//! `verify.config`: whether an export of configuration holds what nobody can do without.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    super::{
        background::Outcome,
        s3::{Object, SHA256},
        session::Session,
    },
    At, Look, exported,
};
use crate::{
    domain::{
        step::{Outputs, VerifyConfig},
        text::count,
    },
    ports::cloud::{Call, Progress},
};

/// Of an export the names alone: its values are not looked at.
#[derive(Deserialize)]
struct Names {
    parameters: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Look for VerifyConfig {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let what = self.clone();
        at.watch(|session, call, _| async move { verify(&session, &call, &what).await })
    }
}

async fn verify(session: &Session, call: &Call, what: &VerifyConfig) -> Outcome {
    let VerifyConfig { bucket, key, required, .. } = what;
    let refuted = |why: String, next: &str| {
        let reason = format!("The export s3://{bucket}/{key} in {} is not good: {why}. {next}", session.region);
        Ok(Progress::Refuted { reason, outputs: Outputs::new() })
    };
    let again = format!("Back up again: `/bbws backup create {} config`.", call.environment.name);
    let object = Object { account: &call.environment.account, bucket, key };
    let found = match exported::bytes(session, call.inputs.get(SHA256), &object).await? {
        Ok(found) => found,
        Err(why) => return refuted(why, &again),
    };
    // The error's words may hold a piece of a value.
    let Ok(names) = serde_json::from_slice::<Names>(&found.bytes) else {
        return refuted("it is not the JSON of an export".to_owned(), &again);
    };
    let names: BTreeSet<&str> = names.parameters.iter().map(|named| named.name.as_str()).collect();
    let lacking: Vec<&str> = required.iter().map(String::as_str).filter(|name| !names.contains(name)).collect();
    if !lacking.is_empty() {
        let next = format!(
            "Write them in SSM, or take them out of `required_parameters` in bbws.toml, then back up again: `/bbws backup create {} config`.",
            call.environment.name
        );
        return refuted(format!("it lacks {}", lacking.join(", ")), &next);
    }
    Ok(Progress::Done {
        outputs: Outputs::new(),
        detail: format!("{} and all {} required among them", count(names.len(), "parameter"), required.len()),
    })
}
