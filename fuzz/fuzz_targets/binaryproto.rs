#![no_main]

use cortado::weights::{SolverState, read_binaryproto};
use cortado_fuzz::{file, of_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mean = file("mean.binaryproto", bytes);
    of_file(&mean, read_binaryproto(&mean));
    let state = file("net.solverstate", bytes);
    of_file(&state, SolverState::read(&state));
});
