//! The verbs beside training, run as people run them: `time`, `plot`, `device-query`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn cortado(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cortado"));
    command.args(arguments).output().expect("the program starts")
}

/// What a run prints; it must end well.
fn prints(arguments: &[&str]) -> String {
    let output = cortado(arguments);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaints}");
    String::from_utf8(output.stdout).expect("text")
}

/// What a run complains about; it must end as one that was refused.
fn refused(arguments: &[&str]) -> String {
    let output = cortado(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).expect("text")
}

fn network(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("networks").join(path).display().to_string()
}

fn text(path: PathBuf) -> String {
    path.display().to_string()
}

#[test]
fn every_layer_is_timed_in_the_direction_in_which_it_works() {
    let net = network("lenet/caffe.prototxt");
    let shapes = ["--shape", "data=2,1,28,28", "--iterations", "3", "--threads", "1", "--json"];
    let json = prints(&[&["time", &net], &shapes[..]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let layers = json["layers"].as_array().expect("layers");
    let of = |kind: &str, pass: &str| -> f64 {
        let all = layers.iter().filter(|layer| layer["type"] == kind);
        all.map(|layer| layer[pass].as_f64().expect("a number")).sum()
    };
    // The poolings are part of the convolutions before them, and so are their gradients.
    assert_eq!(of("Pooling", "forward_ms") + of("Pooling", "backward_ms"), 0.0);
    for kind in ["Convolution", "InnerProduct", "SoftmaxWithLoss"] {
        assert!(0.0 < of(kind, "forward_ms"), "{kind}: {json:#}");
        assert!(0.0 < of(kind, "backward_ms"), "{kind}: {json:#}");
    }
    assert_eq!(of("Data", "backward_ms"), 0.0);
    let sum: f64 = layers.iter().map(|layer| layer["forward_ms"].as_f64().unwrap_or(0.0)).sum();
    assert!((sum - json["forward_ms"].as_f64().unwrap_or(0.0)).abs() < 1e-9);
    assert_eq!(json["iterations"], 3);
}

#[test]
fn times_without_a_loss_go_backward_from_the_outputs() {
    let folder = tempfile::tempdir().expect("a folder");
    let net = folder.path().join("net.prototxt");
    let definition = "name: 'n' layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 } } }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 4 } }";
    std::fs::write(&net, definition).expect("written");
    let net = text(net);
    let table = prints(&["time", &net, "--iterations", "1", "--phase", "TEST"]);
    let line = table.lines().find(|line| line.starts_with("ip ")).expect("the layer's line");
    assert!(line.contains("InnerProduct") && !line.ends_with('-'), "{table}");
    assert!(table.starts_with("n at TEST on cpu\n"), "{table}");
    assert!(table.contains("means of 1 iterations"), "{table}");
    let weights = text(folder.path().join("none.caffemodel"));
    assert!(refused(&["time", &net, "--weights", &weights]).contains("cannot read"));
}

#[test]
fn a_net_of_unknown_shapes_is_not_timed() {
    let complaint = refused(&["time", &network("siamese/caffe.prototxt")]);
    assert!(complaint.contains("are not known"), "{complaint}");
}

#[test]
fn logs_of_both_kinds_share_a_plot() {
    let folder = tempfile::tempdir().expect("a folder");
    let caffe = folder.path().join("caffe.log");
    let mut log = String::new();
    for i in 0..5 {
        let at = i * 100;
        log += &format!(
            "I0410 solver.cpp:341] Iteration {at}, Testing net (#0)\n\
             I0410 solver.cpp:409]     Test net output #0: accuracy = 0.{i}\n\
             I0410 solver.cpp:228] Iteration {at}, loss = 1.{i}\n\
             I0410 sgd_solver.cpp:106] Iteration {at}, lr = 0.01\n"
        );
    }
    std::fs::write(&caffe, log).expect("written");
    let own = folder.path().join("log.jsonl");
    let line = |i: u64| {
        format!(
            "{{\"event\":\"train\",\"iteration\":{i},\"epoch\":null,\"loss\":2.0,\"smoothed_loss\":1.5,\"lr\":0.1,\
             \"outputs\":{{}},\"seconds\":0}}\n"
        )
    };
    std::fs::write(&own, (0..400).map(line).collect::<String>()).expect("written");
    let (caffe, own) = (text(caffe), text(own));
    let svg = text(folder.path().join("out.svg"));
    prints(&["plot", &caffe, &own, "--show", "accuracy", "-o", &svg]);
    let drawn = std::fs::read_to_string(&svg).expect("the plot");
    assert!(drawn.contains("caffe.log: training loss"), "{drawn}");
    assert!(drawn.contains("log.jsonl: training loss"), "{drawn}");
    assert!(drawn.contains(">accuracy</text>"), "{drawn}");

    let complaint = refused(&["plot", &caffe, "--show", "top5", "-o", &svg]);
    assert!(complaint.contains("no log has an output `top5`; there are accuracy"), "{complaint}");
    assert!(refused(&["plot", &caffe, "-o", "out.pdf"]).contains("ends with .svg or .png"));
    let net = network("lenet/caffe.prototxt");
    assert!(refused(&["plot", &net, "-o", &svg]).contains("holds no iterations"));
}

#[test]
fn device_query_tells_what_there_is() {
    let shown = prints(&["device-query"]);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    assert!(shown.starts_with("cpu\n") && shown.contains(&format!("{threads} threads")), "{shown}");
    assert!(shown.contains("vectors") && shown.contains("cuda"), "{shown}");
}
