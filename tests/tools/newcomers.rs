//! What people do who meet the program for the first time: files that are forgotten, named wrongly or written twice, and what
//! they are told.

use std::path::{Path, PathBuf};

use cortado::data::images::Image;
use cortado::weights::{Blob, write_binaryproto, write_safetensors};
use serde_json::Value;

use super::{cortado, prints, refused, text, warned};

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

    /// `count` pairs of small images in the LMDBs of DIGITS, alike where `label` says so.
    fn pairs(&self, count: usize, label: impl Fn(usize) -> usize) {
        for value in 0..4u8 {
            let image = Image::new(1, 4, 4, vec![value * 60; 16]).expect("an image");
            image.save_png(&self.path(&format!("{value}.png"))).expect("written");
        }
        let lines = (0..count).map(|i| format!("{}.png {}.png {}\n", i % 4, i % 3, label(i)));
        let list = self.write("pairs.txt", lines.collect::<String>());
        prints(&["create-db", &self.at("db"), "--pairs", &list]);
    }

    /// A run file for a small net of pairs, and what is put under `dataset` and `train`.
    fn run(&self, name: &str, data: &str, train: &str) -> String {
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
            "iterations: {iterations}, batch_size: 16, solver: {{ base_lr: 0.01, snapshot: 3 }}"
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
    assert!(!train(7).contains("earlier run"));
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
    let with = |shape: &str| warned(&["check", &net, "--shape", shape]);
    let warning = with("0=1,3,8,8");
    assert!(warning.contains("warning[W0640]") && warning.contains("net.lua:4:"), "{warning}");
    assert!(!with("0=2,3,8,8").contains("W0640"));
    assert!(!warned(&["check", &net, "--input-shape", "3,8,8"]).contains("W0640"));
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
        "line 2 have non-breaking",
    );
    check("d.lua", "require “nn”\n", "use straight quotes");
    let python = "class UserModel(Tower):\n    @model_property\n    def inference(self):\n\
        \u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}return self.x\n";
    let complaint = refused(&["check", &place.write("e.py", python), "--input-shape", "4,4,1"]);
    assert!(complaint.contains("line 4 have non-breaking spaces"), "{complaint}");
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
