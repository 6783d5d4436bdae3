//! Kinds of disaster, and what is done first in each.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What happened, as far as it decides what is done first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Disaster {
    /// A region does not answer.
    Region,
    /// Data is gone or wrong.
    Corruption,
    /// Somebody is in who must not be.
    Breach,
    /// Nothing may be changed or deleted until whoever may ask for that says otherwise.
    Freeze,
    /// It does not work, and nobody knows why.
    Outage,
}

/// Words by which somebody who says nothing else tells which it is, those of the worst first.
const TELLING: [(Disaster, &[&str]); 4] = [
    (
        Disaster::Breach,
        &["ransom", "encrypted by", "hack", "breach", "leak", "stolen", "attack", "intrud", "malware", "compromis"],
    ),
    (Disaster::Freeze, &["freeze", "legal hold", "litigation", "subpoena", "compliance"]),
    (
        Disaster::Corruption,
        &["gone", "delete", "drop", "corrupt", "overwrit", "wrong", "lost", "missing", "truncat", "update without"],
    ),
    (Disaster::Region, &["region", "af-south", "eu-west", "us-east", "data centre", "data center"]),
];

/// Something to do first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// Why, or what of it; a sentence of mrkdwn. ENV and TICKET stand for those of the incident.
    pub text: &'static str,
    /// The command that does it, without the slash command in front.
    pub command: Option<&'static str>,
    /// The label of its button, where it only reads, or asks once more: nobody starts anything by mistake.
    pub label: Option<&'static str>,
    /// What whoever presses that is asked once more.
    pub confirm: Option<&'static str>,
}

const fn look(label: &'static str, command: &'static str, text: &'static str) -> Hint {
    Hint { text, command: Some(command), label: Some(label), confirm: None }
}

const fn act(command: &'static str, text: &'static str) -> Hint {
    Hint { text, command: Some(command), label: None, confirm: None }
}

const fn do_it(text: &'static str) -> Hint {
    Hint { text, command: None, label: None, confirm: None }
}

/// Whether everything shall stop.
const fn stop(command: &'static str, text: &'static str) -> Hint {
    let confirm = Some("Nothing new starts in ENV, holds and restores included, until two people lift it.");
    Hint { text, command: Some(command), label: Some("Stop everything"), confirm }
}

const REGION: [Hint; 4] = [
    look(
        "DR status",
        "dr status ENV",
        "See by signs that do not depend on each other whether it is the region or our line.",
    ),
    look("Assess failover", "dr failover ENV", "See whether to go, and what would be lost by it."),
    act(
        "dr failover ENV --execute --ticket TICKET --reason \"why\"",
        "Go, once the commander has decided; it takes two people, and others before traffic moves.",
    ),
    do_it("Tell those who wait: Communication sends the drafted update."),
];

const CORRUPTION: [Hint; 5] = [
    do_it("Keep what writes wrong data from writing on: stop that job or that release first."),
    look("What can be restored", "backup restore ENV list rds", "See what there is, and what each of it loses."),
    act("backup bisect ENV rds --check NAME", "Find the last point that was right, where a check of the config tells."),
    act(
        "backup restore ENV pitr --target-time T --ticket TICKET",
        "Bring it back beside what is live, and look at it; a minute before it happened.",
    ),
    act(
        "backup restore ENV pitr --target-time T --into live --ticket TICKET",
        "Only then into its place. A tenant's rows alone: `--tenant ID --merge missing`.",
    ),
];

const BREACH: [Hint; 6] = [
    do_it("Security leads: nothing is deleted that is evidence, and no failover carries an intruder along."),
    look("What can be restored", "backup restore ENV list", "See what there is from before it began."),
    act(
        "backup hold ENV <id> --ticket TICKET",
        "Hold the points from before it, so that nothing and nobody deletes them.",
    ),
    act("backup validate ENV --test-restore", "See that they can be restored, cut off from the platform."),
    stop(
        "stop ENV \"breach, TICKET\"",
        "Shall everything stop until it is known who is in? Hold first what has to stay: a stop holds up holds as well.",
    ),
    do_it("Change every key and password that was within reach before anything is restored into live."),
];

const FREEZE: [Hint; 4] = [
    look("Recovery points", "backup list ENV", "See what there is, and what of it is held."),
    act("backup hold ENV <id> --ticket TICKET", "Hold what has to stay: no stop keeps what AWS lets expire."),
    stop(
        "stop ENV \"compliance freeze, TICKET\"",
        "Shall everything stop? Then nothing of bbws changes anything there.",
    ),
    do_it("Write down in this room who asked for it, for what and until when: whoever lifts it has to know."),
];

const OUTAGE: [Hint; 4] = [
    look("Status", "status ENV", "See what runs, what is late and what the watcher found."),
    look("DR status", "dr status ENV", "See whether the region answers, and whether a failover would work."),
    do_it("What changed last? A release, a certificate, a quota, a record: take that back first."),
    look("Assess failover", "dr failover ENV", "See what a failover would lose, before anybody needs it."),
];

/// What is done first, in this order.
pub fn checklist(disaster: Disaster) -> &'static [Hint] {
    match disaster {
        Disaster::Region => &REGION,
        Disaster::Corruption => &CORRUPTION,
        Disaster::Breach => &BREACH,
        Disaster::Freeze => &FREEZE,
        Disaster::Outage => &OUTAGE,
    }
}

impl Disaster {
    /// The words for them in commands.
    pub const WORDS: [&str; 5] = ["region", "corruption", "breach", "freeze", "outage"];

    /// The word for it in commands.
    pub fn word(self) -> &'static str {
        match self {
            Disaster::Region => "region",
            Disaster::Corruption => "corruption",
            Disaster::Breach => "breach",
            Disaster::Freeze => "freeze",
            Disaster::Outage => "outage",
        }
    }

    /// What it most likely is by what people say of it. Only the order of first steps depends on that.
    pub fn guessed(text: &str) -> Disaster {
        let text = text.to_lowercase();
        let tells = |words: &&[&str]| words.iter().any(|word| text.contains(word));
        TELLING.iter().find(|(_, words)| tells(words)).map_or(Disaster::Outage, |(disaster, _)| *disaster)
    }

    /// What it is, for people.
    pub fn about(self) -> &'static str {
        match self {
            Disaster::Region => "a region is lost",
            Disaster::Corruption => "data is gone or wrong",
            Disaster::Breach => "somebody is in who must not be",
            Disaster::Freeze => "nothing may be changed or deleted until it is said otherwise",
            Disaster::Outage => "it does not work, and nobody knows why yet",
        }
    }
}

impl fmt::Display for Disaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Disaster {
    type Err = String;
    fn from_str(text: &str) -> Result<Disaster, String> {
        let all = [Disaster::Region, Disaster::Corruption, Disaster::Breach, Disaster::Freeze, Disaster::Outage];
        all.into_iter()
            .find(|disaster| disaster.word() == text)
            .ok_or_else(|| format!("`{text}` is no kind of disaster"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_say_tells_which_it_is() {
        for (said, meant) in [
            ("orders are gone", Disaster::Corruption),
            ("af-south-1 does not answer", Disaster::Region),
            ("somebody ran DELETE without WHERE", Disaster::Corruption),
            ("files are encrypted by ransomware", Disaster::Breach),
            ("customer data was stolen and then deleted", Disaster::Breach),
            ("legal asks for a compliance freeze", Disaster::Freeze),
            ("the site is slow", Disaster::Outage),
            ("", Disaster::Outage),
        ] {
            assert_eq!(Disaster::guessed(said), meant, "{said}");
        }
        for word in Disaster::WORDS {
            assert_eq!(word.parse::<Disaster>().unwrap().word(), word);
        }
    }
}
