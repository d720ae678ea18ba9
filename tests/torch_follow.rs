//! Modules that a definition writes itself, with an `updateOutput` in Lua, compute what the same written with nn's own
//! modules does, forward and backward; what cannot be followed is refused in a sentence.

use std::path::PathBuf;

use cortado::diag::render::render;
use cortado::ir::NetState;
use cortado::one_pass::check_options;
use cortado::pipeline;
use cortado::spec::Phase;
use cortado::weights::Blob;

mod lua_pass;

use lua_pass::Tensors;

/// Numbers between -1 and 1 without a pattern; `seed` tells tensors apart.
fn scattered(shape: &[usize], seed: usize) -> Blob {
    let count: usize = shape.iter().product();
    let data = (0..count).map(|i| ((i * 7 + 13 * seed + 1) as f32 * 12.9898).sin()).collect();
    Blob { shape: shape.to_vec(), data }
}

fn run(text: &str, given: &Tensors) -> Result<Tensors, String> {
    run_in(text, given, Phase::Train)
}

fn run_in(text: &str, given: &Tensors, phase: Phase) -> Result<Tensors, String> {
    lua_pass::run(text, given, phase, 0)
}

/// A class with an `updateOutput` of this body, as `nn.Own`.
fn class(parent: &str, init: &str, body: &str) -> String {
    format!(
        "local Own, parent = torch.class('nn.Own', '{parent}')\n\
         function Own:__init(...) parent.__init(self) {init} end\n\
         function Own:updateOutput(input)\n{body}\nend\n"
    )
}

/// Parameters of a channel each: a gain and a shift for 3 channels.
const GAIN: &str = "self.weight, self.bias = torch.Tensor(3):fill(1), torch.Tensor(3):zero()\n\
                    self.gradWeight, self.gradBias = torch.Tensor(3):zero(), torch.Tensor(3):zero()";

/// Runs a class of the definition's own beside modules of nn that mean the same: same outputs, same gradients.
fn same(own: &str, expr: &str, of_nn: &str, inputs: &[&[usize]], parameters: &[&[usize]]) {
    let mut given = Tensors::new();
    for (i, shape) in inputs.iter().enumerate() {
        given.insert(format!("in.{i}"), scattered(shape, i));
    }
    for (i, shape) in parameters.iter().enumerate() {
        given.insert(format!("param.{i}"), scattered(shape, 10 + i));
    }
    let definition = |model: &str| format!("{own}\nreturn {model}");
    let first = run(&definition(of_nn), &given).unwrap_or_else(|e| panic!("{of_nn}: {e}"));
    let outputs = first.iter().filter(|(name, _)| name.starts_with("out."));
    let douts: Vec<(String, Blob)> = outputs
        .enumerate()
        .map(|(i, (name, blob))| (format!("d{name}"), scattered(&blob.shape, 20 + i)))
        .collect();
    given.extend(douts);
    let want = run(&definition(of_nn), &given).unwrap_or_else(|e| panic!("{of_nn}: {e}"));
    // Where nn's modules have a parameter in the shape it is spread by, the class has a vector.
    for (_, blob) in given.iter_mut().filter(|(name, _)| name.starts_with("param.")) {
        if blob.shape[0] == 1 {
            blob.shape.retain(|&extent| extent != 1);
        }
    }
    let got = run(&definition(expr), &given).unwrap_or_else(|e| panic!("{own}: {e}"));
    let mut compared = 0;
    // Running statistics of what a class makes itself are listed nowhere.
    for (name, want) in want.iter().filter(|(name, _)| !name.starts_with("buf_after")) {
        let got = got.get(name).unwrap_or_else(|| panic!("{own}: no {name}"));
        assert_eq!(got.data.len(), want.data.len(), "{own}: {name}");
        let largest = want.data.iter().fold(0f32, |m, x| m.max(x.abs()));
        for (a, b) in got.data.iter().zip(&want.data) {
            assert!((a - b).abs() <= 1e-6 + 2e-5 * largest, "{own}: {name}: {a}, not {b}");
        }
        compared += 1;
    }
    assert!(2 * inputs.len() + parameters.len() <= compared, "{compared} tensors");
}

#[test]
fn copies_views_and_parts() {
    let halve = class(
        "nn.Module",
        "",
        "self.output:resizeAs(input):copy(input):mul(0.5)\nreturn self.output",
    );
    same(&halve, "nn.Own()", "nn.MulConstant(0.5)", &[&[3, 4]], &[]);
    let shave = class(
        "nn.Module",
        "",
        "self.output:resize(input:size(1), input:size(2), input:size(3) - 2)\n\
         self.output:copy(input[{{}, {}, {2, -2}}])\nreturn self.output",
    );
    same(&shave, "nn.Own()", "nn.Narrow(3, 2, 3)", &[&[2, 3, 5]], &[]);
    let join = class(
        "nn.Module",
        "",
        "local a, b = input[1], input[2]\n\
         self.output:resize(a:size(1), a:size(2) + b:size(2))\n\
         self.output:narrow(2, 1, a:size(2)):copy(a)\n\
         self.output:narrow(2, a:size(2) + 1, b:size(2)):copy(b)\nreturn self.output",
    );
    same(&join, "nn.Own()", "nn.JoinTable(2)", &[&[2, 3], &[2, 1]], &[]);
    let pad = class(
        "nn.Module",
        "",
        "self.output:resize(input:size(1), input:size(2) + 2):zero()\n\
         self.output[{{}, {2, -2}}]:copy(input)\nreturn self.output",
    );
    let zeros = "nn.Sequential():add(nn.Padding(2, -1, 2)):add(nn.Padding(2, 1, 2))";
    same(&pad, "nn.Own()", zeros, &[&[2, 3]], &[]);
}

#[test]
fn arithmetic_and_sums() {
    let deviation = class(
        "nn.Module",
        "",
        "local mean = input:mean(2):expandAs(input)\n\
         local square = torch.pow(input - mean, 2)\n\
         self.output = torch.cdiv(input - mean, square:sum(2):add(1):sqrt():expandAs(input))\n\
         return self.output",
    );
    let mean = "nn.Sequential():add(nn.Mean(2)):add(nn.Replicate(4, 2))";
    let centred = format!(
        "nn.Sequential():add(nn.ConcatTable():add(nn.Identity()):add({mean})):add(nn.CSubTable())"
    );
    let length = "nn.Sequential():add(nn.Square()):add(nn.Sum(2)):add(nn.AddConstant(1))\
                  :add(nn.Sqrt()):add(nn.Replicate(4, 2))";
    let whole = format!(
        "nn.Sequential():add({centred}):add(nn.ConcatTable():add(nn.Identity()):add({length}))\
         :add(nn.CDivTable())"
    );
    same(&deviation, "nn.Own()", &whole, &[&[3, 4]], &[]);
    let several = class(
        "nn.Module",
        "",
        "local a, b = input[1], input[2]\n\
         return {torch.add(a, 2, b), 1 - a, torch.cmul(a, b), a:clone():csub(b), torch.mm(a, b:t())}",
    );
    let scaled = "nn.Sequential():add(nn.ParallelTable():add(nn.Identity()):add(nn.MulConstant(2)))\
                  :add(nn.CAddTable())";
    let less =
        "nn.Sequential():add(nn.SelectTable(1)):add(nn.MulConstant(-1)):add(nn.AddConstant(1))";
    let whole = format!(
        "nn.ConcatTable():add({scaled}):add({less}):add(nn.CMulTable()):add(nn.CSubTable())\
         :add(nn.MM(false, true))"
    );
    same(&several, "nn.Own()", &whole, &[&[2, 3], &[2, 3]], &[]);
}

#[test]
fn parameters_of_a_module_are_learned() {
    let scale = class(
        "nn.Module",
        GAIN,
        "self.output:resizeAs(input):copy(input)\n\
         self.output:cmul(self.weight:view(1, 3, 1, 1):expandAs(input))\n\
         self.output:add(self.bias:view(1, 3, 1, 1):expandAs(input))\nreturn self.output",
    );
    let of_nn = "nn.Sequential():add(nn.CMul(1, 3, 1, 1)):add(nn.CAdd(1, 3, 1, 1))";
    same(&scale, "nn.Own()", of_nn, &[&[2, 3, 2, 2]], &[&[1, 3, 1, 1], &[1, 3, 1, 1]]);
    // A product that is added in place, by a function that the definition had taken before.
    let line = class(
        "nn.Module",
        "self.weight, self.bias = torch.Tensor(4, 5), torch.Tensor(4)\n\
         self.gradWeight, self.gradBias = torch.Tensor(4, 5), torch.Tensor(4)",
        "self.output:resize(input:size(1), 4)\n\
         self.output:addmm(0, self.output, 1, input, self.weight:t())\n\
         self.output:add(self.bias:view(1, 4):expandAs(self.output))\nreturn self.output",
    );
    same(&line, "nn.Own()", "nn.Linear(5, 4)", &[&[3, 5]], &[&[4, 5], &[4]]);
    let taken =
        format!("local mm = torch.mm\n{}", class("nn.Module", "", "return mm(input, input:t())"));
    let squares = "nn.Sequential():add(nn.ConcatTable():add(nn.Identity()):add(nn.Identity())):add(nn.MM(false, true))";
    same(&taken, "nn.Own()", squares, &[&[2, 3]], &[]);
}

#[test]
fn a_gain_of_its_own_reaches_the_normalisation_inside() {
    let init = format!("self.prev_N = -1\n{GAIN}");
    let instances = class(
        "nn.Module",
        &init,
        "local n, c, h, w = input:size(1), input:size(2), input:size(3), input:size(4)\n\
         if n ~= self.prev_N then\n\
            self.bn = nn.SpatialBatchNormalization(n * c, 1e-5)\n\
            self.bn:type(self:type())\n\
            self.prev_N = n\n\
         end\n\
         self.bn.weight:repeatTensor(self.weight, n)\n\
         self.bn.bias:repeatTensor(self.bias, n)\n\
         self.bn:training()\n\
         self.output = self.bn:forward(input:view(1, n * c, h, w)):viewAs(input)\n\
         return self.output",
    );
    // Each map is a feature of as many samples as it has pixels.
    let of_nn = "nn.Sequential():add(nn.View(6, 4)):add(nn.Transpose({1, 2}))\
                 :add(nn.BatchNormalization(6, 1e-5, 0.1, false)):add(nn.Transpose({1, 2}))\
                 :add(nn.Contiguous()):add(nn.View(2, 3, 2, 2))\
                 :add(nn.CMul(1, 3, 1, 1)):add(nn.CAdd(1, 3, 1, 1))";
    same(&instances, "nn.Own()", of_nn, &[&[2, 3, 2, 2]], &[&[1, 3, 1, 1], &[1, 3, 1, 1]]);
}

#[test]
fn a_gradient_of_its_own_goes_to_many_inputs() {
    let sum = format!(
        "{}function Own:updateGradInput(input, gradOutput)\n\
         self.gradInput = {{}}\n\
         for i = 1, #input do self.gradInput[i] = torch.mul(gradOutput, 1) end\n\
         return self.gradInput\nend\n\
         local many = nn.ConcatTable()\n\
         for i = 1, 20 do many:add(nn.MulConstant(i)) end\n",
        class(
            "nn.Module",
            "",
            "local sum = torch.mul(input[1], 1)\nfor i = 2, #input do sum:add(input[i]) end\nreturn sum"
        )
    );
    let with = |module: &str| format!("nn.Sequential():add(many):add({module})");
    same(&sum, &with("nn.Own()"), &with("nn.CAddTable()"), &[&[3, 5]], &[]);
}

#[test]
fn classes_extend_containers_and_call_their_modules() {
    let residual = class(
        "nn.Sequential",
        "",
        "self.output = parent.updateOutput(self, input) + input\nreturn self.output",
    );
    let tower = ":add(nn.Linear(5, 5)):add(nn.Tanh())";
    let of_nn = format!(
        "nn.Sequential():add(nn.ConcatTable():add(nn.Sequential(){tower}):add(nn.Identity()))\
         :add(nn.CAddTable())"
    );
    let shapes: &[&[usize]] = &[&[5, 5], &[5]];
    same(&residual, &format!("nn.Own(){tower}"), &of_nn, &[&[3, 5]], shapes);
    let inner = class(
        "nn.Container",
        "self.net = nn.Sequential():add(nn.Linear(5, 2)):add(nn.Sigmoid()) self.modules = {self.net}",
        "self.output = self.net:forward(input)\nreturn self.output",
    );
    let of_nn = "nn.Sequential():add(nn.Linear(5, 2)):add(nn.Sigmoid())";
    same(&inner, "nn.Own()", of_nn, &[&[3, 5]], &[&[2, 5], &[2]]);
    // One within another.
    let nested = format!(
        "{}\nlocal Two = torch.class('nn.Two', 'nn.Module')\n\
         function Two:__init() self.inner = nn.Own() self.output = torch.Tensor() end\n\
         function Two:updateOutput(input) return self.inner:forward(input):clone():add(1) end\n",
        class("nn.Module", "", "return torch.tanh(input)")
    );
    let of_nn = "nn.Sequential():add(nn.Tanh()):add(nn.AddConstant(1))";
    same(&nested, "nn.Sequential():add(nn.Two())", of_nn, &[&[3, 5]], &[]);
}

#[test]
fn numbers_of_the_running_network() {
    let scaled = class("nn.Module", "", "return input * (input:sum() / 2 + 1)");
    let product = |number: &str| {
        format!(
            "nn.Sequential():add(nn.ConcatTable():add(nn.Identity()):add(nn.Sequential()\
             :add(nn.View(15)){number}:add(nn.Replicate(15)):add(nn.View(3, 5))))\
             :add(nn.CMulTable())"
        )
    };
    let sum = product(":add(nn.Sum(1)):add(nn.MulConstant(0.5)):add(nn.AddConstant(1))");
    same(&scaled, "nn.Own()", &sum, &[&[3, 5]], &[]);
    let normed = class(
        "nn.Module",
        "",
        "local n = math.sqrt(torch.pow(input, 2):sum() + 1)\nreturn torch.div(input, n)",
    );
    let inverse = ":add(nn.Square()):add(nn.Sum(1)):add(nn.AddConstant(1)):add(nn.Power(-0.5))";
    same(&normed, "nn.Own()", &product(inverse), &[&[3, 5]], &[]);
    let several = class(
        "nn.Module",
        "",
        "local a = input:max() - input:min()\n\
         return torch.mul(input, 2 - a ^ 2 + a * input:mean() - input[2][3])",
    );
    let part = |name: &str| format!(":add(nn.Sequential():add(nn.{name}))");
    let range = format!(
        "nn.Sequential():add(nn.ConcatTable(){}{}):add(nn.CSubTable())",
        part("Max(1)"),
        part("Min(1)")
    );
    let of_nn = format!(
        ":add(nn.ConcatTable()\
         :add(nn.Sequential():add({range}):add(nn.Square()):add(nn.MulConstant(-1)):add(nn.AddConstant(2)))\
         :add(nn.Sequential():add(nn.ConcatTable():add({range}):add(nn.Mean(1))):add(nn.CMulTable()))\
         :add(nn.Sequential():add(nn.Narrow(1, 8, 1)):add(nn.MulConstant(-1))))\
         :add(nn.CAddTable())"
    );
    same(&several, "nn.Own()", &product(&of_nn), &[&[3, 5]], &[]);
    let filled = class(
        "nn.Module",
        "",
        "self.output:resizeAs(input):fill(input:dot(input))\nself.output[2] = input:norm(1)\nreturn self.output",
    );
    let row = |number: &str, n: usize| {
        format!(
            "nn.Sequential():add(nn.View(15)){number}:add(nn.Replicate({n})):add(nn.View({}, 5))",
            n / 5
        )
    };
    let squares = row(":add(nn.Square()):add(nn.Sum(1))", 5);
    let sizes = row(":add(nn.Abs()):add(nn.Sum(1))", 5);
    let of_nn = format!(
        "nn.Sequential():add(nn.ConcatTable():add({squares}):add({sizes}):add({squares})):add(nn.JoinTable(1))"
    );
    same(&filled, "nn.Own()", &of_nn, &[&[3, 5]], &[]);
}

#[test]
fn masks_and_functions_of_elements() {
    let above = class("nn.Module", "", "input[torch.le(input, 0.2)] = 0.7\nreturn input");
    same(&above, "nn.Own()", "nn.Threshold(0.2, 0.7)", &[&[3, 5]], &[]);
    let relu = class("nn.Module", "", "return torch.cmul(input, torch.gt(input, 0):typeAs(input))");
    same(&relu, "nn.Own()", "nn.ReLU()", &[&[3, 5]], &[]);
    let clamp = class(
        "nn.Module",
        "",
        "self.output:resizeAs(input):copy(input)\n\
         self.output:maskedFill(self.output:gt(0.5), 0.5)\n\
         self.mask = torch.ByteTensor()\nself.mask:lt(input, -0.5)\n\
         self.output:maskedFill(self.mask, -0.5)\nreturn self.output",
    );
    same(&clamp, "nn.Own()", "nn.HardTanh(-0.5, 0.5)", &[&[3, 5]], &[]);
    let larger = class(
        "nn.Module",
        "",
        "local a, b = input[1], input[2]\nlocal first = torch.ge(a, b)\n\
         return torch.cmul(a, first) + torch.cmul(b, 1 - first)",
    );
    same(&larger, "nn.Own()", "nn.CMaxTable()", &[&[2, 3], &[2, 3]], &[]);
    let odd = class("nn.Module", "", "return torch.abs(input):add(1):pow(2.5):log1p()");
    let of_nn = "nn.Sequential():add(nn.Abs()):add(nn.AddConstant(1)):add(nn.Power(2.5))\
                 :add(nn.AddConstant(1)):add(nn.Log())";
    same(&odd, "nn.Own()", of_nn, &[&[3, 5]], &[]);
    let powers = class("nn.Module", "", "return torch.pow(2, input)");
    let of_nn = "nn.Sequential():add(nn.MulConstant(math.log(2))):add(nn.Exp())";
    same(&powers, "nn.Own()", of_nn, &[&[3, 5]], &[]);
}

#[test]
fn what_a_mask_names_is_computed_with() {
    let elu = class(
        "nn.Module",
        "",
        "self.output:resizeAs(input):zero()\n\
         self.output[input:lt(0)] = input[input:lt(0)]:div(0.5):exp():add(-1):mul(2)\n\
         self.output[input:ge(0)] = input[input:ge(0)] * 2 / 0.5\nreturn self.output",
    );
    let of_nn =
        "nn.Sequential():add(nn.MulConstant(1 / 0.5)):add(nn.ELU(1)):add(nn.MulConstant(2))";
    same(&elu, "nn.Own()", of_nn, &[&[3, 5]], &[]);
    // What is not named has no logarithm, and no part in a sum.
    let logarithms = class(
        "nn.Module",
        "",
        "local mask = torch.gt(input, 0)\nlocal line = input:maskedSelect(mask):log()\n\
         self.output:resizeAs(input):copy(input)\nself.output:maskedCopy(mask, line)\n\
         self.output:add(line:sum()):add(torch.pow(line, 2):mean()):add(line:norm())\n\
         self.output:add(line:dot(line))\nreturn self.output",
    );
    let x = scattered(&[3, 5], 0);
    let given = Tensors::from([
        ("in.0".to_owned(), x.clone()),
        ("dout.0".to_owned(), Blob { shape: vec![3, 5], data: vec![1.0; 15] }),
    ]);
    let got = run(&format!("{logarithms}\nreturn nn.Own()"), &given).expect("runs");
    let logs: Vec<f64> = x.data.iter().filter(|x| 0.0 < **x).map(|x| f64::from(*x).ln()).collect();
    let (n, sum) = (logs.len() as f64, logs.iter().sum::<f64>());
    let squares: f64 = logs.iter().map(|x| x * x).sum();
    let added = sum + squares / n + squares.sqrt() + squares;
    for ((x, y), dx) in x.data.iter().zip(&got["out.0"].data).zip(&got["din.0"].data) {
        let x = f64::from(*x);
        let (own, slope) = match 0.0 < x {
            true => {
                let all = 1.0 + 2.0 * x.ln() / n + x.ln() / squares.sqrt() + 2.0 * x.ln();
                (x.ln(), (1.0 + 15.0 * all) / x)
            }
            false => (x, 1.0),
        };
        let want = own + added;
        assert!((f64::from(*y) - want).abs() < 1e-4 * want.abs(), "{y}, not {want}");
        assert!((f64::from(*dx) - slope).abs() < 1e-4 * (1.0 + slope.abs()), "{dx}, not {slope}");
    }
}

/// What a body gives for 3 x 5 numbers, and the gradient for a gradient of its result; with the numbers and that gradient.
fn both_ways(body: &str) -> [Vec<f32>; 4] {
    let text = format!("{}return nn.Own()", class("nn.Module", "", body));
    let mut given = Tensors::from([("in.0".to_owned(), scattered(&[3, 5], 0))]);
    let y = run(&text, &given).unwrap_or_else(|e| panic!("{body}: {e}"))["out.0"].clone();
    given.insert("dout.0".to_owned(), scattered(&y.shape, 1));
    let results = run(&text, &given).expect("runs with a gradient");
    let x = given["in.0"].data.clone();
    [x, y.data, given["dout.0"].data.clone(), results["din.0"].data.clone()]
}

#[test]
fn orders_and_places_are_computed() {
    let close = |body: &str, got: &[f32], want: &[f32]| {
        assert_eq!(got.len(), want.len(), "{body}");
        for (a, b) in got.iter().zip(want) {
            assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{body}: {got:?}, not {want:?}");
        }
    };
    // Rows and columns of 3 x 5 as places of their elements.
    let rows: Vec<Vec<usize>> = (0..3).map(|r| (0..5).map(|c| 5 * r + c).collect()).collect();
    let columns: Vec<Vec<usize>> = (0..5).map(|c| (0..3).map(|r| 5 * r + c).collect()).collect();
    // The first `k` of each line, the largest first or last, at `to` among the results.
    let picks = |body: &str,
                 lines: &[Vec<usize>],
                 k: usize,
                 largest: bool,
                 to: &dyn Fn(usize, usize) -> usize| {
        let [x, y, dy, dx] = both_ways(body);
        let (mut want, mut slopes) = (vec![0.0; y.len()], vec![0.0; 15]);
        for (n, line) in lines.iter().enumerate() {
            let mut line = line.clone();
            line.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
            if largest {
                line.reverse();
            }
            for (i, &place) in line.iter().take(k).enumerate() {
                want[to(n, i)] = x[place];
                slopes[place] = dy[to(n, i)];
            }
        }
        close(body, &y, &want);
        close(body, &dx, &slopes);
    };
    picks("return torch.sort(input, 2)", &rows, 5, false, &|n, i| 5 * n + i);
    picks("return (input:sort(1, true))", &columns, 3, true, &|n, i| 5 * i + n);
    picks("return (torch.topk(input, 2, 2, true))", &rows, 2, true, &|n, i| 2 * n + i);
    picks("return (torch.kthvalue(input, 1, 1))", &columns, 1, false, &|n, _| n);
    picks(
        "local v, i = input:topk(2, 2, true) return input:gather(2, i)",
        &rows,
        2,
        true,
        &|n, i| 2 * n + i,
    );
    // What is not among the largest of its row becomes 0.
    let body =
        "local v, i = torch.topk(input, 2, 2, true)\nreturn input:clone():zero():scatter(2, i, v)";
    let [x, y, dy, dx] = both_ways(body);
    let larger = |i: usize| (0..5).filter(|c| x[i] < x[i / 5 * 5 + c]).count() < 2;
    let masked =
        |of: &[f32]| -> Vec<f32> { (0..15).map(|i| if larger(i) { of[i] } else { 0.0 }).collect() };
    close(body, &y, &masked(&x));
    close(body, &dx, &masked(&dy));
    let [x, y, dy, dx] = both_ways("return input:cumsum(2)");
    let sums = (0..15).map(|i| x[i / 5 * 5..=i].iter().sum()).collect::<Vec<f32>>();
    let slopes = (0..15).map(|i| dy[i..i / 5 * 5 + 5].iter().sum()).collect::<Vec<f32>>();
    close("cumsum", &y, &sums);
    close("cumsum", &dx, &slopes);
    let [x, y, dy, dx] = both_ways("return torch.prod(input, 1)");
    let numbers = x.clone();
    let others = |i: usize| numbers[(i + 5) % 15] * numbers[(i + 10) % 15];
    close("prod", &y, &(0..5).map(|i| x[i] * others(i)).collect::<Vec<f32>>());
    close("prod", &dx, &(0..15).map(|i| dy[i % 5] * others(i)).collect::<Vec<f32>>());
    let [x, y, dy, dx] = both_ways("return input:unfold(2, 2, 3)");
    let windows = |of: &[f32]| -> Vec<f32> {
        (0..3).flat_map(|r| [0, 1, 3, 4].map(|c| of[5 * r + c])).collect()
    };
    close("unfold", &y, &windows(&x));
    close("unfold", &windows(&dx), &dy);
    let body = "return torch.zeros(2, 5):indexAdd(1, torch.LongTensor{2, 1, 2}, input)";
    let [x, y, dy, dx] = both_ways(body);
    let added = (0..10).map(|i| if i < 5 { x[5 + i] } else { x[i - 5] + x[5 + i] });
    close(body, &y, &added.collect::<Vec<f32>>());
    close(body, &dx, &[&dy[5..], &dy[..5], &dy[5..]].concat());
    let [x, y, dy, dx] = both_ways("return torch.tril(input, 1) + torch.remainder(input, 0.3) * 0");
    let kept = |i: usize| i % 5 <= i / 5 + 1;
    let part =
        |of: &[f32]| -> Vec<f32> { (0..15).map(|i| if kept(i) { of[i] } else { 0.0 }).collect() };
    close("tril", &y, &part(&x));
    close("tril", &dx, &part(&dy));
    let [x, y, dy, dx] =
        both_ways("return input:cumprod(1):narrow(1, 3, 1) + torch.diag(input):mean()");
    let mean = (x[0] + x[6] + x[12]) / 3.0;
    let diagonal = |i: usize| if i.is_multiple_of(6) { dy.iter().sum::<f32>() / 3.0 } else { 0.0 };
    close("diag", &y, &(0..5).map(|i| x[i] * others(i) + mean).collect::<Vec<f32>>());
    let slopes = (0..15).map(|i| dy[i % 5] * others(i) + diagonal(i)).collect::<Vec<f32>>();
    close("diag", &dx, &slopes);
}

#[test]
fn functions_of_c_do_what_the_modules_do() {
    let calls = |name: &str, rest: &str| {
        class(
            "nn.Module",
            "self._gradOutput = torch.Tensor()",
            &format!(
                "input.THNN.{name}_updateOutput(input:cdata(), self.output:cdata(){rest})\nreturn self.output\nend\n\
                 function Own:updateGradInput(input, gradOutput)\n\
                 input.THNN.{name}_updateGradInput(input:cdata(), gradOutput:cdata(), self.gradInput:cdata(), self.output:cdata())\n\
                 return self.gradInput"
            ),
        )
    };
    for (name, rest, of_nn) in [
        ("Threshold", ", 0.1, -0.3, false", "nn.Threshold(0.1, -0.3)"),
        ("SoftMax", "", "nn.SoftMax()"),
        ("LogSoftMax", "", "nn.LogSoftMax()"),
        ("ELU", ", 0.7, false", "nn.ELU(0.7)"),
        ("LeakyReLU", ", 0.2, false", "nn.LeakyReLU(0.2)"),
        ("HardTanh", ", -0.4, 0.6, false", "nn.HardTanh(-0.4, 0.6)"),
        ("SoftPlus", ", 2, 20", "nn.SoftPlus(2)"),
        ("SoftShrink", ", 0.3", "nn.SoftShrink(0.3)"),
        ("Sigmoid", "", "nn.Sigmoid()"),
    ] {
        same(&calls(name, rest), "nn.Own()", of_nn, &[&[3, 5]], &[]);
    }
    let pooling = calls("SpatialMaxPooling", ", self._gradOutput, 2, 2, 2, 2, 0, 0, true");
    let of_nn = "nn.SpatialMaxPooling(2, 2, 2, 2):ceil()";
    same(&pooling, "nn.Own()", of_nn, &[&[2, 3, 5, 5]], &[]);
    let convolution = "local THNN = require 'nn.THNN'\n\
         local Own, parent = torch.class('nn.Own', 'nn.SpatialConvolution')\n\
         function Own:updateOutput(input)\n\
         input.THNN.SpatialConvolutionMM_updateOutput(input:cdata(), self.output:cdata(), self.weight:cdata(),\n\
         THNN.optionalTensor(self.bias), self.finput and self.finput:cdata(), nil, self.kW, self.kH, self.dW, self.dH,\n\
         self.padW, self.padH)\nreturn self.output\nend\n";
    let shapes: &[&[usize]] = &[&[4, 3, 3, 2], &[4]];
    for own in ["nn.SpatialConvolution", "nn.Own"] {
        let model = format!("{own}(3, 4, 2, 3, 2, 1, 1, 1)");
        let of_nn = "nn.SpatialConvolution(3, 4, 2, 3, 2, 1, 1, 1)";
        same(convolution, &model, of_nn, &[&[2, 3, 5, 5]], shapes);
    }
    // As they were called before 2016.
    let before = "local Own, parent = torch.class('nn.Own', 'nn.Threshold')\n\
         function Own:updateOutput(input)\ninput.nn.Threshold_updateOutput(self, input)\nreturn self.output\nend\n";
    same(before, "nn.Own(0.1, -0.3)", "nn.Threshold(0.1, -0.3)", &[&[3, 5]], &[]);
    let loss = criterion(
        "self.output_tensor = self.output_tensor or input.new(1)\n\
         input.THNN.MultiMarginCriterion_updateOutput(input:cdata(), target:cdata(), self.output_tensor:cdata(),\n\
         false, 2, nil, 0.5)\nself.output = self.output_tensor[1]\nreturn self.output",
    );
    let of_nn = "(function() local c = nn.MultiMarginCriterion(2, nil, 0.5) c.sizeAverage = false return c end)()";
    same_loss(&loss, "nn.Own()", of_nn, Blob { shape: vec![4], data: vec![2.0, 1.0, 3.0, 3.0] });
    let unknown = class("nn.Module", "", "input.THNN.Own_updateOutput(input:cdata())");
    let given = Tensors::from([("in.0".to_owned(), scattered(&[3, 5], 0))]);
    let complaint = run(&format!("{unknown}\nreturn nn.Own()"), &given).expect_err("unknown");
    assert!(complaint.contains("THNN.Own_updateOutput is not followed"), "{complaint}");
}

#[test]
fn weights_that_are_computed_are_taken() {
    // Numbers that stand in a parameter for a while: the gradient is theirs and goes to the parameter.
    let binary = |parent: &str| {
        format!(
            "local Own, parent = torch.class('nn.Own', '{parent}')\n\
             function Own:binary(method, ...)\n\
             local kept = self.weight:clone()\nself.weight:sign():mul(0.5)\n\
             local result = parent[method](self, ...)\nself.weight:copy(kept)\nreturn result\nend\n\
             function Own:updateOutput(input) return self:binary('updateOutput', input) end\n\
             function Own:updateGradInput(input, gradOutput) return self:binary('updateGradInput', input, gradOutput) end\n"
        )
    };
    for (parent, arguments, x, weight) in [
        ("nn.Linear", "5, 4", &[3, 5][..], &[4, 5][..]),
        ("nn.Linear", "5, 4, false", &[3, 5], &[4, 5]),
        ("nn.Linear", "5, 4", &[5], &[4, 5]),
        ("nn.SpatialConvolution", "3, 4, 2, 3, 2, 1, 1, 0", &[2, 3, 5, 6], &[4, 3, 3, 2]),
        ("nn.SpatialConvolution", "3, 4, 2, 2", &[3, 5, 5], &[4, 3, 2, 2]),
        ("nn.SpatialConvolutionMM", "3, 4, 2, 2", &[2, 3, 4, 4], &[4, 12]),
        (
            "nn.SpatialDilatedConvolution",
            "3, 4, 2, 2, 1, 1, 1, 0, 2, 3",
            &[2, 3, 5, 6],
            &[4, 3, 2, 2],
        ),
    ] {
        let bias = !arguments.ends_with("false");
        let mut given = Tensors::from([("in.0".to_owned(), scattered(x, 0))]);
        given.insert("param.0".to_owned(), scattered(weight, 1));
        if bias {
            given.insert("param.1".to_owned(), scattered(&[4], 2));
        }
        let own = format!("{}return nn.Own({arguments})", binary(parent));
        let shape =
            run(&own, &given).unwrap_or_else(|e| panic!("{own}: {e}"))["out.0"].shape.clone();
        given.insert("dout.0".to_owned(), scattered(&shape, 3));
        let got = run(&own, &given).unwrap_or_else(|e| panic!("{own}: {e}"));
        for weight in &mut given.get_mut("param.0").expect("a weight").data {
            *weight = 0.5 * weight.signum();
        }
        let want = run(&format!("return {parent}({arguments})"), &given).expect("nn's module");
        for (name, want) in &want {
            for (a, b) in got[name].data.iter().zip(&want.data) {
                assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{parent} {name}: {a}, not {b}");
            }
        }
    }
    // What is computed from parameters under another name teaches those.
    let normed = "local Own, parent = torch.class('nn.Own', 'nn.Module')\n\
         function Own:__init() parent.__init(self) self.inner = nn.Linear(5, 4)\n\
         self.weight, self.gradWeight = torch.Tensor(4, 5), torch.Tensor(4, 5) end\n\
         function Own:updateOutput(input)\n\
         self.inner.weight:copy(torch.mul(self.weight, 3))\nself.inner.bias:zero()\n\
         self.output = self.inner:updateOutput(input)\nreturn self.output\nend\n";
    let of_nn = "nn.Sequential():add(nn.MulConstant(3)):add(nn.Linear(5, 4, false))";
    same(normed, "nn.Own()", of_nn, &[&[3, 5]], &[&[4, 5]]);
}

#[test]
fn copies_that_a_module_makes_while_it_runs_share_its_parameters() {
    let copies = |copy: &str| {
        format!(
            "local Own, parent = torch.class('nn.Own', 'nn.Module')\n\
             function Own:__init() parent.__init(self) self.cell = nn.Sequential():add(nn.Linear(5, 5)):add(nn.Tanh()) end\n\
             function Own:parameters() return self.cell:parameters() end\n\
             function Own:updateOutput(input)\n\
             if not self.cells then\nself.cells = {{}}\nfor t = 1, 2 do {copy} end\nend\n\
             self.output = self.cells[2]:forward(self.cells[1]:forward(input))\nreturn self.output\nend\n\
             local cell = nn.Sequential():add(nn.Linear(5, 5)):add(nn.Tanh())\n"
        )
    };
    let cloned =
        copies("self.cells[t] = self.cell:clone('weight', 'bias', 'gradWeight', 'gradBias')");
    let written = copies(
        "local file = torch.MemoryFile('w'):binary() file:writeObject(self.cell)\n\
         local reader = torch.MemoryFile(file:storage(), 'r'):binary()\n\
         local copy = reader:readObject() reader:close()\n\
         local own, gradients = self.cell:parameters()\nlocal new, news = copy:parameters()\n\
         for i = 1, #own do new[i]:set(own[i]) news[i]:set(gradients[i]) end\nself.cells[t] = copy",
    );
    for own in [cloned, written] {
        let given = Tensors::from([
            ("in.0".to_owned(), scattered(&[3, 5], 0)),
            ("param.0".to_owned(), scattered(&[5, 5], 1)),
            ("param.1".to_owned(), scattered(&[5], 2)),
            ("dout.0".to_owned(), scattered(&[3, 5], 3)),
        ]);
        let got =
            run(&format!("{own}return nn.Own()"), &given).unwrap_or_else(|e| panic!("{own}: {e}"));
        assert!(!got.contains_key("dparam.2"), "{own}");
        let mut twice = given.clone();
        for i in 0..2 {
            twice.insert(format!("param.{}", i + 2), given[&format!("param.{i}")].clone());
        }
        let nets =
            "nn.Sequential():add(cell):add(cell:clone('weight', 'bias', 'gradWeight', 'gradBias'))";
        let want = run(&format!("{own}return {nets}"), &twice).expect("nn's modules");
        for name in ["out.0", "din.0", "dparam.0", "dparam.1"] {
            for (a, b) in got[name].data.iter().zip(&want[name].data) {
                assert!((a - b).abs() < 1e-5, "{name}: {a}, not {b}");
            }
        }
    }
}

#[test]
fn copies_of_what_lies_apart_are_changed_alone() {
    let body = "local spread = input:sum(2):expand(3, 5):contiguous():mul(2)\n\
                local turned = input:t():contiguous():add(1):t()\n\
                return input:sub(1, 3, 2, -1):sum() + spread + turned";
    let own = class("nn.Module", "", body);
    let of_nn = "nn.Sequential():add(nn.ConcatTable():add(nn.Identity())\
         :add(nn.Sequential():add(nn.Sum(2)):add(nn.Replicate(5, 2)):add(nn.MulConstant(2)))\
         :add(nn.Sequential():add(nn.Narrow(2, 2, 4)):add(nn.View(-1)):add(nn.Sum(1)):add(nn.Replicate(15, 2))\
         :add(nn.View(3, 5)))):add(nn.CAddTable()):add(nn.AddConstant(1))";
    same(&own, "nn.Own()", of_nn, &[&[3, 5]], &[]);
    let rows = class(
        "nn.Module",
        "",
        "local a, b = input[1][1], input[2][3] return torch.Tensor{{a, b, 0}, {1, a, b}}",
    );
    let of_nn = "nn.Sequential():add(nn.View(15)):add(nn.ConcatTable():add(nn.Narrow(1, 1, 1)):add(nn.Narrow(1, 8, 1))\
         :add(nn.Constant(torch.Tensor{0})):add(nn.Constant(torch.Tensor{1})):add(nn.Narrow(1, 1, 1))\
         :add(nn.Narrow(1, 8, 1))):add(nn.JoinTable(1)):add(nn.View(2, 3))";
    same(&rows, "nn.Own()", of_nn, &[&[3, 5]], &[]);
    let number = class("nn.Module", "", "return input * torch.exp(input[1][2])");
    let of_nn = "nn.Sequential():add(nn.ConcatTable():add(nn.Identity())\
         :add(nn.Sequential():add(nn.Narrow(1, 1, 1)):add(nn.Narrow(2, 2, 1)):add(nn.Exp()):add(nn.View(1))\
         :add(nn.Replicate(15, 2)):add(nn.View(3, 5)))):add(nn.CMulTable())";
    same(&number, "nn.Own()", of_nn, &[&[3, 5]], &[]);
}

#[test]
fn random_numbers_are_drawn_at_every_pass() {
    let outputs = |body: &str, phase: Phase| {
        let own = class("nn.Module", "self.noise = torch.Tensor()", body);
        let mut given = Tensors::new();
        given.insert("in.0".into(), scattered(&[50, 40], 0));
        let run = run_in(&format!("{own}\nreturn nn.Own()"), &given, phase);
        run.unwrap_or_else(|e| panic!("{body}: {e}"))["out.0"].data.clone()
    };
    let x = scattered(&[50, 40], 0).data;
    let drop = "self.output:resizeAs(input):copy(input)\n\
                if self.train then\n\
                   self.noise:resizeAs(input):bernoulli(0.75)\n\
                   self.output:cmul(self.noise):div(0.75)\n\
                end\nreturn self.output";
    assert_eq!(outputs(drop, Phase::Test), x);
    let y = outputs(drop, Phase::Train);
    let kept = y.iter().filter(|y| **y != 0.0).count();
    assert!((1400..1600).contains(&kept), "{kept} of 2000");
    assert!(x.iter().zip(&y).all(|(x, y)| *y == 0.0 || (y - x / 0.75).abs() < 1e-6));
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let noise =
        outputs("return torch.randn(input:size()):mul(3):add(1):typeAs(input)", Phase::Train);
    assert!((mean(&noise) - 1.0).abs() < 0.3, "{}", mean(&noise));
    let spread: Vec<f32> = noise.iter().map(|y| (y - 1.0).powi(2)).collect();
    assert!((mean(&spread).sqrt() - 3.0).abs() < 0.2, "{}", mean(&spread).sqrt());
    let alike = outputs("return input * 0 + torch.uniform(2, 4)", Phase::Train);
    assert!(alike.iter().all(|y| *y == alike[0]) && (2.0..4.0).contains(&alike[0]), "{}", alike[0]);
    let whole = outputs("return input.new():resizeAs(input):random(3, 5)", Phase::Train);
    assert!(whole.iter().all(|y| [3.0, 4.0, 5.0].contains(y)) && whole.contains(&4.0));
}

/// Runs a loss of the definition's own beside one of nn that means the same.
fn same_loss(own: &str, expr: &str, of_nn: &str, target: Blob) {
    let mut given = Tensors::new();
    given.insert("in.0".into(), scattered(&[4, 5], 0));
    given.insert("param.0".into(), scattered(&[3, 5], 1));
    given.insert("param.1".into(), scattered(&[3], 2));
    given.insert("target".into(), target);
    let definition =
        |loss: &str| format!("{own}\nreturn {{model = nn.Linear(5, 3), loss = {loss}}}");
    let want = run(&definition(of_nn), &given).unwrap_or_else(|e| panic!("{of_nn}: {e}"));
    let got = run(&definition(expr), &given).unwrap_or_else(|e| panic!("{own}: {e}"));
    assert!(want.contains_key("loss") && want.contains_key("dparam.0"), "{:?}", want.keys());
    for (name, want) in &want {
        let got = got.get(name).unwrap_or_else(|| panic!("{own}: no {name}"));
        let largest = want.data.iter().fold(0f32, |m, x| m.max(x.abs()));
        for (a, b) in got.data.iter().zip(&want.data) {
            assert!((a - b).abs() <= 1e-6 + 2e-5 * largest, "{own}: {name}: {a}, not {b}");
        }
    }
}

/// A criterion with an `updateOutput` of this body, as `nn.Own`.
fn criterion(body: &str) -> String {
    format!(
        "local Own, parent = torch.class('nn.Own', 'nn.Criterion')\n\
         function Own:__init(...) parent.__init(self) self.inner = nn.MSECriterion() end\n\
         function Own:updateOutput(input, target)\n{body}\nend\n"
    )
}

#[test]
fn criterions_that_compute_in_lua() {
    let square = criterion(
        "self.gap = self.gap or input.new()\n\
         self.gap:resizeAs(input):copy(input):add(-1, target)\n\
         self.output = self.gap:pow(2):sum() / input:nElement()\nreturn self.output",
    );
    let each = || scattered(&[4, 3], 3);
    same_loss(&square, "nn.Own()", "nn.MSECriterion()", each());
    let inner = criterion(
        "local both = self.inner:forward(input, target) + 2 * nn.AbsCriterion():forward(input, target)\n\
         self.output = both\nreturn both",
    );
    let of_nn = "nn.MultiCriterion():add(nn.MSECriterion()):add(nn.AbsCriterion(), 2)";
    same_loss(&inner, "nn.Own()", of_nn, each());
    let within = "nn.MultiCriterion():add(nn.Own(), 0.5):add(nn.SmoothL1Criterion())";
    let of_nn = "nn.MultiCriterion():add(nn.MSECriterion(), 0.5):add(nn.SmoothL1Criterion())";
    same_loss(&square, within, of_nn, each());
    let around = criterion(&format!(
        "self.all = self.all or {within}\nself.output = self.all:forward(input, target)\n\
         return self.output"
    ));
    let around = format!("{square}{}", around.replace("nn.Own'", "nn.Around'"));
    same_loss(&around, "nn.Around()", of_nn, each());
    let huber = criterion(
        "local gap = torch.abs(input - target)\n\
         local near = torch.lt(gap, 1)\n\
         local cost = torch.cmul(near, torch.pow(gap, 2) * 0.5) + torch.cmul(1 - near, gap - 0.5)\n\
         return cost:mean()",
    );
    same_loss(&huber, "nn.Own()", "nn.SmoothL1Criterion()", each());
    // One label for each record.
    let labels = Blob { shape: vec![4], data: vec![1.0, 3.0, 2.0, 3.0] };
    let classes = criterion(
        "local log, sum = nn.LogSoftMax():forward(input), 0\n\
         for class = 1, input:size(2) do\n\
            sum = sum - torch.eq(target, class):dot(log:select(2, class))\n\
         end\nreturn sum / input:size(1)",
    );
    same_loss(&classes, "nn.Own()", "nn.CrossEntropyCriterion()", labels);
}

#[test]
fn items_at_the_places_of_labels_are_read() {
    let body = "local weights = torch.Tensor{1, 2, 4, 8}\nself.output = 0\n\
         for i = 1, input:size(1) do\nlocal t = target[i]\n\
         self.output = self.output - input[i][t] * weights[t] - input[{i, t}] + input:t()[t]:sum()\nend\n\
         return self.output";
    let text = format!("{}return {{model = nn.Identity(), loss = nn.Own()}}", criterion(body));
    let x = scattered(&[2, 4], 0);
    let labels = [3usize, 1];
    let target = Blob { shape: vec![2], data: labels.map(|t| t as f32).to_vec() };
    let given = Tensors::from([("in.0".to_owned(), x.clone()), ("target".to_owned(), target)]);
    let got = run(&text, &given).unwrap_or_else(|e| panic!("{e}"));
    let (mut want, mut slopes) = (0.0, vec![0.0; 8]);
    for (i, t) in labels.into_iter().enumerate() {
        let weight = [1.0, 2.0, 4.0, 8.0][t - 1];
        want += x.data[t - 1] + x.data[4 + t - 1] - (weight + 1.0) * x.data[4 * i + t - 1];
        slopes[4 * i + t - 1] -= weight + 1.0;
        slopes[t - 1] += 1.0;
        slopes[4 + t - 1] += 1.0;
    }
    assert!((got["loss"].data[0] - want).abs() < 1e-5, "{:?}, not {want}", got["loss"].data);
    for (dx, slope) in got["din.0"].data.iter().zip(&slopes) {
        assert!((dx - slope).abs() < 1e-5, "{:?}, not {slopes:?}", got["din.0"].data);
    }
}

#[test]
fn what_needs_numbers_is_refused_where_it_is_asked() {
    let refused = |body: &str, part: &str| {
        let text = format!("{}\nreturn nn.Own()", class("nn.Module", "", body));
        let given = Tensors::from([("in.0".to_owned(), scattered(&[3, 5], 0))]);
        let complaint = run(&text, &given).expect_err(body);
        assert!(complaint.contains(part) && complaint.contains("definition.lua:4:"), "{complaint}");
    };
    let known = "needs numbers that are known only when the network runs";
    refused("if input:sum() > 0 then return input end", &format!("a comparison {known}"));
    refused("if input:sum() == 0 then return input end", &format!("a comparison {known}"));
    refused("if torch.rand(1)[1] < 0.5 then return input end", &format!("a comparison {known}"));
    refused("if math.random() < 0.5 then return input end", &format!("a comparison {known}"));
    let part = format!("a part that a mask names {known}");
    refused("input[torch.gt(input, 0)] = input:narrow(1, 1, 1) return input", &part);
    refused("input[input:gt(0)] = input[input:gt(1)] return input", &part);
    let size = format!("the size of what a mask names {known}");
    refused("return torch.Tensor(input[torch.gt(input, 0)]:size(1))", &size);
    refused("return input[input:gt(0)]:max()", "'max' of what a mask names");
    refused(
        "return torch.cat(input[input:gt(0)], input[input:gt(0)])",
        "only functions of each element",
    );
    refused(
        "local a, b = input:gt(0), input:gt(1) return input[a]:add(input[b]):sum()",
        "two masks name different elements",
    );
    refused(
        "input[{1, input:sum()}] = 1 return input",
        &format!("a part at a computed place {known}"),
    );
    refused("print('sum ' .. input:sum())", &format!("a text {known}"));
    refused("return torch.nonzero(input)", &format!("'nonzero' {known}"));
    refused("return torch.diag(input, 1)", "'diag' beside the middle");
    let many = "return torch.sort(input:view(-1):repeatTensor(1000))";
    refused(many, &format!("'sort' of so many numbers {known}"));
    refused("return torch.Tensor(input:sum())", "known only when the network runs");
    let given = Tensors::from([("in.0".to_owned(), scattered(&[3, 5], 0))]);
    let empty = "torch.class('nn.Own', 'nn.Module')\nreturn nn.Own()";
    let complaint = run(empty, &given).expect_err("nothing to compute");
    assert!(complaint.contains("`nn.Own` has no updateOutput"), "{complaint}");
    let named = class("nn.Module", "", "return input[torch.gt(input, 0)]");
    let complaint = run(&format!("{named}\nreturn nn.Own()"), &given).expect_err("of no size");
    assert!(complaint.contains(&size), "{complaint}");
    let otherwise =
        class("nn.Module", "", "if self.train then return input end\nreturn {input, input}");
    let complaint = run(&format!("{otherwise}\nreturn nn.Own()"), &given).expect_err("nesting");
    assert!(complaint.contains("nested otherwise in training than afterwards"), "{complaint}");
}

/// What is warned of in a definition with an input of 3 x 5.
fn warnings(text: String) -> String {
    let given = Tensors::from([("in.0".to_owned(), scattered(&[3, 5], 0))]);
    let path = PathBuf::from("definition.lua");
    let options = check_options(&path, &given, Some(NetState::phase(Phase::Train)));
    let checked = pipeline::check(&path, text, &options);
    render(&checked.diagnostics, &checked.sources, false)
}

/// The gradient that a class gives back, for an input and a gradient of the output of 3 x 5.
fn gradient(own: &str, expr: &str) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let (x, dy) = (scattered(&[3, 5], 0), scattered(&[3, 5], 1));
    let given = Tensors::from([("in.0".to_owned(), x.clone()), ("dout.0".to_owned(), dy.clone())]);
    let text = format!("{own}\nreturn {expr}");
    assert_eq!(warnings(text.clone()), "", "{own}");
    let results = run(&text, &given).unwrap_or_else(|e| panic!("{own}: {e}"));
    (x.data, dy.data, results["din.0"].data.clone())
}

#[test]
fn a_gradient_of_its_own_is_followed() {
    let straight = format!(
        "{}\nfunction Own:updateGradInput(input, gradOutput)\n\
         self.gradInput:resizeAs(gradOutput):copy(gradOutput):mul(-0.5)\nreturn self.gradInput\nend",
        class("nn.Module", "", "return torch.tanh(input)")
    );
    let (_, dy, dx) = gradient(&straight, "nn.Own()");
    assert!(dy.iter().zip(&dx).all(|(dy, dx)| (dx + 0.5 * dy).abs() < 1e-6));
    // The input counts as well, and the gradient that comes is used twice.
    let variation = "local Own, parent = torch.class('nn.Own', 'nn.Module')\n\
         function Own:updateOutput(input) self.output = input return input end\n\
         function Own:updateGradInput(input, gradOutput)\n\
         self.gradInput:resizeAs(input):zero()\n\
         self.gradInput[{{}, {1, 4}}]:add(input[{{}, {1, 4}}]):add(-1, input[{{}, {2, 5}}])\n\
         self.gradInput:mul(2):add(gradOutput):cmul(gradOutput)\nreturn self.gradInput\nend";
    let (x, dy, dx) = gradient(variation, "nn.Own()");
    for i in 0..15 {
        let step = if i % 5 < 4 { x[i] - x[i + 1] } else { 0.0 };
        let want = (2.0 * step + dy[i]) * dy[i];
        assert!((dx[i] - want).abs() < 1e-5, "{i}: {} {want}", dx[i]);
    }
    // On one module, and where the class is known.
    let killer = "local killer = nn.Identity()\n\
         function killer:updateGradInput(i, g) return self.gradInput:resizeAs(g):zero() end";
    let (_, _, dx) = gradient(killer, "nn.Sequential():add(killer)");
    assert!(dx.iter().all(|dx| *dx == 0.0));
    let scale = "local Scale, parent = torch.class('nn.Scale', 'nn.Identity')\n\
         function Scale:updateGradInput(i, g) self.gradInput = g * 3 return self.gradInput end";
    let (_, dy, dx) = gradient(scale, "nn.Sequential():add(nn.Scale())");
    assert!(dy.iter().zip(&dx).all(|(dy, dx)| (dx - 3.0 * dy).abs() < 1e-5));
}

#[test]
fn a_class_that_extends_a_layer_has_the_gradient_of_the_layer() {
    let twice = "local Own, parent = torch.class('nn.Own', 'nn.Square')\n\
         function Own:updateOutput(input) self.output = torch.pow(input, 2) * 2 return self.output end";
    let (x, dy, dx) = gradient(twice, "nn.Own()");
    assert!((0..15).all(|i| (dx[i] - 2.0 * x[i] * dy[i]).abs() < 1e-5));
}

#[test]
fn a_criterions_own_gradient_is_followed() {
    let halved = format!(
        "{}\nfunction Own:updateGradInput(input, target)\n\
         self.gradInput = (input - target) * (2 / input:nElement())\nreturn self.gradInput\nend",
        criterion(
            "return (input - target):pow(2):sum() / input:nElement() + 7 * input:norm() - 7 * input:norm()"
        )
    );
    same_loss(&halved, "nn.Own()", "nn.MSECriterion()", scattered(&[4, 3], 3));
    let inner = format!(
        "{}\nfunction Own:updateGradInput(input, target)\n\
         self.gradInput = self.inner:backward(input, target)\nreturn self.gradInput\nend",
        criterion("return self.inner:forward(input, target)")
    );
    same_loss(&inner, "nn.Own()", "nn.MSECriterion()", scattered(&[4, 3], 3));
}

#[test]
fn a_gradient_that_cannot_be_followed_is_derived_and_that_is_said() {
    for (listed, why) in [
        ("", "it asks for the gradient of a nn.Sequential"),
        ("self.modules = {self.net}", "for the modules inside, is not run"),
    ] {
        let own = class(
            "nn.Container",
            &format!("self.net = nn.Sequential():add(nn.Tanh()) {listed}"),
            "self.output = self.net:forward(input) return self.output",
        );
        let text = format!(
            "{own}\nfunction Own:updateGradInput(input, gradOutput)\n\
             self.gradInput = self.net:updateGradInput(input, gradOutput) return self.gradInput end\n\
             return nn.Own()"
        );
        let shown = warnings(text);
        assert!(shown.contains("warning[W0610]: the gradient of `nn.Own` is derived"), "{shown}");
        assert!(shown.contains(why), "{shown}");
    }
}

/// A class whose own method takes the place of the one that sums the gradients of parameters, beside one that is as ever. The
/// program around such files has loaded cudnn.
fn fixed(body: &str) -> String {
    format!(
        "local THNN = require 'nn.THNN'\n\
         local Fixed = torch.class('cudnn.Fixed', 'cudnn.SpatialConvolution')\n\
         function Fixed:accGradParameters(input, gradOutput, scale) {body} end\n\
         local Convolution = cudnn.SpatialConvolution\n\
         return nn.Sequential():add(cudnn.Fixed(1, 2, 1, 1)):add(Convolution(2, 3, 1, 1)), nn.MSECriterion()"
    )
}

#[test]
fn a_method_that_does_nothing_freezes_all_modules_of_a_class() {
    let given = Tensors::from([
        ("in.0".to_owned(), scattered(&[2, 1, 2, 2], 0)),
        ("target".to_owned(), scattered(&[2, 3, 2, 2], 1)),
    ]);
    let learned = |text: &str| -> usize {
        let got = run(text, &given).unwrap_or_else(|complaint| panic!("{complaint}"));
        let gradients = got.iter().filter(|(name, _)| name.starts_with("dparam."));
        gradients.filter(|(_, blob)| blob.data.iter().any(|&x| x != 0.0)).count()
    };
    assert_eq!(learned(&fixed("")), 2);
    let computing = fixed("self.gradWeight:add(1)");
    assert_eq!(learned(&computing), 4);
    let shown = warnings(computing);
    assert!(shown.contains("W0610") && shown.contains("accGradParameters is not run"), "{shown}");
}

#[test]
fn writes_through_other_shapes_reach_the_whole() {
    let columns = class(
        "nn.Module",
        "",
        "self.output:resizeAs(input)\nlocal rows = self.output:view(-1, 2)\n\
         rows[{{}, 1}]:copy(input:view(-1, 2)[{{}, 2}])\n\
         rows[{{}, 2}]:copy(input:view(-1, 2)[{{}, 1}])\nreturn self.output",
    );
    let part = |i: usize| format!(":add(nn.Sequential():add(nn.Narrow(2, {i}, 1)))");
    let of_nn = format!(
        "nn.Sequential():add(nn.View(-1, 2)):add(nn.ConcatTable(){}{}):add(nn.JoinTable(2)):add(nn.View(3, 4))",
        part(2),
        part(1)
    );
    same(&columns, "nn.Own()", &of_nn, &[&[3, 4]], &[]);
    let turned = class(
        "nn.Module",
        "",
        "self.output:resizeAs(input)\nself.output:t():copy(input:t() * 2)\nreturn self.output",
    );
    same(&turned, "nn.Own()", "nn.MulConstant(2)", &[&[3, 4]], &[]);
    // What was taken before a change shows it.
    let taken = class(
        "nn.Module",
        "",
        "local part, row = input:view(12), input[2]\ninput:mul(2)\nreturn {part, row:clone()}",
    );
    let of_nn = "nn.Sequential():add(nn.MulConstant(2)):add(nn.ConcatTable():add(nn.View(12))\
                 :add(nn.Select(1, 2)))";
    same(&taken, "nn.Own()", of_nn, &[&[3, 4]], &[]);
    let set = class(
        "nn.Module",
        "",
        "self.output:resizeAs(input)\nlocal alias = torch.Tensor()\nalias:set(self.output)\n\
         alias:copy(input)\nself.output:permute(2, 1):mul(3)\nreturn self.output",
    );
    same(&set, "nn.Own()", "nn.MulConstant(3)", &[&[3, 4]], &[]);
}

#[test]
fn modules_inside_keep_to_their_own_mode() {
    // What the module does not list is never told that training is over.
    let text = |listed: &str| {
        format!(
            "local Own, parent = torch.class('nn.Own', 'nn.Container')\n\
             function Own:__init() parent.__init(self) self.bn = nn.BatchNormalization(5, 0, 1, false) {listed} end\n\
             function Own:updateOutput(input) self.bn:training()\n\
             self.output = self.bn:forward(input) return self.output end\nreturn nn.Own()"
        )
    };
    let given = Tensors::from([("in.0".to_owned(), scattered(&[3, 5], 0))]);
    for listed in ["", "self.modules = {self.bn}"] {
        let out = run_in(&text(listed), &given, Phase::Test).unwrap_or_else(|e| panic!("{e}"));
        let first: f32 = out["out.0"].data.iter().step_by(5).sum();
        assert!(first.abs() < 1e-5, "{listed}: the batch has the mean 0: {first}");
    }
}

#[test]
fn classes_of_known_names_are_the_definitions_own() {
    let own = "local Square, parent = torch.class('nn.Square', 'nn.Module')\n\
               function Square:updateOutput(input) self.output = input * 2 return self.output end";
    same(own, "nn.Square()", "nn.MulConstant(2)", &[&[3, 5]], &[]);
    let replaced = "function nn.Sqrt:updateOutput(input) self.output = input + 2 return self.output end\n\
                    function nn.Sqrt:updateGradInput(input, gradOutput) self.gradInput = gradOutput return gradOutput end";
    same(replaced, "nn.Sqrt()", "nn.AddConstant(2)", &[&[3, 5]], &[]);
}
