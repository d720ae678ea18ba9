//! The routes of NVIDIA DIGITS' REST interface that ask for models and send images through them, with DIGITS' forms of answers
//! (its docs/API.md). A job's id is the name of its folder; data sets are folders here and no jobs.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Path as Named, Query, State};
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Server;
use super::definition::{Pasted, drawn, scratch};
use super::inference::{epoch, inputs, kept, run};
use super::jobs::Job;
use super::refusal::Refusal;
use super::upload::Upload;
use crate::error::Error;

pub(super) fn routes() -> Router<Arc<Server>> {
    let one = "/models/images/classification/classify_one.json";
    let many = "/models/images/classification/classify_many.json";
    Router::new()
        .route("/index.json", get(index))
        .route("/models/{id}", get(model))
        .route("/models/{id}/status", get(status))
        .route("/jobs/{id}/status", get(status))
        .route("/models/{id}/abort", post(abort))
        .route("/jobs/{id}/abort", post(abort))
        .route("/models/visualize-network", post(visualize_network))
        .route("/models/images/generic/infer_one.json", post(infer_one))
        .route("/models/images/generic/infer_many.json", post(infer_many))
        .route(one, post(classify_one))
        .route(many, post(classify_many))
}

/// What DIGITS says of a job in lists.
fn brief(server: &Server, job: &Job) -> Map<String, Value> {
    let said = json!({ "id": job.id(), "name": job.id(), "status": server.jobs.status(job) });
    said.as_object().cloned().unwrap_or_default()
}

async fn index(State(server): State<Arc<Server>>) -> Json<Value> {
    let models: Vec<Value> =
        server.jobs.all().iter().map(|job| brief(&server, job).into()).collect();
    Json(json!({ "datasets": [], "models": models }))
}

/// `/models/ID.json`.
async fn model(
    State(server): State<Arc<Server>>,
    Named(name): Named<String>,
) -> Result<Json<Value>, Refusal> {
    let id = name.strip_suffix(".json").ok_or_else(|| Refusal::unknown("there is no such page"))?;
    let job = server.jobs.job(id)?;
    let mut said = brief(&server, &job);
    said.insert("directory".into(), job.folder().display().to_string().into());
    let epochs = job.snapshots().into_iter().filter_map(|snapshot| snapshot.epoch);
    said.insert("snapshots".into(), epochs.collect());
    Ok(Json(said.into()))
}

async fn status(
    State(server): State<Arc<Server>>,
    Named(id): Named<String>,
) -> Result<Json<Value>, Refusal> {
    let job = server.jobs.job(&id)?;
    Ok(Json(json!({ "status": server.jobs.status(&job), "type": "Image Model" })))
}

async fn abort(
    State(server): State<Arc<Server>>,
    Named(id): Named<String>,
) -> Result<&'static str, Refusal> {
    let job = server.jobs.job(&id)?;
    server.jobs.abort(job.id());
    Ok("Job aborted")
}

#[derive(Deserialize)]
struct Framework {
    framework: String,
}

/// A picture of the form's `custom_network`, to stand in a page.
async fn visualize_network(
    Query(Framework { framework }): Query<Framework>,
    upload: Upload,
) -> Result<Html<String>, Refusal> {
    let text = upload.needed("custom_network")?.to_owned();
    let pasted = Pasted { language: framework, text, options: Default::default() };
    drawn(&pasted).await.map(Html)
}

/// The job that a form is about.
fn job_of(server: &Server, upload: &Upload) -> Result<Job, Refusal> {
    server.jobs.job(upload.needed("job_id")?)
}

/// The one image of a form: a file that it carries, or a path on the server.
fn image(upload: &Upload, folder: &Path) -> Result<OsString, Refusal> {
    let Some(path) = upload.field("image_path") else {
        let mut names = kept(upload, "image_file", folder)
            .map_err(|_| Refusal::wrong("must provide image_path or image_file"))?;
        return Ok(names.swap_remove(0));
    };
    if path.contains("://") {
        return Err(Refusal::wrong("addresses are not fetched; send the image as image_file"));
    }
    Ok(absolute(Path::new(path))?.into())
}

fn absolute(path: &Path) -> Result<std::path::PathBuf, Refusal> {
    Ok(std::path::absolute(path).map_err(|e| Error::io("find the place of", path, e))?)
}

async fn infer_one(
    State(server): State<Arc<Server>>,
    upload: Upload,
) -> Result<Json<Value>, Refusal> {
    of_one(&server, &upload, &[]).await.map(Json)
}

/// The form's `image_list`, a text with a path on every line, relative to `image_folder`; the first `num_test_images` of it.
async fn infer_many(
    State(server): State<Arc<Server>>,
    upload: Upload,
) -> Result<Json<Value>, Refusal> {
    of_many(&server, &upload, &[]).await.map(Json)
}

/// The five likeliest classes.
const LIKELIEST: &str = "--top=5";

async fn classify_one(
    State(server): State<Arc<Server>>,
    upload: Upload,
) -> Result<Json<Value>, Refusal> {
    let all = of_one(&server, &upload, &[LIKELIEST]).await?;
    Ok(Json(json!({ "predictions": all["predictions"] })))
}

async fn classify_many(
    State(server): State<Arc<Server>>,
    upload: Upload,
) -> Result<Json<Value>, Refusal> {
    let all = of_many(&server, &upload, &[LIKELIEST]).await?;
    Ok(Json(json!({ "classifications": all["predictions"] })))
}

async fn of_one(server: &Server, upload: &Upload, more: &[&str]) -> Result<Value, Refusal> {
    let job = job_of(server, upload)?;
    let folder = scratch()?;
    let mut words: Vec<OsString> = more.iter().map(OsString::from).collect();
    words.push(image(upload, folder.path())?);
    words.extend(inputs(upload, folder.path())?);
    run(server, &job, epoch(upload)?, folder.path(), words).await
}

async fn of_many(server: &Server, upload: &Upload, more: &[&str]) -> Result<Value, Refusal> {
    let job = job_of(server, upload)?;
    let list = upload.files.iter().find(|(field, ..)| field == "image_list");
    let (_, _, list) = list.ok_or_else(|| Refusal::wrong("image_list is a required field"))?;
    let most = upload.field("num_test_images").map(|text| {
        text.parse::<usize>()
            .map_err(|_| Refusal::wrong(format!("`num_test_images` is `{text}`, no count")))
    });
    let most = most.transpose()?.unwrap_or(usize::MAX);
    let images = upload.field("image_folder").unwrap_or(".");
    let text = String::from_utf8_lossy(list);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(most);
    let lines: Vec<&str> = lines.collect();
    let folder = scratch()?;
    let path = folder.path().join("list.txt");
    std::fs::write(&path, lines.join("\n")).map_err(|e| Error::io("write", &path, e))?;
    let mut words: Vec<OsString> = more.iter().map(OsString::from).collect();
    words.extend(["--list".into(), path.clone().into()]);
    run(server, &job, epoch(upload)?, &absolute(Path::new(images))?, words).await
}
