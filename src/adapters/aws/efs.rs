//! EFS: file systems as they are.

use super::{session::Session, side_by_side};
use crate::ports::cloud::{CloudError, FileSystemFound};

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
    Ok(answer.file_systems.unwrap_or_default().into_iter().find(|fs| fs.file_system_id == id).map(|fs| {
        FileSystemFound {
            arn: fs.file_system_arn.unwrap_or_else(|| {
                format!("arn:aws:elasticfilesystem:{}:{}:file-system/{id}", session.region, fs.owner_id)
            }),
            id: fs.file_system_id,
            encrypted: fs.encrypted.unwrap_or(false),
            size_bytes: fs.size_in_bytes.and_then(|size| u64::try_from(size.value).ok()).unwrap_or(0),
            status: fs.life_cycle_state.as_str().to_owned(),
        }
    }))
}
