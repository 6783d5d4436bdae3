//! KMS: whether a key is there and can be used, and data keys.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    super::world::{Tags, kms::Key},
    Context, Outcome, Refusal, Request,
};

/// What an encrypted data key begins with.
const MARK: &str = "simulated-kms";

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "CreateAlias" => create_alias(cx, request),
        "CreateKey" => create_key(cx, request),
        "Decrypt" => decrypt(cx, request),
        "DescribeKey" => describe_key(cx, request),
        "GetKeyRotationStatus" => rotation_status(cx, request),
        "GenerateDataKey" => generate_data_key(cx, request),
        _ => Err(super::unknown(request)),
    }
}

fn create_key(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = cx.world.next_id("key");
    let arn = format!("arn:aws:kms:{}:{}:key/{id}", request.region, request.account());
    let now = request.time(cx.now);
    let kms = &mut cx.place(request).kms;
    kms.add(request.account(), &request.region, &arn);
    // Nobody has asked for it yet.
    kms.keys.entry(arn.clone()).and_modify(|key| key.rotated = false);
    Ok(json!({"KeyMetadata": metadata(request, &arn, &Key { enabled: true, of_aws: false, rotated: false }, now)}))
}

fn create_alias(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (alias, key) = (request.need("AliasName")?, request.need("TargetKeyId")?);
    let kms = &mut cx.place(request).kms;
    let Some(arn) = kms.arn(key).map(str::to_owned) else { return Err(not_found(key)) };
    if kms.aliases.contains_key(alias) {
        return Err(Refusal::new("AlreadyExistsException", format!("An alias with the name {alias} already exists")));
    }
    kms.aliases.insert(alias.to_owned(), arn);
    Ok(json!({}))
}

fn generate_data_key(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let arn = usable(cx, request, request.need("KeyId")?)?;
    let nonce = cx.world.next_id("data key");
    let (plain, blob) = data_key(cx.world.seed, &arn, &nonce, &request.tags("EncryptionContext"));
    Ok(json!({"KeyId": arn, "Plaintext": BASE64.encode(plain), "CiphertextBlob": BASE64.encode(blob)}))
}

fn decrypt(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let unknown =
        || Refusal::new("InvalidCiphertextException", "The ciphertext or its encryption context is another one.");
    let blob = BASE64.decode(request.need("CiphertextBlob")?).ok().and_then(|blob| String::from_utf8(blob).ok());
    let blob = blob.ok_or_else(unknown)?;
    let [MARK, arn, nonce, sealed_with] = blob.split(' ').collect::<Vec<_>>()[..] else { return Err(unknown()) };
    if let Some(named) = request.text("KeyId")
        && cx.place(request).kms.arn(named) != Some(arn)
    {
        return Err(Refusal::new("IncorrectKeyException", "The key ID in the request does not identify the key."));
    }
    let arn = usable(cx, request, arn)?;
    let context = request.tags("EncryptionContext");
    if sealed_with != hash(&context) {
        return Err(unknown());
    }
    let (plain, _) = data_key(cx.world.seed, &arn, nonce, &context);
    Ok(json!({"KeyId": arn, "Plaintext": BASE64.encode(plain), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}))
}

/// A data key in the clear, and what KMS gives of it to be kept.
pub(in super::super) fn data_key(seed: u64, arn: &str, nonce: &str, context: &Tags) -> ([u8; 32], String) {
    let plain = Sha256::digest(format!("{seed} {arn} {nonce}")).into();
    (plain, format!("{MARK} {arn} {nonce} {}", hash(context)))
}

/// The encryption context, as a hash: without it nothing is opened.
fn hash(context: &Tags) -> String {
    hex::encode(Sha256::digest(json!(context).to_string()))
}

/// The ARN of a key that can be used.
fn usable(cx: &mut Context<'_>, request: &Request, name: &str) -> Result<String, Refusal> {
    match cx.place(request).kms.key(name) {
        None => Err(not_found(name)),
        Some((arn, key)) if !key.enabled => Err(Refusal::new("DisabledException", format!("{arn} is disabled."))),
        Some((arn, _)) => Ok(arn.to_owned()),
    }
}

fn not_found(name: &str) -> Refusal {
    let what = if name.contains("alias/") { "Alias" } else { "Key" };
    Refusal::new("NotFoundException", format!("{what} {name} is not found."))
}

/// Unlike others it takes no alias.
fn rotation_status(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let name = request.need("KeyId")?;
    let found = cx.place(request).kms.key(name).filter(|_| !name.contains("alias/"));
    let Some((arn, key)) = found else { return Err(not_found(name)) };
    let mut answer = json!({"KeyId": arn, "KeyRotationEnabled": key.rotated || key.of_aws});
    if key.rotated {
        answer["RotationPeriodInDays"] = 365.into();
    }
    Ok(answer)
}

fn describe_key(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let name = request.need("KeyId")?;
    let made = request.time(cx.now - std::time::Duration::from_secs(400 * 86_400));
    let Some((arn, key)) = cx.place(request).kms.key(name) else {
        return Err(not_found(name));
    };
    Ok(json!({"KeyMetadata": metadata(request, arn, key, made)}))
}

fn metadata(request: &Request, arn: &str, key: &Key, made: Value) -> Value {
    json!({
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
    })
}
