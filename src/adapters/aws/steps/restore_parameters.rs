//! Parameters brought back from an export, each as a new version over the old one, of the type, tier and key that it has.
//!
//! An export holds SecureStrings as SSM keeps them, encrypted. SSM itself opens them as long as it has that version; after
//! that KMS does.

use std::{collections::HashMap, sync::Arc};

use aws_sdk_ssm::types::{ParameterMetadata, ParameterStringFilter, ParameterTier, ParameterType, Tag};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use secrecy::zeroize::Zeroizing;

use super::{
    super::{background::Outcome, session::Session, tags},
    At, Change, begun, bulk,
    exported::{self, Parameter, Reader, Value},
    verify_secrets::listed,
};
use crate::{
    domain::{
        step::{Outputs, RestoreParameters},
        text::count,
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// What SSM calls a parameter whose value it encrypts.
const SECURE: &str = "SecureString";

enum Did {
    Written(String),
    Equal,
    Missing(String),
    Left(String),
}

impl Change for RestoreParameters {
    /// Every parameter is looked at before it is written.
    async fn probe(&self, _: &At<'_>) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let reader = Reader { session: at.elsewhere(&self.export.region).await, call: at.call.clone() };
        let over = match &self.over {
            Some(over) => Some(Reader { session: at.elsewhere(&over.region).await, call: at.call.clone() }),
            None => None,
        };
        let (session, what) = (Arc::clone(&at.session), self.clone());
        at.cloud.jobs.spawn(&at.call.token, |_| restore(session, reader, over, what));
        Ok(begun(&self.export.key))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        bulk::poll(at)
    }
}

async fn restore(session: Arc<Session>, reader: Reader, over: Option<Reader>, what: RestoreParameters) -> Outcome {
    let parameters = exported::parameters(&reader, &what.export).await?;
    let over: Option<HashMap<String, Parameter>> = match (&over, &what.over) {
        (Some(reader), Some(export)) => {
            let found = exported::parameters(reader, export).await?;
            Some(found.into_iter().map(|parameter| (parameter.name.clone(), parameter)).collect())
        }
        _ => None,
    };
    let act = |index: usize| one(&session, &reader.call, &parameters[index], what.create, over.as_ref());
    let (mut written, mut equal, mut missing, mut left) = (Vec::new(), 0_usize, Vec::new(), Vec::new());
    for did in bulk::each(&parameters, act).await? {
        match did {
            Did::Written(name) => written.push(name),
            Did::Equal => equal += 1,
            Did::Missing(name) => missing.push(name),
            Did::Left(name) => left.push(name),
        }
    }
    let mut detail = match written.is_empty() {
        true => "no parameter had to be written".to_owned(),
        false => format!("{} written: {}", count(written.len(), "parameter"), listed(&written)),
    };
    if equal > 0 {
        detail.push_str(&format!("; {equal} had their value already"));
    }
    for (why, names) in [("missing and not created", &missing), ("written anew since, and left so", &left)] {
        if !names.is_empty() {
            detail.push_str(&format!("; {why}: {}", listed(names)));
        }
    }
    let numbers = [("written", written.len()), ("same", equal), ("missing", missing.len()), ("left", left.len())];
    let outputs: Outputs = numbers.into_iter().map(|(name, number)| (name.to_owned(), number.to_string())).collect();
    Ok(Progress::Done { outputs, detail })
}

async fn one(
    session: &Session,
    call: &Call,
    wanted: &Parameter,
    create: bool,
    over: Option<&HashMap<String, Parameter>>,
) -> Result<Did, CloudError> {
    let name = &wanted.name;
    let live = value(session, name).await?;
    if live.is_none() && !create {
        return Ok(Did::Missing(name.clone()));
    }
    let clear = clear(session, wanted).await?;
    if live.as_ref() == Some(&clear) {
        return Ok(Did::Equal);
    }
    if let (Some(live), Some(over)) = (&live, over) {
        let ours = match over.get(name) {
            Some(parameter) => self::clear(session, parameter).await? == *live,
            None => false,
        };
        if !ours {
            return Ok(Did::Left(name.clone()));
        }
    }
    put(session, call, wanted, &clear, live.is_none()).await?;
    Ok(Did::Written(name.clone()))
}

/// The value of a parameter in the clear; none where there is no such parameter. `name` may say of which version.
pub(super) async fn value(session: &Session, name: &str) -> Result<Option<Value>, CloudError> {
    get(session, name, true).await
}

async fn get(session: &Session, name: &str, clear: bool) -> Result<Option<Value>, CloudError> {
    let attempt = session.reads("ssm:GetParameter", format!("parameter {name}"));
    match session.ssm().get_parameter().name(name).with_decryption(clear).send().await {
        Ok(found) => Ok(found.parameter.and_then(|parameter| parameter.value).map(Value::new)),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|e| e.is_parameter_not_found() || e.is_parameter_version_not_found()) =>
        {
            Ok(None)
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

/// What an export has of a parameter, in the clear.
pub(super) async fn clear(session: &Session, exported: &Parameter) -> Result<Value, CloudError> {
    if exported.r#type != SECURE {
        return Ok(exported.value.clone());
    }
    // A parameter that was deleted and made anew counts its versions from 1 again: that it is the same is told by the bytes.
    let version = format!("{}:{}", exported.name, exported.version);
    if get(session, &version, false).await?.as_ref() == Some(&exported.value)
        && let Some(clear) = value(session, &version).await?
    {
        return Ok(clear);
    }
    opened(session, exported).await
}

/// By KMS, in the context in which SSM encrypts. Values of advanced parameters are not encrypted by KMS itself.
async fn opened(session: &Session, exported: &Parameter) -> Result<Value, CloudError> {
    let attempt = session.reads("kms:Decrypt", format!("parameter {} of the export", exported.name));
    let next = "SSM does not have that version any more. Give it its value by hand, or leave it out by `--name`.";
    let bytes = BASE64
        .decode(exported.value.0.as_bytes())
        .map_err(|_| attempt.never("its value in the export is not what SSM encrypts", next))?;
    let request = session.kms().decrypt().ciphertext_blob(aws_sdk_kms::primitives::Blob::new(bytes));
    match request.encryption_context("PARAMETER_ARN", &exported.arn).send().await {
        Ok(answer) => {
            let plain = Zeroizing::new(answer.plaintext.map(|blob| blob.into_inner()).unwrap_or_default());
            let text = std::str::from_utf8(&plain).map(str::to_owned);
            text.map(Value::new).map_err(|_| attempt.never("KMS opens something that is no text", next))
        }
        Err(error) if error.as_service_error().is_some_and(|e| e.is_invalid_ciphertext_exception()) => {
            Err(attempt.never("KMS cannot open what the export has of it", next))
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

/// Writes it, as it is kept now: a SecureString under the key it has, not under the account's usual one.
async fn put(session: &Session, call: &Call, wanted: &Parameter, value: &Value, new: bool) -> Result<(), CloudError> {
    let name = &wanted.name;
    let kept = if new { None } else { described(session, name).await? };
    let attempt = session.changes("ssm:PutParameter", format!("parameter {name}"));
    let kind = kept.as_ref().and_then(|kept| kept.r#type.clone());
    let kind = kind.unwrap_or_else(|| ParameterType::from(wanted.r#type.as_str()));
    let mut request = session.ssm().put_parameter().name(name).value(value.0.as_str()).r#type(kind.clone());
    match kept {
        Some(kept) => {
            request = request.overwrite(true).set_allowed_pattern(kept.allowed_pattern);
            request = request.set_description(kept.description).set_data_type(kept.data_type);
            if kept.tier == Some(ParameterTier::Advanced) {
                request = request.tier(ParameterTier::Advanced);
            }
            if kind == ParameterType::SecureString {
                request = request.set_key_id(kept.key_id);
            }
        }
        None => {
            let tags = tags::of(call).into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
            let tags: Result<Vec<Tag>, _> = tags.collect();
            let tags = tags.map_err(|e| attempt.never(&format!("its tags cannot be written ({e})"), "Report this."))?;
            let data_type = Some(wanted.data_type.clone()).filter(|kind| !kind.is_empty());
            request = request.set_tags(Some(tags)).set_data_type(data_type);
        }
    }
    request.send().await.map(|_| ()).map_err(|e| attempt.failed(e))
}

async fn described(session: &Session, name: &str) -> Result<Option<ParameterMetadata>, CloudError> {
    let attempt = session.reads("ssm:DescribeParameters", format!("parameter {name}"));
    let filter = ParameterStringFilter::builder().key("Name").option("Equals").values(name).build();
    let filter = filter.map_err(|e| attempt.never(&format!("it cannot be asked for ({e})"), "Report this."))?;
    let mut pages = session.ssm().describe_parameters().parameter_filters(filter).into_paginator().send();
    while let Some(page) = pages.next().await {
        let found = page.map_err(|e| attempt.failed(e))?.parameters.unwrap_or_default();
        if let Some(found) = found.into_iter().find(|found| found.name.as_deref() == Some(name)) {
            return Ok(Some(found));
        }
    }
    // It is there, as its value was read: whoever wrote it without its key would give it another.
    Err(attempt.later("SSM does not say how it is kept", None))
}
