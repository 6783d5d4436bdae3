//! `bbws check`: what is right and wrong with the config, Slack and AWS, line by line.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use super::chain;
use crate::{
    adapters::{aws::AwsCloud, slack::SlackChat, store::Ledger},
    config::Config,
    domain::{
        active::Active,
        approval,
        environment::Side,
        policy::{self, Reach, Rule},
    },
    ports::{
        chat::Chat as _,
        check::{CheckLine, Verdict},
        clock::SystemClock,
        store::{MarkKind, Store as _},
    },
    settings::{Settings, database_url},
};

/// The people of a role, or why nobody knows them.
type Members = BTreeMap<String, Result<Vec<String>, String>>;

/// What was looked at so far.
#[derive(Default)]
struct Report {
    lines: Vec<CheckLine>,
}

impl Report {
    /// Prints lines as they come: some take long.
    fn add(&mut self, lines: impl IntoIterator<Item = CheckLine>) {
        for line in lines {
            say!("{:<5}  {}: {}", line.verdict, line.what, line.detail);
            self.lines.push(line);
        }
    }

    /// The last line, and the worst of all.
    fn sum(self) -> Verdict {
        let count = |verdict| self.lines.iter().filter(|line| line.verdict == verdict).count();
        let (good, unchecked, wrong) = (count(Verdict::Good), count(Verdict::Unchecked), count(Verdict::Wrong));
        say!("\n{good} ok, {wrong} wrong, {unchecked} not checked");
        self.lines.iter().map(|line| line.verdict).max().unwrap_or(Verdict::Unchecked)
    }
}

/// Prints the lines and how many there are of each verdict. The worst of them all.
pub async fn check(config: Option<PathBuf>) -> Verdict {
    let mut report = Report::default();
    look(config, &mut report).await;
    report.sum()
}

async fn look(config: Option<PathBuf>, report: &mut Report) {
    let settings = match Settings::from_env() {
        Ok(settings) => {
            report.add([CheckLine::good("environment variables", "complete")]);
            Some(settings)
        }
        Err(problems) => {
            report.add(problems.iter().map(|p| CheckLine::bad("environment variables", p)));
            None
        }
    };
    let path = config.or_else(|| settings.as_ref().map(|s| s.config.clone()));
    let path = path.unwrap_or_else(|| {
        std::env::var("BBWS_CONFIG").map_or_else(|_| crate::config::DEFAULT_FILE.into(), PathBuf::from)
    });
    let config = match Config::load(&path) {
        Ok(config) => config,
        Err(problems) => {
            report.add(problems.lines().map(|p| CheckLine::bad("config", p)));
            return report.add(["Slack", "AWS"].map(|what| CheckLine::unchecked(what, "correct the config first")));
        }
    };
    report.add([CheckLine::good(
        "config",
        format!("{} is complete: {} environments", path.display(), config.environments.len()),
    )]);
    config.warnings.iter().for_each(|w| say!("note   config: {w}"));
    match where_each_runs(&config).await {
        Ok(lines) => report.add(lines),
        // Before the first start there is no ledger, and every environment runs where the config says.
        Err(why) => say!("note   ledger: {why}"),
    }
    let chat = match &settings {
        None => Err(CheckLine::unchecked("Slack", "set the environment variables first")),
        Some(s) => SlackChat::new(&s.slack_api_url, s.bot_token.clone()).map_err(|why| CheckLine::bad("Slack", why)),
    };
    let chat = match chat {
        Ok(chat) => {
            report.add(chat.check(&channels(&config), &groups(&config)).await);
            report.add(chat.check_roster(&roster(&config)).await);
            Some(chat)
        }
        Err(line) => {
            report.add([line]);
            None
        }
    };
    report.add(approvals(&config, &members(&config, chat.as_ref()).await));
    let aws = AwsCloud::new(config.topics.clone());
    for environment in config.environments.values() {
        report.add(aws.check(environment).await);
    }
}

/// Where each environment runs, by the ledger.
async fn where_each_runs(config: &Config) -> Result<Vec<CheckLine>, String> {
    let url = database_url(std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()))?;
    let ledger = Ledger::open_readonly(&url, Arc::new(SystemClock)).await;
    let ledger =
        ledger.map_err(|error| format!("it could not be opened for reading (DATABASE_URL): {}", chain(&error)))?;
    let mut lines = Vec::new();
    for (name, environment) in &config.environments {
        let marks = ledger.marks(name, Some(MarkKind::Active)).await.map_err(|error| error.to_string())?;
        let side = Active::of(&marks).side;
        let dr = if side == Side::Dr { ", its DR region, after a failover" } else { "" };
        lines.push(CheckLine::good(format!("{name}: active region"), format!("{}{dr}", environment.region(side))));
    }
    Ok(lines)
}

/// Who is in each role: those the config lists, and those of its Slack group.
async fn members(config: &Config, chat: Option<&SlackChat>) -> Members {
    let mut members = Members::new();
    for (role, listed) in &config.roles {
        let mut people = Ok(listed.users.clone());
        if let Some(group) = &listed.group {
            let of_group = match chat {
                Some(chat) => chat.group_members(group).await.map_err(|error| error.to_string()),
                None => Err("Slack could not be asked".to_owned()),
            };
            people = of_group
                .map(|of_group| listed.users.iter().cloned().chain(of_group).collect())
                .map_err(|why| format!("nobody knows who is in the group {group} of role {role}: {why}"));
        }
        members.insert(role.clone(), people);
    }
    members
}

/// A line for every rule, and one for what takes a second person without any.
fn approvals(config: &Config, members: &Members) -> Vec<CheckLine> {
    let mut lines: Vec<CheckLine> = config.approvals.iter().map(|rule| approval(rule, members)).collect();
    let unknown = members.values().find_map(|people| people.as_ref().err());
    let people: BTreeSet<&String> = members.values().flatten().flatten().collect();
    let what = "a second person, as a lifted stop takes one";
    lines.push(match (people.len(), unknown) {
        (0 | 1, Some(why)) => CheckLine::unchecked(what, why),
        (0 | 1, None) => CheckLine::bad(what, "fewer than two people are in the roles; add people to them"),
        (several, _) => CheckLine::good(what, format!("{several} people are in the roles")),
    });
    lines
}

/// Whether anybody could give the approval that a rule asks for.
fn approval(rule: &Rule, members: &Members) -> CheckLine {
    let places = rule.environments.as_ref().map_or_else(|| "every environment".to_owned(), |named| named.join(", "));
    let scope = rule.scope.as_ref().map(|scope| format!(" ({scope})")).unwrap_or_default();
    let what = format!("approval of {}{scope} in {places}", rule.operations.join(", "));
    if rule.need.is_empty() {
        return CheckLine::good(what, "nobody is asked");
    }
    let asked = rule.need.iter().filter_map(|need| members.get(&need.role));
    if let Some(why) = asked.clone().find_map(|people| people.as_ref().err()) {
        return CheckLine::unchecked(what, why);
    }
    let known: BTreeMap<String, Vec<String>> =
        members.iter().filter_map(|(role, people)| Some((role.clone(), people.clone().ok()?))).collect();
    let needed = approval::spoken(&rule.need);
    match policy::reach(&rule.need, &known) {
        Reach::Anyone => CheckLine::good(what, format!("{needed} can be found whoever asks")),
        Reach::NotFor(stuck) => CheckLine::good(
            what,
            format!(
                "{needed} can be found, but not for what {} asks for: somebody else has to ask",
                stuck.join(" or ")
            ),
        ),
        Reach::Nobody => CheckLine::bad(
            what,
            format!(
                "it takes {needed} besides whoever asks, and nobody can give it; add people to the roles or ask for fewer"
            ),
        ),
    }
}

fn channels(config: &Config) -> Vec<String> {
    let named = config.environments.values().filter_map(|e| e.channel.clone());
    let told = config.incident.stakeholders.iter().cloned();
    let all: BTreeSet<String> = named.chain([config.slack.ops_channel.clone()]).chain(told).collect();
    all.into_iter().collect()
}

fn groups(config: &Config) -> Vec<(String, String)> {
    config.roles.iter().filter_map(|(role, members)| Some((role.clone(), members.group.clone()?))).collect()
}

/// Who is called for each duty of an incident.
fn roster(config: &Config) -> Vec<(String, String)> {
    config.incident.roster.iter().map(|(duty, group)| (duty.to_string(), group.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::Need;

    #[test]
    fn an_approval_that_nobody_can_give_is_wrong_and_one_that_nobody_knows_of_is_not_ok() {
        let rule = |role: &str, count| Rule {
            operations: vec!["dr.dns".into()],
            environments: Some(vec!["prod".into()]),
            scope: None,
            need: vec![Need { role: role.into(), count }],
        };
        let members: Members = [
            ("operator".to_owned(), Ok(vec!["U0ALICE".to_owned(), "U0BOB".to_owned(), "U0CAROL".to_owned()])),
            ("dba".to_owned(), Ok(vec!["U0BOB".to_owned(), "U0CAROL".to_owned()])),
            ("lead".to_owned(), Ok(vec!["U0CAROL".to_owned()])),
            ("nobody".to_owned(), Ok(Vec::new())),
            ("away".to_owned(), Err("Slack did not answer".to_owned())),
        ]
        .into();
        for (role, count, verdict, says) in [
            ("operator", 2, Verdict::Good, "whoever asks"),
            ("operator", 3, Verdict::Wrong, "nobody can give it"),
            ("dba", 1, Verdict::Good, "whoever asks"),
            ("dba", 2, Verdict::Good, "not for what U0BOB or U0CAROL asks for"),
            ("lead", 1, Verdict::Good, "not for what U0CAROL asks for"),
            ("lead", 2, Verdict::Wrong, "nobody can give it"),
            ("nobody", 1, Verdict::Wrong, "nobody can give it"),
            ("away", 1, Verdict::Unchecked, "not checked: Slack did not answer"),
        ] {
            let line = approval(&rule(role, count), &members);
            assert_eq!(line.verdict, verdict, "{role} {count}: {line:?}");
            assert!(line.detail.contains(says), "{role} {count}: {line:?}");
        }
    }
}
