//! A bare `backup restore <env>` opens a form, and so do a few others of which only the environment is said. The first of them is opened before anything is asked of AWS, since what Slack gave to open it with
//! is good for three seconds and never stored, and filled in once the recovery points are read.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use secrecy::SecretString;

use super::{
    desk::{Desk, say},
    inbound::Via,
};
use crate::{
    domain::{
        language::{OpenCommand, OpenRestore},
        text::escape,
    },
    ports::{
        chat::{CommandForm, Form, Level, Reply, RestoreForm},
        store::{Request, StoreError},
    },
};

/// Triggers held at once; beyond that all are let go, which costs a form.
const MOST: usize = 1_000;

/// What Slack gives to open a form with, by the request it came with. In memory only, and taken out by the request itself.
#[derive(Default)]
pub struct Triggers(Mutex<HashMap<String, SecretString>>);

impl Triggers {
    /// Keeps one.
    pub fn keep(&self, request: &str, trigger: SecretString) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= MOST {
            held.clear();
        }
        held.insert(request.to_owned(), trigger);
    }

    /// The one of this request, once.
    pub fn take(&self, request: &str) -> Option<SecretString> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(request)
    }
}

impl Desk {
    /// Opens the form and stores the request with its answer. Whoever sends it is asked who they are then.
    pub(super) async fn open_restore(
        &self,
        request: Request,
        via: Via,
        open: OpenRestore,
        trigger: SecretString,
    ) -> Result<Option<Reply>, StoreError> {
        let list = format!("`/bbws backup restore {} list` shows the same as a table.", escape(&open.environment));
        if let Err(reply) = self.gate_in_time(&request).await {
            return self.answer_now(request, via, reply, true).await;
        }
        let form = RestoreForm {
            environment: open.environment,
            channel: request.channel.clone(),
            places: open.places,
            choices: None,
            note: String::new(),
        };
        let reply =
            match tokio::time::timeout(self.patience, self.chat.open(&trigger, &Form::Restore(form.clone()))).await {
                Ok(Ok(view)) => {
                    let (desk, user) = (self.clone(), request.user.clone());
                    tokio::spawn(async move { desk.fill(&view, form, &user).await });
                    say(Level::Info, format!("The form is open. {list}"))
                }
                Ok(Err(error)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a form was not opened");
                    say(Level::Warning, format!("Slack did not open the form. {list}"))
                }
                Err(_) => say(Level::Warning, format!("Slack did not open the form in time. {list}")),
            };
        self.answer_now(request, via, reply, false).await
    }

    /// Opens a form for the rest of a command, and stores the request with its answer. Where none can be opened, the answer says what
    /// to type, as it does for whoever has no forms.
    pub(super) async fn open_command(
        &self,
        request: Request,
        via: Via,
        open: OpenCommand,
        trigger: SecretString,
        lacking: Reply,
    ) -> Result<Option<Reply>, StoreError> {
        if let Err(reply) = self.gate_in_time(&request).await {
            return self.answer_now(request, via, reply, true).await;
        }
        let form = Form::Command(CommandForm { open, channel: request.channel.clone() });
        let reply = match tokio::time::timeout(self.patience, self.chat.open(&trigger, &form)).await {
            Ok(Ok(_)) => say(Level::Info, "The form asks for the rest."),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a form was not opened");
                lacking
            }
            Err(_) => lacking,
        };
        self.answer_now(request, via, reply, false).await
    }

    /// Fills in what can be restored.
    async fn fill(&self, view: &str, form: RestoreForm, by: &str) {
        let (choices, note) = match self.restore_choices(&form.environment, by).await {
            Ok(Ok((choices, note))) => (choices, note),
            Ok(Err(reply)) => (Vec::new(), reply.text),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the ledger does not tell what a form needs");
                (Vec::new(), "The ledger does not answer. Close this and ask again in a minute.".to_owned())
            }
        };
        let form = Form::Restore(RestoreForm { choices: Some(choices), note, ..form });
        if let Err(error) = self.chat.refill(view, &form).await {
            // Whoever closed it meanwhile does not miss it.
            tracing::info!(error = &error as &dyn std::error::Error, "a form was not filled in");
        }
    }
}
