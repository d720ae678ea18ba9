//! What a GPU would run, on the processor: the texts of all kernels compiled as C behind the same entries, arguments and
//! addresses, against the golden cases of Caffe and Torch, their trajectories, and the processor's own updates.

#[allow(dead_code, reason = "some of its checks are for the processor only")]
#[path = "caffe_layers.rs"]
mod caffe_layers;
#[allow(dead_code, reason = "as above")]
#[path = "caffe_nets.rs"]
mod caffe_nets;
mod emulator;
#[allow(dead_code, reason = "as above")]
#[path = "torch_layers.rs"]
mod torch_layers;
#[allow(dead_code, reason = "as above")]
#[path = "torch_nets.rs"]
mod torch_nets;

use cortado::exec::Device;
use libtest_mimic::{Arguments, Trial};

const GPU: Device = Device::Cuda(0);

fn main() {
    emulator::instead_of_gpus();
    let mut trials = vec![];
    trials.extend(named("caffe", caffe_layers::trials(GPU)));
    trials.extend(named("caffe/nets", caffe_nets::trajectories(GPU)));
    trials.extend(named("torch", torch_layers::trials(GPU)));
    for net in ["siamese_small", "bnnet"] {
        let replay = move || torch_nets::replay(net, GPU).map_err(|e| e.to_string().into());
        trials.push(Trial::test(format!("torch/nets/{net}"), replay));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Trials under a name of their suite.
fn named(suite: &str, trials: Vec<Trial>) -> Vec<Trial> {
    trials.into_iter().map(|trial| trial.with_kind(suite)).collect()
}
