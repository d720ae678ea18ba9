//! First values are spread as Torch's (tests/golden/torch/init.json), random layers keep their promises, and numbers after a seed
//! are those of Torch.

use std::path::PathBuf;

use cortado::ir::NetState;
use cortado::one_pass::check_options;
use cortado::pipeline;
use cortado::spec::Phase;
use cortado::weights::first_values;
use serde_json::Value;

mod lua_pass;
mod torch_golden;

use lua_pass::run;
use torch_golden::{blob, golden, scattered, tensors};

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
