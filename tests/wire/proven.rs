//! What a step of a failover was proved on is what AWS had then: each change of an attribute takes away the proof of exactly the steps
//! that rest on it, and what changes by itself takes none.

use std::collections::BTreeSet;

use bbws::{
    adapters::sandbox::aws::{Override, Target, world::Region},
    domain::{
        active::Active,
        environment::Environment,
        proven::{Form, Part},
    },
    ports::cloud::Cloud as _,
};
use serde_json::{Value, json};

use super::{
    bed::{Bed, DR},
    failover::replicated,
};

/// A change of one attribute.
enum Change {
    /// This text of what RDS says of the replica becomes that.
    Rds(&'static str, &'static str),
    /// An attribute of the service becomes that.
    Service(&'static str, Value),
    /// An attribute of the task definition becomes that.
    Definition(&'static str, Value),
    /// An attribute of its container becomes that.
    Container(&'static str, Value),
    /// This text of what Route 53 says of the records becomes that.
    Records(&'static str, &'static str),
    /// Something in the DR region.
    There(fn(&mut Region)),
}

use Change::{Container, Definition, Rds, Records, Service, There};

fn database() -> Part {
    Part::Database("bbws-prod-mysql".to_owned())
}

fn of_database() -> Vec<Change> {
    // Attributes that the simulated RDS does not show stand before one that it does.
    const TYPE: &str = "<StorageType>";
    vec![
        Rds("db.r6g.large", "db.r6g.xlarge"),
        Rds("<Engine>", "<Engine>other-"),
        Rds("<EngineVersion>", "<EngineVersion>1"),
        Rds("<StorageType>gp3", "<StorageType>io2"),
        Rds(TYPE, "<Iops>12000</Iops><StorageType>"),
        Rds(TYPE, "<StorageThroughput>500</StorageThroughput><StorageType>"),
        Rds(TYPE, "<DedicatedLogVolume>true</DedicatedLogVolume><StorageType>"),
        Rds(TYPE, "<LicenseModel>general-public-license</LicenseModel><StorageType>"),
        Rds(TYPE, "<CACertificateIdentifier>rds-ca-2</CACertificateIdentifier><StorageType>"),
        Rds(TYPE, "<NetworkType>DUAL</NetworkType><StorageType>"),
        Rds(TYPE, "<IAMDatabaseAuthenticationEnabled>true</IAMDatabaseAuthenticationEnabled><StorageType>"),
        Rds("<MultiAZ>false</MultiAZ>", "<MultiAZ>true</MultiAZ>"),
        Rds("<StorageEncrypted>true</StorageEncrypted>", "<StorageEncrypted>false</StorageEncrypted>"),
        Rds("<KmsKeyId>arn:aws:kms:", "<KmsKeyId>arn:aws:kms2:"),
        Rds("<PubliclyAccessible>false", "<PubliclyAccessible>true"),
        Rds("<Port>", "<Port>1"),
        Rds("<DBSubnetGroupName>", "<DBSubnetGroupName>other-"),
        Rds("<VpcSecurityGroupId>sg-", "<VpcSecurityGroupId>sg-1"),
        Rds("<DBParameterGroupName>", "<DBParameterGroupName>other-"),
        Rds("<OptionGroupName>", "<OptionGroupName>other-"),
        Rds("<ReadReplicaSourceDBInstanceIdentifier>arn:", "<ReadReplicaSourceDBInstanceIdentifier>arn2:"),
    ]
}

fn of_services() -> Vec<Change> {
    let network = |key: &str, value: Value| {
        let mut network = json!({});
        network[key] = value;
        Service("networkConfiguration", json!({"awsvpcConfiguration": network}))
    };
    let balancer = |key: &str, value: Value| {
        let mut balancer = json!({});
        balancer[key] = value;
        Service("loadBalancers", json!([balancer]))
    };
    vec![
        Service("launchType", json!("EC2")),
        Service("capacityProviderStrategy", json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}])),
        Service("platformVersion", json!("1.3.0")),
        Service("roleArn", json!("arn:aws:iam::1:role/other")),
        Service("healthCheckGracePeriodSeconds", json!(600)),
        Service("schedulingStrategy", json!("DAEMON")),
        Service("deploymentController", json!({"type": "EXTERNAL"})),
        Service("deploymentConfiguration", json!({"minimumHealthyPercent": 0})),
        Service("deploymentConfiguration", json!({"maximumPercent": 100})),
        network("subnets", json!(["subnet-2"])),
        network("securityGroups", json!(["sg-1", "sg-2"])),
        network("assignPublicIp", json!("ENABLED")),
        balancer("targetGroupArn", json!("arn:tg-2")),
        balancer("containerName", json!("other")),
        balancer("containerPort", json!(8080)),
        Service("serviceRegistries", json!([{"registryArn": "arn:registry"}])),
        There(|place| place.ecs.clusters.values_mut().flat_map(|c| c.values_mut()).for_each(|s| s.revision = 8)),
        Definition("cpu", json!("512")),
        Definition("memory", json!("4096")),
        Definition("networkMode", json!("bridge")),
        Definition("taskRoleArn", json!("arn:aws:iam::1:role/task")),
        Definition("executionRoleArn", json!("arn:aws:iam::1:role/execution")),
        Definition("runtimePlatform", json!({"cpuArchitecture": "ARM64"})),
        Definition("runtimePlatform", json!({"operatingSystemFamily": "LINUX"})),
        Container("essential", json!(false)),
        Container("cpu", json!(256)),
        Container("memory", json!(1024)),
        Container("user", json!("www-data")),
        Container("command", json!(["sleep", "1"])),
        Container("entryPoint", json!(["sh"])),
        Container("portMappings", json!([{"containerPort": 80}])),
        Container("environment", json!([{"name": "A", "value": "b"}])),
        Container("secrets", json!([{"name": "A", "valueFrom": "arn:secret"}])),
        There(|place| {
            let images = place.ecs.repositories.values_mut().flat_map(|images| images.values_mut());
            images.for_each(|digest| digest.push('0'));
        }),
    ]
}

fn of_records() -> Vec<Change> {
    const ID: &str = "<SetIdentifier>";
    vec![
        Records(ID, "<HealthCheckId>h-1</HealthCheckId><SetIdentifier>"),
        Records("<TTL>", "<TTL>9"),
        Records("af-south-1.elb", "af-south-2.elb"),
        Records("eu-west-1.elb", "eu-west-3.elb"),
    ]
}

fn of_secrets() -> Vec<Change> {
    fn first(place: &mut Region) -> String {
        place.secrets.secrets.keys().find(|name| name.starts_with("bbws/prod/")).expect("there is one").clone()
    }
    vec![
        There(|place| {
            let name = first(place);
            place.secrets.secrets.remove(&name);
        }),
        There(|place| {
            let name = first(place);
            let another = place.secrets.secrets[&name].clone();
            place.secrets.secrets.insert(format!("{name}-2"), another);
        }),
    ]
}

/// What changes by itself, or by a failover.
fn of_nothing() -> Vec<Change> {
    vec![
        Rds("<AllocatedStorage>", "<AllocatedStorage>1"),
        Rds("<DBInstanceStatus>available", "<DBInstanceStatus>backing-up"),
        Rds("<BackupRetentionPeriod>", "<BackupRetentionPeriod>1"),
        Rds("<AvailabilityZone>eu-west-1a", "<AvailabilityZone>eu-west-1b"),
        Records("<Weight>0</Weight>", "<Weight>50</Weight>"),
        Service("desiredCount", json!(3)),
        Service("runningCount", json!(0)),
        Service("events", json!([{"id": "1", "message": "m"}])),
        There(|place| place.ecs.fargate_vcpus = Some(100)),
        There(|place| place.rds.most_instances = Some(100)),
    ]
}

async fn forms(bed: &Bed) -> Vec<(Part, Form)> {
    // What no form is made of only costs requests.
    let (file_systems, buckets) = (Vec::new(), Vec::new());
    let environment = Environment { health: None, file_systems, buckets, ..(*bed.environment).clone() };
    let found = bed.cloud.readiness(&environment, &Active::primary(), "U0ALICE").await.expect("an answer");
    found.forms.into_iter().collect()
}

/// A world in which there is something to change of every part.
fn bed() -> Bed {
    let bed = Bed::new();
    replicated(&bed);
    let account = bed.environment.account.clone();
    bed.aws.change(|world, _| {
        let place = world.region(&account, DR);
        let seventh = place.ecs.definitions["wordpress:7"].clone();
        place.ecs.definitions.insert("wordpress:8".to_owned(), seventh);
    });
    bed
}

/// Edits every answer of an operation; what is to be replaced has to be in it.
fn replace(bed: &Bed, target: Target, was: &'static str, is: &'static str) {
    let edit = move |xml: &str| {
        assert!(xml.contains(was) || !xml.contains("bbws-prod-mysql-replica</DBInstanceIdentifier>"), "{was}: {xml}");
        xml.replace(was, is)
    };
    bed.aws.override_answers(target, Override::xml(edit));
}

/// Makes a change, and says which parts have another form then.
async fn lost(bed: &Bed, before: &[(Part, Form)], change: Change) -> BTreeSet<Part> {
    let in_dr = |operation: &str| Target::always().of(operation).in_region(DR);
    match change {
        Rds(was, is) => replace(bed, in_dr("DescribeDBInstances"), was, is),
        Records(was, is) => replace(bed, Target::always().of("ListResourceRecordSets"), was, is),
        Service(key, value) => {
            let edit = move |fields: &mut Value| fields["services"][0][key] = value.clone();
            bed.aws.override_answers(in_dr("DescribeServices"), Override::json(edit));
        }
        Definition(key, value) => {
            let edit = move |fields: &mut Value| fields["taskDefinition"][key] = value.clone();
            bed.aws.override_answers(in_dr("DescribeTaskDefinition"), Override::json(edit));
        }
        Container(key, value) => {
            let edit = move |fields: &mut Value| {
                fields["taskDefinition"]["containerDefinitions"][0][key] = value.clone();
            };
            bed.aws.override_answers(in_dr("DescribeTaskDefinition"), Override::json(edit));
        }
        There(change) => {
            let account = bed.environment.account.clone();
            bed.aws.change(|world, _| change(world.region(&account, DR)));
        }
    }
    let after = forms(bed).await;
    before.iter().filter(|own| !after.contains(own)).map(|(part, _)| part.clone()).collect()
}

#[tokio::test]
async fn sixty_changes_of_one_attribute_take_away_exactly_the_right_proofs() {
    let before = forms(&bed()).await;
    let known: Vec<Part> = before.iter().map(|(part, _)| part.clone()).collect();
    let wanted = [Part::Fence, database(), Part::Secrets, Part::Services, Part::Records];
    assert_eq!(known, wanted, "every step that bbws carries out has a form");
    let kinds = [
        (of_database(), Some(database())),
        (of_services(), Some(Part::Services)),
        (of_records(), Some(Part::Records)),
        (of_secrets(), Some(Part::Secrets)),
        (of_nothing(), None),
    ];
    let mut walked = 0;
    for (changes, part) in kinds {
        for (at, change) in changes.into_iter().enumerate() {
            let wanted: BTreeSet<Part> = part.iter().cloned().collect();
            assert_eq!(lost(&bed(), &before, change).await, wanted, "change {at} of {part:?}");
            walked += usize::from(part.is_some());
        }
    }
    assert!(walked >= 60, "{walked}");
}
