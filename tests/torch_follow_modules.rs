//! Modules and criterions that a definition writes itself learn as Torch's do: their parameters, the modules inside, and the
//! gradients that they compute themselves.

use std::path::PathBuf;

use cortado::diag::render::render;
use cortado::ir::NetState;
use cortado::one_pass::check_options;
use cortado::pipeline;
use cortado::spec::Phase;
use cortado::weights::Blob;

mod lua_follow;
mod lua_pass;

use lua_follow::{class, criterion, run, run_in, same, same_loss, scattered};
use lua_pass::Tensors;

/// Parameters of a channel each: a gain and a shift for 3 channels.
const GAIN: &str = "self.weight, self.bias = torch.Tensor(3):fill(1), torch.Tensor(3):zero()\n\
                    self.gradWeight, self.gradBias = torch.Tensor(3):zero(), torch.Tensor(3):zero()";

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
