//! Marks: what the ledger remembers beyond the operation that found it out.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{moment::Moment, span::Span};

/// What is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// A recovery point that must not be deleted; the note is the ticket.
    Hold,
    /// A recovery point that was restored and validated; the note says what it is of, and by which operation.
    Tested,
    /// The tier a backup was given, by period: `yearly-2026`; the note is the operation's id and the days it is kept.
    Tier,
    /// An instance or a file system that a restore made and that is to be deleted by itself; the note is a [`Leftover`].
    Leftover,
    /// Something the watcher has told of and that still stands; the note is the text it told.
    Finding,
    /// What a named check of the config answered on a restored recovery point; see [`super::checked::Checked`].
    Checked,
    /// Where the environment runs; see [`super::active::Active`].
    Active,
    /// Which instance is live in the place of a database of the config; the note is a [`super::live::Live`].
    Live,
    /// What was live before a restore took its place; the note is a [`Leftover`] that says for how long it was promised. Once that
    /// is over, people are told once, and decide.
    Before,
    /// What bbws starts by itself on a schedule; the subject is the routine's name, the note a [`super::routine::Template`].
    Routine,
    /// That an incident is open for a ticket; the note is its id.
    Room,
    /// Where a card is shown besides its own place; see [`super::mirror`].
    Mirror,
    /// When a drill was last held, by its form; the note is what it came to. See [`super::drill`].
    Drill,
    /// That action items of an incident are open; the note is what they are. See [`super::incident::item`].
    Item,
    /// In which form a step of a failover was last proved, by its key; the note is the form. See [`super::proven`].
    Proved,
    /// When somebody can approve, and when people were last asked that. See [`super::reach`].
    Reach,
}

impl MarkKind {
    /// Every kind.
    pub const ALL: [MarkKind; 16] = [
        MarkKind::Hold,
        MarkKind::Tested,
        MarkKind::Tier,
        MarkKind::Leftover,
        MarkKind::Finding,
        MarkKind::Checked,
        MarkKind::Active,
        MarkKind::Live,
        MarkKind::Before,
        MarkKind::Routine,
        MarkKind::Room,
        MarkKind::Mirror,
        MarkKind::Drill,
        MarkKind::Item,
        MarkKind::Proved,
        MarkKind::Reach,
    ];

    /// Its name in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            MarkKind::Hold => "hold",
            MarkKind::Tested => "tested",
            MarkKind::Tier => "tier",
            MarkKind::Leftover => "leftover",
            MarkKind::Finding => "finding",
            MarkKind::Checked => "checked",
            MarkKind::Active => "active",
            MarkKind::Live => "live",
            MarkKind::Before => "before",
            MarkKind::Routine => "routine",
            MarkKind::Room => "room",
            MarkKind::Mirror => "mirror",
            MarkKind::Drill => "drill",
            MarkKind::Item => "item",
            MarkKind::Proved => "proved",
            MarkKind::Reach => "reach",
        }
    }
}

impl fmt::Display for MarkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for MarkKind {
    type Err = String;
    fn from_str(text: &str) -> Result<MarkKind, String> {
        MarkKind::ALL.into_iter().find(|k| k.name() == text).ok_or_else(|| format!("`{text}` is not a kind of mark"))
    }
}

/// One mark. There is at most one of a kind on a subject of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Environment.
    pub environment: String,
    /// What is remembered.
    pub kind: MarkKind,
    /// Of what: a recovery point and its copies ([`super::point::Point::key`]), an instance, a period, a finding's key.
    pub subject: String,
    /// With what.
    pub note: String,
    /// Operation that set it; empty for findings.
    pub operation: String,
    /// Since when.
    pub at: Moment,
}

/// What stands between a tested resource and the operation in the note of its mark.
const BY: &str = " by ";

impl Mark {
    /// The note of a mark that says that this resource, a DB instance id or a file system id, was restored for a test.
    pub fn tested(resource: &str, by: &str) -> String {
        format!("{resource}{BY}{by}")
    }

    /// The resource of a dump that was loaded for a test: not the instance, whose snapshots are restored in their own right.
    pub fn dump_of(database: &str) -> String {
        format!("dump of {database}")
    }

    /// What was restored for a test: a DB instance id or a file system id; none for other kinds of marks.
    pub fn tested_resource(&self) -> Option<&str> {
        self.note.split(BY).next().filter(|_| self.kind == MarkKind::Tested)
    }
}

/// How long what a restore made stays, where nobody said how long.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);
/// What a leftover's note begins with where it is a file system.
const FILES: &str = "efs ";
/// What stands between the region and how long it is kept.
const FOR: &str = " for ";

/// The note of a [`MarkKind::Leftover`]: what was left, where, and how long it stays from the moment of the mark on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leftover<'n> {
    /// It is a file system and not a DB instance.
    pub files: bool,
    /// Its region.
    pub region: &'n str,
    /// How long somebody wanted to keep it, as people write it: `24h`. None where it only was not deleted yet.
    pub kept: Option<&'n str>,
}

impl<'n> Leftover<'n> {
    /// A DB instance.
    pub fn instance(region: &'n str) -> Leftover<'n> {
        Leftover { files: false, region, kept: None }
    }

    /// A file system.
    pub fn files(region: &'n str) -> Leftover<'n> {
        Leftover { files: true, ..Leftover::instance(region) }
    }

    /// The same, kept on purpose for so long.
    #[must_use]
    pub fn kept_for(self, span: &'n str) -> Leftover<'n> {
        Leftover { kept: Some(span), ..self }
    }

    /// What a note says.
    pub fn read(note: &'n str) -> Leftover<'n> {
        let (files, rest) = note.strip_prefix(FILES).map_or((false, note), |rest| (true, rest));
        let (region, kept) = rest.split_once(FOR).map_or((rest, None), |(region, kept)| (region, Some(kept)));
        Leftover { files, region, kept }
    }

    /// The note.
    pub fn note(&self) -> String {
        let kept = self.kept.map(|kept| format!("{FOR}{kept}")).unwrap_or_default();
        format!("{}{}{kept}", if self.files { FILES } else { "" }, self.region)
    }

    /// How long it stays.
    pub fn stays(&self) -> Duration {
        self.kept.and_then(|kept| Span::parse(kept).ok()).map_or(KEPT, |span| span.0)
    }
}

/// A change of marks, part of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkWrite {
    /// Sets it; what was there of the same kind and subject is replaced.
    Set(Mark),
    /// Sets it, or the whole transaction fails with a conflict because there is one already.
    New(Mark),
    /// Removes it; the whole transaction fails with a conflict when there is none.
    Take {
        /// Environment.
        environment: String,
        /// Kind.
        kind: MarkKind,
        /// Subject.
        subject: String,
    },
    /// Removes it, if it is there.
    Drop {
        /// Environment.
        environment: String,
        /// Kind.
        kind: MarkKind,
        /// Subject.
        subject: String,
    },
}

/// How far a component was behind at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Environment.
    pub environment: String,
    /// Component, as [`super::lag::Component::name`] gives it.
    pub component: String,
    /// When it was measured.
    pub at: Moment,
    /// Lag in seconds; none when nobody knew.
    pub lag: Option<u64>,
}
