//! Which place of each row of scores is the one that the row's label names.

use super::constants::constants;
use super::prelude::*;

/// `rows x classes`: 1 where the class is that of the row's label, cut off to a whole number, else 0.
pub(super) fn label_mask(b: &mut Builder, labels: ValueId, classes: usize) -> ValueId {
    let rows = b.shape(labels).count();
    let mask = label_mask_along(b, labels, [rows, classes, 1]);
    b.view(mask, [rows, classes])
}

/// The same for labels before and behind a class axis: `outer x classes x inner`.
pub(super) fn label_mask_along(
    b: &mut Builder,
    labels: ValueId,
    [outer, classes, inner]: [usize; 3],
) -> ValueId {
    let labels = b.view(labels, [outer, 1, inner]);
    let places = constants(b, [1, classes, 1], (0..classes).map(|class| class as f64).collect());
    b.map(&[labels, places], &arg(0).trunc().equals(arg(1)))
}
