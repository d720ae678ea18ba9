//! Reads `.caffemodel` files of all three generations of the format and writes the present one.

use std::path::Path;

use prost::Message;

use super::stream::{self, BlobField};
use super::{Blob, kind, parse_message};
use crate::data::proto::{BlobProto, LayerParameter, NetParameter, V1LayerParameter};
use crate::front::caffe::legacy::{type_of_number, type_of_word};
use crate::{Error, Result, file};

/// The parameters of a net, layer by layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaffeModel {
    /// The net's name.
    pub name: String,
    /// The layers in the order of the net; a parameter that layers share is repeated for each of them.
    pub layers: Vec<LayerWeights>,
    /// Whether blobs have four axes, some of 1, whatever their layers want, as in old files.
    pub four_axes: bool,
}

/// The parameters of one layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerWeights {
    /// The name by which weights are matched to layers.
    pub name: String,
    /// The type in its modern name, such as `Convolution`, whatever generation the file is of; as written if it has none.
    pub kind: String,
    /// Names of the inputs.
    pub bottoms: Vec<String>,
    /// Names of the outputs.
    pub tops: Vec<String>,
    /// Weight, bias and so on.
    pub blobs: Vec<Blob>,
    /// For each of them what the last update subtracted from it; none in a file that does not say.
    pub diffs: Vec<Vec<f32>>,
}

impl CaffeModel {
    /// Reads a `.caffemodel`; layers without parameters are kept.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(path, &file::read(path)?)
    }

    /// Like [`read`](Self::read) for bytes in memory; `path` is for errors only.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let net: NetParameter = parse_message(path, bytes, "a Caffe model")?;
        if !net.layer.is_empty() && !net.layers.is_empty() {
            return Err(Error::format(path, "mixes layers of two generations of the format"));
        }
        if net.layer.is_empty() && net.layers.is_empty() {
            return Err(kind::complaint(path, bytes, "a Caffe model", "it holds no layers"));
        }
        let protos = net.layer.iter().flat_map(|layer| &layer.blobs).chain(
            net.layers.iter().flat_map(|layer| match &layer.layer {
                Some(inner) => &inner.blobs,
                None => &layer.blobs,
            }),
        );
        let four_axes = protos.into_iter().any(|blob| blob.shape.is_none() && blob.num.is_some());
        let present = net.layer.into_iter().map(of_present_format);
        let legacy = net.layers.into_iter().map(of_legacy_format);
        let layers = present.chain(legacy).map(|layer| layer.map_err(|m| Error::format(path, m)));
        Ok(CaffeModel {
            name: net.name.unwrap_or_default(),
            layers: layers.collect::<Result<_>>()?,
            four_axes,
        })
    }

    /// Writes a `.caffemodel` of the present generation.
    pub fn write(&self, path: &Path) -> Result<()> {
        let layers = self.layers.iter().map(|layer| LayerView {
            name: &layer.name,
            kind: &layer.kind,
            bottoms: layer.bottoms.clone(),
            tops: layer.tops.clone(),
            blobs: layer.blobs.iter().collect(),
            diffs: layer.diffs.iter().map(Vec::as_slice).collect(),
            four_axes: self.four_axes,
        });
        write_model(path, &self.name, &layers.collect::<Vec<_>>())
    }

    /// The parameters of the layer called `name`; of several with one name, the last, as when Caffe loads them in turn.
    pub fn blobs(&self, name: &str) -> Option<&[Blob]> {
        let layer = self.layers.iter().rev().find(|layer| layer.name == name)?;
        Some(&layer.blobs)
    }
}

/// A layer to write, whose blobs lie elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct LayerView<'a> {
    /// The name.
    pub name: &'a str,
    /// The type.
    pub kind: &'a str,
    /// Names of the inputs.
    pub bottoms: Vec<String>,
    /// Names of the outputs.
    pub tops: Vec<String>,
    /// Weight, bias and so on.
    pub blobs: Vec<&'a Blob>,
    /// For the first of them what the last update subtracted.
    pub diffs: Vec<&'a [f32]>,
    /// See [`CaffeModel::four_axes`].
    pub four_axes: bool,
}

impl LayerView<'_> {
    fn fields(&self) -> Vec<BlobField<'_>> {
        let blobs = self.blobs.iter().enumerate();
        let diff = |at: usize| self.diffs.get(at).copied().unwrap_or_default();
        blobs
            .map(|(at, blob)| BlobField {
                tag: BLOBS,
                blob,
                diff: diff(at),
                four_axes: self.four_axes,
            })
            .collect()
    }
}

/// Fields of `NetParameter` and `LayerParameter`.
const LAYER: u32 = 100;
const BLOBS: u32 = 7;

/// Writes a `.caffemodel` of the present generation.
pub(crate) fn write_model(path: &Path, name: &str, layers: &[LayerView]) -> Result<()> {
    let net = NetParameter { name: Some(name.to_owned()), ..NetParameter::default() };
    file::write_atomically(path, |writer| {
        writer.write_all(&net.encode_to_vec())?;
        for layer in layers {
            let head = LayerParameter {
                name: Some(layer.name.to_owned()),
                r#type: Some(layer.kind.to_owned()),
                bottom: layer.bottoms.clone(),
                top: layer.tops.clone(),
                ..LayerParameter::default()
            };
            let (head, fields) = (head.encode_to_vec(), layer.fields());
            let len = head.len() + fields.iter().map(BlobField::len).sum::<usize>();
            stream::begin(writer, LAYER, len)?;
            writer.write_all(&head)?;
            fields.iter().try_for_each(|field| field.write(writer))?;
        }
        Ok(())
    })
}

fn of_present_format(mut layer: LayerParameter) -> Result<LayerWeights, String> {
    let name = layer.name.unwrap_or_default();
    Ok(LayerWeights {
        diffs: diffs(&mut layer.blobs),
        blobs: blobs(&name, layer.blobs)?,
        name,
        kind: layer.r#type.unwrap_or_default(),
        bottoms: layer.bottom,
        tops: layer.top,
    })
}

/// A layer of the second generation, or one of the first in its envelope.
fn of_legacy_format(layer: V1LayerParameter) -> Result<LayerWeights, String> {
    let (name, kind, mut protos) = match layer.layer {
        Some(inner) => {
            let word = inner.r#type.unwrap_or_default();
            let kind = type_of_word(&word).map_or(word, str::to_owned);
            (inner.name, kind, inner.blobs)
        }
        None => {
            let kind = layer.r#type.and_then(type_of_number).unwrap_or_default();
            (layer.name, kind.to_owned(), layer.blobs)
        }
    };
    let name = name.unwrap_or_default();
    Ok(LayerWeights {
        diffs: diffs(&mut protos),
        blobs: blobs(&name, protos)?,
        name,
        kind,
        bottoms: layer.bottom,
        tops: layer.top,
    })
}

/// Takes the last changes out of the blobs; none if no blob has any.
fn diffs(protos: &mut [BlobProto]) -> Vec<Vec<f32>> {
    match protos.iter().all(|proto| proto.diff.is_empty()) {
        true => vec![],
        false => protos.iter_mut().map(|proto| std::mem::take(&mut proto.diff)).collect(),
    }
}

fn blobs(layer: &str, protos: Vec<BlobProto>) -> Result<Vec<Blob>, String> {
    let blob =
        |(i, proto)| Blob::from_proto(proto).map_err(|m| format!("layer `{layer}`: blob {i} {m}"));
    protos.into_iter().enumerate().map(blob).collect()
}
