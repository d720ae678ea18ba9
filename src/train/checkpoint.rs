//! Snapshots of a training: Caffe's .caffemodel and .solverstate, .safetensors, and the whole state, from which a
//! resumed run ends in the same bits as one that was never stopped.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::Trainer;
use super::machine::users;
use crate::diag::nearest::nearest;
use crate::error::{Error, Result};
use crate::file;
use crate::ir::{Before, TypedNet, Variable};
use crate::plan::{Plan, Slot};
use crate::spec::solver::SnapshotFormat;
use crate::ty::Shape;
use crate::weights::t7::write_flat;
use crate::weights::{
    Blob, Counts, Given, LayerView, SolverState, Weights, order, parse_metadata, parse_safetensors,
    read_weights, write_hdf5_weights, write_model, write_safetensors, write_safetensors_with,
};

/// The files of one snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Weights for Caffe.
    pub caffemodel: PathBuf,
    /// Weights by name.
    pub safetensors: PathBuf,
    /// Solver state for Caffe.
    pub solverstate: PathBuf,
    /// Everything, to resume from.
    pub state: PathBuf,
    /// The vector of all parameters for Torch, as DIGITS names it.
    pub flat: PathBuf,
}

impl Snapshot {
    /// The names of the snapshot after `iteration` updates, with Caffe's files in `format`.
    pub fn named(prefix: &Path, iteration: u64, format: SnapshotFormat) -> Self {
        let ending = match format {
            SnapshotFormat::Hdf5 => ".h5",
            SnapshotFormat::BinaryProto => "",
        };
        let name = |ending: &str| {
            let mut name = prefix.as_os_str().to_owned();
            name.push(format!("_iter_{iteration}{ending}"));
            PathBuf::from(name)
        };
        Snapshot {
            caffemodel: name(&format!(".caffemodel{ending}")),
            safetensors: name(".safetensors"),
            solverstate: name(&format!(".solverstate{ending}")),
            state: name(".state"),
            flat: name("_Weights.t7"),
        }
    }
}

/// What found no match when weights were loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The file.
    pub path: PathBuf,
    /// Layers of the file with parameters that no net has.
    pub of_file: Vec<String>,
    /// Layers of the training net of which the file has not all parameters, without those that shall keep theirs.
    pub of_net: Vec<String>,
}

/// Keys of the metadata of a whole state.
const ITERATION: &str = "iteration";
const STEP: &str = "current_step";
const RUNS: &str = "runs";
const HISTORIES: &str = "histories";
const POSITIONS: &str = "positions";
const LOSSES: &str = "losses";

/// Whether a snapshot has all parameters in one vector, by the names that the dialect has for them: Torch's are numbers.
fn in_one_vector(names: &[(String, String)]) -> bool {
    !names.is_empty() && order::variable_names(names).is_empty()
}

/// Numbers that a snapshot takes beside the plan while it is written: the parameters for each of their users and then what
/// is more, every array of the solver, also for each user, or, in Torch, all parameters in one vector beside the largest.
pub fn memory(typed: &TypedNet, plan: &Plan, names: &[(String, String)]) -> u64 {
    let count = |variable: &Variable| variable.shape.count() as u64;
    let variables = typed.variables.iter();
    let by_user: u64 = variables.map(|v| count(v).saturating_mul(v.users.len() as u64)).sum();
    let largest = typed.variables.iter().map(count).max().unwrap_or(0);
    let ordered = match in_one_vector(names) {
        true => (plan.parameters.len as u64).saturating_add(largest),
        false => 0,
    };
    let histories = by_user.saturating_mul(plan.histories.len() as u64);
    by_user.saturating_add(ordered.max(histories))
}

impl Trainer {
    /// Bytes that the files of a snapshot take on the disk, at least: what layers share is in Caffe's more than once.
    pub fn snapshot_bytes(&self) -> u64 {
        let plan = self.plan();
        let parameters = plan.parameters.len as u64;
        let histories = plan.histories.iter().map(|slot| slot.len as u64);
        let both = histories.fold(parameters, u64::saturating_add);
        // Weights by name and the whole state, and for Caffe the weights and the solver's history.
        let for_caffe = if self.names.is_empty() { both } else { 0 };
        4 * (parameters + both + for_caffe)
    }

    /// Writes a snapshot; each file is whole or not there.
    pub fn snapshot(&mut self, prefix: &Path) -> Result<Snapshot> {
        let files = Snapshot::named(prefix, self.iteration, self.solver.snapshot_format);
        match self.write_snapshot(&files) {
            Ok(()) => Ok(files),
            // Caffe's files are written first, and are enough to go on.
            Err(e) if files.solverstate.exists() => Err(Error::refused(format!(
                "{e}\n{} is whole; when there is room, go on by --resume with it",
                files.solverstate.display()
            ))),
            Err(e) => Err(e),
        }
    }

    fn write_snapshot(&mut self, files: &Snapshot) -> Result<()> {
        let format = self.solver.snapshot_format;
        let parameters = self.parameters();
        self.train.session.sound()?;
        if self.names.is_empty() {
            let changes = self.solver.snapshot_diff.then(|| self.last_changes());
            match format {
                SnapshotFormat::BinaryProto => {
                    let typed = self.typed();
                    let layers = caffemodel(typed, &parameters, changes.as_ref());
                    write_model(&files.caffemodel, &typed.net.name, &layers)?;
                    drop(changes);
                    self.solver_state(files).write(&files.solverstate)?;
                }
                SnapshotFormat::Hdf5 => {
                    let layers = self.typed().net.nodes().map(|(_, node)| node.name.value.as_str());
                    let layers: Vec<&str> = layers.collect();
                    let owned = owned(self.typed(), &parameters);
                    write_hdf5_weights(&files.caffemodel, &layers, owned, changes)?;
                    self.solver_state(files).write_hdf5(&files.solverstate)?;
                }
            }
        } else if in_one_vector(&self.names) {
            write_flat(&files.flat, &self.flat_parameters())?;
        }
        let names = order::variable_names(&self.names);
        let public: BTreeMap<&str, &Blob> = parameters
            .iter()
            .map(|(name, blob)| (names.get(name.as_str()).copied().unwrap_or(name), blob))
            .collect();
        write_safetensors(&files.safetensors, public)?;

        let mut all = parameters;
        for (i, region) in self.train.plan().histories.clone().into_iter().enumerate() {
            all.extend(self.flat(region, &format!("history{i}")));
        }
        self.train.session.sound()?;
        let positions: Vec<u64> = self.train.feeds.iter().map(|feed| feed.position()).collect();
        let losses: Vec<u32> = self.losses.iter().map(|loss| loss.to_bits()).collect();
        let metadata = HashMap::from([
            (ITERATION.to_string(), self.iteration.to_string()),
            (STEP.to_string(), self.schedule.current_step.to_string()),
            (RUNS.to_string(), self.train.session.runs().to_string()),
            (HISTORIES.to_string(), self.train.plan().histories.len().to_string()),
            (POSITIONS.to_string(), join(&positions)),
            (LOSSES.to_string(), join(&losses)),
        ]);
        write_safetensors_with(&files.state, all.iter().map(|(n, b)| (n.as_str(), b)), metadata)
    }

    /// All learned parameters one after the other, shared ones once, in the order of the definition.
    pub fn flat_parameters(&mut self) -> Vec<f32> {
        let places = order::places(&self.train.typed, &self.names);
        order::flat(&places, |place| {
            let slot = self.train.place(place.variable);
            Some(Blob { shape: place.shape.0.clone(), data: self.train.session.read(slot) })
        })
    }

    /// What the last update subtracted from every parameter that Caffe stores, by user; 0 before the first.
    fn last_changes(&self) -> Weights {
        let none = vec![0.0; self.train.plan().parameters.len];
        let values = if self.changes.is_empty() { &none } else { &self.changes };
        let mut by_user = self.by_user(values, "param");
        let mut changes = Weights::new();
        for variable in self.train.typed.variables.iter().filter(|variable| !variable.private) {
            for (layer, at) in users(&self.train.typed, variable) {
                if let Some(blob) = by_user.remove(&format!("param.{layer}.{at}")) {
                    changes.insert((layer, at), blob);
                }
            }
        }
        changes
    }

    fn solver_state(&mut self, files: &Snapshot) -> SolverState {
        let mut history = vec![];
        let kinds = self.solver.method.histories();
        for region in self.train.plan().histories.clone().into_iter().take(kinds) {
            for at in 0..self.train.typed.variables.len() {
                if self.train.typed.variables[at].private {
                    continue;
                }
                let data = self.train.session.read(self.train.place_in(region, at));
                history.push(Blob { shape: self.train.typed.variables[at].shape.0.clone(), data });
            }
        }
        SolverState {
            iter: self.iteration as usize,
            learned_net: Some(files.caffemodel.display().to_string()),
            history,
            current_step: self.schedule.current_step,
        }
    }

    /// Takes parameters from a file: .caffemodel or .caffemodel.h5 by layer name as Caffe does, .safetensors with names
    /// `param.<layer>.<i>`, or .t7 by order. Layers that only the file has are ignored, layers named in `reinit` keep
    /// their fillers' values. Test nets take what only they have as well. Says what found no match.
    ///
    /// # Errors
    /// All layers whose numbers of parameters or whose shapes differ, at once, or nothing in the file fits.
    pub fn load_weights(&mut self, path: &Path, reinit: &[String]) -> Result<Unmatched> {
        let advice = "rename these layers in the definition, or give --reinit LAYER, to start them from their fillers";
        self.load_or(advice, path, reinit)
    }

    fn load_or(&mut self, advice: &str, path: &Path, reinit: &[String]) -> Result<Unmatched> {
        let given = read_weights(path, &order::places(&self.train.typed, &self.names))?;
        let advised = |e: Error| Error::refused(format!("{e}\n{advice}"));
        let taken = self.train.take(path, &given, reinit).map_err(advised)?;
        for test in &mut self.tests {
            test.machine.take(path, &given, reinit).map_err(advised)?;
        }
        if !taken.contains(&true) {
            let of_file: Vec<&str> = given.layers.iter().map(|(layer, _)| layer.as_str()).collect();
            return Err(self.of_another_net(path, &of_file));
        }
        let untaken = self.train.typed.variables.iter().zip(&taken);
        let untaken = untaken.filter(|(variable, taken)| !variable.private && !**taken);
        let owners = untaken
            .filter_map(|(variable, _)| users(&self.train.typed, variable).into_iter().next());
        let mut of_net: Vec<String> = owners.map(|(layer, _)| layer).collect();
        of_net.retain(|layer| !reinit.contains(layer));
        of_net.dedup();
        Ok(Unmatched { path: path.to_owned(), of_file: given.strangers(self.nets()), of_net })
    }

    /// The training net and the test nets.
    fn nets(&self) -> impl Iterator<Item = &TypedNet> {
        let tests = self.tests.iter().map(|test| &test.machine.typed);
        std::iter::once(&self.train.typed).chain(tests)
    }

    /// Whether a net of this training has a layer, or the name nearest to it of one with parameters.
    pub fn layer(&self, name: &str) -> Result<(), Option<&str>> {
        let names =
            || self.nets().flat_map(|typed| typed.net.nodes().map(move |node| (typed, node)));
        if names().any(|(_, (_, node))| node.name.value == name) {
            return Ok(());
        }
        let learning =
            names().filter(|(typed, (index, _))| !typed.node_variables[index.index()].is_empty());
        Err(nearest(name, learning.map(|(_, (_, node))| node.name.value.as_str())))
    }

    /// Takes parameters from a file for the net as it was before the definition changed it, to where they are now.
    ///
    /// # Errors
    /// The file does not fit that net, or nothing of it is left.
    pub fn load_pretrained(
        &mut self,
        path: &Path,
        typed: &TypedNet,
        before: &Before,
    ) -> Result<()> {
        let blobs = read_weights(path, &order::places(typed, &before.definition.names))?;
        let blobs = blobs.weights.into_iter().filter_map(|(old, blob)| {
            let new = before.moved.get(&old)?;
            Some((new.clone(), blob))
        });
        let given = Given::of(blobs.collect(), Counts::AtMost);
        let taken = self.train.take(path, &given, &[])?;
        for test in &mut self.tests {
            test.machine.take(path, &given, &[])?;
        }
        match taken.contains(&true) {
            true => Ok(()),
            false => {
                let of_file: Vec<&str> =
                    given.layers.iter().map(|(layer, _)| layer.as_str()).collect();
                Err(self.of_another_net(path, &of_file))
            }
        }
    }

    /// Says whose layers a file has and whose the net.
    fn of_another_net(&self, path: &Path, of_file: &[&str]) -> Error {
        let typed = &self.train.typed;
        let learning =
            typed.net.nodes().filter(|(i, _)| !typed.node_variables[i.index()].is_empty());
        let own: Vec<&str> = learning.map(|(_, node)| node.name.value.as_str()).collect();
        let some = |names: &[&str]| {
            let shown: Vec<String> = names.iter().take(3).map(|name| format!("`{name}`")).collect();
            match names.len() {
                0 => "no layer's name".to_owned(),
                1..=3 => shown.join(", "),
                _ => shown.join(", ") + " ...",
            }
        };
        Error::format(
            path,
            format!(
                "holds weights for no layer of this net: it has {}, the net {}; layers take weights by their names, so rename \
                 them, or move the weights by `cortado convert OLD NEW --net NET`, which goes by order",
                some(of_file),
                some(&own)
            ),
        )
    }

    /// Continues from a whole state (`.state`), to the bit, or from Caffe's `.solverstate`, also
    /// `.solverstate.h5`, and the weights it names.
    ///
    /// Returns the position of each feed's source, to be sought before feeding begins.
    pub fn restore(&mut self, path: &Path) -> Result<Vec<u64>> {
        if is_solverstate(path) {
            self.restore_solverstate(path)?;
            return Ok(vec![]);
        }
        if holds_weights_alone(path) {
            let why = "holds weights and no state; --resume takes a .state or a .solverstate, --weights takes this";
            return Err(Error::format(path, why));
        }
        let bytes = file::read(path)?;
        let metadata = parse_metadata(path, &bytes)?;
        let blobs = parse_safetensors(path, &bytes)?;
        let number = |key: &str| -> Result<u64> {
            let value = metadata.get(key).and_then(|v| v.parse().ok());
            value
                .ok_or_else(|| Error::format(path, format!("is no saved state: it has no `{key}`")))
        };
        let list = |key: &str| -> Vec<u64> {
            let text = metadata.get(key).map_or("", String::as_str);
            text.split(',').filter_map(|n| n.parse().ok()).collect()
        };
        self.iteration = number(ITERATION)?;
        self.schedule.current_step = number(STEP)? as usize;
        self.train.session.set_runs(number(RUNS)?);
        self.losses = list(LOSSES).into_iter().map(|bits| f32::from_bits(bits as u32)).collect();
        let parameters = self.train.plan().parameters;
        let regions = self.train.plan().histories.clone();
        let (histories, own) = (number(HISTORIES)?, regions.len());
        if histories != own as u64 {
            return Err(Error::format(
                path,
                format!(
                    "is the state of another solver: it keeps {histories} numbers for each parameter, and this one {own}; --weights starts from the parameters alone"
                ),
            ));
        }
        let names = (0..regions.len()).map(|i| format!("history{i}"));
        for (region, what) in
            std::iter::once((parameters, "param".to_string())).chain(regions.into_iter().zip(names))
        {
            let plan = self.train.plan().clone();
            for (variable, place) in self.train.typed.variables.iter().zip(&plan.layout) {
                let Some((layer, at)) = users(&self.train.typed, variable).into_iter().next()
                else {
                    continue;
                };
                let name = format!("{what}.{layer}.{at}");
                let blob = blobs.get(&name).filter(|b| b.fits(variable.shape.dims()));
                let Some(blob) = blob else {
                    let shape = &variable.shape;
                    let message =
                        format!("is the state of another net: it has no `{name}` of {shape}");
                    return Err(Error::format(path, message));
                };
                let slot = Slot { offset: region.offset + place.offset, len: place.len };
                self.train.session.write(slot, &blob.data);
            }
        }
        Ok(list(POSITIONS))
    }

    fn restore_solverstate(&mut self, path: &Path) -> Result<()> {
        let state = SolverState::read(path)?;
        let beside = match path.extension().is_some_and(|e| e == "h5") {
            true => path.with_extension("").with_extension("caffemodel.h5"),
            false => path.with_extension("caffemodel"),
        };
        let named = state.learned_net.as_ref().map(PathBuf::from).filter(|p| p.exists());
        let model = if beside.exists() { beside } else { named.unwrap_or(beside) };
        let advice = "a state goes on with its own net; to begin another net with its weights, give --weights FILE --reinit LAYER";
        self.load_or(advice, &model, &[])?;
        let kinds = self.solver.method.histories();
        let shared = self.train.typed.variables.iter().enumerate().filter(|(_, v)| !v.private);
        let shared: Vec<usize> = shared.map(|(i, _)| i).collect();
        let n = shared.len();
        if state.history.len() != n * kinds {
            let (have, want) = (state.history.len(), n * kinds);
            return Err(Error::format(
                path,
                format!("holds {have} history blobs, this solver needs {want}"),
            ));
        }
        for (i, blob) in state.history.iter().enumerate() {
            let (region, at) = (self.train.plan().histories[i / n], shared[i % n]);
            let variable = &self.train.typed.variables[at];
            if !blob.fits(variable.shape.dims()) {
                let have = Shape(blob.shape.clone());
                let message = format!("history blob {i} is {have}, not {}", variable.shape);
                return Err(Error::format(path, message));
            }
            let place = self.train.plan().layout[at];
            let slot = Slot { offset: region.offset + place.offset, len: place.len };
            self.train.session.write(slot, &blob.data);
        }
        self.iteration = state.iter as u64;
        self.schedule.current_step = state.current_step;
        Ok(())
    }
}

/// Whether a name is that of a file of weights that no training goes on from.
fn holds_weights_alone(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    [".caffemodel", ".caffemodel.h5", ".t7"].iter().any(|ending| name.ends_with(ending))
}

/// Whether a name is that of a state of Caffe's, in either format.
fn is_solverstate(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.ends_with(".solverstate") || name.ends_with(".solverstate.h5")
}

/// Every stored parameter with its first user.
pub(crate) fn owned(typed: &TypedNet, parameters: &BTreeMap<String, Blob>) -> Weights {
    let stored = typed.variables.iter().filter(|variable| !variable.private);
    let owners = stored.filter_map(|variable| users(typed, variable).into_iter().next());
    let blob = |(layer, at): (String, usize)| {
        let blob = parameters.get(&format!("param.{layer}.{at}"))?.clone();
        Some(((layer, at), blob))
    };
    owners.filter_map(blob).collect()
}

/// The parameters in Caffe's form: every layer with its blobs, shared ones repeated, and with what the last update
/// subtracted from them, if that is asked for.
pub(crate) fn caffemodel<'a>(
    typed: &'a TypedNet,
    parameters: &'a BTreeMap<String, Blob>,
    changes: Option<&'a Weights>,
) -> Vec<LayerView<'a>> {
    let layers = typed.net.nodes().map(|(index, node)| {
        let name = &node.name.value;
        let variables = typed.node_variables[index.index()].iter().enumerate();
        let stored = variables.filter(|(_, var)| !typed.variables[var.0 as usize].private);
        let blobs = stored.filter_map(|(i, _)| parameters.get(&format!("param.{name}.{i}")));
        let blobs: Vec<&Blob> = blobs.collect();
        let diff = |changes: &'a Weights, at: usize| {
            changes.get(&(name.clone(), at)).map_or(&[][..], |blob| blob.data.as_slice())
        };
        let diffs = changes.map(|changes| (0..blobs.len()).map(|at| diff(changes, at)).collect());
        LayerView {
            name,
            kind: &node.type_name.value,
            bottoms: node.bottoms.iter().map(|b| b.value.clone()).collect(),
            tops: node.tops.iter().map(|t| t.value.clone()).collect(),
            blobs,
            diffs: diffs.unwrap_or_default(),
            four_axes: false,
        }
    });
    layers.collect()
}

fn join<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}
