//! What AWS pushes: the topics that are ours, the addresses that are SNS's own, and the events that tell of a job.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

use super::{environment::Environment, topics::partition};

/// A topic that AWS's events may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// ARN of the topic.
    pub arn: String,
    /// Region the topic is in.
    pub region: String,
    /// Account the topic is in.
    pub account: String,
    /// Environments in that account which have that region; more than one where they share it.
    pub environments: Vec<Home>,
}

/// Where an environment lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The environment's name.
    pub name: String,
    /// Primary and DR region.
    pub regions: [String; 2],
}

/// The topics called `name` in every region of every environment, by their ARN.
pub fn sources<'e>(name: &str, environments: impl Iterator<Item = &'e Environment>) -> BTreeMap<String, Source> {
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    for environment in environments {
        let regions = [environment.primary_region.clone(), environment.dr_region.clone()];
        for region in &regions {
            let account = &environment.account;
            let arn = format!("arn:{}:sns:{region}:{account}:{name}", partition(region));
            let source = sources.entry(arn.clone()).or_insert_with(|| Source {
                arn,
                region: region.clone(),
                account: account.clone(),
                environments: Vec::new(),
            });
            if source.environments.iter().all(|home| home.name != environment.name) {
                source.environments.push(Home { name: environment.name.clone(), regions: regions.clone() });
            }
        }
    }
    sources
}

impl Source {
    /// The environments that something of this account and region is about; none when it comes from elsewhere.
    pub fn concerned(&self, account: &str, region: &str) -> Vec<&str> {
        let lives = |home: &&Home| account == self.account && home.regions.iter().any(|r| r == region);
        self.environments.iter().filter(lives).map(|home| home.name.as_str()).collect()
    }

    /// The host of SNS in the topic's region.
    pub fn host(&self) -> String {
        format!("sns.{}.{}", self.region, suffix(&self.region))
    }

    /// Whether this is an address at which SNS of the topic's region publishes its certificates: nothing but the host,
    /// no port, no user, no query.
    pub fn publishes_certificate(&self, url: &str) -> bool {
        let digits = url
            .strip_prefix("https://")
            .and_then(|rest| rest.strip_prefix(self.host().as_str()))
            .and_then(|rest| rest.strip_prefix("/SimpleNotificationService-"))
            .and_then(|rest| rest.strip_suffix(".pem"));
        digits.is_some_and(|d| (1..=64).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_hexdigit()))
    }

    /// Names to one of which SNS's certificate in the topic's region is issued. Regions that are not on by default, and
    /// partitions, have names of their own (the list is that of AWS's SDK for Java).
    pub fn certificate_names(&self) -> Vec<String> {
        let (region, suffix) = (&self.region, suffix(&self.region));
        match partition(region) {
            "aws-cn" => vec![format!("sns-{region}.{suffix}")],
            "aws-us-gov" => vec![format!("sns-us-gov-west-1.{suffix}")],
            "aws-eusc" => vec![format!("sns-signing.{region}.{suffix}")],
            _ => vec![format!("sns.{suffix}"), format!("sns-signing.{region}.{suffix}")],
        }
    }

    /// The address by which a subscription to this topic is confirmed. `None` for every address that does anything else.
    /// `confirms` are the decoded parameters of its query.
    pub fn confirmation(&self, url: &str, token: &str, confirms: &[(String, String)]) -> Option<Confirmation> {
        let query = url.strip_prefix("https://")?.strip_prefix(self.host().as_str())?.strip_prefix("/?")?;
        let plain = query.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        let mut given: Vec<(&str, &str)> = confirms.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        given.sort_unstable();
        let wanted = [("Action", "ConfirmSubscription"), ("Token", token), ("TopicArn", self.arn.as_str())];
        (plain && given == wanted).then(|| Confirmation(url.to_owned()))
    }
}

fn suffix(region: &str) -> &'static str {
    match partition(region) {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

/// An address that confirms a subscription and does nothing else. It holds a token, so it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Confirmation(String);

impl Confirmation {
    /// The address.
    pub fn url(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Confirmation")
    }
}

/// EventBridge's envelope, of which this product needs no more than where something happened.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// Which service tells it: `aws.backup`.
    pub source: String,
    /// What it tells of: `Backup Job State Change`.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// Account in which it happened.
    pub account: String,
    /// Region in which it happened.
    pub region: String,
}

impl Event {
    /// Reads a notification's message; `None` when it is not an event of EventBridge.
    pub fn read(message: &str) -> Option<Event> {
        serde_json::from_str(message).ok()
    }

    /// Whether a run, or whoever watches the environment, may have waited for this.
    pub fn tells_of_a_job(&self) -> bool {
        matches!(
            (self.source.as_str(), self.detail_type.as_str()),
            (
                "aws.backup",
                "Backup Job State Change"
                    | "Copy Job State Change"
                    | "Restore Job State Change"
                    | "Recovery Point State Change"
            ) | ("aws.rds", "RDS DB Snapshot Event" | "RDS DB Instance Event")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(region: &str) -> Source {
        let account = "093646564004".to_owned();
        let arn = format!("arn:{}:sns:{region}:{account}:events", partition(region));
        let home = Home { name: "prod".to_owned(), regions: [region.to_owned(), "eu-west-2".to_owned()] };
        Source { arn, region: region.to_owned(), account, environments: vec![home] }
    }

    #[test]
    fn certificates_come_from_the_topics_own_region_and_nowhere_else() {
        let (ours, file) = (source("eu-west-1"), "SimpleNotificationService-0123456789abcdef.pem");
        assert!(ours.publishes_certificate(&format!("https://sns.eu-west-1.amazonaws.com/{file}")));
        let cn = source("cn-north-1");
        assert!(cn.publishes_certificate(&format!("https://sns.cn-north-1.amazonaws.com.cn/{file}")));
        assert!(!cn.publishes_certificate(&format!("https://sns.cn-north-1.amazonaws.com/{file}")));
        for url in [
            format!("http://sns.eu-west-1.amazonaws.com/{file}"),
            format!("HTTPS://sns.eu-west-1.amazonaws.com/{file}"),
            format!("https://sns.eu-west-2.amazonaws.com/{file}"),
            format!("https://sns.eu-west-1.amazonaws.com.cn/{file}"),
            format!("https://sns.eu-west-1.amazonaws.com.evil.com/{file}"),
            format!("https://sns.eu-west-1.amazonaws.com@evil.com/{file}"),
            format!("https://sns.eu-west-1.amazonaws.com:443/{file}"),
            format!("https://user@sns.eu-west-1.amazonaws.com/{file}"),
            format!("https://sns.eu-west-1.amazonaws.com//{file}"),
            format!("https://sns.eu-west-1.amazonaws.com/bucket/{file}"),
            format!("https://s3.eu-west-1.amazonaws.com/{file}"),
            format!("https://sns.eu-west-1.amazonaws.com/{file}?a=b"),
            format!("https://sns.eu-west-1.amazonaws.com/{file}#.pem"),
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-.pem".to_owned(),
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-..%2f0.pem".to_owned(),
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0/../../x.pem".to_owned(),
            String::new(),
        ] {
            assert!(!ours.publishes_certificate(&url), "{url}");
        }
    }

    #[test]
    fn every_region_has_its_certificates_names() {
        let names = |region: &str| source(region).certificate_names().join(" ");
        assert_eq!(names("eu-west-1"), "sns.amazonaws.com sns-signing.eu-west-1.amazonaws.com");
        assert_eq!(names("af-south-1"), "sns.amazonaws.com sns-signing.af-south-1.amazonaws.com");
        assert_eq!(names("cn-north-1"), "sns-cn-north-1.amazonaws.com.cn");
        assert_eq!(names("us-gov-east-1"), "sns-us-gov-west-1.amazonaws.com");
        assert_eq!(names("eusc-de-east-1"), "sns-signing.eusc-de-east-1.amazonaws.eu");
    }

    #[test]
    fn an_event_is_about_the_environments_of_its_account_and_region() {
        let source = source("eu-west-1");
        assert_eq!(source.concerned("093646564004", "eu-west-1"), ["prod"]);
        assert_eq!(source.concerned("093646564004", "eu-west-2"), ["prod"], "forwarded from the other region");
        assert!(source.concerned("093646564004", "us-east-1").is_empty());
        assert!(source.concerned("815856636111", "eu-west-1").is_empty());
    }

    #[test]
    fn a_confirmation_does_not_show_its_token() {
        let source = source("eu-west-1");
        let url = format!(
            "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={}&Token=hunter2",
            source.arn
        );
        let query = [("Action", "ConfirmSubscription"), ("TopicArn", &*source.arn), ("Token", "hunter2")];
        let query: Vec<(String, String)> = query.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
        let confirmation = source.confirmation(&url, "hunter2", &query).expect("that is how SNS writes it");
        assert_eq!(confirmation.url(), url);
        assert!(!format!("{confirmation:?}").contains("hunter2"));
        assert_eq!(source.confirmation(&url, "another", &query), None);
    }
}
