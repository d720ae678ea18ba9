//! Torch definitions as projects keep them: in several files, with options, with packages beside nn, with several inputs,
//! without a criterion. Written here as files and read as the command line reads them.

mod cli;
mod lua_pass;
mod lua_project;

use std::path::{Path, PathBuf};

use cli::{cortado, prints as printed};
use cortado::pipeline::{self, Options};
use cortado::spec::Phase;
use cortado::ty::Shape;
use cortado::weights::Blob;
use lua_project::{complaints, parameters, project, read};

const PAIR: &[(&str, &[usize])] = &[("input", &[2, 3])];

#[test]
fn files_are_named_from_the_file_that_names_them() {
    let folder = project(&[
        ("main.lua", "require 'nn'  return paths.dofile('models/net.lua')"),
        (
            "models/net.lua",
            "paths.dofile('layers/wide.lua')
            local small = require './layers/small'
            local again = require 'models/layers/small.lua'
            return nn.Sequential():add(wide(3)):add(small(6)):add(again(5))",
        ),
        (
            "models/layers/wide.lua",
            "width = require '../sizes'  function wide(n) return nn.Linear(n, width) end",
        ),
        ("models/sizes.lua", "return 6"),
        ("models/layers/small.lua", "return function(n) return nn.Linear(n, 5) end"),
    ]);
    assert_eq!(parameters(&folder, "main.lua", PAIR, &[]), 24 + 35 + 30);
}

#[test]
fn what_is_beside_another_file_is_another_module() {
    let folder = project(&[
        (
            "net.lua",
            "require 'nn'  return nn.Sequential():add(require './a/layer'):add(require './b/layer')",
        ),
        ("a/layer.lua", "return nn.Linear(3, require './size')"),
        ("a/size.lua", "return 4"),
        ("b/layer.lua", "return nn.Linear(4, require './size')"),
        ("b/size.lua", "return 7"),
    ]);
    assert_eq!(parameters(&folder, "net.lua", PAIR, &[]), 16 + 35);
}

#[test]
fn files_outside_of_the_project_are_not_read() {
    let folder = project(&[
        ("secret.lua", "return 'it was read'"),
        ("project/models/net.lua", "error(require '../../secret')"),
    ]);
    let text = complaints(&read(&folder, "project/models/net.lua", &[], &[]));
    assert!(text.contains("module '../../secret' not found"), "{text}");
}

#[test]
fn options_are_found_under_every_usual_name() {
    for name in ["opt", "params", "opts", "options", "args", "config", "cfg", "cmd_params"] {
        let text = format!(
            "require 'nn'
            if {name}.wide then return nn.Linear(3, {name}.size) end
            return nn.Linear(3, 4)"
        );
        let folder = project(&[("net.lua", &text)]);
        assert_eq!(parameters(&folder, "net.lua", PAIR, &[]), 16, "{name}");
        let wide = [("wide", "true"), ("size", "7")];
        assert_eq!(parameters(&folder, "net.lua", PAIR, &wide), 28, "{name}");
    }
}

#[test]
fn packages_that_make_no_modules_do_nothing() {
    let folder = project(&[(
        "net.lua",
        "require 'nnx'
        local hdf5, threads, tds = require 'hdf5', require 'threads', require 'tds'
        threads.serialization('threads.sharedserialize')
        local file = hdf5.open('weights.h5', 'r')
        file:close()
        assert(not itorch)
        require 'itorch'
        assert(itorch and not pcall(require, 'fbcunn') and not pcall(require, 'no.such.package'))
        return nn.Linear(3, 4)",
    )]);
    assert_eq!(parameters(&folder, "net.lua", PAIR, &[]), 16);
    let folder =
        project(&[("net.lua", "return require('loadcaffe').load('a.prototxt', 'a.caffemodel')")]);
    let text = complaints(&read(&folder, "net.lua", &[], &[]));
    assert!(text.contains("'loadcaffe.load' is not available"), "{text}");
}

const GRAPH: &str = "require 'nngraph'
    local x, h, c = nn.Identity()(), nn.Identity()(), nn.Identity()()
    local sum = nn.CAddTable()({nn.Linear(4, 5)(x), nn.Linear(5, 5)(h), c})
    return nn.gModule({x, h, c}, {nn.Tanh()(sum)})";

#[test]
fn several_inputs_are_asked_for_by_number() {
    let folder = project(&[("net.lua", GRAPH)]);
    let all: &[(&str, &[usize])] = &[("0", &[2, 4]), ("1", &[2, 5]), ("2", &[2, 5])];
    assert_eq!(parameters(&folder, "net.lua", all, &[]), 25 + 30);
    // Nothing is said: the net has its three inputs nevertheless.
    let checked = read(&folder, "net.lua", &[], &[]);
    let text = complaints(&checked);
    assert!(!checked.diagnostics.has_errors(), "{text}");
    assert!(text.contains("the shape of `0` is not known"), "{text}");
    let inputs = checked.stages[0].net.nodes().filter(|(_, node)| node.layer.is_input());
    let names: Vec<&str> = inputs.map(|(_, node)| node.name.value.as_str()).collect();
    assert_eq!(names, ["0", "1", "2"]);
    // Too few, or one.
    for wrong in [&all[..2], &all[..1]] {
        let text = complaints(&read(&folder, "net.lua", wrong, &[]));
        assert!(text.contains("error[E0402]: nn.gModule"), "{text}");
        assert!(text.contains("`--shape 0="), "{text}");
    }
}

#[test]
fn tables_within_tables_are_asked_for_as_the_modules_take_them() {
    let folder = project(&[(
        "net.lua",
        "require 'nn'
        local inner = nn.Sequential():add(nn.ParallelTable():add(nn.Linear(2, 3)):add(nn.Linear(4, 3))):add(nn.CAddTable())
        return nn.Sequential():add(nn.ParallelTable():add(inner):add(nn.Linear(5, 3))):add(nn.CMulTable())",
    )]);
    let checked = read(&folder, "net.lua", &[], &[]);
    assert!(!checked.diagnostics.has_errors(), "{}", complaints(&checked));
    let inputs = checked.stages[0].net.nodes().filter(|(_, node)| node.layer.is_input());
    assert_eq!(inputs.count(), 3);
}

#[test]
fn what_a_file_leaves_is_the_model_if_there_is_one_only() {
    let linear = "nn.Linear(3, 4)";
    for text in [
        format!("netG = {linear}"),
        format!("netG, errors = {linear}, nn.MSECriterion()"),
        format!("function vgg() return {linear} end"),
        format!("function getNet(opt) assert(opt) return {linear} end"),
        format!("return {{{linear}, {{mean = 1}}}}"),
        format!("return {{{linear}, nn.MSECriterion()}}"),
        format!("return {{generator = {linear}}}"),
        format!("local M = {{}} function M.build() return {linear} end return M"),
    ] {
        let folder = project(&[("net.lua", &format!("require 'nn'  {text}"))]);
        let checked = read(&folder, "net.lua", PAIR, &[]);
        assert_eq!(complaints(&checked), "", "{text}");
        assert_eq!(checked.stages[0].parameter_count(), 16, "{text}");
        let has_loss = checked.stages[0].loss_weights.iter().flatten().any(|&weight| weight != 0.0);
        assert_eq!(has_loss, text.contains("Criterion"), "{text}");
    }
}

#[test]
fn of_several_the_user_chooses() {
    let folder = project(&[(
        "nets.lua",
        "require 'nn'
        netG, netD = nn.Linear(3, 4), nn.Linear(3, 1)
        function defineG(n) return nn.Linear(3, n) end",
    )]);
    let text = complaints(&read(&folder, "nets.lua", PAIR, &[]));
    for listed in [
        "error[E0705]",
        "`netG` (nn.Linear)",
        "`netD` (nn.Linear)",
        "`defineG(n)`",
        "--call 'netG'",
    ] {
        assert!(text.contains(listed), "{listed}: {text}");
    }
    for (call, count) in [("netG", 16), ("netD", 4), ("defineG(7)", 28)] {
        let mut options = Options::default();
        options.shapes.insert("input".to_owned(), Shape(vec![2, 3]));
        options.request.call = Some(call.to_owned());
        let checked =
            pipeline::check_file(&folder.path().join("nets.lua"), &options).expect("the file");
        assert_eq!(complaints(&checked), "", "{call}");
        assert_eq!(checked.stages[0].parameter_count(), count, "{call}");
    }
}

#[test]
fn methods_that_leave_models_are_called_by_statements() {
    let folder = project(&[(
        "model.lua",
        "local nn = require 'nn'
        local Model = {size = 4}
        function Model:create(n)
           self.encoder = nn.Sequential():add(nn.Linear(n, self.size))
           self.whole = nn.Sequential():add(self.encoder):add(nn.Linear(self.size, 2))
           self.loss = nn.MSECriterion()
        end
        return Model",
    )]);
    let told = |call: Option<&str>| {
        let mut options = Options::default();
        options.shapes.insert("input".to_owned(), Shape(vec![2, 3]));
        options.request.call = call.map(str::to_owned);
        pipeline::check_file(&folder.path().join("model.lua"), &options).expect("the file")
    };
    let text = complaints(&told(None));
    assert!(text.contains("--call 'M:create(...)'`; the file has `M:create(n)`"), "{text}");
    let text = complaints(&told(Some("M:create(3)")));
    let help = "gives nothing and leaves `M.whole` (nn.Sequential), `M.encoder` (nn.Sequential): \
                --call 'M:create(3); return M.whole' names the model";
    assert!(text.contains(help), "{text}");
    let checked = told(Some("M:create(3); return M.whole, M.loss"));
    assert_eq!(complaints(&checked), "");
    assert_eq!(checked.stages[0].parameter_count(), 26);
    assert!(checked.definition.names.iter().any(|(name, _)| name == "target"));
    let text = complaints(&told(Some("M:create(3; return")));
    assert!(text.contains("--call:1:"), "{text}");
}

#[test]
fn what_is_written_to_memory_comes_back_as_a_copy() {
    let folder = project(&[(
        "net.lua",
        "require 'nn'
        local one = nn.Linear(3, 4)
        local net = nn.Sequential():add(one):add(nn.Tanh())
        local copy = torch.deserialize(torch.serialize(net))
        copy:get(1).weight:fill(2)
        assert(torch.type(copy) == 'nn.Sequential' and one.weight[1][1] ~= 2)
        local file = torch.MemoryFile('rw'):binary()
        file:writeObject({one, one}) file:writeObject(one.weight)
        file:seek(1)
        local pair, weight = file:readObject(), file:readObject()
        assert(rawequal(pair[1], pair[2]) and not rawequal(pair[1], one))
        weight:fill(3)
        assert(pair[1].weight[1][1] == 3 and one.weight[1][1] ~= 3)
        assert(not pcall(file.readObject, file) and not pcall(file.seek, file, 2))
        local reader = torch.MemoryFile(file:storage(), 'r')
        assert(not pcall(reader.writeObject, reader, 1) and not pcall(torch.deserialize, 'text'))
        return copy",
    )]);
    assert_eq!(parameters(&folder, "net.lua", PAIR, &[]), 16);
}

#[test]
fn first_values_and_factors_come_by_name() {
    let folder = project(&[(
        "net.lua",
        "require 'nn'
        require 'nnlr'
        local nninit = require 'nninit'
        local function near(a, b) assert((a - b):abs():max() < 1e-5) end
        local wide, high = nn.Linear(4, 3), nn.Linear(3, 4)
        wide:init('weight', nninit.orthogonal, {gain = 2})
        near(torch.mm(wide.weight, wide.weight:t()), torch.eye(3) * 4)
        high:init('weight', nninit.orthogonal)
        near(torch.mm(high.weight:t(), high.weight), torch.eye(3))
        local sparse = nn.Linear(6, 2):init('weight', nninit.sparse, 0.5)
        assert(sparse.weight:ne(0):sum() == 6)
        local passes = nn.SpatialConvolution(2, 2, 3, 3):init('weight', nninit.eye)
        assert(passes.weight:sum() == 2 and passes.weight[2][2][2][2] == 1)
        local moved = nn.Linear(2, 2):init('bias', nninit.constant, 5):init('bias', nninit.addUniform, 1, 2)
        assert(moved.bias:min() >= 6 and moved.bias:max() <= 7)
        wide:learningRate('weight', 2):weightDecay('bias', 0)
        local rates, decays = nn.Sequential():add(wide):add(nn.Tanh()):add(high):getOptimConfig(0.5, 0.25)
        assert(rates:size(1) == 31 and rates[12] == 1 and rates[13] == 0.5 and decays[1] == 0.25 and decays[13] == 0)
        assert(wide:learningRate('weight') == 2 and not pcall(function() require('ffi').cdef('') end))
        return nn.Linear(3, 4)",
    )]);
    assert_eq!(parameters(&folder, "net.lua", PAIR, &[]), 16);
}

fn path(folder: &Path, name: &str) -> String {
    PathBuf::from(folder).join(name).display().to_string()
}

#[test]
fn a_net_without_a_criterion_is_given_one() {
    let folder = project(&[(
        "net.lua",
        "require 'nn'  return nn.Sequential():add(nn.View(-1):setNumInputDims(3)):add(nn.Linear(12, 4))",
    )]);
    let net = path(folder.path(), "net.lua");
    let step = ["check", &net, "--shape", "input=8,3,2,2", "--step", "--threads", "1"];
    let refused = cortado(&step);
    let text = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text.contains("no loss to minimise") && text.contains("--loss"), "{text}");
    for loss in ["nn.CrossEntropyCriterion()", "nn.CrossEntropyCriterion", "nn.MSECriterion()"] {
        let text = printed(&[&step[..], &["--loss", loss]].concat());
        assert!(text.contains("52 of 52 parameters changed"), "{loss}: {text}");
    }
    for (wrong, why) in
        [("nn.Linear(3, 3)", "no criterion"), ("nn.", "expected"), ("5", "no criterion")]
    {
        let output = cortado(&[&step[..], &["--loss", wrong]].concat());
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{wrong}: {text}");
        assert!(text.contains(why) && text.contains("--loss"), "{wrong}: {text}");
    }
}

#[test]
fn language_models_train_a_step_without_being_told_their_targets() {
    let text = |split: &str| {
        format!(
            "require 'rnn'
            local net = nn.Sequential():add(nn.LookupTable(20, 6)){split}:add(nn.Sequencer(nn.LSTM(6, 8)))
            net:add(nn.Sequencer(nn.Linear(8, 20))):add(nn.Sequencer(nn.LogSoftMax()))
            return {{model = net, loss = nn.SequencerCriterion(nn.ClassNLLCriterion())}}"
        )
    };
    for split in ["", ":add(nn.SplitTable(1))"] {
        let folder = project(&[("net.lua", &text(split))]);
        let net = path(folder.path(), "net.lua");
        let text = printed(&["check", &net, "--shape", "input=5,3", "--step", "--threads", "1"]);
        assert!(text.contains("one step at train"), "{split}: {text}");
        // Five steps of about log 20 each.
        let loss = text.split("loss ").last().and_then(|rest| rest.split(',').next());
        let loss: f32 = loss.and_then(|number| number.parse().ok()).expect("a loss");
        assert!((13.0..17.0).contains(&loss), "{split}: {loss}");
    }
}

#[test]
fn definitions_with_parameters_are_timed() {
    let folder = project(&[(
        "net.lua",
        "require 'nn'
        return function(params)
           local planes = params.inputShape[1]
           return nn.Sequential():add(nn.SpatialConvolution(planes, params.width, 3, 3)):add(nn.View(-1):setNumInputDims(3))
              :add(nn.Linear(params.width * 36, params.nclasses)):add(nn.LogSoftMax())
        end",
    )]);
    let net = path(folder.path(), "net.lua");
    let told = ["--input-shape", "2,8,8", "--classes", "3", "--param", "width=4"];
    let text =
        printed(&[&["time", &net, "--iterations", "2", "--threads", "1"], &told[..]].concat());
    assert!(text.contains("nn.SpatialConvolution"), "{text}");
}

#[test]
fn tensors_are_taken_under_both_names() {
    use cortado::weights::{Blob, read_safetensors, write_safetensors};
    let folder = project(&[("net.lua", "require 'nn'  return nn.MulConstant(2)")]);
    let [net, given, out] =
        ["net.lua", "in.safetensors", "out.safetensors"].map(|name| path(folder.path(), name));
    for name in ["in.0", "in.input"] {
        let blob = Blob { shape: vec![1, 3], data: vec![1.0, 2.0, 3.0] };
        write_safetensors(Path::new(&given), [(name, &blob)]).expect("a file");
        printed(&["run", &net, "--tensors", &given, "-o", &out]);
        let results = read_safetensors(Path::new(&out)).expect("results");
        assert_eq!(results["out.0"].data, [2.0, 4.0, 6.0], "{name}");
    }
}

#[test]
fn weights_with_values_of_their_own_do_not_start_at_zero() {
    let folder = project(&[(
        "net.lua",
        "require 'nn'
        local net = nn.Sequential():add(nn.SpatialConvolutionMap(nn.tables.random(4, 6, 2), 3, 3))
        return {model = net, loss = nn.MSECriterion()}",
    )]);
    let checked = read(&folder, "net.lua", &[("input", &[2, 4, 8, 8])], &[]);
    assert_eq!(complaints(&checked), "");
}

#[test]
fn options_of_lapp_and_functions_of_penlight_make_the_net() {
    let text = "require 'pl'\nlocal argcheck = require 'argcheck'\n\
         opt = lapp[[\nTrains.\n  -s,--side   (default 3 )  pixels\n  --hidden    (default '6,5')\n  -p,--plot   draw\n\
         \x20 --kind    (string default 7)  a text\n  --top-layer (default true)\n]]\n\
         assert(opt.plot == false and opt.kind == '7' and opt.top_layer == 'true')\n\
         local layer = argcheck{{name = 'from', type = 'number'}, {name = 'to', type = 'number', default = 4},\n\
            {name = 'act', type = 'string', opt = true},\n\
            call = function(from, to, act) return nn.Sequential():add(nn.Linear(from, to)):add(nn[act or 'ReLU']()) end}\n\
         local net, width = nn.Sequential(), opt.side\n\
         for _, n in ipairs(stringx.split(opt.hidden, ',')) do\n\
            net:add(layer(width, tonumber(n), 'Tanh')) width = tonumber(n)\n\
         end\n\
         assert(torch.type(layer{from = 2}:get(2)) == 'nn.ReLU' and layer(2, 'Tanh'):get(1).weight:size(1) == 4)\n\
         assert(not pcall(layer, 'x') and not pcall(layer, {from = 2, too = 3}))\n\
         assert(tablex.find({'a', 'b'}, 'b') == 2 and stringx.strip('  x ') == 'x' and stringx.endswith('net.t7', '.t7'))\n\
         assert(not pcall(function() return tablex.zip end))\n\
         torch.save(os.getenv('HOME') .. '/net.t7', net)\nreturn net\n";
    let folder = project(&[("net.lua", text)]);
    assert_eq!(parameters(&folder, "net.lua", PAIR, &[]), 3 * 6 + 6 + 6 * 5 + 5);
    assert_eq!(parameters(&folder, "net.lua", PAIR, &[("hidden", "2")]), 3 * 2 + 2);
}

#[test]
fn modules_of_the_first_years_are_followed_by_their_forward() {
    // A class may take the name of one of nn's, which goes on to be what it was elsewhere.
    let text = "local Div, parent = torch.class('nn.CDivTable', 'nn.Module')\n\
         function Div:__init() parent.__init(self) self.gradInput = {torch.Tensor(), torch.Tensor()} end\n\
         function Div:forward(input)\n   self.output:resizeAs(input[1]):copy(input[1]):cdiv(input[2])\n   return self.output\nend\n\
         function Div:backward(input, gradOutput)\n\
            self.gradInput[1]:resizeAs(input[1]):copy(gradOutput):mul(3)\n\
            self.gradInput[2]:resizeAs(input[2]):copy(gradOutput):mul(5)\n   return self.gradInput\nend\n\
         local Mean = torch.class('Mean', 'nn.Criterion')\n\
         function Mean:forward(input, target) self.output = (input - target):sum() / input:size(1) return self.output end\n\
         function Mean:backward(input) self.gradInput:resizeAs(input):fill(2) return self.gradInput end\n\
         return {model = nn.CDivTable(), loss = Mean()}\n";
    let blob = |data: &[f32]| Blob { shape: vec![data.len() / 2, 2], data: data.to_vec() };
    let given =
        [("in.0", [1.0, 2.0, 3.0, 4.0]), ("in.1", [2.0, 4.0, 4.0, 8.0]), ("target", [0.0; 4])];
    let given = given.map(|(name, data)| (name.to_owned(), blob(&data)));
    let got = lua_pass::run(text, &given.into_iter().collect(), Phase::Train, 0).expect("runs");
    assert_eq!(got["out.0"].data, [0.5, 0.5, 0.75, 0.5]);
    assert_eq!(got["loss"].data, [1.125]);
    assert_eq!((got["din.0"].data[0], got["din.1"].data[3]), (6.0, 10.0), "as `backward` says");
}

#[test]
fn what_trains_after_the_model_is_left_out() {
    let model = "net = nn.Sequential():add(nn.Linear(3, 2)):add(nn.LogSoftMax())\ncriterion = nn.ClassNLLCriterion()\n";
    let train = "os.execute('mkdir -p results')\nlocal x = torch.rand(3)\nnet:backward(x, net:forward(x)) net:updateParameters(0.1)\n";
    let shown = |text: &str| {
        let folder = project(&[("net.lua", text)]);
        complaints(&read(&folder, "net.lua", PAIR, &[]))
    };
    let said = shown(&format!("{model}{train}"));
    assert!(said.contains("warning[W0635]") && said.contains("net.lua:5:"), "{said}");
    assert!(!said.contains("error"), "{said}");
    // What comes afterwards may belong to the model, and so may what fails.
    for more in ["net:add(nn.Linear(2, 2))\n", "net = nn.Linear(3, 2)\n"] {
        let said = shown(&format!("{model}{train}{more}"));
        assert!(said.contains("error[E0701]") && !said.contains("W0635"), "{said}");
    }
    let said = shown(&format!("{model}-- [[\n{train}--[[ net:add(nn.Linear(2, 2)) ]]\n"));
    assert!(said.contains("W0635"), "{said}");
    let said = shown(
        "net = nn.Sequential():add(nn.Linear(3, 2))\nnet:add(nn.Linear(2, undefined.width))\n",
    );
    assert!(said.contains("error[E0702]") && !said.contains("W0635"), "{said}");
    // Of several modules the one is meant that all are in.
    let said = shown(
        "tower = nn.Sequential():add(nn.Linear(3, 2))\nwhole = nn.Sequential():add(tower)\n\
                      trainer = nn.StochasticGradient(whole, nn.MSECriterion())\n",
    );
    assert!(!said.contains("error"), "{said}");
}

#[test]
fn inputs_of_a_graph_that_are_split_are_tables() {
    let text = "require 'nngraph'\nlocal x, y, states = nn.Identity()(), nn.Identity()(), nn.Identity()()\n\
                local parts = {states:split(4)}\nlocal sum = nn.CAddTable(){nn.Linear(3, 3)(x), unpack(parts)}\n\
                local err = nn.ClassNLLCriterion(){nn.LogSoftMax()(sum), y}\n\
                return nn.gModule({x, y, states}, {err, nn.Identity()(parts)})\n";
    let folder = project(&[("net.lua", text)]);
    let shapes: Vec<(String, Vec<usize>)> =
        (0..6).map(|i| (i.to_string(), if i == 1 { vec![2] } else { vec![2, 3] })).collect();
    let shapes: Vec<(&str, &[usize])> = shapes.iter().map(|(n, s)| (&**n, &**s)).collect();
    assert_eq!(parameters(&folder, "net.lua", &shapes, &[]), 3 * 3 + 3);
}

#[test]
fn lists_of_names_and_modules_are_chains() {
    let text = "require 'nn'\nlocal model = {}\ntable.insert(model, {'fc1', nn.Linear(3, 4)})\n\
                table.insert(model, {'relu1', nn.ReLU(true)})\ntable.insert(model, {'fc2', nn.Linear(4, 2)})\nreturn model\n";
    let folder = project(&[("net.lua", text)]);
    assert_eq!(parameters(&folder, "net.lua", PAIR, &[]), 3 * 4 + 4 + 4 * 2 + 2);
}
