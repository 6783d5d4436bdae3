//! The simulated AWS as tests look at it: what is really there, whatever its faults would say.

use super::{Side, SimCloud, points};
use crate::ports::cloud::Point;

impl SimCloud {
    /// Every recovery point of an environment in both regions.
    pub fn points_now(&self, environment: &str) -> Vec<Point> {
        let inner = self.lock();
        let Some(environment) = inner.environments.get(environment) else { return Vec::new() };
        points::all(&inner.aws, environment, &points::regions(environment), inner.time.now())
    }

    /// Keys of everything in a bucket, sorted.
    pub fn objects(&self, environment: &str, side: Side, bucket: &str) -> Vec<String> {
        let inner = self.lock();
        let now = inner.time.now();
        let found = inner.place(environment, side).and_then(|place| place.buckets.get(bucket));
        let Some(bucket) = found else { return Vec::new() };
        let archives = bucket.objects.iter().filter(|(_, object)| object.course.done(now)).map(|(key, _)| key);
        let mut keys: Vec<String> = archives.chain(bucket.data.keys()).cloned().collect();
        keys.sort();
        keys
    }
}
