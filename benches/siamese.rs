//! The training step of the Siamese LeNet: pairs/s and GFLOP/s by batch size and threads, beside the rate of a large
//! matrix product in the same run, and with `--steps` the time of every step.
//!
//! FLOPs count two for each multiply-add of convolutions and fully connected layers: forward, gradient to the weights and
//! to the input, without the gradient to the data.

use std::sync::Arc;
use std::time::Instant;

use cortado::exec::cpu::matmul::{Finish, Matmul, matmul, workspace as product_workspace};
use cortado::exec::{Session, SessionOptions, workspace};
use cortado::passes::lower::{Backward, lower};
use cortado::pipeline::{self, Options};
use cortado::plan::{Request, plan};
use cortado::program::{fuse, simplify};
use cortado::ty::Shape;
use cortado::weights::fill;

/// Multiply-adds of a pair, forward and backward, as FLOPs.
const FLOPS_OF_A_PAIR: f64 = 26.364e6;

fn main() {
    let steps = std::env::args().any(|a| a == "--steps");
    println!("threads  batch   pairs/s  GFLOP/s  product GFLOP/s");
    for threads in [1, 2] {
        let product = product_rate(threads);
        for batch in [8, 64, 256] {
            let mut session = session(batch, threads);
            let seconds = best(&mut || session.run().expect("the data are random"));
            let rate = batch as f64 / seconds;
            let flops = rate * FLOPS_OF_A_PAIR / 1e9;
            println!("{threads:7}  {batch:5}  {rate:8.0}  {flops:7.1}  {product:15.1}");
            if steps && batch == 64 {
                print_steps(&mut session);
            }
        }
    }
}

fn session(batch: usize, threads: usize) -> Session<f32> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("networks/siamese/caffe.prototxt");
    let shapes = [("data".to_string(), Shape::from([batch, 3, 28, 28]))].into();
    let options = Options { shapes, ..Options::default() };
    let checked = pipeline::check_file(&path, &options).expect("the network is in the repository");
    let typed = &checked.stages[0];
    let none = |_: &str| None;
    let env = pipeline::environment(&options, &none);
    let mut lowered = lower(typed, &env, Backward::Parameters);
    let gradients = lowered.gradients.iter().flatten();
    let outputs = gradients.chain(&lowered.loss).map(|&v| (String::new(), v)).collect();
    lowered.program.outputs = outputs;
    fuse(&mut lowered.program);
    simplify(&mut lowered.program);
    let request = Request {
        parameters: lowered.variables.clone(),
        gradients: lowered.gradients.clone(),
        histories: 1,
        settled: 0,
        in_place: false,
    };
    let plan = Arc::new(plan(
        lowered.program,
        &request,
        &workspace::<f32>(cortado::exec::Device::Cpu, threads),
    ));
    let options = SessionOptions { threads, ..SessionOptions::default() };
    let mut session = Session::<f32>::new(plan.clone(), &options).expect("a CPU is there");
    for (i, (variable, &v)) in typed.variables.iter().zip(&lowered.variables).enumerate() {
        session.write(plan.slot(v), &fill(&variable.filler, &variable.shape, 1, i as u64));
    }
    for (_, v) in &plan.program.inputs {
        let n = plan.program.shape(*v).count();
        let data: Vec<f32> = (0..n).map(|i| (i * 7919 % 256) as f32).collect();
        session.write(plan.slot(*v), &data);
    }
    session
}

/// Seconds of the quickest of many runs.
fn best(run: &mut dyn FnMut()) -> f64 {
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    while begin.elapsed().as_secs_f64() < 2.0 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

fn product_rate(threads: usize) -> f64 {
    let n = 2048;
    let shape = Matmul::new(n, n, n, false, false);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let (a, b) = (vec![0.5f32; n * n], vec![0.25f32; n * n]);
    let mut c = vec![0.0; n * n];
    let mut work = vec![0.0; product_workspace::<f32>(&shape, threads)];
    let seconds = best(&mut || {
        pool.install(|| matmul(&shape, 1.0, &a, &b, 0.0, &mut c, Finish::default(), &mut work));
    });
    2.0 * (n * n * n) as f64 / seconds / 1e9
}

fn print_steps(session: &mut Session<f32>) {
    let n = session.plan().program.steps.len();
    let mut best = vec![f64::INFINITY; n];
    for _ in 0..50 {
        for (best, time) in
            best.iter_mut().zip(session.run_timed().expect("a processor refuses nothing"))
        {
            *best = best.min(time);
        }
    }
    let program = &session.plan().program;
    for (step, seconds) in program.steps.iter().zip(best) {
        if 20e-6 < seconds {
            let shape = program.shape(step.outs[0]);
            println!("    {:8.3} ms  {:16} {shape}", seconds * 1e3, step.kernel.name());
        }
    }
}
