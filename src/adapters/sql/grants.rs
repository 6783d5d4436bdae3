//! Whether a login of MySQL or MariaDB is shown everything there is in a schema.
//!
//! Their catalogues leave out, without a word, what the login has no right to; so does the dump program. A login with rights
//! on one of forty tables sees one table, dumps one, and both say that all is well. So it has to have its rights on the whole.

use super::link::Link;

/// A right, and on what: a schema's name, or nothing for all.
#[derive(Debug, PartialEq, Eq)]
struct Grant {
    rights: Vec<String>,
    on: Option<String>,
}

/// Nothing where all is shown of these schemas (of all, where none is named); what may be hidden otherwise.
///
/// # Errors
/// A sentence with the statement that mends it, where tables or triggers may be hidden.
pub(super) async fn sees_all(link: &mut Link, user: &str, schemas: &[String]) -> Result<Vec<String>, String> {
    let rows = link.raw("SHOW GRANTS").await?;
    let grants: Vec<Grant> = rows.into_iter().flatten().flatten().filter_map(|text| parse(&text)).collect();
    let has = |schema: Option<&str>, right: &str| {
        let covers = |grant: &&Grant| {
            grant.on.is_none() || schema.is_some_and(|s| grant.on.as_deref().is_some_and(|p| matches(p, s)))
        };
        grants
            .iter()
            .filter(covers)
            .any(|grant| grant.rights.iter().any(|r| r == right || r == "ALL PRIVILEGES" || r == "ALL"))
    };
    let places: Vec<Option<&str>> =
        if schemas.is_empty() { vec![None] } else { schemas.iter().map(|schema| Some(schema.as_str())).collect() };
    for place in &places {
        let missing: Vec<&str> = ["SELECT", "TRIGGER"].into_iter().filter(|right| !has(*place, right)).collect();
        if !missing.is_empty() {
            let on = place.map_or_else(|| "*.*".to_owned(), |schema| format!("{}.*", link.quoted(schema)));
            return Err(format!(
                "{user} has no {} on {on}, so the server shows it a part of what is there, and a dump would miss the rest without a word. \
                 Run: GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {on} TO the user of this login.",
                missing.join(" and no ")
            ));
        }
    }
    // Bodies of routines are shown to those who may read everything, or the table with them.
    let routines = has(None, "SELECT") || has(Some("mysql"), "SELECT") || has(None, "SHOW_ROUTINE");
    let doubt =
        || format!("{user} may not be shown all routines (functions, procedures); GRANT SELECT ON *.* shows them");
    Ok((!routines).then(doubt).into_iter().collect())
}

/// ``GRANT SELECT, SHOW VIEW ON `t`.* TO …``; nothing for grants on single tables and for roles.
fn parse(text: &str) -> Option<Grant> {
    let (rights, rest) = text.strip_prefix("GRANT ")?.split_once(" ON ")?;
    let rights = rights.split(',').map(|right| right.trim().to_owned()).collect();
    if rest.starts_with("*.* TO ") {
        return Some(Grant { rights, on: None });
    }
    let (schema, _) = rest.strip_prefix('`')?.split_once("`.* TO ")?;
    Some(Grant { rights, on: Some(schema.replace("``", "`")) })
}

/// Whether a pattern as grants have it is for this schema: `%` is anything, `_` one letter, `\` takes their meaning away.
fn matches(pattern: &str, schema: &str) -> bool {
    fn go(pattern: &[char], name: &[char]) -> bool {
        match pattern {
            [] => name.is_empty(),
            ['%', rest @ ..] => (0..=name.len()).any(|skipped| go(rest, &name[skipped..])),
            ['_', rest @ ..] => !name.is_empty() && go(rest, &name[1..]),
            ['\\', letter, rest @ ..] | [letter, rest @ ..] => name.first() == Some(letter) && go(rest, &name[1..]),
        }
    }
    let letters = |text: &str| text.chars().collect::<Vec<_>>();
    go(&letters(pattern), &letters(schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_read() {
        let all =
            parse("GRANT ALL PRIVILEGES ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*1' WITH GRANT OPTION").expect("one");
        assert_eq!(all, Grant { rights: vec!["ALL PRIVILEGES".into()], on: None });
        let one = parse("GRANT SELECT, SHOW VIEW ON `a\\_``b`.* TO `u`@`%`").expect("one");
        assert_eq!(one, Grant { rights: vec!["SELECT".into(), "SHOW VIEW".into()], on: Some("a\\_`b".into()) });
        assert_eq!(parse("GRANT SELECT ON `a`.`t` TO `u`@`%`"), None);
        assert_eq!(parse("GRANT `role` TO `u`@`%`"), None);
        assert_eq!(parse("GRANT SELECT (`a`) ON `s`.`t` TO `u`@`%`"), None);
    }

    #[test]
    fn patterns_are_for_their_schemas() {
        assert!(matches("tenant\\_1", "tenant_1") && !matches("tenant\\_1", "tenantx1"));
        assert!(matches("tenant_1", "tenantx1") && matches("tenant%", "tenant_1") && matches("%", "x"));
        assert!(!matches("tenant", "tenant_1") && !matches("tenant_", "tenant"));
    }
}
