//! Line charts: as Slack's `data_visualization`, and as lines of small bars in a code block.
//!
//! Slack wants a number at every point, so what nobody knows is left out of the drawing and named below it.

use std::collections::BTreeSet;

use slack_morphism::prelude::*;

use super::{
    table::aligned,
    text::{clip, clip_mrkdwn, count, escape, one_line},
};
use crate::domain::attachment::{Chart, Series};

/// Most lines, most points of a line, longest label of a line or point, longest title.
const LINES: usize = 12;
const POINTS: usize = 20;
const LABEL: usize = 20;
const TITLE: usize = 50;
/// Above this, a number is not exact in every reader.
const MOST: u64 = 1 << 53;

/// As much of a chart as Slack draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    title: String,
    unit: String,
    categories: Vec<String>,
    series: Vec<(String, Vec<u64>)>,
}

impl Graph {
    /// What can be drawn, and sentences of plain text about what cannot. No drawing where nothing is known.
    pub fn fitting(chart: &Chart) -> (Option<Graph>, Vec<String>) {
        let mut notes = Vec::new();
        let (categories, mut series) = grouped(chart, &mut notes);
        if series.len() > LINES {
            notes.push(format!("… and {} more.", count(series.len() - LINES, "line")));
            series.truncate(LINES);
        }
        let (points, lines) = complete(&series, categories.len());
        let missing = |kept: &[usize], names: &[String]| {
            let gone: Vec<String> = (0..names.len()).filter(|i| !kept.contains(i)).map(|i| names[i].clone()).collect();
            (!gone.is_empty()).then(|| named(&gone))
        };
        let names: Vec<String> = series.iter().map(|s| s.name.clone()).collect();
        notes.extend(missing(&lines, &names).map(|gone| format!("Not drawn, since too little is known: {gone}.")));
        if lines.is_empty() || points.is_empty() {
            return (None, notes);
        }
        notes.extend(missing(&points, &categories).map(|gone| format!("Left out, since a value is unknown: {gone}.")));
        let pick = |values: &[Option<u64>]| points.iter().filter_map(|p| values[*p]).map(|v| v.min(MOST)).collect();
        let graph = Graph {
            title: titled(chart),
            unit: clip(&one_line(&chart.unit), TITLE),
            categories: unique(points.iter().map(|p| categories[*p].as_str())),
            series: unique(lines.iter().map(|l| names[*l].as_str()))
                .into_iter()
                .zip(lines.iter().map(|l| pick(&series[*l].values)))
                .collect(),
        };
        (Some(graph), notes)
    }

    /// The block.
    pub fn block(&self) -> SlackBlock {
        let line = |(name, values): &(String, Vec<u64>)| {
            let points = self.categories.iter().zip(values);
            SlackChartDataSeries::new(
                name.clone(),
                points.map(|(label, value)| SlackChartDataPoint::new(label.clone(), (*value).into())).collect(),
            )
        };
        let mut axes = SlackChartAxisConfig::new(self.categories.clone());
        if !self.unit.is_empty() {
            axes.y_label(self.unit.clone());
        }
        let chart = SlackSeriesChart::new(self.series.iter().map(line).collect(), axes);
        SlackDataVisualizationBlock::new(self.title.clone(), SlackChart::Line(chart)).into()
    }
}

fn titled(chart: &Chart) -> String {
    let title = one_line(&chart.title);
    clip(if title.is_empty() { "Chart" } else { &title }, TITLE)
}

/// The first few names, and how many more there are.
fn named(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(5).map(|n| clip(&one_line(n), 40)).collect();
    let more = names.len() - shown.len();
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{tail}", shown.join(", "))
}

/// Labels of at most [`LABEL`], each but once.
fn unique<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for label in labels {
        let label = one_line(label);
        let whole = clip(if label.is_empty() { "–" } else { &label }, LABEL);
        let numbered = (2..).map(|n| format!("{} {n}", clip(&whole, LABEL - 5)));
        if let Some(label) = std::iter::once(whole.clone()).chain(numbered).find(|l| !seen.contains(l)) {
            seen.insert(label.clone());
            out.push(label);
        }
    }
    out
}

/// At most [`POINTS`] categories: of more, neighbours become one, which stands for the highest value among them and is
/// called after the last.
fn grouped(chart: &Chart, notes: &mut Vec<String>) -> (Vec<String>, Vec<Series>) {
    let total = chart.categories.len();
    let size = total.div_ceil(POINTS).max(1);
    let categories: Vec<String> = chart.categories.chunks(size).filter_map(|chunk| chunk.last().cloned()).collect();
    let value = |series: &Series, group: usize| {
        let from = group * size;
        series.values.iter().take(total).skip(from).take(size).filter_map(|v| *v).max()
    };
    let line = |series: &Series| Series {
        name: series.name.clone(),
        values: (0..categories.len()).map(|group| value(series, group)).collect(),
    };
    let series = chart.series.iter().map(line).collect();
    if size > 1 {
        notes.push(format!("{total} points are drawn as {}, each at its highest value.", categories.len()));
    }
    (categories, series)
}

/// The points and lines that are left when nothing unknown is: whatever is unknown most goes first.
fn complete(series: &[Series], points: usize) -> (Vec<usize>, Vec<usize>) {
    let mut lines: Vec<usize> = (0..series.len()).collect();
    let mut points: Vec<usize> = (0..points).collect();
    loop {
        let unknown = |line: usize, point: usize| series[line].values[point].is_none();
        let gaps_of_line = |line: usize| points.iter().filter(|p| unknown(line, **p)).count();
        let gaps_at = |point: usize| lines.iter().filter(|l| unknown(**l, point)).count();
        let worst_line = lines.iter().map(|l| (gaps_of_line(*l), *l)).max();
        let worst_point = points.iter().map(|p| (gaps_at(*p), *p)).max();
        match (worst_line, worst_point) {
            (Some((0, _)), _) | (None, _) | (_, None) => return (points, lines),
            (Some((of_line, line)), Some((at, _))) if of_line * lines.len() > at * points.len() => {
                lines.retain(|l| *l != line);
            }
            (_, Some((_, point))) => points.retain(|p| *p != point),
        }
    }
}

/// The chart in words, in mrkdwn of at most `room`: a line of small bars for each series, with first, lowest, highest and
/// last value and how many are unknown.
pub fn words(chart: &Chart, room: usize) -> String {
    let (categories, drawn) = grouped(chart, &mut Vec::new());
    let top = drawn.iter().flat_map(|s| &s.values).filter_map(|v| *v).max().unwrap_or(0);
    let unit = one_line(&chart.unit);
    let span = match (categories.first().and(chart.categories.first()), chart.categories.last()) {
        (Some(first), Some(last)) => format!(", {} to {}", clip(&one_line(first), 40), clip(&one_line(last), 40)),
        _ => String::new(),
    };
    let head = format!(
        "{}{}{span}",
        titled(chart),
        if unit.is_empty() { String::new() } else { format!(" in {}", clip(&unit, TITLE)) }
    );
    let head = format!("*{}*", clip_mrkdwn(&escape(&head), 150));
    let cell = |text: &str| text.replace('`', "'");
    let mut lines = vec![["", "", "First", "Lowest", "Highest", "Last", "Unknown"].map(str::to_owned).to_vec()];
    for (whole, drawn) in chart.series.iter().zip(&drawn) {
        let known: Vec<u64> = whole.values.iter().take(chart.categories.len()).filter_map(|v| *v).collect();
        let number = |value: Option<&u64>| value.map_or("–".to_owned(), u64::to_string);
        lines.push(vec![
            cell(&clip(&one_line(&whole.name), 24)),
            drawn.values.iter().map(|v| bar(*v, top)).collect(),
            number(known.first()),
            number(known.iter().min()),
            number(known.iter().max()),
            number(known.last()),
            format!("{} of {}", chart.categories.len() - known.len(), chart.categories.len()),
        ]);
    }
    let left = room.saturating_sub(super::text::len(&head) + 1);
    match aligned(&lines, left, |left| format!("\n… and {} more", count(left, "line"))) {
        Some(table) if lines.len() > 1 => format!("{head}\n{table}"),
        _ if super::text::len(&head) <= room => head,
        _ => String::new(),
    }
}

/// How high a value stands, in eighths of the top; a dot where it is unknown.
fn bar(value: Option<u64>, top: u64) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let eighth = |v: u64| u128::from(v) * 7 / u128::from(top.max(1));
    value.map_or('·', |v| usize::try_from(eighth(v)).ok().and_then(|i| BARS.get(i)).copied().unwrap_or('█'))
}
