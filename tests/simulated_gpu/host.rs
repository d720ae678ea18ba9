//! What only a simulated GPU can show of the code around the device: which calls a step makes, that no order of streams and
//! threads changes a bit, and what happens when a call fails.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Failed, Trial};

/// Updates of the process that prints bits.
pub const UPDATES: usize = 8;

/// Bytes of a batch of the net that the processes here train: 8 pairs of images of 28 x 28 in three channels, and 8 labels.
const BATCH: usize = 4 * (8 * 3 * 28 * 28 + 8);

/// Bytes of the numbers of an update, at most.
const NUMBERS: usize = 512;

/// The tests, if this is a simulated GPU.
pub fn trials() -> Vec<Trial> {
    if std::env::var_os("SIMULATED_GPU").is_none() {
        return vec![];
    }
    vec![
        Trial::test("host/a_step_copies_a_batch_and_launches_a_graph", calls_of_a_step),
        Trial::test("host/passes_of_an_update_do_not_wait", calls_of_passes),
        Trial::test("host/changed_gradients_and_rates_do_not_wait", calls_of_rewriting),
        Trial::test("host/a_test_takes_parameters_on_the_device", calls_of_tests),
        Trial::test("host/sessions_of_other_threads_break_no_capture", beside_each_other),
        Trial::test("host/no_order_of_streams_changes_a_bit", orders),
        Trial::test("host/where_nothing_can_be_captured_launches_serve", without_graphs),
        Trial::test("host/a_call_that_fails_is_an_error", failures),
        Trial::test("host/what_cannot_be_read_is_not_written", unread_weights),
        Trial::test("host/a_killed_run_goes_on_from_its_snapshot", resumed),
        Trial::test("host/too_little_memory_is_an_error", scarce),
        Trial::test("host/no_gpu_is_an_error", absent),
        Trial::test("host/roughly_rounded_products_are_asked_for", rounded),
    ]
}

fn case(name: &str) -> PathBuf {
    Path::new("tests/golden/caffe/nets").join(name)
}

/// This binary, which then trains for a few steps and prints the bits.
fn steps(net: &str, settings: &[(&str, &str)]) -> Result<String, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(super::PRINT_BITS, net).envs(settings.iter().copied());
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    let bits = text.lines().find(|line| line.starts_with("bits "));
    bits.map(str::to_owned).ok_or_else(|| format!("{text}{complaints}").into())
}

/// The calls in a log, up to each launch of a graph.
fn by_graph(log: &Path) -> Result<Vec<Vec<String>>, Failed> {
    let mut graphs: Vec<Vec<String>> = vec![];
    let mut now = vec![];
    for line in std::fs::read_to_string(log)?.lines() {
        now.push(line.to_owned());
        if line.starts_with("cuGraphLaunch") {
            graphs.push(std::mem::take(&mut now));
        }
    }
    Ok(graphs)
}

/// The calls of a training run, up to each launch of a graph.
fn graphs(net: &str) -> Result<Vec<Vec<String>>, Failed> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("calls");
    steps(net, &[("SIMULATED_GPU_LOG", &log.to_string_lossy())])?;
    by_graph(&log)
}

/// The same of a net whose updates are a graph each, from the third on: the calls of each update.
fn calls(net: &str) -> Result<Vec<Vec<String>>, Failed> {
    let mut updates = graphs(net)?;
    if updates.len() < UPDATES - 1 {
        return Err(format!("{} graphs were launched", updates.len()).into());
    }
    Ok(updates.split_off(2))
}

/// Every call of an update but those that wait for nothing and allocate nothing.
fn suspicious(update: &[String]) -> Vec<&String> {
    const FREE: [&str; 4] =
        ["cuEventSynchronize passed", "cuEventRecord", "cuStreamWaitEvent", "cuGraphLaunch"];
    let innocent = |call: &&String| {
        let copies = call.starts_with("cuMemcpyDtoDAsync")
            || call.starts_with("cuMemcpyHtoDAsync") && call.ends_with("pinned");
        copies || FREE.iter().any(|free| call.starts_with(free))
    };
    update.iter().filter(|call| !innocent(call)).collect()
}

/// Whether a call is of those that read the losses of the last 1024 runs.
fn shows_losses(call: &str) -> bool {
    let bytes = call.strip_prefix("cuMemcpyDtoHAsync ").and_then(|n| n.parse::<usize>().ok());
    call == "cuStreamSynchronize" || bytes.is_some_and(|n| n.is_multiple_of(4 * 1024))
}

/// Bytes that an update copies to the device.
fn copied(update: &[String]) -> usize {
    let sizes = update.iter().filter_map(|call| call.strip_prefix("cuMemcpyHtoDAsync "));
    sizes.filter_map(|rest| rest.split(' ').next()?.parse::<usize>().ok()).sum()
}

fn calls_of_a_step() -> Result<(), Failed> {
    for update in calls("siamese_full_sgd")? {
        let wrong = suspicious(&update);
        if !wrong.is_empty() {
            return Err(format!("a step calls {wrong:?}").into());
        }
        let bytes = copied(&update);
        let copies = update.iter().filter(|call| call.starts_with("cuMemcpyHtoD")).count();
        if copies != 1 || !(BATCH..BATCH + NUMBERS).contains(&bytes) {
            return Err(
                format!("a step copies {bytes} bytes in {copies}, a batch has {BATCH}").into()
            );
        }
    }
    Ok(())
}

/// With `iter_size`, passes, sums and the update are graphs of their own.
fn calls_of_passes() -> Result<(), Failed> {
    let updates = calls("siamese_sgd_iter2")?;
    let wrong: BTreeSet<_> = updates[6..].iter().flat_map(|update| suspicious(update)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("a pass calls {wrong:?}").into()) }
}

/// Where the definition changes gradients, they stay on the device, as do those of several losses and the rates of each.
fn calls_of_rewriting() -> Result<(), Failed> {
    for (number, case) in super::tensorflow_steps::cases().iter().enumerate() {
        let graphs = graphs(&format!("case {number}"))?;
        // At first, graphs are captured, and at last the parameters are read. In between losses are displayed.
        let last = graphs[graphs.len() / 2..].iter().flat_map(|graph| suspicious(graph));
        let wrong: BTreeSet<_> = last.filter(|call| !shows_losses(call)).collect();
        if !wrong.is_empty() {
            return Err(format!("{}: an update calls {wrong:?}", case["name"]).into());
        }
    }
    Ok(())
}

/// A test gets its parameters without a detour by the host, and waits once.
fn calls_of_tests() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (log, case) = (folder.path().join("calls"), case("lenet_sgd"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_cortado"));
    command.arg("train").arg(case.join("solver.prototxt")).args(["--device", "cuda:0"]);
    command.args(["--set", "max_iter=7", "--set", "test_interval=2", "--set", "snapshot=0"]);
    command.args(["--set", "snapshot_after_train=false", "--set", "test_iter=3", "-o"]);
    command.arg(folder.path()).arg("--tensors").arg(case.join("batches.safetensors"));
    let output = command.env("SIMULATED_GPU_LOG", &log).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() || text.matches("test net #0").count() != 3 {
        return Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let graphs = by_graph(&log)?;
    // The last update before the last test, its three passes, and an update.
    let last = &graphs[graphs.len() - 5..];
    let mut waits: Vec<&str> = last
        .iter()
        .flat_map(|graph| suspicious(graph))
        .filter_map(|w| w.split(' ').next())
        .collect();
    waits.sort_unstable();
    // For the losses of the updates, and for the outputs of the passes.
    let expected = ["cuMemcpyDtoHAsync", "cuStreamSynchronize"].map(|call| [call; 2]).concat();
    if waits == expected { Ok(()) } else { Err(format!("{waits:?}").into()) }
}

/// Captures live through other threads' opening and closing.
fn beside_each_other() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("calls");
    let settings = [
        ("SIMULATED_GPU_LOG", &*log.to_string_lossy()),
        ("SIMULATED_GPU_CAPTURE", "200"),
        ("CORTADO_CUDA_GRAPHS", "always"),
    ];
    let beside = steps("siamese_full_sgd beside others", &settings)?;
    let opened = std::fs::read_to_string(&log)?.matches("cudnnDestroy").count();
    match beside == steps("siamese_full_sgd", &[])? && 4 < opened {
        true => Ok(()),
        false => Err(format!("{beside}, beside {opened} others").into()),
    }
}

fn orders() -> Result<(), Failed> {
    let expected = steps("siamese_full_sgd", &[])?;
    for order in ["late", "ahead"] {
        for graphs in ["0", "1"] {
            let settings = [("SIMULATED_GPU_ORDER", order), ("CORTADO_CUDA_GRAPHS", graphs)];
            let found = steps("siamese_full_sgd", &settings)?;
            if found != expected {
                return Err(format!("{order}, graphs {graphs}: {found}, not {expected}").into());
            }
        }
    }
    Ok(())
}

fn without_graphs() -> Result<(), Failed> {
    let expected = steps("siamese_full_sgd", &[])?;
    for call in ["cuStreamBeginCapture", "cuStreamEndCapture", "cuGraphInstantiate"] {
        let found = steps("siamese_full_sgd", &[("SIMULATED_GPU_FAIL", &format!("{call}:1:900"))])?;
        if found != expected {
            return Err(format!("without {call}: {found}, not {expected}").into());
        }
    }
    Ok(())
}

/// `cortado train` on the GPU, with snapshots every 4 updates of 12.
fn train(folder: &Path, settings: &[(&str, &str)], more: &[&str]) -> Result<Output, Failed> {
    let case = case("siamese_full_sgd");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cortado"));
    command.arg("train").arg(case.join("solver.prototxt"));
    command.args(["--device", "cuda:0", "--set", "max_iter=12", "--set", "snapshot=4", "-o"]);
    command.arg(folder).args(more);
    command.arg("--tensors").arg(case.join("../siamese_batches.safetensors"));
    command.envs(settings.iter().copied());
    Ok(command.output()?)
}

/// Error output of a run that must end with exit code 1 and one error.
fn complaint(output: &Output) -> Result<String, Failed> {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors = text.lines().filter(|line| line.starts_with("error")).count();
    if output.status.code() != Some(1) || errors != 1 || text.contains("panicked") {
        return Err(format!("{:?}, {text}", output.status).into());
    }
    Ok(text)
}

/// The files of a folder whose names end so.
fn files(folder: &Path, end: &str) -> Result<Vec<PathBuf>, Failed> {
    let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let mut found: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    found.sort();
    Ok(found)
}

fn failures() -> Result<(), Failed> {
    let calls = [
        ("cuStreamCreate:1:2", "cuda:0"),
        ("cuMemAlloc:1:2", "out of memory"),
        ("cuMemAllocAsync:1:2", "not enough memory"),
        ("cuMemHostAlloc:1:2", "out of memory"),
        ("cuModuleLoadData:1:700", "illegal memory access"),
        ("cuLaunchKernel:30:700", "illegal memory access"),
        ("cuMemcpyHtoDAsync:18:700", "illegal memory access"),
        ("cuEventRecord:20:700", "illegal memory access"),
        ("cuGraphLaunch:5:700", "illegal memory access"),
        ("cublasGemmStridedBatched:1:700", "cuBLAS"),
        ("cudnnConvolutionForward:1:700", "cuDNN"),
    ];
    for (call, said) in calls {
        let folder = tempfile::tempdir()?;
        let settings = [("SIMULATED_GPU_FAIL", call), ("CORTADO_CUDNN", "always")];
        let output = train(folder.path(), &settings, &[])?;
        let text = complaint(&output).map_err(|why| format!("{call}: {why:?}"))?;
        if !text.contains(said) {
            return Err(format!("{call}: {text}").into());
        }
    }
    Ok(())
}

/// Weights that a broken device does not give are in no file.
fn unread_weights() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("calls");
    train(folder.path(), &[("SIMULATED_GPU_LOG", &log.to_string_lossy())], &[])?;
    let all = std::fs::read_to_string(&log)?;
    let reads = all.lines().filter(|line| line.starts_with("cuMemcpyDtoHAsync")).count();
    // A snapshot reads some twenty arrays; a few of them stand for all.
    for read in (1..=reads).step_by(7) {
        let folder = tempfile::tempdir()?;
        let failing = format!("cuMemcpyDtoHAsync:{read}:700");
        complaint(&train(folder.path(), &[("SIMULATED_GPU_FAIL", &failing)], &[])?)
            .map_err(|why| format!("{read} of {reads}: {why:?}"))?;
        for path in files(folder.path(), ".safetensors")? {
            let bytes = std::fs::read(&path)?;
            let tensors = safetensors::SafeTensors::deserialize(&bytes)?;
            for (name, tensor) in tensors.tensors().iter().filter(|(name, _)| name.ends_with(".0"))
            {
                if tensor.data().iter().all(|byte| *byte == 0) {
                    return Err(format!("{read}: {name} is zero in {}", path.display()).into());
                }
            }
        }
    }
    Ok(())
}

fn resumed() -> Result<(), Failed> {
    let (whole, killed) = (tempfile::tempdir()?, tempfile::tempdir()?);
    if !train(whole.path(), &[], &[])?.status.success() {
        return Err("the run fails".into());
    }
    // Nothing is lost but what came after the snapshot at 8.
    let failing = [("SIMULATED_GPU_FAIL", "cuGraphLaunch:10:700")];
    complaint(&train(killed.path(), &failing, &[])?)?;
    let states = files(killed.path(), ".state")?;
    let last = states.last().ok_or("no state was written")?;
    let output = train(killed.path(), &[], &["--resume", &last.to_string_lossy()])?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let read = |folder: &Path| -> Result<Vec<u8>, Failed> {
        let all = files(folder, "12.safetensors")?;
        Ok(std::fs::read(all.first().ok_or("no weights after 12 updates")?)?)
    };
    match read(whole.path())? == read(killed.path())? {
        true => Ok(()),
        false => Err("a resumed run has other weights".into()),
    }
}

fn scarce() -> Result<(), Failed> {
    for (mib, said) in [("34", "not enough memory"), ("10", "out of memory")] {
        let folder = tempfile::tempdir()?;
        let text = complaint(&train(folder.path(), &[("SIMULATED_GPU_MIB", mib)], &[])?)?;
        if !text.contains(said) {
            return Err(format!("{mib} MiB: {text}").into());
        }
    }
    Ok(())
}

fn absent() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let text = complaint(&train(folder.path(), &[("SIMULATED_GPU_COUNT", "0")], &[])?)?;
    if !text.contains("no cuda:0") {
        return Err(text.into());
    }
    Ok(())
}

/// Rounding is off unless it is asked for, and then both libraries round.
fn rounded() -> Result<(), Failed> {
    let exact = steps("siamese_full_sgd", &[("CORTADO_TF32", "0")])?;
    let rough = steps("siamese_full_sgd", &[("CORTADO_TF32", "1")])?;
    match steps("siamese_full_sgd", &[])? == exact && exact != rough {
        true => Ok(()),
        false => Err(format!("exact {exact}, rough {rough}").into()),
    }
}
