//! `bbws check`: what is right and wrong with the config, Slack and AWS, line by line.

use std::{collections::BTreeSet, path::PathBuf};

use crate::{
    adapters::{aws::AwsCloud, slack::SlackChat},
    config::Config,
    ports::check::CheckLine,
    settings::Settings,
};

/// Prints the lines. `true`: all is right.
pub async fn check(config: Option<PathBuf>) -> bool {
    let settings = match Settings::from_env() {
        Ok(settings) => {
            line(&CheckLine::good("environment variables", "complete"));
            Some(settings)
        }
        Err(problems) => {
            problems.iter().for_each(|p| line(&CheckLine::bad("environment variables", p)));
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
            problems.lines().for_each(|p| line(&CheckLine::bad("config", p)));
            return false;
        }
    };
    line(&CheckLine::good(
        "config",
        format!("{} is complete: {} environments", path.display(), config.environments.len()),
    ));
    config.warnings.iter().for_each(|w| println!("note  config: {w}"));
    let mut all = settings.is_some();
    if let Some(settings) = settings {
        match SlackChat::new(&settings.slack_api_url, settings.bot_token.clone()) {
            Ok(chat) => all &= report(chat.check(&channels(&config), &groups(&config)).await),
            Err(why) => all &= report(vec![CheckLine::bad("Slack", why)]),
        }
    }
    let aws = AwsCloud::new(config.topics.clone());
    for environment in config.environments.values() {
        all &= report(aws.check(environment).await);
    }
    all
}

fn report(lines: Vec<CheckLine>) -> bool {
    lines.iter().for_each(line);
    lines.iter().all(|l| l.ok)
}

fn line(found: &CheckLine) {
    println!("{}  {}: {}", if found.ok { "ok   " } else { "WRONG" }, found.what, found.detail);
}

fn channels(config: &Config) -> Vec<String> {
    let named = config.environments.values().filter_map(|e| e.channel.clone());
    let all: BTreeSet<String> = named.chain([config.slack.ops_channel.clone()]).collect();
    all.into_iter().collect()
}

fn groups(config: &Config) -> Vec<(String, String)> {
    config.roles.iter().filter_map(|(role, members)| Some((role.clone(), members.group.clone()?))).collect()
}
