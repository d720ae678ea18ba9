//! A convolution and the maximum pooling behind it, image by image: what is between them stays in the cache.

use super::Shape;
use super::forward::{alone_workspace, forward_alone, pack, part_of_outputs};
use crate::exec::cpu::pool;
use crate::exec::cpu::tasks::{Shared, alone, for_each_with};
use crate::real::Real;

/// Images from which on each is one task; of fewer, each is two.
const IMAGES: usize = 4;

/// A convolution and a pooling of its output, whose planes are those of one image.
#[derive(Clone, Debug)]
pub struct Pooled {
    /// The convolution of all images.
    pub conv: Shape,
    /// The pooling of one image of its output.
    pub pool: pool::Shape,
    /// Whether negative outputs of the convolution become 0.
    pub relu: bool,
    /// Whether the weights are those that [`pack`] has made.
    pub packed: bool,
}

impl Pooled {
    fn one(&self) -> Shape {
        Shape { batch: 1, ..self.conv }
    }

    /// Elements of workspace of one task: the blob in between, and what the convolution needs.
    fn each<T: Real>(&self) -> usize {
        let one = self.one();
        one.output_len() + alone_workspace::<T>(&one)
    }

    fn shared(&self) -> usize {
        if self.packed { 0 } else { self.conv.weight_len() }
    }

    /// Elements of workspace that [`Pooled::forward`] needs for `threads` to take part.
    pub fn workspace<T: Real>(&self, threads: usize) -> usize {
        self.shared() + threads.max(1) * self.each::<T>()
    }

    /// The maxima `y` of the pooling and their places `index`. `work` holds at least `workspace(1)` elements.
    pub fn forward<T: Real>(
        &self,
        x: &[T],
        w: &[T],
        bias: Option<&[T]>,
        [y, index]: [&mut [T]; 2],
        work: &mut [T],
    ) {
        let (one, pool) = (self.one(), &self.pool);
        let maxima = pool.output_len();
        assert!(pool.input_len() == one.output_len(), "the pooling does not fit the convolution");
        assert!(x.len() == self.conv.input_len(), "input of {} elements", x.len());
        assert!(w.len() == self.conv.weight_len(), "weights of {} elements", w.len());
        assert!(bias.is_none_or(|b| b.len() == one.out_channels), "bias does not fit the outputs");
        let all = self.conv.batch * maxima;
        assert!(y.len() == all && index.len() == all, "output of {} elements", y.len());
        let (packed, work) = work.split_at_mut(self.shared());
        let packed = match self.packed {
            true => w,
            false => {
                pack(&self.conv, w, packed);
                packed
            }
        };
        let (y, index) = (Shared::new(y), Shared::new(index));
        let parts = if one.group == 1 && self.conv.batch < IMAGES { 2 } else { 1 };
        for_each_with(self.conv.batch * parts, work, self.each::<T>(), |task, scratch| {
            let (image, part) = (task / parts, task % parts);
            let outputs = match parts {
                1 => 0..one.out_channels,
                _ => part_of_outputs::<T>(&one, part, parts),
            };
            let of_plane = maxima / one.out_channels;
            let at = |output: usize| image * maxima + output * of_plane;
            let range = at(outputs.start)..at(outputs.end);
            // SAFETY: every plane is in one task.
            let (y, index) = unsafe { (y.slice(range.clone()), index.slice(range)) };
            let (blob, work) = scratch.split_at_mut(one.output_len());
            let x = &x[image * one.input_len()..][..one.input_len()];
            let rows = if parts == 1 { 0..one.out_channels / one.group } else { outputs.clone() };
            forward_alone(&one, x, packed, bias, self.relu, rows, blob, work);
            let count = one.windows.count();
            let pool = pool::Shape { planes: outputs.len(), ..pool.clone() };
            let blob = &blob[outputs.start * count..outputs.end * count];
            alone(|| pool::max_forward(&pool, blob, y, index));
        });
    }
}
