//! What the verbs that read definitions say of them: `check`, `convert`, `diff`, `layers`, `explain`.

use cortado::weights::{Blob, write_safetensors};

use super::{cortado, network, prints, refused, text, warned};

#[test]
fn what_a_definition_does_not_ask_for_is_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let svg = text(folder.path().join("x.svg"));
    let net = network("lenet/caffe.prototxt");
    let wrong = warned(&["check", &net, "--shape", "dat=4,1,28,28"]);
    assert!(wrong.contains("W0627") && wrong.contains("the net has no input `dat`"), "{wrong}");
    assert!(wrong.contains("it has data, label; did you mean `data`?"), "{wrong}");
    for (option, value) in [
        ("--input-shape", "1,28,28"),
        ("--classes", "3"),
        ("--param", "a=1"),
        ("--call", "x"),
        ("--loss", "nn.MSECriterion()"),
    ] {
        let wrong = warned(&["visualize", &net, "-o", &svg, option, value]);
        assert!(wrong.contains(&format!("`{option}` means nothing to this Caffe")), "{wrong}");
    }
    let lua = network("siamese/torch.lua");
    let told = ["--input-shape", "3,28,28", "--shape", "target=64", "--classes", "2"];
    prints(&[&["check", &lua], &told[..]].concat());
    assert!(warned(&["check", &lua, "--shape", "inpt=1,3,28,28"]).contains("no input `inpt`"));
    let python = network("siamese/tensorflow.py");
    let wrong = warned(&["check", &python, "--input-shape", "28,28,3", "--loss", "x"]);
    assert!(wrong.contains("`--loss` means nothing to this TensorFlow definition"), "{wrong}");
    // A layer of DIGITS without a number of outputs asks for the classes.
    let digits = text(folder.path().join("digits.prototxt"));
    let layer =
        "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'y' inner_product_param {
        weight_filler { type: 'xavier' } } }";
    std::fs::write(&digits, layer).expect("written");
    prints(&["check", &digits, "--classes", "10", "--shape", "data=2,4"]);
}

#[test]
fn a_run_file_is_no_definition() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = text(folder.path().join("run.yaml"));
    std::fs::write(&run, "network: x.prototxt\n").expect("written");
    let wrong = refused(&["convert", &run, "new.prototxt"]);
    assert!(wrong.contains("is a run file") && wrong.contains("`network` names"), "{wrong}");
}

#[test]
fn definitions_and_weights_are_converted_to_their_own_kind() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(folder.path().join(name));
    std::fs::write(at("empty.prototxt"), "# nothing\n").expect("written");
    std::fs::write(at("w.caffemodel"), "").expect("written");
    let net = network("lenet/caffe.prototxt");
    let wrong = refused(&["convert", &net, &at("y.safetensors")]);
    assert!(wrong.contains("y.safetensors: is a name for weights"), "{wrong}");
    let wrong = refused(&["convert", &at("w.caffemodel"), &at("y.prototxt")]);
    assert!(wrong.contains("y.prototxt: is no name for weights"), "{wrong}");
    let wrong = refused(&["convert", &at("empty.prototxt"), &at("y.prototxt")]);
    assert!(wrong.contains("empty.prototxt: defines nothing"), "{wrong}");
    assert!(
        !folder.path().join("y.safetensors").exists() && !folder.path().join("y.prototxt").exists()
    );
}

#[test]
fn nets_that_mean_the_same_are_told_from_others_by_their_structure() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(folder.path().join(name));
    let write = |name: &str, layers: &[&str]| {
        let input = "layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }";
        std::fs::write(at(name), [&[input], layers].concat().join("\n")).expect("written");
    };
    let a = "layer { name: 'a' type: 'ReLU' bottom: 'x' top: 'a' }";
    let b = "layer { name: 'b' type: 'Sigmoid' bottom: 'x' top: 'b' }";
    let both = "layer { name: 'c' type: 'Concat' bottom: 'a' bottom: 'b' top: 'c' }";
    write("ab", &[a, b, both]);
    write("ba", &[b, a, both]);
    write("turned", &[a, b, "layer { name: 'c' type: 'Concat' bottom: 'b' bottom: 'a' top: 'c' }"]);
    assert!(prints(&["diff", &at("ab"), &at("ba")]).contains("mean the same"));
    let differs = |one: &str, other: &str| {
        let output = cortado(&["diff", &at(one), &at(other)]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!(differs("ab", "turned"), "TEST: layer `c`: reads `a`, `b` against `b`, `a`\n");
    write("a", &[a]);
    write("more", &[a, "layer { name: 'd' type: 'Dropout' bottom: 'a' top: 'd' }"]);
    assert_eq!(differs("a", "more"), "TEST: only the second has the layer `d` (Dropout)\n");
    write("b", &["layer { name: 'a' type: 'Sigmoid' bottom: 'x' top: 'a' }"]);
    assert_eq!(differs("a", "b"), "TEST: layer `a`: ReLU against Sigmoid\n");

    let convolution = |more: &str| {
        format!(
            "layer {{ name: 'conv' type: 'Convolution' bottom: 'x' top: 'y' convolution_param {{
             num_output: 4 kernel_size: 3 weight_filler {{ type: 'xavier' }} {more} }} }}"
        )
    };
    write("plain", &[&convolution("")]);
    write("bare", &[&convolution("bias_term: false")]);
    // What is not written is what Caffe takes for it.
    write("told", &[&convolution("stride: 1 pad_h: 0 pad_w: 0 dilation: 1 axis: -3")]);
    assert!(prints(&["diff", &at("plain"), &at("told")]).contains("mean the same"));
    assert!(
        differs("plain", "bare")
            .starts_with("TEST: layer `conv`: no `bias_term` against `bias_term: false`\n")
    );
    let data = |more: &str| {
        let layer = format!(
            "layer {{ name: 'data' type: 'Data' top: 'data' data_param {{ source: 'none' batch_size: 4 backend: LMDB }}
             transform_param {{ scale: 0.5 {more} }} }}"
        );
        std::fs::write(at(if more.is_empty() { "whole" } else { "cropped" }), layer)
            .expect("written");
    };
    data("");
    data("crop_size: 4");
    let said = differs("whole", "cropped");
    assert_eq!(said, "TEST: layer `data`: no `crop_size` against `crop_size: 4`\n");
    // A file is what it holds, however its path is written.
    let labels = "layer { name: 'l' type: 'Input' top: 'l' input_param { shape { dim: 2 } } }
                  layer { name: 's' type: 'Input' top: 's' input_param { shape { dim: 2 dim: 4 } } }";
    let matrix = |name: &str, source: &str| {
        let loss = format!(
            "layer {{ name: 'loss' type: 'InfogainLoss' bottom: 's' bottom: 'l' top: 'loss'
             infogain_loss_param {{ source: '{source}' }} }}"
        );
        write(name, &[labels, &loss]);
    };
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/caffe/layers/infogain_source");
    let [file, other] = ["even", "odd"].map(|name| at(&format!("{name}.binaryproto")));
    std::fs::copy(format!("{golden}/infogain.binaryproto"), &file).expect("copied");
    std::fs::copy(format!("{golden}_axis/infogain.binaryproto"), &other).expect("copied");
    matrix("absolute", &file);
    matrix("beside", "./even.binaryproto");
    matrix("another", &other);
    assert!(prints(&["diff", &at("absolute"), &at("beside")]).contains("mean the same"));
    assert!(differs("beside", "another").starts_with("TRAIN and TEST: layer `loss`: "));

    // Definitions that are programs are told what they ask for, those that are not need not know of it.
    let [python, caffe] = ["siamese/tensorflow.py", "siamese/caffe.prototxt"].map(network);
    let told = ["--input-shape", "28,28,3"];
    assert!(prints(&[&["diff", &python, &python], &told[..]].concat()).contains("mean the same"));
    let output = cortado(&[&["diff", &python, &caffe], &told[..]].concat());
    let complaints = String::from_utf8(output.stderr).expect("text");
    assert!(!complaints.contains("W0627") && !output.stdout.is_empty(), "{complaints}");
    assert!(warned(&[&["diff", &caffe, &caffe], &told[..]].concat()).contains("W0627"));
}

#[test]
fn the_reference_speaks_the_words_of_the_dialect() {
    let shown = prints(&["layers", "Convolution"]);
    for part in [
        "convolution_param { ... }",
        "  num_output: a count; must be given",
        "  kernel_size (or kernel_h, kernel_w): counts, one for all axes or one for each; must be given",
        "  bias_term: true or false; true if not given",
        "  weight_filler { type, value,",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let shown = prints(&["layers", "Pooling"]);
    assert!(shown.contains("  pool: MAX, AVE, STOCHASTIC; MAX if not given"), "{shown}");
    let shown = prints(&["layers", "nn.SpatialConvolutionMM"]);
    assert!(
        shown.contains(
            "nn.SpatialConvolutionMM(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH)"
        ),
        "{shown}"
    );
    assert!(
        shown.contains("  kW: must be given") && shown.contains("  dW: 1 if not given"),
        "{shown}"
    );
    for name in ["Convolution", "Pooling", "Data", "LRN", "nn.Linear", "nn.SpatialMaxPooling"] {
        let shown = prints(&["layers", name]);
        for rust in ["usize", "Option<", "PerAxis", "Filler", "f64", "String", "::"] {
            assert!(!shown.contains(rust), "{name}: {rust}: {shown}");
        }
    }
}

#[test]
fn types_without_a_modern_name_are_not_converted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (old, new) = (folder.path().join("old.prototxt"), folder.path().join("new.prototxt"));
    let nets = [
        (
            "layers { layer { name: 'r' type: 'reluu' } bottom: 'x' top: 'y' }",
            "did you mean `relu`?",
        ),
        ("layers { name: 'r' type: RELUU bottom: 'x' top: 'y' }", "did you mean `RELU`?"),
        ("train_net_param { layers: [{ name: 'r' type: POOLINGS }] } base_lr: 1", "`POOLING`"),
    ];
    for (net, near) in nets {
        std::fs::write(&old, net).expect("written");
        let complaint = refused(&["convert", &text(old.clone()), &text(new.clone())]);
        assert!(complaint.contains("E0201") && complaint.contains(near), "{complaint}");
        assert!(!new.exists());
    }
    let taken =
        "layers { layer { name: 'i' type: 'images' new_height: -1 new_width: 5 pad: 1 } top: 'x' }";
    std::fs::write(&old, taken).expect("written");
    prints(&["convert", &text(old), &text(new.clone())]);
    let modern = std::fs::read_to_string(new).expect("written");
    assert!(modern.contains("new_height: 4294967295\n    new_width: 5\n"), "{modern}");
}

#[test]
fn misspelt_fields_are_told_from_those_that_are_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let net = folder.path().join("net.prototxt");
    let layers = [
        (
            "type: 'Eltwise' bottom: 'x' bottom: 'x' eltwise_param { op: SUM }",
            "did you mean `operation`?",
        ),
        (
            "type: 'Dropout' bottom: 'x' dropout_param { ratio: 0.4 }",
            "did you mean `dropout_ratio`?",
        ),
        ("type: 'Reshape' bottom: 'x' reshape_param { dims: 0 }", "`shape { dim: ... }`"),
    ];
    for (layer, help) in layers {
        let text = format!(
            "layer {{ name: 'x' type: 'Input' top: 'x' input_param {{ shape {{ dim: 2 dim: 3 }} }} }}
             layer {{ name: 'l' top: 'y' {layer} }}"
        );
        std::fs::write(&net, text).expect("written");
        let complaint = refused(&["check", &net.display().to_string()]);
        assert!(complaint.contains(help), "{complaint}");
        assert!(complaint.ends_with("1 error\n"), "{complaint}");
    }
}

/// A warning is one line.
#[test]
fn tensors_that_name_nothing_are_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let [net, tensors, out] =
        ["net.prototxt", "in.safetensors", "out"].map(|name| text(folder.path().join(name)));
    let layer = "layer { name: 'x' type: 'Input' top: 'x' } layer { name: 'y' type: 'AbsVal' bottom: 'x' top: 'y' }";
    std::fs::write(&net, layer).expect("written");
    let blob = Blob::new(vec![1], vec![-1.0]).expect("a number");
    let named = [("in.x", &blob), ("in.z", &blob)];
    write_safetensors(tensors.as_ref(), named).expect("written");
    let warning = warned(&["run", &net, "--tensors", &tensors, "-o", &out]);
    let expected = format!(
        "warning: {tensors}: tensor `in.z` names nothing in the net, and is left out; did you mean `in.x`?\n"
    );
    assert_eq!(warning, expected);
}

/// What a definition calls its layers says nothing to a terminal.
#[test]
fn names_are_shown_without_control_characters() {
    let folder = tempfile::tempdir().expect("a folder");
    let net = text(folder.path().join("net.prototxt"));
    let definition = r"name: 'a\033]0;x\007'
        layer { name: 'x\033[31m' type: 'Input' top: 'x\ny' input_param { shape { dim: 1 dim: 3 } } }
        layer { name: 'l' type: 'AbsVal' bottom: 'x\ny' top: 'l' }";
    std::fs::write(&net, definition).expect("written");
    for verb in [&["check", &net, "--plan"][..], &["time", &net, "--iterations", "1"]] {
        let said = prints(verb);
        assert!(!said.contains('\u{1b}') && !said.contains('\u{7}'), "{said:?}");
        assert!(said.starts_with(r"a\u001b]0;x\u0007 at "), "{said}");
        assert!(said.contains(r"x\u001b[31m"), "{said}");
    }
    assert!(prints(&["check", &net]).contains("x y: 1 x 3"));
    let json: serde_json::Value =
        serde_json::from_str(&prints(&["check", &net, "--json"])).expect("JSON");
    assert_eq!(json["stages"][0]["layers"][0]["name"], "x\u{1b}[31m", "{json:#}");
    assert!(refused(&["check", &net, "--step"]).contains(r"net `a\u001b]0;x\u0007` has no loss"));
}

#[test]
fn what_cannot_be_read_is_not_missing_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let net = text(folder.path().join("net.prototxt"));
    for layer in [
        r#"name: "a" type: "ReLU" bottom: "x" top: "#,
        r#"name: "a" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 3x }"#,
        r#"name: "a type: "ReLU" bottom: "x" top: "a""#,
    ] {
        let definition = format!(
            "layer {{ name: 'x' type: 'Input' top: 'x' input_param {{ shape {{ dim: 1 dim: 3 }} }} }}\nlayer {{ {layer} }}"
        );
        std::fs::write(&net, definition).expect("written");
        let complaint = refused(&["check", &net]);
        assert!(complaint.ends_with("\n1 error\n"), "{complaint}");
    }
}

#[test]
fn a_net_without_parameters_needs_no_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(folder.path().join(name));
    let write = |layer: &str| {
        let definition = format!(
            "layer {{ name: 'x' type: 'Input' top: 'x' input_param {{ shape {{ dim: 2 dim: 3 }} }} }}
             layer {{ name: 'y' bottom: 'x' top: 'y' {layer} }}"
        );
        std::fs::write(at("net.prototxt"), definition).expect("written");
    };
    let (net, out) = (at("net.prototxt"), at("y.json"));
    let data = at("data.safetensors");
    let blob = Blob::new(vec![1, 2, 3], vec![-1.5; 6]).expect("numbers");
    write_safetensors(data.as_ref(), [("x", &blob)]).expect("written");
    let verb = ["extract", &net, "--blobs", "y", "--tensors", &data, "-o", &out];
    write("type: 'AbsVal'");
    prints(&verb);
    let found = std::fs::read_to_string(&out).expect("features");
    assert!(found.contains("1.5"), "{found}");
    write("type: 'InnerProduct' inner_product_param { num_output: 2 }");
    assert!(refused(&verb).contains("give the weights of the net with --weights"));
}
