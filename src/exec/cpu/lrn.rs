//! Local response normalisation across channels.

use super::real::Real;

#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub batch: usize,
    pub channels: usize,
    pub pixels: usize,
    pub size: usize,
    pub alpha: f64,
    pub beta: f64,
    pub k: f64,
}

impl Shape {
    fn scale<T: Real>(&self, x: &[T], c: usize, p: usize) -> T {
        let half = (self.size - 1) / 2;
        let mut sum = T::ZERO;
        for c in c.saturating_sub(half)..(c + half + 1).min(self.channels) {
            let v = x[c * self.pixels + p];
            sum += v * v;
        }
        T::from_f64(self.k) + T::from_f64(self.alpha) * sum
    }
}

pub fn forward<T: Real>(s: &Shape, x: &[T], y: &mut [T]) {
    let plane = s.channels * s.pixels;
    for n in 0..s.batch {
        let x = &x[n * plane..][..plane];
        for c in 0..s.channels {
            for p in 0..s.pixels {
                let scale = s.scale(x, c, p);
                y[n * plane + c * s.pixels + p] =
                    x[c * s.pixels + p] * scale.powf(T::from_f64(-s.beta));
            }
        }
    }
}

pub fn backward<T: Real>(s: &Shape, x: &[T], y: &[T], dy: &[T], _beta: T, dx: &mut [T]) {
    let plane = s.channels * s.pixels;
    let half = (s.size - 1) / 2;
    for n in 0..s.batch {
        let (x, y, dy) =
            (&x[n * plane..][..plane], &y[n * plane..][..plane], &dy[n * plane..][..plane]);
        for c in 0..s.channels {
            for p in 0..s.pixels {
                let at = c * s.pixels + p;
                let mut sum = T::ZERO;
                for c in c.saturating_sub(half)..(c + half + 1).min(s.channels) {
                    let at = c * s.pixels + p;
                    sum += dy[at] * y[at] / s.scale(x, c, p);
                }
                let own = dy[at] * s.scale(x, c, p).powf(T::from_f64(-s.beta));
                dx[n * plane + at] = own - T::from_f64(2.0 * s.alpha * s.beta) * x[at] * sum;
            }
        }
    }
}
