//! What the test's product shows: the card of an operation in each of its stages, and one of every block.

use bbws::domain::attachment::{Attachment, Chart, Offer, Series, Table};
use serde_json::{Value, json};

/// How far the operation has come.
pub enum Stage {
    Awaiting,
    Running,
    Succeeded,
    /// By whom, and why.
    Rejected(String, String),
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": true})
}

fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text})
}

fn rich(text: &str) -> Value {
    json!({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}]})
}

fn button(label: &str, id: &str, style: Option<&str>) -> Value {
    let mut button = json!({"type": "button", "text": plain(label), "action_id": id, "value": "bk-1042"});
    if let Some(style) = style {
        button["style"] = json!(style);
    }
    button
}

fn tasks(stage: &Stage) -> Vec<Value> {
    let steps = [
        ("snapshot", "Snapshot database bbws-prod-mysql", "af-south-1, encrypted with the account's key"),
        ("efs", "Back up file system wp-content", "vault bbws-prod, retention 30 days"),
        ("secrets", "Export secrets bbws/prod/", "s3://bbws-prod-backups, SSE-KMS"),
        ("copy", "Copy the snapshot to eu-west-1", "key alias/bbws-dr"),
        ("verify", "Verify in both regions", "exists, available, encrypted, retention set"),
    ];
    let status = |i: usize| match (stage, i) {
        (Stage::Succeeded, _) | (Stage::Running, 0) => "complete",
        (Stage::Running, 1 | 3) => "in_progress",
        (Stage::Running, 2) => "error",
        _ => "pending",
    };
    let draw = |(i, (id, title, details)): (usize, &(&str, &str, &str))| {
        let mut task = json!({"task_id": id, "title": title, "status": status(i), "details": rich(details)});
        match task["status"].as_str() {
            Some("complete") => {
                task["output"] = rich("Done in 4 min 12 s");
                task["sources"] = json!([{"type": "url", "text": "AWS console", "url": "https://af-south-1.console.aws.amazon.com/rds/home"}]);
            }
            Some("in_progress") => task["output"] = rich("40 %, about 3 minutes left"),
            Some("error") => task["output"] = rich("AccessDenied on kms:GenerateDataKey; will be tried again in 30 s"),
            _ => {}
        }
        task
    };
    steps.iter().enumerate().map(draw).collect()
}

/// The card as the arguments of a post or an edit.
pub fn card(requester: &str, stage: Stage) -> Value {
    let (state, line) = match &stage {
        Stage::Awaiting => {
            ("awaiting_approval", "*Awaiting approval* by one other operator, within 15 minutes".to_owned())
        }
        Stage::Running => ("running", "*Running* for 4 min, about 9 min left · 40 %".to_owned()),
        Stage::Succeeded => ("succeeded", "*Succeeded* in 13 min 5 s".to_owned()),
        Stage::Rejected(by, why) => ("rejected", format!("*Rejected* by <@{by}>: {why}")),
    };
    let mut blocks = vec![
        json!({"type": "header", "text": plain("bk-1042 · Full backup of prod")}),
        json!({"type": "section", "block_id": "state", "text": mrkdwn(&line), "fields": [
            mrkdwn("*Account*\n`093646564004`"), mrkdwn("*Regions*\naf-south-1 → eu-west-1"),
            mrkdwn("*Retention*\n30 days"), mrkdwn(&format!("*Requested by*\n<@{requester}>"))]}),
    ];
    if matches!(stage, Stage::Awaiting) {
        blocks.push(json!({"type": "section", "text": mrkdwn("ℹ️ Nothing is deleted. The copy in *eu-west-1* costs about $4.10 a month.")}));
    }
    blocks
        .push(json!({"type": "plan", "block_id": "plan", "title": "Backup, copy and verify", "tasks": tasks(&stage)}));
    match stage {
        Stage::Awaiting => {
            blocks.push(json!({"type": "input", "block_id": "reason", "optional": true, "label": plain("Reason, if you reject"),
                "element": {"type": "plain_text_input", "action_id": "text", "placeholder": plain("Shown on the card")}}));
            let mut reject = button("Reject", "reject", Some("danger"));
            reject["confirm"] = json!({"title": plain("Reject bk-1042?"), "text": mrkdwn("It *cannot* be approved afterwards; it would have to be asked for again."),
                "confirm": plain("Reject"), "deny": plain("Keep waiting"), "style": "danger"});
            blocks.push(json!({"type": "actions", "block_id": "buttons", "elements": [button("Approve", "approve", Some("primary")), reject, button("Cancel", "cancel", None)]}));
        }
        Stage::Running => blocks.push(json!({"type": "actions", "elements": [button("Stop", "stop", Some("danger"))]})),
        _ => {}
    }
    blocks.push(json!({"type": "context", "elements": [mrkdwn("Plan `sha256:9f2c…41` · asked in <#C0OPS> · <https://example.com/runbook|Runbook>")]}));
    json!({"text": format!("bk-1042, full backup of prod: {state}"), "blocks": blocks, "metadata": {
        "event_type": "bbws_operation",
        "event_payload": {"operation": "bk-1042", "kind": "backup.create", "environment": "prod", "state": state, "requester": requester}}})
}

/// Messages that hold every block between them, with texts that try to break out.
pub fn gallery() -> Vec<Value> {
    let hostile = "<img src=x onerror=\"window.hacked=1\"> & <script>window.hacked=1</script> *b* `c` <javascript:window.hacked=1|click>";
    let cell = |text: &str| json!({"type": "raw_text", "text": text});
    let number = |n: f64, text: &str| json!({"type": "raw_number", "value": n, "text": text});
    let rows: Vec<Value> = std::iter::once(json!([cell("Backup"), cell("Size GiB"), cell("State"), cell("Action")]))
        .chain((0..7).map(|i| json!([cell(&format!("bk-10{i:02}")), number(f64::from(200 - i * 30), &format!("{}", 200 - i * 30)), cell("verified"),
            {"type": "action_cell", "element": button("Restore", &format!("restore.{i}"), None)}])))
        .collect();
    let point = |label: &str, value: i32| json!({"label": label, "value": value});
    let series =
        |name: &str, a: i32| json!({"name": name, "data": [point("Mon", a), point("Tue", a + 4), point("Wed", a + 1)]});
    let axes = json!({"categories": ["Mon", "Tue", "Wed"], "y_label": "Minutes", "x_label": "day"});
    vec![
        json!({"text": "text blocks", "blocks": [
            {"type": "header", "text": plain(hostile)},
            {"type": "section", "text": mrkdwn(hostile)},
            {"type": "section", "text": plain(hostile), "accessory": button("Details", "details", None)},
            {"type": "section", "text": mrkdwn("*bold* _italic_ ~struck~ `code` :white_check_mark: <https://example.com|a link> <@U0BOB> <#C0PROD> 1 &lt; 2 &amp; 3\n&gt; a quote\n```pre &lt;b&gt;```")},
            {"type": "context", "elements": [mrkdwn("context *bold*"), plain(hostile)]},
            {"type": "divider"},
            {"type": "markdown", "text": "# Heading\n\n- **one**\n- two `<b>`\n\n[docs](https://example.com)"},
            {"type": "rich_text", "elements": [
                {"type": "rich_text_section", "elements": [{"type": "text", "text": "rich ", "style": {"bold": true}}, {"type": "user", "user_id": "U0CAROL"}]},
                {"type": "rich_text_list", "style": "bullet", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": hostile}]}]}]},
        ]}),
        json!({"text": "containers", "blocks": [
            {"type": "container", "title": plain("Details"), "is_collapsible": true, "default_collapsed": true, "child_blocks": [
                {"type": "section", "text": mrkdwn("hidden at first")}]},
            {"type": "card", "title": plain("bbws-prod-mysql"), "subtitle": plain("db.r6g.large"), "body": mrkdwn("Available since *March*"), "actions": [button("Open", "open", None)]},
            {"type": "context_actions", "elements": [{"type": "feedback_buttons", "action_id": "feedback",
                "positive_button": {"text": plain("Good"), "value": "up"}, "negative_button": {"text": plain("Bad"), "value": "down"}}]},
        ]}),
        json!({"text": "tables and charts", "blocks": [
            {"type": "data_table", "caption": "Backups of prod", "page_size": 4, "rows": rows},
            {"type": "table", "rows": [[cell("Step"), cell("Took")], [cell("snapshot"), cell("4 min")]]},
            {"type": "data_visualization", "title": "Duration", "chart": {"type": "bar", "series": [series("rds", 9), series("efs", 5)], "axis_config": axes}},
            {"type": "data_visualization", "title": "Coverage", "chart": {"type": "pie", "segments": [point("verified", 8), point("stale", 2)]}},
        ]}),
    ]
}

/// A table with a button per row, a chart and a button below, as the product draws them.
pub fn attachment() -> Attachment {
    let offer = |label: &str, command: String, confirm: Option<&str>| Offer {
        label: label.into(),
        command,
        confirm: confirm.map(str::to_owned),
    };
    let age = |i: usize| ["12 minutes", "5 hours", "1 day", "2 days"][i % 4].to_owned();
    let rows = 26;
    Attachment {
        table: Some(Table {
            caption: "Recovery points of prod".into(),
            columns: ["Id", "What", "Where", "Taken", "Encrypted"].map(str::to_owned).to_vec(),
            rows: (0..rows)
                .map(|i| {
                    let id = format!("bbws-prod-mysql-manual-20261121-bk-{}", 1000 + i);
                    vec![id, "RDS snapshot".into(), "af-south-1".into(), age(i), "yes".into()]
                })
                .collect(),
            offers: (0..rows)
                .map(|i| {
                    Some(offer(
                        "Restore",
                        format!("restore prod rp-{i}"),
                        Some("Restore prod? What was written since is lost."),
                    ))
                })
                .collect(),
        }),
        chart: Some(Chart {
            title: "Replication lag".into(),
            unit: "minutes".into(),
            categories: (0..16).map(|i| format!("{:02}:{:02}", 8 + i / 4, i % 4 * 15)).collect(),
            series: ["prod, snapshots", "prod, files", "prod, secrets"]
                .iter()
                .enumerate()
                .map(|(s, name)| Series {
                    name: (*name).into(),
                    values: (0..16)
                        .map(|i| {
                            Some(
                                [12, 14, 13, 18, 25, 40, 61, 38, 22, 15, 12, 11, 13, 12, 16, 14][i] / (s as u64 + 1)
                                    + s as u64 * 7,
                            )
                        })
                        .collect(),
                })
                .collect(),
        }),
        offers: vec![offer("Back up now", "backup create prod full".into(), None), offer("Help", "help".into(), None)],
    }
}

/// A modal with one input.
pub fn dialog() -> Value {
    json!({"type": "modal", "callback_id": "reject", "title": plain("Reject bk-1042"), "submit": plain("Reject"), "close": plain("Back"),
        "private_metadata": "bk-1042", "blocks": [
            {"type": "section", "text": mrkdwn("Everybody in <#C0OPS> will read this.")},
            {"type": "alert", "level": "success", "text": plain("Verified in both regions")},
            {"type": "alert", "level": "warning", "text": plain("Data written after 01:02 UTC would be lost")},
            {"type": "alert", "level": "error", "text": mrkdwn("*Refused*: <@U0MALLORY> is a guest")},
            {"type": "input", "block_id": "reason", "label": plain("Reason"), "hint": plain("One sentence will do."),
                "element": {"type": "plain_text_input", "action_id": "text", "multiline": true}}]})
}
