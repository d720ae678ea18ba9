//! From images as users have them to the numbers that a net takes, by the transformation of the net's own data layer.
//!
//! An image is brought to the size of a record and then transformed as records are in a test: the middle is cut out, the mean
//! is subtracted, the rest is scaled. Chance has no part in it, so nothing is mirrored.

use std::path::{Path, PathBuf};

use super::data::{DataSpec, locate, transform};
use crate::data::bilinear;
use crate::data::datum::{Colour, Record};
use crate::data::idx::read_idx_pair;
use crate::data::image_list::ImageList;
use crate::data::images::{Image, swap_red_and_blue};
use crate::data::pairs::Layout;
use crate::data::record_shape_as;
use crate::data::transform::{Mean, Transform, TransformOptions};
use crate::error::{Error, Result};
use crate::file;
use crate::ir::{Definition, NetState};
use crate::layers::Layer;
use crate::layers::data::Transform as Own;
use crate::random::Philox;
use crate::ty::Shape;
use crate::weights::{Blob, read_mean};

/// By whose rules image files are read and resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// What is transparent is laid on white, and small images are averages of large ones.
    Digits,
    /// As Caffe does by OpenCV: what is transparent has its colour, and pixels lie between their four nearest.
    OpenCv,
}

/// Makes images into what a net takes.
pub(super) struct Intake {
    pub(super) transform: Transform,
    /// Channels, rows and columns of an image before it is cropped.
    pub(super) record: [usize; 3],
    pub(super) rules: Rules,
    /// Whether the net takes images red first, not blue first.
    pub(super) red_first: bool,
}

/// What tells how a net takes images.
pub(super) struct Told<'a> {
    /// The definition, with all its stages.
    pub definition: &'a Definition,
    /// The state in which it is tested.
    pub tested: &'a NetState,
    /// Channels, rows and columns that an input of the net for inference declares.
    pub declared: Option<[usize; 3]>,
    /// Whether the definition has a stage of its own for inference, which no data layer of another stage scales for.
    pub staged: bool,
    /// The data of training.
    pub data: &'a DataSpec,
    /// The mean image that is named beside the definition.
    pub mean: Option<&'a Path>,
    /// Where relative paths of the definition are looked for.
    pub bases: &'a [PathBuf],
    /// Whose conventions images follow where the layer that reads them has none.
    pub rules: Rules,
    /// Whether the net takes images red first.
    pub red_first: bool,
    /// What the command line says of pixels.
    pub pixels: &'a Pixels,
}

/// What becomes of the pixels of images for a net that does not say it, as people tell Caffe's classify.py.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pixels {
    /// Factor, applied after the mean was subtracted.
    pub scale: Option<f32>,
    /// The mean of each channel, or one for all, in the order in which the net takes channels.
    pub mean: Vec<f32>,
    /// Whether the net takes colour red first.
    pub red_first: Option<bool>,
    /// Rows and columns that images are resized to before the middle is cut out.
    pub resize: Option<[usize; 2]>,
}

impl Pixels {
    /// The option that says the first of it.
    pub fn option(&self) -> Option<&'static str> {
        let said = [
            (self.scale.is_some(), "--scale"),
            (!self.mean.is_empty(), "--mean NUMBERS"),
            (self.red_first.is_some(), "--channels"),
            (self.resize.is_some(), "--resize"),
        ];
        said.iter().find(|(said, _)| *said).map(|(_, option)| *option)
    }

    /// The mean as it is subtracted from what is still blue first.
    fn mean(&self, mean: Mean) -> Mean {
        let red_first = self.red_first == Some(true);
        match mean {
            _ if !self.mean.is_empty() => {
                let mut values = self.mean.clone();
                if red_first {
                    values.reverse();
                }
                Mean::Values(values)
            }
            Mean::Image(mut mean) if red_first && three(&mean.shape).is_some_and(|s| s[0] == 3) => {
                let plane = mean.data.len() / 3;
                let (first, rest) = mean.data.split_at_mut(plane);
                first.swap_with_slice(&mut rest[plane..]);
                Mean::Image(mean)
            }
            mean => mean,
        }
    }
}

impl Intake {
    /// Settles size and transformation. The size is that of the data of training where the net's input is what they are
    /// fed to; else what the input declares, what the data layer says, or the mean's.
    ///
    /// A mean image of another size than the input declares is subtracted by its mean in each channel, as Caffe's example
    /// cpp_classification does with every mean image; one of this size is subtracted pixel by pixel, as in training.
    ///
    /// # Errors
    /// Nothing tells the size, a file cannot be read, or mean, crop and size do not fit each other.
    pub fn new(told: &Told) -> Result<Self> {
        let layers = |layer: &Layer| own(layer).is_some();
        let nodes = || told.definition.nodes.iter();
        let mut tested = nodes().filter(|node| node.exists(told.tested));
        let layer = tested.find(|node| layers(&node.layer));
        let layer = layer.or_else(|| nodes().find(|node| layers(&node.layer)));
        let served = layer.and_then(|node| own(&node.layer));
        let side = told.definition.crop.unwrap_or(0);
        let plain = Own { crop_size: side, ..Own::default() };
        let given = served.as_ref().map_or(&plain, |served| served.transform);
        let mut options = transform(told.bases, given, told.mean, false)?;
        options.mirror = false;
        if told.staged {
            options.scale = 1.0;
        }
        options.scale = told.pixels.scale.unwrap_or(options.scale);
        options.mean = told.pixels.mean(options.mean);
        let of_data = match told.staged && told.declared.is_some() {
            true => None,
            false => record_of(told.data, options.colour),
        };
        let record = match (of_data, told.declared) {
            (Some(record), _) => record,
            (None, Some(declared)) => {
                options.crop = None;
                let mut record = declared;
                if let Some(size) = told.pixels.resize {
                    options.crop = Some(side_of(declared)?);
                    record[1..].copy_from_slice(&size);
                }
                let mean = std::mem::take(&mut options.mean);
                options.mean = fitted(mean, record)?;
                record
            }
            (None, None) => {
                let stored = served.as_ref().and_then(|served| {
                    let place = served.source.map(|source| locate(source, told.bases));
                    let stored = || match served.listed {
                        Some((root, colour)) => first_listed(&place?, root, colour),
                        None => three(&record_shape_as(&place?, options.colour).ok()?.0),
                    };
                    served.record.or_else(stored)
                });
                stored.or_else(|| guess(&options)).ok_or_else(|| {
                    Error::refused(
                        "the shape of the images is not known; name the data in a run file",
                    )
                })?
            }
        };
        let record = match told.pixels.resize {
            Some([height, width]) => [record[0], height, width],
            None => record,
        };
        let rules = served.map_or(told.rules, |served| served.rules.unwrap_or(told.rules));
        let transform = Transform::new(options, record).map_err(|why| match told.mean {
            Some(mean) if why.contains("mean") => Error::format(mean, why),
            _ => Error::refused(format!("images cannot be prepared: {why}")),
        })?;
        let red_first = told.pixels.red_first.unwrap_or(told.red_first);
        Ok(Intake { transform, record, rules, red_first })
    }

    /// Channels, rows, columns of what the net takes.
    pub fn shape(&self) -> [usize; 3] {
        self.transform.output_shape()
    }

    /// An image file as the net takes it.
    ///
    /// # Errors
    /// It cannot be read, or has no pixels.
    pub fn load(&self, path: &Path) -> Result<Vec<f32>> {
        self.prepare(self.read(path)?)
    }

    /// An image file with its own size and channels.
    ///
    /// # Errors
    /// It cannot be read, or has no pixels.
    pub fn read(&self, path: &Path) -> Result<Image> {
        let bytes = file::read(path)?;
        let image = match self.rules {
            Rules::Digits => Image::decode(&bytes),
            Rules::OpenCv => Image::decode_opaque(&bytes),
        };
        image.map_err(|why| Error::format(path, why))
    }

    /// An image as the net takes it. For a net of pairs, of 2 or 6 channels, it shows two images side by side.
    ///
    /// # Errors
    /// It cannot be brought to that size or to these channels.
    pub fn prepare(&self, image: Image) -> Result<Vec<f32>> {
        let channels = self.record[0];
        match (channels, Layout::of(channels)) {
            (3, _) => self.transformed(self.resized(image.to_colour())?.into_pixels()),
            (1, _) => {
                let grey = match self.rules {
                    Rules::Digits => image.to_grey(),
                    Rules::OpenCv => image.to_grey_of_opencv(),
                };
                self.transformed(self.resized(grey)?.into_pixels())
            }
            (_, Some(_)) => match Layout::halves(&image) {
                Some(halves) => self.prepare_pair(halves),
                None => Err(Error::refused(format!(
                    "the net takes pairs of images ({channels} channels), and an image of an odd width does not show two \
                     side by side; --pairs takes the images in twos"
                ))),
            },
            (n, None) => {
                let why = format!("the net takes {n} channels, an image has 1 or 3");
                Err(Error::refused(why))
            }
        }
    }

    /// Two images as a net of pairs takes them.
    ///
    /// # Errors
    /// The net takes no pairs; an image cannot be brought to that size.
    pub fn prepare_pair(&self, images: [Image; 2]) -> Result<Vec<f32>> {
        let channels = self.record[0];
        let layout = Layout::of(channels).ok_or_else(|| {
            let why =
                format!("the net takes {channels} channel(s), pairs of images have 2, 3 or 6");
            Error::refused(why)
        })?;
        let [first, second] = images.map(|image| self.resized(layout.adapt(image)));
        self.transformed(layout.join(first?.pixels(), second?.pixels()))
    }

    /// An image of the size of a record.
    fn resized(&self, image: Image) -> Result<Image> {
        let [_, height, width] = self.record;
        let resized = match self.rules {
            Rules::Digits => image.resize(height, width),
            Rules::OpenCv => bilinear::resize(&image, [height, width]),
        };
        resized.ok_or_else(|| {
            Error::refused(format!("an image cannot be resized to {height}x{width}"))
        })
    }

    fn transformed(&self, pixels: Vec<u8>) -> Result<Vec<f32>> {
        let record = Record::of_bytes(self.record, pixels, 0);
        let record = record.ok_or_else(|| Error::refused("an image has too few pixels"))?;
        let mut values = vec![0.0; self.shape().iter().product()];
        let mut unused = Philox::new(0, 0).sequence(0);
        self.transform
            .apply(&record, &mut unused, &mut values)
            .map_err(|why| Error::refused(format!("an image {why}")))?;
        if self.red_first && self.record[0] == 3 {
            swap_red_and_blue(&mut values);
        }
        Ok(values)
    }
}

/// The side of the square that is cut out for an input.
fn side_of([_, height, width]: [usize; 3]) -> Result<usize> {
    match height == width {
        true => Ok(height),
        false => Err(Error::refused(format!(
            "--resize cuts out a square, and the net takes images of {height}x{width}"
        ))),
    }
}

/// What a layer that reads images says about them.
struct Served<'a> {
    transform: &'a Own,
    /// The size it gives them before they are cropped.
    record: Option<[usize; 3]>,
    /// A database of them, or a list of files.
    source: Option<&'a str>,
    /// Of a list, what is put before every path, and whether files are read as colour.
    listed: Option<(&'a str, bool)>,
    /// By whose rules it resizes files.
    rules: Option<Rules>,
}

fn own(layer: &Layer) -> Option<Served<'_>> {
    let sized = |colour: bool, size: [usize; 2]| {
        (0 < size[0]).then_some([if colour { 3 } else { 1 }, size[0], size[1]])
    };
    let rules = Some(Rules::OpenCv);
    let files = |transform, record| Served { transform, record, source: None, listed: None, rules };
    Some(match layer {
        Layer::Data(data) => Served {
            transform: &data.transform,
            record: None,
            source: Some(&data.source),
            listed: None,
            rules: None,
        },
        Layer::MemoryData(memory) => Served {
            transform: &memory.transform,
            record: Some([memory.channels, memory.height, memory.width]),
            source: None,
            listed: None,
            rules: None,
        },
        Layer::ImageData(list) => Served {
            transform: &list.transform,
            record: sized(list.is_color, [list.new_height, list.new_width]),
            source: Some(&list.source),
            listed: Some((&list.root_folder, list.is_color)),
            rules,
        },
        Layer::DenseImageData(list) => {
            files(&list.transform, sized(list.is_color, [list.new_height, list.new_width]))
        }
        Layer::ImageSegData(list) => {
            files(&list.transform, sized(list.is_color, list.resize.unwrap_or_default()))
        }
        Layer::AnnotatedData(boxes) => {
            let size = boxes.resize.unwrap_or_default();
            files(&boxes.transform, sized(!boxes.transform.force_gray, size))
        }
        _ => return None,
    })
}

/// The shape of a record of the data of training, if they can be read.
pub(super) fn record_of(data: &DataSpec, colour: Colour) -> Option<[usize; 3]> {
    match (&data.databases, &data.idx) {
        (Some((images, _)), _) => three(&record_shape_as(images, colour).ok()?.0),
        (None, Some((images, labels))) => {
            let (pictures, _) = read_idx_pair(images, labels).ok()?;
            Some([1, pictures.height, pictures.width])
        }
        (None, None) => None,
    }
}

/// The shape of the first image of a list, if it can be read.
fn first_listed(path: &Path, root: &str, colour: bool) -> Option<[usize; 3]> {
    let list = ImageList::read(path, root).ok()?;
    let bytes = list.load(list.images().first()?).ok()?;
    let [_, height, width] = Image::decode_opaque(&bytes).ok()?.shape();
    Some([if colour { 3 } else { 1 }, height, width])
}

/// The size of a mean image, or of the part that is cut out.
fn guess(options: &TransformOptions) -> Option<[usize; 3]> {
    let channels = match (&options.mean, options.colour) {
        (Mean::Image(mean), _) => return three(&mean.shape),
        (Mean::Values(means), _) if 1 < means.len() => means.len(),
        (_, Colour::Grey) => 1,
        _ => 3,
    };
    options.crop.map(|side| [channels, side, side])
}

/// A mean for images of a declared shape.
fn fitted(mean: Mean, shape: [usize; 3]) -> Result<Mean> {
    match mean {
        Mean::Image(mean) if !mean.fits(&shape) => {
            let means = channel_means(&mean);
            if means.len() != shape[0] {
                let (mean, shape) = (Shape(mean.shape), Shape(shape.to_vec()));
                let why = format!("the mean image is {mean}, the net takes images of {shape}");
                return Err(Error::refused(why));
            }
            Ok(Mean::Values(means))
        }
        other => Ok(other),
    }
}

/// The mean of each channel of a mean image.
fn channel_means(mean: &Blob) -> Vec<f32> {
    let [channels, height, width] = three(&mean.shape).unwrap_or_default();
    let plane = (height * width).max(1);
    let means = mean.data.chunks(plane).take(channels);
    means
        .map(|part| (part.iter().map(|&x| f64::from(x)).sum::<f64>() / plane as f64) as f32)
        .collect()
}

/// The last three axes.
fn three(dims: &[usize]) -> Option<[usize; 3]> {
    dims.get(dims.len().checked_sub(3)?..)?.try_into().ok()
}

/// The shape of a mean image, channels x rows x columns.
///
/// # Errors
/// The file cannot be read, or holds no image.
pub(super) fn mean_shape(path: &Path) -> Result<[usize; 3]> {
    let mean = read_mean(path)?;
    three(&mean.shape).ok_or_else(|| Error::format(path, "holds no mean image"))
}
