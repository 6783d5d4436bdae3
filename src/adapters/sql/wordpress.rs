//! Whether a schema holds a WordPress: its tables under one prefix.

use std::collections::BTreeSet;

use super::{catalogue, link::Link};

/// What no WordPress is without. `links` is not among them: many drop it.
const CORE: [&str; 11] = [
    "commentmeta",
    "comments",
    "options",
    "postmeta",
    "posts",
    "term_relationships",
    "term_taxonomy",
    "termmeta",
    "terms",
    "usermeta",
    "users",
];

/// Looks for the tables.
pub(super) async fn tables(link: &mut Link, schema: &str) -> Result<String, String> {
    let found: BTreeSet<String> = catalogue::tables(link, schema).await?.into_keys().collect();
    judge(schema, &found)
}

/// The prefix under which most of the tables are is the one that was meant.
fn judge(schema: &str, found: &BTreeSet<String>) -> Result<String, String> {
    let prefixes: BTreeSet<&str> =
        found.iter().flat_map(|name| CORE.iter().filter_map(|core| name.strip_suffix(core))).collect();
    let missing =
        |prefix: &str| CORE.iter().map(|core| format!("{prefix}{core}")).filter(|name| !found.contains(name)).collect();
    let best = prefixes
        .into_iter()
        .map(|prefix| (prefix, missing(prefix)))
        .min_by_key(|(_, missing): &(_, Vec<String>)| missing.len());
    match best {
        Some((prefix, missing)) if missing.is_empty() => {
            Ok(format!("All {} tables of WordPress are there, with prefix `{prefix}`.", CORE.len()))
        }
        Some((_, missing)) => Err(format!("Tables of WordPress are missing in {schema}: {}.", missing.join(", "))),
        None => Err(format!("There is no table of WordPress in {schema}, under no prefix.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(prefix: &str) -> BTreeSet<String> {
        CORE.iter().map(|core| format!("{prefix}{core}")).collect()
    }

    #[test]
    fn any_prefix_will_do_but_it_has_to_be_one() {
        for prefix in ["wp_", "", "shop_7_"] {
            assert!(judge("t", &site(prefix)).is_ok(), "{prefix}");
        }
        let mut two = site("wp_");
        two.remove("wp_options");
        two.insert("old_options".into());
        assert_eq!(judge("t", &two), Err("Tables of WordPress are missing in t: wp_options.".into()));
        assert!(judge("t", &BTreeSet::new()).is_err());
    }
}
