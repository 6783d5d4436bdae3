//! `dr.incident`: people meet in a room, with a clock, duties and first steps, while others recover the platform. It changes
//! nothing in AWS, needs nobody, and stays open until somebody closes it.

use std::time::Duration;

use super::{
    Asked, Ended, Known, Marks, Operation, Works,
    draft::{Draft, Head},
};
use crate::domain::{
    command::{ANY_ROLE, Arg, Command, Does, ENVIRONMENT, Entry, Form, Group, REASON, Values, as_they_are, value},
    environment::Environment,
    incident::{self, Disaster, declared},
    mark::{Mark, MarkKind, MarkWrite},
    moment::{Moment, spoken},
    operation::{Operation as Record, Run},
    plan::Plan,
    step::{BookmarkLink, Consent, DescribeRoom, InvitePeople, OpenRoom, PinCard, WaitForPeople},
    text::escape,
    watch::Standing,
};

/// A finding that was told within so long before an incident is declared counts as its first sign.
const SIGN: Duration = Duration::from_secs(3600);
/// The kind on plans.
const KIND: &str = "dr.incident";
const TICKET: &str = "ticket";
const DISASTER: &str = "kind";

/// The ticket of an incident.
static ITS_TICKET: value::Kind = value::Kind {
    name: "ticket of an incident",
    usage: "ticket",
    read: |_, text, _| value::ticket(text),
    lacking: |_| "the incident's ticket, which names its room: `--ticket INC-123`.".to_owned(),
    open: Some("<ticket>"),
    ..value::TEXT
};
/// A kind of disaster.
static KIND_OF_DISASTER: value::Kind = value::Kind {
    name: "kind of disaster",
    words: &Disaster::WORDS,
    called: &[
        ("corrupt", "corruption"),
        ("data", "corruption"),
        ("security", "breach"),
        ("down", "outage"),
        ("compliance", "freeze"),
        ("legal", "freeze"),
    ],
    read: |kind, text, _| value::word(kind, text, "a kind of disaster"),
    ..value::TEXT
};

static ENTRY: Entry = Entry {
    name: "dr.declare",
    path: &["dr", "declare"],
    group: Group::Recovery,
    place: 5,
    about: "Declare an incident, and open its room",
    happens: "Opens a channel named after the ticket, or adopts the one that is there, calls the roster into it, pins the incident's card \
              with its clock, and tells SNS. The card shows who has taken which duty, and who is called because nobody has. Cards of what \
              runs in that environment are shown there as well. It needs no approval and changes nothing in AWS; Continue on its card closes it.",
    args: &[
        ENVIRONMENT,
        Arg {
            name: TICKET,
            kind: &ITS_TICKET,
            form: Form::Option,
            required: true,
            usual: None,
            about: "the incident's ticket, which names the room",
        },
        Arg {
            name: DISASTER,
            kind: &KIND_OF_DISASTER,
            form: Form::Option,
            required: false,
            usual: None,
            about: "what it is, for the first steps; guessed from your words when left out",
        },
        Arg { form: Form::Rest, required: true, about: "what happened; others see it", ..REASON },
    ],
    examples: &[
        "dr declare ENV --ticket INC-123 \"orders are gone\"",
        "dr declare ENV --ticket INC-123 --kind region \"af-south-1 is dark\"",
    ],
    who: ANY_ROLE,
    does: |_| Does::Operation,
    settle: as_they_are,
    mend: completed,
};

/// What whoever mistyped has yet to say.
fn completed(values: &mut Values) {
    values.offer(TICKET, ITS_TICKET.open);
    values.offer(REASON.name, Some("what happened"));
}

/// The command that declares an incident for what somebody runs.
pub fn command(environment: &str, ticket: &str, what: &str) -> Command {
    let mut values = Values::default();
    values.set(ENVIRONMENT.name, environment);
    values.set(TICKET, ticket);
    values.set(REASON.name, what);
    Command::new(&ENTRY, values)
}

/// The operation.
pub struct Declare;

impl Operation for Declare {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn also(&self) -> Option<&'static str> {
        Some(ENTRY.name)
    }

    fn prefix(&self) -> &'static str {
        "in"
    }

    fn works(&self) -> Works {
        Works::OnBoth
    }

    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    fn what(&self, _: &Command, environment: &str) -> String {
        format!("An incident in `{}`", escape(environment))
    }

    fn marks(&self) -> Marks {
        Marks::All
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        let env = asked.environment;
        let values = asked.command.values();
        let ticket = values.get(TICKET).unwrap_or_default().to_owned();
        let what = asked.command.reason().unwrap_or_default().to_owned();
        if let Some(open) = opened(&known.marks, &ticket) {
            return Err(vec![format!(
                "{} is open for {ticket} already: `/bbws op show {}` says where its card is. Close that one first, or name another ticket.",
                open.note, open.note
            )]);
        }
        let disaster = values.read(DISASTER).unwrap_or_else(|| Disaster::guessed(&what));
        let (first_sign, sign) = first_sign(&known.marks, asked.at);
        let mut draft = Draft::default();
        draft.fact("Ticket", &ticket);
        draft.fact("Kind", format!("{disaster}: {}", disaster.about()));
        let opens = draft.step(
            "Open the room",
            vec![],
            OpenRoom {
                name: incident::room_name(&env.incidents.prefix, &ticket, &env.name),
                ticket: ticket.clone(),
                what: what.clone(),
                disaster,
                first_sign,
                sign,
                rto: env.rto.0.as_secs(),
                rpo: env.rpo.0.as_secs(),
                conference: env.incidents.conference_url.clone(),
                link: env.tickets.as_ref().map(|tickets| tickets.address(&ticket)),
            },
        );
        furnish(&mut draft, env, opens, &ticket, &what, &asked.id.0);
        draft.step(
            "Close the incident",
            draft.all(),
            WaitForPeople {
                question: "The incident is open. Continue closes it, once the platform serves and nobody has anything to do any more."
                    .to_owned(),
                rule: None,
                consent: Consent::Look,
            },
        );
        draft.finish(Head { kind: KIND, environment: env, scope: ticket, tenant: None, retention_days: None })
    }

    fn locks(&self) -> bool {
        false
    }

    /// What was declared stays declared, whatever is found meanwhile.
    fn plans_again(&self, _: &Run) -> bool {
        false
    }

    /// It changes nothing that could be stopped, and people need their room most of all once they stopped something.
    fn passes_stops(&self) -> bool {
        true
    }

    /// One incident for a ticket of an environment, whoever is quicker.
    fn claims(&self, op: &Record) -> Vec<MarkWrite> {
        vec![MarkWrite::New(Mark {
            environment: op.environment().to_owned(),
            kind: MarkKind::Room,
            subject: op.plan.scope.clone(),
            note: op.id.to_string(),
            operation: op.id.to_string(),
            at: op.created,
        })]
    }

    fn yields(&self, op: &Record) -> Vec<MarkWrite> {
        vec![MarkWrite::Drop {
            environment: op.environment().to_owned(),
            kind: MarkKind::Room,
            subject: op.plan.scope.clone(),
        }]
    }

    fn alarms(&self) -> bool {
        true
    }

    fn title(&self, plan: &Plan) -> String {
        format!("Incident {} in {}", plan.scope, plan.environment)
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        format!("Closed after {}. {}", ended.took, kept(ended.plan))
    }

    /// What Slack refused is no doubt about anything: it was said when it was refused.
    fn found(&self, run: &Run, took: &str) -> Option<String> {
        let refused: Vec<String> =
            run.issues().iter().map(|(title, words)| format!("• {}: {}", escape(title), escape(words))).collect();
        Some(format!("Closed after {took}. {} Slack did not do all of it:\n{}", kept(&run.op.plan), refused.join("\n")))
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "The incident has *no* working room."
    }

    fn left_behind(&self, plan: &Plan, _: usize) -> Option<String> {
        Some(kept(plan))
    }
}

/// What stays of it.
fn kept(plan: &Plan) -> String {
    let room = declared(plan).map(|room| format!("Its channel #{} stays as it is", escape(&room.name)));
    format!("{}; what was done is in the audit log.", room.unwrap_or_else(|| "Its record stays".to_owned()))
}

/// The mark of the incident that is open for a ticket.
fn opened<'m>(marks: &'m [Mark], ticket: &str) -> Option<&'m Mark> {
    marks.iter().find(|mark| mark.kind == MarkKind::Room && mark.subject == ticket)
}

/// When it was first noticed, and by what: the oldest finding of the last hour that still stands, else that somebody says so.
fn first_sign(marks: &[Mark], now: Moment) -> (Moment, Option<String>) {
    let standing = Standing::of(marks);
    let recent = standing.into_iter().filter(|found| now.since(found.since) <= SIGN && found.since <= now);
    match recent.min_by_key(|found| found.since) {
        Some(found) => (found.since, Some(found.note.title)),
        None => (now, None),
    }
}

/// Everything that is done in the room once it is open.
fn furnish(draft: &mut Draft, env: &Environment, opens: usize, ticket: &str, what: &str, id: &str) {
    let roster = env.incidents.roster.iter();
    draft.step(
        "Call people into it",
        vec![opens],
        InvitePeople { groups: roster.map(|(duty, group)| (duty.word().to_owned(), group.clone())).collect() },
    );
    let talk = env.incidents.conference_url.as_ref().map(|url| format!(" · {url}")).unwrap_or_default();
    let objective = format!("RTO {} · RPO {}", spoken(env.rto.0), spoken(env.rpo.0));
    /// Slack takes 250 characters; what is cut is what somebody typed.
    const TOPIC: usize = 250;
    // Slack makes a link of an address that stands in a topic as it is.
    let link = env.tickets.as_ref().map(|tickets| tickets.address(ticket)).filter(|link| link.len() <= TOPIC / 2);
    let link = link.map(|link| format!(" {link}")).unwrap_or_default();
    let rest = format!("{ticket}{link} · {} · {id} · {objective}{talk} · ", env.name);
    let room = TOPIC.saturating_sub(rest.chars().count());
    let topic: String = rest.chars().chain(what.chars().take(room)).take(TOPIC).collect();
    draft.step("Say what it is about", vec![opens], DescribeRoom { topic });
    draft.step("Pin its card", vec![opens], PinCard {});
    if let Some(link) = &env.dr.runbook {
        let title = format!("Runbook of {}", env.name);
        draft.step("Bookmark the runbook", vec![opens], BookmarkLink { title, link: link.clone() });
    }
}
