//! What is told of backups that nobody restored for a test: that it was too long ago, or is about to be.

use std::time::Duration;

use super::{
    Finding, Kind, Look, View,
    words::{LATER, code, look_closer, named, promised},
};
use crate::domain::{
    attachment::Offer,
    environment::Environment,
    mark::Mark,
    moment::{Moment, spoken},
    operations::{
        schedule::own,
        validate::{self, Checks},
    },
    point::PointKind,
    routine::{Due, Routine},
    text::escape,
};

/// A dump is loaded at least this often, where more time is promised between restores for a test.
const MONTH: Duration = Duration::from_secs(31 * 86_400);

/// A test restore is told of when so much of the time between two is gone, in tenths, and none is due before.
const NEARLY: u32 = 9;

pub(super) fn restore_test(view: &View<'_>, look: &mut Look) {
    let Some(every) = view.environment.restore_test else { return };
    let environment = view.environment;
    let newest = |resource: &str| {
        let of = |m: &&Mark| m.tested_resource() == Some(resource);
        view.marks.iter().filter(of).map(|m| m.at).max()
    };
    let databases = environment.databases.iter().map(|d| (PointKind::Rds, &d.id));
    let files = environment.file_systems.iter().map(|f| (PointKind::Efs, &f.id));
    for (kind, resource) in databases.chain(files) {
        tested(view, look, (kind, resource), newest(resource), every.0);
    }
    let loads = own::in_force(view.marks, Routine::DumpTest).is_some();
    for dump in &environment.dumps {
        let (newest, every) = (newest(&Mark::dump_of(&dump.database)), every.0.min(MONTH));
        let late = newest.is_none_or(|at| view.now.since(at) > every);
        if late && dump.load_test.is_none() && !loads {
            look.found.push(not_loaded(view, &dump.database));
        } else {
            tested(view, look, (PointKind::Dump, &dump.database), newest, every);
        }
    }
}

/// Whether something was restored for a test in time, and will be.
fn tested(
    view: &View<'_>,
    look: &mut Look,
    (kind, resource): (PointKind, &str),
    newest: Option<Moment>,
    every: Duration,
) {
    let soon = Kind::RestoreTest.key(&format!("soon {kind} {resource}"));
    let finding = match newest.filter(|at| view.now.since(*at) <= every) {
        None => {
            // What is overdue is told as that, and no more as about to be.
            look.veiled.insert(soon);
            untested(view, kind, resource, newest, every)
        }
        Some(at) => {
            let test = |due: &&Due| {
                let tests = [Some(Routine::RestoreTest), (kind == PointKind::Dump).then_some(Routine::DumpTest)];
                due.at <= at + every && tests.into_iter().flatten().any(|routine| due.routine == routine.name())
            };
            let in_time = view.now.since(at) < every * NEARLY / 10;
            // Once told it stands until there was one.
            if in_time || (!view.stands(&soon) && view.dues.iter().any(|due| test(&due))) {
                return;
            }
            untested_soon(view, soon, (kind, resource), at, every)
        }
    };
    if view.reaches_all() || view.stands(&finding.key) {
        look.found.push(finding);
    }
}

fn not_loaded(view: &View<'_>, database: &str) -> Finding {
    let (kind, environment) = (PointKind::Dump, escape(&view.environment.name));
    Finding {
        key: Kind::RestoreTest.key(&format!("{kind} {database}")),
        kind: Kind::RestoreTest,
        critical: false,
        certain: true,
        again: 0,
        title: format!("Dumps of {} are read to their end and never loaded for a test", code(database)),
        reason: "No schedule loads them, and the config names no `load_test` of the dump.".to_owned(),
        next: format!(
            "`/bbws backup schedule {environment} create --type dump-test` loads them into an instance that is made for it and deleted again. Or name, as `load_test`, a secret with the login of a server of the test's own: test restores then load into it."
        ),
        fix: view.reaches_all().then(|| test_of(view.environment, kind)),
    }
}

/// A button that tests a backup of this kind.
fn test_of(environment: &Environment, kind: PointKind) -> Offer {
    match kind {
        PointKind::Dump => {
            let command = validate::command(&environment.name, Checks { dump_test: true, ..Checks::NONE });
            Offer { label: "Load a dump now".to_owned(), command: command.canonical(), confirm: None }
        }
        _ => look_closer(environment, true, false),
    }
}

/// What will be overdue soon, while no test is due before.
fn untested_soon(
    view: &View<'_>,
    key: String,
    (kind, resource): (PointKind, &str),
    newest: Moment,
    every: Duration,
) -> Finding {
    let (ago, environment) = (view.now.since(newest), view.environment);
    Finding {
        key,
        kind: Kind::RestoreTest,
        critical: false,
        certain: true,
        again: 0,
        title: format!(
            "{} was last restored for a test {} ago; what is promised, once in {}, is about to break, in {}",
            code(&format!("{kind} {}", named(environment, resource))),
            spoken(ago),
            promised(every),
            spoken(every.saturating_sub(ago))
        ),
        reason: "No test is due before.".to_owned(),
        next: if view.reaches_all() { "Test one now." } else { LATER }.to_owned(),
        fix: view.reaches_all().then(|| test_of(environment, kind)),
    }
}

fn untested(view: &View<'_>, kind: PointKind, resource: &str, newest: Option<Moment>, every: Duration) -> Finding {
    let environment = view.environment;
    let login = kind != PointKind::Rds || environment.dumps.iter().any(|d| d.database == resource);
    Finding {
        key: Kind::RestoreTest.key(&format!("{kind} {resource}")),
        kind: Kind::RestoreTest,
        critical: false,
        certain: true,
        again: 0,
        title: format!(
            "No backup of {} was restored for a test in the last {}",
            code(&format!("{kind} {}", named(environment, resource))),
            promised(every)
        ),
        reason: newest.map_or_else(
            || "There has been none yet.".to_owned(),
            |at| format!("The last one was {} ago.", spoken(view.now.since(at))),
        ),
        next: if !view.reaches_all() {
            LATER.to_owned()
        } else if login {
            "A backup that was never restored is a hope: test one now.".to_owned()
        } else {
            "Nothing in it can be compared without a login: declare it under `dumps` in the config, then test one."
                .to_owned()
        },
        fix: view.reaches_all().then(|| test_of(environment, kind)),
    }
}
