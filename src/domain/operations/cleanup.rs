//! `backup.cleanup`: deleting what a restore left behind, once its time is over. The plan of the restore says that this comes
//! by itself.

use super::{
    Ended, Operation, Works,
    draft::{Draft, Head},
    whole,
};
use crate::domain::{
    environment::Environment,
    mark::{Leftover, Mark, MarkKind},
    operation::Run,
    plan::Plan,
    restored,
    step::{self, Action},
    text::escape,
};

/// The kind on plans.
const KIND: &str = "backup.cleanup";

/// The operation. It begins by itself (`app::tidy`): who agreed to the restore agreed to this.
pub struct Cleanup;

impl Operation for Cleanup {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "cl"
    }

    /// What a restore made is where its mark says.
    fn works(&self) -> Works {
        Works::OnBoth
    }

    fn governed(&self) -> bool {
        false
    }

    /// What it deletes nobody else uses.
    fn locks(&self) -> bool {
        false
    }

    /// Its command is the restore's.
    fn plans_again(&self, _: &Run) -> bool {
        false
    }

    fn title(&self, plan: &Plan) -> String {
        format!("Clean up {} in {}", plan.scope, whole(plan))
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        format!("{} is deleted: nothing is left of the restore.", escape(&ended.plan.scope))
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "Something may be left in AWS, and costs."
    }
}

/// The plan for one leftover.
///
/// # Errors
/// When the mark is not one of a restore.
pub fn plan(env: &Environment, leftover: &Mark) -> Result<Plan, Vec<String>> {
    let name = &leftover.subject;
    let mut draft = Draft::default();
    if leftover.kind != MarkKind::Leftover || !restored::is_made_by(name, &leftover.operation) {
        draft.problem(format!("`{name}` was not made by a restore."));
    }
    let Leftover { files, region, kept } = Leftover::read(&leftover.note);
    let what = if files { "File system" } else { "Instance" };
    let made = match kept {
        Some(kept) => format!("restored by {}, kept for {kept} from {}", leftover.operation, leftover.at),
        None => format!("made for a test by {} at {}", leftover.operation, leftover.at),
    };
    draft.fact(format!("{what} {name}"), made);
    let deleted = if files {
        let ends = ends_of_files(region, name, &leftover.operation).into_iter();
        ends.fold(vec![], |before, (title, action)| vec![draft.step(title, before, action)])
    } else {
        let (region, operation) = (region.to_owned(), leftover.operation.clone());
        let delete = step::DeleteInstance { region, instance: name.clone(), operation };
        vec![draft.step(format!("Delete {name}"), vec![], delete)]
    };
    draft.step(
        format!("Write down that nothing is left of {name}"),
        deleted,
        step::Forget { mark: MarkKind::Leftover, subject: name.clone() },
    );
    draft.finish(Head { kind: KIND, environment: env, scope: name.clone(), tenant: None, retention_days: None })
}

/// The end of a restored file system, in order: EFS deletes none that still has an address, and the policy that lets it be
/// deleted asks for our tags, which a test that failed early did not write.
pub(super) fn ends_of_files(region: &str, name: &str, operation: &str) -> [(String, Action); 3] {
    let (region, name, operation) = (region.to_owned(), name.to_owned(), operation.to_owned());
    [
        (
            format!("See that {name} bears our tags"),
            step::TagFiles { region: region.clone(), name: name.clone() }.into(),
        ),
        (
            format!("Delete the mount target of {name}"),
            step::DeleteMountTarget { region: region.clone(), name: name.clone(), operation: operation.clone() }.into(),
        ),
        (format!("Delete file system {name}"), step::DeleteFiles { region, name, operation }.into()),
    ]
}
