//! What is to take a database's place on the other side: whether its groups and its key are as needed there.

use aws_sdk_rds::types::DbInstance;

use super::{
    super::{kms, rds, session::Session},
    readiness::{brief, one},
};
use crate::domain::{
    environment::{Database, Environment},
    proven::{Form, Forms, Part},
    readiness::{Found, Prerequisite},
};

/// What begins the names of groups that RDS brings with it.
const OF_RDS: &str = "default";
/// A group is as it should be.
const IN_SYNC: &str = "in-sync";

/// Groups of one kind, by their names and what RDS says of them.
type Groups = Vec<(String, String)>;

/// Looks at it. The primary region is only asked for what is told beside, where it answers.
pub async fn look(config: &Environment, there: &Session, primary: Option<&Session>) -> (Vec<Prerequisite>, Forms) {
    let replicas: Vec<&str> = config.databases.iter().filter_map(|database| database.dr_replica.as_deref()).collect();
    let sources: Vec<&str> = config.databases.iter().map(|database| database.id.as_str()).collect();
    let of_sources = async {
        match primary {
            Some(session) if !sources.is_empty() => rds::describe_instances(session, &sources).await.ok(),
            Some(_) | None => None,
        }
    };
    let of_replicas = async {
        match replicas.is_empty() {
            true => Ok(rds::Instances::new()),
            false => rds::describe_instances(there, &replicas).await,
        }
    };
    let (sources, replicas) = futures::future::join(of_sources, of_replicas).await;
    let replicas = match replicas {
        Ok(replicas) => replicas,
        Err(error) => {
            let found = Found::Unknown(brief(&error));
            let unseen = Prerequisite { subject: "Groups of the replicas".to_owned(), vital: false, found };
            return (vec![unseen], Forms::new());
        }
    };
    let (mut found, mut forms) = (Vec::new(), Forms::new());
    for database in &config.databases {
        let source = sources.as_ref().and_then(|sources| sources.get(&database.id.to_lowercase()));
        match &database.dr_replica {
            None => {
                found.push(restored(database, source));
                forms.insert(Part::Database(database.id.clone()), of_copy(config));
            }
            // That it is not there is told of the replica itself.
            Some(id) => {
                let Some(replica) = replicas.get(&id.to_lowercase()) else { continue };
                found.extend(groups(id, replica, source));
                forms.insert(Part::Database(database.id.clone()), of_replica(id, replica));
                if let Some(key) = replica.kms_key_id() {
                    found.push(one(format!("KMS key of {id}"), false, kms::usable(there, key)).await);
                }
            }
        }
    }
    (found, forms)
}

/// What of a replica decides what is promoted. What RDS changes by itself, such as its size, is not in it.
fn of_replica(id: &str, replica: &DbInstance) -> Form {
    let mut form = Form::default();
    form.add("replica", Some(id));
    form.add("source", replica.read_replica_source_db_instance_identifier());
    form.add("class", replica.db_instance_class());
    form.add("engine", replica.engine());
    form.add("version", replica.engine_version());
    form.add("license", replica.license_model());
    form.add("storage", replica.storage_type());
    form.add("iops", replica.iops());
    form.add("throughput", replica.storage_throughput());
    form.add("log volume", replica.dedicated_log_volume());
    form.add("multi-AZ", replica.multi_az());
    form.add("encrypted", replica.storage_encrypted());
    form.add("key", replica.kms_key_id());
    form.add("certificate", replica.ca_certificate_identifier());
    form.add("subnet group", replica.db_subnet_group().and_then(|group| group.db_subnet_group_name()));
    form.add_all("security groups", replica.vpc_security_groups().iter().filter_map(|g| g.vpc_security_group_id()));
    form.add_all("parameter groups", parameters(replica).into_iter().map(|(name, _)| name));
    form.add_all("option groups", options(replica).into_iter().map(|(name, _)| name));
    form.add("network", replica.network_type());
    form.add("public", replica.publicly_accessible());
    form.add("port", replica.endpoint().and_then(|endpoint| endpoint.port()));
    form.add("logins by IAM", replica.iam_database_authentication_enabled());
    form
}

/// What a copy is restored into, as the config says it.
fn of_copy(config: &Environment) -> Form {
    let mut form = Form::default();
    form.add("subnet group", config.dr.db_subnet_group.as_ref());
    form.add_all("security groups", &config.dr.db_security_groups);
    form.add("key", config.dr_kms_key.as_ref());
    form
}

fn parameters(instance: &DbInstance) -> Groups {
    let each = instance.db_parameter_groups().iter();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    each.map(|group| (text(group.db_parameter_group_name()), text(group.parameter_apply_status()))).collect()
}

fn options(instance: &DbInstance) -> Groups {
    let each = instance.option_group_memberships().iter();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    each.map(|group| (text(group.option_group_name()), text(group.status()))).collect()
}

/// A replica's groups, against those of what it follows.
fn groups(id: &str, replica: &DbInstance, source: Option<&DbInstance>) -> [Prerequisite; 2] {
    let line = |what: &str, own: Groups, of_source: Option<Groups>| Prerequisite {
        subject: format!("{what} group of {id}"),
        vital: false,
        found: compared(&own, of_source.as_deref()),
    };
    [
        line("Parameter", parameters(replica), source.map(parameters)),
        line("Option", options(replica), source.map(options)),
    ]
}

fn compared(own: &[(String, String)], source: Option<&[(String, String)]>) -> Found {
    if own.is_empty() {
        return Found::Unknown("RDS names none".to_owned());
    }
    if let Some((name, status)) = own.iter().find(|(_, status)| status != IN_SYNC) {
        return Found::Lacking(format!("{name} is {status}, not {IN_SYNC}: see to it before it is needed"));
    }
    let made = |(name, _): &&(String, String)| !name.starts_with(OF_RDS);
    let names: Vec<&str> = own.iter().map(|(name, _)| name.as_str()).collect();
    match source.and_then(|source| source.iter().find(made)) {
        Some((theirs, _)) if !own.iter().any(|group| made(&group)) => Found::Lacking(format!(
            "it has {}, which is RDS's own, and what it follows has {theirs}: make one there and give it to it",
            names.join(", ")
        )),
        _ => Found::Ready(format!("{}, {IN_SYNC}", names.join(", "))),
    }
}

/// A copy that is restored gets RDS's own groups, whatever its source has.
fn restored(database: &Database, source: Option<&DbInstance>) -> Prerequisite {
    let made = |source: &DbInstance| {
        let all = parameters(source).into_iter().chain(options(source));
        all.map(|(name, _)| name).find(|name| !name.starts_with(OF_RDS))
    };
    let found = match source.map(made) {
        Some(None) => Found::Ready("RDS's own, as a copy that is restored gets them".to_owned()),
        Some(Some(name)) => Found::Lacking(format!(
            "it has {name}, and a copy that is restored gets RDS's own: give it such groups once it is there"
        )),
        None => {
            Found::Unknown("which groups it has cannot be seen, and a copy that is restored gets RDS's own".to_owned())
        }
    };
    Prerequisite { subject: format!("Parameter and option groups of {}", database.id), vital: false, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, status: &str) -> (String, String) {
        (name.to_owned(), status.to_owned())
    }

    #[test]
    fn groups_are_in_sync_and_no_fewer_than_those_of_the_source() {
        let (own, made) = ([group("default.mysql8.0", "in-sync")], [group("bbws-mysql8", "in-sync")]);
        assert!(matches!(compared(&own, None), Found::Ready(_)));
        assert!(matches!(compared(&own, Some(&own)), Found::Ready(_)));
        assert!(matches!(compared(&made, Some(&own)), Found::Ready(_)));
        assert!(matches!(compared(&own, Some(&made)), Found::Lacking(why) if why.contains("bbws-mysql8")));
        let pending = [group("bbws-mysql8", "pending-reboot")];
        assert!(matches!(compared(&pending, Some(&made)), Found::Lacking(why) if why.contains("pending-reboot")));
        assert!(matches!(compared(&[], Some(&made)), Found::Unknown(_)));
    }
}
