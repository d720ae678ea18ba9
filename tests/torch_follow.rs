//! What an `updateOutput` in Lua asks of tensors computes what the same written with nn's own modules does, forward and
//! backward; what cannot be followed is refused in a sentence.

use cortado::spec::Phase;
use cortado::weights::Blob;

mod lua_follow;
mod lua_pass;

use lua_follow::{class, criterion, run, run_in, same, same_loss, scattered};
use lua_pass::Tensors;

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
