//! `cortado diff`: do two definitions mean the same net?

use std::path::PathBuf;

use super::{complain, named_shape, print, shapes};
use crate::error::{Error, Result};
use crate::front;
use crate::ir::TypedNet;
use crate::job;
use crate::pipeline::{Checked, Options};
use crate::report::compare::differences;
use crate::ty::Shape;

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// One definition
    a: PathBuf,
    /// The other, in any dialect
    b: PathBuf,
    /// Only this stage: train, val, deploy, TRAIN or TEST
    #[arg(long)]
    stage: Option<String>,
    /// The shape of a data blob, such as data=64,3,28,28; inputs of a Lua definition are 0, 1 and so on
    #[arg(long, value_parser = named_shape)]
    shape: Vec<(String, Shape)>,
    #[command(flatten)]
    definition: super::definition::Arguments,
    /// How many differences are shown for each stage
    #[arg(long, default_value_t = 10)]
    limit: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut options = Options {
        stages: super::check::stages(arguments.stage.as_deref())?,
        shapes: shapes(&arguments.shape),
        ..Options::default()
    };
    arguments.definition.tell(&mut options.request);
    let names = [&arguments.a, &arguments.b];
    let dialects = names.map(|path| front::dialect(path));
    // What is said for one of two dialects is nothing to the other.
    options.request.spare = dialects[0] != dialects[1];
    let a = job::check_file(&arguments.a, &options)?;
    let b = job::check_file(&arguments.b, &options)?;
    let (first, second) = (complain(&a), complain(&b));
    first.and(second)?;
    let mut text = String::new();
    // What differs alike at several stages is one line.
    let mut found: Vec<(String, Vec<String>)> = vec![];
    for one in &a.stages {
        let stage = one.net.state.label();
        match matching(&b, &stage) {
            None => text.push_str(&format!("only the first has the stage {stage}\n")),
            Some(other) => {
                for line in differences(one, other, arguments.limit) {
                    match found.iter_mut().find(|(known, _)| *known == line) {
                        Some((_, stages)) => stages.push(stage.clone()),
                        None => found.push((line, vec![stage.clone()])),
                    }
                }
            }
        }
    }
    for (line, stages) in found {
        text.push_str(&format!("{}: {line}\n", stages.join(" and ")));
    }
    for stage in b.stages.iter().map(|other| other.net.state.label()) {
        if matching(&a, &stage).is_none() {
            text.push_str(&format!("only the second has the stage {stage}\n"));
        }
    }
    match text.is_empty() {
        true => print("the definitions mean the same\n"),
        false => {
            print(&text)?;
            Err(Error::Differs)
        }
    }
}

/// The stage of this name, or the one that plays its part for those who name stages otherwise: DIGITS or Caffe.
fn matching<'a>(checked: &'a Checked, stage: &str) -> Option<&'a TypedNet> {
    const PARTS: [(&str, &str); 2] = [("train", "TRAIN"), ("val", "TEST")];
    let other = PARTS.iter().find_map(|&(digits, caffe)| match stage {
        _ if stage == digits => Some(caffe),
        _ if stage == caffe => Some(digits),
        _ => None,
    });
    checked.stage(stage).or_else(|| checked.stage(other?))
}
