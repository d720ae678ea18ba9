//! `cortado clusters`: the embedding of labelled images by class, as a picture and in figures.

use std::path::{Path, PathBuf};

use super::infer::tell_weights;
use super::{pictures, say, sound};
use crate::data::idx::read_idx_pair;
use crate::data::images::Image;
use crate::diag::nearest::meant;
use crate::error::{Error, Result};
use crate::exec::SessionOptions;
use crate::job::RUN_FILE;
use crate::job::clusters::{Embedding, Measure};
use crate::job::inference::{Beside, Inference};
use crate::job::run_file::{self, IdxFiles};
use crate::report::plot::{self, Scatter};

/// Images that are embedded, at most.
const MOST: usize = 10_000;

/// Arguments of `clusters`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The run file that the net was trained with
    run: PathBuf,
    /// IDX images; those of the run file's `clusters` if not given
    #[arg(long, requires = "labels")]
    images: Option<PathBuf>,
    /// IDX labels
    #[arg(long, requires = "images")]
    labels: Option<PathBuf>,
    /// The output to draw; the first if not given
    #[arg(long)]
    blob: Option<String>,
    /// Weights, instead of the last snapshot of the run
    #[arg(long)]
    weights: Option<PathBuf>,
    /// What tells points apart; the angle where the net is trained by a loss on the cosine, else the distance
    #[arg(long, value_enum)]
    by: Option<By>,
    /// IDX images among which the nearest neighbours are sought, such as those of training; the images themselves if
    /// not given
    #[arg(long, requires = "reference_labels")]
    reference_images: Option<PathBuf>,
    /// Their IDX labels
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
    Angle,
}

/// Two IDX files.
type Labelled<'a> = (&'a Path, &'a Path);

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let (file, _) = run_file::read(&arguments.run, &[])?;
    let base = arguments.run.parent().unwrap_or(Path::new(""));
    let named = file.clusters.as_ref().map(|c| (base.join(&c.images), base.join(&c.labels)));
    let given = arguments.images.clone().zip(arguments.labels.clone());
    let Some((images, labels)) = given.or(named) else {
        return Err(Error::refused("name labelled images: --images FILE --labels FILE (IDX)"));
    };
    let folder = file.output.clone().unwrap_or_else(|| arguments.run.with_extension(""));
    let target = arguments.output.clone().unwrap_or_else(|| folder.join("clusters.svg"));
    pictures::check_name(&target)?;
    let asked = Asked {
        weights: arguments.weights.as_deref(),
        blob: arguments.blob.as_deref(),
        by: arguments.by,
        reference: arguments.reference_images.as_deref().zip(arguments.reference_labels.as_deref()),
    };
    draw(&arguments.run, &asked, (&images, &labels), &target)
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
    let Some(IdxFiles { images, labels }) = &file.clusters else { return Ok(()) };
    let asked = Asked { weights: Some(weights), ..Asked::default() };
    draw(&run, &asked, (images, labels), &folder.join("clusters.svg"))
}

fn draw(run: &Path, asked: &Asked, files: Labelled, target: &Path) -> Result<()> {
    let given = Beside { weights: asked.weights, ..Beside::default() };
    let mut net = sound(Inference::open(run, &given, &SessionOptions::default())?)?;
    if asked.weights.is_none() {
        tell_weights(&net);
    }
    let embedding = embed(&mut net, asked.blob, files)?;
    let reference = asked.reference.map(|files| embed(&mut net, asked.blob, files)).transpose()?;
    let measure = match asked.by {
        Some(By::Distance) => Measure::Distance,
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
    let (pictures, classes) = read_idx_pair(images, labels)?;
    let mut embedding = Embedding::default();
    let n = classes.len().min(MOST);
    for start in (0..n).step_by(512) {
        let mut prepared = vec![];
        for i in start..(start + 512).min(n) {
            let pixels = pictures.get(i).unwrap_or_default().to_vec();
            let image = Image::new(1, pictures.height, pictures.width, pixels)
                .ok_or_else(|| Error::format(images, format!("image {i} is cut off")))?;
            prepared.push(net.prepare(image)?);
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
    embedding.classes = classes[..n].iter().map(|&c| usize::from(c)).collect();
    Ok(embedding)
}
