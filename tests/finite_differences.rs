//! Gradients against central finite differences in double precision, for every golden layer case of Caffe and of Torch and
//! every definition of TensorFlow, small ones among them, that has a backward pass. The golden data say that cortado agrees with these; this says
//! that all are derivatives.
//!
//! Where the two one-sided differences disagree the function has a kink, and the place is skipped, as Caffe's own
//! gradient checker does.

mod golden_case;
mod small_definitions;

use std::collections::BTreeMap;
use std::path::Path;

use cortado::exec::Device;
use cortado::one_pass::{PassOptions, Passes, inward};
use cortado::pipeline::{self, Checked, Options};
use cortado::program::Arrange;
use cortado::weights::Blob;
use golden_case::{Case, cases};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// Cases whose gradient is by the original's definition not the derivative of what the forward pass computes, and why.
const NOT_DERIVATIVES: &[(&str, &str)] = &[
    ("caffe::contrastive_default", DISTANCE),
    ("caffe::contrastive_label_frac", DISTANCE),
    ("caffe::contrastive_weight", DISTANCE),
    ("caffe::lstm_cont_fraction", "the forget gate's gradient is f (1 - f) with f = cont sigmoid"),
    ("caffe::multinomial_clamp", "the clamped probability also divides the gradient"),
    ("caffe::mvn_eps", "the gradient takes std + eps for the deviation that it differentiates"),
    ("caffe::power_cube_at_zero", "the gradient is power y / x, which is no number at 0"),
    ("caffe::softmaxloss_underflow", "the loss is clamped, its gradient is not"),
    ("forks::center_loss", CENTRES),
    ("forks::center_loss_images", CENTRES),
    ("forks::ctc_loss_columns", NOT_DIVIDED),
    ("forks::ctc_loss_lengths", NOT_DIVIDED),
    ("forks::ctc_loss_long", NOT_DIVIDED),
    ("forks::ctc_loss_rows", NOT_DIVIDED),
    ("forks::gradient_reversal_caffe", REVERSED),
    ("forks::gradient_scaler", REVERSED),
    ("forks::inner_distance_own", "vectors get the gradient of the rows of their own label only"),
    ("forks::inner_product_unit", "the gradient is that of weights of length 1"),
    ("forks::margin_double", ANGLES),
    ("forks::margin_quadruple", ANGLES),
    ("forks::margin_single", ANGLES),
    ("forks::margin_triple", ANGLES),
    ("forks::scale_at_least", "a factor that is brought to its bound keeps its gradient"),
    ("small::adversarial_examples", STOPPED),
    ("small::colours", "hsv_to_rgb has no gradient in TensorFlow"),
    ("small::gradients_times_numbers", REVERSED),
    ("small::labels_that_sum_to_less", "the gradient is that of labels that sum to 1"),
    ("small::loops_without_gradients", STOPPED),
    ("small::normalised_by_one_function", "moments that are given back have no gradient"),
    ("small::renormalised", STOPPED),
    ("small::spectral_norm", STOPPED),
    ("small::two_losses_of_one_variable", "each of the losses has a gradient of its own"),
    ("tensorflow::multi_loss", "each of its losses changes variables of its own only"),
    ("torch::alias_concattable_first", "an in-place module changes what its siblings read"),
    ("torch::alias_concattable_identity", "an in-place module changes what its siblings read"),
    ("torch::cosemb_y0", "a target of 0 counts as 1 in the loss and gives no gradient"),
    ("torch::cosemb_zero_vec", "1e-12 stands for the length of the zero vector"),
    ("torch::gradient_reversal", REVERSED),
    ("torch::lookuptable_maxnorm", "the rows are shortened before they are read"),
    ("torch::lookuptable_pad", "the row of padding has no gradient"),
];

/// Why a contrastive loss of the present form is listed.
const DISTANCE: &str = "1e-4 is added to the distance that the gradient divides by";

/// Why centres of classes are listed.
const CENTRES: &str = "a centre follows the rows of its class, whatever the loss";
/// Why definitions are listed that keep the gradient from a part of what they compute.
const STOPPED: &str = "the definition keeps a part of the gradient back";
/// Why layers of domain adaptation are listed.
const REVERSED: &str = "the gradient is reversed on purpose";
/// Why losses over alignments of several sequences are listed.
const NOT_DIVIDED: &str = "the loss is divided by the number of sequences, its gradient is not";
/// Why layers of angular margins are listed.
const ANGLES: &str =
    "weights get the gradient as if they had their length, features one of length 1";

/// Cases that are made of kinks: ties, coinciding points, saturation, powers of negative numbers.
const KINKS: &[&str] = &[
    "caffe::contrastive_equal_points",
    "caffe::eltwise_max_ties",
    "caffe::pool_max_ties",
    "caffe::power_frac_negbase",
    "torch::bce_saturated",
    "torch::cosemb_identical",
    "torch::max_ties",
];

/// Elements of one tensor that are tried, spread over all of it.
const TRIED: usize = 12;
/// The step, in units of the value (at least 1).
const STEP: f64 = 1e-5;

fn main() {
    let mut trials = vec![];
    let folders = [
        ("caffe", "caffe/layers"),
        ("forks", "caffe/forks"),
        ("torch", "torch/modules"),
        ("tensorflow", "tensorflow"),
    ];
    for (dialect, folder) in folders {
        trials.extend(cases(folder).into_iter().flat_map(|(name, case)| {
            let name = format!("{dialect}::{name}");
            let other = case.clone();
            let last = Trial::test(format!("{name}/channels_last"), move || same_last(&other));
            [Trial::test(name.clone(), move || run(&name, &case)), last]
        }));
    }
    let (cases, inputs) = small_definitions::all();
    trials.extend(cases.into_iter().map(|case| {
        let name = format!("small::{}", small_definitions::text(&case["name"]));
        let given = small_definitions::given(&case, inputs.clone());
        Trial::test(name.clone(), move || decide(&name, small(&case, &given)?))
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A small definition of TensorFlow.
fn small(case: &Value, tensors: &BTreeMap<String, Blob>) -> Result<Net, Failed> {
    let [inference, loss] = ["inference", "loss"].map(|part| small_definitions::text(&case[part]));
    let (checked, options) =
        small_definitions::checked(inference, loss, tensors, case["train"] == true);
    let given = inward(&checked.definition, tensors);
    Net::new(&checked, &options, &given, None)
}

fn run(name: &str, case: &Path) -> Result<(), Failed> {
    match open(case, None)? {
        Some(net) => decide(name, net),
        None => Ok(()),
    }
}

/// Whether the gradients are derivatives, as they should be.
fn decide(name: &str, mut net: Net) -> Result<(), Failed> {
    let listed = NOT_DERIVATIVES.iter().any(|(known, _)| *known == name);
    match (net.check(), listed) {
        (Err(_), true) => Ok(()),
        (Ok(_), true) => Err("is a derivative, and listed as none".into()),
        (Err(why), false) => Err(why),
        (Ok(count), false) => match (count.tried < count.kinks, KINKS.contains(&name)) {
            (true, false) => {
                Err(format!("{} kinks, {} other places", count.kinks, count.tried).into())
            }
            (false, true) => Err("has few kinks, and is listed as full of them".into()),
            _ => Ok(()),
        },
    }
}

/// Results and gradients are the same where channels lie last.
fn same_last(case: &Path) -> Result<(), Failed> {
    let (Some(mut plain), Some(mut last)) = (open(case, None)?, open(case, Some(Arrange::All))?)
    else {
        return Ok(());
    };
    for net in [&mut plain, &mut last] {
        for (name, values) in &net.tensors {
            net.passes.set(name, values);
        }
        net.passes.run()?;
    }
    let names: Vec<String> = plain.passes.results().map(str::to_owned).collect();
    for name in names {
        let want = plain.passes.get(&name).ok_or("a result is missing")?;
        let have = last.passes.get(&name).ok_or("a result is missing")?;
        let finite = want.1.iter().filter(|x| x.is_finite());
        let largest = finite.fold(1e-3, |m: f64, x| m.max(x.abs()));
        let near = |(a, b): (&f64, &f64)| {
            a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * largest
        };
        if want.0 != have.0 || !want.1.iter().zip(&have.1).all(near) {
            return Err(format!("{name} is {have:?}, not {want:?}").into());
        }
    }
    Ok(())
}

/// Reads a case; none if it has no backward pass.
fn open(case: &Path, how: Option<Arrange>) -> Result<Option<Net>, Failed> {
    let case = Case::open(case)?;
    // Caffe's cases may give what arrives at the outputs of a layer that has no backward pass.
    let kinds: &[_] =
        if case.path.ends_with("net.prototxt") { &["din.", "dparam."] } else { &["d"] };
    if case.given(kinds).is_empty() {
        return Ok(None);
    }
    let checked = pipeline::check_file(&case.path, &case.options)?;
    let given = inward(&checked.definition, &case.tensors);
    Net::new(&checked, &case.options, &given, how).map(Some)
}

#[derive(Default)]
struct Count {
    tried: usize,
    kinks: usize,
}

struct Net {
    passes: Passes<f64>,
    tensors: BTreeMap<String, Vec<f64>>,
}

impl Net {
    fn new(
        checked: &Checked,
        options: &Options,
        tensors: &BTreeMap<String, Blob>,
        how: Option<Arrange>,
    ) -> Result<Self, Failed> {
        let env = pipeline::environment(options, &|_| None);
        let pass = PassOptions { backward: true, device: Device::Cpu, threads: 1, seed: 0 };
        let typed = checked.stages.first().ok_or("nothing to run")?;
        let passes = Passes::arranged(typed, &env, &pass, how)?;
        let given = tensors.iter().filter(|(name, _)| {
            ["in.", "param.", "dout."].iter().any(|prefix| name.starts_with(prefix))
        });
        let double = |blob: &Blob| blob.data.iter().map(|&x| f64::from(x)).collect();
        let tensors = given.map(|(name, blob)| (name.clone(), double(blob))).collect();
        Ok(Net { passes, tensors })
    }

    fn check(&mut self) -> Result<Count, Failed> {
        let mut count = Count::default();
        let middle = self.value(None)?;
        let gradients = self.gradients();
        for (gradient, target, analytic) in gradients {
            let n = analytic.len();
            let largest = analytic.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
            let noise = 1e-9 * (1.0 + middle.abs());
            for i in (0..n).step_by(n.div_ceil(TRIED).max(1)) {
                let x = self.tensors[&target][i];
                let h = STEP * x.abs().max(1.0);
                let low = self.value_at(&target, i, x - h)?;
                let high = self.value_at(&target, i, x + h)?;
                let (left, right) = ((middle - low) / h, (high - middle) / h);
                let numeric = (high - low) / (2.0 * h);
                let scale = largest.max(numeric.abs());
                if !(left - right).is_finite() || 1e-3 * scale + noise < (left - right).abs() {
                    count.kinks += 1;
                    continue;
                }
                count.tried += 1;
                let near = |numeric: f64| (numeric - analytic[i]).abs() <= 1e-6 * scale + noise;
                // A kink that many smooth terms outweigh is seldom as near as a tenth of the step.
                if !near(numeric) && !near(self.slope(&target, i, x, h / 10.0)?) {
                    return Err(format!("{gradient}[{i}] is {}, not {numeric}", analytic[i]).into());
                }
            }
        }
        Ok(count)
    }

    /// The difference quotient of the value by an element, which is `x`.
    fn slope(&mut self, target: &str, i: usize, x: f64, h: f64) -> Result<f64, Failed> {
        let (low, high) = (self.value_at(target, i, x - h)?, self.value_at(target, i, x + h)?);
        Ok((high - low) / (2.0 * h))
    }

    /// The gradients of the last run: their names, what they are the gradients of, and their values.
    fn gradients(&mut self) -> Vec<(String, String, Vec<f64>)> {
        let names = self.passes.results().map(str::to_owned).collect::<Vec<_>>();
        let mut gradients = vec![];
        for name in names {
            let blob = name.strip_prefix("din.").map(|blob| format!("in.{blob}"));
            let parameter = name.strip_prefix("dparam.").map(|p| format!("param.{p}"));
            let Some(target) = blob.or(parameter) else { continue };
            if let (true, Some((_, values))) =
                (self.tensors.contains_key(&target), self.passes.get(&name))
            {
                gradients.push((name, target, values));
            }
        }
        gradients
    }

    /// The value with another number in one place.
    fn value_at(&mut self, target: &str, i: usize, x: f64) -> Result<f64, Failed> {
        let tensor = self.tensors.get_mut(target).ok_or("no such tensor")?;
        let before = std::mem::replace(&mut tensor[i], x);
        let value = self.value(Some(target));
        self.tensors.get_mut(target).ok_or("no such tensor")?[i] = before;
        value
    }

    /// What the gradients are gradients of: the loss, and every output weighted with the gradient it is given. Every
    /// run draws the same random numbers. What is set last counts for a parameter that has several names.
    fn value(&mut self, last: Option<&str>) -> Result<f64, Failed> {
        self.passes.rewind();
        let last = last.and_then(|name| self.tensors.get_key_value(name));
        for (name, values) in self.tensors.iter().chain(last) {
            self.passes.set(name, values);
        }
        self.passes.run()?;
        let mut sum = self.passes.get("loss").map_or(0.0, |(_, values)| values.iter().sum());
        let inputs = self.passes.inputs();
        let weighted: Vec<String> =
            inputs.filter_map(|(name, _)| Some(name.strip_prefix("dout.")?.to_owned())).collect();
        for blob in weighted {
            let Some(weights) = self.tensors.get(&format!("dout.{blob}")) else { continue };
            let Some((_, values)) = self.passes.get(&format!("out.{blob}")) else { continue };
            sum += values.iter().zip(weights).map(|(y, w)| y * w).sum::<f64>();
        }
        Ok(sum)
    }
}
