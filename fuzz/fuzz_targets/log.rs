#![no_main]

use cortado::report::plot::{Output, Run, Scale, Training, training};
use cortado::train::curves::Curves;
use cortado_fuzz::{file, of_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = file("log.jsonl", bytes);
    let Some(curves) = of_file(&path, Curves::read(&path)) else { return };
    let outputs = curves.outputs().into_iter().take(5).map(|name| Output {
        name: name.to_owned(),
        train: curves.train.get(name).cloned().unwrap_or_default(),
        val: curves.test.get(name).cloned().unwrap_or_default(),
    });
    let run = Run {
        name: String::new(),
        outputs: outputs.collect(),
        train: curves.loss.clone(),
        val: curves.test_loss.clone(),
        rate: curves.rate.clone(),
    };
    for scale in [Scale::Linear, Scale::Log] {
        let (title, steps) = ("Training".into(), "iteration".into());
        training(&Training { title, steps, scale, smoothing: None, runs: vec![run.clone()] });
    }
});
