//! The language people speak to bbws: a line of Slack text in, a [`Command`] or a helpful [`Wrong`] out.
//!
//! A line is tidied and split by `lexer`, matched by `grammar` against the one table of commands, its values read by their
//! kinds in [`value`]; what does not fit gets the nearest right line from `suggest`. Help comes from the same table. Which
//! commands there are is not known here: operations and answers bring their entries, [`crate::domain::language`] has them all.

mod entry;
mod grammar;
mod help;
mod lexer;
mod shape;
mod spelling;
mod suggest;
mod text;
pub mod value;

use std::fmt;

pub use entry::{
    ANY_ENVIRONMENT, ANY_ROLE, ASSESS_ONLY, Arg, Control, Does, ENVIRONMENT, EVERYONE, Entry, Form, Group, List,
    OPERATION, POINT, REASON, TENANT, Table, Values, WHY_ASKED, as_they_are, nothing_more,
};
pub use help::{Usage, help, readme_table, reference};
pub use text::{one_of, shown};

/// The slash command as people type it.
pub const SLASH: &str = "/bbws";
/// The most characters one command may have; Slack itself sends no more.
pub const LONGEST: usize = 4000;

/// A well-formed request. Its environment is a known one; ids and tenants are syntactically valid, not yet known to exist.
#[derive(Clone)]
pub struct Command {
    entry: &'static Entry,
    values: Values,
}

impl Command {
    /// The command of this entry with these values, which are right and in their usual spelling.
    pub fn new(entry: &'static Entry, values: Values) -> Command {
        Command { entry, values }
    }

    /// Its name as policy, audit and cards know it: `backup.create`, `op.list`, `stop`.
    pub fn name(&self) -> &'static str {
        self.entry.name
    }

    /// What was said for its arguments.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// What comes of it.
    pub fn does(&self) -> Does {
        (self.entry.does)(&self.values)
    }

    /// Whether carrying it out can change anything: people without a role may not ask for such.
    pub fn changes_things(&self) -> bool {
        !self.does().only_reads()
    }

    /// Whether it changes nothing, but AWS has to be asked for the answer, which takes its time.
    pub fn asks_aws(&self) -> bool {
        matches!(self.does(), Does::List(_))
    }

    /// The environment it is about, where it is about one.
    pub fn environment(&self) -> Option<&str> {
        self.values.get(entry::ENVIRONMENT.name)
    }

    /// Why, where the person said so.
    pub fn reason(&self) -> Option<&str> {
        self.values.get(entry::REASON.name)
    }

    /// The one text that stands for this command, without the slash command in front: `parse` of it gives the command back.
    pub fn canonical(&self) -> String {
        lexer::encode(&suggest::line(self.entry, &self.values))
    }

    /// The same command with this said for an argument of it, in its usual spelling.
    #[must_use]
    pub fn with(mut self, argument: &str, value: impl Into<String>) -> Command {
        if let Some(arg) = self.entry.args.iter().find(|arg| arg.name == argument) {
            self.values.set(arg.name, value);
        }
        self
    }
}

impl PartialEq for Command {
    fn eq(&self, other: &Command) -> bool {
        self.entry.name == other.entry.name && self.values == other.values
    }
}

impl Eq for Command {}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.entry.name).field(&self.values).finish()
    }
}

/// Why a text is not a command, with the command that would be right.
///
/// Both are plain text in which backticks mark what is quoted: whoever sends them to Slack escapes `& < >`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{said}")]
pub struct Wrong {
    /// One or two sentences that name the offending value.
    pub said: String,
    /// A full command line, such as `/bbws backup create prod full`; where only the person can know a value it has
    /// a `<placeholder>`.
    pub try_instead: Option<String>,
}

impl Wrong {
    /// Without a line to try instead: whoever read the whole line finds one.
    pub fn new(said: impl Into<String>) -> Self {
        Self { said: said.into(), try_instead: None }
    }
}

/// The words of a line, without a slash command before them.
pub fn words(text: &str) -> Vec<String> {
    let line: String = text.chars().take(LONGEST).collect();
    let read = lexer::read(&line).words;
    grammar::without_slash(&read).iter().map(|word| word.text.clone()).collect()
}

/// Whether a text begins as a command does, whatever is wrong with the rest of it.
pub fn begins(table: &Table, text: &str) -> bool {
    let line: String = text.chars().take(LONGEST).collect();
    grammar::find(table, grammar::without_slash(&lexer::read(&line).words)).is_ok()
}

/// A value that people typed, as one word of a line.
pub fn quoted(value: &str) -> String {
    lexer::quote(value)
}

/// Reads the text after the slash command (or after a mention). `environments` are those the configuration knows.
///
/// # Errors
/// [`Wrong`] for everything that is not exactly a command. A typo is never acted on, only answered.
pub fn parse(table: &Table, text: &str, environments: &[&str]) -> Result<Command, Wrong> {
    let length = text.chars().count();
    if length > LONGEST {
        let said = format!("That is {length} characters long; a command has at most {LONGEST}.");
        return Err(Wrong { said, try_instead: Some(format!("{SLASH} help")) });
    }
    let line = lexer::read(text);
    let outcome = match line.unclosed {
        Some(quote) => Err(Wrong::new(format!("A quote is opened with {quote} and never closed."))),
        None => grammar::understand(table, &line.words, environments),
    };
    outcome.map_err(|wrong| Wrong {
        try_instead: wrong.try_instead.or_else(|| Some(suggest::repair(table, &line.words, environments))),
        said: wrong.said,
    })
}
