//! `cortado infer`: images through a trained net, outputs in DIGITS' form.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{complain_about, say};
use crate::data::images::Image;
use crate::error::{Error, Result};
use crate::exec::{Device, SessionOptions};
use crate::job::clusters::Measure;
use crate::job::inference::{Inference, Outputs};

/// Arguments of `infer`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The run file that the net was trained with
    run: PathBuf,
    /// Images
    images: Vec<PathBuf>,
    /// A file with the path of an image on every line; a number at the end of a line is passed over
    #[arg(long)]
    list: Option<PathBuf>,
    /// Weights, instead of the last snapshot of the run
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// cpu or cuda:0
    #[arg(long, default_value = "cpu")]
    device: Device,
    /// Threads; 0 takes one for each core
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut paths = arguments.images.clone();
    if let Some(list) = &arguments.list {
        paths.extend(listed(list)?);
    }
    if paths.is_empty() {
        return Err(Error::refused("there is no image; name some, or give --list"));
    }
    let options = SessionOptions { device: arguments.device, threads: arguments.threads, seed: 0 };
    let opened = Inference::open(&arguments.run, arguments.weights.as_deref(), &options)?;
    let mut net = match opened {
        Ok(net) => net,
        Err((sources, diagnostics)) => return complain_about(&diagnostics, &sources),
    };
    let mut results: Vec<Outputs> = vec![];
    for part in paths.chunks(256) {
        let images: Result<Vec<Vec<f32>>> =
            part.iter().map(|path| net.prepare(Image::load(path)?)).collect();
        results.extend(net.run(&images?)?);
    }
    let measure = net.measure;
    net.finish()?;
    if arguments.json {
        return say(as_json(&paths, &results, arguments.list.is_some(), measure));
    }
    for (path, outputs) in paths.iter().zip(&results) {
        say(path.display())?;
        for (name, values) in outputs {
            let shown: Vec<String> = values.iter().take(16).map(|v| format!("{v:.6}")).collect();
            let more = if 16 < values.len() { " ..." } else { "" };
            say(format_args!("  {name} = [{}{more}]", shown.join(", ")))?;
        }
        if let Some(apart) = twins_apart(outputs, measure) {
            match measure {
                Measure::Distance => say(format_args!("  distance = {apart:.6}"))?,
                Measure::Angle => say(format_args!("  angle = {apart:.4} degrees"))?,
            }
        }
    }
    Ok(())
}

/// DIGITS' reply: for one image `{"outputs": {blob: [[...]]}}`, for many by path and without the batch axis.
fn as_json(paths: &[PathBuf], results: &[Outputs], many: bool, measure: Measure) -> Value {
    let blobs = |outputs: &Outputs, batched: bool| -> Map<String, Value> {
        let value = |v: &Vec<f32>| if batched { json!([v]) } else { json!(v) };
        outputs.iter().map(|(name, values)| (name.clone(), value(values))).collect()
    };
    if let ([outputs], false) = (results, many) {
        let mut reply = json!({ "outputs": blobs(outputs, true) });
        if let Some(apart) = twins_apart(outputs, measure) {
            let name = if measure == Measure::Angle { "angle" } else { "distance" };
            reply[name] = json!(apart);
        }
        return reply;
    }
    let by_path: Map<String, Value> = paths
        .iter()
        .zip(results)
        .map(|(path, outputs)| (path.display().to_string(), blobs(outputs, false).into()))
        .collect();
    json!({ "outputs": by_path })
}

/// How far two outputs of one length are apart by what the net was trained on: their distance, or their angle in degrees.
fn twins_apart(outputs: &Outputs, measure: Measure) -> Option<f64> {
    let [(_, a), (_, b)] = &outputs[..] else { return None };
    (a.len() == b.len()).then(|| measure.between(a, b))
}

/// The paths of a list, as DIGITS reads it: relative ones are relative to the list.
fn listed(list: &Path) -> Result<Vec<PathBuf>> {
    let text = crate::pipeline::read_text(list)?;
    let base = list.parent().map(PathBuf::from).unwrap_or_default();
    let path = |line: &str| {
        let line = line.trim();
        let without = line.rsplit_once(char::is_whitespace).filter(|(head, tail)| {
            !head.is_empty() && !tail.is_empty() && tail.bytes().all(|b| b.is_ascii_digit())
        });
        let name = without.map_or(line, |(head, _)| head.trim_end());
        let path = PathBuf::from(name);
        if path.is_relative() && !path.exists() { base.join(path) } else { path }
    };
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(path).collect())
}
