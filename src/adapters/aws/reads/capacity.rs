//! Whether the account may have as many databases on a side as a move there makes, by the quotas of RDS.

use std::collections::BTreeMap;

use futures::future::join;

use super::{
    super::{
        quotas::{self, Quota},
        rds,
        session::Session,
    },
    readiness::brief,
};
use crate::domain::{
    environment::{Environment, Side},
    readiness::{Found, Prerequisite},
};

const INSTANCES: &str = "DBInstances";
/// In GiB.
const STORAGE: &str = "AllocatedStorage";

/// Looks at the side that is gone to. `other`: the one that is left, which tells how large its databases are.
pub async fn look(config: &Environment, side: Side, session: &Session, other: Option<&Session>) -> Vec<Prerequisite> {
    // A replica is there already; what is restored, and what a way home makes, is not.
    let made = config.databases.iter().filter(|database| side == Side::Primary || database.dr_replica.is_none());
    let made: Vec<&str> = made.map(|database| database.id.as_str()).collect();
    if config.databases.is_empty() {
        return Vec::new();
    }
    let beside = async {
        match other {
            Some(session) => {
                let (theirs, size) = join(quotas::rds(session), size(config, session, &made)).await;
                (theirs.ok(), size)
            }
            None => (None, made.is_empty().then_some(0)),
        }
    };
    let (own, (theirs, size)) = join(quotas::rds(session), beside).await;
    let needed = [(INSTANCES, Some(made.len() as u64)), (STORAGE, size)];
    let each = needed.into_iter().map(|(name, needed)| {
        let found = match &own {
            Ok(own) => compared(own.get(name), needed, beside_of(theirs.as_ref(), name, config.region(side.other()))),
            Err(error) => Found::Unknown(brief(error)),
        };
        Prerequisite { subject: format!("RDS quota {name} in {}", session.region), vital: false, found }
    });
    each.collect()
}

/// What these databases come to in GiB, where all of them can be seen under the names they have there.
async fn size(config: &Environment, other: &Session, made: &[&str]) -> Option<u64> {
    let names: Vec<&str> = match other.region == config.primary_region {
        true => made.to_vec(),
        // In the DR region its heir has its data.
        false => config.databases.iter().filter_map(|database| database.dr_replica.as_deref()).collect(),
    };
    if made.is_empty() {
        return Some(0);
    }
    let found = rds::describe_instances(other, &names).await.ok()?;
    let sizes: Vec<u64> = found.values().filter_map(|db| u64::try_from(db.allocated_storage()?).ok()).collect();
    (sizes.len() == made.len()).then(|| sizes.iter().sum())
}

fn beside_of(theirs: Option<&BTreeMap<String, Quota>>, name: &str, region: &str) -> String {
    let quota = theirs.and_then(|theirs| theirs.get(name));
    quota.map(|quota| format!("; in {region} {} of {}", quota.used, quota.most)).unwrap_or_default()
}

fn compared(own: Option<&Quota>, needed: Option<u64>, beside: String) -> Found {
    let Some(own) = own else { return Found::Unknown("RDS does not say".to_owned()) };
    let used = format!("{} of {} are used{beside}", own.used, own.most);
    match needed {
        None => Found::Unknown(format!("{used}, and how much more a move needs cannot be seen")),
        Some(needed) if needed > own.free() => {
            Found::Lacking(format!("{used}, and a move makes {needed} more: ask for more in Service Quotas"))
        }
        Some(needed) => Found::Ready(format!("{used}, and a move makes {needed} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_move_makes_has_to_fit_into_what_is_left() {
        let own = Quota { used: 38, most: 40 };
        assert!(matches!(compared(Some(&own), Some(2), String::new()), Found::Ready(_)));
        assert!(matches!(compared(Some(&own), Some(3), String::new()), Found::Lacking(_)));
        assert!(matches!(compared(Some(&own), None, String::new()), Found::Unknown(_)));
        assert!(matches!(compared(None, Some(0), String::new()), Found::Unknown(_)));
        let over = Quota { used: 41, most: 40 };
        assert!(matches!(compared(Some(&over), Some(0), String::new()), Found::Ready(_)), "nothing is made");
    }
}
