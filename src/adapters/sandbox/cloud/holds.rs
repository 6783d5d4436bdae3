//! Simulated legal holds of AWS Backup, found again by their idempotency token.

use super::{
    Making, Start,
    backup::{used, vault_exists},
    estate::Hold,
    journal::Made,
    time::{Course, between, uuid_for},
    world::{Aws, permanent},
};
use crate::{
    domain::{moment::Moment, step::Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// What `CreateLegalHold` is asked for.
pub(super) struct Wanted<'a> {
    pub(super) region: &'a str,
    pub(super) vault: &'a str,
    pub(super) resource_arn: &'a str,
    pub(super) created: Moment,
    pub(super) title: &'a str,
}

/// `CreateLegalHold`.
pub(super) fn create(making: &mut Making<'_>, wanted: &Wanted<'_>) -> Start {
    let account = making.account().to_owned();
    let (now, call, seed) = (making.now, making.call, making.aws.seed);
    let Wanted { region, vault, resource_arn, created, title } = *wanted;
    let request = format!("CreateLegalHold {vault} {resource_arn} {} {title}", created.seconds());
    let place = making.aws.region_mut(&account, region)?;
    if let Some(id) = used(place, &call.token, &request)? {
        return Ok((held(&id), None));
    }
    vault_exists(place, region, vault)?;
    let id = uuid_for(seed, &format!("hold/{account}/{region}/{}", call.token));
    let hold = Hold {
        title: title.to_owned(),
        vault: vault.to_owned(),
        resource_arn: resource_arn.to_owned(),
        created,
        course: Course::new(now, now, between(seed, &id, 10, 45), None),
        canceling: None,
    };
    place.tokens.insert(call.token.clone(), (request, id.clone()));
    place.holds.insert(id.clone(), hold);
    Ok((held(&id), Some(Made::Hold { region: region.to_owned(), id })))
}

/// Looks for the hold that this token made.
pub(super) fn probe(aws: &Aws, call: &Call, region: &str) -> Result<Probe, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let known = place.tokens.get(&call.token).filter(|(_, id)| place.holds.contains_key(id));
    Ok(known.map_or(Probe::Absent, |(_, id)| Probe::Present(held(id))))
}

/// How far a hold is.
pub(super) fn poll(aws: &Aws, call: &Call, region: &str, now: Moment) -> Result<Progress, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let Some(id) = call.external_id.as_ref().or(place.tokens.get(&call.token).map(|(_, id)| id)) else {
        return Err(permanent(format!(
            "no legal hold is known for step {} of {}, so it cannot be watched; press Retry",
            call.step + 1,
            call.operation
        )));
    };
    let Some(hold) = place.holds.get(id) else {
        return Ok(Progress::Failed {
            reason: format!("AWS Backup knows no legal hold {id} in {region}; press Retry"),
        });
    };
    Ok(match hold.status(now) {
        "ACTIVE" => Progress::Done { outputs: outputs(id), detail: "ACTIVE".to_owned() },
        "CREATING" => Progress::Running { percent: None, detail: "CREATING".to_owned() },
        status => Progress::Failed {
            reason: format!("legal hold {id} in {region} is {status}: somebody released it; ask for the hold again"),
        },
    })
}

/// `CancelLegalHold`.
pub(super) fn release(making: &mut Making<'_>, region: &str, id: &str) -> Start {
    let account = making.account().to_owned();
    let (now, seed) = (making.now, making.aws.seed);
    let place = making.aws.region_mut(&account, region)?;
    let Some(hold) = place.holds.get_mut(id) else { return Err(no_hold(id, region)) };
    if hold.canceling.is_some() {
        return Ok((held(id), None));
    }
    if hold.status(now) == "CREATING" {
        return Err(super::world::retryable(format!(
            "legal hold {id} in {region} is still CREATING (ConflictException); it will be tried again"
        )));
    }
    hold.canceling = Some(Course::new(now, now, between(seed, &format!("release/{id}"), 10, 45), None));
    Ok((held(id), Some(Made::Released { region: region.to_owned(), id: id.to_owned() })))
}

/// A hold that is being canceled is as good as released.
pub(super) fn probe_release(aws: &Aws, call: &Call, region: &str, id: &str) -> Result<Probe, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let hold = place.holds.get(id).ok_or_else(|| no_hold(id, region))?;
    Ok(if hold.canceling.is_some() { Probe::Present(held(id)) } else { Probe::Absent })
}

/// How far a release is.
pub(super) fn poll_release(
    aws: &Aws,
    call: &Call,
    region: &str,
    id: &str,
    now: Moment,
) -> Result<Progress, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let hold = place.holds.get(id).ok_or_else(|| no_hold(id, region))?;
    Ok(match hold.status(now) {
        "CANCELED" => Progress::Done { outputs: outputs(id), detail: "CANCELED".to_owned() },
        "CANCELING" => Progress::Running { percent: None, detail: "CANCELING".to_owned() },
        status => Progress::Failed { reason: format!("legal hold {id} in {region} is still {status}; press Retry") },
    })
}

fn no_hold(id: &str, region: &str) -> CloudError {
    permanent(format!("legal hold {id} does not exist in {region}; look at the holds in the console"))
}

fn outputs(id: &str) -> Outputs {
    Outputs::from([("legal_hold".to_owned(), id.to_owned())])
}

fn held(id: &str) -> Started {
    Started { external_id: Some(id.to_owned()), outputs: outputs(id), finished: false }
}
