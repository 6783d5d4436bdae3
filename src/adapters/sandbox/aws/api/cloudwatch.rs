//! CloudWatch: the lag of read replicas, the free storage and the connections of instances, a value a minute; and what is put there.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::world::cloudwatch::{CloudWatch, Lag},
    Context, Outcome, Refusal, Request,
};

const MINUTE: i64 = 60;

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "GetMetricData" => get_metric_data(cx, request),
        "PutMetricData" => put_metric_data(cx, request),
        _ => Err(super::unknown(request)),
    }
}

fn put_metric_data(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let namespace = request.need("Namespace")?.to_owned();
    if namespace.starts_with("AWS/") {
        return Err(request.invalid("The value AWS/ for parameter Namespace is invalid."));
    }
    let data = request.list("MetricData");
    if data.is_empty() || data.len() > 1000 {
        return Err(request.invalid("The collection MetricData must have 1 to 1000 elements."));
    }
    let mut put = Vec::new();
    for datum in data {
        let name = datum["MetricName"].as_str().ok_or_else(|| request.invalid("MetricName is required."))?;
        let dimensions = datum["Dimensions"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of = |dimension: &Value| format!("{}={}", text(&dimension["Name"]), text(&dimension["Value"]));
        let of: Vec<String> = dimensions.map(of).collect();
        put.push((namespace.clone(), name.to_owned(), of.join(" "), datum["Value"].to_string()));
    }
    cx.place(request).cloudwatch.keep(put);
    Ok(json!({}))
}

fn get_metric_data(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (Some(from), Some(to)) = (request.moment("StartTime"), request.moment("EndTime")) else {
        return Err(request.invalid("The parameters StartTime and EndTime are required."));
    };
    if from >= to {
        return Err(request.invalid("The parameter StartTime must be less than the parameter EndTime."));
    }
    let queries = request.list("MetricDataQueries");
    if queries.is_empty() || queries.len() > 500 {
        return Err(request.invalid("The collection MetricDataQueries must have 1 to 500 elements."));
    }
    let (now, newest_first) = (cx.now, request.text("ScanBy") != Some("TimestampAscending"));
    let mut results = Vec::new();
    for query in queries {
        let Asked { id, metric, instance } = asked(request, query)?;
        let place = cx.place(request);
        let found = place.rds.instance(&instance, now);
        let value = match metric.as_str() {
            "ReplicaLag" => {
                let usual = found.is_some_and(|found| found.source(now).is_some()).then_some(Lag::USUAL);
                place.cloudwatch.lags.get(&instance).copied().or(usual)
            }
            "FreeStorageSpace" => found.map(|found| {
                let percent = place.cloudwatch.free.get(&instance).copied().unwrap_or(CloudWatch::FREE);
                let bytes = (i64::from(found.size_gib) << 30) / 100 * i64::from(percent);
                Lag { seconds: Some(bytes), ..Lag::USUAL }
            }),
            "DatabaseConnections" => found.map(|found| {
                let services = place.ecs.clusters.values().flat_map(|cluster| cluster.values());
                let tasks: u32 = services.map(|service| service.running(now)).sum();
                let writable = found.source(now).is_none();
                let usual = if writable { i64::from(tasks) * CloudWatch::A_TASK } else { 0 };
                let count = place.cloudwatch.connections.get(&instance).copied().unwrap_or(usual);
                Lag { seconds: Some(count), ..Lag::USUAL }
            }),
            _ => None,
        };
        let mut points = value.map(|value| measured(value, now, from, to)).unwrap_or_default();
        if !newest_first {
            points.reverse();
        }
        let (times, values): (Vec<Value>, Vec<f64>) =
            points.into_iter().map(|(at, lag)| (request.time(at), lag)).unzip();
        results.push(json!({
            "Id": id, "Label": metric, "Timestamps": times, "Values": values, "StatusCode": "Complete",
        }));
    }
    Ok(json!({"MetricDataResults": results, "Messages": []}))
}

type Points = Vec<(crate::domain::moment::Moment, f64)>;

/// The values of each whole minute within the time that is asked about, newest first.
fn measured(
    lag: Lag,
    now: crate::domain::moment::Moment,
    from: crate::domain::moment::Moment,
    to: crate::domain::moment::Moment,
) -> Points {
    let Some(seconds) = lag.seconds else { return Points::new() };
    let newest = now - Duration::from_secs(lag.age);
    let newest = crate::domain::moment::Moment(newest.seconds().div_euclid(MINUTE) * MINUTE * 1000);
    let minutes = (0..1440).map(|n| newest - Duration::from_secs(60 * n));
    minutes.skip_while(|at| *at >= to).take_while(|at| *at >= from).map(|at| (at, seconds as f64)).collect()
}

/// What a query asks for.
struct Asked {
    /// The query's own id.
    id: String,
    /// Empty where it is of nothing that anybody writes: CloudWatch knows no such metric.
    metric: String,
    instance: String,
}

fn asked(request: &Request, query: &Value) -> Result<Asked, Refusal> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = text(query, "Id");
    let letters =
        id.starts_with(|c: char| c.is_ascii_lowercase()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !letters {
        return Err(request.invalid(format!("The value {id} for parameter MetricDataQueries.member.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.")));
    }
    let stat = query.get("MetricStat").cloned().unwrap_or_default();
    let metric = stat.get("Metric").cloned().unwrap_or_default();
    let period = stat.get("Period").and_then(Value::as_i64).unwrap_or_default();
    if period <= 0 || period % MINUTE != 0 || text(&stat, "Stat").is_empty() {
        return Err(request.invalid("The parameters MetricStat.Period and MetricStat.Stat are required."));
    }
    let dimensions = metric.get("Dimensions").and_then(Value::as_array).cloned().unwrap_or_default();
    let instance = dimensions.iter().find(|d| text(d, "Name") == "DBInstanceIdentifier").map(|d| text(d, "Value"));
    match (text(&metric, "Namespace").as_str(), text(&metric, "MetricName").as_str(), instance) {
        ("AWS/RDS", name, Some(instance)) => {
            Ok(Asked { id, metric: name.to_owned(), instance: instance.to_lowercase() })
        }
        _ => Ok(Asked { id, metric: String::new(), instance: String::new() }),
    }
}
