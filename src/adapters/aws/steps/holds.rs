//! Legal holds of AWS Backup: what is under one cannot be deleted, by nobody, not even by its lifecycle.

use aws_sdk_backup::{
    operation::get_legal_hold::GetLegalHoldOutput,
    types::{DateRange, LegalHoldStatus, RecoveryPointSelection},
};
use aws_smithy_types::DateTime;

use super::super::{session::Session, tags};
use crate::{
    domain::{
        moment::Moment,
        step::{Action, Outputs},
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// The output by which a hold is released.
pub const HOLD: &str = "legal_hold";

/// What a hold is of.
struct Hold<'a> {
    vault: &'a str,
    resource_arn: &'a str,
    created: Moment,
    title: &'a str,
}

/// Looks for the hold that an earlier call may have made, or may have cancelled.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe(session: &Session, call: &Call) -> Result<Probe, CloudError> {
    if let Action::ReleaseHold { hold, .. } = &call.action {
        return Ok(match status(describe(session, hold).await?.as_ref()) {
            None | Some(LegalHoldStatus::Canceled) => Probe::Present(started(hold, true)),
            Some(LegalHoldStatus::Canceling) => Probe::Present(started(hold, false)),
            Some(_) => Probe::Absent,
        });
    }
    let (title, description) = (hold(call)?.title, description(call)?);
    let attempt = session.reads("backup:ListLegalHolds", format!("legal hold {title}"));
    let mut pages = session.backup().list_legal_holds().max_results(1000).into_paginator().send();
    while let Some(page) = pages.next().await {
        for found in page.map_err(|e| attempt.failed(e))?.legal_holds.unwrap_or_default() {
            let ours = found.title() == Some(title) && found.description() == Some(description.as_str());
            let lives = matches!(found.status, Some(LegalHoldStatus::Creating | LegalHoldStatus::Active));
            if let (true, true, Some(id)) = (ours, lives, found.legal_hold_id) {
                return Ok(Probe::Present(held(&id)));
            }
        }
    }
    Ok(Probe::Absent)
}

/// Places the hold, or cancels it.
///
/// # Errors
/// See [`CloudError`].
pub async fn start(session: &Session, call: &Call) -> Result<Started, CloudError> {
    match &call.action {
        Action::ReleaseHold { hold, description, .. } => release(session, hold, description).await,
        _ => place(session, call, &hold(call)?).await,
    }
}

/// Watches it until it holds, or holds no longer.
///
/// # Errors
/// See [`CloudError`].
pub async fn poll(session: &Session, call: &Call) -> Result<Progress, CloudError> {
    if let Action::ReleaseHold { hold, .. } = &call.action {
        return Ok(match status(describe(session, hold).await?.as_ref()) {
            None | Some(LegalHoldStatus::Canceled) => {
                Progress::Done { outputs: Outputs::new(), detail: "CANCELED".to_owned() }
            }
            Some(other) => Progress::Running { percent: None, detail: other.as_str().to_owned() },
        });
    }
    let Some(id) = call.external_id.as_deref() else {
        return Err(CloudError::Permanent {
            reason: "The id of the legal hold was never learnt. Retry the step.".to_owned(),
        });
    };
    let found = describe(session, id).await?;
    if found.is_none() {
        let attempt = session.reads("backup:GetLegalHold", format!("legal hold {id}"));
        return Err(attempt.later("AWS Backup accepted it but does not show it", None));
    }
    Ok(match status(found.as_ref()) {
        Some(LegalHoldStatus::Active) => covered(session, id, &hold(call)?).await?,
        Some(over @ (LegalHoldStatus::Canceled | LegalHoldStatus::Canceling)) => Progress::Failed {
            reason: format!(
                "Legal hold {id} in {} is {}: somebody cancelled it. Ask who did, then hold the recovery point again.",
                session.region,
                over.as_str()
            ),
        },
        other => Progress::Running {
            percent: None,
            detail: other.as_ref().map_or("of unknown state", LegalHoldStatus::as_str).to_owned(),
        },
    })
}

/// An ACTIVE hold is a selection, which may have met nothing: what it holds is asked for.
async fn covered(session: &Session, id: &str, wanted: &Hold<'_>) -> Result<Progress, CloudError> {
    let attempt = session.reads("backup:ListRecoveryPointsByLegalHold", format!("what legal hold {id} holds"));
    let mut pages = session.backup().list_recovery_points_by_legal_hold().legal_hold_id(id).into_paginator().send();
    while let Some(page) = pages.next().await {
        let members = page.map_err(|e| attempt.failed(e))?.recovery_points.unwrap_or_default();
        if members.iter().any(|m| m.resource_arn() == Some(wanted.resource_arn)) {
            return Ok(Progress::Done {
                outputs: held(id).outputs,
                detail: "ACTIVE, and holds the recovery point".to_owned(),
            });
        }
    }
    Ok(Progress::Refuted {
        reason: format!(
            "Legal hold {id} in {} is ACTIVE, but holds no recovery point of {} in vault {}. Look at both in AWS Backup, then Retry.",
            session.region, wanted.resource_arn, wanted.vault
        ),
        outputs: held(id).outputs,
    })
}

async fn place(session: &Session, call: &Call, hold: &Hold<'_>) -> Result<Started, CloudError> {
    let attempt = session.changes("backup:CreateLegalHold", format!("legal hold {}", hold.title));
    // AWS keeps times to the second or finer; whatever was made within this second is meant.
    let from = hold.created.seconds();
    let range =
        DateRange::builder().from_date(DateTime::from_secs(from)).to_date(DateTime::from_secs(from + 1)).build();
    let range = range.map_err(|e| attempt.never(&format!("it cannot be written ({e})"), "Report this."))?;
    let selection = RecoveryPointSelection::builder()
        .vault_names(hold.vault)
        .resource_identifiers(hold.resource_arn)
        .date_range(range)
        .build();
    let request = session
        .backup()
        .create_legal_hold()
        .title(hold.title)
        .description(description(call)?)
        .idempotency_token(&call.token)
        .recovery_point_selection(selection)
        .set_tags(Some(tags::of(call).into_iter().collect()));
    let answer = request.send().await.map_err(|e| attempt.failed(e))?;
    match answer.legal_hold_id {
        Some(id) => Ok(held(&id)),
        None => Err(CloudError::Unknown {
            reason: format!("AWS Backup placed legal hold {} without giving its id.", hold.title),
        }),
    }
}

async fn release(session: &Session, hold: &str, description: &str) -> Result<Started, CloudError> {
    let attempt = session.changes("backup:CancelLegalHold", format!("legal hold {hold}"));
    let request = session.backup().cancel_legal_hold().legal_hold_id(hold).cancel_description(description);
    let error = match request.send().await {
        Ok(_) => return Ok(started(hold, false)),
        Err(error) => error,
    };
    match error.as_service_error() {
        // What is not there holds nothing.
        Some(gone) if gone.is_resource_not_found_exception() => Ok(started(hold, true)),
        Some(state) if state.is_invalid_resource_state_exception() => {
            match status(describe(session, hold).await?.as_ref()) {
                None | Some(LegalHoldStatus::Canceled) => Ok(started(hold, true)),
                Some(LegalHoldStatus::Canceling) => Ok(started(hold, false)),
                Some(_) => Err(attempt.failed(error)),
            }
        }
        _ => Err(attempt.failed(error)),
    }
}

async fn describe(session: &Session, id: &str) -> Result<Option<GetLegalHoldOutput>, CloudError> {
    let attempt = session.reads("backup:GetLegalHold", format!("legal hold {id}"));
    match session.backup().get_legal_hold().legal_hold_id(id).send().await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}

/// The state of a hold; one that exists without a state is being made.
fn status(found: Option<&GetLegalHoldOutput>) -> Option<LegalHoldStatus> {
    found.map(|hold| hold.status.clone().unwrap_or(LegalHoldStatus::Creating))
}

fn hold(call: &Call) -> Result<Hold<'_>, CloudError> {
    match &call.action {
        Action::LegalHold { vault, resource_arn, created, title, .. } => {
            Ok(Hold { vault, resource_arn, created: *created, title })
        }
        _ => Err(super::super::not_aws()),
    }
}

/// Names the operation and what is held, so that the hold of one step is never taken for that of another.
fn description(call: &Call) -> Result<String, CloudError> {
    let hold = hold(call)?;
    let (operation, vault, of) = (&call.operation, hold.vault, hold.resource_arn);
    Ok(format!("bbws operation {operation}: {of} of {} in vault {vault}", hold.created.iso()))
}

fn held(id: &str) -> Started {
    let outputs = Outputs::from([(HOLD.to_owned(), id.to_owned())]);
    Started { external_id: Some(id.to_owned()), outputs, finished: false }
}

fn started(id: &str, finished: bool) -> Started {
    Started { external_id: Some(id.to_owned()), finished, ..Started::default() }
}
