//! The report as a page: one file that opens in any browser, without scripts and without anything fetched from elsewhere.

use super::{Recovery, TICKET, Targets};
use crate::domain::{
    moment::{Moment, spoken},
    operation::Run,
    operations,
    step::{Step, StepSpec, StepState},
};

/// How it looks, on paper as well.
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#1b1b1b;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;\
border-bottom:1px solid #d0d0d0}th{font-weight:600}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}\
.met{color:#0a5c2b;font-weight:600}.missed{color:#9b1c1c;font-weight:600}code{font-size:.9em;word-break:break-all}";

/// The page of a run.
pub(super) fn page(run: &Run, recovery: &Recovery, targets: Targets, link: Option<&str>) -> String {
    let op = &run.op;
    let title = html(&format!("{} · {}", op.id, operations::title(op)));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    );
    if let Some(outcome) = &op.outcome {
        page.push_str(&format!("<p>{}</p>\n", plain(outcome)));
    }
    page.push_str("<h2>Against the targets</h2>\n");
    page.push_str(&table(&["Measure", "Measured", "Promised", "Verdict"], &measures(recovery, targets)));
    page.push_str("<h2>What was reached when</h2>\n");
    page.push_str(&table(&["Stage", "Reached", "After the one before", "After the request"], &stages(recovery)));
    page.push_str("<h2>What was asked for, and who agreed</h2>\n");
    page.push_str(&table(&["What", "As recorded"], &asked(run)));
    page.push_str("<h2>What the plan rested on</h2>\n");
    let facts = op.plan.facts.iter().map(|fact| {
        let found = html(&fact.found);
        let found = match link.filter(|_| fact.subject == TICKET) {
            Some(link) => format!("<a href=\"{}\">{found}</a>", html(link)),
            None => found,
        };
        vec![html(&fact.subject), found]
    });
    page.push_str(&table(&["What", "As found when it was planned"], &facts.collect::<Vec<_>>()));
    page.push_str("<h2>What those who agreed were told</h2>\n<ul>\n");
    for note in &op.plan.notes {
        page.push_str(&format!("<li>{}</li>\n", html(note)));
    }
    page.push_str("</ul>\n<h2>What was done</h2>\n");
    let steps = op.plan.steps.iter().zip(&run.steps).filter(|(spec, step)| told(spec, step));
    let steps: Vec<Vec<String>> = steps.map(|(spec, step)| line(spec, step)).collect();
    page.push_str(&table(&["Step", "State", "Began", "Ended", "What was found"], &steps));
    page.push_str("</body></html>\n");
    page
}

/// A way back that was never taken is no part of what was done.
fn told(spec: &StepSpec, step: &Step) -> bool {
    !spec.back || step.begun()
}

fn line(spec: &StepSpec, step: &Step) -> Vec<String> {
    let said = step.error.as_deref().or(step.detail.as_deref()).unwrap_or_default();
    let state = match step.state {
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::Unknown => "unknown",
        StepState::Skipped => "skipped",
        StepState::Ready => "not begun",
        StepState::Calling | StepState::Polling => "under way",
    };
    let at = |at: Option<Moment>| at.map(Moment::iso).unwrap_or_default();
    vec![html(&spec.title), state.to_owned(), at(step.started), at(step.ended), plain(said)]
}

fn measures(recovery: &Recovery, targets: Targets) -> Vec<Vec<String>> {
    let row = |what: &str, measured: Option<std::time::Duration>, target| {
        let (said, verdict) = match measured {
            Some(measured) if measured <= target => (spoken(measured), "<span class=\"met\">met</span>"),
            Some(measured) => (spoken(measured), "<span class=\"missed\">missed</span>"),
            None => ("not measured".to_owned(), "<span class=\"missed\">unknown</span>"),
        };
        vec![what.to_owned(), said, spoken(target), verdict.to_owned()]
    };
    vec![
        row("Time of recovery (RTO): from the request to the last proof", recovery.took(), targets.rto),
        row("Data lost (RPO): from what was restored to the request", recovery.lost(), targets.rpo),
    ]
}

fn stages(recovery: &Recovery) -> Vec<Vec<String>> {
    let mut before = recovery.asked;
    let mut rows = Vec::new();
    if let Some(data_of) = recovery.data_of {
        rows.push(vec!["the data is as of".to_owned(), data_of.iso(), String::new(), String::new()]);
    }
    rows.push(vec!["asked".to_owned(), recovery.asked.iso(), String::new(), String::new()]);
    for (stage, at) in &recovery.stages {
        let spans = [spoken(at.since(before)), spoken(at.since(recovery.asked))];
        rows.push([(*stage).to_owned(), at.iso()].into_iter().chain(spans).collect());
        before = *at;
    }
    rows
}

fn asked(run: &Run) -> Vec<Vec<String>> {
    let op = &run.op;
    let row = |what: &str, said: String| vec![what.to_owned(), said];
    let mut rows = vec![
        row("Command", format!("<code>/bbws {}</code>", html(&op.command))),
        row("Environment", html(&format!("{}, account {}, {}", op.environment(), op.plan.account, op.plan.region))),
        row("Asked by", html(&op.requester.user)),
    ];
    rows.extend(op.reason.as_ref().map(|reason| row("Reason", html(reason))));
    for vote in &op.votes {
        rows.push(row("Approved by", html(&format!("{}, {}", vote.by.user, vote.at.iso()))));
    }
    for (spec, step) in op.plan.steps.iter().zip(&run.steps) {
        for vote in &step.answers.votes {
            let said = format!("{}, {}: {}", vote.by.user, vote.at.iso(), spec.title);
            rows.push(row("Said to go on", html(&said)));
        }
    }
    rows.extend(op.turned.as_ref().map(|turn| {
        let why = turn.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        row("Rolled back by", html(&format!("{}, {}{why}", turn.by, turn.at.iso())))
    }));
    rows.push(row("Plan (SHA-256)", format!("<code>{}</code>", html(&op.digest))));
    rows
}

fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |tag: &str, row: &mut dyn Iterator<Item = String>| {
        row.map(|cell| format!("<{tag}>{cell}</{tag}>")).collect::<String>()
    };
    let head = cells("th", &mut columns.iter().map(|column| html(column)));
    let body = rows.iter().map(|row| format!("<tr>{}</tr>\n", cells("td", &mut row.iter().cloned())));
    format!("<table>\n<tr>{head}</tr>\n{}</table>\n", body.collect::<String>())
}

/// Text as HTML shows it.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && c != '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Slack's mrkdwn, which is escaped already, as HTML: people are named by their ids.
fn plain(mrkdwn: &str) -> String {
    let text = mrkdwn.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    html(&text).replace('\n', "<br>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_typed_is_text_on_the_page() {
        assert_eq!(html("<script>alert(\"x\")</script>&"), "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;");
        // What is escaped for Slack is shown as it was written, and still as text.
        assert_eq!(plain("a &lt;b&gt; &amp; c\n*d*"), "a &lt;b&gt; &amp; c<br>*d*");
    }
}
