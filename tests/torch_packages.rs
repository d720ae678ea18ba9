//! What definitions of published projects do beside nn: weights that share no gradients, modules of dpnn that draw, modules
//! with gradients of their own within others, comparisons of parameters, rows that are copied to known places, and what
//! helps where a function was called without its arguments.

use std::path::Path;

use cortado::diag::render::render;
use cortado::exec::Device;
use cortado::ir::NetState;
use cortado::one_pass::{PassOptions, check_options, inward, one_pass, outward};
use cortado::pipeline::{self, Checked, Options};
use cortado::spec::Phase;
use cortado::weights::Blob;

mod lua_pass;

use lua_pass::Tensors;

fn blob(shape: &[usize], data: &[f32]) -> Blob {
    Blob { shape: shape.to_vec(), data: data.to_vec() }
}

/// Numbers between -1 and 1 without a pattern.
fn scattered(shape: &[usize]) -> Blob {
    let count: usize = shape.iter().product();
    let data = (0..count).map(|i| ((i * 7 + 1) as f32 * 12.9898).sin()).collect();
    Blob { shape: shape.to_vec(), data }
}

fn given<const N: usize>(list: [(&str, Blob); N]) -> Tensors {
    list.into_iter().map(|(name, blob)| (name.to_owned(), blob)).collect()
}

fn run(text: &str, given: &Tensors, phase: Phase, seed: u64) -> Tensors {
    lua_pass::run(text, given, phase, seed).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn train(text: &str, given: &Tensors) -> Tensors {
    run(text, given, Phase::Train, 0)
}

/// What training gives with so many seeds.
fn draws(text: &str, given: &Tensors, count: u64) -> Vec<Tensors> {
    let checked = checked(text, given);
    assert!(!checked.diagnostics.has_errors(), "{}", shown(&checked));
    let options = check_options(Path::new("definition.lua"), given, None);
    let env = pipeline::environment(&options, &|_| None);
    let inner = inward(&checked.definition, given);
    let one = |seed| {
        let pass = PassOptions { backward: true, device: Device::Cpu, threads: 1, seed };
        let results = one_pass(&checked.stages[0], &env, &inner, &pass).expect("runs");
        outward(&checked.definition, given, results)
    };
    (0..count).map(one).collect()
}

fn checked(text: &str, given: &Tensors) -> Checked {
    let path = Path::new("definition.lua");
    let options = check_options(path, given, Some(NetState::phase(Phase::Train)));
    pipeline::check(path, text.to_owned(), &options)
}

fn shown(checked: &Checked) -> String {
    checked.complaints()
}

#[track_caller]
fn close(got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{got:?}, not {want:?}");
    for (a, b) in got.iter().zip(want) {
        assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{got:?}, not {want:?}");
    }
}

#[test]
fn weights_without_shared_gradients_are_one_in_training_and_have_two_gradients() {
    let towers = |names: &str| {
        format!(
            "local a = nn.Linear(3, 2)\nlocal b = a:clone({names})\n\
             return nn.Parallel(2, 2):add(nn.Sequential():add(a):add(nn.Tanh())):add(nn.Sequential():add(b):add(nn.Tanh()))"
        )
    };
    let tensors = given([
        ("in.0", scattered(&[4, 2, 3])),
        ("dout.0", scattered(&[4, 4])),
        ("param.0", blob(&[2, 3], &[0.1, -0.4, 0.3, 0.2, 0.5, -0.6])),
        ("param.1", blob(&[2], &[0.3, -0.1])),
    ]);
    let half = towers("'weight', 'bias'");
    let fully = train(&towers("'weight', 'bias', 'gradWeight', 'gradBias'"), &tensors);
    let mut each = tensors.clone();
    each.extend(given([
        ("param.2", tensors["param.0"].clone()),
        ("param.3", tensors["param.1"].clone()),
    ]));
    let got = train(&half, &each);
    for (first, second) in [("dparam.0", "dparam.2"), ("dparam.1", "dparam.3")] {
        let both = got[first].data.iter().zip(&got[second].data);
        close(&both.map(|(a, b)| a + b).collect::<Vec<_>>(), &fully[first].data);
    }
    let path = Path::new("definition.lua");
    let mut options = check_options(path, &tensors, Some(NetState::phase(Phase::Train)));
    options.request.apart = false;
    let checked = pipeline::check(path, half.clone(), &options);
    assert_eq!(checked.stages[0].parameter_count(), 8);
    let shown = shown(&checked);
    assert_eq!(shown.matches("W0607").count(), 1, "{shown}");
    assert!(
        shown.contains("getParameters() refuses the net (and so with one tensor more)"),
        "{shown}"
    );
    let asks = format!("{}:getParameters()", half.replace("return ", "local n = "));
    let options = Options::default();
    let asked = pipeline::check(Path::new("definition.lua"), asks, &options);
    let said = render(&asked.diagnostics, &asked.sources, false);
    assert!(said.contains("check that you are sharing parameters and gradParameters"), "{said}");
}

/// A module of this body beside one of nn: same outputs, same gradients.
fn same(body: &str, of_nn: &str) {
    let own = format!(
        "local Own, parent = torch.class('nn.Own', 'nn.Module')\n\
         function Own:updateOutput(input)\n{body}\nreturn self.output\nend\nreturn nn.Own()"
    );
    let tensors = given([("in.0", scattered(&[3, 4])), ("dout.0", scattered(&[4, 3]))]);
    let tensors = match of_nn.contains("Transpose") {
        true => tensors,
        false => given([("in.0", scattered(&[3, 4])), ("dout.0", scattered(&[3, 4]))]),
    };
    let (got, want) = (train(&own, &tensors), train(&format!("return {of_nn}"), &tensors));
    for name in ["out.0", "din.0"] {
        close(&got[name].data, &want[name].data);
    }
}

#[test]
fn rows_are_copied_to_places_that_are_known() {
    let column = |i: usize| format!(":add(nn.Narrow(2, {i}, 1))");
    let columns = |order: [usize; 4]| {
        let parts: String = order.iter().map(|&i| column(i)).collect();
        format!("nn.Sequential():add(nn.ConcatTable(){parts}):add(nn.JoinTable(2))")
    };
    let reversed = "local n = input:size(2) local back = torch.LongTensor():resize(n):range(n, 1, -1)\n\
                    self.output:resizeAs(input):indexCopy(2, back, input)";
    same(reversed, &columns([4, 3, 2, 1]));
    let some = "self.output = input:clone()\n\
                self.output:indexCopy(2, torch.LongTensor{3, 1}, input:narrow(2, 1, 2))";
    same(some, &columns([2, 2, 1, 4]));
    let taken = "self.output:index(input, 2, torch.LongTensor{2, 2, 1, 4})";
    same(taken, &columns([2, 2, 1, 4]));
    let filled = "self.output = input:clone() self.output:indexFill(1, torch.LongTensor{2}, 0.5)";
    same(
        filled,
        "nn.Sequential():add(nn.ConcatTable():add(nn.Narrow(1, 1, 1)):add(nn.Sequential():add(nn.Narrow(1, 2, 1))\
         :add(nn.MulConstant(0)):add(nn.AddConstant(0.5))):add(nn.Narrow(1, 3, 1))):add(nn.JoinTable(1))",
    );
    let computed =
        "self.output = input:clone() self.output:indexCopy(2, input:select(1, 1), input)";
    let text = format!(
        "local Own, parent = torch.class('nn.Own', 'nn.Module')\n\
         function Own:updateOutput(input)\n{computed}\nreturn self.output\nend\nreturn nn.Own()"
    );
    let refused = shown(&checked(&text, &given([("in.0", scattered(&[3, 4]))])));
    assert!(refused.contains("'indexCopy' at computed places"), "{refused}");
}

#[test]
fn what_a_module_asks_of_its_parameters_is_answered_by_their_first_numbers() {
    let text = |first: &str| {
        format!(
            "local Own, parent = torch.class('nn.Own', 'nn.Module')\n\
             function Own:__init() parent.__init(self) self.weight = {first} self.gradWeight = torch.zeros(1) end\n\
             function Own:updateOutput(input)\n\
             if self.weight[1] >= 2 then self.weight[1] = 1.5 end\n\
             if 0.1 >= self.weight[1] then self.weight[1] = 0.25 end\n\
             self.output = torch.mul(input, self.weight[1])\nreturn self.output end\nreturn nn.Own()"
        )
    };
    let tensors = given([("in.0", blob(&[2], &[1.0, -2.0])), ("dout.0", blob(&[2], &[1.0, 1.0]))]);
    for (first, factor, learns) in [("1", 1.0, true), ("2", 1.5, false), ("-3", 0.25, false)] {
        let text = text(&format!("torch.Tensor{{{first}}}"));
        let got = train(&text, &tensors);
        close(&got["out.0"].data, &[factor, -2.0 * factor]);
        let slope = got.get("dparam.0").map_or(0.0, |blob| blob.data[0]);
        close(&[slope], &[if learns { -1.0 } else { 0.0 }]);
        let shown = shown(&checked(&text, &tensors));
        assert!(shown.contains("W0631") && shown.contains("`nn.Own` asks"), "{shown}");
    }
}

/// A class that doubles and gives back ten times the gradient, within one that is followed.
const INSIDE: &str = "local Odd, parent = torch.class('nn.Odd', 'nn.Module')\n\
    function Odd:updateOutput(input) self.output = input * 2 return self.output end\n\
    function Odd:updateGradInput(input, gradOutput) self.gradInput = gradOutput * 10 return self.gradInput end\n\
    local Own, base = torch.class('nn.Own', 'nn.Container')\n\
    function Own:__init() base.__init(self) self:add(nn.Linear(2, 2)):add(nn.Odd()) end\n\
    function Own:updateOutput(input)\n\
    self.output = self.modules[2]:updateOutput(self.modules[1]:updateOutput(input)) + input return self.output end\n";

#[test]
fn modules_within_others_keep_their_own_gradients() {
    let tensors = given([
        ("in.0", blob(&[1, 2], &[0.5, -1.0])),
        ("dout.0", blob(&[1, 2], &[1.0, 2.0])),
        ("param.0", blob(&[2, 2], &[1.0, 2.0, 3.0, 4.0])),
        ("param.1", blob(&[2], &[0.0, 1.0])),
    ]);
    let got = train(&format!("{INSIDE}return nn.Own()"), &tensors);
    close(&got["out.0"].data, &[2.0 * -1.5 + 0.5, 2.0 * -1.5 - 1.0]);
    // The weights' transpose times ten times the gradient, and the gradient that goes around.
    close(&got["din.0"].data, &[10.0 * 7.0 + 1.0, 10.0 * 10.0 + 2.0]);
    close(&got["dparam.1"].data, &[10.0, 20.0]);
    let asks = INSIDE.replace("gradOutput * 10", "nn.Tanh():updateGradInput(input, gradOutput)");
    let shown = shown(&checked(&format!("{asks}return nn.Own()"), &tensors));
    assert!(
        shown.contains("W0610") && shown.contains("module inside is not run, nn.Odd: "),
        "{shown}"
    );
}

#[test]
fn what_a_module_makes_of_known_numbers_is_learned() {
    let text = "local Own, base = torch.class('nn.Own', 'nn.Container')\n\
        function Own:__init() base.__init(self) self:add(nn.LookupTable(3, 2)) end\n\
        function Own:updateOutput(input)\n\
        self.output = input + self.modules[1]:forward(torch.LongTensor{3, 1}) return self.output end\nreturn nn.Own()";
    let tensors = given([
        ("in.0", blob(&[2, 2], &[1.0, 1.0, 1.0, 1.0])),
        ("dout.0", blob(&[2, 2], &[1.0, 2.0, 3.0, 4.0])),
        ("param.0", blob(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
    ]);
    let got = train(text, &tensors);
    close(&got["out.0"].data, &[6.0, 7.0, 2.0, 3.0]);
    close(&got["dparam.0"].data, &[3.0, 4.0, 0.0, 0.0, 1.0, 2.0]);
}

#[test]
fn modules_of_dpnn_draw_in_training_only() {
    let ones = given([
        ("in.0", blob(&[2, 3, 4, 5], &[1.0; 120])),
        ("dout.0", blob(&[2, 3, 4, 5], &[1.0; 120])),
    ]);
    for module in [
        "nn.TotalDropout(0.5)",
        "nn.SpatialRegionDropout(0.5)",
        "nn.SimpleColorTransform(3, torch.Tensor{1, 2, 3})",
    ] {
        let text = format!("require 'dpnn'\nreturn {module}");
        let after = run(&text, &ones, Phase::Test, 0);
        close(&after["out.0"].data, &[1.0; 120]);
        let drawn = draws(&text, &ones, 8);
        let differs = drawn.iter().any(|drawn| drawn["out.0"] != after["out.0"]);
        assert!(differs, "{module} does nothing in training");
    }
    // Half of the rows or of the columns, at either end, and twice the rest.
    let text = "require 'dpnn'\nreturn nn.SpatialRegionDropout(0.5)";
    let mut seen = std::collections::BTreeSet::new();
    for got in draws(text, &ones, 40) {
        let plane: Vec<f32> = got["out.0"].data[..20].to_vec();
        assert_eq!(got["din.0"].data[100..], plane[..]);
        let kept = |at: usize| {
            let (row, column) = (at / 5, at % 5);
            [row >= 2, row < 2, column >= 2, column < 3]
        };
        let region = (0..4).find(|&k| {
            plane.iter().enumerate().all(|(i, &x)| x == if kept(i)[k] { 2.0 } else { 0.0 })
        });
        seen.insert(region.unwrap_or_else(|| panic!("{plane:?}")));
    }
    assert_eq!(seen.len(), 4, "not all regions in 40 draws");
    // Numbers of each plane within its range, and the gradient goes through.
    let text = "require 'dpnn'\nreturn nn.SimpleColorTransform(3, torch.Tensor{1, 2, 0})";
    let got = run(text, &ones, Phase::Train, 1);
    for (i, plane) in got["out.0"].data.chunks(20).enumerate() {
        let range = [1.0, 2.0, 0.0][i % 3];
        assert!(
            plane.iter().all(|&x| x == plane[0]) && (plane[0] - 1.0).abs() <= range,
            "{plane:?}"
        );
    }
    close(&got["din.0"].data, &[1.0; 120]);
}

#[test]
fn windows_of_images_are_drawn_anywhere_and_then_in_the_middle() {
    let image: Vec<f32> = (0..30).map(|i| i as f32).collect();
    let text = "require 'dpnn'\nreturn nn.SpatialUniformCrop(2, 3)";
    let tensors =
        given([("in.0", blob(&[1, 1, 5, 6], &image)), ("dout.0", blob(&[1, 1, 2, 3], &[1.0; 6]))]);
    let window = |top: usize, left: usize| -> Vec<f32> {
        (0..6).map(|i| ((top + i / 3) * 6 + left + i % 3) as f32).collect()
    };
    let mut seen = std::collections::BTreeSet::new();
    for got in draws(text, &tensors, 60) {
        let (top, left) = (got["out.0"].data[0] as usize / 6, got["out.0"].data[0] as usize % 6);
        assert!(top < 3 && left < 3, "at {top}, {left}");
        close(&got["out.0"].data, &window(top, left));
        let slope = &got["din.0"].data;
        assert!(slope[top * 6 + left] == 1.0 && slope.iter().sum::<f32>() == 6.0, "{slope:?}");
        seen.insert((top, left));
    }
    assert!(6 < seen.len(), "{seen:?}");
    close(&run(text, &tensors, Phase::Test, 0)["out.0"].data, &window(1, 1));
}

#[test]
fn classes_are_drawn_as_often_as_they_are_probable() {
    let rows = 3000;
    let data: Vec<f32> = [0.2, 0.5, 0.3].repeat(rows);
    let tensors = given([
        ("in.0", blob(&[rows, 3], &data)),
        ("dout.0", blob(&[rows, 3], &vec![1.0; 3 * rows])),
    ]);
    let text = "require 'dpnn'\nreturn nn.ReinforceCategorical()";
    let got = run(text, &tensors, Phase::Train, 5);
    let mut counts = [0.0; 3];
    for row in got["out.0"].data.chunks(3) {
        assert!(
            row.iter().sum::<f32>() == 1.0 && row.iter().all(|&x| x == 0.0 || x == 1.0),
            "{row:?}"
        );
        row.iter().zip(&mut counts).for_each(|(x, count)| *count += f64::from(*x));
    }
    for (count, want) in counts.iter().zip([0.2, 0.5, 0.3]) {
        assert!((count / rows as f64 - want).abs() < 0.04, "{counts:?}");
    }
    assert!(got["din.0"].data.iter().all(|&x| x == 0.0), "without a reward nothing is learned");
    close(&run(text, &tensors, Phase::Test, 5)["out.0"].data, &data);
}

/// The loss and the gradients of noise contrastive estimation, worked out by hand (Mnih and Teh 2012, equations 5 to 7).
#[test]
fn words_are_told_from_noise() {
    let text = "require 'dpnn'\nreturn {model = nn.Identity(), loss = nn.NCECriterion()}";
    let [of_text, of_noise, often, often_noise] =
        [vec![0.5, 2.0], vec![0.25, 1.0, 0.5, 4.0], vec![0.1, 0.2], vec![0.3, 0.05, 0.1, 0.1f32]];
    let (mut loss, k) = (0.0, 2.0);
    let mut slopes = [vec![], vec![]];
    for (p, q) in of_text.iter().zip(&often) {
        loss -= (p / (p + k * q)).ln();
        slopes[0].push(-k * q / (p * (p + k * q)) / 2.0);
    }
    for (p, q) in of_noise.iter().zip(&often_noise) {
        loss -= (k * q / (p + k * q)).ln();
        slopes[1].push(1.0 / (p + k * q) / 2.0);
    }
    let tensors = given([
        ("in.0", blob(&[2], &of_text)),
        ("in.1", blob(&[2, 2], &of_noise)),
        ("in.2", blob(&[2], &often)),
        ("in.3", blob(&[2, 2], &often_noise)),
        ("target", blob(&[2], &[1.0, 1.0])),
    ]);
    let got = train(text, &tensors);
    close(&got["loss"].data, &[loss / 2.0]);
    close(&got["din.0"].data, &slopes[0]);
    close(&got["din.1"].data, &slopes[1]);
}

#[test]
fn calls_without_arguments_are_explained() {
    let said = |text: &str, call: Option<&str>| {
        let mut options = Options::default();
        options.request.call = call.map(str::to_owned);
        let checked = pipeline::check(Path::new("definition.lua"), text.to_owned(), &options);
        checked.complaints()
    };
    let makers = "local function f(type, opt) assert(type == 64, 'type must be 64') return nn.Linear(opt.n, 2) end\n\
                  return {create_model = f}\n";
    let shown = said(makers, None);
    assert!(shown.contains("type must be 64"), "{shown}");
    let wanted = "cortado called create_model by itself, with a table of options for `type` and nothing for `opt`; \
                  --call 'create_model(type, opt)'";
    assert!(shown.contains(wanted), "{shown}");
    assert!(!said(makers, Some("create_model(64, {n = 3})")).contains("error"));
    let plain = "return function(depth, width) return nn.Linear(depth + 1, width) end";
    assert!(said(plain, None).contains("--call 'M(depth, width)'"), "{}", said(plain, None));
    let digits = "return function(params) error('no') end";
    assert!(!said(digits, None).contains("by itself"), "{}", said(digits, None));
    let parts =
        "function make(n) return {start = torch.zeros(1), net = {}, body = nn.Linear(n, 2)} end";
    let shown = said(parts, Some("make(3)"));
    assert!(shown.contains("--call 'make(3).body' names the model"), "{shown}");
    assert!(
        shown.contains("`.body` (nn.Linear), `.net` (a table), `.start` (a userdata)"),
        "{shown}"
    );
    assert!(!said(parts, Some("make(3).body")).contains("error"));
    assert!(said(parts, Some("nothing")).contains("`nothing` gives nothing"));
    let list = said("function two() return {{}, nn.Tanh(), 'x'} end", Some("two()"));
    assert!(list.contains("--call 'two()[2]' names the model"), "{list}");
}

#[test]
fn a_trial_that_does_not_fit_says_why() {
    let text = "local net = nn.Sequential():add(nn.View(4, 2)):add(nn.Select(3, 1)):add(nn.Linear(4, 2))\n\
                net:forward(torch.randn(1, 8))\nreturn net\n";
    let checked =
        pipeline::check(Path::new("definition.lua"), text.to_owned(), &Options::default());
    let shown = shown(&checked);
    assert!(shown.contains("nn.Select") && !shown.contains("is not known before"), "{shown}");
    assert!(shown.contains("definition.lua:1:"), "{shown}");
}

#[test]
fn rows_of_a_table_learn_by_how_often_they_are_used() {
    let text = "local table = nn.LookupTable(4, 2):setMaxNorm(9):setNormType(2):scaleGradByFreq()\nreturn table";
    let results = train(
        text,
        &given([
            ("in.0", blob(&[2, 2], &[1.0, 3.0, 1.0, 1.0])),
            ("param.0", blob(&[4, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])),
            ("dout.0", blob(&[2, 2, 2], &[3.0, 6.0, 10.0, 20.0, 9.0, 12.0, 15.0, 0.0])),
        ]),
    );
    assert_eq!(results["out.0"].data, [1.0, 2.0, 5.0, 6.0, 1.0, 2.0, 1.0, 2.0]);
    assert_eq!(results["dparam.0"].data, [9.0, 6.0, 0.0, 0.0, 10.0, 20.0, 0.0, 0.0]);
}

#[test]
fn settings_of_the_criterion_inside_of_another_count() {
    let scores = [0.5f32, -1.0, 2.0, 1.5, 0.25, -0.75];
    let given = given([("in.0", blob(&[2, 3], &scores)), ("target", blob(&[2], &[3.0, 1.0]))]);
    let loss = |set: &str| {
        let text = format!(
            "local loss = nn.CrossEntropyCriterion()\n{set}\nreturn {{model = nn.Identity(), loss = loss}}"
        );
        f64::from(train(&text, &given)["loss"].data[0])
    };
    let cost = |row: &[f32], class: usize| {
        let sum: f64 = row.iter().map(|x| f64::from(*x).exp()).sum();
        sum.ln() - f64::from(row[class])
    };
    let (first, second) = (cost(&scores[..3], 2), cost(&scores[3..], 0));
    for (set, want) in [
        ("", (first + second) / 2.0),
        ("loss.nll.sizeAverage = false", first + second),
        ("loss.sizeAverage = false", first + second),
        ("loss.nll.weights = torch.Tensor{2, 1, 6}", (6.0 * first + 2.0 * second) / 8.0),
    ] {
        let got = loss(set);
        assert!((got - want).abs() < 1e-5, "{set}: {got}, not {want}");
    }
}

#[test]
fn one_image_is_unpooled() {
    let text = "local pool = nn.SpatialMaxPooling(2, 2, 2, 2)\n\
                return nn.Sequential():add(pool):add(nn.MulConstant(3)):add(nn.SpatialMaxUnpooling(pool))";
    let x: Vec<f32> = (0..30).map(|i| ((i * 7 + 3) % 30) as f32).collect();
    let dy: Vec<f32> = (0..30).map(|i| i as f32).collect();
    let results =
        train(text, &given([("in.0", blob(&[2, 3, 5], &x)), ("dout.0", blob(&[2, 3, 5], &dy))]));
    let (mut y, mut dx) = (vec![0.0; 30], vec![0.0; 30]);
    for corner in [0, 2, 15, 17] {
        let window = [corner, corner + 1, corner + 5, corner + 6];
        let most = window.into_iter().max_by(|&a, &b| x[a].total_cmp(&x[b])).expect("four");
        (y[most], dx[most]) = (3.0 * x[most], 3.0 * dy[most]);
    }
    assert_eq!(results["out.0"].data, y);
    assert_eq!(results["din.0"].data, dx);
}

/// Modules that draw are taught by a reward, whatever comes back through them (Williams 1992, section 6): the slope of the
/// logarithm of the probability of what was drawn, times what the reward is above what was expected, by hand.
#[test]
fn what_is_drawn_learns_from_the_reward() {
    let (n, width, scale) = (4, 2, 0.5f32);
    let text = |draw: &str| {
        format!(
            "require 'dpnn'\nlocal draw = {draw}\n\
             local model = nn.Sequential():add(draw):add(nn.ConcatTable():add(nn.Linear(2, 3))\n\
             :add(nn.Sequential():add(nn.Constant(0, 1)):add(nn.Add(1))):add(nn.Identity()))\n\
             return {{model = model, loss = nn.VRClassReward(model, {scale})}}"
        )
    };
    // In a criterion of the definition's own it does the same.
    let within = |text: String| {
        let own = "torch.class('nn.Own', 'nn.Criterion')\n\
                   function nn.Own:__init(reward) nn.Criterion.__init(self) self.parts = {reward} end\n\
                   function nn.Own:updateOutput(input, target) return self.parts[1]:updateOutput(input, target) end\n\
                   return";
        text.replace("nn.VRClassReward(model, 0.5)", "nn.Own(nn.VRClassReward(model, 0.5))")
            .replace("return", own)
    };
    let laws: [(&str, fn(f32, f32) -> f32); 2] = [
        ("nn.ReinforceNormal(0.25)", |x, mean| (x - mean) / (0.25 * 0.25)),
        ("nn.ReinforceBernoulli()", |x, p| (x - p) / (p * (1.0 - p))),
    ];
    let places: Vec<f32> = (0..n * width).map(|i| 0.2 + 0.08 * i as f32).collect();
    let target = [1.0, 2.0, 3.0, 1.0];
    for (draw, slope) in laws {
        let tensors = given([
            ("in.0", blob(&[n, width], &places)),
            ("param.0", blob(&[3, 2], &[3.0, -1.0, -2.0, 1.5, 0.5, 0.5])),
            ("param.1", blob(&[3], &[0.0, 0.5, 0.25])),
            ("param.2", blob(&[1], &[0.2])),
            ("target", blob(&[n], &target)),
        ]);
        let mut rewarded = 0;
        let alone = draws(&text(draw), &tensors, 6);
        let inside = draws(&within(text(draw)), &tensors, 6);
        for got in alone.into_iter().chain(inside) {
            let (scores, drawn) = (&got["out.0"].data, &got["out.2"].data);
            let largest = |row: &[f32]| (0..3).max_by(|&a, &b| row[a].total_cmp(&row[b]));
            let right =
                |i: usize| largest(&scores[3 * i..3 * i + 3]) == Some(target[i] as usize - 1);
            let rewards: Vec<f32> = (0..n).map(|i| if right(i) { scale } else { 0.0 }).collect();
            rewarded += rewards.iter().filter(|&&r| r > 0.0).count();
            close(&got["loss"].data, &[-rewards.iter().sum::<f32>() / n as f32]);
            let mut want = vec![];
            for (at, (&x, &from)) in drawn.iter().zip(&places).enumerate() {
                want.push(-(rewards[at / width] - 0.2) / n as f32 * slope(x, from));
            }
            close(&got["din.0"].data, &want);
            let expected = rewards.iter().map(|r| 2.0 * (0.2 - r) / n as f32).sum();
            close(&got["dparam.2"].data, &[expected]);
            assert!(got["dparam.0"].data.iter().all(|&x| x == 0.0), "scores learn nothing from it");
        }
        assert!(0 < rewarded && rewarded < 12 * n, "{draw}: {rewarded}");
    }
    let (loss, text) = ("nn.BinaryClassReward(model)", text("nn.ReinforceNormal(0.25)"));
    let shown = text.replace(&format!("nn.VRClassReward(model, {scale})"), loss);
    let said = shown_for(&shown, &given([("in.0", blob(&[n, width], &places))]));
    assert!(said.contains("a vector with one number for each sample expected"), "{said}");
}

/// A criterion that is called on nodes is a module that gives a number, whose gradient is that of the loss, by hand.
#[test]
fn criterions_stand_among_the_nodes_of_a_graph() {
    let text = |make: &str| {
        format!(
            "require 'nngraph'\nlocal x, y = nn.Identity()(), nn.Identity()()\nlocal scores = nn.LogSoftMax()(x)\n\
             return nn.gModule({{x, y}}, {{{make}({{scores, y}}), scores}})"
        )
    };
    let scores = [0.5, -1.0, 2.0, 0.25, 0.0, -0.75f32];
    let tensors = given([
        ("in.0", blob(&[2, 3], &scores)),
        ("in.1", blob(&[2], &[3.0, 1.0])),
        ("dout.0", blob(&[1], &[4.0])),
        ("dout.1", blob(&[2, 3], &[0.0; 6])),
    ]);
    let (mut loss, mut slopes) = (0.0, vec![]);
    for (row, class) in scores.chunks(3).zip([2, 0]) {
        let sum: f32 = row.iter().map(|x| x.exp()).sum();
        loss -= (row[class] - sum.ln()) / 2.0;
        let slope = |(i, x): (usize, &f32)| x.exp() / sum - if i == class { 1.0 } else { 0.0 };
        slopes.extend(row.iter().enumerate().map(slope).map(|slope| 4.0 * slope / 2.0));
    }
    let makers = ["nn.ClassNLLCriterion()", "nn.ModuleFromCriterion(nn.ClassNLLCriterion())"];
    for make in makers {
        let got = train(&text(make), &tensors);
        close(&got["out.0"].data, &[loss]);
        close(&got["din.0"].data, &slopes);
    }
}

/// The complaints about a definition.
fn shown_for(text: &str, tensors: &Tensors) -> String {
    shown(&checked(text, tensors))
}
