//! Compiles the text of a script for the GPU at hand and loads its kernels.

use std::ffi::{CString, c_char};
use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaFunction};
use cudarc::nvrtc::result::{
    NvrtcError, compile_program, create_program, destroy_program, get_program_log,
};
use cudarc::nvrtc::{Ptx, sys};

use super::super::driver::Script;

/// The machine code of a script for a GPU, if it has kernels; the error is a sentence.
pub(super) fn binary(
    context: &Arc<CudaContext>,
    script: &Script,
) -> Result<Option<Vec<u8>>, String> {
    if script.entries.is_empty() {
        return Ok(None);
    }
    let (major, minor) = context.compute_capability().map_err(|why| why.to_string())?;
    compiled(&script.text, &format!("sm_{major}{minor}")).map(Some)
}

/// The kernels of a script, in the order of its entries; the error is a sentence.
pub(super) fn load(
    context: &Arc<CudaContext>,
    script: &Script,
    binary: Option<Vec<u8>>,
) -> Result<Vec<CudaFunction>, String> {
    let Some(binary) = binary else { return Ok(vec![]) };
    let module = context.load_module(Ptx::from_binary(binary)).map_err(|why| why.to_string())?;
    let load = |name: &str| {
        module.load_function(name).map_err(|why| format!("kernel {name} is missing: {why}"))
    };
    script.entries.iter().map(|entry| load(&entry.name)).collect()
}

/// The machine code of a text for an architecture. Unlike PTX, it runs with any driver of CUDA's major version.
///
/// Products and sums are rounded one by one (`fmad`), as on the processor.
fn compiled(text: &str, architecture: &str) -> Result<Vec<u8>, String> {
    let text = CString::new(text).map_err(|why| why.to_string())?;
    let failed = |why: NvrtcError| format!("NVRTC does not work: {why:?}");
    let options = [&format!("--gpu-architecture={architecture}"), "--std=c++17", "--fmad=false"];
    let program = create_program(&text, Some(c"script.cu")).map_err(failed)?;
    // SAFETY: the program is destroyed once, after everything was read.
    unsafe {
        let made = match compile_program(program, &options) {
            Ok(()) => machine_code(program).map_err(failed),
            Err(why) => {
                let log = get_program_log(program).unwrap_or_default();
                let log: String = log.iter().map(|&c| char::from(c as u8)).collect();
                let log = log.trim_end_matches('\0');
                Err(format!("NVRTC refuses a kernel's text ({why:?}): {log}"))
            }
        };
        let _ = destroy_program(program);
        made
    }
}

/// What a program was compiled to.
///
/// # Safety
/// The program was compiled and is not destroyed.
unsafe fn machine_code(program: sys::nvrtcProgram) -> Result<Vec<u8>, NvrtcError> {
    let mut size = 0;
    // SAFETY: the buffer has the size that NVRTC asks for.
    unsafe {
        sys::nvrtcGetCUBINSize(program, &mut size).result()?;
        let mut binary = vec![0u8; size];
        sys::nvrtcGetCUBIN(program, binary.as_mut_ptr().cast::<c_char>()).result()?;
        Ok(binary)
    }
}
