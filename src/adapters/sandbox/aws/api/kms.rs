//! KMS: whether a key is there and can be used.

use serde_json::json;

use super::{Context, Outcome, Refusal, Request};

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "DescribeKey" => describe_key(cx, request),
        _ => Err(super::unknown(request)),
    }
}

fn describe_key(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let name = request.need("KeyId")?;
    let made = request.time(cx.now - std::time::Duration::from_secs(400 * 86_400));
    let Some((arn, key)) = cx.place(request).kms.key(name) else {
        let what = if name.contains("alias/") { "Alias" } else { "Key" };
        return Err(Refusal::new("NotFoundException", format!("{what} {name} is not found.")));
    };
    Ok(json!({"KeyMetadata": {
        "AWSAccountId": request.account(),
        "KeyId": arn.rsplit('/').next(),
        "Arn": arn,
        "CreationDate": made,
        "Enabled": key.enabled,
        "KeyState": if key.enabled { "Enabled" } else { "Disabled" },
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "KeyManager": if key.of_aws { "AWS" } else { "CUSTOMER" },
        "Origin": "AWS_KMS",
        "MultiRegion": false,
    }}))
}
