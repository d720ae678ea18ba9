//! `train` and `test`, run as people run them.

use std::process::Command;

use super::{cortado, prints, refused, text};

#[cfg(unix)]
#[test]
fn a_gone_terminal_makes_a_snapshot_and_an_interrupt_the_last_one() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(folder.path().join(name));
    let net = "layer { name: 'x' type: 'DummyData' top: 'x' top: 't' dummy_data_param { shape { dim: 1 dim: 1 } } }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 1 } }
        layer { name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 't' top: 'loss' }";
    std::fs::write(at("net.prototxt"), net).expect("written");
    let solver = format!(
        "net: '{}' base_lr: 0.1 lr_policy: 'fixed' max_iter: 1000000000 snapshot_prefix: '{}'",
        at("net.prototxt"),
        at("w")
    );
    std::fs::write(at("solver.prototxt"), solver).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cortado"));
    command.args(["train", &at("solver.prototxt"), "--threads", "1"]);
    let piped = std::process::Stdio::piped;
    let mut child = command.stdout(piped()).stderr(piped()).spawn().expect("the program starts");
    let id = child.id().to_string();
    let send = |signal: &str| Command::new("kill").args([signal, &id]).status().expect("sent");
    let states = || {
        let files = std::fs::read_dir(folder.path()).expect("a folder").filter_map(Result::ok);
        files.filter(|f| f.path().extension().is_some_and(|e| e == "state")).count()
    };
    // It says what it trains once it watches for signals.
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert!(first.contains("iterations"), "{first}");
    send("-HUP");
    let began = std::time::Instant::now();
    while states() == 0 && began.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!((states(), child.try_wait().expect("a state").is_none()), (1, true));
    send("-INT");
    let said: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(child.wait().expect("an end").success());
    assert!(said.iter().any(|line| line.starts_with("stopped; continue with")), "{said:?}");
    assert_eq!(states(), 2);
}

#[test]
fn what_training_prints_can_be_plotted() {
    let (folder, solver) = training("base_lr: 0.1");
    let at = |name: &str| text(folder.path().join(name));
    let said = prints(&["train", &solver, "-o", &at("out")]);
    // Of small nets the memory is told in smaller units.
    assert!(said.contains(" KiB of memory for a step"), "{said}");
    std::fs::write(at("log"), said).expect("written");
    prints(&["plot", &at("log"), "-o", &at("x.svg"), "--show", "loss"]);
    let drawn = std::fs::read_to_string(at("x.svg")).expect("the plot");
    for part in ["training loss", "validation loss", "learning rate"] {
        assert!(drawn.contains(part), "{part}: {drawn}");
    }
    prints(&["plot", &at("log"), "-o", &at("x.svg"), "--smoothing", "0"]);
    assert!(!std::fs::read_to_string(at("x.svg")).expect("the plot").contains("class=\"faint\""));
    for scale in ["0", "nan", "1e9"] {
        let output = cortado(&["plot", &at("log"), "-o", &at("x.png"), "--scale", scale]);
        assert_eq!(output.status.code(), Some(2), "{scale}");
    }
}

/// A folder with a solver, and a net on made-up data; `more` are fields of the solver.
pub(super) fn training(more: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let net = "layer { name: 'x' type: 'DummyData' top: 'x' top: 't' dummy_data_param {
          shape { dim: 4 dim: 3 } shape { dim: 4 } data_filler { type: 'gaussian' } data_filler { value: 1 } } }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 2
          weight_filler { type: 'xavier' } } }
        layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'y' bottom: 't' top: 'loss' }";
    std::fs::write(folder.path().join("net.prototxt"), net).expect("written");
    let solver = format!(
        "net: 'net.prototxt' lr_policy: 'fixed' max_iter: 6 display: 1 test_iter: 1 test_interval: 3 snapshot_prefix: 's' {more}"
    );
    let path = folder.path().join("solver.prototxt");
    std::fs::write(&path, solver).expect("written");
    (folder, text(path))
}

/// A pipe that nobody reads any more.
fn unread() -> std::process::Stdio {
    let (_, writer) = std::io::pipe().expect("a pipe");
    writer.into()
}

#[test]
fn nobody_needs_to_read_what_is_printed() {
    let (folder, solver) = training("base_lr: 0.1");
    let out = text(folder.path().join("out"));
    let quiet = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cortado"));
        command.args(arguments).stdout(unread()).stderr(unread());
        command.status().expect("the program starts").code()
    };
    assert_eq!(quiet(&["train", &solver, "-o", &out]), Some(0));
    let weights = text(folder.path().join("out/s_iter_6.caffemodel"));
    assert_eq!(quiet(&["test", &solver, "--weights", &weights]), Some(0));
    assert_eq!(quiet(&["test", &solver, "--weights", &weights, "--json"]), Some(0));
    assert_eq!(quiet(&["check", &text(folder.path().join("net.prototxt"))]), Some(0));
    assert_eq!(quiet(&["device-query"]), Some(0));
    // Complaints that nobody reads still end as complaints.
    assert_eq!(quiet(&["test", &text(folder.path().join("none.prototxt"))]), Some(1));
    assert_eq!(quiet(&["infer", &solver, "none.png"]), Some(1));
}

#[test]
fn a_loss_that_is_no_number_is_told_at_once_and_at_the_end() {
    let (folder, solver) = training("base_lr: 1e38 weight_decay: 10");
    let output = cortado(&["train", &solver, "-o", &text(folder.path().join("out"))]);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    assert_eq!(
        complaints.matches("warning: the loss is NaN at iteration").count(),
        2,
        "{complaints}"
    );
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("loss = NaN"), "{shown}");
}

#[test]
fn weights_are_lists_with_commas_as_for_caffe() {
    let (folder, solver) = training("base_lr: 0.1 snapshot: 3");
    let out = text(folder.path().join("out"));
    prints(&["train", &solver, "-o", &out]);
    let file =
        |iteration: u64| text(folder.path().join(format!("out/s_iter_{iteration}.caffemodel")));
    let both = format!("{},{}", file(3), file(6));
    let last = prints(&["test", &solver, "--weights", &file(6)]);
    assert_eq!(prints(&["test", &solver, "--weights", &both]), last);
    assert_ne!(prints(&["test", &solver, "--weights", &format!("{},{}", file(6), file(3))]), last);
    let complaint = refused(&["test", &solver, "--weights", &format!("{},none", file(3))]);
    assert!(complaint.contains("cannot read none"), "{complaint}");
    let complaint = refused(&["train", &solver, "--weights", &both, "--reinit", "loss,ipp"]);
    assert!(complaint.contains("there is no such layer; did you mean `ip`?"), "{complaint}");
    let complaint = refused(&["train", &solver, "--weights", &both, "--reinit", "classifier"]);
    assert!(complaint.contains("no such layer; layers with weights are `ip`"), "{complaint}");
    // One dash is enough, as for Caffe's tools, and weights and a state are one too many.
    let state = text(folder.path().join("out/s_iter_3.solverstate"));
    let complaint = refused(&["train", &solver, "-weights", &file(3), "-resume", &state]);
    assert!(complaint.contains("not both"), "{complaint}");
}

#[test]
fn a_place_where_snapshots_cannot_be_written_is_found_before_training() {
    let (folder, solver) = training("base_lr: 0.1 snapshot: 3");
    let out = text(folder.path().join("out"));
    let long = format!("snapshot_prefix={}", "s".repeat(250));
    let refused = |more: &[&str]| {
        let output = cortado(&[&["train", &solver, "-o", &out, "--set", &long], more].concat());
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), complaint, shown.contains("iteration 0"))
    };
    let (code, complaint, trained) = refused(&[]);
    assert!(code == Some(1) && !trained, "{complaint}");
    assert!(
        complaint.contains("snapshots cannot be written as") && complaint.contains("_iter_N"),
        "{complaint}"
    );
    // A run that writes none needs no place for them.
    let none = ["--set", "snapshot=0", "--set", "snapshot_after_train=false"];
    let (code, complaint, trained) = refused(&none);
    assert!(code == Some(0) && trained, "{complaint}");
    let left =
        std::fs::read_dir(&out).expect("a folder").map(|entry| entry.expect("a name").file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("iter")));
}

/// A log that does not fit on the disk is no reason to lose what was trained.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_does_not_end_a_training_before_its_snapshot() {
    let (folder, solver) = training("base_lr: 0.1");
    let out = folder.path().join("out");
    // Files have at most 64 blocks of 512 bytes; the log of 1000 iterations would have more.
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", limited, "sh", env!("CARGO_BIN_EXE_cortado"), "train", &solver]);
    command.args(["--set", "max_iter=1000", "-o", &text(out.clone())]);
    let output = command.output().expect("the program starts");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    assert_eq!(complaints.matches("log.jsonl: ").count(), 1, "{complaints}");
    assert!(complaints.contains("training goes on"), "{complaints}");
    assert!(out.join("s_iter_1000.caffemodel").exists());
    let log = std::fs::read_to_string(out.join("log.jsonl")).expect("the log");
    let read = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert!(20_000 < log.len() && log.ends_with('\n') && log.lines().all(read), "{log}");
}

/// The plot of a run is that of its log, also where the run goes on after a snapshot.
#[test]
fn the_loss_plot_shows_what_the_log_tells() {
    let (folder, solver) = training("base_lr: 0.1 average_loss: 3 snapshot: 3");
    let out = folder.path().join("out");
    let title = ["--title", "net"];
    std::fs::write(folder.path().join("net.prototxt"), {
        let net = std::fs::read_to_string(folder.path().join("net.prototxt")).expect("the net");
        format!("name: 'net' {net}")
    })
    .expect("written");
    let drawn = |arguments: &[&str]| {
        prints(&[&["train", &solver, "-o", &text(out.clone())], arguments].concat());
        std::fs::read_to_string(out.join("loss.svg")).expect("the plot")
    };
    let plotted = || {
        let [log, svg] = ["log.jsonl", "x.svg"].map(|name| text(out.join(name)));
        prints(&[&["plot", &log, "-o", &svg], &title[..]].concat());
        std::fs::read_to_string(svg).expect("the plot")
    };
    let whole = drawn(&[]);
    assert_eq!(whole, plotted());
    let state = text(out.join("s_iter_3.solverstate"));
    let resumed = drawn(&["--resume", &state]);
    assert_eq!(resumed, plotted());
}

/// Inputs that nothing feeds are zeros, which no net is to be trained on.
#[test]
fn what_nothing_feeds_is_not_trained_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(folder.path().join(name));
    let net = "layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 } } }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 3 } }
        layer { name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 'x' top: 'loss' }";
    std::fs::write(at("net.prototxt"), net).expect("written");
    let solver =
        format!("net: '{}' base_lr: 0.1 lr_policy: 'fixed' max_iter: 1", at("net.prototxt"));
    std::fs::write(at("solver.prototxt"), solver).expect("written");
    std::fs::write(at("run.yaml"), "network: net.prototxt\ntrain: { iterations: 1 }")
        .expect("written");
    for run in ["solver.prototxt", "run.yaml"] {
        let complaint = refused(&["train", &at(run), "-o", &at("out")]);
        assert!(complaint.contains("nothing feeds the input `x`: give its batches"), "{complaint}");
    }
    assert!(!folder.path().join("out").exists());
}
