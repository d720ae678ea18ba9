//! The sum of absolute differences, or of the lengths of vectors.

use super::euclidean_loss::mean_over_rows;
use super::prelude::*;

/// What FlowNet's fork of Caffe makes of the differences (Dosovitskiy et al. 2015).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow {
    /// The length √(Σ d² + ε) of the vector of channels at each place in the place of Σ |d|; with ε.
    pub vectors: Option<f64>,
    /// Σ d² is divided by the channels first.
    pub prescale: bool,
    /// The divisor is the number of differences that are numbers by the channels, not N.
    pub entries: bool,
    /// Differences, or lengths, below this count as 0.
    pub plateau: f64,
}

params! {
    /// Σ |a - b| / N, where N is the first extent only; a layer of NVCaffe, which DIGITS' examples of detection and
    /// segmentation use.
    ///
    /// Both bottoms have a gradient, 0 where they are equal. With `l1_loss_param` it is FlowNet's, of one bottom or two:
    /// differences that are no numbers, where a flow is not known, count as 0 and have no gradient, and the gradient of |d|
    /// is -1 at 0.
    pub struct L1Loss {
        /// FlowNet's form.
        flow: Option<Flow> = None,
    }
}

/// The description of [`L1Loss`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(1, 2),
    differentiable: 2,
    spellings: &[caffe("L1Loss", |a| L1Loss { flow: Flow::read(a) }.into())],
    ..LayerSpec::loss("L1Loss", L1Loss::DOCS)
};

impl Flow {
    fn read(a: &Args) -> Option<Self> {
        let p = a.section("l1_loss_param");
        let vectors = p.bool("l2_per_location").unwrap_or(false);
        let epsilon = p.float("epsilon").unwrap_or(f64::from(1e-2f32));
        let flow = Flow {
            vectors: vectors.then_some(epsilon),
            prescale: p.bool("l2_prescale_by_channels").unwrap_or(false),
            entries: p.bool("normalize_by_num_entries").unwrap_or(false),
            plateau: p.float("plateau").unwrap_or(0.0),
        };
        (p.is_present() || a.times("bottom") == 1).then_some(flow)
    }

    fn lower(self, b: &mut Builder, cx: &Lower) -> ValueId {
        let shape = b.shape(cx.bottoms[0]).clone();
        let rows = shape.dims().first().copied().unwrap_or(1);
        let channels = shape.dims().get(1).copied().unwrap_or(1);
        let mut bottoms = cx.bottoms.to_vec();
        if let [_, other] = &mut bottoms[..] {
            *other = b.view(*other, shape.clone());
        }
        let d = if bottoms.len() == 2 { arg(0) - arg(1) } else { arg(0) };
        let known = d.clone().equals(d.clone());
        let sum = match self.vectors {
            Some(epsilon) => {
                let squares = b.map(&bottoms, &select(known.clone(), d.squared(), constant(0.0)));
                let squares =
                    b.view(squares, [rows, channels, shape.count() / (rows * channels).max(1)]);
                let sums = b.sum(squares, &[1]);
                let factor = if self.prescale { 1.0 / channels as f64 } else { 1.0 };
                let scaled = arg(0) * factor;
                let flat = scaled.clone().lt(self.plateau * self.plateau);
                let lengths = (select(flat, constant(0.0), scaled) + epsilon).sqrt();
                let lengths = b.map(&[sums], &lengths);
                b.sum_all(lengths)
            }
            None => {
                let counts = known.clone() * (constant(1.0) - d.clone().abs().lt(self.plateau));
                let side = select(d.clone().gt(0.0), constant(1.0), constant(-1.0));
                let slope = select(counts.clone(), side, constant(0.0));
                let slopes = [slope.clone(), -slope];
                let each = select(counts, d.abs(), constant(0.0));
                let each = each.with_gradient(slopes[..bottoms.len()].to_vec());
                let each = b.map(&bottoms, &each);
                b.sum_all(each)
            }
        };
        if !self.entries {
            return b.scale(sum, 1.0 / rows as f64);
        }
        let known = b.map(&bottoms, &known);
        let known = b.sum_all(known);
        b.map(&[sum, known], &(arg(0) * channels as f64 / arg(1)))
    }
}

impl LayerOps for L1Loss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        if cx.node.bottoms.len() == 2 {
            cx.rows_alike()?;
        }
        if self.flow.is_some_and(|flow| flow.vectors.is_some() || flow.entries)
            && cx.bottom(0).rank() < 2
        {
            return cx.fail_bottom(0, "must have channels, N x C x H x W");
        }
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        vec![match self.flow {
            Some(flow) => flow.lower(b, cx),
            None => mean_over_rows(b, cx, &(arg(0) - arg(1)).abs(), 1.0),
        }]
    }

    fn detail(&self) -> String {
        match self.flow {
            Some(Flow { vectors: Some(_), .. }) => "of vectors".into(),
            _ => String::new(),
        }
    }
}
