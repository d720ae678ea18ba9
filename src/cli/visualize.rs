//! `cortado visualize`: the diagram of a net as a file.

use std::path::{Path, PathBuf};

use super::{check::stages, complain, named_shape, say, shapes};
use crate::error::{Error, Result};
use crate::file::{must_differ, write_atomically};
use crate::ir::TypedNet;
use crate::job;
use crate::passes::backward::BackwardPass;
use crate::pipeline::{self, Options};
use crate::report::backward::picture_backward;
use crate::report::diagram::Diagram;
use crate::report::dot::render_dot;
use crate::report::fold::{Fold, folded};
use crate::report::picture::picture;
use crate::report::png::render_png;
use crate::report::svg::{self, Layout, render_svg};
use crate::ty::Shape;

/// Arguments of `visualize`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The definition, or a run file or solver that names it
    net: PathBuf,
    /// Where the picture goes; the ending says how: .svg, .dot or .png. An .svg of the definition's name, here, if not given
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// The stage: train, val, deploy, TRAIN or TEST, or TRAIN+fine with a stage of the net; `all` writes a file for each; training if not given
    #[arg(long)]
    stage: Option<String>,
    /// The shape of a data blob, such as data=64,3,28,28; inputs of a Lua definition are 0, 1 and so on, its labels target
    #[arg(long, value_parser = named_shape)]
    shape: Vec<(String, Shape)>,
    #[command(flatten)]
    definition: super::definition::Arguments,
    /// Draw the backward pass of training: where gradients begin, pass and end, and which parameters learn with which
    /// lr_mult and decay_mult. Weight decay also changes parameters without a gradient, unless their lr_mult is 0
    #[arg(long)]
    backward: bool,
    /// Who places the boxes: cortado or Graphviz' dot, if it is installed
    #[arg(long, value_enum, default_value_t = Placer::Own)]
    layout: Placer,
    /// Whether blocks become single boxes; auto makes one of blocks that follow each other 20 times or more, or less often where
    /// they are 100 boxes, and folds large nets further. `never` shows all
    #[arg(long, value_enum, default_value_t = Folding::Auto)]
    fold: Folding,
    /// Pixels of a PNG for each unit of the drawing
    #[arg(long, default_value_t = 2.0, value_parser = super::factor)]
    scale: f64,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Placer {
    Own,
    Dot,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Folding {
    Auto,
    Always,
    Never,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let output = match &arguments.output {
        Some(output) => output.clone(),
        None => Path::new(arguments.net.file_name().unwrap_or_default()).with_extension("svg"),
    };
    let format = format(&output)?;
    let one = arguments.stage.as_deref().filter(|&stage| stage != "all");
    let mut options =
        Options { stages: stages(one)?, shapes: shapes(&arguments.shape), ..Options::default() };
    arguments.definition.tell(&mut options.request);
    let checked = job::check_file(&arguments.net, &options)?;
    // A net with mistakes is worth a picture, none is not, and it has no backward pass.
    let told = checked.definition.nodes.is_empty() || arguments.backward;
    if told {
        complain(&checked)?;
    }
    let drawn: Vec<(&TypedNet, PathBuf)> = match arguments.stage.as_deref() {
        Some("all") => {
            let path = |typed: &TypedNet| with_stage(&output, &typed.net.state.label());
            checked.stages.iter().map(|typed| (typed, path(typed))).collect()
        }
        _ => {
            checked.stages.get(checked.trained()).map(|typed| (typed, output)).into_iter().collect()
        }
    };
    for (typed, path) in drawn {
        let diagram = match arguments.backward {
            true => {
                let env = pipeline::environment(&options, &pipeline::record_shape);
                let pass = BackwardPass::of(typed, &env).map_err(|why| {
                    Error::refused(format!("the backward pass cannot be drawn: {why}"))
                })?;
                picture_backward(typed, &pass, &checked.diagnostics, &checked.sources)
            }
            false => picture(typed, &checked.diagnostics, &checked.sources),
        };
        draw(arguments, &diagram, format, &path)?;
    }
    if told { Ok(()) } else { complain(&checked) }
}

#[derive(Clone, Copy)]
enum Format {
    Svg,
    Dot,
    Png,
}

fn format(path: &Path) -> Result<Format> {
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    match ending.as_deref() {
        Some("svg") => Ok(Format::Svg),
        Some("dot" | "gv") => Ok(Format::Dot),
        Some("png") => Ok(Format::Png),
        _ => Err(Error::format(path, "the name of a picture ends with .svg, .dot or .png")),
    }
}

/// `net.svg` to `net.train.svg`.
fn with_stage(path: &Path, stage: &str) -> PathBuf {
    let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    path.with_extension(format!("{stage}.{ending}"))
}

fn draw(arguments: &Arguments, diagram: &Diagram, format: Format, path: &Path) -> Result<()> {
    let layout = match arguments.layout {
        Placer::Own => Layout::Own,
        Placer::Dot => Layout::Graphviz,
    };
    let fold = match arguments.fold {
        Folding::Auto => Fold::Auto,
        Folding::Always => Fold::Always,
        Folding::Never => Fold::Never,
    };
    let options = svg::Options { layout, fold };
    let bytes = match format {
        Format::Svg => render_svg(diagram, &options).into_bytes(),
        Format::Dot => render_dot(&folded(diagram, fold)).into_bytes(),
        Format::Png => render_png(&render_svg(diagram, &options), arguments.scale)?,
    };
    must_differ(path, &arguments.net)?;
    write_atomically(path, |file| file.write_all(&bytes))?;
    match arguments.output {
        Some(_) => Ok(()),
        None => say(path.display()),
    }
}
