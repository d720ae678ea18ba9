//! Opens a net with its data to be run forward: for what is extracted and for the test of a net without a solver.

use std::path::{Path, PathBuf};

use super::Complaints;
use super::data::{DEFAULT_BATCH, DataSpec, Inputs};
use super::inference::load;
use super::inputs::markers;
use super::missing::report_missing;
use super::program::{self, Facts, is_program};
use super::{Plan, environment, read_net, states};
use crate::data::source::Source;
use crate::diag::Diagnostics;
use crate::error::{Error, Result};
use crate::exec::SessionOptions;
use crate::front::{self, Request};
use crate::ir::{Definition, Net as Layers, NetState, Port};
use crate::layers::Layer;
use crate::passes::deploy::{deploy, is_label};
use crate::pipeline;
use crate::source::SourceMap;
use crate::spec::solver::Solver;
use crate::train::TestReport;
use crate::train::machine::{Machine, Purpose};
use crate::ty::Shape;

/// A net in memory, and what is to be fed to it.
pub(super) struct Forward {
    pub machine: Machine,
    /// Names by which the definition's dialect numbers parameters.
    pub names: Vec<(String, String)>,
    /// Records of a batch.
    pub batch: usize,
    /// Records of the data.
    pub records: usize,
    /// Each with the inputs it serves.
    pub sources: Vec<(Source, Vec<(String, String)>)>,
}

impl Forward {
    /// Opens a net in a state, or in the TEST phase (DIGITS' `val` stage, where there is one).
    ///
    /// # Errors
    /// A file is missing or does not fit; complaints about the definition are in the inner result.
    pub fn open(
        net: Net,
        data: DataSpec,
        session: &SessionOptions,
    ) -> Result<Result<Forward, Complaints>> {
        let mut sources = SourceMap::default();
        let mut diagnostics = Diagnostics::default();
        let Net { path, watched, .. } = net;
        let mut batch_size = net.batch_size;
        let definition = match is_program(path) {
            true => {
                let batch = *batch_size.get_or_insert(DEFAULT_BATCH);
                told(&net, batch, &data, &mut sources, &mut diagnostics)?
            }
            false => read_net(path, net.request, &mut sources, &mut diagnostics)?,
        };
        let (definition, state) = match net.state {
            Some(state) => {
                let state = definition.asked(&state);
                (definition, state)
            }
            None if is_program(path) && watched => deploy(&definition, &[]),
            None => {
                let state = states(&definition).1;
                (definition, state)
            }
        };
        let plan = Plan {
            solver: Solver::default(),
            train: (definition, state),
            tests: vec![],
            train_data: data,
            test_data: DataSpec::default(),
            batch_size,
            epochs: None,
            intervals: [None; 2],
            keep: None,
            stop_on_nan: false,
            whole_tests: true,
            folder: None,
            prefix: PathBuf::new(),
            weights: vec![],
            kept: None,
            bases: vec![path.parent().unwrap_or(Path::new("")).to_owned()],
            making: 0,
        };
        let (definition, state) = &plan.train;
        if report_missing(&plan, definition, state, &plan.train_data, &mut diagnostics) {
            return Ok(Err((sources, diagnostics)));
        }
        let inputs = Inputs::open(&plan, definition, state, &plan.train_data, session.seed)?;
        same_records(definition, state, &inputs)?;
        let env = environment(inputs.shapes.clone());
        let typed = pipeline::typed_net(definition, state, &env, &mut diagnostics);
        if diagnostics.has_errors() {
            diagnostics.sort();
            return Ok(Err((sources, diagnostics)));
        }
        let Some((records, batch)) = inputs.records() else {
            return Err(no_data(watched));
        };
        if typed.signatures.iter().any(Option::is_none) {
            let why = "the net cannot be built: the shape of its data is not known";
            return Err(Error::refused(why));
        }
        let machine = Machine::new(typed, &env, Purpose { watched, ..Purpose::FORWARD }, session)?;
        let (names, sources) = (definition.names.clone(), inputs.sources);
        let (batch, records) = (batch as usize, records as usize);
        Ok(Ok(Forward { machine, names, batch, records, sources }))
    }
}

/// Which net is opened, and what for.
pub(super) struct Net<'a> {
    /// The definition.
    pub path: &'a Path,
    /// The state, if it is not that of a test.
    pub state: Option<NetState>,
    /// What the definition is told.
    pub request: &'a Request,
    /// Records in a batch, instead of the definition's.
    pub batch_size: Option<usize>,
    /// Whether all blobs can be read after a run. Of a definition that is a program it is then the net that images are given.
    pub watched: bool,
}

/// A definition that is a program, told of its data by DIGITS' contract.
fn told(
    net: &Net,
    batch: usize,
    data: &DataSpec,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Result<Definition> {
    if data.databases.is_none() && data.tensors.is_none() {
        return Err(no_data(net.watched));
    }
    let mut facts = Facts::of(data, net.request.classes, front::dialect(net.path))?;
    if let Some(said) = &net.request.input_shape
        && *said != facts.image()
    {
        let (records, said) = (Shape(facts.image()), Shape(said.clone()));
        return Err(Error::refused(format!(
            "--input-shape says {said}, the records are {records}"
        )));
    }
    facts.told = net.request.clone();
    program::for_images(net.path, &facts, batch, sources, diagnostics)
}

/// Says how data are given: `extract`, which watches blobs, takes databases, too.
fn no_data(watched: bool) -> Error {
    Error::refused(match watched {
        true => "the net names no data; give them with --data or --tensors",
        false => {
            "the net names no data; give them with --tensors, or test it by a run file that names some"
        }
    })
}

/// The tops of inputs that some blobs depend on, in order.
pub(super) fn needed(net: &Layers, wanted: &[Port]) -> Vec<Port> {
    let mut reached = vec![false; net.graph.node_count()];
    let mut left: Vec<Port> = wanted.to_vec();
    let mut read: Vec<Port> = vec![];
    while let Some(port) = left.pop() {
        if net.graph[port.node].layer.is_input() {
            read.push(port);
        } else if !std::mem::replace(&mut reached[port.node.index()], true) {
            left.extend(net.bottoms(port.node).into_iter().flatten());
        }
    }
    read.sort();
    read
}

/// What a net gives: the blobs that no layer reads, and those that are written into files.
pub(super) fn results(net: &Layers) -> Vec<Port> {
    let is_computed = |port: &&Port| !net.graph[port.node].layer.is_input();
    let mut all: Vec<Port> = net.outputs.iter().filter(is_computed).copied().collect();
    let files = net.nodes().filter(|(_, node)| matches!(node.layer, Layer::Hdf5Output(_)));
    all.extend(files.flat_map(|(index, _)| net.bottoms(index)).flatten());
    all
}

/// Refuses a net in which something that is asked for depends on an input that nothing feeds, which would be zeros. An input
/// that only says where sequences go on may be: every record then begins one.
pub(super) fn must_be_fed(
    machine: &Machine,
    sources: &[(Source, Vec<(String, String)>)],
    wanted: &[Port],
) -> Result<()> {
    let net = &machine.typed.net;
    let read = needed(net, wanted);
    let fed =
        |name: &str| sources.iter().any(|(_, wires)| wires.iter().any(|(input, _)| input == name));
    let nodes = net.graph.node_indices().map(|index| &net.graph[index]);
    let markers = markers(nodes, read.iter().map(|&port| net.blob(port)));
    let mut unfed = read.iter().filter(|&&port| !fed(net.blob(port)));
    match unfed.find(|&&port| markers.iter().all(|marker| marker != net.blob(port))) {
        Some(&port) => {
            let (name, shape) = (net.blob(port), machine.typed.shape(port));
            let of = shape.map_or(String::new(), |shape| format!(", {shape}"));
            Err(Error::refused(format!(
                "nothing feeds the input `{name}`{of}: give its batches in a file with --tensors"
            )))
        }
        None => Ok(()),
    }
}

/// Checks that records have the size that a definition without data layers names for its inputs, since that is the one its
/// weights are for.
fn same_records(definition: &Definition, state: &NetState, inputs: &Inputs) -> Result<()> {
    for node in definition.nodes.iter().filter(|node| node.exists(state)) {
        let Layer::Input(input) = &node.layer else { continue };
        for (i, top) in node.tops.iter().enumerate() {
            let named = input.shapes.get(i).or(input.shapes.first()).map(Shape::dims);
            let served = inputs.shapes.get(&top.value).map(Shape::dims);
            let (Some([_, named @ ..]), Some([_, served @ ..])) = (named, served) else { continue };
            if named != served && !is_label(&top.value, i) {
                let (name, named, served) = (&top.value, Shape::from(named), Shape::from(served));
                return Err(Error::refused(format!(
                    "the records are {served}, the net's input `{name}` is {named}: give records of that size \
                     (convert-imageset has --resize-height and --resize-width), or change the input's shape if its weights \
                     are for another"
                )));
            }
        }
    }
    Ok(())
}

/// Tests a net with weights on so many batches of the data it names, as `caffe test` does: means of its outputs.
///
/// # Errors
/// As for opening the net; the weights do not fit.
pub fn test_net(
    (path, state): (&Path, Option<NetState>),
    weights: &[PathBuf],
    tensors: Option<PathBuf>,
    batches: u64,
    session: &SessionOptions,
) -> Result<Result<TestReport, Complaints>> {
    let data = DataSpec { tensors, ..DataSpec::default() };
    let request = &Request::default();
    let net = Net { path, state, request, batch_size: None, watched: false };
    let opened = Forward::open(net, data, session)?;
    let Forward { mut machine, names, sources, .. } = match opened {
        Ok(forward) => forward,
        Err(complaints) => return Ok(Err(complaints)),
    };
    must_be_fed(&machine, &sources, &results(&machine.typed.net))?;
    load(&mut machine, &names, weights)?;
    for (source, names) in sources {
        machine.feed(source, &names)?;
    }
    let (loss, outputs, _) = machine.test(batches, false)?;
    Ok(Ok(TestReport { iteration: 0, net: 0, loss, outputs, debug: vec![] }))
}
