//! Lua snippets through the interpreter, against what LuaJIT prints; golden scripts; the cage; mutated texts.
//!
//! A file of `tests/lua` holds cases that begin with `-- @case name`; the file beside it holds their output under the
//! same marks, an uncaught error as `error: message`. `tests/lua/bless.sh` writes it with the real interpreter. `cage.txt`
//! holds scripts that try to break out, each with words of the error that stops it behind a line of dashes.

use cortado::front::cage::{Limits, on_large_stack};
use cortado::front::torch::interp::Lua;
use cortado::front::torch::library::Library;
use cortado::source::SourceMap;
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;

mod snippets;

use snippets::{Snippets, check, read};

const LUA: Snippets = Snippets { folder: "lua", ending: "lua", mark: "-- @case " };

fn main() {
    let mut trials = golden_scripts();
    trials.extend(LUA.trials(|text| output("case", text, Limits::default(), false)));
    trials.extend(LUA.expectations("cage", is_stopped));
    trials.extend(nested());
    trials.push(Trial::test("mutated_texts_end", mutated_texts_end));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// What a chunk prints, with or without Torch's library, and the error that stopped it.
fn output(path: &str, text: &str, limits: Limits, torch: bool) -> String {
    on_large_stack(|| {
        let mut lua = Lua::new(SourceMap::default(), limits);
        if torch {
            Library::install(&mut lua).expect("the limits hold the library");
        }
        let stopped = match lua.load(path, text) {
            Ok(chunk) => lua.call(&chunk, vec![]).err().map(|error| error.message()),
            Err(errors) => errors.first().map(|error| {
                let place = lua.sources.place(error.span);
                let line = place.rsplit_once(':').map_or("", |(line, _)| line);
                format!("{line}: {}", error.message)
            }),
        };
        let stopped = stopped.map_or(String::new(), |message| format!("error: {message}\n"));
        format!("{}{stopped}", lua.output())
    })
}

fn golden_scripts() -> Vec<Trial> {
    let trial = |path: PathBuf| {
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        Trial::test(format!("golden::{name}"), move || {
            let expected = read(&path.with_extension("out"));
            let text = read(&path);
            // Plain scripts see no library: it changes the standard one.
            let torch = text.contains("require 'torch'") || text.contains("require 'nn'");
            check(&output(&name, &text, Limits::default(), torch), &expected)
        })
    };
    let scripts = Snippets { folder: "golden/torch/lua", ..LUA };
    scripts.files().into_iter().map(trial).collect()
}

/// Smaller than the defaults, so that unoptimised builds reach them soon.
const CAGE: Limits = Limits { steps: 4_000_000, memory: 32 << 20, calls: 6000, output: 1 << 16 };

/// A script that tries to break out ends with an error that has these words, and does not catch it.
fn is_stopped(script: &str, expected: &str) -> Result<(), Failed> {
    let got = output("case", script, CAGE, script.contains("torch."));
    match got.lines().find(|line| line.starts_with("error: ")) {
        Some(line) if line.contains(expected) || got.contains(expected) => Ok(()),
        _ => Err(format!("expected an error with `{expected}`, got `{got:.300}`").into()),
    }
}

/// Texts that are nested too deep to be read.
fn nested() -> Vec<Trial> {
    let deep: [(&str, String); 8] = [
        ("parentheses", format!("return {}1{}", "(".repeat(100_000), ")".repeat(100_000))),
        ("tables", format!("return {}{}", "{".repeat(100_000), "}".repeat(100_000))),
        ("functions", "return function() ".repeat(50_000)),
        ("blocks", "do ".repeat(100_000)),
        ("minus", format!("return {}1", "- ".repeat(100_000))),
        ("powers", format!("return {}1", "2^".repeat(100_000))),
        ("sums", format!("return {}1", "1+".repeat(100_000))),
        ("chain", format!("return x{}", ":f()".repeat(100_000))),
    ];
    let trial = |(name, text): (&str, String)| {
        Trial::test(format!("cage::nested_{name}"), move || {
            let got = output("case", &text, Limits::default(), false);
            check(&got, "error: case:1: chunk has too many syntax levels")
        })
    };
    deep.into_iter().map(trial).collect()
}

/// Damaged texts neither panic nor run for ever.
fn mutated_texts_end() -> Result<(), Failed> {
    let limits = Limits { steps: 20_000, memory: 4 << 20, calls: 200, output: 1 << 16 };
    LUA.damage(b" ()[]{}\"'=.,:;+-*/%^#~<>\\0aendx\n", |text, _| {
        output("case", text, limits, false);
    });
    Ok(())
}
