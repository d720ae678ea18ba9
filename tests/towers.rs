//! Towers that share parameters run as one where that gives what they give one by one: their outputs and the gradients of
//! the parameters are compared with those of the same net layer by layer.

use std::collections::BTreeMap;
use std::path::Path;

use cortado::exec::SessionOptions;
use cortado::ir::NetState;
use cortado::passes::lower::Backward;
use cortado::pipeline::{self, Options};
use cortado::spec::Phase;
use cortado::train::machine::{Machine, Purpose};
use cortado::ty::Shape;

/// Images of three channels and a label for each.
const IMAGES: [usize; 4] = [4, 3, 20, 20];

const INPUTS: &str =
    "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 4 dim: 3 dim: 20 dim: 20 } } }
     layer { name: 'label' type: 'Input' top: 'label' input_param { shape { dim: 4 } } }\n";

/// A net after one pass forward and backward.
struct Run {
    machine: Machine,
    /// The gradient of every parameter that has one.
    gradients: Vec<(String, Vec<f32>)>,
}

impl Run {
    fn new(path: &Path, data: &[usize], phase: Phase, watched: bool, threads: usize) -> Run {
        let shapes = BTreeMap::from([
            ("data".to_owned(), Shape::from(data.to_vec())),
            ("label".to_owned(), Shape::from([data[0]])),
        ]);
        let stages = vec![NetState::phase(phase)];
        let options = Options { shapes, stages, ..Options::default() };
        let mut checked = pipeline::check_file(path, &options).expect("the file can be read");
        let complaints = checked.complaints();
        assert!(!checked.diagnostics.has_errors(), "{complaints}");
        let env = pipeline::environment(&options, &pipeline::record_shape);
        let purpose = Purpose { backward: Backward::Parameters, histories: 0, watched };
        let session = SessionOptions { threads, ..SessionOptions::default() };
        let typed = checked.stages.remove(0);
        let mut machine = Machine::new(typed, &env, purpose, &session).expect("the net can run");
        machine.fill(1);
        let plan = machine.planned.plan.clone();
        for (name, v) in &plan.program.inputs {
            let number = |i: usize| match &name[..] {
                "label" => (i % 2) as f32,
                _ => (i * 7919 % 256) as f32 / 256.0 - 0.5,
            };
            let values: Vec<f32> = (0..plan.program.shape(*v).count()).map(number).collect();
            machine.set(name, &values).expect("it is an input");
        }
        machine.session.run().expect("the net runs");
        let named = machine.typed.variables.iter();
        let named: Vec<String> = named.map(|v| v.name.clone().unwrap_or_default()).collect();
        let mut gradients = vec![];
        for (name, gradient) in named.into_iter().zip(machine.planned.gradients.clone()) {
            if let Some(gradient) = gradient {
                let values = machine.session.read(plan.slot(gradient));
                gradients.push((name, values));
            }
        }
        Run { machine, gradients }
    }

    /// The number of towers of every list of layers that run as one, by the name of the first.
    fn joined(&self) -> Vec<(&str, usize)> {
        let joined = self.machine.plan().program.joined.iter();
        let graph = &self.machine.typed.net.graph;
        let name = |number: u32| {
            graph[petgraph::graph::NodeIndex::new(number as usize)].name.value.as_str()
        };
        joined.map(|origins| (name(origins[0].0), origins.len())).collect()
    }

    fn gradient(&self, name: &str) -> &[f32] {
        let found = self.gradients.iter().find(|(n, _)| n == name);
        &found.unwrap_or_else(|| panic!("{name} has no gradient: {:?}", self.names())).1
    }

    fn names(&self) -> Vec<&str> {
        self.gradients.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// The net with its towers as one, compared with itself layer by layer, and with itself on two threads bit by bit.
fn compared(path: &Path, data: &[usize], phase: Phase) -> Run {
    let [mut joined, mut plain] =
        [false, true].map(|watched| Run::new(path, data, phase, watched, 1));
    assert!(plain.joined().is_empty(), "watched nets run layer by layer");
    let shared = Run::new(path, data, phase, false, 2);
    assert_eq!(joined.gradients, shared.gradients, "two threads give other bits");
    let (a, b) = (joined.machine.loss(), plain.machine.loss());
    assert!((a - b).abs() <= 1e-6 * b.abs().max(1e-3), "losses {a} and {b}");
    assert_eq!(joined.names(), plain.names());
    for ((name, a), (_, b)) in joined.gradients.iter().zip(&plain.gradients) {
        let largest = b.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // Behind a normalisation by its batch the gradient of a bias is what rounding leaves of 0.
        assert!(apart <= 1e-5 * largest + 1e-6, "gradient of {name}: {apart} of {largest}");
    }
    joined
}

/// A net of towers over channels of `data`: for each the layers that `tower` writes from a bottom, with a suffix for names.
fn net(towers: usize, tower: impl Fn(&str, usize) -> String, end: &str) -> Run {
    let cut = layer("Slice", "cut", "data", "c0", "top: 'c1' top: 'c2'");
    let mut text = INPUTS.to_owned() + &cut;
    (0..towers).for_each(|i| text += &tower(&format!("c{i}"), i));
    (towers..3).for_each(|i| {
        text += &format!("layer {{ name: 's{i}' type: 'Silence' bottom: 'c{i}' }}\n");
    });
    text += end;
    let folder = tempfile::tempdir().expect("a place for files");
    let path = folder.path().join("net.prototxt");
    std::fs::write(&path, text).expect("the place can be written");
    compared(&path, &IMAGES, Phase::Train)
}

fn convolution(name: &str, bottom: &str, tower: usize, outputs: usize) -> String {
    format!(
        "layer {{ name: '{name}{tower}' type: 'Convolution' bottom: '{bottom}' top: '{name}{tower}'
           param {{ name: '{name}_w' }} param {{ name: '{name}_b' }}
           convolution_param {{ num_output: {outputs} kernel_size: 5
             weight_filler {{ type: 'xavier' }} bias_filler {{ type: 'constant' value: 0.1 }} }} }}\n"
    )
}

fn product(name: &str, bottom: &str, tower: usize, outputs: usize) -> String {
    format!(
        "layer {{ name: '{name}{tower}' type: 'InnerProduct' bottom: '{bottom}' top: '{name}{tower}'
           param {{ name: '{name}_w' }} param {{ name: '{name}_b' }}
           inner_product_param {{ num_output: {outputs} weight_filler {{ type: 'xavier' }} }} }}\n"
    )
}

fn layer(kind: &str, name: &str, bottom: &str, top: &str, fields: &str) -> String {
    format!("layer {{ name: '{name}' type: '{kind}' bottom: '{bottom}' top: '{top}' {fields} }}\n")
}

const CONTRAST: &str = "layer { name: 'loss' type: 'ContrastiveLoss' bottom: 'f0' bottom: 'f1' bottom: 'label' top: 'loss' }";

#[test]
fn the_towers_of_the_tutorial_are_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("networks/siamese/caffe.prototxt");
    let run = compared(&path, &[8, 3, 28, 28], Phase::Train);
    let names = ["conv1", "pool1", "conv2", "pool2", "ip1", "relu1", "ip2", "feat"];
    let joined = run.joined();
    for name in names {
        // A pooling may be part of its convolution, whose name stands for both.
        let found = joined.contains(&(&format!("{name}_left"), 2));
        assert!(found, "{name}: {joined:?}");
    }
}

#[test]
fn what_cancels_between_towers_is_zero() {
    let run = net(
        2,
        |bottom, i| convolution("c", bottom, i, 64) + &product("f", &format!("c{i}"), i, 2),
        &CONTRAST.replace("bottom: 'label'", "bottom: 'alike'").replace(
            "layer {",
            "layer { name: 'alike' type: 'DummyData' top: 'alike'
               dummy_data_param { shape { dim: 4 } data_filler { value: 1 } } }
             layer { name: 'unused' type: 'Silence' bottom: 'label' }
             layer {",
        ),
    );
    assert_eq!(run.joined().len(), 2);
    assert_eq!(run.gradient("f_b"), [0.0, 0.0]);
    assert!(run.gradient("f_w").iter().any(|&x| x != 0.0));
}

#[test]
fn three_towers_of_many_kinds_of_layers_are_one() {
    let tower = |bottom: &str, i: usize| {
        let at = |name: &str| format!("{name}{i}");
        convolution("c", bottom, i, 64)
            + &layer("ReLU", &at("relu"), &at("c"), &at("c"), "")
            + &layer("LRN", &at("norm"), &at("c"), &at("n"), "")
            + &layer(
                "Pooling",
                &at("pool"),
                &at("n"),
                &at("p"),
                "pooling_param { pool: AVE kernel_size: 2 stride: 2 }",
            )
            + &convolution("d", &at("p"), i, 64)
            + &layer("PReLU", &at("prelu"), &at("d"), &at("e"), "param { name: 'slope' }")
            + &layer("Dropout", &at("drop"), &at("e"), &at("e"), "")
            + &layer("Softmax", &at("soft"), &at("e"), &at("s"), "")
            + &product("f", &at("s"), i, 3)
    };
    let end =
        "layer { name: 'all' type: 'Concat' bottom: 'f0' bottom: 'f1' bottom: 'f2' top: 'all' }
        layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'all' bottom: 'label' top: 'loss' }";
    let run = net(3, tower, end);
    let joined = run.joined();
    for name in ["c0", "norm0", "pool0", "d0", "prelu0", "drop0", "soft0", "f0"] {
        assert!(joined.contains(&(name, 3)), "{name}: {joined:?}");
    }
}

#[test]
fn images_that_depend_on_their_batch_stay_apart() {
    let tower = |bottom: &str, i: usize| {
        let at = |name: &str| format!("{name}{i}");
        convolution("c", bottom, i, 64)
            + &layer("BatchNorm", &at("bn"), &at("c"), &at("b"), "")
            + &convolution("d", &at("b"), i, 64)
            + &product("f", &at("d"), i, 2)
    };
    let apart = net(2, tower, CONTRAST);
    assert!(apart.joined().iter().all(|(name, _)| *name != "bn0"), "{:?}", apart.joined());
}

#[test]
fn towers_that_wait_for_each_other_stay_apart() {
    // The second reads what the first has computed with the same weights.
    let folder = tempfile::tempdir().expect("a place for files");
    let path = folder.path().join("net.prototxt");
    let same = |name: &str, bottom: &str, top: &str| {
        format!(
            "layer {{ name: '{name}' type: 'Convolution' bottom: '{bottom}' top: '{top}' param {{ name: 'w' }}
               convolution_param {{ num_output: 3 kernel_size: 5 pad: 2 bias_term: false weight_filler {{ type: 'xavier' }} }} }}\n"
        )
    };
    let text = format!(
        "{INPUTS}{}{}{}
         layer {{ name: 'loss' type: 'SoftmaxWithLoss' bottom: 'f0' bottom: 'label' top: 'loss' }}",
        same("first", "data", "a"),
        same("second", "a", "b"),
        product("f", "b", 0, 2)
    );
    std::fs::write(&path, text).expect("the place can be written");
    assert!(compared(&path, &IMAGES, Phase::Train).joined().is_empty());
}

#[test]
fn small_towers_are_not_worth_the_copies() {
    let run = net(2, |bottom, i| product("f", bottom, i, 2), CONTRAST);
    assert!(run.joined().is_empty(), "{:?}", run.joined());
}
