//! Compiles texts with NVIDIA's own run-time compiler, which needs neither a GPU nor a driver, and holds the kernels that
//! come out against their launches.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use cortado::exec::cuda::driver::Script;
use libloading::Library;

/// The GPUs that texts are compiled for: A100 and H100.
const TARGETS: [&str; 2] = ["compute_80", "compute_90"];

/// The folder of NVRTC's libraries, if the environment names one.
pub fn folder() -> Option<String> {
    std::env::var("CORTADO_NVRTC").ok().filter(|folder| !folder.is_empty())
}

/// Compiles a script's text for every target; says what is wrong.
pub fn check(folder: &str, script: &Script) -> Result<(), String> {
    let nvrtc = Nvrtc::load(Path::new(folder))?;
    for target in TARGETS {
        let ptx = nvrtc.compile(&script.text, target)?;
        for entry in &script.entries {
            let head = format!(".entry {}(", entry.name);
            let (_, rest) = ptx.split_once(&head).ok_or(format!("no kernel {}", entry.name))?;
            let (parameters, _) = rest.split_once(')').unwrap_or((rest, ""));
            let count = parameters.matches(".param").count();
            if count != entry.arguments {
                return Err(format!("{} has {count} parameters: {entry:?}", entry.name));
            }
        }
    }
    Ok(())
}

struct Nvrtc {
    library: Library,
    /// What the library itself looks for beside it.
    _builtins: Library,
}

type Handle = *mut c_void;
type Create = unsafe extern "C" fn(
    *mut Handle,
    *const c_char,
    *const c_char,
    c_int,
    *const *const c_char,
    *const *const c_char,
) -> c_int;
type Compile = unsafe extern "C" fn(Handle, c_int, *const *const c_char) -> c_int;
type Size = unsafe extern "C" fn(Handle, *mut usize) -> c_int;
type Text = unsafe extern "C" fn(Handle, *mut c_char) -> c_int;
type Destroy = unsafe extern "C" fn(*mut Handle) -> c_int;

impl Nvrtc {
    fn load(folder: &Path) -> Result<Nvrtc, String> {
        let named = |start: &str| {
            let files =
                std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            let mut paths = files.flatten().map(|file| file.path());
            let fits = |path: &std::path::PathBuf| {
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))
            };
            paths.find(fits).ok_or(format!("no {start} in {}", folder.display()))
        };
        let load = |path: std::path::PathBuf| {
            // SAFETY: NVIDIA's libraries do nothing when they are loaded.
            unsafe { Library::new(&path) }.map_err(|e| format!("{}: {e}", path.display()))
        };
        let builtins = load(named("libnvrtc-builtins.so")?)?;
        Ok(Nvrtc { library: load(named("libnvrtc.so")?)?, _builtins: builtins })
    }

    fn symbol<F: Copy>(&self, name: &CStr) -> Result<F, String> {
        // SAFETY: the types above are those of NVRTC's header.
        unsafe { self.library.get::<F>(name.to_bytes()) }.map(|f| *f).map_err(|e| e.to_string())
    }

    fn compile(&self, text: &str, target: &str) -> Result<String, String> {
        let create: Create = self.symbol(c"nvrtcCreateProgram")?;
        let compile: Compile = self.symbol(c"nvrtcCompileProgram")?;
        let destroy: Destroy = self.symbol(c"nvrtcDestroyProgram")?;
        let text = CString::new(text).map_err(|e| e.to_string())?;
        let target =
            CString::new(format!("--gpu-architecture={target}")).map_err(|e| e.to_string())?;
        let options = [target.as_ptr(), c"--fmad=false".as_ptr(), c"--std=c++17".as_ptr()];
        let mut handle: Handle = std::ptr::null_mut();
        // SAFETY: all pointers live through the calls; sizes are asked for before texts.
        unsafe {
            let none = std::ptr::null();
            let name = c"script.cu".as_ptr();
            if create(&mut handle, text.as_ptr(), name, 0, none, none) != 0 {
                return Err("NVRTC makes no program".into());
            }
            let compiled = compile(handle, options.len() as c_int, options.as_ptr());
            let parts = match compiled {
                0 => [c"nvrtcGetPTXSize", c"nvrtcGetPTX"],
                _ => [c"nvrtcGetProgramLogSize", c"nvrtcGetProgramLog"],
            };
            let (size, read): (Size, Text) = (self.symbol(parts[0])?, self.symbol(parts[1])?);
            let mut len = 0;
            size(handle, &mut len);
            let mut bytes = vec![0u8; len.max(1)];
            read(handle, bytes.as_mut_ptr().cast());
            destroy(&mut handle);
            let written = String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned();
            if compiled == 0 { Ok(written) } else { Err(written) }
        }
    }
}
