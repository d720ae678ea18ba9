//! Nothing that a TensorFlow definition says is ignored in silence: every parameter of the functions that are written in the
//! language itself is read, or is among those that change no number.

use std::path::{Path, PathBuf};

/// Parameters that change no number of a net, wherever they stand: names, collections that show something, checks, places,
/// types of elements that are all of one precision, and how TensorFlow goes about it.
const HARMLESS: &[&str] = &[
    "name",
    "scope",
    "seed",
    "dtype",
    "output_type",
    "out_type",
    "tensor_dtype",
    "metrics_collections",
    "updates_collections",
    "partitioner",
    "use_resource",
    "use_locking",
    "use_cudnn_on_gpu",
    "parallel_iterations",
    "swap_memory",
    "infer_shape",
    "shape_invariants",
    "validate_indices",
    "exclusive",
    "device",
    "a_is_sparse",
    "b_is_sparse",
    "num_unit_shards",
    "num_proj_shards",
    "min_rank",
];

/// Parameters that change no number where they stand: the file, the function, the parameter, and why.
const HERE: &[(&str, &str, &str, &str)] = &[
    ("arrays.py", "top_k", "sorted", "unsorted results are in no promised order"),
    ("arrays.py", "einsum", "kwargs", "names and ways of computing"),
    ("arrays.py", "argsort", "stable", "any order of equals will do where it is not stable"),
    ("arrays.py", "matrix_transpose", "conjugate", "numbers are real"),
    ("colours.py", "convert_image_dtype", "saturate", "images are of floating point"),
    ("composed.py", "group_norm", "mean_close_to_zero", "another way to the same variance"),
    ("composed.py", "accumulate_n", "shape", "it is that of the inputs"),
    ("composed.py", "embed_sequence", "unique", "another way to the same rows"),
    ("composed.py", "summarize", "", "only shows"),
    ("control.py", "__init__", "clear_after_read", "a check"),
    ("control.py", "__init__", "tensor_array_name", "a name"),
    ("control.py", "__init__", "handle", "of another array, which nets do not make"),
    ("control.py", "__init__", "flow", "of another array, which nets do not make"),
    ("control.py", "__init__", "element_shape", "a check"),
    ("control.py", "__init__", "colocate_with_first_write_call", "a place"),
    ("control.py", "group", "kwargs", "names"),
    ("control.py", "nothing", "", "what does nothing in a net"),
    ("control.py", "__exit__", "what", "an error, which goes on"),
    ("estimator.py", "__init__", "", "what trains is DIGITS"),
    ("flags.py", "", "", "flags have their defaults"),
    ("image.py", "_centred", "align_corners", "the callers refuse it"),
    ("matrices.py", "__init__", "is_non_singular", "a promise"),
    ("matrices.py", "__init__", "is_self_adjoint", "a promise"),
    ("matrices.py", "__init__", "is_positive_definite", "a promise"),
    ("matrices.py", "__init__", "is_square", "a promise"),
    ("keras_layers.py", "Input", "", "shapes are those of the tensors that come"),
    ("keras_layers.py", "build", "input_shape", "to be overridden"),
    ("keras_layers.py", "call", "kwargs", "to be overridden"),
    ("keras_layers.py", "compute_mask", "inputs", "to be overridden"),
    ("keras_layers.py", "add_loss", "inputs", "tells when a loss counts, which is always"),
    (
        "keras_layers.py",
        "add_update",
        "",
        "what trains outside of Keras runs no updates of its layers",
    ),
    ("keras_layers.py", "_own", "given", "wrappers read it"),
    ("keras_layers.py", "__init__", "output_shape", "it is that of what the function gives"),
    ("keras_layers.py", "_meant", "training", "to be overridden"),
    ("keras_models.py", "_trains", "", "an error"),
    ("keras_models.py", "summary", "", "only shows"),
    ("keras_recurrent.py", "__init__", "implementation", "another way to the same products"),
    ("keras_recurrent.py", "compute_mask", "inputs", "the mask is that of the steps"),
    ("keras_shapes.py", "__init__", "batch_size", "shapes are those of the tensors that come"),
    ("keras_shapes.py", "__init__", "kwargs", "of an InputLayer, where they are names of shapes"),
    ("keras_shapes.py", "__init__", "input_length", "shapes are those of the tensors that come"),
    ("keras_shapes.py", "build", "input_shape", "the table is as large as it was asked for"),
    ("keras_shapes.py", "compute_mask", "", "masks are of inputs or of masks"),
    ("keras_shapes.py", "_shape", "inputs", "to be overridden"),
    ("layers.py", "build", "input_shape", "to be overridden"),
    ("layers.py", "__init__", "kwargs", "of a layer of the definition's own"),
    ("layers.py", "call", "kwargs", "to be overridden"),
    ("metric_learning.py", "npairs_loss", "print_losses", "only shows"),
    ("moving.py", "weighted_moving_average", "", "an error"),
    ("inception.py", "logits", "end_points", "other nets write into it"),
    ("optimizers.py", "", "", "what trains is DIGITS"),
    ("rnn.py", "__init__", "trainable", "of a cell of the definition's own"),
    ("rnn.py", "__init__", "kwargs", "of a cell of the definition's own"),
    ("rnn.py", "__init__", "input_size", "an error in TensorFlow from version 1.0 on"),
    ("slim_utils.py", "collect_named_outputs", "alias", "a name"),
    ("slim_utils.py", "append_tensor_alias", "alias", "a name"),
];

/// A function of a text: its name, its parameters, and what it does.
struct Written {
    name: String,
    parameters: Vec<String>,
    body: String,
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The functions of a text, those within classes and functions as well.
fn written(text: &str) -> Vec<Written> {
    let lines: Vec<&str> = text.lines().collect();
    let starts = lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with("def "));
    let functions = starts.map(|(start, _)| {
        let end = (start..lines.len()).find(|&at| lines[at].ends_with(':')).unwrap_or(start);
        let head = lines[start..=end].join(" ");
        let (name, rest) = head.trim_start()[4..].split_once('(').unwrap_or_default();
        let inside = rest.rsplit_once(')').unwrap_or_default().0;
        let (mut open, mut parameters) = (0, vec![String::new()]);
        for c in inside.chars() {
            open += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
            match c {
                ',' if open == 0 => parameters.push(String::new()),
                c => parameters[..].last_mut().expect("there is one").push(c),
            }
        }
        let bare = |p: &String| {
            p.split('=').next().unwrap_or_default().trim().trim_start_matches('*').to_owned()
        };
        let within = |line: &&&str| line.trim().is_empty() || depth(lines[start]) < depth(line);
        let body: Vec<&str> = lines[end + 1..].iter().take_while(within).copied().collect();
        Written {
            name: name.to_owned(),
            parameters: parameters.iter().map(bare).filter(|p| !p.is_empty()).collect(),
            body: body.join("\n"),
        }
    });
    functions.collect()
}

/// Whether a text says a word.
fn says(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

fn texts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => texts(&path, found),
            false if path.extension().is_some_and(|end| end == "py") => found.push(path),
            false => {}
        }
    }
}

#[test]
fn every_parameter_of_the_library_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/front/tensorflow/library");
    let mut files = vec![];
    texts(&folder, &mut files);
    let (mut ignored, mut of_use) = (vec![], vec![false; HERE.len()]);
    let mut functions = 0;
    for path in files {
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        for one in written(&std::fs::read_to_string(&path).expect("a text")) {
            functions += 1;
            for parameter in one.parameters.iter().filter(|p| *p != "self") {
                if says(&one.body, parameter) || HARMLESS.contains(&parameter.as_str()) {
                    continue;
                }
                let known = HERE.iter().position(|(of, function, name, _)| {
                    *of == file
                        && (function.is_empty() || *function == one.name)
                        && (name.is_empty() || name == parameter)
                });
                match known {
                    Some(at) => of_use[at] = true,
                    None => ignored.push(format!("{file}: {}: {parameter}", one.name)),
                }
            }
        }
    }
    assert!(500 < functions, "only {functions} functions are found");
    assert!(ignored.is_empty(), "nothing is made of these:\n{}", ignored.join("\n"));
    let idle = HERE.iter().zip(of_use).filter(|(_, used)| !used).map(|(one, _)| one);
    let idle: Vec<_> = idle.collect();
    assert!(idle.is_empty(), "these are read, or gone: {idle:?}");
}
