//! Service Quotas: what an account may have of something at most.

use serde_json::json;

use super::{Context, Outcome, Refusal, Request};

/// Vcpus of tasks on Fargate, on demand, and how many an account has of them from the start.
const FARGATE: (&str, &str, f64) = ("fargate", "L-3032A538", 6.0);

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "GetServiceQuota" => get(cx, request),
        _ => Err(super::unknown(request)),
    }
}

fn get(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (service, code) = (request.need("ServiceCode")?.to_owned(), request.need("QuotaCode")?.to_owned());
    if (service.as_str(), code.as_str()) != (FARGATE.0, FARGATE.1) {
        return Err(Refusal::new(
            "NoSuchResourceException",
            "The request failed because the specified quota does not exist.",
        ));
    }
    let arn = format!("arn:aws:servicequotas:{}:{}:{service}/{code}", request.region, request.account());
    let value = cx.place(request).ecs.fargate_vcpus.map_or(FARGATE.2, f64::from);
    Ok(json!({"Quota": {
        "ServiceCode": service,
        "ServiceName": "AWS Fargate",
        "QuotaArn": arn,
        "QuotaCode": code,
        "QuotaName": "Fargate On-Demand vCPU resource count",
        "Value": value,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": false,
    }}))
}
