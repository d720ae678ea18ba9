//! The server, asked as a browser and as DIGITS' clients ask: over HTTP, with the program started as people start it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A server of a folder of its own.
struct Server {
    process: Child,
    address: String,
    folder: tempfile::TempDir,
}

/// A status and a body.
struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn refusal(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.body);
        let said: Value = serde_json::from_str(&self.body).expect("JSON");
        said["error"].as_str().expect("a reason").to_owned()
    }
}

/// A form of fields and files, as browsers encode it: name, name of the file if it is one, content.
type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

impl Server {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_cortado"));
        command.args(["serve", "jobs", "--port", "0"]).current_dir(folder.path());
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.expect("an address").to_owned();
        Server { process, address, folder }
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let host = if headers.contains("Host:") { "" } else { "Host: localhost\r\n" };
        let length = match headers.contains("Content-Length:") {
            true => String::new(),
            false => format!("Content-Length: {}\r\n", body.len()),
        };
        let head =
            format!("{method} {path} HTTP/1.1\r\n{host}{headers}{length}Connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        stream.write_all(body).expect("sent");
        if length.is_empty() {
            stream.shutdown(Shutdown::Write).expect("the end of a body that is shorter");
        }
        let mut bytes = vec![];
        stream.read_to_end(&mut bytes).expect("an answer");
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Answer { status, body: body.to_owned() }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", b"")
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.ask("POST", path, "Content-Type: application/json\r\n", body.as_bytes())
    }

    fn form(&self, path: &str, parts: &[Part]) -> Answer {
        let mut body = vec![];
        for (name, file, content) in parts {
            let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
            let head =
                format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--edge--\r\n");
        self.ask("POST", path, "Content-Type: multipart/form-data; boundary=edge\r\n", &body)
    }

    fn status(&self, id: &str) -> String {
        let said = self.get(&format!("/models/{id}/status")).json();
        said["status"].as_str().expect("a word").to_owned()
    }

    /// Waits until a job has a status.
    fn wait(&self, id: &str, status: &str) {
        let began = Instant::now();
        while self.status(id) != status {
            let so_far = self.get(&format!("/api/jobs/{id}")).body;
            assert!(began.elapsed() < Duration::from_secs(120), "not {status}: {so_far}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[cfg(unix)]
    fn interrupt(&mut self) -> bool {
        let id = self.process.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().expect("sent");
        self.process.wait().expect("an end").success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A net that tells light images from dark ones.
const NET: &str = "
layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip'
  inner_product_param { num_output: 2 weight_filler { type: 'xavier' } } }
layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' exclude { stage: 'deploy' } }
layer { name: 'softmax' type: 'Softmax' bottom: 'ip' top: 'softmax' include { stage: 'deploy' } }
";

fn pasted(text: &str) -> Value {
    json!({ "language": "caffe", "text": text })
}

/// Forty images of 4 x 4 pixels, light ones of class 1, as IDX files in a folder.
fn images(folder: &Path) {
    let (mut pixels, mut labels) = (vec![0, 0, 8, 3], vec![0, 0, 8, 1]);
    for extent in [40u32, 4, 4] {
        pixels.extend(extent.to_be_bytes());
    }
    labels.extend(40u32.to_be_bytes());
    for i in 0..40u8 {
        pixels.extend([100 * (i % 2) + i; 16]);
        labels.push(i % 2);
    }
    std::fs::write(folder.join("images-idx3-ubyte"), pixels).expect("written");
    std::fs::write(folder.join("labels-idx1-ubyte"), labels).expect("written");
}

/// What asks for a training of [`NET`] on [`images`].
fn wanted(name: &str, iterations: u64) -> Value {
    json!({
        "name": name, "language": "caffe", "text": NET, "solver": "{ type: SGD, base_lr: 0.0001 }",
        "run": {
            "dataset": { "train": { "idx": { "images": "images-idx3-ubyte", "labels": "labels-idx1-ubyte" } } },
            "train": { "iterations": iterations, "batch_size": 10, "seed": 1 },
        },
    })
}

/// A light image as PNG.
fn light() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(vec![]);
    let image = image::GrayImage::from_pixel(4, 4, image::Luma([130]));
    image.write_to(&mut bytes, image::ImageFormat::Png).expect("encoded");
    bytes.into_inner()
}

#[test]
fn a_pasted_definition_is_checked_and_drawn() {
    let server = Server::new();
    assert!(server.get("/").body.contains("page.js"));
    images(server.folder.path());
    let start = server.get("/api/start").json();
    assert_eq!(start["idx"], json!(["images-idx3-ubyte", "labels-idx1-ubyte"]));
    for example in start["examples"].as_array().expect("examples") {
        let options: Vec<(String, String)> =
            serde_json::from_value(example["options"].clone()).expect("pairs");
        let options: serde_json::Map<_, _> =
            options.into_iter().map(|(name, value)| (name, value.into())).collect();
        let mut net = example.clone();
        net["options"] = options.into();
        assert_eq!(server.post("/api/check", &net).json()["ok"], true, "{}", example["name"]);
    }
    let said = server.post("/api/check", &pasted("layer { name: 'a' type: 'Relu' }")).json();
    assert_eq!((&said["ok"], &said["diagnostics"][0]["code"]), (&json!(false), &json!("E0201")));
    assert_eq!(said["diagnostics"][0]["edit"]["replacement"], "\"ReLU\"");
    assert!(server.post("/api/visualize", &pasted(NET)).body.starts_with("<svg"));
    let complaint = server.post("/api/visualize", &pasted("layer {")).refusal(422);
    assert!(complaint.contains("never closed"), "{complaint}");

    let mut net = pasted(NET);
    net["options"] = json!({ "output": "/tmp/x" });
    assert!(server.post("/api/visualize", &net).refusal(400).contains("`output` is no option"));
    let said = server.post("/api/check", &json!({ "language": "caffe" })).refusal(422);
    assert!(said.contains("missing field `text`"), "{said}");
    net["language"] = "cobol".into();
    assert!(server.post("/api/check", &net).refusal(400).contains("caffe, torch and tensorflow"));
    let drawn = server.form(
        "/models/visualize-network?framework=caffe",
        &[("custom_network", None, NET.as_bytes())],
    );
    assert!(drawn.status == 200 && drawn.body.starts_with("<svg"));
}

#[test]
fn a_form_that_breaks_off_is_the_fault_of_who_sent_it() {
    let server = Server::new();
    let whole = "Content-Type: multipart/form-data; boundary=edge\r\n";
    let longer = format!("{whole}Content-Length: 999\r\n");
    let paths =
        ["/models/images/generic/infer_one.json", "/models/visualize-network?framework=caffe"];
    for body in ["--edge\r\nContent-Disposition: form-data; name=\"image", "--edge\r\n\r\nx", "--"]
    {
        for (path, head) in paths.into_iter().flat_map(|path| [(path, whole), (path, &longer)]) {
            server.ask("POST", path, head, body.as_bytes()).refusal(400);
        }
    }
}

#[test]
fn pages_of_other_sites_and_places_outside_of_the_folder_get_nothing() {
    let server = Server::new();
    std::fs::write(server.folder.path().join("secret"), "x").expect("written");
    assert_eq!(server.ask("GET", "/", "Host: site.example\r\n", b"").status, 403);
    let foreign = "Content-Type: application/json\r\nOrigin: http://site.example\r\n";
    assert_eq!(server.ask("POST", "/api/check", foreign, b"{}").status, 403);
    for path in ["/files/../secret", "/files/%2e%2e/secret", "/files/..%2fsecret"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    // The system takes no name with a zero in it, and none so long.
    for name in ["%00", "none", &"a".repeat(300)] {
        let said = server.get(&format!("/files/{name}")).refusal(404);
        assert_eq!(said, "there is no such file", "{name}");
    }
    for id in ["..", "%2e%2e%2f", "nobody", "a%2fb"] {
        assert_eq!(server.get(&format!("/api/jobs/{id}")).status, 404, "{id}");
    }
    let said = server.get("/nothing").refusal(404);
    assert!(said.contains("no such page"), "{said}");
}

#[test]
fn a_net_is_trained_and_images_are_sent_through_it() {
    let server = Server::new();
    images(server.folder.path());
    let mut wrong = wanted("light", 40);
    wrong["run"]["train"]["epoch"] = 3.into();
    assert!(server.post("/api/jobs", &wrong).refusal(400).contains("unknown field `epoch`"));
    assert_eq!(server.get("/index.json").json(), json!({ "datasets": [], "models": [] }));

    let id = server.post("/api/jobs", &wanted("light & dark", 40)).json()["id"].clone();
    assert_eq!(id, "light---dark");
    let id = id.as_str().expect("an id");
    server.wait(id, "Done");
    let job = server.get(&format!("/api/jobs/{id}")).json();
    assert_eq!((&job["progress"], &job["last"]["iteration"]), (&json!(1.0), &json!(39)));
    assert!(job["console"].as_str().expect("text").contains("iteration 0"), "{job}");
    assert!(server.get(&format!("/files/{id}/loss.svg")).body.starts_with("<svg"));
    assert!(server.get(&format!("/api/jobs/{id}/network.svg")).body.starts_with("<svg"));
    let model = server.get(&format!("/models/{id}.json")).json();
    assert_eq!(
        (&model["id"], &model["name"], &model["status"]),
        (&json!(id), &json!(id), &json!("Done"))
    );
    assert_eq!(model["snapshots"].as_array().expect("epochs").last(), Some(&json!(10.0)));

    let (image, job_id) = (light(), ("job_id", None, id.as_bytes()));
    let file = ("image_file", Some("light.png"), &image[..]);
    let one = server.form("/models/images/generic/infer_one.json", &[job_id, file]).json();
    let [dark, light] = &one["outputs"]["softmax"][0].as_array().expect("a row")[..] else {
        panic!("{one}")
    };
    assert!(dark.as_f64() < light.as_f64(), "{one}");
    let said = server.form("/models/images/classification/classify_one.json", &[job_id, file]);
    assert_eq!(said.json()["predictions"][0], json!(["class 1", light]));
    let parts = [job_id, file, ("snapshot_epoch", None, b"3".as_slice())];
    let earlier = server.form("/models/images/generic/infer_one.json", &parts).json();
    assert_ne!(earlier["outputs"], one["outputs"]);
    let parts = [job_id, file, ("snapshot_epoch", None, b"77".as_slice())];
    let said = server.form("/models/images/generic/infer_one.json", &parts).refusal(404);
    assert!(said.starts_with("there is no snapshot of epoch 77; there are: 1,"), "{said}");

    std::fs::write(server.folder.path().join("light.png"), &image).expect("written");
    let list = ("image_list", Some("list.txt"), b"light.png 1\n\nlight.png 0\n".as_slice());
    let many = server.form("/models/images/generic/infer_many.json", &[job_id, list]).json();
    assert_eq!(many["outputs"]["light.png"]["softmax"], one["outputs"]["softmax"][0]);
    let most = ("num_test_images", None, b"1".as_slice());
    let said =
        server.form("/models/images/classification/classify_many.json", &[job_id, list, most]);
    assert_eq!(said.json()["classifications"]["light.png"][0][0], "class 1");

    let upload = ("images", Some("../../light.png"), &image[..]);
    let two = server.form(&format!("/api/jobs/{id}/infer"), &[upload, upload]).json();
    assert_eq!(two["outputs"]["again-light.png"]["softmax"], one["outputs"]["softmax"][0]);
    let page = server.form(&format!("/api/jobs/{id}/statistics"), &[upload]);
    assert!(page.status == 200 && page.body.contains("34 learned parameters"), "{}", page.body);
    let bad = ("images", Some("x.png"), b"no image".as_slice());
    let said = server.form(&format!("/api/jobs/{id}/infer"), &[bad]).refusal(422);
    assert!(said.contains("x.png"), "{said}");
    let said = server.form("/models/images/generic/infer_one.json", &[job_id]).refusal(400);
    assert_eq!(said, "must provide image_path or image_file");
}

#[cfg(unix)]
#[test]
fn one_training_runs_at_a_time_in_the_order_of_asking_and_ends_with_a_snapshot() {
    let mut server = Server::new();
    images(server.folder.path());
    let ids = ["a", "a-2", "a-3"];
    for id in ids {
        assert_eq!(server.post("/api/jobs", &wanted("a", 1_000_000_000)).json()["id"], id);
    }
    server.wait("a", "Running");
    assert_eq!((server.status("a-2"), server.status("a-3")), ("Waiting".into(), "Waiting".into()));
    let said = server.post("/api/jobs/a/start", &json!({})).refusal(422);
    assert!(said.contains("is being trained already"), "{said}");
    assert_eq!(server.post("/api/jobs/a-2/abort", &json!({})).status, 200);
    assert_eq!(server.status("a-2"), "Initialized");
    // It is the last one from here on, behind a-3.
    assert_eq!(server.post("/api/jobs/a-2/start", &json!({})).status, 200);
    let states = |id: &str| {
        let files = std::fs::read_dir(server.folder.path().join("jobs").join(id)).expect("a job");
        let names =
            files.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
        names.filter(|name| name.ends_with(".state")).count()
    };
    let began = |id: &str| server.get(&format!("/api/jobs/{id}")).json()["last"].is_object();
    while !began("a") {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.ask("POST", "/models/a/abort", "", b"").body, "Job aborted");
    server.wait("a", "Aborted");
    assert!(0 < states("a"));
    server.wait("a-3", "Running");
    assert_eq!(server.status("a-2"), "Waiting");
    assert_eq!(server.post("/api/jobs/a/start", &json!({})).status, 200);
    assert_eq!(server.status("a"), "Waiting");
    while !began("a-3") {
        std::thread::sleep(Duration::from_millis(20));
    }
    let jobs = server.folder.path().join("jobs");
    assert!(server.interrupt());
    let console = std::fs::read_to_string(jobs.join("a-3/console.txt")).expect("text");
    assert!(console.contains("stopped; continue with"), "{console}");
}
