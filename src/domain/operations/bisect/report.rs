//! What a search came to, as its last step reports it.

use crate::domain::{
    attachment::{Attachment, Offer, Report},
    bisect::{self, Found},
    confidence,
    moment::Moment,
    step::{self, Outputs, ProbePoint},
    text::{count, escape},
};

/// What a search came to: the report of its last step.
pub fn report(environment: &str, what: &step::BisectReport, inputs: &Outputs, now: Moment) -> Report {
    let (points, answers) = (step::bisect::points(inputs), step::bisect::answers(inputs));
    let found = bisect::found(points.len(), &answers);
    let told = Told { environment, what, points: &points, now };
    let mut sentences = vec![told.last_right(&found)];
    sentences.extend(told.first_wrong(&found));
    sentences.extend(told.open(&found, inputs));
    if found.mixed {
        sentences.push(
            "A point answered rightly after one that did not: what was wrong did not stay wrong, so look at both."
                .to_owned(),
        );
    }
    sentences.push(format!("{} of {} were asked.", answers.len(), count(points.len(), "recovery point")));
    let restore = found.right.and_then(|at| points.get(at)).map(|point| told.restore(point));
    let text = sentences.iter().map(|sentence| escape(sentence)).collect::<Vec<_>>().join(" ");
    Report {
        text,
        attachment: Attachment { offers: restore.into_iter().collect(), ..Attachment::default() },
        breaches: sentences,
    }
}

/// The words of a report.
struct Told<'a> {
    environment: &'a str,
    what: &'a step::BisectReport,
    points: &'a [ProbePoint],
    now: Moment,
}

impl Told<'_> {
    fn named(&self, at: usize) -> String {
        self.points.get(at).map(|point| format!("{} of {}", point.id, point.created)).unwrap_or_default()
    }

    fn last_right(&self, found: &Found) -> String {
        let check = &self.what.check;
        let Some(at) = found.right else {
            return format!(
                "No recovery point of {} that was asked answers check {check} rightly.",
                self.what.database
            );
        };
        let created = self.points.get(at).map_or(self.now, |point| point.created);
        let sure = if found.exact() { "The last" } else { "The last known" };
        format!(
            "{sure} recovery point on which check {check} holds is {}; restoring it {}.",
            self.named(at),
            confidence::loses(self.now.since(created))
        )
    }

    fn first_wrong(&self, found: &Found) -> Option<String> {
        match found.wrong {
            Some(at) => Some(format!("It does not hold on {}.", self.named(at))),
            None if found.right.is_some() && found.exact() => {
                Some("It holds on the newest point, so that what is wrong now came after it.".to_owned())
            }
            None => None,
        }
    }

    /// What is not known, and why.
    fn open(&self, found: &Found, inputs: &Outputs) -> Vec<String> {
        let mut sentences = Vec::new();
        let names = |places: &[usize]| {
            let named: Vec<String> = places.iter().take(3).map(|at| self.named(*at)).collect();
            let more = places.len().saturating_sub(named.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}", named.join(", "))
        };
        if !found.unanswered.is_empty() {
            let why = step::bisect::unanswered(inputs);
            let first = found
                .unanswered
                .first()
                .and_then(|at| why.get(at))
                .map(|why| format!(" ({})", why.trim_end_matches('.')));
            sentences.push(format!(
                "Between the two, nobody knows of {}: no answer was to be had{}.",
                names(&found.unanswered),
                first.unwrap_or_default()
            ));
        }
        if !found.unasked.is_empty() {
            sentences.push(format!(
                "Not asked, since the search had no more restores: {}. `/bbws backup restore {} list rds` offers to restore any.",
                names(&found.unasked),
                self.environment
            ));
        }
        sentences
    }

    fn restore(&self, point: &ProbePoint) -> Offer {
        let command = format!("backup restore {} rds --snapshot-id {}", self.environment, point.id);
        let confirm =
            format!("This asks for /bbws {command}: a copy beside the platform. Nothing that is live is changed.");
        Offer { label: "Restore".to_owned(), command, confirm: Some(confirm) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_says_it_all_in_its_report() {
        let point = |n: i64| ProbePoint {
            id: format!("s{n}"),
            snapshot: format!("s{n}"),
            key: format!("rds s{n}"),
            created: Moment(1_795_226_400_000 + n * 3_600_000),
        };
        let what = step::BisectReport { region: "af-south-1".into(), database: "db".into(), check: "orders".into() };
        let told = |answers: &[(usize, Result<bool, String>)]| {
            let points = step::BisectPoints { database: "db".into(), points: (0..5).map(point).collect() };
            let mut inputs = points.outputs();
            for (at, answer) in answers {
                inputs.extend(step::BisectAsk::answered(*at, answer));
            }
            report("prod", &what, &inputs, Moment(1_795_226_400_000 + 5 * 3_600_000))
        };
        let exact = told(&[(1, Ok(true)), (3, Ok(false)), (2, Ok(true))]);
        assert_eq!(
            exact.text,
            "The last recovery point on which check orders holds is s2 of 2026-11-21T04:00:00Z; restoring it loses the last 3 h of writes. It does not hold on s3 of 2026-11-21T05:00:00Z. 3 of 5 recovery points were asked."
        );
        assert_eq!(exact.attachment.offers[0].command, "backup restore prod rds --snapshot-id s2");
        let wide = told(&[(1, Ok(true)), (3, Ok(false)), (2, Err("code 1146.".into()))]);
        assert!(wide.text.starts_with("The last known recovery point on which"), "{}", wide.text);
        assert!(
            wide.text.contains("nobody knows of s2 of 2026-11-21T04:00:00Z: no answer was to be had (code 1146"),
            "{}",
            wide.text
        );
        let none = told(&[(1, Ok(false)), (0, Ok(false))]);
        assert!(none.text.starts_with("No recovery point of db that was asked answers check orders rightly."));
        assert!(none.attachment.offers.is_empty());
    }
}
