//! The fields and files of a form, however it is encoded.

use std::collections::BTreeMap;

use axum::extract::{Form, FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;

use super::refusal::Refusal;

/// What a form holds.
#[derive(Default)]
pub(super) struct Upload {
    /// The values of fields.
    fields: BTreeMap<String, String>,
    /// Files in their order: the field, the name that the file has where it comes from, and its bytes.
    pub files: Vec<(String, String, Vec<u8>)>,
}

impl Upload {
    /// A field that is there and not empty.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The fields whose names begin with `prefix` that are not empty, by the rest of their names.
    pub(super) fn fields_of<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let named = self
            .fields
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.trim())));
        named.filter(|(_, value)| !value.is_empty())
    }

    /// A field that must be there.
    pub(super) fn needed(&self, name: &str) -> Result<&str, Refusal> {
        self.field(name).ok_or_else(|| match self.files.iter().any(|(field, ..)| field == name) {
            true => Refusal::wrong(format!(
                "`{name}` is a text and no file: `-F '{name}=<FILE'` of curl sends one"
            )),
            false => Refusal::wrong(format!("`{name}` is missing")),
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let mut upload = Upload::default();
        if !kind.is_some_and(|kind| kind.starts_with("multipart/form-data")) {
            let form = Form::<Vec<(String, String)>>::from_request(request, state).await?;
            upload.fields.extend(form.0);
            return Ok(upload);
        }
        let mut form = Multipart::from_request(request, state).await?;
        while let Some(part) = form.next_field().await? {
            let field = part.name().unwrap_or("").to_owned();
            let file = part.file_name().map(str::to_owned);
            let bytes = part.bytes().await?;
            match file {
                Some(name) if !name.is_empty() => upload.files.push((field, name, bytes.to_vec())),
                Some(_) => {}
                None => {
                    let value = String::from_utf8_lossy(&bytes).into_owned();
                    upload.fields.insert(field, value);
                }
            }
        }
        Ok(upload)
    }
}
