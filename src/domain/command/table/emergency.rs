//! The commands that stop, start again, and explain.

use super::{ANY_ENVIRONMENT, ANY_ROLE, Arg, Command, EVERYONE, Form, Group, Kind, REASON, Spec};

const TWO_PEOPLE: &str = "anyone in a role, and a second person has to agree";

pub(super) const EMERGENCY: &[Spec] = &[
    Spec {
        name: "stop",
        path: &["stop"],
        group: Group::Emergency,
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
        build: |v| Some(Command::Stop { environment: v.environment, reason: v.reason? }),
    },
    Spec {
        name: "resume",
        path: &["resume"],
        group: Group::Emergency,
        about: "End a stop",
        happens: "Operations may start again once a second person has agreed.",
        args: &[
            Arg {
                about: "the environment that is stopped; left out, the stop of every environment",
                ..ANY_ENVIRONMENT
            },
            REASON,
        ],
        examples: &["resume ENV --reason \"false alarm\""],
        who: TWO_PEOPLE,
        build: |v| Some(Command::Resume { environment: v.environment, reason: v.reason }),
    },
    Spec {
        name: "help",
        path: &["help"],
        group: Group::Help,
        about: "Explain the commands, or one of them",
        happens: "Shows only you this text. Changes nothing.",
        args: &[Arg {
            name: "command",
            kind: Kind::Topic,
            form: Form::Rest,
            required: false,
            about: "the command to explain",
        }],
        examples: &["help", "help backup create"],
        who: EVERYONE,
        build: |v| Some(Command::Help { topic: v.topic }),
    },
];
