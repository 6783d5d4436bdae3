//! What ledgers hold and digests are made of, byte by byte, as an earlier build wrote it.

use std::collections::BTreeSet;

use bbws::domain::{
    audit::{AuditEntry, Head},
    language,
    moment::Moment,
    operation::OpId,
    plan::Plan,
    step::Action,
};
use serde_json::json;

const ACTIONS: &str = include_str!("../frozen/actions.jsonl");
const PLANS: &str = include_str!("../frozen/plans.tsv");
const ENVIRONMENTS: [&str; 3] = ["dev", "sit", "prod"];

/// Command, digest and plan of each line.
fn plans() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    PLANS.lines().map(|line| {
        let mut parts = line.split('\t');
        let mut part = || parts.next().expect("three columns");
        (part(), part(), part())
    })
}

#[test]
fn every_kind_of_step_is_stored_as_it_was() {
    let mut frozen = BTreeSet::new();
    for line in ACTIONS.lines() {
        let action: Action = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(serde_json::to_string(&action).unwrap(), line);
        assert!(line.starts_with(&format!(r#"{{"kind":"{}","params":{{"#, action.kind())), "{line}");
        assert!(frozen.insert(action.kind()), "{} twice", action.kind());
    }
    let known: BTreeSet<&str> = Action::KINDS.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(frozen, known, "a new kind adds its line to tests/frozen/actions.jsonl, none takes one away");
}

#[test]
fn plans_and_their_digests_are_as_they_were() {
    for (command, digest, text) in plans() {
        let plan: Plan = serde_json::from_str(text).unwrap_or_else(|e| panic!("{command}: {e}"));
        assert_eq!(serde_json::to_string(&plan).unwrap(), text, "{command}");
        assert_eq!(plan.digest(), digest, "{command}");
    }
    assert_eq!(plans().count(), 23);
}

#[test]
fn canonical_commands_are_as_they_were() {
    for (text, ..) in plans() {
        let command = language::parse(text, &ENVIRONMENTS).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
        assert_eq!(command.canonical(), text);
    }
}

#[test]
fn audit_entries_hash_as_they_did() {
    let entry = AuditEntry {
        at: Moment(1_795_230_000_000),
        actor: "U0ALICE".into(),
        action: "intent".into(),
        operation: Some(OpId("bk-1".into())),
        detail: json!({"step": 3, "kind": "rds.snapshot", "resource": "bbws-prod-mysql", "token": "bk-1-3", "attempt": 1}),
    };
    let canonical = entry.canonical();
    insta::assert_snapshot!(canonical, @r#"{"action":"intent","actor":"U0ALICE","at":1795230000000,"detail":{"attempt":1,"kind":"rds.snapshot","resource":"bbws-prod-mysql","step":3,"token":"bk-1-3"},"operation":"bk-1"}"#);
    let head = Head::default().extend(&canonical);
    let again = head.extend(&canonical);
    assert_eq!((head.seq, again.seq), (1, 2));
    insta::assert_snapshot!(format!("{} {}", head.hash, again.hash), @"f25cbda114e7bfda4d70c9c52e2be176ffebfb7c9c0afe38cea5de2ef7f7a228 f95c1c435d3478856ec552545165ad9d17cf6051febed9303ca10b503fdb6d8c");
}
