//! Convolution against a loop over all terms, in random geometries.

use super::*;
use crate::exec::cpu::testing::{Dice, close, fill, same_for_any_threads};
use crate::real::Real;
use crate::window::{Axis, Conv};

/// Visits (input, weight, output) indices of every term of a convolution.
fn terms(shape: &Shape, mut body: impl FnMut(usize, usize, usize)) {
    let Windows { input, output, axes } = shape.windows;
    let (cg, og) = (shape.channels / shape.group, shape.out_channels / shape.group);
    let taps = axes.map(|a| a.kernel);
    let split = |i: usize, e: [usize; 3]| [i / (e[1] * e[2]), i / e[2] % e[1], i % e[2]];
    for n in 0..shape.batch {
        for o in 0..shape.out_channels {
            for c in 0..cg {
                for q in 0..shape.windows.count() {
                    'taps: for t in 0..shape.windows.taps() {
                        let (q3, t3) = (split(q, output), split(t, taps));
                        let mut x = n * shape.channels + o / og * cg + c;
                        for a in 0..3 {
                            let at = q3[a] * axes[a].stride + t3[a] * axes[a].dilation;
                            if at < axes[a].pad_before || input[a] + axes[a].pad_before <= at {
                                continue 'taps;
                            }
                            x = x * input[a] + at - axes[a].pad_before;
                        }
                        let w = (o * cg + c) * shape.windows.taps() + t;
                        body(x, w, (n * shape.out_channels + o) * shape.windows.count() + q);
                    }
                }
            }
        }
    }
}

fn doubles<T: Real>(x: &[T]) -> Vec<f64> {
    x.iter().map(|x| x.to_f64()).collect()
}

fn check<T: Real>(shape: &Shape) {
    let x: Vec<T> = fill(shape.input_len(), 1);
    let w: Vec<T> = fill(shape.weight_len(), 2);
    let dy: Vec<T> = fill(shape.output_len(), 3);
    let bias: Vec<T> = fill(shape.out_channels, 4);
    let in_bias: Vec<T> = fill(shape.channels, 5);
    let (x64, w64, dy64) = (doubles(&x), doubles(&w), doubles(&dy));
    let count = shape.windows.count();
    let mut y64: Vec<f64> =
        (0..dy.len()).map(|i| bias[i / count % shape.out_channels].to_f64()).collect();
    let pixels = shape.windows.pixels();
    let mut dx64: Vec<f64> =
        (0..x.len()).map(|i| in_bias[i / pixels % shape.channels].to_f64()).collect();
    let mut dw64 = vec![0.0; w.len()];
    let mut db64 = vec![0.0; bias.len()];
    terms(shape, |x, w, y| {
        y64[y] += x64[x] * w64[w];
        dx64[x] += dy64[y] * w64[w];
        dw64[w] += dy64[y] * x64[x];
    });
    (0..dy.len()).for_each(|i| db64[i / count % shape.out_channels] += dy64[i]);

    let run =
        |len, need: usize, kernel: &(dyn Fn(T, &mut [T], &mut [T]) + Sync), expected: &[f64]| {
            let y = same_for_any_threads(len, |y| {
                let mut work = vec![T::from_f64(f64::NAN); need];
                kernel(T::ZERO, y, &mut work);
            });
            close(&y, expected, 3e-5);
            let mut twice = y;
            let mut work = vec![T::from_f64(f64::NAN); need];
            kernel(T::ONE, &mut twice, &mut work);
            let doubled: Vec<f64> = expected.iter().map(|y| 2.0 * y).collect();
            close(&twice, &doubled, 3e-5);
        };
    run(
        y64.len(),
        forward_workspace::<T>(shape, 3),
        &|beta, y, work| forward(shape, &x, &w, Some(&bias), false, beta, y, work),
        &y64,
    );
    run(
        x64.len(),
        input_gradient_workspace::<T>(shape, 3),
        &|beta, dx, work| input_gradient(shape, &dy, &w, Some(&in_bias), beta, dx, work),
        &dx64,
    );
    run(
        w64.len(),
        weight_gradient_workspace::<T>(shape, 3),
        &|beta, dw, work| weight_gradient(shape, &x, &dy, beta, dw, work),
        &dw64,
    );

    let mut y = vec![T::ZERO; y64.len()];
    let mut work = vec![T::ZERO; forward_workspace::<T>(shape, 1)];
    forward(shape, &x, &w, Some(&bias), true, T::ZERO, &mut y, &mut work);
    let rectified: Vec<f64> = y64.iter().map(|y| y.max(0.0)).collect();
    close(&y, &rectified, 3e-5);
}

fn shape(conv: &Conv, input: &[usize], out_channels: usize) -> Shape {
    Shape::new(conv, input, out_channels).expect("a shape that fits")
}

#[test]
fn random_geometries_agree_with_all_terms() {
    let mut dice = Dice(7);
    let mut checked = 0;
    while checked < 120 {
        let spatial = [1, 2, 2, 2, 3][dice.roll(0, 4)];
        let axes: Vec<Axis> = (0..spatial)
            .map(|_| Axis {
                kernel: dice.roll(1, 4),
                stride: dice.roll(1, 3),
                pad_before: dice.roll(0, 3),
                pad_after: dice.roll(0, 3),
                dilation: dice.roll(1, 2),
            })
            .collect();
        let group = [1, 1, 2, 3][dice.roll(0, 3)];
        let mut input = vec![dice.roll(1, 3), group * dice.roll(1, 5)];
        input.extend((0..spatial).map(|_| dice.roll(1, if spatial == 3 { 7 } else { 13 })));
        let outputs = group * dice.roll(1, 17);
        let Some(shape) = Shape::new(&Conv { axes, group }, &input, outputs) else { continue };
        check::<f64>(&shape);
        check::<f32>(&shape);
        checked += 1;
    }
}

#[test]
fn known_layers_agree_with_all_terms() {
    let conv =
        |kernel, stride, pad, group| Conv { axes: vec![Axis::new(kernel, stride, pad); 2], group };
    check::<f32>(&shape(&conv(5, 1, 0, 1), &[3, 1, 28, 28], 20));
    check::<f32>(&shape(&conv(5, 1, 0, 1), &[5, 20, 12, 12], 50));
    check::<f32>(&shape(&conv(5, 1, 2, 2), &[2, 12, 27, 27], 40));
    check::<f32>(&shape(&conv(3, 1, 1, 1), &[1, 70, 14, 14], 40));
    check::<f32>(&shape(&conv(1, 1, 0, 1), &[2, 300, 7, 7], 33));
    check::<f32>(&shape(&conv(1, 2, 0, 1), &[2, 30, 9, 9], 300));
    check::<f32>(&shape(&conv(7, 2, 3, 1), &[1, 3, 40, 40], 16));
    check::<f32>(&shape(&conv(3, 1, 1, 24), &[2, 24, 15, 15], 24));
    check::<f64>(&shape(&conv(3, 2, 1, 8), &[2, 8, 11, 11], 16));
    // One output and several inputs a group: read backwards, one input and few outputs.
    check::<f32>(&shape(&conv(1, 1, 0, 3), &[3, 9, 3, 8], 3));
    check::<f32>(&shape(&conv(3, 1, 1, 4), &[2, 8, 6, 7], 4));
}

#[test]
fn what_does_not_fit_is_none() {
    let conv = |group| Conv { axes: vec![Axis::new(3, 1, 0); 2], group };
    assert_eq!(Shape::new(&conv(2), &[1, 3, 5, 5], 4), None);
    assert_eq!(Shape::new(&conv(0), &[1, 3, 5, 5], 4), None);
    assert_eq!(Shape::new(&conv(1), &[1, 3, 2, 5], 4), None);
    assert_eq!(Shape::new(&conv(1), &[1, 3, 5], 4), None);
    assert_eq!(Shape::new(&conv(1), &[1], 4), None);
}

/// The gradients by lists of maxima against those of the blob in which the maxima are placed.
fn check_pooled<T: Real>(shape: &Shape, pool: &crate::window::Pool) {
    use crate::exec::cpu::pool;
    let [_, height, width] = shape.windows.output;
    let planes = shape.batch * shape.out_channels;
    let Some(pooling) = pool::Shape::new(pool, planes, [height, width]) else { return };
    let x: Vec<T> = fill(shape.input_len(), 1);
    let w: Vec<T> = fill(shape.weight_len(), 2);
    let y: Vec<T> = fill(shape.output_len(), 3);
    let dy: Vec<T> = fill(pooling.output_len(), 4);
    let (mut maxima, mut index) = (dy.clone(), dy.clone());
    pool::max_forward(&pooling, &y, &mut maxima, &mut index);
    let mut spread = y;
    pool::index_backward(&pooling, &dy, &index, T::ZERO, &mut spread);
    let (mut dx, mut dw) = (x.clone(), w.clone());
    let mut work = vec![T::ZERO; input_gradient_workspace::<T>(shape, 1)];
    input_gradient(shape, &spread, &w, None, T::ZERO, &mut dx, &mut work);
    let mut work = vec![T::ZERO; weight_gradient_workspace::<T>(shape, 1)];
    weight_gradient(shape, &x, &spread, T::ZERO, &mut dw, &mut work);

    let count = dy.len() / planes;
    let nan = T::from_f64(f64::NAN);
    let sparse = same_for_any_threads(dx.len(), |dx| {
        let mut work = vec![nan; pooled_input_gradient_workspace::<T>(shape, count, 3)];
        pooled_input_gradient(shape, &dy, &index, &w, dx, &mut work);
    });
    close(&sparse, &doubles(&dx), 3e-5);
    let sparse = same_for_any_threads(dw.len(), |dw| {
        let mut work = vec![nan; pooled_weight_gradient_workspace::<T>(shape, count, 3)];
        pooled_weight_gradient(shape, &x, &dy, &index, dw, &mut work);
    });
    close(&sparse, &doubles(&dw), 3e-5);

    // Forward, both at once are the same numbers as one after the other.
    let bias: Vec<T> = fill(shape.out_channels, 5);
    let mut blob = vec![nan; shape.output_len()];
    let mut work = vec![nan; forward_workspace::<T>(shape, 1)];
    forward(shape, &x, &w, Some(&bias), true, T::ZERO, &mut blob, &mut work);
    pool::max_forward(&pooling, &blob, &mut maxima, &mut index);
    let mut packed = w.clone();
    pack(shape, &w, &mut packed);
    for (is_packed, w) in [(false, &w), (true, &packed)] {
        let one = pool::Shape { planes: shape.out_channels, ..pooling.clone() };
        let pooled = Pooled { conv: *shape, pool: one, relu: true, packed: is_packed };
        let both = same_for_any_threads(2 * maxima.len(), |both| {
            let (y, index) = both.split_at_mut(both.len() / 2);
            let mut work = vec![nan; pooled.workspace::<T>(3)];
            pooled.forward(&x, w, Some(&bias), [y, index], &mut work);
        });
        assert!(both[..maxima.len()] == maxima[..] && both[maxima.len()..] == index[..]);
    }
}

#[test]
fn sums_over_maxima_agree_with_sums_over_all_windows() {
    use crate::window::{Pool, Rounding};
    let pool = |kernel, stride, pad, rounding| Pool {
        axes: [Axis::new(kernel, stride, pad); 2],
        rounding,
        count_pad: true,
    };
    let halves = pool(2, 2, 0, Rounding::Ceil);
    let lenet = |input: &[usize], outputs| {
        shape(&Conv { axes: vec![Axis::new(5, 1, 0); 2], group: 1 }, input, outputs)
    };
    check_pooled::<f32>(&lenet(&[19, 1, 28, 28], 20), &halves);
    check_pooled::<f32>(&lenet(&[19, 20, 12, 12], 50), &halves);
    let mut dice = Dice(11);
    let mut checked = 0;
    while checked < 60 {
        let axes = (0..2).map(|_| Axis {
            kernel: dice.roll(1, 4),
            stride: dice.roll(1, 3),
            pad_before: dice.roll(0, 3),
            pad_after: dice.roll(0, 3),
            dilation: 1,
        });
        let conv = Conv { axes: axes.collect(), group: 1 };
        let channels = [dice.roll(1, 5), dice.roll(20, 70)][dice.roll(0, 1)];
        let input = [dice.roll(1, 3), channels, dice.roll(1, 13), dice.roll(1, 13)];
        let Some(shape) = Shape::new(&conv, &input, dice.roll(1, 17)) else { continue };
        let rounding = [Rounding::Ceil, Rounding::Floor][dice.roll(0, 1)];
        let kernel = dice.roll(1, 3);
        let pool = pool(kernel, dice.roll(1, 3), dice.roll(0, kernel - 1), rounding);
        check_pooled::<f64>(&shape, &pool);
        check_pooled::<f32>(&shape, &pool);
        checked += 1;
    }
}

/// By tiles the maxima are those of image by image but for rounding; in f64 at the same places.
fn check_tiles<T: Real>(shape: &Shape, relu: bool, same_places: bool) {
    use crate::exec::cpu::channels_last::{Way, tiles_pack, tiles_weight_len};
    use crate::exec::cpu::pool;
    use crate::window::{Pool, Rounding};
    let pooling = Pool { axes: [Axis::new(2, 2, 0); 2], rounding: Rounding::Ceil, count_pad: true };
    let [_, height, width] = shape.windows.output;
    let pool = pool::Shape::new(&pooling, shape.out_channels, [height, width]).unwrap();
    let x: Vec<T> = fill(shape.input_len(), 1);
    let w: Vec<T> = fill(shape.weight_len(), 2);
    let bias: Vec<T> = fill(shape.out_channels, 3);
    let nan = T::from_f64(f64::NAN);
    let images = Pooled { conv: *shape, pool, relu, packed: false };
    let tiles = PooledTiles { conv: *shape, relu };
    let mut packed = vec![nan; tiles_weight_len::<T>(shape.channels, shape.out_channels)];
    tiles_pack(Way::Forward, shape.channels, shape.out_channels, &w, &mut packed);
    let maxima = shape.output_len() / 4;
    for bias in [None, Some(&bias[..])] {
        let mut work = vec![nan; images.workspace::<T>(1)];
        let (mut y, mut index) = (vec![nan; maxima], vec![nan; maxima]);
        images.forward(&x, &w, bias, [&mut y, &mut index], &mut work);
        let both = same_for_any_threads(2 * maxima, |both| {
            let (y, index) = both.split_at_mut(maxima);
            let mut work = vec![nan; tiles.workspace::<T>(3)];
            tiles.forward(&x, &packed, bias, [y, index], &mut work);
        });
        close(&both[..maxima], &doubles(&y), 3e-5);
        let near = |(a, b): (&T, &T)| a == b || !same_places;
        assert!(both[maxima..].iter().zip(&index).all(near), "{shape:?}");
    }
}

#[test]
fn maxima_by_tiles_are_those_of_whole_images() {
    let five = |pad: [usize; 2]| {
        let axis = |pad| Axis { pad_before: pad, pad_after: pad, ..Axis::new(5, 1, 0) };
        Conv { axes: pad.map(axis).to_vec(), group: 1 }
    };
    check_tiles::<f32>(&shape(&five([0, 0]), &[7, 20, 12, 12], 50), false, false);
    let mut dice = Dice(5);
    for _ in 0..40 {
        let extent = |dice: &mut Dice, pad: usize| 2 * dice.roll(1, 14) + 4 - 2 * pad;
        let pad = [dice.roll(0, 2), dice.roll(0, 2)];
        let (height, width) = (extent(&mut dice, pad[0]), extent(&mut dice, pad[1]));
        let input = [dice.roll(1, 5), dice.roll(1, 40), height, width];
        let conv = shape(&five(pad), &input, dice.roll(1, 70));
        let relu = dice.roll(0, 1) == 1;
        check_tiles::<f64>(&conv, relu, !relu);
        check_tiles::<f32>(&conv, relu, false);
    }
}
