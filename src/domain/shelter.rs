//! What protects an environment where it runs: another region, with what stands ready there by the config.

use super::{
    active::Active,
    environment::{Environment, Side},
};

/// A region that protects an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shelter {
    /// The region in which the environment runs.
    pub from: String,
    /// The DB instances that are live there, each with the name of its replica; none where it gets none.
    pub replicas: Vec<(String, Option<String>)>,
    /// The region.
    pub region: String,
    /// Backup vault there, where the config names one.
    pub vault: Option<String>,
    /// KMS key there, likewise.
    pub key: Option<String>,
    /// DB subnet group of what is made there and takes no other instance's settings, likewise.
    pub subnet_group: Option<String>,
    /// VPC security groups of the same.
    pub security_groups: Vec<String>,
    /// ECS cluster of the platform there.
    pub cluster: Option<String>,
}

impl Shelter {
    /// What protects an environment where it runs, in the region of this name, or in the other one of its two where none is named. `third`
    /// gives the name of a database's replica in a third region.
    ///
    /// # Errors
    /// Why that region does not protect it.
    pub fn of(
        env: &Environment,
        active: &Active,
        named: Option<&str>,
        third: impl Fn(&str) -> String,
    ) -> Result<Shelter, String> {
        let from = env.region(active.side);
        let region = match named {
            None => env.region(active.side.other()),
            Some("primary") => &env.primary_region,
            Some("dr") => &env.dr_region,
            Some(named) => named,
        };
        if region == from {
            return Err(format!("`{}` runs in {from} itself: what protects it has to be elsewhere.", env.name));
        }
        let replica = |id: &str, own: &Option<String>| match region {
            _ if region == env.primary_region => Some(id.to_owned()),
            _ if region == env.dr_region => own.clone(),
            _ => Some(third(id)),
        };
        let live = |id: &str| match active.side {
            Side::Primary => id.to_owned(),
            Side::Dr => active.database(env, id),
        };
        let replicas = env.databases.iter().map(|d| (live(&d.id), replica(&d.id, &d.dr_replica))).collect();
        let (from, region) = (from.to_owned(), region.to_owned());
        let shelter = Shelter { from, replicas, region, ..Shelter::default() };
        if shelter.region == env.primary_region {
            return Ok(Shelter {
                vault: Some(env.vault.clone()),
                key: env.dr.primary_kms_key.clone(),
                cluster: env.services.as_ref().map(|services| services.cluster.clone()),
                ..shelter
            });
        }
        if shelter.region == env.dr_region {
            return Ok(Shelter {
                vault: env.dr_vault.clone(),
                key: env.dr_kms_key.clone(),
                subnet_group: env.dr.db_subnet_group.clone(),
                security_groups: env.dr.db_security_groups.clone(),
                cluster: env.standby_cluster().map(str::to_owned),
                ..shelter
            });
        }
        match (&env.dr.third_region, &env.dr.third) {
            (Some(third), Some(ready)) if *third == shelter.region => Ok(Shelter {
                vault: Some(ready.vault.clone()),
                key: Some(ready.kms_key.clone()),
                subnet_group: Some(ready.subnet_group.clone()),
                ..shelter
            }),
            (Some(third), None) if *third == shelter.region => Err(format!(
                "Nothing stands ready in {third}: `dns.third` of `{}` in bbws.toml names no vault, key and subnet group there.",
                env.name
            )),
            (third, _) => {
                let third = third.as_ref().map(|third| format!(", {third}")).unwrap_or_default();
                Err(format!(
                    "`{}` is no region that the config names for `{}`; it names {}, {}{third}.",
                    shelter.region, env.name, env.primary_region, env.dr_region
                ))
            }
        }
    }
}
