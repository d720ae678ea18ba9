//! Adds a border to images and volumes, or crops it.

use super::constants::pick;
use super::planes;
use super::prelude::*;

/// What a border is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Zeros.
    Zero,
    /// The image mirrored at its outermost pixels, which are not repeated.
    Reflection,
    /// The outermost pixels, repeated.
    Replication,
}

params! {
    /// Adds a border to images, `N x C x H x W`, or volumes, `N x C x T x H x W`, where the batch axis may be missing; a
    /// negative width crops.
    pub struct SpatialPadding {
        /// What the border is made of.
        border: Border = Border::Zero,
        /// Pixels above and below.
        rows: [i64; 2] = [0, 0],
        /// Pixels at the left and at the right.
        columns: [i64; 2] = [0, 0],
        /// Images of a volume before and behind; not given for images.
        frames: Option<[i64; 2]> = None,
    }
}

/// The description of [`SpatialPadding`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[
        torch("nn.SpatialZeroPadding", ARGUMENTS, |a| SpatialPadding::read(a, Border::Zero).into())
            .script(SCRIPT),
        torch("nn.SpatialReflectionPadding", ARGUMENTS, |a| {
            SpatialPadding::read(a, Border::Reflection).into()
        })
        .script(SCRIPT),
        torch("nn.SpatialReplicationPadding", ARGUMENTS, |a| {
            SpatialPadding::read(a, Border::Replication).into()
        })
        .script(SCRIPT),
        torch("nn.VolumetricReplicationPadding", VOLUMETRIC, |a| {
            let [left, right, above, below, front, back] =
                ["pleft", "pright", "ptop", "pbottom", "pfront", "pback"]
                    .map(|key| a.required(key, Args::int));
            SpatialPadding {
                border: Border::Replication,
                rows: [above, below],
                columns: [left, right],
                frames: Some([front, back]),
            }
            .into()
        })
        .script(VOLUME_SCRIPT),
    ],
    ..LayerSpec::new("SpatialPadding", Category::Shape, SpatialPadding::DOCS)
};

const ARGUMENTS: &[&str] = &["pad_l", "pad_r", "pad_t", "pad_b"];

const SCRIPT: &str = r#"
function Class:__init(pad_l, pad_r, pad_t, pad_b)
   Parent.__init(self)
   self.pad_l = pad_l
   self.pad_r = pad_r or self.pad_l
   self.pad_t = pad_t or self.pad_l
   self.pad_b = pad_b or self.pad_l
end
function Class:__tostring__()
   return string.format('%s(l=%d, r=%d, t=%d, b=%d)', torch.type(self),
      self.pad_l, self.pad_r, self.pad_t, self.pad_b)
end
"#;

const VOLUMETRIC: &[&str] = &["pleft", "pright", "ptop", "pbottom", "pfront", "pback"];

const VOLUME_SCRIPT: &str = r#"
function Class:__init(pleft, pright, ptop, pbottom, pfront, pback)
   Parent.__init(self)
   self.pleft = pleft
   self.pright = pright or pleft
   self.ptop = ptop or pleft
   self.pbottom = pbottom or pleft
   self.pfront = pfront or pleft
   self.pback = pback or pleft
end
function Class:__tostring__()
   return torch.type(self) .. string.format('(left=%d, right=%d, top=%d, bottom=%d, front=%d, back=%d)',
      self.pleft, self.pright, self.ptop, self.pbottom, self.pfront, self.pback)
end
"#;

impl SpatialPadding {
    fn read(a: &Args, border: Border) -> Self {
        let [left, right, above, below] =
            ["pad_l", "pad_r", "pad_t", "pad_b"].map(|key| a.required(key, Args::int));
        SpatialPadding { border, rows: [above, below], columns: [left, right], frames: None }
    }

    /// The widths of the last axes, with the name of the first of each pair in definitions.
    fn widths(&self) -> Vec<([i64; 2], &'static str)> {
        let (rows, columns) = (self.rows, self.columns);
        match self.frames {
            Some(frames) => vec![(frames, "pfront"), (rows, "ptop"), (columns, "pleft")],
            None => vec![(rows, "pad_t"), (columns, "pad_l")],
        }
    }

    /// The extent of an axis with its border; none if nothing is left.
    fn padded(extent: usize, [before, after]: [i64; 2]) -> Option<usize> {
        let padded = i64::try_from(extent).ok()?.checked_add(before)?.checked_add(after)?;
        usize::try_from(padded).ok().filter(|&padded| 0 < padded)
    }

    /// One axis with its border.
    fn pad(&self, b: &mut Builder, x: ValueId, axis: usize, widths: [i64; 2]) -> ValueId {
        let extent = b.shape(x).dims()[axis] as i64;
        let cropped = widths.map(|width| (-width).max(0));
        let (before, kept) = (widths[0].max(0), extent - cropped[0] - cropped[1]);
        let padded = before + kept + widths[1].max(0);
        if widths == [0, 0] {
            return x;
        }
        if self.border == Border::Zero {
            let kept = b.slice(x, axis, cropped[0] as usize, kept as usize);
            return b.pad(kept, axis, before as usize, padded as usize);
        }
        let last = extent - 1;
        let place = |i: i64| {
            let at = i - widths[0];
            let inside = match self.border {
                Border::Reflection if at < 0 => -at,
                Border::Reflection if last < at => 2 * last - at,
                _ => at,
            };
            inside.clamp(0, last) as usize
        };
        let places: Vec<usize> = (0..padded).map(place).collect();
        pick(b, x, axis, &places)
    }
}

impl LayerOps for SpatialPadding {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let all = self.widths();
        planes::batched(cx, 2 + all.len(), None)?;
        let (mut top, first) = (cx.bottom(0).clone(), cx.bottom(0).rank() - all.len());
        for (i, (widths, key)) in all.into_iter().enumerate() {
            let extent = top.dims()[first + i];
            let [before, after] = widths;
            let kept = i128::from(before.min(0)) + i128::from(after.min(0)) + extent as i128;
            let Some(padded) = Self::padded(extent, widths).filter(|_| 0 < kept) else {
                let why = format!("nothing is left of {extent} pixels with {before} and {after}");
                return cx.fail(&[key], why);
            };
            let most = i64::try_from(extent).unwrap_or(i64::MAX);
            if self.border == Border::Reflection && (most <= before || most <= after) {
                let why = format!("a border of {} cannot mirror {extent}", before.max(after));
                return cx.fail(&[key], why);
            }
            top.0[first + i] = padded;
        }
        Ok(Signature::of(top))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (all, mut x) = (self.widths(), cx.bottoms[0]);
        let first = cx.top(0).rank() - all.len();
        for (i, (widths, _)) in all.into_iter().enumerate() {
            x = self.pad(b, x, first + i, widths);
        }
        vec![x]
    }

    fn detail(&self) -> String {
        let [above, below] = self.rows;
        let [left, right] = self.columns;
        let text = format!("{left} left, {right} right, {above} above, {below} below");
        match self.frames {
            Some([front, back]) => format!("{text}, {front} before, {back} behind"),
            None => text,
        }
    }
}
