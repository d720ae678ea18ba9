//! What a definition says of modules after they are made, and what it replaces: every word that changes training in Torch
//! either counts here as well or is complained about.

mod lua_pass;
mod lua_project;

use cortado::ir::TypedNet;
use cortado::pipeline::Checked;
use cortado::spec::Phase;
use cortado::weights::Blob;
use lua_pass::{Tensors, run};
use lua_project::{complaints, parameters, project, read};

const NET: &str = "require 'nn'
require 'cudnn'
local b, d, l = nn.BatchNormalization(3), nn.Dropout(0.5), nn.Linear(3, 4)
local m = nn.Sequential():add(nn.Linear(3, 3)):add(b):add(d):add(l):add(nn.LogSoftMax())
local crit = nn.ClassNLLCriterion()
";

/// The net with some lines more.
fn checked(lines: &str) -> Checked {
    let text = format!("{NET}{lines}\nreturn {{model = m, loss = crit}}\n");
    let folder = project(&[("net.lua", &text)]);
    read(&folder, "net.lua", &[("input", &[2, 3]), ("target", &[2])], &[])
}

/// What is said of it.
fn said(lines: &str) -> String {
    complaints(&checked(lines))
}

/// The net in training, and what is said of it.
fn trained(lines: &str) -> (TypedNet, String) {
    let mut checked = checked(lines);
    let said = complaints(&checked);
    assert!(!checked.stages.is_empty(), "{said}");
    (checked.stages.remove(0), said)
}

/// Whether the parameters of a layer get no gradient, and the factors of their rates and decays.
fn params(net: &TypedNet, layer: &str) -> Vec<(bool, f32, f32)> {
    let (index, node) =
        net.net.nodes().find(|(_, node)| node.name.value == layer).expect("the layer");
    let variables = net.node_variables[index.index()].iter();
    let variables = variables.map(|at| &net.variables[at.0 as usize]).filter(|v| v.learned);
    let frozen = |at: usize| node.params.get(at).is_some_and(|spec| spec.frozen);
    variables.enumerate().map(|(at, v)| (frozen(at), v.lr_mult, v.decay_mult)).collect()
}

fn phase(net: &TypedNet, layer: &str) -> Option<Phase> {
    net.net.nodes().find(|(_, node)| node.name.value == layer).expect("the layer").1.phase
}

const LEARNS: (bool, f32, f32) = (false, 1.0, 1.0);

#[test]
fn a_net_as_it_was_made() {
    let (net, said) = trained("");
    assert_eq!(said, "");
    assert_eq!(params(&net, "4"), [LEARNS; 2]);
    assert_eq!((phase(&net, "2"), phase(&net, "3")), (None, None));
}

#[test]
fn false_takes_a_bias_away_as_nil_does() {
    for gone in ["nil", "false"] {
        let (net, said) = trained(&format!("l.bias, l.gradBias = {gone}, {gone}"));
        assert_eq!(said, "", "{gone}");
        assert_eq!(params(&net, "4"), [LEARNS]);
        let text = format!("local l = nn.Linear(3, 4)\nl.bias = {gone}\nreturn l");
        let folder = project(&[("net.lua", &text)]);
        assert_eq!(parameters(&folder, "net.lua", &[("input", &[2, 3])], &[]), 12);
    }
}

#[test]
fn modules_that_refuse_to_train_or_to_stop() {
    let (net, said) =
        trained("b:evaluate(); b.training = function() end; d.evaluate = function() end");
    assert_eq!(said, "");
    assert_eq!((phase(&net, "2"), phase(&net, "3")), (Some(Phase::Test), Some(Phase::Train)));
    // What the model says goes on to all others.
    let (net, _) = trained("d:evaluate()");
    assert_eq!(phase(&net, "3"), None);
    let own = "local N, P = torch.class('nn.Still', 'nn.BatchNormalization')
        function N:training() self.train = false end
        m.modules[2] = nn.Still(3)";
    assert_eq!(phase(&trained(own).0, "2"), Some(Phase::Test));
}

#[test]
fn stored_statistics_are_kept_in_training() {
    let text = "require 'nn'
        local b = nn.BatchNormalization(2)
        b.training = function() end
        b.train = false
        return nn.Sequential():add(b)";
    let x = [1.0, -2.0, 3.0, 5.0, -1.0, 0.5];
    let given =
        Tensors::from([("in.0".to_owned(), Blob::new(vec![3, 2], x.to_vec()).expect("a blob"))]);
    let made = run(text, &given, Phase::Train, 0).expect("runs");
    let weights = &made["dparam.0"].data;
    // Stored are the mean 0 and the variance 1, and weights are as they were drawn: outputs are inputs times them.
    let ratio = |i: usize| made["out.0"].data[i] / x[i];
    for i in 0..4 {
        assert!((ratio(i) - ratio(i + 2)).abs() < 1e-5, "{:?}", made["out.0"].data);
    }
    assert_eq!(weights.len(), 2);
}

#[test]
fn a_backward_that_does_nothing_freezes() {
    let frozen = (true, 1.0, 1.0);
    let (net, said) = trained("l.backward = function(self) return self.gradInput end");
    assert_eq!((params(&net, "4"), said.as_str()), (vec![frozen; 2], ""));
    let tower = "local tower = nn.Sequential():add(nn.Linear(3, 3))
        tower.backward = function() end
        m:insert(tower, 1)";
    let (net, _) = trained(tower);
    assert_eq!((params(&net, "1.1"), params(&net, "5")), (vec![frozen; 2], vec![LEARNS; 2]));
    let (_, said) =
        trained("l.backward = function(self, x, g) return self:updateGradInput(x, g) end");
    assert!(
        said.contains("warning[W0610]") && said.contains("its own backward is not run"),
        "{said}"
    );
}

#[test]
fn methods_that_programs_would_call() {
    for (lines, method) in [
        ("m.forward = function(self, x) return nn.Sequential.forward(self, x * 2) end", "forward"),
        ("m.getParameters = function(self) return l:getParameters() end", "getParameters"),
        ("crit.forward = function() return 0 end", "forward"),
        ("crit.backward = function(self) return self.gradInput end", "backward"),
    ] {
        let (_, said) = trained(lines);
        assert!(said.contains(&format!("warning[W0641]: `{method}` of nn.")), "{said}");
    }
    // Modules inside are asked for `updateOutput`, by Torch as well.
    assert_eq!(trained("l.forward = function() return nil end").1, "");
}

#[test]
fn a_gradient_that_is_taken_away() {
    let (net, said) = trained("l.gradWeight = nil");
    assert!(
        said.contains("warning[W0641]: nn.Linear has a `weight` and no `gradWeight`"),
        "{said}"
    );
    assert_eq!(params(&net, "4"), [(true, 0.0, 1.0), LEARNS]);
    let (_, said) =
        trained("l.accGradParameters = function() end; l.gradWeight, l.gradBias = nil, nil");
    assert_eq!(said, "");
}

#[test]
fn factors_of_nnlr_count() {
    let (net, said) =
        trained("require 'nnlr'\nl:learningRate('weight', 0.5):weightDecay('bias', 0)");
    assert_eq!(said, "");
    assert_eq!(params(&net, "4"), [(false, 0.5, 1.0), (false, 1.0, 0.0)]);
}

#[test]
fn arguments_beyond_those_that_a_class_takes() {
    let said = |expression: &str| said(&format!("m:add({expression})"));
    for (expression, what) in [
        ("nn.Tanh(2)", "nn.Tanh takes no arguments: `2` has no effect"),
        ("nn.Mul(3)", "nn.Mul takes no arguments: `3` has no effect"),
        ("nn.Linear(4, 4, true, 7)", "nn.Linear takes 3 arguments: `7` has no effect"),
        ("cudnn.ReLU(true, 7)", "cudnn.ReLU takes one argument: `7` has no effect"),
        ("nn.ELU(1, true, 2)", "nn.ELU takes 2 arguments: `2` has no effect"),
    ] {
        let said = said(expression);
        assert!(said.contains(&format!("warning[W0642]: {what}")), "{expression}: {said}");
    }
    for expression in
        ["nn.Tanh(true)", "nn.Linear(4, 4, nil, nil)", "nn.View(2, 4)", "nn.Linear(4, 4, true)"]
    {
        assert!(!said(expression).contains("W0642"), "{expression}");
    }
}

#[test]
fn what_packages_know_and_is_not_followed_is_refused() {
    for (expression, what) in [
        ("nn.Dropout(0.5, false, false, true)", "that is `lazy` or `mono`"),
        ("nn.LSTM(3, 4, 5, true, 0.2)", "nn.LSTM with dropout inside"),
        ("nn.FastLSTM(3, 4, 5, nil, nil, nil, 0.2)", "nn.FastLSTM with dropout inside"),
        ("nn.SpatialUniformCrop(3, 3, {min = 1, max = 2})", "with a scale is not known"),
        ("nn.NCEModule(3, 4, 2, torch.ones(4), 1)", "with a given Z is not known"),
        ("cudnn.TemporalConvolution(4, 4, 3, 1, 1)", "with a padding is not known"),
        ("nn.SpatialUpSampling{dW = 2, dH = 2, yDim = 2}", "`yDim` is not known here"),
    ] {
        let said = said(&format!("require 'rnn'\nm:add({expression})"));
        assert!(said.contains("error[E0701]") && said.contains(what), "{expression}: {said}");
    }
    // Outside of the package the fourth argument keeps dropout on.
    assert!(!said("m:add(nn.Dropout(0.5, false, false, true))").contains("error"));
}
