//! SSM parameters and the metadata of secrets, exported as one object: what the platform is configured with.
//!
//! SecureStrings are taken as SSM keeps them, encrypted under their own key. No value of a secret is asked for.

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_ssm::types::Parameter;
use aws_smithy_types::DateTime;
use secrecy::zeroize::Zeroizing;
use serde::Serialize;
use std::collections::BTreeMap;

use super::{
    super::{
        background::Outcome,
        s3::{self, Object},
        secrets,
        session::Session,
        side_by_side,
    },
    At, Change, objects,
};
use crate::{
    domain::{moment::Moment, step::ConfigExport},
    ports::cloud::{Call, CloudError, Probe, Started},
};

/// More parameters than this under one prefix are a mistake in the prefix.
const MOST: usize = 5000;

/// The exported document. Its name and version are read by whoever restores from it.
#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    operation: &'a str,
    environment: &'a str,
    account: &'a str,
    region: &'a str,
    parameters_prefix: &'a str,
    secrets_prefix: Option<&'a str>,
    parameters: Vec<Exported>,
    secrets: Vec<Described>,
}

#[derive(Serialize)]
struct Exported {
    name: String,
    arn: String,
    r#type: String,
    data_type: String,
    version: i64,
    last_modified: Option<String>,
    value: String,
}

#[derive(Serialize)]
struct Described {
    name: String,
    arn: String,
    kms_key: Option<String>,
    /// Stages by version id.
    versions: BTreeMap<String, Vec<String>>,
    rotation: Rotation,
    primary_region: Option<String>,
    replicas: Vec<Replica>,
}

#[derive(Serialize)]
struct Rotation {
    enabled: bool,
    lambda: Option<String>,
    after_days: Option<i64>,
    schedule: Option<String>,
    duration: Option<String>,
    last: Option<String>,
}

#[derive(Serialize)]
struct Replica {
    region: String,
    kms_key: Option<String>,
    status: Option<String>,
}

impl Change for ConfigExport {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        objects::written(at, &self.bucket, &self.key).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        export(&at.session, at.call, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        objects::exported(at, &self.bucket, &self.key).await
    }
}

/// Exports the parameters under one prefix and the metadata of secrets under another into the object, once.
async fn export(session: &Session, call: &Call, what: &ConfigExport) -> Result<Started, CloudError> {
    let ConfigExport { parameters_prefix, bucket, key, .. } = what;
    let secrets_prefix = what.secrets_prefix.as_deref();
    let object = Object { account: &call.environment.account, bucket, key };
    let parameters = parameters(session, parameters_prefix).await?;
    if parameters.is_empty() {
        return Err(CloudError::Permanent {
            reason: format!(
                "There is no parameter under {parameters_prefix} in {} to export. Check `parameters_prefix` in the config file.",
                session.region
            ),
        });
    }
    let secrets = match secrets_prefix {
        Some(prefix) => described(session, prefix).await?,
        None => Vec::new(),
    };
    let count = parameters.len() + secrets.len();
    let document = Document {
        format: "bbws.config/1",
        operation: &call.operation.0,
        environment: &call.environment.name,
        account: &call.environment.account,
        region: &session.region,
        parameters_prefix,
        secrets_prefix,
        parameters,
        secrets,
    };
    let bytes = serde_json::to_vec(&document).map(Zeroizing::new).map_err(|error| CloudError::Permanent {
        reason: format!("The parameters could not be written as JSON: {error}. Report this."),
    })?;
    s3::put_once(session, &object, bytes, [(s3::COUNT, count.to_string())], call).await
}

/// Every parameter under the prefix, by name.
async fn parameters(session: &Session, prefix: &str) -> Result<Vec<Exported>, CloudError> {
    let attempt = session.reads("ssm:GetParametersByPath", format!("parameters under {prefix}"));
    // A path is a level of the hierarchy, named without the slash that ends a prefix.
    let path = match prefix.trim_end_matches('/') {
        "" => "/",
        path => path,
    };
    let request = session.ssm().get_parameters_by_path().path(path).recursive(true).with_decryption(false);
    let mut pages = request.max_results(10).into_paginator().send();
    let mut found: Vec<Exported> = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|e| attempt.failed(e))?.parameters.unwrap_or_default();
        found.extend(page.into_iter().map(exported));
        if found.len() > MOST {
            let next = "Narrow `parameters_prefix` in the config file.";
            return Err(attempt.never(&format!("there are more than {MOST}"), next));
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn exported(parameter: Parameter) -> Exported {
    Exported {
        name: parameter.name.unwrap_or_default(),
        arn: parameter.arn.unwrap_or_default(),
        r#type: parameter.r#type.map(|t| t.as_str().to_owned()).unwrap_or_default(),
        data_type: parameter.data_type.unwrap_or_default(),
        version: parameter.version,
        last_modified: parameter.last_modified_date.and_then(iso),
        value: parameter.value.unwrap_or_default(),
    }
}

/// What AWS says of every secret under the prefix, by name. One that is deleted meanwhile is left out.
async fn described(session: &Session, prefix: &str) -> Result<Vec<Described>, CloudError> {
    let names = secrets::names(session, prefix).await?;
    let answers = side_by_side(names.iter().map(|name| secrets::describe(session, name)).collect()).await;
    let mut found = Vec::with_capacity(names.len());
    for answer in answers {
        found.extend(answer?.map(of_secret));
    }
    Ok(found)
}

fn of_secret(secret: DescribeSecretOutput) -> Described {
    let mut versions: BTreeMap<String, Vec<String>> =
        secret.version_ids_to_stages.unwrap_or_default().into_iter().collect();
    versions.values_mut().for_each(|stages| stages.sort());
    let replicas = secret.replication_status.unwrap_or_default().into_iter().map(|replica| Replica {
        region: replica.region.unwrap_or_default(),
        kms_key: replica.kms_key_id,
        status: replica.status.map(|s| s.as_str().to_owned()),
    });
    let mut replicas: Vec<Replica> = replicas.collect();
    replicas.sort_by(|a, b| a.region.cmp(&b.region));
    let rules = secret.rotation_rules;
    Described {
        name: secret.name.unwrap_or_default(),
        arn: secret.arn.unwrap_or_default(),
        kms_key: secret.kms_key_id,
        versions,
        rotation: Rotation {
            enabled: secret.rotation_enabled.unwrap_or(false),
            lambda: secret.rotation_lambda_arn,
            after_days: rules.as_ref().and_then(|r| r.automatically_after_days),
            schedule: rules.as_ref().and_then(|r| r.schedule_expression.clone()),
            duration: rules.and_then(|r| r.duration),
            last: secret.last_rotated_date.and_then(iso),
        },
        primary_region: secret.primary_region,
        replicas,
    }
}

fn iso(time: DateTime) -> Option<String> {
    time.to_millis().ok().map(|millis| Moment(millis).iso())
}
