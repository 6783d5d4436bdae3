//! `bbws ledger`: copies of the ledger, checked and put back.

use std::{path::Path, sync::Arc};

use crate::{
    adapters::store::copy::{self, Copied},
    boot::chain,
    domain::text,
    ports::clock::SystemClock,
    settings,
};

fn url() -> Result<String, String> {
    settings::database_url(std::env::var("DATABASE_URL").ok().filter(|v| !v.is_empty()))
}

/// Copies the ledger that DATABASE_URL names into a new file, while it is in use, and checks the copy.
///
/// # Errors
/// A sentence with what stands in the way.
pub async fn backup(to: &Path) -> Result<(), String> {
    let copied = copy::backup(&url()?, to, Arc::new(SystemClock)).await;
    let copied = copied.map_err(|e| format!("No copy was made: {}", chain(&e)))?;
    say!("{} holds the ledger: {}", to.display(), spoken(&copied));
    say!("It was checked. Keep it away from this machine; `bbws ledger restore` puts it back");
    Ok(())
}

/// Checks a copy.
///
/// # Errors
/// A sentence with what is wrong with it.
pub async fn verify(file: &Path) -> Result<(), String> {
    let copied = copy::verify(file, Arc::new(SystemClock)).await;
    let copied = copied.map_err(|e| format!("The copy does not hold: {}", chain(&e)))?;
    say!("{} can be put back: {}", file.display(), spoken(&copied));
    Ok(())
}

/// Puts a copy back as the ledger that DATABASE_URL names.
///
/// # Errors
/// A sentence with what stands in the way; nothing was changed then.
pub async fn restore(file: &Path) -> Result<(), String> {
    let restored = copy::restore(file, &url()?, Arc::new(SystemClock)).await;
    let restored = restored.map_err(|e| format!("Nothing was put back: {}", chain(&e)))?;
    say!("The ledger is the copy {} now: {}", file.display(), spoken(&restored.copied));
    if let Some(before) = &restored.before {
        say!("What was there before is kept as {}", before.display());
    }
    say!(
        "It goes by the new name {}, so that nothing is adopted in AWS that was made after the copy. When bbws starts it compares \
         with AWS, and goes on after the newest operation it finds there. What ran since the copy is not in the ledger: look at \
         AWS for what is under way",
        restored.ledger
    );
    Ok(())
}

fn spoken(copied: &Copied) -> String {
    let name =
        copied.ledger.as_ref().map_or_else(|| "without a name yet".to_owned(), |name| format!("by the name {name}"));
    format!(
        "{}, {}, the last with hash {}, {name}",
        text::count(copied.operations, "operation"),
        text::count(copied.head.seq, "audit entry"),
        copied.head.hash
    )
}
