//! DIGITS' fine-tuning: a definition's `fineTuneHook` changes the net once it has the weights of another training, and
//! what it freezes gets no gradient; labels that are no class are refused with the record that has them.

use std::collections::BTreeMap;
use std::path::Path;

use cortado::job::{self, Job, JobOptions};
use cortado::weights::{Blob, write_safetensors};

/// Layers 2 and 4 are those of another training; the hook freezes the first and puts a layer of two classes at the end.
const TEXT: &str = "
return function(params)
   local net = nn.Sequential()
   net:add(nn.View(-1):setNumInputDims(3))
   net:add(nn.Linear(12, 5))
   net:add(nn.Tanh())
   net:add(nn.Linear(5, 4))
   net:add(nn.LogSoftMax())
   return {
      model = net,
      loss = nn.ClassNLLCriterion(),
      fineTuneHook = function(net)
         net:get(2).accGradParameters = function() end
         net:insert(nn.Reshape(4), 1)
         net:remove(1)
         net:insert(nn.Linear(4, 2), 5)
         return net
      end,
   }
end";

fn blob(shape: &[usize], from: f32) -> Blob {
    let count: usize = shape.iter().product();
    let data = (0..count).map(|i| ((i as f32 + from) * 12.9898).sin() * 0.5).collect();
    Blob { shape: shape.to_vec(), data }
}

/// A run in a folder: batches of 3 images of 1 x 3 x 4 with these labels.
fn prepare(folder: &Path, labels: &[f32], decay: f64) {
    let batches = labels.len() / 3;
    let images = blob(&[batches, 3, 1, 3, 4], 1.0);
    let labels = Blob { shape: vec![batches, 3], data: labels.to_vec() };
    let named = [("input", &images), ("target", &labels)];
    write_safetensors(&folder.join("batches.safetensors"), named).expect("written");
    std::fs::write(folder.join("net.lua"), TEXT).expect("written");
    let run = format!(
        "network: net.lua\ndataset: {{ train: {{ tensors: batches.safetensors }} }}\n\
         train: {{ iterations: 3, seed: 1, solver: {{ method: sgd, learningRate: 0.1, weightDecay: {decay} }} }}\n\
         output: {}\n",
        folder.join("run").display()
    );
    std::fs::write(folder.join("run.yaml"), run).expect("written");
}

fn open(folder: &Path, options: &JobOptions) -> Job {
    let opened = job::open(&folder.join("run.yaml"), options).expect("opens");
    let shown = cortado::diag::render::render(&opened.diagnostics, &opened.sources, false);
    opened.job.unwrap_or_else(|| panic!("{shown}"))
}

#[test]
fn the_hook_changes_the_net_and_keeps_its_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    prepare(folder.path(), &[1.0, 2.0, 1.0], 0.25);
    let weights: BTreeMap<String, Blob> = [
        ("param.2.0", blob(&[5, 12], 2.0)),
        ("param.2.1", blob(&[5], 3.0)),
        ("param.4.0", blob(&[4, 5], 4.0)),
        ("param.4.1", blob(&[4], 5.0)),
    ]
    .map(|(name, blob)| (name.to_owned(), blob))
    .into();
    let file = folder.path().join("weights.safetensors");
    write_safetensors(&file, weights.iter().map(|(n, b)| (n.as_str(), b))).expect("written");

    // Without weights there is nothing to change.
    let job = open(folder.path(), &JobOptions::default());
    assert!(!job.trainer.typed().net.nodes().any(|(_, node)| node.name.value == "6"));

    let options = JobOptions { weights: vec![file], ..JobOptions::default() };
    let mut job = open(folder.path(), &options);
    let before = job.trainer.parameters();
    assert_eq!(before["param.2.0"].data, weights["param.2.0"].data);
    assert_eq!(before["param.4.1"].data, weights["param.4.1"].data);
    assert_eq!(before["param.5.0"].shape, [2, 4]);
    job.trainer.step().expect("a step");
    let after = job.trainer.parameters();
    assert_ne!(before["param.4.0"].data, after["param.4.0"].data);
    assert_ne!(before["param.5.0"].data, after["param.5.0"].data);
    // The frozen layer has no gradient, but optim's decay reaches it all the same: x - 0.1 * 0.25 x.
    for (old, new) in before["param.2.0"].data.iter().zip(&after["param.2.0"].data) {
        assert!((old * 0.975 - new).abs() < 1e-6, "{old} became {new}");
    }
}

#[test]
fn a_label_that_is_no_class_is_refused_with_its_record() {
    let folder = tempfile::tempdir().expect("a folder");
    prepare(folder.path(), &[1.0, 2.0, 4.0, 3.0, 5.0, 1.0], 0.0);
    let mut job = open(folder.path(), &JobOptions::default());
    let (first, second) = (job.trainer.step(), job.trainer.step());
    assert!(first.is_ok_and(|report| report.loss.is_finite()));
    let complaint = second.expect_err("5 is no class").to_string();
    let wanted = "record 1 of batch 1 has the label 5: layer `loss` knows the classes 1 to 4";
    assert!(complaint.contains(wanted), "{complaint}");
}
