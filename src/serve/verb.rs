//! A verb of this program in a process of its own, with a limit on its time.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Semaphore;

use super::refusal::Refusal;
use crate::error::{Error, Result};

/// How long a verb may take that somebody waits for.
const LIMIT: Duration = Duration::from_secs(120);

/// Verbs at work at once; others wait. Trainings do not count.
static PLACES: Semaphore = Semaphore::const_new(4);

/// What a verb has left.
pub(super) struct Done {
    /// Whether it ended well.
    pub well: bool,
    /// Its standard output.
    pub output: String,
    /// What it said beside: complaints and notes.
    pub said: String,
}

impl Done {
    /// The output of a verb that ended well.
    pub(super) fn output(self) -> Result<String, Refusal> {
        match self.well {
            true => Ok(self.output),
            false => Err(Refusal::failed(self.said.trim_end())),
        }
    }
}

/// This program, to be run in a folder; nothing is coloured.
pub(super) fn program(folder: &Path) -> Result<Command> {
    let program = std::env::current_exe()
        .map_err(|e| Error::refused(format!("cannot find this program again: {e}")))?;
    let mut command = Command::new(program);
    command.current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

/// Runs a verb in a folder to its end.
///
/// # Errors
/// It cannot be started, or takes longer than two minutes.
pub(super) async fn verb(folder: &Path, words: &[OsString]) -> Result<Done, Refusal> {
    let _place = PLACES.acquire().await.map_err(|_| Refusal::failed("the server ends"))?;
    let running = program(folder)?.args(words).output();
    let ended = tokio::time::timeout(LIMIT, running).await;
    let output =
        ended.map_err(|_| Refusal::failed(format!("stopped after {} s", LIMIT.as_secs())))?;
    let output =
        output.map_err(|e| Error::refused(format!("cannot start this program again: {e}")))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Done {
        well: output.status.success(),
        output: text(output.stdout),
        said: text(output.stderr),
    })
}

/// Words of a command line.
pub(super) fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<OsString> {
    words.into_iter().map(OsString::from).collect()
}
