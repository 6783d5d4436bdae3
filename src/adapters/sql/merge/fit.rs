//! Whether a tenant's tables in a backup fit those that are live: which columns both have, whether rows can be merged by primary key,
//! and whether what was built is built alike.

use std::collections::BTreeSet;

use super::{
    super::{
        link::{Link, Texts},
        schema::difference,
    },
    Hitch, Tenant,
    layout::{Column, Layout, Table},
    refuse,
    text::named,
};
use crate::domain::environment::Engine;

/// Columns that both sides have, as the live side has them.
pub(super) fn shared(theirs: &Table, ours: &Table) -> Vec<Column> {
    let in_both = |column: &&Column| theirs.written().any(|other| other.name == column.name);
    ours.written().filter(in_both).cloned().collect()
}

/// The tables whose rows can be merged; a sentence with everything that is in the way otherwise.
pub(super) fn mergeable(
    link: &Link,
    tenant: &Tenant,
    theirs: &Layout,
    ours: &Layout,
) -> Result<BTreeSet<String>, Hitch> {
    let wanted: BTreeSet<String> = match tenant.tables.as_slice() {
        [] => theirs.tables.keys().cloned().collect(),
        named => named.iter().cloned().collect(),
    };
    let (mut wrong, mut good) = (Vec::new(), BTreeSet::new());
    for name in &wanted {
        let why = match (theirs.tables.get(name), ours.tables.get(name)) {
            (None, _) => Err("is not in the backup".to_owned()),
            (_, None) => Err("is gone as a whole: bring it back without --merge".to_owned()),
            (Some(their), Some(our)) => mergeable_table(link, their, our),
        };
        match why {
            Ok(()) => _ = good.insert(name.clone()),
            Err(why) => wrong.push(format!("{name} {why}")),
        }
    }
    let owners: BTreeSet<&String> = good.iter().map(|name| &ours.tables[name].owner).collect();
    if owners.len() > 1 {
        let owners: Vec<String> = owners.into_iter().cloned().collect();
        wrong.push(format!("the tables belong to {}, and one transaction writes as one of them", named(&owners)));
    }
    if wrong.is_empty() && !good.is_empty() {
        if let Err(circle) = ours.parents_first(&tenant.schema, &good) {
            return refuse(format!(
                "The foreign keys of {} go in a circle, so no order brings their rows back. Restore them without --merge.",
                named(&circle)
            ));
        }
        return Ok(good);
    }
    let good: Vec<String> = good.into_iter().collect();
    let next = match good.is_empty() {
        true => "Restore them without --merge.".to_owned(),
        false => format!("Leave them out: --tables {}", good.join(",")),
    };
    if wrong.is_empty() {
        wrong.push(format!("{} has no tables", tenant.schema));
    }
    refuse(format!("Rows cannot be merged by primary key: {}. {next}", named(&wrong)))
}

fn mergeable_table(link: &Link, their: &Table, our: &Table) -> Result<(), String> {
    if let Some(odd) = our.odd.as_ref().or(their.odd.as_ref()) {
        return Err(odd.clone());
    }
    if our.key.is_empty() {
        return Err("has no primary key".to_owned());
    }
    if our.key != their.key {
        return Err("has another primary key than in the backup".to_owned());
    }
    let triggers: Vec<String> = our.triggers.iter().map(|trigger| trigger.name.clone()).collect();
    if link.engine != Engine::Postgres && !triggers.is_empty() {
        // They cannot be switched off there.
        return Err(format!("has triggers, which would fire ({})", named(&triggers)));
    }
    for column in our.written() {
        match their.columns.iter().find(|other| other.name == column.name) {
            Some(other) if other.kind != column.kind => {
                return Err(format!("has {} as {}, which was {}", column.name, column.kind, other.kind));
            }
            None if column.required => {
                return Err(format!("has {} since, which has no default", column.name));
            }
            Some(_) | None => {}
        }
    }
    let computed = our.columns.iter().filter(|column| column.generated);
    for column in computed {
        let plain = link.quoted(&column.name);
        let is_in = |part: &String| part.contains(&plain) || *part == column.name;
        if our.uniques.iter().any(|unique| unique.parts.iter().any(is_in)) || our.key.contains(&column.name) {
            return Err(format!("has {}, which is computed and has to be unique", column.name));
        }
    }
    Ok(())
}

/// What of a shape belongs to these tables, with their own schema's name taken out.
pub(super) fn parts_of(shape: Vec<Texts>, tables: &BTreeSet<String>, own: &str) -> Vec<Texts> {
    const OF_TABLES: [&str; 7] = ["table", "column", "index", "foreign key", "check", "constraint", "partition"];
    let of_table = |row: &Texts| {
        let kind = row.first().and_then(Option::as_deref).unwrap_or_default();
        let table = row.get(1).and_then(Option::as_deref).unwrap_or_default();
        OF_TABLES.contains(&kind) && tables.contains(table)
    };
    let mut parts: Vec<Texts> = shape.into_iter().filter(of_table).collect();
    for row in &mut parts {
        if let (Some(Some(kind)), Some(Some(text))) = (row.first().cloned(), row.get_mut(3))
            && kind == "foreign key"
        {
            *text = text.replace(&format!(" REFERENCES {own} "), " REFERENCES ");
        }
    }
    parts.sort();
    parts
}

/// Whether a row of a shape is code, which names what it uses.
pub(super) fn is_code(row: &Texts) -> bool {
    matches!(row.first().and_then(Option::as_deref), Some("view" | "routine" | "event" | "parameter"))
}

/// Whether what was put beside the live tables is built as in the backup.
///
/// # Errors
/// What differs.
pub(super) fn same_shape(here: &[Texts], there: &[Texts]) -> Result<(), Hitch> {
    if here == there {
        return Ok(());
    }
    refuse(format!(
        "What was put beside the live tables is not built as in the backup: {}. Nothing was changed.",
        difference(here, there)
    ))
}
