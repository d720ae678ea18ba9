//! Training steps and inference of whole nets: milliseconds by batch size and threads.
//!
//! ```text
//! cargo bench --bench nets -- lenet                      # nets of networks/ whose name contains this
//! cargo bench --bench nets -- resnet50 --steps           # and the kernels that take the time
//! nets FILE train|infer SHAPE [--steps]                  # another net
//! nets --serve FILE train|infer BATCH THREADS [WEIGHTS]  # for a script that runs several programs in turn
//! ```
//!
//! A training step is a forward pass, a backward pass and SGD with momentum and decay; inference is the net without its
//! loss. Data are made up. A server prints a line of JSON when it is ready, then one for each line with a number of seconds
//! it reads: the milliseconds of every run in that time.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cortado::exec::SessionOptions;
use cortado::exec::cpu::update::{Decay, Rule, Step, update};
use cortado::ir::NetState;
use cortado::passes::lower::Backward;
use cortado::pipeline::{self, Options};
use cortado::program::cost;
use cortado::spec::Phase;
use cortado::train::machine::{Machine, Purpose};
use cortado::ty::Shape;
use cortado::weights::{order, read_weights};

/// What is timed when nothing else is asked for: the folder, the extents of one image, and batch sizes.
const NETS: &[(&str, [usize; 3], &[usize], &[usize])] = &[
    ("siamese", [3, 28, 28], &[8, 64, 256], &[]),
    ("lenet", [1, 28, 28], &[64], &[1, 8]),
    ("alexnet", [3, 227, 227], &[16], &[1, 8]),
    ("googlenet", [3, 224, 224], &[], &[1, 8]),
    ("resnet50", [3, 224, 224], &[8], &[1, 8]),
    ("mobilenet", [3, 224, 224], &[], &[1]),
    ("squeezenet", [3, 227, 227], &[], &[1]),
    ("vgg16", [3, 224, 224], &[], &[1]),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let (flags, plain): (Vec<_>, Vec<_>) = arguments.iter().partition(|a| a.starts_with("--"));
    if flags.iter().any(|flag| *flag == "--serve") {
        serve(&plain);
        return;
    }
    let steps = flags.iter().any(|flag| *flag == "--steps");
    let wanted = plain.first().map_or("", |name| name.as_str());
    println!(
        "{:<12} {:<6} {:>5} {:>7} {:>10} {:>10} {:>9}",
        "net", "", "batch", "threads", "best ms", "median", "GFLOP/s"
    );
    if let [file, what, shape] = &plain[..] {
        let path = Path::new(file.as_str());
        let name = path.file_stem().expect("a file").to_string_lossy();
        compare(&name, path, *what == "train", &extents(shape), steps);
        return;
    }
    for (name, image, train, infer) in NETS.iter().filter(|net| net.0.contains(wanted)) {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("networks/{name}/caffe.prototxt"));
        for (training, batches) in [(true, train), (false, infer)] {
            for &batch in *batches {
                let shape = [batch, image[0], image[1], image[2]];
                compare(name, &path, training, &shape, steps);
            }
        }
    }
}

/// A line for one thread and one for two, and the kernels if they are wanted.
fn compare(name: &str, path: &Path, training: bool, shape: &[usize], steps: bool) {
    let mut alone = vec![];
    for threads in [1, 2] {
        let mut net = Net::new(path, training, shape, threads, None);
        let mut times = net.time(Duration::from_millis(1500));
        times.sort_by(f64::total_cmp);
        let (best, median) = (times[0], times[times.len() / 2]);
        let flops = 2.0 * net.multiply_adds() as f64 / best / 1e6;
        let what = if training { "train" } else { "infer" };
        println!(
            "{name:<12} {what:<6} {:>5} {threads:>7} {best:>10.3} {median:>10.3} {flops:>9.1}",
            shape[0]
        );
        match (steps, threads) {
            (true, 1) => alone = net.step_times(),
            (true, _) => net.print_steps(&alone),
            (false, _) => {}
        }
    }
}

/// The numbers of a shape such as `8,3,224,224`.
fn extents(text: &str) -> Vec<usize> {
    text.split(',').map(|n| n.parse().expect("an extent")).collect()
}

/// Times a net on demand.
fn serve(arguments: &[&String]) {
    let [file, what, batch, threads, rest @ ..] = arguments else {
        panic!("nets --serve FILE train|infer SHAPE THREADS [WEIGHTS]")
    };
    let start = Instant::now();
    let shape = extents(batch);
    let threads = threads.parse().expect("a number of threads");
    let weights = rest.first().map(PathBuf::from);
    let mut net = Net::new(Path::new(file), *what == "train", &shape, threads, weights.as_deref());
    net.run();
    println!(
        "{{\"ready_ms\": {}, \"multiply_adds\": {}, \"arena_mib\": {}}}",
        start.elapsed().as_secs_f64() * 1e3,
        net.multiply_adds(),
        (net.machine.plan().arena * 4) >> 20
    );
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if line.trim() == "output" {
            println!("{:?}", net.output());
            continue;
        }
        let seconds: f64 = line.trim().parse().expect("a number of seconds");
        println!("{:?}", net.time(Duration::from_secs_f64(seconds)));
    }
}

/// A net with its memory.
struct Net {
    machine: Machine,
    training: bool,
}

impl Net {
    fn new(
        path: &Path,
        training: bool,
        shape: &[usize],
        threads: usize,
        weights: Option<&Path>,
    ) -> Net {
        let shapes = BTreeMap::from([
            ("data".to_owned(), Shape::from(shape.to_vec())),
            ("label".to_owned(), Shape::from([shape[0]])),
        ]);
        let phase = if training { Phase::Train } else { Phase::Test };
        let mut state = NetState::phase(phase);
        if !training {
            state.stages = vec!["deploy".to_owned()];
        }
        let options = Options { shapes, stages: vec![state], ..Options::default() };
        let mut checked = pipeline::check_file(path, &options).expect("the definition can be read");
        assert!(!checked.diagnostics.has_errors(), "{:#?}", checked.diagnostics);
        let typed = checked.stages.remove(0);
        let env = pipeline::environment(&options, &pipeline::record_shape);
        let purpose = match training {
            true => Purpose { backward: Backward::Parameters, histories: 1, watched: false },
            false => Purpose::FORWARD,
        };
        let options = SessionOptions { threads, ..SessionOptions::default() };
        let mut machine = Machine::new(typed, &env, purpose, &options).expect("the net can run");
        machine.fill(1);
        if let Some(path) = weights {
            let places = order::places(&machine.typed, &[]);
            let weights = read_weights(path, &places).expect("weights can be read");
            machine.take(path, &weights, &[]).expect("the weights fit");
        }
        let plan = machine.planned.plan.clone();
        for (name, v) in &plan.program.inputs {
            let number = |i: usize| match &name[..] {
                "label" | "sim" => (i % 2) as f32,
                _ => (i * 7919 % 256) as f32 / 256.0,
            };
            let values: Vec<f32> = (0..plan.program.shape(*v).count()).map(number).collect();
            machine.set(name, &values).expect("it is an input");
        }
        Net { machine, training }
    }

    fn run(&mut self) {
        self.machine.session.run().expect("the data fit");
        if !self.training {
            return;
        }
        let plan = self.machine.planned.plan.clone();
        let rule = Rule::Momentum { momentum: 0.9 };
        let step = Step { rate: 1e-6, decay: Decay::L2(0.0005), clip: 1.0, normalizer: 1.0 };
        let ends = plan.parameters.len;
        self.machine.session.with_arena(|arena| {
            let (weights, rest) = arena.split_at_mut(ends);
            let (gradients, rest) = rest.split_at_mut(ends);
            let history = &mut rest[..ends];
            for (place, gradient) in plan.layout.iter().zip(&self.machine.planned.gradients) {
                if gradient.is_some() {
                    let range = place.range();
                    update(
                        rule,
                        step,
                        &gradients[range.clone()],
                        &mut weights[range.clone()],
                        &mut history[range],
                        &mut [],
                    );
                }
            }
        });
    }

    /// Milliseconds of runs, at least two, until the time is over.
    fn time(&mut self, limit: Duration) -> Vec<f64> {
        let begin = Instant::now();
        let mut times = vec![];
        while times.len() < 2 || begin.elapsed() < limit {
            let start = Instant::now();
            self.run();
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times
    }

    fn output(&mut self) -> Vec<f32> {
        let name = self.machine.planned.outputs[0].0.clone();
        self.machine.output(&name).expect("it is an output")
    }

    fn multiply_adds(&self) -> u64 {
        let program = &self.machine.plan().program;
        program.steps.iter().map(|step| cost(program, step).multiply_adds).sum()
    }

    /// The best seconds of every step.
    fn step_times(&mut self) -> Vec<f64> {
        let mut best = vec![f64::INFINITY; self.machine.plan().program.steps.len()];
        for _ in 0..8 {
            let times = self.machine.session.run_timed().expect("the data fit");
            best.iter_mut().zip(times).for_each(|(best, time)| *best = best.min(time));
        }
        best
    }

    /// The kernels by the time they take on one thread, `alone`, and on this net's threads, and their slowest steps.
    fn print_steps(&mut self, alone: &[f64]) {
        let shared = self.step_times();
        let program = &self.machine.plan().program;
        let mut kernels = BTreeMap::<_, (usize, f64, f64)>::new();
        for (i, step) in program.steps.iter().enumerate() {
            let sum = kernels.entry(step.kernel.name()).or_default();
            *sum = (sum.0 + 1, sum.1 + alone[i], sum.2 + shared[i]);
        }
        let mut kernels: Vec<_> = kernels.into_iter().collect();
        kernels.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
        println!("{:>13} {:>12} {:>8}", "one thread", "two", "");
        for (name, (count, one, two)) in kernels.iter().filter(|kernel| 1e-5 < kernel.1.1) {
            let (one, two) = (one * 1e3, two * 1e3);
            println!("    {one:9.3} ms {two:9.3} ms x{:5.2}  {count:4} {name}", one / two);
        }
        let mut order: Vec<usize> = (0..shared.len()).collect();
        order.sort_by(|&a, &b| shared[b].total_cmp(&shared[a]));
        for &i in order.iter().take(100) {
            let step = &program.steps[i];
            let shapes: Vec<String> = step
                .args
                .iter()
                .chain(&step.outs[..1])
                .map(|&v| program.shape(v).to_string())
                .collect();
            let flops = 2.0 * cost(program, step).multiply_adds as f64;
            println!(
                "    {:9.3} ms {:9.3} ms x{:5.2} {:6.1} {:6.1}  {:14} {}",
                alone[i] * 1e3,
                shared[i] * 1e3,
                alone[i] / shared[i],
                flops / alone[i] / 1e9,
                flops / shared[i] / 1e9,
                step.kernel.name(),
                shapes.join(" | ")
            );
        }
    }
}
