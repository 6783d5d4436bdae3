//! The way of a restored instance into the place of the one that is there: a person looks, what is there is backed up, others
//! agree, the names are exchanged or the application's secret is led to it, and health and data are looked at; with the way back
//! of every change.

use super::{
    super::Known,
    Ask,
    database::Validated,
    gates,
    path::Path,
    scope::{self, Reach},
};
use crate::domain::{
    environment::{Cutover, Database, Environment},
    live::Live,
    mark::MarkKind,
    moment::Moment,
    restored,
    step::{self, Consent},
    world::DatabaseFound,
};

/// What takes whose place.
pub(super) struct Exchange<'a> {
    pub(super) env: &'a Environment,
    pub(super) database: &'a Database,
    /// What is live now.
    pub(super) live: &'a DatabaseFound,
    /// The name of what was restored.
    pub(super) instance: &'a str,
    pub(super) operation: &'a str,
    pub(super) at: Moment,
}

/// Why there cannot be a cutover, a sentence each.
pub(super) fn refusals(env: &Environment, ask: &Ask<'_>) -> Vec<String> {
    let mut refused = gates::refusals(env, ask);
    if ask.comes_from_dr() {
        refused.push("What is restored in the DR region cannot take the place of what is live in the primary one: leave `--region dr` out, or restore into a clone.".to_owned());
    }
    refused
}

impl Exchange<'_> {
    /// The name of what was live before.
    pub(super) fn before(&self) -> String {
        restored::before(self.database.name(), self.operation)
    }

    /// Adds everything after the validation of the clone; the last step of it.
    pub(super) fn plan(&self, path: &mut Path<'_>, known: &Known, copy: &Validated) -> usize {
        let validated = copy.step;
        path.reaches(self.reach().word());
        let (id, instance) = (&self.database.id, self.instance);
        let question = format!(
            "{instance} is restored and validated: the report in this thread says what is in it and what differs from {id}. Continue backs {id} up and asks for the cutover."
        );
        let roomy = if path.looked.is_none() { self.roomy(path, validated) } else { validated };
        let looked = gates::look(path, roomy, question);
        let backed_up = path.fresh_backup(id, self.at, self.operation, looked);
        // It may have run full since, while people took their time.
        let roomy = self.roomy(path, backed_up);
        let title = format!("Wait for the word that {instance} takes the place of {id}");
        let question = match self.secret() {
            None => format!(
                "{id} is backed up. Shall {instance} take its place now? {id} becomes {}; connections are refused from the first rename to the end of the second.",
                self.before()
            ),
            Some(secret) => format!(
                "{id} is backed up. Shall {instance} take its place now? Secret {secret} then leads to it; what runs stays connected to {id}, and writes there, until the services are redeployed."
            ),
        };
        let agreed = gates::agreed(path, known, vec![roomy, backed_up], title, question);
        let agreed = gates::measured(path, id, agreed);
        let undeletable = path.draft.step(
            format!("Write down that {instance} is not deleted any more"),
            vec![agreed],
            step::Forget { mark: MarkKind::Leftover, subject: instance.to_owned() },
        );
        let protected = path.draft.step(
            format!("Protect {instance} from deletion"),
            vec![undeletable],
            step::Protect { region: self.env.primary_region.clone(), instance: instance.to_owned() },
        );
        let proved = match self.secret() {
            None => self.by_rename(path, copy, protected),
            Some(secret) => self.by_secret(path, copy, protected, secret),
        };
        self.notes(path);
        proved
    }

    /// Looks whether what was restored is about to run full: whoever is asked next is asked to wait then.
    fn roomy(&self, path: &mut Path<'_>, after: usize) -> usize {
        let (region, instance) = (self.env.primary_region.clone(), self.instance.to_owned());
        let look = step::VerifyStorage { region, instance };
        path.draft.step(format!("Look how much storage of {} is free", self.instance), vec![after], look)
    }

    /// The secret by which it is cut over; none where names are exchanged.
    fn secret(&self) -> Option<&str> {
        let secret = self.database.endpoint_secret.as_deref();
        secret.filter(|_| self.database.cutover == Some(Cutover::Secret))
    }

    /// What is restored gets the name of what is live, which gets another.
    fn by_rename(&self, path: &mut Path<'_>, copy: &Validated, protected: usize) -> usize {
        let restored = copy.restored;
        let (id, instance, before) = (&self.database.id, self.instance, self.before());
        let rename = |id: Option<&str>, from: &str, to: &str, back: bool, turns_back: bool| step::Rename {
            region: self.env.primary_region.clone(),
            id: id.map(str::to_owned),
            from: from.to_owned(),
            to: to.to_owned(),
            back,
            turns_back,
        };
        let live = Some(self.live.resource.as_str());
        let away = path.draft.step(
            format!("Rename {id} to {before}"),
            vec![protected],
            rename(live, id, &before, false, true),
        );
        let in_place = path.draft.step(
            format!("Rename {instance} to {id}"),
            vec![restored, away],
            rename(None, instance, id, false, true),
        );
        let kept = path.promised(&before, in_place);
        let healthy = path.health(in_place);
        let proved = self.validation(path, vec![copy.counted, healthy], (id, &before));
        let undone = restored::undone(self.database.name(), self.operation);
        let out = path.draft.back(
            format!("Rename what was restored from {id} to {undone}"),
            vec![restored, in_place],
            rename(None, id, &undone, true, false),
        );
        let again = path.draft.back(
            format!("Rename {before} back to {id}"),
            vec![away, out],
            rename(live, &before, id, true, false),
        );
        path.exchanged(kept, again, (&before, &undone));
        proved
    }

    /// Nothing is renamed: the application is sent elsewhere, and the ledger remembers where.
    fn by_secret(&self, path: &mut Path<'_>, copy: &Validated, protected: usize, secret: &str) -> usize {
        let (id, instance, name) = (&self.database.id, self.instance, self.database.name());
        let region = self.env.primary_region.clone();
        let tag = step::TagLive { region: region.clone(), instance: instance.to_owned(), database: name.to_owned() };
        let tagged = path.draft.step(format!("Tag {instance} as live"), vec![protected], tag);
        let point = step::PointSecret {
            region: region.clone(),
            secret: secret.to_owned(),
            from: id.clone(),
            to: instance.to_owned(),
            to_region: None,
            away_from: Vec::new(),
        };
        let pointed = path.draft.step(format!("Lead secret {secret} to {instance}"), vec![tagged], point);
        let live = |instance: &str, before: &str| step::Remember {
            mark: MarkKind::Live,
            subject: name.to_owned(),
            note: Live { instance, before }.note(),
        };
        let title = format!("Write down that {instance} is live as {name}");
        let marked = path.draft.step(title, vec![pointed], live(instance, id));
        let question = format!(
            "Secret {secret} leads to {instance}. Redeploy the services that read it now, so that they read it again: until then they write to {id}. Continue once they are."
        );
        let wait = step::WaitForPeople { question, rule: None, consent: Consent::Look };
        let redeployed = path.draft.step("Wait until the services are redeployed", vec![marked], wait);
        let kept = path.promised(id, marked);
        let healthy = path.health(redeployed);
        let proved = self.validation(path, vec![copy.counted, healthy], (instance, id));
        let back = step::PointSecretBack { region, secret: secret.to_owned() };
        let back = path.draft.back(format!("Lead secret {secret} back to {id}"), vec![pointed], back);
        let title = format!("Write down that {id} is live as {name} again");
        if id == name {
            let forget = step::Forget { mark: MarkKind::Live, subject: name.to_owned() };
            path.draft.back(title, vec![marked, back], forget);
        } else {
            path.draft.back(title, vec![marked, back], live(id, instance));
        }
        path.exchanged(kept, back, (id, instance));
        proved
    }

    /// From the application's side: at its address, with its login. What is live now is held against what was before, and its rows
    /// against those that were counted before the cutover.
    fn validation(&self, path: &mut Path<'_>, after: Vec<usize>, (now, before): (&str, &str)) -> usize {
        let id = &self.database.id;
        let dump = self.env.dumps.iter().find(|dump| dump.database == *id);
        let tenants = self.env.tenants.values().filter(|tenant| tenant.database.as_ref() == Some(id));
        path.draft.step(
            format!("Validate {now} against {before}"),
            after,
            step::VerifyDatabase {
                region: self.env.primary_region.clone(),
                source_region: None,
                instance: now.to_owned(),
                database: before.to_owned(),
                engine: self.database.engine,
                secret: dump.map(|dump| dump.secret.clone()),
                schemas: dump.map(|dump| dump.schemas.clone()).unwrap_or_default(),
                wordpress: tenants.filter_map(|tenant| tenant.schema.clone()).collect(),
                data_of: Moment(0),
                rpo_seconds: self.env.rpo.0.as_secs(),
                measures: true,
                live: true,
                turns_back: self.env.restore.auto_roll_back,
                alone: false,
            },
        )
    }

    fn notes(&self, path: &mut Path<'_>) {
        let (env, id, instance) = (self.env, &self.database.id, self.instance);
        let keep = crate::domain::moment::spoken(env.restore.keep_before.0);
        match self.secret() {
            None => {
                path.draft.note(format!(
                    "{id} is replaced as a whole: what is in it stays in {}, which nothing here deletes; it is promised for {keep}. As long as it is there, Roll back on the card exchanges both again; what was written meanwhile stays in {}.",
                    self.before(),
                    restored::undone(self.database.name(), self.operation)
                ));
                path.draft.note(format!(
                    "Connections to {id} are refused from the first rename to the end of the second, usually some minutes. No estimate is made."
                ));
            }
            Some(secret) => {
                path.draft.note(format!(
                    "{id} is replaced as a whole: what is in it stays there, under its name, and nothing here deletes it; it is promised for {keep}. As long as it is there, Roll back on the card leads {secret} back to it; what was written meanwhile stays in {instance}."
                ));
                path.draft.note(format!(
                    "No connection is refused: services go on with {id} until they are redeployed, and what they write there until then is not in {instance}. bbws redeploys nothing, and asks for it. From then on every command of bbws takes {instance} for {}.",
                    self.database.name()
                ));
            }
        }
        if let Some(replica) = &self.database.dr_replica {
            path.draft.note(format!(
                "Replica {replica} in {} goes on following what was live before: make another one of {id} after the cutover.",
                env.dr_region
            ));
        }
        if path.looked.is_none() {
            path.health_notes();
        }
        let found = format!("{}, {} GiB, {}", self.live.engine, self.live.size_gib, self.live.resource);
        path.draft.fact(format!("Database {id}"), found);
    }

    /// How far it reaches.
    fn reach(&self) -> Reach {
        scope::of_databases(1, u64::from(self.live.size_gib))
    }
}
