//! Texts of other kinds that are taken for a prototxt: what they are is said once, not what is wrong with each of their lines.

use crate::diag::{self, Diagnostic};
use crate::source::{FileId, Span};

/// A kind of text, and what to do about it.
struct Kind {
    what: &'static str,
    help: &'static str,
}

const JSON: Kind = Kind {
    what: "this is JSON",
    help: "a prototxt has no outer braces and no quotes around names: `layer { name: \"conv1\" type: \"Convolution\" ... }`",
};
const PAGE: Kind = Kind {
    what: "this is a web page",
    help: "save the file itself, not the page that shows it; on GitHub that is what `Raw` gives",
};
const XML: Kind =
    Kind { what: "this is XML", help: "give the definition of Caffe that it was made from" };
const POINTER: Kind = Kind {
    what: "this is a pointer of Git LFS",
    help: "`git lfs pull` in that repository gets the file that it stands for",
};
const PYTHON: Kind = Kind {
    what: "this is a Python program",
    help: "a program that makes a net for Caffe writes it with `to_proto()`: run it and give what it wrote; the name of a \
           definition for TensorFlow ends in .py",
};
const LUA: Kind =
    Kind { what: "this is a Lua program", help: "the name of a definition for Torch ends in .lua" };
const YAML: Kind = Kind {
    what: "this is YAML",
    help: "a prototxt has braces around the fields of a layer: `layer { name: \"conv1\" type: \"Convolution\" ... }`; the \
           name of a run file ends in .yaml",
};
const DARKNET: Kind = Kind {
    what: "this is a definition of Darknet",
    help: "give the prototxt that was made of it for Caffe",
};

/// The complaint about a text of another kind.
pub(super) fn complaint(file: FileId, text: &str) -> Option<Diagnostic> {
    let (at, first) = first_line(text)?;
    let kind = kind(first, text)?;
    let place = Span::new(file, at, at + first.len());
    let message = format!("{}, no prototxt", kind.what);
    Some(Diagnostic::new(&diag::E0101, place, message).here("as this shows").help(kind.help))
}

/// The first line that is neither empty nor a comment, and where it begins.
fn first_line(text: &str) -> Option<(usize, &str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let words = line.trim();
        let program = words.starts_with("#!");
        if !words.is_empty() && (program || !words.starts_with('#')) {
            return Some((at + line.len() - line.trim_start().len(), words));
        }
        at += line.len();
    }
    None
}

fn kind(first: &str, text: &str) -> Option<Kind> {
    let small = first.to_ascii_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| first.starts_with(word));
    let lines = || text.lines().map(str::trim);
    // A prototxt may begin with the name of an extension in brackets.
    let list = first.strip_prefix('[').map(str::trim_start);
    if first.starts_with('{') || list.is_some_and(|rest| rest.starts_with(['{', '"'])) {
        return Some(JSON);
    }
    if small.starts_with("<!doctype html") || small.starts_with("<html") {
        return Some(PAGE);
    }
    if begins(&["<?xml", "<net"]) {
        return Some(XML);
    }
    if first.starts_with("version https://git-lfs") {
        return Some(POINTER);
    }
    let named = |word: &str| small.starts_with("#!") && small.contains(word);
    let imports = first.starts_with("import ") && !first.contains([':', '{', '<']);
    let from = first.starts_with("from ") && first.contains(" import ");
    if named("python") || imports || from || (begins(&["def ", "class "]) && first.ends_with(':')) {
        return Some(PYTHON);
    }
    let local = first.starts_with("local ") && !first.contains([':', '{', '<']);
    if local || begins(&["require '", "require \"", "require'", "require("]) {
        return Some(LUA);
    }
    if begins(&["[net]", "[convolutional]"]) {
        return Some(DARKNET);
    }
    let item = |line: &str| line.strip_prefix("- ").is_some_and(|rest| rest.contains(':'));
    (!text.contains('{') && lines().any(item)).then_some(YAML)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let check = |text: &str, expected: &str| {
            let found = complaint(FileId(0), text).map(|d| d.message);
            assert!(found.as_ref().is_some_and(|m| m.contains(expected)), "{text}: {found:?}");
        };
        check("\n{ \"name\": 1 }", "JSON");
        check("[{\"name\": 1}]", "JSON");
        check("<!DOCTYPE html>\n<html>", "web page");
        check("version https://git-lfs.github.com/spec/v1", "Git LFS");
        check("# nets\nfrom caffe import layers as L", "Python");
        check("#!/usr/bin/env python\nx = 1", "Python");
        check("require 'nn'\n", "Lua");
        check("name: LeNet\nlayers:\n  - name: conv1\n", "YAML");
        check("[net]\nbatch=64", "Darknet");
        for text in [
            "",
            "# only words",
            "name: \"a\"\nlayer { }",
            "import: 3",
            "base_lr: 0.1",
            "[a.a]: 0 b: \"\\\":\"",
            "local { a: 1 }",
            "x: -1\n- 2",
        ] {
            assert!(complaint(FileId(0), text).is_none(), "{text}");
        }
    }
}
