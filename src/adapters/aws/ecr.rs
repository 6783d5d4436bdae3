//! ECR: whether the images that tasks are started from are in the registry of a region.

use aws_sdk_ecr::types::ImageIdentifier;

use super::session::Session;
use crate::ports::cloud::{CloudError, Condition};

/// An image in a registry of ECR, by what task definitions call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Account of the registry.
    pub account: String,
    /// Its region.
    pub region: String,
    repository: String,
    id: Id,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Id {
    Tag(String),
    Digest(String),
}

impl Image {
    /// Takes a name apart; none where it is not one of ECR's private registries.
    pub fn parse(name: &str) -> Option<Image> {
        let (host, path) = name.split_once('/')?;
        let (account, host) = host.split_once(".dkr.ecr.")?;
        let region = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
        let region = region.strip_suffix(".vpce").unwrap_or(region);
        let (repository, id) = match path.split_once('@') {
            // A digest goes before a tag beside it.
            Some((path, digest)) => {
                (path.split_once(':').map_or(path, |(repository, _)| repository), Id::Digest(digest.to_owned()))
            }
            None => match path.split_once(':') {
                Some((repository, tag)) => (repository, Id::Tag(tag.to_owned())),
                None => (path, Id::Tag("latest".to_owned())),
            },
        };
        let owned = |text: &str| text.to_owned();
        Some(Image { account: owned(account), region: owned(region), repository: owned(repository), id })
    }
}

/// Whether an image of the session's region is there: its digest, or why not.
///
/// # Errors
/// See [`CloudError`].
pub async fn image(session: &Session, image: &Image) -> Result<Condition, CloudError> {
    let repository = &image.repository;
    let attempt = session.reads("ecr:DescribeImages", format!("image of repository {repository}"));
    let id = match &image.id {
        Id::Tag(tag) => ImageIdentifier::builder().image_tag(tag),
        Id::Digest(digest) => ImageIdentifier::builder().image_digest(digest),
    };
    let request = session.ecr().describe_images().registry_id(&image.account).repository_name(repository);
    match request.image_ids(id.build()).send().await {
        Ok(answer) => Ok(match answer.image_details().iter().find_map(|found| found.image_digest()) {
            Some(digest) => Ok(digest.to_owned()),
            None => Err(format!("ECR in {} describes it without a digest", session.region)),
        }),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_image_not_found_exception()) => {
            Ok(Err(format!("repository {repository} in {} has no such image: push it there", session.region)))
        }
        Err(error) if error.as_service_error().is_some_and(|e| e.is_repository_not_found_exception()) => {
            Ok(Err(format!("ECR in {} has no repository {repository}: replicate it there", session.region)))
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_which_registry_repository_and_image_it_is() {
        let of = |id: Id| Image {
            account: "093646564004".into(),
            region: "eu-west-1".into(),
            repository: "bbws/wordpress".into(),
            id,
        };
        let host = "093646564004.dkr.ecr.eu-west-1.amazonaws.com/bbws/wordpress";
        assert_eq!(Image::parse(&format!("{host}:6.5")), Some(of(Id::Tag("6.5".into()))));
        assert_eq!(Image::parse(host), Some(of(Id::Tag("latest".into()))));
        assert_eq!(Image::parse(&format!("{host}:6.5@sha256:aa")), Some(of(Id::Digest("sha256:aa".into()))));
        for other in ["wordpress:6.5", "public.ecr.aws/docker/library/wordpress:6", "registry.example.com/a:1", ""] {
            assert_eq!(Image::parse(other), None, "{other}");
        }
    }
}
