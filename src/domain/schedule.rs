//! When backups are due: AWS Backup's cron expressions, in UTC.
//!
//! AWS's dialect is checked here, field by field, so that whoever wrote it reads what is wrong; `croner` does the calendar.

use std::{fmt, time::Duration};

use croner::{Cron, parser::CronParser};
use jiff::{Timestamp, civil, tz::TimeZone};

use super::{moment::Moment, text::one_line};

/// One field of an expression.
struct Field {
    /// What people call it.
    name: &'static str,
    least: u16,
    most: u16,
    /// Names of the values, from `least` on; none where only numbers are understood.
    names: &'static [&'static str],
    /// Whether `start/step` may be written.
    steps: bool,
    /// What may stand there, as a sentence shows it.
    such_as: &'static str,
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const FIELDS: [Field; 6] = [
    Field { name: "minute", least: 0, most: 59, names: &[], steps: true, such_as: "`0` or `30`" },
    Field { name: "hour", least: 0, most: 23, names: &[], steps: true, such_as: "`2`, `8-18`, `0/6` or `*`" },
    Field {
        name: "day of the month",
        least: 1,
        most: 31,
        names: &[],
        steps: true,
        such_as: "`1`, `1,15`, `L` (the last), `15W` (the weekday nearest to it), `*` or `?`",
    },
    Field { name: "month", least: 1, most: 12, names: &MONTHS, steps: true, such_as: "`JAN`, `1-6`, `1/3` or `*`" },
    Field {
        name: "day of the week",
        least: 1,
        most: 7,
        names: &WEEKDAYS,
        steps: false,
        such_as: "`SUN` (which is 1), `MON-FRI`, `6L` (the last Friday), `3#2` (the second Tuesday), `*` or `?`",
    },
    Field { name: "year", least: 1970, most: 2199, names: &[], steps: true, such_as: "`*` or `2027-2030`" },
];

const DAY_OF_MONTH: usize = 2;
const DAY_OF_WEEK: usize = 4;
const SHAPE: &str = "`cron(minute hour day-of-month month day-of-week year)`";
/// Days after which weekdays, month ends and leap years repeat.
const CYCLE_DAYS: i64 = 28 * 1461 / 4;

/// A schedule that AWS Backup accepts.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    cron: Cron,
    longest: Duration,
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Schedule {
    /// Reads `cron(…)`, or its six fields alone.
    ///
    /// # Errors
    /// A sentence without a final period that names the text, what is wrong with it, and what to write instead.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let whole = shown(text);
        let fields = split(text);
        if text.trim().to_ascii_lowercase().starts_with("rate(") {
            return Err(format!("{whole} is a rate; AWS Backup takes cron only, such as `cron(0 * * * ? *)`"));
        }
        let instead = || Schedule::meant(text).map_or_else(|| SHAPE.to_owned(), |meant| format!("`{meant}`"));
        match fields.len() {
            6 => {}
            5 => {
                let instead = instead();
                return Err(format!("{whole} has five fields, as Unix has; AWS has six, the year last: {instead}"));
            }
            n => {
                return Err(format!(
                    "{whole} has {n} field{}; AWS has six: {SHAPE}, such as `cron(0 2 * * ? *)`",
                    if n == 1 { "" } else { "s" }
                ));
            }
        }
        for (field, text) in FIELDS.iter().zip(&fields) {
            if !field.allows(text) {
                let Field { name, least, most, such_as, .. } = field;
                let text = shown(text);
                return Err(format!("{whole} has {text} as its {name}; from {least} to {most} write {such_as}"));
            }
        }
        if (fields[DAY_OF_MONTH] == "?") == (fields[DAY_OF_WEEK] == "?") {
            let instead = instead();
            return Err(format!(
                "{whole} must have `?` either as its day of the month or as its day of the week, and not in both: {instead}"
            ));
        }
        Schedule::due(fields).map_err(|why| format!("{whole} {why}"))
    }

    /// What somebody who wrote this most likely meant: five fields as Unix has them, or no `?` or two.
    pub fn meant(text: &str) -> Option<Schedule> {
        let mut fields = split(text);
        if fields.len() == 5 {
            fields[DAY_OF_WEEK] = from_unix(&fields[DAY_OF_WEEK])?;
            fields.push("*".to_owned());
        }
        if fields.len() != 6 {
            return None;
        }
        match (fields[DAY_OF_MONTH].as_str(), fields[DAY_OF_WEEK].as_str()) {
            ("?", "?") => fields[DAY_OF_MONTH] = "*".to_owned(),
            (_, "?") | ("?", _) => {}
            (_, "*") => fields[DAY_OF_WEEK] = "?".to_owned(),
            ("*", _) => fields[DAY_OF_MONTH] = "?".to_owned(),
            _ => return None,
        }
        Schedule::parse(&fields.join(" ")).ok()
    }

    /// The rarest even rhythm that leaves no more than `rpo` between two backups: hourly, every few hours, or daily at
    /// night. Hourly, which is as often as AWS Backup goes, where `rpo` is shorter.
    pub fn within(rpo: Duration) -> Schedule {
        let hours = [24, 12, 8, 6, 4, 3, 2].into_iter().find(|hours| Duration::from_secs(hours * 3600) <= rpo);
        let hour = match hours {
            Some(24) => "2".to_owned(),
            Some(hours) => format!("0/{hours}"),
            None => "*".to_owned(),
        };
        Schedule::parse(&format!("cron(0 {hour} * * ? *)")).expect("AWS takes whole hours")
    }

    /// The expression as AWS takes it, in its usual spelling: `cron(0 2 * * ? *)`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The last due time at or before the moment; `None` where there was none.
    pub fn previous(&self, moment: Moment) -> Option<Moment> {
        moment_of(self.cron.find_previous_occurrence(&civil_of(moment)?, true).ok()?)
    }

    /// The first due time after the moment; `None` where there is none.
    pub fn next(&self, moment: Moment) -> Option<Moment> {
        moment_of(self.cron.find_next_occurrence(&civil_of(moment)?, false).ok()?)
    }

    /// Time between the last two due times at or before the moment; where there are not two, [`Self::longest_gap`].
    pub fn interval(&self, moment: Moment) -> Duration {
        let last = self.previous(moment);
        let before = last.and_then(|last| self.previous(last - Duration::from_millis(1)));
        last.zip(before).map_or(self.longest, |(last, before)| last.since(before))
    }

    /// The longest time between two due times that follow each other. The year is not looked at: what is due in 2027
    /// only counts as yearly.
    pub fn longest_gap(&self) -> Duration {
        self.longest
    }

    /// In plain English: `every day at 02:00 UTC`.
    pub fn spoken(&self) -> String {
        let (hours, minutes) = (self.cron.pattern.hours.values(), self.cron.pattern.minutes.values());
        let minute = minutes.first().copied().unwrap_or_default();
        let at = |hour: &u16| format!("{hour:02}:{minute:02}");
        let times = match hours.as_slice() {
            all if all.len() == 24 && minute == 0 => "every hour".to_owned(),
            all if all.len() == 24 => format!("every hour at {minute} minutes past"),
            [first, .., last] if hours.len() > 3 && usize::from(last - first) == hours.len() - 1 => {
                format!("hourly from {} to {} UTC", at(first), at(last))
            }
            [init @ .., last] if !init.is_empty() => {
                let init: Vec<String> = init.iter().map(at).collect();
                format!("at {} and {} UTC", init.join(", "), at(last))
            }
            only => format!("at {} UTC", only.iter().map(at).collect::<String>()),
        };
        match self.days_spoken().as_str() {
            "" if times.starts_with("at ") => format!("every day {times}"),
            days => format!("{times}{days}"),
        }
    }

    /// On which days, as `croner` says it: `, on Monday`; nothing for every day.
    fn days_spoken(&self) -> String {
        let mut fields = split(&self.text);
        fields[..2].fill("0".to_owned());
        let said = cron(&fields).map(|cron| cron.describe()).unwrap_or_default();
        said.trim_end_matches('.').trim_start_matches("At 00:00").to_owned()
    }

    /// Makes the schedule of fields whose forms are right.
    fn due(fields: Vec<String>) -> Result<Schedule, String> {
        let cron = cron(&fields).ok_or("is not a schedule that can be followed; simplify it")?;
        // Two minutes of one hour are always closer than AWS goes; due times in different hours never are.
        if cron.pattern.minutes.values().len() != 1 {
            return Err(
                "is due more than once an hour; AWS Backup runs hourly at most: give one minute, such as `0`".into()
            );
        }
        let weekly = !fields[DAY_OF_WEEK].contains(['L', '#']);
        let longest = longest_gap(&cron, weekly).ok_or("is never due: no month it names has such a day")?;
        Ok(Schedule { text: format!("cron({})", fields.join(" ")), cron, longest })
    }
}

impl Field {
    /// Whether this may stand in the field.
    fn allows(&self, text: &str) -> bool {
        let number = |text: &str| self.value(text).is_some();
        let marked = |mark: char| text.strip_suffix(mark).map(number);
        let special = match self.name {
            "day of the month" if text == "?" || text == "L" => Some(true),
            "day of the month" => marked('W'),
            "day of the week" if text == "?" || text == "L" => Some(true),
            "day of the week" => marked('L').or_else(|| {
                let (day, nth) = text.split_once('#')?;
                Some(number(day) && ["1", "2", "3", "4", "5"].contains(&nth))
            }),
            _ => None,
        };
        special.unwrap_or_else(|| text.split(',').all(|item| self.allows_item(item)))
    }

    /// One item of a list: `*`, a value, a range, and where the field has steps each of them with a step.
    fn allows_item(&self, item: &str) -> bool {
        let (values, step) = item.split_once('/').map_or((item, None), |(values, step)| (values, Some(step)));
        let step_fits = step.is_none_or(|step| {
            self.steps && digits(step).is_some_and(|step| (1..=self.most - self.least).contains(&step))
        });
        let values_fit = match values.split_once('-') {
            _ if values == "*" => true,
            Some((from, to)) => self.value(from).zip(self.value(to)).is_some_and(|(from, to)| from <= to),
            None => self.value(values).is_some(),
        };
        step_fits && values_fit
    }

    fn value(&self, text: &str) -> Option<u16> {
        let named = self.names.iter().zip(self.least..).find(|(name, _)| **name == text).map(|(_, value)| value);
        named.or_else(|| digits(text).filter(|value| (self.least..=self.most).contains(value)))
    }
}

/// A number of one to four digits, without a sign.
fn digits(text: &str) -> Option<u16> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The fields, in upper case, without what stands around them.
fn split(text: &str) -> Vec<String> {
    let upper = text.trim().to_ascii_uppercase();
    let inner = upper.strip_prefix("CRON(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(&upper);
    inner.split_whitespace().map(str::to_owned).collect()
}

/// RDS makes automated backups once a day, in a window in UTC: the half hour from the time of a daily schedule on,
/// `02:00-02:30`. None where the schedule is any other.
pub fn daily_window(text: &str) -> Option<String> {
    let fields = split(text);
    let [minute, hour, day, month, weekday, year] = &fields[..] else { return None };
    let daily = [day, month, weekday, year].into_iter().all(|field| matches!(field.as_str(), "*" | "?"));
    let begins = digits(hour).filter(|h| *h < 24)? * 60 + digits(minute).filter(|m| *m < 60)?;
    let ends = (begins + 30) % (24 * 60);
    daily.then(|| format!("{:02}:{:02}-{:02}:{:02}", begins / 60, begins % 60, ends / 60, ends % 60))
}

/// Unix's weekdays (0 or 7 is Sunday) as AWS numbers them (1 is Sunday).
fn from_unix(field: &str) -> Option<String> {
    if !field.contains(|c: char| c.is_ascii_digit()) {
        return Some(field.to_owned());
    }
    let day = |text: &str| match digits(text)? {
        7 => Some(1),
        day @ 0..=6 => Some(day + 1),
        _ => None,
    };
    let items = field.split(',').map(|item| match item.split_once('-') {
        Some((from, to)) => Some(format!("{}-{}", day(from)?, day(to)?)),
        None => Some(day(item)?.to_string()),
    });
    Some(items.collect::<Option<Vec<_>>>()?.join(","))
}

/// The calendar of these fields, where it differs from AWS's put into its words.
fn cron(fields: &[String]) -> Option<Cron> {
    let mut fields = fields.to_vec();
    if fields[DAY_OF_WEEK] == "L" {
        fields[DAY_OF_WEEK] = "SAT".to_owned();
    }
    fields[5] = fields[5].replace("*/", "1970/");
    let parser = CronParser::builder().alternative_weekdays(true).sloppy_ranges(true).build();
    parser.parse(&format!("0 {}", fields.join(" "))).ok()
}

/// The longest time between two due times of the calendar's cycle, which is a week where days are named by the week alone (`weekly`:
/// by no week of a month); `None` when nothing is ever due.
fn longest_gap(cron: &Cron, weekly: bool) -> Option<Duration> {
    let hours = cron.pattern.hours.values();
    let (first, last) = (*hours.first()?, *hours.last()?);
    let within = hours.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    let pattern = &cron.pattern;
    let any_date = pattern.is_dom_wildcard() && pattern.months.values().len() == 12;
    if any_date && pattern.is_dow_wildcard() {
        return Some(Duration::from_secs(3600 * u64::from(within.max(24 - (last - first)))));
    }
    let cycle = if any_date && weekly { 7 } else { CYCLE_DAYS };
    let start = civil::date(2001, 1, 1);
    let mut days = start.series(jiff::ToSpan::day(1)).take(usize::try_from(cycle).ok()?).zip(0i64..);
    let mut due = days.by_ref().filter(|(date, _)| is_due_on(cron, *date)).map(|(_, day)| day);
    let first_day = due.next()?;
    let (mut longest, mut latest) = (0, first_day);
    for day in due {
        longest = longest.max(day - latest);
        latest = day;
    }
    // Behind the cycle's last due day comes its first again.
    longest = longest.max(first_day + cycle - latest);
    let across = longest * 24 - i64::from(last - first);
    u64::try_from(across.max(i64::from(within))).ok().map(|hours| Duration::from_secs(hours * 3600))
}

fn is_due_on(cron: &Cron, date: civil::Date) -> bool {
    let (year, month, day) =
        (i32::from(date.year()), date.month().unsigned_abs().into(), date.day().unsigned_abs().into());
    let weekday = croner::time::CronDateTime::civil_weekday(&date.at(0, 0, 0, 0));
    cron.pattern.month_match(month).unwrap_or(false)
        && cron.pattern.day_match(year, month, day, weekday).unwrap_or(false)
}

fn civil_of(moment: Moment) -> Option<civil::DateTime> {
    Some(TimeZone::UTC.to_datetime(Timestamp::from_millisecond(moment.0).ok()?))
}

fn moment_of(due: civil::DateTime) -> Option<Moment> {
    Some(Moment(TimeZone::UTC.to_timestamp(due).ok()?.as_millisecond()))
}

/// What was written, as a sentence shows it: short, in backticks, unable to end them.
fn shown(text: &str) -> String {
    let plain = one_line(text).replace('`', "'");
    let short: String = plain.chars().take(60).collect();
    if short.is_empty() {
        return "(nothing)".to_owned();
    }
    if short.len() < plain.len() { format!("`{short}…`") } else { format!("`{short}`") }
}
