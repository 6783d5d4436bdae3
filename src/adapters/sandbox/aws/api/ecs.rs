//! ECS: services described, and how many tasks they are to have.

use serde_json::{Value, json};

use super::{
    super::{
        judge::Made,
        time::{Timeline, between, hex_for},
        world::ecs::Service,
    },
    Context, Outcome, Refusal, Request,
};

/// Most services that one request may describe.
const MOST: usize = 10;

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "DescribeServices" => describe(cx, request),
        "DescribeTaskDefinition" => definition(cx, request),
        "UpdateService" => update(cx, request),
        _ => Err(super::unknown(request)),
    }
}

/// The name at the end of an ARN, or the name itself.
fn name(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

fn cluster(request: &Request) -> &str {
    request.text("cluster").map_or("default", name)
}

fn no_cluster() -> Refusal {
    Refusal::new("ClusterNotFoundException", "Cluster not found.")
}

fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let cluster = cluster(request).to_owned();
    let wanted: Vec<String> = request.texts("services").into_iter().map(|service| name(service).to_owned()).collect();
    if wanted.is_empty() || wanted.len() > MOST {
        return Err(request.invalid(format!("services must have 1 to {MOST} elements.")));
    }
    let (account, region) = (request.account().to_owned(), request.region.clone());
    let Some(services) = cx.place(request).ecs.clusters.get(&cluster).cloned() else { return Err(no_cluster()) };
    let (mut shown_all, mut failures) = (Vec::new(), Vec::new());
    for wanted in wanted {
        match services.get(&wanted) {
            Some(service) => shown_all.push(shown(cx, request, &cluster, &wanted, service)),
            None => {
                let arn = format!("arn:aws:ecs:{region}:{account}:service/{cluster}/{wanted}");
                failures.push(json!({"arn": arn, "reason": "MISSING"}));
            }
        }
    }
    Ok(json!({"services": shown_all, "failures": failures}))
}

fn definition(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let wanted = name(request.need("taskDefinition")?).to_owned();
    let arn = format!("arn:aws:ecs:{}:{}:task-definition/{wanted}", request.region, request.account());
    let unknown = || Refusal::new("ClientException", "Unable to describe task definition.");
    let found = cx.place(request).ecs.definitions.get(&wanted).ok_or_else(unknown)?;
    let (family, revision) = wanted.split_once(':').ok_or_else(unknown)?;
    Ok(json!({"taskDefinition": {
        "taskDefinitionArn": arn,
        "family": family,
        "revision": revision.parse::<u32>().map_err(|_| unknown())?,
        "status": if found.active { "ACTIVE" } else { "INACTIVE" },
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": found.cpu.to_string(),
        "memory": "2048",
        "containerDefinitions": [{"name": family, "image": found.image, "essential": true}],
    }}))
}

fn update(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (cluster, name) = (cluster(request).to_owned(), name(request.need("service")?).to_owned());
    let now = cx.now;
    let Some(services) = cx.place(request).ecs.clusters.get(&cluster) else { return Err(no_cluster()) };
    let Some(found) = services.get(&name).cloned() else {
        return Err(Refusal::new("ServiceNotFoundException", "Service not found."));
    };
    let desired = request.number("desiredCount").and_then(|count| u32::try_from(count).ok());
    let mut service = found.clone();
    if let Some(desired) = desired.filter(|desired| *desired != found.desired) {
        let fate = cx.fate(request);
        let what = format!("scale/{}/{}/{cluster}/{name}/{desired}", request.account(), request.region);
        let lasts = fate.stretch(between(cx.world.seed, &what, 40, 140));
        let fails = fate.fails.then(|| "tasks failed to start".to_owned());
        let scaling = Timeline::new(now, now, lasts, fails);
        service = Service { desired, before: found.running(now), scaling, ..found };
        let change = cx.world.next_id("deployment");
        let places = cx.place(request).ecs.clusters.entry(cluster.clone()).or_default();
        places.insert(name.clone(), service.clone());
        cx.changed(request, format!("tasks of {cluster}/{name}"), Made::Scaled { service: name.clone(), change });
    }
    let shown = shown(cx, request, &cluster, &name, &service);
    Ok(json!({"service": shown}))
}

fn shown(cx: &Context<'_>, request: &Request, cluster: &str, name: &str, service: &Service) -> Value {
    let (account, region, now) = (request.account(), &request.region, cx.now);
    let arn = |kind: &str, rest: &str| format!("arn:aws:ecs:{region}:{account}:{kind}/{rest}");
    let (running, desired) = (service.running(now), service.desired);
    let failed = service.scaling.failed(now);
    let definition = arn("task-definition", &format!("{name}:{}", service.revision));
    let deployment = json!({
        "id": format!("ecs-svc/{}", hex_for(cx.world.seed, &format!("{cluster}/{name}"), 19)),
        "status": "PRIMARY",
        "taskDefinition": definition,
        "desiredCount": desired,
        "runningCount": running,
        "pendingCount": desired.saturating_sub(running),
        "failedTasks": if failed { 3 } else { 0 },
        "rolloutState": if failed { "FAILED" } else { "COMPLETED" },
        "rolloutStateReason": if failed { "ECS deployment circuit breaker: tasks failed to start." } else { "ECS deployment completed." },
        "createdAt": request.time(service.scaling.created),
        "updatedAt": request.time(service.scaling.ends.min(now)),
    });
    json!({
        "serviceArn": arn("service", &format!("{cluster}/{name}")),
        "serviceName": name,
        "clusterArn": arn("cluster", cluster),
        "status": "ACTIVE",
        "desiredCount": desired,
        "runningCount": running,
        "pendingCount": desired.saturating_sub(running),
        "launchType": "FARGATE",
        "taskDefinition": definition,
        "deployments": [deployment],
    })
}
