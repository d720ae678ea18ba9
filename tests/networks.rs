//! The bundled networks check without a complaint, have the published numbers of parameters, and nets that Caffe itself
//! described have the blobs, parameters, loss weights and outputs that Caffe gave them (tests/golden/caffe/structures).

#[path = "networks/splits.rs"]
mod splits;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cortado::ir::TypedNet;
use cortado::pipeline::{self, Checked, Options};
use cortado::ty::Shape;
use serde_json::Value;
use splits::with_splits;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Checks a file; any complaint fails the test.
fn clean(path: &str, shapes: &[(&str, &[usize])]) -> Checked {
    let shapes: BTreeMap<String, Shape> =
        shapes.iter().map(|&(name, dims)| (name.to_owned(), Shape(dims.to_vec()))).collect();
    let options = Options { shapes, ..Options::default() };
    let checked = pipeline::check_file(&root().join(path), &options).expect("the file is there");
    let complaints = checked.complaints();
    assert!(checked.diagnostics.is_empty(), "{complaints}");
    checked
}

fn learned(typed: &TypedNet) -> usize {
    typed.parameter_count()
}

/// A bundled network with the shape of its data, and the learned parameters of each of its stages.
fn check(path: &str, shapes: &[(&str, &[usize])], parameters: &[(&str, usize)]) {
    let checked = clean(path, shapes);
    let found: Vec<(String, usize)> =
        checked.stages.iter().map(|t| (t.net.state.label(), learned(t))).collect();
    let expected: Vec<(String, usize)> =
        parameters.iter().map(|&(stage, n)| (stage.to_owned(), n)).collect();
    assert_eq!(found, expected, "{path}");
}

/// An image network with its three stages.
fn imagenet(net: &str, side: usize, training: usize, deploy: usize) {
    let path = format!("networks/{net}/caffe.prototxt");
    let stages = [("train", training), ("val", training), ("deploy", deploy)];
    check(&path, &[("data", &[2, 3, side, side]), ("label", &[2])], &stages);
}

#[test]
fn small_nets_have_the_published_parameters() {
    let mnist: &[(&str, &[usize])] = &[("data", &[64, 1, 28, 28])];
    let phases = |n| [("TRAIN", n), ("TEST", n)];
    check("networks/lenet/caffe.prototxt", mnist, &phases(431_080));
    check("networks/lenet/auto.prototxt", mnist, &phases(431_080));
    check(
        "networks/siamese/train_test.prototxt",
        &[("pair_data", &[64, 2, 28, 28])],
        &phases(431_102),
    );
    check("networks/cifar10/caffe.prototxt", &[("data", &[100, 3, 32, 32])], &phases(89_578));
    let autoencoder =
        [("TRAIN", 2_837_314), ("TEST+test-on-test", 2_837_314), ("TEST+test-on-train", 2_837_314)];
    check("networks/autoencoder/caffe.prototxt", mnist, &autoencoder);
}

#[test]
fn digits_siamese_is_one_tower_large() {
    let checked = clean("networks/siamese/caffe.prototxt", &[("data", &[64, 3, 28, 28])]);
    for typed in &checked.stages {
        assert_eq!(learned(typed), 431_102, "{}", typed.net.state.label());
    }
}

#[test]
fn image_nets_have_the_published_parameters() {
    imagenet("alexnet", 227, 60_965_224, 60_965_224);
    imagenet("caffenet", 227, 60_965_224, 60_965_224);
    imagenet("googlenet", 224, 13_378_280, 6_998_552);
    imagenet("vgg16", 224, 138_357_544, 138_357_544);
    imagenet("resnet50", 224, 25_557_032, 25_557_032);
    imagenet("squeezenet", 227, 1_248_424, 1_248_424);
    imagenet("mobilenet", 224, 4_231_976, 4_231_976);
}

fn structure(name: &str) -> Vec<Value> {
    let path = root().join("tests/golden/caffe/structures").join(name);
    let text = std::fs::read_to_string(path).expect("golden data are part of the repository");
    match serde_json::from_str(&text).expect("valid JSON") {
        Value::Array(list) => list,
        one => vec![one],
    }
}

/// Compares a net, with the Split layers that Caffe inserts, to Caffe's own description.
fn agree(typed: &TypedNet, golden: &Value) {
    let ours = with_splits(typed);
    let layers: Vec<Value> = ours
        .layers
        .iter()
        .map(|layer| {
            let params: Vec<&[usize]> = layer.params.iter().map(Shape::dims).collect();
            serde_json::json!({
                "name": layer.name, "type": layer.kind, "bottoms": layer.bottoms, "tops": layer.tops,
                "params": params,
            })
        })
        .collect();
    let expected = golden["layers"].as_array().expect("a list");
    for (own, want) in layers.iter().zip(expected) {
        assert_eq!(own, want);
    }
    assert_eq!(layers.len(), expected.len());
    let blobs: BTreeMap<&str, &Value> = golden["blobs"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|blob| (blob["name"].as_str().unwrap_or_default(), blob))
        .collect();
    assert_eq!(
        ours.blobs.keys().map(String::as_str).collect::<Vec<_>>(),
        blobs.keys().copied().collect::<Vec<_>>()
    );
    for (name, (shape, weight)) in &ours.blobs {
        let want = blobs[name.as_str()];
        assert_eq!(serde_json::json!(shape.dims()), want["shape"], "{name}");
        let given = want["loss_weight"].as_f64().unwrap_or_default();
        assert!((f64::from(*weight) - given).abs() < 1e-6, "{name}: {weight} against {given}");
    }
    assert_eq!(serde_json::json!(ours.outputs), golden["outputs"]);
}

fn nets_agree(definition: &str, structures: &str) {
    let path = root().join(definition);
    for golden in structure(structures) {
        let phase = golden["phase"].as_str().unwrap_or_default();
        let stages = cortado::ir::NetState::named(phase).into_iter().collect();
        let options = Options { stages, ..Options::default() };
        let checked = pipeline::check_file(&path, &options).expect("the file is there");
        assert!(!checked.diagnostics.has_errors(), "{}", checked.complaints());
        agree(&checked.stages[0], &golden);
    }
}

#[test]
fn splits_have_caffes_names() {
    nets_agree("tests/golden/caffe/structures/splits.prototxt", "splits.json");
}

#[test]
fn trained_nets_have_caffes_structure() {
    for net in ["lenet_sgd", "siamese_sgd", "siamese_full_sgd", "resbn_sgd"] {
        nets_agree(&format!("tests/golden/caffe/nets/{net}/net.prototxt"), &format!("{net}.json"));
    }
}

#[test]
fn layer_cases_have_caffes_structure() {
    for case in
        ["composite_inception", "lstm_static", "slice_silence", "split_implicit", "two_losses"]
    {
        let folder = format!("tests/golden/caffe/layers/{case}/net.prototxt");
        nets_agree(&folder, &format!("layers_{case}.json"));
    }
}

#[test]
fn image_nets_have_caffes_structure() {
    for (net, golden) in [
        ("alexnet", "model_bvlc_alexnet.json"),
        ("caffenet", "model_bvlc_reference_caffenet.json"),
        ("googlenet", "model_bvlc_googlenet.json"),
    ] {
        let checked = clean(
            &format!("networks/{net}/caffe.prototxt"),
            &[(
                "data",
                &[
                    10,
                    3,
                    if net == "googlenet" { 224 } else { 227 },
                    if net == "googlenet" { 224 } else { 227 },
                ],
            )],
        );
        let deploy = checked.stage("deploy").expect("a stage for inference");
        agree(deploy, &structure(golden)[0]);
    }
}

#[test]
fn every_network_is_looked_at() {
    let folder = root().join("networks");
    let tested = include_str!("networks.rs");
    for entry in std::fs::read_dir(&folder).expect("the networks are part of the repository") {
        let name = entry.expect("readable").file_name().to_string_lossy().into_owned();
        let known = tested.contains(&format!("networks/{name}/"))
            || tested.contains(&format!("\"{name}\""));
        assert!(known || !Path::new(&folder).join(&name).join("caffe.prototxt").exists(), "{name}");
    }
}

/// Caffe's programs put the phase that they are asked for, and stages, into the state that the file has.
#[test]
fn stages_that_a_net_sets_itself_stay_where_a_phase_is_asked_for() {
    let net = r#"
        state { phase: TEST level: 2 stage: "fine" }
        input: "x" input_shape { dim: 2 }
        layer { name: "a" type: "TanH" bottom: "x" top: "a" include { stage: "fine" } }
        layer { name: "b" type: "TanH" bottom: "x" top: "b" include { stage: "fine" stage: "slow" } }
        layer { name: "c" type: "TanH" bottom: "x" top: "c" include { min_level: 1 } }
        layer { name: "d" type: "TanH" bottom: "x" top: "d" include { phase: TRAIN not_stage: "slow" } }
    "#;
    for (asked, expected) in [("TRAIN", "ad"), ("TEST", "a"), ("TRAIN+slow", "ab")] {
        let stages = cortado::ir::NetState::named(asked).into_iter().collect();
        let options = Options { stages, ..Options::default() };
        let checked = pipeline::check(Path::new("net.prototxt"), net.to_owned(), &options);
        let graph = &checked.stages[0].net.graph;
        let mut found: Vec<&str> = graph.node_weights().map(|node| &*node.name.value).collect();
        found.retain(|name| name.len() == 1 && *name != "x");
        found.sort_unstable();
        assert_eq!(found.concat(), expected, "{asked}");
    }
}
