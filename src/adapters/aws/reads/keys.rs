//! The keys that backups lie under, and how they are rotated.

use super::{
    super::{AwsCloud, backup, kms, session::Session, side_by_side},
    points,
};
use crate::{
    domain::{
        environment::Environment,
        lag::Side,
        world::{KeyFound, Rotation},
    },
    ports::cloud::CloudError,
};

/// Reads the keys of vaults, of copies of databases and of dumps.
pub async fn read(cloud: &AwsCloud, environment: &Environment, requester: &str) -> Vec<KeyFound> {
    let mut asked = Vec::new();
    for side in points::BOTH.into_iter().filter(|side| *side == Side::Primary || environment.replicates()) {
        let session = cloud.sessions.get(environment, points::region(environment, side), requester).await;
        let (vault, own) = match side {
            Side::Primary => (Some(&environment.vault), ("dumps", environment.dump_kms_key.as_ref())),
            Side::Dr => (environment.dr_vault.as_ref(), ("copies of databases", environment.dr_kms_key.as_ref())),
        };
        if let Some(vault) = vault {
            asked.push((session.clone(), format!("vault {vault}"), Named::Vault(vault.clone())));
        }
        if let (what, Some(key)) = own {
            asked.push((session.clone(), format!("{what} in {}", session.region), Named::Key(key.clone())));
        }
    }
    let read = asked.into_iter().map(|(session, name, key)| async move { one(&session, name, key).await });
    side_by_side(read.collect()).await
}

/// How a key is named.
enum Named {
    /// As what this vault is encrypted under.
    Vault(String),
    /// As the config has it.
    Key(String),
}

async fn one(session: &Session, name: String, named: Named) -> KeyFound {
    let found = look(session, named).await;
    let (id, rotation) = match found {
        Ok((id, rotation)) => (id, Ok(rotation)),
        Err(error) => (String::new(), Err(error.to_string())),
    };
    KeyFound { name, id, region: session.region.clone(), rotation }
}

async fn look(session: &Session, named: Named) -> Result<(String, Rotation), CloudError> {
    let key = match named {
        Named::Key(key) => key,
        Named::Vault(vault) => match backup::describe_vault(session, &vault).await?.encryption_key_arn {
            Some(key) => key,
            // A vault that names no key lies under one that AWS owns.
            None => return Ok((vault, Rotation::ByAws)),
        },
    };
    kms::rotation(session, &key).await
}
