//! Forms, as modals. What is filled in becomes the text of a command, or the word that a button lacked, and goes the way of any
//! other.

use serde_json::{Value, json};

use super::text::{clip, one_line};
use crate::domain::{language::Field, text::escape};
use crate::ports::chat::{Choice, CommandForm, ConfirmForm, Form, ReasonForm, RestoreForm};

/// By which a submitted form is known again.
const RESTORE: &str = "bbws.restore";
const CONFIRM: &str = "bbws.confirm";
const REASON: &str = "bbws.reason";
const COMMAND: &str = "bbws.command";
/// Most options of a select, and most characters of a label and of a value.
const OPTIONS: usize = 100;
const LABEL: usize = 75;
const VALUE: usize = 150;
/// Most characters of a title.
const TITLE: usize = 24;

/// The view.
pub fn view(form: &Form) -> Value {
    match form {
        Form::Restore(form) => restore(form),
        Form::Confirm(form) => confirm(form),
        Form::Reason(form) => reason(form),
        Form::Command(form) => command(form),
    }
}

/// What the command does, and a field for each of its options.
fn command(form: &CommandForm) -> Value {
    let open = &form.open;
    let head =
        format!("{}. What is sent is a command as if you had typed it.\n`/bbws {}`", open.about, escape(&open.command));
    let mut blocks = vec![section(&head)];
    blocks.extend(open.fields.iter().map(field));
    json!({
        "type": "modal",
        "callback_id": COMMAND,
        "private_metadata": json!({"command": open.command, "channel": form.channel}).to_string(),
        "title": plain(&clip(&open.command, TITLE)),
        "close": plain("Not now"),
        "submit": plain("Ask for it"),
        "blocks": blocks,
    })
}

fn field(field: &Field) -> Value {
    let mut letters = field.name.chars();
    let label: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let mut block = match field.words {
        [] => text(field.name, &label, &clip(field.about, LABEL), None),
        words => select(
            field.name,
            &label,
            &clip(field.about, LABEL),
            words.iter().map(|word| plain_option(word)).collect(),
            None,
        ),
    };
    block["optional"] = json!(!field.required);
    block
}

/// What the command is, and a field for why.
fn reason(form: &ReasonForm) -> Value {
    let mut typed = text("why", "Why", "what others should know", None);
    typed["optional"] = json!(false);
    json!({
        "type": "modal",
        "callback_id": REASON,
        "private_metadata": json!({"command": form.command, "channel": form.channel}).to_string(),
        "title": plain(&clip(&form.title, TITLE)),
        "close": plain("Not now"),
        "submit": plain("Say it"),
        "blocks": [section(&format!("{}\n`/bbws {}`", form.asks, escape(&form.command))), typed],
    })
}

/// What is about to be replaced, and a field for its name.
fn confirm(form: &ConfirmForm) -> Value {
    let names: Vec<String> = form.names.iter().map(|name| format!("`{}`", escape(name))).collect();
    let asked = format!("{}\nTo approve {}, type {}.", form.does, form.operation, names.join(" or "));
    let mut typed = text("name", "What it replaces", form.names.first().map_or("", String::as_str), None);
    typed["optional"] = json!(false);
    let metadata = json!({
        "operation": form.operation, "channel": form.channel, "block_id": form.block_id, "message_ts": form.message_ts,
    });
    json!({
        "type": "modal",
        "callback_id": CONFIRM,
        "private_metadata": metadata.to_string(),
        "title": plain(&clip(&format!("Approve {}", form.operation), TITLE)),
        "close": plain("Not now"),
        "submit": plain("Approve"),
        "blocks": [section(&asked), typed],
    })
}

/// What and from when, as it was at which moment, where to, for which ticket.
fn restore(form: &RestoreForm) -> Value {
    let mut blocks = vec![section(&format!(
        "Brings something of `{}` back: beside what is live, or into its place. What is sent is a command as if you had typed it; nothing starts without the approvals it needs.",
        form.environment
    ))];
    let choices = form.choices.as_deref().unwrap_or_default();
    let options: Vec<Value> =
        choices.iter().filter(|choice| choice.value.chars().count() <= VALUE).take(OPTIONS).map(option).collect();
    let submit = !options.is_empty();
    match &form.choices {
        None => blocks.push(section("Reading the recovery points…")),
        Some(_) if options.is_empty() => blocks.push(section(&form.note)),
        Some(_) => {
            blocks.extend((!form.note.is_empty()).then(|| section(&form.note)));
            blocks.push(select("point", "What, and from when", "The most trustworthy first", options, None));
            blocks.push(text(
                "at",
                "Or as it was at this moment",
                "2026-03-01T04:30:00+02:00",
                Some("With its zone; then the database above is restored to that second."),
            ));
            blocks.push(text(
                "tenant",
                "Only of this tenant",
                "tenant-1",
                Some("With `live` only this tenant's tables go into the live database."),
            ));
            let places: Vec<Value> = form.places.iter().map(|place| plain_option(place)).collect();
            let first = places.first().cloned();
            blocks.extend((!places.is_empty()).then(|| select("into", "Where to", "Where to", places, first)));
            blocks.push(text("ticket", "Ticket", "INC-123", None));
            blocks.push(text("why", "Why", "what others should know", None));
        }
    }
    let metadata = json!({"environment": form.environment, "channel": form.channel}).to_string();
    let mut view = json!({
        "type": "modal",
        "callback_id": RESTORE,
        "private_metadata": metadata,
        "title": plain("Restore"),
        "close": plain("Close"),
        "blocks": blocks,
    });
    // Slack takes no button that sends where there is nothing to fill in.
    if submit {
        view["submit"] = plain("Ask for it");
    }
    view
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

fn option(choice: &Choice) -> Value {
    let label = clip(&one_line(&choice.label), LABEL);
    let about = clip(&one_line(&choice.about), LABEL);
    json!({"text": plain(&label), "description": plain(&about), "value": choice.value})
}

fn plain_option(word: &str) -> Value {
    json!({"text": plain(word), "value": word})
}

fn select(id: &str, label: &str, hint: &str, options: Vec<Value>, initial: Option<Value>) -> Value {
    let mut element = json!({"type": "static_select", "action_id": id, "placeholder": plain(hint), "options": options});
    if let Some(initial) = initial {
        element["initial_option"] = initial;
    }
    json!({"type": "input", "block_id": format!("bbws.form.{id}"), "label": plain(label), "element": element})
}

fn text(id: &str, label: &str, hint: &str, about: Option<&str>) -> Value {
    let element = json!({"type": "plain_text_input", "action_id": id, "placeholder": plain(hint), "max_length": 200});
    let mut block = json!({
        "type": "input", "block_id": format!("bbws.form.{id}"), "label": plain(label), "element": element, "optional": true,
    });
    if let Some(about) = about {
        block["hint"] = plain(about);
    }
    block
}
