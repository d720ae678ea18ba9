//! A [`Blob`] and its message in Caffe's files.

use crate::data::proto::BlobProto;
use crate::ty::product;

/// A tensor of f32 values in row-major order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Blob {
    /// Axes, outermost first; none for a scalar.
    pub shape: Vec<usize>,
    /// As many values as the product of the axes.
    pub data: Vec<f32>,
}

impl Blob {
    /// The values with that shape, or `None` if their number differs from the shape's.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Option<Self> {
        (product(shape.iter().copied()) == Some(data.len())).then_some(Blob { shape, data })
    }

    /// Whether the values can be those of a parameter of that shape.
    ///
    /// Old files store every blob with four axes, so a four-axis blob also fits the shape it has without leading ones. A
    /// single number may have one axis or none.
    pub fn fits(&self, shape: &[usize]) -> bool {
        let single = |shape: &[usize]| shape.is_empty() || shape == [1];
        if self.shape == shape || single(&self.shape) && single(shape) {
            return true;
        }
        let Some(leading) = self.shape.len().checked_sub(shape.len()) else { return false };
        let (ones, rest) = self.shape.split_at(leading);
        self.shape.len() == 4 && ones.iter().all(|&n| n == 1) && rest == shape
    }

    /// Reads a message; the error is a sentence without a file name.
    pub(super) fn from_proto(blob: BlobProto) -> Result<Self, String> {
        let legacy = [blob.num, blob.channels, blob.height, blob.width];
        let claimed: Vec<i64> = match blob.shape {
            Some(shape) => shape.dim,
            None if legacy.iter().any(Option::is_some) => {
                legacy.iter().map(|n| i64::from(n.unwrap_or(0))).collect()
            }
            None => vec![],
        };
        let data = if blob.data.is_empty() && !blob.double_data.is_empty() {
            blob.double_data.iter().map(|&x| x as f32).collect()
        } else {
            blob.data
        };
        let shape: Option<Vec<usize>> = claimed.iter().map(|&n| usize::try_from(n).ok()).collect();
        let len = data.len();
        shape
            .and_then(|shape| Blob::new(shape, data))
            .ok_or_else(|| format!("claims the shape {claimed:?} and holds {len} values"))
    }
}
