//! Turns flags as Caffe's tools take them (gflags: `-gray`, `-resize_height=256`, `--noshuffle`) into those of this program.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory};

use super::Cli;

/// The command line with two dashes before every long name of the verb's options that has one, and `=false` for `no` before
/// that of a switch. What stands behind `--` is left as it is.
pub(super) fn spelled(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let mut out: Vec<OsString> = arguments.by_ref().take(2).collect();
    let program = Cli::command();
    let verb = out.get(1).and_then(|verb| program.find_subcommand(verb));
    let Some(verb) = verb else {
        out.extend(arguments);
        return out;
    };
    for argument in arguments.by_ref() {
        if argument == "--" {
            out.push(argument);
            break;
        }
        let modern = argument.to_str().and_then(|text| modern(verb, text));
        out.push(modern.map_or(argument, OsString::from));
    }
    out.extend(arguments);
    out
}

fn modern(verb: &Command, text: &str) -> Option<String> {
    let flag = text.strip_prefix("--").or_else(|| text.strip_prefix('-'))?;
    let name = flag.split_once('=').map_or(flag, |(name, _)| name);
    // One letter after one dash is a short name.
    if name.chars().count() < 2 {
        return None;
    }
    if find(verb, name).is_some() {
        return Some(format!("--{flag}"));
    }
    let switch = flag.strip_prefix("no").and_then(|name| find(verb, name))?;
    let may_be_alone =
        switch.get_num_args().is_some_and(|n| n.min_values() == 0 && n.takes_values());
    may_be_alone.then(|| format!("--{}=false", &flag[2..]))
}

fn find<'a>(verb: &'a Command, name: &str) -> Option<&'a Arg> {
    verb.get_arguments().find(|argument| {
        let aliases = argument.get_all_aliases().unwrap_or_default();
        argument.get_long() == Some(name) || aliases.contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> String {
        let words = line.split(' ').map(OsString::from);
        let words: Vec<String> =
            spelled(words).into_iter().map(|word| word.into_string().expect("text")).collect();
        words.join(" ")
    }

    #[test]
    fn one_dash_is_enough_before_a_long_name() {
        let line = "cortado convert-imageset -gray -resize_height=256 -resize_width 256 -backend lmdb -noshuffle";
        let want = "cortado convert-imageset --gray --resize_height=256 --resize_width 256 --backend lmdb --shuffle=false";
        assert_eq!(of(line), want);
        assert_eq!(
            of("cortado convert_imageset -check_size=false"),
            "cortado convert_imageset --check_size=false"
        );
        assert_eq!(
            of("cortado compute-mean -backend=lmdb db"),
            "cortado compute-mean --backend=lmdb db"
        );
    }

    #[test]
    fn other_words_stay() {
        for line in [
            "cortado convert-imageset -unknown --nobackend -1 -- -gray",
            "cortado train run.yaml -o out --no-such",
            "cortado -gray",
            "cortado nothing -gray",
            "cortado",
        ] {
            assert_eq!(of(line), line);
        }
    }
}
