//! The kernels against those on planes of channels, in random geometries.

use super::*;
use crate::exec::cpu::conv::{self, Addend};
use crate::exec::cpu::testing::{Dice, close, fill, same_for_any_threads};
use crate::exec::cpu::{layout, lrn, normalize, pool};
use crate::real::Real;
use crate::window::{Axis, Conv, Pool, Rounding};

/// A blob with its channels last.
fn last<T: Real>(x: &[T], shape: [usize; 4]) -> Vec<T> {
    let mut y = vec![T::ZERO; x.len()];
    layout::transpose(&shape, &[0, 2, 3, 1], x, &mut y);
    y
}

fn doubles<T: Real>(x: &[T]) -> Vec<f64> {
    x.iter().map(|x| x.to_f64()).collect()
}

fn check_convolution<T: Real>(shape: &conv::Shape, sum: bool, relu: bool) {
    let x: Vec<T> = fill(shape.input_len(), 1);
    let w: Vec<T> = fill(shape.weight_len(), 2);
    let dy: Vec<T> = fill(shape.output_len(), 3);
    let bias: Vec<T> = fill(shape.out_channels, 4);
    let addend: Vec<T> = fill(shape.output_len(), 5);
    let [_, height, width] = shape.windows.input;
    let [_, rows, columns] = shape.windows.output;
    let of_input = [shape.batch, shape.channels, height, width];
    let of_output = [shape.batch, shape.out_channels, rows, columns];

    let mut want = if sum { addend.clone() } else { vec![T::ZERO; dy.len()] };
    let mut work = vec![T::ZERO; conv::forward_workspace::<T>(shape, 1)];
    let beta = if sum { T::ONE } else { T::ZERO };
    conv::forward(shape, &x, &w, Some(&bias), relu, beta, &mut want, &mut work);
    let (x_last, dy_last) = (last(&x, of_input), last(&dy, of_output));
    let sums = Sums::new::<T>(shape, Way::Forward);
    let mut packed = vec![T::from_f64(f64::NAN); sums.packed_len()];
    pack(&sums, &w, &mut packed);
    let given = last(&addend, of_output);
    let run = |in_place: bool, y: &mut [T]| {
        let mut work = vec![T::from_f64(f64::NAN); sums.workspace(3)];
        let addend = match (sum, in_place) {
            (false, _) => Addend::None,
            (true, true) => Addend::InPlace,
            (true, false) => Addend::Blob(&given),
        };
        let then = Then { bias: Some(&bias), addend, relu, mask: None };
        sums.run(&x_last, &packed, then, y, &mut work);
    };
    let want = doubles(&last(&want, of_output));
    close(&same_for_any_threads(want.len(), |y| run(false, y)), &want, 3e-5);
    let mut y = given.clone();
    run(true, &mut y);
    close(&y, &want, 3e-5);

    if tiles_fit(shape) {
        let len = tiles_weight_len::<T>(shape.channels, shape.out_channels);
        let mut packed = vec![T::from_f64(f64::NAN); len];
        tiles_pack(Way::Forward, shape.channels, shape.out_channels, &w, &mut packed);
        let run = |addend, y: &mut [T]| {
            let mut work = vec![T::from_f64(f64::NAN); tiles_workspace::<T>(shape, 3)];
            let then = Then { bias: Some(&bias), addend, relu, mask: None };
            tiles_forward(shape, &x_last, &packed, then, y, &mut work);
        };
        let addend = || if sum { Addend::Blob(&given) } else { Addend::None };
        close(&same_for_any_threads(want.len(), |y| run(addend(), y)), &want, 3e-5);
        if sum {
            let mut y = given.clone();
            run(Addend::InPlace, &mut y);
            close(&y, &want, 3e-5);
        }
    }

    let mut want = vec![T::ZERO; x.len()];
    let mut work = vec![T::ZERO; conv::input_gradient_workspace::<T>(shape, 1)];
    conv::input_gradient(shape, &dy, &w, None, T::ZERO, &mut want, &mut work);
    let sums = Sums::new::<T>(shape, Way::Input);
    let mut packed = vec![T::from_f64(f64::NAN); sums.packed_len()];
    pack(&sums, &w, &mut packed);
    let run = |then: Then<T>, dx: &mut [T]| {
        let mut work = vec![T::from_f64(f64::NAN); sums.workspace(3)];
        sums.run(&dy_last, &packed, then, dx, &mut work);
    };
    let want = doubles(&last(&want, of_input));
    close(&same_for_any_threads(x.len(), |dx| run(Then::NOTHING, dx)), &want, 3e-5);
    // With a gradient from elsewhere, through a ReLU whose result was `x`.
    let more: Vec<T> = fill(x.len(), 6);
    let passed = |((want, more), x): ((&f64, &T), &T)| {
        if T::ZERO < *x { want + more.to_f64() } else { 0.0 }
    };
    let masked: Vec<f64> = want.iter().zip(&more).zip(&x_last).map(passed).collect();
    let then = |addend| Then { addend, mask: Some(&x_last), ..Then::NOTHING };
    let dx = same_for_any_threads(x.len(), |dx| run(then(Addend::Blob(&more)), dx));
    close(&dx, &masked, 3e-5);
    let mut dx = more.clone();
    run(then(Addend::InPlace), &mut dx);
    close(&dx, &masked, 3e-5);

    if let Some(shape) = input_gradient_shape(shape).filter(tiles_fit) {
        let len = tiles_weight_len::<T>(shape.channels, shape.out_channels);
        let mut packed = vec![T::from_f64(f64::NAN); len];
        tiles_pack(Way::Input, shape.channels, shape.out_channels, &w, &mut packed);
        let run = |then: Then<T>, dx: &mut [T]| {
            let mut work = vec![T::from_f64(f64::NAN); tiles_workspace::<T>(&shape, 3)];
            tiles_forward(&shape, &dy_last, &packed, then, dx, &mut work);
        };
        close(&same_for_any_threads(x.len(), |dx| run(Then::NOTHING, dx)), &want, 3e-5);
        let mut dx = more.clone();
        run(then(Addend::InPlace), &mut dx);
        close(&dx, &masked, 3e-5);
    }

    let mut want = vec![T::ZERO; w.len()];
    let mut work = vec![T::ZERO; conv::weight_gradient_workspace::<T>(shape, 1)];
    conv::weight_gradient(shape, &x, &dy, T::ZERO, &mut want, &mut work);
    let dw = same_for_any_threads(w.len(), |dw| {
        let mut work = vec![T::from_f64(f64::NAN); weight_gradient_workspace::<T>(shape, 3)];
        weight_gradient(shape, &x_last, &dy_last, dw, &mut work);
    });
    close(&dw, &doubles(&want), 3e-5);
    if tiles_fit(shape) {
        let dw = same_for_any_threads(w.len(), |dw| {
            let mut work =
                vec![T::from_f64(f64::NAN); tiles_weight_gradient_workspace::<T>(shape, 3)];
            tiles_weight_gradient(shape, &x_last, &dy_last, dw, &mut work);
        });
        close(&dw, &doubles(&want), 3e-5);
    }
}

/// Two axes of windows in any geometry.
fn any_axes(dice: &mut Dice) -> Vec<Axis> {
    let axis = |_| Axis {
        kernel: dice.roll(1, 4),
        stride: dice.roll(1, 3),
        pad_before: dice.roll(0, 3),
        pad_after: dice.roll(0, 3),
        dilation: dice.roll(1, 2),
    };
    (0..2).map(axis).collect()
}

#[test]
fn windows_of_single_channels() {
    let mut dice = Dice(11);
    let mut checked = 0;
    while checked < 60 {
        let axes = any_axes(&mut dice);
        let channels = [2, 16, 33, 100][dice.roll(0, 3)];
        let input = [dice.roll(1, 3), channels, dice.roll(1, 12), dice.roll(1, 12)];
        let conv = Conv { axes, group: channels };
        let Some(shape) = conv::Shape::new(&conv, &input, channels) else { continue };
        println!("{shape:?}");
        check_depthwise::<f32>(&shape);
        check_depthwise::<f64>(&shape);
        checked += 1;
    }
}

fn check_depthwise<T: Real>(shape: &conv::Shape) {
    let x: Vec<T> = fill(shape.input_len(), 1);
    let w: Vec<T> = fill(shape.weight_len(), 2);
    let dy: Vec<T> = fill(shape.output_len(), 3);
    let bias: Vec<T> = fill(shape.channels, 4);
    let [_, height, width] = shape.windows.input;
    let [_, rows, columns] = shape.windows.output;
    let of_input = [shape.batch, shape.channels, height, width];
    let of_output = [shape.batch, shape.channels, rows, columns];
    let (x_last, dy_last) = (last(&x, of_input), last(&dy, of_output));
    let mut packed = vec![T::from_f64(f64::NAN); w.len()];
    depthwise_pack(shape, &w, &mut packed);

    let mut want = vec![T::ZERO; dy.len()];
    let mut work = vec![T::ZERO; conv::forward_workspace::<T>(shape, 1)];
    conv::forward(shape, &x, &w, Some(&bias), true, T::ZERO, &mut want, &mut work);
    let y = same_for_any_threads(dy.len(), |y| {
        let then = Then { bias: Some(&bias), relu: true, ..Then::NOTHING };
        depthwise(shape, Way::Forward, &x_last, &packed, then, y);
    });
    close(&y, &doubles(&last(&want, of_output)), 3e-5);

    let mut want = vec![T::ZERO; x.len()];
    let mut work = vec![T::ZERO; conv::input_gradient_workspace::<T>(shape, 1)];
    conv::input_gradient(shape, &dy, &w, None, T::ZERO, &mut want, &mut work);
    let dx = same_for_any_threads(x.len(), |dx| {
        depthwise(shape, Way::Input, &dy_last, &packed, Then::NOTHING, dx);
    });
    close(&dx, &doubles(&last(&want, of_input)), 3e-5);

    let mut want = vec![T::ZERO; w.len()];
    let mut work = vec![T::ZERO; conv::weight_gradient_workspace::<T>(shape, 1)];
    conv::weight_gradient(shape, &x, &dy, T::ZERO, &mut want, &mut work);
    let dw = same_for_any_threads(w.len(), |dw| {
        let mut work = vec![T::from_f64(f64::NAN); depthwise_weight_gradient_workspace(shape)];
        depthwise_weight_gradient(shape, &x_last, &dy_last, dw, &mut work);
    });
    close(&dw, &doubles(&want), 3e-5);
}

/// The convolution of the gradient to the result of one that is its gradient to the input.
fn input_gradient_shape(shape: &conv::Shape) -> Option<conv::Shape> {
    let axes = shape.windows.axes[1..].to_vec();
    let turned = Conv { axes, group: shape.group }.turned()?;
    let [_, rows, columns] = shape.windows.output;
    let input = [shape.batch, shape.out_channels, rows, columns];
    conv::Shape::new(&turned, &input, shape.channels)
        .filter(|turned| turned.windows.output == shape.windows.input)
}

#[test]
fn convolutions_in_random_geometries() {
    let mut dice = Dice(5);
    let mut checked = 0;
    while checked < 150 {
        let axes = any_axes(&mut dice);
        let group = [1, 1, 1, 2, 3][dice.roll(0, 4)];
        let channels = group * [1, 3, 7, 16, 33, 100][dice.roll(0, 5)];
        let outputs = group * [1, 5, 16, 20, 32, 48, 70][dice.roll(0, 6)];
        let input = [dice.roll(1, 3), channels, dice.roll(1, 12), dice.roll(1, 12)];
        let Some(shape) = conv::Shape::new(&Conv { axes, group }, &input, outputs) else {
            continue;
        };
        let (sum, relu) = (dice.roll(0, 1) == 1, dice.roll(0, 1) == 1);
        println!("{shape:?} {sum} {relu}");
        check_convolution::<f32>(&shape, sum, relu);
        if checked % 4 == 0 {
            check_convolution::<f64>(&shape, sum, relu);
        }
        checked += 1;
    }
}

#[test]
fn windows_of_three_and_five_in_tiles() {
    let mut dice = Dice(3);
    for kernel in [3, 5].repeat(30) {
        let axes: Vec<Axis> = (0..2)
            .map(|_| Axis {
                pad_before: dice.roll(0, 2),
                pad_after: dice.roll(0, 2),
                ..Axis::new(kernel, 1, 0)
            })
            .collect();
        let channels = [1, 5, 16, 40, 300][dice.roll(0, 4)];
        let outputs = [1, 16, 24, 48, 70][dice.roll(0, 4)];
        let input = [dice.roll(1, 3), channels, dice.roll(5, 14), dice.roll(5, 14)];
        let conv = Conv { axes, group: 1 };
        let shape = conv::Shape::new(&conv, &input, outputs).expect("a shape that fits");
        let (sum, relu) = (dice.roll(0, 1) == 1, dice.roll(0, 1) == 1);
        check_convolution::<f32>(&shape, sum, relu);
        check_convolution::<f64>(&shape, sum, relu);
    }
}

#[test]
fn a_large_convolution_is_cut_into_passes_and_spans() {
    let conv = Conv { axes: vec![Axis::new(3, 1, 1); 2], group: 1 };
    for channels in [100, 300] {
        let input = [2, channels, 30, 17];
        let shape = conv::Shape::new(&conv, &input, 80).expect("a shape that fits");
        check_convolution::<f32>(&shape, true, true);
    }
}

#[test]
fn poolings_in_random_geometries() {
    let mut dice = Dice(9);
    let mut checked = 0;
    while checked < 100 {
        let mut axis = || Axis {
            kernel: dice.roll(1, 4),
            stride: dice.roll(1, 3),
            pad_before: dice.roll(0, 1),
            pad_after: dice.roll(0, 1),
            dilation: dice.roll(1, 2),
        };
        let axes = [axis(), axis()];
        let rounding = [Rounding::Floor, Rounding::Ceil][dice.roll(0, 1)];
        let pool = Pool { axes, rounding, count_pad: dice.roll(0, 1) == 1 };
        let [batch, channels, height, width] =
            [dice.roll(1, 3), dice.roll(1, 20), dice.roll(1, 9), dice.roll(1, 9)];
        let Some(shape) = pool::Shape::new(&pool, batch * channels, [height, width]) else {
            continue;
        };
        let of_input = [batch, channels, height, width];
        let of_output = [batch, channels, shape.output[0], shape.output[1]];
        let x: Vec<f32> = fill(shape.input_len(), 1);
        // Equal maxima.
        let x: Vec<f32> = x.iter().map(|x| (x * 3.0).round()).collect();
        let dy: Vec<f32> = fill(shape.output_len(), 2);
        let (x_last, dy_last) = (last(&x, of_input), last(&dy, of_output));
        let (mut y, mut index) = (vec![0.0; dy.len()], vec![0.0; dy.len()]);
        pool::max_forward(&shape, &x, &mut y, &mut index);
        let mut places = vec![0.0; dy.len()];
        let got = same_for_any_threads(dy.len(), |y| {
            let mut places = vec![0.0; dy.len()];
            max_forward(&shape, channels, &x_last, y, &mut places);
        });
        close(&got, &doubles(&last(&y, of_output)), 0.0);
        max_forward(&shape, channels, &x_last, &mut vec![0.0; dy.len()], &mut places);
        close(&places, &doubles(&last(&index, of_output)), 0.0);
        let mut dx = vec![0.0; x.len()];
        pool::index_backward(&shape, &dy, &index, 0.0, &mut dx);
        let got = same_for_any_threads(x.len(), |dx| {
            max_backward(&shape, channels, &dy_last, &places, dx);
        });
        close(&got, &doubles(&last(&dx, of_input)), 1e-6);
        pool::average_forward(&shape, &x, &mut y);
        if y.iter().all(|y| y.is_finite()) {
            let got = same_for_any_threads(dy.len(), |y| {
                average_forward(&shape, channels, &x_last, y);
            });
            close(&got, &doubles(&last(&y, of_output)), 1e-6);
            pool::average_backward(&shape, &dy, 0.0, &mut dx);
            let got = same_for_any_threads(x.len(), |dx| {
                average_backward(&shape, channels, &dy_last, dx);
            });
            close(&got, &doubles(&last(&dx, of_input)), 1e-6);
        }
        checked += 1;
    }
}

#[test]
fn responses_are_normalised_across_channels() {
    for (channels, size, beta) in
        [(1, 5, 0.75), (7, 5, 0.75), (300, 5, 0.75), (130, 9, 0.6), (4, 3, 1.0)]
    {
        let shape = lrn::Shape { batch: 2, channels, height: 3, width: 4 };
        let lrn = lrn::Lrn { size, alpha: 0.3 / size as f64, beta, k: 1.5 };
        let extents = [2, channels, 3, 4];
        let len = 2 * channels * 12;
        let (x, dy): (Vec<f64>, Vec<f64>) = (fill(len, 1), fill(len, 2));
        let (mut y, mut scale, mut dx) = (vec![0.0; len], vec![0.0; len], vec![0.0; len]);
        lrn::across_forward(&shape, &lrn, &x, &mut y, &mut scale);
        lrn::across_backward(&shape, &lrn, &x, &y, &scale, &dy, 0.0, &mut dx);
        let (x, dy) = (last(&x, extents), last(&dy, extents));
        let mut scales = vec![0.0; len];
        let got = same_for_any_threads(len, |y| {
            lrn_forward(&lrn, channels, &x, y, &mut vec![0.0; len]);
        });
        lrn_forward(&lrn, channels, &x, &mut vec![0.0; len], &mut scales);
        close(&got, &last(&y, extents), 1e-6);
        close(&scales, &last(&scale, extents), 1e-6);
        let back = same_for_any_threads(len, |dx| {
            lrn_backward(&lrn, channels, [&x, &got, &scales, &dy], dx);
        });
        close(&back, &last(&dx, extents), 1e-6);
    }
}

#[test]
fn channels_are_normalised_by_their_moments() {
    for (batch, channels, side, relu) in [(3, 5, 7, false), (2, 40, 60, true), (1, 3, 1, true)] {
        let shape = normalize::Shape { batch, channels, inner: side * side };
        let extents = [batch, channels, side, side];
        let len = batch * channels * side * side;
        let (x, dy): (Vec<f64>, Vec<f64>) = (fill(len, 1), fill(len, 2));
        let (scale, shift): (Vec<f64>, Vec<f64>) = (fill(channels, 3), fill(channels, 4));
        let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
        normalize::moments(&shape, &x, &mut mean, &mut variance);
        let of = normalize::Channels {
            mean: &mean,
            variance: &variance,
            affine: Some((&scale, &shift)),
            eps: 0.1,
            relu,
        };
        let (mut y, mut dx) = (vec![0.0; len], vec![0.0; len]);
        normalize::forward(&shape, &of, &x, &mut y);
        let (mut dscale, mut dshift) = (vec![0.0; channels], vec![0.0; channels]);
        let affine = Some((&mut dscale[..], &mut dshift[..]));
        normalize::backward(&shape, &of, true, &x, &dy, &mut dx, affine);
        let (x, dy) = (last(&x, extents), last(&dy, extents));
        let work = || vec![f64::NAN; normalize_workspace(channels)];
        let both = same_for_any_threads(2 * channels, |both| {
            let (mean, variance) = both.split_at_mut(channels);
            moments(&x, mean, variance, &mut work());
        });
        close(&both, &[mean.clone(), variance.clone()].concat(), 1e-6);
        let run = |addend, y: &mut [f64]| self::normalize(&of, &x, addend, y, &mut work());
        let got = same_for_any_threads(len, |y| run(Addend::None, y));
        let want = last(&y, extents);
        close(&got, &want, 1e-6);
        if !relu {
            let sum: Vec<f64> = want.iter().zip(&dy).map(|(want, more)| want + more).collect();
            let got = same_for_any_threads(len, |y| run(Addend::Blob(&dy), y));
            close(&got, &sum, 1e-6);
            let mut y = dy.clone();
            run(Addend::InPlace, &mut y);
            close(&y, &sum, 1e-6);
        }
        let all = same_for_any_threads(len + 2 * channels, |all| {
            let (dx, affine) = all.split_at_mut(len);
            let (dscale, dshift) = affine.split_at_mut(channels);
            normalize_backward(&of, true, &x, &dy, dx, Some((dscale, dshift)), &mut work());
        });
        close(&all[..len], &last(&dx, extents), 1e-5);
        close(&all[len..], &[dscale, dshift].concat(), 1e-5);
    }
}
