//! Damaged definitions: whatever the text, reading, checking, lowering and planning end with complaints or a plan,
//! never with a panic.

mod damage;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use cortado::diag::Diagnostics;
use cortado::front::caffe::solver::read_solver;
use cortado::pipeline::{self, Options};
use cortado::source::SourceMap;
use damage::{Numbers, sources, tokens};

/// Mutated texts made of each source.
const ROUNDS: u64 = 12;

/// Longer sources are left to other tests, so that these stay quick.
const LONGEST: usize = 6_000;

/// Numbers that people do not write.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "-2147483648",
    "4294967295",
    "4294967296",
    "1000000000",
    "9223372036854775807",
    "99999999999999999999",
    "1e38",
    "-0.0",
    "nan",
    "inf",
    "3.5",
    "0x10",
];

/// Pieces of other definitions.
const PIECES: &[&str] = &[
    "{",
    "}",
    "<",
    ">",
    "[",
    "]",
    ":",
    "\"",
    "'",
    "#",
    ",",
    ";",
    "layer {",
    "layers {",
    "type: \"Reshape\"",
    "param { name: \"w\" }",
    "bottom: \"data\"",
    "top: \"data\"",
    "loss_weight: 1",
    "axis: -5",
    "shape { dim: 1000000000 dim: 1000000000 }",
    "shape { dim: 0 }",
    "group: 0",
    "stride: 0",
    "kernel_size: 4294967295",
    "pad: 4294967295",
    "dilation: 4294967295",
    "num_output: 4294967295",
    "include { phase: TEST }",
    "exclude { stage: \"x\" }",
    "phase: TRAIN",
    "propagate_down: true",
    "\u{e9}",
    "\0",
    "type: \"LSTM\"",
];

fn mutated(text: &str, random: &mut Numbers) -> String {
    let mut tokens = tokens(text, |c| matches!(c, '_' | '.' | '-'));
    for _ in 0..1 + random.below(4) {
        let at = random.below(tokens.len());
        let other = random.below(tokens.len());
        match random.below(8) {
            0 => drop(tokens.remove(at)),
            1 => tokens.swap(at, other),
            2 => tokens.insert(at, tokens[other].clone()),
            3 => tokens.insert(at, format!(" {} ", PIECES[random.below(PIECES.len())])),
            4 => tokens.truncate(at.max(1)),
            5 => {
                let range = at.min(other)..at.max(other).min(at.min(other) + 40);
                let copy: Vec<String> = tokens[range].to_vec();
                let place = random.below(tokens.len());
                tokens.splice(place..place, copy);
            }
            _ => {
                let numbers: Vec<usize> =
                    (0..tokens.len()).filter(|&i| tokens[i].parse::<f64>().is_ok()).collect();
                if !numbers.is_empty() {
                    let number = numbers[random.below(numbers.len())];
                    tokens[number] = NUMBERS[random.below(NUMBERS.len())].to_owned();
                }
            }
        }
        if tokens.is_empty() {
            break;
        }
    }
    tokens.concat()
}

/// Everything short of running: complaints, or the plan of a training iteration.
fn compile(text: &str) {
    let options = Options::default();
    let checked = pipeline::check(Path::new("mutated.prototxt"), text.to_owned(), &options);
    checked.complaints();
    if checked.diagnostics.has_errors() {
        return;
    }
    let env = pipeline::environment(&options, &|_| None);
    for typed in &checked.stages {
        // A net whose shapes are not known is refused with a reason.
        let _ = pipeline::training_plan(typed, &env, 1, (cortado::exec::Device::Cpu, 1));
    }
}

fn check(folder: &str) {
    let mut failures = vec![];
    for (number, path) in sources(folder, "prototxt").into_iter().enumerate() {
        let text = std::fs::read_to_string(&path).expect("readable text");
        if text.is_empty() || LONGEST < text.len() {
            continue;
        }
        for round in 0..ROUNDS {
            let mut random = Numbers(((number as u64) << 32) | round);
            let text = mutated(&text, &mut random);
            if catch_unwind(AssertUnwindSafe(|| compile(&text))).is_err() {
                failures.push(format!("{} round {round}:\n{text}\n", path.display()));
            }
        }
    }
    assert!(failures.is_empty(), "{} texts:\n{}", failures.len(), failures.join("\n"));
}

/// Texts whose work would grow with the square of their length or its cube.
#[test]
fn long_texts() {
    let names = |n: usize| (0..n).map(|i| format!("\"a{i}\",")).collect::<String>();
    let padding = "layers { layer { name: 'p' type: 'padding' pad: 1 } top: 'p' bottom: [";
    let reader = "layers { layer { name: 'c' type: 'conv' num_output: 1 kernelsize: 3 } bottom: 'p' top: 'c' }";
    compile(&format!("{padding}{}'b'] }} {}", names(30_000), reader.repeat(2000)));
    let loss = "layer { name: 'a' type: 'EuclideanLoss' bottom: 'x' bottom: 'y' }";
    compile(&loss.repeat(4000));
    let mut complaints = Diagnostics::default();
    let solver = "test_iter: 1 ".repeat(30_000) + &"max_iter: 1 ".repeat(20_000);
    let file = SourceMap::default().add("solver.prototxt", solver.clone());
    read_solver(file, &solver, &mut complaints);
    assert!(complaints.has_errors());
}

#[test]
fn damaged_layer_cases() {
    check("tests/golden/caffe/layers");
}

#[test]
fn damaged_networks() {
    check("networks");
}

#[test]
fn damaged_legacy_definitions() {
    check("tests/golden/caffe/legacy");
}

#[test]
fn damaged_mistakes() {
    check("tests/diagnostics");
}
