//! Every optimizer of DIGITS' TensorFlow driver over twelve gradients and learning rates: the solver that a run file's
//! words become, step by step against what real TensorFlow did (tests/golden/tensorflow/optim).

use std::path::Path;

use cortado::diag::Diagnostics;
use cortado::diag::render::render;
use cortado::exec::cpu::update::update;
use cortado::job::solver_mapping::read_solver;
use cortado::plan::Slot;
use cortado::source::SourceMap;
use cortado::spec::Dialect;
use cortado::spec::optimizer::Optimizer;
use cortado::spec::solver::Solver;
use cortado::train::rule::{starts, update as update_of};
use cortado::weights::read_safetensors;

type Failed = Box<dyn std::error::Error>;

/// The solver of `text`, the mapping under `solver:`, with the complaints as text.
fn solver(text: &str, dialect: Dialect) -> Result<(Solver, String), Failed> {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add("run.yaml", text);
    let solver = read_solver(&serde_yaml::from_str(text)?, dialect, file, text, &mut diagnostics);
    Ok((solver, render(&diagnostics, &sources, false)))
}

#[test]
fn every_optimizer_moves_as_in_tensorflow() -> Result<(), Failed> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/tensorflow/optim/data.safetensors");
    let golden = read_safetensors(&file)?;
    let (steps, n) = (golden["lr"].data.len(), golden["w0"].data.len());
    assert_eq!((steps, n), (12, 12));
    for name in Optimizer::NAMES {
        let (solver, complaints) =
            solver(&format!("{{ optimizer: {name} }}"), Dialect::TensorFlow)?;
        assert!(complaints.is_empty(), "{complaints}");
        let mut w = golden["w0"].data.clone();
        let [first, second] = starts(&solver);
        let (mut h, mut v) = (vec![first; n], vec![second; n]);
        let want = &golden[&format!("w.{name}")].data;
        for k in 0..steps {
            let place = Slot { offset: 0, len: n };
            let rate = golden["lr"].data[k];
            let whole = update_of(&solver, rate, k as u64, vec![Some([1.0; 2])], place);
            let second = if whole.rule.histories() == 2 { v.as_mut_slice() } else { &mut [] };
            let g = &golden["grads"].data[k * n..(k + 1) * n];
            update(whole.rule, whole.step([1.0; 2], 1.0), g, &mut w, &mut h, second);
            for (i, (a, b)) in w.iter().zip(&want[k * n..]).enumerate() {
                let near = (a - b).abs() <= 1e-6 + 1e-5 * b.abs();
                assert!(near, "{name}: w[{i}] after update {k} is {a}, not {b}");
            }
        }
    }
    Ok(())
}

/// Which words a solver is in is told by its keys and by the definition.
#[test]
fn words() -> Result<(), Failed> {
    let expect = |text: &str, dialect, name: &str, expected: &str| -> Result<(), Failed> {
        let (solver, complaints) = solver(text, dialect)?;
        let said =
            if expected.is_empty() { complaints.is_empty() } else { complaints.contains(expected) };
        if solver.method.name() != name || !said {
            return Err(format!("{text}\n{}\n{complaints}", solver.method.name()).into());
        }
        Ok(())
    };
    let tf = Dialect::TensorFlow;
    expect("{}", tf, "sgd", "")?;
    expect(
        "{ optimizer: adam, learning_rate: 0.001, lr_policy: step, gamma: 0.5 }",
        tf,
        "adam",
        "",
    )?;
    expect("{ optimizer: rmsprop }", Dialect::Caffe, "rmsprop", "")?;
    expect("{ base_lr: 0.01, momentum: 0.9 }", tf, "SGD", "")?;
    expect("{ method: nag, learningRate: 0.01 }", tf, "nag", "")?;
    expect("{ optimizer: adamm }", tf, "sgd", "did you mean \"adam\"?")?;
    expect("{ optimizer: zzz }", tf, "sgd", "has no optimizer \"zzz\". There are sgd")?;
    expect("{ iter_size: 0 }", tf, "sgd", "`iter_size` must be at least 1, not 0")?;
    expect("{ optimizer: sgd, learning_rat: 1 }", tf, "sgd", "did you mean `learning_rate`?")?;
    expect("{ optimizer: ftrl, initial_accumulator_value: 0 }", tf, "ftrl", "must be above 0")?;
    expect("{ learning_rate: -1 }", tf, "sgd", "leads nowhere")?;
    expect("{ lr_policy: stepp }", tf, "sgd", "did you mean \"step\"?")?;
    Ok(())
}

#[test]
fn what_digits_trains_with() -> Result<(), Failed> {
    let (solver, _) = solver("{}", Dialect::TensorFlow)?;
    assert_eq!((solver.base_lr, solver.weight_decay), (0.01, 0.0));
    Ok(())
}
