//! Images through the net of a job: what `infer --json` prints.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Path as Named, State};
use axum::response::Html;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;

use super::Server;
use super::definition::scratch;
use super::jobs::Job;
use super::refusal::Refusal;
use super::upload::Upload;
use super::verb::{verb, words};
use crate::error::Error;
use crate::file::read_text;

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/api/jobs/{id}/infer", post(infer))
        .route("/api/jobs/{id}/statistics", post(statistics))
}

/// Images of a form's field `images` through the net, as pairs if `pairs` says so; `snapshot_epoch` says after which epoch.
async fn infer(
    State(server): State<Arc<Server>>,
    Named(id): Named<String>,
    upload: Upload,
) -> Result<Json<Value>, Refusal> {
    let job = server.jobs.job(&id)?;
    let folder = scratch()?;
    let mut more = images(&upload, folder.path())?;
    if let Some(top) = upload.field("top") {
        more.push(format!("--top={top}").into());
    }
    Ok(Json(run(&server, &job, epoch(&upload)?, folder.path(), more).await?))
}

/// The page of all activations and parameters for the one image, or pair, of such a form.
async fn statistics(
    State(server): State<Arc<Server>>,
    Named(id): Named<String>,
    upload: Upload,
) -> Result<Html<String>, Refusal> {
    let job = server.jobs.job(&id)?;
    let folder = scratch()?;
    let mut more = images(&upload, folder.path())?;
    more.extend(words(["--statistics", "page.html"]));
    run(&server, &job, epoch(&upload)?, folder.path(), more).await?;
    let path = folder.path().join("page.html");
    Ok(Html(read_text(&path)?))
}

/// The words for a form's `images`, which are written into a folder.
fn images(upload: &Upload, folder: &Path) -> Result<Vec<OsString>, Refusal> {
    let mut words = kept(upload, "images", folder)?;
    words.extend(upload.field("pairs").map(|_| OsString::from("--pairs")));
    words.extend(inputs(upload, folder)?);
    Ok(words)
}

/// The words for other inputs of the net: numbers in fields `input.NAME`, or files.
pub(super) fn inputs(upload: &Upload, folder: &Path) -> Result<Vec<OsString>, Refusal> {
    let is_numbers = |text: &str| text.split(',').all(|n| n.trim().parse::<f32>().is_ok());
    let mut words = vec![];
    for (name, numbers) in upload.fields_of(INPUT) {
        if !is_numbers(numbers) {
            let why =
                format!("`{INPUT}{name}` is `{numbers}`; write numbers with commas between them");
            return Err(Refusal::wrong(why));
        }
        words.push(format!("--input={name}={numbers}").into());
    }
    let mut fields: Vec<&str> =
        upload.files.iter().map(|(field, ..)| &**field).filter(|f| f.starts_with(INPUT)).collect();
    fields.dedup();
    for field in fields {
        let file = kept(upload, field, folder)?.swap_remove(0);
        let mut word = OsString::from(format!("--input={}=", &field[INPUT.len()..]));
        word.push(file);
        words.push(word);
    }
    Ok(words)
}

/// What the names of fields with other inputs begin with.
const INPUT: &str = "input.";

/// Which snapshot a form asks for.
pub(super) fn epoch(upload: &Upload) -> Result<Option<f64>, Refusal> {
    let epoch = upload.field("snapshot_epoch").map(|text| {
        text.parse().map_err(|_| Refusal::wrong(format!("`snapshot_epoch` is `{text}`, no number")))
    });
    epoch.transpose()
}

/// The files of a form's field in a folder, by the names that they came with.
pub(super) fn kept(upload: &Upload, field: &str, folder: &Path) -> Result<Vec<OsString>, Refusal> {
    let files = upload.files.iter().filter(|(of, ..)| of == field);
    let mut names: Vec<OsString> = vec![];
    for (_, name, bytes) in files {
        // A name is what stands behind the last separator of any system.
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let plain =
            last.replace(|c: char| c.is_control(), "").trim_start_matches(['.', '-']).to_owned();
        let mut name = if plain.is_empty() { "image".to_owned() } else { plain };
        while folder.join(&name).exists() {
            name.insert_str(0, "again-");
        }
        let path = folder.join(&name);
        std::fs::write(&path, bytes).map_err(|e| Error::io("write", &path, e))?;
        names.push(name.into());
    }
    match names.is_empty() {
        true => Err(Refusal::wrong(format!("`{field}` holds no image"))),
        false => Ok(names),
    }
}

/// Runs `infer` in a folder with the weights after an epoch, or the last ones.
pub(super) async fn run(
    server: &Server,
    job: &Job,
    epoch: Option<f64>,
    folder: &Path,
    more: Vec<OsString>,
) -> Result<Value, Refusal> {
    let weights: PathBuf = job.weights(epoch)?;
    let mut all = words(["infer", "--json", "--device", &server.device.to_string()]);
    all.extend([OsString::from("--weights"), weights.into(), job.run_file().into()]);
    all.extend(more);
    let output = verb(folder, &all).await?.output()?;
    serde_json::from_str(&output).map_err(|e| Refusal::failed(format!("infer: {e}")))
}
