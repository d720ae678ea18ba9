//! Pairs of images: databases of colour pairs and of listed pairs, as Caffe's data layer reads them, and nets that take pairs.

use std::path::{Path, PathBuf};

use cortado::data::images::Image;
use cortado::data::source::{Order, Source};
use cortado::data::transform::TransformOptions;
use cortado::weights::{Blob, read_binaryproto, write_safetensors};
use serde_json::Value;

use super::{cortado, prints, refused, text, warned};

fn at(folder: &Path, name: &str) -> String {
    text(folder.join(name))
}

/// Image `i` of 2 x 3 pixels: blue `i`, green `i + 50`, red `i + 100`.
fn colour(folder: &Path, i: u8) {
    let pixels = [i, i + 50, i + 100].iter().flat_map(|&value| [value; 6]).collect();
    let image = Image::new(3, 2, 3, pixels).expect("an image");
    image.save_png(&folder.join(format!("{i}.png"))).expect("written");
}

/// All values and labels of a database by the rules of Caffe's data layer, which takes the labels of the Datums themselves, or
/// those of another database.
fn records(images: &Path, labels: Option<&Path>) -> (Vec<usize>, Vec<f32>, Vec<f32>) {
    let records = cortado::data::records::Records::open_lmdb(images, labels).expect("a database");
    let n = records.len();
    let options = TransformOptions::default();
    let mut source = Source::of_records(records, options, 0, Order::Sequential).expect("records");
    let shape = source.tops()[0].shape.clone();
    let mut tops = [vec![0.0; n * shape.iter().product::<usize>()], vec![0.0; n]];
    source.next_batch(n, &mut tops).expect("a batch");
    let [values, labels] = tops;
    (shape, values, labels)
}

#[test]
fn listed_colour_pairs_are_records_of_six_channels_with_their_label() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    (1..4).for_each(|i| colour(folder.path(), i));
    std::fs::write(path("pairs.txt"), "1.png 2.png 1\n2.png 3.png 0\n3.png 3.png 1\n")
        .expect("written");
    std::fs::write(path("val.txt"), "1.png 3.png 0\n").expect("written");
    let [db, list, val] = ["db", "pairs.txt", "val.txt"].map(|name| at(folder.path(), name));
    let lists = ["--pairs", &list, "--val-pairs", &val, "--channels", "6"];
    let told = prints(&[&["create-db", &db], &lists[..]].concat());
    assert!(
        told.contains("train: 3 pairs of 3 images, 2 alike, 1 of an image with itself"),
        "{told}"
    );
    assert!(told.contains("val: 1 pair of 2 images, 0 alike"), "{told}");
    let channels = |i: f32| [i, i + 50.0, i + 100.0];
    let expected: Vec<f32> = [(1.0, 2.0), (2.0, 3.0), (3.0, 3.0)]
        .iter()
        .flat_map(|&(a, b)| channels(a).into_iter().chain(channels(b)))
        .flat_map(|value| [value; 6])
        .collect();
    for labels in [None, Some(path("db/train_labels"))] {
        let (shape, values, labels) = records(&path("db/train_images"), labels.as_deref());
        assert_eq!((shape, &labels[..]), (vec![6, 2, 3], &[1.0, 0.0, 1.0][..]));
        assert_eq!(values, expected);
    }
    let mean = read_binaryproto(&path("db/train_mean.binaryproto")).expect("a mean");
    assert_eq!(mean.shape, [1, 6, 2, 3]);
    assert_eq!((mean.data[0], mean.data[18]), (2.0, 8.0 / 3.0));
    // A pair as a picture, for eyes and for `infer`: one image beside the other.
    let picture = Image::load(&path("db/train_test_same_class_0.png")).expect("a picture");
    assert_eq!(picture.shape(), [3, 2, 6]);
    assert_eq!(picture.pixels()[..6], [1, 1, 1, 2, 2, 2]);
    assert_eq!(picture.pixels()[12..18], [51, 51, 51, 52, 52, 52]);

    // The data layer of a net takes them as they are, and a Slice takes them apart.
    let net = format!(
        "layer {{ name: 'data' type: 'Data' top: 'pair' top: 'sim' data_param {{ source: '{db}/train_images' batch_size: 3 }} }}
        layer {{ name: 'slice' type: 'Slice' bottom: 'pair' top: 'a' top: 'b' slice_param {{ slice_point: 3 }} }}
        layer {{ name: 'fa' type: 'Flatten' bottom: 'a' top: 'fa' }} layer {{ name: 'fb' type: 'Flatten' bottom: 'b' top: 'fb' }}
        layer {{ name: 'loss' type: 'ContrastiveLoss' bottom: 'fa' bottom: 'fb' bottom: 'sim' top: 'loss'
          contrastive_loss_param {{ margin: 10 }} }}"
    );
    std::fs::write(path("net.prototxt"), net).expect("written");
    let solver =
        format!("net: '{}' lr_policy: 'fixed' max_iter: 1", at(folder.path(), "net.prototxt"));
    std::fs::write(path("solver.prototxt"), solver).expect("written");
    let shown = prints(&["check", &at(folder.path(), "net.prototxt"), "--shape", "pair=3,6,2,3"]);
    assert!(shown.contains("a (3 x 3 x 2 x 3)") || shown.contains("3 x 3 x 2 x 3"), "{shown}");
}

#[test]
fn pairs_of_other_sizes_and_kinds() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    (1..4).for_each(|i| colour(folder.path(), i));
    let large = Image::new(1, 4, 6, vec![9; 24]).expect("an image");
    large.save_png(&path("9.png")).expect("written");
    std::fs::write(path("pairs.txt"), "1.png 9.png 1\n2.png 3.png 1\n").expect("written");
    let list = at(folder.path(), "pairs.txt");
    let make = |name: &str, options: &[&str]| {
        cortado(&[&["create-db", &at(folder.path(), name), "--pairs", &list], options].concat())
    };
    let complaint = String::from_utf8(make("a", &["--channels", "6"]).stderr).expect("text");
    assert!(
        complaint.contains("line 1: ") && complaint.contains("4x6 pixels, other images 2x3"),
        "{complaint}"
    );
    assert!(complaint.contains("--resize_height and --resize_width"), "{complaint}");
    assert!(!path("a").exists());
    let size = ["--resize_height", "2", "--resize_width", "3"];
    let made = make("b", &[&size[..], &["--channels", "2"]].concat());
    assert!(made.status.success());
    let warning = String::from_utf8(made.stderr).expect("text");
    assert!(warning.contains("all train pairs have the label 1"), "{warning}");
    // No validation pairs are made where none are listed.
    assert!(path("b/train_images").exists() && !path("b/val_images").exists());
    let (shape, values, labels) = records(&path("b/train_images"), None);
    assert_eq!((shape, &labels[..]), (vec![2, 2, 3], &[1.0, 1.0][..]));
    // 0.299 x 101 + 0.587 x 51 + 0.114 x 1, and the grey image.
    assert_eq!((values[0], values[6]), (60.0, 9.0));
    // The layout of DIGITS, whose images say nothing of their label.
    assert!(make("c", &size).status.success());
    let (shape, values, labels) = records(&path("c/train_images"), None);
    assert_eq!((shape, labels[0], values[12]), (vec![3, 2, 3], -1.0, 0.0));

    std::fs::write(path("pairs.txt"), "2.png 3.png -1\n3.png 3.png 1\n").expect("written");
    let warning = String::from_utf8(make("d", &[]).stderr).expect("text");
    assert!(warning.contains("labels of the train pairs are -1, 1"), "{warning}");
    let list = at(folder.path(), "pairs.txt");
    let complaint = refused(&["create-db", &at(folder.path(), "e"), &list]);
    assert!(complaint.contains("--pairs"), "{complaint}");
    let wrong = cortado(&["create-db", &at(folder.path(), "e"), "--pairs", &list, "-c", "5"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn colour_pairs_are_drawn_of_a_list() {
    let folder = tempfile::tempdir().expect("a folder");
    (1..9).for_each(|i| colour(folder.path(), i));
    let lines: String = (1..9).map(|i| format!("{i}.png {}\n", i % 2)).collect();
    std::fs::write(folder.path().join("list.txt"), lines).expect("written");
    let [db, list] = ["db", "list.txt"].map(|name| at(folder.path(), name));
    let options = ["--channels", "6", "-c", "40", "--val-count", "4", "--balance", "0.5"];
    warned(&[&["create-db", &db, &list], &options[..]].concat());
    let (shape, values, labels) = records(&folder.path().join("db/train_images"), None);
    assert_eq!((shape, labels.len()), (vec![6, 2, 3], 40));
    assert_eq!(labels.iter().sum::<f32>(), 20.0);
    for (record, label) in values.chunks(36).zip(labels) {
        let (first, second) = (record[0], record[18]);
        assert_eq!(f32::from(u8::from((first - second) % 2.0 == 0.0)), label);
        assert_eq!((record[12], record[24]), (first + 100.0, second + 50.0));
    }
    let idx =
        cortado(&["create-db", &at(folder.path(), "x"), "--idx", &list, &list, "--channels", "6"]);
    let complaint = String::from_utf8(idx.stderr).expect("text");
    assert!(complaint.contains("holds grey images"), "{complaint}");
}

/// A net of pairs whose output is the sum of the first image less that of the second.
fn difference(folder: &Path) -> [String; 2] {
    let net = "input: 'pair' input_shape { dim: 1 dim: 6 dim: 2 dim: 3 }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'pair' top: 'ip' inner_product_param { num_output: 1 } }";
    std::fs::write(folder.join("deploy.prototxt"), net).expect("written");
    let data = (0..36).map(|i| if i < 18 { 1.0 } else { -1.0 }).collect();
    let (weights, bias) =
        (Blob { shape: vec![1, 36], data }, Blob { shape: vec![1], data: vec![0.0] });
    let path = folder.join("w.safetensors");
    write_safetensors(&path, [("param.ip.0", &weights), ("param.ip.1", &bias)]).expect("written");
    [at(folder, "deploy.prototxt"), text(path)]
}

#[test]
fn nets_of_pairs_take_two_images_or_a_picture_of_both() {
    let folder = tempfile::tempdir().expect("a folder");
    [10, 30].into_iter().for_each(|i| colour(folder.path(), i));
    let both = Image::new(3, 2, 6, (0..36).map(|i| if i % 6 < 3 { 7 } else { 5 }).collect());
    both.expect("an image").save_png(&folder.path().join("both.png")).expect("written");
    let [net, weights] = difference(folder.path());
    let [first, second, both] =
        ["10.png", "30.png", "both.png"].map(|name| at(folder.path(), name));
    let ip = |images: &[&str]| {
        let options = ["--weights", &weights, "--json"];
        let reply: Value =
            serde_json::from_str(&prints(&[&["infer", &net], images, &options[..]].concat()))
                .expect("JSON");
        reply["outputs"]["ip"][0][0].as_f64().expect("a number")
    };
    assert_eq!(ip(&["--pairs", &first, &second]), -20.0 * 18.0);
    assert_eq!(ip(&[&both]), 2.0 * 18.0);
    let odd = refused(&["infer", &net, &first, "--weights", &weights]);
    assert!(odd.contains("--pairs takes the images in twos"), "{odd}");
    let alone = refused(&["infer", &net, "--pairs", &first, "--weights", &weights]);
    assert!(alone.contains("has no partner"), "{alone}");
}
