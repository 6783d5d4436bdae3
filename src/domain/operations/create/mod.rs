//! `backup.create`: what a backup of an environment consists of.

mod archives;
mod buckets;
mod scope;
mod snapshots;

pub use scope::BackupScope;

use super::{
    Asked, Ended, Known, Marks, Operation, Works, all_done,
    draft::{Draft, Head},
    narrowed, unplanned, whole,
};
use crate::domain::{
    command::{
        ANY_ROLE, Arg, Command, Does, ENVIRONMENT, Entry, Form, Group, REASON, TENANT, Values, as_they_are,
        nothing_more,
        value::{self, Kind, word},
    },
    environment::{Bucket, Database, Dump, Environment, FileSystem, Side, Tenant},
    mark::{Mark, MarkKind},
    moment::Moment,
    operation::OpId,
    plan::Plan,
    retention::{self, Kept},
    step,
    text::{self, count},
    world::{Survey, World},
};

/// The kind on plans.
const KIND: &str = "backup.create";

/// What can be backed up.
static SCOPE: Kind = Kind {
    name: "scope",
    words: &["full", "rds", "efs", "secrets", "config", "s3", "dump", "lifecycle"],
    called: &value::DATA_CALLED,
    called_alone: true,
    read: |kind, text, _| word(kind, text, "something to back up"),
    ..value::TEXT
};
const TYPE: Arg = Arg {
    name: "type",
    kind: &SCOPE,
    form: Form::WordOrOption,
    required: false,
    usual: Some("full"),
    about: "`full` takes everything the environment declares (what you get when you say nothing): `rds` the databases, \
            `efs` the files, `secrets` the secrets, `config` the parameters, `s3` the record of the buckets' versions, \
            `dump` the logical dumps; `lifecycle` only checks the buckets' lifecycle rules; `--type rds` works too",
};
static ENTRY: Entry = Entry {
    name: KIND,
    path: &["backup", "create"],
    group: Group::Backups,
    place: 10,
    about: "Back up an environment and check the backup",
    happens: "Takes a snapshot of the databases, a backup of the files, encrypted exports of the secrets and the parameters, a \
                  record of the buckets' versions and the logical dumps, as far as the environment declares them; copies them \
                  to the DR region where the environment replicates; then checks every one. Nothing is deleted or \
                  overwritten. Where the policy asks for approval, nothing starts before it is given.",
    args: &[ENVIRONMENT, TYPE, Arg { about: "only this tenant's database, files and secrets", ..TENANT }, REASON],
    examples: &[
        "backup create ENV full",
        "backup create ENV rds --reason \"before the release\"",
        "backup create ENV --type secrets --tenant tenant-1",
    ],
    who: ANY_ROLE,
    does: |_| Does::Operation,
    settle: as_they_are,
    mend: nothing_more,
};

/// The command that backs this up.
pub fn command(environment: &str, scope: BackupScope) -> Command {
    let mut values = Values::default();
    values.set(ENVIRONMENT.name, environment);
    values.set(TYPE.name, scope.as_str());
    Command::new(&ENTRY, values)
}

/// The operation.
pub struct Create;

impl Create {
    fn target<'a>(asked: &Asked<'a>) -> Result<Target<'a>, Vec<String>> {
        let values = asked.command.values();
        let scope = values.read(TYPE.name).ok_or_else(|| unplanned(asked.command))?;
        Target::new(asked.environment, scope, values.get(TENANT.name)).map_err(|why| vec![why])
    }
}

impl Operation for Create {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "bk"
    }

    fn works(&self) -> Works {
        Works::WhereItRuns
    }

    fn scopes(&self) -> &'static [&'static str] {
        &["full", "rds", "efs", "secrets", "config", "s3", "dump", "lifecycle", "tenant"]
    }

    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    fn what(&self, _: &Command, environment: &str) -> String {
        format!("A backup of `{environment}`")
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        Self::target(asked).map(|target| target.survey())
    }

    fn marks(&self) -> Marks {
        Marks::Of(MarkKind::Tier)
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        Self::target(asked)?.plan(&known.world, &known.marks, asked.id, asked.at)
    }

    fn scope(&self, plan: &Plan) -> String {
        if plan.tenant.is_some() { "tenant".to_owned() } else { plan.scope.clone() }
    }

    fn backs_up(&self) -> bool {
        true
    }

    fn title(&self, plan: &Plan) -> String {
        format!("Backup of {}{}", whole(plan), narrowed(plan))
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        let Ended { plan, steps, took, .. } = ended;
        if only_checks_lifecycle(plan) {
            return format!("The lifecycle rules hold: {} in {took}.", count(*steps, "step"));
        }
        let copies = plan.dr_region.as_ref().map(|r| format!(", in {r} too")).unwrap_or_default();
        format!("{} and every result is verified{copies}, in {took}.", all_done(*steps))
    }

    fn not_done(&self, plan: &Plan) -> &'static str {
        if only_checks_lifecycle(plan) {
            "The rules do *not* keep what has to be kept."
        } else {
            "This is *not* a complete backup."
        }
    }
}

fn only_checks_lifecycle(plan: &Plan) -> bool {
    plan.scope == BackupScope::Lifecycle.as_str()
}

/// What a backup takes in: the parts of the environment that the scope and the tenant leave.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    environment: &'a Environment,
    scope: BackupScope,
    tenant: Option<(&'a str, &'a Tenant)>,
    databases: Vec<&'a Database>,
    file_systems: Vec<&'a FileSystem>,
    secrets: Option<&'a str>,
    parameters: Option<&'a str>,
    buckets: Vec<&'a Bucket>,
    dumps: Vec<&'a Dump>,
}

impl<'a> Target<'a> {
    /// Narrows the environment to the scope and the tenant.
    ///
    /// # Errors
    /// A sentence for the person who asked, when the tenant is unknown or nothing is left to back up.
    pub fn new(
        environment: &'a Environment,
        scope: BackupScope,
        tenant: Option<&'a str>,
    ) -> Result<Target<'a>, String> {
        let tenant = tenant.map(|id| environment.tenant(id)).transpose()?;
        let takes = |part: BackupScope| scope == BackupScope::Full || scope == part;
        let of_tenant = |wanted: Option<&String>, id: &str| wanted.is_some_and(|w| w == id);
        let databases = environment
            .databases
            .iter()
            .filter(|d| takes(BackupScope::Rds) && tenant.is_none_or(|(_, t)| of_tenant(t.database.as_ref(), &d.id)))
            .collect::<Vec<_>>();
        let file_systems = environment
            .file_systems
            .iter()
            .filter(|f| takes(BackupScope::Efs) && tenant.is_none_or(|(_, t)| of_tenant(t.file_system.as_ref(), &f.id)))
            .collect::<Vec<_>>();
        let secrets = match tenant {
            Some((_, tenant)) => tenant.secrets_prefix.as_deref(),
            None => environment.secrets_prefix.as_deref(),
        }
        .filter(|_| takes(BackupScope::Secrets) && environment.secrets_bucket.is_some());
        // What no tenant has a share of is left out where only a tenant's is asked for.
        let whole = tenant.is_none();
        let parameters = environment
            .parameters_prefix
            .as_deref()
            .filter(|_| whole && takes(BackupScope::Config) && environment.secrets_bucket.is_some());
        let buckets: Vec<&Bucket> = environment
            .buckets
            .iter()
            .filter(|_| whole && (takes(BackupScope::S3) || scope == BackupScope::Lifecycle))
            .collect();
        let of_dump = |d: &&Dump| tenant.is_none_or(|(_, t)| of_tenant(t.database.as_ref(), &d.database));
        let dumps: Vec<&Dump> = environment.dumps.iter().filter(|d| takes(BackupScope::Dump) && of_dump(d)).collect();
        let archives = scope == BackupScope::Lifecycle && environment.secrets_bucket.is_some();
        let nothing = databases.is_empty() && file_systems.is_empty() && buckets.is_empty() && dumps.is_empty();
        if nothing && secrets.is_none() && parameters.is_none() && !archives {
            let whose = tenant.map(|(id, _)| format!(" of tenant `{id}`")).unwrap_or_default();
            return Err(format!(
                "There is nothing of type `{scope}`{whose} to back up in `{}`: the config declares none. Choose another type, or add it to bbws.toml.",
                environment.name
            ));
        }
        Ok(Target { environment, scope, tenant, databases, file_systems, secrets, parameters, buckets, dumps })
    }

    /// What has to be known of the live world.
    pub fn survey(&self) -> Survey {
        let archives = self.archives();
        Survey {
            databases: self.databases.iter().map(|d| d.id.clone()).collect(),
            file_systems: self.file_systems.iter().map(|f| f.id.clone()).collect(),
            secrets_prefix: self.secrets.map(str::to_owned),
            vault: !self.file_systems.is_empty(),
            bucket: archives || self.scope == BackupScope::Lifecycle,
            dr: self.environment.replicates() && self.scope != BackupScope::Lifecycle,
            parameters_prefix: self.parameters.map(str::to_owned),
            buckets: self.buckets.iter().map(|b| b.name.clone()).collect(),
            secrets: self.dumps.iter().map(|d| d.secret.clone()).collect(),
            dump_key: !self.dumps.is_empty(),
            ..Survey::default()
        }
    }

    /// Whether anything is written into the secrets bucket.
    fn archives(&self) -> bool {
        let records = self.scope != BackupScope::Lifecycle && !self.buckets.is_empty() && self.recorded_in().is_some();
        self.secrets.is_some() || self.parameters.is_some() || !self.dumps.is_empty() || records
    }

    /// Bucket that receives archives and records.
    fn recorded_in(&self) -> Option<&'a str> {
        self.environment.secrets_bucket.as_deref()
    }

    /// Resolves the target against the live world. `marks` are the environment's: which periods have their backup already.
    ///
    /// # Errors
    /// Everything that stands in the way, one sentence each.
    pub fn plan(&self, world: &World, marks: &[Mark], id: &OpId, created: Moment) -> Result<Plan, Vec<String>> {
        let kept = self.kept(created, marks);
        let mut parts = Parts {
            target: self,
            env: self.environment,
            world,
            id,
            date: created.yyyymmdd(),
            days: kept.days,
            draft: Draft::default(),
        };
        if self.scope == BackupScope::Lifecycle {
            parts.lifecycle();
        } else {
            parts.everything();
        }
        let mut draft = parts.draft;
        if let Some((tenant, parts)) = self.tenant {
            self.tenant_notes(tenant, parts, &mut draft);
        }
        self.tier(&kept, id, &mut draft);
        if !self.environment.replicates() && self.scope != BackupScope::Lifecycle {
            let env = self.environment;
            draft.note(match env.side {
                Side::Primary => {
                    format!("No copy is made in another region: replication of {} is disabled.", env.name)
                }
                Side::Dr => format!(
                    "No copy is made in another region: {0} was failed over to {1}, and no region protects it there under a key that the config names (`dr.primary_kms_key`, `dr.third`). `/bbws dr reprotect {0}` protects its databases.",
                    env.name, env.primary_region
                ),
            });
        }
        draft.finish(Head {
            kind: KIND,
            environment: self.environment,
            scope: self.scope.to_string(),
            tenant: self.tenant.map(|(id, _)| id.to_owned()),
            retention_days: (self.scope != BackupScope::Lifecycle).then_some(kept.days),
        })
    }

    /// How long it is kept. Only whole backups of what the platform is made of take a place in the tiers.
    fn kept(&self, created: Moment, marks: &[Mark]) -> Kept {
        if self.tenant.is_some() || self.scope == BackupScope::Lifecycle {
            let days = self.environment.retention_tiers.map_or(self.environment.retention_days.default, |t| t.daily);
            return Kept { days, tier: None, periods: Vec::new() };
        }
        retention::kept(self.environment, self.scope.as_str(), created, marks)
    }

    /// Says which tier it is of, and remembers it once everything else is done.
    fn tier(&self, kept: &Kept, id: &OpId, draft: &mut Draft) {
        let Some(tier) = kept.tier else { return };
        let length = text::kept(kept.days);
        draft.note(format!("It is the {tier} backup of its period and is kept for {length}."));
        for period in &kept.periods {
            draft.step(
                format!("Write down that this is the {}", opened(period)),
                draft.all(),
                step::Remember {
                    mark: MarkKind::Tier,
                    subject: period.clone(),
                    note: format!("{id}, kept for {length}"),
                },
            );
        }
    }

    fn tenant_notes(&self, tenant: &str, parts: &Tenant, draft: &mut Draft) {
        if let Some(database) = parts.database.as_ref().filter(|_| !self.databases.is_empty()) {
            let schema = parts.schema.as_ref().map(|s| format!(" with schema {s}")).unwrap_or_default();
            draft.note(format!(
                "Database {database}{schema} of {tenant} is snapshotted whole: RDS cannot snapshot one schema."
            ));
        }
        if let Some(file_system) = parts.file_system.as_ref().filter(|_| !self.file_systems.is_empty()) {
            let path = parts.path.as_ref().map(|p| format!(" with folder {p}")).unwrap_or_default();
            draft.note(format!(
                "File system {file_system}{path} of {tenant} is backed up whole: AWS Backup cannot take one folder. Out of a whole one a folder alone can be restored: `/bbws backup restore {} efs --recovery-point ID --tenant {tenant}`.",
                self.environment.name
            ));
        }
        if self.scope == BackupScope::Full {
            let shared = [
                (self.environment.parameters_prefix.is_some(), "the parameters"),
                (!self.environment.buckets.is_empty(), "the buckets"),
            ];
            let shared: Vec<&str> = shared.into_iter().filter(|(there, _)| *there).map(|(_, what)| what).collect();
            if !shared.is_empty() {
                draft.note(format!("Not in it: {}, of which no tenant has a share of its own.", shared.join(" and ")));
            }
        }
    }
}

/// What a backup is of a period, of the subject by which that is remembered: `yearly backup of 2026 (full)`.
fn opened(period: &str) -> String {
    match period.split(' ').collect::<Vec<_>>()[..] {
        [scope, tier, period] => format!("{tier} backup of {period} ({scope})"),
        _ => format!("backup of {period}"),
    }
}

/// What the parts of a backup have in common while it is planned.
struct Parts<'a> {
    target: &'a Target<'a>,
    env: &'a Environment,
    world: &'a World,
    id: &'a OpId,
    /// `20261121`, as it stands in names.
    date: String,
    /// Days everything is kept.
    days: u32,
    draft: Draft,
}

impl Parts<'_> {
    fn everything(&mut self) {
        self.shared_conditions();
        for database in self.target.databases.clone() {
            self.database(database);
        }
        for file_system in self.target.file_systems.clone() {
            self.file_system(file_system);
        }
        if let Some(prefix) = self.target.secrets {
            self.secrets(prefix);
        }
        if let Some(prefix) = self.target.parameters {
            self.parameters(prefix);
        }
        for bucket in self.target.buckets.clone() {
            self.bucket(bucket);
        }
        for dump in self.target.dumps.clone() {
            self.dump(dump);
        }
    }

    /// What several steps rest on: vaults, buckets and the keys.
    fn shared_conditions(&mut self) {
        let world = self.world;
        let files = !self.target.file_systems.is_empty();
        let archives = self.target.archives();
        let copies = self.env.replicates();
        for why in world.refusals(self.days).into_iter().filter(|_| files) {
            self.draft.problem(why);
        }
        for (wanted, what, condition) in [
            (files, "Backup vault", &world.vault),
            (archives, "Secrets bucket", &world.bucket),
            (files && copies, "DR backup vault", &world.dr_vault),
            (archives && copies && self.env.dr_secrets_bucket.is_some(), "DR secrets bucket", &world.dr_bucket),
            (copies && self.env.dr_kms_key.is_some(), "DR KMS key", &world.dr_key),
            (!self.target.dumps.is_empty(), "KMS key of dumps", &world.dump_key),
        ] {
            match condition {
                Some(Ok(found)) if wanted => self.draft.fact(what, found.clone()),
                Some(Err(why)) if wanted => self.draft.problem(format!("{what}: {why}")),
                None if wanted => self.draft.problem(format!("{what}: nothing is known of it")),
                _ => {}
            }
        }
    }
}
