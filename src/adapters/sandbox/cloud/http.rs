//! The page's drawer: what is in the simulated AWS, and the levers for faults, outages and the clock.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};

use super::{Fault, RegionView, SimCloud, Target, Twice, Verb};

/// Fastest the clock may run: an hour in a second.
const FASTEST: f64 = 3600.0;

/// `GET /state` and `POST /control`, to be nested under `/sandbox/aws`.
pub fn router(cloud: Arc<SimCloud>) -> Router {
    Router::new().route("/state", get(state)).route("/control", post(control)).with_state(cloud)
}

#[derive(Serialize)]
struct Shown {
    speed: serde_json::Number,
    now: String,
    regions: Vec<RegionView>,
    faults: Vec<Lever>,
    calls: u64,
    mutations: u64,
    /// What was changed again while the earlier result still stood; has to stay empty.
    twice: Vec<Twice>,
}

#[derive(Clone, Copy, Serialize)]
struct Lever {
    id: &'static str,
    label: &'static str,
}

const LEVERS: [Lever; 9] = [
    Lever { id: "throttle", label: "Throttle the next call" },
    Lever { id: "lost_reply", label: "Lose the reply of the next change" },
    Lever { id: "lost_request", label: "Lose the next change before it arrives" },
    Lever { id: "denied", label: "Deny the next change" },
    Lever { id: "job_fails", label: "Let the next snapshot or job fail" },
    Lever { id: "slow", label: "Make the next snapshot or job four times slower" },
    Lever { id: "poll_fails", label: "Fail the next look at progress" },
    Lever { id: "clear_failed", label: "Delete failed snapshots" },
    Lever { id: "heal", label: "Heal everything" },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    speed: Option<f64>,
    fault: Option<String>,
    region: Option<String>,
    down: Option<bool>,
}

async fn state(State(cloud): State<Arc<SimCloud>>) -> Json<Shown> {
    Json(shown(&cloud))
}

async fn control(State(cloud): State<Arc<SimCloud>>, body: Bytes) -> Response {
    match steer(&cloud, &body) {
        Ok(()) => Json(shown(&cloud)).into_response(),
        Err(sentence) => (StatusCode::BAD_REQUEST, sentence).into_response(),
    }
}

fn steer(cloud: &SimCloud, body: &[u8]) -> Result<(), String> {
    let forms = r#"send {"speed": 60}, {"fault": "throttle"} or {"region": "af-south-1", "down": true}"#;
    let control: Control =
        serde_json::from_slice(body).map_err(|e| format!("This is no control of the simulated AWS ({e}); {forms}."))?;
    match control {
        Control { speed: Some(speed), fault: None, region: None, down: None } => set_speed(cloud, speed),
        Control { speed: None, fault: Some(fault), region: None, down: None } => pull(cloud, &fault),
        Control { speed: None, fault: None, region: Some(region), down: Some(down) } => set_down(cloud, &region, down),
        _ => Err(format!("One control at a time: {forms}.")),
    }
}

fn set_speed(cloud: &SimCloud, speed: f64) -> Result<(), String> {
    if !(speed > 0.0 && speed <= FASTEST) {
        return Err(format!("The speed has to be over 0 and at most {FASTEST}; it was {speed}."));
    }
    cloud.set_speed(speed);
    Ok(())
}

fn set_down(cloud: &SimCloud, region: &str, down: bool) -> Result<(), String> {
    let known: Vec<String> = cloud.lock().region_names().into_iter().map(str::to_owned).collect();
    if !known.iter().any(|name| name == region) {
        return Err(format!("There is no region `{region}` here; choose one of {}.", known.join(", ")));
    }
    cloud.region_down(region, down);
    Ok(())
}

fn pull(cloud: &SimCloud, lever: &str) -> Result<(), String> {
    match lever {
        "throttle" => cloud.inject(Fault::Throttle, Target::next_call()),
        "lost_reply" => cloud.inject(Fault::LostReply, Target::next_start()),
        "lost_request" => cloud.inject(Fault::LostRequest, Target::next_start()),
        "denied" => cloud.inject(Fault::Denied, Target::next_start()),
        "job_fails" => cloud.inject(Fault::JobFails, Target::next_start()),
        "slow" => cloud.inject(Fault::Slow(4.0), Target::next_start()),
        "poll_fails" => cloud.inject(Fault::PollFails, Target::next_call().on(Verb::Poll)),
        "clear_failed" => {
            cloud.delete_failed_snapshots();
        }
        "heal" => cloud.heal(),
        _ => {
            let known: Vec<&str> = LEVERS.iter().map(|l| l.id).collect();
            return Err(format!("There is no fault `{lever}`; choose one of {}.", known.join(", ")));
        }
    }
    Ok(())
}

fn shown(cloud: &SimCloud) -> Shown {
    let inner = cloud.lock();
    Shown {
        speed: number(inner.time.speed()),
        now: inner.time.now().iso(),
        regions: inner.view(),
        faults: LEVERS.to_vec(),
        calls: inner.journal.total(),
        mutations: inner.journal.effective(),
        twice: inner.journal.twice().to_vec(),
    }
}

/// A whole speed is written without a fraction.
fn number(speed: f64) -> serde_json::Number {
    let whole = speed.fract() == 0.0 && speed.abs() < 1e15;
    let number = if whole { Some(serde_json::Number::from(speed as i64)) } else { serde_json::Number::from_f64(speed) };
    number.unwrap_or_else(|| serde_json::Number::from(0))
}
