//! `status --tiers`: what is promised of each database, file system, bucket and configuration, and how well that was kept.

use std::time::Duration;

use super::{Known, Told};
use crate::domain::{
    attachment::{Attachment, Table},
    environment::Environment,
    experience,
    moment::spoken,
    text::escape,
    tier,
};

/// What is promised of each thing, and how well that was kept.
pub(super) fn told(environment: &Environment, known: &Known<'_>) -> Told {
    let rows = tier::matrix(environment, &known.samples, &known.tallies, known.now);
    let kept = tier::line(&rows).unwrap_or_else(|| "Nothing was measured in the last 30 days".to_owned());
    let mut lines = vec![format!("*{}* · service tiers\n• {kept}", escape(&environment.name))];
    for of_tier in rows.chunk_by(|a, b| a.promise.tier == b.promise.tier) {
        let Some(first) = of_tier.first() else { continue };
        let named: Vec<String> =
            of_tier.iter().map(|row| format!("`{}`", escape(&row.name.replace('`', "'")))).collect();
        let tier = first.promise.tier.map_or("no tier, so the environment's own", |tier| tier.name());
        let (rpo, rto) = (spoken(first.promise.rpo), spoken(first.promise.rto));
        lines.push(format!("• *{tier}*: RPO {rpo}, RTO {rto}: {}", named.join(", ")));
    }
    if rows.is_empty() {
        lines.push("• The config declares nothing that is backed up.".to_owned());
    }
    lines.extend(experience::of(&known.newest).iter().map(|of| format!("• {}", of.spoken(environment.rto.0))));
    let behind = |lag: Option<u64>| lag.map_or("unknown".to_owned(), |seconds| spoken(Duration::from_secs(seconds)));
    let cells = |row: &tier::Row| {
        vec![
            row.promise.tier_name().to_owned(),
            row.name.clone(),
            spoken(row.promise.rpo),
            spoken(row.promise.rto),
            behind(row.here),
            row.there.map_or("—".to_owned(), behind),
            row.attainment.spoken(),
        ]
    };
    let table = Table {
        caption: format!("Service tiers of {}", environment.name),
        columns: ["Tier", "What", "RPO", "RTO", "Behind", "Behind in DR", "RPO kept, 30 days"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.iter().map(cells).collect(),
        offers: Vec::new(),
    };
    let table = (!rows.is_empty()).then_some(table);
    Told { attachment: Attachment { table, ..Attachment::default() }, ..Told::text(lines.join("\n")) }
}
