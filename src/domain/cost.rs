//! What something that a restore left costs a day, at the prices of the config. What has no price is said, and is never taken for
//! nothing.

use std::collections::BTreeMap;

use super::{
    environment::Price,
    operation::Run,
    restored::{self, Left},
};

/// What the name of an output begins with that says what an instance is made of: `made of bbws-prod-mysql`.
const MADE_OF: &str = "made of ";
/// What prices of instance classes begin with in the config; they are of an hour in one zone.
pub const CLASS: &str = "db.";
/// Types of storage that have a price in the config, of a GiB a month.
pub const STORAGE: [&str; 5] = ["gp2", "gp3", "io1", "io2", "standard"];
/// Hours of a day.
const HOURS: u64 = 24;
/// Days of a month, as AWS's own calculator has them, in hundredths.
const MONTH: u64 = 3042;

/// What AWS bills of an instance: by the hour, and its storage by the month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardware {
    /// Its class: `db.r6g.large`.
    pub class: String,
    /// The type of its storage: `gp3`.
    pub storage: String,
    /// Its storage.
    pub gib: u64,
    /// It stands in two zones, and is billed twice.
    pub doubled: bool,
}

impl Hardware {
    /// The output of a step that saw this instance.
    pub fn output(&self, instance: &str) -> (String, String) {
        let zones = if self.doubled { 2 } else { 1 };
        (format!("{MADE_OF}{instance}"), format!("{} {} {} {zones}", self.class, self.storage, self.gib))
    }

    fn read(text: &str) -> Option<Hardware> {
        let [class, storage, gib, zones] = text.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let (class, storage) = (class.to_owned(), storage.to_owned());
        Some(Hardware { class, storage, gib: gib.parse().ok()?, doubled: zones == "2" })
    }

    /// What steps of a run saw of something that it left.
    pub fn of(subject: &str, run: &Run) -> Option<Hardware> {
        let operation = run.op.id.0.as_str();
        // What was live has another name since, and so has what was live in its place and was undone.
        let is_it = |seen: &str| {
            let undone = || restored::undone(restored::source(seen), operation) == subject;
            seen == subject
                || restored::before(seen, operation) == subject
                || (restored::is_made_by(seen, operation) && undone())
        };
        let seen = run.steps.iter().flat_map(|step| &step.outputs);
        let of_it = seen.filter(|(name, _)| name.strip_prefix(MADE_OF).is_some_and(is_it));
        of_it.filter_map(|(_, made)| Hardware::read(made)).next_back()
    }

    fn parts(&self) -> (String, String) {
        let zones = if self.doubled { " in two zones" } else { "" };
        (format!("{}{zones}", self.class), format!("{} GiB of {}", self.gib, self.storage))
    }

    /// What it costs a day, as the end of a sentence.
    fn told(&self, prices: &BTreeMap<String, Price>) -> String {
        let (class, storage) = self.parts();
        let zones = if self.doubled { 2 } else { 1 };
        let runs = prices.get(&self.class).map(|price| price.0 * HOURS * zones);
        let stores = prices.get(&self.storage).map(|price| price.0 * self.gib * zones * 100 / MONTH);
        match (runs, stores) {
            (Some(runs), Some(stores)) => {
                format!("costs {} a day by the prices of the config ({class}, {storage})", dollars(runs + stores))
            }
            (Some(runs), None) => {
                format!(
                    "costs {} a day as {class}, and its {storage}, for which the config names no price",
                    dollars(runs)
                )
            }
            (None, Some(stores)) => format!(
                "costs {} a day for its {storage}, and what {class} costs, for which the config names no price",
                dollars(stores)
            ),
            (None, None) => {
                format!("costs a day what {class} and {storage} cost, for which the config names no price")
            }
        }
    }
}

/// Dollars and cents, rounded up: what costs something is not free.
fn dollars(micros: u64) -> String {
    let cents = micros.div_ceil(10_000);
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// What something that a restore left costs a day, as the end of a sentence that begins with its name; plain text.
pub fn told(subject: &str, hardware: Option<&Hardware>, prices: &BTreeMap<String, Price>) -> String {
    match (Left::of(subject), hardware) {
        (Left::Whole, Some(hardware)) => hardware.told(prices),
        (Left::Whole, None) => format!("costs a day what {} costs, which nobody measured", restored::is_like(subject)),
        (Left::Schema | Left::Journal, _) => {
            "takes room in the storage of its database, which is billed as a whole: it has no price of its own"
                .to_owned()
        }
        (Left::Folder, _) => "costs a day what the storage of its files costs, which nobody measured".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(of: &[(&str, &str)]) -> BTreeMap<String, Price> {
        of.iter().map(|(name, price)| ((*name).to_owned(), Price::parse(price).unwrap())).collect()
    }

    #[test]
    fn what_has_no_price_is_said_and_is_not_free() {
        let large = Hardware { class: "db.r6g.large".to_owned(), storage: "gp3".to_owned(), gib: 100, doubled: false };
        let told = |hardware: &Hardware, of: &[(&str, &str)]| hardware.told(&prices(of));
        let both = [("db.r6g.large", "0.25"), ("gp3", "0.12")];
        // 24 × 0.25, and 100 × 0.12 over 30.42 days.
        assert_eq!(told(&large, &both), "costs $6.40 a day by the prices of the config (db.r6g.large, 100 GiB of gp3)");
        let twice = Hardware { doubled: true, ..large.clone() };
        assert!(told(&twice, &both).starts_with("costs $12.79 a day"), "{}", told(&twice, &both));
        assert_eq!(
            told(&large, &both[..1]),
            "costs $6.00 a day as db.r6g.large, and its 100 GiB of gp3, for which the config names no price"
        );
        assert_eq!(
            told(&large, &both[1..]),
            "costs $0.40 a day for its 100 GiB of gp3, and what db.r6g.large costs, for which the config names no price"
        );
        for (subject, hardware) in
            [("a-before-rs-1", Some(&large)), ("a-before-rs-1", None), ("/t.before-rs-1 in fs-1", None)]
        {
            let told = self::told(subject, hardware, &BTreeMap::new());
            assert!(told.starts_with("costs a day what ") && !told.contains('$'), "{told}");
        }
        let (_, written) = twice.output("a");
        assert_eq!(Hardware::read(&written), Some(twice));
    }
}
