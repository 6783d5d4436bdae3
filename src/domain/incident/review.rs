//! The review of an incident, written when it is closed: its timeline, how long each part took and what that was against the
//! promises, who agreed to what, what did not go as it should, and what is to be done about it. A page that needs nothing else.

use std::time::Duration;

use super::{Duty, Item, declared, item};
use crate::domain::{
    moment::{Moment, spoken},
    operation::{Run, State},
    operations::{self, title},
    preflight::Stands,
    step::{OpenRoom, StepState},
};

/// A line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Moment,
    /// Who; a Slack user id, or the product.
    pub by: String,
    /// What, plain text.
    pub text: String,
}

/// One part of the time from the first sign to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `Notice`, `Decide`, `Approve`, `Execute`, `Validate`.
    pub name: &'static str,
    /// How long; none where it never came to that.
    pub took: Option<Duration>,
}

/// Who wrote what nobody wrote.
const SELF: &str = "bbws";
/// What the page looks like.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
td,th{border-bottom:1px solid #ddd;padding:.35rem .5rem;text-align:left;vertical-align:top}\
.bad{color:#b00020}.good{color:#0a6b2d}svg{width:100%;height:auto}\
@media print{body{margin:0;max-width:none;font-size:11px}h2{break-after:avoid}tr,svg{break-inside:avoid}}";

/// A review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The ticket of the incident.
    pub ticket: String,
    /// The page, HTML.
    pub page: String,
    /// The same in short as Markdown, for the canvas of the room.
    pub canvas: String,
    /// What it leaves to be done.
    pub items: Vec<Item>,
}

/// The review; `others` are the operations of the environment while the incident was open, `now` the moment it is closed. None of
/// what is no incident.
pub fn review(run: &Run, others: &[Run], now: Moment) -> Option<Review> {
    let room = declared(&run.op.plan)?;
    let others: Vec<&Run> = others.iter().filter(|other| other.op.id != run.op.id && during(other, run, now)).collect();
    let heading = format!("{} in {}: {}", room.ticket, run.op.environment(), room.what);
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title><style>{STYLE}</style></head><body><h1>{0}</h1>",
        escape(&heading)
    );
    if let Some(link) = &room.link {
        html += &format!("<p>Ticket <a href=\"{}\">{}</a></p>", escape(link), escape(&room.ticket));
    }
    html += &summary(run, room, &others, now);
    html += &picture(room, &others, now);
    let lines = timeline(run, room, &others, now);
    html += "<h2>Timeline</h2>";
    html += &table(
        &["When (UTC)", "Who", "What"],
        lines.iter().map(|line| vec![line.at.day_and_clock(), line.by.clone(), line.text.clone()]),
    );
    html += "<h2>Decisions</h2>";
    let rulings = run.op.incident.iter().flat_map(|incident| &incident.rulings);
    html += &table(
        &["When (UTC)", "Commander", "Decided", "Why"],
        rulings.map(|ruling| {
            let what = ruling.choice.in_earnest(room.disaster).to_owned();
            vec![ruling.at.day_and_clock(), ruling.by.clone(), what, ruling.why.clone()]
        }),
    );
    html += "<h2>Approvals</h2>";
    let agreed = others.iter().flat_map(|other| {
        other.op.votes.iter().map(move |vote| {
            vec![other.op.id.to_string(), title(&other.op), vote.by.user.clone(), vote.at.day_and_clock()]
        })
    });
    html += &table(&["Operation", "What", "Agreed", "When (UTC)"], agreed);
    html += "<h2>What did not go as it should</h2>";
    let gaps = gaps(run, room, &others, now);
    html += &table(&["Where", "What"], gaps.iter().map(|(place, what)| vec![place.clone(), what.clone()]));
    html += "<h2>Action items</h2>";
    let items = item::left(gaps.into_iter().map(|(place, what)| format!("{place}: {what}")), now);
    html += &table(&["Number", "What"], items.iter().map(|item| vec![item.number.to_string(), item.what.clone()]));
    html += &format!(
        "<p>Whoever takes one is asked after it every week until it is done. <code>/bbws dr actions {}</code> shows whose each is now. A browser prints this page as a PDF.</p></body></html>",
        escape(run.op.environment())
    );
    let canvas = canvas(&heading, run, room, &lines, &items, now);
    Some(Review { ticket: room.ticket.clone(), page: html, canvas, items })
}

/// Whether it was under way at any time of the incident.
fn during(other: &Run, run: &Run, now: Moment) -> bool {
    let begins = declared(&run.op.plan).map_or(run.op.created, |room| room.first_sign);
    other.op.created <= now && other.op.ended.is_none_or(|ended| ended >= begins)
}

/// Those that brought something back.
fn recoveries<'r>(others: &[&'r Run]) -> Vec<&'r Run> {
    let recovers = |run: &&&Run| {
        let operation = operations::of(run.op.kind());
        operation.moves().is_some() || operation.restores()
    };
    others.iter().filter(recovers).copied().collect()
}

/// The time from the first sign to the end, part by part.
pub fn parts(run: &Run, others: &[&Run], now: Moment) -> Vec<Part> {
    let Some(room) = declared(&run.op.plan) else { return Vec::new() };
    let recoveries = recoveries(others);
    let first = recoveries.iter().min_by_key(|run| run.op.created);
    let last = recoveries.iter().filter(|run| run.op.state == State::Succeeded).filter_map(|run| run.op.ended).max();
    let asked = first.map(|run| run.op.created);
    let begun = first.and_then(|run| run.op.started);
    let between = |from: Option<Moment>, to: Option<Moment>| Some(to?.since(from?));
    vec![
        Part { name: "Notice", took: Some(run.op.created.since(room.first_sign)) },
        Part { name: "Decide", took: between(Some(run.op.created), asked) },
        Part { name: "Approve", took: between(asked, begun) },
        Part { name: "Execute", took: between(begun, last) },
        Part { name: "Validate", took: between(last, Some(now)) },
    ]
}

fn summary(run: &Run, room: &OpenRoom, others: &[&Run], now: Moment) -> String {
    let took = now.since(room.first_sign);
    let rto = Duration::from_secs(room.rto);
    let (class, verdict) = if took <= rto { ("good", "kept") } else { ("bad", "missed") };
    let mut rows = vec![
        vec!["Kind".to_owned(), format!("{}: {}", room.disaster, room.disaster.about())],
        vec!["First sign".to_owned(), sign(room)],
        vec!["Declared by".to_owned(), run.op.requester.user.clone()],
        vec!["From first sign to closed".to_owned(), spoken(took)],
        vec![
            "RPO".to_owned(),
            format!("{} promised; what was lost is said by each recovery below", spoken(Duration::from_secs(room.rpo))),
        ],
    ];
    rows.extend(
        parts(run, others, now).into_iter().map(|part| {
            vec![part.name.to_owned(), part.took.map_or_else(|| "it never came to that".to_owned(), spoken)]
        }),
    );
    for duty in Duty::ALL {
        let holder = run.op.incident.as_ref().and_then(|incident| incident.duties.get(&duty));
        rows.push(vec![
            format!("Duty: {duty}"),
            holder.map_or_else(|| "nobody".to_owned(), |holder| holder.user.clone()),
        ]);
    }
    format!(
        "<p class=\"{class}\">RTO {} {verdict}: {}.</p>{}",
        spoken(rto),
        spoken(took),
        table(&["What", "How"], rows.into_iter())
    )
}

fn sign(room: &OpenRoom) -> String {
    let by = room.sign.as_ref().map(|sign| format!(": {sign}")).unwrap_or_default();
    format!("{}{by}", room.first_sign.day_and_clock())
}

/// Everything that happened, in order.
pub fn timeline(run: &Run, room: &OpenRoom, others: &[&Run], now: Moment) -> Vec<Line> {
    let line = |at: Moment, by: &str, text: String| Line { at, by: by.to_owned(), text };
    let mut lines = vec![
        line(
            room.first_sign,
            SELF,
            format!("First sign. {}", room.sign.as_deref().unwrap_or_default()).trim_end().to_owned(),
        ),
        line(run.op.created, &run.op.requester.user, format!("Declared: {}", room.what)),
        line(now, SELF, "Closed".to_owned()),
    ];
    let entries = run.op.incident.iter().flat_map(|incident| &incident.timeline);
    lines.extend(entries.map(|entry| line(entry.at, &entry.by, entry.told())));
    for other in others {
        let (op, name) = (&other.op, format!("{} {}", other.op.id, title(&other.op)));
        lines.push(line(op.created, &op.requester.user, format!("{name}: asked for")));
        lines.extend(op.votes.iter().map(|vote| line(vote.at, &vote.by.user, format!("{name}: approved"))));
        lines.extend(op.started.map(|at| line(at, SELF, format!("{name}: started"))));
        for step in &other.steps {
            let words = step.answers.votes.iter();
            let step_title = op.plan.steps.get(step.index).map_or("", |spec| spec.title.as_str());
            lines.extend(words.map(|vote| line(vote.at, &vote.by.user, format!("{name}: {step_title}: goes on"))));
            if step.state == StepState::Failed {
                lines.extend(step.ended.map(|at| line(at, SELF, format!("{name}: {step_title} failed"))));
            }
        }
        lines.extend(op.ended.map(|at| line(at, SELF, format!("{name}: {}", op.state.spoken()))));
    }
    lines.sort_by_key(|line| line.at);
    lines
}

/// What somebody has to look at: what failed, what came with issues, what nobody did, what was promised and not kept.
pub fn gaps(run: &Run, room: &OpenRoom, others: &[&Run], now: Moment) -> Vec<(String, String)> {
    let mut gaps = Vec::new();
    let took = now.since(room.first_sign);
    let rto = Duration::from_secs(room.rto);
    if took > rto {
        gaps.push(("RTO".to_owned(), format!("{} was promised, and it took {}", spoken(rto), spoken(took))));
    }
    for other in others.iter().copied().chain([run]) {
        let place = other.op.id.to_string();
        gaps.extend(other.issues().into_iter().map(|(title, words)| (place.clone(), format!("{title}: {words}"))));
        for step in &other.steps {
            let title = other.op.plan.steps.get(step.index).map_or("", |spec| spec.title.as_str());
            match step.state {
                StepState::Failed | StepState::Unknown => {
                    let why = step.error.as_deref().unwrap_or("no reason is known");
                    gaps.push((place.clone(), format!("{title}: {why}")));
                }
                // What was given up, or failed before, is one gap and not as many as it had steps left.
                StepState::Skipped
                    if other.op.state == State::Succeeded && !other.back(step.index) && other.op.id != run.op.id =>
                {
                    gaps.push((place.clone(), format!("{title}: skipped")));
                }
                StepState::Ready | StepState::Calling | StepState::Polling | StepState::Done | StepState::Skipped => {}
            }
        }
        let left_out = operations::of(other.op.kind()).preflight(other);
        let left_out = left_out.into_iter().filter(|check| check.stands == Stands::Skipped);
        gaps.extend(left_out.map(|check| (place.clone(), format!("{} was skipped: {}", check.what, check.words))));
        if other.op.state == State::Expired {
            gaps.push((place, "nobody approved it in time, or it could not start in time".to_owned()));
        }
    }
    for duty in [Duty::Commander, Duty::Communication] {
        if run.op.incident.as_ref().is_none_or(|incident| !incident.duties.contains_key(&duty)) {
            gaps.push(("Duties".to_owned(), format!("nobody was {duty}")));
        }
    }
    gaps
}

/// The operations as bars along the time from the first sign to the end.
fn picture(room: &OpenRoom, others: &[&Run], now: Moment) -> String {
    const WIDTH: u64 = 800;
    const BAR: usize = 26;
    let whole = now.since(room.first_sign).as_secs().max(1);
    let at = |moment: Moment| moment.since(room.first_sign).as_secs().min(whole) * WIDTH / whole;
    let bars: Vec<String> = others
        .iter()
        .enumerate()
        .map(|(row, run)| {
            let (from, to) = (at(run.op.started.unwrap_or(run.op.created)), at(run.op.ended.unwrap_or(now)));
            let color = if run.op.state == State::Succeeded { "#0a6b2d" } else { "#8a5a00" };
            let y = 8 + row * BAR;
            format!(
                "<rect x=\"{from}\" y=\"{y}\" width=\"{}\" height=\"18\" rx=\"3\" fill=\"{color}\"/><text x=\"{}\" y=\"{}\" font-size=\"12\">{}</text>",
                (to - from.min(to)).max(3),
                from + 6,
                y + 14,
                escape(&run.op.id.0)
            )
        })
        .collect();
    let promised = room.rto * WIDTH / whole.max(room.rto);
    let height = 24 + bars.len() * BAR;
    format!(
        "<h2>What ran when</h2><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Operations from the first sign to the end\"><line x1=\"{promised}\" x2=\"{promised}\" y1=\"0\" y2=\"{height}\" stroke=\"#b00020\" stroke-dasharray=\"4\"/>{}</svg>",
        bars.join("")
    )
}

/// Lines of the timeline in the canvas: the file has all of them.
const SHOWN: usize = 150;

fn canvas(heading: &str, run: &Run, room: &OpenRoom, lines: &[Line], items: &[Item], now: Moment) -> String {
    let (took, rto) = (now.since(room.first_sign), Duration::from_secs(room.rto));
    let verdict = if took <= rto { "kept" } else { "missed" };
    let mut text = format!("# {}\n\nRTO {} {verdict}: {}.\n", literal(heading), spoken(rto), spoken(took));
    text += "\n## Timeline\n\n";
    for line in lines.iter().take(SHOWN) {
        text += &format!("- {} {}: {}\n", line.at.day_and_clock(), person(&line.by), literal(&line.text));
    }
    if lines.len() > SHOWN {
        text += &format!("- and {} more, in the file\n", lines.len() - SHOWN);
    }
    text += "\n## Action items\n\n";
    for item in items {
        text += &format!("- [ ] {}. {}\n", item.number, literal(&item.what));
    }
    if items.is_empty() {
        text += "Nothing is left to be done.\n";
    }
    text + &format!("\nWhose each is: `/bbws dr actions {}`\n", run.op.environment())
}

/// Somebody, as a canvas names people.
fn person(by: &str) -> String {
    let id = by.starts_with(['U', 'W']) && by.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if id { format!("![](@{by})") } else { literal(by) }
}

/// Text that is nothing else in Markdown: without what makes links, pictures, mentions, code or headings.
fn literal(text: &str) -> String {
    let one = |c: char| match c {
        '[' => '(',
        ']' => ')',
        '<' => '‹',
        '>' => '›',
        '`' => '\'',
        '*' => '∗',
        '#' => '＃',
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(one).collect()
}

fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let cells = |row: Vec<String>| row.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect::<String>();
    let rows: String = rows.map(|row| format!("<tr>{}</tr>", cells(row))).collect();
    if rows.is_empty() {
        return "<p>Nothing.</p>".to_owned();
    }
    let head: String = columns.iter().map(|column| format!("<th>{}</th>", escape(column))).collect();
    format!("<table><tr>{head}</tr>{rows}</table>")
}

/// Text as HTML takes it: whatever somebody typed is text and nothing else.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
