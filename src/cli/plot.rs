//! `cortado plot`: losses and outputs of training logs as curves.

use std::path::{Component, PathBuf};

use super::pictures;
use crate::error::{Error, Result};
use crate::report::plot::{Output, Run, Scale, Training, training};
use crate::train::curves::{Curves, Points};

/// Arguments of `plot`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Logs: cortado's log.jsonl, or what Caffe or cortado printed while they trained
    #[arg(required = true)]
    logs: Vec<PathBuf>,
    /// Where the picture goes; the ending says how: .svg or .png
    #[arg(short, long)]
    output: PathBuf,
    /// Also draw this output, such as accuracy, in a panel of its own
    #[arg(long)]
    show: Vec<String>,
    /// Weight of the past in the mean that is drawn over the training loss, from 0, for the loss alone, to below 1; 0.9 if not
    /// given, and less for few points
    #[arg(long, value_parser = weight)]
    smoothing: Option<f64>,
    /// A logarithmic axis for the loss
    #[arg(long)]
    log_scale: bool,
    /// Leave the learning rate out
    #[arg(long)]
    no_rate: bool,
    /// The heading
    #[arg(long, default_value = "Training")]
    title: String,
    /// Pixels of a PNG for each unit of the drawing
    #[arg(long, default_value_t = 2.0, value_parser = super::factor)]
    scale: f64,
}

fn weight(text: &str) -> Result<f64, String> {
    let weight = text.parse().ok().filter(|weight| (0.0..1.0).contains(weight));
    weight.ok_or_else(|| format!("`{text}` is not from 0 to below 1"))
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    pictures::check_name(&arguments.output)?;
    for log in &arguments.logs {
        crate::file::must_differ(&arguments.output, log)?;
    }
    let curves: Vec<Curves> =
        arguments.logs.iter().map(|path| Curves::read(path)).collect::<Result<_>>()?;
    for name in &arguments.show {
        if !curves.iter().any(|curves| curves.outputs().contains(&name.as_str())) {
            let mut known: Vec<&str> = curves.iter().flat_map(Curves::outputs).collect();
            known.sort_unstable();
            known.dedup();
            let known = known.join(", ");
            return Err(Error::refused(format!(
                "no log has an output `{name}`; there are {known}"
            )));
        }
    }
    let names = names(&arguments.logs).into_iter();
    let runs = names.zip(curves).map(|(name, curves)| run_of(name, curves, arguments));
    let plot = Training {
        title: arguments.title.clone(),
        steps: "iteration".into(),
        scale: if arguments.log_scale { Scale::Log } else { Scale::Linear },
        smoothing: arguments.smoothing,
        runs: runs.collect(),
    };
    pictures::write(&arguments.output, training(&plot), arguments.scale)
}

/// What tells logs apart: their paths without the folders at the beginning and the names at the end that all have.
fn names(logs: &[PathBuf]) -> Vec<String> {
    let mut paths: Vec<Vec<_>> = logs.iter().map(|log| log.components().collect()).collect();
    let agree = |of: Vec<Option<&Component>>| of.iter().all(|one| one.is_some() && *one == of[0]);
    while paths.iter().all(|path| 1 < path.len())
        && agree(paths.iter().map(|path| path.first()).collect())
    {
        for path in &mut paths {
            path.remove(0);
        }
    }
    while paths.iter().all(|path| 1 < path.len())
        && agree(paths.iter().map(|path| path.last()).collect())
    {
        for path in &mut paths {
            path.pop();
        }
    }
    let shown = |path: Vec<Component>| path.iter().collect::<PathBuf>().display().to_string();
    match logs {
        [_] => vec![String::new()],
        _ => paths.into_iter().map(shown).collect(),
    }
}

fn run_of(name: String, curves: Curves, arguments: &Arguments) -> Run {
    let points = |of: &std::collections::BTreeMap<String, Points>, name: &String| {
        of.get(name).cloned().unwrap_or_default()
    };
    let outputs = arguments.show.iter().map(|name| Output {
        name: name.clone(),
        train: points(&curves.train, name),
        val: points(&curves.test, name),
    });
    Run {
        name,
        outputs: outputs.collect(),
        train: curves.loss,
        val: curves.test_loss,
        rate: if arguments.no_rate { vec![] } else { curves.rate },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_called_by_what_differs() {
        let names = |logs: &[&str]| names(&logs.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(names(&["runs/a/log.jsonl", "runs/b/log.jsonl"]), ["a", "b"]);
        assert_eq!(names(&["/x/a/log.jsonl", "b/log.jsonl"]), ["/x/a", "b"]);
        assert_eq!(names(&["a.log", "b.log"]), ["a.log", "b.log"]);
        assert_eq!(names(&["runs/a/log.jsonl"]), [""]);
    }
}
