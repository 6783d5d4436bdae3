//! Routing controls of ARC, over the endpoints of their cluster: any of them takes a change while the others are gone, and none
//! needs a control plane.

use std::time::Duration;

use aws_sdk_route53recoverycluster::{
    Client,
    types::{RoutingControlState, UpdateRoutingControlStateEntry},
};

use super::{error::Attempt, session::Session};
use crate::ports::cloud::CloudError;

/// How long an endpoint is given: there are five, and one that is gone must not use up the time of a call.
pub const PATIENCE: Duration = Duration::from_secs(4);

/// The region that an endpoint signs for, which is in its name: `https://x.route53-recovery-cluster.us-west-2.amazonaws.com/v1`.
pub fn region(endpoint: &str) -> Option<&str> {
    let host = endpoint.split("://").nth(1)?.split(['/', ':']).next()?;
    host.split('.').find(|label| {
        let parts: Vec<&str> = label.split('-').collect();
        let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        let number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        parts.len() >= 3
            && parts[0].len() == 2
            && parts[..parts.len() - 1].iter().all(letters)
            && parts.last().is_some_and(number)
    })
}

/// Whether each of these controls is on, as the first endpoint says that answers.
///
/// # Errors
/// What the last endpoint said, where none answers.
pub async fn states(session: &Session, endpoints: &[String], controls: &[&str]) -> Result<Vec<bool>, CloudError> {
    let mut last = None;
    for endpoint in endpoints {
        match states_at(session, endpoint, controls).await {
            Ok(states) => return Ok(states),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(no_endpoint))
}

async fn states_at(session: &Session, endpoint: &str, controls: &[&str]) -> Result<Vec<bool>, CloudError> {
    let (client, at) = session.arc(endpoint);
    let mut states = Vec::new();
    for control in controls {
        let thing = format!("routing control {control} at {endpoint}");
        let attempt =
            Attempt { region: &at, ..session.reads("route53-recovery-cluster:GetRoutingControlState", thing) };
        let request = client.get_routing_control_state().routing_control_arn(*control);
        let answer = request.send().await.map_err(|error| attempt.failed(error))?;
        states.push(answer.routing_control_state == RoutingControlState::On);
    }
    Ok(states)
}

/// Turns one control on and another one off, in one change: the endpoint that took it. To say the same again changes nothing, so
/// that one endpoint is tried after the other whatever became of the call.
///
/// # Errors
/// What the last endpoint said, where none took it.
pub async fn turn(session: &Session, endpoints: &[String], on: &str, off: &str) -> Result<String, CloudError> {
    let mut last = None;
    for endpoint in endpoints {
        let (client, at) = session.arc(endpoint);
        match turn_at(session, (&client, &at, endpoint), on, off).await {
            Ok(()) => return Ok(endpoint.clone()),
            // What one of them may have taken is not undone by what the next one says.
            Err(error) => last = last.filter(|e| matches!(e, CloudError::Unknown { .. })).or(Some(error)),
        }
    }
    Err(last.unwrap_or_else(no_endpoint))
}

async fn turn_at(
    session: &Session,
    (client, at, endpoint): (&Client, &str, &str),
    on: &str,
    off: &str,
) -> Result<(), CloudError> {
    let thing = format!("routing controls {on} on and {off} off, at {endpoint}");
    let attempt =
        Attempt { region: at, ..session.changes("route53-recovery-cluster:UpdateRoutingControlStates", thing) };
    let entry = |control: &str, state: RoutingControlState| {
        let entry = UpdateRoutingControlStateEntry::builder().routing_control_arn(control).routing_control_state(state);
        entry
            .build()
            .map_err(|_| attempt.never("the entry is not whole", "Correct `dns.routing_controls` in bbws.toml."))
    };
    let entries = vec![entry(on, RoutingControlState::On)?, entry(off, RoutingControlState::Off)?];
    let request = client.update_routing_control_states().set_update_routing_control_state_entries(Some(entries));
    request.send().await.map(drop).map_err(|error| attempt.failed(error))
}

fn no_endpoint() -> CloudError {
    CloudError::Permanent {
        reason: "`dns.routing_controls.endpoints` in bbws.toml names no endpoint. Name the five of the cluster."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_names_the_region_it_signs_for() {
        let named = "https://aaaa1111.route53-recovery-cluster.us-west-2.amazonaws.com/v1";
        assert_eq!(region(named), Some("us-west-2"));
        assert_eq!(region("https://host-aaaaaa.ap-northeast-1.example.com:443/v1"), Some("ap-northeast-1"));
        for other in ["http://127.0.0.1:4566", "https://a.example/v1", "", "us-west-2"] {
            assert_eq!(region(other), None, "{other}");
        }
    }
}
