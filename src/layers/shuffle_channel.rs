//! Mixes the channels of groups.

use super::prelude::*;

params! {
    /// Channel `j` of group `i` becomes channel `i` of group `j`, so that the next grouped convolution sees all groups
    /// (ShuffleNet, Zhang et al. 2018).
    pub struct ShuffleChannel {
        /// Number of groups that the channels come in.
        group: usize = 1,
    }
}

/// The description of [`ShuffleChannel`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[caffe("ShuffleChannel", |a| {
        let group = a.section("shuffle_channel_param").usize("group");
        ShuffleChannel { group: group.unwrap_or(1) }.into()
    })],
    ..LayerSpec::new("ShuffleChannel", Category::Shape, ShuffleChannel::DOCS)
};

impl LayerOps for ShuffleChannel {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let channels = cx.bottom(0).dims()[cx.axis(0, 1)?];
        if self.group == 0 || !channels.is_multiple_of(self.group) {
            let group = self.group;
            return cx.fail(&["group"], format!("{channels} channels cannot form {group} groups"));
        }
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let (items, inner) = (shape.dims()[0], shape.count_of(2..shape.rank()));
        let groups = [items, self.group, shape.dims()[1] / self.group, inner];
        let x = b.view(cx.bottoms[0], groups);
        let y = b.transpose(x, &[0, 2, 1, 3]);
        vec![b.view(y, shape)]
    }

    fn detail(&self) -> String {
        format!("{} groups", self.group)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{blob, check, counting};

    #[test]
    fn channels_of_groups_alternate() {
        let layer = r#"layer { name: "l" type: "ShuffleChannel" bottom: "a" top: "y"
            shuffle_channel_param { group: 2 } }"#;
        let want =
            blob(&[1, 6, 2], &[0.0, 1.0, 6.0, 7.0, 2.0, 3.0, 8.0, 9.0, 4.0, 5.0, 10.0, 11.0]);
        check(layer, &[("a", counting(&[1, 6, 2]))], &want);
    }
}
