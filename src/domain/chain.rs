//! The chain of a database's automated backups: what happened to it, and to which moments of the past it therefore does not lead,
//! though RDS tells that its past reaches further back.

use serde::{Deserialize, Serialize};

use super::moment::Moment;

/// Something that happened to an instance, as far as its automated backups are concerned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// They were switched off: without backups there is no past.
    Off,
    /// They were switched on: the past begins anew.
    On,
    /// One of them was finished: whatever was before, from now on the chain is whole.
    BackedUp,
    /// Something that may have to do with them, in RDS's words, which nobody here knows.
    Unknown(String),
}

/// A time of the past to which a database cannot be restored, or of which nobody can tell whether it can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// DB instance id.
    pub database: String,
    /// From when on.
    pub from: Moment,
    /// Until when; none where nobody knows that it has ended.
    pub until: Option<Moment>,
    /// Why, as a sentence goes on after "because".
    pub why: String,
    /// Whether it is known to be one.
    pub certain: bool,
}

impl Gap {
    /// What these links, in the order of time, mean for a database.
    pub fn between(database: &str, links: &[(Moment, Link)]) -> Vec<Gap> {
        let after = |index: usize, ends: fn(&Link) -> bool| {
            // RDS restores to whole seconds: the first one after it is the nearest that works.
            let end = links[index + 1..].iter().find(|(_, link)| ends(link));
            end.map(|(at, _)| Moment(at.0.div_euclid(1000) * 1000 + 1000))
        };
        let gap = |(index, (from, link)): (usize, &(Moment, Link))| {
            let (until, why) = match link {
                Link::Off => {
                    let until = after(index, |link| *link == Link::On);
                    let since = until
                        .map_or_else(|| "and nobody knows whether they are on".to_owned(), |at| format!("until {at}"));
                    (until, format!("its automated backups were switched off at {from}, {since}"))
                }
                Link::Unknown(words) => {
                    let until = after(index, |link| matches!(link, Link::On | Link::BackedUp));
                    (until, format!("RDS tells of {from} what nobody here knows the meaning of: \"{words}\""))
                }
                Link::On | Link::BackedUp => return None,
            };
            Some(Gap { database: database.to_owned(), from: *from, until, why, certain: *link == Link::Off })
        };
        links.iter().enumerate().filter_map(gap).collect()
    }

    /// Whether a moment lies in it.
    pub fn holds(&self, at: Moment) -> bool {
        at > self.from && self.until.is_none_or(|until| at < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment(1_795_000_000_000 + seconds * 1000)
    }

    fn gaps(links: &[(i64, Link)]) -> Vec<Gap> {
        let links: Vec<(Moment, Link)> = links.iter().map(|(seconds, link)| (at(*seconds), link.clone())).collect();
        Gap::between("db", &links)
    }

    #[test]
    fn backups_that_were_off_break_the_chain_until_they_are_on_again() {
        let spans =
            |links: &[(i64, Link)]| gaps(links).into_iter().map(|gap| (gap.from, gap.until)).collect::<Vec<_>>();
        assert_eq!(spans(&[(10, Link::On)]), []);
        assert_eq!(spans(&[(10, Link::Off), (20, Link::On)]), [(at(10), Some(at(21)))]);
        assert_eq!(
            spans(&[(10, Link::Off), (15, Link::BackedUp), (20, Link::On), (30, Link::Off)]),
            [(at(10), Some(at(21))), (at(30), None)]
        );
        let gap = &gaps(&[(10, Link::Off), (20, Link::On)])[0];
        assert_eq!([9, 10, 11, 20, 21].map(|seconds| gap.holds(at(seconds))), [false, false, true, true, false]);
        assert!(gap.certain && gaps(&[(10, Link::Off)])[0].holds(at(1_000_000)), "nobody switched them on again");
    }

    #[test]
    fn what_nobody_knows_is_no_gap_and_cannot_be_told_until_the_next_backup() {
        let unknown = || Link::Unknown("Backup stream was reset".to_owned());
        let told = gaps(&[(10, unknown()), (30, Link::BackedUp), (40, Link::BackedUp)]);
        let [doubt] = told.as_slice() else { panic!("{told:#?}") };
        assert!(!doubt.certain && doubt.why.contains("Backup stream was reset"));
        assert_eq!([10, 11, 30, 31].map(|seconds| doubt.holds(at(seconds))), [false, true, true, false]);
        assert!(gaps(&[(10, unknown())])[0].holds(at(1_000_000)));
    }
}
