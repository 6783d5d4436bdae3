//! The layers of the architecture, held: a module may only use what is below it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{fs, path::Path};

/// From the top down. A module uses its own row's permissions and everything its row lists.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("main", &["boot", "manifest", "telemetry", "bbws"]),
    ("boot", &["adapters", "app", "config", "domain", "engine", "http", "ports", "settings", "telemetry"]),
    ("http", &["app", "domain", "ports"]),
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

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<String> =
        sources().into_iter().filter(|(_, _, text)| !text.starts_with("//! ")).map(|(_, file, _)| file).collect();
    assert!(silent.is_empty(), "without a first //! line: {silent:#?}");
}

#[test]
fn the_checker_sees_what_it_should() {
    assert_eq!(used("use crate::{app::{desk, wake}, domain::x};"), ["app", "domain", "x"]);
    assert_eq!(used("let a = crate::http::x();"), ["http"]);
    assert!(used("// crate::boot").is_empty());
}
