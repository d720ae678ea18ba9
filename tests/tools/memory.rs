//! The memory that a run takes and the one that is predicted for it, of runs whose data come from different sources.

use cortado::weights::hdf5::Hdf5Tree;
use cortado::weights::{Blob, write_safetensors};

use super::{Place, network, prints, refused};

/// Bytes of `42.7 MiB`.
fn bytes(text: &str) -> f64 {
    let (number, unit) = text.trim().split_once(' ').expect("a number and its unit");
    let scale = ["KiB", "MiB", "GiB"].iter().position(|one| *one == unit).expect("a unit");
    number.parse::<f64>().expect("a number") * 1024f64.powi(scale as i32 + 1)
}

/// What a training took, and what was predicted.
fn of_training(words: &[&str]) -> [f64; 2] {
    let said = prints(&[&["train"], words, &["--threads", "2"]].concat());
    let line = said.lines().find_map(|line| line.strip_prefix("memory: ")).expect("a line");
    let (most, rest) = line.split_once(" at most, ").expect("what it took");
    let (predicted, _) = rest.split_once(" were predicted").expect("what was predicted");
    [most, predicted].map(bytes)
}

/// What a check of the same file says.
fn of_check(run: &str) -> f64 {
    let said = prints(&["check", run, "--memory", "--threads", "2"]);
    let at_most = |line: &str| line.trim().strip_prefix("at most").map(bytes);
    said.lines().find_map(at_most).expect("a line")
}

const MIB: f64 = 1024.0 * 1024.0;

/// A run takes what was predicted, to a twentieth and 2 MiB; `check` predicts the same.
fn holds(run: &str, out: &str) {
    let before = of_check(run);
    let [most, predicted] = of_training(&[run, "-o", out]);
    let apart = (most - predicted).abs();
    assert!(apart <= 0.05 * predicted + 2.0 * MIB, "{run}: {most} of {predicted}");
    assert!((before - predicted).abs() < 0.02 * predicted, "{run}: {before}, {predicted}");
    assert_eq!(of_check(run), predicted, "{run}");
}

const LOSS: &str = "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'y'
      inner_product_param { num_output: 10 weight_filler { type: 'gaussian' std: 0.0001 } } }
    layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'y' bottom: 'label' top: 'loss' }";

/// A net of one layer after `data`.
fn net(data: &str) -> String {
    format!("name: 'n' layer {{ name: 'd' {data} top: 'data' top: 'label' }} {LOSS}")
}

/// An IDX file of so many images of 28 x 28, and one of their labels.
fn idx(place: &Place, images: u32) -> [String; 2] {
    let head = |axes: &[u32]| -> Vec<u8> {
        let axes = axes.iter().flat_map(|n| n.to_be_bytes());
        [0, 0, 8, 1].into_iter().chain(axes).collect()
    };
    let mut pixels = head(&[images, 28, 28]);
    pixels[3] = 3;
    pixels.extend((0..images * 28 * 28).map(|i| (i % 251) as u8));
    let mut labels = head(&[images]);
    labels.extend((0..images).map(|i| (i % 10) as u8));
    [place.write("images", pixels), place.write("labels", labels)]
}

#[test]
fn pairs_of_a_database_take_what_is_predicted() {
    let place = Place::new();
    let mnist = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/mnist");
    for (name, net) in [("caffe", "siamese/caffe.prototxt"), ("torch", "siamese/torch.lua")] {
        let run = format!(
            "network: {}
dataset:
  pairs: {{ images: {mnist}/train-images-idx3-ubyte.gz, labels: {mnist}/train-labels-idx1-ubyte.gz, count: 400, val_count: 100 }}
train: {{ iterations: 12, batch_size: 32, solver: {{ learning_rate: 0.001 }} }}
output: {}",
            network(net),
            place.at(name)
        );
        holds(&place.write(&format!("{name}.yaml"), run), &place.at(name));
    }
}

#[test]
fn images_that_are_held_are_predicted_and_counted_for_a_batch_that_fits() {
    let place = Place::new();
    let [images, labels] = idx(&place, 40_000);
    place.write("n.prototxt", net("type: 'Data' data_param { source: 'none' batch_size: 64 }"));
    let run = format!(
        "network: n.prototxt
dataset: {{ train: {{ idx: {{ images: '{images}', labels: '{labels}' }} }} }}
train: {{ iterations: 60, shuffle: true, solver: {{ base_lr: 0.0001 }} }}
output: out"
    );
    let run = place.write("run.yaml", run);
    holds(&run, &place.at("out"));
    let fit = ["--fit", "96MiB", "--set", "train.iterations=3"];
    let [most, predicted] = of_training(&[&[&run[..], "-o", &place.at("fits")], &fit[..]].concat());
    assert!(80.0 * MIB < predicted && predicted <= 96.0 * MIB, "{predicted}");
    assert!(most <= 96.0 * MIB, "{most}");
    // The images alone have 30 MiB.
    let why = refused(&["train", &run, "-o", &place.at("fits"), "--fit", "40MiB"]);
    assert!(why.contains("a batch of 1 needs"), "{why}");
}

#[test]
fn rows_and_tensors_are_predicted() {
    let place = Place::new();
    let labels = |n: usize| (0..n).map(|i| (i % 10) as f32).collect::<Vec<_>>();
    let blob = |shape: &[usize], data| Blob::new(shape.to_vec(), data).expect("a blob");
    let values = |n: usize| (0..n).map(|i| (i % 251) as f32).collect::<Vec<_>>();
    let mut tree = Hdf5Tree::default();
    tree.floats("data", blob(&[8000, 784], values(8000 * 784)));
    tree.floats("label", blob(&[8000], labels(8000)));
    tree.write(&place.path("rows.h5")).expect("written");
    let list = place.write("list.txt", "rows.h5\n");
    let data = format!("type: 'HDF5Data' hdf5_data_param {{ source: '{list}' batch_size: 64 }}");
    let path = place.write("rows.prototxt", net(&data));
    let solver = format!(
        "net: '{path}' base_lr: 0.00001 lr_policy: 'fixed' max_iter: 60 snapshot_prefix: '{}'",
        place.at("rows")
    );
    holds(&place.write("solver.prototxt", solver), &place.at("of_rows"));
    let (images, classes) =
        (blob(&[100, 64, 784], values(6400 * 784)), blob(&[100, 64], labels(6400)));
    write_safetensors(&place.path("b.safetensors"), [("data", &images), ("label", &classes)])
        .expect("written");
    let data = "type: 'Input' input_param { shape { dim: 64 dim: 784 } shape { dim: 64 } }";
    place.write("fed.prototxt", net(data));
    let run = "network: fed.prototxt
dataset: { train: { tensors: b.safetensors } }
train: { iterations: 60, solver: { base_lr: 0.00001 } }
output: out";
    holds(&place.write("fed.yaml", run), &place.at("of_tensors"));
}
