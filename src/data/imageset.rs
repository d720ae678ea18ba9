//! Turns listed image files into an LMDB of Datums, as Caffe's convert_imageset does.

use std::path::{Path, PathBuf};

use prost::Message;
use rayon::prelude::*;

use super::bilinear::resize;
use super::grey;
use super::image_list::{ImageList, Listed};
use super::images::Image;
use super::lmdb::LmdbWriter;
use super::proto::Datum;
use super::transform::times;
use crate::random::{Philox, STREAM_SHUFFLE};
use crate::{Error, Result};

/// Images that are read at a time.
const CHUNK: usize = 256;

/// What becomes of listed images.
#[derive(Clone, Debug, Default)]
pub struct ImageSetOptions {
    /// Put before every path of the list.
    pub root: String,
    /// The text file of lines `path label`.
    pub list: PathBuf,
    /// The database to make.
    pub database: PathBuf,
    /// One channel instead of three.
    pub grey: bool,
    /// The seed of a random order, instead of the order of the list.
    pub shuffle: Option<u64>,
    /// Rows and columns that images are resized to.
    pub resize: Option<[usize; 2]>,
    /// Whether images of different sizes are an error.
    pub check_size: bool,
    /// Whether Datums hold image files instead of pixels.
    pub encoded: bool,
    /// The kind of those files, `png`, `jpg` or `bmp`; without it that of the listed file.
    pub encode_type: Option<String>,
}

/// What became of listed images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageSet {
    /// Records of the database.
    pub count: usize,
    /// What is wrong with the images that could not be read, which have no record.
    pub unread: Vec<String>,
}

/// Makes the database. Keys are the image's number in the list, from 0, of eight digits, `_`, and its path there; `step` is
/// told how many images are done, and of how many. Images that cannot be read are passed over, as by Caffe's tool.
///
/// # Errors
/// A line of the list that is wrong, no image that can be read or, if sizes are checked, one that has another size than the
/// first one; the database is then not made.
pub fn convert_imageset(
    options: &ImageSetOptions,
    step: &mut dyn FnMut(usize, usize),
) -> Result<ImageSet> {
    let mut list = ImageList::read(&options.list, &options.root)?;
    if let Some(seed) = options.shuffle {
        Philox::new(seed, STREAM_SHUFFLE).sequence(0).shuffle(list.images_mut());
    }
    let total = list.images().len();
    let mut writer = LmdbWriter::create(&options.database)?;
    let mut first: Option<[usize; 3]> = None;
    let mut set = ImageSet::default();
    for (at, chunk) in list.images().chunks(CHUNK).enumerate() {
        let work = chunk.par_iter().map(|image| datum(options, &list, image));
        let datums: Vec<Result<(Datum, [usize; 3])>> = work.collect();
        for (i, (image, datum)) in chunk.iter().zip(datums).enumerate() {
            let (datum, shape) = match datum {
                Ok(datum) => datum,
                Err(why) => {
                    set.unread.push(why.to_string());
                    continue;
                }
            };
            let expected = *first.get_or_insert(shape);
            if options.check_size && shape != expected {
                let (own, first) = (times(&shape), times(&expected));
                let message = format!("{} is {own}, the first image {first}", image.name);
                return Err(list.error(image.line, &message));
            }
            let key = format!("{:08}_{}", at * CHUNK + i, image.name);
            let put = writer.put(key.as_bytes(), &datum.encode_to_vec());
            put.map_err(|e| list.error(image.line, &e.to_string()))?;
            set.count += 1;
        }
        step(at * CHUNK + chunk.len(), total);
    }
    if set.count == 0 {
        return Err(Error::refused(set.unread.swap_remove(0)));
    }
    writer.finish()?;
    Ok(set)
}

/// The record of an image, and channels, rows, columns of its pixels.
fn datum(
    options: &ImageSetOptions,
    list: &ImageList,
    listed: &Listed,
) -> Result<(Datum, [usize; 3])> {
    let wrong =
        |message: String| list.error(listed.line, &format!("{} {message}", listed.file.display()));
    let bytes = list.load(listed)?;
    let image = match options.grey {
        true => grey::decode(&bytes),
        false => Image::decode_opaque(&bytes).map(Image::to_colour),
    };
    let image = image.map_err(wrong)?;
    let image = match options.resize {
        None => image,
        Some(target) => resize(&image, target)
            .ok_or_else(|| wrong(format!("cannot be resized to {}", times(&target))))?,
    };
    let shape = image.shape();
    let label = Some(listed.label);
    if options.encoded {
        let own = Path::new(&listed.name).extension().and_then(|e| e.to_str());
        let own = own.unwrap_or_default().to_ascii_lowercase();
        let kind = options.encode_type.as_deref().unwrap_or(&own);
        let same_kind = kind == own || [kind, &own].iter().all(|k| matches!(*k, "jpg" | "jpeg"));
        // A file of the kind that is asked for goes in as it is unless a size is asked for; so does a colour one that is
        // to be grey.
        let data = match same_kind && options.resize.is_none() {
            true => bytes,
            false => image.encode(kind).map_err(wrong)?,
        };
        let datum = Datum { data, label, encoded: Some(true), ..Datum::default() };
        return Ok((datum, shape));
    }
    let [channels, height, width] = shape.map(|n| i32::try_from(n).ok());
    let data = image.into_pixels();
    let datum =
        Datum { channels, height, width, data, label, encoded: Some(false), ..Datum::default() };
    Ok((datum, shape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::datum::{Colour, Record, Values};
    use crate::data::lmdb::LmdbReader;

    fn records(path: &Path) -> Vec<(String, Record)> {
        let mut reader = LmdbReader::open(path).unwrap();
        let mut all = vec![];
        while let Some((key, value)) = reader.advance().unwrap() {
            let mut record = Record::default();
            record.read(value).unwrap();
            all.push((String::from_utf8(key.to_vec()).unwrap(), record));
        }
        all
    }

    fn images(folder: &Path) -> ImageSetOptions {
        let colour = Image::new(3, 1, 2, vec![10, 20, 30, 40, 50, 60]).unwrap();
        colour.save_png(&folder.join("a.png")).unwrap();
        Image::new(1, 2, 2, vec![1, 2, 3, 4]).unwrap().save_png(&folder.join("b.png")).unwrap();
        let list = folder.join("list.txt");
        std::fs::write(&list, "a.png 7\nb.png -2\n").unwrap();
        let root = format!("{}/", folder.display());
        ImageSetOptions { root, list, database: folder.join("db"), ..ImageSetOptions::default() }
    }

    #[test]
    fn pixels() {
        let folder = tempfile::tempdir().unwrap();
        let options = images(folder.path());
        assert_eq!(convert_imageset(&options, &mut |_, _| {}).unwrap().count, 2);
        let made = records(&options.database);
        assert_eq!([made[0].0.as_str(), &made[1].0], ["00000000_a.png", "00000001_b.png"]);
        assert_eq!((made[0].1.shape(), made[0].1.label()), ([3, 1, 2], 7));
        assert_eq!(made[0].1.values(), Values::Bytes(&[10, 20, 30, 40, 50, 60]));
        assert_eq!((made[1].1.shape(), made[1].1.label()), ([3, 2, 2], -2));
        let grey = ImageSetOptions {
            database: folder.path().join("grey"),
            grey: true,
            resize: Some([1, 1]),
            check_size: true,
            ..options.clone()
        };
        convert_imageset(&grey, &mut |_, _| {}).unwrap();
        assert_eq!(records(&grey.database)[1].1.values(), Values::Bytes(&[3]));
        let shuffled =
            ImageSetOptions { database: folder.path().join("s"), shuffle: Some(0), ..options };
        assert_eq!(convert_imageset(&shuffled, &mut |_, _| {}).unwrap().count, 2);
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().unwrap();
        let options = ImageSetOptions { encoded: true, ..images(folder.path()) };
        convert_imageset(&options, &mut |_, _| {}).unwrap();
        let jpg = ImageSetOptions {
            database: folder.path().join("jpg"),
            encode_type: Some("jpg".into()),
            resize: Some([8, 8]),
            ..options.clone()
        };
        convert_imageset(&jpg, &mut |_, _| {}).unwrap();
        let grey =
            ImageSetOptions { database: folder.path().join("grey"), grey: true, ..options.clone() };
        convert_imageset(&grey, &mut |_, _| {}).unwrap();
        let made = [(&options, [3, 1, 2]), (&jpg, [3, 8, 8]), (&grey, [3, 1, 2])];
        for (path, shape) in made.map(|(options, shape)| (&options.database, shape)) {
            let (_, mut record) = records(path).swap_remove(0);
            assert!(record.is_encoded());
            record.decode(Colour::AsStored).unwrap();
            assert_eq!((record.shape(), record.label()), (shape, 7));
        }
    }

    #[test]
    fn what_does_not_fit() {
        let folder = tempfile::tempdir().unwrap();
        let options = images(folder.path());
        let check = |options: &ImageSetOptions, expected: &str| {
            let error = convert_imageset(options, &mut |_, _| {}).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!options.database.exists());
        };
        let sized = ImageSetOptions { check_size: true, ..options.clone() };
        check(&sized, "list.txt: line 2: b.png is 3x2x2, the first image 3x1x2");
        let typed =
            ImageSetOptions { encoded: true, encode_type: Some("tiff".into()), ..options.clone() };
        check(&typed, "`tiff` is no kind of image");
        std::fs::write(&options.list, "list.txt 1\nc.png 2\n").unwrap();
        check(&options, "list.txt: line 1: ");
    }

    #[test]
    fn images_that_cannot_be_read_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let options = images(folder.path());
        std::fs::write(&options.list, "list.txt 1\na.png 2\nc.png 3\nb.png 4\n").unwrap();
        let set = convert_imageset(&options, &mut |_, _| {}).unwrap();
        let made: Vec<String> =
            records(&options.database).into_iter().map(|(name, _)| name).collect();
        assert_eq!((set.count, made), (2, vec!["00000001_a.png".into(), "00000003_b.png".into()]));
        assert!(set.unread[0].contains("line 1: ") && set.unread[1].contains("c.png"), "{set:?}");
    }
}
