//! The two ends of a dump: the server it is of, and the archive it became.

use super::{
    super::{login::Login, s3::Object, session::Session},
    uploads,
};
use crate::{
    adapters::{
        archive::{
            AnyReader, ArchiveError, Contents, Context, DataKey, Expected, Place, Programs, Release, Sealed, Source,
            Stored, fetch, stored, verify as read_back,
        },
        sql::{Identity, Target},
    },
    domain::environment::Engine,
    ports::cloud::{Call, CloudError},
};

/// Where a login signs in to.
pub(super) fn target(login: &Login, engine: Engine, database: Option<String>) -> Target {
    Target {
        engine,
        host: login.host.clone(),
        port: login.port,
        username: login.username.clone(),
        password: login.password.clone(),
        database,
        ca: None,
        require_tls: true,
    }
}

/// The same for the programs that dump and load.
pub(super) fn source(target: &Target, server: &Identity, schemas: Vec<String>, history: bool) -> Source {
    Source {
        server: Release { engine: server.engine, major: server.major },
        programs: Programs::installed(),
        history,
        host: target.host.clone(),
        port: target.port,
        username: target.username.clone(),
        password: target.password.clone(),
        database: target.database.clone(),
        schemas,
        ca: target.ca.clone(),
    }
}

/// An archive in its place, with what is known of it from elsewhere.
pub(super) struct Archive<'a> {
    pub(super) session: &'a Session,
    /// Where its key is: a key of KMS opens in its own region only, and the archive may be a replica in another.
    pub(super) keys: &'a Session,
    pub(super) place: Place,
    pub(super) known: Stored,
    pub(super) context: Context,
    pub(super) expected: Expected,
}

impl<'a> Archive<'a> {
    /// The archive in this place, of which nothing else is known.
    ///
    /// # Errors
    /// See [`CloudError`]; `Permanent` where there is none.
    pub(super) async fn at(
        session: &'a Session,
        call: &Call,
        bucket: &str,
        key: &str,
        engine: Engine,
    ) -> Result<Archive<'a>, CloudError> {
        let object = Object { account: &call.environment.account, bucket, key };
        let place = uploads::place(&object);
        let Some(known) = stored(session.s3(), &place).await? else {
            let reason = format!("There is no {} in {}. Look for another dump.", object.name(), session.region);
            return Err(CloudError::Permanent { reason });
        };
        let expected = expected(&known, engine);
        Ok(Archive { session, keys: session, place, known, context: context(call, key), expected })
    }

    /// The same, as a replica of one whose key is where this session is.
    pub(super) fn with_key_of(self, keys: &'a Session) -> Archive<'a> {
        Archive { keys, ..self }
    }
}

/// What S3 says of an archive.
pub(super) fn expected(known: &Stored, engine: Engine) -> Expected {
    Expected {
        engine: Some(engine),
        bytes_archive: Some(known.bytes),
        sha256_archive: None,
        sha256_plain: None,
        // Compared as a whole, so only where it tells the number of parts.
        checksum: known.checksum.clone().filter(|sum| sum.contains('-')),
        plan: None,
    }
}

impl Archive<'_> {
    /// Reads all of it, and what it holds.
    pub(super) async fn read(&self) -> Result<Contents, ArchiveError> {
        let (sealed, key) = self.open().await?;
        read_back(sealed, &key, &self.expected).await
    }

    /// From its beginning, with its key.
    pub(super) async fn open(&self) -> Result<(Sealed<AnyReader>, DataKey), ArchiveError> {
        let bytes: AnyReader = Box::new(fetch(self.session.s3().clone(), self.place.clone(), &self.known));
        let sealed = Sealed::read(bytes).await?;
        let key = DataKey::open(self.keys.kms(), &sealed.header, self.context.clone()).await?;
        Ok((sealed, key))
    }

    pub(super) fn session(&self) -> &Session {
        self.session
    }
}

/// What the archive has to have been made for: the operation its key names, `<env>/dump/<yyyymmdd>/<op>/<file>`.
pub(super) fn context(call: &Call, key: &str) -> Context {
    let parts: Vec<&str> = key.split('/').collect();
    let operation = match parts.as_slice() {
        [_, "dump", _, operation, _] => operation,
        _ => call.operation.0.as_str(),
    };
    DataKey::context(&call.environment.name, operation)
}
