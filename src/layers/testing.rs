//! Runs one layer on given numbers, for tests of layers that no golden data covers.

use std::collections::BTreeMap;
use std::path::Path;

use crate::exec::Device;
use crate::one_pass::{PassOptions, input_shapes, input_values, one_pass};
use crate::pipeline::{self, Options};
use crate::weights::Blob;

/// A blob by its extents and its elements.
pub fn blob(shape: &[usize], data: &[f32]) -> Blob {
    assert_eq!(shape.iter().product::<usize>(), data.len());
    Blob { shape: shape.to_vec(), data: data.to_vec() }
}

/// 0, 1, 2, ... in a shape.
pub fn counting(shape: &[usize]) -> Blob {
    let count = shape.iter().product();
    Blob { shape: shape.to_vec(), data: (0..count).map(|i: usize| i as f32).collect() }
}

/// The results of a forward and backward pass of a net of a `layer` with the top `y`, its inputs being `in.<name>`
/// among the tensors; or all complaints, or why it is refused.
pub fn pass(
    layer: &str,
    tensors: &BTreeMap<String, Blob>,
) -> Result<BTreeMap<String, Blob>, String> {
    let inputs = tensors.keys().filter_map(|name| name.strip_prefix("in."));
    let inputs =
        inputs.map(|name| format!("layer {{ name: {name:?} type: \"Input\" top: {name:?} }}\n"));
    let text = format!("force_backward: true\n{}{layer}", inputs.collect::<String>());
    let options = Options {
        own_state: true,
        shapes: input_shapes(tensors),
        values: input_values(tensors),
        ..Options::default()
    };
    let checked = pipeline::check(Path::new("net.prototxt"), text, &options);
    if checked.diagnostics.has_errors() {
        return Err(checked.complaints());
    }
    let env = pipeline::environment(&options, &|_| None);
    let pass = PassOptions { backward: true, device: Device::Cpu, threads: 1, seed: 7 };
    one_pass(&checked.stages[0], &env, tensors, &pass).map_err(|e| e.to_string())
}

/// Checks the top `y` of a layer, and by finite differences the gradient of its first bottom `a`.
pub fn check(layer: &str, inputs: &[(&str, Blob)], want: &Blob) {
    let named = |(name, blob): &(&str, Blob)| (format!("in.{name}"), blob.clone());
    let mut tensors: BTreeMap<String, Blob> = inputs.iter().map(named).collect();
    let weights: Vec<f32> = (0..want.data.len()).map(|i| (i * 7 % 5) as f32 - 1.5).collect();
    tensors.insert("dout.y".into(), blob(&want.shape, &weights));
    let results = pass(layer, &tensors).unwrap_or_else(|why| panic!("{layer}: {why}"));
    close(layer, &results["out.y"], want, 1e-6);

    let mut finite = results["din.a"].clone();
    for (i, slope) in finite.data.iter_mut().enumerate() {
        let at = |step: f32| {
            let mut moved = tensors.clone();
            moved.get_mut("in.a").expect("the first bottom is `a`").data[i] += step;
            let y = &pass(layer, &moved).expect("the shapes are the same")["out.y"];
            y.data.iter().zip(&weights).map(|(y, w)| f64::from(y * w)).sum::<f64>()
        };
        *slope = ((at(0.125) - at(-0.125)) / 0.25) as f32;
    }
    close(layer, &results["din.a"], &finite, 2e-3);
}

fn close(layer: &str, got: &Blob, want: &Blob, tolerance: f32) {
    assert_eq!(got.shape, want.shape, "{layer}");
    for (i, (a, b)) in got.data.iter().zip(&want.data).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{layer}\n[{i}] {a}, not {b}");
    }
}
