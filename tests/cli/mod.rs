//! The program as people start it.

use std::process::{Command, Output};

/// What comes of a run.
pub fn cortado(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cortado"));
    command.args(arguments).output().expect("the program starts")
}

/// What a run prints; it must end well.
pub fn prints(arguments: &[&str]) -> String {
    let output = cortado(arguments);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaints}");
    String::from_utf8(output.stdout).expect("text")
}
