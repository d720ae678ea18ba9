//! `cortado infer`: images through a trained net, outputs in DIGITS' form, or the likeliest classes by their names.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::explain_input::Explained;
use super::processor::Processor;
use super::{counted, say, sound, warn};
use crate::error::{Error, Result};
use crate::file::write_atomically;
use crate::front::Request;
use crate::job::clusters::Measure;
use crate::job::inference::{Beside, Given, Inference, Outputs, Pixels};
use crate::report::statistics::{Told, page};

/// Arguments of `infer`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The run file that the net was trained with, or a net alone, such as a deploy.prototxt, or a Lua definition with
    /// --input-shape
    run: PathBuf,
    /// Images. A net of pairs, of 2 or 6 channels, takes a picture that shows two side by side, or see --pairs
    images: Vec<PathBuf>,
    /// Take the images in twos, for a net of pairs or one with two inputs of images
    #[arg(long, conflicts_with = "list")]
    pairs: bool,
    /// What another input of the net takes, beside the images: rois=0,10,10,100,100 (numbers), second=b.png (an image, the same
    /// for all) or rois=rois.npy (.npy, .safetensors, .json, .binaryproto); once for each such input
    #[arg(long = "input", value_name = "NAME=FILE|NUMBERS", value_parser = Given::parse, allow_hyphen_values = true)]
    inputs: Vec<Given>,
    /// A file with the path of an image on every line; a number at the end of a line is passed over. Images of it that
    /// cannot be read are named and left out
    #[arg(long)]
    list: Option<PathBuf>,
    /// Weights, instead of the last snapshot of the run
    #[arg(long)]
    weights: Option<PathBuf>,
    /// The mean image (.binaryproto or .npy), instead of the run file's; one of another size than the net's input is subtracted by
    /// its mean in each channel, as Caffe's example cpp_classification does. Or, for a net alone, the mean of each channel in the
    /// net's order: 104,117,123
    #[arg(long, value_name = "FILE|NUMBERS", value_parser = mean, allow_hyphen_values = true)]
    mean: Option<Mean>,
    /// Multiply the pixels of 0 to 255 by this, after the mean is subtracted, for a net alone: 0.00390625 for a net that was
    /// trained on values from 0 to 1. Caffe's classify.py calls it input_scale
    #[arg(long, alias = "input_scale", allow_hyphen_values = true)]
    scale: Option<f32>,
    /// The order in which a net alone takes the channels of colour; bgr if not given, as Caffe's nets do
    #[arg(long, value_enum)]
    channels: Option<Order>,
    /// Resize images to this, such as 256 or 256x320, and cut the middle out, for a net alone; to the size of the input if
    /// not given
    #[arg(long, value_name = "SIDE|HxW", value_parser = size)]
    resize: Option<[usize; 2]>,
    /// Names of the classes, one a line, such as synset_words.txt: shows the likeliest ones
    #[arg(long)]
    labels: Option<PathBuf>,
    /// How many classes are shown; 5 if not given
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    top: Option<u64>,
    /// Say what becomes of every image until the net takes it, with the numbers that arrive, and write these as pictures
    /// into this folder
    #[arg(long, value_name = "FOLDER")]
    explain_input: Option<PathBuf>,
    /// Write a page, an .html, with what every layer computes for the image and with its parameters: mean, deviation, range,
    /// histogram and picture of each, as DIGITS' "Show visualizations and statistics". One image, or one pair with --pairs
    #[arg(long, value_name = "PAGE.html", conflicts_with = "list", value_parser = page_name)]
    statistics: Option<PathBuf>,
    #[command(flatten)]
    definition: super::definition::Arguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    processor: Processor,
}

/// A mean image, or a number for each channel.
#[derive(Clone, Debug)]
enum Mean {
    File(PathBuf),
    Values(Vec<f32>),
}

fn mean(text: &str) -> Result<Mean, String> {
    let numbers: Result<Vec<f32>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    match numbers {
        Ok(values) if !Path::new(text).exists() => match values.iter().all(|x| x.is_finite()) {
            true => Ok(Mean::Values(values)),
            false => Err("means are finite numbers".into()),
        },
        _ => Ok(Mean::File(text.into())),
    }
}

/// The name of a page.
fn page_name(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
    match ending.as_ref().and_then(|ending| ending.to_str()) {
        Some("html" | "htm") => Ok(path),
        _ => Err("the name of a page ends with .html".into()),
    }
}

/// An order of the channels of colour.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Order {
    Bgr,
    Rgb,
}

/// The side of a square, or rows and columns.
fn size(text: &str) -> Result<[usize; 2], String> {
    let sides: Result<Vec<usize>, String> = text.split(['x', ',']).map(super::positive).collect();
    match sides?[..] {
        [side] => Ok([side, side]),
        [height, width] => Ok([height, width]),
        _ => Err("write it as 256 or 256x320".into()),
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let images = images(arguments)?;
    if arguments.statistics.is_some() && images.len() != 1 {
        return Err(Error::refused(
            "--statistics is of one image, or with --pairs of one pair; name no others",
        ));
    }
    let options = arguments.processor.session();
    let (mean, means) = match &arguments.mean {
        Some(Mean::File(path)) => (Some(path.as_path()), vec![]),
        Some(Mean::Values(values)) => (None, values.clone()),
        None => (None, vec![]),
    };
    let pixels = Pixels {
        scale: arguments.scale,
        mean: means,
        red_first: arguments.channels.map(|order| matches!(order, Order::Rgb)),
        resize: arguments.resize,
    };
    let mut request = Request::default();
    arguments.definition.tell(&mut request);
    let given = Beside {
        weights: arguments.weights.as_deref(),
        mean,
        pixels: Some(&pixels),
        request: Some(&request),
        images: Some(images.len()),
        watched: arguments.statistics.is_some(),
        inputs: &arguments.inputs,
        pairs: arguments.pairs,
    };
    let classes = Classes::read(arguments)?;
    let mut net = sound(Inference::open(&arguments.run, &given, &options)?)?;
    if arguments.weights.is_none() {
        tell_weights(&net);
    }
    net.notes.iter().for_each(|note| warn(&format!("note: {note}")));
    let mut explained = match &arguments.explain_input {
        Some(folder) => Some(Explained::new(folder, arguments.json)?),
        None => None,
    };
    let mut results: Vec<Outputs> = vec![];
    let mut names: Vec<String> = vec![];
    let mut unread = vec![];
    for part in images.chunks(256) {
        let mut loaded = vec![];
        for Asked { paths, line } in part {
            let files: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
            let image = match files[..] {
                [first, second] => net.load_pair([first, second]),
                _ => net.load(files[0]),
            };
            match (image, line) {
                (Ok(image), _) => {
                    let shown: Vec<String> =
                        paths.iter().map(|p| p.display().to_string()).collect();
                    names.push(shown.join(" "));
                    if let Some(explained) = &mut explained {
                        let seen = net.seen(&files)?;
                        let apart = 1 < seen.len();
                        for (seen, file) in seen.iter().zip(&files) {
                            let name = match apart {
                                false => &names[names.len() - 1],
                                true => &file.display().to_string(),
                            };
                            explained.add(name, file, seen)?;
                        }
                    }
                    loaded.push(image);
                }
                (Err(e), None) => return Err(e),
                (Err(e), Some(line)) => unread.push(format!("line {line}: {e}")),
            }
        }
        if arguments.statistics.is_none() {
            results.extend(net.run(&loaded)?);
        } else if let Some(image) = loaded.pop() {
            results.push(net.run_watched(&image)?);
        }
    }
    if let Some(list) = &arguments.list {
        left_out(list, &unread, names.is_empty())?;
    }
    for (image, outputs) in names.iter().zip(&results) {
        for (name, _) in outputs.iter().filter(|(_, values)| values.iter().any(|v| v.is_nan())) {
            warn(&format!("warning: {image}: `{name}` is no number"));
        }
    }
    if !arguments.pairs {
        tell_grey(&net, &images, &results)?;
    }
    let best = classes.map(|classes| classes.best(&results)).transpose()?;
    let measure = net.measure;
    let statistics = match &arguments.statistics {
        Some(page) => Some(write_page(page, &mut net, &names[0], &results[0], best.as_deref())?),
        None => None,
    };
    net.finish()?;
    if arguments.json {
        let mut reply = as_json(&names, &results, arguments.list.is_some(), measure);
        if let Some(best) = best {
            reply["predictions"] = match (&best[..], arguments.list.is_some()) {
                ([one], false) => json!(one),
                _ => {
                    let named = names.iter().cloned().zip(best);
                    named.map(|(image, best)| (image, json!(best))).collect::<Map<_, _>>().into()
                }
            };
        }
        if let Some(explained) = explained {
            reply["inputs"] = explained.json.into();
        }
        if let Some(statistics) = statistics {
            reply["statistics"] = statistics;
        }
        return say(reply);
    }
    match best {
        Some(best) => tell_best(&names, &best)?,
        None => tell_outputs(&names, &results, measure)?,
    }
    if let Some(page) = &arguments.statistics {
        say(format_args!("statistics: {}", page.display()))?;
    }
    Ok(())
}

/// Writes the page of what a net has computed for an image; gives its figures.
fn write_page(
    path: &Path,
    net: &mut Inference,
    image: &str,
    outputs: &Outputs,
    best: Option<&[Vec<(String, f32)>]>,
) -> Result<Value> {
    let answers: Vec<(String, String)> = match best {
        Some(best) => {
            let all = best.iter().flatten();
            all.map(|(class, value)| (class.clone(), format!("{value:.4}"))).collect()
        }
        None => outputs.iter().map(|(name, values)| (name.clone(), row(values))).collect(),
    };
    let (html, mut figures) = page(net, Told { image, answers: &answers })?;
    write_atomically(path, |file| file.write_all(html.as_bytes()))?;
    figures["page"] = json!(path.display().to_string());
    Ok(figures)
}

/// The first numbers of an output.
fn row(values: &[f32]) -> String {
    let shown: Vec<String> = values.iter().take(16).map(|v| format!("{v:.6}")).collect();
    let more = if 16 < values.len() { " ..." } else { "" };
    format!("[{}{more}]", shown.join(", "))
}

/// Prints the likeliest classes of each image.
fn tell_best(images: &[String], best: &[Vec<(String, f32)>]) -> Result<()> {
    for (image, best) in images.iter().zip(best) {
        say(image)?;
        for (name, value) in best {
            say(format_args!("  {value:.4}  {name}"))?;
        }
    }
    Ok(())
}

/// Prints the outputs for each image, and how far its twins are apart.
fn tell_outputs(images: &[String], results: &[Outputs], measure: Measure) -> Result<()> {
    for (image, outputs) in images.iter().zip(results) {
        say(image)?;
        for (name, values) in outputs {
            say(format_args!("  {name} = {}", row(values)))?;
        }
        if let Some(apart) = twins_apart(outputs, measure) {
            match measure {
                Measure::Distance => say(format_args!("  distance = {apart:.6}"))?,
                Measure::Absolute => say(format_args!("  l1 distance = {apart:.6}"))?,
                Measure::Angle => say(format_args!("  angle = {apart:.4} degrees"))?,
            }
        }
    }
    Ok(())
}

/// Warns of grey images that a net of pairs takes for both images of a pair.
fn tell_grey(net: &Inference, images: &[Asked], results: &[Outputs]) -> Result<()> {
    let has_twins = results.iter().any(|outputs| twins_apart(outputs, net.measure).is_some());
    let mut grey = vec![];
    for Asked { paths, .. } in images.iter().filter(|_| has_twins) {
        // Those that cannot be read have been told of.
        if net.is_grey_for_colour(&paths[0]).unwrap_or(false) {
            grey.push(paths[0].display());
        }
    }
    if let [first, more @ ..] = &grey[..] {
        let more =
            if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) };
        warn(&format!(
            "warning: {first}{more} is one grey image, and both sides of the net see it, as for the features of single images; compare two with \
             --pairs A B"
        ));
    }
    Ok(())
}

/// Says whose weights were taken where the command line does not.
pub(super) fn tell_weights(net: &Inference) {
    net.weights.iter().for_each(|path| warn(&format!("weights: {}", path.display())));
}

/// What becomes one record: an image, or two of a pair.
struct Asked {
    paths: Vec<PathBuf>,
    /// The line of a list that names it.
    line: Option<usize>,
}

/// The images that the command line names.
fn images(arguments: &Arguments) -> Result<Vec<Asked>> {
    let each = if arguments.pairs { 2 } else { 1 };
    let named = arguments.images.chunks(each);
    let mut images: Vec<Asked> =
        named.map(|paths| Asked { paths: paths.to_vec(), line: None }).collect();
    if let Some(last) = images.last().filter(|last| last.paths.len() < each) {
        let last = last.paths[0].display();
        let why = format!("{last} has no partner; --pairs takes the images in twos");
        return Err(Error::refused(why));
    }
    if let Some(list) = &arguments.list {
        let lines = listed(list)?.into_iter();
        images.extend(lines.map(|(path, line)| Asked { paths: vec![path], line: Some(line) }));
    }
    match images.is_empty() {
        true => Err(Error::refused("there is no image; name some, or give --list")),
        false => Ok(images),
    }
}

/// The classes of a net's first output.
struct Classes {
    /// Their names, and where these are from.
    names: Option<(PathBuf, Vec<String>)>,
    /// How many are shown.
    shown: usize,
}

impl Classes {
    /// What the command line says, if it asks for classes.
    fn read(arguments: &Arguments) -> Result<Option<Self>> {
        let names = match &arguments.labels {
            Some(path) => {
                let text = crate::file::read_text(path)?;
                Some((path.clone(), text.lines().map(|line| line.trim().to_owned()).collect()))
            }
            None => None,
        };
        let asked = names.is_some() || arguments.top.is_some();
        let shown = arguments.top.unwrap_or(5) as usize;
        Ok(asked.then_some(Classes { names, shown }))
    }

    /// For every image its likeliest classes, the likeliest first; of equally likely ones the one with the lower number.
    fn best(&self, results: &[Outputs]) -> Result<Vec<Vec<(String, f32)>>> {
        let one = |outputs: &Outputs| {
            let (output, values) =
                outputs.first().ok_or_else(|| Error::refused("the net has no output"))?;
            if let Some((path, names)) = &self.names
                && names.len() != values.len()
            {
                let (n, classes) = (names.len(), values.len());
                let why =
                    format!("has {n} names, and `{output}` has {classes} values for an image");
                return Err(Error::format(path, why));
            }
            let mut order: Vec<usize> = (0..values.len()).collect();
            order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
            let named = |i: usize| match &self.names {
                Some((_, names)) => names[i].clone(),
                None => format!("class {i}"),
            };
            Ok(order.into_iter().take(self.shown).map(|i| (named(i), values[i])).collect())
        };
        results.iter().map(one).collect()
    }
}

/// DIGITS' reply: for one image `{"outputs": {blob: [[...]]}}`, for many by path and without the batch axis; how far twins are
/// apart likewise.
fn as_json(names: &[String], results: &[Outputs], many: bool, measure: Measure) -> Value {
    let name = if measure == Measure::Angle { "angle" } else { "distance" };
    let blobs = |outputs: &Outputs, batched: bool| -> Map<String, Value> {
        let value = |v: &Vec<f32>| if batched { json!([v]) } else { json!(v) };
        outputs.iter().map(|(name, values)| (name.clone(), value(values))).collect()
    };
    if let ([outputs], false) = (results, many) {
        let mut reply = json!({ "outputs": blobs(outputs, true) });
        if let Some(apart) = twins_apart(outputs, measure) {
            reply[name] = json!(apart);
        }
        return reply;
    }
    let apart: Map<String, Value> = names
        .iter()
        .zip(results)
        .filter_map(|(image, outputs)| Some((image.clone(), json!(twins_apart(outputs, measure)?))))
        .collect();
    let named = names.iter().cloned().zip(results);
    let by_name: Map<String, Value> =
        named.map(|(name, outputs)| (name, blobs(outputs, false).into())).collect();
    let mut reply = json!({ "outputs": by_name });
    if !apart.is_empty() {
        reply[name] = apart.into();
    }
    reply
}

/// How far two outputs of one length are apart by what the net was trained on: their distance, or their angle in degrees.
fn twins_apart(outputs: &Outputs, measure: Measure) -> Option<f64> {
    let [(_, a), (_, b)] = &outputs[..] else { return None };
    (a.len() == b.len()).then(|| measure.between(a, b))
}

/// Names the images of a list that could not be read; that none could is an error.
fn left_out(list: &Path, unread: &[String], all: bool) -> Result<()> {
    match unread {
        [] => Ok(()),
        [first, ..] if all => {
            let n = unread.len();
            Err(Error::format(list, format!("none of its images ({n}) can be read; {first}")))
        }
        _ => {
            unread.iter().for_each(|why| warn(&format!("warning: {}: {why}", list.display())));
            let images = counted(unread.len() as u64, "image");
            let are = if unread.len() == 1 { "is" } else { "are" };
            warn(&format!("{images} could not be read and {are} left out"));
            Ok(())
        }
    }
}

/// The paths of a list and the lines they are on, as DIGITS reads it: from the current folder, or else beside the list.
fn listed(list: &Path) -> Result<Vec<(PathBuf, usize)>> {
    let text = crate::file::read_text(list)?;
    let path = |line: &str| {
        let line = line.trim();
        let without = line.rsplit_once(char::is_whitespace).filter(|(head, tail)| {
            !head.is_empty() && !tail.is_empty() && tail.bytes().all(|b| b.is_ascii_digit())
        });
        let name = without.map_or(line, |(head, _)| head.trim_end());
        crate::file::beside(list, Path::new(name))
    };
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    Ok(lines.map(|(line, number)| (path(line), number)).collect())
}
