//! Layers that bring data in or take it out: their shapes, and what is said about fields that make no sense.

use std::collections::BTreeMap;
use std::path::Path;

use cortado::exec::Device;
use cortado::one_pass::{PassOptions, one_pass};
use cortado::pipeline::{self, Checked, Options};
use cortado::spec::Filler;
use cortado::ty::Shape;
use cortado::weights::{fill, read_safetensors};

fn checked(text: &str) -> Checked {
    let options = Options { own_state: true, ..Options::default() };
    pipeline::check(Path::new("net.prototxt"), text.to_owned(), &options)
}

/// The shapes of all tops in order, or all complaints.
fn check(text: &str, want: &str) {
    let checked = checked(text);
    let got = if checked.diagnostics.is_empty() {
        let shapes = checked.stages[0].signatures.iter().flatten().flat_map(|s| &s.tops);
        shapes.map(|shape| shape.to_string()).collect::<Vec<_>>().join(", ")
    } else {
        checked.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(got, want, "{text}");
}

#[test]
fn memory_data() {
    let layer = |fields: &str| {
        format!("layer {{ name: 'm' type: 'MemoryData' top: 'x' top: 'y' {fields} }}")
    };
    let param = "memory_data_param { batch_size: 5 channels: 3 height: 8 width: 9 }";
    check(&layer(param), "5 x 3 x 8 x 9, 5");
    check(&layer(&format!("{param} transform_param {{ crop_size: 4 }}")), "5 x 3 x 4 x 4, 5");
    check(
        &layer(&format!("{param} transform_param {{ crop_size: 9 }}")),
        "layer `m`: crop_size 9 is larger than the records, 3 x 8 x 9",
    );
    check(
        &layer("memory_data_param { batch_size: 5 channels: 3 height: 0 }"),
        "`width` is missing; `height` must not be 0",
    );
}

#[test]
fn image_and_window_data() {
    let layer = |kind: &str, fields: &str| {
        format!("layer {{ name: 'i' type: '{kind}' top: 'x' top: 'y' {fields} }}")
    };
    let image = |fields: &str| layer("ImageData", fields);
    check(
        &image("image_data_param { source: 'l' batch_size: 2 new_height: 6 new_width: 7 }"),
        "2 x 3 x 6 x 7, 2",
    );
    check(
        &image("image_data_param { source: 'l' is_color: false } transform_param { crop_size: 5 }"),
        "1 x 1 x 5 x 5, 1",
    );
    check(
        &image("image_data_param { source: 'l' new_width: 7 }"),
        "`new_height` and `new_width` must be set together",
    );
    let window = |fields: &str| {
        let param = format!("window_data_param {{ source: 'w' batch_size: 4 {fields} }}");
        layer("WindowData", &format!("{param} transform_param {{ crop_size: 11 }}"))
    };
    check(&window("crop_mode: 'square' context_pad: 16"), "4 x 3 x 11 x 11, 4");
    check(
        &window("crop_mode: 'stretch' fg_fraction: 2"),
        "`crop_mode` must be \"warp\" or \"square\", not \"stretch\"; \
         `fg_fraction` must be from 0 to 1, not 2",
    );
}

#[test]
fn hdf5() {
    let layer = |fields: &str| {
        format!("layer {{ name: 'h' type: 'HDF5Data' top: 'data' top: 'label' {fields} }}")
    };
    check(
        &layer("hdf5_data_param { source: 'l' batch_size: 2 }"),
        "the shapes of `data`, `label` are not known, so shapes are not checked",
    );
    check(
        &layer("hdf5_data_param { source: 'l' batch_size: 0 } transform_param { scale: 2 }"),
        "`batch_size` must not be 0; HDF5Data does not transform its data",
    );
    let output = "layer { name: 'o' type: 'HDF5Output' bottom: 'x' bottom: 'y'
        hdf5_output_param { file_name: 'o.h5' } }";
    let input = "layer { name: 'i' type: 'Input' top: 'x' top: 'y'
        input_param { shape { dim: 2 dim: 3 } shape { dim: 2 } } }";
    check(&format!("{input} {output}"), "2 x 3, 2");
}

#[test]
fn dummy_data_draws_anew_for_each_top() {
    let text = "layer { name: 'd' type: 'DummyData' top: 'u' top: 'n' top: 'b' top: 'x' top: 'p' top: 'g' top: 'm'
        dummy_data_param {
            shape { dim: 20 dim: 30 } shape { dim: 20 dim: 30 } shape { dim: 1 dim: 1 dim: 4 dim: 4 }
            shape { dim: 20 dim: 30 } shape { dim: 20 dim: 30 } shape { dim: 20 dim: 30 } shape { dim: 20 dim: 30 }
            data_filler { type: 'uniform' min: 2 max: 4 }
            data_filler { type: 'gaussian' mean: -1 std: 0.5 }
            data_filler { type: 'bilinear' }
            data_filler { type: 'xavier' }
            data_filler { type: 'positive_unitball' }
            data_filler { type: 'gaussian_unitball' }
            data_filler { type: 'msra' alpha: 0.5 }
        } }";
    let checked = checked(text);
    let env = pipeline::environment(&Options::default(), &|_| None);
    let pass = PassOptions { backward: false, device: Device::Cpu, threads: 1, seed: 3 };
    let out = one_pass(&checked.stages[0], &env, &BTreeMap::new(), &pass).unwrap();

    let moments = |name: &str| {
        let data = &out[name].data;
        let n = data.len() as f32;
        let mean = data.iter().sum::<f32>() / n;
        (mean, data.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n)
    };
    for (name, mean, variance) in [
        ("out.u", 3.0, 4.0 / 12.0),
        ("out.n", -1.0, 0.25),
        ("out.x", 0.0, 1.0 / 30.0),
        ("out.m", 0.0, 2.0 / 30.0 / 1.25),
    ] {
        let (m, v) = moments(name);
        assert!((m - mean).abs() < 0.1 && (v / variance - 1.0).abs() < 0.15, "{name} {m} {v}");
    }
    for row in out["out.p"].data.chunks(30) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
    }
    let shape = Shape::from([20, 30]);
    let learned = fill(&Filler::GaussianUnitball, &shape, 3, 0);
    for row in out["out.g"].data.chunks(30).chain(learned.chunks(30)) {
        assert!((row.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-4, "{row:?}");
        assert!(row.iter().any(|&x| x < 0.0), "{row:?}");
    }
    let bilinear = [0.25, 0.75, 0.75, 0.25];
    for (i, &x) in out["out.b"].data.iter().enumerate() {
        assert_eq!(x, bilinear[i % 4] * bilinear[i / 4]);
    }
}

/// What one layer without bottoms gives.
fn filled(dims: &[usize], filler: &str) -> Vec<f32> {
    let dims: String = dims.iter().map(|dim| format!("dim: {dim} ")).collect();
    let checked = checked(&format!(
        "layer {{ name: 'd' type: 'DummyData' top: 'd' dummy_data_param {{ shape {{ {dims} }} data_filler {{ {filler} }} }} }}"
    ));
    let env = pipeline::environment(&Options::default(), &|_| None);
    let pass = PassOptions { backward: false, device: Device::Cpu, threads: 1, seed: 1 };
    let out = one_pass(&checked.stages[0], &env, &BTreeMap::new(), &pass);
    out.expect("numbers")["out.d"].data.clone()
}

/// Moments of Caffe's fillers in tests/golden/caffe/io, within 5 % of a standard deviation, and its bilinear filter to the bit.
#[test]
fn fillers_have_caffes_moments() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/caffe/io");
    let text =
        std::fs::read(folder.join("filler_statistics.json")).expect("part of the repository");
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&text).expect("JSON");
    let fillers: Vec<_> = cases.iter().filter(|case| case["filler"].is_string()).collect();
    assert_eq!(fillers.len(), 26);
    for case in fillers {
        let shape: Vec<usize> = serde_json::from_value(case["shape"].clone()).expect("extents");
        let data = filled(&shape, case["filler"].as_str().expect("text"));
        let number = |key: &str| case[key].as_f64().expect("a number");
        let n = data.len() as f64;
        let mean = data.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let square = |x: &f32| (f64::from(*x) - mean).powi(2);
        let std = (data.iter().map(square).sum::<f64>() / n).sqrt();
        let zeros = data.iter().filter(|&&x| x == 0.0).count() as f64 / n;
        let close = 0.05 * number("std") + 1e-6;
        assert!((mean - number("mean")).abs() < close, "{case}: mean {mean}");
        assert!((std - number("std")).abs() < close, "{case}: standard deviation {std}");
        assert!((zeros - number("zero_fraction")).abs() < 0.02, "{case}: {zeros} zeros");
        let bound = 1.2 * number("max").max(-number("min"));
        assert!(data.iter().all(|x| f64::from(x.abs()) <= bound), "{case}");
    }
    let filters = read_safetensors(&folder.join("bilinear.safetensors")).expect("filters");
    assert_eq!(filters.len(), 5);
    for (name, want) in filters {
        assert_eq!(filled(&want.shape, "type: 'bilinear'"), want.data, "{name}");
    }
}

#[test]
fn dummy_data_counts() {
    check(
        "layer { name: 'd' type: 'DummyData' top: 'a' top: 'b' top: 'c'
            dummy_data_param { shape { dim: 2 } shape { dim: 3 } } }",
        "layer `d`: 2 shapes for 3 tops; give 1 or 3",
    );
    check(
        "layer { name: 'd' type: 'DummyData' top: 'a' top: 'b'
            dummy_data_param { num: 1 num: 2 channels: 3 height: 4 height: 5 width: 6 } }",
        "1 x 3 x 4 x 6, 2 x 3 x 5 x 6",
    );
    check(
        "layer { name: 'd' type: 'DummyData' top: 'a' dummy_data_param { num: 1 channels: 3 } }",
        "`height` is missing beside the other extents",
    );
}

/// Caffe 1.0 writes these numbers into its model before the first update, and "Skipping parameter initialization" into its log.
#[test]
fn blobs_of_a_layer_are_its_first_values() {
    let checked = checked(
        "layer { name: 'x' type: 'DummyData' top: 'x' dummy_data_param {
            shape { dim: 1 dim: 3 dim: 1 dim: 1 } data_filler { value: 1 } } }
        layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'c'
            convolution_param { num_output: 1 kernel_size: 1 weight_filler { type: 'xavier' } }
            blobs { shape { dim: 1 dim: 3 dim: 1 dim: 1 } data: 1.25 data: 2.5 data: 3.75 }
            blobs { num: 1 channels: 1 height: 1 width: 1 data: [5.5] } }",
    );
    assert!(checked.diagnostics.is_empty(), "{}", checked.complaints());
    let env = pipeline::environment(&Options::default(), &|_| None);
    let pass = PassOptions { backward: false, device: Device::Cpu, threads: 1, seed: 1 };
    let out = one_pass(&checked.stages[0], &env, &BTreeMap::new(), &pass).expect("numbers");
    assert_eq!(out["out.c"].data, [13.0]);
}
