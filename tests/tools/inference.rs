//! Images through trained nets: what is done to an image, which weights are taken, and what is said of embeddings.

use std::path::Path;

use cortado::data::images::Image;
use cortado::weights::{Blob, write_binaryproto, write_safetensors};
use serde_json::Value;

use super::{Place, cortado, prints, refused, text, warned};

impl Place {
    fn image(&self, name: &str, image: &Image) -> String {
        image.save_png(&self.path(name)).expect("written");
        self.at(name)
    }

    /// A net whose `ip` is the sum of what it takes; `data` are the layers that bring it.
    fn sum(&self, name: &str, data: &str) -> String {
        let ip =
            "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param {
              num_output: 1 weight_filler { type: 'constant' value: 1 } } }
            layer { name: 'loss' type: 'EuclideanLoss' bottom: 'ip' bottom: 'label' top: 'loss' }";
        self.write(name, format!("{data}\n{ip}"))
    }

    /// The weights of such a net for `n` values, as a file.
    pub(super) fn ones(&self, name: &str, outputs: usize, n: usize, value: f32) -> String {
        let weights = Blob { shape: vec![outputs, n], data: vec![value; outputs * n] };
        let bias = Blob { shape: vec![outputs], data: (0..outputs).map(|i| i as f32).collect() };
        let path = self.path(name);
        write_safetensors(&path, [("param.ip.0", &weights), ("param.ip.1", &bias)])
            .expect("written");
        text(path)
    }

    fn mean(&self, name: &str, shape: [usize; 3], value: impl Fn(usize) -> f32) -> String {
        let n = shape.iter().product();
        let blob = Blob { shape: [&[1][..], &shape].concat(), data: (0..n).map(value).collect() };
        write_binaryproto(&self.path(name), &blob).expect("written");
        self.at(name)
    }

    /// The only value of an output for an image.
    fn infer(&self, arguments: &[&str]) -> f32 {
        let shown = prints(&[&["infer"], arguments, &["--json"]].concat());
        let reply: Value = serde_json::from_str(&shown).expect("JSON");
        reply["outputs"]["ip"][0][0].as_f64().expect("a number") as f32
    }
}

/// Pixels that differ everywhere.
fn colourful(height: usize, width: usize) -> Image {
    let pixels = (0..3 * height * width).map(|i| (i * 37 % 251) as u8).collect();
    Image::new(3, height, width, pixels).expect("an image")
}

fn near(found: f32, expected: f32) {
    assert!((found - expected).abs() < 1e-3 * expected.abs().max(1.0), "{found} is not {expected}");
}

#[test]
fn an_image_is_transformed_as_the_data_layer_does_it_in_a_test() {
    let place = Place::new();
    let image = colourful(6, 5);
    place.image("a.png", &image);
    let list = place.write("list.txt", "a.png 1\n");
    prints(&[
        "convert-imageset",
        &format!("{}/", text(place.0.path().into())),
        &list,
        &place.at("db"),
    ]);
    place.mean("mean.binaryproto", [3, 6, 5], |i| i as f32 * 0.5);
    let channel = |i: usize| [3.0, 5.0, 7.0][i / 30];
    let in_the_middle = |i: usize| (1..4).contains(&(i % 30 / 5)) && (1..4).contains(&(i % 5));
    let whole = |_: usize| true;
    type Case<'a> = (&'a str, &'a str, &'a dyn Fn(usize) -> f32, f32, &'a dyn Fn(usize) -> bool);
    let image_mean = |i: usize| i as f32 * 0.5;
    let cases: [Case; 5] = [
        ("scale: 0.25 mirror: true", "", &|_| 0.0, 0.25, &whole),
        (
            "crop_size: 3 mean_file: 'mean.binaryproto' scale: 2",
            "",
            &image_mean,
            2.0,
            &in_the_middle,
        ),
        (
            "crop_size: 3 mean_value: 3 mean_value: 5 mean_value: 7",
            "",
            &channel,
            1.0,
            &in_the_middle,
        ),
        ("mean_value: 4", "", &|_| 4.0, 1.0, &whole),
        ("crop_size: 3 mean_value: 9", "mean: mean.binaryproto", &image_mean, 1.0, &in_the_middle),
    ];
    for (i, (param, mean, subtracted, scale, used)) in cases.into_iter().enumerate() {
        let data = format!(
            "layer {{ name: 'data' type: 'Data' top: 'data' top: 'label' transform_param {{ {param} }}
               data_param {{ source: 'nowhere' batch_size: 1 backend: LMDB }} }}"
        );
        place.sum("net.prototxt", &data);
        let run = place.write(
            "run.yaml",
            format!(
                "network: net.prototxt\ndataset:\n  train: {{ images: db }}\n  {mean}\n\
                 train: {{ iterations: 1, solver: {{ base_lr: 0 }} }}\noutput: {}\n",
                place.at(&format!("out{i}"))
            ),
        );
        prints(&["train", &run]);
        let pixels = image.pixels().iter().enumerate().filter(|(i, _)| used(*i));
        let expected: f32 = pixels.map(|(i, &x)| (f32::from(x) - subtracted(i)) * scale).sum();
        near(place.infer(&[&run, &place.at("a.png")]), expected);
        // The snapshot and the layer's own words are enough for the net alone, where they tell the size.
        if param.contains("crop") {
            let weights = place.at(&format!("out{i}/snapshot_iter_1.safetensors"));
            let layer = data.replace("nowhere", &place.at("db"));
            let net = place.sum("alone.prototxt", &layer);
            let given = match mean {
                "" => vec![],
                _ => vec!["--mean".to_owned(), place.at("mean.binaryproto")],
            };
            let mut all: Vec<&str> = vec![&net];
            let picture = place.at("a.png");
            all.extend([&picture, "--weights", &weights]);
            all.extend(given.iter().map(String::as_str));
            near(place.infer(&all), expected);
        }
    }
}

/// A deploy net of the first years with an input of `4 x 4`, two classes: the sum of the pixels, and that plus 1.
pub(super) fn deploy(place: &Place) -> [String; 2] {
    let net = "name: 'old' input: 'data' input_dim: 10 input_dim: 3 input_dim: 4 input_dim: 4
        layers { name: 'ip' type: INNER_PRODUCT bottom: 'data' top: 'ip' inner_product_param { num_output: 2 } }";
    [place.write("deploy.prototxt", net), place.ones("ones.safetensors", 2, 48, 1.0)]
}

#[test]
fn a_deploy_net_is_run_as_caffe_classifies() {
    let place = Place::new();
    let [net, weights] = deploy(&place);
    let image = colourful(4, 4);
    let first = place.image("first.png", &image);
    let second = place.image("second.png", &Image::new(1, 9, 7, vec![10; 63]).expect("an image"));
    let total: f32 = image.pixels().iter().map(|&x| f32::from(x)).sum();
    near(place.infer(&[&net, &first, "--weights", &weights]), total);
    // Whatever the declared batch is, there are as many results as images; grey is all three colours.
    let both = prints(&["infer", &net, &first, &second, "--weights", &weights]);
    assert!(both.contains(&format!("[{total:.6}, {:.6}]", total + 1.0)), "{both}");
    assert!(both.contains("[480.000000, 481.000000]"), "{both}");
    assert_eq!(both.matches("ip = ").count(), 2);
    // A larger mean counts by its means, 1, 2 and 3; one of the input's size by its pixels.
    let large = place.mean("large.binaryproto", [3, 6, 6], |i| {
        (i / 36 + 1) as f32 + if i % 2 == 0 { 0.5 } else { -0.5 }
    });
    near(place.infer(&[&net, &first, "--weights", &weights, "--mean", &large]), total - 16.0 * 6.0);
    let fitting = place.mean("fitting.binaryproto", [3, 4, 4], |i| i as f32);
    near(place.infer(&[&net, &first, "--weights", &weights, "--mean", &fitting]), total - 1128.0);
    // A run file says the same.
    let run = place.write("run.yaml", "network: deploy.prototxt\ndataset: { mean: large.binaryproto }\nweights: ones.safetensors\n");
    near(place.infer(&[&run, &first]), total - 16.0 * 6.0);
    let grey = place.mean("grey.binaryproto", [1, 6, 6], |_| 1.0);
    let complaint = refused(&["infer", &net, &first, "--weights", &weights, "--mean", &grey]);
    assert!(
        complaint.contains("the mean image is 1 x 1 x 6 x 6, the net takes images of 3 x 4 x 4"),
        "{complaint}"
    );
}

#[test]
fn images_of_a_list_that_cannot_be_read_are_left_out() {
    let place = Place::new();
    let [net, weights] = deploy(&place);
    let good = place.image("good.png", &Image::new(1, 4, 4, vec![1; 16]).expect("an image"));
    place.write("broken.png", "no image");
    let list = place.write("list.txt", "missing.png 3\ngood.png 1\n\nbroken.png 0\n");
    let all = ["infer", &net, "--weights", &weights, "--list", &list];
    let told = warned(&all);
    assert!(told.contains("list.txt: line 1: cannot read "), "{told}");
    assert!(
        told.contains("list.txt: line 4: ") && told.contains("broken.png: is not an image"),
        "{told}"
    );
    assert!(told.contains("2 images could not be read and are left out"), "{told}");
    let shown = prints(&all);
    assert_eq!(shown, format!("{good}\n  ip = [48.000000, 49.000000]\n"));
    let reply: Value =
        serde_json::from_str(&prints(&[&all[..], &["--json"]].concat())).expect("JSON");
    assert_eq!(reply["outputs"].as_object().map(|outputs| outputs.len()), Some(1));
    // An image that is named on the command line is wanted, and a list of none is a mistake.
    refused(&["infer", &net, &place.at("broken.png"), "--weights", &weights]);
    place.write("list.txt", "missing.png\n");
    let complaint = refused(&all);
    assert!(complaint.contains("none of its images (1) can be read; line 1: "), "{complaint}");
}

#[test]
fn a_list_of_images_tells_their_size() {
    let place = Place::new();
    let image = colourful(6, 5);
    let picture = place.image("a.png", &image);
    place.write("list.txt", "a.png 1\n");
    let data = "layer { name: 'data' type: 'ImageData' top: 'data' top: 'label' transform_param { scale: 0.5 CROP }
        image_data_param { source: 'list.txt' batch_size: 1 } }";
    let of = |used: &dyn Fn(usize) -> bool| -> f32 {
        let pixels = image.pixels().iter().enumerate().filter(|(i, _)| used(*i));
        pixels.map(|(_, &x)| f32::from(x) * 0.5).sum()
    };
    let net = place.sum("net.prototxt", &data.replace("CROP", ""));
    let weights = place.ones("all.safetensors", 1, 90, 1.0);
    near(place.infer(&[&net, &picture, "--weights", &weights]), of(&|_| true));
    let net = place.sum("crop.prototxt", &data.replace("CROP", "crop_size: 3"));
    let weights = place.ones("crop.safetensors", 1, 27, 1.0);
    let inside = |i: usize| (1..4).contains(&(i % 30 / 5)) && (1..4).contains(&(i % 5));
    near(place.infer(&[&net, &picture, "--weights", &weights]), of(&inside));
}

#[test]
fn classes_have_names() {
    let place = Place::new();
    let [net, weights] = deploy(&place);
    let picture = place.image("a.png", &Image::new(1, 4, 4, vec![1; 16]).expect("an image"));
    let labels = place.write("labels.txt", "n01 tabby, tabby cat\nn02 dog\n");
    let told =
        |more: &[&str]| prints(&[&["infer", &net, &picture, "--weights", &weights], more].concat());
    let both = told(&["--labels", &labels]);
    assert_eq!(both, format!("{picture}\n  49.0000  n02 dog\n  48.0000  n01 tabby, tabby cat\n"));
    assert_eq!(
        told(&["--labels", &labels, "--top", "1"]),
        format!("{picture}\n  49.0000  n02 dog\n")
    );
    assert_eq!(told(&["--top", "1"]), format!("{picture}\n  49.0000  class 1\n"));
    let reply: Value = serde_json::from_str(&told(&["--labels", &labels, "--json"])).expect("JSON");
    assert_eq!(reply["predictions"][0], serde_json::json!(["n02 dog", 49.0]));
    let few = place.write("few.txt", "one\n");
    let complaint = refused(&["infer", &net, &picture, "--weights", &weights, "--labels", &few]);
    assert!(complaint.contains("few.txt: has 1 names, and `ip` has 2 values"), "{complaint}");
}

#[test]
fn what_cannot_be_inferred_with_is_named() {
    let place = Place::new();
    let [net, weights] = deploy(&place);
    let solver =
        place.write("solver.prototxt", "net: 'deploy.prototxt' base_lr: 0.1 lr_policy: 'fixed'");
    let lua = place.write("net.lua", "return 1");
    let run = place.write("run.yaml", "network: deploy.prototxt\n");
    let check = |arguments: &[&str], expected: &str| {
        let complaint = refused(&[&["infer"], arguments, &["x.png"]].concat());
        assert!(complaint.contains(expected), "{complaint}");
    };
    check(
        &[&solver, "--weights", &weights],
        "solver.prototxt: is a solver; name the net that it trains",
    );
    check(
        &[&lua, "--weights", &weights],
        "net.lua: is told the shape of an image: say it by --input-shape 3,224,224, or write a run file",
    );
    check(&[&net], "deploy.prototxt: give the net's weights with --weights");
    check(&[&run], "there is no snapshot");
    check(&[&run], "run/*_iter_N.safetensors; train first, or give --weights");
    let complaint = refused(&["clusters", &net]);
    assert!(complaint.contains("deploy.prototxt: is no run file"), "{complaint}");
}

/// Files of IDX images of 4 x 4 pixels, and their labels.
fn idx(place: &Place, n: u8) -> [String; 2] {
    let images =
        [&[0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 4, 0, 0, 0, 4][..], &vec![9; 16 * usize::from(n)]]
            .concat();
    let labels =
        [&[0, 0, 8, 1, 0, 0, 0, n][..], &(0..n).map(|i| i % 2).collect::<Vec<_>>()].concat();
    [place.write("images.idx", images), place.write("labels.idx", labels)]
}

#[test]
fn an_embedding_without_numbers_or_without_differences_is_no_good_one() {
    let place = Place::new();
    deploy(&place);
    let [images, labels] = idx(&place, 40);
    let run = place.write("run.yaml", "network: deploy.prototxt\n");
    let with = |value: f32| {
        let weights = place.ones("w.safetensors", 2, 48, value);
        let picture = place.at("clusters.svg");
        cortado(&[
            "clusters",
            &run,
            "--images",
            &images,
            "--labels",
            &labels,
            "--weights",
            &weights,
            "-o",
            &picture,
        ])
    };
    let collapsed = with(0.0);
    let shown = String::from_utf8_lossy(&collapsed.stdout);
    assert!(shown.contains("pairs 0.5000 at distance 0.000  AUC 0.5000"), "{shown}");
    let more = ["--images", &images, "--labels", &labels, "--weights", &place.at("w.safetensors")];
    for (name, known) in [("iq", "did you mean `ip`?"), ("feature", "it has `ip`")] {
        let complaint = refused(&[&["clusters", &run, "--blob", name], &more[..]].concat());
        assert!(
            complaint.contains(&format!("the net has no output `{name}`; {known}")),
            "{complaint}"
        );
    }
    let diverged = with(f32::NAN);
    let complaint = String::from_utf8_lossy(&diverged.stderr);
    assert_eq!(diverged.status.code(), Some(1));
    assert!(complaint.contains("images.idx: the net gives [NaN, NaN] for image 0"), "{complaint}");
}

#[test]
fn other_pairs_than_those_that_are_there_are_an_error() {
    let place = Place::new();
    idx(&place, 8);
    place.sum("net.prototxt", "");
    let out = place.at("out");
    let run = place.write(
        "run.yaml",
        "network: net.prototxt\ndataset:\n  pairs: { images: images.idx, labels: labels.idx, count: 4, val_count: 2 }\n\
         train: { iterations: 1, solver: { base_lr: 0 } }\n",
    );
    prints(&["train", &run, "-o", &out]);
    prints(&["train", &run, "-o", &out]);
    let made = || std::fs::read(Path::new(&out).join("pairs/made_of.json")).expect("written");
    let before = made();
    let set = ["--set", "dataset.pairs.count=6", "--set", "dataset.pairs.seed=9"];
    let complaint = refused(&[&["train", &run, "-o", &out], &set[..]].concat());
    let expected = "pairs: holds other pairs than the run file asks for: count is 6 and was 4, seed is 9 and was 0; remove";
    assert!(complaint.contains(expected), "{complaint}");
    assert_eq!(made(), before);
    prints(&[&["train", &run, "-o", &place.at("other")], &set[..]].concat());
}

#[test]
fn what_the_net_sees_is_explained() {
    let place = Place::new();
    let image = Image::new(3, 2, 4, (0..24).map(|i| i as u8 * 10).collect()).expect("an image");
    let image = place.image("cat.png", &image);
    let net = place.write(
        "deploy.prototxt",
        "input: 'data' input_shape { dim: 1 dim: 3 dim: 2 dim: 2 }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param { num_output: 1 } }",
    );
    let weights = place.ones("w.safetensors", 1, 12, 1.0);
    let mean = place.mean("mean.binaryproto", [3, 2, 2], |i| [50.0, 100.0, 150.0][i / 4]);
    let seen = place.at("seen");
    let run = |options: &[&str]| {
        let always = ["infer", &net, &image, "--weights", &weights, "--explain-input", &seen];
        cortado(&[&always[..], options].concat())
    };
    let output = run(&["--mean", &mean]);
    let shown = String::from_utf8(output.stdout).expect("text");
    for part in [
        "as the net takes it, 3 x 2 x 2\n",
        "  read: colour, 2 rows, 4 columns\n",
        "  resized to 2 rows, 2 columns, as OpenCV does it; 2.00 times as high for its width",
        "  a mean image of 1 x 3 x 2 x 2 subtracted pixel by pixel\n",
        "  not scaled\n",
        "  given as blue, green, red\n",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    assert!(output.stderr.is_empty());
    // Columns 0 to 3 become the means of two: 5 and 25 in the first row, 45 and 65 in the second.
    let blue = shown.lines().find(|line| line.trim_start().starts_with("blue")).expect("a line");
    let numbers: Vec<f64> =
        blue.split_whitespace().skip(1).map(|x| x.parse().expect("a number")).collect();
    assert_eq!(numbers, [-45.0, -15.0, 15.0, 22.3607]);
    let picture = Image::load(&place.path("seen/cat.png")).expect("a picture");
    // The numbers of all channels lie between -45 and 75 - 0 ... : blue -45 is the smallest, red 225 - 150 = 75 the largest.
    assert_eq!((picture.shape(), picture.pixels()[0], picture.pixels()[11]), ([3, 2, 2], 0, 255));
    assert_eq!(picture.pixels()[3], 128);

    let output = run(&["--json"]);
    let warning = String::from_utf8(output.stderr).expect("text");
    assert!(warning.contains("pixels go in as 0 to 255, without mean and scale"), "{warning}");
    let reply: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let input = &reply["inputs"][&image];
    assert_eq!(input["channels"][2]["name"], "red");
    assert_eq!(input["channels"][2]["max"], 225.0);
    assert_eq!(input["shape"], serde_json::json!([3, 2, 2]));
    let small = place.mean("small.binaryproto", [3, 2, 2], |_| 0.5);
    let warning = String::from_utf8(run(&["--mean", &small]).stderr).expect("text");
    assert!(warning.contains("the mean is 0.5 at most"), "{warning}");
}
