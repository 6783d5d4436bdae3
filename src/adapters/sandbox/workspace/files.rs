//! `files.*`: a file gets an address, is uploaded there, and is shared when that is complete.

use serde_json::{Value, json};

use super::Workspace;
use super::api::{Args, Refusal};
use super::people::BOT_USER;
use super::state::File;

impl File {
    fn to_slack(&self) -> Value {
        json!({"id": self.id, "name": self.name, "title": self.title.as_ref().unwrap_or(&self.name), "size": self.length,
            "user": BOT_USER, "created": 1_700_000_000, "channels": self.channels, "is_external": false,
            "permalink": format!("https://bbws-demo.slack.com/files/{BOT_USER}/{}", self.id)})
    }
}

impl Workspace {
    pub(super) fn upload_url(&self, args: &Args) -> Result<Value, Refusal> {
        let name = args.need("filename")?.to_owned();
        let length = args.number("length").filter(|n| *n > 0).ok_or("invalid_arguments")?;
        let base = self.base_url();
        let mut state = self.state();
        let id = state.next_id("F0");
        let url = format!("{base}/sandbox/slack/upload/{id}");
        state.files.push(File {
            id: id.clone(),
            name,
            length,
            arrived: None,
            title: None,
            channels: vec![],
            complete: false,
        });
        Ok(json!({"upload_url": url, "file_id": id}))
    }

    /// Takes what is posted to an upload address; false where there is no such address or it was used.
    pub fn uploaded(&self, id: &str, bytes: Vec<u8>) -> bool {
        let mut state = self.state();
        let file = state.files.iter_mut().find(|f| f.id == id && f.arrived.is_none());
        file.map(|file| file.arrived = Some(bytes)).is_some()
    }

    /// A file that was shared: its name, and what is in it.
    pub fn file(&self, id: &str) -> Option<(String, Vec<u8>)> {
        let state = self.state();
        let file = state.files.iter().find(|f| f.id == id && f.complete)?;
        Some((file.name.clone(), file.arrived.clone().unwrap_or_default()))
    }

    pub(super) fn complete_upload(&self, args: &Args) -> Result<Value, Refusal> {
        let wanted = args.data("files")?.ok_or("invalid_arguments")?;
        let wanted = wanted.as_array().filter(|list| !list.is_empty()).ok_or("invalid_arguments")?;
        let mut done = Vec::new();
        {
            let mut state = self.state();
            let channel = args.text("channel_id").map(|c| state.visible(c).cloned()).transpose()?;
            if let Some(channel) = &channel {
                if !channel.has_bot {
                    return Err("not_in_channel".into());
                }
                if channel.is_archived {
                    return Err("posting_to_channel_denied".into());
                }
            }
            let known = |id: &Value, files: &[File]| files.iter().position(|f| f.id == *id && !f.complete);
            for one in wanted {
                let at = known(&one["id"], &state.files).ok_or("file_not_found")?;
                // Slack counts what arrived: nothing, or another length, is no file.
                let arrived = state.files[at].arrived.as_ref().map(|bytes| bytes.len() as u64);
                if arrived != Some(state.files[at].length) {
                    return Err("file_upload_size_mismatch".into());
                }
            }
            for one in wanted {
                let Some(at) = known(&one["id"], &state.files) else { continue };
                let file = &mut state.files[at];
                file.complete = true;
                file.title = one["title"].as_str().map(str::to_owned);
                file.channels = channel.iter().map(|c| c.id.clone()).collect();
                done.push(file.to_slack());
            }
        }
        if let Some(channel) = args.text("channel_id") {
            // The page shows no files, so the message says where they are.
            let base = self.base_url();
            let link = |f: &Value| {
                let [id, name] = ["id", "name"].map(|key| f[key].as_str().unwrap_or_default());
                format!("<{base}/sandbox/slack/files/{id}|{name}>")
            };
            let links: Vec<String> = done.iter().map(link).collect();
            let said = args.text("initial_comment").map_or_else(String::new, |text| format!("{text}\n"));
            let text = format!("{said}📎 {}", links.join(", "));
            if let Some(content) = Self::reply_content(&json!({ "text": text }))? {
                let content = content.carrying(done.clone());
                self.post_as_bot(channel, content, args.text("thread_ts"))?;
            }
        }
        Ok(json!({"files": done}))
    }

    pub(super) fn file_info(&self, args: &Args) -> Result<Value, Refusal> {
        let id = args.need("file")?;
        let state = self.state();
        let file = state.files.iter().find(|f| f.id == id && f.complete).ok_or("file_not_found")?;
        Ok(json!({"file": file.to_slack()}))
    }

    pub(super) fn file_list(&self, args: &Args) -> Result<Value, Refusal> {
        let state = self.state();
        let here = |f: &&File| args.text("channel").is_none_or(|c| f.channels.iter().any(|own| own == c));
        let files: Vec<Value> = state.files.iter().filter(|f| f.complete).filter(here).map(File::to_slack).collect();
        Ok(json!({"files": files, "paging": {"count": 100, "total": files.len(), "page": 1, "pages": 1}}))
    }

    pub(super) fn delete_file(&self, args: &Args) -> Result<Value, Refusal> {
        let id = args.need("file")?;
        let mut state = self.state();
        let at = state.files.iter().position(|f| f.id == id).ok_or("file_not_found")?;
        state.files.remove(at);
        Ok(json!({}))
    }
}
