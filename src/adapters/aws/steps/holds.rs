//! Legal holds of AWS Backup: what is under one cannot be deleted, by nobody, not even by its lifecycle.

use aws_sdk_backup::{
    operation::get_legal_hold::GetLegalHoldOutput,
    types::{DateRange, LegalHoldStatus, RecoveryPointSelection},
};
use aws_smithy_types::DateTime;

use super::{
    super::{background::Outcome, backup, session::Session, tags},
    At, Change, begun, finished,
};
use crate::{
    domain::step::{LegalHold, Outputs, ReleaseHold},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// The output by which a hold is released.
pub const HOLD: &str = "legal_hold";

impl Change for LegalHold {
    /// Looks for the hold that an earlier call may have made. Its description names the operation and the ledger.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let description = description(at.call, self);
        let attempt = at.session.reads("backup:ListLegalHolds", format!("legal hold {}", self.title));
        let mut pages = at.session.backup().list_legal_holds().max_results(1000).into_paginator().send();
        while let Some(page) = pages.next().await {
            for found in page.map_err(|e| attempt.failed(e))?.legal_holds.unwrap_or_default() {
                let ours = found.title() == Some(&self.title) && found.description() == Some(description.as_str());
                let ours = ours && !tags::is_older(at.call, found.creation_date());
                let lives = matches!(found.status, Some(LegalHoldStatus::Creating | LegalHoldStatus::Active));
                if let (true, true, Some(id)) = (ours, lives, found.legal_hold_id) {
                    return Ok(Probe::Present(held(&id)));
                }
            }
        }
        Ok(Probe::Absent)
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        place(&at.session, at.call, self).await
    }

    /// Watches it until it holds.
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let Some(id) = at.call.external_id.as_deref() else {
            return Err(CloudError::Permanent {
                reason: "The id of the legal hold was never learnt. Retry the step.".to_owned(),
            });
        };
        let found = describe(&at.session, id).await?;
        if found.is_none() {
            let attempt = at.session.reads("backup:GetLegalHold", format!("legal hold {id}"));
            return Err(attempt.later("AWS Backup accepted it but does not show it", None));
        }
        Ok(match status(found.as_ref()) {
            Some(LegalHoldStatus::Active) => covered(&at.session, id, self).await?,
            Some(over @ (LegalHoldStatus::Canceled | LegalHoldStatus::Canceling)) => Progress::Failed {
                reason: format!(
                    "Legal hold {id} in {} is {}: somebody cancelled it. Ask who did, then hold the recovery point again.",
                    at.session.region,
                    over.as_str()
                ),
            },
            other => Progress::Running {
                percent: None,
                detail: other.as_ref().map_or("of unknown state", LegalHoldStatus::as_str).to_owned(),
            },
        })
    }
}

impl Change for ReleaseHold {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        Ok(match status(describe(&at.session, &self.hold).await?.as_ref()) {
            None | Some(LegalHoldStatus::Canceled) => Probe::Present(finished(&self.hold)),
            Some(LegalHoldStatus::Canceling) => Probe::Present(begun(&self.hold)),
            Some(_) => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        release(&at.session, &self.hold, &self.description).await
    }

    /// Watches it until it holds no longer.
    async fn poll(&self, at: &At<'_>) -> Outcome {
        Ok(match status(describe(&at.session, &self.hold).await?.as_ref()) {
            None | Some(LegalHoldStatus::Canceled) => {
                Progress::Done { outputs: Outputs::new(), detail: "CANCELED".to_owned() }
            }
            Some(other) => Progress::Running { percent: None, detail: other.as_str().to_owned() },
        })
    }
}

/// An ACTIVE hold is a selection, which may have met nothing: what it holds is asked for.
async fn covered(session: &Session, id: &str, wanted: &LegalHold) -> Result<Progress, CloudError> {
    let attempt = session.reads("backup:ListRecoveryPointsByLegalHold", format!("what legal hold {id} holds"));
    let mut pages = session.backup().list_recovery_points_by_legal_hold().legal_hold_id(id).into_paginator().send();
    while let Some(page) = pages.next().await {
        let members = page.map_err(|e| attempt.failed(e))?.recovery_points.unwrap_or_default();
        if members.iter().any(|m| m.resource_arn() == Some(wanted.resource_arn.as_str())) {
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

async fn place(session: &Session, call: &Call, hold: &LegalHold) -> Result<Started, CloudError> {
    let attempt = session.changes("backup:CreateLegalHold", format!("legal hold {}", hold.title));
    // AWS keeps times to the second or finer; whatever was made within this second is meant.
    let from = hold.created.seconds();
    let range =
        DateRange::builder().from_date(DateTime::from_secs(from)).to_date(DateTime::from_secs(from + 1)).build();
    let range = range.map_err(|e| attempt.never(&format!("it cannot be written ({e})"), "Report this."))?;
    let selection = RecoveryPointSelection::builder()
        .vault_names(&hold.vault)
        .resource_identifiers(&hold.resource_arn)
        .date_range(range)
        .build();
    let request = session
        .backup()
        .create_legal_hold()
        .title(&hold.title)
        .description(description(call, hold))
        .idempotency_token(&call.token)
        .recovery_point_selection(selection)
        .set_tags(Some(tags::of(call).into_iter().collect()));
    let answer = request.send().await.map_err(|e| attempt.failed(e))?;
    backup::not_of_an_earlier_life(call, answer.creation_date(), &attempt)?;
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
        Ok(_) => return Ok(begun(hold)),
        Err(error) => error,
    };
    match error.as_service_error() {
        // What is not there holds nothing.
        Some(gone) if gone.is_resource_not_found_exception() => Ok(finished(hold)),
        Some(state) if state.is_invalid_resource_state_exception() => {
            match status(describe(session, hold).await?.as_ref()) {
                None | Some(LegalHoldStatus::Canceled) => Ok(finished(hold)),
                Some(LegalHoldStatus::Canceling) => Ok(begun(hold)),
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

/// Names the operation, what is held and the ledger that asks, so that the hold of one step is never taken for that of
/// another, and that of an earlier life of the ledger not for one of this.
fn description(call: &Call, hold: &LegalHold) -> String {
    let LegalHold { vault, resource_arn, created, .. } = hold;
    let ledger = tags::ledger(call).map(|name| format!(", for ledger {name}")).unwrap_or_default();
    format!("bbws operation {}: {resource_arn} of {} in vault {vault}{ledger}", call.operation, created.iso())
}

fn held(id: &str) -> Started {
    let outputs = Outputs::from([(HOLD.to_owned(), id.to_owned())]);
    Started { external_id: Some(id.to_owned()), outputs, finished: false }
}
