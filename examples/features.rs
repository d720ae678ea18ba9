//! What a net of Caffe makes of an image: `cargo run --release --example features -- NET.prototxt IMAGE [WEIGHTS]`.
//!
//! The image is not resized, and goes in as it is: pixels from 0 to 255, blue first. Without weights the net has those of
//! its fillers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cortado::data::images::Image;
use cortado::exec::SessionOptions;
use cortado::ir::NetState;
use cortado::pipeline::{self, Options};
use cortado::train::machine::{Machine, Purpose};
use cortado::ty::Shape;
use cortado::weights::{order, read_weights};
use cortado::{Error, Result};

/// The outputs of the net at its stage `deploy`, by name.
fn features(net: &Path, image: &Image, weights: Option<&Path>) -> Result<Vec<(String, Vec<f32>)>> {
    let [channels, height, width] = image.shape();
    let options = Options {
        stages: NetState::named("deploy").into_iter().collect(),
        shapes: [("data".to_owned(), Shape::from([1, channels, height, width]))].into(),
        ..Options::default()
    };
    let mut checked = pipeline::check_file(net, &options)?;
    if checked.diagnostics.has_errors() {
        return Err(Error::refused(checked.complaints()));
    }
    let env = pipeline::environment(&options, &pipeline::record_shape);
    let typed = checked.stages.remove(0);
    let mut machine = Machine::new(typed, &env, Purpose::FORWARD, &SessionOptions::default())?;
    machine.fill(1);
    if let Some(path) = weights {
        let given = read_weights(path, &order::places(&machine.typed, &[]))?;
        machine.take(path, &given, &[])?;
    }
    let pixels: Vec<f32> = image.pixels().iter().map(|&pixel| f32::from(pixel)).collect();
    machine.set("data", &pixels)?;
    machine.run()?;
    let names: Vec<String> =
        machine.planned.outputs.iter().map(|(name, ..)| name.clone()).collect();
    let values = |name: String| {
        let values = machine.output(&name).unwrap_or_default();
        (name, values)
    };
    Ok(names.into_iter().map(values).collect())
}

fn run() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(net), Some(image)) = (arguments.next(), arguments.next()) else {
        return Err(Error::refused("write: features NET.prototxt IMAGE [WEIGHTS]"));
    };
    for (name, values) in features(&net, &Image::load(&image)?, arguments.next().as_deref())? {
        println!("{name}: {values:?}");
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[test]
fn both_sides_of_a_pair_of_one_image_have_one_feature() {
    let net = Path::new(env!("CARGO_MANIFEST_DIR")).join("networks/siamese/caffe.prototxt");
    let digit: Vec<u8> = (0..784).map(|i| (i % 251) as u8).collect();
    let image = Image::new(3, 28, 28, digit.repeat(3)).expect("three planes of one digit");
    let found = features(&net, &image, None).expect("the net runs");
    let [(left, a), (right, b)] = &found[..] else { panic!("{found:?}") };
    assert_eq!([left.as_str(), right.as_str()], ["feat_left", "feat_right"]);
    assert_eq!(a, b);
    assert!(a.len() == 2 && a.iter().any(|&x| x != 0.0), "{a:?}");
}
