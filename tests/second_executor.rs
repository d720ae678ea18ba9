//! The kernels against candle's own operations: the forward passes of all golden layer cases of Caffe and Torch, and of
//! small bundled networks on random numbers. Neither executor knows the other, so what both say is right or wrong in both
//! the operations' definitions and here.

mod golden_case;

use std::collections::BTreeMap;
use std::path::Path;

use cortado::exec::Device;
use cortado::one_pass::{PassOptions, inward, one_pass, second_opinion};
use cortado::pipeline::{self, Options};
use cortado::spec::Phase;
use cortado::ty::Shape;
use cortado::weights::Blob;
use golden_case::{Case, cases};
use libtest_mimic::{Arguments, Failed, Trial};

/// Bundled networks with the names and shapes of their inputs, at the stage TEST or `val`.
const NETWORKS: &[(&str, &str, &[usize])] = &[
    ("cifar10", "data", &[2, 3, 32, 32]),
    ("lenet", "data", &[3, 1, 28, 28]),
    ("siamese", "data", &[2, 3, 28, 28]),
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut trials = vec![];
    for (dialect, folder) in [("caffe", "caffe/layers"), ("torch", "torch/modules")] {
        trials.extend(cases(folder).into_iter().map(|(name, folder)| {
            Trial::test(format!("{dialect}::{name}"), move || {
                let case = Case::open(&folder)?;
                agree(&case.path, &case.options, &case.tensors)
            })
        }));
    }
    for &(name, data, shape) in NETWORKS {
        let path = root.join("networks").join(name).join("caffe.prototxt");
        trials.push(Trial::test(format!("network::{name}"), move || network(&path, data, shape)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn network(path: &Path, data: &str, shape: &[usize]) -> Result<(), Failed> {
    let mut options = Options::default();
    options.shapes.insert(data.to_owned(), Shape(shape.to_vec()));
    let checked = pipeline::check_file(path, &options)?;
    options.stages = checked
        .stages
        .iter()
        .map(|typed| typed.net.state.clone())
        .filter(|state| state.phase == Phase::Test)
        .take(1)
        .collect();
    let typed = checked.stages.iter().find(|typed| typed.net.state.phase == Phase::Test);
    let typed = typed.ok_or("no stage for tests")?;
    let mut state = 1u32;
    let mut number = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let mut tensors = BTreeMap::new();
    for (index, node) in typed.net.nodes().filter(|(_, node)| node.layer.is_input()) {
        let signature = typed.signatures[index.index()].as_ref().ok_or("an unknown shape")?;
        for (top, shape) in node.tops.iter().zip(&signature.tops) {
            let data = (0..shape.count()).map(|_| number()).collect();
            tensors.insert(format!("in.{}", top.value), Blob { shape: shape.0.clone(), data });
        }
    }
    agree(path, &options, &tensors)
}

fn agree(path: &Path, options: &Options, tensors: &BTreeMap<String, Blob>) -> Result<(), Failed> {
    let checked = pipeline::check_file(path, options)?;
    let env = pipeline::environment(options, &|_| None);
    let pass = PassOptions { backward: false, device: Device::Cpu, threads: 1, seed: 7 };
    let definition = &checked.definition;
    let mut tensors = inward(definition, tensors);
    tensors.retain(|name, _| !name.starts_with("in2."));
    let typed = checked.stages.first().ok_or("nothing to run")?;
    let first = one_pass(typed, &env, &tensors, &pass)?;
    let second = second_opinion(typed, &env, &tensors, &pass)?;
    let mut compared = 0;
    for (name, have) in &second {
        let ours = first.get(name).ok_or_else(|| format!("{name} is missing"))?;
        if ours.shape != have.shape {
            return Err(format!("{name} is {:?}, not {:?}", ours.shape, have.shape).into());
        }
        let finite = have.data.iter().filter(|x| x.is_finite() && x.abs() < 1e30);
        let largest = finite.fold(0.0f32, |m, x| m.max(x.abs()));
        for (i, (&a, &b)) in ours.data.iter().zip(&have.data).enumerate() {
            let same = a == b || a.is_nan() && b.is_nan();
            let near = (a - b).abs() <= 2e-6 + 5e-5 * largest.min(b.abs().max(largest * 0.1));
            if !same && !near {
                return Err(format!("{name}[{i}] is {a}, candle says {b}").into());
            }
            compared += 1;
        }
    }
    if compared == 0 && first.keys().any(|name| name.starts_with("out.")) {
        return Err("nothing was compared".into());
    }
    Ok(())
}
