//! Every command there is: those of the operations, of the answers, and of the hands on what runs. Whoever reads, explains or
//! lists commands does it here.

use std::sync::LazyLock;

use super::{
    answers, coming,
    command::{self, Command, Table, Usage, Values, Wrong},
    controls, operations,
    text::escape,
};

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let operations = operations::ALL.into_iter().filter_map(|operation| operation.entry());
    Table::new(operations.chain(answers::entries()).chain(&controls::ENTRIES))
});

/// Reads the text after the slash command (or after a mention). `environments` are those the configuration knows.
///
/// # Errors
/// [`Wrong`] for everything that is not exactly a command. A typo is never acted on, only answered.
pub fn parse(text: &str, environments: &[&str]) -> Result<Command, Wrong> {
    command::parse(&TABLE, text, environments).map_err(|wrong| {
        let there = |path: &[&str]| {
            let verbs = TABLE.commands().filter(|entry| entry.path.len() <= 2);
            verbs.clone().any(|entry| entry.path[..path.len().min(entry.path.len())] == *path)
        };
        let meant = command::begins(&TABLE, text);
        coming::instead(text, environments, there).filter(|_| !meant).unwrap_or(wrong)
    })
}

/// The command of that name with these values, which are taken as they are; none when there is no such command or argument.
pub fn say(name: &str, values: &[(&str, &str)]) -> Option<Command> {
    let entry = TABLE.named(name)?;
    let mut said = Values::default();
    for (name, value) in values {
        let arg = entry.args.iter().find(|arg| arg.name == *name)?;
        match arg.form {
            command::Form::Flag => said.flag(arg.name, true),
            _ => said.set(arg.name, *value),
        }
    }
    for arg in entry.args.iter().filter(|arg| !arg.required) {
        said.offer(arg.name, arg.usual);
    }
    Some(Command::new(entry, said))
}

/// Explains the command `topic` names, those of a noun, or all of them. Slack mrkdwn, ready to send: `& < >` are escaped.
pub fn help(topic: &[String], environments: &[&str]) -> String {
    let said = command::words(&topic.join(" "));
    let known = |path: &[&str]| TABLE.commands().any(|entry| entry.path.starts_with(path));
    match coming::instead(&said.join(" "), environments, known) {
        Some(Wrong { said, try_instead }) => {
            let instead = try_instead.map(|line| format!(" Until then: `{}`", escape(&line))).unwrap_or_default();
            format!("{}{instead}", escape(&said))
        }
        None => command::help(&TABLE, topic, environments),
    }
}

/// A restore of which nothing is said yet but the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRestore {
    /// The environment, as the configuration spells it.
    pub environment: String,
    /// The words for where to restore to, the usual one first.
    pub places: Vec<&'static str>,
}

/// Whether a text says `backup restore` and an environment, and nothing else.
pub fn open_restore(text: &str, environments: &[&str]) -> Option<OpenRestore> {
    let entry = TABLE.commands().find(|entry| entry.path == ["backup", "restore"])?;
    let said = command::words(text);
    let [noun, verb, environment] = said.as_slice() else { return None };
    let begins = entry.path.iter().zip([noun, verb]).all(|(path, word)| path.eq_ignore_ascii_case(word));
    let environment = environments.iter().find(|known| begins && known.eq_ignore_ascii_case(environment))?;
    let into = entry.args.iter().find(|arg| arg.name == "into");
    let places = into.map(|arg| arg.kind.words.to_vec()).unwrap_or_default();
    Some(OpenRestore { environment: (*environment).to_owned(), places })
}

/// Commands of which somebody may say the environment alone: a form asks for the rest.
const BY_FORM: [[&str; 2]; 2] = [["dr", "declare"], ["dr", "test"]];

/// A command of which nothing is said yet but the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCommand {
    /// As far as it is said: `dr declare prod`.
    pub command: String,
    /// What it does, in a few words.
    pub about: &'static str,
    /// What can be said of it yet.
    pub fields: Vec<Field>,
}

/// Something that can be said of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its option, without the dashes.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// The words it can be; none where any text will do.
    pub words: &'static [&'static str],
    /// Whether the command lacks something without it.
    pub required: bool,
}

/// Whether a text says one of the commands that a form asks about, and an environment, and nothing else.
pub fn open_command(text: &str, environments: &[&str]) -> Option<OpenCommand> {
    let said = command::words(text);
    let (environment, path) = said.split_last()?;
    let same = |entry: &&command::Entry| {
        let all = entry.path.iter().zip(path).all(|(path, word)| path.eq_ignore_ascii_case(word));
        BY_FORM.iter().any(|path| entry.path == path) && entry.path.len() == path.len() && all
    };
    let entry = TABLE.commands().find(same)?;
    let environment = environments.iter().find(|known| known.eq_ignore_ascii_case(environment))?;
    let asked = entry.args.iter().filter(|arg| arg.name != command::ENVIRONMENT.name);
    let field =
        |arg: &command::Arg| Field { name: arg.name, about: arg.about, words: arg.kind.words, required: arg.required };
    let fields = asked.filter(|arg| arg.form != command::Form::Flag).map(field).collect();
    Some(OpenCommand { command: format!("{} {environment}", entry.path.join(" ")), about: entry.about, fields })
}

/// Every command, in the order help shows them.
pub fn reference() -> Vec<Usage> {
    command::reference(&TABLE)
}

/// The README's table of commands, in Markdown.
pub fn readme_table() -> String {
    command::readme_table(&TABLE)
}
