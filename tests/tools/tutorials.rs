//! What people type who follow the tutorials of other programs, and the mistakes that they make there.

use std::process::Command;

use cortado::data::images::Image;

use super::inference::deploy;
use super::{Place, cortado, prints, refused, warned};

impl Place {
    /// Images of 4 x 4, `count` of each of two classes, in a folder for each.
    fn classes(&self, count: u8) -> String {
        for (class, value) in [("cats", 10), ("dogs", 200)] {
            std::fs::create_dir_all(self.path(&format!("all/{class}"))).expect("made");
            for i in 0..count {
                let image = Image::new(1, 4, 4, vec![value + i; 16]).expect("an image");
                image.save_png(&self.path(&format!("all/{class}/{i}.png"))).expect("written");
            }
        }
        self.at("all")
    }
}

/// What a run in a folder prints; it must end well.
fn prints_in(place: &Place, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cortado"));
    let output = command.args(arguments).current_dir(place.0.path()).output().expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_fault_of_both_phases_is_told_once() {
    let place = Place::new();
    let data = |phase: &str, batch: usize| {
        format!(
            "layer {{ name: 'data' type: 'Input' top: 'data' include {{ phase: {phase} }}
               input_param {{ shape {{ dim: {batch} dim: 1 dim: 28 dim: 28 }} }} }}\n"
        )
    };
    let conv = "layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv'
        convolution_param { num_output: 20 kernel_size: 35 weight_filler { type: 'xavier' } } }";
    let net = format!("{}{}{conv}", data("TRAIN", 64), data("TEST", 100));
    let told = refused(&["check", &place.write("net.prototxt", net)]);
    assert_eq!(told.matches("a window of 35 does not fit").count(), 1, "{told}");
    assert!(told.contains("at TEST `data` is 100 x 1 x 28 x 28"), "{told}");
    assert!(told.ends_with("1 error\n"), "{told}");
}

#[test]
fn a_list_says_what_its_paths_are_relative_to() {
    let place = Place::new();
    place.classes(1);
    std::fs::create_dir(place.path("lists")).expect("made");
    let list = place.write("lists/a.txt", "all/cats/0.png 0\nall/dogs/0.png 1\n");
    let told = refused(&["create-db", &place.at("db"), &list]);
    let there = format!("start cortado in {}, where it is", place.0.path().display());
    assert!(told.contains("line 1: ") || told.contains("line 2: "), "{told}");
    assert!(told.contains(&there), "{told}");
    let missing = place.write("lists/b.txt", "nowhere/0.png 0\n");
    let told = refused(&["create-db", &place.at("db"), &missing]);
    assert!(told.contains("the folder that the paths of the list are relative to"), "{told}");
    let shown =
        prints_in(&place, &["create_db", "db", "lists/a.txt", "-c", "4", "--val-count", "2"]);
    assert!(shown.contains("train: 4 pairs of 2 images"), "{shown}");
}

#[test]
fn a_picture_without_a_name_has_that_of_its_net() {
    let place = Place::new();
    let net = "layer { name: 'a' type: 'Input' top: 'a' input_param { shape { dim: 1 } } }";
    place.write("net.prototxt", net);
    assert_eq!(prints_in(&place, &["visualize", "net.prototxt"]), "net.svg\n");
    assert!(place.path("net.svg").exists());
}

#[test]
fn embeddings_are_of_images_of_any_kind() {
    let place = Place::new();
    deploy(&place);
    let run = place.write("run.yaml", "network: deploy.prototxt\n");
    let weights = place.ones("w.safetensors", 2, 48, 1.0);
    let folder = place.classes(6);
    prints(&["convert-imageset", "/", &folder, &place.at("db")]);
    let lines = ["cats", "dogs"]
        .into_iter()
        .enumerate()
        .flat_map(|(label, class)| (0..6).map(move |i| format!("all/{class}/{i}.png {label}\n")));
    let list = place.write("list.txt", lines.collect::<String>());
    let clusters = |more: &[&str]| {
        let options = ["clusters", &run, "--weights", &weights, "-o", &place.at("c.svg")];
        prints(&[&options[..], more].concat())
    };
    let shown = clusters(&["--images", &folder]);
    assert!(shown.starts_with("kNN 1.0000  pairs 1.0000 at distance"), "{shown}");
    for images in [&place.at("db"), &list] {
        assert_eq!(clusters(&["--images", images]), shown);
    }
    let absolute = clusters(&["--images", &folder, "--by", "l1"]);
    assert!(absolute.contains(" at l1 distance "), "{absolute}");
    let configured = format!("network: deploy.prototxt\nclusters: {{ images: {folder} }}\n");
    place.write("run.yaml", configured);
    assert_eq!(clusters(&[]), shown);
    std::fs::remove_dir_all(place.path("db")).expect("removed");
    place.pairs(4, |i| i % 2);
    let pairs = place.at("db/train_images");
    let told = refused(&["clusters", &run, "--weights", &weights, "--images", &pairs]);
    assert!(told.contains("has the label -1, which is no class"), "{told}");
}

#[test]
fn labels_that_no_class_has_or_that_come_sorted_are_told_of() {
    let place = Place::new();
    let folder = place.classes(20);
    prints(&["convert-imageset", "/", &folder, &place.at("db")]);
    let net = |outputs: usize| {
        let text = format!(
            "layer {{ name: 'data' type: 'Data' top: 'data' top: 'label' data_param {{ source: 'db' batch_size: 4 backend: LMDB }} }}
             layer {{ name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param {{ num_output: {outputs}
               weight_filler {{ type: 'xavier' }} }} }}
             layer {{ name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }}"
        );
        place.write("net.prototxt", text);
    };
    let solver =
        "net: 'net.prototxt' base_lr: 0.0001 lr_policy: 'fixed' max_iter: 10 snapshot_prefix: 's'";
    let solver = place.write("solver.prototxt", solver);
    let out = place.at("out");
    net(2);
    let warning = warned(&["train", &solver, "-o", &out]);
    assert!(warning.contains("db are all 0, and records come in the order"), "{warning}");
    assert!(warning.contains("the first 16 labels of"), "{warning}");
    net(1);
    let told = refused(&["train", &solver, "-o", &out]);
    assert!(
        told.contains(
            "knows the classes 0 to 0, and classes count from 0: give the layer before it 2 outputs"
        ),
        "{told}"
    );
}

#[test]
fn a_lua_definition_alone_takes_images() {
    let place = Place::new();
    let folder = place.classes(6);
    prints(&["convert-imageset", "--shuffle", "/", &folder, &place.at("db")]);
    let net = "require 'nn'\nlocal net = nn.Sequential():add(nn.View(48)):add(nn.Linear(48, 2)):add(nn.LogSoftMax())\nreturn net\n";
    let net = place.write("net.lua", net);
    let run = format!(
        "network: net.lua\nloss: nn.ClassNLLCriterion()\ndataset: {{ train: {{ images: db }}, classes: 2 }}\noutput: {}\n\
         train: {{ iterations: 2, batch_size: 4, solver: {{ method: sgd, learningRate: 0.000001 }} }}\n",
        place.at("out")
    );
    let run = place.write("run.yaml", run);
    prints(&["train", &run]);
    let (image, weights) = (place.at("all/dogs/1.png"), place.at("out/snapshot_iter_2_Weights.t7"));
    let alone = ["infer", &net, &image, "--weights", &weights, "--json"];
    let shape = ["--input-shape", "3,4,4", "--classes", "2"];
    assert_eq!(prints(&[&alone[..], &shape].concat()), prints(&["infer", &run, &image, "--json"]));
    let told = refused(&alone);
    assert!(told.contains("say it by --input-shape 3,224,224"), "{told}");
    let told = refused(&["check", &weights]);
    assert!(told.contains("weights are given beside their definition"), "{told}");
}

#[test]
fn a_run_file_is_kept_as_it_was_and_its_last_update_tested() {
    let place = Place::new();
    place.pairs(64, |i| i % 2);
    let both = "images: db/train_images, labels: db/train_labels";
    let run = place.run(
        "run.yaml",
        &format!("{both} }}\n  val: {{ {both}"),
        "iterations: 3, batch_size: 8, solver: { base_lr: 0.01 }",
    );
    std::fs::create_dir(place.path("runs")).expect("made");
    let text = std::fs::read_to_string(&run).expect("written");
    let moved = text.replace("net.prototxt", "../net.prototxt").replace("db/", "../db/");
    prints(&["train", &place.write("runs/run.yaml", moved)]);
    let log = std::fs::read_to_string(place.path("out/log.jsonl")).expect("a log");
    let last: serde_json::Value =
        serde_json::from_str(log.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["event"], &last["iteration"]), (&"test".into(), &3.into()), "{last}");
    let kept = std::fs::read_to_string(place.path("out/run.yaml")).expect("kept");
    assert!(!kept.contains("..") && kept.contains(&place.at("net.prototxt")), "{kept}");
}

#[test]
fn weights_are_written_as_caffe_writes_hdf5() {
    let place = Place::new();
    let [net, weights] = deploy(&place);
    let [model, file, back] =
        ["a.caffemodel", "a.caffemodel.h5", "b.caffemodel"].map(|name| place.at(name));
    prints(&["convert", &weights, &model, "--net", &net]);
    prints(&["convert", &model, &file, "--net", &net]);
    prints(&["convert", &file, &back, "--net", &net]);
    let read = |path: &str| std::fs::read(path).expect("written");
    assert_eq!(read(&model), read(&back));
    let output = cortado(&["convert", &model, &place.at("w.hdf5"), "--net", &net]);
    assert!(!output.status.success());
}

#[test]
fn names_that_are_part_of_others_are_answered_by_them() {
    let told = refused(&["layers", "conv"]);
    assert!(told.contains("there are BinaryConvolution") || told.contains("Convolution"), "{told}");
    let told = refused(&["layers", "x"]);
    assert!(told.contains("`cortado layers` lists all of them"), "{told}");
    let codes = prints(&["explain"]);
    let line = codes.lines().find(|line| line.starts_with("E0205")).expect("a line");
    assert!(line.contains("wrong-arity") && line.ends_with("for its type."), "{line}");
}
