//! Turns windows of images into batches of which a part shows objects and the rest background, as Caffe's WindowData.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::bilinear::resize_part;
use super::images::Image;
use super::source::{BLOCKS_PER_RECORD, Serve, Source, Top, Wanted};
use super::transform::{Mean, times};
use super::window_file::{Window, Windowed, read_windows};
use crate::random::{Philox, STREAM_TRANSFORM};
use crate::{Error, Result, file};

/// What is done with the windows of a file.
#[derive(Clone, Debug)]
pub struct WindowOptions {
    /// Put before every path.
    pub root: String,
    /// A window that overlaps an object at least so much shows it.
    pub fg_threshold: f32,
    /// A window that overlaps every object less is background.
    pub bg_threshold: f32,
    /// The part of a batch that shows objects, 0 to 1.
    pub fg_fraction: f32,
    /// Pixels of surroundings, of the result.
    pub context_pad: usize,
    /// Whether the tightest square around a window is taken, and not the window stretched to one.
    pub square: bool,
    /// Rows and columns of the result.
    pub side: usize,
    /// Keep the image files in memory.
    pub cache: bool,
    /// Whether every other window, at random, is mirrored left to right.
    pub mirror: bool,
    /// What is subtracted.
    pub mean: Mean,
    /// Factor, applied after the mean is subtracted.
    pub scale: f32,
}

struct Windows {
    path: PathBuf,
    images: Vec<Windowed>,
    /// The files of all images, if they are kept.
    kept: Vec<Vec<u8>>,
    foreground: Vec<Window>,
    background: Vec<Window>,
    options: WindowOptions,
    seed: u64,
}

impl Source {
    /// Serves windows as `data` and their classes as `label`: of a batch first the background, with class 0, then objects,
    /// both drawn at random. The position counts windows.
    ///
    /// # Errors
    /// The file has another form, or has no windows of a kind that is wanted.
    pub fn of_windows(path: &Path, options: WindowOptions, seed: u64) -> Result<Self> {
        let (images, windows) = read_windows(path, &options.root)?;
        let wrong = |message: String| Error::format(path, message);
        check_mean(&options).map_err(wrong)?;
        if options.side <= 2 * options.context_pad {
            let (pad, side) = (options.context_pad, options.side);
            let message = format!("context_pad {pad} leaves nothing of windows of {side} pixels");
            return Err(Error::refused(message));
        }
        let (foreground, rest): (Vec<Window>, Vec<Window>) =
            windows.iter().partition(|window| options.fg_threshold <= window.overlap);
        if let Some(window) = foreground.iter().find(|window| window.class < 1) {
            let line = images[window.image].line;
            let message = format!(
                "the image of line {line} has a window of overlap {} and class {}; objects have classes from 1 on",
                window.overlap, window.class
            );
            return Err(wrong(message));
        }
        let background = rest.into_iter().filter(|window| window.overlap < options.bg_threshold);
        let background: Vec<Window> = background.map(|w| Window { class: 0, ..w }).collect();
        if foreground.is_empty() && 0.0 < options.fg_fraction {
            return Err(wrong(format!(
                "has no window of overlap {} or more",
                options.fg_threshold
            )));
        }
        if background.is_empty() && options.fg_fraction < 1.0 {
            return Err(wrong(format!("has no window of overlap below {}", options.bg_threshold)));
        }
        let kept = match options.cache {
            true => images.iter().map(|image| load(path, image)).collect::<Result<_>>()?,
            false => vec![],
        };
        let side = options.side;
        let tops = vec![
            Top { name: "data".into(), shape: vec![3, side, side] },
            Top { name: "label".into(), shape: vec![] },
        ];
        let path = path.to_owned();
        let served = Windows { path, images, kept, foreground, background, options, seed };
        Ok(Source::serving(tops, Box::new(served)))
    }
}

fn check_mean(options: &WindowOptions) -> Result<(), String> {
    match &options.mean {
        Mean::None => Ok(()),
        Mean::Values(values) if matches!(values.len(), 1 | 3) => Ok(()),
        Mean::Values(values) => Err(format!("{} mean values; give 1 or 3", values.len())),
        Mean::Image(mean) => match mean_extents(&mean.shape) {
            Some([height, width]) if options.side <= height.min(width) => Ok(()),
            _ => {
                let shape = times(&mean.shape);
                let side = options.side;
                Err(format!("the mean image has the shape {shape}, the windows 3x{side}x{side}"))
            }
        },
    }
}

/// Rows and columns of a mean image of three channels.
fn mean_extents(shape: &[usize]) -> Option<[usize; 2]> {
    match *shape {
        [3, height, width] | [1, 3, height, width] => Some([height, width]),
        _ => None,
    }
}

fn load(list: &Path, image: &Windowed) -> Result<Vec<u8>> {
    file::read(&image.file).map_err(|e| Error::at_line(list, image.line, e))
}

/// How a window comes into its square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Placed {
    /// First row and column of the image.
    corner: [usize; 2],
    /// Rows and columns of the image.
    size: [usize; 2],
    /// Rows and columns it is resized to.
    target: [usize; 2],
    /// Row and column of the square where it begins; around it are zeros.
    offset: [usize; 2],
}

impl WindowOptions {
    /// The place of a window of an image of `rows` x `columns`; `None` if it lies outside.
    fn place(
        &self,
        corners: [i32; 4],
        [rows, columns]: [usize; 2],
        mirror: bool,
    ) -> Option<Placed> {
        let [x1, y1, x2, y2] = corners.map(|x| x as usize);
        if columns <= x2 || rows <= y2 {
            return None;
        }
        let side = self.side;
        if self.context_pad == 0 && !self.square {
            let size = [y2 - y1 + 1, x2 - x1 + 1];
            return Some(Placed { corner: [y1, x1], size, target: [side; 2], offset: [0; 2] });
        }
        let scale = side as f32 / (side - 2 * self.context_pad) as f32;
        let mut half = [(y2 - y1 + 1) as f32 / 2.0, (x2 - x1 + 1) as f32 / 2.0];
        let centre = [y1 as f32 + half[0], x1 as f32 + half[1]];
        if self.square {
            half = [half[0].max(half[1]); 2];
        }
        let mut placed = Placed { corner: [0; 2], size: [0; 2], target: [0; 2], offset: [0; 2] };
        for (axis, whole) in [rows, columns].into_iter().enumerate() {
            let first = (centre[axis] - half[axis] * scale).round() as i64;
            let last = (centre[axis] + half[axis] * scale).round() as i64;
            // What of the widened window lies outside the image on either side.
            let (before, after) = ((-first).max(0), (last - whole as i64 + 1).max(0));
            let (start, end) = (first + before, last - after);
            if end < start {
                return None;
            }
            let (clipped, unclipped) = ((end - start + 1) as f32, (last - first + 1) as f32);
            let factor = side as f32 / unclipped;
            let scaled = |n: f32| (n * factor).round() as usize;
            let flipped = axis == 1 && mirror;
            let offset = scaled(if flipped { after } else { before } as f32).min(side);
            placed.corner[axis] = start as usize;
            placed.size[axis] = (end - start + 1) as usize;
            placed.target[axis] = scaled(clipped).min(side - offset);
            placed.offset[axis] = offset;
        }
        Some(placed)
    }
}

impl Windows {
    /// Writes one window into `target`, of 3 x side x side.
    fn write(&self, window: &Window, mirror: bool, target: &mut [f32]) -> Result<()> {
        let listed = &self.images[window.image];
        let complain = |message: &str| {
            let file = listed.file.display();
            Error::at_line(&self.path, listed.line, format!("{file} {message}"))
        };
        let read;
        let bytes = match self.kept.get(window.image) {
            Some(bytes) => bytes,
            None => {
                read = load(&self.path, listed)?;
                &read
            }
        };
        let image = Image::decode_opaque(bytes).map_err(|message| complain(&message))?.to_colour();
        let [_, rows, columns] = image.shape();
        let placed =
            self.options.place(window.corners, [rows, columns], mirror).ok_or_else(|| {
                let [x1, y1, x2, y2] = window.corners;
                complain(&format!(
                    "is {rows}x{columns}, so the window {x1} {y1} {x2} {y2} is outside"
                ))
            })?;
        target.fill(0.0);
        if placed.target.contains(&0) {
            return Ok(());
        }
        let part = resize_part(&image, placed.corner, placed.size, placed.target);
        let part = part.ok_or_else(|| complain("has a window that is outside"))?;
        self.copy(&part, placed, mirror, target);
        Ok(())
    }

    fn copy(&self, part: &Image, placed: Placed, mirror: bool, target: &mut [f32]) {
        let WindowOptions { side, scale, mean, .. } = &self.options;
        let [_, rows, columns] = part.shape();
        for (i, line) in part.pixels().chunks_exact(columns).enumerate() {
            let (channel, row) = (i / rows, i % rows + placed.offset[0]);
            let start = (channel * side + row) * side + placed.offset[1];
            let to = &mut target[start..start + columns];
            match mirror {
                true => to.iter_mut().zip(line.iter().rev()).for_each(|(x, &p)| *x = p.into()),
                false => to.iter_mut().zip(line).for_each(|(x, &p)| *x = p.into()),
            }
            match mean {
                Mean::None => {}
                Mean::Values(values) => {
                    let mean = values[channel % values.len()];
                    to.iter_mut().for_each(|x| *x -= mean);
                }
                Mean::Image(mean) => {
                    let [height, width] = mean_extents(&mean.shape).unwrap_or([*side; 2]);
                    let margin = (width - side) / 2;
                    let row = (row + margin).min(height - 1);
                    let first = (channel * height + row) * width + placed.offset[1] + margin;
                    to.iter_mut().zip(&mean.data[first..]).for_each(|(x, mean)| *x -= mean);
                }
            }
            to.iter_mut().for_each(|x| *x *= scale);
        }
    }
}

impl Serve for Windows {
    fn len(&self) -> usize {
        self.foreground.len() + self.background.len()
    }

    fn held(&self) -> u64 {
        let images = self.images.iter();
        let named = images.map(|image| size_of_val(image) + image.file.as_os_str().len());
        let kept: usize = self.kept.iter().map(Vec::len).sum();
        (named.sum::<usize>() + kept + self.len() * size_of::<Window>()) as u64
    }

    fn fill(&mut self, wanted: Wanted) -> Result<()> {
        let Wanted { position, records, tops, buffers } = wanted;
        let objects = (records as f32 * self.options.fg_fraction) as usize;
        let random = Philox::new(self.seed, STREAM_TRANSFORM);
        let draw = |i: usize| {
            let served = position.wrapping_add(i as u64);
            let mut random = random.sequence(served.wrapping_mul(BLOCKS_PER_RECORD));
            let kind = if i < records - objects { &self.background } else { &self.foreground };
            let window = kind[random.below(kind.len() as u32) as usize];
            (window, self.options.mirror && random.below(2) == 1)
        };
        let drawn: Vec<(Window, bool)> = (0..records).map(draw).collect();
        let mut buffers = buffers.iter_mut();
        if let (Some(data), Some(top)) = (buffers.next(), tops.first()) {
            let work = drawn.par_iter().zip(data.par_chunks_exact_mut(top.len()));
            let fill = |((window, mirror), target): (&(Window, bool), &mut [f32])| {
                self.write(window, *mirror, target)
            };
            work.map(fill).collect::<Result<()>>()?;
        }
        if let Some(labels) = buffers.next() {
            for (label, (window, _)) in labels.iter_mut().zip(&drawn) {
                *label = window.class as f32;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "windows_tests.rs"]
mod tests;
