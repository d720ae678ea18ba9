//! Prints the rate of the CPU kernels on known layers, beside the rate of a large matrix product.
//!
//! `cargo bench --bench kernels [-- part of a name]`. Every figure is the best of several rounds, in
//! GFLOP/s (two per multiply-add); compare figures of one run only.

use std::time::{Duration, Instant};

use cortado::exec::cpu::{conv, matmul};
use cortado::window::{Axis, Conv};

/// How long each figure is measured.
const TIME: Duration = Duration::from_millis(1000);

/// The best time of one run, in seconds.
fn best(mut run: impl FnMut()) -> f64 {
    run();
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    while start.elapsed() < TIME {
        let begin = Instant::now();
        run();
        best = best.min(begin.elapsed().as_secs_f64());
    }
    best
}

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 1000) as f32 / 1000.0 - 0.5).collect()
}

/// Runs on one and on two threads, and prints both rates.
fn rates(name: &str, flops: usize, run: &mut (dyn FnMut() + Send)) {
    print!("{name:<34}");
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let Ok(pool) = pool else { return };
        let seconds = pool.install(|| best(&mut *run));
        print!(" {:>8.1} {:>9.3} ms", flops as f64 / seconds / 1e9, seconds * 1e3);
    }
    println!();
}

fn convolution(name: &str, input: [usize; 4], outputs: usize, axis: Axis, group: usize) {
    let conv = Conv { axes: vec![axis; 2], group };
    let Some(shape) = conv::Shape::new(&conv, &input, outputs) else { return };
    let (x, w) = (numbers(shape.input_len()), numbers(shape.weight_len()));
    let (dy, bias) = (numbers(shape.output_len()), numbers(outputs));
    let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
    let mut work = vec![0.0; conv::forward_workspace::<f32>(&shape, 2)];
    rates(&format!("{name} forward"), shape.flops(), &mut || {
        conv::forward(&shape, &x, &w, Some(&bias), false, 0.0, &mut y, &mut work);
    });
    let mut work = vec![0.0; conv::input_gradient_workspace::<f32>(&shape, 2)];
    rates(&format!("{name} dX"), shape.flops(), &mut || {
        conv::input_gradient(&shape, &dy, &w, None, 0.0, &mut dx, &mut work);
    });
    let mut work = vec![0.0; conv::weight_gradient_workspace::<f32>(&shape, 2)];
    rates(&format!("{name} dW"), shape.flops(), &mut || {
        conv::weight_gradient(&shape, &x, &dy, 0.0, &mut dw, &mut work);
    });
}

fn product(name: &str, m: usize, n: usize, k: usize, trans_a: bool, trans_b: bool) {
    let shape = matmul::Matmul::new(m, n, k, trans_a, trans_b);
    let (a, b, mut c) = (numbers(m * k), numbers(k * n), numbers(m * n));
    let mut work = vec![0.0; matmul::workspace::<f32>(&shape, 2)];
    rates(name, 2 * m * n * k, &mut || {
        matmul::matmul(&shape, 1.0, &a, &b, 0.0, &mut c, matmul::Finish::default(), &mut work);
    });
}

/// The `gemm` crate on the same product: what the machine gives to others.
fn reference(size: usize) {
    let (a, b, mut c) = (numbers(size * size), numbers(size * size), numbers(size * size));
    let stride = size as isize;
    rates(&format!("gemm crate {size}^3"), 2 * size * size * size, &mut || {
        let threads = match rayon::current_num_threads() {
            1 => gemm::Parallelism::None,
            threads => gemm::Parallelism::Rayon(threads),
        };
        // SAFETY: three dense row-major squares.
        unsafe {
            gemm::gemm(
                size,
                size,
                size,
                c.as_mut_ptr(),
                1,
                stride,
                false,
                a.as_ptr(),
                1,
                stride,
                b.as_ptr(),
                1,
                stride,
                0.0,
                1.0,
                false,
                false,
                false,
                threads,
            );
        }
    });
}

fn main() {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let is_wanted = |name: &str| name.contains(&wanted);
    println!("{:<34} {:>21} {:>21}", "GFLOP/s, best time", "1 thread", "2 threads");
    if is_wanted("gemm") {
        reference(2048);
        product("product 2048^3", 2048, 2048, 2048, false, false);
    }
    let layers = [
        ("lenet conv1", [128, 1, 28, 28], 20, Axis::new(5, 1, 0), 1),
        ("lenet conv2", [128, 20, 12, 12], 50, Axis::new(5, 1, 0), 1),
        ("alexnet conv1", [2, 3, 227, 227], 96, Axis::new(11, 4, 0), 1),
        ("alexnet conv2", [2, 96, 27, 27], 256, Axis::new(5, 1, 2), 2),
        ("alexnet conv3", [2, 256, 13, 13], 384, Axis::new(3, 1, 1), 1),
        ("resnet 64x56x56", [1, 64, 56, 56], 64, Axis::new(3, 1, 1), 1),
        ("resnet 256x14x14", [2, 256, 14, 14], 256, Axis::new(3, 1, 1), 1),
        ("pointwise 256x28x28", [2, 256, 28, 28], 64, Axis::new(1, 1, 0), 1),
        ("stem 7x7/2", [1, 3, 224, 224], 64, Axis::new(7, 2, 3), 1),
        ("depthwise 3x3", [1, 128, 56, 56], 128, Axis::new(3, 1, 1), 128),
    ];
    for (name, input, outputs, axis, group) in layers {
        if is_wanted(name) {
            convolution(name, input, outputs, axis, group);
        }
    }
    if is_wanted("connected") {
        product("connected 128x800->500 forward", 128, 500, 800, false, true);
        product("connected 128x800->500 dX", 128, 800, 500, false, false);
        product("connected 128x800->500 dW", 500, 800, 128, true, false);
        product("connected 1x9216->4096 forward", 1, 4096, 9216, false, true);
    }
}
