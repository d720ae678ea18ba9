//! The fields of Caffe's solver beside the rules: test nets and their states, when tests, snapshots and lines of the log are
//! due, and what `debug_info` says; weights are in a file of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cortado::diag::render::render;
use cortado::job::{self, Control, Job, JobOptions, Observer};
use cortado::train::checkpoint::Snapshot;
use cortado::train::{StepReport, TestReport};
use cortado::weights::{Blob, write_safetensors};

#[path = "solvers/weights.rs"]
mod weights;

/// y = w x + b with w = 0.5 and b = 0.1, the loss (y - t)^2 / 2, and tests by the mean of y.
const NET: &str = "name: 'line'
layer { name: 'data' type: 'Input' top: 'x' top: 't' input_param { shape { dim: 2 dim: 3 } shape { dim: 2 dim: 1 } } }
layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' param { name: 'w' } inner_product_param { num_output: 1
  weight_filler { type: 'constant' value: 0.5 } bias_filler { type: 'constant' value: 0.1 } } }
layer { name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 't' top: 'loss' }
layer { name: 'a' type: 'Power' bottom: 'y' top: 'a' power_param { shift: 10 } include { phase: TEST stage: 'a' } }
layer { name: 'b' type: 'Power' bottom: 'y' top: 'b' power_param { shift: 20 } include { phase: TEST stage: 'b' } }
";

struct Place(tempfile::TempDir);

impl Place {
    /// A folder with the net and three batches whose inputs are 1, 2 and 3 everywhere and whose targets are 0.
    fn new() -> Self {
        let place = Place(tempfile::tempdir().expect("a folder"));
        place.write("net.prototxt", NET);
        let x = (0..3).flat_map(|batch| [batch as f32 + 1.0; 6]).collect();
        let blobs = [
            ("x", Blob { shape: vec![3, 2, 3], data: x }),
            ("t", Blob { shape: vec![3, 2, 1], data: vec![0.0; 6] }),
        ];
        let path = place.path("batches.safetensors");
        write_safetensors(&path, blobs.iter().map(|(name, blob)| (*name, blob))).expect("written");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    fn opened(&self, solver: &str, options: JobOptions) -> Result<Job, String> {
        self.write("solver.prototxt", &format!("{solver} lr_policy: 'fixed'"));
        let tensors = Some(self.path("batches.safetensors"));
        let options = JobOptions { tensors, threads: 1, ..options };
        open(&self.path("solver.prototxt"), &options)
    }

    /// What is complained about where a solver is not taken.
    fn refused(&self, solver: &str, options: JobOptions) -> String {
        self.opened(solver, options).err().unwrap_or_else(|| panic!("{solver} was taken"))
    }

    fn job(&self, solver: &str) -> Job {
        self.opened(solver, JobOptions::default()).unwrap_or_else(|complaint| panic!("{complaint}"))
    }
}

fn open(path: &Path, options: &JobOptions) -> Result<Job, String> {
    let opened = job::open(path, options).map_err(|e| e.to_string())?;
    opened.job.ok_or_else(|| render(&opened.diagnostics, &opened.sources, false))
}

/// What happened in a run, in order: `step 0`, `test 0 #1`, `snapshot`, `closing`.
#[derive(Default)]
struct Record {
    events: Vec<String>,
    smoothed: Vec<f32>,
    debug: Vec<Vec<String>>,
    divergences: Vec<String>,
    warnings: Vec<String>,
}

impl Observer for Record {
    fn step(&mut self, _job: &Job, step: &StepReport) -> Control {
        self.events.push(format!("step {}", step.iteration));
        self.smoothed.push(step.smoothed);
        self.debug.push(step.debug.clone());
        self.divergences.extend(step.divergence());
        Control::Continue
    }
    fn test(&mut self, _job: &Job, test: &TestReport) {
        self.events.push(format!("test {} #{}", test.iteration, test.net));
    }
    fn snapshot(&mut self, job: &Job, _files: &Snapshot) {
        self.events.push(format!("snapshot {}", job.trainer.iteration()));
    }
    fn closing(&mut self, _job: &Job, smoothed: f32) {
        self.events.push("closing".into());
        self.smoothed.push(smoothed);
    }
    fn warn(&mut self, why: &str) {
        self.warnings.push(why.to_owned());
    }
}

fn run(job: &mut Job) -> Record {
    let mut record = Record::default();
    job::run(job, &mut record).expect("the run ends well");
    record
}

fn outputs(report: &TestReport) -> BTreeMap<&str, f32> {
    report.outputs.iter().map(|(name, values)| (name.as_str(), values[0])).collect()
}

#[test]
fn debug_info_is_that_of_caffe() {
    let place = Place::new();
    let solver = "net: 'net.prototxt' base_lr: 0.1 max_iter: 2 display: 2 debug_info: true";
    let record = run(&mut place.job(solver));
    let expected = "    [Forward] Layer data, top blob x data: 1
    [Forward] Layer data, top blob t data: 0
    [Forward] Layer ip, top blob y data: 1.6
    [Forward] Layer ip, param blob w data: 0.5
    [Forward] Layer ip, param blob 1 data: 0.1
    [Forward] Layer loss, top blob loss data: 1.28
    [Backward] Layer loss, bottom blob y diff: 0.8
    [Backward] Layer ip, param blob 0 diff: 1.6
    [Backward] Layer ip, param blob 1 diff: 1.6
    [Backward] All net params (data, diff): L1 norm = (1.6, 6.4); L2 norm = (0.87178, 3.2)
    [Update] Layer ip, param w data: 0.5; diff: 0.16
    [Update] Layer ip, param 1 data: 0.1; diff: 0.16";
    assert_eq!(record.debug[0].join("\n"), expected);
    assert!(record.debug[1].is_empty(), "iteration 1 is not displayed");
    let silent = run(&mut place.job(&solver.replace("display: 2", "display: 0")));
    assert!(silent.debug.iter().all(Vec::is_empty), "nothing is displayed");
}

#[test]
fn debug_info_changes_no_bit() {
    let place = Place::new();
    let parameters = |solver: &str| {
        let mut job = place.job(solver);
        run(&mut job);
        job.trainer.parameters()["param.ip.0"].data.clone()
    };
    let solver = "net: 'net.prototxt' base_lr: 0.01 momentum: 0.9 max_iter: 5 display: 1";
    assert_eq!(parameters(solver), parameters(&format!("{solver} debug_info: true")));
}

#[test]
fn shared_parameters_name_their_owner() {
    let place = Place::new();
    let second = "layer { name: 'ip2' type: 'InnerProduct' bottom: 'x' top: 'z' param { name: 'w' }
        inner_product_param { num_output: 1 bias_term: false } }
        layer { name: 'loss2' type: 'EuclideanLoss' bottom: 'z' bottom: 't' top: 'loss2' }";
    place.write("two.prototxt", &format!("{NET}{second}"));
    let record =
        run(&mut place
            .job("net: 'two.prototxt' base_lr: 0.1 max_iter: 1 display: 1 debug_info: true"));
    let lines = &record.debug[0];
    // The gradients of both users, 1.6 and 1.5, are added.
    assert!(
        lines.contains(&"    [Update] Layer ip, param w data: 0.5; diff: 0.31".to_owned()),
        "{lines:#?}"
    );
    let shared = "    [Update] Layer ip2, param blob w (owned by layer ip, param w) diff: 0.31";
    assert!(lines.contains(&shared.to_owned()), "{lines:#?}");
}

#[test]
fn test_nets_come_in_caffes_order_with_their_own_states() {
    let place = Place::new();
    place.write("file.prototxt", &NET.replace("shift: 10", "shift: 100"));
    let inline = NET.replace("shift: 10", "shift: 1000");
    let mut job = place.job(&format!(
        "net: 'net.prototxt' test_net: 'file.prototxt' test_net_param {{ {inline} }} base_lr: 0.1 max_iter: 1
         test_interval: 1 test_iter: 1 test_iter: 1 test_iter: 1 test_iter: 3
         test_state {{ stage: 'a' }} test_state {{ stage: 'a' }} test_state {{ stage: 'a' }} test_state {{ stage: 'b' }}"
    ));
    let reports = job::test(&mut job).expect("tests");
    let near =
        |x: Option<&f32>, y: f32| assert!((x.expect("the output") - y).abs() < 1e-3, "{x:?} {y}");
    near(outputs(&reports[0]).get("a"), 1001.6);
    near(outputs(&reports[1]).get("a"), 101.6);
    near(outputs(&reports[2]).get("a"), 11.6);
    assert!(!outputs(&reports[3]).contains_key("a"));
    // Batches of 1, 2 and 3 everywhere: y is 1.6, 3.1 and 4.6.
    near(outputs(&reports[3]).get("b"), 23.1);
    near(outputs(&reports[3]).get("loss"), (1.28 + 4.805 + 10.58) / 3.0);
    assert!((reports[3].loss - 5.555).abs() < 1e-3, "{}", reports[3].loss);
}

#[test]
fn train_state_and_separate_nets() {
    let place = Place::new();
    let staged = NET.replace("include { phase: TEST stage: 'a' }", "include { stage: 'a' }");
    place.write("staged.prototxt", &staged);
    let solver = "train_net: 'staged.prototxt' train_state { stage: 'a' } test_net_param { NET } base_lr: 0.1
        max_iter: 1 test_interval: 1 test_iter: 1";
    let mut job = place.job(&solver.replace("NET", NET));
    let step = job.trainer.step().expect("a step");
    assert!(step.outputs.iter().any(|(name, _)| name == "a"), "{step:?}");
    let reports = job::test(&mut job).expect("tests");
    assert_eq!(outputs(&reports[0]).keys().copied().collect::<Vec<_>>(), ["loss"]);
}

#[test]
fn a_phase_that_the_net_or_the_solver_says_wins_over_the_purpose() {
    let place = Place::new();
    let outputs = |solver: &str| -> Vec<String> {
        let step = place.job(&format!("{solver} base_lr: 0.1 max_iter: 1")).trainer.step();
        step.expect("a step").outputs.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(outputs("net: 'net.prototxt' train_state { stage: 'a' }"), ["loss"]);
    let tested = "net: 'net.prototxt' train_state { phase: TEST stage: 'a' }";
    assert_eq!(outputs(tested), ["loss", "a"]);
    place.write("own.prototxt", &format!("state {{ phase: TEST stage: 'b' }} {NET}"));
    assert_eq!(outputs("net: 'own.prototxt'"), ["loss", "b"]);
    let both = "net: 'own.prototxt' train_state { phase: TRAIN }";
    assert_eq!(outputs(both), ["loss"]);
}

#[test]
fn nets_are_found_above_the_solver_and_beside_it_by_name() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("models/line")).expect("a folder");
    let open = |solver: &str| {
        let text = format!("{solver} base_lr: 0.1 max_iter: 1 lr_policy: 'fixed'");
        place.write("models/line/solver.prototxt", &text);
        let tensors = Some(place.path("batches.safetensors"));
        open(
            &place.path("models/line/solver.prototxt"),
            &JobOptions { tensors, ..JobOptions::default() },
        )
    };
    assert!(open("net: 'net.prototxt'").is_ok());
    place.write("models/line/train.prototxt", NET);
    assert!(open("net: 'models/line/train.prototxt'").is_ok());
    assert!(open("net: 'examples/elsewhere/train.prototxt'").is_ok());
    let complaint = open("net: 'examples/other.prototxt'").err().expect("no such net");
    assert!(complaint.contains("and in the folders above"), "{complaint}");
}

#[test]
fn a_net_inside_the_solver_may_be_of_2014() {
    let place = Place::new();
    let old = "layers { name: 'data' type: DUMMY_DATA top: 'x' top: 't' dummy_data_param { num: 2 num: 2 channels: 3
          channels: 1 height: 1 height: 1 width: 1 width: 1 } }
        layers { name: 'ip' type: INNER_PRODUCT bottom: 'x' top: 'y' blobs_lr: 1 blobs_lr: 0 inner_product_param {
          num_output: 1 } }
        layers { name: 'loss' type: EUCLIDEAN_LOSS bottom: 'y' bottom: 't' }";
    let mut job = place.job(&format!("train_net_param {{ {old} }} base_lr: 0.1 max_iter: 1"));
    assert_eq!(job.trainer.step().expect("a step").loss, 0.0);
}

#[test]
fn states_and_iterations_must_fit_the_test_nets() {
    let place = Place::new();
    let refused = |solver: &str| place.refused(solver, JobOptions::default());
    let base = "net: 'net.prototxt' base_lr: 0.1 test_interval: 1 test_iter: 1 test_iter: 1";
    let complaint = refused(&format!("{base} test_state {{ stage: 'a' }}"));
    assert!(complaint.contains("1 `test_state` for 2 test nets"), "{complaint}");
    let complaint = refused("train_net: 'net.prototxt' base_lr: 0.1 test_interval: 1 test_iter: 1");
    assert!(complaint.contains("1 `test_iter` for 0 test nets"), "{complaint}");
    let complaint = refused("net: 'net.prototxt' train_net: 'net.prototxt' base_lr: 0.1");
    assert!(complaint.contains("2 nets to train"), "{complaint}");
}

#[test]
fn tests_snapshots_and_lines_are_due_when_caffe_has_them() {
    let place = Place::new();
    let prefix = place.path("snap").display().to_string();
    let base =
        format!("net: 'net.prototxt' base_lr: 0.01 snapshot_prefix: '{prefix}' test_iter: 1");
    let events = |rest: &str| run(&mut place.job(&format!("{base} {rest}"))).events.join(", ");
    assert_eq!(
        events("max_iter: 4 test_interval: 2 snapshot: 2 display: 1"),
        "test 0 #0, step 0, step 1, snapshot 2, test 2 #0, step 2, step 3, snapshot 4, closing, test 4 #0"
    );
    assert_eq!(
        events("max_iter: 3 test_interval: 2 test_initialization: false snapshot: 2 display: 2"),
        "step 0, step 1, snapshot 2, test 2 #0, step 2, snapshot 3"
    );
    assert_eq!(
        events(
            "max_iter: 3 test_interval: 5 test_initialization: false snapshot_after_train: false"
        ),
        "step 0, step 1, step 2"
    );
    assert_eq!(events("max_iter: 0 test_interval: 5 snapshot_after_train: false"), "test 0 #0");
}

#[test]
fn losses_are_averaged() {
    let place = Place::new();
    let record = run(
        &mut place.job("net: 'net.prototxt' base_lr: 0 max_iter: 3 average_loss: 2 display: 3")
    );
    // Losses of the three batches, and of the first again after training.
    let expected = [1.28, (1.28 + 4.805) / 2.0, (4.805 + 10.58) / 2.0, (10.58 + 1.28) / 2.0];
    assert_eq!(record.smoothed.len(), 4);
    for (got, want) in record.smoothed.iter().zip(expected) {
        assert!((got - want).abs() < 1e-4, "{:?}", record.smoothed);
    }
}

#[test]
fn the_command_line_changes_fields_of_a_solver() {
    let place = Place::new();
    let set = |changes: &[(&str, &str)]| {
        let set = changes.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let solver = "net: 'net.prototxt' base_lr: 0.1 max_iter: 9 # the end\n test_interval: 4 test_iter: 2 test_state { stage: 'a' }";
        place.opened(solver, JobOptions { set, ..JobOptions::default() })
    };
    let job = set(&[("max_iter", "3"), ("train.base_lr", "0"), ("type", "Adam")]).unwrap();
    let solver = job.trainer.solver();
    assert_eq!((solver.max_iter, solver.base_lr, solver.test_interval), (3, 0.0, 4));
    assert_eq!(solver.method, cortado::spec::solver::Method::Adam);
    let complaint = set(&[("max_iters", "3")]).map(|_| ()).unwrap_err();
    assert!(complaint.contains("did you mean `max_iter`?"), "{complaint}");
    let complaint = set(&[("max_iter", "many")]).map(|_| ()).unwrap_err();
    assert!(complaint.contains("max_iter: many"), "{complaint}");
}

#[test]
fn tests_of_a_solver_go_on_and_tests_of_a_run_file_begin_again() {
    let place = Place::new();
    let solver = "net: 'net.prototxt' base_lr: 0 max_iter: 1 test_interval: 1 test_iter: 2";
    let loss = |job: &mut Job| job::test(job).expect("tests")[0].loss;
    let mut job = place.job(solver);
    let near = |x: f32, y: f32| assert!((x - y).abs() < 1e-3, "{x} is not {y}");
    near(loss(&mut job), (1.28 + 4.805) / 2.0);
    near(loss(&mut job), (10.58 + 1.28) / 2.0);

    place.write(
        "run.yaml",
        "network: net.prototxt\ndataset:\n  train: { tensors: batches.safetensors }\n  val: { tensors: batches.safetensors }\n\
         train: { iterations: 1, solver: { base_lr: 0 } }\n",
    );
    let options =
        JobOptions { output: Some(place.path("out")), threads: 1, ..JobOptions::default() };
    let mut job = open(&place.path("run.yaml"), &options).expect("a job");
    for _ in 0..3 {
        near(loss(&mut job), (1.28 + 4.805 + 10.58) / 3.0);
    }
}

#[test]
fn check_shows_the_plan_that_training_runs() {
    let place = Place::new();
    let job = place.job("net: 'net.prototxt' base_lr: 0.1 max_iter: 1 type: 'Adam' momentum: 0.9");
    let options = cortado::pipeline::Options::default();
    let env = cortado::pipeline::environment(&options, &|_| None);
    let shown = cortado::pipeline::training_plan(
        job.trainer.typed(),
        &env,
        2,
        (cortado::exec::Device::Cpu, 1),
    )
    .expect("a plan");
    let used = job.trainer.plan();
    assert_eq!(shown.program, used.program);
    assert_eq!((shown.arena, &shown.slots), (used.arena, &used.slots));
}

#[test]
fn the_largest_batch_that_fits_is_found() {
    let place = Place::new();
    let header = |kind: u8, extents: &[u32]| {
        let extents = extents.iter().flat_map(|n| n.to_be_bytes());
        [0, 0, 8, kind].into_iter().chain(extents).collect::<Vec<u8>>()
    };
    let images = [header(3, &[4, 6, 5]), vec![7; 4 * 6 * 5]].concat();
    let labels = [header(1, &[4]), vec![0, 1, 2, 1]].concat();
    std::fs::write(place.path("images.idx"), images).expect("a file");
    std::fs::write(place.path("labels.idx"), labels).expect("a file");
    place.write(
        "fitted.prototxt",
        "layer { name: 'data' type: 'Data' top: 'data' top: 'label' data_param { batch_size: 2 } }
         layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param { num_output: 30 } }
         layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }",
    );
    place.write(
        "fitted.yaml",
        "network: fitted.prototxt\ndataset:\n  train: { idx: { images: images.idx, labels: labels.idx } }\n\
         train: { iterations: 1, solver: { base_lr: 0 } }\n",
    );
    let options =
        JobOptions { output: Some(place.path("out")), threads: 1, ..JobOptions::default() };
    let needed = |batch: usize| {
        let mut options = options.clone();
        options.set.push(("train.batch_size".into(), batch.to_string()));
        let job = open(&place.path("fitted.yaml"), &options).expect("a job");
        job.trainer.predicted_memory().expect("a prediction").host()
    };
    let limit = needed(1) + (1 << 20);
    let fit = job::fit(&place.path("fitted.yaml"), &options, limit).expect("a batch");
    assert_eq!(fit.bytes, needed(fit.batch));
    assert!(fit.bytes <= limit && limit < needed(fit.batch + 1), "{fit:?}");
    let why = job::fit(&place.path("fitted.yaml"), &options, 1000).expect_err("too little");
    assert!(why.to_string().contains("a batch of 1 needs"), "{why}");
}

#[test]
fn types_may_be_the_numbers_of_2014() {
    let place = Place::new();
    let job =
        place.job("net: 'net.prototxt' base_lr: 0.1 max_iter: 1 solver_type: 5 solver_mode: 1");
    assert_eq!(job.trainer.solver().method.name(), "Adam");
    let old = "layers { name: 'x' type: 32 top: 'x' dummy_data_param { num: 2 channels: 3 height: 1 width: 1 } }
        layers { name: 'ip' type: 14 bottom: 'x' top: 'y' inner_product_param { num_output: 1 } }
        layers { name: 'loss' type: 7 bottom: 'y' bottom: 'y' top: 'loss' }";
    let options = cortado::pipeline::Options::default();
    let checked = cortado::pipeline::check(Path::new("old.prototxt"), old.into(), &options);
    assert!(!checked.diagnostics.has_errors());
    let types: Vec<&str> =
        checked.definition.nodes.iter().map(|node| node.type_name.value.as_str()).collect();
    assert_eq!(types, ["DummyData", "InnerProduct", "EuclideanLoss"]);
}

#[test]
fn a_loss_that_is_no_number_stops_nothing() {
    let place = Place::new();
    let prefix = place.path("snap").display().to_string();
    let solver = format!(
        "net: 'net.prototxt' base_lr: 1e30 max_iter: 4 display: 2 test_iter: 1 test_interval: 4 snapshot_prefix: '{prefix}'"
    );
    let options = JobOptions { output: Some(place.path("out")), ..JobOptions::default() };
    let mut job = place.opened(&solver, options).expect("a job");
    let record = run(&mut job);
    assert_eq!(record.events.iter().filter(|event| event.starts_with("step")).count(), 4);
    let said = "the loss is inf at iteration 1; training goes on";
    assert!(record.divergences[0].starts_with(said), "{:?}", record.divergences);
    let curves = cortado::train::curves::Curves::read(&place.path("out/log.jsonl")).expect("a log");
    assert!(curves.loss[0].1.is_finite() && curves.loss[3].1.is_nan(), "{:?}", curves.loss);
}

#[test]
fn a_rate_beyond_all_numbers_can_be_read_again() {
    let place = Place::new();
    let solver = "net: 'net.prototxt' base_lr: 0.1 lr_policy: 'exp' gamma: 1e30 max_iter: 4";
    place.write("rates.prototxt", solver);
    let tensors = Some(place.path("batches.safetensors"));
    let output = Some(place.path("out"));
    let options = JobOptions { tensors, output, threads: 1, ..JobOptions::default() };
    run(&mut open(&place.path("rates.prototxt"), &options).expect("a job"));
    let curves = cortado::train::curves::Curves::read(&place.path("out/log.jsonl")).expect("a log");
    assert_eq!(curves.loss.len(), 4);
}

#[test]
fn a_continued_solver_averages_its_own_number_of_losses() {
    let place = Place::new();
    let prefix = place.path("snap").display().to_string();
    let solver = format!("net: 'net.prototxt' base_lr: 0 max_iter: 3 snapshot_prefix: '{prefix}'");
    run(&mut place.job(&format!("{solver} average_loss: 3")));
    let resume = Some(place.path("snap_iter_3.state"));
    let options = JobOptions { resume, ..JobOptions::default() };
    let solver = solver.replace("max_iter: 3", "max_iter: 5");
    let record = run(&mut place.opened(&solver, options).expect("a job"));
    let expected = [1.28, 4.805];
    for (got, want) in record.smoothed.iter().zip(expected) {
        assert!((got - want).abs() < 1e-4, "{:?}", record.smoothed);
    }
}
