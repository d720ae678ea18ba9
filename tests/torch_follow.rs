//! Modules that a definition writes itself, with an `updateOutput` in Lua, compute what the same written with nn's own
//! modules does, forward and backward; what cannot be followed is refused in a sentence.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cortado::diag::render::render;
use cortado::exec::Device;
use cortado::ir::NetState;
use cortado::one_pass::{PassOptions, check_options, inward, one_pass, outward};
use cortado::pipeline;
use cortado::spec::Phase;
use cortado::weights::Blob;

type Tensors = BTreeMap<String, Blob>;

/// Numbers between -1 and 1 without a pattern; `seed` tells tensors apart.
fn scattered(shape: &[usize], seed: usize) -> Blob {
    let count: usize = shape.iter().product();
    let data = (0..count).map(|i| ((i * 7 + 13 * seed + 1) as f32 * 12.9898).sin()).collect();
    Blob { shape: shape.to_vec(), data }
}

fn run(text: &str, given: &Tensors) -> Result<Tensors, String> {
    let path = PathBuf::from("definition.lua");
    let options = check_options(&path, given, Some(NetState::phase(Phase::Train)));
    let checked = pipeline::check(&path, text.to_owned(), &options);
    if checked.diagnostics.has_errors() {
        return Err(render(&checked.diagnostics, &checked.sources, false));
    }
    let record = |_: &str| None;
    let env = pipeline::environment(&options, &record);
    let pass = PassOptions { backward: true, device: Device::Cpu, threads: 1, seed: 0 };
    let names = &checked.definition.names;
    let results = one_pass(&checked.stages[0], &env, &inward(names, given), &pass);
    results.map(|results| outward(names, given, results)).map_err(|error| error.to_string())
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
    for (name, want) in &want {
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
    let of_nn = "nn.Sequential():add(nn.View(1, 6, 2, 2))\
                 :add(nn.SpatialBatchNormalization(6, 1e-5, 0.1, false)):add(nn.View(2, 3, 2, 2))\
                 :add(nn.CMul(1, 3, 1, 1)):add(nn.CAdd(1, 3, 1, 1))";
    same(&instances, "nn.Own()", of_nn, &[&[2, 3, 2, 2]], &[&[1, 3, 1, 1], &[1, 3, 1, 1]]);
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
fn what_needs_numbers_is_refused_where_it_is_asked() {
    let refused = |body: &str, part: &str| {
        let text = format!("{}\nreturn nn.Own()", class("nn.Module", "", body));
        let given = Tensors::from([("in.0".to_owned(), scattered(&[3, 5], 0))]);
        let complaint = run(&text, &given).expect_err(body);
        assert!(complaint.contains(part) && complaint.contains("definition.lua:4:"), "{complaint}");
    };
    refused("if input:sum() > 0 then return input end", "'sum' of all elements needs numbers");
    refused("return input[torch.gt(input, 0)]", "'gt' needs numbers");
    refused("return input[1][1] * input", "an element needs numbers");
    let noise = class("nn.Module", "", "return input + torch.randn(3, 5)");
    let given = Tensors::from([("in.0".to_owned(), scattered(&[3, 5], 0))]);
    let complaint = run(&format!("{noise}\nreturn nn.Own()"), &given).expect_err("random");
    assert!(complaint.contains("random numbers are not followed"), "{complaint}");
    let stale = class("nn.Module", "", "local part = input:view(15)\ninput:mul(2)\nreturn part");
    let complaint = run(&format!("{stale}\nreturn nn.Own()"), &given).expect_err("stale");
    assert!(complaint.contains("taken before the tensor was changed"), "{complaint}");
    let empty = "torch.class('nn.Own', 'nn.Module')\nreturn nn.Own()";
    let complaint = run(empty, &given).expect_err("nothing to compute");
    assert!(complaint.contains("`nn.Own` has no updateOutput"), "{complaint}");
}

#[test]
fn a_gradient_of_its_own_is_not_run_and_that_is_said() {
    let own = class("nn.Module", "", "return torch.tanh(input)");
    let text = format!(
        "{own}\nfunction Own:updateGradInput(input, gradOutput) return gradOutput end\nreturn nn.Own()"
    );
    let given = Tensors::from([("in.0".to_owned(), scattered(&[3, 5], 0))]);
    let path = PathBuf::from("definition.lua");
    let options = check_options(&path, &given, Some(NetState::phase(Phase::Train)));
    let checked = pipeline::check(&path, text, &options);
    let shown = render(&checked.diagnostics, &checked.sources, false);
    assert!(shown.contains("warning[W0610]: the gradient of `nn.Own` is derived"), "{shown}");
}
