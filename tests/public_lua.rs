//! Definitions in the manner of the public ones of 2015 to 2017 (tests/public_lua): they check without an error, have the
//! parameters that were published for their nets, give outputs of the right shape, and draw.

use std::path::PathBuf;

use cortado::ir::Port;
use cortado::pipeline::{self, Checked, Options};
use cortado::report::{picture, svg};

/// A definition with the shape of an image and its parameters, as on the command line.
fn read(name: &str, shape: &[usize], classes: Option<usize>, params: &[(&str, &str)]) -> Checked {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/public_lua").join(name);
    let mut options = Options::default();
    options.request.input_shape = Some(shape.to_vec());
    options.request.classes = classes;
    options.request.params =
        params.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    pipeline::check_file(&path, &options).expect("the file is there")
}

/// Checks and draws; gives the numbers of layers and learned parameters and the shapes of the outputs of the last stage.
fn clean(
    name: &str,
    shape: &[usize],
    classes: Option<usize>,
    params: &[(&str, &str)],
) -> (usize, Vec<Vec<usize>>) {
    let checked = read(name, shape, classes, params);
    let complaints = checked.complaints();
    assert!(!checked.diagnostics.has_errors(), "{name}: {complaints}");
    let typed = checked.stages.last().expect("a stage");
    let diagram = picture::picture(typed, &checked.diagnostics, &checked.sources);
    let drawn = svg::render_svg(&diagram, &svg::Options::default());
    assert!(drawn.starts_with("<svg") && drawn.contains("Convolution"), "{name}");
    let outputs = checked.definition.names.iter().filter(|(public, _)| public.starts_with("out."));
    let shape_of = |blob: &str| {
        let find = |(node, n): (_, &cortado::ir::Node)| {
            let top = n.tops.iter().position(|t| t.value == blob)?;
            typed.shape(Port { node, top }).map(|shape| shape.dims().to_vec())
        };
        typed.net.nodes().find_map(find).unwrap_or_default()
    };
    let shapes = outputs.map(|(_, name)| shape_of(name.strip_prefix("out.").unwrap_or(name)));
    (typed.parameter_count(), shapes.collect())
}

const PHOTO: &[usize] = &[3, 224, 224];

#[test]
fn residual_nets() {
    let imagenet = |depth| [("depth", depth), ("dataset", "imagenet")];
    let out = vec![vec![1, 1000]];
    assert_eq!(clean("resnet.lua", PHOTO, None, &imagenet("18")), (11_689_512, out.clone()));
    assert_eq!(clean("resnet.lua", PHOTO, None, &imagenet("34")), (21_797_672, out.clone()));
    assert_eq!(clean("resnet.lua", PHOTO, None, &imagenet("50")), (25_557_032, out.clone()));
    assert_eq!(clean("resnet.lua", PHOTO, None, &imagenet("101")), (44_549_160, out));
    let cifar = [("depth", "20"), ("dataset", "cifar10"), ("shortcutType", "A")];
    assert_eq!(clean("resnet.lua", &[3, 32, 32], None, &cifar), (269_722, vec![vec![1, 10]]));
}

#[test]
fn a_residual_net_of_no_known_depth_says_so() {
    let checked = read("resnet.lua", PHOTO, None, &[("depth", "19"), ("dataset", "imagenet")]);
    let complaints = checked.complaints();
    assert!(complaints.contains("Invalid depth: 19"), "{complaints}");
    assert!(complaints.contains("resnet.lua:85"), "{complaints}");
}

#[test]
fn options_that_are_missing_are_named() {
    let checked = read("dense.lua", PHOTO, None, &[]);
    let complaints = checked.complaints();
    assert!(complaints.contains("--param growthRate="), "{complaints}");
}

#[test]
fn wide_residual_nets() {
    let options = |depth, width| {
        [("depth", depth), ("widen_factor", width), ("dropout", "0.3"), ("num_classes", "10")]
    };
    let out = vec![vec![1, 10]];
    assert_eq!(
        clean("wide.lua", &[3, 32, 32], None, &options("16", "4")),
        (2_748_890, out.clone())
    );
    assert_eq!(clean("wide.lua", &[3, 32, 32], None, &options("28", "10")), (36_479_194, out));
}

#[test]
fn dense_nets() {
    let params = [
        ("depth", "121"),
        ("growthRate", "32"),
        ("reduction", "0.5"),
        ("dropRate", "0"),
        ("bottleneck", "true"),
        ("tensorType", "torch.CudaTensor"),
    ];
    assert_eq!(clean("dense.lua", PHOTO, None, &params), (7_978_856, vec![vec![1, 1000]]));
}

#[test]
fn nets_of_convolutions_in_a_row() {
    let out = vec![vec![1, 1000]];
    // VGG-16's 138,357,544 and two batch normalisations of 4096.
    assert_eq!(clean("vgg.lua", PHOTO, None, &[]), (138_373_928, out.clone()));
    assert_eq!(clean("squeeze.lua", PHOTO, None, &[]), (1_248_424, vec![vec![1000]]));
    assert_eq!(clean("towers.lua", &[3, 256, 256], None, &[]), (60_522_856, out));
}

#[test]
fn inception_with_two_classifiers() {
    let (_, outputs) = clean("inception.lua", PHOTO, Some(10), &[]);
    assert_eq!(outputs, [vec![32, 20]]);
    let checked = read("inception.lua", PHOTO, Some(10), &[]);
    assert_eq!(checked.definition.batch_sizes, [Some(32), Some(16)]);
    // Without the libraries of graphics processors the branch with nn's own modules is taken.
    let kinds: Vec<&str> =
        checked.definition.nodes.iter().map(|n| n.type_name.value.as_str()).collect();
    assert!(
        kinds.contains(&"nn.SpatialConvolutionMM") && !kinds.iter().any(|k| k.starts_with("cudnn"))
    );
}

#[test]
fn graphs_by_recursion() {
    let params = [("nModules", "1"), ("nStack", "2"), ("nFeats", "32"), ("nParts", "16")];
    let (_, outputs) = clean("hourglass.lua", &[3, 64, 64], None, &params);
    assert_eq!(outputs, [vec![1, 16, 32, 32], vec![1, 16, 32, 32]]);
}

#[test]
fn graphs_with_skips() {
    let (parameters, outputs) = clean("translate.lua", &[3, 64, 64], None, &[]);
    assert_eq!(outputs, [vec![1, 3, 64, 64]]);
    // 4 x 4 filters between 3, 8, 16, 32, 64 planes and back with doubled inputs; scale and shift of the normalisations.
    let down = [3, 8, 16, 32, 64].windows(2).map(|w| 16 * w[0] * w[1] + w[1]).sum::<usize>();
    let up =
        [(64, 32), (64, 16), (32, 8), (16, 3)].iter().map(|&(a, b)| 16 * a * b + b).sum::<usize>();
    assert_eq!(parameters, down + up + 2 * (16 + 32 + 64 + 32 + 16 + 8));
}

#[test]
fn two_streams_share_their_towers() {
    let (parameters, outputs) = clean("streams.lua", &[2, 64, 64], None, &[]);
    let tower = 96 * 17 + 192 * (96 * 9 + 1) + 256 * (192 * 9 + 1) + 256 * (256 * 9 + 1);
    assert_eq!(parameters, 2 * tower + 1024 * 1025 + 1025);
    assert_eq!(outputs, [vec![1, 1]]);
}

#[test]
fn faces_and_segments() {
    // A batch of one loses its dimension in a view of all its elements.
    assert_eq!(clean("faces.lua", &[3, 96, 96], None, &[]).1, [vec![128]]);
    assert_eq!(clean("segment.lua", &[3, 64, 64], None, &[]).1, [vec![1, 4, 64, 64]]);
}

#[test]
fn files_of_tutorials_and_benchmarks() {
    let (parameters, outputs) = clean("tutorial.lua", &[3, 32, 32], None, &[]);
    assert_eq!(parameters, 64 * 76 + 64 * 1601 + 128 * 1601 + 10 * 129);
    assert_eq!(outputs, [vec![1, 10]]);
    assert!(read("tutorial.lua", &[3, 32, 32], None, &[]).stages.len() > 1, "its loss is trained");
    let (_, outputs) = clean("benchmark.lua", &[3, 231, 231], None, &[]);
    assert_eq!(outputs, [vec![1000]]);
    let (_, outputs) = clean("tutorial.lua", &[3, 32, 32], None, &[("model", "convnet")]);
    assert_eq!(outputs, [vec![1, 10]]);
}

#[test]
fn models_that_a_setup_function_makes_with_their_loss() {
    let params = [("netType", "small"), ("width", "8"), ("cudnn", "deterministic")];
    let (parameters, outputs) = clean("zoo/init.lua", &[3, 32, 32], None, &params);
    assert_eq!(parameters, 8 * 28 + 16 + 16 * 73 + 170);
    assert_eq!(outputs, [vec![1, 10]]);
    assert!(
        read("zoo/init.lua", &[3, 32, 32], None, &params).stages.len() > 1,
        "its loss is trained"
    );
    let more =
        [("resetClassifier", "true"), ("nClasses", "4"), ("shareGradInput", "true"), ("nGPU", "2")];
    let params: Vec<(&str, &str)> = params[..2].iter().chain(&more).copied().collect();
    let (parameters, _) = clean("zoo/init.lua", &[3, 32, 32], None, &params);
    assert_eq!(parameters, 8 * 28 + 16 + 16 * 73 + 68);
    // An assertion about an option names it.
    let checked = read("zoo/small.lua", &[3, 32, 32], None, &[("depth", "1")]);
    let complaints = checked.complaints();
    assert!(complaints.contains("--param width="), "{complaints}");
}

#[test]
fn layers_of_cuda_convnet_have_the_batch_last() {
    let (parameters, outputs) = clean("batch_last.lua", PHOTO, Some(10), &[]);
    // The second convolution has two groups.
    assert_eq!(parameters, 64 * 364 + 192 * (32 * 25 + 1) + 10 * (192 * 169 + 1));
    assert_eq!(outputs, [vec![10]]);
}

#[test]
fn a_batch_of_one_that_gets_lost_is_checked_as_two() {
    let text = "return nn.Sequential():add(nn.View(12))\n\
                :add(nn.Concat(2):add(nn.Linear(12, 2)):add(nn.Linear(12, 3)))";
    let mut options = Options::default();
    options.request.input_shape = Some(vec![3, 2, 2]);
    let checked = pipeline::check(&PathBuf::from("net.lua"), text.to_owned(), &options);
    let complaints = checked.complaints();
    assert!(complaints.contains("warning[W0606]: checked with a batch of two"), "{complaints}");
    assert!(!checked.diagnostics.has_errors(), "{complaints}");
}

#[test]
fn functions_are_called_as_the_caller_says() {
    let text = "local M = {}\nfunction M.tower(n) return nn.Sequential():add(nn.Linear(n, 2)) end\n\
                function build(opt) return M.tower(opt.width) end\nreturn M";
    let check = |call: Option<&str>| {
        let mut options = Options::default();
        options.request.call = call.map(str::to_owned);
        options.request.params = [("sizes".to_owned(), "{7, 8}".to_owned())].into();
        options.shapes = [("0".to_owned(), vec![4, 7].into())].into();
        let checked = pipeline::check(&PathBuf::from("net.lua"), text.to_owned(), &options);
        let complaints = checked.complaints();
        (complaints, checked.stages.last().map_or(0, |typed| typed.parameter_count()))
    };
    let (complaints, _) = check(None);
    assert!(
        complaints.contains("`build(opt)`") && complaints.contains("`tower(n)`"),
        "{complaints}"
    );
    for call in ["tower(7)", "M.tower(7)", "build({width = 7})", "build{width = opt.sizes[1]}"] {
        assert_eq!(check(Some(call)), (String::new(), 16), "{call}");
    }
    let (complaints, _) = check(Some("tower("));
    assert!(complaints.contains("--call:1:"), "{complaints}");
}

#[test]
fn networks_over_sequences() {
    let text = "require 'rnn'\nreturn nn.Sequential():add(nn.Sequencer(nn.FastLSTM(5, 3)))\n\
                :add(nn.BiSequencer(nn.GRU(3, 2))):add(nn.Sequencer(nn.Linear(4, 6)))";
    let shapes = [("0".to_owned(), vec![4, 2, 5].into())].into();
    let options = Options { shapes, ..Options::default() };
    let checked = pipeline::check(&PathBuf::from("net.lua"), text.to_owned(), &options);
    let complaints = checked.complaints();
    assert_eq!(complaints, "");
    let typed = checked.stages.last().expect("a stage");
    let lstm = 5 * 12 + 12 + 3 * 12;
    let gru = 3 * 4 + 4 + 2 * 4 + 3 * 2 + 2 + 2 * 2;
    assert_eq!(typed.parameter_count(), lstm + 2 * gru + 4 * 6 + 6);
}
