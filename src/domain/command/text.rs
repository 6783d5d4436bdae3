//! How sentences show a value and name alternatives.

/// A value as a sentence shows it: short, in backticks, unable to end them.
pub fn shown(value: &str) -> String {
    let plain = value.replace('`', "'");
    let mut short: String = plain.chars().take(60).collect();
    if short.len() < plain.len() {
        short.push('…');
    }
    if short.is_empty() { "(nothing)".to_owned() } else { format!("`{short}`") }
}

/// `dev, sit or prod`.
pub fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}
