//! Nets with several inputs: two images, regions, the size of an image, markers of sequences, and what nobody gives.

use std::collections::BTreeMap;

use cortado::data::images::Image;
use cortado::weights::{Blob, write_safetensors};
use serde_json::Value;

use super::{Place, prints, refused, warned};

impl Place {
    /// A grey image of 2 x 2 pixels.
    fn grey(&self, name: &str, pixels: [u8; 4]) -> String {
        let image = Image::new(1, 2, 2, pixels.to_vec()).expect("an image");
        image.save_png(&self.path(name)).expect("written");
        self.at(name)
    }

    fn weights(&self, name: &str, tensors: &[(&str, &[usize], &[f32])]) -> String {
        let blobs: BTreeMap<&str, Blob> = tensors
            .iter()
            .map(|(name, shape, data)| {
                (*name, Blob::new(shape.to_vec(), data.to_vec()).expect("fits"))
            })
            .collect();
        let path = self.path(name);
        write_safetensors(&path, blobs.iter().map(|(name, blob)| (*name, blob))).expect("written");
        self.at(name)
    }
}

/// What `infer --json` prints.
fn infer(arguments: &[&str]) -> Value {
    serde_json::from_str(&prints(&[&["infer"], arguments, &["--json"]].concat())).expect("JSON")
}

/// Two towers with shared weights that sum the pixels, one on each of two images.
const TWINS: &str = "name: 'twins'
    layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 64 dim: 1 dim: 2 dim: 2 } } }
    layer { name: 'data_p' type: 'Input' top: 'data_p' input_param { shape { dim: 64 dim: 1 dim: 2 dim: 2 } } }
    layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'a' param { name: 'w' } param { name: 'b' }
      inner_product_param { num_output: 1 } }
    layer { name: 'ip_p' type: 'InnerProduct' bottom: 'data_p' top: 'b' param { name: 'w' } param { name: 'b' }
      inner_product_param { num_output: 1 } }";

fn twins(place: &Place) -> [String; 2] {
    let ones: (&str, &[usize], &[f32]) = ("param.ip.0", &[1, 4], &[1.0; 4]);
    let weights = place.weights("twins.safetensors", &[ones, ("param.ip.1", &[1], &[0.0])]);
    [place.write("twins.prototxt", TWINS), weights]
}

#[test]
fn two_images_fill_two_inputs() {
    let place = Place::new();
    let [net, weights] = twins(&place);
    let images: Vec<String> =
        (1..5).map(|i| place.grey(&format!("{i}.png"), [i, 0, 0, i])).collect();
    let with = |more: &[&str]| infer(&[&[&net[..], "--weights", &weights], more].concat());
    let pairs =
        with(&[&["--pairs"], &images.iter().map(|i| &i[..]).collect::<Vec<_>>()[..]].concat());
    for (first, second) in [(1, 2), (3, 4)] {
        let outputs = &pairs["outputs"][&format!("{} {}", images[first - 1], images[second - 1])];
        assert_eq!(
            (&outputs["a"][0], &outputs["b"][0]),
            (&(2.0 * first as f64).into(), &(2.0 * second as f64).into())
        );
    }
    // One image beside all others.
    let beside = with(&[&images[0], &images[1], "--input", &format!("data_p={}", images[3])]);
    for (i, image) in images[..2].iter().enumerate() {
        let outputs = &beside["outputs"][image];
        assert_eq!(
            (&outputs["a"][0], &outputs["b"][0]),
            (&(2.0 * (i + 1) as f64).into(), &8.0.into())
        );
    }
    let numbers = with(&[&images[0], "--input", "data_p=1,2,3,4.5"]);
    assert_eq!(numbers["outputs"]["b"][0][0], 10.5);
    assert_eq!(numbers["distance"], 8.5);

    let [one, more] = [&images[0], &images[1]];
    let said = refused(&["infer", &net, one, "--weights", &weights]);
    let expected = "nothing fills the input `data_p`, 1 x 1 x 2 x 2, and outputs depend on it: give it an image or its \
         numbers in a file (.npy, .safetensors, .json), --input data_p=FILE, or take the images in twos with --pairs";
    assert!(said.contains(expected), "{said}");
    let options = ["--weights", &weights, "--input", "data_q=1"];
    let said = refused(&[&["infer", &net, one, more], &options[..]].concat());
    assert!(said.contains("the net has no input `data_q`; did you mean `data_p`?"), "{said}");
    let options = ["--weights", &weights, "--input", "data_p=1,2,3"];
    let said = refused(&[&["infer", &net, one], &options[..]].concat());
    assert!(said.contains("the input `data_p` is 64 x 1 x 2 x 2, not 3 numbers"), "{said}");

    // What both inputs see is explained.
    let seen = place.at("seen");
    let explained = with(&["--pairs", one, more, "--explain-input", &seen]);
    assert_eq!(explained["inputs"][one]["shape"], serde_json::json!([1, 2, 2]));
    assert!(place.path("seen/2.png").exists());
}

#[test]
fn an_input_that_nothing_depends_on_needs_nothing() {
    let place = Place::new();
    let [net, weights] = twins(&place);
    let net = std::fs::read_to_string(net).expect("text").replace("top: 'b' ", "top: 'unused' ")
        + "layer { name: 'hush' type: 'Silence' bottom: 'unused' }";
    let net = place.write("net.prototxt", net);
    let image = place.grey("a.png", [1, 2, 3, 4]);
    let reply = infer(&[&net, &image, "--weights", &weights]);
    assert_eq!(reply["outputs"], serde_json::json!({ "a": [[10.0]] }));
}

#[test]
fn regions_are_rows_of_their_own() {
    let place = Place::new();
    let net = place.write(
        "net.prototxt",
        "input: 'data' input_shape { dim: 1 dim: 1 dim: 2 dim: 2 } input: 'rois' input_shape { dim: 1 dim: 5 }
        layer { name: 'scale' type: 'Power' bottom: 'data' top: 'x' power_param { scale: 1 } }
        layer { name: 'pool' type: 'ROIPooling' bottom: 'x' bottom: 'rois' top: 'pool'
          roi_pooling_param { pooled_h: 1 pooled_w: 1 spatial_scale: 1 } }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'pool' top: 'ip' inner_product_param { num_output: 1 } }",
    );
    let weights = place
        .weights("w.safetensors", &[("param.ip.0", &[1, 1], &[1.0]), ("param.ip.1", &[1], &[0.0])]);
    let images = [place.grey("a.png", [1, 2, 3, 4]), place.grey("b.png", [8, 7, 6, 5])];
    let boxes = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
    let with = |rois: &str| {
        let given = format!("rois={rois}");
        infer(&[&net, &images[0], &images[1], "--weights", &weights, "--input", &given])
    };
    let expected = serde_json::json!({ images[0].clone(): { "ip": [1.0, 4.0] }, images[1].clone(): { "ip": [8.0, 6.0] } });
    assert_eq!(with("0,0,0,0,0,0,0,1,1,1")["outputs"], expected);
    let json = place.write("rois.json", "[[0, 0, 0, 0, 0], [0, 0, 1, 1, 1]]");
    assert_eq!(with(&json)["outputs"], expected);
    let tensor = place.weights("rois.safetensors", &[("in.rois", &[2, 5], &boxes)]);
    assert_eq!(with(&tensor)["outputs"], expected);
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 5), }".to_owned();
    let header = format!("{header:<117}\n");
    let mut npy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    npy.extend_from_slice(header.as_bytes());
    npy.extend(boxes.iter().flat_map(|x: &f32| x.to_le_bytes()));
    assert_eq!(with(&place.write("rois.npy", npy))["outputs"], expected);

    let said = refused(&["infer", &net, &images[0], "--weights", &weights]);
    let expected = "nothing fills the input `rois`, 1 x 5, and outputs depend on it: give its numbers, --input \
         rois=N,N,N,N,N, or a file (.npy, .safetensors, .json) with them\n";
    assert!(said.contains(expected), "{said}");
    let json = place.write("wrong.json", "[[0, 0, 0, 0]]");
    let given = format!("rois={json}");
    let said = refused(&["infer", &net, &images[0], "--weights", &weights, "--input", &given]);
    assert!(said.contains("the input `rois` is 1 x 5, not 1 x 4"), "{said}");
}

#[test]
fn every_image_is_told_its_size() {
    let place = Place::new();
    let net = place.write(
        "net.prototxt",
        "input: 'data' input_shape { dim: 1 dim: 1 dim: 2 dim: 2 } input: 'im_info' input_shape { dim: 1 dim: 3 }
        layer { name: 'size' type: 'Power' bottom: 'im_info' top: 'size' power_param { scale: 10 } }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param { num_output: 1 } }",
    );
    let weights = place.weights(
        "w.safetensors",
        &[("param.ip.0", &[1, 4], &[1.0; 4]), ("param.ip.1", &[1], &[0.0])],
    );
    let images = [place.grey("a.png", [1, 2, 3, 4]), place.grey("b.png", [8, 7, 6, 5])];
    let all = infer(&[&net, &images[0], &images[1], "--weights", &weights]);
    for image in &images {
        assert_eq!(all["outputs"][image]["size"], serde_json::json!([20.0, 20.0, 10.0]));
    }
    let own = infer(&[&net, &images[0], "--weights", &weights, "--input", "im_info=2,2,0.5"]);
    assert_eq!(own["outputs"]["size"], serde_json::json!([[20.0, 20.0, 5.0]]));
}

#[test]
fn every_image_begins_a_sequence_unless_markers_say_otherwise() {
    let place = Place::new();
    let net = place.write(
        "net.prototxt",
        "input: 'data' input_shape { dim: 3 dim: 1 dim: 2 dim: 2 } input: 'cont' input_shape { dim: 3 dim: 1 }
        layer { name: 'steps' type: 'Reshape' bottom: 'data' top: 'steps' reshape_param { shape { dim: 3 dim: 1 dim: 4 } } }
        layer { name: 'rnn' type: 'RNN' bottom: 'steps' bottom: 'cont' top: 'rnn' recurrent_param { num_output: 1 } }",
    );
    let small = [1e-3f32; 4];
    let weights = place.weights(
        "w.safetensors",
        &[
            ("param.rnn.0", &[1, 4], &small),
            ("param.rnn.1", &[1], &[0.0]),
            ("param.rnn.2", &[1, 1], &[1.0]),
            ("param.rnn.3", &[1, 1], &[1.0]),
            ("param.rnn.4", &[1], &[0.0]),
        ],
    );
    let image = place.grey("a.png", [10, 20, 30, 40]);
    let always = ["infer", &net, &image, &image, "--weights", &weights];
    let note = warned(&always);
    assert!(note.contains("`cont` is 0, so every image begins a sequence of its own"), "{note}");
    // There are only results for images, though the net takes three at a time. Of three the second and the third go on.
    let values = |more: &[&str]| -> Vec<String> {
        let shown = prints(&[&always[..], more].concat());
        shown.lines().filter_map(|line| line.split_once(" = ")).map(|(_, v)| v.to_owned()).collect()
    };
    let alone = values(&[]);
    assert_eq!(alone.len(), 2);
    assert_eq!(alone[0], alone[1]);
    let on = values(&[&image, "--input", "cont=0,1,1"]);
    assert_eq!((on.len(), &on[0]), (3, &alone[0]));
    assert!(on[0] != on[1] && on[1] != on[2], "{on:?}");
}

#[test]
fn a_label_may_be_given() {
    let place = Place::new();
    let net = place.write(
        "net.prototxt",
        "input: 'data' input_shape { dim: 1 dim: 1 dim: 2 dim: 2 } input: 'label' input_shape { dim: 1 dim: 1 }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param { num_output: 1 } }
        layer { name: 'sum' type: 'Eltwise' bottom: 'ip' bottom: 'label' top: 'sum' }",
    );
    let weights = place.weights(
        "w.safetensors",
        &[("param.ip.0", &[1, 4], &[1.0; 4]), ("param.ip.1", &[1], &[0.0])],
    );
    let image = place.grey("a.png", [1, 2, 3, 4]);
    let reply = infer(&[&net, &image, "--weights", &weights]);
    assert_eq!(reply["outputs"], serde_json::json!({ "ip": [[10.0]] }));
    let reply = infer(&[&net, &image, "--weights", &weights, "--input", "label=5"]);
    assert_eq!(reply["outputs"], serde_json::json!({ "sum": [[15.0]] }));
}

#[test]
fn blobs_are_not_extracted_from_zeros() {
    let place = Place::new();
    place.grey("a.png", [1, 2, 3, 4]);
    let list = place.write("list.txt", "a.png 1\n");
    let root = format!("{}/", place.0.path().display());
    prints(&["convert-imageset", &root, &list, &place.at("db"), "--gray"]);
    let net = place.write(
        "net.prototxt",
        format!(
            "layer {{ name: 'data' type: 'Data' top: 'data' top: 'label' data_param {{ source: '{}' batch_size: 1 backend: LMDB }} }}
            layer {{ name: 'shift' type: 'Input' top: 'shift' input_param {{ shape {{ dim: 1 dim: 1 }} }} }}
            layer {{ name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param {{ num_output: 1 }} }}
            layer {{ name: 'sum' type: 'Eltwise' bottom: 'ip' bottom: 'shift' top: 'sum' }}",
            place.at("db")
        ),
    );
    let weights = place.weights(
        "w.safetensors",
        &[("param.ip.0", &[1, 4], &[1.0; 4]), ("param.ip.1", &[1], &[0.0])],
    );
    let out = place.at("out.json");
    let with = |blob| ["extract", &net, "--weights", &weights, "--blobs", blob, "-o", &out];
    let said = refused(&with("sum"));
    let expected =
        "nothing feeds the input `shift`, 1 x 1: give its batches in a file with --tensors";
    assert!(said.contains(expected), "{said}");
    assert!(!place.path("out.json").exists());
    prints(&with("ip"));
    assert_eq!(std::fs::read_to_string(&out).expect("text"), r#"{"ip":[[10.0]]}"#);
}
