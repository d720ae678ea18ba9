//! Turns HDF5 files into batches of rows, as Caffe's HDF5Data does: file after file, each wholly in memory while its turn is.

use std::path::{Path, PathBuf};

use super::source::{Serve, Source, Top, Wanted};
use super::transform::times;
use crate::random::{Philox, STREAM_SHUFFLE};
use crate::weights::Blob;
use crate::weights::hdf5::Hdf5File;
use crate::{Error, Result, file};

/// Rows of the data sets of several files.
struct Hdf5Rows {
    names: Vec<String>,
    parts: Vec<Part>,
    rows: usize,
    /// The seed, if every epoch has an order of its own.
    shuffle: Option<u64>,
    /// The order of the files in an epoch.
    order: Vec<u32>,
    ordered: Option<u64>,
    loaded: Option<Loaded>,
}

/// One file.
struct Part {
    path: PathBuf,
    rows: usize,
    /// Bytes of the file and of its rows, which are both in memory while it is read.
    bytes: u64,
}

/// The file whose turn it is.
struct Loaded {
    part: usize,
    epoch: u64,
    blobs: Vec<Blob>,
    /// The order of its rows.
    order: Vec<u32>,
}

/// The files that a text file lists, one a line; a relative path that does not exist is looked for beside the list.
fn listed(path: &Path) -> Result<Vec<(usize, PathBuf)>> {
    let text = file::read_text(path)?;
    let lines = text.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.is_empty());
    let files: Vec<_> =
        lines.map(|(line, number)| (number, file::beside(path, Path::new(line)))).collect();
    match files.is_empty() {
        true => Err(Error::format(path, "names no HDF5 files")),
        false => Ok(files),
    }
}

impl Source {
    /// Serves rows of the data sets `names` of the HDF5 files that `list` names; with a seed in `shuffle` the files and the
    /// rows of each have another order in every epoch. The position counts rows.
    ///
    /// # Errors
    /// A file is missing, damaged or without one of the data sets, data sets of a file differ in their rows, or those of two
    /// files in the shape of a row.
    pub fn of_hdf5(list: &Path, names: &[&str], shuffle: Option<u64>) -> Result<Self> {
        let (mut parts, mut tops) = (vec![], Vec::<Top>::new());
        for (line, path) in listed(list)? {
            let at = |e: Error| Error::at_line(list, line, e);
            let file = Hdf5File::open(&path).map_err(at)?;
            let mut rows = None;
            for (i, &name) in names.iter().enumerate() {
                let shape = file.shape(name).map_err(at)?;
                let Some((&n, row)) = shape.split_first() else {
                    return Err(at(Error::format(&path, format!("`{name}` is a single number"))));
                };
                if *rows.get_or_insert(n) != n || n == 0 {
                    let message = match n {
                        0 => format!("`{name}` has no rows"),
                        n => format!(
                            "`{name}` has {n} rows, but `{}` has {}",
                            names[0],
                            rows.unwrap_or(0)
                        ),
                    };
                    return Err(at(Error::format(&path, message)));
                }
                let top = Top { name: name.to_owned(), shape: row.to_vec() };
                match tops.get(i) {
                    None => tops.push(top),
                    Some(first) if *first == top => {}
                    Some(first) => {
                        let (row, first) = (times(&top.shape), times(&first.shape));
                        let message = format!(
                            "rows of `{name}` have the shape {row}, those of the first file {first}"
                        );
                        return Err(at(Error::format(&path, message)));
                    }
                }
            }
            let rows = rows.unwrap_or(0);
            let each: usize = tops.iter().map(Top::len).sum();
            let stored = std::fs::metadata(&path).map_or(0, |file| file.len());
            let bytes = stored.saturating_add((size_of::<f32>() * each * rows) as u64);
            parts.push(Part { path, rows, bytes });
        }
        let rows = parts.iter().map(|part| part.rows).sum();
        let order = (0..parts.len() as u32).collect();
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let served = Hdf5Rows { names, parts, rows, shuffle, order, ordered: None, loaded: None };
        Ok(Source::serving(tops, Box::new(served)))
    }
}

impl Hdf5Rows {
    /// The file and the row in it that is served after `served` others.
    fn find(&mut self, served: u64) -> Result<usize> {
        let (epoch, mut within) = (served / self.rows as u64, (served % self.rows as u64) as usize);
        if let Some(seed) = self.shuffle
            && self.ordered != Some(epoch)
        {
            self.order.sort_unstable();
            let random = Philox::new(seed, STREAM_SHUFFLE);
            random.sequence(epoch << 32).shuffle(&mut self.order);
            self.ordered = Some(epoch);
        }
        let mut turn = 0;
        while self.parts[self.order[turn] as usize].rows <= within {
            within -= self.parts[self.order[turn] as usize].rows;
            turn += 1;
        }
        let part = self.order[turn] as usize;
        let loaded = self.load(part, epoch)?;
        Ok(loaded.order[within] as usize)
    }

    fn load(&mut self, part: usize, epoch: u64) -> Result<&Loaded> {
        let ready = |l: &Loaded| l.part == part && (l.epoch == epoch || self.shuffle.is_none());
        if !self.loaded.as_ref().is_some_and(ready) {
            let Part { path, rows, .. } = &self.parts[part];
            // The rows of another file are given up before these are read.
            let here = self.loaded.take().filter(|loaded| loaded.part == part);
            let blobs = match here {
                Some(loaded) => loaded.blobs,
                None => self.read(path, *rows)?,
            };
            let mut order: Vec<u32> = (0..*rows as u32).collect();
            if let Some(seed) = self.shuffle {
                let random = Philox::new(seed, STREAM_SHUFFLE + 1 + part as u64);
                random.sequence(epoch << 32).shuffle(&mut order);
            }
            self.loaded = Some(Loaded { part, epoch, blobs, order });
        }
        self.loaded.as_ref().ok_or_else(|| Error::refused("there are no rows"))
    }

    fn read(&self, path: &Path, rows: usize) -> Result<Vec<Blob>> {
        let file = Hdf5File::open(path)?;
        let read = |name: &String| {
            let blob = file.blob(name)?;
            match blob.shape.first() == Some(&rows) {
                true => Ok(blob),
                false => Err(Error::format(path, format!("`{name}` has changed while it is read"))),
            }
        };
        self.names.iter().map(read).collect()
    }
}

impl Serve for Hdf5Rows {
    fn len(&self) -> usize {
        self.rows
    }

    fn held(&self) -> u64 {
        let held = |part: &Part| part.bytes + (size_of::<u32>() * part.rows) as u64;
        self.parts.iter().map(held).max().unwrap_or(0)
    }

    fn fill(&mut self, wanted: Wanted) -> Result<()> {
        let Wanted { position, records, tops, buffers } = wanted;
        for i in 0..records {
            let row = self.find(position.wrapping_add(i as u64))?;
            let Some(loaded) = &self.loaded else { continue };
            for ((top, blob), buffer) in tops.iter().zip(&loaded.blobs).zip(buffers.iter_mut()) {
                let n = top.len();
                let values = blob.data.get(row * n..(row + 1) * n);
                let values = values.ok_or_else(|| {
                    let path = &self.parts[loaded.part].path;
                    Error::format(path, format!("`{}` has changed while it is read", top.name))
                })?;
                buffer[i * n..(i + 1) * n].copy_from_slice(values);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::hdf5::Hdf5Tree;
    use crate::weights::read_safetensors;

    fn golden(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/caffe/io").join(name)
    }

    fn batch(source: &mut Source, n: usize) -> Vec<Vec<f32>> {
        let mut tops: Vec<_> = source.tops().iter().map(|t| vec![0.0; n * t.len()]).collect();
        source.next_batch(n, &mut tops).unwrap();
        tops
    }

    #[test]
    fn batches_of_caffe() {
        let expected = read_safetensors(&golden("hdf5data.safetensors")).unwrap();
        let names = ["data", "label"];
        let mut source = Source::of_hdf5(&golden("h5_list.txt"), &names, None).unwrap();
        let batches = expected.keys().filter(|name| name.starts_with("data.")).count();
        assert!(1 < batches);
        for k in 0..batches {
            let tops = batch(&mut source, 6);
            assert_eq!(tops[0], expected[&format!("data.{k}")].data, "batch {k}");
            assert_eq!(tops[1], expected[&format!("label.{k}")].data, "batch {k}");
        }
    }

    fn write(path: &Path, data: &[f32], row: usize) {
        let mut tree = Hdf5Tree::default();
        let rows = data.len() / row;
        tree.floats("data", Blob::new(vec![rows, row], data.to_vec()).unwrap());
        tree.floats(
            "label",
            Blob::new(vec![rows], data.iter().step_by(row).copied().collect()).unwrap(),
        );
        tree.write(path).unwrap();
    }

    #[test]
    fn shuffled_rows_come_once_an_epoch_and_go_on_after_a_seek() {
        let folder = tempfile::tempdir().unwrap();
        let values = |range: std::ops::Range<u8>| range.map(f32::from).collect::<Vec<_>>();
        write(&folder.path().join("a.h5"), &values(0..10), 1);
        write(&folder.path().join("b.h5"), &values(10..17), 1);
        let list = folder.path().join("list");
        std::fs::write(&list, "a.h5\nb.h5\n").unwrap();
        let open = || Source::of_hdf5(&list, &["data", "label"], Some(3)).unwrap();
        let mut source = open();
        assert_eq!(source.len(), 17);
        let mut epochs = vec![];
        for _ in 0..4 {
            let tops = batch(&mut source, 17);
            assert_eq!(tops[0], tops[1]);
            let mut sorted = tops[0].clone();
            sorted.sort_by(f32::total_cmp);
            assert_eq!(sorted, values(0..17));
            epochs.extend(tops[0].clone());
        }
        assert_ne!(epochs[..17], epochs[17..34]);
        let mut later = open();
        later.seek(20);
        assert_eq!(batch(&mut later, 40)[0], epochs[20..60]);
    }

    #[test]
    fn what_does_not_fit() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list");
        let check = |text: &str, expected: &str| {
            std::fs::write(&list, text).unwrap();
            let error = Source::of_hdf5(&list, &["data", "label"], None).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        };
        write(&folder.path().join("a.h5"), &[1.0, 2.0, 3.0, 4.0], 2);
        write(&folder.path().join("b.h5"), &[1.0, 2.0, 3.0], 3);
        let mut tree = Hdf5Tree::default();
        tree.floats("data", Blob::new(vec![2, 2], vec![0.0; 4]).unwrap());
        tree.floats("label", Blob::new(vec![3], vec![0.0; 3]).unwrap());
        tree.write(&folder.path().join("c.h5")).unwrap();
        std::fs::write(folder.path().join("d.h5"), "text").unwrap();
        check("\n", "list: names no HDF5 files");
        check("a.h5\n\nz.h5", "list: line 3: cannot read z.h5");
        check("a.h5\nb.h5", "line 2: ");
        check("a.h5\nb.h5", "b.h5: rows of `data` have the shape 3, those of the first file 2");
        check("c.h5", "c.h5: `label` has 3 rows, but `data` has 2");
        check("d.h5", "d.h5: is not an HDF5 file");
    }
}
