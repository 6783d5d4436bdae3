//! The way of a restored instance into the place of the one that is there: a person looks, what is there is backed up, others
//! agree, the names are exchanged, and health and data are looked at; with the way back of every change.

use super::{
    super::Known,
    Ask, gates,
    path::Path,
    scope::{self, Reach},
};
use crate::domain::{
    environment::{Cutover, Database, Environment},
    mark::MarkKind,
    moment::Moment,
    restored, step,
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
pub(super) fn refusals(env: &Environment, ask: &Ask<'_>, database: &Database) -> Vec<String> {
    let mut refused = gates::refusals(env, ask);
    if ask.comes_from_dr() {
        refused.push("What is restored in the DR region cannot take the place of what is live in the primary one: leave `--region dr` out, or restore into a clone.".to_owned());
    }
    if database.cutover == Some(Cutover::Secret) {
        refused.push(format!(
            "`cutover = \"secret\"` of {} cannot be carried out yet, only `rename`. Restore into a clone, and change {} by hand.",
            database.id,
            database.endpoint_secret.as_deref().unwrap_or("the secret")
        ));
    }
    refused
}

impl Exchange<'_> {
    /// The name of what was live before.
    pub(super) fn before(&self) -> String {
        restored::before(&self.database.id, self.operation)
    }

    /// Adds everything after the validation of the clone, whose restore and validation are these steps.
    pub(super) fn plan(&self, path: &mut Path<'_>, known: &Known, restored: usize, validated: usize) {
        path.scope = self.reach().word();
        let (env, id, instance) = (self.env, &self.database.id, self.instance);
        let region = env.primary_region.clone();
        let question = format!(
            "{instance} is restored and validated: the report in this thread says what is in it and what differs from {id}. Continue backs {id} up and asks for the cutover."
        );
        let looked = gates::look(path, validated, question);
        let backed_up = path.fresh_backup(id, self.at, self.operation, looked);
        let before = self.before();
        let title = format!("Wait for the word that {instance} takes the place of {id}");
        let question = format!(
            "{id} is backed up. Shall {instance} take its place now? {id} becomes {before}; connections are refused from the first rename to the end of the second."
        );
        let agreed = gates::agreed(path, known, vec![backed_up], title, question);
        let undeletable = path.draft.step(
            format!("Write down that {instance} is not deleted any more"),
            vec![agreed],
            step::Forget { mark: MarkKind::Leftover, subject: instance.to_owned() },
        );
        let protected = path.draft.step(
            format!("Protect {instance} from deletion"),
            vec![undeletable],
            step::Protect { region: region.clone(), instance: instance.to_owned() },
        );
        let rename = |id: Option<&str>, from: &str, to: &str, back: bool, turns_back: bool| step::Rename {
            region: region.clone(),
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
        let healthy = path.health(in_place);
        self.validation(path, healthy, &before);
        let undone = restored::undone(id, self.operation);
        let out = path.draft.back(
            format!("Rename what was restored from {id} to {undone}"),
            vec![restored, in_place],
            rename(None, id, &undone, true, false),
        );
        path.draft.back(
            format!("Rename {before} back to {id}"),
            vec![away, out],
            rename(live, &before, id, true, false),
        );
        self.notes(path, &before);
    }

    /// From the application's side: at its address, with its login.
    fn validation(&self, path: &mut Path<'_>, after: usize, before: &str) {
        let id = &self.database.id;
        let dump = self.env.dumps.iter().find(|dump| dump.database == *id);
        let tenants = self.env.tenants.values().filter(|tenant| tenant.database.as_ref() == Some(id));
        path.draft.step(
            format!("Validate {id} against {before}"),
            vec![after],
            step::VerifyDatabase {
                region: self.env.primary_region.clone(),
                source_region: None,
                instance: id.clone(),
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
            },
        );
    }

    fn notes(&self, path: &mut Path<'_>, before: &str) {
        let (env, id) = (self.env, &self.database.id);
        let keep = crate::domain::moment::spoken(env.restore.keep_before.0);
        path.draft.note(format!(
            "{id} is replaced as a whole: what is in it stays in {before}, which nothing here deletes; it is promised for {keep}. As long as it is there, Roll back on the card exchanges both again; what was written meanwhile stays in {}.",
            restored::undone(id, self.operation)
        ));
        path.draft.note(format!(
            "Connections to {id} are refused from the first rename to the end of the second, usually some minutes. No estimate is made."
        ));
        path.health_notes();
        let found = format!("{}, {} GiB, {}", self.live.engine, self.live.size_gib, self.live.resource);
        path.draft.fact(format!("Database {id}"), found);
    }

    /// How far it reaches.
    fn reach(&self) -> Reach {
        scope::of_databases(1, u64::from(self.live.size_gib))
    }
}
