//! Turns the log of a training, cortado's or Caffe's, into curves: values against iterations.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::log::{self, Event};
use super::{caffe_log, console_log};
use crate::error::{Error, Result};

/// Pairs of an iteration and a value, in the order of the log.
pub type Points = Vec<(f64, f64)>;

/// What a log says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// Training loss, as it was displayed.
    pub loss: Points,
    /// Learning rate.
    pub rate: Points,
    /// The loss of the first test net.
    pub test_loss: Points,
    /// Outputs of the training net by name; further elements of a blob have their number in brackets.
    pub train: BTreeMap<String, Points>,
    /// Outputs of test nets by name; those of net 1 and further begin with `#1 `.
    pub test: BTreeMap<String, Points>,
}

impl Curves {
    fn is_empty(&self) -> bool {
        self.loss.is_empty() && self.test.is_empty() && self.test_loss.is_empty()
    }

    /// Reads a log: JSON lines as cortado writes them, or the text that Caffe or cortado printed.
    ///
    /// # Errors
    /// The file cannot be read, or holds no iteration.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = crate::file::read(path)?;
        let text = String::from_utf8_lossy(&bytes);
        let curves = match text.trim_start().starts_with('{') {
            true => of_events(&log::parse(path, &bytes)?),
            false => Some(caffe_log::curves(&text))
                .filter(|curves| !curves.is_empty())
                .unwrap_or_else(|| console_log::curves(&text)),
        };
        if curves.is_empty() {
            return Err(Error::format(
                path,
                "holds no iterations; a log is cortado's log.jsonl, or what cortado or Caffe print while they train",
            ));
        }
        Ok(curves)
    }

    /// The names of all outputs.
    pub fn outputs(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.train.keys().chain(self.test.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

fn of_events(events: &[Event]) -> Curves {
    let mut curves = Curves::default();
    for event in events {
        let at = event.iteration() as f64;
        match event {
            Event::Train { smoothed_loss, lr, outputs, .. } => {
                curves.loss.push((at, *smoothed_loss));
                curves.rate.push((at, *lr));
                add(&mut curves.train, 0, at, outputs);
            }
            Event::Test { net, loss, outputs, .. } => {
                if *net == 0 {
                    curves.test_loss.push((at, *loss));
                }
                add(&mut curves.test, *net, at, outputs);
            }
            Event::Snapshot { .. } => {}
        }
    }
    curves
}

/// The name of the curve of an element of an output of a net, 0 for the net in training and the first test net.
pub(super) fn name(net: usize, output: &str, element: usize) -> String {
    let net = if net == 0 { String::new() } else { format!("#{net} ") };
    let element = if element == 0 { String::new() } else { format!("[{element}]") };
    format!("{net}{output}{element}")
}

fn add(to: &mut BTreeMap<String, Points>, net: usize, at: f64, outputs: &Map<String, Value>) {
    for (output, value) in outputs {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for (i, value) in values.iter().enumerate() {
            let value = value.as_f64().unwrap_or(f64::NAN);
            to.entry(name(net, output, i)).or_default().push((at, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lines_become_curves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let lines = [
            r#"{"event":"test","iteration":0,"epoch":null,"net":0,"loss":2.5,"outputs":{"accuracy":0.1},"seconds":0}"#,
            r#"{"event":"train","iteration":0,"epoch":null,"loss":null,"smoothed_loss":2,"lr":0.5,"outputs":{"e":[1,null]},"seconds":1}"#,
            r#"{"event":"snapshot","iteration":1,"file":"x"}"#,
            r#"{"event":"test","iteration":1,"epoch":null,"net":1,"loss":2.5,"outputs":{"accuracy":0.3},"seconds":0}"#,
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let curves = Curves::read(&path).unwrap();
        assert_eq!(
            (curves.loss.clone(), curves.rate.clone()),
            (vec![(0.0, 2.0)], vec![(0.0, 0.5)])
        );
        assert_eq!(curves.test_loss, [(0.0, 2.5)]);
        assert_eq!(curves.outputs(), ["#1 accuracy", "accuracy", "e", "e[1]"]);
        std::fs::write(&path, "nothing of the kind").unwrap();
        assert!(Curves::read(&path).unwrap_err().to_string().contains("holds no iterations"));
    }
}
