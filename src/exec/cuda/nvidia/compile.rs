//! Compiles the text of a script for the GPU at hand and loads its kernels.

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaFunction};
use cudarc::nvrtc::{CompileError, CompileOptions, compile_ptx_with_opts};

use super::super::driver::Script;

/// The kernels of a script, in the order of its entries; the error is a sentence.
pub(super) fn functions(
    context: &Arc<CudaContext>,
    script: &Script,
) -> Result<Vec<CudaFunction>, String> {
    if script.entries.is_empty() {
        return Ok(vec![]);
    }
    let (major, minor) = context.compute_capability().map_err(|why| why.to_string())?;
    let options = CompileOptions {
        name: Some("script.cu".to_owned()),
        options: vec![
            format!("--gpu-architecture=compute_{major}{minor}"),
            "--std=c++17".to_owned(),
        ],
        ..CompileOptions::default()
    };
    let ptx = compile_ptx_with_opts(&script.text, options).map_err(|why| match why {
        CompileError::CompileError { log, .. } => {
            format!("NVRTC refuses a kernel's text: {}", log.to_string_lossy())
        }
        other => format!("NVRTC does not work: {other:?}"),
    })?;
    let module = context.load_module(ptx).map_err(|why| why.to_string())?;
    let load = |name: &str| {
        module.load_function(name).map_err(|why| format!("kernel {name} is missing: {why}"))
    };
    script.entries.iter().map(|entry| load(&entry.name)).collect()
}
