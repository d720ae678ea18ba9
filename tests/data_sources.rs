//! Whole jobs on nets that read image files, HDF5 files, windows and tensors, and the commands that make and use such data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cortado::data::images::Image;
use cortado::job::{self, Job, JobOptions};
use cortado::weights::hdf5::{Hdf5File, Hdf5Tree};
use cortado::weights::{Blob, read_binaryproto, read_safetensors, write_safetensors};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/caffe/io").join(name)
}

/// A solver whose net has these data layers in front of an InnerProduct from `data` to two classes; `TEST` layers are
/// tested with so many batches.
fn solver(folder: &Path, data: &str, tests: usize) -> PathBuf {
    let net = format!(
        "{data}
        layer {{ name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip'
            inner_product_param {{ num_output: 2 weight_filler {{ type: 'xavier' }} }} }}
        layer {{ name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }}"
    );
    std::fs::write(folder.join("net.prototxt"), net).unwrap();
    let test = match tests {
        0 => String::new(),
        n => format!("test_iter: {n} test_interval: 100"),
    };
    let text = format!(
        "net: 'net.prototxt' base_lr: 0.1 lr_policy: 'fixed' momentum: 0.9 max_iter: 30 {test}
        random_seed: 7 snapshot_prefix: '{}'",
        folder.join("snap").display()
    );
    let path = folder.join("solver.prototxt");
    std::fs::write(&path, text).unwrap();
    path
}

fn open(solver: &Path, options: &JobOptions) -> Result<Job, String> {
    let opened = job::open(solver, options).map_err(|e| e.to_string())?;
    let complaints = || cortado::diag::render::render(&opened.diagnostics, &opened.sources, false);
    let text = complaints();
    opened.job.ok_or(text)
}

/// Trains, and checks that the loss of the first iterations is higher than that of the last ones.
fn learns(solver: &Path, options: &JobOptions) {
    let mut job = open(solver, options).unwrap();
    let losses: Vec<f32> = (0..30).map(|_| job.trainer.step().unwrap().loss).collect();
    let (first, last) = (losses[0], losses[29]);
    assert!(last < 0.5 * first && last.is_finite(), "{losses:?}");
    if 0 < job.trainer.tests() {
        let report = job.trainer.test(0).unwrap();
        assert!(report.loss < 0.5 * first, "{} of {first}", report.loss);
    }
}

/// Eight images, dark ones of class 0 and bright ones of class 1, and their list.
fn images(folder: &Path) -> PathBuf {
    let mut list = String::new();
    for i in 0..8u8 {
        let value = if i % 2 == 0 { 10 + i } else { 200 + i };
        let image = Image::new(3, 6, 5, vec![value; 90]).unwrap();
        image.save_png(&folder.join(format!("{i}.png"))).unwrap();
        list.push_str(&format!("{i}.png {}\n", i % 2));
    }
    let path = folder.join("list.txt");
    std::fs::write(&path, list).unwrap();
    path
}

fn image_layer(folder: &Path, phase: &str, more: &str) -> String {
    let list = folder.join("list.txt");
    format!(
        "layer {{ name: 'data_{phase}' type: 'ImageData' top: 'data' top: 'label'
            include {{ phase: {phase} }}
            transform_param {{ scale: 0.00390625 mean_value: 128 crop_size: 4 mirror: true }}
            image_data_param {{ source: '{}' batch_size: 4 root_folder: '{}/' {more} }} }}",
        list.display(),
        folder.display()
    )
}

#[test]
fn image_data_trains_and_tests() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    let train = image_layer(folder.path(), "TRAIN", "shuffle: true rand_skip: 3");
    let test = image_layer(folder.path(), "TEST", "");
    let options = JobOptions::default();
    learns(&solver(folder.path(), &format!("{train}{test}"), 2), &options);
    let resized = image_layer(folder.path(), "TRAIN", "new_height: 9 new_width: 8 is_color: false");
    learns(&solver(folder.path(), &resized, 0), &options);
}

#[test]
fn a_run_file_cannot_speak_of_data_that_layers_read_themselves() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    solver(folder.path(), &image_layer(folder.path(), "TRAIN", ""), 0);
    let said = |lines: &str| {
        let path = folder.path().join("run.yaml");
        std::fs::write(
            &path,
            format!(
                "network: net.prototxt\noutput: {}\n{lines}\n",
                folder.path().join("out").display()
            ),
        )
        .unwrap();
        open(&path, &JobOptions::default()).err().unwrap_or_default()
    };
    let train = "train: { iterations: 1, solver: { base_lr: 0.1 } }";
    assert_eq!(said(train), "");
    let shuffled = said(&train.replace("iterations", "shuffle: true, iterations"));
    assert!(shuffled.contains("`train.shuffle` has no effect on layer `data_TRAIN`"), "{shuffled}");
    let mean = said(&format!("{train}\ndataset: {{ mean: list.txt }}"));
    assert!(mean.contains("`dataset.mean` has no effect on layer `data_TRAIN`"), "{mean}");
}

/// Images of any size whose left halves are dark and of class 0, whose right halves are bright and of class 1, cut to one
/// size and continued beyond their ends.
#[test]
fn a_net_for_pixels_trains_and_tests() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: String| folder.path().join(name);
    let mut list = String::new();
    for (i, [rows, columns]) in [[6, 8], [9, 6], [4, 10], [7, 7]].into_iter().enumerate() {
        let halves = |left: u8, right: u8| {
            let bright = |place: usize| columns <= 2 * (place % columns);
            (0..rows * columns).map(|p| if bright(p) { right } else { left }).collect::<Vec<u8>>()
        };
        let image = Image::new(3, rows, columns, halves(20 + i as u8, 220).repeat(3)).unwrap();
        image.save_png(&at(format!("{i}.png"))).unwrap();
        let labels = Image::new(1, rows, columns, halves(0, 1)).unwrap();
        labels.save_png(&at(format!("{i}_labels.png"))).unwrap();
        list.push_str(&format!("{i}.png {i}_labels.png\n"));
    }
    std::fs::write(at("list.txt".into()), list).unwrap();
    let data = |phase: &str| {
        format!(
            "layer {{ name: 'data' type: 'ImageSegData' top: 'data' top: 'label' top: 'size' include {{ phase: {phase} }}
                transform_param {{ scale: 0.01 mean_value: 120 crop_size: 8 mirror: true }}
                image_data_param {{ source: '{0}/list.txt' root_folder: '{0}/' batch_size: 4 shuffle: true
                    label_type: PIXEL }} }}",
            folder.path().display()
        )
    };
    let net = format!(
        "{}{}
        layer {{ name: 'sizes' type: 'Silence' bottom: 'size' }}
        layer {{ name: 'classes' type: 'Convolution' bottom: 'data' top: 'classes'
            convolution_param {{ num_output: 2 kernel_size: 1 weight_filler {{ type: 'xavier' }} }} }}
        layer {{ name: 'loss' type: 'SoftmaxWithLoss' bottom: 'classes' bottom: 'label' top: 'loss'
            loss_param {{ ignore_label: 255 }} }}
        layer {{ name: 'accuracy' type: 'SegAccuracy' bottom: 'classes' bottom: 'label' top: 'accuracy'
            include {{ phase: TEST }} seg_accuracy_param {{ ignore_label: 255 }} }}",
        data("TRAIN"),
        data("TEST")
    );
    let path = solver(folder.path(), "", 2);
    std::fs::write(at("net.prototxt".into()), net).unwrap();
    let mut job = open(&path, &JobOptions::default()).unwrap();
    let losses: Vec<f32> = (0..30).map(|_| job.trainer.step().unwrap().loss).collect();
    assert!(losses[29] < 0.5 * losses[0], "{losses:?}");
    let report = job.trainer.test(0).unwrap();
    let accuracy = report.outputs.iter().find(|(name, _)| name.as_str() == "accuracy").unwrap();
    assert_eq!(accuracy.1[..], [1.0, 1.0, 1.0], "{report:?}");
}

/// A solver of a net that takes images of any size, one by one: their mean after a convolution of 1 x 1, and features of it.
fn solver_of_any_size(folder: &Path, sizes: [[usize; 2]; 3], more: &str) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let mut list = String::new();
    for (i, [rows, columns]) in sizes.into_iter().enumerate() {
        let pixels = [30, 90, 200].map(|value| vec![value + 7 * i as u8; rows * columns]).concat();
        let image = Image::new(3, rows, columns, pixels).unwrap();
        image.save_png(&folder.join(format!("{i}.png"))).unwrap();
        list.push_str(&format!("{i}.png {}\n", i % 2));
    }
    std::fs::write(folder.join("list.txt"), list).unwrap();
    let data = format!(
        "layer {{ name: 'data' type: 'ImageData' top: 'image' top: 'label' transform_param {{ scale: 0.00390625 }}
            image_data_param {{ source: '{0}/list.txt' batch_size: 1 root_folder: '{0}/' }} }}
        layer {{ name: 'conv' type: 'Convolution' bottom: 'image' top: 'conv'
            convolution_param {{ num_output: 5 kernel_size: 1 weight_filler {{ type: 'xavier' }} }} }}
        {more}
        layer {{ name: 'pool' type: 'Pooling' bottom: 'conv' top: 'data' pooling_param {{ pool: AVE global_pooling: true }} }}",
        folder.display()
    );
    solver(folder, &data, 2)
}

#[test]
fn images_of_a_batch_of_one_have_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, sizes: [[usize; 2]; 3]| {
        let path = solver_of_any_size(&folder.path().join(name), sizes, "");
        let mut job = open(&path, &JobOptions::default()).unwrap();
        let mut losses: Vec<f32> = (0..20).map(|_| job.trainer.step().unwrap().loss).collect();
        losses.push(job.trainer.test(0).unwrap().loss);
        (losses, job.trainer.parameters())
    };
    let (losses, parameters) = train("any", [[4, 5], [9, 3], [1, 8]]);
    let (expected, of_one_size) = train("one", [[6, 6]; 3]);
    let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
    assert!(close(&losses, &expected) && 0.01 < (losses[0] - losses[19]).abs(), "{losses:?}");
    for (name, blob) in &parameters {
        assert!(close(&blob.data, &of_one_size[name].data), "{name}");
    }
}

#[test]
fn a_net_whose_parameters_depend_on_the_size_takes_one_size() {
    let folder = tempfile::tempdir().unwrap();
    let more = "layer { name: 'fixed' type: 'InnerProduct' bottom: 'conv' top: 'fixed' inner_product_param { num_output: 2 } }
        layer { name: 'unused' type: 'Silence' bottom: 'fixed' }";
    let path = solver_of_any_size(folder.path(), [[4, 5], [4, 5], [4, 6]], more);
    let mut job = open(&path, &JobOptions::default()).unwrap();
    assert!(job.trainer.step().is_ok() && job.trainer.step().is_ok());
    let message = job.trainer.step().map(|_| ()).unwrap_err().to_string();
    let expected = "cannot take `image` of 1 x 3 x 4 x 6: the weight of `fixed` would have to be 2 x 120, not 2 x 100";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn image_data_complains_about_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let list = images(folder.path());
    let path = solver(folder.path(), &image_layer(folder.path(), "TRAIN", ""), 0);
    let fails = |text: &str| -> String {
        std::fs::write(&list, text).unwrap();
        match open(&path, &JobOptions::default()) {
            Err(message) => message,
            Ok(mut job) => job.trainer.step().map(|_| ()).unwrap_err().to_string(),
        }
    };
    std::fs::write(folder.path().join("text.png"), "no image").unwrap();
    for (text, expected) in [
        ("0.png 1\nmissing.png 0\n", "list.txt: line 2: cannot read "),
        ("0.png 1\ntext.png 0\n", "list.txt: line 2: the image is not an image that can be read"),
        ("0.png 1\n1.png\n", "list.txt: line 2: `1.png` is not an image and its label"),
        ("", "list.txt: names no images"),
    ] {
        let message = fails(text);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_resumed_run_on_shuffled_images_ends_in_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    let more = "shuffle: true rand_skip: 5";
    let path = solver(folder.path(), &image_layer(folder.path(), "TRAIN", more), 0);
    let mut whole = open(&path, &JobOptions::default()).unwrap();
    (0..9).for_each(|_| drop(whole.trainer.step().unwrap()));
    let mut first = open(&path, &JobOptions::default()).unwrap();
    (0..4).for_each(|_| drop(first.trainer.step().unwrap()));
    let files = first.trainer.snapshot(&folder.path().join("snap")).unwrap();
    let resume = JobOptions { resume: Some(files.state), ..JobOptions::default() };
    let mut second = open(&path, &resume).unwrap();
    (4..9).for_each(|_| drop(second.trainer.step().unwrap()));
    assert_eq!(whole.trainer.parameters(), second.trainer.parameters());
}

#[test]
fn hdf5_data_trains() {
    let folder = tempfile::tempdir().unwrap();
    for (name, rows) in [("a.h5", 6), ("b.h5", 3)] {
        let label: Vec<f32> = (0..rows).map(|i| (i % 2) as f32).collect();
        let data = label.iter().flat_map(|&l| [l, 1.0 - l, 0.5]).collect();
        let mut tree = Hdf5Tree::default();
        tree.floats("data", Blob::new(vec![rows, 3], data).unwrap());
        tree.floats("label", Blob::new(vec![rows], label).unwrap());
        tree.write(&folder.path().join(name)).unwrap();
    }
    let list = folder.path().join("list.txt");
    std::fs::write(&list, "a.h5\nb.h5\n").unwrap();
    let layer = format!(
        "layer {{ name: 'h' type: 'HDF5Data' top: 'data' top: 'label'
            hdf5_data_param {{ source: '{}' batch_size: 4 shuffle: true }} }}",
        list.display()
    );
    let path = solver(folder.path(), &layer, 1);
    learns(&path, &JobOptions::default());
    std::fs::write(&list, "a.h5\nc.h5\n").unwrap();
    let message = open(&path, &JobOptions::default()).err().unwrap();
    assert!(message.contains("list.txt: line 2: cannot read c.h5"), "{message}");
}

#[test]
fn window_data_trains() {
    let folder = tempfile::tempdir().unwrap();
    // The left half is dark, the right half bright.
    let pixels = (0..3 * 12 * 16).map(|i| if i % 16 < 8 { 20 } else { 220 }).collect();
    Image::new(3, 12, 16, pixels).unwrap().save_png(&folder.path().join("w.png")).unwrap();
    let windows = folder.path().join("windows.txt");
    let text = "# 0\n/w.png\n3\n12\n16\n3\n1 0.9 8 2 15 9\n1 0.7 9 0 14 11\n0 0.1 0 0 6 6\n";
    std::fs::write(&windows, text).unwrap();
    let layer = format!(
        "layer {{ name: 'w' type: 'WindowData' top: 'data' top: 'label'
            transform_param {{ crop_size: 6 mirror: true mean_value: 120 }}
            window_data_param {{ source: '{}' root_folder: '{}' batch_size: 8 fg_fraction: 0.5
                context_pad: 1 crop_mode: 'square' scale: 0.01 }} }}",
        windows.display(),
        folder.path().display()
    );
    learns(&solver(folder.path(), &layer, 0), &JobOptions::default());
}

#[test]
fn memory_data_takes_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let layer = "layer { name: 'm' type: 'MemoryData' top: 'data' top: 'label'
        memory_data_param { batch_size: 4 channels: 1 height: 2 width: 3 }
        transform_param { crop_size: 2 scale: 0.5 } }";
    let path = solver(folder.path(), layer, 1);
    let message = open(&path, &JobOptions::default()).err().unwrap();
    assert!(message.contains("layer `m` takes what a program hands over"), "{message}");
    assert!(message.contains("a safetensors file of `data` and `label`"), "{message}");
    let label: Vec<f32> = (0..6).map(|i| (i % 2) as f32).collect();
    let data: Vec<f32> = label.iter().flat_map(|&l| [2.0 * l - 1.0; 6]).collect();
    let data = Blob::new(vec![6, 1, 2, 3], data).unwrap();
    let file = folder.path().join("in.safetensors");
    let options = JobOptions { tensors: Some(file.clone()), ..JobOptions::default() };
    let write = |label: Vec<f32>| {
        let label = Blob::new(vec![label.len()], label).unwrap();
        write_safetensors(&file, [("data", &data), ("label", &label)]).unwrap();
    };
    write(label.clone());
    learns(&path, &options);
    write(label[..5].to_vec());
    let message = open(&path, &options).err().unwrap();
    assert!(message.contains("tensor `label` holds 5 labels for 6 images"), "{message}");
}

#[test]
fn hdf5_output_is_written_by_a_test() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.h5");
    let data = format!(
        "layer {{ name: 'h' type: 'HDF5Data' top: 'data' top: 'label'
            hdf5_data_param {{ source: '{}' batch_size: 6 }} }}
        layer {{ name: 'o' type: 'HDF5Output' bottom: 'data' bottom: 'label'
            hdf5_output_param {{ file_name: '{}' }} include {{ phase: TEST }} }}
        layer {{ name: 'sum' type: 'Power' bottom: 'label' top: 'z' power_param {{ scale: 0 }} }}",
        golden("h5_list.txt").display(),
        out.display()
    );
    let path = solver(folder.path(), &data, 2);
    let net = folder.path().join("net.prototxt");
    let text = std::fs::read_to_string(&net).unwrap();
    // Labels of the golden files are no classes.
    let text = text.replace("bottom: 'label' top: 'loss'", "bottom: 'z' top: 'loss'");
    std::fs::write(&net, text).unwrap();
    let mut job = open(&path, &JobOptions::default()).unwrap();
    job.trainer.step().unwrap();
    assert!(!out.exists());
    for _ in 0..2 {
        job.trainer.test(0).unwrap();
    }
    let expected = read_safetensors(&golden("hdf5data.safetensors")).unwrap();
    let written = Hdf5File::open(&out).unwrap();
    for name in ["data", "label"] {
        let got = written.blob(name).unwrap();
        assert_eq!((got.shape.len(), got.shape[0]), (4, 12), "{name}");
        assert!(got.data.iter().all(|x| x.is_finite()));
    }
    // The second test goes on where the first one ended, as the layer that feeds it does.
    let third = &expected["data.2"].data;
    assert_eq!(written.blob("data").unwrap().data[..third.len()], third[..]);
}

fn cortado(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cortado"));
    command.current_dir(folder).args(arguments).output().unwrap()
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = cortado(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(folder: &Path, arguments: &[&str], expected: &str) {
    let output = cortado(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
    assert!(error.contains(expected), "{error}");
}

#[test]
fn one_pass_writes_the_file_of_caffe() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = Hdf5File::open(&golden("hdf5_output.h5")).unwrap();
    let reshaped = |name: &str, shape: &[usize]| {
        Blob::new(shape.to_vec(), theirs.blob(name).unwrap().data).unwrap()
    };
    let (x, y) = (reshaped("data", &[3, 2, 2]), reshaped("label", &[3]));
    let tensors = folder.path().join("in.safetensors");
    write_safetensors(&tensors, [("in.x", &x), ("in.y", &y)]).unwrap();
    let net = golden("hdf5output.prototxt");
    let net = net.to_str().unwrap();
    done(folder.path(), &["run", net, "--tensors", "in.safetensors", "-o", "out.safetensors"]);
    let ours = Hdf5File::open(&folder.path().join("hdf5_output.h5")).unwrap();
    assert_eq!(ours.contents().unwrap().datasets.len(), 2);
    for name in ["data", "label"] {
        assert_eq!(ours.blob(name).unwrap(), theirs.blob(name).unwrap(), "{name}");
    }
}

#[test]
fn a_net_is_tested_with_or_without_a_solver() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    let train = image_layer(folder.path(), "TRAIN", "");
    let test = image_layer(folder.path(), "TEST", "");
    let path = solver(folder.path(), &format!("{train}{test}"), 2);
    let mut job = open(&path, &JobOptions::default()).unwrap();
    (0..3).for_each(|_| drop(job.trainer.step().unwrap()));
    let files = job.trainer.snapshot(&folder.path().join("snap")).unwrap();
    let weights = files.safetensors.to_str().unwrap();
    let of = |file: &str, more: &[&str]| {
        let said =
            done(folder.path(), &[&["test", file, "--json", "--weights", weights], more].concat());
        let event: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        event["outputs"]["loss"].clone()
    };
    let expected = of("solver.prototxt", &[]);
    assert!(!expected.is_null());
    assert_eq!(of("net.prototxt", &["--iterations", "2"]), expected);
    assert_eq!(of("net.prototxt", &[]), expected);
    assert_ne!(of("net.prototxt", &["--stage", "TRAIN", "--iterations", "1"]), expected);
    let parts = read_safetensors(&files.safetensors).unwrap();
    let names: Vec<String> = (0..parts.len()).map(|i| format!("part{i}.safetensors")).collect();
    for (name, (parameter, blob)) in names.iter().zip(&parts) {
        write_safetensors(&folder.path().join(name), [(parameter.as_str(), blob)]).unwrap();
    }
    let arguments: Vec<&str> = names.iter().flat_map(|name| ["--weights", name]).collect();
    let said = done(folder.path(), &[&["test", "net.prototxt", "--json"], &arguments[..]].concat());
    let event: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(event["outputs"]["loss"], expected);
    let only = ["test", "net.prototxt", "--weights", &names[0]];
    refused(folder.path(), &only, "has no bias of layer `ip`");
    refused(folder.path(), &["test", "net.prototxt"], "give the weights of the net with --weights");
    let arguments = ["test", "solver.prototxt", "--iterations", "2", "--weights", weights];
    refused(folder.path(), &arguments, "a run file or solver says how it tests");
}

#[test]
fn from_images_to_features() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    images(folder);
    let root = "./";
    let out = done(folder, &["convert-imageset", root, "list.txt", "db", "--gray"]);
    assert_eq!(out, "8 images in db\n");
    refused(folder, &["convert-imageset", root, "list.txt", "db"], "already exists");
    refused(folder, &["convert-imageset", root, "none.txt", "x"], "cannot read none.txt");
    refused(
        folder,
        &["convert-imageset", root, "list.txt", "x", "--backend", "leveldb"],
        "`leveldb` databases are not read or written; lmdb ones are",
    );
    let out = done(folder, &["compute-mean", "db", "mean.binaryproto"]);
    assert!(out.starts_with("8 images of 1 x 6 x 5\nmean_value channel [0]: 108.5\n"), "{out}");
    let mean = read_binaryproto(&folder.join("mean.binaryproto")).unwrap();
    assert_eq!((mean.shape, mean.data[29]), (vec![1, 1, 6, 5], 108.5));
    refused(folder, &["compute-mean", "nowhere"], "nowhere");

    let net = "layer { name: 'd' type: 'Data' top: 'data' top: 'label'
            data_param { source: 'db' batch_size: 3 backend: LMDB }
            transform_param { mean_file: 'mean.binaryproto' } }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip'
            inner_product_param { num_output: 2 } }
        layer { name: 'relu' type: 'ReLU' bottom: 'ip' top: 'ip' }";
    std::fs::write(folder.join("net.prototxt"), net).unwrap();
    let weight: Vec<f32> = [1.0, -1.0].into_iter().flat_map(|w| [w; 30]).collect();
    let weight = Blob::new(vec![2, 30], weight).unwrap();
    let bias = Blob::new(vec![2], vec![0.5, 0.0]).unwrap();
    let weights = [("param.ip.0", &weight), ("param.ip.1", &bias)];
    write_safetensors(&folder.join("w.safetensors"), weights).unwrap();
    let extract = |blobs: &str, out: &str| {
        let blobs = ["--blobs", blobs, "-o", out];
        let given = ["extract", "net.prototxt", "--weights", "w.safetensors"];
        [&given[..], &blobs[..]].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let run = |arguments: &[String]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        done(folder, &arguments)
    };
    let out = run(&extract("ip,label", "f.safetensors"));
    assert_eq!(out, "ip: 8 x 2\nlabel: 8\n");
    let features = read_safetensors(&folder.join("f.safetensors")).unwrap();
    let pixel = |i: usize| if i.is_multiple_of(2) { 10.0 + i as f32 } else { 200.0 + i as f32 };
    for i in 0..8 {
        let sum = 30.0 * (pixel(i) - 108.5);
        let expected = [(sum + 0.5).max(0.0), (-sum).max(0.0)];
        assert_eq!(features["ip"].data[2 * i..2 * i + 2], expected, "image {i}");
        assert_eq!(features["label"].data[i], (i % 2) as f32);
    }
    run(&extract("ip", "f.json"));
    let json = std::fs::read_to_string(folder.join("f.json")).unwrap();
    let json: BTreeMap<String, Vec<Vec<f32>>> = serde_json::from_str(&json).unwrap();
    assert_eq!(json["ip"].concat(), features["ip"].data);
    run(&extract("ip", "f.lmdb"));
    let mut reader = cortado::data::lmdb::LmdbReader::open(&folder.join("f.lmdb")).unwrap();
    let (key, value) = reader.advance().unwrap().unwrap();
    let mut record = cortado::data::datum::Record::default();
    record.read(value).unwrap();
    assert_eq!((key, record.shape()), (&b"0000000000"[..], [2, 1, 1]));
    let first = cortado::data::datum::Values::Floats(&features["ip"].data[..2]);
    assert_eq!(record.values(), first);
    // A definition that is a program is told the shape of the records.
    let lua = "require 'nn'
        return function(params)
           local shape, net = params.inputShape, nn.Sequential()
           net:add(nn.View(shape[1] * shape[2] * shape[3]))
           net:add(nn.Linear(30, params.outputs or 2))
           return { model = net, loss = nn.MSECriterion() }
        end";
    std::fs::write(folder.join("net.lua"), lua).unwrap();
    let weights = [("param.2.0", &weight), ("param.2.1", &bias)];
    write_safetensors(&folder.join("lua.safetensors"), weights).unwrap();
    let of_lua = ["extract", "net.lua", "--weights", "lua.safetensors", "--blobs", "2", "-o"];
    let told = |more: &[&'static str]| [&of_lua[..], &["l.safetensors"], more].concat();
    assert_eq!(done(folder, &told(&["--data", "db", "--input-shape", "1,6,5"])), "2: 8 x 2\n");
    let features = read_safetensors(&folder.join("l.safetensors")).unwrap();
    for i in 0..8 {
        let sum = 30.0 * pixel(i);
        assert_eq!(features["2"].data[2 * i..2 * i + 2], [sum + 0.5, -sum], "image {i}");
    }
    refused(folder, &told(&[]), "give them with --data or --tensors");
    let wrong = told(&["--data", "db", "--input-shape", "1,28,28"]);
    refused(folder, &wrong, "--input-shape says 1 x 28 x 28, the records are 1 x 6 x 5");
    let wrong = told(&["--data", "db", "--param", "outputs=3"]);
    refused(folder, &wrong, "lua.safetensors");
    let deploy = "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 1 dim: 4 dim: 4 } } }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip'
            inner_product_param { num_output: 2 weight_filler { type: 'xavier' } } }";
    std::fs::write(folder.join("deploy.prototxt"), deploy).unwrap();
    let wrong = [
        "extract",
        "deploy.prototxt",
        "--weights",
        "w.safetensors",
        "--blobs",
        "ip",
        "--data",
        "db",
        "-o",
        "x.json",
    ];
    refused(folder, &wrong, "the records are 1 x 6 x 5, the net's input `data` is 1 x 4 x 4");
    let wrong: Vec<String> = extract("ipp", "x.json");
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    refused(folder, &wrong, "the net has no blob `ipp`; it has data, label, ip");
    let wrong: Vec<String> = extract("ip", "x.csv");
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    refused(folder, &wrong, "x.csv: is no kind of output");
}

#[test]
fn images_that_a_fork_would_change_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    images(folder);
    let layer = image_layer(folder, "TRAIN", "new_height: 6 new_width: 5");
    let changed = layer.replacen("mirror", "img_rand_resize_lower: 6 mirror", 1);
    let why = open(&solver(folder, &changed, 0), &JobOptions::default()).err().unwrap();
    assert!(why.contains("images with the `img_rand_resize_lower`"), "{why}");
    let unsaid = layer.replacen("batch_size: 4", "batch_size: 0", 1);
    let why = open(&solver(folder, &unsaid, 0), &JobOptions::default()).err().unwrap();
    assert!(why.contains("`batch_size`"), "{why}");
}
