//! Vaults, buckets, keys and regions: usable, or why not.

use futures::future::{BoxFuture, FutureExt as _};

use super::super::{backup, kms, s3, session::Session, side_by_side};
use super::{survey, watch::Watch};
use crate::{
    domain::lag::Side,
    ports::cloud::{CloudError, Condition},
};

type Places = Vec<(String, Condition)>;

/// Looks at every place of the environment.
pub async fn look(watch: &Watch<'_>) -> Places {
    let environment = watch.environment;
    let mut asked: Vec<BoxFuture<'_, Places>> = Vec::new();
    let mut places = vec![region(&environment.primary_region, &watch.here)];
    if let Ok(here) = watch.session(Side::Primary) {
        asked.push(vault(here, format!("vault {}", environment.vault), &environment.vault).boxed());
        if let Some(name) = &environment.secrets_bucket {
            asked.push(bucket(here, format!("bucket {name}"), name, &environment.account).boxed());
        }
        for data in &environment.buckets {
            asked.push(bucket(here, format!("bucket {}", data.name), &data.name, &environment.account).boxed());
        }
        if let Some(key) = &environment.dump_kms_key {
            asked.push(one(format!("KMS key of dumps {key}"), kms::usable(here, key)).boxed());
        }
    }
    if let Some(there) = &watch.there {
        places.push(region(&environment.dr_region, there));
    }
    if let Ok(there) = watch.session(Side::Dr) {
        match &environment.dr_vault {
            Some(name) => asked.push(vault(there, format!("DR vault {name}"), name).boxed()),
            None => places.push(("DR vault".to_owned(), Err(survey::unset(environment, "dr_vault")))),
        }
        if let Some(key) = &environment.dr_kms_key {
            asked.push(one(format!("DR KMS key {key}"), kms::usable(there, key)).boxed());
        }
        if let Some(name) = &environment.dr_secrets_bucket {
            let label = format!("DR bucket {name}");
            asked.push(match &watch.here {
                Ok(here) => one(label, survey::dr_bucket(here, there, environment)).boxed(),
                Err(_) => bucket(there, label, name, &environment.account).boxed(),
            });
        }
        for name in environment.buckets.iter().filter_map(|b| b.dr.as_ref()) {
            asked.push(bucket(there, format!("DR bucket {name}"), name, &environment.account).boxed());
        }
    }
    places.extend(side_by_side(asked).await.into_iter().flatten());
    places
}

fn region(name: &str, session: &Result<std::sync::Arc<Session>, String>) -> (String, Condition) {
    (format!("region {name}"), session.as_ref().map(|_| "it answers".to_owned()).map_err(Clone::clone))
}

async fn one(label: String, asked: impl Future<Output = Result<Condition, CloudError>>) -> Places {
    vec![(label, asked.await.unwrap_or_else(|error| Err(error.to_string())))]
}

async fn bucket(session: &Session, label: String, name: &str, account: &str) -> Places {
    one(label, s3::bucket(session, name, account)).await
}

/// A vault, and the key of what is in it.
async fn vault(session: &Session, label: String, name: &str) -> Places {
    let found = match backup::describe_vault(session, name).await {
        Ok(found) => found,
        Err(error) => return vec![(label, Err(error.to_string()))],
    };
    let usable = backup::usable(session, name, found.vault_state.as_ref(), found.backup_vault_arn);
    let locked = if found.locked == Some(true) { ", locked" } else { "" };
    let mut places = vec![(label.clone(), usable.map(|arn| format!("{arn}{locked}")))];
    if let Some(key) = &found.encryption_key_arn {
        places.extend(one(format!("KMS key of {label}"), kms::usable(session, key)).await);
    }
    places
}
