//! Somebody overwrites what is live, past every API of ours: what restores in place bring back.

use bbws::adapters::sandbox::aws::{
    SimAws,
    world::{efs::Folder, s3::Content},
};

/// Account and region of the platform.
const PLACE: (&str, &str) = ("093646564004", "af-south-1");
/// The secret that is overwritten.
const SECRET: &str = "bbws/prod/smtp";
/// The parameter that is overwritten.
const PARAMETER: &str = "/bbws/prod/smtp/host";
/// The bucket in which an object is overwritten.
const BUCKET: &str = "bbws-prod-media";
/// The file system in which a folder is swapped.
const FILES: &str = "fs-0900d000000000001";

/// Gives the secret another value; each life has a version of its own.
pub fn secret(cloud: &SimAws, life: usize) {
    cloud.change(|world, now| {
        let secrets = &mut world.region(PLACE.0, PLACE.1).secrets.secrets;
        let version = format!("wrong-version-of-a-secret-{life:016}");
        secrets.get_mut(SECRET).expect("it is there").put(version, Some("wrong".into()), None, now);
    });
}

/// What the secret is worth.
pub fn secret_now(cloud: &SimAws) -> String {
    cloud.look(|world, _| {
        let secret = &world.find(PLACE.0, PLACE.1).expect("it is there").secrets.secrets[SECRET];
        secret.at_stage("AWSCURRENT").expect("it has a value").1.string.clone().expect("it is text")
    })
}

/// Gives the parameter another value.
pub fn parameter(cloud: &SimAws) {
    cloud.change(|world, now| {
        let parameters = &mut world.region(PLACE.0, PLACE.1).ssm.parameters;
        let parameter = parameters.get_mut(PARAMETER).expect("it is there");
        parameter.earlier.insert(parameter.version, parameter.value.clone());
        (parameter.value, parameter.version, parameter.modified) = ("wrong".into(), parameter.version + 1, now);
    });
}

/// What the parameter is worth.
pub fn parameter_now(cloud: &SimAws) -> String {
    cloud.look(|world, _| world.find(PLACE.0, PLACE.1).expect("it is there").ssm.parameters[PARAMETER].value.clone())
}

/// Overwrites the first object of the bucket with seven bytes.
pub fn object(cloud: &SimAws) {
    cloud.change(|world, now| {
        let bucket = world.s3.buckets.get_mut(BUCKET).expect("it is there");
        let key = bucket.objects.keys().next().expect("it holds something").clone();
        let mut other = bucket.objects[&key][0].clone();
        other.id = format!("other-{}", now.0);
        (other.etag, other.made, other.visible, other.content) = (other.id.clone(), now, now, Content::Zeros(7));
        bucket.add(&key, other);
    });
}

/// How many bytes the first object of the bucket has.
pub fn object_now(cloud: &SimAws) -> Option<u64> {
    cloud.look(|world, now| {
        let bucket = &world.s3.buckets[BUCKET];
        let key = bucket.objects.keys().next().expect("it holds something");
        bucket.current(key, now).map(|version| version.content.len())
    })
}

/// Whether the live folder of the tenant is one that was restored.
pub fn folder_is_restored(cloud: &SimAws) -> bool {
    is_restored(cloud, "/tenant-1")
}

/// Whether a live folder is one that was restored.
pub fn is_restored(cloud: &SimAws, folder: &str) -> bool {
    cloud.look(|world, _| {
        let files = world.places().find_map(|(_, _, place)| place.efs.file_systems.get(FILES)).expect("it is there");
        files.folders[folder].data_of.is_some()
    })
}

/// Lets another access point of the file system lead into a folder, which is made.
pub fn access_point(cloud: &SimAws, path: &str) {
    cloud.change(|world, now| {
        let files = world.region(PLACE.0, PLACE.1).efs.file_systems.get_mut(FILES).expect("it is there");
        files.access_points.insert("fsap-0900d0000000000ff".to_owned(), path.to_owned());
        let folder = Folder { id: 900, since: now, data_of: None, corrupt: false };
        files.folders.insert(path.to_owned(), folder);
    });
}
