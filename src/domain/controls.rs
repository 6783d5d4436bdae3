//! The commands that hold the hands on operations, and help: how they are written and explained. What they do is `app::control`'s.

use super::command::{
    ANY_ENVIRONMENT, ANY_ROLE, Arg, Control, Does, ENVIRONMENT, EVERYONE, Entry, Form, Group, OPERATION, REASON, Wrong,
    as_they_are, nothing_more, one_of, shown, value,
};
use super::{
    drill::{Form as Drill, choice::Choice, ready::Tick},
    incident::duty::Duty,
    reach::When,
};

/// The option of an approval that says what is approved.
pub const CONFIRM: &str = "confirm";
static NAME: value::Kind =
    value::Kind { name: "name", usage: "NAME", read: |_, text, _| value::identifier("name", text), ..value::TEXT };

const APPROVERS: &str = "whoever the approval policy names, never the person who asked";

/// The argument that says which duty.
pub const DUTY: &str = "duty";
/// The option that says to whom it is handed.
pub const TO: &str = "to";
static DUTIES: value::Kind = value::Kind {
    name: "duty",
    words: &Duty::WORDS,
    called: &[
        ("lead", "commander"),
        ("dba", "database"),
        ("db", "database"),
        ("comms", "communication"),
        ("dns", "network"),
    ],
    read: |kind, text, _| value::word(kind, text, "a duty"),
    lacking: |_| format!("a duty: {}.", one_of(&Duty::WORDS)),
    ..value::TEXT
};
static PERSON: value::Kind = value::Kind {
    name: "person",
    usage: "@somebody",
    read: |_, text, _| person(text),
    open: Some("<@somebody>"),
    ..value::TEXT
};

/// The number of something that is counted from 1, by its name.
const NUMBERED: value::Kind = value::Kind {
    usage: "N",
    number: true,
    read: |kind, text, _| match text.parse::<u32>() {
        Ok(number) if number > 0 => Ok(number.to_string()),
        _ => Err(Wrong::new(format!("{} is not the {}.", shown(text), kind.name))),
    },
    open: Some("<number>"),
    ..value::TEXT
};

/// The option that says which update is sent.
pub const NUMBER: &str = "number";
static WHICH: value::Kind = value::Kind {
    name: "number of an update",
    lacking: |_| "the number of the update, as its draft in the room says it.".to_owned(),
    ..NUMBERED
};

/// The option that says which inject of a tabletop is meant.
pub const INJECT: &str = "inject";
static INJECTS: value::Kind = value::Kind {
    name: "number of an inject",
    lacking: |_| "the number of the inject, as it says it.".to_owned(),
    ..NUMBERED
};
/// The option that says what is decided.
pub const CHOICE: &str = "choice";
static CHOICES: value::Kind = value::Kind {
    name: "choice",
    words: &Choice::WORDS,
    called: &[("failover", "proceed"), ("wait", "look"), ("no", "never")],
    read: |kind, text, _| value::word(kind, text, "a choice"),
    lacking: |_| format!("a choice: {}.", one_of(&Choice::WORDS)),
    ..value::TEXT
};

/// The option that says which action item is meant.
pub const ITEM: &str = "item";
/// The option that says that it is done.
pub const DONE: &str = "done";
static ITEMS: value::Kind = value::Kind {
    name: "number of an action item",
    lacking: |_| "the number of the action item, as `dr actions` shows it.".to_owned(),
    ..NUMBERED
};

/// The argument that says when somebody can approve.
pub const WHEN: &str = "when";
static WHENS: value::Kind = value::Kind {
    name: "hours of an approver",
    words: &When::WORDS,
    called: &[("anytime", "always"), ("yes", "always"), ("no", "never")],
    read: |kind, text, _| value::word(kind, text, "when you can approve"),
    lacking: |_| format!("when you can approve: {}.", one_of(&When::WORDS)),
    ..value::TEXT
};

/// The argument that says which drill something is ready for.
pub const FORM: &str = "type";
static DRILLS: value::Kind = value::Kind {
    name: "drill to get ready for",
    words: &[Drill::Tabletop.word(), Drill::FullDrill.word()],
    called: &[("full", Drill::FullDrill.word())],
    read: |kind, text, _| value::word(kind, text, "a drill that people get ready for"),
    lacking: |_| "for which drill: tabletop or full-drill. The others look at AWS alone.".to_owned(),
    ..value::TEXT
};
/// The option that says what is ready.
pub const TICK: &str = "tick";
static TICKS: value::Kind = value::Kind {
    name: "thing that is ready",
    words: &Tick::WORDS,
    called: &[("success", "criteria"), ("duties", "roles"), ("runbook", "plan")],
    read: |kind, text, _| value::word(kind, text, "what can be ticked"),
    lacking: |_| format!("what is ready: {}.", one_of(&Tick::WORDS)),
    ..value::TEXT
};

/// Somebody's Slack id, out of a mention as Slack writes it, or as it is.
fn person(text: &str) -> Result<String, Wrong> {
    let inner = text.strip_prefix("<@").and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    let id = inner.split('|').next().unwrap_or(inner);
    let is = id.starts_with(['U', 'W'])
        && (2..=30).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if is {
        Ok(id.to_owned())
    } else {
        Err(Wrong::new(format!("{} is nobody: mention them, `@somebody`.", shown(text))))
    }
}

/// All of them.
pub static ENTRIES: [Entry; 18] = [
    Entry {
        name: "dr.duty",
        path: &["dr", "duty"],
        group: Group::Recovery,
        place: 7,
        about: "Take a duty in an incident, or hand it to somebody",
        happens: "The incident's card shows who has it, and its room is told. Whoever had it before is named. Nobody is asked.",
        args: &[
            OPERATION,
            Arg {
                name: DUTY,
                kind: &DUTIES,
                form: Form::WordOrOption,
                required: true,
                usual: None,
                about: "which one",
            },
            Arg {
                name: TO,
                kind: &PERSON,
                form: Form::Option,
                required: false,
                usual: None,
                about: "whose it is from now on; yours when left out",
            },
        ],
        examples: &["dr duty in-1 commander", "dr duty in-1 database --to U0123ABCD"],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Duty),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "dr.update",
        path: &["dr", "update"],
        group: Group::Recovery,
        place: 8,
        about: "Send the update of an incident that was drafted",
        happens: "The draft goes to the stakeholders' channels and to SNS, word for word as it stands in the room. Each is sent once; a \
                  newer draft takes the place of an older one.",
        args: &[
            OPERATION,
            Arg {
                name: NUMBER,
                kind: &WHICH,
                form: Form::Option,
                required: true,
                usual: None,
                about: "which draft: what is sent is what was read",
            },
        ],
        examples: &["dr update in-1 --number 2"],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Update),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "dr.decide",
        path: &["dr", "decide"],
        group: Group::Recovery,
        place: 9,
        about: "Decide as the commander of an incident, or on the inject of a tabletop",
        happens: "In an incident the commander's decision and its reason are kept on the card, on the timeline and in the review; it starts \
                  nothing by itself. In a tabletop what you decide is held against the assessment of the twin, which is told then, and the \
                  next inject follows at its minute. Nothing of it reaches AWS.",
        args: &[
            OPERATION,
            Arg {
                name: INJECT,
                kind: &INJECTS,
                form: Form::Option,
                required: false,
                usual: None,
                about: "in a tabletop: which inject; what is decided is what was read",
            },
            Arg {
                name: CHOICE,
                kind: &CHOICES,
                form: Form::Option,
                required: true,
                usual: None,
                about: "`proceed` fails over or recovers now, `look` looks further first, `never` does neither",
            },
            REASON,
        ],
        examples: &[
            "dr decide in-1 --choice proceed --reason \"no sign of life for 20 min\"",
            "dr decide dt-3 --inject 2 --choice look",
        ],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Decide),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "dr.action",
        path: &["dr", "action"],
        group: Group::Recovery,
        place: 54,
        about: "Take an action item of an incident, hand it over, or say that it is done",
        happens: "The incident's card shows whose it is. Whoever has one is asked after it every week until somebody says that it is done.",
        args: &[
            OPERATION,
            Arg { name: ITEM, kind: &ITEMS, form: Form::Option, required: true, usual: None, about: "which one" },
            Arg {
                name: TO,
                kind: &PERSON,
                form: Form::Option,
                required: false,
                usual: None,
                about: "whose it is from now on; yours when left out",
            },
            Arg {
                name: DONE,
                kind: &value::CHECK,
                form: Form::Flag,
                required: false,
                usual: None,
                about: "it is done, and nobody is asked after it any more",
            },
        ],
        examples: &[
            "dr action in-1 --item 2",
            "dr action in-1 --item 2 --to U0123ABCD",
            "dr action in-1 --item 2 --done",
        ],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Item),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "dr.ready",
        path: &["dr", "ready"],
        group: Group::Recovery,
        place: 49,
        about: "Say that something is ready for the next drill",
        happens: "It is kept, with who said it, until that drill was held. Nothing waits for it: what nobody ticked is said when the drill \
                  begins, and in its score. `dr test ENV list` shows what is open, with a button for each.",
        args: &[
            ENVIRONMENT,
            Arg {
                name: FORM,
                kind: &DRILLS,
                form: Form::WordOrOption,
                required: true,
                usual: None,
                about: "for which drill",
            },
            Arg {
                name: TICK,
                kind: &TICKS,
                form: Form::Option,
                required: true,
                usual: None,
                about: "`roles`: who has which duty; `criteria`: what has to be shown; `environment`: what it is held in; `plan`: runbook \
                        and plan were read",
            },
        ],
        examples: &["dr ready ENV tabletop --tick roles"],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Ready),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "dr.approver",
        path: &["dr", "approver"],
        group: Group::Recovery,
        place: 55,
        about: "Say when you can approve in the coming week",
        happens: "`always` is at any hour, `days` from Monday to Friday from 06 to 18 UTC, `never` not at all. It holds for a week, after which \
                  everybody is asked again; `status` tells whether a failover could be approved now, tonight and on Sunday. It gives \
                  nobody a right, and takes none.",
        args: &[Arg {
            name: WHEN,
            kind: &WHENS,
            form: Form::WordOrOption,
            required: true,
            usual: None,
            about: "when you can",
        }],
        examples: &["dr approver always", "dr approver days"],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Reach),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "op.approve",
        path: &["op", "approve"],
        group: Group::Operations,
        place: 30,
        about: "Approve an operation, as its button does",
        happens: "Counts your vote for exactly the plan the card shows. It starts once enough people have approved.",
        args: &[
            OPERATION,
            Arg {
                name: CONFIRM,
                kind: &NAME,
                form: Form::Option,
                required: false,
                usual: None,
                about: "the name of what is replaced, where the operation replaces what is live in production",
            },
        ],
        examples: &["op approve bk-1042", "op approve rs-7 --confirm bbws-prod-mysql"],
        who: APPROVERS,
        does: |_| Does::Control(Control::Approve),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "op.reject",
        path: &["op", "reject"],
        group: Group::Operations,
        place: 40,
        about: "Reject an operation, as its button does",
        happens: "Ends an operation that awaits approval. It never runs; asking again makes a new one.",
        args: &[OPERATION, REASON],
        examples: &["op reject bk-1042 --reason \"release is under way\""],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Reject),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "op.cancel",
        path: &["op", "cancel"],
        group: Group::Operations,
        place: 50,
        about: "Cancel an operation",
        happens: "No further step starts. What AWS has already begun is watched to its end and reported.",
        args: &[OPERATION, REASON],
        examples: &["op cancel bk-1042", "op cancel bk-1042 --reason \"wrong environment\""],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Cancel),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "op.retry",
        path: &["op", "retry"],
        group: Group::Operations,
        place: 60,
        about: "Try again what failed",
        happens: "Runs the failed steps again. What is already done stays done and is not made twice.",
        args: &[OPERATION],
        examples: &["op retry bk-1042"],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Retry),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "op.rollback",
        path: &["op", "rollback"],
        group: Group::Operations,
        place: 65,
        about: "Undo what an operation has put in the place of something else",
        happens: "Exchanges both again, as the plan says; what was written meanwhile is kept. As long as the operation runs anyone \
                  in a role may; after that those who agree to a cutover.",
        args: &[OPERATION, REASON],
        examples: &["op rollback rs-7 --reason \"orders are missing\""],
        who: "anyone in a role while it runs or has just failed; after that whoever the policy names for `backup.cutover`",
        does: |_| Does::Control(Control::RollBack),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "op.skip",
        path: &["op", "skip"],
        group: Group::Operations,
        place: 66,
        about: "Leave out the step of a failover that may be left out now, as its button does",
        happens: "The answer says which step that is and what is lost without it. The run goes on once a second person has said the same of \
                  the same step; nothing is proved by a step that was left out.",
        args: &[OPERATION],
        examples: &["op skip dr-17"],
        who: "anyone in a role, and a second person has to say the same",
        does: |_| Does::Control(Control::Skip),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "op.force",
        path: &["op", "force"],
        group: Group::Operations,
        place: 67,
        about: "Wait no longer for a step of a failover that ends gracefully, as its button does",
        happens: "The answer says which step that is and what is lost by it. The run goes on once a second person has said the same of the \
                  same step.",
        args: &[OPERATION],
        examples: &["op force dr-17"],
        who: "anyone in a role, and a second person has to say the same",
        does: |_| Does::Control(Control::Force),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "op.pause",
        path: &["op", "pause"],
        group: Group::Operations,
        place: 70,
        about: "Hold an operation before its next step",
        happens: "No further step starts until somebody resumes it. What AWS has already begun goes on.",
        args: &[OPERATION],
        examples: &["op pause bk-1042"],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Pause),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "op.stop",
        path: &["op", "stop"],
        group: Group::Operations,
        place: 75,
        about: "Halt an operation at once",
        happens: "No further step starts. What AWS has already begun is watched to its end. Going on again takes two people.",
        args: &[OPERATION],
        examples: &["op stop bk-1042"],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Halt),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "op.resume",
        path: &["op", "resume"],
        group: Group::Operations,
        place: 80,
        about: "Go on with a paused operation",
        happens: "The operation goes on with its next step.",
        args: &[OPERATION],
        examples: &["op resume bk-1042"],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Resume),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "stop",
        path: &["stop"],
        group: Group::Emergency,
        place: 10,
        about: "Stop everything at once, or everything in one environment",
        happens: "From this moment nothing new starts. What AWS has already begun is watched to its end and \
                  reported. No approval is needed; starting again takes two people.",
        args: &[
            Arg { about: "only this environment; *every* environment when left out", ..ANY_ENVIRONMENT },
            Arg {
                form: Form::Rest,
                required: true,
                about: "why; others see it and it stays in the audit log",
                ..REASON
            },
        ],
        examples: &["stop ENV \"database looks corrupt\"", "stop \"we are under attack\""],
        who: ANY_ROLE,
        does: |_| Does::Control(Control::Stop),
        settle: as_they_are,
        mend: nothing_more,
    },
    Entry {
        name: "help",
        path: &["help"],
        group: Group::Help,
        place: 10,
        about: "Explain the commands, or one of them",
        happens: "Shows only you this text. Changes nothing.",
        args: &[Arg {
            name: "command",
            kind: &value::TOPIC,
            form: Form::Rest,
            usual: None,
            required: false,
            about: "the command to explain",
        }],
        examples: &["help", "help backup create"],
        who: EVERYONE,
        does: |_| Does::Explain,
        settle: as_they_are,
        mend: nothing_more,
    },
];
