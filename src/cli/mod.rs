//! The command line: parses arguments, calls the library, renders. One file a verb.
//!
//! Long names of options may also have one dash, as those of Caffe's tools. Exit codes: 0 done, 1 an error in what was given, 2 a wrong command line.

mod check;
mod clusters;
mod compute_mean;
mod convert;
mod convert_imageset;
mod create_db;
mod definition;
mod device_query;
mod diff;
mod explain;
mod explain_input;
mod extract;
mod flags;
mod infer;
mod layer_words;
mod layers;
mod pictures;
mod plot;
mod processor;
mod run;
mod serve;
mod signals;
mod terminal;
mod time;
mod train;
mod visualize;
mod watched_memory;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use crate::diag::render::{plain, render_within, said, summary};
use crate::diag::{Diagnostics, Severity};
use crate::error::{Error, Result};
use crate::job::Complaints;
use crate::pipeline::Checked;
use crate::source::SourceMap;
use crate::ty::Shape;

/// Reads network definitions of Caffe, Torch7 and DIGITS-TensorFlow; checks, draws, trains and runs them.
#[derive(Debug, Parser)]
#[command(name = "cortado", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check a definition at every stage and print its layers
    Check(check::Arguments),
    /// Draw a definition as SVG, DOT or PNG
    Visualize(visualize::Arguments),
    /// Make LMDBs of image pairs, as DIGITS' create_db.py does
    #[command(alias = "create_db")]
    CreateDb(create_db::Arguments),
    /// Make an LMDB of listed images, as Caffe's convert_imageset does
    #[command(alias = "convert_imageset")]
    ConvertImageset(convert_imageset::Arguments),
    /// Compute the mean image of an LMDB, as Caffe's compute_image_mean does
    #[command(alias = "compute_image_mean")]
    ComputeMean(compute_mean::Arguments),
    /// Train a net from a run file or a Caffe solver
    Train(train::Arguments),
    /// Test a snapshot on the validation data
    #[command(mut_arg("weights", |arg| arg.help("Weights, instead of the last snapshot of the run")),
        mut_arg("tensors", |arg| arg.help("Batches to test on, as a safetensors file with a tensor for each input")),
        mut_arg("output", |arg| arg.help("The folder of the run, whose last snapshot is tested")))]
    Test(train::TestArguments),
    /// Run images through a trained net
    Infer(infer::Arguments),
    /// Write blobs of a trained net for every record of a data set, as Caffe's extract_features does
    #[command(alias = "extract_features")]
    Extract(extract::Arguments),
    /// Draw the embedding of labelled images by class, and say how well it tells them apart
    Clusters(clusters::Arguments),
    /// Make one forward pass, and with --backward one backward pass, on given tensors
    Run(run::Arguments),
    /// Time every layer forward and backward
    Time(time::Arguments),
    /// Draw losses and outputs of training logs, cortado's or Caffe's
    Plot(plot::Arguments),
    /// Say what nets can run on here
    #[command(alias = "device_query")]
    DeviceQuery,
    /// Offer the verbs in a browser, and by the REST interface of DIGITS
    Serve(serve::Arguments),
    /// Write a definition or solver of any earlier Caffe in its modern form, or weights in another format
    Convert(convert::Arguments),
    /// Compare the meaning of two definitions
    Diff(diff::Arguments),
    /// List the layers, or describe one
    Layers(layers::Arguments),
    /// Explain the code of an error or warning, or the keys of a run file, or list all codes
    Explain(explain::Arguments),
}

/// Makes what is freed the system's again, if it is large. By itself the allocator keeps about as much as the largest
/// block that was ever freed, such as a copy of a layer's weights, which no prediction of memory counts.
fn return_memory_at_once() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: there are no other threads yet; where the setting is refused, all stays as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 4 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 4 << 20);
    }
}

/// Gives the system what reading definitions has taken: the trees of an interpreter's own library, which are kept for the
/// next definition, and many small blocks, which the allocator would keep.
fn return_what_is_free() {
    crate::front::torch::syntax::forget_trees();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it touches nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// What to write for an option of `train` or `test` that is a field of the run file.
fn hint(words: &[OsString]) -> Option<String> {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let is_job = words.get(1).is_some_and(|verb| ["train", "test"].contains(verb));
    let mut options = words.iter().enumerate().filter_map(|(i, word)| {
        let option = word.strip_prefix("--")?;
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, words.get(i + 1).copied()),
        };
        let name = name.replace('-', "_");
        let (_, key) = FIELDS.iter().find(|(fields, _)| fields.contains(&name.as_str()))?;
        let key = key.replace('*', &name);
        Some(format!("write it as --set {key}={}", value.unwrap_or("VALUE")))
    });
    options.next().filter(|_| is_job)
}

/// Fields of a run file by the names of options that people try; `*` stands for the name.
const FIELDS: [(&[&str], &str); 4] = [
    (&["epochs", "iterations", "batch_size", "seed", "shuffle", "snapshot", "keep"], "train.*"),
    (&["batch"], "train.batch_size"),
    (&["base_lr", "momentum", "weight_decay", "lr_policy", "max_iter"], "train.solver.*"),
    (&["lr", "learning_rate"], "train.solver.base_lr"),
];

/// Runs the program.
pub fn main() -> ExitCode {
    return_memory_at_once();
    let words = flags::spelled(std::env::args_os());
    let cli = Cli::try_parse_from(&words).unwrap_or_else(|mut error| {
        if let (ErrorKind::UnknownArgument, Some(hint)) = (error.kind(), hint(&words)) {
            error.remove(ContextKind::SuggestedArg);
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
        }
        error.exit()
    });
    let done = match cli.verb {
        Verb::Check(arguments) => check::run(&arguments),
        Verb::CreateDb(arguments) => create_db::run(&arguments),
        Verb::ConvertImageset(arguments) => convert_imageset::run(&arguments),
        Verb::ComputeMean(arguments) => compute_mean::run(&arguments),
        Verb::Train(arguments) => train::train(&arguments),
        Verb::Test(arguments) => train::test(&arguments),
        Verb::Infer(arguments) => infer::run(&arguments),
        Verb::Extract(arguments) => extract::run(&arguments),
        Verb::Clusters(arguments) => clusters::run(&arguments),
        Verb::Visualize(arguments) => visualize::run(&arguments),
        Verb::Plot(arguments) => plot::run(&arguments),
        Verb::Time(arguments) => time::run(&arguments),
        Verb::DeviceQuery => device_query::run(),
        Verb::Convert(arguments) => convert::run(&arguments),
        Verb::Diff(arguments) => diff::run(&arguments),
        Verb::Layers(arguments) => layers::run(&arguments),
        Verb::Explain(arguments) => explain::run(&arguments),
        Verb::Run(arguments) => run::run(&arguments),
        Verb::Serve(arguments) => serve::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Definition | Error::Differs) => ExitCode::FAILURE,
        Err(error) => {
            warn(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints what there is to complain about; an error if something is one.
fn complain(checked: &Checked) -> Result<()> {
    complain_about(&checked.diagnostics, &checked.sources)
}

/// Shows what definitions that are programs have printed, where it does not mix with results.
fn pass_on(diagnostics: &Diagnostics) {
    to_stderr(&said(diagnostics));
}

/// Complaints that are shown at once, at most.
const MOST: usize = 30;

/// The complaints that are shown: of very many the first errors, and warnings where there is room.
fn first_of(diagnostics: &Diagnostics) -> Diagnostics {
    let mut all: Vec<_> = diagnostics.iter().collect();
    all.sort_by_key(|d| d.severity() != Severity::Error);
    let mut shown = Diagnostics::default();
    for complaint in all.into_iter().take(MOST) {
        shown.report(complaint.clone());
    }
    shown.sort();
    if diagnostics.iter().count() <= MOST { diagnostics.clone() } else { shown }
}

/// Whether the environment lets a terminal have colours (no-color.org, bixense.com/clicolors).
fn wants_colour(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
    let is = |name: &str, value: &str| variable(name).is_some_and(|found| found == value);
    let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_color && !is("CLICOLOR", "0") && !is("TERM", "dumb")
}

fn complain_about(diagnostics: &Diagnostics, sources: &SourceMap) -> Result<()> {
    pass_on(diagnostics);
    if !diagnostics.is_empty() {
        let color = std::io::stderr().is_terminal() && wants_colour(|name| std::env::var_os(name));
        let shown = first_of(diagnostics);
        let width = terminal::width_of_complaints();
        let mut text = render_within(&shown, sources, color, width);
        let more = diagnostics.iter().count() - shown.iter().count();
        if 0 < more {
            text.push_str(&format!("\nand {more} more, which `cortado check --json` has\n"));
        }
        to_stderr(&format!("{text}{}\n", summary(diagnostics)));
    }
    match diagnostics.has_errors() {
        true => Err(Error::Definition),
        false => Ok(()),
    }
}

/// What came of a definition, if it has no errors; complaints about it are printed.
fn sound<T>(result: std::result::Result<T, Complaints>) -> Result<T> {
    result.or_else(|(sources, diagnostics)| {
        complain_about(&diagnostics, &sources)?;
        Err(Error::Definition)
    })
}

/// A `--shape data=64,3,28,28`.
fn named_shape(text: &str) -> Result<(String, Shape), String> {
    let (name, dims) = text.split_once('=').ok_or("write it as data=64,3,28,28")?;
    let dims: Result<Vec<usize>, _> = dims.split([',', 'x']).map(|d| d.trim().parse()).collect();
    Ok((name.to_owned(), Shape(dims.map_err(|_| format!("`{text}` holds a wrong number"))?)))
}

/// Makes an interrupt, or a request to end, remove what is half written before the process ends.
#[cfg(unix)]
fn tidy_when_stopped() -> Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let failed = |e| Error::refused(format!("cannot watch for signals: {e}"));
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            crate::file::remove_unfinished();
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn tidy_when_stopped() -> Result<()> {
    Ok(())
}

/// A number of things: `1 image`, `2 images`.
fn counted(n: u64, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// A count of at least 1.
fn positive(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|&count| 0 < count);
    count.ok_or_else(|| format!("`{text}` is no whole number from 1 on"))
}

/// A factor between a thousandth and a thousand.
fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor| (0.001..=1000.0).contains(factor));
    factor.ok_or_else(|| format!("`{text}` is not from 0.001 to 1000"))
}

fn shapes(given: &[(String, Shape)]) -> BTreeMap<String, Shape> {
    given.iter().cloned().collect()
}

/// Caffe's tools are told the kind of database; there is only one here.
fn only_lmdb(backend: &str) -> Result<()> {
    match backend {
        "lmdb" => Ok(()),
        _ => Err(Error::refused(format!(
            "`{backend}` databases are not read or written; lmdb ones are"
        ))),
    }
}

/// Writes to the standard output. Names of a definition cannot tell a terminal anything; a reader that has seen enough (`| head`)
/// is no error.
fn print(text: &str) -> Result<()> {
    use std::io::Write;
    match std::io::stdout().write_all(plain(text).as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::io("write", "the standard output", e))
        }
        _ => Ok(()),
    }
}

/// Writes a line to the standard output, likewise.
fn say(line: impl std::fmt::Display) -> Result<()> {
    print(&format!("{line}\n"))
}

/// Writes lines to the standard error, if anybody reads it.
fn warn(lines: &str) {
    to_stderr(&format!("{}\n", plain(lines)));
}

fn to_stderr(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Does work that tells how much of its `items` is done, and shows that to who looks at the standard error.
fn watched<R>(
    items: &str,
    work: impl FnOnce(&mut dyn FnMut(usize, usize)) -> Result<R>,
) -> Result<R> {
    let bar = std::io::stderr().is_terminal().then(|| ProgressBar::new(0));
    let style =
        ProgressStyle::with_template(&format!("{{bar:30}} {{pos}}/{{len}} {items} {{eta}} left"));
    if let (Some(bar), Ok(style)) = (&bar, style) {
        bar.set_style(style);
    }
    let done = work(&mut |done, total| {
        if let Some(bar) = &bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    done
}

/// The text of a doc comment with each paragraph on a line of its own.
fn paragraphs(doc: &str) -> String {
    let mut out = String::new();
    for paragraph in doc.split("\n\n") {
        let mut lines: Vec<&str> = paragraph.lines().map(str::trim).collect();
        lines.retain(|line| !line.is_empty());
        if !lines.is_empty() {
            out.push_str(&lines.join(" "));
            out.push('\n');
        }
    }
    out
}

/// The first sentence of a doc comment.
fn first_sentence(doc: &str) -> String {
    let paragraph = paragraphs(doc);
    let line = paragraph.lines().next().unwrap_or_default();
    let mut ends = line.match_indices(". ").map(|(at, _)| at);
    match ends.find(|&at| !line[..at].ends_with(" al") && !line[..at].ends_with("..")) {
        Some(end) => line[..=end].to_owned(),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_left_out_where_nobody_wants_them() {
        let with = |name: &'static str, value: &'static str| {
            wants_colour(|asked| (asked == name).then(|| value.into()))
        };
        assert!(with("TERM", "xterm") && with("NO_COLOR", "") && with("CLICOLOR", "1"));
        assert!(!with("NO_COLOR", "1") && !with("CLICOLOR", "0") && !with("TERM", "dumb"));
    }

    #[test]
    fn an_option_that_is_a_field_of_the_run_file_is_set() {
        let hint = |line: &str| hint(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        let set = Some("write it as --set train.epochs=3".to_owned());
        assert_eq!(hint("cortado train run.yaml --epochs 3"), set);
        assert_eq!(hint("cortado train run.yaml --epochs=3"), set);
        let set = Some("write it as --set train.solver.base_lr=0.1".to_owned());
        assert_eq!(hint("cortado train run.yaml --base-lr 0.1"), set);
        assert_eq!(hint("cortado check net.prototxt --epochs 3"), None);
        assert_eq!(hint("cortado train run.yaml --nothing"), None);
    }
}
