//! What people typed, made harmless before it is shown to other people.

/// Escapes Slack's control characters, so that typed text cannot mention, link or format.
pub fn escape(text: &str) -> String {
    one_line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// One line without control characters and without the marks that turn the direction of text.
pub fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .filter(|c| !is_direction_mark(*c))
        .map(|c| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Marks that turn or hide text, and invisible tags.
fn is_direction_mark(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// How long something is kept: `30 days`, and in larger measures what nobody counts in days: `13 weeks`, `12 months`, `7 years`,
/// as the tiers of a retention measure them (months of 31 days, years of 366).
pub fn kept(days: u32) -> String {
    const COUNTED: u32 = 90;
    let measures = [(366, "year"), (31, "month"), (7, "week")];
    let whole = measures.into_iter().find(|(length, _)| days > COUNTED && days.is_multiple_of(*length));
    whole.map_or_else(|| count(days, "day"), |(length, measure)| count(days / length, measure))
}

/// `10,000`.
pub fn number(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

/// `1 step`, `7 steps`, `2 copies`, `3 other people`: the one place that makes plurals, of what is counted in the singular.
pub fn count(n: impl TryInto<usize>, one: &str) -> String {
    let n = n.try_into().unwrap_or(usize::MAX);
    if n == 1 { format!("1 {one}") } else { format!("{} {}", number(n), many(one)) }
}

/// The plural of a noun with what stands before it.
fn many(one: &str) -> String {
    let vowel = |stem: &str| stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    if let Some(stem) = one.strip_suffix("person") {
        return format!("{stem}people");
    }
    if let Some(stem) = one.strip_suffix('y').filter(|stem| !vowel(stem)) {
        return format!("{stem}ies");
    }
    let hisses = ["s", "x", "ch", "sh"].iter().any(|end| one.ends_with(end));
    format!("{one}{}", if hisses { "es" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_all_else_is_many() {
        let told = [
            (1, "step"),
            (0, "backup"),
            (2, "copy"),
            (2, "day"),
            (10_000, "recovery point"),
            (2, "other person"),
            (3, "address"),
        ];
        let told: Vec<String> = told.into_iter().map(|(n, one)| count(n, one)).collect();
        assert_eq!(
            told,
            ["1 step", "0 backups", "2 copies", "2 days", "10,000 recovery points", "2 other people", "3 addresses"]
        );
    }

    #[test]
    fn nobody_counts_years_in_days() {
        let told: Vec<String> = [1, 30, 90, 91, 372, 366, 2562, 100].into_iter().map(kept).collect();
        assert_eq!(told, ["1 day", "30 days", "90 days", "13 weeks", "12 months", "1 year", "7 years", "100 days"]);
    }
}
