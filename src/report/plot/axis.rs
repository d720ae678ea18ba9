//! Turns a range of values into an axis: where each value is, and ticks at round numbers.

/// How values are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By their logarithms; values that are not positive are left out.
    Log,
}

/// A range of values, never empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    scale: Scale,
}

impl Axis {
    /// The axis that shows all usable values with a little room; `None` if there is no usable value.
    pub fn around(values: impl IntoIterator<Item = f64>, scale: Scale) -> Option<Axis> {
        let (low, high) = extent(values, scale)?;
        let (low, high) = match scale {
            Scale::Linear => (low, high),
            Scale::Log => (low.log10(), high.log10()),
        };
        // Halves keep the difference of huge values finite.
        let half = (high / 2.0 - low / 2.0).min(f64::MAX / 8.0);
        let room = if half == 0.0 { (low.abs() * 0.1).max(1e-6) } else { half * 0.08 };
        let (low, high) = (low - room, high + room);
        (low.is_finite() && high.is_finite()).then_some(Axis { low, high, scale })
    }

    /// The axis that shows exactly the range of the usable values.
    pub fn exactly(values: impl IntoIterator<Item = f64>) -> Option<Axis> {
        let (low, high) = extent(values, Scale::Linear)?;
        let high = if low < high { high } else { low + 1.0 };
        (low < high && (high - low).is_finite()).then_some(Axis { low, high, scale: Scale::Linear })
    }

    /// The same axis, beginning at zero if all of its values are positive.
    pub fn from_zero(self) -> Axis {
        if self.scale == Scale::Linear && 0.0 < self.high {
            Axis { low: self.low.min(0.0), ..self }
        } else {
            self
        }
    }

    /// The same axis with a range of at least `length`, grown on both sides.
    pub fn widened(self, length: f64) -> Axis {
        let extra = ((length - self.length()) / 2.0).max(0.0);
        Axis { low: self.low - extra, high: self.high + extra, ..self }
    }

    /// The length of the range, in decades on a logarithmic axis.
    pub fn length(&self) -> f64 {
        self.high - self.low
    }

    /// Whether a value can be shown at all.
    pub fn shows(&self, value: f64) -> bool {
        usable(value, self.scale)
    }

    /// Where a value is: 0 at the low end, 1 at the high end.
    pub fn place(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
        };
        (value / self.length() - self.low / self.length()).clamp(-0.01, 1.01)
    }

    /// About `count` ticks at round numbers, with their texts.
    pub fn ticks(&self, count: f64) -> Vec<(f64, String)> {
        let count = count.clamp(4.0, 20.0);
        match self.scale {
            Scale::Log if 1.0 <= self.length() => self.decades(count),
            Scale::Log => {
                let (low, high) = (10f64.powf(self.low), 10f64.powf(self.high));
                steps(low, high, count)
            }
            Scale::Linear => steps(self.low, self.high, count),
        }
    }

    /// Powers of ten, and 2 and 5 times them if there is room.
    fn decades(&self, count: f64) -> Vec<(f64, String)> {
        let every = (self.length() / count).ceil().max(1.0);
        let factors: &[f64] =
            if self.length() * 3.0 <= count + 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let mut ticks = vec![];
        let mut power = (self.low / every).floor() * every;
        while power <= self.high {
            for factor in factors {
                let at = power + factor.log10();
                if self.low <= at && at <= self.high {
                    let value = factor * 10f64.powf(power);
                    ticks.push((value, plain(value, 10f64.powf(power), value)));
                }
            }
            power += every;
        }
        ticks
    }
}

fn usable(value: f64, scale: Scale) -> bool {
    value.is_finite() && (scale == Scale::Linear || 0.0 < value)
}

fn extent(values: impl IntoIterator<Item = f64>, scale: Scale) -> Option<(f64, f64)> {
    let usable = values.into_iter().filter(|&value| usable(value, scale));
    usable.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((f64::min(low, value), f64::max(high, value))),
    })
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn steps(low: f64, high: f64, count: f64) -> Vec<(f64, String)> {
    let raw = high / count - low / count;
    let power = 10f64.powf(raw.log10().floor());
    let factors = [0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
    let wide = factors.iter().position(|f| raw <= f * power * 1.0001).unwrap_or(5);
    let ticks = |step: f64| {
        let first = (low / step).ceil();
        let ticks = (0..24).map(move |i| (first + f64::from(i)) * step);
        ticks.take_while(|&tick| tick <= high).collect::<Vec<_>>()
    };
    let step = factors[wide] * power;
    if !step.is_normal() {
        return vec![];
    }
    // Fewer than three show no scale: the next smaller steps do.
    let finer = factors[..wide].iter().rev().take(2).map(|f| f * power);
    let mut steps = std::iter::once(step).chain(finer);
    let step = steps.find(|&step| 3 <= ticks(step).len()).unwrap_or(step);
    let values = ticks(step);
    let largest = values.iter().fold(0.0, |most: f64, tick| most.max(tick.abs()));
    values.into_iter().map(|tick| (tick, plain(tick, step, largest))).collect()
}

/// A tick's text, with as many decimals as the step needs; all ticks of an axis are written alike, by the `largest`.
fn plain(value: f64, step: f64, largest: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&largest) {
        let digits = (size.log10().floor() - step.log10().floor()).clamp(0.0, 6.0) as usize;
        return format!("{value:.digits$e}");
    }
    if size < step * 1e-6 {
        return "0".into();
    }
    let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], scale: Scale, count: f64, expected: &[&str]) {
        let axis = Axis::around(values.iter().copied(), scale).expect("values");
        let texts: Vec<String> = axis.ticks(count).into_iter().map(|tick| tick.1).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn ticks_are_round() {
        check(&[0.0, 1.0], Scale::Linear, 5.0, &["0", "0.5", "1.0"]);
        check(
            &[0.0, 10_000.0],
            Scale::Linear,
            6.0,
            &["0", "2000", "4000", "6000", "8000", "10000"],
        );
        check(&[-0.012, 0.031], Scale::Linear, 5.0, &["-0.01", "0", "0.01", "0.02", "0.03"]);
        check(&[1e-4, 2.0], Scale::Log, 5.0, &["1e-4", "0.001", "0.01", "0.1", "1"]);
        check(&[5.0], Scale::Linear, 4.0, &["4.5", "5.0", "5.5"]);
        // One step of 0.5 alone would be in this range.
        check(&[0.11, 0.89], Scale::Linear, 4.0, &["0.2", "0.4", "0.6", "0.8"]);
        check(&[4e-4, 1.6e-3], Scale::Linear, 4.0, &["0.0005", "0.0010", "0.0015"]);
    }

    #[test]
    fn values_that_cannot_be_shown_are_left_out() {
        assert_eq!(Axis::around([f64::NAN, f64::INFINITY], Scale::Linear), None);
        assert_eq!(Axis::around([0.0, -1.0], Scale::Log), None);
        let axis = Axis::around([f64::MIN, f64::MAX], Scale::Linear);
        assert!(axis.is_none_or(|axis| axis.place(0.0).is_finite()));
    }
}
