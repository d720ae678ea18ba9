//! Weights that real Torch saved, moved to a Caffe definition of the same net and back, a net of Caffe as one of
//! TensorFlow, and what is refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use cortado::data::lmdb::LmdbWriter;
use cortado::data::proto::{
    BlobProto, BlobShape, Datum, NetParameter, V0LayerParameter, V1LayerParameter,
};
use cortado::exec::Device;
use cortado::front::Request;
use cortado::ir::NetState;
use cortado::job::move_weights::{MoveOptions, Moved, convert, holds_weights};
use cortado::one_pass::{PassOptions, check_options, inward, one_pass, outward};
use cortado::pipeline;
use cortado::spec::Phase;
use cortado::ty::Shape;
use cortado::weights::t7::T7;
use cortado::weights::{
    Arrangement, Blob, CaffeModel, Stored, read_safetensors, read_stored, write_safetensors,
};
use prost::Message;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/torch/t7").join(name)
}

/// The net of tests/golden/torch/t7/small_binary.t7 in Caffe's words; `classes` outputs.
fn small(folder: &Path, classes: usize) -> PathBuf {
    let path = folder.join(format!("small_{classes}.prototxt"));
    let text = format!(
        r#"name: "small"
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 4 dim: 1 dim: 8 dim: 8 }} }} }}
layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param {{ num_output: 3 kernel_size: 3 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" }}
layer {{ name: "scale" type: "Scale" bottom: "bn" top: "scale" scale_param {{ bias_term: true }} }}
layer {{ name: "relu" type: "ReLU" bottom: "scale" top: "relu" }}
layer {{ name: "pool" type: "Pooling" bottom: "relu" top: "pool" pooling_param {{ pool: MAX kernel_size: 2 stride: 2 }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param {{ num_output: {classes} weight_filler {{ type: "xavier" }} }} }}
"#
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn moved(old: &Path, new: &Path, options: &MoveOptions) -> Result<Moved, String> {
    let done = convert(old, new, options).map_err(|e| e.to_string())?;
    done.map_err(|(sources, diagnostics)| {
        cortado::diag::render::render(&diagnostics, &sources, false)
    })
}

#[test]
fn a_saved_network_becomes_a_caffe_model_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let net = Some(small(folder.path(), 5));
    let options = MoveOptions { net: net.clone(), ..MoveOptions::default() };
    let want = read_safetensors(&golden("small.safetensors")).unwrap();
    let at = |name: &str| folder.path().join(name);

    for file in ["small_binary.t7", "small_ascii.t7"] {
        let report = moved(&golden(file), &at("a.caffemodel"), &options).unwrap();
        assert_eq!(report, Moved { parameters: 9, missing: vec![] });
        let model = CaffeModel::read(&at("a.caffemodel")).unwrap();
        let data = |layer: &str, i: usize| &model.blobs(layer).unwrap()[i].data;
        let same = [("conv", 0, 0), ("conv", 1, 1), ("scale", 0, 2), ("scale", 1, 3), ("ip", 0, 4)];
        for (layer, i, n) in same {
            assert_eq!(data(layer, i), &want[&format!("param.{n}")].data, "{layer} {i}");
        }
        assert_eq!(model.blobs("ip").unwrap()[0].shape, [5, 27]);
        assert_eq!(data("bn", 0), &want["buf.0.running_mean"].data);
        assert_eq!(data("bn", 1), &want["buf.0.running_var"].data);
        assert_eq!(data("bn", 2), &[1.0]);
    }

    // From Caffe to names, from names to the vector, and from the vector to Caffe.
    moved(&at("a.caffemodel"), &at("b.safetensors"), &MoveOptions::default()).unwrap();
    assert_eq!(read_safetensors(&at("b.safetensors")).unwrap().len(), 9);
    moved(&at("b.safetensors"), &at("c.t7"), &options).unwrap();
    assert_eq!(T7::read(&at("c.t7")).unwrap().flat().unwrap().unwrap(), want["flat"].data);
    assert_eq!(
        std::fs::read(at("c.t7")).unwrap(),
        std::fs::read(golden("small_Weights.t7")).unwrap()
    );
    let report = moved(&at("c.t7"), &at("d.caffemodel"), &options).unwrap();
    assert_eq!(report.missing, ["bn.0", "bn.1", "bn.2"]);
}

#[test]
fn names_of_another_net_need_its_definition() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let net = small(folder.path(), 5);
    let text = std::fs::read_to_string(&net).unwrap();
    let other = at("other.prototxt");
    std::fs::write(&other, text.replace("name: \"conv\"", "name: \"first\"")).unwrap();
    let mut options = MoveOptions { net: Some(other), ..MoveOptions::default() };
    let first = MoveOptions { net: Some(net.clone()), ..MoveOptions::default() };
    moved(&golden("small_binary.t7"), &at("a.safetensors"), &first).unwrap();
    let error = moved(&at("a.safetensors"), &at("b.safetensors"), &options).unwrap_err();
    assert!(error.contains("--from"), "{error}");
    options.from = Some(net);
    moved(&at("a.safetensors"), &at("b.safetensors"), &options).unwrap();
    let (a, b) = (read_safetensors(&at("a.safetensors")), read_safetensors(&at("b.safetensors")));
    assert_eq!(a.unwrap()["param.conv.0"], b.unwrap()["param.first.0"]);
}

/// As Caffe's upgrade_net_proto_binary does, without the definition.
#[test]
fn old_models_become_models_of_the_present_generation() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let blob = |n: usize| BlobProto {
        shape: Some(BlobShape { dim: vec![n as i64] }),
        data: (0..n).map(|i| i as f32).collect(),
        ..BlobProto::default()
    };
    // Caffe forgives axes of 1 in front where they are not written as a `shape`.
    let four = BlobProto {
        num: Some(1),
        channels: Some(1),
        height: Some(3),
        width: Some(2),
        data: vec![0.5; 6],
        ..BlobProto::default()
    };
    let v1 = |name: &str, kind, n| V1LayerParameter {
        name: Some(name.into()),
        r#type: Some(kind),
        bottom: vec!["data".into()],
        top: vec![name.into()],
        blobs: vec![blob(n), blob(1)],
        ..V1LayerParameter::default()
    };
    let inner = V0LayerParameter {
        name: Some("old".into()),
        r#type: Some("innerproduct".into()),
        blobs: vec![four.clone()],
    };
    let v0 = V1LayerParameter {
        layer: Some(inner),
        top: vec!["old".into()],
        ..V1LayerParameter::default()
    };
    let layers = vec![v1("conv", 4, 5), v1("ip", 14, 2), v0];
    let net = NetParameter { name: Some("n".into()), layers, layer: vec![] };
    std::fs::write(at("old.caffemodel"), net.encode_to_vec()).unwrap();
    let none = MoveOptions::default();
    let report = moved(&at("old.caffemodel"), &at("new.caffemodel"), &none).unwrap();
    assert_eq!(report, Moved { parameters: 5, missing: vec![] });
    let bytes = std::fs::read(at("new.caffemodel")).unwrap();
    let new = NetParameter::decode(&bytes[..]).unwrap();
    assert!(new.layers.is_empty() && new.name.as_deref() == Some("n"));
    let kinds: Vec<&str> = new.layer.iter().map(|layer| layer.r#type()).collect();
    assert_eq!(kinds, ["Convolution", "InnerProduct", "InnerProduct"]);
    assert_eq!([&new.layer[0].bottom, &new.layer[2].top], [&["data"], &["old"]]);
    assert_eq!(new.layer[2].blobs, [four]);
    // What has no order and no types still needs the net.
    moved(&at("old.caffemodel"), &at("named.safetensors"), &none).unwrap();
    let error = moved(&at("named.safetensors"), &at("x.caffemodel"), &none).unwrap_err();
    assert!(error.contains("--net"), "{error}");
    assert!(moved(&at("old.caffemodel"), &at("x.txt"), &none).unwrap_err().contains("must end in"));
}

/// The shapes of a net are those of the database that its data layer names.
#[test]
fn the_database_of_a_net_gives_its_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let net = small(folder.path(), 5);
    let database = folder.path().join("db");
    let mut writer = LmdbWriter::create(&database).unwrap();
    let datum = Datum {
        channels: Some(1),
        height: Some(8),
        width: Some(8),
        data: vec![0; 64],
        ..Datum::default()
    };
    writer.put(b"0", &datum.encode_to_vec()).unwrap();
    writer.finish().unwrap();
    let text = std::fs::read_to_string(&net).unwrap();
    let rest = text.lines().filter(|line| !line.contains("name: \"data\" type"));
    let rest: String = rest.map(|line| format!("{line}\n")).collect();
    let source = format!(
        "layer {{ name: 'data' type: 'Data' top: 'data' data_param {{ source: '{}' batch_size: 4 backend: LMDB }} }}\n",
        database.display()
    );
    std::fs::write(&net, source + &rest).unwrap();
    let options = MoveOptions { net: Some(net), ..MoveOptions::default() };
    let report = moved(&golden("small_binary.t7"), &folder.path().join("a.caffemodel"), &options);
    assert_eq!(report.unwrap().parameters, 9);
}

#[test]
fn all_differences_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let net = Some(small(folder.path(), 7));
    let options = MoveOptions { net, ..MoveOptions::default() };
    let new = folder.path().join("x.caffemodel");
    let error = moved(&golden("small_binary.t7"), &new, &options).unwrap_err();
    assert!(error.contains("the nets do not correspond"), "{error}");
    assert!(error.contains("5: file nn.Linear weight 5 x 27, net `ip` 0 7 x 27"), "{error}");
    assert!(error.contains("6: file nn.Linear bias 5, net `ip` 1 7"), "{error}");
    assert!(!error.contains("4:"), "{error}");
    let error = moved(&golden("siamese_small_binary.t7"), &new, &options).unwrap_err();
    assert!(error.contains("16: file nn.Linear bias 2, net nothing"), "{error}");
    let error = moved(&golden("small_Weights.t7"), &new, &options).unwrap_err();
    assert!(error.contains("holds 176 numbers, the net has 232 parameters"), "{error}");
    assert!(!new.exists());
}

/// Tied towers: the saved network lists them twice, the vector has them once.
#[test]
fn tied_towers_stay_tied() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(repository.join("networks/siamese/torch.lua")).unwrap();
    let text = text
        .replace("height == 28 and width == 28", "height == 20 and width == 20")
        .replace("nn.SpatialConvolution(1, 20,", "nn.SpatialConvolution(1, 6,")
        .replace("nn.SpatialConvolution(20, 50,", "nn.SpatialConvolution(6, 10,")
        .replace("nn.Linear(800, 500)", "nn.Linear(40, 16)")
        .replace("nn.Linear(500, 2)", "nn.Linear(16, 2)");
    std::fs::write(at("net.lua"), text).unwrap();
    let shapes = [("input".to_owned(), Shape(vec![2, 3, 20, 20]))].into();
    let options = MoveOptions { net: Some(at("net.lua")), shapes, ..MoveOptions::default() };
    let want = read_safetensors(&golden("siamese_small.safetensors")).unwrap();
    let report = moved(&golden("siamese_small_binary.t7"), &at("a.t7"), &options).unwrap();
    assert_eq!(report.missing, Vec::<String>::new());
    assert_eq!(T7::read(&at("a.t7")).unwrap().flat().unwrap().unwrap(), want["flat"].data);
}

#[test]
fn the_verb_says_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&Path]| {
        Command::new(env!("CARGO_BIN_EXE_cortado")).arg("convert").args(arguments).output().unwrap()
    };
    let (old, new) = (golden("small_binary.t7"), folder.path().join("x.safetensors"));
    let net = small(folder.path(), 5);
    let done = run(&[&old, &new, Path::new("--net"), &net]);
    assert_eq!(String::from_utf8_lossy(&done.stdout), "9 parameters\n");
    let done = run(&[&old, &new]);
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("--net"));
}

#[test]
fn a_lua_net_needs_no_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = "return function(params)\n\
                local net = nn.Sequential():add(nn.SpatialConvolution(1, 3, 3, 3)):add(nn.SpatialBatchNormalization(3))\n\
                net:add(nn.ReLU()):add(nn.SpatialMaxPooling(2, 2, 2, 2)):add(nn.View(-1):setNumInputDims(3))\n\
                return net:add(nn.Linear(params.features * 3, params.nclasses))\nend";
    std::fs::write(at("net.lua"), text).unwrap();
    let run = |extra: &[&str], to: &str| {
        let command = Command::new(env!("CARGO_BIN_EXE_cortado"))
            .args(["convert".as_ref(), golden("small_binary.t7").as_os_str(), at(to).as_os_str()])
            .args(["--net".as_ref(), at("net.lua").as_os_str()])
            .args(extra)
            .output()
            .unwrap();
        (command.status.success(), String::from_utf8_lossy(&command.stderr).into_owned())
    };
    let told = ["--param", "features=9", "--classes", "5"];
    let (good, said) = run(&told, "a.safetensors");
    assert!(good, "{said}");
    let with_shape = [&told[..], &["--input-shape", "1,8,8"]].concat();
    for to in ["b.safetensors", "b.caffemodel"] {
        let (good, said) = run(&with_shape, to);
        assert!(good, "{said}");
    }
    let (first, second) =
        (read_safetensors(&at("a.safetensors")), read_safetensors(&at("b.safetensors")));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.len(), 8);
    let same = first.iter().all(|(name, blob)| second[name].data == blob.data);
    assert!(same && first.keys().eq(second.keys()), "{:?}", first.keys());
    // The layers of a caffemodel are those of a typed net.
    let (good, said) = run(&told, "c.caffemodel");
    assert!(!good && said.contains("--input-shape 3,28,28"), "{said}");
}

#[test]
fn what_a_file_holds_is_what_its_first_bytes_say() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let options = MoveOptions { net: Some(small(folder.path(), 5)), ..MoveOptions::default() };
    for file in ["small_binary.t7", "small_ascii.t7"] {
        std::fs::copy(golden(file), at("any.bin")).unwrap();
        moved(&at("any.bin"), &at("first.safetensors"), &options).unwrap();
        std::fs::copy(at("first.safetensors"), at("weights.st")).unwrap();
        moved(&at("weights.st"), &at("second.caffemodel"), &options).unwrap();
        std::fs::copy(at("second.caffemodel"), at("weights")).unwrap();
        moved(&at("weights"), &at("third.safetensors"), &options).unwrap();
        let read = |name: &str| read_safetensors(&at(name)).unwrap();
        assert_eq!(read("first.safetensors"), read("third.safetensors"), "{file}");
    }
}

/// The same net in Caffe's words and in DIGITS' for TensorFlow: a convolution, a pooling, and two products, the first over
/// the elements of images.
fn in_two_dialects(folder: &Path) -> [PathBuf; 2] {
    let caffe = folder.join("net.prototxt");
    let text = r#"layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 7 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: MAX kernel_size: 2 stride: 1 } }
layer { name: "ip1" type: "InnerProduct" bottom: "pool" top: "ip1" inner_product_param { num_output: 6 } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2" inner_product_param { num_output: 5 } }
"#;
    std::fs::write(&caffe, text).unwrap();
    let tensorflow = folder.join("net.py");
    let text = "class UserModel(Tower):
    @model_property
    def inference(self):
        net = slim.conv2d(self.x, 4, [3, 3], padding='VALID', scope='conv')
        net = slim.max_pool2d(net, [2, 2], 1, scope='pool')
        net = slim.fully_connected(slim.flatten(net), 6, scope='fc1')
        return slim.fully_connected(net, 5, activation_fn=None, scope='fc2')

    @model_property
    def loss(self):
        return tf.reduce_mean(self.inference)
";
    std::fs::write(&tensorflow, text).unwrap();
    [caffe, tensorflow]
}

/// What a net gives of tensors.
fn given(net: &Path, tensors: &BTreeMap<String, Blob>, name: &str) -> Blob {
    let options = check_options(net, tensors, Some(NetState::phase(Phase::Test)));
    let checked = pipeline::check_file(net, &options).unwrap();
    let env = pipeline::environment(&options, &|_| None);
    let definition = &checked.definition;
    let pass = PassOptions { backward: false, device: Device::Cpu, threads: 1, seed: 0 };
    let results = one_pass(&checked.stages[0], &env, &inward(definition, tensors), &pass).unwrap();
    outward(definition, tensors, results)[name].clone()
}

#[test]
fn a_net_of_caffe_becomes_one_of_tensorflow_with_the_same_outputs_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let [caffe, tensorflow] = in_two_dialects(folder.path());
    let numbers = |shape: &[usize], step: usize| {
        let n: usize = shape.iter().product();
        let data = (0..n).map(|i| ((i * step + 5) % 23) as f32 / 11.5 - 1.0).collect();
        Blob { shape: shape.to_vec(), data }
    };
    let weights = BTreeMap::from(
        [
            ("param.conv.0", numbers(&[4, 3, 3, 3], 7)),
            ("param.conv.1", numbers(&[4], 3)),
            ("param.ip1.0", numbers(&[6, 4 * 5 * 4], 11)),
            ("param.ip1.1", numbers(&[6], 5)),
            ("param.ip2.0", numbers(&[5, 6], 13)),
            ("param.ip2.1", numbers(&[5], 2)),
        ]
        .map(|(name, blob)| (name.to_owned(), blob)),
    );
    write_safetensors(&at("a.safetensors"), weights.iter().map(|(n, b)| (n.as_str(), b))).unwrap();
    let request = Request { input_shape: Some(vec![8, 7, 3]), ..Request::default() };
    let options = |net: &Path, from: &Path| MoveOptions {
        net: Some(net.to_owned()),
        from: Some(from.to_owned()),
        request: request.clone(),
        ..MoveOptions::default()
    };
    let to = options(&tensorflow, &caffe);
    let report = moved(&at("a.safetensors"), &at("b.safetensors"), &to).unwrap();
    assert_eq!(report, Moved { parameters: 6, missing: vec![] });
    let named = read_safetensors(&at("b.safetensors")).unwrap();
    assert_eq!(named["model/conv/weights"].shape, [3, 3, 3, 4]);
    assert_eq!(named["model/fc1/weights"].shape, [80, 6]);

    let image = numbers(&[2, 3, 8, 7], 17);
    let mut last = Blob { shape: vec![2, 8, 7, 3], data: vec![0.0; image.data.len()] };
    for (i, &x) in image.data.iter().enumerate() {
        let (n, c, pixel) = (i / 168, i / 56 % 3, i % 56);
        last.data[(n * 56 + pixel) * 3 + c] = x;
    }
    let mut of_caffe = weights.clone();
    of_caffe.insert("in.data".into(), image);
    let mut of_tensorflow: BTreeMap<String, Blob> =
        named.iter().map(|(name, blob)| (format!("param.{name}"), blob.clone())).collect();
    of_tensorflow.insert("in.x".into(), last);
    let want = given(&caffe, &of_caffe, "out.ip2");
    let got = given(&tensorflow, &of_tensorflow, "out.0");
    assert_eq!(want.data.len(), 10);
    for (a, b) in want.data.iter().zip(&got.data) {
        assert!((a - b).abs() < 1e-4, "{a} and {b}");
    }

    // And back, from names without the outer scope and with the suffix of outputs, as graphs have them.
    let bare: BTreeMap<String, Blob> = named
        .into_iter()
        .map(|(name, blob)| (format!("{}:0", name.trim_start_matches("model/")), blob))
        .collect();
    write_safetensors(&at("c.safetensors"), bare.iter().map(|(n, b)| (n.as_str(), b))).unwrap();
    let back = options(&caffe, &tensorflow);
    moved(&at("c.safetensors"), &at("d.safetensors"), &back).unwrap();
    assert_eq!(read_safetensors(&at("d.safetensors")).unwrap(), weights);
    moved(&at("c.safetensors"), &at("d.caffemodel"), &back).unwrap();
    let model = CaffeModel::read(&at("d.caffemodel")).unwrap();
    assert_eq!(model.blobs("ip1").unwrap()[0].data, weights["param.ip1.0"].data);

    // Two definitions that are programs are told of the image in their own orders.
    let lua = at("net.lua");
    let text = "return function(params)
   local planes, height, width = unpack(params.inputShape:totable())
   return { model = nn.Sequential()
      :add(nn.SpatialConvolution(planes, 4, 3, 3)):add(nn.ReLU()):add(nn.SpatialMaxPooling(2, 2, 1, 1))
      :add(nn.View(-1):setNumInputDims(3)):add(nn.Linear(4 * (height - 3) * (width - 3), 6)):add(nn.ReLU()):add(nn.Linear(6, 5)) }
end
";
    std::fs::write(&lua, text).unwrap();
    let mut to = options(&lua, &tensorflow);
    to.request.input_shape = Some(vec![3, 8, 7]);
    to.from_input_shape = Some(vec![8, 7, 3]);
    moved(&at("b.safetensors"), &at("e.caffemodel"), &to).unwrap();
    let model = CaffeModel::read(&at("e.caffemodel")).unwrap();
    let products = model.layers.iter().filter(|layer| layer.blobs.len() == 2);
    let first: Vec<&[f32]> = products.map(|layer| &layer.blobs[0].data[..]).collect();
    assert_eq!(first, ["conv", "ip1", "ip2"].map(|n| &weights[&format!("param.{n}.0")].data[..]));

    let graph = at("snapshot_3.pb");
    std::fs::write(&graph, "").unwrap();
    let refused = read_stored(&graph).unwrap_err().to_string();
    assert!(refused.contains("the checkpoint that it was made of"), "{refused}");
}

/// The variables of a file that names them.
fn variables(path: &Path) -> Result<BTreeMap<String, Blob>, String> {
    match read_stored(path).map_err(|e| e.to_string())? {
        Stored::Named(_, variables) => Ok(variables),
        other => panic!("{other:?}"),
    }
}

/// Checkpoints of a net with its optimizer that TensorFlow 2.12 wrote in both versions of the format.
#[test]
fn checkpoints_of_tensorflow_give_their_variables() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/checkpoints");
    let want = read_safetensors(&folder.join("variables.safetensors")).unwrap();
    assert_eq!(want.len(), 7);
    let scratch = tempfile::tempdir().unwrap();
    for name in [
        "snapshot_2.ckpt",
        "snapshot_2.ckpt.index",
        "snapshot_2.ckpt.data-00000-of-00001",
        "snapshot_1.ckpt",
    ] {
        let got = variables(&folder.join(name)).unwrap();
        for (variable, blob) in &want {
            assert_eq!(got.get(variable), Some(blob), "{variable} of {name}");
        }
        assert_eq!(got["global_step"], Blob { shape: vec![], data: vec![1.0] }, "{name}");
        assert_eq!(got["count"], Blob { shape: vec![2], data: vec![0.0; 2] }, "{name}");
        assert_eq!(got["model/fc/weights/Momentum"].shape, [36, 3], "{name}");
        let new = scratch.path().join("variables.safetensors");
        assert!(holds_weights(&folder.join(name)), "{name}");
        convert(&folder.join(name), &new, &MoveOptions::default()).unwrap().unwrap();
        assert_eq!(read_safetensors(&new).unwrap(), got, "{name}");
    }
}

#[test]
fn damaged_checkpoints_are_complaints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/checkpoints");
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let (index, data) = ("a.ckpt.index", "a.ckpt.data-00000-of-00001");
    let whole = std::fs::read(folder.join("snapshot_2.ckpt.index")).unwrap();
    std::fs::write(at(index), &whole).unwrap();
    let missing = variables(&at(index)).unwrap_err();
    assert!(missing.contains(data), "{missing}");
    let elements = std::fs::read(folder.join("snapshot_2.ckpt.data-00000-of-00001")).unwrap();
    std::fs::write(at(data), &elements[..elements.len() - 1]).unwrap();
    let short = variables(&at(index)).unwrap_err();
    assert!(short.contains("ends before the elements of `model/fc/weights/Momentum`"), "{short}");
    std::fs::write(at(data), &elements).unwrap();
    // Whatever a byte of the tables becomes, reading ends.
    let first = std::fs::read(folder.join("snapshot_1.ckpt")).unwrap();
    for (name, bytes) in [(index, &whole), ("b.ckpt", &first)] {
        for place in (0..bytes.len()).rev() {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0x85;
            std::fs::write(at(name), &bytes).unwrap();
            let _ = read_stored(&at(name));
            std::fs::write(at(name), &bytes[..place]).unwrap();
            let shortened = read_stored(&at(name));
            assert!(shortened.is_err() || name != index, "{name} up to {place}");
        }
    }
}

/// The places of all elements by the definition of each order.
#[test]
fn every_order_of_elements_there_and_back() {
    let blob = |shape: &[usize]| {
        let n: usize = shape.iter().product();
        Blob { shape: shape.to_vec(), data: (0..n).map(|i| i as f32).collect() }
    };
    let (h, w, a, b) = (2, 3, 4, 5);
    let pixels = blob(&[h, w, a, b]);
    let filters = Arrangement::Pixels.to_filters(pixels.clone());
    assert_eq!(filters.shape, [b, a, h, w]);
    for place in 0..h * w * a * b {
        let (j, i, pixel) = (place / (h * w * a), place / (h * w) % a, place % (h * w));
        assert_eq!(filters.data[place], ((pixel * a + i) * b + j) as f32);
    }
    let depthwise = Arrangement::Depthwise.to_filters(pixels.clone());
    assert_eq!((depthwise.shape[0], depthwise.data[h * w]), (a * b, 1.0));
    let columns = Arrangement::Columns(Some([4, 2, 3]));
    let matrix = blob(&[24, 2]);
    let rows = columns.to_filters(matrix.clone());
    assert_eq!(rows.shape, [2, 24]);
    // Channel 1 at (0, 2) of the second output: in row 2 * 4 + 1 of the columns.
    assert_eq!(rows.data[24 + 6 + 2], (9 * 2 + 1) as f32);
    for (arrangement, whole) in [
        (Arrangement::Pixels, pixels.clone()),
        (Arrangement::Depthwise, pixels),
        (columns, matrix.clone()),
        (Arrangement::Columns(None), matrix.clone()),
        (Arrangement::Plain, matrix),
    ] {
        let filters = arrangement.to_filters(whole.clone());
        let shape = Shape(whole.shape.clone());
        assert_eq!(filters.shape, arrangement.filters_shape(&shape));
        assert_eq!(arrangement.from_filters(&filters.data, &shape), whole.data);
    }
}

/// What a shared parameter's layers have in common is with one of them in Caffe's HDF5, and a file of numbers serves to train as it
/// serves to run.
#[test]
fn shared_and_numbered_parameters_find_their_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let scratch = tempfile::tempdir().unwrap();
    let new = scratch.path().join("new.safetensors");
    let case = root.join("caffe/nets/siamese_sgd_hdf5");
    let net = Some(case.join("net.prototxt"));
    let options = MoveOptions { net, ..MoveOptions::default() };
    let done = moved(&case.join("snap_iter_20.caffemodel.h5"), &new, &options).unwrap();
    assert_eq!(done.missing, [""; 0]);
    let golden = read_safetensors(&case.join("data.safetensors")).unwrap();
    let got = read_safetensors(&new).unwrap();
    assert_eq!(done.parameters, got.len());
    let twins: Vec<&String> = got.keys().filter(|name| name.contains("_p")).collect();
    assert!(!twins.is_empty(), "{:?}", got.keys());
    for (name, blob) in &got {
        let own = name.replace("_p.", ".");
        assert_eq!(Some(blob), golden.get(&own.replace("param.", "param@20.")), "{name}");
    }

    let case = root.join("torch/nets/siamese_small");
    let net = Some(case.join("def.lua"));
    let request = Request { input_shape: Some(vec![3, 20, 20]), ..Request::default() };
    let options = MoveOptions { net, request, ..MoveOptions::default() };
    let done = moved(&case.join("data.safetensors"), &new, &options).unwrap();
    assert_eq!(done.missing, [""; 0]);
    let golden = read_safetensors(&case.join("data.safetensors")).unwrap();
    let got = read_safetensors(&new).unwrap();
    for (i, name) in ["0", "1", "2"].iter().enumerate() {
        let want = &golden[&format!("init.param.{name}")];
        assert!(got.values().any(|blob| blob.data == want.data), "{i}");
    }
}
