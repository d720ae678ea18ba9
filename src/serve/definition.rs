//! A pasted definition to what `check` says of it, and to the picture that `visualize` draws.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use super::Server;
use super::refusal::Refusal;
use super::verb::{verb, words};
use crate::error::Error;
use crate::file::read_text;
use crate::front::caffe::pycaffe::is_program;

/// The languages of definitions, with the endings of their files.
const LANGUAGES: [(&str, &str); 3] =
    [("caffe", "prototxt"), ("torch", "lua"), ("tensorflow", "py")];

/// Options of `check` and `visualize` that a request may give.
const OPTIONS: [&str; 8] =
    ["stage", "shape", "input-shape", "classes", "param", "call", "written", "loss"];

/// A definition that somebody has pasted.
#[derive(Deserialize)]
pub(super) struct Pasted {
    /// `caffe`, `torch` or `tensorflow`.
    pub language: String,
    /// The text.
    pub text: String,
    /// Options of the verb by their names without dashes.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

impl Pasted {
    /// What its file is called.
    pub(super) fn file_name(&self) -> Result<String, Refusal> {
        let ending = LANGUAGES.iter().find(|(name, _)| *name == self.language).map(|l| l.1);
        let ending = ending.ok_or_else(|| {
            let why =
                format!("`{}` is no language; caffe, torch and tensorflow are", self.language);
            Refusal::wrong(why)
        })?;
        // Whoever writes Caffe's nets in Python pastes that.
        let imports = |line: &str| line.starts_with("import ") || line.starts_with("from ");
        let is_python =
            self.language == "caffe" && is_program(&self.text) && self.text.lines().any(imports);
        Ok(format!("net.{}", if is_python { "py" } else { ending }))
    }

    /// A verb's words for the definition, which is written into a folder.
    fn words(&self, folder: &Path, verb: &str) -> Result<Vec<OsString>, Refusal> {
        let name = self.file_name()?;
        let path = folder.join(&name);
        std::fs::write(&path, &self.text).map_err(|e| Error::io("write", &path, e))?;
        let mut all = words([verb, &name]);
        for (option, value) in self.options.iter().filter(|(_, value)| !value.trim().is_empty()) {
            if !OPTIONS.contains(&option.as_str()) {
                let why = format!("`{option}` is no option here; {} are", OPTIONS.join(", "));
                return Err(Refusal::wrong(why));
            }
            // Several values of one option are separated by white space, but for expressions, which hold some.
            let is_text = ["call", "loss"].contains(&option.as_str());
            let values =
                if is_text { vec![value.trim()] } else { value.split_whitespace().collect() };
            all.extend(values.iter().map(|value| OsString::from(format!("--{option}={value}"))));
        }
        Ok(all)
    }
}

/// A folder that is removed when nobody uses it any more.
pub(super) fn scratch() -> Result<tempfile::TempDir, Refusal> {
    let made = tempfile::Builder::new().prefix("cortado-serve-").tempdir();
    Ok(made.map_err(|e| Error::io("create", std::env::temp_dir(), e))?)
}

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new().route("/api/check", post(check)).route("/api/visualize", post(visualize))
}

/// What `check --json` prints, of good and of bad definitions.
async fn check(pasted: Result<Json<Pasted>, JsonRejection>) -> Result<Json<Value>, Refusal> {
    let Json(pasted) = pasted?;
    let folder = scratch()?;
    let mut all = pasted.words(folder.path(), "check")?;
    all.push("--json".into());
    let done = verb(folder.path(), &all).await?;
    let parsed = serde_json::from_str(&done.output);
    Ok(Json(parsed.map_err(|_| Refusal::failed(done.said.trim_end()))?))
}

/// The diagram as SVG.
async fn visualize(
    pasted: Result<Json<Pasted>, JsonRejection>,
) -> Result<impl IntoResponse, Refusal> {
    Ok(([(CONTENT_TYPE, "image/svg+xml")], drawn(&pasted?.0).await?))
}

/// The diagram of a definition.
pub(super) async fn drawn(pasted: &Pasted) -> Result<String, Refusal> {
    let folder = scratch()?;
    let mut all = pasted.words(folder.path(), "visualize")?;
    let path = folder.path().join("net.svg");
    all.extend([OsString::from("--output"), path.clone().into()]);
    verb(folder.path(), &all).await?.output()?;
    Ok(read_text(&path)?)
}
