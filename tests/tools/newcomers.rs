//! What people do who meet the program for the first time: files that are forgotten, named wrongly or written twice, and what
//! they are told.

use std::path::Path;

use cortado::data::images::Image;
use cortado::weights::{Blob, write_binaryproto, write_safetensors};
use serde_json::Value;

use super::{Place, cortado, prints, refused, text, warned};

impl Place {
    /// `count` pairs of small images in the LMDBs of DIGITS, alike where `label` says so.
    pub(super) fn pairs(&self, count: usize, label: impl Fn(usize) -> usize) {
        for value in 0..4u8 {
            let image = Image::new(1, 4, 4, vec![value * 60; 16]).expect("an image");
            image.save_png(&self.path(&format!("{value}.png"))).expect("written");
        }
        let lines = (0..count).map(|i| format!("{}.png {}.png {}\n", i % 4, i % 3, label(i)));
        let list = self.write("pairs.txt", lines.collect::<String>());
        prints(&["create-db", &self.at("db"), "--pairs", &list]);
    }

    /// A run file for a small net of pairs, and what is put under `dataset` and `train`.
    pub(super) fn run(&self, name: &str, data: &str, train: &str) -> String {
        let tower = |side: &str| {
            format!(
                "layer {{ name: 'f_{side}' type: 'InnerProduct' bottom: '{side}' top: 'f_{side}' param {{ name: 'w' }}
                   param {{ name: 'b' }} inner_product_param {{ num_output: 2 weight_filler {{ type: 'xavier' }} }} }}\n"
            )
        };
        let net = format!(
            "layer {{ name: 'slice' type: 'Slice' bottom: 'data' top: 'left' top: 'right' top: 'none'
               slice_param {{ slice_point: 1 slice_point: 2 }} }}
             layer {{ name: 'silence' type: 'Silence' bottom: 'none' }}
             {}{}layer {{ name: 'loss' type: 'ContrastiveLoss' bottom: 'f_left' bottom: 'f_right' bottom: 'label' top: 'loss'
               exclude {{ stage: 'deploy' }} }}",
            tower("left"),
            tower("right")
        );
        self.write("net.prototxt", net);
        let run = format!(
            "network: net.prototxt\ndataset:\n  train: {{ {data} }}\ntrain: {{ {train} }}\noutput: {}\n",
            self.at("out")
        );
        self.write(name, run)
    }
}

const SHORT: &str = "iterations: 2, batch_size: 16, solver: { base_lr: 0.01 }";

#[test]
fn pairs_without_their_labels_are_refused() {
    let place = Place::new();
    place.pairs(32, |i| i % 2);
    let run = place.run("run.yaml", "images: db/train_images", SHORT);
    let complaint = refused(&["train", &run]);
    assert!(complaint.contains("carry the label -1, which is none of a pair"), "{complaint}");
    assert!(complaint.contains("write `labels: db/train_labels` beside"), "{complaint}");
    let both = "images: db/train_images, labels: db/train_labels";
    let run = place.run("both.yaml", both, SHORT);
    assert!(!warned(&["train", &run]).contains("warning"));
}

#[test]
fn labels_that_are_all_one_are_told_of() {
    let place = Place::new();
    place.pairs(32, |_| 1);
    let both = "images: db/train_images, labels: db/train_labels";
    let warning = warned(&["train", &place.run("run.yaml", both, SHORT)]);
    assert!(
        warning.contains("the first 16 labels of") && warning.contains("are all 1"),
        "{warning}"
    );
    let shuffled = place.run("run.yaml", both, &format!("shuffle: true, {SHORT}"));
    assert!(!warned(&["train", &shuffled]).contains("are all 1"));
}

#[test]
fn the_last_run_in_a_folder_is_the_one_that_is_used() {
    let place = Place::new();
    place.pairs(32, |i| i % 2);
    let both = "images: db/train_images, labels: db/train_labels";
    let train = |iterations: u32| {
        let train = format!(
            "iterations: {iterations}, batch_size: 16, solver: {{ base_lr: 0.00001, snapshot: 3 }}"
        );
        warned(&["train", &place.run("run.yaml", both, &train)])
    };
    assert_eq!(train(7), "");
    let told = train(4);
    assert!(told.contains("snapshot_iter_7.safetensors is of an earlier run and stays"), "{told}");
    let image = place.at("db/train_test_same_class_0.png");
    let used = warned(&["infer", &place.at("run.yaml"), &image]);
    let file = place.at("out/snapshot_iter_4.safetensors");
    assert_eq!(used, format!("weights: {file}\n"));
    // What is written anew is not told of, and without a log the most iterations count.
    assert!(train(7).contains("snapshot_iter_4.safetensors is of an earlier run"));
    std::fs::remove_file(place.path("out/log.jsonl")).expect("removed");
    let used = warned(&["infer", &place.at("run.yaml"), &image]);
    assert!(used.contains("snapshot_iter_7.safetensors"), "{used}");
}

#[test]
fn two_trainings_do_not_share_a_folder() {
    let place = Place::new();
    place.pairs(32, |i| i % 2);
    let run = place.run("run.yaml", "images: db/train_images, labels: db/train_labels", SHORT);
    std::fs::create_dir(place.path("out")).expect("made");
    let lock = std::fs::File::create(place.path("out/.lock")).expect("made");
    lock.lock().expect("a file system with locks");
    std::fs::write(place.path("out/.lock"), "123").expect("written");
    let complaint = refused(&["train", &run]);
    assert!(
        complaint.contains("out: is being written by another cortado (process 123)"),
        "{complaint}"
    );
    drop(lock);
    warned(&["train", &run]);
}

#[test]
fn one_grey_image_is_no_pair() {
    let place = Place::new();
    place.pairs(32, |i| i % 2);
    let run = place.run("run.yaml", "images: db/train_images, labels: db/train_labels", SHORT);
    prints(&["train", &run]);
    let [one, other] = ["1.png", "2.png"].map(|name| place.at(name));
    let warning = warned(&["infer", &run, &one, &other]);
    assert!(warning.contains("1.png (and 1 more) is one grey image"), "{warning}");
    assert!(!warned(&["infer", &run, "--pairs", &one, &other]).contains("grey"));
    let pair = place.at("db/train_test_same_class_0.png");
    assert!(!warned(&["infer", &run, &pair]).contains("grey"));
}

/// The sum that a net of `channels` x 4 x 4 gives for an image, with a weight for each channel.
fn weighed(place: &Place, image: &str, more: &[&str]) -> f64 {
    let net = "input: 'data' input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4
        layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param { num_output: 1 } }";
    let net = place.write("deploy.prototxt", net);
    let channel = |i: usize| [1.0, 10.0, 100.0][i / 16];
    let weights = Blob { shape: vec![1, 48], data: (0..48).map(channel).collect() };
    let bias = Blob { shape: vec![1], data: vec![0.0] };
    let path = place.path("w.safetensors");
    write_safetensors(&path, [("param.ip.0", &weights), ("param.ip.1", &bias)]).expect("written");
    let weights = place.at("w.safetensors");
    let shown = prints(&[&["infer", &net, image, "--weights", &weights, "--json"], more].concat());
    let reply: Value = serde_json::from_str(&shown).expect("JSON");
    reply["outputs"]["ip"][0][0].as_f64().expect("a number")
}

#[test]
fn pixels_for_a_net_alone_are_told_as_classify_py_is() {
    let place = Place::new();
    // Blue 2, green 20, red 200.
    let colours = |n: usize| [2u8, 20, 200].iter().flat_map(|&value| vec![value; n]).collect();
    let plain = Image::new(3, 4, 4, colours(16)).expect("an image");
    plain.save_png(&place.path("plain.png")).expect("written");
    let image = place.at("plain.png");
    let sum = |blue: f64, green: f64, red: f64| 16.0 * (blue + 10.0 * green + 100.0 * red);
    let near = |found: f64, expected: f64| {
        assert!(
            (found - expected).abs() < 1e-4 * expected.abs().max(1.0),
            "{found}, not {expected}"
        );
    };
    near(weighed(&place, &image, &[]), sum(2.0, 20.0, 200.0));
    near(weighed(&place, &image, &["--scale", "0.5"]), sum(1.0, 10.0, 100.0));
    near(weighed(&place, &image, &["--mean", "1,2,3"]), sum(1.0, 18.0, 197.0));
    near(weighed(&place, &image, &["--channels", "rgb"]), sum(200.0, 20.0, 2.0));
    let all = ["--channels", "rgb", "--mean", "1,2,3", "--input_scale", "0.5"];
    near(weighed(&place, &image, &all), sum(99.5, 9.0, -0.5));
    // A mean image is in the net's order of channels, too.
    let mean = Blob { shape: vec![1, 3, 4, 4], data: (0..48).map(|i| (i / 16) as f32).collect() };
    write_binaryproto(&place.path("mean.binaryproto"), &mean).expect("written");
    let mean = place.at("mean.binaryproto");
    near(weighed(&place, &image, &["--mean", &mean]), sum(2.0, 19.0, 198.0));
    let rgb = ["--channels", "rgb", "--mean", &mean];
    near(weighed(&place, &image, &rgb), sum(200.0, 19.0, 0.0));
    // Of 8 x 8 pixels with a frame of 0 the middle is cut out when nothing is resized but to 8.
    let framed = |i: usize| {
        let (row, column) = (i / 8 % 8, i % 8);
        let inside = (2..6).contains(&row) && (2..6).contains(&column);
        if inside { [2, 20, 200][i / 64] } else { 0 }
    };
    let framed = Image::new(3, 8, 8, (0..192).map(framed).collect()).expect("an image");
    framed.save_png(&place.path("framed.png")).expect("written");
    let framed = place.at("framed.png");
    near(weighed(&place, &framed, &["--resize", "8x8"]), sum(2.0, 20.0, 200.0));
    assert!(weighed(&place, &framed, &[]) < 0.9 * sum(2.0, 20.0, 200.0));
    let run = place.write("run.yaml", "network: deploy.prototxt\n");
    let weights = place.at("w.safetensors");
    let complaint = refused(&["infer", &run, &image, "--weights", &weights, "--scale", "2"]);
    assert!(complaint.contains("--scale is for a net alone"), "{complaint}");
}

#[test]
fn files_that_are_not_there_are_told_with_their_place() {
    let place = Place::new();
    place.pairs(32, |i| i % 2);
    let both = "images: db/train_imgs, labels: db/train_labels";
    let complaint = refused(&["train", &place.run("run.yaml", both, SHORT)]);
    assert!(complaint.contains("run.yaml: line 3: `dataset.train.images`"), "{complaint}");
    assert!(complaint.contains("did you mean `db/train_images`?"), "{complaint}");
    let none = place.run("run.yaml", "", SHORT);
    let complaint = refused(&["train", &none]);
    assert!(complaint.contains("the run file has no data for `data`"), "{complaint}");
    // Layers name theirs.
    let net = |source: &str, mean: &str| {
        format!(
            "layer {{ name: 'data' type: 'Data' top: 'data' top: 'label'
               transform_param {{ {mean} }}
               data_param {{ source: '{source}' batch_size: 4 backend: LMDB }} }}
             layer {{ name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param {{ num_output: 2
               weight_filler {{ type: 'xavier' }} }} }}
             layer {{ name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }}"
        )
    };
    let solver = place.write(
        "solver.prototxt",
        "net: 'net.prototxt' base_lr: 0.1 lr_policy: 'fixed' max_iter: 1",
    );
    place.write("net.prototxt", net("db/train_imags", ""));
    let complaint = refused(&["train", &solver]);
    assert!(
        complaint.contains("error[E0902]: layer `data`: there is no `db/train_imags`"),
        "{complaint}"
    );
    assert!(complaint.contains("net.prototxt:3:"), "{complaint}");
    assert!(complaint.contains("did you mean `db/train_images`?"), "{complaint}");
    place.write("net.prototxt", net("db/train_images", "mean_file: 'db/trian_mean.binaryproto'"));
    let complaint = refused(&["train", &solver]);
    assert!(complaint.contains("net.prototxt:2:"), "{complaint}");
    assert!(complaint.contains("did you mean `db/train_mean.binaryproto`?"), "{complaint}");
    // A check reads the database from where it is started.
    let there = net(&place.at("db/train_images"), "mean_file: 'nowhere.binaryproto'");
    let warning = warned(&["check", &place.write("net.prototxt", there)]);
    assert!(warning.contains("W0620") && warning.contains("nowhere.binaryproto"), "{warning}");
}

#[test]
fn stored_statistics_without_weights_are_told_of() {
    let place = Place::new();
    let layers = "layer { name: 'data' type: 'DummyData' top: 'data' top: 'label' dummy_data_param {
          shape { dim: 2 dim: 3 } shape { dim: 2 } } }
        layer { name: 'bn' type: 'BatchNorm' bottom: 'data' top: 'bn' batch_norm_param { use_global_stats: true } }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'bn' top: 'ip' inner_product_param { num_output: 2
          weight_filler { type: 'xavier' } } }
        layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }";
    place.write("net.prototxt", layers);
    let solver = place.write(
        "solver.prototxt",
        format!(
            "net: 'net.prototxt' base_lr: 0.1 lr_policy: 'fixed' max_iter: 1 snapshot_prefix: '{}'",
            place.at("s")
        ),
    );
    let warning = warned(&["train", &solver]);
    assert!(warning.contains("layer `bn` has `use_global_stats: true` in training"), "{warning}");
    let weights = place.at("s_iter_1.caffemodel");
    assert!(!warned(&["train", &solver, "--weights", &weights]).contains("use_global_stats"));
}

#[test]
fn a_batch_of_one_has_no_statistics_in_torch() {
    let place = Place::new();
    let net = place.write(
        "net.lua",
        "require 'nn'\nlocal net = nn.Sequential()\nnet:add(nn.SpatialConvolution(3, 4, 3, 3))\n\
         net:add(nn.SpatialBatchNormalization(4))\nreturn net\n",
    );
    let with = |shape: &str| warned(&["check", &net, "--stage", "TRAIN", "--shape", shape]);
    let warning = with("0=1,3,8,8");
    assert!(warning.contains("warning[W0640]") && warning.contains("net.lua:4:"), "{warning}");
    assert!(!with("0=2,3,8,8").contains("W0640"));
    let one = ["check", &net, "--stage", "TRAIN", "--input-shape", "3,8,8"];
    assert!(!warned(&one).contains("W0640"));
    // A step takes a batch of two where nobody says which.
    let step = ["--loss", "nn.MSECriterion()", "--input-shape", "3x8x8", "--step"];
    let shown = prints(&[&["check", &net], &step[..]].concat());
    assert!(shown.contains("2 x 4 x 6 x 6"), "{shown}");
}

#[test]
fn what_web_pages_and_word_processors_add_is_one_mistake() {
    let place = Place::new();
    let lines = "\u{a0}\u{a0}name: 'ip'\n\u{a0}\u{a0}type: 'InnerProduct'\n";
    let check = |name: &str, content: &str, expected: &str| {
        let complaint = refused(&["check", &place.write(name, content)]);
        assert!(complaint.contains(expected), "{complaint}");
        assert!(complaint.ends_with("1 error\n"), "{complaint}");
    };
    check(
        "a.prototxt",
        &format!("layer {{\n{lines}}}\n"),
        "line 2 and another one have non-breaking",
    );
    check("b.prototxt", "layer { name: &quot;ip&quot; type: &quot;ReLU&quot; }\n", "HTML entities");
    check(
        "c.lua",
        "require 'nn'\nlocal a =\u{a0}nn.Sequential()\nreturn a\n",
        "line 2 has non-breaking",
    );
    check("d.lua", "require “nn”\n", "use straight quotes");
    let python = "class UserModel(Tower):\n    @model_property\n    def inference(self):\n\
        \u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}return self.x\n";
    let complaint = refused(&["check", &place.write("e.py", python), "--input-shape", "4,4,1"]);
    assert!(complaint.contains("line 4 has non-breaking spaces"), "{complaint}");
}

#[test]
fn a_byte_order_mark_is_part_of_no_list() {
    let place = Place::new();
    let image = Image::new(1, 4, 4, vec![7; 16]).expect("an image");
    image.save_png(&place.path("a.png")).expect("written");
    let list = place.write("list.txt", "\u{feff}a.png 1\n");
    let root = format!("{}/", text(place.0.path().into()));
    assert_eq!(warned(&["convert-imageset", &root, &list, &place.at("lmdb")]), "");
    let wide: Vec<u8> = "\u{feff}a.png 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let list = place.write("wide.txt", wide);
    let complaint = refused(&["convert-imageset", &root, &list, &place.at("other")]);
    assert!(complaint.contains("UTF-16"), "{complaint}");
    assert!(!Path::new(&place.at("other")).exists());
    assert_eq!(cortado(&["convert-imageset", &root, &list]).status.code(), Some(2));
}

#[test]
fn run_files_are_checked_and_drawn_before_their_pairs_are_made() {
    let place = Place::new();
    let idx = |name: &str, bytes: &[u8]| place.write(name, bytes);
    let images: Vec<u8> =
        [&[0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, 4][..], &[9; 320]].concat();
    idx("images", &images);
    let labels: Vec<u8> = (0..20).map(|i| i % 2).collect();
    idx("labels", &[&[0, 0, 8, 1, 0, 0, 0, 20][..], &labels].concat());
    place.run("run.yaml", "", SHORT);
    let run = place.write(
        "run.yaml",
        format!(
            "network: net.prototxt\ndataset:\n  pairs: {{ images: images, labels: labels, count: 32, val_count: 8 }}\n\
             train: {{ {SHORT} }}\noutput: {}\n",
            place.at("out")
        ),
    );
    let shown = prints(&["check", &run, "--memory"]);
    assert!(shown.contains("16 x 3 x 4 x 4") && shown.contains("at most"), "{shown}");
    assert!(!place.path("out").exists());
    let picture = place.at("net.svg");
    prints(&["visualize", &run, "-o", &picture]);
    assert!(place.path("net.svg").exists());
    prints(&["time", &run, "--iterations", "1"]);
    assert!(prints(&["diff", &run, &run]).contains("mean the same"));
    // Once they are there, they are what is looked at.
    prints(&["train", &run]);
    let features = place.at("features.json");
    let shown = prints(&["extract", &run, "--blobs", "f_left", "-o", &features]);
    assert_eq!(shown, "f_left: 8 x 2\n");
    assert!(
        refused(&["extract", &place.at("net.prototxt"), "--blobs", "f_left", "-o", &features])
            .contains("give them with --data or --tensors")
    );
    assert!(prints(&["check", &run]).contains("16 x 3 x 4 x 4"));
}

#[test]
fn snapshots_and_validations_are_in_epochs_and_old_ones_go() {
    let place = Place::new();
    place.pairs(64, |i| i % 2);
    let data = "images: db/train_images, labels: db/train_labels";
    let train = "epochs: 2, snapshot: 0.5, validation: 0.25, keep: 2, batch_size: 8, solver: { base_lr: 0.00001 }";
    let run = place.run("run.yaml", data, train);
    let val = format!("dataset:\n  val: {{ {data} }}\n");
    let text = std::fs::read_to_string(&run).expect("text").replace("dataset:\n", &val);
    let shown = prints(&["train", &place.write("run.yaml", text)]);
    let tests: Vec<&str> = shown.lines().filter(|line| line.contains(" test net #0")).collect();
    assert_eq!(tests.len(), 9, "{shown}");
    assert_eq!(shown.matches("snapshot_iter_").count(), 5, "{shown}");
    let mut left: Vec<String> = std::fs::read_dir(place.path("out"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .filter(|name| name.ends_with(".state") || name.ends_with(".caffemodel"))
        .collect();
    left.sort();
    let names = ["12.caffemodel", "12.state", "16.caffemodel", "16.state"];
    assert_eq!(left, names.map(|name| format!("snapshot_iter_{name}")));
    let complaint = refused(&["train", &run, "--set", "train.keep=0"]);
    assert!(complaint.contains("`train.keep` is 0, and must be at least 1"), "{complaint}");
}

#[test]
fn weights_of_another_net_and_states_that_are_none_are_named() {
    let place = Place::new();
    place.pairs(32, |i| i % 2);
    let run = place.run("run.yaml", "images: db/train_images, labels: db/train_labels", SHORT);
    let blob = Blob { shape: vec![2, 16], data: vec![0.0; 32] };
    let path = place.path("other.safetensors");
    write_safetensors(&path, [("param.ip1.0", &blob), ("param.ip2.0", &blob)]).expect("written");
    let complaint = refused(&["train", &run, "--weights", &place.at("other.safetensors")]);
    assert!(complaint.contains("it has `ip1`, `ip2`, the net `f_left`"), "{complaint}");
    assert!(complaint.contains("cortado convert"), "{complaint}");
    prints(&["train", &run]);
    let model = place.at("out/snapshot_iter_2.caffemodel");
    let complaint = refused(&["train", &run, "--resume", &model]);
    assert!(complaint.contains("--resume takes a .state or a .solverstate"), "{complaint}");
}

#[test]
fn converting_keeps_the_old_file_and_says_what_is_lost() {
    let place = Place::new();
    let old = "# a net\ninput: 'data' # images\ninput_dim: 1 input_dim: 1 input_dim: 2 input_dim: 2\n\
        layers { name: 'a # b' type: RELU bottom: 'data' top: 'a' }\n";
    let net = place.write("old.prototxt", old);
    let complaint = refused(&["convert", &net, &net]);
    assert!(complaint.contains("is the old file itself"), "{complaint}");
    assert_eq!(std::fs::read_to_string(&net).expect("text"), old);
    let told = warned(&["convert", &net, &place.at("new.prototxt")]);
    assert_eq!(told, format!("note: 2 comments of {net} left out\n"));
}

#[test]
fn of_very_many_complaints_the_first_errors_are_shown() {
    let place = Place::new();
    let bad =
        |i: usize| format!("layer {{ name: 'l{i}' type: 'ReLU' bottom: 'x{i}' top: 'y{i}' }}\n");
    let net = place.write("net.prototxt", (0..100).map(bad).collect::<String>());
    let complaint = refused(&["check", &net]);
    assert_eq!(complaint.matches("error[").count(), 30, "{complaint}");
    assert!(complaint.contains("more, which `cortado check --json` has"), "{complaint}");
    // What could not be read at all has no table.
    let net = place.write("lua.lua", "local a = = 1");
    let output = cortado(&["check", &net]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn options_that_are_fields_of_a_run_file_are_told_how_to_write() {
    let output = cortado(&["train", "run.yaml", "--epochs", "3"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(told.contains("write it as --set train.epochs=3"), "{told}");
    assert!(!told.contains("to pass '--epochs' as a value"), "{told}");
    let output = cortado(&["check", "net.lua", "--input-shape", "3,a"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("write it as 3,28,28"));
    assert!(prints(&["explain", "run-file"]).contains("validation: 1"));
}

#[test]
fn a_root_that_is_a_folder_wants_its_slash() {
    let place = Place::new();
    let image = Image::new(1, 4, 4, vec![7; 16]).expect("an image");
    std::fs::create_dir(place.path("train")).expect("made");
    image.save_png(&place.path("train/0.png")).expect("written");
    let list = place.write("list.txt", "0.png 1\n");
    let root = place.at("train");
    let told = refused(&["convert-imageset", &root, &list, &place.at("db")]);
    assert!(told.contains(&format!("for the folder write `{root}/`")), "{told}");
    let shown = prints(&["convert-imageset", &format!("{root}/"), &list, &place.at("db")]);
    assert!(shown.starts_with("1 image in "), "{shown}");
}

#[test]
fn a_folder_for_each_class_is_a_list() {
    let place = Place::new();
    for (class, value) in [("dogs", 10), ("cats", 20)] {
        std::fs::create_dir_all(place.path(&format!("all/{class}"))).expect("made");
        let image = Image::new(1, 4, 4, vec![value; 16]).expect("an image");
        for name in ["b.png", "a.png"] {
            image.save_png(&place.path(&format!("all/{class}/{name}"))).expect("written");
        }
    }
    place.write("all/cats/notes.txt", "no image");
    let all = place.at("all");
    let shown = prints(&["convert-imageset", "/", &all, &place.at("db")]);
    assert!(shown.starts_with("class 0: cats\nclass 1: dogs\n4 images in "), "{shown}");
    let made = cortado::data::records::Records::open_lmdb(&place.path("db"), None);
    let labels = made.and_then(|mut records| records.first_labels(9)).expect("a database");
    assert_eq!(labels, [0.0, 0.0, 1.0, 1.0]);
    let shown = prints(&["create-db", &place.at("pairs"), &all, "-c", "6", "--val-count", "2"]);
    assert!(shown.contains("train: 6 pairs of 4 images"), "{shown}");
    std::fs::create_dir(place.path("empty")).expect("made");
    let complaint = refused(&["convert-imageset", "/", &place.at("empty"), &place.at("other")]);
    assert!(complaint.contains("give a list of `path label` lines"), "{complaint}");
}

#[test]
fn a_loss_that_is_no_number_ends_a_run_that_says_so() {
    let place = Place::new();
    place.pairs(32, |i| i % 2);
    let data = "images: db/train_images, labels: db/train_labels";
    let train = |more: &str| {
        let train = format!("iterations: 30, batch_size: 16, {more} solver: {{ base_lr: 1000 }}");
        cortado(&["train", &place.run("run.yaml", data, &train)])
    };
    assert!(train("").status.success());
    let stopped = train("stop_on_nan: true,");
    assert_eq!(stopped.status.code(), Some(1));
    let told = String::from_utf8_lossy(&stopped.stderr).into_owned();
    assert!(told.contains("`train.stop_on_nan` ends the run there"), "{told}");
}

#[test]
fn a_state_after_the_end_is_told_of() {
    let place = Place::new();
    place.pairs(32, |i| i % 2);
    let run = place.run("run.yaml", "images: db/train_images, labels: db/train_labels", SHORT);
    prints(&["train", &run]);
    let state = place.at("out/snapshot_iter_2.state");
    let told = warned(&["train", &run, "--resume", &state]);
    assert!(told.contains("the state is of iteration 2, and the run ends at 2"), "{told}");
    let told = warned(&["train", &run, "--resume", &state, "--set", "train.iterations=4"]);
    assert!(!told.contains("the run ends"), "{told}");
}
