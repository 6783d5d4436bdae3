//! AWS's APIs: a request as it comes over the wire is taken apart here, carried out by the file of its service, and answered in
//! the service's own protocol.
//!
//! # How an API operation is added
//!
//! 1. Its state is a field of the service's struct in `world/<service>.rs`.
//! 2. Its function in `api/<service>.rs` takes the [`Context`] and the [`Request`], and answers fields or a [`Refusal`]:
//!
//! ```text
//! fn describe_key(cx: &mut Context<'_>, request: &Request) -> Outcome {
//!     let name = request.need("KeyId")?;
//!     let Some((arn, key)) = cx.place(request).kms.key(name) else {
//!         return Err(Refusal::new("NotFoundException", format!("Key '{name}' does not exist")));
//!     };
//!     Ok(json!({"KeyMetadata": {"Arn": arn, "Enabled": key.enabled, …}}))
//! }
//! ```
//!
//! 3. Its name is a line in the `serve` of that file and, for REST JSON, a [`Route`] with its method and path.
//!
//! Inputs have the names of the service model in every protocol ([`Request::text`], [`list`](Request::list), …): members of
//! a query's parameters and lists, of a JSON body, labels of the path, and parameters of the query string. Times go out by
//! [`Request::time`], which knows the protocol. Lists of the query protocol are written under the names in `protocols`.
//! Sets that may be long are cut by [`page`].
//!
//! What is changed is told to the judge with [`Context::changed`]; what takes time asks [`Context::fate`] for faults first.
//! Whether a request changes anything at all is taken from its operation's name ([`changes`]). Throttling, refusals of
//! permission, dead regions, lost and cut answers are the core's business: no service has a line about them.

mod arc;
mod backup;
mod cbor;
mod cloudwatch;
mod ecr;
mod ecs;
mod efs;
pub(super) mod kms;
mod paging;
pub mod protocols;
mod quotas;
pub(super) mod rds;
pub mod route53;
mod s3;
mod secrets;
mod sns;
pub(super) mod ssm;
mod sts;
mod wire;
mod xml;

use bytes::Bytes;
use rand::rngs::Xoshiro256PlusPlus;
use serde_json::{Value, json};

use super::{
    faults::{Asked, Fate, Faults},
    judge::{Asker, Effect, Made},
    world::{Region, Tags, World},
};
use crate::domain::{moment::Moment, operation::OpId};
use protocols::Protocol;
pub use wire::{Raw, Refusal, Reply};

/// What a function of a service answers: the fields of its output.
pub type Outcome = Result<Value, Refusal>;

/// What a service answers.
enum Answer {
    /// Fields, to be written in the service's protocol.
    Fields(Value),
    /// Everything, headers and all: S3.
    Whole(Reply),
}

/// The services that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Routing controls of ARC.
    Arc,
    /// AWS Backup.
    Backup,
    /// CloudWatch.
    CloudWatch,
    /// ECR.
    Ecr,
    /// ECS.
    Ecs,
    /// EFS.
    Efs,
    /// KMS.
    Kms,
    /// Service Quotas.
    Quotas,
    /// RDS.
    Rds,
    /// Route 53.
    Route53,
    /// S3.
    S3,
    /// Secrets Manager.
    Secrets,
    /// SNS.
    Sns,
    /// SSM.
    Ssm,
    /// STS.
    Sts,
}

impl Service {
    /// Every one.
    pub const ALL: [Service; 15] = [
        Service::Arc,
        Service::Backup,
        Service::CloudWatch,
        Service::Ecr,
        Service::Ecs,
        Service::Efs,
        Service::Kms,
        Service::Quotas,
        Service::Rds,
        Service::Route53,
        Service::S3,
        Service::Secrets,
        Service::Sns,
        Service::Ssm,
        Service::Sts,
    ];

    /// Its name in signatures.
    pub fn name(self) -> &'static str {
        match self {
            Service::Arc => "route53-recovery-cluster",
            Service::Backup => "backup",
            Service::CloudWatch => "monitoring",
            Service::Ecr => "ecr",
            Service::Ecs => "ecs",
            Service::Efs => "elasticfilesystem",
            Service::Kms => "kms",
            Service::Quotas => "servicequotas",
            Service::Rds => "rds",
            Service::Route53 => "route53",
            Service::S3 => "s3",
            Service::Secrets => "secretsmanager",
            Service::Sns => "sns",
            Service::Ssm => "ssm",
            Service::Sts => "sts",
        }
    }

    /// The language it speaks with the SDK.
    fn protocol(self) -> Protocol {
        match self {
            Service::Rds => Protocol::Query { namespace: "http://rds.amazonaws.com/doc/2014-10-31/" },
            Service::Sns => Protocol::Query { namespace: "http://sns.amazonaws.com/doc/2010-03-31/" },
            Service::Sts => Protocol::Query { namespace: "https://sts.amazonaws.com/doc/2011-06-15/" },
            Service::Arc
            | Service::Ecr
            | Service::Ecs
            | Service::Kms
            | Service::Quotas
            | Service::Secrets
            | Service::Ssm => Protocol::Json,
            Service::Backup | Service::Efs => Protocol::RestJson,
            Service::CloudWatch => Protocol::Cbor,
            Service::Route53 => Protocol::Xml { namespace: "https://route53.amazonaws.com/doc/2013-04-01/" },
            Service::S3 => Protocol::RestXml,
        }
    }

    /// The language in which it answers this request: what speaks CBOR is asked in JSON as well, as boto3 and the AWS CLI do.
    pub fn spoken(self, raw: &Raw) -> Protocol {
        match self.protocol() {
            Protocol::Cbor if raw.header("x-amz-target").is_some() => Protocol::Json,
            usual => usual,
        }
    }

    /// The region that a service is in which is the same for all of an account, wherever it is asked from.
    fn only_region(self) -> Option<&'static str> {
        (self == Service::Route53).then_some(route53::REGION)
    }

    /// Paths of a service that speaks REST in a body of its own.
    fn routes(self) -> &'static [Route] {
        match self {
            Service::Backup => backup::ROUTES,
            Service::Efs => efs::ROUTES,
            Service::Route53 => route53::ROUTES,
            _ => &[],
        }
    }

    fn serve(self, cx: &mut Context<'_>, request: &Request) -> Result<Answer, Refusal> {
        let fields = match self {
            Service::Arc => arc::serve(cx, request),
            Service::Backup => backup::serve(cx, request),
            Service::CloudWatch => cloudwatch::serve(cx, request),
            Service::Ecr => ecr::serve(cx, request),
            Service::Ecs => ecs::serve(cx, request),
            Service::Efs => efs::serve(cx, request),
            Service::Kms => kms::serve(cx, request),
            Service::Quotas => quotas::serve(cx, request),
            Service::Rds => rds::serve(cx, request),
            Service::Route53 => route53::serve(cx, request),
            Service::S3 => return s3::serve(cx, request).map(Answer::Whole),
            Service::Secrets => secrets::serve(cx, request),
            Service::Sns => sns::serve(cx, request),
            Service::Ssm => ssm::serve(cx, request),
            Service::Sts => sts::serve(cx, request),
        };
        fields.map(Answer::Fields)
    }
}

/// Where an operation of a REST service is: `PUT`, `/backup-vaults/{backupVaultName}`, `CreateBackupVault`. Labels are
/// inputs of that name.
pub type Route = (&'static str, &'static str, &'static str);

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// 12 digits.
    pub account: String,
    /// ARN.
    pub arn: String,
    /// Unique id.
    pub id: String,
}

/// A request, taken apart.
#[derive(Debug, Clone)]
pub struct Request {
    /// Service.
    pub service: Service,
    /// API operation.
    pub operation: String,
    /// Region of the signature.
    pub region: String,
    /// Who asks.
    pub caller: Caller,
    /// Every input by the name in the service's model; for S3 see [`raw`](Request::raw).
    pub input: Value,
    /// As it came.
    pub raw: Raw,
}

impl Request {
    /// Account of the caller, which is that of everything it works on.
    pub fn account(&self) -> &str {
        &self.caller.account
    }

    /// A text, where it is given and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.input.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A text that has to be given.
    ///
    /// # Errors
    /// As the service refuses a request in which it is missing.
    pub fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| self.invalid(format!("The parameter {name} must be given.")))
    }

    /// A whole number, written as one or in digits.
    pub fn number(&self, name: &str) -> Option<i64> {
        let value = self.input.get(name)?;
        value.as_i64().or_else(|| value.as_str()?.parse().ok())
    }

    /// A yes or no; absent is no.
    pub fn flag(&self, name: &str) -> bool {
        let value = self.input.get(name);
        value.is_some_and(|v| v.as_bool().unwrap_or_else(|| v.as_str() == Some("true")))
    }

    /// A moment, in seconds since the epoch or as ISO 8601.
    pub fn moment(&self, name: &str) -> Option<Moment> {
        let value = self.input.get(name)?;
        if let Some(seconds) = value.as_f64() {
            return Some(Moment((seconds * 1000.0).round() as i64));
        }
        let text = value.as_str()?;
        let stamp: Option<jiff::Timestamp> = text.parse().ok();
        let seconds = || text.parse::<f64>().ok().map(|s| (s * 1000.0).round() as i64);
        stamp.map(jiff::Timestamp::as_millisecond).or_else(seconds).map(Moment)
    }

    /// A list; absent is empty.
    pub fn list(&self, name: &str) -> &[Value] {
        self.input.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// A list of texts; absent is empty.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        self.list(name).iter().filter_map(Value::as_str).collect()
    }

    /// Tags: a list of keys and values, or an object.
    pub fn tags(&self, name: &str) -> Tags {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if let Some(object) = self.input.get(name).and_then(Value::as_object) {
            return object.iter().filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect();
        }
        let pair = |tag: &Value| Some((text(tag.get("Key")?)?, tag.get("Value").and_then(text).unwrap_or_default()));
        self.list(name).iter().filter_map(pair).collect()
    }

    /// Values of a filter of the query protocol, `Filters.Filter.1.Name`; none when it is not used.
    pub fn filter(&self, name: &str) -> Option<Vec<&str>> {
        let filter = self.list("Filters").iter().find(|f| f.get("Name").and_then(Value::as_str) == Some(name))?;
        let values = filter.get("Values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Some(values.iter().filter_map(Value::as_str).collect())
    }

    /// The language in which it is answered.
    pub fn protocol(&self) -> Protocol {
        self.service.spoken(&self.raw)
    }

    /// A moment as the protocol writes it.
    pub fn time(&self, moment: Moment) -> Value {
        match self.protocol() {
            Protocol::Query { .. } | Protocol::RestXml | Protocol::Xml { .. } => json!(iso(moment)),
            Protocol::Json | Protocol::RestJson => json!(moment.0 as f64 / 1000.0),
            Protocol::Cbor => cbor::moment(moment.0 as f64 / 1000.0),
        }
    }

    /// The service's words for an input that cannot be.
    pub fn invalid(&self, message: impl Into<String>) -> Refusal {
        let code = match self.service {
            Service::CloudWatch | Service::Rds => "InvalidParameterValue",
            Service::Sns => "InvalidParameter",
            Service::Secrets => "InvalidParameterException",
            Service::Efs => "BadRequest",
            Service::Backup => "InvalidParameterValueException",
            Service::Ecr | Service::Ecs => "InvalidParameterException",
            Service::Quotas => "IllegalArgumentException",
            Service::Route53 => "InvalidInput",
            Service::S3 => "InvalidArgument",
            Service::Arc | Service::Kms | Service::Ssm | Service::Sts => "ValidationException",
        };
        Refusal::new(code, message)
    }

    /// The operation of bbws that its tags or its token name.
    pub fn on_behalf_of(&self) -> Option<OpId> {
        const TAG: &str = "bbws:operation";
        for name in ["Tags", "tags", "BackupVaultTags", "RecoveryPointTags", "BackupPlanTags"] {
            if let Some(operation) = self.tags(name).remove(TAG) {
                return Some(OpId(operation));
            }
        }
        if let Some(header) = self.raw.header("x-amz-tagging") {
            let tags: Vec<(String, String)> = serde_urlencoded::from_str(header).unwrap_or_default();
            if let Some((_, operation)) = tags.into_iter().find(|(key, _)| key == TAG) {
                return Some(OpId(operation));
            }
        }
        let token = ["IdempotencyToken", "CreatorRequestId", "ClientRequestToken", "CreationToken"];
        token.iter().find_map(|name| self.text(name)).and_then(operation_of_token)
    }
}

/// `bk-1042` of `bk-1042-3` or `bk-1042-3-r1`.
fn operation_of_token(token: &str) -> Option<OpId> {
    let mut parts = token.split('-');
    let (kind, number, step) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_ours = kind.len() == 2 && digits(number) && digits(step);
    is_ours.then(|| OpId(format!("{kind}-{number}")))
}

/// Milliseconds are written only where there are some.
fn iso(moment: Moment) -> String {
    let stamp = jiff::Timestamp::from_millisecond(moment.0).unwrap_or(jiff::Timestamp::MAX);
    stamp.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// What a function of a service has at hand.
pub struct Context<'a> {
    /// Everything there is.
    pub world: &'a mut World,
    /// Now.
    pub now: Moment,
    pub(super) faults: &'a mut Faults,
    pub(super) rng: &'a mut Xoshiro256PlusPlus,
    pub(super) asker: Option<&'a Asker>,
    pub(super) effects: Vec<Effect>,
}

impl Context<'_> {
    /// The region and account of a request.
    pub fn place(&mut self, request: &Request) -> &mut Region {
        self.world.region(&request.caller.account, &request.region)
    }

    /// What befalls the thing that is being made; to be asked once, and only when it certainly is made.
    pub fn fate(&mut self, request: &Request) -> Fate {
        self.faults.fate(self.rng, &asked(request, self.asker))
    }

    /// Tells the judge that something was changed: what it works on, and what came of it.
    pub fn changed(&mut self, request: &Request, target: impl Into<String>, made: Made) {
        let (target, by) = (target.into(), request.on_behalf_of());
        self.effects.push(Effect { target, by, made });
    }

    /// Another region that the service itself has to speak to for this request.
    ///
    /// # Errors
    /// As AWS answers when that region does not.
    pub fn reach(&self, region: &str) -> Result<(), Refusal> {
        if self.faults.is_down(region) {
            return Err(Refusal::with_status(503, "ServiceUnavailable", format!("{region} does not answer")));
        }
        Ok(())
    }
}

/// A request as faults look at it.
pub(super) fn asked<'a>(request: &'a Request, asker: Option<&'a Asker>) -> Asked<'a> {
    Asked {
        service: request.service.name(),
        operation: &request.operation,
        region: &request.region,
        account: &request.caller.account,
        changes: changes(&request.operation),
        asker,
    }
}

/// Whether an operation changes anything, by its name.
pub fn changes(operation: &str) -> bool {
    const READ: [&str; 8] = ["Describe", "List", "Get", "BatchGet", "Head", "AssumeRole", "Decrypt", "GenerateDataKey"];
    !READ.iter().any(|verb| operation.starts_with(verb))
}

/// Takes a request apart.
///
/// # Errors
/// What AWS answers to requests that are not signed, or not by anybody it knows, with the protocol to say it in.
pub(super) fn read(world: &World, now: Moment, raw: Raw) -> Result<Request, (Protocol, Refusal)> {
    let Some(scope) = protocols::scope(&raw) else {
        let why = "Request is missing Authentication Token";
        return Err((protocols::guess(&raw), Refusal::with_status(403, "MissingAuthenticationToken", why)));
    };
    let Some(service) = Service::ALL.into_iter().find(|s| s.name() == scope.service) else {
        let why = format!("The service {} is not simulated here.", scope.service);
        return Err((protocols::guess(&raw), Refusal::with_status(404, "UnknownService", why)));
    };
    let protocol = service.spoken(&raw);
    let caller = caller(world, now, &scope, &raw, protocol).map_err(|refusal| (protocol, refusal))?;
    let (operation, input) =
        protocols::operation(service, service.routes(), &raw).map_err(|refusal| (protocol, refusal))?;
    let region = service.only_region().map_or(scope.region, str::to_owned);
    Ok(Request { service, operation, region, caller, input, raw })
}

/// Who signed: an account by its number, or the session of a role.
fn caller(
    world: &World,
    now: Moment,
    scope: &protocols::Scope,
    raw: &Raw,
    protocol: Protocol,
) -> Result<Caller, Refusal> {
    let key = scope.access_key.as_str();
    if key.len() == 12 && key.bytes().all(|b| b.is_ascii_digit()) {
        let (account, id) = (key.to_owned(), key.to_owned());
        return Ok(Caller { arn: format!("arn:aws:iam::{key}:root"), account, id });
    }
    let Some(session) = world.sessions.get(key) else {
        return Err(protocol.common(protocols::Common::UnknownKey));
    };
    let token = raw.header("x-amz-security-token").map(str::to_owned);
    let token = token.or_else(|| raw.parameters().into_iter().find(|p| p.0 == "X-Amz-Security-Token").map(|p| p.1));
    if token.as_deref() != Some(&session.token) {
        return Err(protocol.common(protocols::Common::UnknownKey));
    }
    if session.expires <= now {
        return Err(protocol.common(protocols::Common::Expired));
    }
    let (account, role, name) = (session.account.clone(), &session.role, &session.session);
    let arn = format!("arn:aws:sts::{account}:assumed-role/{role}/{name}");
    Ok(Caller { account, arn, id: format!("AROA{}:{name}", &key[4..]) })
}

/// Carries a request out and writes the answer.
pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> (Reply, Option<String>) {
    let protocol = request.protocol();
    let id = cx.world.next_id("request");
    let (mut reply, refused) = match request.service.serve(cx, request) {
        Ok(Answer::Fields(fields)) => (protocol.reply(&request.operation, &fields, &id), None),
        Ok(Answer::Whole(reply)) => (reply.with("x-amz-request-id", &*id), None),
        Err(refusal) => (protocol.refuse(request.service, &refusal, &id), Some(refusal.code)),
    };
    if request.raw.method == "HEAD" {
        reply.body = Bytes::new();
    }
    (reply, refused)
}

fn unknown(request: &Request) -> Refusal {
    let why = format!("{} of {} is not simulated here.", request.operation, request.service.name());
    Refusal::with_status(400, "InvalidAction", why)
}

/// A page of a set: what is on it, and how to ask for the next one. `marker` is what the last page said, `most` what the
/// caller wants at most.
pub fn page<T>(mut items: Vec<T>, marker: Option<&str>, most: usize) -> (Vec<T>, Option<String>) {
    let begin = marker.and_then(|m| m.strip_prefix("page-")?.parse().ok()).unwrap_or(0).min(items.len());
    let mut items = items.split_off(begin);
    let most = most.max(1);
    let next = (items.len() > most).then(|| format!("page-{}", begin + most));
    items.truncate(most);
    (items, next)
}
