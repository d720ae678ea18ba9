//! What real Torch wrote down (tests/golden/torch), and tensors to give a definition.

use std::path::Path;

use cortado::weights::Blob;
use serde_json::Value;

use crate::lua_pass::Tensors;

pub fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/torch").join(name);
    let text = std::fs::read_to_string(path).expect("a golden file");
    serde_json::from_str(&text).expect("JSON")
}

pub fn blob(shape: &[usize], data: Vec<f32>) -> Blob {
    assert_eq!(shape.iter().product::<usize>(), data.len());
    Blob { shape: shape.to_vec(), data }
}

/// Numbers between -1 and 1 without a pattern.
pub fn scattered(shape: &[usize]) -> Blob {
    let count: usize = shape.iter().product();
    blob(shape, (0..count).map(|i| (i as f32 * 12.9898).sin()).collect())
}

pub fn tensors<const N: usize>(list: [(&str, Blob); N]) -> Tensors {
    list.into_iter().map(|(name, blob)| (name.to_owned(), blob)).collect()
}
