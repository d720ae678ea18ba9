//! Torch definitions in folders of files, read as the command line reads them.

use cortado::diag::render::render;
use cortado::pipeline::{self, Checked, Options};
use cortado::ty::Shape;
use tempfile::TempDir;

/// A folder with these files.
pub fn project(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

pub fn read(
    folder: &TempDir,
    name: &str,
    shapes: &[(&str, &[usize])],
    params: &[(&str, &str)],
) -> Checked {
    let shapes = shapes.iter().map(|&(name, dims)| (name.to_owned(), Shape(dims.to_vec())));
    let mut options = Options { shapes: shapes.collect(), ..Options::default() };
    let params = params.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    options.request.params = params.collect();
    pipeline::check_file(&folder.path().join(name), &options).expect("the file is there")
}

pub fn complaints(checked: &Checked) -> String {
    render(&checked.diagnostics, &checked.sources, false)
}

/// The learned parameters of a definition without complaints.
pub fn parameters(
    folder: &TempDir,
    name: &str,
    shapes: &[(&str, &[usize])],
    params: &[(&str, &str)],
) -> usize {
    let checked = read(folder, name, shapes, params);
    assert!(!checked.diagnostics.has_errors(), "{}", complaints(&checked));
    checked.stages.last().expect("a stage").parameter_count()
}
