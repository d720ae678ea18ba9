//! What real Torch refuses is refused in a sentence that points into the definition, and what it accepts is accepted
//! (tests/golden/torch/errors.json); first values are spread as Torch's (init.json); random layers keep their promises.

use std::path::{Path, PathBuf};

use cortado::ir::NetState;
use cortado::one_pass::check_options;
use cortado::pipeline;
use cortado::spec::Phase;
use cortado::weights::{Blob, first_values};
use serde_json::Value;

mod lua_pass;

use lua_pass::{Tensors, run};

fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/torch").join(name);
    let text = std::fs::read_to_string(path).expect("a golden file");
    serde_json::from_str(&text).expect("JSON")
}

fn blob(shape: &[usize], data: Vec<f32>) -> Blob {
    assert_eq!(shape.iter().product::<usize>(), data.len());
    Blob { shape: shape.to_vec(), data }
}

/// Numbers between -1 and 1 without a pattern.
fn scattered(shape: &[usize]) -> Blob {
    let count: usize = shape.iter().product();
    blob(shape, (0..count).map(|i| (i as f32 * 12.9898).sin()).collect())
}

/// Numbers that are at least 0.01 apart, so that a small step changes no maximum.
fn spaced(shape: &[usize]) -> Blob {
    let count: usize = shape.iter().product();
    let spacing = (3.0 / count as f32).max(0.01);
    blob(shape, (0..count).map(|i| (i * 7919 % count) as f32 * spacing - 1.0).collect())
}

fn tensors<const N: usize>(list: [(&str, Blob); N]) -> Tensors {
    list.into_iter().map(|(name, blob)| (name.to_owned(), blob)).collect()
}

#[test]
fn mistakes_are_those_of_torch() {
    let cases = golden("errors.json");
    let mut failures = vec![];
    for case in cases["cases"].as_array().expect("a list") {
        let (name, expr) = (&case["name"], case["expr"].as_str().unwrap_or_default());
        let mut text = format!("-- {name}\nreturn {expr}\n");
        let given = match case["input"].as_str() {
            Some("index5") => tensors([("in.0", blob(&[2], vec![1.0, 5.0]))]),
            Some("index0") => tensors([("in.0", blob(&[2], vec![1.0, 0.0]))]),
            Some("nll") => {
                text = format!(
                    "-- {name}\nlocal loss = {expr}\nreturn {{model = nn.Identity(), loss = loss}}\n"
                );
                let target = blob(&[2], vec![1.0, 4.0]);
                tensors([("in.0", scattered(&[2, 3])), ("target", target)])
            }
            other => {
                assert!(other.is_none(), "{name}: an input of another kind, {other:?}");
                let dims = case["input"].as_array().expect("extents");
                let dims: Vec<usize> =
                    dims.iter().filter_map(|d| d.as_u64()).map(|d| d as usize).collect();
                tensors([("in.0", scattered(&dims))])
            }
        };
        let refused = case["raises"].as_bool().expect("a truth value");
        match run(&text, &given, Phase::Train, 0) {
            Err(error) if !refused => failures.push(format!("{name} is refused: {error}")),
            Ok(_) if refused => failures.push(format!("{name} is accepted")),
            Err(error) if !error.contains("definition.lua:2:") => {
                failures.push(format!("{name} names no line: {error}"));
            }
            Ok(results) => {
                let shape: Vec<String> =
                    results["out.0"].shape.iter().map(usize::to_string).collect();
                let message = case["message"].as_str().unwrap_or_default();
                if message != format!("output {}", shape.join("x")) {
                    failures.push(format!("{name}: {shape:?} where Torch gives {message}"));
                }
            }
            Err(_) => {}
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// How to make what a line of init.json speaks of, with the shape of an input, the parameter, and its number where the net
/// has several.
const MADE: &[(&str, &str, &[usize], &str)] = &[
    ("Linear(400,2500).weight", "nn.Linear(400, 2500)", &[1, 400], "weight"),
    ("Linear(400,100000).bias", "nn.Linear(400, 100000)", &[1, 400], "bias"),
    ("Linear(400,2500):reset(0.1).weight", "reset(nn.Linear(400, 2500), 0.1)", &[1, 400], "weight"),
    ("Linear(400,2500):reset(0.1).bias", "reset(nn.Linear(400, 2500), 0.1)", &[1, 400], "bias"),
    (
        "SpatialConvolution(64,625,5,5).weight",
        "nn.SpatialConvolution(64, 625, 5, 5)",
        &[1, 64, 5, 5],
        "weight",
    ),
    (
        "SpatialConvolution(64,625,5,5).bias",
        "nn.SpatialConvolution(64, 625, 5, 5)",
        &[1, 64, 5, 5],
        "bias",
    ),
    (
        "SpatialConvolution(64,625,5,5):reset(0.01).weight",
        "reset(nn.SpatialConvolution(64, 625, 5, 5), 0.01)",
        &[1, 64, 5, 5],
        "weight",
    ),
    (
        "SpatialConvolutionMM(64,625,5,5).weight",
        "nn.SpatialConvolutionMM(64, 625, 5, 5)",
        &[1, 64, 5, 5],
        "weight",
    ),
    (
        "SpatialConvolutionMM(64,625,5,5).bias",
        "nn.SpatialConvolutionMM(64, 625, 5, 5)",
        &[1, 64, 5, 5],
        "bias",
    ),
    (
        "SpatialConvolutionMM:reset(0.01).weight",
        "reset(nn.SpatialConvolutionMM(64, 625, 5, 5), 0.01)",
        &[1, 64, 5, 5],
        "weight",
    ),
    (
        "SpatialFullConvolution(40,1000,5,5).weight",
        "nn.SpatialFullConvolution(40, 1000, 5, 5)",
        &[1, 40, 1, 1],
        "weight",
    ),
    (
        "SpatialFullConvolution(40,1000,5,5).bias",
        "nn.SpatialFullConvolution(40, 1000, 5, 5)",
        &[1, 40, 1, 1],
        "bias",
    ),
    (
        "SpatialDilatedConvolution(64,625,5,5).weight",
        "nn.SpatialDilatedConvolution(64, 625, 5, 5)",
        &[1, 64, 5, 5],
        "weight",
    ),
    (
        "VolumetricConvolution(16,300,3,5,5).weight",
        "nn.VolumetricConvolution(16, 300, 3, 5, 5)",
        &[1, 16, 3, 5, 5],
        "weight",
    ),
    (
        "TemporalConvolution(100,2000,5).weight",
        "nn.TemporalConvolution(100, 2000, 5)",
        &[5, 100],
        "weight",
    ),
    (
        "TemporalConvolution(100,2000,5).bias",
        "nn.TemporalConvolution(100, 2000, 5)",
        &[5, 100],
        "bias",
    ),
    (
        "SpatialConvolutionMap(full(10,100),32,32).weight",
        "nn.SpatialConvolutionMap(nn.tables.full(10, 100), 32, 32)",
        &[1, 10, 32, 32],
        "weight",
    ),
    ("BatchNormalization.weight", "nn.BatchNormalization(1000000)", &[2, 1000000], "weight"),
    ("BatchNormalization.bias", "nn.BatchNormalization(1000000)", &[2, 1000000], "bias"),
    (
        "BatchNormalization.running_mean",
        "nn.BatchNormalization(1000000)",
        &[2, 1000000],
        "running_mean",
    ),
    (
        "BatchNormalization.running_var",
        "nn.BatchNormalization(1000000)",
        &[2, 1000000],
        "running_var",
    ),
    (
        "SpatialBatchNormalization.weight",
        "nn.SpatialBatchNormalization(1000000)",
        &[2, 1000000, 1, 1],
        "weight",
    ),
    (
        "SpatialBatchNormalization:reset(0.3).weight",
        "reset(nn.SpatialBatchNormalization(1000000), 0.3)",
        &[2, 1000000, 1, 1],
        "weight",
    ),
    ("LookupTable(10000,100).weight", "nn.LookupTable(10000, 100)", &[1], "weight"),
    ("LookupTable:reset(0.2).weight", "reset(nn.LookupTable(10000, 100), 0.2)", &[1], "weight"),
    ("PReLU(1000).weight", "nn.PReLU(1000)", &[1, 1000], "weight"),
    ("Bilinear(100,100,100).weight", "nn.Bilinear(100, 100, 100)", &[1, 100], "weight"),
    ("Add(1000000).bias", "nn.Add(1000000)", &[1, 1000000], "bias"),
    ("CMul(1000000).weight", "nn.CMul(1000000)", &[1, 1000000], "weight"),
    ("CAdd(1000000).bias", "nn.CAdd(1000000)", &[1, 1000000], "bias"),
    ("Cosine(400,2500).weight", "nn.Cosine(400, 2500)", &[1, 400], "weight"),
    ("Euclidean(400,2500).weight", "nn.Euclidean(400, 2500)", &[1, 400], "weight"),
    ("LinearWeightNorm(400,2500).v", "nn.LinearWeightNorm(400, 2500)", &[1, 400], "v"),
    ("LinearWeightNorm.g", "nn.LinearWeightNorm(400, 2500)", &[1, 400], "g"),
    ("LinearWeightNorm.bias", "nn.LinearWeightNorm(400, 2500)", &[1, 400], "bias"),
    ("WeightNorm(Linear(400,2500)).v", "nn.WeightNorm(nn.Linear(400, 2500))", &[1, 400], "v"),
    ("WeightNorm(Linear).bias", "nn.WeightNorm(nn.Linear(400, 2500))", &[1, 400], "bias"),
    ("LayerNormalization gain", "nn.LayerNormalization(1000)", &[2, 1000], "weight"),
    ("LayerNormalization bias", "nn.LayerNormalization(1000)", &[2, 1000], "bias"),
    (
        "SpatialSubSampling(1000,2,2).weight",
        "nn.SpatialSubSampling(1000, 2, 2)",
        &[1, 1000, 2, 2],
        "weight",
    ),
    ("SpatialSubSampling.bias", "nn.SpatialSubSampling(1000, 2, 2)", &[1, 1000, 2, 2], "bias"),
    (
        "Sequential:reset(0.02) -> nested Linear.weight",
        "reset(nn.Sequential():add(nn.Sequential():add(nn.Linear(300, 1000))), 0.02)",
        &[1, 300],
        "weight",
    ),
];

/// First values of the only parameter of this role.
fn first(expr: &str, input: &[usize], role: &str) -> Vec<f32> {
    let text = format!("local function reset(m, s) m:reset(s) return m end\nreturn {expr}\n");
    let count = input.iter().product();
    let given = match expr.starts_with("nn.Bilinear") {
        true => tensors([("in.0", scattered(input)), ("in.1", scattered(input))]),
        false => tensors([("in.0", blob(input, vec![1.0; count]))]),
    };
    let path = PathBuf::from("definition.lua");
    let options = check_options(&path, &given, Some(NetState::phase(Phase::Train)));
    let checked = pipeline::check(&path, text, &options);
    let complaints = checked.complaints();
    assert!(!checked.diagnostics.has_errors(), "{expr}: {complaints}");
    let variables = checked.stages[0].variables.iter().enumerate();
    let mut of_role = variables.filter(|(_, v)| same_role(v.role, role));
    let (i, variable) = of_role.next().unwrap_or_else(|| panic!("{expr} has no {role}"));
    first_values(variable, 7, i as u64)
}

/// Whether cortado's name of a parameter is that of Torch.
fn same_role(ours: &str, theirs: &str) -> bool {
    match theirs {
        "v" => ["direction", "weight"].contains(&ours),
        "g" => ours == "length",
        "weight" => ["weight", "slope"].contains(&ours),
        other => ours == other,
    }
}

#[test]
fn first_values_are_spread_as_those_of_torch() {
    let stats = golden("init.json");
    let mut failures = vec![];
    for stat in stats["stats"].as_array().expect("a list") {
        let what = stat["what"].as_str().unwrap_or_default();
        let Some(&(_, expr, input, role)) = MADE.iter().find(|made| made.0 == what) else {
            failures.push(format!("{what} is not made"));
            continue;
        };
        let values: Vec<f64> = first(expr, input, role).into_iter().map(f64::from).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let std = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        let (least, most) =
            values.iter().fold((f64::MAX, f64::MIN), |(a, b), &x| (a.min(x), b.max(x)));
        let number = |key: &str| stat[key].as_f64().expect("a number");
        let samples = n.min(number("n"));
        // Six deviations of a mean, and of a deviation, over so many samples; both samples vary.
        let slack = 6.0 * 1.5 * number("std") / samples.sqrt() + 1e-12;
        let bounded = number("max") - number("min") < 4.0 * number("std");
        let close = (mean - number("mean")).abs() <= slack
            && (std - number("std")).abs() <= slack
            && (!bounded
                || (least - number("min")).abs() <= 40.0 * slack
                    && (most - number("max")).abs() <= 40.0 * slack);
        if !close {
            failures.push(format!(
                "{what}: {n} of {mean} +- {std} from {least} to {most}; Torch: {stat}"
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What a module makes of ones, and the gradient for ones; batches are as wide as they are high.
fn noisy(expr: &str, shape: &[usize], phase: Phase, seed: u64) -> (Vec<f32>, Vec<f32>) {
    let ones = |shape: &[usize]| blob(shape, vec![1.0; shape.iter().product()]);
    let given = tensors([("in.0", ones(shape)), ("dout.0", ones(shape))]);
    let results =
        run(&format!("return {expr}\n"), &given, phase, seed).unwrap_or_else(|e| panic!("{e}"));
    (results["out.0"].data.clone(), results["din.0"].data.clone())
}

fn fraction(values: &[f32], of: f32) -> f64 {
    values.iter().filter(|&&x| (x - of).abs() < 1e-6).count() as f64 / values.len() as f64
}

#[test]
fn dropout_drops_and_scales() {
    let shape = [100, 100];
    let (y, dx) = noisy("nn.Dropout(0.3)", &shape, Phase::Train, 1);
    assert_eq!(y, dx, "the gradient goes where the value went");
    let kept = 1.0 / 0.7;
    assert!((fraction(&y, 0.0) - 0.3).abs() < 0.03 && (fraction(&y, kept) - 0.7).abs() < 0.03);
    assert_ne!(
        y,
        noisy("nn.Dropout(0.3)", &shape, Phase::Train, 2).0,
        "another seed, other elements"
    );
    assert_eq!(
        y,
        noisy("nn.Dropout(0.3)", &shape, Phase::Train, 1).0,
        "the same seed, the same elements"
    );
    assert_eq!(fraction(&noisy("nn.Dropout(0.3)", &shape, Phase::Test, 1).0, 1.0), 1.0);
    // The first version scales when the net is used, not while it learns.
    let (y, _) = noisy("nn.Dropout(0.3, true)", &shape, Phase::Train, 1);
    assert!((fraction(&y, 1.0) - 0.7).abs() < 0.03 && (fraction(&y, 0.0) - 0.3).abs() < 0.03);
    assert_eq!(fraction(&noisy("nn.Dropout(0.3, true)", &shape, Phase::Test, 1).0, 0.7), 1.0);
    let always = "nn.Dropout(0.3, false, false, true)";
    assert!((fraction(&noisy(always, &shape, Phase::Test, 1).0, 0.0) - 0.3).abs() < 0.03);
}

#[test]
fn spatial_dropout_drops_whole_maps() {
    let (y, _) = noisy("nn.SpatialDropout(0.25)", &[40, 50, 2, 3], Phase::Train, 5);
    let maps: Vec<&[f32]> = y.chunks(6).collect();
    assert!(maps.iter().all(|map| map.iter().all(|x| x == &map[0])));
    assert!((fraction(&y, 0.0) - 0.25).abs() < 0.05 && (fraction(&y, 1.0) - 0.75).abs() < 0.05);
    let (y, _) = noisy("nn.VolumetricDropout(0.5)", &[40, 50, 2, 2, 2], Phase::Train, 5);
    assert!(y.chunks(8).all(|map| map.iter().all(|x| x == &map[0])));
    assert!((fraction(&y, 0.0) - 0.5).abs() < 0.06);
}

#[test]
fn noise_and_random_slopes_have_their_moments() {
    let (y, dx) = noisy("nn.WhiteNoise(0.5, 2)", &[100, 100], Phase::Train, 3);
    let mean = y.iter().map(|&x| f64::from(x)).sum::<f64>() / 1e4;
    let variance = y.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / 1e4;
    assert!((mean - 1.5).abs() < 0.1 && (variance.sqrt() - 2.0).abs() < 0.1, "{mean} {variance}");
    assert_eq!(fraction(&dx, 1.0), 1.0);
    let negative = "nn.Sequential():add(nn.MulConstant(-1)):add(nn.RReLU(0.2, 0.4))";
    let (y, dx) = noisy(negative, &[100, 100], Phase::Train, 3);
    assert!(y.iter().all(|x| (-0.4..=-0.2).contains(x)));
    assert!(
        y.iter().zip(&dx).all(|(y, dx)| (y - dx).abs() < 1e-6),
        "the drawn slope is the derivative"
    );
    let mean = y.iter().map(|&x| f64::from(x)).sum::<f64>() / 1e4;
    assert!((mean + 0.3).abs() < 0.005, "{mean}");
    let (y, _) = noisy(negative, &[100, 100], Phase::Test, 3);
    assert!(y.iter().all(|x| (x + 0.3).abs() < 1e-6));
}

#[test]
fn fractional_pooling_takes_maxima_of_windows_that_cover_the_image() {
    let x = scattered(&[2, 3, 9, 7]);
    let given = tensors([("in.0", x.clone()), ("dout.0", blob(&[2, 3, 4, 3], vec![1.0; 72]))]);
    let text = "return nn.SpatialFractionalMaxPooling(2, 2, 3, 4)";
    let results = run(text, &given, Phase::Train, 1).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(results["out.0"].shape, [2, 3, 4, 3]);
    assert!(results["out.0"].data.iter().all(|y| x.data.contains(y)));
    assert_eq!(results["din.0"].data.iter().sum::<f32>(), 72.0);
    // Numbers that a definition gives place the windows: 0 at 0, 2, 4, .. as far as they go.
    let text = "local pool = nn.SpatialFractionalMaxPooling(2, 2, 3, 3)\n\
                pool.randomSamples = torch.zeros(1, 1, 2)\nreturn pool:fixPoolingRegions()";
    let rising = blob(&[1, 1, 8, 8], (0..64).map(|i| i as f32).collect());
    let given = tensors([("in.0", rising)]);
    let results = run(text, &given, Phase::Train, 1).unwrap_or_else(|e| panic!("{e}"));
    let want: Vec<f32> =
        [0, 3, 6].iter().flat_map(|r| [0, 3, 6].map(|c| ((r + 1) * 8 + c + 1) as f32)).collect();
    assert_eq!(results["out.0"].data, want);
}

/// Half the difference of the sum of `out · dout` over steps along a direction, against the gradient along it.
fn slopes(text: &str, given: &Tensors, along: &str) -> (f64, f64) {
    let total = |given: &Tensors| -> f64 {
        let results = run(text, given, Phase::Train, 0).unwrap_or_else(|e| panic!("{text}: {e}"));
        let douts =
            given.iter().filter_map(|(name, dout)| Some((name.strip_prefix("dout.")?, dout)));
        let sums = douts.map(|(i, dout)| {
            let out = &results[&format!("out.{i}")];
            out.data.iter().zip(&dout.data).map(|(a, b)| f64::from(a * b)).sum::<f64>()
        });
        sums.sum()
    };
    let direction: Vec<f32> =
        (0..given[along].data.len()).map(|i| (i as f32 * 3.7).cos()).collect();
    let moved = |step: f32| {
        let mut given = given.clone();
        let values = &mut given.get_mut(along).expect("the input").data;
        values.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
        total(&given)
    };
    let step = 2e-3;
    let measured = (moved(step) - moved(-step)) / f64::from(2.0 * step);
    let results = run(text, given, Phase::Train, 0).unwrap_or_else(|e| panic!("{text}: {e}"));
    let gradient = &results[&format!("d{along}")].data;
    let derived = gradient.iter().zip(&direction).map(|(a, b)| f64::from(a * b)).sum();
    (measured, derived)
}

/// Layers in variants of which no results of Torch are at hand: shapes of outputs, and gradients against differences.
#[test]
fn variants_have_their_shapes_and_gradients() {
    let pool = "local p = nn.VolumetricMaxPooling(2, 2, 2)\n";
    let cases: &[(&str, &[usize], &[usize])] = &[
        ("nn.SpatialFractionalMaxPooling(2, 3, 3, 3)", &[2, 9, 9], &[2, 3, 3]),
        ("nn.VolumetricFractionalMaxPooling(2, 2, 2, 0.4, 0.6, 0.4)", &[2, 7, 6, 5], &[2, 2, 2, 3]),
        ("nn.VolumetricReplicationPadding(1, 2, 3, 0, -1, 1)", &[2, 4, 4, 4], &[2, 4, 7, 7]),
        (
            "nn.VolumetricDilatedConvolution(2, 3, 3, 2, 2, 1, 1, 1, 0, 0, 0, 2, 2, 1)",
            &[2, 7, 6, 6],
            &[3, 3, 5, 4],
        ),
        (
            "nn.VolumetricDilatedMaxPooling(2, 2, 2, 1, 1, 1, 0, 0, 0, 2, 2, 2)",
            &[2, 2, 7, 6, 5],
            &[2, 2, 5, 4, 3],
        ),
        (
            "nn.Sequential():add(p):add(nn.VolumetricMaxUnpooling(p))",
            &[2, 2, 4, 5, 4],
            &[2, 2, 4, 5, 4],
        ),
        (
            "nn.SpatialFullConvolutionMap(nn.tables.oneToOne(3), 2, 3, 2, 1)",
            &[3, 4, 5],
            &[3, 6, 10],
        ),
        ("nn.SpatialConvolution(3, 4, 5, 3, 2, 3, 2, 1):noBias()", &[3, 9, 8], &[4, 3, 4]),
        (
            "nn.SpatialAveragePooling(3, 3, 2, 2, 1, 1):ceil():setCountExcludePad()",
            &[2, 8, 8],
            &[2, 5, 5],
        ),
        ("nn.SpatialFullConvolution(2, 3, 4, 3, 2, 2, 1, 1, 0, 1)", &[2, 2, 4, 4], &[2, 3, 8, 8]),
        ("nn.SpatialConvolutionLocal(2, 3, 6, 7, 3, 3, 2, 1, 1, 0)", &[2, 7, 6], &[3, 5, 3]),
        ("nn.TemporalRowConvolution(3, 2, 1, true)", &[2, 3, 7], &[2, 3, 6]),
        ("nn.Concat(1):add(nn.Linear(5, 2)):add(nn.Linear(5, 3))", &[5], &[5]),
        (
            "nn.Sequential():add(nn.ConcatTable():add(nn.Linear(5, 2))):add(nn.CMulTable())",
            &[3, 5],
            &[3, 2],
        ),
        ("nn.Bottle(nn.Linear(5, 2))", &[2, 3, 4, 5], &[2, 3, 4, 2]),
        ("nn.LayerNormalization(5, 0.1)", &[3, 5], &[3, 5]),
        ("nn.ZeroGrad()", &[3, 5], &[3, 5]),
        ("nn.FireModule(4, 2, 3, 5, 'Tanh')", &[2, 4, 3, 3], &[2, 8, 3, 3]),
        ("inn.SpatialPyramidPooling({2, 2}, {1, 1})", &[2, 3, 4, 4], &[2, 15]),
        ("inn.SpatialPyramidPooling({{3, 1}})", &[3, 4, 4], &[9]),
        (
            "nn.GPU(nn.Sequential():add(nn.PrintSize('x')):add(nn.Linear(5, 2)), 1)",
            &[3, 5],
            &[3, 2],
        ),
    ];
    for &(expr, input, output) in cases {
        let text = format!("{pool}return {expr}\n");
        let given = tensors([("in.0", spaced(input)), ("dout.0", scattered(output))]);
        let results = run(&text, &given, Phase::Train, 0).unwrap_or_else(|e| panic!("{expr}: {e}"));
        assert_eq!(results["out.0"].shape, output, "{expr}");
        let (measured, derived) = slopes(&text, &given, "in.0");
        if expr.contains("ZeroGrad") {
            assert_eq!(derived, 0.0);
            continue;
        }
        let scale = measured.abs() + derived.abs() + 0.05;
        assert!((measured - derived).abs() < 0.02 * scale, "{expr}: {measured} and {derived}");
    }
}

#[test]
fn sums_of_windows_and_sparse_rows_have_their_values() {
    let text = "local p = nn.SpatialAveragePooling(2, 2, 2, 2) p.divide = false return p";
    let rising = blob(&[1, 2, 4], (0..8).map(|i| i as f32).collect());
    let results =
        run(text, &tensors([("in.0", rising)]), Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(results["out.0"].data, [10.0, 18.0]);

    let text = "local l = nn.SparseLinear(4, 2)\n\
                l.weight:copy(torch.Tensor{{1, 2, 3, 4}, {5, 6, 7, 8}}) l.bias:fill(0.5) return l";
    let rows = blob(&[2, 2, 2], vec![1.0, 2.0, 4.0, -1.0, 3.0, 1.0, 0.0, 0.0]);
    let results =
        run(text, &tensors([("in.0", rows)]), Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(results["out.0"].data, [-1.5, 2.5, 3.5, 7.5]);
    let beyond = tensors([("in.0", blob(&[1, 2], vec![5.0, 1.0]))]);
    assert!(run(text, &beyond, Phase::Test, 0).is_err(), "there is no fifth place");

    let text = "return {model = nn.Identity(), loss = nn.SpatialAutoCropMSECriterion()}";
    let target = blob(&[1, 3, 4], (0..12).map(|i| i as f32).collect());
    let given = tensors([("in.0", blob(&[1, 1, 2], vec![5.0, 8.0])), ("target", target)]);
    let results = run(text, &given, Phase::Train, 0).unwrap_or_else(|e| panic!("{e}"));
    // The middle of the target is 5 and 6.
    assert_eq!((results["loss"].data[0], &results["din.0"].data[..]), (2.0, &[0.0, 2.0][..]));

    let text = "return {model = nn.Identity(), loss = nn.L1HingeEmbeddingCriterion(2)}";
    let given = tensors([
        ("in.0", blob(&[2, 2], vec![1.0, 0.0, 0.5, 0.0])),
        ("in.1", blob(&[2, 2], vec![0.0, 0.5, 0.0, 0.25])),
        ("target", blob(&[2], vec![1.0, -1.0])),
    ]);
    let results = run(text, &given, Phase::Train, 0).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(results["loss"].data, [(1.5 + (2.0 - 0.75)) / 2.0]);
}

#[test]
fn tables_nest_as_the_model_takes_them() {
    let text = "local inner = nn.ParallelTable():add(nn.Identity()):add(nn.CSubTable())\n\
                return nn.Sequential():add(nn.ParallelTable():add(nn.Linear(2, 2)):add(inner))\n\
                :add(nn.FlattenTable()):add(nn.SelectTable(-1))";
    let one = |x: f32| blob(&[1, 2], vec![x; 2]);
    let list = [("in.0", one(1.0)), ("in.1", one(2.0)), ("in.2", one(7.0)), ("in.3", one(4.0))];
    let results = run(text, &tensors(list), Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(results["out.0"].data, [3.0, 3.0]);
}

#[test]
fn definitions_compute_with_tensors() {
    let text = "local a, b = torch.Tensor{{1, 2}, {3, 4}}, torch.eye(2)\n\
        assert(torch.addmm(b, a, a)[1][1] == 8 and torch.addmm(2, b, 0.5, a, a)[2][2] == 13)\n\
        assert(b:clone():addmm(a, a)[2][1] == 15 and b:clone():addmm(10, a, b)[1][2] == 20)\n\
        assert(torch.addmv(torch.ones(2), a, torch.ones(2))[2] == 8)\n\
        assert(torch.bmm(a:view(1, 2, 2), a:view(1, 2, 2))[1][1][1] == 7)\n\
        assert(torch.addr(torch.zeros(2, 2), torch.ones(2), torch.Tensor{1, 5})[2][2] == 5)\n\
        assert(torch.log(1) == 0 and torch.sqrt(4) == 2)\n\
        assert(nn.utils.addSingletonDimension(a, 1):size(1) == 1)\n\
        local c = nn.utils.recursiveFill({a:clone(), {b:clone()}}, 3) assert(c[2][1][1][1] == 3)\n\
        local cmd = torch.CmdLine() cmd:option('-width', 5, 'a number') assert(cmd:parse(arg).width == 5)\n\
        return nn.Identity()";
    let given = tensors([("in.0", scattered(&[2]))]);
    run(text, &given, Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn constructors_take_numbers_as_texts() {
    let given = tensors([("in.0", scattered(&[2, 3]))]);
    let results = run("return nn.Linear('3', '4')", &given, Phase::Train, 0).expect("a net");
    assert_eq!(results["out.0"].shape, [2, 4]);
}

#[test]
fn a_complaint_says_where_the_module_was_added() {
    let text = "local function block(n)\nreturn nn.Sequential():add(nn.ReLU())\n:add(nn.SpatialConvolution(n, 8, 3, 3))\nend\n\
                local net = nn.Sequential()\nnet:add(block(3))\nnet:add(block(4))\nreturn net";
    let given = tensors([("in.0", scattered(&[1, 3, 9, 9]))]);
    let said = run(text, &given, Phase::Train, 0).expect_err("4 planes of 8");
    assert!(said.contains("added here") && said.contains("net:add(block(4))"), "{said}");
    assert!(!said.contains("net:add(block(3))"), "{said}");
}

#[test]
fn words_that_a_definition_gives_its_options_count() {
    let text = "local cmd = torch.CmdLine() cmd:option('-x', 1) cmd:option('-name', 'a') cmd:option('-flag', false)\n\
                local o = cmd:parse({'-x', '5', '-flag'}) error(o.x + 1 .. o.name .. tostring(o.flag))";
    let said = run(text, &Tensors::new(), Phase::Train, 0).expect_err("an error of its own");
    assert!(said.contains("6atrue"), "{said}");
}

#[test]
fn a_definition_that_asks_for_the_type_is_followed_either_way() {
    let class = "local M = torch.class('nn.Halves', 'nn.Module')\n\
         function M:updateOutput(input)\n\
            local by = 2\n\
            if input:type() == 'torch.CudaTensor' then by = 4 end\n\
            self.output = input:float():mul(1 / by):typeAs(input)\n\
            assert(self.output:type() == input:type())\n\
            return self.output\n\
         end\n";
    for (cast, expected) in [("", 3.0), (":cuda()", 1.5), (":double()", 3.0)] {
        let text = format!("{class}return nn.Halves(){cast}");
        let given = tensors([("in.0", blob(&[1, 1], vec![6.0]))]);
        let results = run(&text, &given, Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(results["out.0"].data, [expected], "{cast}");
    }
}

#[test]
fn random_numbers_after_a_seed_are_those_of_torch() {
    let known = &golden("init.json")["rng_seed1"];
    let cases = [
        ("torch.random()", "torch.random()"),
        ("torch.uniform()", "torch.uniform()"),
        ("torch.normal()", "torch.normal()"),
        ("FloatTensor(6):uniform(0,1)", "torch.FloatTensor(6):uniform(0, 1)"),
        ("FloatTensor(6):normal(0,1)", "torch.FloatTensor(6):normal(0, 1)"),
        ("randperm(10)", "torch.randperm(10)"),
        ("FloatTensor(12):bernoulli(0.5)", "torch.FloatTensor(12):bernoulli(0.5)"),
        (
            "nn.Linear(3,2) weight then bias",
            "(function() local l = nn.Linear(3, 2) return torch.cat(l.weight:view(-1), l.bias) end)()",
        ),
    ];
    for (name, expression) in cases {
        let numbers = known[name].as_array().expect("numbers");
        let wanted = numbers.iter().map(Value::to_string).collect::<Vec<_>>().join(",");
        let text = format!(
            "torch.manualSeed(1) local want = {{{wanted}}}\n\
             local got = {expression}\n\
             if type(got) == 'number' then got = {{got}} for i = 2, #want do got[i] = {expression} end end\n\
             for i, x in ipairs(want) do\n\
                assert(math.abs(got[i] - x) <= 1e-7 * math.max(1, math.abs(x)), i .. ': ' .. got[i] .. ' for ' .. x)\n\
             end\n\
             return nn.Identity()"
        );
        let given = tensors([("in.0", blob(&[1], vec![1.0]))]);
        if let Err(complaint) = run(&text, &given, Phase::Test, 0) {
            panic!("{name}: {complaint}");
        }
    }
}

/// Largest elements of parts of regions as imagine-nn's ROIPooling.cu finds them, in its first and in its second form.
fn regions_of_inn(
    x: &Blob,
    regions: &[[f64; 5]],
    [rows, columns]: [usize; 2],
    scale: f64,
    second: bool,
) -> Vec<f32> {
    let [channels, height, width] = [1, 2, 3].map(|i| x.shape[i]);
    let mut tops = vec![];
    for region in regions {
        let image = region[0] as usize - 1;
        let at = |i: usize| ((region[i] - 1.0) * scale).round() as i64;
        let (x1, y1) = (at(1), at(2));
        let less = i64::from(second);
        let sizes =
            [(at(4) - less - y1 + 1).max(1), (at(3) - less - x1 + 1).max(1)].map(|n| n as f32);
        let edges = |i: usize, n: usize, size: f32, first: i64, most: usize| {
            let size = size / n as f32;
            let (from, to) = (i as f32 * size, (i + 1) as f32 * size);
            let edges = if second { [from.round(), to.round()] } else { [from.floor(), to.ceil()] };
            edges.map(|edge| (edge as i64 + first).clamp(0, most as i64) as usize)
        };
        for channel in 0..channels {
            for row in 0..rows {
                for column in 0..columns {
                    let [top, bottom] = edges(row, rows, sizes[0], y1, height);
                    let [left, right] = edges(column, columns, sizes[1], x1, width);
                    let mut best = if bottom <= top || right <= left { 0.0 } else { f32::MIN };
                    for h in top..bottom {
                        for w in left..right {
                            let place = ((image * channels + channel) * height + h) * width + w;
                            best = best.max(x.data[place]);
                        }
                    }
                    tops.push(best);
                }
            }
        }
    }
    tops
}

#[test]
fn regions_of_inn_are_counted_from_1() {
    let images = spaced(&[2, 3, 9, 7]);
    let regions = [
        [1.0, 1.0, 1.0, 14.0, 18.0],
        [2.0, 3.0, 5.0, 9.0, 8.0],
        [2.0, 6.0, 2.0, 6.0, 2.0],
        [1.0, 9.0, 11.0, 40.0, 40.0],
    ];
    let flat: Vec<f32> = regions.iter().flatten().map(|&number| number as f32).collect();
    for second in [true, false] {
        let text = format!(
            "local m = inn.ROIPooling(3, 2):setSpatialScale(1 / 2) m.v2 = {second} return m"
        );
        let given = tensors([
            ("in.0", images.clone()),
            ("in.1", blob(&[4, 5], flat.clone())),
            ("dout.0", blob(&[4, 3, 2, 3], vec![1.0; 72])),
        ]);
        let results = run(&text, &given, Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
        let wanted = regions_of_inn(&images, &regions, [2, 3], 0.5, second);
        assert_eq!(results["out.0"].data, wanted, "{second}");
        // Every part that has pixels passes its gradient on.
        let parts = wanted.iter().filter(|&&best| best != 0.0).count() as f32;
        assert_eq!(results["din.0"].data.iter().sum::<f32>(), parts);
    }
}

#[test]
fn stochastic_pooling_of_inn_is_weighted_by_the_elements() {
    let images = blob(&[1, 1, 2, 3], vec![1.0, 3.0, 2.0, 0.0, 4.0, 5.0]);
    let given = tensors([("in.0", images), ("dout.0", blob(&[1, 1, 1, 2], vec![1.0, 1.0]))]);
    let text = "return inn.SpatialStochasticPooling(2, 2, 2, 2)";
    let results = run(text, &given, Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
    for (got, want) in results["out.0"].data.iter().zip([26.0 / 8.0, 29.0 / 7.0]) {
        assert!((got - want).abs() < 1e-5, "{got} {want}");
    }
    let drawn = run(text, &given, Phase::Train, 3).unwrap_or_else(|e| panic!("{e}"));
    assert!([1.0, 3.0, 4.0].contains(&drawn["out.0"].data[0]));
    assert!([2.0, 5.0].contains(&drawn["out.0"].data[1]));
}
