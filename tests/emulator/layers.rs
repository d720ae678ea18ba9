//! Layers of many items, which the threads of a block share, on a GPU and on the processor.

use std::collections::BTreeMap;
use std::path::Path;

use cortado::exec::Device;
use cortado::one_pass::{PassOptions, input_shapes, input_values, one_pass};
use cortado::pipeline::{self, Options};
use cortado::weights::Blob;
use libtest_mimic::Failed;

/// Whether every layer gives on a device what it gives on the processor.
pub fn agree(device: Device) -> Result<(), Failed> {
    let mut wrong = vec![];
    for (layer, inputs) in cases() {
        if let Err(why) = compare(&layer, inputs, device) {
            wrong.push(format!("{layer}: {why:?}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn blob(shape: &[usize], number: impl Fn(usize) -> f32) -> Blob {
    Blob { shape: shape.into(), data: (0..shape.iter().product()).map(number).collect() }
}

/// Numbers between -1 and 1, of which some are equal.
fn mixed(i: usize) -> f32 {
    (i * 7919 % 1009) as f32 / 504.5 - 1.0
}

/// Layers with bottoms, by name, and a top `y`.
fn cases() -> Vec<(String, Vec<(&'static str, Blob)>)> {
    let mut cases = vec![];
    let mut case = |layer: &str, inputs: &[(&'static str, Blob)]| {
        let bottoms: String = inputs.iter().map(|(name, _)| format!("bottom: '{name}' ")).collect();
        cases.push((format!("layer {{ name: 'l' {bottoms}top: 'y' {layer} }}"), inputs.to_vec()));
    };
    let rough = |i: usize| if i.is_multiple_of(97) { f32::NAN } else { (mixed(i) * 20.0).round() };
    let arg_max = "type: 'ArgMax' argmax_param {";
    case(&format!("{arg_max} top_k: 5 out_max_val: true }}"), &[("x", blob(&[3, 700], mixed))]);
    case(&format!("{arg_max} top_k: 9 axis: 1 }}"), &[("x", blob(&[2, 300, 4], rough))]);

    // Some boxes are empty, none is on the edge of being kept.
    let corner = |i: usize, far: usize| (i * far % 89) as f32 / 100.0;
    let corners = |i: usize| match i % 4 {
        0 => corner(i / 4, 31),
        1 => corner(i / 4, 57),
        2 => corner(i / 4, 31) + 0.05 + corner(i / 4, 17) / 3.0,
        _ => corner(i / 4, 57) + 0.05 + corner(i / 4, 23) / 3.0,
    };
    let priors = blob(&[1, 2, 1200], |i| if i < 1200 { corners(i) } else { 0.1 });
    let numbers = |each: usize| blob(&[2, 1200 * each], mixed);
    let scores = blob(&[2, 1200], |i| (i * 7919 % 2411) as f32 / 1205.5 - 1.0);
    for limits in ["keep_top_k: 20", "keep_top_k: 20 confidence_threshold: 0.99", ""] {
        for (share, each) in [(true, 1), (false, 4)] {
            let layer = format!(
                "type: 'DetectionOutput' detection_output_param {{ num_classes: 4 share_location: {share} {limits} \
                 code_type: CENTER_SIZE nms_param {{ nms_threshold: 0.55 eta: 0.9 top_k: 50 }} }}"
            );
            let priors = priors.clone();
            case(&layer, &[("n", numbers(each)), ("s", scores.clone()), ("p", priors)]);
        }
    }
    let objects = blob(&[1, 1, 12, 8], |i| match i % 8 {
        0 => (i / 8 % 2) as f32,
        1 => (1 + i / 8 % 3) as f32,
        2 | 7 => 0.0,
        at => corners(4 * (7 + i / 8 * 21) + at - 3) + 0.01,
    });
    for mining in [
        "mining_type: NONE",
        "mining_type: MAX_NEGATIVE",
        "mining_type: HARD_EXAMPLE sample_size: 40",
        "mining_type: MAX_NEGATIVE match_type: BIPARTITE neg_overlap: 0.3",
    ] {
        let layer = format!(
            "type: 'MultiBoxLoss' multibox_loss_param {{ num_classes: 4 code_type: CENTER_SIZE {mining} }}"
        );
        let (scores, priors) = (scores.clone(), priors.clone());
        case(&layer, &[("n", numbers(1)), ("s", scores), ("p", priors), ("o", objects.clone())]);
    }
    let flow = |i: usize| mixed(i) * if i.is_multiple_of(5) { 40.0 } else { 3.0 };
    let (image, flow) = (blob(&[2, 3, 20, 30], mixed), blob(&[2, 2, 20, 30], flow));
    case("type: 'FlowWarp'", &[("x", image), ("f", flow)]);
    let positions = blob(&[2, 3, 8, 10], |i| (i * 37 % 323) as f32 - 1.0);
    let upsample = "type: 'Upsample' upsample_param { upsample_h: 16 upsample_w: 20 }";
    case(upsample, &[("x", blob(&[2, 3, 8, 10], mixed)), ("at", positions)]);
    let regions = blob(&[9, 5], |i| match i % 5 {
        0 => (i / 5 % 2) as f32,
        at @ (1 | 2) => (i / 5 * at % 7) as f32,
        at => (9 + i / 5 * at % 6) as f32,
    });
    let roi = "type: 'ROIPooling' roi_pooling_param { pooled_h: 3 pooled_w: 4 spatial_scale: 1 }";
    case(roi, &[("x", blob(&[2, 5, 14, 15], mixed)), ("r", regions)]);
    let passes = |i: usize| i.is_multiple_of(3) || (401..500).contains(&i);
    let selector = blob(&[700], |i| f32::from(u8::from(passes(i))));
    case("type: 'Filter'", &[("x", blob(&[700, 3], mixed)), ("s", selector)]);
    cases
}

fn compare(layer: &str, inputs: Vec<(&str, Blob)>, device: Device) -> Result<(), Failed> {
    let named = |(name, blob): (&str, Blob)| (format!("in.{name}"), blob);
    let mut given: BTreeMap<String, Blob> = inputs.into_iter().map(named).collect();
    let mut text = "force_backward: true state { phase: TRAIN }\n".to_owned();
    for (name, shape) in input_shapes(&given) {
        let dims: String = shape.dims().iter().map(|d| format!("dim: {d} ")).collect();
        let shape = format!("input_param {{ shape {{ {dims} }} }}");
        text += &format!("layer {{ name: '{name}' type: 'Input' top: '{name}' {shape} }}\n");
    }
    text += layer;
    let (shapes, values) = (input_shapes(&given), input_values(&given));
    let options = Options { own_state: true, shapes, values, ..Options::default() };
    let checked = pipeline::check(Path::new("net.prototxt"), text, &options);
    if checked.diagnostics.has_errors() {
        return Err(checked.complaints().into());
    }
    let env = pipeline::environment(&options, &|_| None);
    let stage = checked.stages.first().ok_or("no stage")?;
    let run = |given: &BTreeMap<String, Blob>, device: Device, backward: bool| {
        let pass = PassOptions { backward, device, threads: 1, seed: 1 };
        one_pass(stage, &env, given, &pass)
    };
    let top = run(&given, Device::Cpu, false)?.remove("out.y").ok_or("no top")?;
    let slopes = (0..top.data.len()).map(|i| mixed(3 * i + 1)).collect();
    given.insert("dout.y".to_owned(), Blob { shape: top.shape, data: slopes });
    let (here, there) = (run(&given, Device::Cpu, true)?, run(&given, device, true)?);
    if here.is_empty() || here.keys().ne(there.keys()) {
        return Err("other results".into());
    }
    for (name, here) in &here {
        let there = &there[name];
        let largest = here.data.iter().filter(|x| x.is_finite()).fold(0f32, |m, x| m.max(x.abs()));
        let near = |(&a, &b): (&f32, &f32)| {
            a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 2e-6 + 1e-5 * largest
        };
        if here.shape != there.shape || !here.data.iter().zip(&there.data).all(near) {
            let at = here.data.iter().zip(&there.data).position(|pair| !near(pair));
            return Err(format!("{name} differs, first at {at:?}").into());
        }
    }
    Ok(())
}
