//! What becomes an object: secrets, configuration, dumps. Each is written once, verified, and waited for in the DR region.

use sha2::{Digest as _, Sha256};

use super::Parts;
use crate::domain::{
    environment::{Dump, Engine},
    step,
};

impl Parts<'_> {
    pub(super) fn secrets(&mut self, prefix: &str) {
        let Some(bucket) = self.env.secrets_bucket.clone() else { return };
        if self.world.secrets.is_empty() {
            self.draft.problem(format!(
                "There are no secrets under `{prefix}` in {} of account {}. Check `secrets_prefix` in bbws.toml.",
                self.env.primary_region, self.env.account
            ));
            return;
        }
        self.names("Secrets", prefix, "secrets", &self.world.secrets.clone());
        let region = self.env.primary_region.clone();
        // A tenant's secrets are not the environment's, and its key has to say so: a listing tells nothing else.
        let file = match self.target.tenant {
            Some((tenant, _)) => format!("{tenant}.secrets.json"),
            None => "secrets.json".to_owned(),
        };
        let key = self.key("secrets", &file);
        let made = self.draft.step(
            format!("Export secrets under {prefix} to {bucket}"),
            vec![],
            step::SecretsExport { region, prefix: prefix.to_owned(), bucket: bucket.clone(), key: key.clone() },
        );
        self.look_after("secrets object", made, &bucket, &key);
    }

    pub(super) fn parameters(&mut self, prefix: &str) {
        let Some(bucket) = self.env.secrets_bucket.clone() else { return };
        if self.world.parameters.is_empty() {
            self.draft.problem(format!(
                "There are no parameters under `{prefix}` in {} of account {}. Check `parameters_prefix` in bbws.toml.",
                self.env.primary_region, self.env.account
            ));
            return;
        }
        self.names("Parameters", prefix, "parameters", &self.world.parameters.clone());
        let key = self.key("config", "config.json");
        let made = self.draft.step(
            format!("Export configuration under {prefix} to {bucket}"),
            vec![],
            step::ConfigExport {
                region: self.env.primary_region.clone(),
                parameters_prefix: prefix.to_owned(),
                secrets_prefix: self.env.secrets_prefix.clone(),
                bucket: bucket.clone(),
                key: key.clone(),
            },
        );
        let required = self.env.required_parameters.clone();
        if !required.is_empty() {
            let lacking: Vec<String> = required
                .iter()
                .filter(|name| !self.world.parameters.contains(name))
                .map(|name| format!("`{name}`"))
                .collect();
            if !lacking.is_empty() {
                self.draft.note(format!(
                    "The config requires {}, which is not there: the configuration is backed up, and not as a good one.",
                    lacking.join(", ")
                ));
            }
            self.draft.step(
                format!("Verify that the configuration under {prefix} is complete"),
                vec![made],
                step::VerifyConfig {
                    region: self.env.primary_region.clone(),
                    prefix: prefix.to_owned(),
                    bucket: bucket.clone(),
                    key: key.clone(),
                    required,
                },
            );
        }
        self.look_after("configuration object", made, &bucket, &key);
    }

    pub(super) fn dump(&mut self, dump: &Dump) {
        let (Some(bucket), Some(kms_key)) = (self.env.secrets_bucket.clone(), self.env.dump_kms_key.clone()) else {
            self.draft.problem(format!(
                "A dump of `{}` needs `secrets_bucket` and `dump_kms_key` in bbws.toml.",
                dump.database
            ));
            return;
        };
        match self.world.described.get(&dump.secret) {
            Some(Ok(_)) => {}
            Some(Err(why)) => self.draft.problem(format!("Secret `{}` of the dump: {why}", dump.secret)),
            None => self.draft.problem(format!("Secret `{}` of the dump: nothing is known of it", dump.secret)),
        }
        let (wanted, file) = self.narrowed(dump);
        let schemas = if wanted.is_empty() { "all schemas".to_owned() } else { wanted.join(", ") };
        self.draft.fact(format!("Dump of {}", dump.database), format!("{}, {schemas}", dump.engine));
        let region = self.env.primary_region.clone();
        let key = self.key("dump", &file);
        let made = self.draft.step(
            format!("Dump database {} to {bucket}", dump.database),
            vec![],
            step::DumpExport {
                region: region.clone(),
                database: dump.database.clone(),
                engine: dump.engine,
                secret: dump.secret.clone(),
                schemas: wanted,
                bucket: bucket.clone(),
                key: key.clone(),
                kms_key,
                storage_class: self.env.dump_storage_class.clone(),
            },
        );
        self.draft.step(
            format!("Verify dump of {} in {region}", dump.database),
            vec![made],
            step::VerifyDump {
                region,
                bucket: bucket.clone(),
                key: key.clone(),
                engine: dump.engine,
                retention_days: self.days,
                load_test: None,
            },
        );
        self.replica(&format!("dump of {}", dump.database), made, &bucket, &key);
    }

    /// What is dumped, and what the archive is called: of a tenant its schema alone, and then not as the database's own is.
    fn narrowed(&mut self, dump: &Dump) -> (Vec<String>, String) {
        let whole = (dump.schemas.clone(), format!("{}.dump", dump.database));
        let Some((id, tenant)) = self.target.tenant else { return whole };
        match tenant.schema.as_ref().filter(|_| dump.engine != Engine::Postgres) {
            Some(schema) => {
                self.draft.note(format!("Of database {} schema {schema} of {id} alone is dumped.", dump.database));
                (vec![schema.clone()], format!("{}.{id}.dump", dump.database))
            }
            None => {
                let why = match dump.engine {
                    Engine::Postgres => "a dump of PostgreSQL takes a database, not one schema of it",
                    Engine::Mysql | Engine::Mariadb => "the config names no schema of the tenant",
                };
                self.draft.note(format!("Database {} of {id} is dumped whole: {why}.", dump.database));
                whole
            }
        }
    }

    /// How many there are and that they are the same ones, without telling names.
    fn names(&mut self, what: &str, prefix: &str, noun: &str, names: &[String]) {
        let digest = hex::encode(Sha256::digest(names.join("\n")));
        self.draft.fact(format!("{what} under {prefix}"), format!("{} {noun}, names {}", names.len(), &digest[..12]));
    }

    /// Where an archive of this operation lies: `<env>/<kind>/<yyyymmdd>/<op>/<name>`.
    pub(super) fn key(&self, kind: &str, name: &str) -> String {
        format!("{}/{kind}/{}/{}/{name}", self.env.name, self.date, self.id)
    }

    /// Verifies an object here, and its replica in the DR region.
    pub(super) fn look_after(&mut self, what: &str, made: usize, bucket: &str, key: &str) {
        let region = self.env.primary_region.clone();
        let retention_days = self.days;
        self.draft.step(
            format!("Verify {what} in {region}"),
            vec![made],
            step::VerifyObject { region, bucket: bucket.to_owned(), key: key.to_owned(), retention_days },
        );
        self.replica(what, made, bucket, key);
    }

    /// Waits for an object in the DR region, and verifies it there.
    fn replica(&mut self, what: &str, made: usize, bucket: &str, key: &str) {
        let (true, Some(dr_bucket)) = (self.env.replicates(), self.env.dr_secrets_bucket.clone()) else { return };
        let to = self.env.dr_region.clone();
        let retention_days = self.days;
        let copied = self.draft.step(
            format!("Replicate {what} to {to}"),
            vec![made],
            step::ObjectReplica {
                from_region: self.env.primary_region.clone(),
                from_bucket: bucket.to_owned(),
                region: to.clone(),
                bucket: dr_bucket.clone(),
                key: key.to_owned(),
            },
        );
        self.draft.step(
            format!("Verify {what} in {to}"),
            vec![made, copied],
            step::VerifyObject { region: to, bucket: dr_bucket, key: key.to_owned(), retention_days },
        );
    }
}
