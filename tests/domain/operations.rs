//! What holds for every operation there is and for those to come.

use std::collections::BTreeSet;

use bbws::domain::{
    command::Does,
    language,
    operations::{self, Ended, Operation},
    plan::Plan,
};

/// An operation that says nothing for itself but what it is called.
struct Bare;

impl Operation for Bare {
    fn kind(&self) -> &'static str {
        "dr.unheard_of"
    }

    fn prefix(&self) -> &'static str {
        "dr"
    }
}

fn plan(kind: &str) -> Plan {
    Plan {
        kind: kind.into(),
        environment: "prod".into(),
        scope: "full".into(),
        tenant: None,
        account: "093646564004".into(),
        region: "af-south-1".into(),
        dr_region: Some("eu-west-1".into()),
        retention_days: None,
        facts: Vec::new(),
        notes: Vec::new(),
        steps: Vec::new(),
    }
}

#[test]
fn what_is_not_said_is_safe() {
    let plan = plan("dr.unheard_of");
    // A kind that this build does not know, as a newer one may have written it, is answered for likewise.
    for operation in [&Bare as &dyn Operation, operations::of("dr.unheard_of")] {
        assert!(operation.locks() && !operation.passes_stops() && operation.publishes() && !operation.backs_up());
        assert_eq!(operation.title(&plan), "Unheard of of prod (full)");
        let run = &crate::slack::sample::running().run;
        let done = operation.done(&Ended { plan: &plan, steps: 3, took: "4 min", run });
        assert_eq!(done, "All 3 steps are done, in 4 min.");
        assert_eq!(operation.not_done(&plan), "What was asked for is *not* done.");
        assert_eq!(operation.left_behind(&plan, 2), None);
    }
}

#[test]
fn only_a_backup_says_that_it_is_one() {
    for operation in operations::ALL.into_iter().filter(|operation| !operation.backs_up()) {
        let plan = plan(operation.kind());
        let run = &crate::slack::sample::running().run;
        let done = operation.done(&Ended { plan: &plan, steps: 3, took: "4 min", run });
        let told = format!("{done} {}", operation.not_done(&plan));
        assert!(!told.contains("every result is verified") && !told.contains("complete backup"), "{told}");
    }
}

#[test]
fn each_has_a_name_of_its_own_and_a_way_to_be_asked_for() {
    let kinds: BTreeSet<&str> = operations::ALL.into_iter().map(Operation::kind).collect();
    assert_eq!(kinds.len(), operations::ALL.len());
    for operation in operations::ALL {
        let Some(entry) = operation.entry() else {
            assert!(!operation.governed(), "{} begins by itself, so that no rule may ask for people", operation.kind());
            continue;
        };
        for example in entry.examples {
            let text = example.replace("ENV", "prod");
            let command = language::parse(&text, &["prod"]).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
            assert_eq!(command.name(), entry.name);
            let asked = operations::asked(&command).map(Operation::kind);
            assert_eq!(asked, (command.does() == Does::Operation).then_some(operation.kind()), "{text}");
        }
    }
}

#[test]
fn rules_may_name_every_scope_a_request_can_have() {
    let known = operations::scopes();
    for operation in operations::ALL {
        for scope in operation.scopes() {
            assert!(known.contains(scope) && operations::may_have(operation.kind(), scope));
        }
    }
    assert!(!operations::may_have("backup.delete", "full") && operations::may_have("backup.restore", "full"));
}

#[test]
fn a_rule_for_lifting_a_stop_adds_to_one_other_person_and_takes_nobody_away() {
    use bbws::domain::{
        approval::ANY_ROLE,
        operations::resume::{self, Resume},
        policy::Need,
    };
    let plan = resume::plan("prod", "prod", Vec::new());
    let need = |role: &str, count| Need { role: role.to_owned(), count };
    let anybody = vec![need(ANY_ROLE, 1)];
    assert_eq!(Resume.needs(&plan, vec![]), anybody);
    assert_eq!(
        Resume.needs(&plan, vec![need("lead", 0)]),
        anybody,
        "a rule that asks nobody asks somebody all the same"
    );
    for configured in [vec![need("lead", 1)], vec![need("dba", 2), need("lead", 1)]] {
        assert_eq!(Resume.needs(&plan, configured.clone()), configured);
    }
}
