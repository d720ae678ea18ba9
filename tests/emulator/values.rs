//! Compares every value of a program on a GPU with that on the processor, and names the first steps that differ.

use std::sync::Arc;

use cortado::exec::{Device, Session, SessionOptions, workspace};
use cortado::plan::{Request, plan};
use cortado::program::{Program, Source, ValueId};
use cortado::random::Philox;

/// The outputs of a program after a run on random numbers for all inputs and variables, and whether all went well.
pub fn results(
    program: &Program,
    request: &Request,
    device: Device,
    scale: f32,
) -> (Vec<Vec<f32>>, bool) {
    let plan = Arc::new(plan(program.clone(), request, &workspace::<f32>(device, 1)));
    let options = SessionOptions { device, threads: 1, seed: 1 };
    let mut session = Session::<f32>::new(plan.clone(), &options).expect("a session");
    for (i, value) in plan.program.values.iter().enumerate() {
        if !matches!(value.source, Source::Input | Source::Variable(_)) {
            continue;
        }
        let Some(slot) = plan.slots[i] else { continue };
        let mut random = Philox::new(7, i as u64).sequence(0);
        let data: Vec<f32> =
            (0..slot.len).map(|_| scale * (2.0 * random.uniform_f32() - 1.0)).collect();
        session.write(slot, &data);
    }
    let ran = session.run().is_ok();
    let read = |v: ValueId| session.read(plan.slot(v));
    (plan.program.outputs.iter().map(|(_, v)| *v).map(read).collect(), ran)
}

/// The steps whose results differ by more than rounding, on random numbers for all inputs and variables; `scale` is how
/// large those are.
pub fn differing(program: &Program, device: Device, scale: f32) -> Vec<String> {
    let mut program = program.clone();
    let steps = program.steps.iter().flat_map(|step| step.outs.iter().copied());
    program.outputs = steps.map(|v| (format!("{}", v.0), v)).collect();
    let run = |device: Device| results(&program, &Request::default(), device, scale);
    let ((here, fine_here), (there, fine_there)) = (run(Device::Cpu), run(device));
    let mut found = vec![];
    if fine_here != fine_there {
        found.push(format!("one run failed: here {fine_here}, there {fine_there}"));
    }
    let outs = program.steps.iter().flat_map(|step| step.outs.iter().map(move |_| step));
    for ((step, here), there) in outs.zip(&here).zip(&there) {
        let largest = here.iter().filter(|x| x.is_finite()).fold(0f32, |m, x| m.max(x.abs()));
        let wrong = here.iter().zip(there).position(|(&a, &b)| {
            let same = a == b || a.is_nan() && b.is_nan();
            !same && (2e-6 + 1e-4 * largest < (a - b).abs() || !(a - b).is_finite())
        });
        if let Some(at) = wrong {
            let shapes: Vec<String> =
                step.args.iter().map(|&a| program.shape(a).to_string()).collect();
            let (name, (a, b)) = (step.kernel.name(), (here[at], there[at]));
            found.push(format!("{name} of {shapes:?}: element {at} is {b}, not {a}"));
        }
    }
    found
}
