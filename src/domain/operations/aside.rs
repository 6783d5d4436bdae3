//! Databases on the way between two sides: backed up, and put aside under another name, so that a replica can have theirs. What is put
//! aside gets a last snapshot: it is the archive of what only it has.

use super::draft::Draft;
use crate::domain::{
    command::value::span_text,
    environment::Environment,
    mark::{Leftover, MarkKind},
    moment::{Moment, spoken},
    restored, step,
};

/// For which operation something is put aside, and when.
#[derive(Clone, Copy)]
pub(super) struct Aside<'a> {
    pub(super) env: &'a Environment,
    pub(super) operation: &'a str,
    pub(super) at: Moment,
}

impl Aside<'_> {
    /// The name that an instance gets which is put aside.
    pub(super) fn name(&self, id: &str) -> String {
        restored::before(id, self.operation)
    }

    /// The name of a snapshot of something of that name.
    pub(super) fn snapshot_of(&self, name: &str) -> String {
        restored::snapshot(name, &self.at.yyyymmdd(), self.operation)
    }

    /// A verified snapshot of an instance, named after what it is or will be; the step that verifies it.
    pub(super) fn snapshot(
        &self,
        draft: &mut Draft,
        (region, database): (&str, &str),
        name: &str,
        after: Vec<usize>,
    ) -> usize {
        let snapshot = self.snapshot_of(name);
        let (region, database) = (region.to_owned(), database.to_owned());
        let title = format!("Snapshot database {database}");
        let made = step::RdsSnapshot { region: region.clone(), database, snapshot: snapshot.clone() };
        let made = draft.step(title, after, made);
        let retention_days = self.env.retention_days.default;
        let verify = step::VerifySnapshot { region, snapshot: snapshot.clone(), retention_days };
        draft.step(format!("Verify {snapshot}"), vec![made], verify)
    }

    /// A copy of a snapshot in another region under a key of that one, verified.
    pub(super) fn copy(
        &self,
        draft: &mut Draft,
        snapshot: String,
        (from, to, key): (&str, &str, &str),
        after: usize,
    ) -> usize {
        let copy = format!("{snapshot}-dr");
        let title = format!("Copy {snapshot} to {to}");
        let copied = step::RdsCopy {
            from_region: from.to_owned(),
            region: to.to_owned(),
            account: self.env.account.clone(),
            snapshot,
            copy: copy.clone(),
            kms_key: Some(key.to_owned()),
        };
        let copied = draft.step(title, vec![after], copied);
        let retention_days = self.env.retention_days.default;
        let verify = step::VerifySnapshot { region: to.to_owned(), snapshot: copy.clone(), retention_days };
        draft.step(format!("Verify {copy}"), vec![copied], verify)
    }

    /// The instance of that name, and of this id that stays with it, gets another name, for which it is promised for a while; the step
    /// after which its name is free.
    pub(super) fn rename(
        &self,
        draft: &mut Draft,
        (region, id): (&str, &str),
        resource: &str,
        after: Vec<usize>,
    ) -> usize {
        let before = self.name(id);
        let rename = step::Rename {
            region: region.to_owned(),
            id: Some(resource.to_owned()),
            from: id.to_owned(),
            to: before.clone(),
            back: false,
            turns_back: false,
        };
        let renamed = draft.step(format!("Rename {id} to {before}"), after, rename);
        let keep = self.env.restore.keep_before;
        let note = Leftover::instance(region).kept_for(&span_text(keep)).note();
        draft.step(
            format!("Write down that {before} is promised for {}", spoken(keep.0)),
            vec![renamed],
            step::Remember { mark: MarkKind::Before, subject: before, note },
        );
        renamed
    }
}

/// A service with so many tasks.
pub(super) fn scale(region: &str, cluster: &str, service: &str, desired: u32) -> step::ScaleService {
    step::ScaleService { region: region.to_owned(), cluster: cluster.to_owned(), service: service.to_owned(), desired }
}
