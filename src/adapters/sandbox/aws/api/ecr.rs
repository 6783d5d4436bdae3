//! ECR: images of repositories described.

use serde_json::json;

use super::{Context, Outcome, Refusal, Request};

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "DescribeImages" => describe(cx, request),
        _ => Err(super::unknown(request)),
    }
}

fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let name = request.need("repositoryName")?.to_owned();
    let account = request.account().to_owned();
    let Some(images) = cx.place(request).ecs.repositories.get(&name).cloned() else {
        let why = format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
        return Err(Refusal::new("RepositoryNotFoundException", why));
    };
    let mut found = Vec::new();
    for wanted in request.list("imageIds") {
        let text = |key: &str| wanted.get(key).and_then(serde_json::Value::as_str);
        let (tag, digest) = (text("imageTag"), text("imageDigest"));
        let own = |(of, is): &(&String, &String)| {
            tag.is_none_or(|tag| tag == *of) && digest.is_none_or(|digest| digest == *is)
        };
        let Some((tag, digest)) = images.iter().find(own) else {
            let why =
                format!("The image with imageId {wanted} does not exist within the repository with name '{name}'");
            return Err(Refusal::new("ImageNotFoundException", why));
        };
        found.push(json!({
            "registryId": account,
            "repositoryName": name,
            "imageDigest": digest,
            "imageTags": [tag],
        }));
    }
    Ok(json!({"imageDetails": found}))
}
