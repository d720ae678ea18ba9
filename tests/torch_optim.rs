//! Every method of Torch's optim on a noisy quadratic: the solver that a run file's words become, step by step against
//! what real Torch did (tests/golden/torch/optim).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cortado::diag::Diagnostics;
use cortado::exec::cpu::update::{look_ahead, update};
use cortado::job::solver_mapping::read_solver;
use cortado::plan::Slot;
use cortado::source::SourceMap;
use cortado::spec::Dialect;
use cortado::spec::solver::Solver;
use cortado::train::rule::{looks_ahead, starts, update as update_of};
use cortado::train::schedule::Schedule;
use cortado::weights::{Blob, read_safetensors};
use serde_json::Value;

type Failed = Box<dyn std::error::Error>;

#[test]
fn every_method_moves_as_in_torch() {
    let meta = std::fs::read(folder().join("meta.json")).expect("part of the repository");
    let meta: Value = serde_json::from_slice(&meta).expect("valid JSON");
    let runs = meta["runs"].as_array().expect("a list of runs");
    assert_eq!(runs.len(), 23, "runs of the golden data");
    let failures: Vec<String> = runs
        .iter()
        .filter_map(|run| trajectory(run).err().map(|e| format!("{}: {e}", run["name"])))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/torch/optim")
}

/// The solver of `text`, the mapping under `solver:`, with the complaints as text.
fn solver(text: &str, torch: bool) -> Result<(Solver, String), Failed> {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add("run.yaml", text);
    let mapping = serde_yaml::from_str(text)?;
    let dialect = if torch { Dialect::Torch } else { Dialect::Caffe };
    let solver = read_solver(&mapping, dialect, file, text, &mut diagnostics);
    let complaints = cortado::diag::render::render(&diagnostics, &sources, false);
    Ok((solver, complaints))
}

fn trajectory(run: &Value) -> Result<(), Failed> {
    let mut config = run["config"].as_object().cloned().unwrap_or_default();
    config.insert("method".into(), run["method"].clone());
    let (solver, complaints) = solver(&serde_yaml::to_string(&config)?, true)?;
    if !complaints.is_empty() {
        return Err(complaints.into());
    }
    let problem = read_safetensors(&folder().join("problem.safetensors"))?;
    let name = run["name"].as_str().unwrap_or_default();
    let golden = read_safetensors(&folder().join(format!("{name}.safetensors")))?;
    let mut schedule = Schedule::new(&solver);
    let n = problem["x0"].data.len();
    let mut x = problem["x0"].data.clone();
    let [first, second] = starts(&solver);
    let (mut h, mut v) = (vec![first; n], vec![second; n]);
    let iterations = golden["x"].shape[0];
    assert_eq!((n, iterations), (24, 40));
    let mut moved = false;
    for k in 0..iterations {
        if let Some(momentum) = looks_ahead(&solver) {
            look_ahead(momentum, &mut x, &h);
        }
        let (f, g) = gradient(&problem, &x, k);
        let want = f64::from(golden["f"].data[k]);
        if 1e-5 * want.abs().max(1.0) < (f - want).abs() {
            return Err(format!("f {k} is {f}, not {want}").into());
        }
        let rate = schedule.rate(k as u64);
        let place = Slot { offset: 0, len: n };
        let whole = update_of(&solver, rate, k as u64, vec![Some([1.0; 2])], place);
        let before = x.clone();
        let second = if whole.rule.histories() == 2 { v.as_mut_slice() } else { &mut [] };
        update(whole.rule, whole.step([1.0; 2], 1.0), &g, &mut x, &mut h, second);
        moved |= before != x;
        for (i, (a, b)) in x.iter().zip(&golden["x"].data[k * n..]).enumerate() {
            if 2e-6 + 1e-5 * b.abs() < (a - b).abs() {
                return Err(format!("x[{i}] after update {k} is {a}, not {b}").into());
            }
        }
    }
    if moved { Ok(()) } else { Err("nothing moved".into()) }
}

/// `0.5 x'Ax - b'x` and `Ax - b + noise[k]`.
fn gradient(problem: &BTreeMap<String, Blob>, x: &[f32], k: usize) -> (f64, Vec<f32>) {
    let data = |name: &str| problem[name].data.as_slice();
    let (a, b, noise) = (data("A"), data("b"), data("noise"));
    let n = x.len();
    let mut f = 0.0;
    let mut g = vec![];
    for i in 0..n {
        let row = &a[i * n..(i + 1) * n];
        let ax: f64 = row.iter().zip(x).map(|(&a, &x)| f64::from(a) * f64::from(x)).sum();
        f += f64::from(x[i]) * (0.5 * ax - f64::from(b[i]));
        g.push((ax - f64::from(b[i]) + f64::from(noise[k * n + i])) as f32);
    }
    (f, g)
}

/// Which words a solver is in is told by its keys; what fits neither gets the nearest.
#[test]
fn words() -> Result<(), Failed> {
    let expect = |text: &str, torch, expected: &str| -> Result<(), Failed> {
        let (_, complaints) = solver(text, torch)?;
        if expected.is_empty() && !complaints.is_empty() || !complaints.contains(expected) {
            return Err(format!("{text}\n{complaints}").into());
        }
        Ok(())
    };
    expect("{ method: sgd, learningRate: 0.01, momentum: 0.9 }", false, "")?;
    expect("{ base_lr: 0.01, momentum: 0.9 }", true, "")?;
    expect("{ base_lr: 0.01, iter_size: 0 }", true, "`iter_size` must be at least 1, not 0")?;
    expect("{ method: sgd, iter_size: -2 }", true, "`iter_size` must be at least 1, not -2")?;
    expect("{ learningRat: 0.01 }", true, "did you mean `learningRate`?")?;
    expect("{ base_lr: 0.01, learningRate: 0.9 }", true, "learningRate")?;
    expect("{ method: adamx }", false, "did you mean \"adam\"?")?;
    expect("{ method: sgd, policy: steps }", false, "did you mean \"step\"?")?;
    expect("{ method: sgd, policy: step, stepvalues: [150] }", false, "percent of training")?;
    expect("{ method: sgd, policy: step, stepvalues: [30, 60] }", false, "has one step")?;
    expect("{ method: sgd, policy: multistep, stepvalues: [30, 60] }", false, "")?;
    expect("{ learningRateDecay: 1e-4, policy: exp }", true, "belongs to the policy")?;
    expect("{ learningRateDecay: 1e-4, policy: torch_sgd }", true, "")?;
    expect("{ method: sgd, momentum: 0.9, nesterov: true }", false, "`dampening: 0`")?;
    expect("{ method: rprop, learningRate: .nan }", false, "leads nowhere")?;
    let (default, _) = solver("{}", true)?;
    assert_eq!(default, Solver::of_digits_torch());
    let (torch, _) = solver("{ momentum: 0.5 }", true)?;
    assert_eq!(torch.method.name(), "sgd");
    let (caffe, _) = solver("{ momentum: 0.5 }", false)?;
    assert_eq!(caffe.method.name(), "SGD");
    Ok(())
}
