//! The README says what the parser says.
#![allow(missing_docs)]

use bbws::domain::language::readme_table;

#[test]
fn the_commands_table_is_the_parsers() {
    let readme = include_str!("../../README.md");
    let table = readme.split("<!-- commands -->").nth(1).and_then(|rest| rest.split("<!-- /commands -->").next());
    let want = readme_table();
    assert_eq!(
        table.map(str::trim),
        Some(want.trim()),
        "replace the table between the comments in README.md by:\n{want}"
    );
}
