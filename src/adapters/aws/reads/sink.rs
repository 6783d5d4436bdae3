//! Where recovery points go that are read of AWS.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    domain::{
        moment::Moment,
        point::{Point, PointQuery},
    },
    ports::cloud::Pages,
};

/// Where points go to: only those asked for, from several listings at once.
pub struct Sink<'q, 'p> {
    query: &'q PointQuery,
    page: Mutex<&'q mut Pages<'p>>,
    others: Mutex<BTreeMap<String, u64>>,
}

impl<'q, 'p> Sink<'q, 'p> {
    /// What is asked for goes to `page`.
    pub fn new(query: &'q PointQuery, page: &'q mut Pages<'p>) -> Self {
        Sink { query, page: Mutex::new(page), others: Mutex::default() }
    }

    /// Hands a page on.
    pub fn give(&self, points: impl Iterator<Item = Point>) {
        let wanted: Vec<Point> = points.filter(|p| self.query.wants(p)).collect();
        if !wanted.is_empty() {
            let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
            (*page)(wanted);
        }
    }

    /// Counts what is of no kind that is known here, by what AWS calls it, where no kind is asked for by name.
    pub fn leave_out(&self, kind: String, made: Option<Moment>) {
        let (since, before) = (self.query.since, self.query.before);
        let meant =
            made.is_some_and(|at| since.is_none_or(|since| since <= at) && before.is_none_or(|before| at < before));
        if meant && self.query.kinds.is_empty() && self.query.resource.is_none() {
            *self.others.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
        }
    }

    /// What is asked for.
    pub fn query(&self) -> &PointQuery {
        self.query
    }

    /// What was left out, by what AWS calls it.
    pub fn left_out(self) -> BTreeMap<String, u64> {
        self.others.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
