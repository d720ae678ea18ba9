//! Collects what HDF5Output layers get, batch after batch, and writes it to their files.

use std::path::PathBuf;

use crate::error::Result;
use crate::exec::Session;
use crate::ir::TypedNet;
use crate::layers::Layer;
use crate::passes::lower::Lowered;
use crate::plan::Plan;
use crate::program::ValueId;
use crate::weights::Blob;
use crate::weights::hdf5::Hdf5Tree;

/// The data sets of Caffe's HDF5Output, in the order of its bottoms.
const SETS: [&str; 2] = ["data", "label"];

/// One HDF5Output layer of a net that runs.
#[derive(Clone, Debug)]
pub(crate) struct Hdf5Output {
    path: PathBuf,
    /// What each bottom is in the program, and its rows so far.
    sets: Vec<(ValueId, Vec<f32>)>,
}

impl Hdf5Output {
    /// The layers of a net. What they read becomes an output of the program, so that it is kept until the end of a pass;
    /// to be called before the program is simplified.
    pub(crate) fn of_net(typed: &TypedNet, lowered: &mut Lowered) -> Vec<Self> {
        let mut found = vec![];
        for (index, node) in typed.net.nodes() {
            let Layer::Hdf5Output(layer) = &node.layer else { continue };
            let ports = typed.net.bottoms(index).into_iter().flatten();
            let values: Vec<ValueId> =
                ports.map(|port| lowered.blobs[port.node.index()][port.top]).collect();
            for &v in &values {
                lowered.program.outputs.push(("(hdf5)".to_owned(), v));
            }
            let sets = values.into_iter().map(|v| (v, vec![])).collect();
            found.push(Hdf5Output { path: PathBuf::from(&layer.file_name), sets });
        }
        found
    }

    /// Forgets what was collected.
    pub(crate) fn clear(&mut self) {
        self.sets.iter_mut().for_each(|(_, rows)| rows.clear());
    }

    /// Goes on with the rows that the same layer of the net, planned for other shapes, has collected. False if those here
    /// have another shape.
    pub(crate) fn go_on(&mut self, plan: &Plan, before: Hdf5Output, plan_before: &Plan) -> bool {
        let row =
            |plan: &Plan, v: ValueId| plan.program.shape(v).dims().get(1..).map(<[_]>::to_vec);
        self.sets.iter_mut().zip(before.sets).all(|((v, rows), (v_before, rows_before))| {
            let fits = rows_before.is_empty() || row(plan, *v) == row(plan_before, v_before);
            *rows = rows_before;
            fits
        })
    }

    /// Takes the first `rows` rows of the pass that was just made, all if there are fewer.
    pub(crate) fn take(&mut self, session: &mut Session<f32>, plan: &Plan, rows: usize) {
        for (v, kept) in &mut self.sets {
            let values = session.read(plan.slot(*v));
            let each: usize = plan.program.shape(*v).dims().iter().skip(1).product();
            kept.extend(values.iter().take(rows.saturating_mul(each)));
        }
    }

    /// Writes the file with everything collected, each data set with four axes at least, as Caffe does.
    pub(crate) fn write(&self, plan: &Plan) -> Result<()> {
        let mut tree = Hdf5Tree::default();
        for (name, (v, rows)) in SETS.into_iter().zip(&self.sets) {
            let mut shape = plan.program.shape(*v).dims().to_vec();
            while shape.len() < 4 {
                shape.push(1);
            }
            let each: usize = shape.iter().skip(1).product();
            shape[0] = rows.len() / each.max(1);
            tree.floats(name, Blob { shape, data: rows.clone() });
        }
        tree.write(&self.path)
    }
}
