//! The real adapter of AWS over the simulated one: what the demo runs, and the tests.

use std::{sync::Arc, time::Duration};

use aws_smithy_async::rt::sleep::SharedAsyncSleep;

use crate::{
    adapters::{
        aws::{AwsCloud, session::timeouts, tools::Tools},
        sandbox::{
            aws::{SimAws, judge},
            tools::{databases::SimServers, dumps::SimDumps, files::SimFileServers, tenants::SimTenants, web::SimWeb},
        },
    },
    config::Config,
    domain::topics::Topics,
};

/// A config for one process, and the account the process itself is at home in: AWS has no identity that is at home in
/// several, so every other environment gets a role to assume.
pub fn at_home(mut config: Config) -> (Config, String) {
    let home = config.environments.values().find(|e| e.assume_role.is_none()).map(|e| e.account.clone());
    let home = home.unwrap_or_else(|| "111122223333".to_owned());
    for environment in config.environments.values_mut().filter(|e| e.account != home) {
        let role = format!("arn:aws:iam::{}:role/bbws-operator", environment.account);
        environment.assume_role.get_or_insert(role);
    }
    (config, home)
}

/// The adapter of a process that is at home in this account, with simulated servers behind what lies in AWS. `sleep` is how
/// the SDK waits.
pub fn adapter(aws: &Arc<SimAws>, topics: &Topics, home: &str, sleep: SharedAsyncSleep) -> AwsCloud {
    let tools = Tools {
        databases: Arc::new(SimServers::new(aws.clone())),
        tenants: Arc::new(SimTenants::new(aws.clone())),
        dumper: Arc::new(SimDumps::new(aws.clone())),
        file_systems: Arc::new(SimFileServers::new(aws.clone())),
        web: Arc::new(SimWeb::new(aws.clone())),
        between: Duration::ZERO,
        carry: Some(Arc::new(|work| Box::pin(judge::carried(work)))),
    };
    AwsCloud::on(topics.clone(), aws.sdk(home, sleep).timeout_config(timeouts()).build(), tools)
}
