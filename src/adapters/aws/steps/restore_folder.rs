//! One folder of a recovery point, restored by AWS Backup into the file system it is of: found, compared with the live one, and
//! swapped with it.
//!
//! AWS Backup always puts it under `aws-backup-restore_<time>` in the root, so that a restore itself touches nothing that is
//! live. What touches it is the swap, a step of its own.

use super::{
    super::{
        background::{Outcome, Teller},
        checks::{Check, Pair, verdict},
        tools::Tools,
    },
    At, Change, Look, begun, finished, restore_files, verify_files,
};
use crate::{
    adapters::files::{Limits, NoSwap, Place, Swap, Swapped, Wanted, With},
    domain::{
        moment::Moment,
        step::{ISSUE, Outputs, RestoreFolder, SwapFolder, VerifyFolder},
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// Output with the time, in milliseconds since 1970, since when the folder may be there.
const SINCE: &str = "restored_since";
/// Output with the path of the restored folder.
const FOLDER: &str = "restored_folder";
/// Output with the file system's number of the restored folder.
const FOLDER_ID: &str = "restored_folder_id";
/// Output with the file system's number of the folder that was live; absent where there was none.
const LIVE_ID: &str = "live_folder_id";

impl Change for RestoreFolder {
    /// Looks for the job an earlier call may have started, by the creation token in its metadata, which is ours.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        restore_files::adopted(at, &self.file_system, &at.call.token).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let RestoreFolder { vault, recovery_point, file_system, path, role, .. } = self;
        let items = serde_json::json!([path]).to_string();
        let wanted = [
            ("file-system-id", file_system.as_str()),
            ("newFileSystem", "false"),
            ("Encrypted", "true"),
            ("ItemsToRestore", items.as_str()),
            (restore_files::TOKEN, at.call.token.as_str()),
        ];
        let metadata = restore_files::metadata(&at.session, (vault, recovery_point), &wanted).await?;
        let thing = format!("{path} of {file_system}");
        restore_files::begin(&at.session, at.call, (recovery_point, role), metadata, &thing).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let thing = format!("{} of {}", self.path, self.file_system);
        Ok(match restore_files::progress(&at.session, at.call, &thing).await? {
            Progress::Done { mut outputs, .. } => {
                outputs.insert(SINCE.to_owned(), at.call.intended.0.to_string());
                let detail = format!("{} restored beside the live one", self.path);
                Progress::Done { outputs, detail }
            }
            progress => progress,
        })
    }
}

impl Look for VerifyFolder {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let what = self.clone();
        let place = verify_files::place(&at.session, &self.file_system).await?;
        let tools = at.cloud.tools.clone();
        at.watch(|_, call, tell| verify(call, what, place, tools, tell))
    }
}

async fn verify(call: Call, what: VerifyFolder, place: Result<Place, String>, tools: Tools, tell: Teller) -> Outcome {
    let VerifyFolder { region, file_system, path, data_of } = &what;
    let refuted = |why: String| {
        let reason = format!("Folder {path} of {file_system} in {region} was not found restored: {why}");
        Ok(Progress::Refuted { reason, outputs: Outputs::new() })
    };
    let place = match place {
        Ok(place) => place,
        Err(why) => return refuted(why),
    };
    let since = call.inputs.get(SINCE).and_then(|since| since.parse().ok()).map_or(Moment(0), Moment);
    let folder = match tools.file_systems.restored(&place, path, since).await {
        Ok(folder) => folder,
        Err(why) => return refuted(why),
    };
    let mut outputs =
        Outputs::from([(FOLDER.to_owned(), folder.path.clone()), (FOLDER_ID.to_owned(), folder.id.to_string())]);
    let Some((live_id, live_owner)) = &folder.live else {
        let detail = format!(
            "{} is there ({}); nothing is live under {path}, so that it was compared with nothing",
            folder.path, folder.owner
        );
        return Ok(Progress::Done { outputs, detail });
    };
    outputs.insert(LIVE_ID.to_owned(), live_id.to_string());
    let [restored, source] = [&folder.path, path].map(|root| Place { root: root.clone(), ..place.clone() });
    let wanted = Wanted {
        data_of: *data_of,
        folders: Vec::new(),
        found: true,
        seed: call.token.clone(),
        limits: Limits::default(),
    };
    let told = |percent, detail| tell.tell(percent, detail);
    let checked = tools.file_systems.validate(&restored, &source, &wanted, &told).await;
    let mut checks: Vec<Check> = checked.into_iter().map(|c| Check::new(c.name, c.ok, c.found)).collect();
    // The live one's may be what somebody wants back: it is told, and refutes nothing.
    if folder.owner == *live_owner {
        checks.push(Check::new("owner and mode", true, folder.owner.clone()));
    } else {
        let words = format!("{} has owner and mode {}, the live one {live_owner}", folder.path, folder.owner);
        checks.push(Check::new("owner and mode", true, words.clone()));
        outputs.insert(ISSUE.to_owned(), words);
    }
    let subject = format!("Folder {} of {file_system} in {region}", folder.path);
    let pair = Pair { subject, restored: &folder.path, source: path, compared: true };
    Ok(match verdict(&pair, &checks, None) {
        Progress::Done { outputs: report, detail } => {
            outputs.extend(report);
            let issue = outputs.get(ISSUE).map(|words| format!("; {words}")).unwrap_or_default();
            Progress::Done { detail: format!("{}: {detail}{issue}", folder.path), outputs }
        }
        Progress::Refuted { reason, outputs: report } => {
            outputs.extend(report);
            Progress::Refuted { reason, outputs }
        }
        progress => progress,
    })
}

impl Change for SwapFolder {
    /// What is where tells how far an earlier attempt came.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let (place, swap) = asked(self, at).await?;
        Ok(match at.cloud.tools.file_systems.swapped(&place, &swap).await.map_err(of_swap)? {
            Swapped::Done => Probe::Present(finished(&self.path)),
            Swapped::Open => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (place, swap) = asked(self, at).await?;
        at.cloud.tools.file_systems.swap(&place, &swap).await.map_err(of_swap)?;
        Ok(begun(&self.path))
    }

    /// Looks again.
    async fn poll(&self, at: &At<'_>) -> Outcome {
        Ok(match self.probe(at).await? {
            Probe::Present(_) => Progress::Done {
                detail: format!("{} swapped; what was live is {}", self.path, self.aside),
                outputs: Outputs::new(),
            },
            Probe::Absent => Progress::Failed {
                reason: format!(
                    "{} of {} is not the folder that was put there. Look who renamed it, then retry.",
                    self.path, self.file_system
                ),
            },
        })
    }
}

fn of_swap(why: NoSwap) -> CloudError {
    match why {
        NoSwap::Later(reason) => CloudError::Retryable { reason, after: None },
        NoSwap::Never(reason) => CloudError::Permanent { reason },
        NoSwap::Unknown(reason) => CloudError::Unknown { reason },
    }
}

/// Where, and which names.
async fn asked(what: &SwapFolder, at: &At<'_>) -> Result<(Place, Swap), CloudError> {
    let SwapFolder { file_system, path, aside, with, .. } = what;
    let never = |reason: String| CloudError::Permanent { reason };
    // The one guard of what is renamed: a live folder goes nowhere but under a name that says what it was, by whom.
    let operation = &at.call.operation;
    let keeps = [format!("{path}.before-{operation}"), format!("{path}.undone-{operation}")];
    if !keeps.contains(aside) {
        return Err(never(format!(
            "{aside} is no name under which {operation} keeps {path}. Nothing was done. Report this."
        )));
    }
    let number = |name: &str| at.call.inputs.get(name).and_then(|id| id.parse::<u64>().ok());
    let unknown = || never(format!("Which folder was restored for {path} is not known. Nothing was done. Ask anew."));
    let folder = number(FOLDER_ID).ok_or_else(unknown)?;
    let swap = match with {
        None => {
            let restored = at.call.inputs.get(FOLDER).cloned().ok_or_else(unknown)?;
            let with = Some(With { path: restored, id: folder });
            Swap { path: path.clone(), aside: aside.clone(), with, only: None }
        }
        Some(before) => {
            let with = number(LIVE_ID).map(|id| With { path: before.clone(), id });
            Swap { path: path.clone(), aside: aside.clone(), with, only: Some(folder) }
        }
    };
    Ok((verify_files::place(&at.session, file_system).await?.map_err(never)?, swap))
}
