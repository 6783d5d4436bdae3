//! Environment variables: what is missing is named, with what to do; secrets are never repeated.

use bbws::settings::Settings;
use secrecy::ExposeSecret as _;

fn read(set: &[(&str, &str)]) -> Result<Settings, String> {
    let get = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
    Settings::read(get).map_err(|wrong| wrong.join("\n"))
}

const SECRETS: [(&str, &str); 2] = [("SLACK_SIGNING_SECRET", "8f742231b10e"), ("SLACK_BOT_TOKEN", "xoxb-1-abc")];

#[test]
fn the_secrets_are_enough() {
    let settings = read(&SECRETS).expect("the rest has defaults");
    assert_eq!(settings.signing_secret.expose_secret(), "8f742231b10e");
    assert_eq!(settings.bot_token.expose_secret(), "xoxb-1-abc");
    assert_eq!(settings.slack_api_url, "https://slack.com/api");
    assert_eq!(settings.database_url.expose_secret(), "sqlite://bbws.db");
    assert_eq!(settings.config.to_str(), Some("bbws.toml"));
    assert_eq!(settings.listen.to_string(), "0.0.0.0:8080");
    assert!(!settings.shared_database());
}

#[test]
fn what_is_set_is_taken() {
    let mut set = SECRETS.to_vec();
    set.extend([
        ("SLACK_API_URL", "http://127.0.0.1:9/api/"),
        ("DATABASE_URL", "postgres://bbws@db/bbws"),
        ("BBWS_CONFIG", "/etc/bbws/bbws.toml"),
        ("BBWS_LISTEN", "[::1]:3000"),
    ]);
    let settings = read(&set).expect("all of them are right");
    assert_eq!(settings.slack_api_url, "http://127.0.0.1:9/api");
    assert_eq!(settings.config.to_str(), Some("/etc/bbws/bbws.toml"));
    assert_eq!(settings.listen.to_string(), "[::1]:3000");
    assert!(settings.shared_database());
}

#[test]
fn what_is_missing_is_named() {
    insta::assert_snapshot!(read(&[("SLACK_SIGNING_SECRET", " ")]).expect_err("no secrets"), @r#"
    SLACK_SIGNING_SECRET is not set; copy it from the Slack app's page, Basic Information, App Credentials
    SLACK_BOT_TOKEN is not set; copy the bot token (xoxb-…) from the Slack app's page, OAuth & Permissions
    "#);
}

#[test]
fn what_is_wrong_is_named_and_secrets_are_not_repeated() {
    let wrong = read(&[
        ("SLACK_SIGNING_SECRET", "8f742231b10e"),
        ("SLACK_BOT_TOKEN", "xapp-1-abc"),
        ("SLACK_API_URL", "slack.com"),
        ("DATABASE_URL", "mysql://root:hunter2@db"),
        ("BBWS_LISTEN", "localhost"),
    ]);
    insta::assert_snapshot!(wrong.expect_err("nothing is right"), @r#"
    SLACK_BOT_TOKEN holds another kind of token (xapp-…); set the bot token (xoxb-…)
    SLACK_API_URL is `slack.com`, which is not a web address; leave it out for https://slack.com/api
    DATABASE_URL is not an address of SQLite or PostgreSQL; use sqlite://bbws.db or postgres://…
    BBWS_LISTEN is `localhost`, which is not an address and port; use one such as 0.0.0.0:8080
    "#);
}

#[test]
fn secrets_do_not_show_when_printed() {
    let mut set = SECRETS.to_vec();
    set.push(("DATABASE_URL", "postgres://bbws:hunter2@db/bbws"));
    let shown = format!("{:?}", read(&set).expect("all of them are right"));
    for secret in ["8f742231b10e", "xoxb-1-abc", "hunter2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
