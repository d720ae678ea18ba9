//! What a GPU would run, on the processor: the texts of all kernels compiled as C behind the same entries, arguments and
//! addresses, against the golden cases of Caffe and Torch, their trajectories, and the processor's own updates.

#[allow(dead_code, reason = "some of its checks are for the processor only")]
#[path = "caffe_layers.rs"]
mod caffe_layers;
#[allow(dead_code, reason = "as above")]
#[path = "caffe_nets.rs"]
mod caffe_nets;
mod emulator;
#[allow(dead_code, reason = "as above")]
#[path = "torch_layers.rs"]
mod torch_layers;
#[allow(dead_code, reason = "as above")]
#[path = "torch_nets.rs"]
mod torch_nets;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use cortado::exec::{Device, Session, SessionOptions, supported, workspace};
use cortado::one_pass::{PassOptions, input_shapes, one_pass};
use cortado::pipeline::{self, Options};
use cortado::plan::{Request, plan};
use cortado::program::native::{Operation, Saved, View, ViewMut};
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
    let programs: [(&str, fn() -> Program); 4] = [
        ("convolutions", emulator::kernels::convolutions),
        ("poolings", emulator::kernels::poolings),
        ("lines", emulator::kernels::lines),
        ("others", emulator::kernels::others),
    ];
    let mut trials: Vec<Trial> = programs
        .into_iter()
        .map(|(name, program)| {
            Trial::test(format!("kernels/{name}"), move || {
                let found = emulator::values::differing(&program(), GPU, 2.0);
                if found.is_empty() { Ok(()) } else { Err(found.join("\n").into()) }
            })
        })
        .collect();
    trials.push(Trial::test("kernels/places", places));
    trials.push(Trial::test("kernels/updates", || Ok(emulator::kernels::updates(GPU)?)));
    trials.push(Trial::test("every_operation_has_a_form", every_operation_has_a_form));
    trials.push(Trial::test("what_is_no_number_stays_so", what_is_no_number_stays_so));
    trials.push(Trial::test("a_bad_index_is_an_error", a_bad_index_is_an_error));
    trials.push(Trial::test("a_missing_form_names_its_layer", a_missing_form_names_its_layer));
    trials
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
    const GRADIENT: &'static str = "unwritten-grad";

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![args[0].clone()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        outs[0].data.copy_from_slice(args[0].data);
    }

    fn backward<T: Real>(&self, _: &Saved<T>, _: &[usize], _: &mut [ViewMut<T>], _: &mut [T]) {}
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
