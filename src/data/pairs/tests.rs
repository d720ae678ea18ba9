//! What is made is read back and has the promised properties.

use std::fs;
use std::path::Path;

use super::*;
use crate::data::images::Image;
use crate::data::lmdb::LmdbReader;
use crate::data::records::Records;
use crate::data::source::{Order, Source};
use crate::data::transform::TransformOptions;
use crate::weights::read_binaryproto;

/// A list of `n` images of 2x3 pixels: image `i` is all `i + 1`, its class is `i mod classes`.
fn write_list(folder: &Path, n: u8, classes: u8) -> Images {
    let mut list = String::from("# pictures\n\n");
    for i in 0..n {
        let name = format!("{i}.png");
        Image::new(1, 2, 3, vec![i + 1; 6]).unwrap().save_png(&folder.join(&name)).unwrap();
        list += &format!("{name} {}\n", i % classes);
    }
    let path = folder.join("list.txt");
    fs::write(&path, list).unwrap();
    Images::List(path)
}

/// First image, second image and label of every record in order, and the means of the first two channels.
fn read_set(folder: &Path, name: &str) -> Vec<[f32; 3]> {
    let file = |suffix: &str| folder.join(format!("{name}_{suffix}"));
    let records = Records::open_lmdb(&file("images"), Some(&file("labels"))).unwrap();
    let n = records.len();
    let options = TransformOptions::default();
    let mut source = Source::of_records(records, options, 0, Order::Sequential).unwrap();
    assert_eq!(
        (&source.tops()[0].shape[..], &source.tops()[1].shape[..]),
        (&[3, 2, 3][..], &[1, 1, 1][..])
    );
    let mut tops = [vec![0.0; n * 18], vec![0.0; n]];
    source.next_batch(n, &mut tops).unwrap();
    let record = |(values, &label): (&[f32], &f32)| {
        assert!(values[..6].iter().all(|&x| x == values[0]));
        assert!(values[6..12].iter().all(|&x| x == values[6]));
        assert!(values[12..].iter().all(|&x| x == 0.0));
        [values[0], values[6], label]
    };
    let set: Vec<_> = tops[0].chunks_exact(18).zip(&tops[1]).map(record).collect();
    let mean = read_binaryproto(&file("mean.binaryproto")).unwrap();
    assert_eq!(mean.shape, [1, 3, 2, 3]);
    for c in 0..2 {
        let sum: f32 = set.iter().map(|record| record[c]).sum();
        assert_eq!(mean.data[6 * c], (sum / n as f32).floor());
    }
    assert_eq!(mean.data[12], 0.0);
    let picture = Image::load(&file("mean.png")).unwrap();
    assert!(picture.pixels().iter().zip(&mean.data).all(|(&p, &m)| f32::from(p) == m));
    set
}

fn quiet(options: &PairOptions) -> Result<Summary> {
    create_pairs(options, &mut |_, _| {})
}

#[test]
fn pairs_of_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let images = write_list(folder.path(), 20, 4);
    let mut options = PairOptions::new(folder.path().join("a"), images);
    (options.count, options.val_count) = (1500, 200);
    let mut seen = vec![];
    let summary = create_pairs(&options, &mut |done, total| seen.push((done, total))).unwrap();
    assert_eq!(seen, [(1024, 1700), (1500, 1700), (1700, 1700)]);
    assert_eq!((summary.height, summary.width), (2, 3));
    assert!(summary.warnings[0].contains("drawn from the training images"));
    for (name, set, n) in
        [("train", &summary.train, 1500), ("val", summary.val.as_ref().unwrap(), 200)]
    {
        let records = read_set(&options.folder, name);
        assert_eq!((records.len(), set.pairs, set.images), (n, n, 20));
        let label = |[first, second, _]: &[f32; 3]| (first - second) % 4.0 == 0.0;
        assert!(records.iter().all(|record| f32::from(u8::from(label(record))) == record[2]));
        assert_eq!(set.same, records.iter().filter(|record| record[2] == 1.0).count());
        assert_eq!(set.with_itself, records.iter().filter(|record| record[0] == record[1]).count());
        // A quarter, give or take six standard deviations.
        let n = n as f64;
        assert!((set.same as f64 - n / 4.0).abs() < 6.0 * (n * 3.0 / 16.0).sqrt());
    }

    let mut again = PairOptions { folder: folder.path().join("b"), ..options.clone() };
    quiet(&again).unwrap();
    let read = |folder: &Path, name: &str| fs::read(folder.join(name)).unwrap();
    for name in ["train_images/data.mdb", "val_labels/data.mdb", "train_test_same_class_9.png"] {
        assert!(read(&options.folder, name) == read(&again.folder, name), "{name}");
    }
    (again.folder, again.seed) = (folder.path().join("c"), 1);
    quiet(&again).unwrap();
    assert!(read_set(&again.folder, "train") != read_set(&options.folder, "train"));
}

#[test]
fn files_are_those_of_digits() {
    let folder = tempfile::tempdir().unwrap();
    let options = PairOptions::new(folder.path().join("db"), write_list(folder.path(), 20, 4));
    quiet(&options).unwrap();
    let mut expected = vec!["made_of.json".to_owned()];
    for set in ["train", "val"] {
        let names = ["images", "labels", "mean.binaryproto", "mean.png"];
        expected.extend(names.map(|name| format!("{set}_{name}")));
        for kind in ["same", "different"] {
            expected.extend((0..10).map(|i| format!("{set}_test_{kind}_class_{i}.png")));
        }
    }
    let entries = fs::read_dir(&options.folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    expected.sort();
    assert_eq!(names, expected);

    let mut reader = LmdbReader::open(&options.folder.join("train_images")).unwrap();
    let keys: Vec<_> = (0..3).map(|_| reader.advance().unwrap().unwrap().0.to_vec()).collect();
    assert_eq!(keys, [&b"0"[..], b"1", b"10"]);
    let first = reader.get(b"0").unwrap().unwrap();
    // channels 3, height 2, width 3, 18 bytes of data, label -1 in ten bytes.
    assert_eq!(first[..8], [0x08, 3, 0x10, 2, 0x18, 3, 0x22, 18]);
    assert_eq!(first[26..], [0x28, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    let mut labels = LmdbReader::open(&options.folder.join("train_labels")).unwrap();
    let label = labels.get(b"0").unwrap().unwrap();
    assert_eq!(label[..7], [0x08, 1, 0x10, 1, 0x18, 1, 0x35]);

    // The first pair of its kind as a picture: blue first, green second, no red.
    let same = label[7..] == 1f32.to_le_bytes();
    let kind = if same { "same" } else { "different" };
    let path = options.folder.join(format!("train_test_{kind}_class_0.png"));
    assert_eq!(Image::load(&path).unwrap().pixels(), &first[8..26]);
}

#[test]
fn balanced_pairs_of_idx_files() {
    let folder = tempfile::tempdir().unwrap();
    let idx = |name: &str, n: u8| {
        let images = folder.path().join(format!("{name}-images"));
        let labels = folder.path().join(format!("{name}-labels"));
        let head = [0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 2, 0, 0, 0, 3];
        let pixels = (0..n).flat_map(|i| [i + 1; 6]);
        fs::write(&images, head.into_iter().chain(pixels).collect::<Vec<u8>>()).unwrap();
        let head = [0, 0, 8, 1, 0, 0, 0, n];
        fs::write(&labels, head.into_iter().chain((0..n).map(|i| i % 4)).collect::<Vec<u8>>())
            .unwrap();
        Images::Idx { images, labels }
    };
    let mut options = PairOptions::new(folder.path().join("db"), idx("train", 20));
    options.val_images = Some(idx("val", 5));
    (options.balance, options.val_count) = (Some(0.25), 40);
    let summary = quiet(&options).unwrap();
    assert_eq!((summary.train.same, summary.val.as_ref().unwrap().same), (250, 10));
    assert_eq!((summary.train.with_itself, summary.val.as_ref().unwrap().with_itself), (0, 0));
    assert!(summary.warnings.is_empty());
    let val = read_set(&options.folder, "val");
    assert!(val.iter().all(|record| record[0] <= 5.0 && record[1] <= 5.0));
    let train = read_set(&options.folder, "train");
    assert!((1..=20u8).all(|i| train.iter().any(|record| record[0] == f32::from(i))));
}

#[test]
fn refusals_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let images = write_list(folder.path(), 3, 3);
    let options = PairOptions::new(folder.path().join("db"), images);
    let check = |options: PairOptions, expected: &str| {
        let error = quiet(&options).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        let left = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name());
        assert!(left.map(|name| name.into_string().unwrap()).all(|name| !name.contains("db")));
    };
    let opened = PairImages::open(&options.images, &options).unwrap();
    let error = plan(&opened, usize::MAX, None, 0, 0).unwrap_err().to_string();
    assert!(error.contains("do not fit into memory"), "{error}");
    check(PairOptions { count: 0, ..options.clone() }, "training pairs (--count) must be");
    check(
        PairOptions { val_count: 0, ..options.clone() },
        "validation pairs (--val-count) must be",
    );
    check(PairOptions { balance: Some(f64::NAN), ..options.clone() }, "between 0 and 1");
    check(PairOptions { balance: Some(0.5), ..options.clone() }, "no class has two images");
    let one = write_list(folder.path(), 3, 1);
    check(
        PairOptions { balance: Some(0.5), images: one, ..options.clone() },
        "all images have one",
    );
    Image::new(1, 2, 2, vec![0; 4]).unwrap().save_png(&folder.path().join("1.png")).unwrap();
    check(options.clone(), "2x2 pixels, other images 2x3");
    fs::write(folder.path().join("1.png"), "no image").unwrap();
    check(options.clone(), "1.png: is not an image");
    fs::remove_file(folder.path().join("1.png")).unwrap();
    check(options.clone(), "list.txt: line 4: cannot read ");
    fs::write(folder.path().join("list.txt"), "nothing here\n").unwrap();
    check(options.clone(), "no line with an image and a label");
    fs::create_dir(&options.folder).unwrap();
    assert!(quiet(&options).unwrap_err().to_string().contains("already exists"));
}

#[test]
fn pairs_know_what_they_were_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let list = write_list(folder.path(), 20, 4);
    let made = PairOptions::new(folder.path().join("db"), list.clone());
    quiet(&made).unwrap();
    let check = |options: PairOptions, expected: &[&str]| {
        assert_eq!(differences(&options).unwrap(), expected);
    };
    check(made.clone(), &[]);
    let other = PairOptions { count: 7, seed: 3, balance: Some(0.5), ..made.clone() };
    let expected =
        ["count is 7 and was 1000", "seed is 3 and was 0", "balance is 0.5 and was not set"];
    check(other, &expected);
    let expected = ["the validation images are others"];
    check(PairOptions { val_images: Some(list.clone()), ..made.clone() }, &expected);
    let Images::List(path) = &list else { panic!("a list") };
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, text + "more.png 1\n").unwrap();
    check(made.clone(), &["the images are others"]);
    fs::remove_file(path).unwrap();
    check(made.clone(), &[]);
    fs::remove_file(made.folder.join("made_of.json")).unwrap();
    check(PairOptions { count: 7, ..made.clone() }, &[]);
    fs::write(made.folder.join("made_of.json"), "{").unwrap();
    assert!(differences(&made).unwrap_err().to_string().contains("does not say"));
}
