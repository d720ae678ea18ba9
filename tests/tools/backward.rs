//! `visualize --backward`: the picture of the backward pass agrees with what training does.

use std::collections::BTreeMap;
use std::path::Path;

use cortado::exec::SessionOptions;
use cortado::ir::TypedNet;
use cortado::job::trial::feed;
use cortado::passes::backward::BackwardPass;
use cortado::passes::lower::{Backward, lower};
use cortado::pipeline::{self, Checked, Options};
use cortado::report::backward::picture_backward;
use cortado::report::diagram::Diagram;
use cortado::spec::solver::Solver;
use cortado::train::Trainer;
use cortado::ty::Shape;

use super::{Place, cortado, network, prints, refused};

/// A net in which the backward pass ends for every reason that Caffe knows.
const ENDS: &str = "name: 'ends' input: 'data' input_shape { dim: 4 dim: 3 dim: 8 dim: 8 } input: 'label' input_shape { dim: 4 }
    layer { name: 'conv1' type: 'Convolution' bottom: 'data' top: 'conv1' param { lr_mult: 0 } param { lr_mult: 0 }
      convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: 'xavier' } } }
    layer { name: 'relu1' type: 'ReLU' bottom: 'conv1' top: 'conv1' }
    layer { name: 'conv2' type: 'Convolution' bottom: 'conv1' top: 'conv2' param { lr_mult: 1 decay_mult: 1 }
      param { lr_mult: 2 decay_mult: 0 } convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: 'xavier' } } }
    layer { name: 'ip' type: 'InnerProduct' bottom: 'conv2' top: 'ip' inner_product_param { num_output: 3
      weight_filler { type: 'xavier' } } }
    layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }
    layer { name: 'accuracy' type: 'Accuracy' bottom: 'ip' bottom: 'label' top: 'accuracy' }
    layer { name: 'probe' type: 'InnerProduct' bottom: 'conv2' top: 'probe' propagate_down: false
      inner_product_param { num_output: 3 weight_filler { type: 'xavier' } } }
    layer { name: 'probe_loss' type: 'SoftmaxWithLoss' bottom: 'probe' bottom: 'label' top: 'probe_loss' loss_weight: 0.5 }
    layer { name: 'idle' type: 'InnerProduct' bottom: 'conv2' top: 'idle' inner_product_param { num_output: 3
      weight_filler { type: 'xavier' } } }
    layer { name: 'idle_loss' type: 'SoftmaxWithLoss' bottom: 'idle' bottom: 'label' top: 'idle_loss' loss_weight: 0 }";

/// The classes of the wires of a picture by their ends.
fn wires(svg: &str) -> BTreeMap<(String, String), String> {
    let attribute = |line: &str, name: &str| {
        let after = line.split_once(&format!("{name}=\""))?.1;
        Some(after.split_once('"')?.0.to_owned())
    };
    let lines = svg.lines().filter(|line| line.contains("data-from="));
    let wire = |line: &str| {
        let ends = (attribute(line, "data-from")?, attribute(line, "data-to")?);
        Some((ends, attribute(line, "class")?))
    };
    lines.filter_map(wire).collect()
}

/// The box of a layer in a picture.
fn drawn<'a>(svg: &'a str, layer: &str) -> &'a str {
    let from = svg.find(&format!("data-layer=\"{layer}\"")).expect("a box");
    svg[from..].split_once("</g>").expect("an end").0
}

#[test]
fn gradients_begin_pass_and_end_where_the_definition_says() {
    let place = Place::new();
    let (net, svg) = (place.write("net.prototxt", ENDS), place.at("net.svg"));
    prints(&["visualize", &net, "--backward", "-o", &svg]);
    let picture = std::fs::read_to_string(&svg).expect("a picture");
    let wires = wires(&picture);
    for (from, to, state) in [
        // Before conv2 nothing learns.
        ("input", "conv1", "absent"),
        ("conv1", "conv2", "ends"),
        ("conv2", "ip", "passes"),
        ("ip", "loss", "passes"),
        ("input", "loss", "ends"),
        ("ip", "accuracy", "absent"),
        ("conv2", "probe", "ends"),
        ("probe", "probe_loss", "passes"),
        ("conv2", "idle", "absent"),
        ("idle", "idle_loss", "absent"),
        ("input", "idle_loss", "absent"),
    ] {
        let class = &wires[&(from.to_owned(), to.to_owned())];
        assert!(class.split(' ').any(|class| class == state), "{from} to {to}: {class}");
    }
    assert!(picture.contains("gradient ends: propagate_down: false"));
    assert!(picture.contains("gradient ends: nothing before it learns"));
    for (layer, lines) in [
        ("conv1", &["lr_mult 0", "class=\"fixed\""][..]),
        ("conv2", &["lr × 1, decay × 1", "lr × 2, decay × 0", "class=\"learns\""]),
        ("probe", &["lr × 1, decay × 1", "class=\"learns\""]),
        ("idle", &["no gradient", "class=\"fixed\""]),
        ("loss", &["gradient begins: × 1"]),
        ("probe_loss", &["gradient begins: × 0.5"]),
        ("idle_loss", &["no gradient: × 0"]),
    ] {
        let drawn = drawn(&picture, layer);
        lines.iter().for_each(|line| assert!(drawn.contains(line), "{layer}: {line}: {drawn}"));
    }
    assert!(!drawn(&picture, "conv1").contains("class=\"learns\""));
    // 148 of conv2, 3 x 65 of ip, as many of probe; not the 112 of conv1 and those of idle.
    assert!(picture.contains("TRAIN · backward pass · 538 of 845 parameters learn"), "{picture}");
    for part in [">gradient ends</text>", ">does not learn</text>", "id=\"back\"", "url(#bar)"] {
        assert!(picture.contains(part), "{part}");
    }

    prints(&["visualize", &net, "-o", &svg]);
    let plain = std::fs::read_to_string(&svg).expect("a picture");
    assert!(!plain.contains("gradient") && !plain.contains("lr_mult 0"), "{plain}");
    let dot = place.at("net.dot");
    prints(&["visualize", &net, "--backward", "-o", &dot]);
    let dot = std::fs::read_to_string(dot).expect("a graph");
    assert!(dot.contains("dir=back") && dot.contains("arrowhead=tee"), "{dot}");
}

/// A net in training with its environment.
fn typed(path: &Path, shapes: &[(&str, &[usize])], input: Option<&[usize]>) -> (Checked, Options) {
    let mut options = Options { training: true, ..Options::default() };
    options.shapes =
        shapes.iter().map(|&(name, dims)| (name.to_owned(), Shape::from(dims))).collect();
    options.request.input_shape = input.map(<[usize]>::to_vec);
    let checked = pipeline::check_file(path, &options).expect("read");
    assert!(!checked.diagnostics.has_errors(), "{}", checked.complaints());
    (checked, options)
}

/// Whether each parameter is drawn as learning, by layer and in order; shared ones once for each user.
fn told(diagram: &Diagram) -> BTreeMap<String, Vec<bool>> {
    let learns = |tag: &cortado::report::diagram::ParamTag| Some(tag.learning.as_ref()?.learns);
    let of = |node: &cortado::report::diagram::Node| {
        (node.name.clone(), node.parameters.iter().filter_map(learns).collect())
    };
    diagram.nodes.iter().map(of).collect()
}

/// What a picture tells must be so in every box.
#[track_caller]
fn agrees(typed: &TypedNet, drawn: &BTreeMap<String, Vec<bool>>, learns: impl Fn(usize) -> bool) {
    let mut seen = 0;
    for (index, node) in typed.net.nodes() {
        let Some(drawn) = drawn.get(&node.name.value) else { continue };
        let variables = typed.node_variables[index.index()].iter().map(|var| var.0 as usize);
        let learned = variables.filter(|&at| typed.variables[at].learned);
        let expected: Vec<bool> = learned.map(&learns).collect();
        seen += expected.len();
        // Layers that are drawn in another one's box have their parameters there.
        assert_eq!(&drawn[..expected.len()], expected, "{}", node.name.value);
    }
    assert!(0 < seen);
}

#[test]
fn a_parameter_is_drawn_as_learning_if_the_program_has_its_gradient() {
    let image: &[usize] = &[2, 3, 224, 224];
    for (net, shapes) in [
        ("alexnet/caffe.prototxt", &[("data", &[2, 3, 227, 227][..])][..]),
        ("autoencoder/caffe.prototxt", &[("data", &[2, 1, 28, 28])]),
        ("googlenet/caffe.prototxt", &[("data", image)]),
        ("lenet/caffe.prototxt", &[("data", &[2, 1, 28, 28])]),
        ("resnet50/caffe.prototxt", &[("data", image)]),
        ("siamese/caffe.prototxt", &[("data", &[2, 3, 28, 28]), ("label", &[2, 1, 1, 1])]),
    ] {
        let (checked, options) = typed(Path::new(&network(net)), shapes, None);
        let typed = &checked.stages[checked.trained()];
        let env = pipeline::environment(&options, &|_| None);
        let pass = BackwardPass::of(typed, &env).expect(net);
        let drawn = told(&picture_backward(typed, &pass, &checked.diagnostics, &checked.sources));
        let program = lower(typed, &env, Backward::Parameters);
        agrees(typed, &drawn, |at| program.gradients[at].is_some());
        assert!(drawn.values().flatten().any(|&learns| learns), "{net}");
    }
}

/// Makes one step on random numbers, without decay, and gives the pass with what of the variables has changed.
fn step(checked: &Checked, options: &Options) -> (BackwardPass, Vec<bool>) {
    let env = pipeline::environment(options, &|_| None);
    let typed = checked.stages[checked.trained()].clone();
    let pass = BackwardPass::of(&typed, &env).expect("a pass");
    let session = SessionOptions { threads: 1, ..SessionOptions::default() };
    let solver = Solver { weight_decay: 0.0, ..Solver::default() };
    let mut trainer = Trainer::new(typed.clone(), &env, solver, &session).expect("a trainer");
    feed(&mut trainer, 1).expect("fed");
    let before = trainer.parameters();
    trainer.step().expect("a step");
    let after = trainer.parameters();
    let changed = typed.variables.iter().map(|variable| {
        let (node, at) = variable.users[0];
        let name = format!("param.{}.{at}", typed.net.graph[node].name.value);
        variable.learned && before[&name].data != after[&name].data
    });
    (pass, changed.collect())
}

#[test]
fn a_step_changes_what_is_drawn_as_learning() {
    let place = Place::new();
    place.write("ends.prototxt", ENDS);
    // The gradient of a stopped branch, of variables that no loss has, and of those that gradientUpdate leaves out.
    let python = |body: &str| {
        format!(
            "from model import Tower\nfrom utils import model_property\nimport tensorflow as tf\nimport tensorflow.contrib.slim as slim\n
class UserModel(Tower):
    @model_property
    def inference(self):
        x = tf.reshape(self.x, [-1, 6 * 6 * 3])
        a = slim.fully_connected(x, 5, scope='a')
        b = slim.fully_connected(tf.stop_gradient(a), 2, activation_fn=None, scope='b')
        c = slim.fully_connected(a, 2, activation_fn=None, scope='c')
        return {body}
    @model_property
    def loss(self):
        return tf.reduce_mean(tf.square(self.inference))
"
        )
    };
    place.write("stopped.py", python("b"));
    place.write("both.py", python("b + c"));
    let lua = |more: &str| {
        format!(
            "require 'nn'
             local frozen = nn.Linear(12, 4)
             frozen.accGradParameters = function() end
             local net = nn.Sequential():add(nn.View(-1, 12)):add(nn.Linear(12, 12)):add(frozen):add(nn.Linear(4, 2))
             {more}
             return {{ model = net, loss = nn.MSECriterion() }}"
        )
    };
    place.write("frozen.lua", lua(""));
    place.write("reversed.lua", lua("net:add(nn.Sequential():add(nn.GradientReversal(0.5)))"));
    let siamese = [("data", &[4, 3, 28, 28][..]), ("label", &[4, 1, 1, 1])];
    let nets = [
        (place.at("ends.prototxt"), &[][..], None, 4),
        (network("siamese/caffe.prototxt"), &siamese, None, 0),
        (network("siamese/torch.lua"), &[], Some(&[3, 28, 28][..]), 0),
        (network("siamese/tensorflow.py"), &[], Some(&[28, 28, 3]), 0),
        (place.at("stopped.py"), &[], Some(&[6, 6, 3]), 2),
        (place.at("both.py"), &[], Some(&[6, 6, 3]), 0),
        (place.at("frozen.lua"), &[], Some(&[3, 2, 2]), 2),
        (place.at("reversed.lua"), &[], Some(&[3, 2, 2]), 2),
    ];
    for (net, shapes, input, fixed) in nets {
        let (checked, options) = typed(Path::new(&net), shapes, input);
        let (pass, changed) = step(&checked, &options);
        let typed = &checked.stages[checked.trained()];
        let drawn: Vec<bool> = (0..changed.len()).map(|at| pass.learns(at)).collect();
        // A bias that both towers add has no effect on their difference, so its gradient is 0.
        let cancels = |at: usize| pass.learns(at) && !changed[at];
        let twins = net.contains("siamese");
        let cancelled = (0..changed.len()).filter(|&at| cancels(at)).collect::<Vec<_>>();
        assert!(
            cancelled.iter().all(|&at| twins && typed.variables[at].role == "bias"),
            "{net}: {cancelled:?}"
        );
        let changed: Vec<bool> = (0..changed.len()).map(|at| changed[at] || cancels(at)).collect();
        assert_eq!(drawn, changed, "{net}");
        let still = typed.variables.iter().zip(&drawn).filter(|(v, learns)| v.learned && !**learns);
        assert_eq!(still.count(), fixed, "{net}");
        let diagram = picture_backward(typed, &pass, &checked.diagnostics, &checked.sources);
        agrees(typed, &told(&diagram), |at| changed[at]);
    }
}

#[test]
fn without_shapes_there_is_no_backward_pass() {
    let place = Place::new();
    let svg = place.at("x.svg");
    let net = "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param { num_output: 3 } }";
    let net = place.write("net.prototxt", net);
    let complaint = refused(&["visualize", &net, "--backward", "-o", &svg]);
    assert!(
        complaint.contains("--shape data=") && complaint.contains("cannot be drawn: "),
        "{complaint}"
    );
    assert!(!Path::new(&svg).exists());
    let wrong = place.write("wrong.prototxt", "layer { name: 'a' type: 'Nothing' top: 'a' }");
    let output = cortado(&["visualize", &wrong, "--backward", "-o", &svg]);
    assert_eq!(output.status.code(), Some(1));
    // A net that is only used has nothing that learns.
    prints(&["visualize", &net, "--backward", "-o", &svg, "--shape", "data=2,5"]);
    let picture = std::fs::read_to_string(&svg).expect("a picture");
    assert!(picture.contains("there is no loss, so nothing learns"), "{picture}");
}

#[test]
fn frozen_blocks_are_not_folded_into_those_that_learn() {
    let place = Place::new();
    let mut net = "input: 'b0' input_shape { dim: 1 dim: 8 }\n".to_owned();
    for i in 0..48 {
        let (next, rate) = (i + 1, usize::from(24 <= i));
        net += &format!(
            "layer {{ name: 'ip{next}' type: 'InnerProduct' bottom: 'b{i}' top: 'b{next}' param {{ lr_mult: {rate} }}
              param {{ lr_mult: {rate} }} inner_product_param {{ num_output: 8 }} }}\n"
        );
    }
    net += "layer { name: 'loss' type: 'EuclideanLoss' bottom: 'b48' bottom: 'b0' top: 'loss' }";
    let (net, svg) = (place.write("net.prototxt", net), place.at("net.svg"));
    prints(&["visualize", &net, "-o", &svg]);
    assert!(std::fs::read_to_string(&svg).expect("a picture").contains("48 × InnerProduct"));
    prints(&["visualize", &net, "--backward", "-o", &svg]);
    let picture = std::fs::read_to_string(&svg).expect("a picture");
    assert!(picture.contains("23 × InnerProduct"), "{picture}");
    assert!(picture.contains("lr_mult 0") && picture.contains("lr × 1, decay × 1"), "{picture}");
}
