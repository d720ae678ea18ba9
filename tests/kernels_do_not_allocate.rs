//! The CPU kernels run in a training step, which allocates nothing: counted by the allocator itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use cortado::data::lmdb::LmdbWriter;
use cortado::data::proto::Datum;
use cortado::data::records::Records;
use cortado::data::source::{Order, Source};
use cortado::data::transform::TransformOptions;
use cortado::exec::cpu::{conv, gather, layout, lrn, matmul, pool, reduce, softmax, update};
use cortado::window::{Axis, Conv, Pool, Rounding};
use prost::Message;

static COUNT: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: all calls are passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as promised to this function.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as promised to this function.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs a kernel in a pool of two threads, once to warm up the pool, and asserts that twenty more
/// runs allocate nothing. rayon's own queues grow now and then, by a block for many jobs.
fn check(name: &str, mut kernel: impl FnMut() + Send) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let allocations = pool.install(|| {
        kernel();
        let before = COUNT.load(Ordering::Relaxed);
        (0..20).for_each(|_| kernel());
        COUNT.load(Ordering::Relaxed) - before
    });
    assert!(allocations < 5, "{name}: {allocations} allocations in 20 runs");
}

/// One test, so that no other thread allocates meanwhile.
#[test]
fn kernels_do_not_allocate() {
    let conv = Conv { axes: vec![Axis::new(5, 1, 0); 2], group: 1 };
    let shape = conv::Shape::new(&conv, &[8, 20, 12, 12], 50).unwrap();
    let x = vec![0.5f32; shape.input_len()];
    let w = vec![0.5; shape.weight_len()];
    let dy = vec![0.5; shape.output_len()];
    let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
    let mut work = vec![
        0.0;
        conv::forward_workspace::<f32>(&shape, 2)
            .max(conv::input_gradient_workspace::<f32>(&shape, 2))
            .max(conv::weight_gradient_workspace::<f32>(&shape, 2))
    ];
    check("convolution", || {
        conv::forward(&shape, &x, &w, None, true, 0.0, &mut y, &mut work);
        conv::input_gradient(&shape, &dy, &w, None, 0.0, &mut dx, &mut work);
        conv::weight_gradient(&shape, &x, &dy, 0.0, &mut dw, &mut work);
    });
    let maxima = vec![0.5; dy.len() / 4];
    let places: Vec<f32> = (0..maxima.len()).map(|i| (i % 64) as f32).collect();
    let count = shape.windows.count() / 4;
    let mut work = vec![
        0.0;
        conv::pooled_input_gradient_workspace::<f32>(&shape, count, 2)
            .max(conv::pooled_weight_gradient_workspace::<f32>(&shape, count, 2))
    ];
    check("gradients over maxima", || {
        conv::pooled_input_gradient(&shape, &maxima, &places, &w, &mut dx, &mut work);
        conv::pooled_weight_gradient(&shape, &x, &maxima, &places, &mut dw, &mut work);
    });

    let product = matmul::Matmul::new(200, 300, 100, false, true);
    let (a, b, mut c) = (vec![0.5f32; 20_000], vec![0.5; 30_000], vec![0.0; 60_000]);
    let mut work = vec![0.0; matmul::workspace::<f32>(&product, 2)];
    check("product", || {
        matmul::matmul(&product, 1.0, &a, &b, 0.0, &mut c, Default::default(), &mut work);
    });

    let windows = Pool { axes: [Axis::new(2, 2, 0); 2], rounding: Rounding::Ceil, count_pad: true };
    let pooling = pool::Shape::new(&windows, 600, [10, 10]).unwrap();
    let (mut y, mut index) = (vec![0f32; 15_000], vec![0.0; 15_000]);
    let mut dx = vec![0.0; 60_000];
    check("pooling", || {
        pool::max_forward(&pooling, &c, &mut y, &mut index);
        pool::index_backward(&pooling, &y, &index, 0.0, &mut dx);
        pool::average_forward(&pooling, &c, &mut y);
        pool::average_backward(&pooling, &y, 0.0, &mut dx);
    });

    let mut scale = vec![0f32; 60_000];
    let (mut y, mut dx) = (scale.clone(), scale.clone());
    let blob = lrn::Shape { batch: 10, channels: 60, height: 10, width: 10 };
    let norm = lrn::Lrn { size: 5, alpha: 2e-5, beta: 0.75, k: 1.0 };
    check("the rest", || {
        lrn::across_forward(&blob, &norm, &c, &mut y, &mut scale);
        lrn::across_backward(&blob, &norm, &c, &y, &scale, &c, 0.0, &mut dx);
        let lines = softmax::Shape { outer: 600, axis: 100, inner: 1 };
        softmax::forward(lines, false, &c, &mut y);
        softmax::backward(lines, false, &y, &c, 0.0, &mut dx);
        reduce::total(reduce::Reduction::SumSquares, &c);
        layout::transpose(&[600, 100], &[1, 0], &c, &mut y);
        let rows = gather::Shape { outer: 1, rows: 600, inner: 100 };
        gather::gather(rows, &c, &[3.0; 600], &mut y).unwrap();
        let step =
            update::Step { rate: 0.1, decay: update::Decay::L2(0.1), clip: 1.0, normalizer: 1.0 };
        let rule = update::Rule::Momentum { momentum: 0.9 };
        update::update(rule, step, &c, &mut dx, &mut y, &mut []);
    });
    records_are_read_into_what_is_there();
}

/// Batches of a database of records and one of their labels, in its order.
fn records_are_read_into_what_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let [images, labels] = ["images", "labels"].map(|name| folder.path().join(name));
    let write = |path: &Path, datum: &dyn Fn(u8) -> Datum| {
        let mut writer = LmdbWriter::create(path).expect("a database");
        for i in 0..100u8 {
            writer.put(format!("{i:03}").as_bytes(), &datum(i).encode_to_vec()).expect("written");
        }
        writer.finish().expect("a database");
    };
    let shape = |[channels, height, width]: [i32; 3]| Datum {
        channels: Some(channels),
        height: Some(height),
        width: Some(width),
        ..Datum::default()
    };
    write(&images, &|i| Datum { data: vec![i; 2352], ..shape([3, 28, 28]) });
    write(&labels, &|i| Datum { float_data: vec![i.into()], ..shape([1, 1, 1]) });
    let records = Records::open_lmdb(&images, Some(&labels)).expect("records");
    let options = TransformOptions { scale: 0.5, ..TransformOptions::default() };
    let source = Source::of_records(records, options, 1, Order::Sequential);
    let mut source = source.expect("a source");
    let mut buffers = [vec![0.0; 64 * 2352], vec![0.0; 64]];
    check("records", || source.next_batch(64, &mut buffers).expect("a batch"));
}
