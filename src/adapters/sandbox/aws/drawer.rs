//! The page's drawer: what is in the simulated AWS, and the levers for faults, outages and the clock.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};

use super::{
    super::{clock::SharedClock, mortal::Mortal},
    Fault, SimAws, Target,
    judge::{Twice, Verb},
    platform::PlatformView,
    view::{RegionView, TableView},
};
use crate::ports::clock::Clock as _;

/// Fastest the clock may run: an hour in a second.
const FASTEST: f64 = 3600.0;
/// The environment in which accidents with rows happen.
const PRODUCTION: &str = "prod";
/// The furthest it is put forward at once: a year.
const FURTHEST: u64 = 366 * 86_400;

/// What the drawer shows and moves.
#[derive(Clone)]
pub struct Drawer {
    /// AWS.
    pub aws: Arc<SimAws>,
    /// The clock of everything.
    pub clock: Arc<SharedClock>,
    /// Where AWS answers any SDK.
    pub address: Option<String>,
    /// The bbws that uses it.
    pub bbws: Arc<Mortal>,
}

impl Drawer {
    /// `GET /state`, `POST /control` and `POST /reset`, to be nested under `/sandbox/aws`.
    pub fn router(self) -> Router {
        Router::new()
            .route("/state", get(state))
            .route("/control", post(control))
            .route("/reset", post(reset))
            .with_state(self)
    }
}

#[derive(Serialize)]
struct Shown {
    speed: serde_json::Number,
    now: String,
    /// Where any SDK reaches this AWS.
    address: Option<String>,
    /// What is in each region.
    regions: Vec<RegionView>,
    /// Platforms that have a side in each of two regions.
    platforms: Vec<PlatformView>,
    /// Tenants' tables of the databases that are declared.
    tables: Vec<TableView>,
    faults: Vec<Lever>,
    /// Whether bbws itself is dead at present.
    dead: bool,
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

/// What the accidents of the demo happen to: a table of a tenant's, by name and with its schema.
const TABLE: &str = "tenant_1.wp_posts";

const LEVERS: [Lever; 15] = [
    Lever { id: "throttle", label: "Throttle the next request" },
    Lever { id: "lost_reply", label: "Lose the reply of the next change" },
    Lever { id: "lost_request", label: "Lose the next change before it arrives" },
    Lever { id: "hangs", label: "Never answer the next request" },
    Lever { id: "cut", label: "Cut the next answer in the middle" },
    Lever { id: "denied", label: "Deny the next change" },
    Lever { id: "job_fails", label: "Let the next snapshot or job fail" },
    Lever { id: "slow", label: "Make the next snapshot or job four times slower" },
    Lever { id: "poll_fails", label: "Fail the next look at progress" },
    Lever { id: "clear_failed", label: "Delete failed snapshots" },
    Lever { id: "delete_rows", label: "DELETE FROM tenant_1.wp_posts, without WHERE" },
    Lever { id: "corrupt_rows", label: "Corrupt rows of tenant_1.wp_posts" },
    Lever { id: "drop_table", label: "DROP TABLE tenant_1.wp_posts" },
    Lever { id: "kill", label: "Kill bbws itself" },
    Lever { id: "heal", label: "Heal everything" },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    speed: Option<f64>,
    advance: Option<u64>,
    fault: Option<String>,
    region: Option<String>,
    down: Option<bool>,
}

async fn state(State(drawer): State<Drawer>) -> Json<Shown> {
    Json(drawer.shown())
}

async fn control(State(drawer): State<Drawer>, body: Bytes) -> Response {
    match drawer.steer(&body) {
        Ok(()) => Json(drawer.shown()).into_response(),
        Err(sentence) => (StatusCode::BAD_REQUEST, sentence).into_response(),
    }
}

/// The whole demo begins again.
async fn reset(State(drawer): State<Drawer>) -> StatusCode {
    drawer.bbws.reset();
    StatusCode::ACCEPTED
}

impl Drawer {
    fn steer(&self, body: &[u8]) -> Result<(), String> {
        let forms =
            r#"send {"speed": 60}, {"advance": 3600}, {"fault": "throttle"} or {"region": "af-south-1", "down": true}"#;
        let control: Control = serde_json::from_slice(body)
            .map_err(|e| format!("This is no control of the simulated AWS ({e}); {forms}."))?;
        match control {
            Control { speed: Some(speed), advance: None, fault: None, region: None, down: None } => {
                self.set_speed(speed)
            }
            Control { speed: None, advance: Some(by), fault: None, region: None, down: None } => self.advance(by),
            Control { speed: None, advance: None, fault: Some(fault), region: None, down: None } => self.pull(&fault),
            Control { speed: None, advance: None, fault: None, region: Some(region), down: Some(down) } => {
                self.set_down(&region, down)
            }
            _ => Err(format!("One control at a time: {forms}.")),
        }
    }

    fn set_speed(&self, speed: f64) -> Result<(), String> {
        if !(0.0..=FASTEST).contains(&speed) {
            return Err(format!("The speed has to be from 0, which halts the clock, to {FASTEST}; it was {speed}."));
        }
        self.clock.set_speed(speed);
        Ok(())
    }

    fn advance(&self, seconds: u64) -> Result<(), String> {
        if seconds > FURTHEST {
            return Err(format!("The clock is put forward by at most {FURTHEST} seconds at once; it was {seconds}."));
        }
        self.clock.advance(Duration::from_secs(seconds));
        Ok(())
    }

    fn set_down(&self, region: &str, down: bool) -> Result<(), String> {
        let known: Vec<String> = self.aws.lock().region_names().into_iter().map(str::to_owned).collect();
        if !known.iter().any(|name| name == region) {
            return Err(format!("There is no region `{region}` here; choose one of {}.", known.join(", ")));
        }
        self.aws.region_down(region, down);
        Ok(())
    }

    fn pull(&self, lever: &str) -> Result<(), String> {
        let aws = &self.aws;
        match lever {
            "throttle" => aws.inject(Fault::Throttled, Target::next()),
            "lost_reply" => aws.inject(Fault::LostReply, Target::next_change()),
            "lost_request" => aws.inject(Fault::LostRequest, Target::next_change()),
            "hangs" => aws.inject(Fault::Hangs, Target::next()),
            "cut" => aws.inject(Fault::CutShort, Target::next()),
            "denied" => aws.inject(Fault::Denied, Target::next_change()),
            "job_fails" => aws.inject(Fault::JobFails, Target::next_change()),
            "slow" => aws.inject(Fault::Slow(4.0), Target::next_change()),
            "poll_fails" => aws.inject(Fault::Unavailable, Target::next().on(Verb::Poll)),
            "clear_failed" => {
                aws.delete_failed_snapshots();
            }
            "delete_rows" => self.meets(SimAws::delete_rows)?,
            "corrupt_rows" => self.meets(SimAws::corrupt_rows)?,
            "drop_table" => self.meets(SimAws::drop_table)?,
            "kill" => self.bbws.kill(),
            "heal" => aws.heal(),
            _ => {
                let known: Vec<&str> = LEVERS.iter().map(|l| l.id).collect();
                return Err(format!("There is no fault `{lever}`; choose one of {}.", known.join(", ")));
            }
        }
        Ok(())
    }

    /// An accident happens to the tenant's table wherever the config says that the tenant is in production.
    fn meets(&self, accident: fn(&SimAws, &str, &str, &str) -> bool) -> Result<(), String> {
        let schema = TABLE.split('.').next();
        let place = self.aws.lock().environments.get(PRODUCTION).and_then(|environment| {
            let tenant = environment.tenants.values().find(|tenant| tenant.schema.as_deref() == schema);
            tenant.and_then(|tenant| tenant.database.clone())
        });
        match place {
            Some(database) if accident(&self.aws, PRODUCTION, &database, TABLE) => Ok(()),
            _ => Err(format!("No database of `{PRODUCTION}` has {TABLE} here.")),
        }
    }

    fn shown(&self) -> Shown {
        let now = self.clock.now();
        let mut inner = self.aws.lock();
        Shown {
            platforms: inner.platforms(now),
            speed: number(self.clock.speed()),
            now: now.iso(),
            address: self.address.clone(),
            regions: inner.view(now),
            tables: inner.tables(now),
            faults: LEVERS.to_vec(),
            dead: self.bbws.is_dead(),
            calls: inner.judge.requests(),
            mutations: inner.judge.effective(),
            twice: inner.judge.twice().to_vec(),
        }
    }
}

/// A whole speed is written without a fraction.
fn number(speed: f64) -> serde_json::Number {
    let whole = speed.fract() == 0.0 && speed.abs() < 1e15;
    let number = if whole { Some(serde_json::Number::from(speed as i64)) } else { serde_json::Number::from_f64(speed) };
    number.unwrap_or_else(|| serde_json::Number::from(0))
}
