//! Files in threads: Slack gives an address, takes the bytes there, and shares what has arrived.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    PAGE, PAGES,
    answers::HistoryAnswer,
    client::{Client, unknown},
};
use crate::ports::chat::{ChatError, File};

/// `files.getUploadURLExternal`. Whoever has the address may upload, so it is shown nowhere.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AddressAnswer {
    upload_url: String,
    file_id: String,
}

/// Shares a file below a message. Until the last call nobody sees anything of it.
pub(super) async fn share(client: &Client, channel: &str, thread: &str, file: &File) -> Result<(), ChatError> {
    let method = "files.getUploadURLExternal";
    let length = Some(file.text.len().to_string());
    let asked = vec![("filename", Some(file.name.clone())), ("length", length)];
    let address: AddressAnswer = client.get(method, asked).await?;
    if address.file_id.is_empty() || address.upload_url.is_empty() {
        return Err(unknown(method, "the answer names no address".to_owned()).into());
    }
    client.upload(&SecretString::from(address.upload_url), content_type(&file.name), file.text.as_bytes()).await?;
    let files = json!([{"id": address.file_id, "title": file.title}]);
    let complete = json!({"files": files, "channel_id": channel, "thread_ts": thread});
    let _: Value = client.post("files.completeUploadExternal", &complete).await?;
    Ok(())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

/// Whether a message of the thread carries a file of that name.
pub(super) async fn shared(
    client: &Client,
    channel: &str,
    thread: &str,
    name: &str,
    oldest: i64,
) -> Result<bool, ChatError> {
    let mut cursor = None;
    for _ in 0..PAGES {
        let params = vec![
            ("channel", Some(channel.to_owned())),
            ("ts", Some(thread.to_owned())),
            ("oldest", Some(oldest.to_string())),
            ("inclusive", Some("true".to_owned())),
            ("limit", Some(PAGE.to_string())),
            ("cursor", cursor.take()),
        ];
        let answer: HistoryAnswer = client.get("conversations.replies", params).await?;
        if answer.messages.iter().any(|message| message.files.iter().any(|file| file.name == name)) {
            return Ok(true);
        }
        match answer.response_metadata.map(|m| m.next_cursor).filter(|c| !c.is_empty()) {
            Some(next) => cursor = Some(next),
            None => return Ok(false),
        }
    }
    Ok(false)
}
