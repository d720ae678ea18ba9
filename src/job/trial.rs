//! Trains a checked net on made-up data for one step: whether it trains at all can be seen without its data.

use super::meaning::meaning;
use crate::data::made_up::made_up;
use crate::error::Result;
use crate::exec::SessionOptions;
use crate::ir::TypedNet;
use crate::spec::Environment;
use crate::spec::solver::Solver;
use crate::train::Trainer;

/// What one step did.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The loss before the update.
    pub loss: f32,
    /// The learning rate.
    pub rate: f32,
    /// Parameters that the update changed, of all that the net learns.
    pub changed: [usize; 2],
    /// The largest change of one.
    pub largest: f32,
}

/// Feeds all inputs of a trainer with made-up data: classes, boxes and the like where its readers expect these, numbers from 0
/// to below 1 else.
///
/// # Errors
/// An input cannot be fed.
pub fn feed(trainer: &mut Trainer, seed: u64) -> Result<()> {
    let program = &trainer.plan().program;
    let inputs: Vec<(String, Vec<usize>)> = program
        .inputs
        .iter()
        .map(|(name, v)| (name.clone(), program.shape(*v).0.clone()))
        .collect();
    for (number, (name, shape)) in inputs.iter().enumerate() {
        let record = shape.get(1..).unwrap_or_default();
        let meaning = meaning(trainer.typed(), name);
        let source = made_up(name, record, meaning, (seed, number as u64));
        trainer.feed(source, &[(name.clone(), name.clone())])?;
    }
    Ok(())
}

/// Makes one update of stochastic gradient descent on data that [`feed`] makes up.
///
/// # Errors
/// The net cannot be run: the shape of an input is not known, or it has no loss, or a layer is not computed here.
pub fn trial(typed: TypedNet, env: &Environment, options: &SessionOptions) -> Result<Trial> {
    let mut trainer = Trainer::new(typed, env, Solver::default(), options)?;
    feed(&mut trainer, options.seed)?;
    let typed = trainer.typed();
    let learned = typed.variables.iter().filter(|variable| variable.learned);
    let names: Vec<String> = learned
        .filter_map(|variable| {
            let &(node, at) = variable.users.first()?;
            Some(format!("param.{}.{at}", typed.net.graph[node].name.value))
        })
        .collect();
    let before = trainer.parameters();
    let step = trainer.step()?;
    let after = trainer.parameters();
    let mut trial = Trial { loss: step.loss, rate: step.rate, changed: [0; 2], largest: 0.0 };
    for (old, new) in names.iter().filter_map(|name| Some((before.get(name)?, after.get(name)?))) {
        let changes = old.data.iter().zip(&new.data).map(|(a, b)| (a - b).abs());
        for change in changes {
            trial.changed[0] += usize::from(change != 0.0);
            trial.largest = if change <= trial.largest { trial.largest } else { change };
        }
        trial.changed[1] += old.data.len();
    }
    Ok(trial)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{self, Options};

    #[test]
    fn a_net_without_its_data_trains_a_step() {
        let text = "layer { name: 'd' type: 'Data' top: 'x' top: 'l' data_param { source: 'none' batch_size: 4 } }
            layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 3
              weight_filler { type: 'xavier' } } }
            layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'y' bottom: 'l' top: 'loss' }";
        let shapes = [("x".to_owned(), crate::ty::Shape::from([4, 2, 5, 5]))].into();
        let options = Options { shapes, ..Options::default() };
        let checked = pipeline::check("net.prototxt".as_ref(), text.into(), &options);
        let env = pipeline::environment(&options, &|_| None);
        let session = SessionOptions { threads: 1, ..SessionOptions::default() };
        let typed = checked.stages.into_iter().next().expect("a stage");
        let trial = trial(typed, &env, &session).expect("a step");
        assert_eq!(trial.changed, [153, 153]);
        assert!(0.5 < trial.loss && trial.loss < 3.0 && 0.0 < trial.largest, "{trial:?}");
    }
}
