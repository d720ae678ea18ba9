//! The `cortado` program; everything is in [`cortado::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    cortado::cli::main()
}
