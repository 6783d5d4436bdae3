//! CloudWatch: how far read replicas are behind, how much storage is free, and what runs came to.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDatum, MetricStat, ScanBy, StandardUnit};

use super::{error::Attempt, moment, session::Session, time};
use crate::{
    domain::{
        datum::Datum,
        environment::Environment,
        moment::{Moment, spoken},
    },
    ports::cloud::CloudError,
};

/// What was measured longer ago than this says nothing of now.
const FRESH: Duration = Duration::from_secs(300);
/// How far is looked back for a value: RDS writes one a minute, and CloudWatch shows it some minutes late at times.
const LOOK_BACK: Duration = Duration::from_secs(900);
/// A minute, in seconds: the period of what is asked for.
const PERIOD: i32 = 60;
/// Queries of one request.
const MOST: usize = 100;
/// Values put by one request: so few that the SDK does not compress it.
const AT_ONCE: usize = 20;

/// How far a replica is behind, and as of when.
pub type Lag = Result<(Duration, Moment), String>;

/// The lag of each of these replicas, by id in the order asked; or why nobody knows it. A lag of −1 (replication does not run),
/// none at all, and one that is minutes old are unknown, never none.
///
/// # Errors
/// See [`CloudError`].
pub async fn replica_lags(session: &Session, ids: &[String]) -> Result<BTreeMap<String, Lag>, CloudError> {
    let now = session.now();
    let mut lags = BTreeMap::new();
    for chunk in ids.chunks(MOST) {
        let attempt = session.reads("cloudwatch:GetMetricData", format!("the lag of {}", chunk.join(", ")));
        // The worst of the minute: what is lost is lost.
        let queries = chunk.iter().enumerate().map(|(at, id)| query(at, id, "ReplicaLag", "Maximum")).collect();
        let found = values(session, &attempt, queries).await?;
        for (at, id) in chunk.iter().enumerate() {
            lags.insert(id.clone(), read(found.get(&name(at)).map_or(&[], Vec::as_slice), now));
        }
    }
    Ok(lags)
}

/// Bytes of storage that are free on an instance, as of the last minutes; none where CloudWatch has no value of that yet.
///
/// # Errors
/// See [`CloudError`].
pub async fn free_storage(session: &Session, id: &str) -> Result<Option<u64>, CloudError> {
    let attempt = session.reads("cloudwatch:GetMetricData", format!("the free storage of {id}"));
    let found = values(session, &attempt, vec![query(0, id, "FreeStorageSpace", "Minimum")]).await?;
    let newest = found.get(&name(0)).and_then(|points| points.iter().max_by_key(|(at, _)| *at));
    Ok(newest.filter(|(_, bytes)| bytes.is_finite() && *bytes >= 0.0).map(|(_, bytes)| *bytes as u64))
}

/// How many connections each of these instances has, by its id, at the most within the newest minute; none where CloudWatch has no value of
/// the last minutes.
///
/// # Errors
/// See [`CloudError`].
pub async fn connections(session: &Session, ids: &[String]) -> Result<BTreeMap<String, Option<u64>>, CloudError> {
    let now = session.now();
    let mut all = BTreeMap::new();
    for chunk in ids.chunks(MOST) {
        let attempt = session.reads("cloudwatch:GetMetricData", format!("the connections of {}", chunk.join(", ")));
        let queries =
            chunk.iter().enumerate().map(|(at, id)| query(at, id, "DatabaseConnections", "Maximum")).collect();
        let found = values(session, &attempt, queries).await?;
        for (at, id) in chunk.iter().enumerate() {
            let newest = found.get(&name(at)).and_then(|points| points.iter().max_by_key(|(at, _)| *at));
            let known = newest.filter(|(at, count)| now.since(*at) <= FRESH && count.is_finite() && *count >= 0.0);
            all.insert(id.clone(), known.map(|(_, count)| count.ceil() as u64));
        }
    }
    Ok(all)
}

/// Puts values of metrics, by environment and resource.
///
/// # Errors
/// See [`CloudError`].
pub async fn put(
    session: &Session,
    environment: &Environment,
    namespace: &str,
    at: Moment,
    data: &[Datum],
) -> Result<(), CloudError> {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    for chunk in data.chunks(AT_ONCE) {
        let attempt = session.changes("cloudwatch:PutMetricData", format!("metrics in {namespace}"));
        let values = chunk.iter().map(|datum| {
            MetricDatum::builder()
                .metric_name(&datum.metric)
                .dimensions(dimension("Environment", &environment.name))
                .dimensions(dimension("Resource", &datum.resource))
                .timestamp(time(at))
                .value(if datum.good { 1.0 } else { 0.0 })
                .unit(StandardUnit::None)
                .build()
        });
        let request =
            session.cloudwatch().put_metric_data().namespace(namespace).set_metric_data(Some(values.collect()));
        request.send().await.map_err(|e| attempt.failed(e))?;
    }
    Ok(())
}

/// The values of the last minutes, by the name of the query.
async fn values(
    session: &Session,
    attempt: &Attempt<'_>,
    queries: Vec<MetricDataQuery>,
) -> Result<BTreeMap<String, Vec<(Moment, f64)>>, CloudError> {
    let now = session.now();
    let request = session
        .cloudwatch()
        .get_metric_data()
        .set_metric_data_queries(Some(queries))
        .start_time(time(now - LOOK_BACK))
        .end_time(time(now + Duration::from_secs(60)))
        .scan_by(ScanBy::TimestampDescending);
    let mut found: BTreeMap<String, Vec<(Moment, f64)>> = BTreeMap::new();
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        for result in page.map_err(|error| attempt.failed(error))?.metric_data_results.unwrap_or_default() {
            let times = result.timestamps.unwrap_or_default().into_iter().filter_map(moment);
            let points = times.zip(result.values.unwrap_or_default());
            found.entry(result.id.unwrap_or_default()).or_default().extend(points);
        }
    }
    Ok(found)
}

fn name(at: usize) -> String {
    format!("r{at}")
}

fn query(at: usize, id: &str, metric: &str, stat: &str) -> MetricDataQuery {
    let instance = Dimension::builder().name("DBInstanceIdentifier").value(id).build();
    let metric = Metric::builder().namespace("AWS/RDS").metric_name(metric).dimensions(instance).build();
    let stat = MetricStat::builder().metric(metric).period(PERIOD).stat(stat).build();
    MetricDataQuery::builder().id(name(at)).metric_stat(stat).build()
}

/// What the values of the last minutes come to.
fn read(points: &[(Moment, f64)], now: Moment) -> Lag {
    let Some((at, seconds)) = points.iter().max_by_key(|(at, _)| *at) else {
        return Err("CloudWatch has no value of its ReplicaLag".to_owned());
    };
    // A value is of the minute that begins at its time.
    let age = now.since(*at);
    if age > FRESH {
        return Err(format!("the newest value of its ReplicaLag is {} old", spoken(age)));
    }
    if !seconds.is_finite() || *seconds < 0.0 {
        return Err(format!("its ReplicaLag is {seconds}: replication does not run, and RDS says why"));
    }
    Ok((Duration::from_secs_f64(*seconds), *at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_measured_now_is_unknown_and_never_none() {
        let now = Moment(1_000_000_000);
        let ago = |seconds: u64| now - Duration::from_secs(seconds);
        assert_eq!(read(&[(ago(400), 1.0), (ago(60), 4.0)], now), Ok((Duration::from_secs(4), ago(60))));
        assert_eq!(read(&[(ago(60), 0.0)], now), Ok((Duration::ZERO, ago(60))));
        for points in [
            &[][..],
            &[(ago(60), -1.0)],
            &[(ago(301), 0.0)],
            &[(ago(120), 3.0), (ago(60), -1.0)],
            &[(ago(60), f64::NAN)],
        ] {
            assert!(read(points, now).is_err(), "{points:?}");
        }
    }
}
