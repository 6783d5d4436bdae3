//! A full backup of prod as the card sees it, and a compact outline of blocks.

use std::time::Duration;

use bbws::{
    domain::{
        moment::Moment,
        operation::{Halt, OpId, Operation, Run, State, Vote},
        plan::{Fact, Plan},
        policy::Need,
        principal::{PersonId, Principal},
        step::{self, Action, Step, StepSpec, StepState},
    },
    ports::chat::CardView,
};
use serde_json::Value;

/// 2026-11-21T08:00:00Z.
pub const ASKED: Moment = Moment(1_795_248_000_000);

pub fn at(minutes: u64) -> Moment {
    ASKED + Duration::from_secs(60 * minutes)
}

pub fn principal(user: &str) -> Principal {
    Principal { person: PersonId(user.into()), user: user.into(), roles: vec!["operator".into()] }
}

fn spec(title: &str, after: &[usize], action: Action) -> StepSpec {
    StepSpec { title: title.into(), after: after.to_vec(), kind_version: 1, action, always: false, back: false }
}

fn steps() -> Vec<StepSpec> {
    let snapshot = "bbws-prod-mysql-manual-20261121-bk-1042";
    let (region, dr): (String, String) = ("af-south-1".into(), "eu-west-1".into());
    vec![
        spec(
            "Snapshot database bbws-prod-mysql",
            &[],
            Action::RdsSnapshot(step::RdsSnapshot {
                region: region.clone(),
                database: "bbws-prod-mysql".into(),
                snapshot: snapshot.into(),
            }),
        ),
        spec(
            "Back up file system wp-content",
            &[],
            Action::BackupJob(step::BackupJob {
                region: region.clone(),
                resource_arn: "arn:aws:elasticfilesystem:af-south-1:093646564004:file-system/fs-0900d000000000001"
                    .into(),
                vault: "bbws-prod".into(),
                role: "arn:aws:iam::093646564004:role/bbws-backup".into(),
                retention_days: 30,
            }),
        ),
        spec(
            "Copy snapshot to eu-west-1",
            &[0],
            Action::RdsCopy(step::RdsCopy {
                from_region: region.clone(),
                region: dr.clone(),
                account: "093646564004".into(),
                snapshot: snapshot.into(),
                copy: format!("{snapshot}-dr"),
                kms_key: Some("alias/bbws-dr".into()),
            }),
        ),
        spec(
            "Verify snapshot",
            &[0],
            Action::VerifySnapshot(step::VerifySnapshot {
                region: region.clone(),
                snapshot: snapshot.into(),
                retention_days: 30,
            }),
        ),
        spec(
            "Verify recovery point",
            &[1],
            Action::VerifyRecoveryPoint(step::VerifyRecoveryPoint {
                region,
                vault: "bbws-prod".into(),
                retention_days: 30,
            }),
        ),
        spec(
            "Verify snapshot in eu-west-1",
            &[2],
            Action::VerifySnapshot(step::VerifySnapshot {
                region: dr,
                snapshot: format!("{snapshot}-dr"),
                retention_days: 30,
            }),
        ),
    ]
}

/// As it is right after Alice asked.
pub fn view() -> CardView {
    let plan = Plan {
        kind: "backup.create".into(),
        environment: "prod".into(),
        scope: "full".into(),
        tenant: None,
        account: "093646564004".into(),
        region: "af-south-1".into(),
        dr_region: Some("eu-west-1".into()),
        retention_days: Some(30),
        facts: vec![
            Fact {
                subject: "Database bbws-prod-mysql".into(),
                found: "mysql 8.0.36, 100 GiB, encrypted, Multi-AZ".into(),
            },
            Fact { subject: "File system wp-content".into(), found: "48 GiB, encrypted".into() },
        ],
        notes: vec!["DNS, ECS services and IAM are not covered.".into()],
        steps: steps(),
    };
    let op = Operation {
        id: OpId("bk-1042".into()),
        state: State::AwaitingApproval,
        digest: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef".into(),
        plan,
        revision: 1,
        needs: vec![Need { role: "operator".into(), count: 1 }],
        requester: principal("U0ALICE"),
        reason: Some("before the <b>release</b> & the sale".into()),
        channel: "C0OPS".into(),
        command: "/bbws backup create prod full".into(),
        votes: Vec::new(),
        created: ASKED,
        deadline: Some(at(15)),
        started: None,
        ended: None,
        estimate: Some(Duration::from_secs(20 * 60)),
        halt: None,
        outcome: None,
        card: None,
        wake_at: ASKED,
        turned: None,
        by_schedule: None,
        incident: None,
        recovery: None,
    };
    let steps = (0..op.plan.steps.len()).map(Step::new).collect();
    CardView { run: Run { op, steps, version: 1 }, now: ASKED }
}

/// Agreed to by Bob and begun two minutes after; the first step is done, the second at 40 %.
pub fn running() -> CardView {
    let mut view = view();
    agree(&mut view);
    view.run.op.state = State::Running;
    view.run.op.started = Some(at(2));
    view.now = at(8);
    done(&mut view, 0, 2, 6);
    let step = &mut view.run.steps[1];
    step.state = StepState::Polling;
    step.percent = Some(40);
    step.detail = Some("RUNNING".into());
    step.external_id = Some("0b1c2d3e-job".into());
    step.started = Some(at(2));
    view
}

pub fn agree(view: &mut CardView) {
    let op = &mut view.run.op;
    op.votes = vec![Vote { by: principal("U0BOB"), digest: op.digest.clone(), at: at(1) }];
    op.state = State::Queued;
    op.deadline = Some(at(11));
}

pub fn done(view: &mut CardView, index: usize, from: u64, to: u64) {
    let step = &mut view.run.steps[index];
    step.state = StepState::Done;
    step.external_id = Some(format!("aws-id-{index}"));
    step.started = Some(at(from));
    step.ended = Some(at(to));
}

pub fn halt(view: &mut CardView, user: &str, reason: &str, cancel: bool) {
    view.run.op.halt = Some(Halt { by: user.into(), reason: Some(reason.into()), at: at(7), cancel, gave_way: None });
}

/// One line per block: its type and what it says.
pub fn outline(blocks: &[Value]) -> String {
    blocks.iter().map(block).collect::<Vec<_>>().join("\n")
}

fn text(value: &Value) -> &str {
    value["text"].as_str().unwrap_or("?")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn block(block: &Value) -> String {
    match block["type"].as_str().unwrap() {
        "section" if block["fields"].is_array() => {
            let fields: Vec<String> =
                list(&block["fields"]).iter().map(|f| format!("  {}", text(f).replace('\n', " | "))).collect();
            format!("fields\n{}", fields.join("\n"))
        }
        "section" => format!("section {}", text(&block["text"])),
        "alert" => format!("alert {} {}", block["level"].as_str().unwrap(), text(&block["text"])),
        "context" => format!("context {}", list(&block["elements"]).iter().map(text).collect::<Vec<_>>().join(" / ")),
        "plan" => {
            let tasks: Vec<String> = list(&block["tasks"]).iter().map(task).collect();
            format!("plan {}\n{}", block["title"].as_str().unwrap(), tasks.join("\n"))
        }
        "input" => format!(
            "input {} {} {}",
            block["block_id"].as_str().unwrap(),
            block["element"]["action_id"].as_str().unwrap(),
            text(&block["label"])
        ),
        "actions" => {
            let buttons: Vec<String> = list(&block["elements"]).iter().map(button).collect();
            format!("actions {}\n{}", block["block_id"].as_str().unwrap(), buttons.join("\n"))
        }
        "data_table" => {
            let rows: Vec<String> = list(&block["rows"])
                .iter()
                .map(|r| format!("  {}", list(r).iter().map(cell).collect::<Vec<_>>().join(" | ")))
                .collect();
            format!("data_table {}\n{}", block["caption"].as_str().unwrap(), rows.join("\n"))
        }
        "data_visualization" => {
            let chart = &block["chart"];
            let point = |p: &Value| format!("{}={}", p["label"].as_str().unwrap(), p["value"]);
            let lines: Vec<String> = list(&chart["series"])
                .iter()
                .map(|s| {
                    let points: Vec<String> = list(&s["data"]).iter().map(point).collect();
                    format!("  {}: {}", s["name"].as_str().unwrap(), points.join(" "))
                })
                .collect();
            let unit = chart["axis_config"]["y_label"].as_str().unwrap_or("no unit");
            let title = block["title"].as_str().unwrap();
            format!("{} {title} ({unit})\n{}", chart["type"].as_str().unwrap(), lines.join("\n"))
        }
        "container" => {
            let folded = if block["default_collapsed"] == true { "folded" } else { "open" };
            let inside = outline(list(&block["child_blocks"])).replace('\n', "\n  ");
            format!("container ({folded}) {}\n  {inside}", text(&block["title"]))
        }
        other => panic!("a message has no {other} block"),
    }
}

fn cell(cell: &Value) -> String {
    match cell["type"].as_str().unwrap() {
        "action_cell" => format!("[{}, else {}]", button(&cell["element"]).trim_start(), text(&cell["fallback"])),
        _ => text(cell).to_owned(),
    }
}

fn rich(value: &Value) -> String {
    list(&value["elements"])
        .iter()
        .flat_map(|s| list(&s["elements"]))
        .map(|e| if e["style"]["code"] == true { format!("`{}`", text(e)) } else { text(e).to_owned() })
        .collect()
}

fn task(task: &Value) -> String {
    let mut line = format!("  [{}] {}", task["status"].as_str().unwrap(), task["title"].as_str().unwrap());
    for part in ["details", "output"] {
        if task[part].is_object() {
            line.push_str(&format!(" | {}", rich(&task[part])));
        }
    }
    for source in list(&task["sources"]) {
        line.push_str(&format!("\n    {}", source["url"].as_str().unwrap()));
    }
    line
}

fn button(button: &Value) -> String {
    let style = button["style"].as_str().map(|s| format!(" ({s})")).unwrap_or_default();
    let confirm = if button["confirm"].is_object() {
        format!("\n    asks: {}", text(&button["confirm"]["text"]))
    } else {
        String::new()
    };
    format!(
        "  {}{style} {}={}{confirm}",
        text(&button["text"]),
        button["action_id"].as_str().unwrap(),
        button["value"].as_str().unwrap()
    )
}
