//! The JSON that the program gives is what docs/json.md says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Place, cortado, network, prints};

/// The examples of docs/json.md under each of its headings.
fn examples() -> BTreeMap<String, Vec<Value>> {
    let text = include_str!("../../docs/json.md");
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for section in text.split("\n## ").skip(1) {
        let heading = section.lines().next().expect("a heading").to_owned();
        let blocks = section.split("```json\n").skip(1).map(|block| {
            let (json, _) = block.split_once("```").expect("an end");
            serde_json::from_str(json).unwrap_or_else(|e| panic!("{heading}: {e}: {json}"))
        });
        let blocks = blocks.collect();
        found.insert(heading.clone(), blocks);
    }
    found
}

/// The example that is the n-th one under a heading.
fn example(heading: &str, n: usize) -> Value {
    let all = examples();
    let under = all.get(heading).unwrap_or_else(|| panic!("there is no `{heading}`"));
    under[n].clone()
}

/// What differs in form: members, and kinds of values. Null is of every kind, an empty list holds every kind.
fn difference(at: &str, told: &Value, given: &Value) -> Option<String> {
    match (told, given) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Object(told), Value::Object(given)) => {
            let wild = told.iter().find(|(key, _)| key.starts_with('<'));
            let missing =
                told.keys().find(|key| !key.starts_with('<') && !given.contains_key(*key));
            if let Some(missing) = missing {
                return Some(format!("{at}: no `{missing}`"));
            }
            given.iter().find_map(|(key, value)| {
                match told.get(key).or(wild.map(|(_, value)| value)) {
                    Some(told) => difference(&format!("{at}.{key}"), told, value),
                    None => Some(format!("{at}: `{key}` is not told of")),
                }
            })
        }
        (Value::Array(told), Value::Array(given)) => {
            let is_row = |value: &Value| !value.is_object() && !value.is_array();
            let pairs = given.iter().enumerate().filter_map(|(i, value)| {
                // Lists of unlike values, such as a name and a number, are as long as they are told to be.
                let told = told.get(i).filter(|_| told.iter().all(is_row)).or(told.first())?;
                Some((i, told, value))
            });
            pairs
                .into_iter()
                .find_map(|(i, told, value)| difference(&format!("{at}[{i}]"), told, value))
        }
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_)) => None,
        _ => Some(format!("{at}: {given} is of another kind than {told}")),
    }
}

#[track_caller]
fn is_told(told: &Value, given: &str) {
    let given = serde_json::from_str(given).unwrap_or_else(|e| panic!("{e}: {given}"));
    assert_eq!(difference("", told, &given), None, "{given:#}");
}

/// An example without some members.
fn without(mut example: Value, members: &[&str]) -> Value {
    let object = example.as_object_mut().expect("an object");
    object.retain(|key, _| !members.contains(&key.as_str()));
    example
}

#[test]
fn other_forms_are_found() {
    let told = serde_json::json!({ "a": 1, "b": { "<name>": [[0.5]] }, "c": [["x", 1]] });
    let check = |given: Value| difference("", &told, &given);
    let fine = serde_json::json!({ "a": null, "b": { "x": [], "y": [[1, 2]] }, "c": [["x", 1], ["y", 2]] });
    assert_eq!(check(fine), None);
    for (given, expected) in [
        (serde_json::json!({ "a": 1, "c": [] }), ": no `b`"),
        (serde_json::json!({ "a": 1, "b": {}, "c": [], "d": 1 }), ": `d` is not told of"),
        (serde_json::json!({ "a": "1", "b": {}, "c": [] }), ".a: \"1\" is of another kind than 1"),
        (
            serde_json::json!({ "a": 1, "b": { "x": [1] }, "c": [] }),
            ".b.x[0]: 1 is of another kind than [0.5]",
        ),
        (
            serde_json::json!({ "a": 1, "b": {}, "c": [[1, 1]] }),
            ".c[0][0]: 1 is of another kind than \"x\"",
        ),
    ] {
        assert_eq!(check(given).as_deref(), Some(expected));
    }
}

#[test]
fn check_and_time_give_what_is_told() {
    let place = Place::new();
    let net = network("siamese/caffe.prototxt");
    let check = |more: &[&str]| {
        let shape = ["--shape", "data=2,3,28,28", "--shape", "label=2,1,1,1", "--json"];
        prints(&[&["check", &net], &shape[..], more].concat())
    };
    let heading = "`check NET --json`";
    let mut told = example(heading, 0);
    is_told(&told, &check(&[]));
    let more = example(heading, 2);
    told.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    is_told(&told, &check(&["--plan", "--memory"]));
    // A complaint with an edit, and one with a trace.
    let typo = "layer { name: 'a' type: 'Convolutoin' top: 'a' }";
    let lua = "require 'nn'\nlocal function f(n)\n  return nn.Linear(n, 'x')\nend\nreturn f(3)\n";
    for (name, text, member) in [("a.prototxt", typo, "edit"), ("a.lua", lua, "trace")] {
        let output = cortado(&["check", &place.write(name, text), "--json"]);
        let given = String::from_utf8(output.stdout).expect("text");
        is_told(&example(heading, 0), &given);
        let given: Value = serde_json::from_str(&given).expect("JSON");
        let member = &given["diagnostics"][0][member];
        assert!(
            member.is_object() || member.as_array().is_some_and(|all| !all.is_empty()),
            "{given:#}"
        );
    }
    let output = cortado(&["check", &place.at("none.prototxt"), "--json"]);
    is_told(&example(heading, 1), &String::from_utf8(output.stdout).expect("text"));
    let shape = ["--shape", "data=2,1,28,28", "--iterations", "1", "--json"];
    let time = prints(&[&["time", &network("lenet/caffe.prototxt")], &shape[..]].concat());
    is_told(&example("`time NET --json`", 0), &time);
}

#[test]
fn runs_give_what_is_told() {
    let place = Place::new();
    place.pairs(32, |i| i % 2);
    let train = "iterations: 2, batch_size: 16, solver: { base_lr: 0.01 }";
    let data = "images: db/train_images, labels: db/train_labels }\n  val: { images: db/train_images, labels: db/train_labels";
    let run = place.run("run.yaml", data, train);
    prints(&["train", &run]);
    let log = std::fs::read_to_string(place.path("out/log.jsonl")).expect("a log");
    let told = [0, 1, 2].map(|n| example("`log.jsonl`", n));
    let mut seen = [false; 3];
    for line in log.lines() {
        let given: Value = serde_json::from_str(line).expect("JSON");
        let at = told.iter().position(|told| told["event"] == given["event"]);
        let at = at.unwrap_or_else(|| panic!("{line}"));
        is_told(&told[at], line);
        seen[at] = true;
    }
    assert_eq!(seen, [true; 3]);
    is_told(&example("`test RUN --json`", 0), &prints(&["test", &run, "--json"]));

    let [pair, other] =
        ["same", "different"].map(|kind| place.at(&format!("db/train_test_{kind}_class_0.png")));
    let infer = |arguments: &[&str]| prints(&[&["infer", &run, "--json"], arguments].concat());
    let heading = "`infer RUN IMAGE... --json`";
    is_told(&example(heading, 0), &infer(&[&pair]));
    is_told(&example(heading, 1), &infer(&[&pair, &other]));
    let seen = place.at("seen");
    is_told(&example(heading, 2), &infer(&[&pair, "--top", "1", "--explain-input", &seen]));
    let page = place.at("page.html");
    let mut told = example(heading, 0);
    told["statistics"] = example(heading, 3)["statistics"].clone();
    is_told(&told, &infer(&[&pair, "--statistics", &page]));
    let by_image = example(heading, 1);
    let mut told = without(example(heading, 2), &["outputs", "distance", "predictions"]);
    let list = example(heading, 2)["predictions"].clone();
    told["outputs"] = by_image["outputs"].clone();
    told["distance"] = by_image["distance"].clone();
    told["predictions"] = serde_json::json!({ "<image>": list });
    is_told(&told, &infer(&[&pair, &other, "--top", "1", "--explain-input", &seen]));

    let features = place.at("f.json");
    prints(&["extract", &run, "--blobs", "f_left, f_right", "-o", &features]);
    let features = std::fs::read_to_string(features).expect("written");
    is_told(&example("`extract ... -o features.json`", 0), &features);
}
