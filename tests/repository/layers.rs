//! The layers of the architecture, held: a module may only use what is below it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{fs, path::Path};

use bbws::domain::{operations, step::Action};

/// From the top down. A module uses its own row's permissions and everything its row lists.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("main", &["boot", "manifest", "telemetry", "bbws"]),
    ("boot", &["adapters", "app", "config", "domain", "engine", "front", "ports", "settings", "telemetry"]),
    ("front", &["app", "domain", "ports"]),
    ("adapters", &["domain", "ports"]),
    ("engine", &["app", "domain", "ports"]),
    ("app", &["domain", "ports"]),
    ("ports", &["domain"]),
    ("config", &["domain"]),
    ("settings", &["config"]),
    ("manifest", &["domain"]),
    ("domain", &[]),
];

/// What the domain must never touch, since it is pure.
const NOT_IN_DOMAIN: [&str; 8] =
    ["tokio::", "sqlx::", "aws_", "axum::", "async fn", "std::fs", "SystemTime::now", "Timestamp::now"];

fn files(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    files(&root, &mut paths);
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            let module = name.split(['/', '.']).next().unwrap().to_owned();
            (module, name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// First segments after every `crate::` in the text; groups included.
fn used(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut modules = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            modules.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
            continue;
        };
        let (mut depth, mut word) = (1, String::new());
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ if depth == 1 && (c.is_alphanumeric() || c == '_') => word.push(c),
                _ => {}
            }
            if depth == 0 || (depth == 1 && !(c.is_alphanumeric() || c == '_')) || (depth == 2 && c == '{') {
                if !word.is_empty() {
                    modules.push(std::mem::take(&mut word));
                }
                if depth == 0 {
                    break;
                }
            }
        }
    }
    modules
}

/// `a::{b, c}` names only `a` as a first segment; the words after `::` in a group are not modules of the crate.
fn is_module(name: &str) -> bool {
    MAY_USE.iter().any(|(module, _)| *module == name) || name == "telemetry"
}

#[test]
fn modules_use_only_what_is_below_them() {
    let mut wrong = Vec::new();
    for (module, file, text) in sources() {
        let Some((_, below)) = MAY_USE.iter().find(|(m, _)| *m == module) else { continue };
        for name in used(&text).into_iter().filter(|n| is_module(n) && *n != module) {
            if !below.contains(&name.as_str()) {
                wrong.push(format!("{file} uses {name}"));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "against the layers: {wrong:#?}");
}

#[test]
fn adapters_do_not_know_each_other() {
    let mut wrong = Vec::new();
    for (_, file, text) in sources().into_iter().filter(|(m, _, _)| m == "adapters") {
        let own = file.split('/').nth(1).unwrap_or_default().to_owned();
        for other in ["aws", "sandbox", "slack", "store"].into_iter().filter(|o| *o != own) {
            if text.contains(&format!("adapters::{other}")) {
                wrong.push(format!("{file} uses adapters::{other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_domain_is_pure() {
    let mut wrong = Vec::new();
    for (_, file, text) in sources().into_iter().filter(|(m, _, _)| m == "domain") {
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
            wrong.extend(NOT_IN_DOMAIN.iter().filter(|w| line.contains(**w)).map(|w| format!("{file} has {w}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Files beside the operations' own that may name one, each for its reason: who opens a room for what others run, who asks for the lifting of a stop, what is
/// cleaned up by itself, what a schedule may start, what a search tells at its end, what an inventory and a list say of a schedule, and what a list
/// offers to delete.
const MAY_NAME_AN_OPERATION: [(&str, &str); 8] = [
    ("app/convene.rs", "incident"),
    ("app/timer.rs", "schedule"),
    ("app/lift.rs", "resume"),
    ("app/tidy.rs", "cleanup"),
    ("app/reports.rs", "bisect"),
    ("app/inventory.rs", "schedule"),
    ("app/list.rs", "schedule"),
    ("app/list.rs", "delete"),
];

#[test]
fn no_operation_is_named_outside_its_own_file() {
    let files: Vec<_> = sources().into_iter().filter(|(_, file, _)| !file.starts_with("domain/operations/")).collect();
    let mut wrong = Vec::new();
    for operation in operations::ALL {
        // Steps in AWS have names of their own, of which some are the same.
        let quoted = format!("\"{}\"", operation.kind());
        let by_kind =
            files.iter().filter(|(_, file, text)| !file.starts_with("domain/step/") && text.contains(&quoted));
        wrong.extend(by_kind.map(|(_, file, _)| format!("{file} names {quoted}")));
    }
    for (module, file, text) in &files {
        if !["app", "engine", "config", "ports", "front"].contains(&module.as_str()) {
            continue;
        }
        let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for name in operation_modules() {
            let allowed = MAY_NAME_AN_OPERATION.contains(&(file.as_str(), name.as_str()));
            if !allowed && imported(&code).contains(&name) {
                wrong.push(format!("{file} names {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "the list of operations is for that: {wrong:#?}");
}

/// Files and folders of the operations, by name.
fn operation_modules() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain/operations");
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.map(|name| name.trim_end_matches(".rs").to_owned()).collect();
    assert!(names.len() > operations::ALL.len(), "each has its file: {names:?}");
    names.into_iter().filter(|name| name != "mod" && name != "draft").collect()
}

/// Every word after `operations::`, groups included.
fn imported(code: &str) -> Vec<String> {
    let paths = code.match_indices("operations::").map(|(at, path)| {
        let rest = &code[at + path.len()..];
        if rest.starts_with('{') {
            &rest[..rest.find('}').unwrap_or(rest.len())]
        } else {
            &rest[..rest.find([':', ';', ',']).unwrap_or(rest.len())]
        }
    });
    let words = paths.flat_map(|path| path.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// What Slack's payloads mean does not depend on what carries them.
#[test]
fn payloads_are_read_without_any_door() {
    let mut wrong = Vec::new();
    for (_, file, text) in sources().into_iter().filter(|(_, file, _)| file.starts_with("front/payload/")) {
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
            let door = ["axum", "tokio::", "async fn", "front::http", "front::sns", "super::super"];
            wrong.extend(door.iter().filter(|w| line.contains(**w)).map(|w| format!("{file} has {w}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The one place in an adapter that goes through all kinds, by a macro over the one list of them.
const DISPATCH: &str = "adapters/aws/steps/mod.rs";
/// What draws an example of a step.
const EXAMPLE: &str = "adapters/slack/sample.rs";

#[test]
fn adapters_do_not_sort_steps_by_kind() {
    let mut wrong = Vec::new();
    for (_, file, text) in sources().into_iter().filter(|(m, _, _)| m == "adapters") {
        if file == EXAMPLE {
            continue;
        }
        let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for (at, path) in code.match_indices("Action::") {
            let before = code[..at].chars().next_back();
            let named = code[at + path.len()..].starts_with(|c: char| c.is_ascii_uppercase());
            if named && !before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                wrong.push(format!("{file} sorts steps by kind: {}", &code[at..code.len().min(at + 40)]));
            }
        }
        if file == DISPATCH {
            let macros = code.split("macro_rules! dispatch").nth(1).and_then(|c| c.split("every_kind_of_step!").next());
            let macros = macros.expect("the dispatch is made of the list");
            assert!(macros.contains("Action::$change"), "{macros}");
            wrong.extend(macros.contains("_ =>").then(|| format!("{file} has an arm for all others")));
        }
    }
    assert!(wrong.is_empty(), "what is to be known of a kind is said by its parameters: {wrong:#?}");
}

#[test]
fn no_kind_of_step_is_named_outside_its_own_files() {
    let own = |file: &str| file.starts_with("domain/step/") || file.starts_with("adapters/aws/steps/");
    let files: Vec<_> = sources().into_iter().filter(|(_, file, _)| !own(file)).collect();
    let mut wrong = Vec::new();
    // Operations have names of their own, of which some are the same.
    let operation = |kind: &str| operations::ALL.iter().any(|operation| operation.kind() == kind);
    for (kind, _) in Action::KINDS.iter().filter(|(kind, _)| !operation(kind)) {
        let quoted = format!("\"{kind}\"");
        wrong.extend(
            files
                .iter()
                .filter(|(_, _, text)| text.contains(&quoted))
                .map(|(_, file, _)| format!("{file} names {quoted}")),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<String> =
        sources().into_iter().filter(|(_, _, text)| !text.starts_with("//! ")).map(|(_, file, _)| file).collect();
    assert!(silent.is_empty(), "without a first //! line: {silent:#?}");
}

#[test]
fn the_checker_sees_what_it_should() {
    assert_eq!(used("use crate::{app::{desk, wake}, domain::x};"), ["app", "domain", "x"]);
    assert_eq!(
        imported("use crate::domain::operations::{self, hold};\noperations::resume::X;"),
        ["self", "hold", "resume"]
    );
    assert_eq!(used("let a = crate::front::x();"), ["front"]);
    assert!(used("// crate::boot").is_empty());
}
