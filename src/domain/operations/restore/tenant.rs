//! One tenant's tables in a live database: put beside the live ones and compared, looked at by a person, backed up, then swapped
//! as a whole or merged row by row, with a way back. What lies around it, a clone or a dump, is the business of others here.

use super::{
    super::{Asked, Known},
    Ask, gates,
    path::Path,
    scope,
};
use crate::domain::{
    environment::{Database, Environment},
    restored::Left,
    step::{self, Bring, Origin, TenantTables},
};

/// The tenant that a restore is narrowed to, as far as a database has its data.
pub(super) struct Tenancy<'a> {
    pub(super) id: &'a str,
    /// Its schema in that database.
    pub(super) schema: &'a str,
    database: &'a Database,
}

/// Why a tenant's rows cannot go into the live database, a sentence each.
pub(super) fn refusals(env: &Environment, ask: &Ask<'_>) -> Vec<String> {
    let mut refused = gates::refusals(env, ask);
    if ask.comes_from_dr() {
        refused.push("Rows come into the live database from a copy in its own region: leave `--region dr` out, or restore into a clone.".to_owned());
    }
    refused
}

impl<'a> Tenancy<'a> {
    /// The tenant that was asked for, in this database; none where none was.
    ///
    /// # Errors
    /// Why there is no such tenant there.
    pub(super) fn asked(
        env: &'a Environment,
        ask: &Ask<'_>,
        database: &'a Database,
    ) -> Result<Option<Tenancy<'a>>, String> {
        let Some(id) = ask.tenant() else { return Ok(None) };
        let (id, tenant) = env.tenant(id)?;
        let here = tenant.database.as_ref() == Some(&database.id);
        match tenant.schema.as_deref().filter(|_| here) {
            Some(schema) => Ok(Some(Tenancy { id, schema, database })),
            None => Err(format!(
                "Tenant `{id}` has no schema in {}: its `database` and `schema` in bbws.toml say where its tables are.",
                database.id
            )),
        }
    }

    /// What a clone means where one tenant was asked for.
    pub(super) fn tell_of_clone(&self, path: &mut Path<'_>, instance: &str) {
        path.draft.fact(format!("Tenant {}", self.id), format!("schema {} of {}", self.schema, self.database.id));
        path.draft.note(format!(
            "RDS restores whole instances, so {instance} holds all tenants; what is validated is {} of {}. With `--into live` its tables go on into the live database.",
            self.schema, self.id
        ));
    }

    /// Adds the steps from where the tenant's rows are to where they are live again, and answers the last of them; `after` is what
    /// proves where they are.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub(super) fn go_live(
        &self,
        path: &mut Path<'_>,
        asked: &Asked<'_>,
        known: &Known,
        from: Origin,
        after: Vec<usize>,
    ) -> Result<usize, Vec<String>> {
        let back = Return { tenancy: self, of: self.tables(path).map_err(|why| vec![why])?, bring: path.ask.bring() };
        path.reaches(scope::TENANT);
        Ok(back.steps(path, asked, known, from, after))
    }

    fn tables(&self, path: &Path<'_>) -> Result<TenantTables, String> {
        let Some(secret) = path.env.login(&self.database.id) else {
            return Err(format!(
                "No login to {} is known, so nothing can be written there: a `dumps` entry of bbws.toml names the secret with one.",
                self.database.id
            ));
        };
        Ok(TenantTables {
            region: path.env.primary_region.clone(),
            database: self.database.id.clone(),
            engine: self.database.engine,
            secret: secret.to_owned(),
            schema: self.schema.to_owned(),
            tables: path.ask.tables(),
        })
    }
}

/// A tenant's tables on their way back.
struct Return<'a> {
    tenancy: &'a Tenancy<'a>,
    of: TenantTables,
    bring: Bring,
}

impl Return<'_> {
    fn what(&self) -> String {
        match self.of.tables.as_slice() {
            [] => format!("the tables of {}", self.of.schema),
            some => format!("{} of {}", some.join(", "), self.of.schema),
        }
    }

    fn steps(&self, path: &mut Path<'_>, asked: &Asked<'_>, known: &Known, from: Origin, after: Vec<usize>) -> usize {
        let Return { tenancy, of, bring } = self;
        let (what, live, id) = (self.what(), &of.database, tenancy.id);
        path.draft.fact(format!("Tenant {id}"), format!("{what} in {live}"));
        self.notes(path, &asked.id.0);
        let staged = path.draft.step(
            format!("Put {what} beside the live ones in {live} and compare them with the backup"),
            after,
            step::StageTenant { of: of.clone(), from, bring: *bring },
        );
        let difference = path.draft.step(
            format!("Compare {what} with what is live"),
            vec![staged],
            step::CompareTenant { of: of.clone(), bring: *bring },
        );
        let summed = path.draft.step(
            format!("Sum all other schemas of {live}"),
            vec![difference],
            step::SumOthers { of: of.clone() },
        );
        let looked = gates::look(
            path,
            summed,
            format!(
                "{what} lie beside the live ones, and this thread says, table by table, which rows come back, which change and which are lost. Is that what is wanted? Continue backs {live} up and asks for the cutover."
            ),
        );
        let backed_up = path.fresh_backup(live, asked.at, &asked.id.0, looked);
        let agreed = gates::agreed(
            path,
            known,
            vec![backed_up],
            format!("Wait for the word that {what} are changed in {live}"),
            format!("{live} is backed up. Shall {what} be changed in it now? {}", self.change()),
        );
        let changed = self.change_steps(path, vec![agreed, difference]);
        let left = Left::within(&step::beside(&of.schema, self.left(), &asked.id.0), live);
        let kept = path.promised(&left, changed);
        let verified = path.draft.step(
            format!("Count {what} in {live} against what came back"),
            vec![changed, staged, difference],
            step::VerifyTenant { of: of.clone(), bring: *bring, turns_back: path.env.restore.auto_roll_back },
        );
        let compared = path.draft.step(
            format!("Compare all other schemas of {live} with what they were"),
            vec![verified, summed],
            step::SumOthers { of: of.clone() },
        );
        let healthy = path.health(compared);
        let cleared = path.draft.always(
            format!("Clear what was put beside {what}"),
            vec![staged, changed, compared, healthy],
            step::ClearTenant { of: of.clone() },
        );
        let back = self.way_back(path, changed);
        // What a merge wrote is taken back out of its journal, which stays: it says what was taken back.
        if *bring == Bring::Swap {
            let undone = Left::within(&step::beside(&of.schema, "undone", &asked.id.0), live);
            path.exchanged(kept, back, (&left, &undone));
        }
        cleared
    }

    fn change(&self) -> &'static str {
        match self.bring {
            Bring::Swap => "What is live now is kept beside it.",
            Bring::Missing => "Rows that are gone come back; everything else stays as it is.",
            Bring::Changed => "Rows that are gone come back, and rows that differ get their old values.",
        }
    }

    fn change_steps(&self, path: &mut Path<'_>, after: Vec<usize>) -> usize {
        let (what, of) = (self.what(), self.of.clone());
        match self.bring {
            Bring::Swap => path.draft.step(format!("Swap {what} in one statement"), after, step::SwapTenant { of }),
            Bring::Missing | Bring::Changed => path.draft.step(
                format!("Merge rows into {what} in one transaction"),
                after,
                step::MergeTenant { of, bring: self.bring },
            ),
        }
    }

    /// What is left beside the live schema, by the word in its name.
    fn left(&self) -> &'static str {
        match self.bring {
            Bring::Swap => "before",
            Bring::Missing | Bring::Changed => "undo",
        }
    }

    fn way_back(&self, path: &mut Path<'_>, changed: usize) -> usize {
        let (what, of) = (self.what(), self.of.clone());
        match self.bring {
            Bring::Swap => path.draft.back(format!("Swap {what} back"), vec![changed], step::SwapTenantBack { of }),
            Bring::Missing | Bring::Changed => {
                let title = format!("Take the merged rows out of {what}");
                path.draft.back(title, vec![changed], step::MergeTenantBack { of })
            }
        }
    }

    fn notes(&self, path: &mut Path<'_>, operation: &str) {
        let kept = |what: &str| step::beside(&self.of.schema, what, operation);
        path.draft.note(match self.bring {
            Bring::Swap => format!(
                "The tables are swapped in one statement. Whatever was written to them since the backup goes away with what is live now, which is kept as {}. Roll back on the card swaps both again; what is written meanwhile is kept as {}.",
                kept("before"),
                kept("undone")
            ),
            Bring::Missing | Bring::Changed => format!(
                "Rows are written in one transaction, which is proved to touch nothing else before it is committed. What it writes is recorded in {}: Roll back on the card takes back what nobody changed since. Edits made between the backup and the accident stay lost, and rows that were rightly deleted since come back: the difference names them.",
                kept("undo")
            ),
        });
        path.draft
            .note("Nothing is changed before a person has looked at the difference and others have agreed to it.");
        path.health_notes();
    }
}
