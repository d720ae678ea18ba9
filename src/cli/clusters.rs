//! `cortado clusters`: the embedding of labelled images by class, as a picture and in figures.

use std::path::{Path, PathBuf};

use super::infer::tell_weights;
use super::{pictures, say, sound};
use crate::data::records::Records;
use crate::diag::nearest::meant;
use crate::error::{Error, Result};
use crate::exec::SessionOptions;
use crate::job::RUN_FILE;
use crate::job::clusters::{Embedding, Measure};
use crate::job::inference::{Beside, Inference};
use crate::job::run_file::{self, LabelledFiles};
use crate::report::plot::{self, Scatter};

/// Images that are embedded, at most.
const MOST: usize = 10_000;

/// What the figures are.
const FIGURES: &str = "\
kNN: the part of images whose five nearest others name their class. pairs: the part of pairs, half of them alike, that one
threshold tells apart, with that threshold. AUC: how often two images that are alike lie closer together than two that are not;
0.5 is chance, 1 is perfect.";

/// Images that are in memory at a time.
const CHUNK: usize = 256;

/// Arguments of `clusters`.
#[derive(Debug, clap::Args)]
#[command(after_help = FIGURES)]
pub(super) struct Arguments {
    /// The run file that the net was trained with
    run: PathBuf,
    /// Labelled images: an LMDB, a folder with one folder for each class, lines of `path label`, or IDX images; those of
    /// the run file's `clusters` if not given
    #[arg(long)]
    images: Option<PathBuf>,
    /// The labels of IDX images, or of an LMDB without its own
    #[arg(long, requires = "images")]
    labels: Option<PathBuf>,
    /// The output to draw; the first if not given
    #[arg(long)]
    blob: Option<String>,
    /// Weights, instead of the last snapshot of the run
    #[arg(long)]
    weights: Option<PathBuf>,
    /// What tells points apart; what the loss of the net does if not given: the angle for one on the cosine, l1 for one on
    /// the sum of absolute differences, else the distance
    #[arg(long, value_enum)]
    by: Option<By>,
    /// Labelled images among which the nearest neighbours are sought, such as those of training; the images themselves if
    /// not given
    #[arg(long)]
    reference_images: Option<PathBuf>,
    /// Their labels, likewise
    #[arg(long, requires = "reference_images")]
    reference_labels: Option<PathBuf>,
    /// Where the picture goes; clusters.svg in the run's folder if not given
    #[arg(short, long)]
    output: Option<PathBuf>,
}

/// Words for [`Measure`].
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum By {
    Distance,
    L1,
    Angle,
}

/// Images, and where their labels are if they do not carry them.
type Labelled<'a> = (&'a Path, Option<&'a Path>);

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let (file, _) = run_file::read(&arguments.run, &[])?;
    let base = arguments.run.parent().unwrap_or(Path::new(""));
    let named = file
        .clusters
        .as_ref()
        .map(|c| (base.join(&c.images), c.labels.as_ref().map(|labels| base.join(labels))));
    let given = arguments.images.clone().map(|images| (images, arguments.labels.clone()));
    let Some((images, labels)) = given.or(named) else {
        return Err(Error::refused(
            "name labelled images: --images with an LMDB, a folder of classes or a list, or --images FILE --labels FILE (IDX)",
        ));
    };
    let folder = file.output.clone().unwrap_or_else(|| arguments.run.with_extension(""));
    let target = arguments.output.clone().unwrap_or_else(|| folder.join("clusters.svg"));
    pictures::check_name(&target)?;
    let asked = Asked {
        weights: arguments.weights.as_deref(),
        blob: arguments.blob.as_deref(),
        by: arguments.by,
        reference: arguments
            .reference_images
            .as_deref()
            .map(|images| (images, arguments.reference_labels.as_deref())),
    };
    draw(&arguments.run, &asked, (&images, labels.as_deref()), &target)
}

/// What the command line may say.
#[derive(Default)]
struct Asked<'a> {
    weights: Option<&'a Path>,
    blob: Option<&'a str>,
    by: Option<By>,
    reference: Option<Labelled<'a>>,
}

/// Draws the clusters that the run file in a run's folder asks for, of what training has just saved.
pub(super) fn after_training(folder: &Path, weights: &Path) -> Result<()> {
    let run = folder.join(RUN_FILE);
    let (file, _) = run_file::read(&run, &[])?;
    let Some(LabelledFiles { images, labels }) = &file.clusters else { return Ok(()) };
    let asked = Asked { weights: Some(weights), ..Asked::default() };
    draw(&run, &asked, (images, labels.as_deref()), &folder.join("clusters.svg"))
}

fn draw(run: &Path, asked: &Asked, files: Labelled, target: &Path) -> Result<()> {
    let given = Beside { weights: asked.weights, pairs: true, ..Beside::default() };
    let mut net = sound(Inference::open(run, &given, &SessionOptions::default())?)?;
    if asked.weights.is_none() {
        tell_weights(&net);
    }
    let embedding = embed(&mut net, asked.blob, files)?;
    let reference = asked.reference.map(|files| embed(&mut net, asked.blob, files)).transpose()?;
    let measure = match asked.by {
        Some(By::Distance) => Measure::Distance,
        Some(By::L1) => Measure::Absolute,
        Some(By::Angle) => Measure::Angle,
        None => net.measure,
    };
    let n = embedding.classes.len();
    let quality = embedding.quality(measure, reference.as_ref(), 1);
    let subtitle = match &quality {
        Some(q) => format!(
            "{n} images, 5 nearest neighbours agree for {:.1} %, pairs told apart {:.1} %",
            100.0 * q.neighbours,
            100.0 * q.accuracy
        ),
        None => format!("{n} images"),
    };
    if let Some(q) = &quality {
        let at = match measure {
            Measure::Distance => format!("distance {:.3}", q.threshold),
            Measure::Absolute => format!("l1 distance {:.3}", q.threshold),
            Measure::Angle => format!("an angle of {:.1} degrees", q.threshold),
        };
        let (neighbours, accuracy, area) = (q.neighbours, q.accuracy, q.area);
        say(format_args!("kNN {neighbours:.4}  pairs {accuracy:.4} at {at}  AUC {area:.4}"))?;
    }
    let xy = |p: &Vec<f32>| {
        (p.first().copied().unwrap_or(0.0).into(), p.get(1).copied().unwrap_or(0.0).into())
    };
    let scatter = Scatter {
        title: "Embedding by class".into(),
        subtitle,
        points: embedding.points.iter().map(xy).collect(),
        classes: embedding.classes,
    };
    pictures::write(target, plot::scatter(&scatter), 1.0)?;
    say(format_args!("clusters: {}", target.display()))
}

/// A complaint about an output that the net does not have.
fn no_output(name: &str, outputs: &[&str]) -> Error {
    let known = match meant(name, outputs.iter().copied()) {
        Some(question) => question,
        None if outputs.is_empty() => "it has none at all".to_owned(),
        None => format!("it has `{}`", outputs.join("`, `")),
    };
    Error::refused(format!("the net has no output `{name}`; {known}"))
}

/// What a net makes of labelled images.
fn embed(net: &mut Inference, blob: Option<&str>, files: Labelled) -> Result<Embedding> {
    let (images, labels) = files;
    let mut records = Records::open_labelled(images, labels)?;
    let mut embedding = Embedding::default();
    let n = records.len().min(MOST);
    for start in (0..n).step_by(CHUNK) {
        let mut prepared = vec![];
        for i in start..(start + CHUNK).min(n) {
            let (image, class) = records.labelled_image(i)?;
            prepared.push(net.prepare(image)?);
            embedding.classes.push(class);
        }
        for mut outputs in net.run(&prepared)? {
            let wanted = |(name, _): &(String, _)| blob.is_none_or(|blob| blob == name);
            let Some(at) = outputs.iter().position(wanted) else {
                let names: Vec<&str> = outputs.iter().map(|(name, _)| &**name).collect();
                return Err(no_output(blob.unwrap_or_default(), &names));
            };
            let (_, point) = outputs.swap_remove(at);
            if point.iter().any(|x| !x.is_finite()) {
                let at = embedding.points.len();
                let why =
                    format!("the net gives {point:?} for image {at}; its training has gone astray");
                return Err(Error::format(images, why));
            }
            embedding.points.push(point);
        }
    }
    Ok(embedding)
}
