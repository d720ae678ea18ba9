//! `cortado convert`: a definition or solver of any earlier Caffe in its modern, canonical form; weights in another
//! format.

use std::path::PathBuf;

use super::definition::{Extents, extents};
use super::{complain_about, counted, named_shape, shapes, sound, warn};
use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::file::{is_same, original_bytes, read_definition, write_atomically};
use crate::front::caffe::legacy::{check_types, order, upgrade_net, upgrade_solver};
use crate::front::caffe::solver::is_solver_message;
use crate::front::caffe::{parse, print, pycaffe};
use crate::front::{Request, makes_caffe};
use crate::job::move_weights::{self, MoveOptions};
use crate::source::SourceMap;
use crate::ty::Shape;

/// Arguments of `convert`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The old prototxt, a net or a solver; a Python program that makes one; or weights: .t7, .caffemodel, .caffemodel.h5 or .safetensors
    old: PathBuf,
    /// Where the modern one goes; or weights in the format that this name ends in. A .caffemodel becomes one of the present
    /// generation, with names, types and weights of its layers, without their other fields
    new: PathBuf,
    /// The definition that the new weights are for, whose parameters must correspond to those of the old, by order
    #[arg(long)]
    net: Option<PathBuf>,
    /// The definition that the old weights were written for, if they are .safetensors of a net with other names
    #[arg(long)]
    from: Option<PathBuf>,
    /// The shape of one image for the definition of --from, where that has another order than --net
    #[arg(long, value_parser = extents, value_name = "C,H,W|H,W,C", requires = "from")]
    from_input_shape: Option<Extents>,
    /// The shape of a data blob of these definitions, such as data=1,3,28,28
    #[arg(long, value_parser = named_shape)]
    shape: Vec<(String, Shape)>,
    #[command(flatten)]
    definition: super::definition::Arguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let (old, new) = (&arguments.old, &arguments.new);
    if is_same(old, new) {
        return Err(Error::format(new, "is the old file itself; give the new one another name"));
    }
    match (move_weights::holds_weights(old), move_weights::is_weights(new)) {
        (true, true) => weights(arguments),
        (false, false) => definition(arguments),
        (true, false) => {
            let message = "is no name for weights; they go to .caffemodel, .caffemodel.h5, .t7 or .safetensors";
            Err(Error::format(new, message))
        }
        (false, true) => Err(Error::format(
            new,
            format!(
                "is a name for weights, and {} is no file of weights by its name",
                old.display()
            ),
        )),
    }
}

fn weights(arguments: &Arguments) -> Result<()> {
    let mut options = MoveOptions {
        net: arguments.net.clone(),
        from: arguments.from.clone(),
        shapes: shapes(&arguments.shape),
        from_input_shape: arguments.from_input_shape.clone().map(|Extents(extents)| extents),
        ..MoveOptions::default()
    };
    arguments.definition.tell(&mut options.request);
    // What one of two definitions asks for may be nothing to the other.
    options.request.spare = arguments.from.is_some();
    let moved = sound(move_weights::convert(&arguments.old, &arguments.new, &options)?)?;
    let mut text = format!("{} parameters\n", moved.parameters);
    if !moved.missing.is_empty() {
        text.push_str(&format!("not in the old file: {}\n", moved.missing.join(", ")));
    }
    super::print(&text)
}

fn definition(arguments: &Arguments) -> Result<()> {
    let text = read_definition(&arguments.old)?;
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let is_made = makes_caffe(&arguments.old);
    let tree = match is_made {
        true => {
            let mut request = Request::default();
            arguments.definition.tell(&mut request);
            pycaffe::tree(&mut sources, &arguments.old, &text, &request, &mut diagnostics)
        }
        false => {
            let file = sources.add(&arguments.old, text.as_str());
            Some(parse(file, &text, &mut diagnostics))
        }
    };
    let Some(tree) = tree else { return complain_about(&diagnostics, &sources) };
    let is_solver = is_solver_message(&tree);
    check_types(&tree, &mut diagnostics);
    let mut modern = match is_solver {
        true => upgrade_solver(tree, &mut diagnostics),
        false => upgrade_net(tree, &mut diagnostics),
    };
    diagnostics.sort();
    // What is written anew is nothing to complain about.
    let mut left = Diagnostics::default();
    for complaint in diagnostics.iter().filter(|d| !REWRITTEN.contains(&d.code.id)) {
        left.report(complaint.clone());
    }
    complain_about(&left, &sources)?;
    let comments = comments(&text);
    if 0 < comments && !is_made {
        let comments = counted(comments, "comment");
        warn(&format!("note: {comments} of {} left out", arguments.old.display()));
    }
    if modern.fields.is_empty() {
        return Err(Error::format(&arguments.old, "defines nothing: it holds no field"));
    }
    order::sort(&mut modern, if is_solver { "solver" } else { "net" });
    let text = print(&modern);
    write_atomically(&arguments.new, |file| file.write_all(&original_bytes(&text)))
}

/// Complaints about what a definition of an earlier Caffe has and its modern text has not.
const REWRITTEN: [&str; 3] = ["W0611", "W0613", "W0615"];

/// The number of lines with a comment.
fn comments(text: &str) -> u64 {
    let has_comment = |line: &&str| {
        let mut quote = None;
        line.chars().any(|c| {
            match (quote, c) {
                (None, '#') => return true,
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if open == c => quote = None,
                _ => {}
            }
            false
        })
    };
    text.lines().filter(has_comment).count() as u64
}
