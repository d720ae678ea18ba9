//! Trains a net on numbers of one's own, here digits of the sample of MNIST, and says how many it then knows:
//! `cargo run --release --example train -- weights`, which leaves `weights_iter_200.safetensors` and Caffe's files.

use std::path::Path;

use cortado::data::idx::read_idx_pair;
use cortado::exec::SessionOptions;
use cortado::ir::NetState;
use cortado::pipeline::{self, Options};
use cortado::spec::Phase;
use cortado::spec::solver::Solver;
use cortado::train::Trainer;
use cortado::train::machine::{Machine, Purpose};
use cortado::weights::{Given, order, read_weights};
use cortado::{Error, Result};

const BATCH: usize = 50;

/// Two layers of neurons. The inputs have names; a loss and an accuracy are outputs of one number each.
const NET: &str = r#"
layer { name: "data" type: "Input" top: "data" top: "label"
        input_param { shape { dim: 50 dim: 1 dim: 28 dim: 28 } shape { dim: 50 } } }
layer { name: "hidden" type: "InnerProduct" bottom: "data" top: "hidden"
        inner_product_param { num_output: 64 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "hidden" top: "hidden" }
layer { name: "scores" type: "InnerProduct" bottom: "hidden" top: "scores"
        inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "scores" bottom: "label" top: "loss" include { phase: TRAIN } }
layer { name: "accuracy" type: "Accuracy" bottom: "scores" bottom: "label" top: "accuracy" include { phase: TEST } }
"#;

/// Digits as the net takes them: pixels from 0 to 1, image by image, and the label of each.
struct Digits {
    pixels: Vec<f32>,
    labels: Vec<f32>,
}

impl Digits {
    fn read(name: &str) -> Result<Digits> {
        let file =
            |kind: &str| format!("{}/examples/mnist/{name}-{kind}.gz", env!("CARGO_MANIFEST_DIR"));
        let (images, labels) = (file("images-idx3-ubyte"), file("labels-idx1-ubyte"));
        let (images, labels) = read_idx_pair(Path::new(&images), Path::new(&labels))?;
        Ok(Digits {
            pixels: images.pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect(),
            labels: labels.iter().map(|&label| f32::from(label)).collect(),
        })
    }

    /// Batch `i`; the last is followed by the first.
    fn batch(&self, i: usize) -> (&[f32], &[f32]) {
        let at = i % (self.labels.len() / BATCH) * BATCH;
        (&self.pixels[at * 784..(at + BATCH) * 784], &self.labels[at..at + BATCH])
    }
}

/// Trains for so many updates and writes a snapshot; gives the share of test images whose class is found.
fn train(updates: u64, prefix: &Path) -> Result<f32> {
    let options = Options {
        stages: vec![NetState::phase(Phase::Train), NetState::phase(Phase::Test)],
        ..Options::default()
    };
    let mut checked = pipeline::check(Path::new("digits.prototxt"), NET.to_owned(), &options);
    if checked.diagnostics.has_errors() {
        return Err(Error::refused(checked.complaints()));
    }
    let tested = checked.stages.remove(1);
    let trained = checked.stages.remove(0);
    let env = pipeline::environment(&options, &pipeline::record_shape);

    let digits = Digits::read("train")?;
    let solver = Solver { base_lr: 0.05, momentum: 0.9, random_seed: Some(1), ..Solver::default() };
    let mut trainer = Trainer::new(trained, &env, solver, &SessionOptions::default())?;
    for i in 0..updates {
        let (pixels, labels) = digits.batch(i as usize);
        trainer.set("data", pixels)?;
        trainer.set("label", labels)?;
        let report = trainer.step()?;
        if i % 50 == 0 {
            println!("{:5}  loss {:.4}", report.iteration, report.loss);
        }
    }
    let files = trainer.snapshot(prefix)?;

    let digits = Digits::read("t10k")?;
    let mut machine = Machine::new(tested, &env, Purpose::FORWARD, &SessionOptions::default())?;
    let given: Given = read_weights(&files.safetensors, &order::places(&machine.typed, &[]))?;
    machine.take(&files.safetensors, &given, &[])?;
    let batches = digits.labels.len() / BATCH;
    let mut right = 0.0;
    for i in 0..batches {
        let (pixels, labels) = digits.batch(i);
        machine.set("data", pixels)?;
        machine.set("label", labels)?;
        machine.run()?;
        right += machine.output("accuracy").map_or(0.0, |accuracy| accuracy[0]);
    }
    Ok(right / batches as f32)
}

fn main() -> Result<()> {
    let prefix = std::env::args().nth(1).unwrap_or_else(|| "digits".to_owned());
    println!("{:.1} % of the test images", 100.0 * train(200, Path::new(&prefix))?);
    Ok(())
}

#[test]
fn digits_are_learned() {
    let folder = tempfile::tempdir().expect("a folder");
    let share = train(120, &folder.path().join("digits")).expect("the net is trained");
    assert!(0.8 < share, "{share}");
}
