//! `dr.test`: drills. What a disaster would ask for is tried while there is none: the ways of a form are in a file each, and nothing
//! of them changes what is live.

mod dns;
mod full;
mod infra;
mod tabletop;

use super::{Asked, Ended, Known, Operation, Works, two_people, unplanned};
use crate::domain::{
    command::{
        Arg, Command, Does, ENVIRONMENT, Entry, Form as Written, Group, REASON, Values, Wrong, nothing_more, shown,
        value,
    },
    drill::{self, EXERCISE, Form, checklist, ready, tabletop as play},
    environment::PRODUCTION,
    mark::MarkWrite,
    moment::Moment,
    operation::Run,
    plan::Plan,
    policy::Need,
    recovery::Recovery,
    text::escape,
    world::Survey,
};

/// The kind on plans.
const KIND: &str = "dr.test";
/// Which drill.
const FORM: &str = "type";
/// What happens in a tabletop.
const SEED: &str = "seed";
/// The scopes by which rules tell drills apart.
const SCOPES: &[&str] = &[Form::Tabletop.word(), Form::Infra.word(), Form::Dns.word(), Form::FullDrill.word()];
/// Most bytes of an outcome that names gaps: a card shows little more.
const FOUND: usize = 850;

static FORMS: value::Kind = value::Kind {
    name: "kind of drill",
    words: &[Form::Tabletop.word(), Form::Infra.word(), Form::Dns.word(), Form::FullDrill.word()],
    called: &[("infrastructure", Form::Infra.word()), ("records", Form::Dns.word()), ("full", Form::FullDrill.word())],
    read: |kind, text, _| value::word(kind, text, "a kind of drill"),
    lacking: |_| {
        "to know which drill: tabletop, infra, dns or full-drill. `list` instead of it shows when each is due."
            .to_owned()
    },
    open: Some("<tabletop|infra|dns|full-drill>"),
    ..value::TEXT
};

static SEEDS: value::Kind = value::Kind {
    name: "seed",
    usage: "N",
    number: true,
    read: |_, text, _| match text.parse::<u32>() {
        Ok(seed) => Ok(seed.to_string()),
        Err(_) => Err(Wrong::new(format!("{} is not a seed; it is a number from 0 up.", shown(text)))),
    },
    ..value::TEXT
};

static ENTRY: Entry = Entry {
    name: KIND,
    path: &["dr", "test"],
    group: Group::Recovery,
    place: 50,
    about: "Hold a drill: try what a disaster would ask for, while there is none",
    happens: "`tabletop` puts what happens to a twin of the platform, made of live readings, before people, at T-0, +5, +15, +30, +45 and +60 \
              min, and asks what they decide; the assessment of a failover is the measure, and no command works on the twin. `infra` looks at all that a failover stands on, point by point, and names what is missing. `dns` writes the weighted records \
              as they are, in one change, waits until it has reached every name server, and sees that nothing is different. `full-drill`, \
              not in production, restores the newest copy of each database in the DR region, apart from everything, validates it, \
              writes the records as they are, and deletes what it made; a person decides in between, and the minutes of a checklist \
              are kept. None changes what is live, every message says EXERCISE, and the result counts as the last drill.",
    args: &[
        ENVIRONMENT,
        Arg {
            name: FORM,
            kind: &FORMS,
            form: Written::WordOrOption,
            required: true,
            usual: None,
            about: "which drill; `--type infra` works too",
        },
        Arg {
            name: SEED,
            kind: &SEEDS,
            form: Written::Option,
            required: false,
            usual: None,
            about: "with `tabletop`: what happens in it; the same number gives the same",
        },
        REASON,
    ],
    examples: &["dr test ENV tabletop", "dr test ENV infra", "dr test ENV dns --reason \"the quarter's drill\""],
    who: "anyone in a role; a second person has to agree to `full-drill`, and in production to `dns`",
    does: |_| Does::Operation,
    settle: settled,
    mend: nothing_more,
};

fn settled(values: Values) -> Result<Values, Wrong> {
    let tabletop = values.get(FORM) == Some(Form::Tabletop.word());
    if !tabletop && values.get(SEED).is_some() {
        return Err(Wrong::new(
            "Only a `tabletop` has a `--seed`: nothing is made up in the other drills. Leave it out.",
        ));
    }
    Ok(values)
}

/// The operation.
pub struct Drill;

/// The command that asks for a drill; none where it is none that is held in that environment.
pub fn ask(environment: &str, form: Form) -> Option<Command> {
    if form == Form::FullDrill && environment == PRODUCTION {
        return None;
    }
    let mut values = Values::default();
    values.set(ENVIRONMENT.name, environment);
    values.set(FORM, form.word());
    Some(Command::new(&ENTRY, values))
}

fn form_of(command: &Command) -> Option<Form> {
    command.values().get(FORM).and_then(Form::named)
}

fn form(plan: &Plan) -> Option<Form> {
    Form::named(&plan.scope)
}

/// Whether a drill of this form keeps others from changing the environment meanwhile.
fn locks(form: Option<Form>) -> bool {
    match form {
        Some(Form::Tabletop | Form::Infra) => false,
        Some(Form::Dns | Form::FullDrill) | None => true,
    }
}

impl Operation for Drill {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "dt"
    }

    fn works(&self) -> Works {
        Works::AtHome("`/bbws dr failback` says what the way home needs; hold the drill after that.")
    }

    fn scopes(&self) -> &'static [&'static str] {
        SCOPES
    }

    fn also(&self) -> Option<&'static str> {
        Some("dr.drill")
    }

    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    fn what(&self, command: &Command, environment: &str) -> String {
        let title = form_of(command).map_or("Drill", Form::title);
        format!("{EXERCISE}: {title} of `{}`", escape(environment))
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        let env = asked.environment;
        match form_of(asked.command) {
            Some(Form::Tabletop | Form::Infra) => Ok(Survey::default()),
            Some(Form::Dns | Form::FullDrill) if !env.replicates() => Err(vec![format!(
                "`{}` has nothing in another region (`replication = \"disabled\"` in bbws.toml), so that there is no failover to try. `/bbws backup validate {} --test-restore` tries what it would be restored from.",
                env.name, env.name
            )]),
            Some(Form::Dns) => dns::survey(env),
            Some(Form::FullDrill) => full::survey(env),
            None => Err(unplanned(asked.command)),
        }
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        match form_of(asked.command) {
            Some(Form::Dns) => dns::plan(asked, known),
            Some(Form::Infra) => infra::plan(asked.environment),
            Some(Form::FullDrill) => full::plan(asked, known),
            Some(Form::Tabletop) => tabletop::plan(asked),
            None => Err(unplanned(asked.command)),
        }
    }

    fn scope(&self, plan: &Plan) -> String {
        plan.scope.clone()
    }

    fn needs(&self, plan: &Plan, configured: Vec<Need>) -> Vec<Need> {
        match form(plan) {
            Some(Form::Tabletop | Form::Infra) => configured,
            Some(Form::Dns) if plan.environment != PRODUCTION => configured,
            Some(Form::Dns | Form::FullDrill) | None => two_people(configured),
        }
    }

    fn locks_for(&self, command: &Command) -> bool {
        locks(form_of(command))
    }

    fn locked_by(&self, plan: &Plan) -> bool {
        locks(form(plan))
    }

    fn exercise(&self) -> bool {
        true
    }

    fn remembers(&self, run: &Run) -> Vec<MarkWrite> {
        let held = form(&run.op.plan).zip(drill::result(run));
        held.map(|(form, result)| drill::remembered(form, run, result)).into_iter().collect()
    }

    fn title(&self, plan: &Plan) -> String {
        format!("{EXERCISE}: {} of {}", form(plan).map_or("Drill", Form::title), plan.environment)
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        match form(ended.plan) {
            Some(Form::Dns) => dns::done(ended),
            Some(Form::Infra) => infra::done(ended),
            Some(Form::FullDrill) => full::done(ended),
            Some(Form::Tabletop) => tabletop::done(ended),
            None => format!("Passed, in {}.", ended.took),
        }
    }

    fn found(&self, run: &Run, took: &str) -> Option<String> {
        let score = drill::result(run).unwrap_or_default();
        let mut text = format!("{score} points hold; it took {took}. The gaps:");
        let gaps = run.findings();
        for (told, (_, gap)) in gaps.iter().enumerate() {
            let line = format!("\n• {}", escape(gap));
            if text.len() + line.len() > FOUND {
                let more = gaps.len() - told;
                text.push_str(&format!("\n… and {more} more: `/bbws op show {}` names them", run.op.id));
                break;
            }
            text.push_str(&line);
        }
        if form(&run.op.plan) == Some(Form::FullDrill) {
            text.push_str(&format!("\n{}", checklist::told(&full::stages(run))));
            text.extend(ready::told(run).map(|told| format!(" {told}")));
        }
        text.push_str(&format!("\nOnce they are mended, drill again: `/bbws {}`", escape(&run.op.command)));
        Some(text)
    }

    fn not_yet(&self, run: &Run, now: Moment) -> Option<String> {
        play::not_yet(run, now)
    }

    /// What a full drill came to against the targets.
    fn recovery(&self, run: &Run) -> Option<Recovery> {
        (form(&run.op.plan) == Some(Form::FullDrill)).then(|| full::recovery(run))
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "The drill is *not* passed."
    }

    fn left_behind(&self, plan: &Plan, _: usize) -> Option<String> {
        match form(plan) {
            Some(Form::Dns) => Some("The records are as they were: the drill writes nothing else.".to_owned()),
            Some(Form::FullDrill) => {
                Some("What it restored is deleted by itself within a day; nothing that is live was changed.".to_owned())
            }
            Some(Form::Tabletop | Form::Infra) | None => None,
        }
    }
}
