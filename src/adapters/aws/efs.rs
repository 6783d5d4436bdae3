//! EFS: file systems as they are.

use std::collections::BTreeMap;

use aws_sdk_efs::types::LifeCycleState;

use super::{moment, session::Session, side_by_side};
use crate::{
    domain::{moment::Moment, restored, world::AccessPointFound},
    ports::cloud::{CloudError, FileSystemFound},
};

/// Describes file systems by id. What does not exist is absent.
///
/// # Errors
/// See [`CloudError`].
pub async fn file_systems(session: &Session, ids: &[String]) -> Result<Vec<FileSystemFound>, CloudError> {
    let found = side_by_side(ids.iter().map(|id| file_system(session, id)).collect()).await;
    Ok(found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

async fn file_system(session: &Session, id: &str) -> Result<Option<FileSystemFound>, CloudError> {
    let attempt = session.reads("elasticfilesystem:DescribeFileSystems", format!("file system {id}"));
    let answer = match session.efs().describe_file_systems().file_system_id(id).send().await {
        Ok(answer) => answer,
        Err(error) if error.as_service_error().is_some_and(|e| e.is_file_system_not_found()) => return Ok(None),
        Err(error) => return Err(attempt.failed(error)),
    };
    let found = answer.file_systems.unwrap_or_default().into_iter().find(|fs| fs.file_system_id == id);
    let fs = found.ok_or_else(|| attempt.later("EFS neither shows it nor says that it does not exist", None))?;
    Ok(Some(FileSystemFound {
        arn: fs.file_system_arn.unwrap_or_else(|| {
            format!("arn:aws:elasticfilesystem:{}:{}:file-system/{id}", session.region, fs.owner_id)
        }),
        id: fs.file_system_id,
        encrypted: fs.encrypted.unwrap_or(false),
        size_bytes: fs.size_in_bytes.and_then(|size| u64::try_from(size.value).ok()).unwrap_or(0),
        status: fs.life_cycle_state.as_str().to_owned(),
    }))
}

/// The access points of file systems.
///
/// # Errors
/// See [`CloudError`].
pub async fn access_points(session: &Session, ids: &[String]) -> Result<Vec<AccessPointFound>, CloudError> {
    let found = side_by_side(ids.iter().map(|id| access_points_of(session, id)).collect()).await;
    Ok(found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

async fn access_points_of(session: &Session, id: &str) -> Result<Vec<AccessPointFound>, CloudError> {
    let attempt = session.reads("elasticfilesystem:DescribeAccessPoints", format!("access points of file system {id}"));
    let request = session.efs().describe_access_points().file_system_id(id).max_results(100);
    let mut pages = request.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_file_system_not_found()) => break,
            Err(error) => return Err(attempt.failed(error)),
        };
        for point in page.access_points.unwrap_or_default() {
            let going = [LifeCycleState::Deleting, LifeCycleState::Deleted];
            if point.life_cycle_state.is_some_and(|state| going.contains(&state)) {
                continue;
            }
            // One that names no folder leads to the root.
            let path = point.root_directory.and_then(|root| root.path).unwrap_or_else(|| "/".to_owned());
            let id = point.access_point_id.unwrap_or_default();
            found.push(AccessPointFound { id, file_system: point.file_system_id.unwrap_or_default(), path });
        }
    }
    Ok(found)
}

/// Every file system of the account in the session's region: id and name.
///
/// # Errors
/// See [`CloudError`].
pub async fn all(session: &Session) -> Result<Vec<(String, String)>, CloudError> {
    let attempt = session.reads("elasticfilesystem:DescribeFileSystems", "the file systems");
    let mut pages = session.efs().describe_file_systems().max_items(100).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        for fs in page.map_err(|e| attempt.failed(e))?.file_systems.unwrap_or_default() {
            // One that a test restore is just making has no name yet, but a creation token that tells.
            let token = Some(fs.creation_token).filter(|token| restored::is_named(token));
            let name = fs.name.filter(|name| !name.is_empty()).or(token).unwrap_or_else(|| fs.file_system_id.clone());
            found.push((fs.file_system_id, name));
        }
    }
    Ok(found)
}

/// When each file system was last replicated to a region, by the id of its source; a replication that has not finished once
/// is absent.
///
/// # Errors
/// See [`CloudError`].
pub async fn replicated(session: &Session, to: &str) -> Result<BTreeMap<String, Moment>, CloudError> {
    let attempt =
        session.reads("elasticfilesystem:DescribeReplicationConfigurations", "the replication of file systems");
    let mut pages = session.efs().describe_replication_configurations().max_results(100).into_paginator().send();
    let mut found = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_replication_not_found()) => break,
            Err(error) => return Err(attempt.failed(error)),
        };
        for replication in page.replications.unwrap_or_default() {
            let there = replication.destinations.iter().filter(|d| d.region == to);
            if let Some(last) = there.filter_map(|d| d.last_replicated_timestamp.and_then(moment)).max() {
                found.insert(replication.source_file_system_id, last);
            }
        }
    }
    Ok(found)
}
