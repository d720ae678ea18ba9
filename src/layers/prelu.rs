//! max(x, 0) with a learned slope below 0.

use super::axis_span::align;
use super::prelude::*;

params! {
    /// x above 0, slope · x below, with one learned slope a channel or one for all (He et al. 2015).
    ///
    /// Input of 2 or more axes, of which axis 1 is the channel; the slopes are `C`, or one number if shared. Torch
    /// takes inputs of 1 and 3 axes as one item, whose first axis is the channel.
    pub struct PRelu {
        /// One slope for all channels.
        shared: bool = false,
        /// First values of the slopes.
        filler: Filler = Filler::Constant(0.25),
        /// Whether inputs of 1 and 3 axes are one item without an axis of items.
        single_items: bool = false,
        /// How many channels there must be, if that is told.
        channels: Option<usize> = None,
    }
}

const SCRIPT: &str = "
function Class:__init(nOutputPlane)
   Parent.__init(self)
   self.nOutputPlane = nOutputPlane or 0
   local n = math.max(self.nOutputPlane, 1)
   self.weight = torch.Tensor(n):fill(0.25)
   self.gradWeight = torch.Tensor(n):zero()
end";

/// The description of [`PRelu`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("PReLU", |a| {
            let p = a.section("prelu_param");
            let filler = Filler::read(&p.section("filler")).or_constant(0.25);
            let shared = p.bool("channel_shared").unwrap_or(false);
            PRelu { shared, filler, ..PRelu::default() }.into()
        }),
        torch("nn.PReLU", &["nOutputPlane"], |a| {
            let channels = a.usize("nOutputPlane").filter(|&n| 0 < n);
            let shared = channels.is_none();
            PRelu { shared, single_items: true, channels, ..PRelu::default() }.into()
        })
        .tensors(&["weight"])
        .script(SCRIPT),
    ],
    ..LayerSpec::new("PReLU", Category::Activation, PRelu::DOCS)
};

impl PRelu {
    fn channel_axis(&self, x: &Shape) -> usize {
        usize::from(!(self.single_items && x.rank() % 2 == 1))
    }
}

impl LayerOps for PRelu {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        let Some(&channels) = shape.dims().get(self.channel_axis(shape)) else {
            return cx.fail_bottom(0, "PReLU needs a channel axis: 2 axes or more");
        };
        if !self.single_items && 4 < shape.rank() {
            return cx.fail_bottom(0, "Caffe's PReLU takes at most 4 axes");
        }
        if let Some(told) = self.channels.filter(|&told| told != channels) {
            let why = format!("is made for {told} channels, and there are {channels}");
            return cx.fail_bottom(0, why);
        }
        let slopes = match self.shared {
            true if self.single_items => [1].into(),
            true => Shape::scalar(),
            false => [channels].into(),
        };
        let params = vec![ParamDecl::new("slope", slopes, self.filler)];
        Ok(Signature { tops: vec![shape.clone()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let slope = align(b, cx.params[0], self.channel_axis(cx.top(0)), cx.top(0).rank());
        let y = select(arg(0).gt(0.0), arg(0), arg(0) * arg(1));
        vec![b.map(&[cx.bottoms[0], slope], &y)]
    }

    fn detail(&self) -> String {
        if self.shared { "one slope".into() } else { String::new() }
    }
}
