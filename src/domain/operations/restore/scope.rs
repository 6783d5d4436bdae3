//! How far a restore reaches: who has to agree depends on it. Measured, never declared.

/// Every scope, by which approval rules tell restores apart.
pub(super) const WORDS: &[&str] = super::super::RADIUS;
/// Nothing of the platform is touched.
pub(in crate::domain::operations) const CLONE: &str = "clone";
/// What one tenant has.
pub(super) const TENANT: &str = "tenant";
/// All that the platform has.
pub(super) const EVERYTHING: &str = "full";

/// How much of the platform is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// One database of at most [`SINGLE_GIB`].
    Single,
    /// At most three databases of together at most [`MULTI_GIB`].
    Multi,
    /// More.
    Full,
}

/// GiB of one database that one person may put back.
const SINGLE_GIB: u64 = 500;
/// GiB of all databases of a restore that two people may put back.
const MULTI_GIB: u64 = 1024;

impl Reach {
    /// Its word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Reach::Single => "single",
            Reach::Multi => "multi",
            Reach::Full => EVERYTHING,
        }
    }
}

/// How large one thing of this scope may be, in GiB; none where there is no end to it.
pub(super) fn most_gib(scope: &str) -> Option<u64> {
    [(Reach::Single, SINGLE_GIB), (Reach::Multi, MULTI_GIB)]
        .into_iter()
        .find_map(|(reach, gib)| (reach.word() == scope).then_some(gib))
}

/// The smallest reach whose both limits hold.
pub(super) fn of_databases(count: u64, gib: u64) -> Reach {
    match (count, gib) {
        (0..=1, 0..=SINGLE_GIB) => Reach::Single,
        (0..=3, 0..=MULTI_GIB) => Reach::Multi,
        _ => Reach::Full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_whose_both_limits_hold() {
        for (count, gib, reach) in [
            (1, 500, Reach::Single),
            (1, 501, Reach::Multi),
            (2, 10, Reach::Multi),
            (3, 1024, Reach::Multi),
            (1, 1536, Reach::Full),
            (4, 10, Reach::Full),
        ] {
            assert_eq!(of_databases(count, gib), reach, "{count} of {gib} GiB");
        }
    }
}
