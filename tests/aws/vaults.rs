//! AWS Backup with a memory: plans, selections, legal holds, recovery points that can be deleted. It honours tokens, and makes
//! trouble when told to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bbws::domain::environment::Environment;
use serde_json::{Value, json as value};

use crate::aws::{
    fake::{Answer, Fake, Seen, error, json},
    support::Platform,
};

/// What goes wrong, once per entry: method and the beginning of a path.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// The change is made, but nobody hears of it, however often the SDK asks in one call.
    Lost(&'static str, &'static str),
    /// The change is not made.
    Refused(&'static str, &'static str, &'static str),
}

#[derive(Debug, Default)]
pub struct State {
    /// Plans by id: name, rules, version, tags.
    pub plans: BTreeMap<String, Value>,
    /// Selections by plan and id.
    pub selections: BTreeMap<(String, String), Value>,
    /// Holds by id.
    pub holds: BTreeMap<String, Value>,
    /// No hold's selection meets anything.
    pub holds_nothing: bool,
    /// States of recovery points by ARN.
    pub points: BTreeMap<String, &'static str>,
    /// What a deletion makes of a recovery point; it is gone without.
    pub deleted_become: Option<&'static str>,
    pub trouble: Vec<Trouble>,
    /// When everything is made, in seconds since the epoch; nothing tells it without.
    pub made: Option<i64>,
    /// What a token made.
    tokens: BTreeMap<String, String>,
    last: usize,
}

#[derive(Clone)]
pub struct Vaults {
    pub fake: Fake,
    pub state: Arc<Mutex<State>>,
}

impl Vaults {
    pub async fn start() -> Vaults {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let fake = Fake::start(move |seen| shared.lock().expect("no test panics while holding it").answer(seen)).await;
        Vaults { fake, state }
    }

    /// A platform whose AWS Backup this is.
    pub async fn platform(&self, environment: Environment) -> Platform {
        Platform::on(&self.fake.address, &[], environment).await
    }

    pub fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().expect("no test panics while holding it"))
    }

    /// Requests that change something.
    pub fn changes(&self) -> Vec<String> {
        let seen = self.fake.seen();
        seen.iter().filter(|s| s.method != "GET").map(|s| format!("{} {}", s.method, s.path)).collect()
    }
}

fn missing() -> Answer {
    error(400, "ResourceNotFoundException", "there is no such thing")
}

impl State {
    pub fn answer(&mut self, seen: &Seen) -> Answer {
        let hits = |method: &str, path: &str| seen.method == method && seen.path.starts_with(path);
        for trouble in self.trouble.clone() {
            match trouble {
                Trouble::Refused(method, path, code) if hits(method, path) => {
                    return error(400, code, "as the test says.");
                }
                Trouble::Lost(method, path) if hits(method, path) => {
                    self.carried_out(seen);
                    return error(500, "InternalFailure", "lost");
                }
                _ => {}
            }
        }
        self.carried_out(seen)
    }

    fn id(&mut self, what: &str, token: Option<&str>) -> (String, bool) {
        // A token is of one action.
        let token = token.map(|token| format!("{what} {token}"));
        if let Some(known) = token.as_ref().and_then(|token| self.tokens.get(token)) {
            return (known.clone(), false);
        }
        self.last += 1;
        let id = format!("{what}-{}", self.last);
        self.tokens.extend(token.map(|token| (token, id.clone())));
        (id, true)
    }

    fn carried_out(&mut self, seen: &Seen) -> Answer {
        let parts: Vec<&str> = seen.path.trim_start_matches('/').split('/').collect();
        match (seen.method.as_str(), parts.as_slice()) {
            (_, ["backup", "plans", rest @ ..]) => self.plans(seen, rest),
            (_, ["legal-holds", rest @ ..]) => self.legal_holds(seen, rest),
            ("GET", ["backup-vaults", _, "recovery-points", arn]) => match self.points.get(*arn) {
                Some(status) => {
                    json(value!({ "RecoveryPointArn": arn, "Status": status, "StatusMessage": "The role may not.",
                    "ResourceArn": "arn:aws:elasticfilesystem:af-south-1:093646564004:file-system/fs-0900d000000000001" }))
                }
                None => missing(),
            },
            ("DELETE", ["backup-vaults", _, "recovery-points", arn]) => {
                if self.points.remove(*arn).is_none() {
                    return missing();
                }
                self.points.extend(self.deleted_become.map(|status| ((*arn).to_owned(), status)));
                json(value!({}))
            }
            other => panic!("no such call: {other:?}"),
        }
    }

    fn plans(&mut self, seen: &Seen, rest: &[&str]) -> Answer {
        match (seen.method.as_str(), rest) {
            ("GET", []) => {
                let list: Vec<Value> = self
                    .plans
                    .iter()
                    .map(|(id, plan)| value!({ "BackupPlanId": id, "BackupPlanName": plan["BackupPlanName"] }))
                    .collect();
                json(value!({ "BackupPlansList": list }))
            }
            ("PUT", []) => {
                let body = seen.json();
                let (id, new) = self.id("plan", body["CreatorRequestId"].as_str());
                if new {
                    let mut plan = body["BackupPlan"].clone();
                    plan["tags"] = body["BackupPlanTags"].clone();
                    plan["version"] = 1.into();
                    self.plans.insert(id.clone(), plan);
                }
                json(value!({ "BackupPlanId": id, "CreationDate": self.made }))
            }
            ("POST", [id]) => {
                let Some(plan) = self.plans.get_mut(*id) else { return missing() };
                let version = plan["version"].as_i64().expect("a number") + 1;
                *plan = seen.json()["BackupPlan"].clone();
                plan["version"] = version.into();
                json(value!({ "BackupPlanId": id }))
            }
            ("GET", [id]) => match self.plans.get(*id) {
                Some(plan) => {
                    json(value!({ "BackupPlanId": id, "BackupPlan": plan, "VersionId": plan["version"].to_string() }))
                }
                None => missing(),
            },
            (_, [plan, "selections", rest @ ..]) => self.selected(seen, plan, rest),
            other => panic!("no such call: {other:?}"),
        }
    }

    fn selected(&mut self, seen: &Seen, plan: &str, rest: &[&str]) -> Answer {
        match (seen.method.as_str(), rest) {
            ("GET", []) => {
                let of = self.selections.keys().filter(|(of, _)| of == plan);
                let list: Vec<Value> = of.map(|(_, id)| value!({ "SelectionId": id })).collect();
                json(value!({ "BackupSelectionsList": list }))
            }
            ("PUT", []) => {
                let body = seen.json();
                let same = self
                    .selections
                    .iter()
                    .any(|((of, _), s)| of == plan && s["SelectionName"] == body["BackupSelection"]["SelectionName"]);
                if same {
                    return error(400, "AlreadyExistsException", "there is one of that name");
                }
                let (id, _) = self.id("selection", None);
                self.selections.insert((plan.to_owned(), id.clone()), body["BackupSelection"].clone());
                json(value!({ "SelectionId": id, "CreationDate": self.made }))
            }
            ("GET", [id]) => match self.selections.get(&(plan.to_owned(), (*id).to_owned())) {
                Some(selection) => json(value!({ "BackupSelection": selection, "SelectionId": id })),
                None => missing(),
            },
            ("DELETE", [id]) => match self.selections.remove(&(plan.to_owned(), (*id).to_owned())) {
                Some(_) => json(value!({})),
                None => missing(),
            },
            other => panic!("no such call: {other:?}"),
        }
    }

    fn legal_holds(&mut self, seen: &Seen, rest: &[&str]) -> Answer {
        match (seen.method.as_str(), rest) {
            ("GET", []) => json(value!({ "LegalHolds": self.holds.values().collect::<Vec<_>>() })),
            ("POST", []) => {
                let body = seen.json();
                let (id, new) = self.id("hold", body["IdempotencyToken"].as_str());
                if new {
                    let mut hold = body.clone();
                    hold["LegalHoldId"] = id.clone().into();
                    hold["Status"] = "CREATING".into();
                    hold["CreationDate"] = self.made.into();
                    self.holds.insert(id.clone(), hold);
                }
                json(
                    value!({ "LegalHoldId": id, "Status": "CREATING", "CreationDate": self.holds[&id]["CreationDate"] }),
                )
            }
            ("GET", [id, "recovery-points"]) => {
                let Some(hold) = self.holds.get(*id) else { return missing() };
                let selection = &hold["RecoveryPointSelection"];
                let resources = selection["ResourceIdentifiers"].as_array().cloned().unwrap_or_default();
                let resources = resources.into_iter().filter(|_| !self.holds_nothing);
                let members: Vec<Value> = resources
                    .map(|arn| value!({ "ResourceArn": arn, "BackupVaultName": selection["VaultNames"][0] }))
                    .collect();
                json(value!({ "RecoveryPoints": members }))
            }
            ("GET", [id]) => self.holds.get(*id).map_or_else(missing, |hold| json(hold.clone())),
            ("DELETE", [id]) => {
                let Some(hold) = self.holds.get_mut(*id) else { return missing() };
                if hold["Status"] != "ACTIVE" {
                    return error(400, "InvalidResourceStateException", "it is not ACTIVE");
                }
                hold["Status"] = "CANCELING".into();
                json(value!({}))
            }
            other => panic!("no such call: {other:?}"),
        }
    }
}
