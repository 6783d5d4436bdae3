//! What is a word of a command may be written as an option as well, and an option that takes no value as a word: `--pitr`,
//! `--tabletop`, `assess-only`.

use super::entry::{Arg, Entry, Form};
use super::lexer::Word;
use super::value;

/// These words of a command as its table spells them. A word in quotes and one behind an option are values, and stay.
pub(super) fn spelled(entry: &Entry, words: &[Word], environments: &[&str]) -> Vec<Word> {
    let mut is_value = false;
    let as_spelled = |word: &Word| {
        let behind_an_option = std::mem::take(&mut is_value);
        let Some(name) = word.text.strip_prefix("--").filter(|_| word.is_option()).map(str::to_ascii_lowercase) else {
            let stays = word.quoted || behind_an_option || value::known(&word.text, environments).is_some();
            let flag = flags(entry).find(|flag| flag.name.eq_ignore_ascii_case(&word.text)).filter(|_| !stays);
            return flag.map_or_else(|| word.clone(), |flag| plain(format!("--{}", flag.name)));
        };
        match entry.args.iter().find(|arg| arg.form != Form::Word && arg.name == name) {
            Some(option) => is_value = option.form != Form::Flag,
            None => {
                if let Some(arg) = chosen(entry, &name) {
                    let said = if arg.form == Form::Word { name } else { format!("--{}={name}", arg.name) };
                    return plain(said);
                }
            }
        }
        word.clone()
    };
    words.iter().map(as_spelled).collect()
}

fn plain(text: String) -> Word {
    Word { text, quoted: false }
}

/// Its options that take no value.
pub(super) fn flags(entry: &Entry) -> impl Iterator<Item = &'static Arg> {
    entry.args.iter().filter(|arg| arg.form == Form::Flag)
}

/// What this word is a value of, where it can stand by itself.
fn chosen(entry: &Entry, word: &str) -> Option<&'static Arg> {
    entry.args.iter().find(|arg| matches!(arg.form, Form::Word | Form::WordOrOption) && arg.kind.words.contains(&word))
}
