//! Batches against those of Caffe's Data layer, orders, resuming, and databases that do not belong together.

use std::path::{Path, PathBuf};

use prost::Message;

use super::*;
use crate::data::datum::{Colour, Record};
use crate::data::images::Image;
use crate::data::lmdb::LmdbWriter;
use crate::data::proto::Datum;
use crate::data::transform::Mean;
use crate::weights::{read_binaryproto, read_safetensors, write_safetensors};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/caffe/io").join(name)
}

/// The batches of `data_<case>.safetensors` with the options of its prototxt.
fn check(case: &str, database: &str, batch: usize, options: TransformOptions) {
    let expected = read_safetensors(&golden(&format!("data_{case}.safetensors"))).unwrap();
    let records = Records::open_lmdb(&golden(database), None).unwrap();
    let mut source = Source::of_records(records, options, 0, Order::Sequential).unwrap();
    let batches = expected.keys().filter(|name| name.starts_with("data.")).count();
    assert!(0 < batches);
    for k in 0..batches {
        let mut tops =
            source.tops().iter().map(|top| vec![0.0; batch * top.len()]).collect::<Vec<_>>();
        source.next_batch(batch, &mut tops).unwrap();
        let data = &expected[&format!("data.{k}")];
        let shape = [&[batch], source.tops()[0].shape.as_slice()].concat();
        assert_eq!(data.shape, shape, "{case}");
        assert!(data.data == tops[0], "{case}: batch {k}");
        if let Some(label) = expected.get(&format!("label.{k}")) {
            assert_eq!(label.data, tops[1], "{case}: labels {k}");
        }
    }
}

#[test]
fn data_layers_of_caffe() {
    let tiny = |case, options| check(case, "tiny_lmdb", 7, options);
    let default = TransformOptions::default;
    let mean = || Mean::Image(read_binaryproto(&golden("mean.binaryproto")).unwrap());
    tiny("plain", default());
    tiny("nolabel", default());
    tiny("train_plain", TransformOptions { train: true, ..default() });
    tiny("scale", TransformOptions { scale: 0.00390625, ..default() });
    tiny("meanfile", TransformOptions { mean: mean(), scale: 0.5, ..default() });
    tiny("meanvalue1", TransformOptions { mean: Mean::Values(vec![120.0]), ..default() });
    let three = Mean::Values(vec![104.0, 117.0, 123.0]);
    tiny("meanvalue3", TransformOptions { mean: three, scale: 0.017, ..default() });
    tiny("crop_even", TransformOptions { crop: Some(8), ..default() });
    tiny("crop_test", TransformOptions { crop: Some(7), mean: mean(), ..default() });
    check("float", "float_lmdb", 4, default());
}

fn digits(n: u8) -> Vec<Record> {
    (0..n).map(|i| Record::of_bytes([1, 1, 1], vec![i], i.into()).unwrap()).collect()
}

fn labels(source: &mut Source, batch: usize) -> Vec<f32> {
    let mut tops = [vec![0.0; batch], vec![0.0; batch]];
    source.next_batch(batch, &mut tops).unwrap();
    assert_eq!(tops[0], tops[1]);
    tops[1].clone()
}

#[test]
fn shuffled_epochs_are_permutations_and_resumable() {
    let make = |seed| {
        let records = Records::in_memory(digits(50));
        Source::of_records(records, TransformOptions::default(), seed, Order::Shuffled).unwrap()
    };
    let mut source = make(1);
    let epochs = [labels(&mut source, 50), labels(&mut source, 50)];
    assert_ne!(epochs[0], epochs[1]);
    for mut epoch in epochs.clone() {
        epoch.sort_by(f32::total_cmp);
        assert_eq!(epoch, (0..50u8).map(f32::from).collect::<Vec<_>>());
    }
    let mut resumed = make(1);
    resumed.seek(30);
    assert_eq!(labels(&mut resumed, 40), [&epochs[0][30..], &epochs[1][..20]].concat());
    assert_ne!(labels(&mut make(2), 50), epochs[0]);
}

fn write(path: &Path, records: &[(&str, Datum)]) {
    let mut writer = LmdbWriter::create(path).unwrap();
    for (key, datum) in records {
        writer.put(key.as_bytes(), &datum.encode_to_vec()).unwrap();
    }
    writer.finish().unwrap();
}

fn float_datum(value: f32) -> Datum {
    let one = Some(1);
    Datum { channels: one, height: one, width: one, float_data: vec![value], ..Datum::default() }
}

#[test]
fn label_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let datums = |keys: &[&'static str]| -> Vec<(&'static str, Datum)> {
        keys.iter().map(|key| (*key, float_datum(key.parse().unwrap()))).collect()
    };
    write(&path("images"), &datums(&["0", "1", "10", "2"]));
    write(&path("labels"), &datums(&["0", "1", "10", "2"]));
    write(&path("short"), &datums(&["0", "1"]));
    write(&path("other"), &datums(&["0", "1", "11", "2"]));
    let open = |name| Records::open_lmdb(&path("images"), Some(&path(name)));
    for order in [Order::Sequential, Order::Shuffled] {
        let options = TransformOptions::default();
        let mut source = Source::of_records(open("labels").unwrap(), options, 3, order).unwrap();
        assert_eq!(source.tops()[1].shape, [1, 1, 1]);
        let first = labels(&mut source, 6);
        source.seek(3);
        assert_eq!(labels(&mut source, 3), first[3..]);
        if order == Order::Sequential {
            assert_eq!(first, [0.0, 1.0, 10.0, 2.0, 0.0, 1.0]);
        }
    }
    let check = |name, expected: &str| {
        let error = open(name).err().unwrap().to_string();
        assert!(error.contains(name) && error.contains(expected), "{error}");
    };
    check("short", "has 2 labels, but ");
    check("other", "record 2 has the key `11`, but in ");
}

#[test]
fn records_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let two = Datum { width: Some(2), data: vec![1, 2], ..float_datum(0.0) };
    write(&path, &[("a", float_datum(0.0)), ("b", two)]);
    let records = Records::open_lmdb(&path, None).unwrap();
    let options = TransformOptions::default();
    let mut source = Source::of_records(records, options, 0, Order::Sequential).unwrap();
    let error = source.next_batch(2, &mut [vec![0.0; 2]]).unwrap_err().to_string();
    assert!(
        error.ends_with("db: record `b` has the shape 1x1x2, the first record 1x1x1"),
        "{error}"
    );
    let error = source.next_batch(2, &mut [vec![0.0; 3]]).unwrap_err().to_string();
    assert_eq!(error, "input `data` has 3 values, but 2 records of shape 1x1x1 have 2");

    let empty = folder.path().join("empty");
    write(&empty, &[]);
    let records = Records::open_lmdb(&empty, None).unwrap();
    let options = TransformOptions::default();
    assert!(Source::of_records(records, options, 0, Order::Sequential).is_err());
}

#[test]
fn encoded_images() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let encoded = |value: u8| {
        let data = Image::new(1, 1, 2, vec![value, value + 1]).unwrap().to_png().unwrap();
        Datum { data, encoded: Some(true), label: Some(value.into()), ..Datum::default() }
    };
    write(&path, &[("a", encoded(10)), ("b", encoded(20)), ("c", encoded(30))]);
    let records = Records::open_lmdb(&path, None).unwrap();
    let options = TransformOptions { colour: Colour::Colour, ..TransformOptions::default() };
    let mut source = Source::of_records(records, options, 0, Order::Sequential).unwrap();
    assert_eq!(source.tops()[0].shape, [3, 1, 2]);
    let mut tops = [vec![0.0; 24], vec![0.0; 4]];
    source.next_batch(4, &mut tops).unwrap();
    assert_eq!(tops[0][6..12], [20.0, 21.0, 20.0, 21.0, 20.0, 21.0]);
    assert_eq!(tops[1], [10.0, 20.0, 30.0, 10.0]);
}

#[test]
fn batches_of_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("batches.safetensors");
    let data = Blob::new(vec![2, 3, 2], (0..12).map(|i| i as f32).collect()).unwrap();
    let label = Blob::new(vec![2, 3], (0..6).map(|i| i as f32).collect()).unwrap();
    let odd = Blob::new(vec![3, 2], vec![0.0; 6]).unwrap();
    write_safetensors(&path, [("data", &data), ("label", &label), ("odd", &odd)]).unwrap();
    let mut source = Source::of_tensors(&path, &["label", "data"]).unwrap();
    assert_eq!((source.batch_size(), source.len()), (Some(3), 6));
    assert_eq!((&source.tops()[0].shape[..], &source.tops()[1].shape[..]), (&[][..], &[2][..]));
    let mut tops = [vec![0.0; 3], vec![0.0; 6]];
    source.seek(3);
    source.next_batch(3, &mut tops).unwrap();
    assert_eq!((tops[0][0], tops[1][0]), (3.0, 6.0));
    source.next_batch(3, &mut tops).unwrap();
    assert_eq!((tops[0][0], tops[1][0]), (0.0, 0.0));
    let error = source.next_batch(2, &mut [vec![0.0; 2]]).unwrap_err().to_string();
    assert!(error.contains("holds batches of 3, not of 2"), "{error}");
    let error = Source::of_tensors(&path, &["data", "odd"]).err().unwrap().to_string();
    assert!(error.contains("tensor `odd` holds 3 batches of 2"), "{error}");
    assert!(Source::of_tensors(&path, &["x"]).err().unwrap().to_string().contains("no tensor `x`"));
}
