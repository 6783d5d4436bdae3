//! What the product is built from: licences that allow it, one registry, no second TLS or database stack.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// Licences whose terms a closed or open product can meet by shipping their texts.
const ALLOWED: [&str; 10] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BlueOak-1.0.0",
    "ISC",
    "MPL-2.0",
    "Unicode-3.0",
    "Zlib",
];

/// C libraries that rustls with ring makes needless, and what would bring them in.
const BANNED: [&str; 6] = ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys", "boring"];

/// Two of these would be two runtimes, two TLS stacks, two pools, in one process.
const ONCE: [&str; 9] = ["axum", "hyper", "ring", "rustls", "serde", "sqlx", "tokio", "toml", "webpki-roots"];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version=1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("a list of packages").clone()
}

fn text<'v>(package: &'v Value, key: &str) -> &'v str {
    package[key].as_str().unwrap_or_default()
}

fn title(package: &Value) -> String {
    format!("{} {}", text(package, "name"), text(package, "version"))
}

/// Whether an SPDX expression can be met with allowed licences: one side of every OR, both of every AND.
fn met(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").replace(" WITH ", "\0");
    let tokens: Vec<String> = spaced.split_whitespace().map(|t| t.replace('\0', " WITH ")).collect();
    let mut rest = tokens.iter().map(String::as_str).peekable();
    any(&mut rest) && rest.next().is_none()
}

type Tokens<'t, I> = std::iter::Peekable<I>;

fn any<'t, I: Iterator<Item = &'t str>>(tokens: &mut Tokens<'t, I>) -> bool {
    let mut good = all(tokens);
    while tokens.next_if_eq(&"OR").is_some() {
        good |= all(tokens);
    }
    good
}

fn all<'t, I: Iterator<Item = &'t str>>(tokens: &mut Tokens<'t, I>) -> bool {
    let mut good = one(tokens);
    while tokens.next_if_eq(&"AND").is_some() {
        good &= one(tokens);
    }
    good
}

fn one<'t, I: Iterator<Item = &'t str>>(tokens: &mut Tokens<'t, I>) -> bool {
    match tokens.next() {
        Some("(") => {
            let good = any(tokens);
            tokens.next() == Some(")") && good
        }
        Some(licence) => ALLOWED.contains(&licence),
        None => false,
    }
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    for good in
        ["MIT", "MIT/GPL-3.0", "GPL-3.0 OR (MIT AND ISC)", "GPL-3.0 AND ISC OR MIT", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(met(good), "{good}");
    }
    for bad in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "(MIT", "MIT ISC", "MIT WITH odd-exception"]
    {
        assert!(!met(bad), "{bad}");
    }
}

#[test]
fn every_licence_is_allowed() {
    let bad: Vec<String> = packages()
        .iter()
        .filter(|p| !met(text(p, "license")))
        .map(|p| format!("{}: `{}`", title(p), text(p, "license")))
        .collect();
    assert!(bad.is_empty(), "licences that are not allowed; replace these crates:\n{}", bad.join("\n"));
}

#[test]
fn everything_comes_from_one_registry() {
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    let bad: Vec<String> = packages()
        .iter()
        .filter(|p| text(p, "name") != "bbws" && text(p, "source") != registry)
        .map(|p| format!("{} from `{}`", title(p), text(p, "source")))
        .collect();
    assert!(bad.is_empty(), "crates from elsewhere than crates.io:\n{}", bad.join("\n"));
}

#[test]
fn there_is_no_second_stack() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages() {
        versions.entry(text(&package, "name").to_owned()).or_default().push(title(&package));
    }
    let banned: Vec<&String> = BANNED.iter().filter_map(|name| versions.get(*name)).flatten().collect();
    assert!(banned.is_empty(), "banned crates are in the tree (cargo tree -i says why): {banned:?}");
    for name in ONCE {
        let found = versions.get(name).map_or(0, Vec::len);
        assert!(found <= 1, "more than one {name} is in the tree: {:?}", versions[name]);
    }
}
