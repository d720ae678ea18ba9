//! `cortado serve`: the verbs in a browser, and to programs that speak the REST interface of NVIDIA DIGITS.
//!
//! A thin shell: requests become runs of this program's verbs, each in a process of its own ([`verb`]), so that a
//! definition that is pasted, or an image, meets the same checks and limits as on the command line and cannot take the server
//! along. A job is a folder with a run file ([`jobs`]), whoever started its training.
//!
//! What this stage promises: only files below its folder of jobs are given out or written; one training runs at a time, the others
//! wait; the server's end is an interrupt to the training that runs, which leaves a snapshot.
//!
//! | file | is |
//! | --- | --- |
//! | `guard` | who may ask: nobody who came by another site's page |
//! | `refusal` | what a request gets that cannot be answered |
//! | `verb` | a verb of this program in a process of its own |
//! | `definition` | a pasted definition to complaints, a table and a picture |
//! | `jobs` | folders of runs: what lies there, new ones |
//! | `trainings` | starting them one after the other, stopping them |
//! | `found` | data that the page offers |
//! | `upload` | the fields and files of a form |
//! | `inference` | images through a job's net |
//! | `digits` | DIGITS' routes |
//! | `page.html`, `page.css`, `page.js` | the page |

mod definition;
mod digits;
mod found;
mod guard;
mod inference;
mod jobs;
mod refusal;
mod trainings;
mod upload;
mod verb;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router, middleware};
use serde_json::json;
use tower_http::services::ServeDir;

use crate::error::{Error, Result};
use crate::exec::Device;
use jobs::Jobs;
use refusal::Refusal;

/// Bytes of a request at the most: a few dozen photographs.
const MOST_BYTES: usize = 64 << 20;

/// Where the server listens, and what it serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of jobs, one folder for each run.
    pub folder: PathBuf,
    /// The address to listen on.
    pub address: IpAddr,
    /// The port; 0 takes one that is free.
    pub port: u16,
    /// Where nets are trained and run.
    pub device: Device,
}

/// What all requests share.
struct Server {
    jobs: Jobs,
    device: Device,
}

/// Serves until it is interrupted; `ready` is told the address.
///
/// # Errors
/// The folder cannot be made, the port is taken, or the system gives no more of what a server needs.
pub fn serve(options: &Options, ready: impl FnOnce(SocketAddr)) -> Result<()> {
    std::fs::create_dir_all(&options.folder)
        .map_err(|e| Error::io("create", &options.folder, e))?;
    let folder =
        options.folder.canonicalize().map_err(|e| Error::io("read", &options.folder, e))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|e| Error::refused(format!("cannot start the server: {e}")))?;
    runtime.block_on(async {
        let wanted = SocketAddr::new(options.address, options.port);
        let listener = tokio::net::TcpListener::bind(wanted).await.map_err(|e| {
            Error::refused(format!("cannot listen on {wanted}: {e}; choose a port by --port"))
        })?;
        let failed = |e| Error::refused(format!("the server failed: {e}"));
        let address = listener.local_addr().map_err(failed)?;
        let server =
            Arc::new(Server { jobs: Jobs::new(folder, options.device), device: options.device });
        ready(address);
        let guarded = middleware::from_fn_with_state(address.ip().is_loopback(), guard::guard);
        let app = routes(&server).layer(guarded);
        axum::serve(listener, app).with_graceful_shutdown(stopped()).await.map_err(failed)?;
        server.jobs.stop_all().await;
        Ok(())
    })
}

/// Ends with an interrupt or a request to end.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut end) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = end.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}

fn routes(server: &Arc<Server>) -> Router {
    let text = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route("/", text("text/html; charset=utf-8", include_str!("page.html")))
        .route("/page.css", text("text/css; charset=utf-8", include_str!("page.css")))
        .route("/page.js", text("text/javascript; charset=utf-8", include_str!("page.js")))
        .route("/api/start", get(start))
        .merge(definition::routes())
        .merge(jobs::routes())
        .merge(inference::routes())
        .merge(digits::routes())
        .nest_service("/files", any(file).with_state(server.clone()))
        .fallback(|| async { Refusal::unknown("there is no such page") })
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(server.clone())
}

/// A file below the folder of jobs. What the system refuses as a name is the name of no file.
async fn file(State(server): State<Arc<Server>>, request: Request) -> Response {
    match ServeDir::new(server.jobs.folder()).try_call(request).await {
        Ok(found) if found.status() != StatusCode::NOT_FOUND => found.into_response(),
        _ => Refusal::unknown("there is no such file").into_response(),
    }
}

/// What the page begins with: definitions to start from, and the data that lie around.
async fn start(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let found = found::data();
    Json(json!({
        "device": server.device.to_string(),
        "examples": EXAMPLES,
        "databases": found.databases,
        "idx": found.idx,
    }))
}

/// A definition that the page offers.
#[derive(serde::Serialize)]
struct Example {
    name: &'static str,
    /// As in [`definition::Pasted`].
    language: &'static str,
    text: &'static str,
    /// Options of `check`, by their names.
    options: &'static [(&'static str, &'static str)],
    /// What its run file says of the solver.
    solver: &'static str,
    batch_size: usize,
}

/// The nets of DIGITS' Siamese tutorial as the run files of `examples/` train them, and the net of Caffe's tutorial.
const EXAMPLES: [Example; 5] = [
    Example {
        name: "Siamese, contrastive loss",
        language: "caffe",
        text: include_str!("../../networks/siamese/caffe.prototxt"),
        options: &[("shape", "data=64,3,28,28")],
        solver: "{ type: SGD, base_lr: 0.01, momentum: 0.9, weight_decay: 0.0005, lr_policy: inv, gamma: 0.0001, power: 0.75 }",
        batch_size: 64,
    },
    Example {
        name: "Siamese, cosine loss",
        language: "torch",
        text: include_str!("../../networks/siamese/torch.lua"),
        options: &[("input-shape", "3,28,28")],
        solver: "{ method: sgd, learningRate: 0.003, momentum: 0.9, dampening: 0, weightDecay: 0.0005 }",
        batch_size: 16,
    },
    Example {
        name: "Siamese, L1 loss",
        language: "torch",
        text: include_str!("../../networks/siamese/torch-l1.lua"),
        options: &[("input-shape", "3,28,28")],
        solver: "{ method: sgd, learningRate: 0.01, momentum: 0.9, dampening: 0, weightDecay: 0.0005 }",
        batch_size: 64,
    },
    Example {
        name: "Siamese, contrastive loss",
        language: "tensorflow",
        text: include_str!("../../networks/siamese/tensorflow.py"),
        options: &[("input-shape", "28,28,3")],
        solver: "{ optimizer: momentum, learning_rate: 0.01, momentum: 0.9 }",
        batch_size: 64,
    },
    Example {
        name: "LeNet",
        language: "caffe",
        text: include_str!("../../networks/lenet/caffe.prototxt"),
        options: &[],
        solver: "",
        batch_size: 64,
    },
];
