//! Whether an environment can be failed over, and should be: what was found of both its sides, and the judgement of that.
//!
//! Nothing here is an estimate. What was not seen is unknown, and what is unknown is never a reason to proceed.

use std::{fmt, time::Duration};

use super::{
    active::Active,
    environment::{Environment, Side},
    lag::Component,
    mark::Sample,
    moment::{Moment, spoken},
    operation::{OpId, Run},
    point::PointKind,
    proven::Forms,
    step::{Action, StepState},
};

/// Where a sign of health comes from. Signs of one source fail together, so that they count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The platform's addresses, asked as its users do.
    Addresses,
    /// The region's APIs.
    Apis,
    /// The databases, as the region tells of them.
    Databases,
}

/// What a look showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saw {
    /// As it should be.
    Well,
    /// It does not work.
    Ill,
    /// Nobody could look.
    Nothing,
}

/// One look at the primary region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// Where it comes from.
    pub source: Source,
    /// What was looked at: an address, an API.
    pub subject: String,
    /// What that showed.
    pub saw: Saw,
    /// In words, without a period at the end.
    pub detail: String,
}

/// How a region is, as its signs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Everything that was looked at is well.
    Healthy,
    /// Some of it is not, and two sources do not agree that it is down.
    Degraded,
    /// Two sources that do not depend on each other say so, and none says otherwise.
    Down,
    /// Too little could be looked at to say.
    Unobservable,
}

impl Health {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Health::Healthy => "healthy",
            Health::Degraded => "degraded",
            Health::Down => "down",
            Health::Unobservable => "unobservable",
        }
    }

    /// What these signs come to. `elsewhere`: another region answered at the same time, so that silence is not our own.
    pub fn of(signs: &[Sign], elsewhere: bool) -> Health {
        let sources = [Source::Addresses, Source::Apis, Source::Databases];
        let of = |source: Source| signs.iter().filter(move |sign| sign.source == source);
        let any = |source: Source, saw: Saw| of(source).any(|sign| sign.saw == saw);
        // A source is ill where nothing of it is well.
        let ill = |source: &&Source| any(**source, Saw::Ill) && !any(**source, Saw::Well);
        let wells = sources.iter().filter(|source| any(**source, Saw::Well)).count();
        let ills = sources.iter().filter(ill).count();
        let troubled = sources.iter().any(|source| any(*source, Saw::Ill));
        match (wells, ills) {
            (0, 2..) if elsewhere => Health::Down,
            (0, _) => Health::Unobservable,
            _ if troubled => Health::Degraded,
            _ if signs.iter().any(|sign| sign.saw == Saw::Nothing) => Health::Unobservable,
            _ => Health::Healthy,
        }
    }
}

/// What was found of something that has to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is as needed.
    Ready(String),
    /// It is not, for this reason.
    Lacking(String),
    /// Nobody knows, for this reason.
    Unknown(String),
}

/// Something a failover stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prerequisite {
    /// What it is, as people call it.
    pub subject: String,
    /// Without it there is nothing to fail over to: a copy, or the key that opens it. Anything else can be made up for by hand.
    pub vital: bool,
    /// What was found.
    pub found: Found,
}

/// A read replica of another region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// The database of the config that it replicates.
    pub database: String,
    /// Its own id.
    pub id: String,
    /// RDS's word for its state.
    pub status: String,
    /// What it says that it replicates; none once it was promoted.
    pub source: Option<String>,
    /// How far it is behind, or why nobody knows: a lag of −1, one that was not measured, or one that is minutes old.
    pub lag: Result<Duration, String>,
}

/// What was found out for a judgement, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// When.
    pub at: Moment,
    /// Signs of the primary region.
    pub signs: Vec<Sign>,
    /// Whether the DR region answered at the same time.
    pub dr_answers: bool,
    /// How far each component's newest copy in the DR region reaches.
    pub components: Vec<Component>,
    /// Names of those of which it is certain that there is no copy.
    pub uncopied: Vec<String>,
    /// Read replicas that the config names, as far as they were found.
    pub replicas: Vec<Replica>,
    /// What a failover stands on in the DR region.
    pub prerequisites: Vec<Prerequisite>,
    /// What of it needs the region that would be left, the middle of a sentence each.
    pub leans: Vec<String>,
    /// What the steps of a failover rest on, as it is now, as far as it could be seen.
    pub forms: Forms,
    /// Replicas of the config that replicate nothing any more, although by the ledger the platform did not move, and whose promotion
    /// nobody knows of.
    pub promoted: Vec<Promoted>,
    /// Where AWS says otherwise than the ledger where the environment runs, a sentence each.
    pub disagreements: Vec<String>,
}

/// A replica that became an instance of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// The database of the config that it replicated.
    pub database: String,
    /// Its own id.
    pub id: String,
}

/// The replicas that a run promoted.
pub fn promotions(run: &Run) -> impl Iterator<Item = &str> {
    run.op.plan.steps.iter().zip(&run.steps).filter_map(|(planned, step)| match &planned.action {
        Action::PromoteReplica(promotion) if step.state == StepState::Done => Some(promotion.replica.as_str()),
        _ => None,
    })
}

impl Readiness {
    /// What was seen of a component earlier still holds: a copy that reached so far does so now. An outage hides how far a
    /// replication has come, but not how far it had come at the last look. Of what certainly has no copy nothing is recalled.
    pub fn recall(&mut self, samples: &[Sample]) {
        for component in &mut self.components {
            let name = component.name();
            if self.uncopied.contains(&name) {
                continue;
            }
            let known = samples.iter().filter(|sample| sample.component == name);
            let reached = known.filter_map(|sample| Some(sample.at - Duration::from_secs(sample.lag?)));
            if let Some(reached) = reached.max()
                && component.safe.as_ref().ok().is_none_or(|safe| *safe < reached)
            {
                component.safe = Ok(reached);
            }
        }
    }

    /// What an earlier run promoted is no riddle: the platform can go on from there. `by` says which run promoted a replica.
    pub fn explain(&mut self, by: impl Fn(&str) -> Option<OpId>) {
        let (known, unknown): (Vec<_>, Vec<_>) = std::mem::take(&mut self.promoted)
            .into_iter()
            .map(|promoted| (by(&promoted.id), promoted))
            .partition(|(by, _)| by.is_some());
        self.promoted = unknown.into_iter().map(|(_, promoted)| promoted).collect();
        self.prerequisites.extend(known.into_iter().filter_map(|(by, promoted)| {
            let why = format!("it is an instance of its own since {} promoted it, and follows nothing that is written in the primary region, until `dr reprotect` makes another one", by?);
            let subject = format!("Replica {} of {}", promoted.id, promoted.database);
            Some(Prerequisite { subject, vital: false, found: Found::Lacking(why) })
        }));
    }

    /// How the primary region is.
    pub fn health(&self) -> Health {
        Health::of(&self.signs, self.dr_answers)
    }

    /// Up to when what was written to a component is there after a failover: up to where its replica is, which is promoted, else up to
    /// its newest copy.
    fn reaches<'c>(&self, component: &'c Component) -> Result<Moment, &'c String> {
        let own = |replica: &&Replica| {
            component.kind == PointKind::Rds && replica.database == component.resource && replica.source.is_some()
        };
        match self.replicas.iter().find(own).map(|replica| &replica.lag) {
            Some(Ok(lag)) => Ok(self.at - *lag),
            Some(Err(_)) | None => component.safe.as_ref().copied(),
        }
    }

    /// Up to when what was written to each component is there after a failover, where that is known.
    pub fn positions(&self) -> impl Iterator<Item = (String, Moment)> {
        self.components.iter().filter_map(|component| Some((component.name(), self.reaches(component).ok()?)))
    }

    /// What a failover now would lose: the worst of all components. Unknown where that of one is.
    ///
    /// # Errors
    /// The component that nobody knows of, and why.
    pub fn loses(&self) -> Result<Duration, String> {
        let mut worst = Duration::ZERO;
        for component in &self.components {
            match self.reaches(component) {
                Ok(safe) => worst = worst.max(self.at.since(safe)),
                Err(why) => return Err(format!("{}: {why}", component.name())),
            }
        }
        if self.components.is_empty() {
            return Err("nothing is declared whose copies could be measured".to_owned());
        }
        Ok(worst)
    }
}

/// What to do about a failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything is known, the primary region is down, and what would be lost is within the promise.
    Proceed,
    /// Something is unknown, not as promised, or the primary region is not certainly down.
    Risky,
    /// There would be nothing to fail over to, or AWS is not where the ledger has it.
    DoNotFailover,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Proceed => "PROCEED",
            Verdict::Risky => "RISKY",
            Verdict::DoNotFailover => "DO_NOT_FAILOVER",
        })
    }
}

/// A judgement with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// What to do.
    pub verdict: Verdict,
    /// Why, a sentence each, what weighs most first. Also says why it is right to proceed.
    pub reasons: Vec<String>,
    /// What a failover now would lose, or why nobody knows.
    pub loses: Result<Duration, String>,
}

impl Assessment {
    /// `loses the last 4 min of writes`.
    pub fn loss(&self) -> String {
        match &self.loses {
            Ok(loss) => format!("loses the last {} of writes", spoken(*loss)),
            Err(why) => format!("loses an unknown part of the writes ({why})"),
        }
    }
}

/// What stands in the way of a failover however the primary region is: what forbids it, and what makes it risky; a sentence each.
pub fn obstacles(env: &Environment, active: &Active, found: &Readiness) -> (Vec<String>, Vec<String>) {
    let mut never = found.disagreements.clone();
    never.extend(found.promoted.iter().map(|promoted| {
        format!(
            "{} replicates nothing, as if it had been promoted, but by the ledger {} runs in {}: find out who promoted it.",
            promoted.id, env.name, env.primary_region
        )
    }));
    let mut risky = Vec::new();
    if active.side == Side::Dr {
        never.push(format!("{} runs in {} already.", env.name, env.dr_region));
    }
    if !env.replicates() {
        never.push(format!("{} has no copies elsewhere: `replication` is \"disabled\".", env.name));
    }
    let uncopied = |component: &&Component| found.uncopied.contains(&component.name());
    never.extend(found.components.iter().filter(uncopied).map(|component| {
        let why = component.safe.as_ref().err().map_or("there is none", String::as_str);
        sentence(&format!("{} has no copy", component.name()), why)
    }));
    if !found.dr_answers {
        risky.push(format!("{} does not answer, so nothing of it could be looked at.", env.dr_region));
    }
    for prerequisite in &found.prerequisites {
        match &prerequisite.found {
            Found::Ready(_) => {}
            Found::Lacking(why) if prerequisite.vital => never.push(sentence(&prerequisite.subject, why)),
            Found::Lacking(why) => risky.push(sentence(&prerequisite.subject, why)),
            Found::Unknown(why) => {
                risky.push(sentence(&format!("{} is unknown", prerequisite.subject), why));
            }
        }
    }
    risky.extend(found.replicas.iter().filter_map(|replica| {
        let why = replica.lag.as_ref().err()?;
        Some(sentence(&format!("How far replica {} is behind is unknown", replica.id), why))
    }));
    match &found.loses() {
        Ok(loss) if *loss > env.rpo.0 => {
            risky.push(format!("It loses the last {}, and the RPO is {}.", spoken(*loss), spoken(env.rpo.0)));
        }
        Ok(_) => {}
        Err(why) => risky.push(sentence("What it loses is unknown", why)),
    }
    (never, risky)
}

/// Judges a failover of an environment, as the config has it, which runs where `active` says.
pub fn failover(env: &Environment, active: &Active, found: &Readiness) -> Assessment {
    let (mut never, mut risky) = obstacles(env, active, found);
    let loses = found.loses();
    let health = found.health();
    let primary = &env.primary_region;
    match health {
        Health::Down => {}
        Health::Healthy => risky.push(format!("{primary} is healthy: this would be a planned move, not a rescue.")),
        Health::Degraded => risky.push(format!("{primary} is degraded, not down: {}.", ill(&found.signs))),
        Health::Unobservable => risky.push(format!(
            "Whether {primary} is down cannot be seen: it takes two signs that do not depend on each other. {}.",
            ill(&found.signs)
        )),
    }
    if !never.is_empty() {
        never.extend(risky);
        return Assessment { verdict: Verdict::DoNotFailover, reasons: never, loses };
    }
    if !risky.is_empty() {
        return Assessment { verdict: Verdict::Risky, reasons: risky, loses };
    }
    let reasons = vec![
        format!("{primary} is down: {}.", ill(&found.signs)),
        format!("Everything it stands on in {} is known and ready.", env.dr_region),
    ];
    Assessment { verdict: Verdict::Proceed, reasons, loses }
}

/// What is not well, as the middle of a sentence.
fn ill(signs: &[Sign]) -> String {
    let ill = signs.iter().filter(|sign| sign.saw != Saw::Well);
    let told: Vec<String> = ill.map(|sign| format!("{} {}", sign.subject, sign.detail)).collect();
    if told.is_empty() { "nothing was looked at".to_owned() } else { told.join("; ") }
}

/// A thing and what is the matter with it, as a sentence.
fn sentence(subject: &str, why: &str) -> String {
    format!("{subject}: {}.", why.trim_end_matches('.'))
}

/// What to do about a failback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// It may begin.
    Proceed,
    /// Not yet.
    Wait,
}

impl fmt::Display for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Return::Proceed => "PROCEED",
            Return::Wait => "WAIT",
        })
    }
}

/// Judges a failback. `healthy` is how long the primary region has been seen to be healthy without a gap, none where it is not
/// known to be. Answers with the reasons to wait.
pub fn failback(
    env: &Environment,
    active: &Active,
    found: &Readiness,
    healthy: Option<Duration>,
) -> (Return, Vec<String>) {
    let mut waits = Vec::new();
    let primary = &env.primary_region;
    if active.side == Side::Primary {
        return (Return::Wait, vec![format!("{} runs in {primary}: there is nothing to fail back.", env.name)]);
    }
    let health = found.health();
    if health != Health::Healthy {
        waits.push(format!("{primary} is {}: {}.", health.word(), ill(&found.signs)));
    }
    let stable = env.dr.stable.0;
    match healthy {
        Some(since) if since >= stable => {}
        Some(since) => waits.push(format!(
            "{primary} has been healthy for {}, and `dr.stable` asks for {}.",
            spoken(since),
            spoken(stable)
        )),
        None => waits.push(format!(
            "{primary} was not seen healthy until now, and `dr.stable` asks for {} of it.",
            spoken(stable)
        )),
    }
    for prerequisite in &found.prerequisites {
        match &prerequisite.found {
            Found::Ready(_) => {}
            Found::Lacking(why) => waits.push(sentence(&prerequisite.subject, why)),
            Found::Unknown(why) => waits.push(sentence(&format!("{} is unknown", prerequisite.subject), why)),
        }
    }
    waits.extend(found.disagreements.clone());
    if waits.is_empty() { (Return::Proceed, Vec::new()) } else { (Return::Wait, waits) }
}

/// The component under which samples remember whether the primary region was healthy, while the platform runs elsewhere: 0
/// where it was, none where it was not.
pub const HOME: &str = "health of the primary region";

/// Two looks at the primary region that are further apart than this say nothing of the time between.
const GAP: Duration = Duration::from_secs(15 * 60);

/// How long the primary region has been seen healthy without a gap, up to now; none where it was not at the last look, or where
/// nobody looked lately.
pub fn healthy_for(samples: &[Sample], now: Moment) -> Option<Duration> {
    let mut looks: Vec<&Sample> = samples.iter().filter(|sample| sample.component == HOME).collect();
    looks.sort_by_key(|sample| std::cmp::Reverse(sample.at));
    let mut since = now;
    let mut seen = false;
    for look in looks {
        if look.lag.is_none() || since.since(look.at) > GAP {
            break;
        }
        (since, seen) = (look.at, true);
    }
    seen.then(|| now.since(since))
}
