//! A message with every kind of block in it, by which a workspace is asked what it takes.

use serde_json::Value;

use super::{blocks, card, reply, support::Support};
use crate::{
    domain::{
        attachment::Series,
        moment::Moment,
        operation::{OpId, Operation, Run, State},
        operations,
        plan::{Fact, Plan},
        policy::Need,
        principal::{PersonId, Principal},
        step::{self, Action, Step, StepSpec},
    },
    ports::chat::{Attachment, CardView, Chart, Level, Offer, Table},
};

/// The blocks of a card, a table with buttons, a chart and buttons.
pub fn blocks(support: Support) -> Vec<Value> {
    let mut parts = card::card(&sample()).parts;
    // A plan stands on cards of what has begun.
    let mut begun = sample();
    begun.run.op.state = State::Running;
    parts.extend(card::card(&begun).parts.into_iter().filter(|part| matches!(part, blocks::Part::Plan { .. })));
    parts.extend(reply::message(Level::Info, "This is a sample.", &attachment()).parts);
    blocks::draw(&parts, support)
}

fn attachment() -> Attachment {
    let offer = Offer { label: "Help".into(), command: "help".into(), confirm: Some("A sample?".into()) };
    Attachment {
        table: Some(Table {
            caption: "Sample".into(),
            columns: vec!["Name".into()],
            rows: vec![vec!["sample".into()]],
            offers: vec![Some(offer.clone())],
        }),
        chart: Some(Chart {
            title: "Sample".into(),
            unit: "minutes".into(),
            categories: vec!["08:00".into(), "08:05".into()],
            series: vec![Series { name: "sample".into(), values: vec![Some(1), Some(2)] }],
        }),
        offers: vec![offer],
    }
}

/// A card.
fn sample() -> CardView {
    let action = Action::RdsSnapshot(step::RdsSnapshot {
        region: "af-south-1".into(),
        database: "sample".into(),
        snapshot: "sample-manual-20260101-bk-0".into(),
    });
    let plan = Plan {
        kind: operations::ALL[0].kind().into(),
        environment: "sample".into(),
        scope: "full".into(),
        tenant: None,
        account: "000000000000".into(),
        region: "af-south-1".into(),
        dr_region: Some("eu-west-1".into()),
        retention_days: Some(1),
        facts: vec![Fact { subject: "Database sample".into(), found: "encrypted".into() }],
        notes: vec!["This is a sample.".into()],
        steps: vec![StepSpec {
            title: "Snapshot database sample".into(),
            after: Vec::new(),
            kind_version: 1,
            action,
            always: false,
            back: false,
        }],
    };
    let op = Operation {
        id: OpId("bk-0".into()),
        state: State::AwaitingApproval,
        digest: plan.digest(),
        plan,
        revision: 2,
        needs: vec![Need { role: "operator".into(), count: 1 }],
        requester: Principal { person: PersonId("USAMPLE".into()), user: "USAMPLE".into(), roles: Vec::new() },
        reason: Some("a sample".into()),
        channel: "C0".into(),
        command: "/bbws backup create sample full".into(),
        votes: Vec::new(),
        created: Moment(0),
        deadline: Some(Moment(900_000)),
        started: None,
        ended: None,
        estimate: None,
        halt: None,
        outcome: None,
        card: None,
        wake_at: Moment(0),
        turned: None,
        by_schedule: None,
        incident: None,
        recovery: None,
    };
    CardView { run: Run { op, steps: vec![Step::new(0)], version: 0 }, now: Moment(0) }
}
