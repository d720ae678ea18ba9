//! Moving moments that several batch normalisations change, as the towers of a Siamese net do. TensorFlow runs the updates
//! of one training step from the last one to the first, as real runs of shared towers show.

use std::collections::BTreeMap;

use super::Graph;
use crate::layers::Layer;
use crate::spec::Phase;

impl Graph {
    /// Gives every normalisation the share in its moments that it has where the first one comes last.
    ///
    /// After n updates in the order of the layers, moments are decay^n old + the sum of share_i (1 - decay)
    /// decay^(n - 1 - i) new_i; wanted is decay^i in the place of the last power.
    pub fn update_backwards(&mut self) {
        let mut sharing: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (i, node) in self.nodes.iter().enumerate() {
            let training = node.phase.unwrap_or(self.mode.phase()) == Phase::Train;
            let updates = matches!(&node.layer, Layer::BatchNormalization(l) if l.momentum != 0.0);
            if let Some(name) = node.params.last().and_then(|param| param.name.as_ref())
                && training
                && updates
            {
                sharing.entry(name.value.clone()).or_default().push(i);
            }
        }
        for users in sharing.values().filter(|users| 1 < users.len()) {
            for (i, &user) in users.iter().enumerate() {
                let Layer::BatchNormalization(layer) = &mut self.nodes[user].layer else {
                    continue;
                };
                let decay = 1.0 - layer.momentum;
                if decay <= 0.0 {
                    layer.momentum = if i == 0 { layer.momentum } else { 0.0 };
                    continue;
                }
                let share = decay.powi(2 * i as i32 - users.len() as i32 + 1);
                layer.share = if share.is_finite() { share } else { 1.0 };
            }
        }
    }
}
