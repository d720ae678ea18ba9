//! Everything that only a GPU can show: the golden cases and trajectories of Caffe, Torch and TensorFlow on cuda:0, every
//! kernel and every rule against the processor, the same bits from graphs and from launches and from every run, a plan
//! that is too large, a run that is resumed.
//!
//! `cargo test --release --features cuda --test cuda`, on a machine with a GPU; the built binary runs alone as well, from
//! the root of the repository. Without a GPU, `.ci/simulated_gpu` runs it on one that is simulated.

#![allow(clippy::duplicate_mod, reason = "suites that share a module are modules here")]

#[allow(dead_code, reason = "some of its checks are for the processor only")]
#[path = "caffe_layers.rs"]
mod caffe_layers;
#[allow(dead_code, reason = "as above")]
#[path = "caffe_nets.rs"]
mod caffe_nets;
#[path = "simulated_gpu/host.rs"]
mod host;
#[path = "emulator/kernels.rs"]
mod kernels;
#[path = "emulator/layers.rs"]
mod layers;
#[allow(dead_code, reason = "as above")]
#[path = "tensorflow_layers.rs"]
mod tensorflow_layers;
#[allow(dead_code, reason = "as above")]
#[path = "tensorflow_steps.rs"]
mod tensorflow_steps;
#[allow(dead_code, reason = "as above")]
#[path = "torch_layers.rs"]
mod torch_layers;
#[allow(dead_code, reason = "as above")]
#[path = "torch_nets.rs"]
mod torch_nets;
#[path = "emulator/values.rs"]
mod values;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cortado::exec::{Device, Session, SessionOptions, available, workspace};
use cortado::job::{self, JobOptions};
use cortado::plan::{Request, plan};
use cortado::program::{Builder, Program};
use cortado::ty::Shape;
use libtest_mimic::{Arguments, Failed, Trial};

const GPU: Device = Device::Cuda(0);

/// With the name of a net here in the environment, or `case` and the number of one of TensorFlow's, the binary trains it for a
/// few updates and prints the bits; with ` beside others` behind it, while another thread opens and closes the GPU.
const PRINT_BITS: &str = "CORTADO_TEST_BITS";

/// With this in the environment, the binary compares convolutions by cuDNN, by whatever algorithms it expects to be quickest.
const CONVOLVE: &str = "CORTADO_TEST_CONVOLUTIONS";

/// What lets convolutions be sums. Some of Torch's trajectories stay within their bounds only then: single results of
/// Winograd's transforms are off by 1e-6 of the largest, which is enough for a ReLU to decide otherwise.
const DIRECT: (&str, &str) = ("CORTADO_CUDNN", "direct");

fn main() {
    if std::env::var_os(CONVOLVE).or(std::env::var_os(DIRECT.0)).is_none() {
        // SAFETY: there are no other threads yet.
        unsafe { std::env::set_var(DIRECT.0, DIRECT.1) };
    }
    if let Err(why) = available(GPU) {
        eprintln!("nothing was tested: {why}");
        std::process::exit(2);
    }
    if std::env::var_os(CONVOLVE).is_some() {
        let found = values::differing(&kernels::convolutions(), GPU, 2.0);
        println!("differ: {found:?}");
        return;
    }
    if let Ok(net) = std::env::var(PRINT_BITS) {
        match bits(&net) {
            Ok(bits) => println!("bits {bits}"),
            Err(why) => println!("failed: {why:?}"),
        }
        return;
    }
    let mut trials = vec![];
    trials.extend(caffe_layers::trials(GPU));
    trials.extend(caffe_nets::trajectories(GPU));
    trials.extend(torch_layers::trials(GPU));
    trials.extend(tensorflow_layers::trials(GPU));
    let steps = || tensorflow_steps::replay(GPU).map_err(|e| e.to_string().into());
    trials.push(Trial::test("tensorflow_steps", steps));
    for net in ["siamese_small", "bnnet"] {
        let replay = move || torch_nets::replay(net, GPU).map_err(|e| e.to_string().into());
        trials.push(Trial::test(format!("torch_nets/{net}"), replay));
    }
    let programs: [(&str, fn() -> Program); 6] = [
        ("convolutions", kernels::convolutions),
        ("small_convolutions", kernels::small_convolutions),
        ("poolings", kernels::poolings),
        ("lines", kernels::lines),
        ("others", kernels::others),
        ("places", kernels::places),
    ];
    for (name, program) in programs {
        trials.push(Trial::test(format!("kernels/{name}"), move || {
            let found = values::differing(&program(), GPU, 2.0);
            if found.is_empty() { Ok(()) } else { Err(found.join("\n").into()) }
        }));
    }
    trials.push(Trial::test("kernels/convolutions_by_any_algorithm", any_algorithm));
    trials.push(Trial::test("kernels/layers", || layers::agree(GPU)));
    trials.push(Trial::test("kernels/updates", || Ok(kernels::updates(GPU)?)));
    trials.push(Trial::test("graphs_and_launches_give_the_same_bits", same_bits));
    trials.push(Trial::test("too_large_a_plan_is_an_error", too_large));
    trials.extend(host::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// The parameters of a net after a few updates, as one number.
fn bits(net: &str) -> Result<u64, Failed> {
    let (net, over) = match net.strip_suffix(" beside others") {
        Some(net) => (net, false),
        None => (net, true),
    };
    let over = Arc::new(AtomicBool::new(over));
    let (ours, theirs) = (over.clone(), over);
    // Another thread opens and closes the GPU all the while.
    let others = std::thread::spawn(move || {
        while !theirs.load(Ordering::Relaxed) {
            available(GPU)?;
        }
        Ok::<(), cortado::error::Error>(())
    });
    let bits = trained_bits(net);
    ours.store(true, Ordering::Relaxed);
    others.join().map_err(|_| "a thread panicked")??;
    bits
}

fn trained_bits(net: &str) -> Result<u64, Failed> {
    let folder = tempfile::tempdir()?;
    let nets = Path::new("tests/golden/caffe/nets");
    let mut options = JobOptions { device: GPU, ..JobOptions::default() };
    let run = match net.strip_prefix("case ") {
        Some(number) => {
            let case = &tensorflow_steps::cases()[number.parse::<usize>()?];
            tensorflow_steps::write_case(case, folder.path()).map_err(|why| why.to_string())?.0
        }
        None => {
            options.weights = vec![nets.join(net).join("data.safetensors")];
            options.tensors = Some(nets.join("siamese_batches.safetensors"));
            nets.join(net).join("solver.prototxt")
        }
    };
    let mut trainer = job::open(&run, &options)?.job.ok_or("the solver has errors")?.trainer;
    for _ in 0..host::UPDATES {
        trainer.advance()?;
    }
    let mut sum = 0xcbf2_9ce4_8422_2325u64;
    for x in trainer.parameters().values().flat_map(|blob| &blob.data) {
        sum = (sum ^ u64::from(x.to_bits())).wrapping_mul(0x0000_0100_0000_01b3);
    }
    Ok(sum)
}

/// Whether scripts are captured as graphs is decided when a GPU is opened, so every way has a process of its own. With
/// `always`, a script that cannot be captured is an error.
fn same_bits() -> Result<(), Failed> {
    let mut said = vec![];
    for graphs in ["always", "always", "0"] {
        let output = Command::new(std::env::current_exe()?)
            .env(PRINT_BITS, "siamese_full_sgd")
            .env("CORTADO_CUDA_GRAPHS", graphs)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.starts_with("bits ")).ok_or(text.clone())?;
        said.push(line.to_owned());
    }
    if said.iter().all(|line| *line == said[0]) { Ok(()) } else { Err(format!("{said:?}").into()) }
}

/// Convolutions in a process that leaves all of them to cuDNN and lets it transform images.
fn any_algorithm() -> Result<(), Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.env(CONVOLVE, "1").env(DIRECT.0, "always").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.trim() == "differ: []" { Ok(()) } else { Err(text.into()) }
}

/// A plan of 2 TiB.
fn too_large() -> Result<(), Failed> {
    let mut b = Builder::new();
    let x = b.input("x", Shape::from([1 << 20, 1 << 18]));
    let y = b.scale(x, 2.0);
    b.output("y", y);
    let plan = plan(b.finish(), &Request::default(), &workspace::<f32>(GPU, 1));
    let options = SessionOptions { device: GPU, threads: 1, seed: 0 };
    match Session::<f32>::new(Arc::new(plan), &options) {
        Ok(_) => Err("2 TiB were allocated".into()),
        Err(why) if why.to_string().contains("not enough memory") => Ok(()),
        Err(why) => Err(why.to_string().into()),
    }
}
