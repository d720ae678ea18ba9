//! Local response normalisation.

use super::planes;
use super::prelude::*;
use crate::program;
use crate::window::{Axis, Pool, Rounding};

/// Which neighbours of an element count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The same pixel in the channels around.
    AcrossChannels,
    /// A square of pixels in the same channel.
    WithinChannel,
}

params! {
    /// Divides each element by the energy of its neighbours (Krizhevsky et al. 2012, section 3.3), for
    /// `N x C x H x W`.
    ///
    /// Across channels y = x / (k + alpha/n · sum x²)^beta over the n = local_size channels around, where channels
    /// that do not exist count as 0. Within a channel y = x / (1 + alpha · mean x²)^beta over a square of that side,
    /// where the mean counts the zeros around the image; as in Caffe `k` plays no part in it.
    pub struct Lrn {
        /// Width of the window; odd.
        local_size: usize = 5,
        /// Weight of the energy.
        alpha: f64 = 1.0,
        /// Exponent.
        beta: f64 = 0.75,
        /// Offset, so that nothing is divided by 0.
        k: f64 = 1.0,
        /// Which neighbours count.
        region: Region = Region::AcrossChannels,
        /// Whether `alpha` weighs the mean of the squares across channels, or (false) their sum.
        mean: bool = true,
        /// Whether the batch axis may be missing.
        maybe_batched: bool = false,
    }
}

/// The description of [`Lrn`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("LRN", |a| Lrn::read(a).into()),
        torch("nn.SpatialCrossMapLRN", ARGUMENTS, |a| Lrn::read_fields(a).into()).script(CROSS_MAP),
        torch("inn.SpatialCrossResponseNormalization", ARGUMENTS, |a| Lrn::read_fields(a).into())
            .extends("nn.SpatialCrossMapLRN"),
    ],
    ..LayerSpec::new("LRN", Category::Normalisation, Lrn::DOCS)
};

const ARGUMENTS: &[&str] = &["size", "alpha", "beta", "k"];

const CROSS_MAP: &str = r#"
function Class:__init(size, alpha, beta, k)
   Parent.__init(self)
   self.size = size
   self.alpha = alpha or 0.0001
   self.beta = beta or 0.75
   self.k = k or 1
end
"#;

impl Lrn {
    fn read(a: &Args) -> Self {
        let p = a.section("lrn_param");
        p.ignore(&["engine"]);
        let regions = [
            ("ACROSS_CHANNELS", Region::AcrossChannels),
            ("WITHIN_CHANNEL", Region::WithinChannel),
        ];
        Lrn {
            local_size: p.usize("local_size").unwrap_or(5),
            alpha: p.float("alpha").unwrap_or(1.0),
            beta: p.float("beta").unwrap_or(0.75),
            k: p.float("k").unwrap_or(1.0),
            region: p.choice("norm_region", &regions).unwrap_or(Region::AcrossChannels),
            mean: true,
            maybe_batched: false,
        }
    }

    fn read_fields(a: &Args) -> Self {
        Lrn {
            local_size: super::lua::count(a, "size"),
            alpha: a.float("alpha").unwrap_or(0.0001),
            beta: a.float("beta").unwrap_or(0.75),
            k: a.float("k").unwrap_or(1.0),
            maybe_batched: true,
            ..Lrn::default()
        }
    }
}

impl LayerOps for Lrn {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        let size = self.local_size;
        if size.is_multiple_of(2) {
            let why = format!("a window of {size} has no middle; it must be odd");
            return cx.fail(&["local_size", "size"], why);
        }
        Ok(())
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        if self.maybe_batched {
            planes::batched(cx, 4, None)?;
        } else if shape.rank() != 4 {
            return cx.fail_bottom(0, "LRN needs a blob of 4 axes, N x C x H x W");
        }
        Ok(Signature::of(shape.clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = planes::view_batched(b, cx.bottoms[0], 4);
        let &Lrn { local_size: size, alpha, beta, k, region, mean, .. } = self;
        if region == Region::AcrossChannels {
            let alpha = if mean { alpha / size as f64 } else { alpha };
            let y = b.lrn(x, program::Lrn { size, alpha, beta, k });
            return vec![b.view(y, cx.top(0).clone())];
        }
        let axis = Axis::new(size, 1, (size - 1) / 2);
        let window = Pool { axes: [axis; 2], rounding: Rounding::Ceil, count_pad: true };
        let squares = b.map(&[x], &arg(0).squared());
        let energy = b.ave_pool(squares, window);
        let y = arg(0) * (arg(1) * alpha + 1.0).pow(-beta);
        vec![b.map(&[x, energy], &y)]
    }

    fn detail(&self) -> String {
        match self.region {
            Region::AcrossChannels => format!("{} channels", self.local_size),
            Region::WithinChannel => format!("{0} x {0} pixels", self.local_size),
        }
    }
}
