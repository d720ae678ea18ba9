//! Which size of images a net is probably made for: what is offered where no data tell it.

use crate::diag::{self, Diagnostics};
use crate::ir::{Definition, NetState};
use crate::passes::infer_types::infer_types;
use crate::passes::select_stage::select_stage;
use crate::spec::{Category, Dialect, Environment, Value};
use crate::ty::Shape;

/// Extents that published nets have, those of small nets first.
const SMALL: [usize; 12] = [28, 32, 48, 64, 96, 112, 128, 224, 227, 256, 300, 512];

/// The same, those of large nets first.
const LARGE: [usize; 12] = [224, 227, 256, 299, 300, 321, 512, 128, 96, 64, 32, 28];

/// So many convolutions make a net a large one.
const MANY: usize = 5;

/// What is offered for an image before the net is looked at.
const PLACEHOLDER: &str = ",28,28";

/// Fields of data layers, also those of forks, that give the extent of images.
const EXTENTS: [&str; 3] = ["crop_size", "crop_size_x", "new_height"];

/// Data sets by a word in the names of their files, with the channels and the extent of their images.
const KNOWN: [(&str, usize, usize); 2] = [("mnist", 1, 28), ("cifar", 3, 32)];

/// Where the shape of images is asked for, offers one with which every layer fits.
pub(super) fn offer(
    definition: &Definition,
    states: &[NetState],
    env: &Environment,
    diagnostics: &mut Diagnostics,
) {
    if definition.dialect != Dialect::Caffe {
        return;
    }
    let asking = || diagnostics.iter().filter(|d| *d.code == diag::W0605);
    let Some(said) = asking().next().cloned() else { return };
    let texts = asking().filter_map(|d| d.help.as_ref()).map(|help| help.text.as_str());
    let asked: Vec<(String, Vec<usize>)> = texts.flat_map(images).collect();
    if asked.is_empty() {
        return;
    }
    let errors = |channels: Option<usize>, extent: Option<usize>| {
        let mut env = env.clone();
        for (name, dims) in asked.iter().filter(|_| extent.is_some()) {
            let channels = channels.unwrap_or(dims[1]);
            let side = extent.unwrap_or(1);
            env.shapes.insert(name.clone(), Shape::from([dims[0], channels, side, side]));
        }
        // Layers that could not be read count on something having been said.
        let mut found = Diagnostics::default();
        found.report(said.clone());
        for state in states {
            let net = select_stage(definition, state, &mut found);
            infer_types(&net, &env, &mut found);
        }
        found.iter().filter(|d| d.severity() == diag::Severity::Error).count()
    };
    let before = errors(None, None);
    let known = known(definition);
    let convolutions =
        definition.nodes.iter().filter(|n| n.layer.spec().category == Category::Convolution);
    let sizes = if convolutions.count() <= MANY { SMALL } else { LARGE };
    let candidates = known.into_iter().map(|(channels, extent)| (Some(channels), extent));
    let written = written(definition).into_iter().chain(sizes);
    let candidates = candidates.chain(written.map(|extent| (None, extent)));
    let mut fits =
        candidates.filter(|&(channels, extent)| errors(channels, Some(extent)) <= before);
    let found = fits.next();
    let (channels, extent) = match found {
        Some((channels, extent)) => (channels, format!(",{extent},{extent}")),
        None => (None, String::new()),
    };
    for complaint in diagnostics.iter_mut().filter(|d| *d.code == diag::W0605) {
        let Some(help) = &mut complaint.help else { continue };
        for (name, dims) in images(&help.text).collect::<Vec<_>>() {
            let old = format!("{name}={},{}{PLACEHOLDER}", dims[0], dims[1]);
            let new = match found {
                Some(_) => format!("{},{}{extent}", dims[0], channels.unwrap_or(dims[1])),
                None => format!("{},C,H,W", dims[0]),
            };
            help.text = help.text.replace(&old, &format!("{name}={new}"));
        }
    }
}

/// The images that a text offers without knowing them, with batch and channels.
fn images(text: &str) -> impl Iterator<Item = (String, Vec<usize>)> + '_ {
    text.split("--shape ").skip(1).filter_map(|part| {
        let (name, dims) = part.split_whitespace().next()?.split_once('=')?;
        let dims = dims.strip_suffix(PLACEHOLDER)?.split(',').map(str::parse);
        let dims: Vec<usize> = dims.collect::<Result<_, _>>().ok()?;
        (dims.len() == 2).then(|| (name.to_owned(), dims))
    })
}

/// Channels and extent of the images of a known data set that the definition names.
fn known(definition: &Definition) -> Option<(usize, usize)> {
    let named = |word: &str| {
        let has = |text: &str| text.to_ascii_lowercase().contains(word);
        let mut data = definition.nodes.iter().filter(|n| n.layer.is_input());
        has(&definition.name) || data.any(|node| texts(&node.args).any(has))
    };
    KNOWN.iter().find(|(word, ..)| named(word)).map(|&(_, channels, extent)| (channels, extent))
}

/// The size that a data layer cuts its images to or brings them to, if one says it.
fn written(definition: &Definition) -> Option<usize> {
    let data = definition.nodes.iter().filter(|n| n.layer.is_input());
    let mut messages =
        data.flat_map(|node| &node.args.fields).filter_map(|f| match &f.value.value {
            Value::Record(message) => Some(message),
            _ => None,
        });
    messages.find_map(|message| {
        message.fields.iter().find_map(|field| match &field.value.value {
            Value::Int(n) if EXTENTS.contains(&field.key.value.as_str()) && 0 < *n => {
                usize::try_from(*n).ok()
            }
            _ => None,
        })
    })
}

/// The texts in the messages of a layer.
fn texts(record: &crate::spec::Record) -> impl Iterator<Item = &str> {
    let messages = record.fields.iter().filter_map(|field| match &field.value.value {
        Value::Record(message) => Some(message),
        _ => None,
    });
    messages.flat_map(|message| &message.fields).filter_map(|field| match &field.value.value {
        Value::Str(text) => Some(text.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::images;
    use crate::pipeline::{Options, check};

    /// The shape that is offered for a net of images of an LMDB with this pooling behind a convolution.
    fn offered(source: &str, kernel: usize) -> String {
        let net = format!(
            r#"layer {{ name: "d" type: "Data" top: "data" top: "label" data_param {{ source: "{source}" batch_size: 4 }} }}
            layer {{ name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param {{ num_output: 2 kernel_size: 7 }} }}
            layer {{ name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param {{ kernel_size: {kernel} }} }}"#
        );
        let checked = check(Path::new("net.prototxt"), net, &Options::default());
        let help = checked.diagnostics.iter().find_map(|d| d.help.clone());
        help.map(|help| help.text).unwrap_or_default()
    }

    #[test]
    fn the_whole_net_fits_what_is_offered() {
        let ends = |source, kernel, shape| {
            let text = offered(source, kernel);
            assert!(text.ends_with(&format!("--shape data={shape}")), "{text}");
        };
        ends("nowhere", 2, "4,3,28,28");
        ends("nowhere", 26, "4,3,32,32");
        ends("nowhere", 200, "4,3,224,224");
        ends("mnist_train_lmdb", 2, "4,1,28,28");
        ends("cifar10_train_lmdb", 2, "4,3,32,32");
        ends("nowhere", 4000, "4,C,H,W");
    }

    #[test]
    fn images_are_found_among_other_blobs() {
        let text =
            "say them, such as: --shape data=64,3,28,28 --shape label=64 --shape mask=2,1,28,28";
        let found: Vec<_> = images(text).collect();
        assert_eq!(found, [("data".into(), vec![64, 3]), ("mask".into(), vec![2, 1])]);
    }
}
