//! What the golden data of Caffe 1.0 do not cover: layers of its forks, random layers, shared states and complaints.
//! Values are worked out by hand, gradients by finite differences.

use std::collections::BTreeMap;
use std::path::Path;

use cortado::exec::Device;
use cortado::one_pass::{PassOptions, input_shapes, one_pass};
use cortado::pipeline::{self, Checked, Options};
use cortado::weights::Blob;

type Tensors = BTreeMap<String, Blob>;

fn tensors(list: &[(&str, &[usize], &[f32])]) -> Tensors {
    let blob = |shape: &[usize], data: &[f32]| Blob { shape: shape.into(), data: data.into() };
    list.iter().map(|(name, shape, data)| (name.to_string(), blob(shape, data))).collect()
}

/// A net of these layers with an input for every `in.<blob>`.
fn net(phase: &str, layers: &str, given: &Tensors) -> (Checked, Options) {
    let mut text = format!("force_backward: true state {{ phase: {phase} }}\n");
    for (name, shape) in input_shapes(given) {
        let dims: String = shape.dims().iter().map(|d| format!("dim: {d} ")).collect();
        let shape = format!("input_param {{ shape {{ {dims} }} }}");
        text += &format!("layer {{ name: '{name}' type: 'Input' top: '{name}' {shape} }}\n");
    }
    let options = Options { own_state: true, ..Options::default() };
    (pipeline::check(Path::new("net.prototxt"), text + layers, &options), options)
}

fn run(phase: &str, layers: &str, given: &Tensors) -> Tensors {
    let (checked, options) = net(phase, layers, given);
    let text = checked.complaints();
    assert!(!checked.diagnostics.has_errors(), "{text}");
    let env = pipeline::environment(&options, &|_| None);
    let pass = PassOptions { backward: true, device: Device::Cpu, threads: 1, seed: 1 };
    one_pass(&checked.stages[0], &env, given, &pass).expect("the pass runs")
}

fn close(got: &[f32], want: &[f32], tolerance: f32) -> bool {
    got.len() == want.len()
        && got.iter().zip(want).all(|(a, b)| (a - b).abs() <= tolerance * (1.0 + b.abs()))
}

/// Compares blob `y` of a net with values, and its gradients to all inputs and parameters with finite differences
/// of the sum of `dout.y` times `y`.
fn check(phase: &str, layers: &str, given: Tensors, want: &[f32]) {
    let results = run(phase, layers, &given);
    let y = &results["out.y"].data;
    assert!(close(y, want, 1e-5), "{layers}\n{y:?} is not {want:?}");
    let dout = given["dout.y"].data.clone();
    let total = |given: &Tensors| -> f32 {
        let results = run(phase, layers, given);
        results["out.y"].data.iter().zip(&dout).map(|(y, d)| y * d).sum()
    };
    for (name, blob) in given.iter().filter(|(name, _)| !name.starts_with("dout")) {
        let step = 1e-2;
        let finite: Vec<f32> = (0..blob.data.len())
            .map(|i| {
                let (mut up, mut down) = (given.clone(), given.clone());
                up.get_mut(name).expect("the same names").data[i] += step;
                down.get_mut(name).expect("the same names").data[i] -= step;
                (total(&up) - total(&down)) / (2.0 * step)
            })
            .collect();
        let gradient = &results[&format!("d{name}")].data;
        assert!(close(gradient, &finite, 5e-3), "{layers}\n{name}: {gradient:?}, not {finite:?}");
    }
}

#[test]
fn relu6_has_a_ceiling_and_a_slope() {
    let given = tensors(&[
        ("in.x", &[5], &[-2.0, 0.5, 5.5, 6.5, 9.0]),
        ("dout.y", &[5], &[1.0, 2.0, 3.0, 4.0, 5.0]),
    ]);
    let layer = |p: &str| format!("layer {{ name: 'l' type: 'ReLU6' bottom: 'x' top: 'y' {p} }}");
    check("TRAIN", &layer(""), given.clone(), &[0.0, 0.5, 5.5, 6.0, 6.0]);
    let slanted = layer("relu6_param { n: 4 negative_slope: 0.5 }");
    check("TRAIN", &slanted, given, &[-1.0, 0.5, 4.0, 4.0, 4.0]);
}

#[test]
fn axpy_scales_channels_and_adds() {
    let given = tensors(&[
        ("in.a", &[1, 2, 1, 1], &[2.0, -1.0]),
        ("in.x", &[1, 2, 1, 2], &[1.0, 2.0, 3.0, 4.0]),
        ("in.z", &[1, 2, 1, 2], &[0.5, 0.5, -0.5, 1.0]),
        ("dout.y", &[1, 2, 1, 2], &[1.0, 2.0, 3.0, -4.0]),
    ]);
    let layer = "layer { name: 'l' type: 'Axpy' bottom: 'a' bottom: 'x' bottom: 'z' top: 'y' }";
    check("TRAIN", layer, given, &[2.5, 4.5, -3.5, -3.0]);
}

#[test]
fn normalize_divides_by_the_length() {
    let layer = |p: &str| {
        let p = format!("norm_param {{ {p} }}");
        format!("layer {{ name: 'l' type: 'Normalize' bottom: 'x' top: 'y' {p} }}")
    };
    let mut given = tensors(&[
        ("in.x", &[1, 2, 1, 2], &[3.0, 1.0, 4.0, -1.0]),
        ("param.l.0", &[2], &[10.0, 20.0]),
        ("dout.y", &[1, 2, 1, 2], &[0.1, 0.2, 0.3, -0.4]),
    ]);
    let half = 0.5f32.sqrt();
    let want = [6.0, 10.0 * half, 16.0, -20.0 * half];
    check("TRAIN", &layer("across_spatial: false channel_shared: false"), given.clone(), &want);

    given.insert("param.l.0".into(), Blob { shape: vec![], data: vec![2.0] });
    let length = 27f32.sqrt();
    let want = [6.0 / length, 2.0 / length, 8.0 / length, -2.0 / length];
    check("TRAIN", &layer(""), given, &want);
}

#[test]
fn eltwise_takes_many_bottoms() {
    let n = 19;
    let mut given = tensors(&[("dout.y", &[2], &[1.0, -2.0])]);
    let mut bottoms = String::new();
    for i in 0..n {
        let data = vec![1.0 + 0.1 * i as f32, 0.5 - 0.25 * ((i * 7) % n) as f32];
        given.insert(format!("in.b{i}"), Blob { shape: vec![2], data });
        bottoms += &format!("bottom: 'b{i}' ");
    }
    let column = |at: usize| {
        given.iter().filter(|(n, _)| n.starts_with("in.")).map(move |(_, b)| b.data[at])
    };
    let wants = [
        ("SUM", [column(0).sum(), column(1).sum()]),
        ("MAX", [0, 1].map(|at| column(at).fold(f32::MIN, f32::max))),
    ];
    for (operation, want) in wants {
        let p = format!("eltwise_param {{ operation: {operation} }}");
        let layer = format!("layer {{ name: 'l' type: 'Eltwise' {bottoms} top: 'y' {p} }}");
        check("TRAIN", &layer, given.clone(), &want);
    }
}

#[test]
fn dropout_keeps_the_expected_value() {
    let n = 4000;
    let given = tensors(&[("in.x", &[n], &vec![2.0; n]), ("dout.y", &[n], &vec![3.0; n])]);
    let p = "dropout_param { dropout_ratio: 0.25 }";
    let layer = format!("layer {{ name: 'l' type: 'Dropout' bottom: 'x' top: 'y' {p} }}");
    let results = run("TRAIN", &layer, &given);
    let (y, dx) = (&results["out.y"].data, &results["din.x"].data);
    let kept = y.iter().filter(|&&y| y != 0.0).count();
    assert!((2900..3100).contains(&kept), "{kept} of {n} are kept");
    for (y, dx) in y.iter().zip(dx) {
        assert!(*y == 0.0 && *dx == 0.0 || close(&[*y, *dx], &[2.0 / 0.75, 4.0], 1e-6));
    }
    assert_eq!(run("TEST", &layer, &given)["out.y"].data, given["in.x"].data);
}

#[test]
fn layers_that_share_statistics_add_to_them_in_turn() {
    let given = tensors(&[("in.a", &[2, 1], &[1.0, 3.0]), ("in.b", &[2, 1], &[10.0, 14.0])]);
    let share = "param { name: 'm' } param { name: 'v' } param { name: 'f' }";
    let p = "batch_norm_param { moving_average_fraction: 0.5 }";
    let layer = |x: &str| {
        format!(
            "layer {{ name: 'l{x}' type: 'BatchNorm' bottom: '{x}' top: 'y{x}' {share} {p} }}\n"
        )
    };
    let results = run("TRAIN", &(layer("a") + &layer("b")), &given);
    // Means 2 and 12, variances 1 and 4, doubled because they are of 2 elements.
    for (i, want) in [0.5 * 2.0 + 12.0, 0.5 * 2.0 + 8.0, 0.5 * 1.0 + 1.0].into_iter().enumerate() {
        let got = &results[&format!("param_after.la.{i}")].data;
        assert!(close(got, &[want], 1e-6), "state {i} is {got:?}, not {want}");
    }
}

/// Caffe's Split takes the weight of a top that is read too and leaves none with the layer.
#[test]
fn a_read_top_with_a_loss_weight_leaves_none_to_the_others() {
    let layers = "layer { name: 's' type: 'Slice' bottom: 'x' top: 'a' top: 'b' top: 'c'
            loss_weight: 2 loss_weight: 3 loss_weight: 5 }
        layer { name: 'p' type: 'Power' bottom: 'a' top: 'y' power_param { scale: 10 } }";
    let given = tensors(&[
        ("in.x", &[1, 3], &[1.0, 2.0, 3.0]),
        ("dout.y", &[1, 1], &[0.5]),
        ("dout.b", &[1, 1], &[0.0]),
        ("dout.c", &[1, 1], &[0.0]),
    ]);
    let read = run("TRAIN", layers, &given);
    assert_eq!(read["din.x"].data, [2.0 + 10.0 * 0.5, 0.0, 0.0]);
    // Where nobody reads it all weights count.
    let apart = layers.replace("bottom: 'a'", "bottom: 'x'").replace("scale: 10", "scale: 0");
    let given = tensors(&[("in.x", &[1, 3], &[1.0, 2.0, 3.0]), ("dout.y", &[1, 3], &[0.0; 3])]);
    assert_eq!(run("TRAIN", &apart, &given)["din.x"].data, [2.0, 3.0, 5.0]);
}

#[test]
fn nonsense_is_refused() {
    let given = tensors(&[("in.x", &[2, 3, 4, 4], &[0.0; 96]), ("in.z", &[4, 3], &[0.0; 12])]);
    let cases = [
        ("'Dropout' bottom: 'x' dropout_param { dropout_ratio: 1.5 }", "less than 1, not 1.5"),
        ("'LRN' bottom: 'x' lrn_param { local_size: 4 }", "a window of 4 has no middle"),
        ("'LRN' bottom: 'z'", "LRN needs a blob of 4 axes"),
        (
            "'Scale' bottom: 'x' scale_param { filler { type: 'gaussian' std: 0 } }",
            "must be above 0",
        ),
        ("'Bias' bottom: 'x' bias_param { filler { type: 'uniform' min: 2 } }", "has no range"),
        ("'Clip' bottom: 'x' clip_param { max: 1 }", "`min` is missing"),
        ("'Exp' bottom: 'x' exp_param { base: 0 }", "`base` must be above 0"),
        ("'Log' bottom: 'x' log_param { base: 1 }", "no logarithm to the base 1"),
        ("'Softmax' bottom: 'z' softmax_param { axis: 2 }", "axis 2 does not exist"),
        ("'Eltwise' bottom: 'x' bottom: 'z'", "must have the shape of `x`"),
        ("'Eltwise' bottom: 'x' bottom: 'x' eltwise_param { coeff: 1 }", "1 `coeff` for 2 bottoms"),
        ("'Scale' bottom: 'x' scale_param { axis: 2 num_axes: 3 }", "3 axes from axis 2"),
        ("'Scale' bottom: 'x' scale_param { num_axes: -2 }", "`num_axes` must be"),
        ("'Scale' bottom: 'x' bottom: 'z'", "must have the axes of 2 x 3 x 4 x 4 from axis 1 on"),
        ("'Bias' bottom: 'z' bias_param { axis: -3 }", "axis -3 does not exist"),
        ("'BatchNorm' bottom: 'x' param { lr_mult: 1 } param { lr_mult: 1 }", "are not learned"),
        ("'Axpy' bottom: 'z' bottom: 'x' bottom: 'x'", "one factor for each image and channel"),
    ];
    for (layer, want) in cases {
        let text = format!("layer {{ name: 'l' top: 'y' type: {layer} }}");
        let (checked, _) = net("TRAIN", &text, &given);
        let complaints = checked.complaints();
        assert!(checked.diagnostics.has_errors(), "{layer} is accepted");
        assert!(complaints.contains(want), "{layer}: {complaints}");
    }
    let three = "layer { name: 'l' type: 'BatchNorm' bottom: 'x' top: 'y' param { lr_mult: 1 } \
                 param { lr_mult: 1 } param { lr_mult: 1 } }";
    let (checked, _) = net("TRAIN", three, &given);
    assert!(!checked.diagnostics.has_errors(), "three multipliers are accepted, as in Caffe");
}
