//! App Home as a view: sections, small print and buttons alone, which every workspace takes there.

use serde_json::{Value, json};

use super::{
    approval,
    blocks::{self, Part},
    card,
    command_button::CommandButton,
    outcome,
    support::Support,
    text::date,
};
use crate::{
    domain::{
        answers::home::{Board, Home},
        operation::{Run, State},
    },
    ports::chat::{CardView, Offer},
};

/// Most blocks on App Home, and most buttons in one of them.
const BLOCKS: usize = 100;
const BUTTONS: usize = 25;

/// The view.
pub fn view(home: &Home) -> Value {
    let parts = match home {
        Home::Shut(sentence) => vec![Part::Section(sentence.clone())],
        Home::Open(board) => open(board),
    };
    let mut drawn = blocks::draw_within(BLOCKS, &parts, Support::PLAIN);
    // Each block is known by its id: two of one name are refused.
    let offers = drawn.iter_mut().filter(|block| block["block_id"] == "bbws.offers");
    for (number, block) in offers.enumerate() {
        block["block_id"] = format!("bbws.offers.{number}").into();
    }
    json!({"type": "home", "blocks": drawn})
}

fn open(board: &Board) -> Vec<Part> {
    let mut numbers = 0;
    let mut parts = vec![Part::Context(format!(
        "As of {}. Drawn anew as things change for half an hour after you opened it; open it again after that.",
        date(board.at)
    ))];
    let waiting = match board.waits.len() {
        0 => "*Waits for you* · nothing".to_owned(),
        _ => "*Waits for you*".to_owned(),
    };
    parts.push(Part::Section(waiting));
    for run in &board.waits {
        parts.extend(waits(&CardView { run: run.clone(), now: board.at }, &mut numbers));
    }
    for panel in board.places.iter().chain(&board.more) {
        parts.push(Part::Section(panel.text.clone()));
        parts.extend(offers(&panel.offers, &mut numbers));
    }
    parts
}

/// What waits, with what is asked and the buttons of its card.
fn waits(view: &CardView, numbers: &mut usize) -> Vec<Part> {
    let run = &view.run;
    let mut parts = vec![Part::Section(card::header(view))];
    parts.extend(outcome::alert(run).map(|(level, text)| Part::Alert(level, text)));
    if run.op.state == State::AwaitingApproval {
        parts.push(Part::Section(approval::signed(&run.op)));
    }
    parts.push(Part::Actions {
        block: format!("bbws:{}", run.shown()),
        value: run.op.id.0.clone(),
        buttons: card::buttons(run),
    });
    parts.extend(offers(&[shown_whole(run)], numbers));
    parts
}

fn shown_whole(run: &Run) -> Offer {
    Offer { label: format!("Show all of {}", run.op.id), command: format!("op show {}", run.op.id), confirm: None }
}

/// Buttons, numbered on from those before; none where there are none.
fn offers(offers: &[Offer], numbers: &mut usize) -> Option<Part> {
    let buttons: Vec<CommandButton> = offers
        .iter()
        .take(BUTTONS)
        .filter_map(|offer| {
            *numbers += 1;
            CommandButton::of(offer, *numbers)
        })
        .collect();
    (!buttons.is_empty()).then_some(Part::Offers(buttons))
}
