//! One forward and backward pass of a Lua definition, with the names of Torch's people.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cortado::exec::Device;
use cortado::ir::NetState;
use cortado::one_pass::{PassOptions, check_options, inward, one_pass, outward};
use cortado::pipeline;
use cortado::spec::Phase;
use cortado::weights::Blob;

/// Tensors by name.
pub type Tensors = BTreeMap<String, Blob>;

/// What a definition makes of tensors, or all that is said against it.
pub fn run(text: &str, given: &Tensors, phase: Phase, seed: u64) -> Result<Tensors, String> {
    let path = PathBuf::from("definition.lua");
    let options = check_options(&path, given, Some(NetState::phase(phase)));
    let checked = pipeline::check(&path, text.to_owned(), &options);
    if checked.diagnostics.has_errors() {
        return Err(checked.complaints());
    }
    let env = pipeline::environment(&options, &|_| None);
    let pass = PassOptions { backward: true, device: Device::Cpu, threads: 1, seed };
    let definition = &checked.definition;
    let results = one_pass(&checked.stages[0], &env, &inward(definition, given), &pass);
    results.map(|results| outward(definition, given, results)).map_err(|error| error.to_string())
}
