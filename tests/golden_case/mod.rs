//! What the suites of golden cases do alike: find the cases of a folder, read one, and compare what comes out.

#![allow(dead_code, reason = "a suite that takes the cases as nets compares in its own way")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cortado::ir::NetState;
use cortado::one_pass::{check_options, input_shapes, input_values};
use cortado::pipeline::{self, Checked, Options};
use cortado::spec::Phase;
use cortado::weights::{Blob, read_safetensors};
use libtest_mimic::Failed;
use serde_json::Value;

/// Tensors by name.
pub type Tensors = BTreeMap<String, Blob>;

/// The cases in a folder of tests/golden with their names, in the order of these.
pub fn cases(folder: &str) -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let entries = std::fs::read_dir(folder).expect("the golden cases are part of the repository");
    let mut cases: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let definitions = ["def.lua", "def.py", "net.prototxt"];
    cases.retain(|path| definitions.iter().any(|name| path.join(name).exists()));
    cases.sort();
    let named =
        |path: PathBuf| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path);
    cases.into_iter().map(named).collect()
}

/// A case: the tensors that were given and those that came out, and how its definition is checked.
pub struct Case {
    /// All tensors by name.
    pub tensors: Tensors,
    /// What was said beside the definition; null where nothing was.
    pub meta: Value,
    /// The definition.
    pub path: PathBuf,
    /// The shapes and the phase of the case.
    pub options: Options,
}

impl Case {
    /// Reads a case. Torch's modules are in training unless their meta.json says otherwise, TensorFlow's nets where it does.
    pub fn open(folder: &Path) -> Result<Case, Failed> {
        let tensors = read_safetensors(&folder.join("data.safetensors"))?;
        let meta = match std::fs::read(folder.join("meta.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(_) => Value::Null,
        };
        let net = folder.join("net.prototxt");
        if net.exists() {
            let options = Options {
                own_state: true,
                shapes: input_shapes(&tensors),
                values: input_values(&tensors),
                ..Options::default()
            };
            return Ok(Case { tensors, meta, path: net, options });
        }
        let programs = ["def.lua", "def.py"].map(|name| folder.join(name));
        let path = programs.into_iter().find(|path| path.exists()).ok_or("no definition")?;
        let trained = match path.ends_with("def.py") {
            true => meta["is_training"] == true,
            false => meta["mode"] != "eval",
        };
        let phase = if trained { Phase::Train } else { Phase::Test };
        let mut options = check_options(&path, &tensors, Some(NetState::phase(phase)));
        let count = |value: &Value| value.as_u64().map(|n| n as usize);
        let params = &meta["params"];
        options.request.classes = count(&params["nclasses"]).or(count(&meta["nclasses"]));
        options.request.input_shape =
            params["inputShape"].as_array().map(|list| list.iter().filter_map(count).collect());
        Ok(Case { tensors, meta, path, options })
    }

    /// The definition; complaints are errors, and so are warnings where `warnings` says it.
    pub fn checked(&self, warnings: bool) -> Result<Checked, Failed> {
        let checked = pipeline::check_file(&self.path, &self.options)?;
        match checked.diagnostics.has_errors() || warnings && !checked.diagnostics.is_empty() {
            true => Err(checked.complaints().into()),
            false => Ok(checked),
        }
    }

    /// The tensors whose names begin with one of these.
    pub fn given(&self, prefixes: &[&str]) -> Tensors {
        let named = |name: &String| prefixes.iter().any(|prefix| name.starts_with(prefix));
        let given = self.tensors.iter().filter(|(name, _)| named(name));
        given.map(|(name, blob)| (name.clone(), blob.clone())).collect()
    }
}

/// Where two tensors differ: in their shapes, or first in an element by more than the tolerance of its expected value.
pub fn difference(
    name: &str,
    got: &Blob,
    want: &Blob,
    tolerance: impl Fn(f32) -> f32,
) -> Option<String> {
    if got.shape != want.shape {
        return Some(format!("{name} is {:?}, not {:?}", got.shape, want.shape));
    }
    let wrong = got.data.iter().zip(&want.data).position(|(&a, &b)| {
        let same = a == b || a.is_nan() && b.is_nan();
        let close = (a - b).abs() <= tolerance(b);
        !same && (!close || !b.is_finite())
    })?;
    let (a, b) = (got.data[wrong], want.data[wrong]);
    Some(format!("{name}[{wrong}] is {a}, not {b}"))
}

/// The end of a case in which so much failed; one of `quirks` must fail.
pub fn verdict(folder: &Path, quirks: &[&str], failures: &[String]) -> Result<(), Failed> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    match (failures.is_empty(), quirks.contains(&name.as_ref())) {
        (true, true) => Err("agrees with the original, so it belongs in no list of quirks".into()),
        (false, false) => Err(failures.join("\n").into()),
        (true, false) | (false, true) => Ok(()),
    }
}
