//! Vaults.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{
    super::{
        super::world::backup::{Lock, Vault},
        Context, Outcome, Refusal, Request,
    },
    BACKUP_KEY, key_arn, page_of, vault_of,
};
use crate::domain::moment::Moment;

/// `CreateBackupVault`.
pub(super) fn create(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let name = request.need("backupVaultName")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(2..=50).contains(&name.len()) || !name.chars().all(fits) {
        return Err(request.invalid("Backup vault names have 2 to 50 letters, digits, hyphens and underscores."));
    }
    if cx.place(request).backup.vaults.contains_key(name) {
        return Err(Refusal::new("AlreadyExistsException", "Backup vault with the same name already exists"));
    }
    let key = match request.text("EncryptionKeyArn") {
        Some(key) => key.to_owned(),
        None => key_arn(cx, request, BACKUP_KEY),
    };
    let arn = format!("arn:aws:backup:{}:{}:backup-vault:{name}", request.region, request.account());
    let creator_request = request.text("CreatorRequestId").map(str::to_owned);
    let (arn, lock) = (arn.clone(), Lock::default());
    let vault =
        Vault { arn: arn.clone(), key, created: cx.now, points: BTreeMap::new(), locked: false, lock, creator_request };
    cx.place(request).backup.vaults.insert(name.to_owned(), vault);
    Ok(json!({ "BackupVaultName": name, "BackupVaultArn": arn, "CreationDate": request.time(cx.now) }))
}

/// `DescribeBackupVault`.
pub(super) fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (name, now) = (request.need("backupVaultName")?, cx.now);
    vault_of(cx, request, name)?;
    let here = &mut cx.place(request).backup;
    Ok(here.vaults.get(name).map_or(Value::Null, |vault| shown(request, name, vault, now)))
}

/// `ListBackupVaults`.
pub(super) fn list(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let now = cx.now;
    page_of(
        request,
        "BackupVaultList",
        &cx.place(request).backup.vaults,
        |_, _| true,
        |name, vault| shown(request, name, vault, now),
    )
}

fn shown(request: &Request, name: &str, vault: &Vault, now: Moment) -> Value {
    let points = vault.points.values().filter(|point| point.status(now).is_some()).count();
    json!({
        "BackupVaultName": name,
        "BackupVaultArn": vault.arn,
        "VaultType": "BACKUP_VAULT",
        "VaultState": "AVAILABLE",
        "EncryptionKeyArn": vault.key,
        "CreationDate": request.time(vault.created),
        "CreatorRequestId": vault.creator_request,
        "NumberOfRecoveryPoints": points,
        "Locked": vault.locked,
        "MinRetentionDays": vault.lock.min_days,
        "MaxRetentionDays": vault.lock.max_days,
        "LockDate": vault.lock.from.map(|from| request.time(from)),
    })
}

/// `PutBackupVaultLockConfiguration`.
pub(super) fn lock(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let name = request.need("backupVaultName")?;
    vault_of(cx, request, name)?;
    let (now, days) = (cx.now, |key: &str| request.input[key].as_i64());
    let grace = days("ChangeableForDays");
    if grace.is_some_and(|grace| grace < 3) {
        return Err(request.invalid("ChangeableForDays must be 3 or more."));
    }
    let from = grace.and_then(|grace| u64::try_from(grace).ok()).map(|grace| now + Duration::from_secs(grace * 86_400));
    let lock = Lock { from, min_days: days("MinRetentionDays"), max_days: days("MaxRetentionDays") };
    if let Some(vault) = cx.place(request).backup.vaults.get_mut(name) {
        vault.locked = true;
        vault.lock = lock;
    }
    Ok(json!({}))
}
