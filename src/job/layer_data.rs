//! Opens what serves a layer that names its own data, or that is handed them: ImageData, DenseImageData,
//! ImageSegData, AnnotatedData, HDF5Data, WindowData, MemoryData.

use std::path::Path;

use super::Plan;
use super::data::transform;
use crate::data::annotated::Parts;
use crate::data::datum::Colour;
use crate::data::image_list::ImageList;
use crate::data::image_pairs::ImagePairs;
use crate::data::records::Records;
use crate::data::segmented::Cut;
use crate::data::source::{Order, Source};
use crate::data::transform::TransformOptions;
use crate::data::windows::WindowOptions;
use crate::error::{Error, Result};
use crate::ir::Node;
use crate::layers::Layer;
use crate::layers::data::Transform;
use crate::layers::memory_data::MemoryData;
use crate::layers::window_data::CropMode;

/// Whether the layer says where its data are.
pub(super) fn names_its_data(layer: &Layer) -> bool {
    matches!(
        layer,
        Layer::AnnotatedData(_)
            | Layer::Data(_)
            | Layer::DenseImageData(_)
            | Layer::Hdf5Data(_)
            | Layer::ImageData(_)
            | Layer::ImageSegData(_)
            | Layer::WindowData(_)
    )
}

/// The source that a layer names and its batch size; `None` for layers without a source of these kinds. The tops of the
/// source are those of the layer, in order.
pub(super) fn serve(
    plan: &Plan,
    node: &Node,
    seed: u64,
    train: bool,
) -> Result<Option<(Source, usize)>> {
    let batch = |own: usize| batch_size(plan, node, own);
    let listed = |records, (of, is_color, resize, shuffle, skip): (&Transform, _, _, _, _)| {
        let colour = if is_color { Colour::Colour } else { Colour::Grey };
        let own = transform(&plan.bases, of, None, train)?;
        let options = TransformOptions { colour, resize, ..own };
        let mut source = Source::of_records(records, options, seed, order(shuffle))?;
        let about = |e| Error::refused(format!("layer `{}`: {e}", node.name.value));
        source.skip_randomly(skip).map_err(about)?;
        Ok::<_, Error>(source)
    };
    Ok(Some(match &node.layer {
        Layer::AnnotatedData(layer) => {
            let own = transform(&plan.bases, &layer.transform, None, train)?;
            let colour = if layer.transform.force_gray { Colour::Grey } else { Colour::Colour };
            let options = TransformOptions { resize: layer.resize, colour, ..own };
            let parts = Parts { samplers: layer.samplers.clone(), emit: layer.emit };
            let path = plan.locate(&layer.source);
            let source = Source::of_annotated(&path, options, parts, seed)?;
            (source, batch(layer.batch_size)?)
        }
        Layer::DenseImageData(layer) => {
            let size = (0 < layer.new_height).then_some([layer.new_height, layer.new_width]);
            let path = plan.locate(&layer.source);
            let divisor = layer.label_divide_factor;
            let list = ImagePairs::read(&path, &layer.root_folder, size, divisor)?;
            let of = (&layer.transform, layer.is_color, size, layer.shuffle, layer.rand_skip);
            (listed(Records::of_pairs(list), of)?, batch(layer.batch_size)?)
        }
        Layer::ImageData(layer) => {
            let size = (0 < layer.new_height).then_some([layer.new_height, layer.new_width]);
            let list = ImageList::read(&plan.locate(&layer.source), &layer.root_folder)?;
            let of = (&layer.transform, layer.is_color, size, layer.shuffle, layer.rand_skip);
            (listed(Records::of_images(list), of)?, batch(layer.batch_size)?)
        }
        Layer::ImageSegData(layer) => {
            let own = transform(&plan.bases, &layer.transform, None, train)?;
            let colour = if layer.is_color { Colour::Colour } else { Colour::Grey };
            let options = TransformOptions { colour, resize: layer.resize, ..own };
            let labels = (layer.label_type, layer.ignore_label);
            let path = plan.locate(&layer.source);
            let list = ImagePairs::read_as(&path, &layer.root_folder, labels, layer.resize, 1)?;
            let cut = Cut { size: layer.crop, beyond: layer.ignore_label };
            let turns = (order(layer.shuffle), layer.rand_skip);
            let about = |e| Error::refused(format!("layer `{}`: {e}", node.name.value));
            let source = Source::of_segmented(list, options, cut, turns, seed).map_err(about)?;
            (source, batch(layer.batch_size)?)
        }
        Layer::Hdf5Data(layer) => {
            let names: Vec<&str> = node.tops.iter().map(|top| top.value.as_str()).collect();
            let shuffle = layer.shuffle.then_some(seed);
            let source = Source::of_hdf5(&plan.locate(&layer.source), &names, shuffle)?;
            (source, batch(layer.batch_size)?)
        }
        Layer::WindowData(layer) => {
            let options = transform(&plan.bases, &layer.transform, None, train)?;
            let options = WindowOptions {
                root: layer.root_folder.clone(),
                fg_threshold: layer.fg_threshold as f32,
                bg_threshold: layer.bg_threshold as f32,
                fg_fraction: layer.fg_fraction as f32,
                context_pad: layer.context_pad,
                square: layer.crop_mode == CropMode::Square,
                side: layer.transform.crop_size,
                cache: layer.cache_images,
                mirror: options.mirror,
                mean: options.mean,
                scale: options.scale,
            };
            let source = Source::of_windows(&plan.locate(&layer.source), options, seed)?;
            (source, batch(layer.batch_size)?)
        }
        _ => return Ok(None),
    }))
}

/// Serves a MemoryData layer with the tensors of a file that have the names of its tops.
pub(super) fn serve_memory(
    plan: &Plan,
    node: &Node,
    layer: &MemoryData,
    tensors: &Path,
    seed: u64,
    train: bool,
) -> Result<(Source, usize)> {
    let tops: Vec<&str> = node.tops.iter().map(|top| top.value.as_str()).collect();
    let shape = [layer.channels, layer.height, layer.width];
    let images = tops.first().copied().unwrap_or_default();
    let records = Records::of_tensors(tensors, images, tops.get(1).copied(), shape)?;
    let options = transform(&plan.bases, &layer.transform, None, train)?;
    let source = Source::of_records(records, options, seed, Order::Sequential)?;
    Ok((source, batch_size(plan, node, layer.batch_size)?))
}

/// How many records of a layer make a batch: as the run file says, or else the layer.
///
/// # Errors
/// Nobody says it.
pub(super) fn batch_size(plan: &Plan, node: &Node, own: usize) -> Result<usize> {
    match plan.batch_size.unwrap_or(own) {
        0 => Err(Error::refused(format!(
            "layer `{}` has no `batch_size`, or 0: nobody says how many records make a batch",
            node.name.value
        ))),
        batch => Ok(batch),
    }
}

/// A MemoryData layer that nobody hands anything.
pub(super) fn nothing_in_memory(node: &Node) -> Error {
    let tops: Vec<String> = node.tops.iter().map(|top| format!("`{}`", top.value)).collect();
    Error::refused(format!(
        "layer `{}` takes what a program hands over: give it with --tensors FILE, a safetensors file of {}",
        node.name.value,
        tops.join(" and ")
    ))
}

/// The order in which records are served.
pub(super) fn order(shuffle: bool) -> Order {
    if shuffle { Order::Shuffled } else { Order::Sequential }
}
