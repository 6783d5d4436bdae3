//! Which of the newer blocks may be used: by Slack's documentation on which surface, and learned from what a workspace
//! refuses.

use serde_json::Value;

/// Where blocks are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// A message, an answer, a reply.
    Message,
    /// A modal.
    Modal,
    /// The app's Home tab.
    Home,
}

/// A kind of block that is not for everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newer {
    /// `alert`.
    Alert = 1,
    /// `data_visualization`.
    Chart = 2,
    /// `action_cell` in a `data_table`.
    RowButton = 4,
    /// `data_table`.
    Table = 8,
    /// `plan`.
    Plan = 16,
    /// `container` that folds.
    Container = 32,
}

/// The one table of what may be shown where; blocks that are not in it may be shown everywhere.
const ALLOWED: [(Newer, &str, &[Surface]); 6] = [
    (Newer::Alert, "alerts", &[Surface::Modal]),
    (Newer::Chart, "charts", &[Surface::Message, Surface::Home]),
    (Newer::RowButton, "buttons in tables", &[Surface::Message, Surface::Home]),
    (Newer::Table, "tables", &[Surface::Message, Surface::Home]),
    (Newer::Plan, "plans", &[Surface::Message]),
    (Newer::Container, "containers", &[Surface::Message, Surface::Home]),
];

/// What may not be used: not on this surface, or refused so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support(u8);

impl Support {
    /// Sections, context, actions and input only.
    pub const PLAIN: Support = Support(63);

    /// All that is for this surface.
    pub fn on(surface: Surface) -> Support {
        let barred = ALLOWED.iter().filter(|(_, _, surfaces)| !surfaces.contains(&surface));
        Support(barred.map(|(kind, ..)| *kind as u8).sum())
    }

    /// Whether blocks of this kind may be used.
    pub fn takes(self, kind: Newer) -> bool {
        self.0 & kind as u8 == 0
    }

    /// Without blocks of this kind.
    pub fn without(self, kind: Newer) -> Support {
        Support(self.0 | kind as u8)
    }

    /// As a number, in which what is refused by either of two supports is refused by `a | b`.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// From [`Support::bits`].
    pub fn from_bits(bits: u8) -> Support {
        Support(bits & Self::PLAIN.0)
    }

    /// What is refused of that which is for this surface, in words: `charts, tables`.
    pub fn refused(self, surface: Surface) -> String {
        let for_it = ALLOWED.iter().filter(|(_, _, surfaces)| surfaces.contains(&surface));
        for_it.filter(|(kind, ..)| !self.takes(*kind)).map(|(_, name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// What to try after a refusal: `None` when it was not for the blocks, `Some(None)` when nothing plainer is left. Where
/// Slack points at the blocks it refuses (`/blocks/2/…`), only their kinds are given up.
pub fn plainer(support: Support, code: &str, answer: &Value, blocks: &[Value]) -> Option<Option<Support>> {
    let about_blocks =
        code.starts_with("invalid_block") || code.starts_with("unsupported_block") || code == "msg_blocks_too_long";
    if !about_blocks {
        return None;
    }
    let named = named(answer);
    let next = named.iter().try_fold(support, |next, at| Some(next.without(kind(blocks.get(*at)?, support)?)));
    Some(match next {
        Some(next) if next != support => Some(next),
        _ if support != Support::PLAIN => Some(Support::PLAIN),
        _ => None,
    })
}

/// Positions of the blocks an answer points at.
fn named(answer: &Value) -> Vec<usize> {
    let told = answer.to_string();
    let digits = |from: usize| told[from..].chars().take_while(char::is_ascii_digit).collect::<String>();
    told.match_indices("/blocks/").filter_map(|(at, found)| digits(at + found.len()).parse().ok()).collect()
}

/// What to give up for a block that is refused; nothing for blocks that are as plain as can be.
fn kind(block: &Value, support: Support) -> Option<Newer> {
    let buttons = || {
        let mut cells = block["rows"].as_array().into_iter().flatten().filter_map(Value::as_array).flatten();
        cells.any(|cell| cell["type"] == "action_cell")
    };
    match block["type"].as_str()? {
        "alert" => Some(Newer::Alert),
        "data_visualization" => Some(Newer::Chart),
        "data_table" if support.takes(Newer::RowButton) && buttons() => Some(Newer::RowButton),
        "data_table" => Some(Newer::Table),
        "plan" => Some(Newer::Plan),
        "container" => Some(Newer::Container),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_surface_has_its_own_blocks() {
        let taken = |surface| -> Vec<&str> {
            let support = Support::on(surface);
            ALLOWED.iter().filter(|(kind, ..)| support.takes(*kind)).map(|(_, name, _)| *name).collect()
        };
        assert_eq!(taken(Surface::Message), ["charts", "buttons in tables", "tables", "plans", "containers"]);
        assert_eq!(taken(Surface::Modal), ["alerts"]);
        assert_eq!(taken(Surface::Home), ["charts", "buttons in tables", "tables", "containers"]);
        assert!(ALLOWED.iter().all(|(kind, ..)| !Support::PLAIN.takes(*kind)));
    }

    #[test]
    fn only_what_is_pointed_at_is_given_up_step_by_step() {
        let cell = json!({"type": "action_cell"});
        let blocks = [
            json!({"type": "section"}),
            json!({"type": "data_table", "rows": [[{"type": "raw_text"}], [cell]]}),
            json!({"type": "data_visualization"}),
        ];
        let at = |i: usize| json!({"errors": [format!("no [json-pointer:/blocks/{i}/x]")]});
        let step = |support, answer: &Value| plainer(support, "invalid_blocks", answer, &blocks).unwrap();
        let full = Support::on(Surface::Message);
        let one = step(full, &at(2)).unwrap();
        assert_eq!(one.refused(Surface::Message), "charts");
        let two = step(one, &at(1)).unwrap();
        assert_eq!(two.refused(Surface::Message), "charts, buttons in tables");
        assert_eq!(step(two, &at(1)).unwrap().refused(Surface::Message), "charts, buttons in tables, tables");
        assert_eq!(step(two, &at(0)), Some(Support::PLAIN), "a section cannot be any plainer");
        assert_eq!(step(two, &at(7)), Some(Support::PLAIN));
        assert_eq!(step(two, &json!({})), Some(Support::PLAIN));
        assert_eq!(step(Support::PLAIN, &at(1)), None);
        assert_eq!(plainer(full, "channel_not_found", &at(1), &blocks), None);
    }
}
