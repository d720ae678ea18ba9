//! A GPU that is none: compiles scripts as C, runs the blocks and threads of their kernels as loops on the processor, and
//! has the processor's kernels for what a GPU has libraries for. Where NVIDIA's compiler is, it compiles every script too.

pub mod kernels;
pub mod layers;
pub mod nvrtc;
pub mod values;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use cortado::error::{Error, Result};
use cortado::exec::cpu::{conv, matmul};
use cortado::exec::cuda::driver::{Driver, Script, install};
use cortado::exec::cuda::form::Act;
use cortado::exec::cuda::library::{Convolution, Product, Way};
use cortado::exec::cuda::module::{Entry, Precision};
use cortado::real::Real;
use cortado::window::Conv;
use libloading::Library;

/// What a kernel that runs all its blocks looks like.
type Runner = unsafe extern "C" fn(i64, *mut *mut std::ffi::c_void);

/// Products of at most so many multiplications go by cuBLAS' definition, larger ones by the processor's kernel.
const SMALL: usize = 1 << 19;

/// What says that elements are counted with 32 bits.
const SHORT: &str = "#define WHOLE int\n";

/// The compilers that are asked, first the one that the environment names.
const COMPILERS: [&str; 4] = ["cc", "gcc", "clang", "c++"];

thread_local! {
    static LONG: Cell<bool> = const { Cell::new(false) };
}

/// Runs something whose sessions on GPUs count all elements with 64 bits, as they do where an operand is long.
pub fn counting_with_64_bits<R>(run: impl FnOnce() -> R) -> R {
    LONG.set(true);
    let result = run();
    LONG.set(false);
    result
}

/// From now on sessions on GPUs run on this.
///
/// # Panics
/// There is no C compiler: then nothing here can be tested, and a silent pass would say otherwise.
pub fn instead_of_gpus() {
    let compiler = compiler();
    assert!(compiler.is_some(), "no C compiler found; install gcc, these tests cannot do without");
    install(|_, precision| Ok(Box::new(Emulator::new(precision)?)));
}

/// A compiler of C on this machine.
pub fn compiler() -> Option<String> {
    let named = std::env::var("CC").ok();
    let mut all = named.into_iter().chain(COMPILERS.map(str::to_owned));
    all.find(|name| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success()))
}

/// Memory and scripts.
struct Emulator {
    precision: Precision,
    /// Whether texts are to count elements with 64 bits.
    long: bool,
    /// Aligned for any number type.
    memory: Vec<u64>,
    scripts: Vec<Vec<Arc<Prepared>>>,
    folder: tempfile::TempDir,
}

struct Prepared {
    script: Script,
    runners: Vec<Runner>,
    /// Keeps the runners loaded.
    _library: Library,
}

impl Emulator {
    fn new(precision: Precision) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|e| Error::io("create", Path::new("tmp"), e))?;
        let (long, memory, scripts) = (LONG.get(), vec![], vec![]);
        Ok(Emulator { precision, long, memory, scripts, folder })
    }

    /// The memory from a byte on.
    fn address(&mut self, at: usize) -> *mut u8 {
        assert!(at <= 8 * self.memory.len(), "address {at} outside the memory");
        // SAFETY: inside or one past the memory.
        unsafe { self.memory.as_mut_ptr().cast::<u8>().add(at) }
    }

    fn act(&mut self, prepared: &Prepared, act: usize) {
        match prepared.script.acts[act].clone() {
            Act::Launch { entry, operands, blocks } => {
                let runner = prepared.runners[entry];
                let Entry { arguments, name } = prepared.script.entries[entry].clone();
                assert_eq!(arguments, operands.len(), "arguments of {name}");
                let mut addresses: Vec<_> = operands.iter().map(|&at| self.address(at)).collect();
                let mut arguments: Vec<*mut std::ffi::c_void> =
                    addresses.iter_mut().map(|a| std::ptr::from_mut(a).cast()).collect();
                // SAFETY: the runner takes as many addresses as its entry has arguments, and writes what its step may.
                unsafe { runner(blocks as i64, arguments.as_mut_ptr()) };
            }
            Act::Product(product) => match self.precision {
                Precision::Single => self.product::<f32>(&product),
                Precision::Double => self.product::<f64>(&product),
            },
            Act::Convolution(convolution) => match self.precision {
                Precision::Single => self.convolution::<f32>(&convolution),
                Precision::Double => self.convolution::<f64>(&convolution),
            },
        }
    }

    fn copy<T: Real>(&mut self, at: usize, len: usize) -> Vec<T> {
        assert!(at + len * size_of::<T>() <= 8 * self.memory.len(), "outside the memory");
        // SAFETY: inside the memory, aligned by the plan, and any bits are a number.
        unsafe { std::slice::from_raw_parts(self.address(at).cast::<T>(), len).to_vec() }
    }

    fn paste<T: Real>(&mut self, at: usize, data: &[T]) {
        assert!(at + size_of_val(data) <= 8 * self.memory.len(), "outside the memory");
        // SAFETY: as above.
        unsafe {
            std::slice::from_raw_parts_mut(self.address(at).cast::<T>(), data.len())
                .copy_from_slice(data);
        }
    }

    fn product<T: Real>(&mut self, p: &Product<usize>) {
        if p.m * p.n * p.k <= SMALL {
            return self.by_columns::<T>(p);
        }
        let shape = matmul::Matmul::new(p.m, p.n, p.k, p.trans_a, p.trans_b).batched(p.batch);
        let a: Vec<T> = self.copy(p.a, p.batch * p.m * p.k);
        let b: Vec<T> = self.copy(p.b, p.batch * p.k * p.n);
        let mut c = vec![T::ZERO; p.batch * p.m * p.n];
        let mut work = vec![T::ZERO; matmul::workspace::<T>(&shape, 1)];
        matmul::matmul(&shape, T::ONE, &a, &b, T::ZERO, &mut c, Default::default(), &mut work);
        self.paste(p.c, &c);
    }

    /// What cuBLAS does with the arguments that it gets, by its definition.
    fn by_columns<T: Real>(&mut self, p: &Product<usize>) {
        let given = p.column_major();
        let [rows, columns, terms] = given.extents;
        let size = size_of::<T>();
        for i in 0..p.batch {
            let at = |(start, _, step): (usize, usize, usize)| start + i * step * size;
            let left: Vec<T> = self.copy(at(given.left), rows * terms);
            let right: Vec<T> = self.copy(at(given.right), terms * columns);
            let element = |trans: bool, data: &[T], lead: usize, row: usize, column: usize| {
                let (row, column) = if trans { (column, row) } else { (row, column) };
                data[column * lead + row]
            };
            let mut result = vec![T::ZERO; rows * columns];
            for column in 0..columns {
                for row in 0..rows {
                    let mut sum = 0.0;
                    for term in 0..terms {
                        let l = element(given.trans_left, &left, given.left.1, row, term);
                        let r = element(given.trans_right, &right, given.right.1, term, column);
                        sum += l.to_f64() * r.to_f64();
                    }
                    result[column * given.result.1 + row] = T::from_f64(sum);
                }
            }
            self.paste(at(given.result), &result);
        }
    }

    fn convolution<T: Real>(&mut self, c: &Convolution<usize>) {
        assert!(c.axes.iter().all(|axis| axis.pad_before == axis.pad_after), "pads differ");
        let geometry = Conv { axes: c.axes.to_vec(), group: c.group };
        let input: Vec<usize> = [c.batch, c.channels].into_iter().chain(c.input).collect();
        let shape = conv::Shape::new(&geometry, &input, c.outputs).expect("windows that fit");
        assert_eq!(shape.windows.output, c.output);
        let (images, weights, results) =
            (shape.input_len(), shape.weight_len(), shape.output_len());
        match c.way {
            Way::Forward => {
                let (x, w): (Vec<T>, Vec<T>) =
                    (self.copy(c.image, images), self.copy(c.weights, weights));
                let mut y = vec![T::ZERO; results];
                let mut work = vec![T::ZERO; conv::forward_workspace::<T>(&shape, 1)];
                conv::forward(&shape, &x, &w, None, false, T::ZERO, &mut y, &mut work);
                self.paste(c.result, &y);
            }
            Way::Input => {
                let (dy, w): (Vec<T>, Vec<T>) =
                    (self.copy(c.result, results), self.copy(c.weights, weights));
                let mut dx = vec![T::ZERO; images];
                let mut work = vec![T::ZERO; conv::input_gradient_workspace::<T>(&shape, 1)];
                conv::input_gradient(&shape, &dy, &w, None, T::ZERO, &mut dx, &mut work);
                self.paste(c.image, &dx);
            }
            Way::Filter => {
                let (x, dy): (Vec<T>, Vec<T>) =
                    (self.copy(c.image, images), self.copy(c.result, results));
                let mut dw = vec![T::ZERO; weights];
                let mut work = vec![T::ZERO; conv::weight_gradient_workspace::<T>(&shape, 1)];
                conv::weight_gradient(&shape, &x, &dy, T::ZERO, &mut dw, &mut work);
                self.paste(c.weights, &dw);
            }
        }
    }
}

/// Compiles a text to a shared library beside it.
pub fn compile(text: &str, source: &Path) -> Result<PathBuf> {
    std::fs::write(source, text).map_err(|e| Error::io("write", source, e))?;
    let library = source.with_extension("so");
    let compiler = compiler().ok_or_else(|| Error::refused("no C compiler"))?;
    let output = Command::new(compiler)
        .args(["-x", "c", "-std=gnu11", "-O1", "-fno-strict-aliasing", "-ffp-contract=off"])
        .args(["-Wall", "-Werror", "-Wno-unused", "-shared", "-fPIC", "-o"])
        .args([&library, source])
        .arg("-lm")
        .output()
        .map_err(|e| Error::io("compile", source, e))?;
    if !output.status.success() {
        let complaints = String::from_utf8_lossy(&output.stderr);
        return Err(Error::refused(format!("the text does not compile:\n{complaints}")));
    }
    Ok(library)
}

impl Driver for Emulator {
    fn allocate(&mut self, bytes: usize, _staged: usize) -> Result<()> {
        self.memory = vec![0; bytes.div_ceil(8)];
        Ok(())
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        self.paste_bytes(at, bytes);
        Ok(())
    }

    fn read(&mut self, at: usize, bytes: &mut [u8]) -> Result<()> {
        assert!(at + bytes.len() <= 8 * self.memory.len(), "outside the memory");
        // SAFETY: inside the memory.
        let from = unsafe { std::slice::from_raw_parts(self.address(at), bytes.len()) };
        bytes.copy_from_slice(from);
        Ok(())
    }

    fn prepare(&mut self, script: &Script) -> Result<usize> {
        let mut script = script.clone();
        if self.long {
            assert!(script.text.contains(SHORT), "where is the type that counts elements?");
            script.text = script.text.replacen(SHORT, "#define WHOLE long long\n", 1);
        }
        let script = &script;
        if let Some(folder) = nvrtc::folder() {
            nvrtc::check(&folder, script).map_err(Error::Refused)?;
        }
        let source = self.folder.path().join(format!("script{}.c", self.scripts.len()));
        let path = compile(&script.text, &source)?;
        let refused = |e: libloading::Error| Error::refused(e.to_string());
        // SAFETY: the library was made just now and does nothing when it is loaded.
        let library = unsafe { Library::new(path) }.map_err(refused)?;
        let runner = |entry: &Entry| {
            let name = format!("run_{}", entry.name);
            // SAFETY: all functions of this name have this type.
            unsafe { library.get::<Runner>(name.as_bytes()) }.map(|f| *f).map_err(refused)
        };
        let runners = script.entries.iter().map(runner).collect::<Result<_>>()?;
        let prepared = Prepared { script: script.clone(), runners, _library: library };
        self.scripts.push(vec![Arc::new(prepared)]);
        Ok(self.scripts.len() - 1)
    }

    fn join(&mut self, scripts: &[usize]) -> usize {
        let all = scripts.iter().flat_map(|&script| self.scripts[script].clone()).collect();
        self.scripts.push(all);
        self.scripts.len() - 1
    }

    fn run(&mut self, script: usize) -> Result<()> {
        self.run_timed(script).map(drop)
    }

    fn run_timed(&mut self, script: usize) -> Result<Vec<f64>> {
        let mut seconds = vec![];
        for prepared in self.scripts[script].clone() {
            for act in 0..prepared.script.acts.len() {
                let start = Instant::now();
                self.act(&prepared, act);
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
        Ok(seconds)
    }
}

impl Emulator {
    fn paste_bytes(&mut self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= 8 * self.memory.len(), "outside the memory");
        // SAFETY: inside the memory.
        unsafe {
            std::slice::from_raw_parts_mut(self.address(at), bytes.len()).copy_from_slice(bytes);
        }
    }
}
