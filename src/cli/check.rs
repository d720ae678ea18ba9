//! `cortado check`: all complaints, and a table of the layers.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{complain, named_shape, pass_on, print, shapes, terminal};
use crate::error::{Error, Result};
use crate::exec::{Device, OnGpu, SessionOptions};
use crate::front;
use crate::ir::{NetState, TypedNet};
use crate::job::trial::{Trial, trial};
use crate::job::{self, JobOptions, Predicted};
use crate::pipeline::{self, Checked, Options};
use crate::plan::Plan;
use crate::report::figures::bytes;
use crate::report::memory;
use crate::report::summary::{Summary, summarise, to_json};
use crate::report::table::{self, Form};
use crate::spec::{Dialect, Environment};
use crate::train::memory::{OfNet, of_a_run};
use crate::ty::Shape;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The definition, or a solver or run file with the nets that it names
    net: PathBuf,
    /// Only this stage: train, val, deploy, TRAIN or TEST, or TRAIN+fine with a stage of the net
    #[arg(long)]
    stage: Option<String>,
    /// The shape of a data blob, such as data=64,3,28,28; inputs of a Lua definition are 0, 1 and so on, its labels target
    #[arg(long, value_parser = named_shape)]
    shape: Vec<(String, Shape)>,
    #[command(flatten)]
    definition: super::definition::Arguments,
    /// One line a layer
    #[arg(long)]
    summary: bool,
    /// Complaints and table as JSON on the standard output, with what --plan and --memory show
    #[arg(long, conflicts_with = "summary")]
    json: bool,
    /// The steps of a training iteration with their places in memory
    #[arg(long)]
    plan: bool,
    /// What a training iteration keeps in memory
    #[arg(long)]
    memory: bool,
    /// Make one training step on random numbers in place of the data
    #[arg(long, conflicts_with = "json")]
    step: bool,
    /// Arrays the solver keeps for every parameter, for --plan and --memory: 1 for SGD, 2 for Adam; --memory of a run file or a
    /// solver counts its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=4))]
    histories: u8,
    /// What --plan and --memory plan for, and --step runs on: cpu or cuda:0; no GPU need be there to plan for one
    #[arg(long, default_value_t = Device::Cpu)]
    device: Device,
    /// Threads for which --plan and --memory count workspace, and of --step; 0 takes one for each core
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut options = Options {
        stages: stages(arguments.stage.as_deref())?,
        shapes: shapes(&arguments.shape),
        training: arguments.step || arguments.plan || arguments.memory,
        ..Options::default()
    };
    arguments.definition.tell(&mut options.request);
    if arguments.step && front::dialect(&arguments.net) == Dialect::Torch {
        batch_of_two(&mut options);
    }
    let checked = job::check_file(&arguments.net, &options).inspect_err(|why| {
        if arguments.json {
            // Whoever reads JSON gets some for a file that cannot be read as well; the error is said in any case.
            let report =
                json!({ "ok": false, "error": why.to_string(), "diagnostics": [], "stages": [] });
            let _ = print(&format!("{report:#}\n"));
        }
    })?;
    let record = pipeline::record_shape;
    let env = pipeline::environment(&options, &record);
    let sound = !checked.diagnostics.has_errors();
    let summaries: Vec<Summary> =
        checked.stages.iter().map(|typed| summarise(typed, &env)).collect();
    if arguments.json {
        let all: Vec<_> = summaries.iter().map(to_json).collect();
        let mut report = json!({
            "net": checked.definition.name,
            "ok": sound,
            "diagnostics": crate::diag::json::to_json(&checked.diagnostics, &checked.sources),
            "stages": all,
        });
        // A net that cannot be planned is told of with why, as one that cannot be read is.
        let refused =
            if sound { add_plan(arguments, &checked, &env, &mut report).err() } else { None };
        if let Some(why) = &refused {
            report["ok"] = false.into();
            report["error"] = why.to_string().into();
        }
        pass_on(&checked.diagnostics);
        print(&format!("{report:#}\n"))?;
        return match refused {
            Some(why) => Err(why),
            None if sound => Ok(()),
            None => Err(Error::Definition),
        };
    }
    let form = if arguments.summary { Form::Short } else { Form::Full };
    // Of what could not be read there is nothing to show.
    if sound || summaries.iter().any(|summary| !summary.rows.is_empty()) {
        print(&table::stages(&checked.definition.name, &summaries, form, terminal::width()))?;
    }
    if arguments.summary && sound {
        show_total(arguments, &checked, &env)?;
    }
    complain(&checked)?;
    if arguments.plan || arguments.memory {
        show_plan(arguments, &checked, &env)?;
    }
    if arguments.step {
        step(arguments, checked, &env)?;
    }
    Ok(())
}

/// A step on one record would not use the statistics of its batch, which Torch takes of two or more.
fn batch_of_two(options: &mut Options) {
    if let Some(record) = options.request.input_shape.clone().filter(|_| options.shapes.is_empty())
    {
        options.shapes.insert("input".into(), Shape([&[2][..], &record].concat()));
    }
}

/// One step of the training stage, or of the only one.
fn step(arguments: &Arguments, mut checked: Checked, env: &Environment) -> Result<()> {
    if checked.stages.is_empty() {
        return Err(Error::refused("the definition has no layers to train"));
    }
    let typed = checked.stages.swap_remove(checked.trained());
    if !typed.has_loss() && checked.definition.dialect == Dialect::Torch {
        let name = &typed.net.name;
        let message = format!(
            "`{name}` has no loss to minimise; --loss 'nn.CrossEntropyCriterion()' gives it one"
        );
        return Err(Error::refused(message));
    }
    let label = typed.net.state.label();
    let (device, threads) = (arguments.device, arguments.threads);
    let session = SessionOptions { device, threads, ..SessionOptions::default() };
    let Trial { loss, rate, changed: [changed, all], largest } = trial(typed, env, &session)?;
    print(&format!(
        "\none step at {label} on random numbers, rate {rate}: loss {loss}, {changed} of {all} parameters changed, by \
         {largest} at most\n"
    ))
}

/// The memory of a training step, where the net has a loss and all shapes are known.
fn show_total(arguments: &Arguments, checked: &Checked, env: &Environment) -> Result<()> {
    let Some(typed) = checked.stages.get(checked.trained()) else { return Ok(()) };
    if !typed.has_loss() || typed.signatures.iter().any(Option::is_none) {
        return Ok(());
    }
    // A net that cannot be trained has been shown all the same.
    let Ok((plan, _)) = planned(arguments, typed, env) else { return Ok(()) };
    let total = bytes((plan.arena as u64).saturating_mul(4));
    print(&format!("{total} of memory for a training step; --memory shows what is in it\n"))
}

/// The plan of a training iteration, and what it takes on a GPU if it is for one.
fn planned(
    arguments: &Arguments,
    typed: &TypedNet,
    env: &Environment,
) -> Result<(Arc<Plan>, Option<OnGpu>)> {
    let Arguments { device, threads, histories, .. } = *arguments;
    let plan = pipeline::training_plan(typed, env, usize::from(histories), (device, threads))?;
    let gpu = match device {
        Device::Cpu => None,
        Device::Cuda(_) => Some(OnGpu::of(&plan)?),
    };
    Ok((plan, gpu))
}

/// What training takes: of a run file or a solver what `train` predicts, with its tests and its data; of a net, also of one
/// whose solver names data that are not there or whose shapes are given, what a run of nothing else does.
fn predicted(
    arguments: &Arguments,
    (checked, typed): (&Checked, &TypedNet),
    env: &Environment,
) -> Result<Predicted> {
    let Arguments { device, threads, .. } = *arguments;
    if arguments.shape.is_empty() && arguments.stage.is_none() && !job::is_net(&arguments.net)? {
        let look = JobOptions { device, threads, only_look: true, ..JobOptions::default() };
        if let Ok(predicted) = job::predict(&arguments.net, &look) {
            return Ok(predicted);
        }
    }
    let (plan, _) = planned(arguments, typed, env)?;
    let needed = of_a_run(
        device,
        OfNet { typed, plan: &plan, names: &checked.definition.names, data: 0 },
        [],
    )?;
    Ok(Predicted { plan, needed })
}

/// The plan of the training stage, or of the only one.
fn show_plan(arguments: &Arguments, checked: &Checked, env: &Environment) -> Result<()> {
    let Some(typed) = checked.stages.get(checked.trained()) else { return Ok(()) };
    let mut text = String::from("\n");
    if arguments.plan {
        let (plan, gpu) = planned(arguments, typed, env)?;
        text.push_str(&memory::steps(typed, &plan, gpu.as_ref(), terminal::width()));
        text.push('\n');
        let plain = pipeline::plain_training_program(typed, env)?;
        text.push_str(&memory::saved(&plain, &plan.program));
    }
    if arguments.memory {
        let Predicted { plan, needed } = predicted(arguments, (checked, typed), env)?;
        text.push_str(&memory::memory(&plan, &needed));
    }
    print(&text)
}

/// The same plan as members of a report: `plan`, `memory`, and what both count with.
fn add_plan(
    arguments: &Arguments,
    checked: &Checked,
    env: &Environment,
    report: &mut Value,
) -> Result<()> {
    if !arguments.plan && !arguments.memory {
        return Ok(());
    }
    let Some(typed) = checked.stages.get(checked.trained()) else { return Ok(()) };
    report["planned"] = json!({
        "stage": typed.net.state.label(), "histories": arguments.histories,
        "device": arguments.device.to_string(), "threads": arguments.threads,
    });
    if arguments.plan {
        let (plan, gpu) = planned(arguments, typed, env)?;
        let plain = pipeline::plain_training_program(typed, env)?;
        report["plan"] = memory::steps_json(typed, &plan, gpu.as_ref(), &plain);
    }
    if arguments.memory {
        let Predicted { plan, needed } = predicted(arguments, (checked, typed), env)?;
        report["memory"] = memory::memory_json(&plan, &needed);
    }
    Ok(())
}

/// The stage of a name, or none for all of them.
pub(super) fn stages(name: Option<&str>) -> Result<Vec<NetState>> {
    let Some(name) = name else { return Ok(vec![]) };
    match NetState::named(name) {
        Some(state) => Ok(vec![state]),
        None => Err(Error::refused(format!(
            "`{name}` is no stage; there are train, val, deploy, TRAIN and TEST, and these two with stages that the \
             rules of the net name, such as TRAIN+fine"
        ))),
    }
}
