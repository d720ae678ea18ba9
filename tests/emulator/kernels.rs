//! Programs that have every kernel in every form that its launches take, for comparisons between devices.

use std::sync::Arc;

use cortado::exec::cpu::update::Rule;
use cortado::exec::solve::{Decays, Update};
use cortado::exec::{Device, Session, SessionOptions, workspace};
use cortado::plan::{Plan, Request, plan};
use cortado::program::expr::arg;
use cortado::program::{
    Builder, Distribution, FusedConv, Kernel, Lrn, Normalize, Program, ReduceOp, ValueId, VarId,
    differentiate,
};
use cortado::ty::Shape;
use cortado::window::{Axis, Conv, Pool, Rounding};

/// Convolutions of one to three axes with uneven pads, holes and groups, and their gradients.
pub fn convolutions() -> Program {
    let mut b = Builder::new();
    let uneven = Axis { pad_before: 0, pad_after: 1, ..Axis::new(3, 2, 0) };
    let holes = Axis { dilation: 2, ..Axis::new(3, 1, 2) };
    let cases: [(&[usize], &[usize], Vec<Axis>, usize); 4] = [
        (&[2, 4, 9, 8], &[6, 2, 3, 3], vec![uneven, holes], 2),
        (&[2, 3, 17], &[5, 3, 3], vec![uneven], 1),
        (&[1, 2, 5, 6, 7], &[3, 2, 2, 3, 3], vec![Axis::new(2, 1, 0), uneven, holes], 1),
        (&[3, 4, 8, 8], &[4, 1, 3, 3], vec![Axis::new(3, 1, 1); 2], 4),
    ];
    for (i, (x, w, axes, group)) in cases.into_iter().enumerate() {
        let x = b.input(&format!("x{i}"), Shape(x.to_vec()));
        let w = b.input(&format!("w{i}"), Shape(w.to_vec()));
        let bias = b.input(&format!("b{i}"), [b.shape(w).0[0]].into());
        let conv = Conv { axes, group };
        let y = b.conv(x, w, Some(bias), conv.clone());
        let columns = b.im2col(x, conv.clone());
        let dy = b.input(&format!("dy{i}"), b.shape(y).clone());
        let dcolumns = b.input(&format!("dc{i}"), b.shape(columns).clone());
        differentiate(&mut b, &[(y, dy), (columns, dcolumns)], &[x, w, bias]);
    }
    b.finish()
}

/// Convolutions that have kernels of their own: images of odd sizes, windows with strides, holes and uneven pads, one or many
/// images and channels, all of LeNet's, with poolings of several sorts behind them, and their gradients.
pub fn small_convolutions() -> Program {
    let mut b = Builder::new();
    let [one, two] = [1, 2].map(|stride| Axis::new(3, stride, 1));
    let uneven = Axis { pad_before: 0, pad_after: 2, ..Axis::new(4, 3, 0) };
    let holes = Axis { dilation: 2, ..Axis::new(3, 1, 2) };
    let five = Axis::new(5, 1, 0);
    let cases: [(&[usize], &[usize], Vec<Axis>); 14] = [
        (&[64, 1, 28, 28], &[20, 1, 5, 5], vec![five; 2]),
        (&[64, 20, 12, 12], &[50, 20, 5, 5], vec![five; 2]),
        (&[3, 20, 12, 12], &[50, 20, 5, 5], vec![five; 2]),
        (&[1, 6, 14, 14], &[16, 6, 5, 5], vec![five; 2]),
        (&[130, 3, 9, 7], &[5, 3, 3, 3], vec![one; 2]),
        (&[3, 7, 13, 17], &[11, 7, 3, 4], vec![two, uneven]),
        (&[2, 3, 11, 30], &[9, 3, 3, 3], vec![holes, two]),
        (&[5, 33, 7, 5], &[2, 33, 1, 1], vec![Axis::new(1, 1, 0); 2]),
        (&[1, 64, 8, 8], &[64, 64, 3, 3], vec![one; 2]),
        (&[3, 1, 4, 4], &[1, 1, 4, 4], vec![Axis::new(4, 1, 0); 2]),
        (&[2, 2, 40, 40], &[3, 2, 7, 7], vec![Axis::new(7, 1, 3); 2]),
        (&[4, 5, 3, 6], &[4, 5, 2, 2], vec![Axis::new(2, 1, 2), Axis::new(2, 2, 0)]),
        (&[3, 4, 50], &[6, 4, 5], vec![Axis::new(5, 1, 2)]),
        (&[32, 3, 16, 16], &[32, 3, 5, 5], vec![Axis::new(5, 1, 2); 2]),
    ];
    for (i, (x, w, axes)) in cases.into_iter().enumerate() {
        let x = b.input(&format!("x{i}"), Shape(x.to_vec()));
        let w = b.input(&format!("w{i}"), Shape(w.to_vec()));
        let bias = b.input(&format!("b{i}"), [b.shape(w).0[0]].into());
        let conv = Conv { axes, group: 1 };
        let y = b.conv(x, w, (i % 3 != 2).then_some(bias), conv.clone());
        let dy = b.input(&format!("dy{i}"), b.shape(y).clone());
        differentiate(&mut b, &[(y, dy)], &[x, w]);
        // A pooling has two axes, and room for its windows.
        if conv.axes.len() < 2 || b.shape(y).0[2..].iter().any(|&extent| extent < 3) {
            continue;
        }
        for (side, stride, pad) in [(2, 2, 0), (3, 2, 1), (3, 1, 0)] {
            let axes = [Axis::new(side, stride, pad); 2];
            let pool = Pool { axes, rounding: Rounding::Ceil, count_pad: true };
            let (conv, bias_given, relu) = (conv.clone(), stride == 2, side == 3);
            let fused =
                FusedConv { conv, bias: bias_given, sum: false, relu, packed: false, tiled: false };
            let args = [x, w, bias];
            b.step(Kernel::PooledConv(fused, pool), &args[..2 + usize::from(bias_given)], None);
        }
    }
    b.finish()
}

/// Poolings with clipped windows, and the gradients of convolutions by their maxima.
pub fn poolings() -> Program {
    let mut b = Builder::new();
    for (i, pad) in [0, 1].into_iter().enumerate() {
        let x = b.input(&format!("x{i}"), [2, 3, 10, 7].into());
        let axes = [Axis::new(3, 2, pad), Axis::new(2, 1, pad)];
        let pool = Pool { axes, rounding: Rounding::Ceil, count_pad: pad == 1 };
        let (max, _) = b.max_pool(x, pool.clone());
        let mean = b.ave_pool(x, pool);
        let [dmax, dmean] = [max, mean].map(|y| b.input(&format!("d{}", y.0), b.shape(y).clone()));
        differentiate(&mut b, &[(max, dmax), (mean, dmean)], &[x]);
    }
    let (x, w) = (b.input("x", [2, 4, 9, 9].into()), b.input("w", [6, 4, 4, 4].into()));
    let conv = Conv { axes: vec![Axis::new(4, 1, 0); 2], group: 1 };
    let y = b.conv(x, w, None, conv.clone());
    let axes = [Axis::new(2, 2, 0); 2];
    let (max, index) = b.max_pool(y, Pool { axes, rounding: Rounding::Ceil, count_pad: true });
    let dy = b.input("dy", b.shape(max).clone());
    let bias = b.input("bias", [6].into());
    let pool = Pool { axes: [Axis::new(3, 2, 0); 2], rounding: Rounding::Ceil, count_pad: true };
    for (relu, args) in [(false, &[x, w, bias][..]), (true, &[x, w, bias]), (true, &[x, w])] {
        let (conv, bias) = (conv.clone(), args.len() == 3);
        let fused = FusedConv { conv, bias, sum: false, relu, packed: false, tiled: false };
        b.step(Kernel::PooledConv(fused, pool.clone()), args, None);
    }
    b.step(Kernel::PooledConvInput(conv.clone()), &[dy, index, w], Some([2, 4, 9, 9].into()));
    b.step(Kernel::PooledConvFilter(conv), &[x, dy, index], Some([6, 4, 4, 4].into()));
    b.finish()
}

/// Sums, maxima and softmaxes along lines short and long, next to each other and apart.
pub fn lines() -> Program {
    let mut b = Builder::new();
    let shapes: [(&[usize], usize); 6] = [
        (&[3, 70, 5, 130], 3),
        (&[2, 5000], 2),
        (&[5000, 2], 4),
        (&[40_000], 5),
        (&[2, 3, 2, 3, 2], 2),
        (&[60, 40, 33], 2),
    ];
    for (i, (shape, parts)) in shapes.into_iter().enumerate() {
        let x = b.input(&format!("x{i}"), Shape(shape.to_vec()));
        for mask in 1..1usize << shape.len() {
            let axes: Vec<usize> = (0..shape.len()).filter(|axis| mask >> axis & 1 == 1).collect();
            b.sum(x, &axes);
            b.max(x, &axes);
            if axes[0] == 0 {
                b.step(Kernel::Reduce(ReduceOp::SumByPart(parts), axes), &[x], None);
            }
        }
        for axis in 0..shape.len() {
            let (p, q) = (b.softmax(x, axis), b.log_softmax(x, axis));
            let dy = b.input(&format!("dy{i}{axis}"), Shape(shape.to_vec()));
            differentiate(&mut b, &[(p, dy), (q, dy)], &[x]);
        }
    }
    b.finish()
}

/// What moves elements, products, normalisation, and chains of arithmetic with repeated arguments.
pub fn others() -> Program {
    let mut b = Builder::new();
    let x = b.input("x", [4, 6, 5, 3].into());
    b.transpose(x, &[2, 0, 3, 1]);
    b.transpose(x, &[0, 2, 3, 1]);
    let part = b.strided_slice(x, 1, 1, 2, 3);
    b.concat(&[part, x, part], 1);
    b.pad(x, 3, 2, 9);
    b.step(Kernel::Pad { axis: 2, start: 1, step: 3 }, &[x], Some([4, 6, 14, 3].into()));
    let [row, plane] =
        [[1, 6, 1, 1], [4, 1, 5, 1]].map(|shape| b.input(&format!("{shape:?}"), shape.into()));
    let f = (arg(0) * arg(1) + arg(2)).tanh().exp() / (arg(0).squared() + 1.0).sqrt()
        + arg(1).abs().pow(1.7).max(arg(2).sigmoid())
        - (arg(0).abs() + 0.5).ln() * arg(2).sin().floor();
    b.map(&[x, row, plane], &f);
    let lrn = |size, beta| Lrn { size, alpha: 0.3, beta, k: 1.5 };
    for (i, lrn) in [lrn(3, 0.75), lrn(5, 0.6)].into_iter().enumerate() {
        let y = b.lrn(x, lrn);
        let dy = b.input(&format!("dy{i}"), [4, 6, 5, 3].into());
        differentiate(&mut b, &[(y, dy)], &[x]);
    }
    for (i, (affine, batch)) in
        [(false, false), (false, true), (true, false), (true, true)].into_iter().enumerate()
    {
        let moments = b.channel_moments(x);
        let affine = affine.then(|| {
            let factor = b.input(&format!("factor{i}"), [6].into());
            (factor, b.input(&format!("shift{i}"), [6].into()))
        });
        let y = b.normalize(x, moments, affine, 1e-3, batch);
        let dy = b.input(&format!("dnormal{i}"), [4, 6, 5, 3].into());
        let learned = affine.into_iter().flat_map(|(factor, shift)| [factor, shift]);
        let wrt: Vec<ValueId> = std::iter::once(x).chain(learned).collect();
        differentiate(&mut b, &[(y, dy)], &wrt);
    }
    for (i, (ta, tb)) in
        [(false, false), (true, false), (false, true), (true, true)].into_iter().enumerate()
    {
        for (m, n, k) in [(5, 4, 7), (30, 9, 70), (40, 9, 300), (128, 40, 90)] {
            let a = b.input(&format!("a{i}{k}"), if ta { [3, k, m] } else { [3, m, k] }.into());
            let c = b.input(&format!("c{i}{k}"), if tb { [3, n, k] } else { [3, k, n] }.into());
            let bias = b.input(&format!("bias{i}{k}"), [n].into());
            b.matmul(a, ta, c, tb, Some(bias));
            b.matmul(a, ta, c, tb, None);
        }
    }
    let index = b.fill(2.3, [5].into());
    let picked = b.gather(x, 2, index);
    let dy = b.input("dpicked", b.shape(picked).clone());
    differentiate(&mut b, &[(picked, dy)], &[x]);
    // So many that they are followed from one to the next of the same row; some name a row that no other names.
    let many = b.input("many", [2, 100].into());
    let rows = b.map(&[many], &((arg(0) * 50.0).floor() + 101.0));
    let table = b.input("table", [2, 203, 5].into());
    let picked = b.gather(table, 1, rows);
    let dy = b.input("dmany", b.shape(picked).clone());
    differentiate(&mut b, &[(picked, dy)], &[table]);
    b.random(Distribution::Uniform, [3, 335].into());
    b.random(Distribution::Normal, [1003].into());
    large(&mut b);
    b.finish()
}

/// Blobs of so many elements that their launches are cut up in other ways.
fn large(b: &mut Builder) {
    let x = b.input("large", [2, 5, 120, 111].into());
    let dy = b.input("dlarge", [2, 5, 120, 111].into());
    let shapes = [[1, 5, 1, 1], [1, 1, 1, 1], [2, 1, 120, 1]];
    let [row, one, plane] = shapes.map(|s| b.input(&format!("large {s:?}"), s.into()));
    let f = (arg(0) * arg(1) + arg(2)).tanh() * arg(3) - arg(4).max(arg(1));
    b.map(&[x, row, one, plane, dy], &f);
    let part = b.strided_slice(x, 2, 3, 2, 50);
    b.concat(&[part, x, part], 2);
    let pixels = b.input("pixels", [2, 7, 64, 65].into());
    let dpixels = b.input("dpixels", [2, 7, 64, 65].into());
    for size in [1, 4, 5, 9, 11] {
        let y = b.lrn(pixels, Lrn { size, alpha: 0.3, beta: 0.75, k: 1.5 });
        differentiate(b, &[(y, dpixels)], &[pixels]);
    }
    // Planes that are cut up, several planes to a block, and rows.
    let planes = [(x, dy), (pixels, dpixels)];
    let shapes: [&[usize]; 2] = [&[90, 6, 5, 7], &[1500, 3]];
    let others = shapes.map(|s| {
        ["", "d"].map(|what| b.input(&format!("{what} of {s:?}"), Shape(s.to_vec()))).into()
    });
    for (i, (x, dy)) in planes.into_iter().chain(others).enumerate() {
        let moments = b.channel_moments(x);
        let channels = b.shape(x).0[1];
        let [factor, shift] =
            ["factor", "shift"].map(|name| b.input(&format!("{name} {i}"), [channels].into()));
        for (relu, batch, affine) in
            [(true, true, true), (true, false, true), (true, true, false), (false, true, true)]
        {
            let kernel = Kernel::Normalize(Normalize { eps: 1e-3, batch, affine, relu });
            let learned = if affine { vec![factor, shift] } else { vec![] };
            let args = [&[x, moments.0, moments.1][..], &learned].concat();
            let y = b.step(kernel, &args, None)[0];
            differentiate(b, &[(y, dy)], &[&[x][..], &learned].concat());
        }
    }
}

/// Parts and joints of blobs, of which some need no copy where they have the right places: along the first axis and others,
/// with steps, of constants, of what is worked on before and after.
pub fn places() -> Program {
    let mut b = Builder::new();
    let x = b.input("x", [4, 6, 8].into());
    let y = b.map(&[x], &arg(0).exp());
    // Read among others by chains alone, from the input and from a result, twice, with steps and behind each other.
    let middle = b.slice(x, 1, 2, 3);
    let odd = b.strided_slice(y, 1, 1, 2, 3);
    let columns = b.strided_slice(y, 2, 0, 3, 3);
    let part = b.slice(columns, 1, 1, 3);
    let (sum, product) = (b.add(middle, odd), b.mul(middle, odd));
    let twice = b.map(&[part, part], &(arg(0) + arg(1).sin()));
    let one = b.slice(x, 1, 4, 1);
    let viewed = b.view(one, [4, 8]);
    let viewed = b.map(&[viewed, viewed], &(arg(0) * arg(1).exp()));
    // Neighbours: halves of a result, one of a constant, and what does not begin where a place may.
    let halves = [0, 2].map(|start| b.slice(y, 0, start, 2));
    let halves = halves.map(|half| b.softmax(half, 2));
    let zeros = b.fill(0.25, [2, 6, 8].into());
    let joined = b.concat(&[halves[1], zeros, halves[0]], 0);
    let late = b.slice(joined, 0, 3, 2);
    let again = b.concat(&[late, late, joined], 0);
    let constant = b.slice(zeros, 1, 1, 3);
    let shifted = b.map(&[constant, constant], &(arg(0) + arg(1).exp()));
    let flat = b.view(y, [192]);
    let [first, rest] = [(0, 20), (20, 172)].map(|(start, count)| b.slice(flat, 0, start, count));
    let turned = b.concat(&[rest, first], 0);
    let all = [sum, product, twice, again, shifted, turned, viewed].map(|v| b.sum_all(v));
    let total = b.add(all[0], all[1]);
    let total = all[2..].iter().fold(total, |total, &one| b.add(total, one));
    for (name, v) in [("again", again), ("turned", turned), ("viewed", viewed), ("total", total)] {
        b.output(name, v);
    }
    b.finish()
}

/// Every rule on a device against the processor, with decay of both sorts and a clipped norm, over three updates.
pub fn updates(device: Device) -> Result<(), String> {
    let rules: Vec<Rule<f32>> = vec![
        Rule::Momentum { momentum: 0.9 },
        Rule::Nesterov { momentum: 0.9 },
        Rule::Damped { momentum: 0.9, rest: 0.5, nesterov: false },
        Rule::Damped { momentum: 0.9, rest: 0.5, nesterov: true },
        Rule::AdaGrad { delta: 0.1 },
        Rule::RmsProp { decay: 0.9, rest: 0.1, delta: 0.1 },
        Rule::AdaDelta { momentum: 0.9, delta: 0.1 },
        Rule::Adam { beta1: 0.9, beta2: 0.99, rests: [0.1, 0.01], delta: 0.1, correction: 0.7 },
        Rule::Adamax { beta1: 0.9, rest: 0.1, beta2: 0.99, delta: 0.1, correction: 0.7 },
        Rule::Ahead { momentum: 0.9 },
        Rule::Averaged { shrink: 0.99, share: 0.5 },
        Rule::Rprop { grow: 1.2, shrink: 0.5, bounds: [0.01, 0.2] },
        Rule::RmsMomentum { decay: 0.9, rest: 0.1, momentum: 0.5, delta: 0.1 },
        Rule::DualAveraging,
        Rule::Ftrl { l1: 0.01, l2: 0.1 },
    ];
    for rule in rules {
        for (decay, decays) in
            [(0.0, Decays::Squares), (0.05, Decays::Squares), (0.05, Decays::Absolute)]
        {
            for clip in [None, Some(3.0)] {
                let plan = two_parameters(device);
                let update = Update {
                    rule,
                    rate: 0.1,
                    decay,
                    decays,
                    clip,
                    normalizer: 0.5,
                    mults: vec![Some([1.0, 1.0]), None, Some([2.0, 0.5])],
                    gradients: plan.gradients,
                };
                let here = updated(&plan, Device::Cpu, &update);
                let there = updated(&plan, device, &update);
                let far = here.iter().zip(&there).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                if 1e-5 < far || far.is_nan() {
                    return Err(format!("{update:?}: off by {far}"));
                }
            }
        }
    }
    Ok(())
}

/// A program that hands its inputs on as gradients of three variables.
fn two_parameters(device: Device) -> Arc<Plan> {
    let mut b = Builder::new();
    let sizes = [5000, 40, 7];
    let shapes = sizes.map(|n| Shape::from([n]));
    let variables = [0, 1, 2].map(|i| b.variable(VarId(i), &shapes[i as usize]));
    let gradients = [0, 1, 2].map(|i: usize| b.input(&format!("g{i}"), shapes[i].clone()));
    let request = Request {
        parameters: variables.to_vec(),
        gradients: gradients.map(Some).to_vec(),
        histories: 2,
        ..Request::default()
    };
    Arc::new(plan(b.finish(), &request, &workspace::<f32>(device, 1)))
}

/// Parameters and histories after three updates.
fn updated(plan: &Arc<Plan>, device: Device, update: &Update<f32>) -> Vec<f32> {
    let options = SessionOptions { device, threads: 1, seed: 0 };
    let mut session = Session::<f32>::new(plan.clone(), &options).expect("a session");
    let wave = |n: usize, f: f32| (0..n).map(|i| (i as f32 * f).sin()).collect::<Vec<f32>>();
    for (i, place) in plan.layout.iter().enumerate() {
        session.write(*place, &wave(place.len, 0.3 + i as f32));
    }
    for step in 0..3 {
        for (i, (_, v)) in plan.program.inputs.iter().enumerate() {
            let slot = plan.slot(*v);
            session.stage(&[(slot, &wave(slot.len, 0.7 * (1 + i + step) as f32))]);
        }
        session.look_ahead(0.25, &update.mults).expect("moved");
        session.run_and_update(update).expect("updated");
    }
    let mut all = session.read(plan.parameters);
    plan.histories.iter().for_each(|slot| all.extend(session.read(*slot)));
    all
}
