//! Loading an archive's dump into a server: what proves that it can be.

use std::process::Stdio;

use secrecy::ExposeSecret as _;
use tokio::io::AsyncRead;

use super::{
    ArchiveError, Expected, Sealed, Source,
    child::{Started, check, ended, mysql, postgres, tail},
    key::DataKey,
    programs::{Task, unstarted},
    verify::unseal,
};
use crate::domain::environment::Engine;

/// Pours the dump of an archive into the program that loads it into `to`; says how many bytes.
///
/// The archive has to have been read to its end before: what is loaded is checked only when all of it was. PostgreSQL's is
/// loaded in one transaction; with the others a failure leaves what was loaded so far.
///
/// # Errors
/// `Damaged` when the dump could not be loaded, or as [`unseal`].
pub async fn load<R: AsyncRead + Unpin>(
    sealed: Sealed<R>,
    key: &DataKey,
    expected: &Expected,
    to: &Source,
) -> Result<u64, ArchiveError> {
    check(to)?;
    let Started { mut command, secret, relay, name } = match to.server.engine {
        Engine::Postgres => postgres(to, Task::Load).await?,
        Engine::Mysql | Engine::Mariadb => mysql(to, Task::Load).await?,
    };
    // What the program answers to statements is of no use and might be rows.
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().map_err(|e| unstarted(&name, &e))?;
    let (Some(stdin), Some(stderr)) = (child.stdin.take(), child.stderr.take()) else {
        return Err(ArchiveError::Retryable(format!("{name} was started without its pipes. It is tried again.")));
    };
    let (poured, stderr) = futures::future::join(unseal(sealed, key, expected, stdin), tail(stderr)).await;
    let status = child.wait().await.map_err(|e| unstarted(&name, &e))?;
    drop((secret, relay));
    if status.success() {
        return poured;
    }
    // An archive that is not what it was is the reason; a pipe that broke is not, the program's end is.
    if let Err(damaged @ ArchiveError::Damaged(_)) = poured {
        return Err(damaged);
    }
    let stderr = String::from_utf8_lossy(&stderr).replace(to.password.expose_secret(), "…");
    Err(ArchiveError::Damaged(format!(
        "{name} {} while the dump was loaded into {}:{}: {}. Look at the server's log; until this is mended, do not rely on this dump.",
        ended(status),
        to.host,
        to.port,
        reason(&stderr)
    )))
}

/// What went wrong without any value: these programs repeat whole statements, rows and all.
fn reason(stderr: &str) -> String {
    let lines = stderr.lines().map(str::trim);
    for line in lines {
        if let Some(error) = line.strip_prefix("ERROR ") {
            // `ERROR 1100 (HY000) at line 106: Table 's' was not locked with LOCK TABLES`
            return format!("ERROR {}", error.split(':').next().unwrap_or_default());
        }
        if let Some(error) = line.strip_prefix("pg_restore: error: ") {
            // `COPY failed for table "t": ERROR:  invalid input syntax for type integer: "12x"`
            let named = error.split_once(": ").map_or(error, |(before, _)| before);
            let cause = error.split_once("ERROR:  ").map_or("", |(_, cause)| cause);
            // A message goes on with a value after a colon, and a detail comes on lines of its own.
            let cause = cause.split(": ").next().unwrap_or_default();
            return if cause.is_empty() { named.to_owned() } else { format!("{named}: {cause}") };
        }
    }
    "it did not say why".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_is_told() {
        let mariadb = "--------------\nINSERT INTO `t` VALUES (1,'secret')\n--------------\n\nERROR 1062 (23000) at line 7: Duplicate entry 'secret' for key 'u'\n";
        assert_eq!(reason(mariadb), "ERROR 1062 (23000) at line 7");
        let copy = "pg_restore: error: COPY failed for table \"t\": ERROR:  invalid input syntax for type integer: \"secret\"\nCONTEXT:  COPY t, line 1, column a: \"secret\"\n";
        assert_eq!(reason(copy), "COPY failed for table \"t\": invalid input syntax for type integer");
        let role = "pg_restore: error: could not execute query: ERROR:  role \"app\" does not exist\nCommand was: ALTER TABLE public.t OWNER TO app;\n";
        assert_eq!(reason(role), "could not execute query: role \"app\" does not exist");
        assert_eq!(reason(""), "it did not say why");
    }
}
