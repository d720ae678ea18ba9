//! What a net sees of an image: what is done to it on the way, the numbers that arrive, and these as a picture. Wrong
//! preprocessing is a mistake that nothing complains about.

use super::images::{Intake, Rules};
use super::statistics::Figures;
use crate::data::images::{Image, swap_red_and_blue};
use crate::data::pairs::Layout;
use crate::data::transform::Mean;
use crate::error::{Error, Result};
use crate::ty::Shape;

/// Types of layers that shift or scale what they read, so that it need not be done before.
const SCALING: [&str; 6] = ["Power", "Scale", "Bias", "BatchNorm", "MVN", "BN"];

/// An image as a net takes it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Channels, rows, columns.
    pub shape: [usize; 3],
    /// What was done, one sentence each, in order.
    pub steps: Vec<String>,
    /// The numbers of each channel.
    pub channels: Vec<Channel>,
    /// The numbers as colours, the smallest black and the largest full; two images of a pair side by side.
    pub picture: Image,
    /// What is odd, one sentence each.
    pub warnings: Vec<String>,
}

/// The numbers of one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// `blue`, `grey of the second image`.
    pub name: String,
    /// The smallest number.
    pub min: f32,
    /// The largest number.
    pub max: f32,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, by their number.
    pub deviation: f64,
}

impl Seen {
    /// Prepares one image, or two for a net of pairs. `readers` are the layers that read them, by name and type.
    pub(super) fn new(
        intake: &Intake,
        readers: &[(String, String)],
        images: Vec<Image>,
    ) -> Result<Self> {
        let mut steps: Vec<String> = vec![];
        for image in &images {
            let part = if images.len() == 1 { halved(intake, image.shape()) } else { None };
            steps.push(read(image.shape()));
            steps.extend(part.map(|_| "its halves are the two images of a pair".to_owned()));
            steps.extend(fitted(intake, part.unwrap_or(image.shape())));
        }
        steps.extend(transformed(intake));
        let values = match <[Image; 2]>::try_from(images) {
            Ok(pair) => intake.prepare_pair(pair)?,
            Err(mut images) => {
                let one = images.pop().ok_or_else(|| Error::refused("there is no image"))?;
                intake.prepare(one)?
            }
        };
        let shape = intake.shape();
        let names = names(intake);
        let plane = (shape[1] * shape[2]).max(1);
        let channels: Vec<Channel> =
            values.chunks(plane).zip(names).map(|(plane, name)| Channel::of(name, plane)).collect();
        let picture = picture(intake, &values, &channels)?;
        let warnings = warnings(intake, readers, &channels);
        Ok(Seen { shape, steps, channels, picture, warnings })
    }
}

impl Channel {
    fn of(name: String, values: &[f32]) -> Self {
        let Figures { min, max, mean, deviation, .. } = Figures::of(values);
        Channel { name, min, max, mean, deviation }
    }
}

/// The shape of each half of a picture of a pair, if the net takes such pictures.
fn halved(intake: &Intake, [channels, height, width]: [usize; 3]) -> Option<[usize; 3]> {
    matches!(intake.record[0], 2 | 6).then_some([channels, height, width / 2])
}

fn read([channels, height, width]: [usize; 3]) -> String {
    let kind = if channels == 1 { "grey" } else { "colour" };
    format!("read: {kind}, {height} rows, {width} columns")
}

/// What is done to an image of a shape until it has that of a record.
fn fitted(intake: &Intake, [channels, height, width]: [usize; 3]) -> Vec<String> {
    let [of_record, rows, columns] = intake.record;
    let wanted = match Layout::of(of_record) {
        Some(Layout::Grey) => 1,
        Some(Layout::Colour) => 3,
        _ => of_record,
    };
    let mut steps = vec![];
    match (channels, wanted) {
        (1, 3) => steps.push("grey repeated in three channels".to_owned()),
        (3, 1) => steps.push("made grey: 0.299 red + 0.587 green + 0.114 blue".to_owned()),
        _ => {}
    }
    if [height, width] != [rows, columns] {
        let by = match intake.rules {
            Rules::Digits => "as DIGITS does it",
            Rules::OpenCv => "as OpenCV does it",
        };
        let stretch = (rows * width) as f64 / (columns * height).max(1) as f64;
        let shape = match stretch {
            s if s < 0.995 => format!("; {:.2} times as wide for its height as it was", 1.0 / s),
            s if 1.005 < s => format!("; {s:.2} times as high for its width as it was"),
            _ => String::new(),
        };
        steps.push(format!("resized to {rows} rows, {columns} columns, {by}{shape}"));
    }
    steps
}

/// What is done to a record.
fn transformed(intake: &Intake) -> Vec<String> {
    let options = intake.transform.options();
    let [_, rows, columns] = intake.record;
    let mut steps = vec![];
    if let Some(side) = options.crop {
        steps.push(format!("the middle {side} x {side} of {rows} x {columns} cut out"));
    }
    match &options.mean {
        Mean::None => steps.push("no mean subtracted".to_owned()),
        Mean::Image(mean) => {
            let shape = Shape(mean.shape.clone());
            steps.push(format!("a mean image of {shape} subtracted pixel by pixel"));
        }
        Mean::Values(means) => {
            let means: Vec<String> = means.iter().map(f32::to_string).collect();
            steps.push(format!("the mean {} subtracted, channel by channel", means.join(", ")));
        }
    }
    match options.scale {
        1.0 => steps.push("not scaled".to_owned()),
        scale => steps.push(format!("multiplied by {scale}")),
    }
    if intake.record[0] == 3 {
        let order = if intake.red_first { "red, green, blue" } else { "blue, green, red" };
        steps.push(format!("given as {order}"));
    }
    steps
}

/// What the channels are called.
fn names(intake: &Intake) -> Vec<String> {
    let colours = ["blue", "green", "red"].map(str::to_owned);
    match intake.record[0] {
        1 => vec!["grey".to_owned()],
        3 if intake.red_first => colours.into_iter().rev().collect(),
        3 => colours.into(),
        n => {
            let of_one = if n == 6 { colours.to_vec() } else { vec!["grey".to_owned()] };
            let of = |which: &str| {
                of_one.iter().map(|name| format!("{name} of the {which} image")).collect::<Vec<_>>()
            };
            [of("first"), of("second")].concat()
        }
    }
}

/// The numbers as bytes, in one scale for all channels.
fn picture(intake: &Intake, values: &[f32], channels: &[Channel]) -> Result<Image> {
    let [count, height, width] = intake.shape();
    let low = channels.iter().map(|c| c.min).fold(f32::INFINITY, f32::min);
    let high = channels.iter().map(|c| c.max).fold(f32::NEG_INFINITY, f32::max);
    let unit = if low < high { 255.0 / (high - low) } else { 0.0 };
    let mut pixels: Vec<u8> = values.iter().map(|x| ((x - low) * unit).round() as u8).collect();
    if count == 3 && intake.red_first {
        swap_red_and_blue(&mut pixels);
    }
    let image = match count {
        1 => Image::new(1, height, width, pixels),
        n => Layout::of(n).and_then(|layout| layout.picture(height, width, pixels)),
    };
    image.ok_or_else(|| Error::refused(format!("{count} channels cannot be drawn")))
}

/// What is often a mistake.
fn warnings(intake: &Intake, readers: &[(String, String)], channels: &[Channel]) -> Vec<String> {
    let options = intake.transform.options();
    let mut found = vec![];
    let means: &[f32] = match &options.mean {
        Mean::None => &[],
        Mean::Image(mean) => &mean.data,
        Mean::Values(means) => means,
    };
    let largest = means.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    let scaled_inside = readers.iter().find(|(_, kind)| SCALING.contains(&kind.as_str()));
    if means.is_empty() && options.scale == 1.0 && scaled_inside.is_none() {
        found.push(
            "pixels go in as 0 to 255, without mean and scale; most nets were trained with one of them: --mean, or \
             `transform_param` of the data layer"
                .to_owned(),
        );
    } else if 0.0 < largest && largest <= 1.0 {
        found.push(format!(
            "the mean is {largest} at most, and is subtracted from pixels of 0 to 255 before these are scaled; a mean of \
             pixels between 0 and 1 is written times 255"
        ));
    }
    let [smallest, biggest] = [
        channels.iter().map(|c| c.min).fold(f32::INFINITY, f32::min),
        channels.iter().map(|c| c.max).fold(f32::NEG_INFINITY, f32::max),
    ];
    if smallest.abs().max(biggest.abs()) < 1e-3 {
        found.push(format!("all numbers are between {smallest} and {biggest}, almost nothing"));
    } else if smallest == biggest {
        found.push(format!("all numbers are {smallest}"));
    }
    found
}
