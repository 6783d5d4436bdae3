//! The Slack app manifest: the committed file is what the program prints, and addresses Slack cannot reach are refused.

use bbws::manifest::{EVENTS, SCOPES, manifest};

#[test]
fn the_committed_file_is_what_is_printed() {
    let printed = manifest("https://bot.example.com").expect("a good address");
    let committed = include_str!("../../manifest/slack-app.yaml");
    assert_eq!(
        committed, printed,
        "write it anew: bbws manifest --url https://bot.example.com > manifest/slack-app.yaml"
    );
}

#[test]
fn every_endpoint_is_at_the_address() {
    let printed = manifest("https://ops.example.com:8443/bots/bbws/").expect("a port and a path are fine");
    for line in [
        "      url: \"https://ops.example.com:8443/bots/bbws/slack/commands\"",
        "    request_url: \"https://ops.example.com:8443/bots/bbws/slack/events\"",
        "    request_url: \"https://ops.example.com:8443/bots/bbws/slack/interactions\"",
        "      should_escape: true",
        "  socket_mode_enabled: false",
    ] {
        assert!(printed.lines().any(|l| l == line), "no line `{line}` in\n{printed}");
    }
}

#[test]
fn rights_and_events_are_listed_once_each() {
    let printed = manifest("https://bot.example.com").expect("a good address");
    let items: Vec<&str> = printed.lines().filter_map(|l| l.strip_prefix("      - ")).collect();
    assert_eq!(items, [&SCOPES[..], &EVENTS[..]].concat());
    let mut sorted = SCOPES.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted, SCOPES, "in order, none twice");
}

#[test]
fn addresses_that_slack_cannot_reach_are_refused() {
    let said: Vec<String> = [
        "http://bot.example.com",
        "bot.example.com",
        "https://",
        "https://localhost",
        "https://bot..example.com",
        "https://user@bot.example.com",
        "https://bot.example.com:99999",
        "https://bot.example.com/a?b=c",
        "https://bot.example.com/\"\n  evil: true",
    ]
    .into_iter()
    .map(|url| manifest(url).expect_err(url))
    .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    `http://bot.example.com` does not begin with https://, and Slack posts to nothing else; give an address such as https://bot.example.com
    `bot.example.com` does not begin with https://, and Slack posts to nothing else; give an address such as https://bot.example.com
    `https://` has no host name that Slack could look up; give an address such as https://bot.example.com
    `https://localhost` has no host name that Slack could look up; give an address such as https://bot.example.com
    `https://bot..example.com` has no host name that Slack could look up; give an address such as https://bot.example.com
    `https://user@bot.example.com` has no host name that Slack could look up; give an address such as https://bot.example.com
    `https://bot.example.com:99999` has a port that is not a number from 1 to 65535; give an address such as https://bot.example.com
    `https://bot.example.com/a?b=c` has a path with more than letters, digits, - . _ ~ and slashes; give an address such as https://bot.example.com
    `https://bot.example.com/\"\n  evil: true` has a path with more than letters, digits, - . _ ~ and slashes; give an address such as https://bot.example.com
    "#);
}
