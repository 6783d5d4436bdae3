//! AWS Backup's cron expressions: what is taken, what is refused, and when each is due.

use std::time::Duration;

use bbws::domain::{
    command::value,
    moment::{Moment, spoken},
    schedule::Schedule,
};

fn schedule(text: &str) -> Schedule {
    Schedule::parse(text).unwrap_or_else(|why| panic!("{text} should be a schedule: {why}"))
}

fn moment(text: &str) -> Moment {
    value::moment(text).expect(text)
}

/// The next due times after a moment, dates and times of day.
fn due(text: &str, after: &str, count: usize) -> String {
    let schedule = schedule(text);
    let times = std::iter::successors(schedule.next(moment(after)), |at| schedule.next(*at));
    times.take(count).map(|at| at.iso()[..16].to_owned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn due_times_are_those_of_aws() {
    for (text, after, times) in [
        ("cron(0 * * * ? *)", "2026-03-01T22:30:00Z", "2026-03-01T23:00 2026-03-02T00:00 2026-03-02T01:00"),
        ("cron(0 2 * * ? *)", "2026-02-27T02:00:00Z", "2026-02-28T02:00 2026-03-01T02:00"),
        ("cron(15 0/6 * * ? *)", "2026-12-31T12:15:00Z", "2026-12-31T18:15 2027-01-01T00:15"),
        ("cron(15 1/10 * * ? *)", "2026-01-01T00:00:00Z", "2026-01-01T01:15 2026-01-01T11:15 2026-01-01T21:15"),
        (
            "cron(0 8-18/5,22 * * ? *)",
            "2026-01-01T00:00:00Z",
            "2026-01-01T08:00 2026-01-01T13:00 2026-01-01T18:00 2026-01-01T22:00",
        ),
        (
            "cron(0 3 L * ? *)",
            "2027-12-31T03:00:00Z",
            "2028-01-31T03:00 2028-02-29T03:00 2028-03-31T03:00 2028-04-30T03:00",
        ),
        ("cron(0 3 29 2 ? *)", "2026-01-01T00:00:00Z", "2028-02-29T03:00 2032-02-29T03:00"),
        ("cron(0 3 31 * ? *)", "2026-01-31T03:00:00Z", "2026-03-31T03:00 2026-05-31T03:00 2026-07-31T03:00"),
        ("cron(0 3 15W * ? *)", "2026-08-01T00:00:00Z", "2026-08-14T03:00 2026-09-15T03:00"),
        ("cron(0 3 1W * ? *)", "2026-07-31T00:00:00Z", "2026-08-03T03:00 2026-09-01T03:00"),
        ("cron(0 3 ? * L *)", "2026-11-20T00:00:00Z", "2026-11-21T03:00 2026-11-28T03:00"),
        ("cron(0 3 ? * 6L *)", "2026-11-01T00:00:00Z", "2026-11-27T03:00 2026-12-25T03:00"),
        ("cron(0 3 ? * 3#2 *)", "2026-11-01T00:00:00Z", "2026-11-10T03:00 2026-12-08T03:00"),
        ("cron(0 3 ? * MON-FRI *)", "2026-11-20T03:00:00Z", "2026-11-23T03:00 2026-11-24T03:00"),
        ("cron(0 3 ? * * *)", "2026-11-20T03:00:00Z", "2026-11-21T03:00"),
        (
            "cron(0 3 1 1/3 ? *)",
            "2026-02-01T00:00:00Z",
            "2026-04-01T03:00 2026-07-01T03:00 2026-10-01T03:00 2027-01-01T03:00",
        ),
        ("cron(0 3 1 JAN,JUL ? 2027)", "2026-02-01T00:00:00Z", "2027-01-01T03:00 2027-07-01T03:00"),
        ("cron(0 3 1 1 ? */2)", "2026-02-01T00:00:00Z", "2028-01-01T03:00 2030-01-01T03:00"),
    ] {
        assert_eq!(due(text, after, times.split(' ').count()), times, "{text}");
    }
}

#[test]
fn every_weekday_is_the_one_aws_counts() {
    // 2026-11-22 is a Sunday.
    for (index, name) in ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"].into_iter().enumerate() {
        let day = format!("2026-11-{}T04:00", 22 + index);
        assert_eq!(due(&format!("cron(0 4 ? * {name} *)"), "2026-11-21T12:00:00Z", 1), day);
        assert_eq!(due(&format!("cron(0 4 ? * {} *)", index + 1), "2026-11-21T12:00:00Z", 1), day);
    }
}

#[test]
fn no_clock_is_put_forward_or_back() {
    let schedule = schedule("cron(30 * * * ? *)");
    for day in ["2026-03-29T00:30:00Z", "2026-10-25T00:30:00Z"] {
        let mut at = moment(day);
        for _ in 0..24 {
            let next = schedule.next(at).expect("there is a next hour");
            assert_eq!(next.since(at), Duration::from_secs(3600), "{next}");
            at = next;
        }
    }
}

#[test]
fn the_last_due_time_counts_from_its_very_moment() {
    let daily = schedule("cron(0 2 * * ? *)");
    let (yesterday, today) = (moment("2026-02-28T02:00:00Z"), moment("2026-03-01T02:00:00Z"));
    assert_eq!(daily.previous(today), Some(today));
    assert_eq!(daily.previous(Moment(today.0 + 1)), Some(today));
    assert_eq!(daily.previous(Moment(today.0 - 1)), Some(yesterday));
    assert_eq!(daily.next(Moment(today.0 - 1)), Some(today));
    assert_eq!(daily.next(yesterday), Some(today));
    assert_eq!(daily.interval(today), Duration::from_secs(86_400));
    let of_2027 = schedule("cron(0 2 1 * ? 2027)");
    assert_eq!(of_2027.previous(today), None);
    assert_eq!(of_2027.next(moment("2027-12-01T02:00:00Z")), None);
    assert_eq!(daily.next(Moment::FAR_FUTURE), None);
    assert_eq!(daily.previous(Moment(i64::MIN)), None);
}

#[test]
fn the_interval_is_the_gap_that_just_was_and_the_longest_is_known() {
    let weekdays = schedule("cron(0 3 ? * MON-FRI *)");
    assert_eq!(weekdays.interval(moment("2026-11-20T12:00:00Z")), Duration::from_secs(86_400), "Thursday to Friday");
    assert_eq!(weekdays.interval(moment("2026-11-23T12:00:00Z")), Duration::from_secs(3 * 86_400), "over the weekend");
    for (text, longest) in [
        ("cron(0 * * * ? *)", "1 h"),
        ("cron(0 2 * * ? *)", "1 d"),
        ("cron(0 8-18 * * ? *)", "14 h"),
        ("cron(0 3 ? * MON-FRI *)", "3 d"),
        ("cron(0 8-18 ? * MON-FRI *)", "2 d 14 h"),
        ("cron(0 3 1 * ? *)", "31 d"),
        ("cron(0 3 29 2 ? *)", "1461 d"),
        ("cron(0 3 1 1 ? 2027)", "366 d"),
    ] {
        assert_eq!(spoken(schedule(text).longest_gap()), longest, "{text}");
    }
    let once = schedule("cron(0 3 1 1 ? 2027)");
    assert_eq!(once.interval(moment("2027-06-01T00:00:00Z")), once.longest_gap(), "nothing to measure yet");
}

#[test]
fn the_usual_spelling() {
    for text in ["cron(0 2 ? * MON-FRI *)", " CRON(0  2 ? * mon-fri * ) ", "0 2 ? * Mon-Fri *"] {
        let schedule = schedule(text);
        assert_eq!(schedule.text(), "cron(0 2 ? * MON-FRI *)");
        assert_eq!(Schedule::parse(schedule.text()), Ok(schedule));
    }
}

#[test]
fn in_plain_english() {
    let said: String = [
        "cron(0 * * * ? *)",
        "cron(15 * * * ? *)",
        "cron(0 2 * * ? *)",
        "cron(30 0/6 * * ? *)",
        "cron(0 2 ? * MON-FRI *)",
        "cron(0 2 ? * SUN *)",
        "cron(0 3 L * ? *)",
        "cron(0 3 15W * ? *)",
        "cron(0 3 ? * 6L *)",
        "cron(0 3 ? * 3#2 *)",
        "cron(0 3 1 JAN,JUL ? 2027)",
    ]
    .map(|text| format!("{text}: {}\n", schedule(text).spoken()))
    .concat();
    insta::assert_snapshot!(said, @r"
    cron(0 * * * ? *): every hour
    cron(15 * * * ? *): every hour at 15 minutes past
    cron(0 2 * * ? *): every day at 02:00 UTC
    cron(30 0/6 * * ? *): every day at 00:30, 06:30, 12:30 and 18:30 UTC
    cron(0 2 ? * MON-FRI *): at 02:00 UTC, on Monday, Tuesday, Wednesday, Thursday, and Friday
    cron(0 2 ? * SUN *): at 02:00 UTC, on Sunday
    cron(0 3 L * ? *): at 03:00 UTC, on the last day of the month
    cron(0 3 15W * ? *): at 03:00 UTC, on the weekday nearest day 15
    cron(0 3 ? * 6L *): at 03:00 UTC, on the last Friday of the month
    cron(0 3 ? * 3#2 *): at 03:00 UTC, on the 2nd Tuesday of the month
    cron(0 3 1 JAN,JUL ? 2027): at 03:00 UTC, on day 1, in January and July, in year 2027
    ");
}

#[test]
fn says_why_it_is_not_a_schedule() {
    let said: String = [
        "",
        "every night",
        "0 2 * * *",
        "30 4 * * 0",
        "0 2 * * MON-FRI",
        "0 2 1 * 1",
        "*/15 * * * *",
        "cron(0 2 * *)",
        "0 0 2 * * ? *",
        "rate(1 hour)",
        "cron(0 2 * * * *)",
        "cron(0 2 ? * ? *)",
        "cron(0 2 1 * MON *)",
        "cron(60 2 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 18-8 * * ? *)",
        "cron(0 */0 * * ? *)",
        "cron(0 -1 * * ? *)",
        "cron(0 1,,2 * * ? *)",
        "cron(0 MON * * ? *)",
        "cron(0 2 0 * ? *)",
        "cron(0 2 L-3 * ? *)",
        "cron(0 2 1,L * ? *)",
        "cron(0 2 32W * ? *)",
        "cron(0 2 1WW * ? *)",
        "cron(0 2 * 13 ? *)",
        "cron(0 2 * JAN-FOO ? *)",
        "cron(0 2 ? * 0 *)",
        "cron(0 2 ? * 8 *)",
        "cron(0 2 ? * 2#6 *)",
        "cron(0 2 ? * 1/2 *)",
        "cron(0 2 ? * +MON *)",
        "cron(0 2 * * ? 1969)",
        "cron(0,30 2 * * ? *)",
        "cron(* 2 * * ? *)",
        "cron(0 2 30 2 ? *)",
        "@daily",
        "cron(`0` 2 * * ?) *)\u{0}",
    ]
    .map(|text| format!("{}\n", Schedule::parse(text).expect_err(text)))
    .concat();
    insta::assert_snapshot!(said, @r"
    (nothing) has 0 fields; AWS has six: `cron(minute hour day-of-month month day-of-week year)`, such as `cron(0 2 * * ? *)`
    `every night` has 2 fields; AWS has six: `cron(minute hour day-of-month month day-of-week year)`, such as `cron(0 2 * * ? *)`
    `0 2 * * *` has five fields, as Unix has; AWS has six, the year last: `cron(0 2 * * ? *)`
    `30 4 * * 0` has five fields, as Unix has; AWS has six, the year last: `cron(30 4 ? * 1 *)`
    `0 2 * * MON-FRI` has five fields, as Unix has; AWS has six, the year last: `cron(0 2 ? * MON-FRI *)`
    `0 2 1 * 1` has five fields, as Unix has; AWS has six, the year last: `cron(minute hour day-of-month month day-of-week year)`
    `*/15 * * * *` has five fields, as Unix has; AWS has six, the year last: `cron(minute hour day-of-month month day-of-week year)`
    `cron(0 2 * *)` has 4 fields; AWS has six: `cron(minute hour day-of-month month day-of-week year)`, such as `cron(0 2 * * ? *)`
    `0 0 2 * * ? *` has 7 fields; AWS has six: `cron(minute hour day-of-month month day-of-week year)`, such as `cron(0 2 * * ? *)`
    `rate(1 hour)` is a rate; AWS Backup takes cron only, such as `cron(0 * * * ? *)`
    `cron(0 2 * * * *)` must have `?` either as its day of the month or as its day of the week, and not in both: `cron(0 2 * * ? *)`
    `cron(0 2 ? * ? *)` must have `?` either as its day of the month or as its day of the week, and not in both: `cron(0 2 * * ? *)`
    `cron(0 2 1 * MON *)` must have `?` either as its day of the month or as its day of the week, and not in both: `cron(minute hour day-of-month month day-of-week year)`
    `cron(60 2 * * ? *)` has `60` as its minute; from 0 to 59 write `0` or `30`
    `cron(0 24 * * ? *)` has `24` as its hour; from 0 to 23 write `2`, `8-18`, `0/6` or `*`
    `cron(0 18-8 * * ? *)` has `18-8` as its hour; from 0 to 23 write `2`, `8-18`, `0/6` or `*`
    `cron(0 */0 * * ? *)` has `*/0` as its hour; from 0 to 23 write `2`, `8-18`, `0/6` or `*`
    `cron(0 -1 * * ? *)` has `-1` as its hour; from 0 to 23 write `2`, `8-18`, `0/6` or `*`
    `cron(0 1,,2 * * ? *)` has `1,,2` as its hour; from 0 to 23 write `2`, `8-18`, `0/6` or `*`
    `cron(0 MON * * ? *)` has `MON` as its hour; from 0 to 23 write `2`, `8-18`, `0/6` or `*`
    `cron(0 2 0 * ? *)` has `0` as its day of the month; from 1 to 31 write `1`, `1,15`, `L` (the last), `15W` (the weekday nearest to it), `*` or `?`
    `cron(0 2 L-3 * ? *)` has `L-3` as its day of the month; from 1 to 31 write `1`, `1,15`, `L` (the last), `15W` (the weekday nearest to it), `*` or `?`
    `cron(0 2 1,L * ? *)` has `1,L` as its day of the month; from 1 to 31 write `1`, `1,15`, `L` (the last), `15W` (the weekday nearest to it), `*` or `?`
    `cron(0 2 32W * ? *)` has `32W` as its day of the month; from 1 to 31 write `1`, `1,15`, `L` (the last), `15W` (the weekday nearest to it), `*` or `?`
    `cron(0 2 1WW * ? *)` has `1WW` as its day of the month; from 1 to 31 write `1`, `1,15`, `L` (the last), `15W` (the weekday nearest to it), `*` or `?`
    `cron(0 2 * 13 ? *)` has `13` as its month; from 1 to 12 write `JAN`, `1-6`, `1/3` or `*`
    `cron(0 2 * JAN-FOO ? *)` has `JAN-FOO` as its month; from 1 to 12 write `JAN`, `1-6`, `1/3` or `*`
    `cron(0 2 ? * 0 *)` has `0` as its day of the week; from 1 to 7 write `SUN` (which is 1), `MON-FRI`, `6L` (the last Friday), `3#2` (the second Tuesday), `*` or `?`
    `cron(0 2 ? * 8 *)` has `8` as its day of the week; from 1 to 7 write `SUN` (which is 1), `MON-FRI`, `6L` (the last Friday), `3#2` (the second Tuesday), `*` or `?`
    `cron(0 2 ? * 2#6 *)` has `2#6` as its day of the week; from 1 to 7 write `SUN` (which is 1), `MON-FRI`, `6L` (the last Friday), `3#2` (the second Tuesday), `*` or `?`
    `cron(0 2 ? * 1/2 *)` has `1/2` as its day of the week; from 1 to 7 write `SUN` (which is 1), `MON-FRI`, `6L` (the last Friday), `3#2` (the second Tuesday), `*` or `?`
    `cron(0 2 ? * +MON *)` has `+MON` as its day of the week; from 1 to 7 write `SUN` (which is 1), `MON-FRI`, `6L` (the last Friday), `3#2` (the second Tuesday), `*` or `?`
    `cron(0 2 * * ? 1969)` has `1969` as its year; from 1970 to 2199 write `*` or `2027-2030`
    `cron(0,30 2 * * ? *)` is due more than once an hour; AWS Backup runs hourly at most: give one minute, such as `0`
    `cron(* 2 * * ? *)` is due more than once an hour; AWS Backup runs hourly at most: give one minute, such as `0`
    `cron(0 2 30 2 ? *)` is never due: no month it names has such a day
    `@daily` has 1 field; AWS has six: `cron(minute hour day-of-month month day-of-week year)`, such as `cron(0 2 * * ? *)`
    `cron('0' 2 * * ?) *)` has `CRON('0'` as its minute; from 0 to 59 write `0` or `30`
    ");
}

#[test]
fn a_rhythm_never_leaves_more_than_the_rpo_while_aws_goes_that_often() {
    for (minutes, text) in [
        (15, "cron(0 * * * ? *)"),
        (60, "cron(0 * * * ? *)"),
        (90, "cron(0 * * * ? *)"),
        (4 * 60, "cron(0 0/4 * * ? *)"),
        (5 * 60, "cron(0 0/4 * * ? *)"),
        (12 * 60, "cron(0 0/12 * * ? *)"),
        (24 * 60, "cron(0 2 * * ? *)"),
        (72 * 60, "cron(0 2 * * ? *)"),
    ] {
        let rpo = Duration::from_secs(minutes * 60);
        let rhythm = Schedule::within(rpo);
        assert_eq!(rhythm.text(), text, "{minutes} min");
        assert!(rhythm.longest_gap() <= rpo || minutes < 60, "{minutes} min");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_written_is_a_schedule_or_a_sentence(text in "(cron\\()?([0-9*?/,LW#A-Z-]{1,6} ?){0,8}\\)?|\\PC{0,80}") {
        match Schedule::parse(&text) {
            Ok(schedule) => proptest::prop_assert_eq!(Schedule::parse(schedule.text()), Ok(schedule)),
            Err(why) => proptest::prop_assert!(why.chars().count() < 350 && !why.contains('\n'), "{}", why),
        }
    }

    #[test]
    fn what_is_due_next_was_due_last(minute in 0..60, hour in "\\*|[0-9]|0/[1-9]", day in "\\*|[1-9]|L|1[0-9]W", after in 0..4_000_000_000_000i64) {
        let schedule = Schedule::parse(&format!("cron({minute} {hour} {day} * ? *)")).expect("it is right");
        let next = schedule.next(Moment(after)).expect("it is due again");
        proptest::prop_assert!(next.0 > after);
        proptest::prop_assert_eq!(schedule.previous(next), Some(next));
        proptest::prop_assert_eq!(schedule.next(next - Duration::from_millis(1)), Some(next));
        proptest::prop_assert!(next.since(Moment(after)) <= schedule.longest_gap());
    }
}
