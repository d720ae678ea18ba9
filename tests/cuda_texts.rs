//! What a GPU would run, on the processor: the texts of all kernels compiled as C behind the same entries, arguments and
//! addresses, against the golden cases of Caffe, Torch and TensorFlow, their trajectories, and the processor's own updates.

#![allow(clippy::duplicate_mod, reason = "suites that share a module are modules here")]

#[allow(dead_code, reason = "some of its checks are for the processor only")]
#[path = "caffe_layers.rs"]
mod caffe_layers;
#[allow(dead_code, reason = "as above")]
#[path = "caffe_nets.rs"]
mod caffe_nets;
mod emulator;
#[allow(dead_code, reason = "as above")]
#[path = "tensorflow_layers.rs"]
mod tensorflow_layers;
#[allow(dead_code, reason = "as above")]
#[path = "tensorflow_steps.rs"]
mod tensorflow_steps;
#[allow(dead_code, reason = "as above")]
#[path = "torch_layers.rs"]
mod torch_layers;
#[allow(dead_code, reason = "as above")]
#[path = "torch_nets.rs"]
mod torch_nets;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use cortado::exec::cuda::driver::Script;
use cortado::exec::cuda::module::Precision;
use cortado::exec::{Device, Session, SessionOptions, supported, workspace};
use cortado::one_pass::{PassOptions, input_shapes, one_pass};
use cortado::pipeline::{self, Options};
use cortado::plan::{Request, plan};
use cortado::program::expr::arg;
use cortado::program::native::{Operation, View, ViewMut};
use cortado::program::{Builder, Origin, Program};
use cortado::real::Real;
use cortado::ty::Shape;
use cortado::weights::Blob;
use libtest_mimic::{Arguments, Failed, Trial};

const GPU: Device = Device::Cuda(0);

fn main() {
    emulator::instead_of_gpus();
    let mut trials = kernels();
    trials.extend(named("caffe", caffe_layers::trials(GPU)));
    trials.extend(named("caffe/nets", caffe_nets::trajectories(GPU)));
    trials.extend(named("torch", torch_layers::trials(GPU)));
    trials.extend(named("tensorflow", tensorflow_layers::trials(GPU)));
    let steps = || tensorflow_steps::replay(GPU).map_err(|e| e.to_string().into());
    trials.push(Trial::test("tensorflow/steps", steps));
    for net in ["siamese_small", "bnnet"] {
        let replay = move || torch_nets::replay(net, GPU).map_err(|e| e.to_string().into());
        trials.push(Trial::test(format!("torch/nets/{net}"), replay));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Trials under a name of their suite.
fn named(suite: &str, trials: Vec<Trial>) -> Vec<Trial> {
    trials.into_iter().map(|trial| trial.with_kind(suite)).collect()
}

/// Every kernel on random numbers, value by value; every rule of a solver; and what must be refused.
fn kernels() -> Vec<Trial> {
    let programs: [(&str, fn() -> Program); 5] = [
        ("convolutions", emulator::kernels::convolutions),
        ("small_convolutions", emulator::kernels::small_convolutions),
        ("poolings", emulator::kernels::poolings),
        ("lines", emulator::kernels::lines),
        ("others", emulator::kernels::others),
    ];
    let mut trials = vec![];
    for (name, program) in programs {
        let differing = move || {
            let found = emulator::values::differing(&program(), GPU, 2.0);
            if found.is_empty() { Ok(()) } else { Err(Failed::from(found.join("\n"))) }
        };
        trials.push(Trial::test(format!("kernels/{name}"), differing));
        let long = move || emulator::counting_with_64_bits(differing);
        trials.push(Trial::test(format!("kernels/{name}/64_bits"), long));
    }
    trials.push(Trial::test("kernels/places", places));
    trials.push(Trial::test("kernels/updates", || Ok(emulator::kernels::updates(GPU)?)));
    let long = || emulator::counting_with_64_bits(|| emulator::kernels::updates(GPU));
    trials.push(Trial::test("kernels/updates/64_bits", move || Ok(long()?)));
    trials.push(Trial::test("chains_in_place", chains_in_place));
    trials.push(Trial::test("a_large_mean_leaves_variances", a_large_mean_leaves_variances));
    trials.push(Trial::test("kernels/layers", || emulator::layers::agree(GPU)));
    let long = || emulator::counting_with_64_bits(|| emulator::layers::agree(GPU));
    trials.push(Trial::test("kernels/layers/64_bits", long));
    trials.push(Trial::test("every_operation_has_a_form", every_operation_has_a_form));
    trials.push(texts_compile_for_gpus());
    trials.push(Trial::test("what_is_no_number_stays_so", what_is_no_number_stays_so));
    trials.push(Trial::test("a_bad_index_is_an_error", a_bad_index_is_an_error));
    trials.push(Trial::test("a_missing_form_names_its_layer", a_missing_form_names_its_layer));
    trials
}

/// Chains of many elements, one of which takes over the place of what it reads.
fn chains_in_place() -> Result<(), Failed> {
    let mut b = Builder::new();
    let count = 3 * (1 << 16) + 77;
    let (x, row) = (b.input("x", [1, count].into()), b.input("row", [3, 1].into()));
    let rows = b.map(&[x, row], &(arg(0) * arg(1)));
    let doubled = b.map(&[rows], &(arg(0) + arg(0)));
    let shifted = b.map(&[doubled, row], &(arg(0) - arg(1)));
    b.output("shifted", shifted);
    let plan = Arc::new(plan(b.finish(), &Request::default(), &workspace::<f32>(GPU, 1)));
    if plan.slot(rows) != plan.slot(doubled) {
        return Err("the second chain has a place of its own".into());
    }
    let options = SessionOptions { device: GPU, threads: 1, seed: 0 };
    let mut session = Session::<f32>::new(plan.clone(), &options)?;
    let values: Vec<f32> = (0..count).map(|i| (i % 1013) as f32).collect();
    session.write(plan.slot(x), &values);
    session.write(plan.slot(row), &[1.0, 2.0, 3.0]);
    session.run()?;
    let results = session.read(plan.slot(shifted));
    let rows = [1.0, 2.0, 3.0].into_iter();
    let expected = rows.flat_map(|row| values.iter().map(move |x| 2.0 * x * row - row));
    match expected.zip(&results).position(|(a, b)| a != *b) {
        None => Ok(()),
        Some(at) => Err(format!("element {at} is {}", results[at]).into()),
    }
}

/// Moments of channels whose numbers are all close to a large one, in one piece and in several.
fn a_large_mean_leaves_variances() -> Result<(), Failed> {
    for (images, inner) in [(3, 50), (40, 1000)] {
        let mut b = Builder::new();
        let x = b.input("x", [images, 2, inner].into());
        let (mean, variance) = b.channel_moments(x);
        b.output("mean", mean);
        b.output("variance", variance);
        let plan = Arc::new(plan(b.finish(), &Request::default(), &workspace::<f32>(GPU, 1)));
        let options = SessionOptions { device: GPU, threads: 1, seed: 0 };
        let mut session = Session::<f32>::new(plan.clone(), &options)?;
        let count = 2 * images * inner;
        let values: Vec<f32> = (0..count).map(|i| 1e4 + (i as f32 * 0.7).sin() / 8.0).collect();
        session.write(plan.slot(x), &values);
        session.run()?;
        let found = [mean, variance].map(|v| session.read(plan.slot(v)));
        for channel in 0..2 {
            let planes = values.chunks(inner).skip(channel).step_by(2);
            let own: Vec<f64> = planes.flatten().map(|&x| f64::from(x)).collect();
            let mean = own.iter().sum::<f64>() / own.len() as f64;
            let variance = own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / own.len() as f64;
            for (found, expected) in found.iter().zip([mean, variance]) {
                let far = f64::from(found[channel]) / expected - 1.0;
                if 1e-6 < far.abs() || far.is_nan() {
                    return Err(format!("{} is not {expected}", found[channel]).into());
                }
            }
        }
    }
    Ok(())
}

/// Where parts of blobs are not copied, all is as where they are.
fn places() -> Result<(), Failed> {
    let program = emulator::kernels::places();
    let run = |in_place: bool, device: Device| {
        let request = Request { in_place, ..Request::default() };
        emulator::values::results(&program, &request, device, 1.0).0
    };
    let here = run(false, Device::Cpu);
    for in_place in [false, true] {
        for (i, (want, got)) in here.iter().zip(run(in_place, GPU)).enumerate() {
            let far = want.iter().zip(&got).map(|(a, b)| (a - b).abs() / (1.0 + a.abs()));
            let far = far.fold(0.0, f32::max);
            if 1e-5 < far || far.is_nan() || want.len() != got.len() {
                return Err(format!("output {i}, in place {in_place}: off by {far}").into());
            }
        }
    }
    Ok(())
}

/// All texts together compile for A100 and H100, with numbers of 32 and 64 bits. Needs NVIDIA's compiler, which `.ci/run`
/// fetches; `.ci/nvrtc` compiles the kernels of every case.
fn texts_compile_for_gpus() -> Trial {
    let own = Path::new("target/nvrtc/nvidia/cu13/lib");
    let folder = emulator::nvrtc::folder();
    let folder = folder.or_else(|| own.exists().then(|| own.to_string_lossy().into_owned()));
    let missing = folder.is_none();
    let compile = move || {
        let mut texts = vec![];
        for folder in ["src/exec/cuda/text", "src/layers"] {
            for file in std::fs::read_dir(folder)? {
                let path = file?.path();
                if path.extension().is_some_and(|extension| extension == "cu") {
                    texts.push((path.clone(), std::fs::read_to_string(path)?));
                }
            }
        }
        // What others call comes first.
        let first = ["prelude.cu", "pool.cu", "class_loss.cu", "boxes.cu", "roi_pooling.cu"];
        let place = |path: &Path| first.iter().position(|name| path.ends_with(name));
        texts.sort_by_key(|(path, _)| (place(path).unwrap_or(first.len()), path.clone()));
        let texts: Vec<String> = texts.into_iter().map(|(_, text)| text).collect();
        let types = [("float", "int"), ("double\n#define REAL_IS_DOUBLE", "long long")];
        for (real, whole) in types {
            let head = format!("#define REAL {real}\n#define WHOLE {whole}\n#define THREADS 256\n");
            let text = head + &texts.join("\n");
            let precision = Precision::Single;
            let script = Script { precision, text, entries: vec![], acts: vec![] };
            emulator::nvrtc::check(folder.as_deref().unwrap_or_default(), &script)?;
        }
        Ok(())
    };
    Trial::test("texts_compile_for_gpus", compile).with_ignored_flag(missing)
}

/// Operations without arguments, whose results are computed beforehand.
const CONSTANT: &[&str] = &["constants.rs", "prior_box.rs"];

fn every_operation_has_a_form() -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/layers");
    let mut seen = 0;
    for file in std::fs::read_dir(folder)?.flatten() {
        let (name, text) = (file.file_name(), std::fs::read_to_string(file.path())?);
        let name = name.to_string_lossy();
        let operations = text.matches("impl Operation for").count();
        seen += operations;
        let forms = text.matches("fn device(").count();
        if operations != forms && !CONSTANT.contains(&name.as_ref()) {
            return Err(format!("{name}: {operations} operations, {forms} CUDA forms").into());
        }
    }
    if 20 < seen { Ok(()) } else { Err(format!("only {seen} operations found").into()) }
}

/// Losses that take small probabilities, or gaps below 0, for something else, of scores that are no numbers.
fn what_is_no_number_stays_so() -> Result<(), Failed> {
    let blob = |shape: &[usize], data: &[f32]| Blob { shape: shape.into(), data: data.into() };
    let losses = [
        ("SoftmaxWithLoss", "bottom: 'x' bottom: 'label'", true),
        ("MultinomialLogisticLoss", "bottom: 'x' bottom: 'label'", true),
        ("InfogainLoss", "bottom: 'x' bottom: 'label' bottom: 'gain'", true),
        (
            "MultiBoxLoss",
            "bottom: 'numbers' bottom: 'x' bottom: 'boxes' bottom: 'objects' multibox_loss_param { num_classes: 2 }",
            true,
        ),
        ("ContrastiveLoss", "bottom: 'x' bottom: 'x' bottom: 'label'", false),
        (
            "ContrastiveLoss",
            "bottom: 'x' bottom: 'x' bottom: 'label' contrastive_loss_param { legacy_version: true }",
            false,
        ),
    ];
    let unit = [0.0, 0.0, 1.0, 1.0];
    let all = [
        ("x", blob(&[1, 2], &[f32::NAN, 1.0])),
        ("label", blob(&[1], &[0.0])),
        ("gain", blob(&[1, 1, 2, 2], &[1.0, 0.0, 0.0, 1.0])),
        ("numbers", blob(&[1, 4], &[0.0; 4])),
        ("boxes", blob(&[1, 2, 4], &[unit, [0.1; 4]].concat())),
        ("objects", blob(&[1, 1, 1, 8], &[0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0])),
    ];
    let mut wrong = vec![];
    for (kind, rest, backward) in losses {
        let used = all.iter().filter(|(name, _)| rest.contains(&format!("'{name}'")));
        let mut given: BTreeMap<String, Blob> =
            used.map(|(name, blob)| (format!("in.{name}"), blob.clone())).collect();
        given.insert("dout.y".to_owned(), blob(&[], &[1.0]));
        let mut text = "force_backward: true state { phase: TRAIN }\n".to_owned();
        for (name, shape) in input_shapes(&given) {
            let dims: String = shape.dims().iter().map(|d| format!("dim: {d} ")).collect();
            let shape = format!("input_param {{ shape {{ {dims} }} }}");
            text += &format!("layer {{ name: '{name}' type: 'Input' top: '{name}' {shape} }}\n");
        }
        text += &format!("layer {{ name: 'loss' type: '{kind}' {rest} top: 'y' }}");
        let options = Options { own_state: true, ..Options::default() };
        let checked = pipeline::check(Path::new("net.prototxt"), text, &options);
        let env = pipeline::environment(&options, &|_| None);
        let stage = checked.stages.first().ok_or("no stage")?;
        for device in [Device::Cpu, GPU] {
            let pass = PassOptions { backward, device, threads: 1, seed: 1 };
            let results = one_pass(stage, &env, &given, &pass)?;
            let shown = ["out.y", "din.x"].map(|name| results.get(name).map(|blob| blob.data[0]));
            let expected = if backward { 2 } else { 1 };
            if shown.iter().flatten().filter(|x| x.is_nan()).count() != expected {
                wrong.push(format!("{kind} {rest} on {device}: {shown:?}"));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn a_bad_index_is_an_error() -> Result<(), Failed> {
    let mut b = Builder::new();
    let (x, index) = (b.input("x", [3, 2].into()), b.input("index", [300].into()));
    let picked = b.gather(x, 0, index);
    b.output("picked", picked);
    let program = b.finish();
    let mut said = vec![];
    for device in [Device::Cpu, GPU] {
        let work = workspace::<f32>(device, 1);
        let plan = Arc::new(plan(program.clone(), &Request::default(), &work));
        let options = SessionOptions { device, threads: 1, seed: 0 };
        let mut session = Session::<f32>::new(plan.clone(), &options)?;
        let mut indices = vec![1.0; 300];
        session.run()?;
        (indices[270], indices[280]) = (3.0, 9.0);
        session.write(plan.slot(index), &indices);
        said.push(session.run().err().map(|e| e.to_string()));
        session.write(plan.slot(index), &[2.0; 300]);
        session.run()?;
    }
    let want = "index 3, number 270 of the indices, is not among 3 rows";
    match said.iter().all(|said| said.as_deref().is_some_and(|said| said.contains(want))) {
        true => Ok(()),
        false => Err(format!("{said:?}").into()),
    }
}

/// An operation that nobody has written for a GPU.
#[derive(Debug, PartialEq)]
struct Unwritten;

impl Operation for Unwritten {
    const NAME: &'static str = "unwritten";

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![args[0].clone()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        outs[0].data.copy_from_slice(args[0].data);
    }
}

fn a_missing_form_names_its_layer() -> Result<(), Failed> {
    let text = "layer { name: 'in' type: 'Input' top: 'x' input_param { shape { dim: 2 } } }
layer { name: 'odd' type: 'ReLU' bottom: 'x' top: 'y' }";
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("net.prototxt");
    std::fs::write(&path, text)?;
    let checked = pipeline::check_file(&path, &Default::default())?;
    let net = &checked.stages[0].net;
    let odd = net.nodes().find(|(_, node)| node.name.value == "odd").ok_or("no layer")?.0;
    let mut b = Builder::new();
    let x = b.input("x", [2].into());
    b.set_origin(Origin(odd.index() as u32));
    b.native(Unwritten, &[x]);
    let said = supported(GPU, &b.finish(), net).err().map(|e| e.to_string()).unwrap_or_default();
    match said.contains("layer `odd`") && said.contains("no CUDA form") {
        true => Ok(()),
        false => Err(said.into()),
    }
}
