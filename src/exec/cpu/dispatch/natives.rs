//! Prepares the operations that layers define themselves: they see the places of a step as arguments and results.

use std::sync::Arc;

use super::memory::Memory;
use super::{Call, Places};
use crate::exec::Element;
use crate::plan::Slot;
use crate::program::native::{Native, Saved, View, ViewMut};
use crate::ty::Shape;

/// Arguments or results of an operation that few exceed.
const FEW: usize = 16;
/// Arguments or results of an operation, at most.
const MOST: usize = 4096;

impl Places {
    /// Whether there are few, so that little is written down at every run.
    fn are_few(&self, native: &dyn Native) -> bool {
        let most = self.args.len().max(self.outs.len());
        assert!(most <= MOST, "{} has too many arguments", native.name());
        most <= FEW
    }

    /// The operation.
    pub fn forward<T: Element>(self, native: Arc<dyn Native>) -> Call<T> {
        match self.are_few(&*native) {
            true => self.forward_of::<T, FEW>(native),
            false => self.forward_of::<T, MOST>(native),
        }
    }

    fn forward_of<T: Element, const N: usize>(self, native: Arc<dyn Native>) -> Call<T> {
        let Places { args, arg_shapes, outs, out_shapes, work } = self;
        let none = Shape::default();
        Box::new(move |m, _| {
            let views: [View<T>; N] = views(m, &args, &arg_shapes, &none);
            let mut results: [ViewMut<T>; N] = views_mut(m, &outs, &out_shapes, &none);
            let results = &mut results[..outs.len()];
            T::native_forward(&*native, &views[..args.len()], results, m.get_mut(work));
        })
    }

    /// Its gradient to the arguments `wrt`.
    pub fn backward<T: Element>(self, native: Arc<dyn Native>, wrt: Vec<usize>) -> Call<T> {
        match self.are_few(&*native) {
            true => self.backward_of::<T, FEW>(native, wrt),
            false => self.backward_of::<T, MOST>(native, wrt),
        }
    }

    fn backward_of<T: Element, const N: usize>(
        self,
        native: Arc<dyn Native>,
        wrt: Vec<usize>,
    ) -> Call<T> {
        let Places { args, arg_shapes, outs, out_shapes, work } = self;
        let results = native.shapes(&arg_shapes.iter().collect::<Vec<_>>()).len();
        let kept = if native.gradient_reads_outputs() { results } else { 0 };
        let (n, n_args, none) = (args.len(), args.len() - kept - results, Shape::default());
        Box::new(move |m, _| {
            let views: [View<T>; N] = views(m, &args, &arg_shapes, &none);
            let saved = Saved {
                args: &views[..n_args],
                outs: &views[n_args..n_args + kept],
                douts: &views[n_args + kept..n],
                wrt: &wrt,
            };
            let mut dargs: [ViewMut<T>; N] = views_mut(m, &outs, &out_shapes, &none);
            let dargs = &mut dargs[..wrt.len()];
            T::native_backward(&*native, &saved, dargs, m.get_mut(work));
        })
    }
}

/// What the places of arguments hold; beyond them are empty views.
fn views<'a, T, const N: usize>(
    m: &'a Memory<T>,
    slots: &[Slot],
    shapes: &'a [Shape],
    none: &'a Shape,
) -> [View<'a, T>; N] {
    std::array::from_fn(|i| match slots.get(i) {
        Some(&slot) => View { shape: &shapes[i], data: m.get(slot) },
        None => View { shape: none, data: &[] },
    })
}

/// The places of results; beyond them are empty views.
fn views_mut<'a, T, const N: usize>(
    m: &'a Memory<T>,
    slots: &[Slot],
    shapes: &'a [Shape],
    none: &'a Shape,
) -> [ViewMut<'a, T>; N] {
    std::array::from_fn(|i| match slots.get(i) {
        Some(&slot) => ViewMut { shape: &shapes[i], data: m.get_mut(slot) },
        None => ViewMut { shape: none, data: &mut [] },
    })
}
