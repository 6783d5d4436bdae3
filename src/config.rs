//! The config file: what is protected, where, and who may act. Read once at start, refused whole when anything in it is wrong.

mod access;
mod checks;
mod data;
mod environments;
mod forms;
mod incidents;
mod restores;
mod standby;
mod tree;

use std::{collections::BTreeMap, fmt, path::Path};

use serde::{Deserialize, Serialize};

use crate::domain::{
    environment::Environment,
    incident::Incidents,
    policy::{Limits, Roles, Rule},
    ticket::TicketLinks,
    topics::Topics,
};
use tree::{At, Report, Tree};

/// A complete example, with a comment on what is not obvious. The demo runs on it.
pub const EXAMPLE: &str = include_str!("../deploy/bbws.toml");

/// The example, with every kind of data and every promise declared.
pub const DEMO: &str = include_str!("../deploy/demo.toml");

/// The file's name where nobody says otherwise.
pub const DEFAULT_FILE: &str = "bbws.toml";

const SECTIONS: [&str; 7] = ["slack", "roles", "topics", "approvals", "approval_limits", "incident", "environments"];

/// `[slack]`: the workspace and the command this product answers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackConfig {
    /// The slash command, with its slash.
    #[serde(default = "default_command")]
    pub command: String,
    /// Ids of the workspaces (or Enterprise organisations) whose members may act.
    pub teams: Vec<String>,
    /// Channel id of automatic notices.
    pub ops_channel: String,
    /// What names of incident channels begin with.
    pub incident_prefix: String,
    /// Regular expression that a ticket's number matches.
    pub ticket_pattern: String,
    /// Where a ticket is read, `{ticket}` standing for it; tickets are no links where left out.
    pub ticket_url: Option<String>,
    /// App ids whose requests are answered; any app that knows the signing secret where left out.
    #[serde(default)]
    pub apps: Vec<String>,
}

fn default_command() -> String {
    "/bbws".to_owned()
}

/// A config file that was read and found right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The workspace.
    pub slack: SlackConfig,
    /// Who is who.
    pub roles: Roles,
    /// Where notices are published.
    pub topics: Topics,
    /// Who has to agree to what.
    pub approvals: Vec<Rule>,
    /// How long an approval may take and stays good.
    pub approval_limits: Limits,
    /// What incidents go by.
    pub incident: Incidents,
    /// What is protected, by the environment's name.
    pub environments: BTreeMap<String, Environment>,
    /// What is allowed but probably not meant.
    pub warnings: Vec<Problem>,
}

/// One thing wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file's name as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Which key, what is wrong with it, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl Config {
    /// Reads a config file's text; `file_name` is what messages call it.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the lines. A section that cannot be read at all hides only what is
    /// wrong inside it, not what is wrong elsewhere.
    pub fn parse(text: &str, file_name: &str) -> Result<Config, Vec<Problem>> {
        let tree = Tree::parse(text, file_name)?;
        let mut report = Report::new(&tree);
        let draft = Draft::read(&tree, &mut report);
        draft.check(&mut report);
        let (problems, warnings) = report.finish();
        if !problems.is_empty() {
            return Err(problems);
        }
        draft.finish(warnings).ok_or_else(|| {
            vec![Problem { file: file_name.to_owned(), line: 1, message: "the file is not complete".to_owned() }]
        })
    }

    /// Reads the config file at `path`.
    ///
    /// # Errors
    /// Sentences, one per line, that say what is wrong and what to do.
    pub fn load(path: &Path) -> Result<Config, String> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| {
            format!("{name}: cannot read the config file ({e}); name another with --config or BBWS_CONFIG")
        })?;
        Config::parse(&text, &name)
            .map_err(|problems| problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))
    }

    /// The embedded example.
    pub fn example() -> Config {
        Config::parse(EXAMPLE, DEFAULT_FILE).expect("the embedded example is read in every test run")
    }

    /// The embedded example that declares everything.
    pub fn demo() -> Config {
        Config::parse(DEMO, "demo.toml").expect("the embedded demo is read in every test run")
    }
}

/// What could be read so far; `None` where a section could not.
struct Draft {
    slack: Option<SlackConfig>,
    roles: Option<Roles>,
    topics: Option<Topics>,
    /// Index in the file and the rule; what could not be read is left out.
    approvals: Vec<(usize, Rule)>,
    limits: Option<Limits>,
    incident: Option<Incidents>,
    /// Those that could be read.
    environments: BTreeMap<String, Environment>,
    /// All names, also of those that could not be read.
    names: Vec<String>,
}

impl Draft {
    fn read(tree: &Tree<'_>, report: &mut Report<'_>) -> Draft {
        let root = At::root();
        for key in tree.keys(&root).into_iter().filter(|k| !SECTIONS.contains(&k.as_str())) {
            report.unknown_key(&root.key(&key), &key, &SECTIONS);
        }
        let approvals = tree
            .items(&root.key("approvals"), report)
            .into_iter()
            .filter_map(|(index, at)| Some((index, tree.decode(&at, report)?)))
            .collect();
        let names = tree.tables(&root.key("environments"), report);
        let mut environments = BTreeMap::new();
        for name in &names {
            let at = root.key("environments").key(name);
            if let Some(environment) = tree.decode::<Environment>(&at, report) {
                let environment = environments::as_aws_has_it(environment);
                environments.insert(name.clone(), Environment { name: name.clone(), ..environment });
            }
        }
        Draft {
            slack: tree.required(&root.key("slack"), report),
            roles: tree.required(&root.key("roles"), report),
            topics: tree.required(&root.key("topics"), report),
            limits: tree.decode_or_default(&root.key("approval_limits"), report),
            incident: tree.decode_or_default(&root.key("incident"), report),
            approvals,
            environments,
            names,
        }
    }

    fn check(&self, report: &mut Report<'_>) {
        let root = At::root();
        if let Some(slack) = &self.slack {
            access::slack(slack, &root.key("slack"), report);
        }
        if let Some(topics) = &self.topics {
            access::topics(topics, &root.key("topics"), report);
        }
        if let Some(limits) = &self.limits {
            access::limits(limits, &root.key("approval_limits"), report);
        }
        if let Some(incident) = &self.incident {
            incidents::check(incident, &root.key("incident"), report);
        }
        if let Some(roles) = &self.roles {
            access::roles(roles, &root.key("roles"), report);
        }
        access::rules(&self.approvals, self.roles.as_ref(), &self.names, &root.key("approvals"), report);
        let at = root.key("environments");
        if self.names.is_empty() && !report.has_problem_at(&at) {
            report.problem(&at, "no environment is described; add a table such as [environments.dev]");
        }
        for name in &self.names {
            environments::name(name, &at.key(name), report);
        }
        for (name, environment) in &self.environments {
            environments::check(environment, &at.key(name), report);
        }
        data::shared_archives(&self.environments, &at, report);
    }

    fn finish(self, warnings: Vec<Problem>) -> Option<Config> {
        let slack = self.slack?;
        let tickets = slack.ticket_url.as_deref().and_then(|url| TicketLinks::parse(url).ok());
        let incident = Incidents { prefix: slack.incident_prefix.clone(), ..self.incident? };
        let complete = |(name, environment)| {
            let environment = standby::kept_in_one_place(environment);
            (name, Environment { incidents: incident.clone(), tickets: tickets.clone(), ..environment })
        };
        Some(Config {
            slack,
            roles: self.roles?,
            topics: self.topics?,
            approvals: self.approvals.into_iter().map(|(_, rule)| access::usual(rule)).collect(),
            approval_limits: self.limits?,
            environments: self.environments.into_iter().map(complete).collect(),
            incident,
            warnings,
        })
    }
}
