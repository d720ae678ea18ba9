//! The verbs, run as people run them: here `check`, `time`, `plot`, `device-query`, and what all of them have in common.

#[path = "tools/backward.rs"]
mod backward;
mod cli;
#[path = "tools/definitions.rs"]
mod definitions;
#[path = "tools/inference.rs"]
mod inference;
#[path = "tools/inputs.rs"]
mod inputs;
#[path = "tools/json_forms.rs"]
mod json_forms;
#[path = "tools/limits.rs"]
mod limits;
#[path = "tools/memory.rs"]
mod memory;
#[path = "tools/newcomers.rs"]
mod newcomers;
#[path = "tools/pairs.rs"]
mod pairs;
#[path = "tools/statistics.rs"]
mod statistics;
#[path = "tools/training.rs"]
mod training;
#[path = "tools/tutorials.rs"]
mod tutorials;

use std::path::{Path, PathBuf};

use cli::{cortado, prints};
use training::training;

/// What a run complains about; it must end as one that was refused.
fn refused(arguments: &[&str]) -> String {
    let output = cortado(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).expect("text")
}

/// What a run that ends well warns of.
fn warned(arguments: &[&str]) -> String {
    let output = cortado(arguments);
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).expect("text")
}

fn network(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("networks").join(path).display().to_string()
}

fn text(path: PathBuf) -> String {
    path.display().to_string()
}

/// A folder of files.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn at(&self, name: &str) -> String {
        text(self.path(name))
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).expect("written");
        self.at(name)
    }
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
        for pass in ["forward_ms", "backward_ms"] {
            let best = of(kind, &format!("best_{pass}"));
            assert!(0.0 < best && best <= of(kind, pass) * (1.0 + 1e-9), "{kind}: {json:#}");
        }
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
fn shapes_of_several_tops_are_asked_for_at_once_and_python_data_may_be_random() {
    let folder = tempfile::tempdir().expect("a folder");
    let net = text(folder.path().join("net.prototxt"));
    let write = |source: &str| {
        let definition = format!(
            "layer {{ name: 'source' top: 'data' top: 'label' {source} }}
            layer {{ name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'y' inner_product_param {{ num_output: 3
              weight_filler {{ type: 'xavier' }} }} }}
            layer {{ name: 'loss' type: 'SoftmaxWithLoss' bottom: 'y' bottom: 'label' top: 'loss' }}"
        );
        std::fs::write(&net, definition).expect("written");
    };
    let asked = || String::from_utf8(cortado(&["check", &net]).stderr).expect("text");
    write("type: 'HDF5Data' hdf5_data_param { source: 'list.txt' batch_size: 50 }");
    assert!(asked().contains("--shape data=50,3,28,28 --shape label=50"), "{}", asked());
    write("type: 'Python' python_param { module: 'own' layer: 'Own' }");
    assert!(asked().contains("--shape data=64,3,28,28 --shape label=64"), "{}", asked());
    let shapes = ["--shape", "data=2,4", "--shape", "label=2"];
    let step = prints(&[&["check", &net, "--step"], &shapes[..]].concat());
    assert!(step.contains("one step at TRAIN") && step.contains("15 of 15"), "{step}");
    // Training asks for what the class would have computed.
    let solver = text(folder.path().join("solver.prototxt"));
    let words =
        format!("net: '{net}' base_lr: 0.1 lr_policy: 'fixed' max_iter: 1 snapshot_prefix: 'x'");
    std::fs::write(&solver, words).expect("written");
    let complaint = refused(&["train", &solver]);
    assert!(complaint.contains("give it with --tensors"), "{complaint}");
}

#[test]
fn memory_counts_the_batches_that_are_read_ahead() {
    let net = network("lenet/caffe.prototxt");
    let table = prints(&["check", &net, "--memory", "--shape", "data=4,1,28,28"]);
    let of = |what: &str| {
        let line = table.lines().find(|line| line.trim().starts_with(what)).expect("a line");
        line.trim()[what.len()..].trim().to_owned()
    };
    // 4 x 28 x 28 numbers and 4 labels, and four such batches.
    assert_eq!([of("inputs"), of("data read ahead")], ["12.3 KiB", "49.1 KiB"]);
    // The 431,080 parameters, and as many numbers of the solver.
    assert_eq!(of("snapshots"), "3.29 MiB");
    let mib = |what: &str| -> f64 { of(what).trim_end_matches(" MiB").parse().expect("a number") };
    let parts = mib("all") + 49.1 / 1024.0 + 3.29 + mib("the program");
    assert!((mib("at most") - parts).abs() < 0.2, "{table}");
}

#[test]
fn a_plan_for_a_gpu_needs_none() {
    let net = network("lenet/caffe.prototxt");
    let check = ["check", &net, "--shape", "data=4,1,28,28", "--device", "cuda:0", "--memory"];
    let text = prints(&[&check[..], &["--plan"]].concat());
    assert!(text.lines().any(|line| line.ends_with("launches")), "{text}");
    let bytes = |text: &str| -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(text).expect("JSON")["memory"].clone()
    };
    let gpu = bytes(&prints(&[&check[..], &["--json"]].concat()));
    let number = |what: &str| gpu[what].as_u64().expect("a number");
    // Beside the arena: tables, what is kept of the last runs, and what two batches go through.
    assert!(number("all") < number("the_GPU") && number("the_GPU") < number("all") + (1 << 20));
    // The arena is not in the machine's memory.
    assert_eq!(
        number("at_most"),
        number("the_program") + number("snapshots") + number("data_read_ahead")
    );
    assert!(bytes(&prints(&["check", &net, "--json", "--memory", "--shape", "data=4,1,28,28"]))
        ["the_GPU"]
        .is_null());
}

#[test]
fn an_lmdb_that_caffe_would_take_for_a_leveldb_is_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(folder.path().join(name));
    let pixels = cortado::data::images::Image::new(1, 2, 2, vec![1, 2, 3, 4]).expect("an image");
    pixels.save_png(&folder.path().join("a.png")).expect("written");
    std::fs::write(at("list"), "a.png 1\n").expect("written");
    prints(&["convert-imageset", &at(""), &at("list"), &at("db")]);
    let net = at("net.prototxt");
    let said = |backend: &str| {
        let source = at("db");
        let definition = format!(
            "layer {{ name: 'd' type: 'Data' top: 'x' data_param {{ source: '{source}' batch_size: 1 {backend} }} }}"
        );
        std::fs::write(&net, definition).expect("written");
        String::from_utf8(cortado(&["check", &net]).stderr).expect("text")
    };
    assert!(said("backend: LEVELDB").contains("Caffe would look for a LevelDB"));
    assert!(said("").contains("Caffe would look for a LevelDB"));
    assert!(!said("backend: LMDB").contains("LevelDB"));
}

#[test]
fn a_net_without_rules_is_trained_and_timed_in_training() {
    let folder = tempfile::tempdir().expect("a folder");
    let net = folder.path().join("net.prototxt");
    let write = |state: &str| {
        let definition = format!(
            "name: 'n' {state}
            layer {{ name: 'x' type: 'Input' top: 'x' top: 't' input_param {{ shape {{ dim: 2 dim: 3 }} }} }}
            layer {{ name: 'drop' type: 'Dropout' bottom: 'x' top: 'd' }}
            layer {{ name: 'ip' type: 'InnerProduct' bottom: 'd' top: 'y' inner_product_param {{ num_output: 3
              weight_filler {{ type: 'xavier' }} }} }}
            layer {{ name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 't' top: 'loss' }}"
        );
        std::fs::write(&net, definition).expect("written");
    };
    let net = net.display().to_string();
    write("");
    assert!(prints(&["check", &net, "--step"]).contains("one step at TRAIN"));
    assert!(prints(&["time", &net, "--iterations", "1"]).starts_with("n at TRAIN on cpu\n"));
    // The mask of Dropout is drawn in training only.
    let plan = ["check", &net, "--plan"];
    assert!(prints(&plan).contains("random"), "{}", prints(&plan));
    let test = prints(&[&plan[..], &["--stage", "TEST"]].concat());
    assert!(!test.contains("random"), "{test}");
    // A phase that the definition sets itself holds, as in Caffe's solver.
    write("state { phase: TEST }");
    assert!(prints(&["check", &net, "--step"]).contains("one step at TEST"));
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
    assert!(drawn.contains("class=\"faint\""), "{drawn}");

    let complaint = refused(&["plot", &caffe, "--show", "top5", "-o", &svg]);
    assert!(complaint.contains("no log has an output `top5`; there are accuracy"), "{complaint}");
    assert!(refused(&["plot", &caffe, "-o", "out.pdf"]).contains("ends with .svg or .png"));
    let net = network("lenet/caffe.prototxt");
    assert!(refused(&["plot", &net, "-o", &svg]).contains("holds no iterations"));
}

#[test]
fn the_reason_why_data_tell_no_shape_is_a_note() {
    let folder = tempfile::tempdir().expect("a folder");
    let net = text(folder.path().join("net.prototxt"));
    let source = text(folder.path().join("no_such_lmdb"));
    let layer = format!(
        "layer {{ name: 'd' type: 'Data' top: 'x' data_param {{ source: '{source}' batch_size: 1 }} }}"
    );
    std::fs::write(&net, layer).expect("written");
    let said = String::from_utf8(cortado(&["check", &net]).stderr).expect("text");
    assert!(
        said.contains("W0605") && said.contains(&format!("note: cannot read {source}")),
        "{said}"
    );
}

#[cfg(unix)]
#[test]
fn devices_are_no_files_and_pipes_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(folder.path().join(name));
    let (net, svg) = (network("lenet/caffe.prototxt"), at("x.svg"));
    for arguments in [
        &["plot", "/dev/zero", "-o", &svg][..],
        &["run", &net, "--tensors", "/dev/zero", "-o", &svg],
        &["create-db", &at("db"), "--idx", "/dev/zero", "/dev/zero", "-c", "4"],
        &["time", &net, "--shape", "data=1,1,28,28", "--weights", "/dev/zero"],
    ] {
        let wrong = refused(arguments);
        assert!(wrong.contains("/dev/zero: is a device and no file"), "{arguments:?}: {wrong}");
    }
    std::fs::write(at("long.yaml"), vec![b' '; (1 << 20) + 1]).expect("written");
    assert!(refused(&["clusters", &at("long.yaml")]).contains("is longer than 1024 KiB"));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cortado"));
    command.args(["plot", "/dev/stdin", "-o", &svg]).stdin(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut log = child.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut log, b"iteration 0 loss = 1.5\niteration 9 loss = 1.0\n")
        .expect("read");
    drop(log);
    assert!(child.wait().expect("an end").success());
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/mnist");
    let file = |name: &str| text(root.join(name));
    let (images, labels) = (file("train-images-idx3-ubyte.gz"), file("train-labels-idx1-ubyte.gz"));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cortado"));
    let db = text(folder.path().join("db"));
    command.args(["create-db", &db, "--idx", &images, &labels, "-c", "100000000"]);
    let mut child = command.spawn().expect("the program starts");
    let entries = || std::fs::read_dir(folder.path()).expect("a folder").count();
    while entries() == 0 && child.try_wait().expect("a state").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(entries(), 1);
    let id = child.id().to_string();
    std::process::Command::new("kill").args(["-TERM", &id]).status().expect("sent");
    assert_eq!(child.wait().expect("an end").code(), Some(128 + 15));
    assert_eq!(entries(), 0);
}

#[test]
fn device_query_tells_what_there_is() {
    let shown = prints(&["device-query"]);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    assert!(shown.starts_with("cpu\n") && shown.contains(&format!("{threads} threads")), "{shown}");
    assert!(shown.contains("vectors") && shown.contains("cuda"), "{shown}");
}

#[test]
fn whoever_lost_the_data_layer_is_told_where_its_data_would_be_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let net = text(folder.path().join("net.prototxt"));
    let told = |more: &str| {
        let layer = "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'y' inner_product_param { num_output: 3 }";
        std::fs::write(&net, format!("{layer} {more} }}")).expect("written");
        let output = cortado(&["check", &net]);
        assert!(output.status.success());
        String::from_utf8(output.stderr).expect("text")
    };
    let note = "no layer gives `data`, so it is taken from the run file";
    assert!(told("").contains(note), "{}", told(""));
    // Stages show a definition of DIGITS.
    let staged = told("exclude { stage: 'other' }");
    assert!(staged.contains("--shape data") && !staged.contains(note), "{staged}");
}

#[test]
fn what_is_given_in_the_place_of_something_else_is_named() {
    let (folder, solver) = training("base_lr: 0.1 solver_mode: GPU snapshot: 3");
    let at = |name: &str| text(folder.path().join(name));
    let out = at("out");
    let complaint = refused(&["train", &at("net.prototxt")]);
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(
        complaint.contains("is a net and no solver; a solver names it, `net: \"net.prototxt\"`"),
        "{complaint}"
    );
    let complaint = refused(&["train", "some/net.lua"]);
    assert!(
        complaint.contains("train it by a run file (.yaml) with `network: net.lua`"),
        "{complaint}"
    );
    let complaint = refused(&["test", &solver, "-o", &out]);
    assert!(
        complaint.contains("out/s_iter_N.caffemodel; train first, or give --weights"),
        "{complaint}"
    );
    let complaint = refused(&["train", &solver, "-o", &out, "--reinit", "ip"]);
    assert!(complaint.contains("--reinit ip: there are no weights"), "{complaint}");
    let output = cortado(&["train", &solver, "-o", &out]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("note: solver_mode is GPU; computing on the processor"), "{told}");
    // The last snapshot is tested, by its number.
    let tested = prints(&["test", &solver, "-o", &out]);
    let lines: Vec<&str> = tested.lines().collect();
    assert!(lines[0].ends_with("out/s_iter_6.safetensors"), "{tested}");
    assert!(lines[1].starts_with("iteration 6 test net #0 loss = "), "{tested}");
    assert_eq!(lines[1].matches("loss").count(), 1, "{tested}");
}

#[test]
fn plan_and_memory_are_told_as_json() {
    let net = network("lenet/caffe.prototxt");
    let arguments = ["check", &net, "--shape", "data=2,1,28,28", "--threads", "1"];
    let told = |options: &[&str]| prints(&[&arguments[..], options].concat());
    let both: serde_json::Value =
        serde_json::from_str(&told(&["--json", "--plan", "--memory"])).expect("JSON");
    let size = |what: &str| both["memory"][what].as_u64().expect("bytes");
    let all: u64 =
        ["parameters", "gradients", "solver_history", "inputs", "activations", "workspace"]
            .map(size)
            .iter()
            .sum();
    assert_eq!(all, size("all"));
    // The parameters, each array of which begins at a cache line.
    assert!((431_080 * 4..432_000 * 4).contains(&size("parameters")), "{}", both["memory"]);
    assert_eq!(both["planned"]["stage"], "TRAIN");
    let steps = both["plan"]["steps"].as_array().expect("steps");
    let text = told(&["--plan"]);
    let lines = text.lines().skip_while(|line| !line.starts_with("step")).skip(1);
    let lines: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    assert_eq!(steps.len(), lines.len());
    for (step, line) in steps.iter().zip(lines) {
        let layers: Vec<&str> =
            step["layers"].as_array().expect("layers").iter().filter_map(|l| l.as_str()).collect();
        let kernel = step["kernel"].as_str().expect("a name");
        assert!(line.contains(&layers.join(" + ")) && line.contains(kernel), "{line}: {step}");
        let offset = step["offset_bytes"].as_u64().map(|n| n.to_string()).unwrap_or_default();
        assert!(line.contains(&offset), "{line}: {step}");
    }
    let work = |which: &str| both["plan"][which]["bytes_moved"].as_u64().expect("bytes");
    assert!(work("as_planned") <= work("layer_by_layer"));
    let neither: serde_json::Value = serde_json::from_str(&told(&["--json"])).expect("JSON");
    assert!(neither.get("plan").is_none() && neither.get("memory").is_none());
    // What cannot be planned says why, in JSON as well.
    let output = cortado(&["check", &net, "--json", "--memory"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["ok"], false);
}

#[test]
fn blocks_that_are_repeated_are_one_box_unless_all_are_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(folder.path().join(name));
    let mut net = "input: 'b0' input_shape { dim: 1 dim: 8 dim: 4 dim: 4 }\n".to_owned();
    for i in 0..36 {
        let next = i + 1;
        net += &format!(
            "layer {{ name: 'conv{next}' type: 'Convolution' bottom: 'b{i}' top: 'c{next}' convolution_param {{ num_output: 8
              kernel_size: 3 pad: 1 }} }}
            layer {{ name: 'relu{next}' type: 'ReLU' bottom: 'c{next}' top: 'c{next}' }}
            layer {{ name: 'sum{next}' type: 'Eltwise' bottom: 'b{i}' bottom: 'c{next}' top: 'b{next}' }}\n"
        );
    }
    std::fs::write(at("net.prototxt"), net).expect("written");
    let [net, svg, all] = ["net.prototxt", "net.svg", "all.svg"].map(at);
    prints(&["visualize", &net, "-o", &svg]);
    let picture = std::fs::read_to_string(&svg).expect("a picture");
    assert!(picture.contains("35 × 2 layers") && picture.contains("conv1 … sum35"), "{picture}");
    prints(&["visualize", &net, "-o", &all, "--fold", "never"]);
    let whole = std::fs::read_to_string(&all).expect("a picture");
    assert!(whole.contains("conv17") && !whole.contains("35 × 2 layers"));
    assert!(picture.len() * 8 < whole.len());
}
