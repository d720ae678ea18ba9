//! Runs a data set through a trained net and collects named blobs, record by record, as Caffe's extract_features does.

use std::path::{Path, PathBuf};

use prost::Message;

use super::Complaints;
use super::data::DataSpec;
use super::forward::{Forward, Net, must_be_fed};
use super::inference::load;
use super::run_file;
use super::snapshots::last_snapshot;
use crate::data::lmdb::LmdbWriter;
use crate::data::proto::Datum;
use crate::error::{Error, Result};
use crate::exec::SessionOptions;
use crate::file::write_atomically;
use crate::front::Request;
use crate::ir::{Port, TypedNet};
use crate::ty::Shape;
use crate::weights::{Blob, write_safetensors};

/// What is extracted from what.
#[derive(Clone, Debug)]
pub struct ExtractOptions {
    /// The definition.
    pub net: PathBuf,
    /// The parameters, if the net has any.
    pub weights: Option<PathBuf>,
    /// Names of blobs.
    pub blobs: Vec<String>,
    /// An LMDB of images, instead of what the definition's data layers name.
    pub data: Option<PathBuf>,
    /// A safetensors file of batches, instead of what the definition's data layers name.
    pub tensors: Option<PathBuf>,
    /// The mean image that is subtracted, instead of the definition's.
    pub mean: Option<PathBuf>,
    /// Records in a batch, instead of the definition's.
    pub batch_size: Option<usize>,
    /// Number of records, instead of all once.
    pub records: Option<usize>,
    /// What the definition is told beside its data.
    pub request: Request,
    /// Device, threads and seed.
    pub session: SessionOptions,
}

impl ExtractOptions {
    /// Takes from a run file what is not said: its definition and what that is told, the data of validation, or of training
    /// where there are none, the mean and the batch.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn complete_from(&mut self, path: &Path) -> Result<()> {
        let (file, _) = run_file::read(path, &[])?;
        let base = path.parent().unwrap_or(Path::new(""));
        let folder = file.output.clone().unwrap_or_else(|| path.with_extension(""));
        self.net = base.join(&file.network);
        if self.weights.is_none() {
            self.weights = Some(last_snapshot(&folder)?);
        }
        let data = run_file::data_to_look_at(&file, base, &folder);
        if self.data.is_none() && self.tensors.is_none() {
            self.data = data.databases.map(|(images, _)| images);
            self.tensors = data.tensors;
        }
        self.mean = self.mean.take().or(data.mean);
        self.batch_size = self.batch_size.or(file.train.batch_size);
        let request = std::mem::take(&mut self.request);
        let told = file.told();
        self.request = Request {
            params: told.params.into_iter().chain(request.params).collect(),
            call: request.call.or(told.call),
            written: request.written.or(told.written),
            loss: request.loss.or(told.loss),
            classes: request.classes.or(file.dataset.classes),
            ..request
        };
        Ok(())
    }
}

/// Blobs by name, each with a row for every record, in the order asked for.
pub type Features = Vec<(String, Blob)>;

/// Runs the data through the net in the TEST phase (DIGITS' `val` stage, where there is one; of a definition in Lua or
/// Python the net that is used on images).
///
/// # Errors
/// A file is missing or does not fit, a blob does not exist or has no row for each record; complaints about the definition
/// are in the inner result.
pub fn extract(options: &ExtractOptions) -> Result<Result<Features, Complaints>> {
    let data = DataSpec {
        databases: options.data.clone().map(|images| (images, None)),
        tensors: options.tensors.clone(),
        mean: options.mean.clone(),
        ..DataSpec::default()
    };
    let net = Net {
        path: &options.net,
        state: None,
        request: &options.request,
        batch_size: options.batch_size,
        watched: true,
    };
    let opened = Forward::open(net, data, &options.session)?;
    let Forward { mut machine, names, batch, records, sources } = match opened {
        Ok(forward) => forward,
        Err(complaints) => return Ok(Err(complaints)),
    };
    let records = options.records.unwrap_or(records);
    let mut found: Vec<Port> = vec![];
    let mut features: Features = vec![];
    for name in &options.blobs {
        let port = find(&machine.typed, name).ok_or_else(|| unknown(&machine.typed, name))?;
        let v = machine.planned.blobs[port.node.index()][port.top];
        let shape = machine.plan().program.shape(v);
        if shape.dims().first() != Some(&batch) {
            return Err(Error::refused(format!(
                "blob `{name}` is {shape} and has no row for each of the {batch} records of a batch"
            )));
        }
        let mut shape = shape.0.clone();
        shape[0] = records;
        found.push(port);
        features.push((name.clone(), Blob { shape, data: vec![] }));
    }
    must_be_fed(&machine, &sources, &found)?;
    load(&mut machine, &names, options.weights.as_slice())?;
    for (source, names) in sources {
        machine.feed(source, &names)?;
    }
    for done in (0..records).step_by(batch) {
        let rows = batch.min(records - done);
        machine.run()?;
        machine.take_rows(rows);
        for ((name, blob), port) in features.iter_mut().zip(&found) {
            let v = machine.planned.blobs[port.node.index()][port.top];
            let shape = machine.plan().program.shape(v);
            if shape.dims()[1..] != blob.shape[1..] {
                return Err(Error::refused(format!(
                    "blob `{name}` is {shape} for record {done}, and for the first {}; only blobs of one shape can be extracted",
                    Shape(blob.shape.clone())
                )));
            }
            let values = machine.session.read(machine.planned.plan.slot(v));
            blob.data.extend(&values[..rows * values.len() / batch]);
        }
    }
    machine.write_files()?;
    Ok(Ok(features))
}

/// The last layer that gives a blob of this name.
fn find(typed: &TypedNet, name: &str) -> Option<Port> {
    let tops = typed.net.nodes().flat_map(|(node, layer)| {
        layer.tops.iter().enumerate().map(move |(top, blob)| (Port { node, top }, &blob.value))
    });
    tops.filter(|(_, blob)| *blob == name).map(|(port, _)| port).last()
}

fn unknown(typed: &TypedNet, name: &str) -> Error {
    let mut names: Vec<&str> = vec![];
    for top in typed.net.nodes().flat_map(|(_, node)| &node.tops) {
        if !names.contains(&top.value.as_str()) {
            names.push(&top.value);
        }
    }
    Error::refused(format!("the net has no blob `{name}`; it has {}", names.join(", ")))
}

/// Writes features in the form that the ending of a name says: `.safetensors`, `.json` (rows of numbers by blob), or an LMDB
/// of Datums with `float_data` and keys of ten digits, for several blobs one in a folder of this name for each.
pub fn write_features(out: &Path, features: &Features) -> Result<()> {
    let ending = out.extension().and_then(|e| e.to_str()).unwrap_or_default();
    match ending {
        "safetensors" => write_safetensors(out, features.iter().map(|(n, b)| (n.as_str(), b))),
        "json" => {
            let rows = |blob: &Blob| -> Vec<Vec<f32>> {
                let each = row_length(blob);
                blob.data.chunks(each).map(<[f32]>::to_vec).collect()
            };
            let all: std::collections::BTreeMap<&str, Vec<Vec<f32>>> =
                features.iter().map(|(name, blob)| (name.as_str(), rows(blob))).collect();
            let failed = |e| Error::format(out, format!("cannot be written as JSON: {e}"));
            let text = serde_json::to_string(&all).map_err(failed)?;
            write_atomically(out, |writer| writer.write_all(text.as_bytes()))
        }
        "" | "lmdb" => match &features[..] {
            [(_, blob)] => write_database(out, blob),
            _ => {
                std::fs::create_dir_all(out).map_err(|e| Error::io("create", out, e))?;
                let one = |(name, blob): &(String, Blob)| {
                    write_database(&out.join(name.replace('/', "_")), blob)
                };
                features.iter().try_for_each(one)
            }
        },
        _ => {
            let message = "is no kind of output; end the name in .safetensors, .json or .lmdb";
            Err(Error::format(out, message))
        }
    }
}

fn row_length(blob: &Blob) -> usize {
    blob.shape.iter().skip(1).product::<usize>().max(1)
}

fn write_database(path: &Path, blob: &Blob) -> Result<()> {
    let mut axes = blob.shape[1..].to_vec();
    if 3 < axes.len() {
        let message = format!("a Datum has three axes, these features have {}", axes.len());
        return Err(Error::format(path, message));
    }
    axes.resize(3, 1);
    let axis = |i: usize| i32::try_from(axes[i]).ok();
    let mut writer = LmdbWriter::create(path)?;
    for (i, row) in blob.data.chunks(row_length(blob)).enumerate() {
        let datum = Datum {
            channels: axis(0),
            height: axis(1),
            width: axis(2),
            float_data: row.to_vec(),
            ..Datum::default()
        };
        writer.put(format!("{i:010}").as_bytes(), &datum.encode_to_vec())?;
    }
    writer.finish()
}
