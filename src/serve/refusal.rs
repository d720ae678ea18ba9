//! What a request gets that cannot be answered: a status and a sentence, as JSON.

use axum::Json;
use axum::extract::multipart::{MultipartError, MultipartRejection};
use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::Error;

/// Why a request was not answered.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    why: String,
}

impl Refusal {
    /// What was asked for is not there.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Refusal { status: StatusCode::NOT_FOUND, why: why.into() }
    }

    /// The request is wrong.
    pub(super) fn wrong(why: impl Into<String>) -> Self {
        Refusal { status: StatusCode::BAD_REQUEST, why: why.into() }
    }

    /// Whoever asks may not.
    pub(super) fn forbidden(why: impl Into<String>) -> Self {
        Refusal { status: StatusCode::FORBIDDEN, why: why.into() }
    }

    /// The request is right, and a verb has refused it or failed.
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Refusal { status: StatusCode::UNPROCESSABLE_ENTITY, why: why.into() }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal { status: StatusCode::INTERNAL_SERVER_ERROR, why: error.to_string() }
    }
}

/// What cannot be read of a request is told like everything else.
macro_rules! from_rejections {
    ($($rejection:ty),*) => {$(
        impl From<$rejection> for Refusal {
            fn from(rejection: $rejection) -> Self {
                Refusal { status: rejection.status(), why: rejection.body_text() }
            }
        }
    )*};
}

from_rejections!(JsonRejection, FormRejection, MultipartRejection);

impl From<MultipartError> for Refusal {
    /// A form that breaks off is the fault of who sent it, where axum speaks of the server's.
    fn from(error: MultipartError) -> Self {
        let status = match error.status() {
            StatusCode::INTERNAL_SERVER_ERROR => StatusCode::BAD_REQUEST,
            status => status,
        };
        Refusal { status, why: error.body_text() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.why }))).into_response()
    }
}
