//! `infer --statistics`: the page of activations and parameters, and its figures.

use cortado::data::images::Image;
use serde_json::Value;

use super::{Place, prints, refused};

/// An image of 6 x 6 pixels of colour; what is left of it depends on `i`.
fn image(place: &Place, name: &str, i: usize) -> String {
    let pixels = (0..108).map(|at| ((at * 37 + i * 11) % 251) as u8).collect();
    let image = Image::new(3, 6, 6, pixels).expect("an image");
    image.save_png(&place.path(name)).expect("written");
    place.at(name)
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> [f64; 2] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    [mean, (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()]
}

#[track_caller]
fn near(found: &Value, expected: f64) {
    let found = found.as_f64().expect("a number");
    assert!(
        (found - expected).abs() <= 1e-5 * expected.abs().max(1.0),
        "{found} is not {expected}"
    );
}

/// What is told of a blob or a parameter of a layer.
fn array<'a>(reply: &'a Value, layer: &str, which: &str) -> &'a Value {
    let layers = reply["statistics"]["layers"].as_array().expect("layers");
    let layer = layers.iter().find(|told| told["name"] == layer).expect(layer);
    let all = ["parameters", "tops"].map(|part| layer[part].as_array().expect("arrays"));
    let found =
        all.into_iter().flatten().find(|told| told["role"] == which || told["name"] == which);
    found.unwrap_or_else(|| panic!("no {which}: {layer:#}"))
}

fn infer(arguments: &[&str]) -> Value {
    let reply = prints(&[&["infer"], arguments, &["--json"]].concat());
    serde_json::from_str(&reply).expect("JSON")
}

/// A Caffe net for use with blobs of all ranks.
const NET: &str = "name: 'ranks' input: 'data' input_shape { dim: 1 dim: 3 dim: 6 dim: 6 }
    layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv' convolution_param { num_output: 4 kernel_size: 3 } }
    layer { name: 'relu' type: 'ReLU' bottom: 'conv' top: 'conv' }
    layer { name: 'five' type: 'Reshape' bottom: 'conv' top: 'five' reshape_param { shape { dim: 1 dim: 2 dim: 2 dim: 4 dim: 4 } } }
    layer { name: 'two' type: 'Reshape' bottom: 'conv' top: 'two' reshape_param { shape { dim: 1 dim: 4 dim: 16 } } }
    layer { name: 'sum' type: 'Reduction' bottom: 'conv' top: 'sum' reduction_param { axis: 0 } }
    layer { name: 'log' type: 'Log' bottom: 'data' top: 'log' log_param { shift: -100 } }
    layer { name: 'ip' type: 'InnerProduct' bottom: 'five' top: 'ip' inner_product_param { num_output: 2 } }
    layer { name: 'again' type: 'InnerProduct' bottom: 'two' top: 'again' param { name: 'w' } param { name: 'b' }
      inner_product_param { num_output: 2 } }
    layer { name: 'twin' type: 'InnerProduct' bottom: 'two' top: 'twin' param { name: 'w' } param { name: 'b' }
      inner_product_param { num_output: 2 } }";

#[test]
fn the_figures_are_those_of_what_the_net_computes() {
    use cortado::weights::{Blob, write_safetensors};
    let place = Place::new();
    let net = place.write("net.prototxt", NET);
    let blob = |shape: &[usize], value: &dyn Fn(usize) -> f32| {
        let n = shape.iter().product();
        Blob { shape: shape.to_vec(), data: (0..n).map(value).collect() }
    };
    // Filter k takes the pixel in the middle of channel k, and the last one what none of these is.
    let filter = |at: usize| if at % 27 == 9 * (at / 27) + 4 { 1.0 } else { 0.0 };
    let weights = place.path("w.safetensors");
    let arrays = [
        ("param.conv.0", blob(&[4, 3, 3, 3], &filter)),
        ("param.conv.1", blob(&[4], &|i| [-90.0, 0.0, 0.0, 0.0][i])),
        ("param.ip.0", blob(&[2, 64], &|i| i as f32)),
        ("param.ip.1", blob(&[2], &|_| 0.5)),
        ("param.again.0", blob(&[2, 64], &|i| (i % 7) as f32)),
        ("param.again.1", blob(&[2], &|_| 0.0)),
    ];
    write_safetensors(&weights, arrays.iter().map(|(name, blob)| (*name, blob))).expect("written");
    let (a, page) = (image(&place, "a.png", 0), place.at("page.html"));
    let given = [&net, &a, "--weights", &super::text(weights)];
    let plain = infer(&given);
    let reply = infer(&[&given[..], &["--statistics", &page]].concat());
    assert_eq!(reply["outputs"], plain["outputs"]);

    let pixels: Vec<f64> = (0..108).map(|at| (at * 37 % 251) as f64).collect();
    let told = array(&reply, "input", "data");
    assert_eq!(told["shape"], serde_json::json!([3, 6, 6]));
    let [mean, deviation] = moments(&pixels);
    near(&told["mean"], mean);
    near(&told["deviation"], deviation);
    // The convolution has the four middle rows and columns of each channel, without what its ReLU does to it.
    let middle = |channel: usize| {
        let places = (1..5).flat_map(|y| (1..5).map(move |x| 6 * y + x));
        places.map(move |at| 36 * channel + at).collect::<Vec<usize>>()
    };
    let mut conv: Vec<f64> =
        (0..3).flat_map(|c| middle(c).into_iter().map(|at| pixels[at])).collect();
    conv[..16].iter_mut().for_each(|x| *x -= 90.0);
    conv.extend([0.0; 16]);
    let relu: Vec<f64> = conv.iter().map(|x| x.max(0.0)).collect();
    for (layer, top, values, shape) in [
        ("conv", "conv", &conv, vec![4, 4, 4]),
        ("relu", "conv", &relu, vec![4, 4, 4]),
        ("five", "five", &relu, vec![2, 2, 4, 4]),
        ("two", "two", &relu, vec![4, 16]),
        ("sum", "sum", &vec![relu.iter().sum()], vec![]),
    ] {
        let told = array(&reply, layer, top);
        assert_eq!(told["shape"], serde_json::json!(shape), "{layer}");
        let [mean, deviation] = moments(values);
        near(&told["mean"], mean);
        near(&told["deviation"], deviation);
        near(&told["max"], values.iter().copied().fold(f64::MIN, f64::max));
        near(&told["min"], values.iter().copied().fold(f64::MAX, f64::min));
        let counts = told["histogram"]["counts"].as_array().expect("counts");
        let all: u64 = counts.iter().filter_map(Value::as_u64).sum();
        assert_eq!((counts.len(), all), (20, values.len() as u64));
    }
    // Of numbers below 100 there is no logarithm, of 100 it is infinite.
    let odd = pixels.iter().filter(|x| **x <= 100.0).count();
    assert_eq!(array(&reply, "log", "log")["not_finite"], odd);
    let weight = array(&reply, "ip", "weight");
    near(&weight["mean"], 63.5);
    assert_eq!(
        (&weight["count"], &weight["shape"]),
        (&Value::from(128), &serde_json::json!([2, 64]))
    );
    assert_eq!(array(&reply, "twin", "weight")["shared_with"], "again");
    assert_eq!(array(&reply, "again", "weight")["shared_with"], Value::Null);
    assert_eq!(reply["statistics"]["parameters"], 112 + 130 + 130);

    let html = std::fs::read_to_string(&page).expect("a page");
    assert!(html.contains("372 learned parameters") && html.contains("shared with again"));
    assert!(html.contains(&format!("<b>{odd} are no finite numbers</b>")), "{html}");
    // 13 blobs of 10 layers, 6 parameters of their own, in pictures that can be read; nothing is from elsewhere.
    assert_eq!(html.matches("<img ").count(), 10 + 6, "{html}");
    assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
    assert!(html.contains("prefers-color-scheme:dark") && html.contains("<h1>ranks</h1>"));

    let b = image(&place, "b.png", 1);
    let many = refused(&["infer", &net, &a, &b, "--weights", given[3], "--statistics", &page]);
    assert!(many.contains("--statistics is of one image"), "{many}");
    let output = super::cortado(&["infer", &net, &a, "--statistics", &place.at("page.txt")]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn programs_and_pairs_have_their_pages() {
    let place = Place::new();
    let lines: String = (0..8)
        .map(|i| {
            image(&place, &format!("{i}.png"), i);
            format!("{i}.png {}\n", i % 2)
        })
        .collect();
    let list = place.write("list.txt", lines);
    let root = format!("{}/", super::text(place.0.path().into()));
    prints(&["convert-imageset", &root, &list, &place.at("db")]);
    let lua = "require 'nn'
        return function(params)
          local net = nn.Sequential():add(nn.SpatialConvolution(3, 4, 3, 3)):add(nn.ReLU()):add(nn.View(-1, 64))
          net:add(nn.Linear(64, 2)):add(nn.LogSoftMax())
          return { model = net, loss = nn.ClassNLLCriterion() }
        end";
    let python = "from model import Tower\nfrom utils import model_property\nimport tensorflow as tf
import tensorflow.contrib.slim as slim\nimport utils as digits\n
class UserModel(Tower):
    @model_property
    def inference(self):
        net = slim.conv2d(self.x, 4, [3, 3], padding='VALID', scope='conv1')
        return slim.fully_connected(slim.flatten(net), self.nclasses, activation_fn=None, scope='fc')
    @model_property
    def loss(self):
        return digits.classification_loss(self.inference, self.y)
";
    for (name, text, filters) in [("net.lua", lua, [4, 3, 3, 3]), ("net.py", python, [3, 3, 3, 4])]
    {
        place.write(name, text);
        let solver = if name == "net.lua" { "method: sgd" } else { "optimizer: sgd" };
        let run = format!(
            "network: {name}\ndataset:\n  train: {{ images: db }}\n  classes: 2\n\
             train: {{ iterations: 1, batch_size: 4, solver: {{ {solver} }} }}\noutput: {}\n",
            place.at(&format!("out-{name}"))
        );
        let run = place.write(&format!("{name}.yaml"), run);
        prints(&["train", &run]);
        let page = place.at("page.html");
        let plain = infer(&[&run, &place.at("3.png")]);
        let reply = infer(&[&run, &place.at("3.png"), "--statistics", &page]);
        let flat = |reply: &Value| -> Vec<f64> {
            let outputs = reply["outputs"].as_object().expect("outputs").values();
            let rows = outputs.flat_map(|rows| rows[0].as_array().expect("a row"));
            rows.filter_map(Value::as_f64).collect()
        };
        for (a, b) in flat(&plain).iter().zip(flat(&reply)) {
            assert!((a - b).abs() < 1e-5, "{name}: {plain} {reply}");
        }
        let layers = reply["statistics"]["layers"].as_array().expect("layers");
        let all = |part: &str| -> Vec<&Value> {
            layers.iter().flat_map(|layer| layer[part].as_array().expect("arrays")).collect()
        };
        let shapes =
            |part: &str| -> Vec<Value> { all(part).iter().map(|a| a["shape"].clone()).collect() };
        let (parameters, tops) = (shapes("parameters"), shapes("tops"));
        assert!(parameters.contains(&serde_json::json!(filters)), "{name}: {parameters:?}");
        assert!(tops.contains(&serde_json::json!([4, 4, 4])), "{name}: {tops:?}");
        assert!(tops.contains(&serde_json::json!([2])), "{name}: {tops:?}");
        assert_eq!(reply["statistics"]["parameters"], 112 + 130, "{name}");
        // The pixels go in as they are.
        let pixels: Vec<f64> = (0..108).map(|at| ((at * 37 + 33) % 251) as f64).collect();
        near(&all("tops")[0]["mean"], moments(&pixels)[0]);
        assert!(std::fs::read_to_string(&page).expect("a page").matches("<img ").count() >= 8);
    }

    let place = Place::new();
    let data = "images: db/train_images, labels: db/train_labels";
    place.pairs(32, |i| i % 2);
    let run =
        place.run("run.yaml", data, "iterations: 1, batch_size: 16, solver: { base_lr: 0.01 }");
    prints(&["train", &run]);
    let page = place.at("pair.html");
    let said = prints(&[
        "infer",
        &run,
        "--pairs",
        &place.at("1.png"),
        &place.at("2.png"),
        "--statistics",
        &page,
    ]);
    assert!(said.ends_with(&format!("statistics: {page}\n")), "{said}");
    let html = std::fs::read_to_string(&page).expect("a page");
    for part in ["f_left", "shared with f_left", "1.png", "2.png", "learned parameters"] {
        assert!(html.contains(part), "{part}: {html}");
    }
}
