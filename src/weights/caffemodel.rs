//! Reads `.caffemodel` files of all three generations of the format and writes the present one.

use std::path::Path;

use super::{Blob, parse_message, write_message};
use crate::data::proto::{BlobProto, LayerParameter, NetParameter, V1LayerParameter};
use crate::{Error, Result, file};

/// The parameters of a net, layer by layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaffeModel {
    /// The net's name.
    pub name: String,
    /// The layers in the order of the net; a parameter that layers share is repeated for each of them.
    pub layers: Vec<LayerWeights>,
}

/// The parameters of one layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerWeights {
    /// The name by which weights are matched to layers.
    pub name: String,
    /// The type, such as `Convolution`; `conv` in files of the first generation, empty in those of the second,
    /// which store a number.
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
            return Err(Error::format(path, "holds no layers"));
        }
        let present = net.layer.into_iter().map(of_present_format);
        let legacy = net.layers.into_iter().map(of_legacy_format);
        let layers = present.chain(legacy).map(|layer| layer.map_err(|m| Error::format(path, m)));
        Ok(CaffeModel {
            name: net.name.unwrap_or_default(),
            layers: layers.collect::<Result<_>>()?,
        })
    }

    /// Writes a `.caffemodel` of the present generation.
    pub fn write(&self, path: &Path) -> Result<()> {
        let layer = |layer: &LayerWeights| LayerParameter {
            name: Some(layer.name.clone()),
            r#type: Some(layer.kind.clone()),
            bottom: layer.bottoms.clone(),
            top: layer.tops.clone(),
            blobs: layer.protos(),
            ..LayerParameter::default()
        };
        let net = NetParameter {
            name: Some(self.name.clone()),
            layer: self.layers.iter().map(layer).collect(),
            layers: vec![],
        };
        write_message(path, &net)
    }

    /// The parameters of the layer called `name`; of several with one name, the last, as when Caffe loads them in turn.
    pub fn blobs(&self, name: &str) -> Option<&[Blob]> {
        let layer = self.layers.iter().rev().find(|layer| layer.name == name)?;
        Some(&layer.blobs)
    }
}

impl LayerWeights {
    fn protos(&self) -> Vec<BlobProto> {
        let mut protos: Vec<BlobProto> = self.blobs.iter().map(Blob::to_proto).collect();
        for (proto, diff) in protos.iter_mut().zip(&self.diffs) {
            proto.diff = diff.clone();
        }
        protos
    }
}

fn of_present_format(layer: LayerParameter) -> Result<LayerWeights, String> {
    let name = layer.name.unwrap_or_default();
    Ok(LayerWeights {
        diffs: diffs(&layer.blobs),
        blobs: blobs(&name, layer.blobs)?,
        name,
        kind: layer.r#type.unwrap_or_default(),
        bottoms: layer.bottom,
        tops: layer.top,
    })
}

/// A layer of the second generation, or one of the first in its envelope.
fn of_legacy_format(layer: V1LayerParameter) -> Result<LayerWeights, String> {
    let (name, kind, protos) = match layer.layer {
        Some(inner) => (inner.name, inner.r#type, inner.blobs),
        None => (layer.name, None, layer.blobs),
    };
    let name = name.unwrap_or_default();
    Ok(LayerWeights {
        diffs: diffs(&protos),
        blobs: blobs(&name, protos)?,
        name,
        kind: kind.unwrap_or_default(),
        bottoms: layer.bottom,
        tops: layer.top,
    })
}

fn diffs(protos: &[BlobProto]) -> Vec<Vec<f32>> {
    match protos.iter().all(|proto| proto.diff.is_empty()) {
        true => vec![],
        false => protos.iter().map(|proto| proto.diff.clone()).collect(),
    }
}

fn blobs(layer: &str, protos: Vec<BlobProto>) -> Result<Vec<Blob>, String> {
    let blob =
        |(i, proto)| Blob::from_proto(proto).map_err(|m| format!("layer `{layer}`: blob {i} {m}"));
    protos.into_iter().enumerate().map(blob).collect()
}
