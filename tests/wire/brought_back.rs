//! What is brought back in place: secrets and parameters from exports, versions of objects, folders. Each once, whatever gets
//! lost, and back again.

use bbws::{
    adapters::{
        aws::{AwsCloud, secrets},
        sandbox::aws::{
            Fault, Target,
            world::{
                World,
                s3::{Content, Version},
            },
        },
    },
    boot::sandbox,
    config::Config,
    domain::step::{self, Action, Export, Holding, Outputs, Versions},
    ports::cloud::{Call, Cloud as _, CloudError, Probe, Progress},
};

use super::{
    backups::{FS, backed_up, minutes},
    bed::{Bed, HOME},
    objects::export,
};

const ARCHIVES: &str = "bbws-prod-backups";
const MEDIA: &str = "bbws-prod-media";
const SMTP: &str = "bbws/prod/smtp";

/// Probes, starts and watches, as the engine does; what is gone is begun anew.
async fn ended(cloud: &AwsCloud, call: &Call) -> Progress {
    let mut call = call.clone();
    for _ in 0..20 {
        if call.action.mutates() {
            match cloud.start(&call).await {
                Ok(started) => call.external_id = started.external_id,
                Err(CloudError::Permanent { reason }) => return Progress::Failed { reason },
                Err(_) => continue,
            }
        }
        loop {
            match cloud.poll(std::slice::from_ref(&call)).await.remove(0) {
                Ok(Progress::Running { .. }) => tokio::task::yield_now().await,
                Ok(Progress::Gone { .. }) => break,
                Ok(progress) => return progress,
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    panic!("{} does not end", call.action.kind());
}

async fn done(cloud: &AwsCloud, call: &Call) -> (Outputs, String) {
    match ended(cloud, call).await {
        Progress::Done { outputs, detail } => (outputs, detail),
        other => panic!("{other:?}"),
    }
}

async fn refused(cloud: &AwsCloud, call: &Call) -> String {
    match ended(cloud, call).await {
        Progress::Failed { reason } | Progress::Refuted { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

fn of(holds: Holding, key: &str) -> Export {
    let prefix = if holds == Holding::Secrets { "bbws/prod/" } else { "/bbws/prod/" };
    Export {
        holds,
        region: HOME.into(),
        bucket: ARCHIVES.into(),
        key: key.into(),
        name: None,
        prefix: prefix.into(),
        except: Vec::new(),
    }
}

fn compare(export: &Export, restored: bool) -> Action {
    step::CompareExport { region: HOME.into(), export: export.clone(), restored, create: false }.into()
}

async fn value(bed: &Bed, name: &str) -> Option<String> {
    let session = bed.session(HOME).await;
    session.secrets().get_secret_value().secret_id(name).send().await.ok()?.secret_string
}

async fn stages(bed: &Bed, name: &str) -> Vec<(String, String)> {
    let session = bed.session(HOME).await;
    let found = secrets::describe(&session, name).await.unwrap().unwrap();
    let mut stages: Vec<(String, String)> =
        found.version_ids_to_stages.unwrap().into_iter().map(|(id, stages)| (stages.join(","), id)).collect();
    stages.sort();
    stages
}

async fn put(bed: &Bed, name: &str, value: &str) {
    let session = bed.session(HOME).await;
    session.secrets().put_secret_value().secret_id(name).secret_string(value).send().await.unwrap();
}

/// An export of the secrets as they are now.
async fn exported(bed: &Bed, step: usize, key: &str) -> Export {
    let Action::SecretsExport(step::SecretsExport { region, prefix, bucket, .. }) = export() else { unreachable!() };
    let action = step::SecretsExport { region, prefix, bucket, key: key.into() };
    bed.cloud.start(&bed.call(step, action.into())).await.unwrap();
    of(Holding::Secrets, key)
}

#[tokio::test]
async fn secrets_come_back_as_new_versions_once_and_go_back_by_their_stage() {
    let bed = Bed::new();
    let old = exported(&bed, 0, "prod/secrets/20261121/bk-1/secrets.json").await;
    let before = value(&bed, SMTP).await.unwrap();
    put(&bed, SMTP, "a-Wrong-Value").await;
    let (outputs, detail) = done(&bed.cloud, &bed.call(1, compare(&old, false))).await;
    assert_eq!((outputs["differs"].as_str(), outputs["missing"].as_str()), ("1", "0"));
    assert!(detail.contains("with another value: bbws/prod/smtp") && outputs["report"].contains(SMTP), "{detail}");
    assert!(!detail.contains("Wrong") && !outputs["report"].contains("Wrong") && !outputs["report"].contains(&before));
    assert!(refused(&bed.cloud, &bed.call(2, compare(&old, true))).await.contains("bbws/prod/smtp"));

    let fresh = exported(&bed, 3, "prod/secrets/20261121/bk-2/secrets.json").await;
    let restore: Action = step::RestoreSecrets { region: HOME.into(), export: old.clone(), create: false }.into();
    bed.aws.inject(Fault::LostReply, Target::next().of("PutSecretValue"));
    let (outputs, detail) = done(&bed.cloud, &bed.call(4, restore.clone())).await;
    assert_eq!(outputs["written"], "1");
    assert!(detail.starts_with("1 secret written: bbws/prod/smtp; "), "{detail}");
    assert_eq!(value(&bed, SMTP).await.as_deref(), Some(before.as_str()));
    let ours = stages(&bed, SMTP).await;
    assert_eq!(ours.len(), 2, "one new version, and the one before it: {ours:?}");
    assert!(ours[1].0 == "AWSPREVIOUS");
    // The process dies, and another one begins anew.
    done(&bed.another_process(), &bed.call(4, restore)).await;
    assert_eq!(stages(&bed, SMTP).await, ours, "nothing was made twice");
    done(&bed.cloud, &bed.call(5, compare(&old, true))).await;

    let back: Action = step::RevertSecrets { region: HOME.into(), before: fresh.clone() }.into();
    let (outputs, _) = done(&bed.cloud, &bed.call(6, back.clone())).await;
    assert_eq!((outputs["back"].as_str(), outputs["left"].as_str()), ("1", "0"));
    assert_eq!(value(&bed, SMTP).await.as_deref(), Some("a-Wrong-Value"));
    assert_eq!(done(&bed.another_process(), &bed.call(6, back.clone())).await.0["back"], "1", "it is so already");
}

#[tokio::test]
async fn a_secret_that_was_written_since_is_not_put_back() {
    let bed = Bed::new();
    let old = exported(&bed, 0, "prod/secrets/20261121/bk-1/secrets.json").await;
    put(&bed, SMTP, "wrong").await;
    let fresh = exported(&bed, 1, "prod/secrets/20261121/bk-2/secrets.json").await;
    let restore = step::RestoreSecrets { region: HOME.into(), export: old, create: false };
    done(&bed.cloud, &bed.call(2, restore.into())).await;
    put(&bed, SMTP, "written-Since").await;
    let back = step::RevertSecrets { region: HOME.into(), before: fresh };
    let (outputs, detail) = done(&bed.cloud, &bed.call(3, back.into())).await;
    assert_eq!((outputs["back"].as_str(), outputs["left"].as_str()), ("0", "1"), "{detail}");
    assert!(detail.ends_with("; written anew since, and left so: bbws/prod/smtp"), "{detail}");
    assert_eq!(value(&bed, SMTP).await.as_deref(), Some("written-Since"));
}

#[tokio::test]
async fn a_missing_secret_is_created_only_where_that_was_asked_for() {
    let bed = Bed::new();
    let old = Export { name: Some(SMTP.into()), ..exported(&bed, 0, "prod/secrets/20261121/bk-1/secrets.json").await };
    let before = value(&bed, SMTP).await;
    let session = bed.session(HOME).await;
    let delete = session.secrets().delete_secret().secret_id(SMTP);
    delete.force_delete_without_recovery(true).send().await.unwrap();
    let restore = |create| Action::from(step::RestoreSecrets { region: HOME.into(), export: old.clone(), create });
    let (outputs, detail) = done(&bed.cloud, &bed.call(1, restore(false))).await;
    assert_eq!((outputs["missing"].as_str(), value(&bed, SMTP).await), ("1", None), "{detail}");
    done(&bed.cloud, &bed.call(2, restore(true))).await;
    assert_eq!(value(&bed, SMTP).await, before);
    assert_eq!(
        bed.aws.look(|world, _| {
            let place = world.find("093646564004", HOME).unwrap();
            place.secrets.secrets[SMTP].tags["bbws:operation"].clone()
        }),
        "bk-1001"
    );
    // One that is on its way out says what to do.
    session.secrets().delete_secret().secret_id(SMTP).recovery_window_in_days(7).send().await.unwrap();
    let reason = refused(&bed.cloud, &bed.call(3, restore(true))).await;
    assert!(reason.contains("aws secretsmanager restore-secret --secret-id bbws/prod/smtp"), "{reason}");
}

#[tokio::test]
async fn parameters_come_back_under_their_key_and_go_back_unless_written_since() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    let ssm = session.ssm();
    let config = |step, key: &str| {
        let action = step::ConfigExport {
            region: HOME.into(),
            parameters_prefix: "/bbws/prod/".into(),
            secrets_prefix: None,
            bucket: ARCHIVES.into(),
            key: key.into(),
        };
        bed.call(step, action.into())
    };
    bed.cloud.start(&config(0, "prod/config/20261121/bk-1/config.json")).await.unwrap();
    let old = of(Holding::Config, "prod/config/20261121/bk-1/config.json");
    let names = ["/bbws/prod/smtp/password", "/bbws/prod/smtp/host"];
    bed.aws.change(|world, _| {
        let place = world.region("093646564004", HOME);
        place.ssm.parameters.get_mut(names[0]).unwrap().key = Some("alias/own".into());
    });
    for name in names {
        let kind = if name == names[0] { "SecureString" } else { "String" };
        let put = ssm.put_parameter().name(name).value("Wrong").overwrite(true).r#type(kind.into());
        put.set_key_id((name == names[0]).then(|| "alias/own".into())).send().await.unwrap();
    }
    let (outputs, _) = done(&bed.cloud, &bed.call(1, compare(&old, false))).await;
    assert_eq!((outputs["differs"].as_str(), outputs["newer"].as_str()), ("2", "0"));
    bed.cloud.start(&config(2, "prod/config/20261121/bk-2/config.json")).await.unwrap();
    let fresh = of(Holding::Config, "prod/config/20261121/bk-2/config.json");
    let restore: Action =
        step::RestoreParameters { region: HOME.into(), export: old.clone(), create: false, over: None }.into();
    bed.aws.inject(Fault::LostReply, Target::next().of("PutParameter"));
    let (outputs, detail) = done(&bed.cloud, &bed.call(3, restore.clone())).await;
    assert!(outputs["written"] == "1" || outputs["written"] == "2", "{detail}");
    let parameter = |name: &'static str| {
        bed.aws.look(|world, _| world.find("093646564004", HOME).unwrap().ssm.parameters[name].clone())
    };
    let secure = parameter(names[0]);
    assert_eq!(
        (secure.value.as_str(), secure.version, secure.key.as_deref()),
        ("not a real one", 3, Some("alias/own"))
    );
    done(&bed.another_process(), &bed.call(3, restore)).await;
    assert_eq!((parameter(names[0]).version, parameter(names[1]).version), (3, 3), "nothing was written twice");
    done(&bed.cloud, &bed.call(4, compare(&old, true))).await;
    // One was written since.
    ssm.put_parameter().name(names[1]).value("since").overwrite(true).send().await.unwrap();
    let back = step::RestoreParameters { region: HOME.into(), export: fresh, create: false, over: Some(old) };
    let (outputs, detail) = done(&bed.cloud, &bed.call(5, back.into())).await;
    assert_eq!((outputs["written"].as_str(), outputs["left"].as_str()), ("1", "1"), "{detail}");
    assert_eq!((parameter(names[0]).value, parameter(names[1]).value), ("Wrong".into(), "since".into()));
}

/// A bucket in which things have happened since a moment.
async fn changed_since(bed: &Bed) -> Versions {
    let session = bed.session(HOME).await;
    let s3 = session.s3();
    let write = |key: &'static str, text: &'static str| {
        s3.put_object().bucket(MEDIA).key(key).body(text.as_bytes().to_vec().into()).send()
    };
    for key in ["up/a b+ü.jpg", "up/gone.jpg", "up/same.jpg", "up/cold.jpg", "up/cold-gone.jpg", "other/x"] {
        write(key, "old").await.unwrap();
    }
    let tags = "color=red&bbws%3Aoperation=bk-1";
    s3.put_object()
        .bucket(MEDIA)
        .key("up/tagged.jpg")
        .tagging(tags)
        .metadata("who", "me")
        .body(b"old".to_vec().into())
        .send()
        .await
        .unwrap();
    bed.aws.change(|world, _| {
        let bucket = world.s3.buckets.get_mut(MEDIA).unwrap();
        for key in ["up/cold.jpg", "up/cold-gone.jpg"] {
            bucket.objects.get_mut(key).unwrap()[0].class = "DEEP_ARCHIVE".into();
        }
    });
    bed.clock.advance(minutes(10));
    let as_of = bed.aws.now();
    bed.clock.advance(minutes(10));
    for key in ["up/a b+ü.jpg", "up/tagged.jpg", "up/cold.jpg", "up/new.jpg", "other/x"] {
        write(key, "a later one").await.unwrap();
    }
    for key in ["up/gone.jpg", "up/cold-gone.jpg"] {
        s3.delete_object().bucket(MEDIA).key(key).send().await.unwrap();
    }
    bed.clock.advance(minutes(10));
    Versions {
        bucket: MEDIA.into(),
        from: None,
        prefix: "up/".into(),
        as_of,
        archive: ARCHIVES.into(),
        list: "prod/restore/20261121/bk-1001/media.versions".into(),
    }
}

fn listing(versions: &Versions) -> Action {
    step::ListVersions { region: HOME.into(), versions: versions.clone() }.into()
}
fn bringing(versions: &Versions) -> Action {
    step::RestoreVersions { region: HOME.into(), versions: versions.clone() }.into()
}
fn verifying(versions: &Versions) -> Action {
    step::VerifyVersions { region: HOME.into(), versions: versions.clone() }.into()
}
fn putting_back(versions: &Versions) -> Action {
    step::RevertVersions { region: HOME.into(), versions: versions.clone() }.into()
}

/// Every call that any of it makes.
pub async fn everything() {
    let bed = Bed::new();
    let old = exported(&bed, 0, "prod/secrets/20261121/bk-1/secrets.json").await;
    put(&bed, SMTP, "wrong").await;
    let lost = |world: &mut World, secret: &str, parameter: &str| {
        let place = world.region("093646564004", HOME);
        place.secrets.secrets.remove(secret);
        place.ssm.parameters.remove(parameter);
    };
    bed.aws.change(|world, _| lost(world, "bbws/prod/db-master", ""));
    let fresh = exported(&bed, 1, "prod/secrets/20261121/bk-2/secrets.json").await;
    done(&bed.cloud, &bed.call(2, compare(&old, false))).await;
    let restore = step::RestoreSecrets { region: HOME.into(), export: old, create: true };
    done(&bed.cloud, &bed.call(3, restore.into())).await;
    done(&bed.cloud, &bed.call(4, step::RevertSecrets { region: HOME.into(), before: fresh }.into())).await;
    let action = step::ConfigExport {
        region: HOME.into(),
        parameters_prefix: "/bbws/prod/".into(),
        secrets_prefix: None,
        bucket: ARCHIVES.into(),
        key: "prod/config/20261121/bk-1/config.json".into(),
    };
    bed.cloud.start(&bed.call(5, action.into())).await.unwrap();
    bed.aws.change(|world, _| lost(world, "", "/bbws/prod/smtp/host"));
    let export = of(Holding::Config, "prod/config/20261121/bk-1/config.json");
    let restore = step::RestoreParameters { region: HOME.into(), export, create: true, over: None };
    done(&bed.cloud, &bed.call(6, restore.into())).await;
    let versions = changed_since(&bed).await;
    done(&bed.cloud, &bed.call(7, listing(&versions))).await;
    done(&bed.cloud, &bed.call(8, bringing(&versions))).await;
    done(&bed.cloud, &bed.call(9, putting_back(&versions))).await;
    in_parts(&bed, 10).await;
}

/// What is current of a key.
fn text(bed: &Bed, key: &str) -> Option<String> {
    bed.aws.look(|world, now| match &world.s3.buckets[MEDIA].current(key, now)?.content {
        Content::Real(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
        Content::Zeros(_) => None,
    })
}

fn versions_of(bed: &Bed, key: &str) -> usize {
    bed.aws.look(|world, _| world.s3.buckets[MEDIA].objects.get(key).map_or(0, Vec::len))
}

const ALL: [&str; 7] =
    ["up/a b+ü.jpg", "up/gone.jpg", "up/same.jpg", "up/cold.jpg", "up/cold-gone.jpg", "up/tagged.jpg", "up/new.jpg"];

#[tokio::test]
async fn objects_come_back_as_they_were_once_and_go_back() {
    let bed = Bed::new();
    let versions = changed_since(&bed).await;
    let before: Vec<_> = ALL.iter().map(|key| text(&bed, key)).collect();
    let (outputs, detail) = done(&bed.cloud, &bed.call(0, listing(&versions))).await;
    let numbers = ["overwritten", "deleted", "newer", "frozen"].map(|name| outputs[name].as_str());
    assert_eq!(numbers, ["2", "2", "1", "1"], "{detail}");
    assert!(detail.contains("in DEEP_ARCHIVE (Glacier Deep Archive): a thaw takes up to 12 hours"), "{detail}");
    assert_eq!(ALL.iter().map(|key| text(&bed, key)).collect::<Vec<_>>(), before, "a list changes nothing");
    // Another process finds it written, and what it comes to.
    let (again, same) = done(&bed.another_process(), &bed.call(0, listing(&versions))).await;
    assert_eq!((again["overwritten"].as_str(), same), ("2", detail));

    bed.aws.inject(Fault::LostReply, Target::next().of("CopyObject"));
    bed.aws.inject(Fault::LostReply, Target::next().of("DeleteObject"));
    bed.aws.inject(Fault::Throttled, Target::next().of("CopyObject"));
    let (restored, detail) = done(&bed.cloud, &bed.call(1, bringing(&versions))).await;
    assert_eq!((restored["done"].as_str(), restored["left"].as_str()), ("4", "0"), "{detail}");
    let old = || Some("old".to_owned());
    assert_eq!([text(&bed, ALL[0]), text(&bed, ALL[1]), text(&bed, ALL[5])], [old(), old(), old()]);
    assert_eq!(text(&bed, "up/cold.jpg").as_deref(), Some("a later one"), "what is archived is not thawed");
    assert_eq!(text(&bed, "up/cold-gone.jpg"), old(), "it lies as it lay");
    assert_eq!(text(&bed, "up/new.jpg").as_deref(), Some("a later one"), "what came since stays");
    assert_eq!(text(&bed, "other/x").as_deref(), Some("a later one"), "what was not asked for stays");
    let counted = ALL.map(|key| versions_of(&bed, key));
    assert_eq!(counted, [3, 1, 1, 2, 1, 3, 1], "one copy each, and markers gone");
    done(&bed.another_process(), &bed.call(1, bringing(&versions))).await;
    assert_eq!(ALL.map(|key| versions_of(&bed, key)), counted, "nothing was made twice");
    bed.aws.look(|world, now| {
        let tagged = world.s3.buckets[MEDIA].current("up/tagged.jpg", now).unwrap();
        assert_eq!((tagged.tags["color"].as_str(), tagged.metadata["who"].as_str()), ("red", "me"));
        assert_eq!(tagged.tags["bbws:operation"], "bk-1001");
    });
    let verify = Call { inputs: restored.clone(), ..bed.call(2, verifying(&versions)) };
    assert_eq!(done(&bed.cloud, &verify).await.0["verified"], "4");

    bed.aws.inject(Fault::LostReply, Target::next().of("CopyObject"));
    let (back, detail) = done(&bed.cloud, &bed.call(3, putting_back(&versions))).await;
    assert_eq!((back["done"].as_str(), back["left"].as_str()), ("4", "0"), "{detail}");
    assert_eq!(ALL.iter().map(|key| text(&bed, key)).collect::<Vec<_>>(), before, "as before");
    let counted = ALL.map(|key| versions_of(&bed, key));
    done(&bed.another_process(), &bed.call(3, putting_back(&versions))).await;
    assert_eq!(ALL.map(|key| versions_of(&bed, key)), counted, "nothing was put back twice");
}

#[tokio::test]
async fn what_somebody_wrote_meanwhile_stays_and_is_told() {
    let bed = Bed::new();
    let versions = changed_since(&bed).await;
    done(&bed.cloud, &bed.call(0, listing(&versions))).await;
    let session = bed.session(HOME).await;
    for key in ["up/tagged.jpg", "up/gone.jpg"] {
        session.s3().put_object().bucket(MEDIA).key(key).body(b"meanwhile".to_vec().into()).send().await.unwrap();
    }
    let (restored, detail) = done(&bed.cloud, &bed.call(1, bringing(&versions))).await;
    assert_eq!((restored["done"].as_str(), restored["left"].as_str()), ("2", "2"), "{detail}");
    assert_eq!(restored["issue"], "2 objects written anew meanwhile and left so");
    for key in ["up/tagged.jpg", "up/gone.jpg"] {
        assert_eq!(text(&bed, key).as_deref(), Some("meanwhile"), "{key}");
    }
    let verify = Call { inputs: restored, ..bed.call(2, verifying(&versions)) };
    let (outputs, _) = done(&bed.cloud, &verify).await;
    assert!(outputs["issue"].contains("up/gone.jpg"), "{outputs:?}");
    // Without anything left before, the same is a refutation.
    let reason = refused(&bed.cloud, &bed.call(4, verifying(&versions))).await;
    assert!(reason.contains("2 objects not back: up/gone.jpg, up/tagged.jpg"), "{reason}");
}

#[tokio::test]
async fn half_a_list_is_no_list() {
    let bed = Bed::new();
    let versions = changed_since(&bed).await;
    done(&bed.cloud, &bed.call(0, listing(&versions))).await;
    bed.aws.change(|world, _| {
        let bucket = world.s3.buckets.get_mut(ARCHIVES).unwrap();
        let version = &mut bucket.objects.get_mut(&versions.list).unwrap()[0];
        let Content::Real(bytes) = &version.content else { panic!("it has content") };
        version.content = Content::Real(bytes.slice(..bytes.len() - 20));
    });
    let counted = ALL.map(|key| versions_of(&bed, key));
    let reason = refused(&bed.cloud, &bed.call(1, bringing(&versions))).await;
    assert!(reason.contains("its checksum is another one. Nothing was done on its word."), "{reason}");
    assert_eq!(ALL.map(|key| versions_of(&bed, key)), counted, "nothing was done on its word");
}

#[tokio::test]
async fn the_replica_brings_back_what_the_bucket_lost() {
    let bed = Bed::new();
    let mut versions = changed_since(&bed).await;
    bed.aws.change(|world, _| {
        let bucket = world.s3.buckets.get_mut(MEDIA).unwrap();
        bucket.objects.retain(|key, _| !key.starts_with("up/"));
    });
    versions.from = Some(("eu-west-1".into(), "bbws-prod-media-dr".into()));
    let (outputs, detail) = done(&bed.cloud, &bed.call(0, listing(&versions))).await;
    assert_eq!((outputs["deleted"].as_str(), outputs["newer"].as_str()), ("6", "0"), "{detail}");
    let (restored, _) = done(&bed.cloud, &bed.call(1, bringing(&versions))).await;
    assert_eq!(restored["done"], "6");
    assert_eq!(text(&bed, "up/tagged.jpg").as_deref(), Some("old"));
    done(&bed.cloud, &Call { inputs: restored, ..bed.call(2, verifying(&versions)) }).await;
    done(&bed.cloud, &bed.call(3, putting_back(&versions))).await;
    assert_eq!(text(&bed, "up/tagged.jpg"), None);
    assert_eq!(versions_of(&bed, "up/tagged.jpg"), 2, "hidden by a marker, and not deleted");
}

/// Over the limit of a copy that is made at once.
const LARGE: u64 = (5 << 30) + 1;

/// Overwrites a large object and brings it back; the list, and what bringing back came to.
async fn in_parts(bed: &Bed, step: usize) -> (Versions, Outputs) {
    bed.aws.change(|world, now| {
        let bucket = world.s3.buckets.get_mut(MEDIA).unwrap();
        let any = bucket.objects.values().next().unwrap()[0].clone();
        let metadata = [("who".to_owned(), "me".to_owned())].into();
        let content = Content::Zeros(LARGE);
        let large = Version { id: "large".into(), made: now, visible: now, deleted: false, content, metadata, ..any };
        bucket.add("large/up.iso", large);
    });
    bed.clock.advance(minutes(5));
    let as_of = bed.aws.now();
    bed.clock.advance(minutes(5));
    let session = bed.session(HOME).await;
    let put = session.s3().put_object().bucket(MEDIA).key("large/up.iso").body(b"small".to_vec().into());
    put.send().await.unwrap();
    let list = "prod/restore/20261121/bk-1001/large.versions".to_owned();
    let (bucket, archive) = (MEDIA.to_owned(), ARCHIVES.to_owned());
    let versions = Versions { bucket, from: None, prefix: "large/".into(), as_of, archive, list };
    done(&bed.cloud, &bed.call(step, listing(&versions))).await;
    let (restored, _) = done(&bed.cloud, &bed.call(step + 1, bringing(&versions))).await;
    (versions, restored)
}

#[tokio::test]
async fn an_object_over_the_limit_of_a_copy_comes_back_in_parts() {
    let bed = Bed::new();
    bed.aws.inject(Fault::LostReply, Target::next().of("CompleteMultipartUpload"));
    let (versions, restored) = in_parts(&bed, 0).await;
    assert_eq!((restored["done"].as_str(), restored["left"].as_str()), ("1", "0"));
    bed.aws.look(|world, now| {
        let bucket = &world.s3.buckets[MEDIA];
        let back = bucket.current("large/up.iso", now).unwrap();
        assert_eq!((back.content.len(), back.metadata["who"].as_str()), (LARGE, "me"));
        assert!(back.etag.ends_with("-11"), "{}", back.etag);
        assert_eq!(bucket.objects["large/up.iso"].len(), 3, "made once");
        assert!(bucket.uploads.is_empty(), "nothing is left of it");
    });
    done(&bed.cloud, &Call { inputs: restored, ..bed.call(2, verifying(&versions)) }).await;
    let session = bed.session(HOME).await;
    let copy = session.s3().copy_object().bucket(MEDIA).key("large/x");
    let error = copy.copy_source(format!("{MEDIA}/large/up.iso?versionId=large")).send().await.unwrap_err();
    assert!(format!("{error:?}").contains("maximum allowable size"), "it is refused at once: {error:?}");
}

/// The adapter with the simulated servers behind it.
fn with_files(bed: &Bed) -> AwsCloud {
    let clock = bed.clock.clone();
    let sleep = bed.aws.skipping(move |span| clock.advance(span));
    sandbox::adapter(&bed.aws, &Config::demo().topics, &bed.environment.account, sleep)
}

fn folders(bed: &Bed) -> Vec<String> {
    bed.aws.look(|world, now| {
        let files = world.places().find_map(|(_, _, place)| place.efs.file_systems.get(FS)).unwrap();
        files.folders.iter().filter(|(_, folder)| folder.since <= now).map(|(path, _)| path.clone()).collect()
    })
}

#[tokio::test]
async fn a_folder_is_restored_beside_the_live_one_swapped_with_it_and_swapped_back() {
    let bed = Bed::new();
    let cloud = with_files(&bed);
    let point = backed_up(&bed, 0).await;
    let restore: Action = step::RestoreFolder {
        region: HOME.into(),
        vault: bed.environment.vault.clone(),
        recovery_point: point,
        file_system: FS.into(),
        path: "/tenant-1".into(),
        role: bed.environment.backup_role.clone(),
    }
    .into();
    let call = Call { intended: bed.aws.now(), ..bed.call(1, restore) };
    let started = cloud.start(&call).await.unwrap();
    let Ok(Probe::Present(found)) = cloud.probe(&call).await else { panic!("it is found by its token") };
    assert_eq!(found.external_id, started.external_id);
    assert_eq!(folders(&bed), ["/tenant-1"]);
    bed.clock.advance(minutes(20));
    let call = Call { external_id: started.external_id, ..call };
    let Ok(Progress::Done { outputs: mut inputs, .. }) = cloud.poll(&[call]).await.remove(0) else { panic!("done") };
    let verify: Action = step::VerifyFolder {
        region: HOME.into(),
        file_system: FS.into(),
        path: "/tenant-1".into(),
        data_of: bed.aws.now(),
    }
    .into();
    let (found, detail) = done(&cloud, &Call { inputs: inputs.clone(), ..bed.call(2, verify) }).await;
    assert!(found["restored_folder"].starts_with("/aws-backup-restore_"), "{detail}");
    inputs.extend(found);
    let swap = |step, aside: &str, with: Option<&str>| {
        let action = step::SwapFolder {
            region: HOME.into(),
            file_system: FS.into(),
            path: "/tenant-1".into(),
            aside: aside.into(),
            with: with.map(str::to_owned),
        };
        Call { inputs: inputs.clone(), ..bed.call(step, action.into()) }
    };
    let forward = swap(3, "/tenant-1.before-bk-1001", None);
    assert_eq!(cloud.probe(&forward).await, Ok(Probe::Absent));
    cloud.start(&forward).await.unwrap();
    assert!(matches!(cloud.probe(&forward).await, Ok(Probe::Present(_))));
    assert_eq!(folders(&bed), ["/tenant-1", "/tenant-1.before-bk-1001"]);
    let back = swap(4, "/tenant-1.undone-bk-1001", Some("/tenant-1.before-bk-1001"));
    for _ in 0..2 {
        cloud.start(&back).await.unwrap();
        assert_eq!(folders(&bed), ["/tenant-1", "/tenant-1.undone-bk-1001"]);
    }
    let Err(CloudError::Permanent { reason }) = cloud.start(&swap(5, "/tenant-2", None)).await else {
        panic!("refused")
    };
    assert!(reason.contains("/tenant-2 is no name under which bk-1001 keeps /tenant-1"), "{reason}");
}
