//! Classes that a definition writes itself, beside modules of nn that mean the same.

use cortado::spec::Phase;
use cortado::weights::Blob;

use crate::lua_pass::{self, Tensors};

/// Numbers between -1 and 1 without a pattern; `seed` tells tensors apart.
pub fn scattered(shape: &[usize], seed: usize) -> Blob {
    let count: usize = shape.iter().product();
    let data = (0..count).map(|i| ((i * 7 + 13 * seed + 1) as f32 * 12.9898).sin()).collect();
    Blob { shape: shape.to_vec(), data }
}

pub fn run(text: &str, given: &Tensors) -> Result<Tensors, String> {
    run_in(text, given, Phase::Train)
}

pub fn run_in(text: &str, given: &Tensors, phase: Phase) -> Result<Tensors, String> {
    lua_pass::run(text, given, phase, 0)
}

/// A class with an `updateOutput` of this body, as `nn.Own`.
pub fn class(parent: &str, init: &str, body: &str) -> String {
    format!(
        "local Own, parent = torch.class('nn.Own', '{parent}')\n\
         function Own:__init(...) parent.__init(self) {init} end\n\
         function Own:updateOutput(input)\n{body}\nend\n"
    )
}

/// Runs a class of the definition's own beside modules of nn that mean the same: same outputs, same gradients.
pub fn same(own: &str, expr: &str, of_nn: &str, inputs: &[&[usize]], parameters: &[&[usize]]) {
    let mut given = Tensors::new();
    for (i, shape) in inputs.iter().enumerate() {
        given.insert(format!("in.{i}"), scattered(shape, i));
    }
    for (i, shape) in parameters.iter().enumerate() {
        given.insert(format!("param.{i}"), scattered(shape, 10 + i));
    }
    let definition = |model: &str| format!("{own}\nreturn {model}");
    let first = run(&definition(of_nn), &given).unwrap_or_else(|e| panic!("{of_nn}: {e}"));
    let outputs = first.iter().filter(|(name, _)| name.starts_with("out."));
    let douts: Vec<(String, Blob)> = outputs
        .enumerate()
        .map(|(i, (name, blob))| (format!("d{name}"), scattered(&blob.shape, 20 + i)))
        .collect();
    given.extend(douts);
    let want = run(&definition(of_nn), &given).unwrap_or_else(|e| panic!("{of_nn}: {e}"));
    // Where nn's modules have a parameter in the shape it is spread by, the class has a vector.
    for (_, blob) in given.iter_mut().filter(|(name, _)| name.starts_with("param.")) {
        if blob.shape[0] == 1 {
            blob.shape.retain(|&extent| extent != 1);
        }
    }
    let got = run(&definition(expr), &given).unwrap_or_else(|e| panic!("{own}: {e}"));
    let mut compared = 0;
    // Running statistics of what a class makes itself are listed nowhere.
    for (name, want) in want.iter().filter(|(name, _)| !name.starts_with("buf_after")) {
        let got = got.get(name).unwrap_or_else(|| panic!("{own}: no {name}"));
        assert_eq!(got.data.len(), want.data.len(), "{own}: {name}");
        let largest = want.data.iter().fold(0f32, |m, x| m.max(x.abs()));
        for (a, b) in got.data.iter().zip(&want.data) {
            assert!((a - b).abs() <= 1e-6 + 2e-5 * largest, "{own}: {name}: {a}, not {b}");
        }
        compared += 1;
    }
    assert!(2 * inputs.len() + parameters.len() <= compared, "{compared} tensors");
}

/// Runs a loss of the definition's own beside one of nn that means the same.
pub fn same_loss(own: &str, expr: &str, of_nn: &str, target: Blob) {
    let mut given = Tensors::new();
    given.insert("in.0".into(), scattered(&[4, 5], 0));
    given.insert("param.0".into(), scattered(&[3, 5], 1));
    given.insert("param.1".into(), scattered(&[3], 2));
    given.insert("target".into(), target);
    let definition =
        |loss: &str| format!("{own}\nreturn {{model = nn.Linear(5, 3), loss = {loss}}}");
    let want = run(&definition(of_nn), &given).unwrap_or_else(|e| panic!("{of_nn}: {e}"));
    let got = run(&definition(expr), &given).unwrap_or_else(|e| panic!("{own}: {e}"));
    assert!(want.contains_key("loss") && want.contains_key("dparam.0"), "{:?}", want.keys());
    for (name, want) in &want {
        let got = got.get(name).unwrap_or_else(|| panic!("{own}: no {name}"));
        let largest = want.data.iter().fold(0f32, |m, x| m.max(x.abs()));
        for (a, b) in got.data.iter().zip(&want.data) {
            assert!((a - b).abs() <= 1e-6 + 2e-5 * largest, "{own}: {name}: {a}, not {b}");
        }
    }
}

/// A criterion with an `updateOutput` of this body, as `nn.Own`.
pub fn criterion(body: &str) -> String {
    format!(
        "local Own, parent = torch.class('nn.Own', 'nn.Criterion')\n\
         function Own:__init(...) parent.__init(self) self.inner = nn.MSECriterion() end\n\
         function Own:updateOutput(input, target)\n{body}\nend\n"
    )
}
